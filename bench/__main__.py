"""``python -m bench``: measure the rows, print the table, write bench/results/.

Needs what ``make bench`` installs: nginx, wrk, openssl, BIND, NSD, Knot, dnsperf, Postfix, telnetd, ngircd and InspIRCd from Debian;
granian, uvicorn, dnspython, aiosmtpd and telnetlib3 in .peers/. Postfix can be started by root alone: its rows are left out for
others. Takes about forty minutes, more where other programs keep the machine busy; ``--quick`` takes some minutes, but then the figures
are rough and are written nowhere.
"""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click

from bench import report
from bench.corpus import build_site
from bench.model import Measured, Results, Row, Sample
from bench.peers import Server
from bench.rows import Place, all_rows

RESULTS = Path(__file__).with_name("results")

DISTURBED = 0.2  # the share of the server's core, used by others, beyond which a turn is taken again
TRIES = 2

# Seconds between writing the site and serving it. wirespeak does not rely on what it has read of a file that changed in
# the last two seconds, for it might change again unseen; a site that is served is older than that.
SETTLE = 3.0


@click.command()
@click.option("--only", "-o", multiple=True, metavar="ROW", help="Measure this row alone; may be given several times.")
@click.option("--server", "-s", multiple=True, metavar="NAME", help="Measure this server alone; may be given several times.")
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1, 100), help="How often each server takes its turn.")
@click.option("--seconds", default=3.0, show_default=True, type=click.FloatRange(1, 60), help="How long each turn is measured.")
@click.option("--quick", is_flag=True, help="One short round of lesser loads, written nowhere.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Write the results here.  [default: bench/results]")
@click.option("--list", "listing", is_flag=True, help="Name the rows and their servers.")
def main(only: tuple[str, ...], server: tuple[str, ...], rounds: int, seconds: float, quick: bool, out: Path | None, listing: bool) -> None:
    """Measure wirespeak side by side with its peers: CPU time of the server per unit of work."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    idle = min(10_000, open_files() - 1_000)
    with tempfile.TemporaryDirectory(prefix="wirespeak-bench-") as folder:
        place = Place(Path(folder), build_site(Path(folder) / "site"), idle=idle)
        if quick:
            rounds, seconds, place = 1, 1.0, replace(place, messages=100_000, idle=min(idle, 1_000), records=100_000)
        every = all_rows(place)
        rows = choose(every, only, server)
        if listing:
            for row in rows:
                click.echo(f"{row.key:14} {row.work}: {', '.join(each.name for each in row.servers)}")
            return
        time.sleep(SETTLE)
        found = {row.key: measured for row in rows if (measured := take_turns(row, min(rounds, row.most_rounds), seconds))}
    if out is None and not quick and not server:
        out = RESULTS
    earlier = report.load(out) if out else Results()
    merged = earlier.rows | found
    results = Results(report.machine(), {row.key: merged[row.key] for row in every if row.key in merged})
    click.echo("\n" + report.promises(results, list(found)))
    if out:
        report.write(results, out)
    sys.exit(0 if len(found) == len(rows) else 1)


def choose(rows: list[Row], only: tuple[str, ...], server: tuple[str, ...]) -> list[Row]:
    """The rows and servers asked for; all of them when none is named."""
    known = [row.key for row in rows]
    if unknown := set(only) - set(known):
        raise click.BadParameter(f"no row {', '.join(unknown)}; there are {', '.join(known)}")
    for row in rows:
        row.servers = [each for each in row.servers if not server or each.name in server]
    return [row for row in rows if row.servers and (not only or row.key in only)]


def take_turns(row: Row, rounds: int, seconds: float) -> Measured | None:
    """Measure the row's servers in turn; each round begins with another one, so that none always follows the same.

    None when one of them did not do its work; the other rows are measured all the same.
    """
    click.echo(f"{row.key}: {row.work}")
    samples: dict[str, list[Sample]] = {server.name: [] for server in row.servers}
    try:
        for number in range(rounds):
            shift = number % len(row.servers)
            for server in row.servers[shift:] + row.servers[:shift]:
                sample = undisturbed(row, server, seconds)
                samples[server.name].append(sample)
                click.echo(f"  {server.name:24} {sample.figure:9.2f} {row.unit:24} {report.beside(sample)}")
        heads = {server.name: row.head(server) for server in row.servers} if row.head else {}
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        click.echo(f"  not measured: {error}", err=True)
        return None
    when = datetime.now(UTC).isoformat(timespec="seconds")
    return Measured(row.protocol, row.work, row.unit, when, row.promises, samples, heads)


def undisturbed(row: Row, server: Server, seconds: float) -> Sample:
    """Measure a server; again when other programs took much of its core, for they also empty the caches that it uses.

    Of the tries, the one with the least of that counts, whatever its figure.
    """
    tries: list[Sample] = []
    while len(tries) < TRIES and (not tries or tries[-1].others > DISTURBED):
        tries.append(row.measure(server, seconds))
    return min(tries, key=lambda sample: sample.others)


def open_files() -> int:
    """Allow as many open files as this user may have, and say how many; children inherit it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


if __name__ == "__main__":
    main()
