"""The mirror shows the very bytes: those that came, and those that go."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sockets.serving import served
from wirespeak.explanation import tiles
from wirespeak.http import HttpServer, Request, Response
from wirespeak.http.messages import parse_request_head
from wirespeak.localnet.mirror import Said, head_of_answer, mirrored, said_by

TOKEN = st.text("abcXYZ019!#$%&'*+-.^_`|~", min_size=1, max_size=12)
VALUE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=40)
LINE = st.builds(
    lambda name, before, value, after: f"{name}:{before}{value}{after}",
    TOKEN,
    st.sampled_from(["", " ", " \t"]),
    VALUE,
    st.sampled_from(["", " "]),
)


@given(
    TOKEN.filter(lambda method: method != "CONNECT"),
    st.text("abc/?=&%20.:", max_size=30),
    st.integers(0, 1),
    st.lists(LINE.filter(lambda line: not line.lower().startswith("host:")), max_size=6),
)
def test_what_was_said_is_put_together_again_byte_by_byte(method: str, path: str, minor: int, lines: list[str]) -> None:
    head = "\r\n".join([f"{method} /{path} HTTP/1.{minor}", "hOsT:localhost:8080 ", *lines, "", ""]).encode("latin-1")
    said = said_by(parse_request_head(head))
    assert said.head == head
    assert tiles(said.parts, head)


@pytest.mark.parametrize("target", ["http://localhost/a?b", "/"])
def test_the_target_stays_in_the_form_it_came_in(target: str) -> None:
    head = f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    assert said_by(parse_request_head(head)).head == head


def test_of_a_request_with_a_body_the_head_is_explained() -> None:
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n"
    said = said_by(parse_request_head(head))
    assert tiles(said.parts, head)
    assert {part.kind for part in said.parts} == {"said", "delimiter"}


REQUESTS = {
    "plain": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "closing": b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    "HTTP/1.0": b"GET / HTTP/1.0\r\n\r\n",
    "HTTP/1.0, kept": b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "HEAD": b"HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n",
}


def told_with(padding: int) -> tuple[Said, Response, list[bytes]]:
    """A mirrored answer whose body is its own head, and so many bytes more; and the heads that it was told to have."""
    told: list[bytes] = []

    def make(asked: Said, answered: Said) -> Response:
        assert tiles(answered.parts, answered.head)
        told.append(answered.head)
        return Response(200, {"Content-Type": "text/plain"}, answered.head + b"." * padding)

    request = parse_request_head(REQUESTS["plain"])
    return said_by(request), mirrored(request, make, lambda: b""), told


def test_an_answer_that_tells_of_itself_comes_out_as_it_went_in() -> None:
    """Also where a digit more in the length makes the body longer by one, and with it the length by a digit."""
    lengths = set()
    for padding in range(900, 1000):
        asked, response, told = told_with(padding)
        assert head_of_answer(asked, response, lambda: b"") == told[-1]
        assert f"Content-Length: {len(response.body)}\r\n".encode() in told[-1]
        lengths.add(len(response.body))
    assert {len(str(length)) for length in lengths} == {3, 4}


@pytest.mark.parametrize("head", REQUESTS.values(), ids=REQUESTS)
def test_what_is_told_is_what_is_sent(head: bytes) -> None:
    told: list[bytes] = []

    def handler(request: Request) -> Response:
        def make(asked: Said, answered: Said) -> Response:
            told.append(answered.head)
            return Response.text("told")

        return mirrored(request, make, server.standing)

    server = HttpServer(handler)
    with served(server) as running, running.connect() as sock:
        sock.sendall(head)
        sent = b""
        while b"\r\n\r\n" not in sent:
            sent += sock.recv(65536)

    def without_date(head: bytes) -> list[bytes]:  # the clock may go on between the telling and the sending
        return [line for line in head.split(b"\r\n") if not line.startswith(b"Date: ")]

    assert without_date(sent[: sent.index(b"\r\n\r\n") + 4]) == without_date(told[-1])
    assert b"Date: " in told[-1]
