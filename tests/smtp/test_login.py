"""Logging in over real connections: our client and our server, with TLS between them, a false server, and a proxy in front."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.sockets.serving import Served, read_line, served
from wirespeak.errors import RemoteProtocolError, WirespeakError
from wirespeak.sasl import Accounts, Authenticator, ScramKeys
from wirespeak.smtp.client import BlockingClient
from wirespeak.smtp.delivery.discard import Discard
from wirespeak.smtp.hooks import Hooks
from wirespeak.smtp.messages import Reply
from wirespeak.smtp.recipients import Everyone
from wirespeak.smtp.server import SmtpServer
from wirespeak.smtp.transaction import Transaction
from wirespeak.smtp.users import Users
from wirespeak.sockets.authority import Authority
from wirespeak.sockets.tls import client_context, server_context

SECRET = bytes(range(32))
KEYS = ScramKeys.of("pencil", b"0123456789abcdef", 4096)
ACCOUNTS = Accounts({"alice": KEYS}, SECRET)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.open(tmp_path_factory.mktemp("tls") / "authority")


class Watch:
    """Who connected, and who logged in."""

    def __init__(self) -> None:
        self.peers: list[Any] = []
        self.users: list[str] = []
        self.hooks = Hooks(connect=self.connected, auth=self.logged_in)

    def connected(self, transaction: Transaction, peer: Any) -> Reply | None:
        self.peers.append(peer)
        return None

    def logged_in(self, transaction: Transaction, user: str) -> Reply | None:
        self.users.append(user)
        return None


@contextmanager
def mail_server(
    authority: Authority, watch: Watch, *, authenticator: Authenticator, implicit: bool = False, **options: Any
) -> Iterator[Served]:
    context = server_context(authority)
    server = SmtpServer(
        Everyone(Discard()), authenticator=authenticator, hooks=watch.hooks, tls=None if implicit else context, submission=True
    )
    with served(server, tls=context if implicit else None, **options) as running:
        yield running


def log_in(server: Served, authority: Authority, password: str = "pencil", **settings: Any) -> str:
    """Log in, and say which mechanism it was."""
    said: list[bytes] = []

    def observer(seen: Any, what: Any, now: float) -> None:
        if seen == "out" and isinstance(what, bytes):
            said.append(what)

    context: ssl.SSLContext = client_context(authorities=[authority.certificate_file])
    settings = {"user": "alice", "password": password, "context": context, "observer": observer, **settings}
    BlockingClient.connect(f"localhost:{server.address[1]}", **settings).close()
    (line,) = [line for line in b"".join(said).split(b"\r\n") if line.startswith(b"AUTH ")]
    return line.split()[1].decode()


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_a_login_is_bound_to_its_tls_connection(authority: Authority, tls: str) -> None:
    watch = Watch()
    with mail_server(authority, watch, authenticator=Authenticator(ACCOUNTS.find, plus=True), implicit=tls == "implicit") as server:
        assert log_in(server, authority, tls=tls) == "SCRAM-SHA-256-PLUS"
    with mail_server(authority, watch, authenticator=Authenticator(ACCOUNTS.find), implicit=tls == "implicit") as server:
        assert log_in(server, authority, tls=tls) == "SCRAM-SHA-256"
    assert watch.users == ["alice", "alice"]


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "LOGIN"])
def test_every_mechanism_lets_in_who_knows_the_password(authority: Authority, mechanism: str) -> None:
    watch = Watch()
    with mail_server(authority, watch, authenticator=Authenticator(ACCOUNTS.find, plus=True)) as server:
        assert log_in(server, authority, tls="starttls", mechanism=mechanism) == mechanism
        for password in ("pencils", "Pencil"):
            with pytest.raises(WirespeakError):
                log_in(server, authority, password, tls="starttls", mechanism=mechanism)
    assert watch.users == ["alice"]


def test_a_token_lets_in(authority: Authority) -> None:
    watch = Watch()
    authenticator = Authenticator(verify_token=lambda user, token: "alice" if token == "good" else None)
    with mail_server(authority, watch, authenticator=authenticator) as server:
        for name in ("OAUTHBEARER", "XOAUTH2"):
            assert log_in(server, authority, tls="starttls", token="good", mechanism=name) == name
            with pytest.raises(WirespeakError):
                log_in(server, authority, tls="starttls", token="bad", mechanism=name)
    assert watch.users == ["alice", "alice"]


def test_a_server_that_lets_everyone_in_is_not_believed(authority: Authority) -> None:
    """It doesn't know the password, and so can't prove that it does."""
    other = Accounts({"alice": ScramKeys(4096, b"0123456789abcdef", KEYS.stored, bytes(32))}, SECRET)
    with (
        mail_server(authority, Watch(), authenticator=Authenticator(other.find)) as server,
        pytest.raises(RemoteProtocolError, match="does not know the password"),
    ):
        log_in(server, authority, tls="starttls")


def test_behind_a_proxy_the_client_is_the_one_told(authority: Authority) -> None:
    watch = Watch()
    options = {"authenticator": Authenticator(ACCOUNTS.find), "proxy_from": ["127.0.0.1"]}
    with mail_server(authority, watch, **options) as server, server.connect() as sock:
        sock.sendall(b"PROXY TCP4 203.0.113.9 198.51.100.1 4711 587\r\n")
        assert read_line(sock).startswith("220 ")
        sock.sendall(b"QUIT\r\n")
        assert read_line(sock).startswith("221 ")
    assert watch.peers == [("203.0.113.9", 4711)]


def test_a_users_file_lets_in_as_it_is_then(authority: Authority, tmp_path: Path) -> None:
    users, watch = Users(tmp_path / "users"), Watch()
    with mail_server(authority, watch, authenticator=users.authenticator(plus=True)) as server:
        with pytest.raises(WirespeakError):
            log_in(server, authority, tls="starttls")
        Users(tmp_path / "users").add("alice", "pencil", iterations=4096)
        log_in(server, authority, tls="starttls")
        Users(tmp_path / "users").remove("alice")
        with pytest.raises(WirespeakError):
            log_in(server, authority, tls="starttls")
    assert watch.users == ["alice"]
