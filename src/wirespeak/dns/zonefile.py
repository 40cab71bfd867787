"""Zone files on disk: opened, with what they include, and read and checked as one zone.

What the text says is ``zonereader.py``'s business, what is wrong with it ``zonecheck.py``'s: here files are touched, nothing else.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from wirespeak.dns.names import Name
from wirespeak.dns.registry import Class
from wirespeak.dns.zone import Zone
from wirespeak.dns.zonecheck import Report, examine
from wirespeak.dns.zonereader import ZoneError, ZoneReader
from wirespeak.errors import StorageError, TextError

__all__ = ["examine_file", "load_zone", "open_zone"]

# Bytes read at a time: some thousand lines.
PIECE_SIZE: Final = 1 << 17


def load_zone(path: str | os.PathLike[str], origin: Name, *, cls: int = Class.IN) -> tuple[Zone, list[TextError]]:
    """The zone in a file, and what there is to warn of. Raises `ZoneError` with all its faults; `StorageError` without a file."""
    report = examine_file(path, origin, cls=cls, thorough=False)
    if report.zone is None:
        raise ZoneError(report.errors)
    return report.zone, report.warnings


def examine_file(path: str | os.PathLike[str], origin: Name, *, cls: int = Class.IN, thorough: bool = True) -> Report:
    """The zone in a file with all that is to be said of it, as `examine` has it. Raises `StorageError` where it can't be read."""
    return examine(lambda: open_zone(path, origin, cls=cls), thorough=thorough)


def open_zone(
    path: str | os.PathLike[str], origin: Name, *, cls: int = Class.IN, opening: Callable[[str], object] | None = None
) -> ZoneReader:
    """The records of a file; what it includes stands relative to its own folder. Going over it raises `StorageError` too.

    ``opening`` is called with the path of each file before it is opened, of those that are not there too.
    """

    def include(name: str, including: str) -> tuple[str, Iterable[bytes]]:
        file = os.path.normpath(os.path.join(os.path.dirname(including), name))
        if opening is not None:
            opening(file)
        try:
            is_file = stat.S_ISREG(os.stat(file).st_mode)
        except OSError as error:
            raise TextError(_unreadable(file, error)) from None
        except ValueError as error:
            raise TextError(f"{name!r} is no name of a file: {error}") from None
        if not is_file:
            raise TextError(f"{file} is no file: what is included may neither go on for ever nor wait for a writer")
        return file, _pieces(file, TextError)

    file = os.path.normpath(path)
    if opening is not None:
        opening(file)
    return ZoneReader(_pieces(file, StorageError), origin, cls=cls, file=file, include=include)


def _pieces(file: str, failure: type[StorageError] | type[TextError]) -> Iterator[bytes]:
    """The bytes of a file, which is open while they are read. Raises ``failure``."""
    try:
        with open(file, "rb") as opened:
            while piece := opened.read(PIECE_SIZE):
                yield piece
    except OSError as error:
        raise failure(_unreadable(file, error)) from None


def _unreadable(file: str, error: OSError) -> str:
    return f"{file} can't be read: {error.strerror}"
