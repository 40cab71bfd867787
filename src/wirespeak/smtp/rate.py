"""How often one client may do something: so many times a minute, counted by whom it comes from.

Each client has a bucket of tokens, one for each connection, or each mail. A minute's worth is in it at first, and a minute fills it
again. So a burst passes, and whoever goes on at that pace is told to come back later. The table is bounded: when it is full,
those not heard of for longest are forgotten, and begin with a full bucket again. Pure: the time is an argument.
"""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address
from typing import Any, Final

__all__ = ["RateLimit", "client_of"]

CLIENTS: Final = 20_000
"""Clients counted at a time, and half as many as are at least: some 200 bytes each, so 4 MB."""


class RateLimit:
    """Lets each client pass ``per_minute`` times a minute."""

    __slots__ = ("_half", "_old", "_young", "per_minute")

    def __init__(self, per_minute: int, *, clients: int = CLIENTS) -> None:
        self.per_minute = per_minute
        self._half = max(1, clients // 2)
        # Tokens, and when they were counted; in two generations, as in `wirespeak.generations`.
        self._young: dict[str, tuple[float, float]] = {}
        self._old: dict[str, tuple[float, float]] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def take(self, client: str, now: float) -> bool:
        """Whether ``client`` may pass at ``now`` (seconds). One that may not is none the worse for having tried."""
        full = float(self.per_minute)
        tokens, when = self._young.get(client) or self._old.pop(client, None) or (full, now)
        tokens = min(full, tokens + (now - when) * full / 60)
        if client not in self._young and len(self._young) >= self._half:
            self._old, self._young = self._young, {}
        passes = tokens >= 1
        self._young[client] = (tokens - 1 if passes else tokens, now)
        return passes


def client_of(peer: Any) -> str:
    """What a client at ``peer``, its address as its socket tells it, is counted by; empty for one that isn't counted.

    An IPv4 address; the /64 of an IPv6 address, for that much is anybody's who has one (RFC 6177 2). Who comes by a Unix socket is of
    this machine.
    """
    if not isinstance(peer, tuple) or not peer:
        return ""
    try:
        ip = ip_address(str(peer[0]).partition("%")[0])
    except ValueError:
        return str(peer[0])
    if isinstance(ip, IPv6Address):
        if ip.ipv4_mapped is None:
            return str(IPv6Address(int(ip) >> 64 << 64))
        ip = ip.ipv4_mapped
    return str(ip)
