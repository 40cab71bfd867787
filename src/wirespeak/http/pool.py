"""Connections that are kept for the next request to the same origin (RFC 9112 9.3), bounded, and shared fairly.

Every request takes a place: on a connection that lies idle, or for one that it then makes itself. Where all places are
taken it waits its turn; who came first is served first. Policy, written once for every network: knows no clock but the
network's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Iterator

from wirespeak.contract import Network, Signal
from wirespeak.errors import ConnectError, TimeoutError
from wirespeak.http.exchange import Connection
from wirespeak.http.urls import Origin

__all__ = ["Pool"]


class _Waiter:
    """A request that wants a place. ``connection`` is the idle one that it is given; None for a place to connect in."""

    __slots__ = ("connection", "fresh", "number", "refused", "served", "signal")

    def __init__(self, number: int, signal: Signal, fresh: bool) -> None:
        self.number = number
        self.signal = signal
        self.fresh = fresh
        self.served = False
        self.refused = False  # the pool was closed meanwhile
        self.connection: Connection | None = None


class _Places:
    """The places of one origin."""

    __slots__ = ("idle", "taken", "waiting")

    def __init__(self) -> None:
        self.idle: list[Connection] = []  # the one used last is at the end, and used next: the others may then rest and go
        self.taken = 0  # by connections in use, or being made
        self.waiting: deque[_Waiter] = deque()


class Pool:
    """At most ``most`` connections, ``most_per_origin`` to one origin; one that lay idle for ``idle_time`` seconds is not used.

    Browsers settled on 6 to an origin; more than some dozens at a server are unkind to it (RFC 9112 9.4).
    """

    def __init__(self, network: Network, *, most: int = 64, most_per_origin: int = 8, idle_time: float = 60.0) -> None:
        self._network = network
        self._most = most
        self._most_per_origin = most_per_origin
        self._idle_time = idle_time
        self._lock = network.lock()  # held for bookkeeping alone, never while something is waited for
        self._origins: dict[Origin, _Places] = {}
        self._number = 0
        self._closed = False

    @property
    def size(self) -> int:
        """The connections there are, in use and idle, and those being made."""
        return sum(places.taken + len(places.idle) for places in self._origins.values())

    async def acquire(
        self, origin: Origin, connect: Callable[[], Awaitable[Connection]], deadline: float | None, *, fresh: bool = False
    ) -> Connection:
        """A connection to ``origin``, made by ``connect`` where no idle one is there, or ``fresh`` asks for a new one.

        Raises `TimeoutError` where no place came free before ``deadline``, and whatever ``connect`` raises. It has to be
        given back by `release`.
        """
        async with self._lock:
            if self._closed:
                raise ConnectError("the client is closed")
            self._number += 1
            waiter = _Waiter(self._number, self._network.signal(), fresh)
            self._origins.setdefault(origin, _Places()).waiting.append(waiter)
            dropped = self._serve()
        await _close(dropped)
        if not waiter.served:
            await self._wait(origin, waiter, deadline)
        if waiter.refused:
            raise ConnectError("the client was closed while a request waited for a connection")
        if waiter.connection is not None:
            return waiter.connection
        try:
            return await connect()
        except BaseException:
            await self._vacate(origin)
            raise

    async def _wait(self, origin: Origin, waiter: _Waiter, deadline: float | None) -> None:
        try:
            if await waiter.signal.wait(deadline):
                return
        except BaseException:  # cancelled
            await self._withdraw(origin, waiter)
            raise
        await self._withdraw(origin, waiter)
        raise TimeoutError(
            f"no connection to {origin[1]}:{origin[2]} came free in time: {self._most_per_origin} to one origin, {self._most} in all"
        )

    async def _withdraw(self, origin: Origin, waiter: _Waiter) -> None:
        """Take back a wish; where it was granted meanwhile, the place goes to the next."""
        async with self._lock:
            if waiter.refused:
                return
            if not waiter.served:
                self._origins[origin].waiting.remove(waiter)
                self._forget_empty()
                return
        if waiter.connection is None:
            await self._vacate(origin)
        else:
            await self.release(origin, waiter.connection)

    async def release(self, origin: Origin, connection: Connection) -> None:
        """Give a connection back: it is kept where another request may follow on it, else closed."""
        if self._closed or not connection.reusable:
            await self._vacate(origin, connection)
            return
        async with self._lock:
            places = self._origins[origin]
            places.taken -= 1
            connection.idle_since = self._network.now()
            places.idle.append(connection)
            dropped = self._serve()
        await _close(dropped)

    async def _vacate(self, origin: Origin, connection: Connection | None = None) -> None:
        """Give a place back, and close the connection that had it."""
        async with self._lock:
            self._origins[origin].taken -= 1
            dropped = self._serve()
        await _close([*dropped, *([connection] if connection else [])])

    async def close(self) -> None:
        """Close every idle connection; those in use are closed when they are given back."""
        async with self._lock:
            self._closed = True
            dropped = [connection for places in self._origins.values() for connection in places.idle]
            for places in self._origins.values():
                places.idle.clear()
                for waiter in places.waiting:
                    waiter.refused = True
                    waiter.signal.give()
                places.waiting.clear()
            self._forget_empty()
        await _close(dropped)

    # --- who is served

    def _serve(self) -> list[Connection]:
        """Give out the places there are, the longest waiting first; the connections to be closed for it."""
        dropped = list(self._expired())
        while ready := [places for places in self._origins.values() if places.waiting and self._may_serve(places)]:
            places = min(ready, key=lambda places: places.waiting[0].number)
            waiter = places.waiting.popleft()
            if places.idle and not waiter.fresh:
                waiter.connection = places.idle.pop()
                if waiter.connection.stream.stale():
                    dropped.append(waiter.connection)
                    waiter.connection = None
            elif len(places.idle) + places.taken >= self._most_per_origin:
                dropped.append(places.idle.pop(0))
            elif self.size >= self._most:
                dropped.append(self._longest_idle())
            places.taken += 1
            waiter.served = True
            waiter.signal.give()
        self._forget_empty()
        return dropped

    def _may_serve(self, places: _Places) -> bool:
        """Whether the first who waits there can have a place: an idle connection's, a free one, or one that another origin leaves idle."""
        if places.idle:
            return True
        if places.taken >= self._most_per_origin:
            return False
        return self.size < self._most or any(others.idle for others in self._origins.values())

    def _longest_idle(self) -> Connection:
        places = min((places for places in self._origins.values() if places.idle), key=lambda places: places.idle[0].idle_since)
        return places.idle.pop(0)

    def _expired(self) -> Iterator[Connection]:
        """Those that lay idle too long: servers close them about now, and a request would meet that in mid-air."""
        before = self._network.now() - self._idle_time
        for places in self._origins.values():
            while places.idle and places.idle[0].idle_since <= before:
                yield places.idle.pop(0)

    def _forget_empty(self) -> None:
        for origin in [origin for origin, places in self._origins.items() if not (places.idle or places.taken or places.waiting)]:
            del self._origins[origin]


async def _close(connections: list[Connection]) -> None:
    for connection in connections:
        await connection.close()
