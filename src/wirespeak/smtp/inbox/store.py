"""The inbox: what can be done with the mail that lies in a folder.

The folder is the truth, and the index is made of it: each operation first looks what came and went since the last one, which costs
a few calls of the system where nothing did. So any number of programs may deliver, read and remove there at the same time.

Touches the folder and the clock.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar
from urllib.parse import unquote

from wirespeak.errors import StorageError, TimeoutError
from wirespeak.smtp.inbox.content import read_content
from wirespeak.smtp.inbox.envelope import id_in, read_envelope, remove_envelope, remove_orphans
from wirespeak.smtp.inbox.index import DamagedIndex, Filter, Index
from wirespeak.smtp.inbox.mail import Mail, Mails
from wirespeak.smtp.inbox.maildirs import Marks, Place, folders, locate, look, marks, places

__all__ = ["Inbox"]

# Of each mail so many bytes are read for lists and searches, and of its text so many characters: a mail of 50 MB is mostly attachments.
INDEXED: Final = 2 << 20
INDEXED_TEXT: Final = 200_000
# Characters of a header's value that lists show.
SHOWN: Final = 2000
# Mails that are taken into the index at a time.
BATCH: Final = 200
# Seconds between two looks at the folder, for who waits; where looking takes long, so many times as long.
LOOK_EVERY: Final = 0.02
REST: Final = 5

T = TypeVar("T")


class Inbox:
    """The mail in ``folder``: a Maildir, or a tree of them. Any thread may use it, one at a time; `close` it in the end."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self._index = Index(self.folder)
        self._marks: Marks | None = None

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> Self:
        """The inbox in ``folder``. Raises `StorageError` where there is none."""
        if not Path(folder).is_dir():
            raise StorageError(f"{folder} is not there: no mail has come to it yet")
        return cls(folder)

    def close(self) -> None:
        self._index.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    # --- what is in it

    def list(
        self,
        *,
        sender: str = "",
        to: str = "",
        subject: str = "",
        words: str = "",
        since: float = 0.0,
        limit: int | None = None,
        skip: int = 0,
    ) -> Mails:
        """The mails for which all that is said holds, the newest first.

        ``sender`` is looked for in the envelope's sender and in From; ``to`` in the envelope's recipients, To and Cc; ``subject`` in the
        subject: anywhere, whatever the case. ``words`` are begins of words, anywhere in the mail. ``since`` is in seconds since 1970.
        Raises `StorageError`.
        """
        wanted = Filter(sender, to, subject, words, since=since)
        return self._looked(lambda: self._index.find(wanted, limit, skip))

    def search(self, words: str, *, limit: int | None = None) -> Mails:
        """The mails in which all of ``words`` begin a word, wherever; the newest first. Raises `StorageError`."""
        return self.list(words=words, limit=limit)

    def count(self, *, sender: str = "", to: str = "", subject: str = "", words: str = "", since: float = 0.0) -> int:
        """How many `list` would give."""
        wanted = Filter(sender, to, subject, words, since=since)
        return self._looked(lambda: self._index.count(wanted))

    def get(self, id: str) -> Mail:
        """The mail whose id is ``id``, or alone begins so; "latest" is the newest. Raises `KeyError`, `StorageError`."""
        return self.copies(id)[0]

    def copies(self, id: str) -> Mails:
        """The mail that `get` gives, in each of the Maildirs that it was delivered to: at least one. Raises as that does."""
        if id == "latest":
            found = self.list(limit=1)
            if not found:
                raise KeyError("there is no mail")
            return found
        found = self._looked(lambda: self._index.find(Filter(id=id))) if id else []
        found = [mail for mail in found if mail.id == id] or found
        if not found:
            raise KeyError(f"there is no mail {id}")
        if any(mail.id != found[0].id for mail in found):
            raise KeyError(f"several mails' ids begin with {id}")
        return found

    def wait(
        self, *, sender: str = "", to: str = "", subject: str = "", words: str = "", since: float = 0.0, timeout: float = 30.0
    ) -> Mail:
        """The newest mail for which all that is said holds, as in `list`; where there is none yet, the first that comes.

        Returns within some 50 ms of its delivery. Raises `TimeoutError` after ``timeout`` seconds, which tells what came instead.
        """
        wanted = Filter(sender, to, subject, words, since=since)
        limit = time.monotonic() + timeout
        while True:
            begun = time.monotonic()
            found = self._looked(lambda: self._index.find(wanted, 1))
            if found:
                return found[0]
            now = time.monotonic()
            if now >= limit:
                raise TimeoutError(f"no such mail came within {timeout:g} s; {self._told()}")
            time.sleep(min(max(LOOK_EVERY, REST * (now - begun)), limit - now))

    def _told(self) -> str:
        """What is there, in a line."""
        count = self._index.count(Filter())
        if not count:
            return "the inbox is empty"
        newest = self._index.find(Filter(), 1)[0]
        return f"of {count} there the newest is to {', '.join(newest.recipients)!r} with subject {newest.subject!r}"

    # --- what is removed from it

    def delete(self, mails: Iterable[Mail]) -> int:
        """Remove ``mails``, with what is kept beside them; how many were still there. Raises `StorageError`."""
        count = 0
        for mail in mails:
            path = locate(self.folder, mail.place)
            if path is not None:
                try:
                    path.unlink()
                    count += 1
                except FileNotFoundError:
                    pass  # another program was faster
                except OSError as error:
                    raise StorageError(error.errno, f"the mail {mail.id} can't be removed: {error.strerror}") from None
            remove_envelope(self.folder / mail.folder, mail.id)
        return count

    def prune(self, *, age: float | None = None, count: int | None = None) -> int:
        """Remove mails older than ``age`` seconds, and all but the newest ``count``; how many those were. Raises `StorageError`.

        Envelopes that a crash has left without a mail go too.
        """
        removed = 0
        if count is not None:
            removed += self.delete(self._looked(lambda: self._index.find(Filter(), skip=count)))
        if age is not None:
            limit = time.time() - age
            removed += self.delete(mail for mail in self._looked(lambda: self._index.find(Filter())) if mail.received < limit)
        for name in folders(self.folder):
            remove_orphans(self.folder / name, set(map(id_in, look(self.folder / name))))
        return removed

    # --- kept up to date

    def _looked(self, ask: Callable[[], T]) -> T:
        """What ``ask`` gives once the index is up to date; a damaged one is filled again."""
        try:
            self._look()
            return ask()
        except DamagedIndex:
            self._marks = None
            self._look()
            return ask()

    def _look(self) -> None:
        seen = marks(self.folder)
        if self._marks is not None and self._marks.settled and self._marks == seen:
            return
        found = places(self.folder)
        known = self._index.places()
        gone = known - found.keys()
        if gone:
            self._index.remove(gone)
        fresh = sorted(found.keys() - known)
        for begin in range(0, len(fresh), BATCH):
            self._index.add([read for place in fresh[begin : begin + BATCH] if (read := self._read(place)) is not None])
        self._marks = seen  # as it was before: what came meanwhile is seen by the next look

    def _read(self, place: Place) -> tuple[Mail, str] | None:
        """A mail for the index, and its text; None where it is gone again."""
        folder, name = place
        path = locate(self.folder, place)
        if path is None:
            return None
        try:
            with open(path, "rb") as file:
                data = file.read(INDEXED)
                status = os.fstat(file.fileno())
        except OSError:
            return None
        content = read_content(data)
        id = id_in(name)
        envelope = read_envelope(self.folder / folder, id)
        to = ", ".join(filter(None, (content.header("To"), content.header("Cc"))))
        recipients: Sequence[str] = [_owner(folder) or to] if envelope is None else envelope.recipients
        sender = content.header("Return-Path").strip("<>") if envelope is None else envelope.sender
        mail = Mail(
            id=id or hashlib.blake2b("/".join(place).encode(), digest_size=5).hexdigest(),
            folder=folder,
            name=name,
            received=status.st_mtime if envelope is None else envelope.kept_at,
            size=status.st_size,
            sender=sender[:SHOWN],
            recipients=tuple(filter(None, recipients)),
            author=content.header("From")[:SHOWN],
            to=to[:SHOWN],
            subject=content.header("Subject")[:SHOWN],
            attached=len(content.attachments),
            root=self.folder,
        )
        names = " ".join(attachment.name for attachment in content.attachments)
        return mail, f"{names}\n{content.text[:INDEXED_TEXT]}"


def _owner(folder: str) -> str:
    """Whose Maildir ``home.test/alice`` is; "" for one that tells of nobody. Special characters are written as in URLs."""
    domain, slash, local = folder.partition("/")
    return f"{unquote(local)}@{unquote(domain)}" if slash else ""
