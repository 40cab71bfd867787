"""What the tests of Telnet share: the wire written in words, and a side of a conversation that notes what it hears."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from wirespeak.contract import FINISH, Segment, Urgent
from wirespeak.telnet import grammar
from wirespeak.telnet.grammar import DOUBLED, IAC, OPTIONS, Code
from wirespeak.telnet.limits import TelnetLimits
from wirespeak.telnet.messages import Data
from wirespeak.telnet.options import Option
from wirespeak.telnet.session import TelnetSession

NUMBERS = {name: code for code, name in OPTIONS.items()} | {
    name: getattr(grammar, name) for name in ("SGA", "TTYPE", "EOR", "TSPEED", "LFLOW", "XDISPLOC", "ENCRYPT")
}

LIMITS = TelnetLimits(idle=100.0, grace=10.0, linger=2.0)


def wire(*parts: str | bytes) -> bytes:
    """Bytes from words: "AYT", "DO ECHO", "SB NAWS 0 80 0 24"; what is bytes already stands as it is."""
    return b"".join(part if isinstance(part, bytes) else _command(*part.split()) for part in parts)


def _command(name: str, option: str = "", *inside: str) -> bytes:
    code = IAC + bytes((Code[name],))
    if option:
        code += bytes((NUMBERS[option] if option in NUMBERS else int(option),))
    return code + bytes(map(int, inside)).replace(IAC, DOUBLED) + IAC + bytes((Code.SE,)) if name == "SB" else code


def sb(option: str, *inside: int | bytes) -> bytes:
    """A subnegotiation of bytes and texts."""
    data = b"".join(bytes((part,)) if isinstance(part, int) else part for part in inside)
    return IAC + bytes((Code.SB, NUMBERS[option])) + data.replace(IAC, DOUBLED) + IAC + bytes((Code.SE,))


class Side:
    """One side of a conversation, driven as a pump does; it consumes what it hears, unless it is slow."""

    def __init__(self, *options: Option, host: bool = True, slow: bool = False, limits: TelnetLimits = LIMITS, **more: Any) -> None:
        self.woken = 0
        self.session = TelnetSession(self.wake, limits, options=options, host=host, **more)
        self.slow = slow
        self.heard = b""
        self.events: list[Any] = []

    def wake(self) -> None:
        self.woken += 1

    def hear(self, data: bytes | None, now: float = 0.0) -> list[Any]:
        """Hand over ``data``, None for the end of the stream; the events, but for data."""
        session = self.session
        others: list[Any] = []
        events = session.receive_eof(now) if data is None else session.receive(data, now)
        while events:
            for event in events:
                if isinstance(event, Data):
                    self.heard += event.data
                    if not self.slow:
                        session.consumed(len(event.data))
                else:
                    others.append(event)
            events = session.receive(b"", now)
        self.events += others
        return others

    def said(self) -> bytes:
        """What is to be sent, joined, as it goes on the wire."""
        return b"".join(bytes_of(segment) for segment in self.session.data_to_send())


def bytes_of(segment: Segment) -> bytes:
    """What goes on the wire of it."""
    if isinstance(segment, Urgent):
        return segment.data
    return segment if isinstance(segment, bytes) else b""


def cut(data: bytes, piece: int | None) -> Iterable[bytes]:
    """``data`` in pieces."""
    size = piece or max(1, len(data))
    return [data[at : at + size] for at in range(0, len(data), size)]


def join(one: Side, other: Side, piece: int | None = None, turns: int = 60) -> None:
    """Carry what each says to the other until both are silent."""
    for _ in range(turns):
        moved = False
        for here, there in ((one, other), (other, one)):
            for segment in here.session.data_to_send():
                moved = True
                if segment is FINISH:
                    there.hear(None)
                for part in cut(bytes_of(segment), piece):
                    there.hear(part)
        if not moved:
            return
    raise AssertionError("they never fall silent")
