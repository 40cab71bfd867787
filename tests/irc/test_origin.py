"""Times and names of messages."""

from __future__ import annotations

from wirespeak.irc.origin import Origin


def origin(seed: str = "s") -> Origin:
    return Origin("irc.home.test", lambda: 1_790_000_000.5, seed)


def test_a_time_is_told_in_milliseconds() -> None:
    """IRCv3 server-time: YYYY-MM-DDThh:mm:ss.sssZ."""
    assert origin().stamp(1_318_000_741.0) == "2011-10-07T15:19:01.000Z"
    assert origin().stamp(1_318_000_741.0625) == "2011-10-07T15:19:01.062Z"
    assert origin().stamp(origin().now()) == "2026-09-21T14:13:20.500Z"


def test_each_second_is_told_right_also_after_another() -> None:
    one = origin()
    assert [one.stamp(when) for when in (1.0, 1.5, 2.0, 1.25)] == [
        "1970-01-01T00:00:01.000Z",
        "1970-01-01T00:00:01.500Z",
        "1970-01-01T00:00:02.000Z",
        "1970-01-01T00:00:01.250Z",
    ]


def test_no_two_messages_have_one_name() -> None:
    """Not after a restart either (IRCv3 message-ids): each start has a seed of its own."""
    before, after = origin("a"), origin("b")
    names = [one.msgid() for _ in range(100) for one in (before, after)]
    assert len(set(names)) == 200
