"""Cloaks: what is shown of somebody's address, which tells nobody where they are, and yet is the same at every visit. Pure.

    203.0.113.9     ─▶  93f0a9d2e1.07c1f05b3a.ab45de22c8.hidden   of the address, of its /24, of its /16
    2001:db8:7::9   ─▶  …                                         of its /64, of its /56, of its /48
                        *.07c1f05b3a.ab45de22c8.hidden            a ban on the /24, by who sees cloaks alone

Each part is an HMAC by the server's secret: who doesn't have it can't try all addresses until one fits.
"""

from __future__ import annotations

import hmac
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

__all__ = ["cloak"]

WIDTHS: Final = {4: (32, 24, 16), 6: (64, 56, 48)}
"""Bits of an address that each part stands for. Of an IPv6 address the last 64 bits are the visitor's own to choose (RFC 8981)."""

BYTES: Final = 5
"""Of an HMAC, in hex: 40 bits a part, so that no two networks that meet here have the same."""


def cloak(ip: str, secret: bytes, suffix: str) -> str:
    """What to show instead of ``ip``; "localhost" for what is no IP address: a Unix socket's client."""
    try:
        address: IPv4Address | IPv6Address = ip_address(ip)
    except ValueError:
        return "localhost"
    parts = []
    for width in WIDTHS[address.version]:
        network = int(address) >> address.max_prefixlen - width
        parts.append(hmac.digest(secret, f"{address.version}/{width}/{network:x}".encode(), "sha256")[:BYTES].hex())
    return ".".join((*parts, suffix))
