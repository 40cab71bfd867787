"""A server's conversation: the examples of RFC 5321 appendix D, what may follow what, and how errors are answered."""

from __future__ import annotations

from typing import Any

import pytest

from tests.smtp.dialog import GREETED, WRITING, Dialog, spoken, willing
from wirespeak.contract import ABORT
from wirespeak.errors import LocalProtocolError
from wirespeak.smtp.limits import COMMANDS_A_CALL, LINGER_SIZE
from wirespeak.smtp.mailbox import Mailbox
from wirespeak.smtp.messages import Challenge, Data, DataBegin, DataEnd, Expand, Hello, Recipient, Reply, Reset, Sender, Verify

# --- RFC 5321 appendix D


def test_a_typical_transaction() -> None:
    """D.1, but for the names; pipelining is not used."""
    dialog = spoken(
        GREETED
        + """
        C: MAIL FROM:<Smith@client.test>
        S: 250 2.1.0 Ok
        C: RCPT TO:<Jones@mx.test>
        S: 250 2.1.5 Ok
        C: RCPT TO:<nobody@mx.test>
        S: 550 5.1.1 No such user
        C: RCPT TO:<Brown@mx.test>
        S: 250 2.1.5 Ok
        C: DATA
        S: 354 Go on
        C: Blah blah blah...
        C: ...etc. etc. etc.
        C: .
        S: 250 2.0.0 Taken
        C: QUIT
        S: 221 2.0.0 mx.test closes the connection
        closed
        """
    )
    assert dialog.events == [
        Hello("client.test", "EHLO"),
        Sender(Mailbox("Smith", "client.test")),
        Recipient(Mailbox("Jones", "mx.test")),
        Recipient(Mailbox("nobody", "mx.test")),
        Recipient(Mailbox("Brown", "mx.test")),
        DataBegin(),
        Data(b"Blah blah blah...\r\n..etc. etc. etc.\r\n"),
        DataEnd(37),
    ]


def test_an_aborted_transaction() -> None:
    """D.2"""
    dialog = spoken(
        GREETED
        + """
        C: MAIL FROM:<Smith@client.test>
        S: 250 2.1.0 Ok
        C: RCPT TO:<Jones@mx.test>
        S: 250 2.1.5 Ok
        C: RCPT TO:<nobody@mx.test>
        S: 550 5.1.1 No such user
        C: RSET
        S: 250 2.0.0 OK
        C: QUIT
        S: 221 2.0.0 mx.test closes the connection
        closed
        """
    )
    assert dialog.events[-1] == Reset()
    assert dialog.mails == []


def test_verifying_and_sending() -> None:
    """D.4"""
    dialog = spoken(
        GREETED
        + """
        C: VRFY Crispin
        S: 252 2.0.0 Try and see
        C: EXPN a list
        S: 252 2.0.0 Try and see
        C: MAIL FROM:<EAK@bar.test>
        S: 250 2.1.0 Ok
        C: VRFY "Ann Smith"@mx.test
        S: 252 2.0.0 Try and see
        C: VRFY d\u00f6rte SMTPUTF8
        S: 252 2.0.0 Try and see
        """
    )
    assert dialog.events[1:3] == [Verify("Crispin"), Expand("a list")]
    assert dialog.events[-1] == Verify("d\u00f6rte")


def test_what_is_offered() -> None:
    """RFC 5321 4.1.1.1: a line each; RFC 2034 4: no enhanced code in front of them."""
    spoken(
        """
        S: 220 mx.test ESMTP
        C: EHLO [192.0.2.1]
        S: 250-mx.test greets [192.0.2.1]
        S: 250-PIPELINING
        S: 250-8BITMIME
        S: 250-SMTPUTF8
        S: 250-ENHANCEDSTATUSCODES
        S: 250-CHUNKING
        S: 250-BINARYMIME
        S: 250-DSN
        S: 250-HELP
        S: 250 SIZE 1000
        """,
        limits={"size": 1000},
    )


def test_helo_gets_one_line_and_no_extension() -> None:
    spoken(
        """
        S: 220 mx.test ESMTP
        C: HELO client.test
        S: 250 mx.test greets client.test
        C: MAIL FROM:<ann@client.test> SIZE=10
        S: 555 5.5.4 a parameter that was not offered...
        C: MAIL FROM:<ann@client.test>
        S: 250 2.1.0 Ok
        C: RCPT TO:<bob@mx.test> NOTIFY=NEVER
        S: 555 5.5.4 ...
        """
    )


