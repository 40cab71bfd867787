"""The server, as a source of messages: its name, the time it stamps on them, and names for messages and batches. Pure.

What users and relays need to know of the world they live in; the world itself (``world.py``) is one.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

__all__ = ["Origin"]


class Origin:
    """``name`` is the server's; ``clock`` gives seconds since 1970; ``seed`` makes its message ids differ from those before a restart."""

    __slots__ = ("_count", "_second", "_second_text", "_seed", "clock", "name")

    def __init__(self, name: str, clock: Callable[[], float], seed: str) -> None:
        self.name = name
        self.clock = clock
        self._seed = seed
        self._count = 0
        self._second = -1
        self._second_text = ""

    def now(self) -> float:
        """Seconds since 1970."""
        return self.clock()

    def stamp(self, when: float) -> str:
        """``when`` as the value of a ``time`` tag (IRCv3 server-time): ``2026-11-21T20:00:00.123Z``."""
        second = int(when)
        if second != self._second:  # many messages fall into one second
            self._second = second
            self._second_text = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        return f"{self._second_text}.{int((when - second) * 1000):03d}Z"

    def msgid(self) -> str:
        """A name that no message had before, here or anywhere (IRCv3 message-ids)."""
        self._count += 1
        return f"{self._seed}{self._count:x}"
