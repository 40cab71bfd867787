"""The blocking pump: coroutines run to their end in one go, and a conversation served by one thread alone."""

from __future__ import annotations

import asyncio
import math
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.sockets.serving import read_all, read_line
from tests.sockets.toys import OpenFile, Talk
from wirespeak.contract import ABORT, FINISH, FileSlice, Service, StartTLS
from wirespeak.errors import ConnectionLost, TimeoutError, TLSError
from wirespeak.http import HttpServer, Request, Response, ServerLimits
from wirespeak.sockets.authority import Authority
from wirespeak.sockets.blocking import BlockingNetwork, converse, run
from wirespeak.sockets.tls import client_context, server_context


@contextmanager
def conversing(service: Service) -> Iterator[socket.socket]:
    """A socket whose other end is served by `converse` in a thread; it must return once the block has closed ours."""
    ours, theirs = socket.socketpair()
    failures: list[BaseException] = []

    def serve() -> None:
        try:
            converse(theirs, service)
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=serve)
    thread.start()
    ours.settimeout(20)
    with ours:
        yield ours
    thread.join(20)
    assert not thread.is_alive()
    assert not failures, failures


class Kept:
    """A service that keeps its conversations."""

    def __init__(self, make: Callable[..., Talk] = Talk, **options: Any) -> None:
        self.made: list[Talk] = []
        self._make = make
        self._options = options

    def __call__(self, link: Any) -> Talk:
        self.made.append(self._make(link, **self._options))
        return self.made[-1]


# --- run


def test_a_coroutine_is_run_to_its_end() -> None:
    async def policy() -> int:
        network = BlockingNetwork()
        await network.sleep(0.001)
        async with network.lock():
            return 42

    assert run(policy()) == 42


def test_what_it_raises_is_raised() -> None:
    async def policy() -> None:
        raise ConnectionLost("gone")

    with pytest.raises(ConnectionLost, match="gone"):
        run(policy())


def test_a_coroutine_that_waits_for_an_event_loop_is_refused_and_closed() -> None:
    closed = []

    async def policy() -> None:
        try:
            await asyncio.sleep(1)
        finally:
            closed.append(True)

    with pytest.raises(RuntimeError, match="event loop"):
        run(policy())
    assert closed == [True]


def test_a_deadline_that_never_comes_is_none() -> None:
    async def policy() -> bool:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            theirs.send(b"x")
            return bool(await BlockingNetwork().ready([(ours, True, False)], math.inf))

    assert run(policy())


def test_a_signal_is_given_between_threads() -> None:
    signal = BlockingNetwork().signal()
    thread = threading.Timer(0.01, signal.give)
    thread.start()
    assert run(signal.wait(None))
    thread.join()


# --- converse


def test_lines_are_answered_in_order_however_they_are_split() -> None:
    kept = Kept()
    with conversing(kept) as sock:
        for piece in (b"on", b"e\r", b"\ntwo\r\nthr", b"ee\r\n"):
            sock.sendall(piece)
        assert [read_line(sock) for _ in range(3)] == ["you said one", "you said two", "you said three"]
    assert kept.made[0].heard[-1] == "(end)"
    assert kept.made[0].ended == [None]


def test_a_session_that_stops_after_each_line_is_gone_on_with() -> None:
    with conversing(Kept(stop_after_line=True)) as sock:
        sock.sendall(b"one\r\ntwo\r\n")
        assert [read_line(sock) for _ in range(2)] == ["you said one", "you said two"]


def test_a_deadline_ticks() -> None:
    kept = Kept(limit=0.02)
    with conversing(kept) as sock:
        assert read_all(sock) == b"too slow\r\n"
    assert kept.made[0].heard == ["(too slow)"]


def test_a_deadline_ticks_while_nothing_is_read() -> None:
    class Deaf(Talk):
        def answer(self, event: Any) -> None:
            self.session.reading = False

    with conversing(Kept(Deaf, limit=0.02)) as sock:
        sock.sendall(b"hello\r\n")
        assert read_all(sock) == b"too slow\r\n"


def test_a_conversation_that_waits_for_nothing_is_ended() -> None:
    class Stuck(Talk):
        def answer(self, event: Any) -> None:
            self.session.reading = False

    kept = Kept(Stuck)
    with conversing(kept) as sock:
        sock.sendall(b"hello\r\n")
        assert read_all(sock) == b""
    assert isinstance(kept.made[0].ended[0], ConnectionLost)


