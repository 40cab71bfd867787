"""Our HTTP client against nginx, as a library and as a command."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.interop.nginx import Nginx, serve
from tests.processes import Program
from wirespeak.errors import TLSError
from wirespeak.http.client import BlockingClient, Client, get
from wirespeak.sockets.tls import client_context

pytestmark = pytest.mark.peer("nginx")

LARGE = 64 << 20


@pytest.fixture
def nginx(peer: Callable[[str], str], start: Callable[..., Program], free_port: Callable[[], int], tmp_path: Path) -> Nginx:
    return serve(peer("nginx"), start, free_port, tmp_path)


@pytest.fixture
def client(nginx: Nginx) -> Iterator[BlockingClient]:
    with BlockingClient(tls=client_context(authorities=[nginx.authority.certificate_file])) as made:
        yield made


@pytest.fixture
def large(nginx: Nginx) -> str:
    """A large file on the site; the hash of its content."""
    data = os.urandom(1 << 20) * (LARGE >> 20)
    (nginx.site / "large.bin").write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def run(*arguments: str | Path, **options: object) -> subprocess.CompletedProcess[bytes]:
    """``wirespeak http get`` with these arguments."""
    return subprocess.run(
        [sys.executable, "-m", "wirespeak", "http", "get", *map(str, arguments)], capture_output=True, timeout=60, **options
    )  # type: ignore[call-overload, no-any-return]


def test_a_page(nginx: Nginx) -> None:
    response = get(f"{nginx.url}/")
    assert (response.status, response.text) == (200, "<h1>hello</h1>\n")
    assert (response.fields["server"] or "").startswith("nginx")


def test_one_connection_for_many_requests(nginx: Nginx, client: BlockingClient) -> None:
    for method in ("GET", "HEAD", "GET", "OPTIONS"):
        client.request(method, f"{nginx.url}/new.txt")
    client.get(f"{nginx.url}/missing")
    client.get(f"{nginx.url}/empty")
    assert client.get(f"{nginx.url}/").ok
    assert len({row[0] for row in nginx.requests(7)}) == 1
    assert [row[3] for row in nginx.requests(7)] == ["200", "200", "200", "405", "404", "204", "200"]


@pytest.mark.parametrize("path", ["/closing/index.html", "/once/index.html"])
def test_connections_that_the_server_ends(nginx: Nginx, client: BlockingClient, path: str) -> None:
    for _ in range(3):
        assert client.get(f"{nginx.url}{path}").content == b"<h1>hello</h1>\n"
    assert len({row[0] for row in nginx.requests(3)}) == 3


def test_a_connection_that_the_server_ended_while_it_lay_idle(nginx: Nginx, client: BlockingClient) -> None:
    client.get(f"{nginx.url}/brief/index.html")
    (places,) = client._client._pool._origins.values()
    limit = time.monotonic() + 20
    while not places.idle[0].stream.stale():
        assert time.monotonic() < limit
        time.sleep(0.01)
    assert client.request("POST", f"{nginx.url}/post", body=b"x").status == 200  # never lost: it goes out on a new one
    assert len({row[0] for row in nginx.requests(3)}) == 2


def test_compressed_pages_come_in_chunks(nginx: Nginx, client: BlockingClient) -> None:
    response = client.get(f"{nginx.url}/new.txt")
    assert response.content == (nginx.site / "new.txt").read_bytes()
    assert response.fields["content-encoding"] == "gzip"
    assert response.fields["transfer-encoding"] == "chunked"
    assert response.received < len(response.content) / 10
    assert "content-encoding" not in client.get(f"{nginx.url}/new.txt", decode=False).fields


def test_ranges(nginx: Nginx, client: BlockingClient) -> None:
    whole = (nginx.site / "new.txt").read_bytes()
    response = client.get(f"{nginx.url}/new.txt", fields={"Range": "bytes=5-14"})
    assert (response.status, response.content) == (206, whole[5:15])
    assert response.fields["content-range"] == f"bytes 5-14/{len(whole)}"
    several = client.get(f"{nginx.url}/new.txt", fields={"Range": "bytes=0-0,-1"})
    assert several.fields["content-type"].startswith("multipart/byteranges")
    assert client.get(f"{nginx.url}/new.txt", fields={"Range": "bytes=99999999-"}).status == 416


def test_conditions(nginx: Nginx, client: BlockingClient) -> None:
    first = client.get(f"{nginx.url}/index.html")
    again = client.get(f"{nginx.url}/index.html", fields={"If-None-Match": first.fields["etag"]})
    assert (again.status, again.content) == (304, b"")
    assert client.get(f"{nginx.url}/index.html", fields={"If-Match": '"other"'}).status == 412


def test_a_large_file(nginx: Nginx, client: BlockingClient, large: str, tmp_path: Path) -> None:
    with client.stream("GET", f"{nginx.url}/large.bin") as response:
        assert response.save(tmp_path / "got") == LARGE
    assert hashlib.sha256((tmp_path / "got").read_bytes()).hexdigest() == large


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_uploads(nginx: Nginx, client: BlockingClient, large: str, scheme: str) -> None:
    base = f"{scheme}://localhost:{nginx.port if scheme == 'http' else nginx.secure}/put"
    with (nginx.site / "large.bin").open("rb") as file:
        assert client.request("PUT", f"{base}/file", body=file).status == 201
    assert hashlib.sha256((nginx.site / "put" / "file").read_bytes()).hexdigest() == large

    pieces = (bytes([number]) * 100_000 for number in range(100))
    assert client.request("PUT", f"{base}/made", body=pieces).status == 201
    assert (nginx.site / "put" / "made").read_bytes() == b"".join(bytes([number]) * 100_000 for number in range(100))
    assert client.request("PUT", f"{base}/small", body=b"hello").status == 201
    assert client.request("DELETE", f"{base}/small").status == 204
    assert len({row[0] for row in nginx.requests(4)}) == 1


@pytest.mark.parametrize("expect", [True, False])
def test_an_upload_that_is_refused(nginx: Nginx, client: BlockingClient, expect: bool) -> None:
    response = client.request("PUT", f"{nginx.url}/small/file", body=bytes(8 << 20), expect=expect)
    assert response.status == 413
    assert b"Too Large" in response.content
    assert client.get(f"{nginx.url}/").ok


def test_redirects(nginx: Nginx, client: BlockingClient) -> None:
    response = client.get(f"{nginx.url}/old/#here")
    assert (response.status, str(response.url)) == (200, f"{nginx.url}/new.txt#here")
    assert [one.status for one in response.history] == [301]
    assert client.request("POST", f"{nginx.url}/post", body=b"form").method == "GET"
    secure = client.get(f"{nginx.url}/secure/")
    assert (secure.status, secure.url.scheme, secure.tls.version) == (200, "https", "TLSv1.3")
    back = client.get(f"https://localhost:{nginx.secure}/plain/")
    assert (back.status, back.url.scheme) == (200, "http")


def test_a_password(nginx: Nginx, client: BlockingClient) -> None:
    url = f"{nginx.url}/private/secret.txt"
    assert client.get(url).status == 401
    assert client.get(url, auth=("staff", "wrong")).status == 401
    assert client.get(url, auth=("staff", "pa@ss word")).content == b"secret"
    assert client.get(url.replace("://", "://staff:pa%40ss%20word@")).content == b"secret"


def test_tls(nginx: Nginx, client: BlockingClient) -> None:
    url = f"https://localhost:{nginx.secure}/new.txt"
    for _ in range(3):
        assert client.get(url).content == (nginx.site / "new.txt").read_bytes()
    assert len({row[0] for row in nginx.requests(3)}) == 1
    with pytest.raises(TLSError, match="not to be trusted"):
        get(url)
    with pytest.raises(TLSError, match="another"):
        client.get(url.replace("localhost", "127.0.0.1"))


def test_plain_words_to_a_tls_port(nginx: Nginx, client: BlockingClient) -> None:
    assert client.get(f"http://localhost:{nginx.secure}/").status == 400
    with pytest.raises(TLSError, match="does not speak TLS"):
        client.get(f"https://localhost:{nginx.port}/")


def test_a_unix_socket(nginx: Nginx) -> None:
    with BlockingClient(route=lambda host, port: (f"unix:{nginx.folder}/socket", 0)) as client:
        assert client.get("http://localhost/").text == "<h1>hello</h1>\n"


def test_many_at_once_on_few_connections(nginx: Nginx) -> None:
    async def ask() -> list[int]:
        async with Client(most_per_origin=4) as client:
            responses = await asyncio.gather(*(client.get(f"{nginx.url}/new.txt?{number}") for number in range(100)))
            return [response.status for response in responses]

    assert asyncio.run(ask()) == [200] * 100
    assert len({row[0] for row in nginx.requests(100)}) <= 4


def test_threads_share_a_client(nginx: Nginx) -> None:
    with BlockingClient(most_per_origin=3) as client:
        results: list[int] = []

        def work() -> None:
            for _ in range(10):
                results.append(client.get(f"{nginx.url}/new.txt").status)

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert results == [200] * 80
    assert len({row[0] for row in nginx.requests(80)}) <= 3


def test_who_is_cancelled_disturbs_nobody(nginx: Nginx) -> None:
    async def ask() -> int:
        connected = asyncio.Event()
        async with Client(most_per_origin=1, watch=lambda stream: connected.set()) as client:
            slow = asyncio.create_task(client.get(f"{nginx.url}/slow/new.txt", decode=False))
            await connected.wait()
            waiting = asyncio.create_task(client.get(f"{nginx.url}/"))
            await asyncio.sleep(0.05)
            slow.cancel()
            return (await waiting).status

    assert asyncio.run(ask()) == 200


# --- the command


def test_the_command(nginx: Nginx, tmp_path: Path, large: str) -> None:
    done = run(f"localhost:{nginx.port}/", "-i")
    assert done.returncode == 0
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\nServer: nginx")
    assert body == b"<h1>hello</h1>\n"

    assert run("-O", f"{nginx.url}/large.bin", cwd=tmp_path).returncode == 0
    assert hashlib.sha256((tmp_path / "large.bin").read_bytes()).hexdigest() == large

    assert run("-T", tmp_path / "large.bin", f"{nginx.url}/put/").returncode == 0
    assert hashlib.sha256((nginx.site / "put" / "large.bin").read_bytes()).hexdigest() == large

    assert run("-L", f"{nginx.url}/old/", "--compressed").stdout == (nginx.site / "new.txt").read_bytes()
    assert run(f"{nginx.url}/old/", "--head").stdout.startswith(b"HTTP/1.1 301 Moved Permanently\r\n")
    assert run("-r", "0-3", f"{nginx.url}/new.txt").stdout == b"a li"
    assert run("-u", "staff:pa@ss word", f"{nginx.url}/private/secret.txt").stdout == b"secret"
    assert run(f"{nginx.url}/missing").returncode == 1
    assert run("--unix-socket", nginx.folder / "socket", "http://localhost/").stdout == b"<h1>hello</h1>\n"
    assert run("--resolve", f"example.com:{nginx.port}:127.0.0.1", f"http://example.com:{nginx.port}/").stdout == b"<h1>hello</h1>\n"


def test_the_command_over_tls(nginx: Nginx) -> None:
    url = f"https://localhost:{nginx.secure}/index.html"
    assert run(url).returncode == 5
    assert b"not to be trusted" in run(url).stderr
    assert run("--cacert", nginx.authority.certificate_file, url).stdout == b"<h1>hello</h1>\n"
    verbose = run("-k", "-v", url)
    assert verbose.stdout == b"<h1>hello</h1>\n"
    assert b"* TLSv1.3 with" in verbose.stderr
    assert b"> GET /index.html HTTP/1.1\n" in verbose.stderr
    assert b"< HTTP/1.1 200 OK\n" in verbose.stderr


def test_the_command_explains_and_reports(nginx: Nginx) -> None:
    explained = run("--explain", "-L", f"{nginx.url}/old/").stdout.decode()
    assert explained.count("→ to 127.0.0.1") == 2
    assert explained.count("← from 127.0.0.1") == 2
    for said in ("301", "field-name", "RFC 9110 15.4.2", "message-body"):
        assert said in explained
    report = json.loads(run("--report", "json", "-L", f"{nginx.url}/old/").stdout)
    assert (report["status"], report["url"], report["size"]) == (200, f"{nginx.url}/new.txt", 15_000)
    assert report["redirects"] == [{"url": f"{nginx.url}/old/", "status": 301}]
