"""What a server has done so far, in numbers. May be read at any time; the server writes. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Counters"]


@dataclass(slots=True)
class Counters:
    """The figures of a server, since it started; STATS tells some of them."""

    open: int = 0
    """Connections that stand now, registered or not."""
    connections: int = 0
    """Connections there have been."""
    users: int = 0
    """Of those that stand, the registered ones."""
    most_users: int = 0
    """The most that were registered at the same time."""
    logins: int = 0
    """Times that somebody logged in by SASL."""
    refused: Counter[str] = field(default_factory=Counter)
    """Connections that were turned away, by why."""
    commands: Counter[str] = field(default_factory=Counter)
    """Commands that were carried out, by name."""

    def as_data(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return {
            "connections": {"open": self.open, "total": self.connections},
            "users": {"now": self.users, "most": self.most_users},
            "logins": self.logins,
            "refused": dict(sorted(self.refused.items())),
            "commands": dict(sorted(self.commands.items())),
        }
