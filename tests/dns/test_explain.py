"""Every byte of a DNS message explained: edge to edge, and the same as the parser reads."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.dns.rdata.examples import WIRES
from wirespeak.dns import explain as module
from wirespeak.dns.edns import Edns, EdnsOption, client_subnet, extended_error, keepalive, padding
from wirespeak.dns.explain import explain, explain_message, explain_stream
from wirespeak.dns.messages import AA, QR, RD, TC, Message, Question, Record
from wirespeak.dns.names import Name
from wirespeak.dns.rdata import Rdata
from wirespeak.dns.registry import Class, ExtendedError, Opcode, Option, Type, class_text, type_number, type_text
from wirespeak.errors import RemoteProtocolError
from wirespeak.explanation import as_text, tiles

WWW = Name.parse("www.example.com.")
WEB = Name.parse("web.example.com.")
EXAMPLE = Name.parse("example.com.")


def record(name: Name, type: str, text: str, ttl: int = 3600) -> Record:
    return Record(name, type_number(type), Class.IN, ttl, Rdata.parse(type, text, EXAMPLE))


QUERY = Message(4660, RD, questions=[Question(WWW, Type.A)], edns=Edns(options=[EdnsOption(Option.COOKIE, bytes(range(8)))]))
ANSWER = Message(
    4660,
    QR | AA | RD,
    questions=[Question(WWW, Type.A)],
    answers=[record(WWW, "CNAME", "web"), record(WEB, "A", "192.0.2.1", 300)],
    authority=[record(EXAMPLE, "NS", "ns1")],
    additional=[record(Name.parse("ns1.example.com."), "AAAA", "2001:db8::53")],
    edns=Edns(do=True),
)
NEGATIVE = Message(
    1,
    QR | AA,
    3,
    questions=[Question(Name.parse(r"no\.such.example.com."), Type.MX)],
    authority=[record(EXAMPLE, "SOA", "ns1 root 2024 3600 900 604800 86400"), record(EXAMPLE, "NSEC", "a A MX TYPE731")],
)
UPDATE = Message(
    2,
    Opcode.UPDATE << 11,
    questions=[Question(EXAMPLE, Type.SOA)],
    answers=[Record(WWW, Type.ANY, Class.NONE, 0, Rdata(Type.ANY, b""))],
    authority=[Record(WWW, Type.A, Class.ANY, 0, Rdata(Type.A, b"")), record(WWW, "A", "192.0.2.7")],
)
BARE = Message(3, QR | TC, 5)
TYPES = [
    Message(
        type_number(type), QR, answers=[Record(WWW, type_number(type), Class.IN, 1 << 31 >> number % 32, Rdata(type_number(type), wire))]
    )
    for number, (type, wire) in enumerate(WIRES)
    if type not in ("TSIG", "TKEY")
]
MESSAGES = [message.encode() for message in (QUERY, ANSWER, NEGATIVE, UPDATE, BARE, *TYPES)]


# --- what the explanation says, and what the parser reads, in the same shape


def told(data: bytes) -> list[str]:
    """What the parts tell: of each question, and each record, a line of text."""
    lines: dict[str, list[str]] = {}
    name = b""
    for part in explain_message(data):
        if part.group == "header" or part.group.endswith("EDNS") or part.name == "RDLENGTH":
            continue
        words = lines.setdefault(part.group, [])
        match part.name.partition(": ")[2]:
            case "label":
                name += data[part.start : part.end]
            case "root":
                words.append(str(Name(name + b"\0")))
                name = b""
            case "pointer":
                words.append(str(Name(name + Name.parse(part.value).wire)))
                name = b""
            case _:
                words.append("0" if part.name == "TTL" and int(part.value) >= 1 << 31 else part.value)
    return [" ".join(words) for words in lines.values()]


def read(message: Message) -> list[str]:
    """What the parser reads, in the same shape."""
    lines = [f"{question.name} {type_text(question.type)} {class_text(question.cls)}" for question in message.questions]
    for one in message.records():
        line = f"{one.name} {type_text(one.type)} {class_text(one.cls)} {one.ttl} {one.rdata.text() if one.rdata.wire else ''}".rstrip()
        lines.append(line)
    return lines


def parsed(data: bytes) -> Message | RemoteProtocolError:
    try:
        return Message.parse(data)
    except RemoteProtocolError as error:
        return error


def agree(data: bytes) -> None:
    """The explanation lies edge to edge, and its verdict is the parser's."""
    parts = explain_message(data)
    assert tiles(parts, data)
    assert all(part.clause and part.group for part in parts)
    last = parts[-1]
    message = parsed(data)
    if isinstance(message, Message):
        assert {part.kind for part in parts} == {"said"}
        header = {part.name: part.value for part in parts[:6]}
        assert int(header["ID"], 16) == message.id
        assert int(header["flags"], 16) == message.flags | message.rcode & 15
    else:
        assert last.kind in ("malformed", "missing")
        assert (last.kind == "missing") is (message.offset == len(data))
        assert {part.kind for part in parts[:-1]} <= {"said"}
        if last.kind == "malformed":
            assert message.args[0] in last.meaning
            assert message.clause == last.clause
        assert message.offset is None or last.start <= max(message.offset, last.start)


