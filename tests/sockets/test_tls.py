"""TLS over real sockets: who is believed, what is agreed on, and what is said when it fails."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from wirespeak.errors import TLSError, WirespeakError
from wirespeak.sockets import authority as authority_module
from wirespeak.sockets import tls as module
from wirespeak.sockets.authority import LOCAL_NAMES, Authority
from wirespeak.sockets.certificate import ByName, Certificate, Credentials
from wirespeak.sockets.tls import TLSInfo, client_context, info_of, server_context, server_name, tls_error

# OpenSSL asks the machine's own clock, so these certificates are made by it.
TODAY = datetime.now(UTC)
WAIT = 20.0

Info = TLSInfo | ssl.SSLError | OSError


class Server:
    """Accepts, shakes hands, sends what it was told in answer to a request, and keeps what each handshake came to."""

    def __init__(self, context: ssl.SSLContext, greeting: bytes) -> None:
        self.results: list[Info] = []
        self._context = context
        self._greeting = greeting
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(WAIT)
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            with connection:
                connection.settimeout(WAIT)
                if connection.recv(1, socket.MSG_PEEK) == b"Q":
                    return
                self._converse(connection)

    def _converse(self, connection: socket.socket) -> None:
        try:
            if connection.recv(1, socket.MSG_PEEK) == b"S":  # a conversation that begins in clear
                assert connection.recv(8) == b"STARTTLS"
                connection.sendall(b"GO")
            secure = self._context.wrap_socket(connection, server_side=True)
            self.results.append(info_of(secure))
        except OSError as error:
            self.results.append(error)
            return
        with secure, suppress(OSError):  # some clients go without a farewell
            secure.recv(1000)
            secure.sendall(self._greeting)
            secure.unwrap()

    def end(self) -> None:
        with socket.create_connection(("127.0.0.1", self.port)) as last:
            last.sendall(b"Q")
            self._thread.join(WAIT)
        self._listener.close()


@contextmanager
def serving(context: ssl.SSLContext, greeting: bytes = b"hello") -> Iterator[Server]:
    server = Server(context, greeting)
    try:
        yield server
    finally:
        server.end()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.open(tmp_path_factory.mktemp("tls") / "authority", TODAY - timedelta(days=500))


def trusting(authority: Authority, **options: object) -> ssl.SSLContext:
    return client_context(authorities=[authority.certificate_file], **options)  # type: ignore[arg-type]


def talk(
    port: int, context: ssl.SSLContext, name: str = "localhost", session: ssl.SSLSession | None = None
) -> tuple[TLSInfo, bytes, ssl.SSLSocket]:
    """Shake hands, ask, and hear the answer."""
    sock = socket.create_connection(("127.0.0.1", port), WAIT)
    with context.wrap_socket(sock, server_hostname=server_name(name), session=session) as secure:
        secure.sendall(b"hi")
        return info_of(secure), secure.recv(1000), secure.session


def refused(port: int, context: ssl.SSLContext, name: str = "localhost") -> str:
    """What is said of a handshake that must fail."""
    with socket.create_connection(("127.0.0.1", port), WAIT) as sock, pytest.raises(OSError, match="SSL") as failed:
        context.wrap_socket(sock, server_hostname=name)
    said = tls_error(failed.value, name)
    assert isinstance(said, TLSError)
    return str(said)


# --- what is agreed on


def test_both_sides_know_what_was_agreed_on(authority: Authority) -> None:
    with serving(server_context(authority, alpn=["http/1.1"])) as server:
        client, heard, _ = talk(server.port, trusting(authority, alpn=["h2", "http/1.1"]))
    assert heard == b"hello"
    assert client.version == "TLSv1.3"
    assert client.cipher.startswith("TLS_")
    assert (client.alpn, client.server_name, client.resumed) == ("http/1.1", "localhost", False)
    [theirs] = server.results
    shown = authority.choose(None)
    assert shown is not None
    assert theirs == TLSInfo(client.version, client.cipher, "http/1.1", "localhost", False, None, shown.certificate, is_server=True)
    assert theirs.certificate is None
    assert client.certificate == shown.certificate


@pytest.mark.parametrize(
    ("offered", "agreed"),
    [(["b", "a"], "a"), (["b"], "b"), (["c"], None), ([], None)],
)
def test_the_server_chooses_among_the_protocols_that_are_offered(authority: Authority, offered: list[str], agreed: str | None) -> None:
    with serving(server_context(authority, alpn=["a", "b"])) as server:
        client, _, _ = talk(server.port, trusting(authority, alpn=offered), "www.deep.test")
    assert client.alpn == agreed
    assert [info.alpn for info in server.results if isinstance(info, TLSInfo)] == [agreed]


def test_in_the_middle_of_a_conversation(authority: Authority) -> None:
    with serving(server_context(authority)) as server, socket.create_connection(("127.0.0.1", server.port), WAIT) as sock:
        sock.sendall(b"STARTTLS")
        assert sock.recv(2) == b"GO"
        with trusting(authority).wrap_socket(sock, server_hostname="localhost") as secure:
            secure.sendall(b"hi")
            assert secure.recv(100) == b"hello"
            assert info_of(secure).server_name == "localhost"


def test_over_memory_as_over_a_socket(authority: Authority) -> None:
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = server_context(authority, alpn=["x"]).wrap_bio(there, back, server_side=True)
    client = trusting(authority, alpn=["x"]).wrap_bio(back, there, server_hostname="a.b.test")
    waiting = [client, server]
    for _ in range(4):
        for side in list(waiting):
            try:
                side.do_handshake()
                waiting.remove(side)
            except ssl.SSLWantReadError:
                pass
    assert waiting == []
    assert (info_of(server).server_name, info_of(server).alpn) == ("a.b.test", "x")
    assert info_of(client).certificate == Certificate.parse(client.getpeercert(binary_form=True) or b"")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_session_is_resumed(authority: Authority, version: ssl.TLSVersion) -> None:
    context = trusting(authority)
    context.maximum_version = version
    with serving(server_context(authority)) as server:
        first, _, session = talk(server.port, context)
        again, heard, _ = talk(server.port, context, session=session)
    assert (first.resumed, again.resumed, heard) == (False, True, b"hello")
    assert [info.resumed for info in server.results if isinstance(info, TLSInfo)] == [False, True]


def test_only_sound_ciphers_and_versions_are_offered(authority: Authority) -> None:
    context = server_context(authority)
    assert context.minimum_version == client_context().minimum_version == ssl.TLSVersion.TLSv1_2
    for cipher in context.get_ciphers():
        assert cipher["aead"]
        assert cipher["kea"] in ("kx-ecdhe", "kx-any")
    for option in (ssl.OP_NO_COMPRESSION, ssl.OP_NO_RENEGOTIATION):
        assert context.options & option
        assert client_context().options & option


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
def test_an_old_version_is_refused(authority: Authority) -> None:
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    with serving(server_context(authority)) as server:
        assert "only versions of TLS older than 1.2" in refused(server.port, old)
    [error] = server.results
    assert isinstance(error, ssl.SSLError)
    assert str(tls_error(error, "the client")) == (
        "TLS with the client failed: it speaks only versions of TLS older than 1.2, which are broken (RFC 8996)"
    )


# --- who is believed


def test_an_authority_that_is_not_trusted(authority: Authority, tmp_path: Path) -> None:
    stranger = Authority.open(tmp_path)
    with serving(server_context(authority)) as server:
        assert "its authority is not known here; name that authority's root certificate as one to trust" in refused(
            server.port, trusting(stranger)
        )
        assert "not known here" in refused(server.port, client_context())
    assert {str(tls_error(error, "it")) for error in server.results if isinstance(error, OSError)} == {
        "TLS with it failed: it does not know the authority of our certificate; it must trust the root that signed it"
    }


def test_another_name(authority: Authority) -> None:
    with serving(server_context(authority)) as server:
        assert (
            refused(server.port, trusting(authority), "example.com")
            == "the certificate of example.com is not to be trusted: it is for another name"
        )
        assert "it is for another address" in refused(server.port, trusting(authority), "127.0.0.2")


def test_an_expired_certificate(authority: Authority) -> None:
    credentials = authority.issue(["localhost", "expired.test"], TODAY - timedelta(days=500))
    with serving(server_context(credentials)) as server:
        assert "it has expired; its owner must renew it" in refused(server.port, trusting(authority))


def test_a_certificate_that_is_not_valid_yet(authority: Authority) -> None:
    credentials = authority.issue(["localhost", "early.test"], TODAY + timedelta(days=2))
    with serving(server_context(credentials)) as server:
        assert "it is not valid yet; check this machine's clock" in refused(server.port, trusting(authority))


def test_a_root_that_was_stolen_is_of_no_use_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has the key signs what he likes; whoever trusts the root takes only what it is bound to."""
    stolen = Authority.open(tmp_path)
    monkeypatch.setattr(authority_module, "_permitted", lambda name: True)
    for name in ("example.com", "192.0.2.1"):
        with serving(server_context(stolen.issue([name]))) as server:
            assert "its authority may not vouch for that name (RFC 5280 4.2.1.10)" in refused(server.port, trusting(stolen), name)


