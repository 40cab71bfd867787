"""``wirespeak telnet``: serve a terminal, and go to one."""

from __future__ import annotations

import click

from wirespeak.cli import LazyGroup

__all__ = ["command"]


@click.group(
    cls=LazyGroup,
    modules={
        "connect": "wirespeak.cli.telnet_connect",
        "serve": "wirespeak.cli.telnet_serve",
    },
)
def command() -> None:
    """Telnet: a terminal on another machine."""
