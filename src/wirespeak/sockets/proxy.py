"""The PROXY protocol, versions 1 and 2: who the client behind a proxy is, told by the proxy before the client's first byte.

    PROXY TCP4 192.0.2.1 198.51.100.7 56324 25\\r\\n                          version 1: a line of text

    0D 0A 0D 0A 00 0D 0A 51 55 49 54 0A   21   11   00 0C   C0 00 02 01 …    version 2: signature, version and command,
                                                                              family, length, addresses, then more (TLVs)

The specification is HAProxy's (doc/proxy-protocol.txt); its sections are named here as "PROXY 2.1". A header says whatever its
sender likes, so it counts only from addresses that are listed (`Proxies`); from any other, its bytes are the session's, which
has no use for them. Who is listed must send one: guessing whether one is there is what the specification forbids (PROXY 2).
`HeaderReader` reads one, however it is cut, and takes no byte more; ``proxied.py`` gives it its place before TLS and session.

Touches no socket; `socket` is imported for turning addresses into text.
"""

from __future__ import annotations

import ipaddress
import os
import re
import socket
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any, Final, Self

from wirespeak.errors import AddressError, RemoteProtocolError
from wirespeak.sockets.address import SocketAddress

__all__ = ["UNIX", "HeaderReader", "Proxies", "Told"]

UNIX: Final = "unix"
"""In a list of proxies: whoever comes by a Unix socket."""

SIGNATURE: Final = b"\r\n\r\n\x00\r\nQUIT\n"
"""How version 2 begins (PROXY 2.2): with what no protocol's client says."""

FIXED: Final = struct.Struct(">12sBBH")
"""Signature, version and command, family and transport, length of the rest."""

LINE_LIMIT: Final = 107
"""Bytes of a line of version 1 with its CRLF: the longest there can be (PROXY 2.1)."""

REST_LIMIT: Final = 16384
"""Bytes behind the fixed part of version 2: addresses take 216 at most, and the longest TLV in use is a client's certificate.
The field could say 65,535."""

# PROXY 2.1: one space between; decimal ports without leading zeros. The addresses are read once the line fits.
LINE: Final = re.compile(
    rb"PROXY (?:(?P<tcp4>TCP4)|TCP6) (?P<source>[0-9A-Fa-f.:]{2,45}) (?P<target>[0-9A-Fa-f.:]{2,45}) "
    rb"(?P<from>0|[1-9][0-9]{0,4}) (?P<to>0|[1-9][0-9]{0,4})\r\n"
)
LOCAL, PROXY = 0x20, 0x21
TCP4, TCP6, STREAM = 0x11, 0x21, 0x31
BLOCKS: Final = {TCP4: struct.Struct(">4s4sHH"), TCP6: struct.Struct(">16s16sHH"), STREAM: struct.Struct(">108s108s")}
"""The addresses of each family (PROXY 2.2), all by stream: nothing here was a datagram before."""

TLV: Final = struct.Struct(">BH")
CRC32C: Final = 0x03
"""The type of the TLV with a checksum over the whole header (PROXY 2.2.3)."""


@dataclass(slots=True, frozen=True)
class Told:
    """The client's address and the one it came to, as `socket` writes them; None where the proxy speaks for itself (LOCAL)."""

    peer: SocketAddress | None = None
    local: SocketAddress | None = None


class HeaderReader:
    """Reads one header, in pieces that fall anywhere. `told` is None until it is whole."""

    __slots__ = ("_data", "told")

    def __init__(self) -> None:
        self._data = b""
        self.told: Told | None = None

    def feed(self, data: bytes) -> int:
        """Take in ``data``, and say how many bytes of it were the header's. Raises `RemoteProtocolError` for what is none."""
        before = len(self._data)
        self._data += data  # a few pieces at most, or many short ones: the whole is bounded
        size = self._size()
        if size is None or size > len(self._data):
            return len(data)
        header = self._data[:size]
        self.told = _read_text(header) if header.startswith(b"PROXY") else _read_binary(header)
        return size - before

    def _size(self) -> int | None:
        """The header's length, as soon as it is known."""
        data = self._data
        if data.startswith(SIGNATURE):
            if len(data) > len(SIGNATURE) and data[12] not in (LOCAL, PROXY):
                raise _broken(f"the byte {data[12]:02x} is no version and command of a PROXY header: expected 20 or 21", "2.2")
            if len(data) < FIXED.size:
                return None
            length: int = FIXED.unpack_from(data)[3]
            if length > REST_LIMIT:
                raise _broken(f"a PROXY header says that it goes on for {length} bytes: expected {REST_LIMIT} at most", "2.2")
            return FIXED.size + length
        if data.startswith(b"PROXY "):
            end = data.find(b"\r\n", 0, LINE_LIMIT)
            if end < 0 and len(data) >= LINE_LIMIT:
                raise _broken(f"a PROXY header of version 1 has no CRLF in its first {LINE_LIMIT} bytes", "2.1")
            return None if end < 0 else end + 2
        if SIGNATURE.startswith(data) or b"PROXY ".startswith(data):
            return None
        raise _broken(f"{data[:16]!r} is no PROXY header, which this address must send before all else", "2")


def _broken(message: str, section: str) -> RemoteProtocolError:
    return RemoteProtocolError(message, clause=f"PROXY {section}")


