"""What kind an address or a port is: the special-purpose address registries and the ranges of ports, as tables.

Some addresses mean this machine, some this link, some are for use inside a network or only in books. IANA keeps the
list of them (RFC 6890, with RFC 8190 on what its columns mean; one registry for IPv4, one for IPv6). `kind` looks an
address up in that list: of all the ranges it lies in, the longest prefix, which is the narrowest range, says what it is.
`port_kind` does the same for a port (RFC 6335 6). Pure: nothing outside is touched.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from wirespeak.errors import AddressError

__all__ = ["ADDRESS_KINDS", "PORT_KINDS", "AddressKind", "PortKind", "kind", "port_kind"]


@dataclass(slots=True, frozen=True)
class AddressKind:
    """One range of addresses: what it is called, what it means, and which clause says so.

    ``forwarded`` tells whether a packet to such an address may cross from one network into another, anywhere in the
    world ("Globally Reachable" in the registry, RFC 8190 2.1). Multicast is: where its scope (RFC 7346) ends is another matter.
    """

    network: IPv4Network | IPv6Network
    name: str
    meaning: str
    clause: str
    forwarded: bool = False


def _row(network: str, name: str, meaning: str, clause: str, forwarded: bool = False) -> AddressKind:
    return AddressKind(ip_network(network), name, meaning, clause, forwarded)


ADDRESS_KINDS: Final = (
    # IPv4
    _row("0.0.0.0/0", "global", "an address of the public internet", "RFC 4632", True),
    _row("0.0.0.0/8", "this network", "a host on this network, while it does not know which network that is", "RFC 791 3.2"),
    _row("0.0.0.0/32", "unspecified", "no address yet; to a listener, every address of this machine", "RFC 1122 3.2.1.3"),
    _row("10.0.0.0/8", "private", "for use inside a network", "RFC 1918 3"),
    _row("100.64.0.0/10", "shared", "between a provider and its customers, behind a carrier's translator (CGNAT)", "RFC 6598"),
    _row("127.0.0.0/8", "loopback", "this machine itself", "RFC 1122 3.2.1.3"),
    _row("169.254.0.0/16", "link-local", "chosen by a machine for itself where nobody gave it one; valid on this link", "RFC 3927 2.1"),
    _row("172.16.0.0/12", "private", "for use inside a network", "RFC 1918 3"),
    _row("192.0.0.0/24", "protocol assignment", "set aside for protocols", "RFC 6890 2.1"),
    _row("192.0.0.0/29", "DS-Lite", "between a home's IPv4 and the provider's IPv6 tunnel", "RFC 7335"),
    _row("192.0.0.8/32", "dummy", "stands in as the source of ICMP errors where a router has no IPv4 address", "RFC 7600"),
    _row("192.0.0.9/32", "port control anycast", "the nearest server for Port Control Protocol", "RFC 7723", True),
    _row("192.0.0.10/32", "TURN anycast", "the nearest server for relayed connections", "RFC 8155", True),
    _row("192.0.0.170/31", "NAT64 discovery", "the answers for ipv4only.arpa, by which a host finds its NAT64 prefix", "RFC 7050"),
    _row("192.0.2.0/24", "documentation", "for examples in texts (TEST-NET-1)", "RFC 5737 3"),
    _row("192.31.196.0/24", "AS112", "the DNS sink for reverse questions about private addresses", "RFC 7535", True),
    _row("192.52.193.0/24", "multicast tunnel anycast", "the nearest relay for automatic multicast tunnels (AMT)", "RFC 7450", True),
    _row("192.88.99.0/24", "6to4 relay", "the nearest relay between 6to4 and IPv6; given up", "RFC 7526"),
    _row("192.168.0.0/16", "private", "for use inside a network", "RFC 1918 3"),
    _row("192.175.48.0/24", "AS112", "the DNS sink for reverse questions about private addresses", "RFC 7534", True),
    _row("198.18.0.0/15", "benchmarking", "for measuring network devices in a laboratory", "RFC 2544 C.2.2"),
    _row("198.51.100.0/24", "documentation", "for examples in texts (TEST-NET-2)", "RFC 5737 3"),
    _row("203.0.113.0/24", "documentation", "for examples in texts (TEST-NET-3)", "RFC 5737 3"),
    _row("224.0.0.0/4", "multicast", "a group that hosts join", "RFC 5771 3", True),
    _row("224.0.0.0/24", "link-local multicast", "a group on this link", "RFC 5771 4"),
    _row("232.0.0.0/8", "source-specific multicast", "a group with one named sender", "RFC 4607", True),
    _row("239.0.0.0/8", "local multicast", "a group inside a site or an organization", "RFC 2365"),
    _row("240.0.0.0/4", "reserved", "kept for a use that never came (class E)", "RFC 1112 4"),
    _row("255.255.255.255/32", "broadcast", "every host on this link", "RFC 919 7"),
    # IPv6
    _row("::/0", "reserved", "in no block that is given out", "RFC 4291 2.4"),
    _row("::/96", "IPv4-compatible", "an IPv4 address inside an IPv6 one; given up", "RFC 4291 2.5.5.1"),
    _row("::/128", "unspecified", "no address yet; to a listener, every address of this machine", "RFC 4291 2.5.2"),
    _row("::1/128", "loopback", "this machine itself", "RFC 4291 2.5.3"),
    _row("::ffff:0:0/96", "IPv4-mapped", "an IPv4 address, as a program that speaks IPv6 sees it", "RFC 4291 2.5.5.2"),
    _row("64:ff9b::/96", "NAT64", "an IPv4 host, reached from IPv6 through a translator", "RFC 6052 2.1", True),
    _row("64:ff9b:1::/48", "local NAT64", "an IPv4 host, through a translator inside this network", "RFC 8215"),
    _row("100::/64", "discard", "what is sent there is thrown away on purpose", "RFC 6666"),
    _row("100:0:0:1::/64", "dummy", "stands in where an IPv6 prefix is asked for and none exists", "RFC 9780"),
    _row("2000::/3", "global", "an address of the public internet", "RFC 3587", True),
    _row("2001::/23", "protocol assignment", "set aside for protocols", "RFC 2928"),
    _row("2001::/32", "Teredo", "IPv6 carried in UDP over IPv4, through translators", "RFC 4380 2.6"),
    _row("2001:1::1/128", "port control anycast", "the nearest server for Port Control Protocol", "RFC 7723", True),
    _row("2001:1::2/128", "TURN anycast", "the nearest server for relayed connections", "RFC 8155", True),
    _row("2001:1::3/128", "service registration anycast", "the nearest server that registers services in the DNS", "RFC 9665", True),
    _row("2001:2::/48", "benchmarking", "for measuring network devices in a laboratory", "RFC 5180"),
    _row("2001:3::/32", "multicast tunnel anycast", "the nearest relay for automatic multicast tunnels (AMT)", "RFC 7450", True),
    _row("2001:4:112::/48", "AS112", "the DNS sink for reverse questions about private addresses", "RFC 7535", True),
    _row("2001:10::/28", "ORCHID", "a name for a host's key, not a place; given up for ORCHIDv2", "RFC 4843"),
    _row("2001:20::/28", "ORCHIDv2", "a name for a host's key, not a place", "RFC 7343", True),
    _row("2001:30::/28", "drone identity", "a name for an aircraft's key, not a place (DRIP)", "RFC 9374", True),
    _row("2001:db8::/32", "documentation", "for examples in texts", "RFC 3849 2"),
    _row("2002::/16", "6to4", "made of an IPv4 address, for IPv6 carried over IPv4", "RFC 3056 2"),
    _row("2620:4f:8000::/48", "AS112", "the DNS sink for reverse questions about private addresses", "RFC 7534", True),
    _row("3fff::/20", "documentation", "for examples in texts", "RFC 9637"),
    _row("5f00::/16", "segment identifiers", "steps of a route inside one network (SRv6)", "RFC 9602"),
    _row("fc00::/7", "unique-local", "for use inside a network, and unlikely to be another's too", "RFC 4193 3.1"),
    _row("fe80::/10", "link-local", "valid on this link", "RFC 4291 2.5.6"),
    _row("fec0::/10", "site-local", "for use inside a site; given up for unique-local", "RFC 3879 4"),
    _row("ff00::/8", "multicast", "a group that hosts join", "RFC 4291 2.7", True),
    _row("ff01::/16", "interface-local multicast", "a group inside this machine", "RFC 7346 2"),
    _row("ff02::/16", "link-local multicast", "a group on this link", "RFC 7346 2"),
    _row("ff05::/16", "site-local multicast", "a group inside this site", "RFC 7346 2"),
    _row("ff08::/16", "organization-local multicast", "a group inside this organization", "RFC 7346 2"),
)
"""One row a range, those of IPv4 first, each family in the order of its addresses."""

# The narrowest range first, so that the first one found is the one that counts.
_NARROWEST_FIRST: Final = {
    version: sorted((row for row in ADDRESS_KINDS if row.network.version == version), key=lambda row: -row.network.prefixlen)
    for version in (4, 6)
}


def kind(address: IPv4Address | IPv6Address | str) -> AddressKind:
    """The kind of an IP address: the row of `ADDRESS_KINDS` with the longest prefix that it lies in.

    The zone of an IPv6 address does not matter. Raises `AddressError` for a text that is no IP address.
    """
    try:
        ip = ip_address(address)
    except ValueError:
        raise AddressError(f"{str(address)[:100]!r} is no IP address: expected one like 192.0.2.1 or 2001:db8::1") from None
    return next(row for row in _NARROWEST_FIRST[ip.version] if ip in row.network)


@dataclass(slots=True, frozen=True)
class PortKind:
    """One range of ports, from ``first`` to ``last``."""

    first: int
    last: int
    name: str
    meaning: str
    clause: str


PORT_KINDS: Final = (
    PortKind(
        0,
        1023,
        "well-known",
        "given out by IANA for the internet's own services; on Unix, listening on one takes a privilege",
        "RFC 6335 6",
    ),
    PortKind(
        1024, 49151, "registered", "given out by IANA to whoever asks for a service's sake; any program may listen on one", "RFC 6335 6"
    ),
    PortKind(49152, 65535, "dynamic", "given out to nobody: taken for a while, as the near end of a connection is", "RFC 6335 6"),
)
"""The three ranges; RFC 6335 also calls them System, User, and Private Ports."""


def port_kind(port: int) -> PortKind:
    """The range that ``port`` lies in. Raises `AddressError` for what is not from 0 to 65535."""
    for row in PORT_KINDS:
        if row.first <= port <= row.last:
            return row
    raise AddressError(f"{port} is no port: expected 0 to 65535")
