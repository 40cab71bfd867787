"""What a field of a record's data can be: a number, an address, a name (RFC 1035 3.3, RFC 3597 4, RFC 4034 6.2).

Each kind goes four ways: `read` from the wire and `write` to it, `show` as a zone file has it and `scan` from there.
A row of the table (``table.py``) is a list of fields, each of one of these kinds. Strings stand in ``strings.py``, bytes in
hexadecimal, base64 and the like in ``encodings.py``; what is peculiar to one type has a file of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Final, NamedTuple

from wirespeak.dns.grammar import Tokens, seconds, shown_ttl
from wirespeak.dns.names import Name, expand, read_name, skip_name, wire_of
from wirespeak.dns.registry import type_number, type_text
from wirespeak.errors import RemoteProtocolError, TextError
from wirespeak.explanation import Bits

__all__ = [
    "COMPRESSED", "EXPANDED", "IPV4", "IPV6", "LOWERED", "NAME", "NOTHING", "PERIOD", "TIME", "TYPE", "U8", "U16", "U32",
    "Depends", "DomainName", "Flags", "Kind", "Number", "Piece", "fault", "ipv4_of", "ipv4_text", "ipv6_of", "ipv6_text", "taken",
]  # fmt: skip

EPOCH: Final = datetime(1970, 1, 1)


class Piece(NamedTuple):
    """A part of a field that has several: where it ends, what it is called, what it says, what that means."""

    end: int
    name: str
    value: str = ""
    meaning: str = ""


class Kind:
    """One kind of field. ``size`` is how many bytes each value has, or -1 where that differs."""

    size = -1

    def given(self, before: bytes) -> Kind:
        """The kind of a field that stands behind ``before`` in its data: this one, unless that depends on it."""
        return self

    def read(self, message: bytes, at: int, end: int) -> tuple[Any, int]:
        """The value at ``at`` of ``message``, in data that goes up to ``end``; and where it ends. Raises `RemoteProtocolError`."""
        raise NotImplementedError

    def skip(self, message: bytes, at: int, end: int) -> int:
        """Where the value at ``at`` ends, once it is known to be sound: `read` for who needs no value. Raises the same."""
        return self.read(message, at, end)[1]

    def write(self, value: Any) -> bytes:
        """The value's bytes, uncompressed. Raises `TextError` for one that does not fit."""
        raise NotImplementedError

    def show(self, value: Any, origin: Name | None) -> str:
        """As a zone file has it, "" for what it leaves out; names relative to ``origin`` where one is given."""
        raise NotImplementedError

    def scan(self, words: Tokens, what: str, origin: Name | None) -> bytes:
        """The bytes of the value that the next words give, which is to be ``what``. Raises `TextError`, for the word taken last."""
        raise NotImplementedError

    # --- for the explanation of every byte

    def means(self, value: Any) -> str:
        """What the value stands for, beyond what `show` has of it."""
        return ""

    def bits(self, value: Any) -> tuple[Bits, ...]:
        """The value's bits, where they say several things at once."""
        return ()

    def pieces(self, message: bytes, at: int, end: int) -> Iterator[Piece]:
        """The parts of a sound value from ``at`` to ``end``, where it has more than one."""
        return iter(())


def fault(what: str, at: int, clause: str = "") -> RemoteProtocolError:
    """What data of a wrong form raises."""
    return RemoteProtocolError(what, code=1, offset=at, clause=clause)


def taken(message: bytes, at: int, end: int, size: int, what: str) -> bytes:
    """``size`` bytes from ``at``. Raises `RemoteProtocolError` where the data ends before."""
    if size > end - at:
        raise fault(f"the data ends inside {what}", at)
    return message[at : at + size]


class Depends(Kind):
    """A field whose kind depends on the data before it, which ``choose`` is given: a gateway, after the type of gateway.

    ``lower``: it may be a name that is in lower case in the canonical form.
    """

    def __init__(self, choose: Callable[[bytes], Kind], *, lower: bool = False) -> None:
        self._choose = choose
        self.lower = lower

    def given(self, before: bytes) -> Kind:
        return self._choose(before)


class Nothing(Kind):
    """No bytes and no text: a field that is absent."""

    size = 0

    def read(self, message: bytes, at: int, end: int) -> tuple[None, int]:
        return None, at

    def write(self, value: None) -> bytes:
        return b""

    def show(self, value: None, origin: Name | None) -> str:
        return ""

    def scan(self, words: Tokens, what: str, origin: Name | None) -> bytes:
        return b""


# --- numbers


