"""Replaying a run in a terminal: this process makes its call, and a debugger takes over where it raises.

`leanto replay RUN --debug` becomes this process: the interpreter of the run's version, with a copy of its code in a directory
that goes with it. What else it takes comes in a file without a name, as a worker would get it from the node.
"""

from __future__ import annotations

import os
import sys

from leanto import _deploy, _frames, _values
from leanto._sources import OWN
from leanto.worker import loader, secrets, service, warmup

OURS = os.path.dirname(os.path.abspath(__file__)) + os.sep


class Material:
    """What the node gave: the words to load the code with, the head of the call, and the bytes of both."""

    __slots__ = ("arguments", "body", "call", "id", "service", "words")

    def __init__(self, descriptor: int, head_size: int) -> None:
        with os.fdopen(descriptor, "rb") as file:
            said = _frames.decode_head(file.read(head_size))
            body = file.read()
        self.id, self.service = said["id"], said["service"]
        self.words, self.call = said["load"], said["call"]
        at = len(body) - said["arguments"]
        self.body, self.arguments = body[:at], body[at:]


class Left(Exception):
    """Whoever sat at the debugger left it before the call had returned."""


def main() -> None:
    """Make the call that the command line names, and end the process: with 0 if it returned, with 1 if it raised."""
    _, _, directory, descriptor, head_size, when = sys.argv
    code = 1
    try:
        code = replay(Material(int(descriptor), int(head_size)), when == "start")
    finally:
        import shutil

        os.chdir("/")
        shutil.rmtree(directory, ignore_errors=True)
        sys.stdout.flush()
    sys.exit(code)


def replay(material: Material, from_start: bool = False) -> int:
    """Make the call in this process; return its exit code. `from_start`: the debugger takes over at its first line."""
    words = material.words
    place = words.get("workspace", "")
    say(
        f"{material.id} of {material.service} at version {words['version'][:8]}, called again in this process"
    )
    if "root" in words:
        say(f"its code lies in {place} until you leave, a copy of {words['root']} as it was then")
    try:
        function, args, kwargs = prepare(material)
        value = call(function, args, kwargs, from_start)
    except SystemExit as error:
        say(f"it called sys.exit({'' if error.code is None else repr(error.code)})")
        return 1
    except Left:
        return 1
    except BaseException as error:
        examine(error, place)
        return 1
    say(f"it returned {_short(value)}")
    return 0


def prepare(material: Material) -> tuple:
    """Load the code and rebuild the arguments; return (what to call, args, kwargs)."""
    words, body = material.words, material.body
    if words.get("secrets"):
        secrets.take(body[-words["secrets"] :])
        body = body[: -words["secrets"]]
    if "root" in words:
        _deploy.sent_from = (words["workspace"], words["root"], words["version"])
    loaded = loader.load(service.source_of(words), service.read_body(body))
    warmup.prepare(loaded, words.get("warmup"), lambda error: "")
    member = material.call.get("m")
    function = loaded.target if member is None else getattr(loaded.target, member)
    if material.call.get("data") == "json":
        from leanto.worker import json_calls

        return (function, *json_calls.unpack(function, material.arguments))
    return (function, *_values.unpack(bytearray(material.arguments), material.call))


def call(function: object, args: tuple, kwargs: dict, from_start: bool) -> object:
    """Make the call, under a debugger that stops at its first line if that's wanted."""
    if not from_start:
        return _call(function, args, kwargs)
    import pdb

    debugger = pdb.Pdb(skip=["leanto", "leanto.*", "asyncio", "asyncio.*"])
    values: list = []
    debugger.runcall(lambda: values.append(_call(function, args, kwargs)))
    if not values:
        raise Left
    return values[0]


def _call(function: object, args: tuple, kwargs: dict) -> object:
    value = function(*args, **kwargs)
    if not hasattr(value, "__await__"):
        return value
    import asyncio

    async def wait() -> object:
        return await value

    return asyncio.run(wait())


def examine(error: BaseException, workspace: str) -> None:
    """Print the traceback and start pdb on it, at the innermost frame that is the user's."""
    import pdb
    import traceback

    if isinstance(error, loader.LoadError) and error.__cause__ is not None:
        say(str(error))
        error = error.__cause__
    error.with_traceback(_own_part(error.__traceback__))
    sys.stdout.flush()
    traceback.print_exception(type(error), error, error.__traceback__)
    if error.__traceback__ is None:
        return
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    theirs = [at for at, frame in enumerate(frames) if _is_users(frame, workspace)]
    debugger = pdb.Pdb()
    if theirs and theirs[-1] + 1 < len(frames):
        debugger.cmdqueue.append(f"up {len(frames) - 1 - theirs[-1]}")
    debugger.reset()
    debugger.interaction(None, error if sys.version_info >= (3, 13) else error.__traceback__)


def say(text: str) -> None:
    """Tell who sits at the terminal, apart from what the call prints."""
    sys.stdout.flush()
    print("leanto: " + text, file=sys.stderr, flush=True)


def _own_part(tb: object) -> object:
    """The traceback from where the user's code, or what that calls, begins: after our frames and those of the import."""
    own = tb
    while tb is not None:
        if tb.tb_frame.f_code.co_filename.startswith(OURS):
            own = tb.tb_next
        tb = tb.tb_next
    while own is not None and own.tb_frame.f_code.co_filename.startswith("<frozen importlib"):
        own = own.tb_next
    return own


def _is_users(frame: object, workspace: str) -> bool:
    file = frame.f_code.co_filename
    in_project = bool(workspace) and file.startswith(workspace.rstrip("/") + "/")
    return in_project or file.startswith(OWN)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 2000 else text[:2000] + "..."
