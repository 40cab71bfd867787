"""What a client of SMTP decides: how it connects, whether it speaks TLS, how it logs in, and what becomes of a mail.

One policy, in coroutines over a `contract.Network`, with two faces: `Client` awaits, `BlockingClient` is the same for who blocks::

    with BlockingClient.connect("mail.home.test:587", user="ann", password="…") as client:
        report = client.send(mail, "ann@home.test", ["bob@home.test", "carol@home.test"])

    wirespeak.smtp.send("localhost:25", mail, "ann@home.test", ["bob@home.test"])      # one mail, and nothing kept

A connection carries as many mails as one likes, one after the other. What is refused is told for each recipient (`Report`); a
mail that nobody gets raises `Refused`. What was said is in ``client_session.py``.
"""

from __future__ import annotations

import platform
import secrets
from collections.abc import Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Literal, Self, TypedDict, Unpack

from wirespeak.contract import Network, StartTLS, Stream
from wirespeak.errors import AddressError, ConnectionLost, LocalProtocolError, Refused, TLSError
from wirespeak.sasl import NONCE, client_mechanism
from wirespeak.smtp.client_session import Answer, ClientSession
from wirespeak.smtp.client_states import State, Timeouts
from wirespeak.smtp.envelope import Envelope, Options, announce
from wirespeak.smtp.exchange import Exchange
from wirespeak.smtp.grammar import HELLO_NAME
from wirespeak.smtp.mailbox import Mailbox
from wirespeak.smtp.messages import (
    Auth,
    AuthAnswer,
    Challenge,
    Command,
    Data,
    DataBegin,
    DataEnd,
    Expand,
    Hello,
    Recipient,
    Reply,
    Reset,
    Sender,
    Verify,
)
from wirespeak.smtp.outgoing import Mail, Shape, measure, pieces
from wirespeak.sockets.address import Address
from wirespeak.sockets.aio_network import AsyncNetwork
from wirespeak.sockets.blocking import BlockingNetwork, run
from wirespeak.sockets.kinds import kind
from wirespeak.sockets.tls import client_context
from wirespeak.tap import Observer

__all__ = ["BlockingClient", "Client", "Options", "Report", "Settings", "TLSMode", "Timeouts", "send"]

TLSMode = Literal["starttls", "implicit", "opportunistic", "none"]
"""``starttls``: TLS after the first words, and not a word more without it (RFC 3207). ``implicit``: from the start (RFC 8314 3).
``opportunistic``: where the server offers it, with whatever certificate, which is better than in clear (RFC 7435). ``none``: in clear."""

Step = Literal["connect", "hello", "tls", "login"]
"""What `Client.connect` does, one after the other."""

SMTP_PORT: Final = 25
SUBMISSION_PORT: Final = 587  # RFC 6409 3.1
SUBMISSIONS_PORT: Final = 465  # RFC 8314 7.3: TLS from the start


class Settings(TypedDict, total=False):
    """How to connect."""

    tls: TLSMode
    """Unless given: ``implicit`` on port 465, ``opportunistic`` to this machine itself, ``starttls`` to any other."""
    context: Any
    """An `ssl.SSLContext`, as `sockets.tls.client_context` makes it, in the place of one that verifies by the system's authorities."""
    hello: str
    """Who we say we are (RFC 5321 4.1.1.1): a domain, or an address as in ``[192.0.2.1]``."""
    user: str
    password: str
    token: str
    """In the place of a password: one that another server gave out (OAuth)."""
    mechanism: str
    """How to log in, in the place of the strongest way that is offered."""
    lmtp: bool
    pipelining: bool
    """Whether commands go in groups where the server takes them so (True)."""
    timeouts: Timeouts
    until: Step
    """The last step to take: for who wants to look, and not to send."""
    observer: Observer
    """Sees all that passes (`tap.Tap`)."""


@dataclass(slots=True)
class Report:
    """What became of a mail, for each recipient. ``reply`` is the last word about it."""

    accepted: list[Mailbox] = field(default_factory=list)
    refused: dict[Mailbox, Reply] = field(default_factory=dict)
    reply: Reply | None = None


