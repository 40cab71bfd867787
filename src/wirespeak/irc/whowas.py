"""Who bore a nick before: what WHOWAS tells of users who left, or took another nick (RFC 2812 3.6.3, Modern IRC: WHOWAS).

It is kept in memory, and bounded: the latest `KEPT` departures, and of each nick the latest `EACH`. Pure: the time is an argument.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

__all__ = ["EACH", "KEPT", "Past", "WhoWas"]

KEPT: Final = 5_000
"""Departures remembered: with seven short texts each, some 4 MB."""

EACH: Final = 20
"""Of one nick: so that who comes and goes a thousand times does not make a thousand lines of every answer."""


@dataclass(slots=True, frozen=True)
class Past:
    """One who bore ``nick`` until ``until`` (seconds since 1970). ``host`` was shown to all; ``real_host`` and ``ip`` are for operators."""

    nick: str
    user: str
    host: str
    real_host: str
    ip: str
    realname: str
    account: str | None
    until: float


class WhoWas:
    """The departures, found by nick."""

    __slots__ = ("_all", "_by_nick", "_fold", "_kept")

    def __init__(self, fold: Callable[[str], str], kept: int = KEPT) -> None:
        self._fold = fold
        self._kept = kept
        self._all: deque[Past] = deque()
        self._by_nick: dict[str, deque[Past]] = {}

    def __len__(self) -> int:
        return len(self._all)

    def add(self, past: Past) -> None:
        """Remember a departure, and forget the oldest where there are too many."""
        same = self._by_nick.setdefault(self._fold(past.nick), deque(maxlen=EACH))
        same.append(past)
        self._all.append(past)
        if len(self._all) > self._kept:
            self._forget(self._all.popleft())

    def find(self, nick: str, count: int = 0) -> list[Past]:
        """Who bore ``nick``, the latest first; no more than ``count``, if that is positive.

        "If a non-positive number is passed as being <count>, then a full search is done" (RFC 2812 3.6.3). The nick is no mask.
        """
        found = list(reversed(self._by_nick.get(self._fold(nick), ())))
        return found[:count] if count > 0 else found

    def _forget(self, oldest: Past) -> None:
        """Drop ``oldest`` from its nick's list too, unless it has fallen out of it before."""
        key = self._fold(oldest.nick)
        same = self._by_nick.get(key)
        if same and same[0] is oldest:
            same.popleft()
            if not same:
                del self._by_nick[key]
