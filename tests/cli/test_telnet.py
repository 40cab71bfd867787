"""``wirespeak telnet serve`` as its users meet it: with a real telnet at a real terminal, and what it refuses to do."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pexpect
import pytest

from tests.processes import Program
from tests.sockets.serving import read_all
from wirespeak.smtp import Users

Start = Callable[..., Program]

COMMAND = (sys.executable, "-m", "wirespeak", "telnet", "serve")


@pytest.fixture
def serve(start: Start) -> Callable[..., int]:
    """Start one on a free port: the port."""

    def run(*arguments: str | Path, **env: str) -> int:
        program = start([*COMMAND, "--bind", "127.0.0.1:0", "--json", *map(str, arguments)], env=env)
        listening = json.loads(program.wait_for(r'^\{"event":"listening".*\}$')[0])
        assert listening["transport"] == "tcp"
        return int(listening["port"])

    return run


@contextmanager
def telnet(port: int, *options: str, columns: int = 80, rows: int = 24, encoding: str | None = "utf-8", **env: str) -> Iterator[Any]:
    """Debian's telnet (inetutils), at a terminal."""
    surroundings = {**os.environ, "TERM": "xterm", **env}
    client = pexpect.spawn(
        "inetutils-telnet",
        [*options, "--", "127.0.0.1", str(port)],
        env=surroundings,
        encoding=encoding,
        timeout=20,
        dimensions=(rows, columns),
    )
    try:
        client.expect_exact("Escape character is")
        yield client
    finally:
        client.close(force=True)


def at_its_prompt(client: Any, command: str) -> None:
    """Say something to the client itself."""
    client.send("\x1d")
    client.expect_exact("telnet> ")
    client.sendline(command)


# --- the menu


@pytest.mark.peer("inetutils-telnet")
@pytest.mark.parametrize(("columns", "term", "coloured"), [(40, "vt100", False), (80, "xterm-256color", True)])
def test_the_menu_at_a_real_telnet(serve: Callable[..., int], columns: int, term: str, coloured: bool) -> None:
    with telnet(serve(), columns=columns, TERM=term) as client:
        client.expect("> $")
        assert ("\x1b[" in client.before) is coloured
        assert all(len(re.sub(r"\x1b\[[0-9;]*m", "", line)) < columns for line in client.before.split("\r\n"))
        client.send("x\x7fw\r")
        client.expect(rf"guest 1 \(you\) .* {columns}x24 +{term}")
        client.send("q\r")
        client.expect_exact("Connection closed by foreign host")


# --- a program


@pytest.mark.peer("inetutils-telnet")
def test_a_shell_at_a_real_telnet(serve: Callable[..., int]) -> None:
    """Its size, its name, its signals, and its size once more when that has changed."""
    port = serve("--exec", "/bin/sh")
    with telnet(port, columns=101, rows=31, ENV="", PS1="") as client:
        client.send("stty size; echo $TERM\r")
        client.expect_exact("31 101\r\nxterm")
        client.setwinsize(40, 120)
        client.send("sleep 0.2; stty size\r")
        client.expect_exact("40 120")
        client.send("sleep 1000\r")
        client.expect_exact("sleep 1000")
        client.send("\x03")
        client.send("echo inter''rupted\r")
        client.expect_exact("interrupted")
        client.send("sleep 1000\r")
        client.expect_exact("sleep 1000")
        at_its_prompt(client, "send brk")
        client.send("echo bro''ken\r")
        client.expect_exact("broken")
        at_its_prompt(client, "send ayt")
        client.expect_exact("[Yes]")
        client.send("exit\r")
        client.expect_exact("Connection closed by foreign host")


@pytest.mark.peer("inetutils-telnet")
def test_lines_edited_on_the_visitors_side(serve: Callable[..., int]) -> None:
    """What is typed is seen once, in the old line mode of the client, and in LINEMODE (RFC 1184)."""
    with telnet(serve("--exec", "/bin/cat")) as client:
        at_its_prompt(client, "mode line")
        at_its_prompt(client, "send ayt")
        client.expect_exact("[Yes]")  # by now all is agreed on
        client.send("one\r")
        client.expect_exact("one\r\none\r\n")
        client.send("two\r")
        client.expect_exact("two\r\ntwo\r\n")
        assert "two" not in client.before
    with telnet(serve("--exec", "/bin/cat", "--line-mode")) as client:
        client.send("hallo\x7f\x7f\x7f\x7fello\r")
        client.expect(r"ello\r\nhello\r\n")
        at_its_prompt(client, "status")
        client.expect_exact("Operating with LINEMODE option")


