"""Small protocols, unlike one another, by which the contract and its pumps are tried.

Each is a session of one trait that a real protocol has: a switch to TLS in mid-stream (SMTP, IRC), a verdict awaited
between two commands (SMTP), a line fanned out to everyone (IRC), a message marked urgent (Telnet), a file, an end that
is said while listening goes on (HTTP).
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from wirespeak.buffer import Buffer
from wirespeak.contract import FINISH, Link, Segment, StartTLS, Wake


class LineSession:
    """Lines in, lines out. ``starttls`` asks for TLS."""

    def __init__(self, wake: Wake = lambda: None, *, stop_after_line: bool = False, limit: float = math.inf) -> None:
        self.wake = wake
        self.stop_after_line = stop_after_line
        self.limit = limit
        self.buffer = Buffer()
        self.out: list[Segment] = []
        self.deadline = math.inf
        self.reading = True
        self.closed = False
        self.waiting = False  # for a verdict, or for the handshake
        self.pending: list[int] = []
        self.info: Any = None

    def receive(self, data: bytes, now: float) -> Sequence[Any]:
        self.buffer.feed(data) if data else None
        self.deadline = now + self.limit
        events: list[Any] = []
        while not self.waiting:
            if events and self.buffer.peek().startswith(b"starttls"):
                break  # what was said before is answered first
            if (line := self.buffer.line(1000)) is None:
                break
            text = line[:-2].decode()
            if text == "starttls":
                self.send("go ahead")
                self.waiting = True
                self.reading = False
                self.buffer.clear()  # what was said in clear after it is not to be read as if it had been encrypted
                events.append(StartTLS())
                break
            events.append(text)
            if self.stop_after_line:
                self.waiting = True
                break
        return events

    def receive_eof(self, now: float) -> Sequence[Any]:
        self.closed = True
        return ["(end)"]

    def send(self, message: Any) -> None:
        self.waiting = False
        self.out.append(message if not isinstance(message, str) else f"{message}\r\n".encode())
        self.wake()

    def data_to_send(self) -> Sequence[Segment]:
        out, self.out = self.out, []
        return out

    def tick(self, now: float) -> Sequence[Any]:
        self.out.append(b"too slow\r\n")
        self.closed = True
        return ["(too slow)"]

    def consumed(self, count: int) -> None: ...

    def blocked(self, pending: int, now: float) -> None:
        self.pending.append(pending)
        self.reading = not pending

    def secured(self, info: Any) -> None:
        self.info = info
        self.waiting = False
        self.reading = True

    def finish(self, now: float) -> None:
        self.out += [b"goodbye\r\n", FINISH]
        self.closed = True


class Talk:
    """A conversation whose ``answer`` says what each line is answered with; it keeps what happened."""

    def __init__(self, link: Link, **options: Any) -> None:
        self.link = link
        self.session = LineSession(link.wake, **options)
        self.heard: list[Any] = []
        self.ended: list[Exception | None] = []

    def handle(self, event: Any) -> None:
        self.heard.append(event)
        self.answer(event)

    def answer(self, event: Any) -> None:
        if isinstance(event, str) and not event.startswith("("):
            self.session.send(f"you said {event}")

    def lost(self, error: Exception | None) -> None:
        self.ended.append(error)


class OpenFile:
    """A file that is closed when the last slice of it is dropped (`contract.HasFileno`)."""

    def __init__(self, path: Path) -> None:
        self.fd = os.open(path, os.O_RDONLY)

    def fileno(self) -> int:
        return self.fd

    def __del__(self) -> None:
        os.close(self.fd)
