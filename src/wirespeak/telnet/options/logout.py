"""LOGOUT (RFC 727): DO LOGOUT asks the other side to log its user out; WILL LOGOUT tells that it is about to.

Whoever is asked, and agrees, says WILL and ends the conversation.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from wirespeak.telnet.grammar import LOGOUT
from wirespeak.telnet.messages import LogoutAsked
from wirespeak.telnet.options.option import Option

__all__ = ["Logout"]


class Logout(Option):
    """Nothing is said of it beyond the negotiation."""

    code = LOGOUT
    clause = "RFC 727"
    __slots__ = ()

    def enabled(self, us: bool) -> Iterable[Any]:
        return [LogoutAsked()] if us else ()
