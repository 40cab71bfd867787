"""TCP and Unix stream sockets: made, bound, connected, and set as servers and clients want them.

Only system calls and options stand here, each with its reason; waiting for them is the pumps' work.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
from collections.abc import Iterable

from wirespeak.errors import ConnectError, ListenError
from wirespeak.sockets.address import EVERYWHERE, Address

__all__ = ["BACKLOG", "bind", "bind_all", "set_options", "start_connect"]

# Connections the kernel completes and holds until they are accepted. Linux cuts it to net.core.somaxconn (4,096).
BACKLOG = 4096
# Seconds of silence before the kernel asks an idle peer whether it is still there, between its questions, and how many.
# RFC 9293 3.8.4 has two hours as the default: too long for a server that would know of a peer that was switched off.
KEEPALIVE = (120, 30, 4)


def bind(address: Address, *, reuse_port: bool = False) -> list[socket.socket]:
    """Listening sockets for ``address``: one a family that its host has, non-blocking, and all of one port.

    Port 0 takes a free port. ``*`` listens on everything, IPv6 and IPv4, through one dual-stack socket where the system
    has it. Raises `ListenError` with what to do about it.
    """
    if address.path is not None:
        return [_bind_unix(address)]
    everywhere = address.host == EVERYWHERE
    try:
        found = socket.getaddrinfo(None if everywhere else address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise ListenError(error.errno, f"can't listen on {address}: {error.strerror}") from None
    if everywhere and socket.has_dualstack_ipv6():
        found = [row for row in found if row[0] == socket.AF_INET6] or found
    sockets: list[socket.socket] = []
    port = address.port
    try:
        for family, _, _, _, where in dict.fromkeys(found):
            if sockets and not address.port:
                where = (where[0], port, *where[2:])  # the second family joins the port the first was given
            try:
                sock = _bind_tcp(family, where, dual_stack=everywhere, reuse_port=reuse_port)
            except OSError as error:
                if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT) and len(found) > 1:
                    continue  # a name of two addresses, one of which this machine lacks
                raise
            sockets.append(sock)
            port = sock.getsockname()[1]
    except OSError as error:
        for sock in sockets:
            sock.close()
        raise _explained(address, error) from None
    if not sockets:
        raise ListenError(errno.EADDRNOTAVAIL, f"can't listen on {address}: none of its addresses is this machine's")
    return sockets


def bind_all(addresses: Iterable[Address], *, reuse_port: bool = False) -> list[socket.socket]:
    """Listening sockets for several addresses; none is left open when one of them fails. Raises `ListenError`."""
    with contextlib.ExitStack() as stack:
        sockets: list[socket.socket] = []
        for address in addresses:
            sockets += bind(address, reuse_port=reuse_port)
            for sock in sockets:
                stack.callback(sock.close)
        stack.pop_all()
    return sockets


def _bind_tcp(family: int, where: tuple[object, ...], *, dual_stack: bool, reuse_port: bool) -> socket.socket:
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
    path = str(address.path)
    name = f"\0{path[1:]}" if path.startswith("@") else path
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        if name[0] != "\0" and _left_behind(name):
            os.unlink(name)
        sock.bind(name)
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise _explained(address, error) from None
    return sock


def _left_behind(path: str) -> bool:
    try:
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            return False
    except OSError:
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(path) == errno.ECONNREFUSED


def _explained(address: Address, error: OSError) -> ListenError:
    advice = {
        errno.EADDRINUSE: "another program listens there; stop it or choose another port",
        errno.EACCES: "ports below 1024 need a privilege; choose a higher one",
        errno.EADDRNOTAVAIL: "this machine has no such address",
    }.get(error.errno or 0, error.strerror or str(error))
    return ListenError(error.errno, f"can't listen on {address}: {advice}")


def set_options(sock: socket.socket) -> None:
    """What every connection is given, accepted or made: non-blocking, no delay, keep-alive."""
    sock.setblocking(False)
    if sock.family == socket.AF_UNIX:
        return
    # Every write here is a whole turn's output, so holding back a short packet (Nagle, RFC 9293 3.7.4) would only wait.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
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
