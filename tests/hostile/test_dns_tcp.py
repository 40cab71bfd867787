"""DNS over TCP in hostile hands, over real sockets: split, half sent, held open, flooded, left early, and asked in HTTP.

RFC 7766 is the rule: many messages on one connection, answered in any order (7), and a server that shuts out who only sits there
(6.2.3). An answer belongs to its question by its id.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.hostile.dns_wire import (
    AXFR,
    EXAMPLE,
    FORMERR,
    IN,
    NOERROR,
    NXDOMAIN,
    PADDING,
    QR,
    REFUSED,
    SOA,
    TXT,
    A,
    Answer,
    Server,
    Stream,
    answer_to,
    framed,
    header,
    opt,
    option,
    query,
    question,
    serve,
    serving,
)
from tests.hostile.wire import until
from tests.processes import Program

ZONE = EXAMPLE + "".join(f"large TXT {number:03}{'x' * 200}\n" for number in range(60))
"""Answers of about 13 KB for large.example. TXT."""

ZONES = {"example.": ZONE}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("tcp"), ZONES) as server:
        yield server


def pipelined(*owners: str, first: int = 0) -> tuple[bytes, ...]:
    """Questions with ids of their own."""
    return tuple(query(owner, id=first + number) for number, owner in enumerate(owners))


def answers(stream: Stream, *messages: bytes) -> dict[int, Answer]:
    """The answers to ``messages``, in whatever order they come."""
    by_id = {message[:2]: message for message in messages}
    came: dict[int, Answer] = {}
    for _ in messages:
        wire = stream.message()
        answer = answer_to(by_id[wire[:2]], wire)
        assert answer.id not in came, "answered twice"
        came[answer.id] = answer
    return came


# --- pieces


def test_a_message_split_at_every_octet(server: Server) -> None:
    """The length in front of it too (RFC 7766 8: a server cannot expect both in one segment)."""
    data = framed(query("www.example.", A, IN, opt()))
    with server.connect() as stream:
        for split in range(1, len(data)):
            stream.send(data[:split], data[split:])
            assert answer_to(data[2:], stream.message()).types == [A]


def test_a_message_octet_by_octet(server: Server) -> None:
    with server.connect() as stream:
        for owner, rcode in (("www.example.", NOERROR), ("no.example.", NXDOMAIN), ("www.test.", REFUSED)):
            data = framed(query(owner))
            stream.send(*(bytes([octet]) for octet in data))
            assert answer_to(data[2:], stream.message()).rcode == rcode


def test_two_messages_split_anywhere(server: Server) -> None:
    messages = pipelined("www.example.", "no.example.")
    data = framed(*messages)
    with server.connect() as stream:
        for split in range(1, len(data)):
            stream.send(data[:split], data[split:])
            came = answers(stream, *messages)
            assert [came[0].rcode, came[1].rcode] == [NOERROR, NXDOMAIN]


def test_a_thousand_in_one_write(server: Server) -> None:
    """RFC 7766 6.2.1.1: pipelined, none waits for another; each is answered once."""
    messages = pipelined(*("www.example.", "no.example.", "www.test.", "large.example.") * 250)
    with server.connect() as stream:
        stream.send(framed(*messages))
        came = answers(stream, *messages)
    assert len(came) == 1000
    assert [came[number].rcode for number in range(4)] == [NOERROR, NXDOMAIN, REFUSED, NOERROR]


def test_broken_ones_between_good_ones(server: Server) -> None:
    """Each message has a length of its own: what one holds does nothing to the next (RFC 1035 4.2.2)."""
    good = pipelined(*["www.example."] * 40, first=100)
    bad = [header(0x7001) + b"\xc0\x0c" + bytes(4), header(0x7002, qd=2) + question(), header(0x7003, QR) + question()]
    bad += [header(0x7004, 7 << 11, qd=0), header(0x7005, qd=0), header(0x7006) + question() + b"more"]
    with server.connect() as stream:
        for number, message in enumerate(good):
            stream.send(framed(bad[number % len(bad)], message))
        came: set[int] = set()
        while len(came & set(range(100, 140))) < 40:
            wire = stream.message()
            id, flags = struct.unpack_from(">HH", wire)
            assert (flags & 15 == NOERROR) == (id < 0x7000)
            came.add(id)
    assert came <= {*range(100, 140), *range(0x7001, 0x7007)} - {0x7003}


# --- lengths


@pytest.mark.parametrize("length", [0, 1, 2, 11])
def test_a_message_of_less_than_a_header(server: Server, length: int) -> None:
    """There is no id to answer to: nothing comes, and the connection ends or goes on with the next message."""
    with server.connect() as stream:
        stream.send(framed(b"\x12\x34\0\0\0\1\0\0\0\0\0"[:length]))
        stream.try_send(framed(query(id=0x4321)))
        try:
            data = stream.message() if stream.more() else b""
        except ConnectionError:
            data = b""
    assert data[:2] in (b"", b"\x43\x21")


def test_a_flood_of_empty_messages(server: Server) -> None:
    """Two octets each: they may not cost more than they are worth, and the good one behind them comes through, or the stream ends."""
    before = server.cpu()
    with server.connect() as stream:
        stream.try_send(framed(*[b""] * 100_000))
        stream.try_send(framed(query(id=0x4321)))
        try:
            data = stream.message() if stream.more() else b""
        except ConnectionError:
            data = b""
    assert data[:2] in (b"", b"\x43\x21")
    assert server.cpu() - before < 1.0
    assert server.ask(query()).rcode == NOERROR


def test_a_message_of_65535_octets(server: Server) -> None:
    """The longest there is: a good query when it is one, and else a format error."""
    padded = query("www.example.", A, IN, opt(option(PADDING, b"")))
    good = query("www.example.", A, IN, opt(option(PADDING, bytes(65535 - len(padded)))))
    assert len(good) == 65535
    answer = server.ask_tcp(good)
    assert (answer.rcode, answer.types) == (NOERROR, [A])
    for filler in (b"\0", b"\xff", b"\xc0\x0c", b"\x01a"):
        with server.connect() as stream:
            message = (header() + filler * 40000)[:65535]
            stream.send(framed(message, query(id=0x4321)))
            came = [stream.message(), stream.message()]
            assert sorted(wire[:2] for wire in came) == [b"\x12\x34", b"\x43\x21"]
            assert {wire[3] & 15 for wire in came} == {FORMERR, NOERROR}


def test_no_memory_is_set_aside_for_a_length(server: Server) -> None:
    """A thousand peers that each promise 65,535 octets, and send ten."""
    before = server.memory
    streams = [server.connect(source=f"127.1.{number // 250}.{number % 250 + 1}") for number in range(1000)]
    for stream in streams:
        stream.try_send(b"\xff\xff" + bytes(10))
    assert server.ask_tcp(query(), source="127.2.0.1").rcode == NOERROR
    held = server.memory - before
    for stream in streams:
        stream.reset()
    assert held < 20_000_000, f"{held / 1000:,.0f} octets for each"


# --- who only sits there


def test_half_a_length_held_open_holds_up_no_one(server: Server) -> None:
    """CVE-2024-0760's kin. Others are answered meanwhile, and so is this one when it goes on."""
    message = framed(query())
    for begun in (1, 2, 3, len(message) - 1):
        with server.connect() as held:
            held.send(message[:begun])
            for _ in range(20):
                assert server.ask(query()).rcode == NOERROR
                assert server.ask_tcp(query()).rcode == NOERROR
            held.send(message[begun:])
            assert answer_to(query(), held.message()).rcode == NOERROR


