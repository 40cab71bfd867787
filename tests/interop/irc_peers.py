"""IRC servers for the tests, and who talks on one: people at irssi, WeeChat and our own client, and bots on two libraries.

    with wirespeak() as host, Irssi(host.port, tmp_path) as ann, Bot("pydle", host.port) as robot:
        ann.say("hello")
        robot.hears("ann", "hello")

Servers listen on free ports of loopback with a configuration in a folder of the test's; no service of the machine is enabled, and nothing
stays behind. People sit at real terminals: pseudo-terminals (`Terminal`), tmux, or none at all where the program can do without.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from scripts.peers import find
from tests.interop.telnet_peers import Terminal, at_terminal
from tests.processes import Program, free_port
from wirespeak.sockets.authority import Authority

__all__ = ["CHANNEL", "CHATTERS", "HOSTS", "Bot", "Chatter", "Host", "Irssi", "Ours", "WeeChat", "inspircd", "ngircd", "wirespeak"]

CHANNEL = "#lobby"

WITHIN = 30.0
"""Seconds for all that is waited for; each takes a small part of one."""

TRIES = 3  # another program may take a port between our look at it and the server's start


# --- servers


@dataclass(slots=True)
class Host:
    """A server that accepts connections, in clear and with TLS; ``authority`` is the file that verifies its certificate."""

    name: str
    port: int
    tls_port: int
    authority: Path
    program: Program


@contextlib.contextmanager
def wirespeak(folder: Path, *options: str | Path) -> Iterator[Host]:
    """``wirespeak irc serve`` with ``options``."""
    words = [sys.executable, "-m", "wirespeak", "irc", "serve", "--bind", "127.0.0.1:0", "--tls-bind", "127.0.0.1:0", "--json", *options]
    program = Program(words, env={"XDG_DATA_HOME": str(folder)})
    try:
        told = program.wait_for(r'(?s)^({[^\n]*"listening"[^\n]*}).*^({[^\n]*"listening"[^\n]*})$')
        port, tls_port = (json.loads(line)["port"] for line in told.groups())
        yield Host("wirespeak", port, tls_port, Authority.open(folder / "wirespeak" / "authority").certificate_file, program)
    finally:
        program.end()


NGIRCD_CONF = """\
[Global]
Name = irc.ngircd.test
Info = a server
AdminInfo1 = nobody
Listen = 127.0.0.1
Ports = {port}
PidFile =
[Limits]
MaxConnectionsIP = 0
MaxNickLength = 30
MaxPenaltyTime = 0
[Options]
DNS = no
Ident = no
PAM = no
[SSL]
Ports = {tls_port}
CertFile = {certificate}
KeyFile = {key}
"""

INSPIRCD_CONF = """\
<server name="irc.inspircd.test" description="a server" network="Test">
<admin name="nobody" nick="nobody" email="nobody@home.test">
<module name="ssl_gnutls"><module name="cap"><module name="ircv3"><module name="ircv3_servertime"><module name="ircv3_echomessage">
<module name="ircv3_labeledresponse"><module name="ircv3_batch"><module name="ircv3_msgid"><module name="namesx">
<sslprofile name="test" provider="gnutls" certfile="{certificate}" keyfile="{key}">
<bind address="127.0.0.1" port="{port}" type="clients">
<bind address="127.0.0.1" port="{tls_port}" type="clients" sslprofile="test">
<connect name="main" allow="*" timeout="60" pingfreq="2m" recvq="1M" threshold="1000" fakelag="no" localmax="100" globalmax="100"
 resolvehostnames="no" useident="no">
