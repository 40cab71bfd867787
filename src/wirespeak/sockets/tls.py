"""TLS (RFC 8446, and RFC 5246 for version 1.2): contexts for both sides, with today's defaults, and what was agreed.

`server_context` and `client_context` make an `ssl.SSLContext` as RFC 9325 recommends: version 1.2 or newer, forward
secrecy and authenticated encryption only, no compression, no renegotiation; a client verifies whom it talks to. The
records themselves are OpenSSL's work. Reads certificates and roots from files; opens no socket. Where the environment
has SSLKEYLOGFILE, the keys are written to the file it names, with which Wireshark reads what was encrypted.

What a connection costs. An idle `ssl.SSLSocket` made from these contexts takes about 15 KB in a server (measured with
OpenSSL 3.0: TLS 1.3 and 1.2 alike, after a handshake and after 20 KB were sent), because Python has OpenSSL give back
its record buffers while they are empty. A pair of `ssl.MemoryBIO` keeps its own buffers at their largest instead: 37 KB.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from sys import intern
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from wirespeak.errors import StorageError, TLSError, WirespeakError
from wirespeak.sockets.address import parse_host

if TYPE_CHECKING:
    from wirespeak.sockets.certificate import Certificate, Credentials

__all__ = [
    "Certificates",
    "TLSContext",
    "TLSInfo",
    "authority_folder",
    "client_context",
    "info_of",
    "server_context",
    "server_name",
    "tls_error",
]

TLSContext: TypeAlias = ssl.SSLContext
"""What `server_context` and `client_context` make, for who passes one on without touching it."""

# RFC 9325 4.2, for TLS 1.2: ephemeral elliptic curves, and ciphers that authenticate what they encrypt. Those of TLS 1.3
# are all of that kind.
CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"

# RFC 8446 4.6.1: tickets with which a client resumes without the costly part of the handshake. One renews itself each
# time it is used; each more costs every handshake some 50 µs. With none, a client that writes in two pieces without
# TCP_NODELAY waits 40 ms for our acknowledgement, which otherwise travels with the ticket.
TICKETS: Final = 1

# Names for which a certificate is kept ready, beside the default. A client may ask for any name, and a certificate with
# its context takes some 20 KB, so the oldest is dropped when there are more; it is made anew when asked for again.
NAMES_KEPT: Final = 64


class Certificates(Protocol):
    """Whatever has certificates to offer: `Credentials` (one), `ByName` (several), `Authority` (makes them)."""

    def choose(self, server_name: str | None) -> Credentials | None:
        """Those for the name a client asks for, a host name in lower case; None where there are none for it.

        For None, which is a client that asks for no name, there always are: the default.
        """
        ...


@dataclass(slots=True)
class TLSInfo:
    """What a handshake agreed on.

    ``version`` is TLSv1.2 or TLSv1.3, ``cipher`` the cipher suite's name, ``alpn`` the protocol chosen (RFC 7301) or
    None, ``server_name`` the name that the client asked for (RFC 6066 3) and looks for in the certificate, or None where
    it asked for none, ``resumed`` whether an earlier session went on. ``der`` is the peer's certificate, None from a
    client without one; ``shown`` is ours, on a server with a context of `server_context`.
    """

    version: str
    cipher: str
    alpn: str | None
    server_name: str | None
    resumed: bool
    der: bytes | None
    shown: Certificate | None = None
    is_server: bool = False

    @property
    def end_point(self) -> bytes | None:
        """The hash of the server's certificate to which a login can be bound (tls-server-end-point, RFC 5929 4), so that
        nobody in between can pass it on. The same on both sides; None where there is none. Raises `TLSError` as `certificate`.
        """
        certificate = self.shown if self.is_server else self.certificate
        return None if certificate is None else certificate.end_point

    @property
    def certificate(self) -> Certificate | None:
        """What the peer's certificate says. Raises `TLSError` where that cannot be read."""
        # Imported when asked for: the library behind it takes longer to load than a whole page.
        from wirespeak.sockets.certificate import Certificate

        return None if self.der is None else Certificate.parse(self.der)


class _Told:
    """Keeps what `ssl` tells a server once, in the middle of the handshake: the name asked for; and what was shown for it."""

    asked_for: str | None = None
    shown: Credentials | None = None


class _ServerSocket(_Told, ssl.SSLSocket):
    """The server's end of a connection."""


class _ServerObject(_Told, ssl.SSLObject):
    """The same, over memory instead of a socket."""


