"""Telnet: a file through a terminal, each way; the time to the first prompt; visitors that stay and say nothing.

The file is of random bytes, in BINARY, so that one in 256 is escaped. The server's time has in it that of the program behind it, which
is the same for all (bench/telnet_program.sh).
"""

from __future__ import annotations

import time
from functools import partial

from bench import cpu
from bench.loads import held_visits, measured, telnet
from bench.model import Promise, Row, Sample
from bench.peers import Server, started
from bench.rows.place import Place
from bench.telnet_servers import TELNETLIB3, servers

__all__ = ["rows"]

SIZE = 100_000_000
SLOW_SIZES = {"out": 10_000_000, "in": 2_000_000}
"""What telnetlib3 gets, which takes seconds for a megabyte that comes in. The figure is by the megabyte."""

VISITS = 50
IDLE = 1_000
SETTLE = 1.0  # seconds after the last prompt, for what a server frees a moment later


def rows(place: Place) -> list[Row]:
    promises = [Promise("telnetd", 1.2, 1.0), Promise(TELNETLIB3, 0.1, 0.05)]
    unit = "µs of CPU a MB"
    return [
        Row("telnet-out", "Telnet", "100 MB to the visitor, escaped", unit, servers(place.folder), partial(file, place, "out"), promises),
        Row("telnet-in", "Telnet", "100 MB from the visitor, escaped", unit, servers(place.folder), partial(file, place, "in"), promises),
        Row("telnet-prompt", "Telnet", "visits one by one", "ms to the prompt (half)", servers(place.folder), partial(visits, place)),
        Row(
            "telnet-idle",
            "Telnet",
            f"{IDLE:,} visitors idle, with their programs",
            "KiB a visitor",
            servers(place.folder),
            partial(idle, place),
            most_rounds=1,
        ),
    ]


def file(place: Place, way: str, server: Server, _seconds: float) -> Sample:
    """CPU time a megabyte. The work is counted, not timed; a tenth of it warms the server up."""
    size = SLOW_SIZES[way] if server.name == TELNETLIB3 else SIZE
    with started(server, place.folder) as running:
        return measured(running, lambda share: telnet(running, way, int(size * share)), 0.1, 1.0)


def visits(place: Place, server: Server, _seconds: float) -> Sample:
    """How long a visitor waits for the prompt who answers at once whatever the server asks."""
    with started(server, place.folder) as running:
        sample = measured(running, lambda share: telnet(running, "prompt", int(VISITS * share)), 0.1, 1.0)
    sample.figure = sample.p50
    return sample


def idle(place: Place, server: Server, _seconds: float) -> Sample:
    """Memory a visitor: that of the server and of all programs."""
    with started(server, place.folder) as running:
        telnet(running, "prompt", 1)  # until what is loaded late is loaded
        before = cpu.memory(running.pid)
        with held_visits(running, IDLE) as holder:
            time.sleep(SETTLE)
            after = cpu.memory(running.pid)
            if (alive := holder.alive()) != IDLE:
                raise RuntimeError(f"{server.name} closed {IDLE - alive} of {IDLE} idle visits")
    return Sample(figure=(after.proportional - before.proportional) / IDLE / 1024, resident=after.resident)
