"""The server's side of a connection, as dialogs; each is also held cut at every byte (`dialog.spoken`). Requests and what they ask for."""

from __future__ import annotations

import math

import pytest

from tests.http.dialog import GET, UPGRADE, Dialog, no_tunnel, nothing, post, refuse, spoken, upgrade
from wirespeak.contract import FINISH
from wirespeak.errors import LocalProtocolError
from wirespeak.http.limits import KEPT, UNWANTED, WINDOW, ServerLimits
from wirespeak.http.messages import Data, End, Response
from wirespeak.http.session import ServerSession

# --- one request, one answer (RFC 9112 2.1)


def test_a_request_and_its_answer() -> None:
    dialog = spoken(r"""
        C: GET /hello HTTP/1.1
        C: Host: www.example.com
        C: User-Agent: curl/7.64.1
        C: Accept-Language: en, mi
        C:
        S: HTTP/1.1 200 OK
        S: Content-Length: 6
        S:
        S| hello\n
    """)
    assert dialog.events == [
        ("request", "GET", "/hello", [("host", "www.example.com"), ("user-agent", "curl/7.64.1"), ("accept-language", "en, mi")])
    ]


def test_a_body_of_a_length_comes_whole_before_the_answer() -> None:
    dialog = spoken(r"""
        C: POST /up HTTP/1.1
        C: Host: a
        C: Content-Length: 11
        C:
        C| hello world
        S: HTTP/1.1 200 OK
        S: Content-Length: 11
        S:
        S| hello world
    """)
    assert dialog.events[1:] == [("data", b"hello world"), ("end", [])]


def test_a_body_in_chunks_with_trailers() -> None:
    dialog = spoken(r"""
        C: POST /up HTTP/1.1
        C: Host: a
        C: Transfer-Encoding: chunked
        C:
        C: 5;name=value
        C: hello
        C: 6
        C:  world
        C: 0
        C: Digest: x
        C:
        S: HTTP/1.1 200 OK
        S: Content-Length: 11
        S:
        S| hello world
    """)
    assert dialog.events[1:] == [("data", b"hello world"), ("end", [("digest", "x")])]


def test_what_goes_into_every_answer_stands_before_its_end() -> None:
    """Date and Server are the server's (RFC 9110 6.6.1, 10.2.4)."""
    session = ServerSession(lambda: None, standing=lambda: b"Date: now\r\n")
    session.receive(GET, 0.0)
    session.send(Response.text("hi"))
    assert session.data_to_send() == [
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 2\r\nDate: now\r\n\r\nhi"
    ]
    session.receive(b"bad\r\n\r\n", 0.0)
    assert b"\r\nDate: now\r\n" in b"".join(segment for segment in session.data_to_send() if isinstance(segment, bytes))


def test_empty_lines_before_a_request_are_passed_over() -> None:
    """RFC 9112 2.2: some clients send one behind a body."""
    dialog = spoken(r"""
        C:
        C: GET /one HTTP/1.1
        C: Host: a
        C:
        S: HTTP/1.1 200 OK
        S: Content-Length: 4
        S:
        S| one\n
        C:
        C: GET /two HTTP/1.1
        C: Host: a
        C:
        S: HTTP/1.1 200 OK
        S: Content-Length: 4
        S:
        S| two\n
    """)
    assert [request.target for request in dialog.requests] == ["/one", "/two"]


# --- keep-alive (RFC 9112 9.3)


def test_a_connection_is_kept_in_http_1_1() -> None:
    spoken(r"""
        C: GET /one HTTP/1.1
        C: Host: a
        C:
        S: HTTP/1.1 200 OK
        S: Content-Length: 4
        S:
        S| one\n
        C: GET /two HTTP/1.1
        C: Host: a
        C:
        S: HTTP/1.1 200 OK
        S: Content-Length: 4
        S:
        S| two\n
        C FIN
        closed
    """)


