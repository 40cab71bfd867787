"""Queries that are not what a server expects, over real sockets: answers sent to it, opcodes and classes it does not serve,
no question or two, sections filled that a query leaves empty, octets behind the end, signatures, and recursion asked for.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import pytest

from tests.hostile.dns_wire import (
    AA,
    AAAA,
    AD,
    ANY,
    ANY_CLASS,
    AXFR,
    CD,
    CH,
    COOKIE,
    DNSKEY,
    DSO,
    EXAMPLE,
    FORMERR,
    IN,
    IQUERY,
    IXFR,
    MX,
    NOERROR,
    NONE,
    NOTAUTH,
    NOTIFY,
    NOTIMP,
    NS,
    NXDOMAIN,
    OPT,
    QR,
    RA,
    RD,
    REFUSED,
    SIG,
    SOA,
    STATUS,
    TC,
    TSIG,
    TXT,
    UPDATE,
    A,
    Server,
    Z,
    answer_to,
    framed,
    header,
    name,
    opcode,
    opt,
    option,
    query,
    question,
    record,
    serving,
)

ADDRESS = record("www.example.", A, bytes((203, 0, 113, 66)), ttl=86400)
"""What a poisoner would have others believe."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("queries"), {"example.": EXAMPLE}) as server:
        yield server


# --- answers sent to a server


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(header(flags=QR) + question(), id="a query with QR"),
        pytest.param(header(flags=QR | AA, an=1) + question() + ADDRESS, id="an answer"),
        pytest.param(header(flags=QR | FORMERR, qd=0), id="a format error"),
        pytest.param(header(flags=QR | opcode(15), qd=0), id="of an unknown opcode"),
        pytest.param(header(flags=QR, qd=65535, an=65535), id="with counts larger than the message"),
        pytest.param(header(flags=QR) + b"\xc0\x0c" + bytes(4), id="with a pointer to itself"),
        pytest.param(header(flags=QR, qd=2) + question() * 2, id="with two questions"),
        pytest.param(header(flags=QR, ar=1) + question() + opt(version=1), id="of EDNS version 1"),
        pytest.param(header(flags=QR | opcode(UPDATE)) + question("example.", SOA), id="of an update"),
        pytest.param(header(flags=0xFFFF, qd=65535, an=65535, ns=65535, ar=65535), id="all bits set"),
        pytest.param(header(flags=QR) + b"\xff" * 1000, id="with anything behind it"),
    ],
)
def test_an_answer_is_never_answered(server: Server, message: bytes) -> None:
    """Not with an error either: two servers would go on telling each other so for ever (RFC 1035 7.1, RFC 5625's loops)."""
    assert server.replies(message) == []


def test_an_answer_over_tcp_is_not_answered_either(server: Server) -> None:
    with server.connect() as stream:
        stream.send(framed(header(flags=QR) + question()))
        stream.finish()
        try:
            assert stream.rest() == b""
        except ConnectionError:
            pass  # it may also be cut off


def test_what_the_server_answers_is_not_answered_again(server: Server) -> None:
    """Every kind of answer it gives, sent back to it."""
    broken = [header(qd=2) + question() * 2, header(flags=opcode(7), qd=0), query("www.test."), query("no.example."), query()]
    for message in broken:
        (answer,) = server.replies(message)
        assert server.replies(answer) == []


# --- opcodes


@pytest.mark.parametrize("number", [IQUERY, STATUS, 3, DSO, *range(7, 16)])
def test_other_opcodes_are_not_implemented(server: Server, number: int) -> None:
    """RFC 1035 4.1.1, RFC 3425 3 (IQUERY), RFC 8490 5.1 (DSO, whose messages have no question: that is no format error)."""
    flags = opcode(number) | RD
    assert server.rcode(header(flags=flags) + question()) == NOTIMP
    assert server.rcode(header(flags=flags, ar=1) + question() + opt()) == NOTIMP
    assert server.rcode(header(flags=flags, qd=0)) == NOTIMP
    for broken in (header(flags=flags) + b"\xff" * 9, header(flags=flags, qd=65535), header(flags=flags)):
        assert server.rcode(broken) in (NOTIMP, FORMERR)


@pytest.mark.parametrize("number", [NOTIFY, UPDATE])
@pytest.mark.parametrize("zone", ["example.", "test."])
def test_notify_and_update_change_nothing(server: Server, number: int, zone: str) -> None:
    """A primary has no use for the one (RFC 1996 3.11) and does not take the other from strangers (RFC 2136 3.3, 6)."""
    added = record("www.example.", TXT, b"\5added")
    message = header(0x1234, opcode(number), ns=number == UPDATE) + question(zone, SOA) + added * (number == UPDATE)
    assert server.rcode(message) in (NOTIMP, REFUSED, NOTAUTH)
    assert server.ask(query("www.example.", TXT)).answer == []


