"""A real sshd on a machine of tests/networks.py."""

import functools
import os
import pathlib
import shutil
import subprocess
import tempfile
import time
import uuid

LIMIT = 30
PROGRAM = "/usr/sbin/sshd"
PORT = 22
# What it gives to root's sessions, as Debian compiles it.
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# Of a user who is not root; nobody's on this machine, and in none of the ranges that Debian gives away.
OTHER_UID = 59_321

CONFIG = """\
ListenAddress {address}
HostKey {directory}/host_key
AuthorizedKeysFile {directory}/authorized_keys
AuthenticationMethods publickey
PermitRootLogin yes
StrictModes no
UsePAM no
UseDNS no
PidFile none
PrintMotd no
PrintLastLog no
LogLevel VERBOSE
# The default one takes twice as long to connect.
KexAlgorithms curve25519-sha256
MaxStartups 1000
MaxSessions 1000
Subsystem sftp internal-sftp
"""

# A mount namespace of its own, in which the user's home is the host's, for sshd, the shell and everybody who asks the user
# database; and in which the machine has an identity of its own.
START = """\
set -e
cd {directory}
echo {name} >/proc/sys/kernel/hostname
mount --bind passwd /etc/passwd
[ ! -e /etc/machine-id ] || mount --bind machine_id /etc/machine-id
mount --bind boot_id /proc/sys/kernel/random/boot_id
{more}
cd /
exec {program} -D -f {directory}/sshd_config -E {directory}/sshd.log
"""


def missing():
    """Why there can be no sshd here; "" where there can."""
    for tool in (PROGRAM, "ssh", "ssh-keygen"):
        if shutil.which(tool) is None:
            return f"no `{tool}` here; ./dev setup installs it"
    return ""


def make_key():
    """A new key: its private and its public part."""
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory) / "key"
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "leanto-test", "-f", path],
            check=True,
            timeout=LIMIT,
        )
        return path.read_text(), path.with_suffix(".pub").read_text()


@functools.cache
def kept_key(name):
    """The same key for all that ask for this name: making one takes 10 ms."""
    return make_key()


class Sshd:
    """Listens on the machine, for one user.

    user, home   who logs in, and the home directory
    environment  variables of the sessions
    settings     more lines of sshd_config
    mounts       more lines of START
    shell        the user's
    host_key     private and public part
    These hold from the next start on.
    """

    def __init__(self, machine, directory, authorized_key):
        self.user = "root"
        self.home = "/root"
        self.environment = {}
        self.settings = []
        self.mounts = []
        self.shell = "/bin/bash"
        self.host_key = kept_key(machine.name)
        self.log = directory / "sshd.log"
        self._machine = machine
        self._directory = directory
        self._process = None
        self._said = 0  # what earlier ones wrote into the log
        os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
        (directory / "machine_id").write_text(f"{uuid.uuid4().hex}\n")
        self.new_boot()
        self.authorize(authorized_key)

    def new_boot(self):
        (self._directory / "boot_id").write_text(f"{uuid.uuid4()}\n")

    def authorize(self, *keys):
        """From the next connection on these keys, and no others, let somebody in."""
        (self._directory / "authorized_keys").write_text("".join(keys))

    def start(self):
        """Start it, and wait until it listens."""
        self.begin()
        self.wait_until_it_listens()

    def begin(self):
        assert self._process is None, "it runs"
        self._write_files()
        self._said = self.log.stat().st_size if self.log.exists() else 0
        script = START.format(
            directory=self._directory,
            name=self._machine.name,
            more="\n".join(self.mounts),
            program=PROGRAM,
        )
        with open(self._directory / "start.log", "ab") as errors:
            self._process = subprocess.Popen(
                self._machine.inside("unshare", "--uts", "--mount", "sh", "-c", script),
                stdin=subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
                start_new_session=True,
                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
            )

    def wait_until_it_listens(self):
        end = time.monotonic() + LIMIT
        while not self._listens():
            if self._process.poll() is not None or time.monotonic() > end:
                errors = (self._directory / "start.log").read_text() + self.read_log()
                raise OSError(f"sshd of {self._machine.name} doesn't start: {errors}")
            time.sleep(0.001)

    def _listens(self):
        try:
            with open(self.log, "rb") as file:
                file.seek(self._said)
                return b"Server listening on" in file.read()
        except FileNotFoundError:
            return False

    def stop(self):
        """End the one that listens; sessions go on."""
        if self._process is not None:
            self._process.terminate()
            self.ended()

    def ended(self):
        """Wait for the end of one that was killed."""
        if self._process is not None:
            self._process.wait(timeout=LIMIT)
            self._process = None

    def restart(self, **attributes):
        """Start it anew with other values of `environment` and so on."""
        self.stop()
        for name, value in attributes.items():
            setattr(self, name, value)
        self.start()

    def read_log(self, lines=100):
        """The last lines of what it wrote."""
        if not self.log.exists():
            return ""
        return "".join(self.log.read_text(errors="replace").splitlines(keepends=True)[-lines:])

    def _write_files(self):
        config = "".join(f"{line}\n" for line in self.settings)  # first, because the first counts
        config += CONFIG.format(address=self._machine.address, directory=self._directory)
        if self.environment:
            pairs = (f'"{name}={value}"' for name, value in self.environment.items())
            config += f"SetEnv {' '.join(pairs)}\n"
        (self._directory / "sshd_config").write_text(config)
        key = self._directory / "host_key"
        key.touch(mode=0o600)
        key.write_text(self.host_key[0])
        (self._directory / "passwd").write_text("".join(self._users()))

    @property
    def uid(self):
        return 0 if self.user == "root" else OTHER_UID

    def _users(self):
        """This machine's users; ours is another, or is at home somewhere else."""
        yield f"{self.user}:x:{self.uid}:{self.uid}::{self.home}:{self.shell}\n"
        with open("/etc/passwd") as file:
            for line in file:
                if not line.startswith(f"{self.user}:"):
                    yield line
