"""How a length is written, in every form, as a table of examples; and there and back for every number."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirespeak.frames.grammar import HTTP_OPENING, LENGTHS

WRITTEN = [
    ("u8", 0, b"\x00"),
    ("u8", 255, b"\xff"),
    ("u16le", 258, b"\x02\x01"),
    ("u16be", 258, b"\x01\x02"),
    ("u32le", 258, b"\x02\x01\x00\x00"),
    ("u32be", 258, b"\x00\x00\x01\x02"),
    ("u64le", 258, b"\x02\x01\x00\x00\x00\x00\x00\x00"),
    ("u64be", 258, b"\x00\x00\x00\x00\x00\x00\x01\x02"),
    ("varint", 0, b"\x00"),
    ("varint", 127, b"\x7f"),
    ("varint", 128, b"\x80\x01"),
    ("varint", 300, b"\xac\x02"),  # the example that Protocol Buffers' own documentation gives
    ("varint", (1 << 63) - 1, b"\xff\xff\xff\xff\xff\xff\xff\xff\x7f"),
    ("netstring", 0, b"0:"),
    ("netstring", 12, b"12:"),
    ("netstring", 9_999_999_999, b"9999999999:"),
]


@pytest.mark.parametrize(("form", "length", "written"), WRITTEN)
def test_a_length_is_written_so(form: str, length: int, written: bytes) -> None:
    assert LENGTHS[form].say(length) == written
    assert LENGTHS[form].head(b"?" + written + b"...", 1) == (length, 1 + len(written))


@pytest.mark.parametrize(("form", "length", "written"), WRITTEN)
def test_a_length_that_is_not_whole_is_none_and_no_fault(form: str, length: int, written: bytes) -> None:
    for came in range(len(written)):
        assert LENGTHS[form].head(written[:came], 0) is None
        assert LENGTHS[form].fault(written[:came], 0) is None


@pytest.mark.parametrize("form", LENGTHS)
@given(st.data())
def test_every_length_comes_back(form: str, data: st.DataObject) -> None:
    length = data.draw(st.integers(0, LENGTHS[form].most))
    written = LENGTHS[form].say(length)
    assert LENGTHS[form].head(written, 0) == (length, len(written))
    assert LENGTHS[form].head(written + b"\xff,:0", 0) == (length, len(written))


@pytest.mark.parametrize("form", LENGTHS)
def test_the_greatest_length_is_the_greatest_there_is(form: str) -> None:
    most = LENGTHS[form].most
    assert LENGTHS[form].head(LENGTHS[form].say(most), 0) is not None
    try:
        beyond = LENGTHS[form].say(most + 1)
    except struct.error:  # a fixed one has no room for it
        return
    assert LENGTHS[form].head(beyond, 0) is None


@pytest.mark.parametrize(
    ("form", "written", "offset", "said"),
    [
        ("netstring", b"012:", 1, "b'1' where a colon was expected"),
        ("netstring", b"00:,", 1, "b'0' where a colon was expected"),
        ("netstring", b"+5:", 0, "b'+' where a digit was expected"),
        ("netstring", b"-5:", 0, "b'-' where a digit was expected"),
        ("netstring", b" 5:", 0, "b' ' where a digit was expected"),
        ("netstring", b"5 :", 1, "b' ' where a digit or a colon was expected"),
        ("netstring", b"1_0:", 1, "b'_' where a digit or a colon was expected"),
        ("netstring", b":", 0, "b':' where a digit was expected"),
        ("netstring", b"\xd9\xa3:", 0, "b'\\xd9' where a digit was expected"),  # a digit three, but not an ASCII one
        ("netstring", b"12345678901", 10, "b'1' where a colon was expected"),
        ("varint", b"\x80\x00", 0, "a needless zero on top"),
        ("varint", b"\xff\x80\x00", 0, "a needless zero on top"),
        ("varint", b"\xff" * 9, 8, "more than 9 bytes"),
    ],
)
def test_what_is_no_length_is_told_with_its_place(form: str, written: bytes, offset: int, said: str) -> None:
    fault = LENGTHS[form].fault(b"??" + written, 2)
    assert LENGTHS[form].head(b"??" + written, 2) is None
    assert fault is not None
    assert fault.offset == offset
    assert said in str(fault)


@pytest.mark.parametrize("opening", [b"GET / HTTP/1.1", b"POST /frames HTTP/1.1", b"HEAD /", b"OPTIONS /"])
def test_a_browser_is_known_by_its_opening(opening: bytes) -> None:
    assert HTTP_OPENING.match(opening)


@pytest.mark.parametrize("form", LENGTHS)
@pytest.mark.parametrize("method", [b"GET /", b"POST /", b"HEAD /", b"OPTIONS /"])
def test_no_frame_is_whole_before_a_browser_is_known(form: str, method: bytes) -> None:
    found = LENGTHS[form].head(method, 0)
    assert found is None or found[1] + found[0] > len(method)
