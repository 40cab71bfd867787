"""A disk that forgets what was not synced, and fails when it is told to: the real file system, watched.

`Disk` stands between the program and the calls of ``os`` that change files below a folder. It notes each, can let one of them
fail, and knows what would be left if the power went off now: of a file, what it held when it was last synced (fsync(2)); of a
folder, the names that it had then. That is the least that file systems promise; most keep more.
"""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

WATCHED = ("open", "write", "fsync", "mkdir", "rename", "link", "unlink")


class Disk:
    """``calls`` are those made so far, by name and with the path they were made for, relative to ``folder``."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.calls: list[tuple[str, str]] = []
        self.fail_at: int | None = None
        """The number of the call that is to fail, from 0."""
        self.error = errno.ENOSPC
        self.after_each: Callable[[], None] = lambda: None
        """Called after each call, while no other runs."""
        self._lock = threading.RLock()
        self._contents: dict[int, bytes] = {}
        self._names: dict[int, dict[str, int]] = {os.stat(folder).st_ino: {}}
        self._real = {name: getattr(os, name) for name in WATCHED}
        for name in WATCHED:
            patch.setattr(os, name, self._watched(name))

    def _watched(self, name: str) -> Callable[..., Any]:
        real = self._real[name]

        def call(first: Any, *others: Any, **options: Any) -> Any:
            path = self._path(first)
            if path is None:
                return real(first, *others, **options)
            with self._lock:
                self.calls.append((name, path))
                if self.fail_at == len(self.calls) - 1:
                    raise OSError(self.error, os.strerror(self.error), str(first))
                result = real(first, *others, **options)
                if name == "open" and others[0] & os.O_CREAT:
                    self._contents.pop(os.fstat(result).st_ino, None)  # a number that a file before it had
                elif name == "fsync":
                    self._synced(first)
                self.after_each()
                return result

        return call

    def _path(self, of: Any) -> str | None:
        """Where ``of``, a path or a descriptor, is below the folder; None where it isn't."""
        path = os.readlink(f"/proc/self/fd/{of}") if isinstance(of, int) else os.path.abspath(os.fsdecode(of))
        return os.path.relpath(path, self.folder) if path == str(self.folder) or path.startswith(f"{self.folder}/") else None

    def _synced(self, fd: int) -> None:
        status = os.fstat(fd)
        if stat.S_ISDIR(status.st_mode):
            self._names[status.st_ino] = {entry.name: entry.inode() for entry in os.scandir(fd)}
        else:
            self._contents[status.st_ino] = Path(f"/proc/self/fd/{fd}").read_bytes()

    def after_power_cut(self) -> dict[str, bytes]:
        """The files that would be there, by path, each with what would be in it."""
        found: dict[str, bytes] = {}

        def look(inode: int, path: str) -> None:
            for name, inner in self._names.get(inode, {}).items():
                if inner in self._names or (self.folder / path / name).is_dir():
                    look(inner, f"{path}{name}/")
                else:
                    found[f"{path}{name}"] = self._contents.get(inner, b"")

        with self._lock:
            look(os.stat(self.folder).st_ino, "")
        return found

    def files(self) -> list[str]:
        """Those that are there now."""
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file())
