"""Servers that misbehave, over real sockets, and what our HTTP client makes of them.

No row may be taken for an answer that it is not, none may grow or last without bound, and none may disturb the requests
beside it. Every test runs with the blocking client and with the one for asyncio.
"""

from __future__ import annotations

import asyncio
import gzip
import itertools
import socket
import ssl
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import brotli
import pytest
import zstandard

from tests.hostile.wire import until
from tests.raw import accepting, cut_off, read_request
from wirespeak.errors import (
    ConnectionLost,
    IncompleteMessage,
    LimitExceeded,
    RemoteProtocolError,
    TimeoutError,
    TLSError,
    WirespeakError,
)
from wirespeak.http.client import BlockingClient, Client
from wirespeak.http.exchange import Timeouts
from wirespeak.http.received import Received
from wirespeak.sockets.authority import Authority
from wirespeak.sockets.tls import client_context, server_context

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"

Conversation = Callable[[Any], Any]


class Asking:
    """One client, whichever kind, for as long as a test lasts."""

    def __init__(self, kind: str, **settings: Any) -> None:
        self._loop = asyncio.new_event_loop() if kind == "asyncio" else None
        self._client: Any = Client(**settings) if self._loop else BlockingClient(**settings)

    def __call__(self, url: str, method: str = "GET", **options: Any) -> Received:
        return self._done(self._client.request(method, url, timeouts=options.pop("timeouts", Timeouts(total=20)), **options))

    def _done(self, result: Any) -> Any:
        return self._loop.run_until_complete(result) if self._loop else result

    def has_stale(self) -> bool:
        """Whether something came on a connection that lies idle."""
        policy = self._client if self._loop else self._client._client
        return any(connection.stream.stale() for places in policy._pool._origins.values() for connection in places.idle)

    def close(self) -> None:
        self._done(self._client.close())
        if self._loop:
            self._loop.close()


@pytest.fixture(params=["blocking", "asyncio"])
def client(request: pytest.FixtureRequest) -> Iterator[Callable[..., Asking]]:
    """``client(**settings)`` is a function that asks."""
    made: list[Asking] = []

    def make(**settings: Any) -> Asking:
        made.append(Asking(request.param, **settings))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def ask(client: Callable[..., Asking]) -> Asking:
    return client()


def says(*pieces: bytes, end: Callable[[socket.socket], object] | None = None) -> Callable[[socket.socket], None]:
    """Answers the first request with ``pieces``, and ends the connection in good order, or as ``end`` does."""

    def talk(sock: socket.socket) -> None:
        read_request(sock)
        for piece in pieces:
            sock.sendall(piece)
        if end is not None:
            end(sock)

    return talk


def well_behaved(sock: socket.socket) -> None:
    """Answers every request."""
    while read_request(sock):
        sock.sendall(OK)


def fails(
    ask: Asking, talk: Callable[[socket.socket], object], error: type[WirespeakError], said: str | None = None, **options: Any
) -> None:
    """Asking that server raises ``error``; and the next request, on a new connection, is answered as if nothing had been."""
    with accepting([talk, well_behaved]) as port:
        with pytest.raises(error, match=said):
            ask(f"http://127.0.0.1:{port}/", **options)
        assert ask(f"http://127.0.0.1:{port}/").content == b"OK"


# --- row 22: a few bytes that unfold into gigabytes (CVE-2025-66418 in urllib3)


@cache
def bomb(coding: str) -> bytes:
    """Zeros: 64 MB, or 256 MB in gzip within gzip."""
    if coding == "gzip, gzip":
        return gzip.compress(gzip.compress(bytes(256 << 20), 1), 9)
    plain = bytes(64 << 20)
    if coding == "gzip":
        return gzip.compress(plain)
    if coding == "deflate":
        return zlib.compress(plain)
    return brotli.compress(plain, quality=5) if coding == "br" else zstandard.compress(plain)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "gzip, gzip"])
def test_a_decompression_bomb_stops_at_the_callers_limit_cve_2025_66418(ask: Asking, coding: str) -> None:
    data = bomb(coding)
    assert len(data) < 1 << 20
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: %b\r\nContent-Length: %d\r\n\r\n" % (coding.encode(), len(data))
    tracemalloc.start()
    try:
        fails(ask, says(head, data), LimitExceeded, "more than", limit=4 << 20)
        assert tracemalloc.get_traced_memory()[1] < 32 << 20
    finally:
        tracemalloc.stop()


def test_a_body_without_a_bomb_is_bounded_too(ask: Asking) -> None:
    def endless(sock: socket.socket) -> None:
        while True:
            sock.sendall(b"x" * 65536)

    fails(ask, says(b"HTTP/1.1 200 OK\r\n\r\n", end=endless), LimitExceeded, limit=1 << 20)


