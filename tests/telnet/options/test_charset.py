"""CHARSET (RFC 2066): one side names what it speaks, the other picks."""

from __future__ import annotations

import pytest

from tests.telnet.dialog import Side, join, sb, wire
from wirespeak.telnet.grammar import CHARSET
from wirespeak.telnet.messages import CharacterSet, Disabled, Malformed
from wirespeak.telnet.options import Charset

REQUEST, ACCEPTED, REJECTED, TTABLE_IS, TTABLE_REJECTED = 1, 2, 3, 4, 5


def asked(*charsets: str) -> Side:
    """A side that the peer may ask."""
    side = Side(Charset(charsets, do=True), host=False)
    side.hear(wire("WILL CHARSET"))
    side.said()
    side.events.clear()
    return side


def asking(*charsets: str, host: bool = True) -> Side:
    """A side that has asked."""
    side = Side(Charset(charsets, asks=True, host=host, will=True, do=True), host=host)
    side.hear(wire("DO CHARSET"))
    assert side.said() == wire("WILL CHARSET") + sb("CHARSET", REQUEST, b"".join(b";" + name.encode() for name in charsets))
    side.events.clear()
    return side


def test_a_server_asks_and_the_terminal_picks() -> None:
    host = Side(Charset(["UTF-8", "ISO-8859-1"], asks=True, host=True, will=True))
    client = Side(Charset(["ISO-8859-1"], do=True), host=False)
    host.session.ask_us(CHARSET)
    join(host, client)
    assert host.events[-1] == client.events[-1] == CharacterSet("ISO-8859-1")


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (b";UTF-8;US-ASCII", b"UTF-8"),
        (b" iso-8859-1 utf-8", b"utf-8"),
        (b"[TTABLE]\1;UTF-8", b"UTF-8"),
        (b"[TTABLE ]\1;UTF-8", b"UTF-8"),
        (b"xUTF-8x", b"UTF-8"),
        (b";utf-8;UTF-8", b"utf-8"),
    ],
)
def test_the_best_of_ours_is_accepted_as_the_other_writes_it(request_: bytes, answer: bytes) -> None:
    side = asked("UTF-8", "ISO-8859-1")
    assert side.hear(sb("CHARSET", REQUEST, request_)) == [CharacterSet("UTF-8")]
    assert side.said() == sb("CHARSET", ACCEPTED, answer)


@pytest.mark.parametrize("request_", [b";KOI8-R", b";", b"", b"UTF-8", b"[TTABLE]", b"[TTABLE]\1"])
def test_what_we_do_not_speak_is_rejected(request_: bytes) -> None:
    side = asked("UTF-8")
    assert side.hear(sb("CHARSET", REQUEST, request_)) == []
    assert side.said() == sb("CHARSET", REJECTED)


def test_a_rejection_is_told() -> None:
    side = asking("UTF-8")
    assert side.hear(sb("CHARSET", REJECTED)) == [CharacterSet(None)]
    assert side.said() == b""


@pytest.mark.parametrize("answer", [b"", b"KOI8-R"])
def test_what_was_not_offered_cannot_be_accepted(answer: bytes) -> None:
    side = asking("UTF-8")
    (error,) = side.hear(sb("CHARSET", ACCEPTED, answer))
    assert isinstance(error, Malformed)
    assert side.hear(sb("CHARSET", ACCEPTED, b"utf-8")) == [CharacterSet("UTF-8")]


def test_an_answer_to_no_question_is_passed_over() -> None:
    side = asked("UTF-8")
    for answer in (sb("CHARSET", ACCEPTED, b"UTF-8"), sb("CHARSET", REJECTED), sb("CHARSET", 99), sb("CHARSET")):
        (error,) = side.hear(answer)
        assert isinstance(error, Malformed)
    assert side.said() == b""


def test_no_tables_are_taken() -> None:
    side = asked("UTF-8")
    assert side.hear(sb("CHARSET", TTABLE_IS, 1, b";A;B")) == []
    assert side.said() == sb("CHARSET", TTABLE_REJECTED)


def test_a_request_is_forgotten_when_the_option_goes() -> None:
    side = asking("UTF-8")
    assert side.hear(wire("DONT CHARSET")) == [Disabled(CHARSET, us=True)]
    side.said()
    (error,) = side.hear(sb("CHARSET", ACCEPTED, b"UTF-8"))
    assert isinstance(error, Malformed)


def test_a_client_whose_request_crossed_the_servers_answers_and_takes_the_rejection() -> None:
    """RFC 2066: of two requests at once the server's counts."""
    host, client = asking("UTF-8", "KOI8-R"), asking("KOI8-R", "UTF-8", host=False)
    assert host.hear(sb("CHARSET", REQUEST, b";KOI8-R;UTF-8")) == []
    assert client.hear(sb("CHARSET", REQUEST, b";UTF-8;KOI8-R")) == [CharacterSet("KOI8-R")]
    rejection, answer = host.said(), client.said()
    assert (rejection, answer) == (sb("CHARSET", REJECTED), sb("CHARSET", ACCEPTED, b"KOI8-R"))
    assert client.hear(rejection) == []
    assert host.hear(answer) == [CharacterSet("KOI8-R")]
    (second,) = client.hear(rejection)
    assert isinstance(second, Malformed)
