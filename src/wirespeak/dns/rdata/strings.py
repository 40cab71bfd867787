"""Fields of text: character-strings with a length in front (RFC 1035 3.3), and text that goes to the end of the data."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from wirespeak.dns.grammar import MAX_STRING, Token, Tokens, holds_quotes, octets, quoted
from wirespeak.dns.names import Name
from wirespeak.dns.rdata.kinds import Kind, Piece, fault
from wirespeak.errors import TextError

__all__ = ["CAA_TAG", "OPTIONAL_STRING", "REGEXP", "STRING", "STRINGS", "TEXT", "X121_ADDRESS", "as_octets", "word_octets"]


def string_of(data: bytes) -> bytes:
    """A character-string: the length, and the bytes. Raises `TextError`."""
    if len(data) > MAX_STRING:
        raise TextError(f"a string of {len(data)} bytes; at most {MAX_STRING} (RFC 1035 3.3)")
    return len(data).to_bytes() + data


def word_octets(word: Token) -> bytes:
    """What a word stands for, in quotes or not. Raises `TextError`."""
    text = word.text
    if not word.quoted and '"' in text and holds_quotes(text):
        raise TextError("quotes that begin inside a word: put the whole in quotes")
    return octets(text)


def as_octets(value: bytes | str) -> bytes:
    """What our own caller gives: bytes, or text."""
    return value.encode("utf-8") if isinstance(value, str) else value


class String(Kind):
    """A character-string; of those that have to be like ``pattern``, which is ``named`` in errors."""

    def __init__(self, pattern: re.Pattern[bytes] | None = None, named: str = "") -> None:
        self._pattern = pattern
        self._named = named

    def _right(self, data: bytes) -> bool:
        return self._pattern is None or self._pattern.fullmatch(data) is not None

    def read(self, message: bytes, at: int, end: int) -> tuple[bytes, int]:
        following = self.skip(message, at, end)
        return message[at + 1 : following], following

    def skip(self, message: bytes, at: int, end: int) -> int:
        if at >= end or (following := at + 1 + message[at]) > end:
            raise fault("the data ends inside a string", at, "RFC 1035 3.3")
        if self._pattern is not None and not self._right(message[at + 1 : following]):
            raise fault(f"what is no {self._named}", at)
        return following

    def write(self, value: bytes | str) -> bytes:
        data = as_octets(value)
        if not self._right(data):
            raise TextError(f"{quoted(data[:40])} is no {self._named}")
        return string_of(data)

    def show(self, value: bytes, origin: Name | None) -> str:
        return quoted(value)

    def scan(self, words: Tokens, what: str, origin: Name | None) -> bytes:
        return self.write(word_octets(words.take(what)))

    def pieces(self, message: bytes, at: int, end: int) -> Iterator[Piece]:
        yield Piece(at + 1, "length", str(message[at]), "of the text that follows, in bytes")
        if end > at + 1:
            yield Piece(end, "text", message[at + 1 : end].decode("utf-8", "backslashreplace"))


class Tag(String):
    """A string that is written without quotes."""

    def show(self, value: bytes, origin: Name | None) -> str:
        return value.decode("ascii")

    def scan(self, words: Tokens, what: str, origin: Name | None) -> bytes:
        return self.write(words.plain(what))


class OptionalString(String):
    """A string that may be left out, at the end of the data; None where it is."""

    def read(self, message: bytes, at: int, end: int) -> tuple[bytes | None, int]:  # type: ignore[override]
        return super().read(message, at, end) if at < end else (None, at)

    def skip(self, message: bytes, at: int, end: int) -> int:
        return super().skip(message, at, end) if at < end else at

    def write(self, value: bytes | str | None) -> bytes:
        return b"" if value is None else super().write(value)

    def show(self, value: bytes | None, origin: Name | None) -> str:
        return "" if value is None else quoted(value)

    def scan(self, words: Tokens, what: str, origin: Name | None) -> bytes:
        return super().scan(words, what, origin) if words else b""

    def pieces(self, message: bytes, at: int, end: int) -> Iterator[Piece]:
        return super().pieces(message, at, end) if at < end else iter(())


class Strings(Kind):
    """One or more character-strings, to the end of the data."""

    def read(self, message: bytes, at: int, end: int) -> tuple[tuple[bytes, ...], int]:
        self.skip(message, at, end)
        strings = []
        while at < end:
            following = at + 1 + message[at]
            strings.append(message[at + 1 : following])
            at = following
        return tuple(strings), end

    def skip(self, message: bytes, at: int, end: int) -> int:
        if at == end:
            raise fault("no string, where there should be one or more", at, "RFC 1035 3.3.14")
        last = at
        while at < end:
            last = at
            at += 1 + message[at]
        if at > end:
            raise fault("the data ends inside a string", last, "RFC 1035 3.3")
        return end

    def write(self, value: Sequence[bytes | str] | bytes | str) -> bytes:
        strings = (value,) if isinstance(value, (bytes, str)) else value
        if not strings:
            raise TextError("no string, where there should be one or more (RFC 1035 3.3.14)")
        return b"".join([string_of(as_octets(string)) for string in strings])

    def show(self, value: tuple[bytes, ...], origin: Name | None) -> str:
        return " ".join([quoted(string) for string in value])

    def scan(self, words: Tokens, what: str, origin: Name | None) -> bytes:
        strings = [string_of(word_octets(words.take(what)))]
        while words:
            strings.append(string_of(word_octets(words.take(what))))
        return b"".join(strings)

    def pieces(self, message: bytes, at: int, end: int) -> Iterator[Piece]:
        while at < end:
            following = at + 1 + message[at]
            yield from STRING.pieces(message, at, following)
            at = following


class Text(Kind):
    """Text without a length, to the end of the data."""

    def read(self, message: bytes, at: int, end: int) -> tuple[bytes, int]:
        return message[at:end], end

    def write(self, value: bytes | str) -> bytes:
        return as_octets(value)

    def show(self, value: bytes, origin: Name | None) -> str:
        return quoted(value)

    def scan(self, words: Tokens, what: str, origin: Name | None) -> bytes:
        return word_octets(words.take(what))


STRING: Final = String()
OPTIONAL_STRING: Final = OptionalString()
STRINGS: Final = Strings()
TEXT: Final = Text()

# RFC 8659 4.1: "Tag: a non-zero-length sequence of ASCII letters and numbers".
CAA_TAG: Final = Tag(re.compile(rb"[0-9A-Za-z]+"), "tag of ASCII letters and digits (RFC 8659 4.1)")

# RFC 1183 3.1: four digits or more.
X121_ADDRESS: Final = String(re.compile(rb"[0-9]{4,}"), "X.121 address, which has four digits or more (RFC 1183 3.1)")

# RFC 3402 3.2: delim-char ere delim-char repl delim-char *flags; the delimiter is any character but a digit, a backslash or a flag.
REGEXP: Final = String(
    re.compile(rb"(?:([^0-9i\\])(?:(?!\1)[^\\]|\\.)*+\1(?:(?!\1)[^\\]|\\.)*+\1i?)?", re.DOTALL),
    "substitution expression, such as !^.*$!sip:x@example.com! (RFC 3402 3.2)",
)
