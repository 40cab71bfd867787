"""The options of which nothing is said but the four verbs: who may have them by default, and what follows from them."""

from __future__ import annotations

import pytest

from tests.telnet.dialog import Side, join, sb, wire
from wirespeak.telnet.grammar import BINARY, ECHO, EOR, LOGOUT, SGA
from wirespeak.telnet.messages import Command, Enabled, LogoutAsked, Malformed
from wirespeak.telnet.options import ALL, Option, client_options, host_options


def sides() -> tuple[Side, Side]:
    return Side(*host_options()), Side(*client_options(), host=False)


@pytest.mark.parametrize("code", [BINARY, SGA, EOR])
def test_both_sides_may_have_these(code: int) -> None:
    host, client = sides()
    for side in (host, client):
        side.session.ask_us(code)
    join(host, client)
    assert host.session.us(code)
    assert host.session.him(code)


def test_the_server_may_echo_and_the_terminal_may_not() -> None:
    """RFC 857 5: nothing in the option says so, but people expect it."""
    host, client = sides()
    host.session.ask_us(ECHO)
    client.session.ask_us(ECHO)
    join(host, client)
    assert (host.session.us(ECHO), host.session.him(ECHO)) == (False, False)  # they had crossed: nobody does
    host.session.ask_us(ECHO)
    join(host, client)
    assert (host.session.us(ECHO), host.session.him(ECHO)) == (True, False)


def test_a_record_ends() -> None:
    """RFC 885 5."""
    host, client = sides()
    client.session.ask_him(EOR)
    join(host, client)
    host.session.send(b"prompt> ")
    host.session.send(Command(239))
    join(host, client)
    assert client.events == [Enabled(EOR, us=False), Command(239)]


def test_a_terminal_asks_to_be_logged_out() -> None:
    """RFC 727: DO LOGOUT, answered by WILL LOGOUT; and then the server ends the conversation."""
    host, client = sides()
    client.session.ask_him(LOGOUT)
    join(host, client)
    assert host.events == [Enabled(LOGOUT, us=True), LogoutAsked()]
    assert client.events == [Enabled(LOGOUT, us=False)]


def test_nobody_logs_a_terminal_out() -> None:
    host, client = sides()
    host.session.ask_him(LOGOUT)
    join(host, client)
    assert not host.session.him(LOGOUT)
    assert client.events == []


@pytest.mark.parametrize("name", ["BINARY", "SGA", "EOR"])
def test_nothing_is_said_of_them(name: str) -> None:
    host, _ = sides()
    host.hear(wire(f"DO {name}"))
    host.said()
    (error,) = host.hear(sb(name, 1))
    assert isinstance(error, Malformed)
    assert host.said() == b""


def test_every_option_names_itself_and_its_rfc() -> None:
    for code, kind in ALL.items():
        option = kind()
        assert isinstance(option, Option)
        assert option.code == code
        assert option.clause.startswith("RFC ")
        assert not option.name.startswith("option ")
        assert not option.agrees(True)
        assert not option.agrees(False)
        assert not option.us
        assert not option.him
