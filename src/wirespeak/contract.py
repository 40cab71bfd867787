"""The one contract between a conversation and what carries it.

A *session* is a conversation without I/O: bytes go in, events come out; messages go in, bytes come out. It has no
socket, file, clock or event loop; the time is handed to it. A *pump* (``sockets/aio.py``, ``sockets/blocking.py``,
``sockets/memory.py``) carries the bytes and knows nothing of the protocol. Whatever speaks a protocol in this project,
client or server, is a `Session`, so every pump drives every protocol.

    socket ──bytes──▶ pump ──receive(data, now)──▶ session ──events──▶ server or client
    socket ◀──bytes── pump ◀──data_to_send()────── session ◀──send(message)── server or client

What speaks with many peers at once (a race of connects, a resolver) is a `Machine`; what answers single datagrams is
a `Responder`, and what asks them an `Inquiry`. This file holds the shapes only, and imports no one.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Literal, Protocol

__all__ = [
    "ABORT",
    "FINISH",
    "Ask",
    "AsyncLock",
    "Attentive",
    "Conversation",
    "Drop",
    "End",
    "FileSlice",
    "HasFileno",
    "Inquiry",
    "Link",
    "Machine",
    "Network",
    "Relaying",
    "Responder",
    "Segment",
    "Service",
    "Session",
    "Signal",
    "StartTLS",
    "Stream",
    "Urgent",
    "Wake",
    "size_of",
]


class HasFileno(Protocol):
    """An open file, as far as a pump needs to know it. It is closed when the last slice of it is dropped."""

    def fileno(self) -> int: ...


@dataclass(slots=True)
class FileSlice:
    """``count`` bytes of ``file`` from ``offset`` on, sent without passing through Python (sendfile) where that can be."""

    file: HasFileno
    offset: int
    count: int


@dataclass(slots=True)
class Urgent:
    """Bytes whose last one is marked urgent (RFC 9293 3.8.5): Telnet's Synch (RFC 854) is sent so."""

    data: bytes


class End(Enum):
    """How our side of a connection ends."""

    FINISH = "finish"
    ABORT = "abort"


FINISH: Final = End.FINISH
"""After the bytes before it the pump sends FIN and goes on reading (half-close)."""

ABORT: Final = End.ABORT
"""The pump drops what still waits and cuts the connection off (RST), so that the peer can't take half for the whole."""

Segment = bytes | FileSlice | Urgent | End

Wake = Callable[[], None]
"""Handed to a session when it is made; called when output, an earlier deadline, or room for reading arose outside a
call of the pump's (a message fanned out to many, the answer of a late handler)."""


def size_of(segment: Segment) -> int:
    """The number of bytes that ``segment`` puts on the wire."""
    if type(segment) is bytes:
        return len(segment)
    if type(segment) is FileSlice:
        return segment.count
    return len(segment.data) if type(segment) is Urgent else 0


@dataclass(slots=True, frozen=True)
class StartTLS:
    """Event: TLS is agreed on, and from here on nothing more is said in clear.

    Who is told of it, and has the certificates, calls `Link.start_tls` or `Stream.start_tls`; once the handshake is
    done the pump calls `Session.secured`. Until then the session reads nothing. Bytes that came in clear behind the
    agreement it drops, and never reads them as if they had been encrypted (the flaw of CVE-2011-0411).
    """


