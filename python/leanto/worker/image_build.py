"""Builds the environment of an image: a virtual environment, made step by step in the directory where it stays.

The node starts this as a process of its own (src/node/image_build.h), in a process group of its own. Environments can't be
moved, so there is no second place that is renamed; `image.json`, written last, says that the environment is whole.

    fd 0   held open by the node; when it ends, so does everything here
    fd 1   what the steps write, for those who wait; also kept in `build.log`
    fd 3   why it failed, one text
    fd 4   the words: {"directory", "python", "steps", "places"}
"""

from __future__ import annotations

import _thread
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile

REPORT = 3
WORDS = 4
TAIL = 30  # lines of a failed step that its error shows
MIN_PYTHON = (3, 9)
ASK_VERSION = "import sys; print('.'.join(map(str, sys.version_info[:3])))"

FIND_PIP = """
import ensurepip, glob, os, sysconfig
bundled = os.path.join(os.path.dirname(ensurepip.__file__), "_bundled")
for place in (bundled, sysconfig.get_config_var("WHEEL_PKG_DIR"), "/usr/share/python-wheels"):
    found = glob.glob(os.path.join(place, "pip-*.whl")) if place else []
    if found:
        print(max(found))
        break
"""


class BuildError(Exception):
    """The environment can't be made; the text says which step failed, and how."""


def run() -> None:
    """Start as the node starts it: `python -c "...; image_build.run()"`."""
    with open(WORDS, "rb") as file:
        words = json.loads(file.read())
    _thread.start_new_thread(end_with_the_node, ())
    try:
        build(words["directory"], words["python"], words["steps"], words.get("places", {}))
    except (BuildError, OSError) as error:
        os.write(REPORT, str(error).encode("utf-8", "replace")[:60000])
        shutil.rmtree(os.path.join(words["directory"], "env"), ignore_errors=True)
        os._exit(1)
    os._exit(0)


def end_with_the_node() -> None:
    while os.read(0, 1):
        pass
    os.killpg(0, signal.SIGKILL)


def build(directory: str, python: str, steps: list, places: dict) -> None:
    """Make `directory`/env; `places` says where the trees of a digest lie. Raises BuildError."""
    env = os.path.join(directory, "env")
    shutil.rmtree(env, ignore_errors=True)
    with open(os.path.join(directory, "build.log"), "wb") as log:
        builder = Builder(env, log, places)
        builder.make(python)
        for number, step in enumerate(steps, start=1):
            builder.do(f"step {number} of {len(steps)}", step)
        version = builder.check()
        size = size_of(env)
        builder.say(f"the environment is built: Python {version}, {size / 1e6:,.1f} MB")
    write_whole(os.path.join(directory, "image.json"), {"python": version, "size": size})


