"""The little internet as a whole: its folder, its authority, and the services that run in it.

A service of it is one declaration, a `LocalService`; ``services.py`` has them all. What one needs at run time, it finds
in the `LocalNet` that it runs in; what became of it, stands in its `Running`. Touches the data folder.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any, Final, Protocol, cast

from wirespeak import __version__, contract
from wirespeak.errors import WirespeakError
from wirespeak.http.counters import Counters
from wirespeak.sockets.address import EVERYWHERE, LOCALHOST, Address
from wirespeak.sockets.authority import Authority
from wirespeak.sockets.listener import Listener
from wirespeak.sockets.tcp import ListeningSocket
from wirespeak.sockets.tls import server_context
from wirespeak.sockets.udp import DatagramServer

__all__ = ["Figure", "LocalNet", "LocalService", "Running", "Trial"]

LOOPBACK: Final[dict[int, IPv4Address | IPv6Address]] = {4: IPv4Address("127.0.0.1"), 6: IPv6Address("::1")}
"""By the version of IP."""

HOSTS: Final = ("localhost", "127.0.0.1", "[::1]", "home.test", "*.home.test")
"""What the local net is called on its own machine."""

USER: Final = "alice"
"""Who can log in to send mail. As in most examples of the RFCs, she writes to bob."""

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


class Figures(Protocol):
    """What a service has done, in numbers."""

    def as_data(self) -> dict[str, Any]:
        """All of it, for JSON."""
        ...


@dataclass(slots=True, frozen=True)
class Figure:
    """One number of a service that is shown to people: what it counts, where it stands in its data, and in what unit."""

    name: str
    path: str
    unit: str = ""

    def of(self, data: Mapping[str, Any]) -> str:
        """As it is shown."""
        value: Any = data
        for key in self.path.split("."):
            value = value[key]
        return f"{value:,}"


@dataclass(slots=True, frozen=True)
class LocalService:
    """The declaration of a service.

    ``name`` is what options and events call it, ``port`` its port unless told otherwise, ``scheme`` what its URL begins with.
    ``title`` and ``does`` are for people. ``make`` gives what a listener hands its connections to; with ``datagrams`` that
    answers over UDP as well (it is a `contract.Responder` too), at the same port. A ``secure`` one gets a certificate by the
    local authority, and chooses among ``alpn``; one with ``starttls`` begins in clear and offers TLS by itself. ``count`` makes what
    it counts with, ``figures`` are those of its numbers that are shown. ``by_hand`` says how to talk to it where it runs.
    """

    name: str
    port: int
    scheme: str
    title: str
    does: str
    make: Callable[[LocalNet, Running], contract.Service]
    by_hand: Callable[[LocalNet, Running], Sequence[Trial]]
    figures: tuple[Figure, ...]
    count: Callable[[], Figures] = Counters
    datagrams: bool = False
    secure: bool = False
    starttls: bool = False
    alpn: tuple[str, ...] = ()

    @property
    def has_pages(self) -> bool:
        """Whether a browser can go there."""
        return self.scheme in ("http", "https")

    @property
    def transports(self) -> tuple[str, ...]:
        """What it is spoken over."""
        return ("udp", "tcp") if self.datagrams else ("tcp",)


class Running:
    """A service that runs: where it listens, and what it has done."""

    def __init__(self, service: LocalService, addresses: list[Address]) -> None:
        self.service = service
        self.addresses = addresses
        self.counters: Any = service.count()

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
        """Where it is: for services that have pages, the address of the first one."""
        return f"{self.service.scheme}://{Address(self.host, self.port)}/"

    @property
    def ips(self) -> list[IPv4Address | IPv6Address]:
        """The addresses by which it can be reached from here: where it listens everywhere, those of loopback."""
        found = [address.ip for address in self.addresses if address.ip is not None]
        return [LOOPBACK[ip.version] if ip.is_unspecified else ip for ip in found] or [*LOOPBACK.values()]


class LocalNet:
    """What `wirespeak up` runs, with its state in ``folder``, which is made where it is missing.

    It listens on ``host``, and is called so. ``passing`` tells that the folder goes when the program ends. Raises
    `WirespeakError` where the folder can't be made or its authority can't be used.
    """

    def __init__(self, folder: Path, host: str = LOCALHOST, *, passing: bool = False) -> None:
        self.folder = folder
        self.files = folder / "www"
        self.names = folder / "names" / "yours.zone"
        self.mail = folder / "mail"
        self.user = USER
        self.password = folder / "mail-password"
        self.passing = passing
        self.hosts = (*HOSTS, host)
        self.running: list[Running] = []
        self._responders: list[DatagramServer] = []
        self._ends: list[Callable[[], object]] = []
        self._since = time.monotonic()
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self.files.exists():
                self.files.mkdir()
                (self.files / "hello.txt").write_text(GREETING, encoding="utf-8")
        except OSError as error:
            raise WirespeakError(f"the data folder {folder} can't be made: {error.strerror}; choose another with --dir") from None
        self.authority = Authority.open(folder / "authority")

    def run(self, service: LocalService, sockets: Sequence[ListeningSocket], datagrams: Sequence[ListeningSocket] = ()) -> Listener:
        """A listener that gives out ``service`` on ``sockets``, which listen already. Called inside the event loop.

        What comes to the ``datagrams`` sockets is answered from `start` on.
        """
        running = Running(service, [Address.of(sock.getsockname()) for sock in sockets])
        self.running.append(running)
        tls = server_context(self.authority, alpn=service.alpn) if service.secure else None
        made = service.make(self, running)
        if service.datagrams:
            self._responders.append(DatagramServer(datagrams, cast("contract.Responder", made)))
        return Listener(sockets, made, tls=tls)

    def start(self) -> None:
        """Answer datagrams from now on."""
        for responder in self._responders:
            responder.start()

    def at_end(self, function: Callable[[], object]) -> None:
        """Have ``function`` called by `stop`."""
        self._ends.append(function)

    def stop(self) -> None:
        """Answer no more datagrams, and end what runs beside the listeners."""
        for responder in self._responders:
            responder.close()
        for function in self._ends:
            function()

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
