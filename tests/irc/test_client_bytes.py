"""Whatever a server says, our client goes on or ends in good order; and what is shown of it does nothing to a terminal."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.irc.peer import WELCOME
from wirespeak.cli.irc_chat_lines import as_json, clock_of, line_of, render
from wirespeak.irc.answers import FORMS, Question, Whois, whois_of
from wirespeak.irc.client_session import ClientSession, Identity
from wirespeak.irc.messages import Message
from wirespeak.irc.numerics import NUMERICS
from wirespeak.irc.tracker import Tracker

COMMANDS = [
    *(f"{number:03}" for number in range(1, 1000, 1) if number < 512 or number > 669),
    *("PRIVMSG", "NOTICE", "JOIN", "PART", "QUIT", "NICK", "KICK", "MODE", "TOPIC", "INVITE", "AWAY", "ACCOUNT", "CHGHOST", "SETNAME"),
    *("CAP", "AUTHENTICATE", "BATCH", "FAIL", "WARN", "NOTE", "ERROR", "PING", "PONG", "WALLOPS", "KILL", "TAGMSG", "ACK", "MARKREAD"),
]
WORDS = [
    "ann",
    "bob",
    "#c",
    "@#c",
    "LS",
    "ACK",
    "NEW",
    "DEL",
    "NAK",
    "*",
    "+",
    "=",
    "+ov",
    "-b",
    ":",
    ":a b",
    ":\x01ACTION x\x01",
    ":\x01\x01",
    "\x1b[2J",
]
WORDS += [
    "sasl=PLAIN",
    "sts=port=6697",
    "sts=duration=9",
    "PREFIX=(",
    "CHANMODES=,,,",
    "CHANTYPES=",
    "PREFIX=()",
    "12345",
    "+1",
    "-1",
    "\xff",
    "ü",
    "\u202e",
]
SOURCES = ["", ":ann!a@h ", ":bob!b@h ", ":irc.test ", ":! ", "@time=x;account;batch=1 :bob!b@h ", "@;=; ", "@label=q1 "]

LINES = st.builds(
    lambda source, command, words: f"{source}{command} {' '.join(words)}".encode("latin-1", "replace") + b"\r\n",
    st.sampled_from(SOURCES),
    st.sampled_from(COMMANDS),
    st.lists(st.sampled_from(WORDS), max_size=7),
)


def talked_to(said: list[bytes], *, welcomed: bool) -> list[Message]:
    """The messages that a client makes of ``said``, once all who follow them have seen them."""
    session = ClientSession(Identity("ann"), login=None)
    tracker = Tracker("ann")
    questions = [Question(Message(command, ["#c"]), tracker.fold) for command in sorted(FORMS)]
    questions += [Question(Message("MODE", ["#c"]), tracker.fold, fence="f"), Question(Message("WHO", ["#c"]), tracker.fold, label="q1")]
    found = []
    begin = ["CAP * LS :batch", "CAP * ACK batch", *(line.format(nick="ann") for line in WELCOME), ":ann!a@h JOIN #c"] if welcomed else []
    for data in ["\r\n".join([*begin, ""]).encode(), *said]:
        events: list[Any] = list(session.receive(data, 1.0))
        while more := session.receive(b"", 1.0):
            events += more
        session.data_to_send()
        for event in events:
            if isinstance(event, Message):
                happened = tracker.follow(event)
                for question in questions:
                    question.hear(happened)
                shown = line_of(happened, tracker)
                if shown is not None:
                    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u202e]", render(shown, colour=False, window=True, clock=clock_of(happened)))
                as_json(happened)
                found.append(event)
    return found


@given(st.lists(LINES, max_size=40), st.booleans())
def test_servers_that_say_anything(said: list[bytes], welcomed: bool) -> None:
    talked_to(said, welcomed=welcomed)


@given(st.lists(st.binary(max_size=200), max_size=20), st.booleans())
def test_servers_that_speak_no_irc(said: list[bytes], welcomed: bool) -> None:
    talked_to(said, welcomed=welcomed)


def test_every_numeric_with_any_number_of_parameters() -> None:
    numerics = [str(numeric) for numeric in NUMERICS]
    assert len(numerics) > 100
    said = [
        f":irc.test {number:03} {' '.join(['ann', '#c', 'x', 'y', 'z', 'v', 'w', 'u', ':t t'][:count])}\r\n".encode()
        for number in range(1, 1000)
        for count in range(10)
    ]
    assert len(talked_to(said, welcomed=True)) > 9000


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["311", "312", "317", "319", "330", "335", "671", "301", "320"]), st.lists(st.sampled_from(WORDS), max_size=7)
        )
    )
)
def test_any_answer_to_whois(lines: list[tuple[str, list[str]]]) -> None:
    assert isinstance(whois_of("bob", [Message(command, words) for command, words in lines]), Whois)