class Builder:
    """Runs the steps, and copies what they write."""

    def __init__(self, env: str, log: object, places: dict) -> None:
        self.env = env
        self.places = places
        self.log = log
        self.uv = shutil.which("uv")
        self.pip: str | None = None  # the wheel that the interpreter brings
        self.python = os.path.join(env, "bin", "python")

    def make(self, wanted: str) -> None:
        """Make an environment without packages from the wanted interpreter."""
        is_version = "/" not in wanted
        if self.uv and is_version:
            self.step("the interpreter", [self.uv, "venv", "--python", wanted, self.env])
            return
        interpreter = find_interpreter(wanted) if is_version else wanted
        if not os.access(interpreter, os.X_OK):
            raise BuildError(
                f"there is no interpreter {interpreter} on this node{known_interpreters()}"
            )
        if self.uv:
            self.step("the interpreter", [self.uv, "venv", "--python", interpreter, self.env])
            return
        self.pip = find_pip(interpreter)
        without = ["--without-pip"] if self.pip else []
        self.step("the interpreter", [interpreter, "-m", "venv", *without, self.env])

    def do(self, place: str, step: dict) -> None:
        with tempfile.TemporaryDirectory(prefix="leanto-image-") as scratch:
            if "run" in step:
                first, *more = step["run"].strip().splitlines()
                shown = f"{place}, `{first}{' ...' if more else ''}`,"
                self.step(shown, ["sh", "-e", "-c", step["run"]], scratch)
                return
            if "requirements" in step:
                file = os.path.join(scratch, "requirements.txt")
                with open(file, "w", encoding="utf-8") as out:
                    out.write(step["requirements"])
                self.step(f"{place}, the requirements,", [*self.installer(), "-r", file], scratch)
                return
            words = [*step.get("options", ()), *copy_trees(step, self.places, scratch)]
            self.step(
                f"{place}, pip install {' '.join(step['pip'])},",
                [*self.installer(), *words],
                scratch,
            )

    def installer(self) -> list:
        if self.uv:
            return [self.uv, "pip", "install", "--python", self.python]
        pip = [f"{self.pip}/pip"] if self.pip else ["-m", "pip"]
        return [self.python, *pip, "install", "--progress-bar", "off"]

    def check(self) -> str:
        """Return the version of the environment's interpreter, which must be able to run a worker."""
        version = version_of(self.python)
        if version is None:
            raise BuildError(f"the environment's interpreter {self.python} doesn't run")
        if tuple(map(int, version.split(".")[:2])) < MIN_PYTHON:
            raise BuildError(f"its Python is {version}, and a worker needs 3.9 or newer")
        return version

    def step(self, what: str, command: list, directory: str = "/") -> None:
        self.say(f"{what.rstrip(',')}: {' '.join(command) if command[0] != 'sh' else 'sh -e'}")
        lines, ended = self.run(command, directory)
        if ended == 0:
            return
        how = f"exit code {ended}" if ended > 0 else f"killed by signal {-ended}"
        wrote = "".join(f"\n  {line}" for line in lines[-TAIL:]) or " nothing"
        raise BuildError(f"{what} failed with {how}. It wrote:{wrote}")

    def run(self, command: list, directory: str) -> tuple:
        """Run a program; return (the last lines that it wrote, its exit code)."""
        environment = {
            **os.environ,
            "VIRTUAL_ENV": self.env,
            "PATH": f"{self.env}/bin:{os.environ.get('PATH', os.defpath)}",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_NO_INPUT": "1",
            "PIP_REQUIRE_VIRTUALENV": "1",
        }
        process = subprocess.Popen(
            command,
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        tail = b""
        with process.stdout as pipe:
            for piece in pieces_of(process, pipe.fileno()):
                self.copy(piece)
                tail = (tail + piece)[-65536:]
        ended = process.wait()
        return tail.decode("utf-8", "replace").splitlines(), ended

    def say(self, text: str) -> None:
        self.copy(f"image: {text}\n".encode("utf-8", "replace"))

    def copy(self, data: bytes) -> None:
        self.log.write(data)
        self.log.flush()
        os.write(1, data)


def copy_trees(step: dict, places: dict, scratch: str) -> list:
    """Return the packages of a step, each directory as a copy of its own: builds write into them, and a workspace is shared."""
    packages = []
    trees = step.get("trees", {})
    for number, package in enumerate(step["pip"]):
        path, bracket, extras = package.partition("[")
        if path in trees:
            copied = os.path.join(scratch, str(number), os.path.basename(path))
            shutil.copytree(places[trees[path]], copied, symlinks=True)
            make_writable(copied)
            package = copied + bracket + extras
        packages.append(package)
    return packages


def make_writable(directory: str) -> None:
    for place, directories, files in os.walk(directory):
        for name in (*directories, *files):
            path = os.path.join(place, name)
            if not os.path.islink(path):
                os.chmod(path, os.stat(path).st_mode | 0o200)


def pieces_of(process: subprocess.Popen, pipe: int) -> object:
    """Yield what a process writes, in whole lines; what it leaves running behind isn't waited for."""
    held = b""
    while True:
        if select.select([pipe], [], [], 0.1)[0]:
            data = os.read(pipe, 65536)
            if not data:
                break
            held += data
            cut = held.rfind(b"\n") + 1
            if cut:
                yield held[:cut]
                held = held[cut:]
        elif process.poll() is not None:
            break
    if held:
        yield held + b"\n"


def find_interpreter(wanted: str) -> str:
    """Return the path of an interpreter of a version like "3.11". Raises BuildError, which names those that are there."""
    names = (sys.executable, f"python{wanted}", "python3", "python")
    for name in names:
        path = shutil.which(name) if name else None
        version = version_of(path) if path else None
        if version and (version + ".").startswith(wanted.rstrip(".") + "."):
            return path
    raise BuildError(
        f"there is no Python {wanted} on this node{known_interpreters()}; install it there, or install uv, which "
        "fetches it"
    )


def find_pip(interpreter: str) -> str | None:
    """Return the wheel of pip that an interpreter brings, None if there is none.

    It runs from there, so that making an environment takes a moment and not the seconds of installing pip into it.
    """
    done = subprocess.run(
        [interpreter, "-c", FIND_PIP],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd="/",
    )
    path = done.stdout.strip()
    return path if done.returncode == 0 and os.path.isfile(path) else None


def known_interpreters() -> str:
    """Return which Pythons are on the PATH, as the end of a sentence."""
    found = {}
    for directory in os.get_exec_path():
        for minor in range(MIN_PYTHON[1], 30):
            path = os.path.join(directory, f"python3.{minor}")
            if os.access(path, os.X_OK):
                found.setdefault(f"3.{minor}", path)
    if not found:
        return "; none is on its PATH"
    return "; there are " + ", ".join(f"{version} ({path})" for version, path in found.items())


def version_of(interpreter: str) -> str | None:
    try:
        done = subprocess.run(
            [interpreter, "-c", ASK_VERSION],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            cwd="/",
        )
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def size_of(directory: str) -> int:
    """Return how many bytes the files of a directory take, hard links once."""
    total, seen = 0, set()
    for place, _, names in os.walk(directory):
        for name in names:
            status = os.lstat(os.path.join(place, name))
            if (status.st_dev, status.st_ino) not in seen:
                seen.add((status.st_dev, status.st_ino))
                total += status.st_blocks * 512
    return total


def write_whole(path: str, value: dict) -> None:
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(value, file)
    os.replace(path + ".new", path)
