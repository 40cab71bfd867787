"""TOGGLE-FLOW-CONTROL (RFC 1372): the server says whether the terminal itself stops its output on XOFF (Ctrl-S).

IAC SB TOGGLE-FLOW-CONTROL OFF IAC SE              the program wants Ctrl-S and Ctrl-Q as characters
IAC SB TOGGLE-FLOW-CONTROL RESTART-ANY IAC SE      once stopped, any key makes it go on
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from wirespeak.telnet.grammar import LFLOW
from wirespeak.telnet.messages import FlowControl, Subnegotiation
from wirespeak.telnet.options.option import Option

__all__ = ["Lflow"]

OFF: Final = 0
ON: Final = 1
RESTART_ANY: Final = 2
RESTART_XON: Final = 3

_MEANING: Final = {
    bytes((OFF,)): FlowControl(on=False),
    bytes((ON,)): FlowControl(on=True),
    bytes((RESTART_ANY,)): FlowControl(any_key=True),
    bytes((RESTART_XON,)): FlowControl(any_key=False),
}


class Lflow(Option):
    """On our side we are the terminal, and are told by `FlowControl`. On the peer's, it is, and we tell."""

    code = LFLOW
    clause = "RFC 1372"
    __slots__ = ()

    def turn(self, on: bool) -> list[Subnegotiation]:
        """The peer's terminal shall stop its output on XOFF, or not: what is to be sent."""
        return [self.say(ON if on else OFF)] if self.him else []

    def restart(self, any_key: bool) -> list[Subnegotiation]:
        """Once stopped, any key shall make it go on, or XON alone: what is to be sent."""
        return [self.say(RESTART_ANY if any_key else RESTART_XON)] if self.him else []

    def received(self, data: bytes) -> Iterable[Any]:
        if not self.us or data not in _MEANING:
            raise self.fault(f"{data[:20]!r} is no order to the terminal, or was said by the wrong side")
        return [_MEANING[data]]
