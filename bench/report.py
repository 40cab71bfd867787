"""What a run leaves behind: results.json (every sample), results.md (the tables), results.svg (the chart).

Reads and writes the results' folder, and asks the programs that were measured for their versions.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Iterator
from html import escape
from pathlib import Path
from statistics import median

import msgspec

from bench.model import OURS, Measured, Promise, Results, Sample, Spread
from bench.peers import NGINX, PEERS
from scripts.peers import find

__all__ = ["beside", "load", "machine", "promises", "write"]


def load(folder: Path) -> Results:
    """The results of earlier runs; none when the folder has none."""
    file = folder / "results.json"
    return msgspec.json.decode(file.read_bytes(), type=Results) if file.exists() else Results()


def write(results: Results, folder: Path) -> None:
    """Write all three files."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_bytes(msgspec.json.format(msgspec.json.encode(rounded(results)), indent=1) + b"\n")
    (folder / "results.md").write_text(page(results))
    (folder / "results.svg").write_text(chart(results))


def rounded(value: object) -> object:
    """The same values as plain data, numbers to four digits after the point: more is not known, and does not fit a diff."""
    plain = msgspec.to_builtins(value)

    def cut(part: object) -> object:
        if isinstance(part, dict):
            return {key: cut(each) for key, each in part.items()}
        if isinstance(part, list):
            return [cut(each) for each in part]
        return round(part, 4) if isinstance(part, float) else part

    return cut(plain)


def machine() -> dict[str, str]:
    """What was measured on, and which releases."""
    cpu = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    kernel = ".".join(platform.release().split(".")[:2])
    found = {
        "processor": f"{cpu[1] if cpu else platform.machine()}, {os.cpu_count()} cores",
        "system": f"{platform.system()} {kernel}",
        "Python": platform.python_version(),
        "nginx": version([NGINX, "-v"], r"nginx/(\S+)"),
        "wrk": version(["wrk", "-v"], r"wrk \S*?([0-9.]+)"),
        "BIND": version(["named", "-v"], r"BIND ([0-9.]+)"),
        "NSD": version(["nsd", "-v"], r"NSD version (\S+)"),
        "Knot": version(["knotd", "-V"], r"version (\S+)"),
        "dnsperf": version(["dnsperf", "-h"], r"Version (\S+)"),
        "Postfix": version(["dpkg-query", "--show", "postfix"], r"\s(\S+)"),
    }
    for package in ("granian", "uvicorn", "uvloop", "httptools", "dnspython", "aiosmtpd", "telnetlib3"):
        found[package] = version(
            [str(PEERS / "python"), "-c", f"from importlib.metadata import version; print(version({package!r}))"], r"(\S+)"
        )
    return found


def version(command: list[str], pattern: str) -> str:
    try:
        done = subprocess.run([find(command[0]) or command[0], *command[1:]], capture_output=True, text=True, check=False, timeout=20)
    except OSError:
        return "not there"
    found = re.search(pattern, done.stdout + done.stderr)
    return found[1] if found else "unknown"


# --- tables ---------------------------------------------------------------------------------------------------------


def beside(sample: Sample) -> str:
    """What stands beside the figure, on one line of the terminal."""
    parts = [f"{sample.rate:,.0f}/s"]
    if sample.p99:
        parts.append(f"p50 {sample.p50:.2f} ms, p99 {sample.p99:.2f} ms")
    parts.append(f"server busy {sample.busy:.0%}, its core busy with others {sample.others:.0%}")
    parts.append(f"{sample.resident / 2**20:.0f} MiB")
    return " · ".join(parts)


def verdict(value: float, promise: Promise) -> str:
    if value <= promise.aim:
        return "aim met"
    return "must met" if value <= promise.must else "**missed**"


def judged(results: Results, keys: list[str] | None = None) -> Iterator[tuple[Measured, Promise, Spread]]:
    """Each promise that can be judged by what was measured (in the rows named by ``keys``), with the ratio found."""
    for key, row in results.rows.items():
        for promise in row.promises:
            if (keys is None or key in keys) and (spread := row.against(promise.peer)):
                yield row, promise, spread


