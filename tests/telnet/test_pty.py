"""A visitor's program on a real pseudo-terminal: what reaches it, what doesn't, and that nothing of it stays behind."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.sockets.serving import Served, served, until
from tests.telnet.callers import COMMANDS, TERMINAL, named
from tests.telnet.dialog import sb, wire
from wirespeak.telnet.pty import program
from wirespeak.telnet.server import TelnetServer

AT_A_TERMINAL = TERMINAL + named("xterm")


class Call:
    """A real connection, read up to what is expected."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.raw = b""

    @property
    def text(self) -> str:
        return COMMANDS.sub(b"", self.raw).replace(b"\xff\xff", b"\xff").decode(errors="replace")

    def send(self, *parts: bytes | str) -> None:
        for part in parts:
            self.sock.sendall(part if isinstance(part, bytes) else part.encode())

    def expect(self, pattern: str) -> re.Match[str]:
        """Read until ``pattern`` is found in what is shown."""
        limit = time.monotonic() + 20
        while not (found := re.search(pattern, self.text)):
            assert time.monotonic() < limit, f"{pattern!r} didn't come in {self.text!r}"
            data = self.sock.recv(65536)
            assert data, f"the end came before {pattern!r}: {self.text!r}"
            self.raw += data
        return found

    def rest(self) -> str:
        """Read to the end."""
        while data := self.sock.recv(65536):
            self.raw += data
        return self.text


@contextmanager
def running(*command: str, first: bytes = AT_A_TERMINAL, **options: Any) -> Iterator[tuple[Served, Call]]:
    with served(TelnetServer(program(command, **options))) as server, server.connect() as sock:
        sock.sendall(first)
        yield server, Call(sock)


def script(text: str) -> tuple[str, ...]:
    return ("/bin/sh", "-c", text)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


# --- the terminal


def test_a_program_runs_on_a_terminal_of_its_own() -> None:
    with running(*script("tty; echo $TERM; stty size; exit 3")) as (_, call):
        assert re.fullmatch(r"/dev/pts/[0-9]+\r\nxterm\r\n24 80\r\n", call.rest())


def test_the_terminal_follows_the_window() -> None:
    with running(*script("trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.05; done")) as (_, call):
        call.expect("ready")
        call.send(wire("SB NAWS 0 132 0 43"))
        call.expect("43 132")


def test_keys_are_echoed_by_the_terminal_and_enter_ends_a_line() -> None:
    with running("/bin/cat") as (_, call):
        call.send("hello\r\0")
        call.expect("hello\r\nhello\r\n")
        call.send("again\r", "\n")
        call.expect("again\r\nagain\r\n")
        call.send("\x04")
        assert call.rest().endswith("again\r\n")


def test_lines_of_who_edits_them_are_not_echoed() -> None:
    """A peer that never negotiates, and one that wants to echo itself."""
    for first in (b"", wire("DONT ECHO", "DONT SGA")):
        with running("/bin/cat", first=first) as (_, call):
            call.send("hello\r\n")
            call.expect("hello\r\n")
            call.sock.shutdown(socket.SHUT_WR)
            assert call.rest() == "hello\r\n"


def test_who_begins_to_echo_is_no_longer_echoed_to() -> None:
    with running("/bin/cat") as (_, call):
        call.send("one\r\0")
        call.expect("one\r\none\r\n")
        call.send(wire("DONT ECHO", "DO STATUS"))
        limit = time.monotonic() + 20
        while wire("WONT ECHO") not in call.raw:
            assert time.monotonic() < limit
            call.raw += call.sock.recv(65536)
        call.send("two\r\n", "\x04")
        assert call.rest() == "one\r\none\r\ntwo\r\n"


# --- signals


@pytest.mark.parametrize(
    ("command", "name"),
    [(wire("IP"), "INT"), (wire("BRK"), "INT"), (wire("ABORT"), "QUIT"), (b"\x03", "INT"), (b"\x1c", "QUIT")],
    ids=["IP", "BRK", "ABORT", "Ctrl-C", "Ctrl-backslash"],
)
def test_signals(command: bytes, name: str) -> None:
    with running(*script(f"trap 'echo got {name}; exit' {name}; echo ready; while :; do sleep 0.05; done")) as (_, call):
        call.expect("ready")
        call.send(command)
        call.expect(f"got {name}")


