"""Fuzz targets: SMTP and SASL. What comes from a peer may be any bytes, in any pieces; what each parser then owes stands in each target.

Where a parser accepts something it is compared with a reference on its own feet: patterns written here from RFC 5321.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from wirespeak.contract import ABORT, FINISH, StartTLS
from wirespeak.errors import LocalProtocolError, RemoteProtocolError, TextError
from wirespeak.explanation import as_text, tiles
from wirespeak.sasl import Accepted, Accounts, Authenticator, Challenge, Denied, ScramKeys, Work, client_mechanism
from wirespeak.smtp.arguments import read_mail, read_rcpt
from wirespeak.smtp.client_session import ClientSession
from wirespeak.smtp.data import Content, DotReader, Writer
from wirespeak.smtp.envelope import encode_recipient, encode_sender
from wirespeak.smtp.explain import conceal, explain
from wirespeak.smtp.limits import KEPT, WINDOW, ServerLimits
from wirespeak.smtp.mailbox import Mailbox
from wirespeak.smtp.messages import (
    Auth,
    AuthAnswer,
    Data,
    DataBegin,
    DataEnd,
    Hello,
    Recipient,
    Reply,
    Reset,
    Sender,
)
from wirespeak.smtp.messages import Challenge as Asked
from wirespeak.smtp.session import ServerSession

T = TypeVar("T")

ENVELOPE = b"EHLO c.test\r\nMAIL FROM:<a@c.test> SIZE=9 BODY=8BITMIME\r\nRCPT TO:<b@d.test> NOTIFY=NEVER\r\n"
MAIL = ENVELOPE + b"DATA\r\nSubject: x\r\n\r\n..y\r\n.\r\nQUIT\r\n"
CHUNKS = ENVELOPE + b"BDAT 3\r\nabcBDAT 4 LAST\r\nd\r\neRSET\r\nQUIT\r\n"
LOGIN = b"EHLO c.test\r\nAUTH PLAIN\r\nAGEAYg==\r\nAUTH LOGIN YQ==\r\n*\r\nSTARTTLS\r\nNOOP\r\n"
ODD = b"HELO [192.0.2.1]\r\nVRFY x\r\nHELP\r\nmail from:<>\r\nrcpt to:<Postmaster>\r\nRSET\r\nXYZZY\r\n\r\nNOOP\nNOOP\r\n"
GREETING = b"220 mail.test\r\n250-mail.test\r\n250-PIPELINING\r\n250-CHUNKING\r\n250-SIZE 1000\r\n250 AUTH PLAIN\r\n"
ACCEPTED = GREETING + b"250 2.1.0 ok\r\n250 2.1.5 ok\r\n354 go on\r\n250 2.0.0 taken\r\n221 2.0.0 bye\r\n"
REFUSED = GREETING + b"250 2.1.0 ok\r\n550-5.1.1 no\r\n550 5.1.1 such user\r\n503 5.5.1 no\r\n421 4.3.2 bye\r\n"

TEXTS = [b"Subject: x\r\n\r\n..y\r\n.\r\nQUIT\r\n", b".\r\n", b"a\r\n.\n.\r\n\r\n.\r\n", b"x\r\n.\r\r\n.\r\n", b"..\r\n."]
ASKED = GREETING + b"334 YQ==\r\n235 2.7.0 in\r\n"

SEEDS = {
    "smtp_text": [b"\x05" + text for text in TEXTS],
    "smtp_writer": [b"\x03a\n.b\r.c\r\n..\r", b"\x01.", b"\x02\r\n\r\n.\r\n"],
    "smtp_server": [bytes([when, 30]) + stream for when in (0, 1, 2, 7) for stream in (MAIL, CHUNKS, LOGIN, ODD, MAIL[:-6] + MAIL)],
    "smtp_client": [bytes([when, 30]) + stream for when in range(4) for stream in (ACCEPTED, REFUSED, ASKED)],
    "smtp_mailbox": [
        *(b"ann@home.test", b'"two words"@[192.0.2.1]', b"a.b+c@x-y.test", b"a@[IPv6:2001:db8::1]", b'"\\""@a'),
        "é@höme.test".encode(),
    ],
    "smtp_mail": [b"FROM:<@x.test:a@b.test> SIZE=1 BODY=7BIT RET=FULL ENVID=a+41", b"FROM:<> SMTPUTF8", b"FROM:<a@b> AUTH=<>"],
    "smtp_rcpt": [b"TO:<a@b.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;a+2Bb@c", b"TO:<Postmaster>", b'TO:<"a\\"b"@c>'],
    "smtp_reply": [b"250-2.1.0 a\r\n250 2.1.0 b\r\n", b"354 go\r\n", b"250\r\n", b"421-4.3.2\r\n421 4.3.2\r\n"],
    "smtp_explain": [bytes([len(ACCEPTED) % 256]) + ACCEPTED + MAIL, b"\x00" + LOGIN, b"\x40" + REFUSED + CHUNKS],
    "sasl_server": [
        *(b"\0" + b"\0ann\0wrong" + end for end in (b"", b"\xff", b"\xffx")),
        b"\1ann\xffwrong",
        b"\2n,,n=ann,r=abc\xffc=biws,r=abcnonce,p=eA==",
        b"\2y,,n=ann,r=abc",
        b"\2p=tls-server-end-point,,n=ann,r=abc",
    ],
    "sasl_client": [b"\0", b"\1Username:\xffPassword:", b"\2r=abc,s=c2FsdA==,i=4096\xffv=eA==", b"\3<1.2@a>"],
}


# --- the mail's own bytes


def in_pieces(data: bytes, size: int) -> Iterator[bytes]:
    """``data`` in pieces of ``size`` bytes; at once where that is 0."""
    size = size or max(1, len(data))
    return (data[at : at + size] for at in range(0, len(data), size))


def fuzz_smtp_text(data: bytes) -> None:
    """The first byte is the size of the pieces: in any, the mail is the reference's, and so is what is wrong with it (RFC 5321 4.5.2)."""
    came = data[1:]
    ends = 0 if came.startswith(b".\r\n") else came.find(b"\r\n.\r\n") + 2
    whole = came[:ends] if ends > 1 or came.startswith(b".\r\n") else None
    for size in (0, 1, data[0] if data else 0):
        reader, content, mail, behind = DotReader(), Content(0, 0, 0), b"", None
        for piece in in_pieces(came, size):
            if behind is not None:
                behind += piece
                continue
            text, behind = reader.read(piece)
            content.add(text)
            mail += text
        assert (behind is None) == (whole is None), "ended where the reference does not"
        if whole is None or behind is None:
            continue
        content.end()
        assert mail == re.sub(rb"(\A|\r\n)\.", rb"\1", whole)
        assert behind == came[len(whole) + 3 :]
        assert content.bare == bool(re.search(rb"\r(?!\n)|(?<!\r)\n", mail))
        assert content.size == len(mail)


