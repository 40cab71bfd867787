"""What is in a mail, whatever somebody has put there; and the transcript of a conversation."""

from __future__ import annotations

import email.message
import time
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as some

from wirespeak.smtp.inbox.content import decoded, read_content, safe_name
from wirespeak.smtp.inbox.transcript import FIRST, LAST, LONGEST, WAITING, Transcript

# --- headers (RFC 2047)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        # RFC 2047 8
        ("=?US-ASCII?Q?Keith_Moore?= <moore@cs.utk.edu>", "Keith Moore <moore@cs.utk.edu>"),
        ("=?ISO-8859-1?Q?Andr=E9?= Pirard <PIRARD@vm1.ulg.ac.be>", "André Pirard <PIRARD@vm1.ulg.ac.be>"),
        (
            "=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=\r\n =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=",
            "If you can read this you understand the example.",
        ),
        ("(=?ISO-8859-1?Q?a?= b)", "(a b)"),
        ("(=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=)", "(ab)"),
        ("=?utf-8*de?Q?Gr=C3=BC=C3=9Fe?=", "Grüße"),  # RFC 2231 5
        ("a folded\r\n\tline", "a folded line"),
        ("=?nothing?Q?=41?=", "A"),
        ("=?utf-8?B?!!!?=", ""),
        ("=?utf-8?X?abc?=", "=?utf-8?X?abc?="),
        ("=?punycode?Q?abc-def?=", "abc-def"),
        ("=?utf-7?Q?+2AA-?=", "?"),  # half of a character
        ("=?utf-8?Q?a=0D=0Ab?=", "a b"),  # it would be two lines
        (b"Gr\xc3\xbc\xc3\x9fe".decode("ascii", "surrogateescape"), "Grüße"),
        (b"Gr\xfc\xdfe".decode("ascii", "surrogateescape"), "Grüße"),
    ],
)
def test_a_header_is_decoded(value: str, text: str) -> None:
    assert decoded(value) == text


# --- parts


def test_text_html_and_attachments_are_told_apart() -> None:
    message = email.message.EmailMessage()
    message["Subject"] = "All of it"
    message.set_content("Grüße, as text\n")
    message.add_alternative("<p>Grüße, as HTML</p>", subtype="html")
    message.add_attachment(b"\0\1\2", maintype="application", subtype="octet-stream", filename="dätä.bin")
    message.add_attachment("a,b\n", subtype="csv", filename="table.csv")
    inner = email.message.EmailMessage()
    inner["Subject"] = "Inside"
    inner.set_content("not shown")
    message.add_attachment(inner)
    content = read_content(message.as_bytes())
    assert content.header("subject") == "All of it"
    assert content.text == "Grüße, as text\n"
    assert content.html == "<p>Grüße, as HTML</p>\n"
    told = [(one.name, one.type) for one in content.attachments]
    assert told == [("dätä.bin", "application/octet-stream"), ("table.csv", "text/csv"), ("part3.eml", "message/rfc822")]
    assert content.attachments[0].data == b"\0\1\2"
    assert content.attachments[2].data.startswith(b"Subject: Inside\n")


def test_a_mail_without_text_is_read_from_its_html() -> None:
    page = """<html><head><title>no</title><style>p { color: red }</style></head><body>
      <h1>Hello &amp; welcome</h1><p>One <b>two</b>
      three</p><!-- <p>not this</p> --><script>if (1 < 2) alert("nor this")</script><br>4 &lt; 5</body>"""
    content = read_content(f"Content-Type: text/html\r\n\r\n{page}".encode())
    assert content.text == "Hello & welcome\nOne two three\n4 < 5\n"


@pytest.mark.parametrize(
    ("kind", "body", "text"),
    [
        ("text/plain; charset=iso-8859-1", b"Gr\xfc\xdfe", "Grüße"),
        ("text/plain; charset=nothing", "Grüße".encode(), "Grüße"),
        ("text/plain; charset=idna", b"a" * 50, "a" * 50),
        ("text/plain", b"two\r\nlines\r\n", "two\nlines\n"),
        ("text/plain; charset*=x'y'z; charset*0=a; charset*1=b", b"as it is", "as it is"),
        ("multipart/mixed; boundary=b", b"no part at all", "no part at all"),
        ("nonsense", b"text", "text"),
    ],
)
def test_a_text_is_read_as_well_as_it_can_be(kind: str, body: bytes, text: str) -> None:
    content = read_content(f"Content-Type: {kind}\r\n\r\n".encode() + body)
    assert content.text.strip() == text.strip() or content.attachments[0].data.strip() == body


@pytest.mark.parametrize(
    "header",
    [
        "Content-Type: text/plain; charset=\0",
        "Content-Type: ;=/;",
        "Content-Disposition: ;filename*0*=%;filename*1=\0",
        "Content-Transfer-Encoding: \xff",
    ],
)
def test_what_the_library_stumbles_over_is_read_all_the_same(header: str) -> None:
    content = read_content(f"Subject: x\r\n{header}\r\n\r\ntext".encode("latin-1"))
    assert content.header("subject") == "x"
    assert "\0" not in content.text


