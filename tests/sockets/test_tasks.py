"""A handler's coroutine is a task whose first step is taken where it is started; what blocks goes into a thread."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from wirespeak.sockets.tasks import in_thread, repeat, start_task

name: contextvars.ContextVar[str] = contextvars.ContextVar("name", default="nobody")


def from_a_callback(function: Callable[[asyncio.AbstractEventLoop], Any]) -> Any:
    """What ``function`` returns, or what comes of what it returns, called as the pump calls: by the loop, in no task."""

    async def main() -> Any:
        loop = asyncio.get_running_loop()
        called: asyncio.Future[Any] = loop.create_future()

        def call() -> None:
            try:
                called.set_result(function(loop))
            except BaseException as error:
                called.set_exception(error)

        loop.call_soon(call)
        result = await called
        return await result if isinstance(result, Awaitable) else result

    return asyncio.run(main())


def test_the_first_step_is_taken_in_place() -> None:
    order: list[str] = []

    async def work() -> str:
        order.append("first step")
        await asyncio.sleep(0)
        order.append("second step")
        return "done"

    def start(loop: asyncio.AbstractEventLoop) -> asyncio.Task[str]:
        task = start_task(loop, work())
        order.append("started")
        return task

    assert from_a_callback(start) == "done"
    assert order == ["first step", "started", "second step"]


def test_what_never_waits_is_done_at_once() -> None:
    async def work() -> int:
        return 5

    def start(loop: asyncio.AbstractEventLoop) -> bool:
        task = start_task(loop, work())
        return task.done() and task.result() == 5

    assert from_a_callback(start) is True


def test_it_is_the_current_task_from_its_first_step_on() -> None:
    seen: list[Any] = []

    async def work() -> None:
        seen.append(asyncio.current_task())
        await asyncio.sleep(0)
        seen.append(asyncio.current_task())

    def start(loop: asyncio.AbstractEventLoop) -> Any:
        task = start_task(loop, work())
        seen.append(asyncio.current_task())
        seen.append(task)
        return task

    from_a_callback(start)
    first, outside, task, second = seen
    assert first is second is task
    assert outside is None


def test_an_error_in_the_first_step_is_the_tasks_and_not_its_starters() -> None:
    async def work() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        from_a_callback(lambda loop: start_task(loop, work()))


def test_the_loop_is_as_it_was_afterwards() -> None:
    async def work() -> None: ...

    def start(loop: asyncio.AbstractEventLoop) -> bool:
        start_task(loop, work())
        return "call_soon" in vars(loop)

    assert from_a_callback(start) is False


def test_inside_a_task_the_first_step_is_left_to_the_loop() -> None:
    order: list[str] = []

    async def inner() -> None:
        order.append("inner")

    async def outer() -> None:
        task = start_task(asyncio.get_running_loop(), inner())
        order.append("outer")
        await task

    from_a_callback(lambda loop: start_task(loop, outer()))
    assert order == ["outer", "inner"]


def test_each_has_a_context_of_its_own() -> None:
    seen: list[str] = []

    async def work(own: str) -> None:
        seen.append(name.get())
        name.set(own)
        await asyncio.sleep(0)
        seen.append(name.get())

    async def main() -> None:
        name.set("main")
        loop = asyncio.get_running_loop()
        tasks: list[asyncio.Task[None]] = []
        started = loop.create_future()

        def start() -> None:
            tasks.extend(start_task(loop, work(own)) for own in ("one", "two"))
            started.set_result(None)

        loop.call_soon(start)
        await started
        await asyncio.gather(*tasks)
        seen.append(name.get())

    asyncio.run(main())
    assert seen == ["main", "main", "one", "two", "main"]


def test_a_context_that_is_given_is_copied_and_the_callers_not_seen() -> None:
    clean = contextvars.Context()
    clean.run(name.set, "clean")
    seen: list[str] = []

    async def work() -> None:
        seen.append(name.get())
        name.set("changed")

    def start(loop: asyncio.AbstractEventLoop) -> Any:
        name.set("of another peer")
        start_task(loop, work(), clean)
        return start_task(loop, work(), clean)

    from_a_callback(start)
    assert seen == ["clean", "clean"]
    assert clean[name] == "clean"


def test_what_is_started_inside_a_task_goes_on_with_its_context() -> None:
    seen: list[str] = []

    async def inner() -> None:
        seen.append(name.get())

    async def outer() -> None:
        name.set("outer")
        await start_task(asyncio.get_running_loop(), inner(), contextvars.Context())

    from_a_callback(lambda loop: start_task(loop, outer()))
    assert seen == ["outer"]


def test_cancellation_timeouts_and_task_groups_work_from_the_first_step_on() -> None:
    order: list[str] = []
    timed_out = asyncio.Event()

    async def work() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(0))
        try:
            async with asyncio.timeout(0.001):
                await asyncio.sleep(60)
        except TimeoutError:
            order.append("timed out")
            timed_out.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            order.append("cancelled")
            raise

    async def main() -> None:
        task = await in_loop(work())
        await timed_out.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelled()

    asyncio.run(main())
    assert order == ["timed out", "cancelled"]


async def in_loop(coroutine: Any) -> asyncio.Task[Any]:
    """The task of ``coroutine``, started by a callback of the loop."""
    loop = asyncio.get_running_loop()
    started: asyncio.Future[asyncio.Task[Any]] = loop.create_future()
    loop.call_soon(lambda: started.set_result(start_task(loop, coroutine)))
    return await started


def test_one_that_is_cancelled_before_it_ever_ran_on_is_cancelled_where_it_waits() -> None:
    ended: list[str] = []

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("ended")

    def start(loop: asyncio.AbstractEventLoop) -> asyncio.Task[None]:
        task = start_task(loop, work())
        task.cancel()
        return task

    with pytest.raises(asyncio.CancelledError):
        from_a_callback(start)
    assert ended == ["ended"]


def test_a_loop_that_lets_nothing_be_replaced_takes_the_step_in_its_next_turn() -> None:
    order: list[str] = []

    class Closed(asyncio.SelectorEventLoop):
        def __setattr__(self, name: str, value: Any) -> None:
            if name == "call_soon":
                raise AttributeError(name)
            super().__setattr__(name, value)

    async def work() -> None:
        order.append("step")

    async def main() -> None:
        loop = asyncio.get_running_loop()
        started: asyncio.Future[Any] = loop.create_future()

        def start() -> None:
            task = start_task(loop, work())
            order.append("started")
            started.set_result(task)

        loop.call_soon(start)
        await (await started)

    with asyncio.Runner(loop_factory=Closed) as runner:
        runner.run(main())
    assert sorted(order) == ["started", "step"]


# --- in_thread


def test_what_blocks_runs_in_a_thread_and_its_result_comes_back() -> None:
    async def main() -> None:
        def work(one: int, *, two: int) -> tuple[int, str]:
            return one + two, threading.current_thread().name

        total, where = await in_thread(work, 1, two=2)
        assert total == 3
        assert where.startswith("wirespeak")

    asyncio.run(main())


def test_its_error_comes_back_too() -> None:
    async def main() -> None:
        with pytest.raises(ZeroDivisionError):
            await in_thread(lambda: 1 // 0)

    asyncio.run(main())


def test_the_loop_goes_on_meanwhile_and_the_threads_are_bounded() -> None:
    most, running, lock = [0], [0], threading.Lock()
    proceed = threading.Event()

    def work(begun: Callable[[], object]) -> None:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        begun()
        proceed.wait(20)
        with lock:
            running[0] -= 1

    async def main() -> None:
        loop, begun = asyncio.get_running_loop(), asyncio.Event()
        tasks = [asyncio.ensure_future(in_thread(work, lambda: loop.call_soon_threadsafe(begun.set))) for _ in range(50)]
        await begun.wait()
        proceed.set()
        await asyncio.gather(*tasks)

    asyncio.run(main())
    assert 1 <= most[0] <= 8


# --- repeat


def test_repeat_calls_again_and_again_also_after_a_failure(caplog: pytest.LogCaptureFixture) -> None:
    calls: list[float] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        enough: asyncio.Future[None] = loop.create_future()

        def call() -> None:
            calls.append(loop.time())
            if len(calls) == 2:
                raise ZeroDivisionError("on purpose")
            if len(calls) == 4:
                enough.set_result(None)

        before = loop.time()
        repeat(0.01, call)
        assert not calls
        await enough
        assert calls[0] >= before + 0.01 - 0.001

    asyncio.run(main())
    assert len(calls) == 4
    assert "on purpose" in caplog.text
