"""The table of a server's connection."""

from __future__ import annotations

from wirespeak.irc.states import SERVER, Event, State
from wirespeak.states import diagram


def test_every_state_can_be_reached_and_left_but_the_last() -> None:
    assert {state for state, _ in SERVER} == set(State) - {State.OVER}
    assert diagram(SERVER, start=State.CONNECTED).endswith("OVER --> [*]")


def test_our_last_word_is_said_once() -> None:
    for state in State:
        after = SERVER.get((state, Event.ERROR))
        assert after is (None if state in (State.CLOSING, State.OVER) else State.CLOSING)
