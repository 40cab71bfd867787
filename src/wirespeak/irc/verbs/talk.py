"""What people say to each other: PRIVMSG, NOTICE and TAGMSG (Modern IRC: Sending Messages; IRCv3 message-tags, echo-message).

    PRIVMSG #lobby :Hello     to everyone there but the sender; to the sender too that has echo-message
    PRIVMSG @#lobby :Psst     to its operators and above (RPL_ISUPPORT STATUSMSG)
    PRIVMSG ann,bob :Hello    to each of them

This is the hot path: a message that succeeds costs one look-up, one check of the channel's modes, and the turn of the loop for each
receiver in ``relay.py``. A NOTICE is never answered, not by an error either (RFC 2812 3.3.2). Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from wirespeak.irc import numerics, services
from wirespeak.irc.capabilities import ECHO_MESSAGE, MESSAGE_TAGS
from wirespeak.irc.channels import TARGETS
from wirespeak.irc.messages import Message
from wirespeak.irc.modes import RANKS, STATUSMSG
from wirespeak.irc.numerics import Numeric
from wirespeak.irc.service_names import SERVICES
from wirespeak.irc.users import User
from wirespeak.irc.verbs.channel import listed
from wirespeak.irc.words import middle
from wirespeak.irc.world import World

__all__ = ["NOTICE", "PRIVMSG", "TAGMSG"]

ACTION: Final = ("\x01ACTION ", "\x01ACTION\x01")

RANK_OF: Final = dict(zip(STATUSMSG, sorted(set(RANKS.values()) - {0}, reverse=True), strict=True))
"""A prefix before a channel's name → the rank of those that it asks for."""


def PRIVMSG(world: World, user: User, message: Message) -> None:
    """``PRIVMSG <target>{,<target>} <text>`` (Modern IRC: PRIVMSG message)."""
    params = message.params
    if not params or not params[0]:
        user.reply(numerics.ERR_NORECIPIENT, "PRIVMSG")
    elif len(params) < 2 or not params[1]:
        user.reply(numerics.ERR_NOTEXTTOSEND)
    else:
        user.last_spoke = world.now()
        _say(world, user, message, [params[1]])


def NOTICE(world: World, user: User, message: Message) -> None:
    """``NOTICE <target>{,<target>} <text>``: as PRIVMSG, and never answered (Modern IRC: NOTICE message)."""
    params = message.params
    if len(params) > 1 and params[0] and params[1]:
        user.last_spoke = world.now()
        _say(world, user, message, [params[1]])


def TAGMSG(world: World, user: User, message: Message) -> None:
    """``TAGMSG <target>{,<target>}``: tags and no text, among those who have message-tags (IRCv3 message-tags)."""
    if not user.caps & MESSAGE_TAGS:
        user.reply(numerics.ERR_UNKNOWNCOMMAND, "TAGMSG")
    elif not message.params[0]:
        user.reply(numerics.ERR_NORECIPIENT, "TAGMSG")
    else:
        _say(world, user, message, [])


def _say(world: World, user: User, message: Message, text: list[str]) -> None:
    """Send a message to each of its targets. Of the tags, those go along that clients have for each other ("+typing")."""
    command, targets = message.command, message.params[0]
    tags = None
    if message.tags and user.caps & MESSAGE_TAGS:
        tags = {name: value for name, value in message.tags.items() if name[0] == "+"}
    if "," not in targets:
        _say_to(world, user, command, targets, text, tags)
        return
    world.burst = None  # nothing is added to what was said before, or to what is said now: it might overtake what another target gets
    each = listed(world, targets)
    if not each:
        _refuse(user, command, numerics.ERR_NORECIPIENT, command)
    if len(each) > TARGETS[command]:
        _refuse(user, command, numerics.ERR_TOOMANYTARGETS, middle(targets))
        return
    # A service may take its time, and hold the session meanwhile: it comes last, and there is but one (`World.later`).
    to_services = [target for target in each if world.fold(target) in SERVICES]
    for target in [target for target in each if target not in to_services] + to_services[:1]:
        _say_to(world, user, command, target, text, tags)
    world.burst = None
    for target in to_services[1:]:
        _refuse(user, command, numerics.ERR_TOOMANYTARGETS, target)