def fuzz_smtp_writer(data: bytes) -> None:
    """The first byte is the size of the pieces: what is written is read as the same lines, and ends once, at its end."""
    size, mail = (data[0], data[1:]) if data else (0, b"")
    writer = Writer()
    said = b"".join(writer.add(piece) for piece in in_pieces(mail, size)) + writer.end()
    text, behind = DotReader().read(said)
    lines = re.split(rb"\r\n|\r|\n", mail)
    expected = b"".join(line + b"\r\n" for line in (lines[:-1] if not lines[-1] else lines))
    assert (text, behind) == (expected, b"")


# --- a server


class Host:
    """A server's session, and who decides: verdicts by ``when``, whatever it is asked, at once."""

    def __init__(self, when: int) -> None:
        self.when = when
        limits = ServerLimits(size=2000, recipients=3, errors=8)
        options: dict[str, Any] = {"lmtp": bool(when & 4), "tls": True, "mechanisms": ["PLAIN"], "auth_in_clear": True}
        self.session = ServerSession(lambda: None, limits, hostname="d.test", **options)
        self.said = b""
        self.told: list[Any] = []
        self.over = False
        self.session.send(Reply(220, "d.test"))

    def pieces(self, *pieces: bytes) -> Host:
        for piece in pieces:
            events = self.session.receive(piece, 0.0)
            while (events or self.session.deadline <= 0) and not self.over:
                for event in events:
                    self.handle(event)
                self.take()
                events = self.session.receive(b"", 0.0)
            assert len(self.session._input) <= KEPT + WINDOW + 4096, "more is kept than may be"
        self.take()
        return self

    def take(self) -> None:
        for segment in self.session.data_to_send():
            if segment is FINISH or segment is ABORT:
                self.over = True
            else:
                assert isinstance(segment, bytes)
                self.said += segment

    def handle(self, event: Any) -> None:
        good = self.when & 1 == 0
        match event:
            case Data():
                self.session.consumed(len(event.data))
                if self.told and isinstance(self.told[-1], bytes):
                    self.told[-1] += event.data
                else:
                    self.told.append(event.data)
            case Reset():  # how much of a mail was given out that is none, depends on the pieces
                if self.told and isinstance(self.told[-1], bytes):
                    self.told.pop()
                self.told.append("reset")
            case DataBegin():
                self.session.send(Reply(354, "go on") if good or self.when & 2 else Reply(452, "full", "4.3.1"))
            case DataEnd():
                self.told.append(("end", event.size))
                while self.session.asked is event:
                    self.session.send(Reply(250, "taken", "2.0.0") if good else Reply(550, "no", "5.7.1"))
            case Auth() | AuthAnswer():
                self.told.append(type(event).__name__)
                self.session.send(Asked(b"") if isinstance(event, Auth) and event.initial is None else Reply(535, "no", "5.7.8"))
            case RemoteProtocolError():
                self.told.append(("fault", event.code, event.clause))
            case StartTLS():
                self.told.append("tls")
                self.session.secured(None)
            case _:
                self.told.append(event)
                if self.session.asked is event:
                    self.session.send(Reply(250, "ok", "2.0.0"))


