"""What one side has said and the pump hasn't taken: data as it goes on the wire, and commands between them.

Where it isn't certain yet how the peer reads data (RFC 854: from our WILL BINARY on, until we hear whether it agrees) all is held
back, commands too, as nothing may overtake. The session says when that is so, and when it is over.

Pure: touches nothing outside.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from wirespeak.contract import Segment, Urgent, size_of
from wirespeak.telnet.grammar import Code, doubled
from wirespeak.telnet.messages import Command, Negotiation, Subnegotiation
from wirespeak.telnet.scanner import Part, Scanner

__all__ = ["Outgoing", "nvt"]


class Outgoing:
    """The segments that wait, in order; ``waiting`` is the number of their bytes. With ``raw``, data are bytes and nothing else, IACs
    and lone CRs too, up to the first command.
    """

    __slots__ = ("_held", "_said", "raw", "waiting")

    def __init__(self, *, raw: bool) -> None:
        self.raw = raw
        self.waiting = 0
        self._said: list[Segment] = []
        self._held: list[bytes | Command] | None = None

    @property
    def holds(self) -> bool:
        """Whether what is said is held back."""
        return self._held is not None

    def hold(self) -> None:
        """Hold back what is said from here on."""
        if self._held is None:
            self._held = []

    def release(self, binary: bool) -> None:
        """Say what was held back: it is certain now whether the peer reads it as binary."""
        held, self._held = self._held, None
        for message in held or ():
            if isinstance(message, Command):
                self.waiting -= 2
                self.command(message)
            else:
                self.waiting -= len(message)
                self.data(message if binary else nvt(message))

    def data(self, data: bytes) -> None:
        """Say data; CRs in it are as the peer is to read them."""
        if self._held is not None:
            self._held.append(data)
            self.waiting += len(data)
        elif data:
            self._say(data if self.raw else doubled(data))

    def command(self, command: Command) -> None:
        """Say a command behind the data before it; a DM is said urgently (RFC 854, "The TELNET Synch Signal")."""
        self.raw = False
        if self._held is not None:
            self._held.append(command)
            self.waiting += 2
        elif command.code == Code.DM:
            self._said.append(Urgent(command.encode()))
            self.waiting += 2
        else:
            self._say(command.encode())

    def option(self, words: bytes) -> None:
        """Say something of an option, encoded: it waits for nothing."""
        self.raw = False
        self._say(words)

    def _say(self, words: bytes) -> None:
        self._said.append(words)
        self.waiting += len(words)

    def end(self, segment: Segment) -> None:
        """Say that nothing follows."""
        self._said.append(segment)

    def drop_data(self) -> None:
        """Take data back that waits; commands go out all the same."""
        self._said = [_commands_of(segment) if isinstance(segment, bytes) else segment for segment in self._said]
        if self._held is not None:
            self._held = [message for message in self._held if isinstance(message, Command)]
        self.waiting = sum(map(size_of, self._said)) + 2 * len(self._held or ())

    def drop_all(self) -> None:
        """Nothing that waits is said."""
        self._said.clear()
        self._held = None
        self.waiting = 0

    def take(self) -> Sequence[Segment]:
        """What can be sent now."""
        said = self._said
        if said:
            self._said = []
            self.waiting = sum(len(one) if isinstance(one, bytes) else 2 for one in self._held or ())
        return said if len(said) <= 2 else _joined(said)


def nvt(data: bytes) -> bytes:
    """RFC 854: a CR that no LF follows is CR NUL on the wire. (Between two pieces too: CR NUL LF reads as CR LF.)"""
    return data.replace(b"\r", b"\r\0").replace(b"\r\0\n", b"\r\n")


def _commands_of(said: bytes) -> bytes:
    """The same without its data."""
    scanner = Scanner()
    scanner.feed(said)
    parts: Iterator[Part | None] = iter(scanner.next, None)
    return b"".join(part.encode() for part in parts if isinstance(part, Command | Negotiation | Subnegotiation))


def _joined(said: Iterable[Segment]) -> list[Segment]:
    """The same with neighbouring bytes in one: many small answers make one segment."""
    joined: list[Segment] = []
    for kind, some in groupby(said, type):
        run = list(some)
        joined += [b"".join(run)] if kind is bytes else run  # type: ignore[arg-type]
    return joined
