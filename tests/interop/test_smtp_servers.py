"""Our mail client against the servers that take mail: Postfix, Exim, and Python's aiosmtpd.

They differ in what they offer: Postfix and Exim pipelining, BDAT, reports and addresses in UTF-8, Postfix SCRAM; aiosmtpd
neither. What arrives is the same.
"""

from __future__ import annotations

import asyncio
import email
import email.policy
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.smtp_letters import LARGE, LETTER, SENT, attachment, below_trace, compose
from tests.interop.smtp_peers import DOMAIN, PASSWORD, USER, MailServer, exim, postfix
from tests.interop.smtp_python import aiosmtpd
from wirespeak.errors import LocalProtocolError, Refused, TLSError
from wirespeak.smtp.client import BlockingClient, Client, Settings, TLSMode
from wirespeak.sockets.authority import Authority
from wirespeak.sockets.tls import client_context

SERVERS = {"postfix": postfix, "exim": exim, "aiosmtpd": aiosmtpd}
ANN = f"ann@{DOMAIN}"
ALICE = f"{USER}@{DOMAIN}"
BOB = f"bob@{DOMAIN}"


@pytest.fixture(
    params=[
        pytest.param("postfix", marks=pytest.mark.peer("postfix", "saslpasswd2", "libscram.so")),
        pytest.param("exim", marks=pytest.mark.peer("exim4", "libnss_wrapper.so", "libgnutls-dane.so.0", "libidn.so.12")),
        "aiosmtpd",
    ],
    scope="module",
)
def running(request: pytest.FixtureRequest) -> Iterator[MailServer]:
    with SERVERS[request.param]() as server:
        yield server


@pytest.fixture
def server(running: MailServer) -> MailServer:
    """A server without the mails of the test before."""
    running.empty()
    return running


def connect(server: MailServer, tls: TLSMode = "starttls", **settings: object) -> BlockingClient:
    """A client that verifies the server by the local authority, which is its user's own."""
    port = server.secure_port if tls == "implicit" else server.port
    return BlockingClient.connect(f"localhost:{port}", **Settings(tls=tls, hello="client.else.test", **settings))  # type: ignore[typeddict-item]


MODES: tuple[TLSMode, ...] = ("none", "opportunistic", "starttls", "implicit")


@pytest.mark.parametrize("tls", MODES)
@pytest.mark.parametrize("pipelining", [False, True])
def test_a_letter_arrives_as_it_was(server: MailServer, tls: TLSMode, pipelining: bool) -> None:
    with connect(server, tls, pipelining=pipelining) as client:
        assert ("PIPELINING" in client.smtp.extensions) == (server.name != "aiosmtpd")
        for mail in (SENT, LETTER):
            report = client.send(mail, "ann@else.test", [ALICE, BOB])
            assert [str(box) for box in report.accepted] == [ALICE, BOB]
            assert not report.refused
    for user in (USER, "bob"):
        assert [below_trace(mail) for mail in server.mails(user, 2)] == [LETTER, LETTER]


def test_a_letter_in_chunks(server: MailServer) -> None:
    """RFC 3030; where it is not offered the mail doesn't go, for so it was asked."""
    with connect(server) as client:
        if server.name == "aiosmtpd":
            with pytest.raises(Refused, match="CHUNKING"):
                client.send(SENT, "ann@else.test", [ALICE], chunking=True)
            return
        client.send(SENT, "ann@else.test", [ALICE], chunking=True)
        client.send(compose(ALICE).as_bytes(), "ann@else.test", [ALICE], chunking=True)
        client.send(SENT, "ann@else.test", [ALICE])
        with pytest.raises(Refused, match="BINARYMIME"):
            client.send(b"Subject: x\r\n\r\n\0\xff", "ann@else.test", [ALICE], body="BINARYMIME")
    letter, again, large = sorted(server.mails(USER, 3), key=len)
    assert below_trace(letter) == below_trace(again) == LETTER
    assert attachment(large) == LARGE


def test_a_large_attachment_from_a_file(server: MailServer, tmp_path: Path) -> None:
    (tmp_path / "mail").write_bytes(compose(ALICE).as_bytes())
    with connect(server) as client, (tmp_path / "mail").open("rb") as file:
        client.send(file, "ann@else.test", [ALICE])
    [mail] = server.mails(USER)
    assert attachment(mail) == LARGE


def test_refusals_are_told_for_each_recipient(server: MailServer) -> None:
    for tls, pipelining in itertools.product(("none", "starttls"), (False, True)):
        with connect(server, tls, pipelining=pipelining) as client:
            report = client.send(SENT, "ann@else.test", ["no@home.test", ALICE, "bob@away.test", BOB])
            assert [str(box) for box in report.accepted] == [ALICE, BOB]
            refused = {str(box): reply.code for box, reply in report.refused.items()}
            assert set(refused) == {"no@home.test", "bob@away.test"}
            assert all(500 <= code < 600 for code in refused.values())
            with pytest.raises(Refused) as told:
                client.send(SENT, "ann@else.test", ["no@home.test", "bob@away.test"])
            assert told.value.report is not None
            assert len(told.value.report.refused) == 2
            assert client.send(SENT, None, [BOB]).accepted
    server.mails(USER, 4)
    server.mails("bob", 8)


