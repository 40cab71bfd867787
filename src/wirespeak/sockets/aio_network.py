"""A client's world under asyncio: `AsyncNetwork` waits for sockets by the loop's readiness calls."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence

from wirespeak.contract import AsyncLock
from wirespeak.errors import TimeoutError
from wirespeak.sockets import network
from wirespeak.sockets.network import Found, Interest, not_found

__all__ = ["AsyncNetwork"]


class AsyncNetwork(network.Network):
    """A `Network` whose every await lets the loop go on. It may be used from one loop only."""

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def lock(self) -> AsyncLock:
        return asyncio.Lock()

    async def ready(self, interests: Sequence[Interest], deadline: float | None) -> list[socket.socket]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        found: list[socket.socket] = []

        def report(sock: socket.socket) -> None:
            found.append(sock)
            if not future.done():
                future.set_result(None)

        timer = None if deadline is None else loop.call_at(deadline, lambda: future.done() or future.set_result(None))
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

    async def resolve(self, host: str, port: int, deadline: float | None) -> list[Found]:
        loop = asyncio.get_running_loop()
        limit = None if deadline is None else max(0.0, deadline - loop.time())
        try:
            rows = await asyncio.wait_for(loop.getaddrinfo(host, port, type=socket.SOCK_STREAM), limit)
        except asyncio.TimeoutError:
            raise TimeoutError(f"{host} could not be looked up in time") from None
        except (OSError, UnicodeError) as error:
            raise not_found(host, error if isinstance(error, OSError) else OSError()) from None
        return [(row[0], row[4]) for row in dict.fromkeys(rows)]
