"""Addresses: what is one, what is none, and that each prints as what it was read from."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from wirespeak.errors import AddressError, WirespeakError
from wirespeak.sockets.address import EVERYWHERE, LOCALHOST, NAME_LIMIT, UNIX_LIMIT, Address, is_public, parse_host, parse_port


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("example.com:80", "example.com", 80),
        ("127.0.0.1:80", "127.0.0.1", 80),
        ("[::1]:80", "::1", 80),
        ("[fe80::1%eth0]:80", "fe80::1%eth0", 80),
        ("[FF02::FB%eth0.7]:5353", "ff02::fb%eth0.7", 5353),
        ("*:8080", EVERYWHERE, 8080),
        (":8080", LOCALHOST, 8080),
        ("8080", LOCALHOST, 8080),
        ("localhost:0", "localhost", 0),
        ("localhost:65535", "localhost", 65535),
        ("EXAMPLE.com.:0080", "example.com.", 80),
        ("my_service:80", "my_service", 80),
        ("bücher.example:80", "xn--bcher-kva.example", 80),
        ("例え。テスト:80", "xn--r8jz45g.xn--zckzah", 80),
        ("[2001:DB8:0:0:1:0:0:1]:80", "2001:db8::1:0:0:1", 80),  # RFC 5952 2.2
        ("[::ffff:192.0.2.1]:80", "::ffff:192.0.2.1", 80),
    ],
)
def test_host_and_port(text: str, host: str, port: int) -> None:
    assert Address.parse(text) == Address(host, port)
    assert (Address.parse(text).host, Address.parse(text).port, Address.parse(text).path) == (host, port, None)


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("example.com", "example.com:53"),
        ("192.0.2.1", "192.0.2.1:53"),
        ("::1", "[::1]:53"),
        ("[::1]", "[::1]:53"),
        ("fe80::1%eth0", "[fe80::1%eth0]:53"),
        ("::1:80", "[::1:80]:53"),  # without brackets it is an address whole
        ("*", "*:53"),
        ("80", "localhost:80"),
        ("[::1]:80", "[::1]:80"),
        ("unix:/run/x", "unix:/run/x"),
    ],
)
def test_the_default_port_is_taken_where_none_is_written(text: str, printed: str) -> None:
    assert str(Address.parse(text, 53)) == printed


@pytest.mark.parametrize("path", ["/run/web.sock", "./web", "../web", "@web", "/" + "x" * (UNIX_LIMIT - 1), "@" + "x" * UNIX_LIMIT])
def test_unix_sockets(path: str) -> None:
    address = Address.parse(f"unix:{path}")
    assert address == Address(path=path)
    assert str(address) == f"unix:{path}"
    assert address.family == socket.AF_UNIX
    assert address.ip is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no port"),
        (":", "is no port"),
        ("example.com", "has no port: expected one after the host, as in example.com:80"),
        ("::1", "as in [::1]:80"),
        ("a:", "expected a number from 0 to 65535"),
        ("a:+80", "'+80' is no port"),
        ("a:-1", "is no port"),
        ("a:8_0", "is no port"),
        ("a: 80", "is no port"),
        ("a:80\n", "is no port"),
        ("a:٨٠", "is no port"),
        ("a:²", "is no port"),
        ("٨٠", "has no port"),
        ("a:65536", "is no port"),
        ("a:000080", "is no port"),
        ("65536", "is no port"),
        ("[::1]80", "as in [::1]:80"),
        ("[::1", "expected an IPv6 address in brackets"),
        ("[]:80", "expected an IPv6 address in brackets"),
        ("[example.com]:80", "expected an IPv6 address in brackets"),
        ("[127.0.0.1]:80", "expected an IPv6 address in brackets"),
        ("::1]:80", "has no port"),
        ("[::g]:80", "is no IPv6 address"),
        ("[::1\n]:80", "is no IPv6 address"),
        ("[1::2::3]:80", "is no IPv6 address"),
        ("[::ffff:1.2.3.04]:80", "is no IPv6 address"),
        ("[fe80::1%]:80", "expected the name of an interface"),
        ("[fe80::1%a b]:80", "expected the name of an interface"),
        ("[fe80::1%an-interface-too-long]:80", "expected the name of an interface"),
        ("[2001:db8::1%eth0]:80", "leave out %eth0"),
        ("[::1%lo]:80", "leave out %lo"),
        ("127.1:80", "ends in a number"),
        ("127.0.0.1.:80", "ends in a number"),
        ("1.2.3.4.5:80", "ends in a number"),
        ("010.0.0.1:80", "ends in a number"),
        ("256.0.0.1:80", "ends in a number"),
        ("0x7f.0.0.1:80", "ends in a number"),
        ("0x7f000001:80", "ends in a number"),
        ("127.0.0.0x1:80", "ends in a number"),
        ("1２7.0.0.1:80", "ends in a number"),
        ("a..b:80", "nothing stands between two of its dots"),
        (".a:80", "nothing stands between two of its dots"),
        (".:80", "nothing stands between two of its dots"),
        ("-a:80", "begins or ends with a hyphen"),
        ("a-.b:80", "begins or ends with a hyphen"),
        ("a b:80", "it holds ' '"),
        ("a\n:80", r"it holds '\n'"),
        ("a/b:80", "it holds '/'"),
        ("user@a:80", "it holds '@'"),
        ("℀:80", "it holds '/'"),
        ("*.example.com:80", "it holds '*'"),
        ("faß.example:80", "write the A-label"),
        ("\ud800:80", "is no host name in any script"),
        ("x" * 64 + ":80", "at most 63"),
        (".".join(["x" * 50] * 5) + ":80", "at most 253"),
        ("ü" * 100_000 + ":80", "at most 253"),
        ("http://example.com:80", "has no port"),
        ("unix:", "lacks the path"),
        ("unix:80", "expected one that begins with /"),
        ("unix:run/web", "expected one that begins with /"),
        ("unix:/a\0b", "NUL"),
        ("unix:/\ud800", "no file name can have"),
        ("unix:/" + "x" * UNIX_LIMIT, f"at most {UNIX_LIMIT} bytes"),
        ("unix:/" + "ü" * (UNIX_LIMIT // 2 + 1), f"at most {UNIX_LIMIT} bytes"),
        ("unix:@" + "x" * (UNIX_LIMIT + 1), f"at most {UNIX_LIMIT} bytes"),
    ],
)
def test_what_is_no_address_is_refused_and_told_why(text: str, said: str) -> None:
    with pytest.raises(AddressError) as refused:
        Address.parse(text)
    assert said in str(refused.value)
    assert len(str(refused.value)) < 300
    assert str(refused.value).isprintable()


def test_the_longest_names() -> None:
    longest = ".".join(["x" * 63, "x" * 63, "x" * 63, "x" * 61])
    assert len(longest) == NAME_LIMIT
    assert parse_host(longest) == longest
    assert parse_host(f"{longest}.") == f"{longest}."
    with pytest.raises(AddressError, match="254 characters"):
        parse_host(f"{longest[:-30]}.{longest[-30:]}")


def test_an_address_is_a_host_and_port_or_a_path() -> None:
    with pytest.raises(AddressError, match="not both"):
        Address("localhost", 80, "/run/web")
    with pytest.raises(AddressError, match="expected 0 to 65535"):
        Address("localhost", 65536)
    with pytest.raises(AddressError, match="it is empty"):
        Address()


def test_however_it_is_written_the_same_address_is_equal() -> None:
    assert Address.parse("EXAMPLE.com:80") == Address("example.COM", 80)
    assert Address.parse("[0:0:0:0:0:0:0:1]:80") == Address.parse("[::1]:80")
    assert len({Address.parse("Localhost:1"), Address.parse("localhost:01")}) == 1


def test_it_is_an_error_of_ours_and_a_value_error() -> None:
    for kind in (WirespeakError, ValueError):
        with pytest.raises(kind):
            Address.parse("nowhere")


# --- each value prints as a text that is read as the same value

_LABEL = some.from_regex("[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", fullmatch=True)
_NAMES = (
    some.lists(_LABEL, min_size=1, max_size=3)
    .map(".".join)
    .filter(lambda name: not name.rpartition(".")[2].isdigit() and ".0x" not in f".{name}")
)
_IP6 = some.ip_addresses(v=6).map(str)
_ZONED = some.builds("fe80::{:x}%{}".format, some.integers(0, 0xFFFF), some.from_regex("[a-z]{1,4}[0-9.-]{0,4}", fullmatch=True))
_HOSTS = _NAMES | some.ip_addresses(v=4).map(str) | _IP6 | _ZONED | some.just(EVERYWHERE)
_PATHS = some.text(some.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20).map("/{}".format)


@given(some.builds(Address, _HOSTS, some.integers(0, 65535)) | some.builds(Address, path=_PATHS | _PATHS.map("@{}".format)))
def test_printed_and_read_again_it_is_the_same(address: Address) -> None:
    assert Address.parse(str(address)) == address


@given(some.text(max_size=40) | some.from_regex(r"[\[\]0-9a-fx.:%*]{1,24}", fullmatch=True))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        address = Address.parse(text, 80)
    except AddressError:
        return
    assert Address.parse(str(address)) == address


@given(some.ip_addresses(v=4))
def test_the_system_reads_an_ipv4_address_as_we_do(ip: object) -> None:
    assert Address(str(ip)).ip == ip
    assert socket.inet_aton(Address(str(ip)).host) == ip.packed  # type: ignore[attr-defined]


@given(some.text(max_size=8))
def test_a_port_is_ascii_digits_and_nothing_else(text: str) -> None:
    try:
        assert f"{parse_port(text)}" == (text.lstrip("0") or "0")
    except AddressError:
        assert not (text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= 65535)


# --- as the system has them


def test_addresses_from_the_system() -> None:
    assert Address.of(("127.0.0.1", 80)) == Address("127.0.0.1", 80)
    assert Address.of(("::1", 80, 0, 0)) == Address("::1", 80)
    assert Address.of(("fe80::1%eth0", 80, 0, 2)) == Address("fe80::1%eth0", 80)
    assert str(Address.of("/run/web")) == "unix:/run/web"
    assert str(Address.of("web")) == "unix:./web"
    assert str(Address.of("")) == "unix:"
    assert str(Address.of(b"\0web")) == "unix:@web"
    assert str(Address.of(b"\0a\0b\xff")) == "unix:@a@b\udcff"
    assert str(Address.of("x" * UNIX_LIMIT)) == "unix:./" + "x" * UNIX_LIMIT


def test_addresses_for_the_system(tmp_path: Path) -> None:
    for text, family in [("127.0.0.1:0", socket.AF_INET), ("[::1]:0", socket.AF_INET6), (f"unix:{tmp_path}/s", socket.AF_UNIX)]:
        address = Address.parse(text)
        assert address.family == family
        with socket.socket(family) as sock:
            sock.bind(address.sockaddr)
            bound = Address.of(sock.getsockname())
            assert (bound.host, bound.path) == (address.host, address.path)
            assert bound.port or bound.path
    assert Address("example.com", 80).family == Address(EVERYWHERE, 80).family == socket.AF_UNSPEC


def test_an_abstract_socket_needs_no_file() -> None:
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as client:
        name = Address(path=f"@wirespeak-test-{id(listener)}")
        listener.bind(name.sockaddr)
        listener.listen()
        client.connect(name.sockaddr)
        assert Address.of(client.getpeername()) == name
        assert Address.of(client.getsockname()) == Address(path="")


# --- who can come in


@pytest.mark.parametrize(
    "text",
    "127.0.0.1:80 127.9.8.7:80 [::1]:80 [::ffff:127.0.0.1]:80 localhost:80 LOCALHOST.:80 a.localhost:80 :80 unix:/a unix:@a".split(),
)
def test_this_machine_alone(text: str) -> None:
    assert not is_public(Address.parse(text))


@pytest.mark.parametrize(
    "text",
    [
        *("*:80", "0.0.0.0:80", "[::]:80", "[::ffff:0.0.0.0]:80", "[::127.0.0.1]:80", "8.8.8.8:80", "192.0.2.1:80"),
        *("10.0.0.1:80", "192.168.1.1:80", "169.254.1.1:80", "[fe80::1%eth0]:80", "[fd00::1]:80"),
        *("example.com:80", "localhost.example:80", "notlocalhost:80"),
    ],
)
def test_other_machines_too(text: str) -> None:
    assert is_public(Address.parse(text))


def test_a_host_can_not_be_named_as_unix_paths_are() -> None:
    with pytest.raises(AddressError, match="Unix socket"):
        Address.parse("unix", 80)
    assert Address.parse("unix.example:80").host == "unix.example"
