"""A plain task: nothing of it knows that the function runs elsewhere, and no adapter is imported."""

import leanto as lt
import work
from airflow.sdk import dag, task


@dag(schedule=None)
def plain():
    @task
    def doubled(x):
        return lt.function(work.double).to(lt.here)(x)

    @task
    def added(numbers):
        return lt.function(work.add).to(lt.here)(*numbers)

    added([doubled(1), doubled(20)])


dag = plain()
