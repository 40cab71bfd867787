"""Legality as a table, and the drawing made from it."""

from __future__ import annotations

from enum import Enum, auto

import pytest

from wirespeak.states import Table, diagram


class State(Enum):
    """A conversation that greets, talks and ends."""

    GREETING = auto()
    TALKING = auto()
    OVER = auto()


class Command(Enum):
    """What may be said in it."""

    HELO = auto()
    NOOP = auto()


class Closed:
    """An event that is a class."""


TABLE: Table[State, Command | type | str] = {
    (State.GREETING, Command.HELO): State.TALKING,
    (State.TALKING, Command.NOOP): State.TALKING,
    (State.TALKING, "MAIL"): State.TALKING,
    (State.TALKING, Closed): State.OVER,
    (State.GREETING, Closed): State.OVER,
    (State.OVER, Closed): State.OVER,
}


def test_a_table_is_drawn_in_its_own_order() -> None:
    assert diagram(TABLE, start=State.GREETING).splitlines() == [
        "stateDiagram-v2",
        "    [*] --> GREETING",
        "    GREETING --> TALKING: HELO",
        "    TALKING --> TALKING: NOOP, MAIL",
        "    TALKING --> OVER: Closed",
        "    GREETING --> OVER: Closed",
        "    OVER --> OVER: Closed",
        "    OVER --> [*]",
    ]


def test_a_start_without_a_row_is_refused() -> None:
    with pytest.raises(ValueError, match="no row of the table begins in OVER"):
        diagram({}, start=State.OVER)


def test_a_row_that_nothing_leads_to_is_refused() -> None:
    with pytest.raises(ValueError, match="no conversation from TALKING reaches GREETING"):
        diagram(TABLE, start=State.TALKING)
