"""DNS by hand: messages packed byte by byte, answers read by a parser that lets nothing pass, and the server under attack.

It shares no code with ours. A message is put together from its parts (`header`, `question`, `record`, `opt`), each of
which can be wrong. `read` is stricter than a client has to be: what RFC 1035 and its followers do not allow in an answer
is an `AssertionError`. Silence is told from slowness without waiting: a good question is sent behind the bad one, and
over one socket of one server its answer comes after whatever the bad one was answered with.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import socket
import struct
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.hostile.wire import PATIENCE, Wire
from tests.processes import Program

ROOT = Path(__file__).parent.parent.parent

# The numbers that the tests use by name (RFC 1035 3.2, 4.1.1; RFC 6891 9; the others' own RFCs).
A, NS, CNAME, SOA, PTR, HINFO, MX, TXT, AAAA, SRV, DNAME, OPT, RRSIG, NSEC, DNSKEY = 1, 2, 5, 6, 12, 13, 15, 16, 28, 33, 39, 41, 46, 47, 48
SIG, HTTPS, TSIG, IXFR, AXFR, ANY = 24, 65, 250, 251, 252, 255
IN, CH, HS, NONE, ANY_CLASS = 1, 3, 4, 254, 255
QUERY, IQUERY, STATUS, NOTIFY, UPDATE, DSO = 0, 1, 2, 4, 5, 6
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED, YXDOMAIN, NOTAUTH, BADVERS, BADCOOKIE = 0, 1, 2, 3, 4, 5, 6, 9, 16, 23
QR, AA, TC, RD, RA, Z, AD, CD = 0x8000, 0x0400, 0x0200, 0x0100, 0x0080, 0x0040, 0x0020, 0x0010
DO = 0x8000
NSID, SUBNET, COOKIE, KEEPALIVE, PADDING = 3, 8, 10, 11, 12

POINTER = 0xC000

LARGEST = 1232
"""The largest answer over UDP that our server gives by itself: what fits IPv6's least packet on any path (RFC 9715 3.1, R5)."""

EXAMPLE = """\
$ORIGIN example.
$TTL 3600
@       SOA ns hostmaster 2024010101 7200 900 1209600 300
        NS ns
ns      A 192.0.2.1
www     A 192.0.2.2
        AAAA 2001:db8::2
alias   CNAME www
*.wild  TXT "any"
sub     NS ns.sub
ns.sub  A 192.0.2.3
"""
"""A zone of ordinary records."""


# --- writing


def name(text: str) -> bytes:
    """The wire form of a dotted name, which is taken as it is: labels of any length up to 255, no escapes."""
    labels = text.rstrip(".").encode("latin-1").split(b".") if text != "." else []
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def name_of(length: int, ending: str = "example.") -> bytes:
    """A name under ``ending`` whose wire form has exactly ``length`` octets, in labels as long as they may be."""
    last = name(ending)
    left = length - len(last)
    labels = []
    while left > 64:
        labels.append(b"\x3f" + b"n" * 63 if left != 65 else b"\x3e" + b"n" * 62)
        left -= len(labels[-1])
    assert left >= 2
    return b"".join([*labels, bytes([left - 1]) + b"n" * (left - 1)]) + last


def pointer(offset: int) -> bytes:
    """A compression pointer (RFC 1035 4.1.4), which can lead no further than 16,383."""
    assert offset < 0x4000
    return struct.pack(">H", POINTER | offset)


def header(id: int = 0x1234, flags: int = 0, qd: int = 1, an: int = 0, ns: int = 0, ar: int = 0) -> bytes:
    """The twelve octets that open every message (RFC 1035 4.1.1). An opcode is `opcode(n)` among the flags."""
    return struct.pack(">6H", id, flags, qd, an, ns, ar)


def opcode(number: int) -> int:
    """An opcode as it stands in the flags."""
    return number << 11


