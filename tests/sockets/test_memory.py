"""The pump in memory: bytes, ends, room and time, without sockets and without waiting."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.http.scripts import ABORT, FINISH, Heard, answers
from tests.sockets.toys import OpenFile, Talk
from wirespeak.contract import FileSlice, StartTLS, Urgent
from wirespeak.errors import ConnectError, ConnectionLost, TimeoutError
from wirespeak.http import HttpServer, Request, Response, ServerLimits
from wirespeak.sockets.blocking import run
from wirespeak.sockets.memory import MemoryNetwork, MemoryStream


def connect(service: Any, **options: Any) -> tuple[MemoryNetwork, MemoryStream]:
    network = MemoryNetwork({("host", 1): service}, **options)
    return network, run(network.connect("host", 1))


def test_lines_there_and_back() -> None:
    _, stream = connect(Talk)
    assert run(stream.exchange([b"one\r\ntwo\r\n"], None)) == b"you said one\r\nyou said two\r\n"
    assert stream.sent == b"one\r\ntwo\r\n"


def test_every_transfer_is_split_at_each_byte() -> None:
    _, stream = connect(Talk, piece=1)
    data = run(stream.exchange([b"one\r\n"], None)) or b""
    assert data == b"y"
    while not data.endswith(b"\n"):
        data += run(stream.exchange((), None)) or b""
    assert data == b"you said one\r\n"


def test_nobody_listens() -> None:
    with pytest.raises(ConnectError):
        run(MemoryNetwork().connect("host", 1))


def test_time_moves_to_the_next_deadline() -> None:
    network, stream = connect(answers(b"hello", 2.5, b"first", 4, b"second", FINISH), start=100.0)
    assert run(stream.exchange((), None)) == b"hello"
    assert run(stream.exchange((), None)) == b"first"
    assert network.now() == 102.5
    with pytest.raises(TimeoutError):
        run(stream.exchange((), 104.0))
    assert network.now() == 104.0
    assert run(stream.exchange((), 106.5)) == b"second"
    assert network.now() == 106.5
    assert run(stream.exchange((), None)) is None


def test_sleeping_lets_the_others_go_on() -> None:
    network, stream = connect(answers(Heard(b"go"), 3, b"done"))
    run(stream.exchange([b"go"], None))
    run(network.sleep(10))
    assert network.now() == 10
    assert stream.stale()
    assert run(stream.exchange((), None)) == b"done"


def test_a_wait_that_would_never_end_is_told() -> None:
    _, stream = connect(answers(Heard(b"never")))
    with pytest.raises(RuntimeError, match="wait for each other"):
        run(stream.exchange((), None))


def test_a_signal() -> None:
    network = MemoryNetwork()
    signal = network.signal()
    assert not run(signal.wait(5.0))
    assert network.now() == 5.0
    signal.give()
    assert run(signal.wait(None))


def test_the_end_and_the_cut() -> None:
    _, stream = connect(answers(Heard(b"x"), b"bye", FINISH))
    assert run(stream.exchange([b"x"], None)) == b"bye"
    assert run(stream.exchange([b"more"], None)) is None
    _, stream = connect(answers(Heard(b"x"), b"never seen", ABORT))
    with pytest.raises(ConnectionLost):
        run(stream.exchange([b"x"], None))
    assert stream.stale()


def test_closing_tells_the_server() -> None:
    made: list[Talk] = []

    def service(link: Any) -> Talk:
        made.append(Talk(link))
        return made[-1]

    _, stream = connect(service)
    run(stream.close())
    run(stream.close())
    assert made[0].heard == ["(end)"]
    assert made[0].ended == [None]


def test_files_and_urgent_bytes(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"0123456789")

    class Files(Talk):
        def answer(self, event: Any) -> None:
            self.session.send(FileSlice(OpenFile(tmp_path / "file"), 2, 5))
            self.session.send(Urgent(b"!"))

    _, stream = connect(Files)
    assert run(stream.exchange([b"x\r\n"], None)) == b"23456!"


def test_tls_is_agreed_on() -> None:
    class Upgrading(Talk):
        def answer(self, event: Any) -> None:
            if isinstance(event, StartTLS):
                self.link.start_tls("context")
            else:
                super().answer(event)

    _, stream = connect(Upgrading)
    assert run(stream.exchange([b"starttls\r\n"], None)) == b"go ahead\r\n"
    run(stream.start_tls("context", "host", None))
    assert stream.tls.server_name == "host"
    assert run(stream.exchange([b"secret\r\n"], None)) == b"you said secret\r\n"


async def endless(request: Request) -> Response:
    async def pieces() -> Any:
        while True:
            yield b"x" * 100_000

    return Response(200, body=pieces())


def test_a_server_waits_for_room() -> None:
    """An endless answer is made as fast as it is taken, and no faster."""
    _, stream = connect(HttpServer(endless))
    data = run(stream.exchange([b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"], None)) or b""
    assert stream.pending() < 1_000_000
    for _ in range(100):
        data += run(stream.exchange((), None)) or b""
        assert stream.pending() < 1_000_000
    assert len(data) > 6_000_000


def test_a_reader_too_slow_is_cut_off_by_the_server() -> None:
    network, stream = connect(HttpServer(endless, limits=ServerLimits(grace=20)))
    run(stream.exchange([b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"], None))
    run(network.sleep(100))
    assert not stream.open