def _say_to(world: World, user: User, command: str, target: str, text: list[str], tags: Mapping[str, str] | None) -> None:
    """Send it to ``target``; where that can't be, the answer names it as it was given, with its prefix."""
    name = target.lstrip(STATUSMSG)
    if not name:
        _refuse(user, command, numerics.ERR_NORECIPIENT, command)
    elif name[0] == "#":
        _say_in_channel(world, user, command, target, name, text, tags)
    else:  # no nick begins with a prefix
        _say_to_user(world, user, command, target, text, tags)


def _say_in_channel(
    world: World, user: User, command: str, target: str, name: str, text: list[str], tags: Mapping[str, str] | None
) -> None:
    channel = world.channel(name)
    if channel is None:
        _refuse(user, command, numerics.ERR_NOSUCHCHANNEL, middle(target))
        return
    muted = channel.mutes(user) or ("C" if "C" in channel.modes and text and _asks_a_program(text[0]) else "")
    if muted:
        _refuse(user, command, numerics.ERR_CANNOTSENDTOCHAN, middle(target), f"Cannot send to channel (+{muted})")
        return
    # Of several prefixes the lowest counts: it stands for all above (Modern IRC: PRIVMSG message).
    status = min(target[: -len(name)], key=RANK_OF.__getitem__) if name != target else ""
    relay = world.relay(Message(command, [status + channel.name, *text], user.prefix), user, tags)
    if not status and text:
        world.said(relay, user, channel)
    else:
        members: Iterable[User] = channel.at_least(RANK_OF[status]) if status else channel.members
        relay.to_all(members if text else [member for member in members if member.caps & MESSAGE_TAGS], user)
    if user.caps & ECHO_MESSAGE:
        relay.to(user)


def _say_to_user(world: World, user: User, command: str, nick: str, text: list[str], tags: Mapping[str, str] | None) -> None:
    other = world.find(nick)
    if other is None:
        _say_to_service(world, user, command, nick, text, tags)
        return
    if "R" in other.modes and user.account is None and other is not user:
        _refuse(user, command, numerics.ERR_NEEDREGGEDNICK, other.nick, "You must be logged in to an account to message this user")
        return
    if "T" in other.modes and text and _asks_a_program(text[0]):
        _refuse(user, command, numerics.ERR_CANTSENDTOUSER, other.nick, "This user takes no CTCP (+T)")
        return
    relay = world.relay(Message(command, [other.nick, *text], user.prefix), user, tags)
    if user.caps & ECHO_MESSAGE:
        relay.to(user)
    if command != "TAGMSG" or other.caps & MESSAGE_TAGS:
        relay.deliver(other)
    if command == "PRIVMSG" and other.away is not None:
        user.reply(numerics.RPL_AWAY, other.nick, other.away)


def _say_to_service(world: World, user: User, command: str, nick: str, text: list[str], tags: Mapping[str, str] | None) -> None:
    """Services hear what is said to them, and answer no NOTICE."""
    name = SERVICES.get(world.fold(nick))
    if name is None:
        _refuse(user, command, numerics.ERR_NOSUCHNICK, middle(nick))
        return
    if user.caps & ECHO_MESSAGE:
        world.relay(Message(command, [name, *text], user.prefix), user, tags).to(user)
    if command == "PRIVMSG":
        services.hear(world, user, name, text[0])


def _asks_a_program(text: str) -> bool:
    """Whether it is a CTCP, put to the receiver's program; ACTION is not (``/me``), that is talk."""
    return text[0] == "\x01" and not text.startswith(ACTION)


def _refuse(user: User, command: str, numeric: Numeric, *values: str) -> None:
    if command != "NOTICE":
        user.reply(numeric, *values)
