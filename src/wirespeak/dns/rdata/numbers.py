"""What the numbers within records stand for: IANA's registries of algorithms, digests, kinds of certificate and the like.

A zone file may use most of these names in place of the numbers; it is shown with the numbers, but where a note says otherwise.
"""

from __future__ import annotations

from typing import Final

from wirespeak.dns.registry import Rcode

__all__ = [
    "ALGORITHMS", "CERTIFICATES", "DIGESTS", "DSYNC_SCHEMES", "FINGERPRINTS", "IPSEC_ALGORITHMS", "KEY_FLAGS", "KEY_PROTOCOLS",
    "NSEC3_ALGORITHMS", "PROTOCOLS", "SSH_ALGORITHMS", "TKEY_MODES", "TLSA_MATCHING", "TLSA_SELECTORS", "TLSA_USAGES", "TSIG_ERRORS",
    "ZONEMD_ALGORITHMS", "ZONEMD_SCHEMES",
]  # fmt: skip

# RFC 4034 A.1 and the registry since. CERT is shown with the names.
ALGORITHMS: Final = {
    1: "RSAMD5", 2: "DH", 3: "DSA", 5: "RSASHA1", 6: "NSEC3DSA", 7: "NSEC3RSASHA1", 8: "RSASHA256", 10: "RSASHA512",
    12: "ECCGOST", 13: "ECDSAP256SHA256", 14: "ECDSAP384SHA384", 15: "ED25519", 16: "ED448", 252: "INDIRECT",
    253: "PRIVATEDNS", 254: "PRIVATEOID",
}  # fmt: skip

# RFC 4034 A.2 and the registry since, as BIND takes them.
DIGESTS: Final = {1: "SHA-1", 2: "SHA-256", 3: "GOST", 4: "SHA-384"}

# RFC 4034 2.1.1, RFC 5011 7: by the place of the bit.
KEY_FLAGS: Final = {
    7: ("ZONE", "a key of the zone: it signs records"),
    8: ("REVOKE", "revoked: no longer to be trusted"),
    15: ("SEP", "a key signing key: the parent's DS points to it"),
}

KEY_PROTOCOLS: Final = {1: "TLS", 2: "EMAIL", 3: "DNSSEC", 4: "IPSEC", 255: "ALL"}  # RFC 2535 3.1.3

# RFC 5155 11
NSEC3_ALGORITHMS: Final = {1: "SHA-1"}

# RFC 4398 2.1. CERT is shown with the names.
CERTIFICATES: Final = {
    1: "PKIX", 2: "SPKI", 3: "PGP", 4: "IPKIX", 5: "ISPKI", 6: "IPGP", 7: "ACPKIX", 8: "IACPKIX", 253: "URI", 254: "OID",
}  # fmt: skip

# RFC 7218 2
TLSA_USAGES: Final = {0: "PKIX-TA", 1: "PKIX-EE", 2: "DANE-TA", 3: "DANE-EE", 255: "PrivCert"}
TLSA_SELECTORS: Final = {0: "Cert", 1: "SPKI", 255: "PrivSel"}
TLSA_MATCHING: Final = {0: "Full", 1: "SHA2-256", 2: "SHA2-512", 255: "PrivMatch"}

# RFC 4255 5, RFC 6594, RFC 7479, RFC 8709
SSH_ALGORITHMS: Final = {1: "RSA", 2: "DSA", 3: "ECDSA", 4: "Ed25519", 6: "Ed448"}
FINGERPRINTS: Final = {1: "SHA-1", 2: "SHA-256"}

# RFC 4025 5, RFC 8005 5, RFC 9373
IPSEC_ALGORITHMS: Final = {0: "no key", 1: "DSA", 2: "RSA", 3: "ECDSA", 4: "EdDSA"}

# RFC 8976 5
ZONEMD_SCHEMES: Final = {1: "SIMPLE"}
ZONEMD_ALGORITHMS: Final = {1: "SHA384", 2: "SHA512"}

# RFC 9859 6.2. DSYNC is shown with the names.
DSYNC_SCHEMES: Final = {1: "NOTIFY"}

# RFC 1010: what a WKS record has
PROTOCOLS: Final = {1: "ICMP", 6: "TCP", 17: "UDP"}

# RFC 2930 2.5
TKEY_MODES: Final = {1: "server assignment", 2: "Diffie-Hellman", 3: "GSS-API", 4: "resolver assignment", 5: "key deletion"}

# RFC 8945 3: in a TSIG record, 16 is not what it is as the code of a response. TSIG is shown with the names.
TSIG_ERRORS: Final = {rcode.value: rcode.name for rcode in Rcode} | {16: "BADSIG"}
