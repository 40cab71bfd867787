"""A file and its representations: as it is, and in content codings (RFC 9110 3.2, 8).

An `Entry` is a file as it was when it was opened. Its `Variant`s are what can be given out of it: the file itself; a
compressed file beside it (``app.js`` and ``app.js.br``); and what ``handler.py`` compresses itself. Each has its
validators and its header fields, made once; which one a request gets is decided in ``handler.py``.

Touches files beneath the root it is given, for reading.
"""

from __future__ import annotations

import math
import os
import stat
from dataclasses import dataclass, field
from time import monotonic, time
from typing import Final

from wirespeak.contract import FileSlice
from wirespeak.http.coding import IDENTITY
from wirespeak.http.conditional import ETag, http_date
from wirespeak.http.fields import Fields
from wirespeak.http.media import compressible, media_type
from wirespeak.http.messages import Response
from wirespeak.http.static.beneath import OpenFile, open_beneath

__all__ = ["Entry", "Variant"]

# Up to here a file is kept in memory and sent from there, in one call together with its head; beyond, copying it would
# cost more than the calls that sendfile takes.
IN_MEMORY: Final = 64 << 10
# What keeping costs besides the content: an entry's objects and its encoded heads take some 3 KB, and its file is held open.
# It is put at more, so that the one bound on memory bounds the number of open files too (2,048 with 64 MB); and so is a
# large file that is sent from there, whose place on the disk is held though it was deleted (256).
ENTRY_WEIGHT: Final = 32 << 10
OPEN_WEIGHT: Final = 256 << 10

# A file written less than so many seconds ago may be written again with no trace in its time stamp (two seconds is the step
# of FAT, the coarsest in use): it is not kept, and its tag is a weak one (RFC 9110 8.8.1).
SETTLED: Final = 2.0
# Files beside the file are looked for this often, in seconds. They say the same as the file does, in fewer bytes, so one that
# is found late harms nobody; and once the file itself has changed, none is used that is older.
LOOK_AGAIN: Final = 1.0
# The path of a file is followed anew this often, in seconds: a link or folder on the way to it that was changed is noticed
# after so long at the latest. A change of the file itself is noticed with the next request.
FOLLOW_AGAIN: Final = 1.0
# What the system says of a file is taken to hold for this long, in seconds: less than it takes for an answer to reach a client,
# and for the client to change the file and ask again, so nobody can see a version older than one it knows of.
LOOK_HOLDS: Final = 50e-6
BESIDE: Final = {"br": ".br", "zstd": ".zst", "gzip": ".gz"}

# What a 304 need not repeat: it stands in the client's copy (RFC 9110 15.4.5).
NOT_REPEATED: Final = ("Content-Type", "Content-Encoding", "Last-Modified", "Accept-Ranges")


@dataclass(slots=True)
class Variant:
    """One representation of a file: its validators, and the responses that give it out or say that it is unchanged.

    ``content`` and ``whole`` are None while it is still to be compressed. ``made`` tells those that are compressed here.
    """

    coding: str
    size: int
    etag: ETag
    modified: int
    fields: Fields
    content: bytes | OpenFile | None = None
    whole: Response | None = None
    made: bool = False
    making: bool = False
    not_modified: Response | None = None

    @property
    def weight(self) -> int:
        """The bytes of memory it takes."""
        return OPEN_WEIGHT if isinstance(self.content, OpenFile) else len(self.content or b"")

    def fill(self, content: bytes | OpenFile) -> Response:
        """Set the content, and return the response that gives it out."""
        if isinstance(content, bytes):
            self.size = len(content)
        self.content = content
        self.whole = Response(200, self.fields, content if isinstance(content, bytes) else FileSlice(content, 0, self.size))
        return self.whole

    def unmodified(self) -> Response:
        """The response that says that the client's copy is good."""
        if self.not_modified is None:
            self.not_modified = Response(304, self.fields.without(*NOT_REPEATED))
        return self.not_modified


