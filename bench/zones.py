"""The zones served and the questions asked of them: varied, as real use is, and the same in every run.

Writes files into the folder it is given. All choices come from a seeded generator; no clock, no network.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ORIGIN", "Served", "build_large", "build_zone"]

ORIGIN = "bench.test."
SEED = 1035
QUESTIONS = 400_000  # more than are asked in a turn, so that the random names among them come but once
ABSENT = 0.15  # of the questions ask for a name that isn't there: half of those the same few mistakes, the rest at random
MISTAKES = 500
SELDOM = 0.2  # ask for a type that the name hasn't got
EDNS = 0.8  # say something by EDNS, as all resolvers of today do
MIXED_CASE = 0.1  # are in mixed case, as those resolvers send them that want their case back

NUMBERS = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33, "CAA": 257, "HTTPS": 65}

KINDS = [
    # (what a name holds, how many of a hundred names do)
    (("A",), 34),
    (("A", "AAAA"), 30),
    (("A", "AAAA", "HTTPS"), 6),
    (("CNAME",), 12),
    (("MX", "TXT", "A", "CAA"), 6),
    (("TXT",), 5),
    (("SRV",), 3),
    (("PTR",), 3),
    (("NS",), 1),
]
ASKED = {"A": 50, "AAAA": 22, "HTTPS": 10, "MX": 6, "TXT": 5, "NS": 3, "SRV": 2, "PTR": 1, "CAA": 1}
"""What is asked for, in hundred questions of which the name has not got the type."""


HEAD = f"""\
$ORIGIN {ORIGIN}
$TTL 3600
@ SOA ns1 hostmaster 2024010101 7200 900 1209600 300
@ NS ns1
@ NS ns2
ns1 A 192.0.2.1
ns1 AAAA 2001:db8::1
ns2 A 192.0.2.2
mail A 192.0.2.25
"""

HOUSEHOLD = """\
{name} A {one}
{name} AAAA 2001:db8::1
{name} MX 10 mail.{name}
{name} TXT "v=spf1 -all"
www.{name} CNAME {name}
mail.{name} A {two}
mail.{name} AAAA 2001:db8::25
_imaps._tcp.{name} SRV 0 1 993 mail.{name}
sub.{name} NS ns1.sub.{name}
ns1.sub.{name} A {three}
"""
"""Ten records, as one customer of many has them."""


@dataclass(slots=True, frozen=True)
class Served:
    """A zone file, and the questions asked of it: whole messages, each with two bytes of length (dnsperf's -B)."""

    file: Path
    questions: Path


def build_zone(folder: Path, names: int) -> Served:
    """Write a zone of so many names, and the questions for it: of the names, the n-th is asked for 1/n as often as the first (Zipf)."""
    chance = random.Random(SEED)
    served = Served(folder / f"{names}.zone", folder / f"{names}.questions")
    if served.questions.exists():
        return served
    held: list[tuple[str, tuple[str, ...]]] = []
    kinds, weights = zip(*KINDS, strict=True)
    with served.file.open("w") as file:
        file.write(HEAD)
        for number in range(names):
            name, types = f"{word(chance)}{number:x}", chance.choices(kinds, weights)[0]
            held.append((name, types))
            for kind in types:
                file.writelines(f"{name} {kind} {data}\n" for data in rdata(chance, kind, name))
            if types == ("NS",):
                file.write(f"ns.{name} A {address(chance)}\n")
    popular = chance.choices(held, [1 / rank for rank in range(1, names + 1)], k=QUESTIONS)
    with served.questions.open("wb") as file:
        for name, types in popular:
            message = question(chance, name, types)
            file.write(struct.pack("!H", len(message)) + message)
    return served


def build_large(folder: Path, records: int) -> Path:
    """Write a zone of about so many records."""
    path = folder / f"{records}.large.zone"
    if path.exists():
        return path
    chance = random.Random(SEED)
    with path.open("w") as file:
        file.write(HEAD)
        for number in range(records // 10):
            file.write(HOUSEHOLD.format(name=f"{word(chance)}{number:x}", one=address(chance), two=address(chance), three=address(chance)))
    return path


def rdata(chance: random.Random, kind: str, name: str) -> Iterator[str]:
    """The data of the records of one type that a name has."""
    if kind in ("A", "AAAA"):
        for _ in range(chance.choice((1, 1, 1, 2, 4))):
            yield address(chance) if kind == "A" else f"2001:db8:{chance.randrange(1 << 16):x}::{chance.randrange(1, 1 << 16):x}"
    elif kind == "MX":
        yield from ("10 mail", f"20 mx.{word(chance)}.example.")
    elif kind == "TXT":
        yield f'"v=spf1 ip4:{address(chance)} -all"'
        if chance.random() < 0.3:
            yield f'"{word(chance)}-site-verification={chance.getrandbits(128):032x}"'
    else:
        yield {
            "CNAME": "ns1",
            "SRV": "0 5 443 ns1",
            "PTR": f"host.{word(chance)}.example.",
            "NS": f"ns.{name}",
            "CAA": '0 issue "ca.example"',
            "HTTPS": "1 . alpn=h2,h3",
        }[kind]


def question(chance: random.Random, name: str, types: tuple[str, ...]) -> bytes:
    """One message about a name, or one near it: a header, a question, and mostly what EDNS says."""
    kind = chance.choices(list(ASKED), list(ASKED.values()))[0] if chance.random() < SELDOM else chance.choice(types)
    if chance.random() < ABSENT:
        name = f"mistake-{chance.randrange(MISTAKES)}" if chance.random() < 0.5 else f"{chance.getrandbits(48):x}.{word(chance)}"
    full = f"{name}.{ORIGIN}"
    if chance.random() < MIXED_CASE:
        full = "".join(letter.upper() if chance.random() < 0.5 else letter for letter in full)
    wire = b"".join(bytes([len(label)]) + label.encode() for label in full.split("."))
    edns = chance.random() < EDNS
    header = struct.pack("!HHHHHH", 0, chance.choice((0, 0, 0x0010)), 1, 0, 0, edns)
    opt = struct.pack("!BHHIH", 0, 41, chance.choice((1232, 1232, 1232, 4096, 512)), chance.choice((0x8000, 0x8000, 0)), 0) if edns else b""
    return header + wire + struct.pack("!HH", NUMBERS[kind], 1) + opt


def address(chance: random.Random) -> str:
    return f"198.{chance.randrange(18, 20)}.{chance.randrange(256)}.{chance.randrange(1, 255)}"


def word(chance: random.Random) -> str:
    """A short word of alternating letters."""
    return "".join(chance.choice("bcdfghklmnprstvw") + chance.choice("aeiou") for _ in range(chance.randrange(2, 5)))
