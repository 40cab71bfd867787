"""What a client of IRC decides: how it connects, what it asks, how it says things, and what it does when the connection is lost.

One policy, in coroutines over a `contract.Network`, with two faces: `Client` awaits, `BlockingClient` is the same for who blocks::

    with BlockingClient.connect("irc.home.test", "ann", user="ann", password="…") as irc:
        irc.join("#lobby")
        irc.say("#lobby", "hello")
        for event in irc:
            print(event.nick, event.text)

What is said goes no faster than servers like it (``sending.py``), and nothing is lost by that: each call returns once its words are on
their way. What can be said and asked stands in ``speaking.py``; what a server answers is found by ``answers.py``; who is where is told by
`Client.tracker`. For bots, see ``bot.py``.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterator
from types import TracebackType
from typing import Any, Final, Self, TypedDict, Unpack

from wirespeak.contract import Network, Stream
from wirespeak.errors import AddressError, ConnectionLost, LocalProtocolError, Refused, TimeoutError, WirespeakError
from wirespeak.irc.answers import Listed, Person, Whois
from wirespeak.irc.client_login import Login
from wirespeak.irc.client_session import CAPABILITIES, ClientSession, Identity
from wirespeak.irc.client_states import Timeouts
from wirespeak.irc.events import Connected, Disconnected, Event, Happening
from wirespeak.irc.exchange import Exchange
from wirespeak.irc.messages import Message
from wirespeak.irc.policies import Policies
from wirespeak.irc.sending import Outgoing, Priority, Rate, join_messages
from wirespeak.irc.speaking import Speaker
from wirespeak.irc.tracker import Channel, Tracker
from wirespeak.sasl import NONCE, ClientMechanism, client_mechanism
from wirespeak.sockets.address import Address
from wirespeak.sockets.aio_network import AsyncNetwork
from wirespeak.sockets.blocking import BlockingNetwork, run
from wirespeak.sockets.kinds import kind
from wirespeak.sockets.network import SocketStream
from wirespeak.sockets.tls import client_context
from wirespeak.tap import Observer

__all__ = ["PORT", "TLS_PORT", "BlockingClient", "Client", "Rate", "Settings", "Timeouts"]

PORT: Final = 6667
TLS_PORT: Final = 6697
"""RFC 7194: IRC over TLS."""

FIRST_RETRY: Final = 2.0
LAST_RETRY: Final = 300.0
"""Seconds to the next attempt to connect: twice as long each time, from the first of these to the second, and up to a half more by lot,
so that a server that comes back isn't met by all at once."""

STOOD: Final = 60.0
"""A connection that stood for so many seconds was a good one: the next attempts begin anew."""


class Settings(TypedDict, total=False):
    """How to connect, and as whom."""

    tls: bool
    """Unless given: not on a port that is given and isn't 6697, nor to this machine itself."""
    context: Any
    """An `ssl.SSLContext`, as `sockets.tls.client_context` makes it, in the place of one that verifies by the system's authorities."""
    user: str
    """The account to log in to (SASL)."""
    password: str
    token: str
    """In the place of a password: one that another server gave out (OAuth)."""
    mechanism: str
    """How to log in, in the place of the strongest way that is offered; EXTERNAL is by the certificate in ``context``."""
    server_password: str
    """What some servers want before they let anyone in (PASS)."""
    ident: str
    """The user name in ``nick!user@host``, where the server doesn't know better."""
    realname: str
    others: tuple[str, ...]
    """Nicks to try where the first is taken, before some are made up."""
    capabilities: tuple[str, ...]
    """What to ask for beside `client_session.CAPABILITIES`: ``echo-message``, say."""
    reconnect: bool
    """Whether `Client.next` connects anew where the connection is lost (False)."""
    timeouts: Timeouts
    rate: Rate
    """How fast to speak."""
    policies: Policies
    """Which servers want TLS; unless given, it is known as long as the client is."""
    observer: Observer
    """Sees all that passes (`tap.Tap`)."""


