"""Our Telnet server with the programs that people have: inetutils' and netkit's telnet, PuTTY's plink, busybox, curl and TinTin++.

Each sits at a real pseudo-terminal and is typed at. Behind the server stands a program on a pseudo-terminal of its own
(telnet_program.py), which tells what it sees of the other one; or the menu that ``wirespeak telnet serve`` has by itself.
"""

from __future__ import annotations

import os
import re
import secrets
import shlex
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.peers import find
from tests.interop.telnet_peers import CLIENTS, PROGRAM, WITHIN, Host, Terminal, at_terminal, wirespeak
from tests.interop.telnet_program import checksum, payload
from wirespeak.sasl import ScramKeys
from wirespeak.sockets.authority import Authority

SIZE = 300_000
"""Bytes of a file: many times what a terminal holds."""

PASSWORD = "pa55,w=rd+/"


def each(*names: str) -> pytest.MarkDecorator:
    """The test runs once with each of these clients."""
    return pytest.mark.parametrize("client", [pytest.param(CLIENTS[name], id=name, marks=pytest.mark.peer(name)) for name in names])


every_client = each(*CLIENTS)
Client = Callable[[int], list[str]]


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    """A server with the program behind it."""
    with wirespeak("--exec", shlex.join(PROGRAM)) as running:
        yield running


@pytest.fixture(scope="module")
def line_host() -> Iterator[Host]:
    """The same; lines are edited on the visitor's side."""
    with wirespeak("--line-mode", "--exec", shlex.join(PROGRAM)) as running:
        yield running


@pytest.fixture(scope="module")
def menu() -> Iterator[Host]:
    """The server as it comes."""
    with wirespeak() as running:
        yield running


# --- a program on a terminal ------------------------------------------------------------------------------------------


@every_client
def test_a_program_sees_the_visitors_terminal(host: Host, client: Client) -> None:
    """RFC 1073, 1091: its size and its name; and the program's terminal reads lines and echoes, as any does."""
    with at_terminal(*client(host.port)) as screen:
        screen.hear("ready")
        screen.ask("size", "size 99x33")
        screen.ask("name", "name xterm")
        screen.ask("modes", "modes icanon echo")
        screen.ask("say grüße, 漢字", "said grüße, 漢字")
        screen.type("quit\r")
        screen.end()


@each("inetutils-telnet", "telnet-ssl", "plink")
def test_a_window_is_taken_by_its_corner(host: Host, client: Client) -> None:
    """RFC 1073: each new size is told, and the program gets SIGWINCH. (busybox tells the first alone.)"""
    with at_terminal(*client(host.port)) as screen:
        screen.hear("ready")
        screen.ask("size", "size 99x33")
        for columns, rows in ((40, 20), (255, 66), (300, 100)):  # 255 is IAC, doubled in a subnegotiation too (RFC 855)
            screen.resize(columns, rows)
            screen.hear(f"size {columns}x{rows}")


@every_client
def test_what_is_typed_is_echoed_once(host: Host, client: Client) -> None:
    """RFC 857: the server echoes, and the client doesn't; Backspace takes a character away."""
    with at_terminal(*client(host.port)) as screen:
        screen.hear("ready")
        start = len(screen.shown)
        screen.ask("say onx\x7fe", "said one")
        assert bytes(screen.shown[start:]).replace(b"\0", b"") == b"say onx\b \be\r\n= said one\r\n"


@every_client
def test_ctrl_c_interrupts_the_program(host: Host, client: Client) -> None:
    with at_terminal(*client(host.port)) as screen:
        screen.hear("ready")
        screen.ask("wait", "waiting")
        screen.type("\x03")
        screen.hear("interrupted")
        screen.ask("say still here", "said still here")


@every_client
def test_ctrl_d_ends_the_program(host: Host, client: Client) -> None:
    with at_terminal(*client(host.port)) as screen:
        screen.hear("ready")
        screen.type("\x04")
        screen.end()


@pytest.mark.peer("inetutils-telnet", "telnet-ssl")
@pytest.mark.parametrize("name", ["inetutils-telnet", "telnet-ssl"])
def test_commands_sent_from_the_prompt(host: Host, name: str) -> None:
    """RFC 854: IP interrupts, BREAK too; AYT is answered by what a person can read; AO drops what was written; EC and EL edit."""
    with at_terminal(name, "127.0.0.1", host.port) as screen:

        def send(command: str) -> None:
            screen.type("\x1d")
            screen.see("telnet[a-z-]*> ")
            screen.type(f"send {command}\r")

        screen.hear("ready")
        for command in ("ip", "brk"):
            screen.ask("wait", "waiting")
            send(command)
            screen.hear("interrupted")
        send("ayt")
        screen.see(rb"(?i)\r\n\[[^\r]*\]\r\n")
        screen.type("say not this")
        send("el")
        screen.type("say thist")
        send("ec")
        screen.type("\r")
        screen.hear("said this")
        send("ao")
        screen.ask("say after it", "said after it")
        send("synch")
        screen.ask("say synched", "said synched")