class Number(Kind):
    """A number of ``size`` bytes, the highest first. ``names`` are what its values are called; a zone file may use those too."""

    def __init__(self, size: int, names: Mapping[int, str] | None = None, *, by_name: bool = False) -> None:
        self.size = size
        self.names = names or {}
        self.by_name = by_name  # whether a zone file is written with the names
        self._numbers = {name.upper(): number for number, name in self.names.items()}
        self._end = 1 << 8 * size

    def read(self, message: bytes, at: int, end: int) -> tuple[int, int]:
        return int.from_bytes(taken(message, at, end, self.size, "a number")), at + self.size

    def write(self, value: int) -> bytes:
        if not 0 <= value < self._end:
            raise TextError(f"{value} is out of range: 0 to {self._end - 1}")
        return value.to_bytes(self.size)

    def show(self, value: int, origin: Name | None) -> str:
        return self.names.get(value, str(value)) if self.by_name else str(value)

    def scan(self, words: Tokens, what: str, origin: Name | None) -> bytes:
        text = words.plain(what)
        if text.isdecimal() and text.isascii() and len(text) <= 20:
            number = int(text)
            if number < self._end:
                return number.to_bytes(self.size)
            raise TextError(f"{what} is {text}, which is out of range: 0 to {self._end - 1}")
        named = self._numbers.get(text.upper())
        if named is None:
            raise TextError(f"{text[:40]!r} is no number, which {what} should be")
        return named.to_bytes(self.size)

    def means(self, value: int) -> str:
        return self.names.get(value, "")


class Flags(Number):
    """A number each of whose bits says something: ``flags`` tells of them by their place, counted from the left."""

    def __init__(self, size: int, flags: Mapping[int, tuple[str, str]]) -> None:
        super().__init__(size)
        self.flags = flags

    def bits(self, value: int) -> tuple[Bits, ...]:
        bits: list[Bits] = []
        at, width = 0, 8 * self.size
        for place in (*sorted(self.flags), width):
            if place > at:
                bits.append(Bits(at, place - at, "unused", str(value >> width - place & (1 << place - at) - 1)))
            if place < width:
                name, meaning = self.flags[place]
                is_set = value >> width - 1 - place & 1
                bits.append(Bits(place, 1, name, str(is_set), meaning if is_set else ""))
            at = place + 1
        return tuple(bits)


class Period(Number):
    """Seconds, written as a number or with BIND's units (``1h30m``)."""

    def scan(self, words: Tokens, what: str, origin: Name | None) -> bytes:
        return self.write(seconds(words.plain(what)))

    def means(self, value: int) -> str:
        return shown_ttl(value)


class Time(Number):
    """A moment, in seconds since 1970 in 32 bits; written as YYYYMMDDHHmmSS, or as those seconds (RFC 4034 3.2)."""

    def show(self, value: int, origin: Name | None) -> str:
        return (EPOCH + timedelta(seconds=value)).strftime("%Y%m%d%H%M%S")

    def scan(self, words: Tokens, what: str, origin: Name | None) -> bytes:
        text = words.plain(what)
        if not (text.isdecimal() and text.isascii() and (len(text) == 14 or len(text) <= 10)):
            raise TextError(f"{text[:40]!r} is no time: YYYYMMDDHHmmSS, or seconds since 1970 (RFC 4034 3.2)")
        return self.write(int(text) if len(text) <= 10 else _moment(text))

    def means(self, value: int) -> str:
        return f"{EPOCH + timedelta(seconds=value)} UTC"


@lru_cache(maxsize=256)  # the signatures of a zone have few different times
def _moment(text: str) -> int:
    """Seconds since 1970, of fourteen digits. Raises `TextError`."""
    try:
        date = datetime(int(text[:4]), int(text[4:6]), int(text[6:8]), int(text[8:10]), int(text[10:12]), int(text[12:]))
    except ValueError as error:
        raise TextError(f"{text} is no time, YYYYMMDDHHmmSS: {error} (RFC 4034 3.2)") from None
    elapsed = date - EPOCH
    moment = elapsed.days * 86400 + elapsed.seconds
    if not 0 <= moment < 1 << 32:
        raise TextError(f"{text} is out of range: the years 1970 to 2106 (RFC 4034 3.1.5)")
    return moment


class TypeNumber(Number):
    """A type of record, by its name."""

    def show(self, value: int, origin: Name | None) -> str:
        return type_text(value)

    def scan(self, words: Tokens, what: str, origin: Name | None) -> bytes:
        return type_number(words.plain(what)).to_bytes(2)


# --- addresses

_OCTETS: Final = {str(number): number for number in range(256)}
# RFC 5952 4.2: two groups of zeros or more are left out, where there are most, the first of as many
_ZEROS: Final = re.compile(r"\b0(?::0)+\b")


def ipv4_of(text: str) -> bytes:
    """The four bytes of an address; no octet has zeros in front, which some would take for an octal. Raises `TextError`."""
    try:
        first, second, third, fourth = text.split(".")
        return bytes((_OCTETS[first], _OCTETS[second], _OCTETS[third], _OCTETS[fourth]))
    except (KeyError, ValueError):
        raise TextError(f"{text[:40]!r} is no IPv4 address, such as 192.0.2.1") from None


