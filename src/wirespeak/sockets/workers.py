"""Several processes behind the same listening sockets, for machines of several cores.

The parent binds, forks the workers, and waits; the kernel hands each new connection to a worker that accepts. Signals
to the parent go on to the workers. A worker that dies is replaced, unless workers die as fast as they are made.
"""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable

__all__ = ["run_workers"]

# More deaths than this within the window: something is wrong that a new worker won't mend.
DEATHS = 5
WINDOW = 10.0

PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def run_workers(count: int, work: Callable[[], None]) -> int:
    """Run ``work`` in ``count`` processes until SIGTERM or SIGINT; the exit code: 0, or 4 where workers kept dying."""
    workers: set[int] = set()
    stopping = False
    deaths: list[float] = []

    def pass_on(number: int, _frame: object) -> None:
        nonlocal stopping
        stopping = stopping or number != signal.SIGHUP
        _tell(workers, number)

    def add() -> None:
        workers.add(_fork(work))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)
        if stopping:  # told so before this one was there to be told
            _tell(workers, signal.SIGTERM)

    for number in PASSED_ON:
        signal.signal(number, pass_on)
    for _ in range(count):
        add()
    while workers:
        worker, status = os.wait()
        workers.discard(worker)
        if stopping or status == 0:
            continue
        now = time.monotonic()
        deaths = [death for death in deaths if now - death < WINDOW] + [now]
        if len(deaths) > DEATHS:
            stopping = True
            _tell(workers, signal.SIGTERM)
        else:
            add()
    return 4 if len(deaths) > DEATHS else 0


def _tell(workers: set[int], number: int) -> None:
    for worker in workers:
        try:
            os.kill(worker, number)
        except ProcessLookupError:
            pass  # it has just ended


def _fork(work: Callable[[], None]) -> int:
    """The process id of a new worker. Signals are blocked on return: until the worker is known, none can be passed on to it."""
    sys.stdout.flush()  # else the worker would write once more what waits there
    sys.stderr.flush()
    signal.pthread_sigmask(signal.SIG_BLOCK, PASSED_ON)
    worker = os.fork()
    if worker:
        return worker
    code = 1
    try:
        # A signal for the parent's group would reach the worker twice: from the terminal, and passed on.
        os.setpgid(0, 0)
        for number in PASSED_ON:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)
        work()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
