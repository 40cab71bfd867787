"""Addresses: a host and a port, or the path of a Unix socket; read from text, and printed back.

    example.com:80      a name and a port
    127.0.0.1:80        an IPv4 address
    [::1]:80            an IPv6 address, in brackets (RFC 5952 6)
    [fe80::1%eth0]:80   one that means something on one link only, with the link's name (RFC 4007 11)
    *:80                every address of this machine, of both families
    :80, 80             this machine alone: localhost
    unix:/run/web       a socket in the file system; unix:./web from the current folder on
    unix:@web           one without a file (Linux's abstract sockets)

A text that could be read in two ways is refused, and so is whatever else `getaddrinfo` would guess at: ``127.1``,
``0x7f.1``, ``010.0.0.1``, ``+80``. Names follow RFC 952 and RFC 1123 2.1; typed in other letters than ASCII they
become A-labels (RFC 3490). Nothing is looked up here and nothing outside is touched; `socket` is imported for its
constants and for turning addresses into bytes and back.
"""

from __future__ import annotations

import os
import re
import socket
import sys
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Final, TypeAlias

from wirespeak.errors import AddressError
from wirespeak.sockets.kinds import kind

__all__ = ["EVERYWHERE", "LOCALHOST", "Address", "SocketAddress", "is_public", "parse_host", "parse_port"]

SocketAddress: TypeAlias = tuple[str, int] | tuple[str, int, int, int] | str | bytes
"""What Python's `socket` calls an address: a tuple for IPv4 and IPv6, a string or bytes for a Unix socket."""

EVERYWHERE: Final = "*"
"""The host that means every address of this machine, IPv4 and IPv6. One can listen there, but not connect to it."""

LOCALHOST: Final = "localhost"
"""The host where only a port is given: this machine, and no other, can come in (RFC 6761 6.3)."""

NAME_LIMIT: Final = 253
"""The longest host name: 255 octets on the wire (RFC 1035 2.3.4), less the first length and the root's (RFC 1123 2.1)."""

UNIX_LIMIT: Final = 107 if sys.platform == "linux" else 103
"""The longest path of a Unix socket, in bytes: sun_path (unix(7)) has one more, for the NUL."""

# RFC 3986 3.2.2, dec-octet: no leading zero, which other readers take for octal.
_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}")
# The letters of an IPv6 address (RFC 4291 2.2); what they say is left to inet_pton.
_IPV6 = re.compile("[0-9A-Fa-f:.]{2,45}")
# RFC 4007 11.2 leaves the form of a zone id to the system: this is what Linux allows in the name of an interface, and
# what stays readable between brackets.
_ZONE = re.compile(r"[^\s/:%\[\]\x00-\x1f\x7f]{1,15}")
# RFC 952, RFC 1123 2.1: letters, digits and hyphens, the hyphen neither first nor last. The underscore belongs to no
# host name, but names with it are in use (in containers, say), and the DNS carries them (RFC 2181 11).
_LABEL = "(?!-)[a-z0-9_-]{1,63}(?<!-)"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
# A name ends in a label that is no number (RFC 1123 2.1, RFC 3696 2). With one, it is an IPv4 address to some readers
# and no name to others (inet_aton's 127.1, 0x7f000001): refused.
_NUMBER_AT_END = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)\.?")
_PORT = re.compile("[0-9]{1,5}")
# RFC 3490 (IDNA 2003, Python's own) and RFC 5891 (IDNA 2008, the browsers') make different names of these four.
_TWO_READINGS = re.compile("[\u00df\u03c2\u200c\u200d]")


