"""The access log: who asked for what and what became of it, a line an exchange, off the hot path (``sockets/linelog.py``).

The combined format is Apache's and nginx's, which every reader of logs knows (goaccess, awstats, fail2ban). What comes
from the peer is escaped in it as nginx does, ``\\x22`` for a quote: so a field never ends early, and no escape sequence
reaches the terminal of who reads the log.
"""

from __future__ import annotations

import os
import re
import time
from functools import lru_cache
from typing import Any, Final, Literal

import msgspec

from wirespeak.http.messages import Request
from wirespeak.sockets.linelog import MONTHS, LineLog, utc

__all__ = ["AccessLog", "Record"]

Record = tuple[Any, float, Request | None, int, int, float]
"""An exchange: the peer's address as its socket tells it, when it was answered (seconds since 1970), the request (None where
there was none that could be read), the status, the bytes of body sent, and the seconds it took."""

# Whatever is no visible ASCII, and the quote and the backslash, which mean something in a quoted field.
UNSAFE: Final = re.compile(r"[^\x20\x21\x23-\x5b\x5d-\x7e]")
# Beyond JSON's own rules: a terminal takes DEL and U+0080 to U+009F for controls.
NOT_ASCII: Final = re.compile(r"[^\x00-\x7e]")


class AccessLog(LineLog[Record]):
    """Writes exchanges to ``file``, a path or a descriptor (`LineLog`). Give it to `HttpServer`.

    ``format`` is ``combined``, or ``json``: an object a line with time, client, method, target, version, status, bytes,
    seconds, referer and agent.
    """

    def __init__(self, file: str | os.PathLike[str] | int, format: Literal["combined", "json"] = "combined") -> None:
        super().__init__(file, _combined if format == "combined" else _json, "access log")


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
    line: dict[str, Any] = {"time": utc(when), "client": _host(peer)}
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


def _host(peer: Any) -> str:
    """The host of a socket's address; ``unix:`` for a Unix socket's, as nginx has it."""
    return str(peer[0]) if isinstance(peer, tuple) and peer else "unix:"
