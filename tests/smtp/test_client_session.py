"""The client's side of a conversation: what it says for each message, and what it makes of every kind of answer, at every split."""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import pytest

from wirespeak.contract import FINISH, StartTLS
from wirespeak.errors import ConnectionLost, IncompleteMessage, LocalProtocolError, TimeoutError
from wirespeak.smtp.client_session import MAX_LINE, MAX_LINES, QUIT, Answer, ClientSession
from wirespeak.smtp.client_states import GOES_ON, MOVES, State, Timeouts
from wirespeak.smtp.mailbox import Mailbox
from wirespeak.smtp.messages import (
    Auth,
    AuthAnswer,
    AuthCancelled,
    Challenge,
    Command,
    Data,
    DataBegin,
    DataEnd,
    Expand,
    Hello,
    Recipient,
    Reply,
    Reset,
    Sender,
    Verify,
)
from wirespeak.states import diagram

ANN = Sender(Mailbox("ann", "home.test"))
BOB = Recipient(Mailbox("bob", "home.test"))
EVERYTHING = ("PIPELINING", "SIZE 1000", "8BITMIME", "SMTPUTF8", "DSN", "CHUNKING", "BINARYMIME", "AUTH PLAIN", "STARTTLS")


def begun(*offers: str, **options: Any) -> ClientSession:
    """A session whose server has answered to its hello with these extensions."""
    session = ClientSession(**options)
    session.receive(b"220 mail.test\r\n", 0.0)
    session.send(Hello("ann.test", "LHLO" if session.lmtp else "EHLO"))
    said(session)
    lines = ["mail.test", *offers]
    session.receive("".join(f"250{'-' if number < len(lines) else ' '}{line}\r\n" for number, line in enumerate(lines, 1)).encode(), 0.0)
    return session


def said(session: ClientSession, *messages: Any) -> bytes:
    """What goes out for ``messages``."""
    for message in messages:
        session.send(message)
    return b"".join(segment for segment in session.data_to_send() if isinstance(segment, bytes))


def told(session: ClientSession, *pieces: bytes, now: float = 0.0) -> list[Any]:
    """The events of these pieces."""
    events: list[Any] = []
    for piece in pieces:
        heard = session.receive(piece, now)
        while heard:
            events += heard
            heard = session.receive(b"", now)
    return events


def brief(events: list[Any]) -> list[Any]:
    """Answers by what they answer and their code; errors by their class."""
    return [
        (type(event.to).__name__, event.reply.code)
        if isinstance(event, Answer)
        else type(event).__name__
        if isinstance(event, Exception)
        else event
        for event in events
    ]


def cuts(data: bytes) -> Iterator[list[bytes]]:
    """``data`` cut in two at every place, and byte by byte."""
    yield from ([data[:at], data[at:]] for at in range(1, len(data)))
    yield [data[at : at + 1] for at in range(len(data))]


# --- the dialog of RFC 5321 D.1


def test_a_mail_as_the_rfc_has_it() -> None:
    session = ClientSession()
    assert brief(told(session, b"220 foo.com Simple Mail Transfer Service Ready\r\n")) == [("NoneType", 220)]
    assert said(session, Hello("bar.com")) == b"EHLO bar.com\r\n"
    events = told(session, b"250-foo.com greets bar.com\r\n250-8BITMIME\r\n250-SIZE\r\n250-DSN\r\n250 HELP\r\n")
    assert brief(events) == [("Hello", 250)]
    assert session.extensions == {"8BITMIME": "", "SIZE": "", "DSN": "", "HELP": ""}
    assert said(session, Sender(Mailbox("Smith", "bar.com"))) == b"MAIL FROM:<Smith@bar.com>\r\n"
    assert brief(told(session, b"250 OK\r\n")) == [("Sender", 250)]
    assert said(session, Recipient(Mailbox("Jones", "foo.com"))) == b"RCPT TO:<Jones@foo.com>\r\n"
    assert brief(told(session, b"250 OK\r\n")) == [("Recipient", 250)]
    assert said(session, Recipient(Mailbox("Green", "foo.com"))) == b"RCPT TO:<Green@foo.com>\r\n"
    assert brief(told(session, b"550 No such user here\r\n")) == [("Recipient", 550)]
    assert session.accepted == 1
    assert said(session, DataBegin()) == b"DATA\r\n"
    assert brief(told(session, b"354 Start mail input; end with <CRLF>.<CRLF>\r\n")) == [("DataBegin", 354)]
    assert said(session, Data(b"Blah blah blah...\r\n...etc.\n"), DataEnd(0)) == b"Blah blah blah...\r\n....etc.\r\n.\r\n"
    assert brief(told(session, b"250 OK\r\n")) == [("DataEnd", 250)]
    assert said(session, QUIT) == b"QUIT\r\n"
    assert not session.closed
    assert brief(told(session, b"221 foo.com Service closing transmission channel\r\n")) == [("Command", 221)]
    assert session.closed


