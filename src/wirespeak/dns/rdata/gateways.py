"""Fields that are an address, a name or nothing, as a number before them says.

Gateways of IPSECKEY (RFC 4025 2.5), relays of AMTRELAY (RFC 8777 4.2), the two parts of A6 (RFC 2874 3.1); and the address
of ATMA, which says itself what it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from wirespeak.dns.grammar import Tokens
from wirespeak.dns.names import Name
from wirespeak.dns.rdata.encodings import BASE64, OPTIONAL_BASE64, Hex, from_hex
from wirespeak.dns.rdata.kinds import IPV4, IPV6, LOWERED, NAME, NOTHING, U8, Depends, Kind, Number, Piece, fault, ipv6_of, ipv6_text, taken
from wirespeak.errors import TextError
from wirespeak.explanation import Bits

__all__ = ["A6_NAME", "A6_SUFFIX", "ATM_ADDRESS", "GATEWAY", "GATEWAY_TYPES", "IPSEC_KEY", "PREFIX_LENGTH", "RELAY", "RELAY_TYPE"]

GATEWAY_TYPES: Final = {0: "none", 1: "an IPv4 address", 2: "an IPv6 address", 3: "a name"}


class NoGateway(Kind):
    """No bytes; in text a dot stands for that."""

    size = 0

    def read(self, message: bytes, at: int, end: int) -> tuple[None, int]:
        return None, at

    def write(self, value: None) -> bytes:
        return b""

    def show(self, value: None, origin: Name | None) -> str:
        return "."

    def scan(self, words: Tokens, what: str, origin: Name | None) -> bytes:
        if (text := words.plain(what)) != ".":
            raise TextError(f"{text[:40]!r} where a dot should stand: the type says that there is none")
        return b""


class Unknown(Kind):
    """A gateway of a type that nobody knows: where it ends, only ``to_end`` may tell; and it has no text."""

    def __init__(self, *, to_end: bool) -> None:
        self._to_end = to_end

    def read(self, message: bytes, at: int, end: int) -> tuple[bytes, int]:
        if not self._to_end:
            raise fault("of an unknown type, so that nobody knows where it ends", at)
        return message[at:end], end

    def write(self, value: bytes) -> bytes:
        return value

    def show(self, value: bytes, origin: Name | None) -> str:
        raise fault("of an unknown type, which has no text", 0)

    def scan(self, words: Tokens, what: str, origin: Name | None) -> bytes:
        words.take(what)
        raise TextError(f"{what} is of an unknown type: only 0 to 3 are known")


GATEWAYS: Final[dict[int, Kind]] = {0: NoGateway(), 1: IPV4, 2: IPV6, 3: NAME}

GATEWAY: Final = Depends(lambda before: GATEWAYS.get(before[1], Unknown(to_end=False)))
IPSEC_KEY: Final = Depends(lambda before: BASE64 if before[2] else OPTIONAL_BASE64)  # RFC 4025 2.4: algorithm 0 is no key
RELAY: Final = Depends(lambda before: GATEWAYS.get(before[1] & 0x7F, Unknown(to_end=True)))


class RelayType(Number):
    """A bit that says that discovery is optional, and the type of relay; two words (RFC 8777 4.3.1)."""

    def show(self, value: int, origin: Name | None) -> str:
        return f"{value >> 7} {value & 0x7F}"

    def scan(self, words: Tokens, what: str, origin: Name | None) -> bytes:
        optional = U8.scan(words, what, origin)[0]
        type = U8.scan(words, what, origin)[0]
        if optional > 1 or type > 0x7F:
            raise TextError(f"{what} is out of range: 0 or 1, and 0 to 127 (RFC 8777 4.3.1)")
        return bytes((optional << 7 | type,))

    def bits(self, value: int) -> tuple[Bits, ...]:
        discovery = "may be left out" if value >> 7 else "is to be done"
        return (
            Bits(0, 1, "D", str(value >> 7), f"discovery by other means {discovery}"),
            Bits(1, 7, "type", str(value & 0x7F), GATEWAY_TYPES.get(value & 0x7F, "unknown")),
        )


RELAY_TYPE: Final = RelayType(1)


# --- A6


class PrefixLength(Number):
    """Bits that another name's address gives: 0 to 128."""

    def __init__(self) -> None:
        super().__init__(1)
        self.size = -1  # so that each value is looked at

    def read(self, message: bytes, at: int, end: int) -> tuple[int, int]:
        bits = taken(message, at, end, 1, "a prefix length")[0]
        if bits > 128:
            raise fault(f"a prefix of {bits} bits", at, "RFC 2874 3.1.1")
        return bits, at + 1

    def write(self, value: int) -> bytes:
        if not 0 <= value <= 128:
            raise TextError(f"{value} is out of range: 0 to 128 (RFC 2874 3.1.1)")
        return bytes((value,))

    def scan(self, words: Tokens, what: str, origin: Name | None) -> bytes:
        return self.write(U8.scan(words, what, origin)[0])


