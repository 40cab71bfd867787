"""Blocking work for servers: threads of one purpose, and rounds in which a thread does at once what many wait for.

`tasks.in_thread` has one pool for everyone. What may take all of it for long (a command that runs for a minute, a disk that
is slow) gets `Threads` of its own, so that nothing else waits behind it.

`Rounds` is how the price of a slow step is shared. What is asked for while one round is under way is done by the next one:

    asked for    a   b c d      e f g
    rounds       [a.......][b c d.......][e f g.......]

With one asker it costs no time, and with many each round does the work of many: of databases this is known as group commit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Generic, ParamSpec, TypeVar

__all__ = ["Rounds", "Threads"]

P = ParamSpec("P")
T = TypeVar("T")

# Of what waits, one round takes no more: the first are not to wait for the work of a thousand others.
MOST_A_ROUND: Final = 128


class Threads:
    """Up to ``most`` threads for one kind of work, made as they are needed. What is more waits its turn."""

    def __init__(self, most: int, name: str) -> None:
        self._most = most
        self._name = name
        self._pool: ThreadPoolExecutor | None = None

    @property
    def pool(self) -> ThreadPoolExecutor:
        """Made on first use: a process that forks workers before that leaves each of them its own."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._most, thread_name_prefix=self._name)
        return self._pool

    async def run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of ``function``, run in one of the threads while the loop goes on."""
        return await asyncio.wrap_future(self.pool.submit(function, *args, **kwargs))

    def start(self, function: Callable[P, object], /, *args: P.args, **kwargs: P.kwargs) -> None:
        """Have ``function`` run, and don't wait for it. It sees to its own errors."""
        self.pool.submit(function, *args, **kwargs)

    def each(self, function: Callable[[T], object], items: Iterable[T]) -> None:
        """Call ``function`` with every item, several at a time, and return when all are done: for who is in a thread already."""
        for _ in self.pool.map(function, items):
            pass


class Rounds(Generic[T]):
    """Calls of ``work`` with all that has been asked for since the last one began; one call at a time, in a thread of its own."""

    def __init__(self, work: Callable[[list[T]], object], name: str, *, most: int = MOST_A_ROUND) -> None:
        self._work = work
        self._threads = Threads(1, name)
        self._most = most
        self._waiting: list[tuple[T, asyncio.Future[None]]] = []
        self._running = False

    async def do(self, item: T) -> None:
        """Have ``item`` in the next round, and return when that is over. Raises what ``work`` raised.

        Who is cancelled before the round has begun is left out of it.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        self._waiting.append((item, done))
        if not self._running:
            self._running = True
            loop.call_soon(self._begin, loop)  # not now: what else comes in this turn of the loop comes along
        await done

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        waiting = [asked for asked in self._waiting if not asked[1].done()]
        taken, self._waiting = waiting[: self._most], waiting[self._most :]
        if not taken:
            self._running = False
            return
        over = loop.run_in_executor(self._threads.pool, self._work, [item for item, _ in taken])
        over.add_done_callback(lambda over: self._ended(loop, taken, over))

    def _ended(self, loop: asyncio.AbstractEventLoop, taken: list[tuple[T, asyncio.Future[None]]], over: asyncio.Future[object]) -> None:
        error = asyncio.CancelledError() if over.cancelled() else over.exception()
        for _, done in taken:
            if done.done():
                continue
            if error is None:
                done.set_result(None)
            elif isinstance(error, asyncio.CancelledError):
                done.cancel()
            else:
                done.set_exception(error)
        self._begin(loop)
