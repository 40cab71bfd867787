"""A client's world under asyncio: `AsyncNetwork` waits for sockets by the loop's readiness calls."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from typing import Any

from wirespeak.contract import AsyncLock, Signal
from wirespeak.errors import TimeoutError
from wirespeak.sockets import network
from wirespeak.sockets.network import Interest

__all__ = ["AsyncNetwork"]


class AsyncNetwork(network.Network):
    """A `Network` whose every await lets the loop go on. It may be used from one loop only."""

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def lock(self) -> AsyncLock:
        return asyncio.Lock()

    def signal(self) -> Signal:
        return _Signal()

    async def ready(self, interests: Sequence[Interest], deadline: float | None) -> list[socket.socket]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        found: list[socket.socket] = []

        def go_on() -> None:
            if not future.done():
                future.set_result(None)

        def report(sock: socket.socket) -> None:
            found.append(sock)
            go_on()

        timer = None if deadline is None else loop.call_at(deadline, go_on)
        try:
            for sock, read, write in interests:
                if read:
                    loop.add_reader(sock, report, sock)
                if write:
                    loop.add_writer(sock, report, sock)
            await future
        finally:
            if timer is not None:
                timer.cancel()
            for sock, read, write in interests:
                if read:
                    loop.remove_reader(sock)
                if write:
                    loop.remove_writer(sock)
        return list(dict.fromkeys(found))

    async def look_up(self, host: str, port: int, deadline: float | None) -> list[Any]:
        try:
            async with asyncio.timeout_at(deadline):
                return await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except asyncio.TimeoutError:
            raise TimeoutError(f"{host} could not be looked up in time") from None


class _Signal:
    def __init__(self) -> None:
        self._event = asyncio.Event()

    def give(self) -> None:
        self._event.set()

    async def wait(self, deadline: float | None) -> bool:
        try:
            async with asyncio.timeout_at(deadline):
                return await self._event.wait()
        except asyncio.TimeoutError:
            return False
