"""What kind an address or a port is."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as some

from wirespeak.errors import AddressError
from wirespeak.sockets.kinds import ADDRESS_KINDS, PORT_KINDS, kind, port_kind


@pytest.mark.parametrize(
    ("address", "name", "clause"),
    [
        ("127.0.0.1", "loopback", "RFC 1122 3.2.1.3"),
        ("127.255.255.255", "loopback", "RFC 1122 3.2.1.3"),
        ("128.0.0.0", "global", "RFC 4632"),
        ("0.0.0.0", "unspecified", "RFC 1122 3.2.1.3"),
        ("0.0.0.1", "this network", "RFC 791 3.2"),
        ("10.1.2.3", "private", "RFC 1918 3"),
        ("172.15.255.255", "global", "RFC 4632"),
        ("172.16.0.0", "private", "RFC 1918 3"),
        ("172.31.255.255", "private", "RFC 1918 3"),
        ("172.32.0.0", "global", "RFC 4632"),
        ("192.168.1.1", "private", "RFC 1918 3"),
        ("100.64.0.1", "shared", "RFC 6598"),
        ("169.254.1.1", "link-local", "RFC 3927 2.1"),
        ("192.0.0.1", "DS-Lite", "RFC 7335"),
        ("192.0.0.9", "port control anycast", "RFC 7723"),
        ("192.0.0.100", "protocol assignment", "RFC 6890 2.1"),
        ("192.0.0.171", "NAT64 discovery", "RFC 7050"),
        ("192.0.2.1", "documentation", "RFC 5737 3"),
        ("198.51.100.1", "documentation", "RFC 5737 3"),
        ("203.0.113.1", "documentation", "RFC 5737 3"),
        ("198.19.0.1", "benchmarking", "RFC 2544 C.2.2"),
        ("224.0.0.251", "link-local multicast", "RFC 5771 4"),
        ("239.1.2.3", "local multicast", "RFC 2365"),
        ("230.0.0.1", "multicast", "RFC 5771 3"),
        ("250.0.0.1", "reserved", "RFC 1112 4"),
        ("255.255.255.255", "broadcast", "RFC 919 7"),
        ("8.8.8.8", "global", "RFC 4632"),
        ("::", "unspecified", "RFC 4291 2.5.2"),
        ("::1", "loopback", "RFC 4291 2.5.3"),
        ("::2", "IPv4-compatible", "RFC 4291 2.5.5.1"),
        ("::ffff:192.0.2.1", "IPv4-mapped", "RFC 4291 2.5.5.2"),
        ("64:ff9b::192.0.2.1", "NAT64", "RFC 6052 2.1"),
        ("64:ff9b:1::1", "local NAT64", "RFC 8215"),
        ("100::1", "discard", "RFC 6666"),
        ("2001::1", "Teredo", "RFC 4380 2.6"),
        ("2001:1::1", "port control anycast", "RFC 7723"),
        ("2001:1ff::1", "protocol assignment", "RFC 2928"),
        ("2001:200::1", "global", "RFC 3587"),
        ("2001:2f::1", "ORCHIDv2", "RFC 7343"),
        ("2001:db8::1", "documentation", "RFC 3849 2"),
        ("3fff:fff::1", "documentation", "RFC 9637"),
        ("3fff:1000::1", "global", "RFC 3587"),
        ("2002:c000:204::1", "6to4", "RFC 3056 2"),
        ("2606:4700::1111", "global", "RFC 3587"),
        ("4000::1", "reserved", "RFC 4291 2.4"),
        ("fd00::1", "unique-local", "RFC 4193 3.1"),
        ("fe80::1", "link-local", "RFC 4291 2.5.6"),
        ("fe80::1%eth0", "link-local", "RFC 4291 2.5.6"),
        ("fec0::1", "site-local", "RFC 3879 4"),
        ("ff02::1", "link-local multicast", "RFC 7346 2"),
        ("ff0e::1", "multicast", "RFC 4291 2.7"),
    ],
)
def test_the_kind_of_an_address(address: str, name: str, clause: str) -> None:
    found = kind(address)
    assert (found.name, found.clause) == (name, clause)
    assert kind(ip_address(address)) is found


def test_no_range_is_there_twice_and_all_is_told_of_each() -> None:
    assert len({row.network for row in ADDRESS_KINDS}) == len(ADDRESS_KINDS)
    for row in ADDRESS_KINDS:
        assert row.name
        assert row.meaning
        assert row.clause.startswith("RFC ")


@given(some.ip_addresses())
def test_the_narrowest_range_counts(address: IPv4Address | IPv6Address) -> None:
    mine = kind(address)
    around = [row for row in ADDRESS_KINDS if row.network.version == address.version and address in row.network]
    assert mine in around
    assert all(mine.network.subnet_of(row.network) for row in around)  # type: ignore[arg-type]


@given(some.ip_addresses(network="10.0.0.0/8") | some.ip_addresses(network="fc00::/7") | some.ip_addresses(network="127.0.0.0/8"))
def test_what_stays_inside_is_not_forwarded(address: IPv4Address | IPv6Address) -> None:
    assert not kind(address).forwarded
    assert not address.is_global


@pytest.mark.parametrize("text", ["", "localhost", "1.2.3", "010.0.0.1", "1.2.3.4/8", ":::", "x" * 1000])
def test_what_is_no_ip_address_has_no_kind(text: str) -> None:
    with pytest.raises(AddressError, match="is no IP address: expected one like") as refused:
        kind(text)
    assert len(str(refused.value)) < 250


@pytest.mark.parametrize(
    ("port", "name"),
    [(0, "well-known"), (1023, "well-known"), (1024, "registered"), (49151, "registered"), (49152, "dynamic"), (65535, "dynamic")],
)
def test_the_kind_of_a_port(port: int, name: str) -> None:
    assert port_kind(port).name == name
    assert port_kind(port).clause == "RFC 6335 6"


def test_the_kinds_of_ports_leave_no_gap() -> None:
    assert [port for row in PORT_KINDS for port in range(row.first, row.last + 1)] == list(range(65536))


@pytest.mark.parametrize("port", [-1, 65536])
def test_what_is_no_port_has_no_kind(port: int) -> None:
    with pytest.raises(AddressError, match="expected 0 to 65535"):
        port_kind(port)