def test_the_table_is_drawn_and_all_of_it_can_be_reached() -> None:
    assert "GREETING --> HELLO: greeting" in diagram(MOVES, start=State.GREETING)


def test_questions_may_be_asked_within_a_mail_too() -> None:
    """RFC 5321 4.1.4: NOOP, HELP, EXPN and VRFY can be used at any time, and change nothing."""
    session = begun()
    for message, state in ((ANN, State.MAIL), (BOB, State.RCPT)):
        said(session, message)
        told(session, b"250 ok\r\n")
        for question in (Verify("bob"), Expand("all"), Command("NOOP"), Command("HELP")):
            said(session, question)
            assert brief(told(session, b"502 no\r\n")) == [(type(question).__name__, 502)]
            assert session.state is state


# --- what is said

SAID = [
    (Reset(), b"RSET\r\n"),
    (Verify("bob"), b"VRFY bob\r\n"),
    (Expand("all"), b"EXPN all\r\n"),
    (Command("NOOP"), b"NOOP\r\n"),
    (Command("HELP", "MAIL"), b"HELP MAIL\r\n"),
    (StartTLS(), b"STARTTLS\r\n"),
    (Auth("PLAIN"), b"AUTH PLAIN\r\n"),
    (Auth("PLAIN", b"\0ann\0secret"), b"AUTH PLAIN AGFubgBzZWNyZXQ=\r\n"),
    (Auth("EXTERNAL", b""), b"AUTH EXTERNAL =\r\n"),
    (Sender(None), b"MAIL FROM:<>\r\n"),
    (Sender(Mailbox("two words", "home.test")), b'MAIL FROM:<"two words"@home.test>\r\n'),
    (Sender(Mailbox("ann", "[192.0.2.1]"), size=500), b"MAIL FROM:<ann@[192.0.2.1]> SIZE=500\r\n"),
    (Sender(Mailbox("ann", "a.test"), body="8BITMIME"), b"MAIL FROM:<ann@a.test> BODY=8BITMIME\r\n"),
    (Sender(Mailbox("änn", "a.test"), utf8=True), "MAIL FROM:<änn@a.test> SMTPUTF8\r\n".encode()),
    (Sender(Mailbox("ann", "a.test"), ret="HDRS", envid="a+b c"), b"MAIL FROM:<ann@a.test> RET=HDRS ENVID=a+2Bb+20c\r\n"),
    (Sender(Mailbox("ann", "a.test"), auth=""), b"MAIL FROM:<ann@a.test> AUTH=<>\r\n"),
    (Sender(Mailbox("ann", "a.test"), auth="e=mc2@b.test"), b"MAIL FROM:<ann@a.test> AUTH=e+3Dmc2@b.test\r\n"),
    (Sender(Mailbox("ann", "a.test"), others={"X": "1", "Y": ""}), b"MAIL FROM:<ann@a.test> X=1 Y\r\n"),
]


@pytest.mark.parametrize(("message", "line"), SAID)
def test_what_is_said_for_a_message(message: Any, line: bytes) -> None:
    session = begun(*EVERYTHING)
    assert said(session, message) == line
    assert session.awaiting == 1


@pytest.mark.parametrize(
    ("recipient", "line"),
    [
        (Recipient(Mailbox("Postmaster", "")), b"RCPT TO:<Postmaster>\r\n"),
        (Recipient(Mailbox("bob", "b.test"), frozenset({"DELAY", "SUCCESS"})), b"RCPT TO:<bob@b.test> NOTIFY=SUCCESS,DELAY\r\n"),
        (Recipient(Mailbox("bob", "b.test"), orcpt="rfc822;b+b@c.test"), b"RCPT TO:<bob@b.test> ORCPT=rfc822;b+2Bb@c.test\r\n"),
    ],
)
def test_how_recipients_are_said(recipient: Recipient, line: bytes) -> None:
    session = begun(*EVERYTHING)
    said(session, ANN)
    assert said(session, recipient) == line


