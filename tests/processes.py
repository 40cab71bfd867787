"""Programs that a test runs: waited for until they are ready, always ended, their output kept for a failed test.

The fixture `start` in conftest.py hands these out. Nothing waits for a fixed while: readiness is a line of output or a
port that accepts.
"""

from __future__ import annotations

import os
import random
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

# Below the ports that the system hands out by itself, so that no client's socket takes one meanwhile.
PORTS = range(10_240, 32_000)


def free_port() -> int:
    """A port that neither UDP nor TCP uses just now, on any address."""
    for port in random.SystemRandom().sample(PORTS, 100):
        with socket.socket(type=socket.SOCK_DGRAM) as datagrams, socket.socket() as stream:
            try:
                datagrams.bind(("", port))
                stream.bind(("", port))
            except OSError:
                continue
            return port
    raise AssertionError("no free port below those that the system hands out")


class Program:
    """A running program, in a process group of its own so that its children end with it.

    Its standard output and error are read together, in the background, into `output`.
    """

    def __init__(self, command: Sequence[str | Path], *, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> None:
        self.command = [str(part) for part in command]
        before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # it hears it as at a terminal, also where the tests run under nohup
        try:
            self.process = subprocess.Popen(
                self.command,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})},
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        finally:
            signal.signal(signal.SIGHUP, before)
        self.pid = self.process.pid
        self._output = bytearray()
        self._news = threading.Condition()
        self._ended = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def output(self) -> str:
        """What it has written so far."""
        with self._news:
            return self._output.decode(errors="replace")

    def wait_for(self, pattern: str, *, within: float = 20.0) -> re.Match[str]:
        """Wait until ``pattern`` is found in the output; AssertionError when the program ends or ``within`` seconds pass first."""
        sought = re.compile(pattern, re.MULTILINE)
        limit = time.monotonic() + within
        with self._news:
            while not (found := sought.search(self._output.decode(errors="replace"))):
                left = limit - time.monotonic()
                if self._ended or left <= 0:
                    why = "ended" if self._ended else f"took {within} s"
                    raise AssertionError(f"{self} {why} without writing {pattern!r}; it wrote:\n{self._output.decode(errors='replace')}")
                self._news.wait(left)
            return found

    def wait_until_accepting(self, port: int, *, host: str = "127.0.0.1", within: float = 20.0) -> None:
        """Wait until ``port`` accepts a connection; AssertionError when the program ends or ``within`` seconds pass first."""
        limit = time.monotonic() + within
        while True:
            try:
                socket.create_connection((host, port), timeout=1).close()
            except OSError:
                if self.process.poll() is not None or time.monotonic() > limit:
                    raise AssertionError(f"{self} did not listen on {host}:{port}; it wrote:\n{self.output}") from None
                time.sleep(0.02)
            else:
                return

    def wait(self, *, within: float = 20.0) -> int:
        """Wait for its end and return its exit code."""
        code = self.process.wait(within)
        self._reader.join(within)
        return code

    def interrupt(self) -> None:
        """Ctrl-C."""
        self.process.send_signal(signal.SIGINT)

    def end(self, *, grace: float = 10.0) -> None:
        """Ask it to stop; after ``grace`` seconds end it, and what is left of its group, in any case."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(grace)
            except subprocess.TimeoutExpired:
                self.process.kill()
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def __str__(self) -> str:
        return " ".join(self.command)

    def _read(self) -> None:
        """Gather the output until its end; runs in a thread of its own."""
        assert self.process.stdout is not None
        while piece := os.read(self.process.stdout.fileno(), 65536):
            with self._news:
                self._output += piece
                self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()
