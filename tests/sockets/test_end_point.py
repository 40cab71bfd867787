"""What a login over TLS is bound to (tls-server-end-point, RFC 5929 4): the same hash on both sides, whatever was shown."""

from __future__ import annotations

import hashlib
import ssl
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as new_ec_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding

from tests.sockets.test_tls import serving, talk, trusting
from wirespeak.sockets.authority import Authority
from wirespeak.sockets.certificate import ByName, Certificate, Credentials
from wirespeak.sockets.memory import MemoryTLS
from wirespeak.sockets.tls import TLSInfo, server_context

TODAY = datetime.now(UTC)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.open(tmp_path_factory.mktemp("tls") / "authority")


def signed_by(algorithm: hashes.HashAlgorithm | None) -> bytes:
    """A certificate in DER, signed with ``algorithm``; with none, by Ed25519."""
    name = x509.Name([])
    key = new_ec_key(SECP256R1()) if algorithm else Ed25519PrivateKey.generate()
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(1).public_key(key.public_key())
    builder = builder.not_valid_before(TODAY).not_valid_after(TODAY + timedelta(days=1))
    return builder.sign(key, algorithm).public_bytes(Encoding.DER)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("algorithm", "name"),
    [(hashes.SHA256(), "sha256"), (hashes.SHA384(), "sha384"), (hashes.SHA512(), "sha512"), (hashes.SHA224(), "sha224")],
)
def test_a_certificate_is_hashed_as_in_its_signature(algorithm: hashes.HashAlgorithm, name: str) -> None:
    der = signed_by(algorithm)
    assert Certificate.parse(der).end_point == hashlib.new(name, der).digest()


@pytest.mark.peer("openssl")
@pytest.mark.parametrize("weak", ["md5", "sha1"])
def test_a_weak_hash_is_replaced(weak: str, tmp_path: Path, peer: Callable[[str], str]) -> None:
    where = tmp_path / "certificate"
    command = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", tmp_path / "key", "-subj", "/CN=weak", f"-{weak}"]
    subprocess.run([peer("openssl"), *command, "-outform", "DER", "-out", where], check=True, capture_output=True, timeout=60)
    der = where.read_bytes()
    assert x509.load_der_x509_certificate(der).signature_hash_algorithm.name == weak  # type: ignore[union-attr]
    assert Certificate.parse(der).end_point == hashlib.sha256(der).digest()


def test_where_the_signature_has_no_hash_there_is_none() -> None:
    assert Certificate.parse(signed_by(None)).end_point is None


def test_where_the_signatures_kind_is_not_known_there_is_none() -> None:
    der = signed_by(hashes.SHA256())
    strange = der.replace(bytes.fromhex("2a8648ce3d040302"), bytes.fromhex("2a8648ce3d040309"))  # no such ecdsa-with-…
    assert strange != der
    assert Certificate.parse(strange).end_point is None


def both(
    authority: Authority, context: ssl.SSLContext, client: ssl.SSLContext, name: str = "localhost"
) -> tuple[bytes | None, bytes | None]:
    with serving(context) as server:
        ours, _, _ = talk(server.port, client, name)
    [theirs] = server.results
    assert isinstance(theirs, TLSInfo)
    assert ours.der is not None
    assert ours.end_point == hashlib.sha256(ours.der).digest()
    return theirs.end_point, ours.end_point


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("name", ["localhost", "a.b.home.test", "127.0.0.1"])  # the default; one of its own; one that isn't asked for
def test_both_sides_have_the_same(authority: Authority, version: ssl.TLSVersion, name: str) -> None:
    client = trusting(authority)
    client.maximum_version = version
    theirs, ours = both(authority, server_context(authority), client, name)
    assert theirs == ours


def test_of_several_certificates_it_is_the_one_that_was_shown(authority: Authority) -> None:
    one, other = (Credentials.load(authority.issue([name]).certificate_file) for name in ("one.test", "other.test"))
    context = server_context(ByName([one, other]))
    assert both(authority, context, trusting(authority), "one.test") == (one.certificate.end_point,) * 2
    assert both(authority, context, trusting(authority), "other.test") == (other.certificate.end_point,) * 2


def test_a_session_that_goes_on_has_that_of_its_beginning(authority: Authority) -> None:
    client = trusting(authority)
    with serving(server_context(authority)) as server:
        first, _, session = talk(server.port, client)
        again, _, _ = talk(server.port, client, session=session)
    assert again.resumed
    assert first.end_point == again.end_point
    assert [info.end_point for info in server.results if isinstance(info, TLSInfo)] == [first.end_point] * 2


def test_a_servers_own_context_tells_of_none() -> None:
    """Not even of its client's certificate, which is not the server's."""
    assert TLSInfo("TLSv1.3", "", None, None, False, signed_by(hashes.SHA256()), is_server=True).end_point is None
    assert MemoryTLS("localhost").end_point is None
