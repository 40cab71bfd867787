"""A load for mail: small mails that are sent while large ones come in, and how long each small one takes.

Run as ``python -m bench.crossing PORT SMALL LARGE_SIZE RECIPIENT``; connects to loopback and prints what it did as JSON. One connection
sends mails of ``LARGE_SIZE`` bytes, one after the other; another sends ``SMALL`` mails meanwhile. Both wait for the answer to each
mail. The time of a small one is from its MAIL to that answer.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
import time

LINE = b"%s\r\n" % (b"x" * 70)
SMALL = LINE * 50
PIECE = LINE * 900  # some 64 KB
LIMIT = 120.0  # seconds, then the server is held to have failed


class Mailing:
    """A connection on which mails are sent."""

    def __init__(self, port: int, recipient: str) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), LIMIT)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else a mail's last words wait for an acknowledgement
        self.replies = self.sock.makefile("rb")
        self.recipient = recipient.encode()
        self.expect(b"220")
        self.sock.sendall(b"EHLO away.test\r\n")
        self.expect(b"250")

    def expect(self, *codes: bytes) -> None:
        for code in codes:
            line = self.replies.readline()
            while line[3:4] == b"-":
                line = self.replies.readline()
            if line[:3] != code:
                raise SystemExit(f"the server said {line!r}, and not {code!r}")

    def send(self, piece: bytes, count: int) -> None:
        """Send a mail of ``count`` times ``piece``."""
        self.sock.sendall(b"MAIL FROM:<ann@away.test>\r\nRCPT TO:<%s>\r\nDATA\r\n" % self.recipient)
        self.expect(b"250", b"250", b"354")
        self.sock.sendall(b"Subject: crossing\r\n\r\n")
        for _ in range(count):
            self.sock.sendall(piece)
        self.sock.sendall(b".\r\n")
        self.expect(b"250")


def main(port: int, small: int, large_size: int, recipient: str) -> None:
    first_begun, enough = threading.Event(), threading.Event()
    sent = []

    def send_large() -> None:
        large = Mailing(port, recipient)
        while not enough.is_set():
            first_begun.set()
            large.send(PIECE, large_size // len(PIECE))
            sent.append(1)

    sender = threading.Thread(target=send_large, daemon=True)
    mailing = Mailing(port, recipient)
    start = time.monotonic()
    sender.start()
    first_begun.wait(LIMIT)
    times = []
    for _ in range(small):
        begun = time.monotonic()
        mailing.send(SMALL, 1)
        times.append(time.monotonic() - begun)
    enough.set()
    sender.join(LIMIT)
    if sender.is_alive() or not sent:
        raise SystemExit("the large mail did not come to its end")
    times.sort()
    found = {"small": small, "large": len(sent), "seconds": time.monotonic() - start}
    print(json.dumps(found | {"p50": times[len(times) // 2] * 1e3, "p99": times[len(times) * 99 // 100] * 1e3}))


main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
