"""Datagrams: each question is answered, and neither a flood nor a peer that is gone stops the server."""

from __future__ import annotations

import asyncio
import errno
import select
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import pytest

from tests.sockets.serving import until
from wirespeak.errors import ListenError
from wirespeak.sockets import batch, tcp
from wirespeak.sockets.address import Address
from wirespeak.sockets.udp import DatagramServer, bind_datagram


@pytest.fixture(params=["batch", "one by one"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to receive and send."""
    if request.param == "batch":
        assert batch.AVAILABLE or sys.platform != "linux"
    else:
        monkeypatch.setattr(batch, "AVAILABLE", False)
    return str(request.param)


class Echo:
    """A `contract.Responder`: answers with the question, in capitals."""

    def __init__(self) -> None:
        self.asked: list[tuple[bytes, Any, float]] = []

    def answer(self, data: bytes, peer: Any, now: float) -> bytes | None:
        self.asked.append((data, peer, now))
        match data:
            case b"silence":
                return None
            case b"too much":
                return bytes(65_508)
            case b"far too much":
                return bytes(100_000)
            case b"most":
                return bytes(65_507)
            case b"fail":
                raise ZeroDivisionError("on purpose")
            case _:
                return data.upper()


class Answering:
    """A server in a thread of its own."""

    def __init__(self, server: DatagramServer, loop: asyncio.AbstractEventLoop, echo: Echo) -> None:
        self.server = server
        self.loop = loop
        self.echo = echo
        self.address = server.addresses[0]

    def call(self, function: Callable[[], Any]) -> Any:
        async def calling() -> Any:
            return function()

        return asyncio.run_coroutine_threadsafe(calling(), self.loop).result(20)

    def socket(self) -> socket.socket:
        sock = socket.socket(socket.AF_INET6 if len(self.address) == 4 else socket.AF_INET, socket.SOCK_DGRAM)
        sock.settimeout(20)
        sock.connect(self.address)
        return sock


@contextmanager
def answering(where: str = "127.0.0.1:0") -> Iterator[Answering]:
    started: list[Answering] = []
    ready, stop = threading.Event(), asyncio.Event()

    async def main() -> None:
        echo = Echo()
        server = DatagramServer(bind_datagram(Address.parse(where)), echo)
        server.start()
        started.append(Answering(server, asyncio.get_running_loop(), echo))
        ready.set()
        await stop.wait()
        server.close()

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    assert ready.wait(20)
    try:
        yield started[0]
    finally:
        started[0].loop.call_soon_threadsafe(stop.set)
        thread.join(20)
        assert not thread.is_alive()


@pytest.mark.parametrize("where", ["127.0.0.1:0", "[::1]:0"])
def test_a_question_is_answered_to_who_asked(where: str) -> None:
    with answering(where) as server, server.socket() as one, server.socket() as two:
        one.send(b"one")
        two.send(b"two")
        assert (two.recv(100), one.recv(100)) == (b"TWO", b"ONE")
        assert {peer for _, peer, _ in server.echo.asked} == {one.getsockname(), two.getsockname()}
        assert server.server.received == 2


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system tells nobody where a datagram came to")
def test_the_answer_comes_from_the_address_that_was_asked() -> None:
    with answering("0.0.0.0:0") as server:
        port = server.address[1]
        for _ in range(3):
            for host in ("127.0.0.1", "127.0.0.53", "127.9.9.9"):
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                    sock.settimeout(20)
                    sock.sendto(b"who", (host, port))
                    assert sock.recvfrom(100)[:2] == (b"WHO", (host, port))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system tells nobody where a datagram came to")
def test_so_it_does_over_ipv6() -> None:
    with answering("[::]:0") as server, socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.settimeout(20)
        sock.sendto(b"who", ("::1", server.address[1]))
        data, peer = sock.recvfrom(100)
        assert (data, peer[:2]) == (b"WHO", ("::1", server.address[1]))


def test_an_empty_datagram_is_a_question_too() -> None:
    with answering() as server, server.socket() as sock:
        sock.send(b"")
        assert sock.recv(100) == b""


def test_there_need_not_be_an_answer() -> None:
    with answering() as server, server.socket() as sock:
        sock.send(b"silence")
        sock.send(b"hello")
        assert sock.recv(100) == b"HELLO"
        assert [data for data, _, _ in server.echo.asked] == [b"silence", b"hello"]


def test_the_largest_datagrams_pass_both_ways() -> None:
    with answering() as server, server.socket() as sock:
        largest = b"x" * 65_507
        sock.send(largest)
        assert sock.recv(70_000) == largest.upper()
        sock.send(b"most")
        assert sock.recv(70_000) == bytes(65_507)
        assert server.server.dropped == 0


def test_an_answer_that_can_not_be_sent_is_dropped_and_counted() -> None:
    with answering() as server, server.socket() as sock:
        for number in range(3):
            sock.send(b"too much")
            sock.send(b"far too much")
            sock.send(b"hello")
            assert sock.recv(100) == b"HELLO"
            assert server.server.dropped == 2 * number + 2


def test_each_of_many_at_once_is_answered_by_itself(caplog: pytest.LogCaptureFixture) -> None:
    """Long and short, with answers and without, from several: what becomes of one changes nothing for the next."""
    with answering() as server:
        questions = [b"one", b"silence", b"too much", b"x" * 3000, b"fail", b"far too much", b"", b"two"]
        with server.socket() as first, server.socket() as second:

            def ask() -> None:
                for question in questions:
                    first.send(question)
                    second.send(question)

            for _ in range(5):
                server.call(ask)
                for sock in (first, second):
                    assert [sock.recv(70_000) for _ in range(4)] == [b"ONE", b"X" * 3000, b"", b"TWO"]
            assert {peer for _, peer, _ in server.echo.asked} == {first.getsockname(), second.getsockname()}
            assert (server.server.received, server.server.dropped) == (80, 20)
    assert caplog.text.count("ZeroDivisionError: on purpose") == 10


def test_ever_new_peers_fill_no_memory(monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    monkeypatch.setattr(batch, "REMEMBERED", 10)
    remembered: list[int] = []
    look = batch.Batch._peer

    def counted(self: batch.Batch, address: bytes) -> Any:
        peer = look(self, address)
        remembered.append(len(self._peers))
        return peer

    monkeypatch.setattr(batch.Batch, "_peer", counted)
    with answering() as server:
        for _ in range(50):
            with server.socket() as sock:
                sock.send(b"hello")
                assert sock.recv(100) == b"HELLO"
                assert server.echo.asked[-1][1] == sock.getsockname()
    assert len(remembered) == (50 if way == "batch" else 0)
    assert all(count <= 10 for count in remembered)


def test_a_peer_that_is_gone_harms_no_other(caplog: pytest.LogCaptureFixture) -> None:
    """What ICMP reports of one peer (port unreachable, RFC 1122 4.1.3.3) is not the server's end."""
    with answering() as server, server.socket() as sock:
        # Linux tells a socket of such reports at all only where it asks for them.
        server.call(lambda: server.server._sockets[0].setsockopt(socket.IPPROTO_IP, getattr(socket, "IP_RECVERR", 11), 1))
        for number in range(5):
            with server.socket() as gone:
                gone.send(b"silence")
                where = gone.getsockname()
            until(lambda: len(server.echo.asked) == 2 * number + 1)  # noqa: B023
            server.call(lambda: server.server._sockets[0].sendto(b"nobody there", where))  # noqa: B023
            sock.send(b"hello")
            assert sock.recv(100) == b"HELLO"
    assert not caplog.records


def test_an_answer_that_fails_harms_no_other(caplog: pytest.LogCaptureFixture) -> None:
    with answering() as server, server.socket() as sock:
        sock.send(b"fail")
        sock.send(b"hello")
        assert sock.recv(100) == b"HELLO"
    assert "on purpose" in caplog.text


def test_many_questions_at_once_are_all_answered_and_the_loop_goes_round_in_between() -> None:
    with answering() as server, server.socket() as sock:
        turns: list[int] = []

        def turn() -> None:
            turns.append(len(server.echo.asked))
            if turns[-1] < many:
                server.loop.call_soon(turn)

        many = 3 * batch.SIZE

        def begin() -> None:
            for number in range(many):
                sock.send(b"%d" % number)
            turn()

        server.call(begin)
        assert [int(sock.recv(100)) for _ in range(many)] == list(range(many))
        until(lambda: turns[-1] == many)
        assert max(after - before for before, after in pairwise(turns)) == batch.SIZE


def test_times_are_the_loops_own() -> None:
    with answering() as server, server.socket() as sock:
        before = server.call(server.loop.time)
        sock.send(b"hello")
        sock.recv(100)
        assert before <= server.echo.asked[0][2] <= server.call(server.loop.time)


def test_after_close_nothing_is_answered_any_more() -> None:
    with answering() as server, server.socket() as sock:
        server.call(server.server.close)
        sock.setblocking(False)
        try:
            sock.send(b"hello")
            assert select.select([sock], [], [], 20)[0]
            with pytest.raises(ConnectionRefusedError):
                sock.recv(100)
        except ConnectionRefusedError:
            pass
        assert server.echo.asked == []


# --- binding


def test_both_families_get_one_port(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        (family, socket.SOCK_DGRAM, 17, "", where)
        for family, where in ((socket.AF_INET6, ("::1", 0, 0, 0)), (socket.AF_INET, ("127.0.0.1", 0)))
    ]
    monkeypatch.setattr(tcp.socket, "getaddrinfo", lambda *_, **__: rows)
    six, four = bind_datagram(Address.parse("localhost:0"))
    with six, four:
        assert six.getsockname()[1] == four.getsockname()[1] > 0
        assert not six.getblocking()
        assert six.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 1
        assert four.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) > 200_000


def test_everything_is_a_socket_a_family() -> None:
    sockets = bind_datagram(Address.parse("*:0"))
    try:
        assert sorted(sock.getsockname()[0] for sock in sockets) == ["0.0.0.0", "::"]
        assert len({sock.getsockname()[1] for sock in sockets}) == 1
    finally:
        for sock in sockets:
            sock.close()


def test_a_taken_port_is_told_with_what_to_do() -> None:
    (sock,) = bind_datagram(Address.parse("127.0.0.1:0"))
    with sock:
        port = sock.getsockname()[1]
        with pytest.raises(ListenError, match=f"can't listen on 127.0.0.1:{port}: another program listens there") as caught:
            bind_datagram(Address("127.0.0.1", port))
        assert caught.value.errno == errno.EADDRINUSE


def test_workers_may_share_a_port() -> None:
    (one,) = bind_datagram(Address.parse("127.0.0.1:0"), reuse_port=True)
    with one:
        (two,) = bind_datagram(Address("127.0.0.1", one.getsockname()[1]), reuse_port=True)
        with two:
            assert one.getsockname() == two.getsockname()
