"""Requests and responses as values: there and back, and what is wrong with those that are none."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.http.test_fields import NAMES, VALUES
from wirespeak.errors import LocalProtocolError, RemoteProtocolError
from wirespeak.http.faults import fault_of_incomplete
from wirespeak.http.fields import MAX_FIELDS, REMEMBERED_HEAD, Fields, _blocks, _remembered
from wirespeak.http.messages import (
    Request,
    Response,
    encode_request_line,
    encode_status_line,
    parse_request_head,
    parse_response_head,
    request_line,
)
from wirespeak.http.status import REASONS


def head(*lines: str) -> bytes:
    """A head of these lines and the empty one."""
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode("latin-1")


def get(target: str, host: str | None = "www.example.org", method: str = "GET") -> Request:
    return parse_request_head(head(f"{method} {target} HTTP/1.1", *([] if host is None else [f"Host: {host}"])))


def fault(parse: Callable[[bytes], object], data: bytes) -> RemoteProtocolError:
    with pytest.raises(RemoteProtocolError) as caught:
        parse(data)
    return caught.value


# --- requests, there and back

PATHS = st.text([chr(number) for number in range(0x21, 0x7F) if chr(number) != "#"], max_size=30).map("/{}".format)
OTHERS = st.lists(st.tuples(NAMES.filter(lambda name: name.lower() != "host"), VALUES), max_size=8)


@given(NAMES.filter(lambda method: method != "CONNECT"), PATHS, OTHERS)
def test_a_request_is_read_as_it_was_sent(method: str, target: str, pairs: list[tuple[str, str]]) -> None:
    fields = Fields([("Host", "www.example.org"), *pairs])
    read = parse_request_head(encode_request_line(method, target) + fields.encode() + b"\r\n")
    assert read == Request(method, target, fields)
    assert read.minor == 1


def test_a_request_as_the_rfc_has_it() -> None:
    """RFC 9112 3.2.1."""
    request = parse_request_head(head("GET /where?q=now HTTP/1.1", "Host: www.example.org"))
    assert (request.method, request.target, request.minor) == ("GET", "/where?q=now", 1)
    assert (request.host, request.path, request.query) == ("www.example.org", "/where", "q=now")
    assert request.body == b""


def test_http_1_0_and_what_may_follow_1_1() -> None:
    assert parse_request_head(head("GET / HTTP/1.0")).minor == 0
    assert parse_request_head(head("GET / HTTP/1.1", "Host: a")).minor == 1
    assert parse_request_head(head("GET / HTTP/1.7", "Host: a")).minor == 1  # RFC 9110 2.5: our highest


# --- the four forms of a target (RFC 9112 3.2)


@pytest.mark.parametrize(
    ("method", "target", "host", "path", "query"),
    [
        ("GET", "/where?q=now", "www.example.org", "/where", "q=now"),
        ("GET", "/", "www.example.org", "/", ""),
        ("GET", "//a/b", "www.example.org", "//a/b", ""),
        ("GET", "/?", "www.example.org", "/", ""),
        ("GET", "/a?b?c", "www.example.org", "/a", "b?c"),
        ("GET", "http://other.example/pub/x.html?q", "other.example", "/pub/x.html", "q"),
        ("GET", "http://other.example:8080", "other.example:8080", "/", ""),
        ("GET", "http://other.example?q", "other.example", "/", "q"),
        ("GET", "HTTPS://other.example/", "other.example", "/", ""),
        ("CONNECT", "other.example:443", "other.example:443", "other.example:443", ""),
        ("CONNECT", "[::1]:443", "[::1]:443", "[::1]:443", ""),
        ("OPTIONS", "*", "www.example.org", "*", ""),
    ],
)
def test_the_four_forms(method: str, target: str, host: str, path: str, query: str) -> None:
    request = get(target, method=method)
    assert (request.target, request.host, request.raw_path, request.query) == (target, host, path, query)


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        ("/caf%C3%A9", "/café"),
        ("/a%20b+c", "/a b+c"),
        ("/a%2Fb", "/a/b"),
        ("/%00", "/\0"),
        ("/%", "/%"),
        ("/%zz", "/%zz"),
        ("/%FF", "/\ufffd"),
    ],
)
def test_a_path_is_decoded_once(raw: str, path: str) -> None:
    request = get(f"{raw}?%41")
    assert (request.path, request.raw_path, request.query) == (path, raw, "%41")


@pytest.mark.parametrize(
    ("method", "target", "clause"),
    [
        ("GET", "*", "RFC 9112 3.2.4"),
        ("GET", "where", "RFC 9112 3.2"),
        ("GET", "www.example.org:80", "RFC 9112 3.2"),
        ("GET", "ftp://www.example.org/", "RFC 9112 3.2"),
        ("GET", "http://user@www.example.org/", "RFC 9112 3.2"),
        ("GET", "http:///path", "RFC 9112 3.2"),
        ("GET", "http://:80/path", "RFC 9110 4.2.1"),
        ("GET", "http://a:99999/", "RFC 9112 3.2"),
        ("GET", "http://[::z]/", "RFC 9112 3.2"),
        ("CONNECT", "/", "RFC 9112 3.2.3"),
        ("CONNECT", "www.example.org", "RFC 9112 3.2.3"),
        ("CONNECT", "www.example.org:", "RFC 9112 3.2.3"),
        ("CONNECT", ":443", "RFC 9112 3.2.3"),
        ("CONNECT", "http://www.example.org:80", "RFC 9112 3.2.3"),
        ("CONNECT", "www.example.org:65536", "RFC 9112 3.2"),
        ("CONNECT", "*", "RFC 9112 3.2.3"),
    ],
)
def test_a_target_of_the_wrong_form_is_400_and_can_not_be_sent(method: str, target: str, clause: str) -> None:
    error = fault(parse_request_head, head(f"{method} {target} HTTP/1.1", "Host: a"))
    assert (error.code, error.clause) == (400, clause)
    with pytest.raises(LocalProtocolError):
        encode_request_line(method, target)


# --- Host (RFC 9112 3.2)


@pytest.mark.parametrize("host", ["a", "a:80", "a:", "", "192.0.2.1", "[2001:db8::1]:80", "xn--caf-dma.example"])
def test_a_host_that_can_be_one(host: str) -> None:
    assert get("/", host).host == host


@pytest.mark.parametrize("host", ["a b", "a, b", "a/b", "user@a", "[::1", "[1.2.3.4]", "[::z]", "a:65536", "a:b", "\xe9", "http://a"])
def test_a_host_that_can_be_none(host: str) -> None:
    error = fault(parse_request_head, head("GET / HTTP/1.1", f"Host: {host}"))
    assert (error.code, error.clause) == (400, "RFC 9112 3.2")


def test_there_is_one_host() -> None:
    for lines in ([], ["Host: a", "Host: a"], ["Host: a", "host: b"], ["Host: a", "Host:"]):
        assert fault(parse_request_head, head("GET / HTTP/1.1", *lines)).code == 400
    assert parse_request_head(head("GET / HTTP/1.0")).host == ""
    assert fault(parse_request_head, head("GET / HTTP/1.0", "Host: a", "Host: b")).code == 400


# --- what is wrong, where, and by which clause


@pytest.mark.parametrize(
    ("lines", "offset", "code", "clause"),
    [
        (["GET / HTTP/2.0", "Host: a"], 11, 505, "RFC 9110 15.6.6"),
        (["GET / HTTP/0.9", "Host: a"], 11, 505, "RFC 9110 15.6.6"),
        ([" GET / HTTP/1.1", "Host: a"], 0, 400, "RFC 9112 3.1"),
        (["GET / http/1.1", "Host: a"], 6, 400, "RFC 9112 2.3"),
        (["GET /a b HTTP/1.1", "Host: a"], 3, 400, "RFC 9112 3"),
        (["GET where HTTP/1.1", "Host: a"], 4, 400, "RFC 9112 3.2"),
        (["GET / HTTP/1.1", "Host : a"], 20, 400, "RFC 9112 5.1"),
        (["GET / HTTP/1.1", "Host: a", " folded"], 25, 400, "RFC 9112 5.2"),
        (["GET / HTTP/1.1", "Host: a", "X-(: b"], 27, 400, "RFC 9110 5.1"),
        (["GET / HTTP/1.1", "Host: a", "X: \0"], 28, 400, "RFC 9110 5.5"),
        (["GET / HTTP/1.1", "Host: a", "none"], 29, 400, "RFC 9112 5"),
        (["GET / HTTP/1.1", "Host: a\nX: b"], 23, 400, "RFC 9112 2.2"),
        (["GET / HTTP/1.1", "Host: a\rX: b"], 23, 400, "RFC 9112 2.2"),
        (["GET / HTTP/1.1", "X: b"], None, 400, "RFC 9112 3.2"),
    ],
)
def test_a_fault_in_a_request_is_told_with_its_place(lines: list[str], offset: int | None, code: int, clause: str) -> None:
    error = fault(parse_request_head, head(*lines))
    assert (error.offset, error.code, error.clause) == (offset, code, clause)


@pytest.mark.parametrize(
    ("lines", "offset", "clause"),
    [
        (["ICY 200 OK"], 0, "RFC 9112 4"),
        (["HTTP/1.1 OK"], 0, "RFC 9112 4"),
        (["HTTP/2.0 200 OK"], 5, "RFC 9110 2.5"),
        (["HTTP/1.1 200 OK", "Server : a"], 23, "RFC 9112 5.1"),
        (["HTTP/1.1 200 OK", "Server: a", " b"], 28, "RFC 9112 5.2"),
    ],
)
def test_a_fault_in_a_response_is_told_with_its_place(lines: list[str], offset: int, clause: str) -> None:
    error = fault(parse_response_head, head(*lines))
    assert (error.offset, error.clause) == (offset, clause)


@given(st.text(st.characters(codec="latin-1"), max_size=60))
def test_any_head_is_read_or_refused_with_an_offset_inside_it(text: str) -> None:
    for parse in (parse_request_head, parse_response_head):
        data = text.encode("latin-1") + b"\r\n\r\n"
        try:
            parse(data)
        except RemoteProtocolError as error:
            at = error.offset
        else:
            at = None
        assert at is None or 0 <= at <= len(data)


def test_the_number_of_fields_is_bounded() -> None:
    lines = [f"X-{number}: x" for number in range(MAX_FIELDS - 1)]
    assert len(parse_request_head(head("GET / HTTP/1.1", "Host: a", *lines)).fields) == MAX_FIELDS
    assert fault(parse_request_head, head("GET / HTTP/1.1", "Host: a", *lines, "One: more")).code == 431
    assert fault(parse_response_head, head("HTTP/1.1 200 OK", "One: more", "Two: more", *lines)).code == 431


def test_what_is_long_is_read_and_sent_the_same_and_not_remembered() -> None:
    before = request_line.cache_info(), len(_blocks), len(_remembered)
    long = "x" * REMEMBERED_HEAD
    request = parse_request_head(head(f"GET /{long} HTTP/1.1", "Host: a", f"X: {long}"))
    assert (request.target, request.fields["x"]) == (f"/{long}", long)
    assert encode_request_line("GET", f"/{long}") == f"GET /{long} HTTP/1.1\r\n".encode()
    assert (request_line.cache_info(), len(_blocks), len(_remembered)) == before


@pytest.mark.parametrize(
    ("kept", "offset"),
    [
        (b"", None),
        (b"GET / HTTP/1.1", None),
        (b"GET / HTTP/1.1\r", None),
        (b"GET / HTTP/1.1\r\nHost: a\r\n", None),
        (b"GET / HTTP/1.1\n", 14),
        (b"GET / HTTP/1.1\r\nHost: a\nX: b\r", 23),
        (b"GET / HTTP/1.1\r\nHost\r: a\r\n", 20),
        (b"GET\r / HTTP/1.1\r", 3),
        (b"\r\r", 0),
        (b"\n", 0),
        (b"a\rb\nc", 3),
    ],
)
def test_what_can_never_become_a_head_is_known_at_once(kept: bytes, offset: int | None) -> None:
    error = fault_of_incomplete(kept)
    assert (error.offset if error else None) == offset
    assert error is None or (error.code, error.clause) == (400, "RFC 9112 2.2")


# --- responses, there and back

REASON = VALUES


@given(st.integers(100, 999), REASON, st.lists(st.tuples(NAMES, VALUES), max_size=8))
def test_a_response_is_read_as_it_was_sent(status: int, reason: str, pairs: list[tuple[str, str]]) -> None:
    sent = Response(status, pairs, reason=reason)
    read = parse_response_head(encode_status_line(status, reason) + Fields(sent.fields).encode() + b"\r\n")
    assert read == sent


def test_a_response_as_the_rfc_has_it() -> None:
    response = parse_response_head(head("HTTP/1.1 200 OK", "Server: Apache", "Content-Length: 51"))
    assert (response.status, response.reason, response.minor) == (200, "OK", 1)
    assert Fields(response.fields)["server"] == "Apache"


def test_an_answer_without_a_reason_has_an_empty_one() -> None:
    for line in ("HTTP/1.0 200", "HTTP/1.0 200 "):
        response = parse_response_head(head(line))
        assert (response.status, response.reason, response.minor) == (200, "", 0)


def test_the_reason_is_the_registered_one() -> None:
    assert encode_status_line(404, None) == b"HTTP/1.1 404 Not Found\r\n"
    assert encode_status_line(404, "Nowhere") == b"HTTP/1.1 404 Nowhere\r\n"
    assert encode_status_line(299, None) == b"HTTP/1.1 299 \r\n"  # the SP stays (RFC 9112 4)


@pytest.mark.parametrize("status", REASONS)
def test_every_registered_status_can_be_sent(status: int) -> None:
    read = parse_response_head(encode_status_line(status, None) + b"\r\n")
    assert (read.status, read.reason) == (status, REASONS[status])


# --- what our own side may not say


@pytest.mark.parametrize("status", [0, 99, 1000, -200])
def test_a_status_has_three_digits(status: int) -> None:
    with pytest.raises(LocalProtocolError, match=r"RFC 9110 15"):
        Response(status)


@pytest.mark.parametrize("reason", ["a\rb", "a\nb", "a\0b", "OK\r\nSet-Cookie: a=b", "\x01", "\u2603"])
def test_a_reason_that_can_not_be_sent_is_refused_whenever_it_was_set(reason: str) -> None:
    with pytest.raises(LocalProtocolError, match=r"RFC 9112 4"):
        Response(200, reason=reason)
    with pytest.raises(LocalProtocolError, match=r"RFC 9112 4"):
        encode_status_line(200, reason)


@pytest.mark.parametrize("pairs", [{"X": "a\r\nb"}, {"X\r\n": "a"}, {"X": "a\0"}, {"X": "\u2603"}])
def test_a_response_with_a_line_break_in_a_field_is_refused_when_it_is_made(pairs: dict[str, str]) -> None:
    with pytest.raises(LocalProtocolError):
        Response(200, pairs)
    with pytest.raises(LocalProtocolError):
        Response.text("", fields=pairs)


@pytest.mark.parametrize("method", ["", "GE T", "GET\r\n", "GET\0", "G\xcbT", "(GET)"])
def test_a_method_that_is_no_token_is_refused(method: str) -> None:
    with pytest.raises(LocalProtocolError, match=r"RFC 9110 9\.1"):
        encode_request_line(method, "/")


@pytest.mark.parametrize("target", ["", "/a b", "/\r\n", "/ HTTP/1.1\r\nX: y\r\n\r\nGET /", "/\0", "/é", "/#fragment", "where"])
def test_a_target_that_can_not_be_sent_is_refused(target: str) -> None:
    with pytest.raises(LocalProtocolError, match=r"can't be asked for"):
        encode_request_line("GET", target)


# --- conveniences


def test_a_text_says_what_it_is() -> None:
    response = Response.text("é\n", 404, fields={"Cache-Control": "no-store"})
    assert response.body == "é\n".encode()
    assert dict(Fields(response.fields).items()) == {"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store"}
    assert Fields(Response.text("<p>", media_type="text/html").fields)["content-type"] == "text/html"


@pytest.mark.parametrize("message", [Request("POST", "/", body=b"abc"), Response(body=b"abc")], ids=["request", "response"])
def test_a_body_of_bytes_is_read_and_streamed_like_one_that_comes(message: Request | Response) -> None:
    async def both() -> tuple[bytes, list[bytes]]:
        return await message.read(), [piece async for piece in message.stream()]

    assert asyncio.run(both()) == (b"abc", [b"abc"])


def test_an_empty_body_has_no_pieces() -> None:
    async def pieces() -> list[bytes]:
        return [piece async for piece in Request("GET", "/").stream()]

    assert asyncio.run(pieces()) == []
    assert Request("GET", "/").trailers == Fields()
