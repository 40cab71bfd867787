"""What the services are called, and what their messages come from. Pure."""

from __future__ import annotations

from typing import Final

from wirespeak.irc.casemapping import ascii_fold

__all__ = ["CHANSERV", "NICKSERV", "SERVICES", "source"]

NICKSERV: Final = "NickServ"
CHANSERV: Final = "ChanServ"

SERVICES: Final = {ascii_fold(name): name for name in (NICKSERV, CHANSERV)}
"""Folded name → name. Nobody else is called so."""


def source(service: str, server: str) -> str:
    """The source of what ``service`` says, on the server of that name."""
    return f"{service}!services@{server}"
