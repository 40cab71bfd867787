"""The Q method (RFC 1143): its table, and what comes of two sides that obey it."""

from __future__ import annotations

import random
from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirespeak.states import diagram
from wirespeak.telnet.states import FOLLOWING, IN_EFFECT, Event, Q, QState, Step

NO, YES, WANTNO, WANTNO_OPPOSITE, WANTYES, WANTYES_OPPOSITE = QState


def test_every_event_has_its_row_in_every_state() -> None:
    assert set(Q) == {(state, event) for state in QState for event in Event}


@pytest.mark.parametrize(
    ("state", "event", "following", "say"),
    [
        # RFC 1143 7, "Upon receipt of WILL"
        (NO, Event.OFFER, YES, True),
        (NO, Event.UNWANTED, NO, False),
        (YES, Event.OFFER, YES, None),
        (WANTNO, Event.OFFER, NO, None),
        (WANTNO_OPPOSITE, Event.OFFER, YES, None),
        (WANTYES, Event.OFFER, YES, None),
        (WANTYES_OPPOSITE, Event.OFFER, WANTNO, False),
        # "Upon receipt of WONT"
        (NO, Event.REFUSAL, NO, None),
        (YES, Event.REFUSAL, NO, False),
        (WANTNO, Event.REFUSAL, NO, None),
        (WANTNO_OPPOSITE, Event.REFUSAL, WANTYES, True),
        (WANTYES, Event.REFUSAL, NO, None),
        (WANTYES_OPPOSITE, Event.REFUSAL, NO, None),
        # "If we decide to ask him to enable"
        (NO, Event.ENABLE, WANTYES, True),
        (YES, Event.ENABLE, YES, None),
        (WANTNO, Event.ENABLE, WANTNO_OPPOSITE, None),
        (WANTNO_OPPOSITE, Event.ENABLE, WANTNO_OPPOSITE, None),
        (WANTYES, Event.ENABLE, WANTYES, None),
        (WANTYES_OPPOSITE, Event.ENABLE, WANTYES, None),
        # "If we decide to ask him to disable"
        (NO, Event.DISABLE, NO, None),
        (YES, Event.DISABLE, WANTNO, False),
        (WANTNO, Event.DISABLE, WANTNO, None),
        (WANTNO_OPPOSITE, Event.DISABLE, WANTNO, None),
        (WANTYES, Event.DISABLE, WANTYES_OPPOSITE, None),
        (WANTYES_OPPOSITE, Event.DISABLE, WANTYES_OPPOSITE, None),
    ],
)
def test_the_table_is_the_rfcs(state: QState, event: Event, following: QState, say: bool | None) -> None:
    assert Q[state, event] == Step(following, say)


def test_what_we_asked_for_is_not_unwanted() -> None:
    assert all(Q[state, Event.UNWANTED] == Q[state, Event.OFFER] for state in QState if state is not NO)


def test_nothing_is_said_twice() -> None:
    """RFC 1143 7: no answer where the state stays, but for the refusal of what was off and stays off."""
    said_in_place = {row for row, step in Q.items() if step.say is not None and step.state is row[0]}
    assert said_in_place == {(NO, Event.UNWANTED)}


def test_an_option_is_in_effect_from_its_senders_word_on() -> None:
    assert IN_EFFECT[True] == {YES}
    assert IN_EFFECT[False] == {YES, WANTNO, WANTNO_OPPOSITE}


def test_the_diagram_shows_every_state() -> None:
    drawn = diagram(FOLLOWING, start=NO)
    assert "NO --> WANTYES: ENABLE" in drawn
    assert all(state.name in drawn for state in QState)


class Half:
    """One side's view of one option: which state, and what it says; an offer is welcome or not."""

    def __init__(self, welcome: bool) -> None:
        self.state = NO
        self.welcome = welcome
        self.said: deque[bool] = deque()

    def step(self, event: Event) -> None:
        self.state, say = Q[self.state, event]
        if say is not None:
            self.said.append(say)

    def hear(self, positive: bool) -> None:
        self.step((Event.OFFER if self.welcome else Event.UNWANTED) if positive else Event.REFUSAL)


@given(
    st.booleans(),
    st.booleans(),
    st.lists(st.tuples(st.booleans(), st.sampled_from([Event.ENABLE, Event.DISABLE])), max_size=12),
    st.randoms(use_true_random=False),
)
def test_two_sides_always_agree_in_the_end(
    one_likes: bool, other_likes: bool, wishes: list[tuple[bool, Event]], order: random.Random
) -> None:
    """Wishes of both sides at any times, and words under way for any time: they fall silent, and agree."""
    one, other = Half(one_likes), Half(other_likes)
    waiting = deque(wishes)
    for _ in range(20 * (len(wishes) + 2)):
        moves = [move for move, possible in (("wish", waiting), ("one", one.said), ("other", other.said)) if possible]
        if not moves:
            break
        move = order.choice(moves)
        if move == "wish":
            first, event = waiting.popleft()
            (one if first else other).step(event)
        elif move == "one":
            other.hear(one.said.popleft())
        else:
            one.hear(other.said.popleft())
    silent = not waiting and not one.said and not other.said
    assert silent, "they go on talking"
    assert one.state is other.state
    assert one.state in (NO, YES)
