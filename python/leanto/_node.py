"""The node on this machine: where its socket is, and how it is started on first use."""

from __future__ import annotations

import os
import socket
import sys

from leanto.errors import NodeError

START_ATTEMPTS = 600  # about 12 seconds in all
START_AGAIN = 25  # attempts, about half a second
CONNECT_LIMIT = 20.0  # seconds; connecting to a socket of this machine takes microseconds


def state_directory() -> str:
    """Return the directory that the node's socket and ledger are in; another HOME is another node."""
    base = os.environ.get("XDG_STATE_HOME", "")
    if not os.path.isabs(base):
        home = os.environ.get("HOME", "")
        if not os.path.isabs(home):
            raise NodeError(
                "neither HOME nor XDG_STATE_HOME is set, so there is no place for the node's state; set HOME"
            )
        base = os.path.join(home, ".local", "state")
    return os.path.join(base, "leanto")


def _why_never() -> str:
    if os.environ.get("LEANTO_DAEMON") == "none":
        return "LEANTO_DAEMON=none says so"
    if not sys.platform.startswith("linux"):
        return f"nodes run on Linux, and this is {sys.platform}"
    return ""


def why_none() -> str:
    """Return why there can't be a node on this machine; empty if one runs here, or can be started."""
    never = _why_never()
    if never:
        return never
    try:
        if os.path.lexists(os.path.join(state_directory(), "node.sock")):
            return ""
        find_binary()
    except NodeError as error:
        return str(error)
    return ""


def connect() -> socket.socket:
    """Return a socket connected to the node of this user, which is started if it doesn't run.

    Raises NodeError, which says why and where its log is, if it can be neither reached nor started.
    """
    never = _why_never()
    if never:
        raise NodeError(
            f"there is no node on this machine: {never}; send to another one: lt.cluster(name, url=..., token=...)"
        )
    directory = state_directory()
    try:
        return _connect(directory)
    except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
        start(directory)  # which says what is wrong with the directory
    except OSError as error:
        raise NodeError(
            f"the node on this machine can't be reached at {directory}/node.sock: {error}"
        ) from None
    for attempt in range(1, START_ATTEMPTS + 1):
        if attempt % START_AGAIN == 0:
            start(directory)  # the node that ran already may have been one that was just ending
        try:
            return _connect(directory)
        except (FileNotFoundError, ConnectionRefusedError) as error:
            # Another program is starting it in this moment, and it doesn't listen yet.
            reason = error
        except OSError as error:
            reason = error
            break
        pause(0.001 * min(attempt, 20))
    raise NodeError(f"the node was started, but {directory}/node.sock doesn't answer: {reason}")


def pause(seconds: float) -> None:
    """time.sleep, whose module most programs here don't need."""
    import time

    time.sleep(seconds)


def start(directory: str) -> None:
    """Start the node and return when it listens. Raises NodeError with the reason if it doesn't."""
    binary = find_binary()
    read_end, write_end = os.pipe()
    try:
        # A fork by hand or the subprocess module would cost more than the node's own start.
        actions = [(os.POSIX_SPAWN_DUP2, write_end, 2)]
        command = [binary, "node", "--detach"]
        if sys.executable:
            command += ["--warm", sys.executable]
        pid = os.posix_spawn(binary, command, os.environ, file_actions=actions)
        os.close(write_end)
        write_end = -1
        _, status = os.waitpid(pid, 0)
        if status != 0:
            reason = os.read(read_end, 65536).decode(errors="replace").strip()
            raise NodeError(f"the node could not be started by {binary}: {reason}")
    except OSError as error:
        raise NodeError(f"{binary} could not be run: {error}") from None
    finally:
        os.close(read_end)
        if write_end >= 0:
            os.close(write_end)


def find_binary() -> str:
    """Return the path of the `leanto` binary: $LEANTO_BINARY, else beside this Python, else on the PATH."""
    named = os.environ.get("LEANTO_BINARY")
    if named:
        if os.access(named, os.X_OK):
            return named
        raise NodeError(f"LEANTO_BINARY names {named}, which is not an executable file")
    user_base = os.path.join(os.path.expanduser("~"), ".local", "bin")
    places = [
        os.path.dirname(sys.executable),
        os.path.join(sys.prefix, "bin"),
        user_base,
        *os.get_exec_path(),
    ]
    for place in places:
        path = os.path.join(place, "leanto")
        if os.access(path, os.X_OK) and not os.path.isdir(path):
            return path
    raise NodeError(
        "the leanto binary is neither beside this Python nor on the PATH; `pip install leanto` brings it"
    )


def _connect(directory: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(CONNECT_LIMIT)
    path = os.path.join(directory, "node.sock")
    try:
        if len(os.fsencode(path)) < 108:
            connection.connect(path)
        else:
            _connect_long(connection, directory)
    except BaseException:
        connection.close()
        raise
    connection.settimeout(None)
    return connection


def _connect_long(connection: socket.socket, directory: str) -> None:
    """A socket's address holds 107 bytes; an open directory makes any path short."""
    descriptor = os.open(directory, os.O_PATH | os.O_DIRECTORY)
    try:
        connection.connect(f"/proc/self/fd/{descriptor}/node.sock")
    finally:
        os.close(descriptor)
