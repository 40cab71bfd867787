"""The mail's own bytes in a server's conversation: DATA, BDAT (RFC 3030), SIZE (RFC 1870), LMTP (RFC 2033)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.smtp.dialog import GREETED, WRITING, Dialog, spoken, willing
from wirespeak.smtp.limits import ENDLESS_MAIL, WINDOW
from wirespeak.smtp.messages import Challenge, Data, DataBegin, DataEnd, Reply

# --- DATA


@pytest.mark.parametrize(
    ("wire", "mail"),
    [
        (r".\r\n", b""),
        (r"\r\n.\r\n", b"\r\n"),
        (r"a\r\n.\r\n", b"a\r\n"),
        (r"..\r\n.\r\n", b".\r\n"),
        (r"...\r\n.\r\n", b"..\r\n"),
        (r".a\r\n.\r\n", b"a\r\n"),
        (r"a\r\n..\r\n..b\r\n.\r\n", b"a\r\n.\r\n.b\r\n"),
        (r"a\r\n.b\r\n\r\n.\r\n", b"a\r\nb\r\n\r\n"),
        (r"a.\r\n.\r\n", b"a.\r\n"),
        (r"\x00\xff\r\n.\r\n", b"\x00\xff\r\n"),
    ],
)
def test_where_the_mail_ends_and_what_the_dots_mean(wire: str, mail: bytes) -> None:
    """RFC 5321 4.1.1.4, 4.5.2; what is behind its end is a command."""
    dialog = spoken(WRITING + f"\nC| {wire}NOOP\\r\\n\nS: 250 2.0.0 Taken\nS: 250 2.0.0 OK\n")
    assert dialog.mails == [mail]
    assert dialog.events[-1] == DataEnd(len(mail))


@pytest.mark.parametrize(
    "fake",
    [r"\n.\n", r"\n.\r\n", r"\r.\r", r"\r\n.\n", r"\r\n.\r", r"\r.\r\n", r"\r\n.\r\r\n", r"\n\n.\n", r"\r\n\x00.\n", r"\r\r\n.\n"],
)
def test_only_crlf_dot_crlf_ends_a_mail(fake: str) -> None:
    """CVE-2023-51764 and its kin: what looks like an end to others hides a second mail. Neither is taken, and nothing behind is heard."""
    dialog = spoken(
        WRITING
        + f"""
        C| first{fake}MAIL FROM:<boss@mx.test>\\r\\nRCPT TO:<bob@mx.test>\\r\\nDATA\\r\\nsecond\\r\\n.\\r\\nMAIL FROM:<>\\r\\n
        S: 550 5.6.11 a CR or LF that is no part of a CRLF (RFC 5321 2.3.8)
        S FIN
        """
    )
    assert dialog.mails == []
    assert dialog.kinds[-3:] == ["DataBegin", "Reset", "RemoteProtocolError"]
    assert dialog.kinds.count("Sender") == 1


def test_the_mail_comes_before_it_was_asked_for() -> None:
    """RFC 2920 3.1: DATA is the last of a group, since what follows depends on its answer."""
    dialog = spoken(
        GREETED
        + """
        C: MAIL FROM:<ann@client.test>
        C: RCPT TO:<bob@mx.test>
        S: 250 2.1.0 Ok
        S: 250 2.1.5 Ok
        """
    )
    dialog.hear(b"DATA\r\nSubject: x\r\n.\r\n")
    assert dialog.take() == "503 5.5.0 the mail came before it was asked for (RFC 2920 3.1)\r\n"
    assert dialog.ended == "FIN"
    assert dialog.kinds[-2:] == ["Reset", "RemoteProtocolError"]


def test_the_mail_comes_while_the_verdict_is_awaited() -> None:
    dialog = Dialog(lambda event: None if isinstance(event, DataBegin) else willing(event))
    dialog.hear(b"EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<a@a>\r\nDATA\r\n")
    dialog.take()
    dialog.hear(b"S")
    assert dialog.take().startswith("503 5.5.0")
    assert dialog.kinds[-2:] == ["Reset", "RemoteProtocolError"]
    dialog.say(Reply(354, "too late"))
    assert dialog.take() == ""


def test_a_mail_that_is_not_wanted_after_all() -> None:
    """DATA is refused: the mail is still as it was before (RFC 5321 3.3)."""
    spoken(
        WRITING.replace("S: 354 Go on", "S: 452 4.3.1 full")
        + """
        C: NOOP
        S: 250 2.0.0 OK
        C: RCPT TO:<carol@mx.test>
        S: 250 2.1.5 Ok
        """,
        lambda event: Reply(452, "full", "4.3.1") if isinstance(event, DataBegin) else willing(event),
    )


def test_a_mail_longer_than_announced_to_be_possible() -> None:
    """RFC 1870 6.3: it is read to its end, and refused once."""
    dialog = spoken(
        WRITING
        + """
        C: 12345678
        C: 1
        C: .
        C: NOOP
        S: 552 5.3.4 a mail of more than 12 bytes (RFC 1870 6.3)
        S: 250 2.0.0 OK
        """,
        limits={"size": 12},
    )
    assert dialog.kinds[-2:] == ["Reset", "RemoteProtocolError"]


def test_a_mail_as_long_as_may_be() -> None:
    """Neither the dot put in front of a line nor the one at the end counts (RFC 1870 5)."""
    dialog = spoken(
        WRITING
        + """
        C: ..345678
        C: .
        S: 250 2.0.0 Taken
        """,
        limits={"size": 9},
    )
    assert dialog.mails == [b".345678\r\n"]


def test_a_mail_announced_as_too_long() -> None:
    """RFC 1870 6.1"""
    spoken(
        GREETED
        + """
        C: MAIL FROM:<ann@client.test> SIZE=1001
        S: 552 5.3.4 a mail of more than 1,000 bytes (RFC 1870 6.1)
        C: MAIL FROM:<ann@client.test> SIZE=1000
        S: 250 2.1.0 Ok
        """,
        limits={"size": 1000},
    )


def test_a_mail_without_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not read for ever: a gigabyte beyond what may be, and here a megabyte."""
    assert ENDLESS_MAIL == 1 << 30
    monkeypatch.setattr("wirespeak.smtp.session.ENDLESS_MAIL", 1 << 20)
    dialog = Dialog(limits={"size": 10})
    dialog.hear(b"EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<a@a>\r\nDATA\r\n")
    dialog.take()
    for _ in range(16):
        dialog.hear(b"x" * (64 << 10))
        assert not dialog.ended
    dialog.hear(b"x" * 11)
    assert dialog.take() == "552 5.3.4 a mail without an end (RFC 1870 6.3)\r\n"
    assert dialog.ended == "FIN"


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (998, "250 2.0.0 Taken"),
        (999, "550 5.6.0 a line of more than 1,000 bytes (RFC 5321 4.5.3.1.6)"),
    ],
)
def test_how_long_a_line_may_be(length: int, said: str) -> None:
    """RFC 5321 4.5.3.1.6: 1000 octets with CRLF, without the dot put in front of it."""
    for wire in ("x" * length, "." + "." * length, "short\r\n" + "x" * length + "\r\nshort"):
        for cut in (0, 1, 2, 500, length, length + 1, length + 2):
            dialog = Dialog()
            dialog.hear(b"EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<a@a>\r\nDATA\r\n")
            dialog.take()
            mail = f"{wire}\r\n.\r\n".encode()
            dialog.hear(mail[:cut])
            dialog.hear(mail[cut:])
            assert dialog.take() == f"{said}\r\n"


