"""What the kernel knows of processes: who descends from whom, time and memory used, and on which
cores they may run."""

import os
import time

PAGE = os.sysconf("SC_PAGE_SIZE")


def descendants(pid):
    """Return `pid` and all processes that descend from it, as far as they are alive."""
    children = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            children.setdefault(_parent(name), []).append(int(name))
    found = [pid] if os.path.exists(f"/proc/{pid}") else []
    for member in found:
        found.extend(children.get(member, ()))
    return found


def is_zombie(pid):
    """Whether a process has ended and its parent hasn't taken note yet."""
    return _status(pid)[0] == b"Z"


def _parent(name):
    return int(_status(name)[1])


def _status(pid):
    """Return what /proc says after the name: the state, the parent, and more."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()
    except OSError:
        return [b"X", b"0"]


def cpu_seconds(pid):
    """Return the time that all threads of a process have been running so far."""
    total = 0
    for thread in _threads(pid):
        try:
            with open(f"/proc/{pid}/task/{thread}/schedstat", "rb") as file:
                total += int(file.read().split()[0])
        except OSError:
            continue  # the thread has ended
    return total / 1e9


def switches(pid):
    """Return how often the threads of a process have waited for something so far."""
    total = 0
    for thread in _threads(pid):
        try:
            with open(f"/proc/{pid}/task/{thread}/status", "rb") as file:
                lines = file.read().splitlines()
        except OSError:
            continue
        total += sum(
            int(line.split()[1]) for line in lines if line.startswith(b"voluntary_ctxt_switches")
        )
    return total


def resident_mib(pid):
    """Return the memory of a process that is in RAM, in MiB."""
    with open(f"/proc/{pid}/statm", "rb") as file:
        return int(file.read().split()[1]) * PAGE / (1 << 20)


def proportional_mib(pid):
    """Return the memory of a process in MiB, with its part of what it shares with others (PSS); 0 if
    it has ended."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
            for line in file:
                if line.startswith(b"Pss:"):
                    return int(line.split()[1]) / 1024
    except OSError:
        pass
    return 0


def pin(pids, cores):
    """Have all threads of the processes run on `cores` only; threads that they start later
    follow."""
    for pid in pids:
        for thread in _threads(pid):
            try:
                os.sched_setaffinity(thread, cores)
            except ProcessLookupError:
                continue


def set_apart(middle, others, cores):
    """Begin with `middle` on one core and the others on another, and let them run on all from then
    on.

    Where the kernel happens to put processes at their start stays for long and decides what a
    wake-up costs, so a
    comparison of processes that are not pinned has to begin with the same for both sides.
    """
    pin([middle], {max(cores)})
    pin(others, {min(cores)})
    pin([middle, *others], cores)


def _threads(pid):
    try:
        return [int(name) for name in os.listdir(f"/proc/{pid}/task")]
    except OSError:
        return []


def run_milliseconds(argv, env):
    """Run a program to its end and return how long that took. Raises RuntimeError if it fails.

    posix_spawn, because the subprocess module's own time would be measured too. What the program
    prints is no part of the table.
    """
    quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    start = time.perf_counter()
    pid = os.posix_spawn(argv[0], argv, env, file_actions=quiet)
    _, status = os.waitpid(pid, 0)
    elapsed = time.perf_counter() - start
    if status != 0:
        raise RuntimeError(f"{' '.join(argv)} failed with {os.waitstatus_to_exitcode(status)}")
    return elapsed * 1000


def wait_until_gone(pid, limit):
    """Wait until a process has ended; return whether it has within `limit` seconds. One that its
    parent hasn't asked after yet has: an init may take seconds for that."""
    deadline = time.monotonic() + limit
    while _status(pid)[0] not in (b"Z", b"X"):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.002)
    return True
