"""A server that the tests of our client have in their hand: it welcomes who comes, and says besides what a test has it say.

    net, peer = a_network(offer="multi-prefix sasl=PLAIN")
    irc = BlockingClient.connect("irc.test:6667", "ann", network=net)
    peer.answers["WHOIS bob"] = [":irc.test 311 ann bob …", …]
    peer.says(":bob!b@home.test PRIVMSG ann :hi")
    assert peer.heard[-1] == "PRIVMSG bob :hello"

All of it is in memory, and so is the time. `Line` stands for the session alone, fed and read by hand.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

from wirespeak.contract import ABORT, FINISH, Link, Segment
from wirespeak.irc.client_session import ClientSession, Identity
from wirespeak.sockets.memory import MemoryNetwork

__all__ = ["WELCOME", "Line", "Peer", "a_network"]

WELCOME = [
    ":irc.test 001 {nick} :Welcome, {nick}!ann@home.test",
    ":irc.test 005 {nick} CASEMAPPING=ascii CHANTYPES=# PREFIX=(qov)~@+ CHANMODES=beI,k,l,imnt STATUSMSG=@+ :are supported",
    ":irc.test 422 {nick} :no message of the day",
]


class _Connection:
    """One client's connection: a session and its conversation in one."""

    def __init__(self, peer: Peer, link: Link) -> None:
        self._peer = peer
        self._link = link
        self.session: Any = self
        self.deadline = math.inf
        self.reading = True
        self.closed = False
        self.heard: list[str] = []
        self.nick = "*"
        self.agreed = False  # there is nothing more to negotiate
        self.welcomed = False
        self._kept = b""
        self._out: list[Segment] = []

    def receive(self, data: bytes, now: float) -> Sequence[Any]:
        *lines, self._kept = (self._kept + data).split(b"\r\n")
        for line in lines:
            self.heard.append(line.decode())
            self._peer.hear(self, line.decode())
        return ()

    def receive_eof(self, now: float) -> Sequence[Any]:
        self.closed = True
        return ()

    def says(self, *lines: str | bytes) -> None:
        self._out += [line if isinstance(line, bytes) else line.replace("{nick}", self.nick).encode() + b"\r\n" for line in lines]
        self._link.wake()

    def ends(self, *, cut: bool = False) -> None:
        """FIN, or with ``cut`` RST."""
        self._out.append(ABORT if cut else FINISH)
        self.closed = not cut
        self._link.wake()

    def data_to_send(self) -> Sequence[Segment]:
        out, self._out = self._out, []
        return out

    def send(self, message: Any) -> None: ...
    def tick(self, now: float) -> Sequence[Any]:
        return ()

    def consumed(self, count: int) -> None: ...
    def blocked(self, pending: int, now: float) -> None: ...
    def secured(self, info: Any) -> None: ...
    def finish(self, now: float) -> None: ...
    def handle(self, event: Any) -> None: ...
    def lost(self, error: Exception | None) -> None: ...


