"""How long a server's conversation waits, in literal seconds: RFC 5321 4.5.3.2, and what ends it in good order (3.8)."""

from __future__ import annotations

import math
from typing import Any

from tests.smtp.dialog import GREETED, WRITING, Dialog, spoken, willing
from wirespeak.smtp.messages import Challenge, DataEnd, Recipient, Reply, Sender


def test_a_client_that_says_nothing() -> None:
    """RFC 5321 4.5.3.2.7: five minutes for the next command."""
    dialog = spoken(
        GREETED
        + """
        at 299.9
        at 300.0
        S: 421 4.4.2 mx.test waits no longer
        S FIN
        at 302.0
        S FIN
        closed
        """
    )
    assert dialog.events[-1] == ("TimeoutError", "a command did not come in time")


def test_a_byte_a_second_is_no_command() -> None:
    dialog = Dialog()
    dialog.take()
    for second in range(300):
        assert dialog.take() == ""
        dialog.at(float(second))
        dialog.hear(b"N")
    dialog.at(300.0)
    assert dialog.take() == "421 4.4.2 mx.test waits no longer\r\n"


def test_each_command_has_its_own_time() -> None:
    spoken(
        GREETED
        + """
        at 250.0
        C: NOOP
        S: 250 2.0.0 OK
        at 549.9
        C: NOOP
        S: 250 2.0.0 OK
        at 849.9
        S: 421 4.4.2 ...
        S FIN
        """
    )


def test_a_mail_that_stops_coming() -> None:
    """Five minutes for the next piece; and so long for the first bytes of all, however many pieces they come in."""
    dialog = spoken(
        WRITING
        + r"""
        at 100.0
        C| half a line
        at 300.0
        at 300.1
        S: 421 4.4.2 mx.test waits no longer
        S FIN
        """
    )
    assert dialog.kinds[-2:] == ["Reset", "TimeoutError"]


def test_a_mail_that_comes_a_byte_a_second() -> None:
    """Once five minutes are over, it must have come at data_rate."""
    dialog = Dialog(limits={"data_rate": 100})
    dialog.hear(b"EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<a@a>\r\nDATA\r\n")
    dialog.take()
    for second in range(303):
        assert dialog.take() == "", f"at {second}"
        dialog.at(float(second))
        dialog.hear(b"x")
    dialog.at(303.1)
    assert dialog.take() == "421 4.4.2 mx.test waits no longer\r\n"


def test_a_large_mail_that_comes_steadily_has_all_the_time_it_needs() -> None:
    dialog = Dialog(limits={"data_rate": 100})
    dialog.hear(b"EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<a@a>\r\nDATA\r\n")
    for second in range(0, 5000, 100):
        dialog.at(float(second))
        dialog.hear(b"x" * 98 + b"\r\n" + b"y" * 9898 + b"\r\n" if second == 0 else (b"z" * 98 + b"\r\n") * 100)
    dialog.take()
    assert not dialog.ended


def test_a_chunk_that_stops_coming() -> None:
    dialog = spoken(
        GREETED
        + r"""
        C| MAIL FROM:<a@b>\r\nRCPT TO:<b@b>\r\nBDAT 20 LAST\r\nxx
        S: 250 2.1.0 Ok
        S: 250 2.1.5 Ok
        at 300.0
        S: 421 4.4.2 ...
        S FIN
        """
    )
    assert dialog.kinds[-2:] == ["Reset", "TimeoutError"]


def test_the_time_that_our_side_takes_is_not_the_clients() -> None:
    dialog = Dialog(consumes=False)
    dialog.hear(b"EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<a@a>\r\nDATA\r\n")
    dialog.hear((b"x" * 98 + b"\r\n") * 3000)
    session = dialog.session
    assert not session.reading
    assert session.deadline == math.inf
    dialog.at(10_000.0)
    session.consumed(300_000)
    dialog.settle()
    assert session.deadline == 10_300.0


