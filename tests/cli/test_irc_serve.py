"""``wirespeak irc serve`` as its user sees it: what its switches do, what it says, what it refuses."""

from __future__ import annotations

import os
import re
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.processes import Program
from wirespeak.sockets.authority import Authority

Start = Callable[..., Program]

COMMAND = (sys.executable, "-m", "wirespeak", "irc", "serve")


class Talk:
    """A client by hand."""

    def __init__(self, port: int, *words: str, context: ssl.SSLContext | None = None, nick: str = "ann", welcomed: bool = True) -> None:
        sock = socket.create_connection(("localhost", port), timeout=20)
        self.sock = sock if context is None else context.wrap_socket(sock, server_hostname="localhost")
        self.lines = self.sock.makefile("r", encoding="utf-8", newline="\r\n")
        self.say(*words, f"NICK {nick}", f"USER {nick} 0 * :{nick}")
        if welcomed:
            self.welcome = self.hears(r" (376|422) ")

    def say(self, *lines: str) -> None:
        self.sock.sendall("".join(f"{line}\r\n" for line in lines).encode())

    def hears(self, pattern: str) -> str:
        """All lines up to one that fits ``pattern``."""
        heard = ""
        for line in self.lines:
            heard += line
            if re.search(pattern, line):
                return heard
        raise AssertionError(f"the server ended, and {pattern!r} had not come but: {heard}")

    def close(self) -> None:
        self.lines.close()
        self.sock.close()


class Serving:
    """A server that is ready, on ports of its own."""

    def __init__(self, program: Program, stack: ExitStack) -> None:
        self.program = program
        self.ports = [int(port) for port in re.findall(r"listening on \S+:(\d+) \(tcp\)", program.output)]
        self._stack = stack

    def client(self, *words: str, place: int = 0, **options: Any) -> Talk:
        """One who talks to the server at its first place, unless told otherwise, and leaves with the test."""
        client = Talk(self.ports[place], *words, **options)
        self._stack.callback(client.close)
        return client


Serve = Callable[..., Serving]


@pytest.fixture
def serve(start: Start) -> Iterator[Serve]:
    with ExitStack() as stack:

        def run(*arguments: str | Path, **options: Any) -> Serving:
            places = [*arguments].count("--tls-bind") + 1
            ready = "(?s)" + ".*listening on" * places
            return Serving(start([*COMMAND, "--bind", "127.0.0.1:0", *arguments], ready=ready, **options), stack)

        yield run


# --- what its switches do


def test_it_serves_as_it_comes(serve: Serve) -> None:
    serving = serve()
    assert "accounts last for as long as this runs; --accounts FILE keeps them" in serving.program.output
    ann = serving.client()
    assert ":irc.localhost.test 001 ann :" in ann.welcome
    assert " NETWORK=Localhost " in ann.welcome
    bob = serving.client(nick="bob")
    ann.say("JOIN #lobby")
    ann.hears(" 366 ")
    bob.say("JOIN #lobby", "PRIVMSG #lobby :Hello")
    ann.hears(r"^:bob!\S+ PRIVMSG #lobby :Hello")
    bob.say("QUIT :bye")
    bob.hears("^ERROR ")
    ann.hears("^:bob!.* QUIT ")


def test_a_port_and_json_for_programs(start: Start) -> None:
    program = start([*COMMAND, "--bind", "127.0.0.1:0", "--json"], ready='"port"')
    assert '{"event":"listening","service":"irc","transport":"tcp","host":"127.0.0.1","port":' in program.output


def test_names_and_the_message_of_the_day(serve: Serve, tmp_path: Path) -> None:
    motd = tmp_path / "motd"
    motd.write_text("Good morning.\nBe kind.\n", encoding="utf-8")
    serving = serve("--name", "irc.home.test", "--network", "Home", "--motd", motd, "--oper", "boss:sesame")
    ann = serving.client()
    assert ":irc.home.test 372 ann :- Good morning.\r\n:irc.home.test 372 ann :- Be kind.\r\n" in ann.welcome
    assert " NETWORK=Home " in ann.welcome
    motd.write_text("Good evening.\n", encoding="utf-8")
    ann.say("OPER boss wrong", "OPER boss sesame", "REHASH")
    ann.hears(" 464 ")
    ann.hears(" 381 ")
    ann.hears(" 382 ")
    ann.say("PING done")
    ann.hears(" PONG ")
    ann.say("MOTD")
    assert "Good evening." in ann.hears(" 376 ")


def test_a_password_for_everyone(serve: Serve) -> None:
    serving = serve(env={"WIRESPEAK_IRC_SERVE_PASSWORD": "sesame"})
    assert " 001 " in serving.client("PASS sesame").welcome
    stranger = serving.client("PASS guess", nick="bob", welcomed=False)
    assert " 464 " in stranger.hears("^ERROR ")


def register(client: Talk, *words: str) -> str:
    client.say("REGISTER " + " ".join(words))
    return client.hears("REGISTER")


def test_accounts_are_kept_where_one_says(serve: Serve, tmp_path: Path) -> None:
    first = serve("--accounts", tmp_path / "accounts")
    assert "accounts last" not in first.program.output
    assert "REGISTER SUCCESS ann" in register(first.client("CAP REQ draft/account-registration", "CAP END"), "* * sesame1")
    first.program.end()
    second = serve("--accounts", tmp_path / "accounts")
    assert "ACCOUNT_EXISTS" in register(second.client("CAP REQ draft/account-registration", "CAP END"), "* * sesame1")


