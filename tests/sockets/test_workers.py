"""Several processes behind one port: they share it, are replaced when they die, and end together."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.processes import Program
from tests.sockets.serving import read_all, until

ROOT = Path(__file__).parent.parent.parent


def lives(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class Serving:
    """The program `workers` of tests/sockets/programs.py."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.port = int(program.wait_for(r"^listening on (\d+)$")[1])
        self.parent = psutil.Process(program.pid)
        until(lambda: len(self.workers) == 2)

    @property
    def workers(self) -> set[int]:
        """The processes that serve now: those that have said so, and live."""
        said = {int(line.split()[1]) for line in self.program.output.splitlines() if line.startswith("worker ")}
        return {child.pid for child in self.parent.children() if lives(child)} & said

    def who_answers(self) -> int:
        """The process id of who answers a new connection."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            return int(read_all(sock).rpartition(b"\r\n\r\n")[2])


@pytest.fixture
def start_program(start: Callable[..., Program]) -> Callable[[str], Program]:
    # What it prints is gathered before it is written, as it is where output goes to a file.
    return lambda name: start([sys.executable, "-m", "tests.sockets.programs", name], cwd=ROOT, env={"PYTHONUNBUFFERED": ""})


@pytest.fixture
def serving(start_program: Callable[[str], Program]) -> Serving:
    return Serving(start_program("workers"))


def test_they_share_a_port(serving: Serving) -> None:
    """Whichever of them stands still, the other answers."""
    for still in serving.workers:
        os.kill(still, signal.SIGSTOP)
        until(lambda: psutil.Process(still).status() == psutil.STATUS_STOPPED)  # noqa: B023
        try:
            assert {serving.who_answers()} == serving.workers - {still}
        finally:
            os.kill(still, signal.SIGCONT)


def test_one_that_dies_is_replaced(serving: Serving) -> None:
    for _ in range(3):
        before = serving.workers
        died = min(before)
        os.kill(died, signal.SIGKILL)
        until(lambda: len(serving.workers - {died}) == 2)  # noqa: B023
        assert len(serving.workers - before) == 1
        assert serving.who_answers() in serving.workers


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_parent_ends_all_of_them(serving: Serving, number: int) -> None:
    workers = serving.workers
    serving.program.process.send_signal(number)
    assert serving.program.wait() == 0
    assert not any(psutil.pid_exists(worker) for worker in workers)


def test_one_from_the_terminal_reaches_each_of_them_once(serving: Serving) -> None:
    """Ctrl-C goes to the whole group of the parent; a second one would cut off what the first lets finish."""
    assert {os.getpgid(worker) for worker in serving.workers} == serving.workers  # each is a group of its own
    with socket.create_connection(("127.0.0.1", serving.port), timeout=20) as sock:
        sock.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        assert sock.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
        os.killpg(serving.program.pid, signal.SIGINT)
        until(lambda: len(serving.parent.children()) == 1)  # who has nothing under way has ended
        sock.sendall(b"hello")
        assert read_all(sock).endswith(b" hello")
    assert serving.program.wait() == 0


def test_a_hangup_is_passed_on_and_ends_none(serving: Serving) -> None:
    workers = serving.workers
    serving.program.process.send_signal(signal.SIGHUP)
    for worker in workers:
        serving.program.wait_for(f"^hung up {worker}$")
    assert serving.workers == workers


def test_what_the_parent_has_written_is_written_once(serving: Serving) -> None:
    serving.program.process.terminate()
    serving.program.wait()
    assert serving.program.output.count("listening on") == 1


def test_workers_that_die_as_fast_as_they_are_made_are_given_up(start_program: Callable[[str], Program]) -> None:
    program = start_program("failing")
    assert program.wait() == 4
    assert program.output.count("ZeroDivisionError: on purpose") in (6, 7)  # five are forgiven within the window; two run at a time


def test_a_signal_that_comes_while_workers_are_made_ends_those_too_that_were_not_there_yet(start_program: Callable[[str], Program]) -> None:
    assert start_program("impatient").wait() == 0


def test_workers_that_are_done_are_not_replaced(start_program: Callable[[str], Program]) -> None:
    program = start_program("ending")
    assert program.wait() == 0
    assert program.output.splitlines() == ["done", "done"]
