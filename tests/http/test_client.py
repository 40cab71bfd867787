"""The HTTP client over a network in memory: what it sends, what it makes of answers, and when it gives up. Times are literal."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import brotli
import pytest
import zstandard

from tests.http.scripts import ABORT, FINISH, Heard, answers, heard, network, simple
from wirespeak import __version__
from wirespeak.contract import FileSlice
from wirespeak.errors import (
    AddressError,
    ConnectError,
    ConnectionLost,
    IncompleteMessage,
    LimitExceeded,
    LocalProtocolError,
    RemoteProtocolError,
    TimeoutError,
)
from wirespeak.http import Fields, HttpServer, Request, Response
from wirespeak.http.client import BlockingClient
from wirespeak.http.exchange import Timeouts
from wirespeak.sockets.memory import MemoryNetwork
from wirespeak.tap import Tap

OK = simple()
NO_DEFAULTS: dict[str, Any] = {"without": ("User-Agent", "Accept"), "decode": False}


@pytest.fixture(params=[None, 1], ids=["whole", "byte by byte"])
def net(request: pytest.FixtureRequest) -> Callable[..., MemoryNetwork]:
    """`network`, with every transfer whole, and split at each byte."""
    return lambda *connections, **others: network(*connections, piece=request.param, **others)


# --- what is sent


def test_a_get_as_it_is_on_the_wire() -> None:
    net = network([Heard(), OK])
    BlockingClient(net).get("http://server/path?a=b#fragment")
    assert heard(net) == (
        b"GET /path?a=b HTTP/1.1\r\n"
        b"Host: server\r\n"
        b"User-Agent: wirespeak/" + __version__.encode() + b"\r\n"
        b"Accept: */*\r\n"
        b"Accept-Encoding: br, zstd, gzip, deflate\r\n"
        b"\r\n"
    )


def test_own_fields_take_the_place_of_defaults() -> None:
    net = network([Heard(), OK])
    BlockingClient(net, fields={"X-Client": "1", "accept": "text/html"}).get(
        "http://server:8080/", fields={"HOST": "other", "X-Client": "2"}, without=["user-agent"], decode=False
    )
    assert heard(net) == b"GET / HTTP/1.1\r\naccept: text/html\r\nHOST: other\r\nX-Client: 2\r\n\r\n"


@pytest.mark.parametrize(
    ("url", "host", "target"),
    [
        ("http://server", b"server", b"/"),
        ("http://server:80/", b"server", b"/"),
        ("http://SERVER:8080/a/../b", b"server:8080", b"/b"),
        ("https://server/?", b"server", b"/?"),
        ("http://server/b\u00fccher?q=\u00fc x", b"server", b"/b%C3%BCcher?q=%C3%BC%20x"),
        ("http://server/100%", b"server", b"/100%25"),
    ],
)
def test_targets_and_hosts(url: str, host: bytes, target: bytes) -> None:
    net = network([Heard(), OK])
    BlockingClient(net, tls=object()).get(url, **NO_DEFAULTS)
    assert heard(net) == b"GET " + target + b" HTTP/1.1\r\nHost: " + host + b"\r\n\r\n"


@pytest.mark.parametrize("url", ["server/path", "ftp://server/", "http://", "http://a b/", "http://server/\r\nX: y", "http://u@v@server/"])
def test_what_is_no_url_is_refused(url: str) -> None:
    net = network()
    with pytest.raises(AddressError):
        BlockingClient(net).get(url)
    assert net.connections == []


@pytest.mark.parametrize(
    "options",
    [
        {"fields": {"X": "a\r\nY: b"}},
        {"fields": {"X Y": "a"}},
        {"fields": {"Content-Length": "+5"}, "body": b"hello"},
        {"fields": {"Content-Length": "4"}, "body": b"hello"},
        {"fields": {"Transfer-Encoding": "chunked"}, "body": b"hello"},
        {"body": "text"},
        {"body": [b"a", "text"]},
        {"body": [1]},
        {"auth": ("a:b", "c")},
    ],
)
def test_what_can_not_be_sent_is_refused_before_a_byte_is_written(options: Any) -> None:
    net = network([Heard(), OK])
    client = BlockingClient(net)
    with pytest.raises(LocalProtocolError):
        client.request("POST", "http://server/", **options)
    assert all(not connection.sent for connection in net.connections)
    assert client._client._pool.size == 0


def test_a_method_is_a_token_and_not_connect() -> None:
    with pytest.raises(LocalProtocolError):
        BlockingClient(network([Heard(), OK])).request("G T", "http://server/")
    with pytest.raises(LocalProtocolError, match="proxy"):
        BlockingClient(network()).request("CONNECT", "http://server/")


@pytest.mark.parametrize(
    "body", [b"hello", bytearray(b"hello"), memoryview(b"hello"), [b"he", b"llo"], (b"hello",)], ids=lambda body: type(body).__name__
)
def test_a_body_whose_length_is_known(net: Callable[..., MemoryNetwork], body: Any) -> None:
    memory = net([Heard(b"hello"), OK])
    BlockingClient(memory).request("POST", "http://server/", body=body, **NO_DEFAULTS)
    assert heard(memory) == b"POST / HTTP/1.1\r\nHost: server\r\nContent-Length: 5\r\n\r\nhello"


def test_no_body_is_said_only_where_one_is_expected() -> None:
    """RFC 9110 8.6: POST and PUT say a length of 0; GET says nothing."""
    for method, line in (("POST", b"Content-Length: 0\r\n"), ("PUT", b"Content-Length: 0\r\n"), ("GET", b""), ("DELETE", b"")):
        net = network([Heard(), OK])
        BlockingClient(net).request(method, "http://server/", **NO_DEFAULTS)
        assert heard(net) == method.encode() + b" / HTTP/1.1\r\nHost: server\r\n" + line + b"\r\n"


def test_json_goes_out_and_comes_in() -> None:
    net = network([Heard(b"}"), simple(json.dumps({"a": ["\u00fc"]}).encode(), "200 OK", "Content-Type: application/json")])
    response = BlockingClient(net).request("POST", "http://server/", json={"q": 1})
    assert b"Content-Type: application/json\r\n" in heard(net)
    assert heard(net).endswith(b'\r\n\r\n{"q": 1}')
    assert response.json() == {"a": ["\u00fc"]}


def test_a_file_is_sent_from_where_it_stands(net: Callable[..., MemoryNetwork], tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"skipped, then sent")
    memory = net([Heard(b"then sent"), OK])
    with (tmp_path / "file").open("rb") as file:
        file.seek(9)
        BlockingClient(memory).request("PUT", "http://server/", body=file, **NO_DEFAULTS)
    assert heard(memory) == b"PUT / HTTP/1.1\r\nHost: server\r\nContent-Length: 9\r\n\r\nthen sent"


def test_a_file_open_as_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    with (tmp_path / "file").open() as file, pytest.raises(LocalProtocolError, match="binary"):
        BlockingClient(network()).request("PUT", "http://server/", body=file)


def pieces() -> Iterator[bytes]:
    yield b"hello "
    yield b""
    yield b"world"


async def async_pieces() -> AsyncIterator[bytes]:
    for piece in pieces():
        yield piece


@pytest.mark.parametrize("body", [pieces, async_pieces, lambda: iter([b"hello ", b"world"])], ids=["generator", "asynchronous", "iterator"])
def test_a_body_made_as_it_is_sent_goes_in_chunks(net: Callable[..., MemoryNetwork], body: Any) -> None:
    memory = net([Heard(b"0\r\n\r\n"), OK])
    BlockingClient(memory).request("POST", "http://server/", body=body(), expect=False, **NO_DEFAULTS)
    assert heard(memory) == (b"POST / HTTP/1.1\r\nHost: server\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n")


def test_a_file_in_memory_goes_in_chunks() -> None:
    net = network([Heard(b"0\r\n\r\n"), OK])
    BlockingClient(net).request("POST", "http://server/", body=BytesIO(b"hello"), expect=False, **NO_DEFAULTS)
    assert heard(net).endswith(b"\r\n\r\n5\r\nhello\r\n0\r\n\r\n")


def test_an_iterable_of_announced_length_is_sent_as_it_is() -> None:
    net = network([Heard(b"world"), OK])
    BlockingClient(net).request("POST", "http://server/", body=pieces(), fields={"Content-Length": "11"}, expect=False, **NO_DEFAULTS)
    assert heard(net) == b"POST / HTTP/1.1\r\nHost: server\r\nContent-Length: 11\r\n\r\nhello world"


@pytest.mark.parametrize(("length", "said"), [("10", "longer"), ("12", "ended 1 bytes before")])
def test_a_body_of_another_length_than_announced_is_an_error_and_ends_the_connection(length: str, said: str) -> None:
    net = network([Heard(b"never"), OK])
    client = BlockingClient(net)
    with pytest.raises(LocalProtocolError, match=said):
        client.request("POST", "http://server/", body=pieces(), fields={"Content-Length": length}, expect=False)
    assert not net.connections[0].open


def test_an_error_in_a_body_that_is_made_is_the_callers_and_ends_the_connection() -> None:
    def broken() -> Iterator[bytes]:
        yield b"some"
        raise KeyError("mine")

    net = network([Heard(b"never"), OK])
    with pytest.raises(KeyError, match="mine"):
        BlockingClient(net).request("POST", "http://server/", body=broken(), expect=False)
    assert not net.connections[0].open
    assert not heard(net).endswith(b"0\r\n\r\n"), "what was sent must not look whole"


@pytest.mark.parametrize("body", [b"hello", [b"hel", b"lo"], BytesIO(b"hello")])
def test_trailers_follow_the_last_chunk(body: Any) -> None:
    net = network([Heard(b"\r\n\r\n"), Heard(b"\r\n\r\n"), OK])
    BlockingClient(net).request("POST", "http://server/", body=body, trailers=lambda: {"X-Sum": "5"}, expect=False, **NO_DEFAULTS)
    assert heard(net).endswith(b"0\r\nX-Sum: 5\r\n\r\n")


def test_credentials_of_the_url_or_of_the_options_become_basic_authorization() -> None:
    """RFC 7617 2.1 has this example: the password is in UTF-8."""
    for url, options in (
        ("http://test:123%C2%A3@server/", {}),
        ("http://server/", {"auth": ("test", "123\u00a3")}),
        ("http://other:way@server/", {"auth": ("test", "123\u00a3")}),
    ):
        net = network([Heard(), OK])
        response = BlockingClient(net).get(url, **options)  # type: ignore[arg-type]
        assert b"Authorization: Basic dGVzdDoxMjPCow==\r\n" in heard(net)
        assert b"@" not in heard(net)
        assert "@" not in str(response.url)


# --- what comes back


def test_a_response(net: Callable[..., MemoryNetwork]) -> None:
    memory = net([Heard(), b"HTTP/1.1 200 Fine\r\nA: 1\r\nSet-Cookie: x\r\nSet-Cookie: y\r\nContent-Length: 5\r\n\r\nhello"])
    response = BlockingClient(memory).get("http://server/")
    assert (response.status, response.reason, response.minor, response.ok) == (200, "Fine", 1, True)
    assert response.fields.get_all("set-cookie") == ["x", "y"]
    assert (response.content, response.text, response.received) == (b"hello", "hello", 5)
    assert (str(response.url), response.method, response.history, response.tls) == ("http://server/", "GET", (), None)
    assert response.peer == ("server", 80)


def test_an_answer_of_any_status_is_an_answer() -> None:
    net = network([Heard(), simple(b"no", "404 Not Found")])
    response = BlockingClient(net).get("http://server/")
    assert (response.status, response.ok, response.content) == (404, False, b"no")


@pytest.mark.parametrize(
    ("content_type", "data", "text"),
    [
        ("text/plain", "\u00fc".encode(), "\u00fc"),
        ("text/plain; charset=iso-8859-1", b"\xfc", "\u00fc"),
        ('text/plain;CHARSET="ISO-8859-1"', b"\xfc", "\u00fc"),
        ("text/plain; charset=klingon", b"\xfcber", "\ufffdber"),
    ],
)
def test_text_is_decoded_as_its_field_says(content_type: str, data: bytes, text: str) -> None:
    net = network([Heard(), simple(data, "200 OK", f"Content-Type: {content_type}")])
    assert BlockingClient(net).get("http://server/").text == text


def test_chunks_and_trailers(net: Callable[..., MemoryNetwork]) -> None:
    memory = net([Heard(), b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 11\r\n\r\n"])
    response = BlockingClient(memory).get("http://server/")
    assert response.content == b"hello world"
    assert response.trailers == Fields({"X-Sum": "11"})


@pytest.mark.parametrize(
    ("method", "head"),
    [
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"),
        ("HEAD", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"),
        ("GET", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    ],
)
def test_answers_without_a_body_leave_the_connection_to_the_next_request(method: str, head: bytes) -> None:
    net = network([Heard(), head, Heard(), OK])
    client = BlockingClient(net)
    with client.stream(method, "http://server/") as response:
        assert client._client._pool.size == 1  # given back already, though nobody has read anything
    assert response.read() == b""
    assert client.get("http://server/").content == b"hello"
    assert len(net.connections) == 1


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_body_that_ends_with_the_connection(net: Callable[..., MemoryNetwork], version: str) -> None:
    memory = net([Heard(), f"HTTP/{version} 200 OK\r\n\r\nhello".encode(), 1, b" world", FINISH], [Heard(), OK])
    client = BlockingClient(memory)
    assert client.get("http://server/").content == b"hello world"
    assert client.get("http://server/").content == b"hello"
    assert len(memory.connections) == 2


@pytest.mark.parametrize(
    ("head", "kept"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\nConnection: x, CLOSE\r\nContent-Length: 0\r\n\r\n", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", False),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n", True),
    ],
)
def test_which_connections_are_kept(head: bytes, kept: bool) -> None:
    """RFC 9112 9.3."""
    net = network([Heard(), head, Heard(), OK], [Heard(), OK])
    client = BlockingClient(net)
    client.get("http://server/")
    client.get("http://server/")
    assert len(net.connections) == (1 if kept else 2)


def test_our_own_connection_close_is_kept_to() -> None:
    net = network([Heard(), OK, Heard(), OK], [Heard(), OK])
    client = BlockingClient(net)
    client.get("http://server/", fields={"Connection": "close"})
    client.get("http://server/")
    assert len(net.connections) == 2


def test_origins_do_not_share_connections() -> None:
    net = network([Heard(), OK, Heard(), OK], [Heard(), OK], [Heard(), OK])
    client = BlockingClient(net, tls=object())
    for url in ("http://server/", "http://server:8080/", "https://server/", "http://server:80/"):
        client.get(url)
    assert [connection.peer[1] for connection in net.connections] == [80, 8080, 443]


def test_interim_answers_are_told_and_passed_over(net: Callable[..., MemoryNetwork]) -> None:
    memory = net([Heard(), b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n", 1, OK])
    told: list[Response] = []
    assert BlockingClient(memory).get("http://server/", on_interim=told.append).content == b"hello"
    assert [(response.status, Fields(response.fields).get("link")) for response in told] == [(103, "</a.css>"), (102, None)]


# --- a body in pieces


def test_a_stream_is_read_as_it_comes() -> None:
    net = network([Heard(), b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", 1, b"hello", 1, b"world", Heard(), OK])
    client = BlockingClient(net)
    with client.stream("GET", "http://server/") as response:
        assert net.now() == 0
        came = [(piece, net.now()) for piece in response.iter()]
    assert came == [(b"hello", 1), (b"world", 2)]
    client.get("http://server/")
    assert len(net.connections) == 1


def test_a_stream_read_by_half_costs_the_connection() -> None:
    net = network([Heard(), b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"], [Heard(), OK])
    client = BlockingClient(net)
    with client.stream("GET", "http://server/") as response:
        assert next(response.iter()) == b"hello"
    assert not net.connections[0].open
    assert client.get("http://server/").content == b"hello"


def test_the_body_of_a_stream_is_not_there_before_it_is_read() -> None:
    client = BlockingClient(network([Heard(), OK]))
    with client.stream("GET", "http://server/") as response:
        with pytest.raises(LocalProtocolError, match="read"):
            _ = response.content
        assert response.read() == b"hello"
        assert response.content == b"hello"


def test_reading_is_bounded() -> None:
    client = BlockingClient(network([Heard(), OK], [Heard(), OK, Heard(), OK]))
    with pytest.raises(LimitExceeded, match="4"):
        client.get("http://server/", limit=4)
    assert client.get("http://server/", limit=5).content == b"hello"
    with client.stream("GET", "http://server/") as response, pytest.raises(LimitExceeded):
        response.read(4)


def test_a_body_is_saved_whole_or_not_at_all(tmp_path: Path) -> None:
    client = BlockingClient(network([Heard(), OK, Heard(), b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", FINISH]))
    with client.stream("GET", "http://server/") as response:
        assert response.save(tmp_path / "file") == 5
    assert (tmp_path / "file").read_bytes() == b"hello"
    with client.stream("GET", "http://server/") as response, pytest.raises(IncompleteMessage):
        response.save(tmp_path / "file")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"file": b"hello"}


# --- codings


TEXT = b"a line of text that is said again and again\n" * 2000


@pytest.mark.parametrize(
    ("coding", "data"),
    [
        ("gzip", gzip.compress(TEXT)),
        ("x-gzip", gzip.compress(TEXT)),
        ("deflate", zlib.compress(TEXT)),
        ("deflate", zlib.compress(TEXT)[2:-4]),
        ("br", brotli.compress(TEXT)),
        ("zstd", zstandard.compress(TEXT)),
        ("gzip, br", brotli.compress(gzip.compress(TEXT))),
        ("identity", TEXT),
    ],
)
def test_content_is_decoded(net: Callable[..., MemoryNetwork], coding: str, data: bytes) -> None:
    memory = net([Heard(), simple(data, "200 OK", f"Content-Encoding: {coding}")])
    response = BlockingClient(memory).get("http://server/")
    assert response.content == TEXT
    assert response.received == len(data)


def test_content_is_left_as_it_is_on_request() -> None:
    net = network([Heard(), simple(gzip.compress(TEXT), "200 OK", "Content-Encoding: gzip")])
    response = BlockingClient(net).get("http://server/", decode=False)
    assert gzip.decompress(response.content) == TEXT
    assert b"Accept-Encoding" not in heard(net)


def test_a_range_is_asked_for_and_given_as_it_is() -> None:
    net = network([Heard(), simple(b"\x1f\x8bpart", "206 Partial Content", "Content-Encoding: gzip", "Content-Range: bytes 0-5/99")])
    response = BlockingClient(net).get("http://server/", fields={"Range": "bytes=0-5"})
    assert b"Accept-Encoding: identity\r\n" in heard(net)
    assert response.content == b"\x1f\x8bpart"


@pytest.mark.parametrize("coding", ["rot13", "gzip, gzip, gzip"])
def test_a_coding_that_can_not_be_undone_is_an_error(coding: str) -> None:
    net = network([Heard(), simple(b"uryyb", "200 OK", f"Content-Encoding: {coding}")])
    with pytest.raises(RemoteProtocolError, match=r"RFC 9110 8.4"):
        BlockingClient(net).get("http://server/")
    assert not net.connections[0].open


def test_coded_content_that_is_cut_off_or_broken_is_an_error() -> None:
    data = gzip.compress(TEXT)
    for broken, error in ((data[:-1], IncompleteMessage), (b"not gzip at all", RemoteProtocolError), (data + b"more", RemoteProtocolError)):
        net = network([Heard(), simple(broken, "200 OK", "Content-Encoding: gzip")])
        with pytest.raises(error):
            BlockingClient(net).get("http://server/")


def test_an_empty_body_needs_no_decoding() -> None:
    net = network([Heard(), simple(b"", "200 OK", "Content-Encoding: gzip"), Heard(), OK])
    client = BlockingClient(net)
    assert client.get("http://server/").content == b""
    assert client.request("HEAD", "http://server/").content == b""


# --- Expect: 100-continue (RFC 9110 10.1.1)

LARGE = b"x" * (1 << 20)


def test_a_large_body_waits_for_100(net: Callable[..., MemoryNetwork]) -> None:
    memory = net([Heard(), 0.5, b"HTTP/1.1 100 Continue\r\n\r\n", Heard(b"hello"), OK])
    BlockingClient(memory).request("PUT", "http://server/", body=b"hello", expect=True, **NO_DEFAULTS)
    assert heard(memory) == b"PUT / HTTP/1.1\r\nHost: server\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello"
    assert memory.now() == 0.5


@pytest.mark.parametrize(
    ("body", "expect", "asked"),
    [
        (b"x" * ((1 << 20) - 1), None, False),
        (LARGE, None, True),
        (LARGE, False, False),
        (b"x", True, True),
        (b"", True, False),
        (iter([b"x"]), None, True),
    ],
    ids=["just under 1 MB", "1 MB", "told not to", "told to", "no body", "of unknown length"],
)
def test_when_the_server_is_asked_first(body: Any, expect: bool | None, asked: bool) -> None:
    net = network([Heard(), simple(b"", "413 Content Too Large", "Connection: close")])
    BlockingClient(net).request("POST", "http://server/", body=body, **({} if expect is None else {"expect": expect}))
    assert (b"Expect: 100-continue\r\n" in heard(net)) is asked


def test_without_100_the_body_follows_after_a_second() -> None:
    net = network([Heard(b"hello"), OK])
    BlockingClient(net).request("PUT", "http://server/", body=b"hello", expect=True)
    assert net.now() == 1.0


def test_a_refusal_spares_the_upload() -> None:
    net = network([Heard(), 0.1, simple(b"too large", "413 Content Too Large")], [Heard(), OK])
    client = BlockingClient(net)
    response = client.request("PUT", "http://server/", body=LARGE)
    assert (response.status, response.content) == (413, b"too large")
    assert heard(net).endswith(b"\r\n\r\n")
    client.get("http://server/")
    assert len(net.connections) == 2, "a body that was announced and not sent would be expected still"


def test_417_is_answered_by_asking_without_it() -> None:
    net = network([Heard(), simple(b"", "417 Expectation Failed"), Heard(LARGE), OK], [Heard(LARGE), OK])
    response = BlockingClient(net).request("PUT", "http://server/", body=LARGE)
    assert response.status == 200
    assert b"Expect: " in heard(net)
    assert b"Expect: " not in heard(net, 1)


# --- an answer before the request is whole (RFC 9112 9.5)


def test_an_early_refusal_is_read_and_the_rest_not_sent() -> None:
    large = b"x" * (8 << 20)
    net = network([Heard(b"x"), simple(b"enough", "413 Content Too Large", "Connection: close"), FINISH])
    response = BlockingClient(net).request("PUT", "http://server/", body=large, expect=False)
    assert (response.status, response.content) == (413, b"enough")
    assert len(heard(net)) < 1 << 20


def test_an_early_refusal_ends_the_making_of_the_body() -> None:
    made: list[int] = []
    closed: list[bool] = []

    def endless() -> Iterator[bytes]:
        try:
            while True:
                made.append(1)
                yield b"x" * 1000
        finally:
            closed.append(True)

    net = network([Heard(), Heard(b"x" * 5), simple(b"enough", "400 Bad Request")])
    client = BlockingClient(net)
    assert client.request("POST", "http://server/", body=endless(), expect=False).status == 400
    assert len(made) < 20
    assert closed == [True]
    assert client._client._pool.size == 0


def test_an_answer_that_streams_the_body_back_while_it_is_sent() -> None:
    """A 2xx that does not close is no refusal: both sides go on talking."""

    async def echo(request: Request) -> Response:
        return Response(200, body=request.stream())

    net = MemoryNetwork({("server", 80): HttpServer(echo)})
    sent = [bytes([number]) * 100_000 for number in range(30)]
    with BlockingClient(net).stream("POST", "http://server/", body=iter(sent), expect=False) as response:
        assert b"".join(response.iter()) == b"".join(sent)


# --- time


def test_no_answer_within_the_time_for_the_head() -> None:
    net = network([Heard()])
    with pytest.raises(TimeoutError, match="server did not answer within 60 seconds"):
        BlockingClient(net).get("http://server/")
    assert net.now() == 60
    assert not net.connections[0].open


def test_the_time_for_the_head_begins_when_the_request_is_sent() -> None:
    net = network([Heard(), 50, b"HTTP/1.1 200 OK\r\n", 9, b"Content-Length: 0\r\n\r\n"])
    assert BlockingClient(net).get("http://server/").ok
    drip = network([Heard(), 20, b"HTTP/1.1", 20, b" 200", 20.5, b" OK\r\n"])
    with pytest.raises(TimeoutError, match="did not answer"):
        BlockingClient(drip).get("http://server/")
    assert drip.now() == 60


def test_an_interim_answer_is_a_sign_of_life() -> None:
    net = network([Heard(), 50, b"HTTP/1.1 102 Processing\r\n\r\n", 50, OK])
    assert BlockingClient(net).get("http://server/").ok
    assert net.now() == 100


def test_silence_in_the_middle_of_a_body() -> None:
    net = network([Heard(), b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhell", 59, b"o", 61, b"world"])
    with pytest.raises(TimeoutError, match="fell silent"):
        BlockingClient(net).get("http://server/")
    assert net.now() == 59 + 60


def test_a_server_that_takes_nothing_of_the_request() -> None:
    class Deaf:
        def __init__(self) -> None:
            self.session: Any = answers(Heard(b"never"))(None).session  # type: ignore[arg-type]
            self.session.reading = False

        def handle(self, event: Any) -> None: ...
        def lost(self, error: Exception | None) -> None: ...

    net = network(lambda link: Deaf())
    with pytest.raises(TimeoutError, match="took nothing"):
        BlockingClient(net, timeouts=Timeouts(idle=30)).request("PUT", "http://server/", body=b"x", expect=False)
    assert net.now() == 30


def test_the_limit_for_the_whole_covers_a_body_that_drips() -> None:
    net = network([Heard(), b"HTTP/1.1 200 OK\r\n\r\n", *([1, b"."] * 100)])
    with pytest.raises(TimeoutError, match="within 10 seconds"):
        BlockingClient(net).get("http://server/", timeouts=Timeouts(total=10))
    assert net.now() == 10


def test_the_limit_for_the_whole_covers_redirects() -> None:
    slow = [
        Heard(),
        4,
        simple(b"", "302 Found", "Location: /again"),
        Heard(),
        4,
        simple(b"", "302 Found", "Location: /more"),
        Heard(),
        4,
        OK,
    ]
    net = network(slow)
    with pytest.raises(TimeoutError):
        BlockingClient(net).get("http://server/", timeouts=Timeouts(total=10))
    assert net.now() == 10


def test_without_limits_it_waits() -> None:
    net = network([Heard(), 100_000, OK])
    assert BlockingClient(net, timeouts=Timeouts(head=None, idle=None)).get("http://server/").ok


# --- connections that fail


def test_nobody_there() -> None:
    with pytest.raises(ConnectError):
        BlockingClient(network()).get("http://nowhere/")


@pytest.mark.parametrize("ending", [FINISH, ABORT])
def test_a_new_connection_that_ends_without_an_answer_is_an_error(ending: Any) -> None:
    net = network([Heard(), ending], [Heard(), OK])
    with pytest.raises(ConnectionLost):
        BlockingClient(net).get("http://server/")
    assert len(net.connections) == 1


@pytest.mark.parametrize("ending", [FINISH, ABORT])
def test_a_kept_connection_that_ends_as_it_is_used_is_tried_once_more_on_a_new_one(ending: Any) -> None:
    """RFC 9112 9.3.1: the server's close and our request met halfway."""
    net = network([Heard(), OK, Heard(), ending], [Heard(), simple(b"again")])
    client = BlockingClient(net)
    client.get("http://server/")
    assert client.get("http://server/").content == b"again"
    assert heard(net) == heard(net, 1) * 2


