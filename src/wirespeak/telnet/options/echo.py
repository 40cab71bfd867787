"""ECHO (RFC 857): that side sends back the characters that it gets.

A server that says WILL ECHO takes echoing over from the terminal: so it can edit lines, and hide a password by echoing
nothing. Were both sides to echo, a character would go to and fro for ever (RFC 857 5): so one side's excludes the other's.
"""

from __future__ import annotations

from wirespeak.telnet.grammar import ECHO
from wirespeak.telnet.options.option import Option
from wirespeak.telnet.states import QState

__all__ = ["Echo"]


class Echo(Option):
    """Nothing is said of it beyond the negotiation; who echoes is the program, not the session."""

    code = ECHO
    clause = "RFC 857"
    __slots__ = ()

    def agrees(self, us: bool) -> bool:
        return super().agrees(us) and self.sides[not us] is QState.NO
