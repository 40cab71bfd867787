"""Fields of bytes, as text in hexadecimal, base64 (RFC 4648 4) or base32 with the extended alphabet (RFC 4648 7)."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Final

from wirespeak.dns.grammar import Tokens
from wirespeak.dns.names import Name
from wirespeak.dns.rdata.kinds import U16, Kind, Piece, fault, taken
from wirespeak.errors import TextError

__all__ = [
    "BASE64", "EUI48", "EUI64", "HASH", "HEX", "LOCATOR64", "MEASURED", "NSAP", "OPTIONAL_BASE64", "OPTIONAL_HEX", "SALT", "SHA1_HASH",
    "Base64", "Hex", "Sized", "from_base64", "from_hex", "joined", "split",
]  # fmt: skip

# Characters of a long text that stand together; BIND's tools, which people compare with, break it there too.
CHUNK: Final = 56


def joined(words: Tokens, what: str) -> str:
    """All words that are left, put together: long values may be broken by blanks. Raises `TextError`."""
    pieces = [words.plain(what)]
    while words:
        pieces.append(words.plain(what))
    return "".join(pieces)


def split(text: str) -> str:
    """A long text in words."""
    return text if len(text) <= CHUNK else " ".join([text[at : at + CHUNK] for at in range(0, len(text), CHUNK)])


def from_hex(text: str) -> bytes:
    """Raises `TextError`."""
    try:
        return binascii.unhexlify(text)
    except ValueError:
        raise TextError(f"{text[:40]!r} is no hexadecimal: two of 0-9 and A-F for each byte") from None


def from_base64(text: str) -> bytes:
    """Raises `TextError`, also for what is not as the bytes would be written: bits behind the last byte, too much padding."""
    try:
        data = binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        raise TextError(f"{text[-40:]!r} is no base64 (RFC 4648 4)") from None
    if binascii.b2a_base64(data, newline=False).decode() != text:
        raise TextError(f"{text[-8:]!r} is no end of base64: it has bits, or signs, behind the last byte (RFC 4648 3.5)")
    return data


class Opaque(Kind):
    """Bytes that go to the end of the data, or are ``size`` in number: ``least`` of them, or more."""

    def __init__(self, *, size: int = -1, least: int = 1) -> None:
        self.size = size
        self._least = least

    def read(self, message: bytes, at: int, end: int) -> tuple[bytes, int]:
        following = self.skip(message, at, end)
        return message[at:following], following

    def skip(self, message: bytes, at: int, end: int) -> int:
        if self.size < 0:
            if end - at < self._least:
                raise fault(f"{end - at} bytes, where there should be {self._least} or more", at)
            return end
        if not self._least <= self.size <= end - at:
            raise fault(f"{end - at} bytes, where there should be {max(self.size, self._least)}", at)
        return at + self.size

    def write(self, value: bytes) -> bytes:
        if len(value) < self._least if self.size < 0 else len(value) != self.size:
            expected = f"{self._least} or more" if self.size < 0 else self.size
            raise TextError(f"{len(value)} bytes, where there should be {expected}")
        return value


class Hex(Opaque):
    """In hexadecimal; any number of words."""

    def show(self, value: bytes, origin: Name | None) -> str:
        return split(value.hex().upper())

    def scan(self, words: Tokens, what: str, origin: Name | None) -> bytes:
        return self.write(from_hex(joined(words, what)) if words or self._least else b"")


class Base64(Opaque):
    """In base64; any number of words. ``absent`` is what stands for no bytes at all."""

    def __init__(self, *, size: int = -1, least: int = 1, absent: str = "") -> None:
        super().__init__(size=size, least=least)
        self._absent = absent

    def show(self, value: bytes, origin: Name | None) -> str:
        return split(binascii.b2a_base64(value, newline=False).decode()) if value else self._absent

    def scan(self, words: Tokens, what: str, origin: Name | None) -> bytes:
        if not words and not self._least and not self._absent:
            return b""
        text = joined(words, what)
        return self.write(b"" if text == self._absent else from_base64(text))


class Sized(Kind):
    """Bytes with their length in front, in ``width`` bytes; one word."""

    def __init__(self, width: int = 1, least: int = 0, size: int = -1) -> None:
        self._width = width
        self._least = max(least, size)
        self._most = size if size >= 0 else (1 << 8 * width) - 1

    def read(self, message: bytes, at: int, end: int) -> tuple[bytes, int]:
        size = int.from_bytes(taken(message, at, end, self._width, "a length"))
        if not self._least <= size <= self._most:
            raise fault(f"{size} bytes, where there should be {self._expected}", at)
        return taken(message, at + self._width, end, size, "what is shorter than it says"), at + self._width + size

    def write(self, value: bytes) -> bytes:
        if not self._least <= len(value) <= self._most:
            raise TextError(f"{len(value)} bytes, where there should be {self._expected}")
        return len(value).to_bytes(self._width) + value

    @property
    def _expected(self) -> str:
        return str(self._least) if self._least == self._most else f"{self._least} to {self._most}"

    def show(self, value: bytes, origin: Name | None) -> str:
        return binascii.b2a_base64(value, newline=False).decode() or "-"

    def scan(self, words: Tokens, what: str, origin: Name | None) -> bytes:
        text = words.plain(what)
        return self.write(b"" if text == "-" else from_base64(text))

    def pieces(self, message: bytes, at: int, end: int) -> Iterator[Piece]:
        yield Piece(at + self._width, "length", str(end - at - self._width), "of what follows, in bytes")
        if end > at + self._width:
            yield Piece(end, "bytes", self.show(message[at + self._width : end], None))


class Measured(Sized):
    """The number of bytes, and these in base64; two words, or one where there are none."""

    def show(self, value: bytes, origin: Name | None) -> str:
        return f"{len(value)} {binascii.b2a_base64(value, newline=False).decode()}".rstrip()

    def scan(self, words: Tokens, what: str, origin: Name | None) -> bytes:
        size = int.from_bytes(U16.scan(words, what, origin))
        data = from_base64(words.plain(what)) if size else b""
        if len(data) != size:
            raise TextError(f"{len(data)} bytes, where {size} are announced")
        return self.write(data)


class Salt(Sized):
    """Bytes in hexadecimal; a dash stands for none (RFC 5155 3.3)."""

    def show(self, value: bytes, origin: Name | None) -> str:
        return value.hex().upper() or "-"

    def scan(self, words: Tokens, what: str, origin: Name | None) -> bytes:
        text = words.plain(what)
        return self.write(b"" if text == "-" else from_hex(text))


class Hash(Sized):
    """The hash of a name, in base32 without padding (RFC 5155 3.3)."""

    def show(self, value: bytes, origin: Name | None) -> str:
        return base64.b32hexencode(value).decode().rstrip("=")

    def scan(self, words: Tokens, what: str, origin: Name | None) -> bytes:
        text = words.plain(what)
        try:
            data = base64.b32hexdecode(f"{text}{'=' * (-len(text) % 8)}", casefold=True)
        except ValueError:
            data = b""
        if self.show(data, None) != text.upper():
            raise TextError(f"{text[:40]!r} is no base32 with the extended alphabet, 0-9 and A-V (RFC 4648 7)")
        return self.write(data)


class Grouped(Kind):
    """A fixed number of bytes, in groups of ``group`` hexadecimal digits with ``sign`` in between; zeros may be left out of each."""

    def __init__(self, size: int, group: int, sign: str, *, leading_zeros: bool, clause: str) -> None:
        self.size = size
        self._group = group
        self._sign = sign
        self._leading_zeros = leading_zeros
        self._clause = clause
        self._form = re.compile(rf"[0-9A-Fa-f]{{1,{group}}}(?:{sign}[0-9A-Fa-f]{{1,{group}}}){{{size * 2 // group - 1}}}")

    def read(self, message: bytes, at: int, end: int) -> tuple[bytes, int]:
        return taken(message, at, end, self.size, "an identifier"), at + self.size

    def write(self, value: bytes | str) -> bytes:
        if isinstance(value, str):
            if self._form.fullmatch(value) is None:
                example = self.show(bytes(range(1, self.size + 1)), None)
                raise TextError(f"{value[:40]!r} is not of the form {example} ({self._clause})")
            return bytes.fromhex("".join([group.zfill(self._group) for group in value.split(self._sign)]))
        if len(value) != self.size:
            raise TextError(f"{len(value)} bytes, where there should be {self.size}")
        return value

    def show(self, value: bytes, origin: Name | None) -> str:
        text = value.hex()
        groups = [text[at : at + self._group] for at in range(0, len(text), self._group)]
        return self._sign.join(groups if self._leading_zeros else [group.lstrip("0") or "0" for group in groups])

    def scan(self, words: Tokens, what: str, origin: Name | None) -> bytes:
        return self.write(words.plain(what))


class Nsap(Opaque):
    """An address of OSI: 0x and hexadecimal, with dots wherever they help the eye (RFC 1706 7)."""

    def show(self, value: bytes, origin: Name | None) -> str:
        return f"0x{value.hex()}"

    def scan(self, words: Tokens, what: str, origin: Name | None) -> bytes:
        text = words.plain(what)
        if text[:2].lower() != "0x":
            raise TextError(f"{text[:40]!r} does not begin with 0x (RFC 1706 7)")
        return self.write(from_hex(text[2:].replace(".", "")))


HEX: Final = Hex()
OPTIONAL_HEX: Final = Hex(least=0)
BASE64: Final = Base64()
OPTIONAL_BASE64: Final = Base64(least=0)
SALT: Final = Salt()
HASH: Final = Hash(least=1)
SHA1_HASH: Final = Hash(size=20)
EUI48: Final = Grouped(6, 2, "-", leading_zeros=True, clause="RFC 7043 3.2")
EUI64: Final = Grouped(8, 2, "-", leading_zeros=True, clause="RFC 7043 4.2")
LOCATOR64: Final = Grouped(8, 4, ":", leading_zeros=False, clause="RFC 6742 2.1.2")
MEASURED: Final = Measured(width=2)
NSAP: Final = Nsap()
