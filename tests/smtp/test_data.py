"""The mail's own bytes: dots put in and taken out, where it ends, what its lines may be (RFC 5321 4.1.1.4, 4.5.2, 2.3.8)."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wirespeak.smtp.data import Content, DotReader, Writer

TEXT = st.lists(st.sampled_from([b"\r\n", b".", b"..", b"x", b"\r\n.", b"Received: a", b"\xff"]), max_size=12).map(b"".join)
"""Texts that are hard for who looks for dots; their line ends are whole."""

ANYTHING = st.lists(st.sampled_from([b"\r\n", b"\r", b"\n", b".", b"x"]), max_size=12).map(b"".join)


def pieces(data: bytes, places: list[int]) -> Iterator[bytes]:
    """``data`` cut at ``places``."""
    cuts = sorted({place % (len(data) + 1) for place in places})
    yield from (data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True))


def written(parts: Iterator[bytes], *, stuffing: bool = True) -> bytes:
    writer = Writer(stuffing=stuffing)
    return b"".join([writer.add(part) for part in parts]) + writer.end()


def read(parts: Iterator[bytes]) -> tuple[bytes, bytes | None]:
    """The mail, and what stood behind its end."""
    reader, mail, behind = DotReader(), b"", None
    for part in parts:
        if behind is None:
            text, behind = reader.read(part)
            mail += text
        else:
            behind += part
    return mail, behind


# --- there and back


@given(TEXT, st.lists(st.integers(0, 50), max_size=4), st.lists(st.integers(0, 50), max_size=4))
@example(b"", [], [])
@example(b".", [], [1])
def test_round_trip(text: bytes, there: list[int], back: list[int]) -> None:
    """What is written is read as what it was, however either is cut; a last line that was not ended is."""
    whole = text if text.endswith(b"\r\n") or not text else text + b"\r\n"
    wire = written(pieces(text, there))
    assert wire.endswith(b"\r\n.\r\n") or wire == b".\r\n"
    assert read(pieces(wire + b"NOOP\r\n", back)) == (whole, b"NOOP\r\n")


@given(ANYTHING, st.lists(st.integers(0, 50), max_size=4), st.booleans())
def test_whatever_is_written_has_whole_lines_alone(text: bytes, places: list[int], stuffing: bool) -> None:
    """RFC 5321 2.3.8: no line end of ours is half a one, and the mail ends where we end it."""
    wire = written(pieces(text, places), stuffing=stuffing)
    assert wire == written(iter([text]), stuffing=stuffing)
    assert wire.count(b"\r") == wire.count(b"\n") == wire.count(b"\r\n")
    if stuffing:
        assert read(iter([wire]))[1] == b""


@pytest.mark.parametrize(
    ("text", "wire"),
    [
        (b"", b".\r\n"),
        (b".", b"..\r\n.\r\n"),
        (b"a\r\n.\r\nb", b"a\r\n..\r\nb\r\n.\r\n"),
        (b"a\n.\nb\r.c\r\n", b"a\r\n..\r\nb\r\n..c\r\n.\r\n"),
        (b"a\r", b"a\r\n.\r\n"),
        (b"\r\r\n\n", b"\r\n\r\n\r\n.\r\n"),
    ],
)
def test_how_it_is_written(text: bytes, wire: bytes) -> None:
    assert written(iter([text])) == wire
    assert written(text[at : at + 1] for at in range(len(text))) == wire


def test_without_stuffing_only_the_lines_are_put_right() -> None:
    """RFC 3030 2: BDAT counts, so nothing need be marked."""
    assert written(iter([b"a\n.\nb"]), stuffing=False) == b"a\r\n.\r\nb\r\n"
    assert written(iter([b""]), stuffing=False) == b""


# --- where it ends


@pytest.mark.parametrize(
    "wire", [b"a\n.\n", b"a\n.\r\n", b"a\r.\r", b"a\r\n.\n", b"a\r\n.\r", b"a\r\n .\r\n", b"a\r\n. \r\n", b"\n.\r\n", b".\n", b"."]
)
def test_what_is_no_end(wire: bytes) -> None:
    for at in range(len(wire) + 1):
        assert read(iter([wire[:at], wire[at:]]))[1] is None


@given(ANYTHING, st.lists(st.integers(0, 50), max_size=6))
def test_however_it_is_cut_it_ends_at_the_same_place(text: bytes, places: list[int]) -> None:
    wire = text + b"\r\n.\r\nMAIL"
    assert read(pieces(wire, places)) == read(iter([wire]))
    end = 0 if wire.startswith(b".\r\n") else wire.index(b"\r\n.\r\n") + 2
    assert read(iter([wire]))[1] == wire[end + 3 :]


def test_a_piece_without_dots_is_not_copied() -> None:
    piece = b"x" * 60_000 + b"\r\n" + b"y" * 100
    assert DotReader().read(piece)[0] is piece


# --- what it consists of


def looked_at(data: bytes, places: list[int], *, most: int = 0, text_line: int = 0, hops: int = 0, binary: bool = False) -> Content:
    content = Content(most, text_line, hops, binary=binary)
    for piece in pieces(data, places):
        content.add(piece)
    content.end()
    return content


@given(ANYTHING, st.lists(st.integers(0, 50), max_size=6))
def test_lines_that_end_in_half_a_crlf(text: bytes, places: list[int]) -> None:
    content = looked_at(text, places)
    rest = text.replace(b"\r\n", b"")
    assert content.bare == (b"\r" in rest or b"\n" in rest)
    assert content.size == len(text)
    fault = content.fault
    assert (fault is not None and fault.enhanced == "5.6.11") == content.bare


@given(st.lists(st.integers(0, 30), max_size=8), st.lists(st.integers(0, 200), max_size=6))
def test_lines_that_are_too_long(lengths: list[int], places: list[int]) -> None:
    text = b"".join(b"x" * length + b"\r\n" for length in lengths)
    fault = looked_at(text, places, text_line=20).fault
    assert (fault is not None) == any(length + 2 > 20 for length in lengths)
    assert fault is None or (fault.code, fault.enhanced) == (550, "5.6.0")


def test_a_last_line_without_an_end_counts_too() -> None:
    assert looked_at(b"x" * 20, [3], text_line=20).fault is None
    assert looked_at(b"x" * 21, [3], text_line=20).fault is not None


@given(st.lists(st.sampled_from([b"Received: x", b"RECEIVED:", b" Received: folded", b"X-Received: x", b"To: a"]), max_size=8), st.data())
def test_hops(lines: list[bytes], data: st.DataObject) -> None:
    """RFC 5321 4.4, 6.3: the header's alone, and whole fields."""
    text = b"".join(line + b"\r\n" for line in lines) + b"\r\nReceived: in the body\r\n"
    places = data.draw(st.lists(st.integers(0, len(text)), max_size=6))
    hops = sum(line.lower().startswith(b"received:") for line in lines)
    if not text.startswith(b" "):
        assert looked_at(text, places, hops=hops + 1).fault is None
        fault = looked_at(text, places, hops=hops).fault
        assert hops == 0 or (fault is not None and fault.enhanced == "5.4.6")


