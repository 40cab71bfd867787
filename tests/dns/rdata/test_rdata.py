"""Records of every type: from and to bytes, values and text."""

from __future__ import annotations

import copy
import pickle
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest

from tests.dns.rdata.examples import EXAMPLES, WIRES
from wirespeak.dns.names import Name
from wirespeak.dns.rdata import Rdata, read_rdata, row_of
from wirespeak.dns.rdata.table import ROWS
from wirespeak.dns.registry import Type, type_number, type_text
from wirespeak.errors import RemoteProtocolError, TextError

EXAMPLE = Name.parse("example.")


def test_there_is_an_example_of_every_type() -> None:
    assert {type_text(number) for number in ROWS} == {type for type, _, _ in EXAMPLES} - {"TYPE731"}


def test_every_type_of_the_registry_that_a_zone_holds_has_a_row() -> None:
    assert {int(type) for type in Type if not type.is_meta} <= set(ROWS)


@pytest.mark.parametrize(("type", "text", "wire"), EXAMPLES)
def test_text_and_bytes_of_each_example(type: str, text: str, wire: str) -> None:
    rdata = Rdata.parse(type, text)
    assert rdata.wire.hex() == wire
    assert str(rdata) == text


@pytest.mark.parametrize(("type", "wire"), WIRES)
def test_bytes_within_a_message(type: str, wire: bytes) -> None:
    """Bytes before and behind the data make no difference."""
    assert read_rdata(type_number(type), wire, 0, len(wire)).wire == wire
    assert read_rdata(type_number(type), b"\7example\0" + wire + b"\0\1", 9, 9 + len(wire)).wire == wire


@pytest.mark.parametrize(("type", "wire"), WIRES)
def test_the_generic_form(type: str, wire: bytes) -> None:
    r"""Any type may be written as \# and its bytes (RFC 3597 5)."""
    number = type_number(type)
    assert Rdata.parse(number, rf"\# {len(wire)} {wire.hex(' ')}") == Rdata(number, wire)
    assert Rdata.parse(f"TYPE{number}", rf"( \# {len(wire)} ; comment" + f"\n{wire.hex()})").wire == wire


# A location of an unknown version is passed on, and nothing is known of what it holds (RFC 1876 2).
WITH_FIELDS = [(type, wire) for type, wire in WIRES if type != "LOC" or not wire[0]]


@pytest.mark.parametrize(("type", "wire"), WITH_FIELDS)
def test_values(type: str, wire: bytes) -> None:
    """What the fields hold makes the data anew; of HIP without the lengths."""
    number = type_number(type)
    values = Rdata(number, wire).fields
    if type == "HIP":
        values = {name: value for name, value in values.items() if not name.endswith("_length")}
    assert Rdata.of(number, *values.values()).wire == wire


@pytest.mark.parametrize(("type", "wire"), WIRES)
def test_every_beginning_is_read_or_refused(type: str, wire: bytes) -> None:
    """What ends too early makes no other error than `RemoteProtocolError`; what is read has a text that says the same."""
    number = type_number(type)
    faults = []
    for size in range(len(wire)):
        try:
            rdata = read_rdata(number, wire[:size], 0, size)
        except RemoteProtocolError as error:
            faults.append((error, size))
        else:
            assert Rdata.parse(number, rdata.text()).wire == rdata.wire == wire[:size]
    for error, size in faults:
        assert error.code == 1
        assert error.offset is not None
        assert 0 <= error.offset <= size
        assert error.clause


@pytest.mark.parametrize(("type", "wire"), WIRES)
def test_what_is_cut_off_within_a_message_is_not_read_beyond(type: str, wire: bytes) -> None:
    """The same where the message goes on behind the data."""
    number = type_number(type)
    for size in range(len(wire)):
        try:
            alone = read_rdata(number, wire[:size], 0, size).wire
        except RemoteProtocolError:
            with pytest.raises(RemoteProtocolError):
                read_rdata(number, wire, 0, size)
        else:
            assert read_rdata(number, wire, 0, size).wire == alone


