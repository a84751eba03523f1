"""Finds what neither compiler nor linter finds, in every file that git knows or would add.

    python3 check_sources.py [--root DIRECTORY]

1. A lambda, braced value or std::function written inside a `co_await` expression: g++ 12 destroys
   such temporaries twice (docs/gotchas.md).
2. `asio::detached` outside src/net: it swallows exceptions.
3. A file of src or python over 400 lines that doesn't say why.
4. The host name of a package registry, or a path of one developer's machine.

Prints one line `file:line: message` for each finding; the exit code is 1 if there is one.
"""

import argparse
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MAX_LINES = 400
EXCUSE = re.compile(r"^\s*(?://|#) longer than 400 lines because \S", re.MULTILINE)

# In pieces, so that this file doesn't find itself.
REGISTRIES = "pypi org, pythonhosted org, npmjs org, npmjs com, crates io, anaconda org"
REGISTRY = re.compile("|".join(host.replace(" ", r"\.") for host in REGISTRIES.split(", ")), re.I)
MACHINE_PATH = re.compile(r"(?<![\w./$}~])/(?:work|root)/\w")

# What may not be inside a `co_await`: a lambda begins with a `[` that follows no value.
LAMBDA = re.compile(r"(?:^|[^\w\s)\[\]])\s*\[(?!\[)")
BRACE = re.compile(r"\{")
FUNCTION = re.compile(r"\bstd::(?:move_only_)?function\b")
TEMPORARIES = ((LAMBDA, "lambda"), (FUNCTION, "std::function"), (BRACE, "braced value"))

# Comments, raw strings, strings, and characters (but not the ' of 1'000).
NOT_CODE = re.compile(
    r"//[^\n]*|/\*.*?\*/"
    r'|R"(?P<mark>[^\s()\\]{0,16})\(.*?\)(?P=mark)"'
    r'|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'",
    re.DOTALL,
)


def blank(text: str) -> str:
    """`text` of C++ with comments and literals overwritten by spaces; line breaks stay."""
    return NOT_CODE.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)


def line_of(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1


def operand_end(code: str, start: int) -> int:
    """Where the expression that begins at `start` ends: at a `;` or an unmatched bracket."""
    depth = 0
    for offset in range(start, len(code)):
        character = code[offset]
        if character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
        if depth < 0 or (depth == 0 and character == ";"):
            return offset
    return len(code)


def check_co_await(path: str, code: str) -> "list[str]":
    findings = []
    for match in re.finditer(r"\bco_await\b", code):
        operand = code[match.end() : operand_end(code, match.end())]
        for pattern, what in TEMPORARIES:
            found = pattern.search(operand)
            if found:
                line = line_of(code, match.end() + found.end() - 1)
                findings.append(
                    f"{path}:{line}: {what} inside a co_await expression, which g++ 12 destroys "
                    f"twice; name the value on the line before"
                )
                break
    return findings


def check_detached(path: str, code: str) -> "list[str]":
    if path.startswith("src/net/"):
        return []
    return [
        f"{path}:{line_of(code, match.start())}: asio::detached swallows exceptions; "
        f"give the task an owner (src/net)"
        for match in re.finditer(r"\basio::detached\b", code)
    ]


def check_length(path: str, text: str) -> "list[str]":
    lines = len(text.splitlines())
    if lines <= MAX_LINES or EXCUSE.search(text):
        return []
    comment = "#" if path.endswith(".py") else "//"
    return [
        f"{path}:{MAX_LINES + 1}: {lines} lines, more than {MAX_LINES}; look for the second idea "
        f"in it, or write a line `{comment} longer than {MAX_LINES} lines because ...`"
    ]


def check_names(path: str, text: str) -> "list[str]":
    findings = []
    for pattern, what in (
        (REGISTRY, "the host name of a package registry; leave that to the machine's settings"),
        (MACHINE_PATH, "a path of one developer's machine; make it relative"),
    ):
        for match in pattern.finditer(text):
            findings.append(f"{path}:{line_of(text, match.start())}: names {what}")
    return findings


def check_file(path: str, text: str) -> "list[str]":
    """Findings in one file; `path` is relative to the root."""
    findings = check_names(path, text)
    if path.endswith((".cc", ".h")):
        code = blank(text)
        findings += check_co_await(path, code) + check_detached(path, code)
    if path.startswith(("src/", "python/")) and path.endswith((".cc", ".h", ".py")):
        findings += check_length(path, text)
    return findings


def known_files(root: str) -> "list[str]":
    """What git tracks below `root`, and what it would add."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        check=True,
        stdout=subprocess.PIPE,
    ).stdout.decode("utf-8")
    paths = sorted(set(listing.split("\0")) - {""})
    return [path for path in paths if os.path.isfile(os.path.join(root, path))]


def check_tree(root: str) -> "tuple[list[str], int]":
    """All findings below `root`, and the number of files looked at."""
    findings = []
    paths = known_files(root)
    for path in paths:
        with open(os.path.join(root, path), "rb") as file:
            data = file.read()
        if b"\0" not in data:
            findings += check_file(path, data.decode("utf-8", "replace"))
    return findings, len(paths)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--root", default=ROOT)
    arguments = parser.parse_args()

    findings, files = check_tree(arguments.root)
    for finding in findings:
        print(finding, file=sys.stderr)
    if not findings:
        print(f"check_sources: {files} files, nothing found")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