def test_a_mail_that_goes_on_where_our_own_header_ends() -> None:
    """RFC 5322 2.2.3: a first line that begins with white space would belong to the field that we put in front of it."""
    for text in (b" by evil.test\r\n", b"\tx"):
        fault = looked_at(text, []).fault
        assert fault is not None
        assert (fault.code, fault.enhanced) == (550, "5.6.0")
    assert looked_at(b"\r\n by nobody\r\n", []).fault is None


def test_a_binary_mail_has_no_lines() -> None:
    assert looked_at(b"\r\n\n\r" + b"x" * 2000, [1, 2, 3], text_line=1000, binary=True).fault is None


def test_how_much_it_is() -> None:
    assert looked_at(b"12\r\n", [], most=4).fault is None
    fault = looked_at(b"123\r\n", [], most=4).fault
    assert fault is not None
    assert (fault.code, fault.enhanced) == (552, "5.3.4")


def test_a_line_end_that_is_none_weighs_most() -> None:
    """So that the answer doesn't hang on how the bytes were cut."""
    text = b"Received: a\r\n" + b"x" * 50 + b"\n"
    for at in range(len(text)):
        fault = looked_at(text, [at], most=10, text_line=20, hops=1).fault
        assert fault is not None
        assert fault.enhanced == "5.6.11"


@pytest.mark.parametrize(
    "piece", [b"\r\n." * 21_000, b"x\r\n" * 21_000, b"\n" * 64_000, b"\r" * 64_000, b"." * 64_000, b"\r\nreceived" * 6_000]
)
def test_no_bytes_take_long(piece: bytes) -> None:
    """Ten pieces of 64 KB, hard ones: a loop over bytes, or one that goes back, would take more than a second."""
    began = time.process_time()
    reader, content = DotReader(), Content(0, 1000, 100)
    for _ in range(10):
        content.add(reader.read(piece)[0])
    assert time.process_time() - began < 0.5
