"""The service that a worker hosts: its callable, what it offers, and how a CALL's head becomes something to call."""

from __future__ import annotations

import os
import sys
import types

from leanto import _deploy, _frames, _values
from leanto._frames import ERROR, READY
from leanto._objects import SPECIAL
from leanto.worker import calls, loader, secrets, tracebacks, warmup

MAX_INVOCATIONS = 1024

CO_GENERATOR, CO_COROUTINE, CO_ASYNC_GENERATOR = (
    0x20,
    0x80,
    0x200,
)  # inspect.CO_*, which would take 10 ms to import


class Service:
    """A callable at a version, in this process. `words` are those of the node's "load"."""

    def __init__(self, words: dict) -> None:
        self.words = words
        self.target: object = None
        self.script: object = None
        self.instance: object = None
        self._warm_up: object = None  # what each new instance runs first
        self.prepared: object = None  # code that may take the place of this (worker/reload.py)
        self.former_workspaces: list = []
        self.invocations: dict = {}  # head → (what to call, the head if it says where the arguments' buffers are)
        self._newest_module = next(reversed(sys.modules))  # what the zygote imported is known

    def load(self, worker: object, body: bytes) -> None:
        """Import the callable and tell the node what it offers, or why it can't be had."""
        words = self.words
        if words.get("secrets"):
            size = words["secrets"]
            secrets.take(bytes(body[-size:]))
            body = body[:-size]
        source = source_of(words)
        os.environ.update(words.get("env", {}))
        if words.get("workspace"):
            _deploy.sent_from = (words["workspace"], words["root"], words["version"])
        try:
            loaded = loader.load(source, read_body(body))
            self._warm_up = warmup.prepare(loaded, words.get("warmup"), self.format_traceback)
        except loader.LoadError as error:
            said = {
                "kind": "snapshot",
                "message": secrets.mask(str(error)),
                "traceback": secrets.mask(error.traceback),
            }
            worker.send(ERROR, 0, _frames.encode_head(said))
            return
        except BaseException as error:
            worker.send(ERROR, 0, *calls.encode_error(self, None, error))
            return
        self.target = loaded.target
        self.script = loaded.script
        worker.send(READY, 0, _frames.encode_head({"describe": describe(self.target)}))

    def prepare(self, head: bytes) -> tuple:
        """Return what a CALL with this head calls; the same head is looked up only once."""
        said = _frames.decode_head(head)
        is_json = said.get("data") == "json"
        how, member = said.get("how", "call"), said.get("m")
        function = self._json_function(how, member) if is_json else self._function(how, member)
        if said.get("keep"):
            function = _packing(function)
        # What goes on record must not lie in shared memory, and on another machine there's none.
        shared = not (said.get("run") or said.get("far"))
        has_buffers = "b" in said or "seg" in said or "file" in said
        unpacked_by = said if is_json or has_buffers else None
        invocation = (
            function,
            unpacked_by,
            said.get("run", False),
            said.get("timeout"),
            shared,
        )
        is_one_of_many = not has_buffers and how != "new" and "left" not in said
        if is_one_of_many and len(self.invocations) < MAX_INVOCATIONS:
            self.invocations[head] = invocation
        return invocation

    def _function(self, how: str, member: str | None) -> object:
        if how == "new":
            return self._make_instance
        owner = self.target if self.instance is None else self.instance
        if how == "get":
            return lambda: self._read(owner, member)
        if how == "set":
            return lambda value: setattr(owner, member, value)
        if how == "del":
            return lambda: delattr(owner, member)
        if member is None:
            return owner
        if member in ("__iter__", "__reversed__"):
            return lambda: self._iterate(owner, member)
        # Looked up at each call: instances may rebind their methods.
        return lambda *args, **kwargs: getattr(owner, member)(*args, **kwargs)

    def _json_function(self, how: str, member: str | None) -> object:
        from leanto.worker import json_calls

        if how == "describe":
            from leanto.worker import json_schema

            owner = self.target if self.instance is None else type(self.instance)
            return lambda body: json_calls.encode(
                json_schema.describe(owner, self.instance is None)
            )
        function = self._function(how, member)
        if how == "call" and member is not None and member not in ("__iter__", "__reversed__"):
            owner = self.target if self.instance is None else self.instance
            return json_calls.wrap(lambda: getattr(owner, member), self.instance)
        return json_calls.wrap(lambda: function, self.instance)

    def _make_instance(self, *args: object, **kwargs: object) -> calls.Answer:
        self.instance = self.target(*args, **kwargs)
        if self._warm_up is not None:
            self._warm_up(self.instance)
        self.invocations.clear()
        return calls.Answer({"cls": self.target.__qualname__, "describe": describe(self.target)})

    def _read(self, owner: object, name: str) -> object:
        value = getattr(owner, name)
        if isinstance(value, (types.FunctionType, types.MethodType, types.BuiltinMethodType)):
            return calls.Answer({"method": kind_of(value)})
        return value

    def _iterate(self, owner: object, member: str) -> object:
        items = getattr(owner, member)()
        return items if items is owner else calls.Items(items)

    def format_traceback(self, error: BaseException) -> str:
        """Return the traceback of what a call raised, with the caller's own paths."""
        self._explain(error)
        words = self.words
        text = tracebacks.format_remote(
            error, words.get("workspace"), words.get("root"), loader.HIDE
        )
        for former in self.former_workspaces:  # of calls that began before a swap
            text = text.replace(former.rstrip("/") + "/", words["root"].rstrip("/") + "/")
        return text

    def _explain(self, error: BaseException) -> None:
        """Say what a name that a script lost on its way would have been."""
        if self.script is None or not isinstance(error, NameError):
            return
        from leanto.worker import script

        why = script.explain_name_error(self.script, script.missing_name(error))
        if why and error.args:
            error.args = (f"{error.args[0]}; {why}", *error.args[1:])

    def new_third_party_modules(self) -> list[str]:
        """Return the modules outside the project that were imported since the last time, in the order of their import."""
        found = []
        places = library_places()
        for name in reversed(
            list(sys.modules)
        ):  # the newest first, so that this takes no longer than there are new ones
            if name == self._newest_module:
                break
            file = getattr(sys.modules.get(name), "__file__", None)
            if (
                name != "__main__"
                and not name.startswith("leanto")
                and file
                and file.startswith(places)
            ):
                found.append(name)
        self._newest_module = next(reversed(sys.modules))
        found.reverse()
        return found


