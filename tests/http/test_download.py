"""A body written to a file: whole or not at all."""

from __future__ import annotations

import os
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from wirespeak.errors import IncompleteMessage
from wirespeak.http.download import save
from wirespeak.sockets.blocking import run


def source(*pieces: bytes | Exception) -> Callable[[], Awaitable[bytes]]:
    left = list(pieces)

    async def piece() -> bytes:
        following = left.pop(0) if left else b""
        if isinstance(following, Exception):
            raise following
        return following

    return piece


def test_a_file_comes_into_being_with_its_last_byte(tmp_path: Path) -> None:
    path = tmp_path / "file"
    seen: list[tuple[int, bool, bytes]] = []

    def progress(size: int) -> None:
        seen.append((size, path.exists(), (tmp_path / "file.part").read_bytes()))

    assert run(save(source(b"hello ", b"world"), path, progress)) == 11
    assert seen == [(6, False, b"hello "), (5, False, b"hello world")]
    assert path.read_bytes() == b"hello world"
    assert os.listdir(tmp_path) == ["file"]


def test_a_file_that_is_there_stays_as_it_is_until_then(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(IncompleteMessage):
        run(save(source(b"new", IncompleteMessage("cut off")), path))
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]
    run(save(source(b"new"), path))
    assert path.read_bytes() == b"new"


def test_an_empty_body_is_an_empty_file(tmp_path: Path) -> None:
    assert run(save(source(), tmp_path / "file")) == 0
    assert (tmp_path / "file").read_bytes() == b""


def test_what_is_no_file_is_written_to(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    heard: list[bytes] = []
    reader = threading.Thread(target=lambda: heard.append(pipe.read_bytes()))
    reader.start()
    run(save(source(b"hello"), pipe))
    reader.join(20)
    assert heard == [b"hello"]
    assert os.listdir(tmp_path) == ["pipe"]
    assert run(save(source(b"hello"), Path(os.devnull))) == 5


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space left on device"):
        run(save(source(b"hello"), Path("/dev/full")))
    with pytest.raises(OSError, match="No such file"):
        run(save(source(b"hello"), tmp_path / "missing" / "file"))
