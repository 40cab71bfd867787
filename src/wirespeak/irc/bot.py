"""A bot: functions that answer what people say on IRC.

    bot = Bot("helper")

    @bot.command
    def roll(call, sides="6"):
        "Roll a die of so many sides."
        return f"{call.nick} rolls {randint(1, int(sides))}"

    @bot.on("JOIN")
    async def greet(event):
        if not event.mine:
            await bot.say(event.channel, f"welcome, {event.nick}")

    bot.run("irc.home.test", channels=["#lobby"])

It answers ``!roll 20`` in a channel, ``helper: roll 20`` too, and ``roll 20`` said to it alone; ``help`` tells of its commands. It comes
back when the connection is lost. Things happen one after the other, in the order in which they were said: a function that waits for
something else has the others wait. It never answers another bot, a NOTICE or itself, so that no two of them talk for ever (RFC 2812
3.3.2), and it accepts nothing that is offered by DCC.

What it touches beside its client: the time of day, for who asks for it, and the log.
"""

from __future__ import annotations

import inspect
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Unpack

from wirespeak import __version__
from wirespeak.contract import Network
from wirespeak.errors import LocalProtocolError, WirespeakError
from wirespeak.irc.client import Client, Settings
from wirespeak.irc.ctcp import RateLimit, ctcp_answer
from wirespeak.irc.events import Connected, Disconnected, Event
from wirespeak.irc.grammar import FORBIDDEN
from wirespeak.sockets.address import Address
from wirespeak.sockets.aio_network import AsyncNetwork
from wirespeak.sockets.tasks import run_loop

__all__ = ["Bot", "Call"]

logger = logging.getLogger("wirespeak.irc.bot")

MOST_LINES: Final = 10
"""Lines of one answer: a page of text in a channel is a nuisance, and takes its time at the rate at which one may speak."""

Answer = str | Iterable[str] | None


@dataclass(slots=True, frozen=True)
class Call:
    """A command that somebody gave to the bot: its ``name``, and the ``text`` behind it, which the function also gets in words."""

    bot: Bot
    event: Event
    name: str
    text: str

    @property
    def nick(self) -> str:
        """Who gave it."""
        return self.event.nick

    @property
    def channel(self) -> str:
        """Where; "" for to the bot alone."""
        return self.event.channel

    async def reply(self, text: str) -> None:
        """Answer where it was asked."""
        await self.bot.say(self.event.reply_to, text)


Command = Callable[..., Answer | Awaitable[Answer]]
Handler = Callable[[Event], Any]


