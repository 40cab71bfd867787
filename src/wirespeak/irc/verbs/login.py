"""AUTHENTICATE: logging in by SASL, before the welcome or after it (IRCv3 SASL 3.1 and 3.2). Pure.

    C: AUTHENTICATE PLAIN                  S: AUTHENTICATE +
    C: AUTHENTICATE amlsbGVzAGppbGxlc…     S: 900 …  903 …

What is said is base64 in pieces of 400 bytes; a shorter one, or "+", ends it. What takes long is done off the loop; meanwhile the
client's next command waits. Who is logged in may log in anew, as somebody else too.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Final

from wirespeak import sasl
from wirespeak.irc import numerics
from wirespeak.irc.capabilities import SASL
from wirespeak.irc.grammar import SASL_PIECE
from wirespeak.irc.messages import Message
from wirespeak.irc.users import User
from wirespeak.irc.world import World

__all__ = ["AUTHENTICATE"]

LONGEST: Final = 16 * SASL_PIECE
"""Base64 that is taken for one response: a password's greatest length several times over. Who says more is told 905."""

FAILURES: Final = 10
"""Logins that may fail on one connection; then it is over (IRCv3 SASL 3.2, Reauthentication)."""


class Login:
    """A login under way: the mechanism, and what has come of a response so far."""

    __slots__ = ("mechanism", "said")

    def __init__(self, mechanism: sasl.ServerMechanism) -> None:
        self.mechanism = mechanism
        self.said = ""


def AUTHENTICATE(world: World, user: User, message: Message) -> None:
    """AUTHENTICATE <mechanism> | <base64> | + | *"""
    said = message.params[0]
    if not user.caps & SASL:
        _fail(world, user)
    elif len(said) > SASL_PIECE:
        user.login = None
        user.reply(numerics.ERR_SASLTOOLONG)
    elif said == "*":
        user.login = None
        user.reply(numerics.ERR_SASLABORTED)
    elif user.login is None:
        _begin(world, user, said.upper())
    else:
        _hear(world, user, user.login, said)


def _begin(world: World, user: User, name: str) -> None:
    offered = world.mechanisms(user)
    if name not in offered:
        if offered:
            user.reply(numerics.RPL_SASLMECHS, ",".join(offered))
        _fail(world, user)
        return
    if world.accounts.too_many(user.ip):
        _fail(world, user)
        return
    user.login = Login(world.mechanism(user, name))
    # A mechanism in which the client begins asks for nothing; the others say their challenge with the first step.
    user.send(_authenticate("+"))


def _hear(world: World, user: User, login: Login, said: str) -> None:
    """A piece of a response."""
    if said != "+":
        login.said += said
    if len(said) == SASL_PIECE:
        if len(login.said) > LONGEST:
            user.login = None
            user.reply(numerics.ERR_SASLTOOLONG)
        return
    whole, login.said = login.said, ""
    try:
        # One text for one response: nothing behind its end, not even more padding, which strict mode lets through.
        response = binascii.a2b_base64(whole, strict_mode=True) if len(whole) % 4 == 0 else None
    except ValueError:
        response = None
    if response is None:
        user.login = None
        _fail(world, user)
        return
    world.later(user, _advance(world, user, login, response))


async def _advance(world: World, user: User, login: Login, response: bytes) -> None:
    step = await world.accounts.advance(login.mechanism, response, user.ip)
    if isinstance(step, sasl.Challenge):
        for piece in _pieces(step.data):
            user.send(_authenticate(piece))
        return
    user.login = None
    account = world.accounts.get(step.user) if isinstance(step, sasl.Accepted) else None
    if account is None:
        _fail(world, user)
        return
    user.failures = 0
    world.counters.logins += 1
    world.set_account(user, account.name)
    user.reply(numerics.RPL_SASLSUCCESS)


def _fail(world: World, user: User) -> None:
    user.failures += 1
    user.reply(numerics.ERR_SASLFAIL)
    if user.failures >= FAILURES:
        world.dismiss(user, "Too many SASL authentication failures")


def _authenticate(text: str) -> Message:
    return Message("AUTHENTICATE", [text])


def _pieces(data: bytes) -> Iterator[str]:
    """``data`` as it is said (IRCv3 SASL 3.1, The AUTHENTICATE command)."""
    text = base64.b64encode(data).decode()
    for start in range(0, len(text), SASL_PIECE):
        yield text[start : start + SASL_PIECE]
    if len(text) % SASL_PIECE == 0:
        yield "+"
