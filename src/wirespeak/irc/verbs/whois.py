"""WHOIS and WHOWAS: what one may know of somebody who is here, and of who was (Modern IRC: WHOIS, WHOWAS; RFC 2812 3.6.2, 3.6.3). Pure.

    C: WHOIS bob               S: 311 ann bob ~bob host * :Bob
                               S: 319 ann bob :@#lobby
                               S: 312 …  317 …  330 …
                               S: 318 ann bob :End of /WHOIS list

Real hosts, addresses, modes and certificates are told to operators, and to oneself.
"""

from __future__ import annotations

from datetime import UTC, datetime

from wirespeak.irc import numerics
from wirespeak.irc.capabilities import MULTI_PREFIX
from wirespeak.irc.channels import TARGETS
from wirespeak.irc.messages import Message
from wirespeak.irc.modes import EVERY_SYMBOL, HIGHEST_SYMBOL
from wirespeak.irc.service_names import SERVICES
from wirespeak.irc.users import User
from wirespeak.irc.visibility import knows_all_of, shown_channels
from wirespeak.irc.whowas import Past
from wirespeak.irc.words import address, lines_of, middle, room_behind
from wirespeak.irc.world import World

__all__ = ["WHOIS", "WHOWAS"]


def WHOIS(world: World, user: User, message: Message) -> None:
    """WHOIS [<server | nick>] <nick>{,<nick>}"""
    *target, nicks = message.params or [""]
    if not nicks:
        user.reply(numerics.ERR_NONICKNAMEGIVEN)
        return
    if target and not world.is_named(target[0]) and world.find(target[0]) is None and world.fold(target[0]) not in SERVICES:
        user.reply(numerics.ERR_NOSUCHSERVER, middle(target[0]))
        return
    for nick in nicks.split(",")[: TARGETS[message.command]]:
        one = world.find(nick)
        if one is not None:
            _tell(world, user, one)
        elif nick:
            _tell_service(world, user, nick)
    user.reply(numerics.RPL_ENDOFWHOIS, middle(nicks))


def _tell(world: World, asker: User, user: User) -> None:
    nick, account = user.nick, user.account
    asker.reply(numerics.RPL_WHOISUSER, nick, user.user, user.host, user.realname)
    if knows_all_of(asker, user):
        asker.reply(numerics.RPL_WHOISACTUALLY, nick, f"{user.user}@{user.real_host}", address(user.ip or user.real_host))
        asker.reply(numerics.RPL_WHOISMODES, nick, f"+{''.join(sorted(user.modes))}")
        if user.fingerprint:
            asker.reply(numerics.RPL_WHOISCERTFP, nick, user.fingerprint)
    symbols = EVERY_SYMBOL if asker.caps & MULTI_PREFIX else HIGHEST_SYMBOL
    channels = [f"{symbols[channel.members[user]]}{channel.name}" for channel in shown_channels(asker, user)]
    for line in lines_of(channels, room_behind(world.name, asker.nick, nick)):
        asker.reply(numerics.RPL_WHOISCHANNELS, nick, line)
    asker.reply(numerics.RPL_WHOISSERVER, nick, world.name, world.config.description)
    if user.away is not None:
        asker.reply(numerics.RPL_AWAY, nick, user.away)
    if user.oper is not None:
        asker.reply(numerics.RPL_WHOISOPERATOR, nick, f"is {user.oper.title}")
    if "B" in user.modes:
        asker.reply(numerics.RPL_WHOISBOT, nick, f"is a bot on {world.config.network}")
    if account is not None:
        owner = world.accounts.owner(nick)
        if owner is not None and world.fold(owner.name) == world.fold(account):
            asker.reply(numerics.RPL_WHOISREGNICK, nick)
        asker.reply(numerics.RPL_WHOISACCOUNT, nick, account)
    if user.secure:
        asker.reply(numerics.RPL_WHOISSECURE, nick)
    asker.reply(numerics.RPL_WHOISIDLE, nick, str(max(0, int(world.now() - user.last_spoke))), str(int(user.signon)))


def _tell_service(world: World, asker: User, nick: str) -> None:
    """Whoever has no connection but answers all the same: NickServ and its like; or 401."""
    name = SERVICES.get(world.fold(nick))
    if name is None:
        asker.reply(numerics.ERR_NOSUCHNICK, middle(nick))
        return
    asker.reply(numerics.RPL_WHOISUSER, name, "services", world.name, f"{name}, a part of this server")
    asker.reply(numerics.RPL_WHOISSERVER, name, world.name, world.config.description)
    asker.reply(numerics.RPL_WHOISOPERATOR, name, "is a network service")


def WHOWAS(world: World, user: User, message: Message) -> None:
    """WHOWAS <nick>{,<nick>} [<count> [<server>]]"""
    nicks, count, target, *_ = [*message.params, "", "", ""]
    if not nicks:
        user.reply(numerics.ERR_NONICKNAMEGIVEN)
        return
    if target and not world.is_named(target):
        user.reply(numerics.ERR_NOSUCHSERVER, middle(target))
        return
    for nick in nicks.split(",")[: TARGETS[message.command]]:
        found = world.whowas.find(nick, int(count[:4]) if count.isascii() and count.isdigit() else 0)
        for past in found:
            _recall(world, user, past)
        if not found:
            user.reply(numerics.ERR_WASNOSUCHNICK, middle(nick))
    user.reply(numerics.RPL_ENDOFWHOWAS, middle(nicks))


def _recall(world: World, asker: User, past: Past) -> None:
    asker.reply(numerics.RPL_WHOWASUSER, past.nick, past.user, past.host, past.realname)
    if asker.oper is not None:
        asker.reply(numerics.RPL_WHOISACTUALLY, past.nick, f"{past.user}@{past.real_host}", address(past.ip or past.real_host))
        if past.account is not None:
            asker.reply(numerics.RPL_WHOISACCOUNT, past.nick, past.account, "was logged in as")
    left = datetime.fromtimestamp(int(past.until), UTC).strftime("%a %b %d %Y %H:%M:%S UTC")
    asker.reply(numerics.RPL_WHOISSERVER, past.nick, world.name, left)
