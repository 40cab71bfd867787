"""The server's side of a connection: lines in and out, and what ends it. Times are told, not waited for."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirespeak.contract import ABORT, FINISH, Segment
from wirespeak.errors import LocalProtocolError
from wirespeak.irc.limits import CROWDED, ENDLESS, KEPT, LINGER_SIZE, LINGER_TIME, STOPPING_TIME, ServerLimits
from wirespeak.irc.messages import Ended, Malformed, Message, NotUtf8, TooLong
from wirespeak.irc.session import LONGEST, ServerSession
from wirespeak.irc.states import State

QUICK = ServerLimits(burst=math.inf)


class Peer:
    """A session with a pump around it that takes all, as told."""

    def __init__(self, limits: ServerLimits | None = None, *, registered: bool = True, name: str = "irc.home.test") -> None:
        self.woken = 0
        self.session = ServerSession(self.wake, limits or QUICK, name=name)
        self.now = 0.0
        assert self.session.receive(b"", 0.0) == ()
        if registered:
            self.says(b"NICK ann\r\n")
            self.session.registered()
            self.hears()

    def wake(self) -> None:
        self.woken += 1

    def says(self, data: bytes) -> list[Any]:
        """The events of ``data``, and of what was kept before."""
        events: list[Any] = []
        some = self.session.receive(data, self.now)
        while some:
            events += some
            some = self.session.receive(b"", self.now)
        return events

    def ends(self) -> list[Any]:
        """The peer ends its side."""
        return [*self.session.receive_eof(self.now), *self.says(b""), *self.waits(0)]

    def hears(self) -> list[Segment]:
        return list(self.session.data_to_send())

    def waits(self, seconds: float) -> list[Any]:
        """Time passes, as a pump lets it: it calls at each deadline."""
        until = self.now + seconds
        events: list[Any] = []
        while self.session.deadline <= until:
            self.now = max(self.now, self.session.deadline)
            events += self.session.tick(self.now)
            events += self.says(b"")
        self.now = until
        return events


def commands(events: list[Any]) -> list[str]:
    return [event.command for event in events]


# --- lines


def test_messages_one_by_one() -> None:
    peer = Peer(registered=False)
    assert peer.says(b"NICK ann\r\nUSER ann 0 * :Ann Hu\r\n") == [Message("NICK", ["ann"]), Message("USER", ["ann", "0", "*", "Ann Hu"])]


def test_one_event_a_call() -> None:
    """Each command's answer may decide what becomes of the next."""
    session = Peer().session
    assert len(session.receive(b"JOIN #a\r\nQUIT\r\nJOIN #b\r\n", 0.0)) == 1
    session.close("Quit")
    assert session.receive(b"", 0.0) == ()


def test_lf_alone_ends_a_line_and_empty_ones_are_nothing() -> None:
    """RFC 1459 8: servers have always taken it; Modern IRC: an empty message is ignored."""
    assert commands(Peer().says(b"\r\n\n  \r\nPING a\n\r\nPONG b\r\n")) == ["PING", "PONG"]


@given(st.lists(st.integers(0, 200), max_size=8))
def test_pieces_may_fall_anywhere(cuts: list[int]) -> None:
    stream = "PRIVMSG #caf\u00e9 :\u4f60\u597d\r\nPING x\n@+a=b TAGMSG #a\r\n\xff".encode() + b"\xff\r\n" + b"x" * 600 + b"\r\nQUIT :\r\nJO"
    whole = Peer().says(stream)
    peer = Peer()
    ends = sorted({min(one, len(stream)) for one in cuts} | {len(stream)})
    events = [event for start, end in zip([0, *ends], ends, strict=False) for event in peer.says(stream[start:end])]
    assert events == whole
    assert [type(event) for event in whole] == [Message, Message, Message, NotUtf8, TooLong, Message]


