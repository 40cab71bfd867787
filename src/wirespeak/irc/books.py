"""All that is kept, in memory: looked up at any time, and changed only once the disk has it. Pure.

What is written goes through the store's one thread, in the order asked for; there it is committed first, and then put here. Values are
replaced, never changed (``kept.py``), and a dictionary takes a replacement in one step: so the loop may look while that thread writes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, Final, ParamSpec, Protocol, TypeAlias, TypeVar

from wirespeak.errors import StorageError
from wirespeak.irc.casemapping import ascii_fold
from wirespeak.irc.kept import Account, Ban, KeptChannel, Kind, key_of, read, write
from wirespeak.irc.masks import skeleton

__all__ = ["Books", "Change", "Store", "shape_of"]

P = ParamSpec("P")
T = TypeVar("T")

Change: TypeAlias = tuple[Kind, str, Account | KeptChannel | Ban | None]
"""A value under its kind and key; None for none any more."""


# What people, and their programs, put to a nick that is taken: ann_ and ann` are seen to be others.
UNMARKED: Final = re.compile(r"[^_`^\-]+")


def shape_of(nick: str) -> str:
    """What ``nick`` looks like: letters and digits as `masks.skeleton` has them, and marks as they are."""
    return UNMARKED.sub(lambda part: skeleton(part[0]), nick)


class Store(Protocol):
    """Where everything is kept, and the threads to do it in (``store.py``)."""

    def load(self) -> Iterable[tuple[str, str, bytes]]: ...
    def commit(self, changes: Sequence[tuple[str, str, bytes | None]]) -> None: ...
    async def run(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T: ...
    async def hash(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T: ...
    def start(self, work: Callable[[], object]) -> None: ...
    def close(self) -> None: ...


class Books:
    """What ``store`` keeps. ``clock`` gives seconds since 1970. Raises `StorageError` for what it can't have kept."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._accounts: dict[str, Account] = {}
        self._owners: dict[str, str] = {}  # a nick, folded → the account's key
        self._shapes: dict[str, str] = {}  # what a nick looks like → the account's key
        self._certificates: dict[str, str] = {}
        self._pending: set[str] = set()  # accounts that are not verified
        self._channels: dict[str, KeptChannel] = {}
        self._bans: dict[str, Ban] = {}
        self._changed: dict[str, dict[str, Any]] = {}  # fields of channels that the disk doesn't have yet; written by the loop alone
        self._saved: dict[str, dict[str, Any]] = {}  # and those of them that it has since
        self._saving = False
        self._secret = b""
        for kind, key, value in store.load():
            if kind == "account":
                self._put_account(key, read(value, Account))
            elif kind == "channel":
                self._channels[key] = read(value, KeptChannel)
            elif kind == "ban":
                self._bans[key] = read(value, Ban)
            elif kind == "secret":
                self._secret = value
            else:
                raise StorageError(f"the accounts hold {kind!r}, of which this version knows nothing")

    def close(self) -> None:
        """Keep what was asked for and is not kept yet, and close the store. Blocks."""
        self._store.close()

    # --- looking up

    def get(self, name: str) -> Account | None:
        """The account called ``name``, or with which that nick is grouped; None where there is none, or it is not verified yet."""
        account = self._accounts.get(self._owners.get(ascii_fold(name), ""))
        return None if account is None or account.code else account

    def owner(self, nick: str) -> Account | None:
        """Whose ``nick`` is, verified or about to be."""
        account = self._accounts.get(self._owners.get(ascii_fold(nick), ""))
        return account if account is not None and account.holds_at(self._clock()) else None

    def looks_like(self, shape: str) -> Account | None:
        """Whose nick has that `shape_of`, verified or about to be."""
        account = self._accounts.get(self._shapes.get(shape, ""))
        return account if account is not None and account.holds_at(self._clock()) else None

    def by_certificate(self, fingerprint: str) -> Account | None:
        """Who has the certificate with that SHA-256 fingerprint, in lower-case hex (RFC 4422 A)."""
        account = self._accounts.get(self._certificates.get(fingerprint, ""))
        return None if account is None or account.code else account

    def all(self) -> list[Account]:
        """Every account that is verified."""
        return [account for account in list(self._accounts.values()) if not account.code]

    def channel(self, name: str) -> KeptChannel | None:
        """The registered channel called ``name``."""
        key = ascii_fold(name)
        changed = self._changed.get(key)  # looked at first: once that is gone, the channel has it
        channel = self._channels.get(key)
        return channel if channel is None or changed is None else replace(channel, **changed)

    def channels(self) -> list[KeptChannel]:
        """Every channel that is registered, as the disk has it."""
        return list(self._channels.values())

    def channels_of(self, account: Account) -> list[KeptChannel]:
        """Those that are ``account``'s."""
        key = key_of(account)
        return [channel for channel in self.channels() if channel.founder == key]

    @property
    def bans(self) -> list[Ban]:
        """The bans of the server that are not over."""
        now = self._clock()
        return [ban for ban in list(self._bans.values()) if ban.until is None or now < ban.until]

    # --- what changes often

    def keep(self, name: str, **fields: Any) -> None:
        """Have other values in ``fields`` of a registered channel: here at once, on the disk soon; what changes fast is written once."""
        while self._saved:
            key, saved = self._saved.popitem()
            if self._changed.get(key) is saved:
                del self._changed[key]
        self._changed[ascii_fold(name)] = fields
        if not self._saving:
            self._saving = True
            self._store.start(self._save_changed)

    # --- writing, in the store's thread

    def _save_changed(self) -> None:
        self._saving = False  # what is changed from here on is saved by another call
        changed = list(self._changed.items())
        self._save([("channel", key, replace(self._channels[key], **fields)) for key, fields in changed if key in self._channels])
        self._saved.update(changed)

    def _save(self, changes: Sequence[Change]) -> None:
        """Take ``changes``, all of them or none: first on the disk, then here."""
        if not changes:
            return
        self._store.commit([(kind, key, None if value is None else write(value)) for kind, key, value in changes])
        for kind, key, value in changes:
            if kind == "account":
                assert value is None or isinstance(value, Account)
                self._put_account(key, value)
            else:
                _put(self._channels if kind == "channel" else self._bans, key, value)

    def _put_account(self, key: str, account: Account | None) -> None:
        before = self._accounts.get(key)
        # First what is there and then what leads to it, and the other way round when it goes: who looks meanwhile finds all, or nothing.
        if account is not None:
            self._accounts[key] = account
        for index, old, new in (
            (self._owners, _nicks(before), _nicks(account)),
            (self._shapes, _shapes(before), _shapes(account)),
            (self._certificates, _certificates(before), _certificates(account)),
        ):
            index.update(dict.fromkeys(new, key))
            for gone in old - new:
                index.pop(gone, None)
        if account is None:
            self._accounts.pop(key, None)
        if account is not None and account.code:
            self._pending.add(key)
        else:
            self._pending.discard(key)

    def _expired(self) -> list[Change]:
        """Away with the accounts that nobody verified in time."""
        now = self._clock()
        return [("account", key, None) for key in self._pending if not self._accounts[key].holds_at(now)]


def _nicks(account: Account | None) -> set[str]:
    return set() if account is None else {ascii_fold(nick) for nick in (account.name, *account.nicks)}


def _shapes(account: Account | None) -> set[str]:
    return {shape_of(nick) for nick in _nicks(account)}


def _certificates(account: Account | None) -> set[str]:
    return set() if account is None else set(account.certificates)


def _put(kept: dict[str, Any], key: str, value: Any) -> None:
    if value is None:
        kept.pop(key, None)
    else:
        kept[key] = value
