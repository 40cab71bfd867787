"""Length-prefixed frames from hostile hands, over real sockets: our server under attack, and our client.

The protocol has no word for "I did not understand": the answer to a broken frame is the end of the stream, behind the
answers to what was right before it, and never a byte of what was not.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.hostile.wire import PATIENCE, Wire, until
from tests.processes import Program
from tests.sockets.serving import served
from wirespeak.errors import IncompleteMessage, LocalProtocolError, RemoteProtocolError
from wirespeak.frames import CLASSIC, DIALECTS, BlockingClient, Dialect, Ending, FramesLimits, FramesServer

ROOT = Path(__file__).parent.parent.parent
MARKED = Dialect("u16be", end=Ending.MARK)
EVERY = [*DIALECTS.values(), MARKED]


@contextmanager
def wired(dialect: Dialect = CLASSIC, limits: FramesLimits | None = None) -> Iterator[Wire]:
    """A connection to an echoing server, which afterwards must still serve others and hold no connection of ours."""
    with served(FramesServer(dialect=dialect, limits=limits)) as server:
        with Wire(server.address) as wire:
            yield wire
        until(lambda: not server.listener.connections, what="the end of the connection")
        with Wire(server.address) as another:
            another.send(dialect.encode(["still here"]))
            assert another.exactly(len(dialect.encode(["still here"])))


@contextmanager
def stranger(says: bytes) -> Iterator[str]:
    """The address of a server that says ``says`` to whoever comes, and ends."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            peer, _ = listening.accept()
            with peer:
                peer.settimeout(PATIENCE)
                peer.sendall(says)
                peer.shutdown(socket.SHUT_WR)
                while peer.recv(65536):
                    pass

        thread = threading.Thread(target=serve)
        thread.start()
        yield "{}:{}".format(*listening.getsockname())
        thread.join(PATIENCE)


# --- 1: a frame split at every byte, its length too; many frames in one read


@pytest.mark.parametrize("dialect", EVERY, ids=str)
def test_a_frame_split_at_every_byte_is_the_same_message(dialect: Dialect) -> None:
    stream = dialect.encode(["Grüße", "", "end of it"])
    with wired(dialect) as wire:
        for split in range(1, len(stream)):
            wire.send(stream[:split])
            wire.send(stream[split:])
            assert wire.exactly(len(stream)) == stream
        wire.send(*(bytes([byte]) for byte in stream))
        assert wire.exactly(len(stream)) == stream


@pytest.mark.parametrize("dialect", EVERY, ids=str)
def test_many_frames_in_one_read_are_each_answered(dialect: Dialect) -> None:
    stream = dialect.encode([str(number) for number in range(5_000)])
    with wired(dialect) as wire:
        wire.send(stream)
        assert wire.exactly(len(stream)) == stream


# --- 2: length over the limit


OVER = [
    (Dialect("u8", limit=100), b"\x65"),
    (Dialect("u16le", limit=100), b"\x65\x00"),
    (DIALECTS["u32be"], b"\x00\x10\x00\x01"),
    (DIALECTS["u32le"], b"\xff\xff\xff\xff"),
    (DIALECTS["u64be"], b"\x7f" + b"\xff" * 7),
    (DIALECTS["u64le"], b"\xff" * 8),
    (DIALECTS["varint"], b"\xff" * 8 + b"\x7f"),
    (DIALECTS["netstring"], b"9999999999:"),
]


@pytest.mark.parametrize(("dialect", "length"), OVER, ids=str)
def test_a_length_over_the_limit_ends_the_connection(dialect: Dialect, length: bytes) -> None:
    with wired(dialect) as wire:
        good = dialect.encode(["good"])
        wire.send(good + length)  # nothing of the message itself: it must not be waited for
        assert wire.rest() == good


@pytest.mark.parametrize(("dialect", "length"), OVER, ids=str)
def test_a_server_s_length_over_the_limit_is_an_error(dialect: Dialect, length: bytes) -> None:
    with (
        stranger(length) as address,
        BlockingClient.connect(address, dialect) as frames,
        pytest.raises(RemoteProtocolError, match="over the limit of"),
    ):
        frames.receive()


def test_no_memory_is_set_aside_for_a_length(start: Callable[..., Program]) -> None:
    """A hundred peers that each promise a gigabyte, and never send it."""
    program, address = serve(start, "--dialect", "u32be", "--limit", str(1 << 30))
    with Wire(address) as first:
        first.send(DIALECTS["u32be"].encode(["hello"]))
        first.exactly(9)
        before = psutil.Process(program.pid).memory_full_info().uss
        wires = [Wire(address) for _ in range(100)]
        for wire in wires:
            wire.send(b"\x40\x00\x00\x00" + b"x" * 1000)
        first.send(DIALECTS["u32be"].encode(["hello"]))  # by its answer all the others have been read
        first.exactly(9)
        grown = psutil.Process(program.pid).memory_full_info().uss - before
        for wire in wires:
            wire.close()
    assert grown < 4 << 20


