"""The client's side of a connection: what it says for a request, and what it makes of every kind of answer, at every split."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest

from tests.http.dialog import cuts
from wirespeak.contract import FINISH, FileSlice
from wirespeak.errors import IncompleteMessage, LocalProtocolError, RemoteProtocolError
from wirespeak.http.client_session import MAX_HEAD, MAX_INTERIM, WINDOW, ClientSession
from wirespeak.http.fields import Fields
from wirespeak.http.messages import Data, End, Request, Response

GET = Request("GET", "/hello", Fields({"Host": "a"}))
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


def asking(request: Request = GET) -> ClientSession:
    """A session that has sent ``request`` and waits for the answer."""
    session = ClientSession()
    session.send(request)
    session.data_to_send()
    return session


def told(session: ClientSession, pieces: list[bytes], *, ends: bool = False) -> list[Any]:
    """The events of these pieces, as tuples, with a body's pieces as one."""
    events: list[Any] = []
    for piece in pieces:
        heard = session.receive(piece, 0.0)
        while heard:
            events += heard
            heard = session.receive(b"", 0.0)
    if ends:
        events += session.receive_eof(0.0)
    return list(joined(events))


def joined(events: list[Any]) -> Iterator[Any]:
    body = b""
    for event in events:
        if isinstance(event, Data):
            body += event.data
            continue
        if isinstance(event, RemoteProtocolError):
            yield type(event).__name__  # what came of a broken body before the fault is no matter
            return
        if body:
            yield body
            body = b""
        yield (event.status, Fields(event.fields).folded()) if isinstance(event, Response) else event.trailers.folded()
    if body:
        yield body


def heard(data: bytes, request: Request = GET, *, ends: bool = False) -> tuple[list[Any], ClientSession]:
    """What the client makes of ``data``, which has to be the same at every split; and a session that has heard it."""
    session = asking(request)
    events = told(session, [data], ends=ends)
    for pieces in cuts(data):
        again = asking(request)
        assert told(again, pieces, ends=ends) == events
        assert (again.idle, again.closed, again.closing) == (session.idle, session.closed, session.closing)
    return events, session


# --- requests


def test_a_request_as_the_rfc_has_it() -> None:
    session = ClientSession()
    session.send(Request("GET", "/hello.txt", Fields({"User-Agent": "curl/7.64.1", "Host": "www.example.com"})))
    assert session.data_to_send() == [b"GET /hello.txt HTTP/1.1\r\nUser-Agent: curl/7.64.1\r\nHost: www.example.com\r\n\r\n"]
    assert session.data_to_send() == []


@pytest.mark.parametrize(
    ("method", "body", "said"),
    [
        ("GET", b"", b"\r\n"),
        ("DELETE", b"", b"\r\n"),
        ("POST", b"", b"Content-Length: 0\r\n\r\n"),  # RFC 9110 8.6: its meaning anticipates a body
        ("PUT", b"", b"Content-Length: 0\r\n\r\n"),
        ("GET", b"hello", b"Content-Length: 5\r\n\r\nhello"),
        ("POST", b"hello", b"Content-Length: 5\r\n\r\nhello"),
        ("POST", [b"he", b"", b"llo"], b"Content-Length: 5\r\n\r\nhello"),
    ],
)
def test_a_body_that_is_there_goes_with_its_length(method: str, body: Any, said: bytes) -> None:
    session = ClientSession()
    session.send(Request(method, "/", Fields({"Host": "a"}), body=body))
    assert b"".join(session.data_to_send()) == f"{method} / HTTP/1.1\r\nHost: a\r\n".encode() + said


def test_a_file_goes_with_its_length_and_uncopied() -> None:
    part = FileSlice(None, 10, 20)  # type: ignore[arg-type]
    session = ClientSession()
    session.send(Request("PUT", "/", Fields({"Host": "a"}), body=part))
    head, sent = session.data_to_send()
    assert head == b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n"
    assert sent is part


def test_a_body_that_is_made_as_it_goes_is_sent_in_chunks() -> None:
    session = ClientSession()
    session.send(Request("POST", "/", Fields({"Host": "a"}), body=iter(())))
    for message in (Data(b"hello "), Data(b""), Data(b"world"), End(Fields({"Digest": "x"}))):
        session.send(message)
    assert b"".join(session.data_to_send()) == (
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello \r\n5\r\nworld\r\n0\r\nDigest: x\r\n\r\n"
    )


