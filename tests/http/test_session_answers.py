"""What a server's session says: how each answer is framed, and which is not sent (RFC 9110 6.4, 8.6, 15; RFC 9112 6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tests.http.dialog import GET, OK, Dialog, nothing, spoken
from wirespeak.contract import FileSlice, size_of
from wirespeak.errors import LocalProtocolError
from wirespeak.http.fields import Fields
from wirespeak.http.messages import Data, End, Request, Response
from wirespeak.http.session import ServerSession

# --- answers without a body (RFC 9110 6.4.1, 8.6, 9.3.2)


def test_head_is_answered_with_the_length_and_no_body() -> None:
    spoken(r"""
        C: HEAD /hello HTTP/1.1
        C: Host: a
        C:
        C: GET /hello HTTP/1.1
        C: Host: a
        C:
        S: HTTP/1.1 200 OK
        S: Content-Length: 6
        S:
        S: HTTP/1.1 200 OK
        S: Content-Length: 6
        S:
        S| hello\n
    """)


@pytest.mark.parametrize(
    ("status", "fields", "lines"),
    [
        (204, {}, "HTTP/1.1 204 No Content\r\n"),
        (204, {"Content-Length": "0"}, "HTTP/1.1 204 No Content\r\n"),
        (304, {"ETag": '"x"'}, 'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n'),
        (304, {"Content-Length": "500"}, "HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n"),
    ],
)
def test_an_answer_that_has_no_body(status: int, fields: dict[str, str], lines: str) -> None:
    for body in (b"", [], iter([b"never sent"])):
        dialog = Dialog(
            lambda request, _, body=body: (
                Response(status, fields, body) if body in (b"", []) else [Response(status, fields, body), Data(b"x"), End()]
            )
        )
        dialog.hear(GET + GET)
        assert dialog.take() == 2 * f"{lines}\r\n".encode()


def test_a_stream_in_answer_to_head_is_a_head_alone() -> None:
    spoken(
        r"""
        C: HEAD /hello HTTP/1.1
        C: Host: a
        C:
        C: GET /hello HTTP/1.1
        C: Host: a
        C:
        S: HTTP/1.1 200 OK
        S: Transfer-Encoding: chunked
        S:
        S: HTTP/1.1 200 OK
        S: Transfer-Encoding: chunked
        S:
        S: 3
        S: abc
        S: 0
        S:
        """,
        lambda request, body: [Response(body=iter(())), Data(b"abc"), End()],
    )


# --- bodies that are sent as they are made (RFC 9112 6, 7.1)


def test_pieces_go_in_chunks_with_trailers_behind_them() -> None:
    spoken(
        r"""
        C: GET / HTTP/1.1
        C: Host: a
        C:
        S: HTTP/1.1 200 OK
        S: Trailer: Digest
        S: Transfer-Encoding: chunked
        S:
        S: b
        S: hello world
        S: 1
        S: !
        S: 0
        S: Digest: x
        S:
        """,
        lambda request, body: [
            Response(fields={"Trailer": "Digest"}, body=iter(())),
            Data(b"hello world"),
            Data(b""),  # would be the last chunk
            Data(b"!"),
            End(Fields({"Digest": "x"})),
        ],
    )


def test_pieces_of_a_length_that_is_known_go_as_they_are() -> None:
    spoken(
        r"""
        C: GET / HTTP/1.1
        C: Host: a
        C:
        S: HTTP/1.1 200 OK
        S: Content-Length: 5
        S:
        S| hello
        """,
        lambda request, body: [Response(fields={"Content-Length": "5"}, body=iter(())), Data(b"he"), Data(b"llo"), End()],
    )


def test_pieces_to_http_1_0_end_with_the_connection() -> None:
    spoken(
        r"""
        C: GET / HTTP/1.0
        C: Connection: keep-alive
        C:
        S: HTTP/1.1 200 OK
        S: Connection: close
        S:
        S| hello
        S FIN
        """,
        lambda request, body: [Response(body=iter(())), Data(b"he"), Data(b"llo"), End()],
    )


def test_a_stream_that_ends_too_soon_is_cut_off() -> None:
    dialog = Dialog(nothing)
    dialog.hear(GET)
    dialog.say(Response(fields={"Content-Length": "5"}, body=iter(())), Data(b"he"))
    with pytest.raises(LocalProtocolError, match="3 bytes before"):
        dialog.say(End())
    dialog.take()
    assert (dialog.ended, dialog.session.closed) == ("RST", True)


def test_a_piece_too_much_is_refused_and_harms_nothing() -> None:
    dialog = Dialog(nothing)
    dialog.hear(GET)
    dialog.say(Response(fields={"Content-Length": "5"}, body=iter(())), Data(b"he"))
    with pytest.raises(LocalProtocolError, match="longer than"):
        dialog.say(Data(b"llo!"))
    dialog.say(Data(b"llo"), End())
    assert dialog.take() == b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


def test_files_and_long_bodies_are_handed_over_uncopied() -> None:
    long, part = b"x" * 100_000, FileSlice(None, 10, 20)  # type: ignore[arg-type]
    for body in (long, part, [b"a", part, long], (part, part)):
        session = ServerSession(lambda: None)
        session.receive(GET, 0.0)
        session.send(Response(body=body))
        head, *segments = session.data_to_send()
        assert head == b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % sum(map(size_of, segments))
        whole = list(body) if isinstance(body, (list, tuple)) else [body]
        assert len(segments) == len(whole)
        assert all(one is other for one, other in zip(segments, whole, strict=True))


def test_a_response_can_be_sent_again_and_again() -> None:
    response = Response.text("same")
    dialog = Dialog(lambda request, body: response)
    dialog.hear(GET)
    first = dialog.take()
    dialog.hear(GET + b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n" + GET)
    assert dialog.take() == first + first.removesuffix(b"same") + first


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        ({"body": b"longer"}, b"HTTP/1.1 200 OK\r\nX: y\r\nContent-Length: 6\r\n\r\nlonger"),
        ({"body": [b"in ", b"parts"]}, b"HTTP/1.1 200 OK\r\nX: y\r\nContent-Length: 8\r\n\r\nin parts"),
        ({"status": 404}, b"HTTP/1.1 404 Not Found\r\nX: y\r\nContent-Length: 5\r\n\r\nfirst"),
        ({"reason": "Fine"}, b"HTTP/1.1 200 Fine\r\nX: y\r\nContent-Length: 5\r\n\r\nfirst"),
        ({"fields": {"X": "z"}}, b"HTTP/1.1 200 OK\r\nX: z\r\nContent-Length: 5\r\n\r\nfirst"),
    ],
)
def test_a_response_changed_in_between_is_sent_as_it_is_now(changes: dict[str, Any], lines: bytes) -> None:
    response = Response(fields={"X": "y"}, body=b"first")
    dialog = Dialog(lambda request, body: response)
    dialog.hear(GET)
    dialog.take()
    for name, value in changes.items():
        setattr(response, name, value)
    dialog.hear(GET)
    assert dialog.take() == lines


def test_a_list_that_was_changed_in_place_is_measured_anew() -> None:
    parts = [b"one"]
    response = Response(body=parts)
    dialog = Dialog(lambda request, body: response)
    dialog.hear(GET)
    parts.append(b" and two")
    dialog.hear(GET)
    assert dialog.take() == (
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none" + b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\none and two"
    )


def test_what_was_right_in_answer_to_head_alone_is_sent_to_nobody_else() -> None:
    response = Response(fields={"Content-Length": "500"})
    dialog = Dialog(nothing)
    dialog.hear(GET.replace(b"GET", b"HEAD"))
    dialog.say(response)
    dialog.hear(GET)
    with pytest.raises(LocalProtocolError, match="the body has 0 bytes"):
        dialog.say(response)


def test_an_answer_that_ends_the_connection_ends_each_that_it_is_sent_on() -> None:
    response = Response(fields={"Connection": "close"})
    for _ in range(2):
        dialog = Dialog(lambda request, body: response)
        dialog.hear(GET)
        assert dialog.take() == b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        assert dialog.ended == "FIN"


def test_a_response_whose_body_becomes_a_stream_is_framed_anew() -> None:
    response = Response(body=b"first")
    dialog = Dialog(nothing)
    for body, lines in (
        (b"first", b"Content-Length: 5\r\n\r\nfirst"),
        (iter(()), b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        (b"2nd", b"Content-Length: 3\r\n\r\n2nd"),
    ):
        response.body = body
        dialog.hear(GET)
        dialog.say(response, *([] if isinstance(body, bytes) else [End()]))
        dialog.settle()
        assert dialog.take() == b"HTTP/1.1 200 OK\r\n" + lines


# --- what may not be sent


@pytest.mark.parametrize(
    ("response", "why"),
    [
        (Response(fields={"Content-Length": "4"}, body=b"hello"), "the body has 5 bytes"),
        (Response(fields={"Content-Length": "6"}, body=b"hello"), "the body has 5 bytes"),
        (Response(fields={"Content-Length": "five"}, body=iter(())), "digits alone"),
        (Response(fields=[("Content-Length", "5"), ("Content-Length", "5")], body=iter(())), "digits alone"),
        (Response(fields={"Transfer-Encoding": "chunked"}, body=b"hello"), "Transfer-Encoding is set from the body"),
        (Response(fields={"transfer-encoding": "gzip"}, body=iter(())), "Transfer-Encoding is set from the body"),
        (Response(204, body=b"hello"), "carries no body"),
        (Response(304, body=[b"hello"]), "carries no body"),
        (Response(600), "100 to 599"),
        (Response(101), "needs a tunnel"),
        (Response(103, body=b"hello"), "carries no body"),
        (Response(103, {"Content-Length": "0"}), "neither Content-Length nor Transfer-Encoding"),
        (Response(103, {"Transfer-Encoding": "chunked"}), "neither Content-Length nor Transfer-Encoding"),
    ],
)
def test_a_response_that_can_not_be_sent_harms_nothing(response: Response, why: str) -> None:
    dialog = Dialog(nothing)
    dialog.hear(GET)
    with pytest.raises(LocalProtocolError, match=why):
        dialog.say(response)
    assert dialog.take() == b""
    dialog.say(Response(body=b"hello\n"))
    assert dialog.take() == OK


@pytest.mark.parametrize(
    ("before", "message"),
    [
        ([], Response()),  # nothing was asked
        ([], Data(b"x")),
        ([], End()),
        ([GET], Data(b"x")),  # no answer has begun
        ([GET], End()),
        ([GET, Response(body=iter(()))], Response()),  # one has begun
        ([GET, Response(body=iter(()))], Response(103)),
        ([GET, Response()], Response()),  # it is answered
        ([GET, Response()], Data(b"x")),
        ([GET, Response()], End()),
        ([GET], "hello"),
        ([GET], Request("GET", "/")),
    ],
)
def test_what_may_not_be_said_now_is_refused(before: Sequence[Any], message: Any) -> None:
    dialog = Dialog(nothing)
    for step in before:
        dialog.hear(step) if isinstance(step, bytes) else dialog.say(step)
    dialog.take()
    with pytest.raises(LocalProtocolError):
        dialog.say(message)
    assert dialog.take() == b""
    assert not dialog.session.closed


# --- interim answers (RFC 9110 15.2)


def early(request: Request, body: bytes) -> Sequence[Any]:
    return [Response(103, {"Link": "</style.css>; rel=preload"}), Response(102), Response(body=b"hello\n")]


def test_interim_answers_come_before_the_final_one() -> None:
    """RFC 8297."""
    spoken(
        r"""
        C: GET / HTTP/1.1
        C: Host: a
        C:
        S: HTTP/1.1 103 Early Hints
        S: Link: </style.css>; rel=preload
        S:
        S: HTTP/1.1 102 Processing
        S:
        S: HTTP/1.1 200 OK
        S: Content-Length: 6
        S:
        S| hello\n
        """,
        early,
    )


def test_http_1_0_is_sent_none() -> None:
    spoken(
        r"""
        C: GET / HTTP/1.0
        C:
        S: HTTP/1.1 200 OK
        S: Content-Length: 6
        S: Connection: close
        S:
        S| hello\n
        S FIN
        """,
        early,
    )
