"""What may follow what on a TCP connection of the DNS, as tables (RFC 7766): a row that is missing is the protocol error.

Questions and answers need not alternate: a client may ask on before it is answered (pipelining, RFC 7766 6.2.1.1), and the
answers may come in any order (RFC 7766 7). So the tables tell no more than who may still speak. The diagrams in the README are
drawn from them.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

__all__ = ["CLIENT", "SERVER", "Event", "State"]


class Event(IntEnum):
    """What makes a side move on."""

    QUESTION = 1
    ANSWER = 2  # a message of one: a zone transfer takes several (RFC 5936 2.2)
    END = 3  # the peer has ended its side of the stream
    LEAVE = 4  # we end ours: idle for too long, about to stop, or done
    FAULT = 5  # the peer broke the protocol, or was too slow
    CLOSE = 6  # nothing more is to be said, or to be waited for


class State(IntEnum):
    """Where a side stands."""

    OPEN = 1
    ENDED = 2  # the client asks no more; what it has asked is answered
    LEFT = 3  # our side is over; what still comes is answers to a client, and thrown away by a server
    CLOSED = 4


SERVER: Final[dict[tuple[State, Event], State]] = {
    (State.OPEN, Event.QUESTION): State.OPEN,
    (State.OPEN, Event.ANSWER): State.OPEN,
    (State.OPEN, Event.END): State.ENDED,
    (State.OPEN, Event.LEAVE): State.LEFT,
    (State.OPEN, Event.FAULT): State.LEFT,
    (State.ENDED, Event.ANSWER): State.ENDED,
    (State.ENDED, Event.CLOSE): State.CLOSED,
    (State.LEFT, Event.CLOSE): State.CLOSED,
}

CLIENT: Final[dict[tuple[State, Event], State]] = {
    (State.OPEN, Event.QUESTION): State.OPEN,
    (State.OPEN, Event.ANSWER): State.OPEN,
    (State.OPEN, Event.LEAVE): State.LEFT,
    (State.OPEN, Event.FAULT): State.CLOSED,
    (State.OPEN, Event.CLOSE): State.CLOSED,
    (State.LEFT, Event.ANSWER): State.LEFT,
    (State.LEFT, Event.FAULT): State.CLOSED,
    (State.LEFT, Event.CLOSE): State.CLOSED,
}
