"""What one connection to an IRC server may take of time and space: what its owner may set, and what stands fast."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

__all__ = ["ServerLimits"]


@dataclass(slots=True, frozen=True)
class ServerLimits:
    """The bounds of one connection; times in seconds, sizes in bytes.

    ``register_time``: to be registered, from the connection on. ``ping_after``: of silence, then we ask with a PING;
    ``ping_time``: to say anything after it, or the line is taken to be dead (Modern IRC, PING).

    ``burst``: what a client may be ahead of its commands' cost (``commands.py``), in seconds: RFC 1459 8.10 has 10, at two a
    command; here talk costs one. Past it commands wait for their time. ``math.inf``: nobody waits. ``receive_queue``: what may wait
    so; past it the connection ends ("Excess Flood").

    ``send_queue``: what may wait for a client that doesn't read, as fast as others talk; past it the connection ends ("SendQ
    exceeded"). 512 KB hold some five thousand lines. ``early_send_queue``: before it is registered, when it has been told nothing
    that is long.
    """

    register_time: float = 60.0
    ping_after: float = 120.0
    ping_time: float = 120.0
    burst: float = 10.0
    receive_queue: int = 16 << 10
    send_queue: int = 512 << 10
    early_send_queue: int = 64 << 10


# What is kept of a client's lines while one of them waits for a verdict; the rest waits in its socket.
KEPT: Final = 16 << 10
# Output past which a client's next command waits: so it can't ask for more than it takes. (What others say goes on.)
CROWDED: Final = 64 << 10
# A line that doesn't end is dropped as it comes, up to so many bytes; then the connection ends.
ENDLESS: Final = 64 << 10
# Bytes, and seconds, in which what still comes is dropped after our last word, so that it isn't lost to a reset (RFC 9293 3.6); a
# peer that takes nothing of it in that time is cut off.
LINGER_SIZE: Final = 1 << 20
LINGER_TIME: Final = 5.0
# The same where the server stops: all its clients are told at once, and a program that is restarted shouldn't wait for one of them.
STOPPING_TIME: Final = 1.0
# For limits of a server that nobody is to be slowed down by (a benchmark, a network of friends).
UNLIMITED: Final = math.inf