@pytest.mark.parametrize("data", MESSAGES)
def test_messages(data: bytes) -> None:
    agree(data)


@pytest.mark.parametrize("message", [QUERY, ANSWER, NEGATIVE, UPDATE], ids=["query", "answer", "negative", "update"])
def test_what_is_told_is_what_the_parser_reads(message: Message) -> None:
    lines = read(Message.parse(message.encode()))
    for line, other in zip(told(message.encode()), lines, strict=True):
        assert line == other or " NSEC " in other  # a set of types is told window by window


SIMPLE = "A AAAA NS CNAME DNAME PTR SOA MX SRV RP AFSDB RT PX KX DS DNSKEY RRSIG TLSA SSHFP L32 L64 NID LP EUI48 EUI64 DSYNC".split()


@pytest.mark.parametrize("message", [message for message in TYPES if type_text(message.answers[0].type) in SIMPLE])
def test_the_fields_of_a_type_are_told_in_the_order_of_its_text(message: Message) -> None:
    assert told(message.encode()) == read(Message.parse(message.encode()))


def test_each_byte_of_a_query() -> None:
    assert [(part.start, part.end, part.name, part.value, part.group) for part in explain(QUERY.encode())] == [
        (0, 2, "ID", "0x1234", "header"),
        (2, 4, "flags", "0x0100", "header"),
        (4, 6, "QDCOUNT", "1", "header"),
        (6, 8, "ANCOUNT", "0", "header"),
        (8, 10, "NSCOUNT", "0", "header"),
        (10, 12, "ARCOUNT", "1", "header"),
        (12, 16, "QNAME: label", "www", "question"),
        (16, 24, "QNAME: label", "example", "question"),
        (24, 28, "QNAME: label", "com", "question"),
        (28, 29, "QNAME: root", ".", "question"),
        (29, 31, "QTYPE", "A", "question"),
        (31, 33, "QCLASS", "IN", "question"),
        (33, 34, "NAME", ".", "additional 1: EDNS"),
        (34, 36, "TYPE", "OPT", "additional 1: EDNS"),
        (36, 38, "UDP payload size", "1232", "additional 1: EDNS"),
        (38, 42, "TTL", "0x00000000", "additional 1: EDNS"),
        (42, 44, "RDLENGTH", "12", "additional 1: EDNS"),
        (44, 46, "OPTION-CODE", "10 (COOKIE)", "additional 1: EDNS"),
        (46, 48, "OPTION-LENGTH", "8", "additional 1: EDNS"),
        (48, 56, "COOKIE: client cookie", "0001020304050607", "additional 1: EDNS"),
    ]


def test_flags_bit_by_bit() -> None:
    flags = explain(Message(1, QR | AA | RD | 0x30, 3).encode())[1]
    assert {bits.name: (bits.first, bits.count, bits.value) for bits in flags.bits} == {
        "QR": (0, 1, "1"),
        "Opcode": (1, 4, "0"),
        "AA": (5, 1, "1"),
        "TC": (6, 1, "0"),
        "RD": (7, 1, "1"),
        "RA": (8, 1, "0"),
        "Z": (9, 1, "0"),
        "AD": (10, 1, "1"),
        "CD": (11, 1, "1"),
        "RCODE": (12, 4, "3"),
    }
    meanings = {bits.name: bits.meaning for bits in flags.bits}
    assert meanings["QR"] == "an answer"
    assert meanings["Opcode"] == "QUERY: a question, or the answer to one"
    assert meanings["RCODE"] == "NXDOMAIN: the name does not exist"
    assert meanings["TC"] == ""


