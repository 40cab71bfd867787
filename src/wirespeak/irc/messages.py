"""A message of IRC: read from a line, and written as one (RFC 1459 2.3; Modern IRC, Message Format; IRCv3 message-tags).

Text is `str` throughout, UTF-8 on the wire. What is sent is legal in form or is not sent: CR, LF and NUL in any part raise
before a byte is written, and so does a parameter that would be read as two.

Also here: what the server's session tells of beside messages, and long text parted into lines that arrive whole.

Pure: touches nothing outside.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from wirespeak.errors import LocalProtocolError, RemoteProtocolError
from wirespeak.irc.grammar import COMMAND, FORBIDDEN, LINE, NO_MIDDLE, SOURCE, TAG_ESCAPE, TAG_KEY, TAG_UNSAFE

__all__ = [
    "Ended",
    "Malformed",
    "Message",
    "NotUtf8",
    "Source",
    "TooLong",
    "cut",
    "decode",
    "encode_tags",
    "parse_source",
    "parse_tags",
    "split_text",
]

# --- tags

_ESCAPED: Final = str.maketrans({";": "\\:", " ": "\\s", "\\": "\\\\", "\r": "\\r", "\n": "\\n"})
_UNESCAPED: Final = {":": ";", "s": " ", "r": "\r", "n": "\n"}


def parse_tags(text: str) -> dict[str, str]:
    """The tags of a message, unescaped; ``text`` stands between "@" and the space. "" for a tag without a value.

    Of several of one name the last counts (IRCv3 message-tags, Format). What is no tag by its name is passed over: tags only
    ever add to a message.
    """
    tags: dict[str, str] = {}
    for one in text.split(";"):
        key, _, value = one.partition("=")
        if TAG_KEY.fullmatch(key):
            if "\\" in value:
                value = TAG_ESCAPE.sub(lambda match: _UNESCAPED.get(match[1], match[1]), value)
            tags[key] = value
    return tags


def encode_tags(tags: dict[str, str]) -> str:
    """The tags as they stand in front of a message, with the "@" and the space; "" for none.

    Raises `LocalProtocolError` for a name that is none, and for NUL in a value; all else is escaped.
    """
    if not tags:
        return ""
    parts = []
    for key, value in tags.items():
        if not TAG_KEY.fullmatch(key):
            raise LocalProtocolError(f"{key!r} is no name of a tag (IRCv3 message-tags, Format)")
        if "\0" in value:
            raise LocalProtocolError(f"the value of the tag {key} has a NUL in it")
        if TAG_UNSAFE.search(value):
            value = value.translate(_ESCAPED)
        parts.append(f"{key}={value}" if value else key)
    return f"@{';'.join(parts)} "


# --- sources


class Source(NamedTuple):
    """Where a message came from: someone, or a server (then ``nick`` is its name, and the others are empty)."""

    nick: str
    user: str = ""
    host: str = ""


def parse_source(text: str) -> Source:
    """The parts of ``nick!user@host``; those that are missing are empty."""
    found = SOURCE.fullmatch(text)
    return Source(found[1], found[2] or "", found[3] or "") if found else Source(text)


# --- messages

# Commands and numerics whose last parameter is text for people, and how many parameters they have with it. It has its colon even where
# one word would do without: programs that look for " :" instead of reading parameters are many, and as old as IRC.
_TEXT_LAST: Final = {
    **dict.fromkeys(("AWAY", "ERROR", "PING", "PONG", "QUIT", "SETNAME", "WALLOPS"), 1),
    **dict.fromkeys(("KILL", "NOTICE", "PART", "PRIVMSG", "TOPIC"), 2),
    **dict.fromkeys(("CAP", "KICK"), 3),
    "USER": 4,
    **dict.fromkeys(("301", "302", "303", "311", "314", "319", "332", "353", "372", "730", "731", "732"), 2),
}


@dataclass(slots=True)
class Message:
    """One message: a command in upper case, or a numeric's three digits, and what belongs to it.

    ``source`` is "nick!user@host" or a server's name; "" for none: then it came from whoever is at the other end. ``params`` may
    be empty, and so may the last of them. ``tags`` are unescaped.
    """

    command: str
    params: list[str] = field(default_factory=list)
    source: str = ""
    tags: dict[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, line: str) -> Message:
        """Read a line, without its line end.

        Raises `RemoteProtocolError` for NUL, CR or LF within, and, with the code 421, where no command stands. Spaces in front are
        passed over, as servers always have.
        """
        if "\r" in line or "\0" in line or "\n" in line:
            found = FORBIDDEN.search(line)
            at = len(line[: found.start()].encode("utf-8", "surrogatepass")) if found else 0
            raise RemoteProtocolError("a CR, LF or NUL within a message", offset=at, clause="RFC 1459 2.3.1")
        tags: dict[str, str] = {}
        source = ""
        rest = line
        if rest[:1] == "@":
            told, _, rest = rest[1:].partition(" ")
            tags = parse_tags(told)
        rest = rest.lstrip(" ")
        if rest[:1] == ":":
            source, _, rest = rest[1:].partition(" ")
            rest = rest.lstrip(" ")
        head, colon, text = rest.partition(" :")
        params = head.split(" ")
        if "" in params[1:]:
            params[1:] = [param for param in params[1:] if param]
        command = params.pop(0)
        if not (command.isalpha() and command.isascii()) and not COMMAND.fullmatch(command):
            raise RemoteProtocolError("no command where one must stand", code=421, clause="Modern IRC: Command")
        if colon:
            params.append(text)
        return cls(command.upper(), params, source, tags)

    def encode(self) -> bytes:
        """The message as a line, with CR LF.

        What is longer than the 512 bytes that a line may have (RFC 1459 2.3; the tags not counted) ends with the last whole
        character that fits. Raises `LocalProtocolError` for what has no place in a message: CR, LF or NUL, a space or a
        leading colon in a parameter that is not the last, a command that is none.
        """
        return encode_tags(self.tags).encode() + self.body() if self.tags else self.body()

    def body(self) -> bytes:
        """The same without the tags."""
        command = self.command
        params = self.params
        if not COMMAND.fullmatch(command):
            raise LocalProtocolError(f"{command!r} is no command: letters, or three digits (Modern IRC: Command)")
        words = [command]
        if self.source:
            if " " in self.source:
                raise LocalProtocolError("a space in the source of a message")
            words = [f":{self.source}", command]
        if params:
            for param in params[:-1]:
                if not param or param[0] == ":" or " " in param:
                    raise LocalProtocolError(
                        f"the parameter {param!r} of {command} is not the last: it may not be empty, begin with a colon or have a space"
                    )
                words.append(param)
            last = params[-1]
            words.append(f":{last}" if len(params) >= _TEXT_LAST.get(command, LINE) or NO_MIDDLE.match(last) else last)
        text = " ".join(words)
        if "\n" in text or "\r" in text or "\0" in text:
            raise LocalProtocolError(f"a CR, LF or NUL in a {command}: it would be read as two messages (RFC 1459 2.3.1)")
        try:
            line = text.encode()
        except UnicodeEncodeError:
            raise LocalProtocolError(f"{command} holds half of a surrogate pair, which UTF-8 can't say") from None
        return (line if len(line) <= LINE - 2 else _cut(line, LINE - 2)) + b"\r\n"


# --- what the server's session tells of, beside messages


# A line that is refused may have had a label, by which its client waits for an answer: ``label``, "" for none that can be told.


@dataclass(slots=True)
class TooLong:
    """A line was too long and is dropped whole; ``tags``: it was its tags that were. To be answered by 417."""

    tags: bool
    label: str = ""


@dataclass(slots=True)
class NotUtf8:
    """A line that is no UTF-8 is dropped whole; ``command`` is its command, as far as it can be told ("*" if not)."""

    command: str
    label: str = ""


@dataclass(slots=True)
class Malformed:
    """A line that is no message is dropped; ``error`` says why, and by which numeric it is answered, if any.

    ``command`` is what stands where a command should, fit to be shown.
    """

    error: RemoteProtocolError
    command: str = "*"
    label: str = ""


@dataclass(slots=True)
class Ended:
    """The connection is over, or about to be: ``reason`` is what others are told of it ("Ping timeout: 120 seconds")."""

    reason: str


# --- text


def decode(line: bytes) -> str:
    """The text of a line, whatever its bytes: UTF-8, or else one byte a letter (Modern IRC, Character Encodings). Never fails."""
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("latin-1")


def _cut(data: bytes, size: int) -> bytes:
    """The first ``size`` bytes of UTF-8, without a character begun and not ended."""
    while size and data[size] & 0xC0 == 0x80:
        size -= 1
    return data[:size]


def cut(text: str, size: int) -> str:
    """As much of ``text`` as fits ``size`` bytes, in whole characters."""
    if len(text) * 4 <= size or len(data := text.encode("utf-8", "replace")) <= size:
        return text
    return _cut(data, size).decode()


def split_text(text: str, overhead: int, limit: int = LINE) -> list[str]:
    """``text`` in pieces that each arrive whole in a message with ``overhead`` bytes of other things in it.

    ``overhead`` counts what the *receiver* sees: ``:nick!user@host PRIVMSG #channel :`` and CR LF. Lines of the text begin pieces
    of their own, and empty ones are left out. A line that is too long ends at a space where one is near, else between two
    characters. Raises `LocalProtocolError` where not even one character has room.
    """
    room = limit - overhead
    if room < 4:
        raise LocalProtocolError(f"no room for text: {overhead} of {limit} bytes are taken")
    pieces: list[str] = []
    for line in text.replace("\r", "\n").split("\n"):
        while line:
            piece = cut(line, room)
            if len(piece) < len(line):
                space = piece.rfind(" ", len(piece) // 2)
                if space > 0 and line[len(piece)] != " ":
                    piece = piece[:space].rstrip(" ") or piece
            pieces.append(piece)
            line = line[len(piece) :].lstrip(" ") if len(piece) < len(line) else ""
    return pieces
