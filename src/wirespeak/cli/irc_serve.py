"""``wirespeak irc serve``: a chat network of one server.

What it is told stands in a file (``--config``), on the command line, or in both: a switch goes before the file, and whatever has no
switch of its own is set by ``--set``. Each says the same thing to the same `Config`, so there is one place where it is checked.
"""

from __future__ import annotations

import contextlib
import logging
import signal
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import click

from wirespeak.cli.serving import Serving, announce, bind_options, open_sockets
from wirespeak.errors import StorageError, TextError
from wirespeak.irc.config import Config
from wirespeak.irc.limits import UNLIMITED, ServerLimits
from wirespeak.irc.server import TICK, IrcServer, open_accounts
from wirespeak.irc.verbs.negotiation import reconfigure
from wirespeak.sockets.listener import Limits, Listener, serve_until_stopped
from wirespeak.sockets.tasks import in_thread, repeat, run_loop

__all__ = ["command"]

logger = logging.getLogger("wirespeak.irc")

DEFAULTS: Final = ServerLimits()

BOUNDS: Final = {
    "register_time": "Until a client is registered.",
    "ping_after": "Of silence, until a client is asked by PING whether it is there.",
    "ping_time": "For its answer.",
    "send_queue": "Bytes that may wait for a client that doesn't read.",
}
"""Options → what they say of the limit of that name."""


def _bounds(function: Callable[..., Any]) -> Callable[..., Any]:
    """An option for each of `BOUNDS`: a time in seconds, or a number of bytes."""
    for name, help in reversed(BOUNDS.items()):
        default = getattr(DEFAULTS, name)
        kind: Any = click.FloatRange(0, min_open=True) if isinstance(default, float) else click.IntRange(1024)
        metavar = "SECONDS" if isinstance(default, float) else "BYTES"
        function = click.option(f"--{name.replace('_', '-')}", default=default, show_default=True, type=kind, metavar=metavar, help=help)(
            function
        )
    return function