def test_a_suspended_program_is_suspended() -> None:
    text = "import os, signal; signal.signal(signal.SIGTSTP, lambda *_: os.write(1, b'asked to rest')); os.write(1, b'ready')"
    with running(sys.executable, "-c", f"{text}\nwhile True: signal.pause()") as (_, call):
        call.expect("ready")
        call.send(wire("SUSP"))
        call.expect("asked to rest")


def test_an_interrupt_comes_past_what_is_typed_ahead() -> None:
    with running(*script("trap 'echo interrupted; exit' INT; echo ready; while :; do sleep 0.05; done")) as (_, call):
        call.expect("ready")
        call.send(wire("DONT ECHO"), b"x" * 100_000, wire("IP"))
        call.expect("interrupted")


def test_a_program_that_takes_the_characters_gets_them() -> None:
    """As an editor does, which wants no signals."""
    with running(*script("stty -isig -icanon -echo; echo ready; head -c 3 | od -An -tx1")) as (_, call):
        call.expect("ready")
        call.send(wire("IP", "ABORT", "SUSP"))
        call.expect("03 1c 1a")


def test_erasing_and_the_end_of_file() -> None:
    with running("/bin/cat", first=b"") as (_, call):
        call.send("hellp", wire("EC"), "o\r\n", "wrong", wire("EL"), "right\r\n")
        call.expect("hello\r\nright\r\n")
        call.send(wire("EOF"))
        assert call.rest() == "hello\r\nright\r\n"


def test_are_you_there_and_abort_output() -> None:
    with running("/bin/cat") as (_, call):
        call.send("x\r\0")
        call.expect("x\r\nx\r\n")
        call.send(wire("AYT"))
        call.expect(r"\[Yes\]")
        call.sock.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
        call.send(wire("AO"), "y\r\0")
        call.expect("y\r\ny\r\n")
        assert wire("DM") in call.raw


def test_aborted_output_goes_no_further() -> None:
    """RFC 854: what the program has written and nobody has read is dropped; the Synch drops the rest where it is."""
    with running(*script("stty -onlcr; echo ready; read x; yes output | head -c 2000000; echo over; cat")) as (_, call):
        call.expect("ready")
        call.sock.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
        call.send("go\r\0")
        call.expect("output\noutput")
        call.send(wire("AO"))
        call.expect("over")
        assert wire("DM") in call.raw
        call.send("still here\r\0")
        call.expect("still here")


def test_flow_control_follows_the_program() -> None:
    """RFC 1372: who wants Ctrl-S for itself gets it, and any key, or Ctrl-Q alone, makes the screen go on."""
    commands = "echo ready; read x; stty -ixon; echo one; read x; stty ixon ixany; echo two; read x; stty -ixany; echo three; cat"
    with running(*script(commands)) as (_, call):
        call.expect("ready")
        assert wire("DO LFLOW") in call.raw
        call.send(wire("WILL LFLOW"), "\r\0")
        call.expect("one")
        assert call.raw.index(sb("LFLOW", 3)) < call.raw.index(sb("LFLOW", 0)) < call.raw.index(b"one")
        call.send("\r\0")
        call.expect("two")
        assert call.raw.index(sb("LFLOW", 2)) < call.raw.index(sb("LFLOW", 1)) < call.raw.index(b"two")
        call.send("\r\0")
        call.expect("three")
        assert call.raw.count(sb("LFLOW", 3)) == 2
        assert call.raw.count(b"\xff\xfa\x21") == 5


def test_who_has_no_flow_control_is_told_nothing_of_it() -> None:
    with running(*script("stty -ixon; echo ready; cat")) as (_, call):
        call.expect("ready")
        call.send(wire("WONT LFLOW"), "x\r\0")
        call.expect("x\r\nx")
        assert b"\xff\xfa\x21" not in call.raw


# --- what reaches the program


def test_no_shell_reads_the_arguments() -> None:
    with running("/bin/echo", "$HOME; ls *", "-n") as (_, call):
        assert call.rest() == "$HOME; ls * -n\r\n"


def variables(**told: str) -> bytes:
    pairs = b"".join(b"\x03" + name.encode() + b"\x01" + value.encode() for name, value in told.items())
    return wire("DO ECHO", "WILL TTYPE", "WONT NAWS", "WILL NEW-ENVIRON") + sb("NEW-ENVIRON", 0, pairs) + named("xterm")


