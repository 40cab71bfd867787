"""A client's world over real sockets, blocking and under asyncio: the same coroutines do the same on both."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from tests.raw import accepting, cut_off
from tests.sockets.toys import OpenFile
from wirespeak.contract import FINISH, FileSlice, Urgent
from wirespeak.errors import ConnectError, ConnectionLost, HostNotFound, TimeoutError, TLSError
from wirespeak.sockets.aio_network import AsyncNetwork
from wirespeak.sockets.authority import Authority
from wirespeak.sockets.blocking import BlockingNetwork, run
from wirespeak.sockets.network import Network, SocketStream
from wirespeak.sockets.tls import client_context, server_context

Test = Callable[[Network], Coroutine[Any, Any, None]]


class Here:
    """Runs a coroutine over one of the networks."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __call__(self, test: Test, **options: Any) -> None:
        if self.kind == "blocking":
            run(test(BlockingNetwork(**options)))
        else:
            asyncio.run(asyncio.wait_for(test(AsyncNetwork(**options)), 30))


@pytest.fixture(params=["blocking", "asyncio"])
def on(request: pytest.FixtureRequest) -> Here:
    return Here(request.param)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.open(tmp_path_factory.mktemp("authority"))


def hold(sock: socket.socket) -> None:
    """Keep a connection open until the client ends it, and say nothing."""
    while sock.recv(65536):
        pass


def echo(sock: socket.socket) -> None:
    while data := sock.recv(65536):
        sock.sendall(data)


async def all_of(stream: SocketStream, first: bytes | None = b"") -> bytes:
    """Everything up to the end of the stream."""
    data = first or b""
    while (piece := await stream.exchange((), None)) is not None:
        data += piece
    return data


# --- connecting


def test_connecting_by_name_and_by_address(on: Here) -> None:
    async def test(network: Network) -> None:
        for host in ("localhost", "127.0.0.1"):
            stream = await network.connect(host, port, deadline=network.now() + 20)
            assert await stream.exchange([b"hello"], None) in (b"", b"hello")
            assert stream.peer == ("127.0.0.1", port)
            await stream.close()

    with accepting(echo) as port:
        on(test)


def test_connecting_to_a_unix_socket(on: Here, tmp_path: Path) -> None:
    async def test(network: Network) -> None:
        stream = await network.connect(f"unix:{tmp_path}/socket", 0)
        await stream.exchange([b"hello", FINISH], None, read=False)
        assert await all_of(stream) == b"hello"
        await stream.close()

    listening = socket.socket(socket.AF_UNIX)
    listening.bind(f"{tmp_path}/socket")
    listening.listen()
    with accepting(echo, listening=listening):
        on(test)


def test_connecting_where_nobody_listens(on: Here, free_port: Callable[[], int], tmp_path: Path) -> None:
    async def test(network: Network) -> None:
        with pytest.raises(ConnectError, match=r"can't connect to localhost:\d+ \(.*refused: nothing listens there"):
            await network.connect("localhost", free_port())
        with pytest.raises(ConnectError, match="No such file"):
            await network.connect(f"unix:{tmp_path}/none", 0)

    on(test)


def test_a_name_that_does_not_exist(on: Here) -> None:
    """RFC 6761 6.4: names under .invalid never exist."""

    async def test(network: Network) -> None:
        with pytest.raises(HostNotFound, match=r"nowhere\.invalid"):
            await network.connect("nowhere.invalid", 80, deadline=network.now() + 20)

    on(test)