# --- classes and types


def test_no_other_class_is_served(server: Server) -> None:
    """RFC 1034 4.3.2 2: no zone of that class is here. (CHAOS has names of its own, and no others.)"""
    for cls in (0, 2, CH, *range(4, 254), *range(256, 300), 0x8001, *range(0xFEF0, 0x10000)):
        answer = server.ask(query("www.example.", A, cls))
        assert answer.rcode == REFUSED or (cls == 0 and answer.rcode == FORMERR), f"class {cls}"  # 0 is reserved (RFC 6895 3.2)
        assert answer.answer == []
        assert AA not in answer


@pytest.mark.parametrize("cls", [NONE, ANY_CLASS])
def test_the_classes_that_are_none(server: Server, cls: int) -> None:
    """NONE is for updates alone (RFC 2136 2.4). An answer to any class cannot be authoritative (RFC 1035 3.2.5, RFC 1034 6.2.2)."""
    answer = server.ask(query("www.example.", A, cls))
    assert AA not in answer
    assert answer.rcode in (REFUSED, FORMERR, NOTIMP) or (cls == ANY_CLASS and answer.rcode == NOERROR)


@pytest.mark.parametrize("owner", ["version.bind.", "hostname.bind.", "id.server.", "authors.bind.", "x.bind.", ".", "bind."])
@pytest.mark.parametrize("type", [TXT, A, ANY, SOA])
def test_chaos_tells_no_more_than_a_line(server: Server, owner: str, type: int) -> None:
    """RFC 4892. From a spoofed address it must not be worth asking."""
    message = query(owner, type, CH)
    (wire,) = server.replies(message)
    answer = answer_to(message, wire)
    assert answer.rcode in (NOERROR, REFUSED, NXDOMAIN)
    assert len(wire) < len(message) + 150
    assert all(found.cls == CH for found in answer.records)


def test_every_type_is_answered(server: Server) -> None:
    """A type that nobody has defined is one that the name has no data of (RFC 3597 2, RFC 2308 2.2)."""
    data = {*range(1, 128), *range(256, 300), 0x7FFF, *range(0xFEF0, 0xFFFF)} - {OPT}  # RFC 6895 3.1
    for type in data:
        answer = server.ask(query("ns.example.", type))
        assert (answer.rcode, AA in answer) == (NOERROR, True), f"type {type}"
        assert answer.types == [A] * (type == A)
        if type != A:
            assert [found.type for found in answer.authority] == [SOA]


@pytest.mark.parametrize("type", [0, OPT, *range(128, 255), 0xFFFF])
def test_types_that_no_record_has(server: Server, type: int) -> None:
    """TKEY, TSIG, transfers, MAILB and MAILA, and numbers kept for more of their kind (RFC 6895 3.1).

    There is nothing to show, and no transfer over UDP (RFC 5936 4.2).
    """
    for owner in ("example.", "www.example."):
        answer = server.ask(query(owner, type))
        assert answer.rcode in (NOERROR, FORMERR, NOTIMP, REFUSED, NOTAUTH)
        assert answer.answer == [] or (type == IXFR and answer.types == [SOA])  # RFC 1995 2: too far behind for UDP


@pytest.mark.parametrize("type", [AXFR, IXFR])
def test_a_stranger_gets_no_transfer(server: Server, type: int) -> None:
    """RFC 5936 5."""
    serial = record("example.", SOA, name("ns.example.") * 2 + struct.pack(">5I", 1, 0, 0, 0, 0))
    message = header(ns=type == IXFR) + question("example.", type) + serial * (type == IXFR)
    with server.connect() as stream:
        stream.send(framed(message))
        answer = answer_to(message, stream.message())
        assert answer.rcode in (REFUSED, NOTIMP, NOTAUTH)
        assert answer.answer == []


# --- the number of questions


def test_no_question_at_all(server: Server) -> None:
    """Only a request for a cookie has none (RFC 9619 4, RFC 7873 5.4)."""
    assert server.rcode(header(qd=0)) == FORMERR
    assert server.rcode(header(qd=0, ar=1) + opt()) == FORMERR
    assert server.rcode(header(qd=0, ar=1) + opt(option(3))) == FORMERR


