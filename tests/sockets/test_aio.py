"""The asyncio pump carries every kind of conversation that the contract is for, over real sockets."""

from __future__ import annotations

import asyncio
import socket
import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.sockets.serving import read_all, read_line, served, until
from tests.sockets.toys import OpenFile, Talk
from wirespeak.contract import ABORT, FINISH, FileSlice, Link, StartTLS, Urgent
from wirespeak.errors import ConnectionLost
from wirespeak.sockets.listener import Limits
from wirespeak.tap import Tap


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    folder = tmp_path_factory.mktemp("tls")
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -days 2 -keyout key -out certificate"
    )
    subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(folder / "certificate", folder / "key")
    return made


def trusting() -> ssl.SSLContext:
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE
    return client


def test_lines_are_answered_in_order_however_they_are_split() -> None:
    with served(Talk) as server, server.connect() as sock:
        for piece in (b"on", b"e\r", b"\ntwo\r\nthr", b"ee\r\n"):
            sock.sendall(piece)
        assert [read_line(sock) for _ in range(3)] == ["you said one", "you said two", "you said three"]


def test_tls_in_the_middle_of_a_stream(context: ssl.SSLContext) -> None:
    class Upgrading(Talk):
        def answer(self, event: Any) -> None:
            if isinstance(event, StartTLS):
                self.link.start_tls(context)
            else:
                super().answer(event)

    with served(Upgrading) as server, server.connect() as sock:
        sock.sendall(b"hello\r\nstarttls\r\n")
        assert read_line(sock) == "you said hello"
        assert read_line(sock) == "go ahead"
        with trusting().wrap_socket(sock, server_hostname="localhost") as secure:
            secure.sendall(b"secret\r\n")
            assert read_line(secure) == "you said secret"


def test_what_was_injected_in_clear_behind_starttls_is_never_read_as_encrypted(context: ssl.SSLContext) -> None:
    """CVE-2011-0411: a command sent in clear right behind STARTTLS must not be obeyed after the handshake."""
    talks: list[Talk] = []

    class Upgrading(Talk):
        def __init__(self, link: Link) -> None:
            super().__init__(link)
            talks.append(self)

        def answer(self, event: Any) -> None:
            if isinstance(event, StartTLS):
                self.link.start_tls(context)
            else:
                super().answer(event)

    with served(Upgrading) as server, server.connect() as sock:
        sock.sendall(b"starttls\r\ninjected\r\n")
        assert read_line(sock) == "go ahead"
        with trusting().wrap_socket(sock, server_hostname="localhost") as secure:
            secure.sendall(b"honest\r\n")
            assert read_line(secure) == "you said honest"
    assert [heard for heard in talks[0].heard if isinstance(heard, str)] == ["honest"]


def test_a_verdict_is_awaited_before_the_next_line_is_given_out() -> None:
    log: list[str] = []

    class Judging(Talk):
        def __init__(self, link: Link) -> None:
            super().__init__(link, stop_after_line=True)

        def answer(self, event: Any) -> None:
            if event != "(end)":
                self.link.start(self.judge(event))

        async def judge(self, name: str) -> None:
            log.append(f"asked {name}")
            await asyncio.sleep(0.02 if name == "slow" else 0)
            log.append(f"said {name}")
            self.session.send(f"{name} is fine")

    with served(Judging) as server, server.connect() as sock:
        sock.sendall(b"slow\r\nquick\r\n")
        assert [read_line(sock), read_line(sock)] == ["slow is fine", "quick is fine"]
    assert log == ["asked slow", "said slow", "asked quick", "said quick"]


def test_a_line_is_fanned_out_to_everyone_and_each_is_written_to_once_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    room: list[Talk] = []

    class Chatting(Talk):
        def __init__(self, link: Link) -> None:
            super().__init__(link)
            room.append(self)

        def answer(self, event: Any) -> None:
            if event == "burst":
                for number in range(20):
                    for member in room:
                        member.session.send(f"line {number}")

    taken: list[int] = []
    original = Chatting.handle
    with served(Chatting) as server:
        members = [server.connect() for _ in range(50)]
        until(lambda: len(room) == 50)
        for member in room:
            gave = member.session.data_to_send

            def counted(gave: Any = gave) -> Any:
                segments = gave()
                if segments:
                    taken.append(len(segments))
                return segments

            member.session.data_to_send = counted  # type: ignore[method-assign]
        members[0].sendall(b"burst\r\n")
        for member in members:
            assert [read_line(member) for _ in range(20)] == [f"line {number}" for number in range(20)]
            member.close()
    assert taken == [20] * 50
    assert original is Talk.handle


