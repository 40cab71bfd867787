"""Zone files written in one form, so that two of the same zone are the same text but for the case of letters.

The SOA record comes first, names follow in the order of RFC 4034 6.1, the types of a name by their number, the records of
a type by their data. Each stands on a line of its own, nothing left out: ``name ttl class type data``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from wirespeak.dns.names import Name
from wirespeak.dns.rdata import Rdata
from wirespeak.dns.registry import Class, Type, class_text, type_text
from wirespeak.dns.zone import Zone
from wirespeak.dns.zonereader import Entry

__all__ = ["entries", "write_zone"]


def write_zone(origin: Name, entries: Iterable[Entry], *, cls: int = Class.IN, relative: bool = False) -> Iterator[str]:
    """The lines, each with its end, of the zone that these records make; they are held to be put in order.

    With ``relative``, names are as short as they can be, and a ``$ORIGIN`` line says beneath what.
    """
    by_owner: dict[bytes, list[Entry]] = {}
    for entry in entries:
        by_owner.setdefault(entry[0].lower(), []).append(entry)
    base = origin if relative else None
    if relative:
        yield f"$ORIGIN {origin}\n"
    between = f"\t{class_text(cls)}\t"
    # The origin sorts before all that is beneath it, and SOA before all that is at it.
    for key in sorted(by_owner, key=lambda key: Name(key).order):
        for owner, type, ttl, wire in sorted(by_owner.pop(key), key=_order):
            name = Name(owner)
            shown = str(name) if base is None else name.relative_to(base)
            yield f"{shown}\t{ttl}{between}{type_text(type)}\t{Rdata(type, wire).text(base)}\n"


def _order(entry: Entry) -> tuple[bool, int, bytes]:
    _, type, _, wire = entry
    return type != Type.SOA, type, Rdata(type, wire).canonical


def entries(zone: Zone) -> Iterator[Entry]:
    """All records of a zone, those beneath its cuts too."""
    for names in (zone.nodes, zone.glue, zone.denials):
        for key, sets in names.items():
            if names is zone.denials and (key in zone.nodes or key in zone.glue):
                continue  # it has other records too, and was among those
            for rrset in sets:
                for wire in rrset.rdatas:
                    yield rrset.owner, rrset.type, rrset.ttl, wire
