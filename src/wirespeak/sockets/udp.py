"""Datagrams: one socket that asks a `Responder` for the answer to each, and one that a client asks through (RFC 768)."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Callable, Sequence
from typing import Any

from wirespeak.contract import Responder
from wirespeak.sockets import batch
from wirespeak.sockets.address import Address
from wirespeak.sockets.output import WAITS
from wirespeak.sockets.tcp import Where, bind_families

__all__ = ["DatagramServer", "bind_datagram", "set_buffers"]

# A datagram carries at most 65,507 bytes over IPv4 (65,535 less the headers), 65,527 over IPv6.
LARGEST = 65535
# What the kernel may hold for us while we are busy: at 100 bytes a question, some thousands of them.
RECEIVE_BUFFER = 1 << 20

# Linux's, for which older Pythons have no name (ip(7)); what it tells takes 12 bytes, and of IPv6 (RFC 3542 4.2) 20.
IP_PKTINFO = 8
PKTINFO_SIZE = 20


def bind_datagram(address: Address, *, reuse_port: bool = False) -> list[socket.socket]:
    """Datagram sockets bound to ``address``, one a family, all of one port. Raises `ListenError`."""

    def make(family: int, where: Where) -> socket.socket:
        sock = socket.socket(family, socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            set_buffers(sock)
            if reuse_port:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if family == socket.AF_INET6:
                # Each family has a socket of its own, so that an IPv4 peer is known by its own address.
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.bind(where)
        except BaseException:
            sock.close()
            raise
        return sock

    return bind_families(address, socket.SOCK_DGRAM, (socket.AF_INET, socket.AF_INET6), make)


def set_buffers(sock: socket.socket) -> None:
    """Let the kernel hold a burst (the system's own limit, net.core.rmem_max, may cut it)."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)


class DatagramServer:
    """Answers datagrams that come to ``sockets`` with what ``responder`` says; an answer that can't be sent now is dropped.

    That is UDP's own promise: who asked asks again.
    """

    def __init__(self, sockets: Sequence[socket.socket], responder: Responder) -> None:
        self._loop = asyncio.get_running_loop()
        self._sockets = list(sockets)
        self._responder = responder
        self._readers = [self._batches(sock) if batch.AVAILABLE else self._one_by_one(sock) for sock in self._sockets]
        self.received = 0
        self.dropped = 0

    @property
    def addresses(self) -> list[Any]:
        """Where it answers, as the sockets tell it."""
        return [sock.getsockname() for sock in self._sockets]

    def start(self) -> None:
        """Answer from now on."""
        for sock, reader in zip(self._sockets, self._readers, strict=True):
            self._loop.add_reader(sock, reader)

    def _batches(self, sock: socket.socket) -> Callable[[], None]:
        room = batch.Batch(anywhere=_tells_where(sock))

        def readable() -> None:
            received, dropped = room.serve(sock.fileno(), self._responder, self._loop.time(), self._failed)
            self.received += received
            self.dropped += dropped

        return readable

    def _one_by_one(self, sock: socket.socket) -> Callable[[], None]:
        told = socket.CMSG_SPACE(PKTINFO_SIZE) if _tells_where(sock) else 0

        def readable() -> None:
            now = self._loop.time()
            for _ in range(batch.SIZE):
                try:
                    data, where, _, peer = sock.recvmsg(LARGEST, told)
                except WAITS:
                    return
                except OSError:
                    # An ICMP error about an answer of ours (nobody listens there any more) is reported here; it tells of
                    # one peer, not of this socket.
                    continue
                self.received += 1
                try:
                    reply = self._responder.answer(data, peer, now)
                except Exception as error:
                    self._failed(peer, error)
                    continue
                if reply is not None:
                    try:
                        sock.sendmsg((reply,), where, 0, peer)
                    except OSError:
                        self.dropped += 1

        return readable

    def _failed(self, peer: Any, error: Exception) -> None:
        """A fault of our own: told where faults are told; the next question is another."""
        self._loop.call_exception_handler({"message": f"no answer could be made for {peer}", "exception": error})

    def close(self) -> None:
        """Answer no more, and give the addresses back."""
        for sock in self._sockets:
            self._loop.remove_reader(sock)
            sock.close()
        self._sockets.clear()
        self._readers.clear()


def _tells_where(sock: socket.socket) -> bool:
    """Whether the socket hears at all addresses of the machine, and, told to, tells at which a datagram came.

    What it tells is given back with the answer, which then comes from the address that was asked; from another, nobody
    would take it.
    """
    if sock.getsockname()[0] not in ("0.0.0.0", "::") or sys.platform != "linux":
        return False
    if sock.family == socket.AF_INET:
        sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    return True
