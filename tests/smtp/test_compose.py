"""Mails made from their parts: what the standard library reads of them again, and what no header may hold."""

from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirespeak.errors import LocalProtocolError, TextError
from wirespeak.smtp.compose import Attachment, compose, split_address
from wirespeak.smtp.mailbox import Mailbox
from wirespeak.smtp.outgoing import Shape, measure

WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def made(sender: Any = "ann@home.test", to: Any = ("bob@home.test",), **parts: Any) -> bytes:
    return compose(sender, to, **{"date": WHEN, "unique": "abc.1", **parts})


def read(mail: bytes) -> EmailMessage:
    message = message_from_bytes(mail, policy=policy.default)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


def test_a_small_mail_to_the_byte() -> None:
    assert made(subject="Lunch?", body="At noon.\n") == (
        b"Date: Fri, 02 Jan 2026 03:04:05 +0000\r\n"
        b"From: ann@home.test\r\n"
        b"To: bob@home.test\r\n"
        b"Subject: Lunch?\r\n"
        b"Message-ID: <abc.1@home.test>\r\n"
        b'Content-Type: text/plain; charset="utf-8"\r\n'
        b"Content-Transfer-Encoding: 7bit\r\n"
        b"MIME-Version: 1.0\r\n"
        b"\r\n"
        b"At noon.\r\n"
    )


SUBJECT = "Grüße " * 30 + "!"


def test_names_and_subjects_in_any_script() -> None:
    mail = made(
        "Ann Müller <ann@home.test>",
        ['"O\'Neil, Bob" <bob@home.test>', "c@bücher.test"],
        cc=["дэйв <dave@home.test>"],
        subject=SUBJECT,
    )
    assert mail.isascii()
    message = read(mail)
    assert message["Subject"] == SUBJECT
    assert [(one.display_name, one.addr_spec) for one in message["From"].addresses] == [("Ann Müller", "ann@home.test")]
    assert [(one.display_name, one.addr_spec) for one in message["To"].addresses] == [
        ("O'Neil, Bob", "bob@home.test"),
        ("", "c@xn--bcher-kva.test"),
    ]
    assert message["Cc"].addresses[0].display_name == "дэйв"
    assert max(map(len, mail.split(b"\r\n"))) <= 78


@pytest.mark.parametrize("body", ["", "Hällo\n", "x" * 5000, ".\n..\n", "one\rtwo\r\nthree\n", "日本語 " * 500, "no end"])
def test_a_body_of_any_kind_goes_in_short_lines_of_ascii(body: str) -> None:
    mail = made(body=body)
    assert measure(mail) == Shape(len(mail), eight_bit=False, utf8=False)
    assert max(map(len, mail.split(b"\r\n"))) <= 998
    expected = "".join(f"{line}\n" for line in body.splitlines()) or "\n"
    assert read(mail).get_content().replace("\r\n", "\n") == expected


def test_files_and_the_same_text_for_who_shows_html() -> None:
    files = [
        Attachment("größe.txt", b"\xff\r\n.\r\n", "text/plain"),
        Attachment("old.eml", b"Subject: x\n\n\xff", "message/rfc822"),
        Attachment('a "b".bin', bytes(range(256))),
    ]
    mail = made(body="see", html="<p>sée", attachments=files)
    assert mail.isascii()
    assert mail == made(body="see", html="<p>sée", attachments=files)  # nothing in it is left to chance
    message = read(mail)
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert html is not None
    assert (text.get_content(), html.get_content()) == ("see\r\n", "<p>sée\r\n")
    attached = list(message.iter_attachments())
    assert [one.get_filename() for one in attached] == ["größe.txt", "old.eml", 'a "b".bin']
    assert [one.get_payload(decode=True) for one in attached] == [file.data for file in files]
    assert [one.get_content_type() for one in attached] == ["text/plain", "application/octet-stream", "application/octet-stream"]


def test_a_name_beyond_ascii_before_the_at_sign_needs_smtputf8() -> None:
    mail = made("jürgen@bücher.test", subject="Grüße")
    assert "From: jürgen@bücher.test\r\n".encode() in mail
    assert b"Message-ID: <abc.1@xn--bcher-kva.test>\r\n" in mail
    assert measure(mail).utf8


