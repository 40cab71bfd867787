"""Where options get their defaults: ``wirespeak.toml``, a table a command (``[http.serve]``), a key an option."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

import click

__all__ = ["config_folder", "data_folder", "read_settings"]


def config_folder() -> Path:
    """Where settings stand (XDG Base Directory Specification)."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "wirespeak"


def data_folder() -> Path:
    """Where state lives: the local authority, mailboxes, databases (XDG Base Directory Specification)."""
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "wirespeak"


def read_settings(named: str | None) -> dict[str, Any]:
    """The defaults of all commands. A file that was named has to be there; raises a click error for one that can't be read."""
    places = [Path(named)] if named else [Path("wirespeak.toml"), config_folder() / "wirespeak.toml"]
    for place in places:
        try:
            return _underscored(tomllib.loads(place.read_text(encoding="utf-8")))
        except FileNotFoundError:
            continue
        except (OSError, UnicodeError, tomllib.TOMLDecodeError) as error:
            raise click.ClickException(f"{place} can't be read: {error}") from None
    if named:
        raise click.ClickException(f"{named} is not there")
    return {}


def _underscored(table: dict[str, Any]) -> dict[str, Any]:
    """Options are written as on the command line (``max-body``); click knows them by Python's names."""
    return {key.replace("-", "_"): _underscored(value) if isinstance(value, dict) else value for key, value in table.items()}