def test_a_group_of_commands_is_answered_in_one_piece() -> None:
    """RFC 2920 3.1, and that the answers go out together."""
    dialog = Dialog()
    dialog.session.data_to_send()
    dialog.hear(b"EHLO a\r\n")
    dialog.take()
    session = dialog.session
    for_bob = b"MAIL FROM:<ann@client.test>\r\nRCPT TO:<bob@mx.test>\r\nRCPT TO:<nobody@mx.test>\r\nDATA\r\n"
    events = session.receive(for_bob, 0.0)
    while events:
        answer = willing(events[-1])
        assert answer is not None
        session.send(answer)
        events = session.receive(b"", 0.0)
    assert session.data_to_send() == [b"250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n550 5.1.1 No such user\r\n354 Go on\r\n"]


def test_two_mails_over_one_connection() -> None:
    dialog = spoken(
        WRITING
        + """
        C: one
        C: .
        C: MAIL FROM:<>
        C: RCPT TO:<Postmaster>
        C: DATA
        S: 250 2.0.0 Taken
        S: 250 2.1.0 Ok
        S: 250 2.1.5 Ok
        S: 354 Go on
        C: two
        C: .
        C: QUIT
        S: 250 2.0.0 Taken
        S: 221 2.0.0 ...
        closed
        """
    )
    assert dialog.mails == [b"one\r\n", b"two\r\n"]
    assert Sender(None) in dialog.events
    assert Recipient(Mailbox("Postmaster", "")) in dialog.events


# --- what may follow what


