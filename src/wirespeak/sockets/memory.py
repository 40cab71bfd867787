"""The pump in memory: a client's policy and a server's service, joined in one thread under a clock that is only simulated.

`MemoryNetwork` is a `contract.Network` on which services listen, and responders answer, instead of sockets. What the
client sends, the server has taken in before the client's await returns; and when nobody has anything to say, the clock
moves on to the next deadline of either side. So a test of both together gives the same bytes and the same times every time it runs, and an
hour of waiting takes no time. Touches no socket, and no clock.
"""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wirespeak.contract import FINISH, Ask, AsyncLock, Drop, FileSlice, Inquiry, Responder, Segment, Service, Urgent
from wirespeak.errors import ConnectError, ConnectionLost, TimeoutError
from wirespeak.sockets.inplace import InPlace

__all__ = ["MemoryNetwork", "MemoryStream", "MemoryTLS"]

# Bytes on their way to a client that doesn't read them, beyond which the server has no room: what a socket would hold.
ROOM = 256 << 10
# Given to a client at a time, as by the socket pumps.
READ_SIZE = 64 << 10


@dataclass(slots=True, frozen=True)
class MemoryTLS:
    """Stands for what a handshake agreed on (`tls.TLSInfo`): nothing is encrypted in memory, and there are no certificates."""

    server_name: str
    end_point: bytes | None = None


class MemoryNetwork:
    """Services and responders by host and port, and the time.

    ``piece`` is the number of bytes that arrive at a time, in both directions: with 1, every transfer is split at each
    byte. Only coroutines that wait through this network run on it (`blocking.run` takes them to their end).
    """

    def __init__(
        self,
        services: Mapping[tuple[str, int], Service] | None = None,
        responders: Mapping[tuple[str, int], Responder] | None = None,
        *,
        piece: int | None = None,
        start: float = 0.0,
    ) -> None:
        self.services = dict(services or {})
        self.responders = dict(responders or {})
        self.piece = piece
        self.connections: list[MemoryStream] = []
        """Every connection made so far, in order."""
        self._now = start

    def now(self) -> float:
        return self._now

    async def sleep(self, seconds: float) -> None:
        until = self._now + seconds
        while self.step(until):
            pass

    def lock(self) -> AsyncLock:
        return _Lock()

    def signal(self) -> _Signal:
        return _Signal(self)

    async def connect(
        self, host: str, port: int, *, deadline: float | None = None, tls: Any = None, server_name: str | None = None
    ) -> MemoryStream:
        """A connection to the service that listens there. Raises `ConnectError` where none does."""
        service = self.services.get((host, port))
        if service is None:
            raise ConnectError(f"can't connect to {host}:{port} (nothing listens there)")
        stream = MemoryStream(self, service, (host, port), None if tls is None else MemoryTLS(server_name or host))
        self.connections.append(stream)
        return stream

    async def inquire(self, inquiry: Inquiry, deadline: float | None = None) -> None:
        """Carry out what ``inquiry`` commands until it is done; a datagram is answered at once. Raises `TimeoutError`."""
        streams: dict[int, MemoryStream] = {}
        commands = list(inquiry.start(self._now))
        try:
            while not inquiry.done:
                if commands:
                    commands += await self._carry_out(commands.pop(0), inquiry, streams)
                elif heard := await self._hear(inquiry, streams):
                    commands += heard[0]
                else:
                    until = inquiry.deadline if deadline is None else min(deadline, inquiry.deadline)
                    if not self.step(None if until == math.inf else until):
                        if self._now < inquiry.deadline:
                            raise TimeoutError("no answer came in time")
                        commands += inquiry.tick(self._now)
        finally:
            for stream in streams.values():
                await stream.close()

    async def _carry_out(self, command: Ask | Drop, inquiry: Inquiry, streams: dict[int, MemoryStream]) -> Sequence[Ask | Drop]:
        if isinstance(command, Drop):
            if command.key in streams:
                await streams.pop(command.key).close()
            return ()
        where = (command.host, command.port)
        try:
            if command.transport == "tcp":
                streams[command.key] = await self.connect(*where)
                await streams[command.key].exchange([command.data], self._now, read=False)
                return ()
            if where not in self.responders:
                raise ConnectError("nothing listens there")
        except (ConnectError, ConnectionLost) as error:
            streams.pop(command.key, None)
            return inquiry.failed(command.key, error, self._now)
        answer = self.responders[where].answer(command.data, ("client", 0), self._now)
        return () if answer is None else inquiry.heard(command.key, answer, self._now)

    async def _hear(self, inquiry: Inquiry, streams: dict[int, MemoryStream]) -> list[Sequence[Ask | Drop]]:
        """What the inquiry commands once it was told what one of the streams says; empty where none says anything."""
        for key, stream in streams.items():
            try:
                data = await stream.exchange((), self._now)
                if data is not None:
                    return [inquiry.heard(key, data, self._now)]
                error = ConnectionLost("it ended the connection")
            except TimeoutError:
                continue
            except ConnectionLost as lost:
                error = lost
            del streams[key]
            return [inquiry.failed(key, error, self._now)]
        return []

    def step(self, until: float | None) -> bool:
        """Move the clock to the next deadline of a server, but not past ``until``; False where that was reached first.

        Raises `RuntimeError` where nothing will ever happen: both sides wait for each other without a limit.
        """
        open_ones = [stream for stream in self.connections if stream.open]
        following = min((stream.server.session.deadline for stream in open_ones), default=math.inf)
        if until is not None and until < following:
            self._now = max(self._now, until)
            return False
        if following == math.inf:
            raise RuntimeError("client and server wait for each other, and neither has a deadline")
        self._now = max(self._now, following)
        for stream in open_ones:
            if stream.open and stream.server.session.deadline <= self._now:
                stream.tick()
        return True