def promises(results: Results, keys: list[str] | None = None) -> str:
    """The table of promises, for the terminal and the page alike; empty when none can be judged."""
    lines = [["protocol", "work", "wirespeak", "peer", "ratio", "rounds", "must", "aim", ""]]
    for row, promise, spread in judged(results, keys):
        line = [row.protocol, row.work, f"{row.figure(OURS).median:,.1f} {row.unit}"]
        if promise.peer:
            line += [f"{promise.peer} {row.figure(promise.peer).median:,.1f}", f"{spread.median:.2f}", between(spread)]
        else:
            line += ["", "", ""]
        lines.append([*line, f"{promise.must:g}", f"{promise.aim:g}", verdict(spread.median, promise)])
    return aligned(lines) if len(lines) > 1 else ""


def everything(row: Measured) -> str:
    """All servers of one row."""
    lines = [["server", row.unit, "rounds", "a second", "p50 ms", "p99 ms", "busy", "others", "kernel's share", "memory MiB"]]
    for server, samples in row.samples.items():
        figure = row.figure(server)
        lines.append(
            [
                server,
                f"{figure.median:,.2f}",
                between(figure),
                f"{median(each.rate for each in samples):,.0f}",
                f"{median(each.p50 for each in samples):.2f}" if samples[0].p50 else "",
                f"{median(each.p99 for each in samples):.2f}" if samples[0].p99 else "",
                f"{median(each.busy for each in samples):.0%}",
                f"{median(each.others for each in samples):.0%}",
                f"{median(each.system for each in samples):.0%}",
                f"{median(each.resident for each in samples) / 2**20:.0f}",
            ]
        )
    return aligned(lines)


def between(spread: Spread) -> str:
    return f"{spread.low:,.2f}–{spread.high:,.2f}"


def aligned(lines: list[list[str]]) -> str:
    """A Markdown table whose columns line up as plain text too."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    lines = [lines[0], ["-" * width for width in widths], *lines[1:]]
    return "\n".join("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines)


INTRODUCTION = """\
# Side by side with the peers

Made by `make bench`; every sample is in [results.json](results.json).

![How far each promise is met](results.svg)

The figure is the **CPU time of the server** (user and system, its children included, as the operating system accounts
for it) **per unit of work**: on a shared machine it says more than seconds do. Server and load run on cores of their
own; in each round every server takes its turn, started anew and warmed up, and each round begins with another one. A
ratio is wirespeak's figure over the peer's in the same round; given are the median of the rounds, the least and the most.

One worker each. wirespeak runs on CPython as it is, started by its command. nginx runs with Debian's settings
(`sendfile`, `tcp_nopush`) and without its limit on the requests of one connection; *nginx + open_file_cache* looks a
file up again after a second only. granian and uvicorn run an ASGI application that answers from memory, on uvloop,
uvicorn with its parser in C. Nobody compresses, and nobody keeps an access log but in the row that has one.

The name servers hold the same zone, keep no log of questions, set no limit to the rate, and add as little to an answer as
each can be told to (`minimal-responses`). dnsperf asks 400,000 questions: a few names often and many seldom (Zipf), one in
seven for a name that isn't there, half of these at random and never twice; most with EDNS, some in mixed case. The codecs
are measured in processes of their own; the messages were written by dnspython.

smtp-source sends mails of 1, 4, 20 and 150 KB, the small ones often, from 20 clients; a mail a connection, but where it says
otherwise. smtp-sink and aiosmtpd take mail and forget it. Postfix and wirespeak, where mail is durable, each keep a log, answer
once the mail is synced, and deliver it into one Maildir; for Postfix all its processes count, until its queue is empty, and it is told
not to slow down clients (`in_flow_delay`). *A second* is how fast mail is taken.

Over Telnet goes a file of random bytes, in BINARY, so that one byte in 256 is escaped. telnetd and wirespeak start the same shell
program for each visitor, on a terminal, and its time counts for both; for telnetlib3, a library, the same host is written with
each library, and there is no program. What comes is compared with what was sent.

