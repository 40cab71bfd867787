"""Mails made to stay: many by one sync, in an order that holds at a power cut.

A file's content stays once the file was synced (fsync(2)), its name once the folder was: so each mail is written in ``tmp``, synced,
given its name in ``new``, and then the folder is synced. Only then is it said to have been taken (RFC 5321 4.2.5).

A sync takes as long for ten files as for one, nearly: the disk's cache is emptied once. So mails go through these steps in
rounds (`sockets.threads.Rounds`): all that have come since the last round began, each step for all of them before the next.
Blocks, and so runs in threads.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol, TypeVar

from wirespeak.smtp.delivery.spool import begin_writing
from wirespeak.sockets.threads import Threads

__all__ = ["Part", "Storable", "store"]

T = TypeVar("T")

# Syncs that wait for the disk together. Journals gather those of a moment into one commit; beyond a few nothing is won.
SYNCING: Final = Threads(8, "wirespeak-sync")


class Part(Protocol):
    """One file of a mail that is being stored, in one folder."""

    error: OSError | None
    """Why it could not be."""

    @property
    def fd(self) -> int:
        """What is to be synced before it gets its name; -1 where there is nothing: it was, or is a link to one that is."""
        ...

    @property
    def folders(self) -> Iterable[str]:
        """What is to be synced once it has its name, each told but once."""
        ...


class Storable(Protocol):
    """A mail on its way to the disk. Its methods keep errors of the disk in the parts, and raise nothing."""

    @property
    def parts(self) -> Sequence[Part]: ...

    def write(self) -> None:
        """Bring it to the file system, in full, where nobody looks for it yet."""
        ...

    def publish(self) -> None:
        """Give it its name, where it was synced without an error."""
        ...

    def settle(self) -> None:
        """All is done: let go of its files, and take away again what failed."""
        ...


def store(mails: Sequence[Storable]) -> None:
    """Bring ``mails`` to where no power cut takes them away. What became of each stands in its parts, once it is settled."""
    for mail in mails:
        mail.write()
    files = [part for mail in mails for part in mail.parts if part.fd >= 0 and part.error is None]
    for part in files:
        begin_writing(part.fd)
    _all(_sync_file, files)
    for mail in mails:
        mail.publish()
    folders: dict[str, list[Part]] = {}
    for mail in mails:
        for part in mail.parts:
            if part.error is None:
                for folder in part.folders:
                    folders.setdefault(folder, []).append(part)
    _all(_sync_folder_of, list(folders.items()))
    for mail in mails:
        mail.settle()


def _sync_file(part: Part) -> None:
    try:
        os.fsync(part.fd)
    except OSError as error:
        part.error = error


def _sync_folder_of(folder_and_parts: tuple[str, list[Part]]) -> None:
    folder, parts = folder_and_parts
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
    except OSError as error:
        for part in parts:
            part.error = error


def _all(function: Callable[[T], None], items: list[T]) -> None:
    """Call ``function`` with all of ``items``: several at a time, where there are several."""
    if len(items) == 1:
        function(items[0])
    elif items:
        SYNCING.each(function, items)
