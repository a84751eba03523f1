"""Calling a run again: on the node that has it, or on another one, to which its code and its arguments travel."""

from __future__ import annotations

from leanto import _nodes
from leanto._run_watch import watch
from leanto._submit import say_caller
from leanto.errors import InvalidRequestError


def replay(run: object, to: object) -> object:
    """Submit a run's call again; see `Run.replay`."""
    from leanto._runs import Run

    node = run.node if to is None else _node_of(to)
    if node == run.node:
        said, _ = node.ask("run_replay", id=run.id, caller=say_caller())
    else:
        if node.is_direct or run.node.is_direct:
            raise InvalidRequestError(
                f"the run {run.id} of {run.node.title} can't be replayed on {node.title} by a program that has no node beside "
                "it; do it where a node runs, which knows both by ssh or TLS"
            )
        words = {"from": run.node.name, "to": node.name or "here", "python": to.python}
        said, _ = _nodes.here.ask("run_replay", id=run.id, caller=say_caller(), **words)
    again = Run(said["id"], said["key"], said["service"], run._value_of, node)
    watch(again)
    return again


def _node_of(cluster: object) -> _nodes.Node:
    from leanto._cluster import Cluster

    if not isinstance(cluster, Cluster):
        raise InvalidRequestError(
            f"replay(to=...) takes a cluster, like lt.here or lt.cluster('box'), not {cluster!r}"
        )
    return cluster._node