# --- 3: end of stream inside a frame, inside the length


@pytest.mark.parametrize("dialect", EVERY, ids=str)
def test_a_stream_that_ends_inside_a_frame_is_told_from_a_good_end(dialect: Dialect, caplog: pytest.LogCaptureFixture) -> None:
    good, begun = dialect.encode(["good"]), dialect.encode(["hello"])
    for came in range(1, len(begun)):
        caplog.clear()
        with wired(dialect) as wire:
            wire.send(good + begun[:came])
            wire.finish()
            assert wire.rest() == good
        assert "the stream ended inside" in caplog.text


def test_between_frames_the_end_is_clean(caplog: pytest.LogCaptureFixture) -> None:
    with wired(DIALECTS["u16be"]) as wire:
        wire.send(b"\x00\x04good")
        wire.finish()
        assert wire.rest() == b"\x00\x04good"
    assert not caplog.records


@pytest.mark.parametrize(
    ("dialect", "came", "said"),
    [
        (CLASSIC, b"\x05", "inside a length: 1 of 2 bytes came"),
        (CLASSIC, b"\x05\x00", "inside a message: 0 of 5 bytes came"),
        (CLASSIC, b"\x05\x00abc", "inside a message: 3 of 5 bytes came"),
        (DIALECTS["u64be"], b"\x00" * 7, "inside a length: 7 of 8 bytes came"),
        (DIALECTS["netstring"], b"12:hello", "inside a message: 5 of 12 bytes came"),
        (MARKED, b"\x00\x01a", "no end mark came"),
    ],
    ids=str,
)
def test_our_client_is_told_how_many_bytes_came_of_how_many(dialect: Dialect, came: bytes, said: str) -> None:
    with (
        stranger(came) as address,
        BlockingClient.connect(address, dialect) as frames,
        pytest.raises(IncompleteMessage, match=said),
    ):
        list(frames)


# --- 4: message longer than the length field can say


@pytest.mark.parametrize(
    ("dialect", "most"), [(Dialect("u8", False), 255), (Dialect("u16le", False), 65535), (Dialect("u16be", False), 65535)]
)
def test_a_message_longer_than_its_length_can_say_is_never_cut(dialect: Dialect, most: int) -> None:
    with served(FramesServer(dialect=dialect)) as server, BlockingClient.connect("{}:{}".format(*server.address), dialect) as frames:
        with pytest.raises(LocalProtocolError, match="too long"):
            frames.send(b"before", b"x" * (most + 1))
        assert frames.ask(b"x" * most) == b"x" * most  # and nothing of what was refused has been sent


# --- 5: the end mark sent as a message


@pytest.mark.parametrize("dialect", [dialect for dialect in EVERY if dialect is not CLASSIC], ids=str)
def test_where_the_end_is_told_apart_from_data_the_word_is_a_message(dialect: Dialect) -> None:
    with wired(dialect) as wire:
        stream = dialect.encode(["end", "goes on"])
        wire.send(stream)
        assert wire.exactly(len(stream)) == stream


def test_the_mark_itself_can_be_a_message() -> None:
    binary = Dialect("u16be", False, end=Ending.MARK)
    with served(FramesServer(dialect=binary)) as server, BlockingClient.connect("{}:{}".format(*server.address), binary) as frames:
        assert frames.ask(b"\xff\xff") == b"\xff\xff"


def test_the_classic_dialect_says_that_it_can_not() -> None:
    with served(FramesServer()) as server, BlockingClient.connect("{}:{}".format(*server.address)) as frames:
        with pytest.raises(LocalProtocolError, match="'end' closes the conversation, so this dialect can't send it as data"):
            frames.ask("end")
        assert frames.ask("ends") == "ends"


def test_behind_the_end_nothing_is_heard() -> None:
    for dialect in (CLASSIC, MARKED):
        with wired(dialect) as wire:
            wire.send(dialect.encode(["good"]) + dialect.encode_end() + dialect.encode(["late"]))
            assert wire.rest() == dialect.encode(["good"])


# --- 6: text that is not UTF-8


@pytest.mark.parametrize(("text", "at"), [(b"\xff", 0), (b"ab\xc3", 2), (b"\xc0\xaf", 0), (b"\xed\xa0\x80", 0)])
def test_text_that_is_not_utf_8_ends_the_conversation(text: bytes, at: int, caplog: pytest.LogCaptureFixture) -> None:
    bad = len(text).to_bytes(2, "little") + text
    with wired() as wire:
        wire.send(CLASSIC.encode(["good"]) + bad + CLASSIC.encode(["late"]))
        assert wire.rest() == CLASSIC.encode(["good"])
    assert f"not UTF-8 (its byte {at} is" in caplog.text
    with stranger(bad) as address, BlockingClient.connect(address) as frames:
        with pytest.raises(RemoteProtocolError) as refused:
            frames.receive()
        assert refused.value.offset == 2 + at


