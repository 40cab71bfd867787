"""The client over real sockets, blocking and under asyncio; and as the resolver of a network (RFC 8305 3)."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.dns.scripted import Script, Serving, cut_short, reply, serving
from tests.raw import accepting, read_request
from wirespeak.dns.client import BlockingClient, Client, Resolver, query
from wirespeak.dns.edns import Edns
from wirespeak.dns.exchange import Manner, Server
from wirespeak.dns.hosts import Settings
from wirespeak.dns.messages import Message
from wirespeak.dns.names import ROOT, Name
from wirespeak.dns.registry import Rcode, Type
from wirespeak.dns.trace import Delegation
from wirespeak.errors import ConnectError, HostNotFound, RemoteProtocolError, TextError, TimeoutError
from wirespeak.http.client import BlockingClient as HttpClient
from wirespeak.sockets.aio_network import AsyncNetwork
from wirespeak.sockets.blocking import BlockingNetwork, run

A = "www.home.test. 300 IN A 127.0.0.1"


class Asker:
    """The methods of a client, of either kind, as ordinary functions."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __call__(self, method: str, *arguments: Any, resolver: Any = None, **options: Any) -> Any:
        if self.kind == "blocking":
            return getattr(BlockingClient(resolver=resolver), method)(*arguments, **options)

        async def ask() -> Any:
            return await asyncio.wait_for(getattr(Client(resolver=resolver), method)(*arguments, **options), 30)

        return asyncio.run(ask())

    def connect(self, host: str, port: int, resolver: Any) -> Any:
        """The address that a network with this resolver connects to, and the seconds that took."""

        async def connect(network: Any) -> Any:
            since = network.now()
            stream = await network.connect(host, port, deadline=since + 20)
            await stream.close()
            return stream.peer, network.now() - since

        if self.kind == "blocking":
            return run(connect(BlockingNetwork(resolver=resolver)))
        return asyncio.run(connect(AsyncNetwork(resolver=resolver)))


@pytest.fixture(params=["blocking", "asyncio"])
def ask(request: pytest.FixtureRequest) -> Asker:
    return Asker(request.param)


def stub(*servers: Serving, **settings: Any) -> Resolver:
    return Resolver(Settings([one.server for one in servers], **settings))


def where(server: Serving) -> str:
    return f"{server.host}:{server.port}"


# --- one question


def test_a_question_to_a_server(ask: Asker) -> None:
    with serving(lambda query, _: reply(query, A)) as server:
        answer = ask("query", "www.home.test", "A", where(server))
    assert [str(record) for record in answer.message.answers] == [A]
    assert (answer.transport, str(answer.server)) == ("udp", where(server))
    question = server.asked[0][0]
    assert (question.rd, question.edns) == (True, Edns())


def test_what_can_be_said_of_a_question(ask: Asker) -> None:
    with serving(lambda query, _: reply(query, rcode=Rcode.REFUSED)) as server:
        answer = ask("query", Name.parse("version.bind"), 16, server.server, cls="CH", flags=0, edns=None, manner=Manner(tcp=True))
    assert answer.message.rcode_name == "REFUSED"
    question, transport = server.asked[0]
    assert (transport, question.rd, question.edns, str(question.questions[0])) == ("tcp", False, None, "version.bind. CH TXT")


def test_an_answer_cut_short_comes_whole_over_tcp(ask: Asker) -> None:
    long = [f"www.home.test. 300 IN TXT {'x' * 250}{number}" for number in range(200)]
    with serving(lambda query, over: reply(query, *long) if over == "tcp" else cut_short(query)) as server:
        answer = ask("query", "www.home.test", "TXT", where(server))
    assert (len(answer.message.answers), answer.transport, server.over) == (200, "tcp", ["udp", "tcp"])
    assert len(answer.data) > 50_000


def test_where_there_is_no_answer(ask: Asker, free_port: Callable[[], int]) -> None:
    with pytest.raises(ConnectError, match="refused"):
        ask("query", "www.home.test", "A", f"127.0.0.1:{free_port()}")
    with serving(lambda query, _: None, tcp=False) as server:
        with pytest.raises(TimeoutError, match=r"no answer from .* over UDP within 0\.05 s"):
            ask("query", "www.home.test", "A", where(server), manner=Manner(tries=2, timeout=0.05))
        assert server.over == ["udp", "udp"]
        with pytest.raises(ConnectError, match="over TCP"):
            ask("query", "www.home.test", "A", where(server), manner=Manner(tcp=True))


