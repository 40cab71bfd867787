"""``wirespeak irc``: serve a network, and talk on one."""

from __future__ import annotations

import click

from wirespeak.cli import LazyGroup

__all__ = ["command"]


@click.group(
    cls=LazyGroup,
    modules={
        "chat": "wirespeak.cli.irc_chat",
        "serve": "wirespeak.cli.irc_serve",
    },
)
def command() -> None:
    """IRC: chat."""
