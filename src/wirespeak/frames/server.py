"""What a server of frames decides: who answers a message, and what becomes of its errors.

A *handler* is a function of one message that gives one answer, or None where there is none to give::

    def shout(message: str) -> str: ...           # called in place
    async def ask(message: str) -> str | None: ...  # a task of its own; messages of one peer are taken in their order

In a binary dialect messages and answers are ``bytes``. `FramesServer` makes of a handler a service that a listener can be
given. Rules of the protocol, limits and deadlines are the session's (``session.py``).
"""

from __future__ import annotations

import inspect
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from wirespeak.contract import Link, Session
from wirespeak.errors import WirespeakError
from wirespeak.frames.messages import CLASSIC, Dialect, End, Frames
from wirespeak.frames.session import FramesLimits, FramesSession
from wirespeak.sockets.address import Address
from wirespeak.sockets.listener import Listener, serve_until_stopped
from wirespeak.sockets.tasks import Cancelled, run_loop
from wirespeak.sockets.tcp import bind_all

__all__ = ["FramesServer", "Handler", "echo", "serve"]

logger = logging.getLogger("wirespeak.frames")

Handler = Callable[[Any], Any | Awaitable[Any]]


def echo(message: Any) -> Any:
    """The handler of who gives none: the answer is the message."""
    return message


class FramesServer:
    """A service (`contract.Service`) that answers every message by ``handler``, in ``dialect``; ``limits`` bound a conversation.

    A handler that raises, or answers with what the dialect can't carry, ends the conversation with a reset: the peer must
    not take half for the whole. The log (``wirespeak.frames``) says why, and tells of peers that broke the protocol.
    """

    def __init__(self, handler: Handler = echo, dialect: Dialect = CLASSIC, *, limits: FramesLimits | None = None) -> None:
        self.handler = handler
        self.dialect = dialect
        self.limits = limits or FramesLimits()
        self.waits = inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(type(handler).__call__)

    def __call__(self, link: Link) -> _Conversation:
        return _Conversation(self, link)


def serve(handler: Handler, *places: str, on_ready: Callable[[list[str]], None] | None = None, **options: Any) -> None:
    """Serve ``handler`` at ``places`` ("localhost:7007" where none is named) until SIGTERM or SIGINT, in good order.

    ``on_ready`` is told where, once it accepts; ``options`` are `FramesServer`'s. Raises `AddressError`, `ListenError`.
    """

    async def run() -> None:
        listener = Listener(bind_all(map(Address.parse, places or ("localhost:7007",))), FramesServer(handler, **options))
        said = None if on_ready is None else lambda: on_ready([str(Address.of(name)) for name in listener.addresses])
        await serve_until_stopped([listener], on_ready=said)

    run_loop(run())


class _Conversation:
    """One connection of a `FramesServer`, a `contract.Conversation`."""

    __slots__ = ("_ended", "_frames", "_link", "_over", "_server", "_task", "_waiting", "session")

    def __init__(self, server: FramesServer, link: Link) -> None:
        self._server = server
        self._link = link
        self._frames = FramesSession(link.wake, server.dialect, server.limits, refuse_http=True)
        self.session: Session = self._frames
        self._waiting: deque[Frames] | None = None  # for a handler that waits; the session's window bounds it
        self._task: Any = None
        self._ended = False  # the peer has said its end
        self._over = False  # so is the conversation

    def handle(self, event: Any) -> None:
        kind = type(event)
        if kind is Frames:
            if self._server.waits:
                self._queue(event)
            else:
                self._answer(event)
        elif kind is End:
            self._ended = True
            if self._task is None:
                self._frames.send(End())
        elif isinstance(event, WirespeakError):
            logger.warning("%s: %s", Address.of(self._link.peer), event)
            self._give_up()

    def lost(self, error: Exception | None) -> None:
        self._give_up()

    def _give_up(self) -> None:
        """Nobody waits for answers any more."""
        self._over = True
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def _answer(self, event: Frames) -> None:
        handler = self._server.handler
        try:
            self._frames.send(Frames([answer for answer in map(handler, event.messages) if answer is not None]))
        except Exception as error:
            self._failed(error)
        else:
            self._frames.consumed(event.size)

    def _queue(self, event: Frames) -> None:
        if self._waiting is None:
            self._waiting = deque()
        self._waiting.append(event)
        if self._task is None:
            task = self._link.start(self._work(self._waiting))
            if task is not None and not task.done():
                self._task = task

    async def _work(self, waiting: deque[Frames]) -> None:
        """Answer what waits, in order, no faster than the answers are taken."""
        handler = self._server.handler
        try:
            while waiting:
                event = waiting.popleft()
                for message in event.messages:
                    answer = await handler(message)
                    if answer is not None:
                        self._frames.send(Frames([answer]))
                        if self._frames.crowded:
                            await self._link.room()
                self._frames.consumed(event.size)
        except (Exception, Cancelled) as error:
            if not self._over:
                self._failed(error)
            return
        self._task = None
        if self._ended:
            self._frames.send(End())

    def _failed(self, error: BaseException) -> None:
        logger.error("%s: the handler failed", Address.of(self._link.peer), exc_info=error)
        self._frames.fail()
