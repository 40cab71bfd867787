"""Who is where: the channels that we are in, those who are there with us, and what is known of them, from what the server says.

The server tells each change once, and nobody asks it again: so every message that changes something has its method here, named
after it. What doesn't follow from what was told is not guessed: somebody's host, account or absence is None until it is
known.

Pure: touches nothing outside.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from wirespeak.irc.events import Event
from wirespeak.irc.features import Features
from wirespeak.irc.messages import Message, Source, parse_source

__all__ = ["WHOX", "Channel", "Topic", "Tracker", "User"]

MAX_CHANNELS: Final = 2000
"""Channels that we may be in: servers allow a hundred or so. A server that puts us into more is not followed."""
MAX_MEMBERS: Final = 100_000
"""Memberships in all of them: many times the largest channels there are (some 50 MB here). Those beyond are not followed."""
# Batches that are open at once, and modes of one channel.
MAX_BATCHES: Final = 100
MAX_MODES: Final = 60

WHOX: Final = ("%tcuhnfar", "613")
"""The fields that we ask WHO for where the server has WHOX (Modern IRC: RPL_WHOSPCRPL), and the token that tells our own answers."""


@dataclass(slots=True, eq=False)
class User:
    """Somebody whom we share a channel with, or we ourselves. None and "" stand for what isn't known."""

    nick: str
    user: str = ""
    host: str = ""
    account: str | None = None
    """The account they are logged in to; "" for none."""
    realname: str | None = None
    away: bool | None = None
    away_message: str = ""

    @property
    def source(self) -> str:
        """``nick!user@host``, as far as it is known."""
        return f"{self.nick}!{self.user}@{self.host}" if self.user and self.host else self.nick


@dataclass(slots=True)
class Topic:
    """A channel's topic; by whom, and when (seconds since 1970), where that is known."""

    text: str
    by: str = ""
    at: int | None = None


@dataclass(slots=True, eq=False)
class Channel:
    """A channel that we are in."""

    name: str
    members: dict[str, str] = field(default_factory=dict)
    """Folded nick → the prefix modes that one has there, the highest first: "o", "qo", "" …"""
    topic: Topic | None = None
    modes: dict[str, str | None] = field(default_factory=dict)
    """The modes that are set, but for lists and prefixes, and their parameters."""
    created: int | None = None
    complete: bool = False
    """Whether all who were there when we came are known (366 has come)."""


