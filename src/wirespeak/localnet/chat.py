"""The chat of the little internet: the network home.test, and a bot in its lobby that uses the other parts.

    irc           in clear, as between programs of one machine
    ircs          the same server over TLS (RFC 7194)

    irc-accounts  who has registered which name, and which channels are theirs

The bot is open to strangers, so it goes nowhere they like: names are asked of our name server, which knows but our own; pages come from
our web site; mail goes to our mail server, which takes it for home.test alone. How often it does so is bounded, for each and for all.

Touches that file.
"""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from wirespeak import contract, dns, http, smtp
from wirespeak.errors import WirespeakError
from wirespeak.irc.bot import Bot, Call
from wirespeak.irc.config import Config
from wirespeak.irc.sending import Rate
from wirespeak.irc.server import TICK, IrcServer, open_accounts
from wirespeak.localnet.mail import DOMAIN
from wirespeak.localnet.net import LocalNet, Running
from wirespeak.sockets.address import Address
from wirespeak.sockets.tasks import begin, repeat

__all__ = ["CHANNEL", "HELPER", "PORT", "TLS_PORT", "Budget", "make", "make_secure"]

logger = logging.getLogger("wirespeak.localnet")

PORT: Final = 6667
TLS_PORT: Final = 6697
CHANNEL: Final = "#lobby"
HELPER: Final = "helper"

MOTD: Final = (
    "Welcome to the network home.test, on your own machine.",
    f"Join {CHANNEL} and say: {HELPER}: help",
    "NickServ REGISTER makes a name yours.",
)

# What the bot does at most, in a minute: for one host, and for all together. Each is some milliseconds of our own servers' time.
MOST_EACH: Final = 12
MOST: Final = 60
MINUTE: Final = 60.0
# Hosts that are counted at a time; past it all share one count.
HOSTS_COUNTED: Final = 1000

# What is read of a page, and said of it: a channel is no place for more.
PAGE_SIZE: Final = 64 << 10
SHOWN: Final = 300
LINES: Final = 4
TIMEOUTS: Final = http.Timeouts(connect=2.0, head=3.0, total=5.0)
TYPES: Final = ("A", "AAAA", "MX", "TXT")
"""What is asked of a name, unless somebody says one of these."""
TYPES_KNOWN: Final = {*TYPES, "CNAME", "HTTPS", "NS", "PTR", "SOA", "SRV"}

RATE: Final = Rate(burst=8, seconds=1.0)
"""How fast the bot speaks: just as fast as our server takes it from anybody (`irc.limits.ServerLimits`)."""

CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
"""What others put into a page or a record is not to do anything at a reader's terminal."""

TITLE: Final = re.compile(r"<title[^>]*>([^<]*)", re.IGNORECASE)

_servers: WeakKeyDictionary[LocalNet, IrcServer] = WeakKeyDictionary()
"""The server of each little internet: two services lead to it."""


def make(net: LocalNet, running: Running) -> contract.Service:
    """The server of the network, with its bot on the way. Raises `WirespeakError` for accounts that can't be read."""
    config = Config(name=f"irc.{DOMAIN}", network=DOMAIN, description="the little internet of this machine", motd=MOTD)
    accounts = open_accounts(config, net.folder / "irc-accounts")
    server = _servers[net] = IrcServer(config, accounts=accounts, counters=running.counters)
    repeat(TICK, server.tick)
    net.at_end(begin(_help(net, str(Address(running.addresses[0].host, running.port)))))
    net.at_end(accounts.close)
    return server


def make_secure(net: LocalNet, running: Running) -> contract.Service:
    """The same server; that what comes to it is encrypted, its listener sees to."""
    server = _servers[net]
    running.counters = server.world.counters
    return server


async def _help(net: LocalNet, address: str) -> None:
    """The bot's life, at our server's ``address``."""
    try:
        await _helper(net).serve(address, channels=[CHANNEL], realname="ask me for help", rate=RATE)
    except WirespeakError as error:
        logger.warning("%s is not there: %s", HELPER, error)


