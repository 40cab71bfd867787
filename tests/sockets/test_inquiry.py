"""An inquiry carried by each of the networks: what it commands is done, and what comes is told to it."""

from __future__ import annotations

import asyncio
import math
import socket
import threading
from collections.abc import Callable
from typing import Any

import psutil
import pytest

from tests.raw import accepting
from tests.sockets.toys import Talk
from wirespeak.contract import Ask, Drop
from wirespeak.errors import TimeoutError
from wirespeak.sockets.aio_network import AsyncNetwork
from wirespeak.sockets.blocking import BlockingNetwork, run
from wirespeak.sockets.inquiry import HEARD_A_TURN, Conversations
from wirespeak.sockets.memory import MemoryNetwork


class Inquirer:
    """Says what it was made with, and keeps what it is told until there was so much of it."""

    def __init__(self, *commands: Ask | Drop, until: int = 1, deadline: float = math.inf) -> None:
        self._commands = commands
        self._until = until
        self.deadline = deadline
        self.told: list[Any] = []
        self.followed_by: dict[int, list[Ask | Drop]] = {}
        """By how much was told, what is commanded then."""

    @property
    def done(self) -> bool:
        return len(self.told) >= self._until

    def _tell(self, *what: Any) -> list[Ask | Drop]:
        self.told.append(what)
        return self.followed_by.get(len(self.told), [])

    def start(self, now: float) -> list[Ask | Drop]:
        return list(self._commands)

    def heard(self, key: int, data: bytes, now: float) -> list[Ask | Drop]:
        return self._tell(key, data)

    def failed(self, key: int, error: Exception, now: float) -> list[Ask | Drop]:
        return self._tell(key, str(error))

    def tick(self, now: float) -> list[Ask | Drop]:
        self.deadline = math.inf
        return self._tell("tick")


