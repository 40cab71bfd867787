"""Fuzz targets of the DNS: what a server is asked, what a client is answered, and what stands in a zone file."""

from __future__ import annotations

import contextlib
import itertools

from wirespeak.contract import Ask
from wirespeak.dns.authority import answer
from wirespeak.dns.edns import PAYLOAD
from wirespeak.dns.exchange import Query, Server
from wirespeak.dns.explain import explain_message, explain_stream
from wirespeak.dns.messages import MAX_MESSAGE, Message
from wirespeak.dns.names import Name
from wirespeak.dns.registry import Type
from wirespeak.dns.server import DnsServer
from wirespeak.dns.stub import records_for
from wirespeak.dns.zone import Zone, Zones
from wirespeak.dns.zonereader import ZoneError, ZoneReader
from wirespeak.dns.zonewriter import write_zone
from wirespeak.errors import RemoteProtocolError, TextError
from wirespeak.explanation import tiles

ORIGIN = Name.parse("example.")
ZONE = b"""
$TTL 300
@        SOA   ns admin 1 7200 900 1209600 300
@        NS    ns
@        MX    10 mail
@        TXT   "one" "two"
ns       A     192.0.2.1
         AAAA  2001:db8::1
*.wild   A     192.0.2.2
a.b.c    HTTPS 1 . alpn=h2 ipv4hint=192.0.2.3
www      CNAME ns
old      DNAME new
sub      NS    ns.sub
ns.sub   A     192.0.2.4
_x._tcp  SRV   0 0 80 www
"""

NOISE = b"\x12\x34" * 128

QUESTION = bytes.fromhex("1234 0100 0001 0000 0000 0000 03777777 076578616d706c65 00 0001 0001")
WITH_OPT = QUESTION[:11] + b"\x01" + QUESTION[12:] + bytes.fromhex("00 0029 04d0 00008000 000c 000a 0008 0102030405060708")


def zone_of(text: bytes) -> Zone:
    return Zone.of(ORIGIN, ZoneReader(text, ORIGIN))


ZONES = Zones([zone_of(ZONE)])
SERVER = DnsServer(ZONES)


def fuzz_dns_message(data: bytes) -> None:
    """Read, written and read again it is the same; and the explanation covers it."""
    parts = explain_message(data)
    assert tiles(parts, data), "the explanation leaves bytes out, or tells them twice"
    assert tiles(explain_stream(data), data), "the explanation of a stream leaves bytes out, or tells them twice"
    broken = any(part.kind in ("malformed", "missing") for part in parts)
    try:
        message = Message.parse(data)
    except RemoteProtocolError as error:
        assert error.offset is None or 0 <= error.offset <= len(data)  # noqa: PT017
        assert broken, f"the parser finds fault ({error}), the explanation none"  # noqa: PT017
        return
    assert not broken, "the explanation finds fault, the parser none"
    for record in message.records():
        str(record)
    try:
        written = message.encode()
    except TextError:
        return
    if not Message.parse(written).tc:  # expanded, it may be longer than a message can be
        assert Message.parse(written) == message


def fuzz_dns_question(data: bytes) -> None:
    """A server answers any datagram with a sound message that fits, or not at all; and the same twice."""
    reply = SERVER.answer(data, ("192.0.2.9", 5353), 1.0)
    if reply is None:
        return
    message = Message.parse(reply)
    assert message.qr
    assert reply[:2] == data[:2]
    assert len(reply) <= PAYLOAD
    assert SERVER.answer(data, ("192.0.2.9", 5353), 2.0) == reply
    over_tcp = SERVER.answer_stream(data, ("192.0.2.9", 5353))
    assert over_tcp is not None
    assert len(over_tcp) <= MAX_MESSAGE
    assert Message.parse(over_tcp).rcode == message.rcode


def fuzz_dns_answer(data: bytes) -> None:
    """Whatever a server says, a client ends with an answer that fits, or goes on listening; it never fails."""
    query = Query(
        Message.query(Name.parse("www.example."), Type.A),
        [Server("192.0.2.1", 53)],
        lambda count: (b"\x12\x34" * count)[:count],
        keys=itertools.count(1),
    )
    for transport in ("udp", "tcp"):
        commands = query.start(0.0) if transport == "udp" else query.tick(query.deadline)
        asked = [command for command in commands if isinstance(command, Ask)]
        if not asked:
            return
        query.heard(asked[0].key, data, 0.1)
        if query.done:
            found = query.result()
            assert found.message.qr
            with contextlib.suppress(RemoteProtocolError):  # a chain that doesn't end
                records_for(found.message, found.question.name, Type.A)
            return


def fuzz_dns_zone(data: bytes) -> None:
    """A zone file is read or refused with places; written in canonical form, it is read as the same."""
    try:
        entries = list(ZoneReader(data, ORIGIN))
        zone = Zone.of(ORIGIN, entries)
    except ZoneError as error:
        assert error.faults  # noqa: PT017
        return
    except TextError:
        return
    text = "".join(write_zone(ORIGIN, entries))
    again = list(ZoneReader(text.encode(), ORIGIN))
    assert sorted(set(again)) == sorted({(owner, type, ttl, wire) for owner, type, ttl, wire in entries}), "written, it reads otherwise"
    for rrset in zone.nodes[ORIGIN.key]:
        answer(Zones([zone]), Message.query(ORIGIN, rrset.type)).encode(MAX_MESSAGE)


SEEDS = {
    "dns_message": [QUESTION, WITH_OPT, answer(ZONES, Message.query(ORIGIN, Type.ANY), whole=True).encode()],
    "dns_question": [QUESTION, WITH_OPT],
    "dns_answer": [answer(ZONES, Message.query(Name.parse("www.example."), Type.A, id=0x1234)).encode()],
    "dns_zone": [ZONE, b"@ SOA . . 1 1 1 1 1\n$GENERATE 1-3 a$ A 192.0.2.$\nx TYPE731 \\# 2 abcd\n"],
}
