"""Our zone files and BIND's are the same: what named-checkzone takes and refuses, and what named-compilezone makes of each.

BIND's tools read the original and what we write of it, and have to print the same text of both: so our reading and our
writing are held to theirs at once. Where we refuse what BIND lets pass, a table says why.
"""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from scripts.peers import find
from tests.interop import dns_zones
from wirespeak.dns.names import Name
from wirespeak.dns.rdata import Rdata
from wirespeak.dns.registry import Type
from wirespeak.dns.zonefile import examine_file
from wirespeak.dns.zonereader import Entry, ZoneReader
from wirespeak.dns.zonewriter import entries, write_zone

pytestmark = pytest.mark.peer("dnssec-signzone")  # of one package with named-checkzone and named-compilezone

HEAD = "$TTL 300\n@ SOA ns admin 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n"


def bind_takes(origin: str, file: Path) -> bool:
    """Whether named-checkzone does, asking no other server."""
    done = subprocess.run([str(find("named-checkzone")), "-i", "local", origin, file], capture_output=True, timeout=60, cwd=file.parent)
    return done.returncode == 0


def bind_compiles(origin: str, file: Path) -> str:
    """What named-compilezone makes of a file: each record on a line, in order."""
    options = ["-q", "-i", "none", "-k", "ignore", "-s", "full", "-o", "-"]
    done = subprocess.run(
        [str(find("named-compilezone")), *options, origin, file.name], capture_output=True, timeout=60, cwd=file.parent, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def compare(origin: str, file: Path) -> None:
    """Read, write, and have BIND read what it reads of the original."""
    name = Name.parse(origin)
    report = examine_file(file, name)
    assert report.zone is not None, report.errors
    theirs = bind_compiles(origin, file)
    written = file.with_suffix(".written")
    written.write_text("".join(write_zone(name, entries(report.zone))))
    assert bind_compiles(origin, written) == theirs
    # Relative names are read in the case of the origin.
    written.write_text("".join(write_zone(name, entries(report.zone), relative=True)))
    assert bind_compiles(origin, written).lower() == theirs.lower()
    assert lowered(ZoneReader(theirs, name)) == lowered(entries(report.zone))


def lowered(records: Iterable[Entry]) -> set[Entry]:
    """The records without the case of their names: BIND has each in the case in which it met it first, or last."""
    return {(owner.lower(), type, ttl, Rdata(type, wire).canonical) for owner, type, ttl, wire in records}


@pytest.mark.parametrize("group", ["oddities", "root", "historic"])
@pytest.mark.peer("dnssec-signzone")
def test_zones_full_of_oddities(group: str, tmp_path: Path) -> None:
    for origin, file in dns_zones.build(group, tmp_path / group).items():
        assert bind_takes(origin, file)
        compare(origin, file)


TEXTS = {
    "order": "w IN 60 A 192.0.2.1\nv 61 IN TXT x\nu 1h30m MX 10 ns\nt in a 192.0.2.1\ns\tCLASS1\tTYPE1\t192.0.2.1\n1w2d 1w2d A 192.0.2.1\n",
    "owners": "w A 192.0.2.1\n A 192.0.2.2\n\n ; c\n\tTXT a\n@ TXT b\n*.w TXT c\n300 TXT d\nin TXT e\n",
    "parentheses": "(w A 192.0.2.1)\n(\n v A 192.0.2.2 )\n ( A 192.0.2.5\n)\nu TXT ((a) (b ; c\n(d)))\nt MX ( 10\nns )\n",
    "escapes": r"""
a\.b TXT "a\"b\\c" d\"e \102\032\200 \;f "g;h" "(" \( k=\"v\"
\@ A 192.0.2.1
\100\001\255 A 192.0.2.1
\$TTL A 192.0.2.1
a\(b\)\;c CNAME d\"e\\f\.g.h
""",
    "generic": "w TYPE65280 \\# 3 01 0203\nv A \\# 4 c0000201\nu TYPE1 \\# 4 c000 0202\nt TYPE65281 \\# 0\ns MX \\# 5 000a 0161 00\n",
    "origin": "$ORIGIN sub\nx A 192.0.2.1\n@ A 192.0.2.2\n$origin sub ; c\ny A 192.0.2.1\n$ORIGIN com.\n$ORIGIN .\nz.example A 192.0.2.1\n",
    "ttl": "$TTL 1h\na A 192.0.2.1\nb 5 A 192.0.2.1\nc A 192.0.2.1\n$TTL 7 ; c\nd A 192.0.2.1\n$ttl 1W2D3H4M5S\ne A 192.0.2.1\n",
    "include": "a A 192.0.2.1\n$INCLUDE included.txt sub\n A 192.0.2.2\n$INCLUDE \"included.txt\"\nz A 192.0.2.3\n",
    "generate": """
$GENERATE 1-3 h$ A 192.0.2.$
$GENERATE 1-10/3 i${0,3} 60 IN A 192.0.2.${10}
$GENERATE 0-20/10 ${0,7,n} CNAME ${0,0,n}.${0,1,N}.${0,8,N}
$GENERATE 250-260/5 j${0,4,x} CNAME ${-250,3,o}.${0,0,X}
$GENERATE 1-2 k$ MX "10 m$"
$GENERATE 1-2 l$ TXT "a $ \\$ $$"
$GENERATE 1-2 @ TXT $
$GENERATE 1-2 m$$$ TYPE731 "\\# 1 0$"
$GENERATE 0-5 n${-3} IN 1m A 192.0.2.1
 TXT last
""",
    "line ends": "a A 192.0.2.1\r\nb TXT ( c\r\n d )\r\n\r\n; e\r\nf TXT g ; h\r\n",
    "no last line end": "w A 192.0.2.1",
    "case": "W A 192.0.2.1\nw TXT a\nx CNAME W.EXAMPLE.\nx CNAME w.example.\n",
    "twice": "w A 192.0.2.1\nw A 192.0.2.1\n",
}  # fmt: skip


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_every_form_of_the_text(text: str, tmp_path: Path) -> None:
    (tmp_path / "included.txt").write_text("$TTL 77\n TXT first\nq A 192.0.2.9\n$ORIGIN deep\nq A 192.0.2.9\n")
    file = tmp_path / "zone"
    file.write_bytes(f"{HEAD}{text}".encode())
    compare("example.", file)


def test_a_thousand_names_of_any_octets(tmp_path: Path) -> None:
    chance = random.Random(1035)
    origin = Name.parse("example.")
    records: list[Entry] = list(ZoneReader(HEAD, origin))
    for number in range(1000):
        target = origin / chance.randbytes(chance.randint(1, 30)) / str(number).encode()
        records.append((target.wire, Type.TXT, 300, Rdata.of("TXT", chance.randbytes(chance.randint(0, 255))).wire))
        records.append(((target / b"_").wire, Type.PTR, 300, target.wire))
        records.append(((target / b"$").wire, 65280, 300, chance.randbytes(chance.randint(0, 60))))
    file = tmp_path / "zone"
    file.write_text("".join(write_zone(origin, records)))
    assert lowered(ZoneReader(bind_compiles("example.", file), origin)) == lowered(records)


TAKEN = [
    "@ MX 10 nowhere", "@ MX 10 192.0.2.1", "w CNAME ns\n@ MX 10 w", "_x._tcp SRV 0 0 5 nowhere", "@ MX 0 .", "sub NS ns.sub",
    "sub NS nowhere", "sub NS ns\nx.sub TXT a", "@ NS ns.sub\nsub NS ns.sub", "a_b A 192.0.2.1", "*.w DNAME x.", "a.*.w TXT a",
    '@ SPF "v=spf1 -all"', "w 100 A 192.0.2.2\nw 50 A 192.0.2.3", "w CNAME x.\nw NSEC a.example. CNAME", "w CNAME x.\nw KEY 0 0 0 AAAA",
    "w DS 1 8 2 " + "00" * 32, "w CNAME x.\nw CNAME X.", "w MB x", "*.w A 192.0.2.1\n@ NS a.w", "bücher TXT a", "w TXT ü",
]  # fmt: skip
REFUSED = [
    "w", "w IN", "w 300", "w A", "w MX 10", "w A 192.0.2", "w A 01.2.3.4", "w A 192.0.2.256", "w A 192.0.2.1 192.0.2.2", "w AAAA 1::2::3",
    "w CH A 192.0.2.1", "w IN 60 IN A 192.0.2.1", "w 60 60 A 192.0.2.1", "w BOGUS a", "w 5x A 192.0.2.1", "w TXT", 'w TXT "a',
    "w TXT a)", "w TXT (a", "w TXT " + "a" * 256, "w TXT \\256", "w TXT \\25", "w TXT a\0b", "a..b A 192.0.2.1", "a" * 64 + " TXT a",
    "w TYPE0 \\# 0", "w OPT \\# 0", "w TYPE200 \\# 0", "w ANY a", "w MD x", "w MF x", "w A \\# 3 010203", "w TYPE731 \\# 2 01",
    "@ SOA ns admin 2 2 3 4 5", "@ SOA ns admin 4294967296 2 3 4 5", "w SOA ns admin 1 2 3 4 5", "w 4294967296 A 192.0.2.1",
    "w A 192.0.2.2\nw CNAME x", "w CNAME y\nw CNAME x", "w DNAME y.\nw DNAME x.", "w DNAME y.\nw CNAME x.", "@ CNAME x.",
    "@ NS nowhere", "@ NS 192.0.2.1", "w CNAME ns\n@ NS w", "w DNAME x.\n@ NS a.w", "@ DNAME x.", "*.w NS ns",
    "@ DS 1 8 2 " + "00" * 32, "*.w NSEC3 1 0 0 - 00000000000000000000000000000000 A", "$FOO a", "$ORIGIN", "$ORIGIN a b", "$TTL", "$TTL x",
    " $TTL 5", "$INCLUDE", "$INCLUDE nowhere", "$INCLUDE zone", "$GENERATE 3-1 a$ A 192.0.2.1", "$GENERATE 1-2/0 a$ A 192.0.2.1",
    "$GENERATE 5 a$ A 192.0.2.1", "$GENERATE 1-2 a${ A 192.0.2.1", "$GENERATE 1-2 a${0,3,q} A 192.0.2.1", "$GENERATE 1-2 a$ MX 10 b",
    "$GENERATE 1-300 a$ A 192.0.2.$", "$GENERATE 1-2 a$ A 192.0.2.1 b", "$GENERATE 1-2 a$",
]  # fmt: skip
STRICTER = {
    "w.com. A 192.0.2.1": "out of the zone: BIND drops it with a warning, NSD refuses",
    "w DNAME x.\na.w A 192.0.2.1": "RFC 6672 2.4 MUST NOT: BIND hides it, NSD refuses",
    "w DNAME x.\nw NS ns": "RFC 6672 2.3 MUST NOT: two readings",
    "w 2147483648 A 192.0.2.1": "RFC 2181 8: BIND makes it 0",
    '"w" A 192.0.2.1': "RFC 1035 5.1: quotes are for strings",
    "$GENERATE 0-5 h${-3,2,x} A 192.0.2.1": "BIND gives the eight digits of a negative number of 32 bits",
    "w TXT a\udcff": "bytes that are no UTF-8: nobody knows in which script they were meant",
}
"""What we refuse and BIND takes, and why."""


def verdicts(lines: str, folder: Path) -> tuple[bool, bool]:
    """Whether BIND, and whether we, take the small zone with these lines more."""
    file = folder / "zone"
    file.write_bytes(f"{HEAD}{lines}\n".encode("utf-8", "surrogateescape"))
    return bind_takes("example.", file), examine_file(file, Name.parse("example.")).zone is not None


@pytest.mark.parametrize("lines", TAKEN)
def test_what_both_take(lines: str, tmp_path: Path) -> None:
    assert verdicts(lines, tmp_path) == (True, True)


@pytest.mark.parametrize("lines", REFUSED)
def test_what_both_refuse(lines: str, tmp_path: Path) -> None:
    assert verdicts(lines, tmp_path) == (False, False)


@pytest.mark.parametrize("lines", STRICTER)
def test_where_we_are_stricter(lines: str, tmp_path: Path) -> None:
    assert verdicts(lines, tmp_path) == (True, False)


def test_a_byte_order_mark_is_all_that_bind_refuses_and_we_take(tmp_path: Path) -> None:
    file = tmp_path / "zone"
    file.write_text(f"\ufeff{HEAD}")
    assert not bind_takes("example.", file)
    assert examine_file(file, Name.parse("example.")).zone is not None


@pytest.mark.parametrize("text", ["", "$TTL 300\n@ NS ns\nns A 192.0.2.1\n", "$TTL 300\n@ SOA ns admin 1 2 3 4 5\n", "@ NS ns\n" + HEAD])
def test_what_each_zone_needs(text: str, tmp_path: Path) -> None:
    file = tmp_path / "zone"
    file.write_text(text)
    assert not bind_takes("example.", file)
    assert examine_file(file, Name.parse("example.")).zone is None