@pytest.mark.parametrize(
    "name", ["localhost", "LOCALHOST.", "foo.localhost", "home.test", "www.home.test", "a.b.home.test", "127.0.0.1", "::1"]
)
def test_the_local_authority_is_believed_for_local_names(authority: Authority, name: str) -> None:
    context = trusting(authority)
    context.verify_flags |= ssl.VERIFY_X509_STRICT  # Python's default from 3.13 on
    with serving(server_context(authority)) as server:
        _, heard, _ = talk(server.port, context, name)
    assert heard == b"hello"


def test_a_client_that_does_not_verify_takes_anything(authority: Authority) -> None:
    with serving(server_context(authority)) as server:
        info, heard, _ = talk(server.port, client_context(verify=False), "example.com")
    assert heard == b"hello"
    assert info.certificate is not None
    assert "localhost" in info.certificate.names


def test_this_users_local_authority_is_trusted_where_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    before = client_context()
    authority = Authority.open()
    with serving(server_context(authority)) as server:
        assert "not known here" in refused(server.port, before)
        assert talk(server.port, client_context())[1] == b"hello"


def test_roots_that_cannot_be_read_are_told_of(tmp_path: Path) -> None:
    with pytest.raises(WirespeakError, match=r"the roots to trust \(.*missing\.pem\) cannot be read: No such file"):
        client_context(authorities=[tmp_path / "missing.pem"])
    (tmp_path / "empty.pem").write_text("")
    with pytest.raises(WirespeakError, match=r"empty\.pem\) cannot be read"):
        client_context(authorities=[tmp_path / "empty.pem"])


