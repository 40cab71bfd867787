"""Where a mail ends: at CRLF.CRLF and nowhere else (RFC 5321 2.3.8, 4.1.1.4, 4.5.2).

Who can make two servers disagree about that sends a second mail inside a first one, with a sender of his choice: SMTP smuggling
(CVE-2023-51764, -51765, -51766, CVE-2024-27305). Each case writes an end that is none, a second mail pipelined behind it, and
then the true end. The answer is one 550 5.6.11, given when the true end has come, and the end of the connection; nothing is
delivered, and no command behind is carried out.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from tests.hostile.smtp_wire import CRLF, DOMAIN, END, Mouth, Post, fresh, serving
from tests.hostile.wire import until

FIRST = b"Subject: first\r\n\r\nfirst"
LINE_ENDS = [b"\n", b"\r", b"\r\n", b"\n\r", b"\r\r\n", b"\r\n\n", b"\n\n", b"\r\r", b"\r\0\n", b"\r\n\r"]
FAKES = [before + b"." + behind for before, behind in itertools.product(LINE_ENDS, LINE_ENDS) if END not in before + b"." + behind]
"""Ends that are none, all of them with a CR or an LF that stands alone."""


@pytest.fixture(scope="module")
def post(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Post]:
    with serving(tmp_path_factory.mktemp("mail"), "--max-per-client", "1000") as post:
        yield post


def second_mail(to: str) -> bytes:
    """The mail that a smuggler hopes to have taken as another one."""
    return b"MAIL FROM:<boss@%s>\r\nRCPT TO:<%s@%s>\r\nDATA\r\nSubject: second\r\n\r\nsecond\r\n" % (
        DOMAIN.encode(),
        to.encode(),
        DOMAIN.encode(),
    )


def refused(wire: Mouth, post: Post, *locals_: str) -> None:
    """What every smuggler must be answered with."""
    said = [said.status for said in wire.last_words()]
    assert said == ["550 5.6.11"], said
    for local in locals_:
        assert post.mails(local) == []


@pytest.mark.parametrize("fake", FAKES, ids=repr)
def test_an_end_that_is_none_ends_nothing(post: Post, fake: bytes) -> None:
    first, second = fresh(), fresh()
    with post.meet() as wire:
        wire.envelope(first).data()
        wire.send(FIRST + fake + second_mail(second) + b".\r\n" + b"NOOP\r\nQUIT\r\n")
        refused(wire, post, first, second)
    post.still_serves()


@pytest.mark.parametrize("fake", [b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r\n.\n", b"\r\n.\r", b"\r.\r\n"], ids=repr)
def test_the_same_octet_by_octet(post: Post, fake: bytes) -> None:
    """No piece of what came may be judged without the one before it."""
    first, second = fresh(), fresh()
    with post.meet() as wire:
        wire.envelope(first).data()
        wire.send(*(bytes([octet]) for octet in FIRST[-5:] + fake + second_mail(second) + b".\r\n"))
        refused(wire, post, first, second)


@pytest.mark.parametrize("fake", [b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r\n.\n", b"\r\n.\r\r\n"], ids=repr)
def test_the_same_split_anywhere(post: Post, fake: bytes) -> None:
    data = b"x" + fake + b"NOOP\r\n.\r\n"
    for split in range(1, len(data)):
        local = fresh()
        with post.meet() as wire:
            wire.envelope(local).data()
            wire.send(data[:split], data[split:])
            refused(wire, post, local)


@pytest.mark.parametrize("stray", [b"\n", b"\r", b"\n\n", b"\r\r\n", b"\n\r\n"], ids=repr)
@pytest.mark.parametrize("place", ["first", "in a header", "in the body", "last"])
def test_a_bare_cr_or_lf_anywhere_refuses_the_mail_at_its_true_end(post: Post, stray: bytes, place: str) -> None:
    """And what is pipelined behind a mail that was refused so is not read: who sends such lines can't tell where his mail ends."""
    first, second = fresh(), fresh()
    mail = {
        "first": stray + b"Subject: a\r\n\r\nb",
        "in a header": b"Subject: a" + stray + b"X: y\r\n\r\nb",
        "in the body": b"Subject: a\r\n\r\nb" + stray + b"c\r\nd",
        "last": b"Subject: a\r\n\r\nb" + stray,
    }[place]
    with post.meet() as wire:
        wire.envelope(first).data()
        wire.send(mail + END + second_mail(second) + b".\r\n")
        refused(wire, post, first, second)


