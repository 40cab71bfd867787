"""A certificate authority of one's own, for this machine: so that local servers speak TLS as real ones do.

`Authority.open` makes one in a folder, the first time, or finds it there; whoever trusts its one root certificate
(``curl --cacert``, a browser's settings) then trusts every server here. `Authority.issue` signs a certificate for some
names, and keeps it for the next time.

    authority/root/certificate.pem     the root, to be trusted
    authority/root/key.pem             its key: whoever reads it can pose as any local server
    authority/servers/….pem            a certificate with its key, a file for each set of names

A root that is trusted is a risk, so this one is bound (RFC 5280 4.2.1.10, critical name constraints): it can vouch for
loopback addresses and for names below localhost and test, which exist on no other machine (RFC 6761 6.2, 6.3), and only
for servers. Stolen, it is of no use against the web. Files are made under another name and renamed, so that there is
either the whole or nothing, and two programs that begin together end with the same root. What keeps the keys private is
Unix's file modes; a system without them has to have a private folder.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_address
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, EllipticCurvePublicKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from wirespeak.errors import LocalProtocolError, StorageError
from wirespeak.sockets.address import parse_host
from wirespeak.sockets.certificate import Certificate, Credentials
from wirespeak.sockets.tls import ROOT_CERTIFICATE, authority_folder

__all__ = ["LOCAL_NAMES", "Authority"]

LOCAL_NAMES: Final = ("localhost", "home.test", "*.home.test", "127.0.0.1", "::1")
"""What a server on this machine is called, and the names of the local internet. Certificates for others are made when asked for."""

PERMITTED_NAMES: Final = ("localhost", "test")
PERMITTED_NETWORKS: Final = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
"""What the root may vouch for: these names, all below them, and these addresses."""

ROOT_LIFE: Final = timedelta(days=3650)
SERVER_LIFE: Final = timedelta(days=397)
"""Browsers take no certificate that is valid for more than 398 days (CA/Browser Forum Baseline Requirements 6.3.2)."""
RENEWAL: Final = timedelta(days=30)
"""A certificate that ends within this time is made anew."""
CLOCK_SKEW: Final = timedelta(hours=1)
"""Certificates begin so long before they are made: the clocks of virtual machines and containers are not always right."""

SERVERS_KEPT: Final = 200
"""Certificates kept in the folder. A client may ask for any name under the permitted ones; the oldest go first."""
NAMES_LIMIT: Final = 100
"""Names in one certificate: more make a handshake of several packets, and clients begin to refuse it."""

_KEY = Path("root", "key.pem")
_SERVERS = Path("servers")
# The subject names no host: clients read names in the subjectAltName only (RFC 9525 2).
_SERVER = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "wirespeak")])


class Authority:
    """A certificate authority that lives in ``folder``. Made by `open`; `choose` makes it a source of certificates for
    `wirespeak.sockets.tls.server_context`.
    """

    __slots__ = ("_certificate", "_issued", "_key", "folder")

    def __init__(self, folder: Path, certificate: x509.Certificate, key: EllipticCurvePrivateKey) -> None:
        self.folder = folder
        self._certificate = certificate
        self._key = key
        self._issued: dict[tuple[str, ...], Credentials] = {}

    @classmethod
    def open(cls, folder: Path | None = None, now: datetime | None = None) -> Authority:
        """The authority in ``folder``, made there if there is none; without a folder, this user's own.

        ``now`` is the time, with a time zone; without it, the system's. Raises `StorageError` where the folder cannot be
        read or written, its key can be read by others, or the authority has come to its end.
        """
        folder = folder or authority_folder()
        now = now or datetime.now(UTC)
        with _told_of(folder):
            if not (folder / ROOT_CERTIFICATE).exists():
                _make_root(folder, now)
            _check_private(folder / _KEY)
            try:
                certificate = x509.load_pem_x509_certificate((folder / ROOT_CERTIFICATE).read_bytes())
                key = load_pem_private_key((folder / _KEY).read_bytes(), None)
            except (ValueError, TypeError, UnsupportedAlgorithm):
                raise StorageError(f"the local authority in {folder} is damaged: {_BEGIN_ANEW}") from None
        if not isinstance(key, EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
            raise StorageError(f"the local authority in {folder} has a key that is not its own: {_BEGIN_ANEW}")
        said = Certificate.of(certificate)
        if not _good(said, now):
            span = f"{said.not_before:%Y-%m-%d} to {said.not_after - RENEWAL:%Y-%m-%d}"
            message = f"the local authority in {folder} is good from {span}, and today is {now:%Y-%m-%d}"
            raise StorageError(f"{message}: check the clock, or {_BEGIN_ANEW}")
        return cls(folder, certificate, key)

    @property
    def certificate_file(self) -> Path:
        """The root certificate, in PEM: what a client must trust."""
        return self.folder / ROOT_CERTIFICATE

    @property
    def certificate(self) -> Certificate:
        """What the root certificate says."""
        return Certificate.of(self._certificate)

    def choose(self, server_name: str | None) -> Credentials | None:
        """Credentials for the name that a client asks for: those of `LOCAL_NAMES`, or their own; None where it may have none."""
        default = self.issue(LOCAL_NAMES)
        if server_name is None or default.certificate.covers(server_name):
            return default
        return self.issue([server_name]) if _permitted(server_name) else None

    def issue(self, names: Sequence[str], now: datetime | None = None) -> Credentials:
        """A certificate for ``names`` with a key of its own: that of last time, if it is good for `RENEWAL` more, or a new one.

        Names are host names, names with a star for the first label, and IP addresses. Raises `AddressError` for what is
        none of these, `LocalProtocolError` for names the root may not vouch for, `StorageError` where the folder cannot be written.
        """
        now = now or datetime.now(UTC)
        asked = tuple(names)
        found = self._issued.get(asked)
        # The file may be gone: another program keeps no more than its share of them, and users tidy up.
        if found is None or not _good(found.certificate, now) or not found.certificate_file.exists():
            wanted = tuple(sorted({_canonical(name) for name in asked}))
            _check_names(wanted)
            found = self._stored(wanted)
            if found is None or not _good(found.certificate, now):
                found = self._make(wanted, now)
            if len(self._issued) >= SERVERS_KEPT:
                del self._issued[next(iter(self._issued))]
            self._issued[asked] = found
        return found

    def _file(self, names: tuple[str, ...]) -> Path:
        digest = hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]
        return self.folder / _SERVERS / f"{names[-1].replace('*', 'any').replace(':', '-')[:64]}-{digest}.pem"

    def _stored(self, names: tuple[str, ...]) -> Credentials | None:
        """What an earlier run left, if it is whole, for exactly these names, and signed by this root."""
        file = self._file(names)
        try:
            certificate = x509.load_pem_x509_certificate(file.read_bytes())
            certificate.verify_directly_issued_by(self._certificate)
        except (OSError, ValueError, TypeError, InvalidSignature):
            return None
        said = Certificate.of(certificate)
        return Credentials(file, file, said) if sorted(said.names) == list(names) else None

    def _make(self, names: tuple[str, ...], now: datetime) -> Credentials:
        key = generate_private_key(SECP256R1())
        ends = min(now - CLOCK_SKEW + SERVER_LIFE, self._certificate.not_valid_after_utc)
        builder = _builder(key.public_key(), self._certificate.subject, now, ends).subject_name(_SERVER)
        certificate = (
            builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, SHA256())
        )
        file = self._file(names)
        with _told_of(self.folder):
            file.parent.mkdir(mode=0o700, exist_ok=True)
            _write(file, certificate.public_bytes(Encoding.PEM) + _pem(key))
            for old in sorted(file.parent.glob("*.pem"), key=_age)[:-SERVERS_KEPT]:
                old.unlink(missing_ok=True)
        return Credentials(file, file, Certificate.of(certificate))


# --- names


def _canonical(name: str) -> str:
    """A name as certificates have it: in lower case, as A-labels, without a dot at the end; a star may be its first label."""
    star = "*." if name.startswith("*.") else ""
    return star + parse_host(name.removeprefix(star)).removesuffix(".")


def _permitted(name: str) -> bool:
    try:
        address = ip_address(name)
    except ValueError:
        return any(f".{name}".endswith(f".{permitted}") for permitted in PERMITTED_NAMES)
    return any(address in network for network in PERMITTED_NETWORKS)


def _check_names(names: tuple[str, ...]) -> None:
    if not 0 < len(names) <= NAMES_LIMIT:
        raise LocalProtocolError(f"a certificate has 1 to {NAMES_LIMIT} names, not {len(names)}")
    if refused := [name for name in names if not _permitted(name)]:
        raise LocalProtocolError(
            f"the local authority may not vouch for {refused[0]}, only for localhost, names that end in .localhost or .test, "
            "and loopback addresses: take a certificate from another authority there"
        )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


# --- certificates


def _good(certificate: Certificate, now: datetime) -> bool:
    """Whether it is valid now, and for long enough."""
    return certificate.not_before <= now < certificate.not_after - RENEWAL


def _builder(key: EllipticCurvePublicKey, issuer: x509.Name, now: datetime, ends: datetime) -> x509.CertificateBuilder:
    """What all our certificates have in common."""
    return (
        x509.CertificateBuilder()
        .serial_number(x509.random_serial_number())
        .public_key(key)
        .issuer_name(issuer)
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(ends)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _root(key: EllipticCurvePrivateKey, now: datetime) -> x509.Certificate:
    public = key.public_key()
    # A piece of the key's own hash in the name tells apart the roots that a browser may come to list.
    digest = x509.SubjectKeyIdentifier.from_public_key(public).digest.hex()[:8]
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"wirespeak local authority {digest}")])
    permitted = [*(x509.DNSName(name) for name in PERMITTED_NAMES), *(x509.IPAddress(network) for network in PERMITTED_NETWORKS)]
    return (
        _builder(public, name, now, now - CLOCK_SKEW + ROOT_LIFE)
        .subject_name(name)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.NameConstraints(permitted, None), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(key, SHA256())
    )


# --- files

_BEGIN_ANEW: Final = "remove that folder to begin anew (and trust the new root where the old one was trusted)"

_ADVICE: Final = {
    errno.ENOSPC: "make room on that disk",
    errno.EDQUOT: "make room: this user's share of the disk is used up",
    errno.EACCES: "this user must be allowed to read and write there",
    errno.EPERM: "this user must be allowed to read and write there",
    errno.EROFS: "choose a folder that can be written",
}


@contextmanager
def _told_of(folder: Path) -> Iterator[None]:
    """Say what a failure to read or write means here, and what to do."""
    try:
        yield
    except StorageError:
        raise
    except OSError as error:
        advice = _ADVICE.get(error.errno or 0, "it must be a folder that this user can read and write")
        raise StorageError(
            f"the local authority in {folder} cannot be used: {error.strerror} ({error.filename or folder}); {advice}"
        ) from None


def _make_root(folder: Path, now: datetime) -> None:
    """Make key and certificate in a folder of their own, which then gets its name: the two are there together or not at all."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(prefix=".new-", dir=folder))
    try:
        key = generate_private_key(SECP256R1())
        _write(new / ROOT_CERTIFICATE.name, _root(key, now).public_bytes(Encoding.PEM), mode=0o644)
        _write(new / _KEY.name, _pem(key))
        new.rename(folder / _KEY.parent)
    except OSError:
        # Another program was faster, and its root is the one; or the old one is damaged, which reading it will tell.
        if not (folder / _KEY.parent).exists():
            raise
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _write(file: Path, data: bytes, mode: int = 0o600) -> None:
    """Write ``data`` to the disk, and only then give it its name. Until then, and with this mode, it is its owner's alone."""
    handle, new = tempfile.mkstemp(prefix=".new-", dir=file.parent)
    try:
        with open(handle, "wb") as opened:
            opened.write(data)
            opened.flush()
            os.fsync(handle)
            os.fchmod(handle, mode)
        os.replace(new, file)
    except BaseException:
        os.unlink(new)
        raise


def _pem(key: EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _check_private(file: Path) -> None:
    """Refuse a key that others can read, as ssh does: they may have it already."""
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & 0o077:
        raise StorageError(f"the key of the local authority, {file}, can be read by others (mode {mode:04o}): {_BEGIN_ANEW}")


def _age(file: Path) -> float:
    """When ``file`` was written; one that another program removed meanwhile counts as the oldest."""
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0
