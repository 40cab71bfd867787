"""What makes a zone none, what there is to warn of, and where that is told to be."""

from __future__ import annotations

import pytest

from wirespeak.dns import zonecheck
from wirespeak.dns.names import Name
from wirespeak.dns.zonecheck import Report, examine
from wirespeak.dns.zonereader import ZoneReader

ORIGIN = Name.parse("example.")
HEAD = "$TTL 60\n@ SOA ns hostmaster 1 7200 900 1209600 300\n@ NS ns\nns A 192.0.2.1\n"


def check(text: str, origin: str = "example.") -> Report:
    return examine(lambda: ZoneReader(text, Name.parse(origin)))


def errors(lines: str) -> list[str]:
    """The errors of the small zone with more lines, of which the first is the fifth."""
    report = check(HEAD + lines)
    assert report.zone is None
    return [str(error) for error in report.errors]


def warnings(lines: str) -> list[str]:
    report = check(HEAD + lines)
    assert report.zone is not None
    assert not report.errors
    return [str(warning) for warning in report.warnings]


def test_a_zone_without_fault() -> None:
    report = check(
        HEAD
        + """\
@       MX    10 mail
@       TXT   "v=spf1 mx -all"
mail    AAAA  2001:db8::1
*       A     192.0.2.9
www     CNAME ns
_sip._tcp SRV 0 0 5060 sip.elsewhere.test.
        SRV   0 0 0 .
sub     NS    ns.sub
        NS    ns
        DS    1 13 2 {hash}
ns.sub  A     192.0.2.2
sub2    NS    ns.sub
old     DNAME new
        TXT   "moved"
""".format(hash="00" * 32)
    )
    assert report == Report(report.zone)
    assert report.zone is not None
    assert report.zone.size == 17


# What is refused, and where.
FATAL = [
    # RFC 1034 3.6.2, RFC 2181 10.1
    ("w A 192.0.2.1\nw CNAME x", ["6: w.example. has a CNAME record and others beside it: A (RFC 1034 3.6.2)"]),
    ("w CNAME x\nv A 192.0.2.1\nW MX 0 .\n TXT t", ["5: w.example. has a CNAME record and others beside it: MX, TXT (RFC 1034 3.6.2)"]),
    ("w CNAME x\nw DNAME x", ["5: w.example. has a CNAME record and others beside it: DNAME (RFC 1034 3.6.2)"]),
    ("w CNAME x\nw CNAME y", ["6: w.example. has several CNAME records, and may have one (RFC 2181 10.1, RFC 6672 2.4)"]),
    ("w DNAME x.\nw DNAME y.", ["6: w.example. has several DNAME records, and may have one (RFC 2181 10.1, RFC 6672 2.4)"]),
    ("@ SOA ns a 2 2 3 4 5", ["5: example. has several SOA records, and may have one (RFC 2181 10.1, RFC 6672 2.4)"]),
    # RFC 6672 2.3, 2.4
    ("w DNAME x.\na.b.w A 192.0.2.1", ["6: a.b.w.example. lies beneath the DNAME record of w.example. (RFC 6672 2.4)"]),
    ("w DNAME x.\nw NS ns", ["5: w.example. has NS records, which delegate it, and a DNAME record (RFC 6672 2.3)"]),
    # the zone's own name servers
    ("@ NS no", ["5: the NS record of example. names no.example., which has no address"]),
    ("a.ent A 192.0.2.1\n*.ent A 192.0.2.1\n@ NS ent", ["7: the NS record of example. names ent.example., which has no address"]),
    ("w CNAME ns\n@ NS w", ["6: the NS record of example. names w.example., which is a CNAME (RFC 2181 10.3)"]),
    (
        "w DNAME x.\n@ NS a.w",
        ["6: the NS record of example. names a.w.example., which lies beneath the DNAME record of w.example. (RFC 6672 2.4)"],
    ),
    ("@ NS 192.0.2.1", ["5: the NS record of example. names 192.0.2.1.example., an address where a name belongs (RFC 1035 3.3)"]),
    ("w NS 192.0.2.1.", ["5: the NS record of w.example. names 192.0.2.1., an address where a name belongs (RFC 1035 3.3)"]),
    # what DNSSEC and wildcards do not allow
    ("@ DS 1 13 2 " + "00" * 32, ["5: a DS record at example., the origin: it belongs to the zone above (RFC 4035 2.4)"]),
    ("*.w NS ns", ["5: *.w.example. has NS records, which mean nothing at a wildcard (RFC 4592 4.2, 4.4)"]),
    (
        "w NSEC3 1 0 0 - 00000000000000000000000000000000 A",
        ["5: w.example. owns NSEC3 records, and is no hash beneath the origin (RFC 5155 3)"],
    ),
    # what the reader finds
    ("w.com. A 192.0.2.1", ["5:1: w.com. is outside of the zone example. (RFC 1035 5.2)"]),
    ("w SOA ns a 1 2 3 4 5", ["5:20: a SOA record at w.example.: it belongs to the zone's own name, example. (RFC 1035 5.2)"]),
]


