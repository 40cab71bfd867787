"""What a client makes of a mail, and tells of refusals; against servers by script, in memory."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from tests.smtp.scripted import (
    ANN,
    BOB,
    CAROL,
    CLEAR,
    DAVE,
    DIALOG,
    ENVELOPE,
    GOODBYE,
    MAIL,
    NOBODY,
    OPENING,
    PIPELINED,
    PLAIN,
    TEXT,
    Counting,
    network,
    offering,
    talk,
)
from wirespeak.errors import (
    AddressError,
    ConnectionLost,
    LocalProtocolError,
    Refused,
    TextError,
)
from wirespeak.smtp.client import BlockingClient, Client, Report, send
from wirespeak.smtp.mailbox import Mailbox
from wirespeak.smtp.messages import Recipient
from wirespeak.sockets.blocking import run
from wirespeak.sockets.memory import MemoryNetwork


def sent(script: str, *recipients: str, mail: Any = MAIL, settings: dict[str, Any] | None = None, **options: Any) -> Report:
    """The report of one mail from ann to these; the whole script has been followed."""
    _, client = talk(script, **(settings or {}))
    with client:
        return client.send(mail, "ann@home.test", recipients or ["bob@home.test"], **options)


def refused(script: str, *recipients: str, **settings: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        sent(script, *recipients, settings=settings)
    assert caught.value.report is None or not caught.value.report.accepted
    return caught.value


# --- one mail


@pytest.mark.parametrize("piece", [None, 1, 2, 3, 7])
def test_a_mail_however_its_bytes_arrive(piece: int | None) -> None:
    _, client = talk(DIALOG, piece=piece)
    with client:
        report = client.send(MAIL, "ann@home.test", ["bob@home.test"])
    assert report.accepted == [BOB]
    assert report.refused == {}
    assert str(report.reply) == "250 2.0.0 taken as 42"


def test_one_mail_and_nothing_kept() -> None:
    assert send("server", MAIL, ANN, [BOB], connect=CLEAR, network=network(DIALOG)).accepted == [BOB]


def test_who_awaits_says_the_same() -> None:
    async def converse() -> Report:
        async with await Client.connect("server", network=network(DIALOG), **CLEAR) as client:
            return await client.send(MAIL, ANN, [BOB])

    assert run(converse()).accepted == [BOB]


GROUP = (
    PIPELINED
    + """
    C: MAIL FROM:<ann@home.test>
    C: RCPT TO:<bob@home.test>
    C: RCPT TO:<carol@home.test>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 550 5.1.1 no carol here
    S: 354 go on
    C: Subject: hello
    C:
    C: Hello
    C: ..
    C: .
    S: 250 taken
"""
    + GOODBYE
)


@pytest.mark.parametrize("piece", [None, 1, 5])
def test_commands_go_in_a_group_and_refusals_are_told_by_recipient(piece: int | None) -> None:
    _, client = talk(GROUP, piece=piece)
    with client:
        report = client.send(MAIL, "ann@home.test", ["bob@home.test", "carol@home.test", "bob@home.test"])
    assert report.accepted == [BOB]
    assert {str(box): str(reply) for box, reply in report.refused.items()} == {"carol@home.test": "550 5.1.1 no carol here"}


def test_no_group_where_the_caller_wants_none() -> None:
    script = DIALOG.replace("250 HELP", "250 PIPELINING")
    assert sent(script, settings={"pipelining": False}).accepted == [BOB]


# --- mails that nobody gets


SENDER_REFUSED = """
    C: MAIL FROM:<ann@home.test>
    S: 550 5.7.1 not you
"""
SENDER_REFUSED_IN_A_GROUP = """
    C: MAIL FROM:<ann@home.test>
    C: RCPT TO:<bob@home.test>
    C: RCPT TO:<carol@home.test>
    C: DATA
    S: 550 5.7.1 not you
    S: 503 MAIL first
    S: 503 MAIL first
    S: 503 MAIL first
"""


@pytest.mark.parametrize("script", [PLAIN + SENDER_REFUSED, PIPELINED + SENDER_REFUSED_IN_A_GROUP])
def test_a_refused_sender_is_the_reason_for_all(script: str) -> None:
    error = refused(script + GOODBYE, "bob@home.test", "carol@home.test")
    assert str(error) == "refused: 550 5.7.1 not you"
    assert error.reply.code == 550
    assert {str(box): reply.code for box, reply in error.report.refused.items()} == {"bob@home.test": 550, "carol@home.test": 550}


NOBODY_IN_A_GROUP = """
    C: MAIL FROM:<ann@home.test>
    C: RCPT TO:<bob@home.test>
    C: RCPT TO:<carol@home.test>
    C: DATA
    S: 250 ok
    S: 550 5.1.1 no bob
    S: 450 4.2.1 no room
