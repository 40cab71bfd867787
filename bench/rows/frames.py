"""Frames: a million short messages sent to a server that sends each of them back."""

from __future__ import annotations

from bench import peers
from bench.loads import measured, pour
from bench.model import Promise, Row, Sample
from bench.peers import Server, started
from bench.rows.place import Place

__all__ = ["rows"]

CONNECTIONS = 4


def rows(place: Place) -> list[Row]:
    servers = [peers.wirespeak("frames", "serve"), peers.python_server("readexactly", "-m", "bench.asyncio_frames")]

    def measure(server: Server, seconds: float) -> Sample:
        # The work is counted, not timed: seconds do not matter here. A tenth of it warms the server up.
        with started(server, place.folder) as running:
            return measured(running, lambda share: pour(running, int(place.messages * share), CONNECTIONS), 0.1, 1.0)

    work = f"{place.messages:,} short messages, each sent back"
    return [Row("frames", "frames", work, "µs of CPU a message", servers, measure, [Promise("readexactly", 0.4, 0.33)])]