@pytest.mark.peer("inetutils-telnet")
def test_a_file_byte_for_byte(serve: Callable[..., int], tmp_path: Path) -> None:
    """Asked for by -8: BINARY in both directions (RFC 856). This client asks for nothing at ports other than 23 but those with a hyphen."""
    file = tmp_path / "file"
    file.write_bytes(bytes(range(256)) * 400)
    port = serve("--exec", f"/bin/sh -c 'read go; cat {file}; read done'")
    with telnet(-port, "-8", encoding=None) as client:
        client.send(b"go\r")
        client.expect_exact(file.read_bytes())  # before it is told to leave: what its terminal has not taken then, this client drops
        client.send(b"done\r")
        client.expect_exact(b"Connection closed by foreign host")


# --- who may come in


@pytest.fixture
def users(tmp_path: Path) -> Path:
    path = tmp_path / "users"
    Users(path).add("ann", "sesame", iterations=4096)
    return path


@pytest.mark.peer("inetutils-telnet")
def test_a_login_with_users_of_ones_own(serve: Callable[..., int], users: Path) -> None:
    with telnet(serve("--login", "--users", users, SHELL="/bin/sh")) as client:
        client.expect_exact("login: ")
        client.send("ann\r")
        client.expect_exact("Password: ")
        client.send("guess\r")
        client.expect_exact("*****\r\nLogin incorrect\r\nlogin: ")
        client.send("ann\r")
        client.expect_exact("Password: ")
        client.send("sesame\r")
        client.send("echo in''side\r")
        client.expect_exact("inside")
        client.send("exit\r")
        client.expect_exact("Connection closed by foreign host")


def test_a_program_behind_a_login(serve: Callable[..., int], users: Path) -> None:
    with socket.create_connection(("127.0.0.1", serve("--exec", "/bin/echo inside", "--users", users)), timeout=20) as sock:
        sock.sendall(b"ann\r\nsesame\r\n")
        assert b"inside\r\n" in read_all(sock)


# --- over TLS, and to a program that reads what it says


@pytest.mark.peer("openssl")
def test_over_tls(start: Start, tmp_path: Path) -> None:
    program = start([*COMMAND, "--bind", "127.0.0.1:0", "--tls", "--exec", "/bin/echo hello"], env={"XDG_DATA_HOME": str(tmp_path)})
    port = program.wait_for(r"^listening on 127\.0\.0\.1:(\d+) \(tcp\)$")[1]
    done = subprocess.run(["openssl", "s_client", "-quiet", "-connect", f"127.0.0.1:{port}"], input=b"\n", capture_output=True, timeout=30)
    assert b"hello\r\n" in done.stdout


def test_a_signal_ends_it_and_the_programs(start: Start, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    program = start(
        [
            *COMMAND,
            "--bind",
            "127.0.0.1:0",
            "--exec",
            f"/bin/sh -c 'trap \"\" HUP; echo $$ > {pid_file}; echo ready; sleep 1000; sleep 1000'",
        ]
    )
    port = int(program.wait_for(r"^listening on 127\.0\.0\.1:(\d+) \(tcp\)$")[1])
    with socket.create_connection(("127.0.0.1", port), timeout=20) as sock:
        while b"ready" not in sock.recv(65536):
            pass
        program.interrupt()
        read_all(sock)
    assert program.wait() == 0
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid_file.read_text()), 0)


# --- what it refuses


def refused(*arguments: str | Path, **env: str) -> str:
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)], capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL, env={**os.environ, **env}
    )
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    return " ".join(done.stderr.split())


@pytest.mark.parametrize("what", [["--exec", "/bin/cat"], ["--login"]])
def test_neither_program_nor_shell_for_the_world_unless_told_so(what: list[str]) -> None:
    assert "--public-shell" in refused("--bind", "0.0.0.0:0", "--plain", *what)
    assert "--public-shell" in refused("--bind", "*:0", "--tls", *what)


def test_nor_in_clear_unless_told_so() -> None:
    assert "--plain" in refused("--bind", "0.0.0.0:0")
    assert "--plain" in refused("--bind", "0.0.0.0:0", "--exec", "/bin/cat", "--public-shell")


def test_nor_passwords_in_clear_whatever_is_told(users: Path) -> None:
    for what in (["--login", "--users", users], ["--exec", "/bin/cat", "--users", users]):
        assert "passwords are taken over TLS alone" in refused("--bind", "0.0.0.0:0", "--public-shell", "--plain", *what)
    assert "passwords are taken over TLS alone" in refused("--proxy-from", "10.0.0.0/8", "--login", "--users", users)


def test_a_login_that_nobody_has(tmp_path: Path, users: Path) -> None:
    users.write_text("")
    if os.geteuid() == 0:
        pytest.skip("root has the system's own login")
    assert "nobody can log in yet" in refused("--login", XDG_DATA_HOME=str(tmp_path))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--exec", "/bin/cat", "--login"], "choose one of the two"),
        (["--exec", "nonexistent-program"], "there is no program nonexistent-program"),
        (["--exec", "'"], "No closing quotation"),
        (["--exec", " "], "expected a program"),
        (["--users", __file__], "--users says who may log in"),
    ],
)
def test_wrong_usage(arguments: list[str], said: str) -> None:
    assert said in refused("--bind", "127.0.0.1:0", *arguments)
