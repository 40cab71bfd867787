"""Registered channels and bans of the server: kept, changed, bounded, and there after a restart."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from tests.irc.office import Office, run
from tests.irc.talk import START, MemoryStore
from wirespeak.errors import Refused, StorageError
from wirespeak.irc.kept import Account, Ban
from wirespeak.irc.store import SqliteStore

# --- channels


def test_a_channel_is_there_after_a_restart() -> None:
    office = Office()
    office.registered("ann")
    channel = office.channel("#Lobby")
    assert office.again().channel("#LOBBY") == channel
    with pytest.raises(Refused, match="registered already"):
        office.channel("#lobby")
    run(office.accounts.drop_channel("#LOBBY"))
    assert office.accounts.channel("#lobby") is office.again().channel("#lobby") is None


def test_channels_are_bounded() -> None:
    office = Office(channels_each=2, most_channels=3)
    for name in ("ann", "bob", "eve"):
        office.registered(name)
    office.channel("#1")
    office.channel("#2")
    with pytest.raises(Refused, match="2 channels at most"):
        office.channel("#3")
    office.channel("#3", "bob")
    with pytest.raises(Refused, match="No more channels"):
        office.channel("#4", "eve")
    with pytest.raises(Refused, match="2 channels at most"):
        run(office.accounts.transfer("#3", office.accounts.get("ann")))  # type: ignore[arg-type]


def test_access_is_given_and_taken() -> None:
    office = Office(access_each=1)
    _, bob, eve = (office.registered(name) for name in ("ann", "bob", "eve"))
    office.channel("#c")
    assert run(office.accounts.set_access("#c", bob, "o")).access == {"bob": "o"}
    assert run(office.accounts.set_access("#c", bob, "v")).access == {"bob": "v"}
    with pytest.raises(Refused, match="1 entries at most"):
        run(office.accounts.set_access("#c", eve, "v"))
    assert office.again().channel("#c").access == {"bob": "v"}  # type: ignore[union-attr]
    assert run(office.accounts.set_access("#c", bob, "")).access == {}
    with pytest.raises(Refused, match="#d is not registered any more"):
        run(office.accounts.set_access("#d", bob, "o"))


def test_a_channel_goes_to_somebody_else() -> None:
    office = Office()
    _, bob = office.registered("ann"), office.registered("bob")
    office.channel("#c")
    run(office.accounts.set_access("#c", bob, "o"))
    channel = run(office.accounts.transfer("#c", bob))
    assert (channel.founder, channel.access) == ("bob", {})
    assert office.accounts.channels_of(bob) == [channel]


def test_changes_that_come_fast_are_written_once_and_the_last_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    office = Office(SqliteStore(tmp_path / "accounts"))
    office.registered("ann")
    office.channel("#c")
    commits: list[Any] = []
    commit = office.store.commit

    def counted(changes: Any) -> None:
        commits.append(changes)
        commit(changes)

    monkeypatch.setattr(office.store, "commit", counted)
    gate = threading.Event()
    office.store.start(lambda: gate.wait(20))  # the disk is busy
    for number in range(1000):
        office.accounts.keep("#c", topic=f"{number}")
    office.accounts.keep("#nowhere", topic="nothing")
    assert office.accounts.channel("#C").topic == "999"  # type: ignore[union-attr]  # at once
    gate.set()
    office.accounts.close()
    assert len(commits) == 1
    office.store = SqliteStore(tmp_path / "accounts")
    assert office.again().channel("#c").topic == "999"  # type: ignore[union-attr]
    office.store.close()


def test_a_change_that_the_disk_refused_is_written_with_the_next() -> None:
    office = Office()
    office.registered("ann")
    office.channel("#c")
    office.channel("#d")
    office.store.fault = StorageError("the disk is full")
    with pytest.raises(StorageError):
        office.accounts.keep("#c", topic="one")
    assert office.again().channel("#c").topic == ""  # type: ignore[union-attr]
    office.store.fault = None
    office.accounts.keep("#d", topic="two")
    assert [channel.topic for channel in office.again().channels()] == ["one", "two"]
    office.accounts.keep("#c", topic="three")
    assert office.again().channel("#c").topic == "three"  # type: ignore[union-attr]


# --- bans


def test_bans_are_kept_lifted_and_over() -> None:
    office = Office()
    stays, ends = Ban("K", "*@Evil.test", "spam", "ann", START), Ban("D", "192.0.2.0/24", "spam", "ann", START, START + 60)
    run(office.accounts.add_ban(stays))
    run(office.accounts.add_ban(ends))
    assert office.accounts.bans == office.again().bans == [stays, ends]
    office.clock.now += 60
    assert office.accounts.bans == [stays]
    assert run(office.accounts.remove_ban("K", "*@evil.TEST"))
    assert not run(office.accounts.remove_ban("K", "*@evil.test"))
    assert office.accounts.bans == office.again().bans == []


def test_bans_are_bounded_and_those_that_are_over_make_room() -> None:
    office = Office(most_bans=2)
    run(office.accounts.add_ban(Ban("K", "1", "", "ann", START, START + 60)))
    run(office.accounts.add_ban(Ban("K", "2", "", "ann", START)))
    with pytest.raises(Refused, match="2 bans already"):
        run(office.accounts.add_ban(Ban("K", "3", "", "ann", START)))
    run(office.accounts.add_ban(Ban("K", "2", "again", "ann", START)))
    office.clock.now += 60
    run(office.accounts.add_ban(Ban("K", "3", "", "ann", START)))
    assert [ban.mask for ban in office.again().bans] == ["2", "3"]


# --- what is kept


def test_what_a_later_version_adds_has_a_default_and_what_is_damaged_is_told() -> None:
    store = MemoryStore()
    store.kept["account", "ann"] = b'{"name": "ann", "keys": "", "created": 1, "later": true}'
    assert Office(store).accounts.all() == [Account("ann", "", 1.0)]
    store.kept["account", "bob"] = b'{"name": 5}'
    with pytest.raises(StorageError, match="damaged"):
        Office(store)


def test_a_kind_that_nobody_knows() -> None:
    store = MemoryStore()
    store.kept["cheese", "brie"] = b"{}"
    with pytest.raises(StorageError, match="'cheese'"):
        Office(store)


def test_no_key_comes_into_a_log() -> None:
    account = Office().registered("ann")
    assert repr(account) == "<Account ann>"
    assert account.keys not in str([account])