def test_each_question_comes_from_a_port_of_its_own(ask: Asker) -> None:
    """RFC 5452 9.2."""
    with serving(lambda query, _: reply(query, A)) as server:
        for _ in range(8):
            ask("query", "www.home.test", "A", where(server))
    assert len(set(server.ports)) > 4
    assert len({question.id for question, _ in server.asked}) > 4


def test_what_is_no_question(ask: Asker) -> None:
    for name, type in (("a..b", "A"), ("home.test", "NOTYPE")):
        with pytest.raises(TextError):
            ask("query", name, type, "127.0.0.1")


def test_one_question_in_one_line() -> None:
    with serving(lambda query, _: reply(query, A)) as server:
        assert query("www.home.test", "A", where(server)).message.answers


def test_a_server_may_be_named(ask: Asker) -> None:
    """Its name is looked up by the system's name servers."""
    with serving(
        lambda query, _: reply(query, A if query.questions[0].type == Type.A else "ns.home.test. 60 IN MX 1 mail.test.")
    ) as server:
        answer = ask("query", "home.test", "MX", f"www.home.test:{server.port}", resolver=stub(server))
    assert str(answer.server) == where(server)
    assert {Type(question.questions[0].type) for question, _ in server.asked} == {Type.A, Type.AAAA, Type.MX}


def test_many_questions_at_a_time() -> None:
    """Over one loop, each with a socket of its own."""

    async def test() -> list[str]:
        client = Client()
        answers = await asyncio.gather(*(client.query(f"{number}.home.test", "A", where(server)) for number in range(20)))
        return [str(answer.message.answers[0].rdata) for answer in answers]

    def script(query: Message, transport: str) -> Any:
        number = int(query.questions[0].name.labels[0])
        return reply(query, f"{number}.home.test. 60 IN A 127.0.0.{number}")

    with serving(script) as server:
        assert asyncio.run(test()) == [f"127.0.0.{number}" for number in range(20)]


def test_a_question_that_is_given_up_leaves_nothing_open() -> None:
    async def test() -> None:
        asking = asyncio.create_task(Client().query("www.home.test", "A", where(server)))
        assert await asyncio.to_thread(heard.wait, 20)
        before = psutil.Process().num_fds()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert psutil.Process().num_fds() == before - 1

    heard = threading.Event()
    with serving(lambda query, _: heard.set()) as server:
        asyncio.run(test())


# --- looking up


def test_looking_up(ask: Asker) -> None:
    with serving(lambda query, _: reply(query, "www.home.test. 60 IN CNAME home.test.", "home.test. 60 IN MX 1 mail.home.test.")) as server:
        found = ask("resolve", "www.home.test", "MX", resolver=stub(server))
    assert (found.texts, str(found.canonical)) == (["1 mail.home.test."], "home.test.")


def test_addresses(ask: Asker) -> None:
    def script(query: Message, transport: str) -> Message:
        return reply(query, A) if query.questions[0].type == Type.A else reply(query, A.replace("A 127.0.0.1", "AAAA ::1"))

    with serving(script) as server:
        resolver = stub(server)
        assert ask("addresses", "www.home.test", resolver=resolver) == ["::1", "127.0.0.1"]
        assert ask("addresses", "www.home.test", resolver=resolver) == ["::1", "127.0.0.1"]
        assert len(server.asked) == 2  # and then none: both are kept
        assert ask("addresses", "localhost", resolver=resolver) == ["::1", "127.0.0.1"]
        assert ask("addresses", "192.0.2.9", resolver=resolver) == ["192.0.2.9"]
        assert ask("addresses", "2001:DB8::1", resolver=resolver) == ["2001:db8::1"]
        with pytest.raises(HostNotFound):
            ask("addresses", "nowhere.invalid", resolver=resolver)


def test_looking_up_has_a_limit(ask: Asker) -> None:
    with serving(lambda query, _: None) as server, pytest.raises(TimeoutError, match=r"could not be looked up within 0\.05 seconds"):
        ask("resolve", "www.home.test", resolver=stub(server), timeout=0.05)


def test_the_systems_files_are_read_again_when_they_change(tmp_path: Path, ask: Asker) -> None:
    resolv, hosts = tmp_path / "resolv.conf", tmp_path / "hosts"
    hosts.write_text("127.0.0.7 seven.test\n")
    resolver = Resolver.system(str(resolv), str(hosts))
    assert resolver.settings.servers == [Server("127.0.0.1")]
    assert ask("addresses", "seven.test", resolver=resolver) == ["127.0.0.7"]
    hosts.write_text("127.0.0.77 seven.test\n")
    resolv.write_text("nameserver 127.0.0.9\nsearch home.test\n")
    assert ask("addresses", "seven.test", resolver=resolver) == ["127.0.0.77"]
    assert resolver.settings.servers == [Server("127.0.0.9")]
    hosts.unlink()
    with pytest.raises((HostNotFound, ConnectError, RemoteProtocolError)):
        ask("addresses", "seven.test.invalid", resolver=resolver)