def test_codings_without_end_are_refused(ask: Asking) -> None:
    """CVE-2025-66418: each link of the chain multiplies the work."""
    fails(
        ask,
        says(b"HTTP/1.1 200 OK\r\nContent-Encoding: " + b", ".join([b"gzip"] * 500) + b"\r\nContent-Length: 1\r\n\r\nx"),
        RemoteProtocolError,
    )


# --- row 28: redirects and secrets


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_origin_takes_no_secrets_along(ask: Asking, status: int) -> None:
    heard: list[bytes] = []

    def listen(sock: socket.socket) -> None:
        heard.append(read_request(sock))
        sock.sendall(OK)

    with accepting(listen) as other:
        redirect = b"HTTP/1.1 %d X\r\nLocation: http://127.0.0.1:%d/\r\nContent-Length: 0\r\n\r\n" % (status, other)
        with accepting(says(redirect)) as port:
            secrets = {"Authorization": "Bearer token", "Cookie": "id=1", "Proxy-Authorization": "Basic eDp5"}
            assert ask(f"http://127.0.0.1:{port}/", fields=secrets).ok
            assert ask(f"http://name:password@localhost:{other}/", method="HEAD", follow=False).ok
    assert b"token" not in heard[0]
    assert b"id=1" not in heard[0]
    assert b"uthorization" not in heard[0]
    assert b"Authorization: Basic " in heard[1]


def test_a_redirect_from_https_to_http_takes_no_secrets_along(client: Callable[..., Asking], tmp_path: Path) -> None:
    authority = Authority.open(tmp_path)
    context = server_context(authority)
    heard: list[bytes] = []

    def listen(sock: socket.socket) -> None:
        heard.append(read_request(sock))
        sock.sendall(OK)

    with accepting(listen) as plain:

        def secure(sock: socket.socket) -> None:
            with context.wrap_socket(sock, server_side=True) as tls:
                heard.append(read_request(tls))
                tls.sendall(b"HTTP/1.1 302 Found\r\nLocation: http://localhost:%d/\r\nContent-Length: 0\r\n\r\n" % plain)

        with accepting(secure) as port:
            ask = client(tls=client_context(authorities=[authority.certificate_file]))
            assert ask(f"https://name:password@localhost:{port}/", fields={"Cookie": "id=1"}).ok
    assert b"Authorization" in heard[0]
    assert b"id=1" in heard[0]
    assert b"Authorization" not in heard[1]
    assert b"Cookie" not in heard[1]


def test_a_circle_of_redirects_ends(ask: Asking) -> None:
    asked = itertools.count()

    def circle(sock: socket.socket) -> None:
        while read_request(sock):
            next(asked)
            sock.sendall(b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n")

    with accepting(circle) as port, pytest.raises(LimitExceeded, match="20 redirects"):
        ask(f"http://127.0.0.1:{port}/")
    assert next(asked) == 21


@pytest.mark.parametrize(
    "location", [b"//u:p@127.0.0.1/", b"file:///etc/passwd", b"http://", b"gopher://127.0.0.1:25/_HELO", b"/\x01", b"http://a\\@b/"]
)
def test_a_redirect_that_leads_astray_is_not_followed(ask: Asking, location: bytes) -> None:
    fails(ask, says(b"HTTP/1.1 302 Found\r\nLocation: " + location + b"\r\nContent-Length: 0\r\n\r\n"), RemoteProtocolError)


# --- row 29: answers that are none


@pytest.mark.parametrize("end", [None, cut_off], ids=["ended", "cut off"])
@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Len",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP",
        b"",
        b"HTTP/1.1 100 Continue\r\n\r\n",
    ],
)
def test_an_answer_cut_short_is_never_passed_off_as_whole(ask: Asking, answer: bytes, end: Any) -> None:
    fails(ask, says(answer, end=end), RemoteProtocolError if answer and end is None and b"100" not in answer else WirespeakError)


def test_a_body_that_ends_with_the_connection_must_not_be_cut_off(ask: Asking) -> None:
    fails(ask, says(b"HTTP/1.1 200 OK\r\n\r\nhello", end=cut_off), ConnectionLost, "cut")


