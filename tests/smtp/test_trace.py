"""Received and Return-Path as RFC 5321 4.4 wants them, and what a submitted mail lacks (RFC 6409 8)."""

from __future__ import annotations

from email import message_from_bytes
from email.utils import parsedate_to_datetime
from types import SimpleNamespace
from typing import Any

import pytest

from wirespeak.smtp.mailbox import Mailbox
from wirespeak.smtp.messages import Recipient, Sender
from wirespeak.smtp.trace import completed, end_of_head, protocol, read_fields, received, return_path
from wirespeak.smtp.transaction import Transaction

TLS = SimpleNamespace(cipher="TLS_AES_256_GCM_SHA384")


def mail(*recipients: str, sender: Sender | None = None, **more: Any) -> Transaction:
    values: dict[str, Any] = {
        "hostname": "mx.home.test",
        "peer": ("192.0.2.7", 40123),
        "hello": "mail.away.test",
        "esmtp": True,
        "id": "3f1c",
        "received_at": 1795280400.5,
        "sender": sender or Sender(Mailbox("ann", "away.test")),
        "recipients": [Recipient(Mailbox.parse(recipient)) for recipient in recipients],
    }
    return Transaction(**values | more)


def test_received() -> None:
    assert received(mail("bob@home.test")).decode() == (
        "Received: from mail.away.test ([192.0.2.7])\r\n"
        "\tby mx.home.test with ESMTP id 3f1c\r\n"
        "\tfor <bob@home.test>;\r\n"
        "\tSat, 21 Nov 2026 17:00:00 +0000\r\n"
    )


def test_received_over_tls_from_an_ipv6_address() -> None:
    line = received(mail("bob@home.test", peer=("2001:db8::1", 1, 0, 0), tls=TLS, user="ann")).decode()
    assert "from mail.away.test ([IPv6:2001:db8::1])\r\n" in line
    assert "with ESMTPSA id" in line
    assert "\r\n\ttls TLS_AES_256_GCM_SHA384;\r\n" in line  # RFC 8314 4.3
    assert "ann" not in line


def test_a_suite_without_a_registered_name_is_not_told() -> None:
    assert b"tls" not in received(mail(tls=SimpleNamespace(cipher="ECDHE-RSA-AES256-GCM-SHA384")))


def test_several_recipients_do_not_learn_of_each_other() -> None:
    """RFC 5321 7.2."""
    line = received(mail("bob@home.test", "eve@home.test"))
    assert b"bob" not in line
    assert b"eve" not in line


def test_received_by_a_unix_socket() -> None:
    assert received(mail(peer="")).startswith(b"Received: from mail.away.test\r\n\tby ")


def test_an_odd_name_can_not_get_out_of_its_line() -> None:
    line = received(mail(hello="a\r\nBcc: all (x) ;é", peer=""))
    assert line.startswith(b"Received: from a??Bcc:?all??x????\r\n\tby mx.home.test")


def test_received_is_read_by_others_as_it_is_meant() -> None:
    message = message_from_bytes(received(mail("bob@home.test")) + b"Subject: x\r\n\r\n")
    assert message["Subject"] == "x"
    assert parsedate_to_datetime(message["Received"].rpartition(";")[2]).timestamp() == 1795280400


@pytest.mark.parametrize(
    ("how", "keyword"),
    [
        ({"esmtp": False}, "SMTP"),
        ({}, "ESMTP"),
        ({"tls": TLS}, "ESMTPS"),
        ({"user": "ann"}, "ESMTPA"),
        ({"tls": TLS, "user": "ann"}, "ESMTPSA"),
        ({"lmtp": True}, "LMTP"),
        ({"lmtp": True, "tls": TLS, "user": "ann"}, "LMTPSA"),
        ({"sender": Sender(None, utf8=True)}, "UTF8SMTP"),
        ({"sender": Sender(None, utf8=True), "tls": TLS, "user": "ann"}, "UTF8SMTPSA"),
        ({"sender": Sender(None, utf8=True), "lmtp": True, "tls": TLS}, "UTF8LMTPS"),
    ],
)
def test_how_it_came(how: dict[str, Any], keyword: str) -> None:
    """RFC 3848, RFC 6531 4.3."""
    assert protocol(mail(**how)) == keyword


def test_return_path() -> None:
    assert return_path(mail()) == b"Return-Path: <ann@away.test>\r\n"
    assert return_path(mail(sender=Sender(None))) == b"Return-Path: <>\r\n"
    assert return_path(mail(sender=Sender(Mailbox("two words", "away.test")))) == b'Return-Path: <"two words"@away.test>\r\n'
    assert return_path(mail(sender=Sender(Mailbox("é", "away.test"), utf8=True))) == "Return-Path: <é@away.test>\r\n".encode()


# --- the header of a mail


@pytest.mark.parametrize(
    ("data", "head"),
    [
        (b"Subject: x\r\n\r\nbody", b"Subject: x\r\n"),
        (b"Subject: x\r\nTo: y\r\n\r\n\r\n\r\n", b"Subject: x\r\nTo: y\r\n"),
        (b"\r\nbody", b""),
        (b"no field\r\nat all\r\n", b""),
        (b"no field\r\n\r\nat all\r\n", b""),
        (b"x" * 3000 + b"\r\n\r\n", b""),
        (b"Subject: x\r\n", None),
        (b"Sub", None),
        (b"", None),
    ],
)
def test_where_a_header_ends(data: bytes, head: bytes | None) -> None:
    end = end_of_head(data)
    assert (data[:end] if end >= 0 else None) == head


@pytest.mark.parametrize("start", range(14))
def test_the_end_is_found_wherever_a_piece_of_it_ends(start: int) -> None:
    data = b"Subject: x\r\n\r\nbody and more"
    assert end_of_head(data[:start]) < 0
    assert end_of_head(bytearray(data), start) == 12


def test_fields_are_unfolded() -> None:
    """RFC 5322 2.2.3."""
    head = b"Subject: one\r\n two\r\n\tthree\r\nEmpty:\r\nTo : x\r\nnot a field\r\nJ\xc3\xb6: no name\r\nLast: \xc3\xa9\r\n"
    assert read_fields(head) == [("Subject", "one two\tthree"), ("Empty", ""), ("To", "x"), ("Last", "é")]


def test_what_a_submitted_mail_lacks_is_added() -> None:
    head = completed(b"Subject: x\r\nBcc: secret@away.test\r\n", mail())
    assert head == (
        b"Subject: x\r\nBcc: secret@away.test\r\nDate: Sat, 21 Nov 2026 17:00:00 +0000\r\nMessage-ID: <1795280400.3f1c@mx.home.test>\r\n"
    )


def test_what_is_there_is_left_alone() -> None:
    head = b"DATE: Mon, 1 Jan 1990 00:00:00 +0000\r\nmessage-id: <x@y>\r\n"
    assert completed(head, mail()) == head


def test_bcc_is_taken_out_where_that_is_asked_for() -> None:
    head = b"Date: x\r\nBcc: one@away.test,\r\n two@away.test\r\nMessage-ID: <x@y>\r\nbcc: three@away.test\r\nX-Bcc: stays\r\n"
    assert completed(head, mail(), strip_bcc=True) == b"Date: x\r\nMessage-ID: <x@y>\r\nX-Bcc: stays\r\n"
