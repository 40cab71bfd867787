"""Many datagrams a system call: what has come is received at once, answered one by one, and sent at once.

A server of small datagrams spends most of its time in the kernel, a good part of that on the way in and out. Linux's
recvmmsg(2) and sendmmsg(2) go that way once for up to `SIZE` datagrams. Python has no name for them, so the C library is
asked; the tables that the two read and write (struct mmsghdr, struct iovec) are plain arrays here, laid out once:

    header   name ─▶ address │ its length │ iovec ─▶ buffer, length │ control ─▶ │ its length │ flags │ bytes received or sent
                 8               4 + 4           8 + 8                   8             8        4 + 4      4 + 4   = 64 bytes

A socket that is bound to no address hears at all of the machine's. Which one a datagram came to stands in a control message
(IP_PKTINFO, ip(7); IPV6_PKTINFO, RFC 3542 4.2); given back with the answer, it says where that is to come from.

`AVAILABLE` tells whether all this is here: on 64-bit Linux. Elsewhere ``udp.py`` receives and sends one by one.
"""

from __future__ import annotations

import ctypes
import errno
import socket
import struct
import sys
from array import array
from collections.abc import Callable
from mmap import mmap
from typing import Any, Final

from wirespeak.contract import Responder

__all__ = ["AVAILABLE", "SIZE", "Batch"]

# Datagrams answered in one turn of the loop, so that a flood on one socket can't keep all others waiting.
SIZE: Final = 64
# A datagram carries at most 65,507 bytes over IPv4 (65,535 less the headers), 65,527 over IPv6. Room is set aside for so
# much each, of which the system gives memory only to what is written to.
ROOM: Final = 1 << 16
# The longest address, that of IPv6 (struct sockaddr_in6), and the room for each.
ADDRESS: Final = 28
ADDRESS_ROOM: Final = 32
# A control message that tells an address: its header of 16 bytes, and what it says, 12 for IPv4 and 20 for IPv6, in steps of eight.
CONTROL: Final = 40
# Addresses remembered as Python writes them: resolvers ask again and again, from few sockets or from ever new ones.
REMEMBERED: Final = 4096

# Of a header, the 4-byte numbers: how many, and which of them is the address's length, and the datagram's; and the 8-byte ones:
# where address and control are, and the length of control.
_HEADER: Final = 16
_ADDRESS_LENGTH: Final = 2
_LENGTH: Final = 14
_WORDS: Final = 8
_CONTROL: Final = 4
_CONTROL_LENGTH: Final = 5

_IPV4: Final = struct.Struct("!2xH4s")
_IPV6: Final = struct.Struct("!2xHI16s")
_SCOPE: Final = struct.Struct("=24xI")

try:
    # The calls never wait, so they need not let other threads run meanwhile (as CDLL would).
    _libc = ctypes.PyDLL(None, use_errno=True)
    _receive, _send = _libc.recvmmsg, _libc.sendmmsg
    _receive.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, ctypes.c_void_p]
    _send.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int]
    AVAILABLE = sys.platform == "linux" and ctypes.sizeof(ctypes.c_void_p) == 8
except (AttributeError, OSError, TypeError):
    AVAILABLE = False


