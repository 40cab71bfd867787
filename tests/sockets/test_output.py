"""What waits for a socket goes out in order, as far as the socket takes it, and nothing twice."""

from __future__ import annotations

import os
import select
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sockets.toys import OpenFile
from wirespeak.contract import FINISH, FileSlice, Segment, Urgent
from wirespeak.sockets import output
from wirespeak.sockets.output import GATHERED, WAITS, Output, finish_sending


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two ends of a connection; the first never blocks."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.settimeout(20)
    with ours, theirs:
        yield ours, theirs


@pytest.fixture
def content(tmp_path: Path) -> bytes:
    data = os.urandom(300_000)
    (tmp_path / "file").write_bytes(data)
    return data


class Slow:
    """In the place of a socket: takes ``limits`` bytes of each call in turn, and would block where the limit is nought."""

    def __init__(self, limits: list[int]) -> None:
        self.limits = limits
        self.taken = b""
        self.calls: list[tuple[str, int]] = []
        self.ended = False

    def _take(self, call: str, data: bytes, flags: int) -> int:
        self.calls.append((call, flags))
        limit = self.limits.pop(0) if self.limits else len(data) or 1
        if not limit:
            raise BlockingIOError
        self.taken += data[:limit]
        return min(limit, len(data))

    def send(self, data: bytes, flags: int = 0) -> int:
        return self._take("send", data, flags)

    def sendmsg(self, buffers: list[bytes], ancillary: list[Any], flags: int = 0) -> int:
        assert len(buffers) <= GATHERED
        return self._take("sendmsg", b"".join(buffers), flags)


def filled(*segments: Segment) -> Output:
    waiting = Output()
    waiting.add(segments)
    return waiting


def received(waiting: Output, ours: socket.socket, theirs: socket.socket, count: int) -> bytes:
    """``count`` bytes, while ``waiting`` writes on whenever there is room."""
    data = b""
    while len(data) < count:
        waiting.write(ours)
        data += theirs.recv(1 << 20)
    return data


# --- in order, and nothing twice


