"""The server's side of an HTTP/1.1 connection, without I/O (RFC 9112, RFC 9110). The client's is in ``client_session.py``.

Bytes in, events out: `Request` first, then `Data` and `End` of its body, the error where the peer broke the protocol,
`Late` where the answer takes too long. Messages in, bytes out: `Response`, then `Data` and `End` where its body is sent
as it is made. Requests may be pipelined: the next one is given out once the one before it is answered.

Keep-alive, limits, deadlines and the way a connection ends are decided here; what to answer is not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from wirespeak.buffer import Buffer
from wirespeak.contract import ABORT, FINISH, FileSlice, Segment, Wake
from wirespeak.errors import LocalProtocolError, RemoteProtocolError
from wirespeak.http.answer import CLOSE, CONTINUE, KEEP_ALIVE, interim_head, last_words, streamed_head, whole_head
from wirespeak.http.body import LengthReader, Reader, chunk, expects_continue, last_chunk, request_reader, too_large
from wirespeak.http.faults import fault_of_beginning, no_method, too_long
from wirespeak.http.fields import Fields
from wirespeak.http.limits import JOINED, KEPT, LINGER_SIZE, LINGER_TIME, PROBE_EVERY, SILENCE, UNWANTED, WINDOW, ServerLimits
from wirespeak.http.messages import Data, End, Late, Request, Response, keeps_alive, known_request, parse_request_head
from wirespeak.http.states import SERVER_READS, SERVER_WRITES, Event, Reads, Writes

__all__ = ["ServerSession"]

# The members under names of their own: looking one up in its class costs as much as a call, and each turn does so ten times.
READS_HEAD, READS_BODY, READS_WAIT, READS_TUNNEL, READS_DISCARD = Reads
WRITES_IDLE, WRITES_ANSWER, WRITES_BODY, WRITES_DONE, WRITES_TUNNEL, WRITES_CLOSED = Writes
ON_REQUEST, ON_REQUEST_HEAD, ON_RESPONSE, ON_RESPONSE_HEAD, ON_INTERIM, ON_SWITCH, ON_DATA, ON_END, ON_NEXT, ON_CLOSE = Event


class ServerSession:
    """A `contract.Session`. ``standing`` gives the field lines that go into every answer (Date, Server), encoded."""

    __slots__ = (
        "_answer_by",
        "_body_size",
        "_body_start",
        "_continue_due",
        "_empty_line",
        "_eof",
        "_finishing",
        "_input",
        "_keep_alive",
        "_left_to_send",
        "_limits",
        "_out",
        "_partial",
        "_pending",
        "_probe_at",
        "_read_by",
        "_reader",
        "_reads",
        "_request",
        "_spoke",
        "_standing",
        "_unconsumed",
        "_unwanted",
        "_wake",
        "_write_by",
        "_writes",
        "bodiless",
        "chunked",
        "closed",
        "reading",
    )

    def __init__(self, wake: Wake, limits: ServerLimits | None = None, standing: Callable[[], bytes] = bytes) -> None:
        self._wake = wake
        self._limits = limits or ServerLimits()
        self._standing = standing
        self._input = Buffer()
        self._out: list[Segment] = []
        self._reads = READS_HEAD
        self._writes = WRITES_IDLE
        self._request: Request | None = None
        self._reader: Reader | None = None
        self._keep_alive = True
        self._continue_due = False  # the peer waits for 100 (Continue) before it sends its body
        self._unwanted = False  # nobody will read the rest of the body
        self._body_size = self._unconsumed = 0
        self._body_start = 0.0
        self._left_to_send: int | None = None  # of a body whose length was announced
        self.bodiless = False  # the answer has none, whatever its fields say: to HEAD, and 204 and 304
        self._partial = False  # a head has begun to come
        self._empty_line = False  # one came before it, as some clients send behind a body: it is passed over (RFC 9112 2.2)
        self._eof = self._spoke = self._finishing = False
        self._pending = 0
        # The times by which something is due; the deadline is the earliest.
        self._read_by = self._answer_by = self._write_by = self._probe_at = math.inf
        self.chunked = False
        self.reading = True
        self.closed = False

    @property
    def deadline(self) -> float:
        """The earliest time by which something is due. Looked at once a turn."""
        if self._reads is READS_HEAD and not self._pending:
            return self._read_by
        if self.closed:
            return self._write_by
        return min(self._read_by, self._answer_by, self._write_by, self._probe_at)

    # --- what comes in

    def receive(self, data: bytes, now: float) -> Sequence[Any]:
        reads = self._reads
        if reads is READS_HEAD and data and not self._pending and not self._input:
            return self._receive_head(now, data)
        if data:
            self._input.feed(data)
        if reads is READS_HEAD:
            if self._pending:
                return ()  # no further request until there is room for its answer
            if self._input or self._eof or self._finishing:
                return self._receive_head(now)
            self._read_by = now + self._limits.idle_time
            return ()
        if reads is READS_BODY:
            return self._receive_body(now)
        if reads is READS_TUNNEL:
            return self._receive_tunnel()
        if reads is READS_WAIT:
            self.reading = len(self._input) < KEPT and not self._eof
        else:
            self._discard(now)
        return ()

    def _receive_head(self, now: float, data: bytes = b"") -> Sequence[Any]:
        """The next request, of what has come; of ``data``, where nothing else has."""
        limits = self._limits
        head = data
        try:
            request = known_request(data) if data and len(data) <= limits.head else None
            if request is None:
                if data:
                    self._input.feed(data)
                found = self._input.until(b"\r\n\r\n", limits.head)
                if found is None or found[0] == 13:
                    return self._incomplete_head(found, now)
                head = found
                request = parse_request_head(head)
            self._request = request
            values = request.fields.by_name
            self._reader = reader = (
                request_reader(request, limits.body) if "content-length" in values or "transfer-encoding" in values else None
            )
            if reader is not None:
                self._begin_body(request, now)
        except RemoteProtocolError as error:
            return self._refuse(too_long(limits.line) if head.find(b"\r\n") > limits.line else error, now)
        if len(request.target) + len(request.method) > limits.line:
            return self._refuse(too_long(limits.line), now)
        connection = values.get("connection")
        if connection is None or connection == "keep-alive":
            self._keep_alive = request.minor == 1 or connection is not None
        else:
            self._keep_alive = keeps_alive(request)
        self._partial = self._empty_line = False
        event = ON_REQUEST if reader is None else ON_REQUEST_HEAD
        self._reads = SERVER_READS[self._reads, event]
        self._writes = SERVER_WRITES[self._writes, event]
        self._answer_by = now + limits.handler_time
        self._read_by = math.inf if reader is None else now + limits.grace
        return (request,)

    def _begin_body(self, request: Request, now: float) -> None:
        request.body = None
        self._body_size = self._unconsumed = 0
        self._body_start = now
        self._unwanted = False
        self._continue_due = expects_continue(request) and not self._input

    def _incomplete_head(self, head: bytes | None, now: float) -> Sequence[Any]:
        """No head is there yet: is it on its way, or can it never be one?"""
        limits, buffer = self._limits, self._input
        if head is not None:  # it begins with an empty line: one is passed over, as some clients send it (RFC 9112 2.2)
            if self._empty_line or head[1] != 10:
                return self._refuse(no_method(), now)
            self._empty_line = True
            buffer.feed(head[2:] + buffer.rest())
            return self._receive_head(now)
        if not buffer:
            self.closed = True  # the peer, or we, wanted no more than was said
            return ()
        kept = buffer.peek()
        if kept[:2] == b"\r\n" and not self._empty_line:
            self._empty_line = True
            buffer.exactly(2)
            return self._receive_head(now) if buffer or self._eof else ()
        if fault := fault_of_beginning(kept, limits.line, empty_line=not self._empty_line):
            return self._refuse(fault, now)
        if buffer.overfull(limits.head):
            return self._refuse(RemoteProtocolError(f"fields of more than {limits.head:,} bytes", code=431, clause="RFC 6585 5"), now)
        if self._eof:
            self.closed = True
        elif not self._partial:
            self._partial = True
            self._read_by = now + limits.head_time
        return ()

    def _receive_body(self, now: float) -> Sequence[Any]:
        assert self._reader is not None
        try:
            events = self._reader.read(self._input) or (self._reader.eof() if self._eof else ())
        except RemoteProtocolError as error:
            return self._refuse(error, now)
        if events:
            return self._body_events(events, now)
        if self._read_by == math.inf and self.reading:  # we kept the peer waiting, and now wait for it again
            self._read_by = now + self._limits.grace
        return ()

    def _body_events(self, events: Sequence[Data | End], now: float) -> Sequence[Any]:
        limits = self._limits
        self._continue_due = False  # it doesn't wait any longer
        size = sum([len(event.data) for event in events if type(event) is Data])
        self._body_size += size
        if self._body_size > limits.body:
            return self._refuse(too_large(limits.body), now)
        if type(events[-1]) is End:
            self._reads = SERVER_READS[READS_BODY, ON_END]
            self._reader = None
            self._read_by = math.inf
        else:
            self._read_by = max(self._read_by, self._body_start + limits.grace + self._body_size / limits.body_rate)
        if self._writes is WRITES_ANSWER:
            self._answer_by = now + limits.handler_time  # the time that the peer takes is not the handler's
        if self._unwanted:
            if self._reads is READS_WAIT:
                self._answered()
                return self.receive(b"", now)
            if self._body_size > UNWANTED:
                self._close(now)
            return ()
        self._unconsumed += size
        self._set_reading()
        return events

    def _receive_tunnel(self) -> Sequence[Any]:
        data = self._input.rest()
        if not data:
            return ()
        self._unconsumed += len(data)
        self._set_reading()
        return (Data(data),)

    def _discard(self, now: float) -> None:
        self._body_size += len(self._input.rest())
        if self._read_by == math.inf:
            self._read_by = now + LINGER_TIME
        if self._body_size > LINGER_SIZE or self._eof:
            self.closed = True

    def receive_eof(self, now: float) -> Sequence[Any]:
        self._eof = True
        self.reading = False
        if self._reads is READS_BODY:
            assert self._reader is not None
            if self._unwanted:
                self.closed = True
                return ()
            try:
                return self._reader.eof()
            except RemoteProtocolError as error:
                return self._refuse(error, now)
        if self._reads is READS_TUNNEL:
            if self._writes is WRITES_CLOSED:
                self._reads = SERVER_READS[self._reads, ON_CLOSE]
                self.closed = True
            return (End(),)
        if self._reads is READS_WAIT and self._writes is WRITES_ANSWER and self._request is not None and self._request.minor:
            # A peer that ended its side may still wait for the answer, or be gone: a FIN doesn't tell. An interim answer,
            # which a client that didn't ask for it discards (RFC 9110 15.2.1), brings a reset from one that is gone.
            self._probe_at = now + PROBE_EVERY
        elif self._writes is WRITES_BODY:
            self._probe_at = now + SILENCE
        return ()

    def consumed(self, count: int) -> None:
        self._unconsumed -= count
        was_reading = self.reading
        self._set_reading()
        if self.reading and not was_reading:
            self._wake()

    def wants_body(self) -> None:
        """Someone is about to read the body: say 100 (Continue) where the peer waits for it (RFC 9110 10.1.1)."""
        if self._continue_due and self._writes is WRITES_ANSWER:
            self._continue_due = False
            self._out.append(CONTINUE)
            self._wake()

    # --- what goes out

    def send(self, message: Any) -> None:
        kind = type(message)
        if kind is Response:
            self._send_response(message)
        elif kind is Data:
            self._send_data(message.data)
        elif kind is End:
            self._send_end(message.trailers)
        else:
            raise LocalProtocolError(f"a server sends a Response, Data or End, not {message!r}")
        self._wake()

    def _send_response(self, response: Response) -> None:
        status = response.status
        if status > 599:
            raise LocalProtocolError(f"{status} is no status that may be sent: 100 to 599 (RFC 9110 15)")
        if status < 200 or (status < 300 and self._request is not None and self._request.method == "CONNECT"):
            self._send_interim(response)
            return
        body = response.body
        kind = type(body)
        whole = kind is bytes or kind is FileSlice or kind is list or kind is tuple
        following = SERVER_WRITES.get((self._writes, ON_RESPONSE if whole else ON_RESPONSE_HEAD))
        if following is None:
            raise LocalProtocolError(f"no answer may be sent now ({self._writes.name})")
        request = self._request
        assert request is not None
        ready = response.prepared
        standing = self._standing()
        if ready is not None and ready[1] is body and ready[2] is response.fields and ready[3] == status and ready[4] is response.reason:
            lines = ready[0]
        else:
            head = whole_head(response, request.method) if whole else streamed_head(response, request.minor)
            lines, self._left_to_send, self.chunked = head.lines, head.length, head.chunked
            standing = head.beside(standing)
            if head.closes:
                self._keep_alive = False
        self.bodiless = bodiless = request.method == "HEAD" or status == 304 or status == 204
        if self._finishing or (self._reads is READS_BODY and not self._is_droppable()):
            self._keep_alive = False
        end = (b"\r\n" if request.minor else KEEP_ALIVE) if self._keep_alive else CLOSE
        self._writes = following
        self._answer_by = math.inf
        if whole or not self._eof:
            self._probe_at = math.inf
        self._spoke = True
        if kind is bytes and len(body) <= JOINED and not bodiless:
            self._out.append(b"".join((lines, standing, end, body)))
        else:
            self._out.append(b"".join((lines, standing, end)))
            if whole and not bodiless:
                self._out.extend(body if kind is list or kind is tuple else (body,))
        if whole:
            self._answered()

    def _is_droppable(self) -> bool:
        """Whether the rest of a body that no one read can be read and dropped, so that the connection is kept.

        Not where the peer waits for 100 (Continue): after this answer it may send its body or not (RFC 9110 10.1.1).
        """
        return not self._continue_due and not (isinstance(self._reader, LengthReader) and self._reader.left > UNWANTED)

    def _send_interim(self, response: Response) -> None:
        """1xx, and what ends HTTP on this connection: 101 (RFC 9110 7.8), and 2xx to CONNECT (9.3.6)."""
        switch = response.status == 101 or response.status >= 200
        following = SERVER_WRITES.get((self._writes, ON_SWITCH if switch else ON_INTERIM))
        request = self._request
        if following is None or request is None or (switch and self._reads is not READS_WAIT):
            raise LocalProtocolError(f"{response.status} may not be sent now")
        lines = interim_head(response, request)
        if lines is None:
            return
        if response.status == 100:
            self._continue_due = False
        self._out.append(b"".join((lines, self._standing() if switch else b"", b"\r\n")))
        self._writes = following
        if switch:
            self._reads = SERVER_READS[self._reads, ON_SWITCH]
            self._read_by = self._answer_by = self._probe_at = math.inf
            self._unconsumed = 0

    def _send_data(self, data: bytes) -> None:
        if (self._writes, ON_DATA) not in SERVER_WRITES:
            raise LocalProtocolError("no body may be sent now")
        if self._writes is WRITES_TUNNEL:
            self._out.append(data)
            return
        if self.bodiless or not data:
            return
        if self._left_to_send is not None:
            if len(data) > self._left_to_send:
                raise LocalProtocolError("the body is longer than its Content-Length says (RFC 9110 8.6)")
            self._left_to_send -= len(data)
        self._out.append(chunk(data) if self.chunked else data)
        self._spoke = True

    def _send_end(self, trailers: Fields) -> None:
        if self._writes is WRITES_TUNNEL:
            self._writes = SERVER_WRITES[self._writes, ON_CLOSE]
            self._out.append(FINISH)
            if self._eof:
                self._reads = SERVER_READS[self._reads, ON_CLOSE]
                self.closed = True
            return
        following = SERVER_WRITES.get((self._writes, ON_END))
        if following is None:
            raise LocalProtocolError("no body is being sent that could end now")
        if self._left_to_send and not self.bodiless:
            self.fail()
            raise LocalProtocolError(f"the body ended {self._left_to_send:,} bytes before its Content-Length (RFC 9110 8.6)")
        if self.chunked and not self.bodiless:
            self._out.append(last_chunk(trailers))
        self._writes = following
        self._answered()

    def fail(self) -> None:
        """The answer can't be completed: cut it off, so that the peer doesn't take the part for the whole."""
        self._writes = SERVER_WRITES[self._writes, ON_CLOSE]
        self._out.append(ABORT)
        self.closed = True
        self._wake()

    def data_to_send(self) -> Sequence[Segment]:
        out = self._out
        if not out:
            return ()
        self._out = []
        return out

    # --- between two exchanges, and the end

    def _answered(self) -> None:
        """The answer is said. Go on to the next request where the last one is read, or close."""
        if self._reads is READS_WAIT and self._keep_alive:
            self._reads = SERVER_READS[self._reads, ON_NEXT]
            self._writes = SERVER_WRITES[self._writes, ON_NEXT]
            self._request = None
            self._unwanted = False
            self._unconsumed = 0
            self.reading = not self._eof and not self._pending
        elif self._reads is READS_BODY and self._keep_alive:
            self._unwanted = True
            self._unconsumed = 0
            self._set_reading()
        else:
            self._close(math.inf)

    def _close(self, now: float) -> None:
        """Say no more; read and drop what still comes, for a bounded time, then close (RFC 9112 9.6)."""
        self._reads = SERVER_READS[self._reads, ON_CLOSE]
        self._writes = SERVER_WRITES[self._writes, ON_CLOSE]
        self._out.append(FINISH)
        self._input.clear()
        self._reader = None
        self._body_size = 0
        self._answer_by = self._probe_at = math.inf
        self._read_by = now + LINGER_TIME
        self.reading = not self._eof
        if self._eof:
            self.closed = True

    def _refuse(self, error: RemoteProtocolError, now: float) -> Sequence[Any]:
        """Answer a broken request where no answer has begun, and close."""
        self._keep_alive = False
        if self._writes in (WRITES_IDLE, WRITES_ANSWER):
            self._say_last(error.code or 400, f"{error}\n")
            self._close(now)
        elif self._writes in (WRITES_DONE, WRITES_CLOSED):
            self._close(now)
            return ()  # it was answered already
        else:
            self.fail()
        return (error,)

    def _say_last(self, status: int, text: str) -> None:
        with_body = self._request is None or self._request.method != "HEAD"
        self._out.append(last_words(status, text, self._standing(), with_body=with_body))

    def finish(self, now: float) -> None:
        self._finishing = True
        if self._reads is READS_HEAD and not self._input:
            self._close(now)

    # --- time and room

    def tick(self, now: float) -> Sequence[Any]:
        if now >= self._write_by:  # a peer that takes next to nothing
            self.fail()
        elif now >= self._probe_at:
            self._probe(now)
        elif now >= self._answer_by:
            self._answer_by = math.inf
            self._keep_alive = False
            self._say_last(503, "No answer was ready in time.\n")
            self._close(now)
            return (Late(),)
        elif now >= self._read_by:
            return self._slow(now)
        return ()

    def _probe(self, now: float) -> None:
        """Find out whether a peer that ended its side still listens."""
        if self._writes is WRITES_ANSWER:
            self._probe_at = now + PROBE_EVERY
            self._out.append(CONTINUE)
        elif self._spoke or self._pending:
            self._spoke = False
            self._probe_at = now + SILENCE
        else:
            self.fail()

    def _slow(self, now: float) -> Sequence[Any]:
        """What was to come has not come in time."""
        if self._reads is READS_DISCARD or (self._reads is READS_HEAD and not self._input) or self._unwanted:
            if self._pending:
                self._read_by = math.inf  # until our last word has gone out
            else:
                self.closed = True
            return ()
        what = "head" if self._reads is READS_HEAD else "body"
        return self._refuse(RemoteProtocolError(f"the request's {what} did not come in time", code=408, clause="RFC 9110 15.5.9"), now)

    def blocked(self, pending: int, now: float) -> None:
        if not pending:
            self._write_by = math.inf
            if self._reads is READS_DISCARD:  # our last word has only now gone out
                self._read_by = now + LINGER_TIME
        elif not self._pending:
            self._write_by = now + self._limits.grace
        elif pending < self._pending:
            taken = self._pending - pending
            self._write_by = min(now + self._limits.grace, self._write_by + taken / self._limits.body_rate)
        self._pending = pending
        self._set_reading()

    def secured(self, info: Any) -> None:
        """HTTP is spoken over TLS from the start or not at all."""

    def _set_reading(self) -> None:
        reads = self._reads
        if self._eof:
            self.reading = False
        elif reads is READS_BODY or reads is READS_TUNNEL:
            self.reading = self._unconsumed < WINDOW
            if not self.reading:
                self._read_by = math.inf  # it is our side that waits
        elif reads is READS_HEAD:
            self.reading = not self._pending
        else:
            self.reading = reads is READS_DISCARD or len(self._input) < KEPT
