"""The way down from the root to an answer, step by step, as a recursive resolver goes it (RFC 1034 5.3.3).

    .  ──referral──▶  test.  ──referral──▶  home.test.  ──answer──▶  www.home.test. A 127.0.0.1

`Walk.steps` is the train of thought: a generator that gives out the `Query` to be carried out next, is sent its `Answer`, and tells
each `Step`. It touches nothing. Of a referral only what the server that gave it can know is believed: name servers of a zone
below its own that lies on the way, and their addresses as far as they are beneath its own zone (RFC 5452 6).
"""

from __future__ import annotations

import itertools
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from wirespeak.dns.edns import Edns
from wirespeak.dns.exchange import PORT, Answer, Manner, Noise, Query, Server
from wirespeak.dns.messages import Message, Record
from wirespeak.dns.names import ROOT, Name
from wirespeak.dns.registry import Class, Rcode, Type
from wirespeak.dns.stub import ADDRESS_TYPES, MAX_CHAIN, address_of, records_for
from wirespeak.errors import ConnectError, LimitExceeded, RemoteProtocolError, WirespeakError

__all__ = ["Delegation", "Step", "Walk", "delegation"]

# Questions in all for one name, and name servers taken of one delegation: a zone that delegates to hundreds of names without
# addresses, each in a zone that does the same, must not make us ask without end (CVE-2020-12662).
MAX_QUESTIONS: Final = 64
MAX_SERVERS: Final = 16
# Walks inside walks: a name server's address may need a walk of its own, whose name servers' may need another.
MAX_DEPTH: Final = 4

Kind = Literal["referral", "alias", "answer", "no data", "no such name", "lame", "no answer"]


@dataclass(slots=True)
class Delegation:
    """A zone, and who serves it: names, with the addresses that are known of them."""

    zone: Name
    servers: dict[Name, list[str]]


@dataclass(slots=True)
class Step:
    """One server asked on the way.

    ``kind`` tells what came of it: a referral to ``next``, an alias, the answer, the knowledge that there is none; "lame"
    where the server doesn't know the zone that it should serve, "no answer" where none came that fits (``error``).
    """

    kind: Kind
    zone: Name
    name: Name
    type: int
    server_name: Name
    server: Server
    answer: Answer | None = None
    chain: Sequence[Record] = ()
    """The aliases that lead on from ``name``, as far as this zone goes."""
    records: Sequence[Record] = ()
    """What was asked for."""
    next: Delegation | None = None
    error: WirespeakError | None = None
    depth: int = 0
    """0 on the way itself; more where the address of a name server had to be found first."""


