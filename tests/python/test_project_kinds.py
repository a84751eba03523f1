"""Projects of all kinds travel: layouts, names, what git ignores, links, large ones."""

import os
import subprocess

import pytest
from clients import Client, Failed, edit, write_project

SEND = "lt.function(app.f).to(lt.here)"


def sends(project, *places, module="app"):
    """Send a function of a project from a new client and return what it gives."""
    with Client(*(places or (project,))) as client:
        client.do(f"import {module}")
        return client.do(f"lt.function({module}.f).to(lt.here)()")


def test_a_src_layout_with_relative_imports(tmp_path):
    files = {
        "pyproject.toml": "",
        "src/shop/__init__.py": "",
        "src/shop/app.py": "from .parts.one import x\nfrom . import other\n\n"
        "def f():\n    return [x, other.y, __name__]\n",
        "src/shop/other.py": "y = 2\n",
        "src/shop/parts/__init__.py": "",
        "src/shop/parts/one.py": "from ..other import y\nx = y * 10\n",
    }
    project = write_project(tmp_path / "p", files)
    with Client(project / "src") as client:
        client.do("import shop.app as app")
        assert client.do(f"{SEND}()") == [20, 2, "shop.app"]
        edit(project / "src" / "shop" / "other.py", "2", "3")
        assert client.do(f"{SEND}()") == [30, 3, "shop.app"]
        assert client.do(f"{SEND}.name") == "p/shop.app.f"


def test_a_namespace_package_in_two_places(tmp_path):
    files = {
        "pyproject.toml": "",
        "one/space/app.py": "from space import other\n\ndef f():\n    return other.x\n",
        "two/space/other.py": "x = 5\n",
    }
    project = write_project(tmp_path / "p", files)
    assert sends(project, project / "one", project / "two", module="space.app") == 5


@pytest.mark.parametrize("name", ["with spaces", "Grüße", 'it\'s 100% "quoted"', "日本"])
def test_names_of_all_kinds(tmp_path, name):
    files = {
        "app.py": f"import grün\n\ndef f():\n    return [grün.x, open({name + '.txt'!r}).read()]\n",
        "grün.py": "x = 'ü'\n",
        f"{name}.txt": name,
        f"{name}/unused.txt": "",
    }
    project = write_project(tmp_path / name, files)
    with Client(project) as client:
        client.do("import app")
        assert client.do(f"{SEND}()") == ["ü", name]
        (project / f"{name}.txt").write_text("new")
        assert client.do(f"{SEND}()") == ["ü", "new"]
        assert client.do(f"{SEND}.name") == f"{name}/app.f"


def test_a_name_that_is_no_utf_8_travels(tmp_path):
    project = write_project(
        tmp_path / "p",
        {"app.py": "import os\n\ndef f():\n    return len(os.listdir(b'data')[0])\n"},
    )
    (project / "data").mkdir()
    with open(os.path.join(os.fsencode(project), b"data", b"\xff\xfe.txt"), "wb"):
        pass
    assert sends(project) == 6


def test_with_git_and_without(tmp_path):
    for name in ("with", "without"):
        project = write_project(
            tmp_path / name,
            {"deep/app.py": "import top\n\ndef f():\n    return top.x\n", "top.py": "x = 4\n"},
        )
        if name == "with":
            subprocess.run(["git", "init", "-q", str(project)], check=True)
        else:
            write_project(project, {"setup.cfg": ""})
        assert sends(project, project / "deep", project, module="app") == 4


def test_what_git_ignores_does_not_travel(tmp_path):
    look = (
        "import os\n\ndef f():\n"
        "    files = [os.path.join(at, name)[2:] for at, _, xs in os.walk('.') for name in xs]\n"
        "    return sorted(file for file in files if '/.' not in '/' + file and file[-1] != 'c')\n"
    )
    files = {
        "app.py": look,
        ".gitignore": "*.bin\n!kept.bin\n/build/\nsecret*\n",
        "sub/.gitignore": "z.txt\n",
        ".leantoignore": "notes\n",
    }
    names = "a.bin kept.bin build/x.txt sub/build/y.txt secrets.toml sub/z.txt notes/n.txt"
    files.update(dict.fromkeys(names.split(), ""))
    assert sends(write_project(tmp_path / "p", files)) == ["app.py", "kept.bin", "sub/build/y.txt"]


def test_an_ignored_module_is_named_when_it_is_missed(tmp_path):
    files = {
        "app.py": "import local\n\ndef f():\n    return 1\n",
        "local.py": "",
        ".gitignore": "local.py\n",
    }
    with pytest.raises(Failed, match="(?s)SnapshotError.*'local'.*gitignore"):
        sends(write_project(tmp_path / "p", files))


def test_a_link_that_leads_out_is_named(tmp_path):
    project = write_project(
        tmp_path / "p", {"app.py": "def f():\n    return open('link.txt').read()\n"}
    )
    (tmp_path / "outside.txt").write_text("outside")
    (project / "link.txt").symlink_to(tmp_path / "outside.txt")
    with pytest.raises(Failed, match="(?s)SnapshotError.*link.txt.*outside") as caught:
        sends(project)
    assert ".leantoignore" in caught.value.text
    (project / "link.txt").unlink()
    (project / "inside.txt").write_text("inside")
    (project / "link.txt").symlink_to("inside.txt")
    assert sends(project) == "inside"


def test_an_executable_file_stays_one(tmp_path):
    project = write_project(
        tmp_path / "p",
        {
            "app.py": "import os\n\ndef f():\n    return os.popen('./run').read()\n",
            "run": "#!/bin/sh\necho ran\n",
        },
    )
    (project / "run").chmod(0o755)
    assert sends(project) == "ran\n"


def test_a_project_that_is_too_large_says_what_is_large(own_home, tmp_path):
    write_project(
        own_home, {".config/leanto/node.toml": '[snapshots]\nmax_size = "100KB"\nmax_files = 20\n'}
    )
    project = write_project(
        tmp_path / "p", {"app.py": "def f():\n    return 1\n", "big/data.bin": "x" * 200_000}
    )
    with pytest.raises(Failed, match="(?s)SnapshotError.*100.*big/.*leantoignore"):
        sends(project)
    write_project(project, {".leantoignore": "big/\n"})
    assert sends(project) == 1
    write_project(project, {f"many/{i}": "" for i in range(30)})
    with pytest.raises(Failed, match="(?s)SnapshotError.*20 files.*many/"):
        sends(project)


def test_what_a_function_writes_does_not_change_the_project(tmp_path):
    text = "def f():\n    open('data.txt', 'a').write('more')\n    return open('data.txt').read()\n"
    project = write_project(tmp_path / "p", {"app.py": text, "data.txt": "data"})
    try:
        sends(project)
    except Failed as failed:
        assert failed.kind in (
            "PermissionError",
            "OSError",
        )  # a workspace that can't be written to is as good
    assert (project / "data.txt").read_text() == "data"
    other = write_project(
        tmp_path / "q",
        {"app.py": "def f():\n    return open('data.txt').read()\n", "data.txt": "data"},
    )
    assert sends(other) == "data", "the same file of another project"
