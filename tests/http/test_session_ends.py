"""How a connection to a server is held up, slowed down and ended: faults, deadlines with literal times, room, the peer's end and ours."""

from __future__ import annotations

import math

import pytest

from tests.http.dialog import GET, OK, UPGRADE, Dialog, nothing, post, refuse, spoken, upgrade
from wirespeak.errors import LocalProtocolError
from wirespeak.http.limits import LINGER_SIZE, LINGER_TIME, SILENCE, WINDOW
from wirespeak.http.messages import Data, End, Response

# --- a broken request is answered, and the connection closed (RFC 9112 9.6)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("400 Bad Request", r"GET /\r\n\r\n"),
        ("400 Bad Request", r"GET / HTTP/1.1\r\n\r\n"),
        ("400 Bad Request", r"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
        ("400 Bad Request", r"GET / HTTP/1.1\r\nHost : a\r\n\r\n"),
        ("400 Bad Request", r"GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n"),
        ("400 Bad Request", r"GET / HTTP/1.1\nHost: a\n\n"),
        ("400 Bad Request", r"GET / HTTP/1.1\r\nHost: a\rX: y\r\n\r\n"),
        ("400 Bad Request", r" GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("400 Bad Request", r"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),  # a TLS handshake
        ("400 Bad Request", r"\r\n\r\n\r\n"),
        ("400 Bad Request", r"\rGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("400 Bad Request", r"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"),
        ("400 Bad Request", r"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\n"),
        ("413 Content Too Large", r"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n"),
        ("413 Content Too Large", r"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1001\r\n\r\n"),
        ("414 URI Too Long", rf"GET /{'a' * 130} HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("414 URI Too Long", rf"{'A' * 130} / HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("431 Request Header Fields Too Large", rf"GET / HTTP/1.1\r\nHost: a\r\nX: {'a' * 260}\r\n\r\n"),
        ("501 Not Implemented", r"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"),
        ("505 HTTP Version Not Supported", r"GET / HTTP/2.0\r\nHost: a\r\n\r\n"),
        ("505 HTTP Version Not Supported", r"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ],
)
def test_a_broken_request(status: str, said: str) -> None:
    dialog = spoken(
        rf"""
        C| {said}
        S: HTTP/1.1 {status}
        S...
        S FIN
        C: GET /never HTTP/1.1
        C: Host: a
        C:
        S FIN
        C FIN
        S FIN
        closed
        """,
        line=120,
        head=250,
        body=1000,
    )
    assert dialog.events == [("error", int(status[:3]))]


@pytest.mark.parametrize("said", [r"2\r\nhello\r\n", r"x\r\n", r"5\nhello", r"3e9\r\n"])
def test_a_broken_body_is_answered_too(said: str) -> None:
    dialog = spoken(
        rf"""
        C: POST /up HTTP/1.1
        C: Host: a
        C: Transfer-Encoding: chunked
        C:
        C| {said}
        S| HTTP/1.1 4
        S...
        S FIN
        """,
        body=1000,
    )
    assert dialog.events[-1] in [("error", 400), ("error", 413)]


def test_a_refusal_says_what_is_wrong_and_that_it_closes() -> None:
    dialog = Dialog()
    dialog.hear(b"GET / HTTP/1.1\r\nHost: a\r\n<script>: b\r\n\r\n")
    text = b"400 Bad Request\n\na field name that is no token (byte 25, RFC 9110 5.1)\n"
    assert dialog.take() == (
        b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n"
        b"Content-Length: %d\r\nConnection: close\r\n\r\n%b" % (len(text), text)
    )


def test_a_refusal_of_head_has_no_body() -> None:
    dialog = Dialog(nothing, handler_time=60.0)
    dialog.hear(GET.replace(b"GET", b"HEAD"))
    dialog.at(60.0)
    assert dialog.take().endswith(b"Connection: close\r\n\r\n")


def test_a_broken_request_behind_good_ones_is_answered_in_its_turn() -> None:
    dialog = spoken(r"""
        C: GET /one HTTP/1.1
        C: Host: a
        C:
        C: GET /two HTTP/1.1
        C: Host : a
        C:
        S: HTTP/1.1 200 OK
        S: Content-Length: 4
        S:
        S| one\n
        S: HTTP/1.1 400 Bad Request
        S...
        S FIN
    """)
    assert [event[0] for event in dialog.events] == ["request", "error"]


def test_a_body_that_breaks_while_its_answer_is_sent_cuts_it_off() -> None:
    """What was begun can't be taken back, and must not be taken for the whole."""
    dialog = Dialog(nothing)
    dialog.hear(post("Transfer-Encoding: chunked"))
    dialog.say(Response(body=iter(())), Data(b"half"))
    dialog.hear(b"x\r\n")
    assert dialog.take().endswith(b"4\r\nhalf\r\n")
    assert (dialog.ended, dialog.session.closed) == ("RST", True)


def test_after_a_refusal_no_answer_may_be_sent() -> None:
    dialog = Dialog(nothing)
    dialog.hear(post("Transfer-Encoding: chunked", body=b"x\r\n"))
    dialog.take()
    with pytest.raises(LocalProtocolError):
        dialog.say(Response())


def test_nothing_is_said_behind_a_refusal_whatever_was_still_due() -> None:
    dialog = Dialog(nothing, handler_time=1.0, idle_time=1.5)
    dialog.hear(post("Transfer-Encoding: chunked", body=b"x\r\n"))
    dialog.take()
    dialog.at(1.9)
    assert dialog.take() == b""
    assert [event[0] for event in dialog.events] == ["request", "error"]


def test_what_comes_behind_the_last_answer_is_dropped_for_a_while() -> None:
    """RFC 9112 9.6: else the peer's next bytes would bring it a reset, which may take our answer with it."""
    dialog = Dialog()
    dialog.hear(b"bad\r\n\r\n")
    assert dialog.session.deadline == LINGER_TIME
    dialog.hear(b"x" * 100_000)
    assert not dialog.session.closed
    dialog.at(LINGER_TIME)
    assert dialog.session.closed


def test_what_is_dropped_is_bounded() -> None:
    dialog = Dialog()
    dialog.hear(b"bad\r\n\r\n")
    for _ in range(LINGER_SIZE >> 20):
        assert not dialog.session.closed
        dialog.hear(bytes(1 << 20))
    dialog.hear(b"x")
    assert dialog.session.closed


# --- deadlines, with literal times


def test_an_idle_connection_is_closed_without_a_word() -> None:
    dialog = Dialog(idle_time=75.0)
    assert dialog.session.deadline == 75.0
    dialog.at(74.9)
    assert not dialog.session.closed
    dialog.at(75.0)
    assert (dialog.take(), dialog.session.closed) == (b"", True)


def test_the_idle_time_begins_anew_with_each_answer() -> None:
    dialog = Dialog(idle_time=75.0)
    dialog.at(70.0)
    dialog.hear(GET)
    assert dialog.session.deadline == 145.0
    dialog.hear(b"\r\n")  # an empty line is no beginning of a request
    assert dialog.session.deadline == 145.0


def test_a_head_has_to_be_whole_in_time_from_its_first_byte() -> None:
    dialog = Dialog(head_time=20.0)
    dialog.at(50.0)
    dialog.hear(b"G")
    assert dialog.session.deadline == 70.0
    for second in range(51, 70):
        dialog.at(float(second))
        dialog.hear(b"E")  # a byte a second moves nothing (slowloris)
        assert dialog.session.deadline == 70.0
    dialog.at(70.0)
    assert dialog.take().startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert dialog.events == [("error", 408)]
    assert dialog.ended == "FIN"


def test_the_next_head_has_its_own_time() -> None:
    dialog = Dialog(head_time=20.0, idle_time=75.0)
    dialog.hear(GET[:10])
    dialog.at(19.0)
    dialog.hear(GET[10:] + GET[:10])
    assert dialog.session.deadline == 39.0


def test_a_body_has_to_come_at_a_least_rate_once_its_grace_is_over() -> None:
    dialog = Dialog(nothing, grace=20.0, body_rate=1000)
    dialog.hear(post("Content-Length: 100000"))
    assert dialog.session.deadline == 20.0
    dialog.at(10.0)
    dialog.hear(b"x" * 5000)  # 5 seconds' worth
    assert dialog.session.deadline == 25.0
    dialog.at(24.0)
    dialog.hear(b"x" * 1000)
    assert dialog.session.deadline == 26.0
    dialog.at(26.0)
    assert dialog.take().startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert dialog.events[-1] == ("error", 408)


def test_a_body_that_waits_for_us_has_all_the_time() -> None:
    dialog = Dialog(nothing, consumes=False, grace=20.0, handler_time=1000.0)
    dialog.hear(post("Content-Length: 1000000", body=b"x" * WINDOW))
    assert (dialog.session.reading, dialog.session.deadline) == (False, 1000.0)
    dialog.at(500.0)
    dialog.session.consumed(WINDOW)
    dialog.settle()
    assert (dialog.session.reading, dialog.session.deadline) == (True, 520.0)


def test_an_answer_has_to_be_ready_in_time() -> None:
    dialog = Dialog(nothing, handler_time=60.0)
    dialog.at(5.0)
    dialog.hear(GET + GET)
    assert dialog.session.deadline == 65.0
    dialog.at(65.0)
    assert dialog.take().startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert dialog.events[1:] == [("late",)]
    assert dialog.ended == "FIN"
    with pytest.raises(LocalProtocolError):
        dialog.say(Response())


def test_the_time_that_a_body_takes_to_come_is_not_the_handlers() -> None:
    dialog = Dialog(nothing, handler_time=60.0, grace=20.0, body_rate=1)
    dialog.hear(post("Content-Length: 2000"))
    for second in range(1, 200):
        dialog.at(float(second))
        dialog.hear(b"x" * 10)
    assert dialog.session.deadline == 259.0
    assert dialog.take() == b""
    dialog.at(200.0)
    dialog.hear(b"x" * 10)
    assert dialog.events[-1] == ("end", [])
    assert dialog.session.deadline == 260.0


def test_an_answer_that_has_begun_has_all_the_time() -> None:
    dialog = Dialog(nothing, handler_time=60.0)
    dialog.hear(GET)
    dialog.say(Response(body=iter(())), Data(b"x"))
    assert dialog.session.deadline == math.inf


def test_a_peer_that_takes_nothing_is_cut_off() -> None:
    dialog = Dialog(grace=20.0)
    dialog.hear(GET)
    dialog.at(1.0)
    dialog.session.blocked(10_000, 1.0)
    assert dialog.session.deadline == 21.0
    dialog.at(21.0)
    assert (dialog.ended, dialog.session.closed) == ("RST", True)


def test_a_peer_that_takes_next_to_nothing_is_cut_off_too() -> None:
    dialog = Dialog(grace=20.0, body_rate=1000)
    dialog.session.blocked(100_000, 0.0)
    dialog.session.blocked(99_000, 10.0)  # 1,000 bytes taken buy one second
    assert dialog.session.deadline == 21.0
    dialog.session.blocked(49_000, 11.0)  # 50,000 buy no more than a whole grace
    assert dialog.session.deadline == 31.0
    dialog.session.blocked(49_500, 12.0)  # more to send buys nothing
    assert dialog.session.deadline == 31.0
    dialog.session.blocked(0, 13.0)
    assert dialog.session.deadline > 31.0


def test_who_takes_long_over_an_answer_is_not_idle() -> None:
    dialog = Dialog(idle_time=75.0, grace=20.0)
    dialog.hear(GET)
    dialog.session.blocked(1_000_000, 0.0)
    for second in range(10, 100, 10):
        dialog.at(float(second))
        dialog.session.blocked(1_000_000 - 10_000 * second, float(second))
        assert not dialog.session.closed
    dialog.at(100.0)
    dialog.at(100.0)
    dialog.session.blocked(0, 100.0)
    dialog.settle()
    assert dialog.session.deadline == 175.0


def test_an_early_call_of_tick_does_no_harm() -> None:
    dialog = Dialog(nothing)
    for now, data in ((1.0, b"GET "), (2.0, GET[4:]), (3.0, b"")):
        dialog.hear(data)
        assert dialog.session.tick(now) == ()
        assert dialog.take() == b""
        assert not dialog.session.closed


# --- backpressure


def test_a_body_is_read_no_faster_than_it_is_consumed() -> None:
    dialog = Dialog(nothing, consumes=False)
    dialog.hear(post("Content-Length: 1000000"))
    dialog.hear(b"x" * (WINDOW - 1))
    assert dialog.session.reading
    dialog.hear(b"x")
    assert not dialog.session.reading
    before = dialog.woken
    dialog.session.consumed(1)
    assert dialog.session.reading
    assert dialog.woken == before + 1
    dialog.session.consumed(1000)
    assert dialog.woken == before + 1  # it reads already


def test_a_tunnel_is_read_no_faster_than_it_is_consumed() -> None:
    dialog = Dialog(upgrade, consumes=False)
    dialog.hear(UPGRADE)
    dialog.hear(b"x" * WINDOW)
    assert not dialog.session.reading
    dialog.session.consumed(WINDOW)
    assert dialog.session.reading


def test_no_further_request_is_taken_while_answers_wait() -> None:
    dialog = Dialog()
    dialog.session.blocked(10_000, 0.0)
    assert not dialog.session.reading
    assert dialog.session.receive(GET * 3, 0.0) == ()
    dialog.session.blocked(0, 1.0)
    assert dialog.session.reading
    dialog.settle()
    assert dialog.take() == OK * 3


def test_a_body_is_still_read_while_output_waits() -> None:
    """Else two sides that both send first would wait for each other for ever."""
    dialog = Dialog(nothing)
    dialog.hear(post("Content-Length: 10"))
    dialog.session.blocked(10_000, 0.0)
    assert dialog.session.reading


# --- half-close and the end


def test_a_client_that_ended_its_side_still_gets_its_answers() -> None:
    dialog = Dialog(nothing)
    dialog.hear(GET * 2)
    dialog.hear_end()
    assert not dialog.session.reading
    for closed in (False, True):
        assert not dialog.session.closed
        dialog.say(Response(body=b"hello\n"))
        dialog.settle()
        assert dialog.take() == OK
        assert dialog.session.closed == closed


def test_a_client_that_ended_its_side_is_asked_whether_it_listens() -> None:
    """By an interim answer: one that is gone resets the connection."""
    dialog = Dialog(nothing)
    dialog.at(3.0)
    dialog.hear(GET)
    dialog.hear_end()
    assert dialog.session.deadline == 3.5
    dialog.at(3.5)
    assert dialog.take() == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert dialog.session.deadline == 4.0
    dialog.say(Response(body=b"hello\n"))
    dialog.settle()
    assert dialog.take() == OK


def test_a_client_that_ended_its_side_during_a_stream_is_asked_by_the_stream_itself() -> None:
    """Its pieces bring a reset from one that is gone; a stream that says nothing for long can't, and is cut off."""
    dialog = Dialog(nothing)
    dialog.hear(GET)
    dialog.say(Response(body=iter(())), Data(b"x"))
    dialog.at(10.0)
    dialog.hear_end()
    assert dialog.session.deadline == 10.0 + SILENCE
    dialog.say(Data(b"y"))
    dialog.at(10.0 + SILENCE)
    assert (dialog.ended, dialog.session.deadline) == ("", 10.0 + 2 * SILENCE)
    dialog.at(10.0 + 2 * SILENCE)
    assert (dialog.ended, dialog.session.closed) == ("RST", True)


def test_a_stream_that_begins_after_its_peers_end_is_asked_as_well() -> None:
    dialog = Dialog(nothing)
    dialog.hear(GET)
    dialog.hear_end()
    dialog.at(0.4)
    dialog.say(Response(body=iter(())), Data(b"x"))
    dialog.settle()
    assert dialog.session.deadline <= 0.4 + SILENCE


def test_a_stream_that_waits_for_its_peer_to_take_it_is_not_silent() -> None:
    dialog = Dialog(nothing, grace=20.0, body_rate=1000)
    dialog.hear(GET)
    dialog.say(Response(body=iter(())), Data(b"x"))
    dialog.hear_end()
    dialog.session.blocked(100_000, 0.0)
    for second in range(1, 20):
        dialog.at(float(second))
        dialog.session.blocked(100_000 - 5000 * second, float(second))
    assert dialog.ended == ""


def test_http_1_0_is_not_asked() -> None:
    dialog = Dialog(nothing, handler_time=60.0)
    dialog.hear(b"GET / HTTP/1.0\r\n\r\n")
    dialog.hear_end()
    assert dialog.session.deadline == 60.0


def test_a_client_that_ends_between_two_requests_is_done() -> None:
    dialog = Dialog()
    dialog.hear(GET)
    dialog.hear_end()
    assert (dialog.take(), dialog.session.closed) == (OK, True)


@pytest.mark.parametrize("kept", [b"", b"G", b"GET / HTTP/1.1\r\nHost: a\r\n", b"\r\n"])
def test_a_head_that_ends_in_the_middle_is_no_request(kept: bytes) -> None:
    dialog = Dialog()
    dialog.hear(kept)
    dialog.hear_end()
    assert (dialog.take(), dialog.events, dialog.session.closed) == (b"", [], True)


@pytest.mark.parametrize("lines", [("Content-Length: 5",), ("Transfer-Encoding: chunked",)])
def test_a_body_that_ends_in_the_middle_is_400_and_never_taken_for_whole(lines: tuple[str, ...]) -> None:
    dialog = Dialog()
    dialog.hear(post(*lines, body=b"3\r\n"))
    dialog.hear_end()
    assert dialog.take().startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert dialog.events[-1] == ("error", 400)
    assert dialog.session.closed


def test_a_body_that_no_one_reads_may_end_in_the_middle() -> None:
    dialog = Dialog(refuse, reads_body=False)
    dialog.hear(post("Content-Length: 5", body=b"hel"))
    dialog.take()
    dialog.hear_end()
    assert (dialog.take(), dialog.session.closed) == (b"", True)


def test_an_answer_that_waits_longer_than_the_lingering_is_still_sent_and_nothing_spins() -> None:
    dialog = Dialog()
    dialog.hear(GET.replace(b"Host", b"Connection: close\r\nHost"))
    dialog.session.blocked(100_000, 0.0)
    for second in range(1, 60):
        dialog.at(float(second))
        dialog.session.blocked(100_000 - second * 1500, float(second))
    assert not dialog.session.closed
    dialog.session.blocked(0, 60.0)
    assert dialog.session.deadline == 60.0 + LINGER_TIME
    dialog.at(62.0)
    assert (dialog.ended, dialog.session.closed) == ("FIN", True)


# --- finish: the program is about to stop


def finished(dialog: Dialog) -> tuple[bytes, str]:
    dialog.session.finish(dialog.now)
    dialog.settle()
    return dialog.take(), dialog.ended


def test_an_idle_connection_ends_at_once() -> None:
    assert finished(Dialog()) == (b"", "FIN")


def test_a_request_that_runs_is_answered_and_told_that_it_was_the_last() -> None:
    dialog = Dialog(nothing)
    dialog.hear(GET * 2)
    assert finished(dialog) == (b"", "")
    dialog.say(Response(body=b"hello\n"))
    dialog.settle()
    assert dialog.take() == OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    assert dialog.ended == "FIN"
    assert len(dialog.requests) == 1


def test_a_head_that_is_on_its_way_is_still_answered() -> None:
    dialog = Dialog()
    dialog.hear(GET[:20])
    assert finished(dialog) == (b"", "")
    dialog.hear(GET[20:])
    assert dialog.take() == OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    assert dialog.ended == "FIN"


def test_a_stream_that_runs_is_sent_to_its_end() -> None:
    dialog = Dialog(nothing)
    dialog.hear(GET)
    dialog.say(Response(body=iter(())), Data(b"x"))
    dialog.take()
    assert finished(dialog) == (b"", "")
    dialog.say(End())
    dialog.settle()
    assert dialog.take() == b"0\r\n\r\n"
    assert dialog.session.closed or dialog.ended == "FIN"


def test_a_body_on_its_way_is_still_read() -> None:
    dialog = Dialog()
    dialog.hear(post("Content-Length: 5", body=b"he"))
    assert finished(dialog) == (b"", "")
    dialog.hear(b"llo")
    assert dialog.take() == b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"
    assert dialog.ended == "FIN"
