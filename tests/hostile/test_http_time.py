"""Deadlines: who is slow is let go of, when its time is over and not before, and nobody else notices (RFC 9110 15.5.9).

The limits here are short so that the tests are; what is checked is that they hold against every way to be slow.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from tests.hostile.checks import get, post
from tests.hostile.serving import Server
from tests.hostile.wire import PATIENCE, Wire, until
from wirespeak.http import Request, Response

SHORT = 0.4
"""Seconds: the limit under test, where there is one."""

LATE = 8.0
"""Seconds after which a limit of `SHORT` has plainly not been kept, on however busy a machine."""


def drip(wire: Wire, data: bytes, every: float, size: int = 1) -> bool:
    """Send ``data`` bit by bit until it is over or the server has said something; False where it cut us off."""
    for at in range(0, len(data), size):
        if wire.has_come or not wire.try_send(data[at : at + size]):
            return False
        time.sleep(every)
    return True


def lasted(wire: Wire, since: float, *, methods: tuple[str, ...] = ()) -> tuple[float, list[int]]:
    """Read to the end: how long since ``since`` it took, and the statuses of the answers."""
    statuses = [answer.status for answer in wire.answers(*methods)]
    return time.monotonic() - since, statuses


# --- heads


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(b"G", id="one byte"),
        pytest.param(b"GET / HTTP/1.1", id="a request line without its end"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: localhost\r\n", id="fields without their end"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r", id="all but a byte"),
    ],
)
def test_a_head_that_stops_is_408_at_its_deadline(serving: Callable[..., Server], start: bytes) -> None:
    server = serving(head_time=SHORT, idle_time=60)
    with server.connect() as wire:
        since = time.monotonic()
        wire.send(start)
        took, statuses = lasted(wire, since)
    assert statuses == [408]
    assert SHORT * 0.9 < took < LATE


def test_a_head_that_trickles_is_408_at_the_same_deadline(serving: Callable[..., Server]) -> None:
    # Each byte is progress, and must not buy time: that is the slow-headers attack.
    server = serving(head_time=SHORT, idle_time=60)
    with server.connect() as wire, server.connect() as other:
        since = time.monotonic()
        drip(wire, b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X-A: b\r\n" * 2000, 0.02)
        assert other.get("/other").status == 200
        took, statuses = lasted(wire, since)
    assert statuses == [408]
    assert SHORT * 0.9 < took < LATE
    server.idle()


def test_empty_lines_that_trickle_buy_no_time_either(serving: Callable[..., Server]) -> None:
    server = serving(head_time=SHORT, idle_time=SHORT)
    with server.connect() as wire:
        since = time.monotonic()
        drip(wire, b"\r\n" * 2000, 0.02)
        took, statuses = lasted(wire, since)
    assert statuses in ([], [400], [408])
    assert took < LATE


def test_the_second_head_has_the_same_deadline(serving: Callable[..., Server]) -> None:
    server = serving(head_time=SHORT, idle_time=60)
    with server.connect() as wire:
        assert wire.get("/").status == 200
        since = time.monotonic()
        wire.send(b"GET /second")
        took, statuses = lasted(wire, since)
    assert statuses == [408]
    assert SHORT * 0.9 < took < LATE


def test_a_head_begun_behind_a_slow_answer_is_due_only_from_then_on(serving: Callable[..., Server]) -> None:
    # While we are the slow ones, the peer's time does not run.
    async def handler(request: Request) -> Response:
        await asyncio.sleep(SHORT * 2)
        return Response.text("ok\n")

    server = serving(handler, head_time=SHORT, idle_time=60)
    with server.connect() as wire:
        wire.send(get() + b"GET / HTTP/1.1\r\n")
        assert wire.answer().status == 200
        wire.send(b"Host: localhost\r\nConnection: close\r\n\r\n")
        assert [answer.status for answer in wire.answers()] == [200]


# --- silence


def test_a_connection_on_which_nothing_is_said_is_closed(serving: Callable[..., Server]) -> None:
    server = serving(head_time=SHORT, idle_time=SHORT)
    with server.connect() as wire:
        since = time.monotonic()
        took, statuses = lasted(wire, since)
    assert statuses in ([], [408])
    assert SHORT * 0.9 < took < LATE
    server.idle()


def test_a_connection_left_idle_behind_an_answer_is_closed_without_a_word(serving: Callable[..., Server]) -> None:
    # RFC 9112 9.5. A 408 here would be taken for the answer to a request that is just on its way.
    server = serving(idle_time=SHORT)
    with server.connect() as wire:
        assert wire.get("/").status == 200
        since = time.monotonic()
        took, statuses = lasted(wire, since)
    assert statuses == []
    assert SHORT * 0.9 < took < LATE
    server.idle()


def test_idle_time_is_counted_anew_behind_each_answer(serving: Callable[..., Server]) -> None:
    server = serving(idle_time=SHORT)
    with server.connect() as wire:
        since = time.monotonic()
        while time.monotonic() - since < SHORT * 2:
            assert wire.get("/").status == 200
            time.sleep(SHORT / 8)


# --- bodies


@pytest.mark.parametrize("form", ["length", "chunks"])
def test_a_body_that_stops_is_408_once_its_grace_is_over(serving: Callable[..., Server], form: str) -> None:
    server = serving(grace=SHORT, body_rate=1000)
    with server.connect() as wire:
        since = time.monotonic()
        wire.send(post("Content-Length: 100000", body=b"x") if form == "length" else post("Transfer-Encoding: chunked", body=b"5\r\nhel"))
        took, statuses = lasted(wire, since)
    assert statuses == [408]
    assert SHORT * 0.9 < took < LATE


def test_a_body_that_trickles_below_the_least_rate_is_408(serving: Callable[..., Server]) -> None:
    server = serving(grace=SHORT, body_rate=10_000)
    with server.connect() as wire, server.connect() as other:
        since = time.monotonic()
        wire.send(post("Content-Length: 1000000"))
        drip(wire, bytes(4000), 0.01)  # 100 bytes a second
        assert other.get("/other").status == 200
        took, statuses = lasted(wire, since)
    assert statuses == [408]
    assert took < LATE


def test_tiny_chunks_do_not_count_for_more_than_they_hold(serving: Callable[..., Server]) -> None:
    # Chunk heads and extensions are no body: a rate held up by them alone is a slow body all the same.
    server = serving(grace=SHORT, body_rate=3000)
    with server.connect() as wire:
        since = time.monotonic()
        wire.send(post("Transfer-Encoding: chunked"))
        drip(wire, (b"1;" + b"a" * 97 + b"\r\nx\r\n") * 1500, 0.01, size=104)  # 10,000 bytes a second, 100 of them body
        took, statuses = lasted(wire, since)
    assert statuses in ([408], [400])
    assert took < LATE


def test_a_body_above_the_least_rate_may_take_its_time(serving: Callable[..., Server]) -> None:
    server = serving(grace=SHORT, body_rate=1000)
    with server.connect() as wire:
        size = 100_000
        wire.send(post(f"Content-Length: {size}", "Connection: close"))
        since = time.monotonic()
        sent = 0
        while sent < size:
            assert wire.try_send(bytes(1000))
            sent += 1000
            time.sleep(SHORT / 40)
        assert time.monotonic() - since > SHORT * 2
        assert [len(answer.body) for answer in wire.answers()] == [size]


def test_trailers_that_trickle_are_408(serving: Callable[..., Server]) -> None:
    server = serving(grace=SHORT, head_time=SHORT, body_rate=1000)
    with server.connect() as wire:
        since = time.monotonic()
        wire.send(post("Transfer-Encoding: chunked", body=b"5\r\nhello\r\n0\r\n"))
        drip(wire, b"X: y\r\n" * 500, 0.01)
        took, statuses = lasted(wire, since)
    assert statuses == [408]
    assert took < LATE


def test_a_slow_handler_does_not_make_the_body_late(serving: Callable[..., Server]) -> None:
    # The sender waits for us here, not we for it.
    async def handler(request: Request) -> Response:
        await asyncio.sleep(SHORT * 3)
        return Response(200, {}, str(len(await request.read(10_000_000))).encode())

    server = serving(handler, grace=SHORT, body_rate=100_000)
    with server.connect() as wire:
        wire.send(post("Content-Length: 8000000", "Connection: close"))
        wire.send(*[bytes(100_000)] * 80)
        assert [answer.body for answer in wire.answers()] == [b"8000000"]


def test_a_body_that_nobody_wants_has_a_deadline_too(serving: Callable[..., Server]) -> None:
    async def handler(request: Request) -> Response:
        return Response.text("enough\n")

    server = serving(handler, grace=SHORT, body_rate=10_000, idle_time=60)
    with server.connect() as wire:
        wire.send(post("Content-Length: 100000"))
        assert wire.answer().body == b"enough\n"
        since = time.monotonic()
        while wire.try_send(b"x") and time.monotonic() - since < PATIENCE:
            time.sleep(0.02)
        assert time.monotonic() - since < LATE
    server.idle()


def test_what_is_pipelined_behind_a_slow_answer_stops_its_sender(serving: Callable[..., Server]) -> None:
    async def handler(request: Request) -> Response:
        await asyncio.Event().wait()
        raise AssertionError("nobody sets this event")

    server = serving(handler)
    with server.connect() as wire:
        assert wire.fill(get() * 1000, 20_000_000) < 20_000_000


# --- answers


def test_a_handler_that_takes_too_long_is_cancelled_and_answered_for_with_503(serving: Callable[..., Server]) -> None:
    told: list[str] = []

    async def handler(request: Request) -> Response:
        if request.target == "/quick":
            return Response.text("ok\n")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            told.append("cancelled")
            raise
        raise AssertionError("nobody sets this event")

    server = serving(handler, handler_time=SHORT)
    with server.connect() as wire, server.connect() as other:
        since = time.monotonic()
        wire.send(get())
        answer = wire.answer()
        took = time.monotonic() - since
        assert other.get("/quick").status == 200
    assert answer.status == 503
    assert SHORT * 0.9 < took < LATE
    until(lambda: told == ["cancelled"])
    server.complaints.said.clear()


def test_a_stream_that_goes_on_is_not_too_late(serving: Callable[..., Server]) -> None:
    # What the handler has to keep is the time to its answer; a page of live events lasts as long as it lasts.
    async def events() -> AsyncIterator[bytes]:
        for _ in range(12):
            await asyncio.sleep(SHORT / 4)
            yield b"event\n"

    async def handler(request: Request) -> Response:
        return Response(200, {}, events())

    server = serving(handler, handler_time=SHORT, grace=SHORT, idle_time=SHORT, head_time=SHORT)
    with server.connect() as wire:
        wire.send(get("/", "Connection: close"))
        assert [answer.body for answer in wire.answers()] == [b"event\n" * 12]


@pytest.mark.parametrize("kind", ["bytes", "iterable", "stream"])
def test_who_does_not_read_its_answer_is_cut_off(serving: Callable[..., Server], kind: str) -> None:
    closed: list[str] = []

    async def endless() -> AsyncIterator[bytes]:
        try:
            while True:
                yield bytes(100_000)
        finally:
            closed.append("closed")

    def ever() -> Iterator[bytes]:
        try:
            while True:
                yield bytes(100_000)
        finally:
            closed.append("closed")

    async def handler(request: Request) -> Response:
        if request.target == "/other":
            return Response.text("ok\n")
        return Response(200, {}, bytes(50_000_000) if kind == "bytes" else ever() if kind == "iterable" else endless())

    server = serving(handler, grace=SHORT, body_rate=100_000)
    with server.connect(receive_buffer=4096) as wire, server.connect() as other:
        assert other.get("/other").status == 200
        since = time.monotonic()
        wire.send(get())
        until(lambda: server.connections == 1 and wire.has_come, within=LATE, what="the end of the connection that does not read")
        assert time.monotonic() - since > SHORT * 0.9
        assert other.get("/other").status == 200
        if kind != "bytes":
            until(lambda: closed)


def test_who_reads_too_slowly_is_cut_off(serving: Callable[..., Server]) -> None:
    server = serving(lambda request: Response(200, {}, bytes(50_000_000)), grace=SHORT, body_rate=1_000_000)
    with server.connect(receive_buffer=4096) as wire:
        wire.send(get())
        since = time.monotonic()
        while server.connections and time.monotonic() - since < PATIENCE:
            try:
                wire.socket.recv(100)
            except ConnectionError:
                break
            time.sleep(0.01)
        assert time.monotonic() - since < LATE


def test_who_reads_slowly_but_fast_enough_gets_everything(serving: Callable[..., Server]) -> None:
    size, grace = 12_000_000, 2.0  # longer than a busy machine keeps the reader waiting
    server = serving(lambda request: Response(200, {}, bytes(size)), grace=grace, body_rate=1000)
    with server.connect(receive_buffer=65536) as wire:
        wire.send(get("/", "Connection: close"))
        since = time.monotonic()
        while len(wire.received) < size * 0.9:
            assert wire.more()
            time.sleep(0.02)
        assert time.monotonic() - since > grace
        assert [len(answer.body) for answer in wire.answers()] == [size]


def test_a_peer_that_sends_on_behind_a_refusal_is_let_go_of_in_the_end(serving: Callable[..., Server]) -> None:
    # RFC 9112 9.6: read and discard for a while, so that the answer arrives; but for a while only.
    server = serving()
    with server.connect() as wire:
        wire.send(b"BROKEN\r\n\r\n")
        assert wire.answer().status == 400
        since = time.monotonic()
        while wire.try_send(b"more and more") and time.monotonic() - since < 60:
            time.sleep(0.05)
        assert time.monotonic() - since < 45
    server.idle()


def test_a_flood_behind_a_refusal_is_let_go_of_in_the_end(serving: Callable[..., Server]) -> None:
    server = serving()
    with server.connect() as wire:
        wire.send(b"BROKEN\r\n\r\n")
        assert wire.answer().status == 400
        sent, since = 0, time.monotonic()
        while sent < 4_000_000_000 and time.monotonic() - since < 60 and wire.try_send(bytes(1_000_000)):
            sent += 1_000_000
        assert sent < 4_000_000_000
        assert time.monotonic() - since < 45
    server.idle()


@pytest.mark.parametrize("limit", ["head", "idle", "body", "reader"])
def test_nothing_is_left_of_many_slow_ones(serving: Callable[..., Server], limit: str) -> None:
    server = serving(
        lambda request: Response(200, {}, bytes(20_000_000 if limit == "reader" else 10)),
        head_time=SHORT,
        idle_time=SHORT,
        grace=SHORT,
        body_rate=100_000,
    )
    start = {"head": b"GET /", "idle": b"", "body": post("Content-Length: 1000", body=b"x"), "reader": get()}[limit]
    wires = [server.connect(receive_buffer=4096) for _ in range(100)]
    for wire in wires:
        wire.send(start)
    server.idle()
    for wire in wires:
        wire.close()