def test_a_size_is_said_only_where_the_server_wants_to_know_it() -> None:
    assert said(begun(), Sender(Mailbox("ann", "a.test"), size=500)) == b"MAIL FROM:<ann@a.test>\r\n"


CRLF = "x\r\nRCPT TO:<evil@away.test>"
REFUSED_HERE = [
    Sender(Mailbox(CRLF, "home.test")),
    Sender(Mailbox("ann", CRLF)),
    Sender(Mailbox("ann", "b.test> SIZE=1")),
    Sender(Mailbox("ann", "b.test>\x00")),
    Sender(Mailbox("ann", "")),
    Sender(ANN.mailbox, envid="a\r\nb"),
    Sender(ANN.mailbox, envid="x" * 101),
    Sender(ANN.mailbox, ret="ALL"),
    Sender(ANN.mailbox, body="ANY"),
    Sender(ANN.mailbox, auth="ann\n"),
    Sender(ANN.mailbox, others={"X": "1 Y=2"}),
    Sender(ANN.mailbox, others={"X\r\nY": ""}),
    Sender(Mailbox("änn", "home.test")),
    Command("NOOP", "x\r\nQUIT"),
    Command("NO\nOP"),
    Verify("bob\r\nQUIT"),
    Expand("all\n"),
    Auth("PLAIN\r\nQUIT"),
]


@pytest.mark.parametrize("message", REFUSED_HERE)
def test_what_no_line_may_hold_raises_before_a_byte_is_written(message: Any) -> None:
    session = begun(*EVERYTHING)
    with pytest.raises(LocalProtocolError):
        session.send(message)
    assert not session.data_to_send()
    assert said(session, ANN) == b"MAIL FROM:<ann@home.test>\r\n"  # it is unharmed


@pytest.mark.parametrize("name", ["", "ann test", "ann.test\r\nQUIT", "[192.0.2.1", "änn.test", "a" * 300])
def test_no_hello_with_a_name_that_is_none(name: str) -> None:
    session = ClientSession()
    told(session, b"220 mail.test\r\n")
    with pytest.raises(LocalProtocolError):
        session.send(Hello(name))
    assert said(session, Hello("[IPv6:2001:db8::1]")) == b"EHLO [IPv6:2001:db8::1]\r\n"


@pytest.mark.parametrize(
    "recipient",
    [
        Recipient(Mailbox(CRLF, "home.test")),
        Recipient(BOB.mailbox, frozenset({"NEVER", "DELAY"})),
        Recipient(BOB.mailbox, frozenset({"ALWAYS"})),
        Recipient(BOB.mailbox, orcpt="bob@c.test"),
        Recipient(BOB.mailbox, orcpt="rfc822;bob\r\n"),
        Recipient(BOB.mailbox, orcpt="rfc822;" + "b" * 500),
        Recipient(Mailbox("böb", "home.test")),
    ],
)
def test_nor_a_recipient_that_is_none(recipient: Recipient) -> None:
    session = begun(*EVERYTHING)
    said(session, ANN)
    with pytest.raises(LocalProtocolError):
        session.send(recipient)
    assert said(session, BOB) == b"RCPT TO:<bob@home.test>\r\n"


@pytest.mark.parametrize(
    "message",
    [
        StartTLS(),
        Sender(ANN.mailbox, body="8BITMIME"),
        Sender(ANN.mailbox, body="BINARYMIME"),
        Sender(Mailbox("änn", "home.test"), utf8=True),
        Sender(ANN.mailbox, ret="FULL"),
        Sender(ANN.mailbox, envid="1"),
        Sender(ANN.mailbox, auth=""),
    ],
)
def test_nothing_that_the_server_did_not_offer(message: Any) -> None:
    with pytest.raises(LocalProtocolError):
        begun().send(message)


# --- the order of things

OUT_OF_ORDER = [
    (State.HELLO, ANN),
    (State.HELLO, StartTLS()),
    (State.READY, Hello("ann.test")),
    (State.READY, BOB),
    (State.READY, DataBegin()),
    (State.READY, Data(b"x")),
    (State.READY, DataEnd(0)),
    (State.READY, AuthAnswer(b"x")),
    (State.MAIL, ANN),
    (State.MAIL, DataBegin()),
    (State.MAIL, StartTLS()),
    (State.RCPT, Auth("PLAIN")),
    (State.DATA, QUIT),
    (State.DATA, Reset()),
    (State.LOGIN, ANN),
    (State.LOGIN, QUIT),
]


