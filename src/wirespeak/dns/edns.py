"""EDNS(0): what a message says beside its records, in a record of type OPT (RFC 6891).

An OPT record's class is the size of answer that fits over UDP, its TTL holds the upper bits of the response code, a
version and flags, its data a list of options. Of the options in use, those with a form of their own are made and read
by the functions here; all others are bytes.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from wirespeak.dns.registry import ExtendedError, Option
from wirespeak.errors import RemoteProtocolError, TextError

__all__ = ["PAYLOAD", "SMALLEST", "ClientSubnet", "Edns", "EdnsOption", "client_subnet", "extended_error", "keepalive", "padding"]

# What fits into an Ethernet frame over IPv6 with room for tunnels: agreed on the DNS Flag Day 2020, so that nothing is fragmented.
PAYLOAD: Final = 1232
# RFC 1035 4.2.1: what fits into a datagram for who says nothing else.
SMALLEST: Final = 512
# More options than this are nobody's honest message: there are two dozen in the registry.
MAX_OPTIONS: Final = 64

DO: Final = 0x8000
_OPTION: Final = struct.Struct("!HH")
_OPT: Final = struct.Struct("!BHHBBHH")


@dataclass(slots=True)
class EdnsOption:
    """One option: its number, and its bytes."""

    code: int
    data: bytes = b""


@dataclass(slots=True)
class Edns:
    """What an OPT record says. ``payload``: bytes of answer that may come over UDP; ``do``: signatures are wanted (RFC 3225)."""

    payload: int = PAYLOAD
    version: int = 0
    do: bool = False
    options: list[EdnsOption] = field(default_factory=list)

    def option(self, code: int) -> bytes | None:
        """The bytes of the first option of that number; None where there is none."""
        for option in self.options:
            if option.code == code:
                return option.data
        return None

    @classmethod
    def read(cls, payload: int, ttl: int, data: bytes, at: int, end: int) -> Edns:
        """Of an OPT record with that class and TTL, its options from ``at`` to ``end``. Raises `RemoteProtocolError`."""
        edns = cls(payload, ttl >> 16 & 0xFF, bool(ttl & DO))
        while at < end:
            if at + 4 > end:
                raise _fault("an option that ends in its head", at)
            code, size = _OPTION.unpack_from(data, at)
            if at + 4 + size > end:
                raise _fault("an option that ends behind its record", at)
            if len(edns.options) == MAX_OPTIONS:
                raise _fault(f"more than {MAX_OPTIONS} options", at)
            edns.options.append(EdnsOption(code, data[at + 4 : at + 4 + size]))
            at += 4 + size
        return edns

    def encode(self, rcode: int = 0) -> bytes:
        """The OPT record; ``rcode`` is the whole response code, of which it holds the upper eight bits (RFC 6891 6.1.3)."""
        options = b"".join([_OPTION.pack(option.code, len(option.data)) + option.data for option in self.options])
        return _OPT.pack(0, 41, self.payload, rcode >> 4, self.version, DO if self.do else 0, len(options)) + options


@dataclass(slots=True, frozen=True)
class ClientSubnet:
    """For whom a resolver asks (RFC 7871 6): an address of which the first ``source`` bits are told.

    In an answer, ``scope`` is for how many of its bits that answer is meant.
    """

    address: IPv4Address | IPv6Address
    source: int
    scope: int = 0

    @classmethod
    def read(cls, data: bytes) -> ClientSubnet:
        """Raises `RemoteProtocolError`."""
        if len(data) < 4:
            raise _fault("a client subnet of less than four bytes", 0, "RFC 7871 6")
        family, source, scope = struct.unpack_from("!HBB", data)
        size = {1: 4, 2: 16}.get(family)
        if size is None or source > size * 8 or scope > size * 8 or len(data) - 4 != (source + 7) // 8:
            raise _fault("a client subnet whose address is not as long as it says", 4, "RFC 7871 6")
        if source % 8 and data[-1] & (0xFF >> source % 8):
            raise _fault("a client subnet with bits set behind its prefix", len(data) - 1, "RFC 7871 6")
        return cls(ip_address(data[4:].ljust(size, b"\0")), source, scope)

    def encode(self) -> bytes:
        family = 1 if isinstance(self.address, IPv4Address) else 2
        kept = bytearray(self.address.packed[: (self.source + 7) // 8])
        if self.source % 8:
            kept[-1] &= 0xFF00 >> self.source % 8 & 0xFF
        return struct.pack("!HBB", family, self.source, self.scope) + kept

    def __str__(self) -> str:
        return f"{self.address}/{self.source}/{self.scope}"


def client_subnet(text: str) -> EdnsOption:
    """The option for a text like ``192.0.2.0/24``; ``0/0`` asks that nothing be told of whoever asks. Raises `TextError`."""
    address, _, bits = text.partition("/")
    try:
        whose = ip_address("0.0.0.0" if address == "0" else address)
        source = int(bits) if bits else whose.max_prefixlen
    except ValueError:
        raise TextError(f"{text!r} is no client subnet: an address and the number of its bits, as in 192.0.2.0/24") from None
    if not 0 <= source <= whose.max_prefixlen:
        raise TextError(f"{text!r}: an address of that family has {whose.max_prefixlen} bits")
    return EdnsOption(Option.CLIENT_SUBNET, ClientSubnet(whose, source).encode())


def extended_error(code: ExtendedError, text: str = "") -> EdnsOption:
    """Why the answer is as it is (RFC 8914 2), with a word for people."""
    return EdnsOption(Option.EXTENDED_ERROR, struct.pack("!H", code) + text.encode("utf-8"))


def keepalive(seconds: float | None = None) -> EdnsOption:
    """How long a connection may stay idle (RFC 7828 3.1), in steps of a tenth of a second; without a time, asks for that."""
    return EdnsOption(Option.TCP_KEEPALIVE, b"" if seconds is None else struct.pack("!H", min(int(seconds * 10), 0xFFFF)))


def padding(size: int, block: int) -> EdnsOption:
    """Zeros that bring a message of ``size`` bytes, this option's head not counted, to a multiple of ``block`` (RFC 7830, 8467)."""
    return EdnsOption(Option.PADDING, bytes(-(size + 4) % block))


def _fault(what: str, at: int, clause: str = "RFC 6891 6.1.2") -> RemoteProtocolError:
    return RemoteProtocolError(what, code=1, offset=at, clause=clause)