# --- the resolver of a network


def of_both(addresses: dict[str, str]) -> Script:
    """Knows an address of each type, or that there is none."""

    def script(query: Message, transport: str) -> Message:
        type = Type(query.questions[0].type).name
        return reply(query, *([f"{query.questions[0].name} 60 IN {type} {addresses[type]}"] if type in addresses else []))

    return script


@pytest.fixture
def listening() -> Iterator[int]:
    with accepting(lambda sock: sock.recv(1)) as port:
        yield port


def test_a_network_looks_hosts_up_by_the_resolver_it_is_given(ask: Asker, listening: int) -> None:
    with serving(of_both({"A": "127.0.0.1"})) as server:
        peer, _ = ask.connect("www.home.test", listening, stub(server))
    assert peer == ("127.0.0.1", listening)
    assert len(server.asked) == 2


def test_a_network_asks_nobody_for_an_address(ask: Asker, listening: int) -> None:
    peer, _ = ask.connect("127.0.0.1", listening, Resolver(Settings([])))
    assert peer == ("127.0.0.1", listening)


def test_the_other_family_is_not_waited_for_for_long(ask: Asker, listening: int) -> None:
    """RFC 8305 3: IPv4's addresses are here, IPv6's are not: after 50 ms the first of them is tried."""
    with serving(lambda query, over: None if query.questions[0].type == Type.AAAA else of_both({"A": "127.0.0.1"})(query, over)) as server:
        peer, seconds = ask.connect("www.home.test", listening, stub(server, timeout=20.0))
    assert peer == ("127.0.0.1", listening)
    assert 0.05 <= seconds < 10


def test_where_both_families_are_known_to_be_there_or_not_nothing_is_waited_for(ask: Asker) -> None:
    with serving(of_both({})) as server, pytest.raises(HostNotFound, match="has no address"):
        ask.connect("www.home.test", 80, stub(server))


def test_a_name_that_does_not_exist_and_one_that_nobody_knows(ask: Asker) -> None:
    with serving(lambda query, _: reply(query, rcode=Rcode.NXDOMAIN)) as server, pytest.raises(HostNotFound, match="no such name"):
        ask.connect("www.home.test", 80, stub(server))
    with serving(lambda query, _: None) as server, pytest.raises(TimeoutError, match="no answer"):
        ask.connect("www.home.test", 80, stub(server, timeout=0.05, attempts=1))
    with pytest.raises(HostNotFound, match="is no name"):
        ask.connect("a..b", 80, Resolver(Settings([])))


def test_a_dead_address_is_followed_by_the_next(ask: Asker, listening: int) -> None:
    with serving(
        lambda query, _: reply(
            query, *(f"{query.questions[0].name} 60 IN A 127.0.0.{host}" for host in (9, 8, 1)) if query.questions[0].type == Type.A else ()
        )
    ) as server:
        peer, _ = ask.connect("www.home.test", listening, stub(server))
    assert peer == ("127.0.0.1", listening)


def test_the_http_client_asks_it_too() -> None:
    def talk(sock: socket.socket) -> None:
        assert b"Host: www.home.test" in read_request(sock)
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")

    with (
        accepting(talk) as port,
        serving(of_both({"A": "127.0.0.1"})) as server,
        HttpClient(BlockingNetwork(resolver=stub(server))) as client,
    ):
        assert client.get(f"http://www.home.test:{port}/").text == "hi"


# --- a walk


def test_a_walk_over_real_sockets() -> None:
    """Root and zone on loopback addresses of their own, at one port."""
    with serving(lambda query, _: reply(query, A), host="127.0.0.3") as zone:

        def root_script(query: Message, transport: str) -> Message:
            return reply(query, authority=["home.test. 60 IN NS ns.home.test."], additional=["ns.home.test. 60 IN A 127.0.0.3"], flags=0)

        with serving(root_script, host="127.0.0.2", port=zone.port) as root:
            steps = list(BlockingClient().trace("www.home.test", roots=Delegation(ROOT, {ROOT: ["127.0.0.2"]}), port=root.port))
    assert [(str(step.zone), step.server.host, step.kind) for step in steps] == [
        (".", "127.0.0.2", "referral"),
        ("home.test.", "127.0.0.3", "answer"),
    ]
