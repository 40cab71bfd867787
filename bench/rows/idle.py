"""Memory per idle connection, in clear and under TLS, and whether busy clients are served beside the idle ones.

Each connection has had one answer before it idles, as a browser's has. The figure is the growth of the server's
proportional memory; the kernel's socket buffers, which are alike for all servers, are not in it.
"""

from __future__ import annotations

import subprocess
import time
from functools import partial
from pathlib import Path

from bench import cpu, peers
from bench.corpus import MEDIA_TYPES, plain_request
from bench.loads import held, measured, wrk
from bench.model import Promise, Row, Sample
from bench.peers import Server, started
from bench.rows.http import PROBE
from bench.rows.place import Place

__all__ = ["rows"]

BUSY = 200  # connections that are served while the others idle
SETTLE = 1.0  # seconds after the last answer, for what a server frees a moment later


def rows(place: Place) -> list[Row]:
    site, tls = place.site, place.folder / "idle.pem"
    nginx = partial(peers.nginx, site.root, PROBE, types=MEDIA_TYPES)
    wirespeak = partial(peers.wirespeak, "http", "serve", str(site.root), "--no-compress", "--no-log", probe=PROBE)

    def measure(server: Server, seconds: float) -> Sample:
        if server.tls:
            make_certificate(tls)
        with started(server, place.folder) as running:
            busy = [plain_request(site.small, running.port)]
            before = cpu.memory(running.pid).proportional
            with held(running, place.idle) as holder:
                time.sleep(SETTLE)
                after = cpu.memory(running.pid).proportional
                sample = measured(running, lambda length: wrk(running, busy, BUSY, length), place.warm_up, seconds)
                if (alive := holder.alive()) != place.idle:
                    raise RuntimeError(f"{server.name} closed {place.idle - alive} of {place.idle} idle connections")
        sample.figure = (after - before) / place.idle / 1024
        return sample

    work = f"{place.idle:,} connections idle, {BUSY} busy"
    unit = "KiB a connection"
    return [
        Row("idle", "HTTP", work, unit, [wirespeak(), nginx()], measure, [Promise(None, 16, 8)], most_rounds=1),
        Row(
            "idle-tls",
            "HTTP",
            f"{work}, TLS",
            unit,
            [wirespeak("--cert", str(tls), "--key", str(tls), tls=True), nginx(certificate=tls)],
            measure,
            [Promise(None, 48, 32)],
            most_rounds=1,
        ),
    ]


def make_certificate(file: Path) -> None:
    """A key (P-256) and a certificate for localhost in one file, unless it is there; it ends with the run's folder."""
    if file.exists():
        return
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-days", "2"]
    subprocess.run(["openssl", "req", "-x509", *curve, *subject, "-keyout", file, "-out", f"{file}.crt"], check=True, capture_output=True)
    with file.open("a") as both:
        both.write(Path(f"{file}.crt").read_text())
