"""``wirespeak http``: serve a folder or an application, and get what others serve."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import click

from wirespeak.cli import LazyGroup
from wirespeak.cli.serving import Serving, bind_options
from wirespeak.cli.serving import serve as serve_connections
from wirespeak.http.limits import ServerLimits
from wirespeak.http.log import AccessLog
from wirespeak.http.server import Handler, HttpServer
from wirespeak.http.static import StaticFiles
from wirespeak.sockets.tasks import repeat

__all__ = ["command"]

DEFAULTS = ServerLimits()
# Seconds after which an exchange stands in the log at the latest.
FLUSH_EVERY = 0.5


@click.group(cls=LazyGroup, modules={"get": "wirespeak.cli.get"})
def command() -> None:
    """HTTP/1.1: the web."""


def _seconds(option: str, field: str, help: str) -> Callable[[Any], Any]:
    return click.option(
        option,
        field,
        default=getattr(DEFAULTS, field),
        show_default=True,
        type=click.FloatRange(0, min_open=True),
        metavar="SECONDS",
        help=help,
    )


@command.command()
@click.argument("folder", default=".", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--app", metavar="MODULE:NAME", help="Serve a handler of your own: a function of a Request that returns a Response.")
@click.option("--log", metavar="FILE", default="-", show_default=True, help="The access log; - is standard error.")
@click.option("--log-format", type=click.Choice(["combined", "json"]), default="combined", show_default=True)
@click.option("--no-log", is_flag=True, help="Keep no access log.")
@click.option("--quiet", is_flag=True, hidden=True)
@click.option("--hidden", is_flag=True, help="Give out names that begin with a dot too.")
@click.option("--listing/--no-listing", default=True, show_default=True, help="List folders without an index.html.")
@click.option("--compress/--no-compress", default=True, show_default=True, help="Compress files as they are served.")
@click.option(
    "--max-body",
    "body",
    default=DEFAULTS.body,
    show_default=True,
    type=click.IntRange(0),
    metavar="BYTES",
    help="The largest request body taken.",
)
@_seconds("--head-time", "head_time", "For the head of a request.")
@_seconds("--idle-time", "idle_time", "Between two requests.")
@_seconds("--body-grace", "grace", "Before a slow body, or a slow reader, is held to its least rate.")
@_seconds("--handler-time", "handler_time", "For an answer.")
@bind_options("localhost:8000")
def serve(
    serving: Serving,
    folder: Path,
    app: str | None,
    log: str,
    log_format: Literal["combined", "json"],
    no_log: bool,
    quiet: bool,
    hidden: bool,
    listing: bool,
    compress: bool,
    **limits: Any,
) -> int:
    """Serve the files of FOLDER, or an application.

    \b
    wirespeak http serve ~/site
    wirespeak http serve --app shop:handler --bind '*:8443' --tls
    """
    handler: Handler = load_handler(app) if app else StaticFiles(folder, hidden=hidden, listing=listing, compress=compress)
    logs: list[AccessLog] = []

    def make() -> HttpServer:
        if not no_log:
            logs.append(AccessLog(2 if log == "-" else log, format=log_format))
            repeat(FLUSH_EVERY, logs[0].flush)
        return HttpServer(handler, limits=ServerLimits(**limits), log=logs[0] if logs else None)

    def reopen() -> None:
        for opened in logs:
            opened.reopen()

    try:
        return serve_connections("http", make, serving, alpn=("http/1.1",), on_hangup=reopen)
    finally:
        for opened in logs:
            opened.close()


def load_handler(name: str) -> Handler:
    """The object that ``MODULE:NAME`` names, the current folder's modules included."""
    module, colon, attribute = name.partition(":")
    if not colon:
        raise click.UsageError(f"--app takes MODULE:NAME, as in shop:handler, not {name!r}")
    sys.path.insert(0, os.getcwd())
    try:
        found: Any = importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise click.UsageError(f"--app {name}: {error}") from None
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise click.UsageError(f"--app {name}: {module} has no {attribute}")
        found = getattr(found, part)
    if not callable(found):
        raise click.UsageError(f"--app {name}: {attribute} can't be called")
    handler: Handler = found
    return handler
