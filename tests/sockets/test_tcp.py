"""Sockets bound, set and connected: every family, free ports, taken ones, and what a program left behind."""

from __future__ import annotations

import errno
import os
import select
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from wirespeak.errors import ConnectError, ListenError
from wirespeak.sockets import tcp
from wirespeak.sockets.address import Address
from wirespeak.sockets.tcp import KEEPALIVE, bind, bind_all, set_options, start_connect


@pytest.fixture
def opened() -> Iterator[list[socket.socket]]:
    """Sockets that are closed when the test is over."""
    sockets: list[socket.socket] = []
    yield sockets
    for sock in sockets:
        sock.close()


def bound(opened: list[socket.socket], text: str) -> list[socket.socket]:
    sockets = bind(Address.parse(text))
    opened += sockets
    return sockets


def reaches(where: tuple[str, int] | str, listening: socket.socket) -> bool:
    """Whether a connection to ``where`` arrives at ``listening``."""
    family = socket.AF_UNIX if isinstance(where, str) else socket.AF_INET6 if ":" in where[0] else socket.AF_INET
    with socket.socket(family) as sock:
        sock.connect(where)
        assert select.select([listening], [], [], 20)[0]
        accepted, _ = listening.accept()
        accepted.close()
    return True


def looked_up(monkeypatch: pytest.MonkeyPatch, *hosts: str, port: int = 0) -> None:
    """Let every name have these addresses."""
    rows = [(socket.AF_INET6, ("::1", port, 0, 0)) if ":" in host else (socket.AF_INET, (host, port)) for host in hosts]
    monkeypatch.setattr(tcp.socket, "getaddrinfo", lambda *_, **__: [(family, socket.SOCK_STREAM, 6, "", where) for family, where in rows])


# --- where


@pytest.mark.parametrize(("host", "family"), [("127.0.0.1", socket.AF_INET), ("[::1]", socket.AF_INET6)])
def test_an_address_is_one_socket_of_its_family(opened: list[socket.socket], host: str, family: int) -> None:
    (sock,) = bound(opened, f"{host}:0")
    assert sock.family == family
    port = sock.getsockname()[1]
    assert port > 0
    assert reaches((host.strip("[]"), port), sock)


