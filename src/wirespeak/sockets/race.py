"""Happy Eyeballs (RFC 8305): several addresses of one host are tried, each a little after the last; the first wins.

A machine without I/O: told what became of each attempt and what time it is, it says what to open and what to close.
Where the addresses of each family are looked up on their own, it is told of them as they come (RFC 8305 3). All pumps
drive it, so the race runs the same for blocking and asyncio callers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Abandon", "Attempt", "Race", "interleaved"]

# RFC 8305 8: the recommended delay between attempts, in seconds; it must not be under 0.010.
ATTEMPT_DELAY = 0.250
# RFC 8305 3: the addresses of the other family came first; those of the preferred one may follow within these seconds.
RESOLUTION_DELAY = 0.050
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

    ``order`` are places in a list of addresses. Where they are still being looked up, ``awaited`` holds the families whose
    addresses are to come, the preferred first, and each is told of by `answered`. `winner` is the place that won; `lost` says
    that every attempt failed.
    """

    __slots__ = (
        "_attempts",
        "_awaited",
        "_delay",
        "_families",
        "_last",
        "_last_at",
        "_preferred",
        "_running",
        "_waiting",
        "deadline",
        "winner",
    )

    def __init__(self, order: Sequence[int] = (), delay: float = ATTEMPT_DELAY, *, awaited: Sequence[int] = ()) -> None:
        self._waiting = list(order)
        self._running: set[int] = set()
        self._delay = delay
        self._awaited = list(awaited)
        self._preferred = awaited[0] if awaited else None
        self._families: dict[int, int] = {}  # of the places that `answered` told of
        self._attempts = 0
        self._last: int | None = None  # the family that was tried last
        self._last_at = 0.0
        self.deadline: float | None = None
        self.winner: int | None = None

    @property
    def lost(self) -> bool:
        return self.winner is None and not (self._waiting or self._running or self._awaited)

    def start(self, now: float) -> list[Command]:
        return self._next(now)

    def answered(self, family: int, places: Sequence[int], now: float) -> list[Command]:
        """The addresses of ``family`` are known: they are at ``places``; none where it has none (RFC 8305 3)."""
        if family in self._awaited:
            self._awaited.remove(family)
        if self.winner is not None:
            return []
        self._families |= dict.fromkeys(places, family)
        self._waiting = self._alternating([*self._waiting, *places])
        if self._running:
            if self._waiting and self.deadline is None:
                self.deadline = max(now, self._last_at + self._delay)
            return []
        if self._attempts or self._preferred not in self._awaited:
            return self._next(now)
        if self._waiting and self.deadline is None:
            self.deadline = now + RESOLUTION_DELAY
        return []

    def tick(self, now: float) -> list[Command]:
        """The delay has passed: try the next, beside those that run."""
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
        self._attempts += 1
        self._last, self._last_at = self._families.get(index), now
        self.deadline = now + self._delay if self._waiting else None
        return [Attempt(index)]

    def _alternating(self, places: Sequence[int]) -> list[int]:
        """The places in the order to try: the families in turn, beginning with the one that was not tried last."""
        groups: dict[int, list[int]] = {}
        for place in places:
            groups.setdefault(self._families[place], []).append(place)
        first = sorted(groups, key=lambda family: (family == self._last, family != self._preferred))
        ordered = [place for family in first for place in groups[family]]
        return [ordered[at] for at in interleaved([self._families[place] for place in ordered])][: MAX_ATTEMPTS - self._attempts]
