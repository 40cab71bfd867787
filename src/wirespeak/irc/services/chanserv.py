"""ChanServ: channels that are somebody's, and who may do what in them. Each command is a coroutine; `COMMANDS` is the table of them. Pure.

What somebody may do goes by the access of their account, not by the prefix that they have at the moment:

    founder              all
    SOP (a)              gives and takes what is below, and access below
    AOP (o)              gives and takes o, h and v; kicks, invites, unbans
    HOP (h), VOP (v)     h: gives and takes v
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from typing import Final

from wirespeak.errors import Refused
from wirespeak.irc.channels import INVITATIONS, Channel, Invitation
from wirespeak.irc.grammar import KICK_SIZE
from wirespeak.irc.kept import ACCESS, OPTIONS, Account, KeptChannel, key_of
from wirespeak.irc.masks import Glob
from wirespeak.irc.messages import Message, cut
from wirespeak.irc.modes import FOUNDER, HALFOP, MEMBER_MODES, OPERATOR, RANKS, Change
from wirespeak.irc.ownership import held_by
from wirespeak.irc.service_names import CHANSERV, source
from wirespeak.irc.services.request import Command, Request, help_on
from wirespeak.irc.users import User

__all__ = ["COMMANDS"]

LISTED: Final = 100
"""Channels in one answer of LIST."""

LEVELS: Final = {**{name: letter for letter, name in ACCESS.items()}, **{letter.upper(): letter for letter in ACCESS}}
"""What people call the levels of access → the prefix mode."""

NEEDED: Final = {"a": FOUNDER, "o": RANKS["a"], "h": RANKS["a"], "v": RANKS["a"]}
"""The rank that it takes to give that access."""

GIVING: Final = {"o": OPERATOR, "h": OPERATOR, "v": HALFOP}
"""The rank that it takes to give that prefix."""


def _kept(request: Request) -> KeptChannel:
    """The registered channel that is named first. Raises `Refused`."""
    kept = request.world.accounts.channel(request.words[0])
    if kept is None:
        raise Refused(f"{request.words[0]} is not registered")
    return kept


def _present(request: Request) -> Channel:
    """The channel that is named first, somebody being in it. Raises `Refused`."""
    channel = request.world.channel(request.words[0])
    if channel is None:
        raise Refused(f"Nobody is in {request.words[0]}")
    return channel


def _rank(request: Request, kept: KeptChannel, account: Account | None = None) -> int:
    """The rank that an account, the asker's where none is given, has in ``kept`` by its access."""
    return RANKS[held_by(kept, account or request.account)]


def _need(request: Request, kept: KeptChannel, rank: int) -> None:
    if _rank(request, kept) < rank:
        raise Refused(f"You have not enough access in {kept.name}")


def _member(request: Request, channel: Channel, nick: str) -> User:
    user = request.present(nick)
    if user not in channel.members:
        raise Refused(f"{nick} is not in {channel.name}")
    return user


# --- whose it is


async def _register(request: Request) -> None:
    world, account, channel = request.world, request.account, _present(request)
    if channel.rank(request.user) < OPERATOR:
        raise Refused(f"You are no operator of {channel.name}")
    picture = request.ownership.picture(channel, True)
    kept = KeptChannel(channel.name, key_of(account), world.now(), channel.created, **picture)
    await world.accounts.register_channel(kept)
    request.say(f"{channel.name} is registered, and {account.name}'s")
    if world.channels.get(channel.key) is channel:
        request.ownership.registered(channel, True)
        if request.user in channel.members:
            request.ownership.give(channel, request.user, "qo", True)


async def _drop(request: Request) -> None:
    world, kept = request.world, _kept(request)
    if request.user.oper is None:
        _need(request, kept, FOUNDER)
    if world.fold(request.word(1)) != world.fold(kept.name):
        raise Refused(f"That can't be taken back: say DROP {kept.name} {kept.name}, if you mean it")
    await world.accounts.drop_channel(kept.name)
    request.say(f"{kept.name} is nobody's any more")
    channel = world.channel(kept.name)
    if channel is not None:
        request.ownership.registered(channel, False)


async def _transfer(request: Request) -> None:
    world, kept, account = request.world, _kept(request), request.known(request.words[1])
    _need(request, kept, FOUNDER)
    before = request.account
    await world.accounts.transfer(kept.name, account)
    request.say(f"{kept.name} is {account.name}'s")
    _hand_out(request, kept.name, before)
    _hand_out(request, kept.name, account)


async def _info(request: Request) -> None:
    accounts, kept = request.world.accounts, _kept(request)
    founder = accounts.get(kept.founder)
    request.say(f"{kept.name}, registered {datetime.fromtimestamp(kept.registered, UTC):%Y-%m-%d %H:%M UTC}")
    request.say(f"Founder: {founder.name if founder else kept.founder}")
    if kept.options:
        request.say(f"Options: {', '.join(kept.options)}")
    if kept.topic and "s" not in kept.modes:
        request.say(f"Topic: {kept.topic}")