@pytest.mark.parametrize(("lines", "said"), FATAL, ids=[lines.replace("\n", "; ")[:40] for lines, _ in FATAL])
def test_what_is_refused(lines: str, said: list[str]) -> None:
    assert errors(lines) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "a zone has one SOA record, at its origin example.; here are 0 (RFC 1035 5.2)"),
        ("$TTL 60\n@ NS ns\nns A 192.0.2.1\n", "a zone has one SOA record, at its origin example.; here are 0 (RFC 1035 5.2)"),
        ("$TTL 60\n@ SOA ns a 1 2 3 4 5\nns A 192.0.2.1\n", "2: the zone has no NS record at its origin (RFC 1035 5.2)"),
    ],
)
def test_what_each_zone_needs(text: str, said: str) -> None:
    report = check(text)
    assert [str(error) for error in report.errors] == [said]
    assert report.zone is None


NO_GLUE = "beneath the delegation of w.example., without the glue that leads there (RFC 1034 4.2.1)"
SIGN = "20300101000000 20200101000000 1 @ AAAA"

WARNED = [
    # targets without an address: served all the same
    ("@ MX 10 no", ["5: the MX record of example. names no.example., which has no address"]),
    ("@ MX 10 ns\n@ MX 20 no", ["6: the MX record of example. names no.example., which has no address"]),
    ("_x._tcp SRV 0 0 5 no", ["5: the SRV record of _x._tcp.example. names no.example., which has no address"]),
    ("w NS no", ["5: the NS record of w.example. names no.example., which has no address"]),
    ("c CNAME ns\n@ MX 10 c", ["6: the MX record of example. names c.example., which is a CNAME (RFC 2181 10.3)"]),
    ("w DNAME x.\n@ MX 10 a.w", [
        "6: the MX record of example. names a.w.example., which lies beneath the DNAME record of w.example. (RFC 6672 2.4)",
    ]),
    ("*.w A 192.0.2.1\n@ MX 10 a.b.w", []),
    ("*.w TXT a\n@ MX 10 a.w", ["6: the MX record of example. names a.w.example., which has no address"]),
    ("@ MX 10 192.0.2.1", ["5: the MX record of example. names 192.0.2.1.example., an address where a name belongs (RFC 1035 3.3)"]),
    ("@ MX 10 1.2.3.a", ["5: the MX record of example. names 1.2.3.a.example., which has no address"]),
    # what is delegated
    ("w NS ns.w", [f"5: the NS record of w.example. names ns.w.example., {NO_GLUE}"]),
    ("w NS ns.v\nv NS ns.v\nns.v A 192.0.2.1", []),
    ("w NS w\nw A 192.0.2.1", []),
    ("w NS w", [f"5: the NS record of w.example. names w.example., {NO_GLUE}"]),
    ("w NS ns\n@ MX 10 mail.w", []),
    ("@ NS ns.w\nw NS ns.w\nns.w A 192.0.2.1", []),
    ("w NS ns\nw TXT a\nw MX 0 .", ["7: w.example. is delegated, so its MX, TXT data is never given (RFC 1034 4.2.1)"]),
    ("w NS ns\na.w TXT a", ["6: a.w.example. lies beneath the delegation of w.example., so its TXT data is never given (RFC 1034 4.2.1)"]),
    ("w NS ns\nv.w NS ns", ["6: v.w.example. lies beneath the delegation of w.example., so its NS data is never given (RFC 1034 4.2.1)"]),
    ("w DS 1 13 2 " + "00" * 32, ["5: w.example. has a DS record, and no NS records that delegate it (RFC 4035 2.4)"]),
    # names of hosts
    ("a_b A 192.0.2.1", ["5: a_b.example. is no name of a host, and has a record of type A (RFC 1123 2.1)"]),
    ("-a AAAA ::1\na- A 192.0.2.1", [
        "5: -a.example. is no name of a host, and has a record of type AAAA (RFC 1123 2.1)",
        "6: a-.example. is no name of a host, and has a record of type A (RFC 1123 2.1)",
    ]),
    ("a.b_c MX 0 .", ["5: a.b_c.example. is no name of a host, and has a record of type MX (RFC 1123 2.1)"]),
    ("*.a A 192.0.2.1\nx--y A 192.0.2.1\n4 A 192.0.2.1\n_a TXT b\n_b CNAME ns", []),
    ("w NS a_b.test.", ["5: the NS record of w.example. names a_b.test., which is no name of a host (RFC 1123 2.1)"]),
    ("w PTR a_b.test.", []),
    # wildcards
    ("*.w DNAME x.", ["5: *.w.example. has DNAME records, which mean nothing at a wildcard (RFC 4592 4.2, 4.4)"]),
    ("a.*.w TXT a", ["5: a.*.w.example. has a * behind its first label, where it is no wildcard (RFC 4592 2.1.1)"]),
    (r"a\001*b TXT a", []),
    # mail
    ("@ SPF \"v=spf1 -all\"", ["5: example. has an SPF record, and no TXT record that says the same (RFC 7208 3.1)"]),
    ("@ SPF \"v=spf1 -all\"\n@ TXT \"V=SPF1 -all\"", []),
    # times to live (RFC 2181 5.2): the smallest counts
    ("w 100 A 192.0.2.1\nw 50 A 192.0.2.2\nx A 192.0.2.1\nw 200 A 192.0.2.3", [
        "5: w.example. has A records of several TTLs: 50 counts, not 100 (RFC 2181 5.2)",
        "8: w.example. has A records of several TTLs: 50 counts, not 200 (RFC 2181 5.2)",
    ]),
    (f"w 1 A 192.0.2.1\nw 1 RRSIG A 13 2 1 {SIGN}\nw 3 TXT a\nw 3 RRSIG TXT 13 2 3 {SIGN}", []),
    # what comes twice counts once
    ("w A 192.0.2.1\nw A 192.0.2.1\nW A 192.0.2.1", []),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "said"), WARNED, ids=[lines.replace("\n", "; ")[:40] for lines, _ in WARNED])
