"""The server's side of a mail connection, without I/O (RFC 5321; LMTP, RFC 2033). The client's is in ``client_session.py``.

Bytes in, events out: `Hello`, `Sender`, `Recipient`, `DataBegin`, `Data` …, `DataEnd`, in the order in which a mail comes;
`Reset` where it won't; the error where the peer broke the protocol, which is answered already. Messages in, bytes out: a
`Reply` to each event that asks for a verdict. Commands may be pipelined (RFC 2920): the next is taken up once the one before
it is answered, and what is answered in one go is sent in one piece.

What commands do is in ``verbs.py``, what follows from the answers in ``dialog.py``, both after the tables in ``states.py``. Here
bytes are made into lines and mails, and the time is watched: limits, time limits, and the way a connection ends.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

from wirespeak.buffer import Buffer
from wirespeak.contract import ABORT, Segment, Wake
from wirespeak.errors import IncompleteMessage, RemoteProtocolError, TimeoutError
from wirespeak.smtp.dialog import AUTH, BDAT, CONNECTED, DATA, GREETED, IDLE, MAIL, OVER, RCPT, TLS, Chunk, reply_to
from wirespeak.smtp.grammar import AUTH_LINE, HTTP_VERBS
from wirespeak.smtp.limits import COMMANDS_A_CALL, ENDLESS_LINE, ENDLESS_MAIL, KEPT, LINGER_SIZE, LINGER_TIME, WINDOW, ServerLimits
from wirespeak.smtp.messages import AuthCancelled, Data, DataBegin, DataEnd, Reply, Reset
from wirespeak.smtp.states import SERVER, Event
from wirespeak.smtp.verbs import Verbs

__all__ = ["ServerSession"]

NEVER: Final = math.inf
AT_REST: Final = frozenset({GREETED, IDLE, MAIL, RCPT})
"""Where a line is awaited that is a command."""


class ServerSession(Verbs):
    """A `contract.Session`: one client's connection, from the greeting on.

    ``hostname`` is our own name. ``lmtp``: LMTP is spoken; ``submission``: who sends a mail logs in first (RFC 6409), where
    there are ``mechanisms`` to do so. ``tls``: STARTTLS is offered; ``secure``: TLS is spoken already. Logging in is offered
    under TLS alone, unless ``auth_in_clear``. The greeting is held back for ``greet_delay`` seconds: who talks before it, as
    many that send unwanted mail do, is turned away.

    The first thing to `send` is the greeting: a Reply of 220, or of 554 where there is no service.
    """

    __slots__ = (
        "_answer_by",
        "_begun",
        "_came",
        "_delay",
        "_dropped",
        "_eof",
        "_finishing",
        "_greet_at",
        "_hindered",
        "_input",
        "_more_at",
        "_pending",
        "_read_by",
        "_refused",
        "_too_long",
        "_unconsumed",
        "_write_by",
        "reading",
    )

    def __init__(
        self,
        wake: Wake,
        limits: ServerLimits | None = None,
        *,
        hostname: str,
        lmtp: bool = False,
        submission: bool = False,
        tls: bool = False,
        secure: bool = False,
        mechanisms: Sequence[str] = (),
        auth_in_clear: bool = False,
        greet_delay: float = 0.0,
    ) -> None:
        super().__init__(
            wake,
            limits or ServerLimits(),
            hostname=hostname,
            lmtp=lmtp,
            submission=submission,
            tls=tls,
            secure=secure,
            mechanisms=mechanisms,
            auth_in_clear=auth_in_clear,
        )
        self._input = Buffer()
        self._dropped = 0  # bytes of a line that is too long; or, behind our last word, of what came
        self._too_long = ""  # the enhanced code of that line's refusal
        self._begun = 0.0  # when the mail that comes began to
        self._came = 0  # bytes of it on the wire
        self._refused = False  # the rest of it is dropped
        self._unconsumed = 0
        self._eof = self._finishing = False
        self._pending = 0
        self._hindered = False  # one of the three above
        self._delay = greet_delay
        self.withheld = greet_delay > 0
        # The times by which something is due; the deadline is the earliest.
        self._greet_at = self._read_by = self._answer_by = self._write_by = self._more_at = NEVER
        self.reading = True

    @property
    def deadline(self) -> float:
        if self.asked is None and not self._pending and self.state is not CONNECTED:
            return self._read_by if self._read_by < self._more_at else self._more_at
        return min(self._greet_at, self._read_by, self._answer_by, self._write_by, self._more_at)

    # --- what comes in

    def receive(self, data: bytes, now: float) -> Sequence[Any]:
        if self.asked is None and not self._input and not self._hindered and self.chunk is None:
            # The usual, made short: all that came before is dealt with, and one whole line comes, or the mail, or nothing for now.
            self._answer_by = NEVER
            if self.state in AT_REST:
                if not data:
                    if self._read_by == NEVER:
                        self._read_by = now + self._limits.command_time
                    return ()
                if data.find(b"\n") == len(data) - 1 and len(data) < AUTH_LINE:
                    self._read_by = NEVER
                    events: Sequence[Any] = self._carry_out(data)
                    if self.state not in AT_REST:
                        self._follow()
                    return events if not isinstance(self.asked, DataBegin) else self._wait(now) or events
            elif self.state is DATA and self._unconsumed < WINDOW:
                events = ()
                if data:
                    events = self._read_data(data, now)
                    self._follow()
                elif self._read_by == NEVER:
                    self._set_pace(now)
                return events
        if self.state is OVER:
            self._dropped += len(data)
        elif data and self.state is not TLS:  # clear text behind STARTTLS is nobody's (RFC 3207 4.2)
            self._input.feed(data)
        events = self._take(now)
        self._follow()
        return events

    def _take(self, now: float) -> Sequence[Any]:
        """Go on with what is there, up to the next event."""
        self._more_at = NEVER
        for _ in range(COMMANDS_A_CALL):
            if self.asked is not None or self.state is CONNECTED:
                return self._wait(now)
            self._answer_by = NEVER
            if self.state is OVER:
                return self._linger(now)
            if self._pending or self.state is TLS:
                return ()
            if self._finishing and self._is_between:
                return self._break_off(Reply(421, f"{self._hostname} is shutting down", "4.3.2"))
            if self.state is DATA:
                events = self._read_data(self._input.rest(), now) if self._may_read(now) else None
            elif self.chunk is not None:
                events = self._read_chunk(self.chunk, now)
            else:
                events = self._read_line(now)
            if events is None:
                return self._ended() if self._eof and self._unconsumed < WINDOW else ()
            if events:
                return events if not isinstance(self.asked, DataBegin) else self._wait(now) or events
        if self._input:
            self._more_at = now  # others are to have their turn first
        return ()

    def _wait(self, now: float) -> Sequence[Any]:
        """A verdict is awaited, or our greeting. Nothing may come meanwhile where the client was to wait for it too."""
        limits = self._limits
        kind = type(self.asked)
        if self.state is CONNECTED:
            if self._input:
                return self._fail("the client talked before it was greeted", 554, "5.5.0", "RFC 5321 4.3.1")
            if self.withheld and self._greet_at == NEVER:
                self._greet_at = now + self._delay
        elif kind is DataBegin:
            if self._input and self.chunk is None:
                return self._fail("the mail came before it was asked for", 503, "5.5.0", "RFC 2920 3.1")
            self._begun, self._came, self._refused, self._unconsumed = now, 0, False, 0
        if self._answer_by == NEVER:
            self._answer_by = now + (limits.delivery_time if kind is DataEnd else limits.answer_time)
        return ()

    def _read_line(self, now: float) -> Sequence[Any] | None:
        """Take in one command; None where none is there yet."""
        line = self._input.until(b"\n", AUTH_LINE)
        if line is None:
            if self._input.overfull(AUTH_LINE):
                return self._drop_line(self._input.exactly(AUTH_LINE - 1) or b"")
            if self._read_by == NEVER:  # however slowly it comes, and whether or not it has begun
                self._read_by = now + self._limits.command_time
            return None
        self._read_by = NEVER
        if not self._dropped:
            return self._carry_out(line)
        self._dropped = 0
        error = RemoteProtocolError("a line that is too long", code=500, enhanced=self._too_long, clause="RFC 5321 4.5.3.1.4")
        if self.state is AUTH:
            self.end_login(error)
            return (AuthCancelled(), error)
        self.refuse(error)
        return (error,)

    def _carry_out(self, line: bytes) -> Sequence[Any]:
        if line.endswith(b"\r\n"):
            return self.take_line(line)
        return self._fail("a line that ends in LF alone, and not in CRLF", 500, "5.5.2", "RFC 5321 2.3.8")

    def _drop_line(self, part: bytes) -> Sequence[Any]:
        """``part`` is of a line longer than any may be: it is refused once its end has come. The byte before the end is kept."""
        if not self._dropped:
            verb = part.partition(b" ")[0].decode("latin-1").upper()
            if verb in HTTP_VERBS:
                return self._fail("an HTTP request, but mail is spoken here", 502, "5.5.1", "RFC 5321 4.2.4")
            self._too_long = "5.5.6" if verb == "AUTH" or self.state is AUTH else "5.5.2"  # RFC 4954 4
        self._dropped += len(part)
        if self._dropped > ENDLESS_LINE:
            return self._fail("a line without an end", 500, "5.5.2", "RFC 5321 4.5.3.1.4")
        return ()

    def _read_data(self, piece: bytes, now: float) -> Sequence[Any]:
        """Take in a piece of the mail behind DATA."""
        self._came += len(piece)
        text, rest = self.reader.read(piece)
        self.content.add(text)
        error = self.content.fault
        events: list[Any] = []
        if error is not None and not self._refused:
            self._refused = True
            self._unconsumed = 0  # what was given out is nobody's concern any more, and what still comes is dropped
            events.append(Reset())
        elif text and error is None:
            events.append(Data(text))
            self._unconsumed += len(text)
        if rest is None:
            if self._came > self._limits.size + ENDLESS_MAIL:
                return self._fail("a mail without an end", 552, "5.3.4", "RFC 1870 6.3")
            self._set_pace(now)
            return events
        if rest:
            self._input.feed(rest)
        self._read_by = NEVER
        if error is None:
            events.append(self.ask_for_mail())
        else:
            self.refuse_mail(error)
            events.append(error)
        return events

    def _read_chunk(self, chunk: Chunk, now: float) -> Sequence[Any] | None:
        """Take in what is there of the chunk that BDAT announced; None where nothing is, or nothing may be given out."""
        if chunk.left:
            if chunk.refusal is not None and chunk.left > ENDLESS_MAIL:
                return self._break_off(chunk.refusal)
            if not self._may_read(now):
                return None
            piece = self._input.at_most(chunk.left)
            chunk.left -= len(piece)
            self._came += len(piece)
            self._set_pace(now)
            if chunk.refusal is not None:
                return ()
            self.content.add(piece)
            if error := self.content.fault:
                self._unconsumed = 0
                self.refuse_chunk(chunk, reply_to(error))
                return (*self.forget(), error)
            self._unconsumed += len(piece)
            return (Data(piece),)
        self.chunk = None
        self._read_by = NEVER
        if chunk.last and chunk.refusal is None:
            self.content.end()
            if (error := self.content.fault) is None:
                return (self.ask_for_mail(),)
            self.refuse_chunk(chunk, reply_to(error))
            self.answer_chunk(chunk)
            return (*self.forget(), error)
        self.answer_chunk(chunk)
        return self.forget() if chunk.refusal is not None and self.state is RCPT else ()

    def _may_read(self, now: float) -> bool:
        """Whether there are bytes of a mail, and room for them in what was given out and is not yet consumed."""
        if self._unconsumed >= WINDOW:
            self._read_by = NEVER  # it is our side that waits
            return False
        if not self._input:
            if self._read_by == NEVER:
                self._set_pace(now)
            return False
        return True

    def _set_pace(self, now: float) -> None:
        """The next piece of a mail is due within `data_time`; and so is the whole of what has come, but for `data_rate`."""
        limits = self._limits
        needed = self._came / limits.data_rate
        if self._read_by == NEVER:  # it begins, or goes on after we have kept the client waiting
            self._begun = max(self._begun, now - needed)
        self._read_by = min(now, self._begun + needed) + limits.data_time

    def receive_eof(self, now: float) -> Sequence[Any]:
        self._eof = self._hindered = True
        self.reading = False
        if self.state in (CONNECTED, TLS, OVER):
            self.closed = True
            return ()
        return self._take(now)

    def _ended(self) -> Sequence[Any]:
        """The client is gone, and all it said is answered."""
        events: list[Any] = [Reset()] if self.in_mail else []
        if self.state is DATA or self.chunk is not None:
            events.append(IncompleteMessage("the connection ended inside a mail", clause="RFC 5321 4.1.1.4"))
        self.state = SERVER[self.state, Event.CLOSE]
        self.closed = True
        return events

    def consumed(self, count: int) -> None:
        was_full = self._unconsumed >= WINDOW
        self._unconsumed = max(0, self._unconsumed - count)
        if was_full and self._unconsumed < WINDOW:
            self._follow()
            self._wake()

    def secured(self, info: Any) -> None:
        """RFC 3207 4.2: what was said in clear is forgotten."""
        self._input.clear()
        self.state = SERVER[self.state, Event.SECURED]
        self.secure = True
        self.authenticated = False
        self.hello = None
        self._follow()

    # --- what goes out

    def data_to_send(self) -> Sequence[Segment]:
        out = self._out
        if len(out) < 2:
            if not out:
                return ()
            self._out = []
            return out
        self._out = []
        end = [segment for segment in out[-1:] if type(segment) is not bytes]
        return [b"".join([segment for segment in out if type(segment) is bytes]), *end]

    def blocked(self, pending: int, now: float) -> None:
        limits = self._limits
        if not pending:
            self._write_by = NEVER
        elif not self._pending:
            self._write_by = now + limits.grace
        elif pending < self._pending:
            taken = self._pending - pending
            self._write_by = min(now + limits.grace, self._write_by + taken / limits.data_rate)
        self._pending = pending
        self._hindered = self._eof or self._finishing or pending > 0
        self._follow()

    # --- the end, and time

    def leave(self, reply: Reply) -> None:
        super().leave(reply)
        self._input.clear()
        self._dropped = 0
        self._read_by = self._answer_by = self._greet_at = NEVER

    def _break_off(self, reply: Reply, *why: Exception) -> Sequence[Any]:
        """Say ``reply`` as our last word, and tell of it."""
        told = [Reset()] if self.in_mail else []
        self.leave(reply)
        return (*told, *why)

    def _fail(self, what: str, code: int, enhanced: str, clause: str) -> Sequence[Any]:
        """The peer broke a rule in a way that leaves nothing to go on with."""
        error = RemoteProtocolError(what, code=code, enhanced=enhanced, clause=clause)
        return self._break_off(reply_to(error), error)

    def _linger(self, now: float) -> Sequence[Any]:
        """Throw away what comes behind our last word. To close with it unread would send a reset, which may destroy that word."""
        if self._eof or self._dropped > LINGER_SIZE:
            self.closed = True
        elif self._read_by == NEVER and not self._pending:
            self._read_by = now + LINGER_TIME
        return ()

    def finish(self, now: float) -> None:
        self._finishing = self._hindered = True
        if self.asked is None and self._is_between:
            self._break_off(Reply(421, f"{self._hostname} is shutting down", "4.3.2"))

    @property
    def _is_between(self) -> bool:
        """Whether no mail's bytes are on their way, so that the conversation may end in good order."""
        return self.chunk is None and self.state not in (DATA, BDAT, TLS, OVER)

    def tick(self, now: float) -> Sequence[Any]:
        if now >= self._write_by:
            self.state, self.closed = OVER, True
            self._out = [ABORT]
            return (TimeoutError(f"the client took next to nothing of {self._pending:,} bytes that wait for it"),)
        if now >= self._greet_at:
            self._greet_at = NEVER
            self.release_greeting()
        if now >= self._answer_by:
            reply = Reply(421, f"{self._hostname} has no answer in time", "4.3.0")
            return self._break_off(reply, TimeoutError("no verdict was given in time"))
        if now < self._read_by:
            return ()
        if self.state is OVER:
            self.closed = True
            return ()
        what = "the rest of the mail" if self.state is DATA or self.chunk is not None else "a command"
        return self._break_off(Reply(421, f"{self._hostname} waits no longer", "4.4.2"), TimeoutError(f"{what} did not come in time"))

    def _follow(self) -> None:
        """Read only while what comes can be dealt with: that is backpressure."""
        if self._eof or self.closed or self._pending or self.state is TLS:
            self.reading = False
        elif self.state is DATA or self.chunk is not None:
            self.reading = self._unconsumed < WINDOW
        else:
            self.reading = self.state is OVER or len(self._input) < KEPT
