"""The envelope as a client makes and writes it: MAIL and RCPT, with the parameters that the server offered to understand.

    MAIL FROM:<ann@home.test> SIZE=1200 BODY=8BITMIME
    RCPT TO:<bob@home.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;bob@example.org

(RFC 5321 4.1.1.2, 4.1.1.3; SIZE: RFC 1870; BODY: RFC 6152, RFC 3030; SMTPUTF8: RFC 6531; RET, ENVID, NOTIFY, ORCPT: RFC 3461;
AUTH: RFC 4954 5.) `announce` makes the envelope of a mail, `encode_sender` and `encode_recipient` write it. Nothing that a
caller gives can end a path, or put in a parameter of its own. How a server reads them is in ``arguments.py``. Pure: touches
nothing outside.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal, TypedDict

from wirespeak.errors import LocalProtocolError, Refused, TextError
from wirespeak.smtp.grammar import ENVID_SIZE, ORCPT, ORCPT_SIZE, PARAMETER, encode_xtext
from wirespeak.smtp.mailbox import Mailbox
from wirespeak.smtp.messages import Command, Recipient, Sender
from wirespeak.smtp.outgoing import Shape

__all__ = ["NOTIFY", "Envelope", "Options", "announce", "encode_recipient", "encode_sender"]

BODIES: Final = {"7BIT": "", "8BITMIME": "8BITMIME", "BINARYMIME": "BINARYMIME"}
"""What a text is made of → the extension by which a server takes it (RFC 6152 2, RFC 3030 3)."""

NOTIFY: Final = ("NEVER", "SUCCESS", "FAILURE", "DELAY")
"""Of what a sender may want reports (RFC 3461 4.1)."""


class Options(TypedDict, total=False):
    """What can be asked of one mail."""

    notify: Collection[str]
    """Of what the sender wants reports: SUCCESS, FAILURE, DELAY; or NEVER (RFC 3461 4.1)."""
    ret: str
    """Whether reports hold the mail (FULL) or its header (HDRS) (RFC 3461 4.3)."""
    envid: str
    """What reports call the mail (RFC 3461 4.4)."""
    size: int
    """The bytes of a mail that is made as it goes, where they are known."""
    body: Literal["7BIT", "8BITMIME", "BINARYMIME"]
    """What the mail is made of, where that can't be seen beforehand, or where it isn't made of lines (RFC 3030 3)."""
    utf8: bool
    """Whether its header holds more than ASCII, where that can't be seen beforehand (RFC 6531)."""
    chunking: bool
    """Whether the mail goes by BDAT (RFC 3030); it does where it isn't made of lines."""


@dataclass(slots=True)
class Envelope:
    """A mail as it is announced: from whom, to whom, each once; and whether its text goes by BDAT."""

    sender: Sender
    recipients: list[Recipient]
    chunking: bool


def announce(
    shape: Shape, sender: str | Mailbox | None, recipients: Iterable[str | Mailbox | Recipient], options: Options, offers: Mapping[str, str]
) -> Envelope:
    """The envelope of a mail of this ``shape`` for a server that ``offers`` these extensions.

    Raises `Refused` where the mail needs what the server doesn't offer, `TextError` and `LocalProtocolError` for what can't be said.
    """
    notify, ret, envid = frozenset(options.get("notify", ())), options.get("ret", ""), options.get("envid", "")
    told = [one if isinstance(one, Recipient) else Recipient(_mailbox(one), notify) for one in recipients]
    asked = list({one.mailbox: one for one in told}.values())
    box = _mailbox(sender) if sender else None
    body = options.get("body") or ("8BITMIME" if shape.eight_bit or (shape.eight_bit is None and "8BITMIME" in offers) else "7BIT")
    if body == "7BIT" and shape.eight_bit:
        raise LocalProtocolError("the mail holds bytes beyond ASCII: it is not 7BIT (RFC 6152 2)")
    size = options.get("size", None if body == "BINARYMIME" else shape.size)
    limit = offers.get("SIZE", "")
    if size is not None and limit.isdigit() and 0 < int(limit) < size:  # RFC 1870 4: 0 stands for no limit
        raise Refused(f"the mail has {size:,} bytes, and the server takes {int(limit):,} at most")
    chunking = body == "BINARYMIME" or options.get("chunking", False)
    utf8 = bool(options.get("utf8", shape.utf8))
    if "SMTPUTF8" in offers:
        utf8 = utf8 or not all(one is None or one.is_ascii for one in (box, *(one.mailbox for one in asked)))
    elif not utf8:
        box = box and _in_ascii(box)
        asked = [replace(one, mailbox=_in_ascii(one.mailbox)) for one in asked]
    advice = "encode what is beyond ASCII"
    for needs, extension, instead in (
        (body == "8BITMIME", "8BITMIME", f"{advice} (quoted-printable, base64)"),
        (body == "BINARYMIME", "BINARYMIME", f"{advice}, and what isn't made of lines (base64)"),
        (chunking, "CHUNKING", "it takes mail by DATA alone"),
        (utf8, "SMTPUTF8", f"{advice} in the mail's header (RFC 2047)"),
        (ret or envid or any(one.notify or one.orcpt for one in asked), "DSN", "it sends no reports by wish"),
    ):
        if needs and extension not in offers:
            raise Refused(f"the server doesn't offer {extension}: {instead}")
    envelope = Envelope(Sender(box, size=size, body=body, utf8=utf8, ret=ret, envid=envid), asked, chunking)
    encode_sender(envelope.sender, offers)
    for one in asked:
        encode_recipient(one, offers, utf8=utf8)
    return envelope


