"""Zone files read: the master format clause by clause, where each fault stands, and that both ways of reading say the same."""

from __future__ import annotations

import pickle
import re
import tracemalloc
from collections.abc import Iterable, Iterator
from itertools import pairwise
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirespeak.dns import zonereader
from wirespeak.dns.names import Name
from wirespeak.dns.registry import class_text, type_text
from wirespeak.dns.zonereader import MAX_ENTRY, MAX_FAULTS, Entry, Include, ZoneError, ZoneReader, read_zone
from wirespeak.errors import TextError

ORIGIN = Name.parse("example.")


def read(text: str | bytes | Iterable[bytes], **options: object) -> list[str]:
    """The records, one a line, without the class."""
    records = ZoneReader(text, ORIGIN, **{"ttl": 60, **options}).records()  # type: ignore[arg-type]
    return [f"{record.name} {record.ttl} {type_text(record.type)} {record.rdata}" for record in records]


def faults(text: str | bytes, **options: object) -> list[str]:
    with pytest.raises(ZoneError) as caught:
        read(text, **options)
    return [str(fault) for fault in caught.value.faults]


def test_the_example_of_rfc_1035() -> None:
    """RFC 1035 5.3, with the addresses of today's examples."""
    text = """\
@   IN  SOA     VENERA      Action\\.domains (
                                 20     ; SERIAL
                                 7200   ; REFRESH
                                 600    ; RETRY
                                 3600000; EXPIRE
                                 60)    ; MINIMUM

        NS      A.ISI.EDU.
        NS      VENERA
        MX      10      VENERA
        MX      20      VAXA

A       A       192.0.2.27

VENERA  A       192.0.2.1
        A       198.51.100.44

VAXA    A       192.0.2.27
        A       203.0.113.33
"""
    assert read(text, ttl=None) == [
        r"example. 60 SOA VENERA.example. Action\.domains.example. 20 7200 600 3600000 60",
        "example. 60 NS A.ISI.EDU.",
        "example. 60 NS VENERA.example.",
        "example. 60 MX 10 VENERA.example.",
        "example. 60 MX 20 VAXA.example.",
        "A.example. 60 A 192.0.2.27",
        "VENERA.example. 60 A 192.0.2.1",
        "VENERA.example. 60 A 198.51.100.44",
        "VAXA.example. 60 A 192.0.2.27",
        "VAXA.example. 60 A 203.0.113.33",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "w A 192.0.2.1",
        "w 60 A 192.0.2.1",
        "w IN A 192.0.2.1",
        "w in 60 a 192.0.2.1",
        "w 1m IN A 192.0.2.1",
        "w CLASS1 TYPE1 192.0.2.1",
        "w\t0m60S\tA\t192.0.2.1\t",
        r"w A \# 4 c0000201",
        r"w TYPE1 ( \# 4 ; four bytes" + "\n c000 0201 )",
        "(w A 192.0.2.1)",
        "(\n w (A) 192.0.2.1 )",
        "w ( A\n\t192.0.2.1 ; here\n\n)",
        "w.example. A 192.0.2.1;here",
        r"\119 A 192.0.2.1",
        "w A 192.0.2.1\r",
        "w A 192.0.2.1 ; here\r\n\r\n ; and there\r\n",
    ],
)
def test_ways_to_write_one_record(line: str) -> None:
    assert read(line) == ["w.example. 60 A 192.0.2.1"]
    assert read(f"{line}\n\n") == ["w.example. 60 A 192.0.2.1"]


