"""Which bytes a Range field asks for, and the answers made of them (RFC 9110 14)."""

from __future__ import annotations

import email.parser
import email.policy
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirespeak.contract import FileSlice
from wirespeak.http.ranges import MAX_RANGES, PART_OVERHEAD, Range, content_range, multipart, parse_ranges, part_of, unsatisfied


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        # the examples of RFC 9110 14.1.2, of a representation of 10,000 bytes
        ("bytes=0-499", [(0, 500)]),
        ("bytes=500-999", [(500, 1000)]),
        ("bytes=-500", [(9500, 10000)]),
        ("bytes=9500-", [(9500, 10000)]),
        ("bytes=0-0,-1", [(0, 1), (9999, 10000)]),
        ("bytes= 0-999, 4500-5499, -1000", [(0, 1000), (4500, 5500), (9000, 10000)]),
        ("bytes=500-600,601-999", [(500, 1000)]),
        ("bytes=500-700,601-999", [(500, 1000)]),
        # to the end and past it
        ("bytes=0-", [(0, 10000)]),
        ("bytes=9999-99999", [(9999, 10000)]),
        ("bytes=-99999", [(0, 10000)]),
        ("bytes=5-" + "9" * 5000, [(5, 10000)]),
        ("bytes=-" + "9" * 5000, [(0, 10000)]),
        ("bytes=0000000000000000000000000000005-6", [(5, 7)]),
        # some of several are there
        ("bytes=20000-, 0-9", [(0, 10)]),
        # in the order asked for, overlapping ones joined where the first of them stood
        ("bytes=9000-9099,0-99", [(9000, 9100), (0, 100)]),
        ("bytes=9000-9099,0-99,9050-9199", [(9000, 9200), (0, 100)]),
        # written differently
        ("Bytes=0-0", [(0, 1)]),
        ("bytes=,0-0,,", [(0, 1)]),
        # valid, and nothing of it there
        ("bytes=10000-", []),
        ("bytes=10000-20000,30000-", []),
        ("bytes=-0", []),
        ("bytes=" + "9" * 5000 + "-", []),
        # to be ignored
        ("bytes=", None),
        ("bytes=,", None),
        ("bytes", None),
        ("lines=0-499", None),
        ("bytes 0-499", None),
        ("bytes=499-0", None),
        ("bytes=0-499,7-3", None),
        ("bytes=a-b", None),
        ("bytes=0-499;", None),
        ("bytes=+1-2", None),
        ("bytes=1_0-20", None),
        ("bytes=0x1-2", None),
        ("bytes=٣-٤", None),
        ("bytes=--1", None),
        ("bytes=-", None),
        ("bytes=1 - 2", None),
    ],
)
def test_what_a_range_field_asks_for(value: str, parts: list[tuple[int, int]] | None) -> None:
    assert parse_ranges(value, 10_000) == parts


def test_nothing_of_an_empty_file_is_there() -> None:
    assert parse_ranges("bytes=0-", 0) == []
    assert parse_ranges("bytes=-5", 0) == []


RANGES = st.one_of(
    st.tuples(st.integers(0, 3000), st.integers(0, 3000)).map(lambda pair: f"{min(pair)}-{max(pair)}"),
    st.integers(0, 3000).map(lambda first: f"{first}-"),
    st.integers(0, 3000).map(lambda count: f"-{count}"),
)


@given(st.lists(RANGES, min_size=1, max_size=20), st.integers(0, 2500))
def test_the_parts_hold_every_byte_that_was_asked_for_once(asked: list[str], size: int) -> None:
    content = bytes(index % 251 for index in range(size))
    parts = parse_ranges("bytes=" + ",".join(asked), size)
    assert parts is not None
    given_out = sorted(index for part in parts for index in range(*part))
    assert len(given_out) == len(set(given_out))
    wanted: set[int] = set()
    for text in asked:
        first, last = text.split("-")
        if first:
            wanted |= set(range(size)[int(first) : int(last) + 1 if last else None])
        elif int(last):
            wanted |= set(range(size)[-int(last) :])
    assert wanted <= set(given_out)
    assert len(given_out) <= len(wanted) + PART_OVERHEAD * (len(asked) - 1)
    for part in parts:
        assert 0 <= part.start < part.stop <= size
        assert part_of(content, part) == content[part.start : part.stop]


@given(st.integers(0, 200), st.integers(0, 200), st.integers(1, 150))
def test_one_range_is_a_slice(first: int, last: int, size: int) -> None:
    content = bytes(range(size))
    parts = parse_ranges(f"bytes={first}-{last}", size)
    if last < first:
        assert parts is None
    else:
        assert parts is not None
        assert b"".join(content[start:stop] for start, stop in parts) == content[first : last + 1]


def test_too_many_ranges_are_ignored() -> None:
    apart = [f"{place * 1000}-{place * 1000}" for place in range(MAX_RANGES + 1)]
    parts = parse_ranges("bytes=" + ",".join(apart[:-1]), 10**9)
    assert parts is not None
    assert len(parts) == MAX_RANGES
    assert parse_ranges("bytes=" + ",".join(apart), 10**9) is None


def test_crafted_ranges_take_linear_time() -> None:
    for hostile in ("bytes=" + "0-0," * 100_000, "bytes=" + "0-" * 100_000, "bytes=" + " " * 300_000, "bytes=" + "9" * 300_000 + "-"):
        began = time.process_time()
        parse_ranges(hostile, 1000)
        assert time.process_time() - began < 1


def test_overlapping_ranges_are_no_more_than_the_whole() -> None:
    assert parse_ranges("bytes=" + ",".join(["0-", "-1000", "5-900"] * 30), 1000) == [(0, 1000)]


def test_content_range() -> None:
    assert content_range(Range(42, 1234), 1234) == "bytes 42-1233/1234"
    assert unsatisfied(1234) == "bytes */1234"


class File:
    def fileno(self) -> int:
        return 7


def test_of_a_file_a_part_is_a_slice_that_nobody_has_read() -> None:
    file = File()
    assert part_of(file, Range(10, 30)) == FileSlice(file, 10, 20)
    body = multipart(file, [Range(0, 5), Range(100, 300)], 1000, "image/png", "THIS")
    assert [segment for segment in body if isinstance(segment, FileSlice)] == [FileSlice(file, 0, 5), FileSlice(file, 100, 200)]


def test_several_parts_are_a_multipart_body() -> None:
    content = bytes(range(256)) * 32
    parts = [Range(500, 1000), Range(7000, 8000)]
    body = b"".join(part for part in multipart(content, parts, 8192, "application/pdf", "THIS_STRING_SEPARATES") if isinstance(part, bytes))
    head = b'Content-Type: multipart/byteranges; boundary="THIS_STRING_SEPARATES"\r\n\r\n'
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    read = list(message.iter_parts())
    assert [part["Content-Range"] for part in read] == ["bytes 500-999/8192", "bytes 7000-7999/8192"]
    assert [part["Content-Type"] for part in read] == ["application/pdf"] * 2
    for part, head_and_content in zip(parts, body.split(b"--THIS_STRING_SEPARATES")[1:], strict=False):
        assert head_and_content.partition(b"\r\n\r\n")[2] == content[part.start : part.stop] + b"\r\n"
    assert body.endswith(b"\r\n--THIS_STRING_SEPARATES--\r\n")
