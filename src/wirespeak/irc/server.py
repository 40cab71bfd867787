"""What an IRC server decides, wired to sockets: `IrcServer` is a service for listeners, `serve` a whole program.

    Message ──▶ verbs.dispatch ──▶ VERBS["PRIVMSG"](world, user, message) ──▶ Relay ──▶ Session.queue of each receiver
    Ended ────▶ World.quit

Its rules stand elsewhere: lines, times and bounds in ``session.py``; what commands do in ``verbs/``; who is told what in ``world.py``.
"""

from __future__ import annotations

import hashlib
import logging
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from wirespeak.contract import Link, Session
from wirespeak.irc import numerics
from wirespeak.irc.accounts import Accounts
from wirespeak.irc.config import Config
from wirespeak.irc.counters import Counters
from wirespeak.irc.limits import ServerLimits
from wirespeak.irc.mailing import CodeMail
from wirespeak.irc.messages import Ended, Malformed, Message, NotUtf8, TooLong
from wirespeak.irc.ownership import Ownership
from wirespeak.irc.session import ServerSession
from wirespeak.irc.store import SqliteStore
from wirespeak.irc.users import User
from wirespeak.irc.verbs import dispatch, opens_label
from wirespeak.irc.verbs.registration import Registering, admit
from wirespeak.irc.visits import address_of
from wirespeak.irc.world import Outside, Work, World
from wirespeak.sockets.address import Address
from wirespeak.sockets.listener import Listener, serve_until_stopped
from wirespeak.sockets.tasks import repeat, run_loop
from wirespeak.sockets.tcp import bind_all
from wirespeak.sockets.threads import Threads

__all__ = ["IrcServer", "open_accounts", "serve"]

logger = logging.getLogger("wirespeak.irc")

# Passwords of operators are hashed in a thread: each takes a core for some 40 ms.
HASHING: Final = Threads(1, "wirespeak-oper")
# Seconds between two looks at whose time is over: bans, and nicks that are somebody else's.
TICK: Final = 1.0


class IrcServer:
    """A service (`contract.Service`): one network of one server, as ``config`` says.

    ``accounts``: who is registered; in memory where it is None. ``limits`` bound a connection. ``reload`` reads the configuration anew, for
    REHASH, and ``stop`` ends the program, for DIE; without them those commands say so. ``counters`` may be read by others meanwhile.
    ``clock``: seconds since 1970; ``random``: so many random bytes; ``work`` runs what blocks, and gives its result.

    `tick` is to be called every `TICK` seconds.
    """

    def __init__(
        self,
        config: Config | None = None,
        *,
        accounts: Accounts | None = None,
        limits: ServerLimits | None = None,
        reload: Callable[[], Awaitable[Config]] | None = None,
        stop: Callable[[], None] | None = None,
        counters: Counters | None = None,
        clock: Callable[[], float] = time.time,
        random: Callable[[int], bytes] = os.urandom,
        work: Work = HASHING.run,
    ) -> None:
        config = config or Config()
        accounts = accounts or open_accounts(config, None)
        self.limits = limits or ServerLimits()
        self.world = World(config, accounts, Outside(clock, random, work, _log_fault, reload, stop), counters)
        self.world.ownership = Ownership(self.world)

    def __call__(self, link: Link) -> _Conversation:
        return _Conversation(self, link)

    def tick(self) -> None:
        """See to what is over by time alone."""
        self.world.ownership.tick()


def _log_fault(what: str, error: Exception) -> None:
    logger.error("%s failed", what, exc_info=error)


def open_accounts(config: Config, file: Path | None) -> Accounts:
    """Those in ``file``, made where it isn't there; None is for as long as the program runs. To be closed. Raises `StorageError`."""
    mail = CodeMail(config.mail_server, config.mail_from, config.network) if config.mail_server else None
    return Accounts(SqliteStore(file), config.account_settings, clock=time.time, random=os.urandom, mail=mail)


def serve(
    *places: str,
    config: Config | None = None,
    accounts: Path | None = None,
    on_ready: Callable[[list[str]], None] | None = None,
    **options: Any,
) -> None:
    """Serve IRC at ``places`` ("localhost:6667" where none is named) until SIGTERM or SIGINT, in good order.

    ``accounts`` is the file of who is registered, made where it isn't there; without one they last as long as the program. ``on_ready`` is
    told where, once it accepts; ``options`` are `IrcServer`'s. Raises `AddressError`, `ListenError`, `StorageError`.
    """
    config = config or Config()
    kept = open_accounts(config, accounts)

    async def run() -> None:
        server = IrcServer(config, accounts=kept, **options)
        listener = Listener(bind_all(map(Address.parse, places or ("localhost:6667",))), server)
        repeat(TICK, server.tick)
        said = None if on_ready is None else lambda: on_ready([str(Address.of(name)) for name in listener.addresses])
        await serve_until_stopped([listener], on_ready=said)

    try:
        run_loop(run())
    finally:
        kept.close()


class _Session(ServerSession):
    """A session that says so when the program is about to stop."""

    __slots__ = ("world",)

    world: World

    def finish(self, now: float) -> None:
        self.world.stopping = True
        super().finish(now)


class _Conversation:
    """One connection of an `IrcServer`, a `contract.Conversation`."""

    __slots__ = ("_user", "_world", "session")

    def __init__(self, server: IrcServer, link: Link) -> None:
        self._world = world = server.world
        session = _Session(link.wake, server.limits, name=world.name)
        session.world = world
        session.exempt = not world.config.throttle
        self.session: Session = session
        self._user = user = User(world, link, session, secure=link.tls is not None)
        user.registering = Registering()
        if link.tls is not None and link.tls.der is not None:
            user.fingerprint = hashlib.sha256(link.tls.der).hexdigest()
        world.arrive(user)
        admit(world, user, address_of(link.peer))

    def handle(self, event: Any) -> None:
        user = self._user
        if type(event) is Message:
            dispatch(self._world, user, event)
        elif type(event) is Ended:
            self._world.quit(user, event.reason)
        else:
            self._refuse(user, event)

    def _refuse(self, user: User, event: TooLong | NotUtf8 | Malformed) -> None:
        """A line that is no message: its label is answered all the same (IRCv3 labeled-response)."""
        opens_label(user, event.label)
        if type(event) is TooLong:
            user.reply(numerics.ERR_INPUTTOOLONG)
        elif type(event) is NotUtf8:
            user.fail(event.command, "INVALID_UTF8", "Message rejected: on this network your IRC software must use UTF-8")
        elif type(event) is Malformed and event.error.code:
            user.reply(numerics.ERR_UNKNOWNCOMMAND, event.command)
        user.close_label()

    def lost(self, error: Exception | None) -> None:
        self._world.quit(self._user, "Connection closed" if error is None else "Connection reset by peer")
