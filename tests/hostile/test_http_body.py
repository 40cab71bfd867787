"""Bodies on their way in: how much of one is taken, and when (RFC 9110 10.1.1, 15.5.14).

What is too large is refused before it is read; what nobody reads stops its sender; and 100 (Continue) is said where it
is asked for, when the body is wanted, and never otherwise.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from tests.hostile.checks import BEHIND, head, post
from tests.hostile.serving import Serve, Server
from tests.hostile.wire import PATIENCE, until
from wirespeak.errors import LimitExceeded
from wirespeak.http import Request, Response

EXPECT = "Expect: 100-continue"


def last(target: str = "/last") -> bytes:
    return head(f"GET {target} HTTP/1.1", "Host: localhost", "Connection: close")


# --- too large (RFC 9110 15.5.14)


@pytest.mark.parametrize("length", [1001, 100_000, 10**12])
def test_a_content_length_past_the_limit_is_413_before_the_body_is_read(serving: Callable[..., Server], length: int) -> None:
    server = serving(body=1000)
    with server.connect() as wire:
        wire.send(post(f"Content-Length: {length}"))
        (answer,) = wire.answers()
    assert (answer.status, answer.closes, answer.interim) == (413, True, [])
    assert not [seen for seen in server.echo.seen if seen.body]


@pytest.mark.parametrize("length", [1001, 10**12])
@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/1.0"])
def test_a_content_length_past_the_limit_with_expect_is_413_and_no_100(serving: Callable[..., Server], length: int, version: str) -> None:
    server = serving(body=1000)
    with server.connect() as wire:
        wire.send(head(f"POST / {version}", "Host: localhost", f"Content-Length: {length}", EXPECT))
        (answer,) = wire.answers()
    assert (answer.status, answer.closes, answer.interim) == (413, True, [])


def test_a_sender_who_goes_on_past_the_limit_still_reads_its_413(serving: Callable[..., Server]) -> None:
    # The answer comes while megabytes are on their way: closing at once would destroy it (RFC 9112 9.6).
    server = serving(body=1000)
    with server.connect() as wire:
        wire.send(post("Content-Length: 1000000"))
        wire.send(*[b"x" * 10_000] * 100)
        (answer,) = wire.answers()
    assert answer.status == 413


@pytest.mark.parametrize("size", [1, 10, 1000, 1001], ids="chunks of {}".format)
def test_chunks_past_the_limit_are_413_as_soon_as_it_is_passed(serving: Callable[..., Server], size: int) -> None:
    server = serving(body=1000)
    chunk = b"%x\r\n%b\r\n" % (size, b"x" * size)
    with server.connect() as wire:
        wire.send(post("Transfer-Encoding: chunked", body=chunk * (1001 // size + 1)))  # and no end of it
        (answer,) = wire.answers()
    assert (answer.status, answer.closes) == (413, True)
    assert not [seen for seen in server.echo.seen if seen.body]


@pytest.mark.parametrize("form", ["length", "chunks"])
def test_a_body_of_exactly_the_limit_is_taken(serving: Callable[..., Server], form: str) -> None:
    server = serving(body=1000)
    body = b"x" * 1000
    with server.connect() as wire:
        if form == "length":
            wire.send(post("Content-Length: 1000", body=body) + last())
        else:
            wire.send(post("Transfer-Encoding: chunked", body=b"3e8\r\n" + body + b"\r\n0\r\n\r\n") + last())
        first, second = wire.answers()
    assert (first.status, first.body, second["x-target"]) == (200, body, "/last")


@pytest.mark.parametrize("form", ["length", "chunks"])
def test_a_handlers_own_limit_is_413(serving: Callable[..., Server], form: str) -> None:
    async def handler(request: Request) -> Response:
        return Response(200, {}, await request.read(10))

    server = serving(handler)
    with server.connect() as wire:
        wire.send(
            post("Content-Length: 11", body=b"x" * 11)
            if form == "length"
            else post("Transfer-Encoding: chunked", body=b"b\r\n" + b"x" * 11 + b"\r\n0\r\n\r\n")
        )
        wire.finish()
        assert [answer.status for answer in wire.answers()] == [413]


def test_a_handler_can_answer_what_was_too_large_for_it_in_its_own_words(serving: Callable[..., Server]) -> None:
    async def handler(request: Request) -> Response:
        try:
            await request.read(10)
        except LimitExceeded:
            return Response.text("ten at most\n", 400)
        return Response.text("small enough\n")

    server = serving(handler)
    with server.connect() as wire:
        wire.send(post("Content-Length: 11", body=b"x" * 11) + last())
        wire.finish()
        first, *_ = wire.answers()
    assert (first.status, first.body) == (400, b"ten at most\n")


# --- Expect: 100-continue (RFC 9110 10.1.1)


@pytest.mark.parametrize("form", ["length", "chunks"])
def test_100_is_said_once_when_the_body_is_read(server: Server, form: str) -> None:
    with server.connect() as wire:
        wire.send(post("Content-Length: 5", EXPECT) if form == "length" else post("Transfer-Encoding: chunked", EXPECT))
        assert wire.interim().startswith(b"HTTP/1.1 100 ")
        wire.send((b"hello" if form == "length" else b"5\r\nhello\r\n0\r\n\r\n") + last())
        first, second = wire.answers()
    assert (first.status, first.body, first.interim, second["x-target"]) == (200, b"hello", [], "/last")


@pytest.mark.parametrize("value", ["100-continue", "100-Continue", "100-CONTINUE"])
def test_the_expectation_is_known_in_any_case(server: Server, value: str) -> None:
    with server.connect() as wire:
        wire.send(post("Content-Length: 5", f"expect: {value}"))
        assert wire.interim().startswith(b"HTTP/1.1 100 ")
        wire.send(b"hello" + last())
        assert [answer.status for answer in wire.answers()] == [200, 200]


def test_no_100_where_the_body_has_begun_to_come(server: Server) -> None:
    # RFC 9110 10.1.1: MAY be left out then; what counts is that the peer is not confused.
    with server.connect() as wire:
        wire.send(post("Content-Length: 5", EXPECT, body=b"hello") + last())
        first, second = wire.answers()
    assert (first.status, first.body, second["x-target"]) == (200, b"hello", "/last")
    assert [interim.status for interim in first.interim] in ([], [100])


def test_no_100_to_http_1_0(server: Server) -> None:
    # RFC 9110 10.1.1: a server ignores the expectation of an HTTP/1.0 client. The reader refuses any 1xx here.
    with server.connect() as wire:
        wire.send(head("POST / HTTP/1.0", "Content-Length: 5", EXPECT))
        server.turn()
        assert not wire.has_come
        wire.send(b"hello")
        (answer,) = wire.answers(minor=0)
    assert (answer.status, answer.body, answer.interim) == (200, b"hello", [])


@pytest.mark.parametrize("lines", [("Content-Length: 0",), ()], ids=["length zero", "no length"])
def test_no_100_where_there_is_no_body(server: Server, lines: tuple[str, ...]) -> None:
    with server.connect() as wire:
        wire.send(post(*lines, EXPECT) + last())
        first, second = wire.answers()
    assert (first.status, first.interim, second["x-target"]) == (200, [], "/last")


@pytest.mark.parametrize("value", ["200-ok", "100-continue, x", "x", "100 continue", "100-continue;a=b", "100-continue, 100-continue"])
def test_another_expectation_is_417_or_passed_over(server: Server, value: str) -> None:
    # RFC 9110 10.1.1: 417 MAY be sent. Either way the body that comes is a body.
    with server.connect() as wire:
        wire.send(post("Content-Length: 5", f"Expect: {value}", body=b"hello") + last())
        first, *others = wire.answers()
    assert (first.status in (400, 417)) or (first.body == b"hello" and [answer["x-target"] for answer in others] == ["/last"])


@pytest.mark.parametrize("goes_on", [False, True], ids=["and none comes", "and it comes"])
def test_a_final_answer_instead_of_100_where_the_handler_wants_no_body(serving: Callable[..., Server], goes_on: bool) -> None:
    # RFC 9110 10.1.1: the client may send the body all the same, or drop it. Nobody can tell which, so the connection ends.
    async def handler(request: Request) -> Response:
        return Response.text("no thanks\n", 403)

    server = serving(handler)
    with server.connect() as wire:
        wire.send(post("Content-Length: 5", EXPECT))
        first = wire.answer()
        if goes_on:
            wire.send(b"hello")
        wire.try_send(BEHIND)
        others = wire.answers()
    assert (first.status, first.interim, first.closes, others) == (403, [], True, [])


def test_100_is_not_said_before_the_handler_reads(serving: Callable[..., Server]) -> None:
    go: list[asyncio.Event] = []

    async def handler(request: Request) -> Response:
        go.append(asyncio.Event())
        await go[0].wait()
        return Response(200, {}, await request.read())

    server = serving(handler)
    with server.connect() as wire:
        wire.send(post("Content-Length: 5", EXPECT))
        until(lambda: go)
        server.turn()
        assert not wire.has_come
        server.call(go[0].set)
        assert wire.interim().startswith(b"HTTP/1.1 100 ")
        wire.send(b"hello" + last())
        assert wire.answer().body == b"hello"


# --- bodies nobody reads


@pytest.mark.parametrize("form", ["length", "chunks"])
def test_a_body_that_no_one_reads_is_not_taken_for_the_next_request(serving: Callable[..., Server], form: str) -> None:
    seen: list[str] = []

    def handler(request: Request) -> Response:
        seen.append(request.target)
        return Response.text("ok\n")

    async def slow(request: Request) -> Response:
        return handler(request)

    for function in (handler, slow):
        server = serving(function)
        with server.connect() as wire:
            if form == "length":
                wire.send(post(f"Content-Length: {len(BEHIND)}", body=BEHIND) + last())
            else:
                wire.send(post("Transfer-Encoding: chunked", body=b"%x\r\n%b\r\n0\r\n\r\n" % (len(BEHIND), BEHIND)) + last())
            answers = wire.answers()
        assert all(answer.status == 200 for answer in answers)
        assert "/behind" not in seen
        assert len(answers) == 2 or (len(answers) == 1 and answers[0].closes)


def test_a_large_body_that_no_one_reads_ends_with_an_answer(serving: Callable[..., Server]) -> None:
    async def handler(request: Request) -> Response:
        return Response.text("seen enough\n")

    server = serving(handler)
    with server.connect() as wire:
        wire.send(post("Content-Length: 10000000"))
        for _ in range(100):
            if not wire.try_send(bytes(100_000)):
                break
        wire.try_send(last())
        first, *others = wire.answers()
    assert first.body == b"seen enough\n"
    assert first.closes or len(others) == 1


def test_who_does_not_read_stops_the_sender(serving: Callable[..., Server]) -> None:
    go: list[asyncio.Event] = []
    sizes: list[int] = []

    async def handler(request: Request) -> Response:
        go.append(asyncio.Event())
        await go[0].wait()
        async for piece in request.stream():
            sizes.append(len(piece))
        return Response.text(str(sum(sizes)))

    server = serving(handler)
    with server.connect() as wire:
        size = 40_000_000
        wire.send(post(f"Content-Length: {size}"))
        sent = wire.fill(bytes(65536), size)
        assert sent < 20_000_000, "most of the body was taken in though nobody read it"
        until(lambda: go)
        server.call(go[0].set)
        assert wire.fill(bytes(65536), size - sent, patience=PATIENCE) == size - sent
        assert wire.answer().body == str(size).encode()
    assert max(sizes) <= 1_000_000, "a piece is no bounded piece"


def test_memory_stays_flat_while_a_body_is_not_read(serve: Callable[..., Serve]) -> None:
    server = serve("--app", "tests.hostile.app:handler", "--no-log")
    with server.connect() as warm:
        assert warm.get("/").body == b"here\n"
        before = server.memory
    wires = [server.connect() for _ in range(20)]
    for wire in wires:
        wire.send(head("POST /deaf HTTP/1.1", "Host: localhost", "Content-Length: 50000000"))
        assert wire.fill(bytes(65536), 50_000_000, patience=0.2) < 50_000_000
    assert server.memory - before < 20 * 1_000_000, "more than a megabyte was kept of each body that nobody reads"
    with server.connect() as other:
        assert other.get("/").body == b"here\n"
    for wire in wires:
        wire.close()


def test_memory_stays_flat_while_a_large_body_passes_through(serve: Callable[..., Serve]) -> None:
    server = serve("--app", "tests.hostile.app:handler", "--no-log", "--max-body", "1000000000")
    with server.connect() as wire:
        assert wire.get("/").body == b"here\n"
        before = server.memory
        wire.send(head("POST /sum HTTP/1.1", "Host: localhost", "Transfer-Encoding: chunked"))
        peak = 0
        for number in range(200):
            wire.send(b"80000\r\n" + bytes(0x80000) + b"\r\n")
            if number % 20 == 0:
                peak = max(peak, server.memory)
        wire.send(b"0\r\n\r\n")
        assert wire.answer().body == b"%d" % (200 * 0x80000)
    assert max(peak, server.memory) - before < 8_000_000


@pytest.mark.parametrize("size", [1, 7, 100])
def test_a_body_in_many_small_chunks_costs_in_proportion(serving: Callable[..., Server], size: int) -> None:
    chunk = b"%x\r\n%b\r\n" % (size, b"x" * size)

    async def handler(request: Request) -> Response:
        total = 0
        async for piece in request.stream():
            total += len(piece)
        return Response.text(str(total))

    server = serving(handler)

    def cost(count: int) -> float:
        with server.connect() as wire:
            start = server.cpu()
            wire.send(post("Transfer-Encoding: chunked", "Connection: close", body=chunk * count + b"0\r\n\r\n"))
            (answer,) = wire.answers()
            assert answer.body == str(count * size).encode()
            return server.cpu() - start

    once = min(cost(4000) for _ in range(3))
    assert min(cost(16000) for _ in range(3)) < 12 * once + 0.01


def test_trailers_reach_the_handler_apart_from_the_head(server: Server) -> None:
    with server.connect() as wire:
        wire.send(
            post("Transfer-Encoding: chunked", "X-Sum: head", "Connection: close", body=b"5\r\nhello\r\n0\r\nX-Sum: 1\r\nX-More: 2\r\n\r\n")
        )
        (answer,) = wire.answers()
    (seen,) = server.echo.seen
    assert (answer.body, seen.fields["X-Sum"], seen.trailers["X-Sum"], seen.trailers["X-More"]) == (b"hello", "head", "1", "2")


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "OPTIONS", "PROPFIND"])
@pytest.mark.parametrize("form", ["length", "chunks"])
def test_any_method_may_bring_a_body_and_it_is_no_next_request(server: Server, method: str, form: str) -> None:
    # RFC 9110 9.3.1: content in a GET has no meaning, yet its framing counts (RFC 9112 6).
    with server.connect() as wire:
        start = head(
            f"{method} /one HTTP/1.1",
            "Host: localhost",
            f"Content-Length: {len(BEHIND)}" if form == "length" else "Transfer-Encoding: chunked",
        )
        wire.send(start + (BEHIND if form == "length" else b"%x\r\n%b\r\n0\r\n\r\n" % (len(BEHIND), BEHIND)) + last())
        answers = wire.answers(method)
    assert [answer["x-target"] for answer in answers] == ["/one", "/last"]
    assert server.echo.seen[0].body == BEHIND


def test_a_request_without_length_or_coding_has_no_body(server: Server) -> None:
    with server.connect() as wire:
        wire.send(head("POST /one HTTP/1.1", "Host: localhost") + last("/two"))
        assert [(answer["x-target"], answer.body) for answer in wire.answers()] == [("/one", b""), ("/two", b"")]
