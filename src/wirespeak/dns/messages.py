"""Messages: a header, questions, and three sections of records (RFC 1035 4), made of bytes and back.

     id     flags  counts                    question             answer, authority, additional
    +------+------+----+----+----+----+    +------+------+-----+    +------+------+-------+-----+------+------+
    |      |      | qd | an | ns | ar |    | name | type | cls | …  | name | type | class | ttl | size | data | …
    +------+------+----+----+----+----+    +------+------+-----+    +------+------+-------+-----+------+------+

A name that stood before is written as a pointer to it (RFC 1035 4.1.4), which makes most answers half as long.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

from wirespeak.dns.edns import Edns
from wirespeak.dns.names import Name, read_name
from wirespeak.dns.rdata import Rdata, read_rdata, row_of
from wirespeak.dns.registry import Class, Type, class_text, rcode_text, type_text
from wirespeak.errors import RemoteProtocolError

__all__ = ["AA", "AD", "CD", "MAX_MESSAGE", "QR", "RA", "RD", "TC", "Message", "Question", "Record"]

# RFC 1035 4.2.2: over TCP a message has two bytes of length in front.
MAX_MESSAGE: Final = 65535
HEADER_SIZE: Final = 12

# The header's second word (RFC 1035 4.1.1, RFC 4035 3.1.6 and 3.2): flags, with the opcode and the response code in between.
QR: Final = 0x8000  # an answer
AA: Final = 0x0400  # from an authority
TC: Final = 0x0200  # cut short: ask over TCP
RD: Final = 0x0100  # recursion desired
RA: Final = 0x0080  # recursion available
AD: Final = 0x0020  # authentic data
CD: Final = 0x0010  # checking disabled
FLAGS: Final = {"qr": QR, "aa": AA, "tc": TC, "rd": RD, "ra": RA, "ad": AD, "cd": CD}

_HEADER: Final = struct.Struct("!6H")
_QUESTION: Final = struct.Struct("!HH")
_RECORD: Final = struct.Struct("!HHIH")
_POINTER: Final = struct.Struct("!H")


@dataclass(slots=True)
class Question:
    """What is asked: a name, a type of record, a class."""

    name: Name
    type: int
    cls: int = Class.IN

    def __str__(self) -> str:
        return f"{self.name} {class_text(self.cls)} {type_text(self.type)}"


@dataclass(slots=True)
class Record:
    """A resource record: whose it is, what it is, how long it may be kept (seconds), and what it says."""

    name: Name
    type: int
    cls: int
    ttl: int
    rdata: Rdata

    def __str__(self) -> str:
        """As a zone file has it."""
        return f"{self.name} {self.ttl} {class_text(self.cls)} {type_text(self.type)} {self.rdata}"


@dataclass(slots=True)
class Message:
    """A question or an answer.

    ``flags`` is the header's second word without its response code; ``rcode`` is all of that, twelve bits where there is
    ``edns``. What `read` gives is well-formed to the last byte; its OPT record is in ``edns`` and not among ``additional``.
    Of ``additional``, the first ``needed`` are what the answer is no good without (the glue of a referral, RFC 9471): where
    they don't fit, `encode` says so by TC.
    """

    id: int = 0
    flags: int = 0
    rcode: int = 0
    questions: list[Question] = field(default_factory=list)
    answers: list[Record] = field(default_factory=list)
    authority: list[Record] = field(default_factory=list)
    additional: list[Record] = field(default_factory=list)
    edns: Edns | None = None
    needed: int = 0

    @classmethod
    def query(cls, name: Name, type: int, cls_: int = Class.IN, *, id: int = 0, flags: int = RD, edns: Edns | None = None) -> Message:
        """A question, as a client sends it."""
        return cls(id, flags, questions=[Question(name, type, cls_)], edns=edns)

    @property
    def opcode(self) -> int:
        return self.flags >> 11 & 15

    @property
    def qr(self) -> bool:
        return bool(self.flags & QR)

    @property
    def aa(self) -> bool:
        return bool(self.flags & AA)

    @property
    def tc(self) -> bool:
        return bool(self.flags & TC)

    @property
    def rd(self) -> bool:
        return bool(self.flags & RD)

    @property
    def ra(self) -> bool:
        return bool(self.flags & RA)

    @property
    def ad(self) -> bool:
        return bool(self.flags & AD)

    @property
    def cd(self) -> bool:
        return bool(self.flags & CD)

    @property
    def flag_names(self) -> list[str]:
        """The flags that are set, as dig shows them: ``["qr", "aa", "rd"]``."""
        return [name for name, bit in FLAGS.items() if self.flags & bit]

    @property
    def rcode_name(self) -> str:
        return rcode_text(self.rcode)

    def records(self) -> Iterator[Record]:
        """Those of all three sections."""
        yield from self.answers
        yield from self.authority
        yield from self.additional

    # --- from bytes

    @classmethod
    def parse(cls, data: bytes) -> Message:
        """The message that ``data`` is, the whole of it. Raises `RemoteProtocolError`, whose code is FORMERR."""
        if len(data) < HEADER_SIZE:
            raise _fault(f"{len(data)} bytes are no message: its header alone has {HEADER_SIZE}", len(data), "RFC 1035 4.1.1")
        id, word, questions, answers, authority, additional = _HEADER.unpack_from(data)
        self = cls(id, word & 0xFFF0, word & 15)
        reader = _Reader(data)
        self.questions = [reader.question() for _ in range(questions)]
        self.answers = [reader.record() for _ in range(answers)]
        self.authority = [reader.record() for _ in range(authority)]
        for _ in range(additional):
            if data[reader.at : reader.at + 3] == b"\0\0\x29":
                if self.edns is not None:
                    raise _fault("two OPT records", reader.at, "RFC 6891 6.1.1")
                self.edns, upper = reader.opt()
                self.rcode |= upper << 4
            else:
                self.additional.append(reader.record())
        if reader.at != len(data):
            raise _fault(f"{len(data) - reader.at} bytes behind the last record", reader.at, "RFC 1035 4.1")
        return self

    # --- to bytes

    def encode(self, limit: int = MAX_MESSAGE) -> bytes:
        """The bytes, at most ``limit``, which leaves room for header, question and OPT.

        Where not all fits, records of the additional section are left out, an RRset at a time; where what was asked for
        doesn't fit, all records are, and TC is set: who asked asks again over TCP, and never takes a part for the whole
        (RFC 2181 9).
        """
        opt = b"" if self.edns is None else self.edns.encode(self.rcode)
        writer = _Writer(limit - len(opt))
        for question in self.questions:
            writer.name(question.name)
            writer.out += _QUESTION.pack(question.type, question.cls)
        begin = len(writer.out)
        counts = [0, 0, 0]
        flags = self.flags
        if writer.records(self.answers) and writer.records(self.authority) and writer.records(self.additional[: self.needed]):
            counts = [len(self.answers), len(self.authority), self.needed]
            for _, group in groupby(self.additional[self.needed :], lambda record: (record.name.key, record.type)):
                rrset = list(group)
                counts[2] += len(rrset) if writer.records(rrset) else 0
        else:
            flags |= TC
            del writer.out[begin:]
        counts[2] += bool(opt)
        writer.out[:HEADER_SIZE] = _HEADER.pack(self.id, flags | self.rcode & 15, len(self.questions), *counts)
        return bytes(writer.out + opt)

    def __str__(self) -> str:
        """In short, for people: the question, and how it ended."""
        return f"{', '.join(map(str, self.questions)) or 'no question'}: {self.rcode_name}, {len(self.answers)} answers"


class _Reader:
    """Takes a message apart, from its first question on."""

    __slots__ = ("_names", "at", "data")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = HEADER_SIZE
        self._names: dict[int, Name] = {}  # by where they begin: most records' owners are pointers to few of them

    def _name(self) -> Name:
        data, at = self.data, self.at
        if at + 1 < len(data) and data[at] >= 0xC0:
            name = self._names.get((data[at] & 0x3F) << 8 | data[at + 1])
            if name is not None:
                self.at = at + 2
                return name
        name, self.at = read_name(data, at)
        self._names[at] = name
        return name

    def question(self) -> Question:
        name = self._name()
        try:
            type, cls = _QUESTION.unpack_from(self.data, self.at)
        except struct.error:
            raise _fault("the message ends inside a question", len(self.data), "RFC 1035 4.1.2") from None
        self.at += 4
        return Question(name, type, cls)

    def record(self) -> Record:
        begin = self.at
        name = self._name()
        type, cls, ttl, start, end = self._head()
        if type == Type.OPT:
            raise _fault("an OPT record that is not the root's, or not in the additional section", begin, "RFC 6891 6.1.1")
        # An update deletes by records without data (RFC 2136 2.5): of any class, or of none.
        rdata = Rdata(type, b"") if start == end and cls >= Class.NONE else read_rdata(type, self.data, start, end, cls)
        return Record(name, type, cls, ttl if ttl < 1 << 31 else 0, rdata)  # RFC 2181 8: the topmost bit set means zero

    def opt(self) -> tuple[Edns, int]:
        """What an OPT record says, and the upper bits of the response code."""
        self.at += 1
        _, payload, ttl, start, end = self._head()
        return Edns.read(payload, ttl, self.data, start, end), ttl >> 24

    def _head(self) -> tuple[int, int, int, int, int]:
        """Type, class and TTL of a record, and from where to where its data goes."""
        try:
            type, cls, ttl, size = _RECORD.unpack_from(self.data, self.at)
        except struct.error:
            raise _fault("the message ends inside a record", len(self.data), "RFC 1035 4.1.3") from None
        start = self.at + 10
        self.at = start + size
        if self.at > len(self.data):
            raise _fault(f"the message ends inside the data of {type_text(type)}", len(self.data), "RFC 1035 4.1.3")
        return type, cls, ttl, start, self.at


class _Writer:
    """Puts a message together behind its header."""

    __slots__ = ("_limit", "_places", "out")

    def __init__(self, limit: int) -> None:
        self.out = bytearray(HEADER_SIZE)
        self._limit = limit
        self._places: dict[bytes, int] = {}  # where each name, and each end of one, was written

    def name(self, name: Name) -> None:
        """Write a name, its end as a pointer where that stood before. The work is bounded by the bytes written."""
        key, out, places = name.key, self.out, self._places
        here = len(out)
        at = 0
        while key[at]:
            end = key[at:]
            place = places.get(end)
            if place is not None:
                out += name.wire[:at] + _POINTER.pack(0xC000 | place)
                return
            if here + at < 0x4000:  # what a pointer can reach
                places[end] = here + at
            at += key[at] + 1
        out += name.wire

    def records(self, records: Iterable[Record]) -> bool:
        """Write them all, or, where they don't fit, none."""
        out = self.out
        before = len(out)
        for record in records:
            self.name(record.name)
            out += _RECORD.pack(record.type, record.cls, record.ttl, 0)
            start = len(out)
            self._rdata(record.rdata)
            if len(out) > self._limit:
                del out[before:]
                self._places = {name: place for name, place in self._places.items() if place < before}
                return False
            out[start - 2 : start] = _POINTER.pack(len(out) - start)
        return True

    def _rdata(self, rdata: Rdata) -> None:
        """The data, its names compressed where every reader expects that (RFC 3597 4)."""
        wire = rdata.wire
        begin, count = row_of(rdata.type).compressible
        if not count or not wire:  # records without data: an update's (RFC 2136 2.5)
            self.out += wire
            return
        self.out += wire[:begin]
        for _ in range(count):
            name, begin = read_name(wire, begin)
            self.name(name)
        self.out += wire[begin:]


def _fault(what: str, at: int, clause: str) -> RemoteProtocolError:
    return RemoteProtocolError(what, code=1, offset=at, clause=clause)
