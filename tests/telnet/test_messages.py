"""The values of Telnet: how they are written on the wire, and in words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.telnet.dialog import wire
from wirespeak.telnet.grammar import BINARY, ECHO, NAWS, TTYPE, Code, Verb
from wirespeak.telnet.messages import Command, Negotiation, Subnegotiation, TerminalType, option_name
from wirespeak.telnet.scanner import Scanner


def test_a_command_is_two_bytes() -> None:
    assert Command(Code.AYT).encode() == b"\xff\xf6"


def test_a_negotiation_is_three() -> None:
    assert Negotiation(Verb.DO, ECHO).encode() == b"\xff\xfd\x01"


def test_a_subnegotiation_stands_between_sb_and_se() -> None:
    """RFC 1073: 80 columns, 24 rows."""
    assert Subnegotiation(NAWS, b"\0\x50\0\x18").encode() == b"\xff\xfa\x1f\x00\x50\x00\x18\xff\xf0"


def test_an_iac_inside_is_doubled() -> None:
    """RFC 1073: a window 255 columns wide."""
    assert Subnegotiation(NAWS, b"\0\xff\0\x18").encode() == b"\xff\xfa\x1f\x00\xff\xff\x00\x18\xff\xf0"


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (Command(Code.IP), "IP"),
        (Command(7), "command 7"),
        (Negotiation(Verb.WONT, BINARY), "WONT BINARY"),
        (Negotiation(Verb.WILL, 250), "WILL option 250"),
        (Subnegotiation(TTYPE, b"\1"), r"SB TERMINAL-TYPE b'\x01'"),
    ],
)
def test_words(message: Command | Negotiation | Subnegotiation, words: str) -> None:
    assert str(message) == words


def test_an_option_without_a_name_has_its_number() -> None:
    assert option_name(ECHO) == "ECHO"
    assert option_name(199) == "option 199"


MESSAGES = st.one_of(
    st.integers(0, 249).map(Command),
    st.builds(Negotiation, st.sampled_from(Verb).map(int), st.integers(0, 255)),
    st.builds(Subnegotiation, st.integers(0, 254), st.binary(max_size=20) | st.lists(st.just(b"\xff"), max_size=5).map(b"".join)),
)


@given(st.lists(MESSAGES, max_size=8))
def test_what_is_written_reads_the_same(messages: list[Command | Negotiation | Subnegotiation]) -> None:
    scanner = Scanner()
    scanner.feed(b"".join(message.encode() for message in messages))
    assert [scanner.next() for _ in messages] == messages
    assert scanner.next() is None


def test_the_words_of_these_tests_are_the_bytes() -> None:
    assert wire("DO ECHO", b"x", "AYT", "SB NAWS 0 80 0 255") == b"\xff\xfd\x01x\xff\xf6\xff\xfa\x1f\x00\x50\x00\xff\xff\xff\xf0"


def test_the_terminal_of_a_mud_client_is_its_second_name() -> None:
    assert TerminalType(("xterm",)).terminal == "xterm"
    assert TerminalType(("tintin++", "xterm-256color"), mtts=13).terminal == "xterm-256color"
    assert TerminalType(("tintin++",), mtts=13).terminal == "tintin++"
