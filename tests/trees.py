"""Random source trees, with random ignore files, that tests make from a seed."""

import os
import random

NAMES = [
    b"a", b"b", b"ab", b"abc", b"a b", b"a.py", b"b.py", b"x.log", b".env", b".hidden", b"build", b"dist", b"data",
    "é".encode(), "日本".encode(), b"\xff\xfe", b"[z]", b"a*", b"q?", b"back\\slash", b"-", b"!bang", b"#hash", b"sp ",
    b"UPPER", b"a-b", b"1", b"x^y", b"foo", b"foobar", b"keep", b"tab\there", b"new\nline",
]  # fmt: skip
NEVER = [b"__pycache__", b".git", b"c.pyc", b"x.swp", b"old~", b".#lock", b"node_modules", b".tox"]
PIECES = [
    b"a", b"b", b"ab", b"*", b"*", b"**", b"?", b"/", b"/", b"[ab]", b"[!a]", b"[^b]", b"[[:alpha:]]", b"[[:digit:]x]",
    b"[a-c]", b"[]a]", b"[a-]", b"[z-a]", b"[\\]]", b"[[:nope:]]", b"[[:]", b"[", b"]", b"\\*", b"\\ ", b" ", b"!", b"#",
    b".", b"\\", b"-", b"**/", b"/**", b"/**/", b".py", b"foo", b"\\a", "é".encode(), b"\xff", b"data", b"build",
]  # fmt: skip


class RandomTree:
    """Writes one tree below `root`, and remembers the paths that it made."""

    def __init__(self, root, seed):
        self._random = random.Random(seed)
        self._root = os.fsencode(root)
        self._paths = []
        os.makedirs(self._root)
        self._directory(b"", 0)
        self._ignore_files()

    def _directory(self, path, depth):
        random = self._random
        names = random.sample(NAMES, random.randint(0 if depth else 2, 5 if depth else 8))
        if random.random() < 0.3:
            names.append(random.choice(NEVER))
        if depth and random.random() < 0.08:
            names.append(b"pyvenv.cfg")
        for name in names:
            self._entry(path + b"/" + name if path else name, depth)

    def _entry(self, path, depth):
        random = self._random
        absolute = os.path.join(self._root, path)
        kind = random.random()
        self._paths.append(path)
        if kind < 0.35 and depth < 4:
            os.mkdir(absolute)
            self._directory(path, depth + 1)
        elif kind < 0.45:
            os.symlink(self._target(path), absolute)
        else:
            with open(absolute, "wb") as file:
                file.write(
                    random.choice([b"", b"x", b"print(1)\n", os.path.basename(path), path * 50])
                )
            if random.random() < 0.25:
                os.chmod(absolute, random.choice([0o755, 0o744, 0o654]))

    def _target(self, path):
        random = self._random
        other = random.choice(self._paths)
        above = b"../" * path.count(b"/")
        kinds = [
            above + other,
            above + other,
            above + b"gone",
            b".",
            os.path.basename(path),
            self._root + b"/" + other,
        ]
        if random.random() < 0.04:
            kinds = [b"/etc/passwd", above + b"../outside", self._root + b"x", b"/gone/away"]
        return random.choice(kinds)

    def _ignore_files(self):
        random = self._random
        directories = [b""]
        for path in self._paths:
            absolute = os.path.join(self._root, path)
            if os.path.isdir(absolute) and not os.path.islink(absolute):
                directories.append(path)
        for directory in directories:
            for name in (b".gitignore", b".leantoignore"):
                if random.random() < (0.6 if not directory else 0.2):
                    with open(os.path.join(self._root, directory, name), "wb") as file:
                        file.write(self._rules(directory))

    def _rules(self, directory):
        end = self._random.choice([b"\n", b"\n", b"\r\n"])
        lines = [self._rule(directory) for _ in range(self._random.randint(1, 5))]
        start = b"\xef\xbb\xbf" if self._random.random() < 0.1 else b""
        return start + end.join(lines) + (end if self._random.random() < 0.8 else b"")

    def _rule(self, directory):
        random = self._random
        if random.random() < 0.5:
            path = random.choice(self._paths)
            if directory and path.startswith(directory + b"/"):
                path = path[len(directory) + 1 :]
            parts = path.replace(b"\n", b"?").split(b"/")
            line = b"/".join(parts[random.randrange(len(parts)) :])
            if random.random() < 0.4:
                at = random.randrange(len(line) + 1)
                line = (
                    line[:at]
                    + random.choice([b"*", b"?", b"**", b"*/"])
                    + line[at + random.randint(0, 3) :]
                )
        else:
            line = b"".join(random.choice(PIECES) for _ in range(random.randint(1, 6)))
        return (
            random.choice([b"", b"", b"", b"!", b"!", b"#", b"/", b"**/"])
            + line
            + random.choice([b"", b"", b"", b"/", b" ", b"  ", b"\\ "])
        )
