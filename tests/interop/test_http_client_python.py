"""Our HTTP client against the server in Python's own library, and against ours."""

from __future__ import annotations

import json
import socketserver
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.processes import Program
from wirespeak.http.client import BlockingClient, get, request

PAGE = b"<h1>hello</h1>\n"


class Handler(BaseHTTPRequestHandler):
    """Answers with what it was asked, in the ways of an ordinary Python program."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/early":
            self.send_response_only(103)
            self.send_header("Link", "</style.css>; rel=preload")
            self.end_headers()
        if self.path == "/chunked":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for piece in (b"one", b"two", b"three"):
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                self.wfile.flush()
            self.wfile.write(b"0\r\nX-Count: 3\r\n\r\n")
            return
        if self.path == "/close":
            self.close_connection = True
            self.send_response(200)
            self.end_headers()
            self.wfile.write(PAGE)
            return
        self.answer(self.requestline.encode())

    def do_POST(self) -> None:
        self.answer(self.rfile.read(int(self.headers["Content-Length"])))

    def answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None: ...


@pytest.fixture
def python() -> Iterator[str]:
    """The URL of Python's server."""
    socketserver.ThreadingMixIn.daemon_threads = True
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join(20)


def test_pythons_server_in_all_framings(python: str) -> None:
    with BlockingClient() as client:
        assert client.get(f"{python}/a?b").content == b"GET /a?b HTTP/1.1"
        chunked = client.get(f"{python}/chunked")
        assert (chunked.content, chunked.trailers.get("x-count")) == (b"onetwothree", "3")
        assert client.get(f"{python}/close").content == PAGE
        told: list[int] = []
        assert client.get(f"{python}/early", on_interim=lambda response: told.append(response.status)).ok
        assert told == [103]
        assert client.request("POST", f"{python}/", json={"a": 1}).json() == {"a": 1}
        large = bytes(range(256)) * 20_000
        assert client.request("POST", f"{python}/", body=large).content == large  # it says 100 (Continue)
        assert client.request("PUT", f"{python}/", body=b"x").status == 501


def test_python_m_http_server(start: Callable[..., Program], free_port: Callable[[], int], tmp_path: Path) -> None:
    (tmp_path / "index.html").write_bytes(PAGE)
    (tmp_path / "large.bin").write_bytes(bytes(20 << 20))
    port = free_port()
    start([sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", tmp_path], port=port)
    response = get(f"http://127.0.0.1:{port}/")
    assert (response.minor, response.content) == (0, PAGE)
    assert request("HEAD", f"http://127.0.0.1:{port}/").fields["content-length"] == str(len(PAGE))
    assert len(get(f"http://127.0.0.1:{port}/large.bin").content) == 20 << 20
    assert get(f"http://127.0.0.1:{port}/missing").status == 404


def serve(start: Callable[..., Program], *arguments: str | Path) -> tuple[str, int]:
    """Run ``wirespeak http serve``; where it listens."""
    program = start([sys.executable, "-m", "wirespeak", "http", "serve", *arguments, "--bind", "localhost:0", "--json", "--no-log"])
    event = json.loads(program.wait_for(r'^\{.*"listening".*\}$')[0])
    return event["host"], event["port"]


def test_our_own_server(start: Callable[..., Program], tmp_path: Path) -> None:
    (tmp_path / "index.html").write_bytes(PAGE)
    (tmp_path / "text.txt").write_text("a line of text\n" * 10_000)
    (tmp_path / "large.bin").write_bytes(bytes(range(256)) * 100_000)
    _, port = serve(start, tmp_path)
    base = f"http://localhost:{port}"
    with BlockingClient() as client:
        assert client.get(f"{base}/").content == PAGE
        compressed = client.get(f"{base}/text.txt")
        assert compressed.content == (tmp_path / "text.txt").read_bytes()
        assert compressed.fields["content-encoding"] == "br"
        assert client.get(f"{base}/large.bin").content == (tmp_path / "large.bin").read_bytes()
        part = client.get(f"{base}/large.bin", fields={"Range": "bytes=1000-1999"})
        assert (part.status, part.content) == (206, (bytes(range(256)) * 8)[232:1232])
        again = client.get(f"{base}/", fields={"If-None-Match": client.get(f"{base}/").fields["etag"]})
        assert again.status == 304
        assert client.get(f"{base}/missing").status == 404
        assert client.request("POST", f"{base}/", body=b"x" * 5_000_000).status == 405
        assert client.request("HEAD", f"{base}/large.bin").fields["content-length"] == "25600000"


def test_our_own_server_over_tls_is_trusted_by_its_own_user(
    start: Callable[..., Program], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both know the local authority of the user who runs them."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_bytes(PAGE)
    _, port = serve(start, tmp_path / "site", "--tls")
    url = f"https://localhost:{port}/"
    assert get(url).content == PAGE
    done = subprocess.run([sys.executable, "-m", "wirespeak", "http", "get", "-v", url], capture_output=True, timeout=60)
    assert done.stdout == PAGE
    assert b"* TLSv1.3 with" in done.stderr
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "other"))
    done = subprocess.run([sys.executable, "-m", "wirespeak", "http", "get", url], capture_output=True, timeout=60)
    assert done.returncode == 5
    assert b"not to be trusted" in done.stderr
