"""What the words of a DNS message mean to people: opcodes, response codes, types, and the options of EDNS byte by byte.

Data for ``explain.py``. What the fields of records mean stands with them, in ``rdata/table.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeAlias

from wirespeak.dns.edns import ClientSubnet
from wirespeak.dns.names import read_name
from wirespeak.dns.rdata.kinds import Piece
from wirespeak.dns.rdata.numbers import ALGORITHMS, DIGESTS, NSEC3_ALGORITHMS
from wirespeak.dns.registry import ExtendedError, Opcode, Option, Rcode, Type
from wirespeak.errors import RemoteProtocolError

__all__ = ["OPCODES", "OPTIONS", "RCODES", "SECTIONS", "TYPES", "option_pieces"]

OPCODES: Final[dict[int, str]] = {
    Opcode.QUERY: "a question, or the answer to one",
    Opcode.IQUERY: "obsolete (RFC 3425)",
    Opcode.STATUS: "of the server; never specified",
    Opcode.NOTIFY: "a zone has changed (RFC 1996)",
    Opcode.UPDATE: "change a zone (RFC 2136)",
    Opcode.DSO: "about the connection itself (RFC 8490)",
}

SECTIONS: Final[dict[int, tuple[str, str, str, str]]] = {
    Opcode.QUERY: ("question", "answer", "authority", "additional"),
    Opcode.UPDATE: ("zone", "prerequisite", "update", "additional"),  # RFC 2136 2
}

RCODES: Final[dict[int, str]] = {
    Rcode.NOERROR: "no error",
    Rcode.FORMERR: "the server could not read the question",
    Rcode.SERVFAIL: "the server could not find out",
    Rcode.NXDOMAIN: "the name does not exist",
    Rcode.NOTIMP: "the server does not do that",
    Rcode.REFUSED: "the server does not want to",
    Rcode.YXDOMAIN: "the name exists, and should not",
    Rcode.YXRRSET: "the records exist, and should not",
    Rcode.NXRRSET: "the records do not exist, and should",
    Rcode.NOTAUTH: "the server has no authority over the zone, or the signature is wrong",
    Rcode.NOTZONE: "the name is not in the zone",
    Rcode.BADVERS: "the server does not speak that version of EDNS",
    Rcode.BADCOOKIE: "the cookie is wrong: ask again with the one of this answer",
}

TYPES: Final[dict[int, str]] = {
    Type.A: "an IPv4 address", Type.AAAA: "an IPv6 address", Type.NS: "a server of the zone", Type.CNAME: "another name for it",
    Type.SOA: "where the zone begins", Type.PTR: "a name for an address", Type.MX: "where its mail goes", Type.TXT: "text",
    Type.SRV: "where a service is", Type.NAPTR: "how to rewrite it", Type.DNAME: "another name for all below it",
    Type.CAA: "who may issue certificates", Type.TLSA: "which certificate to trust", Type.SSHFP: "which SSH key to trust",
    Type.DS: "which keys of the child zone to trust", Type.DNSKEY: "a key that signs the zone", Type.RRSIG: "a signature",
    Type.NSEC: "which name is next: none in between", Type.NSEC3: "which hash is next: none in between",
    Type.SVCB: "how to reach a service", Type.HTTPS: "how to reach a web site", Type.LOC: "where it is on the earth",
    Type.URI: "where a service is", Type.HINFO: "what machine it is; also the answer to ANY (RFC 8482)",
    Type.ANY: "whatever there is", Type.AXFR: "the whole zone", Type.IXFR: "what has changed in the zone",
    Type.OPT: "not a record: what EDNS says of the message", Type.TSIG: "a signature over this message",
}  # fmt: skip


Pieces: TypeAlias = Callable[[bytes, int, int], Iterator[Piece]]

EXTENDED_ERRORS: Final = {error.value: error.name.replace("_", " ").capitalize() for error in ExtendedError}


# --- options of EDNS: from the message, where the option's data begins and ends, to its parts


def _client_subnet(data: bytes, at: int, end: int) -> Iterator[Piece]:
    subnet = ClientSubnet.read(data[at:end])
    yield Piece(at + 2, "family", str(int.from_bytes(data[at : at + 2])), {4: "IPv4", 6: "IPv6"}[subnet.address.version])
    yield Piece(at + 3, "source prefix-length", str(subnet.source), "bits of the address that are told")
    yield Piece(at + 4, "scope prefix-length", str(subnet.scope), "bits of it that the answer is for; zero in a question")
    if end > at + 4:
        yield Piece(end, "address", str(subnet.address), "of who asked the resolver")


def _cookie(data: bytes, at: int, end: int) -> Iterator[Piece]:
    _sized(at, end, 8, 16, 40)
    yield Piece(at + 8, "client cookie", data[at : at + 8].hex(), "comes back in the answer, so that who can't see it can't forge one")
    if end > at + 8:
        yield Piece(end, "server cookie", data[at + 8 : end].hex(), "shows that the client has asked from this address before")


def _nsid(data: bytes, at: int, end: int) -> Iterator[Piece]:
    yield Piece(end, "identifier", data[at:end].decode("utf-8", "backslashreplace"), "which of the servers at this address has answered")


def _padding(data: bytes, at: int, end: int) -> Iterator[Piece]:
    yield Piece(end, "padding", f"{end - at:,} bytes", "so that the size of the message tells nothing")


def _keepalive(data: bytes, at: int, end: int) -> Iterator[Piece]:
    _sized(at, end, 2)
    yield Piece(
        end, "timeout", str(int.from_bytes(data[at:end])), f"{int.from_bytes(data[at:end]) / 10:g} seconds may pass without a query"
    )


def _extended_error(data: bytes, at: int, end: int) -> Iterator[Piece]:
    if end - at < 2:
        raise RemoteProtocolError("an extended error without its code")
    code = int.from_bytes(data[at : at + 2])
    name = EXTENDED_ERRORS.get(code, "has no name here")
    yield Piece(at + 2, "INFO-CODE", str(code), name)
    if end > at + 2:
        yield Piece(end, "EXTRA-TEXT", data[at + 2 : end].decode("utf-8", "backslashreplace"), "for people")


def _algorithms(names: Mapping[int, str]) -> Pieces:
    def pieces(data: bytes, at: int, end: int) -> Iterator[Piece]:
        yield Piece(end, "algorithms", " ".join(map(str, data[at:end])), ", ".join([names.get(number, "?") for number in data[at:end]]))

    return pieces


def _key_tags(data: bytes, at: int, end: int) -> Iterator[Piece]:
    tags = [str(int.from_bytes(data[place : place + 2])) for place in range(at, end, 2)]
    yield Piece(end, "key tags", " ".join(tags), "keys of the root that the resolver trusts")


def _expire(data: bytes, at: int, end: int) -> Iterator[Piece]:
    _sized(at, end, 4)
    yield Piece(end, "EXPIRE", str(int.from_bytes(data[at:end])), "seconds until this copy of the zone is no good")


def _name(what: str, meaning: str) -> Pieces:
    def pieces(data: bytes, at: int, end: int) -> Iterator[Piece]:
        name, following = read_name(data[at:end], 0)
        _sized(at, end, following)
        yield Piece(end, what, str(name), meaning)

    return pieces


def _zone_version(data: bytes, at: int, end: int) -> Iterator[Piece]:
    if end - at < 2:
        raise RemoteProtocolError("a version of a zone without its head")
    yield Piece(at + 1, "LABELCOUNT", str(data[at]), "labels of the zone's name")
    yield Piece(at + 2, "TYPE", str(data[at + 1]), "the serial of its SOA" if not data[at + 1] else "of a kind unknown here")
    if end > at + 2:
        yield Piece(end, "VERSION", str(int.from_bytes(data[at + 2 : end])), "the version of the zone that answered")


def _lease(data: bytes, at: int, end: int) -> Iterator[Piece]:
    _sized(at, end, 4, 8)
    yield Piece(at + 4, "LEASE", str(int.from_bytes(data[at : at + 4])), "seconds that the records are to stay")
    if end > at + 4:
        yield Piece(end, "KEY-LEASE", str(int.from_bytes(data[at + 4 : end])), "seconds that the key records are")


def _long_lived(data: bytes, at: int, end: int) -> Iterator[Piece]:
    _sized(at, end, 18)
    yield Piece(at + 2, "LLQ-VERSION", str(int.from_bytes(data[at : at + 2])))
    yield Piece(at + 4, "LLQ-OPCODE", str(int.from_bytes(data[at + 2 : at + 4])), "1 set up, 2 refresh, 3 event")
    yield Piece(at + 6, "LLQ-ERROR", str(int.from_bytes(data[at + 4 : at + 6])))
    yield Piece(at + 14, "LLQ-ID", data[at + 6 : at + 14].hex())
    yield Piece(end, "LLQ-LEASE", str(int.from_bytes(data[at + 14 : end])), "seconds that the query stands")


def _sized(at: int, end: int, *sizes: int) -> None:
    """Client cookies have 8 bytes, with a server's 16 to 40 (RFC 7873 4): a range, where three sizes are given."""
    right = end - at in sizes if len(sizes) < 3 else end - at == sizes[0] or sizes[1] <= end - at <= sizes[2]
    if not right:
        raise RemoteProtocolError(f"{end - at} bytes, where there should be {' or '.join(map(str, sizes))}")


