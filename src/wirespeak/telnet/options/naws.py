"""NAWS, Negotiate About Window Size (RFC 1073): the client tells the size of its window, at once and whenever it changes.

IAC SB NAWS 0 80 0 24 IAC SE      80 columns, 24 rows, each in two bytes; 0 says nothing of that dimension
"""

from __future__ import annotations

from collections.abc import Iterable
from struct import Struct
from typing import Any, Final

from wirespeak.telnet.grammar import NAWS
from wirespeak.telnet.messages import Subnegotiation, WindowSize
from wirespeak.telnet.options.option import Option

__all__ = ["Naws"]

_SIZE: Final = Struct("!HH")


class Naws(Option):
    """Of our side: a window of ``columns`` and ``rows``, 0 to 65,535 each. Of the peer's: a `WindowSize` for each telling."""

    code = NAWS
    clause = "RFC 1073"
    __slots__ = ("_size",)

    def __init__(self, columns: int = 0, rows: int = 0, *, will: bool = False, do: bool = False) -> None:
        super().__init__(will=will, do=do)
        self._size = (columns, rows)

    def enabled(self, us: bool) -> Iterable[Any]:
        return [self._tell()] if us else ()

    def resize(self, columns: int, rows: int) -> list[Subnegotiation]:
        """Our window has another size: what is to be sent of it now."""
        changed = self._size != (columns, rows)
        self._size = (columns, rows)
        return [self._tell()] if changed and self.us else []

    def _tell(self) -> Subnegotiation:
        return self.say(_SIZE.pack(*(min(max(0, number), 0xFFFF) for number in self._size)))

    def received(self, data: bytes) -> Iterable[Any]:
        if not self.him:
            raise self.fault("only the side that has the window tells its size")
        if len(data) != _SIZE.size:
            raise self.fault(f"a window's size in {len(data)} bytes: expected {_SIZE.size}")
        return [WindowSize(*_SIZE.unpack(data))]
