"""Where a run keeps its files, and how long it takes over each thing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bench.corpus import Site

__all__ = ["Place"]


@dataclass(slots=True, frozen=True)
class Place:
    """The run's throw-away folder with the site in it, and the size of the loads."""

    folder: Path
    site: Site
    warm_up: float = 1.0
    """Seconds of load before the clock starts."""
    messages: int = 1_000_000
    """Frames poured into a server in a round."""
    idle: int = 10_000
    """Idle connections held."""
    names: int = 10_000
    """Names of the zone that questions are asked about."""
    records: int = 1_000_000
    """Records of the zone that is loaded."""
