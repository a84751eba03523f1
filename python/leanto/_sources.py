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

from leanto import _roots
from leanto.worker import statements
from leanto.worker.names import DEFINITIONS, FUNCTIONS
from leanto.worker.typed_text import Text, compile_function, find_kept

OWN = ("<typed ", "<cell of ")  # in a worker, what came from elsewhere

PROMPTS = ("<stdin>", "<console>")  # Python's, and that of `python -m asyncio`

NO_TEXT = (
    "the source of {name} can't be found: the prompt of Python {}.{} keeps {} of what is typed. "
    "Type it in IPython, in Jupyter or at the prompt of Python 3.13, or write it to a .py file and import it from there"
)
NO_LINES = "the source of {name} can't be found in {where}; write it to a .py file and import it from there"
AMBIGUOUS = (
    "line {line} of {where} has several lambdas, and this Python doesn't say which of them it is; "
    "write them on lines of their own, or use `def`"
)
CHANGED = "the source of {name} isn't in {where} any more, which was changed since; import or run it again"


class SourceNotFound(Exception):
    """The text says what of, why, and what to do."""


def text_of_function(function: object) -> Text:
    """Return the text of a function's own `def` or `lambda`, without what decorators made of it."""
    code = function.__code__
    source, node = _find_function(code)
    return _cut(source, node, code.co_name, code.co_flags)


def text_of_definition(function: object) -> Text:
    """Return the text of the statement that defined a decorated function, with the decorators."""
    code = function.__code__
    source, node = _find_function(code)
    if isinstance(node, ast.Lambda):
        raise SourceNotFound(_not_in(source, code.co_name))
    return _cut(source, node, node.name, code.co_flags, decorated=True)


def text_of_class(cls: type, main_file: str | None) -> Text:
    """Return the text of the statement that made a class of `__main__`: its definition, or an assignment."""
    for source in _sources_with(cls, main_file):
        for node in _made_by(source.tree(), cls.__name__):
            if not isinstance(node, ast.ClassDef) or _fits(source, node, cls):
                return _cut(source, node, cls.__name__, _flags_of(source, cls), decorated=True)
    where = main_file or ("the cells of this session" if _shell() else "<stdin>")
    raise SourceNotFound(_no_source(where, cls.__name__))


def defines(file: str | None, name: str) -> bool:
    """Whether a script has a definition of that name at its top level."""
    nodes = _statements(_parse("".join(linecache.getlines(file or ""))))
    return any(isinstance(node, DEFINITIONS) and node.name == name for node in nodes)


def same_code(one: object, other: object) -> bool:
    """Whether two code objects do the same, wherever they stand."""
    if type(one) is not type(other):
        return False
    if not isinstance(one, type(same_code.__code__)):
        alike = isinstance(one, frozenset) or repr(one) == repr(other)  # 1 == True == 1.0
        return one == other and alike
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


@functools.lru_cache(maxsize=64)
def _parse(text: str) -> ast.AST:
    try:
        return ast.parse(text)
    except SyntaxError:
        return ast.Module(body=[], type_ignores=[])


def _sources_of(code: object) -> list:
    text = find_kept(code.co_filename, code.co_firstlineno)
    if text is not None:
        return [_Source(text.lines_alone(), code.co_filename, is_exact=True, is_file=text.is_file)]
    lines = _kept_lines(code)
    is_file = os.path.isfile(code.co_filename)
    if lines or is_file:
        return [_Source(lines, code.co_filename, is_exact=True, is_file=is_file)]
    if code.co_filename in PROMPTS:
        from leanto import _history

        return [_Source(block, "<stdin>", is_exact=False) for block in _history.statements()]
    return [_Source(lines, code.co_filename, is_exact=False) for lines in _cells_with_magic()]


