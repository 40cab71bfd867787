"""How two sides agree on an option, as a table: the Q method of RFC 1143.

Each option has two lives on a connection, ours (WILL and WONT are ours, DO and DONT the peer's word on it) and the peer's
(the other way round). Each of the two is in one of six states, and the table says for each what happens on each event: the
state that follows, and what we say. An answer is said only where the state changes, so no two sides that obey the table
can go on confirming each other for ever; and a wish that comes while the last one is not answered yet waits in the
state (the method's queue), so that no answer is taken for another's.

The README shows the states drawn from `FOLLOWING`. Pure: touches nothing outside.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NamedTuple

__all__ = ["FOLLOWING", "IN_EFFECT", "Event", "Q", "QState", "Step"]


class QState(IntEnum):
    """Where the talk about one side of an option stands. OPPOSITE: once it is answered, we want the contrary (the queue)."""

    NO = 1
    YES = 2
    WANTNO = 3  # it was on, and we said to have it off; the answer is due
    WANTNO_OPPOSITE = 4
    WANTYES = 5  # it was off, and we said to have it on
    WANTYES_OPPOSITE = 6


class Event(IntEnum):
    """What may happen: two wishes of ours, and the peer's words, its WILL (or DO) told apart by our willingness."""

    ENABLE = 1
    DISABLE = 2
    OFFER = 3  # WILL or DO, and we agree to the option
    UNWANTED = 4  # WILL or DO, and we don't
    REFUSAL = 5  # WONT or DONT


class Step(NamedTuple):
    """The state that follows, and what is said: True for DO (of our side: WILL), False for DONT (WONT), None for nothing."""

    state: QState
    say: bool | None = None


NO, YES, WANTNO, WANTNO_OPPOSITE, WANTYES, WANTYES_OPPOSITE = QState

_RULES: Final[dict[tuple[QState, Event], Step]] = {
    # RFC 1143 7: we decide to have it enabled.
    (NO, Event.ENABLE): Step(WANTYES, True),
    (YES, Event.ENABLE): Step(YES),
    (WANTNO, Event.ENABLE): Step(WANTNO_OPPOSITE),
    (WANTNO_OPPOSITE, Event.ENABLE): Step(WANTNO_OPPOSITE),
    (WANTYES, Event.ENABLE): Step(WANTYES),
    (WANTYES_OPPOSITE, Event.ENABLE): Step(WANTYES),
    # … disabled.
    (NO, Event.DISABLE): Step(NO),
    (YES, Event.DISABLE): Step(WANTNO, False),
    (WANTNO, Event.DISABLE): Step(WANTNO),
    (WANTNO_OPPOSITE, Event.DISABLE): Step(WANTNO),
    (WANTYES, Event.DISABLE): Step(WANTYES_OPPOSITE),
    (WANTYES_OPPOSITE, Event.DISABLE): Step(WANTYES_OPPOSITE),
    # WILL (or DO) is received.
    (NO, Event.OFFER): Step(YES, True),
    (YES, Event.OFFER): Step(YES),
    (WANTNO, Event.OFFER): Step(NO),  # an error of the peer's: DONT answered by WILL; nothing more is said to such a one
    (WANTNO_OPPOSITE, Event.OFFER): Step(YES),  # so is this
    (WANTYES, Event.OFFER): Step(YES),
    (WANTYES_OPPOSITE, Event.OFFER): Step(WANTNO, False),
    # WONT (or DONT) is received.
    (NO, Event.REFUSAL): Step(NO),
    (YES, Event.REFUSAL): Step(NO, False),
    (WANTNO, Event.REFUSAL): Step(NO),
    (WANTNO_OPPOSITE, Event.REFUSAL): Step(WANTYES, True),
    (WANTYES, Event.REFUSAL): Step(NO),
    (WANTYES_OPPOSITE, Event.REFUSAL): Step(NO),
}

# Whether we agree is asked only where the peer begins: what is on, or was asked for by us, has been agreed to.
Q: Final = _RULES | {(state, Event.UNWANTED): Step(NO, False) if state is NO else _RULES[state, Event.OFFER] for state in QState}
"""The Q method: 6 states, 5 events, and no row is missing: whatever comes has its answer."""

FOLLOWING: Final = {row: step.state for row, step in Q.items()}
"""The table's states alone, as `wirespeak.states.diagram` draws them."""

IN_EFFECT: Final = {
    # We begin with our WILL where the peer asked for it, and else with its DO; we stop with our WONT.
    True: frozenset({YES}),
    # The peer's side counts from its WILL to its WONT, whatever we wished in between.
    False: frozenset({YES, WANTNO, WANTNO_OPPOSITE}),
}
"""In which states the option is in effect: of our side (True), and of the peer's (False). An option takes effect at the place
in the stream where its sender says so (RFC 854)."""
