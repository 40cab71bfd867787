"""A server that follows a script, in memory: what it waits for, what it says, when it falls silent, how it ends.

    answers(Heard(b"\\r\\n\\r\\n"), b"HTTP/1.1 200 OK\\r\\n…", 2.5, FINISH)

Steps are taken in order: `Heard` waits for bytes, bytes are said, a number is a pause in seconds, `FINISH` and `ABORT`
end the connection. It knows nothing of HTTP, so it can misbehave in every way.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from wirespeak.contract import ABORT, FINISH, End, Link, Segment, Service, Session
from wirespeak.sockets.memory import MemoryNetwork

__all__ = ["ABORT", "FINISH", "Heard", "answers", "heard", "network", "simple"]

Step = Any


@dataclass
class Heard:
    """Waits until the client has said ``mark``, and takes everything up to its end."""

    mark: bytes = b"\r\n\r\n"


class _Session:
    def __init__(self, steps: Sequence[Step]) -> None:
        self.steps = list(steps)
        self.heard = b""
        self.all_heard = b""
        self.out: list[Segment] = []
        self.deadline = math.inf
        self.reading = True
        self.closed = False
        self.eof = False

    def receive(self, data: bytes, now: float) -> Sequence[Any]:
        self.heard += data
        self.all_heard += data
        if self.deadline == math.inf:
            self.go_on(now)
        return ()

    def receive_eof(self, now: float) -> Sequence[Any]:
        self.eof = True
        if self.deadline == math.inf:
            self.closed = True
        return ()

    def go_on(self, now: float) -> None:
        while self.steps:
            step = self.steps[0]
            if isinstance(step, Heard):
                end = self.heard.find(step.mark)
                if end < 0:
                    return
                self.heard = self.heard[end + len(step.mark) :]
            elif isinstance(step, (int, float)):
                self.deadline = now + step
                self.steps.pop(0)
                return
            else:
                self.out.append(step)
                self.closed = self.closed or isinstance(step, End)
            self.steps.pop(0)
        self.closed = self.closed or self.eof

    def tick(self, now: float) -> Sequence[Any]:
        self.deadline = math.inf
        self.go_on(now)
        return ()

    def send(self, message: Any) -> None: ...

    def data_to_send(self) -> Sequence[Segment]:
        out, self.out = self.out, []
        return out

    def consumed(self, count: int) -> None: ...
    def blocked(self, pending: int, now: float) -> None: ...
    def secured(self, info: Any) -> None: ...
    def finish(self, now: float) -> None: ...


class _Conversation:
    def __init__(self, steps: Sequence[Step]) -> None:
        self.session: Session = _Session(steps)

    def handle(self, event: Any) -> None: ...
    def lost(self, error: Exception | None) -> None: ...


def answers(*steps: Step) -> Service:
    """A service whose every connection follows the steps."""
    return lambda link: _Conversation(steps)


def in_turn(*services: Service) -> Service:
    """The first connection gets the first service, the next the next."""
    left = list(services)

    def begin(link: Link) -> Any:
        return left.pop(0)(link)

    return begin


def simple(body: bytes = b"hello", status: str = "200 OK", *fields: str) -> bytes:
    """A whole answer."""
    lines = "".join(f"{field}\r\n" for field in fields)
    return f"HTTP/1.1 {status}\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body


def network(*connections: Service | Sequence[Step], piece: int | None = None, **others: Service) -> MemoryNetwork:
    """A network on which a server listens at ``server:80`` and ``server:443``; each connection has its script or service.

    ``others`` are services on port 80 of hosts by name.
    """
    services = [one if callable(one) else answers(*one) for one in connections]
    port = in_turn(*services)
    listening = {("server", 80): port, ("server", 443): port, ("server", 8080): port}
    return MemoryNetwork({**listening, **{(name, 80): service for name, service in others.items()}}, piece=piece)


def heard(net: MemoryNetwork, number: int = 0) -> bytes:
    """Everything that the client said on a connection."""
    return bytes(net.connections[number].sent)
