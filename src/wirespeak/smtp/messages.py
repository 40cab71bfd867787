"""The values of a conversation: commands and replies, made of lines and back; and what a server's session tells of (RFC 5321 4.1, 4.2).

A client says a `Command` a line; the server answers each with a `Reply` of one or more lines:

    C: MAIL FROM:<ann@home.test>        verb, argument
    S: 250 2.1.0 Sender ok              code, enhanced code (RFC 3463), text

Which command may stand where is in ``states.py``; how arguments are read, in ``arguments.py``; the mail's own bytes, in ``data.py``.
Pure: touches nothing outside.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Self

from wirespeak.errors import LocalProtocolError, RemoteProtocolError
from wirespeak.smtp.mailbox import Mailbox

__all__ = [
    "Auth",
    "AuthAnswer",
    "AuthCancelled",
    "Challenge",
    "Command",
    "Data",
    "DataBegin",
    "DataEnd",
    "Expand",
    "Hello",
    "Recipient",
    "Reply",
    "Reset",
    "Sender",
    "Verify",
]

# RFC 5321 4.2: three digits, the first of 2 to 5, the second of 0 to 5; behind them a space on the last line, a hyphen on
# those before it. A bare code without anything behind it is read too (4.2.1 allows it of old servers).
REPLY_LINE: Final = re.compile(rb"([2-5][0-5][0-9])(?:([ -])(.*))?", re.DOTALL)
ENHANCED: Final = re.compile(r"([245]\.[0-9]{1,3}\.[0-9]{1,3})(?: (.*))?", re.DOTALL)
UNSENDABLE: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


@dataclass(slots=True)
class Command:
    """A command: its verb, in capitals, and what stands behind it."""

    verb: str
    argument: str = ""

    def encode(self) -> bytes:
        """The line, with its CRLF. Raises `LocalProtocolError` for a character that would end it, or that no command may hold."""
        line = f"{self.verb} {self.argument}" if self.argument else self.verb
        if UNSENDABLE.search(line):
            raise LocalProtocolError(f"a command holds a character that can't be sent: {line[:80]!r} (RFC 5321 4.1.2)")
        return line.encode("utf-8") + b"\r\n"


@dataclass(slots=True)
class Reply:
    """An answer: three digits for programs, and text for people, whose lines are parted by ``\\n``.

    ``enhanced`` says more exactly what the matter is (RFC 3463); it stands in front of each line (RFC 2034 4).
    """

    code: int
    text: str = ""
    enhanced: str = ""

    @property
    def is_positive(self) -> bool:
        """It was done (2yz), or the mail's text is waited for (354, RFC 5321 4.2.1)."""
        return self.code < 400

    @property
    def is_transient(self) -> bool:
        """Not now: it may be tried again later (4yz)."""
        return 400 <= self.code < 500

    @property
    def is_permanent(self) -> bool:
        """No, and asking again won't change it (5yz)."""
        return self.code >= 500

    @property
    def lines(self) -> list[str]:
        """The text of each line, the enhanced code in front."""
        return _lines(self.text, self.enhanced)

    def encode(self) -> bytes:
        """All lines, each with its CRLF. Raises `LocalProtocolError` for text that would end a line."""
        return encoded(self.code, self.text, self.enhanced)

    @classmethod
    def parse(cls, lines: Sequence[bytes]) -> Self:
        """The reply that ``lines``, without their CRLF, make. Raises `RemoteProtocolError`."""
        code = 0
        texts: list[str] = []
        for number, line in enumerate(lines):
            match = REPLY_LINE.fullmatch(line)
            if match is None:
                raise RemoteProtocolError(f"{line[:60]!r} is no line of a reply: three digits begin it", clause="RFC 5321 4.2")
            if number and int(match[1]) != code:
                raise RemoteProtocolError(f"a reply of {code} goes on with {match[1].decode()}", clause="RFC 5321 4.2.1")
            if (match[2] == b"-") != (number < len(lines) - 1):
                raise RemoteProtocolError("a reply's last line, and no other, has a space behind the code", clause="RFC 5321 4.2.1")
            code = int(match[1])
            texts.append((match[3] or b"").decode("utf-8", "replace"))
        found = [ENHANCED.fullmatch(text) for text in texts]
        first = found[0]
        if first is not None and first[1][0] == str(code)[0]:
            same = [match for match in found if match is not None and match[1] == first[1]]
            if len(same) == len(texts):
                return cls(code, "\n".join(match[2] or "" for match in same), first[1])
        return cls(code, "\n".join(texts))

    def __str__(self) -> str:
        """On one line, for people."""
        return f"{self.code} {' '.join(line for line in self.lines if line)}".rstrip()


