"""Assets and jobs of Dagster, which the tests run in this process and by Dagster's own commands."""

import os

import leanto as lt
import work
from dagster import (
    AssetCheckSpec,
    AssetExecutionContext,
    Definitions,
    OpExecutionContext,
    RetryPolicy,
    asset,
    in_process_executor,
    job,
    op,
)
from leanto.dagster import LeantoIOManager, PipesLeantoClient, tracked

DIRECTORY = os.environ.get("ORCHESTRATED_DIRECTORY", "")


def here(function, **options):
    return lt.function(function).options(**options).to(lt.here)


@asset
def plain():
    return here(work.add)(1)


@asset(check_specs=[AssetCheckSpec("enough", asset="reported")])
def reported(context: AssetExecutionContext, pipes: PipesLeantoClient):
    function = here(work.report, fresh=True)
    done = pipes.run(context=context, function=function, args=(3,), extras={"whom": "you"})
    assert done.value == 3
    return done.get_materialize_result()


@asset(io_manager_key="on_cluster")
def numbers():
    """Made there, and left there."""
    return here(work.numbers).remote(1_000_000)


@asset(io_manager_key="on_cluster")
def total(context: AssetExecutionContext, numbers):
    return tracked(here(work.total), context)(numbers)


@op(retry_policy=RetryPolicy(max_retries=1))
def die_once(context: OpExecutionContext):
    return tracked(here(work.die_once), context)(DIRECTORY)


@op
def grow(context: OpExecutionContext):
    larger = lt.bigger(memory=4, max_memory="2GB")
    return tracked(here(work.grow, memory="150MB", on_oom=larger), context)(300)


@op
def fail(context: OpExecutionContext):
    return tracked(here(work.fail), context)("the loss is not a number")


@op
def hold(context: OpExecutionContext):
    return tracked(here(work.hold), context)(DIRECTORY, 42)


@op
def hold_with_child(context: OpExecutionContext):
    return tracked(here(work.start_child, fresh=True), context)(DIRECTORY)


@job(executor_def=in_process_executor)
def dying_once():
    die_once()


@job(executor_def=in_process_executor)
def growing():
    grow()


@job(executor_def=in_process_executor)
def failing():
    fail()


@job(executor_def=in_process_executor)
def holding():
    hold()


@job(executor_def=in_process_executor)
def holding_with_child():
    hold_with_child()


RESOURCES = {"pipes": PipesLeantoClient(), "on_cluster": LeantoIOManager()}

defs = Definitions(
    assets=[plain, reported, numbers, total],
    jobs=[dying_once, growing, failing, holding, holding_with_child],
    resources=RESOURCES,
    executor=in_process_executor,
)
