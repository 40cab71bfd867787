"""The access log: who asked for what and what became of it, a line an exchange, off the hot path.

While requests are answered, `AccessLog.add` only puts them on a list. Lines are made of them many at a time, and a thread
writes what was made: a disk that stalls, or a terminal that somebody has stopped, then holds up no answer. Making the
lines stays with the loop, as a thread at it would hold the interpreter for longer than the whole batch takes.

The combined format is Apache's and nginx's, which every reader of logs knows (goaccess, awstats, fail2ban). What comes
from the peer is escaped in it as nginx does, ``\\x22`` for a quote: so a field never ends early, and no escape sequence
reaches the terminal of who reads the log.
"""

from __future__ import annotations

import os
import queue
import re
import sys
import threading
import time
from functools import lru_cache
from typing import Any, Final, Literal

import msgspec

from wirespeak.http.messages import Request

__all__ = ["AccessLog", "Record"]

Record = tuple[Any, float, Request | None, int, int, float]
"""An exchange: the peer's address as its socket tells it, when it was answered (seconds since 1970), the request (None where
there was none that could be read), the status, the bytes of body sent, and the seconds it took."""

# Lines are made when so many wait, if nobody asks before: less than a millisecond's work at a time.
BATCH: Final = 256
# Batches that may wait for the disk. What comes beyond is lost (and counted): 4,096 lines, some 800 KB.
WAITING: Final = 16

MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# Whatever is no visible ASCII, and the quote and the backslash, which mean something in a quoted field.
UNSAFE: Final = re.compile(r"[^\x20\x21\x23-\x5b\x5d-\x7e]")
# Beyond JSON's own rules: a terminal takes DEL and U+0080 to U+009F for controls.
NOT_ASCII: Final = re.compile(r"[^\x00-\x7e]")


class AccessLog:
    """Writes exchanges to ``file``, a path to append to, or a file descriptor (1 is standard output).

    ``format`` is ``combined``, or ``json``: an object a line with time, client, method, target, version, status, bytes,
    seconds, referer and agent. Give it to `HttpServer`; whoever runs the server calls `flush` now and then (every half second
    will do), `reopen` when the file was renamed (log rotation), and `close` at the end. For one loop's use.

    Several processes may append to one path: a batch is written in one call, and the system keeps those apart.
    """

    def __init__(self, file: str | os.PathLike[str] | int, format: Literal["combined", "json"] = "combined") -> None:
        self.lost = 0
        """Lines that could not be written."""
        self.error: OSError | None = None
        """Why the last of them could not."""
        self._path = None if isinstance(file, int) else os.fspath(file)
        self._fd = file if isinstance(file, int) else self._open()
        self._line = _combined if format == "combined" else _json
        self._pending: list[Record] = []
        self._batches: queue.Queue[tuple[bytes, int] | None] = queue.Queue(WAITING)
        self._renamed = False
        self._writer: threading.Thread | None = None

    def add(self, record: Record) -> None:
        """Take note of an exchange."""
        self._pending.append(record)
        if len(self._pending) >= BATCH:
            self.flush()

    def flush(self) -> None:
        """Make lines of what was noted, and have them written."""
        if self._pending:
            records, self._pending = self._pending, []
            self._hand_over("".join(map(self._line, records)).encode("ascii"), len(records))

    def reopen(self) -> None:
        """Go on in a new file of the same path. Does nothing where a descriptor was given."""
        self.flush()
        self._renamed = self._path is not None
        self._hand_over(b"", 0)

    def close(self, timeout: float = 5.0) -> None:
        """Write what is left, for ``timeout`` seconds at most."""
        self.flush()
        if self._writer is not None:
            try:
                self._batches.put(None, timeout=timeout)
            except queue.Full:
                return  # the writer is stuck; as a daemon it keeps nobody from ending
            self._writer.join(timeout)
            if self._writer.is_alive():
                return
            self._writer = None
        if self._path is not None and self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    # --- the thread

    def _hand_over(self, lines: bytes, count: int) -> None:
        if self._writer is None:  # made late: a process that was forked before has its own
            self._writer = threading.Thread(target=self._write, name="access log", daemon=True)
            self._writer.start()
        try:
            self._batches.put_nowait((lines, count))
        except queue.Full:
            self.lost += count

    def _write(self) -> None:
        while (batch := self._batches.get()) is not None:
            lines, count = batch
            try:
                if self._renamed:
                    self._renamed = False
                    before, self._fd = self._fd, self._open()
                    os.close(before)
                _write_all(self._fd, lines)
            except OSError as error:
                if self.error is None:
                    print(f"the access log can't be written: {error}", file=sys.stderr)
                self.error = error
                self.lost += count

    def _open(self) -> int:
        assert self._path is not None
        # Who asked for what is nobody else's business: readable by the owner and the group.
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)


def _write_all(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]


def _combined(record: Record) -> str:
    """``127.0.0.1 - - [10/Oct/2026:13:55:36 +0200] "GET / HTTP/1.1" 200 2326 "-" "curl/8.5.0"``"""
    peer, when, request, status, sent, _ = record
    if request is None:
        return f'{_host(peer)} - - [{_local_time(int(when))}] "-" {status} {sent} "-" "-"\n'
    values = request.fields.by_name
    return (
        f"{_host(peer)} - - [{_local_time(int(when))}] "
        f'"{escaped(request.method)} {escaped(request.target)} HTTP/1.{request.minor}" {status} {sent} '
        f'"{escaped(values.get("referer", "-"))}" "{escaped(values.get("user-agent", "-"))}"\n'
    )


def _json(record: Record) -> str:
    peer, when, request, status, sent, seconds = record
    line: dict[str, Any] = {"time": f"{_utc(int(when))}.{int(when % 1 * 1000):03}Z", "client": _host(peer)}
    if request is not None:
        line |= {"method": request.method, "target": request.target, "version": f"HTTP/1.{request.minor}"}
    line |= {"status": status, "bytes": sent, "seconds": round(seconds, 6)}
    if request is not None:
        line |= {"referer": request.fields.by_name.get("referer"), "agent": request.fields.by_name.get("user-agent")}
    text = msgspec.json.encode(line).decode()
    return (text if text.isascii() and "\x7f" not in text else NOT_ASCII.sub(_json_escape, text)) + "\n"


def escaped(text: str) -> str:
    """``text`` with ``\\xHH`` for each byte that is no visible ASCII, for quotes and for backslashes."""
    # Clients repeat themselves, so most are remembered; what is remembered is bounded by its number and its length.
    return _escaped(text) if len(text) <= 512 else _escaped.__wrapped__(text)


@lru_cache(maxsize=1024)
def _escaped(text: str) -> str:
    return UNSAFE.sub(lambda match: f"\\x{ord(match[0]):02X}", text)


def _json_escape(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


@lru_cache(maxsize=4)
def _local_time(second: int) -> str:
    """``10/Oct/2026:13:55:36 +0200``: local time, in English whatever the locale."""
    then = time.localtime(second)
    minutes = then.tm_gmtoff // 60
    zone = f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}{abs(minutes) % 60:02}"
    return f"{then.tm_mday:02}/{MONTHS[then.tm_mon - 1]}/{then.tm_year}:{then.tm_hour:02}:{then.tm_min:02}:{then.tm_sec:02} {zone}"


@lru_cache(maxsize=4)
def _utc(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))


def _host(peer: Any) -> str:
    """The host of a socket's address; ``unix:`` for a Unix socket's, as nginx has it."""
    return str(peer[0]) if isinstance(peer, tuple) and peer else "unix:"
