"""What accounts have to say of nicks and channels, asked at NICK, JOIN, TOPIC and MODE.

    a nick      of an account is kept for it: who has it and isn't logged in to that account gets another one after a time, or, where
                the account wants that (NickServ SET ENFORCE STRICT), doesn't get it at all; what looks like it, or like a service,
                nobody gets
    a channel   that is registered comes back as it was when somebody joins it; its founder owns it, others have what they were given

What is done to others by this comes from NickServ and ChanServ, as they know it. Pure.
"""

from __future__ import annotations

from typing import Any, Final

from wirespeak.errors import Refused
from wirespeak.irc.books import shape_of
from wirespeak.irc.channels import Channel, Entry, Topic
from wirespeak.irc.kept import Account, Enforce, KeptChannel, key_of
from wirespeak.irc.masks import skeleton
from wirespeak.irc.messages import Message
from wirespeak.irc.modes import CHANNEL_MODES, HALFOP, RANKS, Change, write
from wirespeak.irc.service_names import CHANSERV, NICKSERV, SERVICES, source
from wirespeak.irc.users import User
from wirespeak.irc.world import World

__all__ = ["Ownership", "held_by", "may_say_password", "ownership_of"]

REGISTERED: Final = "r"
"""The mode of a registered channel; the server sets it, and nobody else."""

MODES_ROOM: Final = 400
"""Bytes of a MODE's words: with the longest source and channel in front they fit a line."""

GUEST_DIGITS: Final = 5


def held_by(channel: KeptChannel, account: Account | None) -> str:
    """The prefix modes that ``account`` has in a registered channel, from the highest down; "" for none.

    Who is above an operator is one too: to clients that know no higher sign, and to bots that ask for it.
    """
    if account is None:
        return ""
    key = key_of(account)
    flag = "q" if channel.founder == key else channel.access.get(key, "")
    return f"{flag}o" if flag in ("q", "a") else flag


def may_say_password(world: World, user: User) -> bool:
    """Whether nobody can listen in when ``user`` says a password: then SASL would take it as it is, too (RFC 4616 6)."""
    return "PLAIN" in world.mechanisms(user)


