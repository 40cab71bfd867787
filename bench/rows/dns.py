"""DNS: an authority asked over UDP and TCP (the load is dnsperf), a large zone loaded, and the codec beside dnspython."""

from __future__ import annotations

import json
import subprocess
import time
from functools import partial
from pathlib import Path

from bench import cpu
from bench.loads import dnsperf, measured, python
from bench.model import Promise, Row, Sample
from bench.name_servers import await_zone, name_servers
from bench.peers import PEERS, ROOT, SERVER_CORE, Server, pinned, started
from bench.rows.place import Place
from bench.zones import build_large, build_zone

__all__ = ["rows"]

CLIENTS = {"udp": 4, "tcp": 8}
"""Sockets that the questions come from; over TCP each stays open, as resolvers keep theirs (RFC 7766 6.2.1). With sixteen
dnsperf stops sending now and then, whoever it asks."""

WARM_UP = 3.0  # seconds of questions before the clock starts: what is asked for often has been asked for then

CODEC_GRACE = 60.0  # seconds beyond those that it is to run


def rows(place: Place) -> list[Row]:
    must = [Promise("BIND", 1.2, 1.0), Promise("NSD", 1.4, 1.15)]
    asked = f"authoritative, {place.names:,} names, mixed types, present and absent"
    small, large = place.folder / f"{place.names}.zone", place.folder / f"{place.records}.large.zone"
    return [
        Row("dns-udp", "DNS", f"{asked}, UDP", "µs of CPU a question", name_servers(small), partial(answering, place, "udp"), must),
        Row("dns-tcp", "DNS", f"{asked}, TCP", "µs of CPU a question", name_servers(small), partial(answering, place, "tcp"), must),
        Row(
            "dns-load",
            "DNS",
            f"a zone of {place.records:,} records loaded",
            "µs of CPU a record",
            name_servers(large),
            partial(loading, place),
            most_rounds=2,
        ),
        *(codec(place, work) for work in ("parse", "build")),
    ]


def answering(place: Place, transport: str, server: Server, seconds: float) -> Sample:
    """CPU time a question."""
    served = build_zone(place.folder, place.names)
    with started(server, place.folder) as running:
        await_zone(running)
        load = partial(dnsperf, running, served.questions, transport, CLIENTS[transport])
        return measured(running, load, WARM_UP, seconds)


def loading(place: Place, server: Server, _seconds: float) -> Sample:
    """CPU time a record, from the start until the zone is answered for; memory, once it is."""
    zone = build_large(place.folder, place.records)
    with zone.open() as lines:
        records = sum(1 for _ in lines)
    core, begun = cpu.core_time(SERVER_CORE), time.monotonic()
    with started(server, place.folder) as running:
        await_zone(running)
        used, whole = cpu.usage(running.pid), time.monotonic() - begun
        core = cpu.core_time(SERVER_CORE) - core
        return Sample(
            figure=used.total / records * 1e6,
            rate=records / whole,
            busy=used.total / whole,
            others=max(0.0, core - used.total) / whole,
            system=used.system / used.total,
            resident=cpu.memory(running.pid).proportional,
        )


def codec(place: Place, work: str) -> Row:
    """The codecs, each in a process of its own; nothing is served."""
    file = place.folder / "messages"

    def measure(server: Server, seconds: float) -> Sample:
        interpreter = PEERS / "python"
        if not interpreter.exists():
            raise RuntimeError("dnspython is not here: make bench puts it into .peers")
        if not file.exists():
            run([str(interpreter), "-m", "bench.codec", "write", str(file)])
        core = cpu.core_time(SERVER_CORE)
        found = json.loads(run([*server.command(0, place.folder), server.name, work, str(file), str(seconds)], seconds))
        core = cpu.core_time(SERVER_CORE) - core
        return Sample(
            figure=found["cpu"] / found["units"] * 1e6,
            rate=found["units"] / found["seconds"],
            busy=found["cpu"] / found["seconds"],
            others=max(0.0, core - found["cpu"]) / found["seconds"],
            resident=found["resident"],
        )

    servers = [
        Server("wirespeak", lambda port, folder: python("bench.codec")),
        Server("dnspython", lambda port, folder: [str(PEERS / "python"), "-m", "bench.codec"]),
    ]
    promises = [Promise("dnspython", 0.33, 0.17)]  # three times as fast, and six
    return Row(f"dns-{work}", "DNS", f"varied messages, {WORDS[work]}", "µs of CPU a message", servers, measure, promises)


WORDS = {"parse": "parsed", "build": "built"}


def run(command: list[str], seconds: float = 0.0) -> str:
    """Run a program on the server's core; what it printed. Raises RuntimeError when it fails."""
    done = subprocess.run(
        pinned(SERVER_CORE, command), cwd=ROOT, capture_output=True, text=True, timeout=seconds + CODEC_GRACE, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{Path(command[0]).name} failed: {done.stderr[-2000:]}")
    return done.stdout
