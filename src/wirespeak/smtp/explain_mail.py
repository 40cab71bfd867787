"""A mail's own bytes, named: header fields, text, the dots that were put in front, and the end; and what all explaining here shares.

Behind DATA the parser's own reader (`data.DotReader`) finds where the mail ends, and between its lines stand dots that are no
part of it (RFC 5321 4.5.2); behind BDAT its length is told, and dots are dots (RFC 3030 2). Pure: touches nothing outside.
"""

from __future__ import annotations

import re
from typing import Final

from wirespeak.explanation import Walk
from wirespeak.smtp.data import DotReader
from wirespeak.smtp.meanings import field_meaning

__all__ = ["SECRET", "Saying", "explain_chunk", "explain_text"]

SECRET: Final = "(not shown)"
"""The value of a part that must not be shown."""

# RFC 5322 2.2   field = field-name ":" field-body, and lines that begin with white space belong to the field before (2.2.3)
FIELD: Final = re.compile(rb"([!-9;-~]+)(:[ \t]*)(.*)", re.DOTALL)
FOLD: Final = re.compile(rb"\r\n(?=[ \t])")
BARE: Final = re.compile(rb"\r(?!\n)|(?<!\r)\n")
# What stands between lines that matter to the explanation: a dot put in front, or a CR or LF that stands alone.
INTERRUPTIONS: Final = re.compile(rb"(?:(?<=\r\n)|\A)\.|\r(?!\n)|(?<!\r)\n")

CRLF: Final = ("CRLF", "ends a line: carriage return, line feed, and nothing else does", "RFC 5321 2.3.8")
COLON: Final = ("colon", "ends the field's name", "RFC 5322 2.2")
DOT: Final = ("stuffed dot", "put in front of a line that begins with a dot; taken off again by who receives it", "RFC 5321 4.5.2")


class Saying(Walk):
    """What one side says, in lines and in what stands between them."""

    __slots__ = ()

    def begin(self, group: str) -> None:
        """What follows belongs to ``group``."""
        self.group = group

    def say(self, text: str, name: str, meaning: str = "", clause: str = "", value: str | None = None) -> None:
        """A part of the bytes that ``text`` was read from, whose value is that text unless told otherwise; none of no bytes."""
        if text:
            self.take(self.at + _size(text), name, meaning, clause, text if value is None else value)

    def mark(self, text: str, sign: tuple[str, str, str]) -> None:
        """A delimiter."""
        self.take(self.at + _size(text), *sign, kind="delimiter")

    def malformed(self, text: str, why: str, code: int, clause: str, *, secret: bool = False) -> None:
        """Bytes that break the protocol: as far as the line goes, for the next one is a new chance."""
        answer = f"; a server answers {code}" if code else ""
        self.take(self.at + _size(text), "malformed", f"{why}{answer}", clause, SECRET if secret else "", kind="malformed")

    def line(self, what: str, *, secret: bool = False) -> str | None:
        """The line that begins here, without its CRLF; where that has not come, all that is left is explained, and None given."""
        end = self.data.find(b"\r\n", self.at)
        text = self.data[self.at : len(self.data) if end < 0 else end].decode("utf-8", "surrogateescape")
        if end >= 0:
            return text
        self.begun(text, f"a {what}", secret=secret)
        return None

    def begun(self, text: str, what: str, *, secret: bool = False) -> None:
        """Explain the beginning of a line that goes on."""
        self.say(text.removesuffix("\r"), "line", f"the beginning of {what}", "RFC 5321 2.3.8", SECRET if secret else None)
        self.rest("missing", "missing", "still to come: the CRLF that ends the line", "RFC 5321 2.3.8")


def explain_text(saying: Saying) -> bool:
    """Explain a mail behind DATA, with the dot that ends it; whether that has come."""
    came = saying.data[saying.at :]
    _, behind = DotReader().read(came)
    if behind is None:
        _mail(saying, len(saying.data) - len(_half_end(came)))
        saying.rest("missing", "missing", "still to come: a line of a single dot, which ends the mail", "RFC 5321 4.1.1.4")
        return False
    end = len(saying.data) - len(behind) - 3
    _mail(saying, end)
    saying.take(end + 3, "end of mail data", "a line of a single dot: the mail is whole", "RFC 5321 4.1.1.4")
    return True


def explain_chunk(saying: Saying, size: int) -> bool:
    """Explain the ``size`` bytes of a chunk; whether all have come."""
    end = saying.at + size
    came = min(end, len(saying.data))
    if came > saying.at:
        saying.take(came, "chunk", f"{came - saying.at:,} bytes of the mail, as they are", "RFC 3030 2")
    if came < end:
        saying.rest("missing", "missing", f"still to come: {end - came:,} bytes of this chunk", "RFC 3030 2")
        return False
    return True


def _half_end(text: bytes) -> bytes:
    """What may be the beginning of the mail's end, or of a line's, at the end of what came of it."""
    match = re.search(rb"(?:(?<=\r\n)|\A)\.\r?\Z|\r\Z", text)
    return match[0] if match else b""


def _mail(saying: Saying, end: int) -> None:
    """Explain a mail that reaches up to ``end``: its header, line by line, as far as it is one, and its body."""
    data = saying.data
    while saying.at < end:
        stop = data.find(b"\r\n", saying.at, end)
        while stop >= 0 and data[stop + 2 : stop + 3] in (b" ", b"\t") and stop + 2 < end:
            stop = data.find(b"\r\n", stop + 2, end)
        line = data[saying.at : end if stop < 0 else stop]
        match = FIELD.fullmatch(line)
        if match is None or line.startswith(b".") or BARE.search(line):
            break
        name = match[1].decode("ascii")
        meaning, clause = field_meaning(name)
        saying.say(name, "field-name", meaning, clause)
        saying.mark(match[2].decode("ascii"), COLON)
        if match[3]:
            saying.take(saying.at + len(match[3]), "field-body", "", clause, FOLD.sub(b"", match[3]).decode("utf-8", "replace"))
        if stop < 0:
            return
        saying.mark("\r\n", CRLF)
    if data.startswith(b"\r\n", saying.at) and saying.at + 2 <= end:
        saying.take(saying.at + 2, "empty line", "ends the header; the body follows", "RFC 5322 2.1")
    _body(saying, end)


def _body(saying: Saying, end: int) -> None:
    """Explain lines of text: in one part as far as nothing stands between them that is no part of the mail, or must not be."""
    begun = saying.at
    text = saying.data[begun:end]
    for match in INTERRUPTIONS.finditer(text):
        at = begun + match.start()
        if at > saying.at:
            saying.take(at, "text", "", "RFC 5321 4.1.1.4")
        if match[0] == b".":
            saying.say(".", *DOT, value="")
        else:
            name = "CR" if match[0] == b"\r" else "LF"
            saying.take(at + 1, "malformed", f"an {name} that stands alone; a server answers 550", "RFC 5321 2.3.8", kind="malformed")
    if end > saying.at:
        saying.take(end, "text", "", "RFC 5321 4.1.1.4")


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogateescape"))
