"""All of it in one function, for those who want one line in a crontab."""

from digits.data import load, preprocess
from digits.evaluation import evaluate
from digits.training import train


def nightly(epochs=5):
    """Train on today's images; return how well the model reads, as data that JSON takes."""
    split = preprocess(*load())
    return evaluate(train(split, epochs), split)
