"""The peers' own Python environments, below build/peers, made from the package index; and what of each
counts as installed."""

import compileall
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PLACE = os.path.join(ROOT, "build", "peers")
INSTALL_LIMIT = 900  # seconds
SHARED = ("numpy", "scikit-learn")  # what the work imports; not counted as the peer's
IGNORED = {"pip", "setuptools", "wheel"}

LIST = """
import importlib.metadata, json
print(json.dumps({d.metadata["Name"].lower(): d.version for d in importlib.metadata.distributions()}))
"""


class Environment:
    """`packages` is what the peer's documentation says to install; `besides` what only its benchmark
    needs."""

    def __init__(self, name, packages, besides=()):
        self.name = name
        self.packages = packages
        self.besides = besides
        self.path = os.path.join(PLACE, name)
        self.python = os.path.join(self.path, "bin", "python")
        self._record = os.path.join(self.path, "installed.json")

    @property
    def wanted(self):
        """Everything that is installed, as pip takes it: the shared packages as they are here."""
        shared = [f"{name}=={importlib.metadata.version(name)}" for name in SHARED]
        return {"packages": list(self.packages), "others": [*self.besides, *shared]}

    def installed(self):
        """Return what was installed, None if that isn't done or was other packages."""
        try:
            with open(self._record) as file:
                record = json.load(file)
        except (OSError, ValueError):
            return None
        return record if record["wanted"] == self.wanted else None

    def install(self):
        """Make the environment, unless it is there."""
        if self.installed():
            return
        shutil.rmtree(self.path, ignore_errors=True)
        subprocess.run([_base_python(), "-m", "venv", self.path], check=True, timeout=INSTALL_LIMIT)
        before = _mib(self.path)
        self._pip(self.wanted["packages"])
        counted = {"mib": _mib(self.path) - before, "packages": len(self._list())}
        self._pip(self.wanted["others"])
        record = {"wanted": self.wanted, "versions": self._list(), **counted}
        with open(self._record, "w") as file:
            json.dump(record, file, indent=1)

    def _pip(self, packages):
        pip = [self.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *packages], check=True, timeout=INSTALL_LIMIT)

    def _list(self):
        said = subprocess.run(
            [self.python, "-c", LIST], stdout=subprocess.PIPE, check=True, timeout=60
        )
        found = json.loads(said.stdout)
        return {name: found[name] for name in sorted(found) if name not in IGNORED}


def leanto_installed():
    """Return what leanto's wheel puts down: the package, and the binary without debugging symbols."""
    binary = os.environ["LEANTO_BINARY"]
    with tempfile.TemporaryDirectory() as directory:
        copy = os.path.join(directory, "leanto")
        if shutil.which("strip"):
            subprocess.run(["strip", "-o", copy, binary], check=True, timeout=60)
        else:
            shutil.copy(binary, copy)
        package = os.path.join(directory, "package")
        shutil.copytree(
            os.path.join(ROOT, "python", "leanto"),
            package,
            ignore=shutil.ignore_patterns("__pycache__"),
        )
        compileall.compile_dir(package, quiet=2)  # as pip does it for the others
        return {"mib": _mib(directory), "packages": 1}


def _base_python():
    return os.path.realpath(sys.executable)


def _mib(directory):
    sizes = (
        os.lstat(os.path.join(folder, name)).st_size
        for folder, _, names in os.walk(directory)
        for name in names
    )
    return sum(sizes) / (1 << 20)
