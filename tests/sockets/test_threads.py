"""Threads of one purpose, and rounds in which one call does what many wait for."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from wirespeak.sockets.threads import Rounds, Threads

PATIENCE = 20.0


def test_work_in_a_thread_leaves_the_loop_free() -> None:
    go_on = threading.Event()

    async def main() -> tuple[str, str]:
        work = asyncio.create_task(Threads(1, "test").run(lambda: go_on.wait(PATIENCE) and threading.current_thread().name))
        await asyncio.sleep(0)
        go_on.set()
        return await work or "", threading.current_thread().name

    there, here = asyncio.run(main())
    assert there.startswith("test")
    assert there != here


def test_an_error_of_the_work_is_raised_where_it_is_awaited() -> None:
    with pytest.raises(ZeroDivisionError):
        asyncio.run(Threads(1, "test").run(lambda: 1 // 0))


def test_no_more_run_at_a_time_than_there_are_threads() -> None:
    running, most, lock = 0, 0, threading.Lock()
    both = threading.Barrier(2)

    def work(_: int) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        both.wait(PATIENCE)  # two have to be here together
        with lock:
            running -= 1

    Threads(2, "test").each(work, range(6))
    assert most == 2


def test_started_work_is_not_waited_for() -> None:
    go_on, done = threading.Event(), threading.Event()

    def work() -> None:
        go_on.wait(PATIENCE)
        done.set()

    Threads(1, "test").start(work)
    go_on.set()
    assert done.wait(PATIENCE)


# --- rounds


class Work:
    """What a `Rounds` calls: each call waits until it is let go on."""

    def __init__(self) -> None:
        self.calls: list[list[Any]] = []
        self.begun = threading.Semaphore(0)
        self.go_on = threading.Semaphore(0)

    def __call__(self, items: list[Any]) -> None:
        self.calls.append(items)
        self.begun.release()
        assert self.go_on.acquire(timeout=PATIENCE)
        if "fail" in items:
            raise OSError("full")


async def begun(work: Work) -> None:
    assert await asyncio.to_thread(work.begun.acquire, timeout=PATIENCE)


async def begin(rounds: Rounds[Any], *items: Any) -> list[asyncio.Task[None]]:
    """Ask for all of ``items`` in one turn of the loop."""
    tasks = [asyncio.create_task(rounds.do(item)) for item in items]
    await asyncio.sleep(0)
    return tasks


def test_what_is_asked_for_in_one_turn_is_one_round() -> None:
    work = Work()

    async def main() -> None:
        tasks = await begin(Rounds(work, "test"), "a", "b", "c")
        work.go_on.release()
        await asyncio.gather(*tasks)

    asyncio.run(main())
    assert work.calls == [["a", "b", "c"]]


def test_what_is_asked_for_during_a_round_is_the_next() -> None:
    work = Work()

    async def main() -> None:
        rounds: Rounds[Any] = Rounds(work, "test")
        first = await begin(rounds, "a")
        await begun(work)
        second = await begin(rounds, "b") + await begin(rounds, "c")
        assert not any(task.done() for task in first + second)
        work.go_on.release()
        await asyncio.gather(*first)
        await begun(work)
        assert not any(task.done() for task in second)
        work.go_on.release()
        await asyncio.gather(*second)

    asyncio.run(main())
    assert work.calls == [["a"], ["b", "c"]]


def test_a_round_takes_no_more_than_so_many() -> None:
    work = Work()

    async def main() -> None:
        tasks = await begin(Rounds(work, "test", most=2), *"abcde")
        for _ in range(3):
            work.go_on.release()
        await asyncio.gather(*tasks)

    asyncio.run(main())
    assert work.calls == [["a", "b"], ["c", "d"], ["e"]]


def test_an_error_is_raised_for_all_of_its_round_and_for_no_other() -> None:
    work = Work()

    async def main() -> list[Any]:
        rounds: Rounds[Any] = Rounds(work, "test")
        first = await begin(rounds, "a", "fail")
        await begun(work)
        second = await begin(rounds, "b")
        work.go_on.release()
        work.go_on.release()
        return await asyncio.gather(*first, *second, return_exceptions=True)

    assert [type(result) for result in asyncio.run(main())] == [OSError, OSError, type(None)]


def test_who_is_cancelled_before_the_round_is_left_out() -> None:
    work = Work()

    async def main() -> None:
        rounds: Rounds[Any] = Rounds(work, "test")
        first = await begin(rounds, "a")
        await begun(work)
        gone, stays = await begin(rounds, "b", "c")
        gone.cancel()
        work.go_on.release()
        work.go_on.release()
        await asyncio.gather(*first, stays)
        assert gone.cancelled()

    asyncio.run(main())
    assert work.calls == [["a"], ["c"]]


def test_who_is_cancelled_during_the_round_does_not_disturb_it() -> None:
    work = Work()

    async def main() -> None:
        rounds: Rounds[Any] = Rounds(work, "test")
        gone, stays = await begin(rounds, "a", "b")
        await begun(work)
        gone.cancel()
        work.go_on.release()
        await stays
        work.go_on.release()
        await rounds.do("c")  # and rounds go on

    asyncio.run(main())
    assert work.calls == [["a", "b"], ["c"]]