def test_what_is_added_is_sent_and_counted_until_then(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    waiting = Output()
    assert not waiting
    waiting.add([b"one ", b"two "])
    waiting.add([b"three"])
    assert (bool(waiting), waiting.pending) == (True, 13)
    assert waiting.write(ours) is True
    assert (bool(waiting), waiting.pending) == (False, 0)
    assert theirs.recv(100) == b"one two three"


@given(st.lists(st.binary(max_size=20), max_size=100), st.lists(st.integers(0, 50), max_size=60))
def test_whatever_the_socket_takes_at_a_time(segments: list[bytes], limits: list[int]) -> None:
    sock: Any = Slow(list(limits))
    waiting = filled(*segments)
    whole = b"".join(segments)
    while not waiting.write(sock):
        assert waiting.pending == len(whole) - len(sock.taken)
        assert sock.taken == whole[: len(sock.taken)]
    assert sock.taken == whole
    assert (waiting.pending, bool(waiting)) == (0, False)


def test_neighbours_go_out_in_one_call_and_so_many_at_most() -> None:
    sock: Any = Slow([])
    assert filled(*[b"x"] * 3).write(sock)
    assert sock.calls == [("sendmsg", 0)]
    sock = Slow([])
    assert filled(*[b"x"] * (2 * GATHERED + 1)).write(sock)
    assert [call for call, _ in sock.calls] == ["sendmsg", "sendmsg", "send"]


def test_what_is_added_while_some_waits_goes_behind_it() -> None:
    sock: Any = Slow([3, 0])
    waiting = filled(b"hello ")
    assert waiting.write(sock) is False
    waiting.add([b"world"])
    assert waiting.pending == 8
    assert waiting.write(sock) is True
    assert sock.taken == b"hello world"


def test_clear_drops_what_waits() -> None:
    waiting = filled(b"hello", FINISH)
    waiting.clear()
    assert (bool(waiting), waiting.pending) == (False, 0)


def test_a_connection_that_is_gone_is_told(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    theirs.close()
    with pytest.raises(BrokenPipeError):
        filled(b"hello").write(ours)


def test_a_full_socket_is_no_error(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    waiting = filled(bytes(10_000_000))
    assert waiting.write(ours) is False
    assert 0 < waiting.pending < 10_000_000
    assert received(waiting, ours, theirs, 10_000_000) == bytes(10_000_000)
    assert waiting.write(ours) is True


# --- files


def test_a_slice_of_a_file_between_bytes(pair: tuple[socket.socket, socket.socket], tmp_path: Path, content: bytes) -> None:
    ours, theirs = pair
    waiting = filled(b"before", FileSlice(OpenFile(tmp_path / "file"), 1000, 200_000), b"after")
    assert waiting.pending == 200_011
    assert received(waiting, ours, theirs, 200_011) == b"before" + content[1000:201_000] + b"after"


def test_slices_of_one_file_share_it(pair: tuple[socket.socket, socket.socket], tmp_path: Path, content: bytes) -> None:
    ours, theirs = pair
    file = OpenFile(tmp_path / "file")
    waiting = filled(FileSlice(file, 5, 10), FileSlice(file, 0, 0), FileSlice(file, 0, 5))
    assert received(waiting, ours, theirs, 15) == content[5:15] + content[:5]
    assert waiting.write(ours) is True


def test_the_slice_that_is_given_is_not_changed(pair: tuple[socket.socket, socket.socket], tmp_path: Path, content: bytes) -> None:
    """An answer, and so its slice, may be on its way to several peers at once."""
    ours, theirs = pair
    part = FileSlice(OpenFile(tmp_path / "file"), 0, len(content))
    for _ in range(2):
        assert received(filled(part), ours, theirs, len(content)) == content
    assert (part.offset, part.count) == (0, len(content))


def test_a_file_is_closed_when_its_last_slice_is_sent(pair: tuple[socket.socket, socket.socket], tmp_path: Path, content: bytes) -> None:
    ours, _ = pair
    file = OpenFile(tmp_path / "file")
    number = file.fd
    waiting = filled(FileSlice(file, 0, 10))
    del file
    os.fstat(number)
    assert waiting.write(ours)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(number)


def test_a_head_waits_in_the_kernel_for_its_file(tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that they go in one packet (MSG_MORE); bytes with no file behind them don't wait."""
    monkeypatch.setattr(output.os, "sendfile", lambda *_: 10)
    sock: Any = Slow([])
    sock.fileno = lambda: 1
    assert filled(b"head", FileSlice(OpenFile(tmp_path / "file"), 0, 10), b"more", b"head").write(sock)
    assert sock.calls == [("send", socket.MSG_MORE), ("sendmsg", 0)]


def test_a_file_that_became_shorter_is_never_passed_off_as_whole(
    pair: tuple[socket.socket, socket.socket], tmp_path: Path, content: bytes
) -> None:
    ours, theirs = pair
    waiting = filled(FileSlice(OpenFile(tmp_path / "file"), 0, len(content)))
    os.truncate(tmp_path / "file", 1000)
    with pytest.raises(OSError, match="became shorter"):
        received(waiting, ours, theirs, len(content))


# --- urgent bytes and the end


def connected() -> tuple[socket.socket, socket.socket]:
    """Two ends of a TCP connection."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        theirs = socket.create_connection(listening.getsockname(), timeout=20)
        ours, _ = listening.accept()
    ours.setblocking(False)
    return ours, theirs


def test_the_last_urgent_byte_is_marked() -> None:
    """RFC 9293 3.8.5, as Telnet's Synch uses it (RFC 854)."""
    ours, theirs = connected()
    with ours, theirs:
        waiting = filled(b"before", Urgent(b"\xff\xf2"), b"after")
        assert waiting.pending == 13
        assert waiting.write(ours) is True
        assert select.select([], [], [theirs], 20)[2]
        assert theirs.recv(100) == b"before\xff"  # reading stops at the mark
        assert theirs.recv(1, socket.MSG_OOB) == b"\xf2"
        assert theirs.recv(100) == b"after"


def test_the_end_comes_behind_what_was_said_and_the_other_side_stays_open(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    waiting = filled(b"goodbye", FINISH)
    assert waiting.pending == 7
    assert waiting.write(ours) is True
    assert (theirs.recv(100), theirs.recv(100)) == (b"goodbye", b"")
    theirs.sendall(b"and you")
    assert ours.recv(100) == b"and you"


def test_the_end_waits_for_what_is_in_front_of_it() -> None:
    sock: Any = Slow([3, 0])
    waiting = filled(b"hello", FINISH)
    assert waiting.write(sock) is False
    assert (waiting.pending, bool(waiting)) == (2, True)


def test_to_end_what_has_ended_is_no_error(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    theirs.close()
    finish_sending(ours)
    finish_sending(ours)
    ours.close()
    finish_sending(ours)


# --- over TLS the kernel reads no files for us


class Secure(ssl.SSLSocket):
    """In the place of a TLS socket, which does the same by other calls."""

    def __new__(cls, *_: Any) -> Secure:
        return super().__new__(cls)

    def __init__(self, slow: Slow) -> None:
        self.slow = slow

    def send(self, data: bytes, flags: int = 0) -> int:
        assert flags == 0, "TLS knows no flags"
        try:
            return self.slow.send(data)
        except BlockingIOError:
            raise ssl.SSLWantWriteError from None

    def sendmsg(self, *_: Any) -> int:
        raise NotImplementedError("not over TLS")

    def fileno(self) -> int:
        raise AssertionError("what is written past TLS would go out in clear")


@given(
    st.lists(st.one_of(st.binary(max_size=20), st.tuples(st.integers(0, 50), st.integers(0, 50))), max_size=20),
    st.lists(st.integers(0, 50), max_size=30),
)
def test_bytes_and_files_over_tls(tmp_path_factory: pytest.TempPathFactory, parts: list[Any], limits: list[int]) -> None:
    path = tmp_path_factory.getbasetemp() / f"file{os.getpid()}"
    data = bytes(range(100))
    path.write_bytes(data)
    file = OpenFile(path)
    segments = [part if isinstance(part, bytes) else FileSlice(file, *part) for part in parts]
    whole = b"".join(part if isinstance(part, bytes) else data[part[0] : part[0] + part[1]] for part in parts)
    slow = Slow(limits)
    sock = Secure(slow)
    waiting = filled(*segments)
    while not waiting.write(sock):
        assert slow.taken == whole[: len(slow.taken)]
    assert slow.taken == whole


def test_what_a_socket_raises_when_it_would_wait() -> None:
    assert {BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError} <= set(WAITS)