def question(owner: str | bytes = "www.example.", type: int = A, cls: int = IN) -> bytes:
    """One entry of the question section (RFC 1035 4.1.2); an owner of bytes is taken as it is."""
    return (name(owner) if isinstance(owner, str) else owner) + struct.pack(">HH", type, cls)


def record(owner: str | bytes, type: int, rdata: bytes, *, cls: int = IN, ttl: int = 0, length: int | None = None) -> bytes:
    """One resource record (RFC 1035 4.1.3); ``length`` is what its RDLENGTH says where that is not true."""
    wire = name(owner) if isinstance(owner, str) else owner
    return wire + struct.pack(">HHIH", type, cls, ttl, len(rdata) if length is None else length) + rdata


def option(code: int, data: bytes = b"", *, length: int | None = None) -> bytes:
    """One EDNS option (RFC 6891 6.1.2)."""
    return struct.pack(">HH", code, len(data) if length is None else length) + data


def opt(*options: bytes, payload: int = LARGEST, version: int = 0, flags: int = 0, owner: bytes = b"\0") -> bytes:
    """An OPT record (RFC 6891 6.1.2)."""
    return record(owner, OPT, b"".join(options), cls=payload, ttl=version << 16 | flags)


def query(owner: str | bytes = "www.example.", type: int = A, cls: int = IN, *additional: bytes, id: int = 0x1234, flags: int = 0) -> bytes:
    """A query with one question, and records behind it in the additional section."""
    return header(id, flags, ar=len(additional)) + question(owner, type, cls) + b"".join(additional)


def framed(*messages: bytes) -> bytes:
    """Messages as TCP carries them, each behind two octets of its length (RFC 1035 4.2.2)."""
    return b"".join(struct.pack(">H", len(message)) + message for message in messages)


# --- reading


@dataclass(slots=True)
class Record:
    """A record of an answer: names in it are uncompressed, in the case they came in."""

    owner: bytes
    type: int
    cls: int
    ttl: int
    rdata: bytes
    end: int
    "Where in the message it ended."


@dataclass(slots=True)
class Opt:
    payload: int
    version: int
    flags: int
    options: list[tuple[int, bytes]]

    def __getitem__(self, code: int) -> bytes | None:
        """The data of the option ``code``, which may be there once; None without it."""
        found = [data for number, data in self.options if number == code]
        assert len(found) < 2, f"option {code} twice"
        return found[0] if found else None


@dataclass(slots=True)
class Answer:
    id: int
    flags: int
    rcode: int
    questions: list[tuple[bytes, int, int]]
    answer: list[Record] = field(default_factory=list)
    authority: list[Record] = field(default_factory=list)
    additional: list[Record] = field(default_factory=list)
    opt: Opt | None = None
    wire: bytes = b""

    def __contains__(self, flag: int) -> bool:
        """``TC in answer``."""
        return bool(self.flags & flag)

    @property
    def records(self) -> list[Record]:
        return [*self.answer, *self.authority, *self.additional]

    @property
    def types(self) -> list[int]:
        """The types of the answer section's records, in order."""
        return [record.type for record in self.answer]

    @property
    def cookie(self) -> bytes:
        """The COOKIE option's data, which must be there."""
        assert self.opt is not None, "no OPT record"
        found = self.opt[COOKIE]
        assert found is not None, "no COOKIE option"
        return found


COMPRESSED: dict[int, str] = {NS: "n", CNAME: "n", SOA: "nn20", PTR: "n", MX: "2n"}
"""The types of RFC 1035 whose names may be compressed (RFC 3597 4): what their data is made of."""

UNCOMPRESSED: dict[int, str] = {SRV: "6n", DNAME: "n", RRSIG: "18n*", NSEC: "n*"}
"""Names in the data of later types, which must not be (RFC 3597 4, RFC 6672 2.5, RFC 4034 3.1.7 and 4.1.1)."""


