"""The part of msgpack that heads use."""

import math
import random

import pytest
from leanto import _msgpack

# From the specification: a value and the one shortest way to write it.
WRITTEN = [
    (None, "c0"),
    (False, "c2"),
    (True, "c3"),
    (0, "00"),
    (127, "7f"),
    (128, "cc80"),
    (255, "ccff"),
    (256, "cd0100"),
    (65535, "cdffff"),
    (65536, "ce00010000"),
    (2**32 - 1, "ceffffffff"),
    (2**32, "cf0000000100000000"),
    (2**64 - 1, "cfffffffffffffffff"),
    (-1, "ff"),
    (-32, "e0"),
    (-33, "d0df"),
    (-128, "d080"),
    (-129, "d1ff7f"),
    (-32768, "d18000"),
    (-32769, "d2ffff7fff"),
    (-(2**31) - 1, "d3ffffffff7fffffff"),
    (-(2**63), "d38000000000000000"),
    (0.5, "cb3fe0000000000000"),
    ("", "a0"),
    ("ü", "a2c3bc"),
    ("x" * 31, "bf" + "78" * 31),
    ("x" * 32, "d920" + "78" * 32),
    (b"", "c400"),
    (b"\x00\xff", "c40200ff"),
    ([], "90"),
    ([1, [2]], "92019102"),
    ({}, "80"),
    ({"a": {"b": 1}}, "81a16181a16201"),
]


@pytest.mark.parametrize(
    ("value", "written"), WRITTEN, ids=[written[:12] for _, written in WRITTEN]
)
def test_a_value_is_written_in_the_shortest_way_and_read_back(value, written):
    assert _msgpack.encode(value).hex() == written
    read = _msgpack.decode(bytes.fromhex(written))
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize("size", [0, 15, 16, 31, 32, 255, 256, 65535, 65536])
def test_every_length_field_holds_its_length(size):
    for value in ("x" * size, b"x" * size, [1] * size, {str(i): i for i in range(size)}):
        assert _msgpack.decode(_msgpack.encode(value)) == value


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("ca40200000", 2.5),
        ("d07f", 127),
        ("cd0001", 1),
        ("d90161", "a"),
        ("dc000101", [1]),
        ("de0001a16101", {"a": 1}),
    ],
)
def test_longer_ways_than_needed_are_read(written, value):
    assert _msgpack.decode(bytes.fromhex(written)) == value


def test_tuples_are_lists_and_views_are_bytes():
    assert _msgpack.decode(_msgpack.encode((1, memoryview(b"ab"), bytearray(b"c")))) == [
        1,
        b"ab",
        b"c",
    ]


def test_floats_that_are_no_numbers_and_lone_surrogates_come_back():
    assert math.isnan(_msgpack.decode(_msgpack.encode(math.nan)))
    assert _msgpack.decode(_msgpack.encode([math.inf, -math.inf])) == [math.inf, -math.inf]
    assert _msgpack.decode(_msgpack.encode("\udcff")) == "\udcff"


@pytest.mark.parametrize("value", [2**64, -(2**63) - 1, object(), {1, 2}, 1j])
def test_what_msgpack_cannot_say_is_a_type_error(value):
    with pytest.raises(TypeError, match="msgpack has no"):
        _msgpack.encode([value])


@pytest.mark.parametrize(
    "written",
    [
        "",
        "c1",
        "cc",
        "cd00",
        "cb00",
        "a1",
        "d9",
        "d905",
        "a2c3",
        "c405",
        "91",
        "81",
        "81a161",
        "0000",
        "a1ff",
        "c7",
        "d4",
    ],
)
def test_what_is_cut_or_no_msgpack_is_a_value_error(written):
    with pytest.raises(ValueError, match="msgpack"):
        _msgpack.decode(bytes.fromhex(written))


@pytest.mark.parametrize(
    "written", ["dbffffffff", "c6ffffffff", "ddffffffff", "dfffffffff", "dfffffffff" + "a16101"]
)
def test_a_length_that_lies_is_an_error_and_costs_nothing(written):
    with pytest.raises(ValueError, match="malformed"):
        _msgpack.decode(bytes.fromhex(written))


@pytest.mark.parametrize("opening", [b"\x91", b"\x81\xa1k"])
def test_32_levels_are_read_and_no_more(opening):
    _msgpack.decode(opening * 32 + b"\xc0")
    for levels in (33, 100_000):
        with pytest.raises(ValueError, match="nested deeper than 32"):
            _msgpack.decode(opening * levels + b"\xc0")


@pytest.mark.parametrize("written", ["8190c0", "8180c0"])
def test_a_key_that_cannot_be_one_is_a_value_error(written):
    with pytest.raises(ValueError, match="malformed"):
        _msgpack.decode(bytes.fromhex(written))


def test_garbage_is_a_value_error_or_a_value_and_nothing_else():
    generator = random.Random(3)
    for _ in range(20_000):
        data = generator.randbytes(generator.randint(0, 24))
        try:
            _msgpack.decode(data)
        except ValueError:
            pass
