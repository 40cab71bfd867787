"""Name servers, and strangers, that answer what is not so, over real sockets; and what our client believes of it.

No forged or broken datagram may take the place of the true answer, or end the listening for it; a guesser gets few guesses; nothing
is believed that was not asked for; and nothing grows or lasts without bound. With the blocking client and the one for asyncio.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from tests.dns.scripted import Said, Serving, authoritative, cut_short, reply, serving
from tests.raw import accepting
from wirespeak.dns import BlockingClient, Client, Resolver
from wirespeak.dns.exchange import NEAR_MISSES, Manner, Server
from wirespeak.dns.hosts import Settings
from wirespeak.dns.messages import QR, Message
from wirespeak.dns.names import Name
from wirespeak.dns.registry import Rcode, Type
from wirespeak.errors import ConnectError, RemoteProtocolError, TimeoutError, WirespeakError

TRUE = "www.home.test. 300 IN A 127.0.0.1"
FORGED = "www.home.test. 300 IN A 127.6.6.6"
WWW = Name.parse("www.home.test")

Ask = Callable[..., Any]


@pytest.fixture(params=["blocking", "asyncio"])
def ask(request: pytest.FixtureRequest) -> Ask:
    """``ask("query", …)`` calls that method of a client of either kind, with a resolver of its own where one is given."""

    def call(method: str, *arguments: Any, resolver: Any = None, **options: Any) -> Any:
        resolver = resolver or Resolver(Settings([]))
        if request.param == "blocking":
            return getattr(BlockingClient(resolver=resolver), method)(*arguments, **options)

        async def run() -> Any:
            return await asyncio.wait_for(getattr(Client(resolver=resolver), method)(*arguments, **options), 60)

        return asyncio.run(run())

    return call


def said(answer: Any) -> list[str]:
    return [str(record.rdata) for record in answer.message.answers]


def stub(server: Serving, **settings: Any) -> Resolver:
    return Resolver(Settings([server.server], **settings))


# --- broken answers that race the true one (CVE-2023-29483, TuDoor)


def mutilated(query: Message) -> dict[str, bytes]:
    """Answers that are none: each has the id of ``query``, which its sender can know or guess."""
    id, question = query.id, query.encode()[12:]
    forged = reply(query, FORGED).encode()
    header = struct.Struct("!6H")
    return {
        "nothing": b"",
        "one byte": b"\0",
        "the id alone": forged[:2],
        "half a header": forged[:7],
        "the header alone": forged[:12],
        "cut off in the question": forged[:20],
        "cut off in the answer": forged[:-1],
        "one byte too many": forged + b"\0",
        "counts larger than the message": header.pack(id, QR, 1, 65535, 65535, 65535) + question,
        "the name a loop": header.pack(id, QR, 1, 0, 0, 0) + b"\xc0\x0c\0\1\0\1",
        "the name a pointer forward": header.pack(id, QR, 1, 0, 0, 0) + b"\xc0\xff\0\1\0\1",
        "a label of a kind that is not": header.pack(id, QR, 1, 0, 0, 0) + b"\x80www\0\0\1\0\1",
        "an address of three bytes": forged[:-6] + b"\0\3" + b"\x7f\6\6",
        "two OPT records": reply(query).encode()[:10] + b"\0\2" + question + b"\0\0\x29\4\xd0\0\0\0\0\0\0" * 2,
        "the question itself": query.encode(),
        "no question": header.pack(id, QR, 0, 0, 0, 0),
        "two questions": header.pack(id, QR, 2, 0, 0, 0) + question * 2,
        "another name": reply(Message.query(Name.parse("evil.test"), 1, id=id), "evil.test. 300 IN A 127.6.6.6").encode(),
        "another type": reply(Message.query(WWW, 28, id=id), "www.home.test. 300 IN AAAA ::6").encode(),
        "another class": reply(Message.query(WWW, 1, 3, id=id), "www.home.test. 300 CH A 127.6.6.6").encode(),
        "another opcode": struct.pack("!HH", id, QR | 5 << 11) + forged[4:],
        "another id": struct.pack("!H", id ^ 0x8001) + forged[2:],
    }


@pytest.mark.parametrize("kind", list(mutilated(Message.query(WWW, 1))))
def test_a_broken_answer_does_not_take_the_place_of_the_true_one(kind: str, ask: Ask) -> None:
    with serving(lambda query, _: [mutilated(query)[kind], reply(query, TRUE)], tcp=False) as server:
        answer = ask("query", "www.home.test", "A", server.server, edns=None)
    assert (said(answer), answer.transport, len(server.asked)) == (["127.0.0.1"], "udp", 1)


BROKEN = ["cut off in the answer", "the name a loop", "counts larger than the message"]


@pytest.mark.parametrize("kind", BROKEN)
def test_nor_do_a_hundred_of_them(kind: str, ask: Ask) -> None:
    with serving(lambda query, _: [*[mutilated(query)[kind]] * 100, reply(query, TRUE)], tcp=False) as server:
        assert said(ask("query", "www.home.test", "A", server.server, edns=None)) == ["127.0.0.1"]


@pytest.mark.parametrize("kind", BROKEN)
def test_where_so_many_come_that_the_true_one_finds_no_room_it_comes_over_tcp(kind: str, ask: Ask) -> None:
    def script(query: Message, transport: str) -> Said:
        return reply(query, TRUE) if transport == "tcp" else [mutilated(query)[kind]] * 5000

    with serving(script) as server:
        answer = ask("query", "www.home.test", "A", server.server, edns=None, manner=Manner(tries=1, timeout=0.5))
    assert (said(answer), answer.transport) == (["127.0.0.1"], "tcp")


def test_where_nothing_else_comes_the_time_limit_holds_and_the_error_tells(ask: Ask) -> None:
    """The server has the whole of its time to say something better, and no more than that."""
    with serving(lambda query, _: mutilated(query)["cut off in the answer"]) as server:
        before = time.monotonic()
        with pytest.raises(RemoteProtocolError, match="ends inside"):
            ask("query", "www.home.test", "A", server.server, edns=None, manner=Manner(tries=1, timeout=0.2))
        assert 0.2 <= time.monotonic() - before < 20
        assert server.over == ["udp", "tcp"]


def test_a_true_answer_late_within_its_time_is_taken_after_broken_ones(ask: Ask) -> None:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sock.settimeout(20)

    def serve() -> None:
        data, peer = sock.recvfrom(65535)
        query = Message.parse(data)
        for broken in ("half a header", "cut off in the answer"):
            sock.sendto(mutilated(query)[broken], peer)
            time.sleep(0.1)  # what is tested is that time passes between
        sock.sendto(reply(query, TRUE).encode(), peer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    assert said(ask("query", "www.home.test", "A", Server(*sock.getsockname()), edns=None)) == ["127.0.0.1"]
    thread.join(20)
    sock.close()


# --- guesses (RFC 5452)


def test_a_guesser_gets_few_guesses_and_the_truth_comes_over_tcp(ask: Ask) -> None:
    """Even where one of the guesses that follow is right: that port is no longer listened to."""

    def script(query: Message, transport: str) -> Said:
        if transport == "tcp":
            return reply(query, TRUE)
        wrong = [reply(Message.query(WWW, 1, id=query.id + number & 0xFFFF), FORGED) for number in range(1, 200)]
        return [*wrong, reply(query, FORGED)]

    with serving(script) as server:
        answer = ask("query", "www.home.test", "A", server.server, edns=None)
        assert (said(answer), answer.transport) == (["127.0.0.1"], "tcp")
        assert answer.tries[0].outcome == f"{NEAR_MISSES} answers to other questions"
        found = ask("resolve", "www.home.test.", "A", resolver=stub(server))
    assert found.texts == ["127.0.0.1"]


def test_without_tcp_the_question_is_asked_anew_from_another_port_with_another_id(ask: Ask) -> None:
    def script(query: Message, transport: str) -> Said:
        wrong = [reply(Message.query(WWW, 1, id=query.id ^ number), FORGED) for number in (1, 2, 3)]
        return [*wrong, reply(query, TRUE if len(server.asked) > 1 else FORGED)]

    with serving(script, tcp=False) as server:
        with pytest.raises(WirespeakError):
            ask("query", "www.home.test", "A", server.server, edns=None, manner=Manner(tries=1))
        with pytest.raises(WirespeakError):
            ask("query", "www.home.test", "A", server.server, edns=None, manner=Manner(tries=3))
    ids = [query.id for query, _ in server.asked]
    assert len(ids) == 4
    assert len(set(zip(ids, server.ports, strict=True))) == 4


def test_a_stranger_who_knows_everything_but_has_another_address_is_not_heard(ask: Ask) -> None:
    def script(query: Message, transport: str) -> Said:
        for host, port in (("127.0.0.66", server.port), ("127.0.0.1", 0)):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
                stranger.bind((host, port))
                for _ in range(5):
                    stranger.sendto(reply(query, FORGED).encode(), ("127.0.0.1", server.ports[-1]))
        return reply(query, TRUE)

    with serving(script, tcp=False) as server:
        answer = ask("query", "www.home.test", "A", server.server)
    assert (said(answer), answer.tries) == (["127.0.0.1"], [])


def test_ids_and_ports_are_not_to_be_foretold(ask: Ask) -> None:
    with serving(lambda query, _: reply(query, TRUE)) as server:
        for _ in range(100):
            ask("query", "www.home.test", "A", server.server)
    ids, ports = [query.id for query, _ in server.asked], server.ports
    for numbers in (ids, ports):
        assert len(set(numbers)) > 90
        steps = {after - before for before, after in pairwise(numbers)}
        assert len(steps) > 90
    assert max(ids) - min(ids) > 0x8000


def test_the_letters_of_the_stubs_questions_are_not_to_be_foretold(ask: Ask) -> None:
    """A guesser who has id and port right still has a bit to guess for each letter."""
    name = "abcdefghijklmnopqrstuvwxyz.home.test"

    def script(query: Message, transport: str) -> Said:
        if transport == "tcp":
            return reply(query, f"{name}. 0 IN A 127.0.0.1")
        return reply(Message.query(Name.parse(name), 1, id=query.id), f"{name}. 0 IN A 127.6.6.6")

    with serving(script) as server:
        resolver = stub(server)
        for _ in range(20):
            assert ask("resolve", f"{name}.", "A", resolver=resolver).texts == ["127.0.0.1"]
    sent = [query.questions[0].name.wire for query, transport in server.asked if transport == "udp"]
    assert len(sent) == len(set(sent)) == 20


@pytest.mark.parametrize("tcp", [True, False])
def test_a_server_that_writes_names_in_lower_case_still_serves(tcp: bool, ask: Ask) -> None:
    def script(query: Message, transport: str) -> Said:
        name = Name(query.questions[0].name.key)
        return reply(Message.query(name, 1, id=query.id), f"{name} 0 IN A 127.0.0.1")

    with serving(script, tcp=tcp) as server:
        resolver = stub(server)
        for _ in range(3):
            assert ask("resolve", "abcdefghijklmnopqrstuvwxyz.home.test.", "A", resolver=resolver).texts == ["127.0.0.1"]
    if tcp:  # it is known from the first answer that nobody could have forged
        assert server.over == ["udp", "tcp", "udp", "udp"]


def test_a_wave_of_refusals_by_icmp_is_no_answer(ask: Ask, free_port: Callable[[], int]) -> None:
    before = time.monotonic()
    with pytest.raises(ConnectError, match="refused"):
        ask("query", "www.home.test", "A", Server("127.0.0.1", free_port()))
    assert time.monotonic() - before < 3


# --- what was not asked for


def test_records_that_nobody_asked_for_are_neither_told_nor_kept(ask: Ask) -> None:
    """CVE-2025-40778."""
    beside = ["bank.test. 86400 IN A 127.6.6.6", "home.test. 86400 IN NS ns.evil.test.", "test. 86400 IN SOA a. b. 1 2 3 4 5"]

    def script(query: Message, transport: str) -> Said:
        name = query.questions[0].name
        if name == WWW:
            return authoritative(query, TRUE, *beside, authority=beside, additional=beside)
        return reply(query, "bank.test. 60 IN A 127.0.0.5")

    with serving(script) as server:
        resolver = stub(server)
        assert ask("resolve", "www.home.test.", "A", resolver=resolver).texts == ["127.0.0.1"]
        assert ask("resolve", "bank.test.", "A", resolver=resolver).texts == ["127.0.0.5"]
        assert ask("addresses", "www.home.test.", resolver=resolver) == ["127.0.0.1"]


@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.parametrize("length", [1, 2, 100])
def test_aliases_in_a_circle_and_in_long_chains_end_soon(length: int, inside: bool, ask: Ask) -> None:
    """In one answer, and one question at a time."""

    def script(query: Message, transport: str) -> Said:
        first = int(query.questions[0].name.labels[0])
        numbers = range(100) if inside else [first]
        return reply(query, *(f"{number}.home.test. 60 IN CNAME {(number + 1) % length}.home.test." for number in numbers))

    with serving(script) as server, pytest.raises(RemoteProtocolError, match="circle"):
        ask("resolve", "0.home.test.", "A", resolver=stub(server))
    assert len(server.asked) <= 12


def test_that_there_is_nothing_is_not_kept_on_the_word_of_another_zone(ask: Ask) -> None:
    soa = "evil.test. 86400 IN SOA ns.evil.test. a.evil.test. 1 2 3 4 86400"
    with serving(lambda query, _: reply(query, authority=[soa], rcode=Rcode.NXDOMAIN)) as server:
        resolver = stub(server)
        for _ in range(2):
            assert ask("resolve", "www.home.test.", "A", resolver=resolver).rcode == Rcode.NXDOMAIN
    assert len(server.asked) == 2


def test_what_is_kept_does_not_grow_with_what_is_asked() -> None:
    with serving(lambda query, _: reply(query, f"{query.questions[0].name} 86400 IN A 127.0.0.1")) as server:
        resolver = stub(server)
        resolver.cache._size = 50
        client = BlockingClient(resolver=resolver)
        for number in range(200):
            client.resolve(f"{number}.home.test.", "A")
            assert len(resolver.cache) <= 50
    assert len(resolver.cache) > 40


# --- TCP


def after_the_question(*said: bytes, hold: bool = False) -> Callable[[socket.socket], None]:
    """A server over TCP that takes a question and says this, whatever it was."""

    def talk(sock: socket.socket) -> None:
        sock.recv(65535)
        for one in said:
            sock.sendall(one)
        if hold:
            while sock.recv(65535):
                pass

    return talk


def forged_over_tcp(sock: socket.socket) -> None:
    query = Message.parse(sock.recv(65535)[2:])
    data = reply(Message.query(Name.parse("evil.test"), 1, id=query.id), "evil.test. 300 IN A 127.6.6.6").encode()
    sock.sendall(len(data).to_bytes(2) + data)


@pytest.mark.parametrize(
    ("talk", "error"),
    [
        (after_the_question(), ConnectError),
        (after_the_question(b"\0"), ConnectError),
        (after_the_question(b"\0\0"), RemoteProtocolError),
        (after_the_question(b"\0\5hello"), RemoteProtocolError),
        (after_the_question(b"\xff\xff" + bytes(1000)), ConnectError),
        (after_the_question(b"\xff\xff" + bytes(65535)), RemoteProtocolError),
        (after_the_question(b"HTTP/1.1 400 Bad Request\r\n\r\n"), ConnectError),
        (after_the_question(b"\0\x20", hold=True), TimeoutError),
        (after_the_question(hold=True), TimeoutError),
        (forged_over_tcp, RemoteProtocolError),
    ],
)
def test_streams_that_hold_no_answer(talk: Callable[[socket.socket], None], error: type[WirespeakError], ask: Ask) -> None:
    with accepting(talk) as port, pytest.raises(error):
        ask("query", "www.home.test", "A", Server("127.0.0.1", port), manner=Manner(tries=1, timeout=0.5, tcp=True))


def test_a_stream_of_one_byte_at_a_time_has_no_more_time_than_a_silent_one(ask: Ask) -> None:
    def trickle(sock: socket.socket) -> None:
        sock.recv(65535)
        sock.sendall(b"\xff\xff")
        for _ in range(2000):
            sock.sendall(b"\0")
            time.sleep(0.01)

    with accepting(trickle) as port:
        before = time.monotonic()
        with pytest.raises(TimeoutError):
            ask("query", "www.home.test", "A", Server("127.0.0.1", port), manner=Manner(tries=1, timeout=0.3, tcp=True))
        assert time.monotonic() - before < 10


def test_a_stream_without_end_is_read_up_to_the_answer(ask: Ask) -> None:
    sent = 0

    def pour(sock: socket.socket) -> None:
        nonlocal sent
        data = reply(Message.parse(sock.recv(65535)[2:]), TRUE).encode()
        sock.sendall(len(data).to_bytes(2) + data)
        while sent < 1 << 30:
            sock.sendall(bytes(1 << 16))
            sent += 1 << 16

    with accepting(pour) as port:
        answer = ask("query", "www.home.test", "A", Server("127.0.0.1", port), manner=Manner(tcp=True))
    assert said(answer) == ["127.0.0.1"]
    assert sent < 64 << 20


def test_cut_short_for_ever_is_no_loop(ask: Ask) -> None:
    """Over TCP an answer can't be cut short; one that says so is the answer all the same."""
    with serving(lambda query, _: cut_short(query)) as server:
        answer = ask("query", "www.home.test", "A", server.server)
    assert (answer.message.tc, server.over) == (True, ["udp", "tcp"])


