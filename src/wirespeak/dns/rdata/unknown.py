r"""Types without a row of their own: any bytes, in a text that every type may have, ``\# 4 7F000001`` (RFC 3597)."""

from __future__ import annotations

from typing import Final

from wirespeak.dns.grammar import Tokens
from wirespeak.dns.names import Name
from wirespeak.dns.rdata.encodings import OPTIONAL_HEX, from_hex, joined
from wirespeak.dns.rdata.kinds import U16
from wirespeak.dns.rdata.row import Row
from wirespeak.dns.registry import type_text
from wirespeak.errors import TextError

__all__ = ["GENERIC", "UNKNOWN", "Unknown"]

# What the generic form begins with.
GENERIC: Final = "\\#"


class Unknown(Row):
    """A type of which nothing is known here but its bytes."""

    def __init__(self, type: int = 0, clause: str = "RFC 3597 5") -> None:
        super().__init__(type, clause, ("data", OPTIONAL_HEX, "any bytes"))

    def show(self, wire: bytes, origin: Name | None) -> str:
        return f"{GENERIC} {len(wire)} {super().show(wire, origin)}".rstrip()

    def scan(self, words: Tokens, origin: Name | None) -> bytes:
        try:
            if words.plain("data of any bytes") != GENERIC:
                of_type = f"{type_text(self.type)} has" if self.type else "an unknown type has"
                raise TextError(rf"{of_type} no text but \#, the number of bytes, and those in hexadecimal (RFC 3597 5)")
            size = int.from_bytes(U16.scan(words, "the number of bytes", None))
            wire = from_hex(joined(words, "the data")) if words else b""
            if len(wire) != size:
                raise TextError(f"{len(wire)} bytes of data, where {size} are announced (RFC 3597 5)")
        except TextError as error:
            words.locate(error)
            raise
        return wire


UNKNOWN: Final = Unknown()
