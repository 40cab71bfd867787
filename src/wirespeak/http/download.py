"""A body written to a file: whole or not at all.

It is written beside its place, as ``name.part``, and takes the name only once its end has come. So who finds the file
finds all of it, and a download that fails leaves what was there before.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Self

__all__ = ["PartFile", "save"]


class PartFile:
    """A file that comes into being when its ``with`` block ends well, and is gone when it ends otherwise.

    What is there already and is no file (``/dev/null``, a named pipe) is written to as it is. Raises `OSError`.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._is_file = not path.exists() or path.is_file()
        self._part = path.with_name(f"{path.name}.part") if self._is_file else path
        self._file: io.FileIO | None = None

    def __enter__(self) -> Self:
        return self

    def begin(self) -> None:
        """Open it. Inside the ``with`` block and not before it, so that an interruption at any moment leaves nothing behind."""
        self._file = io.FileIO(self._part, "wb")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._file is not None:
            self._file.close()
        if not self._is_file:
            return
        if kind is None:
            os.replace(self._part, self._path)
        else:
            with contextlib.suppress(OSError):
                self._part.unlink()

    def write(self, data: bytes) -> None:
        if self._file is None:
            self.begin()
        assert self._file is not None
        view = memoryview(data)
        try:
            while view:
                view = view[self._file.write(view) :]
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self._path)) from None


async def save(piece: Callable[[], Awaitable[bytes]], path: Path, progress: Callable[[int], None] | None = None) -> int:
    """Write what ``piece`` gives, until it gives nothing, to ``path`` (`PartFile`); the bytes written.

    ``progress`` is called with the size of each piece. Raises `OSError` where the disk won't have it, and whatever
    ``piece`` raises.
    """
    size = 0
    with PartFile(path) as file:
        file.begin()
        while data := await piece():
            file.write(data)
            size += len(data)
            if progress is not None:
                progress(len(data))
    return size
