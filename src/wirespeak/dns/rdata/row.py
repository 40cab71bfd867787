"""A row of the table: the fields of one type of record, and the four ways between bytes, values and text.

Most types need no more than their list of fields. One whose text has an order of its own (LOC, HIP) is a row that does
`show` and `scan` its own way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeAlias

from wirespeak.dns.grammar import Tokens
from wirespeak.dns.names import Name, expand
from wirespeak.dns.rdata.kinds import Depends, DomainName, Kind, fault
from wirespeak.dns.registry import type_text
from wirespeak.errors import RemoteProtocolError, TextError

__all__ = ["Field", "Row", "Value"]

# Bytes of a record's data, which has two of length before it (RFC 1035 3.2.1).
MAX_DATA: Final = 0xFFFF

Reader: TypeAlias = Callable[[bytes, int, int], bytes]


@dataclass(slots=True, frozen=True)
class Field:
    """A part of a record's data: its name, the kind of value, and what it is for, in a few words."""

    name: str
    kind: Kind
    meaning: str = ""


class Value(NamedTuple):
    """What a field holds: ``value``, of ``kind``, in the bytes from ``start`` to ``end``."""

    field: Field
    kind: Kind
    start: int
    end: int
    value: Any


class Row:
    """A type of record: its number, the clause that describes it, and its fields.

    ``read(message, at, end)`` gives the uncompressed bytes of the data between ``at`` and ``end`` of a message, once they
    are known to be sound, and raises `RemoteProtocolError` otherwise. It is made for the row, of what its fields need.

    ``compressible`` tells where names stand that every reader expects compressed (RFC 3597 4): the place of the first, and
    how many there are, in a row.
    """

    def __init__(self, type: int, clause: str, *fields: tuple[str, Kind, str]) -> None:
        self.type = type
        self.clause = clause
        self.fields = [Field(*field) for field in fields]
        self._scans = [(kind, f"the {name.replace('_', ' ')} of {type_text(type)}") for name, kind, _ in fields]
        self.depends = any(isinstance(field.kind, Depends) for field in self.fields)
        self._lowers = any(isinstance(field.kind, (DomainName, Depends)) and field.kind.lower for field in self.fields)
        self.read: Reader = _reader(self)
        begin, count = _names_in_a_row(self.fields)
        is_compressible = count > 0 and any(isinstance(field.kind, DomainName) and field.kind.compress for field in self.fields)
        self.compressible = (begin, count) if is_compressible else (0, 0)

    def walk(self, message: bytes, at: int, end: int) -> Iterator[Value]:
        """What each field of the data between ``at`` and ``end`` holds. Raises `RemoteProtocolError`.

        Names may be compressed, so ``message`` is the whole message, or data that stands alone.
        """
        begin = at
        for field in self.fields:
            try:
                kind = field.kind.given(message[begin:at]) if self.depends else field.kind
                value, following = kind.read(message, at, end)
            except RemoteProtocolError as error:
                place = at if error.offset is None else error.offset
                raise fault(f"{type_text(self.type)}: {field.name}: {error.args[0]}", place, error.clause or self.clause) from None
            yield Value(field, kind, at, following, value)
            at = following
        if at != end:
            raise fault(f"{type_text(self.type)}: {end - at} bytes behind its last field", at, self.clause)

    def write(self, values: Sequence[Any]) -> bytes:
        """The bytes of these values, one for each field. Raises `TextError`."""
        if len(values) != len(self.fields):
            names = ", ".join(field.name for field in self.fields)
            raise TextError(f"{type_text(self.type)} has {len(self.fields)} fields ({names}), not {len(values)}")
        wire = b""
        for field, value in zip(self.fields, values, strict=True):
            wire += field.kind.given(wire).write(value)
        return _bounded(wire)

    def show(self, wire: bytes, origin: Name | None) -> str:
        """As a zone file has it. Raises `RemoteProtocolError` for bytes that are none of this type."""
        texts = [held.kind.show(held.value, origin) for held in self.walk(wire, 0, len(wire))]
        return " ".join([text for text in texts if text])

    def scan(self, words: Tokens, origin: Name | None) -> bytes:
        """The bytes that the words give. Raises `TextError`, with the place of the word at fault."""
        wire = b""
        try:
            for kind, what in self._scans:
                wire += kind.given(wire).scan(words, what, origin) if self.depends else kind.scan(words, what, origin)
            return wire if len(wire) <= MAX_DATA else _bounded(wire)
        except TextError as error:
            words.locate(error)
            raise

    def canonical(self, wire: bytes) -> bytes:
        """The bytes with the names that RFC 4034 6.2 lists in lower case. Raises `RemoteProtocolError`."""
        if not self._lowers:
            return wire
        return b"".join(
            [
                wire[held.start : held.end].lower()
                if isinstance(held.kind, DomainName) and held.kind.lower
                else wire[held.start : held.end]
                for held in self.walk(wire, 0, len(wire))
            ]
        )


