"""The head of an answer says how its body ends, once and truly. (What comes of it on a connection: test_session_answers.py.)"""

from __future__ import annotations

from typing import Any

import pytest

from tests.http.dialog import no_tunnel
from wirespeak.errors import LocalProtocolError
from wirespeak.http.answer import interim_head, last_words, streamed_head, whole_head
from wirespeak.http.fields import Fields
from wirespeak.http.messages import Request, Response

STANDING = b"Date: now\r\nServer: wirespeak\r\n"


@pytest.mark.parametrize(
    ("response", "lines"),
    [
        (Response(body=b"hello"), b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"),
        (Response(body=[b"he", b"llo"]), b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"),
        (Response(404), b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n"),
        (Response(fields={"content-length": "5"}, body=b"hello"), b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n"),
        (Response(204), b"HTTP/1.1 204 No Content\r\n"),
        (Response(204, {"Content-Length": "0"}), b"HTTP/1.1 204 No Content\r\n"),  # RFC 9110 8.6
        (Response(205), b"HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n"),  # RFC 9110 15.3.6
        (Response(304, {"Content-Length": "5"}), b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n"),
        (Response(reason="Fine"), b"HTTP/1.1 200 Fine\r\nContent-Length: 0\r\n"),
    ],
)
def test_a_body_that_is_there_is_told_by_its_length(response: Response, lines: bytes) -> None:
    head = whole_head(response, "GET")
    assert (head.lines, head.closes) == (lines, False)


@pytest.mark.parametrize(
    ("response", "minor", "lines", "how"),
    [
        (Response(), 1, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n", (None, True, False)),
        (Response(), 0, b"HTTP/1.1 200 OK\r\n", (None, False, True)),
        (Response(fields={"Content-Length": "5"}), 1, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n", (5, False, False)),
        (Response(fields={"Content-Length": "5"}), 0, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n", (5, False, False)),
        (Response(204), 1, b"HTTP/1.1 204 No Content\r\n", (None, False, False)),
        (Response(204, {"Content-Length": "5"}), 1, b"HTTP/1.1 204 No Content\r\n", (None, False, False)),
        (Response(304), 0, b"HTTP/1.1 304 Not Modified\r\n", (None, False, False)),
    ],
)
def test_a_body_that_is_made_as_it_is_sent(response: Response, minor: int, lines: bytes, how: tuple[Any, ...]) -> None:
    head = streamed_head(response, minor)
    assert head.lines == lines
    assert (head.length, head.chunked, head.closes) == how


@pytest.mark.parametrize(
    "response",
    [Response(204, body=b"x"), Response(205, body=b"x"), Response(304, body=b"x"), Response(fields={"Content-Length": "2"}, body=b"x")],
)
def test_a_body_that_may_not_be_there_is_refused(response: Response) -> None:
    for method in ("GET", "HEAD"):
        with pytest.raises(LocalProtocolError):
            whole_head(response, method)


@pytest.mark.parametrize(
    "fields", [{"Transfer-Encoding": "chunked"}, {"transfer-encoding": "identity"}, {"Content-Length": "-1"}, {"Content-Length": "0x5"}]
)
def test_framing_fields_that_are_not_true_are_refused(fields: dict[str, str]) -> None:
    with pytest.raises(LocalProtocolError):
        whole_head(Response(fields=fields), "GET")
    with pytest.raises(LocalProtocolError):
        streamed_head(Response(fields=fields), 1)


@pytest.mark.parametrize(
    ("options", "kept", "closes"),
    [
        ("close", b"", True),
        ("keep-alive", b"", False),
        ("X, Close", b"", True),
        ("upgrade", b"Connection: upgrade\r\n", False),
        ("Upgrade, close", b"Connection: upgrade\r\n", True),
    ],
)
def test_whether_the_connection_ends_is_the_sessions_to_say(options: str, kept: bytes, closes: bool) -> None:
    response = Response(426, {"Connection": options})
    assert whole_head(response, "GET").closes == streamed_head(response, 1).closes == closes
    assert whole_head(response, "GET").lines == b"HTTP/1.1 426 Upgrade Required\r\n" + kept + b"Content-Length: 0\r\n"


@pytest.mark.parametrize(
    ("fields", "standing"),
    [
        ({}, STANDING),
        ({"Date": "then"}, b"Server: wirespeak\r\n"),
        ({"SERVER": "mine"}, b"Date: now\r\n"),
        ({"date": "then", "server": "mine"}, b""),
    ],
)
def test_what_stands_in_every_answer_is_not_said_twice(fields: dict[str, str], standing: bytes) -> None:
    assert whole_head(Response(fields=fields), "GET").beside(STANDING) == standing
    assert streamed_head(Response(fields=fields), 1).beside(STANDING) == standing


# --- interim answers and switches

ASKING = Request("GET", "/", Fields({"Host": "a", "Connection": "x, Upgrade", "Upgrade": "irc/6.9, Echo"}))


def test_an_interim_answer_is_a_head_alone() -> None:
    assert interim_head(Response(103, {"Link": "</a>"}), ASKING) == b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n"


@pytest.mark.parametrize(
    "fields", [{"Connection": "upgrade", "Upgrade": "echo"}, {"Upgrade": "Echo"}, {"Connection": "X", "Upgrade": "IRC/6.9"}]
)
def test_a_switch_to_what_was_asked_for_says_so_in_both_fields(fields: dict[str, str]) -> None:
    """RFC 9110 7.8: who sends Upgrade also sends that option in Connection."""
    head = interim_head(Response(101, fields, tunnel=no_tunnel), ASKING)
    assert head is not None
    lines = head.decode().split("\r\n")
    assert f"Upgrade: {fields['Upgrade']}" in lines
    assert any(line.lower().startswith("connection:") and "upgrade" in line.lower() for line in lines)


@pytest.mark.parametrize("fields", [{}, {"Upgrade": "websocket"}, {"Upgrade": "echo, websocket"}])
def test_a_switch_to_anything_else_is_refused(fields: dict[str, str]) -> None:
    with pytest.raises(LocalProtocolError, match=r"RFC 9110 7\.8"):
        interim_head(Response(101, {"Connection": "upgrade", **fields}, tunnel=no_tunnel), ASKING)


@pytest.mark.parametrize("fields", [{"Upgrade": "echo"}, {"Connection": "upgrade"}, {}])
def test_a_switch_that_was_not_asked_for_in_both_fields_is_refused(fields: dict[str, str]) -> None:
    request = Request("GET", "/", Fields({"Host": "a", **fields}))
    with pytest.raises(LocalProtocolError, match=r"RFC 9110 7\.8"):
        interim_head(Response(101, {"Connection": "upgrade", "Upgrade": "echo"}, tunnel=no_tunnel), request)


# --- last words


def test_the_last_words_say_what_happened_and_that_they_are_the_last() -> None:
    said = last_words(400, "a line of its own\n", STANDING, with_body=True)
    head, body = said.split(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"\r\nContent-Length: %d\r\n" % len(body) in head
    assert head.endswith(b"\r\nDate: now\r\nServer: wirespeak\r\nConnection: close")
    assert body == b"400 Bad Request\n\na line of its own\n"
    assert last_words(400, "a line of its own\n", STANDING, with_body=False) == head + b"\r\n\r\n"
