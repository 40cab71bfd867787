"""A certificate in the place of a password (SASL EXTERNAL), over TLS as it really is."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from tests.irc.talk import CONFIG
from tests.sockets.serving import served
from tests.sockets.test_tls import TODAY, trusting
from tests.sockets.test_tls_clients import certificate
from wirespeak.irc.server import IrcServer
from wirespeak.sockets.authority import Authority
from wirespeak.sockets.tls import server_context

WORD = "mellon-friend"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.open(tmp_path_factory.mktemp("tls") / "authority", TODAY - timedelta(days=1))


class Client:
    """A client over TLS, with its own certificate."""

    def __init__(self, sock: ssl.SSLSocket) -> None:
        self._sock = sock
        self._file = sock.makefile("rb")

    def says(self, *lines: str) -> None:
        self._sock.sendall("".join(f"{line}\r\n" for line in lines).encode())

    def hears(self, sign: str) -> str:
        """The next line that has ``sign`` in it."""
        for line in self._file:
            if sign in line.decode():
                return line.decode()
        raise AssertionError(f"never heard {sign}")


@contextmanager
def connected(port: int, context: ssl.SSLContext) -> Iterator[Client]:
    with socket.create_connection(("127.0.0.1", port), 20) as sock, context.wrap_socket(sock, server_hostname="localhost") as secure:
        yield Client(secure)


def test_a_certificate_is_added_and_lets_its_owner_in(authority: Authority, tmp_path: Path) -> None:
    file, fingerprint = certificate(tmp_path, "ann")
    context = trusting(authority)
    context.load_cert_chain(file)
    with served(IrcServer(CONFIG), tls=server_context(authority, client_authorities=[file])) as server:
        port = server.address[1]
        with connected(port, context) as ann:
            ann.says("CAP LS 302", "CAP REQ sasl", "AUTHENTICATE EXTERNAL")
            assert "EXTERNAL" not in ann.hears(" LS ")
            ann.hears(" 904 ")
            ann.says("CAP END", "NICK ann", "USER ann 0 * :Ann", f"NS REGISTER {WORD}", "NS CERT ADD")
            ann.hears(f"Who has the certificate {fingerprint} logs in by SASL EXTERNAL")
        with connected(port, context) as ann:
            ann.says("CAP LS 302", "CAP REQ sasl", "AUTHENTICATE EXTERNAL", "AUTHENTICATE +")
            assert "EXTERNAL" in ann.hears(" LS ")
            assert " ann " in ann.hears(" 900 ")
            ann.hears(" 903 ")
        with connected(port, trusting(authority)) as eve:  # without it
            eve.says("CAP LS 302", "CAP REQ sasl", "AUTHENTICATE EXTERNAL")
            assert "EXTERNAL" not in eve.hears(" LS ")
            eve.hears(" 904 ")
