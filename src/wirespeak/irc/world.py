"""The world of a server: who is on it, which channels there are, and what everyone is told when that changes. Pure.

What reaches outside, the clock, random bytes, threads, the log, is handed in as `Outside`, so that a test's world is the real one.
Whoever shares a channel with somebody is a *neighbour*; what somebody does to itself (QUIT, NICK, AWAY, ACCOUNT, CHGHOST, SETNAME)
is told to each neighbour once, however many channels they share (RFC 2812 3.1.7).
"""

from __future__ import annotations

import types
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import islice
from typing import Any, Final, Protocol, TypeVar

from wirespeak import sasl
from wirespeak.errors import ConnectionLost
from wirespeak.irc import capabilities, numerics
from wirespeak.irc.accounts import Accounts
from wirespeak.irc.bans import Bans
from wirespeak.irc.capabilities import ACCOUNT_NOTIFY, AWAY_NOTIFY, CHGHOST, EXTENDED_JOIN, EXTENDED_MONITOR
from wirespeak.irc.casemapping import ascii_fold
from wirespeak.irc.channels import Channel
from wirespeak.irc.config import Config
from wirespeak.irc.counters import Counters
from wirespeak.irc.masks import Glob
from wirespeak.irc.messages import Message
from wirespeak.irc.modes import USER_MODES, Change
from wirespeak.irc.monitor import Monitors
from wirespeak.irc.origin import Origin
from wirespeak.irc.relay import Burst, Relay
from wirespeak.irc.users import User
from wirespeak.irc.visits import Visits
from wirespeak.irc.whowas import Past, WhoWas

__all__ = ["Outside", "Ownership", "Work", "World"]

T = TypeVar("T")

MECHANISMS: Final = ("SCRAM-SHA-256", "PLAIN", "EXTERNAL")
"""Of those that there are, what IRC's clients know."""

CLOAK_SECRET: Final = 16
"""Random bytes of a secret for cloaks that is drawn at the start."""

PIECE: Final = 64
"""Messages of a long answer that are sent before its user's line is asked for room: some 16 KB."""


class Work(Protocol):
    """Runs a function that blocks (hashing, say) while the server goes on, and gives its result."""

    def __call__(self, function: Callable[[], T], /) -> Awaitable[T]: ...


@dataclass(slots=True, frozen=True)
class Outside:
    """What the world needs of the world outside."""

    clock: Callable[[], float]
    """Seconds since 1970."""
    random: Callable[[int], bytes]
    """So many random bytes, which nobody can guess."""
    work: Work
    failed: Callable[[str, Exception], None]
    """Told of a fault of our own: in what, and which."""
    reload: Callable[[], Awaitable[Config]] | None = None
    """Reads the configuration anew, for REHASH; raises `TextError` or `StorageError`. None where there is no file."""
    stop: Callable[[], None] | None = None
    """Ends the program in good order, for DIE."""


class Ownership(Protocol):
    """What accounts have to say of nicks and channels (``ownership.py``)."""

    def refusal(self, user: User, nick: str) -> str | None: ...
    def settled(self, user: User) -> None: ...
    def opened(self, channel: Channel) -> None: ...
    def prefixes(self, channel: Channel, user: User) -> str | None: ...
    def changed(self, channel: Channel) -> None: ...
    def tell(self, channel: Channel, changes: list[Change]) -> None: ...
    def may_set_topic(self, channel: Channel, user: User) -> bool: ...
    def tick(self) -> None: ...


