"""The pipeline as assets of Dagster: `dagster dev -f dagster_defs.py` shows it, and so that it runs at once:

    dagster asset materialize --select '*' -f dagster_defs.py

The images and the model stay on the cluster that trains; Dagster keeps their names.
"""

import places
from dagster import (
    AssetExecutionContext,
    Definitions,
    MaterializeResult,
    RetryPolicy,
    asset,
    define_asset_job,
)
from digits.data import load
from leanto.dagster import LeantoIOManager, tracked


@asset(retry_policy=RetryPolicy(max_retries=2), io_manager_key="on_cluster")
def split(context: AssetExecutionContext):
    return tracked(places.preprocess.to(places.preprocessing), context)(*load())


@asset(retry_policy=RetryPolicy(max_retries=2), io_manager_key="on_cluster")
def model(context: AssetExecutionContext, split):
    return tracked(places.train.to(places.training), context)(split)


@asset
def evaluation(context: AssetExecutionContext, split, model) -> MaterializeResult:
    found = tracked(places.evaluate.to(places.training), context)(model, split)
    return MaterializeResult(metadata=found)


@asset(deps=[evaluation])
def predictor(model):
    places.publish(model)


@asset(deps=[predictor])
def second_pipeline():
    """Knows of the first one only what it published."""
    return places.read(load()[0][:5] / 16)


defs = Definitions(
    assets=[split, model, evaluation, predictor, second_pipeline],
    jobs=[define_asset_job("nightly")],
    resources={"on_cluster": LeantoIOManager(cluster=places.training.name)},
)
