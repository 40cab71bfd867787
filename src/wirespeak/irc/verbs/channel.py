"""Into a channel and out of it, and what can be known and said of it: JOIN, PART, KICK, INVITE, KNOCK, TOPIC, NAMES, LIST.

(Modern IRC: Channel Operations; RFC 2812 3.2.) Who asks from outside what a secret channel is like hears 403, as if it were not there
(Modern IRC: Secret Channel Mode); who would do there what members alone may, hears 442 as in any other (Modern IRC: ERR_NOTONCHANNEL).
What is told to all members is made once, however many they are (``relay.py``). Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, zip_longest
from typing import Final

from wirespeak.irc import elist, numerics
from wirespeak.irc.capabilities import (
    AWAY_NOTIFY,
    EXTENDED_JOIN,
    INVITE_NOTIFY,
    MULTI_PREFIX,
    NO_IMPLICIT_NAMES,
    USERHOST_IN_NAMES,
)
from wirespeak.irc.channels import INVITATIONS, TARGETS, Channel, Invitation, Topic
from wirespeak.irc.grammar import CHANNEL, CHANNEL_SIZE, KICK_SIZE, REASON_SIZE, TOPIC_SIZE
from wirespeak.irc.isupport import CHANNELS_EACH
from wirespeak.irc.messages import Message, cut
from wirespeak.irc.modes import EVERY_SYMBOL, HALFOP, HIGHEST_SYMBOL, OPERATOR
from wirespeak.irc.users import User
from wirespeak.irc.words import middle, room_behind
from wirespeak.irc.world import World

__all__ = ["INVITE", "JOIN", "KICK", "KNOCK", "LIST", "NAMES", "PART", "TOPIC", "join", "leave", "listed"]

KNOCK_TIME: Final = 60.0
"""Seconds between two KNOCKs at one channel, whoever knocks: its operators are told of each."""

BARRED: Final = {
    "b": numerics.ERR_BANNEDFROMCHAN,
    "i": numerics.ERR_INVITEONLYCHAN,
    "R": numerics.ERR_NEEDREGGEDNICK,
    "k": numerics.ERR_BADCHANNELKEY,
    "l": numerics.ERR_CHANNELISFULL,
}
"""The mode that keeps somebody out → what they hear."""


def _known(world: World, user: User, name: str) -> Channel | None:
    """The channel called ``name``, to look at; where there is none that ``user`` may know of, that is said."""
    channel = world.channel(name)
    if channel is None or not channel.shows_to(user):
        user.reply(numerics.ERR_NOSUCHCHANNEL, middle(name))
        return None
    return channel


def _existing(world: World, user: User, name: str) -> Channel | None:
    """The channel called ``name``, secret or not; where there is none, that is said."""
    channel = world.channel(name)
    if channel is None:
        user.reply(numerics.ERR_NOSUCHCHANNEL, middle(name))
    return channel


def _own(world: World, user: User, name: str) -> Channel | None:
    """The same, where ``user`` must be a member."""
    channel = _existing(world, user, name)
    if channel is not None and user not in channel.members:
        user.reply(numerics.ERR_NOTONCHANNEL, channel.name)
        return None
    return channel


def listed(world: World, text: str) -> list[str]:
    """The names that commas part; empty ones are left out, and what is named twice, in whatever case, is named once: the first time."""
    named: dict[str, str] = {}
    for name in text.split(","):
        if name:
            named.setdefault(world.fold(name), name)
    return list(named.values())


# --- in and out


def JOIN(world: World, user: User, message: Message) -> None:
    """``JOIN <channel>{,<channel>} [<key>{,<key>}]``, or ``JOIN 0`` to leave all (Modern IRC: JOIN message)."""
    names = message.params[0]
    if names == "0":
        for channel in list(user.channels.values()):
            leave(world, user, channel, [])
        return
    keys = message.params[1].split(",") if len(message.params) > 1 else []
    wanted = [(name, key) for name, key in zip_longest(names.split(","), keys, fillvalue="") if name]
    if not wanted:
        user.reply(numerics.ERR_NEEDMOREPARAMS, "JOIN")
    # Who comes back to fifty channels is told of some thousands: no faster than they read it.
    world.stream(user, (answer for name, key in wanted for answer in _join(world, user, name, key)))


def join(world: World, user: User, name: str, key: str = "", *, forced: bool = False) -> None:
    """Let ``user`` into the channel called ``name``, or tell them what keeps them out; where it is ``forced`` (SAJOIN) nothing does."""
    for answer in _join(world, user, name, key, forced=forced):
        user.send(answer)


def _join(world: World, user: User, name: str, key: str, *, forced: bool = False) -> Iterator[Message]:
    """The same; what is to be known of the channel then is given, and not yet sent. A channel that isn't there is made."""
    if CHANNEL.fullmatch(name) is None or len(name.encode()) > CHANNEL_SIZE:
        user.reply(numerics.ERR_NOSUCHCHANNEL, middle(name))
        return
    folded = world.fold(name)
    if folded in user.channels:
        return
    if len(user.channels) >= CHANNELS_EACH:
        user.reply(numerics.ERR_TOOMANYCHANNELS, name)
        return
    channel = world.channels.get(folded)
    if channel is None:
        channel = Channel(name, folded, world.now())
        world.ownership.opened(channel)
    held = world.ownership.prefixes(channel, user)
    owned = held is not None
    if held is None:
        held = "" if channel.members else "o"
    if not forced and "q" not in held:  # nobody keeps owners out of what is theirs
        invitation = user.invited.get(folded)
        barred = channel.bars(user, key, invitation if invitation is not None and invitation.channel is channel else None)
        if barred:
            user.reply(BARRED[barred], channel.name)
            return
    world.channels[folded] = channel
    user.invited.pop(folded, None)
    channel.add(user, held)
    _tell_join(world, user, channel)
    ranks = world.relay(Message("MODE", [channel.name, f"+{held}", *[user.nick] * len(held)], world.name)) if owned and held else None
    if ranks is not None:
        ranks.to_all(channel.members, user)
    if channel.topic is not None:
        _tell_topic(user, channel, channel.topic)
    if not user.caps & NO_IMPLICIT_NAMES:
        yield from _names(world, user, channel)
    if ranks is not None:  # JOIN, topic and names come first, and in this order (Modern IRC: JOIN message)
        ranks.answer(user)