class Batch:
    """Room for the datagrams of one turn of one socket; ``anywhere`` where it is bound to no address."""

    def __init__(self, *, anywhere: bool = False) -> None:
        self._anywhere = anywhere
        self._received, self._answers = mmap(-1, SIZE * ROOM), mmap(-1, SIZE * ROOM)
        self._addresses = mmap(-1, SIZE * ADDRESS_ROOM)
        self._address_at = [_address_of(self._addresses) + place * ADDRESS_ROOM for place in range(SIZE)]
        self._controls = mmap(-1, SIZE * CONTROL)
        self._control_at = [_address_of(self._controls) + place * CONTROL for place in range(SIZE)]
        # Behind each header that receives stand the address and the buffer of its place; of one that sends, the address is
        # that of whom it answers.
        self._into = self._buffers(self._received)
        self._from = self._buffers(self._answers)
        self._headers_in = self._headers(self._into)
        self._headers_out = self._headers(self._from)
        self._sizes_in = memoryview(self._headers_in).cast("B").cast("I")
        self._sizes_out = memoryview(self._headers_out).cast("B").cast("I")
        self._peers: dict[bytes, Any] = {}

    def _buffers(self, memory: mmap) -> array[int]:
        """The iovecs of ``memory``'s places: where each is, and how much it holds."""
        start = _address_of(memory)
        return array("Q", [number for place in range(SIZE) for number in (start + place * ROOM, ROOM)])

    def _headers(self, buffers: array[int]) -> array[int]:
        start = buffers.buffer_info()[0]
        header = struct.Struct("=QI4xQQQQ16x")
        size = CONTROL if self._anywhere else 0
        rows = zip(self._address_at, range(start, start + 16 * SIZE, 16), self._control_at, strict=True)
        return array("Q", b"".join([header.pack(address, ADDRESS, buffer, 1, control, size) for address, buffer, control in rows]))

    def serve(self, fd: int, responder: Responder, now: float, failed: Callable[[Any, Exception], None]) -> tuple[int, int]:
        """Have what has come to the socket ``fd`` answered; how many came, and how many answers could not be sent.

        ``failed`` is told of a peer for whom the responder raised an error. That none came tells nothing: an error about an
        earlier answer (ICMP: nobody listens there any more) is reported in its place, and is of no use to who answers everyone.
        """
        count = _receive(fd, self._headers_in.buffer_info()[0], SIZE, socket.MSG_DONTWAIT, None)
        if count <= 0:
            return 0, 0
        received, answers, addresses, peers = self._received, self._answers, self._addresses, self._peers
        sizes_in, sizes_out, buffers = self._sizes_in, self._sizes_out, self._from
        headers_in, headers_out, anywhere = self._headers_in, self._headers_out, self._anywhere
        answer = responder.answer
        replies = lost = told = 0
        for place in range(count):
            number = place * _HEADER
            start = place * ROOM
            data = received[start : start + sizes_in[number + _LENGTH]]
            length = sizes_in[number + _ADDRESS_LENGTH]
            sizes_in[number + _ADDRESS_LENGTH] = ADDRESS
            start = place * ADDRESS_ROOM
            address = addresses[start : start + length]
            if anywhere:
                told = headers_in[place * _WORDS + _CONTROL_LENGTH]
                headers_in[place * _WORDS + _CONTROL_LENGTH] = CONTROL
            peer = peers.get(address) or self._peer(address)
            try:
                reply = answer(data, peer, now)
            except Exception as error:
                failed(peer, error)
                continue
            if reply is None:
                continue
            size = len(reply)
            if size <= ROOM:
                start = replies * ROOM
                answers[start : start + size] = reply
                buffers[2 * replies + 1] = size
                headers_out[replies * _WORDS] = self._address_at[place]
                sizes_out[replies * _HEADER + _ADDRESS_LENGTH] = length
                if anywhere:
                    headers_out[replies * _WORDS + _CONTROL] = self._control_at[place]
                    headers_out[replies * _WORDS + _CONTROL_LENGTH] = told
                replies += 1
            else:
                lost += 1
        return count, lost + (self._send(fd, replies) if replies else 0)

    def _send(self, fd: int, count: int) -> int:
        """Send so many answers; the number of those that could not be sent."""
        start = self._headers_out.buffer_info()[0]
        done = lost = 0
        while done < count:
            sent = _send(fd, start + done * _HEADER * 4, count - done, socket.MSG_DONTWAIT)
            if sent > 0:
                done += sent
            elif ctypes.get_errno() in (errno.EAGAIN, errno.EBADF):  # no room for any, or the socket was closed
                return lost + count - done
            else:  # it is about the first of them
                done += 1
                lost += 1
        return lost

    def _peer(self, address: bytes) -> Any:
        """The address as Python writes it (`socket.recvfrom`)."""
        family = int.from_bytes(address[:2], sys.byteorder)
        peer: Any
        if family == socket.AF_INET:
            port, host = _IPV4.unpack_from(address)
            peer = (socket.inet_ntop(family, host), port)
        else:
            port, flow, host = _IPV6.unpack_from(address)
            peer = (socket.inet_ntop(family, host), port, flow, _SCOPE.unpack_from(address)[0])
        if len(self._peers) >= REMEMBERED:
            self._peers.clear()
        self._peers[address] = peer
        return peer


def _address_of(memory: mmap) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(memory))
