"""CAP: which capabilities a client has (IRCv3 Capability Negotiation). Pure.

C: CAP LS 302              S: CAP * LS * :…  CAP * LS :…     what there is; the welcome waits for CAP END
C: CAP REQ :a b -c         S: CAP * ACK :a b -c              all of it, or, by NAK, nothing
C: CAP LIST                S: CAP ann LIST :a b              what it has
C: CAP END                 S: 001 …
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from wirespeak.irc import numerics
from wirespeak.irc.capabilities import CAP_NOTIFY, STS, TABLE, names
from wirespeak.irc.config import Config
from wirespeak.irc.grammar import CAPABILITY
from wirespeak.irc.messages import Message, cut
from wirespeak.irc.users import User
from wirespeak.irc.verbs.registration import proceed
from wirespeak.irc.words import lines_of, middle, room_behind
from wirespeak.irc.world import World

__all__ = ["CAP", "reconfigure"]

VERSION: Final = 302
"""From here on a client understands values, answers of several lines, and CAP NEW and DEL."""


SUBCOMMAND_TOLD: Final = 64
"""Bytes of what was no subcommand that are said back."""


def CAP(world: World, user: User, message: Message) -> None:
    """CAP <subcommand> [<parameter>]"""
    subcommand, *rest = message.params
    act = SUBCOMMANDS.get(subcommand.upper())
    if act is None:
        user.reply(numerics.ERR_INVALIDCAPCMD, middle(cut(subcommand, SUBCOMMAND_TOLD)))
    else:
        act(world, user, rest)


def _ls(world: World, user: User, params: list[str]) -> None:
    """The version is a number; one that we don't know stands for the latest that we do, and a lower one later takes nothing back."""
    version = int(params[0]) if params and params[0].isascii() and params[0].isdigit() and len(params[0]) < 10 else 0
    user.cap_version = max(user.cap_version, version)
    if version >= VERSION:
        user.set_caps(user.caps | CAP_NOTIFY)
    _hold_back(user)
    offered = world.offered(user)
    if version >= VERSION:
        _list(world, user, "LS", [f"{name}={value}" if value else name for name, value in offered.items()], several=True)
    else:
        # Without 302 all of it is in one line, and nothing has a value. What tells nothing without its value stays out.
        _list(world, user, "LS", [name for name in offered if name != "sts"], several=False)


def _list_own(world: World, user: User, params: list[str]) -> None:
    _list(world, user, "LIST", names(user.caps), several=user.cap_version >= VERSION)


def _list(world: World, user: User, subcommand: str, words: list[str], *, several: bool) -> None:
    texts = list(lines_of(words, _room(world, user, subcommand))) if several else [" ".join(words)]
    for text in texts[:-1]:
        user.send(_cap(world, user, subcommand, "*", text))
    user.send(_cap(world, user, subcommand, texts[-1] if texts else ""))


def _request(world: World, user: User, params: list[str]) -> None:
    """All of it is granted, or nothing is changed."""
    _hold_back(user)
    asked = " ".join(params).split()
    caps, offered = user.caps, world.offered(user)
    granted = True
    for word in asked:
        match = CAPABILITY.fullmatch(word)
        row = TABLE.get(match[2]) if match else None
        if match is None or row is None or row.bit == STS:  # sts is told, and never asked for (IRCv3 sts, Mechanism)
            granted = False
        elif match[1]:
            caps &= ~row.bit
            granted = granted and not (row.bit == CAP_NOTIFY and user.cap_version >= VERSION)
        else:
            caps |= row.bit
            granted = granted and row.name in offered
    answer = "ACK" if granted else "NAK"
    for text in list(lines_of(asked, _room(world, user, answer))) or [""]:
        user.send(_cap(world, user, answer, text))
    if granted:
        user.set_caps(caps)


def _end(world: World, user: User, params: list[str]) -> None:
    if user.registering is not None:
        user.registering.negotiating = False
        proceed(world, user)


SUBCOMMANDS: Final[Mapping[str, Callable[[World, User, list[str]], None]]] = {
    "LS": _ls,
    "LIST": _list_own,
    "REQ": _request,
    "END": _end,
}


def _hold_back(user: User) -> None:
    if user.registering is not None:
        user.registering.negotiating = True


def _room(world: World, user: User, subcommand: str) -> int:
    return room_behind(world.name, user.nick, subcommand, "*")


def _cap(world: World, user: User, *params: str) -> Message:
    return Message("CAP", [user.nick, *params], world.name)


def reconfigure(world: World, config: Config) -> None:
    """From now on ``config`` counts; where that changes what is offered, CAP NEW and CAP DEL tell it (IRCv3 cap-notify).

    The server keeps the name and the cloaks with which it began: by those it and its users are known.
    """
    before = {user: world.offered(user) for user in world.connections}
    world.config = replace(config, name=world.name)
    world.accounts.settings = config.account_settings
    world.visits.set(config.visits)
    for user, old in before.items():
        _announce(world, user, old, world.offered(user))


def _announce(world: World, user: User, old: Mapping[str, str], new: Mapping[str, str]) -> None:
    """``sts`` is not taken back so: its own value ends it, and it tells nothing without one (IRCv3 sts, Mechanism)."""
    gone = [name for name in old if name not in new and name != "sts"]
    if user.cap_version >= VERSION:
        come = [f"{name}={value}" if value else name for name, value in new.items() if old.get(name) != value]
    else:
        come = [name for name in new if name not in old and name != "sts"]
    if user.caps & CAP_NOTIFY:
        if gone:
            _say(world, user, "DEL", gone)
        if come:
            _say(world, user, "NEW", come)
    for name in gone:
        user.set_caps(user.caps & ~TABLE[name].bit)


def _say(world: World, user: User, subcommand: str, words: list[str]) -> None:
    """Caused by another, so past any label of the user's own."""
    for text in lines_of(words, _room(world, user, subcommand)):
        world.relay(_cap(world, user, subcommand, text), msgid=False).deliver(user)
