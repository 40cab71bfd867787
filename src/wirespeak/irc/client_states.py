"""What a client of IRC goes through until it may talk, as a table (IRCv3 capability negotiation; Modern IRC: connection
registration): what has no row is out of place. And how long it waits.

The diagram in the README is drawn from the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import Enum
from typing import Final, Self

__all__ = ["MOVES", "State", "Timeouts"]


class State(Enum):
    """How far a client has come."""

    OFFER = 1  # all is said that begins a registration; what the server offers is to come
    REQUEST = 2  # we said what we want of that
    LOGIN = 3  # SASL
    REGISTERING = 4  # there is nothing more to agree on
    WELCOME = 5  # we are on the network; the server tells of itself
    READY = 6
    LEAVING = 7  # QUIT is said
    OVER = 8


MOVES: Final[Mapping[tuple[State, str], State]] = {
    (State.OFFER, "CAP LS"): State.REQUEST,
    (State.OFFER, "CAP END"): State.REGISTERING,
    (State.OFFER, "001"): State.WELCOME,  # a server that knows no capabilities says nothing of them
    (State.REQUEST, "AUTHENTICATE"): State.LOGIN,
    (State.REQUEST, "CAP END"): State.REGISTERING,
    (State.LOGIN, "CAP END"): State.REGISTERING,
    (State.REGISTERING, "001"): State.WELCOME,
    (State.WELCOME, "376"): State.READY,
    (State.WELCOME, "422"): State.READY,
    (State.WELCOME, "silence"): State.READY,
    (State.OFFER, "QUIT"): State.LEAVING,
    (State.REQUEST, "QUIT"): State.LEAVING,
    (State.LOGIN, "QUIT"): State.LEAVING,
    (State.REGISTERING, "QUIT"): State.LEAVING,
    (State.WELCOME, "QUIT"): State.LEAVING,
    (State.READY, "QUIT"): State.LEAVING,
    (State.LEAVING, "ERROR"): State.OVER,
}
"""Which state follows what is said by us (CAP END, AUTHENTICATE, QUIT) or by the server. From anywhere the end of the connection
leads to OVER."""


@dataclass(slots=True, frozen=True)
class Timeouts:
    """How long to wait for the server, in seconds.

    ``connect`` is for looking the host up, connecting and the handshake of TLS; ``register`` for all from there to the end of the
    welcome (servers look up who we are first); ``idle`` is how long it may be silent before it is asked whether it is there, and
    ``pong`` how long it may take to say so; ``answer`` for the answer to a question; ``quit`` for its goodbye.
    """

    connect: float = 30.0
    register: float = 90.0
    idle: float = 90.0
    pong: float = 60.0
    answer: float = 60.0
    quit: float = 5.0

    @classmethod
    def at_most(cls, seconds: float) -> Self:
        """As usual, but nothing longer than so many seconds."""
        usual = cls()
        return cls(*(min(seconds, getattr(usual, field.name)) for field in fields(cls)))
