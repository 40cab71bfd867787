"""Who is who: accounts, the nicks and channels that are theirs, and what it takes to be let in. Pure.

All that is kept is in memory too, so looking something up never waits. Whatever changes it goes through the store's one thread, in order:

    loop ── await accounts.register(…) ──▶ hashed ──▶ store's thread: still free? ── commit, synced ── memory ──▶ answered

So what was answered is on the disk, what is on the disk is in memory, and two who want the same name at once get different answers.
Values are replaced, never changed (``kept.py``), and a dictionary takes a replacement in one step: the loop may look at any time.

A name that nobody has is asked for its password like any other (`sasl.Accounts`), and who guesses is slowed down (``attempts.py``).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, Protocol

from wirespeak import sasl
from wirespeak.errors import Refused, TextError, WirespeakError
from wirespeak.irc.attempts import Attempts, counted_by
from wirespeak.irc.books import Books, Store
from wirespeak.irc.casemapping import ascii_fold
from wirespeak.irc.grammar import NICKNAME
from wirespeak.irc.kept import Account, Ban, Enforce, KeptChannel, key_of
from wirespeak.sasl import ScramKeys

__all__ = ["AccountSettings", "Accounts", "Mail"]

SECRET_SIZE: Final = 32
"""Random bytes of what decoys are made of."""

PASSWORD_SIZE: Final = 300
"""Bytes of a password: one that is longer would not fit into a message (IRCv3 account-registration, Server considerations)."""

CODE_SIZE: Final = 5
"""Random bytes of a code that is mailed: eight letters, and a trillion to guess from."""

# RFC 5321 4.5.3.1: a local part of 64 octets at most, and 254 in all. Which of those exist is for the mail to find out.
EMAIL: Final = re.compile(r"(?=.{3,254}\Z)[^\s@\x00-\x1f\x7f<>]{1,64}@[^\s@\x00-\x1f\x7f<>]+")


@dataclass(slots=True, frozen=True)
class AccountSettings:
    """What is allowed. Each bound is on what people could else make grow; what is kept is in memory too, some 1 KB a value.

    ``registration``: whether strangers can have an account, by REGISTER or by NickServ; ``before_connect``, before the welcome too;
    ``custom_names``, under another name than their nick. ``enforce``, after ``enforce_after`` seconds: see `kept.Enforce`. Within
    ``verify_within`` seconds a mailed code is to be said. An address may register ``registrations_an_hour`` accounts, and fail
    ``failures`` times to log in, after which there is one more attempt each ``failure_seconds``; an account has three times as
    many. None is for any number.
    """

    registration: bool = True
    before_connect: bool = True
    custom_names: bool = True
    email_required: bool = False
    shortest_password: int = 6
    enforce: Enforce = "rename"
    enforce_after: float = 30.0
    verify_within: float = 24 * 3600.0
    registrations_an_hour: int | None = 20
    failures: int | None = 10
    failure_seconds: float = 30.0
    most_accounts: int = 100_000
    most_channels: int = 20_000
    most_bans: int = 5_000
    nicks_each: int = 10
    certificates_each: int = 10
    channels_each: int = 20
    access_each: int = 200


class Mail(Protocol):
    """Sends the code for ``account`` to ``address``. Raises `Refused` where nobody is there, another of ours where it can't be sent."""

    def __call__(self, address: str, account: str, code: str) -> Awaitable[None]: ...


