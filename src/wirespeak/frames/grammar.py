"""How a length is written: in a fixed number of bytes, as a varint, or as a netstring's digits. And the two marks of an end.

A frame is a length, that many bytes, and, in netstrings alone, a comma. Each form below knows one way to write the
length: it reads one where a frame begins (`head`), tells why none can be read there (`fault`, `missing`), and says one
(`say`). What a length is then worth, and where text ends and data begins, is in ``messages.py``.

Clauses: "frames 2" is rule 2 of this package's README, which is where this protocol is written down; netstrings are
Daniel J. Bernstein's (cr.yp.to/proto/netstrings.txt, 1997), varints are the unsigned LEB128 of DWARF and of Protocol Buffers.

Pure: touches nothing outside.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from struct import Struct
from typing import Final, Literal

from wirespeak.errors import RemoteProtocolError

__all__ = ["END_WORD", "HTTP_OPENING", "HTTP_OPENING_SIZE", "LENGTHS", "Fixed", "Length", "Netstring", "Varint"]

END_WORD: Final = b"end"
"""frames 5: the message that closes a conversation of the classic dialect, and so can't be sent as data there."""

HTTP_OPENING: Final = re.compile(rb"(?:GET|HEAD|POST|OPTIONS) /")
"""How a browser opens a conversation. A web page may make its visitor's browser send these methods, with a body of the
page's choosing, to any port of the visitor's own machine (Fetch standard, CORS-safelisted method): our servers don't listen."""

HTTP_OPENING_SIZE: Final = len(b"OPTIONS /")
"""So many bytes tell. No dialect has a whole frame in fewer of them that begin like a method: its letters make long lengths."""


class Length(ABC):
    """A way to write the length of a message. ``most`` is the greatest it can say; ``tail`` stands behind the message."""

    most: int
    tail: bytes = b""

    @abstractmethod
    def head(self, data: bytes, at: int) -> tuple[int, int] | None:
        """The length that begins at ``at`` and the place behind it; None where it isn't whole, or isn't one."""

    @abstractmethod
    def fault(self, data: bytes, at: int) -> RemoteProtocolError | None:
        """Why no length can begin with the bytes from ``at`` on; None where one is on its way."""

    @abstractmethod
    def missing(self, came: int) -> str:
        """What is lacking of a length of which ``came`` bytes are there, for an error message."""

    @abstractmethod
    def say(self, length: int) -> bytes:
        """``length``, written. It is from 0 to ``most``."""


class Fixed(Length):
    """frames 2: one, two, four or eight bytes, in either order: an unsigned binary number."""

    def __init__(self, size: Literal[1, 2, 4, 8], order: Literal["little", "big"]) -> None:
        struct = Struct(("<" if order == "little" else ">") + {1: "B", 2: "H", 4: "I", 8: "Q"}[size])
        self.size = size
        self.order = order
        self.most = (1 << 8 * size) - 1
        self._unpack = struct.unpack_from
        self._pack = struct.pack

    def head(self, data: bytes, at: int) -> tuple[int, int] | None:
        start = at + self.size
        if start > len(data):
            return None
        return self._unpack(data, at)[0], start

    def fault(self, data: bytes, at: int) -> None:
        """Any bytes make a number."""

    def missing(self, came: int) -> str:
        return f"{came} of {self.size} bytes came"

    def say(self, length: int) -> bytes:
        return self._pack(length)


class Varint(Length):
    """frames 2: seven bits a byte, the least significant first; the top bit says that another byte follows.

    At most nine bytes, which say 63 bits: more than any limit, and a peer that never ends its number is found out. Zeros
    on top, which would give one number several spellings, are refused.
    """

    most = (1 << 63) - 1
    MOST_BYTES: Final = 9

    _WHOLE: Final = re.compile(rb"[\x80-\xff]{0,8}[\x00-\x7f]")

    def head(self, data: bytes, at: int) -> tuple[int, int] | None:
        if at < len(data) and data[at] < 0x80:
            return data[at], at + 1
        whole = self._WHOLE.match(data, at)
        if whole is None or data[whole.end() - 1] == 0:
            return None
        length = 0
        for byte in reversed(whole[0]):  # nine at most
            length = length << 7 | byte & 0x7F
        return length, whole.end()

    def fault(self, data: bytes, at: int) -> RemoteProtocolError | None:
        if self._WHOLE.match(data, at):
            return RemoteProtocolError("a varint with a needless zero on top: expected the shortest form", offset=0, clause="frames 2")
        if len(data) - at >= self.MOST_BYTES:
            return RemoteProtocolError(f"a varint of more than {self.MOST_BYTES} bytes", offset=self.MOST_BYTES - 1, clause="frames 2")
        return None

    def missing(self, came: int) -> str:
        return f"{came} bytes of it came, and the last says that another follows"

    def say(self, length: int) -> bytes:
        said = bytearray()
        while length > 0x7F:
            said.append(length & 0x7F | 0x80)
            length >>= 7
        said.append(length)
        return bytes(said)


class Netstring(Length):
    """netstrings 2: decimal digits without a zero in front, a colon; and a comma behind the message.

    Ten digits are enough for any limit and leave no room for an endless number.
    """

    most = 9_999_999_999
    tail = b","
    MOST_DIGITS: Final = 10

    _WHOLE: Final = re.compile(rb"(0|[1-9][0-9]{0,9}):")
    _SO_FAR: Final = re.compile(rb"0|[1-9][0-9]{0,9}|")

    def head(self, data: bytes, at: int) -> tuple[int, int] | None:
        whole = self._WHOLE.match(data, at)
        return (int(whole[1]), whole.end()) if whole else None

    def fault(self, data: bytes, at: int) -> RemoteProtocolError | None:
        digits = self._SO_FAR.match(data, at)
        assert digits is not None  # it matches nothing, too
        stop = digits.end()
        if stop == len(data):
            return None
        expected = "a digit" if stop == at else "a colon" if stop - at == self.MOST_DIGITS or digits[0] == b"0" else "a digit or a colon"
        return RemoteProtocolError(f"{data[stop : stop + 1]!r} where {expected} was expected", offset=stop - at, clause="netstrings 2")

    def missing(self, came: int) -> str:
        return f"{came} digits of it came, and no colon"

    def say(self, length: int) -> bytes:
        return b"%d:" % length


LENGTHS: Final[dict[str, Length]] = {
    "u8": Fixed(1, "big"),
    "u16le": Fixed(2, "little"),
    "u16be": Fixed(2, "big"),
    "u32le": Fixed(4, "little"),
    "u32be": Fixed(4, "big"),
    "u64le": Fixed(8, "little"),
    "u64be": Fixed(8, "big"),
    "varint": Varint(),
    "netstring": Netstring(),
}
"""The ways to write a length, by name: ``u`` for unsigned, its bits, then ``le`` or ``be`` for the order of its bytes."""
