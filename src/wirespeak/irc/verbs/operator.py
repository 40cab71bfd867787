"""What operators of the server do: OPER, KILL, WALLOPS, REHASH, DIE, and to others SAJOIN, SAPART, SANICK, CHGHOST, CHGIDENT. Pure.

    C: OPER ann secret         S: 381 ann :You are now an IRC operator      S: :ann!~ann@host MODE ann :+o
    C: KILL bob :spam          S: to bob KILL, QUIT and ERROR; to who shares a channel :bob!… QUIT :Killed (ann (spam))

Who may do what stands in the configuration (`config.Oper`), and is looked at before a verb is called. The other operators are told of
it all. K-lines and D-lines stand in ``banning.py``.
"""

from __future__ import annotations

import hmac
from typing import Final

from wirespeak.errors import StorageError, TextError
from wirespeak.irc import numerics
from wirespeak.irc.config import Oper
from wirespeak.irc.grammar import CHANNEL, HOST, NICKNAME, REASON_SIZE, USER
from wirespeak.irc.masks import Mask
from wirespeak.irc.messages import Message, cut
from wirespeak.irc.service_names import SERVICES
from wirespeak.irc.users import User
from wirespeak.irc.verbs.channel import join, leave
from wirespeak.irc.verbs.negotiation import reconfigure
from wirespeak.irc.words import middle
from wirespeak.irc.world import World
from wirespeak.sasl import ITERATIONS, SALT, ScramKeys

__all__ = ["CHGHOST", "CHGIDENT", "DIE", "KILL", "OPER", "REHASH", "RESTART", "SAJOIN", "SANICK", "SAPART", "WALLOPS", "tell_operators"]

KEYS: Final = "SCRAM-SHA-256$"
"""What keys begin with in the configuration (RFC 5803); anything else there is the password itself."""

DECOY: Final = ScramKeys(ITERATIONS, bytes(SALT), bytes(32), bytes(32))
"""Keys that no password fits: with them a name that is nobody's takes as long as any other."""


def tell_operators(world: World, text: str, *but: User) -> None:
    """A notice to all operators but those who know it already."""
    for user in world.bearers["o"]:
        if user not in but:
            world.relay(Message("NOTICE", [user.nick, f"*** {text}"], world.name)).deliver(user)


# --- becoming one


def OPER(world: World, user: User, message: Message) -> None:
    """OPER <name> <password> (Modern IRC: OPER)"""
    name, password, *_ = message.params
    if not world.is_private(user):
        user.reply(numerics.ERR_NOOPERHOST, "Say that password over TLS, or others hear it too")
        return
    # Failures are counted by address alone: by name, whoever fails often enough would keep the operator out.
    if world.accounts.too_many(user.ip):
        user.reply(numerics.ERR_PASSWDMISMATCH, "Too many attempts failed: try again in some minutes")
        return
    world.later(user, _oper(world, user, name, password))


async def _oper(world: World, user: User, name: str, password: str) -> None:
    block = world.config.opers.get(name)
    right = await world.outside.work(lambda: _fits("" if block is None else block.password, password))
    if block is None or not right:
        world.accounts.failed(user.ip, "")
        user.reply(numerics.ERR_PASSWDMISMATCH)
        tell_operators(world, f"{user.prefix} failed to become the operator {middle(name)}", user)
    elif (block.hosts and not any(Mask(host).matches(user) for host in block.hosts)) or (block.secure and not user.secure):
        user.reply(numerics.ERR_NOOPERHOST)
        tell_operators(world, f"{user.prefix} may not be the operator {name} from there", user)
    else:
        _make_operator(world, user, name, block)


def _fits(kept: str, password: str) -> bool:
    """Whether ``password`` is the one that is ``kept``: as keys, or as it is ("": nobody's). Takes long, and as long for each."""
    if kept.startswith(KEYS):
        return ScramKeys.parse(kept).check(password)
    DECOY.check(password)
    return kept != "" and hmac.compare_digest(kept.encode(), password.encode())


def _make_operator(world: World, user: User, name: str, block: Oper) -> None:
    user.oper = block
    user.session.exempt = True
    user.reply(numerics.RPL_YOUREOPER)
    if world.set_mode(user, "o", True):
        world.relay(Message("MODE", [user.nick, "+o"], user.prefix), user).answer(user)
    tell_operators(world, f"{user.prefix} is now an operator ({name})", user)


# --- to all


def KILL(world: World, user: User, message: Message) -> None:
    """KILL <nick> :<comment> (Modern IRC: KILL)"""
    nick, comment, *_ = message.params
    target = _target(world, user, nick)
    if target is None:
        return
    comment = cut(comment or "No reason given", REASON_SIZE)
    reason = f"Killed ({user.nick} ({comment}))"
    world.relay(Message("KILL", [target.nick, comment], user.prefix), user, msgid=False).to(target)
    # "The user being killed and every user sharing a channel with them receives a QUIT message" (Modern IRC: KILL)
    world.relay(Message("QUIT", [reason], target.prefix), target).to(target)
    tell_operators(world, f"{user.nick} killed {target.prefix} ({comment})", user, target)
    world.dismiss(target, reason)


