"""What all tests share: real peers, programs to run, free ports, and surroundings of their own.

A test that needs a real program asks for it by name, as a marker or as a fixture:

    @pytest.mark.peer("curl")
    def test_…(start): …

    def test_…(peer):
        nginx = peer("nginx")     # its path

Where the program is missing the test is skipped and named at the end of the run; with CI=true it fails.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import settings

from scripts.peers import find, peers
from tests.processes import Program

settings.register_profile("here", deadline=None)  # on a machine that does other work too, slow is no failure
settings.register_profile("ci", settings.get_profile("here"), derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "here")

PEERS = {peer.name: peer for peer in peers()}
RUNNING = pytest.StashKey[list[Program]]()


def pytest_xdist_auto_num_workers() -> int:
    """Twice as many workers as there are cores: most of a test's time it waits for a program to come up, or for a deadline."""
    return 2 * (os.cpu_count() or 1)


def need(item: pytest.Item, command: str) -> str:
    """The path of the peer ``command``; without it the test ``item`` is skipped by name, or fails with CI=true."""
    if command not in PEERS:
        raise pytest.UsageError(f"{item.nodeid} asks for {command!r}, which peers.apt does not list")
    if path := find(command):
        return path
    said = f"the real peer {command} is not here (Debian package {PEERS[command].package})"
    if os.environ.get("CI") == "true":
        pytest.fail(said, pytrace=False)
    item.user_properties.append(("missing peer", command))
    pytest.skip(said)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Look for the peers that the test's markers name."""
    for marker in item.iter_markers("peer"):
        for command in marker.args:
            need(item, command)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the tests that did not run for want of a peer."""
    skipped = terminalreporter.getreports("skipped")
    missing = [(command, report.nodeid) for report in skipped for name, command in report.user_properties if name == "missing peer"]
    if missing:
        terminalreporter.section("not run, for the real peer is not here (make peers installs it)", yellow=True)
        for command, test in sorted(missing):
            terminalreporter.line(f"{command:12} {test}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show with a failure what the programs it ran have written."""
    report = yield
    if report.failed:
        report.sections += [(f"output of {program}", program.output) for program in item.stash.get(RUNNING, [])]
    return report


@pytest.fixture
def peer(request: pytest.FixtureRequest) -> Callable[[str], str]:
    """``peer("nginx")`` is the path of a real program from peers.apt."""
    return lambda command: need(request.node, command)


@pytest.fixture
def start(request: pytest.FixtureRequest) -> Iterator[Callable[..., Program]]:
    """Run a program until the test ends.

    ``start(command, ready=PATTERN)`` waits until its output matches; ``start(command, port=PORT)`` until that port accepts.
    ``env`` is added to the environment; ``cwd`` is where it runs.
    """
    running = request.node.stash.setdefault(RUNNING, [])

    def start_one(
        command: Sequence[str | Path],
        *,
        ready: str | None = None,
        port: int | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> Program:
        program = Program(command, env=env, cwd=cwd)
        running.append(program)
        if ready is not None:
            program.wait_for(ready)
        if port is not None:
            program.wait_until_accepting(port)
        return program

    yield start_one
    for program in reversed(running):
        program.end()


@pytest.fixture
def free_port() -> Callable[[], int]:
    """``free_port()`` is a TCP port free just now on 127.0.0.1: for programs that cannot be told to take port 0."""

    def find_one() -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
            return port

    return find_one


@pytest.fixture(scope="session", autouse=True)
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the user's own settings, data and proxies out of the tests, and the tests out of them."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("WIRESPEAK_") or name.lower().endswith("_proxy") or name == "NO_COLOR":
                patch.delenv(name)
        patch.setenv("HOME", str(home))
        for kind in ("CONFIG", "DATA", "STATE", "CACHE"):
            patch.setenv(f"XDG_{kind}_HOME", str(home / kind.lower()))
        yield
