"""The event loop that our own programs run in: asyncio's, but a ready socket's callback is called on the spot.

asyncio's selector lists what is ready; its loop wraps each into a handle, queues it, and runs the queue. That is more
than a microsecond for each message of each connection, a twentieth of all that a web page costs. Here `add_reader` and
`add_writer`, on which our connections stand, put their callback behind the socket's number, and `select` calls it where
it finds the socket ready, in the context that asked for it. All else is asyncio's own, and goes its usual way:

    epoll ─┬─ a number of ours ─▶ its callback
           └─ asyncio's own selector ─▶ handle ─▶ queue ─▶ callback

Linux alone has epoll; `new_loop` gives asyncio's loop as it is elsewhere, and everything works in that one too.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import selectors
from collections.abc import Callable, Mapping
from contextvars import copy_context
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVarTuple, Unpack

try:
    from select import EPOLLIN, EPOLLOUT, epoll
except ImportError:
    epoll = None  # type: ignore[assignment,misc]

if TYPE_CHECKING:
    from _typeshed import FileDescriptorLike

__all__ = ["new_loop"]

Ts = TypeVarTuple("Ts")
Ready = tuple[selectors.SelectorKey, int]


class _Selector(selectors.BaseSelector):
    """asyncio's selector, and callbacks of ours beside it: by the number of the socket for which they wait."""

    def __init__(self) -> None:
        self.readers: dict[int, Callable[[], object]] = {}
        self.writers: dict[int, Callable[[], object]] = {}
        self.failed: Callable[[BaseException], None]
        self._epoll = epoll()
        self._others = selectors.EpollSelector()
        self._epoll.register(self._others.fileno(), EPOLLIN)  # an epoll is readable when something in it is ready

    def select(self, timeout: float | None = None) -> list[Ready]:
        # epoll counts in milliseconds: rounded down, the last part of one would be spent turning round.
        seconds = -1 if timeout is None else math.ceil(timeout * 1e3) * 1e-3 if timeout > 0 else 0
        try:
            events = self._epoll.poll(seconds)
        except InterruptedError:
            return []
        readers, writers = self.readers, self.writers
        others: list[Ready] = []
        for number, event in events:
            # Errors, and the end of both sides, are told to reader and writer alike. A callback may have been taken away by
            # one that came before it. Where its number was given to a new socket meanwhile, that one's is called for nothing.
            try:
                if event != EPOLLOUT and (callback := readers.get(number)) is not None:
                    callback()
                if event != EPOLLIN:
                    if (callback := writers.get(number)) is not None:
                        callback()
                elif callback is None:
                    others = self._others.select(0)
            except (SystemExit, KeyboardInterrupt):
                raise
            except BaseException as error:  # a cancellation too ends nothing but the callback, as in asyncio
                self.failed(error)
        return others

    def set(self, callbacks: dict[int, Callable[[], object]], file: FileDescriptorLike, callback: Callable[[], object] | None) -> bool:
        """Put ``callback`` in its place among ``callbacks``, or take away (None) what is there; whether something was."""
        number = file if isinstance(file, int) else file.fileno()
        readers, writers = self.readers, self.writers
        before = (EPOLLIN if number in readers else 0) | (EPOLLOUT if number in writers else 0)
        was_there = callbacks.pop(number, None) is not None
        if callback is not None:
            callbacks[number] = callback
        wanted = (EPOLLIN if number in readers else 0) | (EPOLLOUT if number in writers else 0)
        if not before and wanted:
            self._epoll.register(number, wanted)
        elif before and not wanted:
            with contextlib.suppress(OSError):  # it was closed already
                self._epoll.unregister(number)
        elif before != wanted:
            self._epoll.modify(number, wanted)
        return was_there

    # --- what asyncio keeps here itself

    def register(self, fileobj: FileDescriptorLike, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._others.register(fileobj, events, data)

    def unregister(self, fileobj: FileDescriptorLike) -> selectors.SelectorKey:
        return self._others.unregister(fileobj)

    def modify(self, fileobj: FileDescriptorLike, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._others.modify(fileobj, events, data)

    def get_key(self, fileobj: FileDescriptorLike) -> selectors.SelectorKey:
        return self._others.get_key(fileobj)

    def get_map(self) -> Mapping[FileDescriptorLike, selectors.SelectorKey]:
        return self._others.get_map()

    def close(self) -> None:
        self.readers.clear()
        self.writers.clear()
        self._others.close()
        self._epoll.close()


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._own = own = _Selector()
        super().__init__(own)
        own.failed = lambda error: self.call_exception_handler({"message": f"a callback failed: {error!r}", "exception": error})

    time = staticmethod(monotonic)

    def add_reader(self, fd: FileDescriptorLike, callback: Callable[[Unpack[Ts]], Any], *args: *Ts) -> None:
        self._own.set(self._own.readers, fd, partial(copy_context().run, callback, *args))

    def add_writer(self, fd: FileDescriptorLike, callback: Callable[[Unpack[Ts]], Any], *args: *Ts) -> None:
        self._own.set(self._own.writers, fd, partial(copy_context().run, callback, *args))

    def remove_reader(self, fd: FileDescriptorLike) -> bool:
        return self._own.set(self._own.readers, fd, None)

    def remove_writer(self, fd: FileDescriptorLike) -> bool:
        return self._own.set(self._own.writers, fd, None)


def new_loop() -> asyncio.AbstractEventLoop:
    """An event loop for a program that serves."""
    return asyncio.new_event_loop() if epoll is None else _Loop()
