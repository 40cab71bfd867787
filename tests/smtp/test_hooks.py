"""Hooks: asked at every step, plain or coroutine; what each verdict leads to, and what becomes of one that fails."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.smtp.talk import ENVELOPE, HELLO, Box, Talk, Wire, mail, server_for, talk
from tests.sockets.serving import served, until
from wirespeak.sasl import Accounts, Authenticator, ScramKeys
from wirespeak.smtp.hooks import Hooks
from wirespeak.smtp.messages import Hello, Recipient, Reply, Sender
from wirespeak.smtp.transaction import Outcome, Transaction

STEPS = ("connect", "hello", "auth", "sender", "recipient", "headers", "data", "delivered")
USERS = Authenticator(Accounts({"ann": ScramKeys.of("secret", b"0123456789abcdef", 4096)}, b"x" * 16).find)
LOGIN = "C: AUTH PLAIN AGFubgBzZWNyZXQ=\n"
BODY = ("Subject: lunch", "", "At one?")
QUIT = "\nC: QUIT\nS: 221 …\nS FIN"

Kind = Callable[[Any], Any]


def plain(function: Any) -> Any:
    return function


def coroutine(function: Any) -> Any:
    async def later(transaction: Transaction, value: Any) -> Any:
        return function(transaction, value)

    return later


@pytest.fixture(params=[plain, coroutine])
def kind(request: pytest.FixtureRequest) -> Kind:
    """What hooks are made of: an ordinary function, or a coroutine."""
    made: Kind = request.param
    return made


def refusing(step: str, reply: Reply | Any, kind: Kind = plain) -> Hooks:
    return Hooks(**{step: kind(lambda transaction, value: reply)})


def failing(step: str, kind: Kind = plain) -> Hooks:
    def fail(transaction: Transaction, value: Any) -> None:
        raise ValueError("a bug")

    return Hooks(**{step: kind(fail)})


# --- what they are asked


def test_every_step_is_asked_in_its_turn(kind: Kind) -> None:
    asked: list[tuple[str, Any]] = []

    def note(step: str) -> Any:
        return kind(lambda transaction, value: asked.append((step, value)))

    box = Box()
    hooks = Hooks(**{step: note(step) for step in STEPS})
    server = server_for(box, hooks=hooks, authenticator=USERS, auth_in_clear=True)
    with served(server) as listening, listening.connect() as sock:
        talk(Wire(sock), HELLO + LOGIN + "S: 235 2.7.0 Welcome" + mail(*BODY) + QUIT)
    assert [step for step, _ in asked] == list(STEPS)
    values = dict(asked)
    assert values["connect"][0] == "127.0.0.1"
    assert values["hello"] == Hello("mail.away.test")
    assert values["auth"] == "ann"
    assert isinstance(values["sender"], Sender)
    assert str(values["sender"].mailbox) == "ann@away.test"
    assert isinstance(values["recipient"], Recipient)
    assert str(values["recipient"].mailbox) == "bob@home.test"
    assert values["headers"] == [("Subject", "lunch")]
    assert b"".join(values["data"].pieces()) == b"Subject: lunch\r\n\r\nAt one?\r\n"
    assert values["delivered"] == [Outcome(values["recipient"], Reply(250, "Ok", "2.0.0"))]


def test_they_see_what_is_known_so_far() -> None:
    seen: dict[str, Any] = {}

    def look(transaction: Transaction, recipient: Recipient) -> None:
        seen["hello"], seen["esmtp"], seen["id"] = transaction.hello, transaction.esmtp, transaction.id
        seen["before"] = [str(each.mailbox) for each in transaction.recipients]

    def look_again(transaction: Transaction, outcomes: Any) -> None:
        seen["size"], seen["headers"], seen["same"] = transaction.size, transaction.headers, transaction.id == seen["id"]

    script = """
        C: MAIL FROM:<ann@away.test>
        S: 250 …
        C: RCPT TO:<bob@home.test>
        S: 250 …
        C: RCPT TO:<eve@home.test>
        S: 250 …
        C: DATA
        S: 354 …
        C: To: you
        C:
        C: hi
        C: .
        S: 250 …
    """
    talk(server_for(Box(), hooks=Hooks(recipient=look, headers=lambda *_: None, delivered=look_again)), HELLO + script)
    assert seen == {
        "hello": "mail.away.test",
        "esmtp": True,
        "id": seen["id"],
        "before": ["bob@home.test"],
        "size": len("To: you\r\n\r\nhi\r\n"),
        "headers": [("To", "you")],
        "same": True,
    }


def test_notes_stay_for_the_next_mail_and_nothing_else_does() -> None:
    ids: list[str] = []

    def count(transaction: Transaction, sender: Sender) -> Reply | None:
        assert transaction.recipients == []
        assert transaction.size == 0
        ids.append(transaction.id)
        transaction.notes["mails"] = transaction.notes.get("mails", 0) + 1
        return Reply(450, "One mail is enough", "4.7.1") if transaction.notes["mails"] > 1 else None

    talk(
        server_for(Box(), hooks=Hooks(sender=count)),
        HELLO + mail(*BODY) + "\nC: MAIL FROM:<ann@away.test>\nS: 450 4.7.1 One mail is enough",
    )
    assert len(set(ids)) == 2


# --- their verdicts


def test_a_connection_refused(kind: Kind) -> None:
    """RFC 5321 3.1: 554, and the client can but QUIT."""
    server = server_for(Box(), hooks=refusing("connect", Reply(554, "Not you", "5.7.1"), kind))
    talk(server, "S: 554 mx.home.test Not you\nC: EHLO mail.away.test\nS: 503 …" + QUIT)


def test_a_connection_refused_and_closed(kind: Kind) -> None:
    talk(server_for(Box(), hooks=refusing("connect", Reply(421, "Not now", "4.3.2"), kind)), "S: 421 4.3.2 Not now\nS FIN")


def test_a_name_refused(kind: Kind) -> None:
    server = server_for(Box(), hooks=refusing("hello", Reply(550, "No such host", "5.7.1"), kind))
    script = """
        S: 220 …
        C: EHLO mail.away.test
        S: 550 …No such host
        C: MAIL FROM:<ann@away.test>
        S: 503 …
    """
    talk(server, script)


def test_a_login_refused_though_the_password_was_right(kind: Kind) -> None:
    hooks = refusing("auth", Reply(535, "Not on Sundays", "5.7.8"), kind)
    server = server_for(Box(), hooks=hooks, authenticator=USERS, auth_in_clear=True, submission=True)
    with served(server) as listening, listening.connect() as sock:
        talk(Wire(sock), HELLO + LOGIN + "S: 535 5.7.8 Not on Sundays\nC: MAIL FROM:<ann@home.test>\nS: 530 5.7.0 …")


def test_a_wrong_password_never_comes_to_the_hook() -> None:
    asked: list[str] = []
    server = server_for(Box(), hooks=Hooks(auth=lambda _, user: asked.append(user)), authenticator=USERS, auth_in_clear=True)
    with served(server) as listening, listening.connect() as sock:
        talk(Wire(sock), HELLO + "C: AUTH PLAIN AGFubgB3cm9uZw==\nS: 535 5.7.8 …")
    assert asked == []


def test_a_sender_refused(kind: Kind) -> None:
    script = """
        C: MAIL FROM:<ann@away.test>
        S: 550 5.7.1 Not you
        C: RCPT TO:<bob@home.test>
        S: 503 …
    """
    talk(server_for(Box(), hooks=refusing("sender", Reply(550, "Not you", "5.7.1"), kind)), HELLO + script)


def test_a_recipient_refused_and_another_taken(kind: Kind) -> None:
    def only_bob(transaction: Transaction, recipient: Recipient) -> Reply | None:
        return None if recipient.mailbox.local == "bob" else Reply(450, "Try again", "4.2.0")

    box = Box()
    script = """
        C: MAIL FROM:<ann@away.test>
        C: RCPT TO:<eve@home.test>
        C: RCPT TO:<bob@home.test>
        C: DATA
        S: 250 2.1.0 Ok
        S: 450 4.2.0 Try again
        S: 250 2.1.5 Ok
        S: 354 …
        C:
        C: hi
        C: .
        S: 250 …
    """
    talk(server_for(box, hooks=Hooks(recipient=kind(only_bob))), HELLO + script)
    assert [kept.targets for kept in box.mails] == [["home.test/bob"]]


def test_whom_nobody_knows_no_hook_is_asked_about() -> None:
    asked: list[Recipient] = []
    server = server_for(Box(), hooks=Hooks(recipient=lambda _, recipient: asked.append(recipient)))
    talk(server, HELLO + "C: MAIL FROM:<>\nS: 250 …\nC: RCPT TO:<nobody@home.test>\nS: 550 5.1.1 <nobody@home.test>: no such user here")
    assert asked == []


def test_a_header_refused(kind: Kind) -> None:
    """It is said at the mail's end; of what came nothing stays."""
    box = Box()
    hooks = refusing("headers", Reply(554, "No lunch", "5.7.1"), kind)
    talk(server_for(box, hooks=hooks), HELLO + mail(*BODY, answer="554 5.7.1 No lunch") + "\nC: NOOP\nS: 250 …", piece=3)
    assert (box.mails, box.opened, box.abandoned) == ([], 1, 1)


