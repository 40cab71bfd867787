"""Names that are not there, denied the short way: as the long way denies them, and only those."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dns.zones import zone
from wirespeak.dns.absent import Absences
from wirespeak.dns.authority import answer
from wirespeak.dns.edns import Edns, EdnsOption
from wirespeak.dns.messages import CD, RD, Message
from wirespeak.dns.names import Name
from wirespeak.dns.prepared import end_of_plain
from wirespeak.dns.registry import Rcode, Type, type_number
from wirespeak.dns.zone import Zones

ZONES = Zones([
    zone(
        "example.",
        """
        @        SOA   ns hostmaster.elsewhere. 1 7200 900 1209600 300
        www      A     192.0.2.1
        a.b.c    A     192.0.2.2
        *.wild   A     192.0.2.3
        sub      NS    ns.sub
        old      DNAME new
        """,
    ),
    zone("deep.example.", "@ SOA ns.example. admin 1 1 1 1 60\nns A 192.0.2.4"),
    zone("signed.", "@ NSEC signed. SOA\n@ RRSIG SOA 8 1 300 20300101000000 20200101000000 1 signed. AAAA"),
])  # fmt: skip
ABSENT = Absences(ZONES)


def deny(query: bytes, absent: Absences = ABSENT) -> bytes | None:
    end = end_of_plain(query)
    return absent.answer(query, end) if end else None


labels = st.sampled_from([b"www", b"a", b"b", b"c", b"wild", b"*", b"sub", b"old", b"deep", b"ns", b"X", b"\0\xff", b"x" * 63])
names = st.tuples(st.lists(labels, max_size=3), st.sampled_from(["example.", "Deep.Example.", "signed.", "other.", "."])).map(
    lambda parts: Name(b"".join([bytes([len(label)]) + label for label in parts[0]]) + Name.parse(parts[1]).wire)
)
types = st.sampled_from([0, 1, 2, 5, 6, 28, 39, 41, 43, 65, 127, 128, 250, 252, 253, 254, 255, 256, 65535])
edns = st.sampled_from([None, Edns(), Edns(512), Edns(do=True)])


@given(names, types, st.sampled_from([0, RD, CD, RD | CD]), edns)
def test_it_says_what_the_long_way_says_or_nothing(name: Name, type: int, flags: int, edns: Edns | None) -> None:
    query = Message.query(name, type, id=4711, flags=flags, edns=edns)
    short = deny(query.encode())
    long = answer(ZONES, query)
    if edns is not None:
        long.edns = Edns(do=edns.do)
    if short is not None:
        assert Message.parse(short) == long
        assert short[12:][: len(name.wire)] == name.wire
        assert type < 128 or type >= 255
    else:
        plain = long.rcode != Rcode.NXDOMAIN or long.answers or name.is_beneath(Name.parse("signed."))
        assert plain or type in (Type.OPT, Type.DS) or 128 <= type < 255  # DS of a zone's own name is its parent's


def test_an_answer_as_it_goes_out() -> None:
    query = Message.query(Name.parse("no.Deep.example."), Type.A, id=0x1234).encode()
    assert deny(query) == bytes.fromhex(
        "1234 8503 0001 0000 0001 0000  026e6f 0444656570 076578616d706c65 00 0001 0001"  # its own spelling of the name
        "c00f 0006 0001 0000003c 0028  026e73 076578616d706c65 00  0561646d696e c00f  00000001 00000001 00000001 00000001 0000003c"
    )


@pytest.mark.parametrize(
    "query",
    [
        Message.query(Name.parse("no.example."), Type.A, edns=Edns(options=[EdnsOption(10, b"12345678")])),
        Message.query(Name.parse("no.example."), Type.A, edns=Edns(version=1)),
        Message.query(Name.parse("no.example."), Type.A, 3),
        Message.query(Name.parse("no.other."), Type.A),
        Message.query(Name.parse("www.example."), Type.AAAA),
        Message.query(Name.parse("b.c.example."), Type.A),
        Message.query(Name.parse("x.wild.example."), Type.A),
        Message.query(Name.parse("x.sub.example."), Type.A),
        Message.query(Name.parse("x.old.example."), Type.A),
        Message.query(Name.parse("x.signed."), Type.A, edns=Edns(do=True)),
    ],
    ids=lambda query: str(query.questions[0]),
)
def test_what_takes_the_long_way(query: Message) -> None:
    assert deny(query.encode()) is None


@pytest.mark.parametrize("name", ["40" + "78" * 64 + "00", ("3f" + "78" * 63) * 4 + "00", "c00c", "0178"])
def test_what_is_no_name_does_too(name: str) -> None:
    head = Message.query(Name.parse("."), type_number("A")).encode()[:12]
    assert deny(head + bytes.fromhex(name) + b"\0\x01\0\x01") is None


def test_one_that_would_not_fit_anywhere_does_too() -> None:
    long = ".".join(["y" * 60] * 3)
    here = Absences(Zones([zone("example.", f"@ SOA {long}.test. {long}.test. 1 1 1 1 1")]))
    assert deny(Message.query(Name.parse("no.example."), Type.A).encode(), here) is not None
    assert deny(Message.query(Name.parse(f"{long}.example."), Type.A).encode(), here) is None