def test_no_question_but_a_cookie(server: Server) -> None:
    """RFC 7873 5.4: an empty answer that has the cookie."""
    message = header(qd=0, ar=1) + opt(option(COOKIE, b"\1\2\3\4\5\6\7\x08"))
    answer = server.ask(message)
    assert (answer.rcode, answer.questions, answer.records) == (NOERROR, [], [])
    assert answer.cookie[:8] == b"\1\2\3\4\5\6\7\x08"
    assert len(answer.cookie) == 24
    assert struct.unpack_from(">H", server.ask_tcp(message).wire, 4) == (0,)


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(header(qd=2) + question() * 2, id="twice the same"),
        pytest.param(header(qd=2) + question() + question("www.example.", AAAA), id="two types"),
        pytest.param(header(qd=2) + question() + question("ns.example."), id="two names"),
        pytest.param(header(qd=2, ar=1) + question() * 2 + opt(option(COOKIE, bytes(8))), id="with a cookie"),
        pytest.param(header(qd=3) + question() * 3, id="three"),
        pytest.param(header(qd=255) + question() * 255, id="255"),
        pytest.param(header(qd=3000) + question() * 3000, id="3000"),
    ],
)
def test_more_than_one_question(server: Server, message: bytes) -> None:
    """RFC 9619 4: a format error."""
    assert server.rcode(message) == FORMERR


def test_the_second_question_is_not_looked_at_as_something_else(server: Server) -> None:
    """QDCOUNT says one: the other stands behind the end."""
    assert server.rcode(header() + question() + question("ns.example.")) == FORMERR


# --- what a query leaves empty, and what stands behind its end


@pytest.mark.parametrize("count", [1, 2, 100])
def test_an_answer_section_in_a_query(server: Server, count: int) -> None:
    """A query has none (RFC 1034 3.7.1, RFC 1035 4.1): it is refused or not looked at, and believed in no case."""
    message = header(an=count) + question() + ADDRESS * count
    for _ in range(2):
        answer = server.ask(message)
        assert answer.rcode in (FORMERR, NOERROR)
        assert [found.rdata for found in answer.answer] == [bytes((192, 0, 2, 2))] * (answer.rcode == NOERROR)
        assert [found.rdata for found in server.ask(query()).answer] == [bytes((192, 0, 2, 2))]


@pytest.mark.parametrize("section", ["ns", "ar"])
def test_records_in_the_other_sections_of_a_query_are_not_believed(server: Server, section: str) -> None:
    message = header(**{section: 1}) + question() + ADDRESS
    for _ in range(2):
        answer = server.ask(message)
        assert answer.rcode in (FORMERR, NOERROR)
        assert [found.rdata for found in answer.answer] == [bytes((192, 0, 2, 2))] * (answer.rcode == NOERROR)
        assert [found.rdata for found in server.ask(query()).answer] == [bytes((192, 0, 2, 2))]


@pytest.mark.parametrize("behind", [b"\0", b"\xff", b"\r\n", bytes(11), question(), opt(), header() + question(), bytes(60000)], ids=len)
def test_octets_behind_the_end(server: Server, behind: bytes) -> None:
    """No count of the header speaks for them: two readers could read two messages (RFC 1035 4.1)."""
    assert server.rcode(query() + behind) == FORMERR
    assert server.rcode(query("www.example.", A, IN, opt()) + behind) == FORMERR


# --- flags


@pytest.mark.parametrize("flags", [AA, TC, RA, Z, AD, CD, AA | TC | RA | Z | AD | CD], ids=hex)
def test_flags_that_mean_nothing_in_a_query_are_not_looked_at(server: Server, flags: int) -> None:
    """AA, TC and RA are for answers, and Z is kept (RFC 1035 4.1.1); AD and CD are for those who validate (RFC 4035 3.1.6)."""
    answer = server.ask(header(flags=flags) + question())
    assert answer.rcode == NOERROR
    assert AA in answer
    assert TC not in answer
    assert [found.rdata for found in answer.answer] == [bytes((192, 0, 2, 2))]


@pytest.mark.parametrize("rcode", range(1, 16))
def test_an_rcode_in_a_query_is_a_fault_or_nothing(server: Server, rcode: int) -> None:
    """It is for answers (RFC 1035 4.1.1); in no case does it come back."""
    answer = server.ask(header(flags=rcode) + question())
    assert answer.rcode in (NOERROR, FORMERR)
    assert [found.rdata for found in answer.answer] == [bytes((192, 0, 2, 2))] * (answer.rcode == NOERROR)


# --- signatures of the message


def tsig(*, owner: str = "key.example.", mac: bytes = bytes(32), time: int = 1_700_000_000) -> bytes:
    """A TSIG record (RFC 8945 4.2) by a key that the server does not have."""
    signed = struct.pack(">HIH", time >> 32, time & 0xFFFFFFFF, 300)
    rdata = name("hmac-sha256.") + signed + struct.pack(">H", len(mac)) + mac + struct.pack(">HHH", 0x1234, 0, 0)
    return record(owner, TSIG, rdata, cls=ANY_CLASS)


