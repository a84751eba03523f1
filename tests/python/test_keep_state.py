"""`.to(here, keep_state=True)` puts new code under live instances, whose attributes stay."""

import os

import pytest
from clients import Client, Failed, edit, write_project
from conftest import wait_until

APP = """
import os, time
import helper

class Counter:
    def __init__(self, start=0):
        self.count = start
        self.pid = os.getpid()

    def add(self, by=1):
        self.count += by * helper.FACTOR
        return self.count

    def where(self):
        return [os.getpid(), __file__, os.getcwd()]

    def hold(self, started, released):
        open(started, "w").close()
        while not os.path.exists(released):
            time.sleep(0.001)
        return "old end"

    def fail_later(self, started, released):
        self.hold(started, released)
        raise ValueError("late")

class Slotted:
    __slots__ = ("a",)
    def __init__(self):
        self.a = 1

class Table(dict):
    def size(self):
        return len(self)
"""

TO = "C = lt.cls(app.{}).to(lt.here)"
KEEP = "C = lt.cls(app.{}).to(lt.here, keep_state=True)"


@pytest.fixture
def project(tmp_path):
    return write_project(
        tmp_path / "p",
        {"app.py": APP, "helper.py": "FACTOR = 1\n", "pyproject.toml": "[project]\nname='p'\n"},
    )


@pytest.fixture
def client(project):
    with Client(project) as client:
        client.do("import app")
        client.do(TO.format("Counter"))
        yield client


def test_methods_are_new_and_attributes_stay(project, client):
    client.do("c = C(10)")
    assert client.do("c.add()") == 11
    edit(project / "app.py", "self.count += by", "self.count -= by")
    client.do(KEEP.format("Counter"))
    assert client.do("c.add()") == 10
    assert client.do("c.pid == c.where()[0]") is True


def test_other_modules_of_the_project_are_new_too(project, client):
    client.do("c = C()")
    client.do("c.add()")
    edit(project / "helper.py", "1", "100")
    client.do(KEEP.format("Counter"))
    assert client.do("c.add()") == 101
    _, file, directory = client.do("c.where()")
    assert os.path.dirname(file) == directory


def test_without_it_an_instance_keeps_its_code(project, client):
    client.do("c = C()")
    edit(project / "helper.py", "1", "100")
    client.do(TO.format("Counter"))
    assert client.do("c.add()") == 1
    assert client.do("C().add()") == 100


def test_new_methods_are_seen_by_handles_that_others_hold(project, client):
    client.do("c = C.options(name='kept')()")
    with Client(project) as other:
        other.do("c = lt.here.get('kept')")
        edit(
            project / "app.py",
            "    def where",
            "    def double(self):\n        return 2 * self.count\n\n    def where",
        )
        client.do("c.add(4)")
        client.do(KEEP.format("Counter"))
        assert other.do("c.double()") == client.do("c.double()") == 8
        assert other.do("lt.here.get('kept').double()") == 8
        assert "double" in other.do("dir(lt.here.get('kept'))")
        client.do("lt.here.delete('kept')")


def test_it_can_be_done_again_and_again(project, client):
    client.do("c = C()")
    for factor in range(2, 8):
        (project / "helper.py").write_text(f"FACTOR = {factor}\n")
        client.do(KEEP.format("Counter"))
        client.do("before = c.count")
        assert client.do("c.add() - before") == factor
    client.do(KEEP.format("Counter"))  # nothing has changed
    assert client.do("c.count") == sum(range(2, 8))


def test_a_running_call_ends_on_the_old_code(project, client, tmp_path):
    client.do("c = C()")
    started, released = tmp_path / "started", tmp_path / "released"
    with Client(project) as other:
        client.do("lt.here.put('handle', c)")
        other.do("c = lt.here.get('handle')")
        other.start(f"c.hold({str(started)!r}, {str(released)!r})")
        assert wait_until(started.exists)
        edit(project / "app.py", "old end", "new end")
        client.do(KEEP.format("Counter"))
        assert client.do("c.add()") == 1
        released.touch()
        assert other.answer() == "old end"
        assert other.do(f"c.hold({str(started)!r}, {str(released)!r})") == "new end"
        client.do("lt.here.delete('handle')")


def test_the_traceback_of_a_call_that_began_before_has_the_callers_paths(project, client, tmp_path):
    client.do("c = C()")
    started, released = tmp_path / "started", tmp_path / "released"
    with Client(project) as other:
        client.do("lt.here.put('handle', c)")
        other.do("c = lt.here.get('handle')")
        other.start(f"c.fail_later({str(started)!r}, {str(released)!r})")
        assert wait_until(started.exists)
        edit(project / "helper.py", "1", "100")
        client.do(KEEP.format("Counter"))
        released.touch()
        with pytest.raises(Failed, match="ValueError: late") as failed:
            other.answer()
        assert f'File "{project}/app.py"' in failed.value.cause
        assert "workspaces" not in failed.value.cause
        client.do("lt.here.delete('handle')")


