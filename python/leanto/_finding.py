"""Where something is that has a name: on the node here or another that it knows; without one here, where an address leads."""

from __future__ import annotations

from leanto import _nodes
from leanto.errors import AccessDeniedError, NodeError, NodeLostError, NotFoundError

MAX_NAMED = 5  # machines in a message

addressed: dict = {}  # name → the cluster of that name that this program gave an address for


def find(look: object) -> tuple:
    """Return (node, what `look(node)` returns) of the first node that has it: this one, then those that are up.

    Raises the NotFoundError of this one if none has it, and names those that couldn't be asked.
    """
    try:
        return _nodes.here, look(_nodes.here)
    except NotFoundError as error:
        missing = error
    except NodeError as error:
        return _find_directly(look, error)
    unasked = []
    for cluster in _nodes.here.ask("clusters")[0]["clusters"]:
        for said in cluster["nodes"]:
            if said["state"] not in ("up", "reconnecting"):
                unasked.append(said["name"])
                continue
            node = _nodes.far(said["name"])
            try:
                return node, look(node)
            except NotFoundError:
                pass
            except (NodeLostError, AccessDeniedError):
                unasked.append(said["name"])
    if not unasked:
        raise missing
    names = ", ".join(unasked[:MAX_NAMED]) + (", ..." if len(unasked) > MAX_NAMED else "")
    raise NotFoundError(
        f"{missing}; machines that are not up were not asked (`leanto up NAME`): {names}"
    )


def _find_directly(look: object, error: Exception) -> tuple:
    """The same where no node is here; raises `error` if no other is known."""
    for node in direct_nodes():
        try:
            return node, look(node)
        except NotFoundError as missing:
            error = missing
    raise error


def direct_nodes() -> list:
    """Return the nodes that this program reaches by their addresses."""
    return list(dict.fromkeys(node for made in addressed.values() for node in made._direct_nodes()))
