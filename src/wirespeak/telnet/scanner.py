"""Bytes in, the stream's parts out: data, commands, negotiations, subnegotiations, however the bytes are cut.

Each byte is looked at once, and in C: a run of data is one part. What is not whole yet (an IAC, and what belongs to it) waits
for the rest; a subnegotiation that grows too long, or holds a command, is passed over up to its IAC SE.

Pure: touches nothing outside.
"""

from __future__ import annotations

from typing import Final

from wirespeak.errors import RemoteProtocolError
from wirespeak.telnet.grammar import DOUBLED, IAC, RUN, SUBNEGOTIATION_LIMIT, Code
from wirespeak.telnet.messages import Command, Data, Malformed, Negotiation, Subnegotiation

__all__ = ["Part", "Scanner"]

Part = Data | Command | Negotiation | Subnegotiation | Malformed

_IAC: Final = 0xFF


class Scanner:
    """The parts of one direction of a stream.

    What is kept is what was fed last and not yet given out, and at most `SUBNEGOTIATION_LIMIT` bytes of a subnegotiation
    (twice as many, where all of them are doubled).
    """

    __slots__ = ("_at", "_data", "_fault", "_inside", "_length", "_option")

    def __init__(self) -> None:
        self._data = b""
        self._at = 0  # up to here all is given out
        self._option = -1  # of the subnegotiation we are in
        self._inside = bytearray()  # what came of it, still doubled
        self._length = 0  # of that, not doubled
        self._fault = ""  # why it can't be read

    @property
    def inside(self) -> int:
        """How many bytes came of the subnegotiation that has begun; 0 where none has."""
        return self._length

    def feed(self, data: bytes) -> None:
        """Put ``data`` behind what is there."""
        self._data = self._data[self._at :] + data if self._at < len(self._data) else data
        self._at = 0

    def next(self) -> Part | None:
        """The next part; None where none is whole."""
        data, at = self._data, self._at
        left = len(data) - at
        if not left:
            self._data, self._at = b"", 0  # a connection at rest keeps nothing
            return None
        if self._option >= 0:
            return self._subnegotiation()
        if data[at] != _IAC:
            return self._run()
        if left == 1:
            return None
        code = data[at + 1]
        if code == _IAC:
            return self._run()
        if code < Code.SB:
            self._at = at + 2
            return Command(code)
        if left == 2:
            return None
        option = data[at + 2]
        if code != Code.SB:
            self._at = at + 3
            return Negotiation(code, option)
        if option == _IAC:  # option 255, or an end where the option should stand
            if left == 3:
                return None
            if data[at + 3] == Code.SE:
                self._at = at + 4
                return Malformed(RemoteProtocolError("a subnegotiation of nothing", clause="RFC 855"))
        self._at = at + 3
        self._option = option
        return self._subnegotiation()

    def _run(self) -> Data:
        """The data up to the next command."""
        data, at = self._data, self._at
        if not at:
            # As a rule there is no command: each IAC is the first of two, between which there is nothing, or the second. To split
            # and join takes a quarter of the time that replacing pairs does, which looks for two bytes at every place.
            parts = data.split(IAC) if IAC in data else [data]
            if len(parts) % 2 and not any(parts[1::2]):
                self._at = len(data)
                return Data(IAC.join(parts[::2]))
        self._at = RUN.match(data, at).end()  # type: ignore[union-attr]  # it matches nothing, too
        return Data(data[at : self._at].replace(DOUBLED, IAC))

    def _subnegotiation(self) -> Part | None:
        """What we are in: its end, if it has come."""
        data = self._data
        while self._at < len(data):
            stop = RUN.match(data, self._at).end()  # type: ignore[union-attr]
            self._take(data[self._at : stop])
            self._at = stop
            if len(data) - stop < 2:
                return None  # an IAC at most: what it means is on its way
            self._at = stop + 2
            if data[stop + 1] == Code.SE:
                return self._ended()
            # RFC 855 knows IAC IAC and IAC SE there, and nothing else.
            self._fault = self._fault or f"IAC {data[stop + 1]} inside it, where only IAC IAC and IAC SE may stand"
            self._take(data[stop : stop + 2])
        return None

    def _take(self, inside: bytes) -> None:
        self._length += len(inside) - inside.count(DOUBLED)
        if self._length > SUBNEGOTIATION_LIMIT:
            self._fault = self._fault or f"it is longer than {SUBNEGOTIATION_LIMIT:,} bytes"
        if self._fault:
            self._inside.clear()
        else:
            self._inside += inside

    def _ended(self) -> Subnegotiation | Malformed:
        option, fault = self._option, self._fault
        data = bytes(self._inside).replace(DOUBLED, IAC)
        self._option, self._fault, self._length = -1, "", 0
        self._inside.clear()
        if fault:
            return Malformed(RemoteProtocolError(f"a subnegotiation of option {option} is passed over: {fault}", clause="RFC 855"))
        return Subnegotiation(option, data)