class Session(Protocol):
    """One side of one conversation, without I/O. Times are seconds on a clock that only goes forward.

    An implementation raises nothing for what the peer does: a broken protocol is answered as the protocol says and
    told as an event. It raises `LocalProtocolError` for a message that may not be sent now.
    """

    @property
    def deadline(self) -> float:
        """When `tick` wants to be called, if nothing happens before; ``math.inf`` for never. Read after every call."""
        ...

    @property
    def reading(self) -> bool:
        """False while more input is not wanted: an answer is awaited and enough is kept, a body is not yet `consumed`,
        or the output has no room. The pump then reads nothing, and so the peer is slowed down: that is backpressure.
        """
        ...

    @property
    def closed(self) -> bool:
        """True once the conversation is over: the pump sends what is left and closes the connection."""
        ...

    def receive(self, data: bytes, now: float) -> Sequence[Any]:
        """Take in ``data`` and return the events in it, in order.

        Stops after an event whose answer decides what follows and keeps the rest, bounded; ``receive(b"", now)``
        goes on from there. A pump calls it so until nothing comes, once its events are handled.
        """
        ...

    def receive_eof(self, now: float) -> Sequence[Any]:
        """The peer has finished its side (FIN). It may still be listening."""
        ...

    def send(self, message: Any) -> None:
        """Say ``message``; its bytes wait in `data_to_send`. Raises `LocalProtocolError` where it is not allowed."""
        ...

    def data_to_send(self) -> Sequence[Segment]:
        """What is to be sent now, each segment given out once."""
        ...

    def tick(self, now: float) -> Sequence[Any]:
        """The deadline has come (a call too early does no harm)."""
        ...

    def consumed(self, count: int) -> None:
        """``count`` bytes of body, given out as events, have been dealt with: there is room for as many again."""
        ...

    def blocked(self, pending: int, now: float) -> None:
        """``pending`` bytes of output wait for the peer to take them; 0 when none do any more.

        Told when output first has to wait, whenever some of it has gone, and when all has: so that the session can
        slow down its sources, and can end a conversation with a peer that takes nothing, or next to nothing.
        """
        ...

    def secured(self, info: Any) -> None:
        """The handshake after `StartTLS` succeeded; ``info`` says what was agreed on (``sockets.tls.TLSInfo``)."""
        ...

    def finish(self, now: float) -> None:
        """The program is about to stop: end the conversation in good order as soon as what runs is done."""
        ...


class Attentive(Protocol):
    """What a `Session` may be besides, by having these methods: one that wants to know of a peer more than the bytes in their order.

    Telnet's is (its Synch, RFC 854). The pumps ask once whether a session is; the others pay nothing for it.
    """

    def urgent(self, ahead: bool) -> None:
        """Urgent data lie ``ahead`` (RFC 9293 3.8.5): behind what the next `receive` is given, and what was given before.
        Told before each `receive` of bytes; and, as far as the system tells of it, as soon as they come while nothing is read.
        """
        ...

    def deserted(self) -> None:
        """The peer has ended its stream, behind bytes that aren't read for now; it may be gone, or be listening still."""
        ...


class Relaying(Protocol):
    """What a `Session` may be besides, by having this method: one whose output is caused by others, as a message to a channel is said to
    a thousand. Such output needs no whole turn. IRC's is.
    """

    def lone_output(self) -> bytes | None:
        """What is to be sent now, where a turn would find nothing but that: no event, and `deadline`, `reading` and `closed` as they
        were when the last turn ended. None where it might, or where there is nothing.
        """
        ...


class Responder(Protocol):
    """What answers datagrams: one question, at most one answer, nothing kept in between."""

    def answer(self, data: bytes, peer: Any, now: float) -> bytes | None: ...


class Machine(Protocol):
    """What speaks with several peers at once: inputs in, commands out (open, close, send), and a deadline.

    `sockets.race.Race` is one. Its inputs and commands are its own; only the passing of time is common to all.
    """

    @property
    def deadline(self) -> float: ...

    def tick(self, now: float) -> Sequence[Any]: ...


@dataclass(slots=True, frozen=True)
class Ask:
    """Command of an `Inquiry`: open a conversation named ``key`` with a peer, and say ``data`` there.

    ``host`` is an IP address: nothing is looked up. Over UDP the socket is connected, so that nobody else is heard, and its
    port is its own, drawn at random by the system (RFC 5452 9.2).
    """

    key: int
    transport: Literal["udp", "tcp"]
    host: str
    port: int
    data: bytes


@dataclass(slots=True, frozen=True)
class Drop:
    """Command of an `Inquiry`: close the conversation ``key``; no more is wanted of it."""

    key: int


class Inquiry(Machine, Protocol):
    """A machine that asks peers, several at once, and listens to their answers until it is `done`.

    Each call gives the commands to carry out, `Ask` and `Drop`. It raises nothing for what a peer does. A conversation that
    is neither dropped nor failed when the inquiry is done is closed then.
    """

    @property
    def done(self) -> bool: ...

    def start(self, now: float) -> Sequence[Ask | Drop]: ...

    def heard(self, key: int, data: bytes, now: float) -> Sequence[Ask | Drop]:
        """A datagram came, or, over TCP, the next bytes of the stream."""
        ...

    def failed(self, key: int, error: Exception, now: float) -> Sequence[Ask | Drop]:
        """The conversation could not be opened, or is over (the end of a TCP stream too); it is closed already."""
        ...

    def tick(self, now: float) -> Sequence[Ask | Drop]: ...


