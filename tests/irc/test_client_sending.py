"""How what a client says waits for its turn, and how it is made to fit."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirespeak.errors import LimitExceeded, LocalProtocolError
from wirespeak.irc.messages import Message
from wirespeak.irc.sending import Priority, Rate, SendQueue, encoded, join_messages, one_name, text_messages

SOURCE = "ann!~ann@home.test"


def test_a_burst_and_then_one_at_a_time() -> None:
    queue = SendQueue(Rate(2, 3))
    lines = [queue.put(b"%d" % number, Priority.NORMAL) for number in range(4)]
    assert queue.take(10) == [b"0", b"1"]
    assert [line.sent for line in lines] == [True, True, False, False]
    assert queue.deadline(10) == pytest.approx(13)
    assert queue.take(12.9) == []
    assert queue.take(13) == [b"2"]
    assert queue.take(queue.deadline(13)) == [b"3"]
    assert queue.deadline(16) == math.inf


def test_the_budget_comes_back_up_to_a_burst() -> None:
    queue = SendQueue(Rate(2, 3))
    for number in range(5):
        queue.put(b"%d" % number, Priority.NORMAL)
    queue.take(0)
    assert queue.take(1000) == [b"2", b"3"]
    queue.refill()
    assert queue.take(1000) == [b"4"]


def test_what_is_urgent_goes_first_and_at_once_and_counts() -> None:
    queue = SendQueue(Rate(1, 3))
    queue.put(b"normal", Priority.NORMAL)
    queue.put(b"low", Priority.LOW)
    for _ in range(3):
        queue.put(b"urgent", Priority.URGENT)
    assert queue.take(0) == [b"urgent"] * 3
    assert queue.take(3) == [b"normal"]
    assert queue.take(6) == [b"low"]


def test_without_a_rate_all_goes_at_once() -> None:
    queue = SendQueue(Rate(1, 0))
    for number in range(100):
        queue.put(b"%d" % number, Priority.NORMAL)
    assert len(queue.take(0)) == 100


def test_a_queue_has_a_bound_but_for_what_is_urgent() -> None:
    queue = SendQueue(Rate())
    for _ in range(2000):
        queue.put(b"x", Priority.NORMAL)
    with pytest.raises(LimitExceeded):
        queue.put(b"x", Priority.LOW)
    queue.put(b"PONG", Priority.URGENT)
    assert queue.take(0)[0] == b"PONG"


def test_what_is_dropped_is_told() -> None:
    queue = SendQueue(Rate())
    line = queue.put(b"x", Priority.NORMAL)
    queue.drop()
    assert (line.sent, line.dropped, len(queue)) == (False, True, 0)


@given(st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0\1"), max_size=3000), st.sampled_from([SOURCE, "ann"]), st.booleans())
def test_every_piece_arrives_whole(text: str, source: str, action: bool) -> None:
    messages = text_messages(source, "PRIVMSG", "#lobby", text, action=action)
    for message in messages:
        assert len(f":{SOURCE} ".encode() + encoded(message)) <= 512
    said = "".join(
        message.params[1].removeprefix("\x01ACTION ").removesuffix("\x01") if action else message.params[1] for message in messages
    )
    assert said.replace(" ", "") == text.replace(" ", "")


@pytest.mark.parametrize("name", ["", ":x", "a b", "a,b"])
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(LocalProtocolError):
        one_name(name)


def test_many_channels_in_few_lines_those_with_keys_first() -> None:
    three = {"#a": "", "#b": "key", "#c": ""}
    assert list(join_messages(three, 20)) == [Message("JOIN", ["#b,#a,#c", "key"])]
    assert list(join_messages(three, 2)) == [Message("JOIN", ["#b,#a", "key"]), Message("JOIN", ["#c"])]
    assert list(join_messages({}, 20)) == []
    many = {f"#channel-{number}": "k" if number % 3 else "" for number in range(200)}
    messages = list(join_messages(many, 200))
    assert all(len(encoded(message)) < 512 for message in messages)
    joined = {}
    for message in messages:
        names, keys = message.params[0].split(","), message.params[1].split(",") if len(message.params) > 1 else []
        joined.update(dict(zip(names, [*keys, *[""] * len(names)], strict=False)))
    assert joined == many
