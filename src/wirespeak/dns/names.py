"""Domain names (RFC 1035 2.3, 3.1; RFC 4343): labels of 1 to 63 bytes, each with its length in front, a zero at the end.

    www.example.com.    03 w w w 07 e x a m p l e 03 c o m 00

A name here is those bytes. Two names are the same whatever the case of their ASCII letters, so each has a `key`, its
bytes in lower case, by which names are compared and looked up. Lengths end at 63, the letters begin at 65: making the
whole lower case leaves the lengths alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import idna

from wirespeak.errors import RemoteProtocolError, TextError

__all__ = ["MAX_LABEL", "MAX_NAME", "ROOT", "Name", "above", "expand", "read_name", "skip_name", "wire_of"]

# RFC 1035 2.3.4: octets of a label, and of a whole name with all its lengths.
MAX_LABEL: Final = 63
MAX_NAME: Final = 255
# Pointers that one name may follow: as many as it can have labels. A chain of pointers that hold no label between them would
# otherwise be walked anew for each name that leads to its end.
MAX_JUMPS: Final = 127

# RFC 1035 5.1: what has a meaning in a zone file, and is escaped where it stands for itself; BIND escapes the same.
_SHOWN = {ord(sign): f"\\{sign}" for sign in '."();@$\\'} | {code: f"\\{code:03}" for code in (*range(33), *range(127, 256))}
_PLAIN = re.compile(rb"[0-9A-Za-z_\-*/+]++")
_LENGTHS = [bytes([length]) for length in range(MAX_LABEL + 1)]

# RFC 1035 5.1: \DDD is the octet of that decimal number, \X the character X itself.
_ESCAPE = re.compile(r"\\([0-9]{3}|[^0-9])|\\")
_LABEL_ENDS = re.compile(r"((?:[^.\\]|\\.)*+)(\.|\Z|\\\Z)", re.DOTALL)


class Name:
    """An absolute domain name, never changed once made.

    ``wire`` is its uncompressed form, ``key`` the same in lower case. Made of trusted bytes; `Name.parse` takes text,
    `read_name` what a peer sent. Ordered as RFC 4034 6.1 says: by the labels from the right.
    """

    __slots__ = ("key", "wire")

    def __init__(self, wire: bytes) -> None:
        self.wire = wire
        self.key = wire.lower()

    @classmethod
    def parse(cls, text: str, origin: Name | None = None) -> Name:
        """The name that ``text`` gives; one without a dot at its end continues with ``origin``'s labels (the root's where None).

        Takes the escapes of RFC 1035 5.1, ``@`` for the origin, and letters beyond ASCII, which become A-labels
        (RFC 5891). Raises `TextError`.
        """
        return cls(wire_of(text, origin))

    @property
    def labels(self) -> tuple[bytes, ...]:
        """The labels from the left, the root's empty one left out."""
        return tuple(_split(self.wire))

    @property
    def parent(self) -> Name:
        """The name without its first label; the root's parent is the root."""
        return Name(self.wire[self.wire[0] + 1 :] or b"\0")

    def is_beneath(self, other: Name) -> bool:
        """Whether it is ``other``, or a name below it."""
        return other.key in above(self.key)

    def __truediv__(self, label: bytes) -> Name:
        """The name with ``label`` in front. Raises `TextError` where that is too long."""
        if not 0 < len(label) <= MAX_LABEL or len(label) + 1 + len(self.wire) > MAX_NAME:
            raise TextError(f"{label!r} in front of {self} makes no name (RFC 1035 2.3.4)")
        return Name(_LENGTHS[len(label)] + label + self.wire)

    def __str__(self) -> str:
        """As a zone file has it, with the dot at its end: ``www.example.com.``."""
        if self.wire == b"\0":
            return "."
        return "".join([f"{_shown(label)}." for label in _split(self.wire)])

    def relative_to(self, origin: Name) -> str:
        """As short as a zone file of ``origin`` may have it: ``www``, ``@``; the whole where it isn't beneath."""
        if self.key == origin.key:
            return "@"
        if origin.key == b"\0" or not self.is_beneath(origin):
            return str(self)
        return ".".join([_shown(label) for label in _split(self.wire[: -len(origin.wire)] + b"\0")])

    def unicode(self) -> str:
        """For people: A-labels shown as what they stand for (RFC 5890 2.3.2.1), the rest as `str` has it."""
        text = str(self)
        if "xn--" not in text.lower():
            return text
        return "".join([f"{_to_unicode(label)}." for label in text[:-1].split(".")]) if "\\" not in text else text

    @property
    def order(self) -> tuple[bytes, ...]:
        """What sorting goes by: the labels in lower case, the rightmost first (RFC 4034 6.1)."""
        return tuple(_split(self.key))[::-1]

    def __lt__(self, other: Name) -> bool:
        return self.order < other.order

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Name) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __repr__(self) -> str:
        return f"Name({str(self)!r})"


ROOT: Final = Name(b"\0")


def above(key: bytes) -> Iterator[bytes]:
    """``key``'s name and every name above it, down to the root: the ends of its bytes, label by label."""
    at = 0
    while key[at]:
        yield key[at:]
        at += key[at] + 1
    yield b"\0"


