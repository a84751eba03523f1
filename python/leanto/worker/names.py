"""Which module-level names a statement binds, changes and uses, found without running it."""

from __future__ import annotations

import ast
import symtable

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
DEFINITIONS = (*FUNCTIONS, ast.ClassDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)

# Scopes whose code runs later than the statement that holds them.
LATER = ("function", "TypeVar bound", "type variable", "type alias", "annotation")

# Methods that add to a container.
FILLERS = frozenset(
    ("add", "append", "appendleft", "extend", "insert", "reverse", "setdefault", "sort", "update")
)


class Names:
    """What one statement does with the module's names.

    ``binds``: gives these a value. ``changes``: stores into these (`x[1] = 2`, `x.y = 3`).
    ``fills``: calls a method of these that adds to a container (`x.append(4)`).
    ``now``: looks these up when it runs. ``later``: its functions and methods look these up when
    they're called.
    ``sets_later``: its functions declare these `global` and assign them.
    """

    __slots__ = ("binds", "changes", "fills", "later", "now", "sets_later")

    def __init__(self):
        self.binds = set()
        self.changes = set()
        self.fills = set()
        self.now = set()
        self.later = set()
        self.sets_later = set()


def scopes_of(source: str, filename: str) -> list:
    """Return the scopes directly inside the module, for `names_of`."""
    return symtable.symtable(source, filename, "exec").get_children()


def names_of(node, scopes) -> Names:
    """Return the names of a statement or expression at module level."""
    names = Names()
    _collect(node, names, frozenset())
    first = min([node.lineno, *(item.lineno for item in getattr(node, "decorator_list", ()))])
    for scope in scopes:
        if first <= scope.get_lineno() <= node.end_lineno:
            _collect_scope(scope, names, scope.get_type() in LATER)
    return names


def _collect(node, names: Names, hidden) -> None:
    """Add what `node` does in the module's own scope; `hidden`: a comprehension's variables."""
    if isinstance(node, ast.Name) and node.id not in hidden:
        if isinstance(node.ctx, ast.Load):
            names.now.add(node.id)
        elif isinstance(node.ctx, ast.Store):
            names.binds.add(node.id)
    elif isinstance(node, DEFINITIONS):
        names.binds.add(node.name)
    elif isinstance(node, (ast.Import, ast.ImportFrom)):
        names.binds.update(bound_by_import(node))
    elif isinstance(node, (ast.Subscript, ast.Attribute)) and isinstance(node.ctx, ast.Store):
        names.changes.update(_base(node))
    elif isinstance(node, ast.Call) and getattr(node.func, "attr", None) in FILLERS:
        names.fills.update(_base(node.func))
    elif isinstance(node, ast.AugAssign):
        names.now.update(_base(node.target))
    elif type(node).__name__ in ("MatchAs", "MatchStar", "MatchMapping"):
        names.binds.update(filter(None, (getattr(node, "name", None), getattr(node, "rest", None))))
    elif isinstance(node, COMPREHENSIONS):
        targets = (part for generator in node.generators for part in ast.walk(generator.target))
        hidden = hidden | {part.id for part in targets if isinstance(part, ast.Name)}
    before, after = _in_order(node)
    for child in before:
        _collect(child, names, hidden)
    if after:  # the variables of a loop have values whenever its body runs
        own = {part.id for child in before for part in ast.walk(child) if _is_stored(part)}
        for child in after:
            _collect(child, names, hidden | own)


def _in_order(node):
    """The parts of a node: those that bind the variables of a loop or `with`, and its body."""
    if isinstance(node, (ast.For, ast.AsyncFor)):
        return [node.iter, node.target], [*node.body, *node.orelse]
    if isinstance(node, (ast.With, ast.AsyncWith)):
        return node.items, node.body
    return _children(node), ()


def _is_stored(node) -> bool:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


def _children(node):
    """The parts of a node that are evaluated in the scope that the node stands in."""
    if isinstance(node, FUNCTIONS):
        return [*node.decorator_list, *_defaults(node.args), *_annotations(node)]
    if isinstance(node, ast.Lambda):
        return _defaults(node.args)
    if isinstance(node, ast.ClassDef):
        return [*node.decorator_list, *node.bases, *node.keywords]
    if type(node).__name__ == "TypeAlias":
        return [node.name]
    if isinstance(node, ast.AnnAssign):
        return [*ast.iter_child_nodes(node), *_quoted(node.annotation)]
    return ast.iter_child_nodes(node)


def _defaults(arguments):
    return [value for value in (*arguments.defaults, *arguments.kw_defaults) if value is not None]


def _annotations(function):
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    every += [argument for argument in (arguments.vararg, arguments.kwarg) if argument is not None]
    found = [argument.annotation for argument in every] + [function.returns]
    found = [annotation for annotation in found if annotation is not None]
    return found + [quoted for annotation in found for quoted in _quoted(annotation)]


def _quoted(annotation):
    """The expressions written as strings in an annotation."""
    found = []
    for part in ast.walk(annotation):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            try:
                found.append(ast.parse(part.value, mode="eval").body)
            except (SyntaxError, ValueError):
                continue  # a string that means something else, as in Literal["a b"]
    return found


def _collect_scope(scope, names: Names, later: bool) -> None:
    looked_up = names.later if later else names.now
    is_class = scope.get_type() == "class"
    for symbol in scope.get_symbols():
        # A name that a class body both sets and reads may be the module's when it's read (`X = X`).
        if symbol.is_referenced() and (symbol.is_global() or (is_class and not symbol.is_free())):
            looked_up.add(symbol.get_name())
        if symbol.is_declared_global() and symbol.is_assigned():
            (names.sets_later if later else names.binds).add(symbol.get_name())
    for child in scope.get_children():
        _collect_scope(child, names, later or child.get_type() in LATER)


def _base(node) -> list:
    """The name that a chain of attributes, subscripts and calls begins with, as a list of none or
    one.
    """
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return [node.id] if isinstance(node, ast.Name) else []


def bound_by_import(node) -> list:
    """Return the names that an import statement binds; those of a star import can't be known."""
    return [
        alias.asname
        or (alias.name if isinstance(node, ast.ImportFrom) else alias.name.partition(".")[0])
        for alias in node.names
        if alias.name != "*"
    ]
