"""LMTP in hostile hands (RFC 2033): an answer for each recipient, and never one more or one less than the client counts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.hostile.smtp_wire import DOMAIN, END, Mouth, Post, fresh, serving


@pytest.fixture(scope="module")
def post(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Post]:
    with serving(tmp_path_factory.mktemp("mail"), "--lmtp", "--max-size", "20000") as post:
        yield post


@pytest.fixture
def wire(post: Post) -> Iterator[Mouth]:
    with post.connect().greeted() as wire:
        wire.ehlo(verb="LHLO")
        yield wire


@pytest.mark.parametrize("verb", ["EHLO", "HELO"])
def test_smtps_greetings_are_none_here(post: Post, verb: str) -> None:
    """RFC 2033 4.1: a client that takes this for SMTP would not count the answers."""
    with post.connect().greeted() as wire:
        assert wire.says(f"{verb} client.test").code == 500
        assert wire.status("MAIL FROM:<a@client.test>") == "503 5.5.1"


@pytest.mark.parametrize(
    ("content", "status"),
    [
        pytest.param(b"Subject: a\r\n\r\nb", "250", id="good"),
        pytest.param(b"Subject: a\n", "550 5.6.11", id="a bare LF"),
        pytest.param(b"x" * 900 + b"\r\n" + b"y" * 900 + b"\r\n" * 12_000, "552 5.3.4", id="too large"),
        pytest.param(b"z" * 5_000, "550 5.6.0", id="a long line"),
    ],
)
@pytest.mark.parametrize("by", ["DATA", "BDAT"])
def test_as_many_answers_as_recipients(wire: Mouth, post: Post, by: str, content: bytes, status: str) -> None:
    """RFC 2033 4.2: one for each that was accepted, and for none that was refused; a refusal of the mail too is said to each."""
    good = [fresh() for _ in range(3)]
    wire.envelope(*good[:2])
    assert wire.says("RCPT TO:<no@away.test>").code == 550
    wire.envelope_more(good[2])
    if by == "DATA":
        wire.data()
        wire.send(content + END)
    else:
        wire.send(b"BDAT %d LAST\r\n" % (len(content) + 2) + content + b"\r\n")
    statuses = wire.statuses(3)
    assert all(one.startswith(status) for one in statuses), statuses
    if status != "550 5.6.11":
        assert wire.status("NOOP") == "250 2.0.0"
    assert [len(post.mails(local)) for local in good] == [1 if status == "250" else 0] * 3


def test_one_recipient_named_twice_counts_twice(wire: Mouth, post: Post) -> None:
    """The client sent RCPT twice, and waits for two answers; the mail is delivered once."""
    local = fresh()
    wire.envelope(local, local).data()
    wire.send(b"Subject: a" + END)
    assert [status[:3] for status in wire.statuses(2)] == ["250", "250"]
    assert wire.status("NOOP") == "250 2.0.0"
    assert post.mails(local) == [b"Subject: a\n"]


def test_no_recipient_and_no_answer(wire: Mouth) -> None:
    """RFC 2033 4.2: DATA without a recipient is 503, so that nothing is left uncounted."""
    wire.envelope()
    assert wire.says("RCPT TO:<no@away.test>").code == 550
    assert wire.status("DATA") == "503 5.5.1"
    assert wire.status("NOOP") == "250 2.0.0"


def test_one_of_two_can_not_be_kept(wire: Mouth, post: Post) -> None:
    """Each has its own answer: who has a mailbox gets the mail, who has none is told so."""
    good, bad = fresh(), fresh()
    wire.envelope(bad).data()
    wire.send(b"Subject: a" + END)
    assert wire.reply().code == 250
    new = post.folder / DOMAIN / bad / "new"
    for path in new.iterdir():
        path.unlink()
    new.rmdir()
    new.write_text("in the way")
    wire.envelope(good, bad).data()
    wire.send(b"Subject: b" + END)
    statuses = wire.statuses(2)
    assert statuses[0][:3] == "250"
    assert statuses[1] == "452 4.3.1"
    assert post.mails(good) == [b"Subject: b\n"]
