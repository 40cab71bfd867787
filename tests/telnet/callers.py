"""Somebody who calls a Telnet server: joined to it in memory, under a clock that is only simulated."""

from __future__ import annotations

import re
from typing import Any

from tests.telnet.dialog import sb, wire
from wirespeak.contract import Service
from wirespeak.errors import ConnectionLost, TimeoutError
from wirespeak.sockets.blocking import run
from wirespeak.sockets.memory import MemoryNetwork

COMMANDS = re.compile(rb"\xff(?:\xfa(?:[^\xff]|\xff\xff)*\xff\xf0|[\xfb-\xfe].|[\xf1-\xf9])", re.DOTALL)

TERMINAL = wire(
    "DO ECHO", "DO SUPPRESS-GO-AHEAD", "WILL SUPPRESS-GO-AHEAD", "WILL TTYPE", "WILL NAWS", "WONT NEW-ENVIRON", "SB NAWS 0 80 0 24"
)
"""What an ordinary terminal answers; but for its name."""


def named(name: str) -> bytes:
    """A terminal's name, told as the only one it has: twice."""
    return sb("TTYPE", 0, name.encode()) * 2


class Caller:
    """A connection to ``service``; ``piece`` is the number of bytes that arrive at a time."""

    def __init__(self, service: Service | None = None, *, network: MemoryNetwork | None = None, piece: int | None = None) -> None:
        self.network = network or MemoryNetwork({("server", 23): service}, piece=piece) if service else network or MemoryNetwork()
        self.stream: Any = run(self.network.connect("server", 23))
        self.raw = b""
        self.ended = False
        self.lost = False
        self._seen = 0
        self.listen()

    def listen(self) -> None:
        """Take what has been said up to now."""
        while not self.ended:
            try:
                data = run(self.stream.exchange((), self.network.now()))
            except TimeoutError:
                return
            except ConnectionLost:
                self.ended = self.lost = True
                return
            if data is None:
                self.ended = True
            else:
                self.raw += data

    def say(self, *parts: bytes | str) -> str:
        """Send bytes, or text, and give what is shown upon that."""
        for part in parts:
            try:
                data = run(self.stream.exchange([part if isinstance(part, bytes) else part.encode()], self.network.now()))
            except ConnectionLost:
                self.ended = self.lost = True
                break
            self.raw += data or b""
        self.listen()
        return self.news()

    def wait(self, seconds: float) -> str:
        """Let time pass."""
        run(self.network.sleep(seconds))
        self.listen()
        return self.news()

    def news(self) -> str:
        """What was shown since this was last asked: without the commands."""
        before, self._seen = self._seen, len(self.raw)
        return COMMANDS.sub(b"", self.raw[before:]).replace(b"\xff\xff", b"\xff").decode()

    @property
    def text(self) -> str:
        """All that was shown."""
        return COMMANDS.sub(b"", self.raw).decode()

    def hang_up(self) -> None:
        run(self.stream.close())


def at_a_terminal(service: Service, *, name: str = "xterm", piece: int | None = None) -> Caller:
    """Somebody at an ordinary terminal, to whom the host has said its first words."""
    caller = Caller(service, piece=piece)
    caller.say(TERMINAL, named(name))
    return caller
