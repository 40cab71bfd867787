"""The blocking pump: the same clients and sessions without an event loop, for scripts, tests and the interactive prompt.

`run` takes a coroutine of a client's policy to its end. Over the network of this module no await ever suspends: each
waits inside poll(), so the coroutine is an ordinary call that happens to be written with ``await``.
"""

from __future__ import annotations

import select
import socket
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from wirespeak.contract import Conversation, Segment, Service
from wirespeak.errors import ConnectionLost, TimeoutError
from wirespeak.sockets import network
from wirespeak.sockets.network import Found, Interest, SocketStream, not_found

__all__ = ["BlockingNetwork", "converse", "run"]

T = TypeVar("T")


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of ``coroutine``, which is over a `BlockingNetwork`. Raises what it raises."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        result: T = stop.value
        return result
    coroutine.close()
    raise RuntimeError("the coroutine waits for something other than the blocking network; run it in an event loop")


class BlockingNetwork(network.Network):
    """A `Network` that waits in poll()."""

    def now(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def lock(self) -> _Lock:
        return _Lock()

    async def ready(self, interests: Sequence[Interest], deadline: float | None) -> list[socket.socket]:
        poll = select.poll()
        by_number = {}
        for sock, read, write in interests:
            poll.register(sock, (select.POLLIN if read else 0) | (select.POLLOUT if write else 0))
            by_number[sock.fileno()] = sock
        wait = None if deadline is None else max(0.0, deadline - time.monotonic())
        return [by_number[number] for number, _ in poll.poll(None if wait is None else wait * 1000)]

    async def resolve(self, host: str, port: int, deadline: float | None) -> list[Found]:
        """By getaddrinfo, which knows no deadline: the system's own (``resolv.conf``) bounds it."""
        try:
            rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise not_found(host, error if isinstance(error, OSError) else OSError()) from None
        return [(row[0], row[4]) for row in dict.fromkeys(rows)]


class _Lock:
    """A lock between threads, in the clothes of an asynchronous one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    async def __aenter__(self) -> None:
        self._lock.acquire()

    async def __aexit__(self, *exc: object) -> None:
        self._lock.release()


class _BlockingLink:
    """A `contract.Link` for a conversation that one thread carries alone."""

    def __init__(self, stream: SocketStream) -> None:
        self.peer, self.local, self.tls = stream.peer, stream.local, stream.tls

    def wake(self) -> None:
        """Nothing arises outside a turn where there is one thread and no loop."""

    async def room(self) -> None:
        """The thread itself waits in each write."""

    def start(self, coroutine: Coroutine[Any, Any, None]) -> None:
        run(coroutine)

    def abort(self) -> None:
        raise ConnectionLost("the connection was cut off on this side")


def converse(sock: socket.socket, service: Service, clock: Callable[[], float] = time.monotonic) -> None:
    """Serve one connected socket until its conversation is over: the whole of a pump, to be read in one go.

    What a server is without an event loop: a thread for each connection, in which the loop below turns.
    """
    stream = SocketStream.adopt(BlockingNetwork(), sock)
    conversation: Conversation = service(_BlockingLink(stream))
    session = conversation.session
    error: Exception | None = None
    data: bytes | None = b""
    ended = False
    try:
        while True:
            events = session.receive_eof(clock()) if data is None else session.receive(data, clock())
            while events:
                for event in events:
                    conversation.handle(event)
                events = session.receive(b"", clock())
            ended = ended or data is None
            segments = session.data_to_send()
            if session.closed:
                run(stream.exchange(segments, session.deadline, read=False))
                break
            try:
                data = run(_exchange(stream, segments, session.deadline, read=not ended and (session.reading or not segments)))
            except TimeoutError:
                for event in session.tick(clock()):
                    conversation.handle(event)
                data = b""
            session.blocked(stream.unsent, clock())
    except (ConnectionLost, OSError) as lost:
        error = lost
    finally:
        run(stream.close())
        conversation.lost(error)


async def _exchange(stream: SocketStream, segments: Sequence[Segment], deadline: float | None, *, read: bool) -> bytes | None:
    """Write, read, or, with nothing to write and no more to come, wait for the deadline."""
    if not segments and not read and not stream.unsent:
        raise TimeoutError("nothing more will come")
    return await stream.exchange(segments, deadline, read=read)
