"""Our client and our server together: in memory, a byte at a time; and over sockets, with TLS and logins as real ones have them."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.smtp.talk import Box, server_for
from tests.sockets.serving import served, until
from wirespeak.errors import ConnectionLost, Refused, TLSError
from wirespeak.sasl import Accounts, Authenticator, ScramKeys
from wirespeak.smtp.client import BlockingClient, Client, Settings
from wirespeak.smtp.client_session import QUIT, Answer, ClientSession
from wirespeak.smtp.limits import ServerLimits
from wirespeak.smtp.mailbox import Mailbox
from wirespeak.smtp.messages import Data, DataBegin, DataEnd, Hello, Recipient, Reply, Sender
from wirespeak.smtp.session import ServerSession
from wirespeak.sockets.authority import Authority
from wirespeak.sockets.memory import MemoryNetwork
from wirespeak.sockets.tls import ROOT_CERTIFICATE, client_context, server_context

ANN, BOB, EVE, NOBODY = (Mailbox(name, "home.test") for name in ("ann", "bob", "eve", "nobody"))
MAIL = b"Subject: dots\r\n\r\n.\r\n..\r\nlast without an end"
TAKEN = b"Subject: dots\r\n\r\n.\r\n..\r\nlast without an end\r\n"
CLEAR: Settings = {"tls": "none", "hello": "me.test"}


# --- two sessions


def test_two_sessions_wired_together_see_the_same() -> None:
    """What the client's session is told to say is what the server's tells of."""
    server = ServerSession(lambda: None, hostname="mx.home.test")
    client = ClientSession()
    script: list[Any] = [
        Hello("me.test"),
        Sender(Mailbox("two words", "home.test"), size=100, body="8BITMIME", utf8=True, ret="HDRS", envid="a+b"),
        Recipient(Mailbox("bøb", "bücher.test"), frozenset({"SUCCESS", "DELAY"}), "rfc822;b+b@home.test"),
        Recipient(Mailbox("Postmaster", "")),
        DataBegin(),
        Data(b".text\n"),
        DataEnd(0),
        Sender(None),
        Recipient(BOB),
        DataBegin(chunking=True),
        Data(b".chunk\n"),
        DataEnd(0),
        QUIT,
    ]
    heard: list[Any] = []
    waits = list(script)

    def carry(segments: Any, session: Any) -> list[Any]:
        """Hand over what was said a byte at a time, and what comes of it."""
        events: list[Any] = []
        for segment in segments:
            for at in range(len(segment) if isinstance(segment, bytes) else 0):
                new = session.receive(segment[at : at + 1], 0.0)
                while new:
                    events += new
                    if session is server:
                        verdict(new)
                    new = session.receive(b"", 0.0)
        return events

    def verdict(events: Any) -> None:
        for event in events:
            heard.append(event)
            if isinstance(event, Data):
                server.consumed(len(event.data))
            else:
                server.send(Reply(354, "Go on") if isinstance(event, DataBegin) else Reply(250, "Ok"))

    server.receive(b"", 0.0)
    server.send(Reply(220, "ready"))
    answers: list[Any] = []
    for _ in range(100):
        answers += carry(server.data_to_send(), client)
        while waits and not client.awaiting and not client.closed:
            client.send(waits.pop(0))
        carry(client.data_to_send(), server)
        if client.closed:
            break
    assert client.closed
    assert all(isinstance(answer, Answer) and answer.reply.is_positive for answer in answers)
    told = [event for event in heard if not isinstance(event, (Data, DataEnd))]
    assert told == [message for message in script[:-1] if not isinstance(message, (Data, DataEnd))]
    assert b"".join(event.data for event in heard if isinstance(event, Data)) == b".text\r\n.chunk\r\n"
    assert [event.size for event in heard if isinstance(event, DataEnd)] == [7, 8]


# --- in memory


@pytest.mark.parametrize("piece", [None, 1, 2, 7])
@pytest.mark.parametrize("options", [{}, {"chunking": True}])
@pytest.mark.parametrize("settings", [{}, {"pipelining": False}])
def test_mails_arrive_as_they_were_sent(piece: int | None, options: Any, settings: Any) -> None:
    box = Box()
    network = MemoryNetwork({("mx", 25): server_for(box)}, piece=piece)
    with BlockingClient.connect("mx:25", network=network, **CLEAR, **settings) as client:
        report = client.send(MAIL, ANN, [BOB, NOBODY, EVE], **options)
        assert report.accepted == [BOB, EVE]
        assert report.refused[NOBODY].code == 550
        with pytest.raises(Refused):
            client.send(MAIL, ANN, [NOBODY], **options)
        assert client.send(iter([MAIL[:20], MAIL[20:]]), None, [BOB], **options).accepted == [BOB]
    assert [(kept.targets, kept.data) for kept in box.mails] == [(["home.test/bob", "home.test/eve"], TAKEN), (["home.test/bob"], TAKEN)]
    assert len(network.connections) == 1


@pytest.mark.parametrize("piece", [None, 1])
def test_lmtp(piece: int | None) -> None:
    box = Box(replies=[Reply(250, "Ok", "2.0.0"), Reply(452, "full", "4.2.2")])
    network = MemoryNetwork({("mx", 24): server_for(box, lmtp=True)}, piece=piece)
    with BlockingClient.connect("mx:24", network=network, lmtp=True, **CLEAR) as client:
        report = client.send(MAIL, ANN, [BOB, NOBODY, EVE])
    assert report.accepted == [BOB]
    assert {str(box): reply.code for box, reply in report.refused.items()} == {"nobody@home.test": 550, "eve@home.test": 452}


def test_a_mail_that_is_too_large_is_not_begun() -> None:
    box = Box()
    network = MemoryNetwork({("mx", 25): server_for(box, limits=ServerLimits(size=100))})
    with BlockingClient.connect("mx:25", network=network, **CLEAR) as client:
        with pytest.raises(Refused, match="100 at most"):
            client.send(b"x" * 101, ANN, [BOB])
        with pytest.raises(Refused) as caught:  # its size is not known beforehand
            client.send(iter([b"x" * 60 + b"\n"] * 2), ANN, [BOB])
        assert caught.value.reply.code == 552
        assert client.send(MAIL, ANN, [BOB]).accepted == [BOB]
    assert not box.opened - len(box.mails) - box.abandoned


def test_many_recipients_in_a_group() -> None:
    box = Box()
    network = MemoryNetwork({("mx", 25): server_for(box, users=None)})
    with BlockingClient.connect("mx:25", network=network, **CLEAR) as client:
        report = client.send(MAIL, ANN, [f"user{number}@home.test" for number in range(1000)])
    assert len(report.accepted) == 1000


# --- over sockets


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.open(tmp_path / "authority")


@pytest.fixture
def trusting(authority: Authority) -> ssl.SSLContext:
    return client_context(authorities=[authority.folder / ROOT_CERTIFICATE])


@pytest.fixture
def box() -> Box:
    return Box()


def let_in(*, plus: bool = False) -> Authenticator:
    keys = {"ann": ScramKeys.of("secret", b"0123456789abcdef", 4096)}
    return Authenticator(Accounts(keys, b"a secret of sixteen bytes or more").find, plus=plus)


@pytest.fixture
def listening(authority: Authority, box: Box) -> Iterator[str]:
    """The address of a server that offers STARTTLS, and takes ann's mail once she has logged in."""
    server = server_for(box, tls=server_context(authority), authenticator=let_in(plus=True), submission=True)
    with served(server) as running:
        yield "{}:{}".format(*running.address)


