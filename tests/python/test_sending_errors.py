"""What goes wrong at `.to()` is named with the file and line that it comes from."""

import pytest
from clients import Client, Failed, write_project

SEND = "lt.function(app.f).to(lt.here)"


@pytest.fixture
def client(tmp_path):
    project = write_project(
        tmp_path / "p",
        {"app.py": "import helper\n\ndef f():\n    return 1\n", "helper.py": "x = 1\n"},
    )
    with Client(project) as client:
        client.project = project
        yield client


def test_a_syntax_error_in_a_module_is_shown_with_file_and_line(client):
    client.do("import app")
    (client.project / "helper.py").write_text("x = 1\n\nx = = 2\n")
    with pytest.raises(Failed) as caught:
        client.do(SEND)
    assert caught.value.kind == "SnapshotError"
    assert f"{client.project}/helper.py, line 3: invalid syntax" in caught.value.text


def test_a_package_that_the_node_lacks_is_named(client):
    (client.project / "helper.py").write_text("import not_installed_there\n")
    client.do("import sys, types; n = 'not_installed_there'; sys.modules[n] = types.ModuleType(n)")
    client.do("import app")
    with pytest.raises(Failed) as caught:
        client.do(SEND)
    assert caught.value.kind == "SnapshotError"
    assert "No module named 'not_installed_there'" in caught.value.text
    assert "install it" in caught.value.text
    assert (
        f'File "{client.project}/helper.py", line 1' in f"{caught.value.text}{caught.value.cause}"
    )


def test_a_module_of_the_project_that_does_not_travel_is_named(client):
    client.do("import app")
    (client.project / "helper.py").unlink()
    with pytest.raises(Failed) as caught:
        client.do(SEND)
    assert caught.value.kind == "SnapshotError"
    assert "'helper'" in caught.value.text


def test_what_a_module_raises_while_it_is_imported_arrives_at_to(client):
    client.do("import app")
    (client.project / "helper.py").write_text(
        "def check():\n    raise OSError('no licence')\n\ncheck()\n"
    )
    with pytest.raises(Failed) as caught:
        client.do(SEND)
    assert caught.value.kind == "SnapshotError"
    assert "OSError: no licence" in caught.value.text
    assert (
        f'File "{client.project}/helper.py", line 2, in check'
        in f"{caught.value.text}{caught.value.cause}"
    )


@pytest.mark.parametrize("text", ["import sys\nsys.exit(4)\n", "import os\nos._exit(4)\n"])
def test_a_module_that_leaves_while_it_is_imported_ends_only_to(client, text):
    client.do("import app")
    (client.project / "helper.py").write_text(text)
    with pytest.raises(Failed) as caught:
        client.do(SEND)
    assert caught.value.kind in ("SnapshotError", "WorkerDiedError")
    assert "4" in caught.value.text
    (client.project / "helper.py").write_text("")
    assert client.do(f"{SEND}()") == 1


def test_a_function_that_is_gone_from_its_module_is_named(client):
    client.do("import app")
    (client.project / "app.py").write_text("def g():\n    return 2\n")
    with pytest.raises(Failed) as caught:
        client.do(SEND)
    assert caught.value.kind == "SnapshotError"
    assert f"{client.project}/app.py has no 'f'" in caught.value.text
    assert "it has: g" in caught.value.text


def test_after_an_error_at_to_the_next_one_works(client):
    client.do("import app")
    (client.project / "helper.py").write_text("1 / 0\n")
    with pytest.raises(Failed):
        client.do(SEND)
    (client.project / "helper.py").write_text("x = 2\n")
    assert client.do(f"{SEND}()") == 1