HOOK = """
    def __leanto_reload__(self, old_version):
        self.old = old_version
        self.count = str(self.count)

    def where"""


def test_a_hook_mends_the_state(project, client):
    client.do("c = C(5)")
    version = client.do("C._leanto[0].version")
    edit(project / "app.py", "\n    def where", HOOK)
    client.do(KEEP.format("Counter"))
    assert client.do("[c.old, c.count]") == [version, "5"]


def test_a_hook_that_raises_leaves_the_old_code(project, client):
    client.do("c = C(5)")
    edit(project / "helper.py", "1", "100")
    edit(project / "app.py", "\n    def where", HOOK.replace("str(self.count)", "self.lost"))
    with pytest.raises(Failed, match="InvalidRequestError") as failed:
        client.do(KEEP.format("Counter"))
    assert "has no attribute 'lost'" in failed.value.text
    assert "still on the code they had" in failed.value.text
    assert f'File "{project}/app.py"' in failed.value.text
    assert client.do("c.add()") == 6
    edit(project / "app.py", "self.lost", "7")
    client.do(KEEP.format("Counter"))
    assert client.do("c.add()") == 107


def refused(client, name, *parts):
    with pytest.raises(Failed, match="InvalidRequestError") as failed:
        client.do(KEEP.format(name))
    for part in ("no live object was given the new code", *parts):
        assert part in failed.value.text


def test_other_slots_are_refused_before_anything_is_touched(project, client):
    client.do(TO.format("Slotted"))
    client.do("one = C.options(name='one')(); two = C()")
    edit(project / "app.py", '("a",)', '("a", "b")')
    refused(
        client, "Slotted", "'one'", "__slots__ of Slotted have changed: they were a and are a, b"
    )
    assert client.do("[one.a, two.a]") == [1, 1]
    assert client.do("lt.cls(app.Slotted).to(lt.here)().a") == 1
    client.do("lt.here.delete('one')")


def test_slots_that_stay_are_no_hindrance(project, client):
    client.do(TO.format("Slotted"))
    client.do("s = C()")
    client.do("s.a = 5")
    edit(
        project / "app.py",
        "self.a = 1",
        "self.a = 1\n    def twice(self):\n        return 2 * self.a",
    )
    client.do(KEEP.format("Slotted"))
    assert client.do("s.twice()") == 10


def test_what_is_built_on_c_types_is_swapped_if_they_stay(project, client):
    client.do(TO.format("Table"))
    client.do("t = C(); t['x'] = 1")
    edit(project / "app.py", "return len(self)", "return -len(self)")
    client.do(KEEP.format("Table"))
    assert client.do("t.size()") == -1
    edit(project / "app.py", "class Table(dict)", "class Table(list)")
    refused(client, "Table", "it was dict and is list")
    assert client.do("t.size()") == -1


def test_all_are_swapped_or_none(project, client):
    client.do("a, b = C(), C()")
    client.do("class_ = C")
    edit(project / "helper.py", "1", "100")
    edit(
        project / "app.py",
        "import helper",
        "import helper\nif os.environ.get('REFUSE'): raise ImportError('not here')",
    )
    edit(
        project / "app.py",
        "def add",
        "def refuse(self):\n        os.environ['REFUSE'] = '1'\n\n    def add",
    )
    client.do(KEEP.format("Counter"))
    client.do("a.refuse()")
    edit(project / "helper.py", "100", "1000")
    refused(client, "Counter", "ImportError: not here")
    assert client.do("[a.add(), b.add()]") == [100, 100]


def test_code_that_cannot_be_imported_touches_nothing(project, client):
    client.do("c = C()")
    edit(project / "helper.py", "FACTOR = 1", "FACTOR = ")
    with pytest.raises(Failed, match="SnapshotError"):
        client.do(KEEP.format("Counter"))
    assert client.do("c.add()") == 1


def test_another_environment_is_refused(project, client):
    client.do("c = C()")
    with pytest.raises(Failed, match="environment variables have changed"):
        client.do("lt.cls(app.Counter).options(env={'A': 'b'}).to(lt.here, keep_state=True)")
    assert client.do("c.add()") == 1


SCRIPT = """
import sys
import leanto as lt

class Counter:
    def __init__(self):
        self.count = 0
    def add(self):
        self.count += 1
        return self.count

if __name__ == "__main__":
    C = lt.cls(Counter).to(lt.here, keep_state=True)
    print(C.options(name="scripted", get_if_exists=True)().add())
"""


def test_a_class_of_a_script_is_swapped_too(tmp_path, lt):
    from clients import run_script

    project = write_project(tmp_path / "s", {"run.py": SCRIPT})
    try:
        assert run_script(project, "run.py").stdout == "1\n"
        edit(project / "run.py", "+= 1", "+= 10")
        assert run_script(project, "run.py").stdout == "11\n"
    finally:
        lt.here.delete("scripted")