FIELDS: list[tuple[str, str, dict[str, Any]]] = [
    ("A", "192.0.2.1", {"address": IPv4Address("192.0.2.1")}),
    ("AAAA", "2001:db8::1", {"address": IPv6Address("2001:db8::1")}),
    ("MX", "10 mail.example.", {"preference": 10, "exchange": Name.parse("mail.example.")}),
    ("TXT", '"a b" c', {"strings": (b"a b", b"c")}),
    ("SRV", "1 2 53 ns.example.", {"priority": 1, "weight": 2, "port": 53, "target": Name.parse("ns.example.")}),
    ("NSEC", "b.example. A TYPE731", {"next": Name.parse("b.example."), "types": (1, 731)}),
    ("NSEC3PARAM", "1 0 5 AB", {"algorithm": 1, "flags": 0, "iterations": 5, "salt": b"\xab"}),
    ("HTTPS", "1 . alpn=h2 port=8443", {"priority": 1, "target": Name.parse("."), "params": {1: b"\2h2", 3: b"\x20\xfb"}}),
    ("IPSECKEY", "10 0 0 .", {"precedence": 10, "gateway_type": 0, "algorithm": 0, "gateway": None, "key": b""}),
    ("CAA", '0 issue "ca.example"', {"flags": 0, "tag": b"issue", "value": b"ca.example"}),
    ("LOC", "1 N 2 W 3", {
        "version": 0, "size": 100, "horizontal_precision": 1_000_000, "vertical_precision": 1000,
        "latitude": 3_600_000, "longitude": -7_200_000, "altitude": 300,
    }),
]  # fmt: skip


@pytest.mark.parametrize(("type", "text", "fields"), FIELDS)
def test_fields_by_name(type: str, text: str, fields: dict[str, Any]) -> None:
    rdata = Rdata.parse(type, text)
    assert rdata.fields == fields
    for name, value in fields.items():
        assert getattr(rdata, name) == value


def test_a_field_that_there_is_not() -> None:
    rdata = Rdata.parse("MX", "10 mail.example.")
    with pytest.raises(AttributeError, match="MX has no field 'address'"):
        _ = rdata.address


def test_copies() -> None:
    rdata = Rdata.parse("MX", "10 mail.example.")
    assert copy.copy(rdata) == rdata
    assert pickle.loads(pickle.dumps(rdata)) == rdata


def test_values_may_be_text() -> None:
    assert str(Rdata.of("MX", 10, "mail.example")) == "10 mail.example."
    assert str(Rdata.of("A", "192.0.2.1")) == "192.0.2.1"
    assert str(Rdata.of("AAAA", "2001:DB8::")) == "2001:db8::"
    assert str(Rdata.of("TXT", "één")) == r'"\195\169\195\169n"'
    assert str(Rdata.of("TXT", ["a", b"b"])) == '"a" "b"'
    assert str(Rdata.of("NSEC", "a.example", ["A", 28])) == "a.example. A AAAA"
    assert str(Rdata.of("HTTPS", 1, ".", {3: b"\0\x50", 1: b"\2h2"})) == '1 . alpn="h2" port=80'
    assert str(Rdata.of("EUI48", "00-00-5e-00-53-2a")) == "00-00-5e-00-53-2a"
    assert str(Rdata.of("HIP", 2, b"\1", b"\2", ["rvs.example"])) == "2 01 Ag== rvs.example."


WRONG_VALUES: list[tuple[str, tuple[Any, ...], str]] = [
    ("MX", (10,), r"MX has 2 fields \(preference, exchange\), not 1"),
    ("MX", (65536, "a"), "65536 is out of range: 0 to 65535"),
    ("MX", (-1, "a"), "-1 is out of range: 0 to 65535"),
    ("TXT", ("a" * 256,), r"a string of 256 bytes; at most 255 \(RFC 1035 3.3\)"),
    ("TXT", ((),), "no string, where there should be one or more"),
    ("TXT", (("a" * 255,) * 257,), "65792 bytes of data; a record holds at most 65535"),
    ("DS", (1, 8, 2, b"\0"), "1 bytes, where there should be 32"),
    ("DNSKEY", (256, 3, 8, b""), "0 bytes, where there should be 1 or more"),
    ("NSEC3PARAM", (1, 0, 0, bytes(256)), "256 bytes, where there should be 0 to 255"),
    ("NSEC", (".", [65536]), "65536 is no type: 0 to 65535"),
    ("NSEC", (".", []), "no types, where there should be one or more"),
    ("NXT", (".", [128]), "a type that NXT has no bit for"),
    ("WKS", ("192.0.2.1", 6, [65536]), "a port that is out of range"),
    ("EUI48", (b"\0",), "1 bytes, where there should be 6"),
    ("EUI48", ("00-00",), "'00-00' is not of the form 01-02-03-04-05-06"),
    ("CAA", (0, "a-b", ""), "is no tag of ASCII letters and digits"),
    ("HTTPS", (1, ".", {3: b"\0"}), "port: no port of two bytes"),
    ("HTTPS", (1, ".", {0: b"\0\1"}), "alpn is mandatory, and missing"),
    ("HTTPS", (1, ".", {70000: b""}), "above 65535"),
    ("LOC", (0, 100, 100, 100, 90 * 3_600_000 + 1, 0, 0), "an angle of more than 90 degrees"),
    ("LOC", (0, 10**10, 100, 100, 0, 0, 0), "out of range"),
    ("A6", (129, None, "a"), "129 is out of range: 0 to 128"),
    ("HIP", (2, b"\1"), "HIP has 4 values"),
    ("HIP", (2, b"", b"\2", []), "a tag of 1 to 255 bytes"),
    ("APL", ([(1, 33, False, b"\1")],), "longer than the 32 bits"),
]


