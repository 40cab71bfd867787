"""What an authority answers: RFC 1034 4.3.2 step by step, and what later RFCs made of it."""

from __future__ import annotations

import pytest

from tests.dns.zones import TTL, ask, shown, zone
from wirespeak.dns.authority import answer
from wirespeak.dns.messages import AA, CD, QR, RD, Message
from wirespeak.dns.names import Name
from wirespeak.dns.registry import Rcode, Type
from wirespeak.dns.zone import Zones

SOA = "example. SOA ns.example. admin.example. 1 7200 900 1209600 300"

# The zone that RFC 4592 2.2.1 explains wildcards with.
WILD = zone(
    "example.",
    """
    @                    NS     ns.example.com.
    @                    NS     ns.example.net.
    *                    TXT    "this is a wildcard"
    *                    MX     10 host1.example.
    sub.*                TXT    "this is not a wildcard"
    host1                A      192.0.2.1
    _ssh._tcp.host1      SRV    0 0 22 host1
    _ssh._tcp.host2      SRV    0 0 22 host1
    subdel               NS     ns.example.com.
    subdel               NS     ns.example.net.
    """,
)

HOME = zone(
    "example.",
    """
    @       NS     ns
    @       NS     ns.elsewhere.
    @       MX     10 mail
    ns      A      192.0.2.53
    mail    A      192.0.2.25
    mail    AAAA   2001:db8::25
    www     CNAME  web
    web     A      192.0.2.80
    web     A      192.0.2.81
    far     CNAME  www.elsewhere.
    gone    CNAME  nowhere
    one     CNAME  two
    two     CNAME  one
    deep.empty.below A 192.0.2.9
    sub     NS     ns.sub
    sub     NS     ns.other
    sub     NS     ns
    sub     DS     1 8 2 0000000000000000000000000000000000000000000000000000000000000000
    ns.sub  A      192.0.2.54
    other   NS     ns.other
    ns.other A     192.0.2.55
    to-sub  CNAME  www.sub
    old     DNAME  new.example.
    old     A      192.0.2.3
    www.new A      192.0.2.4
    """,
)


# --- what is there


def test_what_is_there_is_answered_with_authority() -> None:
    reply = ask(HOME, "web.example.")
    assert (reply.id, reply.flags, reply.rcode) == (4711, QR | AA | RD, Rcode.NOERROR)
    assert shown(reply.answers) == ["web.example. A 192.0.2.80", "web.example. A 192.0.2.81"]
    assert reply.authority == reply.additional == []
    assert {record.ttl for record in reply.answers} == {TTL}


def test_the_name_is_answered_in_the_case_that_was_asked_for() -> None:
    assert shown(ask(HOME, "WeB.eXample.").answers)[0] == "WeB.eXample. A 192.0.2.80"


def test_addresses_of_the_hosts_that_the_answer_names_go_with_it() -> None:
    reply = ask(HOME, "example.", "MX")
    assert shown(reply.answers) == ["example. MX 10 mail.example."]
    assert shown(reply.additional) == ["mail.example. A 192.0.2.25", "mail.example. AAAA 2001:db8::25"]
    assert shown(ask(HOME, "example.", "NS").additional) == ["ns.example. A 192.0.2.53"]


def test_flags_of_the_question_that_come_back() -> None:
    query = Message.query(Name.parse("web.example."), Type.A, flags=CD)
    assert answer(Zones([HOME]), query).flags == QR | AA | CD


# --- what is not


def test_a_name_that_is_not_there() -> None:
    reply = ask(HOME, "nothing.example.")
    assert (reply.rcode, reply.aa, reply.answers) == (Rcode.NXDOMAIN, True, [])
    assert shown(reply.authority) == [SOA]
    assert reply.authority[0].ttl == 300  # RFC 2308 3: no longer than the SOA's last field


def test_a_name_without_records_of_the_type() -> None:
    reply = ask(HOME, "web.example.", "AAAA")
    assert (reply.rcode, reply.aa, reply.answers, shown(reply.authority)) == (Rcode.NOERROR, True, [], [SOA])


@pytest.mark.parametrize("name", ["below.example.", "empty.below.example."])
def test_an_empty_non_terminal_is_there(name: str) -> None:
    assert ask(HOME, name).rcode == Rcode.NOERROR
    assert ask(HOME, f"x.{name}").rcode == Rcode.NXDOMAIN


def test_a_name_of_nobody_here_is_refused() -> None:
    reply = ask(HOME, "www.elsewhere.")
    assert (reply.rcode, reply.aa, list(reply.records())) == (Rcode.REFUSED, False, [])


# --- aliases (RFC 1034 3.6.2)


def test_an_alias_is_followed() -> None:
    reply = ask(HOME, "www.example.")
    assert shown(reply.answers) == ["www.example. CNAME web.example.", "web.example. A 192.0.2.80", "web.example. A 192.0.2.81"]


def test_asked_for_itself_it_is_not_followed() -> None:
    assert shown(ask(HOME, "www.example.", "CNAME").answers) == ["www.example. CNAME web.example."]


