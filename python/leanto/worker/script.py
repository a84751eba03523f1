"""A script as a module: its functions and classes without the program around them.

A function that lives in the script a user started can't be imported, and running the script again
would do all its work again, deployments included. So the script is cut down to its imports,
functions and classes and the assignments that those need, under its own line numbers, and that runs
as ``__main__``.

Cut out are: what stands under ``if __name__ == ...``, calls and other statements for their effect,
assignments that nothing kept needs, and whatever calls Leanto at module level; names that the
latter would bind are given from outside.
"""

from __future__ import annotations

import ast
import builtins
import sys

from leanto.worker import statements
from leanto.worker.names import DEFINITIONS, names_of, scopes_of
from leanto.worker.statements import IMPORTS, TRIES

_REMOTE = "comes from a call of Leanto, which a worker doesn't repeat"
_LEFT_OUT = "is set by a statement that a worker leaves out when it loads {0}"
_GUARDED = 'is set under `if __name__ == "__main__":`, which a worker doesn\'t run'
_SET_LATER = "is set only when {1} runs, which the worker hasn't done"


class Script:
    """A script cut down for one of its callables.

    ``tree``: the syntax tree of what is left. ``needed``: the module-level names that it needs,
    whoever binds them. ``given``: the names that are bound from outside.
    """

    def __init__(self, source: str, filename: str, qualname: str, given=(), also=()):
        """Cut `source` down to what `qualname` and the names in `also` need. Raises SyntaxError as `compile` does."""
        self._tree = ast.parse(source, filename)
        self._scopes = scopes_of(source, filename)
        self._known = {}
        self.root = qualname.partition(".")[0]
        self.given = set(given) - {self.root}
        self._statements = statements.outside_guards(self._tree.body)
        self._guarded = statements.inside_guards(self._tree.body)
        self._imported = self._bound_by(lambda node: isinstance(node, IMPORTS))
        self._containers = self._bound_by(statements.makes_container)
        self._remote = self._find_remote()
        self._missing = self._find_missing()
        self.needed = {self.root, *also}
        self._grow()
        self._add_plain_values()
        self.tree = ast.Module(body=self._cut(self._tree.body), type_ignores=[])

    def run(self, path: str, values=None):
        """Run what is left as the module ``__main__`` from the file `path`, and return that module.

        `values` are bound under their names instead of what the script would do to get them. What
        the script raises goes through.
        """
        from importlib.machinery import SourceFileLoader

        values = dict(values or {})
        values.pop(self.root, None)
        module = type(sys)("__main__")
        module.__file__ = path
        module.__loader__ = SourceFileLoader("__main__", path)
        module.__builtins__ = builtins
        sys.modules["__main__"] = module
        namespace = vars(module)
        namespace.update(values)
        exec(compile(self.tree, path, "exec", dont_inherit=True), namespace)
        namespace.update(values)  # `g = lt.function(g).to(here)` comes after `def g`
        return module

    def needed_names(self) -> set:
        """Return the module-level names that the callable needs, without its own."""
        bound = set()
        for node in (*self._statements, *self._guarded):
            names = self._names(node)
            bound |= names.binds | names.sets_later
        return (self.needed & bound) - {self.root}

    def explain(self, name: str):
        """Return why `name` isn't bound in the worker and what to do; None if nothing binds it."""
        for node in self._statements:
            if name in self._names(node).binds and not self._is_kept(node):
                return self._advice(name, node, _REMOTE if node in self._remote else _LEFT_OUT)
        for node in self._guarded:
            if name in self._names(node).binds:
                return self._advice(name, node, _GUARDED)
        for node in self._statements:
            if name in self._names(node).sets_later:
                return self._advice(name, node, _SET_LATER)
        return None

    def _advice(self, name, node, why) -> str:
        why = why.format(self.root, getattr(node, "name", "a function"))
        return (
            f"{name!r} {why} (line {node.lineno} of the script); pass it as an argument, "
            "or set it at the top of the script or of a module that the script imports"
        )

    # --- what statements do ---

    def _names(self, node):
        names = self._known.get(node)
        if names is None:
            names = self._known[node] = names_of(node, self._scopes)
        return names

    def _bound_by(self, is_meant) -> set:
        """The names bound by the statements that `is_meant` returns true for."""
        return set().union(*(self._names(n).binds for n in self._statements if is_meant(n)))

    def _find_remote(self) -> set:
        """The statements that would call Leanto, or that use what came from such a call."""
        imports = (node for node in self._statements if isinstance(node, IMPORTS))
        leanto = {name for node in imports for name in statements.leanto_names(node)}
        remote, from_remote = set(), set()
        before = -1
        while before < len(remote):
            before = len(remote)
            for node in self._statements:
                if isinstance(node, (*IMPORTS, *DEFINITIONS)) or node in remote:
                    continue
                names = self._names(node)
                calls = any(isinstance(part, ast.Call) for part in ast.walk(node))
                reached = self._reach(names.now) if calls else set()
                if (names.now | names.binds) & from_remote or reached & (leanto | from_remote):
                    remote.add(node)
                    from_remote |= names.binds
        return remote

    def _reach(self, names) -> set:
        """`names` and what the functions and classes among them use, and so on."""
        definitions = [node for node in self._statements if isinstance(node, DEFINITIONS)]
        reached, fresh = set(), set(names)
        while fresh:
            reached |= fresh
            used = (self._names(node).later for node in definitions if node.name in fresh)
            fresh = set().union(*used) - reached
        return reached

    def _find_missing(self) -> set:
        """The names that stay without a value."""
        bound = self._bound_by(lambda node: node not in self._remote)
        guarded = set().union(*(self._names(node).binds for node in self._guarded))
        return (self._bound_by(lambda node: True) | guarded) - bound - self.given

    # --- what is kept ---

    def _grow(self) -> None:
        before = -1
        while before < len(self.needed):
            before = len(self.needed)
            for node in reversed(self._tree.body):  # what is needed mostly stands further up
                self._need(node)

    def _need(self, node) -> bool:
        """Return whether the statement is kept, and if so, add what it needs."""
        if isinstance(node, ast.If):
            return self._need_if(node)
        if isinstance(node, TRIES):
            return self._need_try(node)
        if not self._is_kept(node):
            return False
        names = self._names(node)
        self.needed |= names.now
        is_definition = isinstance(node, DEFINITIONS)
        # A class is used as soon as an instance comes as an argument, whoever names it.
        if not is_definition or isinstance(node, ast.ClassDef) or node.name in self.needed:
            self.needed |= names.later
        return True

    def _need_if(self, node) -> bool:
        if statements.is_main_guard(node):
            return False
        test = self._names(node.test)
        kept = [self._need(child) for child in (*node.body, *node.orelse)]
        if not any(kept) and not test.binds & self.needed:
            return False
        self.needed |= test.now | test.later
        return True

    def _need_try(self, node) -> bool:
        body = [self._need(child) for child in node.body]
        rest = [self._need(child) for child in (*node.orelse, *node.finalbody)]
        if any(body):
            for handler in node.handlers:
                names = self._names(handler)
                self.needed |= names.now | names.later
        return any(body) or any(rest)

    def _is_kept(self, node) -> bool:
        names = self._names(node)
        if isinstance(node, IMPORTS) or type(node).__name__ == "TypeAlias":
            return True
        if isinstance(node, DEFINITIONS):
            return node.name in self.needed or not names.now & self._missing
        if node in self._remote:
            return False
        touched = names.binds | names.changes | (names.fills & self._containers)
        if (touched - self.given) & self.needed:
            return True
        return bool((names.changes | names.fills) & self._imported) and statements.is_setting(node)

    def _add_plain_values(self) -> None:
        """Keep constants that any function uses: it may be called by way of an argument."""
        definitions = [node for node in self._statements if isinstance(node, DEFINITIONS)]
        wanted = set().union(*(self._names(node).later for node in definitions))
        unfit = set()
        for node in self._statements:
            names = self._names(node)
            plain = names.binds if statements.sets_plain_value(node) else set()
            unfit |= names.changes | names.fills | (names.binds - plain)
        ready = self._imported | {node.name for node in definitions} | self.needed
        ready = (ready | set(dir(builtins))) - self._missing
        for node in reversed(self._statements):
            names = self._names(node)
            if names.binds & wanted and not names.binds & unfit:
                wanted |= names.now
        for node in self._statements:
            names = self._names(node)
            is_fit = names.now <= ready and not names.binds & unfit
            if is_fit and names.binds & wanted:
                self.needed |= names.binds
                ready |= names.binds

    # --- the cut ---

    def _cut(self, nodes) -> list:
        kept = []
        for position, node in enumerate(nodes):
            is_docstring = position == 0 and nodes is self._tree.body and statements.is_string(node)
            if is_docstring or self._need(node):
                kept.append(self._cut_inside(node))
        return kept

    def _cut_inside(self, node):
        if not isinstance(node, (ast.If, *TRIES)):
            return node
        fields = {name: getattr(node, name) for name in node._fields}
        for name in {"body", "orelse", "finalbody"} & set(fields):
            fields[name] = self._cut(fields[name])
        fields["body"] = fields["body"] or [ast.copy_location(ast.Pass(), node)]
        return ast.copy_location(type(node)(**fields), node)


def needed_names(source: str, qualname: str) -> set:
    """Return the module-level names that `qualname` needs from its script, and so on.

    Those among them that are bound to remote handles are what `Script.run` wants as `values`.
    Raises SyntaxError if the source isn't Python.
    """
    return Script(source, "<script>", qualname).needed_names()


def read_script(path: str, qualname: str, given=(), also=()) -> Script:
    """Return the script at `path`, cut for `qualname` and `also`. Raises SyntaxError and OSError."""
    from importlib.util import decode_source

    with open(path, "rb") as file:
        return Script(decode_source(file.read()), path, qualname, given, also)


def explain_name_error(script, name: str):
    """Return why the name has no value in a worker and what to do, or None if that isn't known.

    `script` is what `read_script` returned, or None for code that was imported.
    """
    return script.explain(name) if script is not None and name else None


def missing_name(error: NameError):
    """Return the name that a NameError is about, or None."""
    name = getattr(error, "name", None)
    if name is None and str(error).startswith("name '"):
        name = str(error).split("'")[1]  # Python 3.9 has no attribute for it
    return name