@pytest.mark.parametrize(
    ("line", "record"),
    [
        ("@ NS @", "example. 60 NS example."),
        ("*.w MX 10 .", "*.w.example. 60 MX 10 ."),
        ("a.b CNAME c.", "a.b.example. 60 CNAME c."),
        (r"a\.b\@ A 192.0.2.1", r"a\.b\@.example. 60 A 192.0.2.1"),
        (r"\$TTL A 192.0.2.1", r"\$TTL.example. 60 A 192.0.2.1"),
        ("300 300 IN A 192.0.2.1", "300.example. 300 A 192.0.2.1"),
        ("in in a 192.0.2.1", "in.example. 60 A 192.0.2.1"),
        ("bücher A 192.0.2.1", "xn--bcher-kva.example. 60 A 192.0.2.1"),
        ('w TXT "a;b (c" d "\\"e\\\\" \\102', 'w.example. 60 TXT "a;b (c" "d" "\\"e\\\\" "f"'),
        ('w TXT "v=spf1 -all"; the rest', 'w.example. 60 TXT "v=spf1 -all"'),
        ("w TXT ((a) (b\n(c)))", 'w.example. 60 TXT "a" "b" "c"'),
        ('w TXT ""', 'w.example. 60 TXT ""'),
        ('w TXT "ü"', 'w.example. 60 TXT "\\195\\188"'),
        (r"w TYPE65280 \# 3 01 0203", r"w.example. 60 TYPE65280 \# 3 010203"),
        (r"w TYPE65280 \# 0", r"w.example. 60 TYPE65280 \# 0"),
        ("w AAAA 2001:DB8::1", "w.example. 60 AAAA 2001:db8::1"),
        ("_x._tcp SRV 0 5 5060 sip", "_x._tcp.example. 60 SRV 0 5 5060 sip.example."),
        ('@ CAA 0 issue "ca.example; policy=ev"', 'example. 60 CAA 0 issue "ca.example; policy=ev"'),
    ],
)
def test_records(line: str, record: str) -> None:
    assert read(line) == [record]


def test_an_owner_that_is_left_out_is_the_last_one() -> None:
    assert read("a A 192.0.2.1\n A 192.0.2.2\n\n; b\n  ; c\n\t300 IN A 192.0.2.3\n ( A\n192.0.2.4\n)") == [
        "a.example. 60 A 192.0.2.1",
        "a.example. 60 A 192.0.2.2",
        "a.example. 300 A 192.0.2.3",
        "a.example. 60 A 192.0.2.4",
    ]
    assert faults(" A 192.0.2.1") == ["1:1: the first record has no owner: a name, or @ for the zone's own"]


def test_origin() -> None:
    """RFC 1035 5.1."""
    text = "$ORIGIN sub\nx NS y\n$origin sub ; once more\nx NS @\n$ORIGIN .\nx.example NS y\n$ORIGIN com.\nx.example. NS y\n"
    assert read(text) == [
        "x.sub.example. 60 NS y.sub.example.",
        "x.sub.sub.example. 60 NS sub.sub.example.",
        "x.example. 60 NS y.",
        "x.example. 60 NS y.com.",
    ]


def test_a_ttl_that_is_left_out_is_that_of_the_directive() -> None:
    """RFC 2308 4: for all that follow, whatever the last record had."""
    assert read("$TTL 1h\na A 192.0.2.1\nb 5 A 192.0.2.1\nc A 192.0.2.1\n$TTL 7\nd A 192.0.2.1", ttl=None) == [
        "a.example. 3600 A 192.0.2.1",
        "b.example. 5 A 192.0.2.1",
        "c.example. 3600 A 192.0.2.1",
        "d.example. 7 A 192.0.2.1",
    ]


def test_a_ttl_that_is_left_out_is_the_last_one_without_a_directive() -> None:
    """RFC 1035 5.1."""
    assert read("a 5 A 192.0.2.1\nb A 192.0.2.1\nc (7 A 192.0.2.1)\nd A 192.0.2.1", ttl=None) == [
        "a.example. 5 A 192.0.2.1",
        "b.example. 5 A 192.0.2.1",
        "c.example. 7 A 192.0.2.1",
        "d.example. 7 A 192.0.2.1",
    ]


def test_the_minimum_of_the_soa_counts_where_there_is_no_ttl_at_all() -> None:
    assert read("@ SOA ns admin 1 2 3 4 77\na A 192.0.2.1\nb 5 A 192.0.2.1\nc A 192.0.2.1", ttl=None) == [
        "example. 77 SOA ns.example. admin.example. 1 2 3 4 77",
        "a.example. 77 A 192.0.2.1",
        "b.example. 5 A 192.0.2.1",
        "c.example. 77 A 192.0.2.1",
    ]


