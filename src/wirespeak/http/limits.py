"""What one connection to a server may take of time and space, as far as its user may set it.

Bounds that nobody has reason to set stand where they are used, each with its reason.
"""

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
