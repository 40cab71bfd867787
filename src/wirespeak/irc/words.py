"""What a client said, and addresses, made fit to be said; and lists that are longer than a line. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from wirespeak.irc.grammar import LINE, NO_MIDDLE
from wirespeak.irc.messages import cut

__all__ = ["address", "lines_of", "middle", "room_behind"]

MIDDLE_SIZE: Final = 320
"""Bytes of a client's word that are said back: so that behind the longest names of server, nick and channel (63, 30, 64) and it the text
of a numeric still begins within the line, and isn't missing."""


def middle(text: str) -> str:
    """``text`` as a parameter that others follow, its first `MIDDLE_SIZE` bytes at most: ``*`` where it can't be one, being empty, of
    several words or with a colon in front.

    "The <subject> MUST be the one requested by the client …; unless it would be an invalid parameter, in which case it MUST be *"
    (Modern IRC: RPL_HELPSTART), and so for whatever else of a command is repeated in its answer.
    """
    return "*" if NO_MIDDLE.match(text) else cut(text, MIDDLE_SIZE)


def address(ip: str) -> str:
    """``ip`` as a parameter: "IPv6 addresses such as ::1 are prefixed with a zero" (Modern IRC: RPL_WHOISACTUALLY)."""
    return f"0{ip}" if ip.startswith(":") else ip


def room_behind(source: str, *params: str) -> int:
    """Bytes left for the last parameter of a numeric from ``source`` that has ``params`` before it (RFC 1459 2.3: 512 with CR LF)."""
    return LINE - len(f":{source} 000 {' '.join(params)} :\r\n".encode())


def lines_of(words: Iterable[str], room: int, separator: str = " ") -> Iterator[str]:
    """``words`` joined by ``separator`` into texts of at most ``room`` bytes; a word that is longer by itself stands alone."""
    line: list[str] = []
    used = -len(separator)
    for word in words:
        size = len(separator) + len(word.encode())
        if line and used + size > room:
            yield separator.join(line)
            line, used = [], -len(separator)
        line.append(word)
        used += size
    if line:
        yield separator.join(line)
