"""The name servers that are compared: BIND, NSD and Knot, each with one worker, and ours.

All as Debian's packages have them, but: no recursion, no transfers, no rate limit, no control channel, no log of
questions, one zone, one core. Nothing is said in answers beyond what is asked for, as far as each can be told so, so
that all send about the same bytes.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable
from pathlib import Path

from bench.peers import HOST, Running, Server, wirespeak
from bench.zones import ORIGIN
from scripts.peers import find

__all__ = ["await_zone", "bind", "knot", "name_servers", "nsd"]

LOADING = 180.0  # seconds that a server may take to load a million records

BIND_CONF = """\
options {{
    directory "{folder}"; pid-file none; lock-file none; session-keyfile none; managed-keys-directory "{folder}";
    listen-on port {port} {{ {host}; }}; listen-on-v6 {{ none; }};
    recursion no; dnssec-validation no; allow-transfer {{ none; }}; notify no; minimal-responses yes; minimal-any yes;
}};
controls {{ }};
zone "{origin}" {{ type primary; file "{zone}"; }};
"""

NSD_CONF = """\
server:
    ip-address: {host}@{port}
    server-count: 1
    username: ""
    zonesdir: "{folder}"
    database: ""
    pidfile: ""
    zonelistfile: "{folder}/zone.list"
    xfrdfile: "{folder}/xfrd.state"
    xfrdir: "{folder}"
    rrl-ratelimit: 0
    minimal-responses: yes
remote-control:
    control-enable: no
zone:
    name: "{origin}"
    zonefile: "{zone}"
"""

KNOT_CONF = """\
server:
    rundir: "{folder}"
    listen: {host}@{port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stderr
    any: error
database:
    storage: "{folder}"
template:
  - id: default
    journal-content: none
    zonefile-sync: -1
    semantic-checks: off
zone:
  - domain: "{origin}"
    file: "{zone}"
"""


def bind(zone: Path) -> Server:
    """BIND."""
    return _server("BIND", "named", BIND_CONF, zone, lambda binary, file: [binary, "-g", "-n", "1", "-c", file])


def nsd(zone: Path) -> Server:
    """NSD: a process that serves, and two that keep house; all are counted."""
    return _server("NSD", "nsd", NSD_CONF, zone, lambda binary, file: [binary, "-d", "-c", file])


def knot(zone: Path) -> Server:
    """Knot."""
    return _server("Knot", "knotd", KNOT_CONF, zone, lambda binary, file: [binary, "-c", file])


def name_servers(zone: Path) -> list[Server]:
    """All four, with that zone."""
    ours = wirespeak("dns", "serve", "--zone", f"{ORIGIN}={zone}", patience=LOADING)
    return [ours, bind(zone), nsd(zone), knot(zone)]


def _server(name: str, command: str, text: str, zone: Path, words: Callable[[str, str], list[str]]) -> Server:
    def start(port: int, folder: Path) -> list[str]:
        binary = find(command)
        if binary is None:
            raise RuntimeError(f"{name} is not here: {command} is in none of the usual places (make peers installs it)")
        file = folder / "server.conf"
        file.write_text(text.format(folder=folder, host=HOST, port=port, origin=ORIGIN, zone=zone))
        return words(binary, str(file))

    return Server(name, start, patience=LOADING)


def await_zone(running: Running) -> None:
    """Wait until the server answers for the zone: some listen before they have read it."""
    name = b"".join(bytes([len(label)]) + label.encode() for label in ORIGIN.split("."))
    query = struct.pack("!HHHHHH", 1, 0, 1, 0, 0, 0) + name + struct.pack("!HH", 6, 1)
    limit = time.monotonic() + LOADING
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.connect((HOST, running.port))
        sock.settimeout(0.5)
        while True:
            try:
                sock.send(query)
                answer = sock.recv(4096)
            except OSError:
                answer = b""
            if answer[7:8] == b"\1":  # an answer, and not yet SERVFAIL or REFUSED
                return
            if time.monotonic() > limit:
                raise RuntimeError(f"no answer for {ORIGIN} within {LOADING:g} s")
            time.sleep(0.01)
