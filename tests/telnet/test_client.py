"""What a client decides, for who awaits and for who blocks: over sockets against our server, and in memory against one that follows a
script, under a simulated clock.
"""

from __future__ import annotations

import asyncio
import re
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest

from tests.raw import accepting, cut_off
from tests.sockets.serving import served
from tests.telnet.dialog import wire
from wirespeak.contract import Conversation, Link, Service
from wirespeak.errors import ConnectError, ConnectionLost, LimitExceeded, LocalProtocolError, RemoteProtocolError, TimeoutError
from wirespeak.sockets.blocking import run
from wirespeak.sockets.memory import MemoryNetwork
from wirespeak.telnet.client import HELD, BlockingClient, Client
from wirespeak.telnet.grammar import BINARY, ECHO, NAWS, SGA, Code
from wirespeak.telnet.limits import TelnetLimits
from wirespeak.telnet.messages import Command, Data, Disabled, Enabled, End, Malformed, WindowSize
from wirespeak.telnet.options import NewEnviron, client_options, host_options
from wirespeak.telnet.server import TelnetServer
from wirespeak.telnet.session import TelnetSession
from wirespeak.telnet.visitor import Visitor


async def parrot(visitor: Visitor) -> None:
    """Asks for a name, and repeats what it is told."""
    name = await visitor.ask("name? ")
    await visitor.say(f"hello {name}")
    async for line in visitor:
        await visitor.say(f"{line}! {line}!")


class Host(Conversation):
    """A host that does what ``react`` says, of each event; it says ``greeting`` first."""

    def __init__(self, link: Link, greeting: bytes, react: Callable[[TelnetSession, Any], None], asks: tuple[int, ...]) -> None:
        self.telnet = TelnetSession(link.wake, TelnetLimits(), options=host_options(), host=True)
        self.session = self.telnet
        self.events: list[Any] = []
        self._react = react
        for option in asks:
            self.telnet.ask_him(option)
        if greeting:
            self.telnet.send(greeting)

    def handle(self, event: Any) -> None:
        self.events.append(event)
        if isinstance(event, Data):
            self.telnet.consumed(len(event.data))
        if isinstance(event, End):
            self.telnet.leave()
        else:
            self._react(self.telnet, event)

    def lost(self, error: Exception | None) -> None: ...


def silent(session: TelnetSession, event: Any) -> None: ...


def host(greeting: bytes = b"", react: Callable[[TelnetSession, Any], None] = silent, *asks: int) -> tuple[MemoryNetwork, list[Host]]:
    """A network with one host on port 23, and all its conversations."""
    hosts: list[Host] = []

    def service(link: Link) -> Conversation:
        hosts.append(Host(link, greeting, react, asks))
        return hosts[-1]

    return MemoryNetwork({("host", 23): service}), hosts


def call(network: MemoryNetwork, **given: Any) -> BlockingClient:
    return BlockingClient.connect("host", network=network, timeout=5, **given)


# --- with our server, over sockets


def test_a_blocking_client_asks_our_server() -> None:
    with served(TelnetServer(parrot)) as server, BlockingClient.connect("{}:{}".format(*server.address)) as telnet:
        telnet.read_until(b"name? ")
        telnet.write_line("ann")
        assert b"hello ann" in telnet.read_until(b"hello ann\r\n")
        telnet.write_line("cracker")
        found = telnet.expect([b"never", re.compile(rb"(\w+)! \1!")])
        assert (found.index, found.match[1]) == (1, b"cracker")
        assert found.data.endswith(b"cracker! cracker!")


def test_an_async_client_asks_our_server() -> None:
    async def converse(address: str) -> None:
        async with await Client.connect(address) as telnet:
            await telnet.read_until(b"name? ")
            await telnet.write_line("bob")
            await telnet.read_until(b"hello bob\r\n")
            assert await telnet.read_eager() in (b"", b"\r\n")
            with pytest.raises(TimeoutError):
                await telnet.read_until(b"hello carol", timeout=0.05)

    with served(TelnetServer(parrot)) as server:
        asyncio.run(converse("{}:{}".format(*server.address)))


