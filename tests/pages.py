"""Reads a page of the documents as a person would: writes its files, types its code, runs its commands.

The blocks of a page are taken in order, in a project directory of their own:

- A block whose first line is a comment with nothing but a path, like `# train.py`, is written to that file.
- Other ``python`` is a cell of one notebook, the page's. Its output is what it prints (what is on stderr first: between the
  two streams there is no order), the value of its last expression, and of an exception the name and the text. A ``text``
  block right behind it says that output; without one there must be none.
- In ``console`` lines that begin with ``$ `` are commands (``> `` goes on with one), each followed by its output.

``...`` stands for anything, and any whitespace for any other, so that long lines may be wrapped. What is none of these is an
error: no block is passed over.
"""

import dataclasses
import os
import re
import subprocess
import sys

from clients import Failed, environment
from conftest import ROOT
from typists import Notebook

PAGES = [*sorted((ROOT / "docs" / "guide").glob("[0-9]*.md")), ROOT / "docs" / "coming-from.md"]

LIMIT = 120  # seconds for one block; an image may be built in it
HOME_IN_PAGES = "/home/you"
FILE = re.compile(r"# ((?:~/)?[\w.-]+(?:/[\w.-]+)*\.\w+)\n")
END = "@@end of a command@@"


@dataclasses.dataclass
class Block:
    language: str
    text: str
    line: int

    @property
    def file(self):
        """The path that it's to be written to, None if it's no file."""
        found = FILE.match(self.text) if self.language != "console" else None
        return found and found.group(1)


class PageError(AssertionError):
    """The page is wrong, or what it says isn't so."""


def blocks_of(text):
    """Return the blocks of a page. Raises PageError for code that isn't in one of the known kinds."""
    blocks, current, before = [], None, ""
    for number, line in enumerate(text.splitlines(), start=1):
        if current is not None:
            if line == "```":
                blocks.append(current)
                current = None
            else:
                current.text += line + "\n"
        elif line.startswith("```"):
            current = Block(line[3:], "", number)
        elif line.lstrip().startswith(("```", "~~~")):
            raise PageError(f"line {number}: a block has to begin at the left margin, with ```")
        elif line.startswith("    ") and not before.strip():
            raise PageError(f"line {number}: an indented block would not be run; fence it")
        before = line
    if current is not None:
        raise PageError(f"line {current.line}: the block doesn't end")
    return blocks


def matches(said, is_so):
    """Whether an output is what a page says of it."""
    parts = [r"\s+".join(map(re.escape, part.split())) for part in said.split("...")]
    if not any(parts) and said.strip():
        raise PageError("a block that says only ... says nothing")
    loose = [
        (r"\s*" if part[:1].isspace() else "") + pattern + (r"\s*" if part[-1:].isspace() else "")
        for part, pattern in zip(said.strip().split("..."), parts)
    ]
    return re.fullmatch(".*?".join(loose), is_so.strip(), re.DOTALL) is not None


def commands_of(block):
    """Return [(command, the output that is said)] of a console block."""
    found = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            found.append([line[2:], ""])
        elif not found:
            raise PageError(f"line {block.line}: a console block begins with a command: $ ...")
        elif line.startswith("> ") and not found[-1][1]:
            found[-1][0] += "\n" + line[2:]
        else:
            found[-1][1] += line + "\n"
    return found


class Reader:
    """Somebody at a machine of their own: a home directory, a project in it, a shell and a notebook."""

    def __init__(self, home, **more):
        self._home = home
        self._project = home / "demo"
        self._project.mkdir()
        self._notebook = None
        self._more = more

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        if self._notebook is not None:
            self._notebook.close()

    def read(self, text):
        """Do all that a page shows. Raises PageError with the line, what is said and what is so."""
        blocks = blocks_of(text)
        while blocks:
            block = blocks.pop(0)
            if block.file is not None:
                self._write(block)
            elif block.language == "python":
                has_text = blocks and blocks[0].language == "text" and blocks[0].file is None
                said = blocks.pop(0).text if has_text else ""
                self._compare(block.line, block.text, said, self._type(block))
            elif block.language == "console":
                self._run(block)
            elif block.language == "text":
                raise PageError(f"line {block.line}: this text is no block's output")
            else:
                raise PageError(f"line {block.line}: nobody knows how to run {block.language!r}")

    def _write(self, block):
        start = self._home if block.file.startswith("~/") else self._project
        path = start / block.file.removeprefix("~/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text)

    def _type(self, block):
        if self._notebook is None:
            self._notebook = Notebook(self._project, self._home / "k", self._environment())
        try:
            return self._notebook.run(block.text, with_stderr=True)
        except Failed as failed:
            return f"{failed.said}{failed.kind}: {failed.text}"

    def _run(self, block):
        commands = commands_of(block)
        script = f"end() {{ local status=$?; printf '\\n{END}\\n'; return $status; }}\n"
        script += "".join(f"{command}\nend\n" for command, _ in commands)
        done = subprocess.run(
            ["bash", "-c", script], cwd=self._project, env=self._environment(), timeout=LIMIT,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        outputs = done.stdout.split(END)
        if len(outputs) != len(commands) + 1:
            raise PageError(f"line {block.line}: a command ended the shell:\n{done.stdout}")
        for (command, said), is_so in zip(commands, outputs):
            self._compare(block.line, f"$ {command}", said, is_so)

    def _compare(self, line, what, said, is_so):
        is_so = is_so.replace(str(self._home), HOME_IN_PAGES)
        if not matches(said, is_so):
            raise PageError(f"line {line}:\n{what}\n--- said:\n{said}\n--- is so:\n{is_so}")

    def _environment(self):
        programs = self._home / "bin"
        if not programs.is_dir():
            programs.mkdir()
            (programs / "leanto").symlink_to(os.environ["LEANTO_BINARY"])
        path = f"{programs}:{os.path.dirname(sys.executable)}:{os.environ['PATH']}"
        return environment(PATH=path, **self._more)
