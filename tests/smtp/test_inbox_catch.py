"""Catching mail: what a server takes for anyone, it keeps, with the envelope and all that was said."""

from __future__ import annotations

import smtplib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.sockets.serving import Served, read_all, served, until
from wirespeak.errors import StorageError
from wirespeak.smtp.inbox import Inbox
from wirespeak.smtp.inbox.catch import Catch
from wirespeak.smtp.inbox.envelope import ENVELOPES
from wirespeak.smtp.recipients import Everyone
from wirespeak.smtp.server import SmtpServer
from wirespeak.sockets.authority import Authority
from wirespeak.sockets.tls import client_context, server_context

MAIL = "Subject: Caught\r\nTo: ann@home.test\r\n\r\nHello\r\n.a dot\r\n"


@contextmanager
def catching(folder: Path, *, lmtp: bool = False, tls: object = None) -> Iterator[tuple[Served, Catch]]:
    catch = Catch(folder, "mx.test")
    server = SmtpServer(Everyone(catch), hostname="mx.test", lmtp=lmtp, tls=tls)
    with served(server, watch=catch.watch) as running:
        yield running, catch


@contextmanager
def client(running: Served) -> Iterator[smtplib.SMTP]:
    with smtplib.SMTP(*running.address[:2], local_hostname="here.test", timeout=20) as made:
        yield made


def told(inbox: Inbox, id: str = "latest") -> list[str]:
    return [f"{({'client': 'C: ', 'server': 'S: '}).get(line.by, '')}{line.text}" for line in inbox.get(id).transcript]


def test_a_mail_for_several_is_kept_once_with_its_envelope(tmp_path: Path) -> None:
    before = time.time()
    with catching(tmp_path / "box") as (running, _), client(running) as smtp:
        smtp.sendmail("me@away.test", ["ann@home.test", "blind@other.test"], MAIL)
    with Inbox.open(tmp_path / "box") as inbox:
        (mail,) = inbox.list()
        envelope = mail.envelope
    assert envelope is not None
    assert (mail.sender, mail.recipients) == ("me@away.test", ("ann@home.test", "blind@other.test"))
    assert (envelope.id, envelope.hello, envelope.protocol, envelope.tls, envelope.user) == (mail.id, "here.test", "ESMTP", "", "")
    assert envelope.peer.startswith("127.0.0.1:")
    assert envelope.local == f"127.0.0.1:{running.address[1]}"
    assert before <= envelope.received_at <= envelope.kept_at <= time.time()
    assert mail.received == envelope.kept_at
    assert envelope.size == len(MAIL)
    assert mail.text == "Hello\n.a dot\n"
    assert mail.headers[0] == ("Return-Path", "<me@away.test>")
    assert mail.header("Received").startswith("from here.test ([127.0.0.1]) by mx.test")
    assert "blind" not in mail.raw.decode()


def test_a_mail_is_kept_with_what_was_said(tmp_path: Path) -> None:
    """The last line is the one that the client got."""
    with catching(tmp_path) as (running, _), client(running) as smtp:
        smtp.ehlo()
        smtp.mail("me@away.test")
        smtp.rcpt("ann@home.test")
        code, words = smtp.data(MAIL)
        smtp.sendmail("second@away.test", "ann@home.test", MAIL)
    with Inbox.open(tmp_path) as inbox:
        second, first = inbox.list()
        lines, after = told(inbox, first.id), told(inbox, second.id)
    begin = lines.index("C: mail FROM:<me@away.test>")
    assert lines[:2] == ["S: 220 mx.test ESMTP wirespeak", "C: ehlo here.test"]
    assert lines[begin:] == [
        "C: mail FROM:<me@away.test>",
        "S: 250 2.1.0 Ok",
        "C: rcpt TO:<ann@home.test>",
        "S: 250 2.1.5 Ok",
        "C: data",
        "S: 354 Go on, and end with a line that holds a dot alone",
        f"{len(MAIL) + 1} bytes of the mail",  # a dot was doubled on the way
        "C: .",
        f"S: {code} {words.decode()}",
    ]
    assert first.id in words.decode()
    assert after[:begin] == lines[:begin]
    assert not any("me@away.test" in line for line in after)


def test_all_of_it_sent_at_once_is_kept_with_what_was_said(tmp_path: Path) -> None:
    """With BDAT a client need not wait for anything (RFC 3030 4.2)."""
    said = b"MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nBDAT 14 LAST\r\nSubject: x\r\n\r\nQUIT\r\n"
    with catching(tmp_path) as (running, _), running.connect() as sock:
        sock.sendall(b"EHLO here.test\r\n" + said)
        read_all(sock)
    with Inbox.open(tmp_path) as inbox:
        lines = told(inbox)
    assert lines[lines.index("C: MAIL FROM:<a@b.test>") :][:-1] == [
        "C: MAIL FROM:<a@b.test>",
        "S: 250 2.1.0 Ok",
        "C: RCPT TO:<c@d.test>",
        "S: 250 2.1.5 Ok",
        "C: BDAT 14 LAST",
        "14 bytes of the mail",
    ]