def _packing(function: object) -> object:
    """The same function, with a result that the node keeps."""

    def packed(value: object) -> object:
        return calls.Packed(value, _values.pack_to_keep)

    async def pack_later(coroutine: object) -> object:
        return packed(await coroutine)

    def call(*args: object, **kwargs: object) -> object:
        value = function(*args, **kwargs)
        is_coroutine = type(value) is types.CoroutineType
        return pack_later(value) if is_coroutine else packed(value)

    return call


def source_of(words: dict) -> loader.Source:
    """Return where the node's words say that the code is."""
    return loader.Source(
        words.get("workspace"), words.get("root"), words.get("search_path", []), words["module"], words.get("file"),
        words["qualname"], words.get("is_main", False), words.get("warmup"),
    )  # fmt: skip


_places: tuple = ()


def library_places() -> tuple:
    """Return the directories of installed packages and of the standard library, each with a slash at its end."""
    global _places
    if not _places:
        import sysconfig

        names = ("purelib", "platlib", "stdlib", "platstdlib")
        _places = tuple({sysconfig.get_path(name) + os.sep for name in names})
    return _places


def describe(target: object) -> dict:
    """Return what a callable offers: {"kind", "call"}, for a class also its members and what each is."""
    if not isinstance(target, type):
        return {"kind": "function", "call": kind_of(target), "doc": _doc(target)}
    members, class_members = {}, {}
    for name in dir(target):
        if name.startswith("__") and name not in SPECIAL:
            continue
        value = _static(target, name)
        kind = kind_of(value)
        if kind is None:
            members[name] = "property" if isinstance(value, property) else "attribute"
            continue
        members[name] = kind
        if isinstance(value, (classmethod, staticmethod)):
            class_members[name] = kind
    return {
        "kind": "class",
        "cls": target.__qualname__,
        "doc": _doc(target),
        "members": members,
        "class_members": class_members,
    }


def read_body(body: bytes) -> object:
    """Return what the body of a deploy holds: None, a script's handles by name, or code that travels as text."""
    if not body:
        return None
    from leanto.worker import typed

    return typed.read(body)


def kind_of(value: object) -> str | None:
    """Return what calling `value` gives: "function", "coroutine", "generator" or "async_generator"; None if it's no callable."""
    if isinstance(value, (classmethod, staticmethod, types.MethodType)):
        value = value.__func__
    while type(value).__name__ == "partial" and callable(getattr(value, "func", None)):
        value = value.func
    if not callable(value) or isinstance(value, type):
        return None
    call = getattr(type(value), "__call__", None)  # noqa: B004 - the method itself is wanted
    code = getattr(value, "__code__", None) or getattr(call, "__code__", None)
    flags = code.co_flags if isinstance(code, types.CodeType) else 0
    if flags & CO_COROUTINE:
        return "coroutine"
    if flags & CO_ASYNC_GENERATOR:
        return "async_generator"
    return "generator" if flags & CO_GENERATOR else "function"


def _static(cls: type, name: str) -> object:
    """The member itself, without running a descriptor."""
    for base in cls.__mro__:
        if name in base.__dict__:
            return base.__dict__[name]
    return None


def _doc(target: object) -> str:
    doc = getattr(target, "__doc__", None)
    return doc.strip()[:2000] if isinstance(doc, str) else ""