def _read_text(line: bytes) -> Told:
    """Version 1 (PROXY 2.1)."""
    match = LINE.fullmatch(line)
    if match is None:
        # UNKNOWN may be taken for the proxy's own address, or be refused (PROXY 2.1). A client whose address the proxy does
        # not know must not pass for the proxy, which may be this machine, and trusted.
        hidden = "tells of a client without its address" if line.startswith(b"PROXY UNKNOWN") else "is none"
        raise _broken(f"a PROXY header of version 1 {hidden}: {line[:LINE_LIMIT]!r}", "2.1")
    kind: type[IPv4Address | IPv6Address] = IPv4Address if match["tcp4"] else IPv6Address
    try:
        source, target = (kind(match[name].decode()) for name in ("source", "target"))
    except ValueError as error:
        raise _broken(f"a PROXY header of version 1 has an address that is none: {error}", "2.1") from None
    ports = int(match["from"]), int(match["to"])
    if max(ports) > 65535:
        raise _broken(f"a PROXY header of version 1 has a port that is none: {max(ports)}", "2.1")
    return Told(_address(source.packed, ports[0]), _address(target.packed, ports[1]))


def _read_binary(header: bytes) -> Told:
    """Version 2 (PROXY 2.2)."""
    _, command, family, _ = FIXED.unpack_from(header)
    if command == LOCAL:  # the proxy's own, to see whether we are well: what else is in the header is not to be looked at
        return Told()
    block = BLOCKS.get(family)
    if block is None:
        # Unspecified addresses and datagrams may be taken for the proxy's own too, or be refused (PROXY 2.2); as above.
        raise _broken(f"a PROXY header tells of a client of family {family:02x}: expected TCP or a Unix stream (11, 21, 31)", "2.2")
    rest = FIXED.size + block.size
    if rest > len(header):
        raise _broken(f"a PROXY header ends in the middle of its addresses: {len(header)} bytes, expected {rest} or more", "2.2")
    _check_tlvs(header, rest)
    if family == STREAM:
        source, target = block.unpack_from(header, FIXED.size)
        return Told(_path(source), _path(target))
    source, target, port, target_port = block.unpack_from(header, FIXED.size)
    return Told(_address(source, port), _address(target, target_port))


def _check_tlvs(header: bytes, start: int) -> None:
    """Walk over what follows the addresses: all of it must be whole, and a checksum, where there is one, be right."""
    while start < len(header):
        if start + TLV.size > len(header):
            raise _broken("a PROXY header ends in the middle of a TLV", "2.2")
        kind, length = TLV.unpack_from(header, start)
        start += TLV.size
        if start + length > len(header):
            raise _broken(f"a TLV goes on for {length} bytes, behind the end of its PROXY header", "2.2")
        if kind == CRC32C:
            if length != 4:
                raise _broken(f"the checksum of a PROXY header has 4 bytes, not {length}", "2.2.3")
            blank = header[:start] + bytes(4) + header[start + 4 :]
            if _crc32c(blank) != int.from_bytes(header[start : start + 4], "big"):
                raise _broken("the checksum of a PROXY header is wrong: it was damaged on its way", "2.2.3")
        start += length


def _crc32c_table() -> Sequence[int]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


_CRC32C_TABLE: Final = _crc32c_table()


def _crc32c(data: bytes) -> int:
    """The CRC-32 of Castagnoli (RFC 9260 A). Once a connection and over some hundred bytes: no library has it."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _CRC32C_TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def _address(packed: bytes, port: int) -> SocketAddress:
    if len(packed) == 4:
        return socket.inet_ntop(socket.AF_INET, packed), port
    return socket.inet_ntop(socket.AF_INET6, packed), port, 0, 0


def _path(name: bytes) -> SocketAddress:
    """The name of a Unix socket in 108 bytes, NULs behind it: in front of an abstract one too (unix(7)); of one without, nothing."""
    if name[0]:
        return os.fsdecode(name.partition(b"\0")[0])
    return name.rstrip(b"\0") or ""


@dataclass(slots=True, frozen=True)
class Proxies:
    """The addresses whose word counts."""

    networks: tuple[IPv4Network | IPv6Network, ...]
    unix: bool

    @classmethod
    def parse(cls, texts: Iterable[str]) -> Self:
        """Read addresses (``192.0.2.1``), networks (``10.0.0.0/8``, ``fd00::/8``) and ``unix``. Raises `AddressError`."""
        networks, unix = [], False
        for text in texts:
            if text == UNIX:
                unix = True
                continue
            try:
                networks.append(ipaddress.ip_network(text))
            except ValueError as error:
                raise AddressError(
                    f"{text[:60]!r} names no proxies: expected an address, a network as 10.0.0.0/8, or unix ({error})"
                ) from None
        return cls(tuple(networks), unix)

    def include(self, peer: Any) -> bool:
        """Whether ``peer``, as a socket's accept tells it, is one of them. IPv4 is that also where it came by an IPv6 socket."""
        if not isinstance(peer, tuple):
            return self.unix
        if not self.networks:
            return False
        address = ipaddress.ip_address(peer[0].partition("%")[0])
        if isinstance(address, IPv6Address):
            address = address.ipv4_mapped or address
        return any(address in network for network in self.networks)
