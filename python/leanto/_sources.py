"""Finding the text of a function or a class: in its file, in the cell of a notebook, in what was typed at a prompt.

IPython, Jupyter and the prompt of Python 3.13 keep the text of each input where `linecache` finds it. The prompt of older
Pythons keeps nothing, but the history of `readline` has the lines; what is put together from them counts only if it
compiles to the very code that is asked for.
"""

from __future__ import annotations

import ast
import functools
import linecache
import os
import sys

from leanto.worker.names import DEFINITIONS, FUNCTIONS
from leanto.worker.typed_text import FACTORY, Text, compile_function

NO_SOURCE = (
    "its source can't be found: {where} keeps no text of what is typed. Type it in IPython, in Jupyter or at the prompt of "
    "Python 3.13, or write it to a .py file and import it from there"
)
NO_LINES = "its source can't be found in {where}; write it to a .py file and import it from there"
AMBIGUOUS = (
    "line {line} of {where} has several lambdas, and this Python doesn't say which of them it is; "
    "write them on lines of their own, or use `def`"
)
CHANGED = "its source isn't in {where} any more, which was changed since; import or run it again"


class SourceNotFound(Exception):
    """The text says why, as the end of a sentence that names what was looked for."""


def text_of_function(function: object) -> Text:
    """Return the text of a function's own `def` or `lambda`, without what decorators made of it."""
    code = function.__code__
    failure = None
    for source in _sources_of(code):
        try:
            node = _find_function(source, code)
        except SourceNotFound as error:
            failure = error
            continue
        text = _cut(source, node, code.co_name, code.co_flags)
        if source.is_exact or same_code(code_of(text, code), code):
            return text
    raise failure or SourceNotFound(_no_source(code.co_filename))


def text_of_definition(function: object) -> Text:
    """Return the text of the statement that defined a decorated function, with the decorators."""
    code = function.__code__
    for source in _sources_of(code):
        node = _find_function(source, code)
        if isinstance(node, FUNCTIONS):
            return _cut(source, node, node.name, code.co_flags, decorated=True)
    raise SourceNotFound(_no_source(code.co_filename))


def text_of_class(cls: type, main_file: str | None) -> Text:
    """Return the text of the statement that made a class of `__main__`: its definition, or an assignment."""
    for source in _sources_with(cls, main_file):
        for node in _made_by(source.tree(), cls.__name__):
            if not isinstance(node, ast.ClassDef) or _fits(node, cls):
                return _cut(source, node, cls.__name__, source.flags(), decorated=True)
    raise SourceNotFound(_no_source(main_file or "<stdin>"))


def defines(file: str | None, name: str) -> bool:
    """Whether a script has a definition of that name at its top level."""
    tree = _parse("".join(linecache.getlines(file or "")))
    return any(isinstance(node, DEFINITIONS) and node.name == name for node in tree.body)


def code_of(text: Text, like: object) -> object:
    """Return the code of the function that `text` would become, None if it wouldn't compile."""
    try:
        module = compile_function(text, like.co_freevars)
    except (SyntaxError, ValueError):
        return None
    factory = next(const for const in module.co_consts if getattr(const, "co_name", "") == FACTORY)
    pending = [factory]
    while pending:  # between the two there is a scope for type parameters
        code = pending.pop()
        if code.co_name == like.co_name:
            return code
        pending += [const for const in code.co_consts if isinstance(const, type(like))]
    return None


def same_code(one: object, other: object) -> bool:
    """Whether two code objects do the same, wherever they stand."""
    if type(one) is not type(other):
        return False
    if not isinstance(one, type(same_code.__code__)):
        return one == other and repr(one) == repr(other)  # 1 == True == 1.0
    names = ("co_code", "co_names", "co_varnames", "co_freevars", "co_cellvars", "co_argcount")
    if any(getattr(one, name) != getattr(other, name) for name in names):
        return False
    mine, others = one.co_consts, other.co_consts
    if not len(mine) == len(others):
        return False
    # The qualified names of inner functions, which are constants up to Python 3.10, hold the place.
    return all(
        same_code(a, b) or (isinstance(a, str) and isinstance(b, str) and "<locals>" in a)
        for a, b in zip(mine, others)
    )