def test_an_alias_that_leads_out_ends_the_answer() -> None:
    reply = ask(HOME, "far.example.")
    assert (reply.rcode, shown(reply.answers), reply.authority) == (Rcode.NOERROR, ["far.example. CNAME www.elsewhere."], [])


def test_an_alias_of_what_is_not_there() -> None:
    reply = ask(HOME, "gone.example.")  # RFC 6604 3: the code is that of the last name
    assert (reply.rcode, shown(reply.answers), shown(reply.authority)) == (Rcode.NXDOMAIN, ["gone.example. CNAME nowhere.example."], [SOA])


def test_aliases_in_a_circle_are_given_once() -> None:
    reply = ask(HOME, "one.example.")
    assert shown(reply.answers) == ["one.example. CNAME two.example.", "two.example. CNAME one.example."]


def test_an_alias_into_another_zone_of_ours_goes_on_there() -> None:
    elsewhere = zone("elsewhere.", "www A 198.51.100.1")
    assert shown(ask([HOME, elsewhere], "far.example.").answers)[-1] == "www.elsewhere. A 198.51.100.1"


def test_an_alias_into_a_zone_that_is_delegated() -> None:
    reply = ask(HOME, "to-sub.example.")
    assert (reply.aa, shown(reply.answers)) == (True, ["to-sub.example. CNAME www.sub.example."])
    assert len(reply.authority) == 3


# --- delegations


@pytest.mark.parametrize("name", ["sub.example.", "www.sub.example.", "ns.sub.example."])
def test_what_lies_beneath_a_cut_is_referred_to(name: str) -> None:
    reply = ask(HOME, name)
    assert (reply.rcode, reply.aa, reply.answers) == (Rcode.NOERROR, False, [])
    assert shown(reply.authority) == [f"sub.example. NS {host}.example." for host in ("ns.sub", "ns.other", "ns")]
    assert shown(reply.additional) == [
        "ns.sub.example. A 192.0.2.54",
        "ns.other.example. A 192.0.2.55",  # beneath another cut
        "ns.example. A 192.0.2.53",
    ]
    assert reply.needed == 1  # what is beneath the cut itself can't be found otherwise (RFC 9471 3.1)


def test_what_the_parent_says_of_a_cut_is_answered() -> None:
    reply = ask(HOME, "sub.example.", "DS")  # RFC 4035 3.1.4.1
    assert (reply.aa, len(reply.answers), reply.authority) == (True, 1, [])
    assert shown(ask(HOME, "other.example.", "DS").authority) == [SOA]


def test_of_parent_and_child_each_answers_for_itself() -> None:
    child = zone("sub.example.", "www A 192.0.2.99")
    assert shown(ask([HOME, child], "www.sub.example.").answers) == ["www.sub.example. A 192.0.2.99"]
    assert len(ask([HOME, child], "sub.example.", "DS").answers) == 1
    assert shown(ask([child], "sub.example.", "DS").authority)[0].startswith("sub.example. SOA")


# --- wildcards (RFC 4592)


@pytest.mark.parametrize(
    ("name", "type", "data"),
    [
        ("host3.example.", "MX", "10 host1.example."),
        ("foo.bar.example.", "TXT", '"this is a wildcard"'),
    ],
)
def test_wildcards_that_match(name: str, type: str, data: str) -> None:
    assert shown(ask(WILD, name, type).answers) == [f"{name} {type} {data}"]


def test_a_wildcard_without_the_type() -> None:
    reply = ask(WILD, "host3.example.", "A")
    assert (reply.rcode, reply.answers, len(reply.authority)) == (Rcode.NOERROR, [], 1)


@pytest.mark.parametrize(
    ("name", "type", "rcode"),
    [
        ("host1.example.", "MX", Rcode.NOERROR),  # the name is there
        ("sub.*.example.", "MX", Rcode.NOERROR),
        ("_telnet._tcp.host1.example.", "SRV", Rcode.NXDOMAIN),  # the closest encloser has no wildcard beneath it
        ("ghost.*.example.", "MX", Rcode.NXDOMAIN),
    ],
)
def test_wildcards_that_do_not(name: str, type: str, rcode: int) -> None:
    reply = ask(WILD, name, type)
    assert (reply.rcode, reply.answers) == (rcode, [])


def test_a_cut_is_before_a_wildcard() -> None:
    reply = ask(WILD, "host.subdel.example.")
    assert (reply.aa, len(reply.authority)) == (False, 2)


def test_a_wildcard_asked_for_by_its_own_name() -> None:
    assert shown(ask(WILD, "*.example.", "TXT").answers) == ['*.example. TXT "this is a wildcard"']


# --- DNAME (RFC 6672)


def test_a_name_beneath_a_dname_is_renamed() -> None:
    reply = ask(HOME, "www.old.example.")
    assert shown(reply.answers) == [
        "old.example. DNAME new.example.",
        "www.old.example. CNAME www.new.example.",
        "www.new.example. A 192.0.2.4",
    ]