def test_no_ttl_is_told_once() -> None:
    assert faults("a A 192.0.2.1\nb A 192.0.2.1\n", ttl=None) == ["1:3: no time to live, and no $TTL before (RFC 2308 4)"]


FAULTY = [
    # a line, and what is said of it
    ("w", "5:2: a type is missing"),
    ("w IN", "5:5: a type is missing"),
    ("w A", "5:4: the address of A is missing"),
    ("w A 192.0.2.256", "5:5: '192.0.2.256' is no IPv4 address, such as 192.0.2.1"),
    ("w A 192.0.2.1 192.0.2.2", "5:15: '192.0.2.2' follows where the record should end"),
    ('w NS "a"', "5:6: the target of NS stands in quotes, where none belong"),
    ("w NS a b", "5:8: 'b' follows where the record should end"),
    ("w 60 60 A 192.0.2.1", "5:6: '60' is no type"),
    ("w IN IN A 192.0.2.1", "5:6: 'IN' is no type"),
    ("w CH A 192.0.2.1", "5:3: a record of class CH in a zone of class IN"),
    ("w BOGUS 192.0.2.1", "5:3: 'BOGUS' is no type"),
    ("w 5x A 192.0.2.1", "5:3: '5x' is no time: seconds, or such as 1h30m"),
    ("w 2147483648 A 192.0.2.1", "5:3: a time to live of 2147483648 seconds; at most 2147483647 (RFC 2181 8)"),
    ("w TYPE251 \\# 0", "5:3: IXFR is no type of record that a zone can have"),
    ("w OPT \\# 0", "5:3: OPT is no type of record that a zone can have"),
    ("w MD a", "5:3: MD is no type of record that a zone can have"),
    ("w SOA ns admin 1 2 3 4 5", "5:24: a SOA record at w.example.: it belongs to the zone's own name, example. (RFC 1035 5.2)"),
    ("w.com. A 192.0.2.1", "5:1: w.com. is outside of the zone example. (RFC 1035 5.2)"),
    ("w。com。 A 192.0.2.1", "5:1: w.com. is outside of the zone example. (RFC 1035 5.2)"),
    ("wexample. A 192.0.2.1", "5:1: wexample. is outside of the zone example. (RFC 1035 5.2)"),
    ("a..b A 192.0.2.1", "5:1: an empty label in 'a..b': two dots in a row, or one at the start"),
    ('"w" A 192.0.2.1', "5:1: an owner stands in quotes, where none belong"),
    ('"" A 192.0.2.1', "5:1: an owner stands in quotes, where none belong"),
    (r"\256 A 192.0.2.1", r"5:1: \256 is no octet: 000 to 255 (RFC 1035 5.1)"),
    ('w TXT "a', "5:7: a quote that is not closed on its line"),
    ("w TXT a\\", "5:8: a backslash that nothing follows"),
    ("w A 192.0.2.1)", "5:14: a closing parenthesis that none has opened"),
    ("w A ( ) ) 192.0.2.1", "5:9: a closing parenthesis that none has opened"),
    ("w TXT a\0b", "5:8: the character U+0000 has no place here"),
    ("w TXT a\fb", "5:8: the character U+000C has no place here"),
    ("w A\u00a0192.0.2.1", "5:4: the character U+00A0 has no place here"),
    ('w TXT "a\rb"', "5:9: the character U+000D has no place here"),
    ("$ORIGIN", "5:8: a name is missing"),
    ("$ORIGIN a b", "5:11: 'b' follows where the record should end"),
    ("$TTL", "5:5: a time to live is missing"),
    ("$TTL x", "5:6: 'x' is no time: seconds, or such as 1h30m"),
    ("$FOO", "5:1: '$FOO' is no directive: there are $ORIGIN, $TTL, $INCLUDE and $GENERATE"),
    (" $TTL 5", "5:2: '$TTL' is no type"),
    ("$INCLUDE", "5:9: a file is missing"),
    ("$INCLUDE file", "5:10: $INCLUDE has nowhere to look: this is not read from a file"),
    ("$GENERATE 3-1 a A 192.0.2.1", "5:11: the range '3-1' leads nowhere: from the smaller to the larger number, at most 2147483647"),
    ("$GENERATE 1-2 a$ A", "5:19: the data is missing"),
    ("$GENERATE 1-2 a$ MX 10 b", "5:24: 'b' follows where the record should end"),
    ("$GENERATE 1-2 ${ A 192.0.2.1", "5:15: '${' has no modifiers such as ${0,3,d}"),
    ("$GENERATE 1-300 a$ A 192.0.2.$", "5:1: '192.0.2.256' is no IPv4 address, such as 192.0.2.1"),
    ('$GENERATE 1-2 a$ TXT "("', "5:1: a parenthesis that is not closed"),
    ("$GENERATE 0-1000000000 a$ A 192.0.2.1", "5:11: 1000000001 records by $GENERATE; a zone may have 1048576 made so in all"),
]