REPLIES = re.compile(rb"(?:([2-5][0-5][0-9])-[\t\x20-\x7e]*\r\n)*(?:[2-5][0-5][0-9] [\t\x20-\x7e]*\r\n)")


def replies(said: bytes) -> list[int]:
    """The codes of the replies in ``said``, each of which must be right (RFC 5321 4.2, 4.5.3.1.5)."""
    codes, at = [], 0
    while at < len(said):
        match = REPLIES.match(said, at)
        assert match, f"no reply: {said[at : at + 100]!r}"
        lines = match[0].split(b"\r\n")[:-1]
        assert len({line[:3] for line in lines}) == 1
        assert max(map(len, lines)) <= 510 or lines[0].startswith(b"334")
        codes.append(int(match[0][:3]))
        at = match.end()
    return codes


def fuzz_smtp_server(data: bytes) -> None:
    """The first byte decides the verdicts, the second where the rest is split: in any pieces the same is understood, and said.

    But for what may depend on them: a text that was sent before it was asked for (RFC 2920 3.1), and what came in clear behind
    STARTTLS (RFC 3207 4.2). A client that sends line by line does neither.
    """
    if len(data) < 2:
        return
    when, split, stream = data[0], data[1], data[2:]
    lines = Host(when).pieces(*re.findall(rb"[^\n]*\n|[^\n]+", stream))
    replies(lines.said)
    others = [tuple(in_pieces(stream, 1))]
    if not re.search(rb"DATA|STARTTLS", stream, re.IGNORECASE):
        others += [(stream,), (stream[:split], stream[split:])]
    for pieces in others:
        other = Host(when).pieces(*pieces)
        assert lines.told == other.told, "in other pieces, something else was understood"
        assert lines.said == other.said, "in other pieces, something else was said"
    Host(when).pieces(stream[:split], stream[split:])


# --- a client