def test_a_mail_of_bare_line_feeds_is_drained_and_not_kept(post: Post) -> None:
    """The answer comes after the true end, however late that is, and nothing is held meanwhile."""
    local = fresh()
    with post.meet() as wire:
        before = post.memory
        wire.envelope(local).data()
        for _ in range(40):
            wire.send(b"Subject: a\n" * 8000)
        assert not wire.has_come
        assert post.memory - before < 8_000_000
        wire.send(END)
        refused(wire, post, local)


def test_the_end_is_found_split_at_every_octet(post: Post) -> None:
    data = b"Subject: fine\r\n\r\nfine\r\n.\r\n"
    for split in range(1, len(data)):
        local = fresh()
        with post.meet() as wire:
            wire.envelope(local).data()
            wire.send(data[:split], data[split:])
            assert wire.reply().code == 250
            assert wire.status("NOOP") == "250 2.0.0"
        assert post.mails(local) == [b"Subject: fine\n\nfine\n"]


STUFFED = [
    pytest.param(b".\r\n", b"", id="nothing at all: the CRLF is the command's"),
    pytest.param(b"\r\n.\r\n", b"\n", id="an empty line"),
    pytest.param(b"Subject: a\r\n\r\n..\r\n.\r\n", b"Subject: a\n\n.\n", id="a dot, stuffed"),
    pytest.param(b"Subject: a\r\n\r\n...\r\n.\r\n", b"Subject: a\n\n..\n", id="two dots, stuffed"),
    pytest.param(b"Subject: a\r\n\r\n.x\r\n.\r\n", b"Subject: a\n\nx\n", id="a dot that nobody stuffed goes too"),
    pytest.param(b"Subject: a\r\n\r\n. \r\n.\r\n", b"Subject: a\n\n \n", id="a dot and a space"),
    pytest.param(b"Subject: a\r\n\r\n.\t\r\n.\r\n", b"Subject: a\n\n\t\n", id="a dot and a tab"),
    pytest.param(b"..Subject: a\r\n.\r\n", b".Subject: a\n", id="in the very first line"),
    pytest.param(b"Subject: a\r\n\r\nx.\r\n.\r\n", b"Subject: a\n\nx.\n", id="behind text"),
    pytest.param(b"Subject: a\r\n\r\n..\r\n..\r\n..\r\n.\r\n", b"Subject: a\n\n.\n.\n.\n", id="many"),
]


@pytest.mark.parametrize(("sent", "kept"), STUFFED)
def test_dots_are_unstuffed_in_whatever_pieces_they_come(post: Post, sent: bytes, kept: bytes) -> None:
    """RFC 5321 4.5.2: a period at a line's beginning is taken off, and a line of it alone is the end."""
    locals_ = [fresh() for _ in range(len(sent) + 1)]
    with post.meet() as wire:
        for split, local in enumerate(locals_):
            wire.envelope(local).data()
            wire.send(*filter(None, (sent[:split], sent[split:])) if split < len(sent) else (bytes([octet]) for octet in sent))
            assert wire.reply().code == 250
    for local in locals_:
        assert post.mails(local) == [kept]


def test_a_second_mail_behind_a_true_end_is_a_second_mail(post: Post) -> None:
    """What comes behind the true end of a mail that was accepted are commands, pipelined (RFC 2920 3.1), as ever."""
    first, second = fresh(), fresh()
    with post.meet() as wire:
        wire.envelope(first).data()
        wire.send(FIRST + END + b"NOOP\r\n" + f"MAIL FROM:<a@client.test>\r\nRCPT TO:<{second}@{DOMAIN}>\r\nDATA\r\n".encode())
        assert [said.code for said in (wire.reply() for _ in range(5))] == [250, 250, 250, 250, 354]
        wire.send(b"Subject: second\r\n.\r\n")
        assert wire.reply().code == 250
    assert post.mails(first) == [FIRST.replace(CRLF, b"\n") + b"\n"]
    assert post.mails(second) == [b"Subject: second\n"]


