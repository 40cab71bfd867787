"""Listening: connections accepted within bounds and each given to a service, until told to stop in good order.

A `Listener` has any number of listening sockets (IPv4, IPv6, Unix) and one service. `serve_until_stopped` runs a
program of listeners: SIGTERM and SIGINT end it so that nothing is lost. No more connections are accepted, what runs is
finished, and what has not finished by the deadline is cut off. A second signal cuts everything off at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import resource
import signal
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from wirespeak.contract import Conversation, Link, Service
from wirespeak.sockets.aio import Connection, Turn
from wirespeak.sockets.output import WAITS
from wirespeak.sockets.proxied import ProxiedConnection
from wirespeak.sockets.proxy import Proxies
from wirespeak.sockets.tcp import set_options
from wirespeak.tap import Observer, Tap

__all__ = ["Limits", "Listener", "allow_many_files", "serve_until_stopped", "watched"]

logger = logging.getLogger("wirespeak.sockets")

# Connections accepted in one turn of the loop, so that a flood of new ones can't keep those that stand waiting.
ACCEPTED_A_TURN = 64
# Seconds without accepting after the system ran out of file descriptors or memory.
REST = 1.0
# Seconds that what runs is given to finish when the program stops.
GRACE = 10.0
# Errors of accept() that tell of the connection, not of the listener (accept(2)): go on with the next.
GONE = {
    errno.ECONNABORTED,
    errno.EPROTO,
    errno.ENETDOWN,
    errno.EHOSTUNREACH,
    errno.ENETUNREACH,
    errno.EOPNOTSUPP,
    errno.ENOPROTOOPT,
    errno.EHOSTDOWN,
}


@dataclass(slots=True, frozen=True)
class Limits:
    """How many connections a listener holds: in all, and of one client (by IP address).

    At the first the listener stops accepting until one ends, and new ones wait in the kernel; past the second they are
    closed as they come. One idle connection takes some 4 KB here (about 25 KB over TLS), so the defaults bound a
    listener to 64 MB and let no single address take more than a quarter of it.
    """

    connections: int = 16384
    per_client: int = 4096


class Listener:
    """Accepts on ``sockets`` and gives each connection to ``service``, after a handshake where there is a ``tls`` context.

    ``watch``, where given, is asked for an observer of each new connection; None leaves that one unwatched. ``proxy_from`` are
    the addresses of proxies (`Proxies.parse`): each of them must tell first, by the PROXY protocol, who its client is, and that
    client is then the connection's peer. Raises `AddressError` for what is no such list.
    """

    def __init__(
        self,
        sockets: Sequence[socket.socket],
        service: Service,
        *,
        tls: ssl.SSLContext | None = None,
        limits: Limits | None = None,
        watch: Callable[[Link], Observer | None] | None = None,
        proxy_from: Iterable[str] = (),
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._sockets = list(sockets)
        self._service: Service = service if watch is None else watched(service, watch)
        self._tls = tls
        self._limits = limits or Limits()
        self._turn = Turn(self._loop)
        self._per_client: Counter[str] = Counter()
        self._proxies = Proxies.parse(proxy_from)
        self._nameless: set[Connection] = set()  # from proxies that have not said yet for whom
        self._accepting = False
        self._stopping = False
        self._emptied: asyncio.Future[None] | None = None
        self.connections: set[Connection] = set()
        self.accepted = 0
        self.refused = 0

    @property
    def addresses(self) -> list[Any]:
        """Where it listens, as the sockets tell it."""
        return [sock.getsockname() for sock in self._sockets]

    @property
    def sockets(self) -> list[socket.socket]:
        return list(self._sockets)

    def start(self) -> None:
        """Accept from now on."""
        self._accept_more(True)

    def _accept_more(self, accepting: bool) -> None:
        if accepting is self._accepting or (accepting and self._stopping):
            return
        self._accepting = accepting
        for sock in self._sockets:
            if accepting:
                self._loop.add_reader(sock, self._acceptable, sock)
            else:
                self._loop.remove_reader(sock)

    def _acceptable(self, listening: socket.socket) -> None:
        for _ in range(ACCEPTED_A_TURN):
            if len(self.connections) >= self._limits.connections:
                self._accept_more(False)  # the rest wait in the kernel's queue until one of these ends
                return
            try:
                sock, peer = listening.accept()
            except WAITS:
                return
            except OSError as error:
                if error.errno in GONE:
                    continue
                logger.warning("accepting rests for %.0f s: %s", REST, error)
                self._accept_more(False)
                self._loop.call_later(REST, self._accept_more, True)
                return
            self._accepted(sock, peer)

    def _accepted(self, sock: socket.socket, peer: Any) -> None:
        proxied = self._proxies.include(peer)
        if not proxied and not self._has_room(peer):
            sock.close()
            return
        try:
            set_options(sock)
        except OSError:  # gone before it was asked for anything
            sock.close()
            return
        self.accepted += 1
        connection: Connection
        if proxied:
            connection = ProxiedConnection(sock, peer, self._turn, self._loop, self._ended, self._introduced)
            self._nameless.add(connection)
        else:
            connection = Connection(sock, peer, self._turn, self._loop, self._ended)
            self._per_client[_client(peer)] += 1
        self.connections.add(connection)
        connection.begin(self._service, self._tls)

    def _has_room(self, peer: Any) -> bool:
        """Whether ``peer`` may have one more connection."""
        client = _client(peer)
        if client and self._per_client[client] >= self._limits.per_client:
            self.refused += 1
            return False
        return True

    def _introduced(self, connection: Connection) -> bool:
        """A proxy has told for whom a connection is: whether that client may have it."""
        if not self._has_room(connection.peer):
            return False
        self._nameless.discard(connection)
        self._per_client[_client(connection.peer)] += 1
        return True

    def _ended(self, connection: Connection) -> None:
        self.connections.discard(connection)
        if connection in self._nameless:
            self._nameless.discard(connection)
        else:
            client = _client(connection.peer)
            self._per_client[client] -= 1
            if not self._per_client[client]:
                del self._per_client[client]
        if not self._accepting:
            self._accept_more(True)
        if self._emptied is not None and not self.connections and not self._emptied.done():
            self._emptied.set_result(None)

    def close(self) -> None:
        """Accept no more, and give the addresses back; connections that stand go on."""
        if self._stopping:
            return
        self._accept_more(False)
        self._stopping = True
        for sock in self._sockets:
            path = sock.getsockname() if sock.family == socket.AF_UNIX else None
            sock.close()
            if isinstance(path, str) and path:
                with contextlib.suppress(OSError):
                    # A path that another program has bound anew since is not ours to remove, but can't be told apart.
                    os.unlink(path)

    async def stop(self, grace: float = GRACE) -> int:
        """Accept no more, finish what runs, and cut off what has not finished after ``grace`` seconds: how many that were."""
        self.close()
        for connection in list(self.connections):
            connection.finish()
        if self.connections:
            self._emptied = self._loop.create_future()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(asyncio.shield(self._emptied), grace)
        left = list(self.connections)
        for connection in left:
            connection.abort()
        return len(left)


def _client(peer: Any) -> str:
    """Whose connections are counted together: those of one IP address; of Unix sockets nothing is known."""
    return peer[0] if isinstance(peer, tuple) else ""


def watched(service: Service, watch: Callable[[Link], Observer | None]) -> Service:
    """``service``, each of whose conversations is watched by the observer that ``watch`` gives for it, if it gives one."""

    def begin(link: Link) -> Conversation:
        conversation = service(link)
        observer = watch(link)
        if observer is not None:
            conversation.session = Tap(conversation.session, observer)
        return conversation

    return begin


def allow_many_files() -> None:
    """Raise the soft limit on open files to the hard one: each connection is a file, and the soft limit is often 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def serve_until_stopped(
    listeners: Sequence[Listener],
    *,
    grace: float = GRACE,
    on_ready: Callable[[], None] | None = None,
    on_hangup: Callable[[], None] | None = None,
) -> None:
    """Accept on all ``listeners`` until SIGTERM or SIGINT, then stop in good order.

    ``on_ready`` is called once they accept and a signal stops them in good order; SIGHUP calls ``on_hangup``.
    """
    loop = asyncio.get_running_loop()
    allow_many_files()
    stop = asyncio.Event()

    def stop_now() -> None:
        if stop.is_set():
            for listener in listeners:
                for connection in list(listener.connections):
                    connection.abort()
        stop.set()

    handlers = {signal.SIGTERM: stop_now, signal.SIGINT: stop_now}
    if on_hangup is not None:
        handlers[signal.SIGHUP] = on_hangup
    for number, handler in handlers.items():
        loop.add_signal_handler(number, handler)
    try:
        for listener in listeners:
            listener.start()
        if on_ready is not None:
            on_ready()
        await stop.wait()
        left = sum(await asyncio.gather(*(listener.stop(grace) for listener in listeners)))
        if left:
            logger.warning("%d connections had not finished after %.0f s and were cut off", left, grace)
    finally:
        for number in handlers:
            loop.remove_signal_handler(number)
