"""How somebody becomes a user, and leaves again: PASS, NICK, USER, WEBIRC, PING, PONG, QUIT, ERROR, and the welcome. Pure.

    C: CAP LS 302          negotiation.py; holds the welcome back until CAP END
    C: PASS secret         where the server asks for one
    C: NICK ann
    C: USER ann 0 * :Ann   what is needed is there: ──▶ 001 … 005, 251 …, 375 …

(Modern IRC, Connection Registration). Of two who want the same nick, the first who is otherwise ready has it.
"""

from __future__ import annotations

import hmac
from ipaddress import ip_address
from typing import Final

from wirespeak.irc import numerics
from wirespeak.irc.cloaks import cloak
from wirespeak.irc.grammar import NICKNAME, REALNAME_SIZE, REASON_SIZE, USER_SIZE, USER_UNFIT
from wirespeak.irc.isupport import lines
from wirespeak.irc.messages import Message, cut
from wirespeak.irc.modes import CHANNEL_MODES, USER_MODES, Kind
from wirespeak.irc.users import NOBODY, User
from wirespeak.irc.verbs.about import LUSERS, MOTD, SOFTWARE
from wirespeak.irc.visits import listed
from wirespeak.irc.words import address, middle
from wirespeak.irc.world import World

__all__ = ["ERROR", "NICK", "PASS", "PING", "PONG", "QUIT", "USER", "WEBIRC", "Registering", "admit", "proceed", "refuse"]

NICK_TOLD: Final = 64
"""Bytes of what was no nick that are said back."""

# What 004 tells: the user modes, the channel modes, and those of them that have an argument.
USER_LETTERS: Final = "".join(sorted(USER_MODES))
CHANNEL_LETTERS: Final = "".join(sorted(CHANNEL_MODES))
WITH_ARGUMENT: Final = "".join(sorted(row.letter for row in CHANNEL_MODES.values() if row.kind is not Kind.FLAG))


class Registering:
    """What is known of a connection before its welcome, and forgotten then."""

    __slots__ = ("negotiating", "password")

    def __init__(self) -> None:
        self.password = ""
        """What PASS said."""
        self.negotiating = False
        """CAP LS or REQ came, and CAP END not yet."""


# --- before the welcome


def PASS(world: World, user: User, message: Message) -> None:
    """PASS <password> (Modern IRC: PASS). Looked at when all else is known, and the last one counts."""
    user.registering.password = message.params[0]


def USER(world: World, user: User, message: Message) -> None:
    """USER <username> 0 * <realname> (Modern IRC: USER). What the client is called isn't checked by anybody: hence the ``~``."""
    username, realname = message.params[0], message.params[3].strip()
    name = USER_UNFIT.sub("", username)
    if not username or not realname:
        user.reply(numerics.ERR_NEEDMOREPARAMS, "USER")
        return
    if not name:
        user.reply(numerics.ERR_INVALIDUSERNAME)
        return
    user.name(user=f"~{name[: USER_SIZE - 1]}")
    user.realname = cut(realname, REALNAME_SIZE)
    proceed(world, user)


def admit(world: World, user: User, ip: str) -> None:
    """``user`` has connected from ``ip``, "" for a Unix socket: refuse it, or let it register.

    A gateway's connections are counted as those of its visitors, once it has told of them.
    """
    if any(listed(ip, gateway.addresses) for gateway in world.config.gateways):
        _settle(world, user, ip)
    else:
        _count(world, user, ip)


def WEBIRC(world: World, user: User, message: Message) -> None:
    """WEBIRC <password> <gateway> <hostname> <ip> [:<options>]: a gateway says for whom it connects (IRCv3 WEBIRC).

    Its address and password must be known to us, and it comes before all else. The host name isn't taken on its word.
    """
    password, _, _, ip, *options = message.params
    gateway = next((one for one in world.config.gateways if listed(user.ip, one.addresses)), None)
    if gateway is None or not hmac.compare_digest(password.encode(), gateway.password.encode()):
        refuse(world, user, "Invalid WebIRC password")
        return
    registering = user.registering
    if user.counted or registering.negotiating or registering.password or user.user or user.nick != NOBODY:
        refuse(world, user, "WEBIRC comes before all else")
        return
    try:
        told = str(ip_address(ip))
    except ValueError:
        refuse(world, user, "Invalid WebIRC address")
        return
    # The client is as safe as both ways are (IRCv3 WEBIRC, Options).
    said = {option.partition("=")[0] for option in " ".join(options).split()}
    user.secure = user.secure and "secure" in said
    user.fingerprint = ""  # the gateway's own certificate
    _count(world, user, told)


def _count(world: World, user: User, ip: str) -> None:
    _settle(world, user, ip)
    ban = world.bans.of_address(ip, world.now()) if ip else None
    reason = f"Banned: {ban.reason}" if ban is not None else world.visits.enter(ip, world.now())
    if reason:
        refuse(world, user, reason)
    else:
        user.counted = True


