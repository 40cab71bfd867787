"""Which servers want TLS, and until when (IRCv3 sts): kept in a file, so that nobody on the way can talk us out of it.

A server tells over TLS for how long it is to be spoken to over TLS alone. Until then nothing is said to it in clear, whoever asks.
What this file touches: the one that it is given, and the time of day.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from wirespeak.errors import StorageError

__all__ = ["Policies"]

MAX_HOSTS: Final = 1000
"""Servers that are remembered; beyond that those whose time is over first are forgotten."""


class Policies:
    """By host: the port where it speaks TLS, and until when it is to be reached there alone. Without ``path``, in memory."""

    def __init__(self, path: Path | None = None, *, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._clock = clock
        self._hosts: dict[str, tuple[int, float]] = {} if path is None else _read(path)

    def find(self, host: str) -> int | None:
        """The port where ``host`` is to be reached over TLS; None where it is free to choose."""
        port, until = self._hosts.get(host.lower(), (0, 0.0))
        return port if self._clock() < until else None

    def keep(self, host: str, port: int, duration: int) -> None:
        """``host`` wants TLS, at ``port``, for ``duration`` seconds from now; for 0, no longer. Raises `StorageError`."""
        hosts = {name: row for name, row in self._hosts.items() if row[1] > self._clock() and name != host.lower()}
        if duration:
            hosts[host.lower()] = (port, self._clock() + duration)
        self._hosts = dict(sorted(hosts.items(), key=lambda item: -item[1][1])[:MAX_HOSTS])
        if self._path is not None:
            new = self._path.with_suffix(".new")
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                new.write_text(json.dumps(self._hosts))
                os.replace(new, self._path)
            except OSError as error:
                raise StorageError(f"{self._path} can't be written: {error.strerror}") from None


def _read(path: Path) -> dict[str, tuple[int, float]]:
    """What the file holds. Raises `StorageError` for one that is damaged: to go on as if it were empty would be to say all in clear."""
    try:
        return {str(host): (int(port), float(until)) for host, (port, until) in json.loads(path.read_text()).items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise StorageError(f"{path}, where it stands which servers want TLS, can't be read: {error}") from None
