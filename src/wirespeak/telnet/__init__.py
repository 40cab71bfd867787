"""Telnet (RFC 854, and what has been added to it): a terminal far away, as server and client.

A tour, in the order in which it reads best:

====================  ================================================================================
``grammar.py``        the bytes: IAC, the commands, the options' numbers
``messages.py``       data, commands, negotiations, subnegotiations, and what options tell
``scanner.py``        bytes in, those parts out, however the bytes are cut
``states.py``         how two sides agree on an option, as a table (RFC 1143)
``session.py``        a conversation without I/O; its two sides are alike; ``outgoing.py``, what it has to
                      say; ``limits.py``, how much of it
``options/``          what the options say to each other once they are agreed on, a file each
``server.py``         what a server decides; ``visitor.py``, whom it serves; ``lines.py``, a line being
                      typed; ``screen.py``, what a terminal can show; ``pty.py``, programs on a terminal;
                      ``login.py``, who may run them; ``menu.py``, the lobby
``client.py``         what a client decides; ``console.py``, a person at it; ``commands.py``, what that
                      one can order; ``escapes.py``, what a server may do to their screen
``telnetlib.py``      the module that Python dropped, as it was
``explain.py``        every byte of a conversation, named
====================  ================================================================================

What most people need::

    from wirespeak.telnet import BlockingClient, serve

    async def host(visitor):
        name = await visitor.ask("Who are you? ")
        await visitor.say(f"Hello, {name}.")

    serve(host, "localhost:8023")                                               # until Ctrl-C
    BlockingClient.connect("localhost:8023").read_until(b"Who are you? ")

The names below are loaded when they are first used (PEP 562): whoever wants ``telnetlib`` alone gets it alone.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wirespeak.telnet.client import BlockingClient, Client, Match
    from wirespeak.telnet.grammar import Code
    from wirespeak.telnet.limits import TelnetLimits
    from wirespeak.telnet.lines import LineEditor
    from wirespeak.telnet.login import login
    from wirespeak.telnet.messages import Command, Data, Disabled, Enabled, Environment, Subnegotiation, TerminalType, WindowSize
    from wirespeak.telnet.options import Option, client_options, host_options
    from wirespeak.telnet.pty import program
    from wirespeak.telnet.screen import Screen, clean
    from wirespeak.telnet.server import Counters, Host, TelnetServer, serve
    from wirespeak.telnet.session import TelnetSession
    from wirespeak.telnet.visitor import Interrupted, Visitor

__all__ = [
    "BlockingClient",
    "Client",
    "Code",
    "Command",
    "Counters",
    "Data",
    "Disabled",
    "Enabled",
    "Environment",
    "Host",
    "Interrupted",
    "LineEditor",
    "Match",
    "Option",
    "Screen",
    "Subnegotiation",
    "TelnetLimits",
    "TelnetServer",
    "TelnetSession",
    "TerminalType",
    "Visitor",
    "WindowSize",
    "clean",
    "client_options",
    "host_options",
    "login",
    "program",
    "serve",
]

_PLACES = {
    "client": ("BlockingClient", "Client", "Match"),
    "grammar": ("Code",),
    "limits": ("TelnetLimits",),
    "lines": ("LineEditor",),
    "login": ("login",),
    "messages": ("Command", "Data", "Disabled", "Enabled", "Environment", "Subnegotiation", "TerminalType", "WindowSize"),
    "options": ("Option", "client_options", "host_options"),
    "pty": ("program",),
    "screen": ("Screen", "clean"),
    "server": ("Counters", "Host", "TelnetServer", "serve"),
    "session": ("TelnetSession",),
    "visitor": ("Interrupted", "Visitor"),
}
"""By file, the names of it that are public."""


def __getattr__(name: str) -> Any:
    for file, names in _PLACES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{file}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
