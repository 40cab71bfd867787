"""BINARY (RFC 856): the data of one direction are bytes and nothing else.

Without it the data are an NVT's: a carriage return stands before LF or NUL only. With it a CR is a CR. Each direction has its
own: our WILL is about what we send. The session does what follows from it, at the very byte; IAC is doubled as before.
"""

from __future__ import annotations

from wirespeak.telnet.grammar import BINARY
from wirespeak.telnet.options.option import Option

__all__ = ["Binary"]


class Binary(Option):
    """Nothing is said of it beyond the negotiation."""

    code = BINARY
    clause = "RFC 856"
    __slots__ = ()
