"""What a machine has been told about names, in two files: hosts(5), and resolv.conf(5).

    /etc/hosts        127.0.0.1  localhost www.home.test     # an address, and the names that mean it
    /etc/resolv.conf  nameserver 192.0.2.53                  # whom to ask
                      search home.test                       # what short names are tried with
                      options ndots:1 timeout:5 attempts:2

Both are read from text here; who opens the files is ``client.py``. Lines that make no sense are passed over, as every
resolver does: a typing error must not take a machine off the net.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final

from wirespeak.dns.exchange import PORT, Server
from wirespeak.dns.names import Name
from wirespeak.errors import TextError

__all__ = ["Hosts", "Settings"]

# resolv.conf(5): as many servers are asked, and options are cut off at these values.
MAX_SERVERS: Final = 3
MAX_OPTIONS: Final = {"ndots": 15, "timeout": 30, "attempts": 5}
# Each name of the search list is a question for every short name: the six that resolvers had for decades are more than is used.
MAX_SEARCH: Final = 6


class Hosts:
    """The addresses that the hosts file gives to names, in its order."""

    __slots__ = ("_addresses",)

    def __init__(self, addresses: dict[bytes, list[str]] | None = None) -> None:
        self._addresses = addresses or {}

    @classmethod
    def parse(cls, text: str) -> Hosts:
        """Read the text of a hosts file."""
        addresses: dict[bytes, list[str]] = {}
        for line in text.splitlines():
            words = line.partition("#")[0].split()
            try:
                address = str(ip_address(words[0])) if words else ""
                for word in words[1:]:
                    addresses.setdefault(Name.parse(word).key, []).append(address)
            except ValueError:  # TextError is one
                continue
        return cls(addresses)

    def __contains__(self, name: Name) -> bool:
        return name.key in self._addresses

    def addresses(self, name: Name, version: int) -> list[str]:
        """The addresses of ``name`` of IP version 4 or 6."""
        return [address for address in self._addresses.get(name.key, ()) if (":" in address) == (version == 6)]


@dataclass(slots=True)
class Settings:
    """How names are looked up: whom to ask, and what short names are tried with.

    A name with at least ``ndots`` dots is first tried as it stands, another first with each name of ``search``. ``timeout``
    is in seconds, for each of ``attempts`` tries with each server.
    """

    servers: list[Server] = field(default_factory=lambda: [Server("127.0.0.1")])
    search: list[Name] = field(default_factory=list)
    ndots: int = 1
    timeout: float = 5.0
    attempts: int = 2
    rotate: bool = False
    """Whether each question begins with the next of the servers, so that they share the work."""
    tcp: bool = False

    @classmethod
    def parse(cls, text: str, port: int = PORT) -> Settings:
        """Read the text of a resolv.conf. Where it names no server, this machine is asked."""
        self = cls(servers=[])
        for line in text.splitlines():
            words = line.split()
            if len(words) < 2 or line[0] in "#;":
                continue
            keyword, *values = words
            if keyword == "nameserver" and len(self.servers) < MAX_SERVERS:
                try:
                    self.servers.append(Server(str(ip_address(values[0])), port))
                except ValueError:
                    continue
            elif keyword in ("search", "domain"):  # the last of them counts
                self.search = _names(values if keyword == "search" else values[:1])
            elif keyword == "options":
                self._set(values)
        self.servers = self.servers or [Server("127.0.0.1", port)]
        return self

    def _set(self, options: list[str]) -> None:
        for option in options:
            name, _, value = option.partition(":")
            if name in MAX_OPTIONS and value.isascii() and value.isdecimal():
                setattr(self, name, max(1 if name != "ndots" else 0, min(int(value), MAX_OPTIONS[name])))
            elif name == "rotate":
                self.rotate = True
            elif name in ("use-vc", "usevc", "tcp"):
                self.tcp = True


def _names(words: list[str]) -> list[Name]:
    names = []
    for word in words[:MAX_SEARCH]:
        try:
            names.append(Name.parse(word))
        except TextError:
            continue
    return names
