"""A client's world, written once: `Network` connects, `Stream` carries bytes, over whatever can wait for a socket.

Everything here is a coroutine that waits in one place alone, `Network.ready`. The asyncio network (`aio_network.py`)
suspends there until the loop reports a socket; the blocking one (`blocking.py`) calls poll() and comes back without
ever having suspended. So there is one client for both, and neither threads nor a loop for who blocks. What speaks with
several peers at once, a race of connects and an inquiry, waits there for all its sockets together.
"""

from __future__ import annotations

import os
import socket
import ssl
import struct
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from wirespeak.contract import AsyncLock, Inquiry, Segment, Signal
from wirespeak.errors import ConnectError, ConnectionLost, HostNotFound, TimeoutError, TLSError
from wirespeak.sockets.inquiry import Conversations, HostLookup, Interest, Resolver
from wirespeak.sockets.output import WAITS, Output, finish_sending
from wirespeak.sockets.race import Attempt, Command, Race, interleaved
from wirespeak.sockets.tcp import set_options, start_connect
from wirespeak.sockets.tls import info_of, server_name, tls_error
from wirespeak.sockets.urgent import lies_ahead

__all__ = ["Interest", "Network", "SocketStream"]

READ_SIZE = 64 << 10

Found = tuple[int, Any]
"""An address family, and an address of it."""

FAMILIES = {6: int(socket.AF_INET6), 4: int(socket.AF_INET)}
"""By IP version, the preferred one first (RFC 8305 4)."""


class Network(ABC):
    """Connections for a client's policy (a `contract.Network`).

    ``source`` is the address that they come from; ``resolver`` looks up hosts in the place of the system's.
    """

    def __init__(self, *, source: tuple[str, int] | None = None, resolver: Resolver | None = None) -> None:
        self._source = source
        self._resolver = resolver

    @abstractmethod
    def now(self) -> float: ...

    @abstractmethod
    async def sleep(self, seconds: float) -> None: ...

    @abstractmethod
    def lock(self) -> AsyncLock: ...

    @abstractmethod
    def signal(self) -> Signal: ...

    @abstractmethod
    async def ready(self, interests: Sequence[Interest], deadline: float | None) -> list[socket.socket]:
        """Wait until at least one of the sockets is ready, and return those that are; none when the deadline came."""

    async def resolve(self, host: str, port: int, deadline: float | None) -> list[Found]:
        """The addresses of ``host``, the preferred first (the system's resolver sorts by RFC 6724)."""
        if literal := _literal(host, port):
            return literal
        try:
            return _found(await self.look_up(host, port, deadline))
        except TimeoutError:
            raise
        except (OSError, UnicodeError) as error:
            raise _not_found(host, error) from None

    @abstractmethod
    async def look_up(self, host: str, port: int, deadline: float | None) -> list[Any]:
        """What the system's getaddrinfo gives for a name. Raises what that does, and `TimeoutError`."""

    async def connect(
        self, host: str, port: int, *, deadline: float | None = None, tls: ssl.SSLContext | None = None, server_name: str | None = None
    ) -> SocketStream:
        """Connect to the first address of ``host`` that answers (`race`), and shake hands where ``tls`` is given.

        A host of ``unix:/path`` is a Unix socket. Raises `HostNotFound`, `ConnectError`, `TLSError`, `TimeoutError`.
        """
        lookup: HostLookup | None = None
        if host.startswith("unix:"):
            path = host[5:]
            found: list[Found] = [(socket.AF_UNIX, f"\0{path[1:]}" if path.startswith("@") else path)]
        elif self._resolver is None:
            found = await self.resolve(host, port, deadline)
        elif not (found := _literal(host, port)):
            lookup = self._resolver.look_up(host)
        if not found and lookup is None:
            raise HostNotFound(f"{host} has no address")
        stream = SocketStream(self, await _Connecting(self, host, port, found, lookup, self._source).run(deadline))
        if tls is not None:
            await stream.start_tls(tls, server_name or host, deadline)  # which closes it where it fails
        return stream

    async def inquire(self, inquiry: Inquiry, deadline: float | None = None) -> None:
        """Carry out what ``inquiry`` commands until it is done. Raises `TimeoutError` at ``deadline``."""
        conversations = Conversations(inquiry, self._source)
        try:
            conversations.start(self.now())
            while not inquiry.done:
                ready = await self.ready(conversations.interests, _earliest(deadline, conversations.deadline))
                now = self.now()
                if deadline is not None and now >= deadline and not ready:
                    raise TimeoutError("no answer came in time")
                conversations.turn(ready, now)
        finally:
            conversations.close()


