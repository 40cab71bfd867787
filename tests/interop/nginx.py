"""nginx as a server for our client: run from a folder of its own, on free ports, by the user who runs the tests."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.processes import Program
from wirespeak.sockets.authority import Authority

__all__ = ["Nginx", "serve"]

CONFIG = """\
daemon off;
worker_processes 1;
pid {folder}/pid;
error_log stderr;
events {{ worker_connections 64; }}
http {{
    log_format made '$connection $request_method $uri $status';
    access_log {folder}/made.log made;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    types {{ text/html html; text/plain txt; application/json json; }}
    default_type application/octet-stream;
    gzip on;
    gzip_min_length 1;
    gzip_types text/plain;
    client_max_body_size 200m;
    server {{
        listen 127.0.0.1:{port};
        listen unix:{folder}/socket;
        listen 127.0.0.1:{secure} ssl;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        server_name localhost;
        root {folder}/site;
        location /put/ {{ dav_methods PUT DELETE; create_full_put_path on; }}
        location /small/ {{ client_max_body_size 1k; dav_methods PUT; }}
        location /private/ {{ auth_basic "staff"; auth_basic_user_file {folder}/users; }}
        location /old/ {{ return 301 /new.txt; }}
        location /post {{ return 303 /new.txt; }}
        location /secure/ {{ return 307 https://localhost:{secure}/new.txt; }}
        location /plain/ {{ return 302 http://localhost:{port}/new.txt; }}
        location /around/ {{ return 302 /around/; }}
        location /empty {{ return 204; }}
        location /closing/ {{ keepalive_timeout 0; alias {folder}/site/; }}
        location /once/ {{ keepalive_requests 1; alias {folder}/site/; }}
        location /slow/ {{ limit_rate 1k; alias {folder}/site/; }}
        location /brief/ {{ keepalive_timeout 200ms; alias {folder}/site/; }}
    }}
}}
"""


@dataclass
class Nginx:
    """A running nginx."""

    program: Program
    folder: Path
    port: int
    secure: int
    authority: Authority

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def site(self) -> Path:
        return self.folder / "site"

    def requests(self, count: int) -> list[list[str]]:
        """Connection number, method, path and status of each request, once ``count`` of them have been logged."""
        limit = time.monotonic() + 20
        while len(lines := (self.folder / "made.log").read_text().splitlines()) < count:
            assert time.monotonic() < limit, lines
            time.sleep(0.01)
        assert len(lines) == count, lines
        return [line.split(" ") for line in lines]


def serve(binary: str, start: Callable[..., Program], free_port: Callable[[], int], folder: Path) -> Nginx:
    """Run nginx until the test ends."""
    for name in ("site/put", "site/small", "site/private"):
        (folder / name).mkdir(parents=True)
    (folder / "site" / "new.txt").write_text("a line of text\n" * 1000)
    (folder / "site" / "index.html").write_text("<h1>hello</h1>\n")
    (folder / "site" / "private" / "secret.txt").write_text("secret")
    (folder / "users").write_text("staff:{PLAIN}pa@ss word\n")
    authority = Authority.open(folder / "authority")
    credentials = authority.issue(["localhost"])
    port, secure = free_port(), free_port()
    text = CONFIG.format(folder=folder, port=port, secure=secure, certificate=credentials.certificate_file, key=credentials.key_file)
    if os.geteuid() == 0:
        text = f"user root;\n{text}"  # its own choice, nobody, may not look into our folder
    (folder / "nginx.conf").write_text(text)
    program = start([binary, "-p", folder, "-c", folder / "nginx.conf", "-e", "stderr"], port=port)
    return Nginx(program, folder, port, secure, authority)
