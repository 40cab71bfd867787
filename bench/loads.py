"""The loads: wrk for HTTP, dnsperf for DNS, smtp-source for SMTP, and generators of our own where the field has none.

Each runs pinned to the load's core.

Starts processes and waits for them; every load is bounded in time or in count.
"""

from __future__ import annotations

import contextlib
import json
import re
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench import cpu
from bench.model import Sample
from bench.peers import HOST, LOAD_CORE, ROOT, SERVER_CORE, Running, pinned
from scripts.peers import find

__all__ = [
    "Channel",
    "Held",
    "Load",
    "crossing",
    "dnsperf",
    "held",
    "held_chatters",
    "held_visits",
    "irc_channel",
    "measured",
    "pour",
    "python",
    "smtp_source",
    "telnet",
    "wrk",
]

UNDER_WAY = 100  # questions of dnsperf's at a time, its own choice: few enough for a socket's buffer
# Mails of smtp-source's, by the bytes of their text: those of people and of programs, and now and then one with a picture.
MAILS = {1_000: 200, 4_000: 200, 20_000: 60, 150_000: 10}
GRACE = 150.0  # seconds that a generator may take beyond the time it was given; they have limits of their own within


@dataclass(slots=True, frozen=True)
class Load:
    """What a load did. Latencies in milliseconds, 0 where it does not measure them."""

    units: int
    seconds: float
    p50: float = 0.0
    p99: float = 0.0


def wrk(running: Running, requests: list[bytes], connections: int, seconds: float) -> Load:
    """Send ``requests`` in turn over so many keep-alive connections. Raises RuntimeError when an answer is not a success."""
    with tempfile.NamedTemporaryFile(dir=running.folder) as file:
        for request in requests:
            file.write(struct.pack("!I", len(request)) + request)
        file.flush()
        url = f"{'https' if running.tls else 'http'}://{HOST}:{running.port}"
        script = str(Path(__file__).with_name("wrk.lua"))
        options = [
            "--threads",
            "1",
            "--connections",
            str(connections),
            "--duration",
            f"{max(1, round(seconds))}s",
            "--timeout",
            "20s",
            "--latency",
        ]
        output = run(["wrk", *options, "--script", script, url, "--", file.name], seconds)
    result = json.loads(output.splitlines()[-1])
    if result["errors"] or result["refused"] or not result["requests"]:
        raise RuntimeError(f"not every request succeeded: {result}")
    return Load(result["requests"], result["microseconds"] / 1e6, result["p50"] / 1e3, result["p99"] / 1e3)