def nested(depth: int) -> bytes:
    return b"Subject: deep\r\n" + b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(depth))


HOSTILE = {
    "nested": nested(2000) + b"\r\nhello",
    "parts": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 20_000,
    "headers": b"X: y\r\n" * 50_000,
    "encoded words": b"Subject: " + b"=?utf-8?Q?a?= " * 50_000 + b"\r\n\r\n",
    "nearly encoded words": b"Subject: " + b"=?u?q?" * 50_000 + b"\r\n\r\n",
    "parameters": b"Content-Type: text/plain; " + b'a*0*=";' * 20_000 + b"\r\n\r\n",
    "markup": b"Content-Type: text/html\r\n\r\n" + b"<!--<script><a &#" * 50_000,
    "spaces": b"Content-Type: text/html\r\n\r\n" + b" \n" * 200_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_made_to_take_long_does_not(name: str) -> None:
    """Each is some 300 KB: hours for what takes the square of the length, and a second for what doesn't."""
    begun = time.process_time()
    read_content(HOSTILE[name])
    assert time.process_time() - begun < 10


@given(some.binary(max_size=400))
def test_anything_can_be_read(data: bytes) -> None:
    content = read_content(b"Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" + data)
    assert content.header("subject") == "x"
    for one in content.attachments:
        assert one.name == safe_name(one.name) != ""


# --- names of attachments


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("invoice.pdf", "invoice.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Windows\\system.ini", "system.ini"),
        (".bashrc", "bashrc"),
        ("-rf", "rf"),
        (" .- -x.txt", "x.txt"),
        ("...", ""),
        ("..", ""),
        ("a/", ""),
        ("", ""),
        ("a\0b\x1b[2Jc\n.txt", "ab[2Jc.txt"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("  spaces .txt ", "spaces .txt"),
        ('a<b>:"c"|?*.txt', "abc.txt"),
        ("u\u0308.txt", "ü.txt"),
    ],
)
def test_a_name_is_made_safe(name: str, safe: str) -> None:
    assert safe_name(name) == safe


@given(some.text(max_size=400))
def test_any_name_is_made_safe(name: str) -> None:
    safe = safe_name(name)
    assert safe in ("", PurePosixPath(safe).name)
    assert not safe.startswith((".", "-"))
    assert safe.isprintable()
    assert len(safe.encode()) <= 200
    assert safe_name(safe) == safe


def test_a_long_name_keeps_its_ending() -> None:
    assert safe_name("é" * 300 + ".tar.gz").endswith("é.gz")


def test_no_two_attachments_have_the_same_name() -> None:
    part = b'--b\r\nContent-Disposition: attachment; filename="%s"\r\n\r\nx\r\n'
    names = (b"a.txt", b"A.TXT", b"a-2.txt", b"a.txt", b"none", b"none")
    data = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"".join(part % name for name in names) + b"--b--\r\n"
    found = [one.name for one in read_content(data).attachments]
    assert found == ["a.txt", "A-2.TXT", "a-2-2.txt", "a-3.txt", "none", "none-2"]


# --- transcripts


class Watched:
    """A conversation as an observer sees it: what each side says, at the given seconds."""

    def __init__(self) -> None:
        self.transcript = Transcript()
        self.now = 100.0

    def server(self, text: str) -> Watched:
        self.transcript("out", text.replace("\n", "\r\n").encode() + b"\r\n", self.now)
        return self

    def client(self, text: str) -> Watched:
        self.transcript("in", text.replace("\n", "\r\n").encode() + b"\r\n", self.now)
        return self

    @property
    def told(self) -> list[str]:
        return [f"{({'client': 'C: ', 'server': 'S: '}).get(line.by, '')}{line.text}" for line in self.transcript.lines()]


GREETED = ["S: 220 mx", "C: EHLO here", "S: 250-mx", "S: 250 PIPELINING"]


@pytest.fixture
def watched() -> Watched:
    return Watched().server("220 mx").client("EHLO here").server("250-mx\n250 PIPELINING")


def test_a_conversation_is_told_line_by_line(watched: Watched) -> None:
    watched.now = 101.5
    watched.client("MAIL FROM:<a@b>").server("250 2.1.0 Ok").client("RCPT TO:<c@d>").server("250 2.1.5 Ok").client("DATA").server(
        "354 Go on"
    )
    watched.client("Subject: x\n\nsecret text\n.").server("250 2.0.0 Ok")
    mail = ["C: MAIL FROM:<a@b>", "S: 250 2.1.0 Ok", "C: RCPT TO:<c@d>", "S: 250 2.1.5 Ok", "C: DATA", "S: 354 Go on"]
    assert watched.told == [*GREETED, *mail, "27 bytes of the mail", "C: .", "S: 250 2.0.0 Ok"]
    assert [line.at for line in watched.transcript.lines()][3:5] == [0.0, 1.5]


