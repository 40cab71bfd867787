"""What a mail server decides: dialogs as in RFC 5321 appendix D, relay tricks, several recipients, failures of the store."""

from __future__ import annotations

import asyncio
import logging
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
from typing import Any

import pytest

from tests.smtp.talk import ENVELOPE, HELLO, Box, Talk, Wire, mail, over_a_socket, server_for, talk
from tests.sockets.serving import served, until
from wirespeak.smtp.counters import Counters
from wirespeak.smtp.delivery.discard import Discard
from wirespeak.smtp.delivery.maildir import Maildir
from wirespeak.smtp.limits import ServerLimits
from wirespeak.smtp.messages import Reply
from wirespeak.smtp.recipients import Directory, Everyone
from wirespeak.smtp.server import SmtpServer
from wirespeak.sockets.address import Address

QUIT = "\nC: QUIT\nS: 221 …\nS FIN"
BODY = ("Subject: lunch", "", "At one?")
TEXT = "Subject: lunch\r\n\r\nAt one?\r\n"
NO_STORAGE = "452 4.3.1 The mail can't be stored just now"

TYPICAL = """
    S: 220 mx.home.test …
    C: EHLO bar.test
    S: 250-mx.home.test greets bar.test
    …
    S: 250 …
    C: MAIL FROM:<Smith@bar.test>
    S: 250 2.1.0 Ok
    C: RCPT TO:<bob@home.test>
    S: 250 2.1.5 Ok
    C: RCPT TO:<Green@home.test>
    S: 550 5.1.1 <Green@home.test>: no such user here
    C: RCPT TO:<Eve@home.test>
    S: 250 2.1.5 Ok
    C: DATA
    S: 354 …
    C: Blah blah blah...
    C: ...etc. etc. etc.
    C: .
    S: 250 2.0.0 Taken as …
    C: QUIT
    S: 221 …
    S FIN
"""


# --- scenarios of RFC 5321 appendix D


@pytest.mark.parametrize("piece", [None, 1, 5])
def test_a_typical_transaction(piece: int | None) -> None:
    """RFC 5321 D.1."""
    box = Box()
    talk(server_for(box), TYPICAL, piece=piece)
    assert [(kept.targets, kept.data) for kept in box.mails] == [
        (["home.test/bob", "home.test/eve"], b"Blah blah blah...\r\n..etc. etc. etc.\r\n")
    ]


def test_a_typical_transaction_over_a_socket() -> None:
    box = Box()
    over_a_socket(server_for(box), TYPICAL)
    assert len(box.mails) == 1


def test_an_aborted_transaction() -> None:
    """RFC 5321 D.2; and nothing of it is in the mail after it."""
    box = Box()
    script = """
        C: MAIL FROM:<Smith@bar.test>
        S: 250 …
        C: RCPT TO:<eve@home.test>
        S: 250 …
        C: RCPT TO:<Green@home.test>
        S: 550 …
        C: RSET
        S: 250 …
    """
    talk(server_for(box), HELLO + script + mail(*BODY) + QUIT)
    assert [kept.targets for kept in box.mails] == [["home.test/bob"]]
    assert str(box.mails[0].transaction.sender and box.mails[0].transaction.sender.mailbox) == "ann@away.test"


def test_verifying_and_sending() -> None:
    """RFC 5321 D.4."""
    box = Box()
    script = """
        C: VRFY Bob
        S: 250 2.1.5 <bob@home.test>
        C: VRFY Green
        S: 550 5.1.1 No such user here
        C: EXPN all
        S: 250-2.1.5 <ann@home.test>
        S: 250 2.1.5 <bob@home.test>
        C: EXPN bob
        S: 550 5.1.1 No such list here
    """
    talk(server_for(box, tells_users=True), HELLO + script + mail(*BODY))
    assert len(box.mails) == 1


def test_who_gets_mail_is_told_to_nobody_unless_that_is_wanted() -> None:
    """RFC 5321 7.3."""
    talk(server_for(Box()), HELLO + "C: VRFY bob\nS: 252 2.0.0 …\nC: VRFY nobody\nS: 252 2.0.0 …\nC: EXPN all\nS: 252 2.0.0 …")


def test_an_old_client_says_helo() -> None:
    box = Box()
    talk(server_for(box), "S: 220 …\nC: HELO bar.test\nS: 250 mx.home.test greets bar.test" + mail(*BODY) + QUIT)
    assert box.texts == [TEXT]
    assert not box.mails[0].transaction.esmtp