def test_a_byte_at_a_time() -> None:
    peer = Peer()
    events = [event for byte in b"@+a=b PRIVMSG #a :x\r\nPING \xc3\xa9\r\n" for event in peer.says(bytes([byte]))]
    assert events == [Message("PRIVMSG", ["#a", "x"], tags={"+a": "b"}), Message("PING", ["\u00e9"])]


@pytest.mark.parametrize(
    ("line", "event"),
    [
        (b"PRIVMSG #a :" + b"x" * 498, Message("PRIVMSG", ["#a", "x" * 498])),
        (b"PRIVMSG #a :" + b"x" * 499, TooLong(False)),
        (b"@+a=" + b"b" * 4091 + b" TAGMSG #a", Message("TAGMSG", ["#a"], tags={"+a": "b" * 4091})),
        (b"@+a=" + b"b" * 4092 + b" TAGMSG #a", TooLong(True)),
        (b"@+a=" + b"b" * 4091 + b" " + b"X" * 510, Message("X" * 510, tags={"+a": "b" * 4091})),
        (b"@+a=" + b"b" * 4091 + b" " + b"X" * 511, TooLong(False)),
        (b"@" + b"a" * 600, TooLong(False)),
        (b"@" + b"a" * 9000, TooLong(True)),
        (b"@a " + b"X" * 9000, TooLong(False)),
        (b"X" * 5000, TooLong(False)),
        (b"X" * LONGEST + b"@" + b"a" * 5000, TooLong(False)),
        (b"PRIVMSG #a :\xff", NotUtf8("PRIVMSG")),
        (b"@+a=\xff :x privmsg #a", NotUtf8("PRIVMSG")),
        (b"\xff\xfe", NotUtf8("*")),
        (b"@+a=\xff", NotUtf8("*")),
        (b"@+a;label=b\\sc PRIVMSG #a :\xff", NotUtf8("PRIVMSG", "b c")),
        (b"@label=a\xff PRIVMSG #a :b", NotUtf8("PRIVMSG")),
        (b"@label=a\0 " + b"X" * 511, TooLong(False)),
        (b"@label=a " + b"X" * 511, TooLong(False, "a")),
        (b"@label=a;" + b"b" * 4500 + b" X", TooLong(True, "a")),
    ],
)
def test_bounds_of_a_line(line: bytes, event: Any) -> None:
    """IRCv3 message-tags, Size limit: 4094 bytes of tags from a client; RFC 1459 2.3: 512 of the rest; IRCv3 utf8only."""
    peer = Peer()
    assert peer.says(line + b"\r\nPING a\r\n") == [event, Message("PING", ["a"])]


@pytest.mark.parametrize(
    ("line", "command", "code"),
    [
        (b"PRIVMSG #a :b\rQUIT", "PRIVMSG", 0),
        (b"PRIVMSG #a :b\0", "PRIVMSG", 0),
        (b"PRIVMSG #a :b\r", "PRIVMSG", 0),
        (b"42 #a", "42", 421),
        (b"#a", "*", 421),
        (b":source", "*", 421),
    ],
)
def test_what_is_no_message_is_dropped(line: bytes, command: str, code: int) -> None:
    (event,) = Peer().says(line + b"\r\n")
    assert isinstance(event, Malformed)
    assert (event.command, event.error.code) == (command, code)


