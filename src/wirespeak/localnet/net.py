"""The little internet as a whole: its folder, its authority, and the services that run in it.

A service of it is one declaration, a `LocalService`; ``services.py`` has them all. What one needs at run time, it finds
in the `LocalNet` that it runs in; what became of it, stands in its `Running`. Touches the data folder.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from wirespeak import __version__, contract
from wirespeak.errors import WirespeakError
from wirespeak.http.counters import Counters
from wirespeak.sockets.address import EVERYWHERE, LOCALHOST, Address
from wirespeak.sockets.authority import Authority
from wirespeak.sockets.listener import Listener
from wirespeak.sockets.tcp import ListeningSocket
from wirespeak.sockets.tls import server_context

__all__ = ["LocalNet", "LocalService", "Running", "Trial"]

HOSTS: Final = ("localhost", "127.0.0.1", "[::1]", "home.test", "*.home.test")
"""What the local net is called on its own machine."""

GREETING: Final = """\
Whatever you put into this folder is served under /files/, to this machine alone.

Nothing is kept back but names that begin with a dot. A file index.html, where there is one, is shown in place of the list.
"""


@dataclass(slots=True, frozen=True)
class Trial:
    """A way to talk to a service by hand: a command, what to type once it runs (a line each), and what one will see."""

    command: str
    sees: str
    typed: tuple[str, ...] = ()


@dataclass(slots=True, frozen=True)
class LocalService:
    """The declaration of a service.

    ``name`` is what options and events call it, ``port`` its port unless told otherwise. ``title`` and ``does`` are for
    people. ``make`` gives what a listener hands its connections to; a ``secure`` one gets a certificate by the local
    authority, and chooses among ``alpn``. ``by_hand`` says how to talk to it where it runs.
    """

    name: str
    port: int
    title: str
    does: str
    make: Callable[[LocalNet, Running], contract.Service]
    by_hand: Callable[[LocalNet, Running], Sequence[Trial]]
    secure: bool = False
    alpn: tuple[str, ...] = ()


@dataclass(slots=True)
class Running:
    """A service that runs: where it listens, and what it has done."""

    service: LocalService
    addresses: list[Address]
    counters: Counters = field(default_factory=Counters)

    @property
    def host(self) -> str:
        """What to call the host: the name that everybody has for this machine, or the address where it has none."""
        first = self.addresses[0]
        is_here = first.host in (EVERYWHERE, "::", "0.0.0.0") or (first.ip is not None and first.ip.is_loopback)
        return LOCALHOST if is_here else first.host

    @property
    def port(self) -> int:
        return self.addresses[0].port

    @property
    def url(self) -> str:
        """The address of its first page, for services that have pages."""
        return f"{'https' if self.service.secure else 'http'}://{Address(self.host, self.port)}/"


class LocalNet:
    """What `wirespeak up` runs, with its state in ``folder``, which is made where it is missing.

    It listens on ``host``, and is called so. ``passing`` tells that the folder goes when the program ends. Raises
    `WirespeakError` where the folder can't be made or its authority can't be used.
    """

    def __init__(self, folder: Path, host: str = LOCALHOST, *, passing: bool = False) -> None:
        self.folder = folder
        self.files = folder / "www"
        self.passing = passing
        self.hosts = (*HOSTS, host)
        self.running: list[Running] = []
        self._since = time.monotonic()
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self.files.exists():
                self.files.mkdir()
                (self.files / "hello.txt").write_text(GREETING, encoding="utf-8")
        except OSError as error:
            raise WirespeakError(f"the data folder {folder} can't be made: {error.strerror}; choose another with --dir") from None
        self.authority = Authority.open(folder / "authority")

    def run(self, service: LocalService, sockets: Sequence[ListeningSocket]) -> Listener:
        """A listener that gives out ``service`` on ``sockets``, which listen already. Called inside the event loop."""
        running = Running(service, [Address.of(sock.getsockname()) for sock in sockets])
        self.running.append(running)
        tls = server_context(self.authority, alpn=service.alpn) if service.secure else None
        return Listener(sockets, service.make(self, running), tls=tls)

    def status(self) -> dict[str, Any]:
        """What runs and what it has done, for JSON: times in seconds, latencies in milliseconds."""
        return {
            "version": __version__,
            "uptime": round(time.monotonic() - self._since, 1),
            "services": [
                {
                    "name": running.service.name,
                    "url": running.url,
                    "addresses": [str(address) for address in running.addresses],
                    **running.counters.as_data(),
                }
                for running in self.running
            ],
        }
