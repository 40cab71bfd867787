"""Name servers for the tests: BIND, NSD, Knot and ours, each serving the same zones on a free port of loopback.

    with serving("nsd", zones, folder) as server:
        ask(server.address, …)

Writes their configuration into a folder of the test's, runs them in the foreground as the user who runs the tests, and
ends each by its own id. Rate limits, cookies and transfers are off, one worker each; all else is as Debian's packages
have it. A server is ready when it tells a version that was made up for it, so that no other on the same port is taken
for it, and answers for every zone with authority.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rdataclass
import dns.rdatatype

from scripts.peers import find
from tests.processes import Program, free_port

__all__ = ["DAEMONS", "PEERS", "NameServer", "serving"]

HOST = "127.0.0.1"
PEERS = ("bind", "nsd", "knot")
DAEMONS = {"bind": "named", "nsd": "nsd", "knot": "knotd"}
"""What they are called here, and in peers.apt."""

START_LIMIT = 30.0
TRIES = 3  # another program may take a port between our look at it and the server's start


@dataclass(slots=True, frozen=True)
class NameServer:
    """A server that answers."""

    name: str
    program: Program
    host: str
    port: int
    version: str

    @property
    def address(self) -> tuple[str, int]:
        return self.host, self.port


class NotReady(AssertionError):
    """The server ended, or did not answer in time."""


@contextlib.contextmanager
def serving(name: str, zones: Mapping[str, Path], folder: Path, *, host: str = HOST, port: int | None = None) -> Iterator[NameServer]:
    """Run the server ``name`` ("bind", "nsd", "knot", "wirespeak") with ``zones``, origin to file, for the ``with`` block.

    ``host`` may be any address of loopback (of BIND only 127.0.0.1, for it looks at what the interface has); without ``port`` a
    free one is taken.
    """
    folder.mkdir(parents=True, exist_ok=True)
    version = f"{name}-{secrets.token_hex(4)}"
    tries_left = TRIES if port is None else 1
    while True:
        tries_left -= 1
        chosen = (0 if name == "wirespeak" else free_port()) if port is None else port
        program = Program(_COMMANDS[name](zones, folder, host, chosen, version), cwd=folder)
        try:
            server = NameServer(name, program, host, chosen or _announced(program), version)
            _wait(server, zones)
        except NotReady:
            program.end()
            if not tries_left:
                raise
        except BaseException:
            program.end()
            raise
        else:
            break
    try:
        yield server
    finally:
        program.end()


def _announced(program: Program) -> int:
    """The port that UDP and TCP share."""
    program.wait_for(r'(?:^{.*"listening".*\n){2}')
    events = [json.loads(line) for line in program.output.splitlines() if line.startswith("{")]
    ports = {event["transport"]: event["port"] for event in events if event["event"] == "listening"}
    assert ports["udp"] == ports["tcp"], ports
    return int(ports["udp"])


def _wait(server: NameServer, zones: Mapping[str, Path]) -> None:
    """Wait until the server answers with its version, and with authority for every zone."""
    limit = time.monotonic() + START_LIMIT
    left = [*(dns.message.make_query(origin, "SOA") for origin in zones), dns.message.make_query("version.bind.", "TXT", "CH")]
    while left:
        if _is_ready(server, left[-1]):
            left.pop()
        elif server.program.process.poll() is not None or time.monotonic() > limit:
            raise NotReady(f"{server.program} does not answer {left[-1].question[0]}; it wrote:\n{server.program.output}")
        else:
            time.sleep(0.02)


def _is_ready(server: NameServer, query: dns.message.Message) -> bool:
    try:
        answer = dns.query.tcp(query, server.host, timeout=2, port=server.port)
    except (OSError, EOFError, dns.exception.DNSException):
        return False
    if query.question[0].rdclass == dns.rdataclass.CH:
        return any(server.version in rdata.to_text() for rrset in answer.answer for rdata in rrset)
    return bool(answer.flags & dns.flags.AA and answer.answer)


# --- configurations ---------------------------------------------------------------------------------------------------

BIND_CONF = """\
options {{
    directory "{folder}";
    pid-file none;
    lock-file none;
    session-keyfile none;
    managed-keys-directory "{folder}";
    listen-on port {port} {{ {host}; }};
    listen-on-v6 {{ none; }};
    version "{version}";
    hostname "{version}";
    server-id "{version}";
    recursion no;
    minimal-responses no;
    dnssec-validation no;
    allow-transfer {{ none; }};
    notify no;
    answer-cookie no;
    check-names primary ignore;
    check-mx ignore;
    check-sibling no;
    check-integrity no;
    check-wildcard no;
    check-dup-records ignore;
    zero-no-soa-ttl no;
    rrset-order {{ order none; }};
    max-records-per-type 0;
    max-types-per-name 0;
}};
controls {{ }};
"""


def _bind(zones: Mapping[str, Path], folder: Path, host: str, port: int, version: str) -> list[str | Path]:
    options = BIND_CONF.format(folder=folder, host=host, port=port, version=version)
    listed = [f'zone "{origin}" {{ type primary; file "{file}"; }};' for origin, file in zones.items()]
    (folder / "named.conf").write_text(options + "\n".join(listed) + "\n")
    return [_binary("named"), "-g", "-n", "1", "-c", folder / "named.conf"]


NSD_CONF = """\
server:
    ip-address: {host}@{port}
    do-ip6: no
    server-count: 1
    username: ""
    chroot: ""
    zonesdir: "{folder}"
    database: ""
    pidfile: ""
    zonelistfile: "{folder}/zone.list"
    xfrdfile: "{folder}/xfrd.state"
    xfrdir: "{folder}"
    identity: "{version}"
    version: "{version}"
    nsid: "ascii_{version}"
    rrl-ratelimit: 0
    rrl-whitelist-ratelimit: 0
