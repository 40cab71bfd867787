"""The index of an inbox: an SQLite file that is made of the mails, and made anew where it is missing, damaged or of another kind.

Nothing stands in it that isn't in the mails and their envelopes, so it may be removed at any time. Words are found by SQLite's
full text search (FTS5) where it is built in, and by reading all texts where it is not. Touches that file.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from wirespeak.errors import StorageError
from wirespeak.smtp.inbox.mail import Mail, Mails
from wirespeak.smtp.inbox.maildirs import Place

__all__ = ["FILE", "DamagedIndex", "Filter", "Index"]

FILE: Final = ".index.sqlite3"

# Of the tables below: an index of another version is made anew. The name of the program stands in front (pragma application_id).
VERSION: Final = 1
# Seconds to wait for another program that writes to the index just now.
PATIENCE: Final = 30.0

TABLES: Final = """
CREATE TABLE mail (number INTEGER PRIMARY KEY, folder TEXT, name TEXT, id TEXT, received REAL, size INTEGER, sender TEXT,
                   recipients TEXT, author TEXT, addressed TEXT, subject TEXT, attached INTEGER, UNIQUE (folder, name));
CREATE INDEX by_time ON mail (received, number);
CREATE INDEX by_id ON mail (id);
"""
WORDS: Final = "CREATE VIRTUAL TABLE words USING fts5 (subject, people, text, tokenize = 'unicode61 remove_diacritics 2')"
PLAIN_WORDS: Final = "CREATE TABLE words (subject TEXT, people TEXT, text TEXT)"
COLUMNS: Final = "id, folder, name, received, size, sender, recipients, author, addressed, subject, attached"


@dataclass(slots=True, frozen=True)
class Filter:
    """Which mails are wanted: those for which all that is said here holds.

    ``sender``, ``to`` and ``subject`` are looked for anywhere in what they stand for, whatever the case: the sender in envelope and
    From, ``to`` in the envelope's recipients, To and Cc. ``words`` are begins of words anywhere in the mail. ``id`` is the begin of
    an id, ``since`` in seconds since 1970.
    """

    sender: str = ""
    to: str = ""
    subject: str = ""
    words: str = ""
    id: str = ""
    since: float = 0.0

    def condition(self, fts: bool) -> tuple[str, list[Any]]:
        """As SQL."""
        terms: list[str] = []
        values: list[Any] = []
        for columns, wanted in (
            (("sender", "author"), self.sender),
            (("recipients", "addressed"), self.to),
            (("subject",), self.subject),
        ):
            if wanted:
                terms.append(f"({' OR '.join(f'holds({column}, ?)' for column in columns)})")
                values += [wanted] * len(columns)
        if self.id:
            terms.append("substr(id, 1, ?) = ?")
            values += [len(self.id), self.id]
        if self.since:
            terms.append("received >= ?")
            values.append(self.since)
        words = self.words.split()
        if words and fts:
            terms.append("number IN (SELECT rowid FROM words WHERE words MATCH ?)")
            values.append(" ".join('"{}"*'.format(word.replace('"', '""').replace("\0", "")) for word in words))
        elif words:
            terms += ["number IN (SELECT rowid FROM words WHERE holds(subject, ?) OR holds(people, ?) OR holds(text, ?))"] * len(words)
            values += [word for word in words for _ in range(3)]
        return " AND ".join(terms) or "1", values


class DamagedIndex(StorageError):
    """The index was no good; it is empty now, and to be filled again."""


class Index:
    """The index of the inbox at ``root``. Where its file can't be written it is kept in memory. Any thread may use it, one at a time."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.RLock()
        self._database, self.has_fts = self._opened()

    def close(self) -> None:
        with self._lock:
            self._database.close()

    # --- what is in it

    def places(self) -> set[Place]:
        """The mails that it knows."""
        with self._used() as database:
            return set(database.execute("SELECT folder, name FROM mail"))

    def find(self, wanted: Filter, limit: int | None = None, skip: int = 0) -> Mails:
        """The mails that fit, the newest first."""
        condition, values = wanted.condition(self.has_fts)
        with self._used() as database:
            rows = database.execute(
                f"SELECT {COLUMNS} FROM mail WHERE {condition} ORDER BY received DESC, number DESC LIMIT ? OFFSET ?",
                [*values, -1 if limit is None else limit, skip],
            ).fetchall()
        return [
            Mail(id, folder, name, received, size, sender, tuple(json.loads(recipients)), author, to, subject, attached, self._root)
            for id, folder, name, received, size, sender, recipients, author, to, subject, attached in rows
        ]

    def count(self, wanted: Filter) -> int:
        """How many fit."""
        condition, values = wanted.condition(self.has_fts)
        with self._used() as database:
            number: int = database.execute(f"SELECT count(*) FROM mail WHERE {condition}", values).fetchone()[0]
        return number

    # --- kept up to date

    def add(self, mails: Iterable[tuple[Mail, str]]) -> None:
        """Take in mails, each with its text. Those that it knows already stay as they are: another program was faster."""
        with self._used() as database, database:
            database.execute("BEGIN IMMEDIATE")
            for mail, text in mails:
                row = (
                    *(
                        mail.id,
                        mail.folder,
                        mail.name,
                        mail.received,
                        mail.size,
                        mail.sender,
                        json.dumps(mail.recipients, ensure_ascii=False),
                    ),
                    *(mail.author, mail.to, mail.subject, mail.attached),
                )
                done = database.execute(f"INSERT OR IGNORE INTO mail ({COLUMNS}) VALUES ({', '.join('?' * len(row))})", row)
                if done.rowcount:
                    people = " ".join((mail.author, mail.to, mail.sender, *mail.recipients))
                    database.execute(
                        "INSERT INTO words (rowid, subject, people, text) VALUES (?, ?, ?, ?)", (done.lastrowid, mail.subject, people, text)
                    )

    def remove(self, places: Iterable[Place]) -> None:
        """Forget mails."""
        with self._used() as database, database:
            database.execute("BEGIN IMMEDIATE")
            for place in places:
                row = database.execute("SELECT number FROM mail WHERE folder = ? AND name = ?", place).fetchone()
                if row is not None:
                    database.execute("DELETE FROM mail WHERE number = ?", row)
                    database.execute("DELETE FROM words WHERE rowid = ?", row)

    # --- the file

    @contextlib.contextmanager
    def _used(self) -> Iterator[sqlite3.Connection]:
        """The database; one that turns out to be damaged is made anew, empty, for the next who asks."""
        with self._lock:
            try:
                yield self._database
            except sqlite3.OperationalError as error:  # busy, disk full: the file itself is sound
                raise StorageError(f"the index of {self._root} can't be used: {error}") from None
            except sqlite3.DatabaseError as error:
                self._database.close()
                self._remove()
                self._database, self.has_fts = self._opened()
                raise DamagedIndex(f"the index of {self._root} was damaged ({error}); it is made anew") from None

    def _opened(self) -> tuple[sqlite3.Connection, bool]:
        """The database, with its tables, and whether it has full text search."""
        file = self._root / FILE
        for _ in range(2):
            database = None
            try:
                database = self._connected(str(file))
                return database, self._has_fts(database)
            except sqlite3.OperationalError:  # the folder can't be written
                if database is not None:
                    database.close()
                break
            except (sqlite3.DatabaseError, _OfAnotherKind):
                if database is not None:
                    database.close()
                self._remove()
        database = self._connected(":memory:")
        return database, self._has_fts(database)

    def _connected(self, file: str) -> sqlite3.Connection:
        database = sqlite3.connect(file, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
        database.create_function("holds", 2, _holds, deterministic=True)
        try:
            # It can be made anew: what a power cut takes is no loss.
            database.execute("PRAGMA synchronous = OFF")
            if _version(database) == 0:
                database.execute("BEGIN IMMEDIATE")
                if _version(database) == 0:  # nobody else has made it meanwhile
                    self._make(database)
                database.execute("COMMIT")
            if _version(database) != VERSION:
                raise _OfAnotherKind
        except BaseException:
            database.close()
            raise
        return database

    @staticmethod
    def _make(database: sqlite3.Connection) -> None:
        for statement in TABLES.split(";"):
            database.execute(statement)
        try:
            database.execute(WORDS)
        except sqlite3.OperationalError:  # an SQLite without FTS5
            database.execute(PLAIN_WORDS)
        database.execute(f"PRAGMA user_version = {VERSION}")

    @staticmethod
    def _has_fts(database: sqlite3.Connection) -> bool:
        (made,) = database.execute("SELECT sql FROM sqlite_master WHERE name = 'words'").fetchone()
        return "fts5" in made

    def _remove(self) -> None:
        for end in ("", "-journal", "-wal", "-shm"):
            with contextlib.suppress(OSError):
                (self._root / (FILE + end)).unlink()


def _version(database: sqlite3.Connection) -> int:
    version: int = database.execute("PRAGMA user_version").fetchone()[0]
    return version


class _OfAnotherKind(Exception):
    """An index that another version of this program made."""


def _holds(text: str | None, wanted: str) -> bool:
    return wanted.casefold() in (text or "").casefold()
