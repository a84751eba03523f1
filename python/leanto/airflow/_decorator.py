"""``@task.leanto``: a function that stands in the DAG file and runs elsewhere."""

from __future__ import annotations

from airflow.sdk.bases.decorator import (
    DecoratedOperator,
    determine_kwargs,
    task_decorator_factory,
)

from leanto.airflow import _dag_code
from leanto.airflow.operator import LeantoOperator


class LeantoDecoratedOperator(DecoratedOperator, LeantoOperator):
    """What ``@task.leanto`` makes of a function; all of LeantoOperator's own words may be given to the decorator."""

    custom_operator_name = "@task.leanto"
    template_fields = LeantoOperator.template_fields
    template_fields_renderers = LeantoOperator.template_fields_renderers
    shallow_copy_attrs = ("python_callable", "function")

    def __init__(self, *, python_callable: object, op_args=None, op_kwargs=None, **kwargs) -> None:
        upstream = {"function": python_callable, "op_args": op_args, "op_kwargs": op_kwargs}
        super().__init__(
            kwargs_to_upstream=upstream,
            python_callable=python_callable,
            op_args=op_args,
            op_kwargs=op_kwargs,
            **kwargs,
        )

    def _arguments(self, context: dict) -> tuple:
        """What the function asks for by the names of Airflow's context (``ds``, ``params``) comes with its own arguments."""
        known = {**context, **self.op_kwargs}
        return list(self.op_args), dict(determine_kwargs(self.python_callable, self.op_args, known))

    def _remote(self) -> object:
        if _dag_code.is_importable(self.python_callable):
            return super()._remote()
        return _dag_code.send(self.python_callable, self._open_cluster(), self.options)


def leanto_task(python_callable: object = None, **kwargs: object) -> object:
    """Make a task of a function: ``@task.leanto``, or ``@task.leanto(cluster="gpu", options={"memory": "4GB"})``.

    The function may import what lies in the DAG file's project, and use values and functions of the DAG file. Its arguments
    may be other tasks' results; those of Leanto's tasks arrive as their values.
    """
    return task_decorator_factory(
        python_callable=python_callable,
        multiple_outputs=False,
        decorated_operator_class=LeantoDecoratedOperator,
        **kwargs,
    )
