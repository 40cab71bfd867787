"""The server on real sockets: TLS, the PROXY protocol, many clients at once, and the end of it all."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.sockets.serving import served
from wirespeak.irc.config import Config, Oper, VisitLimits
from wirespeak.irc.limits import ServerLimits
from wirespeak.irc.server import IrcServer, open_accounts
from wirespeak.sockets.authority import Authority
from wirespeak.sockets.tls import client_context, server_context

CONFIG = Config(name="irc.home.test", network="Home", throttle=False, opers={"oper": Oper(password="mellon")})


class Wire:
    """A client's socket, line by line."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        sock.settimeout(20)
        self._data = b""

    def says(self, *lines: str) -> None:
        self.sock.sendall("".join(f"{line}\r\n" for line in lines).encode())

    def line(self) -> str:
        """The next line; "" at the end."""
        while b"\r\n" not in self._data:
            data = self.sock.recv(65536)
            if not data:
                return ""
            self._data += data
        line, _, self._data = self._data.partition(b"\r\n")
        return line.decode()

    def skips_to(self, part: str) -> str:
        """Pass over lines until one with ``part`` in it."""
        while line := self.line():
            if part in line:
                return line
        raise AssertionError(f"{part} never came")

    def joins(self, nick: str, channel: str = "") -> None:
        self.says(f"NICK {nick}", f"USER {nick} 0 * :{nick}")
        self.skips_to(" 001 ")
        if channel:
            self.says(f"JOIN {channel}")
            self.skips_to(" 366 ")


@contextlib.contextmanager
def connected(running: Any, count: int = 1) -> Iterator[list[Wire]]:
    with contextlib.ExitStack() as stack:
        yield [Wire(stack.enter_context(running.connect())) for _ in range(count)]


def until(fact: Callable[[], bool]) -> None:
    """Wait until something is so."""
    end = time.monotonic() + 20
    while not fact():
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.01)


def test_people_talk() -> None:
    server = IrcServer(CONFIG)
    with served(server) as running, connected(running, 3) as wires:
        for number, wire in enumerate(wires):
            wire.joins(f"user{number}", "#c")
        wires[0].says("PRIVMSG #c :hello", "PRIVMSG user1 :psst")
        for wire in wires[1:]:
            assert wire.skips_to("PRIVMSG").endswith(" PRIVMSG #c :hello")
        assert wires[1].line().endswith(" PRIVMSG user1 :psst")
        wires[2].says("QUIT :enough")
        assert wires[2].skips_to("ERROR") == "ERROR :Closing Link: 127.0.0.1 (Quit: enough)"
        assert wires[2].line() == ""
        assert wires[0].skips_to("QUIT").endswith(" QUIT :Quit: enough")


def test_a_burst_arrives_in_order_and_whole() -> None:
    with served(IrcServer(CONFIG)) as running, connected(running, 2) as (ann, bob):
        ann.joins("ann", "#c")
        bob.joins("bob", "#c")
        ann.says(*[f"PRIVMSG #c :{number}" for number in range(1000)])
        assert [bob.skips_to("PRIVMSG").rpartition(":")[2] for _ in range(1000)] == [str(number) for number in range(1000)]


def test_what_is_said_behind_long_answers_is_heard_too() -> None:
    """Commands wait while much is on its way to their client, and are taken up by themselves once there is room."""
    config = Config(name="irc.home.test", network="Home", throttle=False, motd=("x" * 400,) * 200)
    with served(IrcServer(config)) as running, connected(running) as (ann,):
        ann.joins("ann")
        ann.skips_to(" 376 ")
        ann.says("MOTD", "MOTD", "PING behind")
        assert ann.skips_to("PONG") == ":irc.home.test PONG irc.home.test :behind"


def test_a_password_is_checked_off_the_loop() -> None:
    """A client that logs in holds nobody up; and its own next command waits."""
    with served(IrcServer(CONFIG)) as running, connected(running, 2) as (ann, bob):
        ann.says("CAP LS 302", "CAP REQ sasl", "NICK ann", "USER ann 0 * :Ann", "REGISTER * * sesame", "CAP END")
        ann.skips_to("REGISTER SUCCESS")
        ann.skips_to(" 001 ")
        bob.joins("bob")
        ann.says("AUTHENTICATE PLAIN", "AUTHENTICATE AGFubgBzZXNhbWU=", "PING x")  # NUL ann NUL sesame
        assert ann.skips_to(" 900 ").endswith("You are now logged in as ann")
        ann.skips_to(" 903 ")
        ann.skips_to("PONG")


def test_a_client_that_goes_while_its_password_is_checked() -> None:
    server = IrcServer(CONFIG)
    with served(server) as running, connected(running) as (ann,):
        ann.says("CAP LS 302", "CAP REQ sasl", "AUTHENTICATE PLAIN", "AUTHENTICATE AGFubgBzZXNhbWU=")
        ann.skips_to("AUTHENTICATE +")
        ann.sock.close()
        until(lambda: not server.world.connections)


def test_over_tls(tmp_path: Path) -> None:
    authority = Authority.open(tmp_path / "authority", datetime.now(UTC))
    client = client_context(authorities=[authority.certificate_file])
    server = IrcServer(CONFIG)
    with (
        served(server, tls=server_context(authority)) as running,
        running.connect() as plain,
        client.wrap_socket(plain, server_hostname="localhost") as sock,
    ):
        ann = Wire(sock)
        ann.joins("ann")
        (user,) = server.world.users.values()
        assert user.secure


