"""`telnetlib` under any Python from 3.11 on, without pytest: ``PYTHONPATH=src python3.13 tests/telnet/telnetlib_check.py``.

Real dialogs over loopback, with the standard library alone. Ends with the Python's version on standard output, or with the
assertion that failed.
"""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from wirespeak.telnet import telnetlib
from wirespeak.telnet.telnetlib import DO, ECHO, IAC, NAWS, NOOPT, SB, SE, TTYPE, WILL, WONT, Telnet

PATIENCE = 20.0
"""Seconds after which a dialog that hangs is given up."""


@contextmanager
def server(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """Serve one connection with ``talk``; gives the port. What fails in there fails here."""
    failures: list[BaseException] = []

    def serve() -> None:
        try:
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(PATIENCE)
                talk(connection)
        except BaseException as failure:
            failures.append(failure)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(PATIENCE)
    assert not thread.is_alive(), "the server still waits"
    assert not failures, failures


def exactly(connection: socket.socket, expected: bytes) -> None:
    """Hear ``expected``, and nothing else."""
    heard = b""
    while len(heard) < len(expected) and (piece := connection.recv(len(expected) - len(heard))):
        heard += piece
    assert heard == expected, (heard, expected)


def raised(kind: type[Exception], call: Callable[[], object]) -> str:
    """What the error says that ``call`` must raise."""
    try:
        call()
    except kind as error:
        return str(error)
    raise AssertionError(f"no {kind.__name__}")


def a_login() -> None:
    """Options are refused, prompts awaited, IACs doubled both ways, and the end is an end."""

    def talk(connection: socket.socket) -> None:
        connection.sendall(IAC + DO + NAWS + IAC + WILL + ECHO + b"login: ")
        exactly(connection, IAC + WONT + NAWS + IAC + telnetlib.DONT + ECHO + b"guido\r\n")
        connection.sendall(b"password: ")
        exactly(connection, b"\xff\xff\r\n")
        connection.sendall(b"byte 255: \xff\xff\r\n$ ")
        exactly(connection, b"exit\r\n")

    with server(talk) as port, Telnet("127.0.0.1", port, PATIENCE) as telnet:
        assert telnet.read_until(b"login: ", PATIENCE) == b"login: "
        telnet.write(b"guido\r\n")
        assert telnet.expect([b"no such", rb"pass\w+: "], PATIENCE)[::2] == (1, b"password: ")
        telnet.write(b"\xff\r\n")
        assert telnet.read_until(b"$ ") == b"byte 255: \xff\r\n$ "
        telnet.write(b"exit\r\n")
        assert telnet.read_all() == b""
        assert telnet.read_some() == b""
        assert raised(EOFError, telnet.read_eager) == "telnet connection closed"
    assert telnet.get_socket() is None


def a_time_limit() -> None:
    """What came is given out when the time is over; a socket's own limit is told as an error."""
    heard = threading.Event()

    def talk(connection: socket.socket) -> None:
        connection.sendall(b"slow")
        assert heard.wait(PATIENCE)

    with server(talk) as port, Telnet("127.0.0.1", port, timeout=0.05) as telnet:
        assert telnet.read_some() == b"slow"
        assert telnet.read_until(b"never", 0.02) == b""
        assert telnet.expect([b"never"], 0.02) == (-1, None, b"")
        assert telnet.read_very_eager() == b""
        assert not telnet.sock_avail()
        assert raised(TimeoutError, telnet.read_some)
        heard.set()


def a_callback() -> None:
    """A callback takes charge: nothing is refused, and a subnegotiation's data is there at its end."""
    heard: list[tuple[Any, ...]] = []

    def note(sock: Any, command: bytes, option: bytes) -> None:
        assert sock is telnet.sock
        heard.append((command, option) + ((telnet.read_sb_data(),) if command == SE else ()))

    def talk(connection: socket.socket) -> None:
        connection.sendall(IAC + DO + TTYPE + IAC + SB + TTYPE + b"\x01" + IAC + SE + b"done")
        connection.shutdown(socket.SHUT_WR)
        exactly(connection, b"")

    with server(talk) as port, Telnet() as telnet:
        telnet.set_option_negotiation_callback(note)
        telnet.open("127.0.0.1", port)
        assert telnet.read_all() == b"done"
    assert heard == [(DO, TTYPE), (SB, NOOPT), (SE, NOOPT, TTYPE + b"\x01")]


def audited() -> None:
    """Connecting and writing are told to audit hooks, under the old module's names."""
    told: list[tuple[str, Any]] = []
    sys.addaudithook(lambda event, args: told.append((event, args)) if event.startswith("telnetlib.") else None)

    with server(lambda connection: exactly(connection, b"a\xff\xff")) as port, Telnet("127.0.0.1", port) as telnet:
        telnet.write(b"a\xff")
    assert told == [("telnetlib.Telnet.open", (telnet, "127.0.0.1", port)), ("telnetlib.Telnet.write", (telnet, b"a\xff\xff"))]


def main() -> None:
    for dialog in (a_login, a_time_limit, a_callback, audited):
        dialog()
    assert not [name for name in ("asyncio", "ssl", "wirespeak.sockets") if name in sys.modules], "more was imported than telnetlib needs"
    print("telnetlib holds under Python {}.{}".format(*sys.version_info))


if __name__ == "__main__":
    main()
