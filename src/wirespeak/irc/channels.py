"""A channel: who is in it and what they hold, its topic, modes and lists; and who may join and speak (Modern IRC: Channel Modes).

    #lobby      modes n t k=mellon      topic "Welcome"
      ann       o        @ann           bans  *!*@192.0.2.0/24   $a:mallory
      bob       v        +bob           …

It keeps the state and knows the rules; telling others what happened is the business of ``verbs/channel.py`` and ``verbs/mode.py``.
A channel lives as long as somebody is in it; one that an account owns is made anew as it was (``ownership.py``). Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from wirespeak.irc.masks import Mask
from wirespeak.irc.modes import CHANNEL_MODES, EVERY_SYMBOL, HALFOP, HIGHEST_SYMBOL, LIST_MODES, MAXLIST, NEW_CHANNEL, RANKS
from wirespeak.irc.users import User

__all__ = ["HIDDEN_KEY", "INVITATIONS", "TARGETS", "Channel", "Entry", "Invitation", "Topic"]

TARGETS: Final = {
    "JOIN": 0,
    "KICK": 10,
    "LIST": 0,
    "NAMES": 4,
    "NOTICE": 4,
    "PART": 0,
    "PRIVMSG": 4,
    "TAGMSG": 4,
    "WHOIS": 4,
    "WHOWAS": 4,
}
"""How many targets a command may name (RPL_ISUPPORT TARGMAX), since each of them may be told to thousands or answered at length; 0 where
the length of a line is bound enough."""

INVITATIONS: Final = 64
"""Invitations that one user keeps; of more the oldest are forgotten."""

VERDICTS: Final = 4096
"""Whom the bans concern is remembered for so many at once: they need not be asked again while they speak. Some 600 KB where that many
speak in one channel with bans."""

HIDDEN_KEY: Final = "*"
"""What stands for the key where it is not told: to those outside (Modern IRC: MODE)."""


class Topic(NamedTuple):
    """A topic: its text, the nick of who set it, and when (seconds since 1970)."""

    text: str
    by: str
    at: float


class Entry:
    """A mask on a list, with who put it there (nick!user@host, or a server) and when (seconds since 1970)."""

    __slots__ = ("at", "by", "mask", "matches")

    def __init__(self, mask: str, by: str, at: float) -> None:
        compiled = Mask(mask)
        self.mask = compiled.text
        self.matches = compiled.matches
        self.by = by
        self.at = at


class Invitation(NamedTuple):
    """What lets somebody into a channel; one from an operator also lets in who is banned (RFC 2811 4.3.1)."""

    channel: Channel
    by_operator: bool


@dataclass(slots=True, eq=False)
class Channel:
    """``name`` as whoever made it wrote it; ``key``, the name folded; ``created``, seconds since 1970.

    ``members`` maps each to the member modes held, the highest first ("qo"). ``modes`` maps a letter to its argument, None for one
    that has none. ``lists`` maps b, e and I to their entries, in the order in which they came.
    """

    name: str
    key: str
    created: float
    members: dict[User, str] = field(default_factory=dict)
    topic: Topic | None = None
    modes: dict[str, str | None] = field(default_factory=lambda: dict.fromkeys(NEW_CHANNEL))
    lists: dict[str, list[Entry]] = field(default_factory=lambda: {letter: [] for letter in LIST_MODES})
    last_knock: float = 0.0
    """When somebody knocked last, in seconds since 1970 (`verbs.channel.KNOCK`)."""
    _banned: dict[tuple[str, str | None], bool] = field(default_factory=dict)  # by prefix and account: both may change

    # --- members

    def add(self, user: User, held: str = "") -> None:
        """Make ``user`` a member. (It goes by `world.World.leave`, which also ends a channel that nobody is on.)"""
        self.members[user] = held
        user.channels[self.key] = self

    def rank(self, user: User) -> int:
        """The rank of ``user`` here (`modes.RANKS`); 0 for who holds nothing, or is no member."""
        return RANKS[self.members.get(user, "")]

    def prefixes(self, user: User, *, every: bool) -> str:
        """The symbols before a member's name: every one (IRCv3 multi-prefix), or the highest; "" for who is none or holds nothing."""
        return (EVERY_SYMBOL if every else HIGHEST_SYMBOL)[self.members.get(user, "")]

    def guard(self, user: User) -> int:
        """The rank that it takes to kick ``user``, or to take a rank away: the one that gives the highest that they hold."""
        held = self.members.get(user)
        return CHANNEL_MODES[held[0]].rank if held else HALFOP

    def at_least(self, rank: int) -> Iterator[User]:
        """The members of that rank and above."""
        return (user for user, held in self.members.items() if RANKS[held] >= rank)

    def hold(self, user: User, letter: str, holds: bool) -> bool:
        """Give a member a member mode, or take it; whether that changed anything."""
        held = self.members[user]
        if (letter in held) is holds:
            return False
        both = {*held, letter} if holds else {*held} - {letter}
        self.members[user] = "".join(one for one in CHANNEL_MODES if one in both)  # the table has the highest first
        return True

    # --- who may

    def shows_to(self, user: User) -> bool:
        """Whether ``user`` may be told that there is such a channel (Modern IRC: Secret Channel Mode)."""
        return "s" not in self.modes or user in self.members or user.oper is not None

    def bars(self, user: User, key: str, invitation: Invitation | None) -> str:
        """The letter of the mode that keeps ``user`` from joining, who gives ``key``; "" where nothing does.

        The ban comes first, so that who is banned learns no more than that. An invitation stands for what ``+i`` asks for, and no
        more; from an operator it outweighs a ban (RFC 2811 4.2.2, 4.3.1).
        """
        modes = self.modes
        if self.lists["b"] and not (invitation is not None and invitation.by_operator) and self.is_banned(user):
            return "b"
        if "i" in modes and invitation is None and not any(entry.matches(user) for entry in self.lists["I"]):
            return "i"
        if "R" in modes and user.account is None:
            return "R"
        if modes.get("k", key) != key:
            return "k"
        limit = modes.get("l")
        return "l" if limit is not None and len(self.members) >= int(limit) else ""

    def mutes(self, user: User) -> str:
        """The letter of the mode that keeps ``user`` from speaking; "" where nothing does. On the path of every message.

        Who holds anything, be it a voice, speaks in any case, banned or not (RFC 2811 4.3.1).
        """
        held = self.members.get(user)
        if held:
            return ""
        modes = self.modes
        if held is None and "n" in modes:
            return "n"
        if "m" in modes:
            return "m"
        if "M" in modes and user.account is None:
            return "M"
        return "b" if self.lists["b"] and self.is_banned(user) else ""

    def is_banned(self, user: User) -> bool:
        """Whether a ban concerns ``user``, and no exception does (Modern IRC: Exception Channel Mode)."""
        who = (user.prefix, user.account)
        verdict = self._banned.get(who)
        if verdict is None:
            verdict = any(entry.matches(user) for entry in self.lists["b"]) and not any(entry.matches(user) for entry in self.lists["e"])
            if len(self._banned) >= VERDICTS:
                self._banned.clear()
            self._banned[who] = verdict
        return verdict

    # --- lists and modes

    def listed(self, letter: str, mask: str) -> Entry | None:
        """The entry of ``mask`` on the list, in whatever case it stands there; None where there is none."""
        return next((entry for entry in self.lists[letter] if entry.mask.lower() == mask.lower()), None)

    def enlist(self, letter: str, entry: Entry) -> None:
        """Put ``entry`` on the list, where it is not yet. Whether there is room says `lists_full`."""
        self.lists[letter].append(entry)
        self._banned.clear()

    def strike(self, letter: str, entry: Entry) -> None:
        """Take ``entry`` off the list."""
        self.lists[letter].remove(entry)
        self._banned.clear()

    @property
    def lists_full(self) -> bool:
        """Whether no mask has room any more."""
        return sum(map(len, self.lists.values())) >= MAXLIST

    def mode_words(self, *, inside: bool) -> list[str]:
        """The modes with their arguments, as MODE tells them: ``["+klnt", "mellon", "20"]``; the key to those ``inside`` alone."""
        letters = sorted(self.modes)
        words = [(letter, self.modes[letter]) for letter in letters]
        told = [HIDDEN_KEY if letter == "k" and not inside else word for letter, word in words if word is not None]
        return [f"+{''.join(letters)}", *told]