@pytest.mark.parametrize(("line", "said"), FAULTY)
def test_a_fault_is_told_with_its_place_and_the_rest_is_read(line: str, said: str) -> None:
    text = f"\n; comment\na A 192.0.2.1\n A 192.0.2.2\n{line}\nb A 192.0.2.3\nc A x\n"
    reader = ZoneReader(text, ORIGIN, ttl=60)
    seen: list[Entry] = []
    with pytest.raises(ZoneError) as caught:
        seen.extend(reader)
    first, last = caught.value.faults
    assert str(first).startswith(said)
    assert str(last) == "7:5: 'x' is no IPv4 address, such as 192.0.2.1"
    assert (1, 60, bytes((192, 0, 2, 3))) in [entry[1:] for entry in seen]


def test_places_in_an_entry_over_several_lines() -> None:
    assert faults("a A 192.0.2.1\nb TXT (x\n  y\n) ; z\nc (A\n\n    192.0.2 )\nd A 192.0.2.1\ne A y", file="zone") == [
        "zone:7:5: '192.0.2' is no IPv4 address, such as 192.0.2.1",
        "zone:9:5: 'y' is no IPv4 address, such as 192.0.2.1",
    ]


def test_a_parenthesis_that_stays_open_is_told_where_it_was_opened() -> None:
    assert faults("a A 192.0.2.1\nb TXT (x (y)\nc A 192.0.2.1\n\n") == ["2:7: a parenthesis that is not closed"]


def test_a_quote_that_stays_open_leaves_the_parentheses_as_they_are() -> None:
    assert faults('a TXT ( "x\n y" )\nb A x') == [
        "1:9: a quote that is not closed on its line",
        "3:5: 'x' is no IPv4 address, such as 192.0.2.1",
    ]


def test_a_faulty_owner_is_told_once_and_what_is_its_own_is_left_out() -> None:
    assert faults("a A 192.0.2.1\na..b A 192.0.2.2\n A 192.0.2.3\n A 192.0.2.4\n") == [
        "2:1: an empty label in 'a..b': two dots in a row, or one at the start"
    ]


def test_bytes_that_are_not_utf_8_are_told_with_their_place() -> None:
    said = "2:8: the byte 0xff is not UTF-8; as \\255 it would stand for itself"
    assert faults(b"a A 192.0.2.1 ; f\xfcr\nb TXT a\xff\xfe\nc A 192.0.2.1\n") == [said]
    assert faults(b'a A 192.0.2.1\nb TXT "\xff"\n') == [said]
    assert faults(b"a A 192.0.2.1\n\xff A 192.0.2.1\n") == ["2:1: the byte 0xff is not UTF-8; as \\255 it would stand for itself"]


def test_a_byte_order_mark_and_any_line_end() -> None:
    records = ["a.example. 60 A 192.0.2.1", 'b.example. 60 TXT "c"']
    assert read(b"\xef\xbb\xbfa A 192.0.2.1\r\nb TXT (\r\n c )") == records
    assert read(b"a A 192.0.2.1\nb TXT c") == records
    assert read([b"\xef\xbb", b"\xbfa A 192.0", b".2.1\nb TX", b"T c\n\n"]) == records
    assert read(b"") == read(b"\xef\xbb\xbf") == read([]) == []