@pytest.mark.parametrize("lines", [(*BODY,), ("", "no header"), ("not a field",), ("Subject: no end",), ()])
def test_a_header_is_shown_once_whatever_it_is(kind: Kind, lines: tuple[str, ...]) -> None:
    shown: list[list[str]] = []
    box = Box()
    hooks = Hooks(headers=kind(lambda _, fields: shown.append([name for name, _ in fields])))
    for piece in (1, 2, 7, None):
        talk(server_for(box, hooks=hooks), HELLO + mail(*lines), piece=piece)
    assert shown == [["Subject"] if lines and lines[0].startswith("Subject") else []] * 4
    assert box.texts == ["".join([f"{line}\r\n" for line in lines])] * 4


def test_a_mail_refused(kind: Kind) -> None:
    box = Box()
    hooks = refusing("data", Reply(554, "It smells of spam", "5.7.1"), kind)
    talk(server_for(box, hooks=hooks), HELLO + mail(*BODY, answer="554 5.7.1 It smells of spam") + mail(*BODY, answer="554 …"))
    assert (box.mails, box.opened, box.abandoned) == ([], 2, 2)


def test_a_mail_refused_by_what_it_holds(kind: Kind) -> None:
    def read(transaction: Transaction, spool: Any) -> Reply | None:
        return Reply(554, "No", "5.7.1") if b"viagra" in b"".join(spool.pieces()) else None

    box = Box()
    talk(server_for(box, hooks=Hooks(data=kind(read))), HELLO + mail("", "viagra", answer="554 …") + mail("", "flowers"))
    assert box.texts == ["\r\nflowers\r\n"]