def test_it_is_tried_once_and_no_more() -> None:
    net = network([Heard(), OK, Heard(), FINISH], [Heard(), FINISH], [Heard(), OK])
    client = BlockingClient(net)
    client.get("http://server/")
    with pytest.raises(ConnectionLost):
        client.get("http://server/")
    assert len(net.connections) == 2


@pytest.mark.parametrize("method", ["POST", "PATCH", "WHATEVER"])
def test_what_is_not_idempotent_is_never_sent_twice(method: str) -> None:
    """RFC 9110 9.2.2."""
    net = network([Heard(), OK, Heard(), FINISH], [Heard(), OK])
    client = BlockingClient(net)
    client.get("http://server/")
    with pytest.raises(ConnectionLost):
        client.request(method, "http://server/", body=b"order")
    assert len(net.connections) == 1


def test_a_body_that_was_drawn_from_is_not_sent_twice() -> None:
    net = network([Heard(), OK, Heard(b"order"), FINISH], [Heard(), OK])
    client = BlockingClient(net)
    client.get("http://server/")
    with pytest.raises(ConnectionLost):
        client.request("PUT", "http://server/", body=iter([b"order"]), expect=False)
    assert len(net.connections) == 1


def test_an_answer_that_has_begun_is_not_asked_for_again() -> None:
    net = network([Heard(), OK, Heard(), b"HTTP/1.1 200", FINISH], [Heard(), OK])
    client = BlockingClient(net)
    client.get("http://server/")
    with pytest.raises(RemoteProtocolError):
        client.get("http://server/")
    assert len(net.connections) == 1


