"""The text of one function or class that travels by itself, and how it becomes code again.

A function is compiled inside of a function that has its free variables as parameters, without its decorators and with
empty defaults: closure, defaults and attributes come as values afterwards. Lines and columns stay those of the cell or file
that the text was taken from, so that tracebacks show them.
"""

from __future__ import annotations

import ast

FACTORY = "leanto_factory"


class Text:
    """A piece of source.

    ``text``: whole lines. ``line``: the number of the first. ``span``: for a lambda, where it begins and ends in the first
    and last of these lines, in bytes; None for a definition, which is all of the text. ``filename``: what tracebacks say.
    ``flags``: the `from __future__ import`s that hold for it, as `compile` takes them. ``is_file``: whether it's from a file.
    """

    __slots__ = ("filename", "flags", "is_file", "line", "span", "text")

    def __init__(
        self, text: str, line: int, span: tuple | None, filename: str, flags: int, is_file: bool
    ) -> None:
        self.text = text
        self.line = line
        self.span = span
        self.filename = filename
        self.flags = flags
        self.is_file = is_file

    def __reduce__(self) -> tuple:
        return Text, (
            self.text, self.line, self.span, self.filename, self.flags, self.is_file,
        )  # fmt: skip

    def readable(self) -> str:
        """Return the text as a module of its own: one statement, or a lambda in parentheses."""
        if self.span is None:
            return f"if 1:\n{self.text}" if self.text[:1] in (" ", "\t") else self.text
        data = self.text.encode()
        last = data.rstrip(b"\n").rfind(b"\n") + 1
        return f"({data[self.span[0] : last + self.span[1]].decode()}\n)"

    def node(self) -> ast.AST:
        """Return the definition or lambda, numbered as in `readable`."""
        node = ast.parse(self.readable()).body[0]
        if self.span is not None:
            return node.value
        return node.body[0] if self.text[:1] in (" ", "\t") else node

    def placed_node(self) -> ast.AST:
        """Return the definition or lambda, numbered as in the cell or file."""
        node = self.node()
        if self.span is not None:
            for part in ast.walk(node):
                if getattr(part, "lineno", 0) == 1:
                    part.col_offset += self.span[0] - 1
                if getattr(part, "end_lineno", 0) == 1:
                    part.end_col_offset += self.span[0] - 1
        indented = self.span is None and self.text[:1] in (" ", "\t")
        return ast.increment_lineno(node, self.line - (2 if indented else 1))

    def lines_alone(self) -> list:
        """Return the lines of a cell or file that has only this, which Python can parse."""
        own = self.text.splitlines(keepends=True)
        before = ["\n"] * (self.line - 1)
        if self.span is not None:
            indent = own[0].encode()[: self.span[0]].decode()
            own[0] = " " * len(indent.encode()) + own[0][len(indent) :]
            own[-1] = own[-1].encode()[: self.span[1]].decode() + "\n"
        if own[0][:1] in (" ", "\t") and before:
            before[-1] = "if 1:\n"
        return before + own

    def register(self) -> None:
        """Let tracebacks and `inspect` find the lines, and `find_kept` the text."""
        import linecache

        _kept.setdefault(self.filename, {})[self.line] = self
        known = linecache.cache.get(self.filename)
        lines = list(known[2]) if known and len(known) == 4 else []
        own = self.text.splitlines(keepends=True)
        lines += ["\n"] * (self.line - 1 + len(own) - len(lines))
        lines[self.line - 1 : self.line - 1 + len(own)] = own
        linecache.cache[self.filename] = (sum(map(len, lines)), None, lines, self.filename)


_kept: dict = {}  # filename → {line: text}, of those that were made here


def find_kept(filename: str, line: int) -> Text | None:
    """Return the text that was made to code here and that this line is in."""
    for text in _kept.get(filename, {}).values():
        if text.line <= line < text.line + text.text.count("\n"):
            return text
    return None


def compile_function(text: Text, free: tuple, before: list | tuple = ()):
    """Return the code of a module whose only function, FACTORY, takes the variables `free` and gives the function.

    The statements `before` come first in it.
    """
    node = text.placed_node()
    for name in ("defaults", "kw_defaults"):
        values = [_nothing_at(value) for value in getattr(node.args, name)]
        setattr(node.args, name, values)
    at = {"lineno": node.lineno, "col_offset": 0, "end_lineno": node.lineno, "end_col_offset": 0}
    if isinstance(node, ast.Lambda):
        body = [ast.Return(value=node, **at)]
    else:
        node.decorator_list = []
        body = [node, ast.Return(value=ast.Name(id=node.name, ctx=ast.Load(), **at), **at)]
    module = ast.parse(f"def {FACTORY}({', '.join(f'{name}=None' for name in free)}): pass")
    ast.increment_lineno(module, node.lineno - 1)
    module.body[0].body = body
    module.body[:0] = before
    return compile(module, text.filename, "exec", flags=text.flags, dont_inherit=True)


def compile_definition(text: Text):
    """Return the code of a module that runs the statement as it stands, with decorators and defaults."""
    module = ast.Module(body=[text.placed_node()], type_ignores=[])
    return compile(module, text.filename, "exec", flags=text.flags, dont_inherit=True)


def _nothing_at(value):
    return value and ast.copy_location(ast.Constant(value=None), value)