def test_a_positive_reply_is_what_the_client_is_told(kind: Kind) -> None:
    box = Box()
    hooks = Hooks(
        sender=kind(lambda *_: Reply(250, "Hello Ann", "2.1.0")),
        recipient=kind(lambda *_: Reply(250, "He is in", "2.1.5")),
        data=kind(lambda *_: Reply(250, "Thank you", "2.0.0")),
    )
    script = """
        C: MAIL FROM:<ann@away.test>
        S: 250 2.1.0 Hello Ann
        C: RCPT TO:<bob@home.test>
        S: 250 2.1.5 He is in
        C: DATA
        S: 354 …
        C: .
        S: 250 2.0.0 Thank you
    """
    talk(server_for(box, hooks=hooks), HELLO + script)
    assert len(box.mails) == 1


# --- hooks that fail


@pytest.mark.parametrize(
    ("step", "script"),
    [
        ("connect", "S: 421 4.3.0 …\nS FIN"),
        ("hello", "S: 220 …\nC: EHLO mail.away.test\nS: 451 …\nC: NOOP\nS: 250 …"),
        ("sender", HELLO + "C: MAIL FROM:<ann@away.test>\nS: 451 4.3.0 …\nC: NOOP\nS: 250 …"),
        ("recipient", HELLO + "C: MAIL FROM:<>\nS: 250 …\nC: RCPT TO:<bob@home.test>\nS: 451 4.3.0 …\nC: NOOP\nS: 250 …"),
        ("headers", HELLO + mail(*BODY, answer="451 4.3.0 …") + "\nC: NOOP\nS: 250 …"),
        ("data", HELLO + mail(*BODY, answer="451 4.3.0 …") + "\nC: NOOP\nS: 250 …"),
        ("delivered", HELLO + mail(*BODY) + "\nC: NOOP\nS: 250 …"),
    ],
)
def test_a_hook_that_raises_is_our_failure(step: str, script: str, kind: Kind, caplog: pytest.LogCaptureFixture) -> None:
    """It is told in the log, and asks the client to try again; the connection goes on."""
    box = Box()
    talk(server_for(box, hooks=failing(step, kind)), script)
    assert "a bug" in caplog.text
    assert len(box.mails) == (step == "delivered")


