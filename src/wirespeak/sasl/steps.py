"""What a mechanism says next, and the shape that all mechanisms of a side have (RFC 4422 3). Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

__all__ = ["Accepted", "Challenge", "ClientMechanism", "Denied", "ServerMechanism", "Step", "Work"]


@dataclass(slots=True, frozen=True)
class Challenge:
    """Ask the client this, and go on with its response."""

    data: bytes


@dataclass(slots=True, frozen=True)
class Work:
    """``run`` takes long (it hashes, or asks who gave out a token): call it off the loop; what it returns is the next step.

    It changes nothing in the machine, so any thread will do.
    """

    run: Callable[[], Step]


@dataclass(slots=True, frozen=True)
class Accepted:
    """The client is ``user``: the name as it is prepared (RFC 4013), under which the keys were found."""

    user: str


@dataclass(slots=True, frozen=True)
class Denied:
    """The client is not let in.

    ``malformed`` where what it said is no message of the mechanism, which may be told. Else it is told no, and nothing more:
    ``reason`` and ``user``, whom it claimed to be (its own text: escape it), are for the log. Neither holds a password.
    """

    reason: str
    user: str = ""
    malformed: bool = False


Step: TypeAlias = Challenge | Work | Accepted | Denied
"""What a server's mechanism says next. After `Accepted` or `Denied` it is over."""


class ServerMechanism(Protocol):
    """A server's side of one login. It raises nothing for what a client says."""

    @property
    def name(self) -> str:
        """As IANA registers it (RFC 4422 3.1)."""
        ...

    def step(self, response: bytes | None) -> Step:
        """Take in a response. The first may be None: the client sent none along with its wish (RFC 4422 3.3)."""
        ...


class ClientMechanism(Protocol):
    """A client's side of one login. It raises `RemoteProtocolError` for what no true server says."""

    @property
    def name(self) -> str:
        """As IANA registers it (RFC 4422 3.1)."""
        ...

    def initial(self) -> bytes | None:
        """The first response, which may be sent along with the wish (RFC 4422 3.3); None where the server speaks first."""
        ...

    def step(self, challenge: bytes) -> bytes:
        """The response to ``challenge``. May hash for as long as a second (`scram.MOST`)."""
        ...

    def finish(self) -> None:
        """The server says that we are in. Raises `RemoteProtocolError` where it had to prove itself, and has not."""
        ...
