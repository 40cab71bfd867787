"""CTCP: what clients say to each other inside a message, between two bytes of 1 (draft-oakley-irc-ctcp-02; Modern IRC: CTCP).

    PRIVMSG #lobby :\\x01ACTION waves\\x01      what /me says
    PRIVMSG ann :\\x01VERSION\\x01              a question; answered in a NOTICE, never in a PRIVMSG
    NOTICE bob :\\x01VERSION wirespeak\\x01     the answer

DCC, by which clients offer each other files and connections, is told like any other and never followed. Pure: touches nothing outside.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from wirespeak.errors import LocalProtocolError
from wirespeak.irc.grammar import CTCP

__all__ = ["Ctcp", "RateLimit", "ctcp_answer", "ctcp_of", "ctcp_text"]

# Characters of an answer: PING's is what the other side likes.
ANSWER: Final = 200
# So many answers go within so many seconds.
ANSWERED: Final = 3
WITHIN: Final = 30.0


class Ctcp(NamedTuple):
    """A command of CTCP, in capitals, and what stands behind it."""

    command: str
    text: str


def ctcp_of(text: str) -> Ctcp | None:
    """The CTCP that ``text`` is; None where it is plain text. The last byte of 1 may be missing (draft-oakley-irc-ctcp-02 2.1)."""
    found = CTCP.fullmatch(text) if text.startswith("\1") else None
    return None if found is None else Ctcp(found[1].upper(), found[2] or "")


def ctcp_text(command: str, text: str = "") -> str:
    """``command`` as the text of a message. Raises `LocalProtocolError` for what can't stand in one."""
    if not command or " " in command or "\1" in command + text:
        raise LocalProtocolError("a CTCP command is one word, and neither it nor its text has a byte of 1 (draft-oakley-irc-ctcp-02 2.1)")
    return f"\1{command.upper()} {text}\1" if text else f"\1{command.upper()}\1"


def ctcp_answer(asked: Ctcp, *, version: str, time: str) -> str | None:
    """What to answer to ``asked`` in a NOTICE, as `ctcp_text` writes it; None for what isn't answered, as DCC and ACTION.

    ``time`` is the time of day as people write it. PING is answered with its own text (draft-oakley-irc-ctcp-02 A).
    """
    texts = {"VERSION": version, "TIME": time, "PING": asked.text, "CLIENTINFO": "ACTION CLIENTINFO PING TIME VERSION"}
    return ctcp_text(asked.command, texts[asked.command][:ANSWER]) if asked.command in texts else None


class RateLimit:
    """Whether one more answer may go: `ANSWERED` within `WITHIN` seconds, to all together.

    A crowd that asks at once must not make us flood the server, whoever they say they are (draft-oakley-irc-ctcp-02 3).
    """

    __slots__ = ("_times",)

    def __init__(self) -> None:
        self._times: list[float] = []

    def allows(self, now: float) -> bool:
        """Count one more at ``now``, where it may go."""
        self._times = [time for time in self._times if time > now - WITHIN]
        if len(self._times) >= ANSWERED:
            return False
        self._times.append(now)
        return True
