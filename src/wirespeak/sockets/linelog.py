"""A log of lines, written off the hot path: for the access log of HTTP, the query log of DNS, and whatever else is noted.

While a server answers, `LineLog.add` only puts what happened on a list. Lines are made of it many at a time, and a thread
writes what was made: a disk that stalls, or a terminal that somebody has stopped, then holds up no answer. Making the
lines stays with the loop, as a thread at it would hold the interpreter for longer than the whole batch takes.

Touches the log's file, and has a thread of its own.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Final, Generic, TypeVar

__all__ = ["BATCH", "MONTHS", "WAITING", "LineLog", "utc"]

# Lines are made when so many wait, if nobody asks before: some milliseconds' work at a time at the most.
BATCH: Final = 256
# Batches that may wait for the disk. What comes beyond is lost (and counted): 4,096 lines, some 800 KB.
WAITING: Final = 16

MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
"""In English whatever the locale, as readers of logs expect them."""

T = TypeVar("T")


class LineLog(Generic[T]):
    """Writes what `add` is given to ``file``, a path to append to, or a file descriptor (1 is standard output, 2 standard error).

    ``line`` makes a line of one entry, ASCII and with its line feed; ``name`` is what the log is called. Whoever runs the server
    calls `flush` now and then (every half second will do), `reopen` when the file was renamed (log rotation), and `close` at
    the end. For one loop's use. Several processes may append to one path: a batch is written in one call, and the system keeps
    those apart.
    """

    def __init__(self, file: str | os.PathLike[str] | int, line: Callable[[T], str], name: str) -> None:
        self.lost = 0
        """Lines that could not be written."""
        self.error: OSError | None = None
        """Why the last of them could not."""
        self._name = name
        self._path = None if isinstance(file, int) else os.fspath(file)
        self._fd = file if isinstance(file, int) else self._open()
        self._line = line
        self._pending: list[T] = []
        self._batches: queue.Queue[tuple[bytes, int] | None] = queue.Queue(WAITING)
        self._renamed = False
        self._writer: threading.Thread | None = None

    def add(self, entry: T) -> None:
        """Take note of what happened."""
        self._pending.append(entry)
        if len(self._pending) >= BATCH:
            self.flush()

    def flush(self) -> None:
        """Make lines of what was noted, and have them written."""
        if self._pending:
            entries, self._pending = self._pending, []
            self._hand_over("".join(map(self._line, entries)).encode("ascii"), len(entries))

    def reopen(self) -> None:
        """Go on in a new file of the same path. Does nothing where a descriptor was given."""
        self.flush()
        self._renamed = self._path is not None
        self._hand_over(b"", 0)

    def close(self, timeout: float = 5.0) -> None:
        """Write what is left, for ``timeout`` seconds at most."""
        self.flush()
        if self._writer is not None:
            try:
                self._batches.put(None, timeout=timeout)
            except queue.Full:
                return  # the writer is stuck; as a daemon it keeps nobody from ending
            self._writer.join(timeout)
            if self._writer.is_alive():
                return
            self._writer = None
        if self._path is not None and self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    # --- the thread

    def _hand_over(self, lines: bytes, count: int) -> None:
        if self._writer is None:  # made late: a process that was forked before has its own
            self._writer = threading.Thread(target=self._write, name=self._name, daemon=True)
            self._writer.start()
        try:
            self._batches.put_nowait((lines, count))
        except queue.Full:
            self.lost += count

    def _write(self) -> None:
        while (batch := self._batches.get()) is not None:
            lines, count = batch
            try:
                if self._renamed:
                    self._renamed = False
                    before, self._fd = self._fd, self._open()
                    os.close(before)
                while lines:
                    lines = lines[os.write(self._fd, lines) :]
            except OSError as error:
                if self.error is None:
                    print(f"the {self._name} can't be written: {error}", file=sys.stderr)
                self.error = error
                self.lost += count

    def _open(self) -> int:
        assert self._path is not None
        # Who asked for what is nobody else's business: readable by the owner and the group.
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)


def utc(when: float) -> str:
    """``2026-11-21T14:16:17.123Z``, of seconds since 1970."""
    return f"{_second(int(when))}.{int(when % 1 * 1000):03}Z"


@lru_cache(maxsize=4)
def _second(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
