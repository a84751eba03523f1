"""A module that the entry module imports."""


def twice(value):
    return value * 2


class StockError(Exception):
    """Can be rebuilt from its arguments."""

    def __init__(self, text, shelf):
        super().__init__(text, shelf)
        self.shelf = shelf


class AwkwardError(Exception):
    """Pickles, but cannot be rebuilt: its arguments are not what its constructor wants."""

    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")
