"""``wirespeak up``: the little internet on this machine, started, shown and stopped.

What it consists of is declared in ``localnet/``; here stand the options, the sockets it listens on, and what is said to
its user: in colours on a terminal, plainly into a pipe, as JSON lines to a program.
"""

from __future__ import annotations

import errno
import logging
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, TypeVar

import click
import msgspec
from rich.console import Console
from rich.text import Text

from wirespeak import __version__
from wirespeak.cli.serving import announce, open_sockets
from wirespeak.cli.settings import data_folder
from wirespeak.errors import ListenError
from wirespeak.localnet import SERVICES, LocalNet, LocalService, Trial
from wirespeak.sockets.address import EVERYWHERE, LOCALHOST, Address
from wirespeak.sockets.listener import serve_until_stopped
from wirespeak.sockets.tasks import run_loop
from wirespeak.sockets.tcp import ListeningSocket
from wirespeak.sockets.udp import bind_datagram

__all__ = ["command"]

F = TypeVar("F", bound=Callable[..., Any])

Opened = list[tuple[LocalService, list[ListeningSocket], list[ListeningSocket]]]
"""Each service with its sockets: those that listen, and those for datagrams."""

LOOPBACK: Final = ("127.0.0.1", "::1")
"""Where localhost is (RFC 6761 6.3), whatever this machine's list of hosts says: a browser tries both."""

# A port that is free in one family may be taken in the other: how often another is tried.
TRIES: Final = 20


def _port_options(function: F) -> F:
    """An option for the port of each service."""
    for service in reversed(SERVICES):
        text = f"The port for {service.name}; 0 takes a free one.  [default: {service.port}]"
        function = click.option(f"--{service.name}-port", type=click.IntRange(0, 65535), metavar="PORT", help=text)(function)
    return function


@click.command(name="up")
@click.option("--dir", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="Its data.  [default: the XDG data folder]")
@click.option("--host", default=LOCALHOST, show_default=True, metavar="ADDR", help="The address to listen on.")
@_port_options
@click.option("--ephemeral", is_flag=True, help="Take free ports, and a temporary folder that is removed at the end.")
@click.option("--plain", is_flag=True, help="Listen in clear even where other machines can come in.")
@click.option("--json", is_flag=True, help="One JSON object a line, for programs.")
def command(dir: Path | None, host: str, ephemeral: bool, plain: bool, json: bool, **ports: int | None) -> None:
    """Run a little internet on this machine: its web, its mail, its chat, its names and a terminal.

    What it prints says how to talk to it, with the programs that you have and by hand. Ctrl-C stops it.
    """
    if ephemeral and dir:
        raise click.UsageError("--ephemeral takes a temporary folder and --dir one that stays: choose one of the two")
    logging.basicConfig(format="%(name)s: %(message)s", level=logging.WARNING)
    host = Address(host.removeprefix("[").removesuffix("]")).host
    with _opened(host, ports, ephemeral, plain) as opened, _folder(dir, ephemeral) as folder:
        run_loop(_run(LocalNet(folder, host, passing=ephemeral), opened, json))
    if json:
        _tell(event="stopped")
    else:
        click.echo("\nStopped." if sys.stdout.isatty() else "Stopped.")  # the terminal shows ^C on the line before


async def _run(net: LocalNet, opened: Opened, json: bool) -> None:
    listeners = [net.run(service, sockets, datagrams) for service, sockets, datagrams in opened]

    def say() -> None:
        net.start()
        with suppress(BrokenPipeError):  # nobody needs to read it
            (_tell_events if json else _show)(net)

    # A terminal that is closed stops it as Ctrl-C does; but not under nohup.
    ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    try:
        await serve_until_stopped(listeners, on_ready=say, on_hangup=None if ignored else lambda: signal.raise_signal(signal.SIGTERM))
    finally:
        net.stop()


# --- where it listens, and where its data lies


@contextmanager
def _folder(folder: Path | None, ephemeral: bool) -> Iterator[Path]:
    """The data folder; a temporary one is gone afterwards."""
    if ephemeral:
        with TemporaryDirectory(prefix="wirespeak-") as temporary:
            yield Path(temporary)
    else:
        yield (folder or data_folder()).absolute()