def _bounded(wire: bytes) -> bytes:
    if len(wire) > MAX_DATA:
        raise TextError(f"{len(wire)} bytes of data; a record holds at most {MAX_DATA} (RFC 1035 3.2.1)")
    return wire


def _names_in_a_row(fields: Sequence[Field]) -> tuple[int, int]:
    """Where the names of a type begin, and how many there are; (0, 0) unless they stand in a row, and all else has fixed sizes."""
    sizes = [0 if isinstance(field.kind, DomainName) else field.kind.size for field in fields]
    places = [place for place, field in enumerate(fields) if isinstance(field.kind, DomainName)]
    if not places or -1 in sizes or places[-1] - places[0] != len(places) - 1:
        return 0, 0
    return sum(sizes[: places[0]]), len(places)


# --- how a row is read: the quickest way that its fields allow. What that finds fault with is walked, to say where and why.


def _reader(row: Row) -> Reader:
    kinds = [field.kind for field in row.fields]
    if all(kind.size >= 0 for kind in kinds):
        return _whole(row, sum(kind.size for kind in kinds))
    if not any(isinstance(kind, DomainName) and kind.expand for kind in kinds):
        return _kept(row, kinds)
    begin, count = _names_in_a_row(row.fields)
    if count:
        return _expanded(row, begin, count, sum(kind.size for kind in kinds if kind.size > 0) - begin)
    return lambda message, at, end: _walked(row, message, at, end)


def _walked(row: Row, message: bytes, at: int, end: int) -> bytes:
    """The bytes, each field read and its names expanded. Raises `RemoteProtocolError`."""
    return b"".join([held.kind.write(held.value) for held in row.walk(message, at, end)])


def _whole(row: Row, size: int) -> Reader:
    """All fields have fixed sizes: where that of the whole is right, there is nothing to find fault with."""

    def read(message: bytes, at: int, end: int) -> bytes:
        return message[at:end] if end - at == size else _walked(row, message, at, end)

    return read


def _expanded(row: Row, begin: int, count: int, behind: int) -> Reader:
    """Bytes that are as they are, names that may come compressed, bytes again."""

    def read(message: bytes, at: int, end: int) -> bytes:
        here = at + begin
        wire = message[at:here]
        try:
            for _ in range(count):
                name, here = expand(message, here)
                wire += name
        except RemoteProtocolError:
            return _walked(row, message, at, end)
        return wire + message[here:end] if end - here == behind else _walked(row, message, at, end)

    return read


def _kept(row: Row, kinds: list[Kind]) -> Reader:
    """Nothing may come compressed, so the bytes stay as they are: fields of fixed size are passed over, the others looked at."""
    lead = next(place for place, kind in enumerate(kinds) if kind.size < 0)
    size = sum(kind.size for kind in kinds[:lead])
    others = kinds[lead:]
    skips = [kind.skip for kind in others]

    def read(message: bytes, at: int, end: int) -> bytes:
        here = at + size
        if here <= end:
            try:
                if row.depends:
                    for kind in others:
                        here = kind.given(message[at:here]).skip(message, here, end)
                else:
                    for skip in skips:
                        here = skip(message, here, end)
            except RemoteProtocolError:
                return _walked(row, message, at, end)
        return message[at:end] if here == end else _walked(row, message, at, end)

    return read
