"""Programs that the tests of signals and workers run on their own: ``python -m tests.sockets.programs NAME``.

Each writes ``listening on PORT`` once it accepts. Its HTTP server answers with the process id and the body it was sent,
once that is whole: a test holds an exchange open by keeping back a part of the body.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable

from wirespeak.http import HttpServer, Request, Response
from wirespeak.sockets.address import Address
from wirespeak.sockets.listener import Listener, serve_until_stopped
from wirespeak.sockets.tcp import bind
from wirespeak.sockets.workers import run_workers


async def handler(request: Request) -> Response:
    return Response.text(f"{os.getpid()} {(await request.read()).decode()}")


def say(text: str) -> None:
    """Write a line in one go, so that those of several processes are told apart."""
    os.write(1, f"{text}\n".encode())


def serve(grace: float) -> int:
    """One process, until it is told to stop."""
    logging.basicConfig(format="%(message)s")

    async def main() -> None:
        listener = Listener(bind(Address("127.0.0.1")), HttpServer(handler))
        port = listener.addresses[0][1]
        await serve_until_stopped([listener], grace=grace, on_ready=lambda: say(f"listening on {port}"), on_hangup=lambda: say("hung up"))

    asyncio.run(main())
    say("stopped")
    return 0


def workers() -> int:
    """Two processes on one port."""
    sockets = bind(Address("127.0.0.1"))

    async def main() -> None:
        listener = Listener(sockets, HttpServer(handler))
        mine = os.getpid()
        await serve_until_stopped([listener], on_ready=lambda: say(f"worker {mine}"), on_hangup=lambda: say(f"hung up {mine}"))

    print(f"listening on {sockets[0].getsockname()[1]}")  # waits to be written, and must not be so by each worker too
    return run_workers(2, lambda: asyncio.run(main()))


def failing() -> int:
    """Workers that die as fast as they are made."""

    def work() -> None:
        raise ZeroDivisionError("on purpose")

    return run_workers(2, work)


def impatient() -> int:
    """Workers the first of which has all of them stopped while others are still being made."""
    taken, given = os.pipe()
    os.set_blocking(taken, False)
    os.write(given, b"!")

    def work() -> None:
        try:
            os.read(taken, 1)
        except BlockingIOError:
            pass
        else:
            os.kill(os.getppid(), signal.SIGTERM)
        signal.pause()

    return run_workers(20, work)


def ending() -> int:
    """Workers that have nothing more to do."""
    return run_workers(2, lambda: say("done"))


PROGRAMS: dict[str, Callable[[], int]] = {
    "patient": lambda: serve(60),
    "hasty": lambda: serve(0.2),
    "workers": workers,
    "failing": failing,
    "impatient": impatient,
    "ending": ending,
}

if __name__ == "__main__":
    sys.exit(PROGRAMS[sys.argv[1]]())