@pytest.mark.parametrize("mechanism", ["", "PLAIN", "LOGIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"])
def test_logging_in_over_tls(listening: str, trusting: ssl.SSLContext, box: Box, mechanism: str) -> None:
    with BlockingClient.connect(
        listening, tls="starttls", context=trusting, hello="me.test", user="ann", password="secret", mechanism=mechanism
    ) as client:
        assert client.stream.tls.version == "TLSv1.3"
        assert client.send(MAIL, ANN, [BOB]).accepted == [BOB]
    until(lambda: box.mails)
    assert box.mails[0].transaction.user == "ann"
    assert box.mails[0].transaction.tls is not None


def test_a_wrong_password(listening: str, trusting: ssl.SSLContext) -> None:
    with pytest.raises(Refused, match="535"):
        BlockingClient.connect(listening, tls="starttls", context=trusting, user="ann", password="guess")


def test_a_certificate_that_nobody_vouches_for(listening: str, tmp_path: Path) -> None:
    stranger = Authority.open(tmp_path / "stranger")
    context = client_context(authorities=[stranger.folder / ROOT_CERTIFICATE])
    with pytest.raises(TLSError):
        BlockingClient.connect(listening, tls="starttls", context=context, user="ann", password="secret")


def test_tls_from_the_start_for_who_awaits(authority: Authority, trusting: ssl.SSLContext, box: Box) -> None:
    async def converse(address: str) -> None:
        async with await Client.connect(address, tls="implicit", context=trusting) as client:
            report = await client.send(MAIL, ANN, [BOB])
            assert report.accepted == [BOB]
            with pytest.raises(Refused):
                await client.send(MAIL, ANN, [NOBODY])

    with served(server_for(box), tls=server_context(authority)) as running:
        asyncio.run(converse("{}:{}".format(*running.address)))
    assert box.texts == [TAKEN.decode()]


@pytest.mark.parametrize("options", [{}, {"chunking": True}])
def test_a_large_mail_is_never_whole_in_memory(box: Box, options: Any) -> None:
    line = b"." + b"x" * 97 + b"\r\n"

    def lines() -> Iterator[bytes]:
        for _ in range(20_000):
            yield line

    with served(server_for(box)) as running, BlockingClient.connect("{}:{}".format(*running.address), tls="none") as client:
        assert client.send(lines(), ANN, [BOB], **options).accepted == [BOB]
    assert box.mails[0].data == line * 20_000


def test_cancelled_in_the_middle_of_a_mail(box: Box) -> None:
    """Half a mail is no mail: the text is not ended."""

    begun = asyncio.Event()

    async def endless() -> Any:
        yield b"x" * 100_000
        begun.set()
        await asyncio.sleep(60)

    async def converse(address: str) -> None:
        client = await Client.connect(address, tls="none")
        sending = asyncio.create_task(client.send(endless(), ANN, [BOB]))
        await begun.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        with pytest.raises(ConnectionLost):
            await client.send(MAIL, ANN, [BOB])

    with served(server_for(box)) as running:
        asyncio.run(converse("{}:{}".format(*running.address)))
        until(lambda: box.abandoned)
    assert not box.mails