def test_an_error_holds_all_faults_and_can_be_handed_on() -> None:
    with pytest.raises(ZoneError) as caught:
        read("a A x\nb A y\nc A z", file="zone")
    error = pickle.loads(pickle.dumps(caught.value))
    assert str(error) == str(caught.value) == "zone:1:5: 'x' is no IPv4 address, such as 192.0.2.1 (and 2 more faults)"
    assert [(fault.file, fault.line, fault.column) for fault in error.faults] == [("zone", 1, 5), ("zone", 2, 5), ("zone", 3, 5)]


def test_no_more_than_a_hundred_faults_are_told() -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield b"a A x\n" * 1000

    told = faults(endless())  # type: ignore[arg-type]
    assert len(told) == MAX_FAULTS + 1
    assert told[-1] == "100: the 100th fault: the rest is not read"


def test_other_classes_and_read_zone() -> None:
    (record,) = read_zone('version TXT "1"\n', Name.parse("bind."), cls=3, ttl=0)
    assert str(record) == 'version.bind. 0 CH TXT "1"'
    with pytest.raises(ZoneError, match=re.escape("a:1:9: a record of class IN in a zone of class CH")):
        list(read_zone('version IN TXT "1"\n', Name.parse("bind."), cls=3, ttl=0, file="a"))
    assert class_text(record.cls) == "CH"


# --- $INCLUDE


def files(**texts: str) -> Include:
    """What $INCLUDE finds."""

    def include(name: str, including: str) -> tuple[str, Iterable[bytes]]:
        if name not in texts:
            raise TextError(f"{name} is not there")
        return name, [texts[name].encode()]

    return include


def test_include() -> None:
    """RFC 1035 5.1: whatever origin the file sets ends with it; whose record is the last does too. A $TTL stays, as it does in BIND."""
    inner = " A 192.0.2.2\nx A 192.0.2.3\n$ORIGIN deep\nx A 192.0.2.4\n$TTL 7\n"
    text = "a A 192.0.2.1\n$INCLUDE inner\n A 192.0.2.5\n$INCLUDE inner sub ; here\nb A 192.0.2.6"
    assert read(text, include=files(inner=inner)) == [
        "a.example. 60 A 192.0.2.1",
        "a.example. 60 A 192.0.2.2",
        "x.example. 60 A 192.0.2.3",
        "x.deep.example. 60 A 192.0.2.4",
        "a.example. 7 A 192.0.2.5",
        "a.example. 7 A 192.0.2.2",
        "x.sub.example. 7 A 192.0.2.3",
        "x.deep.sub.example. 7 A 192.0.2.4",
        "b.example. 7 A 192.0.2.6",
    ]


def test_each_record_knows_its_file_and_line() -> None:
    text = "a A 192.0.2.1\nb TXT (x\ny)\n$INCLUDE inner\n$GENERATE 1-2 c$ A 192.0.2.$\nd A 192.0.2.1"
    reader = ZoneReader(text, ORIGIN, ttl=60, file="outer", include=files(inner="\nx A 192.0.2.1\ny A 192.0.2.1"))
    assert [(str(Name(owner)), reader.file, reader.line) for owner, *_ in reader] == [
        ("a.example.", "outer", 1),
        ("b.example.", "outer", 2),
        ("x.example.", "inner", 2),
        ("y.example.", "inner", 3),
        ("c1.example.", "outer", 5),
        ("c2.example.", "outer", 5),
        ("d.example.", "outer", 6),
    ]


def test_faults_in_and_about_included_files() -> None:
    texts = {"inner": "a A x\nb TXT (y", "again": "\n$INCLUDE outer", "self": "$INCLUDE self"}
    text = "$INCLUDE inner\n$INCLUDE none\n$INCLUDE again\n$INCLUDE self\n$INCLUDE inner a b\n$INCLUDE ( inner\n sub..\n)\nz A z"
    assert faults(text, file="outer", include=files(outer=text, **texts)) == [
        "inner:1:5: 'x' is no IPv4 address, such as 192.0.2.1",
        "inner:2:7: a parenthesis that is not closed",
        "outer:2:10: none is not there",
        "again:2:10: outer includes itself",
        "self:1:10: self includes itself",
        "outer:5:18: 'b' follows where the record should end",
        "outer:7:2: an empty label in 'sub..': two dots in a row, or one at the start",
        "outer:9:5: 'z' is no IPv4 address, such as 192.0.2.1",
    ]


