"""Watching the conversations of ``wirespeak http get``: ``-v`` tells them as they run, ``--explain`` byte by byte.

Both are observers of connections (`wirespeak.tap`); a request that is not watched has neither.
"""

from __future__ import annotations

import os
import shutil
import sys
from typing import Any

import click

from wirespeak import explanation
from wirespeak.cli.terminal import has_colour, printable
from wirespeak.contract import FileSlice, Stream, size_of
from wirespeak.http import Fields, Request, Response
from wirespeak.http.explain import explain_request, explain_response
from wirespeak.sockets.address import Address
from wirespeak.tap import Observer, Seen

__all__ = ["Explainer", "Narrator", "head_of"]

# Bytes of one direction of an exchange that are kept to be explained: more than anyone reads.
KEPT = 256 << 10


def head_of(response: Any) -> bytes:
    """The head of an answer as it came (the first line anew: its spaces may have been others)."""
    reason = (response.reason or "").encode("latin-1")
    return b"HTTP/1.%d %d %b\r\n%b\r\n" % (response.minor, response.status, reason, Fields(response.fields).encode())


class Narrator:
    """Tells, on standard error, what is sent (``>``), what is answered (``<``), and what happens beside (``*``)."""

    def __call__(self, stream: Stream) -> Observer:
        self._tell("*", f"connected to {Address.of(stream.peer)}" if stream.peer else "connected")
        if stream.tls is not None:
            self._tell("*", f"{stream.tls.version} with {stream.tls.cipher}" + (f", {stream.tls.alpn}" if stream.tls.alpn else ""))
            certificate = stream.tls.certificate
            if certificate is not None:
                self._tell("*", f"certificate of {certificate.names[0] if certificate.names else certificate.subject}")
        return _Narration(self._tell).see

    def _tell(self, sign: str, text: str) -> None:
        for line in text.split("\r\n"):
            click.echo(f"{sign} {printable(line)}".rstrip(), err=True)


class _Narration:
    """One connection's."""

    def __init__(self, tell: Any) -> None:
        self._tell = tell
        self._asking = False

    def see(self, seen: Seen, what: Any, now: float) -> None:
        if seen == "message" and isinstance(what, Request):
            self._asking = True
        elif seen == "out" and self._asking:
            self._asking = False
            self._tell(">", what.partition(b"\r\n\r\n")[0].decode("utf-8", "replace") + "\r\n")
        elif seen == "event" and isinstance(what, Response):
            self._tell("<", head_of(what).decode("utf-8", "replace").removesuffix("\r\n"))
        elif seen == "eof":
            self._tell("*", "the server ended the connection")


class Explainer:
    """Keeps what is said on each connection, and explains it when asked."""

    def __init__(self) -> None:
        self._exchanges: list[_Exchange] = []

    def __call__(self, stream: Stream) -> Observer:
        where = str(Address.of(stream.peer)) if stream.peer else "the server"
        current: list[_Exchange] = []

        def see(seen: Seen, what: Any, now: float) -> None:
            if seen == "message" and isinstance(what, Request):
                current[:] = [_Exchange(what.method, where)]
                self._exchanges += current
            elif current and seen in ("out", "in"):
                current[0].add(seen, what)

        return see

    def show(self) -> None:
        """Explain what was said since the last time."""
        for exchange in self._exchanges:
            exchange.show()
        self._exchanges.clear()


class _Exchange:
    """A request, and what was answered: the bytes of each direction, and who spoke when."""

    def __init__(self, method: str, where: str) -> None:
        self._method = method
        self._where = where
        self._said = {"out": bytearray(), "in": bytearray()}
        self._more = {"out": 0, "in": 0}  # bytes beyond what is kept
        self._turns: list[tuple[str, int]] = []  # direction, and how many bytes of it had been said by the end of the turn

    def add(self, way: str, segment: Any) -> None:
        said = self._said[way]
        size = size_of(segment)
        room = max(0, KEPT - len(said))
        said += segment[:room] if isinstance(segment, bytes) else _read(segment, room)
        self._more[way] += max(0, size - room)
        if self._turns and self._turns[-1][0] == way:
            self._turns.pop()
        self._turns.append((way, len(said)))

    def show(self) -> None:
        data = {way: bytes(said) for way, said in self._said.items()}
        parts = {"out": explain_request(data["out"]), "in": explain_response(data["in"], self._method)}
        colour, width = has_colour(sys.stdout), shutil.get_terminal_size().columns
        begun = {"out": 0, "in": 0}
        for number, (way, end) in enumerate(self._turns):
            last = all(later != way for later, _ in self._turns[number + 1 :])
            here = [part for part in parts[way] if begun[way] <= part.start < end or (last and part.start >= end)]
            begun[way] = end
            if not here:
                continue
            arrow = "→" if way == "out" else "←"
            title = f"{arrow} {'to' if way == 'out' else 'from'} {self._where}"
            click.echo(click.style(title, bold=True) if colour else title)
            click.echo(explanation.as_text(data[way], here, direction=arrow, colour=colour, width=width))
            if last and self._more[way]:
                click.echo(f"{arrow} {self._more[way]:,} bytes more, which are not kept\n")


def _read(segment: Any, count: int) -> bytes:
    """The first bytes of a slice of a file."""
    return os.pread(segment.file.fileno(), min(count, segment.count), segment.offset) if isinstance(segment, FileSlice) else b""