@pytest.mark.parametrize(("state", "message"), OUT_OF_ORDER)
def test_what_has_no_row_may_not_be_said(state: State, message: Any) -> None:
    session = begun(*EVERYTHING)
    session.state = state
    with pytest.raises(LocalProtocolError):
        session.send(message)
    assert not session.data_to_send()


def test_nobody_speaks_before_the_greeting() -> None:
    for message in (Hello("ann.test"), QUIT, Command("NOOP")):
        with pytest.raises(LocalProtocolError):
            ClientSession().send(message)


def test_without_pipelining_each_command_waits_for_the_answer_to_the_last() -> None:
    session = begun()
    assert not session.pipelining
    said(session, ANN)
    with pytest.raises(LocalProtocolError):
        session.send(BOB)
    told(session, b"250 ok\r\n")
    assert said(session, BOB) == b"RCPT TO:<bob@home.test>\r\n"


def test_a_group_as_rfc_2920_has_it() -> None:
    session = begun("PIPELINING")
    group = [Sender(Mailbox("mrose", "dbc.test")), *(Recipient(Mailbox(name, "innosoft.test")) for name in ("ned", "dan", "kvc"))]
    assert said(session, *group, DataBegin()) == (
        b"MAIL FROM:<mrose@dbc.test>\r\nRCPT TO:<ned@innosoft.test>\r\nRCPT TO:<dan@innosoft.test>\r\n"
        b"RCPT TO:<kvc@innosoft.test>\r\nDATA\r\n"
    )
    events = told(session, b"250 sender\r\n250 recipient\r\n550 none\r\n250 recipient\r\n354 go on\r\n")
    assert [event.to for event in events] == [*group, DataBegin()]
    assert session.accepted == 2
    assert said(session, Data(b"Hi\r\n"), DataEnd(0)) == b"Hi\r\n.\r\n"


@pytest.mark.parametrize("last", [StartTLS(), Auth("PLAIN"), Verify("bob"), Expand("all"), Command("NOOP"), QUIT])
def test_what_ends_a_group_ends_it(last: Any) -> None:
    """RFC 2920 3.1, RFC 3207 4, RFC 4954 4."""
    session = begun(*EVERYTHING)
    said(session, last)
    with pytest.raises(LocalProtocolError):
        session.send(ANN)
    assert type(last) not in GOES_ON


def test_a_refused_sender_ends_the_mail_for_good() -> None:
    session = begun("PIPELINING")
    said(session, ANN, BOB, DataBegin())
    events = told(session, b"550 not you\r\n503 MAIL first\r\n503 MAIL first\r\n")
    assert brief(events) == [("Sender", 550), ("Recipient", 503), ("DataBegin", 503)]
    assert session.state is State.READY
    assert said(session, ANN) == b"MAIL FROM:<ann@home.test>\r\n"


def test_a_server_that_wants_a_text_all_the_same_gets_the_end_of_one() -> None:
    """RFC 2920 3.1: it must not take what the client says next for the text."""
    session = begun("PIPELINING")
    said(session, ANN, BOB, DataBegin())
    told(session, b"550 not you\r\n550 nor him\r\n354 go on\r\n")
    assert session.state is State.DATA
    assert said(session, DataEnd(0)) == b".\r\n"
    assert brief(told(session, b"554 no recipients\r\n")) == [("DataEnd", 554)]
    assert session.state is State.READY


def test_a_refused_text_leaves_a_mail_that_reset_ends() -> None:
    session = begun("PIPELINING")
    said(session, ANN, BOB, DataBegin())
    told(session, b"250 ok\r\n250 ok\r\n452 no room\r\n")
    assert session.state is State.RCPT
    assert said(session, Reset(), ANN) == b"RSET\r\nMAIL FROM:<ann@home.test>\r\n"


def test_no_recipient_of_one_mail_counts_for_the_next() -> None:
    session = begun("PIPELINING")
    said(session, ANN, BOB, Reset(), ANN, BOB, BOB)
    told(session, b"250 ok\r\n" * 6)
    assert session.accepted == 2


# --- the text


def test_the_text_waits_for_354() -> None:
    session = begun("PIPELINING")
    said(session, ANN, BOB, DataBegin())
    with pytest.raises(LocalProtocolError):
        session.send(Data(b"early"))
    told(session, b"250 ok\r\n250 ok\r\n354 go\r\n")
    assert said(session, Data(b"now\n.")) == b"now\r\n.."


