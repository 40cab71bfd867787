"""Servers for the hostile tests: one in a thread, to see what its handlers see; one as a program, to measure it whole.

Both are ours, reached through public names alone: `HttpServer`, `Listener`, and the command ``wirespeak http serve``.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import json
import logging
import socket
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import psutil

from tests.hostile.wire import PATIENCE, Wire, until
from tests.processes import Program
from wirespeak.http import HttpServer, Request, Response, ServerLimits
from wirespeak.sockets.listener import Listener
from wirespeak.sockets.tasks import run_loop

T = TypeVar("T")


@dataclass(slots=True)
class Seen:
    """What a handler was given."""

    method: str
    target: str
    fields: Any
    body: bytes = b""
    trailers: Any = None


class Echo:
    """A handler that reads the whole body and sends it back, with method and target in fields; it keeps what it saw."""

    def __init__(self, *, limit: int | None = None) -> None:
        self.seen: list[Seen] = []
        self.limit = limit

    @property
    def targets(self) -> list[str]:
        return [seen.target for seen in self.seen]

    async def handle(self, request: Request) -> Response:
        seen = Seen(request.method, request.target, request.fields)
        self.seen.append(seen)
        seen.body = await request.read(self.limit)
        seen.trailers = request.trailers
        return Response(200, {"X-Method": request.method, "X-Target": request.target}, seen.body)


class Complaints(logging.Handler):
    """Gathers what is logged as a warning or worse, and what the event loop is told of: a server must not stumble."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(f"{record.name}: {record.getMessage()}" + (f"\n{record.exc_text or record.exc_info}" if record.exc_info else ""))

    def from_loop(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.said.append(f"event loop: {context}")


class Server:
    """`HttpServer` on a free port of 127.0.0.1, its loop in a thread of its own.

    ``complaints`` must be empty in the end: a test whose handler fails on purpose takes what it expects out of it.
    """

    def __init__(self, handler: Any = None, limits: ServerLimits | None = None) -> None:
        self.echo = Echo()
        self.handler = handler or self.echo.handle
        self.limits = limits
        self.complaints = Complaints()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="server under test", daemon=True)
        logging.getLogger().addHandler(self.complaints)
        self._thread.start()
        assert self._ready.wait(PATIENCE), "the server did not start"

    @property
    def targets(self) -> list[str]:
        """What the echoing handler was asked for."""
        return self.echo.targets

    def connect(self, *, receive_buffer: int | None = None) -> Wire:
        return Wire(self.address, receive_buffer=receive_buffer)

    def call(self, function: Callable[[], T]) -> T:
        """Call ``function`` in the server's loop, after everything that waits there now."""
        done: concurrent.futures.Future[T] = concurrent.futures.Future()
        self.loop.call_soon_threadsafe(lambda: done.set_result(function()))
        return done.result(PATIENCE)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(PATIENCE)

    def turn(self) -> None:
        """Let the loop go round twice: after that the server has read what had been sent to it."""
        self.call(int)
        self.call(int)

    def cpu(self) -> float:
        """Seconds of CPU time that the server's thread has used."""
        return self.call(time.thread_time)

    @property
    def connections(self) -> int:
        return self.call(lambda: len(self.listener.connections))

    def idle(self) -> None:
        """Wait until no connection is left."""
        until(lambda: not self.connections, what="the end of all connections")

    def stop(self, grace: float = 1.0) -> int:
        """Stop in order; how many connections had to be cut off."""
        return self.run(self.listener.stop(grace))

    def end(self) -> None:
        self.loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(PATIENCE)
        logging.getLogger().removeHandler(self.complaints)
        assert not self._thread.is_alive(), "the server did not stop"
        assert not self.complaints.said, "the server complained:\n" + "\n".join(self.complaints.said)
        assert not self.left, f"tasks were left behind: {self.left}"

    def _run(self) -> None:
        run_loop(self._serve())

    async def _serve(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.loop.set_exception_handler(self.complaints.from_loop)
        self._stop = asyncio.Event()
        listening = socket.create_server(("127.0.0.1", 0), backlog=2048)
        listening.setblocking(False)
        self.address: tuple[str, int] = listening.getsockname()
        self.service = HttpServer(self.handler, limits=self.limits)
        self.listener = Listener([listening], self.service)
        self.listener.start()
        self._ready.set()
        await self._stop.wait()
        await self.listener.stop(0.2)
        # What was cut off is told so, and its handlers cancelled, in the turns that follow.
        for _ in range(100):
            if not (left := asyncio.all_tasks() - {asyncio.current_task()}):
                break
            await asyncio.sleep(0.01)
        self.left = left


class Serve:
    """``wirespeak http serve`` as a program of its own, whose memory and CPU time are its own too."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._announced(program.pid, program.wait_for(r'^\{.*"event": ?"listening".*\}')[0])

    @classmethod
    def announced(cls, pid: int, line: str) -> Serve:
        """The server of process ``pid`` that has written ``line``, where the test has started it by itself."""
        self = cls.__new__(cls)
        self._announced(pid, line)
        return self

    def _announced(self, pid: int, line: str) -> None:
        event = json.loads(line)
        assert (event["service"], event["transport"]) == ("http", "tcp")
        self.address: tuple[str, int] = (event["host"], event["port"])
        self.process = psutil.Process(pid)

    def connect(self, *, receive_buffer: int | None = None) -> Wire:
        return Wire(self.address, receive_buffer=receive_buffer)

    @property
    def memory(self) -> int:
        """Bytes of memory that are the process's own."""
        return int(self.process.memory_full_info().uss)

    def cpu(self) -> float:
        """Seconds of CPU time used (Linux counts them in nanoseconds: proc(5), schedstat)."""
        seconds = 0.0
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            with contextlib.suppress(OSError):
                seconds += int((task / "schedstat").read_text().split()[0]) / 1e9
        return seconds


ROOT = Path(__file__).parent.parent.parent
"""The checkout: from here the tests' own applications can be imported."""


def command(*arguments: str | Path) -> list[str | Path]:
    """The command under test, to listen on a free port."""
    return [sys.executable, "-m", "wirespeak", "http", "serve", *arguments, "--bind", "127.0.0.1:0", "--json"]


def http_serve(start: Callable[..., Program], *arguments: str | Path) -> Serve:
    """``wirespeak http serve`` with these arguments; ``start`` runs a program (`tests.conftest.start`)."""
    return Serve(start(command(*arguments), env={"PYTHONPATH": str(ROOT / "src")}, cwd=ROOT))
