"""Servers that misbehave, over real sockets, and what our SMTP client makes of them; and callers that give it what no line may hold.

Nothing a caller gives can become a command or a header field (cpython issue 87290); no reply is taken for what it is not, none may
grow or last without bound. Every test runs with the blocking client and with the one for asyncio.
"""

from __future__ import annotations

import socket
import time
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.hostile.smtp_by_hand import MAIL, Case, Talk, by_hand
from tests.raw import accepting, cut_off
from wirespeak.errors import (
    ConnectionLost,
    LocalProtocolError,
    Refused,
    RemoteProtocolError,
    TextError,
    TimeoutError,
)
from wirespeak.smtp.client import BlockingClient
from wirespeak.smtp.compose import Attachment, compose


@pytest.fixture(params=["blocking", "asyncio"])
def case(request: pytest.FixtureRequest) -> Case:
    return Case(request.param)


# --- what callers give


LINES = ["\r", "\n", "\r\n", "\r\nRCPT TO:<eve@home.test>", "\n.\n", "\0"]


@pytest.mark.parametrize("line", LINES, ids=repr)
@pytest.mark.parametrize("where", ["sender", "recipient", "hello", "quoted"])
def test_a_line_end_in_an_address_or_a_name(case: Case, where: str, line: str) -> None:
    """cpython issue 87290: raised before a byte of it is written."""

    def talk(server: Talk) -> None:
        server.says("220 mail.test")
        if where != "hello":
            server.answers_ehlo("PIPELINING", "SMTPUTF8")
        server.to_the_end()

    recipient = {"recipient": f"bob{line}@home.test", "quoted": f'"bob{line}"@home.test'}.get(where, "bob@home.test")
    if where == "sender":
        with accepting(by_hand(talk, case.heard)) as port:
            client = BlockingClient.connect(f"localhost:{port}", tls="none", hello="me.test")
            with client, pytest.raises((LocalProtocolError, TextError)):
                client.send(MAIL, f"ann{line}@home.test", ["bob@home.test"])
    else:
        with pytest.raises((LocalProtocolError, TextError)):
            case(talk, to=[recipient], **({"hello": f"me.test{line}"} if where == "hello" else {}))
    assert set(case.verbs) <= {b"EHLO", b"QUIT"}
    assert not [heard for heard in case.heard if b"eve" in heard]
    if where == "hello":
        assert case.heard in ([], [b"QUIT"])


NO_ADDRESSES = ["", "bob", "bob@", "@home.test", "bob@home.test> SIZE=1", "bob@home.test>\tX", "a b@home.test", "<bob@home.test"]


@pytest.mark.parametrize("recipient", NO_ADDRESSES)
def test_an_address_that_is_none(case: Case, recipient: str) -> None:
    def talk(server: Talk) -> None:
        server.greets("PIPELINING")
        server.to_the_end()

    with pytest.raises((LocalProtocolError, TextError)):
        case(talk, to=[recipient])
    assert set(case.verbs) <= {b"EHLO", b"QUIT"}


@pytest.mark.parametrize("line", ["\r\nBcc: eve@home.test", "\nX: y", "\r", "\0", "a\r\n\r\nbody"], ids=repr)
@pytest.mark.parametrize("where", ["subject", "to", "from", "header", "name", "file"])
def test_a_header_can_not_come_in_by_a_value(where: str, line: str) -> None:
    """Whoever writes the subject writes no other field."""
    given: dict[str, Any] = {"subject": "a", "body": "b", "date": datetime(2026, 1, 1, tzinfo=UTC), "unique": "abc"}
    sender, to = "ann@home.test", "bob@home.test"
    match where:
        case "subject":
            given["subject"] += line
        case "to":
            to = f"Bob{line} <bob@home.test>"
        case "from":
            sender = f"Ann{line} <ann@home.test>"
        case "header":
            given["headers"] = [("X-Mark", f"a{line}")]
        case "name":
            given["headers"] = [(f"X-Mark{line}", "a")]
        case "file":
            given["attachments"] = [Attachment(f"a{line}.txt", b"x")]
    try:
        mail = compose(sender, [to], **given)
    except (LocalProtocolError, TextError):
        return
    head = mail.partition(b"\r\n\r\n")[0].lower()
    assert b"\nbcc:" not in head
    assert b"\nx:" not in head
    assert b"\0" not in mail