"""


@pytest.mark.parametrize(
    "script",
    [
        PLAIN + NOBODY,
        PIPELINED + NOBODY_IN_A_GROUP + "    S: 554 5.5.1 nobody to send to\n",
        # RFC 2920 3.1: a server that begins the text all the same gets an empty one
        PIPELINED + NOBODY_IN_A_GROUP + "    S: 354 go on\n    C: .\n    S: 554 5.5.1 nobody to send to\n",
    ],
)
def test_without_recipients_nothing_is_sent(script: str) -> None:
    error = refused(script + GOODBYE, "bob@home.test", "carol@home.test")
    assert {str(box): str(reply) for box, reply in error.report.refused.items()} == {
        "bob@home.test": "550 5.1.1 no bob",
        "carol@home.test": "450 4.2.1 no room",
    }
    assert "bob@home.test: 550 5.1.1 no bob" in str(error)
    assert error.reply.code == 450


@pytest.mark.parametrize(
    ("rest", "code"),
    [
        ("    C: DATA\n    S: 451 4.3.0 not now\n", 451),
        ("    C: DATA\n    S: 354 go on\n" + TEXT + "    S: 554 5.6.0 no such mail\n", 554),
    ],
)
def test_a_refused_text_is_refused_for_each(rest: str, code: int) -> None:
    error = refused(PLAIN + ENVELOPE + rest + GOODBYE)
    assert error.reply.code == code
    assert error.report.refused[BOB].code == code


def test_one_recipient_of_two_is_no_error() -> None:
    script = PLAIN + NOBODY.replace("450 4.2.1 no room", "250 ok") + "    C: DATA\n    S: 354 go on\n" + TEXT + "    S: 250 ok\n" + GOODBYE
    report = sent(script, "bob@home.test", "carol@home.test")
    assert report.accepted == [CAROL]
    assert list(report.refused) == [BOB]


# --- several mails on one connection


def test_a_connection_carries_as_many_mails_as_one_likes() -> None:
    mail = DIALOG.removeprefix(PLAIN).removesuffix(GOODBYE)
    _, client = talk(PLAIN + mail * 3 + GOODBYE)
    with client:
        for _ in range(3):
            assert client.send(MAIL, ANN, [BOB]).accepted == [BOB]


def test_what_is_left_of_a_refused_mail_is_reset() -> None:
    reset = "    C: RSET\n    S: 250 forgotten\n"
    _, client = talk(PLAIN + NOBODY + reset + DIALOG.removeprefix(PLAIN))
    with client:
        with pytest.raises(Refused):
            client.send(MAIL, ANN, [BOB, CAROL])
        assert client.send(MAIL, ANN, [BOB]).accepted == [BOB]


def test_in_a_group_the_reset_goes_along() -> None:
    again = (
        GROUP.removeprefix(PIPELINED).replace("C: MAIL", "C: RSET\n    C: MAIL").replace("S: 250 ok", "S: 250 forgotten\n    S: 250 ok", 1)
    )
    _, client = talk(PIPELINED + NOBODY_IN_A_GROUP + "    S: 554 nobody\n" + again)
    with client:
        with pytest.raises(Refused):
            client.send(MAIL, ANN, [BOB, CAROL])
        assert client.send(MAIL, ANN, [BOB, CAROL]).accepted == [BOB]


def test_a_server_that_has_gone_meanwhile_is_noticed_before_a_word() -> None:
    net, client = talk(PLAIN + "    wait 60\n    S: 421 4.4.2 too slow\n    S FIN\n")
    run(net.sleep(61))
    with pytest.raises(ConnectionLost):
        client.send(MAIL, ANN, [BOB])
    assert bytes(net.connections[0].sent) == b"EHLO me.test\r\n"
    client.close()
    client.close()


# --- LMTP


LMTP = OPENING.replace("EHLO", "LHLO") + "    S: 250 PIPELINING\n"


@pytest.mark.parametrize("piece", [None, 1])
def test_in_lmtp_each_recipient_has_a_last_word(piece: int | None) -> None:
    script = (
        LMTP
        + """
    C: MAIL FROM:<ann@home.test>
    C: RCPT TO:<bob@home.test>
    C: RCPT TO:<carol@home.test>
    C: RCPT TO:<dave@home.test>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 550 5.1.1 no carol
    S: 250 ok
    S: 354 go on
