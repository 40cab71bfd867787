"""A bounded memory of what is used often, whose look-up is a plain dictionary's.

An ordinary least-recently-used list notes every use; under a server's load the noting costs more than the finding. Here
are two generations instead. What is new, or found among the old, goes to the young. When the young fill half the
bound, the old are let go and the young become the old. So what is used stays, and what isn't goes after one turn or two.

Touches nothing outside; imports no one of the house.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, Protocol, TypeVar

__all__ = ["Generations"]


class Weighted(Protocol):
    """What can be kept: it knows the bytes of memory it takes."""

    @property
    def weight(self) -> int: ...


K = TypeVar("K", bound=Hashable)
V = TypeVar("V", bound=Weighted)


class Generations(Generic[K, V]):
    """Values by a key, in all not heavier than ``limit`` bytes. A value's weight may change only while it is not in here.

    ``young`` is there for reading: on a hot path, look there first and call `get` only where nothing was found.
    """

    __slots__ = ("_half", "_old", "_weight", "young")

    def __init__(self, limit: int) -> None:
        self.young: dict[K, V] = {}
        self._old: dict[K, V] = {}
        self._weight = 0  # of the young
        self._half = limit // 2

    def __len__(self) -> int:
        return len(self.young) + len(self._old)

    def get(self, key: K) -> V | None:
        """The value under ``key``, which thereby is young; None where there is none (any more)."""
        value = self.young.get(key)
        if value is None:
            value = self._old.get(key)
            if value is not None:
                self.put(key, value)
        return value

    def put(self, key: K, value: V) -> None:
        """Keep ``value`` under ``key`` in place of any other; one heavier than half the limit is not kept."""
        self.drop(key)
        if value.weight > self._half:
            return
        if self._weight + value.weight > self._half:
            self._old, self.young, self._weight = self.young, {}, 0
        self.young[key] = value
        self._weight += value.weight

    def drop(self, key: K) -> None:
        """Forget what is under ``key``."""
        value = self.young.pop(key, None)
        if value is not None:
            self._weight -= value.weight
        self._old.pop(key, None)
