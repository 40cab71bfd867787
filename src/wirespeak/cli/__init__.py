"""The command line: one file a command group, loaded when it is called; no protocol logic.

Exit codes: 0 done; 1 the other side said no; 2 wrong usage; 3 could not connect, or timed out; 4 local failure; 5 the
peer broke the protocol, or TLS failed; 130 interrupted. What a peer or a user did never shows a traceback.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

from wirespeak import __version__
from wirespeak.cli.settings import read_settings
from wirespeak.cli.terminal import printable
from wirespeak.errors import (
    AddressError,
    ConnectError,
    ConnectionLost,
    LocalProtocolError,
    Refused,
    RemoteProtocolError,
    TimeoutError,
    TLSError,
    WirespeakError,
)

__all__ = ["LazyGroup", "main"]


class LazyGroup(click.Group):
    """A group whose commands stand in modules that are imported when they are called or listed: ``name → module``.

    Each module names its click command ``command``.
    """

    def __init__(self, *args: Any, modules: dict[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._modules = modules

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *self._modules])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in self._modules:
            found: click.Command = import_module(self._modules[cmd_name]).command
            return found
        return super().get_command(ctx, cmd_name)


@click.group(
    cls=LazyGroup,
    modules={
        "completion": "wirespeak.cli.completion",
        "dns": "wirespeak.cli.dns",
        "explain": "wirespeak.cli.explain",
        "frames": "wirespeak.cli.frames",
        "http": "wirespeak.cli.http",
        "irc": "wirespeak.cli.irc",
        "smtp": "wirespeak.cli.smtp",
        "telnet": "wirespeak.cli.telnet",
        "up": "wirespeak.cli.up",
    },
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "WIRESPEAK"},
)
@click.version_option(__version__, prog_name="wirespeak")
@click.option("--config", metavar="FILE", help="Settings (default: wirespeak.toml here, or in the XDG configuration folder).")
@click.pass_context
def command(ctx: click.Context, config: str | None) -> None:
    """The internet's classic protocols, each as client and server."""
    ctx.default_map = read_settings(config)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    sys.unraisablehook = _tell_unraisable
    try:
        code = command.main(args=arguments, prog_name="wirespeak", standalone_mode=False)
    except click.exceptions.Exit as leaving:
        code = leaving.exit_code
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (KeyboardInterrupt, click.Abort):
        code = 130
    except BrokenPipeError:
        # Who read our output has gone (``… | head``). Python would complain once more when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except (WirespeakError, OSError) as error:
        click.echo(f"wirespeak: {printable(str(error))}", err=True)  # it may hold a peer's words
        code = exit_code(error)
    sys.exit(code if isinstance(code, int) else 0)


def _tell_unraisable(unraisable: Any) -> None:
    """Python's own report of an error that can't be raised, but for one that any TLS client can cause.

    Where a client asks for a server name that isn't ASCII, the ssl module fails to decode it before our code is asked. The
    handshake ends as it should; only the report would fill the log.
    """
    if not (isinstance(unraisable.exc_value, UnicodeDecodeError) and isinstance(unraisable.object, bytes)):
        sys.__unraisablehook__(unraisable)


def exit_code(error: Exception) -> int:
    """The exit code that tells of ``error``."""
    if isinstance(error, Refused):
        return 1
    if isinstance(error, (AddressError, LocalProtocolError)):
        return 2
    if isinstance(error, (ConnectError, TimeoutError)):
        return 3
    if isinstance(error, (RemoteProtocolError, ConnectionLost, TLSError)):
        return 5
    return 4
