"""Messages, made of bytes and back: the examples of RFC 1035 4.1, names as pointers, and what is no message."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirespeak.dns.edns import Edns, EdnsOption
from wirespeak.dns.messages import AA, QR, RD, TC, Message, Question, Record
from wirespeak.dns.names import Name
from wirespeak.dns.rdata import Rdata
from wirespeak.dns.registry import Class, Opcode, Rcode, Type, type_number
from wirespeak.errors import RemoteProtocolError

QUERY = bytes.fromhex("1234 0100 0001 0000 0000 0000 03777777 076578616d706c65 00 0001 0001")
OPT = bytes.fromhex("00 0029 04d0 00 00 8000 0000")


def record(line: str, ttl: int = 300) -> Record:
    owner, type, data = line.split(None, 2)
    return Record(Name.parse(owner), type_number(type), 1, ttl, Rdata.parse(type, data))


def with_counts(data: bytes, questions: int = 1, answers: int = 0, authority: int = 0, additional: int = 0) -> bytes:
    return data[:4] + b"".join(count.to_bytes(2, "big") for count in (questions, answers, authority, additional)) + data[12:]


def test_a_question_is_read_and_written() -> None:
    query = Message.parse(QUERY)
    assert (query.id, query.opcode, query.rd, query.qr, query.rcode) == (0x1234, Opcode.QUERY, True, False, 0)
    assert query.questions == [Question(Name.parse("www.example."), Type.A, 1)]
    assert query.edns is None
    assert query.encode() == QUERY
    assert Message.query(Name.parse("www.example."), Type.A, id=0x1234).encode() == QUERY
    assert str(query) == "www.example. IN A: NOERROR, 0 answers"


def test_names_that_stood_before_are_pointers() -> None:
    # The four names of RFC 1035 4.1.4: F.ISI.ARPA, FOO.F.ISI.ARPA, ARPA and the root.
    reply = Message(flags=QR, answers=[record(f"{name} TXT x") for name in ("F.ISI.ARPA.", "FOO.F.ISI.ARPA.", "ARPA.", ".")])
    data = reply.encode()
    assert data[12:24] == b"\x01F\x03ISI\x04ARPA\0"
    second = 12 + 12 + 10 + 2
    assert data[second : second + 6] == b"\x03FOO\xc0\x0c"
    third = second + 6 + 10 + 2
    assert data[third : third + 2] == b"\xc0\x12"
    fourth = third + 2 + 10 + 2
    assert data[fourth] == 0
    assert Message.parse(data) == reply


def test_names_in_the_data_of_the_old_types_are_pointers_too_and_in_others_not() -> None:
    reply = Message(flags=QR, answers=[record("example. MX 10 mail.example."), record("example. SRV 0 0 1 mail.example.")])
    assert reply.encode().count(b"\x04mail") == 2
    assert reply.encode().count(b"\x07example") == 2  # the owner's, and that of SRV (RFC 2782)
    assert Message.parse(reply.encode()) == reply


def test_case_is_kept() -> None:
    reply = Message(flags=QR, answers=[record("Example. NS NS.example.")])
    assert str(Message.parse(reply.encode()).answers[0]) == "Example. 300 IN NS NS.Example."


def test_a_response_code_of_twelve_bits() -> None:
    reply = Message(flags=QR, rcode=Rcode.BADVERS, edns=Edns())
    data = reply.encode()
    assert (data[3] & 15, data[12 + 5]) == (0, 1)
    assert Message.parse(data).rcode == Rcode.BADVERS
    assert Message.parse(data).rcode_name == "BADVERS"


def test_options_are_read_and_written() -> None:
    query = Message.query(Name.parse("."), Type.NS, edns=Edns(4096, 0, True, [EdnsOption(10, b"12345678"), EdnsOption(3)]))
    read = Message.parse(query.encode())
    assert read == query
    assert read.edns is not None
    assert (read.edns.option(10), read.edns.option(3), read.edns.option(8)) == (b"12345678", b"", None)


def test_a_ttl_with_its_topmost_bit_set_is_zero() -> None:
    data = bytearray(Message(flags=QR, answers=[record(". TXT x")]).encode())
    data[17] = 0x80
    assert Message.parse(bytes(data)).answers[0].ttl == 0  # RFC 2181 8


# --- room


def test_what_does_not_fit_is_left_out_and_said_so() -> None:
    lines = [record(f"example. TXT {'x' * 100}-{number}") for number in range(20)]
    reply = Message(flags=QR | AA, questions=[Question(Name.parse("example."), Type.TXT)], answers=lines, edns=Edns())
    whole = reply.encode()
    assert len(whole) > 1232
    cut = reply.encode(1232)
    assert Message.parse(cut) == Message(flags=QR | AA | TC, questions=reply.questions, edns=Edns())
    assert reply.encode(len(whole)) == whole
    assert Message.parse(reply.encode(len(whole) - 1)).tc


def test_additional_records_are_left_out_silently_an_rrset_at_a_time() -> None:
    more = [record("a.example. A 192.0.2.1"), record("a.example. A 192.0.2.2"), record("b.example. A 192.0.2.3")]
    reply = Message(flags=QR, answers=[record("example. MX 10 a.example.")], additional=more)
    read = Message.parse(reply.encode(len(reply.encode()) - 17))
    assert (read.tc, read.additional) == (False, more[:2])
    read = Message.parse(reply.encode(len(reply.encode()) - 32))
    assert (read.tc, read.additional) == (False, more[2:])


def test_but_not_those_that_are_needed() -> None:
    glue = [record("ns.sub.example. A 192.0.2.1")]
    reply = Message(flags=QR, authority=[record("sub.example. NS ns.sub.example.")], additional=glue, needed=1)
    assert Message.parse(reply.encode(len(reply.encode()) - 1)) == Message(flags=QR | TC)  # RFC 9471 3.1


# --- what is no message


@pytest.mark.parametrize(
    ("data", "offset", "clause"),
    [
        (b"", 0, "RFC 1035 4.1.1"),
        (QUERY[:11], 11, "RFC 1035 4.1.1"),
        (QUERY[:-1], len(QUERY) - 1, "RFC 1035 4.1.2"),
        (QUERY[:-5], len(QUERY) - 5, "RFC 1035 4.1.2"),
        (QUERY + b"\0", len(QUERY), "RFC 1035 4.1"),
        (with_counts(QUERY, questions=2), len(QUERY), "RFC 1035 4.1.2"),
        (with_counts(QUERY, questions=65535), len(QUERY), "RFC 1035 4.1.2"),
        (with_counts(QUERY, answers=1), len(QUERY), "RFC 1035 4.1.2"),
        (with_counts(QUERY + b"\0" + bytes(9), answers=1), len(QUERY) + 10, "RFC 1035 4.1.3"),
        (with_counts(QUERY + b"\0" + bytes(9) + b"\x01", answers=1), len(QUERY) + 11, "RFC 1035 4.1.3"),
        (with_counts(QUERY + OPT + OPT, additional=2), len(QUERY) + 11, "RFC 6891 6.1.1"),
        (with_counts(QUERY + OPT, answers=1), len(QUERY), "RFC 6891 6.1.1"),
        (with_counts(QUERY + b"\x01a" + OPT, additional=1), len(QUERY), "RFC 6891 6.1.1"),
        (with_counts(QUERY + OPT[:-2] + b"\0\x03\0\x03\0", additional=1), len(QUERY) + 11, "RFC 6891 6.1.2"),
        (with_counts(QUERY + OPT[:-2] + b"\0\x04\0\x03\0\x01", additional=1), len(QUERY) + 11, "RFC 6891 6.1.2"),
        (QUERY[:12] + b"\xc0\x0c" + QUERY[-4:], 12, "RFC 1035 4.1.4"),
        (QUERY[:12] + b"\x40" + QUERY[13:], 12, "RFC 6891 5"),
    ],
)
def test_what_is_no_message(data: bytes, offset: int, clause: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        Message.parse(data)
    assert (caught.value.code, caught.value.offset, caught.value.clause) == (Rcode.FORMERR, offset, clause)


def test_an_update_deletes_by_records_without_data() -> None:
    # RFC 2136 2.5.2: an RRset is deleted by a record of class ANY, without data.
    data = with_counts(QUERY + b"\xc0\x0c\0\x01\0\xff\0\0\0\0\0\0", authority=1)
    assert Message.parse(data).authority[0].rdata.wire == b""
    with pytest.raises(RemoteProtocolError):
        Message.parse(data.replace(b"\0\xff\0\0\0\0\0\0", b"\0\x01\0\0\0\0\0\0"))


def test_what_an_update_says_without_data_is_written_so() -> None:
    for kind in (Type.A, Type.NS, Type.SOA, Type.MX):  # of the last three the data would hold names to compress
        update = Message(questions=[Question(Name.parse("example."), Type.SOA)])
        update.authority.append(Record(Name.parse("www.example."), kind, Class.ANY, 0, Rdata(kind, b"")))
        assert Message.parse(update.encode()) == update


names = st.lists(st.binary(min_size=1, max_size=20), max_size=5).map(
    lambda labels: Name(b"".join([bytes([len(x)]) + x for x in labels]) + b"\0")
)
rdatas = st.one_of(
    st.binary(min_size=4, max_size=4).map(lambda data: Rdata(Type.A, data)),
    names.map(lambda name: Rdata(Type.NS, name.wire)),
    st.tuples(st.binary(min_size=2, max_size=2), names).map(lambda pair: Rdata(Type.MX, pair[0] + pair[1].wire)),
    st.binary(max_size=40).map(lambda data: Rdata(731, data)),
)
records = st.lists(
    st.builds(lambda name, rdata, ttl: Record(name, rdata.type, 1, ttl, rdata), names, rdatas, st.integers(0, 2**31 - 1)), max_size=4
)
messages = st.builds(
    Message,
    st.integers(0, 65535),
    st.sampled_from([0, QR | AA, RD]),
    st.integers(0, 15),
    st.lists(st.builds(Question, names, st.integers(0, 65535), st.integers(0, 65535)), max_size=2),
    records,
    records,
    records,
    st.one_of(st.none(), st.builds(Edns, st.integers(0, 65535), st.integers(0, 255), st.booleans())),
)


@given(messages)
def test_any_message_comes_back_as_it_went(message: Message) -> None:
    assert Message.parse(message.encode()) == message


@given(messages, st.data())
def test_a_part_of_one_is_refused(message: Message, data: st.DataObject) -> None:
    whole = message.encode()
    with pytest.raises(RemoteProtocolError):
        Message.parse(whole[: data.draw(st.integers(0, len(whole) - 1))])


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(tail: bytes) -> None:
    for counts in ((1, 0, 0, 0), (0, 1, 1, 0), (0, 0, 0, 2)):
        try:
            message = Message.parse(with_counts(QUERY[:12], *counts) + tail)
        except RemoteProtocolError as error:
            assert error.offset is None or error.offset <= 12 + len(tail)  # noqa: PT017
        else:
            assert Message.parse(message.encode()) == message


def test_in_a_class_of_its_own_data_is_opaque() -> None:
    data = with_counts(QUERY + b"\xc0\x0c\0\x01\0\x03\0\0\0\0\0\x06\x04addr\0", answers=1)
    assert Message.parse(data).answers[0].rdata.wire == b"\x04addr\0"  # an A record of CHAOS: a name, and a number
    with pytest.raises(RemoteProtocolError):
        Message.parse(data.replace(b"\0\x01\0\x03", b"\0\x01\0\x01"))
