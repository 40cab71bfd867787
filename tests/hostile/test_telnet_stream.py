"""The stream itself as a weapon: silence, urgent data, bytes that double, a browser's request (RFC 854, RFC 6093)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile.smtp_wire import write_users
from tests.hostile.telnet_wire import (
    AYT,
    BINARY,
    DM,
    DO,
    IAC,
    NAWS,
    NOP,
    SB,
    SE,
    TIMING_MARK,
    TTYPE,
    WILL,
    Host,
    command,
    hosting,
    sb,
    witness,
)

MEGABYTE = 1 << 20


@pytest.fixture(scope="module")
def note(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the witness notes what it has read."""
    return tmp_path_factory.mktemp("note") / "note"


@pytest.fixture(scope="module")
def host(note: Path) -> Iterator[Host]:
    with hosting(*witness("lines", note)) as host:
        yield host


@pytest.fixture(scope="module")
def lobby() -> Iterator[Host]:
    with hosting() as host:
        yield host


@pytest.fixture(scope="module")
def doorman(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    folder = tmp_path_factory.mktemp("users")
    with hosting("--login", "--users", write_users(folder / "users", "ann"), home=folder) as host:
        yield host


@pytest.fixture(scope="module")
def flood() -> Iterator[Host]:
    with hosting(*witness("flood")) as host:
        yield host


@pytest.fixture(scope="module")
def deaf() -> Iterator[Host]:
    with hosting(*witness("deaf"), "--idle-time", "6") as host:
        yield host


# --- a web page's request to loopback (DNS rebinding, cross-protocol requests)


HTTP = [
    b"POST / HTTP/1.1\r\nHost: localhost:8023\r\nContent-Type: text/plain\r\nContent-Length: 21\r\n\r\necho hacked > /tmp/x\r\n",
    b"GET /?x=%0d%0aecho+hacked HTTP/1.1\r\nHost: localhost:8023\r\n\r\n",
    b"HEAD / HTTP/1.1\r\n\r\n",
    b"OPTIONS /x HTTP/1.1\r\nOrigin: https://evil.test\r\n\r\n",
]


@pytest.mark.parametrize("request_", HTTP, ids=lambda said: said.split()[0].decode())
@pytest.mark.parametrize("pieces", ["whole", "bytes"])
def test_a_browser_is_dropped_and_the_program_sees_no_byte(host: Host, note: Path, request_: bytes, pieces: str) -> None:
    before = note.read_bytes() if note.exists() else b""
    with host.connect() as talk:
        talk.send(*([request_] if pieces == "whole" else [request_[at : at + 1] for at in range(9)] + [request_[9:]]))
        talk.drain()
        assert talk.data == b""
    assert (note.read_bytes() if note.exists() else b"") == before


@pytest.mark.parametrize("request_", HTTP, ids=lambda said: said.split()[0].decode())
def test_a_browser_is_dropped_by_the_lobby_and_at_the_door(lobby: Host, doorman: Host, request_: bytes) -> None:
    for host in (lobby, doorman):
        with host.connect() as talk:
            talk.send(request_)
            talk.drain()
            assert b"acked" not in talk.data
            assert b"login" not in talk.data


def test_who_types_the_first_letters_of_a_request_is_heard(host: Host) -> None:
    """What only begins like one is held back for a moment, and then it counts."""
    with host.connect() as talk:
        talk.send(b"POS")
        talk.told(b"READY")
        talk.send(b"ITION\r\n")
        assert talk.told(b"LINE") == "POSITION\n"
    with host.connect() as talk:
        talk.told(b"READY")
        talk.send(b"on\r\nGET / HTTP/1.1\r\n")
        assert talk.told(b"LINE") == "on\n"
        assert talk.told(b"LINE") == "GET / HTTP/1.1\n"


# --- silence


def test_a_peer_that_never_negotiates_is_spoken_to(lobby: Host, host: Host) -> None:
    """Not a word of Telnet from it: what is said to it comes within a second or two, and what it says counts."""
    for one, expected in ((lobby, rb"\n"), (host, rb"READY")):
        begun = time.monotonic()
        with one.connect() as talk:
            talk.hear(expected)
            assert time.monotonic() - begun < 5
    with host.connect() as talk:
        talk.send(b"at once\r\n")
        assert talk.told(b"LINE") == "at once\n"


def test_a_peer_that_says_nothing_is_let_go(tmp_path: Path) -> None:
    with hosting(*witness("lines", tmp_path / "note"), "--idle-time", "4") as host, host.connect() as talk, host.connect() as other:
        other.told(b"READY")
        for _ in range(5):
            time.sleep(1)  # that long apart, it is not idle
            other.send(command(NOP))
        talk.drain()
        other.send(b"still here\r\n")
        assert other.told(b"LINE") == "still here\n"


def test_who_goes_leaves_nothing_behind(host: Host) -> None:
    """By FIN, by RST, in the middle of a command: the program is told, and ends."""
    for ending in ("finish", "reset", "close"):
        for begun in (b"", command(SB, NAWS, 0), b"\xff", b"half a line"):
            talk = host.connect()
            talk.told(b"READY")
            talk.send(begun)
            getattr(talk, ending)()
            talk.close()
    host.none_left()


# --- urgent data (CVE-2020-10188: it was scanned past the end of what had come)


@pytest.mark.parametrize(
    "pieces",
    [
        [command(DM)],
        [b"\xff", bytes((DM,))],
        [command(SB, NAWS), bytes((0, 80, 0, 24, IAC, SE))],
        [command(SB), bytes((NAWS, 0, 80, 0, 24, IAC, SE))],
        [command(SB, TTYPE, 0) + b"x" * 400, bytes((IAC, SE))],
        [command(WILL), bytes((NAWS,))],
        [b"\xff\xff", b"\xff\xff"],
        [command(DM)] * 20,
        [command(SB, NAWS) + command(DM), bytes((IAC, SE))],
        [b"\r", b"\n"],
    ],
    ids=["DM", "IAC DM apart", "inside SB", "behind SB", "TTYPE", "WILL", "IAC IAC", "many", "DM in SB", "CR LF"],
)
@pytest.mark.parametrize("which", ["first", "all"])
def test_urgent_data_in_odd_places(host: Host, pieces: list[bytes], which: str) -> None:
    """Urgent or not, the bytes are one queue, read once and in order. Data is dropped up to a DM (RFC 854), and behind that heard."""
    with host.connect() as talk:
        talk.told(b"READY")
        talk.send(b"one\r\n")
        assert talk.told(b"LINE") == "one\n"
        for number, piece in enumerate(pieces):
            (talk.urgent if which == "all" or number == 0 else talk.send)(piece)
        talk.send(command(DM), b"\r\ntwo\r\n", b"three\r\n")
        heard: list[str] = []
        while "three\n" not in heard:
            heard.append(talk.told(b"LINE"))
        assert [line for line in heard if line.strip("\n\xff")] == ["two\n", "three\n"]


def test_urgent_data_without_a_mark_harm_nobody_else(host: Host) -> None:
    """RFC 854: who sends them is not heard up to its next DM, but for commands."""
    with host.connect() as talk, host.connect() as other:
        talk.told(b"READY")
        for letter in b"urgent":
            talk.urgent(bytes((letter,)))
        talk.send(b"lost?\r\n", command(AYT))
        talk.hear(rb"\[Yes\]")
        other.told(b"READY")
        other.send(b"other\r\n")
        assert other.told(b"LINE") == "other\n"
        talk.send(command(DM), b"\r\nheard\r\n")
        while talk.told(b"LINE") != "heard\n":
            pass


# --- bytes that double


def test_what_doubles_is_counted_when_it_has_doubled(flood: Host) -> None:
    """CVE-2005-0468: a program that writes IACs without end to a visitor who doesn't read. Memory stays bounded; what comes is doubled."""
    with flood.connect() as talk, flood.connect(receive_buffer=4096) as slow:
        talk.send(command(WILL, NAWS) + sb(NAWS, 0, 80, 0, 24))
        slow.send(command(DO, BINARY))
        talk.hear(rb"\xff{1000}")
        before = flood.memory
        time.sleep(1)  # while nobody reads
        assert flood.memory - before < 8 * MEGABYTE
        for wire in (talk, slow):
            while len(wire.received) < 300_000:
                wire.more()
            tail = bytes(wire.received)[-200_000:]
            assert set(tail) == {IAC}
        slow.reset()
        talk.reset()
    flood.none_left()


def test_a_program_that_reads_nothing(deaf: Host) -> None:
    """What is sent to it waits, up to a bound. Its visitor's end can't be heard behind all that; but the idle limit ends it."""
    with deaf.connect() as talk, deaf.connect() as other:
        talk.told(b"READY")
        before = deaf.memory
        assert talk.fill(b"\xff\xff" * 32768, 64 * MEGABYTE) < 64 * MEGABYTE
        assert deaf.memory - before < 8 * MEGABYTE
        other.told(b"READY")
        other.send(command(AYT))
        other.hear(rb"\[Yes\]")
    deaf.none_left()


@pytest.mark.parametrize("binary", [False, True], ids=["NVT", "BINARY"])
def test_every_byte_value_arrives_once(host: Host, binary: bool) -> None:
    """All bytes but those that a terminal's line editing takes for itself, each behind LNEXT where need be."""
    plain = [code for code in range(256) if code >= 32 and code not in (127, 255)]
    with host.connect() as talk:
        if binary:
            talk.send(command(WILL, BINARY))
        talk.told(b"READY")
        talk.send(bytes(plain) + b"\xff\xff" + (b"\n" if binary else b"\r\n"))
        assert talk.told(b"LINE") == bytes((*plain, 255)).decode("latin-1") + "\n"


def test_a_line_that_never_ends(lobby: Host) -> None:
    """A prompt takes so much of it, and no more; the conversation goes on."""
    with lobby.connect() as talk:
        before = lobby.memory
        talk.hear(rb"[>?:] ?$")
        for _ in range(64):
            talk.send(b"x" * 16384)
            while talk.has_come and talk.more():
                pass
        assert lobby.memory - before < 8 * MEGABYTE
        talk.send(command(DO, TIMING_MARK))
        talk.hear_command(command(WILL, TIMING_MARK))


def test_keys_that_are_none(lobby: Host) -> None:
    """Escape sequences cut off or without end, bytes that are no UTF-8, controls: what is shown of them is no order to the terminal."""
    with lobby.connect() as talk:
        talk.send(command(WILL, NAWS) + sb(NAWS, 0, 40, 0, 24))
        talk.hear(rb"[>?:] ?$")
        at = len(talk.data)
        for odd in (
            b"\x1b",
            b"\x1b[",
            b"\x1b[999999999999A",
            b"\x1b]0;evil\x07",
            b"\x1b[6n",
            b"\x9b6n",
            b"\x80\xfe\xc3",
            b"\xe2\x80\xae",
            b"\x1b[" + b"1;" * 5000,
            b"\0\1\2\x05\x06\x0e\x0f\x10",
        ):
            talk.send(odd)
        talk.send(command(DO, TIMING_MARK))
        talk.hear_command(command(WILL, TIMING_MARK))
        shown = talk.data[at:]
        for evil in (b"\x1b]", b"\x1b[6n", b"\xc2\x9b", b"\x05", b"\x0e", b"\xe2\x80\xae"):
            assert evil not in shown
