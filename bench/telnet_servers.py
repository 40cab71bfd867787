"""The Telnet servers that are compared: inetutils' telnetd, telnetlib3's server, and ours.

`servers` have the same program behind each. It runs on a pseudo-terminal in all three, and its time counts with the server's. telnetd
is started by a small inetd (scripts/inetd.py) for each connection, as it is made for; the other two are one process each. `hosts` are
the two libraries alone, with the same host written for each (telnet_hosts.py).
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from bench.model import OURS
from bench.peers import HOST, PEERS, Server, wirespeak
from bench.telnet_load import pattern
from scripts.peers import find

__all__ = ["TELNETD", "TELNETLIB3", "hosts", "servers"]

TELNETD = "telnetd"
TELNETLIB3 = "telnetlib3"
PROGRAM = Path(__file__).with_name("telnet_program.sh")


def servers(folder: Path) -> list[Server]:
    """Those with the program behind them; the file that it sends is in ``folder``, once one of them is started."""
    file = folder / "telnet-file"
    command = ["/bin/sh", str(PROGRAM), str(file)]
    ours = wirespeak("telnet", "serve", "--exec", shlex.join(command))

    def telnetd(port: int, folder: Path) -> list[str]:
        path = find("telnetd")
        if path is None:
            raise RuntimeError("telnetd is not here (make peers installs it: Debian's package inetutils-telnetd)")
        return [sys.executable, "-m", "scripts.inetd", str(port), path, "--no-hostinfo", f"--exec-login={shlex.join(command)}"]

    def telnetlib3(port: int, folder: Path) -> list[str]:
        # One byte a character, as a file has it; the terminal as the others give it, which it would make raw.
        words = [str(PEERS / "telnetlib3-server"), "--encoding", "latin1", "--force-binary", "--loglevel", "warning"]
        sane = f"stty sane; exec {shlex.join(command)}"
        return [*words, "--pty-exec", "/bin/sh", HOST, str(port), "--", "-c", sane]

    def with_file(server: Server) -> Server:
        starts = server.command

        def start(port: int, folder: Path) -> list[str]:
            if not file.exists():
                file.write_bytes(pattern())
            return starts(port, folder)

        server.command = start
        return server

    return [with_file(server) for server in (ours, Server(TELNETD, telnetd), Server(TELNETLIB3, telnetlib3))]


def hosts() -> list[Server]:
    """The host of telnet_hosts.py, with each library."""

    def host(name: str, python: str) -> Server:
        return Server(name, lambda port, folder: [python, "-m", "bench.telnet_hosts", name, str(port)])

    return [host(OURS, sys.executable), host(TELNETLIB3, str(PEERS / "python"))]