@pytest.mark.peer("inetutils-telnet")
def test_status_is_told(host: Host) -> None:
    """RFC 859: the client asks how we see the options, and says so."""
    with at_terminal("inetutils-telnet", "127.0.0.1", host.port) as screen:
        screen.hear("ready")
        screen.type("\x1d")
        screen.see("telnet[a-z-]*> ")
        screen.type("toggle options\r")
        screen.see("Will show option processing")
        screen.type("\r\x1d")
        screen.see("telnet[a-z-]*> ")
        screen.type("send do status\r")
        screen.see("RCVD WILL STATUS")
        screen.type("\x1d")
        screen.see("telnet[a-z-]*> ")
        screen.type("send getstatus\r")
        screen.see("RCVD IAC SB STATUS IS", "WILL ECHO", "DO TERMINAL TYPE", "DO NAWS")


# --- line mode --------------------------------------------------------------------------------------------------------


@each("inetutils-telnet", "telnet-ssl")
def test_lines_are_edited_on_the_visitors_side(line_host: Host, client: Client) -> None:
    """RFC 1184: the client edits and echoes; an interrupt is a command, not a character; our terminal echoes nothing."""
    with at_terminal(*client(line_host.port)) as screen:
        screen.hear("ready")
        start = len(screen.shown)
        screen.ask("modes", "modes icanon")
        screen.ask("say onx\x7fe", "said one")
        assert bytes(screen.shown[start:]) == b"modes\r\n= modes icanon\r\nsay onx\b \be\r\n= said one\r\n"
        screen.ask("wait", "waiting")
        screen.type("\x03")
        screen.hear("interrupted")
        screen.type("quit\r")
        screen.end()


@each("plink")
def test_who_wants_an_echo_in_line_mode_gets_it(line_host: Host, client: Client) -> None:
    """PuTTY asks for ECHO by itself, and then sends key by key: the server has it so."""
    with at_terminal(*client(line_host.port)) as screen:
        screen.hear("ready")
        screen.ask("modes", "modes icanon echo")
        screen.ask("wait", "waiting")
        screen.type("\x03")
        screen.hear("interrupted")


@each("busybox")
def test_from_line_mode_to_character_mode(line_host: Host, client: Client) -> None:
    """RFC 858's note: ECHO and SUPPRESS-GO-AHEAD together are character mode; busybox asks for both by its menu."""
    with at_terminal(*client(line_host.port)) as screen:
        screen.hear("ready")
        screen.ask("modes", "modes icanon")
        screen.type("\x03")
        screen.see("Console escape")
        screen.type("c")
        screen.see("Entering character mode")
        screen.ask("modes", "modes icanon echo")


# --- files ------------------------------------------------------------------------------------------------------------

PIPED = {
    "inetutils-telnet": lambda port: ["inetutils-telnet", "-8E", "--", "127.0.0.1", f"-{port}"],
    "telnet-ssl": lambda port: ["telnet-ssl", "-8E", "--", "127.0.0.1", f"-{port}"],
}
"""Those that ask for BINARY. The port's hyphen tells telnet that it is Telnet's though it isn't 23: else it asks for nothing."""


class Piped:
    """A client between two pipes, as one gives it files. It ends with the block."""

    def __init__(self, command: list[str]) -> None:
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.came = bytearray()
        self.watch = threading.Timer(2 * WITHIN, self.process.kill)  # then its output ends
        self.watch.start()

    def __enter__(self) -> Piped:
        return self

    def __exit__(self, *error: object) -> None:
        self.watch.cancel()
        self.process.kill()
        self.process.communicate()

    def write(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def read_until(self, end: bytes, least: int = 0) -> bytes:
        """All up to ``end``, which isn't looked for in the first ``least`` bytes; AssertionError where the output ends first."""
        assert self.process.stdout is not None
        while (place := self.came.find(end, least)) < 0:
            piece = os.read(self.process.stdout.fileno(), 65536)
            assert piece, f"it ended after {len(self.came)} bytes: {bytes(self.came[:200])!r}"
            self.came += piece
        data = bytes(self.came[: place + len(end)])
        del self.came[: len(data)]
        return data


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.peer(name)) for name in PIPED])
def test_a_file_comes_and_goes_byte_for_byte(host: Host, name: str) -> None:
    """RFC 856: in BINARY every byte is itself, and IAC alone is doubled."""
    data = payload(SIZE)
    with Piped(PIPED[name](host.port)) as client:
        client.read_until(b"= ready")
        client.write(b"get %d\r" % SIZE)
        client.read_until(b"go\n")
        assert client.read_until(b"= got", SIZE).removesuffix(b"= got") == data
        client.write(b"put %d\r" % SIZE)
        client.read_until(b"go\n")
        client.write(data)
        client.read_until(b"= sum ")
        assert client.read_until(b"\n").decode().strip() == checksum(data)