def test_a_name_with_a_pointer() -> None:
    parts = {part.name: part for part in explain(ANSWER.encode()) if part.group == "answer 1"}
    assert parts["NAME: pointer"].value == "www.example.com."
    assert parts["NAME: pointer"].meaning == "stands at byte 12; whose record it is"
    assert [(bits.name, bits.value) for bits in parts["NAME: pointer"].bits] == [("pointer", "11"), ("OFFSET", "12")]
    assert parts["target: label"].value == "web"
    assert parts["target: pointer"].value == "example.com."
    assert (
        parts["target: pointer"].meaning == "stands at byte 16; the end; the whole is web.example.com., the name that this one stands for"
    )


def test_the_sections_of_an_update_have_names_of_their_own() -> None:
    """RFC 2136 2."""
    groups = list(dict.fromkeys(part.group for part in explain(UPDATE.encode())))
    assert groups == ["header", "zone", "prerequisite 1", "update 1", "update 2"]


def test_the_extended_response_code() -> None:
    parts = explain(Message(1, QR, 16, edns=Edns(do=True)).encode())
    bits = next(part for part in parts if part.name == "TTL").bits
    assert [(one.name, one.value, one.meaning) for one in bits] == [
        ("EXTENDED-RCODE", "1", "with the header's RCODE: BADVERS"),
        ("VERSION", "0", "of EDNS"),
        ("DO", "1", "signatures are wanted too"),
        ("Z", "0", "reserved"),
    ]


OPTIONS = [
    (client_subnet("192.0.2.0/24"), {"family": "1", "source prefix-length": "24", "scope prefix-length": "0", "address": "192.0.2.0"}),
    (client_subnet("::/0"), {"family": "2", "source prefix-length": "0", "scope prefix-length": "0"}),
    (EdnsOption(Option.CLIENT_SUBNET, b"\0\3\0\0"), {"option data": "00030000"}),
    (EdnsOption(Option.COOKIE, bytes(8)), {"client cookie": "00" * 8}),
    (EdnsOption(Option.COOKIE, bytes(24)), {"client cookie": "00" * 8, "server cookie": "00" * 16}),
    (EdnsOption(Option.COOKIE, bytes(9)), {"option data": "00" * 9}),
    (EdnsOption(Option.COOKIE, bytes(41)), {"option data": "00" * 41}),
    (EdnsOption(Option.NSID, b"ns1\xff"), {"identifier": r"ns1\xff"}),
    (EdnsOption(Option.NSID), {}),
    (padding(40, 128), {"padding": "84 bytes"}),
    (keepalive(), {}),
    (keepalive(30), {"timeout": "300"}),
    (EdnsOption(Option.TCP_KEEPALIVE, b"\0"), {"option data": "00"}),
    (extended_error(ExtendedError.STALE_ANSWER, "old"), {"INFO-CODE": "3", "EXTRA-TEXT": "old"}),
    (EdnsOption(Option.EXTENDED_ERROR, b"\xff\xff"), {"INFO-CODE": "65535"}),
    (EdnsOption(Option.EXTENDED_ERROR, b"\0"), {"option data": "00"}),
    (EdnsOption(Option.DAU, b"\x08\x0d"), {"algorithms": "8 13"}),
    (EdnsOption(Option.DHU, b"\x02"), {"algorithms": "2"}),
    (EdnsOption(Option.N3U, b"\x01\x02"), {"algorithms": "1 2"}),
    (EdnsOption(Option.KEY_TAG, b"\x4f\x66\x96\x26"), {"key tags": "20326 38438"}),
    (EdnsOption(Option.EXPIRE, b"\0\0\x0e\x10"), {"EXPIRE": "3600"}),
    (EdnsOption(Option.CHAIN, EXAMPLE.wire), {"closest trust point": "example.com."}),
    (EdnsOption(Option.CHAIN, b"\xc0\0"), {"option data": "c000"}),
    (EdnsOption(Option.REPORT_CHANNEL, EXAMPLE.wire), {"agent domain": "example.com."}),
    (EdnsOption(Option.REPORT_CHANNEL, EXAMPLE.wire + b"x"), {"option data": (EXAMPLE.wire + b"x").hex()}),
    (EdnsOption(Option.ZONEVERSION, b"\2\0\0\0\0\7"), {"LABELCOUNT": "2", "TYPE": "0", "VERSION": "7"}),
    (EdnsOption(Option.ZONEVERSION, b"\2"), {"option data": "02"}),
    (EdnsOption(Option.UPDATE_LEASE, b"\0\0\0\1\0\0\0\2"), {"LEASE": "1", "KEY-LEASE": "2"}),
    (
        EdnsOption(Option.LLQ, bytes(17) + b"\1"),
        {"LLQ-VERSION": "0", "LLQ-OPCODE": "0", "LLQ-ERROR": "0", "LLQ-ID": "00" * 8, "LLQ-LEASE": "1"},
    ),
    (EdnsOption(65001, b"x"), {"option data": "78"}),
]


