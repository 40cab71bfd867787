"""Names that are not names, over real sockets: compression pointers, labels, lengths, and counts that promise too much.

A query has one name of its own, so a pointer in it can lead nowhere good: all are refused, whatever they would have led to
(RFC 1035 4.1.4, RFC 9267 2). Behind every bad message a good one is answered (`dns_wire.Server.replies`).
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.hostile.dns_wire import (
    AA,
    BADVERS,
    EXAMPLE,
    FORMERR,
    IN,
    NOERROR,
    NXDOMAIN,
    OPT,
    REFUSED,
    TXT,
    A,
    Server,
    framed,
    header,
    name,
    name_of,
    opt,
    option,
    pointer,
    query,
    question,
    record,
    serve,
    serving,
)
from tests.processes import Program

TAIL = struct.pack(">HH", A, IN)
"""Type and class, behind a name."""

OWNER = 12 + len(question())
"""Where in a query the owner of its first record stands."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    octets = "".join(f"\\{octet:03}.octet TXT there\n" for octet in b"[@\xc1]_")
    with serving(tmp_path_factory.mktemp("names"), {"example.": EXAMPLE + octets}) as server:
        yield server


# --- pointers


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(header() + pointer(12) + TAIL, id="to itself"),
        pytest.param(header() + b"\3www" + pointer(12) + TAIL, id="to the name's own beginning"),
        pytest.param(header() + b"\3www" + pointer(16) + TAIL, id="to itself, behind a label"),
        pytest.param(header() + pointer(14) + pointer(12) + TAIL, id="two that point at each other"),
        pytest.param(header() + b"\1a" + pointer(16) + pointer(12) + TAIL, id="a loop with a label in it"),
        pytest.param(header() + pointer(18) + TAIL + name("www.example."), id="forward"),
        pytest.param(header() + pointer(14) + name("www.example.") + TAIL, id="forward, over itself"),
        pytest.param(header() + pointer(0x3FFF) + TAIL, id="past the end"),
        pytest.param(header() + b"\3www" + pointer(22) + TAIL, id="to the octet behind the end"),
        pytest.param(header() + b"\3www" + pointer(21) + TAIL, id="to the last octet"),
        pytest.param(header() + b"\xc0", id="its second octet is not there"),
        pytest.param(header() + b"\3www\xc0", id="its second octet is not there, behind a label"),
        pytest.param(header(0x0161, 0) + pointer(0) + TAIL, id="into the header, where a name seems to stand"),
        pytest.param(header(0x0001) + pointer(0) + TAIL, id="into the header, where the root seems to stand"),
        pytest.param(header() + b"\3www" + pointer(6) + TAIL, id="into the header's counts"),
        pytest.param(header() + b"\3www" + pointer(11) + TAIL, id="to the header's last octet"),
        pytest.param(header() + b"\6\1a\1b\1c" + pointer(13) + TAIL, id="into the middle of a label"),
        pytest.param(header() + b"\4\3www" + pointer(13) + TAIL, id="into the middle of a label, where another seems to stand"),
    ],
)
def test_a_pointer_in_the_question_is_refused(server: Server, message: bytes) -> None:
    """No earlier name stands there that it could point to (RFC 1035 4.1.4: "a prior occurrence of the same name")."""
    assert server.rcode(message) in (FORMERR, None)


def test_a_pointer_in_a_second_question_gains_nothing(server: Server) -> None:
    """It would be a good pointer; but a query has one question (RFC 9619 4)."""
    assert server.rcode(header(qd=2) + question() + pointer(12) + TAIL) == FORMERR


def chain(count: int) -> bytes:
    """A good query, and behind it a record of ``count`` pointers in its data, each to the one before; the first leads to the question."""
    start = 12 + len(question()) + 1 + 10  # where the record's data begins
    pointers = pointer(12) + b"".join(pointer(start + 2 * number) for number in range(count - 1))
    return header(ar=2) + question() + record(".", 0xFF00, pointers)


@pytest.mark.parametrize("count", [1, 10, 127, 128, 1000, 8000])
def test_a_chain_of_pointers_costs_no_more_than_it_is_long(server: Server, count: int) -> None:
    """An OPT whose owner is read through all of them: it is not the root (RFC 6891 6.1.2)."""
    message = chain(count)
    message += opt(owner=pointer(len(message) - 2))
    assert server.rcode(message) in (FORMERR, None)
    before = server.cpu()
    for _ in range(20):
        server.rcode(message)
    assert (server.cpu() - before) / 20 < 0.02


@pytest.mark.parametrize("count", [1, 200, 1300])
def test_records_that_each_point_at_the_one_before(server: Server, count: int) -> None:
    """A legal chain that grows with the message: reading all of its names must not cost the square of its length."""
    at, message = 12, header(ar=count) + question()
    for _ in range(count):
        here = len(message)
        message += record(pointer(at), 0xFF00, b"")
        at = here
    replies = server.replies(message)
    assert len(replies) <= 1
    before = server.cpu()
    for _ in range(5):
        server.replies(message)
    assert (server.cpu() - before) / 5 < 0.1


