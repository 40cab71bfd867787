"""A mail on its way in: in memory while it is small, in a file from then on."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirespeak.errors import StorageError
from wirespeak.smtp.delivery.spool import FileSpool, nameless, write_all

MOST_HELD = 64 << 10


def in_folder(folder: Path) -> tuple[int, str]:
    path = str(folder / "mail")
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), path


def fill(spool: FileSpool, pieces: Iterable[bytes]) -> None:
    async def main() -> None:
        for piece in pieces:
            if (wait := spool.write(piece)) is not None:
                await wait

    asyncio.run(main())


def file_of(spool: FileSpool) -> bytes:
    """What is in its file in the end."""
    spool.take()
    spool.flush(last=True)
    data = os.pread(spool.fd, 1 << 24, 0)
    spool.close()
    return data


def test_a_small_mail_touches_no_disk() -> None:
    def create() -> tuple[int, str]:
        raise AssertionError("a file was made")

    spool = FileSpool(create, front=b"Received: x\r\n")
    fill(spool, [b"x" * 1000, b"y" * (MOST_HELD - 1001)])
    assert spool.is_small
    assert b"".join(spool.pieces()) == b"x" * 1000 + b"y" * (MOST_HELD - 1001)
    assert spool.content() == b"Received: x\r\n" + b"".join(spool.pieces())
    assert spool.size == len(spool.content())
    spool.abandon()


def test_what_is_written_of_a_small_mail_has_to_be_waited_for_by_nobody() -> None:
    spool = FileSpool(nameless)
    assert spool.write(b"x" * (MOST_HELD - 1)) is None


def test_a_large_one_is_in_its_file(tmp_path: Path) -> None:
    spool = FileSpool(lambda: in_folder(tmp_path), front=b"Received: x\r\n")
    fill(spool, [b"x" * MOST_HELD, b"y" * 10])
    assert not spool.is_small
    assert (tmp_path / "mail").read_bytes() == b"Received: x\r\n" + b"x" * MOST_HELD
    assert spool.size == 13 + MOST_HELD + 10
    assert b"".join(spool.pieces()) == b"x" * MOST_HELD + b"y" * 10
    assert file_of(spool) == b"Received: x\r\n" + b"x" * MOST_HELD + b"y" * 10


@given(st.lists(st.sampled_from([b"a", b"\r\n", b"\r", b"\n", b"bc\r\nde\r", b"\r\n\r\n", b"x" * 30_000]), max_size=12))
def test_lines_end_in_lf_however_the_mail_is_cut(pieces: list[bytes]) -> None:
    whole = b"".join(pieces)
    if whole.replace(b"\r\n", b"").count(b"\r") or whole.replace(b"\r\n", b"").count(b"\n"):
        return  # no server takes these
    spool = FileSpool(nameless, front=b"A: b\r\n", unix_lines=True)
    fill(spool, pieces)
    assert b"".join(spool.pieces()) == whole
    assert file_of(spool) == b"A: b\n" + whole.replace(b"\r\n", b"\n")


def test_a_mail_that_comes_byte_by_byte_is_no_more_than_its_bytes() -> None:
    spool = FileSpool(nameless)
    fill(spool, (b"x" for _ in range(MOST_HELD - 1)))
    assert list(spool.pieces()) == [b"x" * (MOST_HELD - 1)]
    assert spool.is_small


def test_a_disk_that_is_full_is_told_to_who_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, written = os.write, [0]

    def write(fd: int, data: bytes) -> int:
        if len(data) > 1000:
            if written[0]:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            written[0] = real(fd, bytes(data)[:5000])
            return written[0]
        return real(fd, data)

    monkeypatch.setattr(os, "write", write)
    spool = FileSpool(lambda: in_folder(tmp_path))
    with pytest.raises(StorageError, match="No space left on device") as told:
        fill(spool, [b"x" * MOST_HELD])
    assert told.value.errno == errno.ENOSPC
    spool.abandon()


def test_what_can_not_be_made_is_told_to_who_waits(tmp_path: Path) -> None:
    spool = FileSpool(lambda: in_folder(tmp_path / "gone"))
    with pytest.raises(StorageError, match="No such file or directory"):
        fill(spool, [b"x" * MOST_HELD])
    spool.abandon()


def test_a_file_without_a_name_is_gone_when_it_is_closed(tmp_path: Path) -> None:
    fd, path = nameless(str(tmp_path))
    assert path == ""
    assert not os.listdir(tmp_path)
    write_all(fd, b"mail")
    assert os.pread(fd, 10, 0) == b"mail"
    os.close(fd)


def test_all_is_written_where_the_system_takes_it_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, bytes(data)[:7]))
    fd, _ = nameless()
    write_all(fd, bytes(range(100)))
    assert os.pread(fd, 200, 0) == bytes(range(100))
    os.close(fd)