def test_a_mail_with_dots_and_bare_line_ends_is_one_mail(case: Case) -> None:
    """Whatever its lines end in, the server sees CRLF, stuffed dots, and one end."""
    mail = b"Subject: a\n\n.\n\r.\r\n.\r.\n..\nMAIL FROM:<eve@home.test>\n.\n"

    def talk(server: Talk) -> None:
        server.greets("8BITMIME")
        for code in (250, 250, 354):
            server.hears()
            server.says(f"{code} ok")
        while server.hears() != b".":
            pass
        server.says("250 ok")
        server.to_the_end()

    case(talk, mail=mail)
    text = case.heard[4:]
    end = text.index(b".")
    assert text[end + 1 :] in ([b"QUIT"], [])
    assert not [line for line in text[:end] if b"\n" in line or b"\r" in line]
    assert [line for line in text if line.startswith(b".")] == [b"..", b"..", b"..", b"..", b"...", b"..", b"."]


# --- replies that are none


GREETINGS = {
    "another protocol": b"SSH-2.0-OpenSSH_9.2\r\n",
    "HTTP": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "no code": b"hello\r\n",
    "a code of two digits": b"22 mail.test\r\n",
    "of four": b"2200 mail.test\r\n",
    "a letter": b"22o mail.test\r\n",
    "no class": b"120 mail.test\r\n",
    "bare line feeds": b"220 mail.test\n220 mail.test\n\r\n",
    "a NUL": b"220 mail\0.test\r\n",
    "a change of code": b"220-mail.test\r\n250 mail.test\r\n",
    "an underscore": b"220_mail.test\r\n",
    "a line without end": b"220 " + b"x" * 200_000,
    "lines without end": b"220-x\r\n" * 20_000,
    "nothing at all": b"",
    "half a line": b"220 mail",
}


@pytest.mark.parametrize("greeting", GREETINGS.values(), ids=GREETINGS.keys())
def test_a_greeting_that_is_none(case: Case, greeting: bytes) -> None:
    def talk(server: Talk) -> None:
        server.sock.sendall(greeting)
        server.sock.shutdown(socket.SHUT_WR)
        server.to_the_end()

    with pytest.raises((RemoteProtocolError, ConnectionLost, Refused)):
        case(talk)
    assert set(case.verbs) <= {b"QUIT"}


@pytest.mark.parametrize("code", [421, 450, 500, 554])
def test_a_greeting_that_turns_us_away(case: Case, code: int) -> None:
    def talk(server: Talk) -> None:
        server.says(f"{code} no")
        server.to_the_end()

    with pytest.raises(Refused) as raised:
        case(talk)
    assert raised.value.reply is not None
    assert raised.value.reply.code == code


STEPS = ["MAIL", "RCPT", "DATA", "text"]


WRONG = [(step, reply) for step in STEPS for reply in ("334 ", "999 x", "x", "250-a\r\n550 b", "100 wait")]
WRONG += [("MAIL", "354 go on"), ("RCPT", "354 go on"), ("text", "354 go on"), ("DATA", "250 ok"), ("DATA", "220 hello")]


@pytest.mark.parametrize(("step", "reply"), WRONG)
def test_an_answer_to_something_else(case: Case, step: str, reply: str) -> None:
    """354 is for DATA alone, and DATA has no other good answer: else text is said to who reads commands, or commands to who reads text."""
    said = {"MAIL": "250 ok", "RCPT": "250 ok", "DATA": "354 go on", "text": "250 ok", step: reply}

    def talk(server: Talk) -> None:
        server.greets()
        for name in STEPS[:3]:
            if not server.hears():
                return
            server.says(said[name])
        while (line := server.hears()) != b".":
            if not line:
                return
        server.says(said["text"])
        server.to_the_end()

    with pytest.raises((RemoteProtocolError, Refused, ConnectionLost)):
        case(talk)
    if step == "DATA":
        assert b"Subject: a" not in case.heard


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("how", ["close", "reset", "421"])
def test_a_server_that_leaves_at_any_step(case: Case, step: str, how: str) -> None:
    """Told as what it is: never as a mail that went."""

    def talk(server: Talk) -> None:
        server.greets("PIPELINING" if how == "421" else "8BITMIME")
        for name in STEPS[: STEPS.index(step)]:
            server.hears()
            server.says("354 go" if name == "DATA" else "250 ok")
        if step == "text":
            while server.hears() != b".":
                pass
        else:
            server.hears()
        if how == "reset":
            cut_off(server.sock)
        elif how == "421":
            server.says("421 4.3.2 going down")

    with pytest.raises((ConnectionLost, Refused, RemoteProtocolError)):
        case(talk)


