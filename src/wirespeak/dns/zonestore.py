"""Zones from files: read at the start, and again when a file changes, while questions go on being answered.

Reading a million records takes many seconds of work, and Python's threads take turns: done in one of ours, every question
would wait for its turn. So a zone is read anew in a process of its own, and comes from there in small pieces, with a pause
after each:

    the watching thread ── has a file changed? ──▶ child: reads, checks ── pieces ──▶ the thread puts them together
                                                                                        │
                       the server answers for the old zone ◀── until then ──────────────┘ then, at once, for the new one

A file that is wrong changes nothing: the log tells where the fault is, and the old zone stays. A file is read once it has
been left alone for a look, so that none is read that is half written.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO, Any, Final

from wirespeak.dns.names import Name
from wirespeak.dns.zone import Zone, Zones
from wirespeak.dns.zonecheck import examine
from wirespeak.dns.zonefile import open_zone
from wirespeak.dns.zonereader import ZoneError
from wirespeak.errors import StorageError, TextError, WirespeakError

__all__ = ["Source", "ZoneStore"]

logger = logging.getLogger("wirespeak.dns")

# Seconds between two looks at the files.
LOOK_EVERY: Final = 1.0
# Entries of a zone that are handed over at a time, which holds the interpreter for a third of a millisecond; and the seconds that
# the server then has it to itself. A million records take some ten seconds so.
PIECE: Final = 250
PAUSE: Final = 0.001
# Zones of more entries are kept from the garbage collector, which would go over all of them again and again, a second at a time.
LARGE: Final = 10_000

# What file names usually have around the name of the zone.
AFFIXES: Final = (".signed", ".zone", ".db", ".txt")

Mark = tuple[int, int, int] | None
"""By what a changed file is known: when it was changed, its size, its number; None where there is none."""


@dataclass(slots=True, frozen=True)
class Source:
    """A zone file, and the name of its zone."""

    origin: Name
    path: Path

    @classmethod
    def parse(cls, text: str) -> Source:
        """``ORIGIN=FILE``; or a FILE that is called after its zone: ``home.test``, ``home.test.zone``, ``db.home.test``.

        Raises `TextError`.
        """
        origin, equals, path = text.partition("=")
        if equals and not os.path.exists(text):
            return cls(Name.parse(origin.removesuffix(".") + "."), Path(path))
        name = Path(text).name.removeprefix("db.")
        for affix in AFFIXES:
            name = name.removesuffix(affix)
        return cls(Name.parse(name.removesuffix(".") + "."), Path(text))

    def read(self) -> Read:
        """The zone as its file has it now."""
        read = Read([])
        try:
            report = examine(lambda: open_zone(self.path, self.origin, opening=read.files.append), thorough=False)
        except StorageError as error:
            read.error = error
            return read
        read.zone, read.warnings = report.zone, report.warnings
        if report.zone is None:
            read.error = ZoneError(report.errors)
        return read


@dataclass(slots=True)
class Read:
    """What became of reading a zone: itself, or why there is none; and the files that it is made of, as far as they were read."""

    files: list[str]
    zone: Zone | None = None
    error: WirespeakError | None = None
    warnings: list[TextError] = field(default_factory=list)


@dataclass(slots=True)
class _Kept:
    """A source, its files as they were when it was last read, and as the last look found them."""

    source: Source
    files: dict[str, Mark]
    seen: dict[str, Mark]


class ZoneStore:
    """The zones of ``sources``. Made by reading them all: raises `TextError`, and `StorageError` for a file that can't be read."""

    def __init__(self, sources: Iterable[Source]) -> None:
        self._kept: list[_Kept] = []
        zones: list[Zone] = []
        with _without_collecting():
            for source in sources:
                before = _marks([os.path.normpath(source.path)])
                read = source.read()
                if read.zone is None:
                    assert read.error is not None
                    raise read.error
                if any(zone.origin == source.origin for zone in zones):
                    raise TextError(f"a second file for the zone {source.origin}", file=str(source.path))
                _tell(read.warnings)
                zones.append(read.zone)
                marks = _marks(read.files) | before
                self._kept.append(_Kept(source, marks, marks))
        self.zones = Zones(zones)
        self._on_change: Callable[[Zones], None] = lambda zones: None
        self._watching: threading.Thread | None = None
        self._looks = True
        self._event = threading.Event()
        self._hurried = threading.Event()
        self._stopped = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None

    def watch(self, on_change: Callable[[Zones], None], *, looks: bool = True) -> None:
        """From now on read what is asked for (`reload`) and, where it ``looks``, what has changed, in a thread of its own.

        ``on_change`` is given the zones as they then are, in that thread.
        """
        self._on_change = on_change
        self._looks = looks
        self._watching = threading.Thread(target=self._watch, name="zones", daemon=True)
        self._watching.start()

    def reload(self) -> None:
        """Read all files anew, changed or not."""
        self._hurried.set()
        self._event.set()

    def stop(self) -> None:
        """Read no more; what is being read is given up."""
        self._stopped.set()
        self._event.set()
        if self._child is not None:
            self._child.kill()
        if self._watching is not None:
            self._watching.join()

    # --- the thread

    def _watch(self) -> None:
        while not self._stopped.is_set():
            self._event.wait(LOOK_EVERY if self._looks else None)
            self._event.clear()
            hurried = self._hurried.is_set()
            self._hurried.clear()
            for kept in self._kept:
                if self._stopped.is_set():
                    return
                if self._is_due(kept, hurried):
                    self._renew(kept)

    def _is_due(self, kept: _Kept, hurried: bool) -> bool:
        """Whether its files are to be read: asked for, or changed and then left alone since the last look."""
        before, kept.seen = kept.seen, _marks(kept.files)
        return hurried or (kept.seen != kept.files and kept.seen == before)

    def _renew(self, kept: _Kept) -> None:
        """Read one zone anew and put it in the old one's place; where that fails, say so."""
        origin = kept.source.origin
        old = self.zones.find(origin.key)
        assert old is not None  # it was read at the start
        begun = time.monotonic()
        kept.files = kept.seen
        try:
            read = self._from_child(kept.source)
        except Exception as error:  # whatever became of the child, the watching goes on
            if not self._stopped.is_set():
                logger.error("%s could not be read anew (%r); it stays as it was, serial %d", origin, error, old.serial)
            return
        # Files that are new among those it is made of: looked at from now on, whatever came of it.
        kept.files = kept.seen = {path: kept.seen.get(path) or _mark(path) for path in read.files}
        _tell(read.warnings)
        if read.zone is None:
            logger.error("%s; %s stays as it was, serial %d", read.error, origin, old.serial)
            return
        self.zones = self.zones.with_(read.zone)
        self._on_change(self.zones)
        logger.info("%s: serial %d in place of %d, after %.1f s", origin, read.zone.serial, old.serial, time.monotonic() - begun)
        if (read.zone.serial - old.serial) & 0xFFFFFFFF > 0x7FFFFFFF:
            logger.warning("%s: the serial went back, so that who copies this zone won't take it (RFC 1982 3.2)", origin)
        left = [*old.nodes], [*old.nodes.values()]
        del old
        self._drop(*left)

    def _drop(self, *left: list[Any]) -> None:
        """Let go of what an old zone held, in pieces: all at once would hold the interpreter for half a second a million records."""
        for entries in left:
            while entries and not self._stopped.is_set():
                del entries[-PIECE:]
                time.sleep(PAUSE)

    def _from_child(self, source: Source) -> Read:
        """What a process of its own makes of ``source``."""
        command = [sys.executable, "-c", "from wirespeak.dns.zonestore import hand_over; hand_over()", str(source.origin), str(source.path)]
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self._child = child
        try:
            assert child.stdout is not None
            with child.stdout as pieces:
                read: Read = pickle.load(pieces)
                if read.error is None:
                    read.zone = Zone.__new__(Zone)
                    for name in pickle.load(pieces):
                        read.zone.__dict__[name] = _take(pieces)
                return read
        finally:
            self._child = None
            child.kill()
            child.wait()


