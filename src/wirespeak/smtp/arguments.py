"""What stands behind the verbs: how the arguments of commands are read (RFC 5321 4.1.1, and the RFC of each extension).

    MAIL FROM:<ann@home.test> SIZE=1000 BODY=8BITMIME
         path                 parameters

Each function takes the argument as it came and gives the value that it says; or raises `RemoteProtocolError`, with the code
and the enhanced code that it is answered with. Pure: touches nothing outside.
"""

from __future__ import annotations

import binascii
from collections.abc import Collection
from typing import Final

from wirespeak.errors import RemoteProtocolError
from wirespeak.smtp.grammar import (
    AUTHENTICATION,
    CHUNK,
    CONTROL,
    ENVID_SIZE,
    HELLO_NAME,
    MISLEADING,
    ORCPT,
    ORCPT_SIZE,
    PARAMETER,
    SIZE_VALUE,
    XTEXT,
    decode_xtext,
)
from wirespeak.smtp.mailbox import NOT_ASCII, read_literal, read_path
from wirespeak.smtp.messages import Recipient, Sender

__all__ = [
    "MAIL_PARAMETERS",
    "RCPT_PARAMETERS",
    "LostCount",
    "read_auth",
    "read_base64",
    "read_bdat",
    "read_hello",
    "read_mail",
    "read_rcpt",
]

MAIL_PARAMETERS: Final = frozenset({"AUTH", "BODY", "ENVID", "RET", "SIZE", "SMTPUTF8"})
"""RFC 4954 5, RFC 6152 2 and RFC 3030 3, RFC 3461 4.4 and 4.3, RFC 1870 5, RFC 6531 3.4."""

RCPT_PARAMETERS: Final = frozenset({"NOTIFY", "ORCPT"})
"""RFC 3461 4.1, 4.2."""


class LostCount(RemoteProtocolError):
    """BDAT without a size that can be read: where its bytes end and commands begin again is not to be known any more."""


BODIES: Final = {"7BIT": "7BIT", "8BITMIME": "8BITMIME", "BINARYMIME": "BINARYMIME"}
NOTIFICATIONS: Final = frozenset({"SUCCESS", "FAILURE", "DELAY"})


def read_hello(argument: str) -> str:
    """The name that a client gives itself (RFC 5321 4.1.1.1): a domain or an address literal."""
    if HELLO_NAME.fullmatch(argument) is None or len(argument) > 255:
        raise _bad_argument("expected a domain name or an address literal", "RFC 5321 4.1.1.1")
    if argument[0] == "[":
        try:
            return read_literal(argument)
        except ValueError as error:
            raise _bad_argument(str(error), "RFC 5321 4.1.3") from error
    return argument


def read_mail(argument: str, known: Collection[str] = MAIL_PARAMETERS) -> Sender:
    """The sender that MAIL names. ``known`` are the parameters of the extensions that were offered."""
    mailbox, rest = read_path(_behind(argument, "FROM:"), utf8=True, sender=True)
    sender = Sender(mailbox)
    if rest:
        for keyword, value in _parameters(rest, known).items():
            _set(sender, keyword, value)
    if not sender.utf8 and not argument.isascii():
        raise _not_ascii()
    return sender


def read_rcpt(argument: str, known: Collection[str] = RCPT_PARAMETERS, *, utf8: bool = False) -> Recipient:
    """The recipient that RCPT names. ``utf8``: the MAIL before it asked for SMTPUTF8."""
    mailbox, rest = read_path(_behind(argument, "TO:"), utf8=utf8)
    assert mailbox is not None  # <> is a sender's alone
    recipient = Recipient(mailbox)
    if rest:
        if not utf8 and not rest.isascii():
            raise _not_ascii()
        for keyword, value in _parameters(rest, known).items():
            if keyword == "NOTIFY":
                recipient.notify = _notify(value)
            else:
                recipient.orcpt = _original_recipient(value)
    return recipient


def read_bdat(argument: str) -> tuple[int, bool]:
    """How many bytes follow, and whether they are the last (RFC 3030 2). Raises `LostCount`."""
    match = CHUNK.fullmatch(argument)
    if match is None:
        raise LostCount("BDAT needs a number of bytes, and LAST behind the last", code=501, enhanced="5.5.4", clause="RFC 3030 2")
    return int(match[1]), match[2] is not None


def read_auth(argument: str) -> tuple[str, bytes | None]:
    """The mechanism, in capitals, and the initial response, where there is one (RFC 4954 4)."""
    match = AUTHENTICATION.fullmatch(argument)
    if match is None:
        raise _bad_argument("expected a mechanism, and at most one response in base64", "RFC 4954 4")
    response = match[2]
    if response is None:
        return match[1].upper(), None
    return match[1].upper(), b"" if response == "=" else read_base64(response)


