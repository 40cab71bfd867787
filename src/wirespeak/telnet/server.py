"""What a Telnet server decides: what it asks of a terminal, when its host begins, and how a visit ends.

A *host* is a coroutine function of one `Visitor`; a visit lasts as long as it runs. In ten lines::

    from wirespeak.telnet import serve

    async def host(visitor):
        await visitor.say("A parrot lives here.")
        async for line in visitor:
            await visitor.say(f"{line}! {line}!")

    serve(host, "localhost:8023")                  # until Ctrl-C; now try: telnet localhost 8023

The server offers to echo (RFC 857) without go-aheads (RFC 858), which makes terminals send each key at once, and asks for window
size, terminal type and environment. The host begins when all that is answered. A peer that answers nothing is not waited
for any longer than `KNOWN_TIME`, nor one that already talks.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from wirespeak.contract import Link, Session
from wirespeak.errors import ConnectionLost, LocalProtocolError, WirespeakError
from wirespeak.sockets.address import Address
from wirespeak.sockets.listener import Listener, serve_until_stopped
from wirespeak.sockets.tasks import Cancelled, run_loop
from wirespeak.sockets.tcp import bind_all
from wirespeak.telnet.grammar import ECHO, LINEMODE, NAWS, NEW_ENVIRON, SGA, TTYPE
from wirespeak.telnet.limits import TelnetLimits
from wirespeak.telnet.messages import (
    Command,
    Data,
    Disabled,
    EditMode,
    Enabled,
    End,
    Environment,
    LogoutAsked,
    Malformed,
    TerminalSpeed,
    TerminalType,
    WindowSize,
    XDisplay,
)
from wirespeak.telnet.options import Linemode, host_options
from wirespeak.telnet.session import SOON, TelnetSession
from wirespeak.telnet.visitor import Interrupted, Visitor

__all__ = ["Counters", "Host", "TelnetServer", "serve"]

logger = logging.getLogger("wirespeak.telnet")

Host = Callable[[Visitor], Awaitable[None]]

KNOWN_TIME: Final = 0.5
"""Seconds that a terminal is given to tell of itself before the host begins: two round trips round the earth."""

EDITING: Final = EditMode(edit=True, trapsig=True)
"""The mode of LINEMODE in which the terminal's side does the work (RFC 1184 2.2)."""

VARIABLES: Final = ("DISPLAY", "LANG", "LC_ALL", "LC_CTYPE", "COLORTERM", "NO_COLOR")
"""What of the visitor's environment is asked for, and heard. Not USER: who somebody is, is not for a stranger's program to say."""


