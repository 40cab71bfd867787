"""Who may log in: a file of names and their keys, which a server reads anew when it has changed.

    # a comment
    %secret PBxu8mRk9VqtzNFl1UKyhh7bAhBgxpHPqV0WIOsB7Ks=
    alice SCRAM-SHA-256$100000:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm…:wfPLwcE6…

A line is a user: the name as SASLprep makes it (RFC 4013), a space, and the keys as RFC 5803 writes them, which tell whether a
password is right and can't be turned back into one. They can be guessed at, though, so the file is its owner's alone (mode
0600). The secret is what the decoys of names that nobody has are made of (`sasl.Accounts`). ``wirespeak smtp users`` changes the
file; so may an editor. Reads and writes that one file; hashing a password takes long, so what does it is not for an event loop.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import logging
import os
import secrets
import stat
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from wirespeak.errors import StorageError, TextError
from wirespeak.sasl import ITERATIONS, SALT, Accounts, Authenticator, ScramKeys, VerifyToken, saslprep

__all__ = ["Users"]

logger = logging.getLogger("wirespeak.smtp")

SECRET: Final = "%secret "
SECRET_SIZE: Final = 32
"""Random bytes of a new secret."""

HEADER: Final = "# Who may log in: a name and its keys a line. See: wirespeak smtp users --help\n"

Mark: TypeAlias = tuple[int, int, int, int]
"""By which a changed file is told: its number, size, and times."""


class _Missing(StorageError):
    """There is no file."""


@dataclass(slots=True, frozen=True)
class _Read:
    """What the file says."""

    lines: tuple[str, ...] = ()
    keys: dict[str, ScramKeys] | None = None
    places: dict[str, int] | None = None
    """The line of each name, counted from 0."""
    secret: bytes | None = None


class Users:
    """The users in the file at ``path``; none where it isn't there (yet).

    A file that was changed into one that can't be read changes nothing: who could log in still can, and the log
    (``wirespeak.smtp``) says why. Without the file nobody can. Raises `StorageError` for one that can't be read or may be by
    others, `TextError` for one that says what it can't mean.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._own_secret = secrets.token_bytes(SECRET_SIZE)  # for a file without one
        self._mark: Mark | None = None
        self._take(*_read(path))

    def find(self, user: str) -> tuple[ScramKeys, bool]:
        """The keys to check ``user``, a prepared name, against, and whether there is such a user (`sasl.Find`)."""
        self._refresh()
        return self._accounts.find(user)

    def authenticator(self, verify_token: VerifyToken | None = None, *, plus: bool = False) -> Authenticator:
        """How a server lets these users in (`sasl.Authenticator`)."""
        return Authenticator(self.find, verify_token, plus)

    @property
    def keys(self) -> dict[str, ScramKeys]:
        """All of them, by name."""
        self._refresh()
        return dict(self._keys)

    def verify(self, user: str, password: str) -> bool:
        """Whether that is the user's password. Takes long, and as long for a name that nobody has."""
        try:
            keys, known = self.find(saslprep(user))
        except TextError:
            return False
        return keys.check(password) and known

    def add(self, user: str, password: str, *, iterations: int = ITERATIONS) -> bool:
        """Let ``user`` in with ``password``, and no longer with any other; whether the name is new. Takes long.

        Raises `TextError` for what is no name or password, `StorageError` where the file can't be written.
        """
        name = _checked(user)
        line = f"{name} {ScramKeys.of(password, secrets.token_bytes(SALT), iterations)}\n"

        def change(said: _Read) -> list[str]:
            lines, place = list(said.lines), (said.places or {}).get(name)
            if place is None:
                return [*lines, line]
            lines[place] = line
            return lines

        return name not in (self._change(change).places or {})

    def remove(self, user: str) -> bool:
        """Let ``user`` in no more; whether there was one. Raises `StorageError` where the file can't be written."""

        def change(said: _Read) -> list[str]:
            place = (said.places or {}).get(user)
            return [line for number, line in enumerate(said.lines) if number != place]

        return user in (self._change(change).places or {})

    # --- the file

    def _refresh(self) -> None:
        try:
            found = os.stat(self.path)
        except OSError:
            found = None
        if (None if found is None else _mark(found)) == self._mark:
            return
        try:
            self._take(*_read(self.path))
        except (StorageError, TextError) as error:
            self._mark = None if found is None else _mark(found)  # told of once for each change
            logger.error("the users stay as they were: %s", error)

    def _take(self, said: _Read, mark: Mark | None) -> None:
        self._keys = said.keys or {}
        self._accounts = Accounts(self._keys, said.secret or self._own_secret)
        self._mark = mark

    def _change(self, change: Callable[[_Read], list[str]]) -> _Read:
        """Write the file anew with the lines that ``change`` makes of what it says, and return what it said before."""
        path = Path(os.path.realpath(self.path))  # where it is a link, that stays one
        with _told_of(path):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _alone(path.parent):
                said, _ = _read(path)
                lines = change(said)
                if said.secret is None:
                    secret = base64.b64encode(self._own_secret).decode()
                    lines = [*([] if said.lines else [HEADER]), f"{SECRET}{secret}\n", *lines]
                _write(path, "".join(lines))
        self._refresh()
        return said


