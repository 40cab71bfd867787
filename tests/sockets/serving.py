"""A listener in a thread of its own, for tests that speak to it over real sockets from theirs."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from wirespeak.contract import Service
from wirespeak.sockets.address import Address
from wirespeak.sockets.listener import Listener
from wirespeak.sockets.tcp import bind


class Served:
    """A running listener; ``address`` is where it listens."""

    def __init__(self, listener: Listener, loop: asyncio.AbstractEventLoop) -> None:
        self.listener = listener
        self.loop = loop
        self.address: Any = listener.addresses[0]

    def connect(self) -> socket.socket:
        family = socket.AF_UNIX if isinstance(self.address, (str, bytes)) else socket.AF_INET6 if len(self.address) == 4 else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.settimeout(20)
        try:
            sock.connect(self.address)
        except OSError:
            sock.close()
            raise
        return sock

    def run(self, function: Callable[[], Any]) -> Any:
        """The result of ``function``, called in the loop's thread."""

        async def call() -> Any:
            result = function()
            return await result if asyncio.iscoroutine(result) else result

        return asyncio.run_coroutine_threadsafe(call(), self.loop).result(30)


@contextmanager
def served(service: Service, where: str = "127.0.0.1:0", **options: Any) -> Iterator[Served]:
    """Serve until the end of the ``with`` block."""
    started: list[Served] = []
    ready = threading.Event()
    stop = asyncio.Event()

    async def main() -> None:
        listener = Listener(bind(Address.parse(where)), service, **options)
        listener.start()
        started.append(Served(listener, asyncio.get_running_loop()))
        ready.set()
        await stop.wait()
        await listener.stop(0.2)

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    assert ready.wait(20)
    try:
        yield started[0]
    finally:
        started[0].loop.call_soon_threadsafe(stop.set)
        thread.join(20)
        assert not thread.is_alive()


def until(condition: Callable[[], Any], within: float = 20.0) -> None:
    """Return once ``condition`` holds; AssertionError when it doesn't within so many seconds."""
    limit = time.monotonic() + within
    while not condition():
        assert time.monotonic() < limit, "what was waited for did not happen"
        time.sleep(0.005)


def read_line(sock: socket.socket) -> str:
    """The next line, without its end; empty at the end of the stream."""
    line = b""
    while not line.endswith(b"\r\n"):
        piece = sock.recv(1)
        if not piece:
            break
        line += piece
    return line.decode().rstrip("\r\n")


def read_all(sock: socket.socket) -> bytes:
    """Everything up to the end of the stream."""
    pieces = []
    while piece := sock.recv(65536):
        pieces.append(piece)
    return b"".join(pieces)