def test_its_owner_is_not() -> None:
    assert shown(ask(HOME, "old.example.").answers) == ["old.example. A 192.0.2.3"]
    assert shown(ask(HOME, "old.example.", "DNAME").answers) == ["old.example. DNAME new.example."]


def test_a_name_that_would_be_too_long() -> None:
    label = "a" * 63
    here = zone("example.", f"d DNAME {label}.{label}.{label}.example.")
    assert ask(here, f"{'b' * 50}.d.example.").rcode == Rcode.NXDOMAIN
    reply = ask(here, f"{'b' * 60}.d.example.")
    assert (reply.rcode, len(reply.answers)) == (Rcode.YXDOMAIN, 1)


# --- ANY (RFC 8482)


def test_any_gives_one_rrset_or_all() -> None:
    assert shown(ask(HOME, "mail.example.", "ANY").answers) == ["mail.example. A 192.0.2.25"]
    assert len(ask(HOME, "mail.example.", "ANY", whole=True).answers) == 2
    assert ask(HOME, "nothing.example.", "ANY").rcode == Rcode.NXDOMAIN


# --- signed zones (RFC 4035 3.1)

SIGNATURE = "8 2 3600 20300101000000 20200101000000 1 example. AAAA"
SIGNED = zone(
    "example.",
    f"""
    @     NS     ns
    @     NSEC   ns NS SOA RRSIG NSEC
    @     RRSIG  SOA {SIGNATURE}
    @     RRSIG  NSEC {SIGNATURE}
    ns    A      192.0.2.53
    ns    NSEC   safe A RRSIG NSEC
    ns    RRSIG  A {SIGNATURE}
    ns    RRSIG  NSEC {SIGNATURE}
    safe  NS     ns.safe
    safe  DS     1 8 2 0000000000000000000000000000000000000000000000000000000000000000
    safe  NSEC   sub NS DS RRSIG NSEC
    safe  RRSIG  DS {SIGNATURE}
    safe  RRSIG  NSEC {SIGNATURE}
    ns.safe A    192.0.2.54
    sub   NS     ns.sub
    sub   NSEC   *.w NS RRSIG NSEC
    sub   RRSIG  NSEC {SIGNATURE}
    ns.sub A     192.0.2.55
    *.w   A      192.0.2.1
    *.w   NSEC   x.y A RRSIG NSEC
    *.w   RRSIG  A {SIGNATURE}
    *.w   RRSIG  NSEC {SIGNATURE}
    x.y   A      192.0.2.7
    x.y   NSEC   @ A RRSIG NSEC
    x.y   RRSIG  NSEC {SIGNATURE}
    """,
)


def proof(name: str, type: str = "A") -> tuple[list[str], list[str]]:
    """What answer and authority say: owner and type, of signatures the type covered."""
    reply = ask(SIGNED, name, type, do=True)

    def short(record: object) -> str:
        owner, kind, *data = shown([record])[0].split()  # type: ignore[list-item]
        return f"{owner.removesuffix('example.').strip('.') or '@'} {f'RRSIG({data[0]})' if kind == 'RRSIG' else kind}"

    return [short(record) for record in reply.answers], [short(record) for record in reply.authority]


def test_signatures_go_with_what_they_sign_where_they_are_wanted() -> None:
    assert proof("ns.example.") == (["ns A", "ns RRSIG(A)"], [])
    assert len(ask(SIGNED, "ns.example.").answers) == 1


def test_proof_that_a_name_is_not_there() -> None:
    # Neither mm nor *: both lie between the apex and ns (RFC 4035 3.1.3.2).
    assert proof("mm.example.") == ([], ["@ SOA", "@ RRSIG(SOA)", "@ NSEC", "@ RRSIG(NSEC)"])
    assert proof("t.example.") == ([], ["@ SOA", "@ RRSIG(SOA)", "sub NSEC", "sub RRSIG(NSEC)", "@ NSEC", "@ RRSIG(NSEC)"])


def test_proof_that_a_type_is_not_there() -> None:
    assert proof("ns.example.", "MX") == ([], ["@ SOA", "@ RRSIG(SOA)", "ns NSEC", "ns RRSIG(NSEC)"])


def test_proof_for_an_empty_non_terminal() -> None:
    assert proof("y.example.") == ([], ["@ SOA", "@ RRSIG(SOA)", "*.w NSEC", "*.w RRSIG(NSEC)"])


def test_proof_for_what_a_wildcard_gives() -> None:
    assert proof("a.w.example.") == (["a.w A", "a.w RRSIG(A)"], ["*.w NSEC", "*.w RRSIG(NSEC)"])


def test_proof_for_what_a_wildcard_does_not_give() -> None:
    assert proof("a.w.example.", "MX") == ([], ["*.w NSEC", "*.w RRSIG(NSEC)", "@ SOA", "@ RRSIG(SOA)"])


def test_a_referral_says_whether_the_zone_below_is_signed() -> None:
    assert proof("www.safe.example.") == ([], ["safe NS", "safe DS", "safe RRSIG(DS)"])
    assert proof("www.sub.example.") == ([], ["sub NS", "sub NSEC", "sub RRSIG(NSEC)"])