class Suffix(Kind):
    """The last bits of an address, in as few bytes as hold them."""

    def __init__(self, bits: int) -> None:
        self._bytes = (bits + 7) // 8
        self._mask = (1 << bits) - 1

    def read(self, message: bytes, at: int, end: int) -> tuple[bytes, int]:
        suffix = taken(message, at, end, self._bytes, "an address suffix")
        if int.from_bytes(suffix) & ~self._mask:
            raise fault("bits of the prefix are set in the suffix", at, "RFC 2874 3.1.1")
        return suffix, at + self._bytes

    def write(self, value: bytes) -> bytes:
        return (int.from_bytes(value) & self._mask).to_bytes(self._bytes)

    def show(self, value: bytes, origin: Name | None) -> str:
        return ipv6_text(value.rjust(16, b"\0"))

    def scan(self, words: Tokens, what: str, origin: Name | None) -> bytes:
        return self.write(ipv6_of(words.plain(what)))


PREFIX_LENGTH: Final = PrefixLength()
A6_SUFFIX: Final = Depends(lambda before: NOTHING if before[0] == 128 else Suffix(128 - before[0]))
A6_NAME: Final = Depends(lambda before: LOWERED if before[0] else NOTHING, lower=True)


# --- ATMA


class AtmAddress(Kind):
    """A byte that says whether it is an AESA, in hexadecimal, or an E.164 number, digits behind a plus sign (AF-DANS-0152.000 5.2)."""

    HEX: Final = Hex()

    def read(self, message: bytes, at: int, end: int) -> tuple[bytes, int]:
        address = message[at:end]
        if len(address) < 2 or (address[0] == 1 and not address[1:].isdigit()):
            raise fault("no address of ATM: its format, and what that says", at)
        return address, end

    def write(self, value: bytes) -> bytes:
        return value

    def show(self, value: bytes, origin: Name | None) -> str:
        if value[0] > 1:
            raise fault(f"an address of the unknown format {value[0]} has no text", 0)
        return f"+{value[1:].decode()}" if value[0] else value[1:].hex()

    def scan(self, words: Tokens, what: str, origin: Name | None) -> bytes:
        text = words.plain(what)
        bare = text.replace(".", "")
        if bare[:1] != "+":
            return b"\0" + self.HEX.write(from_hex(bare))
        if not (bare[1:].isdecimal() and bare.isascii()):
            raise TextError(f"{text[:40]!r} is no E.164 number: digits behind a plus sign")
        return b"\1" + bare[1:].encode()

    def pieces(self, message: bytes, at: int, end: int) -> Iterator[Piece]:
        yield Piece(at + 1, "format", str(message[at]), {0: "an ATM end system address", 1: "an E.164 number"}.get(message[at], "unknown"))
        yield Piece(end, "address", message[at + 1 : end].hex())


ATM_ADDRESS: Final = AtmAddress()
