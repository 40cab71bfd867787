"""What the server tells of itself: MOTD, RULES, VERSION, ADMIN, TIME, INFO, LUSERS, LINKS, MAP, STATS, USERS, SUMMON, HELP; and that it
has no links, where CONNECT and SQUIT want some. Pure.

(Modern IRC, Server Queries and Commands; RFC 2812 3.4.) A <target> is this server, by name or mask, or somebody who is on it: there are
no others; for whatever else 402 is the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Final, TypeAlias

from wirespeak import __version__
from wirespeak.irc import isupport, numerics
from wirespeak.irc.bans import time_left
from wirespeak.irc.help import help_lines
from wirespeak.irc.kept import Ban
from wirespeak.irc.messages import Message
from wirespeak.irc.users import User
from wirespeak.irc.words import address, middle
from wirespeak.irc.world import World

__all__ = [
    "ADMIN",
    "CONNECT",
    "HELP",
    "HELPOP",
    "INFO",
    "LINKS",
    "LUSERS",
    "MAP",
    "MOTD",
    "RULES",
    "SQUIT",
    "STATS",
    "SUMMON",
    "TIME",
    "USERS",
    "VERSION",
]

SOFTWARE: Final = f"wirespeak-{__version__}"


def _is_here(world: World, user: User, target: str) -> bool:
    """Whether ``target`` ("" for none given) is this server; if not, that is said."""
    if not target or world.is_named(target) or world.find(target) is not None:
        return True
    user.reply(numerics.ERR_NOSUCHSERVER, middle(target))
    return False


def _target(message: Message, at: int = 0) -> str:
    return message.params[at] if len(message.params) > at else ""


# --- texts


def MOTD(world: World, user: User, message: Message) -> None:
    """MOTD [<target>]"""
    if not _is_here(world, user, _target(message)):
        return
    lines = world.config.motd
    if not lines:
        user.reply(numerics.ERR_NOMOTD)
        return
    user.reply(numerics.RPL_MOTDSTART, world.name)
    for line in lines:
        user.reply(numerics.RPL_MOTD, f"- {line}")
    user.reply(numerics.RPL_ENDOFMOTD)


def RULES(world: World, user: User, message: Message) -> None:
    """RULES: as MOTD, in numerics that several servers have in common."""
    lines = world.config.rules
    if not lines:
        user.reply(numerics.ERR_NORULES)
        return
    user.reply(numerics.RPL_RULESSTART, world.name)
    for line in lines:
        user.reply(numerics.RPL_RULES, line)
    user.reply(numerics.RPL_ENDOFRULES)


def INFO(world: World, user: User, message: Message) -> None:
    """INFO [<target>]"""
    if not _is_here(world, user, _target(message)):
        return
    for line in (
        f"{SOFTWARE}: how the internet speaks, from the socket up.",
        "An IRC server in Python that is meant to be read: RFC 1459, RFC 2812, Modern IRC, IRCv3.",
        f"Running since {_date(world.started)}",
    ):
        user.reply(numerics.RPL_INFO, line)
    user.reply(numerics.RPL_ENDOFINFO)


def HELP(world: World, user: User, message: Message) -> None:
    """HELP [<subject>]: "a single RPL_HELPSTART, then arbitrarily many RPL_HELPTXT, then a single RPL_ENDOFHELP" (Modern IRC: HELP)"""
    asked = _target(message)
    subject = middle(asked)
    lines = help_lines(asked)
    if not lines:
        user.reply(numerics.ERR_HELPNOTFOUND, subject)
        return
    first, *between, last = lines
    user.reply(numerics.RPL_HELPSTART, subject, first)
    for line in between:
        user.reply(numerics.RPL_HELPTXT, subject, line)
    user.reply(numerics.RPL_ENDOFHELP, subject, last)


HELPOP = HELP


# --- the server


def VERSION(world: World, user: User, message: Message) -> None:
    """VERSION [<target>]"""
    if not _is_here(world, user, _target(message)):
        return
    user.reply(numerics.RPL_VERSION, SOFTWARE, world.name, "RFC 1459, RFC 2812, Modern IRC, IRCv3")
    for tokens in isupport.lines(world.config.network):
        user.reply(numerics.RPL_ISUPPORT, *tokens)


def ADMIN(world: World, user: User, message: Message) -> None:
    """ADMIN [<target>]: all four lines (Modern IRC: ADMIN), also where the configuration names nobody."""
    if not _is_here(world, user, _target(message)):
        return
    admin = world.config.admin
    user.reply(numerics.RPL_ADMINME, world.name)
    user.reply(numerics.RPL_ADMINLOC1, admin.location or world.config.description)
    user.reply(numerics.RPL_ADMINLOC2, admin.organisation or "Nobody is named who runs it")
    user.reply(numerics.RPL_ADMINEMAIL, admin.email or "No e-mail address is given")


def TIME(world: World, user: User, message: Message) -> None:
    """TIME [<server>]"""
    if _is_here(world, user, _target(message)):
        now = world.now()
        user.reply(numerics.RPL_TIME, world.name, str(int(now)), "0", _date(now))


def _date(when: float) -> str:
    return datetime.fromtimestamp(int(when), UTC).strftime("%A %B %d %Y -- %H:%M:%S +00:00")


def LUSERS(world: World, user: User, message: Message) -> None:
    """LUSERS [<mask> [<target>]]: in every welcome too, so nothing is counted here that is not counted already."""
    if not _is_here(world, user, _target(message, 1)):
        return
    users, invisible, most = len(world.users), len(world.bearers["i"]), str(world.counters.most_users)
    user.reply(numerics.RPL_LUSERCLIENT, str(users - invisible), str(invisible), "1")
    user.reply(numerics.RPL_LUSEROP, str(len(world.bearers["o"])))
    user.reply(numerics.RPL_LUSERUNKNOWN, str(len(world.connections) - users))
    user.reply(numerics.RPL_LUSERCHANNELS, str(len(world.channels)))
    user.reply(numerics.RPL_LUSERME, str(users), "0")
    user.reply(numerics.RPL_LOCALUSERS, str(users), most)
    user.reply(numerics.RPL_GLOBALUSERS, str(users), most)


def LINKS(world: World, user: User, message: Message) -> None:
    """LINKS [[<server>] <mask>]"""
    if len(message.params) > 1 and not _is_here(world, user, message.params[0]):
        return
    if not message.params or world.is_named(message.params[-1]):
        user.reply(numerics.RPL_LINKS, world.name, world.config.description)
    user.reply(numerics.RPL_ENDOFLINKS)


def MAP(world: World, user: User, message: Message) -> None:
    """MAP: the network as a tree; ours is its root alone."""
    user.reply(numerics.RPL_MAP, f"{world.name} [{len(world.users)} users]")
    user.reply(numerics.RPL_MAPEND)


def USERS(world: World, user: User, message: Message) -> None:
    """USERS: who is logged in at the terminals of the host; "for security related reasons", nobody tells (RFC 2812 4.6)."""
    user.reply(numerics.ERR_USERSDISABLED)


def SUMMON(world: World, user: User, message: Message) -> None:
    """SUMMON <user> [<target> [<channel>]]: to call one of those to a channel; where that is not done, 445 says so (RFC 2812 4.5)."""
    user.reply(numerics.ERR_SUMMONDISABLED)


def CONNECT(world: World, user: User, message: Message) -> None:
    """CONNECT <target server> [<port> [<remote server>]] (Modern IRC: CONNECT): a server is a network of its own, and links to none."""
    user.reply(numerics.ERR_NOSUCHSERVER, middle(message.params[0]))


def SQUIT(world: World, user: User, message: Message) -> None:
    """SQUIT <server> <comment> (Modern IRC: SQUIT): so there is none either to part with, by whatever name."""
    user.reply(numerics.ERR_NOSUCHSERVER, middle(message.params[0]))


# --- STATS

Line: TypeAlias = tuple[numerics.Numeric, tuple[str, ...]]
"""One line of a report: its numeric, and the values for it."""


def STATS(world: World, user: User, message: Message) -> None:
    """STATS <query> [<server>] (Modern IRC: STATS; RFC 2812 3.4.4): a query nobody knows has an empty answer."""
    if not _is_here(world, user, _target(message, 1)):
        return
    query = message.params[0][:1]
    report = _REPORTS.get(query)
    if report is not None and query not in OPEN and (user.oper is None or not user.oper.may("stats")):
        if user.oper is None:
            user.reply(numerics.ERR_NOPRIVILEGES)
        else:
            user.reply(numerics.ERR_NOPRIVS, "stats")
        report = None
    world.stream(user, _stats(world, user, query, report))


def _stats(world: World, user: User, query: str, report: Callable[[World], Iterator[Line]] | None) -> Iterator[Message]:
    for numeric, values in report(world) if report is not None else ():
        yield Message(numeric.code, numeric.params(user.nick, *values), world.name)
    end = numerics.RPL_ENDOFSTATS
    yield Message(end.code, end.params(user.nick, middle(query)), world.name)


def _uptime(world: World) -> Iterator[Line]:
    minutes, seconds = divmod(int(world.now() - world.started), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    yield numerics.RPL_STATSUPTIME, (str(days), f"{hours}:{minutes:02}:{seconds:02}")
    counted = world.counters
    yield numerics.RPL_STATSCONN, (str(counted.most_users), str(counted.most_users), str(counted.connections))


def _commands(world: World) -> Iterator[Line]:
    for command, count in sorted(world.counters.commands.items()):
        yield numerics.RPL_STATSCOMMANDS, (command, str(count))


def _klines(world: World) -> Iterator[Line]:
    for ban in world.accounts.bans:
        if ban.kind == "K":
            name, _, host = ban.mask.rpartition("@")
            yield numerics.RPL_STATSKLINE, (address(host), name, _told(world, ban))


def _dlines(world: World) -> Iterator[Line]:
    for ban in world.accounts.bans:
        if ban.kind == "D":
            yield numerics.RPL_STATSDLINE, (address(ban.mask), _told(world, ban))


def _told(world: World, ban: Ban) -> str:
    return f"{ban.reason} (by {ban.by}, {time_left(ban, world.now())})"


def _operator_blocks(world: World) -> Iterator[Line]:
    for name, block in sorted(world.config.opers.items()):
        for host in block.hosts or ("*@*",):
            yield numerics.RPL_STATSOLINE, (host, name)


def _operators(world: World) -> Iterator[Line]:
    for user in sorted(world.bearers["o"], key=lambda user: user.key):
        yield numerics.RPL_STATSDEBUG, ("p", f"{user.nick} ({user.user}@{user.host})")


def _refusals(world: World) -> Iterator[Line]:
    for reason, count in sorted(world.counters.refused.items()):
        yield numerics.RPL_STATSDEBUG, ("t", f"{count} refused: {reason}")


_REPORTS: Final[dict[str, Callable[[World], Iterator[Line]]]] = {
    "u": _uptime,
    "m": _commands,
    "k": _klines,
    "K": _klines,
    "d": _dlines,
    "D": _dlines,
    "o": _operator_blocks,
    "O": _operator_blocks,
    "p": _operators,
    "P": _operators,
    "t": _refusals,
    "T": _refusals,
}

OPEN: Final = "ump"
"""What everyone may ask; who is kept away, and who may become an operator, is for operators."""
