"""Telnet: a file each way; the time to the first prompt; visitors that stay and say nothing.

The file is of random bytes, in BINARY, so that one in 256 is escaped. telnetd is a program that runs programs: beside it our server
runs the same one on a terminal, whose time counts for both (bench/telnet_program.sh). telnetlib3 is a library: beside it stands the same
host, written with ours (bench/telnet_hosts.py).
"""

from __future__ import annotations

import time
from functools import partial

from bench import cpu
from bench.loads import held_visits, measured, telnet
from bench.model import Promise, Row, Sample
from bench.peers import Server, started
from bench.rows.place import Place
from bench.telnet_load import MEGABYTE
from bench.telnet_servers import TELNETD, TELNETLIB3, hosts, servers

__all__ = ["rows"]

SIZE = 100_000_000
HOST_SIZE = 1_000_000_000
"""Where nothing but a library is measured, 100 MB take some hundredths of a second, in which the kernel counts; so ten times that."""
SLOW_SIZE = 4_000_000
"""What telnetlib3 takes, at a fifth of a second for a megabyte that comes in. The figure is by the megabyte."""

VISITS = 50
IDLE = 1_000
SETTLE = 1.0  # seconds after the last prompt, for what a server frees a moment later


def rows(place: Place) -> list[Row]:
    programs = servers(place.folder)
    terminals = [server for server in programs if server.name != TELNETLIB3]
    unit = "µs of CPU a MB"
    out, into = (partial(file, place, way, SIZE) for way in ("out", "in"))
    host_out, host_in = (partial(file, place, way, HOST_SIZE) for way in ("out", "in"))
    telnetd, telnetlib3 = [Promise(TELNETD, 1.2, 1.0)], [Promise(TELNETLIB3, 0.1, 0.05)]
    return [
        Row("telnet-out", "Telnet", "100 MB from a program, escaped", unit, terminals, out, telnetd),
        Row("telnet-in", "Telnet", "100 MB to a program, escaped", unit, terminals, into, telnetd),
        # No promise for the first: there is nothing to it, in either library, but one replacement in C and a send.
        Row("telnet-host-out", "Telnet", "1 GB from a library's host, escaped", unit, hosts(), host_out),
        Row("telnet-host-in", "Telnet", "1 GB to a library's host, escaped", unit, hosts(), host_in, telnetlib3),
        Row("telnet-prompt", "Telnet", "visits one by one", "ms to the prompt (half)", programs, partial(visits, place)),
        Row(
            "telnet-idle",
            "Telnet",
            f"{IDLE:,} visitors idle, with their programs",
            "KiB a visitor",
            programs,
            partial(idle, place),
            most_rounds=1,
        ),
    ]


def file(place: Place, way: str, size: int, server: Server, _seconds: float) -> Sample:
    """CPU time a megabyte. The work is counted, not timed; a tenth of it warms the server up."""
    if (way, server.name) == ("in", TELNETLIB3):
        size = SLOW_SIZE
    with started(server, place.folder) as running:
        return measured(running, lambda share: telnet(running, way, max(MEGABYTE, int(size * share))), 0.1, 1.0)


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
