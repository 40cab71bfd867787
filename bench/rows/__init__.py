"""The rows of the table, one file a protocol; each has a function ``rows(place)``. They start nothing until measured."""

from bench.model import Row
from bench.rows import dns, frames, http, idle, smtp, telnet
from bench.rows.place import Place

__all__ = ["Place", "all_rows"]


def all_rows(place: Place) -> list[Row]:
    """Every row, in the table's order."""
    return [*http.rows(place), *dns.rows(place), *smtp.rows(place), *telnet.rows(place), *frames.rows(place), *idle.rows(place)]