def wire_of(text: str, origin: Name | None = None) -> bytes:
    """The uncompressed bytes of the name that ``text`` gives: what `Name.parse` says, for who needs no more. Raises `TextError`."""
    if len(text) < 2:
        if text == "@":
            return b"\0" if origin is None else origin.wire
        if text == ".":
            return b"\0"
        if not text:
            raise TextError("an empty name; the root is written as a dot")
    if not text.isascii():
        text = _to_ascii(text)
    labels = _labels(text) if "\\" in text else text.encode("ascii").split(b".")
    end = b"\0"
    if not labels[-1]:
        del labels[-1]
    elif origin is not None:
        end = origin.wire
    try:
        wire = b"".join([_LENGTHS[len(label)] + label for label in labels]) + end
    except IndexError:
        raise TextError(f"a label of more than {MAX_LABEL} bytes in {_shortened(text)} (RFC 1035 2.3.4)") from None
    if b"" in labels:
        raise TextError(f"an empty label in {_shortened(text)}: two dots in a row, or one at the start")
    if len(wire) > MAX_NAME:
        raise TextError(f"{_shortened(text)} has {len(wire)} bytes, and a name at most {MAX_NAME} (RFC 1035 2.3.4)")
    return wire


def read_name(message: bytes, at: int) -> tuple[Name, int]:
    """The name at ``at`` of a message, and where what follows it begins: `expand`, as a `Name`. Raises `RemoteProtocolError`."""
    wire, following = expand(message, at)
    return Name(wire), following


def expand(message: bytes, at: int) -> tuple[bytes, int]:
    """The uncompressed bytes of the name at ``at`` of a message, and where what follows it begins (RFC 1035 4.1.4).

    A pointer has to lead to what stands before the labels that it ends, and there is a bound to their number: ones that
    lead forward, or to themselves, and long chains of them are refused (RFC 9267 2). Raises `RemoteProtocolError`.
    """
    begin = start = at
    wire = b""
    following = jumps = 0
    try:
        while length := message[at]:
            if length < 0x40:
                at += length + 1
            elif length >= 0xC0:
                target = (length & 0x3F) << 8 | message[at + 1]
                if target >= start:
                    raise _fault("a compression pointer that does not lead back", at, "RFC 1035 4.1.4")
                wire += message[start:at]
                if not jumps:
                    following = at + 2
                jumps += 1
                if jumps > MAX_JUMPS or len(wire) > MAX_NAME:
                    raise _fault("a name without an end: more pointers, or more bytes, than any name has", begin, "RFC 1035 2.3.4")
                start = at = target
            else:
                raise _fault(f"a label of the unknown kind {length >> 6:02b}", at, "RFC 6891 5")
    except IndexError:
        raise _fault("the message ends inside a name", len(message), "RFC 1035 4.1.2") from None
    at += 1
    wire += message[start:at]
    if len(wire) > MAX_NAME:
        raise _fault(f"a name of more than {MAX_NAME} bytes", begin, "RFC 1035 2.3.4")
    return wire, following or at


def skip_name(message: bytes, at: int) -> int:
    """Where what follows the name at ``at`` begins, which may not be compressed (RFC 3597 4). Raises `RemoteProtocolError`."""
    begin = at
    try:
        while length := message[at]:
            if length >= 0x40:
                raise _fault("a compressed name in data of a type that may hold none", at, "RFC 3597 4")
            at += length + 1
    except IndexError:
        raise _fault("the message ends inside a name", len(message), "RFC 1035 4.1.2") from None
    if at - begin >= MAX_NAME:
        raise _fault(f"a name of more than {MAX_NAME} bytes", begin, "RFC 1035 2.3.4")
    return at + 1


def _fault(what: str, at: int, clause: str) -> RemoteProtocolError:
    return RemoteProtocolError(what, code=1, offset=at, clause=clause)


def _split(wire: bytes) -> Iterator[bytes]:
    at = 0
    while length := wire[at]:
        yield wire[at + 1 : at + 1 + length]
        at += length + 1


def _shown(label: bytes) -> str:
    text = label.decode("latin-1")
    return text if _PLAIN.fullmatch(label) else text.translate(_SHOWN)


def _labels(text: str) -> list[bytes]:
    """The labels of a text with escapes; the last is empty where it ends in a dot."""
    labels = []
    at = 0
    while True:
        match = _LABEL_ENDS.match(text, at)
        assert match is not None  # it matches at least the end
        labels.append(_ESCAPE.sub(_unescaped, match[1] + match[2].strip(".")).encode("latin-1"))
        at = match.end()
        if match[2] != ".":
            return labels
        if at == len(text):
            return [*labels, b""]


def _unescaped(match: re.Match[str]) -> str:
    escape = match[1]
    if escape is None:
        raise TextError("a backslash with nothing behind it, or with fewer than three digits (RFC 1035 5.1)")
    if not escape.isdigit():
        return escape
    if int(escape) > 255:
        raise TextError(f"\\{escape} is no octet: 000 to 255 (RFC 1035 5.1)")
    return chr(int(escape))


def _to_ascii(text: str) -> str:
    """The text with its labels beyond ASCII as A-labels, lower-cased and normalised first as browsers do (UTS 46)."""
    if len(text) > 4 * MAX_NAME:  # no name, even if each octet were an escape; normalising takes time
        raise TextError(f"{_shortened(text)} is too long for a name (RFC 1035 2.3.4)")
    try:
        return ".".join(
            [
                label if label.isascii() else idna.encode(label, uts46=True).decode("ascii")
                for label in re.split(r"[.\u3002\uff0e\uff61]", text)
            ]
        )
    except idna.IDNAError as error:
        raise TextError(f"{_shortened(text)} is no international name: {error} (RFC 5891)") from None


def _to_unicode(label: str) -> str:
    if label[:4].lower() != "xn--":
        return label
    try:
        return idna.decode(label)
    except idna.IDNAError:
        return label  # not what it says it is: shown as it stands


def _shortened(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:60]}…")
