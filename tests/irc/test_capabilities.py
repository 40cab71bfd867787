"""The table of capabilities."""

from __future__ import annotations

from wirespeak.irc import capabilities
from wirespeak.irc.capabilities import ACCOUNT_TAG, MESSAGE_TAGS, MULTI_PREFIX, NO_IMPLICIT_NAMES, SERVER_TIME, TABLE, TAG_MASK


def test_each_capability_is_one_bit_of_its_own() -> None:
    rows = [row for row in TABLE.values() if not row.name.startswith("draft/no-implicit")]
    assert all(row.bit.bit_count() == 1 for row in rows)
    assert len({row.bit for row in rows}) == len(rows)


def test_those_that_change_every_line_are_the_lowest_bits() -> None:
    assert SERVER_TIME | MESSAGE_TAGS | ACCOUNT_TAG == TAG_MASK


def test_the_names_of_what_somebody_has() -> None:
    assert set(capabilities.names(MULTI_PREFIX | SERVER_TIME)) == {"multi-prefix", "server-time"}
    assert capabilities.names(0) == []


def test_one_that_has_two_names_is_told_by_the_one_that_it_has_today() -> None:
    assert capabilities.names(NO_IMPLICIT_NAMES) == ["no-implicit-names"]
