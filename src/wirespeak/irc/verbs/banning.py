"""KLINE, DLINE and their undoing: operators keep somebody away from the server (RFC 2812 has none of it; every network does). Pure.

    C: KLINE 1d ~ann@192.0.2.0/24 :spam    S: NOTICE ann :K-line on ~ann@192.0.2.0/24 for 1 day, 0:00:00: spam
                                           S: to whom it concerns 465, and ERROR :Closing Link: … (K-lined: spam)

A ban is answered once it is on the disk. Operators who are here are spared, so that a mask that fits too many can be taken back.
"""

from __future__ import annotations

from collections.abc import Callable

from wirespeak.errors import Refused, StorageError, TextError
from wirespeak.irc import numerics
from wirespeak.irc.bans import FOREVER, Bans, read_address, read_duration, read_mask, time_left
from wirespeak.irc.grammar import REASON_SIZE
from wirespeak.irc.kept import Ban
from wirespeak.irc.messages import Message, cut
from wirespeak.irc.users import User
from wirespeak.irc.verbs.operator import tell_operators
from wirespeak.irc.words import address, middle
from wirespeak.irc.world import World

__all__ = ["DLINE", "KLINE", "UNDLINE", "UNKLINE"]


def KLINE(world: World, user: User, message: Message) -> None:
    """KLINE [<duration>] <user@host | nick> [:<reason>]"""
    seconds, words = _duration(message.params)
    mask = words[0]
    if "@" not in mask:
        target = world.find(mask)
        if target is None:
            user.reply(numerics.ERR_NOSUCHNICK, middle(mask))
            return
        mask = f"*@{target.ip or target.real_host}"
    try:
        mask = read_mask(mask)
    except TextError as error:
        user.fail("KLINE", "INVALID_MASK", middle(mask), str(error))
        return
    world.later(user, _keep(world, user, _ban(world, user, "K", mask, seconds, words[1:])))


def DLINE(world: World, user: User, message: Message) -> None:
    """DLINE [<duration>] <address | network | nick> [:<reason>]"""
    seconds, words = _duration(message.params)
    target = world.find(words[0])
    try:
        mask = read_address(words[0] if target is None else target.ip)
    except TextError as error:
        user.fail("DLINE", "INVALID_MASK", middle(words[0]), str(error))
        return
    world.later(user, _keep(world, user, _ban(world, user, "D", mask, seconds, words[1:])))


def _duration(params: list[str]) -> tuple[float, list[str]]:
    """How long a ban is to hold, and the words behind that."""
    seconds = read_duration(params[0]) if len(params) > 1 else None
    return (FOREVER, params) if seconds is None else (seconds, params[1:])


def _ban(world: World, user: User, kind: str, mask: str, seconds: float, reason: list[str]) -> Ban:
    now = world.now()
    text = cut(" ".join(reason).strip(), REASON_SIZE) or "No reason given"
    return Ban("D" if kind == "D" else "K", mask, text, user.nick, now, None if seconds == FOREVER else now + seconds)


async def _keep(world: World, user: User, ban: Ban) -> None:
    command = f"{ban.kind}LINE"
    try:
        await world.accounts.add_ban(ban)
    except (Refused, StorageError) as error:
        user.fail(command, "CANNOT_KEEP", address(ban.mask), str(error))
        return
    world.bans.drop_over(world.now())
    world.bans.add(ban)
    told = f"{ban.kind}-line on {ban.mask} {time_left(ban, ban.at)}: {ban.reason}"
    user.notice(told)
    tell_operators(world, f"{user.nick} set a {told}", user)
    _cut_off(world, ban)


def _cut_off(world: World, ban: Ban) -> None:
    """End the connections of all whom ``ban`` concerns."""
    alone, now = Bans([ban]), world.now()
    for user in list(world.connections):
        met = alone.of_address(user.ip, now) if ban.kind == "D" else user.registered and alone.of_user(user, now)
        if met and user.oper is None:
            params = numerics.ERR_YOUREBANNEDCREEP.params(user.nick, f"You are banned from this server: {ban.reason}")
            world.relay(Message(numerics.ERR_YOUREBANNEDCREEP.code, params, world.name), msgid=False).deliver(user)
            world.dismiss(user, f"{ban.kind}-lined: {ban.reason}")


def UNKLINE(world: World, user: User, message: Message) -> None:
    """UNKLINE <user@host>"""
    _undo(world, user, "K", message, read_mask)


def UNDLINE(world: World, user: User, message: Message) -> None:
    """UNDLINE <address | network>"""
    _undo(world, user, "D", message, read_address)


def _undo(world: World, user: User, kind: str, message: Message, read: Callable[[str], str]) -> None:
    text = message.params[0]
    try:
        mask = read(text)
    except TextError as error:
        user.fail(message.command, "INVALID_MASK", middle(text), str(error))
        return
    world.later(user, _lift(world, user, kind, mask))


async def _lift(world: World, user: User, kind: str, mask: str) -> None:
    try:
        there = await world.accounts.remove_ban(kind, mask)
    except StorageError as error:
        user.fail(f"UN{kind}LINE", "CANNOT_KEEP", address(mask), str(error))
        return
    if not there:
        user.fail(f"UN{kind}LINE", "NO_SUCH_BAN", address(mask), f"There is no {kind}-line on that")
        return
    world.bans.remove(kind, mask)
    user.notice(f"The {kind}-line on {mask} is lifted")
    tell_operators(world, f"{user.nick} lifted the {kind}-line on {mask}", user)
