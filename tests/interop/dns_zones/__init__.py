"""Zones full of oddities, for servers that are to answer alike: the files below, and what only code writes well.

    oddities/    beneath "test.": types, wildcards, aliases, delegations, odd names, signed zones
    root/        a root zone of our own, which would answer for all the others, and a zone beneath it
    historic/    types that BIND alone can read

`build` writes a group into a folder, so that every server reads the same files. It adds sets of records too big for a
datagram to ``big.test.``, and signs what is to be signed, with keys made for the purpose.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from scripts.peers import find

__all__ = ["build", "origins"]

HERE = Path(__file__).parent

SIGNED: dict[str, dict[str, tuple[str, list[str]]]] = {
    "oddities": {
        # RFC 9276 3.1: no salt, no further iterations. -A: opt-out.
        "nsec.test.": ("signed.template", []),
        "nsec3.test.": ("signed.template", ["-3", "-"]),
        "optout.test.": ("signed.template", ["-3", "-", "-A"]),
    },
    "root": {".": ("root.template", [])},
    "historic": {},
}
"""Group → origin → the file that is signed, and what dnssec-signzone is told beside it."""


def build(group: str, folder: Path) -> dict[str, Path]:
    """Write the zones of ``group`` into ``folder``; origin to file. Needs dnssec-signzone."""
    folder.mkdir(parents=True, exist_ok=True)
    zones: dict[str, Path] = {}
    for file in sorted((HERE / group).glob("*.zone")):
        origin = file.name.removesuffix("zone")
        more = _big_sets() if origin == "big.test." else []
        zones[origin] = folder / file.name
        zones[origin].write_text(file.read_text() + "".join(f"{line}\n" for line in more))
    for origin, (template, options) in SIGNED[group].items():
        zones[origin] = _sign(origin, (HERE / group / template).read_text(), options, folder)
    return zones


def origins(group: str) -> list[str]:
    """The zones of ``group``."""
    return [*(file.name.removesuffix("zone") for file in sorted((HERE / group).glob("*.zone"))), *SIGNED[group]]


def _big_sets() -> list[str]:
    """Records by the dozen, and long ones: more than 512, 1232 and 4096 octets, and close to the 65,535 of TCP."""
    lines = [f"a{count} A 198.51.100.{number}" for count in (25, 32, 50, 75, 80, 100) for number in range(count)]
    lines += [f"aaaa{count} AAAA 2001:db8::{number:x}" for count in (15, 20, 43, 200) for number in range(count)]
    lines += [f'txt{length} TXT "{"x" * (length - 9)}" "to {length:4}"' for length in (255, 200)]
    lines += [f"strings{count} TXT " + " ".join(f'"string {number}"' for number in range(count)) for count in (40, 100, 1000)]
    lines += [f'many-txt TXT "{number:02} {"y" * 200}"' for number in range(30)]
    lines += [f"longest TXT {' '.join(['z' * 255] * 200)}"]
    # An answer that fits beside additional data that does not (RFC 2181 9), and a delegation whose glue does not (RFC 9471)
    for count in (8, 12, 20, 40):
        lines += [f"mx{count} MX {number} host{number}.mx{count}" for number in range(count)]
        lines += [f"host{number}.mx{count} AAAA 2001:db8::{number:x}" for number in range(count)]
        lines += [f"cut{count} NS ns{number}.cut{count}" for number in range(count)]
        lines += [f"ns{number}.cut{count} A 203.0.113.{number}\nns{number}.cut{count} AAAA 2001:db8::{number:x}" for number in range(count)]
    lines += ["to-a100 CNAME a100", "to-aaaa20 CNAME aaaa20", *[f"*.wild A 198.51.100.{number}" for number in range(60)]]
    return lines


def _sign(origin: str, text: str, options: list[str], folder: Path) -> Path:
    """Sign a zone with two keys made for it (RFC 6605's curve: short signatures, quickly made)."""
    name = "root" if origin == "." else origin.rstrip(".")
    keys = folder / f"keys-{name}"
    keys.mkdir()
    for flag in ([], ["-f", "KSK"]):
        _run("dnssec-keygen", "-q", "-K", keys, "-a", "ECDSAP256SHA256", *flag, origin)
    plain, signed = folder / f"{name}.plain", folder / f"{name}.signed"
    plain.write_text(text)
    _run("dnssec-signzone", "-q", "-S", "-K", keys, "-d", keys, "-o", origin, "-x", "-O", "full", *options, "-f", signed, plain)
    return signed


def _run(command: str, *arguments: str | Path) -> None:
    binary = find(command)
    assert binary, f"{command} is not here: the test should have asked for it with the marker peer"
    done = subprocess.run([binary, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"{command} failed: {done.stdout}{done.stderr}"
