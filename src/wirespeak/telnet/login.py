"""Who may come in: a name and a password first, and a host behind them; or the system's own login, which asks by itself.

A shell is given to nobody who has not logged in. Names and passwords are checked by whoever is given here (in a thread of its own,
as that takes long on purpose), and a name from the visitor's environment counts for nothing: it is asked for, here or by login(1)
(CVE-2026-24061 was a name that login took for an option). Runs what it is told to check with.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Awaitable, Callable
from typing import Final

from wirespeak.sockets.address import Address
from wirespeak.sockets.threads import Threads
from wirespeak.telnet.pty import program
from wirespeak.telnet.visitor import Visitor

__all__ = ["login", "shell", "system_login"]

logger = logging.getLogger("wirespeak.telnet")

TRIES: Final = 3
"""Wrong passwords of one visit."""

USER: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]{0,63}")
"""A user's name, before anything is done with it: it begins with no hyphen, and holds no space, slash or control character."""

# Passwords that are checked at a time: each takes a core for a tenth of a second. Who guesses waits behind who guesses.
CHECKING: Final = Threads(2, "wirespeak-login")

SYSTEM_LOGIN: Final = "/bin/login"

Host = Callable[[Visitor], Awaitable[None]]


def login(verify: Callable[[str, str], bool], host: Host, *, tries: int = TRIES) -> Host:
    """A host that lets in to ``host`` whoever's name and password ``verify`` (which may block) finds right."""

    async def ask(visitor: Visitor) -> None:
        for _ in range(tries):
            name = await visitor.ask("login: ")
            if name is None:
                return
            password = await visitor.password()
            if password is None:
                return
            name = name.strip()
            # A name that is none is checked too, in the time of one: nobody learns by that which names there are.
            right = await CHECKING.run(verify, name if USER.fullmatch(name) else "", password)
            if right and USER.fullmatch(name):
                logger.info("%s: %s has logged in", Address.of(visitor.peer), name)
                await visitor.say("")
                await host(visitor)
                return
            logger.warning("%s: a login was refused", Address.of(visitor.peer))
            await visitor.say("Login incorrect")

    return ask


def shell() -> Host:
    """A host that runs the shell of the user whom the server runs as, as at a login."""
    path = os.environ.get("SHELL") or "/bin/sh"
    return program([path, "-l"], directory=os.path.expanduser("~"))


def system_login() -> Host:
    """A host that runs the system's login(1), which asks for a name itself, and needs to be root for it."""

    def arguments(visitor: Visitor) -> list[str]:
        # Only the address comes from outside, and that from the kernel.
        return [SYSTEM_LOGIN, "-h", str(visitor.peer[0]) if isinstance(visitor.peer, tuple) else "localhost"]

    return program(arguments)