def _lines(text: str, enhanced: str) -> list[str]:
    texts = text.split("\n")
    return [f"{enhanced} {text}".rstrip(" ") for text in texts] if enhanced else texts


@lru_cache(maxsize=256)
def encoded(code: int, text: str, enhanced: str) -> bytes:
    """What `Reply.encode` gives, remembered: most of what a server says, it says again and again."""
    lines = _lines(text, enhanced)
    if any(UNSENDABLE.search(line) for line in lines):
        raise LocalProtocolError(f"a reply holds a character that can't be sent: {text[:80]!r} (RFC 5321 4.2)")
    said = "".join([f"{code}-{line}\r\n" for line in lines[:-1]]) + f"{code} {lines[-1]}\r\n"
    return said.encode("utf-8")


# --- what a server's session tells of. Those marked (verdict) wait for a Reply.


@dataclass(slots=True)
class Hello:
    """(verdict) The client names itself: by EHLO, HELO or, in LMTP, LHLO (RFC 5321 4.1.1.1, RFC 2033 4.1)."""

    name: str
    verb: str = "EHLO"


@dataclass(slots=True)
class Auth:
    """(verdict, or a `Challenge`) The client begins to log in (RFC 4954 4). ``initial`` is its first response, decoded."""

    mechanism: str
    initial: bytes | None = None


@dataclass(slots=True)
class AuthAnswer:
    """(verdict, or a `Challenge`) The response to a challenge, decoded."""

    data: bytes


@dataclass(slots=True)
class AuthCancelled:
    """The client gave up to log in (RFC 4954 4); it is answered already."""


@dataclass(slots=True)
class Challenge:
    """What a server asks of who logs in, not yet encoded (334, RFC 4954 4)."""

    data: bytes


@dataclass(slots=True)
class Sender:
    """(verdict) MAIL: who sends, None for the empty path of reports (RFC 5321 4.1.1.2), and what is said about the mail.

    ``size`` in bytes, as announced (RFC 1870); ``body`` is 7BIT, 8BITMIME or BINARYMIME (RFC 6152, 3030); ``utf8`` that headers
    and addresses may be UTF-8 (RFC 6531); ``auth`` who is said to have submitted it (RFC 4954 5: None where nothing was
    said, "" for <>); ``ret`` FULL or HDRS and ``envid``, for reports about delivery (RFC 3461 4.3, 4.4).
    """

    mailbox: Mailbox | None
    size: int | None = None
    body: str = "7BIT"
    utf8: bool = False
    auth: str | None = None
    ret: str = ""
    envid: str = ""
    others: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Recipient:
    """(verdict) RCPT: to whom; of what reports are wished for (RFC 3461 4.1), and the address as it first was (4.2)."""

    mailbox: Mailbox
    notify: frozenset[str] = frozenset()
    orcpt: str = ""


@dataclass(slots=True)
class DataBegin:
    """(verdict: 354 says go on) The mail itself is about to come: by DATA, or, with ``chunking``, by BDAT (RFC 3030 2)."""

    chunking: bool = False


@dataclass(slots=True)
class Data:
    """A piece of the mail, as it is to be kept: dots unstuffed (RFC 5321 4.5.2), lines ending in CRLF."""

    data: bytes


@dataclass(slots=True)
class DataEnd:
    """(verdict; in LMTP one for each recipient, RFC 2033 4.2) The mail is whole. ``size`` in bytes."""

    size: int


@dataclass(slots=True)
class Reset:
    """The transaction is over without a mail: RSET, a new greeting, TLS, or a mail that could not be taken. Forget it."""


@dataclass(slots=True)
class Verify:
    """(verdict) VRFY: is there such a user? (RFC 5321 3.5)"""

    text: str


@dataclass(slots=True)
class Expand:
    """(verdict) EXPN: who is on that list? (RFC 5321 3.5)"""

    text: str