@pytest.mark.parametrize("event", [FINISH, b"HTTP/1.1 408 Request Timeout\r\n\r\n"], ids=["ended", "said something"])
def test_a_connection_on_which_something_happened_meanwhile_is_not_used(event: Any) -> None:
    net = network([Heard(), OK, 5, event], [Heard(), OK])
    client = BlockingClient(net)
    client.get("http://server/")
    net.step(5)
    net.step(6)
    client.request("POST", "http://server/", body=b"order")
    assert len(net.connections) == 2


def test_a_connection_that_lay_idle_too_long_is_not_used() -> None:
    net = network([Heard(), OK, Heard(), OK], [Heard(), OK])
    client = BlockingClient(net, idle_time=30)
    client.get("http://server/")
    net.step(29)
    client.get("http://server/")
    assert len(net.connections) == 1
    net.step(59.5)
    client.get("http://server/")
    assert len(net.connections) == 2


def test_a_second_answer_that_nobody_asked_for_ends_the_connection() -> None:
    net = network([Heard(), OK + simple(b"poison")], [Heard(), simple(b"fresh")])
    client = BlockingClient(net)
    assert client.get("http://server/").content == b"hello"
    assert client.get("http://server/").content == b"fresh"


def test_a_closed_client_keeps_nothing_and_asks_nothing() -> None:
    net = network([Heard(), OK], [Heard(), OK])
    with BlockingClient(net) as client:
        client.get("http://server/")
    assert not net.connections[0].open
    with pytest.raises(ConnectError, match="closed"):
        client.get("http://server/")