def test_a_client_that_pipelines_has_its_answers_in_one_piece() -> None:
    """RFC 2920."""
    client = Talk(server_for(Box()))
    talk(client, HELLO)
    client.say(b"MAIL FROM:<>\r\nRCPT TO:<bob@home.test>\r\nDATA\r\n")
    assert client.stream.pending() == len(b"250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n354 Go on, and end with a line that holds a dot alone\r\n")
    client.say(b"\r\nhi\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<eve@home.test>\r\nQUIT\r\n")
    talk(client, "S: 250 …\nS: 250 …\nS: 354 …\nS: 250 …\nS: 250 …\nS: 250 …\nS: 221 …\nS FIN")


def test_mail_in_chunks() -> None:
    """RFC 3030."""
    box = Box()
    client = Talk(server_for(box))
    talk(client, HELLO + "C: MAIL FROM:<>\nS: 250 …\nC: RCPT TO:<bob@home.test>\nS: 250 …")
    client.say(b"BDAT 10\r\nSubject: aBDAT 7\r\n\r\n\r\n.\r\nBDAT 0 LAST\r\n")
    talk(client, "S: 250 …\nS: 250 …\nS: 250 2.0.0 Taken as …" + mail(*BODY))
    assert box.texts == ["Subject: a\r\n\r\n.\r\n", TEXT]


def test_each_mail_has_a_name_of_its_own() -> None:
    box = Box()
    client = Talk(server_for(box))
    names = set()
    talk(client, HELLO)
    for _ in range(3):
        talk(client, ENVELOPE)
        client.say(b".\r\n")
        names.add(re.fullmatch(r"250 2\.0\.0 Taken as ([0-9a-f]{16})", client.line())[1])  # type: ignore[index]
    assert names == {kept.transaction.id for kept in box.mails}
    assert len(names) == 3


# --- nobody's relay


@pytest.mark.parametrize(
    ("recipient", "answer"),
    [
        ("<user%away.test@home.test>", "550 5.1.1 …"),
        ("<away.test!user@home.test>", "550 5.1.1 …"),
        ('<"user@away.test"@home.test>', "550 5.1.1 …"),
        ("<user@away.test>", "550 5.7.1 …"),
        ("<user%home.test@away.test>", "550 5.7.1 …"),
        ("<@home.test:user@away.test>", "550 5.7.1 …"),
        ("<@away.test:bob@home.test>", "250 2.1.5 Ok"),
        ("<bob@[10.9.8.7]>", "550 5.7.1 …"),
        ("<Postmaster>", "250 2.1.5 Ok"),
        ("<@>", "501 5.1.3 …"),
        ("<bob@home.test", "501 5.1.3 …"),
        ("<bob@home.test\\nBcc:x@away.test>", "501 5.1.3 …"),
        ("<bob;rm -rf /@home.test>", "501 5.1.3 …"),
        (f"<{'b' * 300}@home.test>", "501 5.1.3 …"),
    ],
)
def test_relay_tricks(recipient: str, answer: str) -> None:
    talk(server_for(Box()), HELLO + f"C: MAIL FROM:<ann@away.test>\nS: 250 …\nC: RCPT TO:{recipient}\nS: {answer}")


def test_odd_names_come_to_their_own_mailbox_and_nowhere_else() -> None:
    box = Box()
    script = """
        C: MAIL FROM:<ann@away.test>
        S: 250 …
        C: RCPT TO:<user%away.test@home.test>
        S: 250 …
        C: RCPT TO:<"../../etc/passwd"@home.test>
        S: 250 …
        C: RCPT TO:<"| rm -rf *"@home.test>
        S: 250 …
        C: DATA
        S: 354 …
        C: .
        S: 250 …
    """
    talk(server_for(box, users=None), HELLO + script)
    assert box.mails[0].targets == ["home.test/user%away.test", "home.test/../../etc/passwd", "home.test/| rm -rf *"]


# --- several recipients


def test_whoever_is_reached_in_two_ways_gets_one_mail() -> None:
    box = Box()
    script = "C: MAIL FROM:<>\nS: 250 …"
    for name in ("bob", "all", "Bob", "bob+lists"):
        script += f"\nC: RCPT TO:<{name}@home.test>\nS: 250 …"
    talk(server_for(box), HELLO + script + "\nC: DATA\nS: 354 …\nC: .\nS: 250 …")
    assert [kept.targets for kept in box.mails] == [["home.test/bob", "home.test/ann"]]
    assert len(box.mails[0].transaction.recipients) == 4


