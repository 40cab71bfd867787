"""One bounded, resumable byte buffer: a line, exactly n, up to a mark, the rest.

A stream socket gives whatever has arrived, in pieces that fall anywhere. `Buffer` puts the pieces together and gives
out whole units. A search that found nothing goes on where it stopped when more comes, so a unit that arrives one byte
at a time costs no more than one that arrives at once. Nothing is copied while a unit arrives whole, which is the
usual case: what was fed is kept as it is, and a slice of it given out.
"""

from __future__ import annotations

__all__ = ["Buffer"]


class Buffer:
    """Bytes that arrived and are not yet taken. The bound is the caller's: each `line` and `until` is given its limit."""

    __slots__ = ("_data", "_searched", "_start")

    def __init__(self) -> None:
        self._data: bytes | bytearray = b""
        self._start = 0  # what lies before it has been taken
        self._searched = 0  # up to here the mark now sought was not found

    def __len__(self) -> int:
        return len(self._data) - self._start

    def feed(self, data: bytes) -> None:
        """Put ``data`` behind what is there."""
        if self._start == len(self._data):
            self._data = data
            self._start = self._searched = 0
        elif type(self._data) is bytes:
            self._data = bytearray(memoryview(self._data)[self._start :])
            self._data += data
            self._searched = max(0, self._searched - self._start)
            self._start = 0
        else:
            self._data += data

    def until(self, mark: bytes, limit: int) -> bytes | None:
        """Take the bytes up to and including ``mark``; None when it has not come yet.

        A unit longer than ``limit`` bytes, mark included, is not given out: `overfull` tells it from one that is
        still on its way. Ask for one mark until it is found: the place reached is remembered, not the mark.
        """
        data = self._data
        end = data.find(mark, self._searched, self._start + limit)
        if end < 0:
            # The mark may have begun with the last bytes that are here.
            self._searched = max(self._start, min(len(data), self._start + limit) - len(mark) + 1)
            return None
        end += len(mark)
        if end == len(data) and not self._start and type(data) is bytes:  # it came whole and alone, as most units do
            self._data = b""
            self._searched = 0
            return data
        return self._take(end)

    def line(self, limit: int) -> bytes | None:
        """Take a line with its CRLF, at most ``limit`` bytes of it; None when none is complete."""
        return self.until(b"\r\n", limit)

    def overfull(self, limit: int) -> bool:
        """Whether ``limit`` bytes are here, so that an `until` of that limit that found nothing never will."""
        return len(self._data) - self._start >= limit

    def exactly(self, count: int) -> bytes | None:
        """Take ``count`` bytes; None when they are not all here."""
        if len(self._data) - self._start < count:
            return None
        return self._take(self._start + count)

    def at_most(self, count: int) -> bytes:
        """Take what is here, but not more than ``count`` bytes."""
        return self._take(min(len(self._data), self._start + count))

    def rest(self) -> bytes:
        """Take all that is here."""
        return self._take(len(self._data))

    def peek(self) -> bytes:
        """What is here, without taking it."""
        return bytes(memoryview(self._data)[self._start :])

    def clear(self) -> None:
        """Drop what is here."""
        self._data = b""
        self._start = self._searched = 0

    def _take(self, end: int) -> bytes:
        data, start = self._data, self._start
        if end == len(data):
            self._data = b""
            self._start = self._searched = 0
            return data if start == 0 and type(data) is bytes else bytes(memoryview(data)[start:])
        if isinstance(data, bytes):
            self._start = self._searched = end
            return data[start:end]
        taken = bytes(memoryview(data)[start:end])
        del data[:end]  # a bytearray moves its start, not its bytes
        self._start = self._searched = 0
        return taken
