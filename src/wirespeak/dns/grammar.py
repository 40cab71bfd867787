"""The text of the DNS: the master format of RFC 1035 5.1, which zone files are written in and records are shown in.

    name [ttl] [class] type data ; comment

Words are separated by blanks; one in quotes may hold blanks; a pair of parentheses holds an entry together over several
lines. ``\\DDD`` stands for the octet of that decimal number, ``\\X`` for X itself. Escapes stay in a `Token` as they are
written: what they mean depends on what the word is, a name or a string.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from wirespeak.errors import TextError

__all__ = ["MAX_STRING", "MAX_TTL", "Token", "Tokens", "holds_quotes", "octets", "quoted", "seconds", "shown_ttl", "ttl"]

# RFC 1035 3.3: a character-string has one octet of length.
MAX_STRING: Final = 255
# RFC 2181 8: 31 bits. A larger one is a mistake in a file; on the wire it counts as zero.
MAX_TTL: Final = (1 << 31) - 1

# One piece of an entry. An unquoted word may hold a quote behind its start (key="value" of SVCB, RFC 9460 2.1).
PIECE: Final = re.compile(
    r"""
      (?P<blank> [ \t\r]++ )
    | (?P<comment> ;[^\n]*+ )
    | (?P<end> \n )
    | (?P<bracket> [()] )
    | " (?P<quoted> (?: [^"\\\n] | \\[^\n] )*+ ) "
    | (?P<word> (?: [^\s;"()\\] | \\[^\n] ) (?: [^\s;"()\\] | \\[^\n] | (?<==) "(?: [^"\\\n] | \\[^\n] )*+" )*+ )
    """,
    re.VERBOSE,
)

# BIND's units, which all servers take: 1h30m is 5400 seconds.
TTL_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
TTL_PART: Final = re.compile(r"([0-9]+)([smhdw])")
TTL: Final = re.compile(r"(?:[0-9]{1,10}[smhdw]){1,8}+")

ESCAPE: Final = re.compile(r"\\([0-9]{3}|[^0-9]|\Z|[0-9])", re.DOTALL)

_QUOTED = {ord(sign): f"\\{sign}" for sign in '"\\'} | {code: f"\\{code:03}" for code in (*range(32), *range(127, 256))}


@dataclass(slots=True)
class Token:
    """A word of an entry, its escapes as they are written; where it stands, both counted from 1."""

    text: str
    quoted: bool = False
    line: int = 1
    column: int = 1


class Tokens:
    """The words of one entry, taken one after the other. A fault that is raised here tells where it is."""

    __slots__ = ("_at", "words")

    def __init__(self, words: list[Token]) -> None:
        self.words = words
        self._at = 0

    @classmethod
    def of(cls, text: str) -> Tokens:
        """The words of ``text``, a single entry. Raises `TextError`."""
        words: list[Token] = []
        depth, line, begins, at = 0, 1, 0, 0
        while at < len(text):
            match = PIECE.match(text, at)
            if match is None:
                raise TextError("a quote, or a backslash, that nothing follows", line=line, column=at - begins + 1)
            kind = match.lastgroup
            if kind == "word" or kind == "quoted":
                words.append(Token(match[kind], kind == "quoted", line, at - begins + 1))
            elif kind == "bracket":
                depth += 1 if match[0] == "(" else -1
                if depth < 0:
                    raise TextError("a closing parenthesis that none has opened", line=line, column=at - begins + 1)
            elif kind == "end":
                line += 1
                begins = match.end()
                if not depth and words and text[begins:].strip():
                    raise TextError("more than one line, and no parentheses around them", line=line, column=1)
            at = match.end()
        if depth:
            raise TextError("a parenthesis that is not closed", line=line, column=at - begins + 1)
        return cls(words)

    def __bool__(self) -> bool:
        """Whether there are more."""
        return self._at < len(self.words)

    def __len__(self) -> int:
        """How many are left."""
        return len(self.words) - self._at

    def peek(self) -> Token | None:
        """The next word, which stays; None at the end."""
        return self.words[self._at] if self._at < len(self.words) else None

    def take(self, what: str) -> Token:
        """The next word, which is to be ``what``. Raises `TextError` where none is left."""
        if self._at == len(self.words):
            last = self.words[-1] if self.words else Token("")
            raise TextError(f"{what} is missing", line=last.line, column=last.column + len(last.text) + 2 * last.quoted)
        self._at += 1
        return self.words[self._at - 1]

    def plain(self, what: str) -> str:
        """The text of the next word, which is to be ``what`` and not in quotes. Raises `TextError`."""
        if self._at == len(self.words):
            self.take(what)
        word = self.words[self._at]
        self._at += 1
        text = word.text
        if word.quoted or ('"' in text and holds_quotes(text)):
            raise TextError(f"{what} stands in quotes, where none belong")
        return text

    def locate(self, error: TextError) -> None:
        """Tell ``error`` where it is, unless it knows: at the word that was taken last."""
        if not error.line and self._at:
            word = self.words[self._at - 1]
            error.line, error.column = word.line, word.column

    def end(self) -> None:
        """Raises `TextError` where words are left."""
        if self._at < len(self.words):
            word = self.words[self._at]
            raise TextError(f"{word.text[:40]!r} follows where the record should end", line=word.line, column=word.column)


def holds_quotes(text: str) -> bool:
    """Whether quotes begin within a word that is not quoted as a whole: ``key="value"``."""
    return '"' in ESCAPE.sub("", text)


def octets(text: str) -> bytes:
    """What a word stands for, its escapes resolved; letters beyond ASCII are UTF-8. Raises `TextError`."""
    if "\\" not in text:
        return text.encode("utf-8")
    pieces: list[bytes] = []
    at = 0
    for match in ESCAPE.finditer(text):
        pieces.append(text[at : match.start()].encode("utf-8"))
        pieces.append(_octet(match[1]))
        at = match.end()
    pieces.append(text[at:].encode("utf-8"))
    return b"".join(pieces)


def _octet(escape: str) -> bytes:
    if len(escape) == 3:
        if int(escape) > 255:
            raise TextError(f"\\{escape} is no octet: 000 to 255 (RFC 1035 5.1)")
        return bytes([int(escape)])
    if not escape or escape.isdigit():
        raise TextError("a backslash with nothing behind it, or with fewer than three digits (RFC 1035 5.1)")
    return escape.encode("utf-8")


def quoted(data: bytes) -> str:
    """A character-string as text: in quotes, what is not printable ASCII as ``\\DDD``."""
    return f'"{data.decode("latin-1").translate(_QUOTED)}"'


def ttl(text: str) -> int:
    """A time to live in seconds, from a number or from BIND's units (``1h30m``). Raises `TextError`."""
    if (time := seconds(text)) > MAX_TTL:
        raise TextError(f"a time to live of {time} seconds; at most {MAX_TTL} (RFC 2181 8)")
    return time


def seconds(text: str) -> int:
    """Seconds of any number, from a number or from BIND's units. Raises `TextError`."""
    if text.isdecimal() and text.isascii() and len(text) <= 10:
        return int(text)
    lower = text.lower()
    if TTL.fullmatch(lower) is None:
        raise TextError(f"{text[:40]!r} is no time: seconds, or such as 1h30m")
    return sum(int(count) * TTL_UNITS[unit] for count, unit in TTL_PART.findall(lower))


def shown_ttl(time: int) -> str:
    """Seconds for people: ``1h30m``."""
    parts = []
    for unit, size in (("w", 604800), ("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, time = divmod(time, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
