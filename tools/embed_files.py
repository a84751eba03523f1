"""Writes files into one C++ source, as the table that `base/embedded.h` declares.

    python3 embed_files.py --name sql_migrations --output out.cc DIRECTORY PATTERN

The source defines `leanto::embedded::NAME()`, the files sorted by path, paths relative to DIRECTORY.
"""

import argparse
import pathlib

CHUNK = 8000  # a C++ compiler need not take string literals longer than 65,535 bytes


def literal(data: bytes) -> str:
    """`data` as adjacent C++ string literals, every byte outside printable ASCII escaped in octal."""
    pieces = []
    for start in range(0, len(data), CHUNK):
        chunk = data[start : start + CHUNK]
        pieces.append('"' + "".join(escape(byte) for byte in chunk) + '"')
    return "\n    ".join(pieces) or '""'


def escape(byte: int) -> str:
    if chr(byte) in '"\\?':
        return "\\" + chr(byte)
    return chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", required=True)
    parser.add_argument("--output", required=True, type=pathlib.Path)
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("pattern")
    arguments = parser.parse_args()

    rows = []
    for path in sorted(arguments.directory.rglob(arguments.pattern)):
        data = path.read_bytes()
        name = path.relative_to(arguments.directory).as_posix()
        rows.append(f'  {{"{name}", std::string_view({literal(data)}, {len(data)})}},')

    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(
        '#include "base/embedded.h"\n\n'
        "namespace leanto::embedded {\n\n"
        f"std::span<const EmbeddedFile> {arguments.name}() {{\n"
        f"  static constexpr EmbeddedFile kFiles[] = {{\n" + "\n".join(rows) + "\n  };\n"
        "  return kFiles;\n}\n\n"
        "}  // namespace leanto::embedded\n"
    )


if __name__ == "__main__":
    main()
