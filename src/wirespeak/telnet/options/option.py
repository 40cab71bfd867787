"""What every option is to a session: a number, where its negotiation stands, and what it says and hears once it is in effect."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from wirespeak.errors import RemoteProtocolError
from wirespeak.telnet.messages import Subnegotiation, option_name
from wirespeak.telnet.states import IN_EFFECT, QState

__all__ = ["IS", "SEND", "Option"]

IS = 0
SEND = 1
"""What most options' subnegotiations begin with: "tell me" (SEND), and the telling (IS)."""


class Option:
    """One option on one connection. A session carries the negotiation; the option knows what it is about. Pure.

    ``will``: whether our side may have it, if the peer asks for it (DO). ``do``: whether the peer's side may (WILL). A session
    may ask for it by itself whatever these say. ``sides`` is where the negotiation stands, ``sides[us]``: of our side
    (True) and of the peer's (False). It is the session's to change.

    What the methods return the session deals with in order: a `Subnegotiation` or a `Command` is sent, anything else is an
    event, given out. Each option bounds what it keeps, and what it returns for one call.
    """

    code: ClassVar[int]
    clause: ClassVar[str]
    """Where it is defined, as in "RFC 857"."""

    __slots__ = ("do", "sides", "will")  # a server of ten thousand visitors has fifteen times as many of these

    def __init__(self, *, will: bool = False, do: bool = False) -> None:
        self.will = will
        self.do = do
        self.sides = [QState.NO, QState.NO]

    @property
    def name(self) -> str:
        return option_name(self.code)

    @property
    def us(self) -> bool:
        """Whether it is in effect on our side."""
        return self.sides[True] in IN_EFFECT[True]

    @property
    def him(self) -> bool:
        """Whether it is in effect on the peer's side."""
        return self.sides[False] in IN_EFFECT[False]

    def join(self, options: Mapping[int, Option]) -> None:
        """It is now one of ``options``, all that a session knows, by their numbers."""

    def agrees(self, us: bool) -> bool:
        """Whether it may be in effect on our side (``us``) or the peer's, now that the peer asks for it or offers it."""
        return self.will if us else self.do

    def enabled(self, us: bool) -> Iterable[Any]:
        """It has come into effect on our side (``us``) or the peer's."""
        return ()

    def disabled(self, us: bool) -> Iterable[Any]:
        """It is no longer in effect there."""
        return ()

    def received(self, data: bytes) -> Iterable[Any]:
        """What the peer said in a subnegotiation, while the option is in effect on one side at least.

        Raises `RemoteProtocolError` for what can't be read; the session passes over it, and tells.
        """
        raise self.fault(f"nothing is said of it, but {data[:20]!r} was", clause="RFC 855")

    def say(self, *parts: int | bytes) -> Subnegotiation:
        """A subnegotiation of this option, of single bytes and of texts."""
        return Subnegotiation(self.code, b"".join(bytes((part,)) if isinstance(part, int) else part for part in parts))

    def fault(self, what: str, *, clause: str = "") -> RemoteProtocolError:
        """The error of a subnegotiation that can't be read."""
        return RemoteProtocolError(f"{self.name}: {what}", clause=clause or self.clause)
