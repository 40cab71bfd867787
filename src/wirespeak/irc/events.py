"""What a client tells of: `Event`, a message of the server's with what follows from it; and the comings and goings of its connection.

Pure: touches nothing outside.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, TypeAlias

from wirespeak.irc.ctcp import Ctcp, ctcp_of
from wirespeak.irc.messages import Message, Source

__all__ = ["Connected", "Disconnected", "Event", "Happening"]

_NONE: Final = 99
_TEXTS: Final = {"JOIN": _NONE, "MODE": _NONE, "PART": 1, "TOPIC": 1, "KICK": 2, "PRIVMSG": 1, "NOTICE": 1}
"""Which parameter is the text, where that isn't simply the last one: it may be left out, or there is none."""


@dataclass(slots=True)
class Event:
    """A message that came, as `tracker.Tracker` understands it.

    ``who`` it is from. ``channels`` are the names of those where it is seen: of a QUIT all that we shared with who leaves. ``mine``:
    it tells of what we did ourselves, or what came over us.
    """

    message: Message
    who: Source
    channels: tuple[str, ...] = ()
    mine: bool = False
    replayed: bool = False
    """It was said some time ago: the server tells of what we missed (IRCv3 batch, chathistory)."""

    @property
    def command(self) -> str:
        return self.message.command

    @property
    def nick(self) -> str:
        return self.who.nick

    @property
    def channel(self) -> str:
        """The first of the channels; "" for none."""
        return self.channels[0] if self.channels else ""

    @property
    def target(self) -> str:
        """To whom a text was said: a channel, a part of one (``@#chan``), or us."""
        return self.message.params[0] if self.message.params else ""

    @property
    def reply_to(self) -> str:
        """Where an answer is seen by those who saw the text: the channel, or else who said it."""
        return self.channel or self.nick

    @property
    def text(self) -> str:
        """What is said; of an action, what is done; the reason why somebody left; a new topic, a new nick …; "" where there is none."""
        params = self.message.params
        place = _TEXTS.get(self.message.command, len(params) - 1)
        said = params[place] if 0 <= place < len(params) else ""
        ctcp = ctcp_of(said) if said.startswith("\1") else None
        return said if ctcp is None else ctcp.text

    @property
    def ctcp(self) -> Ctcp | None:
        """The CTCP that a text is, None for plain text."""
        return ctcp_of(self.message.params[-1]) if self.message.params and self.is_text else None

    @property
    def is_text(self) -> bool:
        """Whether it is something said: PRIVMSG or NOTICE."""
        return self.message.command in ("PRIVMSG", "NOTICE")

    @property
    def time(self) -> str:
        """When it was said, as the server has it (IRCv3 server-time: ``2026-11-21T20:00:00.000Z``); "" where it doesn't tell."""
        return self.message.tags.get("time", "")

    @property
    def account(self) -> str:
        """The account of who said it (IRCv3 account-tag); "" where the server doesn't tell, or there is none."""
        return self.message.tags.get("account", "")


@dataclass(slots=True, frozen=True)
class Connected:
    """We are on the network, at first or again, as ``nick``. ``again`` is False the first time."""

    nick: str
    again: bool = False


@dataclass(slots=True, frozen=True)
class Disconnected:
    """The connection is lost, for the reason ``error``; the next attempt is in ``retry_in`` seconds, None for none."""

    error: Exception
    retry_in: float | None = None
    attempt: int = field(default=1)


Happening: TypeAlias = Event | Connected | Disconnected
"""What `Client` gives when it is asked for what comes next."""