def text_ready(*offers: str, **options: Any) -> ClientSession:
    session = begun(*offers, **options)
    for message in (ANN, BOB):
        said(session, message)
        told(session, b"250 ok\r\n")
    return session


def test_chunks_are_counted_and_the_last_one_marked() -> None:
    session = text_ready("CHUNKING", "PIPELINING")
    assert said(session, DataBegin(chunking=True)) == b""
    assert session.awaiting == 0
    assert said(session, Data(b".one\n")) == b""  # it may be the last
    assert said(session, Data(b"two")) == b"BDAT 6\r\n.one\r\n"
    assert said(session, DataEnd(0)) == b"BDAT 5 LAST\r\ntwo\r\n"
    assert brief(told(session, b"250 6 octets\r\n250 taken\r\n")) == [("Data", 250), ("DataEnd", 250)]


def test_a_binary_mail_goes_as_it_is() -> None:
    session = begun("CHUNKING", "BINARYMIME")
    for message in (Sender(ANN.mailbox, body="BINARYMIME"), BOB):
        said(session, message)
        told(session, b"250 ok\r\n")
    assert said(session, DataBegin(chunking=True), Data(b"\n\0\r."), DataEnd(0)) == b"BDAT 4 LAST\r\n\n\0\r."


def test_what_is_not_made_of_lines_goes_in_no_other_way() -> None:
    """RFC 3030 3."""
    session = begun("CHUNKING", "BINARYMIME", "PIPELINING")
    said(session, Sender(ANN.mailbox, body="BINARYMIME"), BOB)
    with pytest.raises(LocalProtocolError):
        session.send(DataBegin())


def test_an_empty_mail_in_chunks() -> None:
    session = text_ready("CHUNKING")
    assert said(session, DataBegin(chunking=True), DataEnd(0)) == b"BDAT 0 LAST\r\n"


def test_without_pipelining_chunks_wait_for_their_answers() -> None:
    session = text_ready("CHUNKING")
    said(session, DataBegin(chunking=True), Data(b"one\n"), Data(b"two\n"))
    with pytest.raises(LocalProtocolError):
        session.send(Data(b"three\n"))


def test_after_a_refused_chunk_nothing_more_of_it_goes() -> None:
    """RFC 3030 2."""
    session = text_ready("CHUNKING", "PIPELINING")
    said(session, DataBegin(chunking=True), Data(b"one\n"), Data(b"two\n"))
    told(session, b"552 too much\r\n")
    with pytest.raises(LocalProtocolError):
        session.send(Data(b"three\n"))
    assert said(session, Reset()) == b"RSET\r\n"


def test_in_lmtp_each_accepted_recipient_has_an_answer() -> None:
    """RFC 2033 4.2."""
    session = begun("PIPELINING", lmtp=True)
    said(session, ANN, BOB, Recipient(Mailbox("carol", "home.test")), Recipient(Mailbox("dave", "home.test")), DataBegin())
    told(session, b"250 ok\r\n250 ok\r\n550 no\r\n250 ok\r\n354 go\r\n")
    said(session, Data(b"Hi\r\n"), DataEnd(0))
    assert session.awaiting == 2
    assert brief(told(session, b"250 ok\r\n452 full\r\n")) == [("DataEnd", 250), ("DataEnd", 452)]


def test_lmtp_says_lhlo_and_smtp_does_not() -> None:
    for lmtp, verb in ((True, "EHLO"), (False, "LHLO")):
        session = ClientSession(lmtp=lmtp)
        told(session, b"220 mail.test\r\n")
        with pytest.raises(LocalProtocolError):
            session.send(Hello("ann.test", verb))


# --- hello and what is offered


def test_what_is_offered() -> None:
    session = begun("size 1000", "AUTH PLAIN LOGIN", "auth=PLAIN", "XCLIENT NAME", "8bitmime", "-no", "")
    assert session.extensions == {"SIZE": "1000", "AUTH": "PLAIN LOGIN", "XCLIENT": "NAME", "8BITMIME": ""}


@pytest.mark.parametrize("code", [500, 501, 502, 504, 550])
def test_a_server_that_does_not_know_ehlo_is_asked_with_helo(code: int) -> None:
    session = ClientSession()
    told(session, b"220 old.test\r\n")
    said(session, Hello("ann.test"))
    assert told(session, b"%d what?\r\n" % code) == []
    assert said(session) == b"HELO ann.test\r\n"
    assert told(session, b"250 old.test\r\n") == [Answer(Hello("ann.test", "HELO"), Reply(250, "old.test"))]
    assert session.extensions == {}
    assert said(session, ANN) == b"MAIL FROM:<ann@home.test>\r\n"