@pytest.mark.parametrize("options", ["close", "Close", "x, close", "close,keep-alive", "\tclose ,"])
def test_close_ends_the_connection_behind_its_answer(options: str) -> None:
    spoken(rf"""
        C: GET /one HTTP/1.1
        C: Host: a
        C: Connection: {options}
        C:
        C: GET /never HTTP/1.1
        C: Host: a
        C:
        S: HTTP/1.1 200 OK
        S: Content-Length: 4
        S: Connection: close
        S:
        S| one\n
        S FIN
        C FIN
        S FIN
        closed
    """)


@pytest.mark.parametrize("line", ["", "C: Connection: x", "C: Connection: close, keep-alive"])
def test_http_1_0_ends_with_its_answer(line: str) -> None:
    spoken(rf"""
        C: GET /one HTTP/1.0
        {line or "C: X: y"}
        C:
        S: HTTP/1.1 200 OK
        S: Content-Length: 4
        S: Connection: close
        S:
        S| one\n
        S FIN
    """)


@pytest.mark.parametrize("options", ["keep-alive", "Keep-Alive", "x, keep-alive"])
def test_http_1_0_can_ask_to_keep_the_connection_and_is_told_so(options: str) -> None:
    spoken(rf"""
        C: GET /one HTTP/1.0
        C: Connection: {options}
        C:
        S: HTTP/1.1 200 OK
        S: Content-Length: 4
        S: Connection: keep-alive
        S:
        S| one\n
        C: GET /two HTTP/1.0
        C:
        S: HTTP/1.1 200 OK
        S: Content-Length: 4
        S: Connection: close
        S:
        S| two\n
        S FIN
    """)


def test_an_answer_can_end_the_connection() -> None:
    spoken(
        r"""
        C: GET /one HTTP/1.1
        C: Host: a
        C:
        C: GET /never HTTP/1.1
        S: HTTP/1.1 200 OK
        S: X: y
        S: Content-Length: 0
        S: Connection: close
        S:
        S FIN
        """,
        lambda request, body: Response(fields={"Connection": "close", "X": "y"}),
    )


# --- pipelining (RFC 9112 9.3.2)


def test_pipelined_requests_are_answered_in_their_order() -> None:
    dialog = spoken(r"""
        C: GET /one HTTP/1.1
        C: Host: a
        C:
        C: POST /two HTTP/1.1
        C: Host: a
        C: Content-Length: 3
        C:
        C| TWO
        C: POST /three HTTP/1.1
        C: Host: a
        C: Transfer-Encoding: chunked
        C:
        C: 5
        C: THREE
        C: 0
        C:
        C: GET /four HTTP/1.1
        C: Host: a
        C:
        S: HTTP/1.1 200 OK
        S: Content-Length: 4
        S:
        S| one\n
        S: HTTP/1.1 200 OK
        S: Content-Length: 3
        S:
        S| TWO
        S: HTTP/1.1 200 OK
        S: Content-Length: 5
        S:
        S| THREE
        S: HTTP/1.1 200 OK
        S: Content-Length: 5
        S:
        S| four\n
    """)
    assert [request.target for request in dialog.requests] == ["/one", "/two", "/three", "/four"]


def test_the_next_request_waits_until_the_one_before_it_is_answered() -> None:
    dialog = Dialog(nothing)
    dialog.hear(GET * 3)
    assert len(dialog.requests) == 1
    dialog.say(Response(body=b"first"))
    assert len(dialog.requests) == 1  # given out by the next receive, in the pump's next turn
    dialog.settle()
    assert len(dialog.requests) == 2
    assert dialog.take().endswith(b"first")


def test_an_answer_given_later_wakes_the_pump() -> None:
    dialog = Dialog(nothing)
    dialog.hear(GET)
    before = dialog.woken
    dialog.say(Response())
    assert dialog.woken > before


def test_requests_that_wait_are_kept_up_to_a_bound() -> None:
    dialog = Dialog(nothing)
    dialog.hear(GET)
    assert dialog.session.reading
    dialog.hear(b"x" * KEPT)
    assert not dialog.session.reading