def _checked(user: str) -> str:
    """A name in its one form. Raises `TextError` for one that the file could not hold."""
    name = saslprep(user, stored=True)
    if name != name.strip() or name[0] in "#%":
        raise TextError("a user's name has no space at its ends, and begins with neither # nor %")
    return name


def _mark(found: os.stat_result) -> Mark:
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _read(path: Path) -> tuple[_Read, Mark | None]:
    """What the file says, and its mark; nothing where it isn't there."""
    try:
        with _told_of(path), open(path, encoding="utf-8", newline="\n") as file:
            found = os.fstat(file.fileno())
            mode = stat.S_IMODE(found.st_mode)
            if mode & 0o077:
                raise StorageError(f"the users in {path} can be read or changed by others (mode {mode:04o}): chmod 600 it")
            lines = file.readlines()
    except _Missing:
        return _Read(), None
    except UnicodeDecodeError:
        raise TextError("is no text in UTF-8", file=str(path)) from None
    return _parse(lines, str(path)), _mark(found)


def _parse(lines: list[str], file: str) -> _Read:
    keys: dict[str, ScramKeys] = {}
    places: dict[str, int] = {}
    secret: bytes | None = None
    for number, line in enumerate(lines):
        text = line.strip()
        try:
            if not text or text.startswith("#"):
                continue
            if text.startswith("%"):
                secret = _parse_secret(text, secret)
                continue
            name, space, written = text.rpartition(" ")
            if not space or _checked(name) != name:
                raise TextError("expected a name, prepared as RFC 4013 says, a space, and its keys as RFC 5803 writes them")
            if name in keys:
                raise TextError(f"{name!r} has keys already, in line {places[name] + 1}: which of the two count?")
            keys[name], places[name] = ScramKeys.parse(written), number
        except TextError as error:
            raise TextError(error.args[0], file=file, line=number + 1) from None
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    return _Read(tuple(lines), keys, places, secret)


def _parse_secret(text: str, before: bytes | None) -> bytes:
    try:
        secret = base64.b64decode(text.removeprefix(SECRET), validate=True)
    except ValueError:
        secret = b""
    if not text.startswith(SECRET) or len(secret) < SALT or before is not None:
        raise TextError(f"expected {SECRET}and {SALT} random bytes or more in base64, once in the file")
    return secret


def _write(path: Path, text: str) -> None:
    """Put ``text`` in the place of the file, whole or not at all: on the disk first, and only then under its name."""
    handle, new = tempfile.mkstemp(prefix=".users-", dir=path.parent)  # of mode 0600
    try:
        with open(handle, "w", encoding="utf-8", newline="\n") as file:
            with contextlib.suppress(OSError):
                # Who changes it, root say, may be another than the server that reads it.
                owner = os.stat(path)
                os.fchown(handle, owner.st_uid, owner.st_gid)
            file.write(text)
            file.flush()
            os.fsync(handle)
        os.replace(new, path)
    except BaseException:
        os.unlink(new)
        raise


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """While this lasts, no other program changes what is in ``folder``; and then that it changed is on the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def _told_of(path: Path) -> Iterator[None]:
    try:
        yield
    except StorageError:
        raise
    except FileNotFoundError:
        raise _Missing(f"the users in {path} are not there") from None
    except OSError as error:
        raise StorageError(f"the users in {path} can't be read or written: {error.strerror or error}") from None
