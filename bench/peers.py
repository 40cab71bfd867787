"""The servers that are compared: how each is started, pinned to a core, awaited and ended.

Starts processes, listens nowhere itself. Every server runs on loopback, on a port that was free, with one worker, from
a folder of its own that is thrown away; and each is ended by its own process id.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

__all__ = [
    "HOST",
    "LOAD_CORE",
    "NGINX",
    "PEERS",
    "ROOT",
    "SERVER_CORE",
    "Running",
    "Server",
    "asgi",
    "ask",
    "nginx",
    "pinned",
    "python_server",
    "started",
    "wirespeak",
]

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / ".peers" / "bin"
NGINX = "/usr/sbin/nginx"
HOST = "127.0.0.1"

# The server under test and the load each get a core for themselves; on a machine of one core they share it.
CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, LOAD_CORE = CORES[0], CORES[-1]

START_LIMIT = 20.0  # seconds; the slowest here, an ASGI server reading the site into memory, needs about one
STOP_LIMIT = 10.0  # seconds, then the server is killed


@dataclass(slots=True)
class Server:
    """How to start one contender. ``command`` is given the port and the server's own folder."""

    name: str
    command: Callable[[int, Path], list[str]]
    probe: bytes = b""
    """A request that the server answers with a 2xx once it is ready; empty: it is ready once it accepts."""
    tls: bool = False
    env: dict[str, str] = field(default_factory=dict)
    """Added to the environment; ``{folder}`` stands for the server's own folder."""
    patience: float = START_LIMIT
    """Seconds that it may take until it is ready."""


@dataclass(slots=True, frozen=True)
class Running:
    """A server that accepts connections."""

    pid: int
    port: int
    tls: bool
    folder: Path


def pinned(core: int, command: list[str]) -> list[str]:
    """``command`` bound to one core; its children inherit that."""
    return ["taskset", "-c", str(core), *command]


@contextlib.contextmanager
def started(server: Server, workspace: Path) -> Iterator[Running]:
    """Run ``server`` for the length of a ``with`` block, from when it answers. Raises RuntimeError when it does not."""
    port = free_port()
    folder = workspace / f"{server.name.split()[0]}-{port}"
    folder.mkdir()
    log = folder / "output.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            pinned(SERVER_CORE, server.command(port, folder)),
            cwd=ROOT,
            env={**os.environ, **{name: value.format(folder=folder) for name, value in server.env.items()}},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        running = Running(process.pid, port, server.tls, folder)
        await_ready(server, running, process, log)
        yield running
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End the server, by its id; its process group is its own, so what it may have left behind goes with it."""
    process.terminate()
    try:
        process.wait(STOP_LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def await_ready(server: Server, running: Running, process: subprocess.Popen[bytes], log: Path) -> None:
    limit = time.monotonic() + server.patience
    while True:
        try:
            answer = ask(running, server.probe)
        except OSError as error:
            answer = str(error).encode()
        else:
            if not server.probe or answer[9:10] == b"2":
                return
        if process.poll() is not None or time.monotonic() > limit:
            raise RuntimeError(f"{server.name} did not start.\nIt answered: {answer[:500]!r}\nIt wrote: {log.read_text()[-2000:]}")
        time.sleep(0.02)


def ask(running: Running, request: bytes) -> bytes:
    """Send ``request`` over a connection of its own and return the head of the answer (all of it when it is short)."""
    with socket.create_connection((HOST, running.port), timeout=5) as plain, contextlib.ExitStack() as stack:
        connection: socket.socket = plain
        if running.tls:
            connection = stack.enter_context(unverified().wrap_socket(plain, server_hostname="localhost"))
        answer = b""
        if request:
            connection.sendall(request)
            while b"\r\n\r\n" not in answer and (data := connection.recv(65536)):
                answer += data
        return answer


def unverified() -> ssl.SSLContext:
    """A client's TLS context that trusts anyone: the certificate is made for the run, and only loopback is spoken to."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        port: int = listener.getsockname()[1]
        return port


# --- the contenders -------------------------------------------------------------------------------------------------

NGINX_CONF = """\
{user}
daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
error_log {folder}/error.log crit;
pid {folder}/nginx.pid;
events {{ worker_connections 16384; }}
http {{
    {types}
    default_type application/octet-stream;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    sendfile on;
    tcp_nopush on;
    tcp_nodelay on;
    keepalive_timeout 75;
    keepalive_requests 1000000000;
    client_max_body_size 64m;
    access_log {access_log};
    {http}
    server {{
        listen {host}:{port}{tls} backlog=4096;
        root {root};
        {server}
    }}
}}
"""


def nginx(
    root: Path | str,
    probe: bytes,
    *,
    name: str = "nginx",
    types: dict[str, str] | None = None,
    access_log: str = "off",
    http: str = "",
    server: str = "",
    certificate: Path | None = None,
) -> Server:
    """nginx with Debian's own settings (sendfile, tcp_nopush), one worker, and no end to keep-alive by count.

    In ``root`` and ``access_log``, ``{folder}`` stands for the server's own folder.
    """

    def command(port: int, folder: Path) -> list[str]:
        tls = f"ssl_certificate {certificate}; ssl_certificate_key {certificate};" if certificate else ""
        listed = "".join(f"{media} {suffix.lstrip('.')}; " for suffix, media in (types or {}).items())
        (folder / "nginx.conf").write_text(
            NGINX_CONF.format(
                user="user root;" if os.geteuid() == 0 else "",
                types=f"types {{ {listed} }}" if listed else "",
                host=HOST,
                port=port,
                tls=" ssl" if certificate else "",
                folder=folder,
                root=str(root).format(folder=folder),
                access_log=access_log.format(folder=folder),
                http=http,
                server=f"{tls} {server}",
            )
        )
        return [NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]

    return Server(name, command, probe, tls=certificate is not None)


def asgi(name: str, root: Path, probe: bytes) -> Server:
    """uvicorn or granian answering from memory, which favours them: uvloop, the C parser, no access log, one worker."""
    options = {
        "uvicorn": [
            "--loop",
            "uvloop",
            "--http",
            "httptools",
            "--no-access-log",
            "--log-level",
            "warning",
            "--lifespan",
            "off",
            "--ws",
            "none",
        ],
        "granian": ["--interface", "asginl", "--http", "1", "--loop", "uvloop", "--no-access-log", "--log-level", "warning", "--no-ws"],
    }[name]

    def command(port: int, folder: Path) -> list[str]:
        return [str(PEERS / name), "bench.asgi_static:app", "--host", HOST, "--port", str(port), "--workers", "1", *options]

    return Server(name, command, probe, env={"BENCH_ROOT": str(root), "PYTHONPATH": str(ROOT)})


def python_server(name: str, *arguments: str) -> Server:
    """A Python program of ours that plays the peer; the port is its last argument."""
    return Server(name, lambda port, folder: [sys.executable, *arguments, str(port)])


def wirespeak(
    *arguments: str, probe: bytes = b"", tls: bool = False, env: dict[str, str] | None = None, patience: float = START_LIMIT
) -> Server:
    """wirespeak as its users start it. In the arguments, ``{folder}`` stands for the server's own folder."""

    def command(port: int, folder: Path) -> list[str]:
        given = [argument.format(folder=folder) for argument in arguments]
        return [sys.executable, "-m", "wirespeak", *given, "--bind", f"{HOST}:{port}"]

    return Server("wirespeak", command, probe, tls, env or {}, patience)
