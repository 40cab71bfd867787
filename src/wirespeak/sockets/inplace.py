"""A conversation carried without an event loop: what the blocking pump and the one in memory have in common.

`InPlace` hands bytes to the session and its events to the conversation, in the caller's own thread and turn. A handler
that is a coroutine runs until it waits for input, and goes on once that has come. It may wait for nothing else: there is
no loop here that would wake it. Touches no socket and no clock; the time is handed in.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Coroutine, Generator
from typing import Any

from wirespeak.contract import ABORT, Conversation, Segment, Service, Session
from wirespeak.errors import ConnectionLost

__all__ = ["InPlace"]


class InPlace:
    """One conversation, and the `contract.Link` that it is given."""

    def __init__(self, service: Service, now: Callable[[], float], *, peer: Any = None, local: Any = None, tls: Any = None) -> None:
        self.peer, self.local, self.tls = peer, local, tls
        self._now = now
        self._ready: deque[_Task] = deque()
        self._ended = False
        self.aborted = False
        self.tls_agreed: Any = None
        """The context for the handshake that the conversation asked for; the pump shakes hands and calls `secured`."""
        self.conversation: Conversation = service(self)

    @property
    def session(self) -> Session:
        """Asked for anew each time: a watcher may have put itself in its place (`tap.Tap`)."""
        return self.conversation.session

    # --- what the pump calls

    def receive(self, data: bytes | None) -> None:
        """Take in what the peer said; None is its end. With ``b""``, go on with what was kept."""
        now = self._now()
        events = self.session.receive_eof(now) if data is None else self.session.receive(data, now)
        while True:
            for event in events:
                self.conversation.handle(event)
            went_on = self._run_ready()
            if not events and not went_on:
                return
            events = self.session.receive(b"", now)

    def tick(self) -> None:
        """The session's deadline has come."""
        for event in self.session.tick(self._now()):
            self.conversation.handle(event)
        self._run_ready()
        self.receive(b"")

    def output(self) -> list[Segment]:
        """What is to be sent; nothing but what `abort` leaves once the session wants the connection cut off."""
        segments = list(self.session.data_to_send())
        if segments and segments[-1] is ABORT:
            self.aborted = True
        return [] if self.aborted else segments

    def secured(self, info: Any) -> None:
        """The handshake succeeded."""
        self.tls, self.tls_agreed = info, None
        self.session.secured(info)
        self.receive(b"")

    def end(self, error: Exception | None) -> None:
        """The connection is over."""
        if not self._ended:
            self._ended = True
            self.conversation.lost(error)
            self._run_ready()

    def _run_ready(self) -> bool:
        """Let the handlers whose input has come go on; whether there were any."""
        any_ran = bool(self._ready)
        while self._ready:
            self._ready.popleft().step()
        return any_ran

    # --- what the conversation calls

    def wake(self) -> None:
        """Nothing to be done: whatever arises, the pump asks for at the end of the turn."""

    async def room(self) -> None:
        """Return once the output has room. Raises `ConnectionLost` when the peer is gone."""
        if self._ended or self.aborted:
            raise ConnectionLost("the peer is gone")

    def start(self, coroutine: Coroutine[Any, Any, None]) -> _Task:
        task = _Task(coroutine, self._ready)
        task.step()
        return task

    def future(self) -> _Future:
        return _Future()

    def start_tls(self, context: Any) -> None:
        self.tls_agreed = context

    def abort(self) -> None:
        self.aborted = True


class _Future:
    """What a handler waits for: set once."""

    def __init__(self) -> None:
        self._done = False
        self.waiter: _Task | None = None

    def done(self) -> bool:
        return self._done

    def set_result(self, _: None) -> None:
        self._done = True
        if self.waiter is not None:
            self.waiter.make_ready()

    def __await__(self) -> Generator[_Future, None, None]:
        while not self._done:
            yield self


class _Task:
    """A handler on its way: from one wait to the next."""

    def __init__(self, coroutine: Coroutine[Any, Any, None], ready: deque[_Task]) -> None:
        self._coroutine = coroutine
        self._ready = ready
        self._running = self._done = self._cancelled = False

    def done(self) -> bool:
        return self._done

    def make_ready(self) -> None:
        if not self._done:
            self._ready.append(self)

    def step(self) -> None:
        if self._done:
            return
        self._running = True
        try:
            future: object = self._coroutine.send(None)
        except StopIteration:
            self._done = True
            return
        finally:
            self._running = False
        if not isinstance(future, _Future):
            self.cancel()
            raise RuntimeError("without an event loop a handler can wait for input and for room alone; serve it with sockets.listener")
        future.waiter = self
        if self._cancelled:
            self.cancel()

    def cancel(self) -> None:
        self._cancelled = True
        if not self._running:  # a handler that is cancelled by what it does itself ends where it next waits
            self._done = True
            self._coroutine.close()