def test_a_hook_that_returns_something_else(kind: Kind, caplog: pytest.LogCaptureFixture) -> None:
    talk(server_for(Box(), hooks=refusing("sender", True, kind)), HELLO + "C: MAIL FROM:<>\nS: 451 4.3.0 …")
    assert "a hook returns a Reply or None, not True" in caplog.text


def test_a_reply_that_can_not_be_sent_is_not_sent(kind: Kind, caplog: pytest.LogCaptureFixture) -> None:
    hooks = refusing("sender", Reply(550, "No\r\n250 Yes", "5.7.1"), kind)
    talk(server_for(Box(), hooks=hooks), HELLO + "C: MAIL FROM:<>\nS: 451 4.3.0 …\nC: NOOP\nS: 250 …")
    assert "can't be sent" in caplog.text


# --- hooks that wait


def test_what_is_pipelined_waits_its_turn() -> None:
    """The client's next commands are taken once a hook has answered, and others are served meanwhile."""
    order: list[str] = []
    gate = asyncio.Event()

    async def wait(transaction: Transaction, recipient: Recipient) -> Reply | None:
        order.append(f"asked about {recipient.mailbox.local}")
        if transaction.hello == "slow.test":
            await gate.wait()
        order.append(f"answered about {recipient.mailbox.local}")
        return None

    box = Box()
    pipelined = """
        C: MAIL FROM:<ann@away.test>
        C: RCPT TO:<bob@home.test>
        C: RCPT TO:<eve@home.test>
        C: DATA
    """
    answers = "S: 250 …\nS: 250 …\nS: 250 …\nS: 354 …\nC:\nC: hi\nC: .\nS: 250 …"
    with served(server_for(box, hooks=Hooks(recipient=wait))) as listening, listening.connect() as slow, listening.connect() as quick:
        client = Wire(slow)
        talk(client, HELLO.replace("mail.away.test", "slow.test") + pipelined + "S: 250 2.1.0 Ok")
        until(lambda: order == ["asked about bob"])
        talk(Wire(quick), HELLO + mail(*BODY))
        listening.run(gate.set)
        talk(client, answers.partition("\n")[2])
    assert order[0] == "asked about bob"
    assert order[-3:] == ["answered about bob", "asked about eve", "answered about eve"]
    assert [kept.targets for kept in box.mails] == [["home.test/bob"], ["home.test/bob", "home.test/eve"]]


