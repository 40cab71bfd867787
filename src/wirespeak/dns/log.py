"""The query log: who asked for what, and what came of it; a line a question, off the hot path (``sockets/linelog.py``).

The text is BIND's querylog, which readers of such logs know, with the outcome at its end. Names come from anyone who
asks: they are escaped as in a zone file, so a line never ends early, and no escape sequence reaches a terminal.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import msgspec

from wirespeak.dns.cookies import Known
from wirespeak.dns.counters import end_of_question, rcode_of
from wirespeak.dns.names import Name
from wirespeak.dns.registry import class_text, rcode_text, type_text
from wirespeak.sockets.linelog import MONTHS, LineLog, utc

__all__ = ["Entry", "Outcome", "QueryLog"]

Outcome = Literal["sent", "slipped", "dropped"]


@dataclass(slots=True)
class Entry:
    """A question and what came of it: the peer's address as its socket tells it, when (seconds since 1970), the bytes."""

    peer: Any
    when: float
    query: bytes
    reply: bytes
    tcp: bool
    known: Known | None = None
    """What its cookie told; None where it had none."""
    outcome: Outcome = "sent"
    """Whether the limit on the rate held the answer back, or cut it short."""


class QueryLog(LineLog[Entry]):
    """Writes questions to ``file``, a path or a descriptor (`LineLog`). Give it to `DnsServer`.

    ``format`` is ``text``, or ``json``: an object a line.
    """

    def __init__(self, file: str | os.PathLike[str] | int, format: Literal["text", "json"] = "text") -> None:
        super().__init__(file, _text if format == "text" else _json, "query log")


# --- lines


@dataclass(slots=True)
class _Asked:
    """What stands in a line about a question that could be read."""

    name: str
    cls: str
    type: str


def _asked(reply: bytes) -> _Asked | None:
    """The question, from the answer, which repeats every one that could be read."""
    end = end_of_question(reply)
    if end == 12:
        return None
    name = str(Name(reply[12 : end - 4]))
    type, cls = int.from_bytes(reply[end - 4 : end - 2], "big"), int.from_bytes(reply[end - 2 : end], "big")
    return _Asked(name if name == "." else name[:-1], class_text(cls), type_text(type))


def _flags(entry: Entry) -> str:
    """As BIND writes them: ``+`` recursion desired (``-``: not), E(version) EDNS, T TCP, D DO, C CD, V a good cookie, K another."""
    query, end = entry.query, end_of_question(entry.reply)
    flags = "+" if query[2] & 1 else "-"
    if query[end : end + 3] == b"\0\0\x29" and len(query) >= end + 11:  # an OPT record: version and flags in its TTL (RFC 6891 6.1.3)
        flags += f"E({query[end + 6]})"
        do = query[end + 7] & 0x80
    else:
        do = 0
    flags += "T" * entry.tcp + "D" * bool(do) + "C" * bool(query[3] & 0x10)
    return flags + ("" if entry.known is None else "V" if entry.known is Known.GOOD else "K")


def _text(entry: Entry) -> str:
    """``21-Nov-2026 14:16:17.123 client 127.0.0.1#53512 (www.home.test): query: www.home.test IN A +E(0)K NOERROR 62``"""
    asked = _asked(entry.reply)
    question = "(?): query: unreadable" if asked is None else f"({asked.name}): query: {asked.name} {asked.cls} {asked.type}"
    result = f"{rcode_text(rcode_of(entry.reply, end_of_question(entry.reply)))} {len(entry.reply) if entry.outcome != 'dropped' else 0}"
    said = "" if entry.outcome == "sent" else f" rate limit {entry.outcome}"
    host, port = _peer(entry.peer)
    when = f"{_local_time(int(entry.when))}.{int(entry.when % 1 * 1000):03}"
    return f"{when} client {host}#{port} {question} {_flags(entry)} {result}{said}\n"


def _json(entry: Entry) -> str:
    asked = _asked(entry.reply)
    host, port = _peer(entry.peer)
    line: dict[str, Any] = {
        "time": utc(entry.when),
        "client": host,
        "port": port,
        "transport": "tcp" if entry.tcp else "udp",
    }
    if asked is not None:
        line |= {"name": asked.name, "class": asked.cls, "type": asked.type}
    line |= {
        "flags": _flags(entry),
        "rcode": rcode_text(rcode_of(entry.reply, end_of_question(entry.reply))),
        "bytes": len(entry.reply),
        "outcome": entry.outcome,
    }
    return msgspec.json.encode(line).decode("ascii") + "\n"


def _peer(peer: Any) -> tuple[str, int]:
    """Host and port of a socket's address; ``unix:`` for a Unix socket's."""
    return (str(peer[0]), int(peer[1])) if isinstance(peer, tuple) and len(peer) > 1 else ("unix:", 0)


@lru_cache(maxsize=4)
def _local_time(second: int) -> str:
    """``21-Nov-2026 14:16:17``: local time, in English whatever the locale."""
    then = time.localtime(second)
    return f"{then.tm_mday:02}-{MONTHS[then.tm_mon - 1]}-{then.tm_year} {then.tm_hour:02}:{then.tm_min:02}:{then.tm_sec:02}"
