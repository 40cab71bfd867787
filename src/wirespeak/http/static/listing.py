"""The page that lists a folder's files, for people to look at.

Names come from whoever may put a file into the folder, so they are escaped twice over: percent-encoded in links, as HTML
where they are shown (jinja2 does that for every value), and control characters are replaced. The page brings no script, and
its Content-Security-Policy lets none run even if a name got through. Links are relative: the page works wherever it is
mounted. ``listing.html`` and ``listing.css`` beside this file are what it is made of.

Reads folders; run it in a thread, since a large one takes a while.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import os
import re
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from wirespeak.http.media import media_type
from wirespeak.http.static.beneath import OpenFile

__all__ = ["MAX_ITEMS", "SECURITY_POLICY", "Item", "read_folder", "render"]

# A page of more would take seconds to make and to show; who keeps more in one folder looks for it by name.
MAX_ITEMS: Final = 10_000

STYLE: Final = Path(__file__).with_name("listing.css").read_text("utf-8")
STYLE_HASH: Final = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

SECURITY_POLICY: Final = f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
"""The value of Content-Security-Policy to send with the page: nothing but its own style."""

KINDS: Final = (
    ("picture", re.compile("image/")),
    ("sound", re.compile("audio/|video/")),
    ("archive", re.compile(r"application/(?:zip|gzip|zstd|java-archive|x-(?:tar|bzip2|xz|7z))")),
    ("page", re.compile("text/html|application/xhtml|application/pdf|application/epub")),
)

# Controls, line separators, and the marks that turn the direction of writing: with those, "exe.gpj" can be shown as "jpg.exe".
UNSEEN: Final = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")

_pages = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True)


@dataclass(slots=True)
class Item:
    """A file or folder, as the page shows it."""

    name: str
    is_folder: bool
    size: int
    changed: float


def read_folder(
    folder: OpenFile, visible: Callable[[str], bool], follow: Callable[[str], os.stat_result | None]
) -> tuple[list[Item], bool]:
    """What is in ``folder``: the files and folders that are ``visible``, and whether there are more than `MAX_ITEMS`.

    ``follow`` tells what a link leads to, or None where that may not be served; such a link is left out, so that the page
    tells nothing of what lies outside. Folders come first, then by name with numbers as numbers: 9.txt before 10.txt.
    """
    items: list[Item] = []
    with os.scandir(folder.fileno()) as entries:
        shown = (entry for entry in entries if visible(entry.name))
        for entry in itertools.islice(shown, MAX_ITEMS):
            try:
                status = follow(entry.name) if entry.is_symlink() else entry.stat(follow_symlinks=False)
            except OSError:
                continue  # gone since
            if status is not None and (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
                items.append(Item(entry.name, stat.S_ISDIR(status.st_mode), status.st_size, status.st_mtime))
        more = next(shown, None) is not None
    items.sort(key=lambda item: (not item.is_folder, _natural(item.name), item.name))
    return items, more


def render(path: Sequence[str], items: Sequence[Item], more: bool = False) -> str:
    """The page for the folder that the names ``path`` lead to, from the root on."""
    crumbs = [
        {"name": "Files" if not depth else _shown(path[depth - 1]), "href": "../" * (len(path) - depth)} for depth in range(len(path) + 1)
    ]
    files = [item for item in items if not item.is_folder]
    counts = [_count(len(items) - len(files), "folder"), _count(len(files), "file")]
    summary = " and ".join(filter(None, counts)) or "Nothing here"
    if files:
        summary += f", {human_size(sum(item.size for item in files))}"
    if more:
        summary = f"The first {len(items):,} of more than can be shown: {summary}"
    rows = [
        {
            "name": _shown(item.name) + ("/" if item.is_folder else ""),
            # The ./ keeps a colon in the name from being read as the end of a scheme (RFC 3986 4.2).
            "href": "./" + quote(os.fsencode(item.name)) + ("/" if item.is_folder else ""),
            "kind": _kind(item),
            "size": "" if item.is_folder else human_size(item.size),
            "date": _date(item.changed)[:16],
            "time": _date(item.changed).replace(" ", "T") + "Z",
        }
        for item in items
    ]
    title = "/" + "".join(f"{_shown(name)}/" for name in path)
    return _pages.get_template("listing.html").render(title=title, style=Markup(STYLE), crumbs=crumbs, items=rows, summary=summary)


def human_size(count: int) -> str:
    """``482 B``, ``1.2 KB``, ``35 MB``: two digits or three, in powers of 1,000 as disks are sold."""
    if count < 1000:
        return f"{count} B"
    size = float(count)
    for unit in ("KB", "MB", "GB", "TB", "PB", "EB"):
        size /= 1000
        if size < 9.95:
            return f"{size:.1f} {unit}"
        if size < 999.5:
            return f"{size:.0f} {unit}"
    return f"{size:.0f} EB"


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}" if count else ""


def _kind(item: Item) -> str:
    if item.is_folder:
        return "folder"
    kind = media_type(item.name)
    return next((name for name, pattern in KINDS if pattern.match(kind)), "file")


def _date(seconds: float) -> str:
    """``2026-03-01 12:34:56`` in UTC; the first moment that can be told where a file bears a time beyond all calendars."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (OverflowError, ValueError, OSError):
        return "1970-01-01 00:00:00"


def _shown(name: str) -> str:
    """``name`` as text: what is no UTF-8, and what shows nothing but changes what stands around it, as U+FFFD."""
    return UNSEEN.sub("\ufffd", os.fsencode(name).decode("utf-8", "replace"))


def _natural(name: str) -> list[Any]:
    """A key that sorts texts without regard to case and the numbers in them by their value."""
    # Eighteen digits at a time: int() of very many is slow, and refused past some thousands. Texts and numbers alternate.
    parts = re.split(r"([0-9]{1,18})", name.casefold())
    return [int(part) if place % 2 else part for place, part in enumerate(parts)]
