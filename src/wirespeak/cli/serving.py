"""What all ``serve`` commands share: where to listen, with which certificate, in how many processes, and saying so."""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import click
import msgspec

from wirespeak.contract import Service
from wirespeak.errors import AddressError, ListenError, LocalProtocolError
from wirespeak.sockets.address import Address, is_public
from wirespeak.sockets.listener import Limits, Listener, serve_until_stopped
from wirespeak.sockets.proxy import Proxies
from wirespeak.sockets.tasks import run_loop
from wirespeak.sockets.tcp import ListeningSocket, bind
from wirespeak.sockets.tls import TLSContext, server_context
from wirespeak.sockets.workers import run_workers

__all__ = ["Serving", "announce", "bind_options", "open_sockets", "serve"]

F = TypeVar("F", bound=Callable[..., Any])

# What is true where there is no option for it.
MISSING: Final = {"tls": False, "plain": False, "workers": 1}


@dataclass(slots=True)
class Serving:
    """What the options of `bind_options` say."""

    bind: tuple[str, ...]
    json: bool
    tls: bool
    cert: Path | None
    key: Path | None
    plain: bool
    workers: int
    max_connections: int
    max_per_client: int
    proxy_from: tuple[str, ...]

    @property
    def secure(self) -> bool:
        return self.tls or self.cert is not None

    def context(self, alpn: Sequence[str] = (), client_authorities: Sequence[Path] = ()) -> TLSContext | None:
        """The TLS context asked for: of the certificate given, or of one by the local authority. Raises `TLSError`, `StorageError`.

        ``client_authorities``: as `server_context` has it.
        """
        if self.cert is not None:
            from wirespeak.sockets.certificate import Credentials  # this and the next take a moment to import

            return server_context(Credentials.load(self.cert, self.key), alpn=alpn, client_authorities=client_authorities)
        if not self.tls:
            return None
        from wirespeak.sockets.authority import Authority

        return server_context(Authority.open(), alpn=alpn, client_authorities=client_authorities)


def bind_options(default: str, *, tls: bool = True, plain: bool = True, workers: bool = True) -> Callable[[F], F]:
    """The options of a ``serve`` command that listens at ``default`` unless told otherwise; they arrive as one `Serving`.

    ``tls``, ``plain`` and ``workers`` tell which of them there are: one that says nothing secret needs neither of the first two, and
    one whose clients talk to each other is one process.
    """

    def decorate(function: F) -> F:
        def call(**options: Any) -> Any:
            fields = {name: options.pop(name, MISSING.get(name)) for name in Serving.__slots__}
            return function(serving=Serving(**fields), **options)

        call.__name__, call.__doc__ = function.__name__, function.__doc__
        call.__click_params__ = getattr(function, "__click_params__", [])  # type: ignore[attr-defined]
        options = [
            click.option(
                "--bind",
                multiple=True,
                default=[default],
                show_default=True,
                metavar="HOST:PORT",
                help="Where to listen; several times for several places; port 0 takes a free one.",
            ),
            click.option("--json", is_flag=True, help="One JSON object a line, for programs."),
            click.option(
                "--max-connections",
                default=Limits().connections,
                show_default=True,
                type=click.IntRange(1),
                help="Connections held at a time.",
            ),
            click.option(
                "--max-per-client", default=Limits().per_client, show_default=True, type=click.IntRange(1), help="The same, of one address."
            ),
            click.option(
                "--proxy-from",
                multiple=True,
                callback=_checked_proxies,
                metavar="NETWORK",
                help="Proxies (an address, a network, or unix), which tell who their client is by the PROXY protocol, and must.",
            ),
        ]
        if tls:
            options += [
                click.option("--tls", is_flag=True, help="Speak TLS, with a certificate of this machine's own authority."),
                click.option(
                    "--cert", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Speak TLS with this certificate (PEM)."
                ),
                click.option(
                    "--key",
                    type=click.Path(exists=True, dir_okay=False, path_type=Path),
                    help="The key to --cert, where it isn't in the same file.",
                ),
            ]
        if workers:
            help = "Processes that share the work."
            options.append(click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 256), help=help))
        if plain:
            options.append(click.option("--plain", is_flag=True, help="Listen in clear even where other machines can come in."))
        decorated: Any = call
        for option in reversed(options):
            decorated = option(decorated)
        return cast("F", decorated)

    return decorate