@click.command(name="serve")
@click.option("--config", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE", help="Settings, in TOML.")
@click.option("--name", metavar="NAME", help=f"What the server is called, a host name.  [default: {Config().name}]")
@click.option("--network", metavar="NAME", help=f"What the network is called.  [default: {Config().network}]")
@click.option("--password", metavar="WORD", help="Asked of everyone who comes (PASS). Others on this machine see it here, not in a file.")
@click.option("--oper", multiple=True, metavar="NAME:PASSWORD", help="Who may become an operator (OPER); several times for several.")
@click.option(
    "--motd",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The message of the day; read again by REHASH.",
)
@click.option(
    "--accounts",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Keep accounts, channels and bans there.  [default: for as long as the server runs]",
)
@click.option("--registration/--no-registration", default=None, help="Whether strangers can have an account.  [default: registration]")
@click.option("--email-required", is_flag=True, default=None, help="No account without an e-mail address.")
@click.option("--mail-server", metavar="HOST:PORT", help="Takes the mails with codes that confirm those addresses; with --mail-from.")
@click.option("--mail-from", metavar="ADDRESS", help="Whom those mails are from.")
@click.option("--no-throttle", is_flag=True, help="Let everyone talk, register and guess as fast as they like: for tests.")
@click.option("--no-cloaks", is_flag=True, help="Show the hosts that people come from.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Any setting of the file, as accounts.enforce_after=5.")
@click.option("--tls-bind", multiple=True, metavar="HOST:PORT", help="Listen there too, with TLS: beside --bind in clear.")
@click.option(
    "--client-ca",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Authorities (PEM) whose clients, or certificates of clients who, may log in without a password (SASL EXTERNAL).",
)
@_bounds
@bind_options("localhost:6667", workers=False)
def command(
    serving: Serving,
    config: Path | None,
    oper: tuple[str, ...],
    motd: Path | None,
    accounts: Path | None,
    registration: bool | None,
    email_required: bool | None,
    no_throttle: bool,
    no_cloaks: bool,
    settings: tuple[str, ...],
    tls_bind: tuple[str, ...],
    client_ca: tuple[Path, ...],
    register_time: float,
    ping_after: float,
    ping_time: float,
    send_queue: int,
    **words: str | None,
) -> int:
    """Serve a chat network.

    \b
    wirespeak irc serve
    wirespeak irc serve --network Home --oper ann:sesame --accounts accounts.db
    wirespeak irc serve --config irc.toml --bind '*:6667' --plain --tls-bind '*:6697' --cert irc.pem
    """
    said: dict[str, Any] = {name: word for name, word in words.items() if word is not None}
    said |= {"throttle": False} if no_throttle else {}
    said |= {"cloaks": False} if no_cloaks else {}
    told = {"registration": registration, "email_required": email_required}
    said["accounts"] = {name: flag for name, flag in told.items() if flag is not None}
    said["opers"] = dict(map(_oper, oper))
    switches = _Switches(config, motd, _laid_over(_settings(settings), said))
    limits = replace(DEFAULTS, register_time=register_time, ping_after=ping_after, ping_time=ping_time, send_queue=send_queue)
    return _serve(switches, serving, tls_bind, client_ca, accounts, limits)


def _serve(
    switches: _Switches,
    serving: Serving,
    tls_bind: Sequence[str],
    client_ca: Sequence[Path],
    accounts: Path | None,
    limits: ServerLimits,
) -> int:
    try:
        config = switches.read()  # what is wrong with it is told before a port is taken
    except TextError as error:
        raise click.UsageError(str(error)) from None
    context = replace(serving, tls=serving.tls or bool(tls_bind)).context(client_authorities=client_ca)
    if client_ca and context is None:
        raise click.UsageError("--client-ca is for connections with TLS: --tls, --cert or --tls-bind")
    if not config.throttle:
        limits = replace(limits, burst=UNLIMITED)
    logging.basicConfig(format="%(name)s: %(message)s", level=logging.INFO)
    beside = bool(tls_bind)  # then --bind is in clear
    sockets = open_sockets(serving.bind, secure=context is not None and not beside, plain=serving.plain)
    secure_sockets = open_sockets(tls_bind, secure=True, plain=False, option="--tls-bind")
    kept = open_accounts(config, accounts)
    if accounts is None:
        click.echo("accounts last for as long as this runs; --accounts FILE keeps them", err=True)

    async def work() -> None:
        server = IrcServer(
            config,
            accounts=kept,
            limits=limits,
            reload=lambda: in_thread(switches.read),
            stop=lambda: signal.raise_signal(signal.SIGTERM),
        )
        bounds = Limits(serving.max_connections, serving.max_per_client)
        tls = None if beside else context
        listeners = [Listener(sockets, server, tls=tls, limits=bounds, proxy_from=serving.proxy_from)]
        if beside:
            listeners.append(Listener(secure_sockets, server, tls=context, limits=bounds, proxy_from=serving.proxy_from))

        def ready() -> None:
            announce("irc" if tls is None else "ircs", listeners[0].addresses, json=serving.json)
            for listener in listeners[1:]:
                announce("ircs", listener.addresses, json=serving.json)

        def hang_up() -> None:
            try:
                reconfigure(server.world, switches.read())
            except (StorageError, TextError) as error:
                logger.error("the settings stay as they are: %s", error)

        repeat(TICK, server.tick)
        await serve_until_stopped(listeners, on_ready=ready, on_hangup=hang_up)

    try:
        run_loop(work())
    finally:
        kept.close()
    return 0


@dataclass(slots=True, frozen=True)
class _Switches:
    """What was said on the command line: the file, that of the message of the day, and what goes before what is in them."""

    config: Path | None
    motd: Path | None
    said: dict[str, Any]

    def read(self) -> Config:
        """The settings as the files have them now. Raises `StorageError`, `TextError`."""
        file = str(self.config or "")
        try:
            data = tomllib.loads(_text(self.config)) if self.config is not None else {}
        except tomllib.TOMLDecodeError as error:
            raise TextError(str(error), file=file) from None
        if self.motd is not None:
            data["motd"] = _text(self.motd).splitlines()
        return Config.of(_laid_over(data, self.said), file)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise StorageError(error.errno, f"{path} can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise TextError("expected UTF-8", file=str(path)) from None


def _oper(said: str) -> tuple[str, dict[str, str]]:
    name, colon, password = said.partition(":")
    if not name or not colon or not password:
        raise click.UsageError(f"--oper {said}: expected NAME:PASSWORD")
    return name, {"password": password}


def _settings(said: Sequence[str]) -> dict[str, Any]:
    """``KEY=VALUE`` of each --set. The value is as in TOML; one that isn't, is a word that needs no quotes."""
    settings: dict[str, Any] = {}
    for text in said:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise click.UsageError(f"--set {text}: expected KEY=VALUE")
        setting: Any = value
        with contextlib.suppress(tomllib.TOMLDecodeError):
            setting = tomllib.loads(f"value = {value}")["value"]
        for name in reversed(key.split(".")):
            setting = {name: setting}
        settings = _laid_over(settings, setting)
    return settings


def _laid_over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """The tables ``below`` with what ``above`` says in place of it."""
    both = dict(below)
    for name, value in above.items():
        there = both.get(name)
        both[name] = _laid_over(there, value) if isinstance(there, dict) and isinstance(value, dict) else value
    return both
