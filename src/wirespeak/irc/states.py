"""What may follow what on a server's connection, as a table; the drawing in the README is made from it.

Which command may be said in which state stands with the commands (``commands.py``).
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

__all__ = ["SERVER", "Event", "State"]


class Event(IntEnum):
    """What makes a connection move on."""

    LINE = 1  # the first line has come, and is no HTTP request
    HTTP = 2  # it is one
    WELCOME = 3  # 001: NICK and USER are known, CAP END is said where CAP LS was
    HOLD = 4  # a command waits for a verdict
    RELEASE = 5
    ERROR = 6  # our last word
    END = 7  # the peer has ended its side, or its time is over


class State(IntEnum):
    """Where a connection stands."""

    CONNECTED = 1  # nothing has come yet
    REGISTERING = 2  # who is there is not yet told (Modern IRC, Connection Registration)
    ASKED = 3  # the same, and a command of it waits for its verdict (a password is looked at)
    REGISTERED = 4
    BUSY = 5  # the same, and a command of it waits
    CLOSING = 6  # our last word is said; what still comes is dropped
    OVER = 7


CONNECTED, REGISTERING, ASKED, REGISTERED, BUSY, CLOSING, OVER = State

SERVER: Final[dict[tuple[State, Event], State]] = {
    (CONNECTED, Event.LINE): REGISTERING,
    (CONNECTED, Event.HTTP): CLOSING,
    (REGISTERING, Event.HOLD): ASKED,
    (ASKED, Event.RELEASE): REGISTERING,
    (REGISTERING, Event.WELCOME): REGISTERED,
    # SASL's answer may be what the welcome waited for, and both may come of one turn.
    (ASKED, Event.WELCOME): BUSY,
    (REGISTERED, Event.HOLD): BUSY,
    (BUSY, Event.RELEASE): REGISTERED,
    **{(state, Event.ERROR): CLOSING for state in (CONNECTED, REGISTERING, ASKED, REGISTERED, BUSY)},
    **{(state, Event.END): OVER for state in State if state is not OVER},
}
"""A row that is missing is a call that changes nothing."""
