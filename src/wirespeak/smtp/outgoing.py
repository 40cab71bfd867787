"""A mail on its way out of a client: what has to be known of it before it goes, and its pieces as it goes.

It may be bytes, an open file, or anything that yields bytes, asynchronously or not. Of bytes, and of a file that can be read
twice, everything is known beforehand, so that nothing is sent that the server could not take; of what is made as it
goes, only what its maker says. A mail is never whole in memory unless it was given so. Touches nothing but what it is given.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, runtime_checkable

from wirespeak.errors import LocalProtocolError
from wirespeak.smtp.data import Writer

__all__ = ["Mail", "ReadableFile", "Shape", "measure", "pieces"]

# Bytes that go at a time: a few system calls a megabyte, and not much to hold for each mail.
PIECE = 64 << 10
# An empty line ends the header (RFC 5322 2.1), however lines are ended.
_END_OF_HEADER = re.compile(rb"\n\r?\n|\r\r")


@runtime_checkable
class ReadableFile(Protocol):
    """An open binary file, which can be read from where it stands, and once more."""

    def read(self, size: int = -1, /) -> bytes: ...
    def tell(self) -> int: ...
    def seek(self, offset: int, /) -> int: ...


Mail: TypeAlias = bytes | ReadableFile | Iterable[bytes] | AsyncIterable[bytes]
"""A mail, header and body (RFC 5322). Its lines may end in CRLF, CR or LF: on the wire they end in CRLF."""


@dataclass(slots=True, frozen=True)
class Shape:
    """What is known of a mail; None stands for what is not.

    ``size`` is what the server counts: with CRLF behind each line, and without doubled dots (RFC 1870 5). ``eight_bit``: there are bytes
    beyond ASCII (RFC 6152). ``utf8``: there are some in the header (RFC 6532).
    """

    size: int | None = None
    eight_bit: bool | None = None
    utf8: bool | None = None


def measure(mail: Mail) -> Shape:
    """What is known of ``mail`` before it goes. A file is read for it, and stands where it stood."""
    if isinstance(mail, bytes):
        return _shape([mail])
    if isinstance(mail, ReadableFile):
        start = mail.tell()
        try:
            return _shape(_read(mail))
        finally:
            mail.seek(start)
    return Shape()


def _shape(parts: Iterable[bytes]) -> Shape:
    writer = Writer(stuffing=False)
    size = 0
    eight_bit = utf8 = False
    header: bytes | None = b"\n"  # the end of what was read of it, or of the line before it; None behind it
    for part in parts:
        size += len(writer.add(part))
        eight_bit = eight_bit or not part.isascii()
        if header is not None:
            header += part
            end = _END_OF_HEADER.search(header)
            utf8 = not header[: end.start() if end else len(header)].isascii()
            header = None if end or utf8 else header[-3:]
    return Shape(size + len(writer.end()), eight_bit, utf8)


def _read(file: ReadableFile) -> Iterator[bytes]:
    while part := file.read(PIECE):
        yield part


async def pieces(mail: Mail) -> AsyncGenerator[bytes, None]:
    """The mail in pieces, none of them empty, small ones put together. Raises `LocalProtocolError` for what is not bytes."""
    if isinstance(mail, bytes):
        for at in range(0, len(mail), PIECE):
            yield mail[at : at + PIECE]
        return
    kept: list[bytes] = []
    size = 0
    source = _parts(mail)
    try:
        async for part in source:
            if not isinstance(part, bytes):
                raise LocalProtocolError(f"a mail is made of bytes, not of {type(part).__name__}")
            kept.append(part)
            size += len(part)
            if size >= PIECE:
                yield b"".join(kept)
                kept, size = [], 0
    finally:
        await source.aclose()
    if size:
        yield b"".join(kept)


async def _parts(mail: Any) -> Any:
    if isinstance(mail, ReadableFile):
        for part in _read(mail):
            yield part
    elif hasattr(mail, "__aiter__"):
        async for part in mail:
            yield part
    else:
        for part in mail:
            yield part