class Tracker:
    """`follow` each message of the server's; then look."""

    def __init__(self, nick: str) -> None:
        self.features = Features()
        self.me = User(nick)
        self.modes: set[str] = set()
        """Our own user modes."""
        self.channels: dict[str, Channel] = {}
        """By folded name."""
        self.users: dict[str, User] = {self.fold(nick): self.me}
        """By folded nick: all in our channels, and we."""
        self._shared: dict[str, int] = {}  # folded nick → in how many of our channels
        self._members = 0
        self._batches: dict[str, tuple[str, ...]] = {}  # open ones, and their types from the outermost in

    # --- looking

    def fold(self, name: str) -> str:
        """``name`` as the server compares it."""
        return self.features.fold(name)

    def channel(self, name: str) -> Channel | None:
        """The channel ``name``, where we are in it."""
        return self.channels.get(self.fold(name))

    def user(self, nick: str) -> User | None:
        """``nick``, where we share a channel."""
        return self.users.get(self.fold(nick))

    def is_me(self, nick: str) -> bool:
        return self.fold(nick) == self.fold(self.me.nick)

    def nicks(self, name: str) -> list[str]:
        """The nicks in a channel with the sign of their rank in front, the highest first; else in order of the alphabet."""
        channel = self.channel(name)
        if channel is None:
            return []
        order = {mode: place for place, mode in enumerate(self.features.prefixes.values())}
        rows = [
            (order.get(modes[:1], len(order)), key, self.features.signs(modes[:1]) + self.users[key].nick)
            for key, modes in channel.members.items()
        ]
        return [shown for _, _, shown in sorted(rows)]

    def shared(self, nick: str) -> tuple[str, ...]:
        """The names of the channels that we share with ``nick``."""
        key = self.fold(nick)
        if self.is_me(nick):
            return tuple(channel.name for channel in self.channels.values())
        return tuple(channel.name for channel in self.channels.values() if key in channel.members) if key in self.users else ()

    # --- following

    def follow(self, message: Message) -> Event:
        """Take in ``message``, and say what it means."""
        who = parse_source(message.source)
        event = Event(message, who, mine=bool(who.nick) and self.is_me(who.nick))
        if batch := message.tags.get("batch"):
            event.replayed = bool({"chathistory", "playback"} & set(self._batches.get(batch, ())))
        if not event.replayed:
            self._learn(who, message)
            change = _CHANGES.get(message.command)
            if change is not None:
                change(self, message, event)
        if not event.channels and event.message.params and not message.command.isdigit():
            channel = self.features.channel_of(message.params[0])
            event.channels = (self._name(channel),) if channel else ()
        return event

    def _learn(self, who: Source, message: Message) -> None:
        """What a message tells of its source: user and host, and the account (IRCv3 account-tag)."""
        user = self.users.get(self.fold(who.nick)) if who.user else None
        if user is not None:
            user.user, user.host = who.user, who.host
            if "account" in message.tags:
                user.account = message.tags["account"]

    def _name(self, channel: str) -> str:
        """A channel's name as it is written there."""
        known = self.channel(channel)
        return channel if known is None else known.name

    # --- members

    def _add(self, channel: Channel, nick: str, modes: str = "") -> User | None:
        """Put ``nick`` into ``channel``; None where there are too many."""
        key = self.fold(nick)
        if key not in channel.members:
            if self._members >= MAX_MEMBERS:
                return None
            self._members += 1
            self._shared[key] = self._shared.get(key, 0) + 1
        channel.members[key] = self.features.rank(modes)
        return self.users.setdefault(key, User(nick))

    def _remove(self, channel: Channel, key: str) -> None:
        """Take the folded nick out of ``channel``; who shares none with us any more is forgotten."""
        if channel.members.pop(key, None) is None:
            return
        self._members -= 1
        self._shared[key] -= 1
        if not self._shared[key]:
            del self._shared[key]
            if self.users[key] is not self.me:
                del self.users[key]

    def _forget(self, name: str) -> None:
        """We are no longer in the channel."""
        channel = self.channels.pop(self.fold(name), None)
        if channel is not None:
            for key in list(channel.members):
                self._remove(channel, key)

    # --- what the server says, by its commands

    def _join(self, message: Message, event: Event) -> None:
        """RFC 1459 4.2.1; with account and real name where extended-join is agreed on. Some servers name several channels."""
        params = message.params
        if not params:
            return
        names = params[0].split(",")
        for name in names:
            if event.mine and self.channel(name) is None and len(self.channels) < MAX_CHANNELS:
                self.channels[self.fold(name)] = Channel(name)
            channel = self.channel(name)
            user = None if channel is None else self._add(channel, event.nick)
            if user is not None:
                user.user, user.host = event.who.user or user.user, event.who.host or user.host
                if len(params) > 2:
                    user.account, user.realname = params[1].removeprefix("*"), params[2]
        event.channels = tuple(map(self._name, names))

    def _part(self, message: Message, event: Event) -> None:
        names = message.params[0].split(",") if message.params else []
        event.channels = tuple(map(self._name, names))
        for name in names:
            self._left(name, event.nick)

    def _kick(self, message: Message, event: Event) -> None:
        """RFC 2812 3.2.8. Some servers kick several at once."""
        if len(message.params) < 2:
            return
        event.channels = (self._name(message.params[0]),)
        nicks = message.params[1].split(",")
        event.mine = any(map(self.is_me, nicks))
        for nick in nicks:
            self._left(message.params[0], nick)

    def _left(self, name: str, nick: str) -> None:
        channel = self.channel(name)
        if channel is None:
            return
        if self.is_me(nick):
            self._forget(name)
        else:
            self._remove(channel, self.fold(nick))

    def _quit(self, message: Message, event: Event) -> None:
        event.channels = self.shared(event.nick)
        key = self.fold(event.nick)
        for name in event.channels:
            self._remove(self.channels[self.fold(name)], key)

    def _nick(self, message: Message, event: Event) -> None:
        if not message.params:
            return
        old, new = self.fold(event.nick), self.fold(message.params[0])
        user = self.users.get(old)
        event.channels = self.shared(event.nick)
        if user is None or (user is not self.me and self.is_me(message.params[0])):  # nobody else becomes us
            return
        user.nick = message.params[0]
        if old == new:
            return
        if new in self.users:  # one that we should have seen leave
            for name in self.shared(user.nick):
                self._remove(self.channels[self.fold(name)], new)
        del self.users[old]
        self.users[new] = user
        if old in self._shared:
            self._shared[new] = self._shared.pop(old)
        for name in event.channels:
            members = self.channels[self.fold(name)].members
            if old in members:
                members[new] = members.pop(old)

    def _names(self, message: Message, event: Event) -> None:
        """353: those in a channel; ``@+ann`` with multi-prefix, ``ann!user@host`` with userhost-in-names (IRCv3)."""
        if len(message.params) < 3:
            return
        channel = self.channel(message.params[-2])
        if channel is None:
            return
        event.channels = (channel.name,)
        for name in message.params[-1].split():
            modes, bare = self.features.split_signs(name)
            who = parse_source(bare)
            known = channel.members.get(self.fold(who.nick), "")
            if len(modes) == 1 and modes in known:  # without multi-prefix, only the highest is told
                modes = known[known.index(modes) :]
            user = self._add(channel, who.nick, modes)
            if user is not None and who.user:
                user.user, user.host = who.user, who.host

    def _names_end(self, message: Message, event: Event) -> None:
        channel = self._numbered(message, event)
        if channel is not None:
            channel.complete = True

    def _mode(self, message: Message, event: Event) -> None:
        """RFC 1459 4.2.3; which letters have parameters, ISUPPORT tells."""
        if len(message.params) < 2:
            return
        target, *rest = message.params
        if not self.features.is_channel(target):
            if self.is_me(target):
                event.mine = True
                self._own_modes(rest[0])
            return
        channel = self.channel(target)
        if channel is not None:
            event.channels = (channel.name,)
            for on, letter, parameter in self.features.mode_changes(rest):
                self._change_mode(channel, on, letter, parameter)

    def _change_mode(self, channel: Channel, on: bool, letter: str, parameter: str | None) -> None:
        if letter in self.features.prefixes.values():
            key = self.fold(parameter or "")
            if key in channel.members:
                modes = channel.members[key].replace(letter, "")
                channel.members[key] = self.features.rank(modes + letter if on else modes)
        elif self.features.is_list(letter):
            pass  # lists are asked for where they are wanted
        elif not on:
            channel.modes.pop(letter, None)
        elif letter in channel.modes or len(channel.modes) < MAX_MODES:
            channel.modes[letter] = parameter

    def _own_modes(self, text: str) -> None:
        on = True
        for letter in text[:200]:
            if letter in "+-":
                on = letter == "+"
            elif on:
                self.modes.add(letter)
            else:
                self.modes.discard(letter)

    def _user_modes(self, message: Message, event: Event) -> None:
        """221: all of our modes."""
        if len(message.params) > 1:
            self.modes.clear()
            self._own_modes(message.params[1])

    def _channel_modes(self, message: Message, event: Event) -> None:
        """324: all modes of a channel."""
        channel = self._numbered(message, event)
        if channel is not None:
            channel.modes.clear()
            for on, letter, parameter in self.features.mode_changes(message.params[2:]):
                self._change_mode(channel, on, letter, parameter)

    def _created(self, message: Message, event: Event) -> None:
        channel = self._numbered(message, event)
        if channel is not None:
            channel.created = _seconds(message.params[2]) if len(message.params) > 2 else None

    def _topic(self, message: Message, event: Event) -> None:
        channel = self.channel(message.params[0]) if len(message.params) > 1 else None
        if channel is not None:
            text = message.params[1]
            channel.topic = Topic(text, event.who.nick) if text else None

    def _topic_is(self, message: Message, event: Event) -> None:
        channel = self._numbered(message, event)
        if channel is not None and len(message.params) > 2:
            channel.topic = Topic(message.params[2])

    def _no_topic(self, message: Message, event: Event) -> None:
        channel = self._numbered(message, event)
        if channel is not None:
            channel.topic = None

    def _topic_by(self, message: Message, event: Event) -> None:
        channel = self._numbered(message, event)
        if channel is not None and channel.topic is not None and len(message.params) > 3:
            channel.topic.by, channel.topic.at = message.params[2], _seconds(message.params[3])

    def _numbered(self, message: Message, event: Event) -> Channel | None:
        """The channel that a numeric is about: our nick stands before it."""
        channel = self.channel(message.params[1]) if len(message.params) > 1 else None
        if channel is not None:
            event.channels = (channel.name,)
        return channel

    # --- what is told of people

    def _who(self, message: Message, event: Event) -> None:
        """352: channel, user, host, server, nick, flags; and the real name behind a number of hops."""
        if len(message.params) < 8:
            return
        _, _, name, host, _, nick, flags, real = message.params[:8]
        user = self.user(nick)
        if user is not None:
            user.user, user.host, user.away = name, host, flags.startswith("G")
            user.realname = real.partition(" ")[2]

    def _whox(self, message: Message, event: Event) -> None:
        """354, in the fields of `WHOX`: token, channel, user, host, nick, flags, account ("0" for none), real name."""
        if len(message.params) < 9 or message.params[1] != WHOX[1]:
            return
        _, _, _, name, host, nick, flags, account, real = message.params[:9]
        user = self.user(nick)
        if user is not None:
            user.user, user.host, user.away, user.realname = name, host, flags.startswith("G"), real
            user.account = "" if account == "0" else account

    def _whois(self, message: Message, event: Event) -> None:
        """311: nick, user, host, and the real name."""
        user = self.user(message.params[1]) if len(message.params) > 5 else None
        if user is not None:
            user.user, user.host, user.realname = message.params[2], message.params[3], message.params[5]

    def _whois_account(self, message: Message, event: Event) -> None:
        user = self.user(message.params[1]) if len(message.params) > 2 else None
        if user is not None:
            user.account = message.params[2]

    def _account(self, message: Message, event: Event) -> None:
        """IRCv3 account-notify: a star for who logs out."""
        event.channels = self.shared(event.nick)
        user = self.user(event.nick)
        if user is not None and message.params:
            user.account = message.params[0].removeprefix("*")

    def _chghost(self, message: Message, event: Event) -> None:
        """IRCv3 chghost: new user name, new host."""
        event.channels = self.shared(event.nick)
        user = self.user(event.nick)
        if user is not None and len(message.params) > 1:
            user.user, user.host = message.params[:2]

    def _away(self, message: Message, event: Event) -> None:
        """IRCv3 away-notify: without a text they are back."""
        event.channels = self.shared(event.nick)
        self._set_away(event.nick, message.params[0] if message.params else "")

    def _away_is(self, message: Message, event: Event) -> None:
        """301: whom we spoke to, or asked about, is away."""
        if len(message.params) > 2:
            self._set_away(message.params[1], message.params[2])

    def _back(self, message: Message, event: Event) -> None:
        self.me.away, self.me.away_message = False, ""

    def _gone(self, message: Message, event: Event) -> None:
        self.me.away = True

    def _set_away(self, nick: str, text: str) -> None:
        user = self.user(nick)
        if user is not None:
            user.away, user.away_message = bool(text), text

    def _setname(self, message: Message, event: Event) -> None:
        event.channels = self.shared(event.nick)
        user = self.user(event.nick)
        if user is not None and message.params:
            user.realname = message.params[0]

    def _welcome(self, message: Message, event: Event) -> None:
        """001: our nick as the server has it. It comes once, before we are anywhere."""
        if message.params and not self.channels:
            self.users.pop(self.fold(self.me.nick), None)
            self.me.nick = message.params[0]
            self.users[self.fold(self.me.nick)] = self.me

    def _features(self, message: Message, event: Event) -> None:
        """005. With another casemapping, names are folded anew."""
        fold = self.features.fold
        self.features.learn(message.params[1:-1])
        if self.features.fold is not fold:
            channels, users = list(self.channels.values()), self.users
            self.channels, self.users, self._shared, self._members = {}, {self.fold(self.me.nick): self.me}, {}, 0
            for channel in channels:
                members, channel.members = channel.members, {}
                self.channels[self.fold(channel.name)] = channel
                for key, modes in members.items():
                    self.users.setdefault(self.fold(users[key].nick), users[key])
                    self._add(channel, users[key].nick, modes)

    def _hidden(self, message: Message, event: Event) -> None:
        """396: what others see in the place of our host."""
        if len(message.params) > 1:
            user, at, host = message.params[1].rpartition("@")
            self.me.host = host
            self.me.user = user if at else self.me.user

    def _batch(self, message: Message, event: Event) -> None:
        """IRCv3 batch: one begins inside another, where its first line has that one's tag."""
        if not message.params:
            return
        reference = message.params[0][1:]
        if message.params[0].startswith("-"):
            self._batches.pop(reference, None)
        elif len(self._batches) < MAX_BATCHES and len(message.params) > 1:
            around = self._batches.get(message.tags.get("batch", ""), ())
            self._batches[reference] = (*around[:8], message.params[1])