def test_a_file_is_sent_in_between_and_the_whole_arrives(tmp_path: Path) -> None:
    path = tmp_path / "file"
    content = bytes(range(256)) * 40_000
    path.write_bytes(content)

    class Sending(Talk):
        def answer(self, event: Any) -> None:
            self.session.out += [b"before", FileSlice(OpenFile(path), 100, len(content) - 100), b"after", FINISH]

    with served(Sending) as server, server.connect() as sock:
        sock.sendall(b"go\r\n")
        assert read_all(sock) == b"before" + content[100:] + b"after"


def test_a_file_is_sent_over_tls_too(tmp_path: Path, context: ssl.SSLContext) -> None:
    path = tmp_path / "file"
    content = bytes(range(256)) * 40_000
    path.write_bytes(content)

    class Sending(Talk):
        def answer(self, event: Any) -> None:
            if event == "go":
                self.session.out += [b"before", FileSlice(OpenFile(path), 0, len(content)), b"after", FINISH]

    with served(Sending, tls=context) as server, server.connect() as sock, trusting().wrap_socket(sock) as secure:
        secure.sendall(b"go\r\n")
        assert read_all(secure) == b"before" + content + b"after"


def test_much_that_comes_in_one_piece_over_tls_is_read_to_its_end(context: ssl.SSLContext) -> None:
    with served(Talk, tls=context) as server, server.connect() as sock, trusting().wrap_socket(sock) as secure:
        lines = [f"line {number} {'x' * 400}" for number in range(2000)]
        secure.sendall("".join(f"{line}\r\n" for line in lines[:400]).encode())
        assert [read_line(secure) for _ in lines[:400]] == [f"you said {line}" for line in lines[:400]]


def test_urgent_bytes_are_marked_on_the_wire() -> None:
    class Shouting(Talk):
        def answer(self, event: Any) -> None:
            self.session.out += [Urgent(b"!"), FINISH]

    with served(Shouting) as server, server.connect() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
        sock.sendall(b"go\r\n")
        assert read_all(sock) == b"!"


def test_what_a_peer_that_ended_its_side_asked_for_still_reaches_it() -> None:
    class Late(Talk):
        def answer(self, event: Any) -> None:
            if event == "(end)":
                self.session.send("the answer")

    with served(Late) as server, server.connect() as sock:
        sock.sendall(b"question\r\n")
        sock.shutdown(socket.SHUT_WR)
        assert read_all(sock) == b"the answer\r\n"


def test_a_peer_that_reads_nothing_is_not_read_from_and_its_output_is_bounded() -> None:
    talks: list[Talk] = []

    class Endless(Talk):
        def __init__(self, link: Link) -> None:
            super().__init__(link)
            talks.append(self)

        def answer(self, event: Any) -> None:
            if event == "go":
                self.task = self.link.start(self.pour())

        async def pour(self) -> None:
            self.poured = 0
            try:
                while True:
                    self.session.send(b"x" * 10_000)
                    self.poured += 10_000
                    await self.link.room()
            except ConnectionLost:
                self.poured = -1

    with served(Endless) as server:
        with server.connect() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.sendall(b"go\r\n")
            until(lambda: talks and talks[0].session.pending and talks[0].session.pending[-1] > 200_000)
            poured = talks[0].poured  # type: ignore[attr-defined]
            assert not talks[0].session.reading
            with server.connect() as other:  # others are served meanwhile
                other.sendall(b"hi\r\n")
                other.shutdown(socket.SHUT_WR)
            assert talks[0].poured == poured < 20_000_000  # type: ignore[attr-defined]
        until(lambda: talks[0].poured == -1)  # type: ignore[attr-defined]
        assert isinstance(talks[0].ended[0], Exception)


def test_a_deadline_of_the_session_is_kept() -> None:
    with served(lambda link: Talk(link, limit=0.05)) as server, server.connect() as sock:
        sock.sendall(b"one\r\n")
        assert read_line(sock) == "you said one"
        assert read_all(sock) == b"too slow\r\n"


def test_abort_cuts_off_with_a_reset() -> None:
    class Cutting(Talk):
        def answer(self, event: Any) -> None:
            self.session.out += [b"half of it", ABORT]

    with served(Cutting) as server, server.connect() as sock:
        sock.sendall(b"go\r\n")
        with pytest.raises(ConnectionResetError):
            read_all(sock)


