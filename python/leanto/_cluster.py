"""Clusters: named compute that code can be sent to, and the objects that live there."""

from __future__ import annotations

import os
import sys

from leanto import _frames, _nodes, _values
from leanto.errors import InvalidRequestError, NotFoundError

_MISSING = object()


class Cluster:
    """Named compute, and the objects that live there. Made by `cluster`; nobody is asked for anything before its first use.

    ``name`` is its name.

    >>> lt.here
    leanto.cluster('here')
    """

    __slots__ = ("_nodes", "_path", "_words", "name")

    def __init__(self, name: str, words: dict) -> None:
        self.name = name
        self._words = words
        self._path: list = []  # of a choice: whose offers would have been taken before, and why not
        self._nodes: list | None = [_nodes.here] if name == "here" else None

    def resolve(self) -> None:
        """Find out now who provides this cluster. Raises CapacityError if nobody can, NotFoundError if it's unknown.

        >>> lt.here.resolve()
        """
        if self._nodes is None and "url" in self._words:
            from leanto import _direct

            node = _direct.find(self.name, self._words)
            self._nodes = [node] if node is not None else None
        if self._nodes is None:
            said = _nodes.here.ask("cluster", name=self.name, words=self._all_words())[0]
            self._path = said.get("path") or []
            self._nodes = [_nodes.far(name) for name in said.get("nodes", ())] or [_nodes.here]

    def _direct_nodes(self) -> list[_nodes.Node]:
        """Its nodes that are reached without the one on this machine."""
        self.resolve()
        return [node for node in self._nodes if node.is_direct]

    @property
    def python(self) -> str:
        """The Python that services run in there: a path, or a version for which the node finds one.

        >>> "python" in lt.here.python
        True
        """
        if self._node.is_far:
            return self._words.get("python") or f"{sys.version_info[0]}.{sys.version_info[1]}"
        return sys.executable or "python3"

    @property
    def _all_nodes(self) -> list[_nodes.Node]:
        """The nodes that it is."""
        self.resolve()
        return self._nodes

    @property
    def _node(self) -> _nodes.Node:
        """The first of its nodes, which most clusters have only one of."""
        return self._all_nodes[0]

    def _node_of(self, key: str) -> _nodes.Node:
        """The node that has the object of that name."""
        if len(self._all_nodes) == 1:
            return self._node
        from leanto._farm import home_of

        return self._nodes[home_of(key, self._nodes)]

    def up(self) -> bool:
        """Start the nodes that don't run, and return whether there were any; what is up stays as it is.

        Everything does so by itself on first use. A host needs nothing but its sshd and a Python (3.9 or newer): leanto is
        sent there if it isn't there yet, which is shown on stderr. Raises NodeLostError if a host can't be reached,
        AccessDeniedError if its key or yours is refused; each names the ``ssh`` command to try by hand.

        >>> lt.here.up()
        False
        """
        if self.name == "here":
            return False
        if self._direct_nodes():
            self._node.ask("keys")  # who can't start it can see whether it's there
            return False
        said = _nodes.here.ask("cluster_up", name=self.name, words=self._all_words())[0]
        return not all(node["was_up"] for node in said["nodes"])

    def up_if_not(self) -> bool:
        """The same as `up`.

        >>> lt.here.up_if_not()
        False
        """
        return self.up()

    def down(self) -> None:
        """End the nodes, with what runs there: runs that haven't ended are lost. The cluster keeps its name.

        >>> lt.here.down()
        Traceback (most recent call last):
        leanto.errors.InvalidRequestError: this program's own node is ended by `leanto stop`
        """
        if not self._node.is_far:
            raise InvalidRequestError("this program's own node is ended by `leanto stop`")
        if self._direct_nodes():
            raise InvalidRequestError(f"{self._node.title} is ended where it runs: `leanto stop`")
        _nodes.here.ask("cluster_down", name=self.name)

    def status(self) -> dict:
        """Return the state of each node: ``name``, ``state`` ("up", "down", "connecting", "reconnecting", "stopping"), ``host``,
        and of one that is up what it says of itself (``version``, ``memory``, ``slots``, ``services``, ...). Starts nothing.

        >>> lt.here.status()["nodes"][0]["state"]
        'up'
        """
        from leanto import _machines

        return _machines.status(self)

    def autostop(self, after: str | float | None) -> None:
        """Have each node end itself when nothing has been asked of it for that long ("30m", or seconds) and nothing runs there.

        It counts on the machine itself, also when every program and this machine are gone, and is kept when the node is
        started again, as the next use does. None switches it off. Live objects are no reason to go on. Raises
        InvalidRequestError for a time that makes no sense.

        >>> lt.here.autostop("8h")
        >>> lt.here.status()["nodes"][0]["autostop"]
        28800.0
        >>> lt.here.autostop(None)
        """
        from leanto import _options

        words = {} if after is None else {"after": _options.seconds(after)}
        for node in self._all_nodes:
            node.ask("autostop", **words)

    def run(self, command: str | list[str], *, timeout: float | None = None) -> object:
        """Run a command on the machine (the first one, if there are several) and return its `CommandResult`.

        Text is run by ``/bin/sh``, a list of words as it is. What it prints appears here while it runs. It runs as you, in
        your home; what it leaves behind in its process group ends with it. Raises NotFoundError if there is no such program,
        TimeoutError if it takes longer than `timeout` seconds.

        >>> lt.here.run("echo hello; exit 3").code
        hello
        3
        """
        from leanto import _machines

        return _machines.run(self._node, command, timeout)

    def ssh(self) -> int:
        """Log in to the machine in this terminal, and return ssh's exit code when that is over. Of several the first.

        >>> lt.here.ssh()
        Traceback (most recent call last):
        leanto.errors.InvalidRequestError: this machine isn't reached by ssh
        """
        from leanto import _machines

        return _machines.ssh(self._node)

    def put_file(self, path: str, to: str = "") -> str:
        """Copy a file to the machine (to each, if there are several) and return its path there.

        `to` is a path, by default the file's name; a relative one begins at your home there. The file appears whole, with
        the permissions that it has here. Raises FileNotFoundError for `path`, NotFoundError if there is no directory for it.

        >>> lt.here.put_file("/etc/hostname", "/tmp/copied")
        '/tmp/copied'
        """
        from leanto import _machines

        return [_machines.put_file(node, path, to) for node in self._all_nodes][0]

    def get_file(self, path: str, to: str = "") -> str:
        """Copy a file from the machine (of several the first) and return its path here: `to`, by default the file's name.

        Raises NotFoundError if it isn't there.

        >>> lt.here.get_file("/etc/hostname", "/tmp/name")
        '/tmp/name'
        """
        from leanto import _machines

        return _machines.get_file(self._node, path, to)

    def _all_words(self) -> dict:
        return {**self._words, **_ssh_environment(self._words)}

    def put(self, key: str, value: object) -> None:
        """Keep a copy of `value` on the cluster under `key`, in place of what was there.

        It stays until it's deleted or the node stops. Raises AlreadyExistsError if a live object has that name,
        ValueTransportError if it can't be pickled.

        >>> lt.here.put("rates", [0.1, 0.01])
        >>> lt.here.get("rates")
        [0.1, 0.01]
        """
        node = self._node_of(key)
        data, buffers = _values.pack(value, False) if node.is_far else _values.pack_to_keep(value)
        head = _frames.encode_head({"op": "put", "key": key, "type": _type_name(value)})
        head = _values.head_with(head, data, buffers)
        node.converse(_frames.ASK, head, data, buffers)

    def get(self, key: str, default: object = _MISSING) -> object:
        """Return the object named `key`: a copy of a value that was put, or the handle of a live object.

        Raises NotFoundError (also a KeyError) if there is none and no `default`.

        >>> lt.here.get("nothing", default=0)
        0
        """
        node = self._node_of(key)
        try:
            head, body = node.ask("get", key=key, far=node.is_far)
        except NotFoundError as error:
            if default is _MISSING:
                raise NotFoundError(f"{error}{_service_hint(node, key)}") from None
            return default
        if head.get("kind") == "live":
            from leanto._objects import rebuild_object

            return rebuild_object(node, head["o"], key, head["cls"], head["describe"], {})
        return _values.load_result(body, head)

    def keys(self) -> list[str]:
        """Return the names of all values and live objects on the cluster, sorted.

        >>> lt.here.put("rates", [0.1])
        >>> "rates" in lt.here.keys()
        True
        """
        return sorted(key for node in self._all_nodes for key in node.ask("keys")[0]["keys"])

    def exists(self, key: str) -> bool:
        """Whether there is an object named `key`.

        >>> lt.here.exists("nothing")
        False
        """
        return key in self.keys()

    def delete(self, *keys: str) -> None:
        """Delete objects by name; a live object's process ends. Raises NotFoundError if one isn't there.

        >>> lt.here.put("rates", [0.1])
        >>> lt.here.delete("rates")
        """
        for key in keys:
            self._node_of(key).ask("delete", key=key)

    def rename(self, old: str, new: str) -> None:
        """Give an object another name. Raises NotFoundError, or AlreadyExistsError if `new` is taken.

        >>> lt.here.put("rates", [0.1])
        >>> lt.here.rename("rates", "best rates")
        >>> lt.here.get("best rates")
        [0.1]
        """
        node = self._node_of(old)
        if self._node_of(new) is not node:
            raise InvalidRequestError(
                f"{old!r} can't be renamed to {new!r} on {self.name!r}: of a cluster of several nodes, each name belongs to "
                "one of them; get it, put it under the new name, and delete it"
            )
        node.ask("rename", key=old, to=new)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Cluster) and (self.name, self._words) == (other.name, other._words)

    def __hash__(self) -> int:
        return hash(self.name)

    def __reduce__(self) -> tuple:
        to = _nodes.packed_for()
        if to is not None and to.is_direct and self._nodes == [to]:
            return Cluster, ("here", {})  # which it is there
        return Cluster, (self.name, _without_token(self._words))

    def __repr__(self) -> str:
        words = "".join(f", {key}={value!r}" for key, value in _without_token(self._words).items())
        return f"leanto.cluster({self.name!r}{words})"