def test_what_is_negotiated_is_told_beside_the_data() -> None:
    heard: list[Any] = []
    options = client_options(terminal=["XTERM"], columns=132, rows=43)
    seen: list[tuple[str, int, int]] = []

    async def look(visitor: Visitor) -> None:
        await visitor.ask("ready? ")
        seen.append((visitor.terminal, visitor.columns, visitor.rows))

    with served(TelnetServer(look)) as server:
        address = "{}:{}".format(*server.address)
        with BlockingClient.connect(address, options=options, listener=heard.append) as telnet:
            telnet.read_until(b"ready? ")
            assert telnet.session.him(ECHO)
            assert telnet.session.him(SGA)
            telnet.write_line("yes")
            telnet.read_all()
    assert seen == [("xterm", 132, 43)]
    assert Enabled(ECHO, False) in heard


def test_every_byte_goes_through_in_both_directions() -> None:
    """All values, so IAC too, and CR before everything: an NVT has it as CR NUL (RFC 854)."""

    def repeat(session: TelnetSession, event: Any) -> None:
        if isinstance(event, Data):
            session.send(event.data)

    data = bytes(range(256)) * 40 + b"\r" + bytes(range(256)) + b"\r\r\n"
    for piece in (None, 1, 7):
        network, _ = host(b"", repeat)
        network.piece = piece
        with call(network) as telnet:
            telnet.write(data)
            came = b""
            while len(came) < len(data):
                came += telnet.read_some()
            # NUL behind a lone CR is the NVT's way to write that CR, so CR NUL itself cannot be said.
            assert came == data


def test_nobody_listening() -> None:
    with pytest.raises(ConnectError, match="nothing listens there"):
        BlockingClient.connect("127.0.0.1:1")


# --- waiting


def test_reading_until_something_comes_keeps_what_came_behind_it() -> None:
    network, _ = host(b"login: welcome\r\n")
    with call(network) as telnet:
        assert telnet.read_until(b": ") == b"login: "
        assert telnet.read_eager() == b"welcome\r\n"


def test_of_several_the_one_that_begins_first_is_found() -> None:
    network, _ = host(b"one two three")
    with call(network) as telnet:
        found = telnet.expect([b"three", b"two", re.compile(b"t[a-z]+")])
        assert (found.index, found.data) == (1, b"one two")


@pytest.mark.parametrize("piece", [1, 2, 3])
def test_what_is_waited_for_may_come_in_pieces(piece: int) -> None:
    network, _ = host(b"aaab")
    network.piece = piece
    with call(network) as telnet:
        assert telnet.read_until(b"aab") == b"aaab"


def test_a_time_limit_loses_nothing() -> None:
    network, hosts = host(b"almost")
    with call(network) as telnet:
        with pytest.raises(TimeoutError, match=r"b'password' did not come in time; what came ends in b'almost'"):
            telnet.read_until(b"password", timeout=3)
        assert network.now() == 3
        hosts[0].telnet.send(b" there")
        assert telnet.read_until(b"there") == b"almost there"


def test_a_silent_peer_ends_the_wait_and_not_the_conversation() -> None:
    network, _ = host()
    with call(network) as telnet:
        with pytest.raises(TimeoutError):
            telnet.read_some()
        assert network.now() == 5
        assert telnet.read_eager() == b""
        assert not telnet.ended


def test_data_flow_though_the_peer_never_negotiates() -> None:
    def answer(session: TelnetSession, event: Any) -> None:
        if isinstance(event, Data) and event.data.endswith(b"\r\n\r\n"):
            session.send(b"HTTP/1.0 200 OK\r\n\r\nbody")
            session.leave()

    network, _ = host(b"", answer)
    with call(network) as telnet:
        telnet.write(b"GET / HTTP/1.0\r\n\r\n")
        assert telnet.read_all() == b"HTTP/1.0 200 OK\r\n\r\nbody"
        assert not telnet.session.negotiates
        assert telnet.ended
    assert network.now() == 0
    assert bytes(network.connections[0].sent) == b"GET / HTTP/1.0\r\n\r\n"