def _checked_proxies(context: click.Context, option: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    try:
        Proxies.parse(value)
    except AddressError as error:
        raise click.BadParameter(str(error), context, option) from None
    return value


def open_sockets(
    places: Sequence[str], *, secure: bool, plain: bool, default_port: int | None = None, option: str = "--bind"
) -> list[ListeningSocket]:
    """Listening sockets for the ``places`` of an option.

    Raises `AddressError`; `LocalProtocolError` for one that other machines can reach in clear without ``plain``;
    `ListenError`, which names the program that has the port, where that can be known, and the option to choose another.
    """
    sockets: list[ListeningSocket] = []
    try:
        for place in places:
            address = Address.parse(place, default_port)
            if is_public(address) and not secure and not plain:
                raise LocalProtocolError(
                    f"{address} can be reached from other machines, and in clear anyone on the way can listen in: "
                    "give it a certificate, or say --plain"
                )
            try:
                sockets += bind(address)
            except ListenError as error:
                if error.errno == errno.EADDRINUSE:
                    raise ListenError(
                        error.errno, f"can't listen on {address}: {_holder(address.port)}; choose another with {option}"
                    ) from None
                raise
    except BaseException:
        for sock in sockets:
            sock.close()
        raise
    return sockets


def _holder(port: int) -> str:
    """Who listens on ``port``, as far as the system tells us."""
    import psutil  # for this alone

    try:
        rows = psutil.net_connections("tcp")
    except (psutil.Error, OSError):
        rows = []
    for row in rows:
        if row.status == psutil.CONN_LISTEN and row.laddr and row.laddr.port == port and row.pid:
            try:
                return f"{psutil.Process(row.pid).name()} (process {row.pid}) listens there"
            except psutil.Error:
                return f"process {row.pid} listens there"
    return "another program listens there"


def announce(service: str, addresses: Sequence[Any], *, json: bool, transport: str = "tcp") -> None:
    """Say where a service listens: a line, or a JSON object, an address."""
    for name in addresses:
        address = Address.of(name)
        if json:
            place = {"path": address.path} if address.path is not None else {"host": address.host, "port": address.port}
            event = {"event": "listening", "service": service, "transport": "unix" if address.path is not None else transport, **place}
            click.echo(msgspec.json.encode(event))
        else:
            click.echo(f"listening on {address} ({'unix' if address.path is not None else transport})")


def serve(
    name: str, make: Callable[[], Service], serving: Serving, *, alpn: Sequence[str] = (), on_hangup: Callable[[], None] | None = None
) -> int:
    """Listen as ``serving`` says and give each connection to the service that ``make`` makes; the exit code.

    ``make`` is called in each worker process, inside its event loop. ``on_hangup`` is called at SIGHUP.
    """
    logging.basicConfig(format="%(name)s: %(message)s", level=logging.INFO)
    context = serving.context(alpn)
    sockets = open_sockets(serving.bind, secure=serving.secure, plain=serving.plain)
    limits = Limits(serving.max_connections, serving.max_per_client)

    async def work() -> None:
        listener = Listener(sockets, make(), tls=context, limits=limits, proxy_from=serving.proxy_from)

        def say() -> None:
            if serving.workers == 1:
                announce(name, listener.addresses, json=serving.json)

        await serve_until_stopped([listener], on_ready=say, on_hangup=on_hangup)

    if serving.workers == 1:
        run_loop(work())
        return 0
    announce(name, [sock.getsockname() for sock in sockets], json=serving.json)
    return run_workers(serving.workers, lambda: run_loop(work()))
