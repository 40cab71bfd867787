"""Content codings: gzip, deflate, br and zstd (RFC 9110 8.4), negotiated, made, and undone within bounds.

Three things stand here: what a client accepts (`acceptable`), making (`compress` at once, `Encoder` piece by piece), and
undoing (`Decoder`). A few kilobytes can unfold into gigabytes, so a decoder never gives out more than a slice at a time and
stops at its caller's limit; and what is cut short, or has more behind its end, is an error and not content.

Touches nothing outside. Compressing takes milliseconds: on a server it belongs into a thread (the libraries let the
interpreter go on meanwhile).
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Final

import brotli  # type: ignore[import-untyped]
import zstandard

from wirespeak.errors import IncompleteMessage, LimitExceeded, RemoteProtocolError
from wirespeak.http.grammar import TOKEN

__all__ = ["ACCEPT_ENCODING", "CODINGS", "IDENTITY", "Decoder", "Encoder", "acceptable", "compress"]

IDENTITY: Final = "identity"

CODINGS: Final = ("br", "zstd", "gzip")
"""What a server here can make, the one it prefers first: with the levels below br is the smallest and gzip the slowest."""

ACCEPT_ENCODING: Final = "br, zstd, gzip, deflate"
"""What a client here can undo."""

# RFC 9110 12.5.3  codings = content-coding / "identity" / "*"      12.4.2: weight = OWS ";" OWS "q=" qvalue
ACCEPTED: Final = re.compile(rf"[ \t]*+(\*(?!{TOKEN})|{TOKEN})[ \t]*+(?:;[ \t]*+[qQ]=(0(?:\.[0-9]{{0,3}})?|1(?:\.0{{0,3}})?)[ \t]*+)?")

# Levels where more would take much longer for little gain: a megabyte of text takes some 20 ms with each.
BROTLI_QUALITY: Final = 5
BROTLI_WINDOW: Final = 20  # 2^20 bytes: enough for pages, and a compressor's memory stays at some megabytes
ZSTD_LEVEL: Final = 6  # its window is 2 MB; RFC 9659 lets a server go to 8 MB
GZIP_LEVEL: Final = 6
GZIP_FORMAT: Final = 31  # zlib's number for the gzip format with the largest window, 32 KB

# Given out at a time by a decoder; brotli's buffer grows by doubling, and may come to nearly twice as much.
SLICE: Final = 64 << 10
# Taken in at a time. zlib copies what it has not used yet, with each member of a gzip file; over so few bytes that
# stays cheap.
ZLIB_INPUT: Final = 16 << 10
# zstd knows no bound on what it gives out at a time, but a block takes 4 bytes at least and gives 128 KB at most (RFC 8878
# 3.1.1.2): from so many bytes no more than 8 MB can come, as much as its window takes anyway.
ZSTD_INPUT: Final = 256
ZSTD_WINDOW: Final = 8 << 20  # RFC 9659 3: as large as a window may be in HTTP

# Codings one over the other. Nobody has a reason for more than one; two are put up with, as a proxy may have added one.
MAX_STACKED: Final = 2


@lru_cache(maxsize=128)
def _acceptable(value: str) -> tuple[str, ...]:
    weights: dict[str, float] = {}
    for member in value.split(","):
        match = ACCEPTED.fullmatch(member)
        if match is not None:
            weights[match[1].lower()] = 1.0 if match[2] is None else float(match[2])
    others = weights.get("*", 0.0)
    # Nothing said of identity means that it will do, behind all that was named (RFC 9110 12.5.3).
    unsaid = weights.get("*", 0.0001)
    ranked = [(-weights.get(coding, others), rank, coding) for rank, coding in enumerate(CODINGS)]
    ranked.append((-weights.get(IDENTITY, unsaid), len(ranked), IDENTITY))
    return tuple(coding for weight, _, coding in sorted(ranked) if weight)


def acceptable(value: str | None) -> tuple[str, ...]:
    """Of `CODINGS` and identity, what an Accept-Encoding field lets a server use, the best first (RFC 9110 12.5.3).

    By the client's weights, and where they are the same by our own order. Empty where it refuses all, identity too.
    Without such a field anything would do; it is answered with identity alone, since who can decode says so.
    A member that is none of the grammar is passed over.
    """
    if value is None:
        return (IDENTITY,)
    # Browsers send one of a few texts; what is remembered is bounded by its number and by its length.
    return _acceptable(value) if len(value) <= 256 else _acceptable.__wrapped__(value)


class Encoder:
    """Makes content of a ``coding``, one of `CODINGS`, piece by piece."""

    __slots__ = ("_encode", "finish")

    finish: Callable[[], bytes]
    """The rest of it, once all is fed."""

    def __init__(self, coding: str) -> None:
        compressor: Any
        if coding == "br":
            compressor = brotli.Compressor(quality=BROTLI_QUALITY, lgwin=BROTLI_WINDOW)
            self._encode, self.finish = compressor.process, compressor.finish
        elif coding == "zstd":
            compressor = zstandard.ZstdCompressor(level=ZSTD_LEVEL).compressobj()
            self._encode, self.finish = compressor.compress, compressor.flush
        else:
            compressor = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, GZIP_FORMAT)
            self._encode, self.finish = compressor.compress, compressor.flush

    def encode(self, data: bytes) -> bytes:
        """What is ready to be sent after ``data``: often nothing, as the compressor gathers."""
        made: bytes = self._encode(data)
        return made


def compress(data: bytes, coding: str) -> bytes:
    """``data`` in a ``coding``, one of `CODINGS`."""
    encoder = Encoder(coding)
    return encoder.encode(data) + encoder.finish()


class Decoder:
    """Undoes the codings that a Content-Encoding field names, in bounded slices, and never more than ``limit`` bytes.

    Raises `RemoteProtocolError` for a coding that is not known and for more than two, one over the other.
    """

    __slots__ = ("_limit", "_stages", "_totals")

    def __init__(self, content_encoding: str, limit: int | None = None) -> None:
        names = [name for part in content_encoding.lower().split(",") if (name := part.strip(" \t")) not in ("", IDENTITY)]
        if len(names) > MAX_STACKED:
            raise RemoteProtocolError(f"{len(names)} codings one over the other, {MAX_STACKED} at most are undone", clause="RFC 9110 8.4")
        unknown = [name for name in names if name not in STAGES]
        if unknown:
            raise RemoteProtocolError(f"the coding {unknown[0]!r}; undone here are {ACCEPT_ENCODING}", clause="RFC 9110 8.4.1")
        # Listed in the order in which they were applied: the last one is undone first.
        self._stages: list[Gzip | Deflate | Brotli | Zstd] = [STAGES[name]() for name in reversed(names)]
        self._totals = [0] * len(self._stages)
        self._limit = limit

    def decode(self, data: bytes) -> Iterator[bytes]:
        """The content in ``data``, in pieces of 128 KB at most (of zstd 8 MB): made while one iterates, so go to its end.

        Raises `LimitExceeded` before more than the limit is given out, and `RemoteProtocolError` where the data is broken
        or goes on behind its end.
        """
        return self._undo(data, 0)

    def finish(self) -> None:
        """No more is coming. Raises `IncompleteMessage` where the content isn't whole.

        Nothing at all passes as nothing: many servers label a body so that they then leave empty. That it was not cut
        off there is for the framing to say (RFC 9112 8).
        """
        for stage in self._stages:
            if not stage.complete:
                raise IncompleteMessage(f"the {stage.name} content ended too early", clause="RFC 9110 8.4.1")

    def _undo(self, data: bytes, depth: int) -> Iterator[bytes]:
        if depth == len(self._stages):
            yield data
            return
        stage = self._stages[depth]
        try:
            for piece in stage.decode(data):
                # Held to by each stage: the sum of both expansions would be work without bound, though nothing came out.
                self._totals[depth] += len(piece)
                if self._limit is not None and self._totals[depth] > self._limit:
                    raise LimitExceeded(f"the {stage.name} content unfolds to more than the limit of {self._limit} bytes")
                yield from self._undo(piece, depth + 1)
        except (zlib.error, brotli.error, zstandard.ZstdError) as error:
            raise RemoteProtocolError(f"broken {stage.name} content: {error}", clause="RFC 9110 8.4.1") from None


# The stages: each undoes one coding, a slice at a time, and is ``complete`` where nothing is missing: ended, or not begun.


class Gzip:
    """RFC 1952: one member after the other (2.2), each with its own checksum, and nothing else behind them."""

    name = "gzip"

    def __init__(self) -> None:
        self._member: Any = None

    @property
    def complete(self) -> bool:
        return self._member is None

    def decode(self, data: bytes) -> Iterator[bytes]:
        for at in range(0, len(data), ZLIB_INPUT):
            part = data[at : at + ZLIB_INPUT]
            while part:
                if self._member is None:
                    self._member = zlib.decompressobj(GZIP_FORMAT)
                yield from _inflate(self._member, part)
                part = b""
                if self._member.eof:
                    part = self._member.unused_data
                    self._member = None


class Deflate:
    """RFC 9110 8.4.1.2: deflate within the zlib format (RFC 1950); or without, as some have always sent it (RFC 1951)."""

    name = "deflate"

    def __init__(self) -> None:
        self._inflater: Any = None

    @property
    def complete(self) -> bool:
        return self._inflater is None or self._inflater.eof

    def decode(self, data: bytes) -> Iterator[bytes]:
        if self._inflater is None and data:
            # The first byte tells: 8 in its low half is zlib's method, the window in its high half is 7 at most (RFC 1950
            # 2.2). Bare, the same bits would be a stored block with padding that no compressor makes (RFC 1951 3.2.4).
            self._inflater = zlib.decompressobj(zlib.MAX_WBITS if data[0] & 0x8F == 8 else -zlib.MAX_WBITS)
        for at in range(0, len(data), ZLIB_INPUT):
            if self._inflater.eof:
                raise zlib.error("more behind its end")
            yield from _inflate(self._inflater, data[at : at + ZLIB_INPUT])
            if self._inflater.unused_data:
                raise zlib.error("more behind its end")


class Brotli:
    """RFC 7932: one stream."""

    name = "br"

    def __init__(self) -> None:
        self._decoder = brotli.Decompressor()
        self._begun = False

    @property
    def complete(self) -> bool:
        return not self._begun or self._decoder.is_finished()

    def decode(self, data: bytes) -> Iterator[bytes]:
        self._begun = self._begun or bool(data)
        while True:
            piece = self._decoder.process(data, output_buffer_limit=SLICE)
            if piece:
                yield piece
            # Short of the limit, there is no more to come of what was fed.
            if len(piece) < SLICE and self._decoder.can_accept_more_data():
                return
            data = b""


class Zstd:
    """RFC 8878: one frame after the other (3), some of which may be there to be skipped."""

    name = "zstd"

    def __init__(self) -> None:
        self._decompressor = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW)
        self._frame: Any = None

    @property
    def complete(self) -> bool:
        return self._frame is None

    def decode(self, data: bytes) -> Iterator[bytes]:
        for at in range(0, len(data), ZSTD_INPUT):
            part = data[at : at + ZSTD_INPUT]
            while part:
                if self._frame is None:
                    self._frame = self._decompressor.decompressobj()
                piece = self._frame.decompress(part)
                if piece:
                    yield piece
                part = b""
                if self._frame.eof:
                    part = self._frame.unused_data
                    self._frame = None


STAGES: Final[dict[str, type[Gzip | Deflate | Brotli | Zstd]]] = {
    "gzip": Gzip,
    "x-gzip": Gzip,
    "deflate": Deflate,
    "br": Brotli,
    "zstd": Zstd,
}


def _inflate(inflater: Any, data: bytes) -> Iterator[bytes]:
    """What comes of ``data``, a slice at a time."""
    while True:
        piece = inflater.decompress(data, SLICE)
        if piece:
            yield piece
        data = inflater.unconsumed_tail
        if inflater.eof or (not data and len(piece) < SLICE):
            return  # at its end too, where zlib would hand back the same tail for ever