def test_the_peers_end_before_what_is_waited_for() -> None:
    def leave(session: TelnetSession, event: Any) -> None:
        session.leave()

    network, _ = host(b"bye\r\n", leave)
    with call(network) as telnet:
        telnet.write(b"x")
        with pytest.raises(ConnectionLost, match="ended the conversation; b'more' had not come"):
            telnet.read_until(b"more")
        assert telnet.read_some() == b"bye\r\n"
        assert telnet.read_some() == b""


def test_what_comes_without_end_is_bounded() -> None:
    """Only so much is kept for what is waited for; the rest stays with the peer."""

    def flood(session: TelnetSession, event: Any) -> None:
        if not session.crowded:
            session.send(bytes(64 << 10))

    network, _ = host(bytes(3 * HELD), flood)
    with call(network) as telnet:
        with pytest.raises(LimitExceeded, match="'never' was not among them"):
            telnet.read_until(b"never")
        came = telnet.read_some()
        assert HELD <= len(came) <= HELD + (64 << 10)
        with pytest.raises(LimitExceeded, match="more than 10 bytes"):
            telnet.read_all(limit=10)


# --- saying


def test_commands_and_synch() -> None:
    network, hosts = host()
    with call(network) as telnet:
        telnet.command(Code.AYT)
        telnet.command(Code.DM)
        with pytest.raises(LocalProtocolError):
            telnet.command(Code.SB)
        assert [event for event in hosts[0].events if isinstance(event, Command)] == [Command(Code.AYT), Command(Code.DM)]
        assert bytes(network.connections[0].sent) == wire("AYT", "DM")


def test_a_new_size_is_told() -> None:
    network, hosts = host(b"go", silent, NAWS)
    with call(network, options=client_options(columns=80, rows=24)) as telnet:
        telnet.read_until(b"go")
        telnet.flush()
        telnet.resize(100, 30)
        telnet.resize(100, 30)
        sizes = [event for event in hosts[0].events if isinstance(event, WindowSize)]
        assert sizes == [WindowSize(80, 24), WindowSize(100, 30)]


def test_our_end_leaves_the_peer_its_word() -> None:
    network, _ = host()

    class Answering(Host):
        def handle(self, event: Any) -> None:
            if isinstance(event, End):
                self.telnet.send(b"last words")
                self.telnet.leave()

    network.services["host", 23] = lambda link: Answering(link, b"", silent, ())
    with call(network) as telnet:
        telnet.finish()
        assert telnet.read_all() == b"last words"


# --- what may be told


def test_a_server_that_asks_for_the_whole_environment_gets_what_was_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    """CVE-2000-0892: clients told every variable to who asked."""
    monkeypatch.setenv("WIRESPEAK_SECRET", "of nobody's business")
    asking = wire("DO NEW-ENVIRON", "SB NEW-ENVIRON 1")

    def service(options: list[Any]) -> bytes:
        network = MemoryNetwork({("host", 23): _says(asking + b"done")})
        with call(network, options=options) as telnet:
            telnet.read_until(b"done")
            telnet.flush()
        return bytes(network.connections[0].sent)

    assert service(client_options(variables={"USER": "ann"})) == wire("WILL NEW-ENVIRON") + b"\xff\xfa\x27\x00\x00USER\x01ann\xff\xf0"
    assert service([*client_options(), NewEnviron(will=True)]) == wire("WILL NEW-ENVIRON", "SB NEW-ENVIRON 0")
    assert service(client_options()) == wire("WONT NEW-ENVIRON")


def _says(data: bytes) -> Service:
    """A peer that says these very bytes."""

    class Raw(TelnetSession):
        def receive(self, data: bytes, now: float) -> Any:
            return ()

    class Saying(Conversation):
        def __init__(self, link: Link) -> None:
            session = Raw(link.wake, host=True)
            session._outgoing.option(data)
            self.session = session

        def handle(self, event: Any) -> None: ...

        def lost(self, error: Exception | None) -> None: ...

    return Saying


def test_what_cannot_be_read_is_passed_over_and_told() -> None:
    heard: list[Any] = []
    network = MemoryNetwork({("host", 23): _says(wire("SB NAWS 1 2", "DO 200") + b"text")})
    with call(network, listener=heard.append) as telnet:
        assert telnet.read_until(b"text") == b"text"
        telnet.flush()
    assert [type(event) for event in heard] == [Malformed]
    assert bytes(network.connections[0].sent) == wire("WONT 200")