def test_a_server_that_is_busy_is_not() -> None:
    session = ClientSession()
    told(session, b"220 mail.test\r\n")
    said(session, Hello("ann.test"))
    assert brief(told(session, b"450 later\r\n")) == [("Hello", 450)]
    assert session.state is State.HELLO


# --- STARTTLS


def test_what_was_learned_in_clear_is_forgotten() -> None:
    """RFC 3207 4.2."""
    session = begun("STARTTLS", "AUTH PLAIN", "PIPELINING")
    said(session, StartTLS())
    events = told(session, b"220 go on\r\n")
    assert events == [Answer(StartTLS(), Reply(220, "go on")), StartTLS()]
    assert not session.reading
    session.secured(None)
    assert session.reading
    assert session.extensions == {}
    with pytest.raises(LocalProtocolError):
        session.send(ANN)
    assert said(session, Hello("ann.test")) == b"EHLO ann.test\r\n"
    told(session, b"250-mail.test\r\n250 SIZE 5\r\n")
    assert session.extensions == {"SIZE": "5"}
    assert session.secure


def test_words_in_clear_behind_the_agreement_are_an_attack() -> None:
    """They would be taken for answers given over TLS (CVE-2011-0411 from the other side)."""
    session = begun("STARTTLS")
    said(session, StartTLS())
    assert brief(told(session, b"220 go on\r\n250 injected\r\n")) == ["RemoteProtocolError"]
    assert session.closed


def test_nor_is_read_what_comes_a_moment_later() -> None:
    session = begun("STARTTLS")
    said(session, StartTLS())
    told(session, b"220 go on\r\n")
    assert told(session, b"250-mail.test\r\n250 AUTH PLAIN\r\n") == []
    session.secured(None)
    assert session.extensions == {}
    said(session, Hello("ann.test"))
    assert session.awaiting == 1


def test_tls_refused_leaves_the_conversation_where_it_was() -> None:
    session = begun("STARTTLS")
    said(session, StartTLS())
    assert brief(told(session, b"454 no certificate\r\n")) == [("StartTLS", 454)]
    assert said(session, ANN) == b"MAIL FROM:<ann@home.test>\r\n"


def test_there_is_no_tls_within_tls() -> None:
    with pytest.raises(LocalProtocolError):
        begun("STARTTLS", secure=True).send(StartTLS())


# --- AUTH


def test_logging_in() -> None:
    session = begun("AUTH SCRAM-SHA-256")
    assert said(session, Auth("SCRAM-SHA-256", b"n,,n=ann,r=1")) == b"AUTH SCRAM-SHA-256 " + b64encode(b"n,,n=ann,r=1") + b"\r\n"
    assert told(session, b"334 " + b64encode(b"r=12") + b"\r\n") == [Challenge(b"r=12")]
    assert said(session, AuthAnswer(b"c=biws")) == b64encode(b"c=biws") + b"\r\n"
    assert told(session, b"334 " + b64encode(b"v=x") + b"\r\n") == [Challenge(b"v=x")]
    assert said(session, AuthAnswer(b"")) == b"\r\n"
    assert brief(told(session, b"235 2.7.0 in\r\n")) == [("AuthAnswer", 235)]
    assert said(session, ANN) == b"MAIL FROM:<ann@home.test>\r\n"


def test_a_long_first_response_waits_for_its_challenge() -> None:
    """RFC 4954 4: the line of AUTH is no longer than others."""
    session = begun("AUTH OAUTHBEARER")
    token = b"t" * 1000
    assert said(session, Auth("OAUTHBEARER", token)) == b"AUTH OAUTHBEARER\r\n"
    assert told(session, b"334 \r\n") == []
    assert said(session) == b64encode(token) + b"\r\n"
    assert brief(told(session, b"235 in\r\n")) == [("AuthAnswer", 235)]


def test_a_response_has_its_bound() -> None:
    session = begun("AUTH X")
    said(session, Auth("X"))
    told(session, b"334 \r\n")
    with pytest.raises(LocalProtocolError):
        session.send(AuthAnswer(b"x" * 10_000))
    assert said(session, AuthCancelled()) == b"*\r\n"
    assert brief(told(session, b"501 cancelled\r\n")) == [("AuthCancelled", 501)]
    assert session.state is State.READY