@pytest.mark.parametrize("mechanism", ["", "PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256"])
def test_logging_in(server: MailServer, mechanism: str) -> None:
    wanted = {"mechanism": mechanism} if mechanism else {}
    known = {"postfix": ["CRAM-MD5", "SCRAM-SHA-256"], "exim": ["CRAM-MD5"], "aiosmtpd": []}[server.name]
    if mechanism not in ("", "PLAIN", "LOGIN", *known):
        with pytest.raises(Refused, match=mechanism):
            connect(server, user=USER, password=PASSWORD, **wanted)
        return
    for tls in ("starttls", "implicit"):
        with connect(server, tls, user=USER, password=PASSWORD, **wanted) as client:
            client.send(SENT, ANN, [ALICE])
        with pytest.raises(Refused) as told:
            connect(server, tls, user=USER, password="wrong", **wanted)
        assert told.value.reply is not None
        assert told.value.reply.code == 535
    server.mails(USER, 2)


def test_nobody_logs_in_where_tls_is_wanted_and_not_there(server: MailServer) -> None:
    with pytest.raises((Refused, LocalProtocolError)):
        connect(server, "none", user=USER, password=PASSWORD)
    assert PASSWORD not in server.output


def test_who_cannot_be_verified_gets_nothing(server: MailServer, tmp_path: Path) -> None:
    others = client_context(authorities=[Authority.open(tmp_path / "other").certificate_file])
    for tls in ("starttls", "implicit"):
        with pytest.raises(TLSError):  # signed by nobody we know
            connect(server, tls, context=others)
        with pytest.raises(TLSError):  # the certificate is for localhost
            BlockingClient.connect(f"127.0.0.1:{server.secure_port if tls == 'implicit' else server.port}", tls=tls)
    with connect(server) as client:
        client.send(SENT, "ann@else.test", [BOB])
    server.mails("bob")
    assert server.has_none(USER)


def test_addresses_and_headers_in_utf8(server: MailServer) -> None:
    """RFC 6531, which all three know."""
    mail = SENT.replace(b"Subject: dots", "Subject: Grüße".encode())
    with connect(server) as client:
        report = client.send(mail, "käthe@else.test", [f"jürgen@{DOMAIN}"])
        assert [str(box) for box in report.accepted] == [f"jürgen@{DOMAIN}"]
    [kept] = server.mails("jürgen")
    assert below_trace(kept) == mail.replace(b"\r\n", b"\n")


def test_a_mail_that_is_too_large(server: MailServer) -> None:
    """RFC 1870: told beforehand, it is not sent; where its size isn't known the server says so in the end, and the next one goes."""
    with connect(server) as client:
        with pytest.raises(Refused, match="20,000,000"):
            client.send(b"x" * 77 + b"\r\n" + bytes(20_000_000), "ann@else.test", [ALICE])
        head = [b"Subject: large\r\n\r\n"]
        with pytest.raises(Refused) as told:
            client.send(itertools.chain(head, itertools.repeat(b"x" * 78 + b"\r\n", 260_000)), "ann@else.test", [ALICE])
        assert told.value.reply is not None
        assert told.value.reply.code == 552
    with connect(server) as client:
        client.send(SENT, "ann@else.test", [ALICE])
    server.mails(USER)


def test_reports_are_asked_for(server: MailServer) -> None:
    """RFC 3461, RFC 3464: the report of success has the name that the sender gave the mail."""
    with connect(server) as client:
        if server.name == "aiosmtpd":
            with pytest.raises(Refused, match="DSN"):
                client.send(SENT, ANN, [ALICE], notify=["SUCCESS"])
            return
        client.send(SENT, ANN, [ALICE], notify=["SUCCESS", "FAILURE"], ret="HDRS", envid="a+b=c d")
    server.mails(USER)
    [mail] = server.mails("ann")
    report = email.message_from_bytes(mail, policy=email.policy.default)
    assert report.get_content_type() == "multipart/report"
    fields = "".join(str(part) for part in report.walk() if part.get_content_type() == "message/delivery-status")
    assert "a+b=c d" in fields or "a+2Bb+3Dc+20d" in fields
    assert "Action: delivered" in fields


def test_other_questions(server: MailServer) -> None:
    with connect(server, "none") as client:
        assert client.noop().code == 250
        assert client.verify(ALICE).code in {250, 252}
        probed = client.probe("ann@else.test", [ALICE, "no@home.test"])
        assert ([str(box) for box in probed.accepted], [str(box) for box in probed.refused]) == ([ALICE], ["no@home.test"])
        assert client.expand("staff").code in {252, 500, 502, 550}
        client.send(SENT, "ann@else.test", [BOB])
    server.mails("bob")
    assert server.has_none(USER)


def test_many_mails_at_once(server: MailServer) -> None:
    async def send(number: int) -> None:
        async with await Client.connect(f"localhost:{server.port}", tls="starttls") as client:
            for _ in range(5):
                report = await client.send(SENT, f"ann{number}@else.test", [ALICE])
                assert report.accepted

    async def send_all() -> None:
        async with asyncio.TaskGroup() as tasks:
            for number in range(10):
                tasks.create_task(send(number))

    asyncio.run(send_all())
    assert all(below_trace(mail) == LETTER for mail in server.mails(USER, 50))


@pytest.mark.peer("postfix", "saslpasswd2")
def test_starttls_that_is_not_offered_is_not_gone_without() -> None:
    """CVE-2016-0772: a STARTTLS that was taken out on the way looks like this."""
    with postfix(settings={"smtpd_tls_security_level": "none"}) as server:
        with pytest.raises(TLSError, match="STARTTLS"):
            connect(server, "starttls", user=USER, password=PASSWORD)
        with connect(server, "opportunistic") as client:
            client.send(SENT, "ann@else.test", [ALICE])
        server.mails(USER)
