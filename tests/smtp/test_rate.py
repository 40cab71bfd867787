"""How often one client may do something, and who counts as one."""

from __future__ import annotations

import pytest

from wirespeak.smtp.rate import RateLimit, client_of


def test_a_burst_passes_and_then_one_now_and_then() -> None:
    limit = RateLimit(60)
    assert [limit.take("a", 100.0) for _ in range(61)] == [True] * 60 + [False]
    assert not limit.take("a", 100.9)
    assert limit.take("a", 101.0)  # having tried cost nothing
    assert not limit.take("a", 101.5)
    assert [limit.take("a", 1000.0) for _ in range(61)] == [True] * 60 + [False]


def test_each_client_has_its_own() -> None:
    limit = RateLimit(1)
    assert limit.take("a", 0.0)
    assert limit.take("b", 0.0)
    assert not limit.take("a", 30.0)
    assert limit.take("a", 60.0)


def test_a_clock_that_goes_back_gives_nothing_away() -> None:
    limit = RateLimit(1)
    assert limit.take("a", 100.0)
    assert not limit.take("a", 50.0)


def test_the_table_is_bounded_and_forgets_who_was_not_heard_of_for_longest() -> None:
    limit = RateLimit(1, clients=10)
    for number in range(1000):
        assert limit.take(str(number), 0.0)
        assert limit.take("regular", 0.0) == (number == 0)
    assert len(limit) <= 10


@pytest.mark.parametrize(
    ("peer", "client"),
    [
        (("192.0.2.7", 40123), "192.0.2.7"),
        (("2001:db8:1:2:3:4:5:6", 1, 0, 0), "2001:db8:1:2::"),
        (("::ffff:192.0.2.7", 1, 0, 0), "192.0.2.7"),
        (("fe80::1%eth0", 1, 0, 2), "fe80::"),
        (("client", 0), "client"),
        ("", ""),
        (b"", ""),
    ],
)
def test_what_a_client_is_counted_by(peer: object, client: str) -> None:
    assert client_of(peer) == client