@pytest.mark.parametrize("line", [b"334 not base64!\r\n", b"334 YQ\r\n", b"354 go\r\n"])
def test_a_challenge_that_is_none(line: bytes) -> None:
    session = begun("AUTH LOGIN")
    said(session, Auth("LOGIN"))
    assert brief(told(session, line)) == ["RemoteProtocolError"]
    assert session.closed


# --- replies, whole and in pieces

REPLIES = b"250-mail.test greets you\r\n250-SIZE 100\r\n250 PIPELINING\r\n"


def test_a_reply_means_the_same_wherever_it_is_cut() -> None:
    def after_hello() -> ClientSession:
        session = ClientSession()
        told(session, b"220 mail.test\r\n")
        said(session, Hello("ann.test"))
        return session

    events = told(after_hello(), REPLIES)
    for pieces in cuts(REPLIES):
        session = after_hello()
        assert told(session, *pieces) == events
        assert session.extensions == {"SIZE": "100", "PIPELINING": ""}


def test_answers_to_a_group_mean_the_same_wherever_they_are_cut() -> None:
    data = b"250 2.1.0 ok\r\n250-2.1.5 well\r\n250 2.1.5 ok\r\n354 go\r\n"

    def after_group() -> ClientSession:
        session = begun("PIPELINING")
        said(session, ANN, BOB, DataBegin())
        return session

    events = told(after_group(), data)
    assert [str(event.reply) for event in events] == ["250 2.1.0 ok", "250 2.1.5 well 2.1.5 ok", "354 go"]
    assert all(told(after_group(), *pieces) == events for pieces in cuts(data))


BROKEN = [
    b"hello\r\n",
    b"25 short\r\n",
    b"2500 long\r\n",
    b"199 ok\r\n",
    b"290 ok\r\n",
    b"650 ok\r\n",
    b"250ok\r\n",
    b"250-one\r\n251 two\r\n",
    b"250 a\rb\r\n",
    b"250 a\0b\r\n",
    b"250 ok\n",
    b"250 a\nb\r\n",
    b"\r\n",
    b"354 go on\r\n",
    b"334 \r\n",
    b"250 " + b"x" * MAX_LINE + b"\r\n",
    b"250 " + b"x" * MAX_LINE,
    b"250-more\r\n" * MAX_LINES,
]


@pytest.mark.parametrize("data", BROKEN, ids=lambda data: ascii(data[:30]))
def test_what_is_no_reply_ends_the_conversation(data: bytes) -> None:
    for pieces in ([data], [data[at : at + 1] for at in range(len(data))]):
        session = begun()
        said(session, ANN)
        events = told(session, *pieces)
        assert brief(events) == ["RemoteProtocolError"]
        assert session.closed
        assert not session.reading
        assert session.deadline == math.inf


def test_behind_a_fault_nothing_more_is_said() -> None:
    session = begun("PIPELINING")
    said(session, ANN)
    session.send(BOB)
    assert brief(told(session, b"what?\r\n")) == ["RemoteProtocolError"]
    assert not session.data_to_send()


@pytest.mark.parametrize("line", [b"250 ok\r\n", b"334 \r\n", b"354 go\r\n"])
def test_an_answer_that_nobody_asked_for_breaks_the_protocol(line: bytes) -> None:
    session = begun()
    assert brief(told(session, line)) == ["RemoteProtocolError"]


def test_a_second_answer_to_one_question_too() -> None:
    session = begun()
    said(session, ANN)
    assert brief(told(session, b"250 ok\r\n250 ok\r\n")) == [("Sender", 250), "RemoteProtocolError"]


def test_250_does_not_begin_a_text() -> None:
    session = text_ready()
    said(session, DataBegin())
    assert brief(told(session, b"250 ok\r\n")) == ["RemoteProtocolError"]


# --- the end


@pytest.mark.parametrize("code", [421, 554])
def test_a_server_may_say_goodbye_at_any_time(code: int) -> None:
    """RFC 5321 3.8."""
    session = begun()
    assert told(session, b"%d bye\r\n" % code) == [Answer(None, Reply(code, "bye"))]
    assert session.closed


def test_in_the_middle_of_a_text_too() -> None:
    session = text_ready()
    said(session, DataBegin())
    told(session, b"354 go\r\n")
    said(session, Data(b"much"))
    assert told(session, b"452 4.3.1 disk full\r\n") == [Answer(None, Reply(452, "disk full", "4.3.1"))]
    assert session.closed


