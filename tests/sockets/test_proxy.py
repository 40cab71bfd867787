"""The PROXY protocol: headers as its specification writes them, cut anywhere, broken in every way; and what becomes of a connection."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.processes import Program
from tests.sockets.serving import read_all, read_line, served, until
from tests.sockets.toys import Talk
from wirespeak.errors import AddressError, RemoteProtocolError
from wirespeak.http import HttpServer, Request, Response
from wirespeak.sockets import proxied as module
from wirespeak.sockets.authority import Authority
from wirespeak.sockets.listener import Limits
from wirespeak.sockets.proxy import LINE_LIMIT, REST_LIMIT, SIGNATURE, HeaderReader, Proxies, Told, _crc32c
from wirespeak.sockets.tls import client_context, server_context

# The line of the specification (PROXY 2.1), and the same client in a header of version 2.
TEXT = b"PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n"
TOLD = Told(("192.168.0.1", 56324), ("192.168.0.11", 443))
BLOCK = bytes([192, 168, 0, 1, 192, 168, 0, 11]) + struct.pack(">HH", 56324, 443)


def binary(block: bytes, family: int = 0x11, command: int = 0x21, tlvs: bytes = b"", length: int | None = None) -> bytes:
    rest = block + tlvs
    return SIGNATURE + bytes([command, family]) + struct.pack(">H", len(rest) if length is None else length) + rest


def tlv(kind: int, value: bytes) -> bytes:
    return struct.pack(">BH", kind, len(value)) + value


def read(data: bytes) -> tuple[Told | None, int]:
    reader = HeaderReader()
    taken = reader.feed(data)
    return reader.told, taken


# --- headers


@pytest.mark.parametrize(
    ("header", "told"),
    [
        (TEXT, TOLD),
        (b"PROXY TCP4 255.255.255.255 0.0.0.0 65535 0\r\n", Told(("255.255.255.255", 65535), ("0.0.0.0", 0))),
        (b"PROXY TCP6 2001:DB8::1 ::1 1 2\r\n", Told(("2001:db8::1", 1, 0, 0), ("::1", 2, 0, 0))),
        (
            b"PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 2001:db8:0:0:0:0:0:1 65535 65535\r\n",
            Told(("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535, 0, 0), ("2001:db8::1", 65535, 0, 0)),
        ),
        (binary(BLOCK), TOLD),
        (
            binary(ipaddress.ip_address("2001:db8::1").packed + ipaddress.ip_address("::1").packed + b"\0\1\0\2", 0x21),
            Told(("2001:db8::1", 1, 0, 0), ("::1", 2, 0, 0)),
        ),
        (binary(b"/run/client".ljust(108, b"\0") + b"\0abstract".ljust(108, b"\0"), 0x31), Told("/run/client", b"\0abstract")),
        (binary(bytes(216), 0x31), Told("", "")),
        (binary(b"/" + b"x" * 107 + bytes(108), 0x31), Told("/" + "x" * 107, "")),
        # LOCAL: whatever family and addresses it has, the proxy speaks for itself
        (binary(b"", 0x00, 0x20), Told()),
        (binary(BLOCK, 0x11, 0x20), Told()),
        (binary(b"anything at all", 0xFF, 0x20), Told()),
        # what follows the addresses is passed over
        (binary(BLOCK, tlvs=tlv(0x04, b"") + tlv(0x02, b"example.org") + tlv(0xE0, bytes(300))), TOLD),
    ],
)
def test_a_header_is_read_wherever_it_is_cut(header: bytes, told: Told) -> None:
    behind = b"\x16\x03\x01 what follows is not the header's\r\n"
    assert read(header + behind) == (told, len(header))
    for cut in range(1, len(header)):
        reader = HeaderReader()
        assert reader.feed(header[:cut]) == cut
        assert reader.told is None
        assert reader.feed(header[cut:] + behind) == len(header) - cut
        assert reader.told == told
    reader = HeaderReader()
    for byte in range(len(header)):
        assert reader.told is None
        assert reader.feed(header[byte : byte + 1]) == 1
    assert reader.told == told


V4 = st.ip_addresses(v=4)
V6 = st.ip_addresses(v=6)
PORT = st.integers(0, 65535)


@given(st.one_of(st.tuples(V4, V4), st.tuples(V6, V6)), PORT, PORT, st.binary(max_size=20))
def test_both_versions_tell_the_same(addresses: Any, port: int, target_port: int, behind: bytes) -> None:
    source, target = addresses
    text = f"PROXY TCP{source.version} {source} {target} {port} {target_port}\r\n".encode()
    packed = binary(source.packed + target.packed + struct.pack(">HH", port, target_port), 0x11 if source.version == 4 else 0x21)
    told, taken = read(text + behind)
    assert (told, taken) == (read(packed)[0], len(text))
    assert isinstance(told, Told)
    assert isinstance(told.peer, tuple)
    assert isinstance(told.local, tuple)
    assert (ipaddress.ip_address(told.peer[0]), told.peer[1]) == (source, port)
    assert (ipaddress.ip_address(told.local[0]), told.local[1]) == (target, target_port)
    assert len(told.peer) == (2 if source.version == 4 else 4)


@given(st.binary(max_size=200), st.booleans())
def test_whatever_comes_is_a_header_or_refused(data: bytes, signed: bool) -> None:
    data = (SIGNATURE if signed else b"PROXY ") + data
    reader = HeaderReader()
    try:
        taken = reader.feed(data)
    except RemoteProtocolError:
        return
    assert taken == len(data) if reader.told is None else taken <= len(data)


@pytest.mark.parametrize(
    "line",
    [
        b"PROXY TCP4 192.168.0.1  192.168.0.11 56324 443\r\n",  # two spaces
        b"PROXY\tTCP4 192.168.0.1 192.168.0.11 56324 443\r\n",
        b"proxy TCP4 192.168.0.1 192.168.0.11 56324 443\r\n",
        b"PROXY UDP4 192.168.0.1 192.168.0.11 56324 443\r\n",
        b"PROXY TCP4 192.168.0.01 192.168.0.11 56324 443\r\n",  # octal to some
        b"PROXY TCP4 192.168.1 192.168.0.11 56324 443\r\n",
        b"PROXY TCP4 256.168.0.1 192.168.0.11 56324 443\r\n",
        b"PROXY TCP4 ::1 ::1 56324 443\r\n",  # of another family
        b"PROXY TCP6 192.168.0.1 192.168.0.11 56324 443\r\n",
        b"PROXY TCP6 fe80::1%eth0 ::1 56324 443\r\n",
        b"PROXY TCP6 1:2:3:4:5:6:7:8:9 ::1 56324 443\r\n",
        b"PROXY TCP6 ::: ::1 56324 443\r\n",
        b"PROXY TCP4 192.168.0.1 192.168.0.11 056324 443\r\n",
        b"PROXY TCP4 192.168.0.1 192.168.0.11 +56324 443\r\n",
        b"PROXY TCP4 192.168.0.1 192.168.0.11 65536 443\r\n",
        b"PROXY TCP4 192.168.0.1 192.168.0.11 1 99999\r\n",
        b"PROXY TCP4 192.168.0.1 192.168.0.11 56324\r\n",
        b"PROXY TCP4 192.168.0.1 192.168.0.11 56324 443 \r\n",
        b"PROXY TCP4 192.168.0.1\n192.168.0.11 56324 443\r\n",
        b"PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\n\r\n",
        b"PROXY \r\n",
        b"PROXY UNKNOWN\r\n",  # may be refused, and is: its client must not pass for the proxy
        b"PROXY UNKNOWN ffff:f ffff:f 65535 65535\r\n",
        b"PROXY " + b"x" * LINE_LIMIT,
        b"PROXY TCP4 " + b" " * (LINE_LIMIT - 12) + b"\r\n",  # its CRLF comes one byte too late
        b"GET / HTTP/1.1\r\n",
        b"\x16\x03\x01\x02\x00",
        b"\r\n\r\nEHLO\r\n",
    ],
)
def test_a_line_that_is_no_header(line: bytes) -> None:
    with pytest.raises(RemoteProtocolError, match=r"PROXY 2"):
        HeaderReader().feed(line)


@pytest.mark.parametrize(
    "header",
    [
        binary(BLOCK, command=0x11),  # version 1 in binary
        binary(BLOCK, command=0x22),  # a command that isn't assigned
        binary(BLOCK, command=0x31),  # version 3
        binary(BLOCK, family=0x00),  # a client without address must not pass for the proxy
        binary(BLOCK, family=0x12),  # datagrams
        binary(BLOCK, family=0x10),
        binary(BLOCK, family=0x13),
        binary(BLOCK, family=0x41),
        binary(BLOCK[:-1]),  # too short for its addresses
        binary(BLOCK, family=0x21),
        binary(BLOCK, family=0x31),
        binary(b""),
        binary(BLOCK, tlvs=b"\x04"),  # half a TLV
        binary(BLOCK, tlvs=b"\x04\x00"),
        binary(BLOCK, tlvs=b"\x04\x00\x01"),
        binary(BLOCK, tlvs=tlv(4, b"x") + b"\x04\xff\xff" + bytes(50)),
        binary(BLOCK, tlvs=tlv(3, bytes(4))),  # a wrong checksum
        binary(BLOCK, tlvs=tlv(3, bytes(3))),  # none
        binary(BLOCK, length=REST_LIMIT + 1),
    ],
)
def test_a_binary_header_that_is_broken(header: bytes) -> None:
    with pytest.raises(RemoteProtocolError, match=r"PROXY 2\.2"):
        HeaderReader().feed(header)
    reader = HeaderReader()
    with pytest.raises(RemoteProtocolError, match=r"PROXY 2\.2"):
        _ = [reader.feed(bytes([byte])) for byte in header]


def test_the_longest_header_is_read() -> None:
    header = binary(BLOCK, tlvs=tlv(4, bytes(REST_LIMIT - len(BLOCK) - 3)))
    assert read(header) == (TOLD, len(header))


def test_a_checksum_is_checked_over_the_whole_header() -> None:
    assert _crc32c(b"123456789") == 0xE3069283
    assert _crc32c(bytes(32)) == 0x8A9136AA  # RFC 3720 B.4
    assert _crc32c(bytes(range(32))) == 0x46DD794E
    before, after = tlv(5, b"an id"), tlv(2, b"example.org")
    blank = binary(BLOCK, tlvs=before + tlv(3, bytes(4)) + after)
    right = blank.replace(tlv(3, bytes(4)), tlv(3, struct.pack(">I", _crc32c(blank))))
    assert read(right) == (TOLD, len(right))
    says_so = right.index(tlv(3, b"")[:1] + b"\0\4")  # the one byte by which we know that there is a checksum
    for place in {*range(16, len(right))} - {says_so}:
        damaged = bytearray(right)
        damaged[place] ^= 1
        with pytest.raises(RemoteProtocolError):
            HeaderReader().feed(bytes(damaged))


# --- who is listed


def test_who_is_listed() -> None:
    proxies = Proxies.parse(["10.0.0.0/8", "192.0.2.1", "2001:db8::/32"])
    for peer in (("10.255.0.1", 1), ("192.0.2.1", 2), ("::ffff:10.0.0.1", 3, 0, 0), ("2001:db8::5", 4, 0, 0)):
        assert proxies.include(peer)
    for peer in (("11.0.0.1", 1), ("192.0.2.2", 2), ("::ffff:11.0.0.1", 3, 0, 0), ("::1", 4, 0, 0), ("fe80::1%lo", 5, 0, 1), ""):
        assert not proxies.include(peer)
    assert Proxies.parse(["unix"]).include("")
    assert not Proxies.parse(["unix"]).include(("127.0.0.1", 1))
    assert not Proxies.parse([]).include("")


@pytest.mark.parametrize("text", ["", "10.0.0.1/8", "10.0.0", "localhost", "*", "10.0.0.0/33", "unix:/run/proxy"])
def test_a_list_that_is_none(text: str) -> None:
    with pytest.raises(AddressError, match="names no proxies"):
        Proxies.parse([text])


# --- connections


class Naming(Talk):
    """Answers each line with both addresses."""

    def answer(self, event: Any) -> None:
        self.session.send(f"{self.link.peer} {self.link.local} {event}")


SAID = f"{TOLD.peer} {TOLD.local} "


@pytest.mark.parametrize("header", [TEXT, binary(BLOCK), binary(BLOCK, tlvs=tlv(4, bytes(3000)))])
def test_a_listed_proxy_tells_who_the_client_is(header: bytes) -> None:
    with served(Naming, proxy_from=["127.0.0.0/8"]) as server:
        with server.connect() as sock:
            sock.sendall(header + b"hello\r\n")
            assert read_line(sock) == SAID + "hello"
        with server.connect() as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in header[:100]:
                sock.sendall(bytes([byte]))
            sock.sendall(header[100:])
            sock.sendall(b"again\r\n")
            assert read_line(sock) == SAID + "again"


def test_the_proxys_own_connection_is_its_own() -> None:
    with served(Naming, proxy_from=["127.0.0.1"]) as server, server.connect() as sock:
        sock.sendall(binary(BLOCK, command=0x20) + b"hello\r\n")
        assert read_line(sock) == f"{sock.getsockname()} {sock.getpeername()} hello"


def test_a_session_that_speaks_first_waits_for_the_header() -> None:
    class Greeting(Naming):
        def __init__(self, link: Any) -> None:
            super().__init__(link)
            self.session.send(f"welcome {link.peer}")

    with served(Greeting, proxy_from=["127.0.0.1"]) as server, server.connect() as sock:
        sock.sendall(TEXT[:20])
        until(lambda: server.listener.accepted == 1)
        sock.settimeout(0.1)
        with pytest.raises(TimeoutError):
            sock.recv(1)
        sock.settimeout(20)
        sock.sendall(TEXT[20:])
        assert read_line(sock) == f"welcome {TOLD.peer}"


@pytest.mark.parametrize("listed", [[], ["192.0.2.0/24"], ["unix"]])
def test_from_anyone_else_a_header_is_not_honoured(listed: list[str]) -> None:
    with served(Naming, proxy_from=listed) as server, server.connect() as sock:
        sock.sendall(TEXT + b"hello\r\n")
        own = f"{sock.getsockname()} {sock.getpeername()} "
        assert read_line(sock) == own + TEXT.decode().rstrip()
        assert read_line(sock) == own + "hello"


def test_by_a_unix_socket(tmp_path: Path) -> None:
    with served(Naming, where=f"unix:{tmp_path}/socket", proxy_from=["unix"]) as server, server.connect() as sock:
        sock.sendall(TEXT + b"hello\r\n")
        assert read_line(sock) == SAID + "hello"


def test_by_ipv4_on_a_socket_of_both_families() -> None:
    with (
        served(Naming, where="*:0", proxy_from=["127.0.0.0/8"]) as server,
        socket.create_connection(("127.0.0.1", server.address[1]), 20) as sock,
    ):
        sock.sendall(TEXT + b"hello\r\n")
        assert read_line(sock) == SAID + "hello"


def test_before_tls(tmp_path: Path) -> None:
    authority = Authority.open(tmp_path / "authority")
    context = client_context(authorities=[authority.certificate_file])
    for header in (TEXT, binary(BLOCK)):
        with served(Naming, proxy_from=["127.0.0.1"], tls=server_context(authority)) as server, server.connect() as sock:
            there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = context.wrap_bio(back, there, server_hostname="localhost")
            with pytest.raises(ssl.SSLWantReadError):
                tls.do_handshake()
            sock.sendall(header + there.read())  # in one piece, so that a byte too many would be read here
            while True:
                back.write(sock.recv(65536))
                try:
                    tls.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    pass
            tls.write(b"hello\r\n")
            sock.sendall(there.read())
            said = b""
            while b"\r\n" not in said:
                back.write(sock.recv(65536))
                try:
                    said += tls.read()
                except ssl.SSLWantReadError:
                    pass
            assert said.decode() == SAID + "hello\r\n"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"hello\r\n", "is no PROXY header, which this address must send before all else"),
        (b"PROXY UNKNOWN\r\nhello\r\n", "without its address"),
        (binary(BLOCK, family=0) + b"hello\r\n", "family 00"),
    ],
)
def test_a_listed_proxy_must_send_one(said: bytes, why: str, caplog: pytest.LogCaptureFixture) -> None:
    made: list[Talk] = []

    def service(link: Any) -> Talk:
        made.append(Talk(link))
        return made[-1]

    with served(service, proxy_from=["127.0.0.1"]) as server:
        with server.connect() as sock:
            sock.sendall(said)
            try:
                assert read_all(sock) == b""
            except ConnectionResetError:
                pass  # what it said was not all read
        until(lambda: not server.listener.connections)
    assert made == []  # the session never was
    assert why in caplog.text
    assert "127.0.0.1" in caplog.text


def test_a_header_must_come_in_time(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(module, "HEADER_TIME", 0.1)
    with served(Talk, proxy_from=["127.0.0.1"]) as server:
        for begun in (b"", TEXT[:30]):
            with server.connect() as sock:
                sock.sendall(begun)
                assert read_all(sock) == b""
        with server.connect() as sock:  # who was in time has all the time of the session
            sock.sendall(TEXT)
            until(lambda: [one.session for one in server.listener.connections if hasattr(one, "session")])
            sock.settimeout(0.3)
            with pytest.raises(TimeoutError):
                sock.recv(1)
            sock.settimeout(20)
            sock.sendall(b"hello\r\n")
            assert read_line(sock) == "you said hello"
    assert caplog.text.count("no PROXY header within") == 2


def test_who_only_looks_whether_we_listen_is_not_told_of(caplog: pytest.LogCaptureFixture) -> None:
    with served(Talk, proxy_from=["127.0.0.1"]) as server:
        server.connect().close()
        until(lambda: server.listener.accepted == 1 and not server.listener.connections)
    assert not caplog.records


def test_connections_are_counted_by_client_not_by_proxy() -> None:
    def header(client: int) -> bytes:
        return b"PROXY TCP4 192.0.2.%d 198.51.100.1 1 25\r\n" % client

    with served(Talk, proxy_from=["127.0.0.1"], limits=Limits(per_client=1)) as server:
        with server.connect() as one, server.connect() as other, server.connect() as third, server.connect() as silent:
            for sock, client in ((one, 1), (other, 2)):
                sock.sendall(header(client) + b"hello\r\n")
                assert read_line(sock) == "you said hello"
            third.sendall(header(1))
            assert read_all(third) == b""
            assert server.listener.refused == 1
            one.close()
            until(lambda: len(server.listener.connections) == 2)
            silent.sendall(header(1) + b"hello\r\n")
            assert read_line(silent) == "you said hello"
        until(lambda: not server.listener.connections)
        assert not server.listener._per_client


def test_stopping_does_not_wait_for_a_header() -> None:
    with served(Talk, proxy_from=["127.0.0.1"]) as server, server.connect() as sock:
        until(lambda: server.listener.accepted == 1)
        assert server.run(lambda: server.listener.stop(20)) == 0
        assert sock.recv(1) == b""


def test_a_connection_lost_before_its_header_ends(caplog: pytest.LogCaptureFixture) -> None:
    with served(Talk, proxy_from=["127.0.0.1"]) as server:
        with server.connect() as sock:
            sock.sendall(TEXT[:20])
            until(lambda: server.listener.accepted == 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        until(lambda: not server.listener.connections)
    assert not caplog.records


# --- real peers, and the command line


def whoami(request: Request) -> Response:
    return Response(200, body=f"{request.connection.peer} {request.connection.local}".encode())


@pytest.mark.peer("curl")
def test_curl_as_a_proxy(peer: Callable[[str], str]) -> None:
    with served(HttpServer(whoami), proxy_from=["127.0.0.1"]) as server:
        url = "http://{}:{}/".format(*server.address)
        with_header = subprocess.run([peer("curl"), "-sS", "--haproxy-protocol", url], capture_output=True, text=True, timeout=20)
        without = subprocess.run([peer("curl"), "-sS", url], capture_output=True, text=True, timeout=20)
    assert with_header.returncode == 0
    assert with_header.stdout.startswith("('127.0.0.1', ")
    assert without.returncode in (52, 56)  # no answer, or cut off: it didn't say who it is
    with served(HttpServer(whoami)) as server:
        url = "http://{}:{}/".format(*server.address)
        unlisted = subprocess.run([peer("curl"), "-sS", "-i", "--haproxy-protocol", url], capture_output=True, text=True, timeout=20)
    assert unlisted.stdout.startswith("HTTP/1.1 400 ")


def test_serve_commands_take_a_list_of_proxies(start: Callable[..., Program], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "wirespeak", "http", "serve", tmp_path, "--bind", "127.0.0.1:0", "--proxy-from"]
    program = start([*command, "192.0.2.0/24", "--proxy-from", "127.0.0.1"])
    port = int(program.wait_for(r"^listening on 127.0.0.1:(\d+) \(tcp\)$")[1])
    with socket.create_connection(("127.0.0.1", port), 20) as sock:
        sock.sendall(b"PROXY TCP4 203.0.113.9 198.51.100.1 4711 80\r\nGET / HTTP/1.0\r\n\r\n")
        assert read_all(sock).startswith(b"HTTP/1.1 200 ")
    program.wait_for(r"^203\.0\.113\.9 .*GET / HTTP/1.0")
    wrong = subprocess.run([*map(str, command), "10.0.0.1/8"], capture_output=True, text=True, timeout=20)
    assert wrong.returncode == 2
    assert "names no proxies" in wrong.stderr
