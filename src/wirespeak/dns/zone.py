"""A zone in memory: what its server is the authority for, laid out so that most questions are one look-up (RFC 1034 4.3).

    nodes    every name that the zone can answer for, its RRsets; none for an empty non-terminal (RFC 4592 2.2.2)
    cuts     those of them at which another zone begins: NS records below the apex
    glue     the names beneath cuts, with the addresses that a referral needs (RFC 1034 4.2.1)
    denials  the NSEC3 records, whose owners are hashes and no names that could be asked for (RFC 5155 7.2.8)

Names beneath a cut, or beneath a DNAME, are not among ``nodes``: so a name that is found there is answered, and one that
isn't is decided by the closest name above it that is. A zone is never changed once made; a new one takes its place.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from functools import cached_property
from hashlib import sha1
from typing import Final

from wirespeak.dns.names import Name, above
from wirespeak.dns.rdata import Rdata
from wirespeak.dns.registry import Class, Type, class_text
from wirespeak.errors import TextError

__all__ = ["RRset", "Zone", "Zones"]

# Its text has 32 characters of base32 for the 20 bytes of SHA-1 (RFC 5155 3.3).
_HASH_LABEL: Final = 32
_BASE32HEX: Final = "0123456789abcdefghijklmnopqrstuv"


class RRset:
    """The records of one name and type (RFC 2181 5): ``owner`` as the zone writes it, ``rdatas`` the bytes of each.

    Signatures are a set for each type that they cover, whose TTL they have (RFC 4034 3).
    """

    __slots__ = ("owner", "rdatas", "ttl", "type")

    def __init__(self, owner: bytes, type: int, ttl: int, rdatas: tuple[bytes, ...]) -> None:
        self.owner = owner
        self.type = type
        self.ttl = ttl
        self.rdatas = rdatas

    def __repr__(self) -> str:
        return f"<RRset {Name(self.owner)} {self.ttl} {[Rdata(self.type, wire) for wire in self.rdatas]}>"


Node = tuple[RRset, ...]


class Zone:
    """The zone of ``origin``. Made by `Zone.of`."""

    def __init__(self, origin: Name, cls: int, nodes: dict[bytes, Node]) -> None:
        self.origin = origin
        self.cls = cls
        self.nodes = nodes
        self.glue: dict[bytes, Node] = {}
        self.denials: dict[bytes, Node] = {}
        self.cuts: set[bytes] = set()
        self.dnames: set[bytes] = set()
        self._lay_out()

    @classmethod
    def of(cls, origin: Name, records: Iterable[tuple[bytes, int, int, bytes]], klass: int = Class.IN) -> Zone:
        """The zone of these records: each the owner's bytes, its type, TTL and data. Those that come twice count once.

        An RRset has one TTL: the smallest that was given (RFC 2181 5.2). Raises `TextError` where there is not exactly one
        SOA, at the origin; the finer faults are `zonecheck`'s.
        """
        nodes: dict[bytes, list[RRset]] = {}
        several: list[RRset] = []
        for owner, type, ttl, wire in records:
            sets = nodes.setdefault(owner.lower(), [])
            for rrset in sets:
                if rrset.type == type and (type != Type.RRSIG or rrset.rdatas[0][:2] == wire[:2]):
                    if len(rrset.rdatas) == 1:
                        several.append(rrset)
                        rrset.rdatas = list(rrset.rdatas)  # type: ignore[assignment]  # while it grows
                    rrset.rdatas.append(wire)  # type: ignore[attr-defined]
                    rrset.ttl = min(rrset.ttl, ttl)
                    break
            else:
                sets.append(RRset(owner, type, ttl, (wire,)))
        for rrset in several:
            unlike: dict[bytes, bytes] = {}
            for wire in rrset.rdatas:
                unlike[Rdata(rrset.type, wire).canonical] = wire  # of two that differ in case the last, as BIND keeps
            rrset.rdatas = tuple(unlike.values())
        soa = [key for key, sets in nodes.items() for rrset in sets if rrset.type == Type.SOA]
        if soa != [origin.key]:
            raise TextError(f"a zone has one SOA record, at its origin {origin}; here are {len(soa)} (RFC 1035 5.2)")
        return cls(origin, klass, {key: tuple(sets) for key, sets in nodes.items()})

    def _lay_out(self) -> None:
        """Find the cuts, move what lies beneath them out of the way, and put the empty non-terminals in."""
        # A million names come through here: numbers are compared as plain ones, and what lies beneath a cut is found out once.
        ns, dname, nsec3 = int(Type.NS), int(Type.DNAME), int(Type.NSEC3)
        apex, nodes = self.origin.key, self.nodes
        for key, sets in nodes.items():
            for rrset in sets:
                if rrset.type == ns and key != apex:
                    self.cuts.add(key)
                elif rrset.type == dname:
                    self.dnames.add(key)
                elif rrset.type == nsec3:
                    self.denials[key] = sets
        for key, sets in self.denials.items():
            if all(rrset.type in (Type.NSEC3, Type.RRSIG) for rrset in sets):
                del nodes[key]
        if self.cuts or self.dnames:
            known = {apex: apex in self.dnames}

            def hides(name: bytes) -> bool:
                """Whether ``name``, or one above it, hides what lies beneath."""
                hiding = known.get(name)
                if hiding is None:
                    hiding = known[name] = name in self.cuts or name in self.dnames or hides(name[name[0] + 1 :])
                return hiding

            for key in [key for key in nodes if key != apex and hides(key[key[0] + 1 :])]:
                self.glue[key] = nodes.pop(key)
        for key in list(nodes):
            while key != apex:
                key = key[key[0] + 1 :]
                if key in nodes:
                    break
                nodes[key] = ()

    # --- look-ups

    def rrset(self, key: bytes, type: int) -> RRset | None:
        """The records of a name and type for which the zone is the authority."""
        for rrset in self.nodes.get(key, ()):
            if rrset.type == type:
                return rrset
        return None

    @cached_property
    def soa(self) -> RRset:
        rrset = self.rrset(self.origin.key, Type.SOA)
        assert rrset is not None  # `of` saw to that
        return rrset

    @property
    def serial(self) -> int:
        serial: int = Rdata(Type.SOA, self.soa.rdatas[0]).serial
        return serial

    @cached_property
    def negative_ttl(self) -> int:
        """Seconds for which it may be remembered that something is not here (RFC 2308 5)."""
        return min(self.soa.ttl, int.from_bytes(self.soa.rdatas[0][-4:], "big"))

    def closest(self, key: bytes) -> bytes:
        """The closest name at or above ``key`` that is here (the closest encloser, RFC 4592 3.3.1)."""
        nodes = self.nodes
        while key not in nodes:
            key = key[key[0] + 1 :]
        return key

    @property
    def size(self) -> int:
        """The number of records."""
        beside = [sets for key, sets in self.denials.items() if key not in self.nodes]
        everything = (*self.nodes.values(), *self.glue.values(), *beside)
        return sum(len(rrset.rdatas) for sets in everything for rrset in sets)

    # --- what proves that something is not here (RFC 4035 3.1.3, RFC 5155 7.2)

    @cached_property
    def denial(self) -> int:
        """By which type the zone denies: NSEC, NSEC3, or 0 where it is not signed."""
        apex = self.nodes[self.origin.key]
        if not any(rrset.type == Type.RRSIG and rrset.rdatas[0][:2] == b"\0\x06" for rrset in apex):
            return 0  # the SOA record is not signed: whatever else stands here is data
        types = {rrset.type for rrset in apex}
        if Type.NSEC in types:
            return Type.NSEC
        return Type.NSEC3 if Type.NSEC3PARAM in types else 0

    @cached_property
    def _chain(self) -> tuple[list[tuple[bytes, ...]], list[bytes]]:
        """The owners of the NSEC or NSEC3 records in their order (RFC 4034 6.1): what is sorted by, and the keys."""
        if self.denial == Type.NSEC:
            keys = [key for key, sets in self.nodes.items() if any(rrset.type == Type.NSEC for rrset in sets)]
        else:
            keys = list(self.denials)
        chain = sorted((Name(key).order, key) for key in keys)
        return [order for order, _ in chain], [key for _, key in chain]

    def covering(self, key: bytes) -> bytes | None:
        """The owner of the NSEC or NSEC3 record that covers ``key`` (for NSEC3, hashed), or matches it; None where there is none."""
        orders, keys = self._chain
        if not keys:
            return None
        return keys[bisect_right(orders, Name(key).order) - 1]

    @cached_property
    def _hashing(self) -> tuple[int, bytes] | None:
        """Iterations and salt of the NSEC3 chain; None for an algorithm that nobody has."""
        param = self.rrset(self.origin.key, Type.NSEC3PARAM)
        for wire in param.rdatas if param else ():
            if wire[0] == 1:
                return int.from_bytes(wire[2:4], "big"), wire[5 : 5 + wire[4]]
        return None

    def hashed(self, key: bytes) -> bytes | None:
        """The owner that the NSEC3 record of ``key`` has (RFC 5155 5); None where names can't be hashed here."""
        if self._hashing is None:
            return None
        iterations, salt = self._hashing
        digest = sha1(key + salt, usedforsecurity=False).digest()
        for _ in range(iterations):
            digest = sha1(digest + salt, usedforsecurity=False).digest()
        number = int.from_bytes(digest, "big")
        label = "".join([_BASE32HEX[number >> shift & 31] for shift in range(155, -1, -5)])
        return bytes([_HASH_LABEL]) + label.encode("ascii") + self.origin.key


class Zones:
    """The zones of one server, found by the name that is asked for. Never changed once made."""

    def __init__(self, zones: Iterable[Zone] = ()) -> None:
        self.by_key = {(zone.origin.key, zone.cls): zone for zone in zones}

    def __iter__(self) -> Iterator[Zone]:
        return iter(self.by_key.values())

    def __len__(self) -> int:
        return len(self.by_key)

    def find(self, key: bytes, cls: int = Class.IN) -> Zone | None:
        """The zone whose origin is the closest at or above ``key`` (RFC 1034 4.3.2, step 2)."""
        for name in above(key):
            zone = self.by_key.get((name, cls))
            if zone is not None:
                return zone
        return None

    def with_(self, zone: Zone) -> Zones:
        """These, with ``zone`` in place of the one of its origin."""
        return Zones([*(other for key, other in self.by_key.items() if key != (zone.origin.key, zone.cls)), zone])

    def __repr__(self) -> str:
        return f"Zones({', '.join(f'{zone.origin} {class_text(zone.cls)}' for zone in self)})"