# --- certificates by name


def test_each_name_gets_its_certificate(authority: Authority) -> None:
    first, second = authority.issue(["one.test", "*.one.test"]), authority.issue(["two.test"])
    with serving(server_context(ByName([first, second]))) as server:
        for name, expected in [("one.test", first), ("www.one.test", first), ("two.test", second)]:
            assert talk(server.port, trusting(authority), name)[0].certificate == expected.certificate
        assert "it is for another name" in refused(server.port, trusting(authority), "three.test")
    assert [info.server_name for info in server.results if isinstance(info, TLSInfo)] == ["one.test", "www.one.test", "two.test"]


def test_certificates_kept_ready_are_bounded(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "NAMES_KEPT", 3)
    context = server_context(authority)
    chooser = context.sni_callback
    assert isinstance(chooser, module._Chooser)
    with serving(context) as server:
        for number in [*range(6), 0]:
            assert talk(server.port, trusting(authority), f"a{number}.kept.test")[1] == b"hello"
        assert talk(server.port, trusting(authority))[1] == b"hello"
    assert len(chooser._contexts) == 4


class Failing:
    """Has one certificate, and no luck with others."""

    def __init__(self, credentials: Credentials) -> None:
        self.credentials = credentials

    def choose(self, asked: str | None) -> Credentials:
        if asked is None:
            return self.credentials
        raise WirespeakError("the disk is full")


def test_where_no_certificate_can_be_made_the_default_is_shown(authority: Authority) -> None:
    with serving(server_context(Failing(authority.issue(LOCAL_NAMES)))) as server:
        assert talk(server.port, trusting(authority))[1] == b"hello"
    assert [info.server_name for info in server.results if isinstance(info, TLSInfo)] == ["localhost"]


