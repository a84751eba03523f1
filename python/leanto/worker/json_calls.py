"""Calls whose arguments and results are JSON: from other languages, the command line and HTTP.

A CALL whose head says ``data: "json"`` comes here. What comes back is the same as for a pickled call (a value, a stream of
items, an error), with JSON in place of each pickle.
"""

from __future__ import annotations

import json
import types

from leanto import _frames
from leanto.worker import calls, json_types

_HEAD = _frames.encode_head({"data": "json"})


class JsonError(Exception):
    """The arguments are no JSON or don't fit, or the result can't be said in JSON; `kind` is that of the ERROR."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def wrap(find_target: object, instance: object) -> object:
    """Return a function from the JSON of a call's arguments to its answer.

    `find_target` returns what is to be called, `instance` the live object of this worker or None.
    """

    def call(body: bytes) -> object:
        target = find_target()
        args, kwargs = unpack(target, body)
        try:
            value = target(*args, **kwargs)
        except TypeError as error:
            if error.__traceback__.tb_next is None:  # raised by the call itself: nothing of it ran
                raise JsonError(
                    "invalid", f"the arguments don't fit {signature_of(target)}: {error}"
                ) from None
            raise
        return _answer(value, instance)

    return call


def parse_arguments(body: bytes) -> tuple:
    """Return (args, kwargs): an object is keyword arguments, an array positional ones.

    An object of nothing but ``args`` (an array) and ``kwargs`` (an object) is both. Nothing is no arguments.
    """
    if not body:
        return [], {}
    try:
        said = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise JsonError("invalid", f"the arguments are not JSON: {error}") from None
    if isinstance(said, list):
        return said, {}
    if not isinstance(said, dict):
        raise JsonError(
            "invalid",
            f"the arguments are a JSON object (by name) or array (in order), not {json.dumps(said)[:60]}; "
            "a single one in an array: [...]",
        )
    args, kwargs = said.get("args", []), said.get("kwargs", {})
    if said and said.keys() <= {"args", "kwargs"} and type(args) is list and type(kwargs) is dict:
        return args, kwargs
    return [], said


def _refuse_constant(text: str) -> None:
    raise ValueError(f"{text} is not JSON")


def signature_of(target: object) -> str:
    """Return `name(parameters)` for a message; just the name if the signature isn't known."""
    import inspect

    name = getattr(target, "__qualname__", type(target).__qualname__)
    try:
        return f"{name}{inspect.signature(target)}"
    except (TypeError, ValueError):
        return name


_parameters: dict = {}  # function → its parameters with the types that values must be made into, or None


def unpack(target: object, body: bytes) -> tuple:
    """Return (args, kwargs) for `target`, as its type hints want them."""
    return _convert(target, *parse_arguments(body))


def _convert(target: object, args: list, kwargs: dict) -> tuple:
    """Make the arguments what the type hints say: a dataclass of an object, a datetime of a text."""
    function = getattr(target, "__func__", target)
    try:
        found = _parameters[function]
    except (KeyError, TypeError):
        found = json_types.converted_parameters(target)
        try:
            _parameters[function] = found
        except TypeError:
            pass  # a callable without a hash
    if not found:
        return args, kwargs
    positional, by_name, rest, named_rest = found
    try:
        made = [
            json_types.from_json(positional[index] if index < len(positional) else rest, arg)
            for index, arg in enumerate(args)
        ]
        named = {
            name: json_types.from_json(by_name.get(name, named_rest), arg)
            for name, arg in kwargs.items()
        }
    except json_types.Misfit as error:
        raise JsonError("invalid", f"an argument of {signature_of(target)}: {error}") from None
    return made, named


# Answers


def _answer(value: object, instance: object) -> object:
    """Return what `calls.run` answers with: an Answer, or something that goes on and ends with them."""
    kind = type(value)
    if kind is types.CoroutineType:
        return _await(value, instance)
    if kind is types.GeneratorType:
        return _each(value, instance)
    if kind is types.AsyncGeneratorType:
        return _async_each(value, instance)
    if kind is calls.Items:
        return calls.Items(_each(iter(value), instance))
    return encode(value, instance)


async def _await(coroutine: object, instance: object) -> object:
    return encode(await coroutine, instance)


def _each(items: object, instance: object):
    try:
        for item in items:
            yield encode(item, instance)
    finally:
        close = getattr(items, "close", None)
        if close is not None:
            close()


async def _async_each(items: object, instance: object):
    try:
        async for item in items:
            yield encode(item, instance)
    finally:
        await items.aclose()


def encode(value: object, instance: object = None) -> calls.Answer:
    """Return the Answer that says `value` in JSON. Raises JsonError with the part that JSON can't say."""
    if type(value) is calls.Answer:
        return value
    if value is instance and value is not None:
        return calls.Answer({"data": "json", "self": True})
    try:
        text = json_types.dumps(value)
    except json_types.Misfit as error:
        raise JsonError(
            "not_acceptable",
            f"JSON can't say what was returned: {error}. Return what it can say (numbers, texts, lists, dicts, "
            "dataclasses, ...), or call it from Python",
        ) from None
    return calls.Answer.of_body(_HEAD, text)