def test_a_name_of_two_families_is_two_sockets_of_one_port(opened: list[socket.socket], monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up(monkeypatch, "::1", "127.0.0.1")
    six, four = bound(opened, "localhost:0")
    assert [six.family, four.family] == [socket.AF_INET6, socket.AF_INET]
    assert six.getsockname()[1] == four.getsockname()[1]
    assert reaches(("::1", six.getsockname()[1]), six)
    assert reaches(("127.0.0.1", four.getsockname()[1]), four)


def test_a_port_that_is_free_in_one_family_only_is_not_taken(opened: list[socket.socket], monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up(monkeypatch, "::1", "127.0.0.1")
    tried: list[int] = []
    real = tcp._bind_tcp

    def unlucky(family: int, where: tcp.Where, *, dual_stack: bool, reuse_port: bool) -> socket.socket:
        if family == socket.AF_INET and len(tried) < 3:
            tried.append(where[1])
            raise OSError(errno.EADDRINUSE, "taken")
        return real(family, where, dual_stack=dual_stack, reuse_port=reuse_port)

    monkeypatch.setattr(tcp, "_bind_tcp", unlucky)
    six, four = bound(opened, "localhost:0")
    assert six.getsockname()[1] == four.getsockname()[1]
    assert len(tried) == 3
    assert all(tried)


def test_an_address_that_this_machine_lacks_is_left_out_where_there_is_another(
    opened: list[socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up(monkeypatch, "198.51.100.1", "127.0.0.1", "198.51.100.2")
    (sock,) = bound(opened, "localhost:0")
    assert sock.getsockname()[0] == "127.0.0.1"


def test_everything_is_one_socket_for_both_families(opened: list[socket.socket]) -> None:
    (sock,) = bound(opened, "*:0")
    port = sock.getsockname()[1]
    assert sock.family == socket.AF_INET6
    assert reaches(("127.0.0.1", port), sock)
    assert reaches(("::1", port), sock)


def test_ipv6_alone_leaves_ipv4_to_others(opened: list[socket.socket]) -> None:
    for host, alone in (("[::1]", 1), ("[::]", 1), ("*", 0)):
        (sock,) = bound(opened, f"{host}:0")
        assert sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == alone


def test_several_addresses_at_once(opened: list[socket.socket], tmp_path: Path) -> None:
    opened += bind_all(map(Address.parse, ("127.0.0.1:0", "[::1]:0", f"unix:{tmp_path}/s")))
    assert [sock.family for sock in opened] == [socket.AF_INET, socket.AF_INET6, socket.AF_UNIX]


def test_where_one_of_several_fails_none_is_left_open(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[socket.socket] = []
    real = tcp.bind

    def noting(address: Address, **options: bool) -> list[socket.socket]:
        made.extend(real(address, **options))
        return list(made[-1:])

    monkeypatch.setattr(tcp, "bind", noting)
    with pytest.raises(ListenError):
        bind_all(map(Address.parse, ("127.0.0.1:0", "[::1]:0", "198.51.100.1:0")))
    assert len(made) == 2
    assert all(sock.fileno() == -1 for sock in made)


# --- how


def test_a_listening_socket_never_blocks_and_its_port_can_be_taken_again_at_once(opened: list[socket.socket]) -> None:
    (sock,) = bound(opened, "127.0.0.1:0")
    assert not sock.getblocking()
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR) == 1
    address = sock.getsockname()
    with socket.create_connection(address) as client:
        assert select.select([sock], [], [], 20)[0]
        accepted, _ = sock.accept()
        accepted.close()  # this side ends first, so it is the one in TIME-WAIT
        assert client.recv(1) == b""
    sock.close()
    (again,) = bound(opened, f"127.0.0.1:{address[1]}")
    assert again.getsockname() == address


def test_a_port_can_be_shared_where_that_is_asked_for(opened: list[socket.socket]) -> None:
    (one,) = bind(Address.parse("127.0.0.1:0"), reuse_port=True)
    opened.append(one)
    opened += bind(Address("127.0.0.1", one.getsockname()[1]), reuse_port=True)
    assert opened[0].getsockname() == opened[1].getsockname()
    with pytest.raises(ListenError):
        bind(Address("127.0.0.1", one.getsockname()[1]))


def test_the_options_of_a_connection(opened: list[socket.socket]) -> None:
    with socket.socket() as sock:
        set_options(sock)
        assert not sock.getblocking()
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        kept = [sock.getsockopt(socket.IPPROTO_TCP, option) for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)]
        assert tuple(kept) == KEEPALIVE


def test_a_unix_socket_has_no_such_options_and_never_blocks_either() -> None:
    for sock in socket.socketpair():
        with sock:
            set_options(sock)
            assert not sock.getblocking()


# --- what goes wrong is said with what to do about it


def refusal(text: str) -> ListenError:
    with pytest.raises(ListenError) as caught:
        bind(Address.parse(text))
    return caught.value


def test_a_taken_port(opened: list[socket.socket]) -> None:
    (sock,) = bound(opened, "127.0.0.1:0")
    port = sock.getsockname()[1]
    error = refusal(f"127.0.0.1:{port}")
    assert str(error) == f"can't listen on 127.0.0.1:{port}: another program listens there; stop it or choose another port"
    assert error.errno == errno.EADDRINUSE


def test_where_one_family_is_taken_the_other_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[socket.socket] = []
    real = tcp._bind_tcp

    def taken(family: int, where: tcp.Where, *, dual_stack: bool, reuse_port: bool) -> socket.socket:
        if family == socket.AF_INET:
            raise OSError(errno.EADDRINUSE, "taken")
        made.append(real(family, (where[0], 0, *where[2:]), dual_stack=dual_stack, reuse_port=reuse_port))
        return made[-1]

    looked_up(monkeypatch, "::1", "127.0.0.1", port=8080)
    monkeypatch.setattr(tcp, "_bind_tcp", taken)
    assert refusal("localhost:8080").errno == errno.EADDRINUSE
    assert [sock.fileno() for sock in made] == [-1]


def test_an_address_of_another_machine() -> None:
    error = refusal("198.51.100.1:8080")
    assert str(error) == "can't listen on 198.51.100.1:8080: this machine has no such address"
    assert error.errno == errno.EADDRNOTAVAIL


def test_a_port_that_needs_a_privilege(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object, **__: object) -> socket.socket:
        raise OSError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(tcp, "_bind_tcp", forbidden)
    assert str(refusal("127.0.0.1:80")) == "can't listen on 127.0.0.1:80: ports below 1024 need a privilege; choose a higher one"


def test_a_host_that_can_not_be_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(tcp.socket, "getaddrinfo", unknown)
    assert str(refusal("nowhere.example:80")) == "can't listen on nowhere.example:80: Name or service not known"


# --- Unix sockets


def test_a_unix_socket_is_reached_by_its_path(opened: list[socket.socket], tmp_path: Path) -> None:
    (sock,) = bound(opened, f"unix:{tmp_path}/s")
    assert reaches(f"{tmp_path}/s", sock)


def test_an_abstract_one_by_its_name(opened: list[socket.socket], tmp_path: Path) -> None:
    name = f"wirespeak-{os.getpid()}-{tmp_path.name}"
    (sock,) = bound(opened, f"unix:@{name}")
    assert reaches(f"\0{name}", sock)


def test_a_socket_that_a_program_left_behind_is_replaced(opened: list[socket.socket], tmp_path: Path) -> None:
    (sock,) = bound(opened, f"unix:{tmp_path}/s")
    sock.close()
    assert (tmp_path / "s").exists()
    (again,) = bound(opened, f"unix:{tmp_path}/s")
    assert reaches(f"{tmp_path}/s", again)


def test_a_socket_in_use_is_not(opened: list[socket.socket], tmp_path: Path) -> None:
    (sock,) = bound(opened, f"unix:{tmp_path}/s")
    error = refusal(f"unix:{tmp_path}/s")
    assert str(error) == f"can't listen on unix:{tmp_path}/s: another program listens there, or it is no socket; choose another path"
    assert reaches(f"{tmp_path}/s", sock)


def test_nor_is_one_whose_owner_is_busy(opened: list[socket.socket], tmp_path: Path) -> None:
    busy = socket.socket(socket.AF_UNIX)
    opened.append(busy)
    busy.bind(f"{tmp_path}/s")
    busy.listen(0)
    for _ in range(3):  # more than it lets wait
        waiting = socket.socket(socket.AF_UNIX)
        opened.append(waiting)
        waiting.setblocking(False)
        waiting.connect_ex(f"{tmp_path}/s")
    assert refusal(f"unix:{tmp_path}/s").errno == errno.EADDRINUSE
    assert (tmp_path / "s").is_socket()


def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("precious")
    assert refusal(f"unix:{tmp_path}/file").errno == errno.EADDRINUSE
    assert (tmp_path / "file").read_text() == "precious"


def test_a_link_to_a_socket_that_was_left_behind_is_left_alone(opened: list[socket.socket], tmp_path: Path) -> None:
    (sock,) = bound(opened, f"unix:{tmp_path}/s")
    sock.close()
    (tmp_path / "link").symlink_to("s")
    assert refusal(f"unix:{tmp_path}/link").errno == errno.EADDRINUSE
    assert (tmp_path / "link").is_symlink()


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert str(refusal(f"unix:{tmp_path}/no/s")) == f"can't listen on unix:{tmp_path}/no/s: its folder is not there"


def test_a_folder_that_may_not_be_written_to(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Forbidden(socket.socket):
        def bind(self, where: object, /) -> None:
            raise OSError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(tcp.socket, "socket", Forbidden)
    assert str(refusal(f"unix:{tmp_path}/s")).endswith("its folder may not be written to; choose another path")


# --- connecting


def test_a_connect_is_begun_and_not_waited_for(opened: list[socket.socket]) -> None:
    (listening,) = bound(opened, "127.0.0.1:0")
    with closing(start_connect(socket.AF_INET, listening.getsockname())) as sock:
        assert not sock.getblocking()
        assert select.select([], [sock], [], 20)[1]
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
        assert sock.getpeername() == listening.getsockname()


def test_it_comes_from_the_source_that_is_asked_for(opened: list[socket.socket]) -> None:
    (listening,) = bound(opened, "127.0.0.1:0")
    with closing(start_connect(socket.AF_INET, listening.getsockname(), ("127.0.0.2", 0))) as sock:
        assert select.select([], [sock], [], 20)[1]
        assert sock.getsockname()[0] == "127.0.0.2"


def test_who_refuses_is_known_when_it_is_asked_for() -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))  # and doesn't listen
        with closing(start_connect(socket.AF_INET, deaf.getsockname())) as sock:
            assert select.select([], [sock], [], 20)[1]
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNREFUSED


@pytest.mark.parametrize("source", [("198.51.100.1", 0), None])
def test_what_can_not_even_begin_is_told_at_once(source: tuple[str, int] | None, tmp_path: Path) -> None:
    family, where = (socket.AF_INET, ("127.0.0.1", 9)) if source else (socket.AF_UNIX, f"{tmp_path}/nothing")
    with pytest.raises(ConnectError) as caught:
        start_connect(family, where, source)
    assert caught.value.errno == (errno.EADDRNOTAVAIL if source else errno.ENOENT)
    assert str(caught.value) == os.strerror(caught.value.errno)
