"""Options of EDNS that have a form of their own."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from wirespeak.dns.edns import MAX_OPTIONS, ClientSubnet, Edns, client_subnet, extended_error, keepalive, padding
from wirespeak.dns.registry import ExtendedError
from wirespeak.errors import RemoteProtocolError, TextError


@pytest.mark.parametrize(
    ("text", "wire", "shown"),
    [
        ("192.0.2.0/24", "0001 18 00 c00002", "192.0.2.0/24/0"),
        ("192.0.2.255/25", "0001 19 00 c0000280", "192.0.2.128/25/0"),
        ("192.0.2.77", "0001 20 00 c000024d", "192.0.2.77/32/0"),
        ("2001:db8:fd13::/56", "0002 38 00 20010db8fd1300", "2001:db8:fd13::/56/0"),
        ("0/0", "0001 00 00", "0.0.0.0/0/0"),
        ("::/0", "0002 00 00", "::/0/0"),
    ],
)
def test_client_subnets(text: str, wire: str, shown: str) -> None:
    option = client_subnet(text)
    assert (option.code, option.data) == (8, bytes.fromhex(wire))
    read = ClientSubnet.read(option.data)
    assert str(read) == shown
    assert read.encode() == option.data


def test_what_an_answer_is_meant_for() -> None:
    assert ClientSubnet.read(bytes.fromhex("0001 18 10 c00002")) == ClientSubnet(ip_address("192.0.2.0"), 24, 16)


@pytest.mark.parametrize("text", ["", "x", "192.0.2.0/33", "192.0.2.0/x", "::/129", "192.0.2.0/-1"])
def test_what_is_no_client_subnet(text: str) -> None:
    with pytest.raises(TextError):
        client_subnet(text)


@pytest.mark.parametrize(
    "wire",
    ["", "0001 18", "0003 00 00", "0001 18 00 c000", "0001 18 00 c0000200", "0001 21 00 c000020000", "0001 19 00 c0000201", "0001 00 21"],
)
def test_client_subnets_of_a_peer_that_are_refused(wire: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        ClientSubnet.read(bytes.fromhex(wire))
    assert (caught.value.code, caught.value.clause) == (1, "RFC 7871 6")


def test_the_other_options() -> None:
    assert extended_error(ExtendedError.PROHIBITED, "not yours").data == b"\x00\x12not yours"
    assert keepalive(30.0).data == b"\x01\x2c"
    assert keepalive(1e9).data == b"\xff\xff"
    assert keepalive().data == b""
    for size in (0, 1, 127, 128, 300):
        option = padding(size, 128)
        assert (size + 4 + len(option.data)) % 128 == 0


def test_the_number_of_options_is_bounded() -> None:
    one = bytes.fromhex("0003 0000")
    assert len(Edns.read(1232, 0, one * MAX_OPTIONS, 0, 4 * MAX_OPTIONS).options) == MAX_OPTIONS
    with pytest.raises(RemoteProtocolError, match=f"more than {MAX_OPTIONS}"):
        Edns.read(1232, 0, one * (MAX_OPTIONS + 1), 0, 4 * MAX_OPTIONS + 4)
