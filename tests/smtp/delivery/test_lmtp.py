"""Mail passed on over LMTP (RFC 2033): to a server of a few lines that notes what it hears, and to our own."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.raw import accepting
from tests.smtp.delivery.mails import MAIL, hand_over, transaction
from tests.smtp.delivery.test_maildir import LARGE, mails
from tests.sockets.serving import served
from wirespeak.smtp.client import Timeouts
from wirespeak.smtp.delivery.lmtp import Lmtp
from wirespeak.smtp.delivery.maildir import Maildir
from wirespeak.smtp.messages import Recipient
from wirespeak.smtp.recipients import Everyone
from wirespeak.smtp.server import SmtpServer
from wirespeak.smtp.transaction import Transaction

OK = "250 2.0.0 Ok"
PIPELINING = "250-mailboxes.test\r\n250-PIPELINING\r\n250 8BITMIME\r\n"


class Mailboxes:
    """A server that answers each line as it is told to, by what the line begins with; and one reply a recipient behind a mail."""

    def __init__(self, hello: str = PIPELINING, **replies: str) -> None:
        self.heard: list[str] = []
        self.connections = 0
        self.hello = hello
        self.replies = replies
        self.after_data: Callable[[str], str] = lambda recipient: f"250 2.1.5 {recipient} ok"

    def __call__(self, sock: socket.socket) -> None:
        self.connections += 1
        lines = sock.makefile("rb")

        def say(text: str) -> None:
            sock.sendall(text.encode() + b"\r\n" * (not text.endswith("\r\n")))

        say("220 mailboxes.test LMTP")
        accepted: list[str] = []
        while line := lines.readline().decode().rstrip("\r\n"):
            self.heard.append(line)
            verb, _, argument = line.partition(" ")
            if verb == "LHLO":
                say(self.hello)
            elif verb == "RCPT":
                recipient = argument[4 : argument.index(">")]
                reply = self.replies.get(recipient.partition("@")[0], "250 2.1.5 ok")
                accepted += [recipient] if reply.startswith("2") else []
                say(reply)
            elif verb == "DATA":
                say("354 go on" if accepted else "503 5.5.1 no valid recipients")
                if accepted:
                    data = []
                    while (one := lines.readline()) != b".\r\n":
                        data.append(one)
                    self.heard.append(b"".join(data).decode("latin-1"))
                    for recipient in accepted:
                        say(self.after_data(recipient))
                accepted = []
            elif verb == "QUIT":
                say("221 bye")
                return
            else:
                accepted = []
                say(self.replies.get(verb, "250 2.0.0 ok"))


def passed_on(server: Mailboxes, *rounds: Transaction, pieces: list[bytes] | None = None) -> list[list[str]]:
    """The replies to one mail after the other, each over the same delivery."""

    async def main(port: int) -> list[list[str]]:
        lmtp = Lmtp(f"127.0.0.1:{port}", timeouts=Timeouts.at_most(20.0))
        found = []
        for mail in rounds:
            found.append([str(outcome.reply) for outcome in await hand_over(lmtp, mail, pieces or [MAIL])])
        await lmtp.close()
        return found

    with accepting(server) as port:
        return asyncio.run(main(port))


def test_a_mail_is_said_in_lmtp_with_our_trace_line_and_no_return_path() -> None:
    server = Mailboxes()
    assert passed_on(server, transaction("bob@home.test")) == [[OK]]
    hello, sender, recipient, data, mail, goodbye = server.heard
    assert hello.startswith("LHLO ")
    assert (sender, recipient, data, goodbye) == ("MAIL FROM:<ann@away.test>", "RCPT TO:<bob@home.test>", "DATA", "QUIT")
    assert mail.startswith("Received: from mx.away.test ([192.0.2.7])\r\n\tby mx.home.test with ESMTP id 3f1c")
    assert mail.endswith("\r\nSubject: lunch\r\n\r\nAt one?\r\n..\r\nAnn\r\n")


def test_each_recipient_has_its_own_answer() -> None:
    server = Mailboxes(eve="550 5.1.1 no such user", cy="452-4.2.2 mailbox\r\n452 4.2.2 full")
    server.after_data = lambda recipient: "250 2.1.5 ok" if recipient.startswith("bob") else "554 5.6.0 not for me"
    mail = transaction("eve@home.test", "bob@home.test", "cy@home.test", "di@home.test")
    assert passed_on(server, mail) == [["550 5.1.1 no such user", OK, "452 4.2.2 mailbox full", "554 5.6.0 not for me"]]


def test_nobody_is_known_there() -> None:
    server = Mailboxes(eve="550 5.1.1 no such user")
    assert passed_on(server, transaction("eve@home.test"), transaction("bob@home.test")) == [["550 5.1.1 no such user"], [OK]]
    assert server.connections == 1  # a refusal is no reason to part


def test_a_reply_is_made_safe_to_be_said_by_us() -> None:
    server = Mailboxes(eve="550 5.1.1 no\x1b[31m\tsuch " + "x" * 1000)
    [[reply]] = passed_on(server, transaction("eve@home.test"))
    assert reply.startswith("550 5.1.1 no?[31m?such xxx")
    assert len(reply) < 450


def test_a_connection_is_used_again() -> None:
    server = Mailboxes()
    assert passed_on(server, *(transaction("bob@home.test") for _ in range(5))) == [[OK]] * 5
    assert server.connections == 1
    assert [line for line in server.heard if line in ("DATA", "QUIT")] == ["DATA"] * 5 + ["QUIT"]


def test_one_that_the_server_has_ended_is_not() -> None:
    class Once(Mailboxes):
        def __call__(self, sock: socket.socket) -> None:
            self.after_data = lambda recipient: ended.append(1) or "250 2.1.5 ok"  # type: ignore[func-returns-value]
            super().__call__(Ending(sock))  # type: ignore[arg-type]

    class Ending:
        """Cuts off once the mail was answered."""

        def __init__(self, sock: socket.socket) -> None:
            self.sock = sock
            self.makefile = sock.makefile

        def sendall(self, data: bytes) -> None:
            self.sock.sendall(data)
            if ended:
                ended.clear()
                self.sock.shutdown(socket.SHUT_RDWR)

    ended: list[int] = []
    server = Once()
    assert passed_on(server, transaction("bob@home.test"), transaction("bob@home.test")) == [[OK], [OK]]
    assert server.connections == 2


def test_a_large_mail_goes_whole() -> None:
    server = Mailboxes()
    assert passed_on(server, transaction("bob@home.test"), pieces=LARGE) == [[OK]]
    assert server.heard[4].endswith(b"".join(LARGE).decode())


def test_a_sender_that_wants_reports_is_passed_on_where_the_server_knows_of_them() -> None:
    mail = transaction("bob@home.test")
    assert mail.sender is not None
    mail.sender.envid = "QQ314159"
    mail.recipients[0] = Recipient(mail.recipients[0].mailbox, frozenset({"NEVER"}), "rfc822;sales@home.test")
    knowing, other = Mailboxes("250-mailboxes.test\r\n250-PIPELINING\r\n250 DSN\r\n"), Mailboxes()
    assert passed_on(knowing, mail) == passed_on(other, mail) == [[OK]]
    assert knowing.heard[1:3] == [
        "MAIL FROM:<ann@away.test> ENVID=QQ314159",
        "RCPT TO:<bob@home.test> NOTIFY=NEVER ORCPT=rfc822;sales@home.test",
    ]
    assert other.heard[1:3] == ["MAIL FROM:<ann@away.test>", "RCPT TO:<bob@home.test>"]


# --- what goes wrong


def test_a_server_that_is_not_there(free_port: Callable[[], int]) -> None:
    async def main() -> list[str]:
        outcomes = await hand_over(Lmtp(f"127.0.0.1:{free_port()}"), transaction("bob@home.test", "eve@home.test"))
        return [str(outcome.reply) for outcome in outcomes]

    assert asyncio.run(main()) == ["451 4.4.1 The server that keeps the mailboxes can't be reached just now"] * 2


def test_a_server_that_does_not_want_to_talk() -> None:
    with accepting(lambda sock: sock.sendall(b"554 go away\r\n")) as port:
        outcomes = asyncio.run(hand_over(Lmtp(f"127.0.0.1:{port}"), transaction("bob@home.test")))
    assert str(outcomes[0].reply).startswith("451 4.4.1")


def test_a_server_that_goes_in_the_middle_of_a_mail() -> None:
    class Gone(Mailboxes):
        def __call__(self, sock: socket.socket) -> None:
            self.after_data = lambda recipient: sock.shutdown(socket.SHUT_RDWR) or ""  # type: ignore[func-returns-value]
            super().__call__(sock)

    assert passed_on(Gone(), transaction("bob@home.test")) == [
        ["451 4.4.2 The conversation with the server that keeps the mailboxes was broken off"]
    ]


def test_a_mail_of_a_kind_that_the_server_can_not_take() -> None:
    mail = transaction("bob@home.test", body="BINARYMIME")
    assert passed_on(Mailboxes(), mail) == [["554 5.6.3 The server that keeps the mailboxes can't take a mail of this kind"]]
    eight_bit = transaction("bob@home.test")
    assert passed_on(Mailboxes("250 mailboxes.test\r\n"), eight_bit, pieces=["Subject: ü\r\n\r\n".encode()])[0][0].startswith("554 5.6.3")


def test_no_more_connections_are_made_than_are_allowed() -> None:
    server = Mailboxes()

    async def main(port: int) -> int:
        lmtp = Lmtp(f"127.0.0.1:{port}", most=3)
        outcomes = await asyncio.gather(*(hand_over(lmtp, transaction("bob@home.test")) for _ in range(20)))
        await lmtp.close()
        return sum(str(each[0].reply) == OK for each in outcomes)

    with accepting(server) as port:
        assert asyncio.run(main(port)) == 20
    assert 1 <= server.connections <= 3


@pytest.mark.parametrize("pieces", [[MAIL], LARGE])
def test_to_our_own_server_and_its_maildirs(tmp_path: Path, pieces: list[bytes]) -> None:
    with served(SmtpServer(Everyone(Maildir(tmp_path)), lmtp=True), where=f"unix:{tmp_path}/lmtp") as server:

        async def main() -> list[str]:
            lmtp = Lmtp(f"unix:{server.address}")
            outcomes = await hand_over(lmtp, transaction("bob@home.test", "eve@home.test"), pieces)
            await lmtp.close()
            return [str(outcome.reply) for outcome in outcomes]

        assert asyncio.run(main()) == [OK, OK]
    for name in ("bob", "eve"):
        [mail] = mails(tmp_path / "home.test" / name)
        assert mail.startswith(b"Return-Path: <ann@away.test>\nReceived: ")
        assert mail.count(b"\nReceived: ") == 2
        assert mail.endswith(b"".join(pieces).replace(b"\r\n", b"\n"))