@pytest.mark.parametrize(
    ("before", "line", "said"),
    [
        ("", "MAIL FROM:<a@b>", "503 5.5.1"),
        ("", "RCPT TO:<a@b>", "503 5.5.1"),
        ("", "DATA", "503 5.5.1"),
        ("", "AUTH PLAIN", "503 5.5.1"),
        ("", "STARTTLS", "503 5.5.1"),
        ("", "NOOP", "250 2.0.0"),
        ("", "RSET", "250 2.0.0"),
        ("", "HELP", "214"),
        ("", "VRFY ann", "252 2.0.0"),
        ("EHLO a", "RCPT TO:<a@b>", "503 5.5.1"),
        ("EHLO a", "DATA", "503 5.5.1"),
        ("EHLO a", "HELO a", "250 mx.test"),
        ("EHLO a|MAIL FROM:<a@b>", "MAIL FROM:<a@b>", "503 5.5.1"),
        ("EHLO a|MAIL FROM:<a@b>", "DATA", "503 5.5.1"),
        ("EHLO a|MAIL FROM:<a@b>|RCPT TO:<nobody@b>", "DATA", "554 5.5.1"),
        ("EHLO a|MAIL FROM:<a@b>|RCPT TO:<b@b>", "MAIL FROM:<a@b>", "503 5.5.1"),
        ("EHLO a|MAIL FROM:<a@b>|RCPT TO:<b@b>", "AUTH PLAIN", "503 5.5.1"),
        ("EHLO a|MAIL FROM:<a@b>|RCPT TO:<b@b>|EHLO a", "DATA", "503 5.5.1"),
        ("EHLO a|MAIL FROM:<a@b>|RCPT TO:<b@b>|HELO a", "RCPT TO:<b@b>", "503 5.5.1"),
        ("EHLO a|MAIL FROM:<a@b>|RCPT TO:<b@b>|RSET", "DATA", "503 5.5.1"),
        ("EHLO a|MAIL FROM:<a@b>|RCPT TO:<b@b>|EHLO", "DATA", "354"),
        ("EHLO a|MAIL FROM:<a@b>|RCPT TO:<b@b>|NOOP|VRFY x|HELP|XYZZY", "DATA", "354"),
        ("EHLO a|MAIL FROM:<a@b> BODY=BINARYMIME|RCPT TO:<b@b>", "DATA", "503 5.5.1"),
    ],
)
def test_each_command_in_its_place(before: str, line: str, said: str) -> None:
    """RFC 5321 4.1.4; an EHLO that is refused changes nothing; RFC 3030 3 of the last one."""
    dialog = Dialog(tls=True, mechanisms=["PLAIN"], auth_in_clear=True)
    for command in filter(None, before.split("|")):
        dialog.hear(f"{command}\r\n".encode())
    dialog.take()
    dialog.hear(f"{line}\r\n".encode())
    answer = dialog.take()
    assert answer.startswith((f"{said} ", f"{said}-")), answer


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("XYZZY", "500 5.5.2"),
        ("", "500 5.5.2"),
        ("   ", "500 5.5.2"),
        (" NOOP", "500 5.5.2"),
        ("NOOP\\x00", "500 5.5.2"),
        ("NO\\x08OP", "500 5.5.2"),
        ("NOOP a\\x7f", "500 5.5.2"),
        ("NOOP a\\rb", "500 5.5.2"),
        ("NOOP \\xff", "500 5.5.2"),
        ("NOOP  \\t ", "250 2.0.0"),
        ("noop anything at all", "250 2.0.0"),
        ("TURN", "502 5.5.1"),
        ("ETRN a", "502 5.5.1"),
        ("LHLO a", "500 5.5.2"),
        ("RSET now", "501 5.5.4"),
        ("DATA now", "503 5.5.1"),
        ("QUIT now", "501 5.5.4"),
        ("EHLO", "501 5.5.4"),
        ("EHLO a b", "501 5.5.4"),
        ("EHLO a_b.test.", "250-mx.test greets"),
        ("MAIL", "501 5.5.4"),
        ("MAIL FROM", "501 5.5.4"),
        ("MAIL <a@b>", "501 5.5.4"),
        ("mail from: <a@b>", "250 2.1.0"),
        ("VRFY", "501 5.5.4"),
        ("VRFY d\\xc3\\xb6rte", "553 5.6.7"),
        ("MAIL FROM:<d\\xc3\\xb6rte@b>", "553 5.6.7"),
        ("MAIL FROM:<d\\xc3\\xb6rte@b> SMTPUTF8", "250 2.1.0"),
        ("STARTTLS", "502 5.5.1"),
        ("AUTH PLAIN", "502 5.5.1"),
        ("NOOP " + "a" * 505, "250 2.0.0"),
        ("NOOP " + "a" * 506, "500 5.5.2"),
        ("NOOP " + "a" * 20_000, "500 5.5.2"),
        ("EHLO " + "a" * 300, "501 5.5.4"),
    ],
)
def test_how_a_line_is_answered(line: str, said: str) -> None:
    """RFC 5321 4.2.4, 4.3.2; whatever it is, the next command is heard."""
    dialog = Dialog()
    dialog.hear(b"EHLO a\r\n")
    dialog.take()
    dialog.hear(line.encode("latin-1").decode("unicode_escape").encode("latin-1") + b"\r\nNOOP\r\n")
    answer, behind = dialog.take().rsplit("250 2.0.0 OK\r\n", 1)
    if said == "250 2.0.0":
        answer = "250 2.0.0 OK"
    assert answer.startswith(f"{said} "), answer
    assert behind == ""


# --- greetings


def test_no_service_here() -> None:
    """RFC 5321 3.1: after 554 QUIT is all that is left."""
    spoken(
        """
        S: 554 mx.test no mail here
        C: EHLO client.test
        S: 503 5.5.1 EHLO has no place here: there is no service here, QUIT is all that is left...
        C: QUIT
        S: 221 2.0.0 ...
        closed
        """,
        greeting=Reply(554, "no mail here", "5.7.1"),
    )


def test_sent_away_at_once() -> None:
    dialog = Dialog(greeting=Reply(421, "too many of you", "4.7.0"))
    assert dialog.take() == "421 4.7.0 too many of you\r\n"
    assert dialog.ended == "FIN"


def test_who_talks_before_the_greeting_is_turned_away() -> None:
    """RFC 5321 4.3.1: the client waits. Here for five seconds."""
    dialog = spoken(
        """
        at 4.9
        C: EHLO client.test
        S: 554 5.5.0 the client talked before it was greeted (RFC 5321 4.3.1)
        S FIN
        at 7.0
        S FIN
        closed
        """,
        greet_delay=5.0,
    )
    assert dialog.kinds == ["RemoteProtocolError"]


