"""Every byte of a DNS message as a named part with its meaning and its clause (RFC 1035 4, RFC 6891).

`explain` takes one message as it comes over UDP, or what one side of a TCP connection said: messages with two bytes of length
in front (RFC 1035 4.2.2). The fields of records stand in the table that they are read by, ``rdata/table.py``; the parser's own
`read_rdata`, `read_name` and `Edns` judge them, so what is told is what wirespeak reads. Never fails: where the bytes break
the protocol, the rest is one part that says which rule is broken; where they end too early, a last part says what is missing.

The words stand in ``meanings.py``; how the parts are shown, in ``wirespeak/explanation.py``.
"""

from __future__ import annotations

from wirespeak.dns.edns import Edns
from wirespeak.dns.grammar import shown_ttl
from wirespeak.dns.meanings import OPCODES, OPTIONS, RCODES, SECTIONS, TYPES, option_pieces
from wirespeak.dns.messages import HEADER_SIZE, Message
from wirespeak.dns.names import Name, read_name
from wirespeak.dns.rdata import row_of
from wirespeak.dns.rdata.kinds import DomainName
from wirespeak.dns.rdata.row import Value
from wirespeak.dns.registry import Class, Opcode, Option, Rcode, Type, class_text, rcode_text, type_text
from wirespeak.errors import LimitExceeded, RemoteProtocolError
from wirespeak.explanation import MAX_PARTS, Bits, Kind, Part

__all__ = ["explain", "explain_message", "explain_stream"]


def explain(data: bytes) -> list[Part]:
    """The parts of a message, or of a stream of them: what is no message as it is, but is one with its length in front."""
    try:
        Message.parse(data)
    except RemoteProtocolError:
        if _is_stream(data):
            return explain_stream(data)
    return explain_message(data)


def explain_message(data: bytes) -> list[Part]:
    """The parts of one message, as it comes in a datagram."""
    parts: list[Part] = []
    try:
        _Message(data, 0, "", parts).explained()
    except LimitExceeded as error:
        parts.append(Part(parts[-1].end, len(data), "rest", "", str(error)))
    return parts


def explain_stream(data: bytes) -> list[Part]:
    """The parts of what one side of a connection said: messages with their lengths, the last of which need not be whole."""
    parts: list[Part] = []
    try:
        at = number = 0
        while at < len(data) or not number:
            number += 1
            at = _framed(data, at, "" if number < 2 else f"message {number}: ", parts)
    except LimitExceeded as error:
        parts.append(Part(parts[-1].end, len(data), "rest", "", str(error)))
    return parts


def _framed(data: bytes, at: int, group: str, parts: list[Part]) -> int:
    """Explain a length and the message behind it, and give its end (RFC 1035 4.2.2)."""
    start = at + 2
    if start > len(data):
        meaning = "still to come: the length of a message, in two bytes"
        parts.append(Part(at, len(data), "missing", "", meaning, "RFC 1035 4.2.2", f"{group}length", "missing"))
        return len(data)
    end = start + int.from_bytes(data[at:start])
    parts.append(Part(at, start, "length", str(end - start), "bytes of message follow", "RFC 1035 4.2.2", f"{group}length"))
    _Message(data[start:end], start, group, parts).explained()
    return min(end, len(data))


def _is_stream(data: bytes) -> bool:
    """Whether lengths lead from the first byte to the end, over what may be messages."""
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 2])
        if size < HEADER_SIZE:
            return False
        at += 2 + size
    return at == len(data) > 0