def test_what_is_warned_of(lines: str, said: list[str]) -> None:
    assert warnings(lines) == said


def test_beside_a_cname_may_be_what_dnssec_says_of_it() -> None:
    assert warnings(f"w CNAME ns\nw NSEC x CNAME RRSIG NSEC\nw RRSIG CNAME 13 2 60 {SIGN}\nw KEY 0 0 0 AAAA") == []


def test_hosts_in_the_reverse_tree() -> None:
    text = "$TTL 60\n@ SOA ns.test. a.test. 1 2 3 4 5\n@ NS ns.test.\n1 PTR a_b.test.\n2 PTR good.test.\n3/4 NS ns.test.\n"
    report = check(text, "2.0.192.in-addr.arpa.")
    said = "4: the PTR record of 1.2.0.192.in-addr.arpa. names a_b.test., which is no name of a host (RFC 1123 2.1)"
    assert [str(warning) for warning in report.warnings] == [said]


def test_a_dname_at_the_origin_and_its_denials() -> None:
    """RFC 6672 2.4: nothing beneath; but the hashes of NSEC3 are no names (RFC 5155 7.2.8)."""
    text = "$TTL 60\n@ SOA ns.test. a.test. 1 2 3 4 5\n@ NS ns.test.\n@ DNAME x.\n"
    nsec3 = "2t7b4g4vsa5smi47k61mv5bv1a22bojr NSEC3 1 0 0 - 2vptu5timamqttgl4luu9kg21e0aor3s A\n"
    assert check(text + nsec3).errors == []
    report = check(text + nsec3 + "w TXT a\n")
    assert [str(error) for error in report.errors] == ["6: w.example. lies beneath the DNAME record of example. (RFC 6672 2.4)"]


def test_the_root_is_a_zone_too() -> None:
    text = "$TTL 60\n. SOA a.ns. b. 1 2 3 4 5\n. NS a.ns.\nns. NS a.ns.\na.ns. A 192.0.2.1\ntest. NS a.ns.\ntest. NS no.\n"
    report = check(text, ".")
    assert report.zone is not None
    assert [str(warning) for warning in report.warnings] == ["7: the NS record of test. names no., which has no address"]


def test_errors_and_warnings_are_told_in_the_order_of_the_file() -> None:
    report = check(HEAD + "b_ A 192.0.2.1\na CNAME b\n@ MX 10 no\na TXT x\na_ A 192.0.2.1\n")
    assert [fault.line for fault in report.errors] == [6]
    assert [fault.line for fault in report.warnings] == [5, 7, 9]


def test_no_more_than_a_hundred_of_each_are_kept() -> None:
    report = check(HEAD + "".join(f"a_{n} A 192.0.2.1\nc{n} CNAME x\nc{n} TXT x\n" for n in range(150)))
    assert (len(report.errors), len(report.warnings), report.more) == (100, 100, 100)
    report = check(HEAD + "".join(f"a 5{n} A 192.0.2.{n}\n" for n in range(150)))
    assert (len(report.warnings), report.more) == (100, 49)
    assert report.zone is not None


def test_a_zone_without_fault_is_read_once() -> None:
    """A second time only to tell where faults are, or to compare TTLs."""
    times = 0

    def read(lines: str = "") -> ZoneReader:
        nonlocal times
        times += 1
        return ZoneReader(HEAD + lines, ORIGIN)

    examine(read, thorough=False)
    assert times == 1
    assert examine(lambda: read("a 1 TXT a\na 2 TXT b\n"), thorough=False).warnings == []
    assert times == 2
    assert examine(lambda: read("a_ A 192.0.2.1\n"), thorough=False).warnings[0].line == 5
    assert times == 4


def test_what_changes_between_the_readings_has_no_line() -> None:
    texts = iter([HEAD + "a_ A 192.0.2.1\n", HEAD])
    (warning,) = examine(lambda: ZoneReader(next(texts), ORIGIN, file="zone")).warnings
    assert (warning.file, warning.line) == ("zone", 0)


def test_what_is_remembered_of_names_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zonecheck, "MAX_REMEMBERED", 2)
    lines = "".join(f"a{n} MX 10 m.x{n}.test.\nb.b_{n} A 192.0.2.1\n" for n in range(9))
    assert len(warnings(lines)) == 9
