"""The modes of channels and of users as tables, and how MODE's words are read and written (Modern IRC: MODE message).

    MODE #lobby +kt-o mellon ann   ──read──▶   + k mellon, + t, - o ann   ──write──▶   +kt-o mellon ann

What a mode does stands where it works: ``channels.py`` (who may join and speak), ``verbs/channel.py``, ``verbs/talk.py``; who may
set it, in ``verbs/mode.py``. Pure: touches nothing outside.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from itertools import combinations
from typing import Final

__all__ = [
    "CHANMODES",
    "CHANNEL_MODES",
    "EVERY_SYMBOL",
    "FOUNDER",
    "HALFOP",
    "HIGHEST_SYMBOL",
    "LIST_MODES",
    "MAXLIST",
    "MAXMODES",
    "NEW_CHANNEL",
    "OPERATOR",
    "PREFIX",
    "RANKS",
    "SERVER",
    "STATUSMSG",
    "USER_MODES",
    "VOICE",
    "Change",
    "ChannelMode",
    "Kind",
    "Reading",
    "UserMode",
    "read",
    "write",
]

MAXMODES: Final = 12
"""Changes with an argument in one command (RPL_ISUPPORT MODES): with the channel and the letters these are 14 parameters, and a
message has 15 at most. Those beyond are passed over, as the token says."""

MAXLIST: Final = 100
"""Entries of the lists b, e and I of one channel together (RPL_ISUPPORT MAXLIST). Who speaks is held against all of them, so
they cost time as well as memory: 100 masks are 30 KB and some 20 µs, once for each speaker and change of a list."""

VOICE: Final = 1
HALFOP: Final = 2
OPERATOR: Final = 3
FOUNDER: Final = 5
SERVER: Final = 6
"""Ranks: what one must be to do this or that. Nobody in a channel is above its founder; the server itself is."""


class Kind(Enum):
    """The types of channel modes (RPL_ISUPPORT CHANMODES, in its order), and those that are given to members (PREFIX)."""

    LIST = "A"
    """Adds to a list or takes from it; without an argument, asks for the list."""
    PARAMETER = "B"
    """Has an argument when it is set and when it is taken back."""
    VALUE = "C"
    """Has an argument when it is set."""
    FLAG = "D"
    """Has none."""
    MEMBER = "prefix"
    """Names a member."""


@dataclass(slots=True, frozen=True)
class ChannelMode:
    """One row: a letter, what kind of argument it has, the rank that it takes to set it, and what it does."""

    letter: str
    kind: Kind
    meaning: str
    rank: int = HALFOP
    symbol: str = ""
    """The prefix of who holds it, where it is given to members."""


CHANNEL_MODES: Final = {
    row.letter: row
    for row in (
        # Who holds `a` is safe from all but the founder: nobody else kicks them or takes it (Modern IRC: Protected Prefix).
        ChannelMode("q", Kind.MEMBER, "owns the channel", FOUNDER, "~"),
        ChannelMode("a", Kind.MEMBER, "is protected from all but the founder", FOUNDER, "&"),
        ChannelMode("o", Kind.MEMBER, "is an operator", OPERATOR, "@"),
        ChannelMode("h", Kind.MEMBER, "is half an operator: kicks, gives a voice, sets modes", OPERATOR, "%"),
        ChannelMode("v", Kind.MEMBER, "has a voice: speaks where others may not", HALFOP, "+"),
        ChannelMode("b", Kind.LIST, "is banned: neither joins nor speaks"),
        ChannelMode("e", Kind.LIST, "is excepted from the bans"),
        ChannelMode("I", Kind.LIST, "joins without an invitation"),
        ChannelMode("k", Kind.PARAMETER, "joining takes this key"),
        ChannelMode("l", Kind.VALUE, "no more members than this may join"),
        ChannelMode("C", Kind.FLAG, "no CTCP but ACTION"),
        ChannelMode("M", Kind.FLAG, "only who is logged in speaks"),
        ChannelMode("R", Kind.FLAG, "only who is logged in joins"),
        ChannelMode("i", Kind.FLAG, "only who is invited joins"),
        ChannelMode("m", Kind.FLAG, "only who has a voice speaks"),
        ChannelMode("n", Kind.FLAG, "only members speak"),
        ChannelMode("r", Kind.FLAG, "somebody's account owns the channel; the server says so", SERVER),
        ChannelMode("s", Kind.FLAG, "the channel is told to its members alone"),
        ChannelMode("t", Kind.FLAG, "the topic is the operators'"),
    )
}
"""All channel modes by letter; those given to members from the highest down."""

NEW_CHANNEL: Final = "nt"
"""The modes of a channel that is made by its first JOIN (Modern IRC: Regular Channels)."""


def _letters(kind: Kind) -> str:
    return "".join(row.letter for row in CHANNEL_MODES.values() if row.kind is kind)


MEMBER_MODES: Final = _letters(Kind.MEMBER)
LIST_MODES: Final = _letters(Kind.LIST)
STATUSMSG: Final = "".join(CHANNEL_MODES[letter].symbol for letter in MEMBER_MODES)
PREFIX: Final = f"({MEMBER_MODES}){STATUSMSG}"
CHANMODES: Final = ",".join(map(_letters, (Kind.LIST, Kind.PARAMETER, Kind.VALUE, Kind.FLAG)))

_HELD: Final = ["".join(held) for count in range(len(MEMBER_MODES) + 1) for held in combinations(MEMBER_MODES, count)]

RANKS: Final = {held: len(MEMBER_MODES) - MEMBER_MODES.index(held[0]) if held else 0 for held in _HELD}
"""What a member holds, from the highest down ("qo") → the rank, 0 for who holds nothing."""

EVERY_SYMBOL: Final = {held: "".join(CHANNEL_MODES[letter].symbol for letter in held) for held in _HELD}
HIGHEST_SYMBOL: Final = {held: symbols[:1] for held, symbols in EVERY_SYMBOL.items()}
"""What a member holds → the prefixes to show: all (IRCv3 multi-prefix), or the highest (Modern IRC: RPL_NAMREPLY)."""


@dataclass(slots=True, frozen=True)
class UserMode:
    """One row: a letter, what it does, and whether a user sets and lays it down by MODE."""

    letter: str
    meaning: str
    set: bool = True
    unset: bool = True


USER_MODES: Final = {
    row.letter: row
    for row in (
        UserMode("B", "is a bot"),  # IRCv3 Bot Mode
        UserMode("R", "gets private messages from those alone who are logged in"),
        UserMode("T", "gets no CTCP but ACTION"),
        UserMode("i", "is not told to those who share no channel"),
        UserMode("o", "is an operator of the server", set=False),  # OPER gives it (RFC 2812 3.1.5)
        UserMode("r", "is logged in", set=False, unset=False),
        UserMode("w", "gets WALLOPS"),
    )
}
"""All user modes by letter."""


@dataclass(slots=True)
class Change:
    """One mode set (``adding``) or taken back, with its argument: a mask, a key, a number, a nick; None where it has none."""

    adding: bool
    letter: str
    argument: str | None = None


@dataclass(slots=True)
class Reading:
    """What the words of a MODE for a channel ask for."""

    changes: list[Change] = field(default_factory=list)
    lists: list[str] = field(default_factory=list)
    """The lists asked for, each once."""
    unknown: list[str] = field(default_factory=list)
    """Letters that are no channel mode, each once."""
    bare: list[str] = field(default_factory=list)
    """Modes without the argument that they need, each once: they are passed over (Modern IRC: MODE)."""


def read(letters: str, arguments: Iterable[str]) -> Reading:
    """Read the mode letters of a MODE and the arguments behind them. Where no sign comes first, ``+`` is meant."""
    reading = Reading()
    words = iter(arguments)
    adding, taken = True, 0
    for letter in letters:
        if letter in "+-":
            adding = letter == "+"
            continue
        mode = CHANNEL_MODES.get(letter)
        if mode is None:
            _once(reading.unknown, letter)
        elif mode.kind is Kind.FLAG or (mode.kind is Kind.VALUE and not adding):
            reading.changes.append(Change(adding, letter))
        elif argument := next(words, ""):
            taken += 1
            if taken <= MAXMODES:
                reading.changes.append(Change(adding, letter, argument))
        elif mode.kind is Kind.LIST:
            _once(reading.lists, letter)
        elif mode.kind is Kind.PARAMETER and not adding:
            reading.changes.append(Change(adding, letter))  # -k without the key: there is but one that can be meant
        else:
            _once(reading.bare, letter)
    return reading


def _once(letters: list[str], letter: str) -> None:
    if letter not in letters:
        letters.append(letter)


def write(changes: Collection[Change], room: int) -> Iterator[list[str]]:
    """The parameters of the MODE messages that tell of ``changes``: as few as will do, each ``room`` bytes long at most.

    >>> list(write([Change(True, "n"), Change(True, "o", "ann"), Change(False, "t")], 400))
    [['+no-t', 'ann']]
    """
    letters, sign, size = "", None, 0
    words: list[str] = []
    for change in changes:
        cost = 2 + (len(change.argument.encode()) + 1 if change.argument is not None else 0)
        if letters and (size + cost > room or len(words) == MAXMODES):
            yield [letters, *words]
            letters, words, sign, size = "", [], None, 0
        if change.adding is not sign:
            sign = change.adding
            letters += "+" if sign else "-"
        letters += change.letter
        size += cost
        if change.argument is not None:
            words.append(change.argument)
    if letters:
        yield [letters, *words]