def ipv6_of(text: str) -> bytes:
    """The sixteen bytes of an address (RFC 4291 2.2). Raises `TextError`."""
    given = text
    try:
        if "." in text:
            text, _, last = text.rpartition(":")
            octets = ipv4_of(last)
            text = f"{text}:{octets[:2].hex()}:{octets[2:].hex()}"
        head, gap, tail = text.partition("::")
        groups = head.split(":") if head or not gap else []
        if gap:
            behind = tail.split(":") if tail else []
            groups += ["0"] * max(1, 8 - len(groups) - len(behind)) + behind
        wire = bytes.fromhex("".join([group.zfill(4) for group in groups]))
        # Eight groups of four digits: an empty one would pass for zero, and blanks are passed over by `fromhex`.
        if len(groups) == 8 and len(wire) == 16 and "" not in groups and text.split() == [text]:
            return wire
    except ValueError:
        pass
    raise TextError(f"{given[:40]!r} is no IPv6 address, such as 2001:db8::1")


def ipv6_text(octets: bytes) -> str:
    """An address as text (RFC 5952 4); one of those that hold an IPv4 address with that at its end, as inet_ntop has it."""
    if octets[:12] == bytes(12) and octets[12:14] != b"\0\0":
        return f"::{ipv4_text(octets[12:])}"
    if octets[:12] == bytes(10) + b"\xff\xff":
        return f"::ffff:{ipv4_text(octets[12:])}"
    text = ":".join([group.lstrip("0") or "0" for group in octets.hex(":", 2).split(":")])
    zeros = max(_ZEROS.finditer(text), key=lambda match: match.end() - match.start(), default=None)
    if zeros is None:
        return text
    return f"{text[: zeros.start()] or ':'}{text[zeros.end() :] or ':'}"


def ipv4_text(octets: bytes) -> str:
    """An address as text."""
    return ".".join(map(str, octets))


class Address4(Kind):
    """An IPv4 address."""

    size = 4

    def read(self, message: bytes, at: int, end: int) -> tuple[IPv4Address, int]:
        return IPv4Address(taken(message, at, end, 4, "an IPv4 address")), at + 4

    def write(self, value: IPv4Address | str) -> bytes:
        return ipv4_of(value) if isinstance(value, str) else value.packed

    def show(self, value: IPv4Address, origin: Name | None) -> str:
        return str(value)

    def scan(self, words: Tokens, what: str, origin: Name | None) -> bytes:
        return ipv4_of(words.plain(what))


class Address6(Kind):
    """An IPv6 address."""

    size = 16

    def read(self, message: bytes, at: int, end: int) -> tuple[IPv6Address, int]:
        return IPv6Address(taken(message, at, end, 16, "an IPv6 address")), at + 16

    def write(self, value: IPv6Address | str) -> bytes:
        return ipv6_of(value) if isinstance(value, str) else value.packed

    def show(self, value: IPv6Address, origin: Name | None) -> str:
        return ipv6_text(value.packed)

    def scan(self, words: Tokens, what: str, origin: Name | None) -> bytes:
        return ipv6_of(words.plain(what))


# --- names


class DomainName(Kind):
    """A domain name. RFC 3597 4 and RFC 4034 6.2 list the types that are treated differently, for those came first:

    ``compress``: others may get it compressed, so it may be sent so; ``expand``: it may come compressed; ``lower``: in the
    canonical form it is in lower case (RFC 6840 5.1 has taken NSEC off that list).
    """

    def __init__(self, *, compress: bool = False, expand: bool = False, lower: bool = False) -> None:
        self.compress = compress
        self.expand = expand
        self.lower = lower

    def read(self, message: bytes, at: int, end: int) -> tuple[Name, int]:
        name, following = read_name(message, at)
        if following > end:
            raise fault("the data ends inside a name", at)
        if not self.expand:
            self.skip(message, at, end)
        return name, following

    def skip(self, message: bytes, at: int, end: int) -> int:
        following = expand(message, at)[1] if self.expand else skip_name(message, at)
        if following > end:
            raise fault("the data ends inside a name", at)
        return following

    def write(self, value: Name | str) -> bytes:
        return wire_of(value) if isinstance(value, str) else value.wire

    def show(self, value: Name, origin: Name | None) -> str:
        return str(value) if origin is None else value.relative_to(origin)

    def scan(self, words: Tokens, what: str, origin: Name | None) -> bytes:
        return wire_of(words.plain(what), origin)


NOTHING: Final = Nothing()
U8: Final = Number(1)
U16: Final = Number(2)
U32: Final = Number(4)
PERIOD: Final = Period(4)
TIME: Final = Time(4)
TYPE: Final = TypeNumber(2)
IPV4: Final = Address4()
IPV6: Final = Address6()
COMPRESSED: Final = DomainName(compress=True, expand=True, lower=True)  # the types of RFC 1035
EXPANDED: Final = DomainName(expand=True, lower=True)  # those of the list in RFC 3597 4
LOWERED: Final = DomainName(lower=True)  # the others of that in RFC 4034 6.2
NAME: Final = DomainName()  # all that came later
