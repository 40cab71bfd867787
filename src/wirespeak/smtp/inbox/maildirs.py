"""Where mails lie: Maildirs, one or a tree of them, and what has changed there.

A Maildir is a folder of three (maildir(5), https://cr.yp.to/proto/maildir.html): ``tmp`` where a mail is written, ``new`` where
it appears, ``cur`` where a mail program puts what was looked at, and says so in the name behind a colon. What stands before the
colon stays a mail's name for good. Other programs may move and remove mails at any time: nobody is asked first.

Touches the folders' lists of files.
"""

from __future__ import annotations

import os
import stat
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["Marks", "Place", "folders", "is_maildir", "locate", "look", "marks", "places"]

# A folder changed less than so many seconds ago may change once more without its time showing it: the kernel's clock for
# files goes in steps, of 10 ms at the most.
RACY: Final = 0.1

Place = tuple[str, str]
"""A mail: its Maildir, relative to the root ("" for the root itself, "home.test/alice"), and its name up to the colon."""


@dataclass(slots=True, frozen=True)
class Marks:
    """By what a change is known: the times of all folders in which mails come and go. ``settled`` if equal ones mean that nothing did."""

    times: tuple[tuple[str, int], ...]
    settled: bool


def is_maildir(folder: Path) -> bool:
    """Whether mails lie in ``folder`` itself."""
    return (folder / "new").is_dir() and (folder / "cur").is_dir()


def folders(root: Path) -> list[str]:
    """The Maildirs at ``root`` or, where it is none, one or two steps below it (``caught``, ``home.test/alice``)."""
    if is_maildir(root):
        return [""]
    found: list[str] = []
    for first in _below(root):
        if is_maildir(root / first):
            found.append(first)
        else:
            found += [f"{first}/{second}" for second in _below(root / first) if is_maildir(root / first / second)]
    return found


def _below(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir() and _is_name(entry.name))
    except OSError:
        return []


def _is_name(name: str) -> bool:
    """Whether a name is one that we look at: not hidden, and text."""
    return not name.startswith(".") and name.isprintable()


def _is_mail(entry: os.DirEntry[str]) -> bool:
    """Links, pipes and the like are no mails: who reads one could be led elsewhere, or wait for ever."""
    return _is_name(entry.name) and entry.is_file(follow_symlinks=False)


def marks(root: Path) -> Marks:
    """How the tree at ``root`` looks now."""
    looked = folders(root)
    watched = {folder for name in looked for folder in (f"{name}/new", f"{name}/cur")}
    if looked != [""]:
        watched |= {"", *(name.rpartition("/")[0] for name in looked)}
    times: list[tuple[str, int]] = []
    for folder in sorted(watched):
        try:
            times.append((folder, os.stat(f"{root}/{folder}").st_mtime_ns))
        except OSError:
            times.append((folder, 0))
    newest = max((changed for _, changed in times), default=0)
    return Marks(tuple(times), newest < time.time_ns() - RACY * 1e9)


def look(folder: Path) -> dict[str, str]:
    """The mails of one Maildir: their names, and where each lies in it."""
    found: dict[str, str] = {}
    for part in ("new", "cur"):  # in this order: what is moved meanwhile is seen twice rather than never
        try:
            with os.scandir(folder / part) as entries:
                found.update((entry.name.partition(":")[0], f"{part}/{entry.name}") for entry in entries if _is_mail(entry))
        except OSError:
            continue
    return found


def places(root: Path) -> dict[Place, str]:
    """All mails at ``root``, and the path of each relative to its Maildir."""
    return {(folder, name): path for folder in folders(root) for name, path in look(root / folder).items()}


def locate(root: Path, place: Place) -> Path | None:
    """Where a mail lies now; None where it is gone."""
    folder, name = place
    new = root / folder / "new" / name
    try:
        if stat.S_ISREG(new.lstat().st_mode):
            return new
    except OSError:
        pass
    path = look(root / folder).get(name)
    return None if path is None else root / folder / path
