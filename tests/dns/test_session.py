"""A conversation over TCP without I/O: what comes of bytes in any pieces, of ends and faults, of time and of room (RFC 7766)."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirespeak.contract import ABORT, FINISH
from wirespeak.dns.session import BATCH, LINGER_SIZE, PIPELINED, ClientSession, Messages, ServerSession, TcpLimits, framed
from wirespeak.dns.states import CLIENT, SERVER, State
from wirespeak.errors import IncompleteMessage, LocalProtocolError, RemoteProtocolError, TimeoutError
from wirespeak.states import diagram

LIMITS = TcpLimits(idle=30.0, message=10.0, grace=10.0, rate=100, linger=2.0)
ONE, TWO, THREE = (bytes([number]) * 12 + b"question" * number for number in (1, 2, 3))


class Server:
    """A server's side, with what it heard; it deals at once with what it hears, unless told to be slow."""

    def __init__(self, *, slow: bool = False) -> None:
        self.woken = 0
        self.session = ServerSession(self.wake, LIMITS)
        self.slow = slow
        self.heard: list[bytes] = []
        self.told: list[Any] = []

    def wake(self) -> None:
        self.woken += 1

    def hear(self, data: bytes | None, now: float = 0.0) -> list[Any]:
        """Hand over ``data``, None for the end of the stream, as a pump does; the events that were no messages."""
        others: list[Any] = []
        events = self.session.receive_eof(now) if data is None else self.session.receive(data, now)
        while events:
            others += [event for event in events if not self.take(event)]
            events = self.session.receive(b"", now)
        self.told += others
        return others

    def take(self, event: Any) -> bool:
        if not isinstance(event, Messages):
            return False
        self.heard += event.messages
        if not self.slow:
            self.session.consumed(len(event.messages))
        return True

    def tick(self, now: float) -> list[Any]:
        assert self.session.deadline <= now
        return [*self.session.tick(now)]

    def said(self) -> list[Any]:
        """What is to be sent: bytes joined, then how the stream ends."""
        segments = list(self.session.data_to_send())
        data = b"".join(segment for segment in segments if isinstance(segment, bytes))
        return [data, *(segment for segment in segments if not isinstance(segment, bytes))]


# --- bytes in any pieces


def test_a_message_has_its_length_in_front() -> None:
    """RFC 1035 4.2.2: two bytes, the high one first."""
    assert framed([b"x" * 258]) == b"\x01\x02" + b"x" * 258
    assert framed([ONE, TWO]) == b"\0\x14" + ONE + b"\0\x1c" + TWO


def test_what_two_bytes_can_not_count_is_not_said() -> None:
    with pytest.raises(LocalProtocolError, match="65,536"):
        framed([bytes(65536)])
    assert len(framed([bytes(65535)])) == 65537


def test_split_at_every_byte_the_messages_are_the_same() -> None:
    stream = framed([ONE, TWO, THREE])
    for split in range(len(stream) + 1):
        server = Server()
        server.hear(stream[:split])
        server.hear(stream[split:])
        server.hear(None)
        assert (server.heard, server.told) == ([ONE, TWO, THREE], [])


@given(st.lists(st.binary(min_size=12, max_size=300), max_size=30), st.lists(st.integers(1, 400), max_size=40))
def test_any_pieces_make_the_same_messages(messages: list[bytes], sizes: list[int]) -> None:
    messages = [b"\0" + message for message in messages]  # none begins like an HTTP request
    server, stream = Server(), framed(messages)
    for size in sizes:
        server.hear(stream[:size])
        stream = stream[size:]
    server.hear(stream)
    assert (server.heard, server.told) == (messages, [])


def test_both_sides_hear_what_the_other_says() -> None:
    server, client = Server(slow=True), ClientSession()
    client.send(Messages([ONE, TWO]))
    client.finish(0.0)
    *segments, end = client.data_to_send()
    assert end is FINISH
    server.hear(b"".join(segments))
    server.hear(None)
    assert server.heard == [ONE, TWO]
    # RFC 7766 7: in any order, and (RFC 5936 2.2) several to one question.
    server.session.send(Messages([TWO, ONE, THREE]))
    server.session.consumed(2)
    said = server.said()[0]
    assert server.session.closed
    heard = [event for piece in (said[:30], said[30:]) for event in client.receive(piece, 0.0)]
    assert [message for event in heard for message in event.messages] == [TWO, ONE, THREE]
    assert client.receive_eof(0.0) == []
    assert client.closed