def test_who_may_have_an_account(serve: Serve) -> None:
    closed = serve("--no-registration").client("CAP LS 302", "CAP END")
    assert "draft/account-registration" not in closed.welcome
    careful = serve("--email-required").client("CAP LS 302", "CAP REQ draft/account-registration", "CAP END")
    assert re.search(r"draft/account-registration=\S*email-required", careful.welcome)
    assert "FAIL REGISTER INVALID_EMAIL" in register(careful, "* * sesame1")
    assert "REGISTER SUCCESS" in register(careful, "* ann@home.test sesame1")


def test_nobody_is_slowed_down_if_one_says_so(serve: Serve) -> None:
    """Two hundred messages cost two hundred seconds (RFC 1459 8.10), or nothing."""
    ann = serve("--no-throttle").client()
    ann.say(*(f"PRIVMSG ann :{number}" for number in range(200)))
    ann.hears(r"PRIVMSG ann :?199\b")


def test_hosts_are_hidden_or_shown(serve: Serve) -> None:
    ann = serve().client()
    assert "!ann@127.0.0.1" not in ann.welcome
    bob = serve("--no-cloaks").client()
    bob.say("JOIN #lobby")
    assert re.search(r"^:ann!\S+@(localhost|127\.0\.0\.1) JOIN", bob.hears(" JOIN "), re.MULTILINE)


def test_silence_is_asked_about_and_ended(serve: Serve) -> None:
    ann = serve("--ping-after", "0.2", "--ping-time", "0.3").client()
    ann.hears("^PING |^:.* PING ")
    assert "Ping timeout" in ann.hears("^ERROR ")


def test_a_file_of_settings_and_switches_before_it(serve: Serve, tmp_path: Path) -> None:
    file = tmp_path / "irc.toml"
    file.write_text(
        'network = "File"\nname = "irc.file.test"\nmotd = ["Of the file."]\n[accounts]\nregistration = false\n', encoding="utf-8"
    )
    ann = serve("--config", file, "--network", "Switch", "--set", "accounts.registration=true").client("CAP LS 302", "CAP END")
    assert ":irc.file.test 372 ann :- Of the file." in ann.welcome
    assert " NETWORK=Switch " in ann.welcome
    assert "draft/account-registration" in ann.welcome


def test_a_hangup_reads_the_settings_again(serve: Serve, tmp_path: Path) -> None:
    file = tmp_path / "irc.toml"
    file.write_text('motd = ["Morning."]\n', encoding="utf-8")
    serving = serve("--config", file)
    ann = serving.client()
    file.write_text("motd = nonsense\n", encoding="utf-8")
    os.kill(serving.program.pid, signal.SIGHUP)
    serving.program.wait_for("the settings stay as they are")
    file.write_text('motd = ["Evening."]\n', encoding="utf-8")
    os.kill(serving.program.pid, signal.SIGHUP)
    heard = ""
    while "Evening." not in heard:
        ann.say("MOTD")
        heard = ann.hears(" 376 ")


def test_in_clear_and_with_tls_together(serve: Serve, tmp_path: Path) -> None:
    data = {"XDG_DATA_HOME": str(tmp_path)}
    serving = serve("--tls-bind", "127.0.0.1:0", env=data)
    context = ssl.create_default_context(cafile=Authority.open(tmp_path / "wirespeak" / "authority").certificate_file)
    ann, bob = serving.client(), serving.client(place=1, context=context, nick="bob")
    ann.say("WHOIS bob")
    assert " 671 ann bob " in ann.hears(" 318 ")
    bob.say("PRIVMSG ann :Hello")
    ann.hears("^:bob!.* PRIVMSG ann :Hello")


def test_an_operator_can_stop_it(serve: Serve) -> None:
    serving = serve("--oper", "boss:sesame")
    ann = serving.client()
    ann.say("OPER boss sesame", "DIE")
    assert "Server shutting down" in ann.hears("^ERROR ")
    ann.close()
    assert serving.program.wait() == 0


# --- what it refuses


def refused(*arguments: str | Path, code: int = 2) -> str:
    done = subprocess.run(
        [*COMMAND, "--bind", "127.0.0.1:0", *arguments], capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return " ".join(done.stderr.split())


def test_nothing_in_clear_where_others_can_come_in_unless_told_so() -> None:
    assert "--plain" in refused("--bind", "0.0.0.0:0")
    assert "--plain" in refused("--bind", "0.0.0.0:0", "--tls-bind", "127.0.0.1:0")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--oper", "boss"], "expected NAME:PASSWORD"),
        (["--oper", "boss:"], "expected NAME:PASSWORD"),
        (["--name", "nodots"], "expected a host name with a dot"),
        (["--network", "two words"], "expected letters"),
        (["--set", "nonsense=1"], "there is no such setting"),
        (["--set", "nonsense"], "expected KEY=VALUE"),
        (["--set", "accounts.registration=maybe"], "Expected `bool`"),
        (["--mail-server", "localhost:25"], "belong together"),
        (["--client-ca", __file__], "for connections with TLS"),
        (["--workers", "2"], "No such option"),
    ],
)
def test_wrong_usage(arguments: list[str], said: str) -> None:
    assert said in refused(*arguments)


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("not a database, and no settings either\n" * 100, encoding="utf-8")
    assert str(file) in refused("--config", file)
    assert str(file) in refused("--accounts", file, code=4)
