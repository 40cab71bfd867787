"""Servers that don't want, are too slow, or break the rules: what a client makes of them, by script, in memory."""

from __future__ import annotations

import pytest

from tests.smtp.scripted import (
    ANN,
    BOB,
    CAROL,
    CLEAR,
    ENVELOPE,
    GOODBYE,
    MAIL,
    PIPELINED,
    PLAIN,
    TEXT,
    Counting,
    network,
    talk,
)
from wirespeak.errors import (
    ConnectError,
    ConnectionLost,
    IncompleteMessage,
    Refused,
    RemoteProtocolError,
    TimeoutError,
)
from wirespeak.smtp.client import BlockingClient, Timeouts
from wirespeak.sockets.memory import MemoryNetwork

# --- servers that don't want, or don't keep to the rules


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("    S: 554 5.7.1 no mail from you\n" + GOODBYE, 554),
        ("    S: 421 4.3.2 busy\n    S FIN\n", 421),
        ("    S: 220 hi\n    C: EHLO me.test\n    S: 550 go\n    C: HELO me.test\n    S: 550 go away\n" + GOODBYE, 550),
        ("    S: 220 hi\n    C: EHLO me.test\n    S: 421 busy\n    S FIN\n", 421),
    ],
)
def test_a_server_that_does_not_want_us(script: str, code: int) -> None:
    with pytest.raises(Refused) as caught:
        talk(script)
    assert caught.value.reply.code == code


@pytest.mark.parametrize("offers", [PLAIN, PIPELINED])
def test_a_goodbye_instead_of_an_answer_refuses_all(offers: str) -> None:
    answers = "    S: 250 ok\n    S: 421 4.3.2 closing\n    S FIN\n"
    group = "    C: MAIL FROM:<ann@home.test>\n    C: RCPT TO:<bob@home.test>\n    C: RCPT TO:<carol@home.test>\n    C: DATA\n"
    single = "    C: MAIL FROM:<ann@home.test>\n    S: 250 ok\n    C: RCPT TO:<bob@home.test>\n    S: 421 4.3.2 closing\n    S FIN\n"
    _, client = talk(offers + (group + answers if offers is PIPELINED else single))
    with client, pytest.raises(Refused) as caught:
        client.send(MAIL, ANN, [BOB, CAROL])
    error = caught.value
    assert {reply.code for reply in error.report.refused.values()} == {421}
    assert len(error.report.refused) == 2


def test_a_goodbye_in_the_middle_of_the_text_is_heard() -> None:
    script = PLAIN + ENVELOPE + "    C: DATA\n    S: 354 go on\n    C| " + "x" * 65536 + "\n    S: 452 4.3.1 disk full\n    S FIN\n"
    _, client = talk(script)
    with client, pytest.raises(Refused, match="disk full"):
        client.send(b"x" * 200_000, ANN, [BOB])


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ("    S: hello\n    C FIN\n", RemoteProtocolError),
        ("    S| 220 hi\\n\n    C FIN\n", RemoteProtocolError),
        ("    S FIN\n", ConnectionLost),
        ("    S| 220\n    S FIN\n", IncompleteMessage),
        ("    S RST\n", ConnectionLost),
        ("    wait 1000\n    S: 220 hi\n", TimeoutError),
    ],
)
def test_what_ends_a_conversation_is_told(script: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        talk(script)


@pytest.mark.parametrize(
    ("rest", "late"),
    [
        ("    C: MAIL FROM:<ann@home.test>\n    wait 1000\n", 300.0),
        (ENVELOPE + "    C: DATA\n    wait 1000\n", 120.0),
        (ENVELOPE + "    C: DATA\n    S: 354 go on\n" + TEXT + "    wait 1000\n", 600.0),
    ],
)
def test_how_long_a_client_waits(rest: str, late: float) -> None:
    """RFC 5321 4.5.3.2."""
    net, client = talk(PLAIN + rest)
    with client, pytest.raises(TimeoutError):
        client.send(MAIL, ANN, [BOB])
    assert net.now() == late


def test_it_waits_no_longer_than_it_is_told_to() -> None:
    net, client = talk(PLAIN + "    C: MAIL FROM:<ann@home.test>\n    wait 1000\n", timeouts=Timeouts.at_most(9))
    with client, pytest.raises(TimeoutError):
        client.send(MAIL, ANN, [BOB])
    assert net.now() == 9.0


class Slow(Counting):
    """A server that takes a piece of the text every so many seconds, and then no more."""

    def __init__(self, every: float, most: int = 1000) -> None:
        super().__init__()
        self.every = every
        self.most = most
        self.taken = 0

    def receive(self, data: bytes, now: float) -> tuple[()]:
        if not self.taken:
            if data != b"DATA\r\n":
                return super().receive(data, now)
            self.out.append(b"354 go on\r\n")
        elif data.endswith(b"\r\n.\r\n"):
            self.out.append(b"250 taken\r\n")
            self.taken = -1
        if data:
            self.taken += 1
            self.reading = not self.taken
            self.deadline = now + self.every if 0 < self.taken <= self.most else float("inf")
        return ()

    def tick(self, now: float) -> tuple[()]:
        self.reading, self.deadline = True, float("inf")
        return ()


def test_a_server_that_takes_a_text_slowly_is_borne_with() -> None:
    """RFC 5321 4.5.3.2.5: three minutes are for a piece of it, not for the whole."""
    net = MemoryNetwork({("server", 25): Slow(every=100.0)}, piece=10_000)
    with BlockingClient.connect("server", network=net, **CLEAR) as client:
        assert client.send(b"x" * 200_000, ANN, [BOB]).accepted == [BOB]
    assert 2000.0 <= net.now() < 2500.0


def test_and_not_where_it_takes_nothing_more() -> None:
    net = MemoryNetwork({("server", 25): Slow(every=100.0, most=3)}, piece=10_000)
    with (
        BlockingClient.connect("server", network=net, **CLEAR) as client,
        pytest.raises(TimeoutError, match="took nothing for 180 seconds"),
    ):
        client.send(b"x" * 200_000, ANN, [BOB])


def test_a_goodbye_is_not_waited_for_for_long() -> None:
    net, client = talk(PLAIN + "    C: QUIT\n    wait 1000\n")
    client.close()
    assert net.now() == 5.0


def test_who_has_been_said_goodbye_to_is_told_so_again() -> None:
    _, client = talk(PLAIN + "    C: NOOP\n    S: 421 4.3.2 closing\n    S FIN\n")
    assert client.noop().code == 421
    for _ in range(2):
        with pytest.raises(Refused, match="421"):
            client.noop()
    client.close()
    with pytest.raises(Refused):
        client.send(MAIL, ANN, [BOB])


def test_nothing_is_said_once_it_is_closed() -> None:
    _, client = talk(PLAIN + GOODBYE)
    client.close()
    for ask in (client.noop, lambda: client.send(MAIL, ANN, [BOB]), lambda: client.probe(ANN, [])):
        with pytest.raises(ConnectionLost):
            ask()


def test_nobody_there() -> None:
    with pytest.raises(ConnectError):
        BlockingClient.connect("elsewhere", network=network())