def encode_sender(sender: Sender, extensions: Mapping[str, str]) -> bytes:
    """The line of MAIL. Raises `LocalProtocolError` for what the server doesn't offer, or what no line may hold.

    A size is only said where the server wants to know it.
    """
    parameters = []
    if sender.size is not None and "SIZE" in extensions:
        parameters.append(f"SIZE={sender.size}")
    if sender.body not in BODIES:
        raise LocalProtocolError(f"BODY is one of {', '.join(BODIES)}, not {sender.body!r} (RFC 6152 2, RFC 3030 3)")
    if sender.body != "7BIT":
        _need(extensions, BODIES[sender.body], "RFC 6152" if sender.body == "8BITMIME" else "RFC 3030 3")
        parameters.append(f"BODY={sender.body}")
    if sender.utf8:
        _need(extensions, "SMTPUTF8", "RFC 6531 3.1")
        parameters.append("SMTPUTF8")
    if sender.auth is not None:
        _need(extensions, "AUTH", "RFC 4954 5")
        parameters.append(f"AUTH={_xtext(sender.auth) or '<>'}")
    if sender.ret:
        _need(extensions, "DSN", "RFC 3461 4.3")
        if sender.ret not in ("FULL", "HDRS"):
            raise LocalProtocolError(f"RET is FULL or HDRS, not {sender.ret!r} (RFC 3461 4.3)")
        parameters.append(f"RET={sender.ret}")
    if sender.envid:
        _need(extensions, "DSN", "RFC 3461 4.4")
        if len(sender.envid) > ENVID_SIZE:
            raise LocalProtocolError(f"ENVID has at most {ENVID_SIZE} characters (RFC 3461 4.4)")
        parameters.append(f"ENVID={_xtext(sender.envid)}")
    for keyword, value in sender.others.items():
        parameters.append(f"{keyword}={value}" if value else keyword)
        if not PARAMETER.fullmatch(parameters[-1]):
            raise LocalProtocolError(f"{parameters[-1][:80]!r} is no parameter (RFC 5321 4.1.2)")
    return Command("MAIL", " ".join([f"FROM:{_path(sender.mailbox, sender.utf8)}", *parameters])).encode()


def encode_recipient(recipient: Recipient, extensions: Mapping[str, str], *, utf8: bool = False) -> bytes:
    """The line of RCPT, in a mail that was announced with SMTPUTF8 or not.

    Raises `LocalProtocolError` for what the server doesn't offer, or what no line may hold.
    """
    parameters = []
    if recipient.notify:
        _need(extensions, "DSN", "RFC 3461 4.1")
        if unknown := recipient.notify - set(NOTIFY):
            raise LocalProtocolError(f"NOTIFY is made of {', '.join(NOTIFY)}, not {', '.join(sorted(unknown))} (RFC 3461 4.1)")
        if "NEVER" in recipient.notify and len(recipient.notify) > 1:
            raise LocalProtocolError("NOTIFY=NEVER stands alone (RFC 3461 4.1)")
        parameters.append("NOTIFY=" + ",".join(word for word in NOTIFY if word in recipient.notify))
    if recipient.orcpt:
        _need(extensions, "DSN", "RFC 3461 4.2")
        kind, _, address = recipient.orcpt.partition(";")
        original = f"{kind};{_xtext(address)}"
        if not ORCPT.fullmatch(original) or len(original) > ORCPT_SIZE:
            raise LocalProtocolError(
                f"ORCPT is a type and an address, as in rfc822;ann@home.test, and has at most {ORCPT_SIZE} characters (RFC 3461 4.2)"
            )
        parameters.append(f"ORCPT={original}")
    return Command("RCPT", " ".join([f"TO:{_path(recipient.mailbox, utf8)}", *parameters])).encode()


def _need(extensions: Mapping[str, str], keyword: str, clause: str) -> None:
    if keyword not in extensions:
        raise LocalProtocolError(f"the server doesn't offer {keyword} ({clause})")


def _xtext(text: str) -> str:
    """Printable ASCII as a parameter may hold it (RFC 3461 4). Raises `LocalProtocolError` for anything else."""
    if not (text.isascii() and text.isprintable()):
        raise LocalProtocolError(f"{text[:80]!r} is not printable ASCII (RFC 3461 4)")
    return encode_xtext(text)


def _mailbox(one: str | Mailbox) -> Mailbox:
    return one if isinstance(one, Mailbox) else Mailbox.parse(one)


def _in_ascii(mailbox: Mailbox) -> Mailbox:
    """For a server without SMTPUTF8: a domain has another spelling (RFC 5890 2.3.2.1), what stands before it has none."""
    if mailbox.is_ascii:
        return mailbox
    if not mailbox.local.isascii():
        raise Refused(f"the server doesn't offer SMTPUTF8, so it can't be told of {mailbox}")
    return Mailbox(mailbox.local, mailbox.ascii_domain)


def _path(mailbox: Mailbox | None, utf8: bool) -> str:
    """A path that can be read in one way: as this mailbox, and as nothing more."""
    if mailbox is None:
        return "<>"
    text = str(mailbox)
    if mailbox.domain or mailbox.local.lower() != "postmaster":  # whom every server knows by this name alone (RFC 5321 4.5.1)
        try:
            Mailbox.parse(text)
        except TextError as error:
            raise LocalProtocolError(str(error)) from error
    if not utf8 and not mailbox.is_ascii:
        raise LocalProtocolError(f"{text[:80]!r} is not ASCII: it takes a mail announced with SMTPUTF8 (RFC 6531 3.1)")
    return f"<{text}>"