def _cells_with_magic() -> list:
    """The cells that begin with a magic like %%time, which runs the rest without keeping its text; the newest first."""
    history = getattr(getattr(_shell(), "history_manager", None), "input_hist_raw", ())
    cells = [cell.splitlines(keepends=True) for cell in history if cell.startswith("%%")]
    return [[line.rstrip("\n") + "\n" for line in lines[1:]] for lines in cells[::-1]]


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
        if code is not None and code.co_filename not in PROMPTS:
            yield from _sources_of(code)
    if main_file and os.path.isfile(main_file) and not _roots.is_installed(main_file):
        linecache.checkcache(main_file)
        yield _Source(linecache.getlines(main_file), main_file, is_exact=True, is_file=True)
    for name in _inputs():
        if name not in files:
            yield _Source(linecache.getlines(name), name, is_exact=True)
    kept = getattr(linecache, "_interactive_cache", {})  # Python 3.14
    for entry in list(kept.values())[::-1]:
        yield _Source(list(entry[2]), entry[3], is_exact=True)
    if "readline" in sys.modules:
        from leanto import _history

        for block in _history.statements():
            yield _Source(block, "<stdin>", is_exact=False)


def _shell() -> object:
    """IPython's shell, None if this is none."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if hasattr(ipython, "get_ipython") else None


def _inputs() -> list:
    """The names under which linecache has the inputs of this session, the newest first."""
    numbers = getattr(getattr(_shell(), "compile", None), "_filename_map", None)
    if numbers:
        return sorted(numbers, key=numbers.get, reverse=True)
    starts = ("<ipython-input-", "<python-input-", "<stdin>-", *OWN)
    found = [name for name in linecache.cache if isinstance(name, str) and name.startswith(starts)]
    return found[::-1]


def _not_in(source: _Source, name: str) -> str:
    if source.is_file:
        return CHANGED.format(name=name, where=source.filename)
    return _no_source(source.filename, name)


def _no_source(filename: str, name: str) -> str:
    if filename in PROMPTS:
        has_history = "readline" in sys.modules
        kept = "only a history, without equal lines in a row," if has_history else "nothing"
        return NO_TEXT.format(*sys.version_info[:2], kept, name=name)
    return NO_LINES.format(name=name, where=filename)


# --- the place in a text ---


def _find_function(code: object) -> tuple:
    """Return (source, definition or lambda) of a function's code."""
    sources = _sources_of(code)
    for source in sources:
        nodes = _candidates(source, code)
        if len({ast.dump(node) for node in nodes}) > 1:
            where = _shown(source, code.co_name)
            raise SourceNotFound(AMBIGUOUS.format(line=code.co_firstlineno, where=where))
        if nodes:
            return source, nodes[0]
    raise SourceNotFound(
        _not_in(sources[0], code.co_name) if sources else _no_source(code.co_filename, code.co_name)
    )


def _candidates(source: _Source, code: object) -> list:
    """The definitions or lambdas that the code may come from."""
    kind = ast.Lambda if code.co_name == "<lambda>" else FUNCTIONS
    named = [
        node
        for node in ast.walk(source.tree())
        if isinstance(node, kind) and getattr(node, "name", "<lambda>") == code.co_name
    ]
    if not source.is_exact:
        return [node for node in named if same_code(_code_of(source, node, code), code)][:1]
    here = [node for node in named if _first_line(node) == code.co_firstlineno]
    if kind is not ast.Lambda:
        # In a file that was edited above of it, it has moved: like all code, it travels as it is now.
        return here or (named if source.is_file and len(named) == 1 else [])
    if hasattr(code, "co_positions"):
        here = [node for node in here if _holds(node, code)]
    return [node for node in here if same_code(_code_of(source, node, code), code)]


def _holds(node: ast.Lambda, code: object) -> bool:
    """Whether a lambda's body is where the code says that its instructions come from."""
    body = node.body
    begin, end = (body.lineno, body.col_offset), (body.end_lineno, body.end_col_offset)
    for line, end_line, column, end_column in code.co_positions():
        if None in (line, end_line, column, end_column) or column == end_column:
            continue
        if (line, column) < begin or (end_line, end_column) > end:
            return False
    return True