def test_names_that_are_each_a_label_and_the_name_before_end_at_255(server: Server) -> None:
    """One octet and a pointer add two to a name: after 121 of them this one has passed 255 octets (RFC 1035 2.3.4)."""
    at, count, message = 12, 200, header(ar=200) + question()
    for _ in range(count):
        here = len(message)
        message += record(b"\1a" + pointer(at), 0xFF00, b"")
        at = here
    assert server.rcode(message) in (FORMERR, None)


@pytest.mark.parametrize(
    "owner",
    [
        pytest.param(pointer(OWNER), id="to itself"),
        pytest.param(pointer(OWNER + 2), id="forward"),
        pytest.param(pointer(0x3FFF), id="past the end"),
        pytest.param(pointer(12), id="to the question's name"),
        pytest.param(pointer(0), id="into the header"),
        pytest.param(b"\1a" + pointer(OWNER), id="a loop"),
        pytest.param(name("www.example."), id="a name"),
        pytest.param(b"\x40", id="a label of kind 01"),
        pytest.param(b"\xc0", id="half a pointer"),
    ],
)
def test_opt_has_no_owner_but_the_root(server: Server, owner: bytes) -> None:
    """RFC 6891 6.1.2: its name "MUST be 0"."""
    assert server.rcode(query("www.example.", A, IN, opt(owner=owner))) in (FORMERR, None)


def test_opt_s_owner_by_a_pointer_to_the_root_is_read_or_refused(server: Server) -> None:
    """It is the root, in a form that nobody writes: what must not be is that it is passed over, and its version with it."""
    root = 12 + len(name("www.example.")) - 1
    assert server.rcode(query("www.example.", A, IN, opt(owner=pointer(root), version=7))) in (FORMERR, BADVERS, None)


# --- labels and names


@pytest.mark.parametrize("first", [0x40, 0x41, 0x42, 0x7F, 0x80, 0x81, 0xBF])
@pytest.mark.parametrize("before", [b"", b"\3www"], ids=["first", "behind a label"])
def test_labels_of_the_kinds_01_and_10_are_refused(server: Server, first: int, before: bytes) -> None:
    """Reserved (RFC 1035 4.1.4), once for extended labels, which RFC 6891 5 has ended; RFC 2673's bit strings (0x41) too (RFC 6891 5)."""
    for rest in (bytes(8), b"x" * 0x40 + b"\0", b"\x40" + bytes(8) + b"\0"):
        assert server.rcode(header() + before + bytes([first]) + rest + TAIL) in (FORMERR, None)


def test_a_label_of_63_octets_is_a_label(server: Server) -> None:
    answer = server.ask(query("x" * 63 + ".example."))
    assert answer.rcode == NXDOMAIN
    assert answer.questions == [(name("x" * 63 + ".example."), A, IN)]


@pytest.mark.parametrize("length", [250, 253, 254, 255])
def test_a_name_of_up_to_255_octets_is_a_name(server: Server, length: int) -> None:
    """RFC 1035 2.3.4: 255 octets, the length octets and the root's among them."""
    wire = name_of(length)
    assert len(wire) == length
    answer = server.ask(query(wire))
    assert answer.rcode == NXDOMAIN
    assert AA in answer
    assert answer.questions == [(wire, A, IN)]


@pytest.mark.parametrize("length", [256, 257, 300, 1000, 60000])
def test_a_name_over_255_octets_is_refused(server: Server, length: int) -> None:
    assert server.rcode(query(name_of(length))) in (FORMERR, None)


def test_a_name_of_127_labels_is_a_name_and_of_128_is_none(server: Server) -> None:
    """127 labels of one octet and the root make 255."""
    assert server.ask(query(b"\1a" * 123 + name("example."))).rcode == NXDOMAIN
    assert server.ask(query(b"\1a" * 127 + b"\0")).rcode == REFUSED
    assert server.rcode(query(b"\1a" * 128 + b"\0")) in (FORMERR, None)


OCTETS = [b"\0", b" ", b".", b"\\", b'"', b"\n", b"\r\n", b"\x7f", b"\xff", b"*", b"@", b"a\0b", b"a.example", bytes(range(33))]


@pytest.mark.parametrize("label", OCTETS)
def test_any_octet_may_stand_in_a_label(server: Server, label: bytes) -> None:
    """RFC 2181 11. A dot within a label separates nothing; an asterisk in a question is a label as others are (RFC 4592 2.2.1)."""
    wire = bytes([len(label)]) + label + name("example.")
    answer = server.ask(query(wire))
    assert answer.rcode == NXDOMAIN
    assert answer.questions == [(wire, A, IN)]


@pytest.mark.parametrize(("one", "other"), [(b"[", b"{"), (b"@", b"`"), (b"\xc1", b"\xe1"), (b"]", b"}"), (b"_", b"\x7f")])
def test_only_the_letters_of_ascii_have_a_case(server: Server, one: bytes, other: bytes) -> None:
    """RFC 4343 3.1: other octets that differ by 0x20 are other octets."""
    for octet, rcode in ((one, NOERROR), (other, NXDOMAIN), (one, NOERROR)):
        assert server.ask(query(b"\1" + octet + name("octet.example."), TXT)).rcode == rcode, octet


