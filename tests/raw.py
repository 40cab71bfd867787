"""A server that is a socket and a function: for tests of our clients against peers that do anything at all.

    with accepting(lambda sock: sock.sendall(b"HTTP/1.1 200 OK…")) as port: …

Each connection is given to the function in a thread of its own and closed when that returns; what it raises fails the
test, but for the connection errors that a client may cause by leaving.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Sequence

__all__ = ["accepting", "cut_off", "read_request"]

PATIENCE = 20.0

Talk = Callable[[socket.socket], object]


@contextlib.contextmanager
def accepting(talk: Talk | Sequence[Talk], *, listening: socket.socket | None = None) -> Iterator[int]:
    """Serve until the end of the ``with`` block; the port. Of a list, each connection gets the next."""
    server = listening or socket.create_server(("127.0.0.1", 0))
    server.settimeout(PATIENCE)
    failures: list[BaseException] = []
    threads: list[threading.Thread] = []
    open_ones: set[socket.socket] = set()
    ending = threading.Event()

    def serve_one(sock: socket.socket, number: int) -> None:
        try:
            with sock:
                open_ones.add(sock)
                sock.settimeout(PATIENCE)
                (talk if callable(talk) else talk[number])(sock)
        except OSError as error:
            if not isinstance(error, (ConnectionError, ssl.SSLError)) and not ending.is_set():
                failures.append(error)
        except BaseException as error:
            failures.append(error)
        finally:
            open_ones.discard(sock)

    def accept() -> None:
        number = 0
        with contextlib.suppress(OSError):
            while True:
                sock, _ = server.accept()
                threads.append(threading.Thread(target=serve_one, args=(sock, number), daemon=True))
                threads[-1].start()
                number += 1

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield server.getsockname()[1] if server.family != socket.AF_UNIX else 0
    finally:
        ending.set()
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
        server.close()
        acceptor.join(PATIENCE)
        for sock in list(open_ones):  # whatever still waits for a client that has gone
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(PATIENCE)
    assert not failures, failures


def read_request(sock: socket.socket) -> bytes:
    """A request: its head, and as much body as its Content-Length says. Empty where the client has ended."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = sock.recv(65536)
        if not piece:
            return b""
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    missing = int(lengths[0]) - len(body) if lengths else 0
    while missing > 0:
        piece = sock.recv(min(missing, 65536))
        if not piece:
            return b""
        data += piece
        missing -= len(piece)
    return data


def cut_off(sock: socket.socket) -> None:
    """End the connection with RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()
