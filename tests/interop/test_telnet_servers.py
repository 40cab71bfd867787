"""Our Telnet client with the servers that others made: inetutils' telnetd, busybox's and telnetlib3's.

Behind each stands the same program on a pseudo-terminal (telnet_program.py). It is spoken with by the library, and by
``wirespeak telnet connect``, which a person types at.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.telnet_peers import HOSTS, WITHIN, Host, at_terminal
from tests.interop.telnet_program import checksum, payload
from wirespeak.telnet import BlockingClient, Client, Code, client_options
from wirespeak.telnet.grammar import BINARY, ECHO, NAWS, SGA, TTYPE

SIZE = 300_000
"""Bytes of a file: many times what a terminal holds."""

CONNECT = [sys.executable, "-m", "wirespeak", "telnet", "connect"]
NEEDS = {"inetutils": ["telnetd"], "busybox": ["busybox"], "telnetlib3": []}
"""The peers, by the names of peers.apt; telnetlib3 comes with the other packages of Python's that tests need."""


def each(*names: str) -> pytest.MarkDecorator:
    """The test runs once with each of these servers."""
    return pytest.mark.parametrize("host", [pytest.param(name, marks=pytest.mark.peer(*NEEDS[name])) for name in names], indirect=True)


every_host = each(*HOSTS)


@pytest.fixture
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Host]:
    with HOSTS[request.param](tmp_path) as running:
        yield running


@pytest.fixture
def client(host: Host) -> Iterator[BlockingClient]:
    """The library's client, for who blocks, at the program's beginning."""
    options = client_options(terminal=("XTERM",), columns=99, rows=33)
    with BlockingClient.connect(f"127.0.0.1:{host.port}", options=options, timeout=WITHIN) as connected:
        hear(connected, "ready")
        yield connected


def hear(client: BlockingClient, answer: str) -> re.Match[bytes]:
    """Wait for the program's answer."""
    return client.expect([re.compile(rb"= %s\r*\n" % answer.encode())]).match


def ask(client: BlockingClient, line: str, answer: str) -> re.Match[bytes]:
    """Type a line, with the key Enter."""
    client.write(f"{line}\r".encode())
    return hear(client, answer)


# --- the library ------------------------------------------------------------------------------------------------------


@every_host
def test_a_host_learns_of_our_terminal(host: Host, client: BlockingClient) -> None:
    """RFC 1073: the size, and each new one. RFC 1091: the name, which a host may write in small letters."""
    ask(client, "size", "size 99x33")
    if not client.session.us(TTYPE):  # busybox doesn't ask
        assert host.name == "busybox"
    else:
        ask(client, "name", "name xterm")
    client.resize(40, 20)
    hear(client, "size 40x20")
    assert client.session.us(NAWS)


@each("inetutils", "telnetlib3")
def test_a_window_as_wide_as_iac(client: BlockingClient) -> None:
    """RFC 855: IAC is doubled within a subnegotiation too. (busybox takes the first for all.)"""
    client.resize(255, 20)
    hear(client, "size 255x20")
    client.resize(0xFFFE, 256)
    hear(client, "size 65534x256")


@every_host
def test_a_host_echoes(client: BlockingClient) -> None:
    """RFC 857, 858."""
    ask(client, "say grüße, 漢字", "said grüße, 漢字")
    assert client.session.him(ECHO)
    assert client.session.him(SGA)


@every_host
def test_an_interrupt_is_typed(client: BlockingClient) -> None:
    ask(client, "wait", "waiting")
    client.write(b"\x03")
    hear(client, "interrupted")


@each("inetutils")
def test_commands_are_understood(client: BlockingClient) -> None:
    """RFC 854: IP interrupts, AYT is answered, EC and EL edit; a Synch is sent urgently. (The others know but few of them.)"""
    ask(client, "wait", "waiting")
    client.command(Code.IP)
    hear(client, "interrupted")
    client.command(Code.AYT)
    client.read_until(b"[Yes]")
    client.write(b"say not this")
    client.command(Code.EL)
    client.write(b"say thist")
    client.command(Code.EC)
    client.write(b"\r")
    hear(client, "said this")
    client.command(Code.DM)
    ask(client, "say after it", "said after it")


@each("inetutils")
def test_a_file_comes_and_goes_byte_for_byte(client: BlockingClient) -> None:
    """RFC 856: in BINARY every byte is itself, and IAC alone is doubled."""
    client.session.ask_us(BINARY)
    client.session.ask_him(BINARY)
    data = payload(SIZE)
    ask(client, "name", "name xterm")
    assert client.session.us(BINARY)
    assert client.session.him(BINARY)
    client.write(b"get %d\r" % SIZE)
    client.read_until(b"go\n")
    assert client.read_until(b"= got").removesuffix(b"= got") == data
    client.write(b"put %d\r" % SIZE)
    client.read_until(b"go\n")
    client.write(data)
    client.read_until(b"= sum ")
    assert client.read_until(b"\n").decode().strip() == checksum(data)


