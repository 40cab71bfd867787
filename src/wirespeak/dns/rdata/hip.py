"""The identity of a host (HIP, RFC 8005 5): its tag, its public key, and servers that know where it is.

    example. HIP 2 200100107B1A74DF365639CC39F1D578 AwEAAbdxyhNu… rvs.example.com.

On the wire the lengths of tag and key come first; the text leaves them out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from wirespeak.dns.grammar import Tokens
from wirespeak.dns.names import Name, read_name, skip_name
from wirespeak.dns.rdata.encodings import Base64, Hex, from_base64, from_hex
from wirespeak.dns.rdata.kinds import NAME, U8, U16, Depends, Kind, Piece, fault
from wirespeak.dns.rdata.row import Row
from wirespeak.dns.registry import Type
from wirespeak.errors import TextError

__all__ = ["HIP"]


class Names(Kind):
    """Any number of names, to the end of the data."""

    def read(self, message: bytes, at: int, end: int) -> tuple[tuple[Name, ...], int]:
        names = []
        while at < end:
            skip_name(message, at)
            name, at = read_name(message, at)
            names.append(name)
        if at > end:
            raise fault("the data ends inside a name", end)
        return tuple(names), end

    def write(self, value: Sequence[Name | str]) -> bytes:
        return b"".join(map(NAME.write, value))

    def show(self, value: tuple[Name, ...], origin: Name | None) -> str:
        return " ".join([NAME.show(name, origin) for name in value])

    def scan(self, words: Tokens, what: str, origin: Name | None) -> bytes:
        names = []
        while words:
            names.append(NAME.scan(words, what, origin))
        return b"".join(names)

    def pieces(self, message: bytes, at: int, end: int) -> Iterator[Piece]:
        while at < end:
            name, at = read_name(message, at)
            yield Piece(at, "rendezvous server", str(name))


class HipRow(Row):
    """Its text leaves out the lengths, and begins with the algorithm; so do the values that it is made of."""

    def __init__(self) -> None:
        super().__init__(
            Type.HIP,
            "RFC 8005 5",
            ("hit_length", U8, "of the tag, in bytes"),
            ("algorithm", U8, "of the key, as in IPSECKEY"),
            ("key_length", U16, "in bytes"),
            ("hit", Depends(lambda before: Hex(size=before[0], least=1)), "the host identity tag"),
            ("key", Depends(lambda before: Base64(size=int.from_bytes(before[2:4]), least=1)), "the host's public key"),
            ("servers", Names(), "rendezvous servers, through which the host can be reached"),
        )

    def write(self, values: Sequence[Any]) -> bytes:
        if len(values) != 4:
            raise TextError(f"HIP has 4 values (algorithm, hit, key, servers), not {len(values)}")
        algorithm, hit, key, servers = values
        if not (0 < len(hit) <= 0xFF and 0 < len(key) <= 0xFFFF):
            raise TextError("a tag of 1 to 255 bytes, and a key of 1 to 65535, belong to HIP (RFC 8005 5)")
        return super().write((len(hit), algorithm, len(key), hit, key, servers))

    def show(self, wire: bytes, origin: Name | None) -> str:
        _, algorithm, _, hit, key, servers = self.walk(wire, 0, len(wire))
        texts = [str(algorithm.value), hit.value.hex().upper(), key.kind.show(key.value, None).replace(" ", "")]
        return " ".join([*texts, *([servers.kind.show(servers.value, origin)] if servers.value else ())])

    def scan(self, words: Tokens, origin: Name | None) -> bytes:
        try:
            algorithm = U8.scan(words, "the algorithm of HIP", origin)
            hit = from_hex(words.plain("the tag of HIP"))
            key = from_base64(words.plain("the key of HIP"))
            servers = self.fields[-1].kind.scan(words, "a server of HIP", origin)
            if not (0 < len(hit) <= 0xFF and 0 < len(key) <= 0xFFFF):
                raise TextError("a tag of 1 to 255 bytes, and a key of 1 to 65535, belong to HIP (RFC 8005 5)")
        except TextError as error:
            words.locate(error)
            raise
        return len(hit).to_bytes() + algorithm + len(key).to_bytes(2) + hit + key + servers


HIP: Final = HipRow()