remote-control:
    control-enable: no
"""


def _nsd(zones: Mapping[str, Path], folder: Path, host: str, port: int, version: str) -> list[str | Path]:
    listed = [f'zone:\n    name: "{origin}"\n    zonefile: "{file}"\n' for origin, file in zones.items()]
    (folder / "nsd.conf").write_text(NSD_CONF.format(folder=folder, host=host, port=port, version=version) + "".join(listed))
    return [_binary("nsd"), "-d", "-c", folder / "nsd.conf"]


KNOT_CONF = """\
server:
    rundir: "{folder}"
    listen: {host}@{port}
    identity: "{version}"
    version: "{version}"
    nsid: "{version}"
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stderr
    any: info
database:
    storage: "{folder}"
template:
  - id: default
    journal-content: none
    zonefile-sync: -1
zone:
"""


def _knot(zones: Mapping[str, Path], folder: Path, host: str, port: int, version: str) -> list[str | Path]:
    listed = [f'  - domain: "{origin}"\n    file: "{file}"\n' for origin, file in zones.items()]
    (folder / "knot.conf").write_text(KNOT_CONF.format(folder=folder, host=host, port=port, version=version) + "".join(listed))
    return [_binary("knotd"), "-c", folder / "knot.conf"]


def _binary(command: str) -> str:
    path = find(command)
    assert path, f"{command} is not here: the test should have asked for it with the marker peer"
    return path


def _ours(zones: Mapping[str, Path], folder: Path, host: str, port: int, version: str) -> list[str | Path]:
    served = [word for origin, file in zones.items() for word in ("--zone", f"{origin}={file}")]
    told = ["--version-text", version, "--nsid", version]
    return [sys.executable, "-m", "wirespeak", "dns", "serve", *served, *told, "--bind", f"{host}:{port}", "--json"]


_COMMANDS: dict[str, Callable[[Mapping[str, Path], Path, str, int, str], list[str | Path]]] = {
    "bind": _bind,
    "nsd": _nsd,
    "knot": _knot,
    "wirespeak": _ours,
}