# --- other ways to connect, and watching


def test_a_route_leads_elsewhere_and_names_stay() -> None:
    net = network([Heard(), OK])
    asked: list[tuple[str, int]] = []

    def route(host: str, port: int) -> tuple[str, int]:
        asked.append((host, port))
        return ("server", 443)

    response = BlockingClient(net, route=route, tls=object()).get("https://example.com/")
    assert asked == [("example.com", 443)]
    assert b"Host: example.com\r\n" in heard(net)
    assert response.tls.server_name == "example.com"


def test_a_conversation_is_watched_as_it_runs() -> None:
    seen: list[tuple[str, Any, float]] = []
    net = network([Heard(), 2, OK])
    client = BlockingClient(net, watch=lambda stream: lambda kind, what, now: seen.append((kind, what, now)))
    client.get("http://server/", **NO_DEFAULTS)
    assert [(kind, what) for kind, what, _ in seen if kind in ("in", "out")] == [
        ("out", b"GET / HTTP/1.1\r\nHost: server\r\n\r\n"),
        ("in", OK),
    ]
    assert [kind for kind, _, _ in seen][:2] == ["message", "out"]
    assert next(now for kind, _, now in seen if kind == "in") == 2


def test_an_unwatched_connection_has_no_tap() -> None:
    net = network([Heard(), OK])
    client = BlockingClient(net, watch=lambda stream: None)
    client.get("http://server/")
    (places,) = client._client._pool._origins.values()
    assert not isinstance(places.idle[0]._talk, Tap)


