"""From a question to the answer of an authority: the algorithm of RFC 1034 4.3.2, as RFC 4592 and 6672 make it exact.

    question ─▶ the zone closest above the name ── none ─▶ REFUSED
                     │
                     ▼
         the closest name that is there ── a cut ──▶ referral: NS, and glue
                     │                └─ a DNAME ─▶ DNAME, CNAME; again with the new name
              itself │ or one above it, with a wildcard beneath ── neither ─▶ NXDOMAIN, SOA
                     ▼
              its records ── of the type ──▶ the answer, and the addresses that go with it
                     ├─ a CNAME ─▶ CNAME; again with its target
                     └─ others ──▶ nothing (NODATA), SOA

Signed zones are answered as RFC 4035 3.1 and RFC 5155 7.2 say: with the signatures, and with the proof that something is not
there, for those who want them. Pure: zones and a question in, the answer out.
"""

from __future__ import annotations

from typing import Final

from wirespeak.dns.messages import AA, CD, QR, RD, Message, Question, Record
from wirespeak.dns.names import MAX_NAME, Name, read_name
from wirespeak.dns.rdata import Rdata
from wirespeak.dns.registry import Rcode, Type
from wirespeak.dns.zone import Node, RRset, Zone, Zones
from wirespeak.errors import RemoteProtocolError

__all__ = ["answer"]

# Aliases followed from one question. Real chains reach nine; BIND gives a dozen.
MAX_ALIASES: Final = 16
# Names whose addresses are put into the additional section.
MAX_TARGETS: Final = 32

# Where in their data these types name the host that is asked for next (RFC 1034 4.3.2 step 6, RFC 2782, RFC 9460 4.1).
TARGETS: Final = {Type.NS: 0, Type.MX: 2, Type.SRV: 6, Type.AFSDB: 2, Type.KX: 2, Type.SVCB: 2, Type.HTTPS: 2}

# These may stand beside a CNAME, and so belong to the alias itself (RFC 4035 2.5).
BESIDE_ALIAS: Final = frozenset({Type.RRSIG, Type.NSEC})

_STAR: Final = b"\x01*"


def answer(zones: Zones, query: Message, *, whole: bool = False) -> Message:
    """The answer of the zones' authority to ``query``, which has one question; whether there is room for it is `Message.encode`'s.

    ``whole`` gives all records to a question for ANY; otherwise one RRset is, for the question may bear another's address
    (RFC 8482 4.1).
    """
    reply = Message(query.id, QR | query.flags & (RD | CD), questions=query.questions)
    _Answer(zones, reply, query.edns is not None and query.edns.do, whole).resolve(query.questions[0])
    return reply