OPTIONS: Final[dict[int, tuple[str, str, Pieces]]] = {
    Option.LLQ: ("a query that stays, and is told of changes", "RFC 8764 3.2", _long_lived),
    Option.UPDATE_LEASE: ("how long what is registered stays", "RFC 9664 4", _lease),
    Option.NSID: ("which server it is", "RFC 5001 2.3", _nsid),
    Option.DAU: ("algorithms that signatures may have", "RFC 6975 3", _algorithms(ALGORITHMS)),
    Option.DHU: ("hashes that DS records may have", "RFC 6975 3", _algorithms(DIGESTS)),
    Option.N3U: ("hashes that NSEC3 records may have", "RFC 6975 3", _algorithms(NSEC3_ALGORITHMS)),
    Option.CLIENT_SUBNET: ("for whom a resolver asks", "RFC 7871 6", _client_subnet),
    Option.EXPIRE: ("how long a copy of the zone is good", "RFC 7314 2", _expire),
    Option.COOKIE: ("tells a client from who pretends to be it", "RFC 7873 4", _cookie),
    Option.TCP_KEEPALIVE: ("how long the connection may stay idle", "RFC 7828 3.1", _keepalive),
    Option.PADDING: ("bytes that say nothing", "RFC 7830 3", _padding),
    Option.CHAIN: ("from where on all keys are wanted", "RFC 7901 4", _name("closest trust point", "a zone whose keys are known")),
    Option.KEY_TAG: ("which keys are trusted", "RFC 8145 4.1", _key_tags),
    Option.EXTENDED_ERROR: ("why the answer is as it is", "RFC 8914 2", _extended_error),
    Option.REPORT_CHANNEL: ("where to report faults", "RFC 9567 5", _name("agent domain", "queries below it are reports")),
    Option.ZONEVERSION: ("which version of the zone has answered", "RFC 9660 3", _zone_version),
}
"""What an option is for, its clause, and its parts."""


def option_pieces(code: int, data: bytes, at: int, end: int) -> list[Piece]:
    """The parts of an option's data from ``at`` to ``end``; one where its form is unknown, or not as it should be."""
    if at == end:
        return []
    try:
        return list(OPTIONS[code][2](data, at, end))
    except KeyError:
        return [Piece(end, "option data", data[at:end].hex(), "of an option unknown here")]
    except RemoteProtocolError as error:
        return [Piece(end, "option data", data[at:end].hex(), f"not as the option should be: {error.args[0]}")]
