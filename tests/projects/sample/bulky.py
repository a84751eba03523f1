"""Functions and a class for large values."""

import os

import numpy as np


def change(array):
    """Change the argument in place and return it."""
    array[0] = -1
    return array


def is_writable(array):
    return bool(array.flags.writeable)


def make(size, value, read_only=False):
    array = np.full(size, value)
    array.flags.writeable = not read_only
    return array


def make_several(count, size):
    for i in range(count):
        yield np.full(size, i)


def length(*values):
    return [len(value) for value in values]


def echo(value):
    return value


def die_with(array):
    os._exit(3)


class Shelf:
    """Keeps what it's given."""

    def __init__(self):
        self.kept = []

    def keep(self, array):
        self.kept.append(array)

    def sums(self):
        return [float(array.sum()) for array in self.kept]

    def fork_and_drop(self):
        """Have a child that goes on using what is kept here, and drop it here."""
        read, write = os.pipe()
        go_read, go_write = os.pipe()
        if os.fork() == 0:
            os.read(go_read, 1)
            os.write(write, repr(self.sums()).encode())
            os._exit(0)
        self.kept.clear()
        self.child = (read, go_write)

    def child_sums(self):
        os.write(self.child[1], b"g")
        return eval(os.read(self.child[0], 1000))

    def make(self, size, value):
        return np.full(size, value)

    def pid(self):
        return os.getpid()
