"""The site that is served and the requests that are made of it: varied, as real use is, and the same in every run.

Writes files into the folder it is given. All choices come from a seeded generator; no clock, no network.
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass
from pathlib import Path

__all__ = ["MEDIA_TYPES", "Site", "browser_requests", "build_site", "plain_request", "probe_request", "put_request", "upload_requests"]

MEDIA_TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
    ".bin": "application/octet-stream",
}

SEED = 9112
MODIFIED = 1_700_000_000  # one Last-Modified for all, so that every run sends the same bytes
VARIED_FILES = 400
VISITORS = 300
BROWSER_REQUESTS = 8192

# How often a page of the web asks for each type, roughly: (suffix, weight, folder, Accept, Sec-Fetch-Dest)
KINDS = [
    (".html", 15, "articles", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8", "document"),
    (".css", 10, "assets/css", "text/css,*/*;q=0.1", "style"),
    (".js", 25, "assets/js", "*/*", "script"),
    (".json", 8, "api/v1", "application/json, text/plain, */*", "empty"),
    (".svg", 8, "assets/icons", "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8", "image"),
    (".png", 12, "assets/images", "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8", "image"),
    (".jpg", 12, "photos/2023", "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8", "image"),
    (".webp", 6, "photos/thumbs", "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8", "image"),
    (".woff2", 4, "assets/fonts", "*/*", "font"),
]

AGENTS = [
    (
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
        '"Chromium";v="140", "Not=A?Brand";v="24", "Google Chrome";v="140"',
        '"Linux"',
    ),
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36",
        '"Not;A=Brand";v="99", "Google Chrome";v="139", "Chromium";v="139"',
        '"Windows"',
    ),
    (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
        '"Chromium";v="140", "Not=A?Brand";v="24", "Google Chrome";v="140"',
        '"macOS"',
    ),
]

LANGUAGES = ["en-GB,en;q=0.9", "en-US,en;q=0.9,de;q=0.8", "de-DE,de;q=0.9,en-US;q=0.8,en;q=0.7", "fr-FR,fr;q=0.9,en;q=0.8", "ja,en;q=0.7"]


@dataclass(slots=True, frozen=True)
class Varied:
    """One of the varied files, with what a browser says when it asks for it."""

    path: str
    accept: str
    destination: str


@dataclass(slots=True, frozen=True)
class Site:
    """A folder of files, and their paths as a request names them."""

    root: Path
    small: str
    medium: str
    large: str
    varied: tuple[Varied, ...]


def build_site(root: Path) -> Site:
    """Write the site: a page of 1 KB, files of 100 KB and 10 MB, and hundreds of small ones of assorted sizes and types."""
    chance = random.Random(SEED)
    write(root / "small.html", text(chance, 1024))
    write(root / "medium.bin", chance.randbytes(100_000))
    write(root / "large.bin", chance.randbytes(10_000_000))
    varied = []
    for number in range(VARIED_FILES):
        suffix, _, folder, accept, destination = chance.choices(KINDS, [kind[1] for kind in KINDS])[0]
        # Sizes of small web files spread like this: half below 4 KB, a long tail, here ended at 60 KB.
        size = int(min(60_000, max(200, chance.lognormvariate(8.3, 1.1))))
        path = f"{folder}/{word(chance)}-{word(chance)}-{number:x}{suffix}"
        is_text = suffix in (".html", ".css", ".js", ".json", ".svg")
        write(root / path, text(chance, size) if is_text else chance.randbytes(size))
        varied.append(Varied("/" + path, accept, destination))
    return Site(root, "/small.html", "/medium.bin", "/large.bin", tuple(varied))


def plain_request(path: str, port: int) -> bytes:
    """The least that HTTP/1.1 asks of a request: a request line and Host (RFC 9112 3.2). wrk's own looks the same."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()


def probe_request(path: str) -> bytes:
    """A request to see whether a server is there, and what its answers look like."""
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()


def browser_requests(site: Site, port: int) -> list[bytes]:
    """Requests with a browser's header fields: files, referring pages and visitors' cookies vary from one to the next."""
    chance = random.Random(SEED)
    pages = [file.path for file in site.varied if file.destination == "document"]
    visitors = [visitor(chance) for _ in range(VISITORS)]
    requests = []
    for _ in range(BROWSER_REQUESTS):
        file = chance.choice(site.varied)
        (agent, brands, platform), language, cookie = chance.choice(visitors)
        document = file.destination == "document"
        query = f"?v={chance.randrange(1 << 32):08x}" if file.destination in ("script", "style") and chance.random() < 0.3 else ""
        fields = [
            f"Host: 127.0.0.1:{port}",
            "Connection: keep-alive",
            f"sec-ch-ua-platform: {platform}",
            f"User-Agent: {agent}",
            f"sec-ch-ua: {brands}",
            "sec-ch-ua-mobile: ?0",
            *(["Upgrade-Insecure-Requests: 1"] if document else []),
            f"Accept: {file.accept}",
            "Sec-Fetch-Site: same-origin",
            f"Sec-Fetch-Mode: {'navigate' if document else 'no-cors'}",
            *(["Sec-Fetch-User: ?1"] if document else []),
            f"Sec-Fetch-Dest: {file.destination}",
            f"Referer: http://127.0.0.1:{port}{chance.choice(pages)}",
            "Accept-Encoding: gzip, deflate, br, zstd",
            f"Accept-Language: {language}",
            f"Cookie: {cookie}",
        ]
        requests.append(("\r\n".join([f"GET {file.path}{query} HTTP/1.1", *fields]) + "\r\n\r\n").encode())
    return requests


def upload_requests(port: int, paths: int, size: int) -> list[bytes]:
    """PUT requests that store ``size`` bytes under each of so many ``paths`` in turn."""
    body = random.Random(SEED).randbytes(size)
    return [put_request(f"/uploads/{number}.bin", port, body) for number in range(paths)]


def put_request(path: str, port: int, body: bytes, *more: str) -> bytes:
    """A PUT of ``body``, with ``more`` header lines if need be."""
    fields = [f"Host: 127.0.0.1:{port}", "Content-Type: application/octet-stream", f"Content-Length: {len(body)}", *more]
    return ("\r\n".join([f"PUT {path} HTTP/1.1", *fields]) + "\r\n\r\n").encode() + body


def visitor(chance: random.Random) -> tuple[tuple[str, str, str], str, str]:
    first_seen = MODIFIED + chance.randrange(10_000_000)
    cookie = "; ".join(
        [
            f"_ga=GA1.1.{chance.randrange(10**9)}.{first_seen}",
            f"session={chance.randbytes(32).hex()}",
            f"csrftoken={chance.randbytes(24).hex()}",
            f"theme={chance.choice(['dark', 'light'])}",
            f"consent=v2.{chance.randbytes(12).hex()}",
            f"_ga_{chance.randbytes(5).hex().upper()}=GS2.1.s{first_seen}$o{chance.randrange(40)}$g1$t{first_seen + 900}$j60$l0$h0",
        ]
    )
    return chance.choice(AGENTS), chance.choice(LANGUAGES), cookie


def word(chance: random.Random) -> str:
    return "".join(chance.choices("abcdefghijklmnoprstuvwyz", k=chance.randrange(4, 10)))


def text(chance: random.Random, size: int) -> bytes:
    words = [word(chance) for _ in range(200)]
    return " ".join(chance.choices(words, k=size // 4)).encode()[:size]


def write(file: Path, data: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    os.utime(file, (MODIFIED, MODIFIED))