def test_an_event_holds_some_messages_and_not_all_that_came() -> None:
    session = ServerSession(lambda: None, LIMITS)
    (event,) = session.receive(framed([ONE] * 100), 0.0)
    assert event == Messages([ONE] * BATCH)
    assert not session.reading  # what is kept is dealt with first


# --- what is no message


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("piece", [1, 3, 100])
def test_a_browser_is_turned_away_before_anything_sees_what_it_says(method: str, piece: int) -> None:
    server = Server()
    request = f"{method} / HTTP/1.1\r\nHost: localhost:8053\r\n\r\n".encode()
    for at in range(0, len(request), piece):
        server.hear(request[at : at + piece])
    (error,) = server.told
    assert isinstance(error, RemoteProtocolError)
    assert server.said() == [b"", FINISH]
    assert server.heard == []


def test_a_message_of_which_the_name_of_a_method_is_part_is_none_of_a_browsers() -> None:
    server = Server()
    server.hear(framed([ONE, b"GET / HTTP/1.1\r\n\r\n"]))
    assert server.heard == [ONE, b"GET / HTTP/1.1\r\n\r\n"]


@pytest.mark.parametrize("size", [0, 1, 11])
def test_what_is_shorter_than_a_header_does_nothing_to_the_next(size: int) -> None:
    """RFC 1035 4.2.2: each has a length of its own. Whether it is answered is not decided here."""
    server = Server()
    server.hear(framed([ONE, bytes(size), TWO]))
    assert server.heard == [ONE, bytes(size), TWO]


def test_half_a_message_at_the_end_is_told_and_the_rest_answered() -> None:
    server = Server(slow=True)
    server.hear(framed([ONE]) + framed([TWO])[:-1])
    (error,) = server.hear(None)
    assert isinstance(error, IncompleteMessage)
    server.session.send(Messages([THREE]))
    server.session.consumed(1)
    assert server.said() == [framed([THREE])]
    assert server.session.closed


def test_a_client_is_told_of_an_answer_that_is_cut_short() -> None:
    client = ClientSession()
    assert client.receive(framed([ONE])[:-1], 0.0) == ()
    (error,) = client.receive_eof(0.0)
    assert isinstance(error, IncompleteMessage)
    assert client.closed
    with pytest.raises(LocalProtocolError):
        client.send(Messages([ONE]))


def test_only_messages_can_be_said() -> None:
    for session in (ServerSession(lambda: None), ClientSession()):
        with pytest.raises(LocalProtocolError):
            session.send(b"bytes")


# --- the end


def test_after_the_clients_end_what_it_asked_is_answered() -> None:
    server = Server(slow=True)
    server.hear(framed([ONE, TWO]))
    server.hear(None)
    assert not server.session.closed
    server.session.send(Messages([ONE]))
    server.session.consumed(1)
    assert not server.session.closed
    server.session.consumed(1)  # a question need not be answered
    assert server.session.closed
    assert server.said() == [framed([ONE])]


def test_one_that_stops_answers_first_what_was_asked() -> None:
    server = Server(slow=True)
    server.hear(framed([ONE]))
    server.session.finish(1.0)
    assert not server.session.reading
    assert server.said() == [b""]
    server.session.send(Messages([TWO]))
    server.session.consumed(1)
    server.hear(b"", 2.0)
    assert server.said() == [framed([TWO]), FINISH]
    assert server.tick(4.0) == []  # the client does not end its side
    assert server.session.closed


def test_one_that_stops_while_nothing_is_asked_ends_at_once() -> None:
    server = Server()
    server.session.finish(1.0)
    assert server.said() == [b"", FINISH]
    server.hear(None)
    assert server.session.closed


