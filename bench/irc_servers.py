"""The IRC servers that are compared: ngircd, InspIRCd, and ours, each without anything that slows its clients down.

Both peers run as Debian has them, with a configuration in the run's folder. None looks names up, asks who is there while the clock runs,
or keeps a log of messages.
"""

from __future__ import annotations

import os
from pathlib import Path

from bench.peers import HOST, Server, wirespeak
from scripts.peers import find

__all__ = ["INSPIRCD", "NGIRCD", "servers"]

NGIRCD = "ngircd"
INSPIRCD = "InspIRCd"

NGIRCD_CONF = """\
[Global]
Name = irc.home.test
Info = a server
AdminInfo1 = nobody
Listen = {host}
Ports = {port}
MotdPhrase = Hello
PidFile =
[Limits]
MaxConnections = 0
MaxConnectionsIP = 0
MaxJoins = 0
MaxNickLength = 30
MaxPenaltyTime = 0
PingTimeout = 3600
[Options]
DNS = no
Ident = no
PAM = no
"""
"""0 is no limit; a penalty is what ngircd makes a client wait for."""

INSPIRCD_CONF = """\
<server name="irc.home.test" description="a server" network="Home">
<admin name="nobody" nick="nobody" email="nobody@home.test">
<bind address="{host}" port="{port}" type="clients">
<connect name="main" allow="*" timeout="60" pingfreq="1h" hardsendq="1M" softsendq="1M" recvq="1M" threshold="1000000"
 commandrate="1000000" fakelag="no" localmax="100000" globalmax="100000" limit="100000" maxconnwarn="no" resolvehostnames="no"
 useident="no">
<performance netbuffersize="65534" somaxconn="4096" softlimit="100000" clonesonconnect="no">
<files motd="{folder}/motd">
<path moduledir="/usr/lib/inspircd/modules" datadir="{folder}" logdir="{folder}" runtimedir="{folder}">
"""


def servers() -> list[Server]:
    """All three. Ours with the limits of its listener as far up as the peers'."""
    ours = wirespeak("irc", "serve", "--no-throttle", "--ping-after", "3600", "--max-connections", "20000")

    def ngircd(port: int, folder: Path) -> list[str]:
        (folder / "ngircd.conf").write_text(NGIRCD_CONF.format(host=HOST, port=port))
        return [_binary("ngircd"), "--nodaemon", "--config", str(folder / "ngircd.conf")]

    def inspircd(port: int, folder: Path) -> list[str]:
        (folder / "motd").write_text("Hello\n")
        (folder / "inspircd.conf").write_text(INSPIRCD_CONF.format(host=HOST, port=port, folder=folder))
        rights = ["--runasroot"] if os.geteuid() == 0 else []  # root it does not want to be
        # It may crash as it ends: then it leaves no memory image behind.
        return [
            "prlimit",
            "--core=0",
            _binary("inspircd"),
            "--nofork",
            "--nopid",
            "--nolog",
            *rights,
            "--config",
            str(folder / "inspircd.conf"),
        ]

    return [ours, Server(NGIRCD, ngircd), Server(INSPIRCD, inspircd)]


def _binary(command: str) -> str:
    path = find(command)
    if path is None:
        raise RuntimeError(f"{command} is not here (make peers installs it)")
    return path
