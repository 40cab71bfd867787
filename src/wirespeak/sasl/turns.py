"""What the machines of a side have in common: each message is taken, or said, by whose turn it is. Pure."""

from __future__ import annotations

from collections.abc import Callable

from wirespeak.errors import RemoteProtocolError
from wirespeak.sasl.steps import Challenge, Denied, Step

__all__ = ["ClientTurns", "ServerTurns"]


class ServerTurns:
    """A server's side. `first` takes the first response; it may name in `turn` who takes the next one. Nobody else does."""

    name = ""
    asks_first = b""
    """What is asked of a client that has sent nothing along with its wish."""

    def __init__(self) -> None:
        self.turn: Callable[[bytes], Step] = self.first
        self.claimed = ""
        """Who the client says it is, for the log."""

    def step(self, response: bytes | None) -> Step:
        """Take in a response."""
        if response is None:
            return Challenge(self.asks_first) if self.turn == self.first else self.over(b"")
        take, self.turn = self.turn, self.over
        return take(response)

    def first(self, response: bytes) -> Step:
        """Take in the first response."""
        raise NotImplementedError

    def over(self, response: bytes) -> Step:
        """There is nothing more to be said."""
        return Denied(f"says more than {self.name} has to say", self.claimed, malformed=True)

    def malformed(self, clause: str) -> Denied:
        """What was said is no message of this mechanism."""
        return Denied(f"no message of {self.name} ({clause})", self.claimed, malformed=True)


class ClientTurns:
    """A client's side that says its responses in turn, whatever the challenges are, and asks for no proof of the server's."""

    name = ""

    def __init__(self, *said: bytes) -> None:
        self._said = list(said)

    def initial(self) -> bytes | None:
        """The first response."""
        return self._said.pop(0)

    def step(self, challenge: bytes) -> bytes:
        """The next response. Raises `RemoteProtocolError` where there is none."""
        if not self._said:
            raise RemoteProtocolError(f"the server asks for more than {self.name} has to say", clause="RFC 4422 3.4")
        return self._said.pop(0)

    def finish(self) -> None:
        """The server has nothing to prove."""