def test_fields_of_ones_own() -> None:
    mail = made(subject="one", headers=[("X-Tag", "a"), ("X-Tag", "b"), ("subject", "two"), ("Reply-To", "list@home.test")])
    message = read(mail)
    assert message.get_all("X-Tag") == ["a", "b"]
    assert message.get_all("Subject") == ["two"]
    assert message["Reply-To"] == "list@home.test"


def test_mailboxes_are_taken_too_and_nobody_need_be_named() -> None:
    message = read(made(Mailbox("two words", "[192.0.2.1]"), []))
    assert message["From"] == '"two words"@[192.0.2.1]'
    assert message["To"] is None


EVIL = "x\r\nBcc: evil@away.test"


@pytest.mark.parametrize(
    ("parts", "error"),
    [
        ({"subject": EVIL}, LocalProtocolError),
        ({"subject": "a\nb"}, LocalProtocolError),
        ({"subject": "a\rb"}, LocalProtocolError),
        ({"subject": "a\0b"}, LocalProtocolError),
        ({"subject": "a\x85b"}, LocalProtocolError),
        ({"subject": "a\u2028b"}, LocalProtocolError),
        ({"sender": f"{EVIL} <ann@home.test>"}, LocalProtocolError),
        ({"sender": f"ann@home.test{EVIL}"}, LocalProtocolError),
        ({"sender": Mailbox(EVIL, "home.test")}, LocalProtocolError),
        ({"to": [f"bob@home.test\r\n{EVIL}"]}, LocalProtocolError),
        ({"cc": ["bob@home.test\n"]}, LocalProtocolError),
        ({"headers": [("X", EVIL)]}, LocalProtocolError),
        ({"headers": [(EVIL, "x")]}, LocalProtocolError),
        ({"headers": [("X Y", "x")]}, LocalProtocolError),
        ({"headers": [("X:", "x")]}, LocalProtocolError),
        ({"headers": [("Bcc", "evil@away.test")]}, LocalProtocolError),
        ({"headers": [("Content-Type", "text/html")]}, LocalProtocolError),
        ({"headers": [("Reply-To", "a@b.test"), ("Reply-To", "c@d.test")]}, LocalProtocolError),
        ({"attachments": [Attachment(EVIL, b"")]}, LocalProtocolError),
        ({"attachments": [Attachment("a", b"", f"text/plain\r\n{EVIL}")]}, LocalProtocolError),
        ({"unique": EVIL}, LocalProtocolError),
        ({"body": "\udcff"}, LocalProtocolError),
        ({"sender": "ann"}, TextError),
        ({"to": ["bob at home"]}, TextError),
    ],
)
def test_nothing_can_begin_a_line_of_its_own(parts: dict[str, Any], error: type[Exception]) -> None:
    """hostile/smtp.md 6."""
    with pytest.raises(error):
        made(**parts)


@given(st.text(), st.text(), st.text())
def test_whatever_is_given_the_header_has_the_fields_that_were_meant(name: str, subject: str, value: str) -> None:
    try:
        mail = compose((f'"{name}" <ann@home.test>'), ["bob@home.test"], subject=subject, headers=[("X-Own", value)], date=WHEN, unique="a")
    except (LocalProtocolError, TextError):
        return
    names = [line.split(b":")[0].decode() for line in mail.split(b"\r\n\r\n")[0].split(b"\r\n") if line[:1] not in b" \t"]
    expected = ["Date", "From", "To", *(["Subject"] if subject else []), "Message-ID", "X-Own"]
    assert names[: len(expected)] == expected
    assert set(names[len(expected) :]) == {"Content-Type", "Content-Transfer-Encoding", "MIME-Version"}


@pytest.mark.parametrize(
    ("text", "name", "address"),
    [
        ("ann@home.test", "", "ann@home.test"),
        ("<ann@home.test>", "", "ann@home.test"),
        ("Ann <ann@home.test>", "Ann", "ann@home.test"),
        ('"Ann, \\"A\\"" <ann@home.test>', 'Ann, "A"', "ann@home.test"),
        ('"two words"@home.test', "", '"two words"@home.test'),
    ],
)
def test_an_address_as_people_write_it(text: str, name: str, address: str) -> None:
    assert split_address(text) == (name, Mailbox.parse(address))