async def _set(request: Request) -> None:
    kept, what, value = _kept(request), request.words[1].lower(), request.words[2]
    if what == "founder":
        request.words[1:] = [value]
        await _transfer(request)
        return
    if what not in OPTIONS or value.upper() not in ("ON", "OFF"):
        raise Refused(f"Expected: SET {COMMANDS['SET'].usage}")
    _need(request, kept, FOUNDER)
    options = tuple(one for one in OPTIONS if (value.upper() == "ON" if one == what else one in kept.options))
    await request.world.accounts.change_channel(kept.name, options=options)
    request.say(f"{what.upper()} of {kept.name} is {value.upper()}")


# --- who has access


async def _access(request: Request) -> None:
    kept, what = _kept(request), request.word(1, "LIST").upper()
    if what == "LIST":
        _list_access(request, kept)
    elif what == "ADD" and request.word(3).upper() in LEVELS:
        await _give_access(request, kept, request.words[2], LEVELS[request.words[3].upper()])
    elif what == "DEL" and request.word(2):
        await _give_access(request, kept, request.words[2], "")
    else:
        raise Refused(f"Expected: ACCESS {COMMANDS['ACCESS'].usage}")


async def _flags(request: Request) -> None:
    kept, change = _kept(request), request.word(2)
    name = request.word(1)
    if change and name[:1] in ("+", "-"):
        name, change = change, name  # as AMODE has it: +o ann
    if not name:
        _list_access(request, kept)
    elif not change:
        held = held_by(kept, request.known(name))
        request.say(f"{name} in {kept.name}: {f'+{held}' if held else 'no access'}")
    elif len(change) == 2 and change[0] in "+-" and change[1] in ACCESS:
        given = kept.access.get(key_of(request.known(name)), "")
        if change[0] == "-" and given != change[1]:
            raise Refused(f"{name} has no +{change[1]} in {kept.name}")
        await _give_access(request, kept, name, change[1] if change[0] == "+" else "")
    else:
        raise Refused(f"Expected: FLAGS {COMMANDS['FLAGS'].usage}")


def _list_access(request: Request, kept: KeptChannel) -> None:
    accounts = request.world.accounts
    if request.user.oper is None:
        _need(request, kept, RANKS["v"])
    for key, flag in [(kept.founder, "q"), *kept.access.items()]:
        account = accounts.get(key)
        request.say(f"  {account.name if account else key}  {ACCESS.get(flag, 'founder')} (+{flag})")
    request.say(f"{len(kept.access) + 1} in {kept.name}")


async def _give_access(request: Request, kept: KeptChannel, name: str, flag: str) -> None:
    world, account = request.world, request.known(name)
    before = kept.access.get(key_of(account), "")
    if kept.founder == key_of(account):
        raise Refused(f"{account.name} is the founder of {kept.name}")
    if not flag and not before:
        raise Refused(f"{account.name} has no access in {kept.name}")
    if not (not flag and key_of(account) == key_of(request.account)):  # one's own access anyone may give up
        _need(request, kept, max(NEEDED[one] for one in (before, flag) if one))
    kept = await world.accounts.set_access(kept.name, account, flag)
    request.say(f"{account.name} is {ACCESS[flag]} in {kept.name}" if flag else f"{account.name} has no access in {kept.name} any more")
    _hand_out(request, kept.name, account)


def _hand_out(request: Request, name: str, account: Account) -> None:
    """Whoever is in the channel by ``account`` has what it gives them now, and nothing more."""
    ownership, channel, kept = request.ownership, request.world.channel(name), request.world.accounts.channel(name)
    if channel is None or kept is None:
        return
    held = held_by(kept, account)
    for user in [one for one in channel.members if one.account == account.name]:
        ownership.give(channel, user, "".join(letter for letter in MEMBER_MODES if letter not in held), False)
        ownership.give(channel, user, held, True)


# --- what access lets one do


async def _prefix(letter: str, holds: bool, request: Request) -> None:
    """OP, DEOP and the like: of the asker, or of those named."""
    kept, channel = _kept(request), _present(request)
    _need(request, kept, GIVING[letter])
    for nick in request.words[1:] or [request.user.nick]:
        user = _member(request, channel, nick)
        if not holds:
            _guard(request, kept, user)
        request.ownership.give(channel, user, letter, holds)


def _guard(request: Request, kept: KeptChannel, user: User) -> None:
    """Raises `Refused` where ``user``'s access is above the asker's."""
    account = request.ownership.account_of(user)
    if account is not None and _rank(request, kept, account) > _rank(request, kept):
        raise Refused(f"{user.nick} has more access in {kept.name} than you")