@pytest.mark.parametrize(("option", "values"), OPTIONS)
def test_options(option: EdnsOption, values: dict[str, str]) -> None:
    data = Message(1, questions=[Question(WWW, 1)], edns=Edns(options=[option, EdnsOption(Option.NSID)])).encode()
    agree(data)
    parts = [part for part in explain(data) if ": " in part.name and part.group.endswith("EDNS")]
    assert {part.name.partition(": ")[2]: part.value for part in parts} == values
    assert all(
        "not as the option should be" in part.meaning for part in parts if part.name.endswith("option data") and option.code != 65001
    )


def test_every_option_of_the_registry_is_explained() -> None:
    assert {option.code for option, _ in OPTIONS} >= set(Option)


def test_a_record_of_a_version_that_is_unknown() -> None:
    data = Message(1, QR, answers=[Record(WWW, Type.LOC, Class.IN, 60, Rdata(Type.LOC, b"\1\2\3"))]).encode()
    agree(data)
    last = explain(data)[-1]
    assert (last.name, last.meaning, last.clause) == ("RDATA", "of a form that is unknown here", "RFC 1876 2")


# --- what breaks

HEADER = bytes.fromhex("1234 0100 0001 0000 0000 0000")
QUESTION = WWW.wire + b"\0\1\0\1"


def with_counts(*counts: int) -> bytes:
    return HEADER[:4] + b"".join(count.to_bytes(2) for count in counts)


BROKEN = [
    # bytes, where the last part begins, its kind, name of the part before, what is told
    (b"", 0, "missing", "", "the message ends inside its header"),
    (b"\x12\x34\x01", 2, "missing", "ID", "the message ends inside its header"),
    (HEADER, 12, "missing", "ARCOUNT", "the message ends inside a name"),
    (HEADER + QUESTION[:6], 16, "missing", "QNAME: label", "the message ends inside a name"),
    (HEADER + QUESTION[:-3], 29, "missing", "QNAME: root", "the message ends inside its question"),
    (HEADER + b"\xc0\x0c\0\1\0\1", 12, "malformed", "ARCOUNT", "a compression pointer that does not lead back"),
    (HEADER + b"\3www\x80x", 16, "malformed", "QNAME: label", "a label of the unknown kind 10"),
    (HEADER + b"\1a" * 130 + b"\0\0\1\0\1", 272, "malformed", "QNAME: label", "a name of more than 255 bytes"),
    (HEADER + QUESTION + b"xx", 33, "malformed", "QCLASS", "2 bytes behind the last record"),
    (
        with_counts(0, 1, 0, 0) + b"\0\0\1\0\1\0\0\0\0\0\3abc",
        23,
        "malformed",
        "RDLENGTH",
        "A: address: the data ends inside an IPv4 address",
    ),
    (with_counts(0, 1, 0, 0) + b"\0\0\1\0\1\0\0\0\0\0\4abc", 23, "missing", "RDLENGTH", "the message ends inside the data of A"),
    (with_counts(0, 1, 0, 0) + b"\0\0\1\0\1\0\0", 13, "missing", "NAME: root", "the message ends inside its answer 1"),
    (with_counts(0, 1, 0, 0) + b"\0\0\x0f\0\1\0\0\0\0\0\4\0\1\xc0\x30", 25, "malformed", "preference", "does not lead back"),
    (with_counts(0, 1, 0, 0) + b"\0\0\x29\4\0\0\0\0\0\0\0", 23, "malformed", "RDLENGTH", "an OPT record that is not the root's"),
    (with_counts(0, 0, 0, 2) + 2 * b"\0\0\x29\4\0\0\0\0\0\0\0", 23, "malformed", "RDLENGTH", "two OPT records"),
    (
        with_counts(0, 0, 0, 1) + b"\0\0\x29\4\0\0\0\0\0\0\6\0\3\0\0\0\3",
        27,
        "malformed",
        "OPTION-LENGTH",
        "an option that ends in its head",
    ),
    (with_counts(0, 0, 0, 1) + b"\0\0\x29\4\0\0\0\0\0\0\5\0\3\0\2x", 23, "malformed", "RDLENGTH", "an option that ends behind its record"),
]