@pytest.mark.parametrize("rcode", [Rcode.BADVERS, Rcode.BADCOOKIE, Rcode.FORMERR, Rcode.SERVFAIL])
def test_a_server_that_always_says_the_same_no_is_not_asked_for_ever(rcode: Rcode, ask: Ask) -> None:
    def script(query: Message, transport: str) -> Said:
        return reply(query, rcode=int(rcode), edns=query.edns)

    with serving(script) as server:
        found = ask("resolve", "www.home.test.", "A", resolver=stub(server))
    assert (found.rcode, bool(found)) == (rcode, False)
    assert len(server.asked) <= 4


# --- one among many


def test_a_silent_server_holds_up_nobody_else() -> None:
    with serving(lambda query, _: None) as silent, serving(lambda query, _: reply(query, TRUE)) as good:

        async def test() -> None:
            client = Client(resolver=Resolver(Settings([])))
            waiting = [asyncio.create_task(client.query("www.home.test", "A", silent.server)) for _ in range(20)]
            for _ in range(50):
                assert said(await asyncio.wait_for(client.query("www.home.test", "A", good.server), 20)) == ["127.0.0.1"]
            assert not any(task.done() for task in waiting)
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

        asyncio.run(test())
    assert {Type(query.questions[0].type) for query, _ in good.asked} == {Type.A}
