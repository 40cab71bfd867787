"""Many at once, floods, and the end of the program: what a server keeps of it, and how it goes.

Memory is read from a server that is a process of its own; the clients are this one.
"""

from __future__ import annotations

import gc
import selectors
import signal
import socket
from collections.abc import Callable

import pytest

from tests.hostile.checks import get, head
from tests.hostile.serving import Serve, Server
from tests.hostile.wire import Wire, until
from wirespeak.http import Response
from wirespeak.sockets.aio import ROOM

# Bytes for each connection: what waits for a slow reader (ROOM of the pump), a piece of 64 KiB above it, another half sent, and
# the connection itself.
HELD = ROOM + 2 * 65_536 + 32_768
APP = ("--app", "tests.hostile.app:handler", "--no-log")


def test_1000_connections_at_once_are_all_served(server: Server) -> None:
    wires = [server.connect() for _ in range(1000)]
    for wire in wires:
        wire.send(get("/first"))
    for wire in wires:
        assert wire.answer()["x-target"] == "/first"
    assert server.connections == 1000
    for wire in reversed(wires):
        wire.send(get("/second", "Connection: close"))
    for wire in wires:
        assert [answer["x-target"] for answer in wire.answers()] == ["/second"]
        wire.close()
    server.idle()


def test_1000_broken_connections_at_once_disturb_no_one(server: Server) -> None:
    kinds = [
        b"BROKEN\r\n\r\n",
        b"GET /",
        b"",
        get()[:-2],
        get() * 5,
        b"\x00" * 1000,
        head("POST / HTTP/1.1", "Host: a", "Content-Length: 10") + b"x",
    ]
    with server.connect() as other:
        wires = [server.connect() for _ in range(1000)]
        for number, wire in enumerate(wires):
            wire.send(kinds[number % len(kinds)])
            if number % 100 == 0:
                assert other.get("/other").status == 200
        for number, wire in enumerate(wires):
            (wire.reset if number % 3 else wire.close)()
        assert other.get("/other").status == 200
    server.idle()


def test_nothing_is_kept_of_connections_that_are_over(serving: Callable[..., Server]) -> None:
    server = serving(lambda request: Response.text("ok\n"))

    def visit() -> None:
        for number in range(60):
            with server.connect() as wire:
                wire.send([get("/", "Connection: close"), b"BROKEN\r\n\r\n", get() * 3, b"GET /"][number % 4])
                wire.finish()
                wire.rest()
        server.idle()
        gc.collect()

    def kept() -> int:
        return sum(1 for thing in gc.get_objects() if type(thing).__module__.startswith("wirespeak."))

    visit()
    before = kept()
    for _ in range(3):
        visit()
    assert kept() <= before + 5


def settled(server: Serve) -> int:
    """Bytes of memory of a server that has done all it can with what it was sent."""
    seen = [server.memory]

    def still() -> bool:
        seen.append(server.memory)
        return len(seen) > 40 and max(seen[-40:]) - min(seen[-40:]) < 100_000

    until(still, what="memory that stays as it is")
    return seen[-1]


@pytest.mark.parametrize(
    ("data", "count"),
    [
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X-Field: value\r\n" * 10_000, 1, id="fields"),
        pytest.param(b"GET /" + b"a" * 1_000_000, 1, id="a request line"),
        pytest.param(b"GET / HTTP/1.1\r\nX: " + b"a" * 1_000_000, 1, id="a field"),
        pytest.param(
            head("POST /sum HTTP/1.1", "Host: a", "Transfer-Encoding: chunked") + b"5;" + b"a" * 1_000_000, 1, id="a chunk extension"
        ),
        pytest.param(
            head("POST /sum HTTP/1.1", "Host: a", "Transfer-Encoding: chunked") + b"0\r\n" + b"X: y\r\n" * 100_000, 1, id="trailers"
        ),
        pytest.param(b"\r\n" * 500_000, 1, id="empty lines"),
        pytest.param(b"BROKEN\r\n\r\n" + b"x" * 1_000_000, 1, id="behind a refusal"),
        pytest.param(
            head("POST /sum HTTP/1.1", "Host: a", "Content-Length: 900000000000") + bytes(1_000_000), 1, id="a body past the limit"
        ),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\n", 1, id="half a head"),
        pytest.param(b"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n", 1, id="an endless answer unread"),
        pytest.param(b"GET /?%d HTTP/1.1\r\nHost: a\r\n\r\n", 5000, id="pipelined requests unread"),
    ],
)
def test_a_flood_leaves_the_memory_as_it_was(serve: Callable[..., Serve], data: bytes, count: int) -> None:
    server = serve(*APP)
    flood = data * count if b"%d" not in data else b"".join(data % number for number in range(count))

    def come() -> list[Wire]:
        wires = [server.connect(receive_buffer=4096) for _ in range(20)]
        for wire in wires:
            wire.socket.settimeout(0.3)
            try:
                wire.try_send(flood)
            except TimeoutError:
                pass  # the server reads no more: so be it
        with server.connect() as other:
            assert other.get("/").body == b"here\n"
        return wires

    for wire in come():
        wire.reset()
    before = settled(server)
    wires = come() + come()
    held = (settled(server) - before) / len(wires)
    assert held < HELD, f"{held:,.0f} bytes are held for each connection that floods"
    for wire in wires:
        wire.reset()
    with server.connect() as other:
        assert other.get("/").body == b"here\n"