def test_files_inside_each_other_have_a_bound() -> None:
    def deeper(name: str, including: str) -> tuple[str, Iterable[bytes]]:
        return f"{name}x", [b"$INCLUDE " + name.encode() + b"x\n"]

    (told,) = faults("$INCLUDE x\n", include=deeper)
    assert told == "xxxxxxxxxxx:1:10: files inside each other to a depth of 10 at most, and 10000 in all"


def test_files_have_a_bound_in_all() -> None:
    count = 0

    def include(name: str, including: str) -> tuple[str, Iterable[bytes]]:
        nonlocal count
        count += 1
        return f"{including}/{count}", [b"$INCLUDE y\n" * 100]

    told = faults("$INCLUDE x\n", include=include)
    assert told[0].endswith("files inside each other to a depth of 10 at most, and 10000 in all")
    assert count <= 10_000


# --- $GENERATE


def test_generate() -> None:
    text = """\
$GENERATE 1-2 host-$ A 192.0.2.$
$GENERATE 0-16/16 ${0,3,n} 5 IN PTR host-${0,2,x}
$GENERATE 1-2 @ IN 1m MX "$ mail$"
a$ TXT a
""".replace("a$ TXT a", " TXT 'still'")
    assert read("first A 192.0.2.9\n" + text) == [
        "first.example. 60 A 192.0.2.9",
        "host-1.example. 60 A 192.0.2.1",
        "host-2.example. 60 A 192.0.2.2",
        "0.0.example. 5 PTR host-00.example.",
        "0.1.example. 5 PTR host-10.example.",
        "example. 60 MX 1 mail1.example.",
        "example. 60 MX 2 mail2.example.",
        "first.example. 60 TXT \"'still'\"",
    ]


def test_all_that_is_generated_has_a_bound_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zonereader, "MAX_GENERATED", 1000)
    reader = ZoneReader("$GENERATE 1-600 a$ A 192.0.2.1\n" * 2, ORIGIN, ttl=60)
    with pytest.raises(ZoneError, match=r"^2:11: 600 records by \$GENERATE; a zone may have 1000 made so in all$"):
        assert sum(1 for _ in reader) == 600


# --- bounds


def test_memory_does_not_grow_with_the_file() -> None:
    def pieces() -> Iterator[bytes]:
        for number in range(300):
            yield b"".join(b"host-%d-%d A 192.0.2.1\n" % (number, line) for line in range(100))

    tracemalloc.start()
    try:
        assert sum(1 for _ in ZoneReader(pieces(), ORIGIN, ttl=60)) == 30_000
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("piece", [b"a" * 65536, b"( a\n" * 1000, b'a TXT "' + b"a" * 65536], ids=["a line", "a parenthesis", "a string"])
def test_an_entry_without_end_is_given_up(piece: bytes) -> None:
    def pieces() -> Iterator[bytes]:
        while True:
            yield piece

    assert faults(pieces(), file="zone")[-1] == (  # type: ignore[arg-type]
        f"zone:1: an entry of more than {MAX_ENTRY} characters; nothing behind it is read"
    )


@pytest.mark.parametrize("begin", [b"a A 192.0.2.1 ; ", b";", b"a TXT b "])
def test_what_stands_behind_a_line_too_long_is_not_lost_in_silence(begin: bytes) -> None:
    rest = [b"c" * (5 * MAX_ENTRY), b"\nd A 192.0.2.1\n"]
    for source in ([begin, *rest], [begin + rest[0] + rest[1]]):
        assert faults(source) == [f"1: an entry of more than {MAX_ENTRY} characters; nothing behind it is read"]  # type: ignore[arg-type]


