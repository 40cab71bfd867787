"""A client's world, written once: `Network` connects, `Stream` carries bytes, over whatever can wait for a socket.

Everything here is a coroutine that waits in one place alone, `Network.ready`. The asyncio network (`aio_network.py`)
suspends there until the loop reports a socket; the blocking one (`blocking.py`) calls poll() and comes back without
ever having suspended. So there is one client for both, and neither threads nor a loop for who blocks.
"""

from __future__ import annotations

import os
import socket
import ssl
import struct
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from wirespeak.contract import AsyncLock, Segment, Signal
from wirespeak.errors import ConnectError, ConnectionLost, HostNotFound, TimeoutError, TLSError
from wirespeak.sockets.output import WAITS, Output, finish_sending
from wirespeak.sockets.race import Attempt, Race, interleaved
from wirespeak.sockets.tcp import set_options, start_connect
from wirespeak.sockets.tls import info_of, server_name, tls_error

__all__ = ["Interest", "Network", "SocketStream"]

READ_SIZE = 64 << 10

Interest = tuple[socket.socket, bool, bool]
"""A socket, and whether one waits for it to be readable, and writable."""

Found = tuple[int, Any]
"""An address family, and an address of it."""


class Network(ABC):
    """Connections for a client's policy (a `contract.Network`). ``source`` is the address that they come from."""

    def __init__(self, *, source: tuple[str, int] | None = None) -> None:
        self._source = source

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
        try:
            return _found(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST))
        except OSError:
            pass  # a name
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
        if host.startswith("unix:"):
            path = host[5:]
            found: list[Found] = [(socket.AF_UNIX, f"\0{path[1:]}" if path.startswith("@") else path)]
        else:
            found = await self.resolve(host, port, deadline)
        if not found:
            raise HostNotFound(f"{host} has no address")
        stream = SocketStream(self, await self._race(host, port, found, deadline))
        if tls is not None:
            await stream.start_tls(tls, server_name or host, deadline)  # which closes it where it fails
        return stream

    async def _race(self, host: str, port: int, found: list[Found], deadline: float | None) -> socket.socket:
        race = Race(interleaved([family for family, _ in found]))
        running: dict[int, socket.socket] = {}
        failures: list[str] = []
        try:
            commands = list(race.start(self.now()))
            while race.winner is None:
                while commands:
                    command = commands.pop(0)
                    if isinstance(command, Attempt):
                        try:
                            running[command.index] = start_connect(*found[command.index], self._source)
                        except ConnectError as error:
                            failures.append(_failure(found[command.index], error.errno))
                            commands += race.failed(command.index, self.now())
                if race.lost:
                    raise ConnectError(_told(host, port, failures))
                limits = [limit for limit in (deadline, race.deadline) if limit is not None]
                ready = await self.ready([(sock, False, True) for sock in running.values()], min(limits, default=None))
                now = self.now()
                if deadline is not None and now >= deadline and not ready:
                    raise TimeoutError(f"no connection to {host}:{port} in time")
                for index in [index for index, sock in running.items() if sock in ready]:
                    code = running[index].getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                    if code:
                        running.pop(index).close()
                        failures.append(_failure(found[index], code))
                        commands += race.failed(index, now)
                    else:
                        race.connected(index)
                        break
                else:
                    commands += race.tick(now)
            return running.pop(race.winner)
        finally:
            for sock in running.values():
                sock.close()


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


def _found(rows: Sequence[Any]) -> list[Found]:
    return [(row[0], row[4]) for row in dict.fromkeys(rows)]


def _not_found(host: str, error: Exception) -> HostNotFound:
    """The error for a host that the system's resolver couldn't find."""
    if getattr(error, "errno", None) == socket.EAI_AGAIN:
        return HostNotFound(f"{host} could not be looked up now: no name server answered")
    return HostNotFound(f"{host} not found: no such name")