def test_a_verdict_that_does_not_come() -> None:
    """A little less than the two to five minutes that the client waits (RFC 5321 4.5.3.2)."""

    def silent(event: Any) -> Reply | Challenge | None:
        return None if isinstance(event, Recipient) else willing(event)

    dialog = spoken(
        GREETED
        + """
        C: MAIL FROM:<a@b>
        C: RCPT TO:<a@b>
        S: 250 2.1.0 Ok
        at 110.0
        S: 421 4.3.0 mx.test has no answer in time
        S FIN
        """,
        silent,
    )
    assert dialog.kinds[-2:] == ["Reset", "TimeoutError"]


def test_a_whole_mail_has_ten_minutes() -> None:
    """RFC 5321 4.5.3.2.6"""
    slow = Dialog(lambda event: None if isinstance(event, DataEnd) else willing(event))
    slow.hear(b"EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<a@a>\r\nDATA\r\n")
    slow.hear(b".\r\n")
    slow.take()
    slow.at(589.9)
    assert slow.take() == ""
    slow.say(Reply(250, "Taken", "2.0.0"))
    slow.settle()
    slow.at(600.0)
    assert slow.take() == "250 2.0.0 Taken\r\n"
    assert slow.session.deadline == 589.9 + 300


def test_a_greeting_that_does_not_come() -> None:
    dialog = Dialog(greeting=None)
    dialog.at(110.0)
    assert dialog.take() == "421 4.3.0 mx.test has no answer in time\r\n"


def test_each_verdict_has_its_own_time() -> None:
    slow = Dialog(lambda event: None if isinstance(event, Sender | Recipient) else willing(event))
    slow.hear(b"EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<a@a>\r\n")
    slow.at(100.0)
    slow.say(Reply(250, "Ok", "2.1.0"))
    slow.settle()
    slow.at(209.0)
    slow.take()
    assert slow.session.deadline == 210.0


def test_the_time_of_a_late_verdict_is_not_the_next_ones() -> None:
    slow = Dialog(lambda event: None if isinstance(event, Sender | Recipient) else willing(event))
    slow.hear(b"EHLO a\r\nMAIL FROM:<>\r\n")
    slow.at(100.0)
    slow.say(Reply(250, "Ok", "2.1.0"))
    slow.settle()
    slow.at(200.0)
    slow.hear(b"RCPT TO:<a@a>\r\n")
    assert slow.session.deadline == 310.0


# --- the program stops (RFC 5321 3.8)


def stopped(dialog: Dialog) -> str:
    dialog.session.finish(dialog.now)
    dialog.settle()
    return dialog.take()


def test_between_two_commands_it_stops_at_once() -> None:
    dialog = Dialog()
    dialog.hear(b"EHLO a\r\nMAIL FROM:<>\r\n")
    dialog.take()
    assert stopped(dialog) == "421 4.3.2 mx.test is shutting down\r\n"
    assert dialog.ended == "FIN"
    dialog.hear_end()
    assert dialog.session.closed


def test_before_the_greeting_it_stops_at_once() -> None:
    assert stopped(Dialog(greeting=None)) == "421 4.3.2 mx.test is shutting down\r\n"


def test_a_mail_that_is_coming_may_come() -> None:
    for begins, rest in ((b"DATA\r\n", b"x\r\n.\r\n"), (b"BDAT 3\r\n", b"x\r\nBDAT 0 LAST\r\n")):
        dialog = Dialog()
        dialog.hear(b"EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<a@a>\r\n" + begins)
        dialog.take()
        assert stopped(dialog) == ""
        dialog.hear(rest)
        assert dialog.take().endswith("250 2.0.0 Taken\r\n421 4.3.2 mx.test is shutting down\r\n")
        assert dialog.mails == [b"x\r\n"]


def test_a_verdict_that_is_awaited_is_said_first() -> None:
    dialog = Dialog(lambda event: None if isinstance(event, Sender) else willing(event))
    dialog.hear(b"EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<a@a>\r\n")
    dialog.take()
    assert stopped(dialog) == ""
    dialog.say(Reply(250, "Ok", "2.1.0"))
    dialog.settle()
    assert dialog.take() == "250 2.1.0 Ok\r\n421 4.3.2 mx.test is shutting down\r\n"
