"""What is wrong with a zone, beyond its words: the checks that BIND's named-checkzone makes, and the RFCs' own.

Faults make it no zone, and a server goes on with the one it had: no SOA, no name server, a CNAME beside other data, data
beneath a DNAME. Warnings tell of what is served as it stands, though it hardly does what was meant: a mail exchange without
an address, a delegation without glue, data that a delegation hides.

A record in memory doesn't know where it was written. So a zone without faults costs nothing more, and for the others the text
is read once more, which tells file and line. Touches no file: who calls gives the way to read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from wirespeak.dns.names import Name
from wirespeak.dns.rdata import Rdata
from wirespeak.dns.registry import Class, Type, type_text
from wirespeak.dns.zone import Node, RRset, Zone
from wirespeak.dns.zonereader import MAX_FAULTS, ZoneError, ZoneReader
from wirespeak.errors import TextError

__all__ = ["Finding", "Report", "check_zone", "examine"]

# What may stand beside a CNAME: what DNSSEC has to say of it (RFC 4035 2.5, and KEY for RFC 3007 1.1).
BESIDE_CNAME: Final = frozenset({Type.CNAME, Type.RRSIG, Type.NSEC, Type.KEY})
# What is at a cut by right, and the addresses that are its glue (RFC 4035 2.4, 2.5; RFC 1034 4.2.1).
AT_CUT: Final = frozenset({Type.NS, Type.DS, Type.NSEC, Type.RRSIG, Type.A, Type.AAAA})
GLUE: Final = frozenset({Type.A, Type.AAAA})
# One to a name (RFC 1035 5.2, RFC 2181 10.1, RFC 6672 2.4).
SINGLE: Final = frozenset({Type.SOA, Type.CNAME, Type.DNAME})
# Types whose owner is a host, or takes mail (RFC 1123 2.1); of which no more is to be said; whose data names a host, from which byte on.
OF_HOSTS: Final = frozenset({Type.A, Type.AAAA, Type.MX})
HARMLESS: Final = frozenset({Type.A, Type.AAAA, Type.TXT, Type.NSEC, Type.RRSIG})
TO_HOSTS: Final = {Type.NS: 0, Type.MX: 2, Type.SRV: 6}

# The labels of a host's name (RFC 952, RFC 1123 2.1), in the lower case of a key; of the reverse trees, whose PTR records name hosts.
HOST_LABEL: Final = re.compile(rb"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
REVERSE: Final = (b"\x07in-addr\x04arpa\x00", b"\x03ip6\x04arpa\x00")
# An owner of NSEC3 records begins with the hash of a name: the 20 bytes of SHA-1 in base32 (RFC 5155 3).
HASH_LABEL: Final = re.compile(rb"[0-9a-v]{32}")
WILDCARD: Final = b"\x01*"
# What is known of a name is remembered for the next record that names it: of as many as stay in a processor's cache.
MAX_REMEMBERED: Final = 4096


@dataclass(slots=True)
class Finding:
    """One thing found: what; at which name (its key), type (0: the name as such) and data (b"": the whole set); ``fatal`` where
    it makes it no zone.
    """

    text: str
    key: bytes
    type: int = 0
    wire: bytes = b""
    fatal: bool = False


@dataclass(slots=True)
class Report:
    """What `examine` found: the zone, None where there are errors; errors and warnings with file and line where they are known.

    A hundred of each are kept; ``more`` counts the others.
    """

    zone: Zone | None = None
    errors: list[TextError] = field(default_factory=list)
    warnings: list[TextError] = field(default_factory=list)
    more: int = 0

    def tell(self, finding: Finding, file: str, line: int) -> None:
        """Keep ``finding``, which is about what stands there."""
        kept = self.errors if finding.fatal else self.warnings
        if len(kept) < MAX_FAULTS:
            kept.append(TextError(finding.text, file=file, line=line))
        else:
            self.more += 1


def examine(read: Callable[[], ZoneReader], *, thorough: bool = True) -> Report:
    """Read a zone and check it. ``read`` gives a reader of the text, and each time a new one.

    It is called twice where something was found, so as to tell where; if ``thorough`` always, for then the TTLs of each set
    are compared as well.
    """
    report = Report()
    reader = read()
    try:
        zone = Zone.of(reader.origin, reader, reader.cls)
    except ZoneError as error:
        report.errors += error.faults
        return report
    except TextError as error:
        error.file = error.file or reader.file
        report.errors.append(error)
        return report
    found: dict[bool, list[Finding]] = {True: [], False: []}
    for finding in check_zone(zone):
        if len(found[finding.fatal]) < MAX_FAULTS:
            found[finding.fatal].append(finding)
        else:
            report.more += 1
    findings = found[True] + found[False]
    if findings or thorough:
        _place(report, read(), zone, findings)
    if not report.errors:
        report.zone = zone
    return report


def _place(report: Report, reader: ZoneReader, zone: Zone, findings: list[Finding]) -> None:
    """Put ``findings`` into the report, in the order of the file; and a warning for each record whose TTL is not its set's."""
    wanted: dict[tuple[bytes, int, bytes], list[Finding]] = {}
    for finding in findings:
        wanted.setdefault((finding.key, finding.type, finding.wire), []).append(finding)
    for owner, type, ttl, wire in reader:
        key = owner.lower()
        if wanted:
            for about in ((key, type, wire), (key, type, b""), (key, 0, b"")):
                for finding in wanted.pop(about, ()):
                    report.tell(finding, reader.file, reader.line)
        for rrset in zone.nodes.get(key) or zone.glue.get(key) or zone.denials.get(key, ()):
            if rrset.type == type != Type.RRSIG and ttl != rrset.ttl:  # a signature has the TTL of what it signs (RFC 4034 3)
                text = f"{Name(key)} has {type_text(type)} records of several TTLs: {rrset.ttl} counts, not {ttl} (RFC 2181 5.2)"
                report.tell(Finding(text, key, type), reader.file, reader.line)
    for unplaced in wanted.values():
        for finding in unplaced:
            report.tell(finding, reader.file, 0)


