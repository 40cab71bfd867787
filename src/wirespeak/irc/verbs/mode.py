"""MODE, for channels and for oneself, and SAMODE (Modern IRC: MODE message; RFC 2812 3.1.5, 3.2.3).

    MODE #lobby              ─▶  324 #lobby +knt *, 329 #lobby 1763755200
    MODE #lobby b            ─▶  367 … 368
    MODE #lobby +ok ann x    ─▶  :bob!bob@… MODE #lobby +ok ann x   to every member

One command may hold several changes. Each stands for itself: what can't be done is answered, what can is done, and all that was done
is told in as few messages as will hold it. Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from wirespeak.irc import numerics
from wirespeak.irc.channels import HIDDEN_KEY, Channel, Entry
from wirespeak.irc.grammar import KEY, KEY_SIZE, LINE
from wirespeak.irc.masks import EXTENDED
from wirespeak.irc.messages import Message
from wirespeak.irc.modes import CHANNEL_MODES, FOUNDER, HALFOP, USER_MODES, Change, Kind, read, write
from wirespeak.irc.users import User
from wirespeak.irc.words import middle
from wirespeak.irc.world import World

__all__ = ["MODE", "SAMODE", "tell_own"]

MOST_MEMBERS: Final = 999_999
"""The highest limit that a channel can be given (+l)."""

MASK_SIZE: Final = 200
"""Bytes of a mask: three whole names and as many wildcards have less, and with the longest source a MODE still fits a line."""

LISTS: Final = {
    "b": (numerics.RPL_BANLIST, numerics.RPL_ENDOFBANLIST),
    "e": (numerics.RPL_EXCEPTLIST, numerics.RPL_ENDOFEXCEPTLIST),
    "I": (numerics.RPL_INVEXLIST, numerics.RPL_ENDOFINVEXLIST),
}
"""A list's letter → the numeric of an entry, and the one at the end."""


def MODE(world: World, user: User, message: Message) -> None:
    """``MODE <target> [<modes> [<argument>…]]``: ask for the modes of a channel or of oneself, or change them."""
    target, *words = message.params
    if target[:1] == "#":
        _channel(world, user, target, words)
    else:
        _own(world, user, target, words)


def SAMODE(world: World, user: User, message: Message) -> None:
    """``SAMODE <channel> <modes> [<argument>…]``: an operator of the server changes a channel as its founder would."""
    target, *words = message.params
    _channel(world, user, target, words, forced=True)


# --- channels


def _channel(world: World, user: User, name: str, words: list[str], *, forced: bool = False) -> None:
    channel = world.channel(name)
    if channel is None:
        user.reply(numerics.ERR_NOSUCHCHANNEL, middle(name))
        return
    if not channel.shows_to(user):  # to look at, it is as if it were not there (Modern IRC: Secret Channel Mode)
        if words and read(words[0], words[1:]).changes:
            user.reply(numerics.ERR_CHANOPRIVSNEEDED, channel.name)
        else:
            user.reply(numerics.ERR_NOSUCHCHANNEL, middle(name))
        return
    if not words:
        user.reply(numerics.RPL_CHANNELMODEIS, channel.name, *channel.mode_words(inside=user in channel.members or forced))
        user.reply(numerics.RPL_CREATIONTIME, channel.name, str(int(channel.created)))
        return
    reading = read(words[0], words[1:])
    for letter in reading.unknown:
        user.reply(numerics.ERR_UNKNOWNMODE, middle(letter))
    for letter in reading.bare:
        user.reply(numerics.ERR_INVALIDMODEPARAM, channel.name, letter, "*", "You must give it a parameter")
    for letter in reading.lists:
        _tell_list(user, channel, letter)
    if not reading.changes:
        return
    rank = FOUNDER if forced else channel.rank(user)
    if rank < HALFOP:
        user.reply(numerics.ERR_CHANOPRIVSNEEDED, channel.name)
        return
    editing = _Editing(world, user, channel, rank, world.name if forced else user.prefix)
    done = [change for change in map(editing.apply, reading.changes) if change is not None]
    editing.tell(done)


def _tell_list(user: User, channel: Channel, letter: str) -> None:
    of_entry, at_end = LISTS[letter]
    for entry in channel.lists[letter]:
        user.reply(of_entry, channel.name, entry.mask, entry.by, str(int(entry.at)))
    user.reply(at_end, channel.name)