class Guest:
    """A client's session, and who sends a mail with it: the next word as soon as it may be said."""

    def __init__(self, when: int) -> None:
        self.session = ClientSession(lmtp=bool(when & 1), secure=True)
        self.plan: list[Any] = [Hello("c.test", "LHLO" if when & 1 else "EHLO")]
        if when & 2:
            self.plan.append(Auth("PLAIN", b"\0ann\0secret"))
        self.plan += [Sender(Mailbox("a", "b.test")), Recipient(Mailbox("c", "d.test")), Recipient(Mailbox("e", "d.test")), DataBegin()]
        self.plan += [Data(b".x\r\n"), DataEnd(0)]
        self.told: list[Any] = []
        self.said = b""

    def pieces(self, *pieces: bytes) -> Guest:
        for piece in pieces:
            events = self.session.receive(piece, 0.0)
            self.told += events
            while events:
                events = self.session.receive(b"", 0.0)
                self.told += events
            self.talk()
            assert len(self.session._input) <= 1 << 17, "more is kept than may be"
        return self

    def talk(self) -> None:
        while self.plan and not self.session.closed:
            try:
                self.session.send(self.plan[0])
            except LocalProtocolError:
                break  # not yet, or no more
            self.plan.pop(0)
        self.said += b"".join(segment for segment in self.session.data_to_send() if isinstance(segment, bytes))


WORDS = re.compile(
    rb"(EHLO|HELO|LHLO) c.test|AUTH PLAIN( [A-Za-z0-9=]+)?|[A-Za-z0-9=]+|\*|MAIL FROM:<a@b.test>.*|RCPT TO:<[ce]@d.test>"
    rb"|DATA|BDAT .*|\.\.x|\.x|\.|QUIT|STARTTLS|RSET"
)
"""What a `Guest` may say."""


def fuzz_smtp_client(data: bytes) -> None:
    """The first byte decides who the client is, the second where the rest is split: nothing is raised, and its words are its own."""
    if len(data) < 2:
        return
    when, split, stream = data[0] % 4, data[1], data[2:]
    for pieces in ((stream[:split], stream[split:]), tuple(in_pieces(stream, 1)), tuple(re.findall(rb"[^\n]*\n|[^\n]+", stream))):
        guest = Guest(when).pieces(*pieces)
        for line in guest.said.splitlines():
            assert WORDS.fullmatch(line), line
        if not any(getattr(each, "reply", None) and each.reply.code == 354 for each in guest.told):
            assert b"..x" not in guest.said, "the text was said unasked"


def fuzz_smtp_reply(data: bytes) -> None:
    """A reply that is read says the same written and read again."""
    lines = data.removesuffix(b"\r\n").split(b"\r\n")
    try:
        reply = Reply.parse(lines)
    except RemoteProtocolError:
        return
    assert 200 <= reply.code < 600
    try:
        said = reply.encode()
    except LocalProtocolError:
        return  # what no reply of ours may hold
    again = Reply.parse(said.removesuffix(b"\r\n").split(b"\r\n"))
    assert (again.code, again.enhanced) == (reply.code, reply.enhanced)
    assert [line.strip() for line in again.lines] == [line.strip() for line in reply.lines]


# --- addresses and parameters


def fuzz_smtp_mailbox(data: bytes) -> None:
    """A mailbox that is read is written so that it is read as itself, by both readers; and can't end a path, or a line."""
    try:
        box = Mailbox.parse(data.decode("utf-8", "replace"))
    except (TextError, LocalProtocolError):
        return
    text = str(box)
    assert not re.search(r"[\x00-\x1f\x7f]", text)
    assert Mailbox.parse(text) == box
    assert read_mail(f"FROM:<{text}> SMTPUTF8").mailbox == box
    line = encode_sender(Sender(box, utf8=True), {"SMTPUTF8": ""})
    assert line.count(b"\r") == line.count(b"\n") == 1
    assert line.endswith(b"\r\n")


# RFC 5321 4.1.2, without SMTPUTF8, less strictly than it has it: what is accepted must at least look like this.
PATH = re.compile(r'FROM: *<(?:(?:@[^:]+:)?(?:"(?:[ !#-\[\]-~]|\\[ -~])*"|[^\x00-\x20()<>\[\]:;@\\,"\x7f]+)@[^\x00-\x20<>@]+)?>(?: .*)?')


def accepted(read: Callable[[], T]) -> T | None:
    """What is read; None where it is refused, with a code that such a fault is answered with."""
    fault = None
    try:
        return read()
    except RemoteProtocolError as error:
        fault = error
    assert fault.code in (501, 553, 555)
    assert fault.enhanced
    return None


