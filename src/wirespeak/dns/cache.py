"""What was found out is kept for a while: what there is for its TTL (RFC 1035 3.2.1), what there isn't as RFC 2308 says.

A small memory for a stub: it holds what one machine's programs ask, over and over. No clock: the time is handed in.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from wirespeak.dns.messages import Message, Record
from wirespeak.dns.names import Name
from wirespeak.dns.registry import Class, Rcode, Type

__all__ = ["Cache", "Found", "negative_ttl"]

# Names and types kept. One takes about a kilobyte, so all of them some megabytes. Those that were put in first make room.
SIZE: Final = 4096
# Seconds: RFC 8767 4 has a cap of days for what there is; RFC 2308 5 has one to three hours for what there isn't.
LONGEST: Final = 86400
LONGEST_NEGATIVE: Final = 10800


@dataclass(slots=True)
class Found:
    """What is known of a name and a type: the ``records``, none where there are none; and how that was answered.

    ``chain`` holds the CNAME records that led from ``name`` to where the records stand. It is true where there are records.
    """

    name: Name
    type: int
    rcode: int = Rcode.NOERROR
    chain: tuple[Record, ...] = ()
    records: tuple[Record, ...] = ()
    server: str = ""
    """Who said so; where it was known already, how."""

    def __bool__(self) -> bool:
        return bool(self.records)

    @property
    def canonical(self) -> Name:
        """The name at the end of the chain (RFC 1034 3.6.2)."""
        return Name(self.chain[-1].rdata.wire) if self.chain else self.name

    @property
    def texts(self) -> list[str]:
        """The data of the records, as a zone file has it."""
        return [str(record.rdata) for record in self.records]


@dataclass(slots=True)
class _Entry:
    found: Found
    since: float
    expires: float


class Cache:
    """At most ``size`` answers."""

    __slots__ = ("_entries", "_size")

    def __init__(self, size: int = SIZE) -> None:
        self._entries: dict[tuple[bytes, int], _Entry] = {}
        self._size = size

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, name: Name, type: int, now: float) -> Found | None:
        """What is known, its TTLs less the seconds that have passed since (RFC 1034 5.3.3)."""
        for key in ((name.key, type), (name.key, Type.ANY)):
            entry = self._entries.get(key)
            if entry is None:
                continue
            if entry.expires <= now:
                self._entries.pop(key, None)
                continue
            found, age = entry.found, int(now - entry.since)
            return replace(
                found,
                name=name,
                type=type,
                chain=tuple([replace(record, ttl=max(0, record.ttl - age)) for record in found.chain]),
                records=tuple([replace(record, ttl=max(0, record.ttl - age)) for record in found.records]),
                server="the cache",
            )
        return None

    def put(self, found: Found, message: Message, now: float) -> None:
        """Keep what ``message`` said; nothing of a failure, nor of what has no TTL."""
        if found.rcode not in (Rcode.NOERROR, Rcode.NXDOMAIN):
            return
        ttl = min([record.ttl for record in (*found.chain, *found.records)], default=LONGEST)
        if not found.records:
            ttl = min(ttl, negative_ttl(message, found.canonical))
        ttl = min(ttl, LONGEST)
        if ttl <= 0:
            return
        # A name that doesn't exist has no records of any type (RFC 2308 5); at the end of a chain that is said of another name.
        type = Type.ANY if found.rcode == Rcode.NXDOMAIN and not found.chain else found.type
        self._entries.pop((found.name.key, type), None)
        if len(self._entries) >= self._size:
            for key in list(self._entries)[: self._size // 8 + 1]:  # a copy: another thread may be here too
                self._entries.pop(key, None)
        self._entries[found.name.key, type] = _Entry(found, now, now + ttl)

    def clear(self) -> None:
        """Forget all."""
        self._entries.clear()


def negative_ttl(message: Message, name: Name) -> int:
    """Seconds for which it is known that there is nothing at ``name``: the smaller of the SOA's TTL and its last field.

    0 where there is no SOA of a zone that the name is in: then it isn't kept (RFC 2308 3, 5).
    """
    for record in message.authority:
        if record.type == Type.SOA and record.cls == Class.IN and name.is_beneath(record.name):
            return min(record.ttl, int.from_bytes(record.rdata.wire[-4:]), LONGEST_NEGATIVE)
    return 0
