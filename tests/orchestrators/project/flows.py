"""Flows that the tests run in this process, and those that a served deployment runs."""

import sys

import leanto as lt
import work
from leanto.prefect import tracked
from prefect import flow, task


def here(function, **options):
    return lt.function(function).options(**options).to(lt.here)


@task
def plain(a):
    return here(work.add)(a)


@task
def add(a):
    return tracked(here(work.add))(a, b=2)


@task
def fail():
    return tracked(here(work.fail))("the loss is not a number")


@task(retries=1)
def die_once(directory):
    return tracked(here(work.die_once))(directory)


@task
def grow():
    larger = lt.bigger(memory=4, max_memory="2GB")
    return tracked(here(work.grow, memory="150MB", on_oom=larger))(300)


@task
def hold(directory, value):
    return tracked(here(work.hold))(directory, value)


@task
def hold_with_child(directory):
    return tracked(here(work.start_child, fresh=True))(directory)


@flow
def calls():
    return plain(1), add(1), [future.result() for future in add.map([2, 2, 3])]


@flow
async def calls_side_by_side(directory):
    import asyncio

    meet = tracked(here(work.meet))
    return await asyncio.gather(meet.aio(directory, "a", "b"), meet.aio(directory, "b", "a"))


@flow
async def plain_side_by_side(directory):
    import asyncio

    meet = here(work.meet)
    return await asyncio.gather(meet.aio(directory, "a", "b"), meet.aio(directory, "b", "a"))


@flow
def failing():
    return fail()


@flow
def dying_once(directory):
    return die_once(directory)


@flow
def growing():
    return grow()


@flow(persist_result=True)
def served(directory: str, how: str = "called"):
    """The task is called in the flow's own thread, or in one of its task runner."""
    if how == "child":
        return hold_with_child.submit(directory).result()
    return hold.submit(directory, 42).result() if how == "submitted" else hold(directory, 42)


if __name__ == "__main__":
    served.serve(name=sys.argv[1])
