"""Legality as a table: state × event → state, and the drawing made from it.

A session looks up ``(state, event)``: the row says which state follows, and a missing row is the protocol error. So
the rules of a conversation stand in one place, where they can be read, tested and drawn. Each package's README shows
the drawing made here (``python scripts/diagrams.py`` makes it anew, and a test tells when it has drifted).

Touches nothing outside; imports no one of the house.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TypeAlias, TypeVar

__all__ = ["Event", "Table", "diagram"]

Event: TypeAlias = Enum | type | str
"""What happened: a member of an enumeration, the class of a message or event, or the name of a command."""

S = TypeVar("S", bound=Enum)
E = TypeVar("E", bound=Event)

Table: TypeAlias = Mapping[tuple[S, E], S]
"""Which state follows which event. The first row's state is where a conversation begins."""


def diagram(table: Table[S, E], *, start: S) -> str:
    """Draw ``table`` as the text of a Mermaid state diagram (``stateDiagram-v2``), without a line break at its end.

    Arrows stand in the order of the table's rows; events that lead from one state to the same other share an arrow.
    A state that no event leads out of is an end of the conversation. Raises `ValueError` for a ``start`` without a row, and
    for a row that no conversation can reach from there.
    """
    arrows: dict[tuple[str, str], list[str]] = {}
    for (state, event), following in table.items():
        arrows.setdefault((state.name, following.name), []).append(_label(event))
    left = {state for state, _ in arrows}
    if start.name not in left:
        raise ValueError(f"no row of the table begins in {start.name}")
    if stranded := left - _reached(arrows, start.name):
        raise ValueError(f"no conversation from {start.name} reaches {', '.join(sorted(stranded))}")
    left_for_another = {state for state, following in arrows if state != following}
    ends = dict.fromkeys(following for _, following in arrows if following not in left_for_another)
    return "\n".join(
        [
            "stateDiagram-v2",
            f"    [*] --> {start.name}",
            *(f"    {state} --> {following}: {', '.join(events)}" for (state, following), events in arrows.items()),
            *(f"    {state} --> [*]" for state in ends),
        ]
    )


def _label(event: Event) -> str:
    """The name an event bears on its arrow."""
    if isinstance(event, str):
        return event
    return event.name if isinstance(event, Enum) else event.__name__


def _reached(arrows: Mapping[tuple[str, str], object], start: str) -> set[str]:
    """Every state to which arrows lead from ``start``, itself included."""
    found = {start}
    waiting = [start]
    while waiting:
        here = waiting.pop()
        fresh = {following for state, following in arrows if state == here} - found
        found |= fresh
        waiting += fresh
    return found
