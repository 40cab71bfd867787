"""``wirespeak dns``: serve zones, ask servers, check zone files."""

from __future__ import annotations

import gc
import json
import sys
from functools import partial
from pathlib import Path

import click

from wirespeak.cli import LazyGroup
from wirespeak.cli.terminal import printable
from wirespeak.dns.names import Name
from wirespeak.dns.registry import class_number
from wirespeak.dns.zonecheck import Report, examine
from wirespeak.dns.zonefile import examine_file
from wirespeak.dns.zonereader import ZoneReader
from wirespeak.dns.zonewriter import entries, write_zone
from wirespeak.errors import TextError

__all__ = ["command"]

# The exit code for a zone that is none, as for all that the other side, here the file, says no to.
REFUSED = 1


@click.group(cls=LazyGroup, modules={"query": "wirespeak.cli.dns_query", "serve": "wirespeak.cli.dns_serve"})
def command() -> None:
    """DNS: names, and what they stand for."""


@command.command()
@click.argument("origin")
@click.argument("file", type=click.Path())
@click.option("--class", "klass", default="IN", show_default=True, help="The class that the zone is of.")
@click.option("--print", "printing", is_flag=True, help="Print the zone in canonical form, and what is said of it on standard error.")
@click.option("--json", "plain", is_flag=True, help="Print one JSON object: origin, serial, records, errors, warnings.")
@click.pass_context
def check(context: click.Context, origin: str, file: str, klass: str, printing: bool, plain: bool) -> None:
    """Check a zone file.

    ORIGIN is the zone's name; FILE may be - for the standard input. Exits with 0 where the zone can be served, though there may
    be warnings, and with 1 where it is refused.

    \b
    wirespeak dns check example.com example.com.zone
    wirespeak dns check --print example.com - < example.com.zone
    """
    try:
        name, cls = Name.parse(origin.removesuffix(".") + "."), class_number(klass)
    except TextError as error:
        raise click.UsageError(str(error)) from None
    gc.disable()  # what is read stays until the end: to look for what could go takes a fifth of the time
    if file == "-":
        report = examine(partial(ZoneReader, sys.stdin.buffer.read(), name, cls=cls, file="-"))
    else:
        report = examine_file(Path(file), name, cls=cls)
    lines = write_zone(name, entries(report.zone), cls=cls) if printing and report.zone is not None else ()
    if plain:
        click.echo(json.dumps(_as_json(name, report) | ({"text": "".join(lines)} if printing else {})))
    else:
        for line in lines:
            sys.stdout.write(line)
        _show(name, report, err=printing)
    if report.zone is None:
        context.exit(REFUSED)


def _show(name: Name, report: Report, *, err: bool) -> None:
    for fault in report.errors:
        click.echo(printable(f"error: {fault}"), err=err)
    for fault in report.warnings:
        click.echo(printable(f"warning: {fault}"), err=err)
    if report.more:
        click.echo(f"{report.more} more of these are not shown", err=err)
    if report.zone is None:
        click.echo(f"{name}: refused", err=err)
    else:
        click.echo(f"{name}: {report.zone.size} records, serial {report.zone.serial}", err=err)


def _as_json(name: Name, report: Report) -> dict[str, object]:
    zone = report.zone
    return {
        "origin": str(name),
        "serial": None if zone is None else zone.serial,
        "records": None if zone is None else zone.size,
        "errors": [_fault(fault) for fault in report.errors],
        "warnings": [_fault(fault) for fault in report.warnings],
        "more": report.more,
    }


def _fault(fault: TextError) -> dict[str, object]:
    return {"file": fault.file, "line": fault.line, "column": fault.column, "message": fault.args[0]}
