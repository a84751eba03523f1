"""What the documents say is so: examples run, links lead somewhere, tables match the code."""

import os
import re
import subprocess
import sys
import textwrap

import pytest
from conftest import ROOT
from pages import PAGES

DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("bench/*.md")])
WIRE = ROOT / "docs" / "wire.md"


def name_of(document):
    return str(document.relative_to(ROOT))


def read(path):
    return (ROOT / path).read_text()


def without_code(text):
    """A document without what is quoted in it."""
    return re.sub(
        r"`[^`\n]*`", "", re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    )


def examples():
    """Every block of Python in README.md and docs, but for the pages that test_guide.py, test_api.py and test_airflow.py run."""
    elsewhere = {ROOT / "docs" / "api.md", ROOT / "docs" / "airflow.md", *PAGES}
    documents = set(ROOT.glob("docs/**/*.md")) - elsewhere
    for document in [ROOT / "README.md", *sorted(documents)]:
        text = document.read_text()
        for found in re.finditer(r"^( *)```python\n(.*?)^ *```$", text, re.DOTALL | re.MULTILINE):
            line = text.count("\n", 0, found.start()) + 1
            code = textwrap.dedent(found.group(2))
            yield pytest.param(code, id=f"{name_of(document)}:{line}")


def rows_below(heading, text):
    """The cells of the first table below a heading, without its head."""
    section = text.split(f"{heading}\n", 1)[1]
    table = re.search(r"(?:^\|.*\n)+", section, re.MULTILINE).group()
    return [[cell.strip() for cell in row.split("|")[1:-1]] for row in table.splitlines()[2:]]


def words_in(cell):
    return re.findall(r"`([^`]+)`", cell)


@pytest.fixture
def run_script(tmp_path):
    def run(code):
        script = tmp_path / "project" / "example.py"
        script.parent.mkdir(exist_ok=True)
        script.write_text(code)
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "python")}
        done = subprocess.run(
            [sys.executable, str(script)], capture_output=True, text=True, env=environment
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.mark.parametrize("code", examples())
def test_every_example_runs_as_a_script(run_script, code):
    run_script(code)


def test_the_readme_says_what_its_example_prints(run_script, lt):
    code = next(examples()).values[0]
    if lt.here.exists("total"):
        lt.here.delete("total")
    try:
        first, second = run_script(code), run_script(code)
    finally:
        lt.here.delete("total")
    assert re.fullmatch(r"counting in process \d+\n6 words; 6 since the object was made\n", first)
    assert second.endswith("6 words; 12 since the object was made\n")


def anchors_of(document):
    """The anchors of a document's headings, as forges make them."""
    headings = re.findall(r"^#+ +(.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_links_lead_to_files_and_headings(document):
    for link in re.findall(r"\]\(([^)\s]+)\)", without_code(document.read_text())):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        assert target.exists(), f"{name_of(document)} links to {link}, which isn't there"
        if anchor:
            assert anchor in anchors_of(target), f"{name_of(document)}: no heading for {link}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_files_that_are_named_are_there(document):
    places = r"`((?:src|python|tests|tools|bench|fuzz|docs|examples|cmake)/[\w./-]+)`"
    for path in re.findall(places, document.read_text()):
        if "NAME" in path:
            continue  # stands for any
        assert (ROOT / path).exists(), f"{name_of(document)} names {path}, which isn't there"


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_no_figure_is_still_to_be_filled_in(document):
    left = re.findall(r"\{\{\w+\}\}", document.read_text())
    assert not left, f"{name_of(document)}: fill in {', '.join(left)} from ./dev bench"


def test_the_table_of_errors_is_that_of_the_code():
    pattern = r'\{ErrorKind::\w+, "(\w+)", \d+, "(\w+)"\}'
    coded = re.findall(pattern, read("src/base/error.h"))
    written = [
        (*words_in(row[0]), *words_in(row[1])) for row in rows_below("### Errors", WIRE.read_text())
    ]
    assert written == coded


def test_the_table_of_frames_is_that_of_the_code():
    coded = re.findall(r"^  k(\w+) = (\d+),$", read("src/wire/frame.h"), re.MULTILINE)
    written = [(row[1], row[0]) for row in rows_below("## Types", WIRE.read_text())]
    assert written == [(name.upper(), number) for name, number in coded]


def test_the_table_of_operations_is_that_of_the_code():
    sources = [path.read_text() for path in (ROOT / "src" / "node").glob("*operations.cc")]
    coded = re.findall(r'\{"(\w+)", &\w*Operations::', "".join(sources))
    written = [words_in(row[0])[0] for row in rows_below("## Operations", WIRE.read_text())]
    assert sorted(written) == sorted(coded)


def test_the_keys_of_a_call_are_those_that_the_node_reads():
    code = read("src/wire/call.cc")
    parsing = code.split("encode_call_head")[0]
    coded = set(
        re.findall(r'(?:\*head|head(?:->|\.)find)\W+"(\w+)"|\{"([vno])", TargetKind', parsing)
    )
    coded = {key for pair in coded for key in pair if key} | set(
        re.findall(r'find_\w+\(\*?head, "(\w+)"', parsing)
    )
    written = {words_in(row[0])[0] for row in rows_below("### CALL", WIRE.read_text())}
    assert written - {"run", "far"} == coded  # those are for the worker


def test_the_folders_and_their_arrows_are_those_of_the_build():
    layers = re.findall(
        r"^leanto_layer\((\w+)(?: DEPENDS ([\w ]+))?\)", read("CMakeLists.txt"), re.M
    )
    rows = rows_below("## The folders", read("ARCHITECTURE.md"))
    written = {words_in(row[0])[0]: row[2] for row in rows}
    order = [name for name in written if name.startswith("src/")]
    assert set(order) == {f"src/{name}" for name, _ in layers}
    for name, uses in layers:
        said = written[f"src/{name}"]
        below = [layer.removeprefix("src/") for layer in order[order.index(f"src/{name}") + 1 :]]
        named = below if said == "all below" else [] if said == "nothing" else said.split(", ")
        assert sorted(named) == sorted(uses.split()), name
        assert set(named) <= set(below), f"{name}: an arrow points up"


def test_decisions_are_numbered_and_have_their_parts():
    decisions = sorted((ROOT / "docs" / "adr").glob("*.md"))
    for number, decision in enumerate(decisions, start=1):
        text = decision.read_text()
        assert decision.name.startswith(f"{number:04}-")
        assert text.startswith(f"# {number}. ")
        parts = re.findall(r"^\*\*(\w+)\.\*\*", text, re.MULTILINE)
        assert parts == ["Context", "Decision", "Consequences", "Rejected"], decision.name