def test_421_answers_a_command_and_ends_the_rest() -> None:
    session = begun("PIPELINING")
    said(session, ANN, BOB, DataBegin())
    assert brief(told(session, b"250 ok\r\n421 bye\r\n250 ok\r\n")) == [("Sender", 250), ("Recipient", 421)]
    assert session.closed
    assert session.awaiting == 0
    with pytest.raises(LocalProtocolError):
        session.send(QUIT)


def test_an_end_before_an_answer_is_told_with_what_was_asked() -> None:
    session = begun()
    said(session, ANN)
    (event,) = session.receive_eof(0.0)
    assert isinstance(event, ConnectionLost)
    assert "MAIL" in str(event)
    assert session.closed


@pytest.mark.parametrize("data", [b"25", b"250-one\r\n"])
def test_an_end_within_a_reply_is_no_reply(data: bytes) -> None:
    session = begun()
    said(session, ANN)
    told(session, data)
    (event,) = session.receive_eof(0.0)
    assert isinstance(event, IncompleteMessage)


def test_who_is_done_says_quit_and_who_cannot_hangs_up() -> None:
    session = begun()
    session.finish(0.0)
    assert session.data_to_send() == [b"QUIT\r\n"]
    told(session, b"221 bye\r\n")
    assert session.closed
    busy = begun()
    said(busy, ANN)
    busy.finish(0.0)
    assert busy.data_to_send() == [FINISH]
    assert busy.closed


# --- time (RFC 5321 4.5.3.2)


def expires(session: ClientSession, at: float) -> str:
    """The error at that time; and not a moment earlier."""
    assert session.deadline == at
    assert session.tick(at - 0.001) == ()
    (event,) = session.tick(at)
    assert isinstance(event, TimeoutError)
    assert session.closed
    assert session.deadline == math.inf
    return str(event)


@pytest.mark.parametrize(
    ("message", "limit"),
    [(ANN, 300.0), (Command("NOOP"), 300.0), (QUIT, 5.0), (Auth("PLAIN"), 300.0), (StartTLS(), 300.0)],
)
def test_how_long_an_answer_may_take(message: Any, limit: float) -> None:
    session = begun(*EVERYTHING)
    assert session.deadline == math.inf  # nothing is due
    said(session, message)
    session.receive(b"", 100.0)
    assert "didn't answer" in expires(session, 100.0 + limit)


def test_how_long_the_greeting_may_take() -> None:
    session = ClientSession(timeouts=Timeouts(greeting=7.0))
    session.receive(b"", 1.0)
    session.receive(b"220-slowly\r\n", 6.0)  # a line of it is no answer yet
    assert "greeting" in expires(session, 8.0)


def test_how_long_the_text_and_its_end_may_take() -> None:
    session = text_ready()
    said(session, DataBegin())
    session.receive(b"", 0.0)
    assert session.deadline == 120.0
    told(session, b"354 go\r\n", now=50.0)
    assert session.deadline == math.inf  # it is our turn
    said(session, Data(b"x" * 100))
    session.blocked(100, 60.0)
    assert session.deadline == 240.0
    session.blocked(100, 70.0)  # nothing was taken
    assert session.deadline == 240.0
    session.blocked(50, 80.0)
    assert session.deadline == 260.0
    session.blocked(0, 90.0)
    assert session.deadline == math.inf
    said(session, DataEnd(0))
    session.blocked(3, 90.0)
    assert session.deadline == 270.0  # the end has first to be taken
    session.blocked(0, 100.0)
    assert "the end of the mail" in expires(session, 700.0)


def test_who_takes_nothing_is_given_up() -> None:
    session = text_ready()
    said(session, DataBegin())
    told(session, b"354 go\r\n")
    said(session, Data(b"x" * 100))
    session.blocked(100, 0.0)
    assert "took nothing" in expires(session, 180.0)


def test_each_answer_of_a_group_has_its_own_time() -> None:
    session = begun("PIPELINING")
    said(session, ANN, BOB, DataBegin())
    session.receive(b"", 0.0)
    told(session, b"250 ok\r\n", now=200.0)
    assert session.deadline == 500.0
    told(session, b"250 ok\r\n", now=400.0)
    assert session.deadline == 520.0


def test_no_time_is_longer_than_the_caller_wants() -> None:
    assert Timeouts.at_most(10.0) == Timeouts(10.0, 10.0, 10.0, 10.0, 10.0, 10.0, 5.0)