def test_a_subnegotiation_without_an_end_ends_the_conversation() -> None:
    network = MemoryNetwork({("host", 23): _says(b"text\xff\xfa\x1f" + bytes(2 << 20))})
    with call(network) as telnet:
        assert telnet.read_some() == b"text"
        with pytest.raises(RemoteProtocolError, match="without an end"):
            telnet.read_some()


def test_what_was_asked_for_goes_out_with_the_next_call() -> None:
    heard: list[Any] = []
    network, _ = host(b"hello")
    with call(network, listener=heard.append) as telnet:
        telnet.session.ask_him(SGA)
        telnet.session.ask_us(NAWS)
        telnet.read_until(b"hello")
        telnet.flush()
        telnet.read_eager()
        assert heard == [Enabled(SGA, False), Enabled(NAWS, True)]
        telnet.session.drop_him(SGA)
        telnet.read_eager()
        telnet.read_eager()
        assert heard[2:] == [Disabled(SGA, False)]


def test_an_observer_sees_all() -> None:
    seen: list[tuple[str, Any]] = []
    network, _ = host(b"hello")
    with call(network, observer=lambda kind, what, now: seen.append((kind, what))) as telnet:
        telnet.write_line("hi")
        telnet.read_until(b"hello")
    assert ("in", b"hello") in seen
    assert ("out", b"hi\r\n") in seen


def test_closing_twice_and_after_an_end_does_no_harm() -> None:
    network, _ = host(b"x", lambda session, event: session.fail())
    telnet = call(network)
    with pytest.raises(ConnectionLost, match="cut the connection off"):
        telnet.write(b"end it")
    telnet.close()
    telnet.close()


def test_a_wait_without_limit_in_the_loop_can_be_cancelled() -> None:
    async def main(address: str) -> None:
        telnet = await Client.connect(address, timeout=None)
        with pytest.raises(asyncio.TimeoutError):
            async with asyncio.timeout(0.05):
                await telnet.read_until(b"never")
        await telnet.close()

    with served(TelnetServer(parrot)) as server:
        asyncio.run(main("{}:{}".format(*server.address)))


def test_what_came_before_a_connection_was_cut_off_can_be_read() -> None:
    gone = threading.Event()

    def talk(sock: socket.socket) -> None:
        sock.sendall(b"bye")
        cut_off(sock)
        gone.set()

    with accepting(talk) as port, BlockingClient.connect(f"127.0.0.1:{port}") as telnet:
        assert gone.wait(20)
        assert telnet.read_eager() == b"bye"
        assert not telnet.ended
        with pytest.raises(ConnectionLost, match="cut the connection off"):
            telnet.read_some()


def test_lines_by_iteration() -> None:
    network, _ = host(b"first", lambda session, event: session.leave())
    telnet = call(network)
    run(telnet._client.write(b"go on"))
    assert list(telnet) == [b"first"]


def test_a_line_ends_in_binary_with_what_the_key_sends() -> None:
    """RFC 1123 3.2.7: BINARY has no end of a line; RFC 854: else it is CR LF."""
    network, hosts = host(b"ready")
    with call(network) as telnet:
        telnet.read_until(b"ready")
        telnet.write_line("one")
        telnet.session.ask_us(BINARY)
        telnet.flush()
        telnet.write_line("two")
        telnet.flush()
        with pytest.raises(TimeoutError):
            telnet.read_some(1.0)
        telnet.write_line("three")
        assert hosts[0].telnet.him(BINARY)
        assert b"".join(event.data for event in hosts[0].events if isinstance(event, Data)).endswith(b"three\r")


def test_raw_is_for_who_knows_nothing_of_telnet() -> None:
    network, _ = host()
    with call(network, raw=True) as telnet:
        telnet.write(b"a\xff\rb")
        telnet.command(Code.AYT)
        telnet.write(b"a\xff\rb")
    assert bytes(network.connections[0].sent) == b"a\xff\rb" + wire("AYT") + b"a\xff\xff\r\0b"
