"""TIMING-MARK (RFC 860): an answer that takes its place in the stream behind all that came before.

DO TIMING-MARK asks, WILL TIMING-MARK answers, each time anew: nothing is enabled by it, so the Q method does not apply
(the session answers by itself, and counts what it has asked). A client that sends an interrupt asks for a mark behind it, and
throws away what the server's program had still said before the mark comes.
"""

from __future__ import annotations

from wirespeak.telnet.grammar import TIMING_MARK
from wirespeak.telnet.options.option import Option

__all__ = ["TimingMark"]


class TimingMark(Option):
    """Only ``will`` has a meaning: whether we set marks when we are asked."""

    code = TIMING_MARK
    clause = "RFC 860"
    __slots__ = ()
