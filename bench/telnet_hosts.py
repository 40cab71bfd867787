"""The same Telnet host, written once with our library and once with telnetlib3: it sends a file, or takes one.

    python -m bench.telnet_hosts wirespeak|telnetlib3 PORT

Speaks with bench/telnet_load.py as bench/telnet_program.sh does, but there is neither a program nor a terminal: what is left is what the
library does. What comes is compared with what was sent, byte for byte. Listens on loopback.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from typing import Any

from bench.telnet_load import PROMPT, pattern

__all__: list[str] = []

HOST = "127.0.0.1"
PIECE = 1 << 16  # written at a time, as one who sends a file would
WHOLE = pattern()
PIECES = [WHOLE[at : at + PIECE] for at in range(0, len(WHOLE), PIECE)]


class Taken:
    """The file as it comes, and the line behind it: `line` once that is whole."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.count = 0
        self.line: bytes | None = None
        self._expected = WHOLE * 2
        self._behind = b""

    def take(self, data: bytes) -> None:
        file = data[: self.size - self.count]
        place = self.count % len(WHOLE)
        if self._expected[place : place + len(file)] != file:
            raise ValueError(f"behind {self.count} bytes came what was not sent")
        self.count += len(file)
        if len(file) < len(data):
            self._behind += data[len(file) :]
            if b"\n" in self._behind:
                self.line = self._behind.strip()


def told(line: str) -> tuple[str, int]:
    """What a line asks for: ``out`` and how often the file is sent, or ``in`` and how many bytes will come."""
    word, _, number = line.partition(" ")
    return word, int(number or 0)


async def send(count: int, write: Callable[[bytes], Awaitable[None]]) -> None:
    await write(b"go\n")
    for _ in range(count):
        for piece in PIECES:
            await write(piece)


def serve_wirespeak(port: int) -> None:
    from wirespeak.telnet import Visitor, serve

    class Taking(Taken):
        """What takes a visitor's bytes in the place of the line editing."""

        def __init__(self, visitor: Visitor, size: int) -> None:
            super().__init__(size)
            self.visitor = visitor
            self.over = visitor.link.future()

        def data(self, data: bytes) -> None:
            self.take(data)
            self.visitor.session.consumed(len(data))
            if self.line is not None:
                self.ended()

        def ended(self) -> None:
            if not self.over.done():
                self.over.set_result(None)

        def command(self, code: int) -> None: ...
        def changed(self) -> None: ...

    async def host(visitor: Visitor) -> None:
        word, number = told(await visitor.ask(f"{PROMPT.decode()}\n") or "quit")
        if word == "out":
            await send(number, visitor.write)
            await visitor.ask()  # until the visitor has all of it, and goes
        elif word == "in":
            await visitor.write(b"go\n")
            visitor.attach(taking := Taking(visitor, number))
            await taking.over
            await visitor.write(b"read %b\n" % (taking.line or b""))

    serve(host, f"{HOST}:{port}")


def serve_telnetlib3(port: int) -> None:
    import asyncio

    import telnetlib3  # in .peers/ alone

    async def shell(reader: Any, writer: Any) -> None:
        async def write(data: bytes) -> None:
            writer.write(data)
            await writer.drain()

        await write(PROMPT + b"\n")
        line = b""
        while not line.endswith(b"\r") and (data := await reader.read(1)):
            line += data
        word, number = told(line.decode().strip() or "quit")
        if word == "out":
            await send(number, write)
            await reader.read(1)
        elif word == "in":
            await write(b"go\n")
            taken = Taken(number)
            while taken.line is None and (data := await reader.read(PIECE)):
                taken.take(data)
            await write(b"read %b\n" % (taken.line or b""))
        writer.close()

    async def run() -> None:
        server = await telnetlib3.create_server(HOST, port, shell=shell, encoding=False)
        await server.wait_closed()

    asyncio.run(run())


if __name__ == "__main__":
    {"wirespeak": serve_wirespeak, "telnetlib3": serve_telnetlib3}[sys.argv[1]](int(sys.argv[2]))