def test_thousands_of_idle_connections(server: Server) -> None:
    """From many addresses: others are served, over UDP and TCP, and each costs little. (From one address there is a bound.)"""
    assert server.ask_tcp(query()).rcode == NOERROR
    before = server.memory
    streams = []
    for number in range(3000):
        streams.append(server.connect(source=f"127.3.{number // 250}.{number % 250 + 1}"))
        if number % 3 == 0:
            streams[-1].try_send(b"\0")  # half a length
    assert server.ask(query()).rcode == NOERROR
    assert server.ask_tcp(query(), source="127.2.0.1").rcode == NOERROR
    held = server.memory - before
    spent = server.cpu()
    for _ in range(100):
        server.ask(query())
    spent = server.cpu() - spent
    for stream in streams:
        stream.reset()
    assert held < 16_000 * 3000, f"{held / 3000:,.0f} octets for each that waits"
    assert spent / 300 < 0.003, "a question costs more where many wait"


def test_connections_of_one_address_leave_room_for_others(start: Callable[..., Program], tmp_path: Path) -> None:
    """RFC 7766 6.2.2: past its bound they are closed; others are served, and it is too once it has given some up."""
    server = serve(start, tmp_path, ZONES, "--max-per-client", "20")
    streams = []
    for _ in range(100):
        streams.append(server.connect(source="127.4.0.1"))
        streams[-1].try_send(b"\0")
    for number in range(5):
        assert server.ask_tcp(query(), source=f"127.4.1.{number + 1}").rcode == NOERROR
        assert server.ask(query(), source="127.4.0.1").rcode == NOERROR
    assert not _served(server, "127.4.0.1")
    for stream in streams:
        stream.reset()
    until(lambda: _served(server, "127.4.0.1"), what="a place for the address that has given its own up")


