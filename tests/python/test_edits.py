"""What lies on the disk at `.to()` is what runs, and a call that runs keeps its version."""

import os

import pytest
from clients import Client, Failed, edit, write_project
from conftest import wait_until

SEND = "lt.function(app.f).to(lt.here)"

APP = """
import helper
from package.inner import deep

def f():
    return [1, helper.value(), deep()]
"""

FILES = {
    "app.py": APP,
    "helper.py": "def value():\n    return 2\n",
    "package/__init__.py": "",
    "package/inner/__init__.py": "from package.inner.deepest import deep\n",
    "package/inner/deepest.py": "def deep():\n    return 3\n",
}

HOLD = """
import os, time

def f(started="", released=""):
    if started:
        open(started, "w").close()
        while not os.path.exists(released):
            time.sleep(0.001)
    return "VERSION"
"""


@pytest.fixture
def project(tmp_path):
    return write_project(tmp_path / "p", FILES)


@pytest.fixture
def client(project):
    with Client(project) as client:
        client.do("import app")
        yield client


@pytest.mark.parametrize(
    ("file", "old", "new", "result"),
    [
        ("app.py", "[1,", "[10,", [10, 2, 3]),
        ("helper.py", "2", "20", [1, 20, 3]),
        ("package/inner/deepest.py", "3", "30", [1, 2, 30]),
        (
            "package/__init__.py",
            "",
            "import helper\nhelper.value = lambda: 'patched'\n",
            [1, "patched", 3],
        ),
    ],
)
def test_an_edit_is_current_at_the_next_to(project, client, file, old, new, result):
    assert client.do(f"{SEND}()") == [1, 2, 3]
    edit(project / file, old, new)
    assert client.do(f"{SEND}()") == result
    with Client(project) as other:
        other.do("import app")
        assert other.do(f"{SEND}()") == result


def test_edits_of_the_same_size_in_quick_succession_all_count(project, client):
    for i in range(30):
        (project / "helper.py").write_text(
            f"def value():\n    return {i:02} + 0\n".replace(" 0", " ", 1)
            if i < 10
            else f"def value():\n    return {i} + 0\n"
        )
        assert client.do(f"{SEND}()") == [1, i, 3]


