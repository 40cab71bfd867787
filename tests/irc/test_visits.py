"""How many may connect from one address, and from one network."""

from __future__ import annotations

from wirespeak.irc.config import VisitLimits
from wirespeak.irc.visits import Visits, address_of, listed


def visits(per_address: int = 0, per_network: int = 0, each_minute: int = 0, exempt: tuple[str, ...] = (), buckets: int = 100) -> Visits:
    return Visits(VisitLimits(per_address=per_address, per_network=per_network, each_minute=each_minute, exempt=exempt), buckets)


def test_an_address_has_so_many_connections_at_a_time() -> None:
    one = visits(per_address=2)
    assert [one.enter("192.0.2.1", 0.0) for _ in range(3)] == ["", "", "Too many connections from your address"]
    assert one.enter("192.0.2.2", 0.0) == ""
    one.leave("192.0.2.1")
    assert one.enter("192.0.2.1", 0.0) == ""


def test_a_network_has_so_many_in_all() -> None:
    one = visits(per_network=2)
    assert [one.enter(f"192.0.2.{host}", 0.0) for host in range(3)] == ["", "", "Too many connections from your network"]
    assert one.enter("192.0.3.1", 0.0) == ""


def test_of_ipv6_the_first_64_bits_are_the_network() -> None:
    one = visits(per_network=1)
    assert one.enter("2001:db8::1", 0.0) == ""
    assert one.enter("2001:db8::ffff:1", 0.0) == "Too many connections from your network"
    assert one.enter("2001:db8:0:1::1", 0.0) == ""


def test_a_flood_of_connections_is_slowed_down() -> None:
    one = visits(each_minute=6)
    assert [one.enter("192.0.2.1", 0.0) for _ in range(7)][-2:] == ["", "Connecting too fast: come back in a minute"]
    assert one.enter("192.0.2.1", 9.0) != ""
    assert one.enter("192.0.2.1", 10.5) == ""
    assert one.enter("192.0.2.1", 11.0) != ""


def test_who_was_refused_is_not_counted_as_there() -> None:
    one = visits(per_address=1)
    one.enter("192.0.2.1", 0.0)
    assert one.enter("192.0.2.1", 0.0) != ""
    one.leave("192.0.2.1")
    assert one.enter("192.0.2.1", 0.0) == ""


def test_those_exempt_and_the_machine_itself_have_no_limit() -> None:
    one = visits(1, 1, 1, exempt=("127.0.0.0/8", "::1"))
    assert [one.enter(ip, 0.0) for ip in ("127.0.0.1", "127.0.0.1", "::1", "::1", "", "")] == [""] * 6


def test_limits_may_change_while_people_are_there() -> None:
    one = visits(per_address=1)
    one.enter("192.0.2.1", 0.0)
    one.set(VisitLimits(per_address=2, per_network=0, each_minute=0, exempt=()))
    assert one.enter("192.0.2.1", 0.0) == ""
    assert one.enter("192.0.2.1", 0.0) != ""


def test_networks_change_their_size_only_for_who_comes() -> None:
    """Who was counted by the old size is taken off by it."""
    one = visits(per_network=1)
    one.enter("192.0.2.1", 0.0)
    one.set(VisitLimits(per_address=0, per_network=1, each_minute=0, prefix4=16, exempt=()))
    one.leave("192.0.2.1")
    assert one.enter("192.0.2.2", 0.0) == ""


def test_the_networks_remembered_are_bounded() -> None:
    one = visits(each_minute=1, buckets=10)
    for number in range(1000):
        assert one.enter(f"10.{number // 250}.{number % 250}.1", 0.0) == ""
    assert len(one) <= 10


def test_the_address_of_a_peer() -> None:
    assert address_of(("192.0.2.1", 4000)) == "192.0.2.1"
    assert address_of(("::ffff:192.0.2.1", 4000, 0, 0)) == "192.0.2.1"
    assert address_of(("fe80::1%eth0", 4000, 0, 2)) == "fe80::1"
    assert address_of("") == address_of("/run/proxy") == address_of(("no address", 1)) == ""


def test_a_list_of_networks() -> None:
    assert listed("192.0.2.1", ("10.0.0.0/8", "192.0.2.0/24"))
    assert not listed("192.0.3.1", ("10.0.0.0/8", "192.0.2.0/24"))
    assert not listed("", ("0.0.0.0/0",))
    assert not listed("2001:db8::1", ("0.0.0.0/0",))
