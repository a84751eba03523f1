"""What the guide shows is what happens: every block of every page is run, in order."""

import json
import os
import re

import pytest
from conftest import ROOT, leanto
from pages import PAGES, Block, PageError, Reader, blocks_of, commands_of, matches
from tls_relays import TlsRelay, node_socket
from wheels import make_wheel

GUIDE = ROOT / "docs" / "guide"


# A stand-in for the one package that the guide installs: tests have no network.
HUMANIZE = "def naturalsize(size):\n    return f'{size} Bytes'\n"


@pytest.fixture(scope="session")
def index(tmp_path_factory):
    """Where pip and uv of the pages find packages."""
    directory = tmp_path_factory.mktemp("index")
    make_wheel(directory, "humanize", "4.0", HUMANIZE)
    return {f"{tool}_{name}": value for tool in ("PIP", "UV") for name, value in (
        ("NO_INDEX", "1"), ("FIND_LINKS", str(directory)))}  # fmt: skip


WITH_HOSTS = ("13-other-machines",)  # pages in which ssh reaches hosts called a and b


def write_ssh_command(home, lan):
    """Have the node of that home reach the hosts of `lan`."""
    path = home / ".config" / "leanto" / "node.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"[ssh]\ncommand = {json.dumps(lan.ssh_command)}\n")


WITHOUT_NODE = (
    "14-without-a-node",
)  # pages that are read where no node can be, with one elsewhere


@pytest.fixture
def elsewhere(shared_home, tmp_path):
    """A node on another machine, as it's reached over TLS."""
    leanto("node", "--detach", env={**os.environ, "HOME": str(shared_home)})
    directory = tmp_path / "relay"
    directory.mkdir()
    relay = TlsRelay(directory, node_socket(shared_home))
    yield relay
    relay.close()


@pytest.fixture
def reader(request, own_home, index):
    params = getattr(request.node, "callspec", None)
    page = getattr(params.params.get("page"), "stem", "") if params else ""
    more = {}
    if page in WITH_HOSTS:
        write_ssh_command(own_home, request.getfixturevalue("lan"))
    if page in WITHOUT_NODE:
        word = request.getfixturevalue("elsewhere").join_word
        more = {"LEANTO_DAEMON": "none", "JOIN_WORD": word}
    with Reader(own_home, **index, **more) as reader:
        yield reader


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_a_page_shows_is_so(page, reader):
    reader.read(page.read_text())


def test_the_first_page_of_the_guide_lists_all():
    listed = (GUIDE / "README.md").read_text()
    assert blocks_of(listed) == []
    places = [listed.find(f"]({page.name})") for page in PAGES[:-1]]
    assert -1 not in places and places == sorted(places)


def test_what_the_tables_of_another_library_give_as_ours_is_run():
    text = (ROOT / "docs" / "coming-from.md").read_text()
    code = "\n".join(block.text for block in blocks_of(text) if block.language == "python")
    rows = re.findall(r"^\| .+? \| (.+) \|$", text, re.MULTILINE)
    ours = [span for row in rows for span in re.findall(r"`([^`]+)`", row)]
    assert len(ours) > 50
    assert [span for span in ours if span not in code and span not in ("warmup=", "__init__")] == []


# The reader itself: what it would not see, nobody would


@pytest.mark.parametrize(
    ("said", "is_so", "same"),
    [
        ("6\n", "6", True),
        ("6", "7", False),
        ("", "", True),
        ("", "6", False),
        ("in process ...\n6", "in process 42\n6", True),
        ("in process ... 6", "in process 42 7", False),
        ("a long\n  line", "a long line", True),
        ("a long line", "a longline", False),
        ("Error: ...", "Error: it says much\nand more", True),
        ("x ... y", "x y", True),
        ("pid ...", "pad 3", False),
        ("a.b", "acb", False),
    ],
)
def test_outputs_are_compared(said, is_so, same):
    assert matches(said, is_so) is same


def test_a_block_that_says_nothing_is_an_error():
    with pytest.raises(PageError, match="says nothing"):
        matches("...", "anything")


@pytest.mark.parametrize(
    ("page", "complaint"),
    [
        ("```java\nx\n```\n", "line 1: nobody knows how to run 'java'"),
        ("```\nx\n```\n", "line 1: nobody knows how to run ''"),
        ("so:\n\n    indented\n", "line 3: an indented block"),
        ("1. so\n   ```python\n", "line 2: a block has to begin at the left"),
        ("```text\nx\n```\n", "line 1: this text is no block's output"),
        ("```python\nx\n", "line 1: the block doesn't end"),
        ("```console\nx\n```\n", "line 1: a console block begins"),
        ("```console\n$ echo a\n```\n", "said:\n\n--- is so:\na"),
        ("```console\n$ echo a\nb\n```\n", "said:\nb\n\n--- is so:\na"),
        ("```console\n$ exit 3\n```\n", "a command ended the shell"),
    ],
)
def test_what_is_wrong_with_a_page_is_said(page, complaint, reader):
    with pytest.raises(PageError) as caught:
        reader.read(page)
    assert complaint in str(caught.value)


def test_files_are_written_and_commands_run_beside_them(reader, own_home):
    reader.read(
        "```python\n# pkg/a.py\nprint(1)\n```\n"
        "```console\n$ python pkg/a.py\n1\n$ false\n$ echo $? \\\n> more\n1 more\n$ pwd\n/home/you/demo\n```\n"
    )


def test_cells_share_names_and_their_errors_are_output(reader):
    page = (
        "```python\nx = 20\n```\n```python\nprint(x)\nx + 1\n```\n```text\n20\n21\n```\n"
        "```python\nimport sys\nprint('no', file=sys.stderr)\n1 / 0\n```\n"
        "```text\nno\nZeroDivisionError: division by zero\n```\n"
    )
    reader.read(page)
    with pytest.raises(PageError, match=r"line 1:(.|\n)*21"):
        reader.read("```python\nx + 1\n```\n")


def test_a_path_alone_in_a_comment_makes_a_file():
    assert Block("toml", "# ~/.config/leanto/node.toml\n[a]\n", 1).file == (
        "~/.config/leanto/node.toml"
    )
    assert Block("python", "# a comment.\nx\n", 1).file is None
    assert Block("console", "# a.py\n", 1).file is None
    assert commands_of(Block("console", "$ a\n> b\nout\n", 1)) == [["a\nb", "out\n"]]
