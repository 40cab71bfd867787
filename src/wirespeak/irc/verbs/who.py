"""WHO: who is in a channel, or fits a mask (Modern IRC: WHO message; RFC 2812 3.6.1), with the fields of one's choice (IRCv3 WHOX). Pure.

    C: WHO #lobby              S: 352 ann #lobby ~bob host irc.home.test bob H@ :0 Bob     one line for each
                               S: 315 ann #lobby :End of WHO list
    C: WHO #lobby %tnfa,42     S: 354 ann 42 bob H@ bobaccount                             the fields asked for, in the order of the table

A channel of thousands takes one pass over its members, and is told as fast as the asker's line takes it (`World.stream`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from wirespeak.irc import numerics
from wirespeak.irc.capabilities import MULTI_PREFIX
from wirespeak.irc.channels import Channel
from wirespeak.irc.masks import Glob
from wirespeak.irc.messages import Message
from wirespeak.irc.modes import EVERY_SYMBOL, HIGHEST_SYMBOL
from wirespeak.irc.users import User
from wirespeak.irc.visibility import is_visible, knows_all_of, shown_channels
from wirespeak.irc.words import address, middle
from wirespeak.irc.world import World

__all__ = ["WHO"]

EVERYONE: Final = ("", "0", "*")
"""Masks that everyone fits (RFC 2812 3.6.1)."""

NO_ADDRESS: Final = "255.255.255.255"
"""What stands for an address that is not disclosed (IRCv3 WHOX)."""

BOT: Final = "B"
"""The user mode of bots, and their flag (IRCv3 Bot Mode; ISUPPORT BOT)."""

TOKEN: Final = re.compile("[0-9]{1,3}")
"""What a client may have told back in every line (IRCv3 WHOX); for what is none, 0 is."""

Found: TypeAlias = tuple[User, Channel | None]
"""Someone, and the channel to tell of: the one asked for, or one that the asker may know of."""


@dataclass(slots=True)
class _Query:
    """Who asks, and how much of it concerns every line."""

    world: World
    asker: User
    token: str
    symbols: dict[str, str]

    def flags(self, user: User, channel: Channel | None) -> str:
        """RPL_WHOREPLY's flags, in their order: here or gone, operator, prefixes in the channel, bot (Modern IRC)."""
        flags = "H" if user.away is None else "G"
        if user.oper is not None:
            flags += "*"
        if channel is not None:
            flags += self.symbols[channel.members.get(user, "")]
        return flags + BOT if BOT in user.modes else flags

    def address(self, user: User) -> str:
        """The address of ``user``, where the asker may know it."""
        return address(user.ip) if user.ip and knows_all_of(self.asker, user) else NO_ADDRESS

    def idle(self, user: User) -> str:
        """Seconds since ``user`` last spoke."""
        return str(max(0, int(self.world.now() - user.last_spoke)))


Field: TypeAlias = Callable[[_Query, User, Channel | None], str]

FIELDS: Final[dict[str, Field]] = {
    "t": lambda query, user, channel: query.token,
    "c": lambda query, user, channel: "*" if channel is None else channel.name,
    "u": lambda query, user, channel: user.user,
    "i": lambda query, user, channel: query.address(user),
    "h": lambda query, user, channel: user.host,
    "s": lambda query, user, channel: query.world.name,
    "n": lambda query, user, channel: user.nick,
    "f": lambda query, user, channel: query.flags(user, channel),
    "d": lambda query, user, channel: "0",  # hops: there is one server (as is the rank, asked for by programs and in no standard)
    "l": lambda query, user, channel: query.idle(user),
    "a": lambda query, user, channel: user.account or "0",
    "o": lambda query, user, channel: "n/a",
    "r": lambda query, user, channel: user.realname,
}
"""What may be asked for, in the order in which it is told, whatever the order of asking (IRCv3 WHOX)."""