def test_a_conversation_that_fails_ends_alone(caplog: pytest.LogCaptureFixture) -> None:
    talks: list[Talk] = []

    class Failing(Talk):
        def __init__(self, link: Link) -> None:
            super().__init__(link)
            talks.append(self)

        def answer(self, event: Any) -> None:
            if event == "fail":
                raise ZeroDivisionError("on purpose")
            super().answer(event)

    with served(Failing) as server, server.connect() as one, server.connect() as two:
        one.sendall(b"fail\r\n")
        assert read_all(one) == b""
        two.sendall(b"hi\r\n")
        assert read_line(two) == "you said hi"
        assert isinstance(talks[0].ended[0], ZeroDivisionError)
    assert "on purpose" in caplog.text


def test_a_tap_put_in_the_middle_of_a_conversation_sees_what_follows() -> None:
    seen: list[Any] = []
    with served(Talk) as server, server.connect() as sock:
        sock.sendall(b"before\r\n")
        read_line(sock)
        connection = next(iter(server.listener.connections))
        connection.session = Tap(connection.session, lambda kind, what, now: seen.append((kind, what)))
        sock.sendall(b"after\r\n")
        read_line(sock)
    assert seen[:3] == [("in", b"after\r\n"), ("event", "after"), ("out", b"you said after\r\n")]


def test_a_listener_can_watch_each_connection_from_its_start() -> None:
    seen: list[Any] = []
    with served(Talk, watch=lambda link: lambda kind, what, now: seen.append((kind, what))) as server, server.connect() as sock:
        sock.sendall(b"hi\r\n")
        read_line(sock)
    assert ("in", b"hi\r\n") in seen
    assert ("out", b"you said hi\r\n") in seen


def test_clear_text_to_a_tls_port_ends_that_connection_alone(context: ssl.SSLContext) -> None:
    with served(Talk, tls=context) as server, server.connect() as sock:
        sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
        sock.settimeout(10)
        try:
            read_all(sock)
        except ConnectionResetError:
            pass
        until(lambda: not server.listener.connections)
        with server.connect() as other, trusting().wrap_socket(other) as secure:
            secure.sendall(b"hi\r\n")
            assert read_line(secure) == "you said hi"


def test_limits_in_all_and_per_client() -> None:
    with served(Talk, limits=Limits(connections=3, per_client=2)) as server:
        first, second, third = server.connect(), server.connect(), server.connect()
        assert third.recv(1) == b""  # closed at once: the client has two already
        first.sendall(b"one\r\n")
        assert read_line(first) == "you said one"
        first.close()
        until(lambda: len(server.listener.connections) == 1)
        with server.connect() as fourth:
            fourth.sendall(b"four\r\n")
            assert read_line(fourth) == "you said four"
        assert server.listener.refused == 1
        second.close()
        third.close()


def test_past_the_limit_in_all_new_connections_wait_until_one_ends() -> None:
    with served(Talk, limits=Limits(connections=1)) as server:
        first, second = server.connect(), server.connect()
        first.sendall(b"one\r\n")
        second.sendall(b"two\r\n")
        assert read_line(first) == "you said one"
        second.settimeout(0.1)
        with pytest.raises(TimeoutError):
            second.recv(1)
        first.close()
        second.settimeout(20)
        assert read_line(second) == "you said two"
        second.close()


def test_stop_finishes_what_runs_and_cuts_off_what_does_not_end() -> None:
    with served(Talk) as server:
        sock = server.connect()
        sock.sendall(b"hi\r\n")
        assert read_line(sock) == "you said hi"
        assert server.run(lambda: server.listener.stop(5)) == 0
        assert read_all(sock) == b"goodbye\r\n"
        with pytest.raises(ConnectionRefusedError):
            server.connect()
        sock.close()


@pytest.mark.parametrize("where", ["127.0.0.1:0", "[::1]:0", "unix:@wirespeak-test-{}", "unix:{path}/socket"])
def test_every_family(where: str, tmp_path: Path) -> None:
    where = where.format(id(where), path=tmp_path)
    with served(Talk, where) as server, server.connect() as sock:
        sock.sendall(b"hi\r\n")
        assert read_line(sock) == "you said hi"
    assert not (tmp_path / "socket").exists()
