"""Leanto for Airflow 3: calls that hold no worker slot while they run, and that a restarted worker finds again.

    from leanto.airflow import LeantoOperator

    train = LeantoOperator(task_id="train", function="digits.training:fit", cluster="gpu", op_args=["2025-01-31"])

A plain ``@task`` that calls a Leanto function needs nothing of this. ``@task.leanto`` and the connection type "leanto" are
there where the package is installed (docs/guide of the project has the page). Importing this imports nothing else yet.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:  # the same names for editors and type checkers
    from leanto.airflow._decorator import leanto_task
    from leanto.airflow._references import value
    from leanto.airflow.hook import LeantoHook
    from leanto.airflow.operator import LeantoOperator
    from leanto.airflow.trigger import LeantoTrigger

__all__ = ["LeantoHook", "LeantoOperator", "LeantoTrigger", "leanto_task", "value"]

_HOMES = {
    "LeantoHook": "hook",
    "LeantoOperator": "operator",
    "LeantoTrigger": "trigger",
    "leanto_task": "_decorator",
    "value": "_references",
}


def __getattr__(name: str) -> object:
    """Import what is asked for: a DAG file needs the operator, a triggerer only the trigger."""
    import importlib

    if name not in _HOMES:
        raise AttributeError(f"module 'leanto.airflow' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"leanto.airflow.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
