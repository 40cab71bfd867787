"""A program of listeners is told to stop by signals, and loses nothing. (Connections themselves: test_aio.py.)"""

from __future__ import annotations

import asyncio
import errno
import resource
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.processes import Program
from tests.sockets.serving import read_all, read_line, served, until
from tests.sockets.toys import Talk
from wirespeak.contract import Link
from wirespeak.sockets import listener as listening
from wirespeak.sockets.address import Address
from wirespeak.sockets.listener import Limits, Listener, allow_many_files
from wirespeak.sockets.tcp import bind

ROOT = Path(__file__).parent.parent.parent


class Running:
    """One of tests/sockets/programs.py."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.port = int(program.wait_for(r"^listening on (\d+)$")[1])

    def asking(self, said: str) -> socket.socket:
        """A connection whose request is answered once 5 bytes of body have come, of which these are the first."""
        sock = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        sock.sendall(f"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n{said}".encode())
        return sock

    def signal(self, number: int) -> None:
        self.program.process.send_signal(number)

    @property
    def accepts(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=20).close()
        except OSError:
            return False
        return True


@pytest.fixture
def run(start: Callable[..., Program]) -> Callable[[str], Running]:
    return lambda name: Running(start([sys.executable, "-m", "tests.sockets.programs", name], cwd=ROOT))


def begun(sock: socket.socket) -> None:
    """Return once the request is being handled: its handler asks for the body."""
    assert read_line(sock) == "HTTP/1.1 100 Continue"
    assert read_line(sock) == ""


# --- signals


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_once_what_runs_is_finished(run: Callable[[str], Running], number: int) -> None:
    server = run("patient")
    with server.asking("") as busy, socket.create_connection(("127.0.0.1", server.port), timeout=20) as idle:
        begun(busy)
        busy.sendall(b"hel")
        server.signal(number)
        assert idle.recv(1) == b""  # who has nothing under way is let go at once
        until(lambda: not server.accepts)
        assert "stopped" not in server.program.output
        busy.sendall(b"lo")
        said = read_all(busy)
    assert said.endswith(b" hello")
    assert b"\r\nConnection: close\r\n" in said
    assert server.program.wait() == 0
    assert "stopped" in server.program.output


def test_a_second_signal_cuts_everything_off(run: Callable[[str], Running]) -> None:
    server = run("patient")
    with server.asking("") as busy:
        begun(busy)
        server.signal(signal.SIGTERM)
        until(lambda: not server.accepts)
        server.signal(signal.SIGTERM)
        with pytest.raises(ConnectionResetError):
            read_all(busy)
    assert server.program.wait() == 0
    assert "stopped" in server.program.output


def test_what_has_not_finished_in_time_is_cut_off_and_told(run: Callable[[str], Running]) -> None:
    server = run("hasty")
    with server.asking("") as busy:
        begun(busy)
        server.signal(signal.SIGTERM)
        with pytest.raises(ConnectionResetError):
            read_all(busy)
    assert server.program.wait() == 0
    assert "1 connections had not finished after 0 s and were cut off" in server.program.output


def test_sighup_ends_nothing(run: Callable[[str], Running]) -> None:
    server = run("patient")
    server.signal(signal.SIGHUP)
    server.program.wait_for("^hung up$")
    with server.asking("") as sock:
        begun(sock)
        sock.sendall(b"hello")
        assert read_line(sock) == "HTTP/1.1 200 OK"
    server.signal(signal.SIGTERM)
    assert server.program.wait() == 0


# --- the listener itself


def listener_of(service: Any = Talk, **options: Any) -> Listener:
    return Listener(bind(Address("127.0.0.1")), service, **options)


def test_stopping_an_idle_listener_takes_no_time() -> None:
    async def main() -> None:
        listener = listener_of()
        listener.start()
        assert await asyncio.wait_for(listener.stop(60), 20) == 0

    asyncio.run(main())


def test_closing_gives_the_address_back_and_may_be_done_twice() -> None:
    async def main() -> None:
        listener = listener_of()
        listener.start()
        (address,) = listener.addresses
        for _ in range(2):
            listener.close()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address, timeout=20)

    asyncio.run(main())


def test_a_listener_that_was_closed_does_not_start_again() -> None:
    async def main() -> None:
        listener = listener_of()
        listener.close()
        listener.start()
        assert await listener.stop(20) == 0

    asyncio.run(main())


def test_when_the_system_has_no_more_files_accepting_rests_and_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(listening, "REST", 0.01)
    refusing = [3]

    class Short(socket.socket):
        def accept(self) -> tuple[socket.socket, Any]:
            if refusing[0]:
                refusing[0] -= 1
                raise OSError(errno.EMFILE, "Too many open files")
            return super().accept()

    async def main() -> str:
        listener = Listener([Short(fileno=sock.detach()) for sock in bind(Address("127.0.0.1"))], Talk)
        listener.start()
        reader, writer = await asyncio.open_connection(*listener.addresses[0])
        writer.write(b"hello\r\n")
        said = await asyncio.wait_for(reader.readline(), 20)
        writer.close()
        await listener.stop(1)
        return said.decode()

    assert asyncio.run(main()) == "you said hello\r\n"
    assert caplog.text.count("Too many open files") == 3


def test_a_connection_that_was_gone_before_it_was_accepted_is_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    gone = sorted(listening.GONE)

    class Unlucky(socket.socket):
        def accept(self) -> tuple[socket.socket, Any]:
            if gone:
                raise OSError(gone.pop(), "gone")
            return super().accept()

    async def main() -> str:
        listener = Listener([Unlucky(fileno=sock.detach()) for sock in bind(Address("127.0.0.1"))], Talk)
        listener.start()
        reader, writer = await asyncio.open_connection(*listener.addresses[0])
        writer.write(b"hello\r\n")
        said = await asyncio.wait_for(reader.readline(), 20)
        writer.close()
        await listener.stop(1)
        return said.decode()

    assert asyncio.run(main()) == "you said hello\r\n"
    assert gone == []
    assert not caplog.records


def test_several_sockets_are_one_listener() -> None:
    async def main() -> None:
        listener = Listener([*bind(Address("127.0.0.1")), *bind(Address("::1"))], Talk)
        listener.start()
        for address in listener.addresses:
            reader, writer = await asyncio.open_connection(*address[:2])
            writer.write(b"hello\r\n")
            assert await asyncio.wait_for(reader.readline(), 20) == b"you said hello\r\n"
            writer.close()
        assert listener.accepted == 2
        await listener.stop(1)

    asyncio.run(main())


def test_a_client_that_leaves_makes_room_for_another_of_its_address() -> None:
    with served(Talk, limits=Limits(per_client=1)) as server:
        for _ in range(3):
            with server.connect() as sock:
                sock.sendall(b"hello\r\n")
                assert read_line(sock) == "you said hello"
            until(lambda: not server.listener.connections)
        assert server.listener.refused == 0


def test_a_service_that_fails_for_one_connection_serves_the_next(caplog: pytest.LogCaptureFixture) -> None:
    fail = [True]

    def service(link: Link) -> Talk:
        if fail.pop() if fail else False:
            raise ZeroDivisionError("on purpose")
        return Talk(link)

    with served(service) as server:
        with server.connect() as sock:
            assert sock.recv(1) == b""
        until(lambda: not server.listener.connections)
        with server.connect() as sock:
            sock.sendall(b"hello\r\n")
            assert read_line(sock) == "you said hello"
    assert "on purpose" in caplog.text


def test_a_conversation_may_cut_its_own_connection_off(caplog: pytest.LogCaptureFixture) -> None:
    class Cutting(Talk):
        def answer(self, event: Any) -> None:
            self.link.abort()

    with served(Cutting) as server:
        with server.connect() as sock:
            sock.sendall(b"hello\r\n")
            with pytest.raises(ConnectionResetError):
                read_all(sock)
        until(lambda: not server.listener.connections)
    assert not caplog.records


def test_as_many_files_as_the_system_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = {resource.RLIMIT_NOFILE: (100, 5000)}
    monkeypatch.setattr(listening.resource, "getrlimit", limits.__getitem__)
    monkeypatch.setattr(listening.resource, "setrlimit", limits.__setitem__)
    allow_many_files()
    assert limits == {resource.RLIMIT_NOFILE: (5000, 5000)}


def test_who_may_not_have_more_goes_on_with_less(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: Any) -> None:
        raise ValueError("not allowed to raise maximum limit")

    monkeypatch.setattr(listening.resource, "getrlimit", lambda _: (100, 5000))
    monkeypatch.setattr(listening.resource, "setrlimit", forbidden)
    allow_many_files()
