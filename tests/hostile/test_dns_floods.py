"""Floods over UDP, over real sockets: names made up by the thousand, answers worth spoofing for, one address against the others.

Addresses of 127.0.0.0/8 stand for clients: a limit on a network (/24 as BIND has it) tells 127.6.0.1 from 127.7.0.1.
"""

from __future__ import annotations

import itertools
import random
import string
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.hostile.dns_wire import (
    COOKIE,
    EXAMPLE,
    IN,
    LARGEST,
    NOERROR,
    NXDOMAIN,
    REFUSED,
    TC,
    TXT,
    A,
    Answer,
    Server,
    header,
    name,
    opt,
    option,
    query,
    read,
    serve,
    serving,
)
from tests.processes import Program

ZONE = (
    EXAMPLE
    + "large TXT "
    + " ".join(['"' + "x" * 250 + '"'] * 4)
    + "\n*.any A 192.0.2.9\nd DNAME www\n*.big TXT "
    + " ".join(['"' + "x" * 250 + '"'] * 3)
    + "\n"
)
ZONES = {"example.": ZONE}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("floods"), ZONES) as server:
        yield server


# --- water torture


def made_up(count: int, ending: str, seed: int) -> Iterator[bytes]:
    """Questions for names that nobody has asked before."""
    chance = random.Random(seed)
    for number in range(count):
        label = "".join(chance.choices(string.ascii_lowercase + string.digits, k=chance.randrange(6, 20)))
        yield query(f"{label}{number}.{ending}", A, id=number & 0xFFFF)


KEPT = 120_000_000
"""Bytes that a server may keep of what it was asked, in all: answers that lie ready, limits, and what the memory's allocation costs."""


def test_random_names_fill_no_memory_but_what_is_set_aside(server: Server) -> None:
    """Tens of thousands, long ones, whose answers a wildcard makes as large as UDP takes: what 60,000 have not filled, 15,000 more
    do not fill any further."""
    chance = random.Random(4)

    def flood(count: int) -> int:
        labels = ("".join(chance.choices(string.ascii_lowercase, k=60)) for _ in range(count))
        return server.flood(query(f"{label}.{label}.{label}.big.example.", TXT, IN, opt()) for label in labels)

    begun = server.memory
    assert flood(60_000) == 60_000
    filled = server.memory
    assert flood(15_000) == 15_000
    assert server.memory - filled < 4_000_000
    assert server.memory - begun < KEPT
    assert server.ask(query()).types == [A]


@pytest.mark.parametrize("ending", ["example.", "any.example.", "x.sub.example.", "d.example.", "test."])
def test_others_are_answered_among_random_names(server: Server, ending: str) -> None:
    """Names that are not there, made by a wildcard, below a cut, below a DNAME, and outside: each is answered, at a cost that stays."""
    costs = []
    for seed in range(3):
        before = server.cpu()
        assert server.flood(made_up(2_000, ending, seed=seed)) == 2_000
        costs.append((server.cpu() - before) / 2_000)
    assert max(costs) < 0.001, f"seconds for a random name: {costs}"
    with server.socket(source="127.8.0.1") as flooding, server.socket(source="127.9.0.1") as other:
        for number, message in enumerate(made_up(200, ending, seed=3)):
            flooding.send(message)
            if number % 10 == 0:
                other.send(query())
                assert read(other.recv(65535)).rcode == NOERROR


def test_one_name_asked_in_every_way_leaves_the_memory_as_it_was(server: Server) -> None:
    """One name, with options that are each time others: what has something of its own in it is not kept at all."""

    def flood(count: int) -> None:
        chance = random.Random(count)
        server.flood(query("www.example.", A, IN, opt(option(0xFFAA, chance.randbytes(1000)))) for _ in range(count))
        server.flood(query("www.example.", A, IN, opt(option(COOKIE, chance.randbytes(8)))) for _ in range(count))

    flood(3000)
    before = server.memory
    flood(5000)
    assert server.memory - before < 3_000_000
    assert server.ask(query()).types == [A]