@pytest.mark.parametrize("asked", [b"*.home.test", b"..home..test", b"home test..", b"127.1......"])
def test_a_name_that_is_none_gets_the_default(authority: Authority, asked: bytes) -> None:
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    name = "x" * (len(asked) - 5) + ".test"
    client = client_context(verify=False).wrap_bio(back, there, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    hello = there.read()
    assert hello.count(name.encode()) == 1
    there.write(hello.replace(name.encode(), asked))
    server = server_context(authority).wrap_bio(there, back, server_side=True)
    with pytest.raises(ssl.SSLWantReadError):
        server.do_handshake()
    assert back.pending
    assert isinstance(server, module._ServerObject)
    assert server.asked_for is None


def test_a_host_as_tls_wants_it() -> None:
    assert [server_name(host) for host in ("example.com", "example.com.", "fe80::1%eth0", "::1")] == [
        "example.com",
        "example.com",
        "fe80::1",
        "::1",
    ]


# --- what a server cannot begin with


def test_a_key_of_another_certificate(authority: Authority) -> None:
    one, other = authority.issue(["one.test"]), authority.issue(["other.test"])
    with pytest.raises(WirespeakError, match=r"the key in .*other.* does not belong to the certificate in .*one"):
        server_context(Credentials.load(one.certificate_file, other.key_file))


def test_a_key_that_is_none(authority: Authority, tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text("nonsense")
    with pytest.raises(WirespeakError, match="hold no certificate with its key"):
        server_context(Credentials.load(authority.certificate_file, tmp_path / "key.pem"))
    with pytest.raises(WirespeakError, match="cannot be read: No such file"):
        server_context(Credentials.load(authority.certificate_file, tmp_path / "missing.pem"))


@pytest.mark.peer("openssl")
def test_an_encrypted_key_is_refused_and_nobody_asked(tmp_path: Path) -> None:
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -passout pass:secret -subj /CN=a -keyout key.pem"
    subprocess.run([*command.split(), "-out", "certificate.pem"], cwd=tmp_path, check=True, capture_output=True)
    with pytest.raises(WirespeakError, match="the private key is encrypted: store it without a password"):
        server_context(Credentials.load(tmp_path / "certificate.pem", tmp_path / "key.pem"))


# --- what is said of failures


def test_a_peer_that_speaks_no_tls(authority: Authority) -> None:
    with serving(server_context(authority)) as server:
        with socket.create_connection(("127.0.0.1", server.port), WAIT) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
        with socket.create_connection(("127.0.0.1", server.port), WAIT) as sock:
            sock.sendall(b"\x16\x03\x01")
    said = [str(tls_error(error, "it")) for error in server.results if isinstance(error, OSError)]
    assert said == [
        "TLS with it failed: it speaks HTTP in clear; use http:// there, or the port for TLS",
        "TLS with it failed: it hung up in the middle of the handshake",
    ]


def test_a_server_that_speaks_no_tls() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"220 mail.example ESMTP\r\n")
        with pytest.raises(ssl.SSLError) as failed:
            client_context().wrap_socket(ours, server_hostname="mail.example")
    assert str(tls_error(failed.value, "mail.example")) == "TLS with mail.example failed: it does not speak TLS on this port"


def test_a_certificate_that_is_none() -> None:
    with pytest.raises(TLSError, match="malformed"):
        _ = TLSInfo("", "", None, None, False, b"\x30\x00").certificate


# --- the clients that people use


@pytest.mark.peer("openssl")
@pytest.mark.parametrize("name", ["localhost", "a.b.home.test"])
def test_openssl_verifies_it(authority: Authority, name: str, peer: Callable[[str], str]) -> None:
    with serving(server_context(authority, alpn=["x"])) as server:
        names = ["-servername", name, "-verify_hostname", name, "-alpn", "x"]
        strict = ["-verify_return_error", "-x509_strict", "-purpose", "sslserver", "-CAfile", authority.certificate_file]
        command = [peer("openssl"), "s_client", "-connect", f"127.0.0.1:{server.port}", *names, *strict]
        said = subprocess.run(command, input="hi\n", capture_output=True, text=True, timeout=WAIT)
    assert said.returncode == 0
    assert "Verify return code: 0 (ok)" in said.stdout
    assert f"Verified peername: {name}" in said.stdout
    assert "ALPN protocol: x" in said.stdout


@pytest.mark.peer("curl")
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "www.home.test", "a.b.home.test"])
def test_curl_verifies_it(authority: Authority, host: str, peer: Callable[[str], str]) -> None:
    page = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"
    with serving(server_context(authority, alpn=["http/1.1"]), page) as server:
        command = [peer("curl"), "-sS", "--resolve", f"{host}:{server.port}:127.0.0.1", f"https://{host}:{server.port}/", "--cacert"]
        said = subprocess.run([*command, authority.certificate_file], capture_output=True, text=True, timeout=WAIT)
    assert (said.stdout, said.stderr, said.returncode) == ("hello", "", 0)


@pytest.mark.peer("curl")
def test_curl_refuses_another_name(authority: Authority, peer: Callable[[str], str]) -> None:
    with serving(server_context(authority)) as server:
        command = [
            peer("curl"),
            "-sS",
            "--resolve",
            f"example.com:{server.port}:127.0.0.1",
            f"https://example.com:{server.port}/",
            "--cacert",
        ]
        said = subprocess.run([*command, authority.certificate_file], capture_output=True, text=True, timeout=WAIT)
    assert said.returncode == 60
