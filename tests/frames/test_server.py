"""What a server decides: handlers of both kinds, their failures, and how conversations end. Joined in memory, and over sockets."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.sockets.serving import read_all, served, until
from wirespeak.errors import ConnectionLost
from wirespeak.frames import CLASSIC, BlockingClient, Client, Dialect, Ending, FramesLimits, FramesServer
from wirespeak.frames.session import BATCH
from wirespeak.sockets.blocking import run
from wirespeak.sockets.memory import MemoryNetwork

BINARY = Dialect("u32be", text=False, limit=8 << 20)


def joined(server: FramesServer, piece: int | None = None) -> Client:
    """A client joined to ``server`` in memory."""
    network = MemoryNetwork({("server", 1): server}, piece=piece)
    return run(Client.connect("server:1", server.dialect, network=network))


async def later(message: str) -> str:
    return message[::-1]


class Shout:
    """A handler may be any object that can be called."""

    async def __call__(self, message: str) -> str:
        return message + "!"


@pytest.mark.parametrize(
    ("handler", "answers"),
    [
        (str.upper, ["ONE", "TWO"]),
        (later, ["eno", "owt"]),
        (Shout(), ["one!", "two!"]),
        (lambda message: message * 2, ["oneone", "twotwo"]),
    ],
)
@pytest.mark.parametrize("piece", [None, 1])
def test_a_handler_answers_each_message_in_its_order(handler: Callable[[str], Any], answers: list[str], piece: int | None) -> None:
    client = joined(FramesServer(handler), piece)
    run(client.send("one", "two"))
    assert [run(client.receive()), run(client.receive())] == answers
    run(client.end())
    assert run(client.receive()) is None
    run(client.close())


async def silent_on_two(message: str) -> str | None:
    return None if message == "two" else message


def test_a_handler_that_has_nothing_to_say_says_nothing() -> None:
    for handler in (lambda message: None if message == "two" else message, silent_on_two):
        client = joined(FramesServer(handler))
        run(client.send("one", "two", "three"))
        run(client.end())
        assert [run(client.receive()) for _ in range(3)] == ["one", "three", None]


@pytest.mark.parametrize("end", [Ending.CLOSE, Ending.MARK, Ending.WORD])
def test_all_is_answered_before_the_end_is_said(end: Ending) -> None:
    with served(FramesServer(dialect=Dialect("u16le", end=end))) as server, server.connect() as sock:
        dialect = Dialect("u16le", end=end)
        said = dialect.encode([f"message {number}" for number in range(10_000)])
        sock.sendall(said + dialect.encode_end())
        if end is Ending.CLOSE:
            sock.shutdown(socket.SHUT_WR)
        assert read_all(sock) == said + (b"\xff\xff" if end is Ending.MARK else b"")
        until(lambda: not server.listener.connections)


def test_a_handler_that_waits_answers_all_before_the_end_too() -> None:
    async def slowly(message: str) -> str:
        await asyncio.sleep(0.001)
        return message

    with served(FramesServer(slowly)) as server, server.connect() as sock:
        said = CLASSIC.encode([f"message {number}" for number in range(100)])
        sock.sendall(said + CLASSIC.encode_end())
        assert read_all(sock) == said


def test_a_handler_that_waits_is_cancelled_when_its_peer_goes() -> None:
    state: list[str] = []

    async def wait(message: str) -> str:
        state.append("waits")
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            state.append("cancelled")
            raise
        return message

    with served(FramesServer(wait)) as server:
        sock = server.connect()
        sock.sendall(CLASSIC.encode(["hello"]))
        until(lambda: state == ["waits"])
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
        until(lambda: state == ["waits", "cancelled"])
        until(lambda: not server.listener.connections)


def test_a_handler_that_waits_is_cancelled_when_its_peer_breaks_the_protocol(caplog: pytest.LogCaptureFixture) -> None:
    state: list[str] = []

    async def wait(message: str) -> str:
        state.append("waits")
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            state.append("cancelled")
        return message

    with served(FramesServer(wait, limits=FramesLimits(linger=300))) as server, server.connect() as sock:
        sock.sendall(CLASSIC.encode(["hello"]))
        until(lambda: state == ["waits"])
        sock.sendall(b"\x01\x00\xff")
        until(lambda: state == ["waits", "cancelled"])  # at once, not only when the connection is over
        assert read_all(sock) == b""
    assert "not UTF-8" in caplog.text


def test_a_handler_that_waits_makes_no_more_answers_than_are_taken() -> None:
    made: list[str] = []
    answer = bytes(1 << 20)

    async def generous(message: bytes) -> bytes:
        made.append("one")
        return answer

    dialect = Dialect("u32be", False)
    with served(FramesServer(generous, dialect)) as server, server.connect() as sock:
        sock.sendall(dialect.encode([b"?"] * BATCH))
        until(lambda: any(not one.session.reading for one in list(server.listener.connections)))
        assert len(made) < BATCH // 2  # what the two kernels hold, and a little more
        sock.shutdown(socket.SHUT_WR)
        assert len(read_all(sock)) == BATCH * (4 + len(answer))
        assert len(made) == BATCH


def fails(message: str) -> str:
    raise RuntimeError("out of ideas")


async def fails_later(message: str) -> str:
    raise RuntimeError("out of ideas")


async def loses_another_connection(message: str) -> str:
    raise ConnectionLost("the server that I ask is gone")


async def is_cancelled(message: str) -> str:
    raise asyncio.CancelledError


@pytest.mark.parametrize(
    "handler",
    [fails, fails_later, loses_another_connection, is_cancelled, lambda message: 5, lambda message: b"bytes", lambda message: "end"],
)
def test_a_handler_that_fails_cuts_the_conversation_off_and_is_told_in_the_log(
    handler: Callable[[str], Any], caplog: pytest.LogCaptureFixture
) -> None:
    client = joined(FramesServer(handler))
    with caplog.at_level(logging.ERROR, "wirespeak.frames"), pytest.raises(ConnectionLost):
        run(client.ask("hello"))
    assert [record.getMessage() for record in caplog.records] == ["client:0: the handler failed"]
    assert caplog.records[0].exc_info


def test_a_peer_that_breaks_the_protocol_is_told_of_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "wirespeak.frames"), served(FramesServer()) as server, server.connect() as sock:
        sock.sendall(CLASSIC.encode(["good"]) + b"\x01\x00\xff")
        assert read_all(sock) == CLASSIC.encode(["good"])
    (record,) = caplog.records
    assert record.getMessage().startswith("127.0.0.1:")
    assert "not UTF-8" in record.getMessage()


def test_stopping_answers_what_came_and_says_the_end() -> None:
    going = asyncio.Event()
    waiting: list[str] = []

    async def wait(message: str) -> str:
        waiting.append(message)
        await going.wait()
        return message

    with served(FramesServer(wait)) as server, server.connect() as sock:
        sock.sendall(CLASSIC.encode(["hello"]))
        until(lambda: waiting)
        server.run(lambda: server.loop.call_later(0.05, going.set))
        left = server.run(server.listener.stop)
        assert left == 0
        assert read_all(sock) == CLASSIC.encode(["hello"]) + b"\x03\x00end"


def test_limits_of_time_are_kept_over_sockets(caplog: pytest.LogCaptureFixture) -> None:
    limits = FramesLimits(idle=0.2, grace=0.2, rate=1 << 20, linger=0.2)
    with served(FramesServer(limits=limits)) as server:
        with server.connect() as idle:
            assert read_all(idle) == b"\x03\x00end"
        with server.connect() as slow:
            slow.sendall(b"\x05\x00abc")
            assert read_all(slow) == b""
        until(lambda: not server.listener.connections)
    assert "5 of 7 bytes came" in caplog.text


def test_a_large_message_goes_there_and_back() -> None:
    with served(FramesServer(dialect=BINARY)) as server:
        host, port = server.address
        with BlockingClient.connect(f"{host}:{port}", BINARY) as frames:
            large = bytes(range(256)) * (16 << 10)
            assert frames.ask(large) == large
            assert list(frames.ask_all([large, b"", large])) == [large, b"", large]


def test_a_program_serves_until_it_is_told_to_stop() -> None:
    program = "from wirespeak.frames import serve\nserve(str.upper, '127.0.0.1:0', on_ready=lambda places: print(*places, flush=True))"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        with BlockingClient.connect(server.stdout.readline().strip()) as frames:
            assert frames.ask("hello") == "HELLO"
        server.send_signal(signal.SIGTERM)
        assert server.wait(20) == 0