def read_base64(text: str) -> bytes:
    """The response that ``text`` encodes (RFC 4954 4): strictly, so that nothing can be hidden in it (RFC 4648 3.3, 3.5)."""
    try:
        data = binascii.a2b_base64(text.encode("ascii"), strict_mode=True)
        if binascii.b2a_base64(data, newline=False).decode() == text:  # bits left over are zero, too
            return data
    except ValueError:  # binascii.Error and UnicodeEncodeError are such
        pass
    raise RemoteProtocolError("a response that is no base64", code=501, enhanced="5.5.2", clause="RFC 4954 4")


# --- parts


def _behind(argument: str, word: str) -> str:
    """What follows ``FROM:`` or ``TO:``. The grammar has no space behind the colon (RFC 5321 3.3), but many send one: it can't mislead."""
    if argument[: len(word)].upper() != word:
        raise _bad_argument(f"expected {word}<address>", "RFC 5321 4.1.2")
    return argument[len(word) :].lstrip(" ")


def _parameters(text: str, known: Collection[str]) -> dict[str, str]:
    """Keywords, in capitals, and their values ("" where there is none) (RFC 5321 4.1.2)."""
    found: dict[str, str] = {}
    for word in text.split(" "):
        if not word:
            continue
        match = PARAMETER.fullmatch(word)
        if match is None:
            raise _bad_argument("a parameter is a keyword, or keyword=value", "RFC 5321 4.1.2")
        keyword = match[1].upper()
        if keyword not in known:
            raise RemoteProtocolError("a parameter that was not offered", code=555, enhanced="5.5.4", clause="RFC 5321 4.1.1.11")
        if keyword in found:
            raise _bad_argument(f"{keyword} twice", "RFC 5321 4.1.1.11")
        found[keyword] = match[2] or ""
    return found


def _set(sender: Sender, keyword: str, value: str) -> None:
    """Note what a parameter of MAIL says."""
    if keyword == "SIZE":
        if SIZE_VALUE.fullmatch(value) is None:
            raise _bad_argument("SIZE is a number of bytes", "RFC 1870 4")
        sender.size = int(value)
    elif keyword == "BODY":
        body = BODIES.get(value.upper())
        if body is None:
            raise _bad_argument("BODY is 7BIT, 8BITMIME or BINARYMIME", "RFC 6152 2")
        sender.body = body
    elif keyword == "SMTPUTF8":
        if value:
            raise _bad_argument("SMTPUTF8 has no value", "RFC 6531 3.4")
        sender.utf8 = True
    elif keyword == "AUTH":
        sender.auth = "" if value == "<>" else _xtext(value, "RFC 4954 5")
    elif keyword == "RET":
        sender.ret = value.upper()
        if sender.ret not in ("FULL", "HDRS"):
            raise _bad_argument("RET is FULL or HDRS", "RFC 3461 4.3")
    else:
        if len(value) > ENVID_SIZE:
            raise _bad_argument(f"ENVID has {ENVID_SIZE} characters at most", "RFC 3461 4.4")
        sender.envid = _xtext(value, "RFC 3461 4.4")


def _notify(value: str) -> frozenset[str]:
    """RFC 3461 4.1: NEVER alone, or a list of the others."""
    words = value.upper().split(",")
    wished = frozenset(words)
    if words != ["NEVER"] and (len(wished) != len(words) or not wished <= NOTIFICATIONS):
        raise _bad_argument("NOTIFY is NEVER, or a list of SUCCESS, FAILURE and DELAY", "RFC 3461 4.1")
    return wished


def _original_recipient(value: str) -> str:
    """RFC 3461 4.2: a type of address, and the address, decoded."""
    match = ORCPT.fullmatch(value)
    if match is None or len(value) > ORCPT_SIZE:
        raise _bad_argument(f"ORCPT is a type, a semicolon and an address in xtext, of {ORCPT_SIZE} characters at most", "RFC 3461 4.2")
    return f"{match[1]};{_printable(decode_xtext(match[2]), 'RFC 3461 4.2')}"


def _xtext(value: str, clause: str) -> str:
    """``value`` decoded: neither empty nor with a control character in it."""
    if not value or XTEXT.fullmatch(value) is None:
        raise _bad_argument("expected xtext", clause)
    return _printable(decode_xtext(value), clause)


def _printable(text: str, clause: str) -> str:
    """``text``, which goes into reports and logs later: it must not bring lines of its own along."""
    if CONTROL.search(text) or MISLEADING.search(text):
        raise _bad_argument("a control character in xtext", clause)
    return text


def _bad_argument(why: str, clause: str) -> RemoteProtocolError:
    return RemoteProtocolError(f"an argument that could not be read: {why}", code=501, enhanced="5.5.4", clause=clause)


def _not_ascii() -> RemoteProtocolError:
    return RemoteProtocolError("an address beyond ASCII without SMTPUTF8", code=553, enhanced=NOT_ASCII, clause="RFC 6531 3.4")