class _Answer:
    """One answer while it is made."""

    def __init__(self, zones: Zones, reply: Message, signed: bool, whole: bool) -> None:
        self._zones = zones
        self._reply = reply
        self._signed = signed
        self._whole = whole
        self._given: set[tuple[bytes, RRset]] = set()  # the RRsets that stand in the reply
        self._targets: list[tuple[bytes, Zone]] = []

    def resolve(self, question: Question) -> None:
        name, type = question.name, question.type
        zone = self._zone(name.key, type, question.cls)
        if zone is None:
            self._reply.rcode = Rcode.REFUSED
            return
        seen: set[bytes] = set()
        while zone is not None and len(seen) < MAX_ALIASES and name.key not in seen:
            seen.add(name.key)
            following = self._step(zone, name, type, first=len(seen) == 1)
            if following is None:
                break
            name = following
            zone = self._zone(name.key, type, question.cls)
        self._add_targets()

    def _zone(self, key: bytes, type: int, cls: int) -> Zone | None:
        """Whose the question is: of DS the parent's, where we have it (RFC 4035 3.1.4.1)."""
        zone = self._zones.find(key, cls)
        if type == Type.DS and zone is not None and zone.origin.key == key and key != b"\0":
            return self._zones.find(key[key[0] + 1 :], cls) or zone
        return zone

    def _step(self, zone: Zone, name: Name, type: int, *, first: bool) -> Name | None:
        """Answer for one name; the name that it is an alias of, or None where the answer is done."""
        key = name.key
        closest = zone.closest(key)
        if closest in zone.cuts and not (closest == key and type == Type.DS):
            self._refer(zone, closest)
            return None
        if first:
            self._reply.flags |= AA
        if closest == key:
            return self._from_node(zone, name, type, zone.nodes[key], key)
        if closest in zone.dnames:
            return self._rename(zone, name, type, closest)
        source = _STAR + closest
        node = zone.nodes.get(source)
        if node is None:
            self._reply.rcode = Rcode.NXDOMAIN
            self._deny(zone)
            self._prove_absence(zone, key, closest)
            return None
        if self._signed:
            self._prove_no_closer(zone, key, closest)
        return self._from_node(zone, name, type, node, source)

    def _from_node(self, zone: Zone, name: Name, type: int, node: Node, source: bytes) -> Name | None:
        """Answer from the records of ``node``, whose own name is ``source``: ``name``, or a wildcard."""
        found = [rrset for rrset in node if rrset.type == type]
        if type == Type.ANY and node:
            found = [rrset for rrset in node if rrset.type != Type.RRSIG or self._whole]
            found = found if self._whole else found[:1]
        if found:
            for rrset in found:
                self._add(self._reply.answers, name, rrset, node)
                self._note_targets(rrset, zone)
            return None
        for rrset in node:
            if rrset.type == Type.CNAME and type not in BESIDE_ALIAS:
                self._add(self._reply.answers, name, rrset, node)
                return read_name(rrset.rdatas[0], 0)[0]
        self._deny(zone)
        self._prove_no_data(zone, name.key, source)
        return None

    def _rename(self, zone: Zone, name: Name, type: int, owner: bytes) -> Name | None:
        """A name beneath a DNAME: the DNAME, and the CNAME that it makes of the name (RFC 6672 3.2)."""
        node = zone.nodes[owner]
        dname = next(rrset for rrset in node if rrset.type == Type.DNAME)
        self._add(self._reply.answers, Name(dname.owner), dname, node)
        wire = name.wire[: -len(owner)] + dname.rdatas[0]
        if len(wire) > MAX_NAME:
            self._reply.rcode = Rcode.YXDOMAIN
            return None
        self._reply.answers.append(Record(name, Type.CNAME, zone.cls, dname.ttl, Rdata(Type.CNAME, wire)))
        return None if type in (Type.CNAME, Type.ANY) else Name(wire)

    def _refer(self, zone: Zone, cut: bytes) -> None:
        """To the servers of the zone that begins at ``cut`` (RFC 1034 4.2.1), with the glue that they can't be found without."""
        node = zone.nodes[cut]
        servers = next(rrset for rrset in node if rrset.type == Type.NS)
        self._add(self._reply.authority, Name(servers.owner), servers, ())  # not signed: the zone below is their authority
        if self._signed and zone.denial:
            secure = [rrset for rrset in node if rrset.type == Type.DS]
            for rrset in secure:
                self._add(self._reply.authority, Name(servers.owner), rrset, node)
            if not secure:
                self._prove_no_data(zone, cut, cut)
        targets = [_target(wire, 0) for wire in servers.rdatas]
        beneath = [key for key in targets if key.endswith(cut) and Name(key).is_beneath(Name(cut))]
        for key in beneath:
            self._add_addresses(key, zone.glue.get(key, ()), zone)
        self._reply.needed = len(self._reply.additional)
        self._targets += [(key, zone) for key in targets if key not in beneath]

    # --- what is not there

    def _deny(self, zone: Zone) -> None:
        """The SOA record, which says for how long the denial may be believed (RFC 2308 3)."""
        self._add(self._reply.authority, zone.origin, zone.soa, zone.nodes[zone.origin.key], zone.negative_ttl)

    def _prove_absence(self, zone: Zone, key: bytes, closest: bytes) -> None:
        """That neither ``key`` is there nor a wildcard for it (RFC 4035 3.1.3.2, RFC 5155 7.2.2)."""
        if not self._signed:
            return
        if zone.denial == Type.NSEC:
            self._add_nsec(zone, key)
            self._add_nsec(zone, _STAR + closest)
        elif zone.denial:
            self._add_nsec3(zone, _STAR + self._prove_closest(zone, key, closest))

    def _prove_no_closer(self, zone: Zone, key: bytes, closest: bytes) -> None:
        """That no name is closer to ``key`` than the wildcard that answers for it (RFC 4035 3.1.3.3, RFC 5155 7.2.6)."""
        if zone.denial == Type.NSEC:
            self._add_nsec(zone, key)
        elif zone.denial:
            self._add_nsec3(zone, _one_longer(key, closest))

    def _prove_no_data(self, zone: Zone, key: bytes, source: bytes) -> None:
        """That ``source``, which answers for ``key``, has no records of the type (RFC 4035 3.1.3.1, RFC 5155 7.2.3 to 7.2.5)."""
        if not self._signed:
            return
        if zone.denial == Type.NSEC:
            self._add_nsec(zone, source)
        elif zone.denial:
            if source != key:
                self._prove_closest(zone, key, source[2:])
            elif zone.hashed(key) not in zone.denials:  # beneath an opt-out span: it has no record of its own
                self._prove_closest(zone, key, key[key[0] + 1 :])
                return
            self._add_nsec3(zone, source)

    def _prove_closest(self, zone: Zone, key: bytes, closest: bytes) -> bytes:
        """That ``closest`` is there, and nothing between it and ``key`` (RFC 5155 7.2.1); or the closest that can be proved.

        In a zone that leaves out delegations which aren't signed (opt-out), names that only lead to those have no record.
        """
        while zone.hashed(closest) not in zone.denials and closest != zone.origin.key:
            closest = closest[closest[0] + 1 :]
        self._add_nsec3(zone, closest)
        self._add_nsec3(zone, _one_longer(key, closest))
        return closest

    def _add_nsec(self, zone: Zone, key: bytes) -> None:
        owner = zone.covering(key)
        if owner is not None:
            self._add_denial(zone.nodes[owner], Type.NSEC)

    def _add_nsec3(self, zone: Zone, key: bytes) -> None:
        """The record that matches the hash of ``key``, or covers it."""
        hashed = zone.hashed(key)
        owner = None if hashed is None else zone.covering(hashed)
        if owner is not None:
            self._add_denial(zone.denials[owner], Type.NSEC3)

    def _add_denial(self, node: Node, type: int) -> None:
        for rrset in node:
            if rrset.type == type:
                self._add(self._reply.authority, Name(rrset.owner), rrset, node)

    # --- records

    def _add(self, section: list[Record], name: Name, rrset: RRset, node: Node, ttl: int | None = None) -> None:
        """Put an RRset into a section, under ``name``; with the signatures that ``node`` has of it, where they are wanted."""
        if (name.key, rrset) in self._given:
            return
        self._given.add((name.key, rrset))
        cls = self._reply.questions[0].cls
        seconds = rrset.ttl if ttl is None else ttl
        section.extend([Record(name, rrset.type, cls, seconds, Rdata(rrset.type, wire)) for wire in rrset.rdatas])
        if not self._signed or rrset.type == Type.RRSIG:
            return
        covered = rrset.type.to_bytes(2, "big")
        for signatures in node:
            if signatures.type == Type.RRSIG and signatures.rdatas[0][:2] == covered:
                section.extend([Record(name, Type.RRSIG, cls, seconds, Rdata(Type.RRSIG, wire)) for wire in signatures.rdatas])

    def _note_targets(self, rrset: RRset, zone: Zone) -> None:
        at = TARGETS.get(rrset.type)  # type: ignore[call-overload]
        if at is not None:
            self._targets += [(_target(wire, at), zone) for wire in rrset.rdatas]

    def _add_targets(self) -> None:
        """The addresses of the hosts that the answer names, as far as the same zone has them (RFC 1034 4.3.2 step 6)."""
        for key, zone in self._targets[:MAX_TARGETS]:
            self._add_addresses(key, zone.nodes.get(key) or zone.glue.get(key, ()), zone)

    def _add_addresses(self, key: bytes, node: Node, zone: Zone) -> None:
        for rrset in node:
            if rrset.type in (Type.A, Type.AAAA):
                self._add(self._reply.additional, Name(rrset.owner), rrset, node if key in zone.nodes else ())


def _target(wire: bytes, at: int) -> bytes:
    try:
        return read_name(wire, at)[0].key
    except RemoteProtocolError:
        return b"\0"


def _one_longer(key: bytes, closest: bytes) -> bytes:
    """The name above ``key``, or itself, that has one label more than ``closest``."""
    while len(key) - key[0] - 1 > len(closest):
        key = key[key[0] + 1 :]
    return key
