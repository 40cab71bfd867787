"""A load for frames: many short messages poured into a server that sends each of them back.

Run as ``python -m bench.pour PORT MESSAGES CONNECTIONS``; connects to loopback and prints what it did as JSON. The
messages are made before the clock starts and sent in bulk, so that the server, not this program, sets the pace.
What comes back must be what was sent, byte for byte.
"""

from __future__ import annotations

import json
import random
import selectors
import socket
import string
import sys
import time

PATTERN = 10_000  # different messages; each connection sends them over and over
PIECE = 1 << 16  # bytes offered to the kernel, or taken from it, at once
LIMIT = 120.0  # seconds, then the server is held to have failed


def messages(count: int) -> bytes:
    """Messages of 5 to 40 characters, some beyond ASCII, each behind two bytes of length, little-endian."""
    chance = random.Random(count)
    alphabet = string.ascii_letters + string.digits + "      äöüßéñ→"
    texts = ("".join(chance.choices(alphabet, k=chance.randint(5, 40))).encode() for _ in range(count))
    return b"".join(len(text).to_bytes(2, "little") + text for text in texts)


class Pourer:
    """One connection: ``total`` bytes of ``pattern``, repeated, still to be sent and to come back."""

    def __init__(self, port: int, pattern: bytes, repeats: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setblocking(False)
        # The pattern twice over, so that a piece that begins anywhere in it is one slice.
        self.pattern = memoryview(pattern * 2)
        self.period = len(pattern)
        self.total = self.period * repeats
        self.sent = self.received = 0

    def step(self, events: int) -> int:
        """Send and receive what can be; return the events that are waited for next, 0 when all came back."""
        if events & selectors.EVENT_WRITE:
            start = self.sent % self.period
            self.sent += self.socket.send(self.pattern[start : start + min(PIECE, self.total - self.sent)])
        if events & selectors.EVENT_READ:
            data = self.socket.recv(PIECE)
            start = self.received % self.period
            if not data or self.pattern[start : start + len(data)] != data:
                raise SystemExit(f"after {self.received} bytes came {data[:100]!r}, not what was sent")
            self.received += len(data)
        if self.received == self.total:
            return 0
        return selectors.EVENT_READ | (selectors.EVENT_WRITE if self.sent < self.total else 0)


def main(port: int, count: int, connections: int) -> None:
    pattern = messages(PATTERN)
    repeats = -(-count // (PATTERN * connections))
    selector = selectors.DefaultSelector()
    start = time.monotonic()
    for _ in range(connections):
        pourer = Pourer(port, pattern, repeats)
        selector.register(pourer.socket, selectors.EVENT_READ | selectors.EVENT_WRITE, pourer)
    while selector.get_map():
        for key, events in selector.select(1):
            wanted = key.data.step(events)
            if not wanted:
                selector.unregister(key.fileobj)
                key.data.socket.close()
            elif wanted != key.events:
                selector.modify(key.fileobj, wanted, key.data)
        if time.monotonic() - start > LIMIT:
            raise SystemExit("the server is too slow, or does not send everything back")
    print(json.dumps({"messages": PATTERN * repeats * connections, "seconds": time.monotonic() - start}))


main(*(int(argument) for argument in sys.argv[1:]))