class Accounts(Books):
    """All accounts of a server. ``clock`` gives seconds since 1970, ``random`` so many bytes that nobody can guess.

    With ``mail``, whoever registers has an address and says the code that was sent there. Its coroutines return once what they changed is
    on the disk; they raise `Refused`, whose ``reply`` is the code of IRCv3 account-registration ("ACCOUNT_EXISTS"), where it has one, and
    whose text is for the user; and `StorageError`, after which nothing has changed.
    """

    def __init__(
        self,
        store: Store,
        settings: AccountSettings | None = None,
        *,
        clock: Callable[[], float],
        random: Callable[[int], bytes],
        mail: Mail | None = None,
    ) -> None:
        super().__init__(store, clock)
        self.settings = settings or AccountSettings()
        self.mail = mail
        self._random = random
        failures, seconds = self.settings.failures, self.settings.failure_seconds
        hourly = self.settings.registrations_an_hour
        self._failures = Attempts(failures, seconds)
        self._failures_of_accounts = Attempts(None if failures is None else 3 * failures, seconds / 3)
        self._registrations = Attempts(hourly, 3600 / (hourly or 1))
        if not self._secret:
            self._secret = random(SECRET_SIZE)
            store.commit([("secret", "", self._secret)])
        self._decoys = sasl.Accounts({}, self._secret)

    # --- registration

    @property
    def capability_value(self) -> str | None:
        """What the capability ``draft/account-registration`` is told to be worth; None where it is not there."""
        settings = self.settings
        if not settings.registration:
            return None
        told = [
            *(["before-connect"] if settings.before_connect else []),
            *(["custom-account-name"] if settings.custom_names else []),
            *(["email-required"] if self.email_required else []),
        ]
        return ",".join(told)

    @property
    def email_required(self) -> bool:
        """Whether nobody registers without an address."""
        return self.settings.email_required or self.mail is not None

    # --- being let in

    def authenticator(self, address: str = "") -> sasl.Authenticator:
        """How a server lets its users in, from ``address``: by account names, and by nicks grouped with them."""
        return sasl.Authenticator(partial(self._find, address))

    async def advance(
        self, mechanism: sasl.ServerMechanism, response: bytes | None, address: str
    ) -> sasl.Challenge | sasl.Accepted | sasl.Denied:
        """What ``mechanism`` says to ``response``: what takes long is done in a thread, and a failure is counted."""
        step = mechanism.step(response)
        while isinstance(step, sasl.Work):
            step = await self._store.hash(step.run)
        if isinstance(step, sasl.Denied) and not step.malformed:
            self.failed(address, step.user)
        return step

    async def check(self, name: str, password: str, address: str = "") -> Account:
        """The account that ``name`` and ``password`` are of, as somebody at ``address`` says. Raises `Refused`."""
        if self.too_many(address, name):
            raise Refused("Too many attempts failed: try again in some minutes")
        try:
            keys, known = self._find(address, sasl.saslprep(name))
        except TextError:
            raise Refused("The name or the password is wrong") from None
        right = await self._store.hash(keys.check, password)
        account = self.get(name)
        if not right or not known or account is None or account.keys != str(keys):  # or changed meanwhile
            self.failed(address, name)
            raise Refused("The name or the password is wrong")
        return account

    def too_many(self, address: str, name: str = "") -> bool:
        """Whether so many attempts failed, from ``address`` or at ``name``, that none is to be listened to now."""
        now = self._clock()
        return not (self._failures.may(counted_by(address), now) and self._failures_of_accounts.may(self._counted(name), now))

    def failed(self, address: str, name: str) -> None:
        """Count an attempt of ``address`` to be let in as ``name`` that failed."""
        now = self._clock()
        self._failures.spend(counted_by(address), now)
        self._failures_of_accounts.spend(self._counted(name), now)

    def _counted(self, name: str) -> str:
        """By what attempts at ``name`` are counted: its account, if it has one."""
        key = ascii_fold(name)
        return self._owners.get(key, key)

    def _find(self, address: str, name: str) -> tuple[ScramKeys, bool]:
        decoy, _ = self._decoys.find(ascii_fold(name))
        account = self.get(name)
        if account is None or self.too_many(address, name):
            return decoy, False
        return ScramKeys.parse(account.keys), True

    # --- accounts

    def check_name(self, name: str) -> None:
        """Raises `Refused` for what can't be the name of an account: it has the form of a nick, so that it can be one."""
        if not NICKNAME.fullmatch(name):
            raise Refused("An account's name has the form of a nickname", reply="BAD_ACCOUNT_NAME")

    def check_password(self, name: str, password: str) -> None:
        """Raises `Refused` for a password that is too easy to guess, or can't be one."""
        if len(password.encode()) > PASSWORD_SIZE:
            raise Refused(f"A password has at most {PASSWORD_SIZE} bytes", reply="UNACCEPTABLE_PASSWORD")
        try:
            prepared = sasl.saslprep(password, stored=True)
        except TextError as error:
            raise Refused(f"Not a password: {error}", reply="UNACCEPTABLE_PASSWORD") from None
        if len(prepared) < self.settings.shortest_password:
            raise Refused(f"A password has at least {self.settings.shortest_password} characters", reply="WEAK_PASSWORD")
        if ascii_fold(prepared) == ascii_fold(name):
            raise Refused("The name is too easy a password", reply="WEAK_PASSWORD")

    def check_email(self, email: str) -> None:
        """Raises `Refused` for what is no address, and for none where one is needed."""
        if not email:
            if self.email_required:
                raise Refused("An e-mail address is needed", reply="INVALID_EMAIL")
        elif not EMAIL.fullmatch(email):
            raise Refused("That is no e-mail address", reply="INVALID_EMAIL")

    async def register(self, name: str, password: str, *, email: str = "", address: str = "") -> Account:
        """Make an account, as somebody at ``address`` asks. While its ``code`` is set, `verify` is to follow."""
        if not self.settings.registration:
            raise Refused("Accounts are made by the operators of this server", reply="TEMPORARILY_UNAVAILABLE")
        self.check_name(name)
        if self.owner(name) is not None:
            raise Refused("That account exists already", reply="ACCOUNT_EXISTS")
        self.check_password(name, password)
        self.check_email(email)
        now = self._clock()
        if not self._registrations.take(counted_by(address), now):
            raise Refused("Too many accounts from your address: try again later", reply="TEMPORARILY_UNAVAILABLE")
        keys = await self._keys(password)
        code = base64.b32encode(self._random(CODE_SIZE)).decode() if self.mail is not None else ""
        expires = now + self.settings.verify_within if code else 0.0
        account = Account(name, keys, now, email, code=_digest(code) if code else "", expires=expires)
        await self._store.run(self._add, account)
        if self.mail is not None:
            await self._send_code(self.mail, account, code)
        return account

    async def _send_code(self, mail: Mail, account: Account, code: str) -> None:
        try:
            await mail(account.email, account.name, code)
        except BaseException as error:
            self._store.start(partial(self._remove, account.name))
            if isinstance(error, Refused):
                raise Refused("Mail to that address is refused", reply="INVALID_EMAIL") from None
            if isinstance(error, WirespeakError):
                raise Refused("The code could not be mailed: try again later", reply="TEMPORARILY_UNAVAILABLE") from error
            raise

    async def verify(self, name: str, code: str, address: str = "") -> Account:
        """The account, now that its owner has said the code that was mailed."""
        if self.too_many(address, name):
            raise Refused("Too many attempts failed: try again in some minutes", reply="TEMPORARILY_UNAVAILABLE")
        account = self.owner(name)
        wanted = account.code if account is not None else ""
        if account is None or not hmac.compare_digest(_digest(code.strip().upper()), wanted):
            self.failed(address, name)
            raise Refused("That is not the code, or it has expired", reply="INVALID_CODE")
        return await self.change(account.name, code="", expires=0.0)

    async def set_password(self, account: Account, password: str) -> Account:
        """Let in with ``password``, and with no other any more."""
        self.check_password(account.name, password)
        return await self.change(account.name, keys=await self._keys(password))

    async def set_email(self, account: Account, email: str) -> Account:
        """Have another address, or, with "", none."""
        self.check_email(email)
        return await self.change(account.name, email=email)

    async def change(self, name: str, **fields: Any) -> Account:
        """Have other values in ``fields`` of the account."""
        return await self._store.run(self._replace, name, lambda account: replace(account, **fields))

    async def group(self, account: Account, nick: str) -> Account:
        """Have ``nick`` be this account's as well."""

        def change(account: Account) -> Account:
            self._save(self._expired())
            if self.owner(nick) is not None:
                raise Refused(f"{nick} is registered already")
            if len(account.nicks) >= self.settings.nicks_each:
                raise Refused(f"An account has {self.settings.nicks_each} grouped nicknames at most")
            return replace(account, nicks=(*account.nicks, nick))

        self.check_name(nick)
        return await self._store.run(self._replace, account.name, change)

    async def ungroup(self, account: Account, nick: str) -> Account:
        """Have ``nick`` be this account's no more."""

        def change(account: Account) -> Account:
            rest = tuple(one for one in account.nicks if ascii_fold(one) != ascii_fold(nick))
            if rest == account.nicks:
                raise Refused(f"{nick} is not grouped with {account.name}")
            return replace(account, nicks=rest)

        return await self._store.run(self._replace, account.name, change)

    async def add_certificate(self, account: Account, fingerprint: str) -> Account:
        """Let in whoever has this certificate, a SHA-256 fingerprint in hex."""

        def change(account: Account) -> Account:
            if fingerprint in self._certificates:
                raise Refused("That certificate is somebody's already")
            if len(account.certificates) >= self.settings.certificates_each:
                raise Refused(f"An account has {self.settings.certificates_each} certificates at most")
            return replace(account, certificates=(*account.certificates, fingerprint))

        return await self._store.run(self._replace, account.name, change)

    async def remove_certificate(self, account: Account, fingerprint: str) -> Account:
        """Let in nobody any more for having this certificate."""

        def change(account: Account) -> Account:
            if fingerprint not in account.certificates:
                raise Refused(f"{account.name} has no such certificate")
            return replace(account, certificates=tuple(one for one in account.certificates if one != fingerprint))

        return await self._store.run(self._replace, account.name, change)

    async def drop(self, account: Account) -> list[KeptChannel]:
        """Let the account be no more; the channels that it founded go with it, and are returned."""
        return await self._store.run(self._remove, account.name)

    async def _keys(self, password: str) -> str:
        return str(await self._store.hash(ScramKeys.of, password, self._random(sasl.SALT)))

    # --- channels

    async def register_channel(self, channel: KeptChannel) -> KeptChannel:
        """Keep ``channel``, as its founder's."""
        return await self._store.run(self._add_channel, channel)

    async def change_channel(self, name: str, **fields: Any) -> KeptChannel:
        """Have other values in ``fields`` of the channel."""
        return await self._store.run(self._replace_channel, name, lambda channel: replace(channel, **fields))

    async def transfer(self, name: str, account: Account) -> KeptChannel:
        """Have the channel be ``account``'s."""
        key = key_of(account)

        def change(channel: KeptChannel) -> KeptChannel:
            self._check_founder(key)
            return replace(channel, founder=key, access={one: flag for one, flag in channel.access.items() if one != key})

        return await self._store.run(self._replace_channel, name, change)

    async def set_access(self, name: str, account: Account, flag: str) -> KeptChannel:
        """Have ``account`` get the prefix mode ``flag`` in the channel, or, with "", none."""
        key = key_of(account)

        def change(channel: KeptChannel) -> KeptChannel:
            access = {one: flag for one, flag in channel.access.items() if one != key}
            if flag:
                if len(access) >= self.settings.access_each:
                    raise Refused(f"An access list has {self.settings.access_each} entries at most")
                access[key] = flag
            return replace(channel, access=access)

        return await self._store.run(self._replace_channel, name, change)

    async def drop_channel(self, name: str) -> None:
        """Keep the channel no longer."""

        await self._store.run(self._save, [("channel", ascii_fold(name), None)])

    # --- bans of the server

    async def add_ban(self, ban: Ban) -> None:
        """Keep ``ban``, in the place of one of the same kind and mask."""
        if key_of(ban) not in self._bans and len(self._bans) >= self.settings.most_bans:
            over = self._bans.keys() - {key_of(one) for one in self.bans}
            if not over:
                raise Refused(f"There are {self.settings.most_bans} bans already, which is the most there can be")
            await self._store.run(self._save, [("ban", key, None) for key in over])
        await self._store.run(self._save, [("ban", key_of(ban), ban)])

    async def remove_ban(self, kind: str, mask: str) -> bool:
        """Lift a ban; whether there was one."""
        key = f"{kind} {ascii_fold(mask)}"
        if key not in self._bans:
            return False
        await self._store.run(self._save, [("ban", key, None)])
        return True

    # --- in the store's thread, one at a time

    def _add(self, account: Account) -> None:
        if self.owner(account.name) is not None:
            raise Refused("That account exists already", reply="ACCOUNT_EXISTS")
        self._save(self._expired())
        if len(self._accounts) >= self.settings.most_accounts:
            raise Refused("No more accounts can be made here", reply="TEMPORARILY_UNAVAILABLE")
        self._save([("account", key_of(account), account)])

    def _replace(self, name: str, change: Callable[[Account], Account]) -> Account:
        account = self.owner(name)
        if account is None:
            raise Refused(f"There is no account {name} any more")
        account = change(account)
        self._save([("account", key_of(account), account)])
        return account

    def _remove(self, name: str) -> list[KeptChannel]:
        account = self._accounts.get(ascii_fold(name))
        if account is None:
            return []
        key, dropped = key_of(account), self.channels_of(account)
        listed = [one for one in self._channels.values() if key in one.access and one.founder != key]
        without = [replace(one, access={name: flag for name, flag in one.access.items() if name != key}) for one in listed]
        self._save(
            [
                ("account", key, None),
                *[("channel", key_of(channel), None) for channel in dropped],
                *[("channel", key_of(channel), channel) for channel in without],
            ]
        )
        return dropped

    def _check_founder(self, key: str) -> None:
        if key not in self._accounts:
            raise Refused("There is no such account any more")
        if sum(one.founder == key for one in self._channels.values()) >= self.settings.channels_each:
            raise Refused(f"An account has {self.settings.channels_each} channels at most")

    def _add_channel(self, channel: KeptChannel) -> KeptChannel:
        if key_of(channel) in self._channels:
            raise Refused(f"{channel.name} is registered already")
        if len(self._channels) >= self.settings.most_channels:
            raise Refused("No more channels can be registered here")
        self._check_founder(channel.founder)
        self._save([("channel", key_of(channel), channel)])
        return channel

    def _replace_channel(self, name: str, change: Callable[[KeptChannel], KeptChannel]) -> KeptChannel:
        channel = self._channels.get(ascii_fold(name))
        if channel is None:
            raise Refused(f"{name} is not registered any more")
        channel = change(channel)
        self._save([("channel", key_of(channel), channel)])
        return channel


def _digest(code: str) -> str:
    """What is kept of a code."""
    return hashlib.sha256(code.encode()).hexdigest()
