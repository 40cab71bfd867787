"""The server's side of an IRC connection, without I/O. The client's is in ``client_session.py``.

Bytes in, events out, one at a time, as each command's answer may decide what follows (QUIT, a password): a `Message` that is
legal in form; `TooLong`, `NotUtf8`, `Malformed` for a line that is dropped; `Ended`, once, where the connection ends by itself.
Bytes out: `ServerSession.queue` takes lines that are made already, as one message goes to many; `send` makes one of a `Message`.

What is decided here is time and room, by ``limits.py``: when a silent peer is asked (PING) and when it is given up, how fast commands
are taken, how much may wait in either direction, and how a connection ends. What commands do is the server's.

Pure: touches nothing outside.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

from wirespeak.buffer import Buffer
from wirespeak.contract import ABORT, FINISH, Segment, Wake
from wirespeak.errors import LocalProtocolError, RemoteProtocolError
from wirespeak.irc.commands import cost_of
from wirespeak.irc.grammar import HTTP_VERBS, LINE, TAG_PART
from wirespeak.irc.limits import CROWDED, ENDLESS, KEPT, LINGER_SIZE, LINGER_TIME, STOPPING_TIME, ServerLimits
from wirespeak.irc.messages import Ended, Malformed, Message, NotUtf8, TooLong, parse_tags
from wirespeak.irc.states import ASKED, BUSY, CLOSING, CONNECTED, OVER, SERVER, Event, State

__all__ = ["Lines", "ServerSession"]

NEVER: Final = math.inf
SOON: Final = -math.inf
"""A deadline whose time is still to be set, by the `tick` that it calls for: who set it didn't know the time."""

LONGEST: Final = TAG_PART + LINE
HELD: Final = frozenset({ASKED, BUSY})


class Lines:
    """Lines that wait for many receivers alike. More may be added until they are sent to one: then all are sent the same bytes.

    `size` is what they count for in a send queue: what is added isn't counted. It is little, as they are sent at the end of the turn, and
    it is held once for all.
    """

    __slots__ = ("_lines", "_whole", "size")

    def __init__(self, line: bytes) -> None:
        self._lines = [line]
        self._whole = b""
        self.size = len(line)

    @property
    def sent(self) -> bool:
        """Whether they were sent to one: then no more may be added."""
        return bool(self._whole)

    def add(self, line: bytes) -> None:
        self._lines.append(line)

    def take(self) -> bytes:
        if not self._whole:
            self._whole = b"".join(self._lines)
        return self._whole