class _Message:
    """Goes along a message, which begins at ``base`` of the bytes that are explained, and leaves parts behind.

    Stops by raising `RemoteProtocolError` where the parser does: the same for the same bytes.
    """

    __slots__ = ("at", "base", "data", "group", "names", "parts", "pointed", "prefix", "rcode")

    def __init__(self, data: bytes, base: int, prefix: str, parts: list[Part]) -> None:
        self.data = data
        self.base = base
        self.prefix = prefix
        self.parts = parts
        self.at = 0
        self.group = ""
        self.rcode = 0
        self.names: dict[int, Name] = {}
        self.pointed = False  # the bits of a pointer are told once

    def explained(self) -> None:
        """Raises `LimitExceeded` where there are parts enough."""
        try:
            self.message()
        except RemoteProtocolError as error:
            if error.offset == len(self.data):
                self.last("missing", f"{error.args[0]}; the rest is still to come, or was cut off", error.clause)
            else:
                self.last("malformed", f"{error.args[0]}; a server answers {error.code} ({rcode_text(error.code)})", error.clause)

    # --- leaving parts behind

    def take(self, end: int, name: str, value: str = "", meaning: str = "", clause: str = "", bits: tuple[Bits, ...] = ()) -> None:
        """A part from here to ``end``."""
        if len(self.parts) >= MAX_PARTS:
            raise LimitExceeded(f"not explained any further: {MAX_PARTS:,} parts are enough")
        self.parts.append(Part(self.base + self.at, self.base + end, name, value, meaning, clause, self.prefix + self.group, bits=bits))
        self.at = end

    def last(self, kind: Kind, meaning: str, clause: str) -> None:
        """A part of all that is left."""
        end = self.base + len(self.data)
        self.parts.append(Part(self.base + self.at, end, kind, "", meaning, clause, self.prefix + self.group, kind))
        self.at = len(self.data)

    def number(self, size: int) -> int:
        """The number in the next bytes. Raises `RemoteProtocolError` where the message ends before."""
        if self.at + size > len(self.data):
            raise self.fault(f"the message ends inside its {self.group}", len(self.data))
        return int.from_bytes(self.data[self.at : self.at + size])

    def fault(self, what: str, at: int, clause: str = "RFC 1035 4.1") -> RemoteProtocolError:
        return RemoteProtocolError(what, code=Rcode.FORMERR, offset=at, clause=clause)

    # --- the message

    def message(self) -> None:
        """Explain the whole (RFC 1035 4.1)."""
        self.group = "header"
        opcode, counts = self.header()
        sections = SECTIONS.get(opcode, SECTIONS[Opcode.QUERY])
        for number in range(1, counts[0] + 1):
            self.group = sections[0] if counts[0] == 1 else f"{sections[0]} {number}"
            self.question()
        has_opt = False
        for section, count in zip(sections[1:], counts[1:], strict=True):
            for number in range(1, count + 1):
                self.group = f"{section} {number}"
                if section == "additional" and self.data[self.at : self.at + 3] == b"\0\0\x29":
                    if has_opt:
                        raise self.fault("two OPT records", self.at, "RFC 6891 6.1.1")
                    has_opt = True
                    self.group += ": EDNS"
                    self.opt()
                else:
                    self.record()
        if self.at < len(self.data):
            self.group = "behind the end"
            raise self.fault(f"{len(self.data) - self.at} bytes behind the last record", self.at)

    def header(self) -> tuple[int, list[int]]:
        """The opcode, and how many entries the sections have (RFC 1035 4.1.1)."""
        self.take(self.at + 2, "ID", f"0x{self.number(2):04x}", "the answer bears the same", "RFC 1035 4.1.1")
        flags = self.number(2)
        opcode, self.rcode = flags >> 11 & 15, flags & 15
        self.take(self.at + 2, "flags", f"0x{flags:04x}", "", "RFC 1035 4.1.1", _flags(flags))
        counts = []
        for section, name in zip(SECTIONS.get(opcode, SECTIONS[Opcode.QUERY]), ("QDCOUNT", "ANCOUNT", "NSCOUNT", "ARCOUNT"), strict=True):
            counts.append(self.number(2))
            self.take(self.at + 2, name, str(counts[-1]), f"entries of the {section} section", "RFC 1035 4.1.1")
        return opcode, counts

    def question(self) -> None:
        """An entry of the question section (RFC 1035 4.1.2)."""
        self.name("QNAME", "what is asked for")
        type = self.number(4) >> 16
        self.take(self.at + 2, "QTYPE", type_text(type), TYPES.get(type, ""), "RFC 1035 4.1.2")
        self.take(self.at + 2, "QCLASS", class_text(self.number(2)), "", "RFC 1035 4.1.2")

    def name(self, what: str, meaning: str, clause: str = "RFC 1035 3.1") -> None:
        """A name, label by label; its end tells the whole (RFC 1035 3.1, 4.1.4)."""
        data, begin = self.data, self.at
        fault = None
        try:
            name = str(self.known_name())
        except RemoteProtocolError as error:
            fault, name = error, ""
        while self.at < len(data) and 0 < (size := data[self.at]) < 0x40 and self.at + size < len(data):
            label = data[self.at + 1 : self.at + 1 + size].decode("utf-8", "backslashreplace")
            self.take(self.at + 1 + size, f"{what}: label", label, f"its length, {size}, and its bytes", clause)
        if fault is not None:
            raise fault
        whole = f"the end; the whole is {name}, {meaning}" if self.at > begin else meaning
        if not data[self.at]:
            self.take(self.at + 1, f"{what}: root", ".", whole, clause)
            return
        target = self.number(2) & 0x3FFF
        bits = () if self.pointed else (Bits(0, 2, "pointer", "11"), Bits(2, 14, "OFFSET", str(target), "byte of the message, from 0"))
        self.pointed = True
        rest = self.names.get(target) or read_name(data, target)[0]
        self.take(self.at + 2, f"{what}: pointer", str(rest), f"stands at byte {target}; {whole}", "RFC 1035 4.1.4", bits)

    def known_name(self) -> Name:
        """The name that stands here. Those that were read before are at hand, to the parser too: a pointer to one ends there."""
        data, at = self.data, self.at
        if at + 1 < len(data) and data[at] >= 0xC0 and (name := self.names.get((data[at] & 0x3F) << 8 | data[at + 1])) is not None:
            return name
        self.names[at] = name = read_name(data, at)[0]
        return name

    def record(self) -> None:
        """An entry of one of the other sections (RFC 1035 4.1.3)."""
        begin = self.at
        self.name("NAME", "whose record it is")
        type, cls, size = self.number(2), self.number(4) & 0xFFFF, self.number(10) & 0xFFFF
        self.take(self.at + 2, "TYPE", type_text(type), TYPES.get(type, ""), "RFC 1035 4.1.3")
        self.take(self.at + 2, "CLASS", class_text(cls), "", "RFC 1035 4.1.3")
        ttl = self.number(4)
        kept = f"seconds that it may be kept: {shown_ttl(ttl)}" if ttl < 1 << 31 else "the topmost bit is set, so it counts as zero"
        self.take(self.at + 4, "TTL", str(ttl), kept, "RFC 2181 8")
        end = self.size(size, type)
        if type == Type.OPT:
            raise self.fault("an OPT record that is not the root's, or not in the additional section", begin, "RFC 6891 6.1.1")
        if size or cls < Class.NONE:  # an update deletes by records without data (RFC 2136 2.5)
            self.data_of(type, cls, end)

    def size(self, size: int, type: int) -> int:
        """Explain a record's RDLENGTH, and give the end of its data."""
        self.take(self.at + 2, "RDLENGTH", str(size), "bytes of data follow", "RFC 1035 4.1.3")
        if self.at + size > len(self.data):
            raise self.fault(f"the message ends inside the data of {type_text(type)}", len(self.data), "RFC 1035 4.1.3")
        return self.at + size

    # --- data

    def data_of(self, type: int, cls: int, end: int) -> None:
        """The data of a record, as the row of its type has it."""
        row, fault = row_of(type, cls), None
        try:
            row.read(self.data, self.at, end)
        except RemoteProtocolError as error:
            fault = error
        try:
            for held in row.walk(self.data, self.at, end):
                self.field(held, row.clause)
        except RemoteProtocolError:
            if fault is None:  # sound, but of a version that is unknown
                self.take(end, "RDATA", self.data[self.at : end].hex(), "of a form that is unknown here", row.clause)
        if fault is not None:
            raise fault

    def field(self, held: Value, clause: str) -> None:
        """What a field holds: a name label by label, what has several parts part by part."""
        name = held.field.name.replace("_", " ")
        if held.start == held.end:
            return
        if isinstance(held.kind, DomainName):
            self.name(name, held.field.meaning, clause)
            return
        meaning = held.field.meaning
        for piece in held.kind.pieces(self.data, held.start, held.end):
            told = "; ".join(filter(None, (piece.meaning, meaning)))
            self.take(piece.end, f"{name}: {piece.name}", piece.value, told, clause)
            meaning = ""
        if self.at < held.end:
            try:
                value = held.kind.show(held.value, None)
            except RemoteProtocolError:
                value = self.data[held.start : held.end].hex()  # no text tells it
            told = "; ".join(filter(None, (held.kind.means(held.value), meaning)))
            self.take(held.end, name, value, told, clause, held.kind.bits(held.value))

    # --- EDNS (RFC 6891 6.1)

    def opt(self) -> None:
        """The OPT record, which says something of the message."""
        self.take(self.at + 1, "NAME", ".", "always the root", "RFC 6891 6.1.2")
        size, payload, ttl = self.number(10) & 0xFFFF, self.number(4) & 0xFFFF, self.number(8) & 0xFFFFFFFF
        self.take(self.at + 2, "TYPE", "OPT", TYPES[Type.OPT], "RFC 6891 6.1.1")
        self.take(self.at + 2, "UDP payload size", str(payload), "bytes of message that may come over UDP", "RFC 6891 6.2.3")
        rcode = rcode_text(ttl >> 24 << 4 | self.rcode)
        bits = (
            Bits(0, 8, "EXTENDED-RCODE", str(ttl >> 24), f"with the header's RCODE: {rcode}"),
            Bits(8, 8, "VERSION", str(ttl >> 16 & 0xFF), "of EDNS"),
            Bits(16, 1, "DO", str(ttl >> 15 & 1), "signatures are wanted too" if ttl & 0x8000 else "", "RFC 3225 3"),
            Bits(17, 15, "Z", str(ttl & 0x7FFF), "reserved"),
        )
        self.take(self.at + 4, "TTL", f"0x{ttl:08x}", "in OPT, no time but what follows", "RFC 6891 6.1.3", bits)
        end = self.size(size, Type.OPT)
        try:
            Edns.read(payload, ttl, self.data, self.at, end)
        except RemoteProtocolError as error:
            self.options(end if error.offset is None else error.offset)
            raise
        self.options(end)

    def options(self, end: int) -> None:
        """The options up to ``end``, which are whole (RFC 6891 6.1.2)."""
        while self.at < end:
            code, size = self.number(2), self.number(4) & 0xFFFF
            name = Option(code).name.replace("_", " ") if code in OPTIONS else f"option {code}"
            meaning, clause, _ = OPTIONS.get(code, ("has no name here", "RFC 6891 6.1.2", None))
            self.take(self.at + 2, "OPTION-CODE", f"{code} ({name})", meaning, clause)
            self.take(self.at + 2, "OPTION-LENGTH", str(size), "bytes of data follow", "RFC 6891 6.1.2")
            for piece in option_pieces(code, self.data, self.at, self.at + size):
                self.take(piece.end, f"{name}: {piece.name}", piece.value, piece.meaning, clause)