def test_long_lines_where_they_are_allowed() -> None:
    dialog = Dialog(limits={"text_line": 0})
    dialog.hear(b"EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<a@a>\r\nDATA\r\n")
    dialog.hear(b"x" * 100_000 + b"\r\n.\r\n")
    assert len(dialog.mails[0]) == 100_002


@pytest.mark.parametrize(("hops", "said"), [(99, "250 2.0.0 Taken"), (100, "554 5.4.6 100 servers have passed this mail on...")])
def test_a_mail_that_goes_round_in_a_loop(hops: int, said: str) -> None:
    """RFC 5321 6.3; what looks like such a line in the body is none."""
    dialog = Dialog()
    dialog.hear(b"EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<a@a>\r\nDATA\r\n")
    dialog.take()
    mail = b"Received: by a\r\nreceived: by b\r\n" * 49 + b"RECEIVED: by c\r\n" * (hops - 98)
    mail += b"X-Received: no\r\n Received: folded\r\n\r\n" + b"Received: x\r\n" * 10 + b".\r\n"
    for at in range(0, len(mail), 7):
        dialog.hear(mail[at : at + 7])
    answer = dialog.take()
    assert answer.startswith(said.removesuffix("..."))


def test_a_mail_is_taken_no_faster_than_it_is_consumed() -> None:
    dialog = Dialog(consumes=False)
    dialog.hear(b"EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<a@a>\r\nDATA\r\n")
    session = dialog.session
    line = b"x" * 98 + b"\r\n"
    while session.reading:
        dialog.hear(line * 600)
    held = len(dialog.events[-1].data)
    assert WINDOW <= held < WINDOW + 60_000 + 100
    assert session.receive(b"more\r\n", 0.0) == ()
    session.consumed(held - WINDOW)
    assert not session.reading
    woken = dialog.woken
    session.consumed(1)
    assert session.reading
    assert dialog.woken == woken + 1
    dialog.settle()
    assert dialog.events[-1].data.endswith(b"more\r\n")


