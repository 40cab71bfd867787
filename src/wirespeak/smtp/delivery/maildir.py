"""Mail delivered into Maildirs, as their specification has it (https://cr.yp.to/proto/maildir.html).

    DIR/home.test/alice/tmp/1795280400.M512P88Q1-3f1c.mx.home.test    written here, and synced
    DIR/home.test/alice/new/1795280400.M512P88Q1-3f1c.mx.home.test    renamed to here, and the folder synced: delivered
    DIR/home.test/alice/cur/                                          where readers move what they have seen

No lock is needed, for no two mails have the same name, and who reads finds each whole or not at all. A mail for several
recipients is written once; the others have links to the same file. Lines end in LF, as those who read Maildirs expect.

DIR itself is never made: where it is gone (a disk that isn't mounted, say) no mail is taken.
"""

from __future__ import annotations

import errno
import hashlib
import itertools
import logging
import math
import os
import re
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from wirespeak.errors import StorageError
from wirespeak.smtp.delivery.spool import GATHERED, WRITERS, FileSpool, failure, write_all
from wirespeak.smtp.delivery.sync import store
from wirespeak.smtp.messages import Reply
from wirespeak.smtp.trace import received, return_path
from wirespeak.smtp.transaction import Outcome, Route, Spool, Transaction
from wirespeak.sockets.threads import Rounds, Threads

__all__ = ["Maildir", "folder_name"]

logger = logging.getLogger("wirespeak.smtp")

T = TypeVar("T")

# What no file name can hold, what would hide one, what would mix up a terminal that lists them, and the sign of escaping itself.
UNSAFE: Final = re.compile(r"^\.|[/%\x00-\x1f\x7f-\x9f]")
# Bytes of a file's name: most file systems take 255, some that encrypt fewer. RFC 5321 4.5.3.1.1 has 64 for a local part, 192 when
# every byte of it is escaped.
LONGEST_NAME: Final = 200

# What is in tmp so long was left there by who was killed; the specification lets anyone delete it then.
STRAY: Final = 36 * 3600.0  # seconds
SWEPT_EVERY: Final = 3600.0  # seconds
SWEEPER: Final = Threads(1, "wirespeak-sweep")
# Maildirs remembered to be there; with more of them, all are looked at anew.
KNOWN: Final = 10_000

# Where a second name for a file can't be had: it is on another disk, has too many, or the file system knows no such thing.
NO_LINKS: Final = frozenset({errno.EXDEV, errno.EMLINK, errno.EPERM, errno.ENOTSUP, errno.ENOSYS})

DELIVERED: Final = Reply(250, "Ok", "2.0.0")
NO_STORAGE: Final = Reply(452, "Insufficient system storage", "4.3.1")


