"""X-DISPLAY-LOCATION (RFC 1096): where the client's X server is, asked for by the server.

IAC SB X-DISPLAY-LOCATION SEND IAC SE
IAC SB X-DISPLAY-LOCATION IS desk.example:0.0 IAC SE
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from wirespeak.telnet.grammar import XDISPLOC
from wirespeak.telnet.messages import XDisplay
from wirespeak.telnet.options.option import IS, SEND, Option

__all__ = ["Xdisploc"]

_DISPLAY: Final = re.compile(rb"[A-Za-z0-9._:/\[\]-]{0,253}:[0-9]{1,5}(?:\.[0-9]{1,5})?")
"""RFC 1096: "host:display.screen"; a host's name has at most 253 characters."""


class Xdisploc(Option):
    """Of our side: ``display``. Of the peer's: asked for as soon as it is in effect."""

    code = XDISPLOC
    clause = "RFC 1096"
    __slots__ = ("_display",)

    def __init__(self, display: str = "", *, will: bool = False, do: bool = False) -> None:
        super().__init__(will=will, do=do)
        self._display = display.encode()

    def enabled(self, us: bool) -> Iterable[Any]:
        return () if us else [self.say(SEND)]

    def received(self, data: bytes) -> Iterable[Any]:
        if data == bytes((SEND,)) and self.us:
            return [self.say(IS, self._display)]
        if data[:1] != bytes((IS,)) or not self.him:
            raise self.fault(f"{data[:20]!r} is neither SEND nor IS, or was said by the wrong side")
        if not _DISPLAY.fullmatch(data, 1):
            raise self.fault(f"{data[1:61]!r} is not the place of a display")
        return [XDisplay(data[1:].decode("ascii"))]
