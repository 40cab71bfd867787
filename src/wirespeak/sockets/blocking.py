"""The blocking pump: the same clients and sessions without an event loop, for scripts, tests and the interactive prompt.

`run` takes a coroutine of a client's policy to its end. Over the network of this module no await ever suspends: each
waits inside poll(), so the coroutine is an ordinary call that happens to be written with ``await``.
"""

from __future__ import annotations

import math
import queue
import select
import socket
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from wirespeak.contract import Segment, Service
from wirespeak.errors import ConnectionLost, TimeoutError, TLSError
from wirespeak.sockets import network
from wirespeak.sockets.inplace import InPlace
from wirespeak.sockets.network import Interest, SocketStream

__all__ = ["BlockingNetwork", "converse", "run"]

T = TypeVar("T")

# Seconds for a TLS handshake on the server's side (as in ``aio.py``).
HANDSHAKE_TIME = 20.0
# Seconds after which a session is told anew how much of its output waits.
TELL_EVERY = 1.0


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

    def signal(self) -> _Signal:
        return _Signal()

    async def ready(self, interests: Sequence[Interest], deadline: float | None) -> list[socket.socket]:
        poll = select.poll()
        by_number = {}
        for sock, read, write in interests:
            poll.register(sock, (select.POLLIN if read else 0) | (select.POLLOUT if write else 0))
            by_number[sock.fileno()] = sock
        wait = None if deadline is None or deadline == math.inf else max(0.0, deadline - time.monotonic())
        return [by_number[number] for number, _ in poll.poll(None if wait is None else wait * 1000)]

    async def look_up(self, host: str, port: int, deadline: float | None) -> list[Any]:
        # getaddrinfo knows no deadline, and no Ctrl-C until it is done; so it is waited for, in a thread of its own.
        results: queue.SimpleQueue[list[Any] | Exception] = queue.SimpleQueue()

        def ask() -> None:
            try:
                results.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
            except (OSError, UnicodeError) as error:
                results.put(error)

        threading.Thread(target=ask, name=f"looks up {host}", daemon=True).start()
        try:
            found = results.get(timeout=None if deadline is None else max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            raise TimeoutError(f"{host} could not be looked up in time") from None
        if isinstance(found, Exception):
            raise found
        return found


class _Lock:
    """A lock between threads, in the clothes of an asynchronous one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    async def __aenter__(self) -> None:
        self._lock.acquire()

    async def __aexit__(self, *exc: object) -> None:
        self._lock.release()


class _Signal:
    """A signal between threads."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def give(self) -> None:
        self._event.set()

    async def wait(self, deadline: float | None) -> bool:
        return self._event.wait(None if deadline is None else max(0.0, deadline - time.monotonic()))


class _BlockingLink(InPlace):
    """A conversation that one thread carries alone."""

    def __init__(self, stream: SocketStream, service: Service, clock: Callable[[], float]) -> None:
        self._stream = stream
        self._clock = clock
        super().__init__(service, clock, peer=stream.peer, local=stream.local, tls=stream.tls)

    def exchange(self, segments: Sequence[Segment], *, read: bool) -> bytes | None:
        """Write ``segments`` and read what comes, and tell the session how the writing goes.

        Raises `TimeoutError` at the session's deadline.
        """
        stream, session = self._stream, self.session
        due = self._clock()  # what can't be written at once is told of at once
        while True:
            writing = bool(segments or stream.unsent)
            try:
                data = run(stream.exchange(segments, min(due, session.deadline) if writing else session.deadline, read=read))
            except TimeoutError:
                now = self._clock()
                session.blocked(stream.unsent, now)
                if not writing or now >= session.deadline:
                    raise
                segments, due = (), now + TELL_EVERY
            else:
                if writing:
                    session.blocked(stream.unsent, self._clock())
                if data and (urgent := getattr(session, "urgent", None)) is not None:  # it is a `contract.Attentive`
                    urgent(stream.urgent)
                return data

    async def room(self) -> None:
        """The thread itself waits until all is written."""
        await super().room()
        try:
            self.exchange(self.output(), read=False)
        except TimeoutError:
            self.abort()
            raise ConnectionLost("the peer takes nothing") from None


def converse(sock: socket.socket, service: Service, clock: Callable[[], float] = time.monotonic) -> None:
    """Serve one connected socket until its conversation is over: the whole of a pump, to be read in one go.

    What a server is without an event loop: a thread for each connection, in which the loop below turns.
    """
    stream = SocketStream.adopt(BlockingNetwork(), sock)
    link = _BlockingLink(stream, service, clock)
    session = link.session
    error: Exception | None = None
    data: bytes | None = b""
    ended = False
    try:
        while True:
            link.receive(data)
            ended = ended or data is None
            segments = link.output()
            if link.aborted:
                stream.abort()
                raise ConnectionLost("the connection was cut off on this side")
            if link.tls_agreed is not None:
                run(stream.exchange(segments, clock() + HANDSHAKE_TIME, read=False))
                run(stream.shake_hands(link.tls_agreed, "the client", clock() + HANDSHAKE_TIME, server_side=True))
                link.secured(stream.tls)
                segments = link.output()
            if session.closed:
                link.exchange(segments, read=False)
                break
            data = b""
            read = session.reading and not ended
            try:
                if read or segments or stream.unsent:
                    data = link.exchange(segments, read=read)
                elif session.deadline == math.inf:
                    raise ConnectionLost("the conversation waits for nothing, and has not ended")
                else:
                    time.sleep(max(0.0, session.deadline - clock()))
                    link.tick()
            except TimeoutError:
                link.tick()
    except (ConnectionLost, TimeoutError, TLSError) as lost:
        error = lost
    finally:
        run(stream.close())
        link.end(error)
