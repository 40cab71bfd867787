"""The rows of the table, one file a protocol; each has a function ``rows(place)``. They start nothing until measured."""

from bench.model import Row
from bench.rows import dns, frames, http, idle, irc, smtp, telnet
from bench.rows.place import Place

__all__ = ["Place", "all_rows"]


def all_rows(place: Place) -> list[Row]:
    """Every row, in the table's order."""
    return [row for room in (http, dns, smtp, irc, telnet, frames, idle) for row in room.rows(place)]
