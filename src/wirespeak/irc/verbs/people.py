"""Who is here, and how: USERHOST, USERIP, ISON, MONITOR (IRCv3 Monitor), AWAY (IRCv3 away-notify), SETNAME (IRCv3 setname). Pure.

C: ISON ann bob carl       S: 303 me :ann carl
C: MONITOR + ann,bob       S: 730 me :ann!~ann@host      S: 731 me :bob       and again whenever one comes or goes
C: AWAY :Gone to lunch     S: 306 me :You have been marked as being away
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from wirespeak.irc import numerics
from wirespeak.irc.capabilities import AWAY_NOTIFY
from wirespeak.irc.capabilities import SETNAME as SETNAME_CAP
from wirespeak.irc.grammar import AWAY_SIZE, NICKNAME, REALNAME_SIZE
from wirespeak.irc.messages import Message, cut
from wirespeak.irc.numerics import Numeric
from wirespeak.irc.users import User
from wirespeak.irc.visibility import knows_all_of
from wirespeak.irc.words import lines_of, room_behind
from wirespeak.irc.world import World

__all__ = ["AWAY", "ISON", "MONITOR", "SETNAME", "USERHOST", "USERIP"]

USERHOSTS: Final = 5
"""Nicks in one USERHOST (RFC 2812 4.8)."""


def USERHOST(world: World, user: User, message: Message) -> None:
    """USERHOST <nick>{ <nick>}"""
    found = _called(world, message.params[:USERHOSTS])
    user.reply(numerics.RPL_USERHOST, " ".join(_reply(one, one.host) for one in found))


def USERIP(world: World, user: User, message: Message) -> None:
    """USERIP <nick>{ <nick>}"""
    found = _called(world, message.params[:USERHOSTS])
    user.reply(numerics.RPL_USERIP, " ".join(_reply(one, one.ip if knows_all_of(user, one) else "255.255.255.255") for one in found))


def _called(world: World, nicks: Iterable[str]) -> list[User]:
    """Those of ``nicks`` who are here."""
    return [one for nick in nicks if (one := world.find(nick)) is not None]


def _reply(user: User, host: str) -> str:
    """reply = nickname [ "*" ] "=" ( "+" / "-" ) hostname (Modern IRC: RPL_USERHOST); the plus is for who is not away."""
    return f"{user.nick}{'' if user.oper is None else '*'}={'+' if user.away is None else '-'}{user.user}@{host}"


def ISON(world: World, user: User, message: Message) -> None:
    """ISON <nick>{ <nick>}"""
    # RFC 2812 4.9: several parameters, or one of several words, as some clients send it.
    found = _called(world, " ".join(message.params).split())
    user.reply(numerics.RPL_ISON, " ".join(dict.fromkeys(one.nick for one in found)))


# --- MONITOR


def MONITOR(world: World, user: User, message: Message) -> None:
    """MONITOR <+ | ->  <nick>{,<nick>} · MONITOR <C | L | S>"""
    action, targets, *_ = [*message.params, ""]
    act = _ACTIONS.get(action.upper())
    if act is None:
        user.reply(numerics.ERR_UNKNOWNERROR, "MONITOR", "Expected +, -, C, L or S")
    elif action in "+-" and not targets:
        user.reply(numerics.ERR_NEEDMOREPARAMS, "MONITOR")
    else:
        # "'target' MUST be a valid nick": masks and the like are passed over, so nobody follows a host through its nicks.
        act(world, user, list(dict.fromkeys(nick for nick in targets.split(",") if NICKNAME.fullmatch(nick))))


def _add(world: World, user: User, nicks: list[str]) -> None:
    added: list[str] = []
    beyond: list[str] = []
    for nick in nicks:
        (added if world.monitors.add(user, nick) else beyond).append(nick)
    _tell_presence(world, user, added)
    limit = str(world.monitors.limit)
    for line in lines_of(beyond, room_behind(world.name, user.nick, limit) - len(" :Monitor list is full."), ","):
        user.reply(numerics.ERR_MONLISTFULL, limit, line)


def _remove(world: World, user: User, nicks: list[str]) -> None:
    for nick in nicks:
        world.monitors.remove(user, nick)


def _clear(world: World, user: User, nicks: list[str]) -> None:
    world.monitors.clear(user)


def _list(world: World, user: User, nicks: list[str]) -> None:
    _say(world, user, numerics.RPL_MONLIST, world.monitors.targets(user))
    user.reply(numerics.RPL_ENDOFMONLIST)


def _status(world: World, user: User, nicks: list[str]) -> None:
    _tell_presence(world, user, world.monitors.targets(user))


_ACTIONS: Final[dict[str, Callable[[World, User, list[str]], None]]] = {"+": _add, "-": _remove, "C": _clear, "L": _list, "S": _status}


def _tell_presence(world: World, user: User, nicks: list[str]) -> None:
    """730 and 731: which of ``nicks`` are here, and which are not."""
    _say(world, user, numerics.RPL_MONONLINE, [one.prefix for one in _called(world, nicks)])
    _say(world, user, numerics.RPL_MONOFFLINE, [nick for nick in nicks if world.find(nick) is None])


def _say(world: World, user: User, numeric: Numeric, words: list[str]) -> None:
    for line in lines_of(words, room_behind(world.name, user.nick), ","):
        user.reply(numeric, line)


# --- what one tells of oneself


def AWAY(world: World, user: User, message: Message) -> None:
    """AWAY [:<text>]"""
    text = cut(message.params[0], AWAY_SIZE) if message.params else ""
    before, user.away = user.away, text or None
    user.reply(numerics.RPL_NOWAWAY if text else numerics.RPL_UNAWAY)
    if user.away != before:
        news = Message("AWAY", [text] if text else [], user.prefix)
        world.relay(news, user).to_all(world.audience(user, AWAY_NOTIFY))


def SETNAME(world: World, user: User, message: Message) -> None:
    """SETNAME :<realname>"""
    realname = message.params[0]
    if not realname.strip() or len(realname.encode()) > REALNAME_SIZE:
        user.fail("SETNAME", "INVALID_REALNAME", "Realname is not valid")
        return
    user.realname = realname
    news = world.relay(Message("SETNAME", [realname], user.prefix), user)
    if user.caps & SETNAME_CAP:  # without it the change is made in silence, as it was before there was a capability
        news.to(user)
    news.to_all(world.audience(user, SETNAME_CAP))
