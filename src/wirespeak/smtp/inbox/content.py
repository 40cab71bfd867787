"""What is in a mail, for people: its headers decoded, its text, its attachments (RFC 5322, 2045 to 2047, 2183, 2231).

A caught mail may be anything: nothing here raises for what stands in it. What cannot be read as it should be is given as far as
it can be. The names of attachments are made safe to be used as file names; all else is as the mail has it, so that who shows
it at a terminal or in a page takes out or escapes what could do harm there.

Pure: touches nothing outside.
"""

from __future__ import annotations

import codecs
import email
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from email.header import decode_header
from email.message import Message
from email.policy import compat32
from html import unescape
from typing import Final

__all__ = ["Attachment", "Content", "decoded", "read_content", "safe_name"]

STUMBLES: Final = (RecursionError, ValueError, LookupError, TypeError, AttributeError, AssertionError)
"""What the standard library raises for mails that are made to trip it."""

# Parts within parts: what people send has three or four levels.
DEEPEST: Final = 50
# Parts of a mail that are looked at; real ones have some dozens at most.
MOST_PARTS: Final = 1000
# Characters of a header's value that are decoded: the library takes seconds for more that are all encoded words.
LONGEST_HEADER: Final = 20_000
# Bytes of a file name: most systems take 255, and a number may have to go in front of the extension.
LONGEST_NAME: Final = 200

NO_CHARSETS: Final = frozenset({"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"})
"""What Python can decode beside character sets; some of it takes time in the square of the length."""

# RFC 2047 2; the white space between two encoded words is no part of the text (6.2).
ENCODED_WORDS: Final = re.compile(r"=\?[^?\s]+\?[BbQq]\?[^?\s]*\?=(?:\s+=\?[^?\s]+\?[BbQq]\?[^?\s]*\?=)*")
FOLD: Final = re.compile(r"[\r\n]+[ \t]*")
SPACES: Final = re.compile(r"\s+")


@dataclass(slots=True)
class Attachment:
    """A part of a mail that is a file: its name, safe to be used as one; its media type; what is in it."""

    name: str
    type: str
    data: bytes


@dataclass(slots=True)
class Content:
    """A mail, read. ``text`` is its plain text; where it has none, what is left of its HTML without the markup."""

    headers: list[tuple[str, str]]
    text: str
    html: str
    attachments: list[Attachment]

    def header(self, name: str) -> str:
        """The first header ``name``, decoded; "" where there is none."""
        wanted = name.lower()
        return next((value for name, value in self.headers if name.lower() == wanted), "")


def read_content(data: bytes) -> Content:
    """The mail whose bytes are ``data``, or as much of it as they are."""
    try:
        message: Message = email.message_from_bytes(data, policy=compat32)
    except STUMBLES:
        # Parts nested past all measure, and what else the library stumbles over: the headers can be read in any case.
        head = data.replace(b"\r\n", b"\n").partition(b"\n\n")[0]
        message = email.message_from_bytes(head + b"\n\n", policy=compat32)
    headers = [(name, decoded(value)) for name, value in message.raw_items()]
    text: str | None = None
    html: str | None = None
    attachments: list[Attachment] = []
    taken: set[str] = set()
    for part in _parts(message):
        kind = part.get_content_type()
        if kind == "text/plain" and text is None and not _is_file(part):
            text = _text_of(part)
        elif kind == "text/html" and html is None and not _is_file(part):
            html = _text_of(part)
        else:
            attachments.append(_attachment(part, kind, taken))
    if text is None:
        text = _without_markup(html or "")
    return Content(headers, text, html or "", attachments)


def decoded(value: object) -> str:
    """A header's value as text on one line: unfolded (RFC 5322 2.2.3), its encoded words decoded (RFC 2047)."""
    raw = FOLD.sub(" ", str(value)[:LONGEST_HEADER]).encode("utf-8", "surrogateescape")
    try:
        text = raw.decode("utf-8")  # RFC 6532 3.1
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    return ENCODED_WORDS.sub(lambda match: _decoded_words(match[0]), text).strip()


def _decoded_words(words: str) -> str:
    try:
        pieces = decode_header(words)
    except STUMBLES:
        return words
    text = "".join(piece if isinstance(piece, str) else _in_charset(piece, charset or "ascii") for piece, charset in pieces)
    return FOLD.sub(" ", text)


