"""Conversations as RFC 9112 and RFC 9110 have them: forms of targets, framing, pipelining, keep-alive, half-close.

Nothing here is broken input. It is what a server must get right for everybody else, cut to pieces at every byte, sent
all at once, and answered slowly.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from tests.hostile.checks import get, head, post
from tests.hostile.serving import Server
from tests.hostile.wire import until
from wirespeak.http import Request, Response

CLOSE = "Connection: close"


# --- forms of the target (RFC 9112 3.2)


@pytest.mark.parametrize(
    ("line", "host", "path", "query"),
    [
        pytest.param("GET / HTTP/1.1", "named", "/", "", id="origin"),
        pytest.param("GET /a/b?c=d&e HTTP/1.1", "named", "/a/b", "c=d&e", id="origin with query"),
        pytest.param("GET /? HTTP/1.1", "named", "/", "", id="empty query"),
        pytest.param("GET /a?b?c HTTP/1.1", "named", "/a", "b?c", id="question mark in the query"),
        pytest.param("GET //a//b HTTP/1.1", "named", "//a//b", "", id="empty segments"),
        pytest.param("GET /a%20b/%C3%A9 HTTP/1.1", "named", "/a b/é", "", id="percent-encoded"),
        pytest.param("GET /a;b=c,d@e:f!$&'()*+~ HTTP/1.1", "named", "/a;b=c,d@e:f!$&'()*+~", "", id="every sub-delimiter"),
        pytest.param("GET http://other:81/a?b HTTP/1.1", "other:81", "/a", "b", id="absolute"),
        pytest.param("GET HTTP://other/a HTTP/1.1", "other", "/a", "", id="absolute, scheme in capitals"),
        pytest.param("GET https://other/a HTTP/1.1", "other", "/a", "", id="absolute, https"),
        pytest.param("GET http://other HTTP/1.1", "other", "/", "", id="absolute without a path"),
        pytest.param("GET http://other?b HTTP/1.1", "other", "/", "b", id="absolute without a path but a query"),
        pytest.param("GET http://[::1]:81/ HTTP/1.1", "[::1]:81", "/", "", id="absolute, IPv6"),
        pytest.param("OPTIONS * HTTP/1.1", "named", "*", "", id="asterisk"),
        pytest.param("OPTIONS http://other/ HTTP/1.1", "other", "/", "", id="absolute OPTIONS"),
    ],
)
def test_every_form_of_target_is_understood(serving: Callable[..., Server], line: str, host: str, path: str, query: str) -> None:
    # RFC 9112 3.2.2: the authority of an absolute target counts, and Host is ignored.
    seen: list[Request] = []

    def handler(request: Request) -> Response:
        seen.append(request)
        return Response.text("ok\n")

    server = serving(handler)
    with server.connect() as wire:
        wire.send(head(line, "Host: named", CLOSE))
        assert [answer.status for answer in wire.answers(line.split()[0])] == [200]
    assert (seen[0].host, seen[0].path, seen[0].query) == (host, path, query)
    assert seen[0].target == line.split()[1]


# --- cut to pieces

DIALOG = [
    get("/one", "X-Field: a b"),
    post("Transfer-Encoding: chunked", body=b'5;x="y"\r\nhello\r\nb\r\n, you there\r\n0\r\nX-Sum: 16\r\n\r\n'),
    b"\r\n" + post("Content-Length: 4", body=b"\r\n\r\n"),
    head("HEAD /three HTTP/1.1", "Host: localhost"),
    head("OPTIONS * HTTP/1.1", "Host: localhost", CLOSE),
]
EXPECTED = [("/one", b""), ("/post", b"hello, you there"), ("/post", b"\r\n\r\n"), ("/three", b""), ("*", b"")]
METHODS = ("GET", "POST", "POST", "HEAD", "OPTIONS")


def test_a_pipelined_dialog_reads_the_same_split_at_every_byte(server: Server) -> None:
    dialog = b"".join(DIALOG)
    for at in range(1, len(dialog)):
        with server.connect() as wire:
            wire.send(dialog[:at])
            server.turn()
            wire.send(dialog[at:])
            answers = wire.answers(*METHODS)
        assert [(answer["x-target"], answer.body) for answer in answers] == EXPECTED, f"split at byte {at}"


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_a_pipelined_dialog_reads_the_same_in_small_pieces(server: Server, size: int) -> None:
    dialog = b"".join(DIALOG)
    with server.connect() as wire:
        for at in range(0, len(dialog), size):
            wire.send(dialog[at : at + size])
            server.turn()
        answers = wire.answers(*METHODS)
    assert [(answer["x-target"], answer.body) for answer in answers] == EXPECTED
    assert server.echo.seen[1].trailers["X-Sum"] == "16"


# --- pipelining (RFC 9112 9.3.2)


def test_answers_come_in_the_order_of_the_requests(serving: Callable[..., Server]) -> None:
    gates: dict[str, asyncio.Event] = {}
    begun: list[str] = []

    async def handler(request: Request) -> Response:
        begun.append(request.target)
        if request.target == "/slow":
            gates["/slow"] = asyncio.Event()
            await gates["/slow"].wait()
        return Response.text(request.target)

    server = serving(handler)
    with server.connect() as wire:
        wire.send(get("/slow") + get("/fast") + get("/last", CLOSE))
        until(lambda: gates)
        server.turn()
        assert not wire.has_come, "an answer overtook the one before it"
        server.call(gates["/slow"].set)
        assert [answer.body for answer in wire.answers()] == [b"/slow", b"/fast", b"/last"]
    assert begun == ["/slow", "/fast", "/last"]


def test_many_pipelined_requests_are_all_answered_in_order(server: Server) -> None:
    count = 3000
    with server.connect() as wire, server.connect() as other:
        wire.send(b"".join(get(f"/{number}") for number in range(count)) + get("/last", CLOSE))
        assert other.get("/other").status == 200  # who pipelines does not hold up the rest
        answers = wire.answers()
    assert [answer["x-target"] for answer in answers] == [*(f"/{number}" for number in range(count)), "/last"]


def test_who_pipelines_and_does_not_read_is_not_kept_for_without_bound(serving: Callable[..., Server]) -> None:
    handled = 0

    def handler(request: Request) -> Response:
        nonlocal handled
        handled += 1
        return Response(200, {}, bytes(10_000))

    server = serving(handler)
    with server.connect(receive_buffer=4096) as wire:
        assert wire.fill(get("/") * 100, 40_000_000) < 40_000_000
        # What the kernel's buffers hold of answers (some megabytes at most), and little more of ours.
        assert handled < 2000


def test_many_pipelined_posts_with_bodies_are_told_apart(server: Server) -> None:
    with server.connect() as wire:
        for number in range(200):
            body = b"%d" % number
            wire.send(post(f"Content-Length: {len(body)}", body=body))
            wire.send(post("Transfer-Encoding: chunked", body=b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)))
        wire.send(get("/last", CLOSE))
        answers = wire.answers()
    assert [answer.body for answer in answers] == [b"%d" % (number // 2) for number in range(400)] + [b""]


# --- framing of answers (RFC 9112 6.3, RFC 9110 9.3.2, 15.3.5, 15.4.5)


async def stream(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


def made(kind: str, *pieces: bytes) -> Any:
    """A body of these pieces: "bytes", an "iterable", or a "stream"."""
    return b"".join(pieces) if kind == "bytes" else iter(pieces) if kind == "iterable" else stream(*pieces)


@pytest.mark.parametrize("status", [100, 101, 102, 199, 0, 99, 600, 1000, -200])
def test_a_handler_cannot_answer_with_what_is_no_final_status(serving: Callable[..., Server], status: int) -> None:
    def handler(request: Request) -> Response:
        return Response(status, {}, b"")

    server = serving(handler)
    with server.connect() as wire:
        wire.send(get("/", CLOSE))
        assert [answer.status for answer in wire.answers()] == [500]
    assert server.complaints.said
    server.complaints.said.clear()


@pytest.mark.parametrize("kind", ["bytes", "iterable", "stream"])
@pytest.mark.parametrize("status", [204, 304])
def test_no_body_follows_a_204_or_304_whatever_the_handler_gives(serving: Callable[..., Server], status: int, kind: str) -> None:
    async def handler(request: Request) -> Response:
        return Response(status, {}, made(kind, b"bo", b"dy"))

    server = serving(handler)
    with server.connect() as wire:
        wire.send(get("/") + get("/", CLOSE))
        answers = wire.answers()
    # Sent without it, or refused as the handler's mistake; but never with a body that the peer reads as an answer.
    assert [answer.status for answer in answers] in ([status, status], [500, 500])
    server.complaints.said.clear()


@pytest.mark.parametrize("kind", ["bytes", "iterable", "stream"])
def test_head_is_answered_as_get_without_the_body(serving: Callable[..., Server], kind: str) -> None:
    async def handler(request: Request) -> Response:
        return Response(200, {"X-Kind": kind}, made(kind, b"bo", b"dy"))

    server = serving(handler)
    with server.connect() as wire:
        wire.send(head("HEAD / HTTP/1.1", "Host: localhost") + get("/") + head("HEAD / HTTP/1.1", "Host: localhost", CLOSE))
        first, second, third = wire.answers("HEAD", "GET", "HEAD")
    assert (second.body, second["x-kind"]) == (b"body", kind)
    for answer in (first, third):
        assert (answer.status, answer.body, answer["x-kind"]) == (200, b"", kind)
        # RFC 9110 9.3.2: the same fields as for GET, save those whose value is found out only by making the body.
        for name in ("content-length", "transfer-encoding"):
            assert answer.all(name) in ([], second.all(name))
    if kind == "bytes":
        assert first["content-length"] == "4"


@pytest.mark.parametrize("kind", ["iterable", "stream"])
@pytest.mark.parametrize(
    "pieces",
    [(), (b"",), (b"", b"a", b"", b"b", b""), (b"x" * 100_000, b"y" * 7)],
    ids=["none", "an empty one", "empty ones between", "large"],
)
def test_pieces_are_sent_in_chunks_and_empty_ones_do_not_end_it(
    serving: Callable[..., Server], kind: str, pieces: tuple[bytes, ...]
) -> None:
    async def handler(request: Request) -> Response:
        return Response(200, {}, made(kind, *pieces))

    server = serving(handler)
    with server.connect() as wire:
        wire.send(get("/") + get("/", CLOSE))
        answers = wire.answers()
    assert [answer.body for answer in answers] == [b"".join(pieces)] * 2


def test_a_given_content_length_is_kept_for_a_stream(serving: Callable[..., Server]) -> None:
    async def handler(request: Request) -> Response:
        return Response(200, {"Content-Length": "10"}, stream(b"01234", b"56789"))

    server = serving(handler)
    with server.connect() as wire:
        wire.send(get("/") + get("/", CLOSE))
        answers = wire.answers()
    assert [(answer.framing, answer.body) for answer in answers] == [("length", b"0123456789")] * 2


@pytest.mark.parametrize("said", ["5", "15"], ids=["more than said", "less than said"])
def test_a_stream_of_another_length_than_given_is_never_passed_off_as_whole(serving: Callable[..., Server], said: str) -> None:
    async def handler(request: Request) -> Response:
        return Response(200, {"Content-Length": said}, stream(b"01234", b"56789"))

    server = serving(handler)
    with server.connect() as wire:
        wire.send(get("/") + get("/behind"))
        try:
            while wire.more():
                pass
        except ConnectionError:
            pass
    body = bytes(wire.received).partition(b"\r\n\r\n")[2]
    assert len(body) <= int(said) or bytes(wire.received).startswith(b"HTTP/1.1 500 "), "more came than the length said"
    assert body.count(b"HTTP/1.1") == 0, "the connection went on behind a wrong length"
    server.complaints.said.clear()


@pytest.mark.parametrize(
    "given",
    [
        {"Content-Length": "3"},
        {"Content-Length": "+4"},
        {"Transfer-Encoding": "chunked"},
        {"Content-Length": "4", "Transfer-Encoding": "chunked"},
        {"Content-Length": "x"},
    ],
    ids=str,
)
def test_framing_fields_that_a_handler_gets_wrong_are_not_sent(serving: Callable[..., Server], given: dict[str, str]) -> None:
    def handler(request: Request) -> Response:
        return Response(200, given, b"body")

    server = serving(handler)
    with server.connect() as wire:
        wire.send(get("/") + get("/next", CLOSE))
        answers = wire.answers()  # the reader checks that the framing is right
    assert [(answer.status, answer.body) for answer in answers if answer.status == 200] in ([(200, b"body")] * 2, [])
    server.complaints.said.clear()


def test_trailers_follow_a_stream(serving: Callable[..., Server]) -> None:
    async def handler(request: Request) -> Response:
        return Response(200, {"Trailer": "X-Sum"}, stream(b"hello", b"you"), trailers=lambda: {"X-Sum": "8"})

    server = serving(handler)
    with server.connect() as wire:
        wire.send(get("/", "TE: trailers") + get("/", "TE: trailers", CLOSE))
        answers = wire.answers()
    assert [(answer.body, answer.trailers) for answer in answers] == [(b"helloyou", [("x-sum", "8")])] * 2


def test_an_interim_answer_comes_before_the_final_one(serving: Callable[..., Server]) -> None:
    async def handler(request: Request) -> Response:
        request.connection.inform(103, {"Link": "</style.css>; rel=preload"})
        return Response.text("there\n")

    server = serving(handler)
    with server.connect() as wire:
        wire.send(get("/") + head("GET / HTTP/1.1", "Host: localhost", CLOSE))
        answers = wire.answers()
    for answer in answers:
        assert answer.body == b"there\n"
        assert [(interim.status, interim["link"]) for interim in answer.interim] == [(103, "</style.css>; rel=preload")]


def test_no_interim_answer_reaches_http_1_0(serving: Callable[..., Server]) -> None:
    async def handler(request: Request) -> Response:
        request.connection.inform(103, {"Link": "</style.css>; rel=preload"})
        return Response.text("there\n")

    server = serving(handler)
    with server.connect() as wire:
        wire.send(b"GET / HTTP/1.0\r\n\r\n")
        (answer,) = wire.answers(minor=0)
    assert (answer.body, answer.interim) == (b"there\n", [])


# --- keep-alive (RFC 9112 9.3)


def test_a_connection_stays_open_between_requests(server: Server) -> None:
    with server.connect() as wire:
        for number in range(5):
            assert wire.get(f"/{number}")["x-target"] == f"/{number}"
    assert server.call(lambda: server.listener.accepted) == 1


@pytest.mark.parametrize("value", ["close", "Close", "CLOSE", "keep-alive, close", "close, keep-alive", " close ", "x,close,y", ",close"])
def test_close_ends_the_connection_and_the_answer_says_so(server: Server, value: str) -> None:
    with server.connect() as wire:
        wire.send(get("/one", f"Connection: {value}") + get("/two"))
        (answer,) = wire.answers()
    assert (answer["x-target"], answer.closes) == ("/one", True)
    assert server.targets == ["/one"]


def test_close_in_the_second_of_two_connection_fields_counts(server: Server) -> None:
    with server.connect() as wire:
        wire.send(get("/one", "Connection: x", "Connection: close") + get("/two"))
        (answer,) = wire.answers()
    assert answer.closes


@pytest.mark.parametrize("value", ["closed", "x-close", '"close"', "close;x", "keep-alive"])
def test_another_option_does_not_end_it(server: Server, value: str) -> None:
    with server.connect() as wire:
        wire.send(get("/one", f"Connection: {value}") + get("/two", CLOSE))
        assert [answer["x-target"] for answer in wire.answers()] == ["/one", "/two"]


def test_http_1_0_ends_with_its_answer(server: Server) -> None:
    with server.connect() as wire:
        wire.send(b"GET /one HTTP/1.0\r\n\r\nGET /two HTTP/1.0\r\n\r\n")
        (answer,) = wire.answers(minor=0)
    assert answer["x-target"] == "/one"


@pytest.mark.parametrize("value", ["keep-alive", "Keep-Alive", "x, keep-alive"])
def test_http_1_0_with_keep_alive_goes_on_and_is_told_so(server: Server, value: str) -> None:
    # RFC 9112 9.3: the server MAY; where it does, it has to say so, for the client would not wait otherwise (C.2.2).
    with server.connect() as wire:
        wire.send(f"GET /one HTTP/1.0\r\nConnection: {value}\r\n\r\n".encode())
        first = wire.answer(minor=0)
        assert (first["x-target"], first.options) == ("/one", ["keep-alive"])
        wire.send(b"GET /two HTTP/1.0\r\n\r\n")
        (second,) = wire.answers(minor=0)
    assert (second["x-target"], second.closes) == ("/two", True)


@pytest.mark.parametrize("fields", [b"", b"Connection: keep-alive\r\n"], ids=["plain", "keep-alive"])
def test_a_stream_to_http_1_0_ends_with_the_connection(serving: Callable[..., Server], fields: bytes) -> None:
    async def handler(request: Request) -> Response:
        return Response(200, {}, stream(b"hello", b"you"))

    server = serving(handler)
    with server.connect() as wire:
        wire.send(b"GET / HTTP/1.0\r\n" + fields + b"\r\n")
        (answer,) = wire.answers(minor=0)
    assert (answer.framing, answer.body, answer.closes) == ("close", b"helloyou", True)


def test_a_handler_can_end_the_connection(serving: Callable[..., Server]) -> None:
    server = serving(lambda request: Response(200, {"Connection": "close"}, b"bye"))
    with server.connect() as wire:
        wire.send(get("/") + get("/"))
        (answer,) = wire.answers()
    assert (answer.body, answer.closes) == (b"bye", True)


# --- the client's end (RFC 9112 9.6)


@pytest.mark.parametrize("kind", ["in place", "at once", "later", "stream"])
def test_a_client_that_half_closes_behind_its_request_still_gets_the_answer(serving: Callable[..., Server], kind: str) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(3):
            await asyncio.sleep(0.01)
            yield b"piece"

    def in_place(request: Request) -> Response:
        return Response.text("answer\n")

    async def handler(request: Request) -> Response:
        if kind == "later":
            await asyncio.sleep(0.05)
        return Response(200, {}, pieces()) if kind == "stream" else Response.text("answer\n")

    server = serving(in_place if kind == "in place" else handler)
    for data in (get("/"), get("/") + get("/"), post("Content-Length: 5", body=b"hello")):
        with server.connect() as wire:
            wire.send(data)
            wire.finish()
            answers = wire.answers()
        assert [answer.body for answer in answers] == [b"piecepiecepiece" if kind == "stream" else b"answer\n"] * data.count(
            b"HTTP/1.1\r\n"
        )
    server.idle()


def test_a_connection_that_ends_without_a_word_is_no_matter(server: Server) -> None:
    for _ in range(20):
        server.connect().close()
        with server.connect() as wire:
            wire.finish()
            assert wire.rest() == b""
    server.idle()


def test_a_head_that_is_cut_off_is_answered_with_400_or_not_at_all(server: Server) -> None:
    for data in (b"G", b"GET / HTTP/1.1", b"GET / HTTP/1.1\r\nHost: localhost\r\n", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r"):
        with server.connect() as wire:
            wire.send(data)
            wire.finish()
            assert [answer.status for answer in wire.answers()] in ([], [400])
    assert server.targets == []


def test_a_handler_is_cancelled_when_its_client_goes(serving: Callable[..., Server]) -> None:
    # A FIN alone may be a half-close, so this client goes with RST.
    told: list[str] = []

    async def handler(request: Request) -> Response:
        told.append("begun")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            told.append("cancelled")
            raise
        raise AssertionError("nobody sets this event")

    server = serving(handler)
    wire = server.connect()
    wire.send(get("/"))
    until(lambda: told == ["begun"])
    wire.reset()
    until(lambda: told == ["begun", "cancelled"])
    server.idle()


@pytest.mark.parametrize("kind", ["iterable", "stream"])
def test_a_stream_is_closed_when_its_client_goes(serving: Callable[..., Server], kind: str) -> None:
    told: list[str] = []

    async def endless() -> AsyncIterator[bytes]:
        try:
            while True:
                yield bytes(10_000)
                await asyncio.sleep(0)
        finally:
            told.append("closed")

    def ever() -> Iterator[bytes]:
        try:
            while True:
                yield bytes(10_000)
        finally:
            told.append("closed")

    async def handler(request: Request) -> Response:
        return Response(200, {}, endless() if kind == "stream" else ever())

    server = serving(handler)
    wire = server.connect()
    wire.send(get("/"))
    wire.exactly(50_000)
    wire.reset()
    until(lambda: told == ["closed"], what="the stream's finally")
    server.idle()


def test_CVE_2024_49769_a_peer_gone_before_it_is_served_does_no_harm(serving: Callable[..., Server]) -> None:
    server = serving()
    blocked: list[None] = []

    def hold() -> None:
        """Keep the loop busy, so that connections have come and gone before they are accepted."""
        limit = time.monotonic() + 0.2
        while len(blocked) < 50 and time.monotonic() < limit:
            time.sleep(0.001)

    server.loop.call_soon_threadsafe(hold)
    for _ in range(50):
        wire = server.connect()
        wire.send(get("/gone"))
        wire.reset()
        blocked.append(None)
    for _ in range(50):
        wire = server.connect()
        wire.reset()
    with server.connect() as wire:
        assert wire.get("/there").status == 200
    server.idle()
