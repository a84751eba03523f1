"""What a classifier is shown of an image."""

import numpy


def prepare(images):
    """Return one row of numbers for each image of 8 x 8 pixels, whose values are 0 to 16."""
    images = images / 16
    return numpy.hstack([images.sum(axis=1), images.sum(axis=2)])  # how dark each row and column is
