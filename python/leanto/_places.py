"""Runs whose attempts may be made on several clusters: what is sent where, and what a submission says of it.

Such a run is kept by the node on this machine, which makes its attempts where the policy says and goes on with it when this
program has ended.
"""

from __future__ import annotations

from leanto import _calls, _frames, _nodes, _options, _values
from leanto.errors import InvalidRequestError


class _Anywhere(_nodes.Node):
    """What arguments are packed for that may go to any of several nodes: a kept value travels as its value."""

    __slots__ = ()
    is_direct = True

    @property
    def is_far(self) -> bool:
        return True


_ANYWHERE = _Anywhere("each of its places")


class Places:
    """Where else a function's attempts may be made: `members` is cluster → the functions there, one a node, and `steps` has
    what follows on an out-of-memory, as (bytes or text, or None; cluster or None)."""

    __slots__ = ("members", "steps")

    def __init__(self, members: dict, steps: list) -> None:
        self.members = members
        self.steps = steps


def send(callable_: object, options: dict, own: object) -> Places | None:
    """Send a function that goes to the cluster `own` to all others that its options name, too; None if that's none."""
    from leanto._functions import Function

    steps = _steps(options, own)
    named: list = []
    for cluster in (*_for_retries(options), *(step[1] for step in steps)):
        if cluster is not None and cluster not in named:
            named.append(cluster)
    if not named:
        return None
    if callable_ is None:
        raise InvalidRequestError(
            "this handle was got by name, so there is no code to send to other clusters; name them where it's deployed: "
            "lt.function(f).options(retries=...).to(cluster)"
        )
    there = {}
    for cluster in named:
        sent = Function(callable_, _of_service(options)).to(cluster)
        members = getattr(sent, "_members", [sent])
        for member in members:
            if member._node.is_direct:
                raise InvalidRequestError(
                    f"{cluster!r} is reached without the node on this machine, which is what would make attempts there; "
                    "give a host that `leanto up` can start (host=...)"
                )
        there[cluster] = members
    return Places(there, steps)


def pack(args: tuple, kwargs: dict) -> tuple:
    """Return (pickle, buffers) of arguments that may go to any of the places."""
    with _nodes.PackingFor(_ANYWHERE):
        return _values.pack_far(args, kwargs)


def words(function: object, data: bytes, buffers: list) -> dict:
    """Return what the submission of a call says of places: ``places``, ``retries``, ``on_oom``."""
    from leanto import _retry

    options = function._options
    members = [function]
    for cluster in _for_retries(options):
        members += function._elsewhere.members[cluster]
    retries = options.get("retries")
    said: dict = {}
    if retries is not None:
        retries = _retry.Retry(retries) if type(retries) is int else retries
        said["retries"] = {**retries.words(), "places": len(members)}
    steps = []
    for size, cluster in function._elsewhere.steps:
        step = {"size": size}
        if cluster is not None:
            there = function._elsewhere.members[cluster][0]
            if there not in members:
                members.append(there)
            step = {"size": size or _memory_of(cluster, there._node), "place": members.index(there)}
        steps.append(step if "place" in step else size)
    if steps:
        said["on_oom"] = {"sizes": steps}
    elif options.get("on_oom") is not None:
        said["on_oom"] = options["on_oom"].words()
    said["places"] = [_place(member, data, buffers) for member in members]
    return said


def _place(member: object, data: bytes, buffers: list) -> dict:
    head = _values.head_with(_calls.encode_target(member._node, member._target, {}), data, buffers)
    place = {
        "node": member._node.name,
        "service": member.name,
        "version": member.version,
        "call": _frames.decode_head(head),
    }
    memory = member._options.get("memory")
    if memory is not None:
        place["memory"] = memory
    return place


def _for_retries(options: dict) -> tuple:
    return getattr(options.get("retries"), "elsewhere", ())


def _steps(options: dict, own: object) -> list:
    """Return the steps of ``on_oom`` as (size or None, cluster or None)."""
    from leanto import _retry

    on_oom = options.get("on_oom")
    if isinstance(on_oom, (list, tuple)):
        return [_retry.step_of(step) for step in on_oom]
    memory = options.get("memory")
    if on_oom is None or memory is None:
        return []
    sizes = on_oom.sizes(_options.byte_size(memory))
    if not sizes or own is None:  # a handle that was got by name goes where it is
        return []
    capacity = min(_total(node) for node in own._all_nodes)
    return _placed(sizes, capacity) if sizes[-1] > capacity else []


def _placed(sizes: list, capacity: int) -> list:
    """Return the steps through sizes: those over the capacity go to the cheapest cluster that has so much, if there is one."""
    from leanto import _compute

    offers = sorted(_compute.offers(), key=_price)
    steps: list = []
    for size in sizes:
        able = [offer for offer in offers if offer["total"]["memory"] >= size]
        if size <= capacity or not able:
            steps.append((size, None))  # where nobody can, that attempt says who has how much
        else:
            steps.append((size, _compute.cluster(able[0]["cluster"])))
        if size > capacity and not able:
            break
    return steps


def _price(offer: dict) -> float:
    return offer["price_per_hour"] or 0.0


def _memory_of(cluster: object, node: _nodes.Node) -> object:
    """How much an attempt gets where nothing was said: what the cluster was asked to have, or all that its node has."""
    said = cluster._words.get("memory")
    if said is not None:
        return said
    return _total(node)


def _total(node: _nodes.Node) -> int:
    if node not in _memory:
        _memory[node] = int(node.ask("offer", requirements={})[0]["total"]["memory"])
    return _memory[node]


_memory: dict = {}  # node → bytes in all


def _of_service(options: dict) -> dict:
    kept = _options.service_settings(options)
    if options.get("name") is not None:
        kept["name"] = options["name"]
    return {name: options[name] for name in kept}