def test_looking_up_has_a_limit(on: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, answer = threading.Event(), threading.Event()

    def slow(host: str, *rest: Any, flags: int = 0, **others: Any) -> Any:
        if flags & socket.AI_NUMERICHOST:
            raise socket.gaierror(socket.EAI_NONAME, "not a number")
        asked.set()
        answer.wait(20)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", slow)

    async def test(network: Network) -> None:
        before = network.now()
        with pytest.raises(TimeoutError, match=r"slow\.example could not be looked up in time"):
            await network.connect("slow.example", 80, deadline=before + 0.05)
        assert asked.is_set()
        answer.set()

    on(test)


def test_a_second_address_is_tried_where_the_first_refuses(on: Here, monkeypatch: pytest.MonkeyPatch, free_port: Callable[[], int]) -> None:
    dead = free_port()

    async def test(network: Network) -> None:
        async def resolve(host: str, number: int, deadline: float | None) -> list[Any]:
            return [(socket.AF_INET, ("127.0.0.1", dead)), (socket.AF_INET, ("127.0.0.1", port))]

        monkeypatch.setattr(network, "resolve", resolve)
        stream = await network.connect("two.example", port)
        assert stream.peer[1] == port
        await stream.close()

    with accepting(hold) as port:
        on(test)


def test_an_address_that_does_not_answer_holds_up_the_next_for_a_moment_only(on: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 8305 5. A listener whose queue is full answers nothing, as a host does that a firewall hides."""
    silent = socket.socket()
    silent.bind(("127.0.0.1", 0))
    silent.listen(0)
    fillers = []
    for _ in range(3):
        fillers.append(socket.socket())
        fillers[-1].setblocking(False)
        fillers[-1].connect_ex(silent.getsockname())

    async def test(network: Network) -> None:
        async def resolve(host: str, number: int, deadline: float | None) -> list[Any]:
            return [(socket.AF_INET, silent.getsockname()), (socket.AF_INET, ("127.0.0.1", port))]

        monkeypatch.setattr(network, "resolve", resolve)
        before = network.now()
        stream = await network.connect("two.example", port, deadline=before + 20)
        assert stream.peer[1] == port
        assert 0.24 < network.now() - before < 10
        await stream.close()
        monkeypatch.setattr(network, "resolve", resolve_silent)
        with pytest.raises(TimeoutError, match="no connection"):
            await network.connect("one.example", 1, deadline=network.now() + 0.05)

    async def resolve_silent(*_: Any) -> list[Any]:
        return [(socket.AF_INET, silent.getsockname())]

    try:
        with accepting(hold) as port:
            on(test)
    finally:
        for sock in (*fillers, silent):
            sock.close()


def test_a_source_address(on: Here) -> None:
    async def test(network: Network) -> None:
        stream = await network.connect("127.0.0.1", port)
        assert stream.local[0] == "127.0.0.2"
        await stream.close()

    with accepting(hold) as port:
        on(test, source=("127.0.0.2", 0))


# --- one operation


def test_an_exchange_writes_all_and_returns_what_comes(on: Here) -> None:
    async def test(network: Network) -> None:
        stream = await network.connect("127.0.0.1", port)
        assert await stream.exchange([b"he", b"llo"], None, read=False) == b""
        data = b""
        while len(data) < 5:
            data += await stream.exchange((), network.now() + 20) or b""
        assert data == b"hello"
        assert stream.unsent == 0
        await stream.close()

    with accepting(echo) as port:
        on(test)


def test_what_came_is_returned_though_not_all_is_written(on: Here) -> None:
    """So that an early answer to a long body is read."""
    large = b"x" * (32 << 20)
    interrupted = threading.Event()

    def interrupt(sock: socket.socket) -> None:
        sock.recv(1)
        sock.sendall(b"stop")
        interrupted.wait(20)
        while sock.recv(1 << 20):
            pass

    async def test(network: Network) -> None:
        stream = await network.connect("127.0.0.1", port)
        assert await stream.exchange([large], network.now() + 20) == b"stop"
        assert stream.unsent > 0
        interrupted.set()
        assert await stream.exchange((), network.now() + 20) == b""
        assert stream.unsent == 0
        await stream.close()

    with accepting(interrupt) as port:
        on(test)


def test_a_deadline_passes_and_the_stream_goes_on(on: Here) -> None:
    release = threading.Event()

    def late(sock: socket.socket) -> None:
        release.wait(20)
        sock.sendall(b"late")
        hold(sock)

    async def test(network: Network) -> None:
        stream = await network.connect("127.0.0.1", port)
        with pytest.raises(TimeoutError, match=r"127\.0\.0\.1:\d+"):
            await stream.exchange((), network.now() + 0.02)
        release.set()
        assert await stream.exchange((), network.now() + 20) == b"late"
        await stream.close()

    with accepting(late) as port:
        on(test)


def test_the_peers_end_and_ours(on: Here) -> None:
    async def test(network: Network) -> None:
        stream = await network.connect("127.0.0.1", port)
        await stream.exchange([b"hello", FINISH], None, read=False)
        assert await all_of(stream) == b"hello"
        assert await stream.exchange((), None) is None
        await stream.close()
        await stream.close()

    with accepting(echo) as port:
        on(test)


def test_a_connection_cut_off(on: Here) -> None:
    def cut(sock: socket.socket) -> None:
        sock.recv(1)
        cut_off(sock)

    async def test(network: Network) -> None:
        stream = await network.connect("127.0.0.1", port)
        await stream.exchange([b"x"], None, read=False)
        with pytest.raises(ConnectionLost, match="cut the connection off"):
            await all_of(stream)
        await stream.close()

    with accepting(cut) as port:
        on(test)


def test_the_last_words_before_a_cut_are_heard(on: Here) -> None:
    """A server that answers and closes without having read all: our writing fails, but its answer is here (RFC 9112 9.6)."""
    done = threading.Event()

    def answer_and_go(sock: socket.socket) -> None:
        sock.recv(1)
        sock.sendall(b"answer")
        sock.close()  # with bytes unread: RST
        done.set()

    async def test(network: Network) -> None:
        stream = await network.connect("127.0.0.1", port)
        await stream.exchange([b"x" * 100_000], None, read=False)
        assert done.wait(20)
        assert await stream.exchange([b"more"], network.now() + 20) == b"answer"
        await stream.close()

    with accepting(answer_and_go) as port:
        on(test)


def test_a_slice_of_a_file_and_urgent_bytes(on: Here, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"0123456789" * 100_000)
    heard: list[bytes] = []

    def listen(sock: socket.socket) -> None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
        data = b""
        while piece := sock.recv(65536):
            data += piece
        heard.append(data)

    async def test(network: Network) -> None:
        stream = await network.connect("127.0.0.1", port)
        await stream.exchange(
            [b"<", FileSlice(OpenFile(tmp_path / "file"), 5, 600_000), b">", Urgent(b"!"), FINISH], network.now() + 20, read=False
        )
        assert await all_of(stream) == b""
        await stream.close()

    with accepting(listen) as port:
        on(test)
    assert heard == [b"<" + (b"0123456789" * 60_001)[5:600_005] + b">!"]


def test_abort_cuts_off(on: Here) -> None:
    was_cut_off = threading.Event()

    def listen(sock: socket.socket) -> None:
        try:
            hold(sock)
        except ConnectionResetError:
            was_cut_off.set()

    async def test(network: Network) -> None:
        stream = await network.connect("127.0.0.1", port)
        await stream.exchange([b"x"], None, read=False)
        stream.abort()
        stream.abort()

    with accepting(listen) as port:
        on(test)
        assert was_cut_off.wait(20)


@pytest.mark.parametrize("happens", ["nothing", "end", "bytes", "cut"])
def test_whether_an_idle_stream_is_of_use(on: Here, happens: str) -> None:
    happened, finished = threading.Event(), threading.Event()

    def talk(sock: socket.socket) -> None:
        sock.recv(1)
        if happens == "bytes":
            sock.sendall(b"surprise")
        elif happens == "end":
            sock.shutdown(socket.SHUT_WR)
        elif happens == "cut":
            cut_off(sock)
        happened.set()
        finished.wait(20)

    async def test(network: Network) -> None:
        stream = await network.connect("127.0.0.1", port)
        assert not stream.stale()
        await stream.exchange([b"x"], None, read=False)
        assert happened.wait(20)
        limit = time.monotonic() + 20
        while not stream.stale() and happens != "nothing":
            assert time.monotonic() < limit
        assert stream.stale() is (happens != "nothing")
        finished.set()
        await stream.close()

    with accepting(talk) as port:
        on(test)


# --- TLS


def secured(authority: Authority, talk: Callable[[ssl.SSLSocket], object]) -> Callable[[socket.socket], None]:
    """``talk`` over TLS."""
    context = server_context(authority)

    def begin(sock: socket.socket) -> None:
        with contextlib.suppress(ssl.SSLError), context.wrap_socket(sock, server_side=True) as secure:
            talk(secure)

    return begin


def test_tls_from_the_start_and_in_the_middle(on: Here, authority: Authority) -> None:
    context = server_context(authority)
    trusting = client_context(authorities=[authority.certificate_file])

    def upgrade(sock: socket.socket) -> None:
        assert sock.recv(100) == b"starttls"
        sock.sendall(b"go")
        with context.wrap_socket(sock, server_side=True) as secure:
            echo(secure)

    async def test(network: Network) -> None:
        stream = await network.connect("localhost", port, tls=trusting)
        assert stream.tls.version == "TLSv1.3"
        await stream.exchange([b"secret"], None, read=False)
        assert await stream.exchange((), network.now() + 20) == b"secret"
        assert not stream.stale()  # though tickets have come
        await stream.close()
        stream = await network.connect("127.0.0.1", other)
        await stream.exchange([b"starttls"], None, read=False)
        assert await stream.exchange((), network.now() + 20) == b"go"
        await stream.start_tls(trusting, "localhost", network.now() + 20)
        await stream.exchange([b"x" * 1_000_000], None, read=False)
        data = b""
        while len(data) < 1_000_000:
            data += await stream.exchange((), network.now() + 20) or b""
        await stream.close()

    with accepting(secured(authority, echo)) as port, accepting(upgrade) as other:
        on(test)


def test_who_is_not_to_be_trusted(on: Here, authority: Authority) -> None:
    async def test(network: Network) -> None:
        with pytest.raises(TLSError, match="certificate of localhost is not to be trusted"):
            await network.connect("localhost", port, tls=client_context())
        with pytest.raises(TLSError, match=r"certificate of example\.com is not to be trusted.*another name"):
            await network.connect(
                "127.0.0.1", port, tls=client_context(authorities=[authority.certificate_file]), server_name="example.com"
            )
        with pytest.raises(TLSError, match="does not speak TLS"):
            await network.connect("127.0.0.1", plain, tls=client_context())

    class Fixed:
        def choose(self, name: str | None) -> Any:
            return authority.choose(None)

    context = server_context(Fixed())  # shows the same certificate whatever name is asked for

    def begin(sock: socket.socket) -> None:
        with contextlib.suppress(ssl.SSLError), context.wrap_socket(sock, server_side=True) as secure:
            hold(secure)

    with accepting(begin) as port, accepting(lambda sock: sock.sendall(b"220 hello there\r\n")) as plain:
        on(test)


def test_a_handshake_has_a_limit_and_leaves_nothing_open(on: Here) -> None:
    async def test(network: Network) -> None:
        stream = await network.connect("127.0.0.1", port)
        with pytest.raises(TimeoutError, match="no TLS handshake with localhost in time"):
            await stream.start_tls(client_context(), "localhost", network.now() + 0.05)
        assert stream.fileno() == -1

    with accepting(hold) as port:
        on(test)


def test_a_stream_that_ends_without_ending_tls_is_cut_off(on: Here, authority: Authority) -> None:
    """Without close_notify anybody on the way could have ended it: what came is not passed off as all (RFC 8446 6.1)."""

    def cut_short(secure: ssl.SSLSocket) -> None:
        secure.sendall(b"half of")
        socket.socket.shutdown(secure, socket.SHUT_WR)  # a FIN, and no close_notify
        secure.recv(1)

    async def test(network: Network) -> None:
        stream = await network.connect("localhost", port, tls=client_context(authorities=[authority.certificate_file]))
        assert await stream.exchange((), network.now() + 20) == b"half of"
        with pytest.raises(ConnectionLost, match="without ending TLS"):
            await stream.exchange((), network.now() + 20)
        await stream.close()

    with accepting(secured(authority, cut_short)) as port:
        on(test)


def test_a_stream_that_ends_tls_has_ended(on: Here, authority: Authority) -> None:
    def end(secure: ssl.SSLSocket) -> None:
        secure.sendall(b"all of it")
        secure.unwrap()

    async def test(network: Network) -> None:
        stream = await network.connect("localhost", port, tls=client_context(authorities=[authority.certificate_file]))
        assert await stream.exchange((), network.now() + 20) == b"all of it"
        assert await stream.exchange((), network.now() + 20) is None
        await stream.close()

    with accepting(secured(authority, end)) as port:
        on(test)


# --- waiting for each other


def test_a_signal_is_waited_for(on: Here) -> None:
    async def test(network: Network) -> None:
        signal = network.signal()
        assert not await signal.wait(network.now() + 0.01)
        signal.give()
        assert await signal.wait(None)
        before = network.now()
        await network.sleep(0.02)
        assert network.now() - before >= 0.019
        async with network.lock():
            pass

    on(test)


def test_cancelling_a_connect_leaves_nothing_open(authority: Authority) -> None:
    async def test() -> None:
        network = AsyncNetwork()
        stream = await network.connect("127.0.0.1", port)
        task = asyncio.create_task(stream.start_tls(client_context(), "localhost", None))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert stream.fileno() == -1

    with accepting(hold) as port:
        asyncio.run(test())