SIGNATURE = struct.pack(">HBBIIIH", 0, 13, 0, 0, 1_700_000_300, 1_700_000_000, 4711) + name("key.example.") + bytes(64)
SIG0 = record(".", SIG, SIGNATURE, cls=ANY_CLASS)
"""A signature of the message (RFC 2931 3) by a key that the server does not have."""


def test_a_signature_by_an_unknown_key(server: Server) -> None:
    """Who knows TSIG says so (RFC 8945 5.2.1: NOTAUTH and BADKEY); who does not answers unsigned, which the client throws away (5.4)."""
    message = query("www.example.", A, IN, tsig())
    (wire,) = server.replies(message)
    answer = answer_to(message, wire)
    assert answer.rcode in (NOTAUTH, NOERROR)
    signatures = [found for found in answer.additional if found.type == TSIG]
    if answer.rcode == NOTAUTH:
        assert [found.rdata[-4:-2] for found in signatures] == [b"\x00\x11"]  # BADKEY
        assert answer.answer == []
    else:
        assert not signatures, "signed with a key that is not there"


def test_a_signature_of_sig0_by_an_unknown_key(server: Server) -> None:
    """RFC 2931 3.2: an answer, without a signature or with an error; no crash."""
    answer = server.ask(query("www.example.", A, IN, SIG0))
    assert answer.rcode in (NOERROR, NOTAUTH, REFUSED, FORMERR)
    assert not any(found.type == SIG for found in answer.records)


@pytest.mark.parametrize(
    "additional",
    [
        pytest.param((tsig(), tsig()), id="two"),
        pytest.param((tsig(), opt()), id="in front of OPT"),
        pytest.param((tsig(), SIG0), id="in front of another"),
        pytest.param((record("key.example.", TSIG, b"", cls=ANY_CLASS),), id="empty"),
        pytest.param((record("key.example.", TSIG, name("hmac-sha256.") + bytes(9), cls=ANY_CLASS),), id="cut off"),
        pytest.param((tsig(mac=bytes(60000)),), id="of 60,000 octets"),
        pytest.param((tsig(owner="."),), id="by the root"),
        pytest.param((record("key.example.", TSIG, tsig()[23:], cls=IN, ttl=1),), id="of class IN, to be kept"),
    ],
)
def test_signatures_that_are_none(server: Server, additional: tuple[bytes, ...]) -> None:
    """RFC 8945 5.1: misplaced or broken, a format error to who knows TSIG; no more than an unknown record to others."""
    replies = server.replies(query("www.example.", A, IN, *additional))
    assert [reply[3] & 15 for reply in replies] in ([FORMERR], [NOTAUTH], [NOERROR], [])


# --- recursion


OUTSIDE = "www.test. test. . com. a.root-servers.net. example.net. xexample. le. 1.0.0.127.in-addr.arpa. localhost.".split()


@pytest.mark.parametrize("owner", OUTSIDE)
@pytest.mark.parametrize("flags", [0, RD, RD | CD | AD])
def test_names_outside_are_refused(server: Server, owner: str, flags: int) -> None:
    """RFC 5358 4: no recursion for others; and no referral to the root, which would be worth more than the question."""
    for type in (A, NS, SOA, MX, TXT, ANY, DNSKEY):
        answer = server.ask(query(owner, type, flags=flags))
        assert (answer.rcode, answer.records) == (REFUSED, []), f"type {type}"
        assert AA not in answer
        assert bool(flags & RD) == (RD in answer)


def test_recursion_asked_within_a_zone_is_an_ordinary_question(server: Server) -> None:
    """RFC 1034 4.3.1: RD is copied, RA stays clear (`answer_to` checks it); a delegation is a referral still."""
    answer = server.ask(query(flags=RD))
    assert (answer.rcode, AA in answer, RD in answer) == (NOERROR, True, True)
    referral = server.ask(query("deep.sub.example.", flags=RD))
    assert (referral.rcode, AA in referral, referral.answer) == (NOERROR, False, [])
    assert [found.type for found in referral.authority] == [NS]
    assert [found.rdata for found in referral.additional] == [bytes((192, 0, 2, 3))]


def test_the_end_of_a_name_is_no_zone(server: Server) -> None:
    """``xexample.`` ends in the text of ``example.``, and not in its label (RFC 1034 3.1)."""
    for owner in ("xexample.", "www.xexample.", "example.xexample."):
        assert server.ask(query(owner)).rcode == REFUSED
    assert server.ask(query(b"\x0bwww.example\0")).rcode == REFUSED
