"""A client's login in IRC: the dialog of a SASL mechanism, carried by AUTHENTICATE (IRCv3 SASL 3.1 and 3.2). Pure.

What either side says is base64, in pieces of 400 characters; one that is shorter, or a plus sign, is the last::

    C: AUTHENTICATE SCRAM-SHA-256      S: AUTHENTICATE +
    C: AUTHENTICATE bixhPWFubixuPW…    S: AUTHENTICATE cj1meWtv…     C: AUTHENTICATE Yz1iaXdz…     S: 900 …     S: 903 …
"""

from __future__ import annotations

import binascii
from base64 import b64encode
from collections.abc import Callable, Sequence
from typing import Final

from wirespeak.errors import RemoteProtocolError
from wirespeak.irc.grammar import SASL_PIECE
from wirespeak.sasl import ClientMechanism

__all__ = ["Dialog", "Login"]

MAX_CHALLENGE: Final = 16 << 10
"""Characters of base64 that one challenge may have: those of SCRAM have some 200."""

Login = Callable[[Sequence[str]], ClientMechanism]
"""Given the names of the mechanisms that a server offers, the one to log in by. What it raises (`Refused`, where none will do) ends the
conversation."""


class Dialog:
    """One login by ``mechanism``, whose name is said first."""

    __slots__ = ("_challenge", "_mechanism", "_opened")

    def __init__(self, mechanism: ClientMechanism) -> None:
        self._mechanism = mechanism
        self._opened = False  # the mechanism's initial response is said, or it has none
        self._challenge = ""  # in base64, as far as it has come

    def hear(self, piece: str) -> list[str]:
        """The server said ``AUTHENTICATE piece``: what to say to that, each behind an AUTHENTICATE. Raises `RemoteProtocolError`."""
        self._challenge += "" if piece == "+" else piece
        if len(self._challenge) > MAX_CHALLENGE:
            raise RemoteProtocolError(f"a challenge of more than {MAX_CHALLENGE:,} characters", clause="IRCv3 SASL")
        if len(piece) == SASL_PIECE:
            return []  # more of it follows
        text, self._challenge = self._challenge, ""
        try:
            challenge = binascii.a2b_base64(text, strict_mode=True)
        except (binascii.Error, ValueError):
            raise RemoteProtocolError(f"a challenge that is no base64: {text[:60]!r}", clause="IRCv3 SASL") from None
        initial = None if self._opened else self._mechanism.initial()
        self._opened = True
        response = b64encode(self._mechanism.step(challenge) if initial is None else initial).decode("ascii")
        return [response[at : at + SASL_PIECE] or "+" for at in range(0, len(response) + 1, SASL_PIECE)]

    def finish(self) -> None:
        """The server says that we are in. Raises `RemoteProtocolError` where it had to prove itself, and has not."""
        self._mechanism.finish()