PIPELINED = (
    "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n",
    "one\r\n..\r\n.\r\nMAIL FROM:<second@b>\r\nRCPT TO:<c@d>\r\nBDAT 7\r\nMAIL x\nBDAT 0 LAST\r\n",
    "QUIT\r\n",
)
ANSWERS = ("250 1\r\n250 2\r\n354 3\r\n", "250 4\r\n250 5\r\n250 6\r\n250 7\r\n250 8\r\n", "221 9\r\n")


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_what_is_sent_at_once_is_told_in_turn(watched: Watched, size: int) -> None:
    """In pieces of any size, as they may come."""
    told: list[list[str]] = []
    for said, answer in zip(PIPELINED, ANSWERS, strict=True):
        for way, text in (("in", said), ("out", answer)):
            for at in range(0, len(text), size):
                watched.transcript(way, text[at : at + size].encode(), watched.now)  # type: ignore[arg-type]
            told.append(watched.told[len(GREETED) :])
    first = ["C: MAIL FROM:<a@b>", "S: 250 1", "C: RCPT TO:<c@d>", "S: 250 2", "C: DATA", "S: 354 3", "9 bytes of the mail", "C: ."]
    assert told[2] == first
    assert told[-1] == [
        *("C: MAIL FROM:<second@b>", "S: 250 5", "C: RCPT TO:<c@d>", "S: 250 6", "C: BDAT 7", "7 bytes of the mail", "S: 250 7"),
        *("C: BDAT 0 LAST", "0 bytes of the mail", "S: 250 8", "C: QUIT", "S: 221 9"),
    ]


def test_what_logs_in_is_left_out(watched: Watched) -> None:
    watched.client("AUTH PLAIN c2VjcmV0").server("535 no").client("auth login").server("334 VXNlcm5hbWU6").client("c2VjcmV0").server(
        "334 UGE="
    )
    watched.client("*").server("501 cancelled").client("AUTH PLAIN").server("334 ").client("c2VjcmV0").server("235 yes")
    watched.client("MAIL FROM:<a@b>")
    assert "c2VjcmV0" not in str(watched.told)
    assert watched.told[4:6] == ["C: AUTH PLAIN (left out)", "S: 535 no"]
    assert watched.told[6:12] == ["C: auth login", "S: 334 VXNlcm5hbWU6", "C: (left out)", "S: 334 UGE=", "C: *", "S: 501 cancelled"]


def test_each_mail_is_told_with_how_the_connection_began(watched: Watched) -> None:
    watched.client("MAIL FROM:<1@b>").server("250 1").client("RSET").server("250 2").client("NOOP").server("250 3").client(
        "MAIL FROM:<2@b>"
    )
    assert watched.told == [*GREETED, "C: MAIL FROM:<2@b>"]
    watched.server("250 4").client("STARTTLS").server("220 Go")
    watched.transcript("in", b"MAIL FROM:<injected@b>\r\n", watched.now)
    watched.transcript("secured", type("Info", (), {"version": "TLSv1.3", "cipher": "TLS_X"}), watched.now)
    watched.client("EHLO here").server("250 mx").client("MAIL FROM:<3@b>")
    begin = [*GREETED, "C: STARTTLS", "S: 220 Go", "C: MAIL FROM:<injected@b>"]
    assert watched.told == [*begin[:-1], "from here on TLSv1.3, TLS_X", "C: EHLO here", "S: 250 mx", "C: MAIL FROM:<3@b>"]


def test_a_long_conversation_is_cut_short(watched: Watched) -> None:
    watched.client("MAIL FROM:<a@b>").server("250 1")
    for number in range(5000):
        watched.client(f"RCPT TO:<{number}@d>").server("250 2")
    told = watched.told[len(GREETED) :]
    assert len(told) == FIRST + 1 + LAST
    assert told[FIRST] == f"{10002 - FIRST - LAST} lines are left out"
    assert told[-2:] == ["C: RCPT TO:<4999@d>", "S: 250 2"]


def test_a_long_line_is_cut_short(watched: Watched) -> None:
    watched.client("MAIL FROM:<" + "a" * 10_000)
    assert len(watched.told[-1]) == LONGEST + len("C: ")


def test_what_cannot_be_followed_is_given_up(watched: Watched) -> None:
    for _ in range(3):
        watched.client("x" * WAITING)
    assert watched.told[-1] == "what follows could not be told apart"
    assert len(watched.transcript._input) <= WAITING
    watched.server("500 5.5.2 What?")
    assert watched.told[-1] == "S: 500 5.5.2 What?"


def test_a_large_mail_is_not_kept(watched: Watched) -> None:
    watched.client("MAIL FROM:<a@b>").server("250 1").client("DATA").server("354 2")
    for _ in range(1000):
        watched.transcript("in", b"x" * 998 + b"\r\n", watched.now)
        assert len(watched.transcript._input) < 10
    watched.client(".")
    assert watched.told[-2:] == ["1,000,000 bytes of the mail", "C: ."]