"""
        + TEXT
        + "    S: 250 2.0.0 bob has it\n    S: 452 4.2.2 dave is full\n"
        + GOODBYE
    )
    _, client = talk(script, to="server:25", lmtp=True, piece=piece)
    with client:
        report = client.send(MAIL, ANN, [BOB, CAROL, DAVE])
    assert report.accepted == [BOB]
    assert {str(box): reply.code for box, reply in report.refused.items()} == {"carol@home.test": 550, "dave@home.test": 452}


def test_in_lmtp_a_mail_for_nobody_has_no_last_word() -> None:
    group = NOBODY_IN_A_GROUP + "    S: 354 go on\n    C: .\n"
    _, client = talk(LMTP + group + GOODBYE, to="server:25", lmtp=True)
    with client, pytest.raises(Refused):
        client.send(MAIL, ANN, [BOB, CAROL])


def test_lmtp_has_no_port_of_its_own() -> None:
    """RFC 2033 5: least of all SMTP's."""
    with pytest.raises(AddressError):
        BlockingClient.connect("server", network=network(), lmtp=True)


# --- chunks (RFC 3030)


def test_a_mail_in_chunks() -> None:
    script = offering("PIPELINING", "CHUNKING") + (
        """
    C: MAIL FROM:<ann@home.test>
    C: RCPT TO:<bob@home.test>
    S: 250 ok
    S: 250 ok
    C: BDAT 28 LAST
    C| Subject: hello\\r\\n\\r\\nHello\\r\\n.\\r\\n
    S: 250 taken
"""
        + GOODBYE
    )
    assert sent(script, chunking=True).accepted == [BOB]


def big() -> Iterator[bytes]:
    yield b"Subject: big\r\n\r\n"
    for _ in range(2000):
        yield b"x" * 98 + b"\r\n"


BIG = b"".join(big())


@pytest.mark.parametrize("offers", [("CHUNKING", "PIPELINING"), ("CHUNKING",)])
def test_a_large_mail_in_several_chunks(offers: tuple[str, ...]) -> None:
    server = Counting(*offers)
    with BlockingClient.connect("server", network=MemoryNetwork({("server", 25): server}), **CLEAR) as client:
        assert client.send(big(), ANN, [BOB], chunking=True).accepted == [BOB]
    assert b"".join(server.chunks) == BIG
    assert len(server.chunks) > 2
    assert [line for line in server.commands if line.endswith(b" LAST")] == server.commands[-2:-1]


@pytest.mark.parametrize("offers", [("CHUNKING", "PIPELINING"), ("CHUNKING",)])
def test_a_refused_chunk_refuses_the_mail_and_the_rest_is_not_sent(offers: tuple[str, ...]) -> None:
    server = Counting(*offers, refuses_from=1)
    with BlockingClient.connect("server", network=MemoryNetwork({("server", 25): server}), **CLEAR) as client:
        with pytest.raises(Refused) as caught:
            client.send(big(), ANN, [BOB], chunking=True)
        assert caught.value.reply.code == 552
        assert len(b"".join(server.chunks)) < len(BIG)
        server.refuses_from = 10_000
        server.chunks.clear()
        assert client.send(MAIL, ANN, [BOB], chunking=True).accepted == [BOB]
    assert server.chunks == [MAIL]
    assert b"RSET" in server.commands


# --- mails of every kind


async def awaited(mail: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(mail), 10):
        yield mail[at : at + 10]


@pytest.mark.parametrize("make", [bytes, io.BytesIO, lambda mail: iter([mail[:5], b"", mail[5:]]), awaited])
def test_a_mail_may_be_bytes_or_a_file_or_whatever_yields_them(make: Callable[[bytes], Any]) -> None:
    assert sent(DIALOG, mail=make(MAIL.replace(b"\r\n", b"\n"))).accepted == [BOB]


def test_a_large_mail_is_sent_in_pieces() -> None:
    taken = BIG.decode().replace("\r\n", "\\r\\n")
    script = PLAIN + ENVELOPE + f"    C: DATA\n    S: 354 go on\n    C| {taken}\n    C: .\n    S: 250 ok\n" + GOODBYE
    assert sent(script, mail=io.BytesIO(BIG)).accepted == [BOB]


def broken() -> Iterator[bytes]:
    yield b"x" * 200_000
    raise OSError("the disk is gone")


