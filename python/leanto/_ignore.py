"""Which paths of a source tree stay at home: gitignore's rules, the same as the node's own (src/store/ignore.h).

Paths and patterns are bytes, with ``/`` between names. The rules of a directory come from its ``.gitignore`` and then its
``.leantoignore``, of which the later rule wins; those of a deeper directory win over those above. Nothing below an ignored
directory can be brought back, because nobody looks there.
"""

from __future__ import annotations

import re
import string

FILES = (b".gitignore", b".leantoignore")
_ALWAYS = re.compile(
    rb"(?:\.git|\.hg|\.svn|__pycache__|node_modules|\.ipynb_checkpoints|\.tox|\.nox|\.mypy_cache|\.pytest_cache"
    rb"|\.ruff_cache|.*\.sw[px]|.*~|\.#.*|.*\.pyc)\Z",
    re.DOTALL,
)
_SPECIAL = re.compile(rb"[*?\[\\]")
_SLASH = ord("/")

is_always_ignored = _ALWAYS.match


def line_for(path: bytes, is_directory: bool) -> bytes:
    """Return the line of the root's ``.leantoignore`` by which exactly this path is ignored."""
    line = b"/" + _SPECIAL.sub(rb"\\\g<0>", path)
    if line.endswith(b" "):
        line = line[:-1] + b"\\ "
    return line + b"/" if is_directory else line


class Scope:
    """The rules in force in a directory: its own and those of the directories above."""

    __slots__ = ("_above", "_outer", "_prefix", "_runs")

    def __init__(self, outer: Scope | None, directory: bytes, runs: list, above: bytes = b""):
        self._outer = outer
        self._prefix = len(directory) + 1 if directory else 0  # what of a path leads to here
        self._above = above + b"/" if above else b""  # what leads from here to the root
        self._runs = runs

    def ignores(self, path: bytes, name: bytes, is_directory: bool) -> bool:
        """Whether `path`, which is from the root and ends with `name`, stays at home."""
        scope: Scope | None = self
        while scope is not None:
            text = scope._above + path if scope._above else path[scope._prefix :]
            for run in scope._runs:
                if run.matches(text, name, is_directory):
                    return not run.is_negated
            scope = scope._outer
        return False


def enter(outer: Scope | None, directory: bytes, texts: list) -> Scope | None:
    """Return the scope of `directory`, with the `texts` of its ignore files; that of above if they say nothing."""
    runs = _parse(texts)
    return Scope(outer, directory, runs) if runs else outer


def enter_from_above(outer: Scope | None, root: bytes, text: bytes) -> Scope | None:
    """Return the scope of a directory at or above the root, whose path from there is `root`."""
    runs = _parse([text])
    return Scope(outer, b"", runs, root) if runs else outer


class _Run:
    """Rules that follow on each other and say the same: to ignore what they match, or not to."""

    __slots__ = ("_of_all", "_of_directories", "is_negated")

    def __init__(self, rules: list) -> None:
        self.is_negated = rules[0].is_negated
        self._of_directories = _together(rules)
        self._of_all = _together([rule for rule in rules if not rule.directories_only])

    def matches(self, text: bytes, name: bytes, is_directory: bool) -> bool:
        by_name, by_path = self._of_directories if is_directory else self._of_all
        return bool((by_name and by_name(name)) or (by_path and by_path(text)))


def _together(rules: list) -> tuple:
    """Return what matches names, and what matches whole paths; None where no rule does."""
    both = []
    for name_only in (True, False):
        patterns = [rule.steps for rule in rules if rule.name_only is name_only]
        both.append(_compile(patterns) if patterns else None)
    return tuple(both)


def _compile(patterns: list) -> object:
    groups = 0
    written = []
    for steps in patterns:
        text, groups = _write(steps, groups)
        written.append(text)
    return re.compile(rb"(?:" + b"|".join(written) + rb")\Z", re.DOTALL).match


def _write(steps: list, groups: int) -> tuple:
    """Return the steps as a regular expression, whose groups are numbered from `groups` on, and how far they got.

    What a `*` and what follows it take is settled at the first place where that fits, if another `*` of the same name comes
    later, so that no pattern takes long. (An atomic group is written like this before Python 3.11.)
    """
    out: list = []
    begun = None  # where the last `*` of this name is in `out`
    for step in steps:
        if step is _IN_NAME:
            if begun is not None:
                groups += 1
                out[begun] = rb"(?=(?P<g%d>[^/]*?" % groups
                out.append(rb"))(?P=g%d)" % groups)
            begun = len(out)
        elif step in (b"/", _ANYTHING, _DIRECTORIES):
            begun = None
        out.append(step)
    return b"".join(out), groups


def _parse(texts: list) -> list:
    """Return the runs of rules, the one that wins first."""
    runs: list = []
    for text in texts:
        for rule in _rules_of(text):
            if runs and runs[-1][0].is_negated == rule.is_negated:
                runs[-1].append(rule)
            else:
                runs.append([rule])
    return [_Run(rules) for rules in reversed(runs)]


def _rules_of(text: bytes) -> list:
    if text.startswith(b"\xef\xbb\xbf"):
        text = text[3:]
    lines = text.split(b"\n")
    rules = []
    for number, line in enumerate(lines, start=1):
        if number < len(lines) and line.endswith(b"\r"):
            line = line[:-1]
        try:
            rules.append(_Rule(line))
        except _Void:
            pass
    return rules