def test_reading_goes_on_with_the_next_request() -> None:
    dialog = Dialog(nothing)
    dialog.hear(GET + GET * (KEPT // len(GET) + 1))
    assert not dialog.session.reading
    dialog.answer = lambda request, body: Response()
    dialog.say(Response())
    dialog.settle()
    assert dialog.session.reading
    assert len(dialog.requests) == KEPT // len(GET) + 2


# --- Expect: 100-continue (RFC 9110 10.1.1)


def test_100_is_said_when_the_body_is_wanted() -> None:
    spoken(r"""
        C: POST /up HTTP/1.1
        C: Host: a
        C: Content-Length: 5
        C: Expect: 100-Continue
        C:
        S: HTTP/1.1 100 Continue
        S:
        C| hello
        S: HTTP/1.1 200 OK
        S: Content-Length: 5
        S:
        S| hello
    """)


def test_a_refusal_in_place_of_100_ends_the_connection() -> None:
    """Whether the client now sends its body can't be known, so nothing behind this answer can be told apart."""
    spoken(
        r"""
        C: POST /up HTTP/1.1
        C: Host: a
        C: Content-Length: 5
        C: Expect: 100-continue
        C:
        S: HTTP/1.1 403 Forbidden
        S: Content-Length: 0
        S: Connection: close
        S:
        S FIN
        C| hello
        S FIN
        """,
        lambda request, body: Response(403),
        reads_body=False,
    )


def test_a_client_that_did_not_wait_for_100_is_not_sent_it() -> None:
    dialog = Dialog()
    dialog.hear(post("Content-Length: 5", "Expect: 100-continue", body=b"he"))
    assert dialog.take() == b""
    dialog.hear(b"llo")
    assert dialog.take() == b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


def test_100_is_said_once() -> None:
    dialog = Dialog(nothing)
    dialog.hear(post("Content-Length: 5", "Expect: 100-continue"))
    dialog.session.wants_body()
    assert dialog.take() == b"HTTP/1.1 100 Continue\r\n\r\n"
    dialog.hear(b"hel")
    dialog.session.wants_body()
    assert dialog.take() == b""


def test_no_100_where_the_body_came_before_it_was_wanted() -> None:
    dialog = Dialog(nothing, reads_body=False)
    dialog.hear(post("Content-Length: 5", "Expect: 100-continue"))
    dialog.hear(b"hello")
    dialog.session.wants_body()
    dialog.say(Response())
    assert dialog.take() == b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"  # and the connection is kept
    dialog.hear(GET)
    assert [request.method for request in dialog.requests] == ["POST", "GET"]


def test_no_100_after_the_answer() -> None:
    dialog = Dialog(lambda request, body: Response(403), reads_body=False)
    dialog.hear(post("Content-Length: 5", "Expect: 100-continue"))
    dialog.take()
    dialog.session.wants_body()
    assert dialog.take() == b""


@pytest.mark.parametrize("lines", ["C: Content-Length: 0", "C: X: no body at all"])
def test_no_100_where_no_body_comes(lines: str) -> None:
    spoken(rf"""
        C: POST /hello HTTP/1.1
        C: Host: a
        C: Expect: 100-continue
        {lines}
        C:
        S: HTTP/1.1 200 OK
        S: Content-Length: 6
        S:
        S| hello\n
    """)


def test_http_1_0_knows_no_expectation() -> None:
    spoken(r"""
        C: POST /up HTTP/1.0
        C: Content-Length: 2
        C: Expect: 100-continue
        C:
        C| hi
        S: HTTP/1.1 200 OK
        S: Content-Length: 2
        S: Connection: close
        S:
        S| hi
        S FIN
    """)


def test_another_expectation_fails() -> None:
    dialog = spoken(r"""
        C: POST /up HTTP/1.1
        C: Host: a
        C: Content-Length: 2
        C: Expect: the-moon
        C:
        S: HTTP/1.1 417 Expectation Failed
        S...
        S FIN
    """)
    assert dialog.events == [("error", 417)]


# --- bodies that no one reads (RFC 9112 9.3)


def test_a_short_body_that_no_one_reads_is_dropped_and_the_connection_kept() -> None:
    dialog = spoken(
        r"""
        C: POST /up HTTP/1.1
        C: Host: a
        C: Content-Length: 43
        C:
        C| GET /smuggled HTTP/1.1\r\nHost: a\r\nX: 12345\r\n
        C: GET /next HTTP/1.1
        C: Host: a
        C:
        S: HTTP/1.1 403 Forbidden
        S: Content-Length: 0
        S:
        S: HTTP/1.1 403 Forbidden
        S: Content-Length: 0
        S:
        """,
        refuse,
        reads_body=False,
    )
    assert [request.target for request in dialog.requests] == ["/up", "/next"]


def test_chunks_that_no_one_reads_are_dropped_as_well() -> None:
    dialog = spoken(
        r"""
        C: POST /up HTTP/1.1
        C: Host: a
        C: Transfer-Encoding: chunked
        C:
        C: 5
        C: hello
        C: 0
        C: Digest: x
        C:
        C: GET /next HTTP/1.1
        C: Host: a
        C:
        S: HTTP/1.1 403 Forbidden
        S: Content-Length: 0
        S:
        S: HTTP/1.1 403 Forbidden
        S: Content-Length: 0
        S:
        """,
        refuse,
        reads_body=False,
    )
    assert [request.target for request in dialog.requests] == ["/up", "/next"]


def test_a_long_body_that_no_one_reads_ends_the_connection_with_the_answer() -> None:
    dialog = Dialog(refuse, reads_body=False)
    dialog.hear(post(f"Content-Length: {UNWANTED + 1}"))
    assert dialog.take() == b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    assert dialog.ended == "FIN"
    dialog.hear(b"x" * UNWANTED)
    assert not dialog.session.closed  # it goes on sending, and is listened to for a while (RFC 9112 9.6)


def test_chunks_without_end_that_no_one_reads_end_the_connection() -> None:
    dialog = Dialog(refuse, reads_body=False)
    dialog.hear(post("Transfer-Encoding: chunked"))
    assert dialog.take() == b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"
    for _ in range(UNWANTED // 1000 + 1):
        assert dialog.ended == ""
        dialog.hear(b"3e8\r\n" + b"x" * 1000 + b"\r\n")
    dialog.take()
    assert dialog.ended == "FIN"


def test_a_fault_in_a_body_that_no_one_reads_ends_the_connection_and_is_no_news() -> None:
    dialog = Dialog(refuse, reads_body=False)
    dialog.hear(post("Transfer-Encoding: chunked"))
    dialog.take()
    dialog.hear(b"5\r\nhello world\r\n")
    assert (dialog.take(), dialog.ended) == (b"", "FIN")
    assert [event[0] for event in dialog.events] == ["request"]  # it was answered already


def test_what_was_given_out_before_the_answer_counts_no_more() -> None:
    dialog = Dialog(nothing, consumes=False)
    dialog.hear(post(f"Content-Length: {WINDOW + 5}", body=b"x" * WINDOW))
    assert not dialog.session.reading
    dialog.say(Response(403))
    assert dialog.session.reading
    dialog.hear(b"x" * 5 + GET)
    assert [request.method for request in dialog.requests] == ["POST", "GET"]


# --- upgrade, CONNECT: another protocol takes over (RFC 9110 7.8, 9.3.6)


def test_an_upgrade_makes_a_tunnel_of_the_connection() -> None:
    dialog = spoken(
        r"""
        C: GET /chat HTTP/1.1
        C: Host: a
        C: Connection: upgrade
        C: Upgrade: echo
        C:
        C| early
        S: HTTP/1.1 101 Switching Protocols
        S: Connection: upgrade
        S: Upgrade: echo
        S:
        C| GET / HTTP/1.1\r\n\r\n\0\xff
        """,
        upgrade,
    )
    assert dialog.events[1:] == [("data", b"earlyGET / HTTP/1.1\r\n\r\n\0\xff")]
    dialog.say(Data(b"any\0bytes"), Data(b""))
    assert dialog.take() == b"any\0bytes"
    assert dialog.session.deadline == math.inf


def test_connect_makes_one_too() -> None:
    dialog = spoken(
        r"""
        C: CONNECT b:443 HTTP/1.1
        C: Host: b:443
        C:
        S: HTTP/1.1 200 OK
        S:
        C| hello
        """,
        lambda request, body: Response(tunnel=no_tunnel),
    )
    assert dialog.events[1:] == [("data", b"hello")]


def test_connect_that_is_refused_is_an_answer_like_others() -> None:
    spoken(
        r"""
        C: CONNECT b:443 HTTP/1.1
        C: Host: b:443
        C:
        C: GET / HTTP/1.1
        C: Host: a
        C:
        S: HTTP/1.1 403 Forbidden
        S: Content-Length: 0
        S:
        S: HTTP/1.1 403 Forbidden
        S: Content-Length: 0
        S:
        """,
        refuse,
    )


def test_either_side_of_a_tunnel_ends_for_itself() -> None:
    dialog = Dialog(upgrade)
    dialog.hear(UPGRADE)
    dialog.hear(b"last words")
    dialog.hear_end()
    assert dialog.events[1:] == [("data", b"last words"), ("end", [])]
    assert not dialog.session.closed
    dialog.take()
    dialog.say(Data(b"and ours"), End())
    assert (dialog.take(), dialog.ended, dialog.session.closed) == (b"and ours", "FIN", True)


def test_our_side_of_a_tunnel_may_end_first() -> None:
    dialog = Dialog(upgrade)
    dialog.hear(UPGRADE)
    dialog.say(End())
    dialog.take()
    assert (dialog.ended, dialog.session.closed) == ("FIN", False)
    with pytest.raises(LocalProtocolError):
        dialog.say(Data(b"more"))
    dialog.hear(b"still talking")
    dialog.hear_end()
    assert dialog.events[1:] == [("data", b"still talking"), ("end", [])]
    assert dialog.session.closed


def test_http_1_0_can_not_be_upgraded() -> None:
    dialog = Dialog(nothing)
    dialog.hear(b"GET / HTTP/1.0\r\nUpgrade: echo\r\n\r\n")
    with pytest.raises(LocalProtocolError, match="101 where the client did not"):
        dialog.say(upgrade(dialog.requests[0], b""))


def test_no_switch_before_the_request_is_whole() -> None:
    dialog = Dialog(nothing)
    dialog.hear(post("Content-Length: 5", "Connection: upgrade", "Upgrade: echo", body=b"hel"))
    with pytest.raises(LocalProtocolError, match="may not be sent now"):
        dialog.say(upgrade(dialog.requests[0], b""))
    dialog.hear(b"lo")
    dialog.say(upgrade(dialog.requests[0], b""))
    assert dialog.take().startswith(b"HTTP/1.1 101 ")


def test_no_switch_to_what_the_client_did_not_ask_for() -> None:
    """RFC 9110 7.8: a server MUST NOT switch to a protocol that was not indicated by the client."""
    dialog = Dialog(nothing)
    dialog.hear(GET)
    with pytest.raises(LocalProtocolError, match=r"RFC 9110 7\.8"):
        dialog.say(upgrade(dialog.requests[0], b""))


# --- a session as the contract has it


def test_a_segment_is_given_out_once() -> None:
    session = ServerSession(lambda: None)
    session.receive(GET, 0.0)
    session.send(Response())
    assert session.data_to_send() == [b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"]
    assert not session.data_to_send()


def test_the_end_comes_behind_what_was_said() -> None:
    session = ServerSession(lambda: None)
    session.receive(b"bad\r\n\r\n", 0.0)
    assert list(session.data_to_send())[-1] is FINISH


def test_the_limits_may_not_be_changed_once_made() -> None:
    with pytest.raises(AttributeError):
        ServerLimits().line = 5  # type: ignore[misc]