class Client(Speaker):
    """One of us on one network. Made by `connect`; closed by `close`, or by the end of an ``async with``.

    Several tasks may use it at once. Every method raises `LocalProtocolError`, before anything is said, for what may not be (CR, LF or
    NUL in a parameter); `Refused` where the server says no, ``reply`` being its message; and `ConnectionLost`, `TimeoutError` or
    `RemoteProtocolError` where the conversation has failed: then `next` begins a new one, with ``reconnect``, or nothing will.
    """

    def __init__(self, address: str | Address, nick: str, network: Network, settings: Settings) -> None:
        self._timeouts = settings.get("timeouts") or Timeouts()
        super().__init__(network, self._timeouts.answer)
        self._settings = settings
        self._policies = settings.get("policies") or Policies()
        self._place, self._tls = _place(address, settings)
        self._nick = nick
        self._rejoin: dict[str, str] = {}  # where we were when the connection was lost, and the keys
        self._since = 0.0  # when the connection began to stand
        self._attempts = 0
        self._retry_at: float | None = None
        self.closing = False
        """Whether we have left, or are about to."""

    # --- the beginning

    @classmethod
    async def connect(cls, address: str | Address, nick: str, *, network: Network | None = None, **settings: Unpack[Settings]) -> Self:
        """Connect, over TLS where `Settings` or the server say so, log in, and wait for the server's welcome.

        ``address`` is ``host``, ``host:port`` or ``unix:/path``; without a port it is 6697, over TLS, and on this machine 6667. Raises
        `AddressError`, `LocalProtocolError` (a password would go in clear), `ConnectError`, `TimeoutError`, `TLSError`, and `Refused`
        where the server doesn't want us.
        """
        client = cls(address, nick, network or AsyncNetwork(), settings)
        await client._connect()
        return client

    async def _connect(self) -> None:
        """As often as the server sends us elsewhere, which is once: from the clear to TLS (IRCv3 sts)."""
        strict = self._policies.find(self._place.host) if self._place.path is None and not self._tls else None
        if strict is not None:
            self._place, self._tls = Address(self._place.host, strict), True
        await self._open()
        strict_port = self._exchange.strict.port if self._exchange.strict is not None else None
        if strict_port is not None and not self._tls:
            await self._exchange.abandon()
            self._place, self._tls = Address(self._place.host, strict_port), True
            await self._open()
        if self._exchange.error is not None:
            await self._exchange.abandon()
            raise self._exchange.error
        self._since = self._network.now()
        self._keep_policy()

    async def _open(self) -> None:
        """Connect, and register. What ended it, where it did, is left in the exchange."""
        settings, place, network = self._settings, self._place, self._network
        host, name = (place.host, place.host) if place.path is None else (str(place), "localhost")
        context = settings.get("context") or client_context() if self._tls else None
        stream = await network.connect(host, place.port, deadline=network.now() + self._timeouts.connect, tls=context, server_name=name)
        try:
            safe = _is_verified(context) or _is_local(stream)
            if not safe and "server_password" in settings:
                raise LocalProtocolError(f"a password for {host} goes over verified TLS alone")
            session = ClientSession(
                Identity(
                    self._nick,
                    settings.get("ident", ""),
                    settings.get("realname", ""),
                    settings.get("server_password", ""),
                    settings.get("others", ()),
                ),
                wanted=(*CAPABILITIES, *settings.get("capabilities", ())),
                login=self._login(stream, safe=safe),
                secure=context is not None,
                timeouts=self._timeouts,
                rate=settings.get("rate"),
                now=network.now(),
            )
            exchange = self._exchange = Exchange(network, stream, session, settings.get("observer"))
            await exchange.until(lambda: exchange.ready or exchange.error is not None)
        except BaseException:  # cancelled too
            await stream.close()
            raise

    def _login(self, stream: Stream, *, safe: bool) -> Login | None:
        """How to log in. Passwords are said over TLS, to who has shown who it is, or within this machine."""
        settings = self._settings
        if not {"user", "mechanism"} & settings.keys():
            return None

        def choose(offered: Any) -> ClientMechanism:
            if not safe:
                raise LocalProtocolError(f"a password for {self._place} goes over verified TLS alone")
            try:
                return client_mechanism(
                    offered,
                    settings.get("user", ""),
                    settings.get("password"),
                    nonce=secrets.token_bytes(NONCE),
                    secure=True,
                    binding=getattr(stream.tls, "end_point", None),
                    token=settings.get("token"),
                    host=self._place.host,
                    port=self._place.port,
                    wanted=settings.get("mechanism", ""),
                )
            except LocalProtocolError as error:
                raise Refused(str(error)) from None

        return choose

    def _keep_policy(self) -> None:
        """Remember for how long this server wants TLS; told anew at the end of the connection, from when on it counts (IRCv3 sts)."""
        duration = None if self._exchange.strict is None else self._exchange.strict.duration
        context = self._settings.get("context")
        if duration is not None and self._tls and self._place.path is None and (context is None or _is_verified(context)):
            self._policies.keep(self._place.host, self._place.port, duration)

    # --- what is known

    @property
    def stream(self) -> Stream:
        """The connection: ``peer``, ``tls``."""
        return self._exchange.stream

    @property
    def server(self) -> str:
        """Whom we speak with, as an address."""
        return str(self._place)

    # --- what happens

    async def next(self, timeout: float | None = None) -> Happening:
        """What happens next: an `Event`; with ``reconnect`` also `Disconnected`, and `Connected` when we are back in our channels.

        For one task at a time. Raises `TimeoutError` after ``timeout`` seconds; without ``reconnect``, what ended the conversation.
        What isn't asked for is kept for later, the latest `exchange.KEPT` of it.
        """
        deadline = None if timeout is None else self._network.now() + timeout
        exchange = self._exchange
        if not exchange.events and exchange.error is None:
            await exchange.until(lambda: bool(exchange.events) or exchange.error is not None, deadline)
        if exchange.events:
            return exchange.events.popleft()
        assert exchange.error is not None
        if self.closing or not self._settings.get("reconnect"):
            raise exchange.error
        return self._lost(exchange.error) if self._retry_at is None else await self._return(self._retry_at, deadline)

    async def __aiter__(self) -> AsyncIterator[Event]:
        """Each message that comes; the comings and goings of the connection are left out. Ends when we `close`; raises as `next`."""
        while (event := await self.next_event()) is not None:
            yield event

    async def next_event(self) -> Event | None:
        """The next message, as an ``async for`` has it; None once we have closed."""
        while True:
            try:
                happened = await self.next()
            except ConnectionLost:
                if self.closing:
                    return None
                raise
            if isinstance(happened, Event):
                return happened

    def _lost(self, error: Exception) -> Disconnected:
        """The connection, or an attempt at one, failed: when to try again."""
        now = self._network.now()
        if self._retry_at is None:
            current = {name.name: self._keys.get(key, name.modes.get("k") or "") for key, name in self.tracker.channels.items()}
            stood = now - self._since >= STOOD
            self._rejoin = current if stood else {**self._rejoin, **current}
            self._attempts = 0 if stood else self._attempts
            self._keep_policy()
        wait = min(LAST_RETRY, FIRST_RETRY * 2**self._attempts) * (1 + secrets.randbelow(501) / 1000)
        self._attempts = min(self._attempts + 1, 20)
        self._retry_at = now + wait
        return Disconnected(error, wait, self._attempts)

    async def _return(self, at: float, deadline: float | None) -> Happening:
        """Wait until ``at``, connect, and go back into our channels; or say when the next attempt is."""
        if deadline is not None and deadline < at:
            await self._network.sleep(max(0.0, deadline - self._network.now()))
            raise TimeoutError("the next attempt to connect is later")
        await self._network.sleep(max(0.0, at - self._network.now()))
        await self._exchange.abandon()
        try:
            await self._connect()
        except LocalProtocolError:
            raise
        except WirespeakError as error:
            return self._lost(error)
        self._retry_at = None
        for message in join_messages(self._rejoin, self.tracker.features.most_targets("JOIN", len(self._rejoin))):
            self._exchange.put(message)
        return Connected(self.nick, again=True)

    # --- for who waits for other things too

    def fileno(self) -> int:
        """The connection's file descriptor; `poll` when it can be read, or `deadline` comes."""
        assert isinstance(self.stream, SocketStream)
        return self.stream.fileno()

    @property
    def deadline(self) -> float:
        """When `poll`, or with ``reconnect`` `next`, wants to be called though nothing comes."""
        return self.session.deadline if self._retry_at is None else self._retry_at

    async def poll(self) -> bool:
        """Say what can be said and take in what is there, without waiting; `kept` then gives it. Whether more may be there."""
        return await self._exchange.poll()

    def kept(self) -> Event | None:
        """The next event that has come already; None for none."""
        events = self._exchange.events
        return events.popleft() if events else None

    @property
    def error(self) -> Exception | None:
        """What ended the conversation; None while it goes on."""
        return self._exchange.error

    # --- the end

    async def flush(self, timeout: float | None = None) -> None:
        """Return once all that was said is on its way. Raises `TimeoutError`."""
        await self._exchange.flush(None if timeout is None else self._network.now() + timeout)

    async def close(self, reason: str = "", *, patience: float | None = None) -> None:
        """Say what waits to be said, for ``patience`` seconds at most, then goodbye, and close the connection.

        Does no harm twice, or to a connection that is broken.
        """
        self.closing = True
        try:
            if self._exchange.error is None:
                await self.flush(patience)
        except (ConnectionLost, TimeoutError):
            pass  # nobody hears it
        self._keep_policy()
        await self._exchange.finish(reason)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None or issubclass(kind, Refused):
            await self.close()
        else:
            self.closing = True
            await self._exchange.abandon()