def test_a_flood_from_thousands_of_addresses_is_not_remembered(server: Server) -> None:
    """Whatever is kept by address (rates, cookies) has a bound: the sources may all be forged."""

    def flood(net: int) -> None:
        for number in range(1500):
            with server.socket(source=f"127.{net}.{number // 250}.{number % 250 + 1}") as sock:
                sock.send(query("www.example.", A, IN, opt(option(COOKIE, bytes(8)))))
                assert read(sock.recv(65535)).rcode == NOERROR

    flood(20)
    before = server.memory
    flood(21)
    flood(22)
    assert server.memory - before < 2_000_000


# --- rate limiting


RATE = 5


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that gives any one network the same answer five times a second."""
    with serving(tmp_path_factory.mktemp("limited"), ZONES, "--rate", str(RATE)) as server:
        yield server


NUMBERS = itertools.count(100)


@pytest.fixture
def network() -> str:
    """A network that has asked nothing yet: the first three octets of its addresses."""
    return f"127.{next(NUMBERS)}.0"


def burst(server: Server, messages: list[bytes], source: str) -> tuple[list[Answer], list[Answer], float]:
    """Ask all at once: the whole answers, the truncated ones, and the seconds it took.

    A question over TCP, sent last, tells that the server has seen them all.
    """
    begun = time.monotonic()
    came = []
    with server.socket(source) as sock:
        for number, message in enumerate(messages):
            sock.send(message)
            if number % 50 == 49:
                server.ask_tcp(query(), source="127.60.0.1")
        server.ask_tcp(query(), source="127.60.0.1")
        server.ask_tcp(query(), source="127.60.0.1")
        sock.setblocking(False)
        try:
            while True:
                came.append(read(sock.recv(65535)))
        except BlockingIOError:
            pass
    took = time.monotonic() - begun
    return [answer for answer in came if TC not in answer], [answer for answer in came if TC in answer], took


FLOODS = {
    "one answer": [query("www.example.", A, id=number) for number in range(200)],
    "one large answer": [query("large.example.", TXT, IN, opt(payload=4096), id=number) for number in range(200)],
    "random names": list(made_up(200, "example.", seed=5)),
    "random names of a wildcard": list(made_up(200, "any.example.", seed=6)),
    "random names below a cut": list(made_up(200, "x.sub.example.", seed=7)),
    "random names outside": list(made_up(200, "test.", seed=8)),
    "no answers": [query("www.example.", 1000 + number, id=number) for number in range(200)],
    "format errors": [header(number) for number in range(200)],
    "not implemented": [header(number, 7 << 11, qd=0) for number in range(200)],
    "cookies asked for": [header(number, 0, qd=0, ar=1) + opt(option(COOKIE, number.to_bytes(8, "big"))) for number in range(200)],
    "forged cookies": [query("www.example.", A, IN, opt(option(COOKIE, bytes(24))), id=number) for number in range(200)],
}


@pytest.mark.parametrize("kind", FLOODS)
def test_a_burst_from_one_source_is_answered_for_a_second(limited: Server, network: str, kind: str) -> None:
    """Of 200 questions of one kind, no more whole answers than the rate allows; of the rest some are truncated, and empty: a client
    that is there comes by TCP, and its victim gets less than was sent in its name (RFC 5358 2; the scheme is ISC's TN-2012-1)."""
    flood = FLOODS[kind]
    whole, truncated, took = burst(limited, flood, f"{network}.1")
    assert 1 <= len(whole) <= RATE * (took + 2), f"{len(whole)} of {len(flood)} were answered in {took:.2f} s"
    for answer in truncated:
        assert (answer.answer, answer.authority, answer.additional) == ([], [], [])
    assert sum(len(answer.wire) for answer in truncated) <= sum(map(len, flood))
    if kind not in ("format errors", "not implemented"):  # those have nothing to come back for
        assert len(flood) / 4 <= len(truncated) <= len(flood) * 3 / 4, "about each second one slips through"


def test_others_are_not_limited_with_it(limited: Server, network: str) -> None:
    """The same network over TCP; another network."""
    burst(limited, FLOODS["one answer"], f"{network}.1")
    for _ in range(3):
        assert limited.ask_tcp(query(), source=f"{network}.1").types == [A]
    with limited.socket(source=f"127.{next(NUMBERS)}.0.1") as sock:
        sock.send(query())
        answer = read(sock.recv(65535))
        assert (answer.types, TC in answer) == ([A], False)


def test_neighbours_share_a_limit(limited: Server, network: str) -> None:
    """Who forges one address of a network can forge them all."""
    begun, whole, truncated = time.monotonic(), 0, 0
    for number in range(1, 101):
        came = burst(limited, [query(id=number)], f"{network}.{number}")
        whole, truncated = whole + len(came[0]), truncated + len(came[1])
    assert whole <= RATE * (time.monotonic() - begun + 2)
    assert truncated


def test_a_client_with_a_good_cookie_is_not_limited(limited: Server, network: str) -> None:
    """RFC 7873 5.2.5: it has shown that it is where it says; a forged cookie shows nothing ("forged cookies" above)."""
    with limited.socket(source=f"{network}.1") as sock:
        sock.send(query("www.example.", A, IN, opt(option(COOKIE, b"ABCDEFGH"))))
        cookie = read(sock.recv(65535)).cookie
    flood = [query("www.example.", A, IN, opt(option(COOKIE, cookie)), id=number) for number in range(100)]
    whole, truncated, _ = burst(limited, flood, f"{network}.1")
    assert (len(whole), len(truncated)) == (100, 0)
    stolen, _, took = burst(limited, flood, f"127.{next(NUMBERS)}.0.1")
    assert len(stolen) <= RATE * (took + 2), "a cookie seen elsewhere opens the door for any address"


def test_after_a_while_it_is_answered_again(limited: Server, network: str) -> None:
    """The limit is on a rate, and not a sentence: who asks twice a second, where five are allowed, has an answer soon."""
    burst(limited, FLOODS["one answer"][:15], f"{network}.1")
    within = time.monotonic() + 10
    while not burst(limited, [query()], f"{network}.1")[0]:
        assert time.monotonic() < within, "no whole answer after the flood"
        time.sleep(0.5)  # the pace of a client that keeps within the rate: to ask more often is to go on with the flood


def test_slip_1_truncates_every_one_and_slip_0_none(start: Callable[..., Program], tmp_path: Path, network: str) -> None:
    flood = FLOODS["one answer"]
    for slip in (0, 1):
        server = serve(start, tmp_path, ZONES, "--rate", str(RATE), "--slip", str(slip))
        whole, truncated, took = burst(server, flood, f"{network}.1")
        assert len(whole) <= RATE * (took + 2)
        assert len(truncated) == (len(flood) - len(whole)) * slip


def test_limits_on_thousands_of_networks_are_forgotten(limited: Server) -> None:
    """Each a network of its own: the table has a bound, or a spoofer fills the memory with it."""

    def flood(first: int) -> None:
        for number in range(first, first + 1500):
            with limited.socket(source=f"127.{200 + number // 250}.{number % 250}.1") as sock:
                sock.send(query())
                sock.recv(65535)

    flood(0)
    before = limited.memory
    flood(1500)
    flood(3000)
    assert limited.memory - before < 1_500_000


def test_a_source_that_answers_never_come_back_to(server: Server) -> None:
    """Answers to a closed port come back as ICMP errors, which the server's socket is told of: others must not be (RFC 1122 4.1.3.3)."""
    for _ in range(50):
        with server.socket(source="127.10.0.1") as sock:
            sock.send(query("large.example.", TXT))
        assert server.ask(query()).types == [A]


def test_a_datagram_to_itself_is_no_loop(server: Server) -> None:
    """A question whose source is the server's own address and port cannot be sent from here; its answers would be dropped by QR. What
    can be is a question from the port of another service, which is answered, and at most once."""
    for port in (7, 19, 53, 123):
        answers = server.replies(query(id=port))
        assert len(answers) == 1
        assert len(answers[0]) <= LARGEST
        assert server.replies(answers[0]) == []
    assert server.ask(query(name("no.example."))).rcode == NXDOMAIN
    assert server.ask(query(name("no.test."))).rcode == REFUSED