@dataclass(slots=True)
class Walk:
    """How to go: the roots to begin with, and the port at which all servers are asked."""

    roots: Delegation
    noise: Noise
    port: int = PORT
    manner: Manner = field(default_factory=Manner)
    versions: Sequence[int] = (4, 6)
    """The IP versions that servers are asked over."""
    edns: Edns | None = field(default_factory=Edns)
    asked: int = 0
    """Questions so far."""
    _keys: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def steps(self, name: Name, type: int, depth: int = 0) -> Generator[Query | Step, Answer, Step]:
        """From the roots to the end of the aliases of ``name``; the last step.

        Raises `ConnectError` where the servers of some zone on the way all fail, `RemoteProtocolError` for aliases without an
        end, `LimitExceeded` after too many questions.
        """
        for _ in range(MAX_CHAIN + 1):
            step = yield from self._down(name, type, depth)
            if step.kind != "alias":
                return step
            name = Name(step.chain[-1].rdata.wire)
        raise RemoteProtocolError(
            f"more than {MAX_CHAIN} aliases in a row, or in a circle; the last leads to {name}", clause="RFC 1034 3.6.2"
        )

    def _down(self, name: Name, type: int, depth: int) -> Generator[Query | Step, Answer, Step]:
        """From the roots to what the servers of the name's own zone say."""
        here = self.roots
        while True:
            step = yield from self._ask_one_of(here, name, type, depth)
            if step.next is None:
                return step
            here = step.next

    def _ask_one_of(self, here: Delegation, name: Name, type: int, depth: int) -> Generator[Query | Step, Answer, Step]:
        """Ask the servers of a zone until one helps."""
        tried = 0
        for server_name, address in self._known(here):
            tried += 1
            step = yield from self._ask(here, server_name, address, name, type, depth)
            if step.kind not in ("lame", "no answer"):
                return step
        # Names without addresses: those inside the zone can't be found, as only its own servers know them (RFC 1034 4.2.1).
        for server_name in [name for name, addresses in here.servers.items() if not addresses and not name.is_beneath(here.zone)]:
            if depth == MAX_DEPTH:
                break
            for address in (yield from self._addresses_of(server_name, depth + 1)):
                tried += 1
                step = yield from self._ask(here, server_name, address, name, type, depth)
                if step.kind not in ("lame", "no answer"):
                    return step
        raise ConnectError(
            f"none of the name servers of {here.zone} helps: {tried} addresses were asked"
            if tried
            else f"the name servers of {here.zone} have no address that is known: {', '.join(map(str, here.servers))}"
        )

    def _known(self, here: Delegation) -> list[tuple[Name, str]]:
        return [
            (server_name, address)
            for version in self.versions
            for server_name, addresses in here.servers.items()
            for address in addresses
            if (":" in address) == (version == 6)
        ]

    def _addresses_of(self, server_name: Name, depth: int) -> Generator[Query | Step, Answer, list[str]]:
        addresses: list[str] = []
        for version in self.versions:
            try:
                step = yield from self.steps(server_name, ADDRESS_TYPES[version], depth)
            except (ConnectError, RemoteProtocolError):
                continue
            addresses += map(address_of, step.records)
        return addresses

    def _ask(
        self, here: Delegation, server_name: Name, address: str, name: Name, type: int, depth: int
    ) -> Generator[Query | Step, Answer, Step]:
        self.asked += 1
        if self.asked > MAX_QUESTIONS:
            raise LimitExceeded(f"{MAX_QUESTIONS} questions were asked, and there is still no answer")
        server = Server(address, self.port)
        message = Message.query(name, type, flags=0, edns=self.edns)
        step = Step("no answer", here.zone, name, type, server_name, server, depth=depth)
        try:
            step.answer = yield Query(message, [server], self.noise, manner=self.manner, keys=self._keys)
            judge(step, step.answer.message)
        except WirespeakError as error:
            step.error = error
        yield step
        return step


def judge(step: Step, message: Message) -> None:
    """Find out what the answer of a server of ``step.zone`` comes to (RFC 1034 4.3.2, RFC 2308 2).

    Of its records only those of its own zone are looked at. Raises `RemoteProtocolError` for aliases without an end.
    """
    name, zone = step.name, step.zone
    own = replace(message, answers=[record for record in message.answers if record.name.is_beneath(zone)])
    step.chain, step.records = records_for(own, name, step.type)
    owners = {record.name for record in message.authority if record.type == Type.NS and record.cls == Class.IN}
    cuts = [owner for owner in owners if owner != zone and owner.is_beneath(zone) and name.is_beneath(owner)]
    if message.rcode not in (Rcode.NOERROR, Rcode.NXDOMAIN):
        step.kind = "lame"
    elif step.records:
        step.kind = "answer"
    elif step.chain:
        step.kind = "alias"
    elif message.rcode == Rcode.NXDOMAIN:
        step.kind = "no such name"
    elif cuts and not message.aa:
        step.kind = "referral"
        step.next = delegation(max(cuts, key=lambda cut: len(cut.wire)), message.authority, message.additional, zone)
    elif message.aa or any(record.type == Type.SOA and name.is_beneath(record.name) for record in message.authority):
        step.kind = "no data"
    else:
        step.kind = "lame"  # it sends us up, or sideways


def delegation(zone: Name, servers: Iterable[Record], glue: Iterable[Record], above: Name = ROOT) -> Delegation:
    """Who serves ``zone``, by its NS records; of the addresses those of names beneath ``above``, which is all that its server can know."""
    names = [Name(record.rdata.wire) for record in servers if record.type == Type.NS and record.name == zone][:MAX_SERVERS]
    found = Delegation(zone, {name: [] for name in names})
    for record in glue:
        addresses = found.servers.get(record.name)
        if addresses is not None and record.type in (Type.A, Type.AAAA) and record.cls == Class.IN and record.name.is_beneath(above):
            addresses.append(address_of(record))
    return found