class _Editing:
    """One command's changes to a channel, made by ``user``, who has that ``rank`` there, and told as from ``source``."""

    __slots__ = ("_channel", "_kinds", "_rank", "_refused", "_source", "_user", "_world")

    def __init__(self, world: World, user: User, channel: Channel, rank: int, source: str) -> None:
        self._world = world
        self._user = user
        self._channel = channel
        self._rank = rank
        self._source = source
        self._refused = False
        self._kinds: dict[Kind, Callable[[Change], Change | None]] = {
            Kind.LIST: self._list,
            Kind.PARAMETER: self._key,
            Kind.VALUE: self._limit,
            Kind.FLAG: self._flag,
            Kind.MEMBER: self._member,
        }

    def apply(self, change: Change) -> Change | None:
        """Carry out ``change``, and give it as it is to be told; None where it changes nothing, or was refused."""
        return self._kinds[CHANNEL_MODES[change.letter].kind](change)

    def tell(self, done: list[Change]) -> None:
        """Tell every member what was done, and who had it done."""
        world, channel = self._world, self._channel
        room = LINE - len(f":{self._source} MODE {channel.name} \r\n".encode())
        for words in write(done, room):
            message = Message("MODE", [channel.name, *words], self._source)
            if self._source == self._user.prefix:
                world.relay(message, self._user).to_all(channel.members)
            else:  # the server's doing: nothing tells who had it done, but to them
                world.relay(message).to_all(channel.members, self._user)
                self._user.send(message)
        if done:
            world.ownership.changed(channel)

    def _refuse(self) -> None:
        """The rank doesn't suffice: said once a command."""
        if not self._refused:
            self._refused = True
            self._user.reply(numerics.ERR_CHANOPRIVSNEEDED, self._channel.name, "You're not a channel operator of that rank")

    def _unfit(self, change: Change, text: str) -> None:
        argument = middle(change.argument or "")
        self._user.reply(numerics.ERR_INVALIDMODEPARAM, self._channel.name, change.letter, argument, text)

    def _member(self, change: Change) -> Change | None:
        """Give a rank or take it. It takes as much to touch whoever is above; one's own may always be laid down."""
        channel, nick = self._channel, change.argument or ""
        member = self._world.find(nick)
        if member is None:
            self._user.reply(numerics.ERR_NOSUCHNICK, middle(nick))
            return None
        if member not in channel.members:
            self._user.reply(numerics.ERR_USERNOTINCHANNEL, member.nick, channel.name)
            return None
        needed = CHANNEL_MODES[change.letter].rank
        if not change.adding:
            needed = 0 if member is self._user else max(needed, channel.guard(member))
        if self._rank < needed:
            self._refuse()
            return None
        return Change(change.adding, change.letter, member.nick) if channel.hold(member, change.letter, change.adding) else None

    def _list(self, change: Change) -> Change | None:
        channel, text = self._channel, change.argument or ""
        if middle(text) != text or len(text.encode()) > MASK_SIZE:
            self._unfit(change, f"A mask has no space and no colon in front, and at most {MASK_SIZE} bytes")
            return None
        if change.adding and text[:1] == "$" and EXTENDED.fullmatch(text) is None:
            self._unfit(change, "Of masks with $ there are $a:<account>, $a for all who are logged in, and $~a for all who are not")
            return None
        entry = Entry(text, self._source, self._world.now())
        listed = channel.listed(change.letter, entry.mask)
        if not change.adding:
            if listed is None:
                return None
            channel.strike(change.letter, listed)
            return Change(False, change.letter, listed.mask)
        if listed is not None:
            return None
        if channel.lists_full:
            self._user.reply(numerics.ERR_BANLISTFULL, channel.name, entry.mask, change.letter)
            return None
        channel.enlist(change.letter, entry)
        return Change(True, change.letter, entry.mask)

    def _key(self, change: Change) -> Change | None:
        modes, key = self._channel.modes, change.argument
        if not change.adding:
            return Change(False, "k", HIDDEN_KEY) if modes.pop("k", None) is not None else None
        if key is None or KEY.fullmatch(key) is None:
            self._unfit(
                change, f"A key is of 1 to {KEY_SIZE} letters of ASCII, no space and no comma among them, and does not begin with a colon"
            )
            return None
        if modes.get("k") == key:
            return None
        modes["k"] = key
        return change

    def _limit(self, change: Change) -> Change | None:
        modes, number = self._channel.modes, change.argument or ""
        if not change.adding:
            return change if modes.pop("l", None) is not None else None
        if not (number.isascii() and number.isdigit() and len(number) <= 9 and 0 < int(number) <= MOST_MEMBERS):
            self._unfit(change, f"A limit is a number from 1 to {MOST_MEMBERS:,}")
            return None
        number = str(int(number))
        if modes.get("l") == number:
            return None
        modes["l"] = number
        return Change(True, "l", number)

    def _flag(self, change: Change) -> Change | None:
        modes, letter = self._channel.modes, change.letter
        if (letter in modes) is change.adding:
            return None
        if self._rank < CHANNEL_MODES[letter].rank:
            self._refuse()
            return None
        if change.adding:
            modes[letter] = None
        else:
            del modes[letter]
        return change


# --- users


def _own(world: World, user: User, nick: str, words: list[str]) -> None:
    other = world.find(nick)
    if other is None:
        user.reply(numerics.ERR_NOSUCHNICK, middle(nick))
    elif other is not user:
        user.reply(numerics.ERR_USERSDONTMATCH, "Can't view or change modes of other users")
    elif not words:
        user.reply(numerics.RPL_UMODEIS, "+" + "".join(sorted(user.modes)))
    else:
        _change_own(world, user, words[0])


def _change_own(world: World, user: User, letters: str) -> None:
    """What is known is changed, also where some of it is not (Modern IRC: User mode). What the server alone sets is passed over:
    nobody makes themselves an operator (RFC 2812 3.1.5)."""
    changes: list[Change] = []
    adding, unknown = True, False
    for letter in letters:
        if letter in "+-":
            adding = letter == "+"
        elif (mode := USER_MODES.get(letter)) is None:
            unknown = True
        elif (mode.set if adding else mode.unset) and world.set_mode(user, letter, adding):
            changes.append(Change(adding, letter))
    if Change(False, "o") in changes:
        user.oper = None
        user.session.exempt = not world.config.throttle
    tell_own(world, user, changes)
    if unknown:
        user.reply(numerics.ERR_UMODEUNKNOWNFLAG)


def tell_own(world: World, user: User, changes: list[Change]) -> None:
    """Tell ``user`` which of its own modes have changed."""
    for words in write(changes, LINE - len(f":{user.prefix} MODE {user.nick} \r\n")):
        world.relay(Message("MODE", [user.nick, *words], user.prefix), user).answer(user)
