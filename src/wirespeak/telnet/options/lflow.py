"""TOGGLE-FLOW-CONTROL (RFC 1372): the server says whether the terminal itself stops its output on XOFF (Ctrl-S).

    IAC SB TOGGLE-FLOW-CONTROL OFF IAC SE              the program wants Ctrl-S and Ctrl-Q as characters
    IAC SB TOGGLE-FLOW-CONTROL ON IAC SE               it wants them no more: they stop the screen, and let it go on
    IAC SB TOGGLE-FLOW-CONTROL RESTART-ANY IAC SE      once stopped, any key makes it go on
    IAC SB TOGGLE-FLOW-CONTROL RESTART-XON IAC SE      Ctrl-Q alone does

Flow control is on as soon as the option is in effect (RFC 1372 5); which keys make it go on then is the terminal's business until it
is told.
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
    __slots__ = ("_any_key", "_on")

    def __init__(self, *, will: bool = False, do: bool = False) -> None:
        super().__init__(will=will, do=do)
        self._on = True
        self._any_key: bool | None = None

    def enabled(self, us: bool) -> Iterable[Any]:
        if us:
            return [FlowControl(on=True)]
        self._on, self._any_key = True, None
        return ()

    def disabled(self, us: bool) -> Iterable[Any]:
        return [FlowControl(on=False)] if us else ()

    def follow(self, on: bool, any_key: bool) -> list[Subnegotiation]:
        """The peer's terminal shall stop its output on XOFF, or not; and once stopped go on with any key, or with XON alone: what
        is to be sent, which is nothing where it knows already.
        """
        said: list[Subnegotiation] = []
        if self.him and any_key is not self._any_key:
            self._any_key = any_key
            said.append(self.say(RESTART_ANY if any_key else RESTART_XON))
        if self.him and on is not self._on:
            self._on = on
            said.append(self.say(ON if on else OFF))
        return said

    def received(self, data: bytes) -> Iterable[Any]:
        if not self.us or data not in _MEANING:
            raise self.fault(f"{data[:20]!r} is no order to the terminal, or was said by the wrong side")
        return [_MEANING[data]]
