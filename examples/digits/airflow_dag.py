"""The pipeline as DAGs of Airflow 3: put this directory where Airflow looks for DAGs. `python airflow_dag.py` runs both once.

While a step runs, it holds no worker slot. The images and the model stay on their clusters; Airflow keeps references. The
modules of the steps, which import scikit-learn, are imported when a task runs, not when Airflow reads this file.
"""

from datetime import timedelta

from airflow.sdk import dag, task
from leanto.airflow import LeantoOperator, value

AGAIN = {"retries": 2, "retry_delay": timedelta(seconds=1)}


@dag(schedule="@daily", catchup=False)
def digits():
    @task.leanto(cluster="places:preprocessing", **AGAIN)
    def preprocess():
        from digits.data import load, preprocess

        return preprocess(*load())

    @task
    def publish(model):
        import places

        places.publish(value(model))

    split = preprocess()
    on_training = {"cluster": "places:training", **AGAIN}
    train = LeantoOperator(task_id="train", function="places:train", op_args=[split], **on_training)
    evaluate = LeantoOperator(
        task_id="evaluate", function="places:evaluate", op_args=[train.output, split], **on_training
    )
    evaluate >> publish(train.output)


@dag(schedule=None)
def digits_reading():
    """Knows of the first one only what it published."""

    @task
    def read():
        import places
        from digits.data import load

        return places.read(load()[0][:5] / 16)

    read()


training, reading = digits(), digits_reading()

if __name__ == "__main__":
    for each in (training, reading):
        print("STATE", each.test().state)
