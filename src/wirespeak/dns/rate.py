"""Response rate limiting: a server that is asked in another's name doesn't flood that other with its answers.

Who sends a question over UDP can put any address into it as his own, and the answer, many times as long, goes there. A
flood of this kind asks much the same again and again. So answers are counted by whom they go to (a whole network, for one
in a network can pose as all others) and by what they say; past so many a second of one sort, most are not sent:

    ┌ network 192.0.2.0/24 ┐ ┌ sort ┐ ┌ name ────────┐
    │                      │ answer   www.home.test    ── tokens: one an answer, so many a second
    │                      │ absent   home.test        ── all names that aren't there are one: random ones don't help
    │                      │ error                     ── all errors are one

Each ``slip``-th of them is sent cut short instead (TC): who really asks comes back over TCP, where an address can't be
forged. This is what BIND and NSD do (P. Vixie, V. Schryver, "DNS Response Rate Limiting", 2012). Pure: the time is an argument.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from wirespeak.dns.names import read_name
from wirespeak.dns.registry import Rcode
from wirespeak.dns.zone import Zones

__all__ = ["LOOPBACK", "RateLimiter", "Sort", "Verdict", "sort_of"]

LOOPBACK: Final = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
"""From which no forged question can come: routers let nothing through that bears these addresses (RFC 1122 3.2.1.3)."""

# Seconds of its rate that it can be in debt: how long a flood has to be over before it is answered again.
WINDOW: Final = 15
# Sorts of answers, and networks, that are counted at a time, and half as many as are at least: each takes some 300 bytes, so
# 30 MB in all. Who is pushed out begins with full credit again.
SORTS: Final = 80_000
NETWORKS: Final = 20_000
# Addresses whose network is remembered.
ADDRESSES: Final = 16_384


class Sort(IntEnum):
    """What kind of answer it is."""

    ANSWER = 1
    ABSENT = 2  # NXDOMAIN
    EMPTY = 3  # the name is there, the type isn't
    REFERRAL = 4
    ERROR = 5


class Verdict(IntEnum):
    """What becomes of an answer."""

    SEND = 1
    SLIP = 2  # sent, but cut short
    DROP = 3


class _Bucket:
    """Tokens: ``rate`` more each second, and never more than that; what is taken beyond them is a debt."""

    __slots__ = ("held", "tokens", "when")

    def __init__(self, tokens: float, when: float) -> None:
        self.tokens = tokens
        self.when = when
        self.held = 0
        """Answers that were held back."""

    def take(self, rate: int, now: float) -> bool:
        """Whether there was a token to take."""
        tokens = min(rate, self.tokens + (now - self.when) * rate) - 1
        self.when = now
        self.tokens = max(tokens, -WINDOW * rate)
        return tokens >= 0


class _Buckets:
    """By whom, or what, they are for: at most ``most``, in two generations, as what lies ready (``prepared.py``) is."""

    __slots__ = ("_half", "_old", "_rate", "_young")

    def __init__(self, most: int, rate: int) -> None:
        self._half = most // 2
        self._rate = rate
        self._young: dict[bytes, _Bucket] = {}
        self._old: dict[bytes, _Bucket] = {}

    def of(self, key: bytes, now: float) -> _Bucket:
        bucket = self._young.get(key)
        if bucket is None:
            bucket = self._old.pop(key, None) or _Bucket(self._rate, now)
            if len(self._young) >= self._half:
                self._old, self._young = self._young, {}
            self._young[key] = bucket
        return bucket

    def __len__(self) -> int:
        return len(self._young) + len(self._old)


class RateLimiter:
    """Lets pass ``rate`` answers a second of each sort and name to each network: ``ipv4`` and ``ipv6`` bits of an address.

    They are counted so for networks that get more than that in all; so most answers cost a look at one number, and a flood
    gets as many again before it is held. Every ``slip``-th answer past the rate is cut short and sent (0: none). Addresses in
    ``spared`` are not limited.
    """

    __slots__ = ("_ipv4", "_ipv6", "_networks", "_of_address", "_rate", "_slip", "_sorts", "_spared")

    def __init__(
        self,
        rate: int,
        *,
        slip: int = 2,
        ipv4: int = 24,
        ipv6: int = 56,
        spared: Sequence[IPv4Network | IPv6Network] = LOOPBACK,
    ) -> None:
        self._rate = rate
        self._slip = slip
        self._ipv4 = ipv4
        self._ipv6 = ipv6
        self._spared = spared
        self._of_address: dict[str, bytes | None] = {}
        self._networks = _Buckets(NETWORKS, rate)
        self._sorts = _Buckets(SORTS, rate)

    def network(self, address: str) -> bytes | None:
        """The network of ``address``; None where it is spared."""
        try:
            return self._of_address[address]
        except KeyError:
            pass
        if len(self._of_address) >= ADDRESSES:
            self._of_address.clear()
        network = self._of_address[address] = self._network(address)
        return network

    def _network(self, address: str) -> bytes | None:
        ip = ip_address(address.partition("%")[0])
        if isinstance(ip, IPv6Address):
            ip = ip.ipv4_mapped or ip
        if any(ip in network for network in self._spared):
            return None
        bits = self._ipv4 if ip.version == 4 else self._ipv6
        cut = ip.max_prefixlen - bits
        return (int(ip) >> cut << cut).to_bytes(ip.max_prefixlen // 8, "big")

    def is_busy(self, network: bytes, now: float) -> bool:
        """Whether an answer to ``network`` at ``now`` (seconds) has to be counted by its sort (`check`)."""
        return not self._networks.of(network, now).take(self._rate, now)

    def check(self, network: bytes, sort: Sort, name: bytes, now: float) -> Verdict:
        """What becomes of an answer of that sort, counted under ``name``."""
        bucket = self._sorts.of(b"%d%b%b" % (sort, network, name), now)
        if bucket.take(self._rate, now):
            return Verdict.SEND
        bucket.held += 1
        return Verdict.SLIP if self._slip and bucket.held % self._slip == 0 else Verdict.DROP


def sort_of(reply: bytes, end: int, zones: Zones) -> tuple[Sort, bytes]:
    """The sort of a reply whose question ends at ``end``, and the name that it is counted under.

    That is the zone's for what isn't there and for what a wildcard makes up, so that asking for random names doesn't help;
    the name of the zone below for a referral; otherwise the one asked for.
    """
    rcode = reply[3] & 15
    if rcode not in (Rcode.NOERROR, Rcode.NXDOMAIN) or end <= 12:
        return Sort.ERROR, b""
    asked = reply[12 : end - 4].lower()
    if reply[6:8] == b"\0\0" and reply[8:10] != b"\0\0":
        owner = read_name(reply, end)[0].key  # of the SOA, or of the NS records
        if rcode == Rcode.NXDOMAIN:
            return Sort.ABSENT, owner
        return (Sort.EMPTY, owner) if reply[2] & 4 else (Sort.REFERRAL, owner)  # RFC 1035 4.1.1: AA
    zone = zones.find(asked)
    if zone is not None and asked not in zone.nodes:
        return Sort.ANSWER, zone.origin.key
    return Sort.ANSWER, asked
