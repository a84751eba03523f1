"""Snapshots in pure Python: the same digests as the node makes, the same files left out, the same refusals."""

import hashlib
import json
import os
import sys
import time

import pytest
import trees
from leanto import _nodes, _scan, _snapshot, _zstd
from leanto.errors import SnapshotError


def digest_by_node(root):
    """Let the node take a snapshot, and return its digest, or None if it refuses. No worker is started for it."""
    words = {
        "kind": "function",
        "name": f"snapshot of {root}",
        "project": "p",
        "module": "m",
        "qualname": "f",
        "python": sys.executable,
        "is_main": False,
        "settings": {},
        "root": str(root),
        "file": "m.py",
        "search_path": [""],
        "describe": {"kind": "function", "call": "function", "doc": ""},
    }
    try:
        said, _ = _nodes.here.ask("deploy", b"", **words)
    except SnapshotError:
        return None
    return said["v"]


def lacks(digests):
    """Of these blobs, those that the node hasn't got."""
    said = bytes(_nodes.here.ask("missing_blobs", b"".join(digests))[1])
    return {said[at : at + 32] for at in range(0, len(said), 32)}


def compare(root, problems):
    """Take both snapshots. Every blob of this one must be what the node has since then, and its tree among them."""
    try:
        snapshot = _snapshot.take(str(root))
    except SnapshotError as error:
        if digest_by_node(root) is not None:
            problems.append(f"{root}: only Python refuses it: {error}")
        return None
    digest = bytes.fromhex(snapshot.digest)
    new = lacks([digest])
    if digest_by_node(root) is None:
        problems.append(f"{root}: only the node refuses it")
    elif not new:
        problems.append(f"{root}: the node had this tree before, so nothing is compared")
    elif lacks(list(snapshot.blobs)):
        problems.append(f"{root}: the node's snapshot is another one")
    return snapshot


def mark(root, text):
    """Put a file into the root that travels whatever else is said, so that no two trees are the same."""
    (root / "mark.txt").write_text(text)
    with open(root / ".leantoignore", "ab") as file:
        file.write(b"\n!/mark.txt\n")


def test_random_trees_have_the_digests_that_the_node_gives_them(tmp_path, lt):
    problems = []
    taken = []
    for seed in range(300):
        root = tmp_path / str(seed)
        trees.RandomTree(root, seed)
        mark(root, str(seed))
        taken.append(compare(root, problems))
    assert problems == []
    assert sum(snapshot is not None for snapshot in taken) > 200, "most of them can travel"
    assert any(snapshot is None for snapshot in taken), "and some can't"


