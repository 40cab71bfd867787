"""Answers that lie ready: what may be remembered, and that it fits whoever asks."""

from __future__ import annotations

import pytest

from wirespeak.dns.prepared import OVERHEAD, Prepared

NAME = b"\x03www\x07example\0"
QUERY = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0" + NAME + b"\0\x01\0\x01"
ANSWER = b"\x12\x34\x85\0\0\x01\0\x01\0\0\0\0" + NAME + b"\0\x01\0\x01" + b"\xc0\x0c\0\x01\0\x01\0\0\x0e\x10\0\x04\xc0\0\x02\x01"
OPT = b"\0\0\x29\x04\xd0\0\0\x80\0\0\0"


def with_opt(query: bytes, opt: bytes = OPT) -> bytes:
    return query[:11] + b"\x01" + query[12:] + opt


def test_the_id_and_the_case_are_those_of_who_asks() -> None:
    prepared = Prepared()
    prepared.keep(QUERY, ANSWER)
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
    prepared.keep(QUERY, ANSWER)
    assert prepared.find(other) is None


def test_sizes_that_differ_in_what_would_be_the_case_of_a_letter_are_told_apart() -> None:
    prepared = Prepared()
    large, small = (with_opt(QUERY, OPT[:3] + size.to_bytes(2, "big") + OPT[5:]) for size in (0x0261, 0x0241))
    prepared.keep(large, ANSWER)
    assert prepared.find(large) == ANSWER
    assert prepared.find(small) is None


def test_types_and_classes_are_told_apart_that_differ_so() -> None:
    prepared = Prepared()
    asked = {QUERY[:-4] + bytes(numbers): bytes(numbers) for numbers in ((0, 65, 0, 1), (0, 97, 0, 1), (0x41, 1, 0, 1), (0, 1, 0, 65))}
    for query, numbers in asked.items():
        prepared.keep(query, ANSWER[:12] + query[12:] + numbers)
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
    prepared.keep(query, ANSWER)
    assert prepared.find(query) is None
    assert len(prepared) == 0


@pytest.mark.parametrize("name", [b"\0", b"\x01\0\0", b"\x04a\0\0b\0", b"\x3f" + b"\xff" * 63 + b"\0"])
def test_names_of_every_kind_of_byte(name: bytes) -> None:
    prepared = Prepared()
    for query in (QUERY[:12] + name + QUERY[-4:], with_opt(QUERY[:12] + name + QUERY[-4:])):
        answer = b"\x12\x34\x85\x03" + query[4:] + b"and what follows"
        prepared.keep(query, answer)
        assert prepared.find(query) == answer


def test_what_is_held_is_bounded_and_what_is_asked_for_again_stays() -> None:
    def query(number: int) -> bytes:
        return QUERY[:12] + b"\x04%04d\0" % number + QUERY[-4:]

    prepared = Prepared(memory=100 * (OVERHEAD + 100))
    for number in range(1000):
        prepared.keep(query(number), ANSWER[:12] + query(number)[12:] + b"a" * 50)
        assert prepared.find(query(0)) is not None
        assert len(prepared) <= 110
    assert prepared.find(query(1)) is None
    assert prepared.find(query(999)) is not None