class Reader:
    """Takes a message apart, and objects to everything that a careful writer would not have written."""

    def __init__(self, wire: bytes) -> None:
        self.wire = wire
        self.at = 12
        self.seen: set[int] = set()  # where a label of a name began: what a pointer may point to

    def take(self, count: int) -> bytes:
        data = self.wire[self.at : self.at + count]
        assert len(data) == count, f"the message ended at {len(self.wire)}, inside what began at {self.at}"
        self.at += count
        return data

    def name(self, *, compressed: bool = True) -> bytes:
        """A name (RFC 1035 4.1.4): a pointer leads to a label that stood before, where a name was read."""
        labels, at, end, here = [], self.at, 0, []
        while True:
            assert at < len(self.wire), "a name passed the end of the message"
            length = self.wire[at]
            if length >= 0xC0:
                assert compressed, "a name was compressed where it must not be"
                target = struct.unpack_from(">H", self.wire, at)[0] & 0x3FFF
                assert target in self.seen, f"a pointer at {at} to {target}, where no label of an earlier name stands"
                end, at = end or at + 2, target
            else:
                assert length < 64, f"a label of kind {length >> 6:02b}"
                if not end:
                    here.append(at)
                labels.append(self.wire[at : at + length + 1])
                at += length + 1
                if not length:
                    break
        self.at = end or at
        self.seen.update(here)
        whole = b"".join(labels)
        assert len(whole) <= 255, f"a name of {len(whole)} octets"
        return whole

    def record(self) -> Record:
        owner = self.name()
        type, cls, ttl, length = struct.unpack(">HHIH", self.take(10))
        end = self.at + length
        assert end <= len(self.wire), "RDLENGTH passes the end of the message"
        rdata = self.rdata(COMPRESSED.get(type) or UNCOMPRESSED.get(type, "*"), end, type in COMPRESSED)
        assert self.at == end, f"the data of a record of type {type} is not as long as its RDLENGTH"
        if type != OPT:
            assert ttl < 1 << 31, f"a TTL of {ttl} (RFC 2181 8)"
        return Record(owner, type, cls, ttl, rdata, end)

    def rdata(self, form: str, end: int, compressed: bool) -> bytes:
        """``form``: n is a name, a number that many octets, * the rest."""
        parts = []
        while form:
            if form[0] == "n":
                parts.append(self.name(compressed=compressed))
                form = form[1:]
            elif form == "*":
                parts.append(self.take(end - self.at))
                form = ""
            else:
                digits = "".join(itertools.takewhile(str.isdigit, form))
                parts.append(self.take(int(digits)))
                form = form[len(digits) :]
        return b"".join(parts)


def read(wire: bytes) -> Answer:
    """An answer taken apart; AssertionError where it is not as an answer must be, whatever was asked."""
    assert len(wire) >= 12, f"an answer of {len(wire)} octets"
    id, flags, qd, *counts = struct.unpack_from(">6H", wire)
    reader = Reader(wire)
    answer = Answer(id, flags, flags & 15, [(reader.name(), *struct.unpack(">HH", reader.take(4))) for _ in range(qd)], wire=wire)
    for section, count in zip((answer.answer, answer.authority, answer.additional), counts, strict=True):
        section += [reader.record() for _ in range(count)]
    assert reader.at == len(wire), f"{len(wire) - reader.at} octets behind the last record"
    assert flags & QR, "an answer without QR"
    assert not flags & Z, "the bit that must be zero is set (RFC 1035 4.1.1)"
    assert not any(record.type == OPT for record in (*answer.answer, *answer.authority)), "OPT outside the additional section"
    opts = [record for record in answer.additional if record.type == OPT]
    assert len(opts) < 2, "two OPT records"
    for found in opts:
        assert found.owner == b"\0", "OPT's owner must be the root (RFC 6891 6.1.2)"
        assert not found.ttl & 0x7FFF, "flags of OPT that nobody has defined (RFC 6891 6.1.4)"
        answer.additional.remove(found)
        answer.rcode |= found.ttl >> 24 << 4
        answer.opt = Opt(found.cls, found.ttl >> 16 & 0xFF, found.ttl & 0xFFFF, list(options(found.rdata)))
    return answer


