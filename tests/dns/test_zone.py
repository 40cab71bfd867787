"""A zone in memory: which names it answers for, where others begin, and what it is found by."""

from __future__ import annotations

import pytest

from tests.dns.zones import zone
from wirespeak.dns.names import Name
from wirespeak.dns.rdata import Rdata
from wirespeak.dns.registry import Type
from wirespeak.dns.zone import Zone, Zones
from wirespeak.errors import TextError


def key(text: str) -> bytes:
    return Name.parse(text).key


ZONE = zone(
    "example.",
    """
    @            NS    ns
    NS           A     192.0.2.1
    a.b.c        A     192.0.2.2
    sub          NS    ns.sub
    ns.sub       A     192.0.2.3
    deep.er.sub  TXT   "hidden"
    old          DNAME new
    x.old        TXT   "hidden too"
    """,
)


def test_names_between_are_there_too() -> None:
    assert ZONE.nodes[key("b.c.example.")] == ZONE.nodes[key("c.example.")] == ()
    assert key("d.example.") not in ZONE.nodes


def test_names_beneath_a_cut_or_a_dname_are_kept_apart() -> None:
    assert ZONE.cuts == {key("sub.example.")}
    assert ZONE.dnames == {key("old.example.")}
    assert set(ZONE.glue) == {key("ns.sub.example."), key("deep.er.sub.example."), key("x.old.example.")}
    assert key("er.sub.example.") not in ZONE.nodes


def test_the_owner_is_kept_as_it_is_written() -> None:
    rrset = ZONE.rrset(key("ns.example."), Type.A)
    assert rrset is not None
    assert rrset.owner == b"\x02NS\x07example\0"
    assert ZONE.rrset(key("ns.example."), Type.AAAA) is None


def test_the_closest_name() -> None:
    assert ZONE.closest(key("x.y.b.c.example.")) == key("b.c.example.")
    assert ZONE.closest(key("x.example.")) == key("example.")


def test_what_the_soa_says() -> None:
    assert (ZONE.serial, ZONE.negative_ttl, ZONE.size) == (1, 300, 9)


def test_records_that_come_twice_count_once_and_have_one_ttl() -> None:
    soa = Rdata.parse("SOA", "ns. admin. 1 1 1 1 1").wire
    name = Name.parse("example.").wire
    a = [(name, Type.A, ttl, bytes([192, 0, 2, last])) for ttl, last in ((60, 1), (30, 2), (90, 1))]
    made = Zone.of(Name(name), [(name, Type.SOA, 60, soa), *a])
    rrset = made.rrset(name, Type.A)
    assert rrset is not None
    assert (rrset.rdatas, rrset.ttl) == ((b"\xc0\0\x02\x01", b"\xc0\0\x02\x02"), 30)


@pytest.mark.parametrize("lines", [[], ["other.example."], ["example.", "other.example."]])
def test_a_zone_has_one_soa_at_its_origin(lines: list[str]) -> None:
    soa = Rdata.parse("SOA", "ns. admin. 1 1 1 1 1").wire
    with pytest.raises(TextError, match="one SOA"):
        Zone.of(Name.parse("example."), [(Name.parse(line).wire, Type.SOA, 60, soa) for line in lines])


def test_the_closest_zone_is_found() -> None:
    zones = Zones([zone(origin, "") for origin in (".", "example.", "sub.example.")])
    for name, origin in [("www.sub.example.", "sub.example."), ("example.", "example."), ("xexample.", "."), (".", ".")]:
        found = zones.find(key(name))
        assert found is not None
        assert str(found.origin) == origin
    assert zones.find(key("example."), 3) is None
    assert Zones().find(key("example.")) is None


def test_a_new_zone_takes_the_place_of_the_old() -> None:
    zones = Zones([zone("example.", ""), zone("other.", "")])
    newer = zone("example.", "www A 192.0.2.1")
    changed = zones.with_(newer)
    assert len(changed) == 2
    assert changed.find(key("www.example.")) is newer
    assert zones.find(key("www.example.")) is not newer


def test_hashes_of_names() -> None:
    # RFC 5155 appendix A: salt aabbccdd, 12 more iterations.
    signed = zone("example.", "@ NSEC3PARAM 1 0 12 aabbccdd")
    assert signed.hashed(key("example.")) == Name.parse("0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example.").key
    assert signed.hashed(key("*.w.example.")) == Name.parse("r53bq7cc2uvmubfu5ocmm6pers9tk9en.example.").key


def test_records_that_differ_in_the_case_of_a_name_count_once() -> None:
    made = zone("example.", "a CNAME B.example.\na CNAME b.EXAMPLE.")
    rrset = made.rrset(key("a.example."), Type.CNAME)
    assert rrset is not None
    assert rrset.rdatas == (b"\x01b\x07EXAMPLE\0",)


def test_a_cut_may_lie_beneath_a_cut() -> None:
    made = zone("example.", "a NS ns.b.a\nb.a NS ns.b.a\nns.b.a A 192.0.2.1\nc.a TXT x")
    assert made.cuts == {key("a.example."), key("b.a.example.")}
    assert set(made.glue) == {key("b.a.example."), key("ns.b.a.example."), key("c.a.example.")}
