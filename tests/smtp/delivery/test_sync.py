"""What was delivered is there after a power cut, and what the disk refuses leaves nothing behind."""

from __future__ import annotations

import asyncio
import errno
import os
import select
import threading
from pathlib import Path

import pytest

from tests.smtp.delivery.disk import Disk
from tests.smtp.delivery.mails import MAIL, delivered, hand_over, transaction
from tests.smtp.delivery.test_maildir import LARGE
from tests.sockets.serving import read_line, served, until
from wirespeak.errors import StorageError
from wirespeak.smtp.delivery import maildir
from wirespeak.smtp.delivery.maildir import Maildir
from wirespeak.smtp.recipients import Everyone
from wirespeak.smtp.server import SmtpServer

TWO = ("bob@home.test", "eve@home.test")


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Disk:
    monkeypatch.setattr(maildir.SWEEPER, "start", lambda *_: None)  # its calls would come at any time
    return Disk(tmp_path, monkeypatch)


def text(pieces: list[bytes]) -> bytes:
    return b"".join(pieces).replace(b"\r\n", b"\n")


@pytest.mark.parametrize("pieces", [[MAIL], LARGE])
@pytest.mark.parametrize("recipients", [TWO[:1], TWO])
def test_a_delivered_mail_outlives_a_power_cut(disk: Disk, pieces: list[bytes], recipients: tuple[str, ...]) -> None:
    delivered(Maildir(disk.folder), transaction(*recipients), pieces)
    left = disk.after_power_cut()
    assert sorted(os.path.dirname(path) for path in left) == [f"home.test/{name[:3]}/new" for name in recipients]
    assert all(content.endswith(b"\n" + text(pieces)) for content in left.values())


@pytest.mark.parametrize("pieces", [[MAIL], LARGE])
def test_at_no_moment_would_a_power_cut_leave_half_a_mail_in_new(disk: Disk, pieces: list[bytes]) -> None:
    seen = []

    def look() -> None:
        left = {path: content for path, content in disk.after_power_cut().items() if "/new/" in path}
        assert all(content.endswith(b"\n" + text(pieces)) for content in left.values())
        seen.append(len(left))

    disk.after_each = look
    delivered(Maildir(disk.folder), transaction(*TWO), pieces)
    assert seen[-1] == 2


def test_the_order_of_calls(disk: Disk) -> None:
    box = Maildir(disk.folder)
    delivered(box, transaction("bob@home.test"))
    del disk.calls[:]
    delivered(box, transaction("bob@home.test"))
    names = [(name, os.path.dirname(path) if path.endswith(".localhost") else path) for name, path in disk.calls]
    bob = "home.test/bob"
    assert names == [
        ("open", f"{bob}/tmp"),
        ("write", f"{bob}/tmp"),
        ("fsync", f"{bob}/tmp"),
        ("rename", f"{bob}/tmp"),
        ("open", f"{bob}/new"),
        ("fsync", f"{bob}/new"),
    ]


def test_mails_of_a_moment_share_the_sync_of_a_folder(disk: Disk) -> None:
    async def main() -> None:
        box = Maildir(disk.folder)
        await hand_over(box, transaction("bob@home.test"))
        del disk.calls[:]
        await asyncio.gather(*(hand_over(box, transaction("bob@home.test")) for _ in range(50)))

    asyncio.run(main())
    calls = [name if path != "home.test/bob/new" else f"{name} new" for name, path in disk.calls]
    assert calls.count("rename") == calls.count("fsync") == 50  # each file's own
    assert calls.count("fsync new") == 1
    # Step by step for all of them: the folder is synced once the last has its name, and the first gets its name once all are synced.
    assert calls.index("rename") > max(number for number, call in enumerate(calls) if call == "fsync")
    assert calls.index("fsync new") > max(number for number, call in enumerate(calls) if call == "rename")


def test_maildirs_that_are_made_in_a_moment_share_the_sync_of_what_is_above_them(disk: Disk) -> None:
    async def main() -> None:
        box = Maildir(disk.folder)
        await asyncio.gather(*(hand_over(box, transaction(f"u{number}@home.test")) for number in range(20)))

    asyncio.run(main())
    synced = [path for name, path in disk.calls if name == "fsync"]
    assert synced.count(".") == synced.count("home.test") == 1
    assert len(disk.after_power_cut()) == 20


def test_a_maildir_stays_though_who_made_it_was_killed_before_it_was_synced(disk: Disk) -> None:
    for name in ("tmp", "new", "cur"):
        (disk.folder / "home.test" / "bob" / name).mkdir(parents=True)
    assert not disk.after_power_cut()
    delivered(Maildir(disk.folder), transaction("bob@home.test"))
    assert len(disk.after_power_cut()) == 1


def test_a_large_mails_sync_keeps_no_small_one_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow, real = threading.Event(), os.fsync

    def fsync(fd: int) -> None:
        if os.fstat(fd).st_size > 100_000:
            assert slow.wait(20)
        real(fd)

    monkeypatch.setattr(os, "fsync", fsync)

    async def main() -> None:
        box = Maildir(tmp_path)
        large = asyncio.create_task(hand_over(box, transaction("bob@home.test"), LARGE))
        for _ in range(20):
            await asyncio.wait_for(hand_over(box, transaction("bob@home.test")), 20)
        assert not large.done()
        slow.set()
        await large

    asyncio.run(main())


