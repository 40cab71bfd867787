"""``wirespeak http serve`` as its user sees it: what it prints, serves, logs and refuses, and how it ends."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.processes import Program
from tests.sockets.serving import until

Start = Callable[..., Program]
COMMAND = (sys.executable, "-m", "wirespeak", "http", "serve")

pytestmark = pytest.mark.peer("curl")


class Serving:
    """A running ``http serve``, told to speak JSON; ``port`` is that of its first address."""

    def __init__(self, start: Start, *arguments: str | Path, **options: Any) -> None:
        arguments = arguments if "--bind" in arguments else (*arguments, "--bind", "127.0.0.1:0")
        self.program = start([*COMMAND, "--json", *arguments], ready=r'^\{"event":"listening".*\}$', **options)
        self.event: dict[str, Any] = json.loads(re.search(r"^\{.*\}$", self.program.output, re.MULTILINE)[0])
        self.port: int = self.event.get("port", 0)
        self.url = f"http://127.0.0.1:{self.port}/"

    def get(self, path: str = "", *arguments: str) -> str:
        """The body of an answer, whatever its status."""
        return curl(*arguments, self.url + path)


def curl(*arguments: str) -> str:
    done = subprocess.run(["curl", "--silent", "--show-error", "--max-time", "20", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def status(*arguments: str) -> str:
    return curl("-o", os.devnull, "-w", "%{http_code}", *arguments)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    (folder / "below").mkdir(parents=True)
    (folder / "index.html").write_text("<h1>Home</h1>")
    (folder / "long.txt").write_text("again and " * 1000)
    (folder / "below" / "a.txt").write_text("a")
    (folder / ".secret").write_text("hidden")
    return folder


# --- what it serves


def test_a_folder_is_served(start: Start, site: Path) -> None:
    serving = Serving(start, site)
    assert serving.event == {"event": "listening", "service": "http", "transport": "tcp", "host": "127.0.0.1", "port": serving.port}
    assert serving.get() == "<h1>Home</h1>"
    assert serving.get("below/a.txt") == "a"
    assert "a.txt" in serving.get("below/")
    assert status(f"{serving.url}nothing") == "404"
    assert status(f"{serving.url}.secret") == "404"


def test_the_folder_it_stands_in_is_served_when_none_is_named(start: Start, site: Path) -> None:
    assert Serving(start, cwd=site).get("below/a.txt") == "a"


def test_hidden_files_are_served_and_listings_kept_back_when_asked_for(start: Start, site: Path) -> None:
    serving = Serving(start, site, "--hidden", "--no-listing")
    assert serving.get(".secret") == "hidden"
    assert status(f"{serving.url}below/") == "404"


@pytest.mark.parametrize(("options", "coded"), [((), True), (("--no-compress",), False)])
def test_text_is_compressed_unless_told_otherwise(start: Start, site: Path, options: tuple[str, ...], coded: bool) -> None:
    serving = Serving(start, site, *options)
    head = serving.get("long.txt", "--head", "--header", "Accept-Encoding: gzip")
    assert ("Content-Encoding: gzip" in head) is coded
    assert serving.get("long.txt", "--compressed") == "again and " * 1000


def test_an_application_is_served(start: Start, tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(
        "from wirespeak.http import Request, Response\n"
        "class Shop:\n"
        "    def door(self, request: Request) -> Response:\n"
        "        return Response.text(f'{request.method} {request.path} with {len(request.body)} bytes')\n"
        "shop = Shop()\n"
    )
    serving = Serving(start, "--app", "shop:shop.door", "--max-body", "1000", cwd=tmp_path)
    assert serving.get("tea", "--data-binary", "x" * 1000) == "POST /tea with 1000 bytes"
    assert status("--data-binary", "x" * 1001, serving.url) == "413"


# --- where


def test_it_says_where_it_listens(start: Start, site: Path) -> None:
    program = start([*COMMAND, site, "--bind", "127.0.0.1:0", "--bind", "[::1]:0"], ready=r"^listening on \[::1\]:\d+ \(tcp\)$")
    ports = dict(re.findall(r"^listening on (\S+):(\d+) \(tcp\)$", program.output, re.MULTILINE))
    for host, port in ports.items():
        assert curl(f"http://{host}:{port}/below/a.txt") == "a"
    assert set(ports) == {"127.0.0.1", "[::1]"}


def test_a_unix_socket_is_there_as_long_as_it_serves(start: Start, site: Path, tmp_path: Path) -> None:
    path = tmp_path / "socket"
    serving = Serving(start, site, "--bind", f"unix:{path}")
    assert serving.event == {"event": "listening", "service": "http", "transport": "unix", "path": str(path)}
    assert curl("--unix-socket", str(path), "http://localhost/below/a.txt") == "a"
    serving.program.end()
    assert not path.exists()


def test_the_local_authority_vouches_for_it(start: Start, site: Path, tmp_path: Path) -> None:
    serving = Serving(start, site, "--tls", "--bind", "localhost:0", env={"XDG_DATA_HOME": str(tmp_path)})
    root = tmp_path / "wirespeak" / "authority" / "root" / "certificate.pem"
    assert curl("--cacert", str(root), f"https://localhost:{serving.port}/below/a.txt") == "a"


@pytest.mark.peer("openssl")
def test_a_certificate_can_be_given(start: Start, site: Path, tmp_path: Path) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=given"]
    names = ["-addext", "subjectAltName=DNS:given.test", "-keyout", str(key), "-out", str(cert)]
    subprocess.run([*make, *names], check=True, capture_output=True)
    serving = Serving(start, site, "--cert", cert, "--key", key)
    place = f"given.test:{serving.port}"
    assert curl("--cacert", str(cert), "--resolve", f"{place}:127.0.0.1", f"https://{place}/below/a.txt") == "a"


def test_options_can_stand_in_the_environment_and_in_a_file(start: Start, site: Path, tmp_path: Path) -> None:
    (tmp_path / "wirespeak.toml").write_text('[http.serve]\nlisting = false\nbind = ["127.0.0.1:0"]\n')
    program = start([*COMMAND, site], cwd=tmp_path, env={"WIRESPEAK_HTTP_SERVE_JSON": "1"}, ready='"event":"listening"')
    port = json.loads(program.output.splitlines()[0])["port"]
    assert status(f"http://127.0.0.1:{port}/below/") == "404"


# --- the log


def test_who_asked_for_what_stands_on_standard_error(start: Start, site: Path) -> None:
    serving = Serving(start, site)
    serving.get("below/a.txt?q=%1b", "--user-agent", 'by "hand"', "--referer", "http://localhost/\u00e9")
    line = serving.program.wait_for(r"^127\.0\.0\.1 - - .*$")[0]
    assert line.endswith(r' "GET /below/a.txt?q=%1b HTTP/1.1" 200 1 "http://localhost/\xC3\xA9" "by \x22hand\x22"')
    assert re.search(r"- - \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\]", line)


def test_the_log_can_be_json_in_a_file_which_may_be_renamed(start: Start, site: Path, tmp_path: Path) -> None:
    log, old = tmp_path / "log", tmp_path / "log.old"
    serving = Serving(start, site, "--log", log, "--log-format", "json")
    serving.get("below/a.txt")
    log_of = lambda file: [json.loads(line) for line in file.read_text().splitlines()]  # noqa: E731
    until(lambda: log_of(log))
    log.rename(old)
    os.kill(serving.program.pid, signal.SIGHUP)
    until(log.exists)
    serving.get("long.txt")
    until(lambda: log_of(log))
    assert [entry["target"] for entry in log_of(old)] == ["/below/a.txt"]
    assert [(entry["target"], entry["status"], entry["bytes"]) for entry in log_of(log)] == [("/long.txt", 200, 10_000)]


def test_no_log_is_kept_when_none_is_wanted(start: Start, site: Path) -> None:
    serving = Serving(start, site, "--no-log")
    serving.get()
    serving.program.end()
    assert len(serving.program.output.splitlines()) == 1


# --- how it ends


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: signal.Signals(number).name)
def test_a_signal_stops_it_in_good_order(start: Start, site: Path, number: int, workers: int) -> None:
    serving = Serving(start, site, "--workers", str(workers))
    assert serving.get("below/a.txt") == "a"
    family = psutil.Process(serving.program.pid).children()
    assert len(family) == (workers if workers > 1 else 0)
    os.kill(serving.program.pid, number)
    assert serving.program.wait() == 0
    assert psutil.wait_procs(family, timeout=20)[1] == []


def test_a_request_that_runs_is_finished_first(start: Start, tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(
        "import asyncio\n"
        "from wirespeak.http import Response\n"
        "async def handler(request):\n"
        "    body = await request.read()\n"
        "    return Response.text(f'{len(body)} bytes')\n"
    )
    serving = Serving(start, "--app", "slow:handler", cwd=tmp_path)
    with socket.create_connection(("127.0.0.1", serving.port), timeout=20) as sock:
        sock.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n")
        assert sock.recv(1000).startswith(b"HTTP/1.1 100 ")  # the handler waits for the body now
        os.kill(serving.program.pid, signal.SIGTERM)
        until(lambda: refuses(serving.port))
        sock.sendall(b"x" * 10)
        answer = b""
        while piece := sock.recv(1000):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Connection: close\r\n" in answer
    assert answer.endswith(b"10 bytes")
    assert serving.program.wait() == 0


def refuses(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


# --- what it refuses


def refused(*arguments: str | Path, cwd: Path | None = None) -> tuple[int, str]:
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=30, cwd=cwd, stdin=subprocess.DEVNULL)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


def test_a_port_that_is_taken_is_told_with_who_has_it(site: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        code, said = refused(site, "--bind", f"127.0.0.1:{port}")
    assert code == 4
    assert f"(process {os.getpid()}) listens there" in said
    assert "--bind" in said


@pytest.mark.parametrize("place", ["*:0", "0.0.0.0:0", "[::]:0"])
def test_in_clear_it_is_not_opened_to_others(site: Path, place: str) -> None:
    code, said = refused(site, "--bind", place)
    assert code == 2
    assert "--plain" in said


def test_it_is_opened_to_others_when_told_so(start: Start, site: Path) -> None:
    assert Serving(start, site, "--bind", "*:0", "--plain").get("below/a.txt") == "a"


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["nowhere"], "does not exist"),
        (["--app", "shop"], "MODULE:NAME"),
        (["--app", "no_such_module:handler"], "No module named"),
        (["--app", "os:no_such_name"], "os has no no_such_name"),
        (["--app", "os:sep"], "can't be called"),
        (["--bind", "127.1:80"], "127.1"),
        (["--workers", "0"], "--workers"),
        (["--idle-time", "0"], "--idle-time"),
    ],
)
def test_wrong_usage_is_told(arguments: list[str], why: str, tmp_path: Path) -> None:
    code, said = refused(*arguments, cwd=tmp_path)
    assert code == 2
    assert why in said
