"""Frames as Python reads and writes them, against the golden files that the C++ tests use too."""

import json
import pathlib
import random
import socket
import threading

import pytest
from leanto import _frames
from leanto.errors import ProtocolError

GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "golden" / "frames"
INDEX = json.loads((GOLDEN / "index.json").read_text(encoding="utf-8"))


def golden_bytes(entry):
    return bytes.fromhex((GOLDEN / f"{entry['name']}.hex").read_text())


def expected(entry):
    """What a reader should make of a golden frame: type, stream, head, body."""
    return (
        getattr(_frames, entry["type"]),
        entry["stream"],
        entry["head"],
        bytes.fromhex(entry["body"]),
    )


class Pieces:
    """A socket whose data comes in the given pieces, and then ends."""

    def __init__(self, *pieces):
        self._pieces = [bytes(piece) for piece in pieces if piece]

    def recv(self, size):
        if not self._pieces:
            return b""
        piece = self._pieces.pop(0)
        if len(piece) > size:
            self._pieces.insert(0, piece[size:])
        return piece[:size]

    def recv_into(self, view):
        piece = self.recv(len(view))
        view[: len(piece)] = piece
        return len(piece)


def read_all(*pieces):
    reader = _frames.FrameReader(Pieces(*pieces))
    frames = []
    while True:
        try:
            type_, stream, head, body = reader.read()
        except EOFError:
            return frames
        frames.append((type_, stream, _frames.decode_head(head), bytes(body)))


def random_cuts(data, generator):
    cuts = sorted(generator.sample(range(len(data)), generator.randint(0, min(20, len(data) - 1))))
    return [data[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(data)])]


@pytest.mark.parametrize("entry", INDEX, ids=lambda entry: entry["name"])
def test_a_golden_frame_is_read(entry):
    assert read_all(golden_bytes(entry)) == [expected(entry)]


@pytest.mark.parametrize("entry", INDEX, ids=lambda entry: entry["name"])
def test_a_golden_frame_is_written(entry):
    if entry.get("encoded_by") == "c++":
        pytest.skip("written by the C++ side only")
    type_, stream, head, body = expected(entry)
    assert _frames.frame(
        type_, stream, _frames.encode_head(head) if head else b"", body
    ) == golden_bytes(entry)


def test_every_type_has_a_golden_frame_and_every_file_an_entry():
    assert {getattr(_frames, entry["type"]) for entry in INDEX} == set(range(1, 15))
    assert {path.stem for path in GOLDEN.glob("*.hex")} == {entry["name"] for entry in INDEX}


def test_frames_one_after_the_other_are_read_however_they_are_cut():
    data = b"".join(golden_bytes(entry) for entry in INDEX)
    everything = [expected(entry) for entry in INDEX]
    assert read_all(*(data[i : i + 1] for i in range(len(data)))) == everything
    generator = random.Random(7)
    for _ in range(50):
        assert read_all(*random_cuts(data, generator)) == everything


def test_a_large_body_is_writable_memory_of_its_own():
    body = random.Random(1).randbytes(300_000)
    data = _frames.frame(_frames.RESULT, 9, b"", body) + _frames.frame(_frames.LOG, 9, b"", b"next")
    reader = _frames.FrameReader(Pieces(data))
    _, _, _, read = reader.read()
    assert isinstance(read, bytearray)
    assert read == body
    read[0] ^= 1
    assert reader.read()[3] == b"next"


def test_a_head_larger_than_a_read_is_read():
    head = _frames.encode_head({"message": "x" * 500_000})
    data = _frames.frame(_frames.ERROR, 1, head, b"body") + _frames.frame(_frames.CANCEL, 2)
    assert read_all(data) == [
        (_frames.ERROR, 1, {"message": "x" * 500_000}, b"body"),
        (_frames.CANCEL, 2, {}, b""),
    ]


def test_only_a_frame_that_is_all_here_is_taken_without_waiting():
    first = _frames.frame(_frames.CANCEL, 1)
    second = _frames.frame(_frames.YIELD, 2, b"", b"item")
    reader = _frames.FrameReader(Pieces(first + second[:-1], second[-1:]))
    assert reader.next_buffered() is None
    assert reader.read()[1] == 1
    assert reader.next_buffered() is None
    assert reader.read()[1] == 2
    assert reader.next_buffered() is None
    reader = _frames.FrameReader(Pieces(first + second + b"GET / HTTP/1.1\r\nHost: x\r\n"))
    assert reader.read()[1] == 1
    assert reader.next_buffered() == (_frames.YIELD, 2, b"", b"item")
    assert reader.next_buffered() is None
    with pytest.raises(ProtocolError):
        reader.read()


@pytest.mark.parametrize("size", [1, 19, 20, 22, 25])
def test_a_peer_that_closes_in_the_middle_of_a_frame_is_an_end_of_file(size):
    data = _frames.frame(_frames.CALL, 1, _frames.encode_head({"n": "f"}), b"body")
    with pytest.raises(EOFError, match="in the middle"):
        _frames.FrameReader(Pieces(data[:size])).read()


def test_a_peer_that_closes_between_frames_is_an_end_of_file():
    with pytest.raises(EOFError, match="closed the connection$"):
        _frames.FrameReader(Pieces()).read()


def broken(at, value):
    data = bytearray(_frames.frame(_frames.CALL, 1))
    data[at] = value
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n", "doesn't speak Leanto"),
        (broken(0, 0xF6), "doesn't speak Leanto"),
        (broken(3, 1), "doesn't speak Leanto"),
        (broken(1, 2), "frame version 2"),
        (_frames.header(_frames.CALL, 1, _frames.MAX_HEAD + 1, 0), "over the limit"),
    ],
)
def test_what_is_no_frame_is_a_protocol_error(data, said):
    with pytest.raises(ProtocolError, match=said):
        _frames.FrameReader(Pieces(data)).read()


@pytest.mark.parametrize(
    "head",
    [b"\x90", b"\xa1x", b"\x81\xa1k", b"\xc1", b"\x80\x80", b"\x81\xa1k\xdb\xff\xff\xff\xff"],
)
def test_a_head_that_is_no_map_is_a_protocol_error(head):
    with pytest.raises(ProtocolError):
        _frames.decode_head(head)


def test_no_head_is_an_empty_map():
    assert _frames.decode_head(b"") == {}


def test_frames_cross_a_real_socket_in_order():
    near, far = socket.socketpair()
    sizes = [0, 1, 100, _frames.CHUNK - 40, _frames.CHUNK, 1 << 20]
    data = [_frames.frame(_frames.YIELD, i, b"", bytes([i]) * size) for i, size in enumerate(sizes)]
    with near, far:
        writer = threading.Thread(target=far.sendall, args=(b"".join(data),))
        writer.start()
        reader = _frames.FrameReader(near)
        for i, size in enumerate(sizes):
            _, stream, _, body = reader.read()
            assert (stream, len(body), set(body)) == (i, size, {i} if size else set())
        writer.join()