def _in_charset(data: bytes, charset: str) -> str:
    """``data`` as text; where the character set is unknown, or isn't kept to, what can be read of it."""
    name = charset.partition("*")[0]  # RFC 2231 5: a language may stand behind it
    try:
        if codecs.lookup(name).name in NO_CHARSETS:
            name = "utf-8"
        text = data.decode(name, "replace")
    except STUMBLES:
        text = data.decode("utf-8", "replace")
    return text.encode("utf-8", "replace").decode("utf-8")  # halves of characters, as UTF-7 can make them, are none


# --- parts


def _parts(message: Message) -> Iterator[Message]:
    """The parts that hold something, in order. A mail inside this one is one part."""
    waiting = [(message, 0)]
    for _ in range(MOST_PARTS):
        if not waiting:
            return
        part, depth = waiting.pop()
        if part.is_multipart() and part.get_content_maintype() == "multipart" and depth < DEEPEST:
            waiting += [(inner, depth + 1) for inner in reversed(_inner(part))]
        else:
            yield part


def _is_file(part: Message) -> bool:
    """Whether a part is to be kept as a file rather than shown (RFC 2183 2)."""
    return part.get_content_disposition() == "attachment" or bool(_name_of(part))


def _inner(part: Message) -> list[Message]:
    """The parts, or the one mail, inside a part that has some."""
    return [inner for inner in part.get_payload() if isinstance(inner, Message)]


def _name_of(part: Message) -> str:
    try:
        return decoded(part.get_filename() or "")
    except STUMBLES:
        return ""


def _bytes_of(part: Message) -> bytes:
    try:
        if part.is_multipart():  # a mail, or parts nested too deep to be told apart
            return b"".join(inner.as_bytes() for inner in _inner(part))
        found = part.get_payload(decode=True)
        return found if isinstance(found, bytes) else b""
    except STUMBLES:
        return b""


def _text_of(part: Message) -> str:
    try:
        charset = part.get_content_charset() or "utf-8"
    except STUMBLES:
        charset = "utf-8"
    return _in_charset(_bytes_of(part), charset).replace("\r\n", "\n")


def _attachment(part: Message, kind: str, taken: set[str]) -> Attachment:
    name = safe_name(_name_of(part))
    if not name:
        end = ".eml" if kind == "message/rfc822" else ".txt" if kind == "text/plain" else ".html" if kind == "text/html" else ".bin"
        name = f"part{len(taken) + 1}{end}"
    stem, dot, end = name.rpartition(".")
    for number in range(2, MOST_PARTS + 2):
        if name.casefold() not in taken:
            break
        name = f"{stem}-{number}{dot}{end}" if dot else f"{end}-{number}"
    taken.add(name.casefold())
    return Attachment(name, kind, _bytes_of(part))


def safe_name(name: str) -> str:
    """``name`` as the name of a file in a folder of ours: its last part alone, neither hidden nor an option, all of it printable.

    "" where nothing is left.
    """
    name = name.replace("\\", "/").rpartition("/")[2]
    name = unicodedata.normalize("NFC", "".join(char for char in name if char.isprintable() and char not in '<>:"|?*'))
    name = name.strip().lstrip(" .-")
    while len(name.encode("utf-8", "replace")) > LONGEST_NAME:
        stem, dot, end = name.rpartition(".")
        name = f"{stem[:-1]}.{end}" if dot and stem and len(end) < 20 else name[:-1]
    return name.rstrip()


# --- HTML

MARKUP: Final = re.compile(r"(<!--|-->|<[^<>]*>)")
TAG: Final = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]*)")
SILENT: Final = frozenset({"script", "style", "head", "title", "template"})
"""Elements whose content isn't shown."""
LINES: Final = frozenset({"p", "div", "br", "tr", "li", "h1", "h2", "h3", "h4", "h5", "h6", "table", "ul", "ol", "blockquote", "hr"})
"""Elements that stand on lines of their own."""


def _without_markup(html: str) -> str:
    """The text of a page: good enough to be read and searched, and done in one pass whatever stands in it."""
    pieces: list[str] = []
    silent = comment = False
    for token in MARKUP.split(html):
        if token in ("<!--", "-->"):
            comment = token == "<!--"
        elif tag := TAG.match(token):
            name = tag[2].lower()
            if name in SILENT:
                silent = not tag[1]
            elif name in LINES:
                pieces.append("\n")
        elif not silent and not comment and not token.startswith("<!"):
            pieces.append(SPACES.sub(" ", unescape(token)))
    text = re.sub(r" *\n[\n ]*", "\n", "".join(pieces)).strip()
    return f"{text}\n" if text else ""
