"""A coroutine that answers is a task like any other; it knows its connection, may take it over, and what it did is noted."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import re
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.http.test_server import GET, LAST, UPGRADE, answers, async_pieces, body_of, plain, post, serving, status_of, waiting
from tests.sockets.serving import read_all, read_line, served, until
from wirespeak.errors import ConnectionLost, IncompleteMessage, LocalProtocolError, RemoteProtocolError
from wirespeak.http import HttpServer, Request, Response, ServerLimits, Tunnel
from wirespeak.http.counters import Counters

# --- a coroutine is a task like any other


def test_its_first_step_is_taken_in_place_and_it_is_a_task_all_the_same() -> None:
    seen: list[Any] = []

    async def handler(request: Request) -> Response:
        seen.append(asyncio.current_task())
        asyncio.get_running_loop().call_soon(seen.append, "the loop's next turn")
        seen.append("answered")
        return Response()

    answers(handler, LAST)
    assert isinstance(seen[0], asyncio.Task)
    assert seen[1:] == ["answered", "the loop's next turn"]


def test_timeouts_work_inside() -> None:
    async def handler(request: Request) -> Response:
        try:
            async with asyncio.timeout(0.01):
                await asyncio.sleep(60)
        except TimeoutError:
            return Response(504)
        return Response()

    assert status_of(answers(handler, LAST)) == 504


def test_task_groups_work_inside() -> None:
    async def part(number: int) -> bytes:
        await asyncio.sleep(0)
        return b"%d" % number

    async def handler(request: Request) -> Response:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(part(number)) for number in range(3)]
        return Response(body=b"".join(task.result() for task in tasks))

    assert body_of(answers(handler, LAST)) == b"012"


def test_a_task_group_that_fails_is_a_500(caplog: pytest.LogCaptureFixture) -> None:
    async def part() -> None:
        raise ZeroDivisionError

    async def handler(request: Request) -> Response:
        async with asyncio.TaskGroup() as group:
            group.create_task(part())
            await asyncio.sleep(60)
        return Response()

    assert status_of(answers(handler, LAST)) == 500
    assert "ZeroDivisionError" in caplog.text


def test_context_variables_are_each_requests_own() -> None:
    user: contextvars.ContextVar[str] = contextvars.ContextVar("user", default="nobody")

    async def handler(request: Request) -> Response:
        before = user.get()
        user.set(request.path)
        await asyncio.sleep(0)
        return Response(body=f"{before} {user.get()} ".encode())

    said = answers(handler, GET, GET, LAST)
    assert re.findall(rb"nobody /path ", said) == [b"nobody /path "] * 3


def test_many_handlers_wait_at_the_same_time() -> None:
    all_there = asyncio.Barrier(20)

    async def handler(request: Request) -> Response:
        await all_there.wait()
        return Response(body=b"together")

    with serving(handler) as server:
        socks = [server.connect() for _ in range(20)]
        for sock in socks:
            sock.sendall(LAST)
        assert all(read_all(sock).endswith(b"together") for sock in socks)
        for sock in socks:
            sock.close()


def test_an_answer_too_late_is_503_and_the_handler_is_cancelled() -> None:
    ended: list[str] = []

    async def handler(request: Request) -> Response:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("cancelled")
        return Response()

    assert status_of(answers(handler, GET, limits=ServerLimits(handler_time=0.05))) == 503
    assert ended == ["cancelled"]


def test_a_reader_of_a_body_that_breaks_is_ended_and_the_peer_told_once() -> None:
    ended: list[str] = []

    async def handler(request: Request) -> Response:
        try:
            await request.read()
        except (RemoteProtocolError, asyncio.CancelledError) as error:
            ended.append(type(error).__name__)
            raise
        return Response()

    said = answers(handler, b"POST /up HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nbroken\r\n")
    assert status_of(said) == 400
    assert said.count(b"HTTP/1.1 ") == 1
    assert len(ended) == 1


# --- what a handler can ask of its connection


def test_a_request_knows_its_connection() -> None:
    seen: list[Any] = []

    def handler(request: Request) -> Response:
        seen.extend([request.connection.peer, request.connection.local, request.connection.tls])
        return Response()

    with serving(handler) as server, server.connect() as sock:
        sock.sendall(LAST)
        read_all(sock)
        assert seen == [sock.getsockname(), server.address, None]


def test_an_interim_answer_goes_out_before_the_final_one_is_ready() -> None:
    proceed = threading.Event()

    async def handler(request: Request) -> Response:
        request.connection.inform(103, {"Link": "</style.css>"})
        await asyncio.to_thread(proceed.wait, 20)
        return Response(body=b"done")

    with serving(handler) as server, server.connect() as sock:
        sock.sendall(LAST)
        assert [read_line(sock) for _ in range(3)] == ["HTTP/1.1 103 Early Hints", "Link: </style.css>", ""]
        proceed.set()
        assert read_all(sock).endswith(b"\r\n\r\ndone")


def test_to_inform_is_no_way_to_answer(caplog: pytest.LogCaptureFixture) -> None:
    def handler(request: Request) -> Response:
        request.connection.inform(200)
        return Response(body=b"done")

    assert status_of(answers(handler, LAST)) == 500
    assert "inform" in caplog.text or "interim" in caplog.text


# --- tunnels


async def echo(tunnel: Tunnel) -> None:
    while piece := await tunnel.read():
        await tunnel.write(b"echo " + piece)


def switching(tunnel: Callable[[Tunnel], Any]) -> Callable[[Request], Response]:
    return lambda request: Response(101, {"Connection": "upgrade", "Upgrade": "echo"}, tunnel=tunnel)


def test_a_tunnel_carries_bytes_until_the_peer_ends() -> None:
    with serving(switching(echo)) as server, server.connect() as sock:
        sock.sendall(UPGRADE)
        assert read_line(sock) == "HTTP/1.1 101 Switching Protocols"
        while read_line(sock):
            pass
        sock.sendall(b"hello")
        assert sock.recv(100) == b"echo hello"
        sock.shutdown(1)
        assert read_all(sock) == b""
        until(lambda: not server.listener.connections)


def test_a_tunnel_ends_when_its_function_does() -> None:
    async def greet(tunnel: Tunnel) -> None:
        await tunnel.write(b"hello")

    with serving(switching(greet)) as server, server.connect() as sock:
        sock.sendall(UPGRADE)
        assert read_all(sock).endswith(b"\r\n\r\nhello")
        sock.close()
        until(lambda: not server.listener.connections)


def test_a_tunnel_that_fails_is_cut_off_and_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async def failing(tunnel: Tunnel) -> None:
        await tunnel.read()
        raise ZeroDivisionError("on purpose")

    with serving(switching(failing)) as server, server.connect() as sock:
        sock.sendall(UPGRADE + b"x")
        with pytest.raises(ConnectionResetError):
            read_all(sock)
    assert "on purpose" in caplog.text


def test_a_tunnel_whose_peer_is_cut_off_is_cancelled_or_told() -> None:
    ended: list[str] = []

    async def reading(tunnel: Tunnel) -> None:
        try:
            await tunnel.read()
        except (ConnectionLost, IncompleteMessage, OSError, asyncio.CancelledError) as error:
            ended.append(type(error).__name__)
            raise

    with serving(switching(reading)) as server:
        sock = server.connect()
        sock.sendall(UPGRADE)
        assert read_line(sock) == "HTTP/1.1 101 Switching Protocols"
        sock.setsockopt(1, 13, b"\1\0\0\0\0\0\0\0")  # SO_LINGER of no time: RST
        sock.close()
        until(lambda: ended)


# --- what goes into every answer, and what is noted of it


def test_every_answer_bears_a_date_and_the_servers_name() -> None:
    with served(HttpServer(plain, name="here")) as server, server.connect() as sock:
        sock.sendall(LAST)
        said = read_all(sock)
    assert re.search(rb"\r\nDate: [A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT\r\nServer: here\r\n", said)


def test_the_date_is_written_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    server = HttpServer(plain)
    now = [784111777.5]
    monkeypatch.setattr("wirespeak.http.server.time.time", lambda: now[0])
    first = server.standing()
    assert first == b"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nServer: wirespeak\r\n"  # RFC 9110 5.6.7's own
    now[0] += 0.499
    assert server.standing() is first
    now[0] += 0.001  # a new second
    assert server.standing().startswith(b"Date: Sun, 06 Nov 1994 08:49:38 GMT\r\n")
    now[0] -= 3600.0  # the clock is set back
    assert server.standing().startswith(b"Date: Sun, 06 Nov 1994 07:49:38 GMT\r\n")


def test_a_server_without_a_name_says_none() -> None:
    assert b"Server" not in HttpServer(plain, name="").standing()


@pytest.mark.parametrize("name", ["a\r\nSet-Cookie: b=c", "a\0", "\u2603"])
def test_a_name_that_can_not_be_sent_is_refused(name: str) -> None:
    with pytest.raises(LocalProtocolError):
        HttpServer(plain, name=name)


class Log:
    """In the place of an access log."""

    def __init__(self) -> None:
        self.records: list[Any] = []

    def add(self, record: Any) -> None:
        self.records.append(record)


def noted(handler: Any, *requests: bytes, **options: Any) -> tuple[list[tuple[str | None, int, int]], Counters]:
    """What the log and the counters learn: of each exchange the target, the status and the bytes of body."""
    log, counters = Log(), Counters()
    with serving(handler, log=log, counters=counters, **options) as server, server.connect() as sock:
        peer = sock.getsockname()
        sock.sendall(b"".join(requests))
        read_all(sock)
        sock.close()
        until(lambda: not server.listener.connections)
    now = time.time()
    for who, when, _, _, _, taken in log.records:
        assert who == peer
        assert now - 60 < when <= now
        assert 0 <= taken < 60
    assert sum(counters.statuses.values()) == len(log.records)
    assert counters.sent == sum(record[4] for record in log.records)
    return [(record[2] and record[2].target, record[3], record[4]) for record in log.records], counters


def test_every_exchange_is_noted_once() -> None:
    def handler(request: Request) -> Any:
        match request.path:
            case "/stream":
                return Response(body=async_pieces())
            case "/slow":
                return waiting(request)
            case "/parts":
                return Response(body=[b"ab", b"c"])
            case "/empty":
                return Response(204)
            case "/wrong":
                return None
            case _:
                return Response(body=b"hello")

    def asking(path: str, method: str = "GET") -> bytes:
        return f"{method} {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode()

    records, counters = noted(
        handler, *map(asking, ["/stream", "/slow", "/parts", "/empty"]), asking("/head", "HEAD"), asking("/wrong"), asking("/broken path")
    )
    assert records == [
        ("/stream", 200, 11),
        ("/slow", 200, 11),
        ("/parts", 200, 3),
        ("/empty", 204, 0),
        ("/head", 200, 0),
        ("/wrong", 500, records[5][2]),
        (None, 400, records[6][2]),
    ]
    assert (counters.connections, counters.open) == (1, 0)


def test_bytes_that_came_are_counted() -> None:
    _, counters = noted(plain, post(b"hello"), post(b"world", "Connection: close"))
    assert counters.received == 10


def test_a_late_answer_is_noted_once() -> None:
    async def handler(request: Request) -> Response:
        await asyncio.sleep(60)
        return Response()

    records, _ = noted(handler, GET, limits=ServerLimits(handler_time=0.05))
    assert [(target, status) for target, status, _ in records] == [("/path?query", 503)]


def test_nothing_is_logged_for_what_succeeds(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    answers(plain, GET, GET, LAST)
    assert not [record for record in caplog.records if record.name.startswith("wirespeak")]
