"""Telnet servers for the tests: inetutils' telnetd, busybox's, telnetlib3's and ours, each on a free port, and people's terminals.

    with inetutils(*PROGRAM) as host, at_terminal("plink", "-telnet", "-P", host.port, "127.0.0.1") as screen:
        screen.ask("size", "size 99x33")

Behind each stands the same program, in place of the login that telnetd's begin with; they are on loopback, nobody logs in, no
service of the machine is enabled, and nothing stays behind. A `Terminal` is a real pseudo-terminal with a program on it, as a
person has one.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pexpect

from scripts.peers import find
from tests.interop import telnet_program
from tests.processes import Program, free_port

__all__ = ["CLIENTS", "HOSTS", "PROGRAM", "Host", "Terminal", "at_terminal", "busybox", "inetutils", "telnetlib3", "wirespeak"]

PROGRAM = [sys.executable, "-E", "-s", telnet_program.__file__]
"""The program that all of them run."""

WITHIN = 20.0
"""Seconds for all that is waited for; each takes a small part of one."""

TRIES = 3  # another program may take a port between our look at it and the server's start


@dataclass(slots=True)
class Host:
    """A server that accepts visitors."""

    name: str
    port: int
    program: Program


@contextlib.contextmanager
def wirespeak(*options: str | Path) -> Iterator[Host]:
    """``wirespeak telnet serve`` with ``options``."""
    program = Program([sys.executable, "-m", "wirespeak", "telnet", "serve", "--bind", "127.0.0.1:0", "--json", *options])
    try:
        yield Host("wirespeak", json.loads(program.wait_for(r'^{.*"listening".*}$')[0])["port"], program)
    finally:
        program.end()


@contextlib.contextmanager
def inetutils(*command: str) -> Iterator[Host]:
    """GNU inetutils' telnetd, which a small inetd starts for each connection."""
    telnetd = [_binary("telnetd"), "--no-hostinfo", f"--exec-login={shlex.join(command)}"]
    with _listening("inetutils", lambda port: [sys.executable, "-m", "scripts.inetd", str(port), *telnetd]) as host:
        yield host


@contextlib.contextmanager
def busybox(*command: str, folder: Path) -> Iterator[Host]:
    """busybox's telnetd, one process for all visitors. It takes a program without arguments: a script in ``folder``."""
    login = folder / "login"
    login.write_text(f"#!/bin/sh\nexec {shlex.join(command)}\n")
    login.chmod(0o755)
    issue = folder / "issue"
    issue.touch()  # it would show the machine's

    def words(port: int) -> list[str]:
        return [_binary("busybox"), "telnetd", "-F", "-K", "-b", "127.0.0.1", "-p", str(port), "-l", str(login), "-f", str(issue)]

    with _listening("busybox", words) as host:
        yield host


@contextlib.contextmanager
def telnetlib3(*command: str) -> Iterator[Host]:
    """telnetlib3's server, by its own command, with a terminal as others have it: it would make it raw. It takes DEL for BS."""
    sane = f"stty sane erase ^H; exec {shlex.join(command)}"

    def words(port: int) -> list[str]:
        server = [
            str(Path(sys.executable).with_name("telnetlib3-server")),
            "--loglevel",
            "warning",
            "--encoding",
            "latin1",
            "--force-binary",
        ]
        return [*server, "--pty-exec", "/bin/sh", "127.0.0.1", str(port), "--", "-c", sane]

    with _listening("telnetlib3", words) as host:
        yield host


HOSTS: dict[str, Callable[[Path], contextlib.AbstractContextManager[Host]]] = {
    "inetutils": lambda folder: inetutils(*PROGRAM),
    "busybox": lambda folder: busybox(*PROGRAM, folder=folder),
    "telnetlib3": lambda folder: telnetlib3(*PROGRAM),
}
"""The servers that others made, with the program behind each; made with a folder for their files."""