def _drop(command: Drop, streams: dict[int, MemoryStream]) -> Sequence[Ask | Drop]:
    streams.pop(command.key, None)
    return ()


class MemoryStream:
    """A client's end of a connection (a `contract.Stream`), and the pump that carries it to the server and back."""

    def __init__(self, network: MemoryNetwork, service: Service, address: tuple[str, int], tls: MemoryTLS | None) -> None:
        self._network = network
        self._outgoing: deque[bytes | None] = deque()  # None is our end
        self._incoming = bytearray()
        self._finished = False  # the server has ended its side
        self._cut_off = False
        self._blocked = 0  # as the server was last told
        self._room: list[Any] = []
        self.open = True
        """Whether the server's side of the connection still stands."""
        self.sent = bytearray()
        """All that the client has sent, for a test to look at."""
        self.peer = address
        self.tls: Any = tls
        self.server = _Link(self, service, network.now, peer=("client", len(network.connections)), local=address, tls=tls)
        self.server.receive(b"")  # it may be the one that speaks first
        self._turn()

    # --- the contract

    @property
    def unsent(self) -> int:
        return sum(len(data) for data in self._outgoing if data is not None)

    @property
    def urgent(self) -> bool:
        return False  # here nothing is ever told ahead of the rest

    async def exchange(self, segments: Sequence[Segment], deadline: float | None, *, read: bool = True) -> bytes | None:
        writing = bool(segments or self._outgoing)
        for segment in segments:
            self._outgoing.append(_bytes_of(segment))
        while True:
            self._turn()
            if read and self._incoming:
                return self._take()
            if self._cut_off:
                raise ConnectionLost(f"{self._name()} cut the connection off")
            if read and self._finished:
                return None
            if not self._outgoing and (writing or not read):
                return b""
            if not self._network.step(deadline):
                raise TimeoutError(f"nothing from {self._name()} in time")

    async def start_tls(self, context: Any, server_name: str, deadline: float | None) -> None:
        self.tls = MemoryTLS(server_name)
        self.server.secured(self.tls)
        self._turn()

    def stale(self) -> bool:
        self._turn()
        return self._finished or self._cut_off or bool(self._incoming)

    async def close(self) -> None:
        if self.open:
            self._outgoing.append(None)
            self._turn()
        if self.open:  # the server may still want to speak; but nobody listens
            self._end(ConnectionLost("the client is gone"))
        self._finished = True

    # --- the pump

    def tick(self) -> None:
        """The server's deadline has come."""
        self.server.tick()
        self._collect()

    def pending(self) -> int:
        """Bytes that the server has sent and the client has not taken."""
        return len(self._incoming)

    def wait_for_room(self, future: Any) -> None:
        self._room.append(future)

    def _turn(self) -> None:
        """Hand the server what the client sent, as far as it reads."""
        size = self._network.piece or READ_SIZE
        while self.open and self._outgoing and self.server.session.reading:
            data = self._outgoing[0]
            if data is None:
                self._outgoing.popleft()
                self.server.receive(None)
            else:
                piece, rest = data[:size], data[size:]
                self.sent += piece
                if rest:
                    self._outgoing[0] = rest
                else:
                    self._outgoing.popleft()
                self.server.receive(piece)
            self._collect()
        self._collect()
        if not self.open:
            self._outgoing.clear()  # nobody is there to take it

    def _collect(self) -> None:
        """Take what the server says, and follow it."""
        if not self.open:
            return
        for segment in self.server.output():
            if segment is FINISH:
                self._finished = True
            elif (data := _bytes_of(segment)) is not None:
                self._incoming += data
        if self.server.tls_agreed is not None:
            return  # the client is about to shake hands
        if self.server.aborted:
            self._cut_off = True
            self._incoming.clear()
            self._end(ConnectionLost("the connection was cut off on this side"))
        elif self.server.session.closed:
            self._finished = True
            self._end(None)
        else:
            self._tell_blocked()

    def _tell_blocked(self) -> None:
        waiting = max(0, len(self._incoming) - ROOM)
        if waiting != self._blocked:
            self._blocked = waiting
            self.server.session.blocked(waiting, self._network.now())

    def _take(self) -> bytes:
        size = self._network.piece or READ_SIZE
        data = bytes(self._incoming[:size])
        del self._incoming[:size]
        if self.open and self._blocked:
            self._tell_blocked()
            if not self._blocked:
                futures, self._room = self._room, []
                for future in futures:
                    future.set_result(None)
            self.server.receive(b"")
            self._collect()
        return data

    def _end(self, error: Exception | None) -> None:
        self.open = False
        self.server.end(error)

    def _name(self) -> str:
        return f"{self.peer[0]}:{self.peer[1]}"


class _Link(InPlace):
    """The server's end."""

    def __init__(self, stream: MemoryStream, service: Service, now: Any, **addresses: Any) -> None:
        self._stream = stream
        super().__init__(service, now, **addresses)

    async def room(self) -> None:
        await super().room()
        self._stream._collect()
        while self._stream.pending() > ROOM:
            future = self.future()
            self._stream.wait_for_room(future)
            await future
            await super().room()


class _Lock:
    """There is one thread, and no await suspends: a lock has nothing to do."""

    async def __aenter__(self) -> None: ...

    async def __aexit__(self, *exc: object) -> None: ...


class _Signal:
    def __init__(self, network: MemoryNetwork) -> None:
        self._network = network
        self._given = False

    def give(self) -> None:
        self._given = True

    async def wait(self, deadline: float | None) -> bool:
        while not self._given and self._network.step(deadline):
            pass
        return self._given


def _bytes_of(segment: Segment) -> bytes | None:
    """What ``segment`` puts on the wire; None for an end."""
    if isinstance(segment, bytes):
        return segment
    if isinstance(segment, FileSlice):
        return os.pread(segment.file.fileno(), segment.count, segment.offset)
    return segment.data if isinstance(segment, Urgent) else None