def options(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The options of an OPT record's data; AssertionError where they do not fill it."""
    while data:
        code, length = struct.unpack_from(">HH", data)
        assert len(data) >= 4 + length, "an option passes the end of its record"
        yield code, data[4 : 4 + length]
        data = data[4 + length :]


def answer_to(asked: bytes, wire: bytes) -> Answer:
    """`read`, and what every answer has of its query (RFC 1035 4.1.1): id and opcode, RD, at most its question, octet by octet.

    No server of these tests recurses, and none validates: RA and AD are clear.
    """
    answer = read(wire)
    id, flags = struct.unpack_from(">HH", asked)
    assert answer.id == id, f"id {answer.id:#06x} in an answer to {id:#06x}"
    copied = opcode(15) if flags & opcode(15) else opcode(15) | RD  # of other opcodes' flags nothing is known
    assert not (answer.flags ^ flags) & copied, f"opcode or RD were changed: flags {flags:#06x} became {answer.flags:#06x}"
    assert RA not in answer, "RA without recursion"
    assert AD not in answer, "AD without validation"
    assert len(answer.questions) <= 1, "more than one question in an answer (RFC 9619 4)"
    for owner, type, cls in answer.questions:
        assert question(owner, type, cls) == asked[12 : 12 + len(owner) + 4], "another question than was asked"
    return answer


# --- the server, and questions to it


class Server:
    """``wirespeak dns serve`` as a program, asked over UDP and TCP. Every question may come from an address of 127.0.0.0/8 of its own."""

    def __init__(self, program: Program) -> None:
        self.program = program
        ports = {json.loads(program.wait_for(rf'^\{{.*"event": ?"listening".*"{kind}".*\}}')[0])["port"] for kind in ("udp", "tcp")}
        assert len(ports) == 1, f"UDP and TCP listen on ports of their own: {ports}"
        self.address = ("127.0.0.1", int(ports.pop()))
        self.process = psutil.Process(program.pid)
        self.good = query("example.", SOA)
        "A question that is always answered, sent behind bad ones."

    def socket(self, source: str = "127.0.0.1") -> socket.socket:
        """A UDP socket connected to the server."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        sock.settimeout(PATIENCE)
        sock.bind((source, 0))
        sock.connect(self.address)
        return sock

    def connect(self, *, source: str = "127.0.0.1", receive_buffer: int | None = None) -> Stream:
        return Stream(self.address, source=source, receive_buffer=receive_buffer)

    def replies(self, message: bytes, *, source: str = "127.0.0.1") -> list[bytes]:
        """Every datagram that comes back for ``message``, and proof that the server goes on answering.

        The good question behind it is asked twice: what was meant for ``message`` has come by the second answer, even of a
        server whose threads overtake each other.
        """
        came: list[bytes] = []
        with self.socket(source) as sock:
            sock.send(message)
            for id in (0xFFFE, 0xFFFF):
                sock.send(struct.pack(">H", id) + self.good[2:])
                while (data := sock.recv(65535))[:2] != struct.pack(">H", id) or data[12 : len(self.good)] != self.good[12:]:
                    came.append(data)
                assert read(data).rcode == NOERROR
        return came

    def ask(self, message: bytes, *, source: str = "127.0.0.1") -> Answer:
        """The one answer to ``message`` over UDP, checked as far as every answer must be."""
        came = self.replies(message, source=source)
        assert len(came) == 1, f"{len(came)} answers to {message[:100]!r}"
        answer = answer_to(message, came[0])
        most = LARGEST if answer.opt else 512  # RFC 6891 6.2.3, RFC 1035 2.3.4
        assert len(came[0]) <= most, f"{len(came[0])} octets over UDP"
        return answer

    def ask_tcp(self, message: bytes, *, source: str = "127.0.0.1") -> Answer:
        """The answer to ``message`` over a TCP connection of its own."""
        with self.connect(source=source) as stream:
            return stream.ask(message)

    def rcode(self, message: bytes) -> int | None:
        """The rcode that ``message`` is answered with over UDP, by an answer that holds no records; None is silence."""
        came = self.replies(message)
        if not came:
            return None
        assert len(came) == 1, f"{len(came)} answers to {message[:100]!r}"
        answer = answer_to(message, came[0])
        assert not answer.records, "records in the answer to what was not understood"
        assert len(came[0]) <= len(message) + 64, "a broken query was answered with much more than it brought"
        return answer.rcode

    @property
    def memory(self) -> int:
        """Bytes of memory that are the process's own."""
        return int(self.process.memory_full_info().uss)

    def cpu(self) -> float:
        """Seconds of CPU time used by all its threads (Linux counts them in nanoseconds: proc(5), schedstat)."""
        seconds = 0.0
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            with contextlib.suppress(OSError):
                seconds += int((task / "schedstat").read_text().split()[0]) / 1e9
        return seconds

    def flood(self, messages: Iterable[bytes], *, window: int = 64, source: str = "127.0.0.1") -> int:
        """Send all ``messages``, never more than ``window`` of them unanswered; how many answers came.

        The window keeps the kernel from dropping any: each must be answered.
        """
        came = 0
        with self.socket(source) as sock:
            waiting = 0
            for message in messages:
                sock.send(message)
                waiting += 1
                while waiting >= window:
                    sock.recv(65535)
                    waiting -= 1
                    came += 1
            for _ in range(waiting):
                sock.recv(65535)
                came += 1
        return came


class Stream(Wire):
    """A DNS connection over TCP, from an address of 127.0.0.0/8."""

    def __init__(self, address: tuple[str, int], *, source: str = "127.0.0.1", receive_buffer: int | None = None) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(PATIENCE)
        self.socket.bind((source, 0))
        self.socket.connect(address)
        self.received = bytearray()
        self.ended = False

    def message(self) -> bytes:
        """The next message, whole."""
        return self.exactly(struct.unpack(">H", self.exactly(2))[0])

    def ask(self, message: bytes) -> Answer:
        self.send(framed(message))
        return answer_to(message, self.message())

    def __enter__(self) -> Stream:
        return self


def write_zones(directory: Path, zones: Mapping[str, str]) -> list[str]:
    """A zone file for each origin; the arguments that serve them."""
    arguments = []
    for origin, text in zones.items():
        path = directory / f"{origin}zone"
        path.write_text(text, encoding="utf-8")
        arguments += ["--zone", f"{origin}={path}"]
    return arguments


def wirespeak(*arguments: str | Path) -> list[str]:
    """A command of ours, for `tests.processes.Program`."""
    return [sys.executable, "-m", "wirespeak", *map(str, arguments)]


ENVIRONMENT = {"PYTHONPATH": str(ROOT / "src")}


def serve(start: Callable[..., Program], directory: Path, zones: Mapping[str, str], *arguments: str) -> Server:
    """``wirespeak dns serve`` for these zones (origin → text of the file) on a free port; ``start`` runs a program."""
    command = wirespeak("dns", "serve", *write_zones(directory, zones), "--bind", "127.0.0.1:0", "--json", *arguments)
    return Server(start(command, env=ENVIRONMENT, cwd=ROOT))


@contextlib.contextmanager
def serving(directory: Path, zones: Mapping[str, str], *arguments: str) -> Iterator[Server]:
    """`serve` for all tests of a file. It must have lived to the end, and have said nothing that looks like a fault of its own."""
    programs: list[Program] = []

    def start(command: list[str], **surroundings: object) -> Program:
        programs.append(Program(command, **surroundings))  # type: ignore[arg-type]
        return programs[-1]

    try:
        server = serve(start, directory, zones, *arguments)
        yield server
        assert server.program.process.poll() is None, f"the server ended:\n{server.program.output}"
        assert "Traceback" not in server.program.output, server.program.output
    finally:
        for program in programs:
            program.end()
