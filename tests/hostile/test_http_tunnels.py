"""Other protocols on a connection that began as HTTP: Upgrade and CONNECT (RFC 9110 7.8, 9.3.6)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.hostile.checks import BEHIND, get, head
from tests.hostile.serving import Server
from tests.hostile.wire import until
from wirespeak.http import Request, Response

CLOSE = "Connection: close"


async def shout(tunnel: Any) -> None:
    """A protocol of its own: everything comes back in capitals."""
    while data := await tunnel.read():
        await tunnel.write(data.upper())
    await tunnel.write(b"BYE")
    await tunnel.close()


def test_an_upgrade_hands_over_the_connection(serving: Callable[..., Server]) -> None:
    async def handler(request: Request) -> Response:
        return Response(101, {"Upgrade": "shout", "Connection": "upgrade"}, tunnel=shout)

    server = serving(handler)
    with server.connect() as wire:
        wire.send(get("/", "Connection: upgrade", "Upgrade: shout") + b"early ")
        answer = wire.answer()
        assert (answer.status, answer["upgrade"], answer.options) == (101, "shout", ["upgrade"])
        wire.send(b"late")
        assert wire.exactly(10) == b"EARLY LATE"
        wire.finish()
        assert wire.rest() == b"BYE"
    server.idle()


def test_connect_hands_over_the_connection(serving: Callable[..., Server]) -> None:
    async def handler(request: Request) -> Response:
        assert (request.method, request.target) == ("CONNECT", "other:443")
        return Response(200, {}, tunnel=shout)

    server = serving(handler)
    with server.connect() as wire:
        wire.send(head("CONNECT other:443 HTTP/1.1", "Host: other:443"))
        assert wire.answer("CONNECT").framing == "tunnel"
        wire.send(b"GET / HTTP/1.1\r\n\r\n")  # no longer ours to read
        assert wire.exactly(18) == b"GET / HTTP/1.1\r\n\r\n"
        wire.finish()
        assert wire.rest() == b"BYE"
    server.idle()


def test_connect_that_is_refused_goes_on_as_http(serving: Callable[..., Server]) -> None:
    server = serving(
        lambda request: Response.text("no\n", 405, fields={"Allow": "GET"}) if request.method == "CONNECT" else Response.text("ok\n")
    )
    with server.connect() as wire:
        wire.send(head("CONNECT other:443 HTTP/1.1", "Host: other:443") + get("/", CLOSE))
        assert [answer.status for answer in wire.answers("CONNECT")] in ([405, 200], [405])


def test_a_tunnel_carries_much_both_ways_with_backpressure(serving: Callable[..., Server]) -> None:
    async def handler(request: Request) -> Response:
        return Response(101, {"Upgrade": "shout", "Connection": "upgrade"}, tunnel=shout)

    server = serving(handler)
    with server.connect() as wire:
        wire.send(get("/", "Connection: upgrade", "Upgrade: shout"))
        assert wire.answer().status == 101
        for _ in range(50):
            wire.send(b"a" * 100_000)
            assert wire.exactly(100_000) == b"A" * 100_000


def test_a_tunnel_learns_that_its_peer_is_gone(serving: Callable[..., Server]) -> None:
    told: list[str] = []

    async def listen(tunnel: Any) -> None:
        try:
            while await tunnel.read():
                told.append("heard")
            told.append("ended")
        except (ConnectionError, asyncio.CancelledError):
            told.append("lost")
            raise

    async def handler(request: Request) -> Response:
        return Response(101, {"Upgrade": "x", "Connection": "upgrade"}, tunnel=listen)

    server = serving(handler)
    wire = server.connect()
    wire.send(get("/", "Connection: upgrade", "Upgrade: x") + b"word")
    assert wire.answer().status == 101
    until(lambda: told == ["heard"])
    wire.reset()
    until(lambda: told == ["heard", "lost"])
    server.idle()


def test_an_upgrade_that_is_not_wanted_is_plain_http(server: Server) -> None:
    # RFC 9110 7.8: a server MAY ignore Upgrade.
    with server.connect() as wire:
        wire.send(
            get("/", "Connection: upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA")
            + get("/next", CLOSE)
        )
        assert [answer.status for answer in wire.answers()] == [200, 200]


# --- who may not have one


@pytest.mark.parametrize(
    ("request_", "method"),
    [
        pytest.param(get("/", CLOSE), "GET", id="101 nobody asked for"),
        pytest.param(get("/", "Connection: upgrade, close", "Upgrade: other"), "GET", id="101 to another protocol than asked for"),
        pytest.param(get("/", "Upgrade: shout", CLOSE), "GET", id="101 where Connection does not name upgrade"),
        pytest.param(head("GET / HTTP/1.0", "Connection: upgrade", "Upgrade: shout"), "GET", id="101 to HTTP/1.0"),
    ],
)
def test_a_switch_the_client_cannot_follow_is_the_handlers_mistake(serving: Callable[..., Server], request_: bytes, method: str) -> None:
    # RFC 9110 7.8: a server MUST NOT switch to a protocol that the client did not name, and ignores Upgrade of HTTP/1.0.
    async def handler(request: Request) -> Response:
        return Response(101, {"Upgrade": "shout", "Connection": "upgrade"}, tunnel=shout)

    server = serving(handler)
    with server.connect() as wire:
        wire.send(request_)
        (answer,) = wire.answers(method, minor=0 if b"HTTP/1.0" in request_ else 1)
    assert answer.status == 500
    server.complaints.said.clear()


def test_a_2xx_to_connect_without_a_tunnel_is_the_handlers_mistake(serving: Callable[..., Server]) -> None:
    # Its client takes whatever follows for the other side's bytes, and nobody is there.
    server = serving(lambda request: Response.text("ok\n"))
    with server.connect() as wire:
        wire.send(head("CONNECT other:443 HTTP/1.1", "Host: other:443", CLOSE))
        (answer,) = wire.answers("CONNECT")
    assert answer.status == 500
    server.complaints.said.clear()


@pytest.mark.parametrize("status", [101, 200, 204])
def test_a_tunnel_goes_with_101_or_a_2xx_to_connect_alone(serving: Callable[..., Server], status: int) -> None:
    async def handler(request: Request) -> Response:
        return Response(200 if status == 101 else status, {}, tunnel=shout)

    server = serving(handler)
    with server.connect() as wire:
        wire.send(get("/", CLOSE))
        assert [answer.status for answer in wire.answers()] == [500]
    server.complaints.said.clear()


@pytest.mark.parametrize("framing", ["Content-Length: 41", "Transfer-Encoding: chunked"])
def test_the_framing_of_a_connect_is_not_taken_for_the_tunnel(serving: Callable[..., Server], framing: str) -> None:
    # RFC 9110 9.3.6: CONNECT has no content. Bytes that the head calls a body must not become the tunnel's, nor a request.
    heard: list[bytes] = []

    async def listen(tunnel: Any) -> None:
        while data := await tunnel.read():
            heard.append(data)

    async def handler(request: Request) -> Response:
        return Response(200, {}, tunnel=listen)

    server = serving(handler)
    body = BEHIND if framing.startswith("Content") else b"29\r\n" + BEHIND + b"\r\n0\r\n\r\n"
    with server.connect() as wire:
        wire.send(head("CONNECT other:443 HTTP/1.1", "Host: other:443", framing) + body)
        wire.finish()
        answers = wire.answers("CONNECT")
    assert [answer.status for answer in answers] in ([400], [200])
    assert answers[0].status == 400 or b"".join(heard) == b""


# --- backpressure


def test_a_tunnel_that_does_not_read_stops_the_sender(serving: Callable[..., Server]) -> None:
    async def sleep(tunnel: Any) -> None:
        await asyncio.Event().wait()

    async def handler(request: Request) -> Response:
        return Response(101, {"Upgrade": "x", "Connection": "upgrade"}, tunnel=sleep)

    server = serving(handler)
    with server.connect() as wire:
        wire.send(get("/", "Connection: upgrade", "Upgrade: x"))
        assert wire.answer().status == 101
        assert wire.fill(bytes(65536), 20_000_000) < 20_000_000


def test_a_tunnel_whose_peer_does_not_read_is_stopped(serving: Callable[..., Server]) -> None:
    written: list[int] = []

    async def pour(tunnel: Any) -> None:
        for _ in range(1000):
            await tunnel.write(bytes(100_000))
            written.append(100_000)

    async def handler(request: Request) -> Response:
        return Response(101, {"Upgrade": "x", "Connection": "upgrade"}, tunnel=pour)

    server = serving(handler)
    with server.connect(receive_buffer=4096) as wire:
        wire.send(get("/", "Connection: upgrade", "Upgrade: x"))
        assert wire.answer().status == 101
        before = -1
        while sum(written) != before:  # until it has come to a halt
            before = sum(written)
            time.sleep(0.2)
        assert sum(written) < 20_000_000


def test_a_tunnel_that_fails_is_cut_off(serving: Callable[..., Server]) -> None:
    async def fail(tunnel: Any) -> None:
        await tunnel.write(b"so far")
        raise ValueError("no further")

    async def handler(request: Request) -> Response:
        return Response(101, {"Upgrade": "x", "Connection": "upgrade"}, tunnel=fail)

    server = serving(handler)
    with server.connect() as wire:
        wire.send(get("/", "Connection: upgrade", "Upgrade: x"))
        assert wire.ends() in ("cut off", "finished")
    until(lambda: any("no further" in said for said in server.complaints.said))
    server.complaints.said.clear()
    server.idle()
