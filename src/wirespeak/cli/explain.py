"""``wirespeak explain``: what the bytes of a message mean, one by one, with the clause behind each.

What they mean is the business of each protocol's ``explain.py``, how that is shown of ``wirespeak/explanation.py``: here
stand the options, and which protocols there are.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from importlib import import_module
from typing import BinaryIO, Final

import click

from wirespeak import explanation

__all__ = ["command"]

PROTOCOLS: Final = {name: f"wirespeak.{name}.explain" for name in ("dns", "frames", "http", "irc", "smtp", "telnet")}
"""The module whose ``explain(data)`` gives the parts of a protocol's messages. Imported when asked for."""

# What is explained is held in memory, with its explanation: more than any message that a person would read through.
LONGEST_INPUT = 16 << 20

# The exit code for what breaks its protocol, as everywhere in the command line.
BROKEN = 5


@click.command(name="explain")
@click.option("--as", "protocol", type=click.Choice(sorted(PROTOCOLS)), required=True, help="The protocol that the bytes speak.")
@click.option("--json", "plain", is_flag=True, help="Print one JSON object: protocol, bytes, and the list of parts.")
@click.argument("file", type=click.File("rb"), default="-")
@click.pass_context
def command(context: click.Context, protocol: str, plain: bool, file: BinaryIO) -> None:
    """Explain the bytes in FILE, or of the standard input, one by one.

    They are what one side of a conversation said: one message, or several behind each other. Exits with 5 where they break
    the protocol, or end before the message does.

    \b
      printf 'GET / HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n' |
      wirespeak explain --as http
    """
    if file.isatty():
        click.echo("Reading from the keyboard; Ctrl-D on an empty line ends it.", err=True)
    data = file.read(LONGEST_INPUT + 1)
    if len(data) > LONGEST_INPUT:
        raise click.UsageError(f"more than {LONGEST_INPUT >> 20} MB to explain; give it a part of that, as head -c 1M does")
    module = import_module(PROTOCOLS[protocol])
    parts = module.explain(data)
    if hasattr(module, "conceal"):  # of what must not stand on a screen
        data = module.conceal(data, parts)
    if plain:
        click.echo(json.dumps({"protocol": protocol, "bytes": len(data), "parts": explanation.as_json(parts)}))
    else:
        colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        click.echo(explanation.as_text(data, parts, colour=colour, width=shutil.get_terminal_size().columns), nl=False)
    if any(part.kind in ("malformed", "missing") for part in parts):
        context.exit(BROKEN)