def test_over_tls_it_says_so(tmp_path: Path) -> None:
    authority = Authority.open(tmp_path / "authority")
    with catching(tmp_path / "box", tls=server_context(authority)) as (running, _), client(running) as smtp:
        smtp.starttls(context=client_context(verify=False))
        smtp.sendmail("me@away.test", "ann@home.test", MAIL)
    with Inbox.open(tmp_path / "box") as inbox:
        envelope, lines = inbox.get("latest").envelope, told(inbox)
    assert envelope is not None
    assert envelope.protocol == "ESMTPS"
    assert envelope.tls.startswith("TLSv1.3 TLS_")
    at = lines.index("C: STARTTLS")
    assert lines[at + 1].startswith("S: 220 2.0.0")
    assert lines[at + 2].startswith("from here on TLSv1.3, TLS_")
    assert lines[at + 3] == "C: ehlo here.test"


def test_over_lmtp_too(tmp_path: Path) -> None:
    with catching(tmp_path, lmtp=True) as (running, _), running.connect() as sock:
        said = b"LHLO here.test\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nBDAT 14 LAST\r\nSubject: x\r\n\r\nQUIT\r\n"
        sock.sendall(said)
        answers = read_all(sock).decode().splitlines()
    with Inbox.open(tmp_path) as inbox:
        (mail,) = inbox.list()
    assert (mail.sender, mail.recipients) == ("", ("a@b.test", "c@d.test"))
    assert [answer for answer in answers if mail.id in answer] == [f"250 2.0.0 Taken as {mail.id}"] * 2


def test_a_large_mail_is_kept_whole(tmp_path: Path) -> None:
    body = "x" * 76 + "\r\n"
    with catching(tmp_path) as (running, _), client(running) as smtp:
        smtp.sendmail("me@away.test", "ann@home.test", MAIL + body * 20_000)
    with Inbox.open(tmp_path) as inbox:
        mail = inbox.get("latest")
        assert mail.raw.endswith((MAIL + body * 20_000).replace("\r\n", "\n").encode())


def test_many_at_once_are_all_kept(tmp_path: Path) -> None:
    def send(number: int) -> None:
        with client(running) as smtp:
            for one in range(10):
                smtp.sendmail(f"{number}@away.test", f"{one}@home.test", MAIL)

    with catching(tmp_path) as (running, _):
        threads = [threading.Thread(target=send, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    with Inbox.open(tmp_path) as inbox:
        mails = inbox.list()
        assert {(mail.sender, mail.recipients[0]) for mail in mails} == {
            (f"{number}@away.test", f"{one}@home.test") for number in range(8) for one in range(10)
        }
        for mail in mails:
            assert [line.text for line in mail.transcript if line.text.startswith("mail ")] == [
                f"mail FROM:<{mail.sender}> size={len(MAIL)}"
            ]


def test_a_mail_that_is_broken_off_leaves_nothing(tmp_path: Path) -> None:
    with catching(tmp_path) as (running, _), running.connect() as sock:
        sock.sendall(b"EHLO here.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n")
        until(lambda: b"354" in sock.recv(65536, socket.MSG_PEEK))
        sock.sendall(b"Subject: x\r\n\r\n" + b"y" * 900 + b"\r\n")
        sock.close()
        until(lambda: not running.listener.connections)
    assert not list(tmp_path.rglob("*.json"))
    with Inbox.open(tmp_path) as inbox:
        assert inbox.list() == []


def test_where_nothing_can_be_kept_nothing_is_taken(tmp_path: Path) -> None:
    (tmp_path / ENVELOPES).write_text("in the way")
    with catching(tmp_path) as (running, _), client(running) as smtp:
        with pytest.raises(smtplib.SMTPDataError, match=r"452.*4\.3\.1"):
            smtp.sendmail("me@away.test", "ann@home.test", MAIL)
        (tmp_path / ENVELOPES).unlink()
        smtp.sendmail("me@away.test", "ann@home.test", MAIL)
    with Inbox.open(tmp_path) as inbox:
        assert inbox.count() == 1


def test_only_what_is_to_be_kept_is_kept(tmp_path: Path) -> None:
    with catching(tmp_path) as (running, _), client(running) as smtp:
        for number in range(5):
            smtp.sendmail("me@away.test", f"{number}@home.test", MAIL)
    catch = Catch(tmp_path, keep=2, keep_age=3600.0)
    catch.prune()
    with Inbox.open(tmp_path) as inbox:
        until(lambda: [mail.recipients[0] for mail in inbox.list()] == ["4@home.test", "3@home.test"])
        until(lambda: len(list((tmp_path / ENVELOPES).iterdir())) == 2)


def test_without_a_folder_there_is_nothing_to_remove(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Catch(tmp_path / "nothing", keep=2).prune()
    until(lambda: "old mail could not be removed" in caplog.text)
    with pytest.raises(StorageError):
        Inbox.open(tmp_path / "nothing")
