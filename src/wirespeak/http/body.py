"""Where a body ends (RFC 9112 6, 7): by its Content-Length, by chunks, or by the end of the connection.

The dangerous part of HTTP, alone in one file. A recipient that finds another end than its neighbour takes the rest of
the body for the next request (request smuggling), so whatever leaves room for two readings is refused.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from wirespeak.buffer import Buffer
from wirespeak.errors import IncompleteMessage, LocalProtocolError, RemoteProtocolError
from wirespeak.http.faults import fault_of_incomplete
from wirespeak.http.fields import MAX_FIELDS, Fields
from wirespeak.http.grammar import CHUNK_LINE, CONTENT_LENGTH, TOKEN_ONLY, list_members
from wirespeak.http.messages import Data, End, Request, Response

__all__ = ["ChunkedReader", "CloseReader", "LengthReader", "Reader", "chunk", "last_chunk", "request_reader", "response_reader"]

# A chunk's line: 15 digits of size, and extensions, which no one uses and each of which is dropped unread.
MAX_CHUNK_LINE = 4096
# Extensions in all of one body: else each chunk of one byte could bring 4 KB along that count for nothing.
MAX_EXTENSIONS = 64 << 10
# Trailer fields are held until the body ends.
MAX_TRAILERS = 16 << 10

# Fields that decide framing, routing, authentication or how the content is read: too late in a trailer (RFC 9110 6.5.1).
FORBIDDEN_IN_TRAILERS = frozenset(
    "transfer-encoding content-length host cache-control expect max-forwards pragma range te authorization proxy-authorization "
    "www-authenticate proxy-authenticate cookie set-cookie content-encoding content-type content-range trailer connection upgrade "
    "keep-alive proxy-connection if-match if-none-match if-modified-since if-unmodified-since if-range age date expires location "
    "retry-after vary".split()
)


class Reader:
    """Takes a body out of a buffer, as events: `Data` as it comes and one `End`. `done` once the end was found."""

    __slots__ = ("done",)

    def __init__(self) -> None:
        self.done = False

    def read(self, buffer: Buffer) -> Sequence[Data | End]:
        """The events in what is here. Raises `RemoteProtocolError`."""
        raise NotImplementedError

    def eof(self) -> Sequence[Data | End]:
        """The stream has ended. Raises `IncompleteMessage` where the body has not."""
        raise NotImplementedError


class LengthReader(Reader):
    """A body of ``length`` bytes (RFC 9112 6.2)."""

    __slots__ = ("left", "length")

    def __init__(self, length: int) -> None:
        super().__init__()
        self.left = self.length = length

    def read(self, buffer: Buffer) -> Sequence[Data | End]:
        data = buffer.at_most(self.left)
        if not data:
            return ()
        self.left -= len(data)
        if self.left:
            return (Data(data),)
        self.done = True
        return (Data(data), End())

    def eof(self) -> Sequence[Data | End]:
        raise IncompleteMessage(
            f"the stream ended after {self.length - self.left:,} of {self.length:,} bytes of body", code=400, clause="RFC 9112 8"
        )


class CloseReader(Reader):
    """A response's body that ends where the connection does (RFC 9112 6.3 rule 8)."""

    __slots__ = ()

    def read(self, buffer: Buffer) -> Sequence[Data | End]:
        data = buffer.rest()
        return (Data(data),) if data else ()

    def eof(self) -> Sequence[Data | End]:
        self.done = True
        return (End(),)


