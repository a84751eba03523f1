"""The projects that the benchmarks send: a small one, and one of 10,000 files."""

import os

SMALL = '''"""What the benchmarks call."""


def empty(x):
    pass


def echo(x):
    return x


def numbers(count):
    yield from range(count)


kept = None


def length(array):
    return array.nbytes


def zeros(size):
    global kept
    if kept is None:
        import numpy

        kept = numpy.zeros(size, numpy.uint8)
        kept[::4096] = 1
    return kept
'''

FIRST = """import leanto as lt
import service

echo = lt.function(service.echo).to(lt.here)
raise SystemExit(0 if echo(42) == 42 else 1)
"""

FILES_A_DIRECTORY = 20
FILLER = "".join(
    f"def function_{n}(x, y={n}):\n"
    f"    return [x * y, {n}, 'text that makes it a file of a usual size']\n\n\n"
    for n in range(38)
)


def write_small(path):
    """Write a project of one module, and a script that sends it and calls it once."""
    os.makedirs(path)
    _write(path, "pyproject.toml", "[project]\nname = 'small'\n")
    _write(path, "service.py", SMALL)
    _write(path, "first.py", FIRST)


class LargeProject:
    """`directories` packages of 20 modules each, about 4.5 KiB a file; `entry.py` uses one of them
    and imports `library`."""

    def __init__(self, path, directories, library):
        self.path = path
        self.files = directories * FILES_A_DIRECTORY
        package = f"package_{directories // 2:03}"
        self.edited = os.path.join(path, package, "module_07.py")
        os.makedirs(path)
        for number in range(directories):
            self._write_package(f"package_{number:03}")
        self.edit(0)
        _write(path, "pyproject.toml", "[project]\nname = 'large'\n")
        _write(path, ".gitignore", "__pycache__/\n*.pyc\n")
        imports = f"import {library}\n\nfrom {package} import module_07\n"
        function = "def value(x):\n    return module_07.VALUE + x\n"
        function += "\n\ndef length(array):\n    return array.nbytes\n"
        _write(path, "entry.py", f"{imports}\n\n{function}")

    def edit(self, value):
        with open(self.edited, "w") as file:
            file.write(self.edited_text(value))

    def edited_text(self, value):
        """Return what is in the edited file when its value is `value`."""
        return f"VALUE = {value}\n\n\n{FILLER}"

    def _write_package(self, name):
        directory = os.path.join(self.path, name)
        os.mkdir(directory)
        _write(directory, "__init__.py", "")
        for number in range(FILES_A_DIRECTORY - 1):
            _write(directory, f"module_{number:02}.py", f"# {name} {number}\n{FILLER}")


def _write(directory, name, text):
    with open(os.path.join(directory, name), "w") as file:
        file.write(text)
