"""What a server has done, as plain numbers.

Counting one exchange is a few additions; whatever has to be calculated, is when somebody asks. Pure: the times are
arguments.
"""

from __future__ import annotations

from collections import defaultdict
from math import log2
from typing import Any, Final

__all__ = ["Counters"]

# Times are counted in buckets, eight to each doubling, so that a percentile is told to within 9 %. The first begins at nothing
# and is a tenth of a microsecond wide; the last but one ends at 2^37 microseconds, a day and a half.
PARTS: Final = 8
BUCKETS: Final = 37 * PARTS + 1


class Counters:
    """Connections, exchanges by status code, bytes, and how long the answers took.

    `open`, `connections`, `received`, `sent`, `statuses` (code → number) may be read at any time; the server writes.
    """

    __slots__ = ("connections", "latencies", "open", "received", "sent", "statuses")

    def __init__(self) -> None:
        self.open = 0
        """Connections that stand now."""
        self.connections = 0
        """Connections there have been."""
        self.received = 0
        """Bytes of bodies that came."""
        self.sent = 0
        """Bytes of bodies that went."""
        self.statuses: defaultdict[int, int] = defaultdict(int)
        self.latencies = [0] * BUCKETS

    def opened(self) -> None:
        """A connection came about."""
        self.open += 1
        self.connections += 1

    def closed(self) -> None:
        """A connection is over."""
        self.open -= 1

    def answered(self, status: int, sent: int, seconds: float) -> None:
        """A request was answered with ``sent`` bytes of body, so many ``seconds`` after it came."""
        self.statuses[status] += 1
        self.sent += sent
        bucket = int(log2(seconds * 1_000_000 + 1) * PARTS)
        self.latencies[bucket if bucket < BUCKETS else -1] += 1

    @property
    def requests(self) -> int:
        """Requests answered."""
        return sum(self.statuses.values())

    def by_class(self) -> dict[str, int]:
        """The requests by the first digit of their status: ``{"2xx": 190, "4xx": 3}``."""
        classes: dict[str, int] = {}
        for status, count in sorted(self.statuses.items()):
            name = f"{status // 100}xx"
            classes[name] = classes.get(name, 0) + count
        return classes

    def percentile(self, share: float) -> float:
        """The seconds within which that ``share`` of all requests (0.5, 0.99) was answered, at most 9 % too high; 0 without any."""
        wanted = share * sum(self.latencies)
        seen = 0
        for bucket, count in enumerate(self.latencies):
            seen += count
            if count and seen >= wanted:
                return float(2 ** ((bucket + 1) / PARTS) - 1) / 1_000_000
        return 0.0

    def as_data(self) -> dict[str, Any]:
        """All of it, for JSON: times in milliseconds."""
        return {
            "connections": {"open": self.open, "total": self.connections},
            "requests": {"total": self.requests, "by_status": {str(status): count for status, count in sorted(self.statuses.items())}},
            "bytes": {"received": self.received, "sent": self.sent},
            "latency_ms": {
                name: round(self.percentile(share) * 1000, 3)
                for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999))
            },
        }
