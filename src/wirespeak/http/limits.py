"""What one connection to a server may take of time and space: what its user may set, and what stands fast."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ServerLimits"]


@dataclass(slots=True, frozen=True)
class ServerLimits:
    """The bounds of one connection; times in seconds, sizes in bytes.

    A request line is due 8,000 bytes at least (RFC 9112 3); nginx and Apache draw the line at 8 KB, and at 32 KB and
    more for all fields together. ``body_rate`` is the least that a body, and an answer, has to move at once ``grace``
    is over: slower than any line in use, faster than an attacker who holds connections open likes.
    """

    line: int = 16 << 10
    head: int = 48 << 10
    body: int = 64 << 20
    head_time: float = 20.0
    idle_time: float = 75.0
    handler_time: float = 60.0
    grace: float = 20.0
    body_rate: int = 1024


# What is kept of later requests while an answer is made. Enough for pipelining; the rest waits in the peer's socket.
KEPT = 64 << 10
# Body given out and not yet consumed: what one connection may hold of an upload whose handler is slow.
WINDOW = 256 << 10
# A body that no one wants is read and dropped up to here, so that the connection can be kept; past it, closed.
UNWANTED = 256 << 10
# Seconds, and bytes, that are read and dropped after our last word, so that it isn't lost to a reset (RFC 9112 9.6).
LINGER_TIME = 2.0
LINGER_SIZE = 16 << 20
# A body as short as this is sent in one piece with its head: copying it is cheaper than a second buffer.
JOINED = 4 << 10
# Seconds between the interim answers by which we learn whether a peer that ended its side still listens.
PROBE_EVERY = 0.5
# Nothing can be slipped into an answer that is under way: where a peer ended its side and nothing has been written to it for
# so many seconds, it is taken to be gone (a page that listened to a stream of events was closed).
SILENCE = 5.0
