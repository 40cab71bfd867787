"""Every byte of SMTP explained: edge to edge, and the same as the parser reads."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wirespeak.errors import RemoteProtocolError
from wirespeak.explanation import Part, as_text, clause_url, tiles
from wirespeak.smtp import meanings
from wirespeak.smtp.arguments import read_bdat, read_mail, read_rcpt
from wirespeak.smtp.data import DotReader
from wirespeak.smtp.explain import conceal, explain
from wirespeak.smtp.grammar import COMMAND
from wirespeak.smtp.mailbox import Mailbox
from wirespeak.smtp.messages import Reply
from wirespeak.smtp.states import COMMANDS, LMTP_COMMANDS, UNSPOKEN

CLIENT = (
    b"EHLO client.test\r\n"
    b"MAIL FROM:<ann@home.test> SIZE=120 BODY=8BITMIME RET=HDRS ENVID=QQ314159\r\n"
    b'RCPT TO:<"two words"@home.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;bob@away.test\r\n'
    b"RCPT TO:<nobody@home.test>\r\n"
    b"DATA\r\n"
    b"Subject: dots\r\n"
    b"Received: from a.test\r\n\tby b.test; Sat, 1 Jan 2022 00:00:00 +0000\r\n"
    b"\r\n"
    b"..one\r\n"
    b"two.\r\n"
    b"...\r\n"
    b".\r\n"
    b"QUIT\r\n"
)
SERVER = (
    b"220 mail.test ready\r\n"
    b"250-mail.test hello\r\n"
    b"250-SIZE 52428800\r\n"
    b"250-AUTH PLAIN SCRAM-SHA-256\r\n"
    b"250 8BITMIME\r\n"
    b"250 2.1.0 Sender ok\r\n"
    b"250 2.1.5 Recipient ok\r\n"
    b"550 5.1.1 No such user here\r\n"
    b"354 Go on\r\n"
    b"250 2.0.0 Taken\r\n"
    b"221 2.0.0 Bye\r\n"
)
CHUNKS = b"EHLO c.test\r\nMAIL FROM:<>\r\nRCPT TO:<Postmaster>\r\nBDAT 7\r\nNOOP\r\n.BDAT 2 LAST\r\n\r\nRSET\r\nNOOP\r\n"


def said(parts: list[Part], name: str) -> list[str]:
    """The values of the parts of that name."""
    return [part.value for part in parts if part.name == name]


def groups(parts: list[Part]) -> list[str]:
    return list(dict.fromkeys(part.group for part in parts))


def test_a_client_is_explained() -> None:
    parts = explain(CLIENT)
    assert tiles(parts, CLIENT)
    assert said(parts, "verb") == ["EHLO", "MAIL", "RCPT", "RCPT", "DATA", "QUIT"]
    assert said(parts, "Local-part") == ["ann", "two words", "nobody"]
    assert said(parts, "esmtp-keyword") == ["SIZE", "BODY", "RET", "ENVID", "NOTIFY", "ORCPT"]
    assert said(parts, "field-name") == ["Subject", "Received"]
    assert said(parts, "field-body")[1] == "from a.test\tby b.test; Sat, 1 Jan 2022 00:00:00 +0000"
    assert [part.start for part in parts if part.name == "stuffed dot"] == [CLIENT.index(b"..one"), CLIENT.index(b"...\r\n")]
    assert CLIENT[next(part.start for part in parts if part.name == "end of mail data") :] == b".\r\nQUIT\r\n"
    assert not [part for part in parts if part.kind in ("malformed", "missing")]


def test_a_server_is_explained() -> None:
    parts = explain(SERVER)
    assert tiles(parts, SERVER)
    assert said(parts, "Reply-code") == ["220", "250", "250", "250", "250", "250", "250", "550", "354", "250", "221"]
    assert said(parts, "status-code") == ["2.1.0", "2.1.5", "5.1.1", "2.0.0", "2.0.0"]
    assert said(parts, "ehlo-keyword") == ["SIZE", "AUTH", "8BITMIME"]
    assert next(part.meaning for part in parts if part.name == "ehlo-param") == "52,428,800 bytes"
    assert not [part for part in parts if part.kind in ("malformed", "missing")]


def test_who_has_both_sides_is_told_what_a_reply_answers() -> None:
    assert groups(explain(SERVER, other=CLIENT)) == [
        "reply 1: greeting",
        "reply 2, to EHLO",
        "reply 3, to MAIL",
        "reply 4, to RCPT",
        "reply 5, to RCPT",
        "reply 6, to DATA",
        "reply 7, to the mail",
        "reply 8, to QUIT",
    ]


def test_behind_a_data_that_was_refused_come_commands() -> None:
    client = b"EHLO c.test\r\nDATA\r\nNOOP\r\n.\r\n"
    server = b"220 a.test\r\n250 a.test\r\n503 5.5.1 No recipient\r\n250 2.0.0 Ok\r\n500 5.5.2 What?\r\n"
    assert said(explain(client), "verb") == ["EHLO", "DATA"]
    assert said(explain(client, other=server), "verb") == ["EHLO", "DATA", "NOOP"]
    assert groups(explain(server, other=client))[2:] == ["reply 3, to DATA", "reply 4, to NOOP", "reply 5, to a line that is no command"]


def test_chunks_are_counted() -> None:
    parts = explain(CHUNKS)
    assert tiles(parts, CHUNKS)
    assert said(parts, "verb") == ["EHLO", "MAIL", "RCPT", "BDAT", "BDAT", "RSET", "NOOP"]
    assert [CHUNKS[part.start : part.end] for part in parts if part.name == "chunk"] == [b"NOOP\r\n.", b"\r\n"]
    assert said(parts, "null reverse-path") == ["<>"]


def test_in_lmtp_each_recipient_is_answered() -> None:
    client = b"LHLO c.test\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.test>\r\nRCPT TO:<c@b.test>\r\nRCPT TO:<d@b.test>\r\nDATA\r\nx\r\n.\r\nNOOP\r\n"
    codes = [220, 250, 250, 250, 550, 250, 354, 250, 452, 250]
    server = b"".join(b"%d ok\r\n" % code for code in codes)
    told = groups(explain(server, other=client))
    assert [group.rpartition(" to ")[2] for group in told[6:]] == ["DATA", "the mail", "the mail", "NOOP"]


def test_behind_the_agreement_on_tls_nothing_is_told() -> None:
    record = b"\x16\x03\x01\x02\x00\x01\r\nNOOP\r\n"
    client, server = b"EHLO c.test\r\nSTARTTLS\r\n", b"220 a.test\r\n250-a.test\r\n250 STARTTLS\r\n220 2.0.0 Ready\r\n"
    for data, other in ((client, server), (server, client)):
        for parts in (explain(data + record), explain(data + record, other=other + record)):
            assert tiles(parts, data + record)
            assert (parts[-1].name, parts[-1].start) == ("TLS", len(data))


# --- logins


def b64(data: bytes) -> bytes:
    return base64.b64encode(data)


LOGINS = [
    b"AUTH PLAIN %b\r\n" % b64(b"\0ann\0open sesame"),
    b"AUTH PLAIN\r\n%b\r\n" % b64(b"ann\0ann\0open sesame"),
    b"AUTH LOGIN\r\n%b\r\n%b\r\n" % (b64(b"ann"), b64(b"open sesame")),
    b"AUTH LOGIN %b\r\n%b\r\n" % (b64(b"ann"), b64(b"open sesame")),
    b"AUTH XOAUTH2 %b\r\n" % b64(b"user=ann\1auth=Bearer open sesame\1\1"),
    b"AUTH OAUTHBEARER %b\r\n" % b64(b"n,a=ann,\1auth=Bearer open sesame\1\1"),
    b"auth plain %b\r\n" % b64(b"\0ann\0open sesame"),
    b"AUTH PLAIN %b" % b64(b"\0ann\0open sesame"),
    b"AUTH PLAIN %b!\r\n" % b64(b"\0ann\0open sesame"),
    b"AUTH PLAIN\r\n%b" % b64(b"\0ann\0open sesame"),
    b"AUTH PLAIN\r\n%b?\r\n" % b64(b"\0ann\0open sesame"),
    b"AUTH PLAIN %b more\r\n" % b64(b"\0ann\0open sesame"),
    b"AUTH LOGIN\r\n%b\r\n%b" % (b64(b"ann"), b64(b"open sesame")),
]


@pytest.mark.parametrize("login", LOGINS, ids=lambda login: login[:14].decode().strip())
def test_a_password_is_never_shown(login: bytes) -> None:
    data = b"EHLO c.test\r\n" + login
    parts = explain(data)
    assert tiles(parts, data)
    shown = conceal(data, parts)
    assert len(shown) == len(data)
    text = as_text(shown, parts, width=200) + "".join(part.value + part.meaning for part in parts)
    assert "sesame" not in text
    for piece in (b64(b"open sesame"), b64(b"?open sesame"), b64(b"??open sesame")):
        assert piece[4:12].decode() not in text.replace("\n", "")


@pytest.mark.parametrize(("login", "value"), [*zip(LOGINS[:4], ["NUL ann NUL", "ann NUL ann NUL", "ann", "ann"], strict=True)])
def test_the_name_of_who_logs_in_is(login: bytes, value: str) -> None:
    assert said(explain(login), "response") == [value]


def test_a_login_is_as_long_as_it_is_asked() -> None:
    words = b"".join(b"%b\r\n" % b64(word) for word in (b"n,,n=ann,r=abc", b"c=biws,r=abcdef,p=eA=="))
    client = b"EHLO c.test\r\nAUTH SCRAM-SHA-256\r\n%b\r\nNOOP\r\n" % words
    challenges = b"".join(b"334 %b\r\n" % b64(word) for word in (b"r=abcdef,s=eA==,i=1", b"v=eA=="))
    server = b"220 a\r\n250 a\r\n334 \r\n" + challenges + b"235 2.7.0 Welcome\r\n250 2.0.0 Ok\r\n"
    for parts in (explain(client), explain(client, other=server)):
        assert tiles(parts, client)
        assert said(parts, "response") == ["n,,n=ann,r=abc", "c=biws,r=abcdef,p=eA=="]
        assert said(parts, "verb") == ["EHLO", "AUTH", "NOOP"]
    assert said(explain(server, other=client), "challenge") == ["r=abcdef,s=eA==,i=1", "v=eA=="]


def test_a_login_that_is_given_up() -> None:
    client = b"EHLO c.test\r\nAUTH PLAIN\r\n*\r\nNOOP\r\n"
    server = b"220 a\r\n250 a\r\n334 \r\n501 5.7.0 As you like\r\n250 2.0.0 Ok\r\n"
    for parts in (explain(client), explain(client, other=server)):
        assert said(parts, "cancel-response") == ["*"]
        assert said(parts, "verb")[-1] == "NOOP"


# --- what is broken or missing


@pytest.mark.parametrize(
    ("data", "clause"),
    [
        (b"MAIL FROM:<ann@home..test>\r\n", "RFC 5321 4.1.2"),
        (b"MAIL FROM:<ann@home.test> SIZE=x\r\n", "RFC 1870 4"),
        (b"RCPT TO:<>\r\n", "RFC 5321 4.1.2"),
        (b"EHLO\r\n", "RFC 5321 4.1.1.1"),
        (b"DATA now\r\n", "RFC 5321 4.1.1.4"),
        (b"BDAT ten\r\n", "RFC 3030 2"),
        (b"XYZZY\r\n", "RFC 5321 4.2.4"),
        (b"\r\n", "RFC 5321 4.1.2"),
        (b"NOOP \xff\r\n", "RFC 5321 4.1.2"),
        (b"MAIL FROM:<\xff@a.test> SMTPUTF8\r\n", "RFC 5321 4.1.2"),
        (b"NOOP \x00\r\n", "RFC 5321 4.1.2"),
        (b"NOOP\nQUIT\r\n", "RFC 5321 4.1.2"),
        (b"GET / HTTP/1.1\r\n\r\n", "RFC 5321 4.2.4"),
        (b"AUTH PLAIN !\r\n", "RFC 4954 4"),
        (b"250-a\r\n550 b\r\n", "RFC 5321 4.2.1"),
        (b"250ok\r\n", "RFC 5321 4.2"),
        (b"999 ok\r\n", "RFC 5321 4.2"),
    ],
)
def test_what_breaks_the_protocol_is_told_with_its_clause(data: bytes, clause: str) -> None:
    parts = explain(data)
    assert tiles(parts, data)
    assert faults(parts) == [clause]


def test_the_line_behind_a_broken_one_is_explained() -> None:
    assert said(explain(b"EHLO \r\nMAIL\r\nFOO\r\nQUIT\r\n"), "verb") == ["EHLO", "MAIL", "QUIT"]


@pytest.mark.parametrize("stray", [b"\r", b"\n", b"\r\r\n", b"\n\r\n"])
def test_a_line_end_that_is_none_is_pointed_at(stray: bytes) -> None:
    data = b"DATA\r\nSubject: a\r\n\r\nb" + stray + b"c\r\n.\r\n"
    parts = explain(data)
    assert tiles(parts, data)
    (fault,) = (part for part in parts if part.kind == "malformed")
    assert (fault.clause, fault.end - fault.start) == ("RFC 5321 2.3.8", 1)


@pytest.mark.parametrize("data", [CLIENT, SERVER, CHUNKS])
def test_wherever_it_is_cut_off_the_rest_is_missing(data: bytes) -> None:
    whole = {part.end for part in explain(data) if part.name in ("CRLF", "chunk", "end of mail data")}
    for cut in range(len(data)):
        parts = explain(data[:cut], "server" if data is SERVER else "client")
        assert tiles(parts, data[:cut])
        assert not [part for part in parts if part.kind == "malformed"], data[:cut]
        if cut not in whole:
            assert parts[-1].kind == "missing", data[:cut]


def test_much_is_not_explained_to_its_end() -> None:
    data = b"NOOP\r\n" * 100_000
    since = time.monotonic()
    parts = explain(data)
    assert tiles(parts, data)
    assert len(parts) <= 50_001
    assert time.monotonic() - since < 20


# --- the same as the parser


PRINTABLE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=30)
MAILBOXES = st.builds(Mailbox, PRINTABLE.filter(bool), st.sampled_from(["home.test", "a.b-c.test", "[192.0.2.1]", "[IPv6:2001:db8::1]"]))
PARAMETERS = st.sampled_from(["", " SIZE=12", " body=8bitmime SMTPUTF8", " RET=FULL ENVID=a+41b", " AUTH=<>", " X=y", " SIZE=12 SIZE=12"])
ENDS = st.sampled_from(["", " ", "x", ">", " NOTIFY=NEVER", " NOTIFY=SUCCESS,DELAY ORCPT=rfc822;a@b"])


T = TypeVar("T")


def read(reader: Callable[[str], T], argument: str) -> T | RemoteProtocolError:
    """What the parser makes of ``argument``, or its objection."""
    try:
        return reader(argument)
    except RemoteProtocolError as fault:
        return fault


def faults(parts: list[Part]) -> list[str]:
    """The clauses that are broken."""
    return [part.clause for part in parts if part.kind == "malformed"]


@given(MAILBOXES, PARAMETERS)
@example(Mailbox("é", "home.test"), " SMTPUTF8")
@example(Mailbox("a", "höme.test"), "")
def test_a_sender_is_told_as_it_is_read(mailbox: Mailbox, parameters: str) -> None:
    argument = f"FROM:<{mailbox}>{parameters}"
    data = f"MAIL {argument}\r\n".encode()
    parts = explain(data)
    assert tiles(parts, data)
    sender = read(read_mail, argument)
    assert faults(parts) == ([sender.clause] if isinstance(sender, RemoteProtocolError) else [])
    if not isinstance(sender, RemoteProtocolError):
        assert sender.mailbox is not None
        assert said(parts, "Local-part") == [sender.mailbox.local]
        assert (said(parts, "Domain") or said(parts, "address-literal")) == [sender.mailbox.domain]
        assert ("SIZE" in said(parts, "esmtp-keyword")) == (sender.size is not None)


@given(MAILBOXES, ENDS)
def test_a_recipient_is_told_as_it_is_read(mailbox: Mailbox, end: str) -> None:
    argument = f"TO:<{mailbox}>{end}"
    data = f"RCPT {argument}\r\n".encode()
    parts = explain(data)
    assert tiles(parts, data)
    recipient = read(read_rcpt, argument)
    assert faults(parts) == ([recipient.clause] if isinstance(recipient, RemoteProtocolError) else [])
    if not isinstance(recipient, RemoteProtocolError):
        assert said(parts, "Local-part") == [recipient.mailbox.local]
        assert bool(recipient.notify) == ("NOTIFY" in said(parts, "esmtp-keyword"))


LINES = st.lists(st.sampled_from([b"", b".", b"..", b".x", b"x", b"Subject: y", b" folded", b"\r", b"\n", b"\r\n", b"\xff"]), max_size=12)


@given(LINES)
def test_a_mail_is_told_as_it_is_read(lines: list[bytes]) -> None:
    came = b"\r\n".join(lines)
    data = b"DATA\r\n" + came
    parts = explain(data)
    assert tiles(parts, data)
    mail, behind = DotReader().read(came)
    dialog = next((number for number, part in enumerate(parts) if part.name == "end of mail data"), len(parts))
    told = b"".join(data[part.start : part.end] for part in parts[2:dialog] if part.name not in ("stuffed dot", "missing"))
    assert told == mail
    assert (behind is None) == (dialog == len(parts)) or not came


REPLIES = st.builds(
    Reply,
    st.sampled_from([220, 250, 354, 421, 450, 535, 550]),
    st.lists(PRINTABLE, min_size=1, max_size=4).map("\n".join),
    st.sampled_from(["", "2.1.0", "4.2.1", "5.7.12"]),
)


@given(REPLIES)
def test_a_reply_is_told_as_it_is_read(reply: Reply) -> None:
    data = reply.encode()
    parsed = Reply.parse(data.split(b"\r\n")[:-1])
    parts = explain(data, other=b"NOOP\r\n")
    assert tiles(parts, data)
    assert set(said(parts, "Reply-code")) == {str(parsed.code)}
    assert set(said(parts, "status-code")) == ({parsed.enhanced} if parsed.enhanced else set())


@given(st.binary(max_size=200), st.binary(max_size=100))
@example(b"BDAT 99999999999999999999\r\n", b"")
@example(b"DATA\r\n.\r", b"")
@example(b"AUTH LOGIN\r\n=\r\n\r\n", b"220 a\r\n334 \r\n334 \r\n")
def test_anything_at_all_is_explained(data: bytes, other: bytes) -> None:
    for parts in (explain(data), explain(data, "server"), explain(data, "client", other=other), explain(data, "server", other=other)):
        assert tiles(parts, data)
        assert len(conceal(data, parts)) == len(data)
        as_text(data, parts)


WORDS = [b"EHLO c", b"MAIL FROM:<>", b"RCPT TO:<a@b>", b"DATA", b".", b"BDAT 3 LAST", b"AUTH PLAIN", b"AUTH LOGIN YQ=="]
WORDS += [b"YQ==", b"*", b"QUIT", b"", b"LHLO d"]
ANSWERS = [b"220 a", b"250 2.0.0 ok", b"250-a", b"354 go", b"334 ", b"334 YQ==", b"503 5.5.1 no", b"421 4.3.2 bye", b"", b"nonsense"]


@given(st.lists(st.sampled_from(WORDS), max_size=12), st.lists(st.sampled_from(ANSWERS), max_size=12))
def test_any_dialog_is_explained_on_both_sides(words: list[bytes], answers: list[bytes]) -> None:
    client, server = (b"".join(line + b"\r\n" for line in lines) for lines in (words, answers))
    for parts, data in ((explain(client, "client", other=server), client), (explain(server, "server", other=client), server)):
        assert tiles(parts, data)


# --- the words


def test_every_clause_can_be_looked_up() -> None:
    of_client = (meanings.COMMANDS, meanings.PARAMETERS, meanings.MECHANISMS, meanings.FIELDS)
    tables: tuple[Mapping[Any, tuple[str, str]], ...] = (*of_client, meanings.EXTENSIONS, meanings.CODES, meanings.ENHANCED)
    clauses = {clause for table in tables for _, clause in table.values()} - {""}
    assert not [clause for clause in clauses if not clause_url(clause)]


def test_every_command_that_the_server_knows_has_a_meaning() -> None:
    assert {*COMMANDS, *LMTP_COMMANDS, *UNSPOKEN} <= set(meanings.COMMANDS)
    assert all(COMMAND.fullmatch(verb) for verb in meanings.COMMANDS)


def test_what_a_chunk_says_is_what_is_read() -> None:
    for argument in ("0", "7 LAST", "7  last", "0019"):
        parts = explain(f"BDAT {argument}\r\n".encode())
        size, last = read_bdat(argument)
        assert int(said(parts, "chunk-size")[0]) == size
        assert bool(said(parts, "end-marker")) == last
    assert re.fullmatch("[A-Z0-9-]+", "".join(meanings.EXTENSIONS))
