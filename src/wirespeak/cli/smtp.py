"""``wirespeak smtp``: take mail, look at it, send it, and say who may log in."""

from __future__ import annotations

import click

from wirespeak.cli import LazyGroup

__all__ = ["command"]


@click.group(
    cls=LazyGroup,
    modules={
        "inbox": "wirespeak.cli.smtp_inbox",
        "send": "wirespeak.cli.smtp_send",
        "serve": "wirespeak.cli.smtp_serve",
        "users": "wirespeak.cli.smtp_users",
    },
)
def command() -> None:
    """SMTP: mail."""
