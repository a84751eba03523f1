"""Two functions for callers that speak no Python."""

import time
import typing

import leanto as lt


def mean(values: list[float]) -> float:
    """The mean of some numbers."""
    return sum(values) / len(values)


def train(epochs: int = 3) -> typing.Iterator[dict]:
    """Pretend to learn something, and say how it goes."""
    for epoch in range(epochs):
        print(f"epoch {epoch} begins")
        time.sleep(0.02)
        yield {"epoch": epoch, "loss": 1 / (epoch + 1)}


if __name__ == "__main__":
    lt.function(mean).to(lt.here).save("mean")
    lt.function(train).to(lt.here).save("train")
    print("mean and train can be called")