# --- client and server together


def test_client_and_server_in_one_thread(net: Callable[..., MemoryNetwork]) -> None:
    async def handler(request: Request) -> Response:
        body = await request.read()
        request.connection.inform(103, {"Link": "</x>"})
        return Response(200, {"X-Trailers": repr(request.trailers.get("x-sum"))}, body or b"nothing")

    memory = net(HttpServer(handler))
    client = BlockingClient(memory)
    interim: list[Response] = []
    response = client.request(
        "POST", "http://server/a", body=iter([b"one", b"two"]), trailers=lambda: {"X-Sum": "6"}, on_interim=interim.append
    )
    assert response.content == b"onetwo"
    assert response.fields["x-trailers"] == "'6'"
    assert [one.status for one in interim] == [100, 103]
    assert client.get("http://server/b").content == b"nothing"
    assert client.request("HEAD", "http://server/b").content == b""
    assert len(memory.connections) == 1


def test_a_slice_of_a_file_goes_both_ways(net: Callable[..., MemoryNetwork], tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(range(256)))
    with (tmp_path / "file").open("rb") as file:
        memory = net(HttpServer(lambda request: Response(200, body=FileSlice(file, 10, 100))))
        client = BlockingClient(memory)
        response = client.request("POST", "http://server/", body=[b"<", FileSlice(file, 65, 26), b">"])
    assert response.content == bytes(range(10, 110))
    assert heard(memory).endswith(b"<ABCDEFGHIJKLMNOPQRSTUVWXYZ>")
