"""Python values and JSON, both ways: what JSON can say of a value, and what a type hint makes of JSON."""

from __future__ import annotations

import collections.abc
import dataclasses
import datetime
import decimal
import enum
import inspect
import json
import pathlib
import types
import typing
import uuid

MAX_DEPTH = 100


class Misfit(Exception):
    """A value that JSON can't say, or JSON that a type hint can't be made of; says which part."""


# Saying values


def dumps(value: object) -> bytes:
    """Return `value` as JSON in UTF-8. Raises Misfit."""
    try:
        text = json.dumps(
            value, default=_plain, ensure_ascii=False, allow_nan=False, separators=(",", ":")
        )
        return text.encode()
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise Misfit(_find_culprit(value, "", 0) or str(error)) from None


def _plain(value: object) -> object:
    """What json.dumps asks for each value that it doesn't know."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if isinstance(value, (uuid.UUID, decimal.Decimal, pathlib.PurePath)):
        return str(value)
    if isinstance(value, (set, frozenset, collections.abc.ValuesView, collections.abc.KeysView)):
        return list(value)
    if isinstance(value, collections.abc.Mapping):
        return dict(value)
    if isinstance(value, (range, collections.deque)):
        return list(value)
    to_list = getattr(value, "tolist", None)  # numpy's and torch's scalars and arrays
    if to_list is not None and hasattr(value, "dtype"):
        made = to_list()
        if made is not value:
            return made
    raise TypeError(f"a value of {_name(type(value))}")


def _name(cls: type) -> str:
    module = cls.__module__
    return (
        cls.__qualname__ if module in ("builtins", "__main__") else f"{module}.{cls.__qualname__}"
    )


def _find_culprit(value: object, path: str, depth: int) -> str:
    """The deepest part that JSON can't say, as an expression on the value."""
    if depth > MAX_DEPTH:
        return f"{path[:200]}... is nested too deep, or in itself"
    if isinstance(value, float):
        return "" if value - value == 0 else _at(path, f"{value} is no number in JSON")
    if isinstance(value, str):
        try:
            value.encode()
            return ""
        except UnicodeEncodeError:
            return _at(path, "a text that is no Unicode (a lone surrogate)")
    if value is None or isinstance(value, int):
        return ""
    if isinstance(value, dict):
        for key, part in value.items():
            if not (key is None or isinstance(key, (str, int, float))):
                return _at(path, f"the key {key!r:.60}, of {_name(type(key))}")
            found = _find_culprit(part, f"{path}[{key!r:.60}]", depth + 1)
            if found:
                return found
        return ""
    if isinstance(value, (list, tuple)):
        for index, part in enumerate(value):
            found = _find_culprit(part, f"{path}[{index}]", depth + 1)
            if found:
                return found
        return ""
    try:
        return _find_culprit(_plain(value), path, depth + 1)
    except Exception as error:
        return _at(path, str(error))


def _at(path: str, what: str) -> str:
    return f"{what}, at {path}" if path else what


# Making values

_SCALARS = {
    datetime.datetime: lambda text: datetime.datetime.fromisoformat(_with_offset(text)),
    datetime.date: datetime.date.fromisoformat,
    datetime.time: lambda text: datetime.time.fromisoformat(_with_offset(text)),
    uuid.UUID: uuid.UUID,
    decimal.Decimal: lambda said: decimal.Decimal(str(said)),
    pathlib.Path: pathlib.Path,
    pathlib.PurePath: pathlib.PurePath,
}

UNION_TYPES = (typing.Union, getattr(types, "UnionType", typing.Union))
_ARRAYS = {
    list: list,
    tuple: tuple,
    set: set,
    frozenset: frozenset,
    collections.deque: collections.deque,
}
_MAPPINGS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)


def _with_offset(text: str) -> str:
    """Python before 3.11 doesn't read the Z of UTC."""
    return text[:-1] + "+00:00" if text.endswith("Z") else text


def hints_of(target: object) -> dict:
    """Return the type hints of a callable or class, by name; none if they can't be had."""
    if not isinstance(target, (type, types.FunctionType, types.MethodType)):
        target = getattr(type(target), "__call__", target)  # noqa: B004 - the method itself is wanted
    try:
        return typing.get_type_hints(target, include_extras=True)
    except (
        Exception
    ):  # a hint may be any expression, and name what is imported for type checkers only
        return dict(getattr(target, "__annotations__", {}))


def parameters_of(target: object) -> list:
    """Return the parameters of a callable as `inspect` has them; none if they aren't known."""
    try:
        return list(inspect.signature(target).parameters.values())
    except (TypeError, ValueError):
        return []