@pytest.mark.parametrize(("type", "values", "message"), WRONG_VALUES)
def test_values_that_do_not_fit(type: str, values: tuple[Any, ...], message: str) -> None:
    with pytest.raises(TextError, match=message):
        Rdata.of(type, *values)


# --- names: which may come compressed, which may be sent so, which are lower-cased (RFC 3597 4, RFC 4034 6.2, RFC 6840 5.1)

MESSAGE = b"\7EXAMPLE\0"
COMPRESSIBLE = "NS MD MF CNAME SOA MB MG MR PTR MINFO MX".split()
NAMES = [
    # type, the data with its names as a pointer to MESSAGE, whether that is read, whether they are lower-cased
    *((type, b"\xc0\0", True, True) for type in "NS MD MF CNAME MB MG MR PTR".split()),
    ("SOA", b"\xc0\0\1R\xc0\0" + bytes(20), True, True),
    ("MINFO", b"\xc0\0\xc0\0", True, True),
    ("RP", b"\xc0\0\xc0\0", True, True),
    *((type, b"\0\1\xc0\0", True, True) for type in "MX AFSDB RT".split()),
    ("PX", b"\0\1\xc0\0\xc0\0", True, True),
    ("SRV", b"\0\1\0\2\0\3\xc0\0", True, True),
    ("NAPTR", b"\0\1\0\2\1u\0\0\xc0\0", True, True),
    ("NXT", b"\xc0\0\x40", True, True),
    ("SIG", bytes(18) + b"\xc0\0\1", True, True),
    ("RRSIG", bytes(18) + b"\xc0\0\1", False, True),
    ("DNAME", b"\xc0\0", False, True),
    ("KX", b"\0\1\xc0\0", False, True),
    ("NSAP-PTR", b"\xc0\0", False, True),
    ("A6", b"\x80\xc0\0", False, True),
    ("NSEC", b"\xc0\0\0\1\x40", False, False),
    ("LP", b"\0\1\xc0\0", False, False),
    ("TALINK", b"\xc0\0\xc0\0", False, False),
    ("SVCB", b"\0\1\xc0\0", False, False),
    ("HTTPS", b"\0\1\xc0\0", False, False),
    ("HIP", b"\1\2\0\1ab\xc0\0", False, False),
    ("IPSECKEY", b"\1\3\2\xc0\0k", False, False),
    ("AMTRELAY", b"\1\3\xc0\0", False, False),
    ("DSYNC", b"\0\x3b\1\0\x35\xc0\0", False, False),
]


@pytest.mark.parametrize(("type", "data", "expanded", "lowered"), NAMES)
def test_names_in_data(type: str, data: bytes, expanded: bool, lowered: bool) -> None:
    number = type_number(type)
    whole = data.replace(b"\xc0\0", MESSAGE)
    message = MESSAGE + data
    if expanded:
        assert read_rdata(number, message, len(MESSAGE), len(message)).wire == whole
    else:
        with pytest.raises(RemoteProtocolError, match="compressed name") as caught:
            read_rdata(number, message, len(MESSAGE), len(message))
        assert caught.value.offset == message.index(b"\xc0\0")
    assert Rdata(number, whole).canonical == (whole.lower() if lowered else whole)
    if type == "SOA":
        assert row_of(number).compressible == (0, 2)
    elif type in COMPRESSIBLE:
        assert row_of(number).compressible == (data.index(b"\xc0\0"), data.count(b"\xc0\0"))
    else:
        assert row_of(number).compressible == (0, 0)