def test_a_mail_that_cannot_be_read_to_its_end_is_never_ended() -> None:
    script = PLAIN + ENVELOPE + "    C: DATA\n    S: 354 go on\n    C| " + "x" * 200_000 + "\n    C FIN\n"
    _, client = talk(script)
    with client, pytest.raises(OSError, match="the disk is gone"):
        client.send(broken(), ANN, [BOB])
    with pytest.raises(ConnectionLost):
        client.send(MAIL, ANN, [BOB])


def test_a_mail_is_made_of_bytes() -> None:
    _, client = talk(PLAIN + ENVELOPE + "    C: DATA\n    S: 354 go on\n    C FIN\n")
    with client, pytest.raises(LocalProtocolError):
        client.send(["text"], ANN, [BOB])  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("mail", "offers", "parameters"),
    [
        (MAIL, ["SIZE"], " SIZE=28"),
        (MAIL.replace(b"\r\n", b"\n"), ["SIZE 100"], " SIZE=28"),  # RFC 1870 5: lines end in CRLF, dots aren't doubled
        (b"no end", ["SIZE 0"], " SIZE=8"),
        (b"Subject: x\r\n\r\n\xff", ["8BITMIME"], " BODY=8BITMIME"),
        (MAIL, ["8BITMIME", "SMTPUTF8"], ""),
        ("Subject: Grüße\n\nx".encode(), ["8BITMIME", "SMTPUTF8"], " BODY=8BITMIME SMTPUTF8"),
        ("\nGrüße".encode(), ["8BITMIME", "SMTPUTF8"], " BODY=8BITMIME"),
    ],
)
def test_what_is_said_of_a_mail_beforehand(mail: bytes, offers: list[str], parameters: str) -> None:
    for kind in (bytes, io.BytesIO):
        net, client = talk(offering(*offers) + f"    C: MAIL FROM:<ann@home.test>{parameters}\n    S: 550 no\n" + GOODBYE)
        with client, pytest.raises(Refused):
            client.send(kind(mail), ANN, [BOB])
        assert len(net.connections) == 1


@pytest.mark.parametrize(
    ("mail", "options", "offers", "why"),
    [
        (MAIL, {}, ["SIZE 27"], "28 bytes"),
        (iter([b"x"]), {"size": 30}, ["SIZE 27"], "30 bytes"),
        (b"Subject: x\n\n\xff", {}, ["SMTPUTF8"], "8BITMIME"),
        ("Subject: Grüße\n\nx".encode(), {}, ["8BITMIME"], "SMTPUTF8"),
        (MAIL, {"body": "BINARYMIME"}, ["CHUNKING"], "BINARYMIME"),
        (MAIL, {"body": "BINARYMIME"}, ["BINARYMIME"], "CHUNKING"),
        (MAIL, {"chunking": True}, ["8BITMIME"], "CHUNKING"),
        (MAIL, {"notify": ["NEVER"]}, ["8BITMIME"], "DSN"),
        (MAIL, {"ret": "HDRS"}, ["8BITMIME"], "DSN"),
        (MAIL, {"envid": "1"}, ["8BITMIME"], "DSN"),
    ],
)
def test_what_the_server_does_not_offer_is_told_before_a_word(mail: Any, options: Any, offers: list[str], why: str) -> None:
    net, client = talk(offering(*offers) + GOODBYE)
    with client, pytest.raises(Refused, match=why):
        client.send(mail, ANN, [BOB], **options)
    assert bytes(net.connections[0].sent) == b"EHLO me.test\r\nQUIT\r\n"


def test_a_mail_that_is_not_what_it_was_announced_as_is_cut_off() -> None:
    _, client = talk(PLAIN + ENVELOPE + "    C: DATA\n    S: 354 go on\n    C FIN\n")
    with client, pytest.raises(LocalProtocolError):
        client.send(iter([b"\xff"]), ANN, [BOB])


def test_wishes_for_reports() -> None:
    script = offering("DSN") + (
        """
    C: MAIL FROM:<ann@home.test> RET=HDRS ENVID=42
    S: 250 ok
    C: RCPT TO:<bob@home.test> NOTIFY=SUCCESS,FAILURE
    S: 250 ok
    C: RCPT TO:<carol@home.test> NOTIFY=NEVER ORCPT=rfc822;c@home.test
    S: 250 ok
    C: DATA
    S: 354 go on
"""
        + TEXT
        + "    S: 250 ok\n"
        + GOODBYE
    )
    _, client = talk(script)
    with client:
        to = [BOB, Recipient(CAROL, frozenset({"NEVER"}), "rfc822;c@home.test")]
        assert len(client.send(MAIL, ANN, to, notify={"SUCCESS", "FAILURE"}, ret="HDRS", envid="42").accepted) == 2


