"""``wirespeak up`` as a program of its own, for tests that talk to it from outside."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.processes import Program
from wirespeak.localnet import SERVICES

COMMAND = (sys.executable, "-m", "wirespeak", "up")
FREE = tuple(word for service in SERVICES for word in (f"--{service.name}-port", "0"))
"""Each service on a free port."""


class Up:
    """A little internet that is ready: ``events`` is what it said of itself until then."""

    def __init__(self, program: Program) -> None:
        self.program = program
        program.wait_for(r'^\{"event":"ready".*\}$')
        self.events: list[dict[str, Any]] = [json.loads(line) for line in program.output.splitlines() if line.startswith("{")]
        self.ready = self.events[-1]
        self.http: str = self.ready["urls"]["http"]
        self.https: str = self.ready["urls"]["https"]
        self.folder = Path(self.ready["folder"])
        self.authority = Path(self.ready["authority"])

    @property
    def port(self) -> int:
        """The port of http."""
        return self.port_of("http")

    def port_of(self, service: str) -> int:
        return int(self.ready["urls"][service].rstrip("/").rpartition(":")[2])


def up(start: Callable[..., Program], *arguments: str | Path, **options: Any) -> Up:
    """Start one on free ports, in a folder of its own unless ``arguments`` name one."""
    where = FREE if "--dir" in arguments else ["--ephemeral"]
    return Up(start([*COMMAND, "--json", *where, *map(str, arguments)], **options))