def dnsperf(running: Running, questions: Path, transport: str, clients: int, seconds: float) -> Load:
    """Ask the questions of a file over and over, so many under way at a time.

    Raises RuntimeError when answers are errors, or when more than one in a thousand is lost (over TCP: any).
    """
    where = ["-s", HOST, "-p", str(running.port), "-m", transport, "-c", str(clients)]
    limits = ["-l", str(max(1, round(seconds))), "-q", str(UNDER_WAY), "-T", "1"]
    output = run(["dnsperf", *where, *limits, "-B", "-d", str(questions)], seconds)
    figures = dict(re.findall(r"^ +([A-Z][A-Za-z ()]+): +(.+)$", output, re.MULTILINE))
    answered, lost = (int(figures[f"Queries {what}"].split()[0]) for what in ("completed", "lost"))
    wrong = set(re.findall(r"[A-Z]+", figures.get("Response codes", ""))) - {"NOERROR", "NXDOMAIN"}
    if wrong or not answered or lost > (answered // 1000 if transport == "udp" else 0):
        raise RuntimeError(f"not every question was answered well: {output}")
    return Load(answered, float(figures["Run time (s)"]))


def smtp_source(running: Running, clients: int, recipient: str, lasting: bool, seconds: float) -> Load:
    """Send the mails of `MAILS`, over and over until the time is up, from so many clients at once, each on a connection of its own.

    With ``lasting`` a client keeps its connection for all of one size. Raises RuntimeError when a mail is not taken.
    """
    words = [find("smtp-source") or "smtp-source", "-s", str(clients), "-f", "ann@away.test", "-t", recipient, *(["-d"] if lasting else [])]
    sent, start = 0, time.monotonic()
    while not sent or time.monotonic() - start < seconds:
        for size, count in MAILS.items():
            run([*words, "-l", str(size), "-m", str(count), f"{HOST}:{running.port}"], 0)
        sent += sum(MAILS.values())
    return Load(sent, time.monotonic() - start)


def crossing(running: Running, small: int, large_size: int, recipient: str) -> Load:
    """Send so many small mails, one after the other, while large ones come in (crossing.py). The times are those of the small."""
    result = json.loads(run([*python("bench.crossing", running.port, small, large_size), recipient], 0))
    return Load(result["small"], result["seconds"], result["p50"], result["p99"])


def pour(running: Running, messages: int, connections: int) -> Load:
    """Pour so many short frames into the server and take each of them back (pour.py)."""
    result = json.loads(run(python("bench.pour", running.port, messages, connections), 0))
    return Load(result["messages"], result["seconds"])


def telnet(running: Running, kind: str, amount: int) -> Load:
    """A file ``out`` or ``in`` of so many bytes, in MB; or so many visits, up to the ``prompt`` (telnet_load.py)."""
    result = json.loads(run(python("bench.telnet_load", kind, running.port, amount), 0))
    return Load(result["units"], result["seconds"], result.get("p50", 0.0), result.get("p99", 0.0))


class Held:
    """Idle connections, held open by a process of their own (hold.py)."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def alive(self) -> int:
        """Let go, and say how many of the connections were still open until then."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return int(self.line())


@contextlib.contextmanager
def held(running: Running, count: int) -> Iterator[Held]:
    """Hold ``count`` connections that have each had one answer and are idle since. Raises RuntimeError if not all come."""
    with _holding(python("bench.hold", running.port, count, int(running.tls)), count) as holder:
        yield holder


@contextlib.contextmanager
def held_visits(running: Running, count: int) -> Iterator[Held]:
    """The same for Telnet: each has had the prompt (telnet_load.py)."""
    with _holding(python("bench.telnet_load", "hold", running.port, count), count) as holder:
        yield holder


@contextlib.contextmanager
def held_chatters(running: Running, count: int) -> Iterator[tuple[Held, Load]]:
    """The same for IRC: each is registered (irc_load.py). Also tells how fast they came."""
    with _running(python("bench.irc_load", "hold", running.port, count)) as process:
        yield Held(process), _told(process)


@dataclass(slots=True, frozen=True)
class Channel:
    """A channel of IRC that is full of members (irc_load.py). ``filled`` tells how they came."""

    process: subprocess.Popen[str]
    filled: Load

    def say(self, messages: int, burst: int) -> Load:
        """So many messages, ``burst`` at a time, each heard by all. The units are messages heard by one."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{messages} {burst}\n")
        self.process.stdin.flush()
        return _told(self.process)


@contextlib.contextmanager
def irc_channel(running: Running, members: int) -> Iterator[Channel]:
    """A channel with so many members who listen. Raises RuntimeError if not all come."""
    with _running(python("bench.irc_load", "channel", running.port, members)) as process:
        yield Channel(process, _told(process))


@contextlib.contextmanager
def _holding(words: list[str], count: int) -> Iterator[Held]:
    with _running(words) as process:
        holder = Held(process)
        if (said := holder.line()) != str(count):
            raise RuntimeError(f"of {count} connections {said or 'none'} came about")
        yield holder


@contextlib.contextmanager
def _running(words: list[str]) -> Iterator[subprocess.Popen[str]]:
    """A generator that is talked with, on the load's core."""
    with subprocess.Popen(pinned(LOAD_CORE, words), cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def _told(process: subprocess.Popen[str]) -> Load:
    """What a generator says in its next line. Raises RuntimeError where it has failed, which it has told then itself."""
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError("the load failed")
    result = json.loads(line)
    return Load(result["units"], result["seconds"], result.get("p50", 0.0), result.get("p99", 0.0))


def run(command: list[str], seconds: float) -> str:
    """Run a generator of a bounded load on the load's core; return what it printed. Raises RuntimeError when it fails."""
    done = subprocess.run(pinned(LOAD_CORE, command), cwd=ROOT, capture_output=True, text=True, timeout=seconds + GRACE, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stdout}{done.stderr}")
    return done.stdout


def python(module: str, *arguments: int | str) -> list[str]:
    return [sys.executable, "-m", module, *map(str, arguments)]


def measured(running: Running, load: Callable[[float], Load], warm_up: float, seconds: float) -> Sample:
    """Warm the server up with ``load``, then account for the CPU time that it spends on ``load``."""
    load(warm_up)
    before, core, start = cpu.usage(running.pid), cpu.core_time(SERVER_CORE), time.monotonic()
    done = load(seconds)
    used, core, whole = cpu.usage(running.pid) - before, cpu.core_time(SERVER_CORE) - core, time.monotonic() - start
    if not used.total:
        raise RuntimeError(f"{done.units} units were done in {done.seconds:.1f} s, and the server used no time: too few to be measured")
    return Sample(
        figure=used.total / done.units * 1e6,
        rate=done.units / done.seconds,
        p50=done.p50,
        p99=done.p99,
        busy=used.total / done.seconds,
        others=max(0.0, core - used.total) / whole,
        system=used.system / used.total,
        resident=cpu.memory(running.pid).resident,
    )
