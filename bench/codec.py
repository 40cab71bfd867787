"""One codec at work: messages parsed, or built, over and over for a while; what that cost as a line of JSON.

    python -m bench.codec write FILE                       with dnspython: the messages, varied as answers are
    python -m bench.codec LIBRARY parse|build FILE SECONDS

Runs in the library's own environment, so that only one of the two is ever loaded. The messages are written by
dnspython, which favours it if anyone.
"""

from __future__ import annotations

import json
import resource
import struct
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# Name servers of top-level domains, hosts, and mail: what resolvers see all day. {n} makes each message another.
ANSWERS = [
    # (question, rcode, answer, authority, additional)
    ("www{n}.example.com. A", "NOERROR", ["www{n}.example.com. 300 A 192.0.2.1"], [], []),
    ("api{n}.example.com. AAAA", "NOERROR", [f"api{{n}}.example.com. 60 AAAA 2001:db8::{i}" for i in range(1, 5)], [], []),
    (
        "cdn{n}.example.org. A",
        "NOERROR",
        [
            "cdn{n}.example.org. 3600 CNAME cdn{n}.edge.example.net.",
            "cdn{n}.edge.example.net. 60 CNAME e{n}.a.edge.example.net.",
            "e{n}.a.edge.example.net. 20 A 192.0.2.7",
            "e{n}.a.edge.example.net. 20 A 192.0.2.8",
        ],
        [],
        [],
    ),
    (
        "example{n}.com. MX",
        "NOERROR",
        [f"example{{n}}.com. 3600 MX {i}0 mx{i}.mail.example.net." for i in range(1, 6)],
        [],
        [f"mx{i}.mail.example.net. 300 A 192.0.2.{i}" for i in range(1, 6)],
    ),
    (
        "example{n}.com. TXT",
        "NOERROR",
        ['example{n}.com. 300 TXT "v=spf1 include:_spf.example.com ip4:192.0.2.0/24 -all"', 'example{n}.com. 300 TXT "site={n}"'],
        [],
        [],
    ),
    (
        "www.domain{n}.test. A",
        "NOERROR",
        [],
        [f"domain{{n}}.test. 172800 NS ns{i}.provider.test." for i in range(1, 5)],
        [f"ns{i}.provider.test. 172800 A 192.0.2.{i}" for i in range(1, 5)]
        + [f"ns{i}.provider.test. 172800 AAAA 2001:db8::{i}" for i in range(1, 5)],
    ),
    (
        "no{n}.example.com. A",
        "NXDOMAIN",
        [],
        ["example.com. 900 SOA ns1.example.com. hostmaster.example.com. 2024{n} 7200 900 1209600 300"],
        [],
    ),
    (
        "no{n}.signed.test. A",
        "NXDOMAIN",
        [],
        [
            "signed.test. 300 SOA ns1.signed.test. hostmaster.signed.test. 1 7200 900 1209600 300",
            f"signed.test. 300 RRSIG SOA 13 2 3600 20300101000000 20200101000000 12345 signed.test. {'A' * 86}==",
            "no{n}a.signed.test. 300 NSEC nx.signed.test. A AAAA TXT RRSIG NSEC",
            f"no{{n}}a.signed.test. 300 RRSIG NSEC 13 3 300 20300101000000 20200101000000 12345 signed.test. {'B' * 86}==",
        ],
        [],
    ),
    (
        "_sip{n}._tcp.example.com. SRV",
        "NOERROR",
        [f"_sip{{n}}._tcp.example.com. 300 SRV {i} 5 5060 sip{i}.example.com." for i in range(3)],
        [],
        [f"sip{i}.example.com. 300 A 192.0.2.{i}" for i in range(3)],
    ),
    ("svc{n}.example.com. HTTPS", "NOERROR", ["svc{n}.example.com. 300 HTTPS 1 . alpn=h2,h3 ipv4hint=192.0.2.1,192.0.2.2"], [], []),
    ("{n}.2.0.192.in-addr.arpa. PTR", "NOERROR", ["{n}.2.0.192.in-addr.arpa. 3600 PTR host{n}.example.com."], [], []),
    ("signed{n}.test. DS", "NOERROR", [f"signed{{n}}.test. 3600 DS 12345 13 2 {'ab' * 32}"], [], []),
    ("signed{n}.test. CAA", "NOERROR", ['signed{n}.test. 3600 CAA 0 issue "ca.example"'], [], []),
]
VARIANTS = 20
BATCH = 20  # rounds through all messages between two looks at the clock

Work = tuple[Callable[[Any], object], list[Any]]


def write(file: Path) -> None:
    """Write the messages, each with two bytes of length."""
    import dns.flags
    import dns.message
    import dns.rrset

    def section(lines: list[str], number: int) -> Iterator[Any]:
        for line in lines:
            name, ttl, kind, data = line.format(n=number).split(maxsplit=3)
            yield dns.rrset.from_text(name, int(ttl), "IN", kind, data)

    with file.open("wb") as out:
        for number in range(VARIANTS):
            for asked, rcode, *sections in ANSWERS:
                query = dns.message.make_query(*asked.format(n=number).split(), use_edns=0, want_dnssec=number % 2 == 0)
                answer = dns.message.make_response(query)
                answer.set_rcode(dns.rcode.from_text(rcode))
                answer.flags |= dns.flags.AA
                for target, lines in zip((answer.answer, answer.authority, answer.additional), sections, strict=True):
                    for rrset in section(lines, number):
                        same = next(
                            (each for each in target if each.full_match(rrset.name, rrset.rdclass, rrset.rdtype, rrset.covers)), None
                        )
                        if same is None:
                            target.append(rrset)
                        else:
                            same.update(rrset)
                wire = answer.to_wire(max_size=65_535)
                out.write(struct.pack("!H", len(wire)) + wire)


def messages(file: Path) -> list[bytes]:
    data, found = file.read_bytes(), []
    while data:
        length = int.from_bytes(data[:2], "big")
        found.append(data[2 : length + 2])
        data = data[length + 2 :]
    return found


def ours(work: str, wires: list[bytes]) -> Work:
    from wirespeak.dns.messages import Message

    return (Message.parse, wires) if work == "parse" else (Message.encode, list(map(Message.parse, wires)))


def dnspython(work: str, wires: list[bytes]) -> Work:
    import dns.message

    if work == "parse":
        return dns.message.from_wire, wires
    return dns.message.Message.to_wire, list(map(dns.message.from_wire, wires))


def run(operation: Callable[[Any], object], values: list[Any], seconds: float) -> tuple[int, float, float]:
    """Do it for so long; how often it was done, and the CPU time and wall-clock time that took."""
    done = 0
    cpu, begun = time.process_time(), time.monotonic()
    while (now := time.monotonic()) - begun < seconds:
        for _ in range(BATCH):
            for value in values:
                operation(value)
        done += BATCH * len(values)
    return done, time.process_time() - cpu, now - begun


def main(arguments: list[str]) -> None:
    """Carry out the command line."""
    if arguments[0] == "write":
        write(Path(arguments[1]))
        return
    library, work, file, seconds = arguments
    operation, values = {"wirespeak": ours, "dnspython": dnspython}[library](work, messages(Path(file)))
    run(operation, values, 0)  # once through all, so that nothing is done for the first time
    units, cpu, wall = run(operation, values, float(seconds))
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"units": units, "cpu": cpu, "seconds": wall, "resident": resident}))


if __name__ == "__main__":
    main(sys.argv[1:])
