"""What was said on a connection, line by line, as far as it belongs to one mail.

`Transcript` is an observer (``tap.py``): it is shown the bytes of both sides as they pass, and makes lines of them. Commands and
replies alternate (RFC 5321 2.1); a client that sends several commands at once (RFC 2920) is written down as if it had waited for
each answer, which is how the server took them. The mail itself isn't repeated, only told of: it lies in a file of its own.
What logs in is left out (RFC 4954 9): who reads a transcript is not to learn a password from it.

Pure: touches nothing outside.
"""

from __future__ import annotations

import re
from collections import deque
from enum import Enum
from typing import Any, Final

from wirespeak.smtp.inbox.envelope import Line
from wirespeak.tap import Seen

__all__ = ["Transcript"]

# Lines of one mail that are kept: the first ones and the last ones. A mail to ten thousand recipients is told of in a hundred KB.
FIRST: Final = 500
LAST: Final = 100
# Characters of a line. Commands are at most 512 bytes long, and what their extensions add (RFC 5321 4.5.3.1.4).
LONGEST: Final = 2000
# Bytes that wait to be told: what comes in one turn (64 KB), and what a session keeps for the next.
WAITING: Final = 256 << 10

AUTH: Final = re.compile(r"(?i)(AUTH[ \t]+\S+)[ \t]+\S.*", re.DOTALL)
BDAT: Final = re.compile(r"(?i)BDAT[ \t]+([0-9]{1,20})(?:[ \t]+LAST)?[ \t]*")
MAIL: Final = re.compile(r"(?i)MAIL\b")
# What begins a new dialog of its own, and is told with every mail that follows (RFC 5321 4.1.4, RFC 3207 4.2, RFC 4954 4).
OPENING: Final = re.compile(r"(?i)(?:EHLO|HELO|LHLO|STARTTLS|AUTH)\b")
HIDDEN: Final = "(left out)"


class _Turn(Enum):
    """Who speaks next, and what."""

    ANSWER = 1
    """The server answers the latest command, or greets."""
    COMMAND = 2
    RESPONSE = 3
    """The client answers a challenge (334)."""
    DATA = 4
    """The client sends a mail, up to the line with the dot (354)."""
    CHUNK = 5
    """The client sends so many bytes of a mail (RFC 3030 2)."""
    TLS = 6
    """Both shake hands (220 to STARTTLS). What came in clear behind it is nobody's (RFC 3207 4.2)."""
    LOST = 7
    """It can't be told any more."""


class _Lines:
    """The first and the last of many lines."""

    def __init__(self) -> None:
        self._first: list[Line] = []
        self._last: deque[Line] = deque(maxlen=LAST)
        self._count = 0

    def add(self, line: Line) -> None:
        self._count += 1
        if len(self._first) < FIRST:
            self._first.append(line)
        else:
            self._last.append(line)

    def all(self) -> list[Line]:
        missing = self._count - len(self._first) - len(self._last)
        left_out = [Line(self._last[0].at, "", f"{missing} lines are left out")] if missing else []
        return [*self._first, *left_out, *self._last]


class Transcript:
    """Give it to a `Tap` at the begin of a connection. `lines` are those of the mail that comes just now, or came last."""

    def __init__(self) -> None:
        self._turn = _Turn.ANSWER
        self._opening = _Lines()
        self._mail = _Lines()
        self._lines = self._opening
        self._input = b""
        self._output = b""
        self._size = 0  # of the mail, so far
        self._left = 0  # of the chunk
        self._answered = False  # before the chunk was whole
        self._starts_tls = False
        self._begin: float | None = None
        self._at = 0.0

    def lines(self) -> list[Line]:
        """How the connection began, and what was said about the mail."""
        return [*self._opening.all(), *self._mail.all()]

    def __call__(self, seen: Seen, what: Any, now: float) -> None:
        if self._begin is None and now:
            self._begin = now
        self._at = round(max(0.0, now - (self._begin or now)), 4)
        if seen == "in":
            self._input += what
            self._follow()
        elif seen == "out" and type(what) is bytes:
            self._output += what
            *lines, self._output = self._output.split(b"\r\n")
            for line in lines:
                self._replied(line)
        elif seen == "secured":
            if self._turn is _Turn.TLS:
                self._turn = _Turn.COMMAND
            self._tell("", f"from here on {what.version}, {what.cipher}" if hasattr(what, "cipher") else "from here on TLS")

    def _tell(self, by: str, text: str) -> None:
        self._lines.add(Line(self._at, by, text[:LONGEST]))

    # --- the server's side

    def _replied(self, line: bytes) -> None:
        self._tell("server", line.decode("utf-8", "replace"))
        if line[3:4] == b"-":
            return
        if self._turn is _Turn.ANSWER:
            self._turn = {b"354": _Turn.DATA, b"334": _Turn.RESPONSE}.get(line[:3], _Turn.COMMAND)
            if self._starts_tls and line[:3] == b"220":
                self._turn = _Turn.TLS
            if self._turn is _Turn.DATA:
                self._size = 0
                self._input = b"\r\n" + self._input  # so that a first line is found as all others are
        elif self._turn is _Turn.CHUNK:
            self._answered = True
        self._follow()

    # --- the client's side

    def _follow(self) -> None:
        """Tell what can be told of the client's bytes."""
        while self._input and self._step():
            pass
        if len(self._input) > WAITING:
            self._input = b""
            self._turn = _Turn.LOST
            self._tell("", "what follows could not be told apart")

    def _step(self) -> bool:
        if self._turn is _Turn.DATA:
            return self._data()
        if self._turn is _Turn.CHUNK:
            taken = min(self._left, len(self._input))
            self._input = self._input[taken:]
            self._left -= taken
            if not self._left:
                self._turn = _Turn.COMMAND if self._answered else _Turn.ANSWER
            return True
        if self._turn in (_Turn.TLS, _Turn.LOST):
            self._input = b""
        if self._turn not in (_Turn.COMMAND, _Turn.RESPONSE):
            return False
        line, end, rest = self._input.partition(b"\r\n")
        if not end:
            return False
        self._input = rest
        self._said(line.decode("utf-8", "replace"))
        return True

    def _said(self, line: str) -> None:
        """A line of the client's."""
        if self._turn is _Turn.RESPONSE:
            self._tell("client", line if line in ("", "*") else HIDDEN)
            self._turn = _Turn.ANSWER
            return
        if MAIL.match(line):
            self._mail = self._lines = _Lines()
        elif OPENING.match(line):
            self._lines = self._opening
        self._turn = _Turn.ANSWER
        self._starts_tls = line.strip().upper() == "STARTTLS"
        self._tell("client", AUTH.sub(rf"\1 {HIDDEN}", line))
        if chunk := BDAT.fullmatch(line):
            self._left, self._answered = int(chunk[1]), False
            self._tell("", f"{self._left:,} bytes of the mail")
            if self._left:
                self._turn = _Turn.CHUNK

    def _data(self) -> bool:
        """The mail, of which only its size is told. Whether its end was there."""
        end = self._input.find(b"\r\n.\r\n")
        if end < 0:
            passed = max(0, len(self._input) - 4)  # the end may have begun
            self._size += passed
            self._input = self._input[passed:]
            return False
        self._tell("", f"{self._size + end:,} bytes of the mail")
        self._tell("client", ".")
        self._input = self._input[end + 5 :]
        self._turn = _Turn.ANSWER
        return True
