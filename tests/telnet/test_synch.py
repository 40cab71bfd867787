"""The Synch (RFC 854, "The TELNET Synch Signal"; RFC 1123 3.2.4) over real sockets: what lies before the mark is dropped, commands are
heard; under each pump. And a visitor who leaves while nothing of theirs is read.
"""

from __future__ import annotations

import asyncio
import re
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.raw import accepting
from tests.sockets.serving import Served, served, until
from tests.telnet.callers import TERMINAL, named
from tests.telnet.dialog import wire
from wirespeak.contract import Conversation, Link
from wirespeak.sockets.blocking import BlockingNetwork, converse, run
from wirespeak.tap import Tap
from wirespeak.telnet.client import BlockingClient, Client
from wirespeak.telnet.grammar import Code
from wirespeak.telnet.limits import WINDOW
from wirespeak.telnet.messages import Command, Data, End
from wirespeak.telnet.pty import program
from wirespeak.telnet.server import Counters, TelnetServer
from wirespeak.telnet.session import TelnetSession

FLOOD = b"typed ahead " * 500
TOO_MUCH = WINDOW + 120_000
"""More than is read where nobody takes it: a window, and what was read last."""


class Host(Conversation):
    """Notes what it hears. One that is ``slow`` takes nothing of it. With ``watched``, somebody looks on."""

    def __init__(self, link: Link, *, slow: bool = False, watched: bool = False) -> None:
        self.telnet = TelnetSession(link.wake, host=True)
        self.session: Any = Tap(self.telnet, lambda seen, what, now: None) if watched else self.telnet
        self.slow = slow
        self.heard = b""
        self.commands: list[Any] = []
        self.ended: list[Exception | None] = []

    def handle(self, event: Any) -> None:
        if isinstance(event, Data):
            self.heard += event.data
            if not self.slow:
                self.telnet.consumed(len(event.data))
        elif isinstance(event, End):
            self.telnet.leave()
        else:
            self.commands.append(event)

    def lost(self, error: Exception | None) -> None:
        self.ended.append(error)


def synch(sock: socket.socket) -> None:
    """RFC 854: IAC DM, sent as TCP urgent data; as most do, the DM alone is."""
    sock.sendall(b"\xff")
    sock.send(bytes((Code.DM,)), socket.MSG_OOB)


@contextmanager
def hosts(**options: Any) -> Iterator[tuple[Served, list[Host]]]:
    made: list[Host] = []

    def service(link: Link) -> Host:
        made.append(Host(link, **options))
        return made[-1]

    with served(service) as server:
        yield server, made


@contextmanager
def held(server: Served) -> Iterator[None]:
    """The server's loop stands still."""
    stopped, go_on = threading.Event(), threading.Event()

    def stop() -> None:
        stopped.set()
        go_on.wait(20)

    server.loop.call_soon_threadsafe(stop)
    assert stopped.wait(20)
    try:
        yield
    finally:
        go_on.set()


# --- as a server, under asyncio


@pytest.mark.parametrize("watched", [False, True])
def test_a_flood_before_a_synch_is_dropped_and_the_commands_in_it_are_heard(watched: bool) -> None:
    with hosts(watched=watched) as (server, made), server.connect() as sock:
        until(lambda: made)
        with held(server):
            sock.sendall(FLOOD + wire("AO", b"more", "IP"))
            synch(sock)
            sock.sendall(b"after")
        until(lambda: made[0].heard == b"after")
        assert made[0].commands == [Command(Code.AO), Command(Code.IP), Command(Code.DM)]


def test_the_mark_on_the_iac_does_as_well() -> None:
    """So telnetds of Berkeley's kind send it: what is urgent is the byte before the DM."""
    with hosts() as (server, made), server.connect() as sock:
        until(lambda: made)
        with held(server):
            sock.sendall(FLOOD)
            sock.send(b"\xff", socket.MSG_OOB)
            sock.sendall(bytes((Code.DM,)) + b"after")
        until(lambda: made[0].heard == b"after")


def test_two_synchs_end_with_the_second() -> None:
    with hosts() as (server, made), server.connect() as sock:
        until(lambda: made)
        with held(server):
            sock.sendall(b"one")
            synch(sock)
            sock.sendall(b"two")
            synch(sock)
            sock.sendall(b"three")
        until(lambda: made[0].heard == b"three")


def test_a_synch_comes_through_where_nothing_is_read() -> None:
    with hosts(slow=True) as (server, made), server.connect() as sock:
        until(lambda: made)
        sock.sendall(b"x" * TOO_MUCH)
        until(lambda: made[0].heard and not made[0].session.reading)
        heard = len(made[0].heard)
        assert heard < TOO_MUCH
        sock.sendall(b"more" + wire("IP"))
        synch(sock)
        until(lambda: Command(Code.DM) in made[0].commands)
        assert made[0].commands == [Command(Code.IP), Command(Code.DM)]
        assert len(made[0].heard) == heard
        assert not made[0].session.reading


