"""A dialog with a mail server, written as RFC 5321 appendix D writes its own, and held in memory or over a real socket.

    talk(server, '''
        S: 220 mx.home.test ESMTP wirespeak
        C: EHLO mail.away.test
        S: 250-mx.home.test greets mail.away.test
        S: 250-…
        C: QUIT
        S: 221…
        S FIN
    ''')

``C:`` is a line that the client says; several after each other it says at once. ``S:`` is a line that the server must say, no less and,
in memory, no more; ``…`` in it stands for anything within the line, and on a line of its own for all lines but the last of a reply.
``C FIN`` and ``S FIN`` are the ends.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from textwrap import dedent
from typing import Any

from tests.sockets.serving import served
from wirespeak.contract import Service
from wirespeak.errors import StorageError, TimeoutError
from wirespeak.smtp.hooks import Hooks
from wirespeak.smtp.messages import Reply
from wirespeak.smtp.recipients import Directory
from wirespeak.smtp.server import SmtpServer
from wirespeak.smtp.transaction import Outcome, Route, Spool, Transaction
from wirespeak.sockets.blocking import run
from wirespeak.sockets.memory import MemoryNetwork, MemoryStream

__all__ = ["ENVELOPE", "HELLO", "Box", "Kept", "Talk", "Wire", "mail", "server_for", "talk"]

HELLO = """
    S: 220 mx.home.test ESMTP wirespeak
    C: EHLO mail.away.test
    S: 250-mx.home.test greets mail.away.test
    …
    S: 250 …
"""
ENVELOPE = """
    C: MAIL FROM:<ann@away.test>
    S: 250 2.1.0 Ok
    C: RCPT TO:<bob@home.test>
    S: 250 2.1.5 Ok
    C: DATA
    S: 354 …
"""


def mail(*lines: str, answer: str = "250 2.0.0 Taken as …") -> str:
    """The script of a mail to bob, and what is answered to it."""
    return ENVELOPE + "".join([f"\n    C: {line}" for line in lines]) + f"\n    C: .\n    S: {answer}"


# --- where the tests' mail goes


@dataclass
class Kept:
    """A mail that was delivered."""

    transaction: Transaction
    targets: list[str]
    data: bytes


@dataclass
class Box:
    """A delivery that keeps mails in memory, and fails where it is told to; a plain function, or a coroutine that ``waits``."""

    waits: Callable[[], Awaitable[Any]] | None = None
    slow: Callable[[], Awaitable[Any]] | None = None
    """Awaited at each piece that is written."""
    full: str = ""
    """The step that fails for want of room: open, write, wait (for what was written) or deliver."""
    fault: Exception = field(default_factory=lambda: StorageError("the disk is full"))
    replies: Sequence[Reply] = ()
    """What becomes of each route; all is well where there is none."""
    mails: list[Kept] = field(default_factory=list)
    opened: int = 0
    abandoned: int = 0

    def open(self, transaction: Transaction, routes: Sequence[Route]) -> Spool:
        self.fail("open")
        self.opened += 1
        return _InMemory(self)

    def deliver(self, transaction: Transaction, spool: Spool, routes: Sequence[Route]) -> Sequence[Outcome] | Awaitable[Sequence[Outcome]]:
        return self.put(transaction, spool, routes) if self.waits is None else self.put_later(transaction, spool, routes)

    async def put_later(self, transaction: Transaction, spool: Spool, routes: Sequence[Route]) -> Sequence[Outcome]:
        assert self.waits is not None
        await self.waits()
        return self.put(transaction, spool, routes)

    def put(self, transaction: Transaction, spool: Spool, routes: Sequence[Route]) -> Sequence[Outcome]:
        self.fail("deliver")
        self.mails.append(Kept(transaction, [route.target for route in routes], b"".join(spool.pieces())))
        replies = self.replies or [Reply(250, "Ok", "2.0.0")] * len(routes)
        return [Outcome(route.recipient, reply) for route, reply in zip(routes, replies, strict=True)]

    def fail(self, step: str) -> None:
        if step == self.full:
            raise self.fault

    @property
    def texts(self) -> list[str]:
        """The mails as they were kept."""
        return [kept.data.decode() for kept in self.mails]


class _InMemory:
    """A spool of a `Box`."""

    def __init__(self, box: Box) -> None:
        self._box = box
        self._pieces: list[bytes] = []
        self._gone = False

    def write(self, data: bytes) -> Awaitable[None] | None:
        assert not self._gone, "what is abandoned is not written to"
        self._box.fail("write")
        self._pieces.append(data)
        return None if self._box.slow is None else self._later(self._box.slow)

    async def _later(self, slow: Callable[[], Awaitable[Any]]) -> None:
        await slow()
        self._box.fail("wait")

    def pieces(self) -> Iterator[bytes]:
        return iter(self._pieces)

    def abandon(self) -> None:
        if not self._gone:
            self._gone = True
            self._box.abandoned += 1


def server_for(box: Any, *, users: Sequence[str] | None = ("ann", "bob", "eve"), hooks: Hooks | None = None, **options: Any) -> SmtpServer:
    """A server for ann, bob and eve at home.test, whose mail goes into ``box``."""
    aliases = {"all": ["ann", "bob"]} if users else {}
    return SmtpServer(Directory(["home.test"], box, users=users, aliases=aliases), hostname="mx.home.test", hooks=hooks, **options)


# --- the dialog


class Talk:
    """A client in memory; ``piece`` bytes arrive at a time."""

    def __init__(self, server: Service, piece: int | None = None) -> None:
        self.network = MemoryNetwork({("mx", 25): server}, piece=piece)
        self.stream: MemoryStream = run(self.network.connect("mx", 25))
        self._heard = b""

    def say(self, data: bytes) -> None:
        run(self.stream.exchange([data], self.network.now(), read=False))

    def line(self) -> str:
        """The next line of the server's."""
        while b"\r\n" not in self._heard:
            heard = run(self.stream.exchange((), self.network.now() + 5))
            assert heard is not None, f"the server ended the connection; it had said {self._heard!r}"
            self._heard += heard
        line, self._heard = self._heard.split(b"\r\n", 1)
        return line.decode()

    def is_silent(self) -> bool:
        try:
            more = run(self.stream.exchange((), self.network.now()))
        except TimeoutError:
            more = b""
        return not self._heard and not more

    def is_over(self) -> bool:
        return run(self.stream.exchange((), self.network.now() + 5)) is None and not self._heard

    def end(self) -> None:
        run(self.stream.close())