def test_or_as_it_is_where_its_length_is_known() -> None:
    session = ClientSession()
    session.send(Request("POST", "/", Fields({"Host": "a", "Content-Length": "5"}), body=iter(())))
    for message in (Data(b"he"), Data(b"llo"), End()):
        session.send(message)
    assert b"".join(session.data_to_send()) == b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (Request("GET", "/"), "needs a Host"),
        (Request("GET", "/a b", Fields({"Host": "a"})), "can't be asked for"),
        (Request("GE T", "/", Fields({"Host": "a"})), "is no method"),
        (Request("POST", "/", Fields({"Host": "a", "Transfer-Encoding": "chunked"}), body=b"x"), "Transfer-Encoding is set from the body"),
        (Request("POST", "/", Fields({"Host": "a", "Content-Length": "2"}), body=b"x"), "the body has 1 bytes"),
        (Request("POST", "/", Fields({"Host": "a", "Content-Length": "+1"}), body=b"x"), "digits alone"),
        (Request("POST", "/", Fields([("Host", "a"), ("Content-Length", "1"), ("Content-Length", "1")]), body=b"x"), "digits alone"),
    ],
)
def test_a_request_that_can_not_be_sent_harms_nothing(request_: Request, why: str) -> None:
    session = ClientSession()
    with pytest.raises(LocalProtocolError, match=why):
        session.send(request_)
    assert session.data_to_send() == []
    assert session.idle
    session.send(GET)
    assert session.data_to_send() == [b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"]


def test_one_request_at_a_time() -> None:
    session = asking()
    for message in (GET, Data(b"x"), End(), "hello"):
        with pytest.raises(LocalProtocolError):
            session.send(message)
    assert session.data_to_send() == []


def test_a_piece_too_much_is_refused_and_harms_nothing() -> None:
    session = ClientSession()
    session.send(Request("POST", "/", Fields({"Host": "a", "Content-Length": "5"}), body=iter(())))
    session.send(Data(b"he"))
    with pytest.raises(LocalProtocolError, match="longer than"):
        session.send(Data(b"llo!"))
    session.send(Data(b"llo"))
    session.send(End())
    assert b"".join(session.data_to_send()).endswith(b"\r\n\r\nhello")


def test_a_body_that_ends_too_soon_is_told_and_the_connection_of_no_more_use() -> None:
    session = ClientSession()
    session.send(Request("POST", "/", Fields({"Host": "a", "Content-Length": "5"}), body=iter(())))
    session.send(Data(b"he"))
    with pytest.raises(LocalProtocolError, match="3 bytes before"):
        session.send(End())
    assert session.closed


# --- answers


def test_an_answer_of_a_length() -> None:
    events, session = heard(b"HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 5\r\n\r\nhello")
    assert events == [(200, [("server", "x"), ("content-length", "5")]), b"hello", []]
    assert session.idle


def test_an_answer_in_chunks_with_trailers() -> None:
    events, session = heard(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nDigest: x\r\n\r\n")
    assert events == [(200, [("transfer-encoding", "chunked")]), b"hello", [("digest", "x")]]
    assert session.idle


def test_an_answer_that_ends_with_the_connection() -> None:
    events, session = heard(b"HTTP/1.1 200 OK\r\n\r\nhello", ends=True)
    assert events == [(200, []), b"hello", []]
    assert (session.closed, session.idle) == (True, False)


@pytest.mark.parametrize("line", [b"HTTP/1.1 204 No Content", b"HTTP/1.1 304 Not Modified", b"HTTP/1.1 200 OK\r\nContent-Length: 0"])
def test_an_answer_without_a_body_ends_at_once(line: bytes) -> None:
    events, session = heard(line + b"\r\n\r\n")
    assert events[1:] == [[]]
    assert session.idle


def test_an_answer_to_head_has_a_length_and_no_body() -> None:
    events, session = heard(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", Request("HEAD", "/", Fields({"Host": "a"})))
    assert events == [(200, [("content-length", "500")]), []]
    assert session.idle


def test_interim_answers_come_before_the_final_one() -> None:
    events, session = heard(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK)
    assert events == [(100, []), (103, [("link", "</a>")]), (200, [("content-length", "5")]), b"hello", []]
    assert session.idle


def test_one_connection_carries_one_exchange_after_the_other() -> None:
    session = ClientSession()
    for number in range(3):
        assert session.idle
        session.send(GET)
        session.data_to_send()
        assert not session.idle
        assert told(session, [OK.replace(b"hello", b"%05d" % number)])[1] == b"%05d" % number


@pytest.mark.parametrize(
    ("asked", "answered", "kept"),
    [
        ({}, b"HTTP/1.1 200 OK\r\n", True),
        ({}, b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n", True),
        ({}, b"HTTP/1.1 200 OK\r\nConnection: close\r\n", False),
        ({}, b"HTTP/1.1 200 OK\r\nConnection: x, Close\r\n", False),
        ({}, b"HTTP/1.0 200 OK\r\n", False),
        ({}, b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n", True),
        ({"Connection": "close"}, b"HTTP/1.1 200 OK\r\n", False),
        ({"Connection": "close"}, b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n", False),
    ],
)
def test_whether_the_connection_is_kept(asked: dict[str, str], answered: bytes, kept: bool) -> None:
    """RFC 9112 9.3."""
    _, session = heard(answered + b"Content-Length: 5\r\n\r\nhello", Request("GET", "/", Fields({"Host": "a", **asked})))
    assert (session.idle, session.closed, session.closing) == (kept, not kept, not kept)
    if not kept:
        with pytest.raises(LocalProtocolError):
            session.send(GET)


def test_an_answer_before_the_request_is_whole_ends_the_connection() -> None:
    """What is left of the body must not be taken for the next request."""
    session = asking(Request("POST", "/", Fields({"Host": "a"}), body=iter(())))
    assert told(session, [b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n"])[1:] == [[]]
    assert (session.idle, session.closed) == (False, True)


# --- broken answers are told, and nothing of them is passed off as whole


@pytest.mark.parametrize(
    "data",
    [
        b"ICY 200 OK\r\n\r\n",
        b"<html>\r\n\r\n",
        b"HTTP/2.0 200 OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\nServer: x\n\n",
        b"HTTP/1.1 200 OK\r\nServer : x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nServer: x\r\n folded\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello world",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    ],
)
def test_a_broken_answer(data: bytes) -> None:
    events, session = heard(data)
    assert events[-1] == "RemoteProtocolError"
    assert (session.closed, session.idle) == (True, False)
    assert session.receive(b"HTTP/1.1 200 OK\r\n\r\n", 0.0) == ()
    assert session.data_to_send() == []


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        b"HTTP/1.1 2",
    ],
)
def test_an_answer_cut_short_is_never_taken_for_whole(data: bytes) -> None:
    events, session = heard(data, ends=True)
    assert events[-1] == IncompleteMessage.__name__
    assert session.closed


def test_a_connection_that_ends_before_an_answer_says_nothing() -> None:
    session = asking()
    assert session.receive_eof(0.0) == ()
    assert session.closed
    assert not session.started  # so the request may be asked again elsewhere (RFC 9112 9.3.1)


def test_an_answer_that_nobody_asked_for_is_told_and_never_given_to_the_next_request() -> None:
    for data in (OK, b"HTTP/1.1 408 Request Timeout\r\n\r\n", b"x"):
        session = ClientSession()
        assert told(session, [data]) == ["RemoteProtocolError"]
        assert session.closed


def test_what_comes_behind_an_answer_spoils_the_connection() -> None:
    session = asking()
    session.receive(OK + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", 0.0)
    session.receive(b"", 0.0)
    assert not session.idle
    with pytest.raises(LocalProtocolError):
        session.send(GET)


def test_a_head_is_bounded() -> None:
    session = asking()
    piece = b"X: " + b"a" * 4000 + b"\r\n"
    events = told(session, [b"HTTP/1.1 200 OK\r\n", *[piece] * (MAX_HEAD // len(piece) + 1)])
    assert events == ["RemoteProtocolError"]


def test_interim_answers_are_bounded() -> None:
    session = asking()
    interim = b"HTTP/1.1 102 Processing\r\n\r\n"
    assert told(session, [interim] * MAX_INTERIM) == [(102, [])] * MAX_INTERIM
    assert told(session, [interim]) == ["RemoteProtocolError"]


def test_each_request_may_have_as_many() -> None:
    session = ClientSession()
    for _ in range(2):
        session.send(GET)
        assert len(told(session, [b"HTTP/1.1 102 Processing\r\n\r\n"] * MAX_INTERIM + [OK])) == MAX_INTERIM + 3


# --- tunnels (RFC 9110 7.8, 9.3.6)

UPGRADE = Request("GET", "/chat", Fields({"Host": "a", "Connection": "upgrade", "Upgrade": "echo"}))
CONNECT = Request("CONNECT", "b:443", Fields({"Host": "b:443"}))
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\n"


@pytest.mark.parametrize(("request_", "answer"), [(UPGRADE, SWITCHED), (CONNECT, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")])
def test_a_tunnel_carries_what_it_is_given(request_: Request, answer: bytes) -> None:
    events, session = heard(answer + b"HTTP/1.1 200 OK\r\n\r\n\0\xff", request_)
    assert events[1:] == [b"HTTP/1.1 200 OK\r\n\r\n\0\xff"]
    session.send(Data(b"any\0bytes"))
    assert session.data_to_send() == [b"any\0bytes"]
    with pytest.raises(LocalProtocolError):
        session.send(GET)


def test_a_connect_that_is_refused_is_an_answer_like_others() -> None:
    events, session = heard(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno", CONNECT)
    assert events[1:] == [b"no", []]
    assert session.idle


def test_either_side_of_a_tunnel_ends_for_itself() -> None:
    session = asking(UPGRADE)
    told(session, [SWITCHED])
    assert told(session, [b"last words"], ends=True) == [b"last words", []]
    assert not session.closed
    session.send(Data(b"and ours"))
    session.send(End())
    assert session.data_to_send() == [b"and ours", FINISH]
    assert session.closed


def test_our_side_of_a_tunnel_may_end_first() -> None:
    session = asking(UPGRADE)
    told(session, [SWITCHED])
    session.send(End())
    assert session.data_to_send() == [FINISH]
    with pytest.raises(LocalProtocolError):
        session.send(Data(b"more"))
    assert not session.closed
    assert told(session, [b"still talking"], ends=True) == [b"still talking", []]
    assert session.closed


def test_a_switch_before_the_request_is_whole_is_refused() -> None:
    session = asking(Request("POST", "/", Fields({"Host": "a", "Connection": "upgrade", "Upgrade": "echo"}), body=iter(())))
    assert told(session, [SWITCHED]) == ["RemoteProtocolError"]


def test_a_tunnel_behind_a_body_in_chunks_is_not_in_chunks() -> None:
    session = asking(Request("POST", "/", Fields({"Host": "a", "Connection": "upgrade", "Upgrade": "echo"}), body=iter(())))
    session.send(End())
    session.data_to_send()
    told(session, [SWITCHED])
    session.send(Data(b"hello"))
    assert session.data_to_send() == [b"hello"]


# --- room, time, the end


def test_a_body_is_read_no_faster_than_it_is_consumed() -> None:
    session = asking()
    session.receive(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", 0.0)
    session.receive(b"x" * (WINDOW - 1), 0.0)
    assert session.reading
    session.receive(b"x", 0.0)
    assert not session.reading
    session.consumed(1)
    assert session.reading


def test_nothing_is_read_after_the_end() -> None:
    session = asking()
    told(session, [b"HTTP/1.1 200 OK\r\n\r\nhello"], ends=True)
    assert not session.reading
    session.consumed(5)
    assert not session.reading


def test_its_time_limits_are_its_callers() -> None:
    session = asking()
    assert session.deadline == math.inf
    assert session.tick(1e9) == ()
    session.blocked(10_000, 0.0)
    assert session.deadline == math.inf


def test_finish_lets_the_exchange_that_runs_come_to_its_end() -> None:
    session = ClientSession()
    session.finish(0.0)
    assert session.closed
    session = asking()
    session.finish(0.0)
    assert not session.closed
    assert told(session, [OK])[1:] == [b"hello", []]
    assert session.closed
