"""Handlers: how they are called, what they may return, how they fail. (As tasks, and their connections: test_server_tasks.py.)"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import Any

import pytest

from tests.sockets.serving import read_all, read_line, served, until
from wirespeak.errors import LimitExceeded, RemoteProtocolError
from wirespeak.http import HttpServer, Request, Response, ServerLimits, Tunnel

GET = b"GET /path?query HTTP/1.1\r\nHost: a\r\n\r\n"
LAST = GET.replace(b"Host", b"Connection: close\r\nHost")
UPGRADE = b"GET /chat HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n"


def post(body: bytes, *fields: str) -> bytes:
    return "".join(f"{line}\r\n" for line in ("POST /up HTTP/1.1", "Host: a", f"Content-Length: {len(body)}", *fields, "")).encode() + body


def serving(handler: Any, **options: Any) -> Any:
    """``handler`` behind a listener, without Date and Server in its answers."""
    server = HttpServer(handler, name="", **options)
    server.standing = bytes  # type: ignore[method-assign]
    return served(server)


def answers(handler: Any, *requests: bytes, **options: Any) -> bytes:
    """All that the server says to these requests, the last of which ends the connection."""
    with serving(handler, **options) as server, server.connect() as sock:
        sock.sendall(b"".join(requests))
        return read_all(sock)


def body_of(answer: bytes) -> bytes:
    return answer.partition(b"\r\n\r\n")[2]


def status_of(answer: bytes) -> int:
    return int(answer[9:12])


# --- what a handler may be


def plain(request: Request) -> Response:
    return Response(body=f"{request.method} {request.path} {request.query} ".encode() + request.body)


async def coroutine(request: Request) -> Response:
    return Response(body=f"{request.method} {request.path} {request.query} ".encode() + await request.read())


async def waiting(request: Request) -> Response:
    await asyncio.sleep(0)
    return await coroutine(request)


class Handling:
    def method(self, request: Request) -> Response:
        return plain(request)

    async def slow_method(self, request: Request) -> Response:
        return await coroutine(request)

    def __call__(self, request: Request) -> Response:
        return plain(request)


class HandlingSlowly:
    async def __call__(self, request: Request) -> Response:
        return await coroutine(request)


HANDLERS: dict[str, Any] = {
    "function": plain,
    "coroutine": coroutine,
    "waiting coroutine": waiting,
    "method": Handling().method,
    "coroutine method": Handling().slow_method,
    "object": Handling(),
    "object with a coroutine": HandlingSlowly(),
    "partial": partial(lambda _, request: plain(request), "x"),
    "partial coroutine": partial(coroutine),
    "function that returns a coroutine": lambda request: waiting(request),
}


@pytest.mark.parametrize("name", HANDLERS)
def test_a_handler_is_any_function_of_a_request(name: str) -> None:
    handler = HANDLERS[name]
    assert body_of(answers(handler, LAST)) == b"GET /path query "
    assert body_of(answers(handler, post(b"hello", "Connection: close"))) == b"POST /up  hello"


def test_a_function_gets_the_body_as_bytes_and_may_read_it_as_a_coroutine_would() -> None:
    async def later(request: Request) -> Response:
        return Response(body=await request.read() + request.body)

    assert body_of(answers(lambda request: later(request), post(b"hello", "Connection: close"))) == b"hellohello"


def test_a_coroutine_streams_the_body_as_it_comes() -> None:
    pieces: list[bytes] = []

    async def handler(request: Request) -> Response:
        async for piece in request.stream():
            pieces.append(piece)
        return Response(fields={"X-Trailer": request.trailers["digest"]})

    with serving(handler) as server, server.connect() as sock:
        sock.sendall(b"POST /up HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n")
        for number in range(3):
            sock.sendall(b"3\r\nab%d\r\n" % number)
            until(lambda: len(pieces) == number + 1)  # noqa: B023
        sock.sendall(b"0\r\nDigest: xyz\r\n\r\n")
        assert b"X-Trailer: xyz\r\n" in read_all(sock)
    assert pieces == [b"ab0", b"ab1", b"ab2"]


def test_who_has_no_use_for_a_body_may_say_so() -> None:
    called = threading.Event()

    class Hasty:
        reads_body = False

        def __call__(self, request: Request) -> Response:
            called.set()
            return Response(403)

    with serving(Hasty()) as server, server.connect() as sock:
        sock.sendall(b"POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n")
        assert read_line(sock) == "HTTP/1.1 403 Forbidden"
        assert called.is_set()


def test_a_function_is_given_no_body_beyond_the_bound_of_what_is_held() -> None:
    called: list[int] = []

    def handler(request: Request) -> Response:
        called.append(len(request.body))
        return Response()

    most = 1 << 20
    assert status_of(answers(handler, post(bytes(most), "Connection: close"))) == 200
    with serving(handler) as server, server.connect() as sock:
        sock.sendall(post(bytes(most + 1)))
        assert read_line(sock) == "HTTP/1.1 413 Content Too Large"
    assert called == [most]


def test_a_coroutine_may_set_a_bound_of_its_own() -> None:
    async def handler(request: Request) -> Response:
        return Response(body=await request.read(5))

    assert body_of(answers(handler, post(b"hello", "Connection: close"))) == b"hello"
    refused = answers(handler, post(b"hello!", "Connection: close"))
    assert status_of(refused) == 413
    assert b"more than 5 bytes" in refused


def test_pipelined_requests_are_handled_one_after_the_other() -> None:
    order: list[str] = []

    async def handler(request: Request) -> Response:
        order.append(f"begin {request.path}")
        await asyncio.sleep(0.01 if request.path == "/slow" else 0)
        order.append(f"end {request.path}")
        return Response(body=request.path.encode())

    slow, quick = LAST.replace(b"Connection: close\r\n", b"").replace(b"/path", b"/slow"), LAST.replace(b"/path", b"/quick")
    said = answers(handler, slow, quick)
    assert order == ["begin /slow", "end /slow", "begin /quick", "end /quick"]
    assert said.index(b"/slow") < said.index(b"/quick")


# --- how a handler fails


def raising(error: Exception, *, slowly: bool) -> Callable[[Request], Any]:
    def handler(request: Request) -> Response:
        raise error

    async def slow(request: Request) -> Response:
        await asyncio.sleep(0)
        raise error

    return slow if slowly else handler


@pytest.mark.parametrize("slowly", [False, True])
def test_an_error_is_a_500_in_the_log_and_tells_the_peer_nothing(slowly: bool, caplog: pytest.LogCaptureFixture) -> None:
    said = answers(raising(ZeroDivisionError("a secret"), slowly=slowly), GET, LAST)
    assert said.count(b"HTTP/1.1 500 Internal Server Error\r\n") == 2
    assert b"secret" not in said
    assert b"ZeroDivision" not in said
    records = [record for record in caplog.records if record.name == "wirespeak.http"]
    assert [(record.levelname, record.getMessage()) for record in records] == [("ERROR", "GET '/path?query': the handler failed")] * 2
    assert all(record.exc_info is not None and "a secret" in str(record.exc_info[1]) for record in records)


@pytest.mark.parametrize("slowly", [False, True])
@pytest.mark.parametrize(
    ("error", "status"),
    [
        (LimitExceeded("too much of it"), 413),
        (RemoteProtocolError("not so", code=422, clause="RFC 9110"), 422),
        (RemoteProtocolError("not so"), 400),
    ],
)
def test_what_is_the_peers_fault_is_told_to_it_and_not_to_the_log(
    error: Exception, status: int, slowly: bool, caplog: pytest.LogCaptureFixture
) -> None:
    said = answers(raising(error, slowly=slowly), LAST)
    assert status_of(said) == status
    assert body_of(said) == f"{error}\n".encode()
    assert not caplog.records


@pytest.mark.parametrize("given", [None, "text", b"bytes", 200, (200, "text"), Response])
@pytest.mark.parametrize("slowly", [False, True])
def test_what_is_no_response_is_a_500(given: Any, slowly: bool, caplog: pytest.LogCaptureFixture) -> None:
    async def slow(request: Request) -> Any:
        return given

    assert status_of(answers(slow if slowly else lambda request: given, LAST)) == 500
    assert "a handler returns a Response, not " in caplog.text


@pytest.mark.parametrize(
    "response",
    [
        Response(204, body=b"x"),
        Response(fields={"Content-Length": "5"}, body=b"x"),
        Response(fields={"Transfer-Encoding": "gzip"}, body=iter([b"x"])),
        Response(fields={"Content-Length": "x"}, body=iter([b"x"])),
        Response(101),
        Response(103),
        Response(700),
    ],
    ids=lambda response: f"{response.status} {dict(response.fields.items())}",
)
@pytest.mark.parametrize("slowly", [False, True])
def test_a_response_that_can_not_be_sent_is_a_500(response: Response, slowly: bool, caplog: pytest.LogCaptureFixture) -> None:
    async def slow(request: Request) -> Response:
        return response

    assert status_of(answers(slow if slowly else lambda request: response, LAST)) == 500
    assert "the handler failed" in caplog.text


@pytest.mark.parametrize("version", ["HTTP/1.0", "HTTP/1.1"])
def test_a_tunnel_where_none_can_be_is_a_500(version: str, caplog: pytest.LogCaptureFixture) -> None:
    async def tunnel(_: Tunnel) -> None: ...

    for status in (101, 200):  # nothing was asked for but a page
        said = answers(lambda request: Response(status, tunnel=tunnel), f"GET / {version}\r\nHost: a\r\nConnection: close\r\n\r\n".encode())  # noqa: B023
        assert status_of(said) == 500
    assert "the handler failed" in caplog.text


def test_a_handler_that_ends_by_a_cancellation_of_its_own_is_a_500(caplog: pytest.LogCaptureFixture) -> None:
    """What it awaited was cancelled by someone else; the peer is still there and waits."""

    async def handler(request: Request) -> Response:
        other = asyncio.ensure_future(asyncio.sleep(60))
        other.cancel()
        await other
        return Response()

    assert status_of(answers(handler, LAST, limits=ServerLimits(handler_time=5.0))) == 500


def test_a_connection_goes_on_after_a_failure() -> None:
    def handler(request: Request) -> Response:
        if request.path == "/path":
            raise ZeroDivisionError
        return Response(body=b"fine")

    assert answers(handler, GET, LAST.replace(b"/path", b"/other")).endswith(b"\r\n\r\nfine")


# --- bodies that are made as they are sent


def sync_pieces() -> Iterator[bytes]:
    yield b"hello "
    yield b""
    yield b"world"


async def async_pieces() -> AsyncIterator[bytes]:
    for piece in sync_pieces():
        await asyncio.sleep(0)
        yield piece


class AsyncPieces:
    """An iterable that is no generator."""

    def __init__(self) -> None:
        self.left = list(sync_pieces())

    def __aiter__(self) -> AsyncPieces:
        return self

    async def __anext__(self) -> bytes:
        if not self.left:
            raise StopAsyncIteration
        return self.left.pop(0)


CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n"


@pytest.mark.parametrize("make", [sync_pieces, async_pieces, AsyncPieces, lambda: iter([b"hello ", b"world"])])
@pytest.mark.parametrize("slowly", [False, True])
def test_pieces_are_sent_in_chunks(make: Callable[[], Any], slowly: bool) -> None:
    async def slow(request: Request) -> Response:
        await asyncio.sleep(0)
        return Response(body=make())

    assert answers(slow if slowly else lambda request: Response(body=make()), LAST) == CHUNKS


def test_a_body_that_came_is_sent_back_as_it_comes() -> None:
    async def echo(request: Request) -> Response:
        return Response(body=request.stream())

    with serving(echo) as server, server.connect() as sock:
        sock.sendall(b"POST /up HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\nhello\r\n")
        lines = [read_line(sock) for _ in range(6)]
        assert lines[-2:] == ["5", "hello"]
        sock.sendall(b"0\r\n\r\n")
        assert read_all(sock) == b"0\r\n\r\n"


def test_pieces_are_seen_as_soon_as_they_are_made() -> None:
    proceed = threading.Event()

    async def pieces() -> AsyncIterator[bytes]:
        yield b"first"
        await asyncio.to_thread(proceed.wait, 20)
        yield b"second"

    with serving(lambda request: Response(body=pieces())) as server, server.connect() as sock:
        sock.sendall(LAST)
        while read_line(sock):
            pass
        assert (read_line(sock), read_line(sock)) == ("5", "first")
        proceed.set()
        assert read_all(sock) == b"6\r\nsecond\r\n0\r\n\r\n"


def test_trailers_are_asked_for_once_the_body_has_ended() -> None:
    counted = {"X-Pieces": "0"}

    async def pieces() -> AsyncIterator[bytes]:
        yield b"x"
        counted["X-Pieces"] = "1"

    said = answers(lambda request: Response(body=pieces(), trailers=lambda: counted), LAST)
    assert said.endswith(b"1\r\nx\r\n0\r\nX-Pieces: 1\r\n\r\n")


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_head_takes_nothing_of_a_stream(kind: str) -> None:
    taken: list[int] = []

    def sync() -> Iterator[bytes]:
        taken.append(1)
        yield b"x"

    async def slow() -> AsyncIterator[bytes]:
        taken.append(1)
        yield b"x"

    said = answers(lambda request: Response(body=sync() if kind == "sync" else slow()), LAST.replace(b"GET", b"HEAD"))
    assert said == b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    assert taken == []


@pytest.mark.parametrize("bad", ["raises", "yields text", "has no end that fits", "has a trailer too late"])
def test_a_stream_that_fails_is_cut_off_and_in_the_log(bad: str, caplog: pytest.LogCaptureFixture) -> None:
    async def pieces() -> AsyncIterator[Any]:
        yield b"half"
        if bad == "raises":
            raise ZeroDivisionError("a secret")
        if bad == "yields text":
            yield "text"

    fields = {"Content-Length": "100"} if bad == "has no end that fits" else {}
    trailers = {"Content-Length": "4"} if bad == "has a trailer too late" else {}
    handler = lambda request: Response(fields=fields, body=pieces(), trailers=lambda: trailers)  # noqa: E731
    with serving(handler) as server, server.connect() as sock:
        sock.sendall(LAST)
        with pytest.raises(ConnectionResetError):
            read_all(sock)
    assert "the answer's body failed" in caplog.text


def test_a_stream_is_drawn_from_no_faster_than_it_is_taken() -> None:
    made = [0]

    async def endless() -> AsyncIterator[bytes]:
        while True:
            made[0] += 1
            yield bytes(10_000)

    with serving(lambda request: Response(body=endless())) as server, server.connect() as sock:
        sock.sendall(GET)
        until(lambda: server.run(lambda: next(iter(server.listener.connections))._output.pending))
        before = made[0]
        assert status_of(answers(plain, LAST)) == 200  # time passes, and others are served
        assert made[0] == before < 2000


@pytest.mark.parametrize("kind", ["sync generator", "async generator", "async generator that has to wait", "handler"])
def test_what_works_for_a_peer_that_goes_is_ended(kind: str) -> None:
    """A coroutine is cancelled and a generator closed, each in good order."""
    ended: list[str] = []
    begun = threading.Event()

    def sync() -> Iterator[bytes]:
        try:
            while True:
                begun.set()
                yield bytes(100_000)
        finally:
            ended.append("sync generator")

    async def slow() -> AsyncIterator[bytes]:
        try:
            while True:
                begun.set()
                yield b"x" if kind == "async generator" else bytes(100_000)
                await asyncio.sleep(60 if kind == "async generator" else 0)
        finally:
            ended.append(kind)

    kept: list[Any] = []  # so that it is not closed for want of anybody who knows it

    async def handler(request: Request) -> Response:
        if kind != "handler":
            kept.append(sync() if kind == "sync generator" else slow())
            return Response(body=kept[0])
        begun.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            ended.append("handler")
            raise
        return Response()

    with serving(handler) as server:
        sock = server.connect()
        sock.sendall(GET)
        assert begun.wait(20)
        sock.close()
        until(lambda: ended)
        until(lambda: not server.listener.connections)
    assert ended == [kind]


def test_a_handler_that_does_not_heed_its_cancellation_harms_no_one(caplog: pytest.LogCaptureFixture) -> None:
    async def stubborn(request: Request) -> Response:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            pass
        return Response(body=b"too late")

    said = answers(stubborn, GET, limits=ServerLimits(handler_time=0.05))
    assert status_of(said) == 503
    assert b"too late" not in said
    assert not caplog.records