def info_of(tls: ssl.SSLSocket | ssl.SSLObject) -> TLSInfo:
    """What the handshake, now done, agreed on."""
    cipher = tls.cipher()
    alpn = tls.selected_alpn_protocol()
    told = tls if isinstance(tls, _Told) else None
    # The same few texts on thousands of connections: kept once each.
    return TLSInfo(
        version=intern(tls.version() or ""),
        cipher=intern(cipher[0] if cipher else ""),
        alpn=intern(alpn) if alpn else None,
        server_name=told.asked_for if told else tls.server_hostname,
        resumed=bool(tls.session_reused),
        der=tls.getpeercert(binary_form=True),
        shown=told.shown.certificate if told and told.shown else None,
        is_server=tls.server_side,
    )


# --- the server's side


def server_context(certificates: Certificates, *, alpn: Sequence[str] = (), client_authorities: Sequence[Path] = ()) -> ssl.SSLContext:
    """A context for servers that show one of ``certificates``, and choose the first of the client's protocols in ``alpn``.

    With no protocol in common the connection goes on without one: Python cannot refuse it, as RFC 7301 3.2 asks.

    With ``client_authorities``, PEM files, a client is asked for a certificate of its own (RFC 8446 4.3.2), which `TLSInfo.der` then
    tells. It need not have one; but one that none of these authorities has signed, and that isn't in these files itself, ends the
    handshake, for Python can't let a certificate pass that does not verify. Raises `StorageError` where a certificate or key cannot be
    read or do not belong together.
    """
    default = certificates.choose(None)
    if default is None:
        raise StorageError("a server needs a certificate for clients that ask for no name, and was given none")
    context = _context_showing(default, alpn, client_authorities)
    context.sni_callback = _Chooser(certificates, default, context, alpn, client_authorities)
    context.sslsocket_class = _ServerSocket
    context.sslobject_class = _ServerObject
    return context


def _context_showing(credentials: Credentials, alpn: Sequence[str], client_authorities: Sequence[Path]) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # RFC 9325 3.3 and 3.5: against what leaks through sizes, and what joins two conversations into one.
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.set_ciphers(CIPHERS)
    context.num_tickets = TICKETS
    if alpn:
        context.set_alpn_protocols(list(alpn))
    for file in client_authorities:
        context.verify_mode = ssl.CERT_OPTIONAL
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # a client's own certificate may stand in the file as well
        try:
            context.load_verify_locations(file)
        except OSError as error:  # SSLError is one: a file without certificates
            raise StorageError(f"the authorities for clients in {file} cannot be read: {error.strerror or error}") from None
    certificate_file, key_file = credentials.certificate_file, credentials.key_file
    try:
        context.load_cert_chain(certificate_file, key_file, password=_no_password)
    except ssl.SSLError as error:
        if error.reason in ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH"):
            raise StorageError(f"the key in {key_file} does not belong to the certificate in {certificate_file}") from None
        raise StorageError(f"{certificate_file} and {key_file} hold no certificate with its key: expected both in PEM") from None
    except OSError as error:
        raise StorageError(f"{certificate_file} or {key_file} cannot be read: {error.strerror or error}") from None
    return context


def _no_password() -> str:
    """In the place of OpenSSL's own question, for which a server would wait at its terminal."""
    raise StorageError("the private key is encrypted: store it without a password, readable by its owner only")