def hand_over() -> None:
    """The child: read the zone that the command line names, and write it out in pieces, or what is wrong with it."""
    origin, path = sys.argv[1:]
    gc.disable()
    os.nice(10)  # questions go first
    out = sys.stdout.buffer
    read = Source(Name.parse(origin), Path(path)).read()
    zone, read.zone = read.zone, None
    pickle.dump(read, out)
    if zone is None:
        return
    if zone.denial:
        zone.covering(zone.origin.key)  # has the chain of denials put in order here, and not when the first question needs it
    pickle.dump(list(zone.__dict__), out)
    for value in zone.__dict__.values():
        _give(value, out)


# --- in pieces


def _give(value: Any, out: IO[bytes]) -> None:
    """Write ``value``; of a container some entries at a time, each of those whole."""
    if isinstance(value, tuple) and any(isinstance(part, list) for part in value):
        pickle.dump(("several", len(value)), out)
        for part in value:
            _give(part, out)
    elif isinstance(value, (dict, set, list)):
        pickle.dump(("pieces", type(value)), out)
        entries = iter(value.items() if isinstance(value, dict) else value)
        while piece := list(islice(entries, PIECE)):
            pickle.dump(piece, out)
        pickle.dump(None, out)
    else:
        pickle.dump(("whole", value), out)


def _take(pieces: IO[bytes]) -> Any:
    """What `_give` wrote, put together with pauses."""
    form, value = pickle.load(pieces)
    if form == "several":
        return tuple([_take(pieces) for _ in range(value)])
    if form == "whole":
        return value
    container = value()
    add = container.extend if value is list else container.update
    while piece := pickle.load(pieces):
        add(piece)
        if len(container) > LARGE:
            gc.freeze()
        time.sleep(PAUSE)
    return container


# --- the files


def _marks(files: Iterable[str]) -> dict[str, Mark]:
    return {path: _mark(path) for path in files}


def _mark(path: str) -> Mark:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _tell(warnings: Iterable[TextError]) -> None:
    for warning in warnings:
        logger.warning("%s", warning)


@contextlib.contextmanager
def _without_collecting() -> Iterator[None]:
    """While a zone is made there is nothing to collect, and what it is made of need not be looked at again."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