class Maildir:
    """Delivers into the Maildirs below ``folder``, each made when the first mail comes for it (`transaction.Delivery`).

    That of the route's target ``home.test/alice`` is ``folder/home.test/alice``. ``hostname`` is this machine's part of the files'
    names: where several deliver to the same folder over a network, each needs its own.

    A mail that comes by SMTP is delivered to all of its Maildirs or to none (`StorageError`), for its client is given one answer; over
    LMTP there is one for each.
    """

    def __init__(self, folder: str | os.PathLike[str], hostname: str = "localhost") -> None:
        self.folder = Path(folder).absolute()
        self._host = hostname.replace("/", "\\057").replace(":", "\\072")[:64]
        self._rounds: Rounds[_Mail] = Rounds(store, "wirespeak-maildir")
        self._count = itertools.count(1)
        self._known: dict[str, float] = {}  # Maildirs that are there for good, and when each was last swept

    def open(self, transaction: Transaction, routes: Sequence[Route]) -> FileSpool:
        binary = transaction.sender is not None and transaction.sender.body == "BINARYMIME"  # RFC 3030 3: lines are no matter there
        folder = self.path_of(routes[0].target)
        return FileSpool(
            lambda: self.create(folder, self._name(transaction)),
            front=return_path(transaction) + received(transaction),
            unix_lines=not binary,
        )

    async def deliver(self, transaction: Transaction, spool: Spool, routes: Sequence[Route]) -> list[Outcome]:
        assert isinstance(spool, FileSpool), "a mail is delivered by who opened it"
        spool.take()
        if not spool.is_small:
            # Its sync may take long: it is no part of a round, in which small mails would wait for it.
            try:
                await WRITERS.run(spool.sync)
            except StorageError:
                WRITERS.start(spool.remove)
                raise
        paths = [self.path_of(route.target) for route in routes]
        mail = _Mail(self, spool, os.path.basename(spool.path) or self._name(transaction), paths, together=not transaction.lmtp)
        await self._rounds.do(mail)
        errors = {part.folder: part.error for part in mail.parts}
        for path, error in errors.items():
            if error is not None and not transaction.lmtp:
                raise failure(error)
            if error is not None:
                logger.error("%s: %s", path, failure(error))
        return [Outcome(route.recipient, NO_STORAGE if errors[path] else DELIVERED) for route, path in zip(routes, paths, strict=True)]

    def path_of(self, target: str) -> str:
        """The Maildir of ``home.test/alice``, whatever the local part is made of."""
        domain, _, local = target.partition("/")
        return f"{self.folder}/{folder_name(domain)}/{folder_name(local)}"

    def _name(self, transaction: Transaction) -> str:
        """A file's name that no other has: by the time, the process, and its count of mails (and by our name for the mail, to find it)."""
        now = time.time_ns() // 1000
        return f"{now // 1_000_000}.M{now % 1_000_000}P{os.getpid()}Q{next(self._count)}-{transaction.id}.{self._host}"

    # --- in a thread

    def create(self, folder: str, name: str) -> tuple[int, str]:
        """A new file in the Maildir's tmp: its descriptor and its path. Raises `OSError`."""
        path = f"{folder}/tmp/{name}"
        return self.within(folder, lambda: os.open(path, CREATE, 0o600)), path

    def within(self, folder: str, action: Callable[[], T]) -> T:
        """What ``action`` gives in the Maildir, which is made where it is missing. Raises `OSError`."""
        if folder in self._known:
            try:
                return action()
            except FileNotFoundError:
                self._known.pop(folder, None)  # somebody took it away
        for path in (os.path.dirname(folder), folder, f"{folder}/tmp", f"{folder}/new", f"{folder}/cur"):
            try:
                os.mkdir(path, 0o700)
            except FileExistsError:
                pass
        return action()

    def to_sync(self, folder: str) -> tuple[str, ...]:
        """What has to be synced for a name in the Maildir's new to stay: those above it too, unless they are known to be there for good."""
        new = f"{folder}/new"
        return (new,) if folder in self._known else (new, folder, os.path.dirname(folder), str(self.folder))

    def delivered(self, folder: str) -> None:
        """A mail stays in the Maildir, and so does that. It is swept now and then."""
        now = time.monotonic()
        swept = self._known.get(folder)
        if swept is None or now - swept > SWEPT_EVERY:
            if len(self._known) >= KNOWN:
                self._known.clear()
            self._known[folder] = now
            SWEEPER.start(sweep, folder)


CREATE: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL


class _Copy:
    """A mail in one Maildir (`sync.Part`)."""

    __slots__ = ("error", "fd", "folder", "folders", "path", "source")

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.folders: tuple[str, ...] = ()
        self.fd = -1
        self.path = ""  # where it is now
        self.source: _Copy | None = None  # whose file this one is another name of
        self.error: OSError | None = None