def _tell_join(world: World, user: User, channel: Channel) -> None:
    """Tell all members who has come, in the form that each understands (IRCv3 extended-join); and if they are away, that (away-notify)."""
    extended = [member for member in channel.members if member.caps & EXTENDED_JOIN]
    plain = [member for member in channel.members if not member.caps & EXTENDED_JOIN] if extended else channel.members
    if plain:
        world.relay(Message("JOIN", [channel.name], user.prefix), user).to_all(plain)
    if extended:
        world.relay(Message("JOIN", [channel.name, user.account or "*", user.realname], user.prefix), user).to_all(extended)
    if user.away is not None:
        informed = [member for member in channel.members if member.caps & AWAY_NOTIFY]
        world.relay(Message("AWAY", [user.away], user.prefix), user).to_all(informed, user)


def PART(world: World, user: User, message: Message) -> None:
    """``PART <channel>{,<channel>} [<reason>]`` (Modern IRC: PART message)."""
    names = listed(world, message.params[0])
    if not names:
        user.reply(numerics.ERR_NEEDMOREPARAMS, "PART")
    reason = [cut(message.params[1], REASON_SIZE)] if len(message.params) > 1 and message.params[1] else []
    for name in names:
        channel = _own(world, user, name)
        if channel is not None:
            leave(world, user, channel, reason)


def leave(world: World, user: User, channel: Channel, reason: list[str]) -> None:
    """Tell all members that ``user`` leaves, for a ``reason`` if one is given, and let them go."""
    world.relay(Message("PART", [channel.name, *reason], user.prefix), user).to_all(channel.members)
    world.leave(user, channel)


def KICK(world: World, user: User, message: Message) -> None:
    """``KICK <channel>{,<channel>} <user>{,<user>} [<comment>]``: one channel and several users, or as many of each (Modern IRC: KICK
    message). More than TARGMAX allows are passed over."""
    names, nicks = (list(filter(None, text.split(","))) for text in message.params[:2])
    if not nicks or (len(names) != 1 and len(names) != len(nicks)):
        user.reply(numerics.ERR_NEEDMOREPARAMS, "KICK")
        return
    comment = cut(message.params[2], KICK_SIZE) if len(message.params) > 2 else ""
    for name, nick in islice(zip(names * len(nicks) if len(names) == 1 else names, nicks, strict=True), TARGETS["KICK"]):
        channel = _own(world, user, name)
        if channel is not None:
            _kick(world, user, channel, nick, comment or user.nick)


