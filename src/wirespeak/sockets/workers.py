"""Several processes behind the same listening sockets, for machines of several cores.

The parent binds, forks the workers, and waits; the kernel hands each new connection to a worker that accepts. Signals
to the parent go on to the workers. A worker that dies is replaced, unless workers die as fast as they are made.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

__all__ = ["run_workers"]

# More deaths than this within the window: something is wrong that a new worker won't mend.
DEATHS = 5
WINDOW = 10.0


def run_workers(count: int, work: Callable[[], None]) -> int:
    """Run ``work`` in ``count`` processes until SIGTERM or SIGINT; the exit code: 0, or 4 where workers kept dying."""
    workers: set[int] = set()
    stopping = False
    deaths: list[float] = []

    def pass_on(number: int, _frame: object) -> None:
        nonlocal stopping
        stopping = stopping or number != signal.SIGHUP
        for worker in workers:
            os.kill(worker, number)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, pass_on)
    for _ in range(count):
        workers.add(_fork(work))
    while workers:
        try:
            worker, status = os.wait()
        except ChildProcessError:
            break
        workers.discard(worker)
        if stopping or status == 0:
            continue
        now = time.monotonic()
        deaths = [death for death in deaths if now - death < WINDOW] + [now]
        if len(deaths) > DEATHS:
            stopping = True
            for other in workers:
                os.kill(other, signal.SIGTERM)
        else:
            workers.add(_fork(work))
    return 4 if len(deaths) > DEATHS else 0


def _fork(work: Callable[[], None]) -> int:
    worker = os.fork()
    if worker:
        return worker
    code = 1
    try:
        # A signal for the parent's group would reach the worker twice: from the terminal, and passed on.
        os.setpgid(0, 0)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        work()
        code = 0
    except KeyboardInterrupt:
        code = 0
    finally:
        os._exit(code)
