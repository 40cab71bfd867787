"""Questions about a zone: every name it has, names beside, above and below them, for types that are there and not.

Names and types are read from the zone file with dnspython. Chance has a fixed seed, so that every run asks the same.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import dns.exception
import dns.name
import dns.rdatatype
import dns.zone

from tests.interop.dns_ask import Ask

__all__ = ["TCP", "UDP", "owners", "questions"]

# Payload and DO: as old clients ask, with the size of the DNS flag day of 2020, with more than servers send, and with less
# than they should be told (RFC 6891 6.2.3)
UDP = ((None, False), (512, False), (1232, False), (4096, False), (1232, True), (4096, True), (100, False))
TCP = ((None, False), (1232, False), (1232, True))

TYPES = "A AAAA NS SOA CNAME DNAME DS MX TXT ANY DNSKEY NSEC RRSIG SRV PTR HTTPS TYPE731".split()


def owners(origin: str, file: Path) -> dict[dns.name.Name, set[int]]:
    """The names of a zone, the empty ones between them included, and the types of each."""
    top = dns.name.from_text(origin)
    zone = dns.zone.from_file(str(file), origin=top, relativize=False, check_origin=False)
    found: dict[dns.name.Name, set[int]] = {}
    for name, node in zone.nodes.items():
        found.setdefault(name, set()).update(int(rdataset.rdtype) for rdataset in node.rdatasets)
        while name != top:
            name = name.parent()
            found.setdefault(name, set())
    return found


def questions(origin: str, file: Path, profiles: tuple[tuple[int | None, bool], ...], most: int) -> list[Ask]:
    """Up to ``most`` questions about the zone, those first that name and type of a record answer."""
    chance = random.Random(origin)
    zone = owners(origin, file)
    asks = [ask(chance, name, kind, profile) for name, types in sorted(zone.items()) for kind in sorted(types) for profile in profiles]
    plain = [name for name in sorted(zone) if dns.rdatatype.NSEC3 not in zone[name]]  # a hash's name is no name (RFC 5155 7.2.8)
    others = [(near, kind) for name in plain for near in neighbours(name) for kind in map(dns.rdatatype.from_text, TYPES)]
    chance.shuffle(asks)
    chance.shuffle(others)
    half = max(most // 2, most - len(others))
    asks = asks[:half]
    return asks + [ask(chance, near, kind, chance.choice(profiles)) for near, kind in others[: most - len(asks)]]


def ask(chance: random.Random, name: dns.name.Name, kind: int, profile: tuple[int | None, bool]) -> Ask:
    payload, do = profile
    return Ask(name, kind, rd=chance.random() < 0.3, payload=payload, do=do)


def neighbours(name: dns.name.Name) -> Iterator[dns.name.Name]:
    """The name, and names near it: below by one and more labels, beside, before and behind it, above, in other letters."""
    yield name
    yield dns.name.Name([label.upper() for label in name.labels])
    if name.labels[0]:
        first, rest = name.labels[0], name.parent().labels
        yield name.parent()
        for beside in (b"absent", b"*", b"0" + first, first + b"0", first[:-1]):
            yield from made(beside, *rest)
    for below in ((b"below",), (b"far", b"below"), (b"*",), (b"sub", b"*"), (b"\0",)):
        yield from made(*below, *name.labels)


def made(*labels: bytes) -> Iterator[dns.name.Name]:
    """The name of ``labels``, where there is such a name."""
    try:
        yield dns.name.Name(labels)
    except dns.exception.DNSException:
        return
