"""What a client of the DNS decides, with its two faces: `Client` for asyncio, `BlockingClient` for ordinary code.

    wirespeak.dns.exchange("home.test", "MX", "127.0.0.1:5353").message     # one question to one server, its answer as it came
    wirespeak.dns.stub("www.home.test", "AAAA").records               # looked up as programs do, aliases followed

The questions are machines, carried by a `contract.Network` (``exchange.py``, ``stub.py``, ``trace.py``); here they are given
their servers, their random bytes, and what the system's files say. A `Resolver` looks up hosts for any network that is
given it: ``AsyncNetwork(resolver=Resolver.system())``.
"""

from __future__ import annotations

import itertools
import os
import secrets
from collections.abc import AsyncIterator, Iterator, Sequence
from functools import cache
from ipaddress import ip_address
from typing import Any, Final, TypedDict, Unpack

from wirespeak.contract import Network
from wirespeak.dns.cache import Found
from wirespeak.dns.edns import Edns
from wirespeak.dns.exchange import PORT, Answer, Manner, Query, Server, advance
from wirespeak.dns.hosts import Hosts, Settings
from wirespeak.dns.messages import RD, Message
from wirespeak.dns.names import ROOT, Name
from wirespeak.dns.registry import Class, Type, class_number, type_number
from wirespeak.dns.stub import Lookup, Stub
from wirespeak.dns.trace import Delegation, Step, Walk, delegation
from wirespeak.errors import ConnectError, TimeoutError
from wirespeak.sockets.address import Address
from wirespeak.sockets.blocking import BlockingNetwork, run

__all__ = ["BlockingClient", "Client", "Options", "Resolver", "TraceOptions", "query", "resolve"]

RESOLV_CONF: Final = "/etc/resolv.conf"
HOSTS: Final = "/etc/hosts"


class Options(TypedDict, total=False):
    """What can be said of one question."""

    cls: int | str
    """The class; IN."""
    flags: int
    """Of the header: `RD` unless given."""
    edns: Edns | None
    """What is said by EDNS; None for a question without it."""
    manner: Manner
    """How often, how long, over what."""
    port: int | None
    """Where the servers are asked, unless ``server`` says it: 53."""
    versions: Sequence[int]
    """The IP versions to ask over: ``(4, 6)``."""


class TraceOptions(TypedDict, total=False):
    """What can be said of a walk."""

    roots: Delegation | None
    """Where to begin; without, ``server``, or the system's name server, is asked for the root's."""
    server: str | Server | None
    port: int
    """Where the servers on the way are asked (53)."""
    edns: Edns | None
    manner: Manner
    versions: Sequence[int]


class Resolver(Stub):
    """A stub resolver for programs; `system` makes the one that this machine's files describe."""

    def __init__(self, settings: Settings | None = None, *, hosts: Hosts | None = None) -> None:
        super().__init__(settings or Settings(), secrets.token_bytes, hosts=hosts)
        self._files: dict[str, Any] = {}

    @classmethod
    def system(cls, resolv_conf: str = RESOLV_CONF, hosts: str = HOSTS) -> Resolver:
        """What resolv.conf(5) and hosts(5) say; both are read again when they change."""
        self = cls()
        self._files = {resolv_conf: None, hosts: None}
        self._refresh()
        return self

    def find(self, name: str, types: Sequence[int]) -> Lookup:
        self._refresh()
        return super().find(name, types)

    def _refresh(self) -> None:
        """A machine that moves to another network gets another resolv.conf, and what was known in the last is forgotten."""
        for number, (path, known) in enumerate(self._files.items()):
            stamp, text = _read(path, known)
            if stamp == known:
                continue
            self._files[path] = stamp
            if number:
                self.hosts = Hosts.parse(text)
            else:
                self.settings = Settings.parse(text)
                self.cache.clear()