<files motd="{folder}/motd">
<path moduledir="/usr/lib/inspircd/modules" datadir="{folder}" logdir="{folder}" runtimedir="{folder}">
"""


@contextlib.contextmanager
def ngircd(folder: Path) -> Iterator[Host]:
    """ngircd, which makes itself nobody where it is started by root."""
    with _configured("ngircd", NGIRCD_CONF, folder, ["--nodaemon", "--config"]) as host:
        yield host


@contextlib.contextmanager
def inspircd(folder: Path) -> Iterator[Host]:
    """InspIRCd, with what it has of IRCv3."""
    (folder / "motd").write_text("Hello\n", encoding="utf-8")
    rights = ["--runasroot"] if os.geteuid() == 0 else []  # root it does not want to be
    with _configured("inspircd", INSPIRCD_CONF, folder, ["--nofork", "--nopid", "--nolog", *rights, "--config"]) as host:
        yield host


@contextlib.contextmanager
def _configured(name: str, configuration: str, folder: Path, options: list[str]) -> Iterator[Host]:
    """Run a server with a configuration for two free ports, once both accept."""
    authority = Authority.open(folder / "authority")
    credentials = authority.choose(None)
    assert credentials is not None
    file = folder / f"{name}.conf"
    for tries_left in reversed(range(TRIES)):
        port, tls_port = free_port(), free_port()
        file.write_text(
            configuration.format(
                port=port, tls_port=tls_port, folder=folder, certificate=credentials.certificate_file, key=credentials.key_file
            ),
            encoding="utf-8",
        )
        # InspIRCd crashes as it ends, once it has unloaded its modules: then it leaves no memory image behind.
        program = Program(["prlimit", "--core=0", _binary(name), *options, str(file)], cwd=folder)
        try:
            program.wait_until_accepting(port)
            program.wait_until_accepting(tls_port)
        except AssertionError:
            program.end()
            if not tries_left:
                raise
            continue
        try:
            yield Host(name, port, tls_port, authority.certificate_file, program)
        finally:
            program.end()
        return


HOSTS: dict[str, Callable[[Path], contextlib.AbstractContextManager[Host]]] = {
    "wirespeak": wirespeak,
    "ngircd": ngircd,
    "inspircd": inspircd,
}
"""All servers; made with a folder for their files."""


# --- who talks


class Chatter(Protocol):
    """Somebody in `CHANNEL`, from the beginning of a ``with`` to its end."""

    nick: str

    def say(self, text: str) -> None:
        """Say it in the channel."""
        ...

    def hears(self, nick: str, text: str) -> None:
        """Wait until ``nick`` has said so; AssertionError where that doesn't come about."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...


class Ours:
    """``wirespeak irc chat``, at a pseudo-terminal."""

    nick = "ours"

    def __init__(self, port: int, folder: Path) -> None:
        self._command = [sys.executable, "-m", "wirespeak", "irc", "chat", f"127.0.0.1:{port}", "--nick", self.nick, "--join", CHANNEL]
        self._stack = contextlib.ExitStack()
        self.screen: Terminal

    def __enter__(self) -> Self:
        self.screen = self._stack.enter_context(at_terminal(*self._command))
        self.screen.see(CHANNEL)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.close()

    def say(self, text: str) -> None:
        self.screen.type(f"{text}\r")

    def hears(self, nick: str, text: str) -> None:
        self.screen.see(rf"{re.escape(nick)}.{{0,40}}{re.escape(text)}", within=WITHIN)


class _InTmux:
    """One whose program is in tmux: what is on the screen is looked at as a person does, and keys are typed."""

    nick: str

    def __init__(self, socket: Path, *command: str | int | Path) -> None:
        self._tmux = [_binary("tmux"), "-S", str(socket), "-f", "/dev/null"]
        self._command = shlex.join(map(str, command))

    def __enter__(self) -> Self:
        self._do("new-session", "-d", "-x", "140", "-y", "50", self._command)
        try:
            self._begin()
        except BaseException:
            self._do("kill-server")
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._do("kill-server")  # that of our own socket

    def _begin(self) -> None:
        """Come into the channel."""

    def say(self, text: str) -> None:
        self._do("send-keys", "-l", text)
        self._do("send-keys", "Enter")

    def shown(self) -> str:
        """What is on the screen."""
        return self._do("capture-pane", "-p")

    def sees(self, pattern: str, meanwhile: str = "") -> None:
        """Wait until ``pattern`` is on the screen; ``meanwhile`` is typed again and again."""
        limit = time.monotonic() + WITHIN
        while not re.search(pattern, shown := self.shown()):
            assert time.monotonic() < limit, f"no {pattern!r} on the screen:\n{shown}"
            if meanwhile:
                self.say(meanwhile)
            time.sleep(0.1)

    def _do(self, *words: str) -> str:
        around = {**os.environ, "TERM": "xterm", "LANG": "C.UTF-8"}
        done = subprocess.run([*self._tmux, *words], capture_output=True, text=True, timeout=WITHIN, env=around, check=False)
        assert not done.returncode or words == ("kill-server",), done.stderr  # one that has ended by itself is not there to be killed
        return done.stdout


IRSSI_CONF = """\
servers = ( {{ address = "127.0.0.1"; chatnet = "home"; port = "{port}"; autoconnect = "yes"; }} );
chatnets = {{ home = {{ type = "IRC"; nick = "{nick}"; max_cmds_at_once = "100"; cmd_queue_speed = "10"; }}; }};
channels = ( {{ name = "{channel}"; chatnet = "home"; autojoin = "yes"; }} );
"""
"""By itself it sends no more than five commands at once, and then one every two seconds."""


