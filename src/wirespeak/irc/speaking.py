"""What one says and asks on IRC, one method each: `Speaker`, which every client is.

Each method that asks returns what the server answers, as values, and raises `Refused` where it says no. Each raises
`LocalProtocolError`, before anything is said, for what may not be (CR, LF or NUL in a parameter). How a connection comes about is in
``client.py``. Touches nothing outside but the network that it is given.
"""

from __future__ import annotations

from wirespeak.contract import Network
from wirespeak.errors import LocalProtocolError, Refused
from wirespeak.irc.answers import Listed, Person, Question, Whois, whois_of
from wirespeak.irc.client_session import ClientSession
from wirespeak.irc.ctcp import ctcp_text
from wirespeak.irc.exchange import Exchange
from wirespeak.irc.messages import Message
from wirespeak.irc.sending import Outgoing, Priority, one_name, text_messages
from wirespeak.irc.tracker import WHOX, Channel, Tracker

__all__ = ["Speaker"]


class Speaker:
    """Somebody on a network. Each question waits ``patience`` seconds for its answer, unless told otherwise."""

    def __init__(self, network: Network, patience: float) -> None:
        self._network = network
        self._patience = patience
        self._exchange: Exchange  # of the connection that stands; there is one from `Client.connect` on
        self._keys: dict[str, str] = {}  # of channels that we joined, by folded name

    @property
    def tracker(self) -> Tracker:
        """Who is where."""
        return self._exchange.tracker

    @property
    def session(self) -> ClientSession:
        """What was agreed on: ``enabled``, ``offered``, ``account``, ``lag``."""
        return self._exchange.irc

    @property
    def nick(self) -> str:
        """Ours."""
        return self.tracker.me.nick

    def channel(self, name: str) -> Channel | None:
        """The channel ``name``, where we are in it."""
        return self.tracker.channel(name)

    # --- saying

    def queue(self, command: str, *parameters: str, priority: Priority = Priority.NORMAL) -> Outgoing:
        """Say ``command`` when its turn comes; nothing is waited for, but somebody has to: `next`, `flush`, `poll`."""
        return self._exchange.put(Message(command.upper(), list(parameters)), priority)

    async def send(self, command: str, *parameters: str, priority: Priority = Priority.NORMAL) -> None:
        """Say ``command``, and return once it is on its way."""
        await self._exchange.say(Message(command.upper(), list(parameters)), priority)

    def lines(self, command: str, target: str, text: str, *, action: bool = False) -> list[Message]:
        """``text`` as messages to ``target`` that each arrive whole (`sending.text_messages`). Raises `LocalProtocolError`."""
        return text_messages(self.tracker.me.source, command, target, text, action=action)

    async def _say_all(self, messages: list[Message]) -> None:
        for message in messages:
            await self._exchange.say(message)

    async def say(self, target: str, text: str) -> None:
        """Say ``text`` to a channel or to somebody (PRIVMSG); in as many messages as it takes. No answer is awaited: none comes."""
        await self._say_all(self.lines("PRIVMSG", target, text))

    async def notice(self, target: str, text: str) -> None:
        """As `say`, but so that no program answers (RFC 2812 3.3.2)."""
        await self._say_all(self.lines("NOTICE", target, text))

    async def act(self, target: str, text: str) -> None:
        """Do something in the third person: "* ann waves"."""
        await self._say_all(self.lines("PRIVMSG", target, text, action=True))

    async def ctcp(self, target: str, command: str, text: str = "", *, answer: bool = False) -> None:
        """Ask another's client (``VERSION``, ``PING`` …), or with ``answer`` answer it."""
        await self.send("NOTICE" if answer else "PRIVMSG", target, ctcp_text(command, text))

    # --- asking

    async def ask(self, command: str, *parameters: str, timeout: float | None = None) -> list[Message]:
        """Say ``command``, and return what the server answers. Raises `Refused` where it says no."""
        question = await self._question(command, *parameters, timeout=timeout)
        if question.refusal is not None:
            raise _refused(question)
        return question.lines

    async def _question(self, command: str, *parameters: str, timeout: float | None = None) -> Question:
        deadline = self._network.now() + (self._patience if timeout is None else timeout)
        return await self._exchange.ask(Message(command.upper(), list(parameters)), deadline)

    async def join(self, channel: str, key: str = "") -> Channel:
        """Join ``channel``: who is there, and what it is about. Where the server puts us into another in its place, that one."""
        if not self.tracker.features.is_channel(one_name(channel)):
            raise LocalProtocolError(f"{channel!r} is no channel: they begin with one of {self.tracker.features.types}")
        if (known := self.channel(channel)) is not None:
            return known
        lines = await self.ask("JOIN", channel, *([key] if key else []))
        if key:
            self._keys[self.tracker.fold(channel)] = key
        names = [line.params[0] for line in lines if line.command == "JOIN" and line.params]
        joined = self.channel(channel) or next(filter(None, map(self.channel, names)), None)
        if joined is None:
            raise Refused(f"the server didn't let us into {channel}")
        return joined

    async def part(self, channel: str, reason: str = "") -> None:
        """Leave ``channel``."""
        await self.ask("PART", one_name(channel), *([reason] if reason else []))
        self._keys.pop(self.tracker.fold(channel), None)

    async def nick_to(self, nick: str) -> None:
        """Be called ``nick`` from now on."""
        await self.ask("NICK", one_name(nick))

    async def topic(self, channel: str, text: str | None = None) -> str:
        """The topic of ``channel``; with ``text``, once that is it ("" for none)."""
        lines = await self.ask("TOPIC", one_name(channel), *([] if text is None else [text]))
        said = [line.params[-1] for line in lines if line.command in ("332", "TOPIC") and line.params]
        return said[-1] if said else ""

    async def names(self, channel: str) -> list[str]:
        """Who is in ``channel``, each with the sign of their rank; also where we aren't, as far as the server tells."""
        lines = await self.ask("NAMES", one_name(channel))
        return [name.partition("!")[0] for line in lines if line.command == "353" for name in line.params[-1].split()]

    async def who(self, mask: str) -> list[Person]:
        """Everybody in a channel, or whom ``mask`` fits."""
        whox = [",".join(WHOX)] if "WHOX" in self.tracker.features.tokens else []
        return list(filter(None, map(Person.of, await self.ask("WHO", one_name(mask), *whox))))

    async def whois(self, nick: str) -> Whois:
        """All that the server tells of ``nick``."""
        return whois_of(nick, await self.ask("WHOIS", one_name(nick)))

    async def list_channels(self, *parameters: str) -> list[Listed]:
        """The channels of the network, or those that ``parameters`` name or describe (``>20``)."""
        return list(filter(None, map(Listed.of, await self.ask("LIST", *parameters))))

    async def mode(self, target: str, changes: str = "", *parameters: str) -> list[Message]:
        """Ask for the modes of ``target``, or change them (``+o``, ``ann``); what the server says to it. `tracker` follows."""
        return await self.ask("MODE", target, *([changes] if changes else []), *parameters)

    async def kick(self, channel: str, nick: str, reason: str = "") -> None:
        await self.ask("KICK", channel, one_name(nick), *([reason] if reason else []))

    async def invite(self, nick: str, channel: str) -> None:
        await self.ask("INVITE", nick, channel)

    async def away(self, reason: str = "") -> None:
        """Be away, or without a reason, back."""
        await self.ask("AWAY", *([reason] if reason else []))

    async def ping(self) -> float:
        """Seconds that the server takes to answer."""
        begun = self._network.now()
        await self.ask("PING", "here")
        return self._network.now() - begun


def _refused(question: Question) -> Refused:
    """The server's no, in its own words."""
    reply = question.refusal
    assert reply is not None
    about = " ".join(reply.params[1:-1])
    return Refused(f"{about}: {reply.params[-1]}" if about else reply.params[-1] if reply.params else reply.command, reply=reply)
