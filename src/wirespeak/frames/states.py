"""What may follow what in a conversation of frames, as tables: a row that is missing is the protocol error.

Both sides are alike, and each does two things at a time: it reads one stream and writes the other. So there are two
small tables. The diagrams in the README are drawn from them.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

__all__ = ["READS", "WRITES", "Event", "Reads", "Writes"]


class Event(IntEnum):
    """What makes a side move on."""

    MESSAGE = 1
    END = 2  # no more messages follow, as the dialect says it (frames 5)
    FAULT = 3  # the peer broke the protocol, or was too slow (frames 6)
    LEAVE = 4  # our side has ended, and will not hear the rest of what the peer says
    CLOSE = 5  # the peer's stream ended, neither side has more to say, or we have waited long enough for either


class Reads(IntEnum):
    """What a side makes of the bytes that come."""

    OPEN = 1
    OVER = 2  # the peer has said its end: nothing may follow
    DISCARD = 3  # thrown away, until the peer has ended its stream too
    CLOSED = 4


class Writes(IntEnum):
    """What a side may say."""

    OPEN = 1
    OVER = 2


READS: Final[dict[tuple[Reads, Event], Reads]] = {
    (Reads.OPEN, Event.MESSAGE): Reads.OPEN,
    (Reads.OPEN, Event.END): Reads.OVER,
    (Reads.OPEN, Event.FAULT): Reads.DISCARD,
    (Reads.OPEN, Event.LEAVE): Reads.DISCARD,
    (Reads.OVER, Event.FAULT): Reads.DISCARD,
    (Reads.OVER, Event.CLOSE): Reads.CLOSED,
    (Reads.DISCARD, Event.CLOSE): Reads.CLOSED,
}

WRITES: Final[dict[tuple[Writes, Event], Writes]] = {
    (Writes.OPEN, Event.MESSAGE): Writes.OPEN,
    (Writes.OPEN, Event.END): Writes.OVER,
    (Writes.OPEN, Event.FAULT): Writes.OVER,
}