@pytest.mark.parametrize("stop", [b"", b"\r", b"\r\n", b"\r\n.", b"\r\n.\r"], ids=repr)
@pytest.mark.parametrize("how", ["finish", "reset"])
def test_a_mail_that_breaks_off_is_no_mail(post: Post, stop: bytes, how: str) -> None:
    """One octet before its end, too; and nothing of it stays behind."""
    local = fresh()
    with post.meet() as wire:
        wire.envelope(local).data()
        wire.send(FIRST + stop)
        if how == "finish":
            wire.finish()
            assert not [said for said in wire.last_words() if said.code < 400]
        else:
            wire.reset()
    post.still_serves()
    until(lambda: not [path for path in post.everything() if path.parent.name == "tmp"], what="an empty tmp/")
    assert post.mails(local) == []


# --- commands


BARE = [
    b"NOOP\nNOOP",
    b"MAIL FROM:<ann@client.test>\nRCPT TO:<%s@example.test>\nDATA\nSubject: x\n\nx\n.\n",
    b"MAIL FROM:<ann@client.test>\rRCPT TO:<%s@example.test>\rDATA\rSubject: x\r\rx\r.\r",
    b"\nNOOP",
    b"NOOP\r\r",
    b"NOOP \n",
    b"NO\rOP",
]


@pytest.mark.parametrize("line", BARE, ids=repr)
def test_only_crlf_ends_a_command(post: Post, line: bytes) -> None:
    """RFC 5321 2.3.8, 4.1.1: a CR or an LF that stands alone makes all the line up to CRLF one bad command."""
    local = fresh()
    with post.meet() as wire:
        wire.send((line % local.encode() if b"%s" in line else line) + b"\r\n")
        said = wire.reply()
        assert said.status == "500 5.5.2", said
        wire.finish()
        assert not [said for said in wire.last_words() if said.code < 400 and said.code != 221]
    assert post.mails(local) == []


def test_bare_line_feeds_alone_never_become_a_dialog(post: Post) -> None:
    """A client that ends all of its lines so gets nothing done: not even greeted."""
    local = fresh()
    with post.connect().greeted() as wire:
        wire.send(
            b"EHLO client.test\nMAIL FROM:<a@client.test>\nRCPT TO:<%s@example.test>\nDATA\nSubject: x\n\nx\n.\nQUIT\n" % local.encode()
        )
        wire.finish()
        said = wire.last_words()
    assert not [one for one in said if one.code < 400 and one.code != 221], said
    assert post.mails(local) == []


CONTROLS = [*range(0x09), 0x0B, 0x0C, *range(0x0E, 0x20), 0x7F]


@pytest.mark.parametrize("octet", CONTROLS, ids=lambda octet: f"{octet:02x}")
def test_a_control_character_in_a_command(post: Post, octet: int) -> None:
    """RFC 5321 4.1.2: no production has them. Nothing is accepted, and the next command is heard."""
    char = bytes([octet])
    with post.meet() as wire:
        for line in (b"NOOP " + char, b"NO%bOP" % char, b"NOOP" + char, char + b"NOOP", b"MAIL FROM:<a%bb@client.test>" % char):
            said = wire.says(line)
            assert said.code in (500, 501), said
            assert said.enhanced.startswith("5.5.") or said.enhanced == "5.1.7", said
        assert wire.status(b"NUL first: " + char) == "500 5.5.2" or octet == 0x09
        wire.finish()
        wire.last_words()


@pytest.mark.parametrize("text", [b"\xff", b"\x80", b"\xc3\xa9", b"\xc0\xaf", b"\xed\xa0\x80"], ids=repr)
def test_octets_past_ascii_without_smtputf8(post: Post, text: bytes) -> None:
    """RFC 5321 2.3.1, 2.4: commands are ASCII, unless SMTPUTF8 was asked for, and then UTF-8 (RFC 6531 3.2)."""
    with post.meet() as wire:
        for line in (b"NO%bOP", b"MAIL FROM:<a%b@client.test>", b"MAIL FROM:<a@client.test> X=%b", b"MAIL FROM:<a@%b.test>"):
            said = wire.says(line % text)
            assert 500 <= said.code <= 559, said
        assert wire.status("MAIL FROM:<ann@client.test>") == "250 2.1.0"
        said = wire.says(b"RCPT TO:<a%b@example.test>" % text)
        assert said.code in (500, 501, 550, 553), said
    post.still_serves()