def _seconds(text: str) -> int | None:
    """Seconds since 1970."""
    return int(text) if text.isdecimal() and len(text) < 12 else None


_CHANGES: Final[dict[str, Callable[[Tracker, Message, Event], None]]] = {
    "JOIN": Tracker._join,
    "PART": Tracker._part,
    "KICK": Tracker._kick,
    "QUIT": Tracker._quit,
    "NICK": Tracker._nick,
    "MODE": Tracker._mode,
    "TOPIC": Tracker._topic,
    "ACCOUNT": Tracker._account,
    "CHGHOST": Tracker._chghost,
    "AWAY": Tracker._away,
    "SETNAME": Tracker._setname,
    "BATCH": Tracker._batch,
    "001": Tracker._welcome,
    "005": Tracker._features,
    "221": Tracker._user_modes,
    "301": Tracker._away_is,
    "305": Tracker._back,
    "306": Tracker._gone,
    "311": Tracker._whois,
    "324": Tracker._channel_modes,
    "329": Tracker._created,
    "330": Tracker._whois_account,
    "331": Tracker._no_topic,
    "332": Tracker._topic_is,
    "333": Tracker._topic_by,
    "352": Tracker._who,
    "353": Tracker._names,
    "354": Tracker._whox,
    "366": Tracker._names_end,
    "396": Tracker._hidden,
}
"""What a message of the server's changes."""
