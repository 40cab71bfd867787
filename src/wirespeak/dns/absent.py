"""That a name is not there, said the short way.

Questions for names that don't exist are as many as there are mistakes, and the same one is seldom asked twice: to keep
their answers would only push out others (`prepared.py`), and floods of them are a well-known attack on name servers. But
all answers of one zone to such questions are alike: the question, NXDOMAIN, and the zone's SOA record (RFC 2308 2.1),
in which only the pointers to the zone's name differ, for it stands at another place in each question:

    id │ flags, NXDOMAIN, counts │ the question as it came │ SOA: →zone … ns→zone admin→zone … │ OPT

So it is put together from parts that lie ready. What calls for more, a wildcard, a cut, a proof, takes the long way.
"""

from __future__ import annotations

import struct
from typing import Final

from wirespeak.dns.edns import SMALLEST
from wirespeak.dns.messages import HEADER_SIZE
from wirespeak.dns.names import above, skip_name
from wirespeak.dns.prepared import NUMBERS, OPT, wants_signatures
from wirespeak.dns.registry import Class, Type
from wirespeak.dns.zone import Zone, Zones

__all__ = ["Absences"]

_IN: Final = b"\0\x01"
_STAR: Final = b"\x01*"
# QR and AA in the first byte of the flags; NXDOMAIN in the second.
_ANSWER: Final = 0x84
_NXDOMAIN: Final = 3
_RD: Final = 0x01
_CD: Final = 0x10

# Under names of their own: to look a member up in its class costs as much as a call.
_FIRST_OTHER: Final = int(Type.NXNAME)
_ANY: Final = int(Type.ANY)
_OPT: Final = int(Type.OPT)

_WITHOUT_OPT: Final = b"\0\x01\0\0\0\x01\0\0"
_WITH_OPT: Final = b"\0\x01\0\0\0\x01\0\x01"


class Absences:
    """The zones of a server, as far as they deny names."""

    def __init__(self, zones: Zones) -> None:
        self._zones = {zone.origin.key: (zone, zone.nodes, _soa(zone)) for zone in zones if zone.cls == Class.IN}

    def answer(self, query: bytes, end: int) -> bytes | None:
        """The answer to a plain query, whose question ends at ``end``, for a name that isn't there; None for all others."""
        if query[end - 2 : end] != _IN:
            return None
        type = query[end - 4] << 8 | query[end - 3]
        if _FIRST_OTHER <= type < _ANY or type == _OPT:  # no types of records: an error, whatever the name
            return None
        key = query[HEADER_SIZE : end - NUMBERS].lower()
        zones = self._zones
        at = 0
        while (found := zones.get(key[at:])) is None:
            if not key[at]:
                return None
            at += key[at] + 1
        zone, nodes, soa = found
        if key in nodes:
            return None
        closest = zone.closest(key)
        if closest in zone.cuts or closest in zone.dnames or _STAR + closest in nodes:
            return None
        signed = wants_signatures(query, end)
        if signed and zone.denial:
            return None
        head = query[:2] + bytes((_ANSWER | query[2] & _RD, _NXDOMAIN | query[3] & _CD))
        pointer = (0xC000 | HEADER_SIZE + at).to_bytes(2, "big")
        if len(query) > end:
            reply = b"".join((head, _WITH_OPT, query[HEADER_SIZE:end], pointer.join(soa), OPT[signed]))
        else:
            reply = b"".join((head, _WITHOUT_OPT, query[HEADER_SIZE:end], pointer.join(soa)))
        return reply if len(reply) <= SMALLEST else None


def _soa(zone: Zone) -> list[bytes]:
    """The zone's SOA record, cut where pointers to the zone's name belong: its owner, and the ends of the names in its data."""
    wire = zone.soa.rdatas[0]
    apex = zone.origin.key
    second = skip_name(wire, 0)
    behind = skip_name(wire, second)
    parts = [b""]
    data = [b""]
    for name in (wire[:second], wire[second:behind]):
        if apex != b"\0" and apex in above(name.lower()):
            data[-1] += name[: -len(apex)]
            data.append(b"")
        else:
            data[-1] += name
    data[-1] += wire[behind:]
    size = sum(map(len, data)) + 2 * (len(data) - 1)
    data[0] = struct.pack("!HHIH", Type.SOA, zone.cls, zone.negative_ttl, size) + data[0]
    return parts + data