class Client:
    """A conversation with one server. Made by `connect`; closed by `close`, or by the end of an ``async with``.

    One task's at a time. Every method raises `ConnectionLost`, `TimeoutError` or `RemoteProtocolError` where the conversation
    fails; then the client is of no more use.
    """

    def __init__(self, stream: Stream, exchange: Exchange, host: str, settings: Settings) -> None:
        self.stream = stream
        self.smtp = exchange.smtp
        """The session, for who wants to know what the server said of itself: ``greeting``, ``extensions``."""
        self._exchange = exchange
        self._host = host
        self._settings = settings
        self._timeouts = settings.get("timeouts", Timeouts())
        self._verified = False  # TLS is spoken, and with whom is known

    # --- the beginning

    @classmethod
    async def connect(cls, address: str | Address, *, network: Network | None = None, **settings: Unpack[Settings]) -> Self:
        """Connect, say hello, agree on TLS and log in, as far as `Settings` wants it.

        ``address`` is ``host``, ``host:port`` or ``unix:/path``; without a port it is 25, 465 where TLS is spoken from the
        start, 587 for a user. Raises `AddressError`, `LocalProtocolError` for what may not be asked, `ConnectError`,
        `TimeoutError`, `TLSError` (nothing was said in clear that was to be said in TLS), and `Refused` where the server doesn't
        want us.
        """
        network = network or AsyncNetwork()
        place = address if isinstance(address, Address) else Address.parse(address, _default_port(settings))
        mode = settings.get("tls") or ("implicit" if place.port == SUBMISSIONS_PORT else None)
        host, name = (place.host, place.host) if place.path is None else (str(place), "localhost")
        patience = settings.get("timeouts", Timeouts()).connect
        context = settings.get("context") or client_context() if mode == "implicit" else None
        stream = await network.connect(host, place.port, deadline=network.now() + patience, tls=context, server_name=name)
        session = ClientSession(lmtp=settings.get("lmtp", False), secure=context is not None, timeouts=settings.get("timeouts"))
        exchange = Exchange(stream, session, network.now, host, groups=settings.get("pipelining", True), observer=settings.get("observer"))
        client = cls(stream, exchange, name, settings)
        client._verified = context is not None
        try:
            await client._begin(mode, settings.get("until", "login"))
        except Refused:
            await client.close()
            raise
        except BaseException:  # cancelled too
            await exchange.abandon()
            raise
        return client

    async def _begin(self, mode: TLSMode | None, until: Step) -> None:
        greeting = (await self._exchange.answer()).reply
        if not greeting.is_positive:
            raise Refused(f"{self._host} doesn't want to talk: {greeting}", reply=greeting)
        if until == "connect":
            return
        await self._hello()
        if until == "hello":
            return
        if mode is None:
            mode = "opportunistic" if self._is_local else "starttls"
        if mode == "starttls" or (mode == "opportunistic" and "STARTTLS" in self.smtp.extensions):
            await self._start_tls(verified=mode == "starttls")
        if until == "login" and "user" in self._settings:
            await self._log_in()

    async def _hello(self) -> None:
        name = self._settings.get("hello") or _own_name(self.stream)
        reply = await self._exchange.ask(Hello(name, "LHLO" if self.smtp.lmtp else "EHLO"))
        if not reply.is_positive:
            raise Refused(f"{self._host} doesn't take {name} for a name: {reply}", reply=reply)

    async def _start_tls(self, *, verified: bool) -> None:
        """RFC 3207 4. Where TLS is demanded and doesn't come about, not a word more is said (CVE-2016-0772)."""
        if "STARTTLS" not in self.smtp.extensions:
            raise TLSError(f"{self._host} doesn't offer STARTTLS, and TLS was asked for: nothing was sent")
        reply = await self._exchange.ask(StartTLS())
        if reply.code != 220:
            if verified:
                raise TLSError(f"{self._host} doesn't begin TLS, which was asked for ({reply}): nothing was sent")
            return
        context = self._settings.get("context")
        self._verified = verified or context is not None
        await self._exchange.start_tls(context or client_context(verify=verified), self._host, self._timeouts.connect)
        await self._hello()

    @property
    def _is_local(self) -> bool:
        """Whether the server is on this machine: what is said to it passes no wire."""
        peer = self.stream.peer
        try:
            return not isinstance(peer, tuple) or kind(peer[0]).name == "loopback"
        except AddressError:
            return False

    async def _log_in(self) -> None:
        """RFC 4954 4. Passwords are said over TLS, to who has shown who it is, or within this machine."""
        settings, tls = self._settings, self.stream.tls
        if not (self._verified or self._is_local):
            raise LocalProtocolError(f"a password for {self._host} goes over verified TLS alone: ask for starttls or implicit")
        offered = self.smtp.extensions.get("AUTH", "").upper().split()
        if not offered:
            raise Refused(f"{self._host} offers no login (AUTH)")
        try:
            mechanism = client_mechanism(
                offered,
                settings["user"],
                settings.get("password"),
                nonce=secrets.token_bytes(NONCE),
                secure=True,
                binding=getattr(tls, "end_point", None),
                token=settings.get("token"),
                host=self._host,
                port=self.stream.peer[1] if isinstance(self.stream.peer, tuple) else 0,
                wanted=settings.get("mechanism", ""),
            )
        except LocalProtocolError as error:
            raise Refused(str(error)) from None
        self._exchange.say(Auth(mechanism.name, mechanism.initial()))
        while isinstance(event := await self._exchange.event(), Challenge):
            self._exchange.say(AuthAnswer(mechanism.step(event.data)))
        if not event.reply.is_positive:
            raise Refused(f"{self._host} doesn't let {settings['user']} in: {event.reply}", reply=event.reply)
        mechanism.finish()

    # --- a mail

    async def send(
        self, mail: Mail, sender: str | Mailbox | None, recipients: Iterable[str | Mailbox | Recipient], **options: Unpack[Options]
    ) -> Report:
        """Send ``mail``, header and body, from ``sender`` (None: from nobody, as reports are) to ``recipients``.

        Raises `TextError` and `LocalProtocolError` for what can't be sent, before anything is said of it; `Refused` where the
        server takes the mail for nobody, or doesn't offer what it needs. A mail that can't be read to its end is not sent: the
        connection is cut off in the middle of it. Where the conversation fails behind its end, nobody knows if it was taken.
        """
        envelope = announce(measure(mail), sender, recipients, options, self.smtp.extensions)
        if not envelope.recipients:
            raise LocalProtocolError("a mail goes to one recipient at least (RFC 5321 3.3)")
        try:
            report = await self._offer(envelope, () if envelope.chunking else (DataBegin(),))
            if envelope.chunking and report.accepted:
                self._exchange.say(DataBegin(chunking=True))
            if self.smtp.state is State.DATA:
                await self._send_text(mail, envelope, report)
        except BaseException:  # there is no way back from the middle of a mail
            await self._exchange.abandon()
            raise
        if not report.accepted:
            raise Refused(_told(report), reply=next(reversed(report.refused.values())), report=report)
        return report

    async def probe(
        self, sender: str | Mailbox | None, recipients: Iterable[str | Mailbox | Recipient], **options: Unpack[Options]
    ) -> Report:
        """Ask whether a mail would be taken, and send none; of the sender alone, where there are no recipients.

        Raises what `send` does; but what the server refuses, to some or to all, is in the report.
        """
        return await self._offer(announce(Shape(), sender, recipients, options, self.smtp.extensions), ())

    async def _offer(self, envelope: Envelope, begin: Sequence[DataBegin]) -> Report:
        """Announce a mail: who is accepted so far, and who refused."""
        if not self._exchange.is_over and self.stream.stale():
            raise ConnectionLost(f"{self._host} has ended the connection")
        # What is left of a mail that was refused goes in the same group (RFC 2920 3.1).
        left = [Reset()] if self.smtp.state in (State.MAIL, State.RCPT) else []
        report = Report()
        if self._exchange.groups:
            for message in (*left, envelope.sender, *envelope.recipients, *begin):
                self._exchange.say(message)
            while self._exchange.is_awaiting:
                _note(report, await self._exchange.answer())
        else:
            # RFC 5321 3.3: without a sender there are no recipients, and without any of these there is no text.
            for message in (*left, envelope.sender, *envelope.recipients, *begin):
                if self._exchange.goodbye or not _is_taken(report) or (isinstance(message, DataBegin) and not report.accepted):
                    break
                self._exchange.say(message)
                _note(report, await self._exchange.answer())
        boxes = [recipient.mailbox for recipient in envelope.recipients]
        reply = report.reply = self._exchange.goodbye or report.reply
        if reply is not None and not reply.is_positive:
            report.accepted = []
            report.refused = {box: report.refused.get(box, reply) for box in boxes}
        return report

    async def _send_text(self, mail: Mail, envelope: Envelope, report: Report) -> None:
        """The text, and what the server says to it. A server that wants one, and takes it for nobody, gets an empty one (RFC 2920 3.1)."""
        wanted, report.accepted = report.accepted, []
        refusal: Reply | None = None
        if wanted:
            async with aclosing(pieces(mail)) as parts:
                async for piece in parts:
                    if envelope.sender.body == "7BIT" and not piece.isascii():
                        raise LocalProtocolError("a byte beyond ASCII in a mail that was announced as 7BIT (RFC 6152 3)")
                    self._exchange.say(Data(piece))
                    if (refusal := await self._exchange.refusal()) is not None:
                        break
        if refusal is None:
            self._exchange.say(DataEnd(0))
        replies = []
        while self._exchange.is_awaiting:
            answer = await self._exchange.answer()
            if isinstance(answer.to, DataEnd):
                replies.append(answer.reply)
            elif not answer.reply.is_positive:
                refusal = refusal or answer.reply
        if refusal is not None:
            replies = [refusal]
        for number, box in enumerate(wanted):  # in LMTP each has its own answer (RFC 2033 4.2)
            report.reply = replies[min(number, len(replies) - 1)]
            if report.reply.is_positive:
                report.accepted.append(box)
            else:
                report.refused[box] = report.reply

    # --- other questions, and the end

    async def verify(self, text: str) -> Reply:
        """What the server says about a user or a mailbox (VRFY, RFC 5321 3.5); few say anything of use."""
        return await self._exchange.ask(Verify(text))

    async def expand(self, text: str) -> Reply:
        """Who is on a list (EXPN, RFC 5321 3.5)."""
        return await self._exchange.ask(Expand(text))

    async def noop(self) -> Reply:
        """Nothing, to see whether the server is there still (RFC 5321 4.1.1.9)."""
        return await self._exchange.ask(Command("NOOP"))

    async def close(self) -> None:
        """Say goodbye, and close the connection. Does no harm twice, or to one that is broken."""
        await self._exchange.finish()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None or issubclass(kind, Refused):
            await self.close()
        else:
            await self._exchange.abandon()


