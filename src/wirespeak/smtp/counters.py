"""What a mail server has done so far, in numbers: cheap to keep, read when somebody asks. Pure: touches nothing outside."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

__all__ = ["Counters"]


class Counters:
    """Connections, mails and what came of them. May be read at any time; the server writes."""

    __slots__ = ("connections", "logins", "mails", "open", "received", "recipients", "refused")

    def __init__(self) -> None:
        self.open = 0
        """Connections that stand now."""
        self.connections = 0
        """Connections there have been."""
        self.logins = 0
        """Times that somebody logged in."""
        self.mails = 0
        """Mails taken, and answered so."""
        self.recipients = 0
        """Their recipients."""
        self.received = 0
        """Their bytes."""
        self.refused: defaultdict[str, defaultdict[int, int]] = defaultdict(lambda: defaultdict(int))
        """What was refused: the step (connect, hello, auth, sender, recipient, data) → the reply's code → how often."""

    def opened(self) -> None:
        """A connection came about."""
        self.open += 1
        self.connections += 1

    def closed(self) -> None:
        """A connection is over."""
        self.open -= 1

    def taken(self, recipients: int, size: int) -> None:
        """A mail of ``size`` bytes was taken for so many."""
        self.mails += 1
        self.recipients += recipients
        self.received += size

    def as_data(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return {
            "connections": {"open": self.open, "total": self.connections},
            "logins": self.logins,
            "mails": {"total": self.mails, "recipients": self.recipients},
            "refused": {step: {str(code): count for code, count in sorted(codes.items())} for step, codes in sorted(self.refused.items())},
            "bytes": {"received": self.received},
        }
