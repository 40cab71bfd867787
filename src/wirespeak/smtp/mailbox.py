"""Mailboxes, and how they are read (RFC 5321 4.1.2): ``ann@home.test``, ``"two words"@home.test``, ``postmaster@[192.0.2.1]``.

What stands before the ``@`` means something to the domain behind it alone: ``user%other.test``, ``other!user`` and
``user+tag`` are names like any other here, and nobody is ever routed by them (RFC 5321 2.3.11). The route that a path may
carry in front (``<@a.test:ann@b.test>``) is read and ignored (RFC 5321 3.3, F.2).

Pure: touches nothing outside.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Final

import idna

from wirespeak.errors import LocalProtocolError, RemoteProtocolError, TextError
from wirespeak.smtp.grammar import (
    CONTROL,
    DOMAIN_SIZE,
    DOT_STRING_ONLY,
    IPV4,
    LOCAL_PART,
    MAILBOX_ONLY,
    MISLEADING,
    PATH,
    POSTMASTER,
    QUOTED_PAIR,
    SENDER_LOCAL_PART,
)

__all__ = ["Mailbox", "read_literal", "read_path"]

# RFC 3463 3.2, RFC 6531 3.6: "bad destination mailbox address syntax", "bad sender's mailbox address syntax", "non-ASCII addresses
# not permitted".
BAD_RECIPIENT: Final = "5.1.3"
BAD_SENDER: Final = "5.1.7"
NOT_ASCII: Final = "5.6.7"


@dataclass(slots=True, unsafe_hash=True)  # a frozen one takes four times as long to make
class Mailbox:
    """``local`` at ``domain``: a value, never changed once made.

    ``local`` is the name itself, without quotes and in the case that it was written in (it is the domain's to say whether
    case matters, RFC 5321 2.4). ``domain`` is in lower case, its U-labels as they came (RFC 6531), or a literal:
    ``[192.0.2.1]``, ``[IPv6:2001:db8::1]``. It is empty for the bare ``Postmaster`` alone (RFC 5321 4.1.1.3).
    """

    local: str
    domain: str

    @classmethod
    def parse(cls, text: str) -> Mailbox:
        """The mailbox that someone typed: ``ann@home.test``, in angle brackets or without.

        Raises `TextError`; and `LocalProtocolError` for a control character, so that no address can carry a line of its own.
        """
        if CONTROL.search(text):
            raise LocalProtocolError(f"an address holds a control character: {text[:80]!r}")
        plain = text.strip(" ")
        if plain.startswith("<") and plain.endswith(">"):
            plain = plain[1:-1]
        match = MAILBOX_ONLY.fullmatch(plain)
        if match is None or MISLEADING.search(plain):
            raise TextError(f"{text[:80]!r} is no mail address: expected one like ann@home.test")
        try:
            return _made(match[1], match[2], SENDER_LOCAL_PART)
        except ValueError as error:
            raise TextError(f"{text[:80]!r} is no mail address: {error}") from error

    @property
    def is_ascii(self) -> bool:
        """Whether it can be said to a server without SMTPUTF8 as it stands."""
        return self.local.isascii() and self.domain.isascii()

    @property
    def ascii_domain(self) -> str:
        """The domain in A-labels (RFC 5890 2.3.2.1): by it domains are compared and looked up."""
        return self.domain if self.domain.isascii() else _a_labels(self.domain)

    def __str__(self) -> str:
        """As it stands in a path, quoted where it must be."""
        local = self.local
        if DOT_STRING_ONLY.fullmatch(local) is None:
            local = '"' + local.replace("\\", "\\\\").replace('"', '\\"') + '"'
        return f"{local}@{self.domain}" if self.domain else local


def read_path(argument: str, *, utf8: bool, sender: bool = False) -> tuple[Mailbox | None, str]:
    """The mailbox of the path that ``argument`` begins with, None for ``<>``, and what stands behind it: parameters.

    A ``sender`` may be ``<>`` (RFC 5321 4.5.5); a recipient may be ``<Postmaster>``. ``utf8``: SMTPUTF8 was asked for.
    Raises `RemoteProtocolError` with the code and the enhanced code to answer with.
    """
    match = PATH.match(argument)
    if match is not None:
        rest = argument[match.end() :]
        try:
            mailbox: Mailbox | None = _made(match[1], match[2], SENDER_LOCAL_PART if sender else LOCAL_PART)
        except ValueError as error:
            raise _bad_path(str(error), sender) from error
        path = match[0]
        if not path.isascii() and MISLEADING.search(path):
            raise _bad_path("it holds characters that no name may hold", sender)
        if not utf8 and not path.isascii():
            raise RemoteProtocolError("an address beyond ASCII without SMTPUTF8", code=553, enhanced=NOT_ASCII, clause="RFC 6531 3.4")
    elif sender and argument.startswith("<>"):
        mailbox, rest = None, argument[2:]
    elif not sender and (match := POSTMASTER.match(argument)):
        mailbox, rest = Mailbox(match[1], ""), argument[match.end() :]
    else:
        raise _bad_path("expected a path like <ann@home.test>", sender)
    if rest and rest[0] != " ":
        raise _bad_path("nothing but a space may follow the path", sender)
    return mailbox, rest.strip(" ")


def read_literal(text: str) -> str:
    """The address literal ``text``, brackets included, in its one canonical form. Raises `ValueError`."""
    inner = text[1:-1]
    if inner[:5].lower() == "ipv6:":
        return f"[IPv6:{IPv6Address(inner[5:])}]"
    if IPV4.fullmatch(inner) is None:
        raise ValueError(f"{inner} is no IPv4 address")
    return text


def _made(local: str, domain: str, longest: int) -> Mailbox:
    """The mailbox of these two parts as they were written. Raises `ValueError`."""
    if local[0] == '"':
        local = QUOTED_PAIR.sub(r"\1", local[1:-1])
    if domain[0] == "[":
        domain = read_literal(domain)
    elif not domain.isascii():
        domain = domain.lower()
        _a_labels(domain)
    else:
        domain = domain.lower()
    if len(local) > longest or (not local.isascii() and len(local.encode()) > longest):
        raise ValueError(f"more than {longest} octets before the @ (RFC 5321 4.5.3.1.1)")
    if len(domain) > DOMAIN_SIZE:
        raise ValueError(f"more than {DOMAIN_SIZE} octets behind the @ (RFC 5321 4.5.3.1.2)")
    return Mailbox(local, domain)


def _a_labels(domain: str) -> str:
    """``domain`` in A-labels. Raises `ValueError` where one of its labels is no U-label."""
    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except idna.IDNAError as error:
        raise ValueError(f"{domain!r} is no domain name: {error}") from error


def _bad_path(why: str, sender: bool) -> RemoteProtocolError:
    return RemoteProtocolError(
        f"no address that could be read: {why}", code=501, enhanced=BAD_SENDER if sender else BAD_RECIPIENT, clause="RFC 5321 4.1.2"
    )