class Client:
    """Asks name servers. ``resolver`` is whose servers are asked where none is named, and who looks names up."""

    def __init__(self, network: Network | None = None, resolver: Stub | None = None) -> None:
        if network is None:
            # asyncio takes longer to load than many a question: who blocks doesn't pay for it.
            from wirespeak.sockets.aio_network import AsyncNetwork

            network = AsyncNetwork()
        self._network = network
        self.resolver = system_resolver() if resolver is None else resolver

    async def query(
        self, name: str | Name, type: str | int = "A", server: str | Server | None = None, **options: Unpack[Options]
    ) -> Answer:
        """The answer of one server to one question, whatever it says.

        ``server`` is ``host`` or ``host:port``; without one, the system's name servers are asked in turn. Raises `TextError`
        and `AddressError` for what is no name, type or server, `HostNotFound` for a server that is not found, `ConnectError`,
        `TimeoutError` where there is no answer, `RemoteProtocolError` where there was none but broken ones.
        """
        cls = options.get("cls", Class.IN)
        message = Message.query(
            Name.parse(name) if isinstance(name, str) else name,
            type_number(type) if isinstance(type, str) else type,
            class_number(cls) if isinstance(cls, str) else cls,
            flags=options.get("flags", RD),
            edns=options.get("edns", Edns()),
        )
        servers = await self._servers(server, options.get("port"), options.get("versions", (4, 6)))
        asking = Query(message, servers, secrets.token_bytes, manner=options.get("manner", Manner()), keys=itertools.count(1))
        await self._network.inquire(asking)
        return asking.result()

    async def resolve(self, name: str, type: str | int = "A", *, timeout: float | None = None) -> Found:
        """What there is of that type at a name, looked up as programs do: hosts file, search list, cache, aliases.

        That there is nothing, or that the servers can't tell, is an answer (`Found.rcode`). ``timeout`` is in seconds, for the
        whole. Raises `TimeoutError`, `ConnectError`, `RemoteProtocolError`, `TextError` for a type that is none.
        """
        number = type_number(type) if isinstance(type, str) else type
        lookup = await self._look_up(name, [number], timeout)
        if number not in lookup.found:
            assert lookup.failure is not None
            raise lookup.failure
        return lookup.found[number]

    async def addresses(self, host: str, *, timeout: float | None = None) -> list[str]:
        """The addresses of a host, or the address that ``host`` is: IPv6 first, as a client should try them (RFC 8305 4).

        Raises `HostNotFound` where it has none, and what `resolve` does.
        """
        try:
            return [str(ip_address(host))]
        except ValueError:
            pass  # a name
        lookup = await self._look_up(host, [Type.AAAA, Type.A], timeout)
        found = lookup.addresses
        if not any(found.values()):
            assert lookup.error is not None
            raise lookup.error
        return [address for version in (6, 4) for address in found.get(version, ())]

    async def trace(self, name: str | Name, type: str | int = "A", **options: Unpack[TraceOptions]) -> AsyncIterator[Step]:
        """Walk from the roots to the answer, and tell of each step as it is made.

        Raises `ConnectError` where the walk ends before an answer, `RemoteProtocolError` or `LimitExceeded` where it doesn't end.
        """
        roots = options.get("roots") or await self.roots(options.get("server"), options.get("port"))
        walk = Walk(
            roots,
            secrets.token_bytes,
            options.get("port", PORT),
            options.get("manner", Manner(tries=2, timeout=3.0)),
            options.get("versions", (4, 6)),
            options.get("edns", Edns()),
        )
        going = walk.steps(Name.parse(name) if isinstance(name, str) else name, type_number(type) if isinstance(type, str) else type)
        last: Query | None = None
        while True:
            try:
                item = advance(going, last)
            except StopIteration:
                return
            last = None
            if isinstance(item, Step):
                yield item
            else:
                await self._network.inquire(item)
                last = item

    async def roots(self, server: str | Server | None = None, port: int | None = None) -> Delegation:
        """The root's name servers, as a name server tells them. Raises what `query` does, `ConnectError` where it doesn't."""
        answer = await self.query(ROOT, Type.NS, server, port=port)
        found = delegation(ROOT, answer.message.answers, answer.message.additional)
        for name, addresses in found.servers.items():
            if not addresses:
                addresses += await self.addresses(str(name))
        if not found.servers:
            raise ConnectError(f"{answer.server} doesn't know the root's name servers: name one, by its address")
        return found

    async def _servers(self, server: str | Server | None, port: int | None, versions: Sequence[int]) -> list[Server]:
        """Who is meant by ``host`` or ``host:port``; the system's name servers for None. Raises `AddressError`, `HostNotFound`."""
        if isinstance(server, Server):
            return [server]
        if server is None:
            found = [Server(known.host, port or known.port) for known in self.resolver.settings.servers]
        else:
            where = Address.parse(server, port or PORT)
            found = [Server(address, where.port) for address in await self.addresses(where.host)]
        wanted = [one for one in found if (6 if ":" in one.host else 4) in versions]
        if found and not wanted:
            raise ConnectError(f"{', '.join(map(str, found))} can't be asked over IPv{versions[0]}")
        return wanted

    async def _look_up(self, name: str, types: Sequence[int], timeout: float | None) -> Lookup:
        lookup = self.resolver.find(name, types)
        try:
            await self._network.inquire(lookup, None if timeout is None else self._network.now() + timeout)
        except TimeoutError:
            raise TimeoutError(f"{name} could not be looked up within {timeout or 0:g} seconds") from None
        return lookup