# --- addresses


def test_a_domain_beyond_ascii_is_spelled_in_ascii_where_it_must_be() -> None:
    script = PLAIN + ENVELOPE.replace("bob@home.test", "bob@xn--bcher-kva.test") + "    C: DATA\n    S: 450 no\n" + GOODBYE
    refused(script, "bob@bücher.test")


def test_and_goes_as_it_is_where_it_may() -> None:
    script = offering("SMTPUTF8") + (
        """
    C: MAIL FROM:<ann@home.test> SMTPUTF8
    S: 250 ok
    C: RCPT TO:<jürgen@bücher.test>
    S: 550 no
"""
        + GOODBYE
    )
    refused(script, "jürgen@bücher.test")


def test_a_name_beyond_ascii_has_no_other_spelling() -> None:
    net, client = talk(PLAIN + GOODBYE)
    with client, pytest.raises(Refused, match="SMTPUTF8"):
        client.send(MAIL, ANN, ["jürgen@home.test"])
    assert b"MAIL" not in net.connections[0].sent


EVIL = "x\r\nRCPT TO:<evil@away.test>"


@pytest.mark.parametrize(
    ("sender", "recipients", "options"),
    [
        (f"ann@home.test{EVIL}", ["bob@home.test"], {}),
        ("ann@home.test", [f"bob{EVIL}@home.test"], {}),
        ("ann@home.test", ["bob@home.test\n"], {}),
        (Mailbox(EVIL, "home.test"), ["bob@home.test"], {}),
        ("ann@home.test", [Mailbox("bob", f"home.test> {EVIL}")], {}),
        ("ann@home.test", ["bob@home.test"], {"envid": EVIL}),
        ("ann@home.test", [Recipient(BOB, orcpt=f"rfc822;{EVIL}")], {}),
        ("ann@home.test", [], {}),
    ],
)
def test_a_line_break_in_an_address_raises_before_a_byte_is_written(sender: Any, recipients: Any, options: Any) -> None:
    """hostile/smtp.md 6."""
    net, client = talk(offering("DSN") + DIALOG.removeprefix(PLAIN))
    with client:
        with pytest.raises(LocalProtocolError):
            client.send(MAIL, sender, recipients, **options)
        assert bytes(net.connections[0].sent) == b"EHLO me.test\r\n"
        assert client.send(MAIL, ANN, [BOB]).accepted == [BOB]  # the connection is unharmed


def test_what_is_no_address_is_said_so() -> None:
    _, client = talk(PLAIN + GOODBYE)
    with pytest.raises(TextError):
        client.send(MAIL, "ann", [BOB])
    client.close()


def test_from_nobody_as_reports_are() -> None:
    for nobody in (None, ""):
        _, client = talk(PLAIN + "    C: MAIL FROM:<>\n    S: 550 no\n" + GOODBYE)
        with client, pytest.raises(Refused):
            client.send(MAIL, nobody, [BOB])


# --- questions


def test_a_mail_may_be_asked_for_and_not_sent() -> None:
    _, client = talk(PLAIN + NOBODY.replace("550 5.1.1 no bob", "250 ok") + "    C: RSET\n    S: 250 ok\n" + DIALOG.removeprefix(PLAIN))
    with client:
        report = client.probe(ANN, [BOB, CAROL])
        assert report.accepted == [BOB]
        assert report.refused[CAROL].code == 450
        assert client.send(MAIL, ANN, [BOB]).accepted == [BOB]


def test_other_questions() -> None:
    script = PLAIN + "    C: VRFY bob\n    S: 252 try\n    C: EXPN all\n    S: 502 no\n    C: NOOP\n    S: 250 ok\n" + GOODBYE
    with talk(script)[1] as client:
        assert [client.verify("bob").code, client.expand("all").code, client.noop().code] == [252, 502, 250]


# --- watching


def test_an_observer_sees_all_that_passes() -> None:
    seen: list[tuple[str, Any]] = []
    _, client = talk(DIALOG, observer=lambda what, thing, now: seen.append((what, thing)))
    with client:
        client.send(MAIL, ANN, [BOB])
    assert b"".join(thing for what, thing in seen if what == "out").startswith(b"EHLO me.test\r\nMAIL FROM:<ann@home.test>\r\n")
    assert b"".join(thing for what, thing in seen if what == "in").endswith(b"221 bye\r\n")
