"""What one Telnet connection may take of time and space: what its user may set, and what stands fast."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

__all__ = ["CLIENT_LIMITS", "TelnetLimits"]


@dataclass(slots=True, frozen=True)
class TelnetLimits:
    """The bounds of one connection in time, in seconds; ``math.inf`` for none.

    ``idle``: without a byte from the peer. People leave a terminal open over lunch; who wants them to stay for longer raises
    it. ``grace``: for output of which the peer takes nothing at all: a person may have stopped the screen (XOFF), so it is
    long. ``linger``: how long we wait, after our last word, for the peer to end its side too.
    """

    idle: float = 3600.0
    grace: float = 600.0
    linger: float = 2.0


CLIENT_LIMITS: Final = TelnetLimits(idle=math.inf, grace=math.inf)
"""For a client: how long it waits, and for what, its caller says."""

# Events of one call of `receive`: the pump hands them on before there are more, and answers don't pile up.
BATCH: Final = 64
# Data given out and not yet consumed: what one connection may hold for a program that reads slowly.
WINDOW: Final = 256 << 10
# Output that waits to be taken. Past it who writes should wait for room (`TelnetSession.crowded`) …
ROOM: Final = 256 << 10
# … and past this no more is heard of a peer that makes us answer and doesn't take the answers. It is twice the other, so
# that an interrupt still comes through while a program's output waits.
ANSWERS: Final = 512 << 10
# Bytes of a subnegotiation that doesn't end, dropped as they come; then the conversation is over.
ENDLESS: Final = 1 << 20
# Bytes that are read and dropped after our last word, so that it isn't lost to a reset (RFC 9293 3.6).
LINGER_SIZE: Final = 16 << 20
# Seconds that the first bytes are held back while they may be the start of an HTTP request: browsers send theirs at once.
OPENING_TIME: Final = 1.0
# Seconds that a lone CR is held back after we asked for BINARY, while the peer hasn't said how it will read it (RFC 854: "a site
# may wish to buffer data"). A peer that says nothing in so long a time never negotiates.
UNCERTAIN_TIME: Final = 3.0
