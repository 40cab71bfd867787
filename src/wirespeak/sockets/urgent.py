"""Urgent data (RFC 9293 3.8.5), and what else can be known of a stream beyond the bytes that were read.

TCP says where urgent data end, and nothing of what they mean; RFC 6093 6 has them stay in their place in the stream
(SO_OOBINLINE, ``tcp.py``). Then a read ends in front of the urgent byte, if it doesn't begin there: so, where one `lies_ahead`
after a read, all that was read stands before it.

A connection that isn't read tells nothing, and just then a peer may want to be heard: `Watch` tells, on Linux. Elsewhere the
news come when the connection is read again. Asks the kernel, and reads nothing.
"""

from __future__ import annotations

import asyncio
import select
import socket
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["News", "Watch", "lies_ahead"]


def lies_ahead(sock: socket.socket) -> bool:
    """Whether there are urgent data that were not read yet."""
    poll = select.poll()
    poll.register(sock, select.POLLPRI)
    return any(events & select.POLLPRI for _, events in poll.poll(0))


@dataclass(slots=True, frozen=True)
class News:
    """Of a connection that isn't read: urgent data have come; the peer has ended its stream; the connection is cut off."""

    urgent: bool
    ended: bool
    lost: bool


class Watch:
    """Tells of connections of one event loop that aren't read, each piece of news once.

    The loop's own calls know only "readable"; an epoll inside the loop's asks for the rest. It is made for the first connection.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._told: dict[int, Callable[[News], None]] = {}
        self._epoll: select.epoll | None = None

    def begin(self, fd: int, told: Callable[[News], None]) -> None:
        """Have ``told`` called with the news of ``fd``, beginning with those that there are already."""
        if not hasattr(select, "epoll") or fd in self._told:
            return
        if self._epoll is None:
            self._epoll = select.epoll()
            self._loop.add_reader(self._epoll.fileno(), self._tell)
        self._told[fd] = told
        self._epoll.register(fd, select.EPOLLPRI | select.EPOLLRDHUP | select.EPOLLET)

    def end(self, fd: int) -> None:
        """Tell no more of ``fd``, which is still open."""
        if self._told.pop(fd, None) is not None and self._epoll is not None:
            self._epoll.unregister(fd)

    def _tell(self) -> None:
        assert self._epoll is not None
        for fd, events in self._epoll.poll(0):
            if fd in self._told:  # else one that was told before has ended it
                self._told[fd](News(bool(events & select.EPOLLPRI), bool(events & select.EPOLLRDHUP), bool(events & select.EPOLLERR)))
