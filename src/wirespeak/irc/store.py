"""The file in which accounts, registered channels and bans are kept: SQLite, in one thread of its own; and the threads that hash passwords.

    kept.kind   kept.key   kept.value (JSON, see kept.py)
    account     alice      {"name": "Alice", "keys": "SCRAM-SHA-256$100000:…", …}
    channel     #lobby     {"name": "#lobby", "founder": "alice", …}

What `SqliteStore.commit` has returned from is on the disk: the log of changes (WAL) is synced at each commit (``synchronous = FULL``), so
it outlives the process killed and the power cut alike, at the price of one sync. (A rollback journal would take three.) Passwords can be
guessed at by their keys, so the file is its owner's alone (mode 0600), and one server's alone: a second that opens it is told so.

Reads and writes that one file, and the log that SQLite keeps beside it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

from wirespeak.errors import StorageError
from wirespeak.sockets.threads import Threads

__all__ = ["SqliteStore"]

logger = logging.getLogger("wirespeak.irc")

P = ParamSpec("P")
T = TypeVar("T")

VERSION: Final = 1
"""Of the table. (What is in its values grows by fields with defaults, and needs no other.)"""

TABLE: Final = "CREATE TABLE kept (kind TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (kind, key)) WITHOUT ROWID"

# Passwords hashed at a time: each takes a core for some 40 ms, and the loop is to have one too.
HASHING: Final = 2


class SqliteStore:
    """The store in the file at ``path``, made where it isn't there; None keeps all in memory, for as long as the process lasts.

    Raises `StorageError` for a file that can't be used: not readable, readable by others, in use by another server, or none of ours.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self._threads = Threads(1, "wirespeak-accounts")
        self._hashing = Threads(HASHING, "wirespeak-login")
        with self._told_of():
            self._database = self._opened()

    def load(self) -> list[tuple[str, str, bytes]]:
        """All that is kept: kind, key, value. Blocks; for the start."""
        with self._told_of():
            return self._database.execute("SELECT kind, key, value FROM kept").fetchall()

    def commit(self, changes: Sequence[tuple[str, str, bytes | None]]) -> None:
        """Keep each value under its kind and key, or, for None, no longer: all of them, or none; and return once it is on the disk.

        Blocks: for what `run` runs. Raises `StorageError`.
        """
        with self._told_of(), self._database:
            self._database.execute("BEGIN IMMEDIATE")
            for kind, key, value in changes:
                if value is None:
                    self._database.execute("DELETE FROM kept WHERE kind = ? AND key = ?", (kind, key))
                else:
                    self._database.execute("INSERT OR REPLACE INTO kept VALUES (?, ?, ?)", (kind, key, value))

    async def run(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """What ``work`` returns, run in the store's thread: one at a time, in the order asked for."""
        return await self._threads.run(work, *args, **kwargs)

    async def hash(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """What ``work`` returns, run in one of the few threads for hashing."""
        return await self._hashing.run(work, *args, **kwargs)

    def start(self, work: Callable[[], object]) -> None:
        """Have ``work`` run in the store's thread, and don't wait for it. What the disk refuses is told to the log (``wirespeak.irc``)."""

        def run() -> None:
            try:
                work()
            except StorageError as error:
                logger.error("%s", error)

        self._threads.start(run)

    def close(self) -> None:
        """Finish what was asked for, and close the file. Blocks."""
        self._hashing.pool.shutdown(cancel_futures=True)
        self._threads.pool.shutdown()
        with self._told_of():
            self._database.close()

    # --- the file

    def _opened(self) -> sqlite3.Connection:
        if self.path is not None:
            self._make(self.path)
        database = sqlite3.connect(
            ":memory:" if self.path is None else self.path, timeout=0.0, isolation_level=None, check_same_thread=False
        )
        try:
            database.execute("PRAGMA locking_mode = EXCLUSIVE")  # one server's; and so the index of the log is in memory, not in a file
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = FULL")
            database.execute("BEGIN IMMEDIATE")
            (version,) = database.execute("PRAGMA user_version").fetchone()
            if version == 0:
                database.execute(TABLE)
                database.execute(f"PRAGMA user_version = {VERSION}")
            elif version != VERSION:
                raise StorageError(f"the accounts in {self.path} were written by another version of this program")
            database.execute("COMMIT")
        except BaseException:
            database.close()
            raise
        return database

    def _make(self, path: Path) -> None:
        """Have the file there, its owner's alone, and its name on the disk (SQLite's log has its permissions from it)."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            mode = stat.S_IMODE(os.fstat(handle).st_mode)
            if mode & 0o077:
                raise StorageError(f"the accounts in {path} can be read or changed by others (mode {mode:04o}): chmod 600 it")
        finally:
            os.close(handle)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    @contextlib.contextmanager
    def _told_of(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:  # busy, disk full, read-only
            if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                raise StorageError(f"the accounts in {self.path} are another server's: each needs a file of its own") from None
            raise StorageError(f"the accounts in {self.path} can't be read or written: {error}") from None
        except sqlite3.Error as error:
            raise StorageError(f"the accounts in {self.path} can't be read: {error}; put a sound copy in their place") from None
        except StorageError:
            raise
        except OSError as error:
            raise StorageError(f"the accounts in {self.path} can't be read or written: {error.strerror or error}") from None