def check_zone(zone: Zone) -> Iterator[Finding]:
    """All that is wrong with a zone, or looks so, as far as the zone itself can tell."""
    return _Check(zone).findings()


class _Check:
    def __init__(self, zone: Zone) -> None:
        self.zone = zone
        self.apex = zone.origin.key
        self._above: dict[bytes, bool] = {}  # names that hosts are beneath, and whether each label of theirs may be a host's
        self._sound = {b"\0"}  # hosts elsewhere that were found to be such; the root stands for none (RFC 7505 3, RFC 2782)

    def findings(self) -> Iterator[Finding]:
        zone = self.zone
        if zone.rrset(self.apex, Type.NS) is None:
            yield Finding("the zone has no NS record at its origin (RFC 1035 5.2)", self.apex, fatal=True)
        for key, sets in zone.nodes.items():
            if len(sets) > 1:
                yield from self._together(key, {rrset.type for rrset in sets})
            if WILDCARD in key:
                yield from self._wildcard(key, sets)
            for rrset in sets:
                if rrset.type in OF_HOSTS and not self._is_host(key[2:] if key[:2] == WILDCARD else key):
                    text = f"{Name(key)} is no name of a host, and has a record of type {type_text(rrset.type)} (RFC 1123 2.1)"
                    yield Finding(text, key, rrset.type)
                if rrset.type not in HARMLESS:
                    yield from self._set(key, rrset)
        for key in zone.denials:
            if HASH_LABEL.fullmatch(_first(key)) is None or _rest(key) != self.apex:
                text = f"{Name(key)} owns NSEC3 records, and is no hash beneath the origin (RFC 5155 3)"
                yield Finding(text, key, Type.NSEC3, fatal=True)
        for key, sets in zone.glue.items():
            yield from self._hidden(key, {rrset.type for rrset in sets})

    # --- what is at one name

    def _together(self, key: bytes, types: set[int]) -> Iterator[Finding]:
        """What may not be side by side, or does not belong there."""
        if Type.CNAME in types and (others := types - BESIDE_CNAME):
            text = f"{Name(key)} has a CNAME record and others beside it: {_listed(others)} (RFC 1034 3.6.2)"
            yield Finding(text, key, Type.CNAME, fatal=True)
        if key in self.zone.cuts:
            if Type.DNAME in types:
                text = f"{Name(key)} has NS records, which delegate it, and a DNAME record (RFC 6672 2.3)"
                yield Finding(text, key, Type.DNAME, fatal=True)
            elif others := types - AT_CUT:
                yield Finding(f"{Name(key)} is delegated, so its {_listed(others)} data is never given (RFC 1034 4.2.1)", key, min(others))

    def _wildcard(self, key: bytes, sets: Node) -> Iterator[Finding]:
        if b"*" in Name(key).labels[1:]:
            yield Finding(f"{Name(key)} has a * behind its first label, where it is no wildcard (RFC 4592 2.1.1)", key)
        if key[:2] == WILDCARD:
            for rrset in sets:
                if rrset.type == Type.NS or rrset.type == Type.DNAME:
                    text = f"{Name(key)} has {type_text(rrset.type)} records, which mean nothing at a wildcard (RFC 4592 4.2, 4.4)"
                    yield Finding(text, key, rrset.type, fatal=rrset.type == Type.NS)

    def _set(self, key: bytes, rrset: RRset) -> Iterator[Finding]:
        type = rrset.type
        if type in SINGLE and len(rrset.rdatas) > 1 and len({Rdata(type, wire).canonical for wire in rrset.rdatas}) > 1:
            text = f"{Name(key)} has several {type_text(type)} records, and may have one (RFC 2181 10.1, RFC 6672 2.4)"
            yield Finding(text, key, type, rrset.rdatas[1], fatal=True)
        if self.zone.cls == Class.IN and (type in TO_HOSTS or (type == Type.PTR and key.endswith(REVERSE))):
            for wire in rrset.rdatas:
                yield from self._host(key, type, wire)
        elif type == Type.DS and key == self.apex:
            yield Finding(f"a DS record at {Name(key)}, the origin: it belongs to the zone above (RFC 4035 2.4)", key, type, fatal=True)
        elif type == Type.DS and key not in self.zone.cuts:
            yield Finding(f"{Name(key)} has a DS record, and no NS records that delegate it (RFC 4035 2.4)", key, type)
        elif type == Type.SPF:
            yield from self._spf(key)

    def _spf(self, key: bytes) -> Iterator[Finding]:
        texts = self.zone.rrset(key, Type.TXT)
        if texts is None or not any(wire[1:7].lower() == b"v=spf1" for wire in texts.rdatas):
            yield Finding(f"{Name(key)} has an SPF record, and no TXT record that says the same (RFC 7208 3.1)", key, Type.SPF)

    def _hidden(self, key: bytes, types: set[int]) -> Iterator[Finding]:
        """What lies beneath a cut, where only glue has a place, or beneath a DNAME, where nothing has."""
        over = self._over(key)
        assert over is not None  # the zone keeps it apart for that
        if over in self.zone.cuts:
            if others := types - GLUE:
                text = f"{Name(key)} lies beneath the delegation of {Name(over)}"
                yield Finding(f"{text}, so its {_listed(others)} data is never given (RFC 1034 4.2.1)", key, min(others))
        else:
            yield Finding(f"{Name(key)} lies beneath the DNAME record of {Name(over)} (RFC 6672 2.4)", key, fatal=True)

    def _over(self, key: bytes) -> bytes | None:
        """The topmost name above ``key`` that is a cut or has a DNAME record."""
        found = None
        while key != self.apex:
            key = _rest(key)
            if key in self.zone.cuts or key in self.zone.dnames:
                found = key
        return found

    # --- hosts

    def _is_host(self, key: bytes) -> bool:
        """Whether each label is one of a host's name."""
        end = key[0] + 1
        above = key[end:]
        known = self._above.get(above)
        if known is None:
            if len(self._above) >= MAX_REMEMBERED:
                self._above.clear()
            known = self._above[above] = above == b"" or all(HOST_LABEL.fullmatch(label) for label in Name(above).labels)
        return known and (end == 1 or HOST_LABEL.fullmatch(key, 1, end) is not None)

    def _host(self, key: bytes, type: int, wire: bytes) -> Iterator[Finding]:
        """Whether the host that a record names can be one; and, if it is of this zone, whether it has an address (RFC 2181 10.3)."""
        host = wire[TO_HOSTS.get(type, 0) :].lower()  # type: ignore[call-overload]
        if host in self._sound:
            return
        said = f"the {type_text(type)} record of {Name(key)} names {Name(host)}"
        if _is_address(host, self.apex):
            yield Finding(f"{said}, an address where a name belongs (RFC 1035 3.3)", key, type, wire, fatal=type == Type.NS)
            return
        if not self._is_host(host):
            yield Finding(f"{said}, which is no name of a host (RFC 1123 2.1)", key, type, wire)
        elif not host.endswith(self.apex):
            if len(self._sound) >= MAX_REMEMBERED:
                self._sound.clear()
            self._sound.add(host)
        if type != Type.PTR and host.endswith(self.apex) and Name(host).is_beneath(self.zone.origin):
            why, fatal = self._lacks_address(type, host)
            if why:
                # Without name servers of its own there is no zone; what others lack, BIND too only warns of.
                yield Finding(f"{said}, {why}", key, type, wire, fatal=fatal and type == Type.NS and key == self.apex)

    def _lacks_address(self, type: int, host: bytes) -> tuple[str, bool]:
        """Why nobody finds an address of ``host``, a name of this zone or beneath it, "" where that is not so; and whether this
        zone alone could have it.
        """
        zone = self.zone
        over = host if host in zone.cuts else self._over(host)
        if over is not None and over in zone.dnames:
            return f"which lies beneath the DNAME record of {Name(over)} (RFC 6672 2.4)", True
        if over is not None and type != Type.NS:
            return "", False  # the zone that begins there knows
        sets = zone.glue.get(host) if over is not None and host != over else zone.nodes.get(host)
        if sets is None and over is None:
            sets = zone.nodes.get(WILDCARD + zone.closest(host))
        types = {rrset.type for rrset in sets or ()}
        if types & GLUE:
            return "", True
        if Type.CNAME in types:
            return "which is a CNAME (RFC 2181 10.3)", True
        if over is None:
            return "which has no address", True
        return f"beneath the delegation of {Name(over)}, without the glue that leads there (RFC 1034 4.2.1)", False


def _first(key: bytes) -> bytes:
    return key[1 : 1 + key[0]]


def _rest(key: bytes) -> bytes:
    return key[1 + key[0] :] or b"\0"


def _is_address(host: bytes, apex: bytes) -> bool:
    """Whether it was an IPv4 address in the file: absolute, or with the origin behind."""
    labels = Name(host).labels
    numbers = all(label.isdigit() and int(label) < 256 for label in labels[:4])
    return numbers and len(labels) >= 4 and labels[4:] in ((), Name(apex).labels)


def _listed(types: set[int]) -> str:
    return ", ".join([type_text(type) for type in sorted(types)])
