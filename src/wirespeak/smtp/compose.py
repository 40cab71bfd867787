"""A mail made from its parts: who, to whom, about what, a text, and files (RFC 5322, RFC 2045 to 2047, 2183).

    mail = compose("Ann <ann@home.test>", ["bob@home.test"], subject="Lunch?", body="At noon.", date=now, unique=token)

How bytes are encoded is the work of the standard library's `email`. What comes out is ASCII in lines of less than 1,000 bytes,
so every server takes it; but for names beyond ASCII in front of an @, which need SMTPUTF8 (RFC 6532). Nothing that a caller
gives can begin a line of the header of its own. Pure: the time and what makes the Message-ID unique are handed in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final

from wirespeak.errors import LocalProtocolError
from wirespeak.smtp.mailbox import Mailbox

__all__ = ["Attachment", "compose", "split_address"]

# Control characters, but for the tab, which may stand in a header; and what else ends a line to some readers (`str.splitlines`).
_CONTROL: Final = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
# RFC 5322 3.6.8: ftext.
_FIELD_NAME: Final = re.compile(r"[!-9;-~]+")
# RFC 5322 3.2.3: dot-atom-text, which the left of a Message-ID is made of (3.6.4).
_DOT_ATOM: Final = re.compile(r"[0-9A-Za-z!#$%&'*+\-/=?^_`{|}~]+(?:\.[0-9A-Za-z!#$%&'*+\-/=?^_`{|}~]+)*")
_NOT_PLAIN: Final = re.compile(r"[^0-9A-Za-z]")
_NAME_AND_ADDRESS: Final = re.compile(r" *(.*?) *<([^<>]*)> *")
_TYPE: Final = re.compile(r"([a-z0-9][a-z0-9!#$&^_.+-]*)/([a-z0-9][a-z0-9!#$&^_.+-]*)", re.IGNORECASE)
_MADE_HERE: Final = re.compile(r"mime-version|content-.*|bcc", re.IGNORECASE)


@dataclass(slots=True, frozen=True)
class Attachment:
    """A file that goes with a mail: the ``name`` that it is saved under, its bytes, and its media type."""

    name: str
    data: bytes
    type: str = "application/octet-stream"


def split_address(text: str) -> tuple[str, Mailbox]:
    """The name, "" for none, and the mailbox of ``Ann <ann@home.test>`` or ``ann@home.test``. Raises `TextError`, `LocalProtocolError`."""
    match = _NAME_AND_ADDRESS.fullmatch(text)
    name, address = (match[1], match[2]) if match else ("", text)
    if len(name) > 1 and name[0] == name[-1] == '"':
        name = re.sub(r"\\(.)", r"\1", name[1:-1])
    return _checked(name, "a name"), Mailbox.parse(address)


def compose(
    sender: str | Mailbox,
    to: Iterable[str | Mailbox] = (),
    *,
    cc: Iterable[str | Mailbox] = (),
    subject: str = "",
    body: str = "",
    html: str | None = None,
    attachments: Sequence[Attachment] = (),
    headers: Iterable[tuple[str, str]] = (),
    date: datetime,
    unique: str,
) -> bytes:
    """The mail as bytes, its lines ended by CRLF.

    ``sender``, ``to`` and ``cc`` are mailboxes, with names where there are any. ``html`` is the same text once more, for who shows
    that. ``headers`` are fields to be put in, or in the place of those made here; but for what says how the mail is built, and for Bcc,
    whose purpose is not to be there. ``date`` should know its zone. ``unique`` is said in no other mail of this domain: some
    twenty random letters. Raises `LocalProtocolError` for what no header may hold, `TextError` for what is no address.
    """
    if not _DOT_ATOM.fullmatch(unique):
        raise LocalProtocolError(f"{unique[:80]!r} can't be part of a Message-ID (RFC 5322 3.6.4)")
    from_ = _address(sender)
    boxes = {"From": [from_], "To": [_address(one) for one in to], "Cc": [_address(one) for one in cc]}
    utf8 = not all(box.local.isascii() for addresses in boxes.values() for _, box in addresses)
    mail = EmailMessage(policy=(policy.SMTPUTF8 if utf8 else policy.SMTP).clone(cte_type="7bit"))
    mail["Date"] = format_datetime(date)
    for field, addresses in boxes.items():
        if addresses:
            mail[field] = [Address(name, box.local, box.domain if utf8 else box.ascii_domain) for name, box in addresses]
    if subject:
        mail["Subject"] = _checked(subject, "the subject")
    mail["Message-ID"] = f"<{unique}@{from_[1].ascii_domain}>"
    _put_in(mail, headers)
    mail.set_content(_encodable(body))
    if html is not None:
        mail.add_alternative(_encodable(html), subtype="html")
    for attachment in attachments:
        main, sub = _type(attachment.type)
        mail.add_attachment(attachment.data, main, sub, filename=_checked(attachment.name, "the name of a file"))
    for number, part in enumerate(part for part in mail.walk() if part.is_multipart()):
        # RFC 2046 5.1.1: of 70 characters at most, and in none of the parts. What is encoded has no "=_" in it; and nobody
        # who wrote a plain text knew what is unique to this mail.
        part.set_boundary(f"=_{number}_{_NOT_PLAIN.sub('', unique)[:60]}")
    return mail.as_bytes()


def _address(one: str | Mailbox) -> tuple[str, Mailbox]:
    return split_address(str(one) if isinstance(one, Mailbox) else one)


def _put_in(mail: EmailMessage, headers: Iterable[tuple[str, str]]) -> None:
    """Add ``headers``; those that were made here give way to them."""
    own = set(map(str.lower, mail.keys()))
    for name, value in headers:
        if not _FIELD_NAME.fullmatch(name):
            raise LocalProtocolError(f"{name[:80]!r} is no name of a header field (RFC 5322 2.2)")
        if _MADE_HERE.fullmatch(name):
            raise LocalProtocolError(f"{name} is not for the header that is made here: send a whole mail of your own instead")
        if name.lower() in own:
            own.discard(name.lower())
            del mail[name]
        try:
            mail[name] = _checked(value, name)
        except ValueError as error:  # a field that may stand there once only (RFC 5322 3.6)
            raise LocalProtocolError(f"{name}: {error}") from None


def _checked(text: str, what: str) -> str:
    """``text``, which goes into a line of the header."""
    if _CONTROL.search(text):
        raise LocalProtocolError(f"{what} holds a control character: {text[:80]!r} (RFC 5322 2.2)")
    return _encodable(text)


def _encodable(text: str) -> str:
    if _SURROGATE.search(text):
        raise LocalProtocolError(f"{text[:80]!r} holds bytes that are no UTF-8")
    return text


def _type(text: str) -> tuple[str, str]:
    """The two halves of a media type. What would be a mail or a multipart goes as any bytes do: these may not be encoded (RFC 2045 6.4)."""
    match = _TYPE.fullmatch(text)
    if match is None:
        raise LocalProtocolError(f"{text[:80]!r} is no media type (RFC 2045 5.1)")
    if match[1].lower() in ("message", "multipart"):
        return "application", "octet-stream"
    return match[1], match[2]
