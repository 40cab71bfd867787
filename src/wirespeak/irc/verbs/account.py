"""Accounts by command: REGISTER and VERIFY (IRCv3 draft/account-registration), and the short ways to the services. Pure.

    C: REGISTER * * mellon-friend        S: REGISTER SUCCESS ann :…     S: 900 ann … ann :You are now logged in as ann
                                         S: REGISTER VERIFICATION_REQUIRED ann :…       where a code is mailed
    C: VERIFY ann JBSWY3DP               S: VERIFY SUCCESS ann :…
                                         S: FAIL VERIFY INVALID_CODE ann :…

Whoever succeeds is logged in, as by SASL.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from functools import partial

from wirespeak.errors import Refused, StorageError
from wirespeak.irc import service_names, services
from wirespeak.irc.messages import Message
from wirespeak.irc.ownership import may_say_password, ownership_of
from wirespeak.irc.users import NOBODY, User
from wirespeak.irc.words import middle
from wirespeak.irc.world import World

__all__ = ["CHANSERV", "CS", "NICKSERV", "NS", "REGISTER", "VERIFY"]


def REGISTER(world: World, user: User, message: Message) -> None:
    """``REGISTER <account | *> <email | *> <password>``: ``*`` stands for one's nick, and for no address."""
    account, email, password = message.params[:3]
    name = user.nick if account == "*" else account
    if not _may(world, user, "REGISTER", name):
        return
    if user.nick == NOBODY:
        user.fail("REGISTER", "NEED_NICK", "*", "Say by NICK how you are called, and then register")
    elif not world.accounts.settings.custom_names and world.fold(name) != world.fold(user.nick):
        user.fail("REGISTER", "ACCOUNT_NAME_MUST_BE_NICK", middle(name), f"Your account's name must be your nickname, {user.nick}")
    else:
        world.later(user, _answered(world, user, "REGISTER", name, partial(_register, name, "" if email == "*" else email, password)))


def VERIFY(world: World, user: User, message: Message) -> None:
    """``VERIFY <account> <code>``: the code that was mailed."""
    account, code = message.params[:2]
    name = user.nick if account == "*" else account
    if _may(world, user, "VERIFY", name):
        world.later(user, _answered(world, user, "VERIFY", name, partial(_verify, name, code)))


def _may(world: World, user: User, command: str, name: str) -> bool:
    """Whether there is registration at all, and for ``user`` now; if not, that is said."""
    accounts, password = world.accounts, world.config.password
    if accounts.capability_value is None:
        user.fail(command, "TEMPORARILY_UNAVAILABLE", middle(name), "Accounts are made by the operators of this server")
    elif user.account is not None:
        user.fail(command, "ALREADY_AUTHENTICATED", user.account, f"You are logged in as {user.account} already")
    elif not user.registered and not accounts.settings.before_connect:
        user.fail(command, "COMPLETE_CONNECTION_REQUIRED", "Finish connecting first")
    elif not may_say_password(world, user):
        user.fail(command, "TEMPORARILY_UNAVAILABLE", middle(name), "Passwords are taken over TLS alone: connect by it")
    elif not user.registered and password and not hmac.compare_digest(user.registering.password.encode(), password.encode()):
        # Server considerations: what keeps strangers off the server keeps them from having an account on it.
        user.fail(command, "TEMPORARILY_UNAVAILABLE", middle(name), "This server has a password: say it by PASS")
    else:
        return True
    return False


async def _register(name: str, email: str, password: str, world: World, user: User) -> None:
    world.accounts.check_name(name)
    if world.accounts.owner(name) is None:
        ownership_of(world).check_free(user, name)
    account = await world.accounts.register(name, password, email=email, address=user.ip)
    if account.code:
        text = f"A code was sent to {account.email}: say VERIFY {account.name} <code>"
        user.send(Message("REGISTER", ["VERIFICATION_REQUIRED", account.name, text], world.name))
        return
    user.send(Message("REGISTER", ["SUCCESS", account.name, f"{account.name} is registered, and yours"], world.name))
    ownership_of(world).founded(user, account)


async def _verify(name: str, code: str, world: World, user: User) -> None:
    account = await world.accounts.verify(name, code, user.ip)
    user.send(Message("VERIFY", ["SUCCESS", account.name, f"{account.name} is registered, and yours"], world.name))
    ownership_of(world).founded(user, account)


async def _answered(world: World, user: User, command: str, name: str, work: Callable[[World, User], Awaitable[None]]) -> None:
    """Do ``work``, or say why it came to nothing."""
    try:
        await work(world, user)
    except Refused as no:
        user.fail(command, no.reply or "TEMPORARILY_UNAVAILABLE", middle(name), str(no))
    except StorageError as error:
        world.outside.failed(f"keeping the account {name}", error)
        user.fail(command, "TEMPORARILY_UNAVAILABLE", middle(name), "That could not be saved: try again later")


# --- the short ways to the services


def NICKSERV(world: World, user: User, message: Message) -> None:
    """``NICKSERV <command> …``, as ``PRIVMSG NickServ :<command> …``."""
    services.hear(world, user, service_names.NICKSERV, " ".join(message.params))


def CHANSERV(world: World, user: User, message: Message) -> None:
    """``CHANSERV <command> …``, as ``PRIVMSG ChanServ :<command> …``."""
    services.hear(world, user, service_names.CHANSERV, " ".join(message.params))


NS = NICKSERV
CS = CHANSERV
