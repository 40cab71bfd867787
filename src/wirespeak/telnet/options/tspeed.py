"""TERMINAL-SPEED (RFC 1079): how fast the terminal sends and receives, in bits a second, asked for by the other side.

IAC SB TERMINAL-SPEED SEND IAC SE
IAC SB TERMINAL-SPEED IS 38400,38400 IAC SE
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from wirespeak.telnet.grammar import TSPEED
from wirespeak.telnet.messages import TerminalSpeed
from wirespeak.telnet.options.option import IS, SEND, Option

__all__ = ["Tspeed"]

_SPEEDS: Final = re.compile(rb"([0-9]{1,9}),([0-9]{1,9})")


class Tspeed(Option):
    """Of our side: ``transmit`` and ``receive``. Of the peer's: asked for as soon as it is in effect."""

    code = TSPEED
    clause = "RFC 1079"
    __slots__ = ("_speeds",)

    def __init__(self, transmit: int = 38400, receive: int = 38400, *, will: bool = False, do: bool = False) -> None:
        super().__init__(will=will, do=do)
        self._speeds = b"%d,%d" % (transmit, receive)

    def enabled(self, us: bool) -> Iterable[Any]:
        return () if us else [self.say(SEND)]

    def received(self, data: bytes) -> Iterable[Any]:
        if data == bytes((SEND,)) and self.us:
            return [self.say(IS, self._speeds)]
        if data[:1] != bytes((IS,)) or not self.him:
            raise self.fault(f"{data[:20]!r} is neither SEND nor IS, or was said by the wrong side")
        speeds = _SPEEDS.fullmatch(data, 1)
        if speeds is None:
            raise self.fault(f"{data[1:31]!r} is not two speeds with a comma between them")
        return [TerminalSpeed(int(speeds[1]), int(speeds[2]))]
