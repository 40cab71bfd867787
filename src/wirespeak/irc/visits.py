"""Who may connect, and how often: connections are counted by address and by network (`config.VisitLimits`). Pure.

A network has a bucket of new connections: a minute's worth is in it at first, and a minute fills it again. The counts are as many as
there are connections; the buckets are bounded, and those not heard of for longest are let go.
"""

from __future__ import annotations

from collections import Counter
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Final

from wirespeak.irc.config import VisitLimits

__all__ = ["Visits", "address_of", "listed"]

BUCKETS: Final = 20_000
"""Networks whose new connections are counted at a time: some 200 bytes each, so 4 MB."""


def address_of(peer: Any) -> str:
    """The IP address of ``peer``, as its socket tells it; IPv4 as that, also where it came by an IPv6 socket. "" for a Unix socket."""
    if not isinstance(peer, tuple) or not peer:
        return ""
    try:
        ip = ip_address(str(peer[0]).partition("%")[0])
    except ValueError:
        return ""
    return str(ip.ipv4_mapped or ip) if isinstance(ip, IPv6Address) else str(ip)


def listed(ip: str, networks: tuple[str, ...]) -> bool:
    """Whether ``ip`` is in one of ``networks``."""
    if not ip:
        return False
    address = ip_address(ip)
    return any(address in ip_network(one) for one in networks)


class Visits:
    """Counts the connections that stand, and those that come."""

    __slots__ = ("_addresses", "_exempt", "_half", "_limits", "_networks", "_old", "_young")

    def __init__(self, limits: VisitLimits, buckets: int = BUCKETS) -> None:
        self._addresses: Counter[str] = Counter()
        self._half = max(1, buckets // 2)
        self._young: dict[str, tuple[float, float]] = {}  # network → tokens, and when they were counted
        self._old: dict[str, tuple[float, float]] = {}
        self.set(limits)

    def __len__(self) -> int:
        """Networks whose new connections are counted."""
        return len(self._young) + len(self._old)

    def set(self, limits: VisitLimits) -> None:
        """Count by ``limits`` from now on; who is there stays."""
        self._limits = limits
        self._exempt: tuple[IPv4Network | IPv6Network, ...] = tuple(ip_network(one) for one in limits.exempt)
        self._networks: Counter[str] = Counter()
        for ip, count in self._addresses.items():
            self._networks[self._network_of(ip_address(ip))] += count

    def enter(self, ip: str, now: float) -> str:
        """Count a connection from ``ip``: "" where it may stand, else why it may not (and it is not counted)."""
        if not ip:
            return ""
        limits, address = self._limits, ip_address(ip)
        network = self._network_of(address)
        if not any(address in one for one in self._exempt):
            if limits.per_address and self._addresses[ip] >= limits.per_address:
                return "Too many connections from your address"
            if limits.per_network and self._networks[network] >= limits.per_network:
                return "Too many connections from your network"
            if limits.each_minute and not self._take(network, now):
                return "Connecting too fast: come back in a minute"
        self._addresses[ip] += 1
        self._networks[network] += 1
        return ""

    def leave(self, ip: str) -> None:
        """A connection that was counted is over."""
        if not ip:
            return
        for counts, key in ((self._addresses, ip), (self._networks, self._network_of(ip_address(ip)))):
            counts[key] -= 1
            if counts[key] <= 0:
                del counts[key]

    def _network_of(self, address: IPv4Address | IPv6Address) -> str:
        prefix = self._limits.prefix4 if address.version == 4 else self._limits.prefix6
        return f"{address.version}/{int(address) >> address.max_prefixlen - prefix:x}"

    def _take(self, network: str, now: float) -> bool:
        """Whether one more of ``network`` may come now."""
        full = float(self._limits.each_minute)
        tokens, when = self._young.get(network) or self._old.pop(network, None) or (full, now)
        tokens = min(full, tokens + max(0.0, now - when) * full / 60)
        if network not in self._young and len(self._young) >= self._half:
            self._old, self._young = self._young, {}
        passes = tokens >= 1
        self._young[network] = (tokens - 1 if passes else tokens, now)
        return passes
