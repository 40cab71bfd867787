"""Who wants to know when a nick comes and goes (IRCv3 Monitor): the lists, both ways round.

    MONITOR + wiz,val     each is told by 730 that it is online, or by 731 that it is not
    wiz quits             whoever monitors wiz is told 731: found in one look-up, however many users there are

A list holds nicks, not users, and no masks: somebody who changes the nick is not followed. Pure: `people.MONITOR` reads
the command, and the world tells the watchers.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable
from typing import Final, Generic, TypeVar

__all__ = ["LIMIT", "Monitors"]

LIMIT: Final = 100
"""Nicks in one client's list, told as ``MONITOR=100`` (RPL_ISUPPORT): with a folded nick, the nick as it was written and two
entries in tables that is some 40 KB for who fills it; networks have 100 to 200."""

W = TypeVar("W", bound=Hashable)


class Monitors(Generic[W]):
    """The lists of all watchers. A watcher is whatever is told: the server's are its users."""

    __slots__ = ("_fold", "_targets", "_watchers", "limit")

    def __init__(self, fold: Callable[[str], str], limit: int = LIMIT) -> None:
        self.limit = limit
        self._fold = fold
        self._targets: dict[W, dict[str, str]] = {}  # folded nick → as the watcher wrote it
        self._watchers: dict[str, dict[W, None]] = {}  # folded nick → who watches it, in the order of their asking

    def add(self, watcher: W, nick: str) -> bool:
        """Put ``nick`` on the watcher's list; one that is there already stays as it is. False if the list is full."""
        targets = self._targets.setdefault(watcher, {})
        key = self._fold(nick)
        if key not in targets:
            if len(targets) >= self.limit:
                return False
            targets[key] = nick
            self._watchers.setdefault(key, {})[watcher] = None
        return True

    def remove(self, watcher: W, nick: str) -> None:
        """Take ``nick`` off the watcher's list, if it is on it."""
        targets = self._targets.get(watcher, {})
        key = self._fold(nick)
        if targets.pop(key, None) is not None:
            self._forget(watcher, key)
        if not targets:
            self._targets.pop(watcher, None)

    def clear(self, watcher: W) -> None:
        """Empty the watcher's list: asked for by ``MONITOR C``, and due when the watcher leaves."""
        for key in self._targets.pop(watcher, {}):
            self._forget(watcher, key)

    def targets(self, watcher: W) -> list[str]:
        """The nicks on the watcher's list, as they were written, in order."""
        return list(self._targets.get(watcher, {}).values())

    def watchers(self, nick: str) -> Collection[W]:
        """Those who monitor ``nick``. Not to be kept: it changes as they come and go."""
        return self._watchers.get(self._fold(nick), {}).keys()

    def _forget(self, watcher: W, key: str) -> None:
        watchers = self._watchers[key]
        del watchers[watcher]
        if not watchers:
            del self._watchers[key]