class Wire:
    """A client over a real socket."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._heard = b""

    def say(self, data: bytes) -> None:
        self.sock.sendall(data)

    def line(self) -> str:
        while b"\r\n" not in self._heard:
            heard = self.sock.recv(65536)
            assert heard, f"the server ended the connection; it had said {self._heard!r}"
            self._heard += heard
        line, self._heard = self._heard.split(b"\r\n", 1)
        return line.decode()

    def is_silent(self) -> bool:
        return True  # nobody can tell how long to wait

    def is_over(self) -> bool:
        return not self._heard and self.sock.recv(1) == b""

    def end(self) -> None:
        self.sock.close()


def talk(server: Any, script: str, *, piece: int | None = None) -> None:
    """Hold the dialog in ``script`` with ``server``: in memory with an `SmtpServer`, or with a client that is connected already."""
    client = Talk(server, piece) if isinstance(server, SmtpServer) else server
    lines = [line.strip() for line in dedent(script).strip().splitlines() if line.strip()]
    said: list[str] = []
    for number, line in enumerate(lines):
        if line.startswith("C:"):
            assert said or client.is_silent(), f"the server says more than the script before {line!r}"
            said.append(line[3:] + "\r\n")
            if number + 1 == len(lines) or not lines[number + 1].startswith("C:"):
                client.say("".join(said).encode())
                said = []
        elif line == "…":
            continue
        elif line == "C FIN":
            client.end()
        elif line == "S FIN":
            assert client.is_over()
        else:
            expected = re.compile(re.escape(line[3:]).replace("…", ".*"))
            heard = client.line()
            while lines[number - 1] == "…" and heard[3:4] == "-":
                heard = client.line()
            assert expected.fullmatch(heard), f"expected {line[3:]!r}, heard {heard!r}"
    if "FIN" not in lines[-1]:
        assert client.is_silent(), "the server says more than the script"


def over_a_socket(server: SmtpServer, script: str) -> None:
    """The same over a real socket."""
    with served(server) as listening, listening.connect() as sock:
        talk(Wire(sock), script)
