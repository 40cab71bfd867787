"""SUPPRESS-GO-AHEAD (RFC 858): that side sends no IAC GA when it has said what it wanted.

The go-ahead was for terminals that could not send while they received. Both ECHO and this on the server's side are how
every client knows that characters are wanted as they are typed, not lines.
"""

from __future__ import annotations

from wirespeak.telnet.grammar import SGA
from wirespeak.telnet.options.option import Option

__all__ = ["Sga"]


class Sga(Option):
    """Nothing is said of it beyond the negotiation."""

    code = SGA
    clause = "RFC 858"
    __slots__ = ()