@dataclass(slots=True, frozen=True)
class Address:
    """Where to listen or to connect: ``host`` and ``port``, or ``path`` alone for a Unix socket.

    ``host`` is a name (as A-labels, in lower case), an IP address in its one canonical form (RFC 5952), or
    `EVERYWHERE`. Port 0 means a free one to a listener. ``path`` begins with ``/``, ``./`` or ``../``, or with ``@``
    for an abstract socket; that of a socket which was never given a name is empty.

    Equal addresses compare equal however they were typed. Raises `AddressError` for what is no host, port or path.
    A path may hold any other character: who shows it to people must escape it.
    """

    host: str = ""
    port: int = 0
    path: str | None = None

    def __post_init__(self) -> None:
        if self.path is not None:
            _check_path(self.path)
            if self.host or self.port:
                raise AddressError(
                    f"an address is a host and port or a Unix path, not both: {self.host}:{self.port} and {_quoted(self.path)}"
                )
            return
        object.__setattr__(self, "host", parse_host(self.host))
        if not 0 <= self.port <= 65535:
            raise AddressError(f"{self.port} is no port: expected 0 to 65535")

    @classmethod
    def parse(cls, text: str, default_port: int | None = None) -> Address:
        """Read an address in one of the forms at the top of this file.

        Without ``default_port`` the port must be written. An IPv6 address without brackets is taken whole, as an
        address without a port. Raises `AddressError`, which says what was expected.
        """
        if text.startswith("unix:"):
            address = cls(path=text.removeprefix("unix:"))
            if not address.path:
                raise AddressError(f"{_quoted(text)} lacks the path of the socket: expected unix:/path or unix:@name")
            # An abstract name has its NUL in front, where the @ is, and needs none behind.
            if len(os.fsencode(address.path)) > UNIX_LIMIT + address.path.startswith("@"):
                raise AddressError(f"{_quoted(text)} is too long for a Unix socket: expected at most {UNIX_LIMIT} bytes (unix(7))")
            return address
        host, port = _split(text)
        if port is not None:
            return cls(host, parse_port(port))
        if default_port is None:
            example = "[::1]:80" if ":" in host else "example.com:80"
            raise AddressError(f"{_quoted(text)} has no port: expected one after the host, as in {example}")
        return cls(host, default_port)

    @classmethod
    def of(cls, name: SocketAddress) -> Address:
        """The address in the form that `socket.socket.getsockname`, `getpeername`, `accept` and `recvfrom` give it."""
        if isinstance(name, tuple):
            return cls(name[0], name[1])
        path = os.fsdecode(name)
        if path.startswith("\0"):
            # As ss(8) shows it. The NUL bytes that an abstract name may have inside are shown so too.
            return cls(path=path.replace("\0", "@"))
        return cls(path=path if not path or path.startswith(_PATH_STARTS) else f"./{path}")

    @property
    def sockaddr(self) -> tuple[str, int] | str:
        """The address in the form that `socket.socket.bind` and `connect` take. A name in it is looked up there, and waited for."""
        if self.path is None:
            return (self.host, self.port)
        return "\0" + self.path[1:] if self.path.startswith("@") else self.path

    @property
    def ip(self) -> IPv4Address | IPv6Address | None:
        """The IP address, or None for a name, for `EVERYWHERE` and for a Unix socket."""
        if ":" in self.host:
            return IPv6Address(self.host)
        return IPv4Address(self.host) if _IPV4.fullmatch(self.host) else None

    @property
    def family(self) -> socket.AddressFamily:
        """The address family; AF_UNSPEC for a name and for `EVERYWHERE`, which may mean either of two."""
        if self.path is not None:
            return socket.AF_UNIX
        if ":" in self.host:
            return socket.AF_INET6
        return socket.AF_INET if _IPV4.fullmatch(self.host) else socket.AF_UNSPEC

    def __str__(self) -> str:
        if self.path is not None:
            return f"unix:{self.path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _split(text: str) -> tuple[str, str | None]:
    """The host, without brackets, and the port, None where there is none."""
    if text.startswith("["):
        host, bracket, after = text[1:].partition("]")
        if not bracket or ":" not in host or after[:1] not in ("", ":"):
            raise AddressError(f"{_quoted(text)} is no address: expected an IPv6 address in brackets, as in [::1]:80")
        return host, after[1:] if after else None
    if text.count(":") > 1:
        return text, None
    host, colon, port = text.partition(":")
    if colon:
        return host or LOCALHOST, port
    return (LOCALHOST, text) if text.isascii() and text.isdigit() else (text, None)


def parse_port(text: str) -> int:
    """A port: one to five ASCII digits, 0 to 65535 (RFC 9293 3.1). Raises `AddressError`."""
    if not _PORT.fullmatch(text) or (port := int(text)) > 65535:
        raise AddressError(f"{_quoted(text)} is no port: expected a number from 0 to 65535")
    return port


def parse_host(text: str) -> str:
    """A host in its canonical form: a name, an IPv4 address, an IPv6 address without brackets, or `EVERYWHERE`.

    A dot at the end of a name (which keeps resolvers from trying the name below others, RFC 1034 3.1) stays. Raises
    `AddressError`.
    """
    if _IPV4.fullmatch(text) or text == EVERYWHERE:
        return text
    if ":" in text:
        return _ipv6(text)
    name = (text if text.isascii() else _a_labels(text)).lower()
    if not _NAME.fullmatch(name) or len(name.removesuffix(".")) > NAME_LIMIT or _NUMBER_AT_END.fullmatch(name):
        raise AddressError(f"{_quoted(text)} is no host: {_fault(name)}")
    if name == "unix":
        raise AddressError("unix is no host: with a port behind it, it would read as the path of a Unix socket")
    return name


