"""What an application may be tricked into sending: line breaks in fields, reasons, cookies (RFC 9110 5.5).

Whoever puts a user's text into a header must not be able to let that user write the next answer. So it raises where it is
said, before a byte is written.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from tests.hostile.checks import head, post
from tests.hostile.serving import Server
from wirespeak.errors import LocalProtocolError
from wirespeak.http import Fields, Request, Response

BREAKS = [
    pytest.param("a\r\nX-Injected: yes", id="CRLF"),
    pytest.param("a\nX-Injected: yes", id="LF"),
    pytest.param("a\rX-Injected: yes", id="CR"),
    pytest.param("a\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", id="a whole answer"),
    pytest.param("\r\na", id="CRLF before"),
    pytest.param("a\r\n", id="CRLF behind"),
    pytest.param("a\n", id="LF behind"),
    pytest.param("a\r", id="CR behind"),
    pytest.param("a\x00b", id="NUL"),
]

OTHERS = [
    pytest.param("a\u010a\u010db", id="letters whose low byte is CR or LF"),
    pytest.param("a\u560d\u560ab", id="ideographs whose low byte is CR or LF"),
    pytest.param("\U0001f600", id="what Latin-1 lacks"),
    pytest.param("a\u2028b", id="line separator"),
]


@pytest.mark.parametrize("text", BREAKS + OTHERS)
def test_CVE_2020_7695_a_line_break_in_a_field_value_raises(text: str) -> None:
    with pytest.raises(LocalProtocolError):
        Response(200, {"X-Field": text}, b"")
    with pytest.raises(LocalProtocolError):
        Response(200, [("X-Field", text)], b"")
    with pytest.raises(LocalProtocolError):
        Request("GET", "/", Fields([("X-Field", text)]))
    with pytest.raises(LocalProtocolError):
        Response.text("ok", fields={"X-Field": text})
    with pytest.raises(LocalProtocolError):
        Response.text("ok", media_type=text)


@pytest.mark.parametrize("text", BREAKS + OTHERS)
def test_CVE_2025_67724_a_line_break_in_a_reason_raises(text: str) -> None:
    with pytest.raises(LocalProtocolError):
        Response(200, {}, b"", reason=text)


@pytest.mark.parametrize("name", ["Set-Cookie", "Location", "Content-Type", "Content-Disposition", "Link", "WWW-Authenticate"])
@pytest.mark.parametrize("text", BREAKS)
def test_a_line_break_in_a_cookie_or_any_other_field_raises(name: str, text: str) -> None:
    with pytest.raises(LocalProtocolError):
        Response(302, {name: f"name={text}; Path=/"}, b"")


@pytest.mark.parametrize("name", ["X\r\nY", "X\n", "X\r", "X\x00", "X Y", "X:", "", " X", "X\t", "Xé", "X\u010a", ":"], ids=repr)
def test_a_field_name_that_is_no_token_raises(name: str) -> None:
    with pytest.raises(LocalProtocolError):
        Response(200, {name: "value"}, b"")


@pytest.mark.parametrize("text", BREAKS)
def test_a_field_set_later_is_checked_as_well(text: str) -> None:
    fields = Response.text("ok\n").fields
    assert isinstance(fields, Fields)
    with pytest.raises(LocalProtocolError):
        fields.with_("X-Field", text)
    with pytest.raises(LocalProtocolError):
        fields.with_(text, "value")
    assert "X-Field" not in fields


# --- over the wire: whatever the application does, nothing it did not mean to say is said


def served(serving: Callable[..., Server], handler: Any, request: bytes, *methods: str) -> tuple[bytes, Server]:
    """Everything that comes back for ``request``."""
    server = serving(handler)
    with server.connect() as wire:
        wire.send(request)
        try:
            while wire.more():
                pass
        except ConnectionError:
            pass
    return bytes(wire.received), server


GET = head("GET / HTTP/1.1", "Host: localhost", "Connection: close")


@pytest.mark.parametrize("where", ["value", "name", "reason", "cookie", "set later", "media type"])
@pytest.mark.parametrize("text", BREAKS)
def test_an_application_that_tries_is_answered_for_with_500(serving: Callable[..., Server], where: str, text: str) -> None:
    def handler(request: Request) -> Response:
        match where:
            case "value":
                return Response(200, {"X-Field": text}, b"")
            case "name":
                return Response(200, {text: "value"}, b"")
            case "reason":
                return Response(200, {}, b"", reason=text)
            case "cookie":
                return Response(200, {"Set-Cookie": f"user={text}"}, b"")
            case "media type":
                return Response.text("ok", media_type=text)
        response = Response.text("ok")
        response.fields = {"X-Field": text}
        return response

    data, server = served(serving, handler, GET)
    assert data.startswith(b"HTTP/1.1 500 ")
    assert data.count(b"HTTP/1.1") == 1
    assert b"injected" not in data.lower()
    server.complaints.said.clear()


@pytest.mark.parametrize("text", BREAKS)
def test_attributes_overwritten_behind_our_back_do_not_reach_the_wire(serving: Callable[..., Server], text: str) -> None:
    # What is set past the checks is checked where it is written.
    def handler(request: Request) -> Response:
        response = Response.text("ok")
        response.reason = text
        return response

    data, server = served(serving, handler, GET)
    assert data.startswith(b"HTTP/1.1 500 ") or data == b""
    assert b"injected" not in data.lower()
    server.complaints.said.clear()


@pytest.mark.parametrize("text", BREAKS)
def test_trailers_with_a_line_break_are_not_sent(serving: Callable[..., Server], text: str) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"hello"

    async def handler(request: Request) -> Response:
        return Response(200, {}, pieces(), trailers=lambda: {"X-Sum": text})

    data, server = served(serving, handler, GET)
    assert b"injected" not in data.lower()
    assert data.count(b"HTTP/1.1") <= 1
    assert not data.endswith(b"\r\n\r\n") or b"X-Sum" not in data, "the answer was ended as if it were whole"
    server.complaints.said.clear()


@pytest.mark.parametrize("text", BREAKS)
def test_an_interim_answer_with_a_line_break_is_not_sent(serving: Callable[..., Server], text: str) -> None:
    async def handler(request: Request) -> Response:
        request.connection.inform(103, {"Link": text})
        return Response.text("ok\n")

    data, server = served(serving, handler, GET)
    assert data.startswith(b"HTTP/1.1 500 ")
    assert data.count(b"HTTP/1.1") == 1
    server.complaints.said.clear()


@pytest.mark.parametrize("line", ["X-Echo: a\x0bb", "X-Echo: a\x0cb", "X-Echo: a\x1bb", "X-Echo: a\x85b", "X-Echo: a\xa0b"], ids=repr)
def test_what_a_client_sent_can_be_sent_back_or_is_refused_but_never_splits(serving: Callable[..., Server], line: str) -> None:
    async def handler(request: Request) -> Response:
        return Response(200, {"X-Back": request.fields["X-Echo"]}, b"")

    data, server = served(serving, handler, post(line, "Connection: close"))
    assert data.count(b"HTTP/1.1") == 1
    assert data.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 400 ", b"HTTP/1.1 500 "))
    server.complaints.said.clear()


def test_text_is_sent_as_utf_8_and_its_length_counts_bytes(serving: Callable[..., Server]) -> None:
    server = serving(lambda request: Response.text("é\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"))
    with server.connect() as wire:
        wire.send(GET)
        (answer,) = wire.answers()
    assert answer.body == "é\r\n\r\nHTTP/1.1 200 OK\r\n\r\n".encode()