# --- a disk that is full


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("pieces", [[MAIL], LARGE])
@pytest.mark.parametrize("recipients", [TWO[:1], TWO])
def test_a_disk_that_fails_in_any_call_is_told_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recipients: tuple[str, ...], pieces: list[bytes], error: int
) -> None:
    monkeypatch.setattr(maildir.SWEEPER, "start", lambda *_: None)
    number = 0
    while True:
        folder = tmp_path / str(number)
        folder.mkdir()
        open_before = len(os.listdir("/proc/self/fd"))
        told: StorageError | None = None
        with monkeypatch.context() as patch:
            disk = Disk(folder, patch)
            disk.error = error
            disk.fail_at = number
            try:
                replies = delivered(Maildir(folder), transaction(*recipients), pieces)
            except StorageError as failed:
                told = failed
            if told is None:
                break
            until(lambda disk=disk: not disk.files())  # type: ignore[misc]
            until(lambda before=open_before: len(os.listdir("/proc/self/fd")) <= before)  # type: ignore[misc]
        assert told.errno == error
        number += 1
    assert len(disk.calls) == number > 10, "a call failed, and nobody was told"
    assert replies == ["250 2.0.0 Ok"] * len(recipients)


def test_over_lmtp_a_file_that_could_not_be_synced_fails_all_its_links(disk: Disk) -> None:
    box = Maildir(disk.folder)
    delivered(box, transaction(*TWO, lmtp=True))
    before, made = disk.files(), len(disk.calls)
    disk.fail_at = made + 3  # open, write, link, fsync
    assert delivered(box, transaction(*TWO, lmtp=True)) == ["452 4.3.1 Insufficient system storage"] * 2
    assert disk.calls[made + 3][0] == "fsync"
    assert disk.files() == before


def test_after_a_full_disk_mail_goes_on(disk: Disk) -> None:
    box = Maildir(disk.folder)
    delivered(box, transaction("bob@home.test"))
    disk.fail_at = len(disk.calls) + 1
    with pytest.raises(StorageError, match="No space left on device"):
        delivered(box, transaction("bob@home.test"))
    assert delivered(box, transaction("bob@home.test")) == ["250 2.0.0 Ok"]
    assert len(disk.files()) == 2


def test_one_mails_full_folder_is_not_its_neighbours_matter(disk: Disk) -> None:
    async def main() -> list[object]:
        box = Maildir(disk.folder)
        for name in TWO:
            await hand_over(box, transaction(name))
        real = os.rename

        def rename(path: str, to: str) -> None:
            if "/bob/" in path:
                raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))
            real(path, to)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "rename", rename)
            mails = [transaction(name) for name in TWO * 5]
            return list(await asyncio.gather(*(hand_over(box, mail) for mail in mails), return_exceptions=True))

    results = asyncio.run(main())
    assert [isinstance(result, StorageError) for result in results] == [True, False] * 5
    assert len([path for path in disk.files() if "/eve/new/" in path]) == 6
    assert len([path for path in disk.files() if "/bob/" in path]) == 1


# --- the whole server


@pytest.mark.parametrize("pieces", [[MAIL], LARGE])
def test_the_answer_comes_when_nothing_is_left_to_be_synced(disk: Disk, pieces: list[bytes]) -> None:
    """At each call that changes a file the client looks whether it has an answer already."""
    early: list[tuple[str, str]] = []
    with served(SmtpServer(Everyone(Maildir(disk.folder)))) as server, server.connect() as sock:
        assert read_line(sock).startswith("220")
        sock.sendall(b"HELO away.test\r\nMAIL FROM:<ann@away.test>\r\nRCPT TO:<bob@home.test>\r\nRCPT TO:<eve@home.test>\r\nDATA\r\n")
        assert [read_line(sock)[:3] for _ in range(5)] == ["250", "250", "250", "250", "354"]
        read = threading.Event()

        def look() -> None:
            if read.is_set() or select.select([sock], [], [], 0)[0]:
                early.append(disk.calls[-1])

        disk.after_each = look
        sock.sendall(b"".join(pieces).replace(b"\r\n.", b"\r\n..") + b".\r\n")
        reply = read_line(sock)
        read.set()
        assert reply.startswith("250")
        assert [call for call, path in disk.calls if path.endswith("/new") and call == "fsync"] == ["fsync", "fsync"]
        assert len(disk.after_power_cut()) == 2
    assert not early


def test_a_full_disk_is_told_and_the_conversation_goes_on(disk: Disk) -> None:
    with served(SmtpServer(Everyone(Maildir(disk.folder)))) as server, server.connect() as sock:
        read_line(sock)
        sock.sendall(b"HELO away.test\r\n")
        read_line(sock)
        for pieces in ([MAIL], LARGE):
            for room in (0, 1, 2, 3, None):  # it fails in one call after the other, and in none
                disk.fail_at = None if room is None else len(disk.calls) + room
                sock.sendall(b"MAIL FROM:<ann@away.test>\r\nRCPT TO:<bob@home.test>\r\nDATA\r\n")
                assert [read_line(sock)[:3] for _ in range(3)] == ["250", "250", "354"]
                sock.sendall(b"".join(pieces).replace(b"\r\n.", b"\r\n..") + b".\r\n")
                assert read_line(sock)[:9] == ("452 4.3.1" if room is not None else "250 2.0.0")
                until(lambda pieces=pieces: len(disk.files()) == (pieces is LARGE) + (disk.fail_at is None))  # type: ignore[misc]