def test_every_type_with_names_is_listed_above() -> None:
    with_names = {
        type
        for type, wire in WITH_FIELDS
        for value in Rdata(type_number(type), wire).fields.values()
        if isinstance(value, Name) or (isinstance(value, tuple) and any(isinstance(one, Name) for one in value))
    }
    assert with_names - {"TSIG", "TKEY"} <= {type for type, *_ in NAMES}


def test_equality_ignores_the_case_of_names_of_the_older_types() -> None:
    assert Rdata.parse("MX", "10 A.example.") == Rdata.parse("MX", "10 a.EXAMPLE.")
    assert hash(Rdata.parse("MX", "10 A.example.")) == hash(Rdata.parse("MX", "10 a.EXAMPLE."))
    assert Rdata.parse("HTTPS", "1 A.example.") != Rdata.parse("HTTPS", "1 a.example.")
    assert Rdata.parse("TXT", "A") != Rdata.parse("TXT", "a")
    assert Rdata.parse("NS", "a.") != Rdata.parse("CNAME", "a.")
    assert Rdata.parse("NS", "a.") != "a."


def test_bytes_that_are_none_of_their_type_pass_through() -> None:
    """An update deletes by records of any type without data (RFC 2136 2.5.2)."""
    rdata = Rdata(Type.A, b"")
    assert str(rdata) == r"\# 0"
    assert rdata.canonical == b""
    assert repr(Rdata(Type.MX, b"\0")) == r"<MX \# 1 00>"
    assert hash(Rdata(Type.NS, b"\xff")) == hash(Rdata(Type.NS, b"\xff"))


def test_names_relative_to_an_origin() -> None:
    assert str(Rdata.parse("MX", "10 mail", EXAMPLE)) == "10 mail.example."
    assert Rdata.parse("MX", "10 mail", EXAMPLE).text(EXAMPLE) == "10 mail"
    assert Rdata.parse("SOA", "@ root 1 1h 15m 1w 1d", EXAMPLE).text(EXAMPLE) == "@ root 1 3600 900 604800 86400"
    assert Rdata.parse("HIP", "2 01 Ag== rvs @", EXAMPLE).text(EXAMPLE) == "2 01 Ag== rvs @"
    assert Rdata.parse("NSEC", "b A", EXAMPLE).text(EXAMPLE) == "b A"


