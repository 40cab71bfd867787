"""Minutes of load: what a server holds must not grow with what it has done (``make soak``)."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest


@pytest.mark.soak
@pytest.mark.peer("wrk")
def test_memory_does_not_grow_with_requests_or_connections(start: Callable[..., Any], tmp_path: Path) -> None:
    for number in range(50):
        (tmp_path / f"{number}.txt").write_text("text " * 100 * (number + 1))
    program = start(
        [sys.executable, "-m", "wirespeak", "http", "serve", tmp_path, "--bind", "127.0.0.1:0", "--json", "--no-log"],
        ready=r"listening.*\n",
    )
    port = json.loads(program.output.splitlines()[0])["port"]
    server = psutil.Process(program.pid)
    sizes = []
    for _ in range(6):
        for field in ("Connection: keep-alive", "Connection: close", "Accept-Encoding: br"):
            command = [
                "wrk",
                "--threads",
                "1",
                "--connections",
                "100",
                "--duration",
                "5s",
                "--header",
                field,
                f"http://127.0.0.1:{port}/7.txt",
            ]
            done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
            assert "Non-2xx" not in done.stdout
        sizes.append(server.memory_info().rss)
    assert sizes[-1] - sizes[0] < 4 << 20, f"resident memory after each round: {sizes}"
