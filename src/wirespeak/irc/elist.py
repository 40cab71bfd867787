"""Which channels a LIST asks for: its conditions, read and held against a channel (Modern IRC: LIST message; RPL_ISUPPORT ELIST).

    LIST                 all          LIST >3,<100      with more than 3 members and less than 100
    LIST #a,#b           these two    LIST *help*,!#x*  M, N: names that fit a mask, or don't
    LIST C<60            C: made less than an hour ago     LIST T>1440    T: whose topic was set more than a day ago

Names and masks add up: a channel is listed that is any of them. All else narrows: it must all be true. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from wirespeak.irc.channels import Channel
from wirespeak.irc.masks import Glob

__all__ = ["Wanted", "read"]

CONDITION: Final = re.compile(r"([CTct]?)([<>])([0-9]{1,9})")
MINUTE: Final = 60.0

CONDITIONS: Final = 8
"""Masks and conditions of one LIST; more are passed over. Each is held against every channel there is."""


@dataclass(slots=True)
class Wanted:
    """What is asked for: folded ``names``, each once, ``masks`` of names, and ``conditions``."""

    names: dict[str, None] = field(default_factory=dict)
    masks: list[Glob] = field(default_factory=list)
    conditions: list[Callable[[Channel, float], bool]] = field(default_factory=list)

    def fits(self, channel: Channel, now: float) -> bool:
        """Whether ``channel`` is asked for; ``now`` in seconds since 1970."""
        if (self.names or self.masks) and channel.key not in self.names and not any(mask.matches(channel.key) for mask in self.masks):
            return False
        return all(condition(channel, now) for condition in self.conditions)


def read(words: list[str], fold: Callable[[str], str]) -> Wanted:
    """Read the names and conditions, in whatever order they stand."""
    wanted = Wanted()
    for word in words:
        if len(wanted.masks) + len(wanted.conditions) >= CONDITIONS:
            break
        if found := CONDITION.fullmatch(word):
            wanted.conditions.append(_condition(found[1].upper(), found[2] == "<", int(found[3])))
        elif word[:1] == "!":
            wanted.conditions.append(_unlike(Glob(word[1:])))
        elif "*" in word or "?" in word:
            wanted.masks.append(Glob(word))
        elif word:
            wanted.names[fold(word)] = None
    return wanted


def _condition(what: str, less: bool, number: int) -> Callable[[Channel, float], bool]:
    if not what:
        return (lambda channel, _: len(channel.members) < number) if less else (lambda channel, _: len(channel.members) > number)
    seconds = number * MINUTE
    if what == "C":
        return (lambda channel, now: now - channel.created < seconds) if less else (lambda channel, now: now - channel.created > seconds)
    if less:
        return lambda channel, now: channel.topic is not None and now - channel.topic.at < seconds
    return lambda channel, now: channel.topic is not None and now - channel.topic.at > seconds


def _unlike(mask: Glob) -> Callable[[Channel, float], bool]:
    return lambda channel, _: not mask.matches(channel.key)