@pytest.mark.parametrize(("data", "start", "kind", "before", "told_"), BROKEN)
def test_what_breaks_and_where(data: bytes, start: int, kind: str, before: str, told_: str) -> None:
    parts = explain(data)
    agree(data)
    last = parts[-1]
    assert (last.start, last.kind, parts[-2].name if len(parts) > 1 else "") == (start, kind, before)
    assert told_ in last.meaning
    if kind == "malformed":
        assert "; a server answers 1 (FORMERR)" in last.meaning


@pytest.mark.parametrize("data", MESSAGES)
def test_messages_cut_off_anywhere(data: bytes) -> None:
    for size in range(len(data)):
        agree(data[:size])


# --- over TCP


def framed(*messages: bytes) -> bytes:
    return b"".join(len(message).to_bytes(2) + message for message in messages)


def test_messages_with_their_lengths() -> None:
    data = framed(MESSAGES[0], MESSAGES[1])
    parts = explain(data)
    assert tiles(parts, data)
    lengths = [part for part in parts if part.name == "length"]
    assert [(part.start, part.value, part.group) for part in lengths] == [
        (0, str(len(MESSAGES[0])), "length"),
        (2 + len(MESSAGES[0]), str(len(MESSAGES[1])), "message 2: length"),
    ]
    first = [part for part in parts if 2 <= part.start < lengths[1].start]
    assert [(part.start - 2, part.value, part.group) for part in first] == [
        (part.start, part.value, part.group) for part in explain(MESSAGES[0])
    ]
    second = [part.value for part in parts if part.start > lengths[1].start]
    assert second == [part.value for part in explain(MESSAGES[1])]


def test_a_message_is_no_stream_because_its_id_happens_to_be_its_length() -> None:
    message = Message(0, RD, questions=[Question(WWW, 1)]).encode()
    message = (len(message) - 2).to_bytes(2) + message[2:]
    assert explain(message)[0].name == "ID"


def test_a_broken_message_within_a_stream() -> None:
    """Where it ends is known, so the next one is explained."""
    data = framed(HEADER + QUESTION + b"x", MESSAGES[0])
    parts = explain(data)
    assert tiles(parts, data)
    assert [part.name for part in parts if part.kind == "malformed"] == ["malformed"]
    assert parts[-1].group == "message 2: additional 1: EDNS"


@pytest.mark.parametrize(("size", "kind"), [(0, "missing"), (1, "missing"), (2, "missing"), (20, "missing"), (57, "missing"), (58, "said")])
def test_a_stream_cut_off(size: int, kind: str) -> None:
    data = framed(MESSAGES[0])[:size]
    parts = explain_stream(data)
    assert tiles(parts, data)
    assert parts[-1].kind == kind


