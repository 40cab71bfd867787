"""How often somebody may fail: a burst, then one at a time."""

from __future__ import annotations

import pytest

from wirespeak.irc.attempts import Attempts, counted_by


def test_a_burst_and_then_one_at_a_time() -> None:
    attempts = Attempts(3, 10.0)
    assert [attempts.take("ann", 0.0) for _ in range(4)] == [True, True, True, False]
    assert not attempts.take("ann", 9.9)
    assert attempts.take("ann", 20.1)
    assert attempts.take("ann", 20.1)
    assert not attempts.take("ann", 20.1)


def test_others_are_counted_by_themselves() -> None:
    attempts = Attempts(1, 10.0)
    attempts.spend("ann", 0.0)
    assert not attempts.may("ann", 0.0)
    assert attempts.may("bob", 0.0)


def test_one_that_tries_on_is_none_the_worse() -> None:
    attempts = Attempts(1, 10.0)
    for second in range(9):
        attempts.take("ann", float(second))
    assert attempts.may("ann", 10.0)


def test_never_more_than_the_burst() -> None:
    attempts = Attempts(2, 1.0)
    attempts.spend("ann", 0.0)
    assert attempts.left("ann", 1e6) == 2.0


def test_a_clock_that_is_set_back_takes_nothing_away() -> None:
    attempts = Attempts(2, 10.0)
    attempts.spend("ann", 1000.0)
    assert attempts.left("ann", 0.0) == 1.0


def test_any_number_where_there_is_no_limit() -> None:
    attempts = Attempts(None, 10.0)
    assert all(attempts.take("ann", 0.0) for _ in range(1000))
    assert len(attempts) == 0


def test_who_has_no_name_is_not_counted() -> None:
    attempts = Attempts(1, 10.0)
    assert all(attempts.take("", 0.0) for _ in range(10))


def test_the_table_is_bounded_and_keeps_who_is_heard_of() -> None:
    attempts = Attempts(1, 1e9, counted=100)
    for number in range(1000):
        attempts.spend(f"{number}", 0.0)
        attempts.spend("ann", 0.0)
        assert len(attempts) <= 100
    assert not attempts.may("ann", 0.0)
    assert attempts.may("0", 0.0)


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::"),
        ("2001:db8:0:0:ffff::9", "2001:db8::"),
        ("::ffff:192.0.2.1", "::ffff:c000:201"),
        ("", ""),
    ],
)
def test_by_what_an_address_is_counted(address: str, counted: str) -> None:
    assert counted_by(address) == counted