# What the ssh that the node starts needs of this program's environment, to find the user's agent.
_SSH_VARIABLES = ("SSH_AUTH_SOCK", "SSH_AGENT_PID", "KRB5CCNAME")


def _ssh_environment(words: dict) -> dict:
    if not ("host" in words or "hosts" in words or not words):
        return {}
    found = {name: os.environ[name] for name in _SSH_VARIABLES if name in os.environ}
    return {"ssh_environment": found} if found else {}


def _without_token(words: dict) -> dict:
    """What lets in belongs neither into logs nor into pickles."""
    shown = {key: value for key, value in words.items() if key != "token"}
    if "url" in shown:
        address, _, query = shown["url"].partition("?")
        kept = [pair for pair in query.split("&") if pair and not pair.startswith("token=")]
        shown["url"] = "?".join((address, "&".join(kept))) if kept else address
    return shown


def _service_hint(node: _nodes.Node, name: str) -> str:
    """Say how to get what has the name of the object that was asked for, if that is a service."""
    try:
        node.ask("lookup", name=name, kind="function")
    except InvalidRequestError:
        return f"; there is a class of that name: lt.cls(name={name!r})"
    except NotFoundError:
        return ""
    return f"; there is a function of that name: lt.function(name={name!r})"


def _type_name(value: object) -> str:
    """Return what `leanto objects` shows: "int", "numpy.ndarray"."""
    kind = type(value)
    module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    return f"{module}{kind.__qualname__}"


here = Cluster("here", {})
