"""The pool: who is given which connection, and who waits for whom. Connections are stand-ins; the waiting is asyncio's."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from wirespeak.errors import ConnectError, TimeoutError
from wirespeak.http.pool import Pool
from wirespeak.sockets.aio_network import AsyncNetwork

A = ("http", "a", 80)
B = ("http", "b", 80)


class Fake:
    """In the place of an `exchange.Connection`."""

    made = 0

    def __init__(self) -> None:
        Fake.made += 1
        self.reusable = True
        self.closed = False
        self.idle_since = 0.0
        self.is_stale = False
        self.stream = self

    def stale(self) -> bool:
        return self.is_stale

    async def close(self) -> None:
        self.closed = True


class Clock(AsyncNetwork):
    """A network whose time is set by the test; waiting still is asyncio's."""

    time = 0.0

    def now(self) -> float:
        return self.time


def runs(test: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    """Run a test in an event loop."""

    def call() -> None:
        asyncio.run(asyncio.wait_for(test(), 20))  # type: ignore[arg-type]

    call.__name__, call.__doc__ = test.__name__, test.__doc__
    return call


async def make() -> Any:
    return Fake()


async def turns() -> None:
    """Let every task go as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)


def pool(**settings: Any) -> tuple[Pool, Clock]:
    clock = Clock()
    return Pool(clock, **settings), clock


@runs
async def test_a_released_connection_is_used_again() -> None:
    kept, _ = pool()
    first: Any = await kept.acquire(A, make, None)
    await kept.release(A, first)
    assert await kept.acquire(A, make, None) is first
    assert await kept.acquire(A, make, None) is not first
    assert kept.size == 2


@runs
async def test_the_one_used_last_is_used_next() -> None:
    """So that those which are not needed lie idle, and go."""
    kept, _ = pool()
    one, two = [await kept.acquire(A, make, None) for _ in range(2)]
    await kept.release(A, one)
    await kept.release(A, two)
    assert await kept.acquire(A, make, None) is two


@runs
async def test_one_that_is_no_longer_reusable_is_closed() -> None:
    kept, _ = pool()
    one: Any = await kept.acquire(A, make, None)
    one.reusable = False
    await kept.release(A, one)
    assert one.closed
    assert kept.size == 0


@runs
async def test_a_stale_one_is_closed_and_another_made() -> None:
    kept, _ = pool()
    one: Any = await kept.acquire(A, make, None)
    await kept.release(A, one)
    one.is_stale = True
    assert await kept.acquire(A, make, None) is not one
    assert one.closed
    assert kept.size == 1


@runs
async def test_one_that_lay_idle_too_long_is_closed() -> None:
    kept, clock = pool(idle_time=60)
    one: Any = await kept.acquire(A, make, None)
    await kept.release(A, one)
    clock.time = 59.9
    assert await kept.acquire(A, make, None) is one
    await kept.release(A, one)
    clock.time += 60
    other: Any = await kept.acquire(B, make, None)  # whoever comes next cleans up
    assert one.closed
    assert not other.closed


@runs
async def test_who_asks_for_a_new_one_gets_a_new_one_even_at_the_bound() -> None:
    kept, _ = pool(most_per_origin=1)
    one: Any = await kept.acquire(A, make, None)
    await kept.release(A, one)
    assert await kept.acquire(A, make, None, fresh=True) is not one
    assert one.closed
    assert kept.size == 1


@runs
async def test_at_the_bound_who_came_first_is_served_first() -> None:
    kept, _ = pool(most_per_origin=2)
    held = [await kept.acquire(A, make, None) for _ in range(2)]
    served: list[int] = []

    async def want(number: int) -> None:
        connection = await kept.acquire(A, make, None)
        served.append(number)
        await turns()
        await kept.release(A, connection)

    tasks = [asyncio.create_task(want(number)) for number in range(6)]
    await turns()
    assert served == []
    assert kept.size == 2
    for connection in held:
        await kept.release(A, connection)
    await asyncio.gather(*tasks)
    assert served == [0, 1, 2, 3, 4, 5]
    assert kept.size == 2


@runs
async def test_a_latecomer_does_not_overtake() -> None:
    """A connection that comes free goes to who waits, though somebody else asks in the same moment."""
    kept, _ = pool(most_per_origin=1)
    one = await kept.acquire(A, make, None)
    waiter = asyncio.create_task(kept.acquire(A, make, None))
    await turns()
    await kept.release(A, one)
    latecomer = asyncio.create_task(kept.acquire(A, make, None))
    await turns()
    assert waiter.done()
    assert not latecomer.done()
    await kept.release(A, waiter.result())
    assert await latecomer is one


@runs
async def test_the_bound_in_all_takes_the_idle_ones_of_other_origins() -> None:
    kept, _ = pool(most=2)
    a: Any = await kept.acquire(A, make, None)
    b: Any = await kept.acquire(B, make, None)
    await kept.release(A, a)
    assert await kept.acquire(B, make, None) is not b
    assert a.closed
    assert kept.size == 2
    waiter = asyncio.create_task(kept.acquire(A, make, None))
    await turns()
    assert not waiter.done()
    await kept.release(B, b)
    assert (await waiter) is not b
    assert b.closed
    assert kept.size == 2


@runs
async def test_who_waits_for_one_origin_does_not_hold_up_another() -> None:
    kept, _ = pool(most_per_origin=1)
    await kept.acquire(A, make, None)
    waiter = asyncio.create_task(kept.acquire(A, make, None))
    await turns()
    assert await kept.acquire(B, make, None)
    waiter.cancel()


@runs
async def test_a_place_not_found_in_time() -> None:
    kept, clock = pool(most_per_origin=1)
    one = await kept.acquire(A, make, None)
    with pytest.raises(TimeoutError, match="a:80 came free"):
        await kept.acquire(A, make, clock.now())
    await kept.release(A, one)
    assert await kept.acquire(A, make, None) is one


@runs
async def test_a_place_whose_connection_fails_goes_to_the_next() -> None:
    kept, _ = pool(most_per_origin=1)
    release = asyncio.Event()

    async def fail() -> Any:
        await release.wait()
        raise ConnectError("refused")

    first = asyncio.create_task(kept.acquire(A, fail, None))
    await turns()
    second = asyncio.create_task(kept.acquire(A, make, None))
    await turns()
    assert not second.done()
    release.set()
    with pytest.raises(ConnectError):
        await first
    assert await second
    assert kept.size == 1


@runs
async def test_who_is_cancelled_while_waiting_leaves_the_place_to_others() -> None:
    kept, _ = pool(most_per_origin=1)
    one = await kept.acquire(A, make, None)
    first = asyncio.create_task(kept.acquire(A, make, None))
    second = asyncio.create_task(kept.acquire(A, make, None))
    await turns()
    first.cancel()
    await kept.release(A, one)
    assert await second is one
    assert first.cancelled()


@runs
async def test_who_is_cancelled_just_as_it_is_served_passes_it_on() -> None:
    kept, _ = pool(most_per_origin=1)
    one = await kept.acquire(A, make, None)
    first = asyncio.create_task(kept.acquire(A, make, None))
    second = asyncio.create_task(kept.acquire(A, make, None))
    await turns()
    await kept.release(A, one)
    first.cancel()  # it has been given the connection, and has not woken up yet
    assert await second is not None
    assert kept.size == 1


@runs
async def test_who_is_cancelled_while_connecting_leaves_the_place_to_others() -> None:
    kept, _ = pool(most_per_origin=1)

    async def never() -> Any:
        await asyncio.Event().wait()

    first = asyncio.create_task(kept.acquire(A, never, None))
    await turns()
    first.cancel()
    assert await kept.acquire(A, make, None)
    assert kept.size == 1


@runs
async def test_closing_closes_what_is_idle_sends_away_who_waits_and_keeps_nothing_after() -> None:
    kept, _ = pool(most_per_origin=2)
    idle: Any = await kept.acquire(B, make, None)
    await kept.release(B, idle)
    used: list[Any] = [await kept.acquire(A, make, None) for _ in range(2)]
    waiter = asyncio.create_task(kept.acquire(A, make, None))
    await turns()
    await kept.close()
    assert idle.closed
    with pytest.raises(ConnectError, match="closed"):
        await waiter
    for connection in used:
        await kept.release(A, connection)
        assert connection.closed
    assert kept.size == 0


@runs
async def test_it_forgets_origins() -> None:
    kept, clock = pool(idle_time=1)
    for number in range(100):
        origin = ("http", f"host-{number}", 80)
        await kept.release(origin, await kept.acquire(origin, make, None))
        clock.time += 2
    assert len(kept._origins) == 1