class _Mail:
    """A mail on its way into one or more Maildirs (`sync.Storable`). ``together``: into all of them or none."""

    __slots__ = ("_maildir", "_name", "_spool", "_together", "parts")

    def __init__(self, maildir: Maildir, spool: FileSpool, name: str, folders: Sequence[str], *, together: bool) -> None:
        self._maildir = maildir
        self._spool = spool
        self._name = name
        self._together = together
        self.parts = [_Copy(folder) for folder in dict.fromkeys(folders)]
        self.parts[0].path = spool.path

    def write(self) -> None:
        written = self.parts[0] if self.parts[0].path else None  # a large one is there, and synced
        for copy in self.parts:
            try:
                if written is None:
                    copy.fd, copy.path = self._maildir.create(copy.folder, self._name)
                    write_all(copy.fd, self._spool.content())
                    written = copy
                elif copy is not written:
                    self._link(written, copy)
            except OSError as error:
                copy.error = error

    def _link(self, written: _Copy, copy: _Copy) -> None:
        path = f"{copy.folder}/tmp/{self._name}"
        try:
            self._maildir.within(copy.folder, lambda: os.link(written.path, path))
            copy.path, copy.source = path, written
        except OSError as error:
            if error.errno not in NO_LINKS:
                raise
            copy.fd, copy.path = self._maildir.create(copy.folder, self._name)
            _copy_file(written.path, copy.fd)

    def publish(self) -> None:
        for copy in self.parts:
            if copy.source is not None and copy.source.error is not None:
                copy.error = copy.error or copy.source.error
        self._stand_together()
        for copy in self.parts:
            if copy.error is None:
                try:
                    self._maildir.within(copy.folder, partial(self._rename, copy))
                    copy.folders = self._maildir.to_sync(copy.folder)
                except OSError as error:
                    copy.error = error
        self._stand_together()

    def _rename(self, copy: _Copy) -> None:
        path = f"{copy.folder}/new/{self._name}"
        os.rename(copy.path, path)
        copy.path = path

    def settle(self) -> None:
        self._stand_together()
        for copy in self.parts:
            if copy.fd >= 0:
                os.close(copy.fd)
            if copy.error is None:
                self._maildir.delivered(copy.folder)
            elif copy.path:
                try:
                    os.unlink(copy.path)
                except OSError:
                    pass  # what stays in tmp is swept away in time
        self._spool.close()

    def _stand_together(self) -> None:
        if self._together:
            error = next((copy.error for copy in self.parts if copy.error is not None), None)
            for copy in self.parts:
                copy.error = copy.error or error


def folder_name(text: str) -> str:
    """``text`` as the name of one folder, different for every text: what can't or shouldn't be in a name is ``%2F`` and the like.

    One that is too long is cut, and told from others by its hash; none at all is ``%``.
    """
    name = UNSAFE.sub(lambda match: f"%{ord(match[0]):02X}", text) or "%"
    encoded = os.fsencode(name)
    if len(encoded) <= LONGEST_NAME:
        return name
    digest = hashlib.sha256(os.fsencode(text)).hexdigest()
    return f"{encoded[: LONGEST_NAME - 66].decode('utf-8', 'ignore')}%-{digest}"


def sweep(folder: str) -> None:
    """Delete what has been in the Maildir's tmp for more than 36 hours. Blocks, and raises nothing."""
    oldest = time.time() - STRAY
    try:
        with os.scandir(f"{folder}/tmp") as entries:
            old = [entry.path for entry in entries if _last_used(entry) < oldest]
    except OSError as error:
        logger.info("%s/tmp could not be swept: %s", folder, error)
        return
    for path in old:
        try:
            os.unlink(path)
        except OSError as error:
            logger.info("%s could not be swept away: %s", path, error)


def _last_used(entry: os.DirEntry[str]) -> float:
    try:
        status = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return math.inf  # it was delivered meanwhile
    return max(status.st_atime, status.st_mtime)


def _copy_file(path: str, fd: int) -> None:
    with open(path, "rb", buffering=0) as source:
        while piece := source.read(GATHERED):
            write_all(fd, piece)
