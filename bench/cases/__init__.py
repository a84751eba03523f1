"""The cases: one file each, with `run(context)`, which returns the rows that it measured."""