async def _kick(request: Request) -> None:
    kept, channel = _kept(request), _present(request)
    _need(request, kept, HALFOP)
    user = _member(request, channel, request.words[1])
    _guard(request, kept, user)
    reason = cut(f"{' '.join(request.words[2:]) or 'Requested'} ({request.user.nick})", KICK_SIZE)
    kick = Message("KICK", [channel.name, user.nick, reason], source(CHANSERV, request.world.name))
    request.world.relay(kick).to_all(channel.members)
    request.world.leave(user, channel)


async def _invite(request: Request) -> None:
    kept, channel = _kept(request), _present(request)
    _need(request, kept, RANKS["v"])
    user = request.present(request.word(1, request.user.nick))
    if user is not request.user:
        _need(request, kept, HALFOP)
    if user in channel.members:
        raise Refused(f"{user.nick} is in {channel.name} already")
    user.invited.pop(channel.key, None)
    user.invited[channel.key] = Invitation(channel, _rank(request, kept) >= OPERATOR)
    if len(user.invited) > INVITATIONS:
        del user.invited[next(iter(user.invited))]
    request.world.relay(Message("INVITE", [user.nick, channel.name], source(CHANSERV, request.world.name))).to(user)
    request.say(f"{user.nick} is invited to {channel.name}")


async def _unban(request: Request) -> None:
    kept, channel = _kept(request), _present(request)
    _need(request, kept, HALFOP)
    user = request.present(request.word(1, request.user.nick))
    bans = [entry for entry in channel.lists["b"] if entry.matches(user)]
    for entry in bans:
        channel.strike("b", entry)
    request.ownership.tell(channel, [Change(False, "b", entry.mask) for entry in bans])
    request.ownership.changed(channel)
    request.say(f"{len(bans)} bans that concern {user.nick} are lifted in {channel.name}")


async def _list(request: Request) -> None:
    request.need_operator()
    glob = Glob(request.word(0, "*"))
    found = [kept for kept in request.world.accounts.channels() if glob.matches(kept.name)]
    for kept in sorted(found, key=key_of)[:LISTED]:
        request.say(f"  {kept.name}  of {kept.founder}")
    request.say(f"{len(found)} channels{f', of which these are {LISTED}' if len(found) > LISTED else ''}")


async def _help(request: Request) -> None:
    help_on(request, COMMANDS, f"{CHANSERV} keeps channels: theirs who registered them, and as they were, whoever comes and goes.")


def _giving(letter: str, holds: bool) -> Callable[[Request], Awaitable[None]]:
    return partial(_prefix, letter, holds)


COMMANDS: Final = {
    "REGISTER": Command("<#channel>", 1, "Makes a channel yours, whose operator you are.", _register),
    "DROP": Command("<#channel> <#channel>", 1, "Makes a channel nobody's. It can't be taken back, so its name is said twice.", _drop),
    "INFO": Command("<#channel>", 1, "Tells whose a channel is.", _info),
    "TRANSFER": Command("<#channel> <account>", 2, "Gives your channel to somebody else.", _transfer),
    "SET": Command(
        "<#channel> TOPICLOCK <ON | OFF> | KEEPTOPIC <ON | OFF> | FOUNDER <account>",
        3,
        "Changes your channel. TOPICLOCK: only those with access change the topic. KEEPTOPIC: it outlives the last one who leaves.",
        _set,
    ),
    "ACCESS": Command(
        "<#channel> ADD <account> <SOP | AOP | HOP | VOP> | DEL <account> | LIST",
        1,
        "Says what accounts get as they join: to be protected (a), an operator (o), half of one (h), a voice (v).",
        _access,
    ),
    "FLAGS": Command("<#channel> [<account> [<+ | -><a | o | h | v>]]", 1, "The same as ACCESS, by the letters of the modes.", _flags),
    "OP": Command("<#channel> [<nick> ...]", 1, "Makes operators.", _giving("o", True)),
    "DEOP": Command("<#channel> [<nick> ...]", 1, "Takes that back.", _giving("o", False)),
    "HALFOP": Command("<#channel> [<nick> ...]", 1, "Makes half-operators.", _giving("h", True)),
    "DEHALFOP": Command("<#channel> [<nick> ...]", 1, "Takes that back.", _giving("h", False)),
    "VOICE": Command("<#channel> [<nick> ...]", 1, "Gives a voice.", _giving("v", True)),
    "DEVOICE": Command("<#channel> [<nick> ...]", 1, "Takes that back.", _giving("v", False)),
    "KICK": Command("<#channel> <nick> [<reason>]", 2, "Puts somebody out.", _kick),
    "INVITE": Command("<#channel> [<nick>]", 1, "Invites you, or somebody else.", _invite),
    "UNBAN": Command("<#channel> [<nick>]", 1, "Lifts the bans that concern you, or somebody else.", _unban),
    "LIST": Command("[<mask>]", 0, "For operators: which channels are registered.", _list),
    "HELP": Command("[<command>]", 0, "Tells what there is.", _help),
}
