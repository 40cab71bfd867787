"""Hostile servers: what our client tells them, and what they may do to its terminal (RFC 1572, ECMA-48)."""

from __future__ import annotations

import builtins
import os
import pty
import re
import select
import socket
import subprocess
import sys
import termios
import time
import tty
from collections.abc import Callable

import pytest

from tests.hostile.telnet_wire import (
    AUTHENTICATION,
    AYT,
    CHARSET,
    COMMAND,
    DM,
    DO,
    DONT,
    EC,
    ECHO,
    ENCRYPT,
    IAC,
    LINEMODE,
    NAWS,
    NEW_ENVIRON,
    NOP,
    OLD_ENVIRON,
    ROOT,
    SB,
    SE,
    STATUS,
    TIMING_MARK,
    TSPEED,
    TTYPE,
    WILL,
    WONT,
    XDISPLOC,
    command,
    sb,
)
from tests.raw import PATIENCE, accepting
from wirespeak.errors import LimitExceeded, TimeoutError
from wirespeak.telnet import BlockingClient, client_options

CONNECT = [sys.executable, "-m", "wirespeak", "telnet", "connect"]
MARK = command(WILL, TIMING_MARK)


def hear(sock: socket.socket, *expected: bytes) -> bytes:
    """Read until all of ``expected`` has come; all that has come."""
    came = b""
    while not all(one in came for one in expected):
        piece = sock.recv(65536)
        assert piece, f"the client ended before {expected}: {came!r}"
        came += piece
    return came


def commands(came: bytes) -> list[bytes]:
    return [match[0] for match in COMMAND.finditer(came) if match[0] != b"\xff\xff"]


