"""What a record says: its data, as bytes, as fields and as text (RFC 1035 3.3, RFC 3597, and one RFC or more for each type).

The data is kept as its bytes, uncompressed, as a zone keeps it and a server sends it. What the bytes mean stands in one
table (``table.py``): a row for each type, a field for each part, and `Rdata` reads, shows and builds with it. So the
server, the zone files, the client's output and the explanation of every byte all stand on the same rows.

    >>> Rdata.parse("MX", "10 mail.example.")
    <MX 10 mail.example.>
    >>> _.preference, _.exchange, _.wire
    (10, Name('mail.example.'), b'\\x00\\n\\x04mail\\x07example\\x00')
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from wirespeak.dns.grammar import Token, Tokens
from wirespeak.dns.names import Name
from wirespeak.dns.rdata.row import Row
from wirespeak.dns.rdata.table import ROWS
from wirespeak.dns.rdata.unknown import GENERIC, UNKNOWN
from wirespeak.dns.registry import Class, Type, type_number, type_text
from wirespeak.errors import RemoteProtocolError, TextError

__all__ = ["Rdata", "Row", "read_rdata", "row_of", "scan_rdata"]


# Types that say what they say in the class IN alone; in others their data is opaque (RFC 3597 4, RFC 6895 3.1).
IN_ONLY: Final = frozenset({Type.A, Type.WKS, Type.NSAP, Type.PX, Type.AAAA, Type.SRV, Type.KX, Type.A6, Type.APL, Type.DHCID})


def row_of(number: int, cls: int = Class.IN) -> Row:
    """The row of a type; that of opaque bytes for one that has none, or none in that class (RFC 3597)."""
    if cls != Class.IN and cls < Class.NONE and number in IN_ONLY:
        return UNKNOWN
    return ROWS.get(number, UNKNOWN)


class Rdata:
    """The data of one record, never changed once made: the ``type``'s number, and the uncompressed ``wire`` form.

    Fields are attributes, named as in the table: ``rdata.preference``. Two are the same where their bytes are, the case of
    names aside (RFC 4034 6.2). Made of trusted bytes; `Rdata.parse` takes text, `Rdata.of` values, `read_rdata` what a peer
    sent.
    """

    __slots__ = ("type", "wire")

    def __init__(self, type: int, wire: bytes) -> None:
        self.type = type
        self.wire = wire

    @classmethod
    def parse(cls, type: int | str, text: str | Tokens, origin: Name | None = None) -> Rdata:
        r"""The data that ``text`` gives, in the type's own form or as ``\# 4 7f000001`` (RFC 3597 5). Raises `TextError`."""
        number = type_number(type) if isinstance(type, str) else type
        words = Tokens.of(text) if isinstance(text, str) else text
        return cls(number, scan_rdata(number, words, origin))

    @classmethod
    def of(cls, type: int | str, *values: Any) -> Rdata:
        """The data of these values, one for each field; names and addresses as text too. Raises `TextError`."""
        number = type_number(type) if isinstance(type, str) else type
        return cls(number, row_of(number).write(values))

    @property
    def fields(self) -> Mapping[str, Any]:
        """The values by name. Raises `RemoteProtocolError` where the bytes are none of this type."""
        return {held.field.name: held.value for held in row_of(self.type).walk(self.wire, 0, len(self.wire))}

    def __getattr__(self, name: str) -> Any:
        # Asked for only where there is no such attribute. A copy that is being made is asked for more than a table names, and
        # has no type yet.
        if name.startswith("_") or name in Rdata.__slots__:
            raise AttributeError(name)
        try:
            return self.fields[name]
        except KeyError:
            raise AttributeError(f"{type_text(self.type)} has no field {name!r}") from None

    @property
    def canonical(self) -> bytes:
        """The bytes with the names of the older types in lower case: the form that is signed, and compared (RFC 4034 6.2)."""
        try:
            return row_of(self.type).canonical(self.wire)
        except RemoteProtocolError:
            return self.wire  # bytes that are none of this type pass through as they are

    def text(self, origin: Name | None = None) -> str:
        """As a zone file has it; names relative to ``origin`` where one is given."""
        try:
            return row_of(self.type).show(self.wire, origin)
        except RemoteProtocolError:
            return UNKNOWN.show(self.wire, None)

    def __str__(self) -> str:
        return self.text()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rdata) and self.type == other.type and (self.wire == other.wire or self.canonical == other.canonical)

    def __hash__(self) -> int:
        return hash((self.type, self.canonical))

    def __repr__(self) -> str:
        return f"<{type_text(self.type)} {self.text()}>"


def read_rdata(type: int, message: bytes, at: int, end: int, cls: int = Class.IN) -> Rdata:
    """The data of a record between ``at`` and ``end`` of a message, its names decompressed. Raises `RemoteProtocolError`."""
    return Rdata(type, row_of(type, cls).read(message, at, end))


def scan_rdata(type: int, words: Tokens, origin: Name | None = None) -> bytes:
    """The bytes of the data that all of the words give: what `Rdata.parse` says, for who needs no more. Raises `TextError`."""
    first = words.peek()
    if first is not None and first.text == GENERIC and not first.quoted:
        wire = _generic(type, words, first)
    else:
        wire = row_of(type).scan(words, origin)
    words.end()
    return wire


def _generic(number: int, words: Tokens, start: Token) -> bytes:
    r"""``\# length hex``; of a type with a row, the bytes have to be what the row says (RFC 3597 5)."""
    wire = UNKNOWN.scan(words, None)
    try:
        if row_of(number).read(wire, 0, len(wire)) == wire:
            return wire
        wrong = "a name in it is compressed (RFC 3597 5)"
    except RemoteProtocolError as error:
        wrong = str(error)
    raise TextError(f"no data of type {type_text(number)}: {wrong}", line=start.line, column=start.column)
