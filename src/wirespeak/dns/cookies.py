"""Cookies: how a server knows again, over UDP, who has asked from an address before (RFC 7873), as RFC 9018 makes them.

    client ── its own 8 bytes ──────────────────────────────▶ server
    client ◀─ those, and 16 of the server's ───────────────── server
    client ── both, with every question from now on ────────▶ server, which knows: this address is no forgery

    │ 8: the client's │ 1: version │ 3: reserved │ 4: when │ 8: SipHash-2-4 of all this and the client's address │

The server keeps nothing: it makes the hash anew and compares. Several servers of one secret know each other's cookies, of
whatever make they are. Pure: time and secrets are arguments.
"""

from __future__ import annotations

import hmac
import struct
from dataclasses import dataclass
from enum import Enum, auto
from ipaddress import IPv6Address, ip_address
from typing import Final

from wirespeak.errors import RemoteProtocolError

__all__ = ["Cookies", "Known", "siphash"]

# RFC 7873 4: the client's part, and how long all of it may be.
CLIENT_SIZE: Final = 8
SIZES: Final = range(16, 41)
# RFC 9018 4: our own are as long as this, of this version.
SIZE: Final = 24
VERSION: Final = 1
SECRET_SIZE: Final = 16

# RFC 9018 4.3, in seconds: how old a cookie may be, how far ahead of our clock, and from what age on it is replaced.
MAX_AGE: Final = 3600
MAX_AHEAD: Final = 300
RENEWED_AT: Final = 1800

# Cookies that were found good a moment ago, by client: most questions come from few resolvers, and a hash takes as long here as
# a whole answer. Some hundred bytes each.
REMEMBERED: Final = 8192


class Known(Enum):
    """What a cookie tells of who sent it."""

    NEW = auto()  # it has none of ours yet
    BAD = auto()  # it has one that is not ours, not its own, or out of date: the same as none (RFC 7873 5.2.4)
    GOOD = auto()


@dataclass(slots=True, frozen=True)
class Verdict:
    """Whether the client is known, and the option that it is answered with."""

    known: Known
    option: bytes


class Cookies:
    """Makes cookies by the first of ``secrets`` (16 bytes each), and knows those made by any of them (RFC 9018 5)."""

    __slots__ = ("_good", "_secrets")

    def __init__(self, *secrets: bytes) -> None:
        self._secrets: tuple[bytes, ...] = ()
        self._good: dict[tuple[str, bytes], int] = {}
        self.roll(*secrets)

    def roll(self, *secrets: bytes) -> None:
        """From now on these are the secrets: a new one comes first, and the one before it stays for an hour at least."""
        if not secrets or any(len(secret) != SECRET_SIZE for secret in secrets):
            raise ValueError(f"a secret for cookies has {SECRET_SIZE} bytes (RFC 9018 4.4)")
        self._secrets = secrets
        self._good.clear()

    def check(self, option: bytes, client: str, now: int) -> Verdict:
        """What the ``option`` tells that came from the address ``client`` at ``now`` (seconds since 1970).

        Raises `RemoteProtocolError` for one of a wrong length (RFC 7873 5.2.2).
        """
        when = self._good.get((client, option))
        if when is not None and -MAX_AHEAD <= now - when < RENEWED_AT:
            return Verdict(Known.GOOD, option)
        size = len(option)
        if size != CLIENT_SIZE and size not in SIZES:
            raise RemoteProtocolError(f"a cookie of {size} bytes: expected 8, or 16 to 40", code=1, clause="RFC 7873 4")
        address = _packed(client)
        if size == CLIENT_SIZE:
            return Verdict(Known.NEW, self._make(option, address, now))
        when = int.from_bytes(option[12:16], "big")
        age = (now - when + 0x80000000) % 0x100000000 - 0x80000000  # RFC 1982: 32 bits of seconds go round
        made_by = self._maker(option, address) if size == SIZE and option[CLIENT_SIZE] == VERSION else None
        if made_by is None or not -MAX_AHEAD <= age <= MAX_AGE:
            return Verdict(Known.BAD, self._make(option[:CLIENT_SIZE], address, now))
        if made_by is not self._secrets[0] or age >= RENEWED_AT:
            return Verdict(Known.GOOD, self._make(option[:CLIENT_SIZE], address, now))
        if len(self._good) >= REMEMBERED:
            self._good.clear()
        self._good[client, option] = now - age
        return Verdict(Known.GOOD, option)

    def _maker(self, option: bytes, address: bytes) -> bytes | None:
        """The secret that it was made by; None where it is none of ours."""
        for secret in self._secrets:
            # The hash is over the reserved bytes as they came (RFC 9018 4.2).
            if hmac.compare_digest(siphash(secret, option[:16] + address), option[16:]):
                return secret
        return None

    def _make(self, client: bytes, address: bytes, now: int) -> bytes:
        cookie = client + struct.pack("!B3xI", VERSION, now & 0xFFFFFFFF)
        return cookie + siphash(self._secrets[0], cookie + address)


def _packed(client: str) -> bytes:
    """The address as bytes: four of IPv4, sixteen of IPv6 (RFC 9018 4.4)."""
    address = ip_address(client.partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped.packed  # as a socket of both families tells it
    return address.packed


_WORDS: Final = 0xFFFFFFFFFFFFFFFF


def siphash(key: bytes, data: bytes) -> bytes:
    """SipHash-2-4 of ``data`` under a ``key`` of 16 bytes, as RFC 9018 4.4 writes it: the low byte first."""
    k0, k1 = struct.unpack("<QQ", key)
    v0, v1 = k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D
    v2, v3 = k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573
    last = bytes(-(len(data) + 1) % 8) + bytes([len(data) & 0xFF])
    for (word,) in struct.iter_unpack("<Q", data + last):
        v0, v1, v2, v3 = _rounds(2, v0, v1, v2, v3 ^ word)
        v0 ^= word
    v0, v1, v2, v3 = _rounds(4, v0, v1, v2 ^ 0xFF, v3)
    return struct.pack("<Q", v0 ^ v1 ^ v2 ^ v3)


def _rounds(count: int, v0: int, v1: int, v2: int, v3: int) -> tuple[int, int, int, int]:
    for _ in range(count):
        v0 = (v0 + v1) & _WORDS
        v1 = ((v1 << 13 | v1 >> 51) & _WORDS) ^ v0
        v0 = (v0 << 32 | v0 >> 32) & _WORDS
        v2 = (v2 + v3) & _WORDS
        v3 = ((v3 << 16 | v3 >> 48) & _WORDS) ^ v2
        v0 = (v0 + v3) & _WORDS
        v3 = ((v3 << 21 | v3 >> 43) & _WORDS) ^ v0
        v2 = (v2 + v1) & _WORDS
        v1 = ((v1 << 17 | v1 >> 47) & _WORDS) ^ v2
        v2 = (v2 << 32 | v2 >> 32) & _WORDS
    return v0, v1, v2, v3