def _ipv6(text: str) -> str:
    literal, percent, zone = text.partition("%")
    try:
        if not _IPV6.fullmatch(literal):
            raise ValueError
        packed = socket.inet_pton(socket.AF_INET6, literal)
    except (OSError, ValueError):
        raise AddressError(f"{_quoted(text)} is no IPv6 address (RFC 4291 2.2): expected one like ::1 or 2001:db8::1") from None
    canonical = socket.inet_ntop(socket.AF_INET6, packed)
    if "." in canonical and not canonical.startswith("::ffff:"):
        canonical = str(IPv6Address(packed))  # inet_ntop writes ::1:80 as ::0.1.0.128, a form long given up
    if not percent:
        return canonical
    if not _ZONE.fullmatch(zone):
        raise AddressError(f"{_quoted(text)} has no zone after its %: expected the name of an interface, as in fe80::1%eth0")
    # RFC 4007 6: a zone says on which link; an address that is the same everywhere has none.
    if not (packed[0] == 0xFF or (packed[0] == 0xFE and packed[1] & 0xC0 == 0x80)):
        raise AddressError(f"{_quoted(text)} has a zone, which only link-local and multicast addresses have: leave out %{zone}")
    return f"{canonical}%{zone}"


def _a_labels(text: str) -> str:
    """Turn a name in Unicode into A-labels (RFC 3490 4.1)."""
    if len(text) > NAME_LIMIT:  # it only gets longer; and the conversion takes its time over long ones
        raise AddressError(f"{_quoted(text)} is no host: {_too_long(text)}")
    if found := _TWO_READINGS.search(text):
        raise AddressError(
            f"{_quoted(text)} holds {found[0]!a}, which IDNA 2003 and 2008 read differently: write the A-label (xn--…) that is meant"
        )
    try:
        return text.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise AddressError(f"{_quoted(text)} is no host name in any script (RFC 3490): {error.__cause__ or error}") from None


def _fault(name: str) -> str:
    """Why ``name`` is no host name; only asked once it is known to be none."""
    labels = name.removesuffix(".").split(".")
    if not name:
        return "it is empty; expected a name or an IP address"
    if bad := re.search(r"[^a-z0-9_.-]", name):
        return f"it holds {bad[0]!r}; expected letters, digits, hyphens and dots (RFC 1123 2.1)"
    if _NUMBER_AT_END.fullmatch(name):
        return "it ends in a number but is not four numbers from 0 to 255, without leading zeros and with dots between (RFC 1123 2.1)"
    if not all(labels):
        return "nothing stands between two of its dots (RFC 1034 3.5)"
    if long := [label for label in labels if len(label) > 63]:
        return f"a part of it has {len(long[0])} characters; expected at most 63 between dots (RFC 1034 3.5)"
    if len(name) > NAME_LIMIT:
        return _too_long(name)
    return "a part of it begins or ends with a hyphen (RFC 952)"


def _too_long(name: str) -> str:
    return f"it has {len(name)} characters; expected at most {NAME_LIMIT} (RFC 1123 2.1)"


_PATH_STARTS: Final = ("/", "./", "../", "@")


def _check_path(path: str) -> None:
    if path and not path.startswith(_PATH_STARTS):
        raise AddressError(f"{_quoted(path)} is no path of a Unix socket: expected one that begins with / or ./, or @ for an abstract name")
    if "\0" in path:
        raise AddressError(f"{_quoted(path)} is no path: it holds a NUL character")
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        raise AddressError(f"{_quoted(path)} is no path: it holds a character that no file name can have") from None


def _quoted(text: str) -> str:
    """A text for an error message: escaped, and cut where it is long."""
    return repr(text if len(text) <= 100 else text[:99] + "…")


def is_public(address: Address) -> bool:
    """Whether other machines can come in where this one listens on ``address``.

    Only loopback, localhost (RFC 6761 6.3) and Unix sockets are not public: from a private or link-local address the
    neighbours are heard. A name may stand for any address, so it counts as public; ask again for what it resolves to.
    """
    ip = address.ip
    if isinstance(ip, IPv6Address):
        ip = ip.ipv4_mapped or ip
    if ip is not None:
        return kind(ip).name != "loopback"
    name = address.host.removesuffix(".")
    return address.path is None and name != LOCALHOST and not name.endswith(f".{LOCALHOST}")