def test_the_greeting_is_held_back() -> None:
    spoken(
        """
        at 4.9
        at 5.0
        S: 220 mx.test ESMTP
        C: NOOP
        S: 250 2.0.0 OK
        """,
        greet_delay=5.0,
    )


def test_a_greeting_that_comes_after_the_delay_is_said_at_once() -> None:
    dialog = Dialog(greeting=None, greet_delay=5.0)
    dialog.at(6.0)
    assert dialog.take() == ""
    dialog.say(Reply(220, "mx.test at last"))
    dialog.settle()
    assert dialog.take() == "220 mx.test at last\r\n"


def test_a_refused_hello_leaves_the_client_nameless() -> None:
    def stern(event: Any) -> Reply | Challenge | None:
        return Reply(550, "not you", "5.7.1") if isinstance(event, Hello) else willing(event)

    spoken(
        """
        S: 220 mx.test ESMTP
        C: EHLO client.test
        S: 550 not you
        C: MAIL FROM:<ann@client.test>
        S: 503 5.5.1 ...
        """,
        stern,
    )


# --- enhanced codes (RFC 2034 4), and text


def test_a_code_that_the_server_left_out_is_put_in() -> None:
    def terse(event: Any) -> Reply | Challenge | None:
        return Reply(450, "not now\nreally") if isinstance(event, Sender) else willing(event)

    spoken(
        GREETED
        + """
        C: MAIL FROM:<ann@client.test>
        S: 450-4.0.0 not now
        S: 450 4.0.0 really
        """,
        terse,
    )


def test_letters_beyond_ascii_are_for_those_who_asked() -> None:
    """RFC 6531 3.7.4.2"""

    def chatty(event: Any) -> Reply | Challenge | None:
        return Reply(250, f"{event.mailbox} \u00e9", "2.1.5") if isinstance(event, Recipient) else willing(event)

    spoken(
        GREETED
        + """
        C: MAIL FROM:<ann@client.test>
        C: RCPT TO:<bob@mx.test>
        C: RSET
        C: MAIL FROM:<ann@client.test> SMTPUTF8
        C: RCPT TO:<bob@mx.test>
        S: 250 2.1.0 Ok
        S: 250 2.1.5 bob@mx.test \\xe9
        S: 250 2.0.0 OK
        S: 250 2.1.0 Ok
        S: 250 2.1.5 bob@mx.test \u00e9
        """,
        chatty,
    )


# --- hostile lines


def test_a_line_that_ends_in_lf_alone_ends_all() -> None:
    """RFC 5321 2.3.8: two readings of where a command ends are how one is slipped in."""
    dialog = spoken(
        GREETED
        + r"""
        C| NOOP\nMAIL FROM:<ann@client.test>\r\n
        S: 500 5.5.2 a line that ends in LF alone, and not in CRLF (RFC 5321 2.3.8)
        S FIN
        C FIN
        S FIN
        closed
        """
    )
    assert dialog.kinds == ["Hello", "RemoteProtocolError"]


@pytest.mark.parametrize("verb", ["GET", "post", "PUT", "OPTIONS", "CONNECT"])
def test_http_is_dropped_before_its_body_is_heard(verb: str) -> None:
    dialog = spoken(
        f"""
        S: 220 mx.test ESMTP
        C: {verb} / HTTP/1.1
        C: Host: localhost
        C:
        C: EHLO client.test
        S: 502 5.5.1 an HTTP request, but mail is spoken here (RFC 5321 4.2.4)
        S FIN
        C FIN
        S FIN
        closed
        """
    )
    assert dialog.kinds == ["RemoteProtocolError"]


@pytest.mark.parametrize("line", [b"POST /\xff HTTP/1.1", b"GET /\x01 HTTP/1.1", b"PRI * HTTP/2.0"])
def test_http_that_is_not_even_a_line_of_text(line: bytes) -> None:
    dialog = Dialog()
    dialog.take()
    dialog.hear(line + b"\r\nEHLO client.test\r\n")
    assert dialog.take() == "502 5.5.1 an HTTP request, but mail is spoken here (RFC 5321 4.2.4)\r\n"


def test_a_long_line_of_http_is_dropped_too() -> None:
    dialog = Dialog()
    dialog.hear(b"GET /" + b"a" * 13_000 + b" HTTP/1.1\r\nEHLO client.test\r\n")
    assert dialog.take().endswith("502 5.5.1 an HTTP request, but mail is spoken here (RFC 5321 4.2.4)\r\n")
    assert dialog.ended == "FIN"


