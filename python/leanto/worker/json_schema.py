"""What a service takes and gives, as JSON schemas made from its type hints; imported when somebody asks for it."""

from __future__ import annotations

import collections.abc
import dataclasses
import datetime
import decimal
import enum
import inspect
import json
import pathlib
import typing
import uuid

from leanto.worker import json_types, service

_BASIC = {
    type(None): {"type": "null"},
    None: {"type": "null"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
    list: {"type": "array"},
    tuple: {"type": "array"},
    set: {"type": "array", "uniqueItems": True},
    frozenset: {"type": "array", "uniqueItems": True},
    dict: {"type": "object"},
    datetime.datetime: {"type": "string", "format": "date-time"},
    datetime.date: {"type": "string", "format": "date"},
    datetime.time: {"type": "string", "format": "time"},
    datetime.timedelta: {"type": "number", "description": "seconds"},
    uuid.UUID: {"type": "string", "format": "uuid"},
    decimal.Decimal: {"type": "string", "format": "decimal"},
    pathlib.Path: {"type": "string"},
    pathlib.PurePath: {"type": "string"},
}

_SETS = (set, frozenset, collections.abc.Set, collections.abc.MutableSet)
_SEQUENCES = (
    list, collections.deque, collections.abc.Sequence, collections.abc.MutableSequence,
    collections.abc.Iterable, collections.abc.Collection,
)  # fmt: skip
_MAPPINGS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)
_STREAMS = (
    collections.abc.Iterator, collections.abc.Iterable, collections.abc.Generator,
    collections.abc.AsyncIterator, collections.abc.AsyncIterable, collections.abc.AsyncGenerator,
)  # fmt: skip


def describe(owner: object, on_class: bool) -> dict:
    """Return {"functions": {member: {"parameters", "returns", "call", "doc"}}, "schemas": {name: schema}}.

    A function's own member is the empty text. Of a class: what can be called on it (`on_class`), or on an instance.
    """
    schemas: dict = {}
    functions = {}
    if not isinstance(owner, type):
        functions[""] = _function(owner, schemas)
    else:
        for name, member in _members(owner, on_class):
            functions[name] = _function(member, schemas)
    return {"functions": functions, "schemas": schemas}


def _members(cls: type, on_class: bool):
    for name in dir(cls):
        if name.startswith("_") and name != "__call__":
            continue
        static = inspect.getattr_static(cls, name)
        bound = isinstance(static, (classmethod, staticmethod))
        if service.kind_of(static) is None or (on_class and not bound):
            continue
        yield name, getattr(cls, name) if bound else _Method(static)


class _Method:
    """A function that an instance will be given to: its first parameter is no caller's."""

    def __init__(self, function: object) -> None:
        self.function = function


def _function(target: object, schemas: dict) -> dict:
    method = isinstance(target, _Method)
    function = target.function if method else target
    hints = json_types.hints_of(function)
    parameters = json_types.parameters_of(function)[1 if method else 0 :]
    call = service.kind_of(function) or "function"
    returned = hints.get("return")
    if call in ("generator", "async_generator"):
        inner = typing.get_args(returned) if typing.get_origin(returned) in _STREAMS else ()
        returns = schema_of(inner[0], schemas) if inner else {}
    else:
        returns = schema_of(returned, schemas) if "return" in hints else {}
    return {
        "parameters": [_parameter(each, hints, schemas) for each in parameters],
        "returns": returns,
        "call": call,
        "doc": inspect.cleandoc(getattr(function, "__doc__", None) or "")[:2000],
    }


def _parameter(parameter: inspect.Parameter, hints: dict, schemas: dict) -> dict:
    schema = schema_of(hints[parameter.name], schemas) if parameter.name in hints else {}
    required = parameter.default is parameter.empty
    if not required and not _is_ref(schema):
        try:
            schema = {**schema, "default": json.loads(json_types.dumps(parameter.default))}
        except json_types.Misfit:
            pass
    return {
        "name": parameter.name,
        "kind": parameter.kind.name.lower(),
        "required": required and parameter.kind.name not in ("VAR_POSITIONAL", "VAR_KEYWORD"),
        "schema": schema,
    }


def _is_ref(schema: dict) -> bool:
    return "$ref" in schema