@contextmanager
def _opened(host: str, ports: dict[str, int | None], ephemeral: bool, plain: bool) -> Iterator[Opened]:
    """Each service with its sockets, which listen; all are closed in the end. Raises what `open_sockets` does."""
    opened: Opened = []
    try:
        for service in SERVICES:
            port = ports[f"{service.name}_port"]
            if port is None:
                port = 0 if ephemeral else service.port
            opened.append((service, *_open_all(service, host, port, plain)))
        yield opened
    finally:
        for _, sockets, datagrams in opened:
            _close(sockets)
            _close(datagrams)


def _open_all(service: LocalService, host: str, port: int, plain: bool) -> tuple[list[ListeningSocket], list[ListeningSocket]]:
    """The sockets of one service: those that listen, and at the same addresses those for datagrams, where it has such."""
    for tries_left in reversed(range(TRIES)):
        sockets, datagrams = _open(service, host, port, plain), []
        if not service.datagrams:
            return sockets, []
        try:
            places = [Address.of(sock.getsockname()) for sock in sockets]
            for address in [Address(host, places[0].port)] if host == EVERYWHERE else places:
                datagrams += bind_datagram(address)
        except ListenError as error:
            _close(sockets)
            _close(datagrams)
            if port or not tries_left:
                raise ListenError(error.errno, f"{error}, over UDP; choose with --{service.name}-port") from None
        else:
            return sockets, datagrams
    raise AssertionError("the last try returns or raises")


def _open(service: LocalService, host: str, port: int, plain: bool) -> list[ListeningSocket]:
    """The listening sockets of one service."""

    def listen(host: str, port: int) -> list[ListeningSocket]:
        return open_sockets(
            [str(Address(host, port))], secure=service.secure or service.starttls, plain=plain, option=f"--{service.name}-port"
        )

    if host != LOCALHOST:
        return listen(host, port)
    for tries_left in reversed(range(TRIES)):
        sockets = listen(LOOPBACK[0], port)
        try:
            return sockets + listen(LOOPBACK[1], sockets[0].getsockname()[1])
        except ListenError as error:
            if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                return sockets  # a machine without IPv6
            _close(sockets)
            if port or error.errno != errno.EADDRINUSE or not tries_left:
                raise
    raise AssertionError("the last try returns or raises")


def _close(sockets: list[ListeningSocket]) -> None:
    for sock in sockets:
        sock.close()


# --- what it says


def _tell(**event: Any) -> None:
    click.echo(msgspec.json.encode(event))


def _tell_events(net: LocalNet) -> None:
    """For programs: where each service listens, and then that all is ready."""
    _announce(net, json=True)
    urls = {running.service.name: running.url for running in net.running}
    _tell(event="ready", folder=str(net.folder), authority=str(net.authority.certificate_file), urls=urls)


def _announce(net: LocalNet, *, json: bool) -> None:
    for running in net.running:
        for transport in running.service.transports:
            announce(running.service.name, [address.sockaddr for address in running.addresses], json=json, transport=transport)


def _show(net: LocalNet) -> None:
    """For people: what runs, and what to try."""
    console = Console(highlight=False)
    text = Text()
    text.append("wirespeak", "bold").append(f" {__version__}: a little internet, on your own machine\n\n")
    for running in net.running:
        text.append(f"  {running.service.title:18}").append(running.url, "bold cyan")
        text.append(f"  at {' and '.join(map(str, running.addresses))}\n", "dim")
    text.append(f"\n  {'Your files':18}{net.files}\n")
    text.append(f"  {'Your names':18}{net.names}\n")
    text.append(f"  {'Your mail':18}{net.mail}\n")
    text.append(f"  {'Your mail login':18}{net.user}, with the password in {net.password}\n")
    text.append(f"  {'Certificate':18}{net.authority.certificate_file}\n")
    text.append(f"  {'with SHA-256':18}{net.authority.certificate.fingerprint}\n", "dim")
    text.append("\nTry\n", "bold")
    for running in net.running:
        for trial in running.service.by_hand(net, running):
            text.append_text(_shown(trial))
    text.append("\nCtrl-C stops it.\n")
    if not console.is_terminal:
        _announce(net, json=False)
    # Lines are left to the terminal to break, so that a command can be copied whole.
    console.print(text, soft_wrap=True, end="")


def _shown(trial: Trial) -> Text:
    text = Text("\n  ").append(trial.command, "green").append(f"\n      {trial.sees}", "dim")
    if trial.typed:
        text.append(" Once it is connected, type:", "dim")
        for line in trial.typed:
            text.append("\n        ").append(line or "(an empty line)", "yellow" if line else "dim")
    return text.append("\n")
