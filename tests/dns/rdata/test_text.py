"""The text of records: what else may be written than BIND writes, and what is wrong is told with its place."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.dns.rdata.examples import EXAMPLES, WIRES
from wirespeak.dns.grammar import Tokens
from wirespeak.dns.names import Name
from wirespeak.dns.rdata import Rdata, read_rdata
from wirespeak.dns.rdata.table import ROWS
from wirespeak.dns.registry import type_number, type_text
from wirespeak.errors import RemoteProtocolError, TextError

EXAMPLE = Name.parse("example.")

SAME = [
    # what may be written, and what BIND makes of it
    ("AAAA", "2001:DB8:0:0::1", "2001:db8::1"),
    ("AAAA", "::ffff:c000:201", "::ffff:192.0.2.1"),
    ("SOA", "ns1 root\\.x 2024 1h 15m 1w 1d", "ns1.example. root\\.x.example. 2024 3600 900 604800 86400"),
    ("SOA", "( ns1 root ; who\n 2024 ; serial\n 3600 900\t604800 86400 )", "ns1.example. root.example. 2024 3600 900 604800 86400"),
    ("SOA", ". . 4294967295 1 1 1 4294967295", ". . 4294967295 1 1 1 4294967295"),
    ("MX", "10 @", "10 example."),
    ("MX", "0010 a", "10 a.example."),
    ("NS", r"\097bc", "abc.example."),
    ("NS", "a@b", r"a\@b.example."),
    ("TXT", r'"v=DKIM1; k=rsa" abc "q\"x\\y\001é" "a\;b"', r'"v=DKIM1; k=rsa" "abc" "q\"x\\y\001\195\169" "a;b"'),
    ("TXT", "a;b", '"a"'),
    ("HINFO", "PC Linux", '"PC" "Linux"'),
    ("CAA", r"128 tbs abc\"d", r'128 tbs "abc\"d"'),
    ("NAPTR", "1 1 u s \"\" .", '1 1 "u" "s" "" .'),
    ("WKS", "10.0.0.1 TCP smtp 80 25", "10.0.0.1 6 25 80"),
    ("WKS", "10.0.0.1 udp 53 domain", "10.0.0.1 17 53"),
    ("NSAP", "0x47.0005.80.005a00.0000.0001.e133.ffffff000161.00", "0x47000580005a0000000001e133ffffff00016100"),
    ("ATMA", "+61.2", "+612"),
    ("ATMA", "39.246f.00.0e7c.9c03.1200.0100.0012.0000.00", "39246f000e7c9c03120001000012000000"),
    ("EUI48", "0-0-5E-0-53-2A", "00-00-5e-00-53-2a"),
    ("NID", "10 0014:4fff:ff20:ee64", "10 14:4fff:ff20:ee64"),
    ("L64", "10 2001:0DB8:1140:1000", "10 2001:db8:1140:1000"),
    ("DS", "60485 RSASHA1 SHA-1 2bb183af5f22588179A53B0A 98631FAD1A292118", "60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118"),
    ("DNSKEY", "257 3 ecdsap256sha256 AA AA", "257 3 13 AAAA"),
    ("RRSIG", "TYPE1 RSASHA256 3 1 1048354263 20500101000000 2642 @ AAAA", "A 8 3 1 20030322173103 20500101000000 2642 example. AAAA"),
    ("NSEC", "host TYPE1234 nsec A A MX RRSIG", "host.example. A MX RRSIG NSEC TYPE1234"),
    ("NSEC3", "1 1 12 aabb 2t7b4g4vsa5smi47k61mv5bv1a22bojr", "1 1 12 AABB 2T7B4G4VSA5SMI47K61MV5BV1A22BOJR"),
    ("CERT", "1 1 8 AAAA", "PKIX 1 RSASHA256 AAAA"),
    ("CERT", "pkix 1 rsasha256 AAAA", "PKIX 1 RSASHA256 AAAA"),
    ("DSYNC", "CDS 1 5300 x.example.", "CDS NOTIFY 5300 x.example."),
    ("APL", "1:10.0.0.0/8 2:FF00:0:0:0:0:0:0:0/8", "1:10.0.0.0/8 2:ff00::/8"),
    ("A6", "127 ::ff foo", "127 ::1 foo.example."),
    ("LOC", "60 9 0.000 N 24 39 0.000 E 10.00m 20.00m 2000.00m 20.00m", "60 9 0.000 N 24 39 0.000 E 10.00m 20m 2000m 20m"),
    ("LOC", "60 9 N 24 39 E 10", "60 9 0.000 N 24 39 0.000 E 10.00m 1m 10000m 10m"),
    ("LOC", "1 N 2 W .5", "1 0 0.000 N 2 0 0.000 W 0.50m 1m 10000m 10m"),
    ("LOC", "1 N 2 W 5.", "1 0 0.000 N 2 0 0.000 W 5.00m 1m 10000m 10m"),
    ("LOC", "1 N 2 W 3.5m 1.5 0.05", "1 0 0.000 N 2 0 0.000 W 3.50m 1m 0.05m 10m"),
    ("LOC", "1 N 2 W 1 19m 99m 999m", "1 0 0.000 N 2 0 0.000 W 1.00m 10m 90m 900m"),
    ("SVCB", "16 foo.example.org. alpn=h2,h3-19 mandatory=ipv4hint,alpn ipv4hint=192.0.2.1",
     '16 foo.example.org. mandatory=alpn,ipv4hint alpn="h2,h3-19" ipv4hint=192.0.2.1'),
    ("SVCB", r"16 foo.example.org. alpn=f\\\092oo\092,bar,h2", r'16 foo.example.org. alpn="f\\\\oo\\,bar,h2"'),
    ("SVCB", '1 . alpn="a b"', r'1 . alpn="a\032b"'),
    ("SVCB", r"1 foo key1=\002h2", '1 foo.example. alpn="h2"'),
    ("SVCB", "1 foo ipv6hint=2001:db8:ffff:ffff:ffff:ffff:198.51.100.100",
     "1 foo.example. ipv6hint=2001:db8:ffff:ffff:ffff:ffff:c633:6464"),
    ("SVCB", '1 . ech="AAAA" key9=""', "1 . ech=AAAA key9"),
    ("TYPE261", '"a"', '"a"'),
    ("TYPE1", r"\# 4 0a000001", "10.0.0.1"),
    ("A", r"\# 4 0a 00 0001", "10.0.0.1"),
]  # fmt: skip


@pytest.mark.parametrize(("type", "text", "canonical"), SAME)
def test_other_ways_to_write_it(type: str, text: str, canonical: str) -> None:
    rdata = Rdata.parse(type, text, EXAMPLE)
    assert str(rdata) == canonical
    assert Rdata.parse(type, canonical) == rdata


WRONG = [
    # type, text, line and column, what is told
    ("A", "192.0.2", 1, 1, "'192.0.2' is no IPv4 address"),
    ("A", "192.0.2.01", 1, 1, "is no IPv4 address"),
    ("A", "192.0.2.256", 1, 1, "is no IPv4 address"),
    ("A", "192.0.2.1.", 1, 1, "is no IPv4 address"),
    ("A", '"192.0.2.1"', 1, 1, "the address of A stands in quotes, where none belong"),
    ("A", "", 1, 1, "the address of A is missing"),
    ("A", "192.0.2.1 192.0.2.2", 1, 11, "'192.0.2.2' follows where the record should end"),
    ("AAAA", "2001:db8", 1, 1, "is no IPv6 address"),
    ("AAAA", "1::2::3", 1, 1, "is no IPv6 address"),
    ("AAAA", "1:2:3:4:5:6:7:8::", 1, 1, "is no IPv6 address"),
    ("AAAA", "1::2:3:4:5:6:7:8", 1, 1, "is no IPv6 address"),
    ("AAAA", "1:2:3:4:5:6:7", 1, 1, "is no IPv6 address"),
    ("AAAA", ":1:2:3:4:5:6:7", 1, 1, "is no IPv6 address"),
    ("AAAA", ":::", 1, 1, "is no IPv6 address"),
    ("AAAA", "12345::", 1, 1, "is no IPv6 address"),
    ("AAAA", "::1.2.3", 1, 1, "'::1.2.3' is no IPv6 address"),
    ("AAAA", "::%eth0", 1, 1, "is no IPv6 address"),
    ("NS", "a..b", 1, 1, "an empty label"),
    ("NS", "a" * 64, 1, 1, "a label of more than 63 bytes"),
    ("NS", '"foo"', 1, 1, "the target of NS stands in quotes"),
    ("NS", 'a="b c"', 1, 1, "the target of NS stands in quotes"),
    ("NS", r"\300", 1, 1, r"\300 is no octet"),
    ("MX", "10", 1, 3, "the exchange of MX is missing"),
    ("MX", "65536 a", 1, 1, "the preference of MX is 65536, which is out of range: 0 to 65535"),
    ("MX", "-1 a", 1, 1, "'-1' is no number, which the preference of MX should be"),
    ("MX", "1_0 a", 1, 1, "is no number"),
    ("MX", "0x1 a", 1, 1, "is no number"),
    ("MX", "٣ a", 1, 1, "is no number"),
    ("MX", "9" * 5000 + " a", 1, 1, "is no number"),
    ("MX", "10 a b", 1, 6, "'b' follows where the record should end"),
    ("SOA", "( . .\n 1 1\n  1h1 1 1 )", 3, 3, "'1h1' is no time: seconds, or such as 1h30m"),
    ("SOA", ". . 1 4294967296 1 1 1", 1, 7, "4294967296 is out of range"),
    ("SOA", ". . 1d 1 1 1 1", 1, 5, "'1d' is no number, which the serial of SOA should be"),
    ("TXT", "", 1, 1, "the strings of TXT is missing"),
    ("TXT", "a " + "b" * 256, 1, 3, "a string of 256 bytes; at most 255"),
    ("TXT", r"a \256", 1, 3, r"\256 is no octet: 000 to 255"),
    ("TXT", r"a\1 b", 1, 1, "fewer than three digits"),
    ("TXT", 'k="a b"', 1, 1, "quotes that begin inside a word: put the whole in quotes"),
    ("TXT", 'a "b', 1, 3, "a quote, or a backslash, that nothing follows"),
    ("TXT", "(a", 1, 3, "a parenthesis that is not closed"),
    ("TXT", "a)", 1, 2, "a closing parenthesis that none has opened"),
    ("TXT", "a\nb", 2, 1, "more than one line, and no parentheses around them"),
    ("X25", "31a", 1, 1, "is no X.121 address"),
    ("DS", "1 8 2 D4B7", 1, 7, "2 bytes, where there should be 32"),
    ("DS", "1 8 9 D4B", 1, 7, "'D4B' is no hexadecimal"),
    ("DS", "1 8 9", 1, 6, "the digest of DS is missing"),
    ("DS", "1 NOSUCH 2 D4B7", 1, 3, "'NOSUCH' is no number, which the algorithm of DS should be"),
    ("DNSKEY", "257 3 8 AAA", 1, 9, "'AAA' is no base64"),
    ("DNSKEY", "257 3 8 AAB=", 1, 9, "'AAB=' is no end of base64"),
    ("DNSKEY", "257 3 8 AAAA AA=A", 1, 14, "is no base64"),
    ("DNSKEY", "257 3 8 A*AA", 1, 9, "is no base64"),
    ("DNSKEY", "257 3 8", 1, 8, "the key of DNSKEY is missing"),
    ("DNSKEY", '257 3 8 "AAAA"', 1, 9, "stands in quotes"),
    ("RRSIG", "A 5 3 1 20030332173103 20030220173103 2642 . AAAA", 1, 9, "day is out of range for month"),
    ("RRSIG", "A 5 3 1 2003032217310 20030220173103 2642 . AAAA", 1, 9, "is no time: YYYYMMDDHHmmSS"),
    ("RRSIG", "A 5 3 1 21070101000000 20030220173103 2642 . AAAA", 1, 9, "is out of range: the years 1970 to 2106"),
    ("RRSIG", "A 5 3 1 19691231235959 20030220173103 2642 . AAAA", 1, 9, "is out of range: the years 1970 to 2106"),
    ("RRSIG", "A 5 3 1 4294967296 20030220173103 2642 . AAAA", 1, 9, "4294967296 is out of range"),
    ("RRSIG", "NOSUCH 5 3 1 1 1 2642 . AAAA", 1, 1, "'NOSUCH' is no type"),
    ("NSEC", "host", 1, 5, "the types of NSEC is missing"),
    ("NSEC", "host A TYPE65536", 1, 8, "'TYPE65536' is no type"),
    ("NSEC", "host A CLASS1", 1, 8, "'CLASS1' is no type"),
    ("NXT", "host A TYPE128", 1, 8, "a type that NXT has no bit for"),
    ("NSEC3", "1 1 12 - 2T7B4G4VSA5SMI47K61MV5BV1A22BOJ", 1, 10, "is no base32"),
    ("NSEC3", "1 1 12 - 2T7B4G4W", 1, 10, "is no base32"),
    ("NSEC3", "1 1 12 - 2T7B4G4V A", 1, 10, "5 bytes, where there should be 20"),
    ("NSEC3", "1 1 12 abc 2T7B4G4V A", 1, 8, "'abc' is no hexadecimal"),
    ("CAA", "256 a b", 1, 1, "the flags of CAA is 256, which is out of range: 0 to 255"),
    ("CAA", '0 iss-ue "x"', 1, 3, "is no tag of ASCII letters and digits"),
    ("CAA", '0 "" "x"', 1, 3, "the tag of CAA stands in quotes"),
    ("CAA", "0 issue", 1, 8, "the value of CAA is missing"),
    ("NAPTR", '1 1 "" "" "abc" .', 1, 11, "is no substitution expression"),
    ("NAPTR", '1 1 "" "" "!a!b!ig" .', 1, 11, "is no substitution expression"),
    ("NSAP", "47", 1, 1, "'47' does not begin with 0x"),
    ("NSAP", "0x", 1, 1, "0 bytes, where there should be 1 or more"),
    ("ATMA", "+", 1, 1, "'+' is no E.164 number"),
    ("ATMA", "4z", 1, 1, "is no hexadecimal"),
    ("WKS", "10.0.0.1 6 nosuch", 1, 12, "'nosuch' is no port"),
    ("WKS", "10.0.0.1 6 65536", 1, 12, "a port that is out of range"),
    ("APL", "1:10.0.0.0/8 3:1234/8", 1, 14, "'3:1234/8' is no prefix"),
    ("APL", "1:1.2.3.4/33", 1, 1, "an address of that family has 32 bits"),
    ("APL", "1:1.2.3/24", 1, 1, "'1.2.3' is no IPv4 address"),
    ("EUI48", "00-00-5e-00-53", 1, 1, "is not of the form 01-02-03-04-05-06 (RFC 7043 3.2)"),
    ("NID", "10 0014:4fff:ff20", 1, 4, "is not of the form 102:304:506:708"),
    ("LOC", "91 N 2 W 3", 1, 4, "an angle of more than 90 degrees"),
    ("LOC", "90 0 0.001 N 2 W 3", 1, 12, "an angle of more than 90 degrees"),
    ("LOC", "1 60 N 2 W 3", 1, 3, "60 is out of range: 0 to 59"),
    ("LOC", "1 0 0.0005 N 2 W 3", 1, 5, "is no part of the latitude of LOC"),
    ("LOC", "1 0 0 0 N 2 W 3", 1, 7, "is no part of the latitude of LOC"),
    ("LOC", "1 N 2 X 3", 1, 7, "is no part of the longitude of LOC"),
    ("LOC", "N 2 W 3", 1, 1, "the latitude of LOC has no degrees"),
    ("LOC", "1 N 2 W", 1, 8, "the altitude of LOC is missing"),
    ("LOC", "1 N 2 W 42849672.96m", 1, 9, "is out of range: -100000.00m to 42849672.95m"),
    ("LOC", "1 N 2 W 3 90000001", 1, 11, "is out of range: 0.00m to 90000000.00m"),
    ("LOC", "1 N 2 W 3cm", 1, 9, "is no length in metres"),
    ("LOC", "1 N 2 W .", 1, 9, "is no length in metres"),
    ("A6", "129 foo", 1, 1, "129 is out of range: 0 to 128"),
    ("HIP", "2 01", 1, 5, "the key of HIP is missing"),
    ("HIP", "2 01 Ag== a..b", 1, 11, "an empty label"),
    ("HIP", "2 " + "00" * 256 + " Ag==", 1, 516, "a tag of 1 to 255 bytes"),
    ("IPSECKEY", "10 4 0 foo", 1, 8, "the gateway of IPSECKEY is of an unknown type"),
    ("IPSECKEY", "10 0 0 foo", 1, 8, "'foo' where a dot should stand"),
    ("IPSECKEY", "10 1 2 foo AAAA", 1, 8, "'foo' is no IPv4 address"),
    ("AMTRELAY", "10 2 1 192.0.2.1", 1, 6, "the relay type of AMTRELAY is out of range"),
    ("AMTRELAY", "10 0 4 .", 1, 8, "the relay of AMTRELAY is of an unknown type"),
    ("ZONEMD", "1 1 1 FEBE", 1, 7, "2 bytes, where there should be 48"),
    ("SVCB", "1 . port=53 port=54", 1, 13, "port twice"),
    ("SVCB", "1 . key3=\\000\\053 port=54", 1, 19, "port twice"),
    ("SVCB", "1 . PORT=53", 1, 5, "'PORT=53' is no parameter: key=value, the key in lower case"),
    ("SVCB", "1 . key00007=x", 1, 5, "'key00007' is no key of a parameter"),
    ("SVCB", "1 . key65536=x", 1, 5, "is no key of a parameter"),
    ("SVCB", '1 . "port=53"', 1, 5, "is no parameter"),
    ("SVCB", '1 . key9=a"b"', 1, 11, "is no parameter"),
    ("SVCB", "1 . port", 1, 5, "'' is no port"),
    ("SVCB", "1 . port=65536", 1, 5, "'65536' is no port: 0 to 65535"),
    ("SVCB", "1 . alpn", 1, 5, "alpn: no list of protocols"),
    ("SVCB", "1 . alpn=h2,", 1, 5, "a list with an empty item"),
    ("SVCB", "1 . alpn=" + "a" * 256, 1, 5, "a protocol of more than 255 bytes"),
    ("SVCB", "1 . no-default-alpn", 1, 5, "no-default-alpn without alpn"),
    ("SVCB", "1 . alpn=h2 no-default-alpn=x", 1, 13, "no-default-alpn: a value, where none belongs"),
    ("SVCB", "1 . mandatory=mandatory", 1, 5, "mandatory: mandatory, which goes without saying"),
    ("SVCB", "1 . mandatory=port", 1, 5, "port is mandatory, and missing"),
    ("SVCB", "1 . mandatory=alpn,alpn alpn=h2", 1, 5, "mandatory: keys out of order, or twice"),
    ("SVCB", "1 . ipv4hint=1.2.3", 1, 5, "'1.2.3' is no IPv4 address"),
    ("SVCB", "1 . ipv6hint=", 1, 5, "ipv6hint: no list of addresses"),
    ("SVCB", "1 . dohpath=/q", 1, 5, "dohpath: no path with a variable dns"),
    ("NULL", "abc", 1, 1, r"NULL has no text but \#"),
    ("TYPE731", "abcd", 1, 1, r"an unknown type has no text but \#"),
    ("TYPE731", r"\# 3 abcd", 1, 6, "2 bytes of data, where 3 are announced"),
    ("TYPE731", r"\# 3", 1, 4, "0 bytes of data, where 3 are announced"),
    ("TYPE731", r"\# 65536 00", 1, 4, "out of range"),
    ("TYPE731", r"\#", 1, 3, "the number of bytes is missing"),
    ("A", r"\# 3 0a0000", 1, 1, "no data of type A: A: address: the data ends inside an IPv4 address"),
    ("MX", r"\# 4 000a c000", 1, 1, "no data of type MX: a name in it is compressed"),
]  # fmt: skip


@pytest.mark.parametrize(("type", "text", "line", "column", "message"), WRONG)
def test_what_is_wrong_and_where(type: str, text: str, line: int, column: int, message: str) -> None:
    with pytest.raises(TextError) as caught:
        Rdata.parse(type, text)
    assert (caught.value.line, caught.value.column) == (line, column), caught.value
    assert message in caught.value.args[0]


def test_a_record_too_long() -> None:
    with pytest.raises(TextError, match="65792 bytes of data; a record holds at most 65535"):
        Rdata.parse("TXT", f"{'a' * 255} " * 257)


@pytest.mark.parametrize(("type", "text", "wire"), EXAMPLES)
def test_every_beginning_of_a_text_is_scanned_or_refused(type: str, text: str, wire: str) -> None:
    """Whatever is left out at the end, there is no other error than `TextError`, and it tells where."""
    for size in range(len(text)):
        rdata = parse(type_number(type), text[:size])
        assert isinstance(rdata, Rdata) or (rdata.line == 1 and 1 <= rdata.column <= size + 1)


# --- whatever comes

KNOWN = sorted(ROWS)


def read(number: int, data: bytes) -> Rdata | RemoteProtocolError:
    try:
        return read_rdata(number, data, 0, len(data))
    except RemoteProtocolError as error:
        return error


def parse(number: int, text: str) -> Rdata | TextError:
    try:
        return Rdata.parse(number, text, EXAMPLE)
    except TextError as error:
        return error


@given(st.sampled_from(KNOWN), st.binary(max_size=80))
def test_any_bytes(number: int, data: bytes) -> None:
    """They are refused, or have a text that says the same, and values that make the same."""
    rdata = read(number, data)
    if isinstance(rdata, RemoteProtocolError):
        assert rdata.offset is not None
        assert 0 <= rdata.offset <= len(data)
    else:
        assert rdata.wire == data
        assert Rdata.parse(number, rdata.text()).wire == data


@st.composite
def mutated(draw: st.DrawFn) -> tuple[int, bytes]:
    type, wire = draw(st.sampled_from(WIRES))
    data = bytearray(wire)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(data)))
        data[at : at + draw(st.integers(0, 2))] = draw(st.binary(max_size=2))
    return type_number(type), bytes(data)


@given(mutated())
def test_examples_with_other_bytes(changed: tuple[int, bytes]) -> None:
    number, data = changed
    message = b"\1a\0" + data + b"\0"
    rdata = read(number, data)
    if isinstance(rdata, Rdata):
        assert rdata.wire == data
        assert Rdata.parse(number, rdata.text()).wire == data
        assert read_rdata(number, message, 3, 3 + len(data)).wire == data
        assert len(rdata.canonical) == len(data)
        assert Rdata(number, rdata.canonical) == rdata


WORDS = r"""1 0 65536 a a.b. @ "a\ b" "" \# 00 AAAA 192.0.2.1 ::1 ( ) ; \ " N E alpn=h2 port TYPE9 - 0x00 +1 1:0.0.0.0/0 1h = . 00-00
    20200101000000 k="v" é \000 . !1:0.0.0.0/0 TCP"""
words = st.sampled_from([*WORDS.split(), "\n", "\0", '"a b"'])


@given(st.sampled_from(KNOWN), st.lists(words, max_size=12))
@example(15, ["1", "\\"])
def test_any_words(number: int, text: list[str]) -> None:
    """They are refused with a place, or have bytes that are read again as the same."""
    rdata = parse(number, " ".join(text))
    if isinstance(rdata, TextError):
        assert rdata.line >= 1
        assert rdata.column >= 1
    else:
        assert read_rdata(number, rdata.wire, 0, len(rdata.wire)).wire == rdata.wire
        assert Rdata.parse(type_text(number), rdata.text()).wire == rdata.wire
        assert Rdata.parse(number, rdata.text(EXAMPLE), EXAMPLE).wire == rdata.wire


def test_words_are_taken_one_record_at_a_time() -> None:
    """The words may be those of an entry of a zone file, of which some are taken."""
    words_ = Tokens.of("www A 192.0.2.1")
    assert words_.take("a name").text == "www"
    assert words_.take("a type").text == "A"
    assert str(Rdata.parse("A", words_)) == "192.0.2.1"
    assert not words_
