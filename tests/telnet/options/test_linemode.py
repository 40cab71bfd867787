"""LINEMODE (RFC 1184): who edits the line, and which characters mean what."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.telnet.dialog import Side, join, sb, wire
from wirespeak.telnet.grammar import LINEMODE
from wirespeak.telnet.messages import EditMode, Enabled, Malformed, SpecialCharacters
from wirespeak.telnet.options import Linemode
from wirespeak.telnet.options.linemode import CHARACTERS, TRIPLETS, Level, Slc

MODE, FORWARDMASK, SLC = 1, 2, 3
EDIT, TRAPSIG, MODE_ACK, SOFT_TAB, LIT_ECHO = 1, 2, 4, 8, 16
NOSUPPORT, CANTCHANGE, VALUE, DEFAULT, ACK = Level.NOSUPPORT, Level.CANTCHANGE, Level.VALUE, Level.DEFAULT, Level.ACK


def slc(*triplets: tuple[int, int, int]) -> bytes:
    return sb("LINEMODE", SLC, *(bytes(triplet) for triplet in triplets))


def told(characters: dict[int, tuple[int, int]]) -> bytes:
    return slc(*((function, *its) for function, its in sorted(characters.items())))


def host(mode: EditMode | None = None, **more: tuple[int, int]) -> Side:
    """A server whose terminal has agreed."""
    side = Side(Linemode(mode, CHARACTERS | {Slc[name]: its for name, its in more.items()}, do=True))
    side.hear(wire("WILL LINEMODE"))
    side.said()
    side.events.clear()
    return side


def terminal(**more: tuple[int, int]) -> Side:
    side = Side(Linemode(None, CHARACTERS | {Slc[name]: its for name, its in more.items()}, will=True), host=False)
    side.hear(wire("DO LINEMODE"))
    side.said()
    side.events.clear()
    return side


# --- the mode (RFC 1184 2.2)


def test_a_server_that_has_lines_edited() -> None:
    """RFC 1184 5.10: the server sets the mode, the terminal acknowledges."""
    server = Side(Linemode(EditMode(edit=True, trapsig=True), do=True))
    client = Side(Linemode(will=True), host=False)
    server.session.ask_him(LINEMODE)
    assert client.hear(server.said()) == [Enabled(LINEMODE, us=True)]
    agreement = client.said()
    assert agreement == wire("WILL LINEMODE") + told(CHARACTERS)
    server.hear(agreement)
    order = server.said()
    assert order == wire("SB LINEMODE 1 3")
    assert client.hear(order) == [EditMode(edit=True, trapsig=True)]
    done = client.said()
    assert done == wire("SB LINEMODE 1 7")
    assert server.hear(done) == [EditMode(edit=True, trapsig=True)]
    assert server.said() == b""


def test_the_mode_that_is_in_force_is_not_acknowledged_again() -> None:
    client = terminal()
    client.hear(wire("SB LINEMODE 1 1"))
    client.said()
    assert client.hear(wire("SB LINEMODE 1 1", "SB LINEMODE 1 5")) == []
    assert client.said() == b""


def test_a_password_is_typed_without_editing() -> None:
    server, client = host(EditMode(True, True)), terminal()
    client.hear(wire("SB LINEMODE 1 3"))
    client.said()
    for message in server.session.option(Linemode).ask_mode(EditMode(False, True, soft_tab=True, lit_echo=True)):
        server.session.send(message)
    said = server.said()
    assert said == sb("LINEMODE", MODE, TRAPSIG | SOFT_TAB | LIT_ECHO)
    assert client.hear(said) == [EditMode(False, True, True, True)]
    assert client.said() == sb("LINEMODE", MODE, TRAPSIG | SOFT_TAB | LIT_ECHO | MODE_ACK)


def test_the_server_takes_what_the_terminal_acknowledges_and_not_the_other_way_round() -> None:
    """RFC 1184 2.2: so both end in the same mode; and no acknowledgement is answered."""
    server, client = host(), terminal()
    assert server.hear(sb("LINEMODE", MODE, TRAPSIG | MODE_ACK)) == [EditMode(False, True)]
    assert client.hear(sb("LINEMODE", MODE, TRAPSIG | MODE_ACK)) == []
    assert server.said() == client.said() == b""


def test_a_mode_is_not_asked_for_before_there_is_one() -> None:
    assert Linemode(do=True).ask_mode(EditMode(True, True)) == []


def test_what_the_mode_does_not_know_is_left_out() -> None:
    client = terminal()
    client.hear(sb("LINEMODE", MODE, 0xE0 | EDIT))
    assert client.said() == sb("LINEMODE", MODE, EDIT | MODE_ACK)


# --- forward masks (2.3)


def test_a_forward_mask_is_refused() -> None:
    client = terminal()
    assert client.hear(wire("SB LINEMODE 253 2 255 1 255")) == []
    assert client.said() == wire("SB LINEMODE 252 2")
    assert client.hear(wire("SB LINEMODE 254 2", "SB LINEMODE 251 2", "SB LINEMODE 252 2")) == []
    assert client.said() == b""


# --- special characters (2.4, 5)


def test_what_both_have_is_agreed_without_a_word() -> None:
    server = host()
    assert server.hear(told(CHARACTERS)) == []
    assert server.said() == b""


def test_a_character_that_the_terminal_has_otherwise_is_taken_on() -> None:
    server = host()
    assert server.hear(slc((Slc.EC, VALUE, 8))) == [SpecialCharacters(CHARACTERS | {Slc.EC: (VALUE, 8)})]
    assert server.said() == slc((Slc.EC, VALUE | ACK, 8))


def test_an_acknowledgement_is_not_answered() -> None:
    server = host()
    server.hear(slc((Slc.EC, VALUE, 8)))
    server.said()
    assert server.hear(slc((Slc.EC, VALUE | ACK, 8), (Slc.IP, VALUE | ACK, 9))) == []
    assert server.said() == b""


def test_a_function_that_the_terminal_does_not_have_is_none() -> None:
    server = host()
    (event,) = server.hear(slc((Slc.SUSP, NOSUPPORT, 0)))
    assert event.characters[Slc.SUSP] == (NOSUPPORT, 0)
    assert server.said() == slc((Slc.SUSP, NOSUPPORT | ACK, 0))


@pytest.mark.parametrize("function", [Slc.AYT, Slc.EEOL, 31, 200, 255])
def test_a_function_that_we_do_not_have_is_refused(function: int) -> None:
    server = host()
    assert server.hear(slc((function, VALUE, 5))) == []
    assert server.said() == slc((function, NOSUPPORT, 0))
    assert server.hear(slc((function, NOSUPPORT, 0), (function, NOSUPPORT | ACK, 0))) == []
    assert server.said() == b""


def test_default_asks_for_ours() -> None:
    server = host()
    server.hear(slc((Slc.EC, VALUE, 8)))
    server.said()
    server.hear(slc((Slc.EC, DEFAULT, 0)))
    assert server.said() == slc((Slc.EC, VALUE, 0x7F))


def test_function_0_asks_for_all() -> None:
    server = host()
    server.hear(slc((Slc.EC, VALUE, 8)))
    server.said()
    server.hear(slc((0, VALUE, 0)))
    assert server.said() == told(CHARACTERS | {Slc.EC: (VALUE, 8)})
    assert server.hear(slc((0, DEFAULT, 0))) == [SpecialCharacters(CHARACTERS)]
    assert server.said() == told(CHARACTERS)


def test_only_the_terminal_asks_for_all() -> None:
    client = terminal()
    assert client.hear(slc((0, VALUE, 0), (0, DEFAULT, 0))) == []
    assert client.said() == b""


def test_the_example_of_the_rfc() -> None:
    """RFC 1184 5.10: the characters that the terminal has, and what a server without some of them says."""
    characters = {function: its for function, its in CHARACTERS.items() if function not in (Slc.AO, Slc.SUSP)}
    server = Side(Linemode(None, characters, do=True))
    server.hear(wire("WILL LINEMODE"))
    server.said()
    server.hear(
        slc(
            *((Slc.SYNCH, DEFAULT, 0), (Slc.IP, VALUE | Level.FLUSHIN | Level.FLUSHOUT, 3), (Slc.AO, VALUE, 15), (Slc.AYT, DEFAULT, 0)),
            *((Slc.EOF, VALUE, 4), (Slc.SUSP, VALUE | Level.FLUSHIN, 26), (Slc.EC, VALUE, 8)),
        )
    )
    said = server.said()
    assert said == slc(
        (Slc.SYNCH, NOSUPPORT, 0), (Slc.AO, NOSUPPORT, 0), (Slc.AYT, NOSUPPORT, 0), (Slc.SUSP, NOSUPPORT, 0), (Slc.EC, VALUE | ACK, 8)
    )
    client = terminal(EC=(VALUE, 8))
    client.hear(said)
    assert client.said() == slc((Slc.AO, NOSUPPORT | ACK, 0), (Slc.SUSP, NOSUPPORT | ACK, 0))


def test_what_cannot_be_changed_stays() -> None:
    server = host(EC=(CANTCHANGE, 0x7F))
    assert server.hear(slc((Slc.EC, VALUE, 8))) == []
    assert server.said() == slc((Slc.EC, CANTCHANGE, 0x7F))


def test_where_neither_can_change_it_there_is_none() -> None:
    server = host(EC=(CANTCHANGE, 0x7F))
    server.hear(slc((Slc.EC, CANTCHANGE, 8)))
    assert server.said() == slc((Slc.EC, NOSUPPORT, 0))


def test_words_that_cross_end_in_agreement() -> None:
    server, client = host(), terminal()
    to_client, to_server = slc((Slc.EC, VALUE, 1)), slc((Slc.EC, VALUE, 2))
    server.session.option(Linemode).characters = CHARACTERS | {Slc.EC: (VALUE, 1)}
    client.session.option(Linemode).characters = CHARACTERS | {Slc.EC: (VALUE, 2)}
    server.hear(to_server)
    client.hear(to_client)
    join(server, client)
    assert server.session.option(Linemode).characters == client.session.option(Linemode).characters


def test_a_flood_of_triplets_is_answered_within_a_bound() -> None:
    """CVE-2026-32746: more triplets than there are functions, and the answer written behind the end of a buffer."""
    server = host()
    (event,) = server.hear(slc(*((number % 255 + 1, VALUE, 1) for number in range(2700))))
    assert len(event.characters) <= 255
    assert len(server.said()) <= 6 + 2 * 3 * TRIPLETS
    server.hear(slc(*((0, DEFAULT, 0) for _ in range(2700))))
    assert server.said() == told(CHARACTERS)


@pytest.mark.parametrize("said", [b"", b"\1", b"\1\1\1", b"\3\1", b"\3\1\2\3\4", b"\x05", b"\xfd", b"\xfd\3", b"\x07\2"])
def test_what_is_no_linemode_is_passed_over(said: bytes) -> None:
    server = host()
    (error,) = server.hear(sb("LINEMODE", said))
    assert isinstance(error, Malformed)
    assert server.said() == b""


def test_both_begin_anew_when_it_is_agreed_on_anew() -> None:
    client = terminal()
    client.hear(wire("SB LINEMODE 1 1") + slc((Slc.EC, VALUE, 8)) + wire("DONT LINEMODE", "DO LINEMODE"))
    option = client.session.option(Linemode)
    assert (option.mode, option.characters) == (EditMode(False, False), CHARACTERS)


LEVELS = st.sampled_from([NOSUPPORT, CANTCHANGE, VALUE, DEFAULT])
TABLES = st.dictionaries(
    st.sampled_from(sorted(CHARACTERS)), st.tuples(st.sampled_from([NOSUPPORT, CANTCHANGE, VALUE]).map(int), st.integers(0, 3)), max_size=6
)


@given(TABLES, TABLES, st.lists(st.tuples(st.booleans(), st.integers(0, 30), LEVELS, st.integers(0, 3)), max_size=6), st.randoms())
def test_two_sides_never_talk_of_characters_for_ever(
    ours: dict[int, tuple[int, int]],
    theirs: dict[int, tuple[int, int]],
    said: list[tuple[bool, int, int, int]],
    order: random.Random,
) -> None:
    server = Side(Linemode(EditMode(True, True), ours, do=True))
    client = Side(Linemode(None, theirs, will=True), host=False)
    server.session.ask_him(LINEMODE)
    for by_server, function, level, character in said:
        words = slc((function, level, character))
        if order.random() < 0.5:
            join(server, client)
        (client if by_server else server).hear(words)
    join(server, client)
    assert server.session.option(Linemode).mode == EditMode(True, True)
    assert client.session.option(Linemode).mode == EditMode(True, True)