class Bot:
    """``nick`` is what it would be called; a command in a channel begins with ``sign``, or with the bot's name."""

    def __init__(self, nick: str, *, sign: str = "!", version: str = f"wirespeak {__version__}") -> None:
        self._nick = nick
        self._sign = sign
        self._version = version
        self._commands: dict[str, Command] = {"help": _help}
        self._handlers: dict[str, list[Handler]] = {}
        self._client: Client | None = None
        self._answers = RateLimit()

    # --- what it is made of

    def command(self, function: Command) -> Command:
        """A decorator: ``function`` is the command of its own name. It gets the `Call` and the words behind the name; what it returns
        is said, a line each. The first line of its docstring is what ``help`` tells.
        """
        self._commands[function.__name__.lower()] = function
        return function

    def on(self, *commands: str) -> Callable[[Handler], Handler]:
        """A decorator: the function gets each `Event` of these commands ("JOIN", "PRIVMSG", "001" …)."""

        def decorate(function: Handler) -> Handler:
            for command in commands:
                self._handlers.setdefault(command.upper(), []).append(function)
            return function

        return decorate

    @property
    def commands(self) -> dict[str, Command]:
        """By name."""
        return self._commands

    @property
    def client(self) -> Client:
        """Its connection, while it runs: to ask and to do what `Client` can."""
        if self._client is None:
            raise LocalProtocolError("the bot isn't connected")
        return self._client

    async def say(self, target: str, text: str) -> None:
        """As `Client.say`; of several lines each by itself, and not more than `MOST_LINES`."""
        for line in [line for line in text.splitlines() if line.strip()][:MOST_LINES]:
            await self.client.say(target, FORBIDDEN.sub(" ", line))

    # --- its life

    def run(self, address: str | Address, *, channels: Iterable[str] = (), **settings: Unpack[Settings]) -> None:
        """Connect to ``address``, be in ``channels``, and answer, until Ctrl-C. Raises what `Client.connect` does, at first alone."""
        run_loop(self.serve(address, channels=channels, **settings))

    async def serve(
        self, address: str | Address, *, channels: Iterable[str] = (), network: Network | None = None, **settings: Unpack[Settings]
    ) -> None:
        """As `run`, as a coroutine, until it is cancelled or has left (``bot.client.close()``)."""
        network = network or AsyncNetwork()
        settings = {"reconnect": True, **settings}
        async with await Client.connect(address, self._nick, network=network, **settings) as self._client:
            self._introduce(channels)
            try:
                while True:
                    happened = await self._client.next()
                    if isinstance(happened, Event):
                        await self._hear(happened, network.now())
                    elif isinstance(happened, Disconnected):
                        logger.warning("connection lost: %s; again in %.0f s", happened.error, happened.retry_in or 0)
                    elif isinstance(happened, Connected):
                        self._introduce(())
            except WirespeakError:
                if not self._client.closing:
                    raise

    def _introduce(self, channels: Iterable[str]) -> None:
        """Say that we are a bot, where the server knows of such (IRCv3 bot-mode), and go where we belong."""
        client = self.client
        if client.error is not None:
            return  # lost again already; `Client.next` tells
        if mode := client.tracker.features.tokens.get("BOT", ""):
            client.queue("MODE", client.nick, f"+{mode}")
        for channel in channels:
            client.queue("JOIN", channel)

    async def _hear(self, event: Event, now: float) -> None:
        for handler in self._handlers.get(event.command, ()):
            await self._do(handler, event)
        if event.command != "PRIVMSG" or event.mine or event.replayed or "bot" in event.message.tags:
            return
        if (asked := event.ctcp) is not None:
            answer = ctcp_answer(asked, version=self._version, time=time.strftime("%a, %d %b %Y %H:%M:%S %z"))
            if answer is not None and self._answers.allows(now):
                await self._do(self.client.send, "NOTICE", event.nick, answer)
        elif call := self._call(event):
            said = await self._do(self._commands[call.name], call, *call.text.split())
            if said is not None:
                await self._do(call.reply, said if isinstance(said, str) else "\n".join(map(str, said)))

    def _call(self, event: Event) -> Call | None:
        """The command that ``event`` gives us; None for none."""
        text = event.text.strip()
        name = f"{self.client.nick}"
        if text.lower().startswith(name.lower()) and text[len(name) : len(name) + 1] in (":", ","):
            text = text[len(name) + 1 :].lstrip()
        elif text.startswith(self._sign):
            text = text[len(self._sign) :]
        elif event.channel:
            return None
        word, _, rest = text.partition(" ")
        return Call(self, event, word.lower(), rest.strip()) if word.lower() in self._commands else None

    async def _do(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """What ``function`` returns. A fault in it ends neither the bot nor the connection: it is logged."""
        try:
            result = function(*arguments)
            return await result if inspect.isawaitable(result) else result
        except TypeError as error:
            if error.__traceback__ is not None and error.__traceback__.tb_next is None:  # it was never begun: not with so many words
                return "not so: " + _usage(function)
            logger.exception("%s failed", getattr(function, "__name__", function))
        except WirespeakError as error:  # the connection may be lost meanwhile: `Client.next` sees to that
            logger.warning("%s failed: %s", getattr(function, "__name__", function), error)
        except Exception:
            logger.exception("%s failed", getattr(function, "__name__", function))
        return None


def _help(call: Call, name: str = "") -> Answer:
    """What the commands are, or what one of them does."""
    commands = call.bot.commands
    if name.lower() in commands:
        function = commands[name.lower()]
        return f"{_usage(function)}: {(inspect.getdoc(function) or 'no help').splitlines()[0]}"
    return f"I know: {', '.join(sorted(commands))}. help NAME tells more."


_help.__name__ = "help"


def _usage(function: Callable[..., Any]) -> str:
    """A command and the words that it takes."""
    words = []
    for parameter in list(inspect.signature(function).parameters.values())[1:]:
        word = f"{parameter.name.upper()}…" if parameter.kind is parameter.VAR_POSITIONAL else parameter.name.upper()
        words.append(word if parameter.default is parameter.empty and parameter.kind is not parameter.VAR_POSITIONAL else f"[{word}]")
    return " ".join([function.__name__, *words])
