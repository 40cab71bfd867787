"""Zones for tests, written as lines of ``owner type data``; and questions as one asks them."""

from __future__ import annotations

from wirespeak.dns.authority import answer
from wirespeak.dns.edns import Edns
from wirespeak.dns.messages import Message, Record
from wirespeak.dns.names import Name
from wirespeak.dns.rdata import Rdata
from wirespeak.dns.registry import type_number
from wirespeak.dns.zone import Zone, Zones

TTL = 3600


def zone(origin: str, text: str, ttl: int = TTL) -> Zone:
    """The zone of some lines; one without a SOA and NS gets them."""
    apex = Name.parse(origin)
    lines = [line.split(None, 2) for line in text.strip().splitlines() if line.strip()]
    if not any(type == "SOA" for _, type, _ in lines):
        lines[:0] = [["@", "SOA", "ns admin 1 7200 900 1209600 300"]]
    records = []
    for owner, type, data in lines:
        number = type_number(type)
        records.append((Name.parse(owner, apex).wire, number, ttl, Rdata.parse(number, data, apex).wire))
    return Zone.of(apex, records)


def ask(zones: Zone | list[Zone], name: str, type: str = "A", *, do: bool = False, whole: bool = False) -> Message:
    """What the authority of the zones answers."""
    edns = Edns(do=True) if do else None
    query = Message.query(Name.parse(name), type_number(type), id=4711, edns=edns)
    return answer(Zones([zones] if isinstance(zones, Zone) else zones), query, whole=whole)


def shown(records: list[Record]) -> list[str]:
    """Each record as ``owner type data``, in the order of the section."""
    return [f"{record.name} {record.rdata!r}"[:-1].replace(" <", " ", 1) for record in records]