@contextlib.contextmanager
def _listening(name: str, command: Callable[[int], list[str]]) -> Iterator[Host]:
    """Run what ``command`` makes for a free port, once that accepts."""
    for tries_left in reversed(range(TRIES)):
        port = free_port()
        program = Program(command(port))
        try:
            program.wait_until_accepting(port)
        except AssertionError:
            program.end()
            if not tries_left:
                raise
        except BaseException:
            program.end()
            raise
        else:
            break
    try:
        yield Host(name, port, program)
    finally:
        program.end()


def _binary(command: str) -> str:
    path = find(command)
    assert path, f"{command} is not here: the test should have asked for it with the marker peer"
    return path


# --- who sits before a terminal ---------------------------------------------------------------------------------------

CLIENTS: dict[str, Callable[[int], list[str]]] = {
    "inetutils-telnet": lambda port: ["inetutils-telnet", "-E", "127.0.0.1", str(port)],
    "telnet-ssl": lambda port: ["telnet-ssl", "-E", "127.0.0.1", str(port)],
    "plink": lambda port: ["plink", "-telnet", "-P", str(port), "127.0.0.1"],
    "busybox": lambda port: [_binary("busybox"), "telnet", "127.0.0.1", str(port)],
}
"""The terminal programs that people have, without an escape character where they can do without: by the name of the peer."""


class Terminal:
    """A program on a pseudo-terminal of its own."""

    def __init__(self, child: Any) -> None:
        self.child = child
        self.shown = bytearray()
        """All that was waited for so far, and what came before that."""

    def see(self, *patterns: bytes | str, within: float = WITHIN, longest: int | None = None) -> re.Match[bytes]:
        """Wait until these patterns are on the screen, one after the other; return the last match. AssertionError else.

        ``longest``: bytes that a match has at most. Where much comes before it, to look for it in all that came takes ever longer.
        """
        match: re.Match[bytes] | None = None
        for pattern in patterns:
            sought = pattern.encode() if isinstance(pattern, str) else pattern
            try:
                self.child.expect(sought, timeout=within, searchwindowsize=-1 if longest is None else longest)
            except (pexpect.TIMEOUT, pexpect.EOF) as error:
                why = "it ended" if isinstance(error, pexpect.EOF) else f"within {within:g} s"
                raise AssertionError(f"no {sought!r} on the screen ({why}):\n{bytes(self.shown) + self.child.before!r}") from None
            match = self.child.match
            self.shown += self.child.before + match[0]
        assert match is not None
        return match

    def type(self, keys: bytes | str) -> None:
        """Type ``keys`` as they are."""
        self.child.send(keys)

    def ask(self, line: str, *answers: str) -> re.Match[bytes]:
        """Type a line, with the key Enter, and see what `PROGRAM` answers."""
        self.type(f"{line}\r")
        return self.hear(*answers)

    def hear(self, *answers: str) -> re.Match[bytes]:
        """See these lines of `PROGRAM`, of which the peers' own negotiating may leave a NUL or a second CR behind."""
        return self.see(*(rf"= {answer}\r*\n" for answer in answers))

    def resize(self, columns: int, rows: int) -> None:
        """Take the window by its corner."""
        self.child.setwinsize(rows, columns)

    def end(self, within: float = WITHIN) -> int:
        """Wait until the program ends; return its exit code."""
        self.child.expect(pexpect.EOF, timeout=within)
        self.shown += self.child.before
        self.child.close()
        code: int = self.child.exitstatus if self.child.exitstatus is not None else -self.child.signalstatus
        return code


@contextlib.contextmanager
def at_terminal(
    *command: str | int | Path, columns: int = 99, rows: int = 33, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> Iterator[Terminal]:
    """Run ``command`` on a terminal of this size, an xterm, until the block ends."""
    program, *arguments = map(str, command)
    kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "LANG", "LC_ALL", "NO_COLOR")}
    around = {**kept, "TERM": "xterm", "LANG": "C.UTF-8", **(env or {})}
    child = pexpect.spawn(_binary(program), arguments, dimensions=(rows, columns), env=around, cwd=cwd, timeout=WITHIN, echo=True)
    child.delaybeforesend = None  # nobody here types a password before echo is off: each waits for the prompt
    try:
        yield Terminal(child)
    finally:
        child.close(force=True)
