"""Answers that lie ready: what may be remembered, and that it fits whoever asks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dns.zones import zone
from wirespeak.dns.edns import Edns
from wirespeak.dns.messages import AD, CD, RD, Message
from wirespeak.dns.names import Name
from wirespeak.dns.prepared import OVERHEAD, Prepared, end_of_plain
from wirespeak.dns.registry import Type
from wirespeak.dns.server import DnsServer
from wirespeak.dns.zone import Zones

NAME = b"\x03www\x07example\0"
QUERY = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0" + NAME + b"\0\x01\0\x01"
ANSWER = b"\x12\x34\x85\0\0\x01\0\x01\0\0\0\0" + NAME + b"\0\x01\0\x01" + b"\xc0\x0c\0\x01\0\x01\0\0\x0e\x10\0\x04\xc0\0\x02\x01"
OPT = b"\0\0\x29\x04\xd0\0\0\x80\0\0\0"


def with_opt(query: bytes, opt: bytes = OPT) -> bytes:
    return query[:11] + b"\x01" + query[12:] + opt


def test_the_id_and_the_case_are_those_of_who_asks() -> None:
    prepared = Prepared()
    prepared.keep(QUERY, ANSWER, whole=True)
    name = b"\x03wWw\x07EXAMPLE\0"
    query = b"\x56\x78" + QUERY[2:12] + name + QUERY[-4:]
    assert prepared.find(query) == b"\x56\x78" + ANSWER[2:12] + name + ANSWER[12 + len(name) :]
    assert prepared.find(QUERY) == ANSWER


@pytest.mark.parametrize(
    "other",
    [
        QUERY[:2] + b"\0" + QUERY[3:],  # recursion not desired
        QUERY[:-3] + b"\x1c\0\x01",  # another type
        QUERY[:-1] + b"\x03",  # another class
        with_opt(QUERY),
        QUERY + b"x",
        QUERY[:-1],
        QUERY[:12],
        b"",
    ],
)
def test_another_question_is_another(other: bytes) -> None:
    prepared = Prepared()
    prepared.keep(QUERY, ANSWER, whole=True)
    assert prepared.find(other) is None


def test_sizes_that_differ_in_what_would_be_the_case_of_a_letter_are_told_apart() -> None:
    prepared = Prepared()
    large, small = (with_opt(QUERY, OPT[:3] + size.to_bytes(2, "big") + OPT[5:]) for size in (0x0261, 0x0241))
    prepared.keep(large, ANSWER, whole=True)
    assert prepared.find(large) == ANSWER
    assert prepared.find(small) is None


def test_types_and_classes_are_told_apart_that_differ_so() -> None:
    prepared = Prepared()
    asked = {QUERY[:-4] + bytes(numbers): bytes(numbers) for numbers in ((0, 65, 0, 1), (0, 97, 0, 1), (0x41, 1, 0, 1), (0, 1, 0, 65))}
    for query, numbers in asked.items():
        prepared.keep(query, ANSWER[:12] + query[12:] + numbers, whole=True)
    for query, numbers in asked.items():
        assert prepared.find(query) in (None, ANSWER[:12] + query[12:] + numbers)


@pytest.mark.parametrize(
    "query",
    [
        b"\x12\x34\x81" + QUERY[3:],  # an answer
        b"\x12\x34\x29" + QUERY[3:],  # another opcode
        QUERY[:3] + b"\x40" + QUERY[4:],  # the bit that is reserved
        QUERY[:3] + b"\x80" + QUERY[4:],
        QUERY[:5] + b"\x02" + QUERY[6:] + QUERY[12:],  # two questions
        QUERY[:7] + b"\x01" + QUERY[8:],
        QUERY[:9] + b"\x01" + QUERY[10:],
        QUERY[:10] + b"\x01" + QUERY[11:],
        QUERY[:11] + b"\x02" + QUERY[12:] + OPT + OPT,
        QUERY + OPT,  # of which the counts say nothing
        with_opt(QUERY, OPT[:-2] + b"\0\x0c\0\x0a\0\x0812345678"),  # with a cookie
        with_opt(QUERY, OPT[:6] + b"\x01" + OPT[7:]),  # another version
        with_opt(QUERY, b"\0\0\x01" + OPT[3:]),  # a record of another type
        QUERY[:12] + b"\xc0\x0c" + QUERY[-4:],  # a pointer
        QUERY[:12] + b"\x3fwww\0" + QUERY[-4:],
        QUERY[:-2],
        QUERY[:14],
    ],
)
def test_what_is_not_plain_is_not_remembered(query: bytes) -> None:
    prepared = Prepared()
    prepared.keep(query, ANSWER, whole=True)
    assert prepared.find(query) is None
    assert len(prepared) == 0


@pytest.mark.parametrize("name", [b"\0", b"\x01\0\0", b"\x04a\0\0b\0", b"\x3f" + b"\xff" * 63 + b"\0"])
def test_names_of_every_kind_of_byte(name: bytes) -> None:
    prepared = Prepared()
    for query in (QUERY[:12] + name + QUERY[-4:], with_opt(QUERY[:12] + name + QUERY[-4:])):
        answer = b"\x12\x34\x85\x03" + query[4:] + b"and what follows"
        prepared.keep(query, answer, whole=True)
        assert prepared.find(query) == answer


def test_what_is_held_is_bounded_and_what_is_asked_for_again_stays() -> None:
    def query(number: int) -> bytes:
        return QUERY[:12] + b"\x04%04d\0" % number + QUERY[-4:]

    prepared = Prepared(memory=100 * (OVERHEAD + 100))
    for number in range(1000):
        prepared.keep(query(number), ANSWER[:12] + query(number)[12:] + b"a" * 50, whole=True)
        assert prepared.find(query(0)) is not None
        assert len(prepared) <= 110
    assert prepared.find(query(1)) is None
    assert prepared.find(query(999)) is not None


# --- the same question, asked in another way


def asked_again(first: bytes, answer: bytes, second: bytes, *, whole: bool = True) -> bytes | None:
    prepared = Prepared()
    prepared.keep(first, answer, whole=whole)
    adapted = prepared.adapt(second, end_of_plain(second))
    assert adapted is None or prepared.find(second) == adapted
    return adapted


SIGNED_OPT = b"\0\0\x29\x04\xd0\0\0\x80\0\0\0"
PLAIN_OPT = b"\0\0\x29\x04\xd0\0\0\0\0\0\0"


def test_flags_and_opt_are_those_of_who_asks() -> None:
    with_cd = b"\x77\x77\0\x30" + QUERY[4:]
    assert asked_again(QUERY, ANSWER, with_cd) == b"\x77\x77\x84\x10" + ANSWER[4:]
    offering = with_opt(QUERY, b"\0\0\x29\x02\0\0\0\0\0\0\0")
    expected = with_opt(ANSWER, PLAIN_OPT)
    assert asked_again(QUERY, ANSWER, offering) == expected
    assert asked_again(offering, expected, QUERY) == ANSWER
    assert asked_again(with_cd, b"\x77\x77\x84\x10" + ANSWER[4:], QUERY) == ANSWER


def test_signatures_are_for_those_who_want_them() -> None:
    signed = with_opt(QUERY, SIGNED_OPT)
    assert asked_again(QUERY, ANSWER, signed) is None
    assert asked_again(signed, with_opt(ANSWER, SIGNED_OPT), QUERY) is None
    assert asked_again(signed, with_opt(ANSWER, SIGNED_OPT), signed[:2] + b"\0" + signed[3:]) is not None


def test_what_would_not_fit_for_all_is_for_its_own_kind_alone() -> None:
    long = ANSWER + bytes(512 - len(ANSWER) - 11)
    other = QUERY[:2] + b"\0" + QUERY[3:]
    assert asked_again(QUERY, long, other) is not None
    assert asked_again(QUERY, long + b"x", other) is None
    assert asked_again(QUERY, ANSWER, other, whole=False) is None


def test_an_answer_with_something_of_its_own_in_its_opt_is_too() -> None:
    offering = with_opt(QUERY, PLAIN_OPT)
    assert asked_again(offering, with_opt(ANSWER, PLAIN_OPT[:3] + b"\x10\0" + PLAIN_OPT[5:]), QUERY) is None


def test_another_type_is_another_question() -> None:
    assert asked_again(QUERY[:-3] + b"\x41\0\x01", ANSWER, QUERY[:-3] + b"\x61\0\x01") is None


ZONES = Zones([
    zone(
        "example.",
        """
        @       SOA   ns hostmaster 1 7200 900 1209600 300
        @       NS    ns
        ns      A     192.0.2.1
        @       MX    10 mail
        mail    A     192.0.2.2
        www     CNAME mail
        many    NS    a.many
        many    NS    b.many
        a.many  A     192.0.2.3
        b.many  AAAA  2001:db8::1
        *.wild  TXT   hello
        """
        + "\n".join(f"big A 192.0.2.{number}\nbulk MX {number} h{number}\nh{number} AAAA 2001:db8::{number}" for number in range(40)),
    ),
    zone("signed.", "@ SOA ns.example. a. 1 1 1 1 1\n@ NSEC signed. SOA\n@ RRSIG SOA 8 1 300 20300101000000 20200101000000 1 signed. AAAA"),
])  # fmt: skip

names = st.sampled_from(
    ["example.", "www.Example.", "many.example.", "x.wild.example.", "big.example.", "bulk.example.", "no.example.", "signed."]
)
ways = st.tuples(
    st.sampled_from([0, RD, CD, RD | CD, AD]), st.sampled_from([None, Edns(512), Edns(), Edns(4096), Edns(512, do=True), Edns(do=True)])
)


@given(names, st.sampled_from([Type.A, Type.MX, Type.NS, Type.TXT, Type.ANY]), st.lists(ways, min_size=2, max_size=8))
def test_whoever_asked_before_and_however_the_answer_is_one_s_own(name: str, type: Type, asked: list[tuple[int, Edns | None]]) -> None:
    server = DnsServer(ZONES)
    for number, (flags, edns) in enumerate(asked):
        query = Message.query(Name.parse(name), type, id=number, flags=flags, edns=edns).encode()
        assert server.answer(query, ("192.0.2.9", 53), 0.0) == DnsServer(ZONES)._work_out(query, None, tcp=False)[0]
