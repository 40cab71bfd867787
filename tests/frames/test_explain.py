"""The explanation of a stream of frames: it covers every byte once, and says what the session hears."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.frames.test_messages import EVERY, messages
from tests.frames.test_session import Side
from wirespeak.explanation import MAX_PARTS, tiles
from wirespeak.frames import CLASSIC, DIALECTS, Dialect, End, Ending
from wirespeak.frames.explain import explain


def told(data: bytes, dialect: Dialect = CLASSIC) -> list[tuple[bytes, str, str, str]]:
    """Bytes, name, value and clause of each part."""
    return [(data[part.start : part.end], part.name, part.value, part.clause) for part in explain(data, dialect)]


def test_a_classic_conversation() -> None:
    assert told(b"\x06\x00Gr\xc3\xbc\xc3\x9f\x00\x00\x03\x00end") == [
        (b"\x06\x00", "length", "6", "frames 2"),
        ("Grüß".encode(), "text", "Grüß", "RFC 3629 3"),
        (b"\x00\x00", "length", "0", "frames 2"),
        (b"\x03\x00", "length", "3", "frames 2"),
        (b"end", "end", "end", "frames 5"),
    ]
    assert [part.group for part in explain(CLASSIC.encode(["a", "b"]))] == ["frame 1", "frame 1", "frame 2", "frame 2"]
    assert [part.group for part in explain(CLASSIC.encode(["a", "b"]), first=7)] == ["frame 7", "frame 7", "frame 8", "frame 8"]


def test_netstrings() -> None:
    assert told(b"3:abc,0:,", DIALECTS["netstring"]) == [
        (b"3", "length", "3", "netstrings 2"),
        (b":", "colon", "", "netstrings 2"),
        (b"abc", "text", "abc", "RFC 3629 3"),
        (b",", "comma", "", "netstrings 2"),
        (b"0", "length", "0", "netstrings 2"),
        (b":", "colon", "", "netstrings 2"),
        (b",", "comma", "", "netstrings 2"),
    ]


def test_the_bits_of_a_varint() -> None:
    (length, _) = explain(DIALECTS["varint"].encode(["x" * 300]), DIALECTS["varint"])
    assert [(bits.count, bits.name, bits.value) for bits in length.bits] == [
        (1, "continuation", "1"),
        (7, "bits 0 to 6", "44"),
        (1, "continuation", "0"),
        (7, "bits 7 to 13", "256"),
    ]


def test_a_mark() -> None:
    assert told(b"\x01a\xff", Dialect("u8", False, end=Ending.MARK)) == [
        (b"\x01", "length", "1", "frames 2"),
        (b"a", "message", "", "frames 4"),
        (b"\xff", "end mark", "", "frames 5"),
    ]


@pytest.mark.parametrize(
    ("dialect", "data", "kind", "last", "meaning"),
    [
        (CLASSIC, b"", "missing", b"", "nothing came"),
        (CLASSIC, b"\x01\x00a\x05", "missing", b"\x05", "1 of 2 bytes came"),
        (CLASSIC, b"\x05\x00ab", "missing", b"ab", "2 of 5 bytes came"),
        (CLASSIC, b"\x05\x00", "missing", b"", "0 of 5 bytes came"),
        (CLASSIC, b"\x04\x00ab\xffcd", "malformed", b"\xffcd", "its byte 2 is 0xff"),
        (CLASSIC, b"\x03\x00end!", "malformed", b"!", "behind the end"),
        (Dialect("u16be", limit=9), b"\x00\x0ax", "malformed", b"\x00\x0ax", "over the limit of 9"),
        (DIALECTS["netstring"], b"03:abc,", "malformed", b"3:abc,", "where a colon was expected"),
        (DIALECTS["netstring"], b"3:abcd,", "malformed", b"d,", "where a comma was expected"),
        (DIALECTS["varint"], b"\x80\x00", "malformed", b"\x80\x00", "needless zero"),
    ],
)
def test_what_is_broken_or_not_whole_is_said(dialect: Dialect, data: bytes, kind: str, last: bytes, meaning: str) -> None:
    parts = explain(data, dialect)
    assert tiles(parts, data)
    assert (parts[-1].kind, data[parts[-1].start :]) == (kind, last)
    assert meaning in parts[-1].meaning


CONVERSATION = st.sampled_from(EVERY).flatmap(lambda dialect: st.tuples(st.just(dialect), messages(dialect)))


@settings(max_examples=300)
@given(CONVERSATION)
def test_the_parts_of_good_frames_say_the_messages(conversation: tuple[Dialect, list[Any]]) -> None:
    dialect, said = conversation
    stream = dialect.encode(said)
    parts = explain(stream, dialect)
    assert tiles(parts, stream)
    assert {part.kind for part in parts} <= ({"said", "delimiter"} if said else {"missing"})
    texts = [stream[part.start : part.end] for part in parts if part.name in ("text", "message")]
    assert texts == [message.encode() if isinstance(message, str) else message for message in said if message]


@settings(max_examples=300)
@given(CONVERSATION, st.binary(max_size=80))
def test_any_bytes_are_explained_as_the_session_hears_them(conversation: tuple[Dialect, list[Any]], junk: bytes) -> None:
    dialect, said = conversation
    stream = dialect.encode(said) + junk
    parts = explain(stream, dialect)
    assert tiles(parts, stream)
    side = Side(dialect)
    side.hear(stream)
    faults: list[Any] = [event for event in side.events if not isinstance(event, End)]
    assert [part.kind for part in parts if part.kind == "malformed"] == ["malformed"] * len(faults)
    ended = any(part.name in ("end", "end mark") for part in parts)
    assert ended == (End() in side.events or any("behind the end" in str(fault) for fault in faults))
    lengths = sum(part.name == "length" for part in parts)
    assert lengths >= len(side.heard)


def test_of_very_many_frames_the_first_are_explained() -> None:
    stream = bytes(2 * (MAX_PARTS + 100))
    parts = explain(stream)
    assert tiles(parts, stream)
    assert MAX_PARTS < len(parts) < MAX_PARTS + 5
    assert parts[-1].name == "rest"
