"""Bytes cut anywhere are the same parts; what can't be read is passed over, and bounded."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.telnet.dialog import cut, sb, wire
from wirespeak.telnet.grammar import ECHO, SUBNEGOTIATION_LIMIT, TTYPE, Code, Verb
from wirespeak.telnet.messages import Command, Data, Malformed, Negotiation, Subnegotiation
from wirespeak.telnet.scanner import Part, Scanner


def scan(*pieces: bytes) -> list[Part]:
    """The parts of what comes in ``pieces``, neighbouring data as one."""
    scanner, parts = Scanner(), list[Part]()
    for piece in pieces:
        scanner.feed(piece)
        while (part := scanner.next()) is not None:
            if isinstance(part, Data) and parts and isinstance(parts[-1], Data):
                parts[-1] = Data(parts[-1].data + part.data)
            else:
                parts.append(part)
    return parts


def told(parts: list[Part]) -> list[Part | str]:
    """Parts that can be compared, errors too."""
    return [str(part.error) if isinstance(part, Malformed) else part for part in parts]


STREAM = wire(
    b"login: \xff\xff",
    "WILL ECHO",
    "DO 255",
    b"\r\n",
    "AYT",
    sb("TTYPE", 0, b"XTERM\xff"),
    "SB NAWS 0 255 255 24",
    "SB 7",
    wire("SB TTYPE 1")[:-2] + wire("AYT") + b"\xff\xf0",
    b"\xff\xff",
    "DM",
    b"bye",
)


def test_a_stream_and_its_parts() -> None:
    assert told(scan(STREAM)) == told(
        [
            Data(b"login: \xff"),
            Negotiation(Verb.WILL, ECHO),
            Negotiation(Verb.DO, 255),
            Data(b"\r\n"),
            Command(Code.AYT),
            Subnegotiation(TTYPE, b"\0XTERM\xff"),
            Subnegotiation(31, b"\0\xff\xff\x18"),
            Subnegotiation(7, b""),
            scan(wire("SB TTYPE 1")[:-2] + wire("AYT") + b"\xff\xf0")[0],
            Data(b"\xff"),
            Command(Code.DM),
            Data(b"bye"),
        ]
    )


def test_split_at_every_byte_the_parts_are_the_same() -> None:
    whole = told(scan(STREAM))
    for split in range(len(STREAM) + 1):
        assert told(scan(STREAM[:split], STREAM[split:])) == whole


def test_one_byte_at_a_time_the_parts_are_the_same() -> None:
    assert told(scan(*cut(STREAM, 1))) == told(scan(STREAM))


@given(
    st.lists(st.sampled_from([b"a", b"\r\n", b"\0", b"\xff", b"\xf0", b"\xfa", b"\xfd", b"\x18", b"\xff\xff"]), max_size=40).map(b"".join),
    st.lists(st.integers(0, 40), max_size=4),
)
def test_any_bytes_in_any_pieces_are_the_same_parts(stream: bytes, splits: list[int]) -> None:
    places = [0, *sorted(splits), len(stream)]
    assert told(scan(*(stream[start:end] for start, end in pairwise(places)))) == told(scan(stream))


@given(st.binary(max_size=50) | st.lists(st.sampled_from([b"\xff", b"x"]), max_size=20).map(b"".join))
def test_any_data_comes_through(data: bytes) -> None:
    assert scan(data.replace(b"\xff", b"\xff\xff")) == ([Data(data)] if data else [])


def test_a_command_inside_a_subnegotiation_spoils_it_and_nothing_else() -> None:
    """RFC 855: IAC IAC and IAC SE, and nothing else."""
    inside = b"\xff\xfa\x18\x00XT" + wire("DO ECHO") + b"ERM\xff\xf0"
    spoilt, after = scan(inside + b"after")
    assert isinstance(spoilt, Malformed)
    assert "IAC 253" in str(spoilt.error)
    assert after == Data(b"after")


def test_a_subnegotiation_of_nothing_ends_where_it_ends() -> None:
    stream = b"a\xff\xfa\xff\xf0b"
    for piece in (None, 1):
        before, nothing, after = scan(*cut(stream, piece))
        assert (before, after) == (Data(b"a"), Data(b"b"))
        assert isinstance(nothing, Malformed)
        assert "of nothing" in str(nothing.error)


def test_option_255_has_subnegotiations_too() -> None:
    """RFC 861: the list of options beyond 255."""
    stream = b"\xff\xfa\xff\x01\xff\xf0"
    for piece in (None, 1):
        assert scan(*cut(stream, piece)) == [Subnegotiation(255, b"\x01")]


def test_the_longest_subnegotiation_is_heard_and_a_longer_one_passed_over() -> None:
    longest = b"\xff" * SUBNEGOTIATION_LIMIT
    assert scan(Subnegotiation(TTYPE, longest).encode()) == [Subnegotiation(TTYPE, longest)]
    for piece in (None, 7, 1):
        over, after = scan(*cut(Subnegotiation(TTYPE, longest + b"x").encode() + b"after", piece))
        assert isinstance(over, Malformed)
        assert "longer than 8,192 bytes" in str(over.error)
        assert after == Data(b"after")


def test_a_connection_at_rest_keeps_nothing() -> None:
    scanner = Scanner()
    for data in (b"x" * 65536, wire("AYT"), sb("TTYPE", 0, b"XTERM")):
        scanner.feed(data)
        assert scanner.next() is not None
        assert scanner.next() is None
        assert not any(len(getattr(scanner, name)) for name in ("_inside", "_data"))


def test_a_subnegotiation_that_never_ends_takes_no_memory() -> None:
    scanner = Scanner()
    scanner.feed(b"\xff\xfa\x18")
    for _ in range(100):
        scanner.feed(b"x" * 65536)
        assert scanner.next() is None
        kept = sum(len(getattr(scanner, name)) for name in ("_inside", "_data"))
        assert kept <= 2 * SUBNEGOTIATION_LIMIT + 65536
    assert scanner.inside == 100 * 65536


@pytest.mark.parametrize(
    "stream",
    [
        pytest.param(b"\xff" * 2_000_000, id="all doubled"),
        pytest.param(b"\xff\xf1" * 200_000, id="all NOP"),
        pytest.param(b"a\xff\xf1" * 150_000, id="a letter, a NOP"),
        pytest.param(b"\xff\xfa\x18" + b"\xff\xff" * 500_000, id="one long subnegotiation"),
        pytest.param(b"\xff\xfa\x18\xff\xf0" * 60_000, id="empty subnegotiations"),
    ],
)
def test_no_stream_takes_more_than_its_length(stream: bytes) -> None:
    """No byte is scanned twice, however many commands a read holds: what is quadratic would take minutes here."""
    scanner = Scanner()
    start = time.process_time()
    scanner.feed(stream)
    while scanner.next() is not None:
        pass
    assert time.process_time() - start < 10
