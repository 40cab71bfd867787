"""Plain numbers of what a server has done."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirespeak.http.counters import BUCKETS, Counters


def test_connections() -> None:
    counters = Counters()
    for _ in range(3):
        counters.opened()
    counters.closed()
    assert (counters.open, counters.connections) == (2, 3)


def test_requests_by_status_and_bytes() -> None:
    counters = Counters()
    for status, sent in ((200, 1000), (200, 500), (206, 10), (304, 0), (404, 14)):
        counters.answered(status, sent, 0.001)
    assert counters.statuses == {200: 2, 206: 1, 304: 1, 404: 1}
    assert counters.by_class() == {"2xx": 3, "3xx": 1, "4xx": 1}
    assert counters.requests == 5
    assert counters.sent == 1524


def test_nothing_was_answered_yet() -> None:
    assert Counters().percentile(0.99) == 0
    assert Counters().by_class() == {}


def test_percentiles() -> None:
    counters = Counters()
    for milliseconds in range(1, 1001):
        counters.answered(200, 0, milliseconds / 1000)
    for share in (0.01, 0.5, 0.9, 0.99, 1.0):
        assert share * 0.999 <= counters.percentile(share) <= share * 1.092


@given(st.floats(0, 3600), st.lists(st.floats(0, 3600), max_size=20))
def test_a_percentile_is_at_most_9_percent_too_high(slowest: float, others: list[float]) -> None:
    counters = Counters()
    for seconds in (slowest, *(other for other in others if other <= slowest)):
        counters.answered(200, 0, seconds)
    assert slowest * 0.999999 <= counters.percentile(1.0) <= slowest * 1.091 + 1e-6


@pytest.mark.parametrize("seconds", [0, 1e-7, 86400, 1e9, 1e12])
def test_no_time_is_too_short_or_too_long(seconds: float) -> None:
    counters = Counters()
    counters.answered(200, 0, seconds)
    assert sum(counters.latencies) == 1
    assert len(counters.latencies) == BUCKETS


def test_as_data_is_json() -> None:
    counters = Counters()
    counters.opened()
    counters.answered(200, 5, 0.002)
    data = json.loads(json.dumps(counters.as_data()))
    assert data["connections"] == {"open": 1, "total": 1}
    assert data["requests"] == {"total": 1, "by_status": {"200": 1}}
    assert data["bytes"] == {"received": 0, "sent": 5}
    assert 2 <= data["latency_ms"]["p50"] <= 2.25
