"""HTTP/1.1 rows: small files, browser-like requests, large files, uploads, and the access log. The load is wrk.

No compression on either side and no access log but in its own row, so that every server sends the same bodies and
fields; one worker each, keep-alive throughout.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from bench import corpus, peers
from bench.loads import measured, wrk
from bench.model import Promise, Row, Sample
from bench.peers import Running, Server, started
from bench.rows.place import Place

__all__ = ["PROBE", "rows"]

PROBE = corpus.probe_request("/small.html")
PUT_PROBE = corpus.put_request("/uploads/probe.bin", 80, b"hello", "Connection: close")
UPLOAD_SIZE = 10_000_000
UPLOAD_PATHS = 8  # files written over and over, so that the disk need not hold all that is sent

# What a careful administrator adds for small files: descriptors and metadata are looked up again after a second only.
OPEN_FILE_CACHE = "open_file_cache max=2000 inactive=60s; open_file_cache_valid 1s;"
PUT = "location /uploads/ { dav_methods PUT; create_full_put_path on; }"

Requests = Callable[[Running], list[bytes]]


def rows(place: Place) -> list[Row]:
    site = place.site
    nginx = partial(peers.nginx, site.root, PROBE, types=corpus.MEDIA_TYPES)
    cached = nginx(name="nginx + open_file_cache", http=OPEN_FILE_CACHE)
    wirespeak = partial(peers.wirespeak, "http", "serve", str(site.root), "--no-compress", probe=PROBE)
    uvicorn, granian = peers.asgi("uvicorn", site.root, PROBE), peers.asgi("granian", site.root, PROBE)

    def row(
        key: str, work: str, requests: Requests, connections: int, servers: list[Server], promises: list[Promise], probe: bytes = PROBE
    ) -> Row:
        def measure(server: Server, seconds: float) -> Sample:
            with started(server, place.folder) as running:
                made = requests(running)
                return measured(running, lambda length: wrk(running, made, connections, length), place.warm_up, seconds)

        return Row(f"http-{key}", "HTTP", work, "µs of CPU a request", servers, measure, promises, head=partial(head, place, probe))

    def get(path: str) -> Requests:
        return lambda running: [corpus.plain_request(path, running.port)]

    def browse(running: Running) -> list[bytes]:
        return corpus.browser_requests(site, running.port)

    def put(running: Running) -> list[bytes]:
        return corpus.upload_requests(running.port, UPLOAD_PATHS, UPLOAD_SIZE)

    app = ["http", "serve", "--app", "bench.apps:upload", "--no-log"]
    storing = [
        peers.wirespeak(*app, probe=PUT_PROBE, env={"BENCH_STORE": "{folder}"}),
        peers.nginx("{folder}", PUT_PROBE, server=PUT),
    ]
    large = [Promise("nginx", 1.3, 1.1)]
    return [
        row(
            "small",
            "small static file (1 KB), keep-alive",
            get(site.small),
            64,
            [wirespeak("--no-log"), nginx(), cached, granian, uvicorn],
            [Promise("nginx", 1.3, 1.0), Promise("granian", 0.7, 0.6), Promise("uvicorn", 0.6, 0.5)],
        ),
        row(
            "browser",
            "browser-like header fields, varied paths",
            browse,
            64,
            [wirespeak("--no-log"), nginx(), cached, uvicorn],
            [Promise("nginx", 1.6, 1.2), Promise("uvicorn", 0.7, 0.6)],
        ),
        row("100k", "file of 100 KB", get(site.medium), 32, [wirespeak("--no-log"), nginx()], large),
        row("10m", "file of 10 MB", get(site.large), 8, [wirespeak("--no-log"), nginx()], large),
        row("upload", "upload of 10 MB, stored", put, 4, storing, large, PUT_PROBE),
        row(
            "log",
            "browser-like header fields, with an access log",
            browse,
            64,
            [wirespeak("--log", "{folder}/access.log"), nginx(access_log="{folder}/access.log combined buffer=64k flush=1s")],
            [],
        ),
    ]


def head(place: Place, probe: bytes, server: Server) -> str:
    """The head of one answer of ``server``."""
    with started(server, place.folder) as running:
        answer = peers.ask(running, probe)
    return answer.partition(b"\r\n\r\n")[0].decode("latin-1")
