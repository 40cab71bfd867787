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
from glob import glob
from pathlib import Path

from scripts.packages import ROOT, install, unpack

LIST = ROOT / "peers.apt"
UNPACKED = ".unpacked"
"""The folder for packages that cannot be installed beside another of the list."""


@dataclass(frozen=True)
class Peer:
    """One line of the list: the Debian package, the command or file that proves it is there, and what it is for."""

    package: str
    command: str
    purpose: str

    @property
    def name(self) -> str:
        """What tests call it: the last part of its command."""
        return Path(self.command).name

    @property
    def is_unpacked(self) -> bool:
        """It is taken apart in the project, and not installed."""
        return self.command.startswith(f"{UNPACKED}/")


def peers() -> list[Peer]:
    """What the list says, in its order."""
    lines = (line for line in LIST.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#"))
    return [Peer(*line.split(maxsplit=2)) for line in lines]


def find(name: str) -> str | None:
    """The path of the command ``name``, also where Debian puts servers and an ordinary user's PATH does not look, or of a listed file.

    What is unpacked goes before what the machine has under that name, which may be another package's.
    """
    if path := _listed(name, unpacked=True):
        return path
    if path := shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))):
        return path
    return _listed(name, unpacked=False)


def _listed(name: str, *, unpacked: bool) -> str | None:
    patterns = (ROOT / peer.command for peer in peers() if peer.name == name and "/" in peer.command and peer.is_unpacked is unpacked)
    return next((path for pattern in patterns for path in glob(str(pattern))), None)


def main(arguments: list[str]) -> int:
    """Carry out the command line."""
    if arguments == ["--list"]:
        for peer in peers():
            print(f"{peer.name:16} {find(peer.name) or 'missing':24} {peer.purpose}")
        return 0
    missing = [peer for peer in peers() if not (_listed(peer.name, unpacked=True) if peer.is_unpacked else find(peer.name))]
    if packages := [peer.package for peer in missing if not peer.is_unpacked]:
        install(packages, "for the tests and the benchmark")
    if packages := [peer.package for peer in missing if peer.is_unpacked]:
        unpack(packages, ROOT / UNPACKED)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