# --- where texts are ---


class _Source:
    """A cell, a file or a statement from the history: lines, and how to name them in tracebacks."""

    def __init__(self, lines: list, filename: str, is_exact: bool, is_file: bool = False) -> None:
        self.lines = lines
        self.filename = filename
        self.is_exact = is_exact
        self.is_file = is_file

    def tree(self) -> ast.AST:
        return _parse("".join(self.lines))

    def flags(self) -> int:
        return _future_flags(self.tree())


@functools.lru_cache(maxsize=64)
def _parse(text: str) -> ast.AST:
    try:
        return ast.parse(text)
    except SyntaxError:
        return ast.Module(body=[], type_ignores=[])


def _sources_of(code: object) -> list:
    lines = _kept_lines(code)
    if lines:
        is_file = os.path.isfile(code.co_filename)
        return [_Source(lines, code.co_filename, is_exact=True, is_file=is_file)]
    if code.co_filename == "<stdin>":
        from leanto import _history

        return [_Source(block, "<stdin>", is_exact=False) for block in _history.statements()]
    return []


def _kept_lines(code: object) -> list:
    filename = code.co_filename
    if os.path.isfile(filename):
        linecache.checkcache(filename)
    of_code = getattr(linecache, "_getlines_from_code", None)  # Python 3.14
    found = (of_code(code) if of_code else None) or linecache.getlines(filename)
    return [line if line.endswith("\n") else line + "\n" for line in found]


def _sources_with(cls: type, main_file: str | None):
    """Where a class may have been defined, the likeliest first."""
    codes = [getattr(member, "__code__", None) for member in vars(cls).values()]
    files = [code.co_filename for code in codes if code is not None]
    for code in codes:
        if code is not None and code.co_filename != "<stdin>":
            yield from _sources_of(code)
    if main_file and os.path.isfile(main_file):
        linecache.checkcache(main_file)
        yield _Source(linecache.getlines(main_file), main_file, is_exact=True, is_file=True)
    for name in _inputs():
        if name not in files:
            yield _Source(linecache.getlines(name), name, is_exact=True)
    if "readline" in sys.modules and not main_file:
        from leanto import _history

        for block in _history.statements():
            yield _Source(block, "<stdin>", is_exact=False)


def _inputs() -> list:
    """The names under which linecache has the inputs of this session, the newest first."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    numbers = getattr(getattr(shell, "compile", None), "_filename_map", None)
    if numbers:
        return sorted(numbers, key=numbers.get, reverse=True)
    starts = ("<ipython-input-", "<python-input-", "<typed ", "<cell of ")
    found = [name for name in linecache.cache if isinstance(name, str) and name.startswith(starts)]
    return found[::-1]


def _no_source(filename: str) -> str:
    if filename == "<stdin>":
        version = ".".join(map(str, sys.version_info[:2]))
        return NO_SOURCE.format(where=f"this prompt of Python {version}")
    return NO_LINES.format(where=filename)


# --- the place in a text ---


def _find_function(source: _Source, code: object) -> ast.AST:
    tree = source.tree()
    if code.co_name == "<lambda>":
        return _find_lambda(source, tree, code)
    named = [
        node for node in ast.walk(tree) if isinstance(node, FUNCTIONS) and node.name == code.co_name
    ]
    here = [node for node in named if _first_line(node) == code.co_firstlineno]
    if not here and source.is_file and len(named) == 1:
        here = named  # the file was edited above of it: like all code, it travels as it is now
    if not here:
        why = CHANGED if source.is_file else NO_LINES
        raise SourceNotFound(why.format(where=source.filename))
    return here[0]


def _find_lambda(source: _Source, tree: ast.AST, code: object) -> ast.Lambda:
    every = [node for node in ast.walk(tree) if isinstance(node, ast.Lambda)]
    here = [node for node in every if node.lineno == code.co_firstlineno]
    if source.is_exact:
        here = [node for node in here if _may_be(source, node, code)]
    if hasattr(code, "co_positions"):
        exact = [node for node in here if _holds(node, code, source)]
        here = exact if source.is_exact else here
    same = [node for node in here if same_code(code_of(_cut(source, node, "<lambda>", code.co_flags), code), code)]  # fmt: skip
    texts = {ast.dump(node) for node in same}
    if len(texts) == 1:
        return same[0]
    if len(texts) > 1:
        raise SourceNotFound(AMBIGUOUS.format(line=code.co_firstlineno, where=_shown(source)))
    why = CHANGED if source.is_file else NO_LINES
    raise SourceNotFound(why.format(where=source.filename))


def _may_be(source: _Source, node: ast.Lambda, code: object) -> bool:
    arguments = node.args
    count = len(arguments.posonlyargs) + len(arguments.args)
    return count == code.co_argcount and len(arguments.kwonlyargs) == code.co_kwonlyargcount


def _holds(node: ast.Lambda, code: object, source: _Source) -> bool:
    """Whether a lambda's body is where the code says that its instructions come from."""
    body = node.body
    begin, end = (body.lineno, body.col_offset), (body.end_lineno, body.end_col_offset)
    places = [place for place in code.co_positions() if None not in place and place[1:] != (0, 0, 0)]  # fmt: skip
    inside = [p for p in places if p[2] != p[3] or p[0] != p[1]]
    return all(begin <= (p[0], p[2]) and (p[1], p[3]) <= end for p in inside)


