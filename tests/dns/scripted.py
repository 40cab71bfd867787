"""Name servers that are a function: for tests of our client against servers that answer anything at all.

    with serving(lambda query: reply(query, "www.home.test. 300 IN A 127.0.0.1")) as server: …

A `Script` is given each question and what it came over, and says what goes back: a message, bytes as they are, several of them one
after the other, or nothing. On sockets (`serving`) it speaks UDP and TCP on one port; in memory (`Memory`) it is a responder
and a service.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from wirespeak.dns.edns import Edns
from wirespeak.dns.exchange import Server
from wirespeak.dns.messages import AA, QR, RA, TC, Message, Record
from wirespeak.dns.names import Name
from wirespeak.dns.rdata import Rdata
from wirespeak.dns.registry import class_number, type_number

Said = Message | bytes | None | Sequence["Message | bytes"]
Script = Callable[[Message, str], Said]

PATIENCE = 20.0


def record(text: str) -> Record:
    """A record as a zone file has it, all five parts of it."""
    name, ttl, cls, type, data = text.split(None, 4)
    return Record(Name.parse(name), type_number(type), class_number(cls), int(ttl), Rdata.parse(type, data))


def reply(
    query: Message,
    *answers: str,
    authority: Sequence[str] = (),
    additional: Sequence[str] = (),
    rcode: int = 0,
    flags: int = RA,
    edns: Edns | None = None,
) -> Message:
    """The answer to ``query`` with these records."""
    return Message(
        query.id,
        QR | query.flags | flags,
        rcode,
        list(query.questions),
        list(map(record, answers)),
        list(map(record, authority)),
        list(map(record, additional)),
        edns,
    )


def cut_short(query: Message) -> Message:
    """An answer that doesn't fit."""
    return reply(query, flags=RA | TC)


def authoritative(query: Message, *answers: str, **sections: Any) -> Message:
    return reply(query, *answers, flags=AA, **sections)


def pieces(said: Said) -> list[bytes]:
    """What goes back, as bytes."""
    if said is None:
        return []
    if isinstance(said, bytes | Message):
        said = [said]
    return [one if isinstance(one, bytes) else one.encode() for one in said]


@dataclass
class Serving:
    """A server that runs: where, and what it was asked, and over what."""

    host: str
    port: int
    asked: list[tuple[Message, str]] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    ports: list[int] = field(default_factory=list)
    """Those that the questions over UDP came from."""

    @property
    def server(self) -> Server:
        return Server(self.host, self.port)

    @property
    def over(self) -> list[str]:
        return [transport for _, transport in self.asked]


@contextlib.contextmanager
def serving(script: Script, *, host: str = "127.0.0.1", port: int = 0, tcp: bool = True) -> Iterator[Serving]:
    """Answer over UDP, and TCP unless told otherwise, until the end of the ``with`` block."""
    datagrams, listener = _sockets(host, port, tcp)
    running = Serving(host, datagrams.getsockname()[1])
    failures: list[BaseException] = []
    ending = threading.Event()
    threads: list[threading.Thread] = []

    def answer(data: bytes, transport: str) -> list[bytes]:
        query = Message.parse(data)
        running.asked.append((query, transport))
        running.raw.append(data)
        return pieces(script(query, transport))

    def guarded(work: Callable[[], None]) -> None:
        try:
            work()
        except OSError:
            pass  # the client has gone, or the test is over
        except BaseException as error:
            failures.append(error)

    def start(work: Callable[[], None]) -> None:
        threads.append(threading.Thread(target=guarded, args=(work,), daemon=True))
        threads[-1].start()

    def over_udp() -> None:
        while True:
            data, peer = datagrams.recvfrom(65535)
            if ending.is_set():
                return
            running.ports.append(peer[1])
            for one in answer(data, "udp"):
                datagrams.sendto(one, peer)

    def over_tcp() -> None:
        assert listener is not None
        while True:
            sock, _ = listener.accept()
            start(lambda sock=sock: converse(sock))  # type: ignore[misc]

    def converse(sock: socket.socket) -> None:
        with sock:
            sock.settimeout(PATIENCE)
            while size := int.from_bytes(_exactly(sock, 2)):
                for one in answer(_exactly(sock, size), "tcp"):
                    sock.sendall(len(one).to_bytes(2) + one)

    start(over_udp)
    if listener is not None:
        start(over_tcp)
    try:
        yield running
    finally:
        ending.set()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waking:
            waking.sendto(b"", (host, running.port))
        if listener is not None:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        for thread in threads[:2]:
            thread.join(PATIENCE)
        datagrams.close()
    assert not failures, failures


def _sockets(host: str, port: int, tcp: bool) -> tuple[socket.socket, socket.socket | None]:
    """A socket for datagrams, and one that listens on the same port."""
    while True:
        datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        datagrams.bind((host, port))
        if not tcp:
            return datagrams, None
        try:
            return datagrams, socket.create_server((host, datagrams.getsockname()[1]))
        except OSError:
            datagrams.close()  # somebody else has that port for TCP
            if port:
                raise


def _exactly(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = sock.recv(size - len(data))
        if not piece:
            return data if size != 2 else b"\0\0"
        data += piece
    return data