class _Connecting:
    """A race of connects to the addresses of a host, those that are known and those that ``lookup`` still finds."""

    def __init__(
        self, network: Network, host: str, port: int, found: list[Found], lookup: HostLookup | None, source: tuple[str, int] | None
    ) -> None:
        self._network = network
        self._host, self._port = host, port
        self._found = found
        self._lookup = lookup
        self._source = source
        self._asking = None if lookup is None else Conversations(lookup)
        self._race = Race(interleaved([family for family, _ in found]), awaited=() if lookup is None else tuple(FAMILIES))
        self._told: set[int] = set()  # the IP versions that the race knows the addresses of
        self._running: dict[int, socket.socket] = {}
        self._failures: list[str] = []

    async def run(self, deadline: float | None) -> socket.socket:
        """The socket that won. Raises `ConnectError`, `HostNotFound`, `TimeoutError`."""
        network, race, asking, running = self._network, self._race, self._asking, self._running
        try:
            if asking is not None:
                asking.start(network.now())
            commands = race.start(network.now())
            while True:
                self._carry_out(commands + self._tell_of_addresses())
                if race.lost:
                    raise self._lost()
                interests: list[Interest] = [(sock, False, True) for sock in running.values()]
                limits = [deadline, race.deadline]
                if asking is not None:
                    interests += asking.interests
                    limits.append(asking.deadline)
                ready = await network.ready(interests, _earliest(*limits))
                now = network.now()
                if deadline is not None and now >= deadline and not ready:
                    raise TimeoutError(
                        f"no connection to {self._host}:{self._port} in time"
                        if self._found
                        else f"{self._host} could not be looked up in time"
                    )
                if asking is not None:
                    asking.turn(ready, now)
                commands = []
                for index in [index for index, sock in running.items() if sock in ready]:
                    code = running[index].getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                    if not code:
                        race.connected(index)
                        return running.pop(index)
                    running.pop(index).close()
                    self._failures.append(_failure(self._found[index], code))
                    commands += race.failed(index, now)
                commands += race.tick(now)
        finally:
            for sock in running.values():
                sock.close()
            if asking is not None:
                asking.close()

    def _carry_out(self, commands: list[Command]) -> None:
        while commands:
            command = commands.pop(0)
            if isinstance(command, Attempt):
                try:
                    self._running[command.index] = start_connect(*self._found[command.index], self._source)
                except ConnectError as error:
                    self._failures.append(_failure(self._found[command.index], error.errno))
                    commands += self._race.failed(command.index, self._network.now())

    def _tell_of_addresses(self) -> list[Command]:
        """Tell the race of the addresses that have been found since the last time."""
        commands: list[Command] = []
        if self._lookup is not None:
            known = self._lookup.addresses
            for version in FAMILIES:
                if version not in self._told and (version in known or self._lookup.done):
                    self._told.add(version)
                    rows = [_literal(address, self._port)[0] for address in known.get(version, ())]
                    places = range(len(self._found), len(self._found) + len(rows))
                    self._found += rows
                    commands += self._race.answered(version, places, self._network.now())
        return commands

    def _lost(self) -> Exception:
        if not self._found and self._lookup is not None:
            return self._lookup.error or HostNotFound(f"{self._host} has no address")
        return ConnectError(_told(self._host, self._port, self._failures))