def test_of_the_visitors_environment_little_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hostile row 2; and none of the server's own secrets."""
    monkeypatch.setenv("API_TOKEN", "secret")
    hostile = {
        "LD_PRELOAD": "/tmp/evil.so",
        "PATH": "/tmp",
        "IFS": "/",
        "HOME": "/tmp",
        "SHELL": "/tmp/sh",
        "ENV": "/tmp/env",
        "BASH_ENV": "/tmp/env",
        "TERMINFO": "/tmp",
        "TERM": "../evil",
        "USER": "root",
        "LOGNAME": "root",
        "LC_ALL": "../../tmp",
        "COLORTERM": "-x",
        "DISPLAY": "host:0;reboot",
    }
    harmless = {"LANG": "de_DE.UTF-8", "NO_COLOR": "1"}
    with running("/usr/bin/env", first=variables(**hostile, **harmless)) as (_, call):
        found = dict(line.split("=", 1) for line in call.rest().split("\r\n") if line)
    assert found["TERM"] == "xterm"
    assert found["LANG"] == "de_DE.UTF-8"
    assert found["NO_COLOR"] == "1"
    assert found["REMOTEHOST"] == "127.0.0.1"
    own = {name: os.environ.get(name) for name in ("PATH", "HOME", "SHELL", "USER", "LOGNAME")}
    assert {name: found.get(name) for name in own} == own
    assert not found.keys() & (hostile.keys() - own.keys() - {"TERM"})
    assert "API_TOKEN" not in found


@pytest.mark.parametrize("name", ["../../evil", "-x", "a;b", "x" * 80])
def test_a_terminal_of_no_sane_name_is_a_dumb_one(name: str) -> None:
    with running(*script("echo $TERM"), first=TERMINAL + named(name)) as (_, call):
        call.expect("dumb\r\n")


def test_a_display_passes() -> None:
    with running(*script("echo $DISPLAY $COLORTERM"), first=variables(DISPLAY="localhost:10.0", COLORTERM="truecolor")) as (_, call):
        call.expect("localhost:10.0 truecolor")


def test_of_an_http_request_the_program_sees_no_byte(tmp_path: Path) -> None:
    """Hostile row 14."""
    seen = tmp_path / "seen"
    with running(*script(f"cat > {seen}"), first=b"") as (server, call):
        until(seen.exists)  # it runs before the peer says anything
        call.send(b"POST / HTTP/1.1\r\nHost: localhost:23\r\n\r\nrm -rf\r\n")
        call.rest()
        until(lambda: not server.listener.connections)
        assert seen.read_bytes() == b""


# --- bytes


ALL_BYTES = bytes(range(256)) * 400


def test_a_file_byte_for_byte_from_the_program(tmp_path: Path) -> None:
    """RFC 856: what the program writes is what comes, when both have agreed on BINARY."""
    file = tmp_path / "file"
    file.write_bytes(ALL_BYTES)
    with running(*script(f"read go; cat {file}"), first=wire("DONT ECHO", "DO BINARY")) as (_, call):
        call.send("\r\n")
        while data := call.sock.recv(65536):
            call.raw += data
        assert COMMANDS.sub(b"", call.raw).replace(b"\xff\xff", b"\xff") == ALL_BYTES


def test_a_file_as_the_nvt_has_it(tmp_path: Path) -> None:
    """Without that, LF is CR LF, and a CR alone is CR NUL (RFC 854)."""
    file = tmp_path / "file"
    file.write_bytes(b"one\ntwo\rthree\xff\n")
    with running("/bin/cat", str(file)) as (_, call):
        call.rest()
        assert COMMANDS.sub(b"", call.raw).endswith(b"one\r\ntwo\r\0three\xff\xff\r\n")


def test_a_file_byte_for_byte_to_the_program() -> None:
    count = f"stty raw -echo; echo ready; head -c {len(ALL_BYTES)} | sha256sum"
    with running(*script(count), first=wire("DONT ECHO", "WILL BINARY")) as (_, call):
        call.expect("ready")
        call.send(ALL_BYTES.replace(b"\xff", b"\xff\xff"))
        assert hashlib.sha256(ALL_BYTES).hexdigest() in call.rest()


# --- neither side is flooded