def test_two_deliveries_get_the_mail_each() -> None:
    near, far = Box(), Box()
    server = server_for(near)
    server.recipients = Directory(["home.test"], near, users=["bob"], aliases={"both": ["bob", "bob@away.test"]}, relay=far)
    with served(server) as listening, listening.connect() as sock:
        talk(Wire(sock), HELLO + mail(*BODY).replace("<bob@", "<both@"))
    assert [(kept.targets, kept.data.decode()) for box in (near, far) for kept in box.mails] == [
        (["home.test/bob"], TEXT),
        (["away.test/bob"], TEXT),
    ]


OK, LATER, NEVER = Reply(250, "Ok", "2.0.0"), Reply(452, "Later", "4.2.2"), Reply(550, "Never", "5.2.1")


@pytest.mark.parametrize(
    ("replies", "answer"),
    [((OK, OK), "250 2.0.0 Taken as …"), ((OK, NEVER), "550 5.2.1 Never"), ((NEVER, LATER), "452 4.2.2 Later"), ((LATER, OK), "452 …")],
)
def test_one_answer_for_all(replies: tuple[Reply, ...], answer: str) -> None:
    """What can be tried again is, before the mail is given back to its sender."""
    talk(server_for(Box(replies=replies)), HELLO + mail(*BODY, answer=answer).replace("<bob@", "<all@"))


def test_lmtp_has_an_answer_for_each() -> None:
    """RFC 2033 4.2."""
    box = Box(replies=(OK, NEVER))  # to ann, and to bob
    script = """
        S: 220 mx.home.test LMTP wirespeak
        C: LHLO away.test
        S: 250-mx.home.test greets away.test
        …
        S: 250 …
        C: MAIL FROM:<>
        S: 250 …
        C: RCPT TO:<ann@home.test>
        S: 250 …
        C: RCPT TO:<nobody@home.test>
        S: 550 …
        C: RCPT TO:<bob@home.test>
        S: 250 …
        C: RCPT TO:<ann+x@home.test>
        S: 250 …
        C: DATA
        S: 354 …
        C: .
        S: 250 2.0.0 Taken as …
        S: 550 5.2.1 Never
        S: 250 2.0.0 Taken as …
        C: QUIT
        S: 221 …
        S FIN
    """
    talk(server_for(box, lmtp=True), script)
    assert [kept.targets for kept in box.mails] == [["home.test/ann", "home.test/bob"]]


# --- failures of the store


@pytest.mark.parametrize(
    ("step", "answer"),
    [
        ("open", ENVELOPE.replace("354 …", NO_STORAGE)),
        ("write", mail(*BODY, answer=NO_STORAGE)),
        ("wait", mail(*BODY, answer=NO_STORAGE)),
        ("deliver", mail(*BODY, answer=NO_STORAGE)),
    ],
)
@pytest.mark.parametrize("lmtp", [False, True])
def test_a_full_disk(step: str, answer: str, lmtp: bool, caplog: pytest.LogCaptureFixture) -> None:
    """The client keeps its mail, and the connection goes on; nothing is left of what came."""

    async def soon() -> None: ...

    box = Box(full=step, slow=soon if step == "wait" else None)
    hello = HELLO.replace("ESMTP", "LMTP").replace("EHLO", "LHLO") if lmtp else HELLO
    talk(server_for(box, lmtp=lmtp), hello + answer + "\nC: RSET\nS: 250 …" + answer)
    assert (box.mails, box.opened) == ([], box.abandoned)
    assert box.opened == (0 if step == "open" else 2)
    assert "the disk is full" in caplog.text


@pytest.mark.parametrize("step", ["open", "write", "wait", "deliver"])
def test_a_store_that_is_broken(step: str, caplog: pytest.LogCaptureFixture) -> None:
    async def soon() -> None: ...

    box = Box(full=step, fault=ValueError("a bug"), slow=soon if step == "wait" else None)
    answer = ENVELOPE.replace("354 …", "451 4.3.0 …") if step == "open" else mail(*BODY, answer="451 4.3.0 …")
    talk(server_for(box), HELLO + answer + "\nC: NOOP\nS: 250 …")
    assert "a bug" in caplog.text


