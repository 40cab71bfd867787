"""Sets of numbers, a bit for each: the types at a name (RFC 4034 4.1.2, RFC 2535 5.2), the ports of a host (RFC 1035 3.4.2).

A set of types has a part for each 256 of them in which any is present: its number, the bytes of bits, the bits.

    www  A MX RRSIG NSEC  →  00 06 40 01 00 00 00 03     part 0, six bytes: bits 1, 15, 46, 47
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

from wirespeak.dns.grammar import Tokens
from wirespeak.dns.names import Name
from wirespeak.dns.rdata.kinds import Kind, Piece, fault
from wirespeak.dns.registry import type_number, type_text
from wirespeak.errors import TextError

__all__ = ["NXT_TYPES", "PORTS", "SOME_TYPES", "TYPES"]

WINDOWED: Final = "RFC 4034 4.1.2"

# A few of the names of RFC 1010, which the RFC has the ports of WKS called by; zone files with others give numbers.
SERVICES: Final = {
    "echo": 7, "discard": 9, "daytime": 13, "ftp-data": 20, "ftp": 21, "telnet": 23, "smtp": 25, "time": 37, "whois": 43,
    "nicname": 43, "domain": 53, "tftp": 69, "gopher": 70, "finger": 79, "http": 80, "pop3": 110, "sunrpc": 111, "auth": 113,
    "nntp": 119, "ntp": 123, "imap": 143, "snmp": 161,
}  # fmt: skip


def to_bits(numbers: Iterable[int]) -> bytes:
    """The shortest bytes in which these bits are set, counted from the left."""
    bits = bytearray()
    for number in sorted(numbers):
        octet = number >> 3
        if octet >= len(bits):
            bits.extend(bytes(octet + 1 - len(bits)))
        bits[octet] |= 0x80 >> (number & 7)
    return bytes(bits)


def from_bits(bits: bytes) -> list[int]:
    """The numbers of the bits that are set."""
    return [8 * place + bit for place, octet in enumerate(bits) if octet for bit in range(8) if octet & 0x80 >> bit]


@lru_cache(maxsize=1024)  # a zone has a set at every name, and few different ones
def windowed(types: tuple[int, ...]) -> bytes:
    """A set of types, part by part. Raises `TextError`."""
    windows: dict[int, list[int]] = {}
    for number in types:
        if not 0 <= number <= 0xFFFF:
            raise TextError(f"{number} is no type: 0 to 65535")
        windows.setdefault(number >> 8, []).append(number & 0xFF)
    parts = [(window, to_bits(windows[window])) for window in sorted(windows)]
    return b"".join([bytes((window, len(bits))) + bits for window, bits in parts])


class Types(Kind):
    """A set of types, to the end of the data."""

    def __init__(self, least: int = 0) -> None:
        self._least = least

    def read(self, message: bytes, at: int, end: int) -> tuple[tuple[int, ...], int]:
        self.skip(message, at, end)
        types: list[int] = []
        while at < end:
            window, size = message[at], message[at + 1]
            types.extend([window << 8 | number for number in from_bits(message[at + 2 : at + 2 + size])])
            at += 2 + size
        return tuple(types), end

    def skip(self, message: bytes, at: int, end: int) -> int:
        if end - at < self._least:
            raise fault("no types", at, WINDOWED)
        before = -1
        while at < end:
            if end - at < 3:
                raise fault("the data ends inside a set of types", at, WINDOWED)
            window, size = message[at], message[at + 1]
            following = at + 2 + size
            if window <= before:
                raise fault(f"part {window} of a set of types behind part {before}", at, WINDOWED)
            if not 0 < size <= 32 or following > end:
                raise fault(f"a part of a set of types with {size} bytes", at + 1, WINDOWED)
            if not message[following - 1]:
                raise fault("a part of a set of types that ends in zeros", following - 1, WINDOWED)
            before = window
            at = following
        return end

    def write(self, value: Iterable[int | str]) -> bytes:
        types = [type_number(type) if isinstance(type, str) else type for type in value]
        if len(types) < self._least:
            raise TextError("no types, where there should be one or more")
        return windowed(tuple(types))

    def show(self, value: tuple[int, ...], origin: Name | None) -> str:
        return " ".join([type_text(number) for number in value])

    def scan(self, words: Tokens, what: str, origin: Name | None) -> bytes:
        types = [type_number(words.plain(what))] if self._least else []
        while words:
            types.append(type_number(words.plain(what)))
        return windowed(tuple(types))

    def pieces(self, message: bytes, at: int, end: int) -> Iterator[Piece]:
        while at < end:
            window, size = message[at], message[at + 1]
            yield Piece(at + 1, "window block", str(window), f"types {window << 8} to {window << 8 | 0xFF}")
            yield Piece(at + 2, "bitmap length", str(size), "in bytes")
            at += 2 + size
            types = [window << 8 | number for number in from_bits(message[at - size : at])]
            yield Piece(at, "bitmap", self.show(tuple(types), None), "a bit for each type, set where there is one")


class NxtTypes(Kind):
    """A set of types of the first 128, to the end of the data (RFC 2535 5.2)."""

    def read(self, message: bytes, at: int, end: int) -> tuple[tuple[int, ...], int]:
        bits = message[at:end]
        if bits and (len(bits) > 16 or not bits[-1] or bits[0] & 0x80):
            raise fault("a set of types with more than the first 128, or that ends in zeros", at, "RFC 2535 5.2")
        return tuple(from_bits(bits)), end

    def write(self, value: Iterable[int | str]) -> bytes:
        types = {type_number(type) if isinstance(type, str) else type for type in value}
        if any(not 0 < type < 128 for type in types):
            raise TextError("a type that NXT has no bit for: only 1 to 127 have (RFC 2535 5.2)")
        return to_bits(types)

    def show(self, value: tuple[int, ...], origin: Name | None) -> str:
        return " ".join([type_text(number) for number in value])

    def scan(self, words: Tokens, what: str, origin: Name | None) -> bytes:
        types = []
        while words:
            types.append(type_number(words.plain(what)))
        return self.write(types)


class Ports(Kind):
    """A set of ports, to the end of the data (RFC 1035 3.4.2)."""

    def read(self, message: bytes, at: int, end: int) -> tuple[tuple[int, ...], int]:
        bits = message[at:end]
        if bits and (len(bits) > 8192 or not bits[-1]):
            raise fault("a set of ports with more than there are, or that ends in zeros", at, "RFC 1035 3.4.2")
        return tuple(from_bits(bits)), end

    def write(self, value: Iterable[int]) -> bytes:
        ports = set(value)
        if any(not 0 <= port <= 0xFFFF for port in ports):
            raise TextError("a port that is out of range: 0 to 65535")
        return to_bits(ports)

    def show(self, value: tuple[int, ...], origin: Name | None) -> str:
        return " ".join(map(str, value))

    def scan(self, words: Tokens, what: str, origin: Name | None) -> bytes:
        ports = []
        while words:
            text = words.plain(what)
            if not (text.isdecimal() and text.isascii() and len(text) <= 5) and text.lower() not in SERVICES:
                raise TextError(f"{text[:40]!r} is no port: a number")
            ports.append(SERVICES.get(text.lower()) or int(text))
        return self.write(ports)


TYPES: Final = Types()
SOME_TYPES: Final = Types(least=1)
NXT_TYPES: Final = NxtTypes()
PORTS: Final = Ports()
