"""A conversation of frames without I/O: what comes of bytes in any pieces, of ends and faults, of time and of room."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.frames.test_messages import EVERY, messages, name
from wirespeak.contract import ABORT, FINISH
from wirespeak.errors import IncompleteMessage, LocalProtocolError, RemoteProtocolError, TimeoutError
from wirespeak.frames import CLASSIC, Dialect, End, Ending, Frames, FramesLimits, FramesSession
from wirespeak.frames.session import BATCH, LINGER_SIZE, ROOM, WINDOW

LIMITS = FramesLimits(idle=100.0, grace=10.0, rate=100, linger=2.0)
MARKED = Dialect("u16be", end=Ending.MARK)
CLOSED = Dialect("u16be")


class Side:
    """One side of a conversation, with what it heard; it consumes what it hears, unless told to be slow."""

    def __init__(self, dialect: Dialect = CLASSIC, *, slow: bool = False, refuse_http: bool = False) -> None:
        self.woken = 0
        self.session = FramesSession(self.wake, dialect, LIMITS, refuse_http=refuse_http)
        self.slow = slow
        self.heard: list[Any] = []
        self.events: list[Any] = []

    def wake(self) -> None:
        self.woken += 1

    def hear(self, data: bytes | None, now: float = 0.0) -> list[Any]:
        """Hand over ``data``, None for the end of the stream, as a pump does; the events that were not messages."""
        others: list[Any] = []
        events = self.session.receive_eof(now) if data is None else self.session.receive(data, now)
        while events:
            for event in events:
                if isinstance(event, Frames):
                    self.heard += event.messages
                    if not self.slow:
                        self.session.consumed(event.size)
                else:
                    others.append(event)
            events = self.session.receive(b"", now)
        self.events += others
        return others

    def said(self) -> list[Any]:
        """What is to be sent: bytes joined, then how the stream ends."""
        segments = list(self.session.data_to_send())
        data = b"".join(segment for segment in segments if isinstance(segment, bytes))
        return [data, *(segment for segment in segments if not isinstance(segment, bytes))]


def join(one: Side, other: Side, piece: int | None = None) -> None:
    """Carry what each says to the other until both are silent; in pieces of ``piece`` bytes."""
    for _ in range(10):
        moved = False
        for here, there in ((one, other), (other, one)):
            for segment in here.session.data_to_send():
                moved = True
                if segment is FINISH:
                    there.hear(None)
                else:
                    assert isinstance(segment, bytes)
                    for part in cut(segment, piece):
                        there.hear(part)
        if not moved:
            return
    raise AssertionError("they never fall silent")


def cut(data: bytes, piece: int | None) -> Iterable[bytes]:
    size = piece or len(data)
    return [data[at : at + size] for at in range(0, len(data), size)]


# --- bytes in any pieces


@pytest.mark.parametrize("dialect", EVERY, ids=name)
def test_split_at_every_byte_the_messages_are_the_same(dialect: Dialect) -> None:
    said: list[Any] = ["", "hello", "Grüße", "x" * 130] if dialect.text else [b"", b"hello", b"\x00\xff", b"x" * 130]
    stream = dialect.encode(said) + dialect.encode_end()
    for split in range(len(stream) + 1):
        side = Side(dialect)
        side.hear(stream[:split])
        side.hear(stream[split:])
        side.hear(None)
        assert side.heard == said
        assert side.events == [End()]


@pytest.mark.parametrize("dialect", EVERY, ids=name)
def test_one_byte_at_a_time_the_messages_are_the_same(dialect: Dialect) -> None:
    said: list[Any] = ["", "hello", "Grüße"] * 3 if dialect.text else [b"", b"hello", b"\x00\xff"] * 3
    side = Side(dialect, refuse_http=True)
    for byte in cut(dialect.encode(said) + dialect.encode_end(), 1):
        side.hear(byte)
    side.hear(None)
    assert (side.heard, side.events) == (said, [End()])


@given(st.data())
def test_any_pieces_make_the_same_messages(data: st.DataObject) -> None:
    dialect = data.draw(st.sampled_from(EVERY))
    said = data.draw(messages(dialect))
    stream = dialect.encode(said)
    splits = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    side = Side(dialect)
    for start, end in zip([0, *splits], [*splits, len(stream)], strict=True):
        side.hear(stream[start:end])
    assert (side.heard, side.events) == (said, [])


def test_many_messages_in_one_read_come_some_at_a_time() -> None:
    session = FramesSession(lambda: None, CLASSIC)
    said = [str(number) for number in range(3 * BATCH + 1)]
    (first,) = session.receive(CLASSIC.encode(said), 0.0)
    (second,) = session.receive(b"", 0.0)
    (third,) = session.receive(b"", 0.0)
    (fourth,) = session.receive(b"", 0.0)
    assert session.receive(b"", 0.0) == ()
    assert [*first.messages, *second.messages, *third.messages, *fourth.messages] == said
    assert first.size + second.size + third.size + fourth.size == len(CLASSIC.encode(said))


def test_a_large_message_comes_whole_from_many_reads() -> None:
    dialect = Dialect("u32be", False, limit=4 << 20)
    side = Side(dialect)
    large = bytes(range(256)) * (12 << 10)
    for piece in cut(dialect.encode([b"before", large, b"behind"]), 65536):
        side.hear(piece)
    assert side.heard == [b"before", large, b"behind"]


def test_of_what_was_heard_nothing_is_kept() -> None:
    dialect = Dialect("u16be", False)
    side = Side(dialect)
    read = dialect.encode([b"x" * 1000] * 60)
    before = sys.getrefcount(read)
    side.hear(read)
    assert len(side.heard) == 60
    assert sys.getrefcount(read) == before


# --- two sessions


@pytest.mark.parametrize("dialect", EVERY, ids=name)
@pytest.mark.parametrize("piece", [None, 1])
def test_two_sessions_hear_what_the_other_says(dialect: Dialect, piece: int | None) -> None:
    one, other = Side(dialect), Side(dialect)
    said: list[Any] = ["hello", "wörld"] if dialect.text else [b"hello", b"\xff"]
    one.session.send(Frames(said))
    one.session.send(End())
    join(one, other, piece)
    assert (other.heard, other.events) == (said, [End()])
    assert not other.session.closed
    other.session.send(Frames(said[:1]))
    other.session.send(End())
    join(one, other, piece)
    assert (one.heard, one.events) == (said[:1], [End()])
    assert one.session.closed
    assert other.session.closed


# --- the end


def test_the_classic_end_closes_both_directions_and_is_not_said_back() -> None:
    side = Side()
    side.hear(CLASSIC.encode(["hello"]) + b"\x03\x00end")
    assert side.events == [End()]
    side.session.send(Frames(side.heard))
    side.session.send(End())
    assert side.said() == [b"\x05\x00hello", FINISH]
    assert side.session.closed


def test_who_ends_first_says_it_in_the_dialect() -> None:
    for dialect, said in ((CLASSIC, b"\x03\x00end"), (MARKED, b"\xff\xff"), (CLOSED, b"")):
        side = Side(dialect)
        side.session.send(End())
        assert side.said() == [said, FINISH]
        assert not side.session.closed  # the peer may still have something to say
        side.hear(dialect.encode(["late"]))
        assert side.heard == ["late"]


def test_a_mark_is_said_by_each_side() -> None:
    side = Side(MARKED)
    side.hear(MARKED.encode_end())
    side.session.send(End())
    assert side.said() == [b"\xff\xff", FINISH]


@pytest.mark.parametrize("dialect", [CLASSIC, CLOSED], ids=name)
def test_a_stream_that_ends_between_frames_is_a_good_end(dialect: Dialect) -> None:
    side = Side(dialect)
    side.hear(dialect.encode(["hello"]))
    assert side.hear(None) == [End()]


def test_nothing_can_be_said_after_the_end() -> None:
    side = Side()
    side.session.send(End())
    with pytest.raises(LocalProtocolError, match="after the end"):
        side.session.send(Frames(["more"]))
    with pytest.raises(LocalProtocolError, match="already"):
        side.session.send(End())
    with pytest.raises(LocalProtocolError, match="sends Frames or End"):
        side.session.send("bare")


def test_a_message_that_can_not_be_sent_leaves_the_conversation_unharmed() -> None:
    side = Side()
    with pytest.raises(LocalProtocolError, match="'end'"):
        side.session.send(Frames(["good", "end"]))
    assert side.said() == [b""]
    side.session.send(Frames(["good"]))
    assert side.said() == [b"\x04\x00good"]


# --- faults


FAULTS = [
    (Dialect("u16be", limit=10), b"\x00\x0b", RemoteProtocolError, "over the limit of 10"),
    (CLASSIC, b"\x02\x00\xff\xfe", RemoteProtocolError, "not UTF-8"),
    (Dialect("netstring"), b"01:a,", RemoteProtocolError, "where a colon was expected"),
    (Dialect("varint"), b"\x80\x00", RemoteProtocolError, "needless zero"),
    (CLASSIC, b"\x03\x00end\x01", RemoteProtocolError, "behind the end"),
    (MARKED, b"\xff\xff\x00", RemoteProtocolError, "behind the end"),
]


@pytest.mark.parametrize(("dialect", "broken", "kind", "said"), FAULTS)
@pytest.mark.parametrize("piece", [None, 1])
def test_a_fault_ends_the_stream_behind_the_answers_to_what_was_right(
    dialect: Dialect, broken: bytes, kind: type[Exception], said: str, piece: int | None
) -> None:
    side = Side(dialect)
    good = ["one", "two"]
    for part in cut(dialect.encode(good), piece):
        side.hear(part)
    side.session.send(Frames(side.heard))
    for part in cut(broken, piece):
        side.hear(part)
    assert side.heard == good
    error = next(event for event in side.events if not isinstance(event, End))
    assert isinstance(error, kind)
    assert said in str(error)
    assert side.said() == [dialect.encode(good), FINISH]
    with pytest.raises(LocalProtocolError):
        side.session.send(Frames(["more"]))


def test_messages_before_a_fault_in_the_same_read_are_given_out_first() -> None:
    session = FramesSession(lambda: None, CLASSIC)
    (good,) = session.receive(CLASSIC.encode(["one", "two"]) + b"\x01\x00\xff" + CLASSIC.encode(["three"]), 0.0)
    assert good.messages == ["one", "two"]
    session.send(good)
    (error,) = session.receive(b"", 0.0)
    assert isinstance(error, RemoteProtocolError)
    assert session.receive(b"", 0.0) == ()
    assert session.data_to_send() == [CLASSIC.encode(["one", "two"]), FINISH]


@pytest.mark.parametrize("dialect", EVERY, ids=name)
def test_a_stream_cut_off_inside_a_frame_is_no_good_end(dialect: Dialect) -> None:
    stream = dialect.encode(["hello" if dialect.text else b"hello"])
    for came in range(1, len(stream)):
        side = Side(dialect)
        side.hear(stream[:came])
        (error,) = side.hear(None)
        assert isinstance(error, IncompleteMessage)
        assert side.session.closed


def test_a_stream_without_its_mark_is_cut_off() -> None:
    side = Side(MARKED)
    side.hear(MARKED.encode(["hello"]))
    (error,) = side.hear(None)
    assert isinstance(error, IncompleteMessage)
    assert side.heard == ["hello"]


def test_after_a_fault_what_comes_is_thrown_away_within_bounds() -> None:
    side = Side()
    side.hear(b"\x01\x00\xff", now=5.0)
    assert side.session.reading
    assert side.session.deadline == 7.0
    for _ in range(LINGER_SIZE // 65536):
        assert side.hear(b"x" * 65536, now=6.0) == []
    assert not side.session.closed
    side.hear(b"x")
    assert side.session.closed

    patient = Side()
    patient.hear(b"\x01\x00\xff", now=5.0)
    patient.session.tick(6.9)
    assert not patient.session.closed
    patient.session.tick(7.0)
    assert patient.session.closed

    polite = Side()
    polite.hear(b"\x01\x00\xff")
    polite.hear(None)
    assert polite.session.closed


@pytest.mark.parametrize("opening", [b"GET / HTTP/1.1\r\n", b"POST /x HTTP/1.1\r\n", b"OPTIONS / HTTP/1.1\r\n"])
@pytest.mark.parametrize("dialect", EVERY, ids=name)
@pytest.mark.parametrize("piece", [None, 1])
def test_a_browser_is_turned_away_before_anything_is_heard(dialect: Dialect, opening: bytes, piece: int | None) -> None:
    side = Side(dialect, refuse_http=True)
    for part in cut(opening + b"x" * 20000, piece):
        side.hear(part)
    assert side.heard == []
    assert isinstance(side.events[0], RemoteProtocolError)
    assert side.said() == [b"", FINISH]


def test_a_message_that_looks_like_http_is_heard_where_it_does_not_open_the_conversation() -> None:
    side = Side(refuse_http=True)
    side.hear(CLASSIC.encode(["GET / HTTP/1.1\r\n\r\n"]))
    assert side.heard == ["GET / HTTP/1.1\r\n\r\n"]


# --- room


def test_while_output_waits_nothing_is_read_or_given_out() -> None:
    side = Side()
    side.session.blocked(1000, 0.0)
    assert not side.session.reading
    side.hear(CLASSIC.encode(["kept"]))
    assert side.heard == []
    side.session.blocked(0, 1.0)
    side.hear(b"", 1.0)
    assert side.heard == ["kept"]
    assert side.session.reading


def test_a_slow_handler_slows_the_peer() -> None:
    dialect = Dialect("u32be", False)
    side = Side(dialect, slow=True)
    one = dialect.encode([b"x" * 50_000])
    given = 0
    while side.session.reading:
        side.hear(one)
        given += len(one)
    assert WINDOW <= given < WINDOW + 2 * len(one)
    side.hear(one)  # from a pump that does not mind
    heard = len(side.heard)
    side.session.consumed(given)
    assert side.woken
    side.hear(b"")
    assert len(side.heard) == heard + 1
    assert side.session.reading


def test_answers_can_not_pile_up_faster_than_they_are_taken() -> None:
    """A handler that answers each byte with many: no more is given out before the pump has taken what there is."""
    side = Side(Dialect("u8", False))
    session = side.session
    session.receive(b"", 0.0)
    large = Frames([b"x" * 200] * BATCH)
    events = session.receive(b"\x01a" * 20_000, 0.0)
    held = 0
    while events:
        session.send(large)
        held += 201 * BATCH
        session.consumed(events[0].size)
        events = session.receive(b"", 0.0)
    assert held <= ROOM + 201 * BATCH
    assert not session.reading
    side.woken = 0
    session.data_to_send()
    assert side.woken  # there is room again: the pump comes back for what was kept
    assert session.receive(b"", 0.0)


# --- time


def test_an_idle_conversation_is_ended_in_good_order() -> None:
    side = Side()
    side.hear(b"", now=0.0)
    assert side.session.deadline == 100.0
    side.hear(CLASSIC.encode(["hello"]), now=50.0)
    assert side.session.deadline == 150.0
    assert side.session.tick(149.0) == ()
    assert side.said() == [b""]
    assert side.session.tick(150.0) == ()
    assert side.said() == [b"\x03\x00end", FINISH]
    assert side.session.deadline == 152.0
    side.session.tick(152.0)
    assert side.session.closed


def test_a_message_once_begun_has_to_come_in_time() -> None:
    side = Side()
    side.hear(b"", now=0.0)
    side.hear(b"\xe8", now=50.0)
    assert side.session.deadline == pytest.approx(60.0 + 2 / 100)
    side.hear(b"\x03", now=55.0)  # now 1,000 bytes are expected
    assert side.session.deadline == pytest.approx(65.0 + 1002 / 100)
    side.hear(b"x" * 500, now=70.0)
    assert side.session.deadline == pytest.approx(65.0 + 1002 / 100)
    (error,) = side.session.tick(76.0)
    assert isinstance(error, TimeoutError)
    assert "502 of 1,002 bytes came" in str(error)
    assert side.said() == [b"", FINISH]


def test_while_a_handler_works_no_clock_runs() -> None:
    side = Side(slow=True)
    side.hear(CLASSIC.encode(["hello"]) + b"\x05", now=0.0)
    assert side.session.deadline == math.inf
    side.session.consumed(7)
    side.hear(b"", now=500.0)
    assert side.session.deadline == pytest.approx(510.0 + 2 / 100)  # the message that has begun gets its whole time


def test_messages_that_wait_for_room_are_not_taken_for_silence() -> None:
    side = Side()
    side.hear(b"", now=0.0)
    side.session.blocked(1000, 99.0)
    side.hear(CLASSIC.encode(["kept"]), now=99.0)
    assert side.session.deadline == 109.0  # by then the peer must have taken something
    side.session.blocked(0, 105.0)
    side.hear(b"", now=105.0)
    assert side.heard == ["kept"]
    assert side.session.deadline == 205.0


def test_a_peer_that_takes_nothing_is_cut_off() -> None:
    side = Side()
    side.session.blocked(5000, 0.0)
    assert side.session.deadline == 10.0
    side.session.blocked(4000, 5.0)  # 1,000 bytes taken: ten seconds more, but never more than the grace from now
    assert side.session.deadline == 15.0
    side.session.blocked(3990, 6.0)  # next to nothing
    assert side.session.deadline == pytest.approx(15.1)
    (error,) = side.session.tick(15.2)
    assert isinstance(error, TimeoutError)
    assert side.session.data_to_send() == [ABORT]
    assert side.session.closed
    assert side.hear(b"\x01\x00x") == []


# --- stopping


def test_finishing_waits_for_what_runs() -> None:
    side = Side(slow=True)
    side.hear(CLASSIC.encode(["hello"]))
    side.session.finish(1.0)
    assert not side.session.reading
    assert side.said() == [b""]
    side.session.send(Frames(["answer"]))
    side.session.consumed(7)
    side.hear(b"", now=2.0)
    assert side.said() == [b"\x06\x00answer\x03\x00end", FINISH]
    assert side.session.deadline == 4.0
    side.hear(None)
    assert side.session.closed


def test_finishing_an_idle_conversation_ends_it_at_once() -> None:
    side = Side(CLOSED)
    side.session.finish(1.0)
    assert side.said() == [b"", FINISH]
    assert side.session.reading  # to see the peer's end
    side.hear(b"\x00\x05late?")
    assert side.heard == []


def test_to_fail_is_to_cut_off() -> None:
    side = Side()
    side.session.send(Frames(["half"]))
    side.session.fail()
    assert side.session.data_to_send() == [ABORT]
    assert side.session.closed