def test_recipients_that_fail(caplog: pytest.LogCaptureFixture) -> None:
    server = server_for(Box())
    server.recipients = None  # type: ignore[assignment]
    talk(server, HELLO + "C: MAIL FROM:<>\nS: 250 …\nC: RCPT TO:<bob@home.test>\nS: 451 4.3.0 …\nC: NOOP\nS: 250 …")
    assert "NoneType" in caplog.text


def test_a_mail_that_breaks_the_rules_leaves_nothing() -> None:
    """A lone LF in it; and what is pipelined behind it is no mail (CVE-2023-51764)."""
    box = Box()
    client = Talk(server_for(box))
    talk(client, HELLO + ENVELOPE)
    client.say(b"one\r\n.\nMAIL FROM:<>\r\nRCPT TO:<bob@home.test>\r\nDATA\r\n\r\ntwo\r\n.\r\n")
    talk(client, "S: 550 5.6.11 …")
    assert (box.mails, box.opened, box.abandoned) == ([], 1, 1)


def test_a_mail_that_goes_round_in_a_circle() -> None:
    """RFC 5321 6.3."""
    box = Box()
    hops = ["Received: by somewhere"] * 100
    talk(server_for(box), HELLO + mail(*hops, "", answer="554 5.4.6 …") + mail(*hops[1:], ""))
    assert len(box.mails) == 1


def test_a_client_that_goes_in_mid_mail() -> None:
    box = Box()
    client = Talk(server_for(box))
    talk(client, HELLO + ENVELOPE)
    client.say(b"Subject: half\r\n")
    client.end()
    assert (box.mails, box.opened, box.abandoned) == ([], 1, 1)


# --- what takes time


def test_mail_is_written_no_faster_than_the_disk_takes_it() -> None:
    """Pieces stay in order, and the client is slowed down meanwhile; others are not."""
    gate = asyncio.Event()
    writing = 0

    async def slow() -> None:
        nonlocal writing
        writing += 1
        assert writing == 1, "one piece at a time"
        await gate.wait()
        writing -= 1

    box = Box(slow=slow)
    text = "".join([f"{number:<998}\r\n" for number in range(3000)])
    with served(server_for(box)) as listening, listening.connect() as sock, listening.connect() as quick:
        client = Wire(sock)
        talk(client, HELLO + ENVELOPE)
        (connection,) = [one for one in listening.listener.connections if one.peer == sock.getsockname()]
        sender = threading.Thread(target=client.say, args=(f"{text}.\r\n".encode(),))
        sender.start()
        until(lambda: writing and not connection.session.reading)
        talk(Wire(quick), HELLO)
        listening.run(gate.set)
        talk(client, "S: 250 2.0.0 …")
        sender.join()
    assert box.texts == [text]


def test_a_delivery_that_takes_its_time_holds_up_nobody_else() -> None:
    gate = asyncio.Event()
    box = Box(waits=gate.wait)
    server = server_for(box)
    with served(server) as listening, listening.connect() as one, listening.connect() as two:
        first, second = Wire(one), Wire(two)
        talk(first, HELLO + ENVELOPE)
        first.say(b".\r\nNOOP\r\nMAIL FROM:<>\r\n")
        until(lambda: server.delivering)
        talk(second, HELLO)
        listening.run(gate.set)
        talk(first, "S: 250 2.0.0 Taken as …\nS: 250 …\nS: 250 2.1.0 Ok")
    assert len(box.mails) == 1


def test_a_delivery_goes_on_when_the_client_goes(caplog: pytest.LogCaptureFixture) -> None:
    """It may be safe already; the client, which was told nothing, will bring it again (RFC 5321 6.1)."""
    caplog.set_level(logging.INFO, "wirespeak.smtp")
    gate, begun = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        begun.set()
        await gate.wait()

    box = Box(waits=wait)
    server = server_for(box)
    with served(server) as listening:
        with listening.connect() as sock:
            client = Wire(sock)
            talk(client, HELLO + ENVELOPE)
            client.say(b".\r\n")
            until(begun.is_set)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.end()
        until(lambda: not listening.listener.connections)
        assert len(server.delivering) == 1
        listening.run(gate.set)
        until(lambda: box.mails)
        until(lambda: not server.delivering)
    assert "was gone before the answer" in caplog.text
    assert box.abandoned == 0


