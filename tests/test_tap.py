"""Watching a conversation changes nothing in it, and misses nothing of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest

from wirespeak.contract import FINISH, Segment
from wirespeak.tap import Tap


class Recorded:
    """A session that answers every line with itself, and keeps every call that reached it."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.out: list[Segment] = []
        self.deadline = math.inf
        self.reading = True
        self.closed = False

    def receive(self, data: bytes, now: float) -> Sequence[Any]:
        self.calls.append(("receive", data, now))
        return [f"heard {line.decode()}" for line in data.splitlines()]

    def receive_eof(self, now: float) -> Sequence[Any]:
        self.calls.append(("receive_eof", now))
        return ["the end"]

    def send(self, message: Any) -> None:
        self.calls.append(("send", message))
        if message == "forbidden":
            raise ValueError(message)
        self.out += [message.encode(), FINISH]

    def data_to_send(self) -> Sequence[Segment]:
        out, self.out = self.out, []
        return out

    def tick(self, now: float) -> Sequence[Any]:
        self.calls.append(("tick", now))
        return ["too late"]

    def consumed(self, count: int) -> None:
        self.calls.append(("consumed", count))

    def blocked(self, pending: int, now: float) -> None:
        self.calls.append(("blocked", pending, now))

    def secured(self, info: Any) -> None:
        self.calls.append(("secured", info))

    def finish(self, now: float) -> None:
        self.calls.append(("finish", now))


@pytest.fixture
def session() -> Recorded:
    return Recorded()


@pytest.fixture
def seen() -> list[tuple[Any, ...]]:
    return []


@pytest.fixture
def tap(session: Recorded, seen: list[tuple[Any, ...]]) -> Tap:
    return Tap(session, lambda *what: seen.append(what), 1.0)


def test_every_call_reaches_the_session(tap: Tap, session: Recorded) -> None:
    tap.receive(b"one\n", 2.0)
    tap.send("hello")
    tap.consumed(4)
    tap.blocked(100, 3.0)
    tap.tick(4.0)
    tap.secured("TLS 1.3")
    tap.receive_eof(5.0)
    tap.finish(6.0)
    assert session.calls == [
        ("receive", b"one\n", 2.0),
        ("send", "hello"),
        ("consumed", 4),
        ("blocked", 100, 3.0),
        ("tick", 4.0),
        ("secured", "TLS 1.3"),
        ("receive_eof", 5.0),
        ("finish", 6.0),
    ]


def test_what_the_session_says_of_itself_is_said_through_the_tap(tap: Tap, session: Recorded) -> None:
    assert (tap.deadline, tap.reading, tap.closed) == (math.inf, True, False)
    session.deadline, session.reading, session.closed = 7.0, False, True
    assert (tap.deadline, tap.reading, tap.closed) == (7.0, False, True)


def test_what_the_session_gives_comes_through_unchanged(tap: Tap) -> None:
    assert tap.receive(b"one\ntwo\n", 2.0) == ["heard one", "heard two"]
    tap.send("hello")
    assert tap.data_to_send() == [b"hello", FINISH]
    assert tap.data_to_send() == []
    assert tap.tick(3.0) == ["too late"]
    assert tap.receive_eof(4.0) == ["the end"]


def test_the_observer_is_told_of_all_in_its_order(tap: Tap, seen: list[tuple[Any, ...]]) -> None:
    tap.receive(b"one\ntwo\n", 2.0)
    tap.send("hello")
    tap.data_to_send()
    tap.tick(3.0)
    tap.secured("TLS 1.3")
    tap.receive_eof(4.0)
    assert seen == [
        ("in", b"one\ntwo\n", 2.0),
        ("event", "heard one", 2.0),
        ("event", "heard two", 2.0),
        ("message", "hello", 2.0),
        ("out", b"hello", 2.0),
        ("out", FINISH, 2.0),
        ("event", "too late", 3.0),
        ("secured", "TLS 1.3", 3.0),
        ("eof", None, 4.0),
        ("event", "the end", 4.0),
    ]


def test_what_carries_no_time_bears_the_latest_one(tap: Tap, seen: list[tuple[Any, ...]]) -> None:
    tap.send("before anything came")
    tap.blocked(100, 2.5)
    tap.send("later")
    tap.finish(3.0)
    tap.send("goodbye")
    assert [(what, now) for _, what, now in seen] == [("before anything came", 1.0), ("later", 2.5), ("goodbye", 3.0)]


def test_going_on_with_what_was_kept_is_no_bytes_that_came(tap: Tap, session: Recorded, seen: list[tuple[Any, ...]]) -> None:
    tap.receive(b"", 2.0)
    assert session.calls == [("receive", b"", 2.0)]
    assert seen == []


def test_a_message_that_was_refused_was_not_said(tap: Tap, seen: list[tuple[Any, ...]]) -> None:
    with pytest.raises(ValueError, match="forbidden"):
        tap.send("forbidden")
    assert seen == []


def test_a_tap_can_be_tapped(session: Recorded) -> None:
    inner: list[Any] = []
    outer: list[Any] = []
    tap = Tap(Tap(session, lambda *what: inner.append(what)), lambda *what: outer.append(what))
    tap.receive(b"one\n", 2.0)
    tap.send("hello")
    tap.data_to_send()
    assert inner == outer
    assert len(inner) == 5
