"""Networks that tests make of network namespaces and a bridge, cut, slow down, and remove again.

Only what is made here is ever talked to: the machines have no route out of their network.
"""

import contextlib
import fcntl
import json
import os
import pathlib
import re
import secrets
import shutil
import signal
import subprocess
import time

# Short, because a Unix socket's path is, and not below /run, where programs may not be executable.
PLACE = pathlib.Path("/var/tmp/leanto-hosts")
NAMESPACES = pathlib.Path("/run/netns")
NETWORKS = 200  # at once, all test suites of this machine together
NOBODY = "02:00:00:00:00:00"  # an Ethernet address that no machine has

LIMIT = 30


def command(*words, **options):
    """Run a program of the system; an error has what it wrote."""
    words = [str(word) for word in words]
    done = subprocess.run(words, capture_output=True, text=True, timeout=LIMIT, **options)
    if done.returncode != 0:
        raise OSError(f"{' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


def missing():
    """Why networks can't be made here; "" where they can."""
    if os.getuid() != 0:
        return "only root makes network namespaces"
    for tool in ("ip", "tc", "nsenter", "unshare"):
        if shutil.which(tool) is None:
            return f"no `{tool}` here; ./dev setup installs it"
    name = f"lt-{secrets.token_hex(4)}"
    bridge, veth = f"{name}-b", f"{name}-v"
    try:
        ip(
            f"netns add {name}",
            f"link add {bridge} type bridge",
            f"link add {veth} type veth peer name eth0 netns {name}",
            f"link set {veth} master {bridge}",
        )
    except OSError as error:
        return f"no networks of namespaces here: {error}"
    finally:
        for remove in (f"link del {veth}", f"link del {bridge}", f"netns del {name}"):
            with contextlib.suppress(OSError):  # what was not made
                ip(remove)
    return ""


class Network:
    """A bridge with an address in this namespace, and machines on it.

    Its number is nobody else's while it lives; names, addresses and its directory follow from it. So whoever gets a number
    can remove what the last one with that number left behind, if it was killed.
    """

    def __init__(self):
        self._lock, self.number = _take_number()
        self.bridge = f"lt{self.number}"
        self.group = 213_000 + self.number  # of the links here, which go all at once by it
        self.directory = PLACE / str(self.number)
        self.machines = []
        self.address = self.address_of(1)
        self.unused_address = self.address_of(250)
        self.ethernet = self.ethernet_address(1)
        try:
            self.remove()
            self.directory.mkdir(mode=0o711)
            self._connect()
        except BaseException:
            self.close()
            raise

    def _connect(self):
        ip(
            f"link add {self.bridge} group {self.group} address {self.ethernet} type bridge mcast_snooping 0",
            f"link set {self.bridge} up addrgenmode none",
            f"address add {self.address}/24 dev {self.bridge}",
        )

    def add(self, name):
        machine = Machine(self, name, 11 + len(self.machines))
        for other in self.machines:
            other.reach(machine)
        self.machines.append(machine)
        return machine

    def close(self):
        try:
            self.remove()
        finally:
            os.close(self._lock)

    def address_of(self, last):
        return f"10.213.{self.number}.{last}"

    def ethernet_address(self, last):
        return f"02:00:00:00:{self.number:02x}:{last:02x}"

    def remove(self):
        """Remove all that has this number, and keep the number."""
        namespaces = _entries(NAMESPACES, f"{self.bridge}-")
        for namespace in namespaces:
            kill_all(namespace)
        # Before the namespaces: these go in the background, and the links in them.
        if any(name.split("-")[0] == self.bridge for name in os.listdir("/sys/class/net")):
            ip(f"link del group {self.group}")
        if namespaces:
            ip(*(f"netns del {namespace}" for namespace in namespaces))
        for place in _mounted_below(self.directory):
            command("umount", "--lazy", place)
        if self.directory.exists():
            shutil.rmtree(self.directory)


class Machine:
    """A network namespace with an address on the network's bridge."""

    def __init__(self, network, name, last):
        self.name = name
        self.address = network.address_of(last)
        self.ethernet = network.ethernet_address(last)
        self.namespace = self.link = f"{network.bridge}-{name}"
        self._network = network
        self._peers = {other.address: other.ethernet for other in network.machines}
        self._reachable = True
        self._connect()

    def _connect(self):
        network, link = self._network, self.link
        ip(
            f"netns add {self.namespace}",
            f"link add {link} group {network.group} type veth"
            f" peer name eth0 netns {self.namespace} address {self.ethernet}",
            f"link set {link} master {network.bridge} up addrgenmode none",
            self._neighbour_of_bridge(),
        )
        self.ip(
            "link set lo up",
            "link set eth0 up addrgenmode none",
            f"address add {self.address}/24 dev eth0",
            self._bridge_as_neighbour(),
            *(_neighbour("eth0", *peer) for peer in self._peers.items()),
        )

    def _neighbour_of_bridge(self):
        known = self.ethernet if self._reachable else NOBODY
        return _neighbour(self._network.bridge, self.address, known)

    def _bridge_as_neighbour(self):
        known = self._network.ethernet if self._reachable else NOBODY
        return _neighbour("eth0", self._network.address, known)

    def replace(self):
        """As a power cut leaves it: its connections are gone, and nobody was told."""
        self.cut()
        kill_all(self.namespace)
        ip(f"link del {self.link}", f"netns del {self.namespace}")
        self._connect()

    def ip(self, *lines):
        ip(*lines, namespace=self.namespace)

    def inside(self, *words):
        """The words of a command that runs inside.

        `nsenter` and not `ip netns exec`, which remounts /sys and so hides the control groups.
        """
        return ["nsenter", f"--net={NAMESPACES / self.namespace}", *words]

    def reachable(self, yes):
        """Whether what this machine and the test's namespace send each other arrives."""
        self._reachable = yes
        ip(self._neighbour_of_bridge())
        self.ip(self._bridge_as_neighbour())

    def reach(self, other):
        self._know(other, other.ethernet)

    def cut_from(self, other):
        self._know(other, NOBODY)

    def _know(self, other, ethernet):
        self._peers[other.address] = ethernet
        self.ip(_neighbour("eth0", other.address, ethernet))

    def cut(self):
        """A silent black hole."""
        ip(f"link set {self.link} down")

    def heal(self):
        ip(f"link set {self.link} up")

    def limit_rate(self, rate):
        shape = ("root", "tbf", "rate", rate, "burst", "32kb", "latency", "100ms")
        command("tc", "qdisc", "replace", "dev", self.link, *shape)
        command(*self.inside("tc", "qdisc", "replace", "dev", "eth0", *shape))

    def unlimit(self):
        command("tc", "qdisc", "del", "dev", self.link, "root")
        command(*self.inside("tc", "qdisc", "del", "dev", "eth0", "root"))

    def processes(self):
        return processes_of_namespace(self.namespace)

    def kill_all(self):
        kill_all(self.namespace)


def ip(*lines, namespace=None):
    """Run lines of `ip`, all in one process."""
    where = ["-n", namespace] if namespace else []
    command("ip", *where, "-batch", "-", input="\n".join(lines))


def _neighbour(device, address, ethernet):
    """Whose address it is, for good: or the kernel would ask, and notice a cut after seconds ("no route to host")."""
    return f"neighbour replace {address} lladdr {ethernet} nud permanent dev {device}"


def processes_of_namespace(namespace):
    """The numbers of the processes in a network namespace."""
    wanted = os.stat(NAMESPACES / namespace)
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            has = os.stat(f"/proc/{entry}/ns/net")
        except OSError:  # it has ended
            continue
        if (has.st_dev, has.st_ino) == (wanted.st_dev, wanted.st_ino):
            found.append(int(entry))
    return found


def kill_all(namespace):
    """End whatever runs in the namespace, however fast it starts more."""
    end = time.monotonic() + LIMIT
    while pids := processes_of_namespace(namespace):
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > end:
            raise OSError(f"processes of {namespace} don't end: {pids}")
        time.sleep(0.001)


def _take_number():
    """The lowest free number of a network, and the open lock file that makes it ours."""
    PLACE.mkdir(mode=0o711, exist_ok=True)
    if PLACE.lstat().st_uid != 0:
        raise OSError(f"{PLACE} belongs to another user; remove it")
    taken = _routes()
    for number in range(NETWORKS):
        if any(route.startswith(f"10.213.{number}.") for route in taken):
            continue
        lock = os.open(PLACE / f"{number}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return lock, number
        except BlockingIOError:
            os.close(lock)
    raise OSError(f"{NETWORKS} networks of tests are in use; see {PLACE}")


def _routes():
    """Destinations that have a route here, without those of networks of tests."""
    routes = json.loads(command("ip", "-4", "-j", "route", "show", "table", "all"))
    return {route["dst"] for route in routes if not re.fullmatch(r"lt\d+", route.get("dev", ""))}


def _entries(directory, prefix):
    with contextlib.suppress(FileNotFoundError):
        return [name for name in os.listdir(directory) if name.startswith(prefix)]
    return []


def _mounted_below(directory):
    with open("/proc/self/mounts") as file:
        places = [line.split()[1] for line in file]
    return [place for place in reversed(places) if place.startswith(f"{directory}/")]
