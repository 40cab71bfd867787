"""A mail on its way in, kept where it costs least: a small one in memory, a large one in a file, written as it comes.

    write ─▶ gathered in memory ──64 KB──▶ a thread writes it to the file ─▶ …
                    └── all of a small mail: written in one call, when it is delivered

No call here waits for the disk: what does runs in threads. So a slow disk slows down the clients that send large mail, and
nobody else. What fails is a `StorageError`.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Final

from wirespeak.errors import StorageError
from wirespeak.sockets.threads import Threads

__all__ = ["GATHERED", "WRITERS", "FileSpool", "begin_writing", "failure", "nameless", "write_all"]

# A mail of the usual kind (ten kilobytes or so) is written in one call. What a client can make us hold is this and one read more.
GATHERED: Final = 64 << 10
# Of a large mail the kernel is told to begin writing whenever so much has come: the sync at its end then has little left to do,
# and its pages don't fill the memory.
WRITTEN_BEHIND: Final = 1 << 20
# Large mails that are written at a time; the others' clients wait. More would only keep a disk's head moving.
WRITERS: Final = Threads(4, "wirespeak-spool")


class FileSpool:
    """A mail that is written to the file that ``create`` opens, once it is too large for the memory (`transaction.Spool`).

    ``create`` gives a descriptor and the file's path, "" where it has no name; it runs in a thread and may raise `OSError`.
    ``front`` is what we write in front of the mail. With ``unix_lines`` the file's lines end in LF, as files' lines do on Unix.
    """

    __slots__ = (
        "_advised",
        "_create",
        "_gathered",
        "_lock",
        "_spilled",
        "_taken",
        "_unix",
        "fd",
        "front",
        "path",
        "written",
    )

    def __init__(self, create: Callable[[], tuple[int, str]], *, front: bytes = b"", unix_lines: bool = False) -> None:
        self._create = create
        self._unix = unix_lines
        self.front = front.replace(b"\r\n", b"\n") if unix_lines else front
        self._gathered = bytearray()  # one object, for a client that sends it byte by byte
        self._spilled = False
        self._taken = False  # it is no more the server's to abandon
        self._lock = threading.Lock()  # of the file, between a thread that writes it and one that takes it away
        self._advised = 0
        self.fd = -1
        self.path = ""
        self.written = 0
        """Bytes in the file."""

    @property
    def is_small(self) -> bool:
        """Whether it is all in memory."""
        return not self._spilled

    @property
    def size(self) -> int:
        """Bytes that it has so far, with what is in front."""
        return (self.written or len(self.front)) + len(self._gathered)

    # --- the server's

    def write(self, data: bytes) -> Awaitable[None] | None:
        """Keep the next piece. None where that is done; else who awaits it sees it done, and writes nothing meanwhile.

        What is awaited raises `StorageError`.
        """
        self._gathered += data
        if len(self._gathered) < GATHERED:
            return None
        self._spilled = True
        return WRITERS.run(self.flush)

    def pieces(self) -> Iterator[bytes]:
        """All of it as it came, piece by piece. Raises `StorageError`."""
        at = len(self.front)
        while at < self.written:
            try:
                piece = os.pread(self.fd, GATHERED, at)
            except OSError as error:
                raise failure(error) from error
            if not piece:
                raise StorageError("a mail in its file is shorter than what was written to it")
            at += len(piece)
            yield piece.replace(b"\n", b"\r\n") if self._unix else piece
        if self._gathered:
            yield bytes(self._gathered)

    def abandon(self) -> None:
        """Leave no trace of it, unless it was taken for delivery. May be called while a piece is being written."""
        if not self._taken:
            self._taken = True
            self._gathered = bytearray()
            if self._spilled:
                WRITERS.start(self.remove)

    # --- the delivery's. What blocks is called in a thread.

    def take(self) -> None:
        """From here on it is the delivery's, which ends it by `close` or `remove`."""
        self._taken = True

    def content(self) -> bytes:
        """The whole of a small one, as it is to stand in a file."""
        return self.front + (self._gathered.replace(b"\r\n", b"\n") if self._unix else self._gathered)

    def flush(self, *, last: bool = False) -> None:
        """Write what was gathered to the file. Blocks. Raises `StorageError`."""
        with self._lock:
            gathered, self._gathered = self._gathered, bytearray()
            if self._taken and not last:
                return  # abandoned meanwhile
            if self._unix:
                if gathered.endswith(b"\r") and not last:  # its LF is still to come
                    self._gathered += b"\r"
                    del gathered[-1]
                gathered = gathered.replace(b"\r\n", b"\n")
            try:
                if self.fd < 0:
                    self.fd, self.path = self._create()
                    gathered[:0] = self.front
                write_all(self.fd, gathered)
                self.written += len(gathered)
                if self.written - self._advised >= WRITTEN_BEHIND:
                    self._advised = self.written
                    begin_writing(self.fd)
            except OSError as error:
                raise failure(error) from error

    def sync(self) -> None:
        """Write the rest, and wait until all is on the disk. Blocks. Raises `StorageError`."""
        self.flush(last=True)
        try:
            os.fsync(self.fd)
        except OSError as error:
            raise failure(error) from error

    def close(self) -> None:
        """Let go of the file; it stays where it has a name. To free a large one takes time."""
        with self._lock:
            fd, self.fd = self.fd, -1
            if fd >= 0:
                os.close(fd)

    def remove(self) -> None:
        """Let go of the file, and take it away."""
        self.close()
        path, self.path = self.path, ""
        if path:
            try:
                os.unlink(path)
            except OSError:
                pass  # a stray file is swept away in time


def nameless(folder: str | None = None) -> tuple[int, str]:
    """A new file without a name, in ``folder`` or where temporary files stand: it is gone once it is closed. Raises `OSError`."""
    fd, path = tempfile.mkstemp(prefix="wirespeak-mail-", dir=folder)
    os.unlink(path)
    return fd, ""


def write_all(fd: int, data: bytes | bytearray) -> None:
    """Write ``data``, in as many calls as the system wants. Raises `OSError`."""
    written = os.write(fd, data)
    while written < len(data):
        written += os.write(fd, memoryview(data)[written:])


def begin_writing(fd: int) -> None:
    """Have the kernel begin to write what it holds of a file, and don't wait for it.

    Files synced one after the other each make the file system commit; where all are on their way already, the first commit
    does for most of them. Linux begins to write the pages that it is told are not needed (POSIX_FADV_DONTNEED); where it
    does not, nothing is lost.
    """
    if hasattr(os, "posix_fadvise"):
        try:
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        except OSError:
            pass


def failure(error: OSError) -> StorageError:
    """The `StorageError` that tells of ``error``."""
    if isinstance(error, StorageError):
        return error
    what = error.strerror or str(error)
    return StorageError(error.errno, f"a mail could not be stored: {what}{f': {error.filename}' if error.filename else ''}")