class _Chooser:
    """Picks the certificate for the name that a client asks for (SNI, RFC 6066 3), in the middle of the handshake.

    Each certificate has a context of its own, into which the connection is moved.
    """

    __slots__ = ("_alpn", "_certificates", "_client_authorities", "_contexts", "_default")

    def __init__(
        self,
        certificates: Certificates,
        default: Credentials,
        context: ssl.SSLContext,
        alpn: Sequence[str],
        client_authorities: Sequence[Path],
    ) -> None:
        self._certificates = certificates
        self._default = default
        self._alpn = alpn
        self._client_authorities = client_authorities
        self._contexts = {default: context}

    def __call__(self, tls: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        # Whatever is raised here would end the handshake as if the fault were ours, so nothing is. Where no certificate
        # fits, the default is shown: the client compares the names anyway, and can tell its user what is wrong.
        told = tls if isinstance(tls, _Told) else _Told()
        told.shown = self._default
        if name is None:
            return
        try:
            told.asked_for = name = parse_host(name).removesuffix(".")
            chosen = self._certificates.choose(name) or self._default
            context = self._contexts.get(chosen) or self._add(chosen)
        except WirespeakError:
            return
        if chosen is not self._default:
            tls.context = context
            told.shown = chosen

    def _add(self, chosen: Credentials) -> ssl.SSLContext:
        # OpenSSL looks for the clients' authorities in this context too, once the connection is moved into it.
        context = _context_showing(chosen, self._alpn, self._client_authorities)
        if len(self._contexts) > NAMES_KEPT:
            oldest = next(one for one in self._contexts if one is not self._default)
            del self._contexts[oldest]
        self._contexts[chosen] = context
        return context


# --- the client's side


def authority_folder() -> Path:
    """Where the local authority of this user lives, if there is one (XDG Base Directory Specification)."""
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "wirespeak" / "authority"


ROOT_CERTIFICATE: Final = Path("root", "certificate.pem")
"""The certificate of a local authority, inside its folder."""


def client_context(*, verify: bool = True, authorities: Sequence[Path] | None = None, alpn: Sequence[str] = ()) -> ssl.SSLContext:
    """A context for clients, which offer the protocols in ``alpn``, the one they like best first.

    The server's certificate must be signed by an authority that is trusted, be valid now, and bear the name asked for
    (RFC 9525); a name that is only in its subject does not count (RFC 9525 2). Trusted are the roots in the PEM files
    ``authorities`` and no others; without these, the system's, and the local authority of this user where there is one.
    With ``verify`` false any certificate is taken, and the conversation can be listened to: for looking at what a
    server has, never for a secret. Raises `StorageError` for a file of roots that cannot be read.
    """
    local = authority_folder() / ROOT_CERTIFICATE
    roots: list[Path | None] = [*authorities] if authorities else [None]  # None: those of the system
    if not authorities and os.path.exists(local):
        roots.append(local)
    try:
        context = ssl.create_default_context(cafile=roots[0])
        for file in roots[1:]:
            context.load_verify_locations(file)
    except OSError as error:
        places = ", ".join(str(file) for file in roots if file)
        raise StorageError(f"the roots to trust ({places}) cannot be read: {error.strerror or error}") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.hostname_checks_common_name = False
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


def server_name(host: str) -> str:
    """The name of ``host`` as TLS wants it: to ask for, and to find in the certificate.

    Without the dot at the end that an absolute name may have (RFC 6066 3), and without the zone of an IPv6 address,
    which means something on this machine only (RFC 4007 6). An IP address is looked for in the certificate but not asked for.
    """
    return host.partition("%")[0].removesuffix(".")


# X509_verify_cert's codes (X509_STORE_CTX_get_error(3)): what each means, and what to do about it.
_UNKNOWN = "its authority is not known here; name that authority's root certificate as one to trust, or have the server send the chain"
_ADVICE: Final = {
    9: "it is not valid yet; check this machine's clock",
    10: "it has expired; its owner must renew it",
    18: "it is signed by itself alone; if you know it to be right, name it as a root to trust",
    19: "it is signed by an authority that is not trusted here; if you know that authority, name its root certificate as one to trust",
    20: _UNKNOWN,
    21: _UNKNOWN,
    23: "it was revoked",
    47: "its authority may not vouch for that name (RFC 5280 4.2.1.10)",
    62: "it is for another name",
    64: "it is for another address",
}

# What OpenSSL calls a failure, and what it means. Alerts (RFC 8446 6.2) are what the peer says to us.
_REASONS: Final = {
    "CALLBACK_FAILED": "the name it asked for is no host name",
    "HTTP_REQUEST": "it speaks HTTP in clear; use http:// there, or the port for TLS",
    "NO_PROTOCOLS_AVAILABLE": "no version of TLS is allowed on both sides",
    "NO_SHARED_CIPHER": "it knows no cipher suite that is thought safe today (RFC 9325 4.2)",
    "RECORD_LAYER_FAILURE": "it does not speak TLS on this port",
    "SSLV3_ALERT_BAD_CERTIFICATE": "it does not take our certificate",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "it finds our certificate expired",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "it does not trust our certificate; it must trust the root that signed it",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "it found nothing in common with us",
    "TLSV1_ALERT_PROTOCOL_VERSION": "it speaks only versions of TLS older than 1.2, which are broken (RFC 8996)",
    "TLSV1_ALERT_UNKNOWN_CA": "it does not know the authority of our certificate; it must trust the root that signed it",
    "TLSV1_UNRECOGNIZED_NAME": "it serves no such name",
    "UNKNOWN_PROTOCOL": "it does not speak TLS on this port",
    "UNSUPPORTED_PROTOCOL": "it speaks only versions of TLS older than 1.2, which are broken (RFC 8996)",
    "WRONG_VERSION_NUMBER": "it does not speak TLS on this port",
}


def tls_error(error: OSError | ValueError, peer: str) -> TLSError:
    """What went wrong with TLS, in words: ``error`` is what `ssl` raised, ``peer`` the other side's name."""
    if isinstance(error, ssl.SSLCertVerificationError):
        why = _ADVICE.get(error.verify_code) or error.verify_message
        return TLSError(f"the certificate of {peer} is not to be trusted: {why}")
    if isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError, ConnectionResetError)):
        return TLSError(f"TLS with {peer} failed: it hung up in the middle of the handshake")
    if isinstance(error, ssl.SSLError) and error.reason:
        return TLSError(f"TLS with {peer} failed: {_REASONS.get(error.reason) or error.reason.lower().replace('_', ' ')}")
    return TLSError(f"TLS with {peer} failed: {getattr(error, 'strerror', None) or error}")
