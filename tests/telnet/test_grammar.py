"""The bytes of Telnet: numbers as the RFCs give them, and the pattern that parts data from commands."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirespeak.telnet.grammar import COMMANDS, DOUBLED, HTTP_OPENINGS, IAC, OPTIONS, RUN, Code, Verb, doubled
from wirespeak.telnet.options import ALL


def test_the_commands_of_rfc_854_have_their_numbers() -> None:
    assert list(range(240, 251)) == [Code.SE, Code.NOP, Code.DM, Code.BRK, Code.IP, Code.AO, Code.AYT, Code.EC, Code.EL, Code.GA, Code.SB]
    assert [Code.WILL, Code.WONT, Code.DO, Code.DONT] == [251, 252, 253, 254]
    assert [Verb.WILL, Verb.WONT, Verb.DO, Verb.DONT] == [251, 252, 253, 254]
    assert IAC == b"\xff"


def test_later_commands_have_theirs() -> None:
    assert Code.EOR == 239  # RFC 885 6
    assert [Code.EOF, Code.SUSP, Code.ABORT] == [236, 237, 238]  # RFC 1184 1


def test_every_command_has_words() -> None:
    assert set(COMMANDS) == set(Code)


@pytest.mark.parametrize(
    ("name", "number"),
    [
        *(("BINARY", 0), ("ECHO", 1), ("SUPPRESS-GO-AHEAD", 3), ("STATUS", 5), ("TIMING-MARK", 6), ("LOGOUT", 18)),
        *(("TERMINAL-TYPE", 24), ("END-OF-RECORD", 25), ("NAWS", 31), ("TERMINAL-SPEED", 32), ("TOGGLE-FLOW-CONTROL", 33)),
        *(("LINEMODE", 34), ("X-DISPLAY-LOCATION", 35), ("AUTHENTICATION", 37), ("ENCRYPT", 38), ("NEW-ENVIRON", 39), ("CHARSET", 42)),
    ],
)
def test_the_options_have_their_numbers(name: str, number: int) -> None:
    assert OPTIONS[number] == name


def test_the_options_spoken_here_are_known_by_name() -> None:
    assert len(ALL) == 15
    assert set(ALL) < set(OPTIONS)


@pytest.mark.parametrize(
    ("data", "end"),
    [
        (b"", 0),
        (b"hello", 5),
        (b"hel\xff\xfflo", 7),
        (b"hello\xff\xf6", 5),
        (b"\xff\xff\xff\xf6", 2),
        (b"\xff\xff\xff", 2),
        (b"a\xff\xff\xff\xffb\xff", 6),
        (b"\xff\xf6", 0),
    ],
)
def test_a_run_of_data_ends_before_a_command(data: bytes, end: int) -> None:
    match = RUN.match(data)
    assert match is not None
    assert match.end() == end


@given(st.lists(st.sampled_from([b"a", b"\r", b"\xff"]), max_size=30).map(b"".join), st.integers(0, 0xFE))
def test_a_run_is_what_was_doubled(data: bytes, code: int) -> None:
    doubled = data.replace(IAC, DOUBLED)
    match = RUN.match(doubled + IAC + bytes((code,)))
    assert match is not None
    assert match.end() == len(doubled)


@given(st.lists(st.tuples(st.integers(0, 200), st.binary(max_size=3)), max_size=6))
def test_each_iac_is_doubled_however_many_stand_in_a_row(rows: list[tuple[int, bytes]]) -> None:
    data = b"".join(IAC * count + between for count, between in rows)
    assert doubled(data) == data.replace(IAC, DOUBLED)


def test_a_browser_opens_with_a_method_and_a_path() -> None:
    assert b"POST / HTTP/1.1\r\n".startswith(HTTP_OPENINGS)
    assert not b"GETTING started\r\n".startswith(HTTP_OPENINGS)
