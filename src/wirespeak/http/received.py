"""What a client is given: an answer with its body, read already or on its way in, decoded and within bounds.

`Incoming` draws the body from its connection and gives that back once the body's end has come; a body that is left
half-read costs the connection. Touches nothing outside.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final, Self

from wirespeak.errors import LimitExceeded, LocalProtocolError, WirespeakError
from wirespeak.http.coding import Decoder
from wirespeak.http.exchange import Connection
from wirespeak.http.fields import Fields
from wirespeak.http.messages import Response
from wirespeak.http.status import REASONS
from wirespeak.http.urls import Url

__all__ = ["Incoming", "Received"]

# What is left of a body that nobody wants, up to which reading it is cheaper than a new connection.
WORTH_READING: Final = 64 << 10
WORTH_WAITING: Final = 1.0  # seconds

CHARSET: Final = re.compile(r';[ \t]*charset="?([A-Za-z0-9._:\-]+)', re.IGNORECASE)


class Incoming:
    """The body of an answer (`messages.IncomingBody`, but drawn piece by piece). ``release`` takes the connection back."""

    __slots__ = ("_coding", "_connection", "_decoder", "_left", "_limit", "_release", "_slices", "received", "trailers")

    def __init__(
        self, connection: Connection, release: Callable[[Connection], Awaitable[None]], coding: str | None, limit: int | None
    ) -> None:
        self._connection: Connection | None = connection
        self._release = release
        self._coding = coding
        self._decoder: Decoder | None = None
        self._limit = self._left = limit
        self._slices: Iterator[bytes] = iter(())
        self.received = 0
        """Bytes of body that have come, before any decoding."""
        self.trailers = Fields()

    @property
    def ended(self) -> bool:
        return self._connection is None

    async def piece(self) -> bytes:
        """The next piece; empty at the end. Raises `LimitExceeded`, and whatever ends a conversation before its end."""
        try:
            while True:
                if piece := next(self._slices, b""):
                    return self._counted(piece)
                if self._connection is None:
                    return b""
                data = await self._connection.piece()
                self.received += len(data)
                if not data:
                    await self._end(self._connection)
                elif self._coding is None:
                    return self._counted(data)
                else:
                    self._decoder = self._decoder or Decoder(self._coding, self._limit)
                    self._slices = self._decoder.decode(data)
        except BaseException:
            await self.close()
            raise

    def _counted(self, piece: bytes) -> bytes:
        if self._left is not None:
            self._left -= len(piece)
            if self._left < 0:
                raise LimitExceeded(f"the answer's body has more than {self._limit:,} bytes; raise the limit, or read it as a stream")
        return piece

    async def _end(self, connection: Connection) -> None:
        if self._decoder is not None:
            self._decoder.finish()
        self.trailers = connection.trailers
        self._connection = None
        await self._release(connection)

    async def close(self) -> None:
        """Read no more. The connection is lost, unless the body was read to its end."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            await connection.close()
            await self._release(connection)
        self._slices = iter(())

    async def drain(self) -> None:
        """Read a short rest, so that the connection can be used again; close it where the rest is long, or long in coming."""
        self._coding = self._decoder = None
        self._left = self._limit = WORTH_READING
        if self._connection is not None:
            self._connection.hurry(WORTH_WAITING)
        try:
            while await self.piece():
                pass
        except WirespeakError:
            pass  # closed by now, and nobody asked for it


class Received:
    """An answer to a request of ours: its head, and its body as far as it was read.

    ``url`` is where it came from in the end, ``history`` the redirects that led there, first to last. ``fields`` are all
    of its fields; ``peer`` is the address that answered and ``tls`` what was agreed on with it, None in clear.
    """

    def __init__(self, head: Response, url: Url, method: str, connection: Connection, incoming: Incoming) -> None:
        self.status = head.status
        self.reason = head.reason if head.reason is not None else REASONS.get(head.status, "")
        self.fields = Fields(head.fields)
        self.minor = head.minor
        self.url = url
        self.method = method
        self.peer: Any = connection.stream.peer
        self.tls: Any = connection.stream.tls
        self.history: tuple[Self, ...] = ()
        self._incoming = incoming
        self._content: bytes | None = None

    def __repr__(self) -> str:
        return f"<{self.status} {self.reason}: {self.method} {self.url}>"

    @property
    def ok(self) -> bool:
        """Whether the server did what was asked for: a status of 2xx."""
        return 200 <= self.status < 300

    @property
    def trailers(self) -> Fields:
        """The fields that came behind the body; empty until it was read to its end (RFC 9110 6.5)."""
        return self._incoming.trailers

    @property
    def received(self) -> int:
        """Bytes of body that have come over the wire so far, as they were encoded."""
        return self._incoming.received

    @property
    def content(self) -> bytes:
        """The whole body. Raises `LocalProtocolError` where it was not read yet."""
        if self._content is None:
            raise LocalProtocolError("the body was not read: call read(), or take it piece by piece")
        return self._content

    @property
    def text(self) -> str:
        """The body as text, in the charset that Content-Type names, else UTF-8; what is neither is replaced by U+FFFD."""
        named = CHARSET.search(self.fields.get("content-type", "") or "")
        try:
            return self.content.decode(named[1] if named else "utf-8", "replace")
        except LookupError:
            return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON (RFC 8259: in UTF-8). Raises `ValueError`."""
        return json.loads(self.content)

    async def _read(self, limit: int | None = None) -> bytes:
        if self._content is None:
            pieces: list[bytes] = []
            size = 0
            while piece := await self._incoming.piece():
                pieces.append(piece)
                size += len(piece)
                if limit is not None and size > limit:
                    await self._incoming.close()
                    raise LimitExceeded(f"the body of the answer has more than {limit:,} bytes")
            self._content = b"".join(pieces)
        return self._content