In the tables below, *busy* is the server's CPU seconds a second (far from 100 %: the load, or other programs, set the
pace), *others* the share of its core that other programs took meanwhile (beyond 20 % the turn is taken once more, and
the less disturbed one counts), *kernel's share* the part of its CPU time spent inside system calls.
"""


def page(results: Results) -> str:
    """results.md."""
    parts = [INTRODUCTION, ", ".join(f"{name} {value}" for name, value in results.machine.items()) + ".\n", promises(results)]
    for row in results.rows.values():
        parts.append(
            f"\n## {row.protocol}: {row.work}\n\n{row.when[:10]}, {max(map(len, row.samples.values()))} rounds.\n\n{everything(row)}"
        )
        if row.heads:
            heads = "\n\n".join(f"{server}:\n\n{indented(head)}" for server, head in row.heads.items())
            parts.append(f"\n<details><summary>One answer of each</summary>\n\n{heads}\n\n</details>")
    return "\n".join(parts) + "\n"


def indented(head: str) -> str:
    return "\n".join("    " + line for line in head.split("\r\n"))


# --- chart ----------------------------------------------------------------------------------------------------------

STYLE = """
svg { font: 13px system-ui, sans-serif; fill: #1f2328; background: #fff }
.quiet { fill: #656d76 } .head { font-weight: 600; font-size: 15px }
.aim { fill: #2da44e } .must { fill: #bf8700 } .missed { fill: #cf222e }
.line { stroke: #1f2328 } .tick { stroke: #1f2328; stroke-width: 2 }
@media (prefers-color-scheme: dark) {
  svg { fill: #e6edf3; background: #0d1117 } .quiet { fill: #8d96a0 }
  .aim { fill: #3fb950 } .must { fill: #d29922 } .missed { fill: #f85149 }
  .line, .tick { stroke: #e6edf3 }
}
"""
WIDTH, LEFT, UNIT, STEP, TOP = 960, 380, 300, 30, 78
"""Pixels: of the whole, before the bars, of a bar that just keeps its promise, of a line, above the bars."""


def chart(results: Results) -> str:
    """A bar a promise, as long as the figure is of what *must* be: shorter is better, past the line it is missed."""
    bars = [bar(row, promise, spread, number) for number, (row, promise, spread) in enumerate(judged(results))]
    bottom = TOP + STEP * len(bars)
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom + 16}" role="img" aria-label="How far each promise is met">
<style>{STYLE}</style>
<text class="head" x="16" y="28">CPU time per unit of work, memory per idle connection</text>
<text class="quiet" x="16" y="48">wirespeak's figure as a share of what it must be at most: shorter is better; the tick is the aim</text>
<text class="quiet" x="{LEFT + UNIT}" y="{TOP - 10}" text-anchor="middle">must</text>
{"".join(bars)}\
<line class="line" stroke-dasharray="3 3" x1="{LEFT + UNIT}" x2="{LEFT + UNIT}" y1="{TOP - 4}" y2="{bottom}"/>
</svg>
"""


def bar(row: Measured, promise: Promise, spread: Spread, number: int) -> str:
    y = TOP + STEP * number
    share = spread.median / promise.must
    length = min(UNIT * share, WIDTH - LEFT - 180)  # one far beyond the line is cut, and its number says how far
    aim = LEFT + UNIT * promise.aim / promise.must
    met = verdict(spread.median, promise).strip("*")
    said = f"{spread.median:.2f} × {promise.peer}" if promise.peer else f"{spread.median:.1f} {row.unit}"
    label = f"{row.protocol}: {row.work}"
    label = label if len(label) <= 52 else label[:51] + "…"
    return f"""\
<text x="{LEFT - 12}" y="{y + 16}" text-anchor="end">{escape(label)}</text>
<rect class="{met.split()[0]}" x="{LEFT}" y="{y + 3}" width="{length:.1f}" height="18" rx="2"/>
<line class="tick" x1="{aim:.1f}" x2="{aim:.1f}" y1="{y}" y2="{y + 24}"/>
<text x="{max(LEFT + length, LEFT + UNIT) + 10:.1f}" y="{y + 16}">{escape(said)} <tspan class="quiet">· {met}</tspan></text>
"""
