"""Lists of address prefixes (APL, RFC 3123): ``1:192.168.32.0/21 !1:192.168.38.0/28``.

An item is a family (1 for IPv4, 2 for IPv6), the number of bits, a byte whose topmost bit means 'not' and the others the
number of bytes that follow, and those: the address without the zeros at its end.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from wirespeak.dns.grammar import Tokens
from wirespeak.dns.names import Name
from wirespeak.dns.rdata.kinds import Kind, Piece, fault, ipv4_of, ipv4_text, ipv6_of, ipv6_text
from wirespeak.errors import RemoteProtocolError, TextError

__all__ = ["PREFIXES", "Prefix"]

CLAUSE: Final = "RFC 3123 4"
_WORD: Final = re.compile(r"(!?)([0-9]{1,5}):([0-9A-Fa-f:.]+)/([0-9]{1,3})")


class Prefix(NamedTuple):
    """An item: ``address`` is without the zeros at its end."""

    family: int
    bits: int
    negated: bool
    address: bytes


# By family: the bytes of an address, from text and to it.
FAMILIES: Final[dict[int, tuple[int, Callable[[str], bytes], Callable[[bytes], str]]]] = {
    1: (4, ipv4_of, ipv4_text),
    2: (16, ipv6_of, ipv6_text),
}


class Prefixes(Kind):
    """Any number of prefixes, to the end of the data."""

    def read(self, message: bytes, at: int, end: int) -> tuple[tuple[Prefix, ...], int]:
        prefixes = []
        while at < end:
            following = at + 4 + (message[at + 3] & 0x7F) if end - at >= 4 else end + 1
            if following > end:
                raise fault("the data ends inside a prefix", at, CLAUSE)
            family, bits = int.from_bytes(message[at : at + 2]), message[at + 2]
            address = message[at + 4 : following]
            if address.endswith(b"\0"):
                raise fault("an address that ends in zeros", following - 1, CLAUSE)
            if family in FAMILIES:
                size = FAMILIES[family][0]
                if len(address) > size or bits > size * 8:
                    raise fault(f"a prefix longer than the {size * 8} bits of its family", at + 2, CLAUSE)
            prefixes.append(Prefix(family, bits, message[at + 3] >= 0x80, address))
            at = following
        return tuple(prefixes), end

    def write(self, value: Sequence[Prefix]) -> bytes:
        wire = b"".join(
            [
                family.to_bytes(2) + bytes((bits, negated << 7 | len(address))) + address
                for family, bits, negated, address in value
            ]
        )  # fmt: skip
        try:
            self.skip(wire, 0, len(wire))
        except RemoteProtocolError as error:
            raise TextError(f"{error.args[0]} ({error.clause})") from None
        return wire

    def show(self, value: Sequence[Prefix], origin: Name | None) -> str:
        return " ".join(map(_shown, value))

    def scan(self, words: Tokens, what: str, origin: Name | None) -> bytes:
        prefixes = []
        while words:
            text = words.plain(what)
            match = _WORD.fullmatch(text)
            if match is None or int(match[2]) not in FAMILIES:
                raise TextError(f"{text[:40]!r} is no prefix, such as 1:192.0.2.0/24, or !2:2001:db8::/32 (RFC 3123 5)")
            family, bits = int(match[2]), int(match[4])
            size, address, _ = FAMILIES[family]
            if bits > size * 8:
                raise TextError(f"{text!r}: an address of that family has {size * 8} bits")
            prefixes.append(Prefix(family, bits, bool(match[1]), address(match[3]).rstrip(b"\0")))
        return self.write(prefixes)

    def pieces(self, message: bytes, at: int, end: int) -> Iterator[Piece]:
        while at < end:
            family, negated, size = int.from_bytes(message[at : at + 2]), message[at + 3] >= 0x80, message[at + 3] & 0x7F
            yield Piece(at + 2, "address family", str(family), {1: "IPv4", 2: "IPv6"}.get(family, "unknown here"))
            yield Piece(at + 3, "prefix", str(message[at + 2]), "bits of the address that count")
            yield Piece(
                at + 4, "N and AFDLENGTH", str(size), f"bytes of address follow; {'all but those' if negated else 'those'} are meant"
            )
            at += 4 + size
            if size:
                yield Piece(at, "address", message[at - size : at].hex(), "without the zeros at its end")


def _shown(prefix: Prefix) -> str:
    family, bits, negated, address = prefix
    if family not in FAMILIES:
        raise fault(f"a prefix of the unknown family {family} has no text", 0, CLAUSE)
    size, _, text = FAMILIES[family]
    whole = text(address + bytes(size - len(address)))
    return f"{'!' if negated else ''}{family}:{whole}/{bits}"


PREFIXES: Final = Prefixes()
