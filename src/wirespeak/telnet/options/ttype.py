"""TERMINAL-TYPE (RFC 1091): the names that the terminal goes by, told one at a time; and what MUDs read from them (MTTS).

    IAC SB TERMINAL-TYPE SEND IAC SE                 the server asks, again and again …
    IAC SB TERMINAL-TYPE IS XTERM IAC SE             … until a name comes twice in a row: that was the last

The Mud Terminal Type Standard gives the answers an order: the client program, its terminal, then "MTTS" and a number whose
bits say what it can do (`MTTS_BITS`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from wirespeak.telnet.grammar import TTYPE
from wirespeak.telnet.messages import Subnegotiation, TerminalType
from wirespeak.telnet.options.option import IS, SEND, Option

__all__ = ["MTTS_BITS", "NAMES", "Ttype"]

NAMES: Final = 10
"""So many names are asked for: who gives more plays with us."""

_NAME: Final = re.compile(rb"[!-~](?:[ -~]{0,78}[!-~])?")
"""RFC 1091 6: at most 40 characters, from the list in "Assigned Numbers". MUD clients put spaces and more into theirs."""

_MTTS: Final = re.compile(r"mtts ([0-9]{1,9})")

MTTS_BITS: Final = {
    1: "ANSI colours",
    2: "VT100",
    4: "UTF-8",
    8: "256 colours",
    16: "mouse tracking",
    32: "OSC colour palette",
    64: "screen reader",
    128: "proxy",
    256: "true colour",
    512: "MNES",
    1024: "MSLP",
    2048: "TLS",
}
"""What each bit of ``TerminalType.mtts`` says."""


class Ttype(Option):
    """Of our side: ``names`` in our order of preference, at least one. Of the peer's: asked for as soon as it is in effect."""

    code = TTYPE
    clause = "RFC 1091"
    __slots__ = ("_asked", "_names", "_next", "_ours", "_rewinding")

    def __init__(self, names: Sequence[str] = ("UNKNOWN",), *, will: bool = False, do: bool = False) -> None:
        super().__init__(will=will, do=do)
        self._ours = [name.encode("ascii") for name in names]
        self._next = 0  # of ours
        self._names: list[str] = []  # the peer's
        self._asked = self._rewinding = False

    def enabled(self, us: bool) -> Iterable[Any]:
        if us:
            self._next = 0
            return ()
        self._names = []
        self._rewinding = False
        return [self._ask()]

    def disabled(self, us: bool) -> Iterable[Any]:
        self._asked = self._asked and us
        return ()

    def received(self, data: bytes) -> Iterable[Any]:
        if data == bytes((SEND,)) and self.us:
            return [self.say(IS, self._tell())]
        if data[:1] != bytes((IS,)) or not self.him:
            raise self.fault(f"{data[:20]!r} is neither SEND nor IS, or was said by the wrong side")
        if not self._asked:
            raise self.fault("a name that was not asked for")
        self._asked = False
        if self._rewinding:
            return ()
        if not _NAME.fullmatch(data, 1):
            raise self.fault(f"{data[1:81]!r} is no name of a terminal")
        return self._heard(data[1:].decode("ascii").lower())

    def _tell(self) -> bytes:
        """Our next name; the last is told twice, then it begins anew."""
        at = self._next
        self._next = (at + 1) % (len(self._ours) + 1)
        return self._ours[min(at, len(self._ours) - 1)]

    def _ask(self) -> Subnegotiation:
        self._asked = True
        return self.say(SEND)

    def _heard(self, name: str) -> list[Any]:
        if mtts := _MTTS.fullmatch(name):
            return [TerminalType(tuple(self._names) or ("unknown",), int(mtts[1]), complete=True)]
        if self._names[-1:] != [name]:
            self._names.append(name)
            if len(self._names) < NAMES:
                return [TerminalType(tuple(self._names)), self._ask()]
        told = TerminalType(tuple(self._names), complete=True)
        if len(self._names) == 1:
            return [told]
        # A terminal that can play several takes on the one it named last (RFC 1091 6): asked once more, it is the first again.
        self._rewinding = True
        return [told, self._ask()]