def test_more_replies_than_questions(case: Case) -> None:
    """A reply that nobody asked for must not be taken for the answer to what is said next."""

    def talk(server: Talk) -> None:
        server.greets()
        server.hears()
        server.says("250 ok", "250 ok", "354 go on", "250 all is well")
        server.to_the_end()

    with pytest.raises((RemoteProtocolError, ConnectionLost)):
        case(talk)
    assert b"Subject: a" not in case.heard


def test_a_second_mail_on_a_connection_that_was_ended_meanwhile(case: Case) -> None:
    """421 after the first mail: the second is not taken for sent."""

    def talk(server: Talk) -> None:
        server.greets()
        for code in (250, 250, 354):
            server.hears()
            server.says(f"{code} ok")
        while server.hears() != b".":
            pass
        server.says("250 ok", "421 4.4.2 too late")

    with pytest.raises((ConnectionLost, RemoteProtocolError, Refused)):
        case(talk, mails=2)


def test_refused_recipients_are_not_written_to(case: Case) -> None:
    """All refused, and a DATA that was pipelined is taken all the same: the text stays here (RFC 2920 3.1)."""

    def talk(server: Talk) -> None:
        server.greets("PIPELINING")
        server.hears()
        server.hears()
        server.hears()
        server.says("250 ok", "550 5.1.1 no", "354 go on")
        assert server.hears() == b"."
        server.says("554 5.5.1 nobody")
        server.to_the_end()

    with pytest.raises(Refused):
        case(talk)
    assert b"Subject: a" not in case.heard


# --- without bound


@pytest.mark.parametrize("step", ["greeting", "EHLO", "MAIL", "text"])
@pytest.mark.parametrize("piece", [b"250-" + b"x" * 100 + b"\r\n", b"x" * 1000, b"250-\r\n"], ids=["lines", "one line", "empty lines"])
def test_a_reply_without_end(case: Case, step: str, piece: bytes) -> None:
    """A bound on lines and on their number; then it is over."""

    def talk(server: Talk) -> None:
        if step != "greeting":
            server.says("220 mail.test")
            if step == "EHLO":
                server.hears()
            else:
                server.answers_ehlo()
                server.hears()
                if step == "text":
                    for code in (250, 250, 354):
                        server.says(f"{code} ok")
                        server.hears()
        first = piece if step != "greeting" else piece.replace(b"250", b"220")
        for _ in range(2_000):
            server.sock.sendall(first * 100)

    tracemalloc.start()
    try:
        with pytest.raises((RemoteProtocolError, ConnectionLost)):
            case(talk)
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("step", ["greeting", "EHLO", "MAIL", "DATA", "text"])
def test_a_server_that_falls_silent(case: Case, step: str) -> None:
    def talk(server: Talk) -> None:
        if step == "greeting":
            server.to_the_end()
            return
        server.says("220 mail.test")
        if step == "EHLO":
            server.to_the_end()
            return
        server.answers_ehlo()
        for name in ("MAIL", "RCPT", "DATA"):
            server.hears()
            if name == step:
                break
            server.says("354 go" if name == "DATA" else "250 ok")
        server.to_the_end()

    since = time.monotonic()
    with pytest.raises((TimeoutError, ConnectionLost)):
        case(talk)
    assert time.monotonic() - since < 15


def test_a_reply_that_trickles_has_no_longer(case: Case) -> None:
    """Each octet is progress, and buys no time."""

    def talk(server: Talk) -> None:
        for octet in b"220-" + b"x" * 400:
            server.sock.sendall(bytes([octet]))
            time.sleep(0.02)
        server.to_the_end()

    since = time.monotonic()
    with pytest.raises((TimeoutError, RemoteProtocolError, ConnectionLost)):
        case(talk)
    assert time.monotonic() - since < 6


@pytest.fixture
def peak() -> Iterator[Callable[[], int]]:
    tracemalloc.start()
    yield lambda: tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()


def test_a_server_that_reads_no_text(case: Case, peak: Callable[[], int]) -> None:
    """A large mail is not gathered in memory because the other side doesn't take it."""

    def talk(server: Talk) -> None:
        server.greets()
        for code in (250, 250, 354):
            server.hears()
            server.says(f"{code} ok")
        time.sleep(1.5)

    with pytest.raises((TimeoutError, ConnectionLost)):
        case(talk, mail=(b"x" * 998 + b"\r\n" for _ in range(100_000)))
    assert peak() < 12_000_000