def test_binary_carries_anything() -> None:
    dialect = Dialect("u16le", False)
    anything = [bytes(range(256)), b"\xff", b"\xc0\xaf", b""]
    with served(FramesServer(dialect=dialect)) as server, BlockingClient.connect("{}:{}".format(*server.address), dialect) as frames:
        assert list(frames.ask_all(anything)) == anything


# --- 7: netstrings


@pytest.mark.parametrize(
    "broken",
    [
        b"03:abc,",
        b"00:,",
        b"+3:abc,",
        b"-3:abc,",
        b" 3:abc,",
        b"3 :abc,",
        b"3_0:abc,",
        b"0x3:abc,",
        b"3:abc;",
        b"3:abcd,",
        b":,",
        b",",
        b"12345678901:",
        b"\r\n",
    ],
)
def test_a_netstring_that_is_none_ends_the_conversation(broken: bytes) -> None:
    with wired(DIALECTS["netstring"]) as wire:
        wire.send(b"4:good," + broken + b"4:late,")
        assert wire.rest() == b"4:good,"


# --- 8: short sends, full send buffer, peer that reads nothing


def test_a_peer_that_reads_late_gets_everything() -> None:
    dialect = Dialect("u32be", False)
    with served(FramesServer(dialect=dialect)) as server, Wire(server.address, receive_buffer=4096) as wire:
        stream = dialect.encode([bytes([number % 256]) * 50_000 for number in range(400)])
        sender = threading.Thread(target=wire.socket.sendall, args=(stream,))
        sender.start()
        until(lambda: any(not one.session.reading for one in server.run(lambda: list(server.listener.connections))), what="backpressure")
        assert wire.exactly(len(stream)) == stream
        sender.join(PATIENCE)


def test_a_peer_that_reads_nothing_is_no_longer_read_and_takes_little_memory(start: Callable[..., Program]) -> None:
    program, address = serve(start, "--dialect", "u32be", "--binary")
    message = (60_000).to_bytes(4, "big") + bytes(60_000)
    with Wire(address, receive_buffer=4096) as wire:
        wire.send(message)
        wire.exactly(len(message))
        before = psutil.Process(program.pid).memory_full_info().uss
        wire.socket.setblocking(False)
        sent = refused = 0
        while refused < 50 and sent < 256 << 20:  # until the server has taken no more for a while
            try:
                sent += wire.socket.send(message)
                refused = 0
            except BlockingIOError:
                refused += 1
                threading.Event().wait(0.01)
        assert refused
        grown = psutil.Process(program.pid).memory_full_info().uss - before
    assert grown < 4 << 20


def test_a_peer_that_reads_nothing_is_cut_off_in_the_end(caplog: pytest.LogCaptureFixture) -> None:
    dialect = Dialect("u32be", False)
    limits = FramesLimits(grace=0.3, rate=1 << 20)
    with served(FramesServer(dialect=dialect, limits=limits)) as server, Wire(server.address, receive_buffer=4096) as wire:
        while wire.try_send(dialect.encode([bytes(500_000)])):
            pass
        until(lambda: not server.listener.connections, what="the end of the connection")
    assert "took next to nothing" in caplog.text


def test_a_peer_in_a_hurry_gets_all_it_can(start: Callable[..., Program]) -> None:
    """Connections that come, say half of something and go, by the hundred: the server is none the worse."""
    program, address = serve(start)
    for number in range(300):
        with Wire(address) as wire:
            wire.try_send(CLASSIC.encode(["hello"] * 50)[: number + 1])
            if number % 3 == 0:
                wire.reset()
    with Wire(address) as wire:
        wire.send(CLASSIC.encode(["hello"]))
        assert wire.exactly(7) == b"\x05\x00hello"
    assert "Traceback" not in program.output


def test_a_web_page_can_not_make_its_visitor_s_browser_speak_frames() -> None:
    """What a page can have sent to any port: a request of its own making, whose body holds frames."""
    for dialect in EVERY:
        with wired(dialect) as wire:
            wire.send(b"POST /\x00 HTTP/1.1\r\nHost: localhost:7007\r\nContent-Length: 9000\r\n\r\n" + dialect.encode(["evil"] * 1000))
            assert wire.rest() == b""


def serve(start: Callable[..., Program], *arguments: str) -> tuple[Program, tuple[str, int]]:
    """``wirespeak frames serve`` with these arguments, as a program of its own."""
    command = [sys.executable, "-m", "wirespeak", "frames", "serve", "--bind", "127.0.0.1:0", "--json", *arguments]
    program = start(command, env={"PYTHONPATH": str(ROOT / "src")}, cwd=ROOT)
    event = json.loads(program.wait_for(r'^\{.*"event": ?"listening".*\}')[0])
    assert (event["service"], event["transport"]) == ("frames", "tcp")
    return program, (event["host"], event["port"])
