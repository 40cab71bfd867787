"""NickServ: accounts, and the nicks that are theirs. Each command is a coroutine; `COMMANDS` is the table of them. Pure.

Whoever is logged in to an account may do with it what they like, but for what can't be taken back, which asks for the password again.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from wirespeak.errors import Refused
from wirespeak.irc.kept import Enforce, key_of
from wirespeak.irc.masks import Glob
from wirespeak.irc.service_names import NICKSERV
from wirespeak.irc.services.request import Command, Request, help_on
from wirespeak.irc.users import User

__all__ = ["COMMANDS"]

FINGERPRINT: Final = re.compile(r"[0-9a-f]{64}")
"""SHA-256, as openssl x509 -fingerprint prints it, without its colons."""

LISTED: Final = 100
"""Accounts in one answer of LIST."""

ENFORCE: Final[dict[str, Enforce]] = {"NONE": "none", "RENAME": "rename", "STRICT": "strict", "DEFAULT": ""}


async def _register(request: Request) -> None:
    user = request.user
    if user.account is not None:
        raise Refused(f"You are logged in as {user.account} already")
    request.need_privacy()
    request.ownership.check_free(user, user.nick)
    account = await request.world.accounts.register(user.nick, request.words[0], email=request.word(1), address=user.ip)
    if account.code:
        request.say(f"A code was sent to {account.email}: say /msg {NICKSERV} VERIFY {account.name} <code>")
        return
    request.say(f"{account.name} is registered, and yours")
    request.ownership.founded(user, account)


async def _verify(request: Request) -> None:
    user = request.user
    name, code = request.words[:2] if len(request.words) > 1 else (user.nick, request.words[0])
    account = await request.world.accounts.verify(name, code, user.ip)
    request.say(f"{account.name} is registered, and yours")
    request.ownership.founded(user, account)


async def _identify(request: Request) -> None:
    user = request.user
    request.need_privacy()
    # Of several words the first is an account, or else all of them are the password to one's own nick.
    named = len(request.words) > 1 and request.world.accounts.get(request.words[0]) is not None
    name, password = (request.words[0], request.rest(1)) if named else (user.nick, request.rest(0))
    account = await request.world.accounts.check(name, password, user.ip)
    request.say(f"You are now logged in as {account.name}")
    request.world.set_account(user, account.name)


async def _logout(request: Request) -> None:
    name = request.account.name
    request.world.set_account(request.user, None)
    request.say(f"You are no longer logged in as {name}")


async def _other(request: Request) -> User:
    """Who has the nick that is named first, which is the asker's by account or password. Raises `Refused`."""
    user, nick = request.user, request.words[0]
    owner = request.known(nick)
    mine = request.ownership.account_of(user)
    if mine is None or key_of(mine) != key_of(owner):
        if len(request.words) < 2:
            raise Refused(f"{nick} is not yours: log in, or say its password")
        request.need_privacy()
        await request.world.accounts.check(nick, request.rest(1), user.ip)
    other = request.present(nick)
    if other is user:
        raise Refused("That is you")
    return other


async def _ghost(request: Request) -> None:
    other = await _other(request)
    request.world.dismiss(other, f"Ghosted by {request.user.nick}")
    request.say(f"{other.nick} is gone")


async def _recover(request: Request) -> None:
    other = await _other(request)
    nick, owner, mine = other.nick, request.known(other.nick), request.ownership.account_of(request.user)
    request.ownership.rename_away(other)
    if mine is None or key_of(mine) != key_of(owner):
        request.world.set_account(request.user, owner.name)  # its password was said
    request.world.rename(request.user, nick)
    request.say(f"You have {nick} back")


async def _group(request: Request) -> None:
    nick = request.user.nick
    request.ownership.check_free(request.user, nick)
    account = await request.world.accounts.group(request.account, nick)
    request.say(f"{nick} is {account.name}'s as well")


async def _ungroup(request: Request) -> None:
    account = await request.world.accounts.ungroup(request.account, request.words[0])
    request.say(f"{request.words[0]} is {account.name}'s no more")


async def _info(request: Request) -> None:
    account = request.known(request.word(0, request.user.nick))
    world, mine = request.world, request.ownership.account_of(request.user)
    present = [user.nick for user in world.users.values() if user.account == account.name]
    request.say(f"{account.name}, registered {_date(account.created)}")
    if request.user.oper is not None or (mine is not None and key_of(mine) == key_of(account)):
        certificates = len(account.certificates)
        request.say(
            f"Nicknames: {', '.join((account.name, *account.nicks))}",
            f"Logged in: {', '.join(present) or 'nobody'}",
            f"E-mail: {account.email or 'none'}",
            f"Who takes its nicknames: {account.enforce or world.accounts.settings.enforce}",
            f"Certificates: {certificates or 'none'}",
            f"Channels: {', '.join(channel.name for channel in world.accounts.channels_of(account)) or 'none'}",
        )