def test_a_slice_of_a_file_and_an_end_while_listening_goes_on(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"0123456789" * 50_000)

    class Files(Talk):
        def answer(self, event: Any) -> None:
            if event == "file":
                self.session.send(FileSlice(OpenFile(tmp_path / "file"), 5, 300_000))
                self.session.send(FINISH)

    kept = Kept(Files)
    with conversing(kept) as sock:
        sock.sendall(b"file\r\n")
        assert read_all(sock) == (b"0123456789" * 50_000)[5:300_005]
        sock.sendall(b"still there\r\n")
    assert kept.made[0].heard == ["file", "still there", "(end)"]
    assert 0 in kept.made[0].session.pending


def test_cutting_off() -> None:
    class Cutting(Talk):
        def answer(self, event: Any) -> None:
            if event == "segment":
                self.session.send("never sent")
                self.session.send(ABORT)
            elif event == "link":
                self.link.abort()

    for way in (b"segment\r\n", b"link\r\n"):
        kept = Kept(Cutting)
        with conversing(kept) as sock:
            sock.sendall(way)
            try:
                assert sock.recv(100) == b""
            except ConnectionResetError:
                pass
        assert isinstance(kept.made[0].ended[0], ConnectionLost)


def test_tls_in_the_middle_of_a_stream(tmp_path: Path) -> None:
    authority = Authority.open(tmp_path)
    context = server_context(authority)

    class Upgrading(Talk):
        def answer(self, event: Any) -> None:
            if isinstance(event, StartTLS):
                self.link.start_tls(context)
            else:
                super().answer(event)

    kept = Kept(Upgrading)
    with conversing(kept) as sock:
        sock.sendall(b"hello\r\nstarttls\r\n")
        assert [read_line(sock) for _ in range(2)] == ["you said hello", "go ahead"]
        with client_context(authorities=[authority.certificate_file]).wrap_socket(sock, server_hostname="localhost") as secure:
            secure.sendall(b"secret\r\n")
            assert read_line(secure) == "you said secret"
            secure.unwrap().close()
    assert kept.made[0].session.info.version == "TLSv1.3"

    with conversing(kept) as sock:
        sock.sendall(b"starttls\r\n")
        assert read_line(sock) == "go ahead"
        sock.sendall(b"nonsense\r\n")
        with suppress(ConnectionResetError):
            read_all(sock)
    assert isinstance(kept.made[1].ended[0], TLSError)


def ask(sock: socket.socket, request: bytes) -> bytes:
    """One request on a connection that ends with its answer."""
    sock.sendall(request)
    return read_all(sock)


def test_an_http_server_without_an_event_loop() -> None:
    """Handlers that are coroutines run too: they wait for the body, and for room."""

    async def handler(request: Request) -> Response:
        body = await request.read()

        async def pieces() -> Any:
            for _ in range(100):
                yield body * 1000

        return Response(200, body=pieces())

    with conversing(HttpServer(handler)) as sock:
        sock.sendall(b"POST / HTTP/1.0\r\nContent-Length: 10\r\n\r\n01234")
        answer = ask(sock, b"56789")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.partition(b"\r\n\r\n")[2] == b"0123456789" * 100_000


def test_a_client_that_takes_nothing_is_let_go() -> None:
    async def endless(request: Request) -> Response:
        async def pieces() -> Any:
            while True:
                yield b"x" * 100_000

        return Response(200, body=pieces())

    ours, theirs = socket.socketpair()
    with ours:
        thread = threading.Thread(target=converse, args=(theirs, HttpServer(endless, limits=ServerLimits(grace=0.05, idle_time=0.05))))
        thread.start()
        ours.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        thread.join(20)
        assert not thread.is_alive()


def test_a_handler_that_needs_an_event_loop_is_told_so() -> None:
    raised: list[Exception] = []

    async def handler(request: Request) -> Response:
        await asyncio.sleep(0)
        return Response(200)

    ours, theirs = socket.socketpair()

    def serve() -> None:
        try:
            converse(theirs, HttpServer(handler))
        except RuntimeError as error:
            raised.append(error)

    with ours:
        thread = threading.Thread(target=serve)
        thread.start()
        ours.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        thread.join(20)
    assert "without an event loop" in str(raised[0])


def test_a_stream_in_time() -> None:
    async def policy() -> None:
        network = BlockingNetwork()
        with socket.create_server(("127.0.0.1", 0)) as server:
            stream = await network.connect("127.0.0.1", server.getsockname()[1])
            with pytest.raises(TimeoutError):
                await stream.exchange((), network.now() + 0.01)
            await stream.close()

    run(policy())