@dataclass(slots=True)
class Entry:
    """A file as it was when it was opened, with its variants by coding.

    ``ready`` is for the hot path: by the text of Accept-Encoding, the response to a request that asks for nothing special.
    """

    root: str
    names: tuple[str, ...]
    extra: list[tuple[str, str]]
    path: str
    file: OpenFile
    status: os.stat_result
    settled: bool
    media_type: str
    compressible: bool
    variants: dict[str, Variant] = field(default_factory=dict)
    ready: dict[str | None, Response] = field(default_factory=dict)
    look_again: float = math.inf
    looked_until: float = -math.inf
    follow_again: float = -math.inf
    # Of ``status``, for the hot path:
    changed: int = field(init=False)
    inode: int = field(init=False)
    device: int = field(init=False)
    fd: int = field(init=False)

    def __post_init__(self) -> None:
        self.fd = self.file.fileno()
        self.changed, self.inode, self.device = self.status.st_ctime_ns, self.status.st_ino, self.status.st_dev

    @classmethod
    def of(cls, root: str, names: tuple[str, ...], file: OpenFile, extra: list[tuple[str, str]]) -> Entry:
        """The entry of ``file``, that ``names`` led to from ``root``; ``extra`` are fields to send with it. May raise OSError."""
        kind = media_type(names[-1])
        path = os.path.join(root, *names)
        entry = cls(root, names, extra, path, file, file.status, _is_settled(file.status), kind, compressible(kind))
        entry._add_file(IDENTITY, file)
        entry.look_beside()
        return entry

    @property
    def weight(self) -> int:
        """The bytes of memory it takes."""
        return ENTRY_WEIGHT + sum(variant.weight for variant in self.variants.values())

    def unchanged(self, now: float) -> bool:
        """Whether the file is still the one that was opened, and nothing was written to it since.

        The open file is asked, which takes a third of the time of asking by its path. It tells of whatever was done to the
        file: written, replaced, renamed or removed, each sets the time of its last change. Only a folder above it that was
        moved, or a link on the way that leads elsewhere now, it doesn't know of: so once in a while its path is followed.
        """
        try:
            if now < self.follow_again:
                found = os.fstat(self.fd)
            else:
                found = os.stat(self.path)
                self.follow_again = now + FOLLOW_AGAIN
        except OSError:
            return False
        # The time of the last change of any kind (ctime) can't be set back, as that of the last writing can.
        if found.st_ctime_ns != self.changed or found.st_ino != self.inode or found.st_dev != self.device:
            return False
        self.looked_until = now + LOOK_HOLDS
        return True

    def look_beside(self) -> None:
        """Take in the compressed files beside the file: those that are no older than it."""
        if not self.compressible:
            return
        self.look_again = monotonic() + LOOK_AGAIN
        self.ready.clear()
        for coding, ending in BESIDE.items():
            there = self.variants.get(coding)
            if there is not None and not there.made:
                del self.variants[coding]
            try:
                if os.stat(self.path + ending).st_mtime_ns < self.status.st_mtime_ns:
                    continue
                file = open_beneath(self.root, (*self.names[:-1], self.names[-1] + ending))
                if stat.S_ISREG(file.status.st_mode) and file.status.st_mtime_ns >= self.status.st_mtime_ns:
                    self._add_file(coding, file)
            except OSError:
                continue  # none there, as a rule

    def to_make(self, coding: str) -> Variant:
        """The variant that is compressed here, made already or not.

        Its tag is a weak one: another version of the compressor makes other bytes of the same file.
        """
        variant = self.variants.get(coding)
        if variant is None:
            variant = self._variant(coding, self.status, made=True)
            self.variants[coding] = variant
        return variant

    def _add_file(self, coding: str, file: OpenFile) -> None:
        variant = self._variant(coding, file.status, made=False)
        variant.fill(file.read(0, variant.size) if variant.size <= IN_MEMORY else file)
        self.variants[coding] = variant

    def _variant(self, coding: str, source: os.stat_result, made: bool) -> Variant:
        # A tag of what changes with the content: the time of the last writing, to the nanosecond, and the length. Each coding
        # has a tag of its own (RFC 9110 8.8.3.3).
        suffix = "" if coding == IDENTITY else f"-{coding}"
        etag = ETag(f"{source.st_mtime_ns:x}-{source.st_size:x}{suffix}", weak=made or not _is_settled(source))
        # A time that is still to come would be no validator (RFC 9110 8.8.2.1).
        modified = math.floor(min(self.status.st_mtime, time()))
        pairs = [("Content-Type", self.media_type)]
        if coding != IDENTITY:
            pairs.append(("Content-Encoding", coding))
        pairs += [("Last-Modified", http_date(modified)), ("ETag", str(etag))]
        if not made:
            pairs.append(("Accept-Ranges", "bytes"))
        if self.compressible:
            pairs.append(("Vary", "Accept-Encoding"))
        fields = Fields(pairs + self.extra)
        return Variant(coding, source.st_size, etag, modified, fields, made=made)


def _is_settled(status: os.stat_result) -> bool:
    return time() - status.st_ctime >= SETTLED