class ChunkedReader(Reader):
    """A body in chunks, with extensions (read and dropped) and trailer fields (RFC 9112 7.1), of ``limit`` bytes at most."""

    __slots__ = ("_chunk_end", "_extensions", "_left", "_limit", "_trailers", "_trailers_size", "received")

    def __init__(self, limit: float = math.inf) -> None:
        super().__init__()
        self._limit = limit
        self._left = 0  # of the chunk that is being read
        self._chunk_end = False  # its data is read, its CRLF is not
        self._trailers: list[str] | None = None  # their lines, once the last chunk has come
        self._trailers_size = 0
        self._extensions = 0
        self.received = 0

    def read(self, buffer: Buffer) -> Sequence[Data | End]:
        events: list[Data | End] = []
        while not self.done:
            if self._left:
                data = buffer.at_most(self._left)
                if not data:
                    break
                self._left -= len(data)
                self.received += len(data)
                self._chunk_end = not self._left
                events.append(Data(data))
            elif self._chunk_end:
                end = buffer.exactly(2)
                if end is None:
                    if buffer and buffer.peek() != b"\r":
                        raise _fault("chunk data that goes on where its CRLF was expected", "RFC 9112 7.1")
                    break
                if end != b"\r\n":
                    raise _fault("chunk data that goes on where its CRLF was expected", "RFC 9112 7.1")
                self._chunk_end = False
            elif self._trailers is None:
                line = _line(buffer, MAX_CHUNK_LINE, "a chunk line", 400, "RFC 9112 7.1.1")
                if line is None:
                    break
                self._chunk_line(line)
            else:
                line = _line(buffer, MAX_TRAILERS, "a trailer line", 431, "RFC 9110 6.5")
                if line is None:
                    break
                self._trailer_line(line, events)
        return events

    def _chunk_line(self, line: str) -> None:
        match = CHUNK_LINE.fullmatch(line)
        if match is None:
            raise _fault(f"{line[:40]!r} where a chunk's size in hexadecimal digits was expected", "RFC 9112 7.1")
        self._extensions += len(match[2])
        if self._extensions > MAX_EXTENSIONS:
            raise _fault(f"more than {MAX_EXTENSIONS:,} bytes of chunk extensions", "RFC 9112 7.1.1")
        self._left = int(match[1], 16)
        if self.received + self._left > self._limit:
            raise too_large(self._limit)
        if not self._left:
            self._trailers = []

    def _trailer_line(self, line: str, events: list[Data | End]) -> None:
        assert self._trailers is not None
        if line:
            self._trailers_size += len(line)
            if self._trailers_size > MAX_TRAILERS or len(self._trailers) == MAX_FIELDS:
                raise RemoteProtocolError(
                    f"more than {MAX_TRAILERS:,} bytes or {MAX_FIELDS} lines of trailers", code=431, clause="RFC 9110 6.5"
                )
            self._trailers.append(line)
            return
        self.done = True
        trailers = Fields.parse(self._trailers, remember=False)
        events.append(End(trailers.without(*forbidden) if (forbidden := _forbidden(trailers)) else trailers))

    def eof(self) -> Sequence[Data | End]:
        raise IncompleteMessage(
            f"the stream ended before the last chunk, after {self.received:,} bytes of body", code=400, clause="RFC 9112 8"
        )


def _line(buffer: Buffer, limit: int, what: str, code: int, clause: str) -> str | None:
    """The next line without its CRLF; None when it is not complete. One of ``limit`` bytes and more raises the error told of."""
    line = buffer.line(limit)
    if line is not None:
        return line[:-2].decode("latin-1")
    if buffer.overfull(limit):
        raise RemoteProtocolError(f"{what} of more than {limit:,} bytes", code=code, clause=clause)
    if buffer and (fault := fault_of_incomplete(buffer.peek())):
        raise fault
    return None


def _forbidden(trailers: Fields) -> list[str]:
    return [name for name in trailers if name in FORBIDDEN_IN_TRAILERS]


def _fault(message: str, clause: str) -> RemoteProtocolError:
    return RemoteProtocolError(message, code=400, clause=clause)


def too_large(limit: float) -> RemoteProtocolError:
    """The body has more than ``limit`` bytes."""
    return RemoteProtocolError(f"a body of more than {limit:,} bytes", code=413, clause="RFC 9110 15.5.14")