def test_the_longest_data_is_read_and_more_is_refused() -> None:
    longest = "a TXT " + f'"{"x" * 255}" ' * 255 + f'"{"x" * 254}"'
    (entry,) = ZoneReader(longest, ORIGIN, ttl=60)
    assert len(entry[3]) == 65535
    assert faults(longest + ' "y"') == ["1:66054: 65537 bytes of data; a record holds at most 65535 (RFC 1035 3.2.1)"]


# --- both ways of reading

WORDS = [
    *("@", "a", "a.b", "*.a", "-", "a..b", ".", "b.example.", "b.com.", "A", "IN", "CH", "60", "1h", "5x", "$TTL", "$ORIGIN", "TXT"),
    *("MX", "NS", "CNAME", "AAAA", "SOA", "TYPE1", "TYPE65280", "OPT", "192.0.2.1", "192.0.2.01", "::1", "1::2::3", "10", "+1", "1_0"),
    *('"a b"', '"', '"a;b"', "\\", "\\097", "\\#", "4", "c0000201", "(", ")", ";", "=", "ü", "\x01", "a=b", 'a="b c"', "'", "in", "mx"),
]
LINES = st.lists(
    st.one_of(
        st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join),
        st.builds(
            "{}{}{}{} {}{}".format,
            st.sampled_from(["@", "a", "b.c", "", "300", "in", "*", "_x", "a/b"]),
            st.sampled_from([" ", "\t", " 300 ", " IN ", " in 5m ", " 5 IN ", " 5 5 ", " CH "]),
            st.sampled_from(["A", "a", "NS", "MX", "TXT", "AAAA", "CNAME", "HINFO", "SRV", "TYPE2", "CAA"]),
            st.sampled_from(["", " ", "\t"]),
            st.sampled_from(
                ["192.0.2.1", "a", "a.b.", "10 a", "10 a b", '"a b"', '"a" "b"', "::1", "0 0 5 a", 'a "b"', "a b ", "", "0 issue x"]
            ),
            st.sampled_from(["", " ", ";c", " ; ü", "\r", " \r", " ;\r", "\r;", "\r "]),
        ),
    ),
    max_size=8,
).map("\n".join)


def outcome(text: str) -> tuple[list[tuple[Entry, int]], list[str]]:
    """What reading gives: each record with its line, and the faults."""
    return outcome_of(ZoneReader(text, ORIGIN))


def outcome_of(reader: ZoneReader) -> tuple[list[tuple[Entry, int]], list[str]]:
    seen: list[tuple[Entry, int]] = []
    try:
        for entry in reader:
            seen.append((entry, reader.line))
    except ZoneError as error:
        return seen, [str(fault) for fault in error.faults]
    return seen, []


@given(LINES)
def test_the_fast_way_says_what_the_exact_one_says(text: str) -> None:
    fast = outcome(text)
    with mock.patch.object(zonereader, "PLAIN", re.compile(r"(?!)")):
        assert outcome(text) == fast


def test_plain_lines_take_the_fast_way() -> None:
    """Else the test above would compare the exact one with itself."""
    text = 'a 300 IN A 192.0.2.1\n\tAAAA ::1\nb MX 10 c\nc IN TXT "x y" ; z\r\nd NS a\n_x._tcp SRV 0 0 5 a\n'
    with mock.patch.object(ZoneReader, "_entry", side_effect=AssertionError):
        assert len(read(text)) == 6


@given(LINES, st.lists(st.integers(0, 200)))
def test_where_the_pieces_end_makes_no_difference(text: str, cuts: list[int]) -> None:
    data = text.encode()
    ends = [0, *sorted(cuts), len(data)]
    reader = ZoneReader([data[start:end] for start, end in pairwise(ends)], ORIGIN)
    assert outcome_of(reader) == outcome(text)


@given(st.one_of(st.binary(max_size=200), st.text(max_size=100).map(str.encode), LINES.map(str.encode)))
def test_any_bytes_give_records_or_faults_with_a_place(data: bytes) -> None:
    reader = ZoneReader(data, ORIGIN, file="zone")
    outcome_of(reader)
    assert all(fault.file == "zone" and fault.line for fault in reader.faults)