def _place(address: str | Address, settings: Settings) -> tuple[Address, bool]:
    """Where to connect to, and whether over TLS: by what is told, else by the port, else by whether it is this machine."""
    tls = settings.get("tls")
    if isinstance(address, str):
        given = Address.parse(address, 0)
        if given.path is None and not given.port:
            tls = not _is_loopback(given.host) if tls is None else tls
            given = Address(given.host, TLS_PORT if tls else PORT)
        address = given
    return address, address.port == TLS_PORT if tls is None else tls


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or kind(host).name == "loopback"
    except AddressError:
        return False


def _is_local(stream: Stream) -> bool:
    """Whether the server is on this machine: what is said to it passes no wire."""
    return not isinstance(stream.peer, tuple) or _is_loopback(stream.peer[0])


def _is_verified(context: Any) -> bool:
    """Whether the certificates of servers are looked at (`ssl.CERT_NONE` is 0)."""
    return context is not None and bool(getattr(context, "verify_mode", True))


# --- for who blocks


class BlockingClient:
    """`Client` for who blocks: the same methods, without ``await``. One thread's at a time.

    Between the calls nobody answers the server's PING: who does other work for minutes calls `poll` now and then.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    @classmethod
    def connect(cls, address: str | Address, nick: str, *, network: Network | None = None, **settings: Unpack[Settings]) -> Self:
        """As `Client.connect`."""
        return cls(run(Client.connect(address, nick, network=network or BlockingNetwork(), **settings)))

    @property
    def tracker(self) -> Tracker:
        """As `Client.tracker`."""
        return self._client.tracker

    @property
    def session(self) -> ClientSession:
        """As `Client.session`."""
        return self._client.session

    @property
    def stream(self) -> Stream:
        """As `Client.stream`."""
        return self._client.stream

    @property
    def nick(self) -> str:
        """As `Client.nick`."""
        return self._client.nick

    @property
    def server(self) -> str:
        """As `Client.server`."""
        return self._client.server

    def channel(self, name: str) -> Channel | None:
        """As `Client.channel`."""
        return self._client.channel(name)

    def next(self, timeout: float | None = None) -> Happening:
        """As `Client.next`."""
        return run(self._client.next(timeout))

    def __iter__(self) -> Iterator[Event]:
        while (event := run(self._client.next_event())) is not None:
            yield event

    def queue(self, command: str, *parameters: str, priority: Priority = Priority.NORMAL) -> Outgoing:
        """As `Client.queue`."""
        return self._client.queue(command, *parameters, priority=priority)

    def lines(self, command: str, target: str, text: str, *, action: bool = False) -> list[Message]:
        """As `Client.lines`."""
        return self._client.lines(command, target, text, action=action)

    def send(self, command: str, *parameters: str, priority: Priority = Priority.NORMAL) -> None:
        """As `Client.send`."""
        run(self._client.send(command, *parameters, priority=priority))

    def say(self, target: str, text: str) -> None:
        """As `Client.say`."""
        run(self._client.say(target, text))

    def notice(self, target: str, text: str) -> None:
        """As `Client.notice`."""
        run(self._client.notice(target, text))

    def act(self, target: str, text: str) -> None:
        """As `Client.act`."""
        run(self._client.act(target, text))

    def ctcp(self, target: str, command: str, text: str = "", *, answer: bool = False) -> None:
        """As `Client.ctcp`."""
        run(self._client.ctcp(target, command, text, answer=answer))

    def ask(self, command: str, *parameters: str, timeout: float | None = None) -> list[Message]:
        """As `Client.ask`."""
        return run(self._client.ask(command, *parameters, timeout=timeout))

    def join(self, channel: str, key: str = "") -> Channel:
        """As `Client.join`."""
        return run(self._client.join(channel, key))

    def part(self, channel: str, reason: str = "") -> None:
        """As `Client.part`."""
        run(self._client.part(channel, reason))

    def nick_to(self, nick: str) -> None:
        """As `Client.nick_to`."""
        run(self._client.nick_to(nick))

    def topic(self, channel: str, text: str | None = None) -> str:
        """As `Client.topic`."""
        return run(self._client.topic(channel, text))

    def names(self, channel: str) -> list[str]:
        """As `Client.names`."""
        return run(self._client.names(channel))

    def who(self, mask: str) -> list[Person]:
        """As `Client.who`."""
        return run(self._client.who(mask))

    def whois(self, nick: str) -> Whois:
        """As `Client.whois`."""
        return run(self._client.whois(nick))

    def list_channels(self, *parameters: str) -> list[Listed]:
        """As `Client.list_channels`."""
        return run(self._client.list_channels(*parameters))

    def mode(self, target: str, changes: str = "", *parameters: str) -> list[Message]:
        """As `Client.mode`."""
        return run(self._client.mode(target, changes, *parameters))

    def kick(self, channel: str, nick: str, reason: str = "") -> None:
        """As `Client.kick`."""
        run(self._client.kick(channel, nick, reason))

    def invite(self, nick: str, channel: str) -> None:
        """As `Client.invite`."""
        run(self._client.invite(nick, channel))

    def away(self, reason: str = "") -> None:
        """As `Client.away`."""
        run(self._client.away(reason))

    def ping(self) -> float:
        """As `Client.ping`."""
        return run(self._client.ping())

    def poll(self) -> bool:
        """As `Client.poll`."""
        return run(self._client.poll())

    def flush(self, timeout: float | None = None) -> None:
        """As `Client.flush`."""
        run(self._client.flush(timeout))

    def close(self, reason: str = "", *, patience: float | None = None) -> None:
        """As `Client.close`."""
        run(self._client.close(reason, patience=patience))

    def kept(self) -> Event | None:
        """As `Client.kept`."""
        return self._client.kept()

    @property
    def error(self) -> Exception | None:
        """As `Client.error`."""
        return self._client.error

    @property
    def deadline(self) -> float:
        """As `Client.deadline`."""
        return self._client.deadline

    def fileno(self) -> int:
        """As `Client.fileno`."""
        return self._client.fileno()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        run(self._client.__aexit__(kind, error, trace))
