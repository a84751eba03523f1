"""Deploying without a node on this machine: the snapshot is made here, and only what the node lacks travels.

What a node was sent last of a project is remembered, also from one program to the next, so an edit's files go ahead of the deploy
that needs them, without asking first.
"""

from __future__ import annotations

import os
import sys

from leanto import _connection, _direct, _frames, _snapshot, _zstd
from leanto._frames import ASK, ERROR
from leanto.errors import ProtocolError

BATCH_BYTES = 4 << 20
BATCH_BLOBS = 4096
BATCHES_UNDER_WAY = 3
SAY_FROM = 8 << 20  # bytes; less is there before it could be read
MAX_AHEAD = 2000  # blobs; more is asked for first
MAX_AHEAD_BYTES = 8 << 20
_ROUNDS = 3


def deploy(node: _direct.Direct, words: dict, body: bytes) -> dict:
    """Send a deploy with the code that it needs and return the answer's head; `words` are those that a node here would get."""
    for left in reversed(range(_ROUNDS)):
        complete, snapshots = _with_snapshots(words)
        try:
            return _converse(node, complete, body, snapshots)
        except _snapshot.Changed:  # while it was sent
            if not left:
                raise
    raise AssertionError


def _with_snapshots(words: dict) -> tuple:
    """Return the words with digests in the place of directories, and the snapshots that they are of."""
    words = {key: value for key, value in words.items() if key != "snapshot_of"}
    snapshots = []
    if "root" in words:
        snapshots.append(_snapshot.take(words["root"]))
        words["snapshot"] = snapshots[0].digest
        words["root"] = words["root"].replace(os.sep, "/")
    if "image" in words:
        steps = []
        for step in words["image"]["steps"]:
            if "trees" in step:
                packages = [_snapshot.take(path) for path in step["trees"]]
                step = {**step, "trees": {each.root: each.digest for each in packages}}
                snapshots += packages
            steps.append(step)
        words["image"] = {**words["image"], "steps": steps}
    return words, snapshots


def _converse(node: _direct.Direct, words: dict, body: bytes, snapshots: list) -> dict:
    connection = node.take()
    try:
        ahead = [_send_ahead(connection, _Sent.of(node, each), each) for each in snapshots]
        if not all(ahead):
            _send_missing(connection, snapshots)
        answer = _ask(connection, words, body)
        if snapshots and all(ahead) and _lacks_code(*answer):
            _send_missing(connection, snapshots)
            answer = _ask(connection, words, body)
    except (OSError, EOFError, ProtocolError) as error:
        connection.close()
        raise node.broken("a deploy", error) from None
    except BaseException:
        connection.close()  # there may be answers on the way that nobody waits for
        raise
    type_, head, said = answer
    if type_ == ERROR:
        connection.close()
        for each in snapshots:
            _Sent.of(node, each).forget()
        _connection.raise_error(head, said)
    node.give_back(connection)
    for each in snapshots:
        _Sent.of(node, each).remember(each)
    return _frames.decode_head(head)


def _ask(connection: _connection.Connection, words: dict, body: bytes) -> tuple:
    connection.send(ASK, _frames.encode_head({"op": "deploy", **words}), body)
    return connection.receive()


def _lacks_code(type_: int, head: bytes, body: bytes) -> bool:
    """Whether an answer says that what was there once isn't any more."""
    kind = _frames.decode_head(head).get("kind") if type_ == ERROR else None
    return kind in ("snapshot", "not_found")


def _send_ahead(connection, sent: _Sent, snapshot: _snapshot.Snapshot) -> bool:
    """Send what an edit changed, and wait for nothing; False if what is there has to be asked for."""
    if not sent.digests:
        return False
    new = [digest for digest in snapshot.blobs if digest not in sent.digests]
    size = sum(snapshot.sizes[digest] for digest in new)
    if len(new) > MAX_AHEAD or size > MAX_AHEAD_BYTES:
        return False
    if new:
        head = _frames.encode_head({"op": "put_blobs"})
        connection.send(ASK, head, _pack(snapshot, new))
    return True


def _send_missing(connection, snapshots: list) -> None:
    for snapshot in snapshots:
        asked = b"".join(snapshot.blobs)
        connection.send(ASK, _frames.encode_head({"op": "missing_blobs"}), asked)
        type_, head, said = connection.receive()
        if type_ == ERROR:
            _connection.raise_error(head, said)
        said = bytes(said)
        lacking = [said[at : at + 32] for at in range(0, len(said), 32)]
        lacking = [digest for digest in lacking if digest in snapshot.blobs]
        packs = (("put_blobs", _pack(snapshot, batch)) for batch in _batches(snapshot, lacking))
        # What has arrived stays there: sending that was interrupted goes on with the rest.
        _direct.ask_all(connection, packs, BATCHES_UNDER_WAY)


def _batches(snapshot: _snapshot.Snapshot, digests: list):
    total = sum(snapshot.sizes[digest] for digest in digests)
    sent = size = 0
    batch: list = []
    for digest in digests:
        if batch and (size + snapshot.sizes[digest] > BATCH_BYTES or len(batch) == BATCH_BLOBS):
            yield batch
            sent += size
            _say(sent, total)
            batch, size = [], 0
        batch.append(digest)
        size += snapshot.sizes[digest]
    if batch:
        yield batch
    _say(total, total)


def _say(sent: int, total: int) -> None:
    """Show somebody who waits at a terminal how far it is."""
    if total < SAY_FROM or sys.stderr is None or not sys.stderr.isatty():
        return
    end = "\n" if sent == total else ""
    text = f"\rsending the project's files: {sent // 1_000_000} of {total // 1_000_000} MB"
    print(text, end=end, file=sys.stderr, flush=True)


def _pack(snapshot: _snapshot.Snapshot, digests: list) -> bytes:
    """Return blobs as they travel: a zstd frame of the size (8 bytes) and the bytes of each."""
    pieces = []
    for digest in digests:
        data = snapshot.read(digest)
        pieces += (len(data).to_bytes(8, "little"), data)
    return _zstd.compress(b"".join(pieces))


class _Sent:
    """Which blobs a node got when it was sent a project last: a guess, which the node corrects."""

    _all: dict = {}  # noqa: RUF012 - (node, root) → what is known of it

    def __init__(self, file: str) -> None:
        self._file = file
        self._snapshot = b""
        self.digests: frozenset = frozenset()
        try:
            with open(file, "rb") as opened:
                data = opened.read()
        except OSError:
            return  # it was sent nothing yet
        digests = [data[at : at + 32] for at in range(0, len(data) - len(data) % 32, 32)]
        self._snapshot, self.digests = data[:32], frozenset(digests)

    @classmethod
    def of(cls, node: _direct.Direct, snapshot: _snapshot.Snapshot) -> _Sent:
        key = (node.key, snapshot.root)
        if key not in cls._all:
            root = os.fsencode(snapshot.root)
            cls._all[key] = cls(_snapshot.cache_file(root, f"{node.key[:32]}.sent"))
        return cls._all[key]

    def remember(self, snapshot: _snapshot.Snapshot) -> None:
        digest = bytes.fromhex(snapshot.digest)
        if digest == self._snapshot:
            return
        self._snapshot, self.digests = digest, frozenset(snapshot.blobs)
        others = [each for each in snapshot.blobs if each != digest]
        _snapshot.write_cache(self._file, digest + b"".join(others))

    def forget(self) -> None:
        self._snapshot, self.digests = b"", frozenset()
        try:
            os.unlink(self._file)
        except OSError:
            pass  # it never was there
