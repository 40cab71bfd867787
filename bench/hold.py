"""A load that does nothing: many connections that each had one answer and then stay idle.

Run as ``python -m bench.hold PORT COUNT TLS`` (TLS is 0 or 1). Connects to loopback, prints how many connections are
held once each has its answer, waits until its input ends, and then prints how many of them the server has left open.
"""

from __future__ import annotations

import re
import selectors
import socket
import ssl
import sys
import time
from collections.abc import Generator

from bench.peers import HOST, unverified

AT_ONCE = 100  # handshakes in flight: enough to keep both sides busy, and far below any backlog
SOURCES = 100  # loopback addresses they come from, so that neither ports nor a limit per client stand in the way
LIMIT = 120.0  # seconds for all of them to be opened

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
REQUEST = b"GET /small.html HTTP/1.1\r\nHost: localhost\r\n\r\n"

Opening = Generator[tuple[socket.socket, int], None, socket.socket]
"""One connection being opened: yields the socket as it now is and the event it waits for, and returns it idle."""


def opening(port: int, number: int, context: ssl.SSLContext | None) -> Opening:
    connection = socket.socket()
    connection.setblocking(False)
    # The port is then chosen at connect, where only the pair of addresses must be unique (ip(7)).
    connection.setsockopt(socket.IPPROTO_IP, getattr(socket, "IP_BIND_ADDRESS_NO_PORT", 24), 1)
    connection.bind((f"127.0.0.{2 + number % SOURCES}", 0))
    connection.connect_ex((HOST, port))
    yield connection, WRITE
    if context:
        secure = context.wrap_socket(connection, server_hostname="localhost", do_handshake_on_connect=False)
        connection = secure
        while True:
            try:
                secure.do_handshake()
                break
            except ssl.SSLWantReadError:
                yield secure, READ
    connection.sendall(REQUEST)
    answer = b""
    while not complete(answer):
        yield connection, READ
        try:
            data = connection.recv(65536)
        except (BlockingIOError, ssl.SSLWantReadError):
            continue
        if not data:
            raise ConnectionError("closed before the answer was whole")
        answer += data
    return connection


def complete(answer: bytes) -> bool:
    head, end, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    return bool(end) and length is not None and len(body) >= int(length[1])


def open_all(port: int, count: int, context: ssl.SSLContext | None) -> list[socket.socket]:
    """Open ``count`` connections, `AT_ONCE` at a time. Those that fail are left out."""
    selector = selectors.DefaultSelector()
    held: list[socket.socket] = []
    numbers = iter(range(count))
    limit = time.monotonic() + LIMIT

    while time.monotonic() < limit:
        while len(selector.get_map()) < AT_ONCE and (number := next(numbers, None)) is not None:
            steps = opening(port, number, context)
            connection, event = next(steps)
            selector.register(connection, event, steps)
        if not selector.get_map():
            break
        for key, _ in selector.select(1):
            # Registered anew at each step, for in the middle TLS puts another object in the place of the socket.
            selector.unregister(key.fileobj)
            try:
                connection, event = next(key.data)
                selector.register(connection, event, key.data)
            except StopIteration as ended:
                held.append(ended.value)
            except OSError as error:
                print(error, file=sys.stderr)
    return held


def is_open(connection: socket.socket) -> bool:
    try:
        return bool(connection.recv(65536))
    except (BlockingIOError, ssl.SSLWantReadError):
        return True
    except OSError:
        return False


def main(port: int, count: int, tls: int) -> None:
    held = open_all(port, count, unverified() if tls else None)
    print(len(held), flush=True)
    sys.stdin.read()
    print(sum(map(is_open, held)), flush=True)


main(*(int(argument) for argument in sys.argv[1:]))
