"""TERMINAL-TYPE (RFC 1091): names asked for one at a time, and what MUD clients make of them (MTTS)."""

from __future__ import annotations

import pytest

from tests.telnet.dialog import Side, join, sb, wire
from wirespeak.telnet.grammar import TTYPE
from wirespeak.telnet.messages import Disabled, Enabled, Malformed, TerminalType
from wirespeak.telnet.options import Ttype
from wirespeak.telnet.options.ttype import NAMES

SEND = wire("SB TTYPE 1")


def asking() -> Side:
    """A server in whose view the terminal has just agreed to tell."""
    side = Side(Ttype(do=True))
    assert side.hear(wire("WILL TTYPE")) == [Enabled(TTYPE, us=False)]
    assert side.said() == wire("DO TTYPE") + SEND
    return side


def test_a_terminal_with_one_name() -> None:
    side = asking()
    assert side.hear(sb("TTYPE", 0, b"XTERM-256COLOR")) == [TerminalType(("xterm-256color",))]
    assert side.said() == SEND
    assert side.hear(sb("TTYPE", 0, b"XTERM-256COLOR")) == [TerminalType(("xterm-256color",), complete=True)]
    assert side.said() == b""


def test_a_terminal_with_three() -> None:
    """RFC 1091 6: the last comes twice, and asked once more the terminal is its first again."""
    host, client = Side(Ttype(do=True)), Side(Ttype(["IBM-3278", "VT220", "ADM-3"], will=True), host=False)
    host.session.ask_him(TTYPE)
    join(host, client)
    names = ("ibm-3278", "vt220", "adm-3")
    assert host.events == [
        Enabled(TTYPE, us=False),
        *(TerminalType(names[: count + 1]) for count in range(3)),
        TerminalType(names, complete=True),
    ]
    client.hear(SEND)
    assert client.said() == sb("TTYPE", 0, b"VT220")  # the one behind the first


def test_a_mud_client() -> None:
    """MTTS: the client, its terminal, then what it can."""
    side = asking()
    side.hear(sb("TTYPE", 0, b"TINTIN++"))
    side.hear(sb("TTYPE", 0, b"XTERM-256COLOR"))
    (told,) = side.hear(sb("TTYPE", 0, b"MTTS 2825"))
    assert told == TerminalType(("tintin++", "xterm-256color"), mtts=2825, complete=True)
    assert told.terminal == "xterm-256color"
    assert side.said() == SEND * 2


def test_mtts_alone() -> None:
    side = asking()
    assert side.hear(sb("TTYPE", 0, b"MTTS 13")) == [TerminalType(("unknown",), mtts=13, complete=True)]


def test_a_terminal_that_never_repeats_itself_is_not_asked_for_ever() -> None:
    side = asking()
    for number in range(100):
        side.hear(sb("TTYPE", 0, b"T%d" % number))
    told = [event for event in side.events if isinstance(event, TerminalType)]
    assert [one.complete for one in told] == [False] * (NAMES - 1) + [True]
    assert len(told[-1].names) == NAMES
    assert side.said() == SEND * NAMES


def test_a_name_that_was_not_asked_for_is_passed_over() -> None:
    side = asking()
    side.hear(sb("TTYPE", 0, b"X") * 2)
    (error,) = side.hear(sb("TTYPE", 0, b"Y"))
    assert isinstance(error, Malformed)
    assert "not asked for" in str(error.error)


@pytest.mark.parametrize("name", [b"", b" ", b"X" * 81, b"XT\x1b[0m", b"XT\r\n", b"\xff", b"xterm ", "größe".encode()])
def test_what_is_no_name_is_passed_over(name: bytes) -> None:
    side = asking()
    (error,) = side.hear(sb("TTYPE", 0, name))
    assert isinstance(error, Malformed)
    assert side.said() == b""


def test_what_the_wrong_side_says_is_passed_over() -> None:
    host, client = asking(), Side(Ttype(["X"], will=True), host=False)
    client.hear(wire("DO TTYPE"))
    client.said()
    for side, said in ((host, SEND), (client, sb("TTYPE", 0, b"X"))):
        (error,) = side.hear(said)
        assert isinstance(error, Malformed)
        assert side.said() == b""


def test_asked_anew_it_tells_anew() -> None:
    side = asking()
    side.hear(sb("TTYPE", 0, b"ONE") + wire("WONT TTYPE"))
    assert side.events[-1] == Disabled(TTYPE, us=False)
    side.said()
    side.hear(wire("WILL TTYPE"))
    assert side.said() == wire("DO TTYPE") + SEND
    assert side.hear(sb("TTYPE", 0, b"TWO")) == [TerminalType(("two",))]
