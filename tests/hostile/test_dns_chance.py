"""Whatever chance makes of a message, over real sockets: the server says nothing or answers as an answer has to be, and goes on.

`dns_wire.read` is what an answer is held to; behind every message a good question is answered.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.hostile.dns_wire import (
    ANY,
    COOKIE,
    DO,
    EXAMPLE,
    IN,
    LARGEST,
    MX,
    NOERROR,
    NXDOMAIN,
    PADDING,
    QR,
    SOA,
    SUBNET,
    TXT,
    YXDOMAIN,
    A,
    Server,
    framed,
    header,
    name,
    opcode,
    opt,
    option,
    query,
    question,
    read,
    record,
    serving,
)

ZONE = EXAMPLE + "d DNAME www\n" + "".join(f"large TXT {number}{'x' * 200}\n" for number in range(20))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("chance"), {"example.": ZONE}) as server:
        yield server


def check(message: bytes, wire: bytes) -> None:
    """What holds of every answer, whatever ``message`` was."""
    assert len(message) >= 12, "what had no header was answered"
    assert not message[2] & 0x80, "an answer was answered"
    answer = read(wire)
    assert wire[:2] == message[:2]
    assert (wire[2] ^ message[2]) & 0x78 == 0, "another opcode"
    assert len(wire) <= (LARGEST if answer.opt else 512)
    if answer.answer:
        assert answer.rcode in (NOERROR, NXDOMAIN, YXDOMAIN), f"records with rcode {answer.rcode}"
        assert answer.questions


def try_it(server: Server, message: bytes) -> None:
    came = server.replies(message)
    assert len(came) <= 1
    for wire in came:
        check(message, wire)


GOOD = [
    query(),
    query("www.example.", ANY, IN, opt(flags=DO)),
    query("deep.sub.example.", MX, IN, opt(payload=4096)),
    query("large.example.", TXT, IN, opt(option(COOKIE, bytes(8)), option(SUBNET, b"\0\1\x18\0\xc0\0\2"))),
    query("no.example.", A, IN, opt(option(COOKIE, bytes(24)), option(PADDING, bytes(20)))),
    query("a.b.c.d.example.", TXT, IN, opt(option(0xFFAA, b"some data"))),
    header(qd=0, ar=1) + opt(option(COOKIE, bytes(8))),
    header(0x1234, opcode(5), ns=1) + question("example.", SOA) + record("www.example.", A, bytes(4)),
]

# Each example is three exchanges with a running program: slow on a busy machine is no failure, and the server is meant to be one for all.
CALM = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture], max_examples=300)


@CALM
@given(message=st.binary(max_size=2000))
def test_any_octets(server: Server, message: bytes) -> None:
    try_it(server, message)


@CALM
@given(
    counts=st.tuples(*[st.sampled_from([0, 1, 2, 3, 255, 65535])] * 4),
    flags=st.integers(0, 0xFFFF),
    body=st.lists(
        st.one_of(
            st.binary(max_size=30),
            st.sampled_from([name("www.example."), name("example."), b"\xc0\x0c", b"\xc0\x10", b"\0", b"\x3f" + b"x" * 63, b"\1a"]),
            st.sampled_from([b"\0\1\0\1", b"\0\x29\x04\xd0\0\0\0\0\0\0", b"\0\xff\0\xff", b"\0\x0a\0\x08" + bytes(8), opt()]),
        ),
        max_size=12,
    ),
)
def test_pieces_of_messages(server: Server, counts: tuple[int, int, int, int], flags: int, body: list[bytes]) -> None:
    try_it(server, header(0x1234, flags & ~QR, *counts) + b"".join(body))


def mutated(chance: random.Random, message: bytes) -> bytes:
    """``message`` with some of its octets changed, cut out, doubled or swapped for others that have a meaning."""
    data = message
    for _ in range(chance.choice((1, 1, 2, 4, 8))):
        place = chance.randrange(len(data) + 1)
        head, rest = data[:place], data[place:]
        data = chance.choice(
            (
                head + chance.randbytes(1) + rest[1:],
                head + bytes([chance.choice((0, 1, 12, 0x3F, 0x40, 0x80, 0xC0, 0xFF))]) + rest[1:],
                head + rest[chance.choice((1, 2, 8, 200)) :],
                head + rest[: chance.choice((1, 4, 40))] + rest,
                head + struct.pack(">H", chance.choice((0, 1, 0xC00C, 0xFFFF, place))) + rest[2:],
                data + chance.choice(GOOD),
            )
        )
    return data


@pytest.mark.parametrize("seed", range(6))
def test_good_queries_with_a_few_octets_changed(server: Server, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(250):
        try_it(server, mutated(chance, chance.choice(GOOD)))


def test_good_queries_with_every_octet_changed(server: Server) -> None:
    """Each octet of each query, to values that have a meaning somewhere."""
    for message in GOOD[:5]:
        for place in range(2, len(message)):
            for value in (0, 1, 0x40, 0xC0, 0xFF, message[place] ^ 0x20):
                try_it(server, message[:place] + bytes([value]) + message[place + 1 :])


def test_a_flood_of_broken_messages_leaves_the_memory_as_it_was(server: Server) -> None:
    """Thousands of different ones, one behind the other."""
    chance = random.Random(20)

    def flood() -> None:
        with server.socket() as sock:
            for number in range(4000):
                sock.send(mutated(chance, chance.choice(GOOD)))
                if number % 50 == 49:  # the kernel keeps no more than some hundred
                    id = struct.pack(">H", number)
                    sock.send(id + server.good[2:])
                    while sock.recv(65535)[:2] != id:
                        pass

    flood()
    before = server.memory
    flood()
    flood()
    assert server.memory - before < 2_000_000


def test_a_broken_message_costs_no_more_than_a_good_one_of_its_length(server: Server) -> None:
    """The least that a datagram can be, the largest, and what is found out to be broken only at its end."""
    spent = {}
    for kind, message in {
        "header": header(),
        "full of pointers": header(qd=1, ar=1) + question() + b"\xc0\x0c" * 30000,
        "full of labels": header() + b"\1a" * 30000,
        "full of records": header(ar=2000) + question() + record(".", A, bytes(4)) * 2000,
        "full of compressed records": header(ar=4000) + question() + record(b"\xc0\x0c", A, b"") * 4000,
        "full of OPT": header(ar=5000) + question() + opt() * 5000,
    }.items():
        before = server.cpu()
        for _ in range(20):
            try_it(server, message)
        spent[kind] = (server.cpu() - before) / 20
    assert max(spent.values()) < 0.05, spent


def test_chance_over_tcp(server: Server) -> None:
    """Octets that have no meaning, with and without a good length in front."""
    chance = random.Random(7)
    for number in range(150):
        data = mutated(chance, chance.choice(GOOD))
        with server.connect() as stream:
            stream.try_send(framed(data) if number % 3 else chance.randbytes(chance.choice((1, 10, 100, 1000))))
            stream.finish()
            try:
                while stream.more():
                    pass
            except ConnectionError:
                pass
            came = bytes(stream.received)
            if number % 3 and came:
                assert int.from_bytes(came[:2]) == len(came) - 2
                read(came[2:])
    assert server.ask_tcp(query()).rcode == NOERROR