def fuzz_smtp_mail(data: bytes) -> None:
    """An argument of MAIL that is accepted looks as RFC 5321 4.1.2 has it, and is written again as it was meant."""
    argument = data.decode("utf-8", "replace")
    sender = accepted(lambda: read_mail(argument))
    if sender is None:
        return
    assert PATH.fullmatch("FROM" + argument[4:]), argument
    offered = {"SIZE": "", "8BITMIME": "", "BINARYMIME": "", "SMTPUTF8": "", "AUTH": "", "DSN": ""}
    try:
        line = encode_sender(sender, offered)
    except LocalProtocolError:
        return  # what the peer may say and we do not
    again = read_mail(line.decode()[5:-2])
    assert again == sender


def fuzz_smtp_rcpt(data: bytes) -> None:
    """The same of RCPT, with SMTPUTF8 and without."""
    argument = data.decode("utf-8", "replace")
    for utf8 in (False, True):
        recipient = accepted(lambda utf8=utf8: read_rcpt(argument, utf8=utf8))  # type: ignore[misc]
        if recipient is None:
            continue
        assert utf8 or argument.isascii()
        try:
            line = encode_recipient(recipient, {"DSN": "", "SMTPUTF8": ""}, utf8=utf8)
        except LocalProtocolError:
            continue
        assert read_rcpt(line.decode()[5:-2], utf8=utf8) == recipient


# --- explained


def fuzz_smtp_explain(data: bytes) -> None:
    """The first byte says where one side ends and the other begins: both are explained edge to edge, with and without the other."""
    one, other = data[1 : 1 + data[0]] if data else b"", data[1 + data[0] :] if data else b""
    for said, heard in ((one, other), (other, one), (data, b"")):
        for side in ("client", "server"):
            parts = explain(said, side, other=heard)  # type: ignore[arg-type]
            assert tiles(parts, said)
            shown = conceal(said, parts)
            assert len(shown) == len(said)
    if len(data) < 300:
        as_text(shown, parts)


# --- logins


KEYS = ScramKeys.of("right", b"0123456789abcdef", 4096)
ACCOUNTS = Accounts({"ann": KEYS}, hashlib.sha256(b"decoys").digest())
MECHANISMS = ("PLAIN", "LOGIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "XOAUTH2", "OAUTHBEARER")


def fuzz_sasl_server(data: bytes) -> None:
    """The first byte chooses the mechanism, the rest are responses, parted by FF: nothing is raised, nobody is let in."""
    if not data:
        return
    server = Authenticator(ACCOUNTS.find, verify_token=lambda user, token: None, plus=True)
    name = MECHANISMS[data[0] % len(MECHANISMS)]
    mechanism = server.start(name, nonce=b"n" * 18, secure=True, binding=b"certificate")
    responses: Sequence[bytes] = data[1:].split(b"\xff")
    for response in responses[:6]:
        step = mechanism.step(response)
        for _ in range(3):
            if not isinstance(step, Work):
                break
            step = step.run()
        assert not isinstance(step, Work)
        if isinstance(step, Denied):
            return
        if isinstance(step, Accepted):
            assert b"right" in data, "let in without the password"
            return
        assert isinstance(step, Challenge)
        assert len(base64.b64encode(step.data)) < 12288


OFFERS = ("PLAIN", "LOGIN", "SCRAM-SHA-256", "CRAM-MD5", "SCRAM-SHA-256-PLUS")


def fuzz_sasl_client(data: bytes) -> None:
    """The first byte chooses the mechanism, the rest are challenges, parted by FF: who can't prove itself isn't believed."""
    if not data:
        return
    name = OFFERS[data[0] % len(OFFERS)]
    mechanism = client_mechanism([name], "ann", "right", nonce=b"n" * 18, secure=True, binding=b"certificate")
    mechanism.initial()
    try:
        for challenge in data[1:].split(b"\xff")[:6]:
            said = mechanism.step(challenge)
            assert b"right" not in said or name in ("PLAIN", "LOGIN")
        mechanism.finish()
    except RemoteProtocolError:
        return
    assert "SCRAM" not in name, "a server was believed that has proved nothing"