class Ownership:
    """Answers for one world (`world.Ownership`)."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._services = {skeleton(name) for name in SERVICES.values()}
        self._until: dict[User, tuple[str, float]] = {}  # who has another's nick: the nick, folded, and until when it may

    def account_of(self, user: User) -> Account | None:
        """The account that ``user`` is logged in to, as it is kept now."""
        return None if user.account is None else self._world.accounts.get(user.account)

    # --- nicks

    def refusal(self, user: User, nick: str) -> str | None:
        """Why ``user`` may not be called ``nick``, for numeric 433; None where it may."""
        accounts = self._world.accounts
        if skeleton(nick) in self._services:
            return "Nickname is reserved for a service"
        owner = accounts.owner(nick)
        if owner is None:
            lookalike = accounts.looks_like(shape_of(nick))
            if lookalike is not None and not self._is(user, lookalike):
                return f"Nickname looks too much like {lookalike.name}, which is registered"
        elif self._enforce(owner) == "strict" and not self._is(user, owner):
            return "Nickname is registered: log in to use it"
        return None

    def check_free(self, user: User, name: str) -> None:
        """Raises `Refused` where ``name`` can't become an account, or a grouped nick, of ``user``'s: others are called so, or nearly."""
        world = self._world
        if skeleton(name) in self._services:
            raise Refused(f"{name} is reserved for a service", reply="BAD_ACCOUNT_NAME")
        lookalike = world.accounts.looks_like(shape_of(name))
        if lookalike is not None and world.accounts.owner(name) is None and not self._is(user, lookalike):
            raise Refused(f"{name} looks too much like {lookalike.name}, which is registered", reply="BAD_ACCOUNT_NAME")
        holder = world.find(name)
        if holder is not None and holder is not user:
            raise Refused(f"Somebody else is called {name} at the moment", reply="BAD_ACCOUNT_NAME")

    def settled(self, user: User) -> None:
        """``user`` has its nick, or is logged in or out, as of now, by a command of its own."""
        warning = self._watch(user)
        if warning is not None:
            user.send(warning)
        if user.account is not None:
            for channel in list(user.channels.values()):
                self.give(channel, user, self.prefixes(channel, user) or "", True)

    def _watch(self, user: User) -> Message | None:
        """Remember whether ``user`` has another's nick, and until when it may: then a warning is to be sent."""
        self._until.pop(user, None)
        accounts = self._world.accounts
        owner = accounts.owner(user.nick)
        if owner is None or self._is(user, owner) or self._enforce(owner) == "none":
            return None
        seconds = accounts.settings.enforce_after
        self._until[user] = (user.key, self._world.now() + seconds)
        text = f"{user.nick} is registered: log in within {seconds:.0f} seconds (/msg {NICKSERV} IDENTIFY), or you will be renamed"
        return Message("NOTICE", [user.nick, text], source(NICKSERV, self._world.name))

    def founded(self, user: User, account: Account) -> None:
        """``user`` has an account as of now: log them in, and warn whoever else took the name while it was nobody's."""
        self._world.set_account(user, account.name)
        holder = self._world.find(account.name)
        if holder is not None and holder is not user:
            warning = self._watch(holder)
            if warning is not None:
                self._world.relay(warning, msgid=False).deliver(holder)

    def tick(self) -> None:
        """Rename those whose time is over. To be called every second or so."""
        now = self._world.now()
        for user, (key, until) in list(self._until.items()):
            if user.gone or user.key != key:
                del self._until[user]
            elif until <= now:
                del self._until[user]
                self.rename_away(user)

    def rename_away(self, user: User) -> None:
        """Give ``user`` a nick that nobody has."""
        world = self._world
        while True:
            number = int.from_bytes(world.random(4), "big") % 10**GUEST_DIGITS
            nick = f"Guest{number:0{GUEST_DIGITS}d}"
            if world.find(nick) is None and world.accounts.owner(nick) is None:
                break
        world.rename(user, nick)

    def _enforce(self, owner: Account) -> Enforce:
        """What becomes of others who have a nick of ``owner``'s; nothing while it is not verified."""
        return "none" if owner.code else owner.enforce or self._world.accounts.settings.enforce

    def _is(self, user: User, owner: Account) -> bool:
        account = self.account_of(user)
        return account is not None and key_of(account) == key_of(owner)

    # --- channels

    def opened(self, channel: Channel) -> None:
        """``channel`` was just made: have it as it is kept, where it is registered."""
        kept = self._world.accounts.channel(channel.name)
        if kept is None:
            return
        channel.name = kept.name
        channel.created = kept.opened
        channel.modes = {letter: argument or None for letter, argument in kept.modes.items() if letter in CHANNEL_MODES}
        channel.modes[REGISTERED] = None
        if kept.topic:
            channel.topic = Topic(kept.topic, kept.topic_by, kept.topic_at)
        for letter, entries in kept.lists.items():
            for mask, by, at in entries:
                channel.enlist(letter, Entry(mask, by, at))

    def prefixes(self, channel: Channel, user: User) -> str | None:
        """The prefix modes that ``user`` has in a registered channel, as it joins; None where the channel is not registered."""
        kept = self._world.accounts.channel(channel.name)
        return None if kept is None else held_by(kept, self.account_of(user))

    def changed(self, channel: Channel) -> None:
        """Topic, modes or lists of ``channel`` have changed: keep them, where it is registered."""
        kept = self._world.accounts.channel(channel.name) if REGISTERED in channel.modes else None
        if kept is not None:
            self._world.accounts.keep(channel.name, **self.picture(channel, "keeptopic" in kept.options))

    def picture(self, channel: Channel, topic: bool) -> dict[str, Any]:
        """What is kept of ``channel`` as it is: fields of a `KeptChannel`."""
        text, by, at = channel.topic if topic and channel.topic is not None else ("", "", 0.0)
        return {
            "topic": text,
            "topic_by": by,
            "topic_at": at,
            "modes": {letter: argument or "" for letter, argument in channel.modes.items() if letter != REGISTERED},
            "lists": {letter: tuple((one.mask, one.by, one.at) for one in entries) for letter, entries in channel.lists.items() if entries},
        }

    def may_set_topic(self, channel: Channel, user: User) -> bool:
        """Whether a locked topic (ChanServ SET TOPICLOCK) lets ``user`` change it; who may else is for the channel's modes to say."""
        kept = self._world.accounts.channel(channel.name)
        return kept is None or "topiclock" not in kept.options or RANKS[held_by(kept, self.account_of(user))] >= HALFOP

    def registered(self, channel: Channel, holds: bool) -> None:
        """``channel`` is registered from now on, or no longer: its mode says so."""
        if holds:
            channel.modes[REGISTERED] = None
            self.changed(channel)  # what was kept is some milliseconds old
        else:
            channel.modes.pop(REGISTERED, None)
        self.tell(channel, [Change(holds, REGISTERED)])

    def give(self, channel: Channel, user: User, letters: str, holds: bool) -> None:
        """Give a member prefix modes, or take them, in ChanServ's name."""
        self.tell(channel, [Change(holds, letter, user.nick) for letter in letters if channel.hold(user, letter, holds)])

    def tell(self, channel: Channel, changes: list[Change]) -> None:
        """Tell the members of ``changes``, which ChanServ made."""
        for words in write(changes, MODES_ROOM):
            self._world.relay(Message("MODE", [channel.name, *words], source(CHANSERV, self._world.name))).to_all(channel.members)


def ownership_of(world: World) -> Ownership:
    """The `Ownership` of ``world``, with what services need of it beside what all others do."""
    assert isinstance(world.ownership, Ownership)
    return world.ownership