def test_a_line_without_end() -> None:
    peer = Peer()
    for _ in range(ENDLESS // 4096):
        assert peer.says(b"x" * 4096) == []
    assert peer.says(b"x" * 8192) == [Ended("Input line was too long")]
    assert peer.hears() == [b"ERROR :Closing Link: irc.home.test (Input line was too long)\r\n", FINISH]


@pytest.mark.parametrize("line", [b"GET / HTTP/1.1", b"POST /x HTTP/1.1", b"CONNECT a:1 HTTP/1.1", b"PRI * HTTP/2.0", b"OPTIONS"])
def test_a_browser_is_dropped_without_a_word(line: bytes) -> None:
    peer = Peer(registered=False)
    assert peer.says(line + b"\r\nHost: a\r\n\r\nNICK ann\r\nUSER a 0 * :a\r\n") == []
    assert peer.hears() == [FINISH]
    assert peer.says(b"NICK ann\r\n") == []
    assert peer.ends() == []
    assert peer.session.closed


def test_later_lines_may_begin_like_http() -> None:
    assert commands(Peer().says(b"TRACE x\r\nCONNECT y\r\n")) == ["TRACE", "CONNECT"]


# --- a verdict that is waited for


def test_nothing_is_heard_while_a_verdict_is_awaited() -> None:
    peer = Peer(registered=False)
    session = peer.session
    assert commands(list(session.receive(b"AUTHENTICATE x\r\nCAP END\r\n", 0.0))) == ["AUTHENTICATE"]
    session.hold()
    assert session.state is State.ASKED
    assert peer.says(b"QUIT\r\n") == []
    woken = peer.woken
    session.release()
    assert peer.woken == woken + 1
    assert commands(peer.says(b"")) == ["CAP", "QUIT"]


def test_what_is_kept_meanwhile_is_bounded() -> None:
    peer = Peer()
    peer.session.hold()
    while peer.session.reading:
        assert peer.says(b"PING x\r\n" * 100) == []
    assert peer.session.deadline > 100  # and nobody is thrown out for it
    peer.session.release()
    assert len(peer.says(b"")) == math.ceil(KEPT / 800) * 100
    assert peer.session.reading


def test_the_welcome_may_come_of_the_verdict() -> None:
    peer = Peer(registered=False)
    peer.says(b"AUTHENTICATE x\r\n")
    peer.session.hold()
    peer.session.registered()
    states = [peer.session.state]
    peer.session.release()
    assert [*states, peer.session.state] == [State.BUSY, State.REGISTERED]


def test_the_end_of_the_stream_waits_for_the_verdict_too() -> None:
    peer = Peer()
    peer.session.hold()
    assert peer.ends() == []
    peer.session.release()
    assert peer.says(b"") == [Ended("Connection closed")]


# --- how fast


def test_a_burst_and_then_one_a_second() -> None:
    """RFC 1459 8.10: ten seconds ahead, no more."""
    peer = Peer(ServerLimits(burst=10.0))
    peer.waits(60)
    lines = b"".join(b"PRIVMSG #a :%d\r\n" % number for number in range(20))
    first = peer.says(lines)
    assert len(first) == 11
    assert peer.session.reading
    assert len(peer.waits(1.0)) == 1
    assert len(peer.waits(2.5)) == 2
    assert [message.params[1] for message in first + peer.waits(100)] != []
    assert peer.says(b"") == []


def test_after_silence_there_is_a_burst_again() -> None:
    peer = Peer(ServerLimits(burst=10.0))
    peer.waits(30)
    assert len(peer.says(b"PRIVMSG #a :x\r\n" * 11)) == 11
    peer.waits(30)
    assert len(peer.says(b"PRIVMSG #a :x\r\n" * 11)) == 11


def test_who_is_exempt_never_waits() -> None:
    peer = Peer(ServerLimits(burst=10.0))
    peer.session.exempt = True
    assert len(peer.says(b"PRIVMSG #a :x\r\n" * 500)) == 500


def test_a_flood_ends_the_connection() -> None:
    limits = ServerLimits(burst=10.0, receive_queue=4096)
    peer = Peer(limits)
    events = peer.says(b"PRIVMSG #a :x\r\n" * 1000)
    assert events[-1] == Ended("Excess Flood")
    assert len(events) < 15
    assert peer.hears()[-2:] == [b"ERROR :Closing Link: irc.home.test (Excess Flood)\r\n", FINISH]


def test_garbage_is_not_for_nothing() -> None:
    peer = Peer(ServerLimits(burst=10.0))
    assert len(peer.says(b"\xff\r\n" * 50)) < 15
    peer = Peer(ServerLimits(burst=10.0))
    assert len(peer.says((b"x" * 600 + b"\r\n") * 20)) < 15


# --- what goes out


def test_lines_of_a_turn_go_out_together() -> None:
    peer = Peer()
    woken = peer.woken
    for line in (b":a PRIVMSG #a :1\r\n", b":a PRIVMSG #a :2\r\n"):
        peer.session.queue(line)
    assert peer.woken == woken + 1
    assert peer.session.waiting == 36
    assert peer.hears() == [b":a PRIVMSG #a :1\r\n:a PRIVMSG #a :2\r\n"]
    assert peer.session.waiting == 0
    assert peer.hears() == []


def test_a_message_is_sent_as_a_line() -> None:
    peer = Peer()
    peer.session.send(Message("PONG", ["irc.home.test", "x"], "irc.home.test"))
    assert peer.hears() == [b":irc.home.test PONG irc.home.test :x\r\n"]
    for bad in ("PING", b"PING\r\n", Message("PING", ["\r\n"])):
        with pytest.raises(LocalProtocolError):
            peer.session.send(bad)
    assert peer.hears() == []


def test_who_doesnt_read_is_let_go() -> None:
    """The bound counts what the pump holds too; what was taken already is followed by our last word, and by nothing else."""
    line = b":a PRIVMSG #a :" + b"x" * 85 + b"\r\n"
    limit = 100 * len(line)
    peer = Peer(ServerLimits(send_queue=limit))
    for _ in range(60):
        peer.session.queue(line)
    assert len(peer.hears()[0]) == 60 * len(line)  # type: ignore[arg-type]
    peer.session.blocked(60 * len(line), 0.0)
    for _ in range(40):
        peer.session.queue(line)
    assert peer.session.waiting == limit
    assert peer.says(b"") == []
    woken = peer.woken
    peer.session.queue(line)
    assert peer.woken == woken + 1
    for _ in range(1000):
        peer.session.queue(line)
    assert peer.woken == woken + 1
    assert peer.says(b"QUIT\r\n") == [Ended("SendQ exceeded")]
    assert peer.hears() == [b"ERROR :Closing Link: irc.home.test (SendQ exceeded)\r\n", FINISH]
    assert peer.session.waiting <= limit
    assert peer.waits(LINGER_TIME) == []
    assert peer.hears() == [ABORT]
    assert peer.session.closed


def test_room_that_was_made_may_be_used_again() -> None:
    peer = Peer(ServerLimits(send_queue=1000))
    for _ in range(50):
        peer.session.queue(b"x" * 900)
        assert len(peer.hears()) == 1
        peer.session.blocked(900, 0.0)
        peer.session.blocked(400, 0.0)
        peer.session.queue(b"y" * 600)
        assert len(peer.hears()) == 1
        peer.session.blocked(0, 0.0)
    assert peer.says(b"PING x\r\n") == [Message("PING", ["x"])]


def test_who_is_not_registered_is_told_less() -> None:
    peer = Peer(ServerLimits(early_send_queue=1000), registered=False)
    peer.session.queue(b"x" * 1001)
    assert peer.says(b"") == [Ended("SendQ exceeded")]


def test_a_client_cant_ask_for_more_than_it_takes() -> None:
    """While answers wait, the next command does too; what others say goes on."""
    peer = Peer()
    peer.session.queue(b"x" * (CROWDED + 1))
    peer.hears()
    peer.session.blocked(CROWDED + 1, 0.0)
    assert peer.says(b"LIST\r\n") == []
    peer.session.queue(b":bob PRIVMSG ann :hello\r\n")
    while peer.session.reading:
        peer.says(b"LIST\r\n" * 100)
    peer.hears()
    peer.session.blocked(10, 0.0)
    assert len(peer.says(b"")) > 100
    assert peer.session.reading


def test_answers_that_are_taken_at_once_hold_nothing_up() -> None:
    """The pump need not be blocked for it: it is woken where a command waits for what it takes in the same turn."""
    peer = Peer()
    assert len(peer.session.receive(b"LIST\r\nLIST\r\n", 0.0)) == 1
    peer.session.queue(b"x" * (CROWDED + 1))
    assert peer.session.receive(b"", 0.0) == ()
    woken = peer.woken
    peer.hears()
    assert peer.woken == woken + 1
    assert commands(peer.says(b"")) == ["LIST"]


# --- silence


def test_who_registers_too_slowly() -> None:
    peer = Peer(ServerLimits(register_time=60.0), registered=False)
    peer.waits(59)
    assert commands(peer.says(b"CAP LS 302\r\n")) == ["CAP"]
    assert peer.waits(2) == [Ended("Registration timed out")]


def test_a_silent_peer_is_asked_and_then_given_up() -> None:
    peer = Peer(ServerLimits(ping_after=120.0, ping_time=60.0))
    assert peer.waits(119) == []
    assert peer.hears() == []
    assert peer.waits(1) == []
    assert peer.hears() == [b"PING :irc.home.test\r\n"]
    assert peer.waits(59) == []
    assert peer.waits(1) == [Ended("Ping timeout: 60 seconds")]
    assert peer.hears() == [b"ERROR :Closing Link: irc.home.test (Ping timeout: 60 seconds)\r\n", FINISH]


def test_any_word_is_a_sign_of_life() -> None:
    peer = Peer(ServerLimits(ping_after=120.0, ping_time=60.0))
    for _ in range(5):
        peer.waits(100)
        assert commands(peer.says(b"PRIVMSG #a :x\r\n")) == ["PRIVMSG"]
    assert peer.hears() == []
    peer.waits(130)
    assert peer.hears() == [b"PING :irc.home.test\r\n"]
    assert commands(peer.says(b"PONG :irc.home.test\r\n")) == ["PONG"]
    assert peer.waits(119) == []
    assert peer.hears() == []


def test_a_tick_too_early_does_no_harm() -> None:
    peer = Peer()
    assert peer.session.tick(0.0) == ()
    assert peer.hears() == []


# --- the end


def test_the_last_word() -> None:
    """Modern IRC, ERROR: the reason is told, then the connection ends, once the peer has ended its side."""
    peer = Peer()
    peer.session.host = "cloak.home.test"
    peer.session.queue(b"PONG\r\n")
    peer.session.close("Quit: bye\r\nbye")
    peer.session.close("again")
    peer.session.queue(b"too late\r\n")
    assert peer.hears() == [b"PONG\r\nERROR :Closing Link: cloak.home.test (Quit: bye bye)\r\n", FINISH]
    assert peer.says(b"PRIVMSG #a :x\r\n") == []
    closed = [peer.session.closed]
    assert peer.ends() == []
    assert [*closed, peer.session.closed] == [False, True]
    assert not peer.session.reading
    assert peer.session.deadline == math.inf


def test_nobody_is_waited_for_without_end() -> None:
    peer = Peer()
    peer.session.close("Quit")
    peer.hears()
    assert peer.waits(LINGER_TIME) == []
    assert peer.session.closed
    assert peer.hears() == []

    peer = Peer()
    peer.session.close("Quit")
    for _ in range(LINGER_SIZE // 65536 + 1):
        peer.says(b"x" * 65536)
    assert peer.session.closed


def test_what_the_peer_has_not_taken_is_waited_for_and_not_for_ever() -> None:
    """It may have ended its side, and still be listening."""
    peers = Peer(), Peer()
    for peer in peers:
        peer.session.queue(b"x" * 1000)
        peer.session.close("Quit")
        peer.hears()
        peer.session.blocked(500, 0.0)
        assert peer.ends() == []
    peers[0].session.blocked(0, 0.0)
    assert [peer.session.closed for peer in peers] == [True, False]
    peers[1].waits(LINGER_TIME)
    assert peers[1].session.closed
    assert peers[1].hears() == [ABORT]

    peer = Peer()
    peer.session.close("Quit")
    peer.session.receive_eof(0.0)  # before the pump has had our last word
    assert not peer.session.closed
    peer.hears()
    peer.session.blocked(500, 0.0)
    peer.waits(LINGER_TIME - 1)
    assert not peer.session.closed
    peer.waits(1)
    assert peer.hears() == [ABORT]


def test_the_peer_ends_its_side() -> None:
    peer = Peer()
    assert peer.says(b"PING a\r\nPING b") == [Message("PING", ["a"])]
    assert peer.ends() == [Ended("Connection closed")]
    assert peer.hears() == [b"ERROR :Closing Link: irc.home.test (Connection closed)\r\n", FINISH]
    assert peer.session.closed


def test_what_was_said_before_the_end_is_heard() -> None:
    """As from a program that says all it has to say and ends its side."""
    peer = Peer()
    peer.session.receive(b"PING a\r\nPING b\r\nPING c\r\n", 0.0)
    assert commands(peer.ends()[:-1]) == ["PING", "PING"]


def test_who_floods_and_leaves_has_said_what_was_paid_for() -> None:
    peer = Peer(ServerLimits(burst=10.0))
    events = peer.says(b"PRIVMSG #a :x\r\n" * 30)
    assert len(events) < 12
    assert peer.ends() == [Ended("Connection closed")]


def test_it_is_told_once() -> None:
    peer = Peer()
    assert peer.ends() == [Ended("Connection closed")]
    assert peer.says(b"") == peer.waits(1000) == []
    peer = Peer()
    peer.session.finish(0.0)
    assert peer.hears() == [b"ERROR :Closing Link: irc.home.test (Server shutting down)\r\n", FINISH]
    assert peer.ends() == []


def test_a_server_that_stops_does_not_wait_long_for_who_stays() -> None:
    peer = Peer()
    peer.session.finish(0.0)
    peer.hears()
    assert not peer.session.closed
    peer.waits(STOPPING_TIME)
    assert peer.session.closed


@given(
    st.lists(
        st.one_of(
            st.binary(max_size=60),
            st.sampled_from([b"PING a\r\n", b"@+a=b TAGMSG #a\n", b"QUIT\r\n", b"x" * 5000, b"GET / HTTP/1.1\r\n", b"\r\n\r\n"]),
            st.sampled_from(["hold", "release", "register", "close", "eof", "wait", "block", "unblock", "queue", "read"]),
        ),
        max_size=30,
    )
)
def test_whatever_happens(steps: list[bytes | str]) -> None:
    """Whatever a peer and a server do, in any order: nothing is raised, the end is told once, and what is over stays over."""
    peer = Peer(ServerLimits(burst=5.0, send_queue=4000, early_send_queue=2000), registered=False)
    session = peer.session
    events: list[Any] = []
    ended = False
    for step in steps:
        if isinstance(step, bytes):
            if not ended and session.reading:
                events += peer.says(step)
        elif step == "hold":
            session.hold()
        elif step == "release":
            session.release()
        elif step == "register":
            session.registered()
        elif step == "close":
            session.close("because")
        elif step == "eof" and not ended:
            ended = True
            events += peer.ends()
        elif step == "wait":
            events += peer.waits(30)
        elif step in ("block", "unblock"):
            session.blocked(500 if step == "block" else 0, peer.now)
        elif step == "queue":
            session.queue(b"x" * 700)
        elif step == "read":
            peer.hears()
        assert session.waiting <= 4000 + 600
        if session.closed:
            assert not session.reading
            assert session.deadline == math.inf
    assert sum(isinstance(event, Ended) for event in events) <= 1
    session.release()
    peer.waits(1000)
    assert session.closed