def test_what_a_refused_mail_left_unconsumed_holds_up_nothing() -> None:
    """The server is told to forget it, and need not say what it has dealt with."""
    dialog = Dialog(consumes=False, limits={"size": 2 * WINDOW})
    dialog.hear(b"EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<a@a>\r\nDATA\r\n")
    dialog.take()
    line = b"x" * 98 + b"\r\n"
    dialog.hear(line * (WINDOW // 100))
    dialog.hear(b"a bare LF\n" + line * 100)
    assert dialog.session.reading
    dialog.hear(line * (WINDOW // 100) * 3 + b".\r\n")
    assert dialog.take().startswith("550 5.6.11")


def test_a_connection_that_ends_inside_a_mail() -> None:
    dialog = spoken(
        WRITING
        + r"""
        C| half\r\n
        C FIN
        closed
        """
    )
    assert dialog.kinds[-2:] == ["Reset", "IncompleteMessage"]
    assert dialog.mails == []


# --- BDAT


def test_a_mail_in_two_chunks() -> None:
    """RFC 3030 4.1: nothing in it is looked for, so a dot alone is a line like any other."""
    dialog = spoken(
        GREETED
        + r"""
        C: MAIL FROM:<ann@client.test>
        C: RCPT TO:<bob@mx.test>
        C| BDAT 7\r\nfirst\r\nBDAT 9 LAST\r\n.\r\nlast\r\nQUIT\r\n
        S: 250 2.1.0 Ok
        S: 250 2.1.5 Ok
        S: 250 2.0.0 7 bytes taken
        S: 250 2.0.0 Taken
        S: 221 2.0.0 ...
        closed
        """
    )
    assert dialog.mails == [b"first\r\n.\r\nlast\r\n"]
    assert dialog.events[-3:] == [DataBegin(chunking=True), Data(b"first\r\n.\r\nlast\r\n"), DataEnd(16)]


def test_an_empty_last_chunk() -> None:
    dialog = spoken(
        GREETED
        + r"""
        C: MAIL FROM:<ann@client.test> BODY=BINARYMIME
        C: RCPT TO:<bob@mx.test>
        C| BDAT 4\r\na\nb\r
        C: BDAT 0
        C: bdat 0 last
        S: 250 2.1.0 Ok
        S: 250 2.1.5 Ok
        S: 250 2.0.0 4 bytes taken
        S: 250 2.0.0 0 bytes taken
        S: 250 2.0.0 Taken
        """
    )
    assert dialog.mails == [b"a\nb\r"]


@pytest.mark.parametrize("chunks", [r"BDAT 3 LAST\r\na\nb", r"BDAT 2 LAST\r\na\r", r"BDAT 2\r\na\rBDAT 2 LAST\r\nb\n"])
def test_a_text_in_chunks_has_lines_too(chunks: str) -> None:
    """RFC 3030 2: only BINARYMIME lifts the rules of lines. Where the mail ends is certain: the connection goes on."""
    text = rf"""
        C: MAIL FROM:<ann@client.test>
        C: RCPT TO:<bob@mx.test>
        C| {chunks}NOOP\r\n
        S: 250 2.1.0 Ok
        S: 250 2.1.5 Ok
        S: 550 5.6.11 ...
        S: 250 2.0.0 OK
        """
    if "b\\n" in chunks and "LAST\\r\\nb" in chunks:
        text = text.replace("S: 550", "S: 250 2.0.0 2 bytes taken\n        S: 550")
    dialog = spoken(GREETED + text)
    assert dialog.mails == []
    assert dialog.kinds[-2:] == ["Reset", "RemoteProtocolError"]


def test_chunks_that_nobody_asked_for_are_read_and_refused() -> None:
    """RFC 3030 2: what BDAT announces comes, and is never taken for commands."""
    dialog = spoken(
        GREETED
        + r"""
        C| BDAT 17 LAST\r\nMAIL FROM:<a@b>\r\nNOOP\r\n
        S: 503 5.5.1 BDAT has no place here: a mail begins with MAIL (RFC 5321 4.1.4)
        S: 250 2.0.0 OK
        C| MAIL FROM:<a@b>\r\nRCPT TO:<nobody@b>\r\nBDAT 6\r\nRSET\r\nBDAT 0 LAST\r\nNOOP\r\n
        S: 250 2.1.0 Ok
        S: 550 5.1.1 No such user
        S: 554 5.5.1 ...
        S: 554 5.5.1 ...
        S: 250 2.0.0 OK
        """
    )
    assert dialog.mails == []


def test_what_may_not_stand_among_chunks() -> None:
    """RFC 3030 2, 3: DATA and BDAT don't mix; RSET ends it all."""
    dialog = spoken(
        GREETED
        + r"""
        C| MAIL FROM:<a@b>\r\nRCPT TO:<b@b>\r\nBDAT 2\r\nxxDATA\r\nRCPT TO:<c@b>\r\nMAIL FROM:<a@b>\r\nNOOP\r\n
        S: 250 2.1.0 Ok
        S: 250 2.1.5 Ok
        S: 250 2.0.0 2 bytes taken
        S: 503 5.5.1 DATA ...
        S: 503 5.5.1 RCPT ...
        S: 503 5.5.1 MAIL ...
        S: 250 2.0.0 OK
        C| RSET\r\nBDAT 2 LAST\r\nxx
        S: 250 2.0.0 OK
        S: 503 5.5.1 BDAT ...
        """
    )
    assert dialog.mails == []
    assert "Reset" in dialog.kinds


def test_more_bytes_than_were_announced_are_commands() -> None:
    spoken(
        GREETED
        + r"""
        C| MAIL FROM:<a@b>\r\nRCPT TO:<b@b>\r\nBDAT 2 LAST\r\nxxyy\r\n
        S: 250 2.1.0 Ok
        S: 250 2.1.5 Ok
        S: 250 2.0.0 Taken
        S: 500 5.5.2 no such command (RFC 5321 4.1.1)
        """
    )


@pytest.mark.parametrize("argument", ["", " x", " -1", " 1 FIRST", " 1 LAST x", " 99999999999999999999"])
def test_a_chunk_of_no_size(argument: str) -> None:
    """Where its bytes end is not to be known, so nothing behind is heard."""
    dialog = spoken(
        GREETED
        + f"""
        C: MAIL FROM:<a@b>
        C: RCPT TO:<b@b>
        C: BDAT{argument}
        C: NOOP
        S: 250 2.1.0 Ok
        S: 250 2.1.5 Ok
        S: 501 5.5.4 BDAT needs a number of bytes, and LAST behind the last (RFC 3030 2)
        S FIN
        """
    )
    assert dialog.kinds[-2:] == ["Reset", "LostCount"]


def test_chunks_that_are_too_much_together() -> None:
    dialog = spoken(
        GREETED
        + r"""
        C| MAIL FROM:<a@b>\r\nRCPT TO:<b@b>\r\nBDAT 6\r\nabcdefBDAT 7 LAST\r\nghijklm
        C: NOOP
        S: 250 2.1.0 Ok
        S: 250 2.1.5 Ok
        S: 250 2.0.0 6 bytes taken
        S: 552 5.3.4 ...
        S: 250 2.0.0 OK
        """,
        limits={"size": 12},
    )
    assert dialog.kinds[-2:] == ["Reset", "RemoteProtocolError"]


def test_a_chunk_that_is_too_much_to_be_thrown_away() -> None:
    dialog = Dialog()
    dialog.hear(b"EHLO a\r\n")
    dialog.take()
    dialog.hear(b"BDAT 9999999999999999999 LAST\r\n")
    assert dialog.take().startswith("503 5.5.1")
    assert dialog.ended == "FIN"


def test_a_chunk_whose_mail_is_not_wanted() -> None:
    """The verdict is said when the chunk has come; the mail is over (RFC 3030 2)."""
    dialog = spoken(
        GREETED
        + r"""
        C| MAIL FROM:<a@b>\r\nRCPT TO:<b@b>\r\nBDAT 2\r\nxxBDAT 2 LAST\r\nyy
        S: 250 2.1.0 Ok
        S: 250 2.1.5 Ok
        S: 452 4.3.1 full
        S: 503 5.5.1 ...
        """,
        lambda event: Reply(452, "full", "4.3.1") if isinstance(event, DataBegin) else willing(event),
    )
    assert dialog.kinds[-3:] == ["DataBegin", "Reset", "RemoteProtocolError"]


def test_a_connection_that_ends_inside_a_chunk() -> None:
    """CVE-2026-45185: what comes behind an end is never taken for the rest."""
    dialog = spoken(
        GREETED
        + r"""
        C| MAIL FROM:<a@b>\r\nRCPT TO:<b@b>\r\nBDAT 20 LAST\r\nxx
        S: 250 2.1.0 Ok
        S: 250 2.1.5 Ok
        C FIN
        closed
        """
    )
    assert dialog.kinds[-2:] == ["Reset", "IncompleteMessage"]


# --- LMTP


LMTP = """
    S: 220 mx.test ESMTP
    C: LHLO client.test
    S: 250-mx.test greets client.test
    S...
    C: MAIL FROM:<ann@client.test>
    C: RCPT TO:<bob@mx.test>
    C: RCPT TO:<nobody@mx.test>
    C: RCPT TO:<carol@mx.test>
    S: 250 2.1.0 Ok
    S: 250 2.1.5 Ok
    S: 550 5.1.1 No such user
    S: 250 2.1.5 Ok
"""


class Postman(Dialog):
    """A server of LMTP that says of each recipient what became of the mail."""

    def say(self, *messages: Any) -> None:
        if isinstance(self.session.asked, DataEnd):
            messages = (Reply(250, "for Bob", "2.0.0"), Reply(452, "Carol's box is full", "4.2.2"))
        super().say(*messages)


def test_a_reply_for_each_recipient(monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 2033 4.2"""
    monkeypatch.setattr("tests.smtp.dialog.Dialog", Postman)
    dialog = spoken(
        LMTP
        + r"""
        C: DATA
        S: 354 Go on
        C| Hello\r\n.\r\nQUIT\r\n
        S: 250 2.0.0 for Bob
        S: 452 4.2.2 Carol's box is full
        S: 221 2.0.0 ...
        closed
        """,
        lmtp=True,
    )
    assert dialog.mails == [b"Hello\r\n"]


@pytest.mark.parametrize(
    ("content", "said", "end"),
    [(r"DATA\r\n", "354 Go on", ""), (r"BDAT 9 LAST\r\n", "", "")],
)
def test_a_refusal_for_each_recipient(content: str, said: str, end: str) -> None:
    """RFC 2033 4.2: so many replies are waited for, whoever gives them."""
    dialog = Dialog(lmtp=True, limits={"text_line": 5})
    dialog.hear(b"LHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<a@a>\r\nRCPT TO:<b@a>\r\n")
    dialog.take()
    dialog.hear(content.replace(r"\r\n", "\r\n").encode())
    assert dialog.take() == (f"{said}\r\n" if said else "")
    dialog.hear(b"too long\n"[:7] + b"\r\n" + (b".\r\n" if "DATA" in content else b"") + b"NOOP\r\n")
    lines = dialog.take().splitlines()
    assert [line[:9] for line in lines] == ["550 5.6.0"] * 2 + ["250 2.0.0"]


def test_lmtp_has_a_greeting_of_its_own() -> None:
    """RFC 2033 4.1, 4.2"""
    spoken(
        """
        S: 220 mx.test ESMTP
        C: EHLO client.test
        S: 500 5.5.1 no such command (RFC 2033 4.1)
        C: HELO client.test
        S: 500 5.5.1 no such command (RFC 2033 4.1)
        C: LHLO client.test
        S: 250-mx.test greets client.test
        S...
        C: MAIL FROM:<ann@client.test>
        C: RCPT TO:<nobody@mx.test>
        C: DATA
        S: 250 2.1.0 Ok
        S: 550 5.1.1 No such user
        S: 503 5.5.1 ...
        """,
        lmtp=True,
    )


def test_a_late_verdict_on_one_of_two() -> None:
    def hesitant(event: Any) -> Reply | Challenge | None:
        return None if isinstance(event, DataEnd) else willing(event)

    dialog = Dialog(hesitant, lmtp=True)
    dialog.hear(b"LHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<a@a>\r\nRCPT TO:<b@a>\r\nDATA\r\n")
    dialog.take()
    dialog.hear(b".\r\nNOOP\r\n")
    dialog.say(Reply(250, "one", "2.0.0"))
    dialog.settle()
    assert dialog.take() == "250 2.0.0 one\r\n"
    dialog.say(Reply(250, "two", "2.0.0"))
    dialog.settle()
    assert dialog.take() == "250 2.0.0 two\r\n250 2.0.0 OK\r\n"