class SocketStream:
    """One connection (a `contract.Stream`)."""

    def __init__(self, network: Network, sock: socket.socket) -> None:
        self._network = network
        self._sock = sock
        self._output = Output()
        self.tls: Any = None
        try:
            self.peer: Any = sock.getpeername()
            self.local: Any = sock.getsockname()
        except OSError:
            self.peer = self.local = None

    @classmethod
    def adopt(cls, network: Network, sock: socket.socket) -> SocketStream:
        """A stream over a socket that is connected already."""
        set_options(sock)
        return cls(network, sock)

    @property
    def unsent(self) -> int:
        return self._output.pending

    @property
    def urgent(self) -> bool:
        return self.tls is None and lies_ahead(self._sock)  # TLS has no urgent data

    def fileno(self) -> int:
        return self._sock.fileno()

    async def exchange(self, segments: Sequence[Segment], deadline: float | None, *, read: bool = True) -> bytes | None:
        output = self._output
        output.add(segments)
        writing = bool(output)
        try:
            while True:
                drained = not output or output.write(self._sock)
                if read:
                    try:
                        return self._sock.recv(READ_SIZE) or None
                    except ssl.SSLWantWriteError:
                        drained = False
                    except WAITS:
                        pass
                if drained and (writing or not read):
                    return b""
                if not await self._network.ready([(self._sock, read, not drained)], deadline):
                    raise TimeoutError(f"nothing from {self._name()} in time" if read else f"{self._name()} took nothing in time")
        except ssl.SSLEOFError:
            raise ConnectionLost(f"{self._name()} ended the connection without ending TLS: what came may be cut off") from None
        except ssl.SSLError as error:
            raise TLSError(f"TLS with {self._name()} failed: {error.reason or error}") from None
        except OSError as error:
            if isinstance(error, TimeoutError):
                raise
            # What the peer said before it cut us off is still worth reading: an early answer to a body, say.
            if read and (last := self._last_words()):
                return last
            raise ConnectionLost(f"{self._name()} cut the connection off: {error.strerror or error}") from None

    def _last_words(self) -> bytes:
        self._output.clear()
        try:
            return self._sock.recv(READ_SIZE)
        except OSError:
            return b""

    async def start_tls(self, context: ssl.SSLContext, name: str, deadline: float | None) -> None:
        """Shake hands as the client, for the server ``name``. A stream whose handshake failed is closed."""
        await self.shake_hands(context, name, deadline, server_hostname=server_name(name))

    async def shake_hands(self, context: ssl.SSLContext, name: str, deadline: float | None, **side: Any) -> None:
        """Shake hands on the ``side`` that the keywords of `SSLContext.wrap_socket` tell; ``name`` is the peer's, in errors."""
        try:
            sock = context.wrap_socket(self._sock, do_handshake_on_connect=False, suppress_ragged_eofs=False, **side)
            self._sock = sock
            while True:
                try:
                    sock.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    interest: Interest = (sock, True, False)
                except ssl.SSLWantWriteError:
                    interest = (sock, False, True)
                if not await self._network.ready([interest], deadline):
                    raise TimeoutError(f"no TLS handshake with {name} in time")
            self.tls = info_of(sock)
        except BaseException as error:  # cancelled too
            self._sock.close()
            if isinstance(error, (OSError, ValueError)) and not isinstance(error, TimeoutError):
                raise tls_error(error, name) from None
            raise

    def stale(self) -> bool:
        """Whether there is something to read where nothing should be: an end, or bytes that nobody asked for."""
        try:
            if isinstance(self._sock, ssl.SSLSocket):
                self._sock.recv(1)  # TLS 1.3 sends tickets unasked, so to look at the socket alone says too little
            else:
                self._sock.recv(1, socket.MSG_PEEK)
        except WAITS:
            return False
        except OSError:
            return True
        return True

    async def close(self) -> None:
        if self._sock.fileno() >= 0:
            if self.tls is not None:
                finish_sending(self._sock)
            self._sock.close()

    def abort(self) -> None:
        """Cut the connection off (RST): what is unsent is dropped, and what was sent can't be taken for the whole."""
        if self._sock.fileno() >= 0:
            # With a linger time of zero a close sends RST (socket(7)).
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._sock.close()

    def _name(self) -> str:
        if isinstance(self.peer, tuple):
            host, port = self.peer[:2]
            return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        return str(self.peer or "the peer")


def _failure(found: Found, code: int | None) -> str:
    where = found[1][0] if isinstance(found[1], tuple) else str(found[1])
    return f"{where}: {os.strerror(code) if code else 'failed'}".replace("Connection refused", "refused: nothing listens there")


def _told(host: str, port: int, failures: list[str]) -> str:
    return f"can't connect to {host}" + (f":{port}" if port else "") + " (" + "; ".join(dict.fromkeys(failures)) + ")"


def _earliest(*deadlines: float | None) -> float | None:
    return min((deadline for deadline in deadlines if deadline is not None), default=None)


def _literal(host: str, port: int) -> list[Found]:
    """The address that ``host`` is; none where it is a name."""
    try:
        return _found(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST))
    except (OSError, UnicodeError):
        return []


def _found(rows: Sequence[Any]) -> list[Found]:
    return [(row[0], row[4]) for row in dict.fromkeys(rows)]


def _not_found(host: str, error: Exception) -> HostNotFound:
    """The error for a host that the system's resolver couldn't find."""
    if getattr(error, "errno", None) == socket.EAI_AGAIN:
        return HostNotFound(f"{host} could not be looked up now: no name server answered")
    return HostNotFound(f"{host} not found: no such name")
