"""NEW-ENVIRON (RFC 1572): variables asked for, told, and kept from those who ask for all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.telnet.dialog import Side, join, sb, wire
from wirespeak.errors import LocalProtocolError
from wirespeak.telnet.grammar import NEW_ENVIRON
from wirespeak.telnet.messages import Enabled, Environment, Malformed
from wirespeak.telnet.options import NewEnviron
from wirespeak.telnet.options.new_environ import VARIABLES

VAR, VALUE, ESC, USERVAR = 0, 1, 2, 3
IS, SEND, INFO = 0, 1, 2


def asking(*asked: str) -> Side:
    side = Side(NewEnviron(asked=asked, do=True))
    side.hear(wire("WILL NEW-ENVIRON"))
    side.events.clear()
    return side


def telling(**variables: str) -> Side:
    side = Side(NewEnviron(variables, will=True), host=False)
    side.hear(wire("DO NEW-ENVIRON"))
    side.said()
    return side


def told(*parts: int | bytes) -> bytes:
    return sb("NEW-ENVIRON", *parts)


def test_a_server_asks_for_what_it_wants() -> None:
    """RFC 1572 5: USER and DISPLAY are well known; others are the user's."""
    assert asking("USER", "LANG").said() == wire("DO NEW-ENVIRON") + told(SEND, VAR, b"USER", USERVAR, b"LANG")


def test_what_is_defined_is_told_and_what_is_not_is_named() -> None:
    """RFC 1572 2: a name without VALUE is not defined; one with an empty value is."""
    client = telling(USER="jo", LANG="")
    client.hear(told(SEND, VAR, b"USER", USERVAR, b"LANG", USERVAR, b"SECRET"))
    said = client.said()
    assert said == told(IS, VAR, b"USER", VALUE, b"jo", USERVAR, b"LANG", VALUE, USERVAR, b"SECRET")
    assert asking().hear(said) == [Environment({"USER": "jo", "LANG": "", "SECRET": None})]


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ((), (VAR, b"USER", VALUE, b"jo", USERVAR, b"TERM", VALUE, b"xterm")),
        ((VAR,), (VAR, b"USER", VALUE, b"jo")),
        ((USERVAR,), (USERVAR, b"TERM", VALUE, b"xterm")),
        ((VAR, USERVAR), (VAR, b"USER", VALUE, b"jo", USERVAR, b"TERM", VALUE, b"xterm")),
    ],
)
def test_who_asks_for_all_gets_what_is_configured(
    asked: tuple[int, ...], answer: tuple[int | bytes, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """CVE-2000-0892: nothing of the program's own environment."""
    monkeypatch.setenv("SECRET", "token")
    client = telling(USER="jo", TERM="xterm")
    client.hear(told(SEND, *asked))
    assert client.said() == told(IS, *answer)


def test_a_change_is_told_unasked() -> None:
    host, client = Side(NewEnviron(asked=["LANG"], do=True)), Side(NewEnviron({"LANG": "C"}, will=True), host=False)
    host.session.ask_him(NEW_ENVIRON)
    join(host, client)
    option = client.session.option(NewEnviron)
    for message in (*option.tell("LANG", "de_DE.UTF-8"), *option.tell("LANG", None)):
        client.session.send(message)
    join(host, client)
    assert host.events == [
        Enabled(NEW_ENVIRON, us=False),
        Environment({"LANG": "C"}),
        Environment({"LANG": "de_DE.UTF-8"}, info=True),
        Environment({"LANG": None}, info=True),
    ]
    assert NewEnviron(will=True).tell("LANG", "C") == []


@given(
    st.dictionaries(
        st.text(st.characters(min_codepoint=0, max_codepoint=300), min_size=1, max_size=8),
        st.text(st.characters(min_codepoint=0, max_codepoint=300), max_size=8),
        max_size=5,
    )
)
def test_any_text_comes_through(variables: dict[str, str]) -> None:
    """RFC 1572 2: VAR, VALUE, ESC and USERVAR as text have an ESC before them; IAC is doubled."""
    host, client = Side(NewEnviron(asked=[], do=True)), Side(NewEnviron(variables, will=True), host=False)
    host.session.ask_him(NEW_ENVIRON)
    join(host, client, piece=3)
    assert host.events[-1] == Environment(variables)


def test_what_is_not_utf_8_is_replaced() -> None:
    assert asking().hear(told(IS, VAR, b"USER", VALUE, b"j\xf6")) == [Environment({"USER": "j\ufffd"})]


@pytest.mark.parametrize(
    "said",
    [(), (9,), (IS, b"USER"), (IS, VALUE, b"x"), (IS, VAR, b"A", VALUE, b"1", VALUE, b"2"), (IS, VAR, b"A", ESC), (SEND,)],
)
def test_what_is_no_environment_is_passed_over(said: tuple[int | bytes, ...]) -> None:
    side = asking()
    side.said()
    (error,) = side.hear(told(*said))
    assert isinstance(error, Malformed)
    assert side.said() == b""


def test_nobody_has_so_many_variables() -> None:
    side = asking()
    (event,) = side.hear(told(IS, *(b"\3V%d" % number for number in range(VARIABLES))))
    assert len(event.variables) == VARIABLES
    (error,) = side.hear(told(IS, *(b"\3V%d" % number for number in range(VARIABLES + 1))))
    assert isinstance(error, Malformed)
    with pytest.raises(LocalProtocolError):
        NewEnviron({str(number): "" for number in range(VARIABLES + 1)})


def test_a_server_has_no_environment_to_tell() -> None:
    client = telling(USER="jo")
    (error,) = client.hear(told(IS, VAR, b"USER", VALUE, b"root"))
    assert isinstance(error, Malformed)