def _kick(world: World, user: User, channel: Channel, nick: str, comment: str) -> None:
    member = world.find(nick)
    rank = channel.rank(user)
    if rank < HALFOP:
        user.reply(numerics.ERR_CHANOPRIVSNEEDED, channel.name)
    elif member is None or member not in channel.members:
        user.reply(numerics.ERR_USERNOTINCHANNEL, middle(nick), channel.name)
    elif rank < channel.guard(member):
        user.reply(numerics.ERR_CHANOPRIVSNEEDED, channel.name, f"You may not kick {member.nick}")
    else:
        world.relay(Message("KICK", [channel.name, member.nick, comment], user.prefix), user).to_all(channel.members)
        world.leave(member, channel)


# --- asking in


def INVITE(world: World, user: User, message: Message) -> None:
    """``INVITE <nick> <channel>``; without parameters, a list of one's own invitations (Modern IRC: INVITE message)."""
    if not message.params:
        for folded, invitation in user.invited.items():
            inviting: Channel = invitation.channel
            if world.channels.get(folded) is inviting:
                user.reply(numerics.RPL_INVITELIST, inviting.name)
        user.reply(numerics.RPL_ENDOFINVITELIST)
        return
    if len(message.params) < 2:
        user.reply(numerics.ERR_NEEDMOREPARAMS, "INVITE")
        return
    nick, name = message.params[:2]
    channel = _existing(world, user, name)
    if channel is None:
        return
    guest = world.find(nick)
    if guest is None:
        user.reply(numerics.ERR_NOSUCHNICK, middle(nick))
    elif user not in channel.members:
        user.reply(numerics.ERR_NOTONCHANNEL, channel.name)
    elif guest in channel.members:
        user.reply(numerics.ERR_USERONCHANNEL, guest.nick, channel.name)
    elif "i" in channel.modes and channel.rank(user) < HALFOP:
        user.reply(numerics.ERR_CHANOPRIVSNEEDED, channel.name)
    else:
        _invite(world, user, guest, channel)


def _invite(world: World, user: User, guest: User, channel: Channel) -> None:
    invited = guest.invited
    before = invited.pop(channel.key, None)  # what an operator has allowed stays allowed
    by_operator = channel.rank(user) >= OPERATOR or (before is not None and before.channel is channel and before.by_operator)
    invited[channel.key] = Invitation(channel, by_operator)
    if len(invited) > INVITATIONS:
        del invited[next(iter(invited))]
    user.reply(numerics.RPL_INVITING, guest.nick, channel.name)
    if guest.away is not None:
        user.reply(numerics.RPL_AWAY, guest.nick, guest.away)  # RFC 2812 3.2.7
    relay = world.relay(Message("INVITE", [guest.nick, channel.name], user.prefix), user)
    relay.to(guest)
    # Who could have invited them is told, and wants to be (IRCv3 invite-notify): any member, but for +i.
    inviting = channel.at_least(HALFOP) if "i" in channel.modes else channel.members
    relay.to_all((member for member in inviting if member.caps & INVITE_NOTIFY), user)


def KNOCK(world: World, user: User, message: Message) -> None:
    """``KNOCK <channel>``: ask the operators of a channel that one can't join for an invitation."""
    channel = _known(world, user, message.params[0])
    if channel is None:
        return
    if user in channel.members:
        user.reply(numerics.ERR_KNOCKONCHAN, channel.name)
    elif not (barred := channel.bars(user, "", None)):
        user.reply(numerics.ERR_CHANOPEN, channel.name)
    elif barred == "b":
        user.reply(numerics.ERR_CANNOTSENDTOCHAN, channel.name)
    elif world.now() - channel.last_knock < KNOCK_TIME:
        user.reply(numerics.ERR_TOOMANYKNOCK, channel.name)
    else:
        channel.last_knock = world.now()
        # The channel stands where the receiver's nick usually does: so it is one message for all of them.
        knock = Message(numerics.RPL_KNOCK.code, numerics.RPL_KNOCK.params(channel.name, channel.name, user.prefix), world.name)
        world.relay(knock, user).to_all(channel.at_least(HALFOP))  # with the tags of who causes it (IRCv3 account-tag)
        user.reply(numerics.RPL_KNOCKDLVR, channel.name)


