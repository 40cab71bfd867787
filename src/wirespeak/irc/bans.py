"""Who is kept away from the server: K-lines (``user@host``) and D-lines (addresses and networks). Pure.

    KLINE 1d *!~ann@192.0.2.0/24 …    held against everyone who registers: 465, and the connection ends
    DLINE 2001:db8::/32 …             held against every connection, before a byte is read of it

The bans themselves are kept by the accounts (``kept.Ban``), and outlast a restart; here they are found. There may be thousands: an
address is looked up once for each length of a network that there is, and only what is a mask is held against everyone in turn.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from itertools import chain
from typing import Final, TypeAlias

from wirespeak.errors import TextError
from wirespeak.irc.casemapping import ascii_fold
from wirespeak.irc.kept import Ban
from wirespeak.irc.masks import Mask, Maskable

__all__ = ["FOREVER", "Bans", "read_address", "read_duration", "read_mask", "time_left"]

Network: TypeAlias = IPv4Network | IPv6Network

FOREVER: Final = math.inf

UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "y": 31_536_000}
"""Seconds of each unit of a duration."""

# "90" (minutes, as operators have written it for long), "1d12h30m"
_MINUTES: Final = re.compile(r"[0-9]{1,7}")
_PARTS: Final = re.compile(r"(?:[0-9]{1,6}[smhdwy])+")
_PART: Final = re.compile(r"([0-9]+)([smhdwy])")

WIDEST: Final = {4: 8, 6: 19}
"""The fewest bits of a network, by version: registries are given a /8, or at most a /12, whoever connects has less."""

LITERAL: Final = 4
"""The fewest characters of a mask that stand for themselves: so nobody keeps everyone away by a slip of the hand."""


def read_duration(text: str) -> float | None:
    """The seconds that ``text`` stands for; `FOREVER` for 0; None where it is no duration."""
    if _MINUTES.fullmatch(text):
        return int(text) * 60.0 or FOREVER
    if _PARTS.fullmatch(text.lower()):
        return float(sum(int(count) * UNITS[unit] for count, unit in _PART.findall(text.lower()))) or FOREVER
    return None


def read_address(text: str) -> str:
    """An address or network (CIDR, RFC 4632 3.1) in its one form. Raises `TextError` for what is none, or is too much of the world."""
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        raise TextError(f"{text!r} is no address or network: expected one as 192.0.2.7 or 2001:db8::/32") from None
    if network.prefixlen < WIDEST[network.version]:
        raise TextError(f"{text} is too wide: expected /{WIDEST[network.version]} or narrower")
    return str(network if network.prefixlen < network.max_prefixlen else network.network_address)


def read_mask(text: str) -> str:
    """A mask ``user@host`` of a K-line. Raises `TextError` for what has another form, or means nearly everyone."""
    user, at, host = text.rpartition("@")
    user = user.removeprefix("*!")
    if not at or not user or not host or "!" in user or not text.isprintable() or " " in text:
        raise TextError(f"{text!r} is no mask of a user and host: expected one as *@*.example.org or ~ann@192.0.2.0/24")
    if "/" in host:
        host = read_address(host)
    elif len(re.sub(r"[*?.:@]", "", user + host)) < LITERAL:
        raise TextError(f"{text} is too wide: expected {LITERAL} characters at least beside wildcards")
    return f"{user}@{host}"


def time_left(ban: Ban, now: float) -> str:
    """How long ``ban`` holds from ``now`` on, for people: "for good", "for 1 day, 12:30:00"."""
    return "for good" if ban.until is None else f"for {timedelta(seconds=max(0, int(ban.until - now)))}"


class _Networks:
    """Bans by network, found by address."""

    __slots__ = ("_tables",)

    def __init__(self) -> None:
        self._tables: dict[tuple[int, int], dict[int, Ban]] = {}  # version and length → the network's bits → its ban

    def put(self, network: Network, ban: Ban) -> None:
        self._tables.setdefault((network.version, network.prefixlen), {})[int(network.network_address)] = ban

    def drop(self, network: Network) -> None:
        key = (network.version, network.prefixlen)
        table = self._tables.get(key, {})
        table.pop(int(network.network_address), None)
        if not table:
            self._tables.pop(key, None)

    def all(self) -> Iterator[Ban]:
        return chain.from_iterable(table.values() for table in self._tables.values())

    def find(self, ip: str, now: float) -> Ban | None:
        if not self._tables or not ip:
            return None
        address = ip_address(ip)
        version, bits, number = address.version, address.max_prefixlen, int(address)
        for (of, length), table in self._tables.items():
            if of == version:
                ban = table.get(number >> (bits - length) << (bits - length))
                if ban is not None and _holds(ban, now):
                    return ban
        return None


class Bans:
    """All bans of the server, as they are looked up. One that is over is passed over."""

    __slots__ = ("_addresses", "_anyone", "_masks")

    def __init__(self, bans: Iterable[Ban] = ()) -> None:
        self._addresses = _Networks()  # D-lines
        self._anyone = _Networks()  # K-lines that concern all users of an address or network
        self._masks: dict[str, tuple[Mask, Ban]] = {}  # the other K-lines
        for ban in bans:
            self.add(ban)

    def add(self, ban: Ban) -> None:
        """Hold ``ban`` against whoever comes, in the place of one of the same kind and mask."""
        networks, network = self._place(ban.kind, ban.mask)
        if network is not None:
            networks.put(network, ban)
        else:
            self._masks[ascii_fold(ban.mask)] = (Mask(ban.mask), ban)

    def remove(self, kind: str, mask: str) -> None:
        """Lift a ban, if there is such a one."""
        networks, network = self._place(kind, mask)
        if network is not None:
            networks.drop(network)
        else:
            self._masks.pop(ascii_fold(mask), None)

    def drop_over(self, now: float) -> None:
        """Forget those whose time is over: due before another is added, so that there are no more than the accounts keep."""
        masked = (ban for _, ban in self._masks.values())
        for ban in [ban for ban in (*self._addresses.all(), *self._anyone.all(), *masked) if not _holds(ban, now)]:
            self.remove(ban.kind, ban.mask)

    def of_address(self, ip: str, now: float) -> Ban | None:
        """The D-line that keeps away who connects from ``ip``; "" (a Unix socket) is never kept away."""
        return self._addresses.find(ip, now)

    def of_user(self, user: Maskable, now: float) -> Ban | None:
        """The K-line that keeps ``user`` away."""
        ban = self._anyone.find(user.ip, now)
        if ban is not None:
            return ban
        return next((ban for mask, ban in self._masks.values() if _holds(ban, now) and mask.matches(user)), None)

    def _place(self, kind: str, mask: str) -> tuple[_Networks, Network | None]:
        """Where a ban is looked up: by a network; or, where that is None, as a mask."""
        if kind == "D":
            return self._addresses, ip_network(mask)
        user, _, host = mask.rpartition("@")
        if user == "*":
            try:
                return self._anyone, ip_network(host, strict=False)
            except ValueError:
                pass
        return self._anyone, None


def _holds(ban: Ban, now: float) -> bool:
    return ban.until is None or now < ban.until