class _Void(Exception):
    """A line that can never match: blank, a comment, or broken."""


class _Rule:
    __slots__ = ("directories_only", "is_negated", "name_only", "steps")

    def __init__(self, line: bytes) -> None:
        line = b"" if line.startswith(b"#") else _without_trailing_spaces(line)
        self.is_negated = line.startswith(b"!")
        if self.is_negated:
            line = line[1:]
        self.directories_only = line.endswith(b"/")
        if self.directories_only:
            line = line[:-1]
        self.name_only = b"/" not in line
        if line.startswith(b"/"):
            line = line[1:]
        if not line:
            raise _Void
        special = _SPECIAL.search(line)
        start = special.start() if special else len(line)
        self.steps = [re.escape(line[:start]), *_Glob(line[start:]).steps]


def _without_trailing_spaces(line: bytes) -> bytes:
    end = at = 0  # an escaped space counts
    while at < len(line):
        if line[at] == 0x5C:
            at += 1
        elif line[at] == 0x20:
            at += 1
            continue
        at += 1
        end = min(at, len(line))
    return line[:end]


_IN_NAME = rb"[^/]*"
_ANYTHING = rb".*"
_DIRECTORIES = rb"(?:.*/)?"


class _Glob:
    """What of a pattern follows its literal beginning, as steps of a regular expression."""

    def __init__(self, glob: bytes) -> None:
        self._glob = glob
        self.steps: list = []
        at = 0
        while at < len(glob):
            at = self._step(at)

    def _step(self, at: int) -> int:
        glob = self._glob
        byte = glob[at : at + 1]
        if byte == b"*":
            return self._stars(at)
        if byte == b"[":
            return self._set(at)
        if byte == b"?":
            self.steps.append(b"[^/]")
            return at + 1
        if byte == b"\\":
            at += 1
            if at == len(glob):
                raise _Void
        self.steps.append(re.escape(glob[at : at + 1]))
        return at + 1

    def _stars(self, at: int) -> int:
        """`**` spans directories only as a whole component; what follows the literal beginning counts as the start of one."""
        glob = self._glob
        end = at
        while glob[end : end + 1] == b"*":
            end += 1
        starts = at == 0 or glob[at - 1] == _SLASH
        slash = glob[end : end + 1] == b"/"
        ends = slash or end == len(glob) or glob[end : end + 2] == b"\\/"
        if end - at < 2 or not starts or not ends:
            self.steps.append(_IN_NAME)
            return end
        self.steps.append(_DIRECTORIES if slash else _ANYTHING)
        return end + 1 if slash else end

    def _set(self, at: int) -> int:
        """From `[` to the `]` that closes it. A set never matches a slash."""
        glob, end = self._glob, len(self._glob)
        at += 1
        inverted = glob[at : at + 1] in (b"!", b"^")
        if inverted:
            at += 1
        members: set = set()
        previous = -1  # what a range may start with
        first = True
        while first or glob[at : at + 1] != b"]":
            first = False
            if at >= end:
                raise _Void
            if glob[at : at + 2] == b"[:":
                at, previous = self._class(at, members)
                continue
            is_range = (
                glob[at : at + 1] == b"-"
                and previous > 0
                and at + 1 < end
                and glob[at + 1 : at + 2] != b"]"
            )
            if is_range:
                at += 1
            if glob[at : at + 1] == b"\\":
                at += 1
                if at >= end:
                    raise _Void
            byte = glob[at]
            at += 1
            members.update(range(previous if is_range else byte, byte + 1))
            previous = -1 if is_range else byte
        if inverted:
            members = set(range(256)) - members
        members.discard(_SLASH)
        self.steps.append(_one_of(members))
        return at + 1

    def _class(self, at: int, members: set) -> tuple:
        """`[:alpha:]` within a set, or a plain `[`; returns where it goes on, and what a range may start with."""
        glob = self._glob
        close = glob.find(b"]", at + 2)
        if close < 0:
            raise _Void
        if close < at + 3 or glob[close - 1] != ord(":"):
            members.add(ord("["))
            return at + 1, ord("[")
        name = glob[at + 2 : close - 1]
        if name not in _CLASSES:
            raise _Void
        members.update(_CLASSES[name])
        return close + 1, -1


def _one_of(members: set) -> bytes:
    if not members:
        return rb"(?!)"
    return b"[" + b"".join(b"\\x%02x" % byte for byte in sorted(members)) + b"]"


def _ascii(text: str) -> frozenset:
    return frozenset(text.encode())


_CLASSES = {
    b"alnum": _ascii(string.ascii_letters + string.digits),
    b"alpha": _ascii(string.ascii_letters),
    b"blank": _ascii(" \t"),
    b"cntrl": frozenset((*range(32), 127)),
    b"digit": _ascii(string.digits),
    b"graph": frozenset(range(33, 127)),
    b"lower": _ascii(string.ascii_lowercase),
    b"print": frozenset(range(32, 127)),
    b"punct": _ascii(string.punctuation),
    b"space": _ascii(" \t\n\v\f\r"),
    b"upper": _ascii(string.ascii_uppercase),
    b"xdigit": _ascii(string.hexdigits),
}