def _code_of(source: _Source, node: ast.AST, like: object) -> object:
    """Return the code that a definition or lambda gives, to be compared with `like`; None if it gives none."""
    text = _cut(source, node, like.co_name, like.co_flags)
    imports = [each for each in _statements(source.tree()) if isinstance(each, statements.IMPORTS)]
    try:  # calls of what was imported have a code of their own
        module = compile_function(text, like.co_freevars, imports)
    except (SyntaxError, ValueError):
        return None
    pending = [module]
    while pending:  # between the factory and the function there may be a scope for type parameters
        code = pending.pop()
        if code.co_name == like.co_name and code is not module:
            return code
        pending += [const for const in code.co_consts if isinstance(const, type(like))]
    return None


def _statements(tree: ast.AST) -> list:
    """The statements at the top level, also those within `if` and `try`."""
    return [*statements.outside_guards(tree.body), *statements.inside_guards(tree.body)]


def _first_line(node: ast.AST) -> int:
    return min([node.lineno, *(item.lineno for item in getattr(node, "decorator_list", ()))])


def _made_by(tree: ast.AST, name: str) -> list:
    """The statements that bind a class's name at the top level, the last first."""
    found = []
    for node in _statements(tree):
        targets = getattr(node, "targets", None) or [getattr(node, "target", None)]
        is_assigned = isinstance(node, (ast.Assign, ast.AnnAssign)) and any(
            isinstance(target, ast.Name) and target.id == name for target in targets
        )
        if is_assigned or (isinstance(node, ast.ClassDef) and node.name == name):
            found.append(node)
    return found[::-1]


def _fits(source: _Source, node: ast.ClassDef, cls: type) -> bool:
    """Whether a class is what the statement gives; in what isn't exact the code of all methods has to be the same."""
    own = vars(cls)
    if any(part.name not in own for part in node.body if isinstance(part, DEFINITIONS)):
        return False
    compiled = compile(
        ast.Module(body=[node], type_ignores=[]), "<text>", "exec", dont_inherit=True
    )
    made = {code.co_name: code for code in _codes_in(compiled) if code.co_name != cls.__name__}
    for part in node.body:
        code = getattr(own.get(getattr(part, "name", None)), "__code__", None)
        if not isinstance(part, FUNCTIONS) or code is None or part.decorator_list:
            continue
        other = made.get(part.name)
        if other is None or code.co_argcount != other.co_argcount:
            return False
        if not source.is_exact and not same_code(code, other):
            return False
    return True


def _codes_in(code: object) -> list:
    """The code objects in a module and in its classes, outermost first."""
    found = [const for const in code.co_consts if isinstance(const, type(code))]
    for inner in list(found):
        if not inner.co_flags & 0x2:  # CO_NEWLOCALS: it is no function
            found += _codes_in(inner)
    return found


def _flags_of(source: _Source, cls: type) -> int:
    """The `from __future__` imports that hold for a class: of its cell, of cells before it, as its methods show."""
    codes = [getattr(member, "__code__", None) for member in vars(cls).values()]
    flags = getattr(getattr(_shell(), "compile", None), "flags", 0)
    for code in codes:
        if code is not None and code.co_filename == source.filename:
            flags |= code.co_flags
    for node in source.tree().body:
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            flags |= _annotations_flag()
    return flags


def _cut(source: _Source, node: ast.AST, name: str, flags: int, decorated: bool = False) -> Text:
    decorators = getattr(node, "decorator_list", ()) if decorated else ()
    first = min([node.lineno, *(item.lineno for item in decorators)])
    text = "".join(source.lines[first - 1 : node.end_lineno])
    span = (node.col_offset, node.end_col_offset) if isinstance(node, ast.Lambda) else None
    filename = source.filename if source.is_file else _shown(source, name)
    return Text(text, first, span, filename, flags & _annotations_flag(), source.is_file)


def _shown(source: _Source, name: str | None = None) -> str:
    """How a traceback names the place; it's the same each time, unlike the number of a cell."""
    if source.is_file:
        return source.filename
    if source.filename.startswith(OWN):
        return source.filename
    is_cell = source.filename.startswith("<ipython-input-") or not source.filename.startswith("<")
    where = "cell of" if is_cell else "typed"
    return f"<{where} {name}>" if name else f"the {where.partition(' ')[0]} input"


def _annotations_flag() -> int:
    """The only one that still changes what code means."""
    import __future__

    return __future__.annotations.compiler_flag