def test_a_line_without_an_end_is_dropped_as_it_comes() -> None:
    dialog = Dialog()
    dialog.take()
    for _ in range(16):
        dialog.hear(b"a" * 65_536)
    assert dialog.take() == ""
    dialog.hear(b"a" * 65_536)
    assert dialog.take().startswith("500 5.5.2 a line without an end")
    assert dialog.ended == "FIN"


@pytest.mark.parametrize("cut", [1, 12_286, 12_287, 12_288, 12_289, 19_998, 19_999])
def test_a_long_line_cut_anywhere_is_refused_once(cut: int) -> None:
    dialog = Dialog()
    dialog.take()
    line = b"a" * 19_998 + b"\r\nNOOP\r\n"
    dialog.hear(line[:cut])
    dialog.hear(line[cut:])
    assert dialog.take() == "500 5.5.2 a line that is too long (RFC 5321 4.5.3.1.4)\r\n250 2.0.0 OK\r\n"


def test_who_errs_again_and_again_is_sent_away() -> None:
    """RFC 5321 7.8"""
    spoken(
        GREETED
        + """
        C: XYZZY
        C: XYZZY
        C: NOOP
        C: XYZZY
        C: NOOP
        S: 500 5.5.2 ...
        S: 500 5.5.2 ...
        S: 250 2.0.0 OK
        S: 421 4.7.0 Too many errors
        S FIN
        """,
        limits={"errors": 3},
    )


def test_a_mail_that_comes_through_makes_up_for_errors() -> None:
    dialog = Dialog(limits={"errors": 3})
    for _ in range(5):
        dialog.hear(b"XYZZY\r\nEHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<nobody@a>\r\nRCPT TO:<a@a>\r\nDATA\r\n")
        dialog.hear(b".\r\n")
    assert len(dialog.mails) == 5
    assert not dialog.ended


def test_more_recipients_than_may_be_are_put_off() -> None:
    """RFC 5321 4.5.3.1.10: 452, and the mail goes to those before; however many there are, it is no error."""
    dialog = Dialog(limits={"recipients": 3, "errors": 2})
    dialog.hear(b"EHLO a\r\nMAIL FROM:<>\r\n")
    dialog.take()
    dialog.hear(b"".join(b"RCPT TO:<u%d@mx.test>\r\n" % number for number in range(10_000)))
    said = dialog.take().splitlines()
    assert said[:3] == ["250 2.1.5 Ok"] * 3
    assert {line[:9] for line in said[3:]} == {"452 4.5.3"}
    assert len(said) == 10_000
    dialog.hear(b"DATA\r\n")
    dialog.hear(b".\r\n")
    assert dialog.take() == "354 Go on\r\n250 2.0.0 Taken\r\n"
    assert dialog.kinds.count("Recipient") == 3


def test_of_many_commands_only_some_are_carried_out_in_one_call() -> None:
    """So that one client can't keep the others waiting: the session asks to be called again at once."""
    dialog = Dialog()
    session = dialog.session
    dialog.take()
    assert session.receive(b"NOOP\r\n" * (COMMANDS_A_CALL + 1), 1.0) == ()
    assert b"".join(segment for segment in session.data_to_send() if isinstance(segment, bytes)).count(b"250") == COMMANDS_A_CALL
    assert session.deadline <= 1.0
    assert session.tick(1.0) == ()
    assert session.receive(b"", 1.0) == ()
    assert session.data_to_send() == [b"250 2.0.0 OK\r\n"]
    assert session.deadline > 1.0


# --- verdicts


def test_a_verdict_that_is_late_holds_up_what_is_behind() -> None:
    slow = Dialog(lambda event: None if isinstance(event, Sender) else willing(event))
    slow.hear(b"EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<a@a>\r\nNOOP\r\n")
    slow.take()
    assert slow.kinds == ["Hello", "Sender"]
    woken = slow.woken
    slow.say(Reply(250, "Ok", "2.1.0"))
    assert slow.woken == woken + 1
    slow.settle()
    assert slow.take() == "250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n250 2.0.0 OK\r\n"