def _note(report: Report, answer: Answer) -> None:
    """What ``answer`` says about the mail that is announced. Behind a refused sender the rest of a group says nothing more."""
    reply = answer.reply
    if isinstance(answer.to, Reset) or not _is_taken(report):
        return
    match answer.to:
        case Recipient(mailbox) if reply.is_positive:
            report.accepted.append(mailbox)
        case Recipient(mailbox):
            report.refused[mailbox] = reply
        case Sender():
            report.reply = reply
        case DataBegin() if report.accepted:
            report.reply = reply


def _is_taken(report: Report) -> bool:
    """Whether the mail may go on, as far as is known."""
    return report.reply is None or report.reply.is_positive


def _told(report: Report) -> str:
    """Why nobody gets the mail."""
    said = {str(reply): reply for reply in report.refused.values()}
    if len(said) == 1:
        return f"refused: {next(iter(said))}"
    return f"refused for all {len(report.refused)} recipients: " + "; ".join(f"{box}: {reply}" for box, reply in report.refused.items())


def _default_port(settings: Settings) -> int | None:
    """The port where none is given. LMTP has none of its own, and may not be spoken on SMTP's (RFC 2033 5)."""
    if settings.get("lmtp"):
        return None
    if settings.get("tls") == "implicit":
        return SUBMISSIONS_PORT
    return SUBMISSION_PORT if "user" in settings else SMTP_PORT