def _first_line(node: ast.AST) -> int:
    return min([node.lineno, *(item.lineno for item in node.decorator_list)])


def _made_by(tree: ast.AST, name: str) -> list:
    """The statements that bind a class's name at the top level, the last first."""
    found = []
    for node in tree.body:
        targets = getattr(node, "targets", None) or [getattr(node, "target", None)]
        is_assigned = isinstance(node, (ast.Assign, ast.AnnAssign)) and any(
            isinstance(target, ast.Name) and target.id == name for target in targets
        )
        if is_assigned or (isinstance(node, ast.ClassDef) and node.name == name):
            found.append(node)
    return found[::-1]


def _fits(node: ast.ClassDef, cls: type) -> bool:
    """Whether a class has what the statement gives it."""
    own = vars(cls)
    for part in node.body:
        if isinstance(part, DEFINITIONS) and part.name not in own:
            return False
        member = own.get(getattr(part, "name", None))
        code = getattr(member, "__code__", None)
        if isinstance(part, FUNCTIONS) and code is not None and not part.decorator_list:
            count = len(part.args.posonlyargs) + len(part.args.args)
            if code.co_argcount != count:
                return False
    return True


def _cut(
    source: _Source, node: ast.AST, name: str, flags: int, decorated: bool = False
) -> Text:
    decorators = getattr(node, "decorator_list", ()) if decorated else ()
    first = min([node.lineno, *(item.lineno for item in decorators)])
    text = "".join(source.lines[first - 1 : node.end_lineno])
    span = (node.col_offset, node.end_col_offset) if isinstance(node, ast.Lambda) else None
    filename = source.filename if source.is_file else _shown(source, name)
    return Text(text, first, span, filename, flags & _future_mask())


def _shown(source: _Source, name: str | None = None) -> str:
    """How a traceback names the place; it's the same each time, unlike the number of a cell."""
    if source.is_file:
        return source.filename
    if source.filename.startswith(("<typed ", "<cell of ")):
        return source.filename
    is_cell = source.filename.startswith("<ipython-input-") or not source.filename.startswith("<")
    where = "cell of" if is_cell else "typed"
    return f"<{where} {name}>" if name else f"the {where.partition(' ')[0]} input"


def _future_mask() -> int:
    import __future__

    return sum(getattr(__future__, name).compiler_flag for name in __future__.all_feature_names[6:])


def _future_flags(tree: ast.AST) -> int:
    import __future__

    names = [
        alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module == "__future__"
        for alias in node.names
    ]
    return sum(getattr(__future__, name).compiler_flag for name in names) & _future_mask()
