"""A progress bar for long transfers: bytes, rate and time left, on standard error, and only at a terminal."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any, Self

__all__ = ["Bar"]

# Seconds before it appears: what is done by then needs none, and rich takes a tenth of a second to load.
PATIENCE = 0.5


class Bar:
    """Tells how far a transfer is. ``total`` is its size in bytes, None where it is not known."""

    def __init__(self, what: str, total: int | None, *, shown: bool) -> None:
        self._what = what
        self._total = total
        self._since = time.monotonic()
        self._shown = shown and sys.stderr.isatty()
        self._done = 0
        self._progress: Any = None
        self._task: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._progress is not None:
            self._progress.update(self._task, completed=self._done, refresh=True)
            self._progress.stop()

    def add(self, size: int) -> None:
        """``size`` more bytes have gone, or come."""
        self._done += size
        if not self._shown:
            return
        if self._progress is not None:
            self._progress.update(self._task, completed=self._done)
        elif time.monotonic() - self._since >= PATIENCE:
            self._start()

    def _start(self) -> None:
        from rich.console import Console
        from rich.markup import escape
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        time_column = TimeElapsedColumn() if self._total is None else TimeRemainingColumn()
        columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), time_column
        self._progress = Progress(*columns, console=Console(stderr=True))
        self._task = self._progress.add_task(escape(self._what), total=self._total, completed=self._done)
        self._progress.start()
