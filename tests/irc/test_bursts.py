"""Lines that are pasted into a channel: each member gets all of them, in their order, and they are made and queued once for all."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.irc.talk import Client, Net
from wirespeak.irc.limits import ServerLimits
from wirespeak.irc.messages import Ended
from wirespeak.irc.session import Lines, ServerSession

PASTED = [f"PRIVMSG #c :line {number}" for number in range(20)]


def company(net: Net) -> list[Client]:
    """Ann, and who hears her: each with other tags than the others."""
    return [
        net.join("ann", caps="echo-message labeled-response batch message-tags", channels="#c,#d"),
        net.join("bob", channels="#c,#d"),
        net.join("eve", caps="server-time", channels="#c"),
        net.join("dan", caps="message-tags account-tag", channels="#d,#c"),
        net.join("fay", channels="#c"),
    ]


def test_pasted_lines_come_in_their_order() -> None:
    net = Net()
    ann, bob, eve, *_ = company(net)
    ann.says(*PASTED)
    bob.hears(*[f":{ann.prefix} {line}" for line in PASTED])
    eve.hears(*[f"@time=… :{ann.prefix} {line}" for line in PASTED])
    ann.says("PRIVMSG #c :and one more")
    bob.hears(f":{ann.prefix} PRIVMSG #c :and one more")


def test_they_are_queued_once_for_each_member_and_not_once_for_each_line(monkeypatch: pytest.MonkeyPatch) -> None:
    net = Net()
    ann, *others = [net.join(nick, channels="#c") for nick in ("ann", "bob", "eve", "dan")]
    queued: list[ServerSession] = []
    plain, shared = ServerSession.queue, ServerSession.share

    def queue(session: ServerSession, data: bytes) -> None:
        queued.append(session)
        plain(session, data)

    def share(session: ServerSession, lines: Lines) -> None:
        queued.append(session)
        shared(session, lines)

    monkeypatch.setattr(ServerSession, "queue", queue)
    monkeypatch.setattr(ServerSession, "share", share)
    ann.says(*PASTED)
    assert len(queued) == len(others)
    for one in others:
        assert len(one.heard()) == len(PASTED)


def test_what_is_shared_counts_as_soon_as_it_is_sent() -> None:
    """A slow reader's bound holds for it too, whatever was added after it was queued (hostile row 11)."""
    session = ServerSession(lambda: None, ServerLimits(send_queue=10_000, early_send_queue=10_000))
    session.receive(b"NICK ann\r\n", 0.0)
    session.registered()
    lines = Lines(b"x" * 98 + b"\r\n")
    session.share(lines)
    for _ in range(50):
        lines.add(b"y" * 98 + b"\r\n")
    (sent,) = session.data_to_send()
    assert type(sent) is bytes
    assert len(sent) == 5_100
    session.blocked(len(sent), 1.0)
    assert session.waiting == 5_100
    session.queue(b"z" * 4_900)
    assert session.receive(b"", 2.0) == ()
    session.queue(b"z")
    assert session.receive(b"", 3.0) == (Ended("SendQ exceeded"),)


SAID = st.lists(
    st.sampled_from(
        [
            "PRIVMSG #c :one",
            "PRIVMSG #c :two",
            "NOTICE #c :three",
            "@+typing=active PRIVMSG #c :four",
            "@label=l PRIVMSG #c :five",
            "@+typing=active TAGMSG #c",
            "PRIVMSG #d :six",
            "PRIVMSG bob :seven",
            "PRIVMSG #c,bob :eight",
            "PRIVMSG bob,#c :nine",
            "PRIVMSG #c,@#c,#d :ten",
            "PRIVMSG @#c :eleven",
            "MODE #c +m",
            "MODE #c +b fay!*@*",
            "KICK #c fay",
            "INVITE fay #c",
            "NICK annie",
            "PART #c",
            "JOIN #c",
            "AWAY :gone",
            "PING x",
        ]
    ),
    max_size=12,
)


@given(SAID)
@example(["PRIVMSG #c :one", "PRIVMSG #c :two", "PRIVMSG bob :seven", "PRIVMSG #c :one"])
@example(["PRIVMSG #c :one", "PRIVMSG #c :two", "MODE #c +m", "PRIVMSG #c :one"])
def test_nothing_overtakes_anything(said: Sequence[str]) -> None:
    """What everybody hears of lines that come at once is what they hear where each is sent before the next comes."""
    heard = []
    for at_once in (True, False):
        net = Net()
        people = company(net)
        if at_once:
            people[0].says(*said)
        else:
            for line in said:
                people[0].says(line)
                for one in people:
                    one.ticks()
        heard.append([[(line.command, line.params, line.source, sorted(line.tags)) for line in one.heard_messages()] for one in people])
    assert heard[0] == heard[1]