class Irssi(_InTmux):
    """irssi."""

    nick = "irssi"

    def __init__(self, port: int, folder: Path) -> None:
        home = folder / "irssi"
        home.mkdir()
        (home / "config").write_text(IRSSI_CONF.format(port=port, nick=self.nick, channel=CHANNEL), encoding="utf-8")
        super().__init__(folder / "tmux-irssi", _binary("irssi"), f"--home={home}")

    def _begin(self) -> None:
        self.sees(rf"\[{self.nick}.*\[2:home/{CHANNEL}", "/window goto 2")
        self.sees("Total of [0-9]+ nicks")

    def hears(self, nick: str, text: str) -> None:
        self.sees(rf"< ?[@ ]?{re.escape(nick)}> {re.escape(text)}")


def _weechat_commands(nick: str, port: int) -> list[str]:
    """What WeeChat is told at its start."""
    commands = [
        "/set weechat.look.paste_max_lines -1",
        "/set irc.look.smart_filter off",
        "/set irc.look.server_buffer independent",
        "/set logger.file.flush_delay 0",
        f"/server add home 127.0.0.1/{port}",
        f"/set irc.server.home.nicks {nick}",
        f"/set irc.server.home.autojoin {CHANNEL}",
        "/connect home",
    ]
    return [word for command in commands for word in ("-r", command)]


class WeeChat(_InTmux):
    """WeeChat, with a screen."""

    nick = "weechat"

    def __init__(self, port: int, folder: Path) -> None:
        super().__init__(folder / "tmux-weechat", _binary("weechat"), "-d", folder / "weechat", *_weechat_commands(self.nick, port))

    def _begin(self) -> None:
        self.sees(rf"{self.nick}.*has joined {CHANNEL}", f"/buffer irc.home.{CHANNEL}")

    def hears(self, nick: str, text: str) -> None:
        self.sees(rf"{re.escape(nick)} *[|│] {re.escape(text)}")


class WeeChatHeadless:
    """WeeChat without a screen: told what to do by its pipe, and heard by its logs."""

    nick = "headless"

    def __init__(self, port: int, folder: Path) -> None:
        self._folder = folder / "headless"
        self._words = [_binary("weechat-headless"), "-d", str(self._folder), *_weechat_commands(self.nick, port)]

    def __enter__(self) -> Self:
        self._program = Program(self._words, env={"LANG": "C.UTF-8"})
        try:
            self._await(rf"{self.nick}.*has joined {CHANNEL}")
        except BaseException:
            self._program.end()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._program.end()

    def say(self, text: str) -> None:
        pipe = next(self._folder.glob("weechat_fifo_*"))
        pipe.write_text(f"irc.home.{CHANNEL} *{text}\n", encoding="utf-8")

    def hears(self, nick: str, text: str) -> None:
        self._await(rf"\t@?{re.escape(nick)}\t{re.escape(text)}$")

    def _log(self) -> str:
        log = self._folder / "logs" / f"irc.home.{CHANNEL}.weechatlog"
        return log.read_text(encoding="utf-8") if log.exists() else ""

    def _await(self, pattern: str) -> None:
        limit = time.monotonic() + WITHIN
        while not re.search(pattern, self._log(), re.MULTILINE):
            assert time.monotonic() < limit, f"no {pattern!r} in the log:\n{self._log()}\n{self._program.output}"
            time.sleep(0.05)


class Bot:
    """A bot of ``irc_bots.py``, which says what it is told to by others in the channel."""

    def __init__(self, library: str, port: int, folder: Path, *, boss: Callable[[str], None] | None = None) -> None:
        self.nick = f"on{library}"
        self.boss = boss
        self._words = [sys.executable, "-m", "tests.interop.irc_bots", library, str(port), self.nick, CHANNEL]

    def __enter__(self) -> Self:
        self._program = Program(self._words)
        try:
            self._program.wait_for("^ready$", within=WITHIN)
        except BaseException:
            self._program.end()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._program.end()

    def say(self, text: str) -> None:
        assert self.boss is not None, "nobody is there to tell the bot what to say"
        self.boss(f"{self.nick}: say {text}")

    def hears(self, nick: str, text: str) -> None:
        self._program.wait_for(rf"^heard {re.escape(nick)} {re.escape(text)}$", within=WITHIN)


CHATTERS: dict[str, Callable[[int, Path], Chatter]] = {
    "irssi": Irssi,
    "weechat": WeeChat,
    "weechat-headless": WeeChatHeadless,
    "wirespeak": Ours,
    "pydle": lambda port, folder: Bot("pydle", port, folder),
    "jaraco": lambda port, folder: Bot("jaraco", port, folder),
}
"""All who talk; made with the server's port and a folder for their files."""


def _binary(command: str) -> str:
    path = find(command)
    assert path is not None, f"{command} is not here (make peers installs it)"
    return path