def expects_continue(request: Request) -> bool:
    """Whether the client waits for 100 (Continue) before it sends the body. Raises `RemoteProtocolError` for another expectation."""
    if "expect" not in request.fields or not request.minor:
        return False
    if request.fields.tokens("expect") != ["100-continue"]:
        raise RemoteProtocolError("an expectation other than 100-continue", code=417, clause="RFC 9110 10.1.1")
    return True


def request_reader(request: Request, limit: float = math.inf) -> Reader | None:
    """How the body of ``request`` is framed (RFC 9112 6.3); None where it has none.

    Raises `RemoteProtocolError`: for what can be read in two ways, and where the body is to have more than ``limit`` bytes.
    """
    fields = request.fields
    coding = fields.get("transfer-encoding")
    length = fields.get("content-length")
    if request.method == "CONNECT" and (coding is not None or length is not None):
        raise _fault("a body announced for CONNECT, which has none", "RFC 9110 9.3.6")
    if coding is not None:
        if not request.minor:
            raise _fault("Transfer-Encoding in an HTTP/1.0 message", "RFC 9112 6.1")
        if length is not None:
            raise _fault("Transfer-Encoding and Content-Length together", "RFC 9112 6.1")
        codings = list_members(coding)
        if codings == ["chunked"]:
            return ChunkedReader(limit)
        if not all(TOKEN_ONLY.match(member) for member in codings) or not coding.isascii():
            raise _fault(f"the transfer coding {coding[:60]!r} is no token", "RFC 9112 7")
        if "chunked" not in codings[:-1]:  # others alone, or chunked behind them
            raise RemoteProtocolError(f"the transfer coding {coding[:60]!r}; chunked alone is known here", code=501, clause="RFC 9112 6.1")
        raise _fault(f"{coding[:60]!r}: chunked comes once, and last", "RFC 9112 6.3")
    if length is None:
        return None
    size = content_length(length)
    if size > limit:
        raise too_large(limit)
    return LengthReader(size) if size else None


def response_reader(method: str, response: Response) -> Reader | None:
    """How the body of the answer to ``method`` is framed (RFC 9112 6.3); None where it has none. Raises `RemoteProtocolError`."""
    status, fields = response.status, Fields(response.fields)
    if method == "HEAD" or status < 200 or status in (204, 304) or (method == "CONNECT" and 200 <= status < 300):
        return None
    coding = fields.get("transfer-encoding")
    length = fields.get("content-length")
    if coding is not None:
        if length is not None:
            raise _fault("Transfer-Encoding and Content-Length together", "RFC 9112 6.1")
        codings = list_members(coding)
        if not response.minor or codings != ["chunked"]:
            raise _fault(f"the transfer coding {coding[:60]!r}; chunked alone is known here", "RFC 9112 6.1")
        return ChunkedReader()
    if length is None:
        return CloseReader()
    # Some servers say the same length twice; a client may take that as one (RFC 9110 8.6).
    members = {member.strip(" \t") for member in length.split(",")}
    return LengthReader(size) if (size := content_length(members.pop() if len(members) == 1 else length)) else None


def content_length(value: str) -> int:
    """The length that a Content-Length field tells. Digits and nothing else: int() would take ``+5`` and ``1_0``."""
    if not CONTENT_LENGTH.fullmatch(value):
        raise _fault(f"Content-Length of {value[:40]!r}: digits alone were expected, 19 at most", "RFC 9110 8.6")
    return int(value)


def chunk(data: bytes) -> bytes:
    """``data`` as one chunk. Not for empty data: that would be the last chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def last_chunk(trailers: Fields) -> bytes:
    """The chunk of size zero that ends a body, and the trailer fields behind it. Raises `LocalProtocolError` (RFC 9110 6.5.1)."""
    if forbidden := _forbidden(trailers):
        raise LocalProtocolError(f"{', '.join(forbidden)}: too late in a trailer, it belongs in the head (RFC 9110 6.5.1)")
    return b"0\r\n%b\r\n" % trailers.encode()
