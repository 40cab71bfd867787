"""What is known of a caught mail beside its bytes: the envelope, who brought it, and what was said.

It lies in the mail's Maildir as ``envelopes/ID.json``, where mail programs don't look; the mail's file bears the id in its name
(``delivery/maildir.py``), so that one finds the other wherever a mail program moves it. The envelope, and not the mail's header,
says to whom a mail goes (RFC 5321 2.3.1): blind copies stand in it alone.

Touches these files.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from wirespeak.errors import StorageError

__all__ = ["ENVELOPES", "Envelope", "Line", "id_in", "keep_envelope", "make_room", "read_envelope", "remove_envelope", "remove_orphans"]

ENVELOPES: Final = "envelopes"
"""The folder in a Maildir that they lie in."""

# The names that our delivery gives to files: time, process, count, and our name for the mail.
NAME: Final = re.compile(r"[0-9]+\.M[0-9]+P[0-9]+Q[0-9]+-([0-9A-Za-z]+)\.")

# Seconds after which an envelope without its mail is taken for what a crash has left behind.
ORPHANED: Final = 3600.0


@dataclass(slots=True, frozen=True)
class Line:
    """A line of the conversation: ``at`` so many seconds after its begin; ``by`` "client" or "server", or "" for what is told of it."""

    at: float
    by: str
    text: str


@dataclass(slots=True)
class Envelope:
    """A caught mail's transaction. ``sender`` is "" for the empty path of reports; times are seconds since 1970."""

    id: str
    sender: str
    recipients: list[str]
    peer: str = ""
    """The client's address."""
    local: str = ""
    hello: str = ""
    protocol: str = "SMTP"
    """SMTP, ESMTP, LMTP, with an S for TLS and an A for a login behind it (RFC 3848)."""
    tls: str = ""
    """TLS version and cipher; "" in clear."""
    user: str = ""
    received_at: float = 0.0
    """When MAIL came."""
    kept_at: float = 0.0
    """When the mail was whole."""
    size: int = 0
    transcript: list[Line] = field(default_factory=list)


def id_in(name: str) -> str:
    """The id of a mail that our own delivery has put into a file called ``name``; "" for another's."""
    match = NAME.match(name)
    return match[1] if match else ""


def make_room(folder: Path) -> None:
    """Make the Maildir ``folder``'s place for envelopes, where it is missing. Raises `StorageError`."""
    try:
        (folder / ENVELOPES).mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(error.errno, f"{folder / ENVELOPES} can't be made: {error.strerror}") from None


def keep_envelope(folder: Path, envelope: Envelope) -> None:
    """Write an envelope into the Maildir ``folder``, so that it is there after a power cut.

    There has to be room for it (`make_room`). Raises `StorageError`.
    """
    kept = folder / ENVELOPES
    file, fresh = kept / f"{envelope.id}.json", kept / f"{envelope.id}.new"
    try:
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
            out.write(msgspec.json.encode(envelope))
            out.flush()
            os.fsync(out.fileno())
        os.rename(fresh, file)
        descriptor = os.open(kept, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)  # of the file's name
        finally:
            os.close(descriptor)
    except OSError as error:
        raise StorageError(error.errno, f"{kept} can't be written: {error.strerror}") from None


def read_envelope(folder: Path, id: str) -> Envelope | None:
    """The envelope of the mail ``id`` in ``folder``; None where none was kept, as of mails that were not caught."""
    try:
        return msgspec.json.decode((folder / ENVELOPES / f"{id}.json").read_bytes(), type=Envelope) if id else None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None


def remove_envelope(folder: Path, id: str) -> None:
    """Remove it, if there is one."""
    with contextlib.suppress(OSError):
        (folder / ENVELOPES / f"{id}.json").unlink()


def remove_orphans(folder: Path, ids: set[str]) -> None:
    """Remove the envelopes of mails that are not, or no longer, in ``folder``, where those with ``ids`` are."""
    try:
        with os.scandir(folder / ENVELOPES) as entries:
            for entry in entries:
                if entry.name.rpartition(".")[0] not in ids and entry.stat().st_mtime < time.time() - ORPHANED:
                    os.unlink(entry.path)
    except OSError:
        return  # none are there, or they are somebody else's
