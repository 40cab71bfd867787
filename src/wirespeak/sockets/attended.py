"""For a client at a terminal: its connection, the keyboard and signals, waited for together.

`wait` is poll() over anything with a file descriptor. `Signals` makes signals something to wait for: they end no call and raise
nothing in the midst of other work, but are there to be taken when the program comes round to them.
"""

from __future__ import annotations

import math
import select
import signal
import socket
import time
from collections.abc import Sequence
from types import FrameType, TracebackType
from typing import Any

from wirespeak.contract import HasFileno

__all__ = ["Signals", "wait"]


def wait(reading: Sequence[HasFileno], writing: Sequence[HasFileno] = (), deadline: float = math.inf) -> list[HasFileno]:
    """Those of both that are ready: to be read, to be written to, or at their end. None where ``deadline``, on the clock of
    `BlockingNetwork.now`, comes first.
    """
    poll = select.poll()
    wanted: dict[int, int] = {}
    files: dict[int, HasFileno] = {}
    for many, event in ((reading, select.POLLIN), (writing, select.POLLOUT)):
        for file in many:
            number = file.fileno()
            files[number] = file
            wanted[number] = wanted.get(number, 0) | event
    for number, events in wanted.items():
        poll.register(number, events)
    seconds = None if deadline == math.inf else max(0.0, deadline - time.monotonic())
    return [files[number] for number, _ in poll.poll(None if seconds is None else seconds * 1000)]


class Signals:
    """Signals of the numbers given, between the beginning and the end of a ``with`` block; in the main thread only."""

    def __init__(self, *numbers: int) -> None:
        self._numbers = numbers

    def __enter__(self) -> Signals:
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        # Python writes the number of each signal that arrives into this one (signal.set_wakeup_fd), which wakes poll().
        self._former_writer = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        self._former: dict[int, Any] = {number: signal.signal(number, _taken_later) for number in self._numbers}
        return self

    def fileno(self) -> int:
        return self._reader.fileno()

    def take(self) -> set[int]:
        """The signals that arrived since this was last called."""
        try:
            return set(self._reader.recv(4096)) & set(self._numbers)
        except BlockingIOError:
            return set()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._former_writer)
        self._reader.close()
        self._writer.close()


def _taken_later(number: int, frame: FrameType | None) -> None:
    """What arrived is told by `Signals.take`."""