def test_an_edit_that_keeps_size_and_time_counts(project, client):
    assert client.do(f"{SEND}()") == [1, 2, 3]
    before = os.stat(project / "helper.py")
    edit(project / "helper.py", "2", "7")
    os.utime(project / "helper.py", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert client.do(f"{SEND}()") == [1, 7, 3]


def test_a_file_put_in_the_place_of_another_counts(project, client):
    assert client.do(f"{SEND}()") == [1, 2, 3]
    (project / "new").write_text("def value():\n    return 8\n")
    os.replace(project / "new", project / "helper.py")
    assert client.do(f"{SEND}()") == [1, 8, 3]


def test_undoing_an_edit_brings_the_old_version_back(project, client):
    first = client.do(f"{SEND}.version")
    edit(project / "helper.py", "2", "5")
    second = client.do(f"{SEND}.version")
    edit(project / "helper.py", "5", "2")
    assert first != second
    assert client.do(f"{SEND}.version") == first
    assert client.do(f"{SEND}()") == [1, 2, 3]


def test_files_added_removed_and_renamed_count(project, client):
    look = "import os\n\ndef f():\n    return sorted(os.listdir('data'))\n"
    write_project(project, {"app.py": look, "data/a.txt": "a"})
    assert client.do(f"{SEND}()") == ["a.txt"]
    (project / "data" / "b.txt").write_text("b")
    assert client.do(f"{SEND}()") == ["a.txt", "b.txt"]
    (project / "data" / "a.txt").unlink()
    assert client.do(f"{SEND}()") == ["b.txt"]
    (project / "data" / "b.txt").rename(project / "data" / "c.txt")
    assert client.do(f"{SEND}()") == ["c.txt"]
    write_project(project, {"data/new/d.txt": "d"})
    assert client.do(f"{SEND}()") == ["c.txt", "new"]
    (project / "data").rename(project / "moved")
    with pytest.raises(Failed, match="FileNotFoundError"):
        client.do(f"{SEND}()")
    (project / "moved").rename(project / "data")
    assert client.do(f"{SEND}()") == ["c.txt", "new"]


def test_a_module_that_becomes_a_package_counts(project, client):
    assert client.do(f"{SEND}()") == [1, 2, 3]
    (project / "helper.py").unlink()
    write_project(project, {"helper/__init__.py": "def value():\n    return 'package'\n"})
    assert client.do(f"{SEND}()") == [1, "package", 3]


# A call that runs keeps its version


@pytest.fixture
def holding(tmp_path):
    project = write_project(tmp_path / "p", {"app.py": HOLD.replace("VERSION", "old")})
    with Client(project) as client:
        client.do("import app")
        client.project = project
        yield client


def test_a_running_call_keeps_its_version(holding, tmp_path):
    started, released = tmp_path / "started", tmp_path / "go"
    with Client(holding.project) as other:
        other.do("import app")
        other.start(f"{SEND}({str(started)!r}, {str(released)!r})")
        assert wait_until(started.exists)
        edit(holding.project / "app.py", '"old"', '"new"')
        assert holding.do(f"{SEND}()") == "new"
        assert not other.has_answered()
        released.touch()
        assert other.answer() == "old"
        assert other.do(f"{SEND}()") == "new"


def test_a_module_imported_late_is_that_of_the_calls_version(tmp_path):
    app = HOLD.replace('return "VERSION"', "import late\n    return late.word")
    project = write_project(tmp_path / "p", {"app.py": app, "late.py": "word = 'old'\n"})
    started, released = tmp_path / "started", tmp_path / "go"
    with Client(project) as first, Client(project) as second:
        first.do("import app")
        second.do("import app")
        first.start(f"{SEND}({str(started)!r}, {str(released)!r})")
        assert wait_until(started.exists)
        edit(project / "late.py", "old", "new")
        assert second.do(f"{SEND}()") == "new"
        released.touch()
        assert first.answer() == "old"


def test_an_old_handle_keeps_calling_its_version(holding):
    holding.do(f"old = {SEND}")
    edit(holding.project / "app.py", '"old"', '"new"')
    holding.do(f"new = {SEND}")
    assert holding.do("[old(), new(), old(), new()]") == ["old", "new", "old", "new"]


def test_a_handle_by_name_calls_the_newest_version(holding):
    holding.do(f"{SEND}.save('edited')")
    holding.do("named = lt.function(name='edited')")
    assert holding.do("named()") == "old"
    edit(holding.project / "app.py", '"old"', '"new"')
    holding.do(f"{SEND}.save('edited')")
    assert holding.do("named()") == "new"


def test_a_live_object_keeps_the_class_that_it_was_made_of(tmp_path):
    text = "class Thing:\n    def word(self):\n        return 'old'\n"
    project = write_project(tmp_path / "p", {"app.py": text})
    with Client(project) as client:
        client.do("import app")
        client.do("thing = lt.cls(app.Thing).to(lt.here)()")
        edit(project / "app.py", "old", "new")
        client.do("other = lt.cls(app.Thing).to(lt.here)()")
        assert client.do("[thing.word(), other.word()]") == ["old", "new"]


def test_two_projects_with_files_of_the_same_names_do_not_meet(tmp_path):
    one = write_project(
        tmp_path / "one" / "p",
        {"app.py": "import helper\n\ndef f():\n    return helper.x\n", "helper.py": "x = 1\n"},
    )
    two = write_project(
        tmp_path / "two" / "p",
        {"app.py": "import helper\n\ndef f():\n    return helper.x\n", "helper.py": "x = 2\n"},
    )
    with Client(one) as first, Client(two) as second:
        first.do("import app")
        second.do("import app")
        for _ in range(3):
            assert (first.do(f"{SEND}()"), second.do(f"{SEND}()")) == (1, 2)
