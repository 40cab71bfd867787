"""Servers to attack, as fixtures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.hostile.serving import Serve, Server, http_serve
from tests.processes import Program
from wirespeak.http import ServerLimits
from wirespeak.sockets.listener import allow_many_files


@pytest.fixture(scope="session", autouse=True)
def many_files() -> None:
    """Thousands of connections are open at once here, both ends of some in this process: the usual soft limit is 1,024 files."""
    allow_many_files()


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
    return lambda *arguments: http_serve(start, *arguments)


@pytest.fixture(scope="module")
def serve_all() -> Iterator[Callable[..., Serve]]:
    """As `serve`, for all the tests of a file that only ask."""
    programs: list[Program] = []

    def start(command: Sequence[str | Path], **surroundings: Any) -> Program:
        programs.append(Program(command, **surroundings))
        return programs[-1]

    yield lambda *arguments: http_serve(start, *arguments)
    for program in programs:
        program.end()