def converse(talk: Callable[[socket.socket], None], *arguments: str, variables: dict[str, str] | None = None, say: bytes = b"") -> bytes:
    """What the client writes that is run beside ``talk``, with ``say`` piped in."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), **(variables or {})}
    with accepting(talk) as port:
        done = subprocess.run(
            [*CONNECT, *arguments, "127.0.0.1", str(port)], input=say, capture_output=True, env=environment, timeout=60, check=False
        )
    assert b"Traceback" not in done.stderr, done.stderr
    return done.stdout


SECRETS = {
    "API_KEY": "s3cret",
    "AWS_SECRET_ACCESS_KEY": "s3cret",
    "USER": "s3cret",
    "HOME": "/s3cret",
    "DISPLAY": "s3cret:0",
    "LANG": "C.s3cret",
}


@pytest.mark.parametrize(
    "asked", [b"", b"\0", b"\x03", b"\0USER\x03API_KEY\x03HOME", b"\x03LANG\0DISPLAY"], ids=["all", "VARs", "USERVARs", "some", "others"]
)
def test_a_server_that_asks_for_the_whole_environment(asked: bytes) -> None:
    """CVE-2000-0892: what is not configured is not told, whoever asks."""
    came = b""

    def talk(sock: socket.socket) -> None:
        nonlocal came
        for option in (NEW_ENVIRON, OLD_ENVIRON, XDISPLOC):
            sock.sendall(command(DO, option) + sb(option, 1, asked))
        sock.sendall(command(DO, TIMING_MARK) + b"hello\r\n")
        came = hear(sock, MARK)

    assert b"hello" in converse(talk, variables=SECRETS)
    assert b"s3cret" not in came
    assert command(WONT, OLD_ENVIRON) in commands(came)
    answers = [one for one in commands(came) if one.startswith(command(SB, NEW_ENVIRON, 0))]
    assert not [one for one in answers if b"\x01" in one], "a value"


def test_what_is_configured_is_told_and_nothing_else() -> None:
    came = b""

    def talk(sock: socket.socket) -> None:
        nonlocal came
        sock.sendall(command(DO, NEW_ENVIRON))
        hear(sock, command(WILL, NEW_ENVIRON))
        sock.sendall(sb(NEW_ENVIRON, 1) + command(DO, TIMING_MARK))
        came = hear(sock, MARK)

    converse(talk, "--env", "LANG=xx_YY", variables=SECRETS)
    assert commands(came)[0] == sb(NEW_ENVIRON, 0, 3, b"LANG", 1, b"xx_YY")
    assert b"s3cret" not in came


def test_encrypt_and_authentication_are_refused_by_the_client() -> None:
    """CVE-2011-4862 had its twin in the client."""
    came = b""

    def talk(sock: socket.socket) -> None:
        nonlocal came
        for option in (AUTHENTICATION, ENCRYPT):
            sock.sendall(command(DO, option) + command(WILL, option) + sb(option, 7, b"x" * 500) + sb(option, 1, 2, 0))
        sock.sendall(command(DO, TIMING_MARK))
        came = hear(sock, MARK)

    converse(talk)
    for option in (AUTHENTICATION, ENCRYPT):
        assert [one for one in commands(came) if one[2] == option] == [command(WONT, option), command(DONT, option)]


ODD = [
    sb(NAWS, 0, 80, 0, 24),
    sb(TTYPE, 0, b"x" * 5000),
    sb(TTYPE, 1) * 500,
    sb(LINEMODE, 3, b"\x03\x02\x03" * 2700),
    sb(LINEMODE, 3, b"\0\x03\0" * 2700),
    sb(STATUS, 1) * 500,
    sb(TSPEED, 1) * 500,
    sb(CHARSET, 1, b";X" * 4000),
    sb(CHARSET, 4),
    sb(NEW_ENVIRON, 1, b"\0A" * 4000),
    command(SB, IAC, SE),
    command(SE),
    command(EC) * 50,
    command(NOP) * 500,
    command(AYT) * 500,
    command(DM) * 50,
    b"".join(command(verb, option) for option in range(256) if option not in (TIMING_MARK, 18) for verb in (WILL, DO, WONT, DONT)) * 4,
]


@pytest.mark.parametrize("odd", ODD, ids=lambda said: said[:4].hex())
def test_what_a_server_may_say_of_options(odd: bytes) -> None:
    """Answers are bounded by what was asked, and what is said around it arrives whole."""
    options = [TTYPE, NAWS, LINEMODE, STATUS, TSPEED, CHARSET, NEW_ENVIRON]

    def talk(sock: socket.socket) -> None:
        sock.sendall(b"".join(command(DO, option) for option in options) + command(WILL, CHARSET) + command(WILL, STATUS))
        sock.sendall(b"<" + odd + b">" + command(DO, TIMING_MARK))
        came = hear(sock, MARK)
        assert len(came) < 40_000

    with accepting(talk) as port, BlockingClient.connect(f"127.0.0.1:{port}") as client:
        assert client.read_until(b">") == b"<>"
        assert client.read_all() == b""


def test_a_silent_server_is_not_waited_for_for_ever() -> None:
    def talk(sock: socket.socket) -> None:
        assert sock.recv(100) == b"anyone?\r\n"
        sock.recv(100)

    with accepting(talk) as port, BlockingClient.connect(f"127.0.0.1:{port}") as client:
        client.write_line("anyone?")
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            client.read_until(b"yes", timeout=0.3)
        assert time.monotonic() - began < 10


def test_a_server_that_never_says_what_is_waited_for() -> None:
    """It is read up to a bound, and no further: memory doesn't grow with what it says."""
    sent = 0

    def talk(sock: socket.socket) -> None:
        nonlocal sent
        sock.settimeout(2)
        try:
            while sent < 256 << 20:
                sent += sock.send(b"no " * 20000)
        except OSError:
            pass

    with accepting(talk) as port:
        client = BlockingClient.connect(f"127.0.0.1:{port}")
        with pytest.raises(LimitExceeded, match="was not among them"):
            client.read_until(b"yes", timeout=20)
        client.close()
    assert sent < 64 << 20


def test_all_bytes_are_iac() -> None:
    """CVE-2005-0468: what doubles when it is sent is sent whole, doubled, and in order, however much it is."""
    size = 3 << 20
    came = 0

    def talk(sock: socket.socket) -> None:
        nonlocal came
        while piece := sock.recv(1 << 20):
            assert piece.count(b"\xff") == len(piece)
            came += len(piece)

    with accepting(talk) as port, BlockingClient.connect(f"127.0.0.1:{port}", options=client_options()) as client:
        client.write(b"\xff" * size)
    assert came == 2 * size