class World(Origin):
    """One network of one server."""

    __slots__ = (
        "accounts",
        "bans",
        "bearers",
        "burst",
        "channels",
        "cloak_secret",
        "commands",
        "config",
        "connections",
        "counters",
        "monitors",
        "outside",
        "ownership",
        "random",
        "started",
        "stopping",
        "users",
        "visits",
        "whowas",
    )

    ownership: Ownership

    def __init__(self, config: Config, accounts: Accounts, outside: Outside, counters: Counters | None = None) -> None:
        super().__init__(config.name, outside.clock, outside.random(6).hex())
        self.config = config
        self.accounts = accounts
        self.outside = outside
        self.random = outside.random
        self.started = outside.clock()
        self.commands = 0
        """That were carried out, by whoever."""
        self.burst: Burst | None = None
        """What was said last to a channel, as long as it may go on."""
        self.users: dict[str, User] = {}
        """The registered ones, by folded nick."""
        self.channels: dict[str, Channel] = {}
        """By folded name."""
        self.connections: set[User] = set()
        """Everyone, registered or not."""
        self.bearers: dict[str, set[User]] = {letter: set() for letter in USER_MODES}
        """Registered users by each user mode that they have: so that operators, say, are found without a search."""
        self.counters = counters or Counters()
        self.stopping = False
        """Everyone is about to be parted with: nobody is told of anybody."""
        self.whowas = WhoWas(ascii_fold)
        self.monitors: Monitors[User] = Monitors(ascii_fold)
        self.visits = Visits(config.visits)
        self.bans = Bans(accounts.bans)
        self.cloak_secret = config.cloak_secret.encode() or outside.random(CLOAK_SECRET)

    # --- finding

    def fold(self, name: str) -> str:
        """``name`` as it is compared (ISUPPORT CASEMAPPING)."""
        return ascii_fold(name)

    def find(self, nick: str) -> User | None:
        """The registered user called ``nick``, in whatever case."""
        return self.users.get(ascii_fold(nick))

    def channel(self, name: str) -> Channel | None:
        """The channel called ``name``, in whatever case."""
        return self.channels.get(ascii_fold(name))

    def is_named(self, mask: str) -> bool:
        """Whether ``mask`` names this server (RFC 2812 3.4: a server is asked for by its name, or a mask of it)."""
        return Glob(mask).matches(self.name)

    def neighbours(self, user: User, caps: int = 0) -> set[User]:
        """Everyone else who shares a channel with ``user``, each once; of those, who has all of ``caps``."""
        found: set[User] = set().union(*(channel.members for channel in user.channels.values()))
        found.discard(user)
        return {one for one in found if one.caps & caps == caps} if caps else found

    def audience(self, user: User, cap: int) -> set[User]:
        """Whom a notice of the capability ``cap`` concerns: neighbours, and who monitors ``user`` (IRCv3 extended-monitor)."""
        found = self.neighbours(user, cap)
        both = cap | EXTENDED_MONITOR
        found.update(one for one in self.monitors.watchers(user.nick) if one.caps & both == both)
        found.discard(user)
        return found

    # --- saying

    def relay(
        self, message: Message, sender: User | None = None, client_tags: Mapping[str, str] | None = None, *, msgid: bool = True
    ) -> Relay:
        """``message`` on its way to others, said now."""
        return Relay(message, time=self.clock(), sender=sender, msgid=self.msgid() if msgid else "", client_tags=client_tags)

    def said(self, relay: Relay, sender: User, channel: Channel) -> None:
        """Relay what ``sender`` says to ``channel``, by a command of its own, to all the others there."""
        burst = self.burst
        if burst is not None and burst.goes_on(sender, channel, self.commands):
            burst.add(relay)
        elif sender.session.heard_more:
            self.burst = Burst(relay, sender, channel, channel.members, self.commands)
        else:
            relay.to_all(channel.members, sender)

    def stream(self, user: User, messages: Iterable[Message]) -> None:
        """A long answer, made and sent as fast as the user's line takes it, and no faster; the user's next command waits.

        ``messages`` is read while the world goes on: it must not run over what changes meanwhile (copy a dictionary's keys).
        """
        rest = iter(messages)
        if self._send_piece(user, rest):
            self.later(user, self._stream(user, rest))

    def _send_piece(self, user: User, messages: Iterator[Message]) -> bool:
        """Send the next piece; whether there may be more."""
        count = 0
        for message in islice(messages, PIECE):
            user.send(message)
            count += 1
        return count == PIECE

    async def _stream(self, user: User, messages: Iterator[Message]) -> None:
        while not user.gone:
            await user.link.room()
            if not self._send_piece(user, messages):
                return

    # --- work off the loop

    def later(self, user: User, coroutine: Coroutine[Any, Any, None]) -> None:
        """Carry out the rest of the user's command in ``coroutine``, which may wait.

        Until it is done no further command of the user's is read, and the label stays open. It is cancelled when the user goes. To be
        called last in a verb.
        """
        user.session.hold()
        user.held = True
        # Its first steps are taken here, and may be all that there are.
        task = user.link.start(self._later(user, coroutine))
        if user.held is not None:
            user.held = task

    async def _later(self, user: User, coroutine: Coroutine[Any, Any, None]) -> None:
        try:
            await _labelled(user, coroutine)
        except ConnectionLost:
            pass
        except Exception as error:
            self.outside.failed(f"a command of {user.prefix or user.nick}", error)
            user.fail("*", "INTERNAL_ERROR", "The server failed to carry this out")
        finally:
            user.held = None
            user.close_label()
            user.session.release()

    # --- coming and going

    def arrive(self, user: User) -> None:
        """``user`` has connected."""
        self.connections.add(user)
        self.counters.open += 1
        self.counters.connections += 1

    def welcome(self, user: User) -> None:
        """``user`` is registered from now on."""
        user.registered = True
        user.key = ascii_fold(user.nick)
        self.users[user.key] = user
        self.counters.users += 1
        self.counters.most_users = max(self.counters.most_users, self.counters.users)
        for letter in user.modes:
            self.bearers[letter].add(user)
        self._online(user)

    def quit(self, user: User, reason: str) -> None:
        """``user`` is gone: tell its neighbours, and forget it. Its connection is for the caller to end."""
        if user.gone:
            return
        user.gone = True
        self.connections.discard(user)
        self.counters.open -= 1
        if user.counted:
            self.visits.leave(user.ip)
        if user.held not in (None, True):
            user.held.cancel()
        self.monitors.clear(user)
        if not user.registered:
            return
        if not self.stopping and (neighbours := self.neighbours(user)):
            self.relay(Message("QUIT", [reason], user.prefix), user).to_all(neighbours)
        for channel in list(user.channels.values()):
            self.leave(user, channel)
        del self.users[user.key]
        self.counters.users -= 1
        for letter in user.modes:
            self.bearers[letter].discard(user)
        self._past(user)
        self._offline(user, user.nick)

    def dismiss(self, user: User, reason: str) -> None:
        """Part with ``user``: tell everyone whom that concerns, and end the connection with ``reason``."""
        self.quit(user, reason)
        user.say_pending()
        user.session.close(reason)

    def leave(self, user: User, channel: Channel) -> None:
        """Take ``user`` out of ``channel``, whose members know of it; a channel that nobody is on is no more (RFC 2811 3)."""
        channel.members.pop(user, None)
        user.channels.pop(channel.key, None)
        if not channel.members:
            self.channels.pop(channel.key, None)

    def rename(self, user: User, nick: str) -> None:
        """``user`` is called ``nick``, which is free, from now on (RFC 2812 3.1.2)."""
        relay = self.relay(Message("NICK", [nick], user.prefix), user)
        relay.to(user)
        relay.to_all(self.neighbours(user))
        old, key = user.nick, ascii_fold(nick)
        if key != user.key:
            self._past(user)
            del self.users[user.key]
            self.users[key] = user
        user.name(nick=nick)
        if key != user.key:
            user.key = key
            self._offline(user, old)
            self._online(user)
        self.ownership.settled(user)

    def change_host(self, user: User, name: str, host: str) -> None:
        """``user`` has the user name ``name`` and shows ``host`` from now on (IRCv3 chghost).

        Neighbours without the capability see it leave and come back, with its prefixes, as the specification wants it.
        """
        if (name, host) == (user.user, user.host):
            return
        if not user.registered:
            user.name(user=name, host=host)
            return
        news = self.relay(Message("CHGHOST", [name, host], user.prefix), user)
        left = self.relay(Message("QUIT", ["Changing host"], user.prefix), user)
        if user.caps & CHGHOST:
            news.to(user)
        informed = self.audience(user, CHGHOST)
        news.to_all(informed)
        others = self.neighbours(user) - informed
        left.to_all(others)
        user.name(user=name, host=host)
        for channel in user.channels.values():
            self._rejoin(user, channel, others)
        if user.away is not None:  # as for anyone who joins (IRCv3 away-notify)
            away = self.relay(Message("AWAY", [user.away], user.prefix), user)
            away.to_all(one for one in others if one.caps & AWAY_NOTIFY)

    def _rejoin(self, user: User, channel: Channel, others: set[User]) -> None:
        """Show those of ``others`` who are on ``channel`` how ``user`` comes back."""
        members = [one for one in channel.members if one in others]
        if not members:
            return
        join = self.relay(Message("JOIN", [channel.name], user.prefix), user)
        extended = self.relay(Message("JOIN", [channel.name, user.account or "*", user.realname], user.prefix), user)
        join.to_all(one for one in members if not one.caps & EXTENDED_JOIN)
        extended.to_all(one for one in members if one.caps & EXTENDED_JOIN)
        modes = channel.members[user]
        if modes:
            self.relay(Message("MODE", [channel.name, f"+{modes}", *[user.nick] * len(modes)], self.name)).to_all(members)

    def set_account(self, user: User, account: str | None) -> None:
        """``user`` is logged in as ``account``, or, with None, logged out: 900 or 901 to itself, ACCOUNT to whom it concerns."""
        changed, user.account = account != user.account, account
        mask = user.prefix if user.registered else f"{user.nick}!{user.user or '*'}@{user.host}"
        if account is None:
            self.set_mode(user, "r", False)
            user.reply(numerics.RPL_LOGGEDOUT, mask)
        else:
            self.set_mode(user, "r", True)
            user.reply(numerics.RPL_LOGGEDIN, mask, account)
        if user.registered and changed:
            relay = self.relay(Message("ACCOUNT", [account or "*"], user.prefix), user)
            if user.caps & ACCOUNT_NOTIFY:
                relay.to(user)
            relay.to_all(self.audience(user, ACCOUNT_NOTIFY))
        if user.registered:
            self.ownership.settled(user)

    def set_mode(self, user: User, letter: str, on: bool) -> bool:
        """Give ``user`` the user mode ``letter``, or take it; whether that changed anything. Who is told is for the caller to see to."""
        if (letter in user.modes) is on:
            return False
        (user.modes.add if on else user.modes.discard)(letter)
        if user.registered:
            (self.bearers[letter].add if on else self.bearers[letter].discard)(user)
        return True

    def _past(self, user: User) -> None:
        self.whowas.add(Past(user.nick, user.user, user.host, user.real_host, user.ip, user.realname, user.account, self.clock()))

    # --- MONITOR (IRCv3 Monitor: 730 and 731)

    def _online(self, user: User) -> None:
        for watcher in self.monitors.watchers(user.nick):
            self._tell(watcher, user, numerics.RPL_MONONLINE, user.prefix)

    def _offline(self, user: User, nick: str) -> None:
        for watcher in self.monitors.watchers(nick):
            self._tell(watcher, user, numerics.RPL_MONOFFLINE, nick)

    def _tell(self, watcher: User, user: User, numeric: numerics.Numeric, text: str) -> None:
        relay = self.relay(Message(numeric.code, numeric.params(watcher.nick, text), self.name), msgid=False)
        if watcher is user:  # behind its own NICK, which may wait for its label
            relay.answer(user)
        else:
            relay.deliver(watcher)

    # --- capabilities

    def offered(self, user: User) -> dict[str, str]:
        """The capabilities that ``user`` may have now, and the value of each; "" for those without one."""
        values = {
            "sasl": ",".join(self.mechanisms(user)) or None,  # IRCv3 SASL 3.2: not offered where nobody could log in
            "draft/account-registration": self.accounts.capability_value,
            "sts": self.config.sts_value(secure=user.secure) or None,
        }
        return {name: value for name in capabilities.TABLE if (value := values.get(name, "")) is not None}

    def mechanisms(self, user: User) -> list[str]:
        """The SASL mechanisms by which ``user`` may log in on its connection."""
        names = self.accounts.authenticator().mechanisms(secure=self.is_private(user), external=self._certified(user))
        return [name for name in names if name in MECHANISMS]

    def mechanism(self, user: User, name: str) -> sasl.ServerMechanism:
        """The machine for a login of ``user`` by the mechanism ``name``, which is one of its `mechanisms`."""
        authenticator = self.accounts.authenticator(user.ip)
        nonce, secure = self.random(sasl.NONCE), self.is_private(user)
        return authenticator.start(name, nonce=nonce, secure=secure, external=self._certified(user))

    def is_private(self, user: User) -> bool:
        """Whether nobody can listen in when ``user`` says a password: it comes over TLS, or from this very machine."""
        return user.secure or (self.config.clear_logins and (not user.ip or ip_address(user.ip).is_loopback))

    def _certified(self, user: User) -> str | None:
        """The account that the TLS certificate of ``user`` proves it to be."""
        account = self.accounts.by_certificate(user.fingerprint) if user.fingerprint else None
        return None if account is None else account.name


@types.coroutine
def _labelled(user: User, coroutine: Coroutine[Any, Any, None]) -> Generator[Any, Any, None]:
    """Run ``coroutine``, with the label of the command of ``user`` put aside wherever it waits."""
    step: Callable[[Any], Any] = coroutine.send
    value: Any = None
    while True:
        try:
            awaited = step(value)
        except StopIteration:
            return
        user.put_label_aside()
        try:
            step, value = coroutine.send, (yield awaited)
        except BaseException as error:  # it is cancelled
            step, value = coroutine.throw, error
        user.take_label_up()