class ServerSession:
    """A `contract.Session`: one client's connection.

    ``name`` is the server's own, as it stands in PING. `exempt` may be set: then no command costs any time. `host` is what the peer is
    called in our last word.
    """

    __slots__ = (
        "_burst",
        "_dropped",
        "_eof",
        "_first",
        "_heard",
        "_input",
        "_last",
        "_limits",
        "_linger",
        "_linger_by",
        "_more",
        "_more_at",
        "_most",
        "_name",
        "_paid",
        "_pending",
        "_quiet_by",
        "_reason",
        "_register_by",
        "_size",
        "_starved",
        "_tags_too_long",
        "_wake",
        "closed",
        "deadline",
        "exempt",
        "host",
        "reading",
        "state",
    )

    def __init__(self, wake: Wake, limits: ServerLimits | None = None, *, name: str = "irc.home.test", host: str = "") -> None:
        self._wake = wake
        self._limits = limits or ServerLimits()
        self._name = name
        self.host = host
        self.state: State = CONNECTED
        self.exempt = False

        # What comes in.
        self._input = Buffer()
        self._dropped = 0  # bytes of a line that is too long, or of what comes after our last word
        self._tags_too_long = False  # whether it was that line's tags that were
        self._burst = self._limits.burst
        self._paid = 0.0  # the time by which what was said is paid for
        self._starved = False  # all that came whole is given out, and nothing is to be heard of but output
        self._eof = False
        self._reason = ""  # why the connection ends by itself, until that is told

        # What goes out.
        self._size = 0  # of what waits for the pump to come for it
        self._first = b""  # of that the first line, and nearly always all
        self._more: list[bytes | Lines] = []
        self._pending = 0  # what the pump couldn't send yet
        self._most = self._limits.early_send_queue  # and what there may be beside that
        self._last: Segment | None = None  # how it all ends

        # The times by which something is due; the deadline is the earliest.
        self._heard = 0.0
        self._register_by = self._quiet_by = self._more_at = self._linger_by = NEVER
        self._linger = LINGER_TIME
        self.deadline = NEVER
        self.reading = True
        self.closed = False

    # --- what comes in

    def receive(self, data: bytes, now: float) -> Sequence[Any]:
        if self.state >= CLOSING:
            return self._discard(len(data))
        if data:
            self._heard = now
            self._starved = False
            self._input.feed(data)
        elif self.state is CONNECTED and self._register_by == NEVER:
            self._register_by = now + self._limits.register_time
            self._follow()
        if self._reason:
            return self._end(self._reason)
        return self._take(now)

    def _take(self, now: float) -> Sequence[Any]:
        """The next event, if it is time for it."""
        waiting = self._input
        while waiting:
            if self.state in HELD or self._pending + self._size > CROWDED:
                self.reading = not self._eof and len(waiting) < KEPT
                return ()
            if now < self._paid - self._burst:
                return self._wait()
            line = waiting.until(b"\n", LONGEST)
            if line is None:
                if not waiting.overfull(LONGEST):
                    break
                piece = waiting.at_most(LONGEST)
                if not self._dropped:
                    self._tags_too_long = piece[:1] == b"@" and b" " not in piece[:TAG_PART]
                self._dropped += len(piece)
                if self._dropped > ENDLESS:
                    return self._break_off("Input line was too long")
            elif self._dropped:  # the end of a line that was too long
                event: Any = TooLong(self._tags_too_long)
                self._dropped = 0
                self._charge("", now)
                return (event,)
            else:
                event = self._read(line[:-2] if line.endswith(b"\r\n") else line[:-1], now)
                if event is not None:
                    return (event,)
                if self.state >= CLOSING:
                    return ()
        if self._eof and self.state not in HELD:
            return self._end("Connection closed")
        self.reading = not self._eof
        self._starved = self.state is not CONNECTED and not self._eof
        return ()

    def _read(self, line: bytes, now: float) -> Any:
        """What a line without its end says; None where that is nothing (Modern IRC: an empty message is ignored)."""
        if self.state is CONNECTED and line:
            if line.split(b" ", 1)[0].decode("latin-1") in HTTP_VERBS:
                self._step(Event.HTTP)
                self._leave()
                return None
            self._step(Event.LINE)
        if len(line) > LINE - 2:
            tags = line.index(b" ") + 1 if line[:1] == b"@" and b" " in line else 0
            if tags > TAG_PART or len(line) - tags > LINE - 2:
                self._charge("", now)
                return TooLong(tags > TAG_PART, _label_in(line))
        try:
            text = line.decode()
        except UnicodeDecodeError:
            self._charge("", now)
            return NotUtf8(_command_in(line), _label_in(line))
        if not text or text.isspace():
            return None
        try:
            message = Message.parse(text)
        except RemoteProtocolError as error:
            self._charge("", now)
            return Malformed(error, _command_in(line), _label_in(line) if error.code else "")
        if not self.exempt:
            self._charge(message.command, now)
        return message

    def _charge(self, command: str, now: float) -> None:
        self._paid = (self._paid if self._paid > now else now) + cost_of(command)

    def _wait(self) -> Sequence[Any]:
        """What was said has to be paid for by time, before more is heard (RFC 1459 8.10)."""
        if self._eof:
            return self._break_off("Connection closed")
        if len(self._input) > self._limits.receive_queue:
            return self._break_off("Excess Flood")
        self._more_at = self._paid - self._burst
        self._follow()
        self.reading = True
        return ()

    def receive_eof(self, now: float) -> Sequence[Any]:
        self._eof = True
        self._starved = False
        self.reading = False
        if self.state is CLOSING:
            self._settle()
            return ()
        return self._take(now)

    def hold(self) -> None:
        """No further event is given out until `release`: a command waits for a verdict that is made elsewhere."""
        self._step(Event.HOLD)

    def release(self) -> None:
        """The verdict is there: what came meanwhile is taken up."""
        if self._step(Event.RELEASE):
            self._wake()

    def registered(self) -> None:
        """The peer is welcome: from now on it is a user, with a user's limits."""
        if not self._step(Event.WELCOME):
            return
        self._register_by = NEVER
        self._quiet_by = self._heard + self._limits.ping_after
        self._most = self._limits.send_queue - self._pending
        self._follow()

    def consumed(self, count: int) -> None:
        """Nothing here comes in pieces."""

    @property
    def heard_more(self) -> bool:
        """Whether more has come than is given out: another command, or the beginning of one."""
        return bool(self._input)

    # --- what goes out

    def queue(self, data: bytes) -> None:
        """Say lines that are made already. What goes past the bound of the send queue ends the connection."""
        waits = self._size
        size = waits + len(data)
        if size > self._most:
            self._exceeded()
            return
        self._size = size
        if waits:
            self._more.append(data)
        else:
            self._first = data
            self._wake()

    def share(self, lines: Lines) -> None:
        """Say ``lines``, as `queue`."""
        waits = self._size
        size = waits + lines.size
        if size > self._most:
            self._exceeded()
            return
        self._size = size
        self._more.append(lines)
        if not waits:
            self._wake()

    def send(self, message: Any) -> None:
        """Say a `Message`. Raises `LocalProtocolError` for one that is not legal in form."""
        if not isinstance(message, Message):
            raise LocalProtocolError(f"an IRC session sends a Message, not {message!r}")
        self.queue(message.encode())

    @property
    def waiting(self) -> int:
        """Bytes that wait to be taken by the peer: who has much to say says it in pieces, and looks here between them."""
        return self._size + self._pending

    def data_to_send(self) -> Sequence[Segment]:
        if self._size + self._pending > CROWDED and not self._starved:
            self._wake()  # there may be room again for what was kept
        segments = (self._joined(),) if self._size else ()
        if self._last is None:
            return segments
        last, self._last = self._last, None
        return (*segments, last)

    def lone_output(self) -> bytes | None:
        """`contract.Relaying`: on the path of each message that others send."""
        if not self._starved:
            return None
        if self._more:
            return self._joined()
        data, self._first = self._first, b""
        self._size = 0
        return data

    def _joined(self) -> bytes:
        """All that waits."""
        parts = [part.take() if isinstance(part, Lines) else part for part in self._more]
        if self._first:
            parts.insert(0, self._first)
        self._drop()
        return b"".join(parts)

    def _drop(self) -> None:
        self._first = b""
        self._more = []
        self._size = 0

    def _exceeded(self) -> None:
        """Too much waits, or nothing may be said any more: then what is said is dropped."""
        if self.state < CLOSING and not self._reason:
            self._drop()  # whole lines only: what the pump has already is sent, and then our last word
            self._reason = "SendQ exceeded"
            self._starved = False
            self._wake()
        self._most = -1

    # --- the end

    def close(self, reason: str) -> None:
        """Say ``ERROR :Closing Link: …`` (Modern IRC, ERROR), and end the connection in good order. No `Ended` is told of it."""
        if self.state >= CLOSING:
            return
        last = Message("ERROR", [f"Closing Link: {self.host or self._name} ({' '.join(reason.split())})"]).encode()
        self._more.append(last)
        self._size += len(last)
        self._step(Event.ERROR)
        self._leave()
        self._wake()

    def finish(self, now: float) -> None:
        self._linger = STOPPING_TIME
        self.close("Server shutting down")

    def _end(self, reason: str) -> Sequence[Any]:
        """The connection ends by itself: our last word is said, and why is told."""
        if self.state >= CLOSING:
            return ()
        self.close(reason)
        return (Ended(reason),)

    def _break_off(self, reason: str) -> Sequence[Any]:
        """The same where something still waits to be heard, and isn't."""
        self._input.clear()
        return self._end(reason)

    def _leave(self) -> None:
        """After our last word: whatever comes is dropped, until the peer ends its side too, or for as long as that may take."""
        self._input.clear()
        self._dropped = 0
        self._reason = ""
        self._most = -1
        self._last = FINISH
        self._register_by = self._quiet_by = self._more_at = NEVER
        self._linger_by = SOON
        self.reading = not self._eof
        self._follow()

    def _settle(self) -> None:
        """Both sides have said their last word: closed, once ours is sent."""
        if self._eof and not self._pending and self._linger_by != SOON:
            self._close()

    def _discard(self, count: int) -> Sequence[Any]:
        """To close with these unread would send a reset, which may destroy our last word on its way."""
        self._dropped += count
        if self._dropped > LINGER_SIZE:
            self._close()
        return ()

    def _close(self) -> None:
        self.state = OVER
        self.closed = True
        self.reading = False
        self._linger_by = NEVER
        self._follow()

    # --- time and room

    def tick(self, now: float) -> Sequence[Any]:
        if now >= self._more_at:
            self._more_at = NEVER
            self._follow()
            return ()  # the pump goes on with `receive`
        if self._linger_by == SOON:
            self._linger_by = now + self._linger
            self._follow()
            self._settle()
        elif now >= self._linger_by:
            if self._pending:
                self._drop()
                self._last = ABORT
            self._close()
        elif now >= self._register_by:
            return self._break_off("Registration timed out")
        elif now >= self._quiet_by:
            return self._ask(now)
        return ()

    def _ask(self, now: float) -> Sequence[Any]:
        """RFC 1459 4.6.2: a PING to who is silent; who stays silent is gone. The deadline isn't moved with each line that comes:
        so it is looked at here how long the silence is."""
        limits = self._limits
        ask_at = self._heard + limits.ping_after
        if now >= ask_at + limits.ping_time:
            return self._break_off(f"Ping timeout: {int(limits.ping_time)} seconds")
        if now >= ask_at:
            self.queue(Message("PING", [self._name]).encode())
            ask_at += limits.ping_time
        self._quiet_by = ask_at
        self._follow()
        return ()

    def _follow(self) -> None:
        self._starved = False
        self.deadline = min(self._register_by, self._quiet_by, self._more_at, self._linger_by)

    def blocked(self, pending: int, now: float) -> None:
        self._most += self._pending - pending if self._most >= 0 else 0
        self._pending = pending
        if self.state is CLOSING:
            self._settle()

    def secured(self, info: Any) -> None:
        """IRC is spoken over TLS from the start, or not at all (IRCv3 deprecated STARTTLS)."""

    def _step(self, event: Event) -> bool:
        """Go where the table says, or stay where it says nothing: whether it does."""
        following = SERVER.get((self.state, event))
        if following is not None:
            self.state = following
        return following is not None


def _command_in(line: bytes) -> str:
    """What stands where the command should, fit to be shown; "*" for nothing of the kind."""
    words = [word for word in line[:LONGEST].split(b" ") if word]
    while words and words[0][:1] in (b"@", b":"):
        del words[0]
    word = words[0].decode("ascii", "replace") if words else ""
    return word.upper()[:32] if word.isascii() and word.isalnum() else "*"


def _label_in(line: bytes) -> str:
    """The label of a line that is refused (IRCv3 labeled-response): "" where there is none, or none that could be said back."""
    if line[:1] != b"@":
        return ""
    try:
        label = parse_tags(line[1:].partition(b" ")[0].decode()).get("label", "")
    except UnicodeDecodeError:
        return ""
    return "" if "\0" in label else label
