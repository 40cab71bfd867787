"""Requests and responses as values: made of bytes and back, without I/O (RFC 9110 6, RFC 9112 2).

`parse_request_head` and `parse_response_head` read a whole head, from the first line to the empty one; `encode_head`
writes one. How long the body behind a head is stands in ``body.py``; when which message may be sent, in ``session.py``.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import AddressValueError, IPv6Address
from typing import Any, Protocol
from urllib.parse import unquote

from wirespeak.contract import FileSlice
from wirespeak.errors import LocalProtocolError, RemoteProtocolError
from wirespeak.http.faults import located, request_line_fault
from wirespeak.http.fields import REMEMBERED_HEAD, Fields, FieldsLike, split_lines
from wirespeak.http.grammar import ABSOLUTE_FORM, FIELD_VALUE, HOST, REQUEST_LINE, STATUS_LINE, TOKEN_ONLY
from wirespeak.http.status import REASONS

__all__ = ["Body", "Data", "End", "IncomingBody", "Request", "Response", "parse_request_head", "parse_response_head"]

Body = bytes | FileSlice | Sequence[bytes | FileSlice] | Iterable[bytes] | AsyncIterable[bytes]
"""What a message may carry: bytes; a slice of a file, or a list of both (their length is known, they are sent whole);
or anything that yields bytes, sent as it yields (chunked, unless a Content-Length is among the fields)."""


class IncomingBody(Protocol):
    """A body on its way in, as ``server.py`` and ``client.py`` hand it to whoever reads it."""

    async def read(self, limit: int | None = None) -> bytes: ...
    def __aiter__(self) -> AsyncIterator[bytes]: ...
    @property
    def trailers(self) -> Fields: ...


@dataclass(slots=True)
class Request:
    """A request (RFC 9110 6, 9.3). Received ones come with a valid first line, Host and fields.

    ``target`` is the request-target as it is on the wire, in any of its four forms (RFC 9112 3.2); ``minor`` is the
    1 of HTTP/1.1. ``body`` is what to send, or, of a received request, what `read` and `stream` draw from.
    ``connection`` tells about whom it came from (see ``server.py``); None for one that is to be sent.
    """

    method: str
    target: str
    fields: Fields = field(default_factory=Fields)
    minor: int = 1
    body: Any = b""
    connection: Any = None

    @property
    def host(self) -> str:
        """The authority asked for: of the target where it has one, else of the Host field (RFC 9112 3.3)."""
        absolute = ABSOLUTE_FORM.fullmatch(self.target)
        if absolute:
            return absolute[2]
        if self.method == "CONNECT":
            return self.target
        return self.fields.get("host", "") or ""

    @property
    def path(self) -> str:
        """The path, percent-decoded as UTF-8; ``*`` for a request about the server itself (RFC 9112 3.2.4)."""
        return unquote(self.raw_path)

    @property
    def raw_path(self) -> str:
        """The path as it is on the wire: where an encoded slash must be told from a plain one."""
        path, query = _split_target(self.target)
        # An absolute URI can't say *; one without a path does in its place (RFC 9112 3.2.4).
        if self.method == "OPTIONS" and not query and ABSOLUTE_FORM.fullmatch(self.target) and self.target.count("/") == 2:
            return "*"
        return path

    @property
    def query(self) -> str:
        """What follows the first ``?`` of the target, as it is on the wire."""
        return _split_target(self.target)[1]

    async def read(self, limit: int | None = None) -> bytes:
        """The whole body. Raises `LimitExceeded` past ``limit`` bytes (the server's own bound where None)."""
        return self.body if isinstance(self.body, bytes) else await self.body.read(limit)

    async def stream(self) -> AsyncIterator[bytes]:
        """The body in pieces as they come; who reads slowly slows the sender down."""
        if isinstance(self.body, bytes):
            if self.body:
                yield self.body
        else:
            async for piece in self.body:
                yield piece

    @property
    def trailers(self) -> Fields:
        """The fields that came behind a chunked body; empty until it is read to its end."""
        return Fields() if isinstance(self.body, bytes) else self.body.trailers


@dataclass(slots=True)
class Response:
    """A response (RFC 9110 6, 15). Its fields are checked when it is made, so a line break in one raises at once.

    Content-Length and Transfer-Encoding are set from the body when it is sent; Date and Server are the server's.
    ``trailers`` is called for the fields to send behind a body that is sent as it is made, once it ended (RFC 9110
    6.5). ``tunnel``, for 101 and for a 2xx to CONNECT, is what takes over the connection (RFC 9110 7.8, 9.3.6).
    """

    status: int = 200
    fields: FieldsLike = field(default_factory=Fields)
    body: Any = b""
    reason: str | None = None
    minor: int = 1
    trailers: Callable[[], FieldsLike] | None = None
    tunnel: Callable[[Any], Awaitable[None]] | None = None
    prepared: tuple[bytes, Any, Any, int, str | None] | None = None
    """The session's: the encoded head, and what it was made of. A response may be sent any number of times."""

    def __post_init__(self) -> None:
        if type(self.fields) is not Fields:
            self.fields = Fields(self.fields)
        if not 100 <= self.status <= 999:
            raise LocalProtocolError(f"{self.status} is no status code: three digits, 100 to 999 (RFC 9110 15)")
        if self.reason is not None:
            check_reason(self.reason)

    @classmethod
    def text(
        cls, text: str, status: int = 200, media_type: str = "text/plain; charset=utf-8", fields: Mapping[str, str] | None = None
    ) -> Response:
        """A response that carries ``text``."""
        return cls(status, Fields({"Content-Type": media_type, **(fields or {})}), text.encode())

    async def read(self, limit: int | None = None) -> bytes:
        """The whole body of a received response. Raises `LimitExceeded` past ``limit`` bytes."""
        return self.body if isinstance(self.body, bytes) else await self.body.read(limit)

    async def stream(self) -> AsyncIterator[bytes]:
        """The body of a received response in pieces as they come."""
        if isinstance(self.body, bytes):
            if self.body:
                yield self.body
        else:
            async for piece in self.body:
                yield piece


@dataclass(slots=True)
class Data:
    """Event and message: the next piece of a body."""

    data: bytes


@dataclass(slots=True)
class End:
    """Event and message: the body is complete; ``trailers`` are the fields behind it (RFC 9110 6.5)."""

    trailers: Fields = field(default_factory=Fields)


@dataclass(slots=True)
class Late:
    """Event: the answer was not there in time; the session has sent 503 in its place."""


def parse_request_head(head: bytes) -> Request:
    """The request of a whole head, its first line up to the empty line. Raises `RemoteProtocolError`."""
    try:
        if len(head) > REMEMBERED_HEAD:
            line, *lines = split_lines(head)
            return _request(request_line.__wrapped__(line), Fields.parse(lines, remember=False))
        first, _, block = head.partition(b"\r\n")
        return _request(request_line(first.decode("latin-1")), Fields.parse_block(block))
    except RemoteProtocolError as error:
        raise located(error, head) from None


def known_request(data: bytes) -> Request | None:
    """The request of ``data``, where that is one whole head that came before, or its parts did; None where it has to be read.

    Raises `RemoteProtocolError`.
    """
    first, _, block = data.partition(b"\r\n")
    if not first or (fields := Fields.known(block)) is None or len(data) > REMEMBERED_HEAD:
        return None
    try:
        return _request(request_line(first.decode("latin-1")), fields)
    except RemoteProtocolError as error:
        raise located(error, data) from None


def _request(line: tuple[str, str, int], fields: Fields) -> Request:
    method, target, minor = line
    host = fields.by_name.get("host")
    if host is not None:
        check_host(host)
    elif minor:
        raise RemoteProtocolError("no Host field, which every HTTP/1.1 request has", code=400, clause="RFC 9112 3.2")
    return Request(method, target, fields, minor)


def keeps_alive(request: Request) -> bool:
    """Whether the client wants the connection to last beyond this request (RFC 9112 9.3)."""
    options = request.fields.tokens("connection")
    return "close" not in options and (request.minor == 1 or "keep-alive" in options)


def parse_response_head(head: bytes) -> Response:
    """The response of a whole head, its first line up to the empty line. Raises `RemoteProtocolError`."""
    line, *lines = split_lines(head)
    try:
        match = STATUS_LINE.fullmatch(line)
        if match is None:
            raise RemoteProtocolError(f"no status line: {line[:60]!r}", offset=0, clause="RFC 9112 4")
        if match[1] != "1":
            raise RemoteProtocolError(f"an answer in HTTP/{match[1]}.{match[2]}, not HTTP/1", offset=5, clause="RFC 9110 2.5")
        fields = Fields.parse(lines, len(head) <= REMEMBERED_HEAD)
    except RemoteProtocolError as error:
        raise located(error, head) from None
    return Response(int(match[3]), fields, reason=match[4] or "", minor=min(int(match[2]), 1))


# As many request lines as blocks are remembered, and of no longer heads: 16 MB at the very most.
@lru_cache(maxsize=2048)
def request_line(line: str) -> tuple[str, str, int]:
    """Method, target and minor version of a request line (without its CRLF). Raises `RemoteProtocolError`."""
    match = REQUEST_LINE.fullmatch(line)
    if match is None:
        raise request_line_fault(line)
    method, target, major, minor = match.groups()
    if major != "1":
        raise RemoteProtocolError(
            f"HTTP/{major}.{minor} asked for, HTTP/1.1 spoken here", code=505, offset=len(line) - 3, clause="RFC 9110 15.6.6"
        )
    check_target(method, target)
    # A higher minor version is served as 1.1, the highest that this server conforms to (RFC 9110 2.5).
    return method, target, min(int(minor), 1)


def check_target(method: str, target: str) -> None:
    """Whether ``target`` is of a form that ``method`` may have (RFC 9112 3.2). Raises `RemoteProtocolError`."""
    at = len(method) + 1
    if method == "CONNECT":
        host = HOST.fullmatch(target)
        if host is None or not host[1] or not host[2]:
            raise RemoteProtocolError("CONNECT takes host:port as its target", code=400, offset=at, clause="RFC 9112 3.2.3")
        check_host(target)
    elif target == "*":
        if method != "OPTIONS":
            raise RemoteProtocolError(
                f"the target * with {method}; it goes with OPTIONS alone", code=400, offset=at, clause="RFC 9112 3.2.4"
            )
    elif target[0] != "/":
        absolute = ABSOLUTE_FORM.fullmatch(target)
        if absolute is None:
            raise RemoteProtocolError(
                f"the target {target[:60]!r}: a path or an http URI was expected", code=400, offset=at, clause="RFC 9112 3.2"
            )
        if absolute[2][0] == ":":
            raise RemoteProtocolError("an http URI without a host", code=400, offset=at, clause="RFC 9110 4.2.1")
        check_host(absolute[2])


@lru_cache(maxsize=256)
def check_host(value: str) -> None:
    """Whether ``value`` is one host with or without a port (RFC 9110 7.2). Raises `RemoteProtocolError`."""
    match = HOST.fullmatch(value)
    if match is None or (match[2] and int(match[2]) > 65535) or (match[1][:1] == "[" and not is_ipv6(match[1][1:-1])):
        raise RemoteProtocolError(f"{value[:60]!r} is not one host with or without a port", code=400, clause="RFC 9112 3.2")


def is_ipv6(text: str) -> bool:
    """Whether ``text`` is an IPv6 address (RFC 3986 3.2.2 IP-literal; no version after 6 is in use)."""
    try:
        IPv6Address(text)
    except AddressValueError:
        return False
    return True


def encode_request_line(method: str, target: str) -> bytes:
    """The request line with its CRLF. Raises `LocalProtocolError` for a method or target that can't be sent."""
    if not TOKEN_ONLY.fullmatch(method):
        raise LocalProtocolError(f"{method!r} is no method: it has to be a token (RFC 9110 9.1)")
    try:
        line = f"{method} {target} HTTP/1.1"
        (request_line if len(line) <= REMEMBERED_HEAD else request_line.__wrapped__)(line)
    except RemoteProtocolError as error:
        raise LocalProtocolError(f"{method} {target!r} can't be asked for: {error}") from None
    return f"{line}\r\n".encode("ascii")


def check_reason(reason: str) -> None:
    """Whether ``reason`` can be sent as a reason phrase (RFC 9112 4). Raises `LocalProtocolError`."""
    if not FIELD_VALUE.fullmatch(reason):
        raise LocalProtocolError(f"the reason phrase holds a character that can't be sent: {reason!r} (RFC 9112 4)")


@lru_cache(maxsize=256)
def encode_status_line(status: int, reason: str | None) -> bytes:
    """The status line with its CRLF; the reason phrase is the registered one where None. Raises `LocalProtocolError`."""
    if reason is not None:
        check_reason(reason)  # a response may have been changed since it was made
    return f"HTTP/1.1 {status} {REASONS.get(status, '') if reason is None else reason}\r\n".encode("latin-1")


def _split_target(target: str) -> tuple[str, str]:
    if target[0] != "/":
        absolute = ABSOLUTE_FORM.fullmatch(target)
        target = (absolute[3] or "/") if absolute else target
        if target[0] == "?":
            target = f"/{target}"
    path, _, query = target.partition("?")
    return path, query