def _served(server: Server, source: str) -> bool:
    try:
        return server.ask_tcp(query(), source=source).rcode == NOERROR
    except (ConnectionError, AssertionError):
        return False


# --- floods


def flood_of(kind: str) -> bytes:
    return {
        "small answers": framed(query()),
        "large answers": framed(query("large.example.", TXT)),
        "format errors": framed(header() + b"\xc0\x0c" + bytes(4)),
        "not implemented": framed(header(flags=7 << 11, qd=0)),
        "transfers": framed(query("example.", AXFR)),
        "nothing to answer": framed(header(flags=QR) + question()),
        "headers alone": framed(header(qd=0)),
    }[kind]


@pytest.mark.parametrize("kind", ["small answers", "large answers", "format errors", "not implemented", "transfers", "headers alone"])
def test_a_flood_whose_answers_nobody_reads(server: Server, kind: str) -> None:
    """The server stops reading what it cannot answer: its memory stays as it was, and others are served (RFC 7766 6.2.1.1)."""
    flood = flood_of(kind)
    assert server.ask_tcp(query()).rcode == NOERROR
    before = server.memory
    streams = [server.connect(receive_buffer=4096) for _ in range(4)]
    for stream in streams:
        try:
            stream.fill(flood, 1_000_000, patience=0.1)
        except ConnectionError:
            pass  # cut off: so be it
        assert server.ask(query()).rcode == NOERROR
    assert server.ask_tcp(query()).rcode == NOERROR
    held = server.memory - before
    for stream in streams:
        stream.reset()
    assert held < 6_000_000, f"{held / 4:,.0f} octets for each that floods"


def test_who_reads_late_gets_everything(server: Server) -> None:
    """A flood taken up again: no answer is lost and none comes twice, however long it had stopped."""
    messages = tuple(query("large.example.", TXT, id=number) for number in range(500))
    with server.connect(receive_buffer=65536) as stream:
        stream.send(framed(*messages))
        server.ask_tcp(query())
        came = answers(stream, *messages)
    assert {len(answer.answer) for answer in came.values()} == {60}


def test_a_flood_of_what_needs_no_answer(server: Server) -> None:
    """Answers sent to the server, for as long as it takes them: nothing is kept of them."""
    before = server.memory
    with server.connect() as stream:
        try:
            stream.fill(flood_of("nothing to answer"), 5_000_000)
        except ConnectionError:
            pass
        assert server.ask(query()).rcode == NOERROR
        assert server.memory - before < 5_000_000


# --- how it ends


def test_after_a_half_close_the_answers_still_come(server: Server) -> None:
    """Who has asked everything may say so: what it asked is answered, and then the stream ends (RFC 7766 6.2.3; RFC 9293 3.6)."""
    messages = tuple(query("large.example." if number % 2 else "www.example.", TXT, id=number) for number in range(200))
    with server.connect() as stream:
        stream.send(framed(*messages))
        stream.finish()
        came = answers(stream, *messages)
        assert stream.rest() == b""
    assert len(came) == 200


@pytest.mark.parametrize("begun", [b"", b"\0", b"\0\x1d", b"\0\x1d\x12\x34"], ids=len)
def test_an_end_inside_a_message(server: Server, begun: bytes) -> None:
    """What was whole is answered; what was not, is not."""
    with server.connect() as stream:
        stream.send(framed(query()) + begun)
        stream.finish()
        assert answer_to(query(), stream.message()).types == [A]
        try:
            assert stream.rest() == b""
        except ConnectionError:
            pass


