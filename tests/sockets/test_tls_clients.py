"""Clients that show a certificate of their own: who is believed, and what the server is told of them."""

from __future__ import annotations

import hashlib
import ssl
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.sockets.test_tls import TODAY, serving, talk, trusting
from wirespeak.errors import StorageError
from wirespeak.sockets.authority import Authority
from wirespeak.sockets.tls import TLSInfo, server_context


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.open(tmp_path_factory.mktemp("tls") / "authority", TODAY - timedelta(days=500))


def certificate(folder: Path, name: str, signed_by: Path | None = None) -> tuple[Path, str]:
    """A certificate, with its key in one file; and its fingerprint. It signs itself, and others, where nobody else signs it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signing = key
    if signed_by is not None:
        issuer = x509.load_pem_x509_certificate(signed_by.read_bytes()).subject
        found = serialization.load_pem_private_key(signed_by.read_bytes(), None)
        assert isinstance(found, ec.EllipticCurvePrivateKey)
        signing = found
    builder = x509.CertificateBuilder(issuer, subject, key.public_key(), 7, TODAY - timedelta(days=1), TODAY + timedelta(days=30))
    builder = builder.add_extension(x509.BasicConstraints(ca=signed_by is None, path_length=None), critical=True)
    made = builder.sign(signing, hashes.SHA256())
    file = folder / f"{name}.pem"
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file, made.fingerprint(hashes.SHA256()).hex()


@pytest.mark.parametrize("name", ["localhost", "www.deep.test"])
def test_a_client_shows_its_certificate(authority: Authority, tmp_path: Path, name: str) -> None:
    """By the default context, and by one that is chosen by the name that the client asks for."""
    file, fingerprint = certificate(tmp_path, "ann")
    context = trusting(authority)
    context.load_cert_chain(file)
    with serving(server_context(authority, client_authorities=[file])) as server:
        talk(server.port, context, name)
    [theirs] = server.results
    assert isinstance(theirs, TLSInfo)
    assert theirs.der is not None
    assert hashlib.sha256(theirs.der).hexdigest() == fingerprint


def test_one_that_is_signed_by_a_known_authority(authority: Authority, tmp_path: Path) -> None:
    clients, _ = certificate(tmp_path, "clients")
    file, fingerprint = certificate(tmp_path, "ann", signed_by=clients)
    context = trusting(authority)
    context.load_cert_chain(file)
    with serving(server_context(authority, client_authorities=[clients])) as server:
        talk(server.port, context)
    [theirs] = server.results
    assert isinstance(theirs, TLSInfo)
    assert theirs.der is not None
    assert hashlib.sha256(theirs.der).hexdigest() == fingerprint


def test_a_client_without_one_is_welcome(authority: Authority, tmp_path: Path) -> None:
    file, _ = certificate(tmp_path, "ann")
    with serving(server_context(authority, client_authorities=[file])) as server:
        talk(server.port, trusting(authority))
    [theirs] = server.results
    assert isinstance(theirs, TLSInfo)
    assert theirs.der is None


def test_one_that_nobody_knows_ends_the_handshake(authority: Authority, tmp_path: Path) -> None:
    known, _ = certificate(tmp_path, "ann")
    stranger, _ = certificate(tmp_path, "mallory")
    context = trusting(authority)
    context.load_cert_chain(stranger)
    with serving(server_context(authority, client_authorities=[known])) as server, pytest.raises((ssl.SSLError, ConnectionError)):
        talk(server.port, context)  # of TLS 1.3 the client's end is done first, and hears of it later
    [theirs] = server.results
    assert isinstance(theirs, ssl.SSLCertVerificationError)


def test_a_client_that_is_not_asked_shows_nothing(authority: Authority, tmp_path: Path) -> None:
    file, _ = certificate(tmp_path, "ann")
    context = trusting(authority)
    context.load_cert_chain(file)
    with serving(server_context(authority)) as server:
        talk(server.port, context)
    [theirs] = server.results
    assert isinstance(theirs, TLSInfo)
    assert theirs.der is None


@pytest.mark.parametrize("text", [None, "no certificate"])
def test_authorities_that_cannot_be_read(authority: Authority, tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "clients.pem"
    if text is not None:
        file.write_text(text, encoding="ascii")
    with pytest.raises(StorageError, match=r"clients\.pem"):
        server_context(authority, client_authorities=[file])
