"""A mail in an inbox: what lists show of it, and, read when it is asked for, what is in it.

Touches the mail's file.
"""

from __future__ import annotations

import email
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

from wirespeak.errors import StorageError
from wirespeak.smtp.inbox.content import Attachment, Content, read_content
from wirespeak.smtp.inbox.envelope import Envelope, Line, read_envelope
from wirespeak.smtp.inbox.maildirs import Place, locate

__all__ = ["Mail", "Mails"]


@dataclass(slots=True)
class Mail:
    """A mail. What is read from its file raises `StorageError` once that is gone."""

    id: str
    """What to call it: as the client was told, where our own delivery took the mail; else made of where it lies."""
    folder: str
    """The Maildir that it lies in, as of ``home.test/alice``; "" where there is but one."""
    name: str
    received: float
    """When it came, in seconds since 1970."""
    size: int
    sender: str
    """Of the envelope; "" for the empty path of reports, and where no envelope is known."""
    recipients: tuple[str, ...]
    """Of the envelope; where none is known, whose Maildir it is, or of the header."""
    author: str
    """Its From."""
    to: str
    """Its To and Cc."""
    subject: str
    attached: int
    """Its attachments, as far as they begin in its first 2 MB."""
    root: Path = field(repr=False)
    read: Content | None = field(default=None, repr=False, compare=False)

    @property
    def place(self) -> Place:
        return self.folder, self.name

    @property
    def path(self) -> Path:
        """Its file, wherever a mail program may have moved it."""
        found = locate(self.root, self.place)
        if found is None:
            raise StorageError(f"the mail {self.id} is gone")
        return found

    @property
    def raw(self) -> bytes:
        """All of its bytes, as they are kept."""
        path = self.path
        try:
            return path.read_bytes()
        except OSError as error:
            raise StorageError(error.errno, f"the mail {self.id} can't be read: {error.strerror}") from None

    @property
    def content(self) -> Content:
        """What is in it, decoded; read once."""
        if self.read is None:
            self.read = read_content(self.raw)
        return self.read

    @property
    def headers(self) -> list[tuple[str, str]]:
        return self.content.headers

    def header(self, name: str) -> str:
        """The first header ``name``, decoded; "" where there is none."""
        return self.content.header(name)

    @property
    def text(self) -> str:
        """Its plain text, or what is left of its HTML without the markup."""
        return self.content.text

    @property
    def html(self) -> str:
        return self.content.html

    @property
    def attachments(self) -> list[Attachment]:
        return self.content.attachments

    @property
    def message(self) -> EmailMessage:
        """The mail as the standard library has it."""
        return email.message_from_bytes(self.raw, policy=default)

    @property
    def envelope(self) -> Envelope | None:
        """Who brought it, and how; None for one that was not caught."""
        return read_envelope(self.root / self.folder, self.id)

    @property
    def transcript(self) -> list[Line]:
        """What was said when it came; nothing for one that was not caught."""
        envelope = self.envelope
        return [] if envelope is None else envelope.transcript


Mails = list[Mail]