WRONG_BYTES = [
    # type, bytes, what is told, where the fault is
    ("A", "c00002", "A: address: the data ends inside an IPv4 address", 0),
    ("A", "c000020100", "A: 1 bytes behind its last field", 4),
    ("NS", "0161", "ends inside a name", 2),
    ("NS", "016100ff", "NS: 1 bytes behind its last field", 3),
    ("NS", "c000", "a compression pointer that does not lead back", 0),
    ("MX", "000a", "MX: exchange", 2),
    ("SOA", "0000" + "00" * 19, "SOA: minimum: the data ends inside a number", 18),
    ("TXT", "", "TXT: strings: no string, where there should be one or more", 0),
    ("TXT", "016102", "TXT: strings: the data ends inside a string", 2),
    ("DS", "ec450802d4b7", "DS: digest: 2 bytes, where there should be 32", 4),
    ("DS", "ec450809", "DS: digest: 0 bytes, where there should be 1 or more", 4),
    ("RRSIG", "00010503000151803e7c9dd73e5510d70a5200", "RRSIG: signature: 0 bytes", 19),
    ("NSEC", "00", "NSEC: types: no types", 1),
    ("NSEC", "0000000140", "NSEC: types: a part of a set of types with 0 bytes", 2),
    ("NSEC", "0000020000", "a part of a set of types that ends in zeros", 4),
    ("NSEC", "000021" + "ff" * 33, "a part of a set of types with 33 bytes", 2),
    ("NSEC", "00010140000140", "part 0 of a set of types behind part 1", 4),
    ("NSEC", "00000140000140", "part 0 of a set of types behind part 0", 4),
    ("NSEC3", "0101000c0005174eb2409f", "NSEC3: next: 5 bytes, where there should be 20", 5),
    ("NSEC3PARAM", "0100000c04aabb", "NSEC3PARAM: salt: the data ends inside what is shorter than it says", 5),
    ("CAA", "0000", "CAA: tag: what is no tag of ASCII letters and digits", 1),
    ("CAA", "00012d", "CAA: tag: what is no tag of ASCII letters and digits", 1),
    ("ZONEMD", "7848b78c010101", "ZONEMD: digest: 1 bytes, where there should be 48", 6),
    ("ZONEMD", "7848b78c01f001", "ZONEMD: digest: 1 bytes, where there should be 12 or more", 6),
    ("SSHFP", "0101aa", "SSHFP: fingerprint: 1 bytes, where there should be 20", 2),
    ("NAPTR", "000100010000036162630 0".replace(" ", ""), "NAPTR: regexp: what is no substitution expression", 6),
    ("X25", "023131", "X25: address: what is no X.121 address", 0),
    ("LOC", "00aa25238ce82360854a10a000989a68", "LOC: size: a precision of 10 times", 1),
    ("LOC", "00052523" + "8ce82360854a10a000989a68", "LOC: size: a precision of 0 times", 1),
    ("LOC", "00232523ffffffff854a10a000989a68", "LOC: latitude: an angle of more than 90 degrees", 4),
    ("APL", "000108020100", "APL: prefixes: an address that ends in zeros", 5),
    ("APL", "0001210101", "a prefix longer than the 32 bits of its family", 2),
    ("APL", "00010805", "the data ends inside a prefix", 0),
    ("HIP", "00000000", "HIP: hit: 0 bytes", 4),
    ("HIP", "0102000161", "HIP: key: 0 bytes, where there should be 1", 5),
    ("IPSECKEY", "0a0400ff", "IPSECKEY: gateway: of an unknown type", 3),
    ("IPSECKEY", "0a0002", "IPSECKEY: key: 0 bytes, where there should be 1 or more", 3),
    ("A6", "81", "A6: prefix_length: a prefix of 129 bits", 0),
    ("A6", "7f02", "A6: suffix: bits of the prefix are set in the suffix", 1),
    ("ATMA", "00", "ATMA: address: no address of ATM", 0),
    ("ATMA", "0141", "ATMA: address: no address of ATM", 0),
    ("WKS", "0102030406" + "00", "WKS: ports: a set of ports", 5),
    ("WKS", "0102030406" + "ff" * 8193, "WKS: ports: a set of ports", 5),
    ("NXT", "0000", "NXT: types: a set of types with more than the first 128", 1),
    ("NXT", "00c001", "NXT: types", 1),
    ("NXT", "00" + "01" * 17, "NXT: types", 1),
    ("SVCB", "000100000300020035000100030268 32".replace(" ", ""), "SVCB: params: alpn behind port: keys have to rise", 9),
    ("SVCB", "0001000003000200350003000200 35".replace(" ", ""), "port behind port: keys have to rise", 9),
    ("SVCB", "00010000030001", "the data ends inside port", 3),
    ("SVCB", "0001000003", "the data ends inside a parameter", 3),
    ("SVCB", "000100000300010 0".replace(" ", ""), "port: no port of two bytes", 7),
    ("SVCB", "000100000100020361", "alpn: no list of protocols", 7),
    ("SVCB", "0001000001000100", "alpn: a protocol without a name", 7),
    ("SVCB", "00010000010000", "alpn: no list of protocols", 7),
    ("SVCB", "0001000001000302683200020001aa", "no-default-alpn: a value, where none belongs", 14),
    ("SVCB", "00010000020000", "no-default-alpn without alpn", 7),
    ("SVCB", "00010000040000", "ipv4hint: no list of addresses of 4 bytes each", 7),
    ("SVCB", "0001000006000401020304", "ipv6hint: no list of addresses of 16 bytes each", 7),
    ("SVCB", "000100000000020000", "mandatory: mandatory, which goes without saying", 7),
    ("SVCB", "0001000000000400030001000100030268320003000200 35".replace(" ", ""), "mandatory: keys out of order, or twice", 7),
    ("SVCB", "000100000000020003", "port is mandatory, and missing", 9),
    ("SVCB", "00010000070007ff2f7b646e737d", "dohpath: no path with a variable dns", 7),
    ("SVCB", "000100000700022f71", "dohpath: no path with a variable dns", 7),
    ("SVCB", "00010000070007ff7b646e737d", "the data ends inside dohpath", 3),
]


@pytest.mark.parametrize(("type", "wire", "message", "offset"), WRONG_BYTES)
def test_wrong_bytes(type: str, wire: str, message: str, offset: int) -> None:
    data = bytes.fromhex(wire)
    with pytest.raises(RemoteProtocolError) as caught:
        read_rdata(type_number(type), data, 0, len(data))
    assert caught.value.args[0].find(message) >= 0, caught.value
    assert caught.value.offset == offset
    assert caught.value.code == 1
    assert caught.value.clause.startswith(("RFC", "AF-DANS"))
    with pytest.raises(TextError):
        Rdata.parse(type, rf"\# {len(data)} {wire}")
