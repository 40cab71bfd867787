"""The verbs: what each command does. A verb is a function that bears the command's name; here is the table of all of them.

    dispatch(world, user, message)
        no such command                      ─▶ 421
        not for who is not registered (yet)  ─▶ 451, 462
        an operator's alone                  ─▶ 481, 723
        fewer parameters than it needs       ─▶ 461
        VERBS[command](world, user, message)

Which parameters a command needs, and when it may be said, stands in ``commands.py``. Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from wirespeak.irc import numerics
from wirespeak.irc.capabilities import BATCH, LABELED_RESPONSE
from wirespeak.irc.commands import COMMANDS, When
from wirespeak.irc.grammar import LABEL_SIZE
from wirespeak.irc.messages import Message
from wirespeak.irc.users import User
from wirespeak.irc.verbs import (
    about,
    account,
    banning,
    channel,
    login,
    mode,
    negotiation,
    operator,
    people,
    registration,
    talk,
    who,
    whois,
)
from wirespeak.irc.world import World

__all__ = ["VERBS", "Verb", "dispatch", "opens_label"]

Verb = Callable[[World, User, Message], None]

LABELS: Final = LABELED_RESPONSE | BATCH
"""What who says a label must have: labels need batches (IRCv3 labeled-response, Dependencies)."""

COMMAND_TOLD: Final = 32
"""Letters of a command that nobody knows that are said back."""

MODULES: Final = (about, account, banning, channel, login, mode, negotiation, operator, people, registration, talk, who, whois)

VERBS: Final[dict[str, Verb]] = {name: getattr(module, name) for module in MODULES for name in module.__all__ if name.isupper()}
"""Command → what carries it out: all that bear a command's name."""


def dispatch(world: World, user: User, message: Message) -> None:
    """Carry out a command."""
    world.commands += 1
    if message.tags and opens_label(user, message.tags.get("label", "")):
        _carry_out(world, user, message)
        if user.held is None:
            user.close_label()
    else:
        _carry_out(world, user, message)


def opens_label(user: User, label: str) -> bool:
    """Have the answers from here on bear ``label``, where it is one and ``user`` may say labels; whether it is so."""
    if not label or user.caps & LABELS != LABELS or len(label.encode()) > LABEL_SIZE:
        return False
    user.open_label(label)
    return True


def _carry_out(world: World, user: User, message: Message) -> None:
    command = message.command
    verb = VERBS.get(command)
    if verb is None:
        if user.registered:
            user.reply(numerics.ERR_UNKNOWNCOMMAND, command[:COMMAND_TOLD])
        else:
            user.reply(numerics.ERR_NOTREGISTERED)
        return
    rule = COMMANDS[command]
    if user.registered:
        if rule.when is When.BEFORE:
            user.reply(numerics.ERR_ALREADYREGISTERED)
            return
        if rule.operator:
            if user.oper is None:
                user.reply(numerics.ERR_NOPRIVILEGES)
                return
            if not user.oper.may(command.lower()):
                user.reply(numerics.ERR_NOPRIVS, command.lower())
                return
    elif rule.when is When.AFTER:
        if command != "NOTICE":  # "they must not send any error back to the client on receipt of a NOTICE" (Modern IRC: NOTICE)
            user.reply(numerics.ERR_NOTREGISTERED)
        return
    if len(message.params) < rule.least:
        user.reply(numerics.ERR_NEEDMOREPARAMS, command)
        return
    world.counters.commands[command] += 1
    verb(world, user, message)