class Peer:
    """The server. ``offer``: its capabilities; None where it knows of none. ``answers``: by a pattern of what a client says, the lines."""

    def __init__(self, offer: str | None = "") -> None:
        self.offer = offer
        self.answers: dict[str, list[str] | Callable[[str], list[str]]] = {}
        self.taken: set[str] = set()
        """Nicks that are somebody else's."""
        self.welcome = list(WELCOME)
        self.connections: list[_Connection] = []

    def __call__(self, link: Link) -> _Connection:
        self.connections.append(_Connection(self, link))
        return self.connections[-1]

    @property
    def heard(self) -> list[str]:
        """What the latest client said."""
        return self.connections[-1].heard

    def says(self, *lines: str | bytes) -> None:
        """Say ``lines`` to the latest client; bytes just as they are."""
        self.connections[-1].says(*lines)

    def hear(self, connection: _Connection, line: str) -> None:
        """Answer ``line``: by what the test has told, else as any server does."""
        for pattern, answer in self.answers.items():
            if re.fullmatch(pattern, line):
                connection.says(*(answer(line) if callable(answer) else answer))
                return
        command, _, rest = line.partition(" ")
        known = self._registering(connection, command, rest)
        if known:
            return
        if ping := re.fullmatch(r"(@label=\S+ )?PING (.*)", line):
            connection.says(f"{ping[1] or ''}:irc.test PONG irc.test {ping[2]}")
        elif command == "JOIN":
            for name in rest.split()[0].split(","):
                connection.says(f":{connection.nick}!ann@home.test JOIN {name}")
                connection.says(f":irc.test 353 {{nick}} = {name} :@bob {connection.nick}", f":irc.test 366 {{nick}} {name} :End")
        elif command == "PART":
            connection.says(f":{connection.nick}!ann@home.test PART {rest}")
        elif command == "QUIT":
            connection.says("ERROR :Closing link")
            connection.ends()

    def _registering(self, connection: _Connection, command: str, rest: str) -> bool:
        if command == "CAP" and self.offer is None:
            return True
        if command == "CAP" and rest.startswith("LS"):
            connection.says(f":irc.test CAP * LS :{self.offer}")
        elif command == "CAP" and rest.startswith("REQ "):
            connection.says(f":irc.test CAP * ACK {rest.removeprefix('REQ ')}")
        elif command == "NICK" and rest in self.taken:
            connection.says(f":irc.test 433 * {rest} :Nickname is already in use")
        elif command == "NICK":
            before, connection.nick = connection.nick, rest
            if connection.welcomed:
                connection.says(f":{before}!ann@home.test NICK {rest}")
        elif (command == "USER" and self.offer is None) or (command == "CAP" and rest == "END"):
            connection.agreed = True
        elif command not in ("CAP", "USER", "PASS"):
            return False
        if connection.agreed and connection.nick != "*" and not connection.welcomed:
            connection.welcomed = True
            connection.says(*self.welcome)
        return True


def a_network(offer: str | None = "", *, piece: int | None = None) -> tuple[MemoryNetwork, Peer]:
    """A network with one server on it, at irc.test:6667 and, for TLS, at irc.test:6697."""
    peer = Peer(offer)
    return MemoryNetwork({("irc.test", 6667): peer, ("irc.test", 6697): peer}, piece=piece), peer


class Line:
    """A `ClientSession` in the hand: what it says, and the events of what it is told."""

    def __init__(self, nick: str = "ann", **settings: Any) -> None:
        identity = settings.pop("identity", None) or Identity(nick)
        self.session = ClientSession(identity, **settings)
        self.now = 0.0

    def said(self) -> list[str]:
        """What it has said since this was last asked."""
        data = b"".join(part for part in self.session.data_to_send() if isinstance(part, bytes))
        return data.decode().split("\r\n")[:-1]

    def hears(self, *lines: str) -> list[Any]:
        """The events of ``lines``."""
        events = list(self.session.receive("".join(f"{line}\r\n" for line in lines).encode(), self.now))
        while more := self.session.receive(b"", self.now):
            events += more
        return events

    def registers(self, offer: str = "") -> None:
        """Go through the registration."""
        self.hears(f"CAP * LS :{offer}")
        for line in self.said():
            if line.startswith("CAP REQ "):
                self.hears(f"CAP * ACK {line.removeprefix('CAP REQ ')}")
        self.hears(*(line.replace("{nick}", self.session.nick) for line in WELCOME))
        self.said()

    def passes(self, seconds: float) -> list[Any]:
        """So much time goes by, with a look at the session at each of its deadlines."""
        events: list[Any] = []
        end = self.now + seconds
        while self.session.deadline <= end:
            self.now = max(self.now, self.session.deadline)
            events += self.session.tick(self.now)
            if self.session.waiting:
                return events
        self.now = end
        events += self.session.tick(end)
        return events
