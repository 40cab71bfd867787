"""``wirespeak dns serve``: answer for zones, over UDP and TCP."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Sequence
from contextlib import ExitStack
from hashlib import blake2b
from pathlib import Path
from typing import Final, Literal

import click

from wirespeak import __version__
from wirespeak.cli.serving import Serving, announce, bind_options
from wirespeak.dns.cookies import SECRET_SIZE, Cookies
from wirespeak.dns.log import QueryLog
from wirespeak.dns.rate import RateLimiter
from wirespeak.dns.server import DnsServer, bind
from wirespeak.dns.session import TcpLimits
from wirespeak.dns.zonestore import Source, ZoneStore
from wirespeak.errors import StorageError
from wirespeak.sockets.address import Address, is_public
from wirespeak.sockets.listener import Limits, Listener, serve_until_stopped
from wirespeak.sockets.tasks import repeat, run_loop
from wirespeak.sockets.tcp import ListeningSocket
from wirespeak.sockets.udp import DatagramServer
from wirespeak.sockets.workers import run_workers

__all__ = ["command"]

# Seconds after which a question stands in the log at the latest.
FLUSH_EVERY: Final = 0.5
# Answers a second to one network where other machines can come in, unless told otherwise: what NSD has.
PUBLIC_RATE: Final = 200
# Seconds for which cookies are made by one secret (RFC 9018 5), and how often it is looked whether they are over.
DAY: Final = 86400
ROLL_EVERY: Final = 60.0


@click.command(name="serve")
@click.option(
    "--zone",
    multiple=True,
    required=True,
    metavar="[ORIGIN=]FILE",
    help="A zone file; several times for several zones. Without ORIGIN the file is named after its zone, as in home.test.zone.",
)
@click.option("--watch/--no-watch", default=True, show_default=True, help="Read a zone anew when its file changes; at SIGHUP in any case.")
@click.option("--log", metavar="FILE", help="Note every question there; - is standard error.")
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option(
    "--rate",
    type=click.IntRange(0),
    metavar="N",
    help=f"Like answers a second to one network, over UDP; 0 sets no limit.  [default: {PUBLIC_RATE} for other machines]",
)
@click.option("--slip", type=click.IntRange(0), default=2, show_default=True, metavar="N", help="Of those past it, each Nth is cut short.")
@click.option("--cookies/--no-cookies", default=True, show_default=True, help="Know again by cookies who has asked before.")
@click.option(
    "--cookie-secrets",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Secrets that several servers share: 32 hex digits a line, the first in use; read again at SIGHUP.  [default: a new one each day]",
)
@click.option("--require-cookies", is_flag=True, help="Over UDP, answer who has a cookie only once it is one of ours.")
@click.option("--nsid", default="", metavar="TEXT", help="Which of several servers this is, told to who asks (NSID, id.server).")
@click.option(
    "--version-text", default=f"wirespeak {__version__}", show_default=True, metavar="TEXT", help="For version.bind; '' tells nothing."
)
@click.option(
    "--idle-time",
    default=TcpLimits().idle,
    show_default=True,
    type=click.FloatRange(0, min_open=True),
    metavar="SECONDS",
    help="For a TCP connection on which nothing is asked.",
)
@bind_options("localhost:8053", tls=False, plain=False)
def command(
    serving: Serving,
    zone: tuple[str, ...],
    watch: bool,
    log: str | None,
    log_format: Literal["text", "json"],
    rate: int | None,
    slip: int,
    cookies: bool,
    cookie_secrets: Path | None,
    require_cookies: bool,
    nsid: str,
    version_text: str,
    idle_time: float,
) -> int:
    """Answer for zones, and for no other name: nothing is looked up elsewhere.

    \b
    wirespeak dns serve --zone home.test.zone
    wirespeak dns serve --zone example.org=zones/example --bind 192.0.2.53:53 --log queries.log
    """
    logging.basicConfig(format="%(name)s: %(message)s", level=logging.INFO)
    store = ZoneStore(map(Source.parse, zone))
    with ExitStack() as stack:
        streams, datagrams = _open(serving.bind, stack)
        public = [address for address in map(Address.parse, serving.bind) if is_public(address)]
        if public:
            names = ", ".join(str(served.origin) for served in store.zones)
            click.echo(f"wirespeak: other machines can ask at {', '.join(map(str, public))}: for {names}, no recursion", err=True)
        keeper = _Secrets(cookie_secrets) if cookies else None

        async def work() -> None:
            notes = _opened(log, log_format)
            server = DnsServer(
                store.zones,
                cookies=keeper.cookies if keeper is not None else None,
                require_cookies=require_cookies,
                limiter=_limiter(rate, slip, public=bool(public)),
                name=nsid,
                version=version_text,
                limits=TcpLimits(idle=idle_time),
                log=notes,
            )
            limits = Limits(serving.max_connections, serving.max_per_client)
            listener = Listener(streams, server, limits=limits, proxy_from=serving.proxy_from)
            responder = DatagramServer(datagrams, server)

            def ready() -> None:
                responder.start()
                if serving.workers == 1:
                    _announce(streams, datagrams, serving)

            def hang_up() -> None:
                store.reload()
                if keeper is not None:
                    keeper.read()
                if notes is not None:
                    notes.reopen()

            if notes is not None:
                repeat(FLUSH_EVERY, notes.flush)
            if keeper is not None:
                repeat(ROLL_EVERY, keeper.roll)
            store.watch(server.replace, looks=watch)
            try:
                await serve_until_stopped([listener], on_ready=ready, on_hangup=hang_up)
            finally:
                responder.close()
                store.stop()
                if notes is not None:
                    notes.close()

        if serving.workers == 1:
            run_loop(work())
            return 0
        _announce(streams, datagrams, serving)
        return run_workers(serving.workers, lambda: run_loop(work()))


def _open(places: Sequence[str], stack: ExitStack) -> tuple[list[ListeningSocket], list[ListeningSocket]]:
    """The sockets of all places, for TCP and for UDP; they are closed with ``stack``."""
    streams: list[ListeningSocket] = []
    datagrams: list[ListeningSocket] = []
    for place in places:
        more_streams, more_datagrams = bind(Address.parse(place))
        for sock in (*more_streams, *more_datagrams):
            stack.callback(sock.close)
        streams += more_streams
        datagrams += more_datagrams
    return streams, datagrams


def _announce(streams: Sequence[ListeningSocket], datagrams: Sequence[ListeningSocket], serving: Serving) -> None:
    announce("dns", [sock.getsockname() for sock in datagrams], json=serving.json, transport="udp")
    announce("dns", [sock.getsockname() for sock in streams], json=serving.json)


def _limiter(rate: int | None, slip: int, *, public: bool) -> RateLimiter | None:
    """For the rate that was asked for; else, where others can come in, for the usual one, which spares this machine."""
    if rate is None:
        return RateLimiter(PUBLIC_RATE, slip=slip) if public else None
    return RateLimiter(rate, slip=slip, spared=()) if rate else None


def _opened(log: str | None, format: Literal["text", "json"]) -> QueryLog | None:
    return None if log is None else QueryLog(2 if log == "-" else log, format)


class _Secrets:
    """The secrets that cookies are made by: of a file, or of this day, made from one that was drawn at the start.

    All worker processes have that one, so that each knows the others' cookies.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._root = secrets.token_bytes(32)
        self._day = -1
        self.cookies = Cookies(*(self._of_file(file) if file is not None else self._of_today()))

    def read(self) -> None:
        """Read the file again; one that is wrong changes nothing."""
        if self._file is not None:
            try:
                self.cookies.roll(*self._of_file(self._file))
            except StorageError as error:
                logging.getLogger("wirespeak.dns").error("%s; the secrets stay as they were", error)

    def roll(self) -> None:
        """Go on to the next day's, where that has begun."""
        if self._file is None and time.time() // DAY != self._day:
            self.cookies.roll(*self._of_today())

    def _of_today(self) -> list[bytes]:
        """This day's, and the one before it."""
        self._day = int(time.time() // DAY)
        days = [self._day, self._day - 1]
        return [blake2b(day.to_bytes(8, "big"), key=self._root, digest_size=SECRET_SIZE).digest() for day in days]

    @staticmethod
    def _of_file(file: Path) -> list[bytes]:
        try:
            found = [bytes.fromhex(line) for line in file.read_text("ascii").splitlines() if line.strip()]
        except (OSError, ValueError) as error:
            raise StorageError(f"{file}: {error.strerror if isinstance(error, OSError) else 'a line is no hexadecimal number'}") from None
        if not found or any(len(secret) != SECRET_SIZE for secret in found):
            raise StorageError(f"{file}: expected a secret of {SECRET_SIZE * 2} hexadecimal digits a line (RFC 9018 4.4)")
        return found
