"""The two generations: bounded, and what is used stays."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from wirespeak.generations import Generations


@dataclass
class Thing:
    weight: int


def test_what_was_put_is_found() -> None:
    cache: Generations[str, Thing] = Generations(100)
    thing = Thing(10)
    cache.put("a", thing)
    assert cache.get("a") is cache.young["a"] is thing
    assert cache.get("b") is None


def test_what_is_used_stays_and_what_is_not_goes() -> None:
    cache: Generations[str, Thing] = Generations(100)
    used, unused = Thing(10), Thing(10)
    cache.put("used", used)
    cache.put("unused", unused)
    for number in range(100):
        cache.put(str(number), Thing(10))
        assert cache.get("used") is used
    assert cache.get("unused") is None


def test_putting_in_place_of_another() -> None:
    cache: Generations[str, Thing] = Generations(100)
    for _ in range(50):
        cache.put("a", Thing(20))
    cache.put("b", Thing(20))
    assert len(cache) == 2
    cache.drop("a")
    assert cache.get("a") is None
    assert cache.get("b") is not None


def test_what_is_too_heavy_is_not_kept() -> None:
    cache: Generations[str, Thing] = Generations(100)
    cache.put("small", Thing(1))
    cache.put("big", Thing(51))
    assert cache.get("big") is None
    assert cache.get("small") is not None


@given(st.lists(st.tuples(st.sampled_from(["put", "get", "drop"]), st.integers(0, 15), st.integers(0, 60)), max_size=200))
def test_the_bound_holds_whatever_is_done(steps: list[tuple[str, int, int]]) -> None:
    cache: Generations[str, Thing] = Generations(100)
    last: dict[str, Thing] = {}
    for step, number, weight in steps:
        key = str(number)
        if step == "put":
            last[key] = Thing(weight)
            cache.put(key, last[key])
        elif step == "get":
            assert cache.get(key) in (None, last.get(key))
        else:
            cache.drop(key)
            assert cache.get(key) is None
        assert sum(thing.weight for thing in {**cache.young, **cache._old}.values()) <= 100
        assert sum(thing.weight for thing in cache.young.values()) == cache._weight
        assert not cache.young.keys() & cache._old.keys()