# --- what reaches the user's terminal

HARMFUL = {
    "title": b"\x1b]0;evil\x07",
    "title ended by ST": b"\x1b]2;evil\x1b\\",
    "clipboard": b"\x1b]52;c;ZXZpbA==\x07",
    "where is the cursor": b"\x1b[6n",
    "what are you": b"\x1b[c",
    "what else are you": b"\x1b[>c",
    "tell the title": b"\x1b[21t",
    "tell the size": b"\x1b[18t",
    "tell a setting": b"\x1bP$qm\x1b\\",
    "tell a capability": b"\x1bP+q544e\x1b\\",
    "tell a mode": b"\x1b[?1$p",
    "tell a checksum": b"\x1b[1;1;1;1;1;1*y",
    "answer back": b"\x05",
    "program a key": b"\x1bP1;1|17/0a\x1b\\",
    "print": b"\x1b[5i",
    "a private message": b"\x1b^evil\x1b\\",
    "an application's command": b"\x1b_evil\x1b\\",
    "screen's title": b"\x1bkevil\x1b\\",
    "C1 in UTF-8": b"\xc2\x9b6n",
    "C1 string in UTF-8": b"\xc2\x9d0;evil\x07",
    "lock the keyboard": b"\x1b[2h",
    "VT52 identify": b"\x1bZ",
}


class Terminal:
    """The client on a pseudo-terminal, beside a server that says ``said`` at once, and ``later`` again and again."""

    def __init__(self, said: bytes, *arguments: str, later: bytes = b"") -> None:
        self.said = said
        self.later = later
        self.arguments = arguments

    def shown(self, until: bytes) -> bytes:
        """What stands on the terminal once ``until`` does."""
        leader, follower = pty.openpty()
        tty.setraw(follower, termios.TCSANOW)

        def talk(sock: socket.socket) -> None:
            sock.sendall(command(WILL, ECHO) + self.said)
            sock.settimeout(0.1)
            going_on = True
            while going_on:
                try:
                    going_on = bool(sock.recv(4096))
                except builtins.TimeoutError:
                    sock.sendall(self.later)

        came = b""
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "TERM": "xterm"}
        with accepting(talk) as port:
            process = subprocess.Popen(
                [*CONNECT, *self.arguments, "127.0.0.1", str(port)],
                stdin=follower,
                stdout=follower,
                stderr=follower,
                env=environment,
                start_new_session=True,
            )
            os.close(follower)
            limit = time.monotonic() + PATIENCE
            try:
                while until not in came:
                    assert select.select([leader], [], [], max(0.0, limit - time.monotonic()))[0], came
                    came += os.read(leader, 65536)
            finally:
                process.kill()
                process.wait()
                os.close(leader)
        return came


def test_escapes_that_answer_back_or_retitle_are_not_shown() -> None:
    """Each of them between two words, whole and cut short: the words stand, colours too, and nothing of the rest."""
    said = (
        b"begin \x1b[31mred\x1b[0m " + b"".join(b"<%d" % number + one + b">" for number, one in enumerate(HARMFUL.values())) + b" end\r\n"
    )
    came = Terminal(said).shown(b" end\r\n")
    assert b"\x1b[31mred\x1b[0m" in came
    shown = came[came.index(b"begin") :]
    for number, (name, one) in enumerate(HARMFUL.items()):
        assert one not in shown, name
        assert b"<%d>" % number in shown, f"what stands around: {name}"
    assert b"evil" not in shown
    assert re.findall(rb"\x1b[^m]*m", shown) == [b"\x1b[31m", b"\x1b[0m"]


def test_an_escape_that_never_ends_does_not_silence_the_rest() -> None:
    """What is taken for a title is dropped, but not for ever: a program that shows a file of any bytes would be silenced by it."""
    came = Terminal(b"begin \x1b]0;" + b"x" * 100_000, later=b" end\r\n").shown(b" end\r\n")
    assert b"\x1b]" not in came


def test_who_asks_for_it_raw_gets_it_raw() -> None:
    came = Terminal(b"begin \x1b]0;title\x07 end\r\n", "--raw").shown(b" end\r\n")
    assert b"\x1b]0;title\x07" in came