def test_behind_a_proxy_the_client_s_own_address_counts() -> None:
    config = Config(name="irc.home.test", network="Home", cloaks=False, visits=VisitLimits(per_address=1))
    with served(IrcServer(config), proxy_from=["127.0.0.1"]) as running, connected(running, 2) as (ann, eve):
        ann.sock.sendall(b"PROXY TCP4 192.0.2.1 192.0.2.9 56324 6667\r\n")
        ann.joins("ann")
        ann.says("USERHOST ann")
        assert ann.skips_to(" 302 ").rstrip().endswith("=+~ann@192.0.2.1")
        eve.sock.sendall(b"PROXY TCP4 192.0.2.1 192.0.2.9 56325 6667\r\n")
        assert eve.skips_to("ERROR") == "ERROR :Closing Link: 192.0.2.1 (Too many connections from your address)"


def test_over_a_unix_socket(tmp_path: Path) -> None:
    with served(IrcServer(CONFIG), f"unix:{tmp_path / 'irc'}") as running, connected(running) as (ann,):
        ann.joins("ann")
        ann.says("WHOIS ann")
        assert "@localhost" in ann.skips_to(" 311 ").replace(" localhost ", "@localhost ")


def test_a_reader_that_stops_is_parted_with_and_nobody_waits() -> None:
    server = IrcServer(CONFIG, limits=ServerLimits(send_queue=100_000))
    with served(server) as running, connected(running, 3) as (ann, slow, bob):
        slow.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        for nick, wire in (("ann", ann), ("slow", slow), ("bob", bob)):
            wire.joins(nick, "#c")
        ann.skips_to(":bob!")
        text = "x" * 400
        heard: list[str] = []
        for _ in range(60):
            ann.says(*[f"PRIVMSG #c :{text}"] * 300)
            ann.says("PRIVMSG #c :more?")
            while not (line := bob.line()).endswith(":more?"):
                heard.append(line)
            if "slow" not in server.world.users:
                break
        ann.says("PRIVMSG #c :enough")
        heard += iter(bob.line, f":{next(iter(server.world.users.values())).prefix} PRIVMSG #c :enough")
        assert [line.partition(" ")[2] for line in heard if " QUIT " in line] == ["QUIT :SendQ exceeded"]
        assert sum(line.endswith(text) for line in heard) % 300 == 0


def test_who_talks_too_fast_waits_and_is_heard_in_the_end() -> None:
    """RFC 1459 8.10; and what is more than may wait ends the connection."""
    config = Config(name="irc.home.test", network="Home")
    with served(IrcServer(config, limits=ServerLimits(burst=2.0))) as running, connected(running, 2) as (ann, eve):
        ann.joins("ann")
        eve.joins("eve")
        begun = time.monotonic()
        ann.says(*["LUSERS"] * 3, "PING end")
        ann.skips_to("PONG")
        assert time.monotonic() - begun > 0.9
        eve.says(*[f"PRIVMSG ann :{'x' * 400}"] * 60)
        assert eve.skips_to("ERROR") == "ERROR :Closing Link: 127.0.0.1 (Excess Flood)"


def test_a_web_page_is_not_listened_to() -> None:
    """A browser may be made to send a POST here: whose body would be commands."""
    with served(IrcServer(CONFIG)) as running, connected(running) as (wire,):
        wire.sock.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\n\r\nNICK ann\r\nUSER ann 0 * :Ann\r\n")
        assert wire.line() == ""


def test_stopping_in_good_order() -> None:
    """Everyone is told, once; and nobody of the others' leaving."""
    server = IrcServer(CONFIG)
    with served(server) as running, connected(running, 3) as wires:
        for number, wire in enumerate(wires):
            wire.joins(f"user{number}", "#c")
        stopping = asyncio.run_coroutine_threadsafe(running.listener.stop(20.0), running.loop)
        for wire in wires:
            lines = list(iter(wire.line, ""))
            assert lines[-1] == "ERROR :Closing Link: 127.0.0.1 (Server shutting down)"
            assert not any(" QUIT " in line for line in lines)
            wire.sock.close()
        assert stopping.result(20) == 0
        assert not server.world.connections


PROGRAM = """
import sys
from pathlib import Path
from wirespeak.irc.config import Config
from wirespeak.irc.server import serve
config = Config(name="irc.home.test", network="Home")
serve("127.0.0.1:0", config=config, accounts=Path(sys.argv[1]), on_ready=lambda places: print(*places, flush=True))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_whole_program(tmp_path: Path, number: signal.Signals) -> None:
    """`serve` tells where it listens, keeps the accounts in a file, and ends by a signal with exit code 0."""
    file = tmp_path / "accounts.db"
    for password in ("REGISTER * * sesame", ""):
        with subprocess.Popen([sys.executable, "-c", PROGRAM, str(file)], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            try:
                host, _, port = process.stdout.readline().strip().rpartition(":")
                with socket.create_connection((host, int(port)), timeout=20) as sock:
                    ann = Wire(sock)
                    ann.says("CAP LS 302", "CAP REQ sasl", "NICK ann", "USER ann 0 * :Ann")
                    if password:
                        ann.says(password)
                        ann.skips_to("REGISTER SUCCESS")
                    else:
                        ann.says("AUTHENTICATE PLAIN", "AUTHENTICATE AGFubgBzZXNhbWU=")
                        ann.skips_to(" 903 ")
                    ann.says("CAP END")
                    ann.skips_to(" 001 ")
                    process.send_signal(number)
                    ann.skips_to("(Server shutting down)")
                assert process.wait(20) == 0
            finally:
                process.kill()


def test_codes_are_mailed_where_there_is_a_mail_server() -> None:
    accounts = open_accounts(Config(mail_server="localhost:25", mail_from="irc@home.test"), None)
    assert accounts.email_required
    accounts.close()
