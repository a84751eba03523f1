#!/usr/bin/env python3
"""The orchestrators' own Python environments, build/orchestrators/NAME, with what versions.toml says.

    tests/orchestrators/environments.py [NAME...]     makes those that aren't there, and prints their names

What was downloaded is kept in .cache/uv, so that making one again takes seconds.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys

import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PLACE = ROOT / "build" / "orchestrators"
INSTALL_LIMIT = 900  # seconds
# What the tests need beside an orchestrator, as pinned for all tests.
SHARED = ("pytest", "numpy", "scikit-learn", "scipy", "joblib", "threadpoolctl")


def versions():
    """Return (the day, {name of an orchestrator: its table}) of versions.toml."""
    words = tomllib.loads((ROOT / "tests/orchestrators/versions.toml").read_text())
    return words.pop("as_of"), words


def shared():
    lines = (ROOT / "tests/requirements.txt").read_text().splitlines()
    return [line for line in lines if line.partition("==")[0] in SHARED]


def wanted(as_of, table):
    python = ".".join(map(str, sys.version_info[:2]))
    return {**table, "as_of": as_of, "shared": shared(), "python": python}


def install(name, wanted):
    """Make the environment, unless it is there as wanted."""
    place = PLACE / name
    record = place / "installed.json"
    if record.exists() and json.loads(record.read_text()) == wanted:
        return
    print(f"installing {name} into {place.relative_to(ROOT)}", file=sys.stderr, flush=True)
    shutil.rmtree(place, ignore_errors=True)
    env = {**os.environ, "UV_CACHE_DIR": str(ROOT / ".cache" / "uv")}
    # Not the .venv's own, in which a package of the tests would be found by mistake.
    base = os.path.realpath(sys.executable)
    uv = [str(pathlib.Path(sys.executable).parent / "uv")]
    install = ["pip", "install", "--quiet", "--exclude-newer", wanted["as_of"]]
    if "constraints" in wanted:
        install += ["--constraints", str(ROOT / "tests/orchestrators" / wanted["constraints"])]
    for command in (
        ["venv", "--quiet", "--python", base, str(place)],
        [*install, "--python", str(place), *wanted["packages"], *wanted["shared"]],
    ):
        subprocess.run([*uv, *command], env=env, check=True, timeout=INSTALL_LIMIT)
    record.write_text(json.dumps(wanted))  # last: says that the rest is done


def main(names):
    as_of, known = versions()
    for name in names or known:
        if name not in known:
            sys.exit(f"there is no orchestrator {name!r} in versions.toml; {', '.join(known)}")
        install(name, wanted(as_of, known[name]))
        print(name)


if __name__ == "__main__":
    main(sys.argv[1:])
