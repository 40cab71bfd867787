"""Certificates: what one says of itself, and the files that hold one with its key.

A certificate (X.509, RFC 5280) binds names to a public key, for a time, by the signature of an authority. `Certificate`
is what is read out of one; `Credentials` is one of ours, in files, together with its private key. Reads the files it is
given, and nothing else; the reading of certificates is the `cryptography` library's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.hashes import MD5, SHA1, SHA256

from wirespeak.errors import StorageError, TLSError

__all__ = ["ByName", "Certificate", "Credentials"]


@dataclass(slots=True, frozen=True)
class Certificate:
    """What a certificate says.

    ``subject`` and ``issuer`` are names as RFC 4514 writes them. ``names`` are the host names and IP addresses it
    vouches for (the subjectAltName, RFC 5280 4.2.1.6); it is valid from ``not_before`` to ``not_after``, both in UTC.
    ``fingerprint`` is the SHA-256 hash of the whole, in pairs of hexadecimal digits, by which people compare
    certificates; ``end_point`` the hash to which a login over TLS is bound (tls-server-end-point, RFC 5929 4), None where
    that is not defined for a certificate of this kind. All of it is the peer's word until the signature is verified: escape
    it before it is shown.
    """

    subject: str
    issuer: str
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    fingerprint: str
    end_point: bytes | None

    @classmethod
    def parse(cls, der: bytes) -> Certificate:
        """Read a certificate in DER, its form on the wire. Raises `TLSError` for what is none."""
        try:
            return cls.of(x509.load_der_x509_certificate(der))
        except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
            raise TLSError(f"the peer's certificate is malformed (RFC 5280 4.1): {error}") from None

    @classmethod
    def of(cls, certificate: x509.Certificate) -> Certificate:
        """What a certificate of the `cryptography` library says. Raises what that library raises for a malformed one."""
        return cls(
            certificate.subject.rfc4514_string(),
            certificate.issuer.rfc4514_string(),
            _names(certificate),
            certificate.not_valid_before_utc,
            certificate.not_valid_after_utc,
            certificate.fingerprint(SHA256()).hex(":").upper(),
            _end_point(certificate),
        )

    def covers(self, name: str) -> bool:
        """Whether ``name``, a canonical host name or IP address, is among ``names``.

        A star stands for one whole label, the first (RFC 9525 6.3). Names are compared in lower case.
        """
        parent = name.partition(".")[2]
        return name in self.names or (bool(parent) and f"*.{parent}" in self.names)


def _end_point(certificate: x509.Certificate) -> bytes | None:
    """RFC 5929 4.1: hashed as in its signature, but by SHA-256 where that is by MD5 or SHA-1; undefined where it is by none."""
    try:
        algorithm = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return None
    if algorithm is None:  # Ed25519 and Ed448 sign without one
        return None
    return certificate.fingerprint(SHA256() if isinstance(algorithm, (MD5, SHA1)) else algorithm)


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    hosts = (name.lower() for name in names.get_values_for_type(x509.DNSName))
    return (*hosts, *map(str, names.get_values_for_type(x509.IPAddress)))


@dataclass(slots=True, frozen=True)
class Credentials:
    """A certificate of ours and its private key, in PEM files (RFC 7468).

    ``certificate_file`` holds the certificate first, then those of the authorities between it and a root, if any.
    Both files may be the same one.
    """

    certificate_file: Path
    key_file: Path
    certificate: Certificate

    @classmethod
    def load(cls, certificate_file: Path, key_file: Path | None = None) -> Credentials:
        """Credentials in files that exist; ``key_file`` is left out where the key is with the certificate.

        Raises `StorageError` for a file that cannot be read or holds no certificate. Whether the key fits is found
        out by `wirespeak.sockets.tls.server_context`.
        """
        try:
            certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
            return cls(certificate_file, key_file or certificate_file, Certificate.of(certificate))
        except OSError as error:
            raise StorageError(f"the certificate in {certificate_file} cannot be read: {error.strerror or error}") from None
        except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
            message = f"{certificate_file} holds no certificate: expected one in PEM, beginning with -----BEGIN CERTIFICATE-----"
            raise StorageError(message) from None

    def choose(self, server_name: str | None) -> Credentials:
        """These, whatever name a client asks for."""
        return self


@dataclass(slots=True, frozen=True)
class ByName:
    """Several credentials (one at least), of which each client gets those for the name it asks for; the first where none fit."""

    credentials: Sequence[Credentials]

    def choose(self, server_name: str | None) -> Credentials:
        """Those for ``server_name``, or the first."""
        fitting = (one for one in self.credentials if server_name is not None and one.certificate.covers(server_name))
        return next(fitting, self.credentials[0])
