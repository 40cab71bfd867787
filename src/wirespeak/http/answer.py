"""The head of an answer: its status line and fields, and how the end of its body will be known (RFC 9112 6, RFC 9110 8.6).

What the connection adds to it (Date, Server, Connection) is the session's. Everything here raises `LocalProtocolError`
for an answer that can't be sent, before anything of it is.
"""

from __future__ import annotations

from dataclasses import dataclass

from wirespeak.contract import size_of
from wirespeak.errors import LocalProtocolError
from wirespeak.http.fields import Fields
from wirespeak.http.grammar import CONTENT_LENGTH
from wirespeak.http.messages import Request, Response, encode_status_line
from wirespeak.http.status import REASONS

__all__ = ["CLOSE", "CONTINUE", "KEEP_ALIVE", "Head", "interim_head", "last_words", "streamed_head", "whole_head"]

CLOSE = b"Connection: close\r\n\r\n"
KEEP_ALIVE = b"Connection: keep-alive\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


@dataclass(slots=True)
class Head:
    """An encoded head without its last line, and what follows from it.

    ``closes``: the connection is to end with this answer. Of a body that is sent as it is made: ``length`` is what was
    announced, None where nothing was; ``chunked``, that it goes in chunks. ``own`` are the names, as they begin a line, of the
    fields that stand in every answer and that this one brings itself.
    """

    lines: bytes
    closes: bool = False
    length: int | None = None
    chunked: bool = False
    own: tuple[bytes, ...] = ()

    def beside(self, standing: bytes) -> bytes:
        """Of the ``standing`` lines (Date, Server) those that the answer's own fields do not say already."""
        if not self.own:
            return standing
        return b"".join(line for line in standing.splitlines(keepends=True) if not line.lower().startswith(self.own))


def whole_head(response: Response, method: str) -> Head:
    """The head of an answer to ``method`` whose body is there as a whole. It is remembered in ``response``."""
    status, body = response.status, response.body
    fields, closes = _own_fields(response)
    size = sum(map(size_of, body)) if isinstance(body, (list, tuple)) else size_of(body)
    given = fields.get("content-length")
    own = _standing_of_its_own(fields)
    reusable = not closes and not own and not isinstance(body, list)  # a list may be changed in place
    if status in (204, 205, 304):
        if size:
            raise LocalProtocolError(f"a {status} carries no body (RFC 9110 6.4.1)")
        if status == 204:  # RFC 9110 8.6: no Content-Length either
            fields = fields.without("content-length")
        elif status == 205:  # framed, and empty (RFC 9110 15.3.6)
            fields = fields.with_("Content-Length", "0")
    elif given is None:
        fields = fields.with_("Content-Length", str(size))
    elif given != str(size):
        if size or method != "HEAD":
            raise LocalProtocolError(f"Content-Length says {given}, the body has {size} bytes (RFC 9110 8.6)")
        reusable = False  # right as an answer to HEAD alone
    lines = encode_status_line(status, response.reason) + fields.encode()
    if reusable:
        response.prepared = (lines, body, response.fields, status, response.reason)
    return Head(lines, closes, own=own)


def streamed_head(response: Response, minor: int) -> Head:
    """The head of an answer, to a request of HTTP/1.``minor``, whose body will be sent as it is made."""
    fields, closes = _own_fields(response)
    if response.status == 204:  # RFC 9110 8.6
        fields = fields.without("content-length")
    elif response.status == 205:
        raise LocalProtocolError("a 205 carries no body (RFC 9110 15.3.6)")
    head = Head(encode_status_line(response.status, response.reason) + fields.encode(), closes, own=_standing_of_its_own(fields))
    given = fields.get("content-length")
    if given is not None:
        if not CONTENT_LENGTH.fullmatch(given):
            raise LocalProtocolError(f"Content-Length of {given!r}: digits alone (RFC 9110 8.6)")
        head.length = int(given)
    elif response.status in (204, 304):
        pass  # there is no body, so nothing frames it (RFC 9112 6.1)
    elif minor:
        head.chunked = True
        head.lines += b"Transfer-Encoding: chunked\r\n"
    else:
        head.closes = True  # HTTP/1.0 knows no chunks: the end of the connection ends the body
    return head


def interim_head(response: Response, request: Request) -> bytes | None:
    """The head of an interim answer to ``request``, or of one that ends HTTP on its connection.

    None where there is nothing to send: HTTP/1.0 knows no interim answers (RFC 9110 15.2).
    """
    status = response.status
    if status == 101 or status >= 200:
        if response.tunnel is None:
            raise LocalProtocolError(f"a {status} here ends HTTP on this connection, so it needs a tunnel (RFC 9110 7.8, 9.3.6)")
        if status == 101 and not _asked_to_switch(request, Fields(response.fields)):
            raise LocalProtocolError("101 where the client did not ask to switch (RFC 9110 7.8)")
    elif not request.minor:
        return None
    if response.body:
        raise LocalProtocolError(f"a {status} carries no body (RFC 9110 15.2)")
    fields = Fields(response.fields)
    if "content-length" in fields or "transfer-encoding" in fields:
        raise LocalProtocolError(f"a {status} has neither Content-Length nor Transfer-Encoding (RFC 9110 8.6, RFC 9112 6.1)")
    if "upgrade" in fields and "upgrade" not in fields.tokens("connection"):  # the two go together (RFC 9110 7.8)
        fields = Fields([*fields.items(), ("Connection", "upgrade")])
    return encode_status_line(status, response.reason) + fields.encode()


def _asked_to_switch(request: Request, fields: Fields) -> bool:
    """Whether the client named the protocols that the answer switches to (RFC 9110 7.8; not in HTTP/1.0)."""
    named, chosen = request.fields.tokens("upgrade"), fields.tokens("upgrade")
    return bool(request.minor and chosen) and "upgrade" in request.fields.tokens("connection") and set(chosen) <= set(named)


def _standing_of_its_own(fields: Fields) -> tuple[bytes, ...]:
    return tuple(f"{name}:".encode("ascii") for name in ("date", "server") if name in fields)


def _own_fields(response: Response) -> tuple[Fields, bool]:
    """The fields that the answer's maker chose, and whether the connection is to end with it."""
    fields = Fields(response.fields)
    if "transfer-encoding" in fields:
        raise LocalProtocolError("Transfer-Encoding is set from the body, not by hand (RFC 9112 6.1)")
    if "connection" not in fields:
        return fields, False
    options = fields.tokens("connection")
    fields = fields.without("connection")
    if "upgrade" in options:  # it goes with an Upgrade field always (RFC 9110 7.8), as 426 has
        fields = fields.with_("Connection", "upgrade")
    return fields, "close" in options


def last_words(status: int, text: str, standing: bytes, *, with_body: bool) -> bytes:
    """A last answer of the session's own, in plain text; of a peer's bytes it shows only what repr() made of them."""
    body = f"{status} {REASONS.get(status, '')}\n\n{text}".encode()
    fields = b"Content-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\nContent-Length: %d\r\n" % len(body)
    return b"".join((encode_status_line(status, None), fields, standing, CLOSE, body if with_body else b""))
