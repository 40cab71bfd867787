"""Opening what lies beneath a folder, and nothing else, whatever is asked for and whatever changes meanwhile.

A path from the network comes in two steps to an open file. `names_in` takes it apart into names, of which none can mean
anything but an entry of a folder. `open_beneath` then goes from folder to folder, opening each within the one before it
(openat) and following no link: a path that is checked and then opened could lead elsewhere by then, an open folder can't.

Where a link is in the way, the path is first resolved (realpath); if it leads out of the root that is the end, otherwise
the same walk is made along what it resolved to. Should somebody change a folder into a link in between, the walk meets a
link and fails. So no order of events opens a file outside.

Touches files, for reading alone. Needs openat, as every POSIX system has it (Windows has not: NotImplementedError).
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence
from urllib.parse import unquote_to_bytes

__all__ = ["OpenFile", "is_shown", "names_in", "open_beneath"]

DIRECTORY = getattr(os, "O_DIRECTORY", 0)  # 0: Windows, where the first walk tells that it can't be done
# A folder on the way is opened for passing through only, which takes no right to read it, where the system can do that.
FOLDER = getattr(os, "O_PATH", os.O_RDONLY) | DIRECTORY
# Opening a FIFO for reading would wait for a writer; O_NONBLOCK changes nothing for files.
FILE = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
NO_LINK = getattr(os, "O_NOFOLLOW", 0)


class OpenFile:
    """A file or folder opened for reading; closed when nobody holds it any more, so by the last slice of it to be sent."""

    __slots__ = ("_fd", "status")

    status: os.stat_result
    """What it was when it was opened."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self.status = os.fstat(fd)

    def fileno(self) -> int:
        return self._fd

    def read(self, offset: int, count: int) -> bytes:
        """``count`` bytes from ``offset`` on. Raises OSError where there are no longer so many."""
        data = os.pread(self._fd, count, offset)
        while len(data) < count:
            more = os.pread(self._fd, count - len(data), offset + len(data))
            if not more:
                raise OSError(errno.ESTALE, "the file became shorter while it was read")
            data += more
        return data

    def __del__(self) -> None:
        os.close(self._fd)


def names_in(path: str, hidden: bool = False) -> tuple[str, ...] | None:
    """The names in a path as it is on the wire, from ``/`` on; None where it is none that could be served.

    Percent-encoding is undone once, within each name, so an encoded slash does not part names; a name that holds one, or
    NUL, is none. Nor are ``.`` and ``..`` (clients take them out before asking, RFC 3986 5.2.4) and the empty one of ``//``.
    Unless ``hidden``, names that begin with a dot are refused (see `is_shown`), so that no ``.git`` or ``.env`` that was
    forgotten in a folder gets out. The last name is empty where the path ends in a slash.
    """
    if path[:1] != "/":
        return None
    parts = path[1:].split("/")
    names = [os.fsdecode(unquote_to_bytes(part)) for part in parts] if "%" in path else parts
    for place, name in enumerate(names):
        if not name:
            if place != len(names) - 1:
                return None
        elif name in (".", "..") or "/" in name or "\0" in name or not (hidden or is_shown(name, place)):
            return None
    return tuple(names)


def is_shown(name: str, depth: int) -> bool:
    """Whether ``name``, so many folders below the root, is no hidden one: .well-known is not, at the top (RFC 8615 3)."""
    return name[0] != "." or (depth == 0 and name == ".well-known")


def open_beneath(root: str, names: Sequence[str]) -> OpenFile:
    """Open what ``names`` lead to from ``root`` on: a regular file, or a folder. ``root`` itself may be a link, names too.

    Raises FileNotFoundError where there is nothing of that name, something else (a device, a socket), or a link that leads
    out of ``root``: who asks is not to know which. Other errors of the system as they come, PermissionError above all.
    """
    try:
        return _walk(os.path.join(root, ""), names)
    except OSError as error:
        # What a link gives that is not to be followed: ELOOP; and ENOTDIR where a folder was wanted.
        if error.errno not in (errno.ELOOP, errno.ENOTDIR):
            raise
    top = os.path.realpath(root)
    found = os.path.realpath(os.path.join(top, *names))
    if found == top:
        return _walk(top, ())
    beneath = os.path.join(top, "")
    if not found.startswith(beneath):
        raise _absent(names)
    return _walk(top, found[len(beneath) :].split("/"))


def _walk(top: str, names: Sequence[str]) -> OpenFile:
    """Open the last of ``names``, each in the one before it, the first in ``top``, following no link but ``top`` itself."""
    if not names:
        return OpenFile(os.open(top, os.O_RDONLY | DIRECTORY))
    folder = os.open(top, FOLDER)
    try:
        for name in names[:-1]:
            inner = os.open(name, FOLDER | NO_LINK, dir_fd=folder)
            os.close(folder)
            folder = inner
        # Opening a device can have effects of its own, so it is looked at before. Should it be another thing by the time
        # it is opened, it is looked at again; and a FIFO would not make us wait.
        if _strange(os.stat(names[-1], dir_fd=folder, follow_symlinks=False).st_mode):
            raise _absent(names)
        file = OpenFile(os.open(names[-1], FILE | NO_LINK, dir_fd=folder))
    finally:
        os.close(folder)
    if _strange(file.status.st_mode):
        raise _absent(names)
    return file


def _strange(mode: int) -> bool:
    """Whether it is neither file nor folder nor a link (which opening then meets)."""
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode))


def _absent(names: Sequence[str]) -> FileNotFoundError:
    return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "/".join(names))