class Here:
    """Carries an inquiry over one of the networks of sockets."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __call__(self, inquiry: Inquirer, seconds: float = 20.0, **options: Any) -> list[Any]:
        async def carry(network: Any) -> None:
            await network.inquire(inquiry, network.now() + seconds)

        before = psutil.Process().num_fds()
        try:
            run(carry(BlockingNetwork(**options))) if self.kind == "blocking" else asyncio.run(carry(AsyncNetwork(**options)))
        finally:
            assert psutil.Process().num_fds() == before
        return inquiry.told


@pytest.fixture(params=["blocking", "asyncio"])
def over(request: pytest.FixtureRequest) -> Here:
    return Here(request.param)


@pytest.fixture
def peer() -> Any:
    """A socket that datagrams are sent to; a thread answers each with what ``answers`` says of it."""

    class Peer:
        def __init__(self) -> None:
            self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.sock.bind(("127.0.0.1", 0))
            self.port = self.sock.getsockname()[1]
            self.came_from: list[Any] = []

        def answers(self, make: Callable[[bytes], list[bytes]]) -> None:
            def serve() -> None:
                while (data := self.sock.recvfrom(65535))[0]:
                    self.came_from.append(data[1])
                    for one in make(data[0]):
                        self.sock.sendto(one, data[1])

            self.thread = threading.Thread(target=serve, daemon=True)
            self.thread.start()

        def end(self) -> None:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waking:
                waking.sendto(b"", ("127.0.0.1", self.port))
            self.thread.join(20)
            self.sock.close()

    made = Peer()
    yield made
    made.end()


def test_several_are_asked_at_once_each_from_a_port_of_its_own(over: Here, peer: Any) -> None:
    peer.answers(lambda data: [data.upper()])
    told = over(Inquirer(*(Ask(key, "udp", "127.0.0.1", peer.port, b"one %d" % key) for key in range(3)), until=3))
    assert sorted(told) == [(0, b"ONE 0"), (1, b"ONE 1"), (2, b"ONE 2")]
    assert len(set(peer.came_from)) == 3


def test_nobody_but_the_peer_is_heard(over: Here, peer: Any) -> None:
    """The socket is connected, so what another address sends to it never comes in."""

    def make(data: bytes) -> list[bytes]:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.bind(("127.0.0.2", 0))
            stranger.sendto(b"forged", peer.came_from[-1])
        return [b"true"]

    peer.answers(make)
    assert over(Inquirer(Ask(1, "udp", "127.0.0.1", peer.port, b"?"))) == [(1, b"true")]


def test_a_stream_and_a_datagram_at_the_same_time(over: Here, peer: Any) -> None:
    peer.answers(lambda data: [b"datagram"])

    def talk(sock: socket.socket) -> None:
        assert sock.recv(100) == b"hello"
        sock.sendall(b"stream")

    with accepting(talk) as port:
        told = over(Inquirer(Ask(1, "tcp", "127.0.0.1", port, b"hello"), Ask(2, "udp", "127.0.0.1", peer.port, b"?"), until=3))
    assert sorted(told, key=str) == [(1, "it ended the connection"), (1, b"stream"), (2, b"datagram")]


def test_where_nobody_listens(over: Here, free_port: Callable[[], int]) -> None:
    for transport in ("udp", "tcp"):
        assert over(Inquirer(Ask(7, transport, "127.0.0.1", free_port(), b"?"))) == [(7, "Connection refused")]  # type: ignore[arg-type]


def test_what_can_not_be_sent_at_all(over: Here) -> None:
    told = over(Inquirer(Ask(1, "udp", "127.0.0.1", 9, bytes(70000)), Ask(2, "udp", "no.address", 9, b""), until=2))
    assert told[0] == (1, "Message too long")
    assert told[1][0] == 2


def test_what_is_dropped_is_not_heard(over: Here, peer: Any) -> None:
    peer.answers(lambda data: [data] * 5)
    inquiry = Inquirer(Ask(1, "udp", "127.0.0.1", peer.port, b"one"), until=2)
    inquiry.followed_by[1] = [Drop(1), Drop(99), Ask(2, "udp", "127.0.0.1", peer.port, b"two")]
    assert over(inquiry) == [(1, b"one"), (2, b"two")]


def test_the_deadline_of_the_inquiry_and_that_of_who_waits(over: Here, peer: Any) -> None:
    peer.answers(lambda data: [])
    inquiry = Inquirer(Ask(1, "udp", "127.0.0.1", peer.port, b"?"), deadline=0.0)
    assert over(inquiry) == [("tick",)]
    with pytest.raises(TimeoutError):
        over(Inquirer(Ask(1, "udp", "127.0.0.1", peer.port, b"?")), seconds=0.03)


def test_the_address_that_is_asked_from(over: Here, peer: Any) -> None:
    peer.answers(lambda data: [b"!"])
    over(Inquirer(Ask(1, "udp", "127.0.0.1", peer.port, b"?")), source=("127.0.0.5", 0))
    assert peer.came_from[0][0] == "127.0.0.5"


def test_a_flood_on_one_socket_does_not_keep_the_others_waiting() -> None:
    """Of each socket so many datagrams are taken in a turn; the rest waits for the next."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as flooding, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        flooding.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        asks = [Ask(number, "udp", "127.0.0.1", sock.getsockname()[1], b"?") for number, sock in enumerate((flooding, other))]
        inquiry = Inquirer(*asks, until=10_000)
        conversations = Conversations(inquiry)
        conversations.start(0.0)
        for _ in range(HEARD_A_TURN + 20):
            flooding.sendto(b"flood", (peer := flooding.recvfrom(9)[1]) if _ == 0 else peer)
        other.sendto(b"true", other.recvfrom(9)[1])
        conversations.turn([sock for sock, _, _ in conversations.interests], 0.0)
        assert inquiry.told == [(0, b"flood")] * HEARD_A_TURN + [(1, b"true")]
        conversations.close()


# --- in memory


class Echo:
    def answer(self, data: bytes, peer: Any, now: float) -> bytes | None:
        return data.upper() or None


def test_in_memory_a_responder_answers_at_once_and_a_service_as_it_speaks() -> None:
    network = MemoryNetwork({("192.0.2.1", 1): Talk}, {("192.0.2.1", 2): Echo()}, piece=1)
    inquiry = Inquirer(Ask(1, "tcp", "192.0.2.1", 1, b"hello\r\n"), Ask(2, "udp", "192.0.2.1", 2, b"one"), until=17)
    run(network.inquire(inquiry))
    assert (2, b"ONE") in inquiry.told
    assert b"".join(data for key, data in inquiry.told if key == 1) == b"you said hello\r\n"
    assert not network.connections[0].open


def test_in_memory_time_passes_only_where_nothing_else_happens() -> None:
    network = MemoryNetwork(responders={("192.0.2.1", 2): Echo()})
    inquiry = Inquirer(
        Ask(1, "udp", "192.0.2.1", 2, b""), Ask(2, "udp", "192.0.2.9", 2, b""), Ask(3, "tcp", "192.0.2.9", 2, b""), until=3, deadline=7.0
    )
    run(network.inquire(inquiry))
    assert [key for key, *_ in inquiry.told] == [2, 3, "tick"]
    assert network.now() == 7.0
    with pytest.raises(TimeoutError):
        run(network.inquire(Inquirer(Ask(1, "udp", "192.0.2.1", 2, b"")), 9.0))
    assert network.now() == 9.0
