"""Descriptors that are no sockets, and processes, watched by the event loop: for servers that stand beside a program.

A pseudo-terminal's master and a pipe are read and written as they are ready, like sockets. `when_ended` tells when a child has
ended and leaves it to its parent to be reaped, so that nobody takes its number before the parent has dealt with its group.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable
from typing import Final

from wirespeak.sockets.output import WAITS

__all__ = ["Descriptor", "later", "when_ended"]

# Read in one turn of the loop: a terminal gives out 4 KB at a time, and what it says is better sent in one piece.
READ_SIZE: Final = 64 << 10
# What comes in a smaller piece was all that was there: not asked again in this turn.
WHOLE: Final = 1024
# Seconds between two looks at a child, on systems that can't tell of its end.
LOOK_EVERY: Final = 0.05


class Descriptor:
    """A descriptor, open for both directions, in the running loop; it is closed by `close`.

    ``received`` gets what is read, while `reading`; ``written`` the count that was given with each piece once all of that is
    written; ``ended`` is called once, when nothing more can be read: the other side is closed.
    """

    def __init__(self, fd: int, received: Callable[[bytes], None], written: Callable[[int], None], ended: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._fd = fd
        self._received = received
        self._written = written
        self._ended = ended
        self._over = False
        self._out: deque[tuple[memoryview, int]] = deque()
        self._writing = False
        self.reading = False
        os.set_blocking(fd, False)
        self.read(True)

    def read(self, on: bool) -> None:
        """Read on, or read no more for now."""
        if on is self.reading or self._fd < 0 or self._over:
            return
        self.reading = on
        if on:
            self._loop.add_reader(self._fd, self._readable)
        else:
            self._loop.remove_reader(self._fd)

    def _readable(self) -> None:
        data, over = self._read()
        if data:
            self._received(data)
        if over and not self._over:
            self.read(False)
            self._over = True
            self._ended()

    def _read(self) -> tuple[bytes, bool]:
        """What is there, up to a bound; and whether nothing more will come."""
        pieces: list[bytes] = []
        size = 0
        try:
            while size < READ_SIZE:
                piece = os.read(self._fd, READ_SIZE)
                if not piece:
                    return b"".join(pieces), True
                pieces.append(piece)
                size += len(piece)
                if len(piece) < WHOLE:
                    break
        except WAITS:
            pass
        except OSError:  # EIO: a terminal that nobody has open any more
            return b"".join(pieces), True
        return b"".join(pieces), False

    def rest(self) -> bytes:
        """What can be read at once, up to a bound: the last words of a child that has ended."""
        return b"" if self._fd < 0 or self._over else self._read()[0]

    def write(self, data: bytes, count: int = 0) -> None:
        """Write ``data``, now or as soon as it can be; `written` is then told ``count``."""
        if self._fd < 0:
            return
        self._out.append((memoryview(data), count))
        if not self._writing:
            self._writable()

    def forget(self) -> None:
        """Don't write what is not yet written, and take it as done."""
        out, self._out = self._out, deque()
        for _, count in out:
            self._written(count)

    def _writable(self) -> None:
        while self._out:
            data, count = self._out[0]
            try:
                sent = os.write(self._fd, data)
            except WAITS:
                break
            except OSError:  # nobody reads it any more; reading will tell
                self.forget()
                break
            if sent < len(data):
                self._out[0] = (data[sent:], count)
                break
            self._out.popleft()
            self._written(count)
        if bool(self._out) is not self._writing and self._fd >= 0:
            self._writing = bool(self._out)
            if self._writing:
                self._loop.add_writer(self._fd, self._writable)
            else:
                self._loop.remove_writer(self._fd)

    def close(self) -> None:
        """Close it, whatever is left to write."""
        if self._fd < 0:
            return
        self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)
        os.close(self._fd)
        self._fd = -1
        self.reading = self._writing = False
        self._out.clear()


def later(seconds: float, function: Callable[[], object]) -> asyncio.TimerHandle:
    """Have ``function`` called in so many seconds, unless the handle is cancelled."""
    return asyncio.get_running_loop().call_later(seconds, function)


def when_ended(pid: int, function: Callable[[], object]) -> Callable[[], None]:
    """Have ``function`` called once the child ``pid`` has ended, which is not reaped by that; call what is returned to forget it."""
    loop = asyncio.get_running_loop()
    try:
        fd = os.pidfd_open(pid)
    except (AttributeError, OSError):  # not Linux, or an old one
        return _Looking(loop, pid, function).stop

    def forget() -> None:
        nonlocal fd
        if fd >= 0:
            loop.remove_reader(fd)
            os.close(fd)
            fd = -1

    def ended() -> None:
        forget()
        function()

    loop.add_reader(fd, ended)
    return forget


class _Looking:
    """The same where the system doesn't tell: looks again and again."""

    def __init__(self, loop: asyncio.AbstractEventLoop, pid: int, function: Callable[[], object]) -> None:
        self._loop = loop
        self._pid = pid
        self._function = function
        self._timer = loop.call_later(LOOK_EVERY, self._look)

    def _look(self) -> None:
        try:
            ended = os.waitid(os.P_PID, self._pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        except ChildProcessError:  # reaped by somebody else
            ended = True
        if ended:
            self._function()
        else:
            self._timer = self._loop.call_later(LOOK_EVERY, self._look)

    def stop(self) -> None:
        self._timer.cancel()