@pytest.mark.peer("curl")
def test_curl_gets_a_file_byte_for_byte(host: Host) -> None:
    """It asks for BINARY by itself. But for what it loses whoever sends it: what comes behind a doubled IAC, and NUL behind CR."""
    said = curl(host, b"get %d ff00\rquit\r" % SIZE)
    assert payload(SIZE, b"\xff\0") in said


def curl(host: Host, said: bytes) -> bytes:
    """What curl hears. It says all that it has to say at once, and then listens until the end."""
    command = ["curl", "--silent", f"telnet://127.0.0.1:{host.port}"]
    return subprocess.run(command, input=said, stdout=subprocess.PIPE, timeout=2 * WITHIN, check=True).stdout


# --- the menu ---------------------------------------------------------------------------------------------------------


@every_client
def test_the_menu_in_character_mode(menu: Host, client: Client) -> None:
    with at_terminal(*client(menu.port)) as screen:
        look_round(screen)
        screen.end()


def look_round(screen: Terminal) -> None:
    screen.see("Welcome", "Who is here", "Goodbye", "> ?$")
    screen.type("w\r")
    screen.see("guest", "99x33", "xterm", "> ?$")
    screen.type("q\r")
    screen.see("Goodbye")


@pytest.mark.peer("curl")
def test_curl_at_the_menu(menu: Host) -> None:
    """No terminal, only lines."""
    shown = curl(menu, b"t\nq\n")
    assert re.search(rb"\d\d:\d\d", shown)
    assert shown.rstrip().endswith(b"Goodbye.")


@pytest.mark.peer("tt++")
def test_tintin_at_the_menu(menu: Host) -> None:
    """A player's client: it sends lines; of the names it tells the second is the terminal's (MUD Terminal Type Standard)."""
    with tintin(menu) as screen:
        screen.see("Welcome", "Goodbye")
        screen.type("w\r")
        screen.see("guest", "99x3[0-9]", "xterm")
        screen.type("q\r")
        screen.see("SESSION '?home'? DIED")


@pytest.mark.peer("tt++")
def test_tintin_with_a_program(host: Host) -> None:
    with tintin(host) as screen:
        screen.see("= ready")
        screen.type("size\r")
        screen.see("= size 99x3[0-9]")
        screen.type("say grüße\r")
        screen.see("= said grüße")
        screen.type("quit\r")
        screen.see("SESSION '?home'? DIED")


def tintin(host: Host) -> Any:
    return at_terminal(find("tt++") or "tt++", "-G", "-e", f"#session home 127.0.0.1 {host.port}")


# --- passwords, TLS, and who is no Telnet -----------------------------------------------------------------------------


@every_client
def test_a_password_is_not_shown(tmp_path: Path, client: Client) -> None:
    users = tmp_path / "users"
    users.touch(0o600)
    users.write_text(f"alice {ScramKeys.of(PASSWORD, secrets.token_bytes(16), 4096)}\n")
    with wirespeak("--exec", shlex.join(PROGRAM), "--users", users) as host:
        with at_terminal(*client(host.port)) as screen:
            for password in ("wrong", PASSWORD):
                screen.see("(?i)(login|user|name)[^\n]*: ?$")
                screen.type("alice\r")
                screen.see("(?i)password[^\n]*: ?$")
                screen.type(f"{password}\r")
            screen.hear("ready")
            screen.ask("size", "size 99x33")
        assert PASSWORD.encode() not in screen.shown
        assert b"wrong" not in screen.shown.lower().replace(b"wrong name or password", b"")


@pytest.mark.peer("telnet-ssl")
def test_telnet_over_tls(tmp_path: Path) -> None:
    """The client verifies our certificate by the local authority."""
    with wirespeak("--tls", "--exec", shlex.join(PROGRAM)) as host:
        authority = Authority.open().certificate_file
        with at_terminal("telnet-ssl", "-E", "-z", "ssl", "-z", "secure", "-z", f"cacert={authority}", "localhost", host.port) as screen:
            screen.hear("ready")
            screen.ask("size", "size 99x33")
            screen.ask("wait", "waiting")
            screen.type("\x03")
            screen.hear("interrupted")
            screen.type("quit\r")
            screen.end()


@pytest.mark.peer("curl")
def test_an_http_request_is_dropped_unseen(host: Host) -> None:
    """A web page must not be able to type at a terminal."""
    done = subprocess.run(
        ["curl", "--silent", "--http0.9", "--max-time", "10", "--data", "say hello", f"http://127.0.0.1:{host.port}/"],
        capture_output=True,
        timeout=WITHIN,
        check=False,
    )
    assert not re.search(rb"[a-z]{3}", done.stdout), done  # but what was said before: IAC WILL ECHO and so on
