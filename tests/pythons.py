"""The Python interpreters of this machine, for tests about a machine with another one."""

import os
import pathlib
import pwd
import re

import pytest


def pythons():
    """The interpreters by their version without the patch level: {"3.11": path, ...}, lowest first.

    Debian's before a version manager's. pyenv's are taken from where they lie, not by their shims.
    """
    # HOME is the test's; a version manager lies in the user's own.
    home = pathlib.Path(pwd.getpwuid(os.getuid()).pw_dir)
    root = pathlib.Path(os.environ.get("PYENV_ROOT") or home / ".pyenv")
    places = [pathlib.Path("/usr/bin"), pathlib.Path("/usr/local/bin")]
    places += sorted((root / "versions").glob("*/bin"), reverse=True)
    found = {}
    for place in places:
        for path in place.glob("python3.*"):
            match = re.fullmatch(r"python(3\.\d+)", path.name)
            if match and os.access(path, os.X_OK):
                found.setdefault(match[1], path)
    return dict(sorted(found.items(), key=lambda item: int(item[0].partition(".")[2])))


def python(version):
    """The path of a Python; skips the test if this machine hasn't got it."""
    found = pythons()
    if version not in found:
        pytest.skip(f"no Python {version} here; there are {', '.join(found)}")
    return found[version]