def test_a_program_that_writes_without_end_is_slowed_down_by_who_reads_nothing(tmp_path: Path) -> None:
    text = "import sys, os\nfor n in range(10**9): os.write(1, b'x' * 999 + b'\\n'); open(sys.argv[1], 'w').write(str(n))"
    count = tmp_path / "count"
    with running(sys.executable, "-c", text, str(count)) as (_, call):
        until(count.exists)

        def written() -> int:
            return int(count.read_text() or 0)

        before = -1
        limit = time.monotonic() + 60
        while before != (now := written()):  # until it stands still
            assert time.monotonic() < limit
            before = now
            time.sleep(0.5)
        assert now < 20_000  # 20 MB: what the sockets and we hold is less
        for _ in range(1000):
            call.sock.recv(65536)
        until(lambda: written() > now)  # and it goes on


def test_a_program_that_reads_nothing_slows_down_who_writes() -> None:
    with running(*script("stty raw -echo; echo ready; sleep 1000"), first=wire("DONT ECHO")) as (_, call):
        call.expect("ready")
        call.sock.settimeout(1)
        sent = 0
        try:
            while sent < 64 << 20:
                sent += call.sock.send(b"x" * 65536)
        except TimeoutError:
            pass
        assert sent < 32 << 20


def test_a_large_output_comes_whole() -> None:
    with running(*script("yes 0123456789 | head -c 11000000"), first=wire("DONT ECHO", "DO BINARY")) as (_, call):
        assert call.rest() == "0123456789\n" * 1_000_000


# --- the end


def test_the_visit_ends_with_the_program_and_its_last_words_come() -> None:
    with running(*script("echo first; sleep 0.1; echo last")) as (server, call):
        assert call.rest() == "first\r\nlast\r\n"
        until(lambda: not server.listener.connections)


def test_what_a_program_leaves_behind_in_its_group_is_killed() -> None:
    with running(*script("trap '' HUP; (while :; do sleep 1; done) & echo left $!")) as (_, call):
        pid = int(call.expect(r"left ([0-9]+)")[1])
        call.rest()
    until(lambda: not is_alive(pid))


def test_a_program_is_told_that_the_visitor_hung_up(tmp_path: Path) -> None:
    told = tmp_path / "told"
    with running(*script(f"trap 'echo bye > {told}; exit' HUP; echo ready; while :; do sleep 0.05; done")) as (_, call):
        call.expect("ready")
        call.sock.close()
        until(told.exists)


def test_a_program_that_does_not_care_is_killed() -> None:
    with running(*script("trap '' HUP INT TERM; echo pid $$; while :; do sleep 0.1; done")) as (_, call):
        pid = int(call.expect("pid ([0-9]+)")[1])
        call.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        call.sock.close()
        until(lambda: not is_alive(pid))


def test_the_end_of_the_stream_is_the_end_of_the_file() -> None:
    """As in ``printf … | nc``: the program may finish."""
    with running(*script("wc -l"), first=b"one\ntwo\n") as (_, call):
        call.sock.shutdown(socket.SHUT_WR)
        assert call.rest().strip() == "2"


def test_a_program_that_is_not_there_is_told() -> None:
    with running("/nonexistent/program") as (_, call):
        assert call.rest() == "program can't be started: No such file or directory\r\n"


def test_variables_and_a_directory_can_be_given(tmp_path: Path) -> None:
    with running(*script("echo $ROOM; pwd"), variables={"ROOM": "12"}, directory=str(tmp_path)) as (_, call):
        assert call.rest() == f"12\r\n{tmp_path}\r\n"


def test_a_directory_that_is_not_there_is_told(tmp_path: Path) -> None:
    with running(*script("pwd"), directory=str(tmp_path / "gone")) as (_, call):
        assert re.fullmatch(r".*cd: .*gone.*\r\n", call.rest())


def test_no_descriptor_of_ours_reaches_the_program() -> None:
    """Not even one that this process was given to pass on."""
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    try:
        with running(*script(f"ls -l /dev/fd/ | grep -c 'pipe:\\[{os.fstat(writing).st_ino}\\]'")) as (_, call):
            assert call.rest() == "0\r\n"
    finally:
        os.close(reading)
        os.close(writing)


def test_signals_that_we_ignore_mean_to_a_program_what_they_mean_to_any() -> None:
    """As they are ignored by who is started in the background of a script."""
    before = signal.signal(signal.SIGQUIT, signal.SIG_IGN)
    try:
        with running(*script("echo ready; sleep 60")) as (_, call):
            call.expect("ready")
            call.send(b"\x1c")
            call.rest()
    finally:
        signal.signal(signal.SIGQUIT, before)
