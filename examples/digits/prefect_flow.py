"""The pipeline as a flow of Prefect 3. `python prefect_flow.py` serves it: it runs each night, and when it's asked to."""

import places
from digits.data import load
from leanto.prefect import tracked
from prefect import flow, task


@task(retries=2, retry_delay_seconds=1)
def preprocess():
    return tracked(places.preprocess.to(places.preprocessing))(*load())


@task(retries=2, retry_delay_seconds=1)
def train(split, epochs, pause):
    return tracked(places.train.to(places.training))(split, epochs, pause=pause)


@task
def evaluate(model, split):
    # A plain call does, too: it has no key, and its lines go where the task's own go.
    return places.evaluate.to(places.training)(model, split)


@task
def publish(model):
    places.publish(model)


@flow(log_prints=True)
def digits(epochs: int = 5, pause: float = 0):
    split = preprocess()
    model = train(split, epochs, pause)
    found = evaluate(model, split)
    publish(model)
    print(found)
    return found


@flow
async def second_pipeline(count: int = 5):
    """Knows of the first one only what it published."""
    predictor = places.training.get(places.PREDICTOR)
    images, _ = load()
    return await tracked(predictor.predict).aio(images[:count] / 16)


if __name__ == "__main__":
    digits.serve(name="nightly", cron="0 3 * * *")
