"""Asking name servers by the thousand, over UDP and TCP, and reading what they answer with dnspython.

Our own codec takes no part: it can't be trusted by the test that is to find its faults. Sockets only to the server that
is given; every question is sent once, and one that stays without an answer is a failure.
"""

from __future__ import annotations

import functools
import socket
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType

__all__ = ["Answer", "Ask", "Record", "read", "shown", "tcp", "udp"]

PATIENCE = 20.0
WINDOW = 40  # questions under way at a time: few enough for a socket's buffer of the answers

HEADER = struct.Struct("!HHHHHH")


@dataclass(slots=True, frozen=True)
class Ask:
    """A question, and how it is asked."""

    name: dns.name.Name
    type: int
    cls: int = 1
    rd: bool = False
    payload: int | None = None
    """The size that EDNS tells; None without EDNS."""
    do: bool = False

    def wire(self, number: int) -> bytes:
        """The message, with ``number`` as its id. Written here by hand, for dnspython takes its time."""
        header = HEADER.pack(number, 0x0100 * self.rd, 1, 0, 0, self.payload is not None)
        opt = b"" if self.payload is None else struct.pack("!BHHIH", 0, 41, self.payload, 0x8000 * self.do, 0)
        return header + self.question + opt

    @property
    def question(self) -> bytes:
        return b"".join(bytes([len(label)]) + label for label in self.name.labels) + struct.pack("!HH", self.type, self.cls)

    def __str__(self) -> str:
        how = "no EDNS" if self.payload is None else f"EDNS {self.payload}{' DO' if self.do else ''}"
        return f"{self.name} {RdataClass.to_text(self.cls)} {RdataType.to_text(self.type)} ({how}{', RD' if self.rd else ''})"


Record = tuple[bytes, int, int, int, bytes]
"""Owner, type, class, time to live, data; names in lower case, as in RFC 4034 6.2, for they are compared so."""


@dataclass(slots=True, frozen=True)
class Answer:
    """An answer, its sections as sets: their order means nothing."""

    rcode: int
    aa: bool
    tc: bool
    flags: str
    """The other flags, as dig prints them."""
    edns: tuple[int, bool] | None
    """Version and DO."""
    answer: frozenset[Record]
    authority: frozenset[Record]
    additional: frozenset[Record]
    repeats: int
    """Records that stand in their section once more."""
    question: bytes
    size: int

    def __str__(self) -> str:
        marks = f"{' aa' * self.aa}{' tc' * self.tc} {self.flags}"
        lines = [f"{dns.rcode.to_text(dns.rcode.Rcode(self.rcode))}{marks} edns={self.edns} {self.size} octets"]
        for section in ("answer", "authority", "additional"):
            lines += sorted(f"  {section}: {shown(record)}" for record in getattr(self, section))
        return "\n".join(lines)


def shown(record: Record) -> str:
    owner, kind, cls, ttl, data = record
    name, _ = dns.name.from_wire(owner, 0)
    rdata = dns.rdata.from_wire(RdataClass.make(cls), RdataType.make(kind), data, 0, len(data))
    return f"{name} {ttl} {RdataType.to_text(kind)} {rdata.to_text()[:120]}"


def read(wire: bytes) -> Answer:
    """What the answer ``wire`` says. Raises dnspython's errors where it can't be read."""
    return _read(wire[2:])


@functools.lru_cache(maxsize=20_000)
def _read(rest: bytes) -> Answer:
    """The same without the id: most answers come several times."""
    message = dns.message.from_wire(b"\0\0" + rest, one_rr_per_rrset=True, question_only=False)
    assert message.flags & dns.flags.QR, "not an answer"
    sections = []
    repeats = 0
    for section in (message.answer, message.authority, message.additional):
        records = [
            (rrset.name.to_digestable(), int(rrset.rdtype), int(rrset.rdclass), rrset.ttl, rrset[0].to_digestable()) for rrset in section
        ]
        sections.append(frozenset(records))
        repeats += len(records) - len(sections[-1])
    others = message.flags & ~(dns.flags.QR | dns.flags.AA | dns.flags.TC | 0x780F)
    edns = None if message.edns < 0 else (message.edns, bool(message.ednsflags & dns.flags.DO))
    end = 12
    for _ in message.question:
        while rest[end - 2]:
            end += rest[end - 2] + 1
        end += 5
    return Answer(
        rcode=int(message.rcode()),
        aa=bool(message.flags & dns.flags.AA),
        tc=bool(message.flags & dns.flags.TC),
        flags=dns.flags.to_text(others),
        edns=edns,
        answer=sections[0],
        authority=sections[1],
        additional=sections[2],
        repeats=repeats,
        question=rest[10 : end - 2],
        size=len(rest) + 2,
    )


def udp(address: tuple[str, int], asks: Sequence[Ask]) -> list[bytes]:
    """The answers over UDP, in the order of the questions."""
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.settimeout(PATIENCE)
        sock.connect(address)
        return _gather(asks, sock.send, lambda: sock.recv(65_535))


def tcp(address: tuple[str, int], asks: Sequence[Ask]) -> list[bytes]:
    """The answers over one TCP connection, the questions sent without waiting for each (RFC 7766 6.2.1.1)."""
    with socket.create_connection(address, timeout=PATIENCE) as sock, sock.makefile("rb") as stream:

        def receive() -> bytes:
            (length,) = struct.unpack("!H", stream.read(2))
            return stream.read(length)

        return _gather(asks, lambda wire: sock.sendall(struct.pack("!H", len(wire)) + wire), receive)


def _gather(asks: Sequence[Ask], send: Callable[[bytes], object], receive: Callable[[], bytes]) -> list[bytes]:
    """Keep `WINDOW` questions under way until all are answered; answers may come in any order (RFC 7766 6.2.1.1)."""
    assert len(asks) <= 0x10000, "more questions than ids"
    answers: dict[int, bytes] = {}
    sent = 0
    while len(answers) < len(asks):
        while sent < len(asks) and sent - len(answers) < WINDOW:
            send(asks[sent].wire(sent))
            sent += 1
        try:
            wire = receive()
        except (TimeoutError, struct.error) as error:
            missing = next(number for number in range(sent) if number not in answers)
            raise AssertionError(f"no answer to {asks[missing]}") from error
        number = int.from_bytes(wire[:2], "big")
        assert number < sent, f"an answer that nobody asked for: {wire[:40].hex()}"
        assert number not in answers, f"a second answer to {asks[number]}"
        answers[number] = wire
    return [answers[number] for number in range(len(asks))]