def converted_parameters(target: object) -> tuple | None:
    """Return the hints (positional, by name, of *args, of **kwargs) of a callable; None if JSON fits them all as it is."""
    hints = hints_of(target)
    if not any(needs_conversion(hint) for name, hint in hints.items() if name != "return"):
        return None
    positional, by_name, rest, named_rest = [], {}, None, None
    for parameter in parameters_of(target):
        hint = hints.get(parameter.name)
        if parameter.kind is parameter.VAR_POSITIONAL:
            rest = hint
            continue
        if parameter.kind is parameter.VAR_KEYWORD:
            named_rest = hint
            continue
        if parameter.kind is not parameter.KEYWORD_ONLY:
            positional.append(hint)
        if parameter.kind is not parameter.POSITIONAL_ONLY:
            by_name[parameter.name] = hint
    return positional, by_name, rest, named_rest


def needs_conversion(hint: object) -> bool:
    """Whether a value of this type is something else than its JSON."""
    hint = bare(hint)
    if not isinstance(hint, collections.abc.Hashable):  # a hint may be any expression
        return False
    if hint in _SCALARS or hint in (tuple, set, frozenset, collections.deque):
        return True
    origin = typing.get_origin(hint)
    is_class = origin is None and isinstance(hint, type)  # Python 3.9 takes list[int] for a class
    if is_class and (dataclasses.is_dataclass(hint) or issubclass(hint, enum.Enum)):
        return True
    if origin in (tuple, set, frozenset, collections.deque):
        return True
    if origin is None or origin is typing.Literal:
        return False
    return any(needs_conversion(inner) for inner in typing.get_args(hint))


def bare(hint: object) -> object:
    """The type behind Annotated and NewType."""
    while True:
        if hasattr(hint, "__metadata__"):
            hint = hint.__origin__
        elif hasattr(hint, "__supertype__"):
            hint = hint.__supertype__
        else:
            return hint


def from_json(hint: object, said: object) -> object:
    """Make what `hint` says of a value that came as JSON. Raises Misfit; where a hint says nothing, the value stays."""
    hint = bare(hint)
    if hint is None or said is None:
        return said
    try:
        if hint in _SCALARS:
            return (
                _SCALARS[hint](said) if isinstance(said, str) or hint is decimal.Decimal else said
            )
    except TypeError:  # a hint without a hash
        return said
    except (ValueError, ArithmeticError) as error:
        raise Misfit(f"{said!r:.80} is no {hint.__name__}: {error}") from None
    origin = typing.get_origin(hint)
    if origin in UNION_TYPES:
        return _one_of(typing.get_args(hint), said)
    if isinstance(hint, type) and origin is None:
        return _of_class(hint, said)
    if isinstance(said, list):
        return _of_array(origin, typing.get_args(hint), said)
    if isinstance(said, dict) and origin in _MAPPINGS and len(typing.get_args(hint)) == 2:
        inner = typing.get_args(hint)[1]
        return {key: from_json(inner, part) for key, part in said.items()}
    return said


def _one_of(hints: tuple, said: object) -> object:
    """The first of a union's types that fits; JSON itself if none does."""
    failed = None
    for hint in hints:
        if isinstance(hint, type) and type(said) is hint:
            return said
    for hint in hints:
        if not needs_conversion(hint):
            continue
        try:
            made = from_json(hint, said)
        except Misfit as error:
            failed = error
            continue
        if made is not said:
            return made
    if failed is not None and all(hint is type(None) or needs_conversion(hint) for hint in hints):
        raise failed
    return said


def _of_class(cls: type, said: object) -> object:
    if issubclass(cls, enum.Enum):
        try:
            return cls(said)
        except ValueError:
            known = ", ".join(json.dumps(_said(member.value)) for member in cls)
            raise Misfit(f"{said!r:.80} is no {cls.__name__}; there are: {known}") from None
    if dataclasses.is_dataclass(cls) and isinstance(said, dict):
        hints = hints_of(cls)
        fields = {field.name for field in dataclasses.fields(cls) if field.init}
        unknown = sorted(set(said) - fields)
        if unknown:
            raise Misfit(
                f"{cls.__name__} has no {unknown[0]!r:.60}; it has: {', '.join(sorted(fields))}"
            )
        made = {name: from_json(hints.get(name), part) for name, part in said.items()}
        try:
            return cls(**made)
        except (TypeError, ValueError) as error:
            raise Misfit(f"no {cls.__name__} can be made: {error}") from None
    if cls in _ARRAYS and isinstance(said, list):
        return _ARRAYS[cls](said)
    return said


def _said(value: object) -> object:
    return value if isinstance(value, (str, int, float)) else str(value)


def _of_array(origin: object, inner: tuple, said: list) -> object:
    if origin is tuple and inner and inner[-1] is not Ellipsis:
        return tuple(
            from_json(inner[index] if index < len(inner) else None, part)
            for index, part in enumerate(said)
        )
    made = [from_json(inner[0] if inner else None, part) for part in said]
    return _ARRAYS.get(origin, list)(made)
