"""The real programs that tests and benchmark talk with: what `peers.apt` lists, and which of them are here.

    python3 -m scripts.peers           install what is missing, where that is allowed
    python3 -m scripts.peers --list    tell what is here

A program that cannot be had is no failure here: the tests that need it name it at their end.
"""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass

from scripts.packages import ROOT, install

LIST = ROOT / "peers.apt"


@dataclass(frozen=True)
class Peer:
    """One line of the list: the Debian package, the command that proves it is there, and what it is for."""

    package: str
    command: str
    purpose: str


def peers() -> list[Peer]:
    """What the list says, in its order."""
    lines = (line for line in LIST.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#"))
    return [Peer(*line.split(maxsplit=2)) for line in lines]


def find(command: str) -> str | None:
    """The path of ``command``, also where Debian puts servers and an ordinary user's PATH does not look."""
    return shutil.which(command, path=os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin")))


def main(arguments: list[str]) -> int:
    """Carry out the command line."""
    if arguments == ["--list"]:
        for peer in peers():
            print(f"{peer.command:12} {find(peer.command) or 'missing':24} {peer.purpose}")
    elif missing := [peer.package for peer in peers() if not find(peer.command)]:
        install(missing, "for the tests and the benchmark")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
