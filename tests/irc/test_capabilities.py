"""The table of capabilities."""

from __future__ import annotations

from tests.irc.talk import Net
from wirespeak.irc import capabilities
from wirespeak.irc.capabilities import ACCOUNT_TAG, MESSAGE_TAGS, MULTI_PREFIX, NO_IMPLICIT_NAMES, SERVER_TIME, TABLE, TAG_MASK


def test_each_capability_is_one_bit_of_its_own() -> None:
    rows = list(TABLE.values())
    assert all(row.bit.bit_count() == 1 for row in rows)
    assert len({row.bit for row in rows}) == len(rows)


def test_those_that_change_every_line_are_the_lowest_bits() -> None:
    assert SERVER_TIME | MESSAGE_TAGS | ACCOUNT_TAG == TAG_MASK


def test_the_names_of_what_somebody_has() -> None:
    assert set(capabilities.names(MULTI_PREFIX | SERVER_TIME)) == {"multi-prefix", "server-time"}
    assert capabilities.names(0) == []


def test_one_that_has_two_names_is_told_by_the_one_that_was_asked_for() -> None:
    draft = "draft/no-implicit-names"
    assert capabilities.names(TABLE[draft].bit) == [draft]
    assert capabilities.names(NO_IMPLICIT_NAMES) == ["no-implicit-names", draft]
    ann = Net().join("ann", caps=draft)
    assert ann.asks("CAP LIST") == [f":irc.home.test CAP ann LIST :cap-notify {draft}"]
    ann.says(f"CAP REQ :no-implicit-names -{draft}")
    ann.heard()
    assert ann.asks("CAP LIST") == [":irc.home.test CAP ann LIST :cap-notify no-implicit-names"]