class Budget:
    """How often something may be done in a minute: so often for each host, and so often for all."""

    def __init__(self, each: int = MOST_EACH, total: int = MOST, clock: Callable[[], float] = time.monotonic) -> None:
        self._each = each
        self._total = total
        self._clock = clock
        self._since = clock()
        self._counts: dict[str, int] = {}

    def take(self, host: str) -> bool:
        """Count one more for ``host``; False where that is one too many in this minute."""
        now = self._clock()
        if now >= self._since + MINUTE:
            self._since = now
            self._counts.clear()
        if host not in self._counts and len(self._counts) >= HOSTS_COUNTED:
            host = ""
        if self._counts.get(host, 0) >= self._each or sum(self._counts.values()) >= self._total:
            return False
        self._counts[host] = self._counts.get(host, 0) + 1
        return True


def _helper(net: LocalNet) -> Bot:
    """The bot, which asks what runs in ``net`` by then."""
    bot = Bot(HELPER)
    budget = Budget()

    def place(name: str) -> str:
        running = {one.service.name: one for one in net.running}[name]
        return str(Address(running.host, running.port))

    def may(call: Call) -> bool:
        return budget.take(call.event.who.host)

    @bot.command
    async def lookup(call: Call, name: str, type: str = "") -> list[str]:
        """What our name server knows of a name: lookup www.home.test MX"""
        if not may(call):
            return []
        if type and type.upper() not in TYPES_KNOWN:
            return [f"I look up {', '.join(sorted(TYPES_KNOWN))}"]
        client, found = dns.Client(), []
        try:
            for kind in (type.upper(),) if type else TYPES:
                answer = await client.query(name, kind, place("dns"))
                found += [f"{kind} {record.rdata}" for record in answer.message.answers]
        except WirespeakError as error:
            return _shown([f"{name}: {error}"])
        return _shown(found) or [f"nothing is known of {name} here"]

    @bot.command
    async def fetch(call: Call, path: str = "/") -> list[str]:
        """A page of our web site: fetch /explain"""
        if not may(call):
            return []
        try:
            parts = urlsplit(path)
        except ValueError:
            return ["that is no address of a page"]
        if parts.netloc and parts.hostname not in (DOMAIN, f"www.{DOMAIN}", "localhost"):
            return [f"I fetch pages of http://www.{DOMAIN}/ alone"]
        target = "/" + parts.path.lstrip("/") + (f"?{parts.query}" if parts.query else "")
        try:
            async with (
                http.Client(timeouts=TIMEOUTS) as client,
                client.stream("GET", f"http://{place('http')}{target}", follow=False) as answer,
            ):
                text = (await answer.read(PAGE_SIZE)).decode("utf-8", "replace")
                kind = (answer.fields.get("content-type") or "").partition(";")[0]
                status = f"{answer.status} {answer.reason} {kind}"
        except WirespeakError as error:
            return _shown([str(error)])
        title = TITLE.search(text) if kind == "text/html" else None
        lines = [title[1].strip()] if title else text.splitlines() if kind.startswith("text/") and kind != "text/html" else []
        return _shown([status, *lines])

    @bot.command
    async def mail(call: Call, to: str, *words: str) -> list[str]:
        """Send a mail to somebody at home.test: mail alice tea at five?"""
        if not may(call):
            return []
        recipient = to if "@" in to else f"{to}@{DOMAIN}"
        sender = f"{HELPER}@{DOMAIN}"
        try:
            letter = smtp.compose(
                sender,
                [recipient],
                subject=f"From {call.nick} on {call.channel or 'chat'}",
                body=" ".join(words) + "\n",
                date=datetime.now().astimezone(),
                unique=secrets.token_hex(10),
            )
            async with await smtp.Client.connect(place("smtp")) as client:
                await client.send(letter, sender, [recipient])
        except WirespeakError as error:
            return _shown([str(error)])
        return [f"sent to {recipient}"]

    return bot


def _shown(lines: Iterable[str]) -> list[str]:
    """The first lines that say something, fit for a channel."""
    said = (CONTROLS.sub(" ", line).strip()[:SHOWN] for line in lines)
    return [line for line in said if line][:LINES]
