"""Urgent data, asked of the kernel; and what is heard of a connection that isn't read."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.sockets.serving import until
from wirespeak.sockets.blocking import BlockingNetwork, run
from wirespeak.sockets.network import SocketStream
from wirespeak.sockets.tcp import set_options
from wirespeak.sockets.urgent import News, Watch, lies_ahead


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two ends of a TCP connection, the first with the options of ours."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        there = socket.create_connection(listening.getsockname(), timeout=20)
        here, _ = listening.accept()
    set_options(here)
    with here, there:
        yield here, there


# --- the mark


def test_a_read_ends_in_front_of_urgent_data(pair: tuple[socket.socket, socket.socket]) -> None:
    here, there = pair
    there.sendall(b"before")
    assert not lies_ahead(here)
    there.send(b"\xff\xf2", socket.MSG_OOB)
    there.sendall(b"after")
    until(lambda: lies_ahead(here))
    assert here.recv(100) == b"before\xff"
    assert lies_ahead(here)
    until(lambda: len(here.recv(100, socket.MSG_PEEK)) == 6)
    assert here.recv(100) == b"\xf2after"
    assert not lies_ahead(here)


def test_of_several_marks_the_last_is_ahead(pair: tuple[socket.socket, socket.socket]) -> None:
    here, there = pair
    there.send(b"one!", socket.MSG_OOB)
    there.send(b"two!", socket.MSG_OOB)
    until(lambda: len(here.recv(100, socket.MSG_PEEK)) == 7)
    assert here.recv(100) == b"one!two"
    assert lies_ahead(here)
    assert here.recv(100) == b"!"
    assert not lies_ahead(here)


def test_a_stream_tells_of_urgent_data(pair: tuple[socket.socket, socket.socket]) -> None:
    here, there = pair
    network = BlockingNetwork()
    stream = SocketStream.adopt(network, here)
    there.sendall(b"a")
    there.send(b"b!", socket.MSG_OOB)
    until(lambda: stream.urgent)
    assert run(stream.exchange((), network.now() + 5)) == b"ab"
    assert stream.urgent
    assert run(stream.exchange((), network.now() + 5)) == b"!"
    assert not stream.urgent


# --- what is heard of a connection that isn't read


def hearing(here: socket.socket, act: Callable[[], Any], expected: News) -> list[News]:
    """The news up to those that are expected, of what ``act`` does to a connection that is watched."""
    heard: list[News] = []

    async def listen() -> None:
        watch = Watch(asyncio.get_running_loop())
        come = asyncio.Event()

        def told(news: News) -> None:
            heard.append(news)
            if news == expected:
                come.set()

        watch.begin(here.fileno(), told)
        watch.begin(here.fileno(), told)  # it is one already: nothing changes
        act()
        async with asyncio.timeout(20):
            await come.wait()
        watch.end(here.fileno())
        watch.end(here.fileno())

    asyncio.run(listen())
    return heard


def test_urgent_data_are_told_of_where_nothing_is_read(pair: tuple[socket.socket, socket.socket]) -> None:
    here, there = pair
    there.sendall(b"unread")
    hearing(here, lambda: there.send(b"!", socket.MSG_OOB), News(urgent=True, ended=False, lost=False))
    assert here.recv(100) == b"unread"


def test_the_peers_end_is_told_of(pair: tuple[socket.socket, socket.socket]) -> None:
    here, there = pair
    there.sendall(b"unread")
    hearing(here, lambda: there.shutdown(socket.SHUT_WR), News(urgent=False, ended=True, lost=False))


def test_a_connection_that_is_cut_off_is_told_of(pair: tuple[socket.socket, socket.socket]) -> None:
    here, there = pair

    def cut() -> None:
        there.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        there.close()

    hearing(here, cut, News(urgent=False, ended=True, lost=True))
