"""A mail's header, as far as a server has to do with it: its trace, and what a submitted mail lacks.

    Return-Path: <ann@away.test>                                 whom to tell of failures: written where the journey ends
    Received: from mail.away.test ([192.0.2.7]) by mx.home.test  written by every server on the way, on top
        with ESMTPS id 3f1c for <bob@home.test>; Sat, 21 Nov 2026 17:00:00 +0000

RFC 5321 4.4 says how both are written, RFC 3848 and RFC 6531 4.3 what stands behind "with". Where a user's program submits a mail, the
server may add what is missing (RFC 6409 8). (Received lines that came are counted in ``data.py``.) Pure: the time is in the transaction.
"""

from __future__ import annotations

import re
from email.utils import formatdate
from functools import lru_cache
from typing import Final

from wirespeak.smtp.transaction import Transaction

__all__ = [
    "HEAD_LIMIT",
    "completed",
    "end_of_head",
    "protocol",
    "read_fields",
    "received",
    "return_path",
]

HEAD_LIMIT: Final = 256 << 10
"""Bytes of header that are looked at, and held until its end has come. The longest seen in the wild, of mails passed through many
lists and filters, have some 64 KB; Postfix cuts a single field at 100 KB."""

# RFC 5322 2.2: a field's name is printable ASCII without the colon; white space before the colon is of old (4.5).
FIELD_NAME: Final = re.compile(rb"[!-9;-~]+[ \t]*:")
# The whole field: its name, and its body with the lines that go on with white space (2.2.3). Each line has one way to match.
FIELD: Final = re.compile(rb"^([!-9;-~]+)[ \t]*:[ \t]*([^\r\n]*(?:\r\n[ \t][^\r\n]*)*)\r\n", re.MULTILINE)
FOLD: Final = re.compile(rb"\r\n(?=[ \t])")
# What a client may call itself is checked where it says so; here nothing else may get into a header (or end its comment).
UNSAFE: Final = re.compile(r"[^\w.:\[\]-]", re.ASCII)


# --- what we write


def return_path(transaction: Transaction) -> bytes:
    """The Return-Path field (RFC 5321 4.4): the sender of MAIL, empty for a report about a mail."""
    sender = transaction.sender
    path = "" if sender is None or sender.mailbox is None else str(sender.mailbox)
    return f"Return-Path: <{path}>\r\n".encode()


def received(transaction: Transaction) -> bytes:
    """The Received field of this mail (RFC 5321 4.4).

    It names the recipient only where there is one: others are not to learn of each other by it (RFC 5321 7.2, 7.6). Who has logged in
    is not told.
    """
    peer = transaction.peer
    told = f" ([{_literal(str(peer[0]))}])" if isinstance(peer, tuple) and peer else ""
    tls = transaction.tls
    # RFC 8314 4.3: the suite by its registered name; OpenSSL has that for TLS 1.3 alone.
    suite = f"\r\n\ttls {tls.cipher}" if tls is not None and getattr(tls, "cipher", "").startswith("TLS_") else ""
    recipients = transaction.recipients
    target = f"\r\n\tfor <{recipients[0].mailbox}>" if len(recipients) == 1 else ""
    return (
        f"Received: from {UNSAFE.sub('?', transaction.hello) or 'unknown'}{told}\r\n"
        f"\tby {transaction.hostname} with {protocol(transaction)} id {transaction.id}{target}{suite};\r\n"
        f"\t{date(int(transaction.received_at))}\r\n"
    ).encode()


def protocol(transaction: Transaction) -> str:
    """How the mail came: SMTP, or ESMTP, LMTP (RFC 3848) and their UTF8 kin (RFC 6531 4.3), S for TLS and A for a login."""
    if not transaction.esmtp:
        return "SMTP"
    sender = transaction.sender
    utf8 = sender is not None and sender.utf8
    name = ("UTF8LMTP" if utf8 else "LMTP") if transaction.lmtp else ("UTF8SMTP" if utf8 else "ESMTP")
    return f"{name}{'S' if transaction.tls is not None else ''}{'A' if transaction.user is not None else ''}"


@lru_cache(maxsize=4)
def date(second: int) -> str:
    """``Sat, 21 Nov 2026 17:00:00 +0000`` (RFC 5322 3.3), of seconds since 1970."""
    # formatdate writes -0000, which says that nothing is known of the place where the clock stands.
    return formatdate(second).removesuffix("-0000") + "+0000"


def _literal(ip: str) -> str:
    """An address as it stands between brackets (RFC 5321 4.1.3)."""
    host = ip.partition("%")[0]
    return f"IPv6:{host}" if ":" in host else host


# --- what came


def end_of_head(data: bytes | bytearray, start: int = 0) -> int:
    """The bytes of the header that ``data``, the beginning of a mail, opens with; -1 where its end has not come yet.

    The empty line behind it is not counted. A mail whose first line is no field has no header. Nothing ends before ``start``,
    where that was looked at before.
    """
    if data.startswith(b"\r\n"):
        return 0
    end = data.find(b"\r\n\r\n", max(0, start - 3))
    if (end >= 0 or b"\r\n" in data[:2048]) and not FIELD_NAME.match(data):
        return 0
    return end + 2 if end >= 0 else -1


def read_fields(head: bytes) -> list[tuple[str, str]]:
    """The fields of ``head``: names as they were written, bodies unfolded (RFC 5322 2.2.3). A line that is none is left out."""
    return [(name.decode("ascii"), FOLD.sub(b"", body).decode("utf-8", "replace").strip(" \t")) for name, body in FIELD.findall(head)]


def completed(head: bytes, transaction: Transaction, *, strip_bcc: bool = False) -> bytes:
    """``head`` with the fields a submitted mail lacks: Date (RFC 6409 8.2) and Message-ID (8.3).

    With ``strip_bcc`` its Bcc fields are left out (RFC 5322 3.6.3); most programs don't send them.
    """
    names = {name.lower() for name, _ in FIELD.findall(head)}
    if strip_bcc and b"bcc" in names:
        head = FIELD.sub(lambda field: b"" if field[1].lower() == b"bcc" else field[0], head)
    if b"date" not in names:
        head += f"Date: {date(int(transaction.received_at))}\r\n".encode("ascii")
    if b"message-id" not in names:
        head += f"Message-ID: <{int(transaction.received_at)}.{transaction.id}@{transaction.hostname}>\r\n".encode("ascii")
    return head
