"""What a file's name says of its content."""

from __future__ import annotations

import re

import pytest

from wirespeak.http.media import BYTES, ENDINGS, NAMES, SHRINKING, compressible, media_type


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("index.html", "text/html; charset=utf-8"),
        ("INDEX.HTM", "text/html; charset=utf-8"),
        ("app.min.js", "text/javascript; charset=utf-8"),
        ("data.json", "application/json"),
        ("picture.JPeG", "image/jpeg"),
        ("logo.svg", "image/svg+xml"),
        ("font.woff2", "font/woff2"),
        ("backup.tar.gz", "application/gzip"),
        ("README", "text/plain; charset=utf-8"),
        ("Makefile", "text/plain; charset=utf-8"),
        ("README.md", "text/markdown; charset=utf-8"),
        ("program", BYTES),
        ("program.exe", BYTES),
        ("file.", BYTES),
        (".html", BYTES),
        ("", BYTES),
        ("html", BYTES),
    ],
)
def test_the_type_of_a_name(name: str, kind: str) -> None:
    assert media_type(name) == kind


@pytest.mark.parametrize(
    "kind",
    ["text/html; charset=utf-8", "text/css", "TEXT/CSV", "image/svg+xml", "application/ld+json ; x=y", "application/wasm", "font/ttf"],
)
def test_what_gets_smaller(kind: str) -> None:
    assert compressible(kind)


@pytest.mark.parametrize("kind", ["image/png", "video/mp4", "font/woff2", "application/zip", "application/octet-stream", ""])
def test_what_is_compressed_already(kind: str) -> None:
    assert not compressible(kind)


def test_the_table_is_well_formed() -> None:
    for ending, kind in ENDINGS.items():
        assert re.fullmatch(r"[a-z0-9]+", ending)
        assert re.fullmatch(r"[a-z]+/[a-z0-9.+-]+(; charset=utf-8)?", kind)
        assert kind.startswith("text/") == kind.endswith("; charset=utf-8")
    assert set(ENDINGS.values()) >= SHRINKING
    assert all(name == name.lower() and "." not in name for name in NAMES)