# --- how a server is joined to a pump


class Link(Protocol):
    """A pump, as the server at its other end sees it: one connection."""

    peer: Any
    tls: Any

    @property
    def local(self) -> Any:
        """Our own address on this connection."""
        ...

    def wake(self) -> None:
        """Hand this to the session as its `Wake`."""
        ...

    async def room(self) -> None:
        """Return once the output has room: who awaits this before each piece never fills the memory."""
        ...

    def start(self, coroutine: Coroutine[Any, Any, None]) -> Any:
        """Run a coroutine as a task of its own; its first step is taken now where that is safe. It can be cancelled."""
        ...

    def future(self) -> Any:
        """Something to await until it is set, for a handler that waits for input."""
        ...

    def start_tls(self, context: Any) -> None:
        """Send what the session has to send, then shake hands with the server context given."""
        ...

    def abort(self) -> None:
        """Cut the connection off without another word (RST)."""
        ...


class Conversation(Protocol):
    """The server's half of one connection: it owns the session, and decides what the events lead to."""

    session: Session

    def handle(self, event: Any) -> None: ...

    def lost(self, error: Exception | None) -> None:
        """The connection is over, for whatever reason; called once. None where it ended in good order."""
        ...


Service = Callable[[Link], Conversation]
"""What a listener asks for each connection that it accepts."""


# --- how a client is joined to the world


class Stream(Protocol):
    """A connection, as a client's policy sees it: one operation."""

    peer: Any
    tls: Any

    async def exchange(self, segments: Sequence[Segment], deadline: float | None, *, read: bool = True) -> bytes | None:
        """Write what can be written and return what came.

        Returns as soon as bytes came; or ``b""`` once everything is written, where there was something to write; or
        None at the peer's end of stream. What is not yet written when bytes come is kept and goes on with the next call
        (`unsent` counts it). With nothing to write it waits for bytes; with ``read`` false it reads none.
        Raises `TimeoutError` at ``deadline``, `ConnectionLost` when the connection is cut off.
        """
        ...

    @property
    def unsent(self) -> int: ...

    @property
    def urgent(self) -> bool:
        """Whether urgent data (RFC 9293 3.8.5) lie behind all that was read."""
        ...

    async def start_tls(self, context: Any, server_name: str, deadline: float | None) -> None:
        """Shake hands for TLS in the middle of the stream. Raises `TLSError`."""
        ...

    def stale(self) -> bool:
        """Whether an idle stream is of no more use: the peer ended it, or said something unasked."""
        ...

    async def close(self) -> None: ...


class AsyncLock(Protocol):
    """Held by one at a time: ``async with lock: ...``."""

    async def __aenter__(self) -> Any: ...
    async def __aexit__(self, kind: Any, error: Any, trace: Any, /) -> Any: ...


class Signal(Protocol):
    """Given once, by anyone; waited for by one. How callers wait for each other (for a connection of a pool, say)."""

    def give(self) -> None: ...

    async def wait(self, deadline: float | None) -> bool:
        """Whether it was given before ``deadline``."""
        ...


class Network(Protocol):
    """The world, as a client's policy sees it (law: policy is written once, over this).

    On the blocking network no await ever suspends, so a coroutine over it runs to its end in one go.
    """

    def now(self) -> float:
        """Seconds on a clock that only goes forward."""
        ...

    async def sleep(self, seconds: float) -> None: ...

    def lock(self) -> AsyncLock: ...

    def signal(self) -> Signal: ...

    async def connect(
        self, host: str, port: int, *, deadline: float | None = None, tls: Any = None, server_name: str | None = None
    ) -> Stream:
        """Connect over TCP, and shake hands where ``tls`` (a client context) is given.

        Raises `ConnectError` (`HostNotFound`), `TLSError`, `TimeoutError`.
        """
        ...

    async def inquire(self, inquiry: Inquiry, deadline: float | None = None) -> None:
        """Carry out what ``inquiry`` commands until it is done. Raises `TimeoutError` at ``deadline``."""
        ...
