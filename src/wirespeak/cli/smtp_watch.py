"""``wirespeak smtp send --explain``: the conversation as it ran, byte by byte.

An observer of the connection (`wirespeak.tap`), which keeps what each side says and shows it when all is said: what a line
means may depend on what was answered to the one before. Passwords are shown as asterisks.
"""

from __future__ import annotations

import json
import shutil
import sys
from typing import Any

import click

from wirespeak import explanation
from wirespeak.cli.terminal import has_colour, printable
from wirespeak.smtp.explain import conceal, explain
from wirespeak.tap import Seen

__all__ = ["Explainer"]

# Bytes of each direction that are kept to be explained: more than anyone reads.
KEPT = 256 << 10


class Explainer:
    """Keeps what is said, and explains it when asked. ``plain``: one JSON object a line, for programs."""

    def __init__(self, plain: bool) -> None:
        self._plain = plain
        self._said = {"out": bytearray(), "in": bytearray()}
        self._more = {"out": 0, "in": 0}  # bytes beyond what is kept
        self._turns: list[tuple[str, Any]] = []  # direction, and how much of it had been said by the end; or what TLS agreed on

    def __call__(self, seen: Seen, what: Any, now: float) -> None:
        if seen == "secured":
            self._turns.append(("tls", what))
        elif seen in ("out", "in") and isinstance(what, bytes):
            said = self._said[seen]
            room = max(0, KEPT - len(said))
            said += what[:room]
            self._more[seen] += max(0, len(what) - room)
            if self._turns and self._turns[-1][0] == seen:
                self._turns.pop()
            self._turns.append((seen, len(said)))

    def show(self) -> None:
        """Explain what was said."""
        data = {way: bytes(said) for way, said in self._said.items()}
        parts = {
            "out": explain(data["out"], "client", other=data["in"]),
            "in": explain(data["in"], "server", other=data["out"]),
        }
        shown = {way: conceal(data[way], parts[way]) for way in data}
        begun = {"out": 0, "in": 0}
        for number, (way, end) in enumerate(self._turns):
            if way == "tls":
                self._show_tls(end)
                continue
            last = all(later != way for later, _ in self._turns[number + 1 :])
            here = [part for part in parts[way] if begun[way] <= part.start < end or (last and part.start >= end)]
            begun[way] = end
            if here:
                self._show_turn(way, shown[way], here)
            if last and self._more[way]:
                click.echo(f"{self._more[way]:,} bytes more went {way}, which are not kept\n", err=self._plain)

    def _show_tls(self, info: Any) -> None:
        if not self._plain:
            click.echo(f"from here on over {info.version} with {printable(info.cipher)}\n")

    def _show_turn(self, way: str, data: bytes, parts: list[explanation.Part]) -> None:
        if self._plain:
            click.echo(json.dumps({"direction": way, "bytes": parts[-1].end - parts[0].start, "parts": explanation.as_json(parts)}))
            return
        arrow = "→" if way == "out" else "←"
        colour, width = has_colour(sys.stdout), shutil.get_terminal_size().columns
        click.echo(explanation.as_text(data, parts, direction=arrow, colour=colour, width=width))
