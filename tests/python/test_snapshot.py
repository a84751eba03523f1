"""Snapshots in pure Python: the same digests as the node makes, the same files left out, the same refusals."""

import sys

import trees
from leanto import _nodes, _snapshot
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
