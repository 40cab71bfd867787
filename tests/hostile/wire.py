"""A client that is a socket and a pair of hands: it sends what it is told, in the pieces it is told, and reads what comes.

Nothing here knows how our own side parses: answers are read by `reader`. Every wait has a limit (`PATIENCE`), so that a
server which keeps silent fails the test instead of holding it up.
"""

from __future__ import annotations

import select
import socket
import struct
import time
from collections.abc import Callable
from types import TracebackType

from tests.hostile.reader import Answer, Unfinished, read_answer, read_answers

PATIENCE = 30.0
"""Seconds after which a wait is given up: many times what a healthy server takes on a busy machine."""


def until(condition: Callable[[], object], *, within: float = PATIENCE, what: str = "the condition") -> None:
    """Wait until ``condition()`` is true; AssertionError after ``within`` seconds."""
    limit = time.monotonic() + within
    while not condition():
        assert time.monotonic() < limit, f"{what} did not come about within {within} s"
        time.sleep(0.005)


class Wire:
    """One connection to a server under test.

    ``receive_buffer`` bounds what the kernel takes in for us (a slow reader's is small).
    """

    def __init__(self, address: tuple[str, int], *, receive_buffer: int | None = None) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(address)
        self.received = bytearray()
        self.ended = False

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    # --- sending

    def send(self, *pieces: bytes) -> None:
        """Send each piece in a write of its own."""
        for piece in pieces:
            self.socket.sendall(piece)

    def try_send(self, data: bytes) -> bool:
        """Send ``data``; False where the other side has cut us off."""
        try:
            self.socket.sendall(data)
        except ConnectionError:
            return False
        return True

    def fill(self, piece: bytes, most: int, *, patience: float = 1.0) -> int:
        """Send ``piece`` over and over, until the other side takes none of it for ``patience`` seconds, or ``most`` bytes are gone.

        How many bytes went.
        """
        self.socket.settimeout(patience)
        sent = 0
        try:
            while sent < most:
                sent += self.socket.send(piece[sent % len(piece) :][: most - sent])
        except TimeoutError:
            pass
        self.socket.settimeout(PATIENCE)
        return sent

    def finish(self) -> None:
        """Half-close: we have said everything, and still listen."""
        self.socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self.socket.close()

    def reset(self) -> None:
        """End the connection with RST instead of FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    # --- reading

    def more(self) -> bool:
        """Wait for bytes; False once the other side has finished. ConnectionResetError when it cut the connection off."""
        data = self.socket.recv(65536)
        self.received += data
        self.ended = not data
        return not self.ended

    def answer(self, method: str = "GET", *, minor: int = 1) -> Answer:
        """The next final answer, with the interim ones before it."""
        while True:
            try:
                answer, end = read_answer(bytes(self.received), method=method, minor=minor, ended=self.ended)
            except Unfinished:
                assert not self.ended, f"the connection ended inside an answer: {bytes(self.received)[:400]!r}"
                self.more()
            else:
                del self.received[:end]
                return answer

    @property
    def has_come(self) -> bool:
        """Whether there is something to read, or the end, without waiting for it."""
        return bool(select.select([self.socket], [], [], 0)[0])

    def interim(self) -> bytes:
        """The head of the next answer as it came, taken away: for looking at a 1xx before the final answer is there."""
        while (end := self.received.find(b"\r\n\r\n")) < 0:
            assert self.more(), "the connection ended before an answer"
        head = bytes(self.received[: end + 4])
        del self.received[: end + 4]
        return head

    def exactly(self, count: int) -> bytes:
        """The next ``count`` bytes, whatever they are."""
        while len(self.received) < count:
            assert self.more(), f"the connection ended after {len(self.received)} of {count} bytes"
        data = bytes(self.received[:count])
        del self.received[:count]
        return data

    def rest(self) -> bytes:
        """Everything up to the end of the connection, which has to be a proper one (FIN)."""
        while self.more():
            pass
        data = bytes(self.received)
        self.received.clear()
        return data

    def answers(self, *methods: str, minor: int = 1) -> list[Answer]:
        """Every answer up to the end of the connection, each complete."""
        return read_answers(self.rest(), methods, minor=minor)

    def ends(self) -> str:
        """Wait for the end of the connection: "finished" (FIN) or "cut off" (RST). The last of what came stays in `received`."""
        try:
            while self.more():
                del self.received[:-65536]
        except ConnectionError:
            return "cut off"
        return "finished"

    def get(self, target: str = "/", *fields: str) -> Answer:
        """Ask a plain question, as a well-behaved client does, and read the answer."""
        lines = "".join(f"{line}\r\n" for line in fields)
        self.send(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n".encode())
        return self.answer()
