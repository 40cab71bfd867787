"""``wirespeak telnet connect``: at a terminal, with what is piped in, and by script; against our server, others', and web servers."""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.interop.telnet_peers import HOSTS, Terminal, at_terminal, inetutils
from tests.raw import accepting, cut_off, read_request
from tests.sockets.serving import served
from wirespeak.sockets.authority import Authority
from wirespeak.sockets.tls import ROOT_CERTIFICATE, server_context
from wirespeak.telnet.server import Host, TelnetServer
from wirespeak.telnet.visitor import Visitor

CONNECT = [sys.executable, "-m", "wirespeak", "telnet", "connect"]
LOCAL = "LOCAL> "
"""The prompt of the shell that the client is started from."""

PAGE = b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n<p>\n\x1b]0;owned\x07\x1b[6nhello</p>\n"


async def parrot(visitor: Visitor) -> None:
    """Asks for a name and a password, and repeats what it is told."""
    name = await visitor.ask("name? ")
    password = await visitor.password("password? ")
    await visitor.say(f"hello {name}, {len(password or '')} letters; {visitor.columns}x{visitor.rows} {visitor.terminal}")
    async for line in visitor:
        if line == "size":
            await visitor.say(f"now {visitor.columns}x{visitor.rows}")
        elif line == "quit":
            return
        else:
            await visitor.say(f"{line}! {line}!")


@pytest.fixture
def host() -> Iterator[Callable[..., str]]:
    """``host(function)`` serves it until the test ends; its host and port, as two words."""
    with ExitStack() as stack:

        def start(function: Host = parrot, **options: Any) -> str:
            return "{} {}".format(*stack.enter_context(served(TelnetServer(function), **options)).address)

        yield start


@pytest.fixture
def web() -> Iterator[str]:
    """A web server that answers each request with `PAGE`, and ends; its host and port."""

    def answer(sock: socket.socket) -> None:
        assert read_request(sock).startswith(b"GET /")
        sock.sendall(PAGE)

    with accepting(answer) as port:
        yield f"127.0.0.1 {port}"


def connect(
    *words: str, data: bytes = b"", env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run the command with ``data`` piped in."""
    around = {**os.environ, **(env or {})}
    return subprocess.run([*CONNECT, *words], input=data, capture_output=True, timeout=40, env=around, cwd=cwd, check=False)


def place(address: str) -> tuple[str, str]:
    name, port = address.split()
    return name, port


@contextmanager
def in_a_shell(
    tmp_path: Path, words: str, *, columns: int = 99, rows: int = 33, env: Mapping[str, str] | None = None
) -> Iterator[Terminal]:
    """The command, typed into a shell with job control at a terminal of its own."""
    settings = tmp_path / "rc"
    settings.write_text(f"PS1='{LOCAL}'\nbind 'set enable-bracketed-paste off'\nalias connect='{shlex.join(CONNECT)}'\n")
    with at_terminal("bash", "--noprofile", "--rcfile", settings, "-i", cwd=Path.cwd(), columns=columns, rows=rows, env=env) as terminal:
        terminal.see(LOCAL)
        terminal.type("stty -g\r")
        before = terminal.see(rb"\n([0-9a-f:]+)\r\n")[1]
        terminal.see(LOCAL)
        terminal.type(f"connect {words}\r")
        terminal.see("connect[^\r]*\r\n")
        yield terminal
        terminal.type("stty -g\r")
        assert terminal.see(rb"\n([0-9a-f:]+)\r\n")[1] == before, "the terminal is not as it was"


def code_of(terminal: Terminal) -> int:
    """The exit code, once the shell's prompt is back."""
    terminal.see(LOCAL)
    terminal.type("echo code=$?\r")
    code = int(terminal.see(rb"code=(\d+)\r\n")[1])
    terminal.see(LOCAL)
    return code


# --- at a terminal


def test_a_conversation_at_a_terminal(host: Callable[..., str], tmp_path: Path) -> None:
    with in_a_shell(tmp_path, host(), columns=90, rows=30) as terminal:
        terminal.see(r"Connected to 127.0.0.1:\d+\.\r\n", r"Escape character is '\^\]'\.\r\n", r"name\? ")
        terminal.type("aX\x7fnn\r")
        terminal.see(r"password\? ")
        terminal.type("secret\r")
        terminal.see("hello ann, 6 letters; 90x30 xterm")
        assert b"secret" not in terminal.shown
        terminal.resize(100, 40)
        while b"now 100x40" not in terminal.shown:  # the signal may come behind the line
            terminal.type("size\r")
            terminal.see(r"now \d+x\d+\r\n")
        terminal.type("quit\r")
        terminal.see(r"Connection closed by 127.0.0.1:\d+\.")
        assert code_of(terminal) == 0


def test_the_prompt_and_its_commands(host: Callable[..., str], tmp_path: Path) -> None:
    address = host()
    with in_a_shell(tmp_path, address) as terminal:
        terminal.see(r"name\? ")
        terminal.type("\x1d")
        terminal.see("telnet> ")
        terminal.type("status\r")
        terminal.see("Connected to", "the host echoes", r"Options there: ECHO SUPPRESS-GO-AHEAD", r"escape character is \^\]")
        terminal.type("\x1dclose\r")
        terminal.see("telnet> ", "Connection closed.", "telnet> ")
        terminal.type("open 127.0.0.1 1\r")
        terminal.see("nothing listens there", "telnet> ")
        terminal.type(f"open {address}\r")
        terminal.see(r"name\? ")
        terminal.type("\x1dquit\r")
        assert code_of(terminal) == 0


def test_without_a_host_the_prompt_stands_first(host: Callable[..., str], tmp_path: Path) -> None:
    with in_a_shell(tmp_path, "") as terminal:
        terminal.see("telnet> ")
        terminal.type(f"open {host()}\r")
        terminal.see(r"name\? ")
        terminal.type("\x1dq\r")
        assert code_of(terminal) == 0


def test_suspended_and_taken_up_again(host: Callable[..., str], tmp_path: Path) -> None:
    with in_a_shell(tmp_path, host()) as terminal:
        terminal.see(r"name\? ")
        terminal.type("\x1dz\r")
        terminal.see("Stopped", LOCAL)
        terminal.type("stty -a\r")
        terminal.see(" icanon", " echo ", LOCAL)
        terminal.resize(70, 20)
        terminal.type("fg\r")
        terminal.see(r"fg\r\n", r"connect [^\r]*\r\n")
        terminal.type("bob\r")
        terminal.see(r"password\? ")
        terminal.type("\r")
        terminal.see("hello bob, 0 letters")
        terminal.type("size\r")
        terminal.see("now 70x20")
        terminal.type("quit\r")
        terminal.see("Connection closed")
        assert code_of(terminal) == 0


def test_a_request_typed_by_hand(web: str, tmp_path: Path) -> None:
    """Everybody's first exercise: lines with an echo, nothing of Telnet said, and nothing obeyed of what comes."""
    with in_a_shell(tmp_path, web) as terminal:
        terminal.see("Escape character")
        terminal.type("GEX\x7fT / HTTP/1.0\r")
        terminal.see(r"HTTP/1\.0\r\n")
        terminal.type("\r")
        terminal.see(r"200 OK\r\nContent-Type: text/html\r\n\r\n<p>\r\nhello</p>\r\n", "Connection closed by")
        assert code_of(terminal) == 0
        assert b"owned" not in terminal.shown


def test_raw_lets_everything_through(web: str, tmp_path: Path) -> None:
    with in_a_shell(tmp_path, f"--raw {web}") as terminal:
        terminal.see("Escape character")
        terminal.type("GET / HTTP/1.0\r\r")
        terminal.see("\x1b]0;owned\x07\x1b\\[6nhello")
        assert code_of(terminal) == 0


@pytest.mark.peer("telnetd")
def test_a_flood_can_be_interrupted(tmp_path: Path) -> None:
    with inetutils("/bin/bash", "--norc", "--noprofile") as host, in_a_shell(tmp_path, f"127.0.0.1 {host.port}") as terminal:
        terminal.see(r"\$ |# ")
        terminal.type("yes flood\r")
        terminal.see("(flood\r\n){1000}")
        terminal.type("\x03")
        terminal.see(r"\$ |# ", longest=2)  # the ^C itself may be thrown away with the rest of the flood (RFC 854, Synch)
        terminal.type("exit\r")
        assert code_of(terminal) == 0


@pytest.mark.parametrize("key", ["\x03", "\x1c"])
def test_an_interrupt_ends_a_conversation_with_who_knows_no_telnet(tmp_path: Path, key: str) -> None:
    done = threading.Event()

    def wait(sock: socket.socket) -> None:
        assert sock.recv(1) == b""
        done.set()

    with accepting(wait) as port, in_a_shell(tmp_path, f"127.0.0.1 {port}") as terminal:
        terminal.see("Escape character")
        terminal.type(key)
        assert code_of(terminal) == 130
        assert done.wait(20)


def test_the_end_of_input_leaves_a_server_its_word(tmp_path: Path) -> None:
    def count(sock: socket.socket) -> None:
        size = 0
        while data := sock.recv(100):
            size += len(data)
        sock.sendall(b"%d bytes" % size)

    with accepting(count) as port, in_a_shell(tmp_path, f"127.0.0.1 {port}") as terminal:
        terminal.see("Escape character")
        terminal.type("abc\r")
        terminal.type("\x04")
        terminal.see("5 bytes", "Connection closed by")
        assert code_of(terminal) == 0


def test_a_connection_that_is_cut_off(tmp_path: Path) -> None:
    def cut(sock: socket.socket) -> None:
        sock.recv(10)
        cut_off(sock)

    with accepting(cut) as port, in_a_shell(tmp_path, f"127.0.0.1 {port}") as terminal:
        terminal.see("Escape character")
        terminal.type("x\r")
        terminal.see("Connection to .* lost: .* cut the connection off")
        assert code_of(terminal) == 5


def test_a_signal_that_ends_programs_leaves_the_terminal_as_it_was(host: Callable[..., str], tmp_path: Path) -> None:
    with in_a_shell(tmp_path, host()) as terminal:
        terminal.see(r"name\? ")
        terminal.type("\x1dz\r")
        terminal.see("Stopped", LOCAL)
        terminal.type("kill -TERM %1; fg\r")
        assert code_of(terminal) == 130


def test_another_escape_character(host: Callable[..., str], tmp_path: Path) -> None:
    with in_a_shell(tmp_path, f"-e ^E {host()}") as terminal:
        terminal.see(r"Escape character is '\^E'", r"name\? ")
        terminal.type("\x05quit\r")
        assert code_of(terminal) == 0


def test_the_log_has_what_was_shown(host: Callable[..., str], tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("older\n")
    with in_a_shell(tmp_path, f"--log {log} {host()}") as terminal:
        terminal.see(r"name\? ")
        terminal.type("ann\r")
        terminal.see(r"password\? ")
        terminal.type("secret\r")
        terminal.see("hello ann")
        terminal.type("\x1dquit\r")
        assert code_of(terminal) == 0
    logged = log.read_text()
    assert logged.startswith("older\n")
    assert "name? ann" in logged
    assert "hello ann, 6 letters" in logged
    assert "secret" not in logged


@pytest.mark.parametrize("name", HOSTS)
@pytest.mark.peer("telnetd", "busybox")
def test_hosts_that_others_made(name: str, tmp_path: Path) -> None:
    """Window size, terminal type, lines, an interrupt; and the environment has nothing that wasn't configured."""
    words, env = "--user ann --env LANG=C 127.0.0.1", {"DISPLAY": ":7"}
    with HOSTS[name](tmp_path) as host, in_a_shell(tmp_path, f"{words} {host.port}", columns=91, rows=31, env=env) as terminal:
        terminal.see("ready")
        terminal.ask("say hello", "said hello")
        terminal.ask("name", "name xterm")
        terminal.ask("size", "size 91x31")
        terminal.resize(50, 20)
        terminal.see("size 50x20")
        terminal.ask("variable DISPLAY", "variable DISPLAY=None")
        terminal.type("wait\r")
        terminal.see("waiting")
        terminal.type("\x03")
        terminal.see("interrupted")
        terminal.type("quit\r")
        terminal.see("Connection closed by")
        assert code_of(terminal) == 0


# --- what is piped in


def test_what_is_piped_in_is_said_and_all_is_written_out(web: str) -> None:
    ran = connect(*place(web), data=b"GET / HTTP/1.0\n\n")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, PAGE, b"")


def test_lines_that_end_as_they_should_are_not_ended_twice(web: str) -> None:
    assert connect(*place(web), data=b"GET / HTTP/1.0\r\n\r\n").stdout == PAGE


def test_bytes_are_bytes_both_ways() -> None:
    """A server that doesn't negotiate gets, and says, just bytes: IACs are not doubled, a CR stands alone."""
    data = bytes(range(256)).replace(b"\n", b"") * 1000
    came = bytearray()

    def repeat(sock: socket.socket) -> None:
        while piece := sock.recv(65536):
            came.extend(piece)
            sock.sendall(piece)

    with accepting(repeat) as port:
        ran = connect("--linger", "0.2", "127.0.0.1", str(port), data=data)
    assert ran.returncode == 0
    assert came == data
    assert ran.stdout == data


def test_a_telnet_host_is_heard_out(host: Callable[..., str]) -> None:
    ran = connect(*place(host()), "--linger", "0.5", data=b"ann\nsecret\nhello\n")
    assert ran.returncode == 0
    assert b"hello! hello!" in ran.stdout
    assert b"\xff" not in ran.stdout


def test_who_never_ends_is_waited_for_no_longer_than_the_limit() -> None:
    hold = threading.Event()

    def stay(sock: socket.socket) -> None:
        sock.sendall(b"hello\r\n")
        hold.wait(30)

    with accepting(stay) as port:
        ran = connect("127.0.0.1", str(port), "--linger", "0.1", "--timeout", "0.3")
        hold.set()
    assert (ran.returncode, ran.stdout) == (3, b"hello\r\n")
    assert b"in time" in ran.stderr


def test_what_may_be_told(host: Callable[..., str]) -> None:
    """CVE-2000-0892: the host asks for all; it gets what was named, and of the rest nothing."""
    asked = threading.Event()
    heard = bytearray()

    def ask(sock: socket.socket) -> None:
        sock.sendall(b"\xff\xfd\x27\xff\xfa\x27\x01\xff\xf0")
        while not heard.endswith(b"\xff\xf0") and (data := sock.recv(1000)):
            heard.extend(data)
        asked.set()

    with accepting(ask) as port:
        words = ("--user", "ann", "--env", "LANG=de", "--env", "COLORTERM", "127.0.0.1", str(port))
        assert connect(*words, env={"COLORTERM": "yes", "SECRET": "no"}).returncode == 0
    assert asked.is_set()
    assert heard == b"\xff\xfb\x27\xff\xfa\x27\x00\x00USER\x01ann\x03LANG\x01de\x03COLORTERM\x01yes\xff\xf0"


def test_json(host: Callable[..., str]) -> None:
    ran = connect("--json", "--linger", "0.5", *place(host()), data=b"ann\nx\nquit\n")
    events = [json.loads(line) for line in ran.stdout.splitlines()]
    assert events[0]["event"] == "connected"
    assert events[0]["tls"] is False
    assert {"event": "option", "option": "ECHO", "side": "there", "on": True} in events
    assert "hello ann" in "".join(event.get("text", "") for event in events)
    assert events[-1] == {"event": "closed"}


def test_explain(host: Callable[..., str]) -> None:
    ran = connect("--explain", "--linger", "0.5", *place(host()), data=b"ann\nx\nquit\n")
    told = ran.stderr.decode()
    assert re.search(r"← .*WILL ECHO", told)
    assert re.search(r"→ .*DO ECHO", told)
    assert "RFC 857" in told
    assert b"hello ann" in ran.stdout


# --- by script


def script(tmp_path: Path, text: str) -> str:
    path = tmp_path / "script"
    path.write_text(text)
    return str(path)


def test_a_script(host: Callable[..., str], tmp_path: Path) -> None:
    steps = """
# log in
expect "name? "
send ann
expect "nothing of the kind" /pass[a-z]+\\? /
secret PARROT_PASSWORD
expect "hello ann, 6 letters"
type "one\\x20"
send two
expect "one two! one two!"
command AYT
timeout 5
expect "\\r\\n"
send quit
"""
    ran = connect("--script", script(tmp_path, steps), *place(host()), env={"PARROT_PASSWORD": "secret"})
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert b"one two! one two!" in ran.stdout


def test_a_script_from_the_standard_input(host: Callable[..., str]) -> None:
    ran = connect("--script", "-", *place(host()), data=b'expect "name? "\nclose\n')
    assert ran.returncode == 0
    assert ran.stdout.endswith(b"name? ")


def test_what_does_not_come_in_time_fails_the_script(host: Callable[..., str], tmp_path: Path) -> None:
    ran = connect("--script", script(tmp_path, 'timeout 0.3\nexpect "login: "\n'), *place(host()))
    assert ran.returncode == 3
    assert b"b'login: ' did not come in time; what came ends in" in ran.stderr
    assert b"name? " in ran.stdout


def test_who_ends_before_what_is_expected_fails_the_script(tmp_path: Path) -> None:
    with accepting(lambda sock: sock.sendall(b"bye")) as port:
        ran = connect("--script", script(tmp_path, "expect hello"), "127.0.0.1", str(port))
    assert (ran.returncode, ran.stdout) == (5, b"bye")


# --- how it ends


def test_exit_codes(tmp_path: Path, free_port: Callable[[], int]) -> None:
    assert connect("127.0.0.1", str(free_port())).returncode == 3
    assert connect("127.0.0.1", "nosuchport").returncode == 2
    assert connect("a host").returncode == 2
    assert connect().returncode == 2
    assert connect("-e", "much", "localhost").returncode == 2
    assert connect("--env", "NOT_SET_HERE", "localhost").returncode == 2
    assert connect("--script", script(tmp_path, "dance"), "localhost").returncode == 2


def test_tls(host: Callable[..., str], tmp_path: Path) -> None:
    authority = Authority.open(tmp_path / "authority")
    address = place(host(tls=server_context(authority)))
    root = str(authority.folder / ROOT_CERTIFICATE)
    ran = connect("--tls", "--ca", root, "--linger", "0.5", *address, data=b"ann\nx\nquit\n")
    assert ran.returncode == 0, ran.stderr
    assert b"hello ann" in ran.stdout
    stranger = str(Authority.open(tmp_path / "stranger").folder / ROOT_CERTIFICATE)
    assert connect("--tls", "--ca", stranger, *address).returncode == 5
    assert connect("--tls", "--insecure", "--linger", "0.5", *address, data=b"ann\nx\nquit\n").returncode == 0