def test_who_is_gone_is_noticed_where_nothing_is_read() -> None:
    with hosts(slow=True) as (server, made):
        for cut in (False, True):
            sock = server.connect()
            sock.sendall(b"x" * TOO_MUCH)
            until(lambda: made and made[-1].heard and not made[-1].session.reading)
            if cut:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            sock.close()
            until(lambda: made[-1].ended)
            assert isinstance(made.pop().ended[0], Exception)


def test_who_has_only_ended_its_side_is_served_on() -> None:
    with hosts(slow=True) as (server, made), server.connect() as sock:
        sock.sendall(b"x" * TOO_MUCH)
        until(lambda: made and made[0].heard and not made[0].session.reading)
        sock.shutdown(socket.SHUT_WR)
        assert sock.recv(100) == wire("NOP")  # whether it is there

        def take() -> None:
            made[0].slow = False
            made[0].telnet.consumed(len(made[0].heard))

        server.run(take)
        while sock.recv(100):
            pass
        assert len(made[0].heard) == TOO_MUCH
        until(lambda: made[0].ended == [None])


# --- as a server, with a thread for each connection


def test_a_synch_under_the_blocking_pump() -> None:
    made: list[Host] = []

    def service(link: Link) -> Host:
        made.append(Host(link))
        return made[-1]

    with socket.create_server(("127.0.0.1", 0)) as listening, socket.create_connection(listening.getsockname(), timeout=20) as sock:
        here, _ = listening.accept()
        here.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
        sock.sendall(FLOOD + wire("AO"))
        synch(sock)
        sock.sendall(b"after")
        sock.shutdown(socket.SHUT_WR)
        until(lambda: len(here.recv(100_000, socket.MSG_PEEK)) == len(FLOOD) + 3)
        converse(here, service)
    assert made[0].heard == b"after"
    assert made[0].commands == [Command(Code.AO), Command(Code.DM)]


# --- as a client


def speaking(sock: socket.socket) -> None:
    """A host whose output was aborted."""
    sock.sendall(FLOOD)
    synch(sock)
    sock.sendall(b"after")
    sock.recv(1)


def test_output_that_was_aborted_is_dropped_by_a_blocking_client() -> None:
    with accepting(speaking) as port, BlockingClient.connect(f"127.0.0.1:{port}", timeout=20) as client:
        until(lambda: client.stream.urgent)
        assert client.read_until(b"after") == b"after"


def test_output_that_was_aborted_is_dropped_by_a_client_under_asyncio() -> None:
    async def call(port: int) -> bytes:
        async with await Client.connect(f"127.0.0.1:{port}", timeout=20) as client:
            await asyncio.to_thread(until, lambda: client.stream.urgent)
            return await client.read_until(b"after")

    with accepting(speaking) as port:
        assert asyncio.run(call(port)) == b"after"


def test_our_client_and_our_server_speak_synch() -> None:
    with hosts(slow=True) as (server, made):
        network = BlockingNetwork()
        client = run(Client.connect("{}:{}".format(*server.address), network=network, timeout=20))
        run(client.write(b"x" * TOO_MUCH))
        until(lambda: made and made[0].heard and not made[0].session.reading)
        run(client.command(Code.IP))
        run(client.command(Code.DM))
        until(lambda: made[0].commands == [Command(Code.IP), Command(Code.DM)])
        server.run(lambda: made[0].telnet.fail())
        run(client.stream.close())


# --- a program on a terminal

BUSY = """
trap 'echo interrupted; trap - INT; exec cat' INT
echo ready
while :; do sleep 0.05; done
"""


def test_a_program_that_reads_nothing_is_interrupted() -> None:
    """RFC 1123 3.2.4: the stream is full, and IP is behind all of it."""
    with served(TelnetServer(program(["/bin/sh", "-c", BUSY]))) as server, server.connect() as sock:
        sock.sendall(TERMINAL + named("xterm"))
        expect(sock, rb"ready\r\n")
        sock.sendall(b"line\r\n" * (TOO_MUCH // 6))
        sock.sendall(wire("IP"))
        synch(sock)
        sock.sendall(b"after\r\n")
        said = expect(sock, rb"interrupted\r\n(.*)after\r\n")
        assert said[1].count(b"line") == 0


def test_a_visitor_who_leaves_a_program_that_reads_nothing_takes_it_along() -> None:
    counters = Counters()
    host = program([sys.executable, "-S", "-c", "import time; print('ready', flush=True); time.sleep(600)"])
    with served(TelnetServer(host, counters=counters)) as server, server.connect() as sock:
        sock.sendall(TERMINAL + named("xterm"))
        expect(sock, rb"ready\r\n")
        sock.sendall(b"line\r\n" * (TOO_MUCH // 6))
        assert counters.open == 1
        sock.close()
        until(lambda: counters.open == 0)


def expect(sock: socket.socket, pattern: bytes) -> re.Match[bytes]:
    """Read until ``pattern`` has come."""
    came = b""
    while not (found := re.search(pattern, came, re.DOTALL)):
        piece = sock.recv(65536)
        assert piece, f"the end came before {pattern!r}: {came[-1000:]!r}"
        came += piece
    return found