@pytest.mark.parametrize(
    "framing", [b"", b"Transfer-Encoding: chunked\r\n", b"Content-Length: 10\r\n"], ids=["by close", "chunked", "by length"]
)
def test_tls_cut_off_without_close_notify_is_no_end(client: Callable[..., Asking], tmp_path: Path, framing: bytes) -> None:
    """RFC 9112 9.8: anybody on the way can send a FIN."""
    authority = Authority.open(tmp_path)
    context = server_context(authority)

    def cut_short(sock: socket.socket) -> None:
        with context.wrap_socket(sock, server_side=True) as tls:
            read_request(tls)
            tls.sendall(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n" + (b"5\r\nhello\r\n" if b"chunked" in framing else b"hello"))
            socket.socket.shutdown(tls, socket.SHUT_WR)
            tls.recv(1)

    ask = client(tls=client_context(authorities=[authority.certificate_file]))
    with accepting(cut_short) as port, pytest.raises((ConnectionLost, IncompleteMessage)):
        ask(f"https://localhost:{port}/")


def test_a_certificate_of_nobody_we_know_ends_it_before_a_word_is_said(client: Callable[..., Asking], tmp_path: Path) -> None:
    context = server_context(Authority.open(tmp_path))
    heard: list[bytes] = []

    def listen(sock: socket.socket) -> None:
        try:
            with context.wrap_socket(sock, server_side=True) as tls:
                heard.append(tls.recv(1))
        except ssl.SSLError:
            heard.append(b"")

    with accepting(listen) as port, pytest.raises(TLSError, match="not to be trusted"):
        client()(f"https://name:password@localhost:{port}/")
    assert heard == [b""]


@pytest.mark.parametrize("interim", [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"])
def test_interim_answers_without_end_have_one(ask: Asking, interim: bytes) -> None:
    sent = itertools.count()

    def endless(sock: socket.socket) -> None:
        while True:
            sock.sendall(interim * 10)
            next(sent)

    fails(ask, says(end=endless), RemoteProtocolError, "interim")


@pytest.mark.parametrize("piece", [b"X: y\r\n", b"X: " + b"y" * 10_000 + b"\r\n", b"y" * 10_000])
def test_a_head_without_end_has_one(ask: Asking, piece: bytes) -> None:
    """RFC 9112 5, our own bound."""
    sent = itertools.count()

    def endless(sock: socket.socket) -> None:
        while True:
            sock.sendall(piece * 100)
            next(sent)

    fails(ask, says(b"HTTP/1.1 200 OK\r\nX: ", end=endless), RemoteProtocolError)
    assert next(sent) * len(piece) * 100 < 64 << 20


def test_trailers_without_end_have_one(ask: Asking) -> None:
    def endless(sock: socket.socket) -> None:
        while True:
            sock.sendall(b"X: y\r\n" * 1000)

    fails(ask, says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", end=endless), RemoteProtocolError, "trailers")


def test_a_second_answer_that_nobody_asked_for_answers_nothing(ask: Asking) -> None:
    """RFC 9112 9.2: else the next request would be given it (response splitting)."""
    poison = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"
    sent = threading.Event()

    def poison_later(sock: socket.socket) -> None:
        read_request(sock)
        sock.sendall(OK)
        assert sent.wait(20)
        sock.sendall(poison)
        sock.recv(1)

    with accepting([says(OK + poison, end=lambda sock: sock.recv(1)), poison_later, well_behaved]) as port:
        url = f"http://127.0.0.1:{port}/"
        assert ask(url).content == b"OK"
        assert ask(url).content == b"OK"
        sent.set()
        until(ask.has_stale, what="the poison")
        assert ask(url, "POST", body=b"order").content == b"OK"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        b"HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5_0\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: \x0bchunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello!!0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\n0\n\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f" * 17 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;" + b"a" * 10_000,
        b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello",
        b"HTTP/1.1 200 OK\r\nX : y\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nX: y\r\n folded\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nX: y\x00\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nX: y\rContent-Length: 5\r\n\r\nhello",
        b"HTTP/2.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 20 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 2000 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 099 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"http/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b" HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: telnet\r\n\r\n",
        b"220 mail.example ESMTP\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x15\x03\x01\x00\x02\x02\x46",
        b"<html>hello</html>",
    ],
)
def test_what_is_no_answer_is_an_error(ask: Asking, answer: bytes) -> None:
    fails(ask, says(answer, end=lambda sock: sock.recv(1)), RemoteProtocolError)


def test_an_answer_before_the_question_is_none(ask: Asking) -> None:
    def hasty(sock: socket.socket) -> None:
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")
        well_behaved(sock)

    with accepting([hasty, well_behaved]) as port:
        try:
            content = ask(f"http://127.0.0.1:{port}/").content
        except WirespeakError:
            content = b""
        # What had come when we spoke can't be told from what came then; but nothing of it is left for the next.
        assert content in (b"", b"poison", b"OK")
        assert ask(f"http://127.0.0.1:{port}/").content == b"OK"


# --- row 30: what is not idempotent is sent once


@pytest.mark.parametrize("end", [None, cut_off], ids=["ended", "cut off"])
def test_a_post_is_never_sent_twice(ask: Asking, end: Any) -> None:
    heard: list[bytes] = []

    def take_and_go(sock: socket.socket) -> None:
        heard.append(read_request(sock))
        sock.sendall(OK)
        heard.append(read_request(sock))
        if end:
            end(sock)

    def listen(sock: socket.socket) -> None:
        heard.append(read_request(sock))
        sock.sendall(OK)

    with accepting([take_and_go, listen]) as port:
        url = f"http://127.0.0.1:{port}/"
        ask(url)
        with pytest.raises(ConnectionLost):
            ask(url, "POST", body=b"order")
        assert ask(url).content == b"OK"
    assert [head.split(b" ")[0] for head in heard] == [b"GET", b"POST", b"GET"]


def test_a_get_is_sent_again_once_where_the_server_closed_as_we_spoke(ask: Asking) -> None:
    def twice(sock: socket.socket) -> None:
        read_request(sock)
        sock.sendall(OK)
        read_request(sock)

    with accepting([twice, well_behaved]) as port:
        url = f"http://127.0.0.1:{port}/"
        assert ask(url).content == b"OK"
        assert ask(url).content == b"OK"


# --- time


@pytest.mark.parametrize(
    "slowly",
    [
        (b"HTTP/1.1 200 OK\r\nX: ", b"y"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"y"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n", b"y"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;", b"y"),
        (b"", b""),
    ],
    ids=["head", "body by close", "body by length", "chunk line", "nothing at all"],
)
def test_a_slow_drip_meets_the_limit_for_the_whole(ask: Asking, slowly: tuple[bytes, bytes]) -> None:
    start, drop = slowly

    def drip(sock: socket.socket) -> None:
        for _ in range(2000):
            sock.sendall(drop)
            time.sleep(0.01)

    before = time.monotonic()
    fails(ask, says(start, end=drip), TimeoutError, "limit for the whole", timeouts=Timeouts(total=0.3))
    assert time.monotonic() - before < 10


def test_silence_meets_the_limit_for_silence(ask: Asking) -> None:
    def silent(sock: socket.socket) -> None:
        sock.recv(1)

    fails(ask, says(end=silent), TimeoutError, "did not answer within 0.1", timeouts=Timeouts(head=0.1))
    fails(ask, says(b"HTTP/1.1 200 OK\r\n\r\nx", end=silent), TimeoutError, "fell silent", timeouts=Timeouts(idle=0.1))


def test_a_server_that_never_reads_meets_the_limit_for_silence(ask: Asking) -> None:
    release = threading.Event()

    def deaf(sock: socket.socket) -> None:
        release.wait(20)

    with accepting(deaf) as port:
        with pytest.raises(TimeoutError, match="took nothing"):
            ask(f"http://127.0.0.1:{port}/", "PUT", body=bytes(64 << 20), expect=False, timeouts=Timeouts(idle=0.2))
        release.set()


def test_an_early_refusal_of_a_long_upload_is_heard(ask: Asking) -> None:
    """RFC 9112 9.5: the server answers and closes while we still send; its reset must not eat the answer."""
    refusal = b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 6\r\n\r\nenough"

    def refuse(sock: socket.socket) -> None:
        sock.recv(1000)
        sock.sendall(refusal)
        sock.shutdown(socket.SHUT_WR)
        until = time.monotonic() + 1
        while time.monotonic() < until and sock.recv(65536):  # RFC 9112 9.6
            pass

    with accepting(refuse) as port:
        response = ask(f"http://127.0.0.1:{port}/", "PUT", body=bytes(64 << 20), expect=False)
        assert (response.status, response.content) == (413, b"enough")


def test_requests_beside_a_bad_one_go_on() -> None:
    """One server that hangs holds nobody else up, and costs its own connection alone."""
    release = threading.Event()

    def hang(sock: socket.socket) -> None:
        read_request(sock)
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        release.wait(20)

    async def all_at_once(bad: int, good: int) -> list[Any]:
        async with Client(timeouts=Timeouts(idle=0.3)) as client:
            urls = [f"http://127.0.0.1:{bad if number % 4 == 0 else good}/{number}" for number in range(20)]
            return await asyncio.gather(*(client.get(url) for url in urls), return_exceptions=True)

    with accepting(hang) as bad, accepting(well_behaved) as good:
        results = asyncio.run(all_at_once(bad, good))
        release.set()
    for number, result in enumerate(results):
        if number % 4 == 0:
            assert isinstance(result, TimeoutError)
        else:
            assert result.content == b"OK"
