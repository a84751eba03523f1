"""What is done with a cluster's machines themselves: commands, files, a shell."""

from __future__ import annotations

import os
from typing import NamedTuple

from leanto import _connection, _frames, _nodes
from leanto._frames import ASK
from leanto.errors import AccessDeniedError, InvalidRequestError, LeantoError

PIECE = 4 << 20  # bytes of a file in one question


class CommandResult(NamedTuple):
    """How a command ended, and what it printed: `code` is its exit code, or minus the number of the signal that ended it.

    >>> lt.here.run(["echo", "hello"])
    hello
    CommandResult(code=0, stdout='hello\\n', stderr='')
    """

    code: int
    stdout: str
    stderr: str


def run(node: _nodes.Node, command: str | list[str], timeout: float | None) -> CommandResult:
    """Run a command there; see `Cluster.run`."""
    words = {"op": "command", "command": _checked(command)}
    if timeout is not None:
        words["timeout"] = timeout
    output: dict = {1: [], 2: []}

    def keep(head: bytes, body: bytes) -> None:
        output[_frames.decode_head(head).get("s", 1)].append(bytes(body))
        _connection.show_log(head, body)

    head = _frames.encode_head(words)
    _, _, head, _ = node.converse(ASK, head, b"", what="a command", on_log=keep)
    said = _frames.decode_head(head)
    texts = (b"".join(output[stream]).decode("utf-8", "replace") for stream in (1, 2))
    return CommandResult(_code(said), *texts)


def _checked(command: object) -> str | list[str]:
    if isinstance(command, str):
        return command
    words = list(command) if isinstance(command, (list, tuple)) else []
    if not words or not all(isinstance(word, str) for word in words):
        raise InvalidRequestError(
            f"{command!r} is no command: give text for the shell, or a list of words"
        )
    return words


def _code(said: dict) -> int:
    if "code" in said:
        return said["code"]
    import signal

    return -int(getattr(signal, said.get("signal", ""), 0))


def status(cluster: object) -> dict:
    """Return the state of each node; see `Cluster.status`."""
    if not cluster._node.is_far:
        said, _ = _nodes.here.ask("status")
        return {"name": cluster.name, "nodes": [{"name": "here", "state": "up", **said}]}
    if cluster._node.is_direct:
        return {
            "name": cluster.name,
            "nodes": [_ask_node({"name": cluster.name, "state": "up"}, cluster._node)],
        }
    for row in _nodes.here.ask("clusters")[0]["clusters"]:
        if row["name"] == cluster.name:
            return {**row, "nodes": [_ask_node(node) for node in row["nodes"]]}
    raise LeantoError(f"the cluster {cluster.name!r} was forgotten")


def _ask_node(row: dict, node: _nodes.Node | None = None) -> dict:
    if row["state"] != "up":
        return row
    try:
        return {**(node or _nodes.far(row["name"])).ask("status")[0], **row}
    except AccessDeniedError as error:
        return {**row, "error": {"message": str(error)}}
    except LeantoError as error:
        return {**row, "state": "down", "error": {"message": str(error)}}


def ssh(node: _nodes.Node) -> int:
    """Log in; see `Cluster.ssh`."""
    import subprocess

    if not node.is_far or node.is_direct:
        raise InvalidRequestError(f"{node.title} isn't reached by ssh")
    command = _nodes.here.ask("ssh_command", node=node.name)[0]["command"]
    return subprocess.call(command)


def put_file(node: _nodes.Node, path: str, to: str) -> str:
    """Copy a file there; see `Cluster.put_file`."""
    name = to or os.path.basename(path)
    with open(path, "rb") as file:
        mode = os.fstat(file.fileno()).st_mode & 0o777
        offset = 0
        while True:
            piece = file.read(PIECE)
            is_last = len(piece) < PIECE
            said, _ = node.ask(
                "write_file", piece, path=name, offset=offset, last=is_last, mode=mode
            )
            offset += len(piece)
            if is_last:
                return said["path"]


def get_file(node: _nodes.Node, path: str, to: str) -> str:
    """Copy a file here; see `Cluster.get_file`."""
    name = to or os.path.basename(path)
    part = name + ".leanto-part"
    offset = 0
    try:
        with open(part, "wb") as file:
            while True:
                said, piece = node.ask("read_file", path=path, offset=offset, size=PIECE)
                file.write(piece)
                offset += len(piece)
                if len(piece) < PIECE:
                    break
        os.chmod(part, said["mode"])
        os.replace(part, name)
    except BaseException:
        if os.path.exists(part):
            os.unlink(part)
        raise
    return name
