"""Our HTTP server with the programs people fetch with: wget, curl, and wrk's load."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

CONTENT = bytes(range(256)) * 4000


@pytest.fixture
def port(start: Callable[..., Any], tmp_path: Path) -> int:
    site = tmp_path / "site"
    (site / "sub").mkdir(parents=True)
    (site / "index.html").write_text('<a href="sub/">sub</a> <a href="data.bin">data</a>')
    (site / "sub" / "index.html").write_text('<a href="../index.html">up</a>')
    (site / "data.bin").write_bytes(CONTENT)
    program = start(
        [sys.executable, "-m", "wirespeak", "http", "serve", site, "--bind", "127.0.0.1:0", "--json", "--no-log"], ready=r"listening.*\n"
    )
    event = json.loads(program.output.splitlines()[0])
    return int(event["port"])


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.peer("wget")
def test_wget_fetches_a_whole_site(port: int, tmp_path: Path) -> None:
    done = run("wget", "--recursive", "--no-verbose", f"http://127.0.0.1:{port}/", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    fetched = tmp_path / f"127.0.0.1:{port}"
    assert (fetched / "data.bin").read_bytes() == CONTENT
    assert (fetched / "sub" / "index.html").read_text() == '<a href="../index.html">up</a>'


@pytest.mark.peer("wget")
def test_wget_goes_on_where_it_stopped(port: int, tmp_path: Path) -> None:
    (tmp_path / "data.bin").write_bytes(CONTENT[:300_000])
    done = run("wget", "--continue", "--server-response", f"http://127.0.0.1:{port}/data.bin", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "206 Partial Content" in done.stderr
    assert (tmp_path / "data.bin").read_bytes() == CONTENT


@pytest.mark.peer("wget")
def test_wget_asks_again_only_for_what_changed(port: int, tmp_path: Path) -> None:
    for _ in range(2):
        done = run("wget", "--timestamping", "--server-response", f"http://127.0.0.1:{port}/data.bin", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    assert "304 Not Modified" in done.stderr


@pytest.mark.peer("curl")
def test_curl_sends_several_requests_over_one_connection(port: int, tmp_path: Path) -> None:
    told = ["--silent", "--write-out", "%{http_code} %{num_connects}\n"]
    for name in ("index.html", "data.bin", "nowhere"):
        told += ["--output", "/dev/null", f"http://127.0.0.1:{port}/{name}"]
    done = run("curl", *told, cwd=tmp_path)
    assert done.stdout.splitlines() == ["200 1", "200 0", "404 0"]


@pytest.mark.peer("wrk")
def test_under_load_every_answer_is_right(port: int, tmp_path: Path) -> None:
    done = run("wrk", "--threads", "1", "--connections", "50", "--duration", "1s", f"http://127.0.0.1:{port}/index.html", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Non-2xx" not in done.stdout
    assert "Socket errors" not in done.stdout
    requests = re.search(r"(\d+) requests in", done.stdout)
    assert requests is not None
    assert int(requests[1]) > 0