@each("telnetlib3")
def test_a_file_at_a_host_that_takes_delete_for_backspace(host: Host) -> None:
    """In BINARY too; and it reads and writes text alone, here of one byte a character. All else is as it was."""
    options = client_options(charsets=("ISO-8859-1",))
    data = payload(SIZE // 10)
    with BlockingClient.connect(f"127.0.0.1:{host.port}", options=options, timeout=WITHIN) as client:
        hear(client, "ready")
        client.session.ask_us(BINARY)
        client.session.ask_him(BINARY)
        ask(client, "say hello", "said hello")
        client.write(b"get %d\r" % len(data))
        client.read_until(b"go\n")
        assert client.read_until(b"= got").removesuffix(b"= got") == data
        client.write(b"put %d\r" % len(data))
        client.read_until(b"go\n")
        client.write(data)
        client.read_until(b"= sum ")
        assert client.read_until(b"\n").decode().strip() == checksum(data.replace(b"\x7f", b"\b"))


@each("busybox")
def test_a_host_without_binary(client: BlockingClient) -> None:
    """It refuses, and is not asked again (RFC 1143): what is no line's end still goes as it is, IAC too."""
    client.session.ask_us(BINARY)
    client.session.ask_him(BINARY)
    data = payload(SIZE).replace(b"\r", b"").replace(b"\n", b"").replace(b"\0", b"")
    ask(client, "say hello", "said hello")
    assert not client.session.us(BINARY)
    assert not client.session.him(BINARY)
    client.write(b"put %d\r" % len(data))
    client.read_until(b"go\n")
    client.write(data)
    client.read_until(b"= sum ")
    assert client.read_until(b"\n").decode().strip() == checksum(data)


@every_host
def test_the_end(client: BlockingClient) -> None:
    client.write(b"quit\r")
    client.read_all()
    assert client.ended


@every_host
def test_who_awaits_has_the_same_client(host: Host) -> None:
    async def visit() -> bytes:
        options = client_options(terminal=("VT100",), columns=40, rows=20)
        async with await Client.connect(f"127.0.0.1:{host.port}", options=options, timeout=WITHIN) as client:
            await client.read_until(b"= ready")
            await client.write(b"size\r")
            await client.read_until(b"= size 40x20")
            await client.write(b"quit\r")
            return await client.read_all()

    assert b"=" not in asyncio.run(visit())


# --- a person ---------------------------------------------------------------------------------------------------------


@every_host
def test_a_person_at_a_terminal(host: Host) -> None:
    """Window, echo, interrupt, and the prompt behind the escape character."""
    with at_terminal(*CONNECT, "127.0.0.1", host.port) as screen:
        screen.hear("ready")
        screen.ask("size", "size 99x33")
        screen.ask("name", "name xterm")
        screen.ask("modes", "modes icanon echo")
        start = len(screen.shown)
        screen.ask("say onx\x7fe", "said one")
        assert re.fullmatch(rb"say onx\x08 \x08e\r+\n= said one\r+\n", bytes(screen.shown[start:]).replace(b"\0", b""))
        screen.resize(111, 40)
        screen.hear("size 111x40")
        screen.ask("wait", "waiting")
        screen.type("\x03")
        screen.hear("interrupted")
        screen.type("\x1d")
        screen.see("telnet> ")
        screen.type("status\r")
        screen.see("Connected to 127.0.0.1", "escape character is")
        screen.type("quit\r")
        assert screen.end() == 0


@every_host
def test_the_host_hangs_up_on_a_person(host: Host) -> None:
    with at_terminal(*CONNECT, "127.0.0.1", host.port) as screen:
        screen.hear("ready")
        screen.type("quit\r")
        screen.see("Connection closed")
        assert screen.end() == 0


@each("inetutils", "busybox")
def test_lines_from_a_pipe(host: Host) -> None:
    """Standard input is no terminal: it is said, and what comes is written. (telnetlib3 hangs up on who has said all.)"""
    done = subprocess.run(
        [*CONNECT, "127.0.0.1", str(host.port)], input=b"say hello\nquit\n", capture_output=True, timeout=2 * WITHIN, check=False
    )
    assert done.returncode == 0, done
    assert b"= said hello" in done.stdout
