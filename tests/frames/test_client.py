"""What a client decides, for who awaits and for who blocks: over sockets against our server, and in memory under a simulated clock."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

import pytest

from tests.sockets.serving import served
from wirespeak.contract import Conversation, Link
from wirespeak.errors import (
    AddressError,
    ConnectError,
    ConnectionLost,
    IncompleteMessage,
    LocalProtocolError,
    RemoteProtocolError,
    TimeoutError,
)
from wirespeak.frames import CLASSIC, DIALECTS, BlockingClient, Client, Dialect, End, Ending, Frames, FramesServer
from wirespeak.frames.session import WINDOW
from wirespeak.sockets.blocking import run
from wirespeak.sockets.memory import MemoryNetwork

EVERY = [*DIALECTS.values(), Dialect("u32be", end=Ending.MARK), Dialect("varint", end=Ending.MARK)]


@pytest.mark.parametrize("dialect", EVERY, ids=str)
def test_a_blocking_client_asks_our_server(dialect: Dialect) -> None:
    with served(FramesServer(dialect=dialect)) as server, BlockingClient.connect("{}:{}".format(*server.address), dialect) as frames:
        assert frames.ask("hello") == "hello"
        frames.send("one", "two")
        assert [frames.receive(), frames.receive()] == ["one", "two"]
        assert list(frames.ask_all(map(str, range(500)))) == [str(number) for number in range(500)]
        frames.send("last")
        frames.end()
        assert list(frames) == ["last"]
        assert frames.receive() is None


@pytest.mark.parametrize("dialect", EVERY, ids=str)
def test_an_async_client_asks_our_server(dialect: Dialect) -> None:
    async def converse(address: str) -> None:
        async with await Client.connect(address, dialect) as frames:
            assert await frames.ask("hello") == "hello"
            answers = [answer async for answer in frames.ask_all(map(str, range(500)))]
            assert answers == [str(number) for number in range(500)]
            await frames.send("last")
            await frames.end()
            assert [message async for message in frames] == ["last"]

    with served(FramesServer(dialect=dialect)) as server:
        asyncio.run(converse("{}:{}".format(*server.address)))


def test_a_client_over_a_unix_socket(tmp_path: Any) -> None:
    with served(FramesServer(), f"unix:{tmp_path}/frames") as server, BlockingClient.connect(f"unix:{server.address}") as frames:
        assert frames.ask("hello") == "hello"


def test_much_said_and_heard_at_once_holds_nobody_up() -> None:
    """Far more than the buffers between hold, both ways: a client that only wrote would wait for ever."""
    dialect = Dialect("u32be", text=False)
    message = bytes(64 << 10)
    with served(FramesServer(dialect=dialect)) as server, BlockingClient.connect("{}:{}".format(*server.address), dialect) as frames:
        answers = sum(1 for answer in frames.ask_all(itertools.repeat(message, 500)) if answer == message)
    assert answers == 500


def test_who_only_sends_while_the_peer_answers_is_stopped_by_the_time_limit() -> None:
    dialect = Dialect("u32be", text=False)
    network = MemoryNetwork({("server", 1): FramesServer(dialect=dialect)})
    client = run(Client.connect("server:1", dialect, network=network, timeout=5))
    with pytest.raises(TimeoutError):
        run(client.send(*[bytes(64 << 10)] * 100))
    assert network.now() == 5


def test_to_close_loses_nothing_that_was_said() -> None:
    """Closing a socket with unread answers in it sends a reset, which would destroy what was said last."""
    heard: list[str] = []

    def keep(message: str) -> str:
        heard.append(message)
        return message * 10

    with served(FramesServer(keep)) as server:
        with BlockingClient.connect("{}:{}".format(*server.address)) as frames:
            frames.send(*map(str, range(20_000)))
        server.run(server.listener.stop)
    assert heard == [str(number) for number in range(20_000)]


# --- peers that do otherwise, in memory


class Script:
    """A service that says ``answer`` to whatever it hears first, in bytes, and then ends, or waits."""

    def __init__(self, answer: bytes, *, ends: bool = True) -> None:
        self.answer = answer
        self.ends = ends

    def __call__(self, link: Link) -> Conversation:
        return _Scripted(self)


class _Scripted:
    """A conversation and its session in one."""

    deadline = float("inf")
    reading = True

    def __init__(self, script: Script) -> None:
        self.script = script
        self.session: Any = self
        self.closed = False
        self._out: list[bytes] = []
        self._said = False

    def receive(self, data: bytes, now: float) -> tuple[()]:
        if data and not self._said:
            self._said = True
            self._out.append(self.script.answer)
            self.closed = self.script.ends
        return ()

    def receive_eof(self, now: float) -> tuple[()]:
        self.closed = True
        return ()

    def data_to_send(self) -> list[bytes]:
        out, self._out = self._out, []
        return out

    def tick(self, now: float) -> tuple[()]:
        return ()

    def blocked(self, pending: int, now: float) -> None: ...

    def handle(self, event: Any) -> None: ...

    def lost(self, error: Exception | None) -> None: ...


def scripted(answer: bytes, *, ends: bool = True, dialect: Dialect = CLASSIC) -> Client:
    network = MemoryNetwork({("server", 1): Script(answer, ends=ends)})
    return run(Client.connect("server:1", dialect, network=network, timeout=7))


def test_answers_before_a_fault_are_heard_before_it() -> None:
    client = scripted(CLASSIC.encode(["one", "two"]) + b"\x01\x00\xff")
    run(client.send("hello"))
    assert [run(client.receive()), run(client.receive())] == ["one", "two"]
    for _ in range(2):
        with pytest.raises(RemoteProtocolError, match="not UTF-8"):
            run(client.receive())


def test_an_answer_that_is_cut_off_is_never_passed_off_as_whole() -> None:
    with pytest.raises(IncompleteMessage, match="3 of 5 bytes came"):
        run(scripted(b"\x05\x00abc").ask("hello"))


def test_an_answer_over_the_limit_is_refused() -> None:
    with pytest.raises(RemoteProtocolError, match="2,000,000 bytes, over the limit of 1,048,576"):
        run(scripted((2_000_000).to_bytes(4, "big"), ends=False, dialect=DIALECTS["u32be"]).ask("hello"))


def test_a_server_that_ends_instead_of_answering() -> None:
    with pytest.raises(ConnectionLost, match="without an answer"):
        run(scripted(b"").ask("hello"))
    client = scripted(CLASSIC.encode(["one"]))

    async def ask_three() -> list[Any]:
        return [answer async for answer in client.ask_all(["1", "2", "3"])]

    with pytest.raises(ConnectionLost, match="2 messages had no answer yet"):
        run(ask_three())


def test_no_more_answers_are_given_out_than_were_asked_for() -> None:
    client = scripted(CLASSIC.encode(["one", "two", "three"]), ends=False)

    async def ask_two() -> list[Any]:
        return [answer async for answer in client.ask_all(["1", "2"])]

    assert run(ask_two()) == ["one", "two"]
    assert run(client.receive()) == "three"


def test_a_server_that_says_more_than_is_heard_has_to_wait() -> None:
    """What comes unasked is taken in up to a bound; the rest stays with the network, and so slows the server down."""
    flood = DIALECTS["u32be"].encode(["x" * 1000] * 2000)
    network = MemoryNetwork({("server", 1): Script(flood, ends=False)})
    client = run(Client.connect("server:1", DIALECTS["u32be"], network=network))
    run(client.send("hello"))
    for _ in range(500):  # heard in time, this much leaves no trace
        assert run(client.receive()) == "x" * 1000
    for _ in range(50):
        run(client.send("more"))
    taken = len(flood) - network.connections[0].pending() - 500 * 1004
    assert taken < WINDOW + (128 << 10)


def test_a_server_that_says_end_ends_the_conversation() -> None:
    client = scripted(CLASSIC.encode(["bye"]) + CLASSIC.encode_end(), ends=False)
    assert run(client.ask("hello")) == "bye"
    assert run(client.receive()) is None
    run(client.close())


def test_a_server_that_keeps_silent_is_not_waited_for_longer_than_allowed() -> None:
    network = MemoryNetwork({("server", 1): Script(b"", ends=False)})
    client = run(Client.connect("server:1", network=network, timeout=7))
    run(client.send("hello"))
    before = network.now()
    with pytest.raises(TimeoutError):
        run(client.receive())
    assert network.now() - before == 7


def test_to_close_waits_for_the_server_but_not_for_long() -> None:
    network = MemoryNetwork({("server", 1): Script(b"", ends=False)})
    client = run(Client.connect("server:1", network=network))
    run(client.send("hello"))
    run(client.close())
    assert network.now() <= 2.0
    run(client.close())


def test_what_can_not_be_sent_is_refused_and_the_conversation_goes_on() -> None:
    with served(FramesServer()) as server, BlockingClient.connect("{}:{}".format(*server.address)) as frames:
        for wrong, said in (("x" * 65536, "too long"), ("end", "can't send it as data"), (b"bytes", "expected str")):
            with pytest.raises(LocalProtocolError, match=said):
                frames.ask(wrong)
        assert frames.ask("still here") == "still here"


def test_nobody_there(free_port: Callable[[], int]) -> None:
    with pytest.raises(ConnectError, match="nothing listens there"):
        BlockingClient.connect(f"127.0.0.1:{free_port()}")
    with pytest.raises(AddressError):
        BlockingClient.connect("127.0.0.1")


def test_a_conversation_can_be_watched() -> None:
    seen: list[tuple[str, Any]] = []
    with (
        served(FramesServer()) as server,
        BlockingClient.connect("{}:{}".format(*server.address), observer=lambda kind, what, now: seen.append((kind, what))) as frames,
    ):
        frames.ask("hello")
    assert seen[:4] == [
        ("message", Frames(("hello",))),
        ("out", b"\x05\x00hello"),
        ("in", b"\x05\x00hello"),
        ("event", Frames(["hello"])),
    ]
    assert ("message", End()) in seen
