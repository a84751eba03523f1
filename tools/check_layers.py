"""Refuses an include that points the wrong way, and Boost outside src/net.

    python3 check_layers.py [--root DIRECTORY] [--quiet]

The folders of src are layers; the `leanto_layer(NAME DEPENDS ...)` lines of CMakeLists.txt say what
each may include. Files directly in src (main.cc) wire the layers together and may include them all.
Prints one line `file:line: message` for each finding; the exit code is 1 if there is one.
"""

import argparse
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LAYER = re.compile(r"^\s*leanto_layer\(\s*(\w+)(?:\s+DEPENDS\s+([\w\s]+?))?\s*\)", re.MULTILINE)
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]', re.MULTILINE)
BOOST_LAYER = "net"


def line_of(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1


def read_layers(cmake: str) -> "tuple[dict[str, set[str]], list[str]]":
    """What each layer may include, from the text of CMakeLists.txt, and findings about the lines.

    A layer may depend only on layers declared above it, so that there is no ring.
    """
    layers, findings = {}, []
    for match in LAYER.finditer(cmake):
        name, depends = match.group(1), set((match.group(2) or "").split())
        for other in sorted(depends - layers.keys()):
            where = f"CMakeLists.txt:{line_of(cmake, match.start(1))}"
            findings.append(
                f"{where}: layer {name} depends on {other}, which is not declared above it; "
                f"order the layers from the bottom up"
            )
        layers[name] = depends
    return layers, findings


def check_file(path: str, text: str, layers: "dict[str, set[str]]") -> "list[str]":
    """Findings in one source; `path` is relative to the root: src/LAYER/... or src/main.cc."""
    parts = path.split("/")
    layer = parts[1] if len(parts) > 2 else None
    if layer is not None and layer not in layers:
        return [f"{path}:1: src/{layer} needs a leanto_layer({layer} ...) line in CMakeLists.txt"]

    findings = []
    for match in INCLUDE.finditer(text):
        quote, target = match.groups()
        folder = target.split("/")[0]
        where = f"{path}:{line_of(text, match.start(1))}"
        if folder == "boost" and layer != BOOST_LAYER:
            findings.append(
                f"{where}: includes {target}, but only src/{BOOST_LAYER} may use Boost; "
                f"give src/{BOOST_LAYER} an interface for what is needed here"
            )
        elif quote == '"' and layer and folder in layers and folder not in layers[layer] | {layer}:
            allowed = ", ".join(sorted(layers[layer])) or "nothing of ours"
            findings.append(
                f"{where}: src/{layer} must not include {target}; it may include {allowed} "
                f"(CMakeLists.txt); move the code, or pass in what is needed as a value"
            )
    return findings


def sources(root: str) -> "list[str]":
    """The C++ files below src, relative to the root, in a stable order."""
    found = []
    for folder, _, names in os.walk(os.path.join(root, "src")):
        for name in names:
            if name.endswith((".cc", ".h")):
                found.append(os.path.relpath(os.path.join(folder, name), root).replace(os.sep, "/"))
    return sorted(found)


def check_tree(root: str) -> "tuple[list[str], int]":
    """All findings below `root`, and the number of files looked at."""
    with open(os.path.join(root, "CMakeLists.txt"), encoding="utf-8") as file:
        layers, findings = read_layers(file.read())
    paths = sources(root)
    for path in paths:
        with open(os.path.join(root, path), encoding="utf-8") as file:
            findings += check_file(path, file.read(), layers)
    return findings, len(paths)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--root", default=ROOT)
    parser.add_argument("--quiet", action="store_true", help="say nothing when all is well")
    arguments = parser.parse_args()

    findings, files = check_tree(arguments.root)
    for finding in findings:
        print(finding, file=sys.stderr)
    if not findings and not arguments.quiet:
        print(f"check_layers: {files} files, every include points the right way")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