def write(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def paths_in(snapshot):
    """The files whose blobs are part of it, from the root; one of those that are the same."""
    found = [blob for blob in snapshot.blobs.values() if isinstance(blob, bytes)]
    return sorted(os.path.relpath(os.fsdecode(path), snapshot.root) for path in found)


def test_gits_rules_from_outside_of_the_root_count(tmp_path, lt):
    repository = write(
        tmp_path / "repository",
        {
            ".git/info/exclude": "secret*\n/apps/mine/local.py\n",
            ".gitignore": "*.log\n/apps/mine/build/\n!kept.log\n",
            "apps/.gitignore": "!secret-no-more\n*.tmp\n",
            "apps/mine/a.py": "a",
            "apps/mine/local.py": "local",
            "apps/mine/b.log": "log",
            "apps/mine/kept.log": "kept",
            "apps/mine/c.tmp": "tmp",
            "apps/mine/secret": "s",
            "apps/mine/secret-no-more": "n",
            "apps/mine/build/x.py": "x",
            "apps/mine/deep/build/y.py": "y",
        },
    )
    problems = []
    snapshot = compare(repository / "apps" / "mine", problems)
    assert problems == []
    assert paths_in(snapshot) == ["a.py", "deep/build/y.py", "kept.log", "secret-no-more"]


def test_a_pattern_takes_no_long_time_whatever_it_is(tmp_path):
    write(
        tmp_path,
        {".leantoignore": "a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b\n" * 3, "a" * 200: "", "f.py": "f"},
    )
    assert len(_snapshot.take(str(tmp_path)).blobs) == 4


def test_a_pipe_and_a_link_that_leads_out_are_named_with_the_way_out(tmp_path):
    write(tmp_path / "p", {"a.py": "a", "data/b.py": "b"})
    os.mkfifo(tmp_path / "p" / "data" / "pipe")
    os.symlink("/etc/hostname", tmp_path / "p" / "name [1]")
    with pytest.raises(SnapshotError) as caught:
        _snapshot.take(str(tmp_path / "p"))
    text = str(caught.value)
    assert "data/pipe: it is a socket, a named pipe" in text
    assert "name [1]: it is a link to /etc/hostname, which is outside of the project" in text
    assert text.endswith(
        f"add what the code does not need to {tmp_path}/p/.leantoignore, for example the line\n  /data/pipe"
    )
    (tmp_path / "p" / ".leantoignore").write_text("/data/pipe\n/name \\[1]\n")
    assert paths_in(_snapshot.take(str(tmp_path / "p"))) == [".leantoignore", "a.py", "data/b.py"]


def test_a_file_that_may_not_be_read_is_named(tmp_path):
    if os.getuid() == 0:
        pytest.skip("root may read everything")
    write(tmp_path, {"a.py": "a"})
    (tmp_path / "a.py").chmod(0)
    with pytest.raises(SnapshotError, match=r"a\.py: it may not be read"):
        _snapshot.take(str(tmp_path))


def test_what_is_too_large_is_named_by_its_largest_parts(tmp_path):
    write(tmp_path, {"a.py": "a", "data/raw/x": "", "data/raw/y": "yy", "data/z": "z"})
    os.truncate(tmp_path / "data" / "raw" / "x", 600_000_000)
    with pytest.raises(SnapshotError) as caught:
        _snapshot.take(str(tmp_path))
    text = str(caught.value)
    assert "has 4 files of 600.0 MB in all; a snapshot may have 50,000 files of 512.0 MB" in text
    assert "data/raw/: 600.0 MB in 2 files" in text and text.endswith("  /data/raw/")
    with pytest.raises(SnapshotError, match="has 4 files .* a snapshot may have 3 files"):
        _scan.Scan(os.fsencode(tmp_path), max_files=3, max_bytes=10**9)


def test_directories_nested_too_deep_are_refused(tmp_path):
    os.makedirs(tmp_path / "/".join("d" * 255))
    assert len(_snapshot.take(str(tmp_path)).blobs) == 256
    os.makedirs(tmp_path / "/".join("d" * 256))
    with pytest.raises(SnapshotError, match="nested deeper than 256"):
        _snapshot.take(str(tmp_path))


def test_a_project_that_is_gone_is_said_to_be(tmp_path):
    with pytest.raises(SnapshotError, match="is not there any more"):
        _snapshot.take(str(tmp_path / "nothing"))


# What was read is remembered


@pytest.fixture
def read(monkeypatch):
    """The files that are read, by name."""
    paths = []
    real = _snapshot._read

    def reading(path, file):
        paths.append(os.path.basename(os.fsdecode(path)))
        return real(path, file)

    monkeypatch.setattr(_snapshot, "_read", reading)
    return paths


@pytest.fixture
def old(tmp_path):
    """A project whose files were written a while ago, as far as the clock of this program says."""
    return write(tmp_path / "old", {"a.py": "a", "b.py": "b", "deep/c.py": "c"})


def later(monkeypatch, seconds):
    real = time.time_ns
    monkeypatch.setattr(_snapshot.time, "time_ns", lambda: real() + int(seconds * 1e9))


def test_a_second_snapshot_reads_nothing_also_in_another_program(old, read, monkeypatch):
    later(monkeypatch, 10)
    first = _snapshot.take(str(old))
    assert sorted(read) == ["a.py", "b.py", "c.py"]
    _snapshot._Known._of.clear()  # as in another program
    read.clear()
    assert _snapshot.take(str(old)).digest == first.digest and read == []
    (old / "b.py").write_text("B")
    assert _snapshot.take(str(old)).digest != first.digest and read == ["b.py"]


def test_a_file_that_was_just_written_is_read_again(old, read):
    first = _snapshot.take(str(old))
    status = (old / "a.py").stat()
    (old / "a.py").write_text("A")  # as long as before
    os.utime(old / "a.py", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert _snapshot.take(str(old)).digest != first.digest
    assert read.count("a.py") == 2


def test_times_in_whole_seconds_are_not_relied_on_for_so_long(old, monkeypatch):
    known = _snapshot._Known.of(os.fsencode(old))
    now = 1_700_000_000_000_000_000
    file = _scan.File(b"f", 1, (1, now, now, 7))
    file.digest = b"d" * 32
    known.add(b"a.py", file, now + 1_000_000_000)
    assert b"" == known.find(b"a.py", file.seen) and known._current == {}
    known.add(b"a.py", file, now + 3_000_000_000)
    known.save()
    assert known.find(b"a.py", file.seen) == b"d" * 32


def test_a_damaged_memory_is_no_more_than_forgotten(old, read, monkeypatch):
    later(monkeypatch, 10)
    first = _snapshot.take(str(old))
    path = _snapshot.cache_file(os.fsencode(old), "files.json")
    for damage in (
        b"",
        b"[1]",
        b'{"a.py": 3, "b.py": ["zz"], "deep/c.py": [null, 1, 2, 3, 4]}',
        b"\xff",
    ):
        with open(path, "wb") as file:
            file.write(damage)
        _snapshot._Known._of.clear()
        read.clear()
        assert _snapshot.take(str(old)).digest == first.digest
        assert sorted(read) == ["a.py", "b.py", "c.py"]


def test_where_nothing_can_be_remembered_all_works(old, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert _snapshot.take(str(old)).digest == _snapshot.take(str(old)).digest


def test_files_that_are_gone_are_forgotten(old, monkeypatch):
    later(monkeypatch, 10)
    _snapshot.take(str(old))
    (old / "a.py").unlink()
    _snapshot.take(str(old))
    with open(_snapshot.cache_file(os.fsencode(old), "files.json")) as file:
        assert sorted(json.load(file)) == ["b.py", "deep/c.py"]


def test_a_file_that_changes_between_snapshot_and_sending_is_noticed(old):
    snapshot = _snapshot.take(str(old))
    digest = next(
        digest for digest, blob in snapshot.blobs.items() if blob == os.fsencode(old / "a.py")
    )
    (old / "a.py").write_text("other")
    with pytest.raises(_snapshot.Changed, match=r"a\.py changed while the project was sent"):
        snapshot.read(digest)


# What travels


@pytest.mark.parametrize("size", [0, 1, 255, 256, 70_000, (128 << 10), (128 << 10) + 1, 1_000_000])
def test_the_node_reads_frames_that_were_written_without_zstd(lt, size):
    data = os.urandom(size)
    plain = len(data).to_bytes(8, "little") + data
    _nodes.here.ask("put_blobs", _zstd.store(plain))
    assert not lacks([hashlib.sha256(data).digest()])


def test_an_empty_frame_is_one(lt):
    _nodes.here.ask("put_blobs", _zstd.store(b""))


# On Windows, as far as it can be shown here


def test_links_there_are_written_with_slashes_and_relative_to_the_root(monkeypatch):
    monkeypatch.setattr(_scan, "_ON_WINDOWS", True)
    scan = _scan.Scan.__new__(_scan.Scan)
    scan.root = b"C:\\Users\\me\\project"
    deep = _scan.Directory(b"a/b")
    assert scan._target(deep, b"\\\\?\\C:\\Users\\me\\project\\c\\d.py") == b"../../c/d.py"
    assert scan._target(deep, b"..\\x.py") == b"../x.py"
    assert scan._target(_scan.Directory(b""), b"C:/Users/me/project") == b"."
    assert scan._target(deep, b"D:\\elsewhere") == b"D:/elsewhere"


def test_nothing_is_to_be_executed_there(monkeypatch, tmp_path):
    path = write(tmp_path, {"run.sh": "echo"}) / "run.sh"
    path.chmod(0o755)
    there = _scan.Scan(os.fsencode(tmp_path)).top.files[b"run.sh"].kind
    monkeypatch.setattr(_scan, "_ON_WINDOWS", True)
    assert (there, _scan.Scan(os.fsencode(tmp_path)).top.files[b"run.sh"].kind) == (b"x", b"f")
