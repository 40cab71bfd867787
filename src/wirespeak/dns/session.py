"""A conversation of the DNS over TCP, without I/O (RFC 1035 4.2.2, RFC 7766): two bytes of length, then the message.

    00 1D │ a question of 29 bytes │ 00 1D │ the next, asked before the first is answered │ …

Bytes in, events out: `Messages`, or the error, `RemoteProtocolError` (`IncompleteMessage`) or `TimeoutError`. `Messages` in,
bytes out. What a message says is of no concern here, nor whether it says anything: the answers to one question may be many, as
those of a zone transfer are, and come in any order. The session is the same over TLS (RFC 7858).

Limits, deadlines and the way a connection ends are decided here. Pure: touches nothing outside.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from wirespeak.contract import ABORT, FINISH, Segment, Wake
from wirespeak.dns.messages import MAX_MESSAGE
from wirespeak.dns.states import CLIENT, SERVER, Event, State
from wirespeak.errors import IncompleteMessage, LocalProtocolError, RemoteProtocolError, TimeoutError

__all__ = ["ClientSession", "Messages", "ServerSession", "TcpLimits", "framed"]

# Messages in one event. The pump takes some dozens of events a turn, so that one connection has a few hundred questions answered
# before others have their turn: some milliseconds.
BATCH: Final = 8
# Questions of one connection that wait for their answers; more are not read. Resolvers keep a few dozen under way.
PIPELINED: Final = 128
# Bytes of answers that wait to be handed to the pump: past it, no more questions are given out before it has them. With a batch
# of the longest answers behind it, one connection holds some 600 KB.
ROOM: Final = 64 << 10
# Bytes that are read and dropped after our last word, so that it isn't lost to a reset (RFC 9293 3.6, RFC 1122 4.2.2.13).
LINGER_SIZE: Final = 1 << 20

# How HTTP opens a conversation: a web page may make its visitor's browser send a request to any port of the visitor's own machine,
# with a body of the page's choosing. No question begins so: it would be of 16,705 bytes at least, with flags that only answers
# have, or an opcode that there isn't.
HTTP_OPENING: Final = re.compile(rb"[A-Z]{3,7} /")
HTTP_OPENING_SIZE: Final = len(b"OPTIONS /")


@dataclass(slots=True, frozen=True)
class TcpLimits:
    """The bounds of one connection in time, in seconds.

    ``idle``: with no question unanswered. RFC 7766 6.2.3 asks for "a few seconds", and for more where there is room for it;
    BIND waits 30. ``message``: from the first byte of a question to its last; length and message are sent together (RFC
    7766 8), so what takes longer is no resolver. ``grace`` and ``rate``: answers have to be taken within the grace and a
    second more for each ``rate`` bytes. ``linger``: how long we wait, after our last word, for the peer to end its side too.
    """

    idle: float = 30.0
    message: float = 10.0
    grace: float = 10.0
    rate: int = 1024
    linger: float = 2.0


@dataclass(slots=True)
class Messages:
    """Whole messages, in their order, without the lengths in front: what came, or what is to be said."""

    messages: list[bytes]


def framed(messages: Iterable[bytes]) -> bytes:
    """The messages, each with its length in front. Raises `LocalProtocolError` for one of more than 65,535 bytes."""
    pieces: list[bytes] = []
    for message in messages:
        if len(message) > MAX_MESSAGE:
            raise LocalProtocolError(f"a message of {len(message):,} bytes; two bytes of length tell of {MAX_MESSAGE:,} at most")
        pieces.append(len(message).to_bytes(2, "big"))
        pieces.append(message)
    return b"".join(pieces)


class _Framing:
    """What came and is not yet taken, as the messages in it."""

    __slots__ = ("_at", "_data")

    def __init__(self) -> None:
        self._data = b""
        self._at = 0

    def feed(self, data: bytes) -> None:
        # What is left of the last read is less than a message, so little is copied.
        self._data = self._data[self._at :] + data if self._at < len(self._data) else data
        self._at = 0

    def take(self, most: int) -> list[bytes]:
        """The whole messages that are here, ``most`` of them at most."""
        data, at = self._data, self._at
        messages: list[bytes] = []
        while len(messages) < most:
            size = data[at : at + 2]
            end = at + 2 + int.from_bytes(size, "big")
            if len(size) < 2 or end > len(data):
                break
            messages.append(data[at + 2 : end])
            at = end
        self._at = at
        return messages

    def opening(self) -> bytes:
        return self._data[self._at : self._at + HTTP_OPENING_SIZE]

    def clear(self) -> None:
        self._data = b""
        self._at = 0

    def __len__(self) -> int:
        return len(self._data) - self._at


class ServerSession:
    """The server's side, a `contract.Session`.

    Each message that was given out is a question that waits to be dealt with, until `consumed` says so: meanwhile the
    connection isn't idle, and after the client's end it stays open for the answers.
    """

    __slots__ = (
        "_begun",
        "_discarded",
        "_due",
        "_eof",
        "_finishing",
        "_input",
        "_kept",
        "_opening",
        "_out",
        "_out_size",
        "_pending",
        "_read_by",
        "_state",
        "_wake",
        "_write_by",
        "limits",
    )

    def __init__(self, wake: Wake, limits: TcpLimits | None = None) -> None:
        self._wake = wake
        self.limits = limits or TcpLimits()
        self._state = State.OPEN
        self._input = _Framing()
        self._opening = True  # the first bytes have still to be looked at
        self._begun = False  # a message has begun, and is not whole
        self._kept = False  # there may be whole messages that were not given out yet
        self._due = 0
        self._out: list[Segment] = []
        self._out_size = 0
        self._pending = 0  # what the pump couldn't send yet
        self._discarded = 0
        self._eof = False
        self._finishing = False
        self._read_by = self._write_by = math.inf

    @property
    def deadline(self) -> float:
        return min(self._read_by, self._write_by)

    @property
    def closed(self) -> bool:
        return self._state is State.CLOSED

    @property
    def reading(self) -> bool:
        if self._eof or self._state is State.CLOSED:
            return False
        return self._state is State.LEFT or not (self._kept or self._pending or self._finishing or self._due >= PIPELINED)

    # --- what comes in

    def receive(self, data: bytes, now: float) -> Sequence[Any]:
        if self._state is not State.OPEN:
            return self._receive_late(data)
        if data:
            self._input.feed(data)
            if self._opening and self._is_http():
                return self._fail(RemoteProtocolError("an HTTP request, but the DNS is spoken here"), now)
        if self._pending or self._due >= PIPELINED or self._out_size > ROOM:
            self._kept = len(self._input) > 0
            self._read_by = math.inf  # it is our side, or the peer's slow reading, that is waited for
            return ()
        messages = self._input.take(min(BATCH, PIPELINED - self._due))
        if not messages:
            return self._await_more(now)
        self._state = SERVER[self._state, Event.QUESTION]
        self._begun = False
        self._kept = True
        self._due += len(messages)
        return (Messages(messages),)

    def _is_http(self) -> bool:
        """Whether it opens with an HTTP request. Asked until so many bytes came that it is clear."""
        came = self._input.opening()
        self._opening = len(came) < HTTP_OPENING_SIZE
        return HTTP_OPENING.match(came) is not None

    def _await_more(self, now: float) -> Sequence[Any]:
        """All that came whole is given out. When is more due?"""
        self._kept = False
        if self._eof:
            return self._ended(now)
        if self._finishing and not self._due:
            self._leave(now, Event.LEAVE)
        elif self._due:
            self._read_by = math.inf  # not idle (RFC 7766 6.2.3)
        elif not self._input:
            self._read_by = now + self.limits.idle
        elif not self._begun:
            self._begun = True
            self._read_by = now + self.limits.message
        return ()

    def _ended(self, now: float) -> Sequence[Any]:
        """The client asks no more; what it has asked is answered (RFC 7766 6.2.4)."""
        cut_short = len(self._input)
        self._input.clear()
        self._read_by = math.inf
        self._state = SERVER[self._state, Event.END]
        self._close_if_done()
        return (IncompleteMessage(f"the stream ended {cut_short:,} bytes into a message", clause="RFC 1035 4.2.2"),) if cut_short else ()

    def _receive_late(self, data: bytes) -> Sequence[Any]:
        """Bytes behind our end."""
        self._discarded += len(data)
        if self._discarded > LINGER_SIZE and self._state is State.LEFT:
            self._close()
        return ()

    def receive_eof(self, now: float) -> Sequence[Any]:
        self._eof = True
        if self._state is State.LEFT:
            self._close()
            return ()
        return self.receive(b"", now)

    def consumed(self, count: int) -> None:
        """``count`` questions are dealt with: answered, or not to be answered."""
        self._due -= count
        self._close_if_done()
        self._wake()

    # --- what goes out

    def send(self, message: Any) -> None:
        """Say `Messages`: answers, in any order."""
        if type(message) is not Messages:
            raise LocalProtocolError(f"over TCP a server of names sends Messages, not {message!r}")
        following = SERVER.get((self._state, Event.ANSWER))
        if following is None:
            raise LocalProtocolError("the conversation is over")
        data = framed(message.messages)
        if data:
            self._state = following
            self._out.append(data)
            self._out_size += len(data)
            self._wake()

    def data_to_send(self) -> Sequence[Segment]:
        if self._out_size > ROOM:
            self._wake()  # there is room again for what was kept
        out, self._out = self._out, []
        self._out_size = 0
        return out

    # --- the end

    def finish(self, now: float) -> None:
        self._finishing = True
        if self._state is State.OPEN and not self._due and not self._kept:
            self._leave(now, Event.LEAVE)

    def _leave(self, now: float, event: Event) -> None:
        """End our side, and wait for the peer to see it: to close with bytes unread would send a reset, which may destroy our
        last words on their way."""
        self._state = SERVER[self._state, event]
        self._out.append(FINISH)
        self._input.clear()
        self._kept = False
        self._read_by = now + self.limits.linger
        if self._eof:
            self._close()

    def _fail(self, error: Exception, now: float) -> Sequence[Any]:
        self._leave(now, Event.FAULT)
        return (error,)

    def _close_if_done(self) -> None:
        if self._state is State.ENDED and not self._due:
            self._close()

    def _close(self) -> None:
        self._state = SERVER[self._state, Event.CLOSE]
        self._read_by = math.inf

    def detach(self) -> None:
        """The pump is gone, and need not be woken any more."""
        self._wake = _nobody

    # --- time and room

    def tick(self, now: float) -> Sequence[Any]:
        if now >= self._write_by:
            self._out = [ABORT]
            self._state = State.CLOSED
            return (TimeoutError(f"the peer took next to nothing of {self._pending:,} bytes of answers"),)
        if now < self._read_by:
            return ()
        self._read_by = math.inf
        if self._state is State.LEFT:
            self._close()
        elif self._begun:
            return self._fail(TimeoutError(f"a message not whole after {self.limits.message:g} s: {len(self._input):,} bytes came"), now)
        else:
            self._leave(now, Event.LEAVE)  # idle for too long: in good order
        return ()

    def blocked(self, pending: int, now: float) -> None:
        if not pending:
            self._write_by = math.inf
        elif not self._pending:
            self._write_by = now + self.limits.grace
        elif pending < self._pending:
            taken = self._pending - pending
            self._write_by = min(now + self.limits.grace, self._write_by + taken / self.limits.rate)
        self._pending = pending

    def secured(self, info: Any) -> None:
        """The DNS is spoken over TLS from the start (RFC 7858 3.1), or not at all."""


def _nobody() -> None:
    """Wakes nobody."""


class ClientSession:
    """The client's side, a `contract.Session`: how long it waits, and for which answer, whoever asks decides."""

    __slots__ = ("_input", "_out", "_state", "_wake", "deadline", "reading")

    def __init__(self, wake: Wake = _nobody) -> None:
        self._wake = wake
        self._state = State.OPEN
        self._input = _Framing()
        self._out: list[Segment] = []
        self.reading = True
        self.deadline = math.inf

    @property
    def closed(self) -> bool:
        return self._state is State.CLOSED

    def receive(self, data: bytes, now: float) -> Sequence[Any]:
        if self.closed:
            return ()
        if data:
            self._input.feed(data)
        messages = self._input.take(BATCH)
        if not messages:
            return ()
        self._state = CLIENT[self._state, Event.ANSWER]
        return (Messages(messages),)

    def receive_eof(self, now: float) -> Sequence[Any]:
        told: list[Any] = []
        while events := self.receive(b"", now):
            told += events
        if cut_short := len(self._input):
            error = IncompleteMessage(f"the stream ended {cut_short:,} bytes into a message", clause="RFC 1035 4.2.2")
            told += self._over(Event.FAULT, error)
        elif not self.closed:
            self._over(Event.CLOSE)
        return told

    def _over(self, event: Event, *errors: Exception) -> Sequence[Any]:
        self._state = CLIENT[self._state, event]
        self._input.clear()
        self.reading = False
        return errors

    def send(self, message: Any) -> None:
        """Say `Messages`: questions."""
        following = CLIENT.get((self._state, Event.QUESTION))
        if type(message) is not Messages:
            raise LocalProtocolError(f"over TCP a client of the DNS sends Messages, not {message!r}")
        if following is None:
            raise LocalProtocolError("the conversation is over")
        self._state = following
        if data := framed(message.messages):
            self._out.append(data)
            self._wake()

    def data_to_send(self) -> Sequence[Segment]:
        out, self._out = self._out, []
        return out

    def finish(self, now: float) -> None:
        """Ask no more: the answers that are due may still come."""
        if self._state is State.OPEN:
            self._state = CLIENT[self._state, Event.LEAVE]
            self._out.append(FINISH)
            self._wake()

    def tick(self, now: float) -> Sequence[Any]:
        return ()

    def consumed(self, count: int) -> None:
        """Answers are given out as they come."""

    def blocked(self, pending: int, now: float) -> None:
        """Whoever asks waits for the answer, and not for its question to be taken."""

    def secured(self, info: Any) -> None:
        """The DNS is spoken over TLS from the start (RFC 7858 3.1), or not at all."""
