"""Tasks of Leanto's own kind."""

from airflow.sdk import dag, task
from leanto.airflow import LeantoOperator, value


@dag(schedule=None)
def adapted():
    doubled = LeantoOperator(task_id="doubled", function="work:double", op_args=[21])
    again = LeantoOperator(task_id="again", function="work:double", op_args=[doubled.output])

    @task
    def shown(reference):
        print("VALUE", value(reference))
        return value(reference)

    shown(again.output)


dag = adapted()