# --- what can be known of it


def TOPIC(world: World, user: User, message: Message) -> None:
    """``TOPIC <channel> [<topic>]``: ask for the topic, or set it; an empty one clears it (Modern IRC: TOPIC message)."""
    name, *told = message.params
    channel = _own(world, user, name) if told else _known(world, user, name)
    if channel is None:
        return
    if not told:
        if channel.topic is not None:
            _tell_topic(user, channel, channel.topic)
        else:
            user.reply(numerics.RPL_NOTOPIC, channel.name)
        return
    if ("t" in channel.modes and channel.rank(user) < HALFOP) or not world.ownership.may_set_topic(channel, user):
        user.reply(numerics.ERR_CHANOPRIVSNEEDED, channel.name)
        return
    text = cut(told[0], TOPIC_SIZE)
    channel.topic = Topic(text, user.nick, world.now()) if text else None
    world.relay(Message("TOPIC", [channel.name, text], user.prefix), user).to_all(channel.members)
    world.ownership.changed(channel)


def _tell_topic(user: User, channel: Channel, topic: Topic) -> None:
    user.reply(numerics.RPL_TOPIC, channel.name, topic.text)
    user.reply(numerics.RPL_TOPICWHOTIME, channel.name, topic.by, str(int(topic.at)))


def NAMES(world: World, user: User, message: Message) -> None:
    """``NAMES [<channel>{,<channel>}]``: who is there; without a channel, nobody (Modern IRC: NAMES message)."""
    names = listed(world, message.params[0]) if message.params else []
    if not names:
        user.reply(numerics.RPL_ENDOFNAMES, "*")
        return
    world.stream(user, _names_of(world, user, names))


def _names_of(world: World, user: User, names: list[str]) -> Iterator[Message]:
    """The answers for each; past what TARGMAX allows it is the end alone, for which clients wait."""
    for count, name in enumerate(names):
        channel = world.channel(name) if count < TARGETS["NAMES"] else None
        if channel is None or not channel.shows_to(user):
            yield user.numeric(numerics.RPL_ENDOFNAMES, middle(name))
        else:
            yield from _names(world, user, channel)


def _names(world: World, user: User, channel: Channel) -> Iterator[Message]:
    """353 and 366: the members with their prefixes, as many to a line as it holds; the invisible to members alone.

    All names are put into one text and that is cut at its spaces: what is done for each name is done in C.
    """
    symbols = EVERY_SYMBOL if user.caps & MULTI_PREFIX else HIGHEST_SYMBOL
    inside = user in channel.members or user.oper is not None
    shown = channel.members.items() if inside else [(member, held) for member, held in channel.members.items() if "i" not in member.modes]
    if user.caps & USERHOST_IN_NAMES:
        text = " ".join([symbols[held] + member.prefix for member, held in shown])
    else:
        text = " ".join([symbols[held] + member.nick for member, held in shown])
    sign = "@" if "s" in channel.modes else "="
    room = room_behind(world.name, user.nick, sign, channel.name)
    start = 0
    while start < len(text):
        end = len(text) if len(text) - start <= room else text.rindex(" ", start, start + room + 1)
        yield user.numeric(numerics.RPL_NAMREPLY, sign, channel.name, text[start:end])
        start = end + 1
    yield user.numeric(numerics.RPL_ENDOFNAMES, channel.name)


def LIST(world: World, user: User, message: Message) -> None:
    """``LIST [<channel or condition>{,…}]``: the channels that one may know of (Modern IRC: LIST message)."""
    wanted = elist.read([word for text in message.params[:2] for word in text.split(",")], world.fold)
    if wanted.names and not wanted.masks:
        channels = [channel for name in wanted.names if (channel := world.channels.get(name)) is not None]
    else:
        channels = list(world.channels.values())
    world.stream(user, _list(user, channels, wanted, world.now()))


def _list(user: User, channels: list[Channel], wanted: elist.Wanted, now: float) -> Iterator[Message]:
    yield user.numeric(numerics.RPL_LISTSTART)
    for channel in channels:
        if channel.shows_to(user) and wanted.fits(channel, now) and channel.members:
            topic = channel.topic.text if channel.topic is not None else ""
            yield user.numeric(numerics.RPL_LIST, channel.name, str(len(channel.members)), topic)
    yield user.numeric(numerics.RPL_LISTEND)