def test_1000_idle_connections_cost_little(serve: Callable[..., Serve]) -> None:
    server = serve(*APP)
    with server.connect() as wire:
        assert wire.get("/").body == b"here\n"
    before = server.memory
    wires = [server.connect() for _ in range(1000)]
    for wire in wires:
        assert wire.get("/").body == b"here\n"
    assert (server.memory - before) / 1000 < 16_000
    for wire in wires:
        wire.close()


def test_past_the_bound_on_connections_others_wait_their_turn(serve: Callable[..., Serve]) -> None:
    server = serve(*APP, "--max-connections", "3", "--idle-time", "1")
    held = [server.connect() for _ in range(3)]
    for wire in held:
        assert wire.get("/").body == b"here\n"
    with server.connect() as waiting:
        waiting.send(get("/", "Connection: close"))  # served once one of the three has been idle for too long
        assert [answer.body for answer in waiting.answers()] == [b"here\n"]
    for wire in held:
        wire.close()


def test_past_the_bound_of_one_client_its_connections_are_closed(serve: Callable[..., Serve]) -> None:
    server = serve(*APP, "--max-per-client", "3")
    held = [server.connect() for _ in range(3)]
    for wire in held:
        assert wire.get("/").body == b"here\n"
    with server.connect() as refused:
        refused.try_send(get("/"))
        refused.ends()
        assert not refused.received
    held.pop().close()

    def served() -> bool:
        with server.connect() as wire:
            wire.try_send(get("/", "Connection: close"))
            try:
                return b"here" in wire.rest()
            except ConnectionError:
                return False

    until(served, what="a place for the client that has given one up")
    for wire in held:
        wire.close()


# --- the end of the program


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_an_answer_that_streams_is_finished_before_the_program_ends(serve: Callable[..., Serve], number: signal.Signals) -> None:
    server = serve(*APP)
    with server.connect() as wire, server.connect() as idle:
        assert idle.get("/").status == 200
        wire.send(get("/drops?60"))
        wire.exactly(200)
        server.program.process.send_signal(number)
        until(lambda: _refused(server.address), what="an end to accepting")
        assert idle.rest() == b""  # who only waits is let go at once
        rest = wire.rest()
    assert rest.endswith(b"59\n\r\n0\r\n\r\n")
    assert server.program.wait() == 0
    assert "Traceback" not in server.program.output


def test_a_request_half_read_when_the_program_ends_is_no_traceback(serve: Callable[..., Serve]) -> None:
    server = serve(*APP, "--head-time", "1")
    with server.connect() as wire, server.connect() as body:
        assert (wire.get("/").status, body.get("/").status) == (200, 200)
        wire.send(b"GET / HTTP/1.1\r\nHo")
        body.send(head("POST /sum HTTP/1.1", "Host: a", "Content-Length: 100", "Expect: 100-continue"))
        body.interim()  # its handler is at work
        server.program.process.terminate()
        until(lambda: _refused(server.address))
        body.send(bytes(100))
        assert body.answer().body == b"100"
        wire.ends()
    assert server.program.wait() == 0
    assert "Traceback" not in server.program.output


def test_a_second_signal_ends_it_at_once(serve: Callable[..., Serve]) -> None:
    server = serve(*APP)
    with server.connect() as wire:
        wire.send(get("/endless"))
        wire.exactly(1000)
        server.program.process.terminate()
        until(lambda: _refused(server.address))
        server.program.process.terminate()
        server.program.wait(within=8.0)
    assert "Traceback" not in server.program.output


def test_a_pipelined_request_behind_the_one_in_hand_is_not_begun_after_the_signal(serve: Callable[..., Serve]) -> None:
    server = serve(*APP)
    with server.connect() as wire:
        wire.send(get("/drops?30"))
        wire.exactly(200)
        server.program.process.terminate()
        until(lambda: _refused(server.address))
        wire.try_send(get("/drops?1"))
        data = wire.rest()
    assert data.count(b"HTTP/1.1 200") <= 1
    assert b"29\n\r\n0\r\n\r\n" in data
    assert server.program.wait() == 0


def _refused(address: tuple[str, int]) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(address) != 0


def test_a_busy_server_answers_among_2000_that_wait(server: Server) -> None:
    waiting = [server.connect() for _ in range(2000)]
    with server.connect() as wire:
        before = server.cpu()
        for number in range(200):
            assert wire.get(f"/{number}").status == 200
        spent = server.cpu() - before
    # A request takes what it takes alone, some tens of microseconds. A look at each that waits would add milliseconds.
    assert spent / 200 < 0.002
    with selectors.DefaultSelector() as ready:
        for wire in waiting:
            ready.register(wire.socket, selectors.EVENT_READ)
        assert not ready.select(0), "one that only waits was disturbed"
    for wire in waiting:
        wire.close()
