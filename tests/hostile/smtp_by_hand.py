"""An SMTP server that is a pair of hands, saying what it is told and noting what it hears; and a client of ours, of either kind."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

from tests.raw import accepting
from wirespeak.smtp.client import BlockingClient, Client, Timeouts

MAIL = b"Subject: a\r\n\r\nb\r\n"
QUICK = Timeouts(**dict.fromkeys(Timeouts.__dataclass_fields__, 1.0))


class Talk:
    """A server by hand: it says what it is told, and notes every line that it hears."""

    def __init__(self, sock: socket.socket, heard: list[bytes]) -> None:
        self.sock = sock
        self.heard = heard
        self.buffer = b""

    def says(self, *lines: str | bytes) -> None:
        self.sock.sendall(b"".join((line if isinstance(line, bytes) else line.encode()) + b"\r\n" for line in lines))

    def hears(self) -> bytes:
        """The next line; b"" at the end of the connection."""
        while b"\r\n" not in self.buffer:
            piece = self.sock.recv(65536)
            if not piece:
                self.heard += [self.buffer] if self.buffer else []
                return b""
            self.buffer += piece
        line, _, self.buffer = self.buffer.partition(b"\r\n")
        self.heard.append(line)
        return line

    def greets(self, *extensions: str, tls: bool = False) -> None:
        """The beginning of an ordinary conversation."""
        self.says("220 mail.test")
        self.answers_ehlo(*extensions)

    def answers_ehlo(self, *extensions: str) -> None:
        assert self.hears().startswith(b"EHLO ")
        said = ["mail.test", *extensions]
        self.says(*[f"250{'-' if number < len(said) else ' '}{line}" for number, line in enumerate(said, 1)])

    def to_the_end(self) -> None:
        while self.hears():
            pass


def by_hand(talk: Callable[[Talk], Any], heard: list[bytes]) -> Callable[[socket.socket], None]:
    """For `accepting`: ``talk`` on each connection, whose TLS is closed with it."""

    def serve(sock: socket.socket) -> None:
        server = Talk(sock, heard)
        try:
            talk(server)
        finally:
            server.sock.close()

    return serve


class Case:
    """A client, of one kind or the other, and a server by hand."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.heard: list[bytes] = []

    def __call__(self, talk: Callable[[Talk], Any], *, mails: int = 1, mail: Any = MAIL, to: Any = ("bob@home.test",), **given: Any) -> Any:
        """Connect, send ``mails``; the last report, or what was raised."""
        settings = {"tls": "none", "hello": "me.test", "timeouts": QUICK, **given}
        send = self._blocking if self.kind == "blocking" else self._async
        with accepting(by_hand(talk, self.heard)) as port:
            return send(port, mails, mail, to, settings)

    @staticmethod
    def _blocking(port: int, mails: int, mail: Any, to: Any, settings: Any) -> Any:
        with BlockingClient.connect(f"localhost:{port}", **settings) as client:
            for _ in range(mails):
                report = client.send(mail, "ann@home.test", to)
        return report

    @staticmethod
    def _async(port: int, mails: int, mail: Any, to: Any, settings: Any) -> Any:
        async def run() -> Any:
            async with await Client.connect(f"localhost:{port}", **settings) as client:
                for _ in range(mails):
                    report = await client.send(mail, "ann@home.test", to)
            return report

        return asyncio.run(run())

    @property
    def verbs(self) -> list[bytes]:
        """What was said, the verbs alone."""
        return [line.split(b" ")[0] for line in self.heard]
