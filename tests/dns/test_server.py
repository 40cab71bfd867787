"""What a server decides: what it answers over UDP and TCP, what it refuses, and what it tells of itself."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.dns.zones import zone
from tests.sockets.serving import Served, read_all, served, until
from wirespeak.dns import server as module
from wirespeak.dns.cookies import Cookies
from wirespeak.dns.counters import Counters
from wirespeak.dns.edns import Edns, EdnsOption, keepalive
from wirespeak.dns.log import QueryLog
from wirespeak.dns.messages import AA, QR, RD, TC, Message, Question, Record
from wirespeak.dns.names import Name
from wirespeak.dns.rate import RateLimiter
from wirespeak.dns.rdata import Rdata
from wirespeak.dns.registry import Class, ExtendedError, Opcode, Option, Rcode, Type
from wirespeak.dns.server import DnsServer, bind
from wirespeak.dns.session import ClientSession, Messages, TcpLimits, framed
from wirespeak.dns.zone import Zones
from wirespeak.errors import ListenError
from wirespeak.sockets.address import Address
from wirespeak.sockets.blocking import run
from wirespeak.sockets.memory import MemoryNetwork
from wirespeak.sockets.udp import DatagramServer

HOME = zone(
    "home.test.",
    f"""
    www     A      127.0.0.1
    *.wild  A      127.0.0.1
    long    TXT    {" ".join('"' + "x" * 250 + '"' for _ in range(3))}
    longer  TXT    {" ".join('"' + "y" * 250 + '"' for _ in range(8))}
    """,
)
PEER = ("192.0.2.7", 50000)
CLIENT = bytes(range(8))


def serving(**options: Any) -> DnsServer:
    return DnsServer(Zones([HOME]), **options)


def query(name: str = "www.home.test.", type: int = Type.A, cls: int = Class.IN, **options: Any) -> Message:
    return Message.query(Name.parse(name), type, cls, id=4711, **options)


def ask(server: DnsServer, message: Message | bytes, *, tcp: bool = False, peer: Any = PEER, now: float = 0.0) -> Message:
    data = message if isinstance(message, bytes) else message.encode()
    reply = server.answer_stream(data, peer) if tcp else server.answer(data, peer, now)
    assert reply is not None
    return Message.parse(reply)


def extended(reply: Message) -> int | None:
    data = None if reply.edns is None else reply.edns.option(Option.EXTENDED_ERROR)
    return None if data is None else int.from_bytes(data[:2], "big")


both = pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])


# --- answers


@both
def test_a_question_is_answered(tcp: bool) -> None:
    reply = ask(serving(), query(), tcp=tcp)
    assert (reply.id, reply.flags, reply.rcode) == (4711, QR | AA | RD, Rcode.NOERROR)
    assert reply.questions == query().questions
    assert [record.rdata.text() for record in reply.answers] == ["127.0.0.1"]
    assert reply.edns is None


@both
def test_an_answer_that_lies_ready_is_the_same_but_for_id_and_case(tcp: bool) -> None:
    server = serving()
    first = ask(server, query(edns=Edns()), tcp=tcp)
    again = query("WwW.hOmE.tEsT.", edns=Edns())
    again.id = 1234
    second = ask(server, again, tcp=tcp)
    assert second.id == 1234
    assert second.questions[0].name.wire == again.questions[0].name.wire
    first.id, first.questions = second.id, second.questions
    assert [str(record.rdata) for record in second.answers] == [str(record.rdata) for record in first.answers]
    assert (second.flags, second.edns) == (first.flags, first.edns)


def test_recursion_is_not_available() -> None:
    """RFC 5358: names of others are refused, whoever asks."""
    reply = ask(serving(), query("www.example.", edns=Edns()))
    assert (reply.rcode, reply.ra, reply.aa, reply.rd) == (Rcode.REFUSED, False, False, True)
    assert extended(reply) == ExtendedError.NOT_AUTHORITATIVE
    assert [*reply.records()] == []
    assert not ask(serving(), query()).ra


@pytest.mark.parametrize(
    ("name", "payload", "fits"),
    [
        ("long.home.test.", None, False),
        ("long.home.test.", 512, False),
        ("long.home.test.", 0, False),
        ("long.home.test.", 1232, True),
        ("longer.home.test.", 1232, False),
        ("longer.home.test.", 4096, False),
    ],
)
def test_over_udp_an_answer_is_no_longer_than_the_client_takes_nor_than_a_packet(name: str, payload: int | None, fits: bool) -> None:
    server = serving()
    message = query(name, Type.TXT, edns=None if payload is None else Edns(payload))
    for _ in range(2):  # the second time it lies ready
        reply = ask(server, message)
        assert (reply.tc, bool(reply.answers)) == (not fits, fits)
        assert len(reply.encode()) <= max(512, min(payload or 512, 1232))
        whole = ask(server, message, tcp=True)
        assert not whole.tc
        assert whole.answers


def test_an_answer_over_tcp_does_not_lie_ready_for_udp_where_it_is_too_long() -> None:
    server = serving()
    message = query("longer.home.test.", Type.TXT)
    assert not ask(server, message, tcp=True).tc
    assert ask(server, message).tc


def test_of_zones_that_are_swapped_nothing_is_left() -> None:
    server = serving()
    assert ask(server, query()).answers[0].rdata.text() == "127.0.0.1"
    server.replace(Zones([zone("home.test.", "www A 127.0.0.2")]))
    assert ask(server, query()).answers[0].rdata.text() == "127.0.0.2"
    server.replace(Zones())
    assert ask(server, query()).rcode == Rcode.REFUSED


# --- what is no question, or none that we answer


@both
@pytest.mark.parametrize("data", [b"", b"\x12\x34", bytes(11), query().encode()[:2] + b"\x80" + query().encode()[3:]])
def test_what_is_too_short_or_an_answer_gets_none(data: bytes, tcp: bool) -> None:
    server = serving(counters=Counters())
    assert (server.answer_stream(data, PEER) if tcp else server.answer(data, PEER, 0.0)) is None
    assert server.counters is not None
    assert server.counters.ignored == 1


@pytest.mark.parametrize("opcode", [Opcode.IQUERY, Opcode.STATUS, 3, Opcode.NOTIFY, Opcode.UPDATE, Opcode.DSO, 15])
def test_an_opcode_that_is_not_spoken_here(opcode: int) -> None:
    reply = ask(serving(), query(flags=opcode << 11 | RD))
    assert (reply.rcode, reply.opcode, reply.rd, reply.questions) == (Rcode.NOTIMP, opcode, True, [])


@pytest.mark.parametrize("cls", [2, Class.HS, Class.NONE, Class.ANY, 4711])
def test_a_class_of_which_there_is_no_zone(cls: int) -> None:
    assert ask(serving(), query(cls=cls)).rcode == Rcode.REFUSED


@pytest.mark.parametrize(
    "data",
    [
        query().encode() + b"\0",
        query().encode()[:-1],
        query().encode()[:12] + b"\xc0\x0c\0\1\0\1",
        query().encode()[:12] + b"\xc0\x04\0\1\0\1",  # into the header, where there are bytes that would do for a name
        query().encode()[:4] + b"\xff\xff" + query().encode()[6:],
        Message(1, questions=query().questions * 2).encode(),
        Message(1).encode(),
        Message(1, questions=query().questions, answers=[Record(Name.parse("a."), Type.A, 1, 0, Rdata(Type.A, bytes(4)))]).encode(),
        Message(1, questions=query().questions, authority=[Record(Name.parse("a."), Type.A, 1, 0, Rdata(Type.A, bytes(4)))]).encode(),
    ],
    ids=["trailing", "cut short", "pointer to itself", "pointer into the header", "counts", "two questions", "none", "answer", "authority"],
)
def test_a_question_that_is_not_sound(data: bytes) -> None:
    reply = ask(serving(), data)
    assert reply.rcode == Rcode.FORMERR
    assert [*reply.records()] == []


def test_two_opt_records() -> None:
    data = query(edns=Edns()).encode()
    assert ask(serving(), data[:10] + b"\0\2" + data[12:] + Edns().encode()).rcode == Rcode.FORMERR


def test_an_edns_version_to_come() -> None:
    """RFC 6891 6.1.3: BADVERS, which tells the version that is spoken."""
    reply = ask(serving(), query(edns=Edns(version=1, options=[EdnsOption(Option.NSID)])))
    assert reply.rcode == Rcode.BADVERS
    assert reply.edns == Edns()
    assert reply.answers == []


@pytest.mark.parametrize(
    ("type", "rcode", "why"),
    [
        (Type.AXFR, Rcode.REFUSED, ExtendedError.PROHIBITED),
        (Type.IXFR, Rcode.REFUSED, ExtendedError.PROHIBITED),
        (Type.MAILA, Rcode.NOTIMP, None),
        (Type.MAILB, Rcode.NOTIMP, None),
        (Type.OPT, Rcode.FORMERR, ExtendedError.INVALID_QUERY_TYPE),
        (Type.TSIG, Rcode.FORMERR, ExtendedError.INVALID_QUERY_TYPE),
        (Type.NXNAME, Rcode.FORMERR, ExtendedError.INVALID_QUERY_TYPE),
        (200, Rcode.FORMERR, ExtendedError.INVALID_QUERY_TYPE),
        (Type.ANY, Rcode.NOERROR, None),
        (0, Rcode.NOERROR, None),
        (4711, Rcode.NOERROR, None),
    ],
)
@both
def test_types_that_no_zone_has(type: int, rcode: int, why: int | None, tcp: bool) -> None:
    reply = ask(serving(), query(type=type, edns=Edns()), tcp=tcp)
    assert (reply.rcode, extended(reply)) == (rcode, why)


def test_a_fault_of_our_own_is_told_to_the_log_and_not_to_the_client(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(zones: Zones, query: Message) -> Message:
        raise ZeroDivisionError("on purpose")

    monkeypatch.setattr(module.authority, "answer", fail)
    with caplog.at_level(logging.ERROR):
        assert ask(serving(), query()).rcode == Rcode.SERVFAIL
    assert "www.home.test. IN A: no answer could be made" in caplog.text


# --- options


def test_nsid_is_told_to_who_asks() -> None:
    """RFC 5001 2.3."""
    message = query(edns=Edns(options=[EdnsOption(Option.NSID)]))
    reply = ask(serving(name="first"), message)
    assert reply.edns is not None
    assert reply.edns.option(Option.NSID) == b"first"
    for server, unasked in ((serving(), message), (serving(name="first"), query(edns=Edns()))):
        reply = ask(server, unasked)
        assert reply.edns is not None
        assert reply.edns.options == []


def test_over_tcp_the_idle_time_is_told_to_who_asks() -> None:
    """RFC 7828 3.3.2; over UDP it is ignored (3.2.2)."""
    server = serving(limits=TcpLimits(idle=12.5))
    message = query(edns=Edns(options=[keepalive()]))
    over_tcp, over_udp = ask(server, message, tcp=True).edns, ask(server, message).edns
    assert over_tcp is not None
    assert over_tcp.options == [EdnsOption(Option.TCP_KEEPALIVE, b"\0\x7d")]
    assert over_udp is not None
    assert over_udp.options == []


@both
def test_padding_is_for_encrypted_answers_and_so_there_is_none(tcp: bool) -> None:
    """RFC 7830 6."""
    reply = ask(serving(), query(edns=Edns(options=[EdnsOption(Option.PADDING, bytes(100))])), tcp=tcp)
    assert reply.edns == Edns()


def test_do_comes_back() -> None:
    """RFC 6891 6.1.4, RFC 3225 3."""
    edns = ask(serving(), query(edns=Edns(do=True))).edns
    assert edns is not None
    assert edns.do


# --- cookies


SECRET = bytes(range(16))


def cookie(reply: Message) -> bytes:
    data = None if reply.edns is None else reply.edns.option(Option.COOKIE)
    assert data is not None
    return data


def with_cookie(data: bytes, **options: Any) -> Message:
    return query(edns=Edns(options=[EdnsOption(Option.COOKIE, data)]), **options)


@both
def test_a_cookie_is_completed(tcp: bool) -> None:
    counters = Counters()
    server = serving(cookies=Cookies(SECRET), counters=counters, clock=lambda: 1_000_000.5)
    reply = ask(server, with_cookie(CLIENT), tcp=tcp)
    assert reply.rcode == Rcode.NOERROR
    assert reply.answers
    assert (len(cookie(reply)), cookie(reply)[:8]) == (24, CLIENT)
    assert cookie(ask(server, with_cookie(cookie(reply)), tcp=tcp)) == cookie(reply)
    assert cookie(ask(server, with_cookie(CLIENT + bytes(16)), tcp=tcp)) == cookie(reply)
    assert counters.as_data()["cookies"] == {"new": 1, "good": 1, "bad": 1}


def test_each_client_gets_a_cookie_of_its_own() -> None:
    """Nothing that was answered to one lies ready for another."""
    server = serving(cookies=Cookies(SECRET))
    assert cookie(ask(server, with_cookie(CLIENT))) != cookie(ask(server, with_cookie(CLIENT), peer=("192.0.2.8", 1)))


def test_a_cookie_of_a_wrong_length_is_broken() -> None:
    assert ask(serving(cookies=Cookies(SECRET)), with_cookie(CLIENT + b"x")).rcode == Rcode.FORMERR


def test_a_question_for_a_cookie_alone() -> None:
    """RFC 7873 5.4."""
    server = serving(cookies=Cookies(SECRET))
    message = with_cookie(CLIENT)
    message.questions = []
    reply = ask(server, message)
    assert (reply.rcode, reply.questions, len(cookie(reply))) == (Rcode.NOERROR, [], 24)
    assert message.edns is not None
    message.edns.options = [EdnsOption(Option.COOKIE, cookie(reply))]
    assert ask(server, message).rcode == Rcode.NOERROR
    message.edns.options = [EdnsOption(Option.COOKIE, CLIENT + bytes(16))]
    assert ask(server, message).rcode == Rcode.BADCOOKIE


def test_where_cookies_are_wanted_who_has_none_of_ours_has_to_come_back_with_it() -> None:
    """RFC 7873 5.2.3, 5.2.4: over UDP alone, and not who knows of no cookies."""
    server = serving(cookies=Cookies(SECRET), require_cookies=True)
    reply = ask(server, with_cookie(CLIENT))
    assert (reply.rcode, reply.answers) == (Rcode.BADCOOKIE, [])
    assert ask(server, with_cookie(cookie(reply))).rcode == Rcode.NOERROR
    assert ask(server, with_cookie(CLIENT), tcp=True).rcode == Rcode.NOERROR
    assert ask(server, query()).rcode == Rcode.NOERROR


def test_who_gives_out_no_cookies_says_nothing_of_them() -> None:
    assert ask(serving(), with_cookie(CLIENT)).edns == Edns()


# --- about itself


@pytest.mark.parametrize(
    ("name", "text"),
    [("version.bind.", "a version"), ("VERSION.server.", "a version"), ("id.server.", "a name"), ("hostname.bind.", "a name")],
)
def test_what_it_is(name: str, text: str) -> None:
    """RFC 4892."""
    reply = ask(serving(name="a name", version="a version"), query(name, Type.TXT, Class.CH))
    (record,) = reply.answers
    assert (record.type, record.cls, record.ttl, record.rdata.text()) == (Type.TXT, Class.CH, 0, f'"{text}"')
    assert reply.aa
    assert ask(serving(name="a name", version="a version"), query(name, Type.A, Class.CH)).answers == []
    assert ask(serving(), query(name, Type.TXT, Class.CH)).rcode == Rcode.REFUSED


def test_other_names_of_that_class() -> None:
    assert ask(serving(version="a version"), query("authors.bind.", Type.TXT, Class.CH)).rcode == Rcode.REFUSED


# --- too many of one sort


def limited(**options: Any) -> DnsServer:
    """Two answers a second to a network; so are two of each sort after them."""
    return serving(limiter=RateLimiter(2, slip=2), counters=Counters(), **options)


def outcomes(server: DnsServer, count: int, message: Message | None = None, peer: Any = PEER) -> list[str]:
    found = []
    for _ in range(count):
        reply = server.answer((message or query()).encode(), peer, 0.0)
        found.append("-" if reply is None else "tc" if Message.parse(reply).tc else "whole")
    return found


def test_past_the_rate_every_second_answer_is_cut_short_and_the_others_are_not_sent() -> None:
    server = limited()
    assert outcomes(server, 8) == ["whole"] * 4 + ["-", "tc", "-", "tc"]
    assert server.counters is not None
    assert server.counters.as_data()["answers"] == {"truncated": 2, "dropped": 2, "slipped": 2}
    assert ask(server, query(), tcp=True).answers  # RFC 1035 4.2.1: who is told TC asks again over TCP


@pytest.mark.parametrize("edns", [None, Edns()])
def test_an_answer_cut_short_is_no_longer_than_its_question(edns: Edns | None) -> None:
    server, message = limited(), query("www.home.test.", edns=edns)
    outcomes(server, 5, message)
    reply = server.answer(message.encode(), PEER, 0.0)
    assert reply is not None
    assert len(reply) == len(message.encode())
    read = Message.parse(reply)
    assert (read.flags & TC, read.questions, [*read.records()], read.edns) == (TC, message.questions, [], edns)


def test_random_names_are_counted_as_one() -> None:
    server = limited()
    found = [outcomes(server, 1, query(f"random{number}.home.test."))[0] for number in range(7)]
    assert found == ["whole"] * 4 + ["-", "tc", "-"]


def test_errors_are_counted_as_one() -> None:
    server = limited()
    assert outcomes(server, 3, query("one.example.")) + outcomes(server, 3, query("two.example.")) == ["whole"] * 4 + ["-", "tc"]


def test_who_is_known_by_a_cookie_is_not_limited_and_neither_is_another_network() -> None:
    server = limited(cookies=Cookies(SECRET))
    good = cookie(ask(server, with_cookie(CLIENT)))
    assert "-" in outcomes(server, 6)
    assert outcomes(server, 10, with_cookie(good)) == ["whole"] * 10
    assert "-" in outcomes(server, 4, with_cookie(CLIENT + bytes(16)))
    assert outcomes(server, 4, peer=("198.51.100.1", 1)) == ["whole"] * 4
    assert outcomes(server, 9, peer=("127.0.0.1", 1)) == ["whole"] * 9


# --- counted and noted


def test_what_was_asked_and_answered_is_counted() -> None:
    counters = Counters()
    server = serving(counters=counters)
    for _ in range(2):
        ask(server, query())
    ask(server, query("none.home.test.", 4711), tcp=True)
    ask(server, query(edns=Edns(version=1)))
    ask(server, b"\0\0\1\0\0\1\0\0\0\0\0\0")
    data = counters.as_data()
    assert data["questions"]["by_type"] == {"other": 1, "A": 3}
    assert data["questions"]["by_rcode"] == {"NOERROR": 2, "FORMERR": 1, "NXDOMAIN": 1, "BADVERS": 1}
    assert (data["questions"]["total"], data["questions"]["udp"], data["questions"]["tcp"]) == (5, 4, 1)
    assert data["bytes"]["received"] == 2 * 31 + 32 + 42 + 12


def test_every_question_is_noted(tmp_path: Any) -> None:
    log = QueryLog(tmp_path / "log")
    server = serving(log=log, cookies=Cookies(SECRET), limiter=RateLimiter(1, slip=0))
    for _ in range(3):
        server.answer(query().encode(), PEER, 0.0)
    ask(server, with_cookie(CLIENT), tcp=True)
    log.close()
    one, _, two, three = (tmp_path / "log").read_text().splitlines()
    assert one.endswith("www.home.test IN A + NOERROR 47")
    assert two.endswith("www.home.test IN A + NOERROR 0 rate limit dropped")
    assert three.endswith("www.home.test IN A +E(0)TK NOERROR 86")


# --- over TCP


@pytest.mark.parametrize("piece", [None, 1])
def test_questions_are_pipelined(piece: int | None) -> None:
    network = MemoryNetwork({("server", 53): serving()}, piece=piece)
    stream = run(network.connect("server", 53))
    client = ClientSession()
    names = ["www", "none", "long", "longer", "x.wild"]
    client.send(Messages([query(f"{name}.home.test.", Type.TXT).encode() for name in names]))
    client.finish(0.0)
    segments, heard = client.data_to_send(), []
    while (data := run(stream.exchange(segments, None))) is not None:
        segments = ()
        heard += [message for event in client.receive(data, 0.0) for message in event.messages]
    client.receive_eof(0.0)
    assert [str(Message.parse(message).questions[0].name) for message in heard] == [f"{name}.home.test." for name in names]


def test_an_idle_connection_is_ended_and_a_slow_message_too() -> None:
    for said, after in ((b"", 30.0), (b"\0", 10.0)):
        network = MemoryNetwork({("server", 53): serving()})
        stream = run(network.connect("server", 53))
        assert run(stream.exchange([said] if said else [], None)) in (b"", None)
        assert run(stream.exchange([], None)) is None
        assert network.now() == after


def test_a_browser_is_turned_away() -> None:
    server = serving(counters=Counters())
    with served(server) as running, running.connect() as sock:
        sock.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 31\r\n\r\n" + framed([query().encode()]))
        assert read_all(sock) == b""
    assert server.counters is not None
    assert server.counters.questions == 0


def asked_over(running: Served, *messages: Message) -> list[Message]:
    with running.connect() as sock:
        sock.sendall(framed([message.encode() for message in messages]))
        sock.shutdown(socket.SHUT_WR)
        data, found = read_all(sock), []
    while data:
        end = 2 + struct.unpack_from(">H", data)[0]
        found.append(Message.parse(data[2:end]))
        data = data[end:]
    return found


def test_over_a_real_socket_all_that_was_asked_is_answered_before_the_end() -> None:
    server = serving(counters=Counters())
    with served(server) as running:
        replies = asked_over(running, *[query("longer.home.test.", Type.TXT)] * 500)
        assert len(replies) == 500
        assert all(len(reply.answers) == 1 for reply in replies)
        assert server.counters is not None
        counters = server.counters
        until(lambda: counters.open == 0)
        assert counters.connections == 1


def test_a_connection_that_is_over_leaves_no_circle_behind() -> None:
    """So that memory is given back without the collector, which a large zone keeps away for a while."""
    import gc
    import weakref

    gone: list[weakref.ref[Any]] = []
    server = serving()

    def service(link: Any) -> Any:
        gone.append(weakref.ref(link))
        return server(link)

    gc.disable()
    try:
        with served(service) as running:
            asked_over(running, query())
            until(lambda: not running.listener.connections)
            until(lambda: gone[0]() is None)
    finally:
        gc.enable()


# --- sockets


@contextmanager
def over_udp(server: DnsServer) -> Iterator[socket.socket]:
    """A socket that is connected to ``server``, which answers in a thread."""
    ready, stop = threading.Event(), asyncio.Event()
    started: list[Any] = []

    async def main() -> None:
        streams, datagrams = bind(Address.parse("127.0.0.1:0"))
        assert streams[0].getsockname() == datagrams[0].getsockname()
        for sock in streams:
            sock.close()
        responder = DatagramServer(datagrams, server)
        responder.start()
        started.extend((asyncio.get_running_loop(), responder.addresses[0]))
        ready.set()
        await stop.wait()
        responder.close()

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    assert ready.wait(20)
    loop, address = started
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(20)
            sock.connect(address)
            yield sock
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(20)
        assert not thread.is_alive()


def test_over_real_datagrams() -> None:
    with over_udp(serving()) as sock:
        sock.send(b"no question")
        for number in range(3):
            message = query()
            message.id = number
            sock.send(message.encode())
            assert Message.parse(sock.recv(4096)).id == number


def test_a_port_that_is_taken_by_datagrams_alone_is_taken() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
        holder.bind(("127.0.0.1", 0))
        port = holder.getsockname()[1]
        with pytest.raises(ListenError):
            bind(Address("127.0.0.1", port))
        with socket.create_server(("127.0.0.1", port)):
            pass  # nothing was left open


SERVE = """
from wirespeak.dns.server import serve
from wirespeak.dns.zone import Zones
from tests.dns.zones import zone
serve(Zones([zone("home.test.", "www A 127.0.0.1")]), "127.0.0.1:0", on_ready=lambda places: print(*places, flush=True))
"""


def test_serve_answers_until_it_is_stopped() -> None:
    with subprocess.Popen([sys.executable, "-c", SERVE], stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        host, port = program.stdout.readline().strip().split(":")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(20)
            sock.sendto(query().encode(), (host, int(port)))
            assert Message.parse(sock.recv(4096)).answers
        program.send_signal(signal.SIGTERM)
        assert program.wait(20) == 0


def test_types_whose_bytes_are_letters_are_told_apart() -> None:
    """What lies ready is found by lower-case bytes."""
    server = serving()
    for number in (0x4141, 0x6161):
        reply = ask(server, Message(7, RD, questions=[Question(Name.parse("www.home.test."), number)]))
        assert reply.questions[0].type == number