@pytest.mark.parametrize("spelling", ["WWW.EXAMPLE.", "wWw.eXaMpLe.", "www.EXAMPLE."])
def test_the_question_comes_back_in_the_case_it_was_asked_in(server: Server, spelling: str) -> None:
    """RFC 1034 3.1, RFC 4343 4.1; resolvers that vary the case tell a forged answer by it."""
    answer = server.ask(query(spelling))
    assert answer.questions == [(name(spelling), A, IN)]
    assert [found.rdata for found in answer.answer] == [bytes((192, 0, 2, 2))]


@pytest.mark.parametrize("format", ["text", "json"])
def test_a_name_writes_no_lines_into_the_log(start: Callable[..., Program], tmp_path: Path, format: str) -> None:
    """Names are for anyone to choose, and logs are read at terminals: one line a question, and no control character in it."""
    log = tmp_path / "queries.log"
    server = serve(start, tmp_path, {"example.": EXAMPLE}, "--log", str(log), "--log-format", format)
    labels = [b"a\nb", b"a\r\nb", b"\x1b[31mred", b"\0", b"\x9b31m", b"\x7f", b'"},{"', b"\\", b" ", b"\xe2\x80\xae", b"x" * 63]
    for label in labels:
        server.ask(query(bytes([len(label)]) + label + name("log.example.")))
    server.program.process.terminate()
    assert server.program.wait() == 0
    asked = [line for line in log.read_bytes().split(b"\n") if b"log.example" in line]
    assert len(asked) == len(labels)
    assert not [line for line in asked if re.search(rb"[\x00-\x1f\x7f-\xff]", line)]
    if format == "json":
        assert all(isinstance(json.loads(line), dict) for line in asked)


# --- counts and lengths


@pytest.mark.parametrize("most", [1, 2, 255, 65535])
@pytest.mark.parametrize("section", ["qd", "an", "ns", "ar"])
def test_counts_larger_than_the_message(server: Server, section: str, most: int) -> None:
    """What was promised is not there: no answer is made of the part that is (RFC 1035 4.1.1)."""
    counts = {"qd": 1, section: most}
    questions = question() * (section != "qd")
    assert server.rcode(header(**counts) + questions) in (FORMERR, None)


@pytest.mark.parametrize("counts", [(65535, 65535, 65535, 65535), (0, 65535, 65535, 65535), (1, 65535, 0, 65535), (65535, 0, 0, 0)])
def test_counts_alone(server: Server, counts: tuple[int, int, int, int]) -> None:
    assert server.rcode(header(0x1234, 0, *counts)) in (FORMERR, None)


def test_65535_records_promised_in_a_full_message_cost_no_more_than_it_holds(server: Server) -> None:
    """The smallest records there are, 11 octets each, as many as 64 KB take."""
    records = record(".", 0xFF00, b"")
    message = header(ar=65535) + question() + records * ((65000 - 40) // len(records))
    before = server.cpu()
    for _ in range(10):
        assert server.rcode(message) in (FORMERR, None)
    assert (server.cpu() - before) / 10 < 0.1


GOOD = query("www.example.", A, IN, opt(option(0xFFAA, b"data"), option(12, bytes(4))))


def test_a_query_cut_off_anywhere(server: Server) -> None:
    """Less than a header says nothing that could be answered; behind that it is a format error."""
    assert server.ask(GOOD).rcode == NOERROR
    for end in range(len(GOOD)):
        expected = (FORMERR, None) if end >= 12 else (None,)
        assert server.rcode(GOOD[:end]) in expected, f"cut off after {end} octets"


def test_a_query_cut_off_anywhere_over_tcp(server: Server) -> None:
    """The length in front of it is true: whatever the message says of itself, the next one begins behind it (RFC 1035 4.2.2)."""
    for end in range(12, len(GOOD)):
        with server.connect() as stream:
            stream.send(framed(GOOD[:end], query(id=0x4321)))
            first = stream.message() if stream.more() else b""
            if first[:2] == b"\x12\x34":
                assert first[3] & 15 == FORMERR
                first = stream.message()
            assert first[:2] == b"\x43\x21"


@pytest.mark.parametrize("length", [0, 1, 3, 5, 100, 65535])
def test_rdlength_that_is_not_true(server: Server, length: int) -> None:
    """An address of four octets whose RDLENGTH says otherwise: too much passes the end, too little leaves octets behind."""
    message = query("www.example.", A, IN, record("www.example.", A, bytes(4), length=length))
    assert server.rcode(message) in (FORMERR, None)


def test_an_opt_of_the_wrong_length(server: Server) -> None:
    for length in (1, 3, 5, 7, 9, 100, 65535):
        message = query("www.example.", A, IN, record(b"\0", OPT, option(0xFFAA, b"data"), cls=1232, length=length))
        assert server.rcode(message) in (FORMERR, None), length
