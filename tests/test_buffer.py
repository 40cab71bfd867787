"""The buffer gives out the same units however the bytes that make them arrive."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirespeak.buffer import Buffer

LIMIT = 1000


def splits(data: bytes) -> Iterator[list[bytes]]:
    """``data`` in one piece, in two at every place, and byte by byte."""
    yield [data]
    yield from ([data[:at], data[at:]] for at in range(1, len(data)))
    yield [data[at : at + 1] for at in range(len(data))]


def taken(pieces: list[bytes], take: Callable[[Buffer], bytes | None]) -> tuple[list[bytes], bytes]:
    """What ``take`` gives when it is asked after every piece until it has no more; and what is left."""
    buffer = Buffer()
    units = []
    for piece in pieces:
        buffer.feed(piece)
        while (unit := take(buffer)) is not None:
            units.append(unit)
    return units, buffer.rest()


# --- a line


def test_lines_are_the_same_at_every_split() -> None:
    for pieces in splits(b"one\r\n\r\nthr\ree\r\n\nfour\r\n\r"):
        assert taken(pieces, lambda buffer: buffer.line(LIMIT)) == ([b"one\r\n", b"\r\n", b"thr\ree\r\n", b"\nfour\r\n"], b"\r")


def test_a_mark_of_several_bytes_is_found_wherever_it_is_cut() -> None:
    for pieces in splits(b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET"):
        assert taken(pieces, lambda buffer: buffer.until(b"\r\n\r\n", LIMIT)) == ([b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"], b"GET")


def test_half_a_mark_in_front_of_a_whole_one() -> None:
    for pieces in splits(b"a\r\n\r\r\n\r\nb"):
        assert taken(pieces, lambda buffer: buffer.until(b"\r\n\r\n", LIMIT)) == ([b"a\r\n\r\r\n\r\n"], b"b")


def test_only_crlf_ends_a_line() -> None:
    buffer = Buffer()
    buffer.feed(b"one\ntwo\rthree")
    assert buffer.line(LIMIT) is None
    assert len(buffer) == 13


# --- its limit


def test_a_line_of_exactly_the_limit_is_given_out() -> None:
    for pieces in splits(b"123456\r\n"):
        assert taken(pieces, lambda buffer: buffer.line(8)) == ([b"123456\r\n"], b"")


def test_a_line_past_the_limit_is_not_given_out_and_can_be_told() -> None:
    for pieces in splits(b"1234567\r\n"):
        buffer = Buffer()
        for piece in pieces:
            buffer.feed(piece)
            assert buffer.line(8) is None
            assert buffer.overfull(8) == (len(buffer) >= 8)
        assert buffer.overfull(8)


def test_the_limit_counts_from_what_was_not_yet_taken() -> None:
    for pieces in splits(b"123456\r\nabcdef\r\n"):
        assert taken(pieces, lambda buffer: buffer.line(8)) == ([b"123456\r\n", b"abcdef\r\n"], b"")


# --- exactly n, at most n, the rest


def test_exactly_n_bytes_come_once_they_are_there() -> None:
    for pieces in splits(b"abcdefgh"):
        assert taken(pieces, lambda buffer: buffer.exactly(3)) == ([b"abc", b"def"], b"gh")


def test_exactly_nothing_is_always_there() -> None:
    buffer = Buffer()
    assert buffer.exactly(0) == b""
    buffer.feed(b"a")
    assert buffer.exactly(0) == b""
    assert buffer.rest() == b"a"


def test_at_most_n_bytes_come_as_they_are() -> None:
    buffer = Buffer()
    assert buffer.at_most(5) == b""
    buffer.feed(b"abc")
    assert buffer.at_most(2) == b"ab"
    assert buffer.at_most(5) == b"c"
    assert buffer.at_most(5) == b""


def test_the_rest_is_all_there_is() -> None:
    buffer = Buffer()
    assert buffer.rest() == b""
    buffer.feed(b"abc\r\ndef")
    buffer.line(LIMIT)
    assert buffer.rest() == b"def"
    assert len(buffer) == 0


def test_peek_takes_nothing() -> None:
    buffer = Buffer()
    for piece in (b"ab", b"c\r\nd", b"e"):
        buffer.feed(piece)
    assert (buffer.peek(), len(buffer)) == (b"abc\r\nde", 7)
    assert buffer.line(LIMIT) == b"abc\r\n"
    assert (buffer.peek(), len(buffer)) == (b"de", 2)


def test_clear_drops_what_is_there_and_nothing_that_comes() -> None:
    buffer = Buffer()
    buffer.feed(b"abc")
    assert buffer.line(LIMIT) is None
    buffer.clear()
    assert not buffer
    buffer.feed(b"d\r\n")
    assert buffer.line(LIMIT) == b"d\r\n"


def test_feeding_nothing_changes_nothing() -> None:
    buffer = Buffer()
    for piece in (b"", b"a", b"", b"\r\n", b""):
        buffer.feed(piece)
    assert buffer.line(LIMIT) == b"a\r\n"


def test_what_was_given_out_is_not_changed_by_what_comes() -> None:
    buffer = Buffer()
    buffer.feed(b"a\r")
    buffer.feed(b"\nbcd")
    line, kept = buffer.line(LIMIT), buffer.peek()
    buffer.feed(b"efg")
    assert (line, kept, buffer.rest()) == (b"a\r\n", b"bcd", b"bcdefg")
    assert {type(line), type(kept)} == {bytes}


# --- everything together

TAKING: list[Callable[[Buffer], bytes | None]] = [
    lambda buffer: buffer.line(20),
    lambda buffer: buffer.exactly(3),
    lambda buffer: buffer.at_most(4),
    lambda buffer: buffer.rest(),
    lambda buffer: buffer.peek() and None,
]


@given(
    st.lists(
        st.one_of(st.sampled_from([b"\r", b"\n", b"\r\n", b"x"]), st.binary(max_size=30), st.integers(0, len(TAKING) - 1)), max_size=60
    )
)
def test_nothing_is_lost_added_or_reordered(steps: list[bytes | int]) -> None:
    buffer, fed, got = Buffer(), b"", b""
    for step in steps:
        if isinstance(step, bytes):
            buffer.feed(step)
            fed += step
        else:
            unit = TAKING[step](buffer)
            assert unit is None or type(unit) is bytes
            got += unit or b""
        assert got + buffer.peek() == fed
        assert len(buffer) == len(fed) - len(got)


@given(st.lists(st.sampled_from([b"\r", b"\n", b"a", b"bc", b"\r\n"])), st.integers(2, 12))
def test_a_line_is_what_a_search_from_the_start_would_find(pieces: list[bytes], limit: int) -> None:
    buffer, waiting = Buffer(), b""
    for piece in pieces:
        buffer.feed(piece)
        waiting += piece
        at = waiting.find(b"\r\n")
        expected = waiting[: at + 2] if 0 <= at <= limit - 2 else None
        assert buffer.line(limit) == expected
        waiting = waiting[len(expected or b"") :]


# --- what it costs


class Searched(bytearray):
    """Bytes that count, over all of their kind, how many of them `find` looked at."""

    looked_at = 0

    def find(self, mark: bytes, start: int, end: int) -> int:  # type: ignore[override]
        found = super().find(mark, start, end)
        Searched.looked_at += (min(end, len(self)) if found < 0 else found + len(mark)) - start
        return found


@pytest.mark.parametrize("mark", [b"\r\n", b"\r\n\r\n"])
def test_a_unit_that_comes_byte_by_byte_is_searched_once(monkeypatch: pytest.MonkeyPatch, mark: bytes) -> None:
    monkeypatch.setattr("wirespeak.buffer.bytearray", Searched, raising=False)
    monkeypatch.setattr(Searched, "looked_at", 0)
    unit = b"a" * 5000 + mark
    buffer = Buffer()
    for at in range(len(unit)):
        assert buffer.until(mark, 10_000) is None
        buffer.feed(unit[at : at + 1])
    assert buffer.until(mark, 10_000) == unit
    # Each byte once, and those behind the place reached that may be the mark's beginning.
    assert 0 < Searched.looked_at <= len(mark) * len(unit)


def test_asking_again_for_what_is_too_long_searches_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wirespeak.buffer.bytearray", Searched, raising=False)
    monkeypatch.setattr(Searched, "looked_at", 0)
    buffer = Buffer()
    for _ in range(1000):
        buffer.feed(b"a" * 10)
        assert buffer.line(50) is None
    assert 0 < Searched.looked_at < 50 + 2 * 1000


def test_what_comes_whole_is_given_out_as_it_came_uncopied() -> None:
    buffer = Buffer()
    unit = b"a line\r\n"
    for take in (lambda: buffer.line(LIMIT), lambda: buffer.exactly(len(unit)), lambda: buffer.at_most(LIMIT), buffer.rest):
        buffer.feed(unit)
        assert take() is unit
