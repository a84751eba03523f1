"""The images: where they come from, and how they are made ready."""

from typing import NamedTuple

import numpy
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split


class Split(NamedTuple):
    """Images to train on and to test with, as rows of values from 0 to 1, and their digits."""

    images: numpy.ndarray
    test_images: numpy.ndarray
    labels: numpy.ndarray
    test_labels: numpy.ndarray


def load():
    """Return 1,797 images of 8 x 8 grey values from 0 to 16, as rows, and their digits."""
    found = load_digits()
    return found.data, found.target


def preprocess(images, labels, scale=16):
    """Return the images as values from 0 to 1, a quarter of them kept for the test, as a `Split`."""
    if len(images) != len(labels):
        raise ValueError(f"{len(images)} images have {len(labels)} labels")
    print(f"preprocessing {len(images)} images")
    ready = (numpy.asarray(images) / scale).astype("float32")
    return Split(*train_test_split(ready, numpy.asarray(labels), test_size=0.25, random_state=0))
