"""Where each step runs. This is all that is said about machines: everything beside it uses the same objects.

DIGITS_PREPROCESSING and DIGITS_TRAINING name hosts that ssh reaches, and DIGITS_PYTHON a Python over there that has
scikit-learn; without them it's this machine. Importing this reaches nothing.
"""

import os

import leanto as lt
from digits.data import preprocess as _preprocess
from digits.evaluation import evaluate as _evaluate
from digits.prediction import Predictor as _Predictor
from digits.training import train as _train

PREDICTOR = "digits-predictor"


def _place(name):
    host = os.environ.get(f"DIGITS_{name.upper()}")
    python = os.environ.get("DIGITS_PYTHON")
    return lt.cluster(f"digits-{name}", host=host, python=python) if host else lt.here


preprocessing, training = _place("preprocessing"), _place("training")

# Not sent yet: `.to(...)` does so, where it's used, and takes some milliseconds if nothing has changed.
preprocess = lt.function(_preprocess)
train = lt.function(_train).options(memory="2GB", on_oom=lt.bigger(memory=2, max_memory="8GB"))
evaluate = lt.function(_evaluate)
Predictor = lt.cls(_Predictor)


def publish(model):
    """Keep a predictor of this model ready under its name, in place of the last one."""
    if training.exists(PREDICTOR):
        training.delete(PREDICTOR)
    return Predictor.to(training).options(name=PREDICTOR)(model)


def read(images):
    """Have the predictor that was published read images: all that another pipeline needs to know of this one."""
    return training.get(PREDICTOR).predict(images)