def test_a_verdict_that_never_comes() -> None:
    """The session says so in time; the mail may still be delivered."""
    gate = asyncio.Event()
    box = Box(waits=gate.wait)
    with served(server_for(box, limits=ServerLimits(delivery_time=0.2))) as listening, listening.connect() as sock:
        talk(Wire(sock), HELLO + mail(*BODY, answer="421 4.3.0 …") + "\nS FIN")
        listening.run(gate.set)
        until(lambda: box.mails)


def test_stopping_waits_for_the_mail_under_way() -> None:
    gate = asyncio.Event()
    box = Box(waits=gate.wait)
    server = server_for(box)
    with served(server) as listening, listening.connect() as sock:
        client = Wire(sock)
        talk(client, HELLO + ENVELOPE)
        client.say(b".\r\n")
        until(lambda: server.delivering)
        (connection,) = listening.listener.connections
        listening.run(connection.finish)
        listening.run(gate.set)
        talk(client, "S: 250 2.0.0 Taken as …\nS: 421 4.3.2 …\nS FIN")


# --- how often


def test_connections_a_minute() -> None:
    with served(server_for(Box(), connections_a_minute=2)) as listening:
        for answer in ("220 …", "220 …", "421 4.7.0 …"):
            with listening.connect() as sock:
                talk(Wire(sock), f"S: {answer}")


def test_mails_a_minute() -> None:
    with served(server_for(Box(), mails_a_minute=2)) as listening, listening.connect() as sock:
        talk(Wire(sock), HELLO + mail(*BODY) + mail(*BODY) + "\nC: MAIL FROM:<>\nS: 450 4.7.1 …\nC: NOOP\nS: 250 …")


# --- figures


def test_what_is_counted() -> None:
    counters = Counters()
    server = server_for(Box(), counters=counters)
    client = Talk(server)
    talk(
        client,
        HELLO + mail(*BODY) + "\nC: MAIL FROM:<>\nS: 250 …\nC: RCPT TO:<nobody@home.test>\nS: 550 …\nC: RCPT TO:<a@away.test>\nS: 550 …",
    )
    assert counters.as_data() == {
        "connections": {"open": 1, "total": 1},
        "logins": 0,
        "mails": {"total": 1, "recipients": 1},
        "refused": {"recipient": {"550": 2}},
        "bytes": {"received": len(TEXT)},
    }
    client.end()
    talk(server, "S: 220 …\nC: BREW\nS: 500 …")
    assert counters.as_data()["connections"] == {"open": 1, "total": 2}
    assert counters.as_data()["refused"] == {"protocol": {"500": 1}, "recipient": {"550": 2}}


# --- whole


def test_mail_into_a_maildir(tmp_path: Any) -> None:
    server = SmtpServer(Directory(["home.test"], Maildir(tmp_path, "mx.home.test")), hostname="mx.home.test")
    over_a_socket(server, HELLO + mail(*BODY) + QUIT)
    (path,) = (tmp_path / "home.test" / "bob" / "new").iterdir()
    lines = path.read_text().splitlines()
    assert lines[0] == "Return-Path: <ann@away.test>"
    assert lines[1] == "Received: from mail.away.test ([127.0.0.1])"
    assert re.fullmatch(r"\tby mx.home.test with ESMTP id [0-9a-f]{16}", lines[2])
    assert lines[3] == "\tfor <bob@home.test>;"
    assert lines[5:] == ["Subject: lunch", "", "At one?"]


def test_everyone_gets_mail_that_is_thrown_away() -> None:
    talk(SmtpServer(Everyone(Discard()), hostname="mx.home.test"), HELLO + mail(*BODY).replace("home.test>", "ever.test>") + QUIT)


def test_a_program_serves_until_it_is_told_to_stop() -> None:
    program = """
from wirespeak.smtp.delivery.discard import Discard
from wirespeak.smtp.recipients import Everyone
from wirespeak.smtp.server import serve
serve(Everyone(Discard()), "127.0.0.1:0", hostname="mx.home.test", on_ready=lambda places: print(*places, flush=True))
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        place = Address.parse(server.stdout.readline().strip())
        with socket.create_connection((place.host, place.port), 20) as sock:
            talk(Wire(sock), HELLO + mail(*BODY))
            server.send_signal(signal.SIGTERM)
            talk(Wire(sock), "S: 421 4.3.2 …\nS FIN")
        assert server.wait(20) == 0