class Counters:
    """What a server has done so far, in numbers. May be read at any time; the server writes."""

    __slots__ = ("open", "visits")

    def __init__(self) -> None:
        self.open = 0
        """Visitors that are here now."""
        self.visits = 0
        """Visits there have been: connections in which a host was begun."""

    def as_data(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return {"connections": {"open": self.open}, "visits": {"total": self.visits}}


class TelnetServer:
    """A service (`contract.Service`) that gives each visitor to ``host``.

    ``limits`` bound a connection. With ``line_mode`` lines are edited on the visitor's side (RFC 1184, or as the NVT does), which
    a slow connection is glad of; else here. ``asks``: further options to ask the terminal for, such as TSPEED. A host that raises
    ends the visit with a reset; the log (``wirespeak.telnet``) says why.
    """

    def __init__(
        self,
        host: Host,
        *,
        limits: TelnetLimits | None = None,
        line_mode: bool = False,
        asks: Sequence[int] = (),
        counters: Counters | None = None,
    ) -> None:
        self.host = host
        self.limits = limits or TelnetLimits()
        self.line_mode = line_mode
        self.asks = tuple(asks)
        self.counters = counters or Counters()

    def __call__(self, link: Link) -> _Conversation:
        return _Conversation(self, link)


def serve(host: Host, *places: str, on_ready: Callable[[list[str]], None] | None = None, **options: Any) -> None:
    """Serve ``host`` at ``places`` ("localhost:8023" where none is named) until SIGTERM or SIGINT, in good order.

    ``on_ready`` is told where, once it accepts; ``options`` are `TelnetServer`'s. Raises `AddressError`, `ListenError`.
    """

    async def run() -> None:
        listener = Listener(bind_all(map(Address.parse, places or ("localhost:8023",))), TelnetServer(host, **options))
        said = None if on_ready is None else lambda: on_ready([str(Address.of(name)) for name in listener.addresses])
        await serve_until_stopped([listener], on_ready=said)

    run_loop(run())


@dataclass(slots=True)
class _Known:
    """Event: the terminal has had its time to tell of itself."""


class _Session(TelnetSession):
    """A session that tells when the time has come to begin, and when the program is about to stop."""

    def __init__(self, link: Link, limits: TelnetLimits, options: Sequence[Any], on_finish: Callable[[], None]) -> None:
        super().__init__(link.wake, limits, options=options, host=True, refuse_http=True)
        self._known_by = SOON
        self._on_finish = on_finish

    @property
    def deadline(self) -> float:
        return min(super().deadline, self._known_by)

    def tick(self, now: float) -> Sequence[Any]:
        events = super().tick(now)
        if self._known_by == SOON:
            self._known_by = now + KNOWN_TIME
        elif now >= self._known_by:
            self.known()
            return [*events, _Known()]
        return events

    def known(self) -> None:
        """Nothing more is waited for."""
        self._known_by = math.inf

    def finish(self, now: float) -> None:
        self._on_finish()
        super().finish(now)


class _Conversation:
    """One connection of a `TelnetServer`, a `contract.Conversation`."""

    def __init__(self, server: TelnetServer, link: Link) -> None:
        self._server = server
        self._link = link
        mode = EDITING if server.line_mode else None
        self._telnet = telnet = _Session(link, server.limits, host_options(asked=VARIABLES, mode=mode), self._over)
        self.session: Session = telnet
        self._visitor = Visitor(link, telnet)
        self._task: Any = None
        self._begun = False
        self._echoes = False  # the visitor's side does: it refused that we do
        self._unknown: set[tuple[int, bool]] = {(TTYPE, False), (NAWS, False), (NEW_ENVIRON, False)}
        """What is asked, and not answered: the option, and whether on our side."""
        server.counters.open += 1
        if server.line_mode:
            telnet.ask_him(LINEMODE)
            self._unknown.add((LINEMODE, False))
        else:
            telnet.ask_us(ECHO)
            telnet.ask_us(SGA)
            telnet.ask_him(SGA)
            self._unknown.add((ECHO, True))
        for option in (TTYPE, NAWS, NEW_ENVIRON, *server.asks):
            telnet.ask_him(option)

    # --- events

    def handle(self, event: Any) -> None:
        kind = type(event)
        if kind is Data:
            if not self._begun:
                self._begin()
            self._visitor.data(event.data)
        elif kind is Command:
            self._visitor.command(event.code)
        elif kind is _Known:
            self._begin()
        elif kind is End:
            self._begin()
            self._visitor.ended()
        elif kind is LogoutAsked:
            self._leave()
        elif kind is Malformed:
            logger.debug("%s: %s", Address.of(self._link.peer), event.error)
        elif isinstance(event, WirespeakError):
            logger.warning("%s: %s", Address.of(self._link.peer), event)
            self._over()
        else:
            self._learn(event)

    def _learn(self, event: Any) -> None:
        """What the terminal tells of itself."""
        visitor, screen = self._visitor, self._visitor.screen
        match event:
            case Enabled(option, us):
                if us:
                    self._unknown.discard((option, us))
                    self._echoes = self._echoes and option != ECHO
                elif option == LINEMODE and self._echoes:
                    self._leave_editing()
            case Disabled(option, us):
                self._unknown.discard((option, us))
                if option == ECHO and us and not self._server.line_mode:
                    self._echoes = True
                    if self._telnet.him(LINEMODE):
                        self._leave_editing()
            case WindowSize(columns, rows):
                screen.resize(columns, rows)
                self._unknown.discard((NAWS, False))
            case TerminalType():
                visitor.terminal = event.terminal
                visitor.mtts = event.mtts
                if event.complete:
                    self._unknown.discard((TTYPE, False))
            case Environment(variables):
                visitor.variables |= {name: value for name, value in variables.items() if name in VARIABLES}
                self._unknown.discard((NEW_ENVIRON, False))
            case EditMode():
                self._unknown.discard((LINEMODE, False))
            case TerminalSpeed(transmit, receive):
                visitor.speed = (receive, transmit)
            case XDisplay(display):
                visitor.variables["DISPLAY"] = display
            case _:
                pass
        screen.learn(visitor.terminal, visitor.mtts, visitor.variables)
        visitor.changed()
        if not self._unknown:
            self._begin()

    def _leave_editing(self) -> None:
        """The visitor's side echoes, and knows LINEMODE: it is to edit lines, and to turn its signals' characters into commands.

        Some terminals offer the option to everybody, and want it only then; others would send each key, and we not see why.
        """
        for message in self._telnet.option(Linemode).ask_mode(EDITING):
            self._telnet.send(message)

    def lost(self, error: Exception | None) -> None:
        self._server.counters.open -= 1
        self._over()

    # --- the visit

    def _begin(self) -> None:
        if self._begun:
            return
        self._begun = True
        self._telnet.known()
        self._server.counters.visits += 1
        task = self._link.start(self._visit())
        if task is not None and not task.done():
            self._task = task

    async def _visit(self) -> None:
        try:
            await self._server.host(self._visitor)
        except (Interrupted, ConnectionLost):
            pass
        except Cancelled:
            return
        except Exception as error:
            logger.error("%s: the host failed", Address.of(self._link.peer), exc_info=error)
            self._telnet.fail()
            return
        self._task = None
        self._leave()

    def _leave(self) -> None:
        """End the visit in good order."""
        self._over()
        if not self._telnet.closed:
            try:
                self._telnet.leave()
            except LocalProtocolError:
                pass  # it has ended already

    def _over(self) -> None:
        """Nobody waits for the visitor any more."""
        self._begun = True
        self._telnet.known()
        self._visitor.lost()
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