SELECTORS: Final[dict[str, Callable[[User], str]]] = {
    "n": lambda user: user.nick,
    "u": lambda user: user.user,
    "h": lambda user: user.host,
    "r": lambda user: user.realname,
    "a": lambda user: user.account or "",
    "i": lambda user: user.ip,
    "s": lambda user: user.origin.name,
}
"""What a mask may be held against, by the flag that asks for it (RFC 1459 4.5.1: host, server, real name and nickname)."""

USUAL: Final = "nuhrs"
"""What it is held against where none is named."""

ADDRESS: Final = "i"
"""Only an operator's masks are held against this: by masks one could else find out an address digit by digit."""


def WHO(world: World, user: User, message: Message) -> None:
    """WHO [<mask> [<flags>][%<fields>[,<token>]]]"""
    mask, request, *_ = [*message.params, "", ""]
    flags, extended, wanted = request.partition("%")
    letters, _, token = wanted.partition(",")
    if TOKEN.fullmatch(token) is None:
        token = "0"
    query = _Query(world, user, token, EVERY_SYMBOL if user.caps & MULTI_PREFIX else HIGHEST_SYMBOL)
    found = _found(world, user, mask, flags)
    if "o" in flags:  # RFC 2812 3.6.1: only operators
        found = ((one, channel) for one, channel in found if one.oper is not None)
    lines = _extended(query, letters, found) if extended else _plain(query, found)
    world.stream(user, _ended(world, user, mask, lines))


def _found(world: World, asker: User, mask: str, flags: str) -> Iterable[Found]:
    if mask.startswith("#"):
        return _in_channel(asker, world.channel(mask))
    one = world.find(mask)
    if one is not None:
        return [(one, next(shown_channels(asker, one), None))]
    return _fitting(world, asker, mask, flags)


def _in_channel(asker: User, channel: Channel | None) -> Iterator[Found]:
    """The members of ``channel`` whom ``asker`` may see there."""
    if channel is None or not channel.shows_to(asker):
        return
    inside = asker in channel.members
    for user in list(channel.members):
        # Between the pieces of a long answer some may go.
        if user in channel.members and (inside or is_visible(asker, user)):
            yield user, channel


def _fitting(world: World, asker: User, mask: str, flags: str) -> Iterator[Found]:
    """The users whom ``asker`` may see and who fit ``mask``."""
    known = asker.oper is not None
    named = [letter for letter in flags if letter in SELECTORS] or [*USUAL, ADDRESS]
    selectors = [SELECTORS[letter] for letter in named if known or letter != ADDRESS]
    if "!" in mask or "@" in mask:  # ann!*@*, as lists of bans have it
        selectors.append(lambda user: user.prefix)
    fits = None if mask in EVERYONE else Glob(mask).matches
    for user in list(world.users.values()):
        if user.gone or not is_visible(asker, user):
            continue
        if fits is None or any(fits(select(user)) for select in selectors):
            yield user, next(shown_channels(asker, user), None)


def _plain(query: _Query, found: Iterable[Found]) -> Iterator[Message]:
    """352: channel, user name, host, server, nick, flags, and hops with the real name."""
    code, server, nick = numerics.RPL_WHOREPLY.code, query.world.name, query.asker.nick
    for user, channel in found:
        name = "*" if channel is None else channel.name
        params = [nick, name, user.user, user.host, server, user.nick, query.flags(user, channel), f"0 {user.realname}"]
        yield Message(code, params, server)


def _extended(query: _Query, letters: str, found: Iterable[Found]) -> Iterator[Message]:
    """354: the fields asked for, and no others."""
    code, server, nick = numerics.RPL_WHOSPCRPL.code, query.world.name, query.asker.nick
    fields = [field for letter, field in FIELDS.items() if letter in letters]
    for user, channel in found:
        yield Message(code, [nick, *[field(query, user, channel) for field in fields]], server)


def _ended(world: World, asker: User, mask: str, lines: Iterator[Message]) -> Iterator[Message]:
    yield from lines
    yield Message(numerics.RPL_ENDOFWHO.code, [asker.nick, middle(mask), "End of WHO list"], world.name)
