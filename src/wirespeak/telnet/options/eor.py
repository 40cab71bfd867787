"""END-OF-RECORD (RFC 885): that side may mark the end of a record, or of a prompt, with IAC EOR.

The session refuses to send an EOR where it is not in effect on our side.
"""

from __future__ import annotations

from wirespeak.telnet.grammar import EOR
from wirespeak.telnet.options.option import Option

__all__ = ["Eor"]


class Eor(Option):
    """Nothing is said of it beyond the negotiation."""

    code = EOR
    clause = "RFC 885"
    __slots__ = ()