def WALLOPS(world: World, user: User, message: Message) -> None:
    """WALLOPS :<text> (Modern IRC: WALLOPS)"""
    text = message.params[0]
    if not text:
        user.reply(numerics.ERR_NEEDMOREPARAMS, "WALLOPS")
        return
    world.relay(Message("WALLOPS", [text], user.prefix), user).to_all(world.bearers["w"])


def REHASH(world: World, user: User, message: Message) -> None:
    """REHASH (Modern IRC: REHASH)"""
    user.reply(numerics.RPL_REHASHING, "configuration")
    if world.outside.reload is not None:
        world.later(user, _rehash(world, user))
    else:
        user.notice("The server was started without a configuration file: there is nothing to read anew")


async def _rehash(world: World, user: User) -> None:
    assert world.outside.reload is not None
    try:
        config = await world.outside.reload()
    except (TextError, StorageError) as error:
        user.notice(f"The configuration stays as it was: {error}")
        return
    reconfigure(world, config)
    user.notice("The configuration is read anew")
    tell_operators(world, f"{user.nick} had the configuration read anew", user)


def DIE(world: World, user: User, message: Message) -> None:
    """DIE (RFC 2812 4.3)"""
    if world.outside.stop is None:
        user.reply(numerics.ERR_UNKNOWNERROR, "DIE", "This server is stopped where it was started")
    else:
        tell_operators(world, f"{user.nick} stops the server")
        world.outside.stop()


def RESTART(world: World, user: User, message: Message) -> None:
    """RESTART (RFC 2812 4.4): whoever watches over the program starts it anew; "may be viewed as a risk" (Modern IRC: RESTART)."""
    user.reply(numerics.ERR_UNKNOWNERROR, "RESTART", "Not offered: stop the server, and start it where it was started")


# --- to one


def _target(world: World, user: User, nick: str) -> User | None:
    """Whom ``nick`` means; if nobody, that is said."""
    target = world.find(nick)
    if target is None:
        if world.is_named(nick) or world.fold(nick) in SERVICES:
            user.reply(numerics.ERR_CANTKILLSERVER)
        else:
            user.reply(numerics.ERR_NOSUCHNICK, middle(nick))
    return target


def SAJOIN(world: World, user: User, message: Message) -> None:
    """SAJOIN <nick> <channel>{,<channel>}"""
    target = _target(world, user, message.params[0])
    if target is None:
        return
    for name in message.params[1].split(","):
        if CHANNEL.fullmatch(name) is None:
            user.reply(numerics.ERR_NOSUCHCHANNEL, middle(name))
            continue
        join(world, target, name, forced=True)
        tell_operators(world, f"{user.nick} took {target.prefix} into {name}", user)


def SAPART(world: World, user: User, message: Message) -> None:
    """SAPART <nick> <channel>{,<channel>} [:<reason>]"""
    nick, names, *reason = message.params
    target = _target(world, user, nick)
    if target is None:
        return
    for name in names.split(","):
        channel = world.channel(name)
        if channel is None or target not in channel.members:
            user.reply(numerics.ERR_USERNOTINCHANNEL, target.nick, middle(name))
            continue
        leave(world, target, channel, [cut(reason[0], REASON_SIZE)] if reason else [])
        tell_operators(world, f"{user.nick} took {target.prefix} out of {channel.name}", user)


def SANICK(world: World, user: User, message: Message) -> None:
    """SANICK <nick> <newnick>"""
    target, nick = _target(world, user, message.params[0]), message.params[1]
    if target is None:
        return
    holder = world.find(nick)
    if NICKNAME.fullmatch(nick) is None:
        user.reply(numerics.ERR_ERRONEUSNICKNAME, middle(nick))
    elif (holder is not None and holder is not target) or world.fold(nick) in SERVICES:
        user.reply(numerics.ERR_NICKNAMEINUSE, nick)
    elif nick != target.nick:
        tell_operators(world, f"{user.nick} renamed {target.prefix} to {nick}", user)
        world.rename(target, nick)


def CHGHOST(world: World, user: User, message: Message) -> None:
    """CHGHOST <nick> [<user>] <host> (told as IRCv3 chghost has it)"""
    nick, *names = message.params[:3]
    target = _target(world, user, nick)
    if target is not None:
        _change(world, user, "CHGHOST", target, names[0] if len(names) > 1 else target.user, names[-1])


def CHGIDENT(world: World, user: User, message: Message) -> None:
    """CHGIDENT <nick> <user>"""
    target = _target(world, user, message.params[0])
    if target is not None:
        _change(world, user, "CHGIDENT", target, message.params[1], target.host)


def _change(world: World, user: User, command: str, target: User, name: str, host: str) -> None:
    if USER.fullmatch(name) is None:
        user.fail(command, "INVALID_USER", middle(name), "That is no user name")
    elif HOST.fullmatch(host) is None:
        user.fail(command, "INVALID_HOST", middle(host), "That is no host")
    else:
        tell_operators(world, f"{user.nick} changed {target.prefix} to {name}@{host}", user)
        shown = target.host
        world.change_host(target, name, host)
        if host != shown:
            message = Message(numerics.RPL_VISIBLEHOST.code, numerics.RPL_VISIBLEHOST.params(target.nick, host), world.name)
            relay = world.relay(message, msgid=False)
            (relay.answer if target is user else relay.deliver)(target)