def test_behind_our_end_nothing_is_heard_and_not_for_ever() -> None:
    server = Server()
    server.session.finish(0.0)
    server.hear(framed([ONE]))
    assert server.heard == []
    with pytest.raises(LocalProtocolError):
        server.session.send(Messages([ONE]))
    for _ in range(LINGER_SIZE // 65536):
        server.hear(bytes(65536))
    server.hear(b"one more")
    assert server.session.closed


# --- time


def test_an_idle_connection_is_ended_in_good_order() -> None:
    """RFC 7766 6.2.3."""
    server = Server()
    server.hear(b"")
    assert server.session.deadline == 30.0
    server.hear(framed([ONE]), 20.0)
    assert server.session.deadline == 50.0
    assert server.tick(50.0) == []
    assert server.said() == [b"", FINISH]


def test_a_connection_is_not_idle_while_an_answer_is_due() -> None:
    server = Server(slow=True)
    server.hear(framed([ONE]), 5.0)
    assert server.session.deadline == math.inf
    server.session.send(Messages([ONE]))
    server.session.consumed(1)
    server.hear(b"", 100.0)
    assert server.session.deadline == 130.0


@pytest.mark.parametrize("came", [b"\0", b"\0\x20", framed([THREE])[:-1]], ids=["half a length", "a length", "all but a byte"])
def test_a_message_once_begun_has_to_come(came: bytes) -> None:
    server = Server()
    server.hear(framed([ONE]), 0.0)
    server.hear(came[:1], 20.0)
    assert server.session.deadline == 30.0
    for at in range(1, len(came)):  # a byte now and then doesn't make the time longer
        server.hear(came[at : at + 1], 29.0)
    assert server.session.deadline == 30.0
    (error,) = server.tick(30.0)
    assert isinstance(error, TimeoutError)
    assert server.said() == [b"", FINISH]


def test_after_a_message_that_came_in_time_the_next_has_its_own() -> None:
    server = Server()
    stream = framed([ONE, TWO])
    server.hear(stream[:5], 0.0)
    server.hear(stream[5:25], 9.0)
    assert server.session.deadline == 19.0
    server.hear(stream[25:], 18.0)
    assert (server.heard, server.session.deadline) == ([ONE, TWO], 48.0)


# --- room


def test_no_more_questions_are_read_than_may_wait() -> None:
    """However many are pipelined, so many are under way, and the rest stays with the peer."""
    server = Server(slow=True)
    server.hear(framed([ONE] * (PIPELINED + 50)))
    assert len(server.heard) == PIPELINED
    assert not server.session.reading
    woken = server.woken
    server.session.consumed(PIPELINED)
    assert server.woken > woken
    server.hear(b"")
    assert len(server.heard) == PIPELINED + 50
    assert server.session.reading


def test_no_more_questions_are_given_out_than_there_is_room_for_their_answers() -> None:
    server = Server()
    answer = bytes(60_000)
    events = server.session.receive(framed([ONE] * 100), 0.0)
    given = 0
    while events:
        for event in events:
            given += len(event.messages)
            server.session.send(Messages([answer] * len(event.messages)))
            server.session.consumed(len(event.messages))
        events = server.session.receive(b"", 0.0)
    assert given == BATCH
    assert not server.session.reading
    woken = server.woken
    server.said()
    assert server.woken > woken
    assert server.session.receive(b"", 0.0) == (Messages([ONE] * BATCH),)


def test_who_takes_no_answers_is_asked_for_no_more_questions() -> None:
    server = Server()
    server.hear(framed([ONE]))
    server.session.send(Messages([TWO] * 100))
    server.said()
    server.session.blocked(2000, 1.0)
    assert not server.session.reading
    server.hear(framed([ONE]), 1.0)
    assert len(server.heard) == 1
    server.session.blocked(1000, 10.0)
    assert server.session.deadline == 20.0  # 1,000 bytes at 100 a second are 10 seconds more, but never more than the grace ahead
    server.session.blocked(0, 12.0)
    server.hear(b"", 12.0)
    assert len(server.heard) == 2
    assert server.session.reading


def test_who_takes_next_to_nothing_is_cut_off() -> None:
    server = Server()
    server.session.blocked(2000, 0.0)
    server.session.blocked(1999, 9.0)
    assert server.session.deadline == pytest.approx(10.01)
    (error,) = server.tick(10.01)
    assert isinstance(error, TimeoutError)
    assert server.said() == [b"", ABORT]
    assert server.session.closed


# --- the tables


@pytest.mark.parametrize("table", [SERVER, CLIENT])
def test_every_state_is_reached_and_ends(table: Any) -> None:
    drawn = diagram(table, start=State.OPEN)
    assert "CLOSED --> [*]" in drawn
