"""What stands in XCom for a value: words that say which run returned it. The value stays on its cluster."""

from __future__ import annotations

from leanto.airflow._clusters import open_cluster


def is_reference(value: object) -> bool:
    """Whether it's what a Leanto task left in XCom."""
    return isinstance(value, dict) and "leanto_run" in value


def run_of(reference: dict) -> object:
    """Return the run that a reference names, on its cluster. Raises NotFoundError if it isn't kept any more."""
    from leanto import _orchestrated
    from leanto.errors import NotFoundError

    cluster = open_cluster(reference.get("cluster"), reference.get("connection"))
    try:
        return _orchestrated.run_of(reference)
    except NotFoundError:
        if not cluster.up():  # a node that had just started knows no other
            raise
        return _orchestrated.run_of(reference)


def value(reference: object) -> object:
    """Return the value that a Leanto task's XCom stands for; what is no such reference is returned as it is.

    For a plain task after one of Leanto's: ``leanto.airflow.value(trained)``. Raises NotFoundError if the run isn't kept any more
    (``[runs] keep`` in ``node.toml``; a week).
    """
    return run_of(reference).result() if is_reference(reference) else reference


def resolved(argument: object) -> object:
    """Return an argument with the values of references in it, also inside of lists, tuples and dictionaries."""
    if is_reference(argument):
        return value(argument)
    if type(argument) in (list, tuple):
        return type(argument)(resolved(part) for part in argument)
    if type(argument) is dict:
        return {name: resolved(part) for name, part in argument.items()}
    if not isinstance(argument, (str, bytes)) and _is_lazy(argument):
        return [resolved(part) for part in argument]
    return argument


def _is_lazy(argument: object) -> bool:
    """Whether it's what Airflow gives for all results of a mapped task."""
    return type(argument).__name__ == "LazyXComSequence"
