"""TCP and Unix stream sockets: made, bound, connected, and set as servers and clients want them.

Only system calls and options stand here, each with its reason; waiting for them is the pumps' work.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

from wirespeak.errors import ConnectError, ListenError
from wirespeak.sockets.address import EVERYWHERE, Address

__all__ = ["BACKLOG", "ListeningSocket", "bind", "bind_all", "bind_families", "set_options", "start_connect"]

ListeningSocket: TypeAlias = socket.socket
"""For who passes one on without touching it."""

Where: TypeAlias = tuple[Any, ...]
"""An address as `socket.bind` takes it: host, port, and for IPv6 flow and scope."""

# Connections the kernel completes and holds until they are accepted. Linux cuts it to net.core.somaxconn (4,096).
BACKLOG = 4096
# Seconds of silence before the kernel asks an idle peer whether it is still there, between its questions, and how many.
# RFC 9293 3.8.4 has two hours as the default: too long for a server that would know of a peer that was switched off.
KEEPALIVE = (120, 30, 4)
# How often a free port is looked for that is free in both families: each time it isn't is an accident.
TRIES = 10


def bind(address: Address, *, reuse_port: bool = False) -> list[socket.socket]:
    """Listening sockets for ``address``: one a family that its host has, non-blocking, and all of one port.

    Port 0 takes a free port. ``*`` listens on everything, IPv6 and IPv4, through one dual-stack socket where the system
    has it. Raises `ListenError` with what to do about it.
    """
    if address.path is not None:
        return [_bind_unix(address)]
    everywhere = address.host == EVERYWHERE
    families = (socket.AF_INET6,) if everywhere and socket.has_dualstack_ipv6() else (socket.AF_INET, socket.AF_INET6)

    def make(family: int, where: Where) -> socket.socket:
        return _bind_tcp(family, where, dual_stack=everywhere, reuse_port=reuse_port)

    return bind_families(address, socket.SOCK_STREAM, families, make)


def bind_families(address: Address, kind: int, families: Sequence[int], make: Callable[[int, Where], socket.socket]) -> list[socket.socket]:
    """The sockets that ``make`` makes for the host of ``address``, one a family, all of one port. Raises `ListenError`.

    Of a name's addresses those that this machine lacks are left out, as long as one remains.
    """
    try:
        found = socket.getaddrinfo(None if address.host == EVERYWHERE else address.host, address.port, type=kind, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise ListenError(error.errno, f"can't listen on {address}: {error.strerror}") from None
    rows = [(row[0], row[4]) for row in dict.fromkeys(found) if row[0] in families]
    tries = TRIES
    while True:
        try:
            return _bind_rows(address, rows, make)
        except OSError as error:
            # The port that was free for the first family may be taken for the second; then we look for another.
            tries -= 1
            if address.port or error.errno != errno.EADDRINUSE or not tries:
                raise _explained(address, error) from None


def _bind_rows(address: Address, rows: Sequence[tuple[int, Where]], make: Callable[[int, Where], socket.socket]) -> list[socket.socket]:
    missing = OSError(errno.EADDRNOTAVAIL, "none of its addresses is this machine's")
    with contextlib.ExitStack() as stack:
        sockets: list[socket.socket] = []
        port = address.port
        for family, where in rows:
            try:
                sock = make(family, (where[0], port, *where[2:]))
            except OSError as error:
                if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                    raise
                missing = error
                continue
            sockets.append(sock)
            stack.callback(sock.close)
            port = sock.getsockname()[1]
        if not sockets:
            raise missing
        stack.pop_all()
    return sockets


def bind_all(addresses: Iterable[Address], *, reuse_port: bool = False) -> list[socket.socket]:
    """Listening sockets for several addresses; none is left open when one of them fails. Raises `ListenError`."""
    with contextlib.ExitStack() as stack:
        sockets: list[socket.socket] = []
        for address in addresses:
            for sock in bind(address, reuse_port=reuse_port):
                sockets.append(sock)
                stack.callback(sock.close)
        stack.pop_all()
    return sockets


def _bind_tcp(family: int, where: Where, *, dual_stack: bool, reuse_port: bool) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        # Without it a server can't come back on its port while connections of its last life are in TIME-WAIT
        # (RFC 9293 3.6.1); on Linux it doesn't let two programs share a port.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if dual_stack else 1)
        sock.bind(where)
        sock.listen(BACKLOG)
    except BaseException:
        sock.close()
        raise
    return sock


def _bind_unix(address: Address) -> socket.socket:
    """A Unix socket; one that a program left behind is replaced, one that someone answers on is not."""
    name = address.sockaddr
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        if address.path and address.path[0] != "@" and _left_behind(address.path):
            os.unlink(address.path)
        sock.bind(name)
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise _explained(address, error) from None
    return sock


def _left_behind(path: str) -> bool:
    """Whether ``path`` is a socket on which nobody listens."""
    try:
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            return False
    except OSError:
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)  # who listens and is busy makes others wait
        return probe.connect_ex(path) == errno.ECONNREFUSED


def _explained(address: Address, error: OSError) -> ListenError:
    if address.path is None:
        advice = {
            errno.EADDRINUSE: "another program listens there; stop it or choose another port",
            errno.EACCES: "ports below 1024 need a privilege; choose a higher one",
            errno.EADDRNOTAVAIL: "this machine has no such address",
        }
    else:
        advice = {
            errno.EADDRINUSE: "another program listens there, or it is no socket; choose another path",
            errno.EACCES: "its folder may not be written to; choose another path",
            errno.ENOENT: "its folder is not there",
        }
    return ListenError(error.errno, f"can't listen on {address}: {advice.get(error.errno or 0, error.strerror or str(error))}")


def set_options(sock: socket.socket) -> None:
    """What every connection is given, accepted or made: non-blocking, no delay, keep-alive, urgent bytes in their place."""
    sock.setblocking(False)
    if sock.family == socket.AF_UNIX:
        return
    # Every write here is a whole turn's output, so holding back a short packet (Nagle, RFC 9293 3.7.4) would only wait.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    # RFC 6093 6: else the byte that is marked urgent is taken out of the stream, and Telnet's IAC DM loses its half.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
    if hasattr(socket, "TCP_KEEPIDLE"):  # Linux, BSD; macOS calls the first TCP_KEEPALIVE
        idle, interval, count = KEEPALIVE
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, idle)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, interval)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, count)


def start_connect(family: int, where: object, source: tuple[str, int] | None = None) -> socket.socket:
    """A socket on its way to ``where``: writable once it is connected or has failed. Raises `ConnectError`."""
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        set_options(sock)
        if source is not None:
            sock.bind(source)
        result = sock.connect_ex(where)  # type: ignore[arg-type]
    except OSError as error:
        sock.close()
        raise ConnectError(error.errno, error.strerror) from None
    if result not in (0, errno.EINPROGRESS, errno.EWOULDBLOCK):
        sock.close()
        raise ConnectError(result, os.strerror(result))
    return sock
