"""What is measured and what came of it. Values only; it touches nothing outside.

`Row` is a line of DESIGN's table as code; `Results` is what a run leaves behind, and all that report.py needs.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field

from bench.peers import Server

__all__ = ["OURS", "Measured", "Promise", "Results", "Row", "Sample", "Spread"]

OURS = "wirespeak"


@dataclass(slots=True, frozen=True)
class Promise:
    """What wirespeak promises: at most ``must`` (a release needs it), and in the end ``aim``.

    Against a ``peer`` both are ratios of wirespeak's figure to the peer's; without one they are the figure itself.
    """

    peer: str | None
    must: float
    aim: float


@dataclass(slots=True)
class Sample:
    """One server measured in one round."""

    figure: float
    """The row's figure, of which less is better: microseconds of CPU a unit, or KiB a connection."""
    rate: float = 0.0
    """Units of work a second of wall-clock time."""
    p50: float = 0.0
    p99: float = 0.0
    """Latency in milliseconds as the load saw it; 0 where it does not look."""
    busy: float = 0.0
    """CPU seconds a second: near 1 when the server, not the load, set the pace."""
    others: float = 0.0
    """The share of the server's core that went to other processes meanwhile: what may have disturbed it."""
    system: float = 0.0
    """The share of the server's CPU time that was the kernel's."""
    resident: int = 0
    """Bytes of main memory at the end."""


@dataclass(slots=True)
class Row:
    """One kind of work, the servers that do it, and how one of them is measured once."""

    key: str
    protocol: str
    work: str
    unit: str
    """What the figure says, for example "µs of CPU a request"."""
    servers: list[Server]
    measure: Callable[[Server, float], Sample]
    """Given a server and the seconds to measure for, starts it, loads it and ends it."""
    promises: list[Promise] = field(default_factory=list)
    most_rounds: int = 100
    """More are of no use: memory does not vary as time does."""
    head: Callable[[Server], str] | None = None
    """Fetches one answer's head, so that a reader can see that the servers do the same work."""


@dataclass(slots=True, frozen=True)
class Spread:
    """The middle of several rounds, and the least and the most of them."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: list[float]) -> Spread:
        return cls(statistics.median(values), min(values), max(values))


@dataclass(slots=True)
class Measured:
    """A row with its samples: for each server one a round, in the order of the rounds."""

    protocol: str
    work: str
    unit: str
    when: str
    promises: list[Promise]
    samples: dict[str, list[Sample]]
    heads: dict[str, str] = field(default_factory=dict)

    def figure(self, server: str) -> Spread:
        return Spread.of([sample.figure for sample in self.samples[server]])

    def against(self, peer: str | None) -> Spread | None:
        """wirespeak's figure over the peer's, round by round; the figure itself without a peer; None if one is missing.

        Both were measured next to each other in a round, so what slowed the machine then slowed both.
        """
        ours = self.samples.get(OURS)
        if not ours or (peer is not None and peer not in self.samples):
            return None
        if peer is None:
            return self.figure(OURS)
        return Spread.of([mine.figure / theirs.figure for mine, theirs in zip(ours, self.samples[peer], strict=True)])


@dataclass(slots=True)
class Results:
    """What a run leaves behind. Rows measured anew take the place of what an earlier run found."""

    machine: dict[str, str] = field(default_factory=dict)
    rows: dict[str, Measured] = field(default_factory=dict)