def _own_name(stream: Stream) -> str:
    """Who we are: this machine's name where it is a whole one, else its address on this connection (RFC 5321 4.1.4)."""
    name = platform.node()
    if "." in name and HELLO_NAME.fullmatch(name):
        return name
    local = getattr(stream, "local", None)
    if not isinstance(local, tuple):
        return "localhost"
    address = local[0].partition("%")[0]
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"


# --- for who blocks


class BlockingClient:
    """`Client` for who blocks: the same methods, without ``await``."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @classmethod
    def connect(cls, address: str | Address, *, network: Network | None = None, **settings: Unpack[Settings]) -> Self:
        """As `Client.connect`."""
        return cls(run(Client.connect(address, network=network or BlockingNetwork(), **settings)))

    @property
    def smtp(self) -> ClientSession:
        """As `Client.smtp`."""
        return self._client.smtp

    @property
    def stream(self) -> Stream:
        """The connection: ``peer``, ``tls``."""
        return self._client.stream

    def send(
        self, mail: Mail, sender: str | Mailbox | None, recipients: Iterable[str | Mailbox | Recipient], **options: Unpack[Options]
    ) -> Report:
        """As `Client.send`."""
        return run(self._client.send(mail, sender, recipients, **options))

    def probe(self, sender: str | Mailbox | None, recipients: Iterable[str | Mailbox | Recipient], **options: Unpack[Options]) -> Report:
        """As `Client.probe`."""
        return run(self._client.probe(sender, recipients, **options))

    def verify(self, text: str) -> Reply:
        """As `Client.verify`."""
        return run(self._client.verify(text))

    def expand(self, text: str) -> Reply:
        """As `Client.expand`."""
        return run(self._client.expand(text))

    def noop(self) -> Reply:
        """As `Client.noop`."""
        return run(self._client.noop())

    def close(self) -> None:
        """As `Client.close`."""
        run(self._client.close())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        run(self._client.__aexit__(kind, error, trace))


def send(
    address: str | Address,
    mail: Mail,
    sender: str | Mailbox | None,
    recipients: Iterable[str | Mailbox | Recipient],
    *,
    connect: Settings | None = None,
    network: Network | None = None,
    **options: Unpack[Options],
) -> Report:
    """Send one mail, and keep nothing: `BlockingClient.connect` with the settings ``connect``, and its `send`."""
    with BlockingClient.connect(address, network=network, **(connect or {})) as client:
        return client.send(mail, sender, recipients, **options)