def test_the_mail_waits_for_the_verdict_on_its_header() -> None:
    gate = asyncio.Event()

    async def wait(transaction: Transaction, fields: Any) -> None:
        await gate.wait()

    box = Box()
    text = "".join([f"{number:<998}\r\n" for number in range(2000)])  # two megabytes, more than the session gives out at once
    with served(server_for(box, hooks=Hooks(headers=wait))) as listening, listening.connect() as sock:
        client = Wire(sock)
        talk(client, HELLO + ENVELOPE)
        listening.loop.call_soon_threadsafe(listening.loop.call_later, 0.05, gate.set)
        client.say(f"Subject: large\r\n\r\n{text}.\r\n".encode())
        talk(client, "S: 250 …")
    assert box.texts == [f"Subject: large\r\n\r\n{text}"]


@pytest.mark.parametrize(
    ("step", "script", "last"),
    [
        ("hello", "S: 220 …", b"EHLO a.test\r\n"),
        ("sender", HELLO, b"MAIL FROM:<>\r\n"),
        ("recipient", HELLO, b"MAIL FROM:<>\r\nRCPT TO:<bob@home.test>\r\n"),
        ("headers", HELLO + ENVELOPE, b"Subject: x\r\n\r\n"),
        ("headers", HELLO + ENVELOPE, b"Subject: x\r\n\r\n.\r\n"),
        ("data", HELLO + ENVELOPE, b"Subject: x\r\n\r\n.\r\n"),
    ],
)
def test_a_hook_is_cancelled_when_the_client_goes(step: str, script: str, last: bytes) -> None:
    came: list[str] = []

    async def wait(transaction: Transaction, value: Any) -> None:
        came.append("asked")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            came.append("cancelled")
            raise

    box = Box()
    with served(server_for(box, hooks=Hooks(**{step: wait}))) as listening:
        with listening.connect() as sock:
            client = Wire(sock)
            talk(client, script)
            client.say(last)
            until(lambda: came == ["asked"])
            # No more than a FIN says that it only won't talk any more; a reset, that it is gone.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.end()
        until(lambda: came == ["asked", "cancelled"])
        until(lambda: not listening.listener.connections)
    assert (box.mails, box.opened) == ([], box.abandoned)


def test_who_is_told_of_a_delivery_may_take_his_time(caplog: pytest.LogCaptureFixture) -> None:
    """The client has its answer before, and going does not stop it."""
    gate = asyncio.Event()
    told: list[Any] = []

    async def tell(transaction: Transaction, outcomes: Any) -> None:
        await gate.wait()
        told.append(outcomes)

    with served(server_for(Box(), hooks=Hooks(delivered=tell))) as listening:
        with listening.connect() as sock:
            talk(Wire(sock), HELLO + mail(*BODY) + QUIT)
        until(lambda: not listening.listener.connections)
        assert told == []
        listening.run(gate.set)
        until(lambda: told)
    assert caplog.get_records("call") == [record for record in caplog.records if record.levelno < logging.ERROR]


def test_a_hook_may_be_any_awaitable() -> None:
    def later(transaction: Transaction, sender: Sender) -> Awaitable[Reply | None]:
        future: asyncio.Future[Reply | None] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(0.01, future.set_result, Reply(550, "No", "5.7.1"))
        return future

    with served(server_for(Box(), hooks=Hooks(sender=later))) as listening, listening.connect() as sock:
        talk(Wire(sock), HELLO + "C: MAIL FROM:<>\nS: 550 5.7.1 No")


def test_a_dialog_in_memory_is_the_same_byte_by_byte() -> None:
    box = Box()
    hooks = Hooks(**{step: coroutine(lambda *_: None) for step in STEPS})
    talk(Talk(server_for(box, hooks=hooks), piece=1), HELLO + mail(*BODY) + QUIT)
    assert box.texts == ["Subject: lunch\r\n\r\nAt one?\r\n"]
