"""The file of accounts: what was committed is there when it is opened again, and what it can't be is told."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
import threading
from pathlib import Path

import pytest

from wirespeak.errors import StorageError
from wirespeak.irc.store import SqliteStore

ROWS = [("account", "ann", b"1"), ("channel", "#c", b"2")]


def test_what_was_committed_is_there_when_it_is_opened_again(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "accounts")
    store.commit([*ROWS, ("ban", "K x", b"3")])
    store.commit([("account", "ann", b"4"), ("ban", "K x", None)])
    store.close()
    again = SqliteStore(tmp_path / "accounts")
    assert sorted(again.load()) == [("account", "ann", b"4"), ("channel", "#c", b"2")]
    again.close()


def test_it_is_there_though_nobody_closed_it(tmp_path: Path) -> None:
    """As after a crash: by a copy of the files as they are right behind a commit."""
    store = SqliteStore(tmp_path / "accounts")
    store.commit(ROWS)
    (tmp_path / "copy").mkdir()
    for file in tmp_path.glob("accounts*"):
        (tmp_path / "copy" / file.name).write_bytes(file.read_bytes())
        (tmp_path / "copy" / file.name).chmod(0o600)
    copy = SqliteStore(tmp_path / "copy" / "accounts")
    assert sorted(copy.load()) == ROWS
    copy.close()
    store.close()


def test_each_commit_is_synced(tmp_path: Path) -> None:
    """What SQLite must be told for a commit to outlive a power cut (its documentation: PRAGMA synchronous, in WAL mode)."""
    store = SqliteStore(tmp_path / "accounts")
    assert store._database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert store._database.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
    store.close()


def test_all_of_a_commit_or_nothing(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "accounts")
    store.commit(ROWS)
    with pytest.raises(StorageError):
        store.commit([("account", "bob", b"5"), ("account", "eve", object())])  # type: ignore[list-item]
    store.commit([("account", "joe", b"6")])
    assert sorted(store.load()) == [("account", "ann", b"1"), ("account", "joe", b"6"), ("channel", "#c", b"2")]
    store.close()


def test_it_is_its_owners_alone(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "deep" / "accounts")
    store.commit(ROWS)
    files = list((tmp_path / "deep").iterdir())
    assert len(files) == 2  # with the log of changes
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    store.close()
    (tmp_path / "deep" / "accounts").chmod(0o640)
    with pytest.raises(StorageError, match=r"mode 0640.*chmod 600"):
        SqliteStore(tmp_path / "deep" / "accounts")


def test_it_is_one_servers_alone(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "accounts")
    with pytest.raises(StorageError, match="another server's"):
        SqliteStore(tmp_path / "accounts")
    store.commit(ROWS)
    store.close()


def test_a_file_that_is_something_else(tmp_path: Path) -> None:
    (tmp_path / "accounts").write_bytes(b"Dear diary, " * 1000)
    (tmp_path / "accounts").chmod(0o600)
    with pytest.raises(StorageError, match="can't be read: file is not a database"):
        SqliteStore(tmp_path / "accounts")


def test_a_file_of_another_version(tmp_path: Path) -> None:
    SqliteStore(tmp_path / "accounts").close()
    with sqlite3.connect(tmp_path / "accounts") as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(StorageError, match="another version"):
        SqliteStore(tmp_path / "accounts")


def test_a_folder_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "accounts").mkdir()
    with pytest.raises(StorageError, match="Is a directory"):
        SqliteStore(tmp_path / "accounts")


def test_without_a_file_all_is_in_memory() -> None:
    store = SqliteStore()
    store.commit(ROWS)
    assert sorted(store.load()) == ROWS
    store.close()


def test_work_is_done_in_one_thread_in_order() -> None:
    store = SqliteStore()
    done: list[tuple[int, str]] = []

    def work(number: int) -> None:
        done.append((number, threading.current_thread().name))

    async def main() -> None:
        await asyncio.gather(*(store.run(work, number) for number in range(20)))
        assert await store.hash(lambda: threading.current_thread().name) != threading.current_thread().name

    asyncio.run(main())
    assert [number for number, _ in done] == list(range(20))
    assert len({name for _, name in done}) == 1
    assert done[0][1] != threading.current_thread().name
    store.close()


def test_what_nobody_waits_for_is_done_before_the_end(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "accounts")
    for number in range(10):
        store.start(lambda number=number: store.commit([("account", f"{number}", b"")]))  # type: ignore[misc]
    store.close()
    again = SqliteStore(tmp_path / "accounts")
    assert len(again.load()) == 10
    again.close()


def test_what_nobody_waits_for_and_fails_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    store = SqliteStore()

    def fail() -> None:
        raise StorageError("the disk is full")

    store.start(fail)
    store.close()
    assert caplog.messages == ["the disk is full"]
