"""A name looked up on behalf of a program: the stub resolver of RFC 1034 5.3.1, RFC 1123 6.1.3.

    name ─▶ known without asking? (hosts file, localhost, names that never exist)
         ─▶ as it stands, or with each name of the search list
         ─▶ cache, else the servers; an alias (CNAME) is followed to its end ─▶ records, or the knowledge that there are none

`Stub` is what stays: settings, hosts, cache. `Lookup` is one name on its way, a machine (`contract.Inquiry`) that asks for
several types at the same time and tells of each as soon as it is known (RFC 8305 3). Nothing is believed that was not
asked for: of an answer only the chain from the name asked, and the records at its end, are taken (RFC 5452 6, CVE-2025-40778).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import replace
from ipaddress import ip_address
from typing import Final

from wirespeak.contract import Ask, Drop
from wirespeak.dns.cache import Cache, Found
from wirespeak.dns.edns import Edns
from wirespeak.dns.exchange import Answer, Manner, Noise, Query, Server, advance
from wirespeak.dns.hosts import Hosts, Settings
from wirespeak.dns.messages import Message, Record
from wirespeak.dns.names import Name
from wirespeak.dns.rdata import Rdata
from wirespeak.dns.registry import Class, Rcode, Type, rcode_text
from wirespeak.errors import HostNotFound, RemoteProtocolError, TextError, WirespeakError

__all__ = ["MAX_CHAIN", "Lookup", "Stub", "address_of", "records_for", "reverse_name"]

# Aliases followed from one name. Real chains reach nine; a loop reaches any number.
MAX_CHAIN: Final = 11

ADDRESS_TYPES: Final = {6: Type.AAAA, 4: Type.A}
LOOPBACK: Final = {Type.A: "127.0.0.1", Type.AAAA: "::1"}

# RFC 6761 6.3, 6.4, RFC 7686 2: never asked of anyone.
LOCALHOST: Final = Name.parse("localhost")
NEVER: Final = (Name.parse("invalid"), Name.parse("onion"))


class Stub:
    """What a stub resolver knows: whom to ask and how, what the hosts file says, and what was answered lately.

    It may be shared by whoever looks names up, of several threads too.
    """

    def __init__(self, settings: Settings, noise: Noise, *, hosts: Hosts | None = None, cache: Cache | None = None) -> None:
        self.settings = settings
        self.hosts = hosts or Hosts()
        self.cache = Cache() if cache is None else cache
        self._noise = noise
        self._turn = 0
        self._caseless: set[Server] = set()

    def look_up(self, host: str) -> Lookup:
        """For a network (`sockets.inquiry.Resolver`): the addresses of both families."""
        return self.find(host, list(ADDRESS_TYPES.values()))

    def find(self, name: str, types: Sequence[int]) -> Lookup:
        """A name on its way; one with a dot at its end is looked up as it stands alone."""
        return Lookup(self, name, types)

    def candidates(self, text: str) -> list[Name]:
        """What is tried, one after the other (resolv.conf(5), RFC 1535). Raises `TextError`."""
        name = Name.parse(text)
        if text.endswith(".") or not text:
            return [name]
        searched = []
        for origin in self.settings.search:
            try:
                searched.append(Name.parse(text, origin))
            except TextError:
                continue  # too long with that one
        candidates = [name, *searched] if text.count(".") >= self.settings.ndots else [*searched, name]
        return list(dict.fromkeys(candidates))

    def local(self, name: Name, type: int) -> Found | None:
        """What is known of a name that was asked for, without asking anyone; None where the servers are to be asked."""
        if name in self.hosts and type in LOOPBACK and not name.is_beneath(LOCALHOST):
            return _made(name, type, self.hosts.addresses(name, 6 if type == Type.AAAA else 4), "the hosts file")
        return self.special(name, type)

    def special(self, name: Name, type: int) -> Found | None:
        """What is said of names with a meaning of their own, which no server is asked for; None of all others."""
        if name.is_beneath(LOCALHOST):
            return _made(name, type, [LOOPBACK[Type(type)]] if type in LOOPBACK else [], "RFC 6761 6.3")
        if any(name.is_beneath(never) for never in NEVER):
            return Found(name, type, Rcode.NXDOMAIN, server="RFC 6761 6.4")
        return None

    def chase(self, name: Name, type: int, keys: itertools.count[int], now: float) -> Generator[Query, Answer, Found]:
        """Ask for ``name``, and on from alias to alias. Raises `TimeoutError`, `ConnectError`, `RemoteProtocolError`."""
        chain: list[Record] = []
        at = name
        seen = {name.key}
        while True:
            found = self.special(at, type)
            if found is None:
                found = self.cache.get(at, type, now)
            if found is None:
                answer = yield self._query(at, type, keys)
                now = answer.came_at
                links, records = records_for(answer.message, at, type)
                found = Found(at, type, answer.message.rcode, tuple(links), tuple(records), str(answer.server))
                self.cache.put(found, answer.message, now)
            chain += found.chain
            if found.records or not found.chain or found.rcode != Rcode.NOERROR:
                return Found(name, type, found.rcode, tuple(chain), found.records, found.server)
            at = found.canonical
            if at.key in seen or len(chain) > MAX_CHAIN:
                raise RemoteProtocolError(
                    f"the aliases of {name} lead in a circle, or on for more than {MAX_CHAIN} names", clause="RFC 1034 3.6.2"
                )
            seen.add(at.key)

    def _query(self, name: Name, type: int, keys: itertools.count[int]) -> Query:
        settings = self.settings
        servers = settings.servers
        if settings.rotate and servers:
            self._turn += 1
            begin = self._turn % len(servers)
            servers = [*servers[begin:], *servers[:begin]]
        manner = Manner(settings.attempts, settings.timeout, settings.tcp, mix_case=True, next_server=True)
        message = Message.query(name, type, edns=Edns())
        return Query(message, servers, self._noise, manner=manner, keys=keys, caseless=self._caseless)


class Lookup:
    """One name, several types: a machine (`contract.Inquiry`), and for addresses a `sockets.inquiry.HostLookup`.

    `found` tells, by type, what is known; it fills as answers come. The types are looked up at the same time, and of one
    name: where a name of the search list has records of one type, the others are that name's too.
    """

    def __init__(self, stub: Stub, name: str, types: Sequence[int]) -> None:
        self._stub = stub
        self._name = name
        self._types = list(types)
        self._keys = itertools.count(1)
        self._waiting: list[Name] = []  # of the names to be tried, those that are left
        self._chases: dict[int, Generator[Query, Answer, Found]] = {}
        self._queries: dict[int, Query] = {}
        self._here: dict[int, Found | WirespeakError] = {}  # what became of the name that is tried
        self._empty: list[dict[int, Found]] = []  # what was told of the names that have nothing
        self.found: dict[int, Found] = {}
        self.failure: WirespeakError | None = None
        self.done = False

    @property
    def deadline(self) -> float:
        return min([query.deadline for query in self._queries.values()], default=math.inf)

    @property
    def addresses(self) -> Mapping[int, Sequence[str]]:
        """By IP version, as soon as they are known."""
        known = {version: self.found[type] for version, type in ADDRESS_TYPES.items() if type in self.found}
        return {version: [address_of(record) for record in found.records] for version, found in known.items()}

    @property
    def error(self) -> WirespeakError | None:
        """Why there are no addresses."""
        if self.failure is not None:
            return self.failure
        rcodes = {found.rcode for found in self.found.values()}
        if any(self.found.values()):
            return None
        if Rcode.NXDOMAIN in rcodes:
            return HostNotFound(f"{self._name} not found: no such name")
        failed = next((rcode for rcode in rcodes if rcode), None)
        if failed is not None:
            return HostNotFound(f"{self._name} could not be looked up: the name server says {rcode_text(failed)}")
        return HostNotFound(f"{self._name} has no address")

    # --- what the pump calls

    def start(self, now: float) -> list[Ask | Drop]:
        try:
            typed = Name.parse(self._name)
            self._waiting = self._stub.candidates(self._name)
        except TextError as error:
            self.failure = HostNotFound(f"{self._name[:80]!r} is no name: {error}")
            self.done = True
            return []
        local = {type: found for type in self._types if (found := self._stub.local(typed, type)) is not None}
        if len(local) == len(self._types):
            self.found, self.done = local, True
            return []
        return self._try_next(now)

    def heard(self, key: int, data: bytes, now: float) -> list[Ask | Drop]:
        return self._tell_all(lambda query: query.heard(key, data, now), now)

    def failed(self, key: int, error: Exception, now: float) -> list[Ask | Drop]:
        return self._tell_all(lambda query: query.failed(key, error, now), now)

    def tick(self, now: float) -> list[Ask | Drop]:
        return self._tell_all(lambda query: query.tick(now), now)

    # --- name after name

    def _try_next(self, now: float) -> list[Ask | Drop]:
        name = self._waiting.pop(0)
        self._here = {}
        self._chases = {type: self._stub.chase(name, type, self._keys, now) for type in self._types}
        return [command for type in self._types for command in self._go_on(type, None, now)]

    def _tell_all(self, tell: Callable[[Query], list[Ask | Drop]], now: float) -> list[Ask | Drop]:
        """Tell every query, as each knows which conversations are its own."""
        commands: list[Ask | Drop] = []
        for type, query in list(self._queries.items()):
            commands += tell(query)
            if query.done:
                commands += self._go_on(type, query, now)
        return commands

    def _go_on(self, type: int, query: Query | None, now: float) -> list[Ask | Drop]:
        """On from ``query``, which is done, to the next that one type needs."""
        commands: list[Ask | Drop] = []
        while query is None or query.done:
            try:
                query = advance(self._chases[type], query)
            except StopIteration as end:
                return [*commands, *self._settle(type, end.value, now)]
            except WirespeakError as error:
                return [*commands, *self._settle(type, error, now)]
            self._queries[type] = query
            commands += query.start(now)
        return commands

    def _settle(self, type: int, outcome: Found | WirespeakError, now: float) -> list[Ask | Drop]:
        """One type of the name that is tried is done with."""
        self._queries.pop(type, None)
        del self._chases[type]
        self._here[type] = outcome
        known = {type: found for type, found in self._here.items() if isinstance(found, Found)}
        if any(known.values()):
            self.found = known
            self.done = not self._chases
            return []
        if self._chases:
            return []
        errors = [error for error in self._here.values() if not isinstance(error, Found)]
        if errors or any(found.rcode not in (Rcode.NOERROR, Rcode.NXDOMAIN) for found in known.values()):
            # Nobody knows whether it is there, so the next name of the search list is not to take its place.
            self.failure = next(iter(errors), None)
            self.found, self.done = known, True
            return []
        self._empty.append(known)
        if self._waiting:
            return self._try_next(now)
        # Of names without records one that exists tells most; else the name as it was given.
        typed = Name.parse(self._name)
        exists = [known for known in self._empty if any(found.rcode == Rcode.NOERROR for found in known.values())]
        given = [known for known in self._empty if any(found.name == typed for found in known.values())]
        self.found, self.done = (exists or given)[0], True
        return []


def records_for(message: Message, name: Name, type: int) -> tuple[list[Record], list[Record]]:
    """Of an answer, the chain of aliases that begins at ``name``, and the records of ``type`` at its end; nothing else.

    The name is given the letters that it was asked with. Raises `RemoteProtocolError` for a chain that doesn't end.
    """
    answers = [record for record in message.answers if record.cls == Class.IN]
    chain: list[Record] = []
    at = name
    while True:
        records = [replace(record, name=at) for record in answers if record.name == at and (record.type == type or type == Type.ANY)]
        if records or type == Type.CNAME:
            return chain, records
        alias = next((record for record in answers if record.type == Type.CNAME and record.name == at), None)
        if alias is None:
            return chain, []
        chain.append(replace(alias, name=at))
        at = Name(alias.rdata.wire)
        if len(chain) > MAX_CHAIN:
            raise RemoteProtocolError(f"an answer with more than {MAX_CHAIN} aliases in a row, or in a circle", clause="RFC 1034 3.6.2")


def address_of(record: Record) -> str:
    """The address that a record of type A or AAAA holds."""
    return str(ip_address(record.rdata.wire))


def reverse_name(address: str) -> Name:
    """The name at which an address's own name stands: ``1.2.0.192.in-addr.arpa.`` (RFC 1035 3.5, RFC 3596 2.5). Raises `TextError`."""
    try:
        return Name.parse(ip_address(address).reverse_pointer + ".")
    except ValueError:
        raise TextError(f"{address!r} is no IP address") from None


def _made(name: Name, type: int, addresses: Sequence[str], source: str) -> Found:
    """What is known without asking, as records that nobody is to keep."""
    records = [Record(name, type, Class.IN, 0, Rdata(type, ip_address(address).packed)) for address in addresses]
    return Found(name, type, records=tuple(records), server=source)
