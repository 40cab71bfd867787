"""What watching costs: the time of one turn of a connection, request to answer, unwatched and watched.

    python -m bench.tap

A socket and a loop that do nothing stand in for the real ones, so that only our own code is timed; the least of many
rounds is told, as the machine's other work can only add to it.
"""

from __future__ import annotations

import time
import timeit
from typing import Any

from wirespeak.contract import Link
from wirespeak.http import HttpServer, Request, Response
from wirespeak.sockets.aio import Connection, Turn
from wirespeak.sockets.listener import watched
from wirespeak.tap import Observer

REQUEST = b"GET /small.html HTTP/1.1\r\nHost: localhost:8080\r\n\r\n"
ANSWER = Response(200, {"Content-Type": "text/html"}, bytes(1024))
ROUNDS, TURNS = 25, 10_000


class IdleSocket:
    """Always has the same request to read, and takes every answer."""

    def recv(self, _size: int) -> bytes:
        return REQUEST

    def send(self, data: bytes) -> int:
        return len(data)

    def fileno(self) -> int:
        return 0


class IdleLoop:
    """Tells the time; what it is asked to do, it leaves."""

    time = staticmethod(time.monotonic)

    def add_reader(self, *_: Any) -> None: ...

    def call_at(self, *_: Any) -> None: ...


def turn(service: Any) -> float:
    """The microseconds of one turn."""
    loop: Any = IdleLoop()
    sock: Any = IdleSocket()
    connection = Connection(sock, ("127.0.0.1", 40000), Turn(loop), loop, lambda _: None)
    connection.begin(service)
    return min(timeit.repeat(connection._readable, number=TURNS, repeat=ROUNDS)) / TURNS * 1e6


def answer(_request: Request) -> Response:
    return ANSWER


def unwatched(_link: Link) -> Observer | None:
    return None


def watching(_link: Link) -> Observer:
    return lambda _kind, _what, _now: None


def main() -> None:
    """Print the three figures."""
    server = HttpServer(answer)
    print(f"no one can watch            {turn(server):.2f} µs a turn")
    print(f"one could, nobody does      {turn(watched(server, unwatched)):.2f} µs a turn")
    print(f"watched by one who ignores  {turn(watched(server, watching)):.2f} µs a turn")


if __name__ == "__main__":
    main()