class BlockingClient:
    """Asks name servers. Its methods do what those of `Client` do, and raise what they do."""

    def __init__(self, network: Network | None = None, resolver: Stub | None = None) -> None:
        self._client = Client(network or BlockingNetwork(), resolver)

    def query(self, name: str | Name, type: str | int = "A", server: str | Server | None = None, **options: Unpack[Options]) -> Answer:
        """The answer of one server to one question, whatever it says."""
        return run(self._client.query(name, type, server, **options))

    def resolve(self, name: str, type: str | int = "A", *, timeout: float | None = None) -> Found:
        """What there is of that type at a name, looked up as programs do."""
        return run(self._client.resolve(name, type, timeout=timeout))

    def addresses(self, host: str, *, timeout: float | None = None) -> list[str]:
        """The addresses of a host, IPv6 first."""
        return run(self._client.addresses(host, timeout=timeout))

    def trace(self, name: str | Name, type: str | int = "A", **options: Unpack[TraceOptions]) -> Iterator[Step]:
        """Walk from the roots to the answer, and tell of each step as it is made."""
        steps = self._client.trace(name, type, **options)

        async def following() -> Step | None:
            return await anext(steps, None)

        while (step := run(following())) is not None:
            yield step


def query(name: str | Name, type: str | int = "A", server: str | Server | None = None, **options: Unpack[Options]) -> Answer:
    """The answer of one server to one question, whatever it says (`Client.query`)."""
    return BlockingClient().query(name, type, server, **options)


def resolve(name: str, type: str | int = "A", *, timeout: float | None = None) -> Found:
    """What there is of that type at a name, looked up as programs do; what was found is kept for its TTL (`Client.resolve`)."""
    return BlockingClient().resolve(name, type, timeout=timeout)


@cache
def system_resolver() -> Resolver:
    """The resolver of this machine's files, with one cache for the whole program."""
    return Resolver.system()


def _read(path: str, known: Any) -> tuple[Any, str]:
    """A file's stamp, and its text where that stamp is not ``known``; no text where there is no such file."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            status = os.fstat(file.fileno())
            stamp = (status.st_ino, status.st_mtime_ns, status.st_size)
            return stamp, "" if stamp == known else file.read()
    except OSError:
        return (), ""