async def _set(request: Request) -> None:
    accounts, account = request.world.accounts, request.account
    what, value = request.words[0].upper(), request.words[1]
    if what == "PASSWORD":
        request.need_privacy()
        await accounts.set_password(account, request.rest(1))
        request.say("Your password is another now")
    elif what == "EMAIL":
        await accounts.set_email(account, "" if value.upper() == "NONE" else value)
        request.say("Your address is noted")
    elif what == "ENFORCE":
        if value.upper() not in ENFORCE:
            raise Refused(f"Expected: SET ENFORCE {' | '.join(ENFORCE)}")
        changed = await accounts.change(account.name, enforce=ENFORCE[value.upper()])
        request.say(f"Who takes your nicknames: {changed.enforce or accounts.settings.enforce}")
    else:
        raise Refused(f"Expected: SET {COMMANDS['SET'].usage}")


async def _drop(request: Request) -> None:
    world, account = request.world, request.known(request.words[0])
    if request.user.oper is None:
        if key_of(account) != key_of(request.account):
            raise Refused(f"{account.name} is not yours")
        if len(request.words) < 2:
            raise Refused("That can't be taken back: say your password as well")
        request.need_privacy()
        await world.accounts.check(account.name, request.rest(1), request.user.ip)
    dropped = await world.accounts.drop(account)
    for kept in dropped:
        channel = world.channel(kept.name)
        if channel is not None:
            request.ownership.registered(channel, False)
    for user in [one for one in world.connections if one.account == account.name]:
        world.set_account(user, None)
    with_channels = f", and with it {', '.join(channel.name for channel in dropped)}" if dropped else ""
    request.say(f"{account.name} is gone{with_channels}")


async def _cert(request: Request) -> None:
    accounts, account, user = request.world.accounts, request.account, request.user
    what = request.words[0].upper()
    fingerprint = request.word(1, user.fingerprint).replace(":", "").lower()
    if what == "LIST":
        request.say(*(account.certificates or ("No certificates",)))
        return
    if what not in ("ADD", "DEL"):
        raise Refused(f"Expected: CERT {COMMANDS['CERT'].usage}")
    if FINGERPRINT.fullmatch(fingerprint) is None:
        raise Refused("Expected a SHA-256 fingerprint of 64 hex digits; without one, yours is taken, if you came with a certificate")
    if what == "ADD":
        await accounts.add_certificate(account, fingerprint)
        request.say(f"Who has the certificate {fingerprint} logs in by SASL EXTERNAL")
    else:
        await accounts.remove_certificate(account, fingerprint)
        request.say(f"The certificate {fingerprint} lets in nobody any more")


async def _list(request: Request) -> None:
    request.need_operator()
    glob = Glob(request.word(0, "*"))
    found = [account for account in request.world.accounts.all() if glob.matches(account.name)]
    for account in sorted(found, key=key_of)[:LISTED]:
        request.say(f"  {account.name}  registered {_date(account.created)}  {account.email}".rstrip())
    request.say(f"{len(found)} accounts{f', of which these are {LISTED}' if len(found) > LISTED else ''}")


async def _help(request: Request) -> None:
    help_on(request, COMMANDS, f"{NICKSERV} keeps accounts: a nickname that is yours, wherever you come from.")


def _date(when: float) -> str:
    return datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%d %H:%M UTC")


COMMANDS: Final = {
    "REGISTER": Command("<password> [<e-mail>]", 1, "Makes your nickname an account of yours.", _register),
    "VERIFY": Command("[<account>] <code>", 1, "Says the code that was mailed to you, which makes the account yours.", _verify),
    "IDENTIFY": Command("[<account>] <password>", 1, "Logs you in; SASL does it before you are seen.", _identify),
    "LOGOUT": Command("", 0, "Logs you out.", _logout),
    "GHOST": Command("<nick> [<password>]", 1, "Ends another connection that has your nickname: your own old one, say.", _ghost),
    "RECOVER": Command("<nick> [<password>]", 1, "Gives you your nickname back, and who has it another one.", _recover),
    "GROUP": Command("", 0, "Makes the nickname that you have now your account's as well.", _group),
    "UNGROUP": Command("<nick>", 1, "Gives a grouped nickname up.", _ungroup),
    "INFO": Command("[<nick>]", 0, "Tells of an account; of yours, all of it.", _info),
    "SET": Command(
        "PASSWORD <password> | EMAIL <address | NONE> | ENFORCE <NONE | RENAME | STRICT | DEFAULT>",
        2,
        "Changes your account. ENFORCE says what becomes of others who take your nicknames: nothing; another name after a time; refusal.",
        _set,
    ),
    "CERT": Command("ADD [<fingerprint>] | DEL [<fingerprint>] | LIST", 1, "Which TLS certificates let you in, by SASL EXTERNAL.", _cert),
    "DROP": Command("<account> <password>", 1, "Ends your account, and its channels with it. It can't be taken back.", _drop),
    "LIST": Command("[<mask>]", 0, "For operators: which accounts there are.", _list),
    "HELP": Command("[<command>]", 0, "Tells what there is.", _help),
}
