"""Running a handler: a coroutine as a real task, whose first step is taken in place; blocking work in a thread.

Most handlers never wait. Taking a task's first step at once, where it is made, answers them in the same turn of the
loop; and yet they are tasks, so timeouts, task groups, context variables and cancellation do what users expect.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
import sys
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import Any, ParamSpec, TypeVar

from wirespeak.sockets.loop import new_loop

__all__ = ["Cancelled", "begin", "in_thread", "repeat", "run_loop", "start_task"]

Cancelled = asyncio.CancelledError
"""What a task is ended with, for who may not know of event loops."""

P = ParamSpec("P")
T = TypeVar("T")


def start_task(
    loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, T], context: contextvars.Context | None = None
) -> asyncio.Task[T]:
    """Run ``coroutine`` as a task in a context of its own; its first step is taken now.

    Its context is a copy of ``context``: a callback of the loop runs in that of whoever asked for it, which may be a task
    of another peer, whose variables are not to be seen here.
    Called from inside another task, the step is left to the loop, for a task may not run within a task; and what is
    started so goes on with what that task does, so its context is a copy of that task's.
    """
    if asyncio.current_task(loop) is not None:
        return loop.create_task(coroutine)
    context = contextvars.copy_context() if context is None else context.copy()
    if sys.version_info >= (3, 12):
        return asyncio.Task(coroutine, loop=loop, context=context, eager_start=True)
    # Python 3.11 knows no eager start. A task asks its loop to call its first step soon; we catch that request and grant
    # it now. A loop that doesn't let its method be replaced (uvloop's) takes the step in its next turn instead.
    steps: list[Callable[[], object]] = []
    try:
        loop.call_soon = lambda step, *args, context=None: steps.append(step)  # type: ignore[method-assign,assignment]
    except AttributeError:
        return loop.create_task(coroutine, context=context)
    try:
        task = asyncio.Task(coroutine, loop=loop, context=context)
    finally:
        del loop.call_soon
    context.run(steps[0])
    return task


def run_loop(main: Coroutine[Any, Any, T]) -> T:
    """The result of ``main``, run in an event loop made for it: what a program that serves does first."""
    with asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(main)


@cache
def _pool() -> ThreadPoolExecutor:
    """One pool for the process, made when first needed: hashing, compressing, fsync, and whatever else blocks."""
    return ThreadPoolExecutor(max_workers=min(8, (os.cpu_count() or 1) + 2), thread_name_prefix="wirespeak")


async def in_thread(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """The result of ``function``, run in one of a bounded number of threads while the loop goes on."""
    return await asyncio.get_running_loop().run_in_executor(_pool(), partial(function, *args, **kwargs))


def begin(coroutine: Coroutine[Any, Any, None]) -> Callable[[], object]:
    """Run ``coroutine`` beside whatever else the running loop does, from its next turn on. What is returned ends it, when called."""
    return asyncio.get_running_loop().create_task(coroutine).cancel


def repeat(interval: float, function: Callable[[], None]) -> None:
    """Call ``function`` every ``interval`` seconds for as long as the running loop runs."""
    loop = asyncio.get_running_loop()

    def again() -> None:
        loop.call_later(interval, again)
        function()

    loop.call_later(interval, again)
