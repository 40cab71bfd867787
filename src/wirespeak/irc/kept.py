"""What outlives a restart of the server, as values: accounts, registered channels, and bans of the whole server.

Each is written whole, as JSON, under a kind and a key (``store.py``); a field that a later version adds has a default, so what an
earlier one wrote is read by it too. Values are frozen: one that changes is replaced by another, so whoever holds one holds a picture of a
moment, in any thread. Keys are folded names (``casemapping.py``). Pure: touches nothing outside.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias, TypeVar

import msgspec

from wirespeak.errors import StorageError
from wirespeak.irc.casemapping import ascii_fold

__all__ = ["ACCESS", "OPTIONS", "Account", "Ban", "Enforce", "Entry", "KeptChannel", "Kind", "key_of", "read", "write"]

Kind = Literal["account", "channel", "ban", "secret"]

Enforce = Literal["", "none", "rename", "strict"]
"""What becomes of somebody who keeps a nick of this account's without being logged in to it: nothing; after a time another nick; or it is
refused at once. "" is what the server has for everyone."""

ACCESS: Final = {"a": "SOP", "o": "AOP", "h": "HOP", "v": "VOP"}
"""What an account may be given in a channel: the prefix mode that it gets at JOIN, and what services have called that for long."""

OPTIONS: Final = ("keeptopic", "topiclock")
"""What ChanServ's SET turns on and off: the topic outlives the last one who leaves; only those with access change it."""


@dataclass(slots=True, frozen=True)
class Account:
    """Someone's name, and how it is known that somebody is that one.

    ``keys`` are SCRAM-SHA-256's as RFC 5803 writes them. ``nicks`` are grouped with ``name``, which is one of its own accord.
    ``certificates`` are SHA-256 fingerprints in lower-case hex, for SASL EXTERNAL. Times are seconds since 1970. While ``code`` is set, the
    SHA-256 of what was mailed to ``email``, nobody logs in, and at ``expires`` it is as if it never was.
    """

    name: str
    keys: str
    created: float
    email: str = ""
    nicks: tuple[str, ...] = ()
    certificates: tuple[str, ...] = ()
    enforce: Enforce = ""
    code: str = ""
    expires: float = 0.0

    def __repr__(self) -> str:
        return f"<Account {self.name}>"  # no key of it comes into a log

    def holds_at(self, now: float) -> bool:
        """Whether it is verified, or may still be."""
        return not self.code or now < self.expires


Entry: TypeAlias = tuple[str, str, float]
"""A mask in a channel's list, who set it, and when."""


@dataclass(slots=True, frozen=True)
class KeptChannel:
    """A registered channel: whose it is, and what it was like when last it had anyone in it.

    ``founder`` and the names in ``access`` (each with a letter of `ACCESS`) are accounts' keys. ``opened`` is the channel's own time of
    creation (numeric 329). ``modes`` are letters with their arguments, "" where there are none; ``lists`` are those of masks.
    """

    name: str
    founder: str
    registered: float
    opened: float
    topic: str = ""
    topic_by: str = ""
    topic_at: float = 0.0
    modes: dict[str, str] = field(default_factory=dict)
    lists: dict[str, tuple[Entry, ...]] = field(default_factory=dict)
    access: dict[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ("keeptopic",)


@dataclass(slots=True, frozen=True)
class Ban:
    """A K-line ("K": a mask ``user@host``) or D-line ("D": an address or network). ``until`` is None for one that stays."""

    kind: Literal["K", "D"]
    mask: str
    reason: str
    by: str
    at: float
    until: float | None = None


Kept = TypeVar("Kept", Account, KeptChannel, Ban)


def key_of(value: Account | KeptChannel | Ban) -> str:
    """Under which ``value`` is kept, among its kind."""
    return f"{value.kind} {ascii_fold(value.mask)}" if isinstance(value, Ban) else ascii_fold(value.name)


def write(value: Account | KeptChannel | Ban) -> bytes:
    """``value`` as it is kept."""
    return msgspec.json.encode(value)


def read(data: bytes, of: type[Kept]) -> Kept:
    """What `write` wrote. Raises `StorageError` for what it can't have written."""
    try:
        return msgspec.json.decode(data, type=of)
    except msgspec.MsgspecError as error:
        raise StorageError(f"the accounts are damaged: a {of.__name__} can't be read ({error})") from None
