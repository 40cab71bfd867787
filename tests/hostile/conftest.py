"""Servers to attack, as fixtures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.hostile.serving import COMMAND, Serve, Server
from tests.processes import Program
from wirespeak.http import ServerLimits

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def serving() -> Iterator[Callable[..., Server]]:
    """``serving(handler, limit=…)`` is a server in a thread; without a handler it echoes. It must end in good order."""
    servers: list[Server] = []

    def start_one(handler: Any = None, **limits: Any) -> Server:
        servers.append(Server(handler, ServerLimits(**limits) if limits else None))
        return servers[-1]

    yield start_one
    failed: list[AssertionError] = []
    for server in servers:
        try:
            server.end()
        except AssertionError as error:
            failed.append(error)
    if failed:
        raise failed[0]


@pytest.fixture
def server(serving: Callable[..., Server]) -> Server:
    """A server in a thread that echoes each request's body, under the limits it has by itself."""
    return serving()


@pytest.fixture
def serve(start: Callable[..., Program]) -> Callable[..., Serve]:
    """``serve("--app", "tests.hostile.app:handler")`` runs ``wirespeak http serve`` with these arguments on a free port."""

    def start_one(*arguments: str | Path) -> Serve:
        where = {"PYTHONPATH": f"{ROOT / 'src'}"}
        return Serve(start([*COMMAND, *arguments, "--bind", "127.0.0.1:0", "--json"], env=where, cwd=ROOT))

    return start_one
