"""Happy Eyeballs (RFC 8305 5): several addresses of one host are tried, each a little after the last; the first wins.

A machine without I/O: told what became of each attempt and what time it is, it says what to open and what to close.
Both pumps drive it, so the race runs the same for blocking and asyncio callers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Abandon", "Attempt", "Race", "interleaved"]

# RFC 8305 8: the recommended delay between attempts, in seconds; it must not be under 0.010.
ATTEMPT_DELAY = 0.250
# A host with more addresses than this is not tried in full: the bound keeps a hostile name server from using us to
# knock on thousands of doors.
MAX_ATTEMPTS = 16


@dataclass(slots=True, frozen=True)
class Attempt:
    """Command: connect to the address of this place in the list."""

    index: int


@dataclass(slots=True, frozen=True)
class Abandon:
    """Command: close the attempt of this place; another has won."""

    index: int


Command = Attempt | Abandon


def interleaved(families: Sequence[int]) -> list[int]:
    """The places of a list of address families in the order to try: alternating, beginning with the first's (RFC 8305 4)."""
    first = [place for place, family in enumerate(families) if family == families[0]]
    others = [place for place, family in enumerate(families) if family != families[0]]
    order: list[int] = []
    while first or others:
        order += [queue.pop(0) for queue in (first, others) if queue]
    return order[:MAX_ATTEMPTS]


class Race:
    """``start(now)``, then `connected`, `failed` and `tick` as things happen; each gives the commands to carry out.

    `winner` is the place that won; `lost` says that every attempt failed.
    """

    __slots__ = ("_delay", "_running", "_waiting", "deadline", "winner")

    def __init__(self, order: Sequence[int], delay: float = ATTEMPT_DELAY) -> None:
        self._waiting = list(order)
        self._running: set[int] = set()
        self._delay = delay
        self.deadline: float | None = None
        self.winner: int | None = None

    @property
    def lost(self) -> bool:
        return self.winner is None and not self._waiting and not self._running

    def start(self, now: float) -> list[Command]:
        return self._next(now)

    def tick(self, now: float) -> list[Command]:
        """The delay since the last attempt has passed: try the next beside it."""
        return self._next(now) if self.deadline is not None and now >= self.deadline else []

    def failed(self, index: int, now: float) -> list[Command]:
        """An attempt failed: the next one need not wait any longer."""
        self._running.discard(index)
        return self._next(now) if self.winner is None else []

    def connected(self, index: int) -> list[Command]:
        """An attempt succeeded: it has won, the others are given up."""
        self._running.discard(index)
        if self.winner is not None:
            return [Abandon(index)]
        self.winner, self.deadline = index, None
        self._waiting.clear()
        losers, self._running = self._running, set()
        return [Abandon(loser) for loser in sorted(losers)]

    def _next(self, now: float) -> list[Command]:
        if not self._waiting:
            self.deadline = None
            return []
        index = self._waiting.pop(0)
        self._running.add(index)
        self.deadline = now + self._delay if self._waiting else None
        return [Attempt(index)]
