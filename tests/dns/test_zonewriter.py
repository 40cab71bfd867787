"""Zone files written: one form for one zone, which reads as the same zone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wirespeak.dns.names import Name
from wirespeak.dns.rdata import Rdata
from wirespeak.dns.registry import Type
from wirespeak.dns.zone import Zone
from wirespeak.dns.zonereader import Entry, ZoneReader
from wirespeak.dns.zonewriter import entries, write_zone

ORIGIN = Name.parse("example.")

TEXT = r"""
$TTL 1h
z       A    192.0.2.26
a       TXT  "x y" \; "\255"
        A    192.0.2.2
        A    192.0.2.10
*       MX   10 mail
Z.a     AAAA 2001:DB8::1
a\.b    TYPE65280 \# 1 00
sub     NS   ns.sub
ns.sub  A    192.0.2.3
@       NS   ns
        SOA  ns hostmaster 1 2h 15m 2w 1h
ns  60  A    192.0.2.1
"""


def read(text: str) -> Zone:
    return Zone.of(ORIGIN, ZoneReader(text, ORIGIN))


def test_the_canonical_form() -> None:
    assert "".join(write_zone(ORIGIN, entries(read(TEXT)))) == (
        "example.\t3600\tIN\tSOA\tns.example. hostmaster.example. 1 7200 900 1209600 3600\n"
        "example.\t3600\tIN\tNS\tns.example.\n"
        "*.example.\t3600\tIN\tMX\t10 mail.example.\n"
        "a.example.\t3600\tIN\tA\t192.0.2.2\n"
        "a.example.\t3600\tIN\tA\t192.0.2.10\n"
        'a.example.\t3600\tIN\tTXT\t"x y" ";" "\\255"\n'
        "Z.a.example.\t3600\tIN\tAAAA\t2001:db8::1\n"
        "a\\.b.example.\t3600\tIN\tTYPE65280\t\\# 1 00\n"
        "ns.example.\t60\tIN\tA\t192.0.2.1\n"
        "sub.example.\t3600\tIN\tNS\tns.sub.example.\n"
        "ns.sub.example.\t3600\tIN\tA\t192.0.2.3\n"
        "z.example.\t3600\tIN\tA\t192.0.2.26\n"
    )


def test_relative_names() -> None:
    lines = list(write_zone(ORIGIN, entries(read(TEXT)), relative=True))
    assert lines[:4] == [
        "$ORIGIN example.\n",
        "@\t3600\tIN\tSOA\tns hostmaster 1 7200 900 1209600 3600\n",
        "@\t3600\tIN\tNS\tns\n",
        "*\t3600\tIN\tMX\t10 mail\n",
    ]


def test_a_signature_has_the_ttl_of_what_it_signs() -> None:
    """RFC 4034 3: signatures of one name have different TTLs, though they are of one type."""
    sign = "RRSIG {} 13 1 {} 20300101000000 20200101000000 1 @ AAAA\n"
    text = TEXT + f"@ 3600 {sign.format('SOA', 3600)}@ 60 NSEC a SOA NSEC RRSIG\n@ 60 {sign.format('NSEC', 60)}"
    lines = [line.split("\t") for line in write_zone(ORIGIN, entries(read(text)))]
    assert {line[4].split()[0]: line[1] for line in lines if line[3] == "RRSIG"} == {"SOA": "3600", "NSEC": "60"}


def test_denials_are_written_once() -> None:
    hash = "2t7b4g4vsa5smi47k61mv5bv1a22bojr"
    nsec3 = f"{hash} NSEC3 1 0 0 - 2vptu5timamqttgl4luu9kg21e0aor3s A\n"
    for text in (nsec3, f"{nsec3}{hash} A 192.0.2.1\n"):
        lines = list(write_zone(ORIGIN, entries(read(TEXT + text))))
        assert sum("\tNSEC3\t" in line for line in lines) == 1


# Any octets may be in a label (RFC 2181 11); the origin here has an odd one too.
LABELS = st.binary(min_size=1, max_size=12)
ODD_ORIGIN = Name(b"\x05a;\\.\xff\x07example\x00")


def beneath(origin: Name, labels: list[bytes]) -> Name:
    name = origin
    for label in labels:
        name = name / label
    return name


NAMES = st.one_of(
    st.lists(LABELS, max_size=4).map(lambda labels: beneath(ODD_ORIGIN, labels)),
    st.lists(LABELS, max_size=4).map(lambda labels: beneath(Name(b"\0"), labels)),
)
STRINGS = st.lists(st.binary(max_size=255), min_size=1, max_size=4)
DATA = st.one_of(
    st.binary(min_size=4, max_size=4).map(lambda wire: Rdata(Type.A, wire)),
    st.binary(min_size=16, max_size=16).map(lambda wire: Rdata(Type.AAAA, wire)),
    NAMES.map(lambda name: Rdata(Type.NS, name.wire)),
    NAMES.map(lambda name: Rdata(Type.PTR, name.wire)),
    st.builds(lambda preference, name: Rdata.of("MX", preference, name), st.integers(0, 65535), NAMES),
    st.builds(lambda name: Rdata.of("SRV", 0, 0, 53, name), NAMES),
    STRINGS.map(lambda strings: Rdata.of("TXT", tuple(strings))),
    st.builds(lambda value: Rdata.of("CAA", 0, "issue", value), st.binary(max_size=40)),
    st.builds(lambda wire: Rdata(65280, wire), st.binary(max_size=40)),
)
ENTRIES = st.lists(
    st.builds(
        lambda labels, ttl, rdata: (beneath(ODD_ORIGIN, labels).wire, rdata.type, ttl, rdata.wire),
        st.lists(LABELS, max_size=4),
        st.integers(0, (1 << 31) - 1),
        DATA,
    ),
    max_size=12,
)


@given(ENTRIES, st.booleans())
def test_what_is_written_reads_as_the_same(records: list[Entry], relative: bool) -> None:
    text = "".join(write_zone(ODD_ORIGIN, records, relative=relative))
    assert sorted(ZoneReader(text, ODD_ORIGIN)) == sorted(records)
    assert text.isascii()
    assert text.count("\n") == len(records) + relative


@given(ENTRIES)
def test_the_order_is_that_of_rfc_4034(records: list[Entry]) -> None:
    """RFC 4034 6.1, 6.3: names by their labels from the right, in lower case; the records of a set by their data."""
    written = list(ZoneReader("".join(write_zone(ODD_ORIGIN, records)), ODD_ORIGIN))
    assert written == sorted(written, key=lambda entry: (Name(entry[0]).order, entry[1], Rdata(entry[1], entry[3]).canonical))
