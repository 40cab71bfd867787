"""The whole family of errors, on one page.

    WirespeakError
    ├── LocalProtocolError        our own caller asked for what the protocol forbids; nothing was written
    ├── RemoteProtocolError       the peer broke the protocol; says where, and which clause
    │   └── IncompleteMessage     the stream ended inside a message
    ├── Refused                   the peer understood, and said no
    ├── LimitExceeded             a bound of ours was reached (a body, a redirect chain, a decompressed size)
    ├── AddressError              a text that is no address
    ├── TextError                 a text that can't be read as what it should be (a name, a record, a zone file)
    ├── TLSError                  a handshake failed, or a certificate was not to be trusted
    ├── ConnectError              no connection came about
    │   └── HostNotFound          the host has no address
    ├── ConnectionLost            a connection that stood was cut off
    ├── StorageError              a file or folder of our own failed (full disk, no permission, damaged)
    ├── ListenError               an address could not be listened on (taken, not ours, not allowed)
    └── TimeoutError              a time limit passed

One class for each failure that a caller would tell apart. A message says what happened, what was expected, and
what to do. Those with a namesake in the standard library inherit from it too, so that ``except TimeoutError``
written with the built-in name also catches ours.
"""

from __future__ import annotations

import builtins
from typing import Any

__all__ = [
    "AddressError",
    "ConnectError",
    "ConnectionLost",
    "HostNotFound",
    "IncompleteMessage",
    "LimitExceeded",
    "ListenError",
    "LocalProtocolError",
    "Refused",
    "RemoteProtocolError",
    "StorageError",
    "TLSError",
    "TextError",
    "TimeoutError",
    "WirespeakError",
]


class WirespeakError(Exception):
    """The root: ``except WirespeakError`` catches whatever this project raises on purpose."""

    def __str__(self) -> str:
        """The message alone, also of those that inherit from OSError and have a number (``errno``) in front."""
        return str(self.args[-1]) if self.args else ""


class LocalProtocolError(WirespeakError):
    """Our own caller asked for what the protocol forbids: a line break in a field, a body after its end.

    Raised before a byte is written, so the conversation is unharmed.
    """


class RemoteProtocolError(WirespeakError):
    """The peer broke the protocol.

    ``code`` is the reply a server answers with (an HTTP status, an SMTP reply code; 0 where the protocol has none), and
    ``enhanced`` what SMTP says beside it ("5.1.3", RFC 3463);
    ``offset`` counts the bytes from the start of the offending message to the fault, or is None where the fault is
    in the whole; ``clause`` names the rule that was broken, as in "RFC 9112 6.1".
    """

    def __init__(self, message: str, *, code: int = 0, offset: int | None = None, clause: str = "", enhanced: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.enhanced = enhanced
        self.offset = offset
        self.clause = clause

    def __str__(self) -> str:
        where = "" if self.offset is None else f"byte {self.offset}"
        told = ", ".join(filter(None, (where, self.clause)))
        return f"{self.args[0]} ({told})" if told else str(self.args[0])


class IncompleteMessage(RemoteProtocolError):
    """The stream ended inside a message: what came is not the whole, and is never passed off as the whole."""


class Refused(WirespeakError):
    """The peer understood, and said no; or it said beforehand that it doesn't take what was wanted.

    ``reply`` is what it said, as its protocol has it; None where it wasn't asked. ``report`` says what became of each, where
    more than one thing was asked for at once (the recipients of a mail); else it is None.
    """

    def __init__(self, message: str, *, reply: Any = None, report: Any = None) -> None:
        super().__init__(message)
        self.reply = reply
        self.report = report


class LimitExceeded(WirespeakError):
    """One of our own bounds was reached; the message names the bound and how to raise it."""


class AddressError(WirespeakError, ValueError):
    """A text that is no address, or no port."""


class TextError(WirespeakError, ValueError):
    """A text that can't be read as what it should be: a domain name, a record, a zone file.

    ``line`` and ``column``, counted from 1, say where, and ``file`` in which file, as far as they are known.
    """

    def __init__(self, message: str, *, file: str = "", line: int = 0, column: int = 0) -> None:
        super().__init__(message)
        self.file = file
        self.line = line
        self.column = column

    def __str__(self) -> str:
        where = ":".join(filter(None, (self.file, str(self.line or ""), str(self.column or ""))))
        return f"{where}: {self.args[0]}" if where else str(self.args[0])


class TLSError(WirespeakError):
    """A TLS handshake failed, or the peer's certificate was not to be trusted."""


class ConnectError(WirespeakError, ConnectionError):
    """No connection came about; where several addresses were tried, the message tells of each."""


class HostNotFound(ConnectError):
    """The host has no address: its name does not exist, or could not be looked up."""


class ConnectionLost(WirespeakError, ConnectionError):
    """A connection that stood was cut off: reset by the peer, or closed in mid-conversation."""


class StorageError(WirespeakError, OSError):
    """A file or folder of our own failed: the disk is full, it may not be read, or it is damaged."""


class ListenError(WirespeakError, OSError):
    """An address could not be listened on: taken by another program, not of this machine, or not allowed."""


class TimeoutError(WirespeakError, builtins.TimeoutError):
    """A time limit passed; the message says which, and how long it was."""