# --- whatever comes


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    data = draw(st.sampled_from(MESSAGES))
    for _ in range(draw(st.integers(1, 4))):
        at, end = sorted((draw(st.integers(0, len(data))), draw(st.integers(0, len(data)))))
        match draw(st.sampled_from(["insert", "replace", "delete", "repeat"])):
            case "insert":
                data = data[:at] + draw(st.binary(max_size=3)) + data[at:]
            case "replace":
                data = data[:at] + draw(st.binary(min_size=1, max_size=2)) + data[at + 1 :]
            case "delete":
                data = data[:at] + data[min(end, at + 5) :]
            case "repeat":
                data = data[:end] + data[at:]
    return data


@given(mutated())
def test_mutated_messages(data: bytes) -> None:
    agree(data)
    assert tiles(explain(data), data)


@given(st.lists(mutated(), max_size=3), st.binary(max_size=3))
def test_mutated_streams(messages: list[bytes], end: bytes) -> None:
    data = framed(*messages) + end
    assert tiles(explain_stream(data), data)
    assert tiles(explain(data), data)


@given(st.binary(max_size=200))
@example(b"\0\0")
@example(b"\0\x0c" + bytes(12))
def test_arbitrary_bytes(data: bytes) -> None:
    agree(data)
    assert tiles(explain(data), data)
    assert tiles(explain_stream(data), data)


@given(st.lists(st.integers(0, 60), min_size=1, max_size=300))
@example(list(range(200)))
def test_chains_of_pointers(targets: list[int]) -> None:
    """The names of records lead to those of records before them: for the parser and here, one that was read is known."""
    data = with_counts(0, len(targets), 0, 0)
    for number, target in enumerate(targets):
        name = b"\1a\0" if not number else (0xC000 | 12 + 12 * max(0, number - 1 - target) + (number - 1 > target)).to_bytes(2)
        data += name + b"\0\1\0\1" + bytes(4) + b"\0\0"
    agree(data)


# --- bounds

MEGABYTE = 1 << 20
RECORD = b"\xc0\x0c\0\x10\0\1\0\0\0\0\0\2\1x"
LONG = {
    "labels": HEADER + b"\1a" * (MEGABYTE // 2),
    "records": with_counts(1, 65535, 0, 0) + QUESTION + RECORD * 65535,
    "strings": with_counts(0, 1, 0, 0) + b"\0\0\x10\0\1\0\0\0\0\xff\xff" + b"\0" * 65535,
    "options": with_counts(0, 0, 0, 1) + b"\0\0\x29\0\0\0\0\0\0\xff\xfc" + b"\0\3\0\0" * 16383,
    "types": with_counts(0, 1, 0, 0) + b"\0\0\x2f\0\1\0\0\0\0\x22\1\0" + b"".join(bytes((n, 32)) + b"\xff" * 32 for n in range(256)),
    "messages": framed(*[BARE.encode()] * (MEGABYTE // 14)),
    "zeros": bytes(MEGABYTE),
    "pointers": with_counts(65535, 0, 0, 0) + b"\0\0\1\0\1" + b"\xc0\x0c\0\1\0\1" * 65534,
}


@pytest.mark.parametrize("data", LONG.values(), ids=LONG.keys())
def test_time_grows_no_faster_than_the_input(data: bytes) -> None:
    """A megabyte of each takes a second or so. Were a step quadratic, it would take hours."""
    before = time.process_time()
    parts = explain(data)
    assert time.process_time() - before < 20
    assert tiles(parts, data)


def test_parts_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_PARTS", 20)
    for data in (MESSAGES[1], framed(*MESSAGES[:3])):
        parts = explain(data)
        assert tiles(parts, data)
        assert len(parts) == 21
        assert (parts[-1].name, parts[-1].kind, parts[-1].end) == ("rest", "said", len(data))
        assert parts[-1].meaning == "not explained any further: 20 parts are enough"


def test_nothing_that_was_sent_reaches_the_terminal() -> None:
    evil = b"\x1b[2J\xe2\x80\xae\n"
    name = Name(bytes((len(evil),)) + evil + b"\0")
    data = Message(1, QR, questions=[Question(name, 1)], answers=[Record(name, 16, 1, 0, Rdata.of("TXT", evil))]).encode()
    shown = as_text(data, explain(data))
    assert r"\x1b[2J" in shown
    assert shown.replace("\n", "").isprintable()
