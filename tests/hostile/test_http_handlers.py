"""Handlers that go wrong, take their time, or never stop: the server answers for them, and serves everybody else meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from tests.hostile.checks import get, head, post
from tests.hostile.serving import Server
from tests.hostile.wire import until
from wirespeak.errors import LocalProtocolError
from wirespeak.http import Request, Response

CLOSE = "Connection: close"


@pytest.mark.parametrize("kind", ["in place", "coroutine"])
def test_a_handler_that_raises_is_a_500_and_the_connection_goes_on(serving: Callable[..., Server], kind: str) -> None:
    def fail(request: Request) -> Response:
        if request.target == "/bad":
            raise ValueError("secret of the house")
        return Response.text("ok\n")

    async def later(request: Request) -> Response:
        return fail(request)

    server = serving(fail if kind == "in place" else later)
    with server.connect() as wire:
        wire.send(get("/bad") + get("/good", CLOSE))
        first, *others = wire.answers()
    assert first.status == 500
    assert b"secret" not in first.body
    assert b"Traceback" not in first.body
    assert first.closes or [other.status for other in others] == [200]
    assert any("secret of the house" in said for said in server.complaints.said), "the failure was not logged"
    server.complaints.said.clear()


@pytest.mark.parametrize("given", [None, "text", b"bytes", 200, {"a": "b"}], ids=repr)
def test_a_handler_that_returns_no_response_is_a_500(serving: Callable[..., Server], given: object) -> None:
    server = serving(lambda request: given)
    with server.connect() as wire:
        wire.send(get("/", CLOSE))
        assert [answer.status for answer in wire.answers()] == [500]
    assert server.complaints.said
    server.complaints.said.clear()


@pytest.mark.parametrize("kind", ["iterable", "stream"])
@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/1.0"])
def test_a_stream_that_fails_is_cut_off_so_that_the_part_is_not_taken_for_the_whole(
    serving: Callable[..., Server], kind: str, version: str
) -> None:
    # RFC 9112 8: without the last chunk the answer is known to be incomplete. To HTTP/1.0 only a reset can tell.
    async def broken() -> AsyncIterator[bytes]:
        yield b"first "
        await asyncio.sleep(0.01)
        yield b"second"
        await asyncio.sleep(0.01)
        raise ValueError("no third")

    def fails() -> Iterator[bytes]:
        yield b"first "
        yield b"second"
        raise ValueError("no third")

    async def handler(request: Request) -> Response:
        return Response(200, {}, broken() if kind == "stream" else fails())

    server = serving(handler)
    with server.connect() as wire:
        wire.send(head(f"GET / {version}", "Host: localhost") + get("/behind"))
        cut = False
        try:
            while wire.more():
                pass
        except ConnectionError:
            cut = True
    assert not bytes(wire.received).endswith(b"0\r\n\r\n"), "the last chunk was sent"
    assert cut or (version == "HTTP/1.1" and not wire.received) or b"chunked" in wire.received.lower(), "a part was passed off as the whole"
    assert wire.received.count(b"HTTP/1.1") <= 1
    assert any("no third" in said for said in server.complaints.said), "the failure was not logged"
    server.complaints.said.clear()


# --- handlers that are cancelled, or will not be


def test_a_handler_that_ends_as_cancelled_by_itself_is_a_500(serving: Callable[..., Server]) -> None:
    # It awaited a task that someone cancelled. Nobody cancelled the request: it must be answered.
    async def handler(request: Request) -> Response:
        task = asyncio.ensure_future(asyncio.sleep(60))
        task.cancel()
        await task
        raise AssertionError("the task was cancelled")

    server = serving(handler)
    with server.connect() as wire:
        wire.send(get("/", CLOSE))
        assert [answer.status for answer in wire.answers()] == [500]
    server.complaints.said.clear()


def test_a_stream_that_ends_as_cancelled_by_itself_is_cut_off(serving: Callable[..., Server]) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"first"
        raise asyncio.CancelledError

    async def handler(request: Request) -> Response:
        return Response(200, {}, pieces())

    server = serving(handler)
    with server.connect() as wire:
        wire.send(get("/"))
        wire.ends()
    assert not bytes(wire.received).endswith(b"0\r\n\r\n")
    server.idle()
    server.complaints.said.clear()


def test_an_answer_that_comes_after_503_is_dropped(serving: Callable[..., Server]) -> None:
    late: list[str] = []

    async def handler(request: Request) -> Response:
        if request.target == "/next":
            return Response.text("next\n")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            late.append("answered all the same")
            return Response.text("late\n")
        raise AssertionError("nobody sets this event")

    server = serving(handler, handler_time=0.3)
    with server.connect() as wire:
        wire.send(get("/"))
        first = wire.answer()
        until(lambda: late)
        server.turn()
        wire.try_send(get("/next", CLOSE))
        others = wire.answers()
    assert first.status == 503
    assert [answer.body for answer in others] in ([], [b"next\n"])
    server.complaints.said.clear()


def test_a_handler_that_will_not_be_cancelled_does_not_disturb_the_next_request(serving: Callable[..., Server]) -> None:
    go: list[asyncio.Event] = []

    async def handler(request: Request) -> Response:
        if request.target != "/stubborn":
            return Response.text("next\n")
        go.append(asyncio.Event())
        while not go[0].is_set():
            try:
                await go[0].wait()
            except asyncio.CancelledError:
                continue
        return Response.text("late\n")

    server = serving(handler)
    wire = server.connect()
    wire.send(get("/stubborn"))
    until(lambda: go)
    wire.reset()
    with server.connect() as other:
        assert other.get("/").body == b"next\n"
        server.call(go[0].set)
        assert other.get("/").body == b"next\n"
    server.idle()


# --- interim answers


@pytest.mark.parametrize("status", [101, 200, 204, 404, 99, 0])
def test_an_interim_answer_with_another_status_is_refused(serving: Callable[..., Server], status: int) -> None:
    async def handler(request: Request) -> Response:
        request.connection.inform(status, {})
        return Response.text("ok\n")

    server = serving(handler)
    with server.connect() as wire:
        wire.send(get("/", CLOSE))
        assert [answer.status for answer in wire.answers()] == [500]
    server.complaints.said.clear()


def test_an_interim_answer_behind_the_final_one_is_refused(serving: Callable[..., Server]) -> None:
    raised: list[Exception] = []
    answered: list[Request] = []

    def handler(request: Request) -> Response:
        answered.append(request)
        return Response.text("ok\n")

    server = serving(handler)
    with server.connect() as wire:
        assert wire.get("/").status == 200

        def inform() -> None:
            try:
                answered[0].connection.inform(103, {})
            except LocalProtocolError as error:
                raised.append(error)

        server.call(inform)
        assert raised
        wire.send(get("/", CLOSE))
        (answer,) = wire.answers()
        assert answer.interim == []


# --- fields that are the server's, or may be given


@pytest.mark.parametrize("kind", ["bytes", "stream"])
@pytest.mark.parametrize("name", ["Date", "Server", "Connection", "Keep-Alive", "Content-Type", "date"])
def test_a_field_of_the_servers_own_is_sent_once_when_a_handler_gives_it(serving: Callable[..., Server], name: str, kind: str) -> None:
    value = "Sun, 06 Nov 1994 08:49:37 GMT" if name.lower() == "date" else "close" if name == "Connection" else "x/y"

    async def pieces() -> AsyncIterator[bytes]:
        yield b"ok"

    async def handler(request: Request) -> Response:
        return Response(200, {name: value}, b"ok" if kind == "bytes" else pieces())

    server = serving(handler)
    with server.connect() as wire:
        wire.send(get("/", CLOSE))
        (answer,) = wire.answers()
    assert answer[name.lower()] == value
    assert answer.body == b"ok"


def test_several_cookies_are_several_lines(serving: Callable[..., Server]) -> None:
    # RFC 9110 5.3: Set-Cookie can't be joined.
    server = serving(lambda request: Response(200, [("Set-Cookie", "a=b"), ("Set-Cookie", "c=d")], b""))
    with server.connect() as wire:
        assert wire.get("/").all("set-cookie") == ["a=b", "c=d"]


@pytest.mark.parametrize("kind", ["bytes", "stream"])
def test_no_body_follows_a_205(serving: Callable[..., Server], kind: str) -> None:
    # RFC 9110 15.3.6: no content, yet framed: a length of zero, or an empty chunked body.
    async def pieces() -> AsyncIterator[bytes]:
        yield b"body"

    async def handler(request: Request) -> Response:
        return Response(205, {}, b"body" if kind == "bytes" else pieces())

    server = serving(handler)
    with server.connect() as wire:
        wire.send(get("/", CLOSE))
        (answer,) = wire.answers()
    assert (answer.status, answer.body) == (205, b"") or answer.status == 500
    server.complaints.said.clear()


@pytest.mark.parametrize("target", ["/%ff", "/%c3%28", "/%00", "/%", "/%zz", "/%c0%ae", "/%ed%a0%80", "/?%ff", "/%0d%0a", "http://a/%ff"])
def test_every_target_has_a_path_and_a_query(serving: Callable[..., Server], target: str) -> None:
    # Whatever is percent-encoded wrongly: a handler that asks for the path is not made to fail.
    server = serving(lambda request: Response.text(f"{request.path!r} {request.raw_path!r} {request.query!r} {request.host!r}"))
    with server.connect() as wire:
        wire.send(head(f"GET {target} HTTP/1.1", "Host: a", CLOSE))
        (answer,) = wire.answers()
    assert answer.status in (200, 400)


# --- a handler and a broken body


@pytest.mark.parametrize("body", [b"zz\r\n", b"5\r\nhelloXX", b"5\nhello\r\n"], ids=repr)
def test_a_body_that_breaks_behind_its_answer_brings_no_second_one(serving: Callable[..., Server], body: bytes) -> None:
    # A second answer would be taken for the one to the next request.
    async def handler(request: Request) -> Response:
        return Response.text("early\n")

    server = serving(handler)
    with server.connect() as wire:
        wire.send(post("Transfer-Encoding: chunked"))
        first = wire.answer()
        wire.try_send(body + get("/behind"))
        others = wire.answers()
    assert (first.body, others) == (b"early\n", [])
    assert server.targets == []


def test_a_handler_that_reads_a_part_leaves_the_rest_to_be_dropped(serving: Callable[..., Server]) -> None:
    async def handler(request: Request) -> Response:
        async for piece in request.stream():
            return Response.text(str(len(piece) > 0))
        return Response.text("no body\n")

    server = serving(handler)
    with server.connect() as wire:
        wire.send(post("Content-Length: 100000", body=bytes(50_000)))
        first = wire.answer()
        wire.try_send(bytes(50_000) + get("/", CLOSE))
        others = wire.answers()
    assert first.body == b"True"
    assert [answer.body for answer in others] == ([] if first.closes else [b"no body\n"])


def test_a_body_that_fails_while_a_stream_answers_ends_it(serving: Callable[..., Server]) -> None:
    # A handler that answers with what it reads: the answer is cut where the request breaks, not ended as whole.
    async def handler(request: Request) -> Response:
        return Response(200, {}, request.stream())

    server = serving(handler)
    with server.connect() as wire:
        wire.send(post("Transfer-Encoding: chunked", body=b"5\r\nhello\r\n"))
        wire.exactly(20)
        wire.send(b"zz\r\n")
        wire.ends()
    assert not bytes(wire.received).endswith(b"0\r\n\r\n")
    server.idle()
    server.complaints.said.clear()


def test_a_pipelined_body_cut_short_by_the_peers_end_is_refused_at_once(serving: Callable[..., Server]) -> None:
    # The peer ends its side while its first request is still answered: the end belongs to the second one's body.
    go: list[asyncio.Event] = []

    async def handler(request: Request) -> Response:
        if not go:
            go.append(asyncio.Event())
            await go[0].wait()
        return Response(200, {}, await request.read())

    server = serving(handler, grace=60)
    with server.connect() as wire:
        wire.send(get("/") + post("Content-Length: 5", body=b"h"))
        wire.finish()
        until(lambda: go)
        server.turn()
        server.call(go[0].set)
        assert [answer.status for answer in wire.answers()] in ([200], [200, 400])


# --- fairness


@pytest.mark.parametrize("kind", ["iterable", "stream"])
@pytest.mark.parametrize("size", [100, 100_000])
def test_a_stream_that_never_pauses_leaves_room_for_others(serving: Callable[..., Server], kind: str, size: int) -> None:
    # Its reader is as fast as it is, so it never waits for room. It has to let others in all the same.
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield bytes(size)

    def ever() -> Iterator[bytes]:
        while True:
            yield bytes(size)

    async def handler(request: Request) -> Response:
        if request.target == "/other":
            return Response.text("ok\n")
        return Response(200, {}, ever() if kind == "iterable" else endless())

    server = serving(handler)
    over = threading.Event()
    wire = server.connect()

    def read() -> None:
        with contextlib.suppress(OSError):
            while not over.is_set() and wire.socket.recv(1 << 20):
                pass
        wire.reset()

    wire.send(get("/"))
    reader = threading.Thread(target=read)
    reader.start()
    try:
        with server.connect() as other:
            for _ in range(20):
                since = time.monotonic()
                assert other.get("/other").status == 200
                assert time.monotonic() - since < 5
    finally:
        over.set()
        reader.join()
    server.idle()


def test_an_upload_that_never_pauses_leaves_room_for_others(serving: Callable[..., Server]) -> None:
    async def handler(request: Request) -> Response:
        async for _ in request.stream():
            pass
        return Response.text("ok\n")

    server = serving(handler, body=10**12)
    over = threading.Event()
    wire = server.connect()

    def pour() -> None:
        wire.send(post("Content-Length: 999999999999"))
        while not over.is_set() and wire.try_send(bytes(100_000)):
            pass
        wire.reset()

    sender = threading.Thread(target=pour)
    sender.start()
    try:
        with server.connect() as other:
            for _ in range(20):
                since = time.monotonic()
                assert other.get("/other").status == 200
                assert time.monotonic() - since < 5
    finally:
        over.set()
        sender.join()
    server.idle()