def test_while_a_verdict_is_awaited_not_everything_is_read() -> None:
    slow = Dialog(lambda event: None)
    slow.hear(b"EHLO a\r\n")
    assert slow.session.reading
    slow.hear(b"NOOP\r\n" * 11_000)
    assert not slow.session.reading


def test_a_verdict_that_nobody_asked_for() -> None:
    dialog = Dialog()
    with pytest.raises(LocalProtocolError, match="nothing was asked"):
        dialog.say(Reply(250, "Ok"))
    with pytest.raises(LocalProtocolError, match="Challenge"):
        dialog.say(Challenge(b"?"))
    with pytest.raises(LocalProtocolError, match="Reply"):
        dialog.say("250 Ok")


def test_a_verdict_that_cannot_be_sent_changes_nothing() -> None:
    dialog = Dialog(lambda event: None)
    dialog.hear(b"EHLO a\r\n")
    with pytest.raises(LocalProtocolError):
        dialog.say(Reply(250, "one\rtwo"))
    dialog.take()
    dialog.say(Reply(250, "mx.test"))
    assert dialog.take().startswith("250-mx.test\r\n")


def test_a_verdict_of_421_ends_all() -> None:
    spoken(
        GREETED
        + """
        C: MAIL FROM:<ann@client.test>
        C: NOOP
        S: 421 4.3.2 closing
        S FIN
        C FIN
        S FIN
        closed
        """,
        lambda event: Reply(421, "closing", "4.3.2") if isinstance(event, Sender) else willing(event),
    )


def test_a_verdict_after_the_end_is_dropped() -> None:
    dialog = Dialog(lambda event: None)
    dialog.hear(b"EHLO a\r\n")
    dialog.take()
    dialog.say(Reply(421, "closing"))
    dialog.say(Reply(250, "mx.test"))
    assert dialog.take() == "421 4.0.0 closing\r\n"


def test_what_comes_behind_our_last_word_is_thrown_away_up_to_a_bound() -> None:
    dialog = Dialog()
    dialog.hear(b"GET /\r\n")
    for _ in range(LINGER_SIZE >> 16):
        assert not dialog.session.closed
        dialog.hear(b"x" * 65_536)
    dialog.hear(b"x")
    assert dialog.session.closed


def test_a_client_that_leaves_without_a_word() -> None:
    dialog = spoken(
        GREETED
        + """
        C: MAIL FROM:<ann@client.test>
        S: 250 2.1.0 Ok
        C FIN
        closed
        """
    )
    assert dialog.events[-1] == Reset()


def test_a_client_that_leaves_behind_its_last_command_is_answered() -> None:
    spoken(
        GREETED
        + """
        C: NOOP
        C: QUIT
        C FIN
        S: 250 2.0.0 OK
        S: 221 2.0.0 ...
        closed
        """.replace("C FIN", "")
    )
    dialog = Dialog(lambda event: None if isinstance(event, Sender) else willing(event))
    dialog.hear(b"EHLO a\r\nMAIL FROM:<>\r\nNOOP\r\n")
    dialog.take()
    dialog.hear_end()
    assert not dialog.session.closed
    dialog.say(Reply(250, "Ok", "2.1.0"))
    dialog.settle()
    assert dialog.take() == "250 2.1.0 Ok\r\n250 2.0.0 OK\r\n"
    assert dialog.session.closed


# --- room


def test_while_output_waits_nothing_more_is_answered() -> None:
    dialog = Dialog()
    dialog.take()
    dialog.session.blocked(100, 0.0)
    assert not dialog.session.reading
    assert dialog.session.receive(b"NOOP\r\n", 0.0) == ()
    assert dialog.take() == ""
    dialog.session.blocked(0, 1.0)
    dialog.settle()
    assert dialog.take() == "250 2.0.0 OK\r\n"
    assert dialog.session.reading


def test_a_client_that_takes_nothing_is_cut_off() -> None:
    dialog = Dialog(limits={"grace": 60.0, "data_rate": 1000})
    session = dialog.session
    session.blocked(100_000, 0.0)
    assert session.deadline == 60.0
    session.blocked(90_000, 50.0)
    assert session.deadline == 70.0
    dialog._handle(session.tick(70.0))
    assert dialog.kinds == ["TimeoutError"]
    assert session.closed
    assert session.data_to_send() == [ABORT]