def schema_of(hint: object, schemas: dict) -> dict:
    """Return the JSON schema of a type hint; {} (anything) where it says nothing that JSON could."""
    hint = json_types.bare(hint)
    try:
        if hint in _BASIC:
            return dict(_BASIC[hint])
    except TypeError:
        return {}
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in json_types.UNION_TYPES:
        return _union(inner, schemas)
    if origin is typing.Literal:
        return {"enum": [value.value if isinstance(value, enum.Enum) else value for value in inner]}
    if origin is None:
        return _of_class(hint, schemas)
    return _generic(origin, inner, schemas)


def _union(hints: tuple, schemas: dict) -> dict:
    options = [schema_of(hint, schemas) for hint in hints]
    if {} in options:
        return {}
    names = [option.get("type") for option in options]
    if all(isinstance(name, str) and len(option) == 1 for name, option in zip(names, options)):
        return {"type": names}
    return {"anyOf": options}


def _generic(origin: object, inner: tuple, schemas: dict) -> dict:
    if origin is tuple and inner and inner[-1] is not Ellipsis:
        parts = [schema_of(part, schemas) for part in inner if part != ()]
        return {
            "type": "array",
            "prefixItems": parts,
            "minItems": len(parts),
            "maxItems": len(parts),
        }
    if origin is tuple or origin in _SEQUENCES or origin in _SETS:
        schema = {"type": "array"}
        items = schema_of(inner[0], schemas) if inner else {}
        if items:
            schema["items"] = items
        if origin in _SETS:
            schema["uniqueItems"] = True
        return schema
    if origin in _MAPPINGS:
        values = schema_of(inner[1], schemas) if len(inner) == 2 else {}
        return {"type": "object", "additionalProperties": values} if values else {"type": "object"}
    return {}


def _of_class(cls: object, schemas: dict) -> dict:
    if not isinstance(cls, type):
        return {}
    if cls.__module__.partition(".")[0] == "numpy" and cls.__name__ == "ndarray":
        return {"type": "array"}
    if cls in _SEQUENCES:
        return {"type": "array"}
    if cls in _MAPPINGS:
        return {"type": "object"}
    is_enum = issubclass(cls, enum.Enum)
    is_typed = typing.is_typeddict(cls) if hasattr(typing, "is_typeddict") else _is_typed_dict(cls)
    if not (is_enum or is_typed or dataclasses.is_dataclass(cls)):
        return {}
    name = _free_name(cls, schemas)
    if name not in schemas:
        schemas[name] = {"x-python": _full_name(cls)}  # it may be found in its own fields
        schemas[name].update(_enum(cls) if is_enum else _record(cls, is_typed, schemas))
    return {"$ref": f"#/components/schemas/{name}"}


def _is_typed_dict(cls: type) -> bool:
    return issubclass(cls, dict) and hasattr(cls, "__total__")


def _full_name(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def _free_name(cls: type, schemas: dict) -> str:
    """The class's name, unless another class has it already."""
    name = "".join(c if c.isalnum() and c.isascii() else "_" for c in cls.__qualname__)
    number = 1
    free = name
    while free in schemas and schemas[free]["x-python"] != _full_name(cls):
        number += 1
        free = f"{name}{number}"
    return free


def _enum(cls: type) -> dict:
    values = []
    for member in cls:
        try:
            values.append(json.loads(json_types.dumps(member.value)))
        except json_types.Misfit:
            return {}
    return {"enum": values}


def _record(cls: type, is_typed: bool, schemas: dict) -> dict:
    hints = json_types.hints_of(cls)
    if is_typed:
        required = sorted(cls.__required_keys__)
    else:
        hints = {
            field.name: hints.get(field.name) for field in dataclasses.fields(cls) if field.init
        }
        required = [
            field.name
            for field in dataclasses.fields(cls)
            if field.init
            and field.default is dataclasses.MISSING
            and field.default_factory is dataclasses.MISSING
        ]
    schema = {
        "type": "object",
        "properties": {name: schema_of(hint, schemas) for name, hint in hints.items()},
    }
    if required:
        schema["required"] = required
    if not is_typed:
        schema["additionalProperties"] = False
    return schema