def _settle(world: World, user: User, ip: str) -> None:
    user.ip = ip
    user.real_host = address(ip) or "localhost"
    user.host = cloak(ip, world.cloak_secret, world.config.cloak_suffix) if world.config.cloaks else user.real_host
    user.session.host = user.real_host


def proceed(world: World, user: User) -> None:
    """Welcome ``user`` once all is known that is needed."""
    registering = user.registering
    if user.registered or user.nick == NOBODY or not user.user or registering.negotiating or user.held is not None:
        return
    password = world.config.password
    if password and not hmac.compare_digest(registering.password.encode(), password.encode()):
        user.reply(numerics.ERR_PASSWDMISMATCH)
        refuse(world, user, "Bad password")
        return
    refusal = _refusal(world, user, user.nick)
    if refusal:
        nick = user.nick
        user.name(nick=NOBODY)
        user.reply(numerics.ERR_NICKNAMEINUSE, nick, refusal)
        return
    ban = world.bans.of_user(user, world.now())
    if ban is not None:
        user.reply(numerics.ERR_YOUREBANNEDCREEP, f"You are banned from this server: {ban.reason}")
        refuse(world, user, f"Banned: {ban.reason}")
        return
    if user.login is not None:
        user.login = None
        user.reply(numerics.ERR_SASLABORTED)
    user.registering = None
    user.session.registered()
    world.welcome(user)
    _burst(world, user)
    world.ownership.settled(user)


def _burst(world: World, user: User) -> None:
    """What everyone is told first (Modern IRC, Connection Registration)."""
    config, name = world.config, world.name
    # Some clients look up the host that they are told here: "SHOULD NOT" be one that is none (Modern IRC: RPL_WELCOME).
    user.reply(numerics.RPL_WELCOME, config.network, user.nick if config.cloaks else user.prefix)
    user.reply(numerics.RPL_YOURHOST, name, SOFTWARE)
    user.reply(numerics.RPL_CREATED, world.stamp(world.started))
    user.reply(numerics.RPL_MYINFO, name, SOFTWARE, USER_LETTERS, CHANNEL_LETTERS, WITH_ARGUMENT)
    for tokens in lines(config.network):
        user.reply(numerics.RPL_ISUPPORT, *tokens)
    LUSERS(world, user, Message("LUSERS"))
    if user.modes:
        user.reply(numerics.RPL_UMODEIS, f"+{''.join(sorted(user.modes))}")
    MOTD(world, user, Message("MOTD"))


def refuse(world: World, user: User, reason: str) -> None:
    """End a connection that has no place here."""
    world.counters.refused[reason.partition(":")[0]] += 1
    world.dismiss(user, reason)


# --- at any time


def NICK(world: World, user: User, message: Message) -> None:
    """NICK <nickname> (Modern IRC: NICK)."""
    nick = message.params[0] if message.params else ""
    if not nick:
        user.reply(numerics.ERR_NONICKNAMEGIVEN)
    elif NICKNAME.fullmatch(nick) is None:
        user.reply(numerics.ERR_ERRONEUSNICKNAME, middle(cut(nick, NICK_TOLD)))
    elif nick == user.nick:
        pass
    elif refusal := _refusal(world, user, nick):
        user.reply(numerics.ERR_NICKNAMEINUSE, nick, refusal)
    elif user.registered:
        world.rename(user, nick)
    else:
        user.name(nick=nick)
        proceed(world, user)


def _refusal(world: World, user: User, nick: str) -> str:
    """Why ``user`` can't be called ``nick``; "" where it can."""
    holder = world.find(nick)
    if holder is not None and holder is not user:
        return "Nickname is already in use"
    if user.registering is not None and user.registering.negotiating:
        return ""  # clients say NICK first, and then log in: whose nick it is, is looked at before the welcome
    return world.ownership.refusal(user, nick) or ""


def PING(world: World, user: User, message: Message) -> None:
    """PING <token> (Modern IRC: PING)."""
    token = message.params[0]
    if token:
        user.send(Message("PONG", [world.name, token], world.name))
    else:
        user.reply(numerics.ERR_NOORIGIN)


def PONG(world: World, user: User, message: Message) -> None:
    """PONG <token> (Modern IRC: PONG). That something came is all that was asked for, and the session has seen that."""


def QUIT(world: World, user: User, message: Message) -> None:
    """QUIT [<reason>] (Modern IRC: QUIT). The word in front tells a reason of the user's own from one of the server's."""
    world.dismiss(user, f"Quit: {cut(message.params[0], REASON_SIZE) if message.params else ''}")


def ERROR(world: World, user: User, message: Message) -> None:
    """ERROR is for servers to say: from a client it means nothing (Modern IRC: ERROR)."""
