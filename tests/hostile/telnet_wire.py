"""Telnet by hand: bytes sent as they are written, what comes parted by one pattern, and the server under attack.

It shares no code with ours. `Talk` is a connection; ``Talk.data`` is what a terminal would have been given, ``Talk.commands`` what
stood between. `Host` is ``wirespeak telnet serve`` as a program; `witness` makes it give each visitor a program that tells what it
was given (``telnet_witness.py``).
"""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from tests.hostile.wire import Wire, until
from tests.processes import Program

ROOT = Path(__file__).parent.parent.parent

IAC, SE, SB, WILL, WONT, DO, DONT = 255, 240, 250, 251, 252, 253, 254
NOP, DM, BRK, IP, AO, AYT, EC, EL, GA = 241, 242, 243, 244, 245, 246, 247, 248, 249
BINARY, ECHO, SGA, STATUS, TIMING_MARK, LOGOUT, TTYPE, NAWS, TSPEED, LINEMODE = 0, 1, 3, 5, 6, 18, 24, 31, 32, 34
XDISPLOC, OLD_ENVIRON, AUTHENTICATION, ENCRYPT, NEW_ENVIRON, CHARSET = 35, 36, 37, 38, 39, 42

# RFC 854 and RFC 855: what is no data.
COMMAND = re.compile(rb"\xff(?:\xff|[\xfb-\xfe].|\xfa.(?:[^\xff]|\xff\xff)*?\xff\xf0|[\xec-\xf9])", re.DOTALL)


def command(*codes: int) -> bytes:
    """IAC and these bytes."""
    return bytes((IAC, *codes))


def sb(option: int, *inside: int | bytes) -> bytes:
    """A subnegotiation; what is inside has its IACs doubled (RFC 855)."""
    said = b"".join(bytes((one,)) if isinstance(one, int) else one for one in inside)
    return bytes((IAC, SB, option)) + said.replace(b"\xff", b"\xff\xff") + bytes((IAC, SE))


class Talk(Wire):
    """A connection to a Telnet server."""

    def __enter__(self) -> Talk:
        return self

    @property
    def commands(self) -> list[bytes]:
        """All commands that have come."""
        return [match[0] for match in COMMAND.finditer(bytes(self.received)) if match[0] != b"\xff\xff"]

    @property
    def data(self) -> bytes:
        """All data that has come."""
        return COMMAND.sub(lambda match: b"\xff" if match[0] == b"\xff\xff" else b"", bytes(self.received))

    def hear(self, pattern: bytes) -> re.Match[bytes]:
        """Read until the data matches ``pattern``."""
        while not (found := re.search(pattern, self.data, re.DOTALL)):
            assert self.more(), f"the connection ended before {pattern!r}: {bytes(self.received)[-2000:]!r}"
        return found

    def hear_command(self, expected: bytes) -> None:
        """Read until that command has come."""
        while expected not in self.commands:
            assert self.more(), f"the connection ended before {expected!r}: {self.commands}"

    def told(self, word: bytes) -> Any:
        """What the witness tells in its next line that begins with ``word``; it is taken away, with all before it."""
        found = self.hear(rb"(?:^|\n|\r)" + word + rb" ([^\r\n]*)\r?\n")
        del self.received[: self.received.index(found[1]) + len(found[1])]
        return json.loads(found[1])

    def urgent(self, data: bytes) -> None:
        """Send ``data``, its last byte marked urgent (RFC 9293 3.8.5)."""
        self.socket.send(data, socket.MSG_OOB)

    def drain(self) -> None:
        """Read to the end of the connection, be it a proper one or not."""
        with contextlib.suppress(ConnectionError):
            while self.more():
                pass


class Host:
    """``wirespeak telnet serve`` as a program."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.process = psutil.Process(program.pid)
        event = json.loads(program.wait_for(r'^\{.*"event": ?"listening".*\}')[0])
        self.address: tuple[str, int] = (event["host"], event["port"])

    def connect(self, *, receive_buffer: int | None = None) -> Talk:
        return Talk(self.address, receive_buffer=receive_buffer)

    @property
    def memory(self) -> int:
        """Bytes of memory that are the process's own."""
        return int(self.process.memory_full_info().uss)

    @property
    def children(self) -> list[psutil.Process]:
        """The programs that it runs for its visitors."""
        return self.process.children(recursive=True)

    def none_left(self) -> None:
        """Wait until no program of a visitor's runs any more."""
        until(lambda: not self.children, what="the end of all visitors' programs")


@contextlib.contextmanager
def hosting(*arguments: str | Path, home: Path | None = None) -> Iterator[Host]:
    """The server, on a free port. It must live to the end, and not stumble."""
    command = [sys.executable, "-m", "wirespeak", "telnet", "serve", "--bind", "127.0.0.1:0", "--json", *arguments]
    environment = {"PYTHONPATH": str(ROOT / "src"), "SERVERS_OWN_SECRET": "s3cret"}
    program = Program(command, env=environment | ({"HOME": str(home)} if home else {}), cwd=ROOT)
    try:
        yield Host(program)
        assert program.process.poll() is None, f"the server ended:\n{program.output}"
        assert "Traceback" not in program.output, program.output
    finally:
        program.end()


def witness(mode: str, note: Path | None = None) -> list[str]:
    """Arguments with which each visitor is given the witness."""
    words = [sys.executable, "-S", str(Path(__file__).with_name("telnet_witness.py")), mode, *([str(note)] if note else [])]
    return ["--exec", shlex.join(words)]