def test_leaving_at_every_moment(server: Server) -> None:
    """FIN or RST, before, within and behind a message, with answers on their way: no trace is left but the log."""
    data = framed(query("large.example.", TXT)) * 50
    for number in range(200):
        stream = server.connect()
        stream.try_send(data[: number * 7])
        (stream.reset if number % 2 else stream.close)()
        if number % 50 == 0:
            assert server.ask(query()).rcode == NOERROR
    assert server.ask_tcp(query()).rcode == NOERROR
    until(lambda: len(server.process.net_connections("tcp")) <= 3, what="the end of all connections")


# --- HTTP on the wrong port


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS", "PUT", "DELETE", "PATCH"])
def test_an_http_request_is_dropped_at_once(server: Server, method: str) -> None:
    """A page in a browser can reach loopback (it can POST anywhere): the connection ends before anything is seen of what it carries.

    Taken for a length, "GE" would have the server wait for 18,245 octets.
    """
    with server.connect() as stream:
        stream.socket.settimeout(5)  # less than a message is given to come whole
        stream.send(f"{method} / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 10\r\n\r\n".encode())
        try:
            assert stream.rest() == b""
        except ConnectionError:
            assert not stream.received


def test_a_dns_message_inside_of_an_http_request_is_not_answered(server: Server) -> None:
    """A body that makes the first "message" end where a real one begins: the attacker knows how long "PO" or "GE" is."""
    for start in (b"POST / HTTP/1.1\r\n\r\n", b"GET /", b"PUT /", b"HEAD /index.html HTTP/1.0\r\n"):
        length = int.from_bytes(start[:2])
        smuggled = start + b"x" * (2 + length - len(start)) + framed(query(id=0x6666))
        with server.connect() as stream:
            stream.socket.settimeout(5)
            stream.try_send(smuggled)
            try:
                assert b"\x66\x66" not in stream.rest()
            except ConnectionError:
                assert b"\x66\x66" not in stream.received


def test_an_http_request_in_pieces(server: Server) -> None:
    with server.connect() as stream:
        stream.socket.settimeout(5)
        for piece in (b"PO", b"ST", b" /", b" HTTP/1.1\r\nHost: a\r\n", b"\r\n", b"x" * 100):
            if not stream.try_send(piece):
                break
        try:
            assert stream.rest() == b""
        except ConnectionError:
            assert not stream.received


# --- time


def test_who_says_nothing_is_let_go(start: Callable[..., Program], tmp_path: Path) -> None:
    """RFC 7766 6.2.3: after the time the server was told to allow, and not before; what it asked is answered, whenever it asks."""
    server = serve(start, tmp_path, ZONES, "--idle-time", "1")
    with server.connect() as silent, server.connect() as asked:
        assert asked.ask(query()).rcode == NOERROR
        for stream in (silent, asked):
            assert stream.ends() == "finished"
    with server.connect() as busy:
        begun = time.monotonic()
        while time.monotonic() < begun + 2:
            assert busy.ask(query()).rcode == NOERROR


def test_who_stops_within_a_message_or_reads_nothing_is_cut_off(start: Callable[..., Program], tmp_path: Path) -> None:
    """RFC 7766 10: one that sends an octet at a time, each just in time; one that stops inside a length; one that takes no answer."""
    server = serve(start, tmp_path, ZONES, "--idle-time", "1")
    deaf = server.connect(receive_buffer=4096)
    deaf.fill(framed(query("large.example.", TXT)), 500_000, patience=0.1)
    half, slow = server.connect(), server.connect()
    half.send(b"\0")
    octets = iter(b"\xff\xff" + bytes(65535))

    def cut_off() -> bool:
        if not slow.has_come:
            slow.try_send(bytes([next(octets)]))
        established = [found for found in server.process.net_connections("tcp") if found.status == psutil.CONN_ESTABLISHED]
        return not established

    until(cut_off, within=25.0, what="the end of connections that hold the server up")
    for stream in (deaf, half, slow):
        stream.reset()
    assert server.ask_tcp(query("example.", SOA)).types == [SOA]
