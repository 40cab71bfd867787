"""Limits on the rate of answers: who is counted with whom, what with what, and what becomes of too many."""

from __future__ import annotations

import pytest

from tests.dns.zones import ask, zone
from wirespeak.dns.counters import end_of_question
from wirespeak.dns.rate import ADDRESSES, NETWORKS, SORTS, WINDOW, RateLimiter, Sort, Verdict, sort_of
from wirespeak.dns.zone import Zones

NAME = b"\x03www\x04home\x04test\x00"
NETWORK = b"\xc0\x00\x02\x00"


def verdicts(limiter: RateLimiter, count: int, now: float = 0.0, name: bytes = NAME, sort: Sort = Sort.ANSWER) -> list[Verdict]:
    return [limiter.check(NETWORK, sort, name, now) for _ in range(count)]


# --- to whom


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ("192.0.2.1", "192.0.2.254", True),
        ("192.0.2.1", "192.0.3.1", False),
        ("2001:db8:0:aa00::1", "2001:db8:0:aaff::1", True),
        ("2001:db8:0:aa00::1", "2001:db8:0:ab00::1", False),
        ("192.0.2.1", "::ffff:192.0.2.9", True),
        ("fe80::1%eth0", "fe80::2", True),
    ],
)
def test_a_network_is_counted_as_one(one: str, other: str, together: bool) -> None:
    """Whoever can pose as one address of a network can as all of them."""
    limiter = RateLimiter(5)
    assert (limiter.network(one) == limiter.network(other)) is together


@pytest.mark.parametrize("address", ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"])
def test_this_machine_is_spared(address: str) -> None:
    assert RateLimiter(5).network(address) is None
    assert RateLimiter(5, spared=()).network(address) is not None


def test_addresses_are_not_remembered_without_end() -> None:
    limiter = RateLimiter(5)
    for number in range(ADDRESSES + 10):
        limiter.network(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert len(limiter._of_address) <= ADDRESSES


# --- how many


def test_so_many_a_second_are_sent() -> None:
    limiter = RateLimiter(5, slip=0)
    assert verdicts(limiter, 7) == [Verdict.SEND] * 5 + [Verdict.DROP] * 2
    assert verdicts(limiter, 10, 1.0)[:3] == [Verdict.SEND] * 3  # five more, less the two in debt
    assert Verdict.SEND not in verdicts(limiter, 1, 1.0)


def test_what_was_not_used_is_not_saved_up() -> None:
    limiter = RateLimiter(5, slip=0)
    verdicts(limiter, 1)
    assert verdicts(limiter, 8, 3600.0).count(Verdict.SEND) == 5


def test_a_flood_is_answered_again_some_seconds_after_its_end() -> None:
    limiter = RateLimiter(5, slip=0)
    verdicts(limiter, 10_000)
    assert verdicts(limiter, 1, WINDOW - 1.0) == [Verdict.DROP]
    assert verdicts(limiter, 1, WINDOW + 1.0) == [Verdict.SEND]


@pytest.mark.parametrize(("slip", "slipped"), [(0, 0), (1, 12), (2, 6), (3, 4)])
def test_some_of_the_rest_are_cut_short(slip: int, slipped: int) -> None:
    limiter = RateLimiter(5, slip=slip)
    found = verdicts(limiter, 17)
    assert (found.count(Verdict.SEND), found.count(Verdict.SLIP)) == (5, slipped)


def test_names_and_sorts_and_networks_are_counted_apart() -> None:
    limiter = RateLimiter(1, slip=0)
    assert verdicts(limiter, 2) == [Verdict.SEND, Verdict.DROP]
    assert verdicts(limiter, 2, name=b"\x01x" + NAME) == [Verdict.SEND, Verdict.DROP]
    assert verdicts(limiter, 2, sort=Sort.ABSENT) == [Verdict.SEND, Verdict.DROP]
    assert limiter.check(b"\xc0\x00\x03\x00", Sort.ANSWER, NAME, 0.0) is Verdict.SEND


def test_only_networks_that_get_much_are_counted_by_sort() -> None:
    limiter = RateLimiter(5)
    assert [limiter.is_busy(NETWORK, 0.0) for _ in range(7)] == [False] * 5 + [True] * 2
    assert not limiter.is_busy(b"\xc0\x00\x03\x00", 0.0)
    for _ in range(1000):
        limiter.is_busy(NETWORK, 0.0)
    assert limiter.is_busy(NETWORK, WINDOW - 1.0)  # in debt, for as long as a sort can be
    assert not limiter.is_busy(NETWORK, WINDOW + 1.0)


def test_networks_are_not_counted_without_end() -> None:
    limiter = RateLimiter(5)
    for number in range(NETWORKS + 10):
        limiter.is_busy(number.to_bytes(4, "big"), 0.0)
    assert len(limiter._networks) <= NETWORKS


def test_a_clock_that_stands_still_gives_nothing() -> None:
    limiter = RateLimiter(2, slip=0)
    assert verdicts(limiter, 50, 7.0).count(Verdict.SEND) == 2


def test_memory_is_bounded_however_many_sorts_there_are() -> None:
    limiter = RateLimiter(1, slip=0)
    for number in range(SORTS + 10):
        limiter.check(NETWORK, Sort.ANSWER, b"%d" % number, 0.0)
    assert len(limiter._sorts) <= SORTS
    # What was asked for just now is still in debt.
    assert limiter.check(NETWORK, Sort.ANSWER, b"%d" % SORTS, 0.0) is Verdict.DROP


# --- what is of one sort

HOME = zone(
    "home.test.",
    """
    www     A      127.0.0.1
    *.wild  A      127.0.0.1
    sub     NS     ns.sub
    ns.sub  A      127.0.0.2
    """,
)


def sort(name: str, type: str = "A") -> tuple[Sort, str]:
    reply = ask(HOME, name, type).encode()
    found, counted = sort_of(reply, end_of_question(reply), Zones([HOME]))
    labels, at = [], 0
    while counted and counted[at]:
        labels.append(counted[at + 1 : at + 1 + counted[at]].decode())
        at += counted[at] + 1
    return found, ".".join(labels)


def test_an_answer_is_counted_under_its_name_in_whatever_case() -> None:
    assert sort("www.home.test.") == sort("WWW.Home.test.") == (Sort.ANSWER, "www.home.test")


def test_what_a_wildcard_makes_up_is_counted_as_one() -> None:
    assert sort("a.wild.home.test.") == sort("b.wild.home.test.") == (Sort.ANSWER, "home.test")


def test_all_names_that_are_not_there_are_counted_as_one() -> None:
    assert sort("one.home.test.") == sort("two.home.test.") == (Sort.ABSENT, "home.test")


def test_all_that_a_name_has_not_is_counted_as_one() -> None:
    assert sort("www.home.test.", "MX") == (Sort.EMPTY, "home.test")


def test_all_that_is_referred_to_one_zone_is_counted_as_one() -> None:
    assert sort("a.sub.home.test.") == sort("sub.home.test.") == (Sort.REFERRAL, "sub.home.test")


def test_all_errors_are_counted_as_one() -> None:
    assert sort("www.example.") == (Sort.ERROR, "")
    bare = bytes.fromhex("123480010000000000000000")
    assert sort_of(bare, end_of_question(bare), Zones([HOME])) == (Sort.ERROR, b"")
