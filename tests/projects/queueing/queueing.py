"""A project for tests of waiting: calls that say in a file in which order they ran."""

import os
import time


def note(path, who, released=None):
    """Append `who` to a file; take 20 ms, or as long as until the file `released` is there."""
    with open(path, "a") as file:
        file.write(who + "\n")
    while released is not None and not os.path.exists(released):
        time.sleep(0.005)
    time.sleep(0.02)
    return who


class Shelf:
    def size(self):
        return 3
