"""Happy Eyeballs (RFC 8305) as a machine: what is opened when, and what is closed. Times are literal."""

from __future__ import annotations

import socket

import pytest

from wirespeak.sockets.race import ATTEMPT_DELAY, MAX_ATTEMPTS, RESOLUTION_DELAY, Abandon, Attempt, Race, interleaved

V6, V4 = int(socket.AF_INET6), int(socket.AF_INET)


@pytest.mark.parametrize(
    ("families", "order"),
    [
        ([], []),
        ([V4], [0]),
        ([V6, V4], [0, 1]),
        ([V6, V6, V6, V4, V4], [0, 3, 1, 4, 2]),
        ([V4, V4, V6], [0, 2, 1]),
    ],
)
def test_families_alternate_beginning_with_the_preferred(families: list[int], order: list[int]) -> None:
    """RFC 8305 4."""
    assert interleaved(families) == order


def test_no_more_than_so_many_doors_are_knocked_on() -> None:
    assert len(interleaved([V6] * 1000 + [V4] * 1000)) == MAX_ATTEMPTS


def test_the_first_wins_and_nobody_else_is_asked() -> None:
    race = Race([0, 1, 2])
    assert race.start(10.0) == [Attempt(0)]
    assert race.deadline == 10.0 + ATTEMPT_DELAY
    assert race.connected(0) == []
    assert (race.winner, race.deadline, race.lost) == (0, None, False)
    assert race.tick(11.0) == []


def test_the_next_begins_beside_the_first_after_the_delay() -> None:
    race = Race([3, 5, 4])
    race.start(0.0)
    assert race.tick(0.249) == []
    assert race.tick(0.250) == [Attempt(5)]
    assert race.deadline == 0.500
    assert race.tick(0.6) == [Attempt(4)]
    assert race.deadline is None
    assert race.connected(5) == [Abandon(3), Abandon(4)]
    assert race.winner == 5


def test_a_failure_makes_room_at_once() -> None:
    race = Race([0, 1])
    race.start(0.0)
    assert race.failed(0, 0.01) == [Attempt(1)]
    assert race.deadline is None
    assert not race.lost
    assert race.failed(1, 0.02) == []
    assert race.lost


def test_a_late_failure_does_not_undo_the_win() -> None:
    race = Race([0, 1, 2])
    race.start(0.0)
    race.tick(0.25)
    race.connected(1)
    assert race.failed(0, 0.3) == []
    assert (race.winner, race.lost) == (1, False)


def test_who_comes_in_second_is_closed() -> None:
    race = Race([0, 1])
    race.start(0.0)
    race.tick(0.25)
    race.connected(1)
    assert race.connected(0) == [Abandon(0)]
    assert race.winner == 1


def test_nobody_to_ask_is_lost() -> None:
    race = Race([])
    assert race.start(0.0) == []
    assert race.lost


# --- addresses that are still being looked up (RFC 8305 3)


def test_the_preferred_familys_addresses_are_tried_as_soon_as_they_are_there() -> None:
    race = Race(awaited=[V6, V4])
    assert race.start(0.0) == []
    assert (race.lost, race.deadline) == (False, None)
    assert race.answered(V6, [0, 1], 0.01) == [Attempt(0)]
    assert race.deadline == 0.01 + ATTEMPT_DELAY
    assert race.answered(V4, [2], 0.02) == []
    assert race.deadline == 0.01 + ATTEMPT_DELAY
    assert race.tick(0.27) == [Attempt(2)]
    assert race.tick(0.53) == [Attempt(1)]


def test_the_other_familys_wait_a_moment_for_the_preferred_ones() -> None:
    race = Race(awaited=[V6, V4])
    assert race.answered(V4, [0, 1], 1.0) == []
    assert race.deadline == 1.0 + RESOLUTION_DELAY
    assert race.tick(1.049) == []
    assert race.tick(1.050) == [Attempt(0)]
    assert race.answered(V6, [2], 1.1) == []
    assert race.tick(1.3) == [Attempt(2)]


def test_the_preferred_familys_come_within_that_moment() -> None:
    race = Race(awaited=[V6, V4])
    race.answered(V4, [0], 1.0)
    assert race.answered(V6, [1], 1.02) == [Attempt(1)]
    assert race.tick(1.27) == [Attempt(0)]


def test_that_the_preferred_family_has_none_ends_the_waiting() -> None:
    for first in (V6, V4):
        race = Race(awaited=[V6, V4])
        if first == V6:
            assert race.answered(V6, [], 0.0) == []
            assert race.answered(V4, [0], 0.01) == [Attempt(0)]
        else:
            assert race.answered(V4, [0], 0.0) == []
            assert race.answered(V6, [], 0.01) == [Attempt(0)]


def test_addresses_that_come_when_all_others_have_failed_are_tried_at_once() -> None:
    race = Race(awaited=[V6, V4])
    race.answered(V6, [0], 0.0)
    assert race.failed(0, 0.1) == []
    assert not race.lost
    assert race.answered(V4, [1], 0.2) == [Attempt(1)]
    race.failed(1, 0.3)
    assert race.lost


def test_addresses_that_come_long_after_the_last_attempt_began_are_tried_at_once() -> None:
    race = Race(awaited=[V6, V4])
    race.answered(V6, [0], 0.0)
    race.answered(V4, [1], 5.0)
    assert race.deadline == 5.0
    assert race.tick(5.0) == [Attempt(1)]


def test_no_family_has_an_address() -> None:
    race = Race(awaited=[V6, V4])
    race.answered(V4, [], 0.0)
    assert not race.lost
    race.answered(V6, [], 0.0)
    assert race.lost


def test_the_number_of_attempts_is_bounded_whenever_addresses_come() -> None:
    race = Race(awaited=[V6, V4])
    attempts = race.answered(V6, range(1000), 0.0)
    attempts += race.answered(V4, range(1000, 2000), 0.0)
    now = 0.0
    while race.deadline is not None:
        now = race.deadline
        attempts += race.tick(now)
    assert len(attempts) == MAX_ATTEMPTS
    assert {0, 1000} <= {attempt.index for attempt in attempts}
