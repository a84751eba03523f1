"""Kinds of statements at the top level of a script, told apart for cutting it down."""

from __future__ import annotations

import ast

from leanto.worker.names import bound_by_import

TRIES = (ast.Try, *([ast.TryStar] if hasattr(ast, "TryStar") else []))
IMPORTS = (ast.Import, ast.ImportFrom)
ASSIGNMENTS = (ast.Assign, ast.AnnAssign, ast.AugAssign)

# What a value that is only written down consists of.
PLAIN = (ast.Constant, ast.Name, ast.Tuple, ast.List, ast.Set, ast.Dict, ast.UnaryOp, ast.BinOp)
PLAIN_PARTS = (*PLAIN, ast.expr_context, ast.operator, ast.unaryop)

# What makes a new container.
DISPLAYS = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
CONTAINERS = ("list", "dict", "set", "defaultdict", "OrderedDict", "Counter", "deque")

# Containers of the process whose filling is a setting rather than work.
SETTINGS = ("sys.path", "os.environ")


def outside_guards(nodes) -> list:
    """Return the statements, also those within `if` and `try`, but not under a main guard."""
    return [node for node, guarded in _flatten(nodes, guarded=False) if not guarded]


def inside_guards(nodes) -> list:
    """Return the statements under main guards, also those within `if` and `try` there."""
    return [node for node, guarded in _flatten(nodes, guarded=False) if guarded]


def _flatten(nodes, guarded: bool):
    for node in nodes:
        if isinstance(node, ast.If):
            yield from _flatten((*node.body, *node.orelse), guarded or is_main_guard(node))
        elif isinstance(node, TRIES):
            handlers = [child for handler in node.handlers for child in handler.body]
            yield from _flatten((*node.body, *node.orelse, *node.finalbody, *handlers), guarded)
        else:
            yield node, guarded


def is_main_guard(node) -> bool:
    """Whether an `if` asks for `__name__`."""
    return any(isinstance(part, ast.Name) and part.id == "__name__" for part in ast.walk(node.test))


def is_string(node) -> bool:
    """Whether a statement is a string by itself: a docstring if it comes first."""
    return isinstance(node, ast.Expr) and isinstance(getattr(node.value, "value", None), str)


def leanto_names(node) -> list:
    """Return the names by which an import makes Leanto known."""
    if isinstance(node, ast.ImportFrom):
        is_leanto = not node.level and (node.module or "").partition(".")[0] == "leanto"
        return bound_by_import(node) if is_leanto else []
    ours = [alias for alias in node.names if alias.name.partition(".")[0] == "leanto"]
    return bound_by_import(ast.Import(names=ours))


def sets_plain_value(node) -> bool:
    """Whether a statement gives names a value that is only written down, nothing being called."""
    return isinstance(node, (ast.Assign, ast.AnnAssign)) and _is_plain(node.value)


def is_setting(node) -> bool:
    """Whether a statement only sets something to a plain value: `os.environ["A"] = "1"`."""
    if isinstance(node, ASSIGNMENTS):
        return _is_plain(node.value)
    call = node.value if isinstance(node, ast.Expr) else None
    if not isinstance(call, ast.Call):
        return False
    place = ast.unparse(call.func).rpartition(".")[0]
    values = (*call.args, *(keyword.value for keyword in call.keywords))
    return place in SETTINGS and all(_is_plain(value) for value in values)


def makes_container(node) -> bool:
    """Whether a statement gives names a new list, dict, set or the like.

    A table that is built up step by step is data like one written in one piece, so the calls that
    fill such a container are kept where others, made for their effect, are not.
    """
    if not isinstance(node, (ast.Assign, ast.AnnAssign)):
        return False
    if isinstance(node.value, ast.Call):
        function = node.value.func
        return getattr(function, "attr", getattr(function, "id", None)) in CONTAINERS
    return isinstance(node.value, DISPLAYS)


def _is_plain(value) -> bool:
    return value is not None and all(isinstance(part, PLAIN_PARTS) for part in ast.walk(value))
