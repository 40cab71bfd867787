"""The client's side of an HTTP/1.1 connection, without I/O (RFC 9112, RFC 9110). The server's is in ``session.py``.

Messages in, bytes out: a `Request`, then `Data` and `End` where its body is sent as it is made, or a tunnel's bytes. Bytes in, events out:
interim responses, the `Response`, then `Data` and one `End` of its body, which comes for an empty body too. A broken
answer is told as the error, after which the session is closed: nothing of it is ever passed off as whole.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from wirespeak.buffer import Buffer
from wirespeak.contract import FINISH, FileSlice, Segment, size_of
from wirespeak.errors import IncompleteMessage, LocalProtocolError, RemoteProtocolError
from wirespeak.http.body import CloseReader, Reader, chunk, last_chunk, response_reader
from wirespeak.http.faults import fault_of_incomplete
from wirespeak.http.fields import Fields
from wirespeak.http.grammar import CONTENT_LENGTH
from wirespeak.http.messages import Data, End, Request, Response, encode_request_line, parse_response_head
from wirespeak.http.states import CLIENT_READS, CLIENT_WRITES, Event, Reads, Writes

__all__ = ["ClientSession"]

# What servers send is larger than what they take: long cookies and policies. curl draws the line at 300 KB.
MAX_HEAD = 128 << 10
# Interim responses to one request. A server that sends them without end says nothing (RFC 9110 15.2 sets no bound).
MAX_INTERIM = 32
# Body given out and not yet consumed.
WINDOW = 256 << 10


class ClientSession:
    """A `contract.Session`. Its time limits are its caller's: a client knows how long it will wait, and for what."""

    __slots__ = (
        "_eof",
        "_held",
        "_input",
        "_interim",
        "_keep_alive",
        "_left_to_send",
        "_out",
        "_reader",
        "_reads",
        "_request",
        "_unconsumed",
        "_writes",
        "chunked",
        "closed",
        "deadline",
        "reading",
        "started",
    )

    def __init__(self) -> None:
        self._input = Buffer()
        self._out: list[Segment] = []
        self._reads = Reads.HEAD
        self._writes = Writes.IDLE
        self._request: Request | None = None
        self._reader: Reader | None = None
        self._keep_alive = True
        self._held: list[Segment] = []  # a body that was announced and waits for 100 (Continue)
        self._left_to_send: int | None = None
        self._interim = 0
        self._unconsumed = 0
        self._eof = False
        self.chunked = False
        self.deadline = math.inf
        self.reading = True
        self.closed = False
        self.started = False  # a byte of the answer has come

    @property
    def idle(self) -> bool:
        """Whether a new request may be sent: nothing is under way, nothing came unasked, and the connection is kept."""
        return self._request is None and self._writes is Writes.IDLE and not self.closed and not self._input

    @property
    def holding(self) -> bool:
        """Whether a body is held back until the server says 100 (Continue), or `proceed` is called."""
        return bool(self._held)

    @property
    def closing(self) -> bool:
        """Whether the connection ends with this exchange (RFC 9112 9.6)."""
        return not self._keep_alive

    # --- what goes out

    def send(self, message: Any) -> None:
        kind = type(message)
        if kind is Request:
            self._send_request(message)
        elif kind is Data:
            self._send_data(message.data)
        elif kind is End:
            self._send_end(message.trailers)
        else:
            raise LocalProtocolError(f"a client sends a Request, Data or End, not {message!r}")

    def _send_request(self, request: Request) -> None:
        body = request.body
        whole = isinstance(body, (bytes, FileSlice, list, tuple))
        event = Event.REQUEST if whole else Event.REQUEST_HEAD
        following = CLIENT_WRITES.get((self._writes, event))
        if following is None or not self.idle:
            raise LocalProtocolError("a request is under way, or the connection is of no more use")
        fields = request.fields
        if "host" not in fields:
            raise LocalProtocolError("a request needs a Host field (RFC 9112 3.2)")
        if "transfer-encoding" in fields:
            raise LocalProtocolError("Transfer-Encoding is set from the body, not by hand (RFC 9112 6.1)")
        given = fields.get("content-length")
        if given is not None and not CONTENT_LENGTH.fullmatch(given):
            raise LocalProtocolError(f"Content-Length of {given!r}: digits alone (RFC 9110 8.6)")
        self.chunked = False
        self._left_to_send = None
        framing = b""
        segments: list[Segment] = []
        if whole:
            segments = list(body) if isinstance(body, (list, tuple)) else [body]
            size = sum(map(size_of, segments))
            if given is not None and int(given) != size:
                raise LocalProtocolError(f"Content-Length says {given}, the body has {size} bytes (RFC 9110 8.6)")
            if given is None and (size or request.method in ("POST", "PUT", "PATCH")):
                framing = b"Content-Length: %d\r\n" % size
        elif given is not None:
            self._left_to_send = int(given)
        else:
            self.chunked = True
            framing = b"Transfer-Encoding: chunked\r\n"
        head = encode_request_line(request.method, request.target) + fields.encode() + framing + b"\r\n"
        self._writes = following
        self._request = request
        self._keep_alive = "close" not in fields.tokens("connection")
        self._interim = 0
        self.started = False
        self._out.append(head)
        segments = [segment for segment in segments if size_of(segment)]
        if "100-continue" in fields.tokens("expect"):
            self._held = segments
        else:
            self._out.extend(segments)

    def proceed(self) -> None:
        """Let go of a body that is held back for 100 (Continue): nobody need wait for that for ever (RFC 9110 10.1.1)."""
        held, self._held = self._held, []
        self._out.extend(held)

    def _send_data(self, data: bytes) -> None:
        if (self._writes, Event.DATA) not in CLIENT_WRITES:
            raise LocalProtocolError("no body may be sent now")
        if not data:
            return
        if self._left_to_send is not None:
            if len(data) > self._left_to_send:
                raise LocalProtocolError("the body is longer than its Content-Length says (RFC 9110 8.6)")
            self._left_to_send -= len(data)
        self._out.append(chunk(data) if self.chunked else data)

    def _send_end(self, trailers: Fields) -> None:
        if self._writes is Writes.TUNNEL:
            self._writes = CLIENT_WRITES[self._writes, Event.CLOSE]
            self._out.append(FINISH)
            self.closed = self._eof
            return
        following = CLIENT_WRITES.get((self._writes, Event.END))
        if following is None:
            raise LocalProtocolError("no body is being sent that could end now")
        if self._left_to_send:
            self.closed = True
            raise LocalProtocolError(f"the body ended {self._left_to_send:,} bytes before its Content-Length (RFC 9110 8.6)")
        if self.chunked:
            self._out.append(last_chunk(trailers))
        self._writes = following
        self._next()

    def data_to_send(self) -> Sequence[Segment]:
        out, self._out = self._out, []
        return out

    # --- what comes in

    def receive(self, data: bytes, now: float) -> Sequence[Any]:
        if data:
            self._input.feed(data)
            self.started = True
        try:
            if self._reads is Reads.BODY:
                assert self._reader is not None
                return self._body_events(self._reader.read(self._input))
            if self._reads is Reads.HEAD:
                return self._receive_head()
            if self._reads is Reads.TUNNEL:
                rest = self._input.rest()
                return self._body_events((Data(rest),)) if rest else ()
        except RemoteProtocolError as error:
            return self._fail(error)
        self._input.clear()
        return ()

    def _receive_head(self) -> Sequence[Any]:
        if self._request is None:
            if self._input:
                return self._fail(RemoteProtocolError("an answer that was not asked for", clause="RFC 9112 9.2"))
            return ()
        head = self._input.until(b"\r\n\r\n", MAX_HEAD)
        if head is None:
            if self._input.overfull(MAX_HEAD):
                raise RemoteProtocolError(f"an answer whose head has more than {MAX_HEAD:,} bytes", clause="RFC 9112 5")
            kept = self._input.peek()
            if kept and not b"HTTP/".startswith(kept[:5]):
                raise RemoteProtocolError(f"{kept[:40]!r} where a status line was expected", offset=0, clause="RFC 9112 4")
            if fault := fault_of_incomplete(kept):
                raise fault
            return ()
        response = parse_response_head(head)
        if response.status < 200 and response.status != 101:
            self._interim += 1
            if self._interim > MAX_INTERIM:
                raise RemoteProtocolError(f"more than {MAX_INTERIM} interim answers", clause="RFC 9110 15.2")
            if response.status == 100:
                self.proceed()
            return (response,)
        request = self._request
        if response.status == 101 or (request.method == "CONNECT" and response.status < 300):
            return self._switch(request, response)
        self._reader = reader = response_reader(request.method, response)
        options = Fields(response.fields).tokens("connection")
        if "close" in options or (not response.minor and "keep-alive" not in options) or isinstance(reader, CloseReader):
            self._keep_alive = False
        self._reads = CLIENT_READS[self._reads, Event.RESPONSE if reader is None else Event.RESPONSE_HEAD]
        response.body = None
        if reader is None:
            self._next()
            return (response, End())
        return (response,)

    def _switch(self, request: Request, response: Response) -> Sequence[Any]:
        """HTTP ends here (RFC 9110 7.8, 9.3.6)."""
        if response.status == 101 and "upgrade" not in request.fields:
            raise RemoteProtocolError("101 without having been asked to switch", clause="RFC 9110 15.2.2")
        following = CLIENT_WRITES.get((self._writes, Event.SWITCH))
        if following is None:
            raise RemoteProtocolError(f"{response.status}, which ends HTTP, before the request was whole", clause="RFC 9110 7.8")
        self._writes = following
        self._reads = CLIENT_READS[self._reads, Event.SWITCH]
        self._keep_alive = self.chunked = False
        self._left_to_send = None
        response.body = None
        return (response,)

    def _body_events(self, events: Sequence[Data | End]) -> Sequence[Any]:
        self._unconsumed += sum([len(event.data) for event in events if type(event) is Data])
        self.reading = self._unconsumed < WINDOW and not self._eof
        if events and type(events[-1]) is End:
            self._reads = CLIENT_READS[self._reads, Event.END]
            self._reader = None
            self._next()
        return events

    def receive_eof(self, now: float) -> Sequence[Any]:
        self._eof = True
        self.reading = False
        if self._reads is Reads.BODY:
            assert self._reader is not None
            try:
                events = self._body_events(self._reader.eof())
            except RemoteProtocolError as error:
                return self._fail(error)
            self.closed = True
            return events
        if self._reads is Reads.HEAD and self._request is not None and self._input:
            return self._fail(IncompleteMessage("the connection ended within the head of an answer", clause="RFC 9112 8"))
        tunnelled = self._reads is Reads.TUNNEL
        self._reads = CLIENT_READS[self._reads, Event.CLOSE]
        self.closed = self._writes is not Writes.TUNNEL
        return (End(),) if tunnelled else ()

    def _fail(self, error: RemoteProtocolError) -> Sequence[Any]:
        self._reads = CLIENT_READS[self._reads, Event.CLOSE]
        self._writes = CLIENT_WRITES[self._writes, Event.CLOSE]
        self._out.clear()
        self.closed = True
        return (error,)

    def _next(self) -> None:
        """Where both sides are done: get ready for the next request, or close."""
        if self._reads is not Reads.WAIT:
            return
        if self._writes is Writes.DONE and self._keep_alive and not self._eof and not self._held:
            self._reads = CLIENT_READS[self._reads, Event.NEXT]
            self._writes = CLIENT_WRITES[self._writes, Event.NEXT]
            self._request = None
        else:
            # An answer before our body was whole: what is left of the body must not be taken for the next request.
            self.closed = True

    # --- the rest of the contract

    def consumed(self, count: int) -> None:
        self._unconsumed -= count
        self.reading = self._unconsumed < WINDOW and not self._eof

    def tick(self, now: float) -> Sequence[Any]:
        return ()

    def blocked(self, pending: int, now: float) -> None:
        """The body is asked for piece by piece by who sends it, so there is nothing to hold back here."""

    def secured(self, info: Any) -> None:
        """HTTP is spoken over TLS from the start or not at all."""

    def finish(self, now: float) -> None:
        self._keep_alive = False
        self.closed = self._request is None
