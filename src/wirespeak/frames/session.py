"""A conversation of frames, without I/O. Its two sides are alike, so there is one session for both.

Bytes in, events out: `Frames` with the messages that came, `End` where the peer says that no more follow, or the error:
`RemoteProtocolError` where it broke the protocol (`IncompleteMessage`: its stream ended too early), `TimeoutError` where it
was too slow. Messages in, bytes out: `Frames`, and once an `End`.

A read from a socket holds thousands of short messages. They are given out some at a time, one event for many, so an
event costs next to nothing a message, and who answers can't be made to pile up answers faster than the peer takes them.

Limits, deadlines and the way a conversation ends are decided here; what to answer is not. Clauses: "frames 6" is rule 6 of
this package's README. Pure: touches nothing outside.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from wirespeak.buffer import Buffer
from wirespeak.contract import ABORT, FINISH, Segment, Wake
from wirespeak.errors import LocalProtocolError, RemoteProtocolError, TimeoutError
from wirespeak.frames.grammar import HTTP_OPENING, HTTP_OPENING_SIZE
from wirespeak.frames.messages import CLASSIC, Dialect, End, Ending, Frames
from wirespeak.frames.states import READS, WRITES, Event, Reads, Writes

__all__ = ["FramesLimits", "FramesSession"]

# Messages in one event. More would save little (the event is 2 % of their cost), and let more answers pile up before the
# peer must take some.
BATCH = 64
# Bytes on the wire of messages given out and not yet consumed: what one connection may hold for a slow handler.
WINDOW = 256 << 10
# Answers that wait to be handed to the pump. Past it, no more messages are given out before it has them.
ROOM = 256 << 10
# Bytes that are read and dropped after our last word, so that it isn't lost to a reset (RFC 9293 3.6, RFC 1122 4.2.2.13).
LINGER_SIZE = 16 << 20


@dataclass(slots=True, frozen=True)
class FramesLimits:
    """The bounds of one conversation in time, in seconds. How long a message may be is the dialect's.

    ``idle``: between two messages, long enough for a person at a keyboard. ``grace`` and ``rate``: a message once begun has
    to come, and output to be taken, within the grace and a second more for each ``rate`` bytes of it: slower than any
    line in use, faster than an attacker who holds connections open likes. ``linger``: how long we wait, after our last
    word, for the peer to end its side too.
    """

    idle: float = 300.0
    grace: float = 20.0
    rate: int = 1024
    linger: float = 2.0


UNLIMITED = FramesLimits(idle=math.inf, grace=math.inf)
"""For a client: how long it waits, and for what, its caller says."""


class FramesSession:
    """A `contract.Session`. With ``refuse_http`` a peer that opens like a browser is turned away (frames 7): servers do."""

    __slots__ = (
        "_at",
        "_data",
        "_dialect",
        "_discarded",
        "_eof",
        "_finishing",
        "_input",
        "_limits",
        "_needed",
        "_opening",
        "_out",
        "_out_size",
        "_pending",
        "_read_by",
        "_reads",
        "_unconsumed",
        "_wake",
        "_write_by",
        "_writes",
        "closed",
        "reading",
    )

    def __init__(self, wake: Wake, dialect: Dialect = CLASSIC, limits: FramesLimits | None = None, *, refuse_http: bool = False) -> None:
        self._wake = wake
        self._dialect = dialect
        self._limits = limits or FramesLimits()
        self._input = Buffer()  # what came and isn't a whole message yet
        self._needed = 1  # bytes that must be in it before there can be one
        self._data = b""  # whole messages, given out up to `_at`
        self._at = 0
        self._opening = refuse_http
        self._reads = Reads.OPEN
        self._writes = Writes.OPEN
        self._out: list[Segment] = []
        self._out_size = 0
        self._pending = 0  # what the pump couldn't send yet
        self._unconsumed = 0
        self._discarded = 0
        self._eof = False
        self._finishing = False
        self._read_by = self._write_by = math.inf  # when something is due
        self.reading = True
        self.closed = False

    @property
    def deadline(self) -> float:
        return min(self._read_by, self._write_by)

    @property
    def crowded(self) -> bool:
        """Whether so much output waits that whoever adds to it should first wait for room."""
        return self._out_size + self._pending > ROOM

    # --- what comes in

    def receive(self, data: bytes, now: float) -> Sequence[Any]:
        if self._reads is not Reads.OPEN or self.closed:
            return self._receive_late(data, now)
        if data:
            self._input.feed(data)
            if self._opening and self._is_http():
                return self._fail(RemoteProtocolError("an HTTP request, but frames are spoken here", clause="frames 7"), now)
        if self._at == len(self._data):
            if len(self._input) < self._needed:
                return self._await_more(now)
            self._data = self._input.rest()
            self._at = 0
            self._needed = 1
        if self._pending or self._unconsumed >= WINDOW or self.crowded:
            self._read_by = math.inf  # it is our side that waits
            self._follow()
            return ()
        at = self._at
        messages, self._at = self._dialect.read(self._data, at, BATCH)
        if not messages:
            return self._stopped(now)
        self._opening = False
        size = self._at - at
        self._unconsumed += size
        return (Frames(messages, size),)

    def _is_http(self) -> bool:
        """Whether the conversation opens with an HTTP request (frames 7). Asked until so many bytes came that it is clear."""
        came = self._input.peek()[:HTTP_OPENING_SIZE]
        self._opening = len(came) < HTTP_OPENING_SIZE
        return HTTP_OPENING.match(came) is not None

    def _stopped(self, now: float) -> Sequence[Any]:
        """No message stands where the next should: it isn't whole, or it is the end, or it is broken."""
        try:
            found = self._dialect.look(self._data, self._at)
        except RemoteProtocolError as error:
            return self._fail(error, now)
        rest, late = self._data[self._at :], self._input.rest()  # late: given by a pump that did not mind `reading`
        self._data, self._at = b"", 0
        if isinstance(found, End):
            if late or self._dialect.behind_end(rest) != len(rest):
                return self._fail(_behind_end(), now)
            return self._ended()
        self._input.feed(rest)
        self._input.feed(late)
        self._needed = found
        self._read_by = math.inf  # another message: its time begins now
        return self.receive(b"", now)

    def _await_more(self, now: float) -> Sequence[Any]:
        """All that came whole is given out. When is more due?"""
        self._data, self._at = b"", 0
        if self._eof:
            if error := self._dialect.cut_off(self._input.peek()):
                return self._fail(error, now)
            return self._ended()
        if self._finishing and not self._unconsumed:
            self._leave(now)
            return ()
        self._follow()
        if not self.reading or self._unconsumed:
            self._read_by = math.inf
        elif not self._input:
            self._read_by = now + self._limits.idle
        elif self._read_by == math.inf:
            self._read_by = now + self._limits.grace + self._needed / self._limits.rate
        return ()

    def _ended(self) -> Sequence[Any]:
        """The peer says no more."""
        self._reads = READS[self._reads, Event.END]
        self._read_by = math.inf
        self._close_if_done()
        return (End(),)

    def _receive_late(self, data: bytes, now: float) -> Sequence[Any]:
        """Bytes behind the peer's end, or behind a fault."""
        if self.closed:
            return ()
        if self._reads is Reads.OVER:
            return self._fail(_behind_end(), now) if data else ()
        self._discarded += len(data)
        if self._discarded > LINGER_SIZE:
            self._close()
        return ()

    def receive_eof(self, now: float) -> Sequence[Any]:
        self._eof = True
        self.reading = False
        if self._reads is Reads.OPEN:
            return self.receive(b"", now)
        if self._reads is Reads.DISCARD:
            self._close()
        return ()

    def consumed(self, count: int) -> None:
        self._unconsumed -= count
        if self._unconsumed < WINDOW:
            self._wake()

    # --- what goes out

    def send(self, message: Any) -> None:
        """Say `Frames`, or the `End`."""
        kind = type(message)
        if kind is Frames:
            if (self._writes, Event.MESSAGE) not in WRITES:
                raise LocalProtocolError("nothing can be said after the end")
            encoded = self._dialect.encode(message.messages)
            if encoded:
                self._out.append(encoded)
                self._out_size += len(encoded)
                self._wake()
        elif kind is End:
            following = WRITES.get((self._writes, Event.END))
            if following is None:
                raise LocalProtocolError("the end has been said already")
            self._say_end()
            self._writes = following
            self._close_if_done()
            self._wake()
        else:
            raise LocalProtocolError(f"a session of frames sends Frames or End, not {message!r}")

    def _say_end(self) -> None:
        """Say the end as the dialect has it. The word closes both directions at once, so it is not said in return (frames 5)."""
        if not (self._dialect.end is Ending.WORD and self._reads is Reads.OVER) and (said := self._dialect.encode_end()):
            self._out.append(said)
        self._out.append(FINISH)

    def data_to_send(self) -> Sequence[Segment]:
        out = self._out
        if not out:
            return ()
        if self.crowded:
            self._wake()  # there is room again for what was kept
        self._out = []
        self._out_size = 0
        return out

    # --- the end

    def fail(self) -> None:
        """Cut the conversation off: what was said so far is not the whole."""
        self._out = [ABORT]
        self.closed = True
        self._wake()

    def finish(self, now: float) -> None:
        self._finishing = True
        self.reading = False
        if self._reads is Reads.OPEN and not self._unconsumed and self._at == len(self._data):
            self._leave(now)

    def _leave(self, now: float) -> None:
        """End our side, and wait for the peer to see it."""
        if self._writes is Writes.OPEN:
            self.send(End())
        self._reads = READS[self._reads, Event.LEAVE]
        self._linger(now)

    def _fail(self, error: Exception, now: float) -> Sequence[Any]:
        """frames 6: a fault is answered by ending the stream, behind what was answered before; there is no word for it."""
        if self._writes is Writes.OPEN:
            self._writes = WRITES[self._writes, Event.FAULT]
            self._out.append(FINISH)
        self._reads = READS[self._reads, Event.FAULT]
        self._linger(now)
        return (error,)

    def _linger(self, now: float) -> None:
        """Throw away what still comes. To close with it unread would send a reset, which may destroy our last words on their way."""
        self._input.clear()
        self._data, self._at = b"", 0
        self._read_by = now + self._limits.linger
        self.reading = not self._eof
        if self._eof:
            self._close()

    def _close_if_done(self) -> None:
        if self._reads is Reads.OVER and self._writes is Writes.OVER:
            self._close()

    def _close(self) -> None:
        self._reads = READS[self._reads, Event.CLOSE]
        self.reading = False
        self.closed = True

    # --- time and room

    def tick(self, now: float) -> Sequence[Any]:
        if now >= self._write_by:
            self.fail()
            return (TimeoutError(f"the peer took next to nothing of {self._pending:,} bytes that wait for it"),)
        if now < self._read_by:
            return ()
        self._read_by = math.inf
        if self._reads is Reads.DISCARD:
            self._close()
        elif self._input:
            return self._fail(TimeoutError(f"a message did not come in time: {len(self._input):,} of {self._needed:,} bytes came"), now)
        else:
            self._leave(now)  # idle for too long: in good order
        return ()

    def blocked(self, pending: int, now: float) -> None:
        if not pending:
            self._write_by = math.inf
        elif not self._pending:
            self._write_by = now + self._limits.grace
        elif pending < self._pending:
            taken = self._pending - pending
            self._write_by = min(now + self._limits.grace, self._write_by + taken / self._limits.rate)
        self._pending = pending
        self._follow()

    def _follow(self) -> None:
        """Read only while what comes can be dealt with: that is backpressure."""
        if self._eof or (self._finishing and self._reads is Reads.OPEN):
            self.reading = False
        elif self._reads is Reads.OPEN:
            self.reading = not self._pending and self._unconsumed < WINDOW and self._at == len(self._data)
        else:
            self.reading = not self.closed

    def secured(self, info: Any) -> None:
        """Frames are spoken over TLS from the start or not at all."""


def _behind_end() -> RemoteProtocolError:
    return RemoteProtocolError("bytes behind the end: nobody reads them", clause="frames 5")