def _flags(flags: int) -> tuple[Bits, ...]:
    """The header's second word (RFC 1035 4.1.1, RFC 4035 3.1.6, 3.2.2)."""
    opcode, rcode = flags >> 11 & 15, flags & 15
    told = [
        ("QR", 1, "an answer" if flags & 0x8000 else "a question"),
        ("Opcode", 4, f"{Opcode(opcode).name}: {OPCODES[opcode]}" if opcode in OPCODES else "unknown"),
        ("AA", 1, "the server has authority over the name"),
        ("TC", 1, "cut short: ask again over TCP"),
        ("RD", 1, "recursion desired: the server is to ask others"),
        ("RA", 1, "recursion available: the server does ask others"),
        ("Z", 1, "reserved"),
        ("AD", 1, "authentic data: signatures were checked"),
        ("CD", 1, "checking disabled: send what cannot be verified too"),
        ("RCODE", 4, ": ".join(filter(None, (rcode_text(rcode), RCODES.get(rcode, ""))))),
    ]
    bits, at = [], 0
    for name, size, meaning in told:
        value = flags >> 16 - at - size & (1 << size) - 1
        bits.append(Bits(at, size, name, str(value), meaning if value or name in ("QR", "Opcode", "RCODE") else ""))
        at += size
    return tuple(bits)
