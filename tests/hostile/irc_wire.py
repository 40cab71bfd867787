"""IRC by hand: lines sent as they are written, what comes parted at CR LF, and the server under attack.

It shares no code with ours. `Talk` is a connection; `Talk.asks` says something and gives all that is answered, as a PING behind it
tells when that is over. `Host` is an IRC server in a thread, reached over real sockets; it must not have failed at anything.
"""

from __future__ import annotations

import base64
import contextlib
import logging
import re
from collections.abc import Iterator
from typing import Any

from tests.hostile.wire import Wire
from tests.sockets.serving import Served, served
from wirespeak.irc import Config, IrcServer, ServerLimits

NAME = "irc.home.test"
FREE = {"throttle": False, "name": NAME, "network": "Home", "motd": ("Be kind.",)}
"""Of a server on which nobody has to wait."""


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


class Talk(Wire):
    """A connection to an IRC server."""

    nick = "*"
    _marks = 0

    def __enter__(self) -> Talk:
        return self

    def says(self, *lines: str | bytes) -> None:
        """Send each line, with its CR LF, in one write."""
        self.send(b"".join((line if isinstance(line, bytes) else line.encode()) + b"\r\n" for line in lines))

    def line(self) -> str:
        """The next line. It must be one: CR LF at its end and neither of them within, UTF-8, no NUL, and not too long."""
        while (end := self.received.find(b"\n")) < 0:
            assert self.more(), f"the connection ended inside a line: {bytes(self.received)[-400:]!r}"
        line = bytes(self.received[: end + 1])
        del self.received[: end + 1]
        assert line.endswith(b"\r\n"), line
        assert not re.search(rb"[\0\r\n]", line[:-2]), line
        tags = line.index(b" ") + 1 if line[:1] == b"@" else 0
        assert len(line) - tags <= 512, f"{len(line) - tags} bytes: {line!r}"
        assert tags <= 4607, f"{tags} bytes of tags"
        return line[:-2].decode("utf-8")

    def until(self, pattern: str) -> list[str]:
        """All lines up to one that ``pattern`` is found in, that one last."""
        lines = [self.line()]
        while not re.search(pattern, lines[-1]):
            lines.append(self.line())
        return lines

    def asks(self, *lines: str | bytes) -> list[str]:
        """Say something: all that is heard before the answer to the PING behind it."""
        self._marks += 1
        self.says(*lines, f"PING mark{self._marks}")
        return self.until(rf" PONG [^ ]+ :?mark{self._marks}$")[:-1]

    def numerics(self, *lines: str | bytes) -> list[str]:
        """The numerics among what is answered, and FAIL with its code."""
        return [found[1] for line in self.asks(*lines) if (found := re.search(r"(?:^|:[^ ]+ )([0-9]{3}|FAIL [^ ]+ [^ ]+)(?: |$)", line))]

    def last_words(self) -> list[str]:
        """Every line up to the end of the connection, which is a proper one."""
        lines = []
        while self.received or self.more():
            lines.append(self.line())
        return lines

    def registers(self, nick: str, *, caps: str = "") -> Talk:
        """Become a user; all of the welcome is read."""
        before, after = ([f"CAP REQ :{caps}"], ["CAP END"]) if caps else ([], [])
        self.says(*before, f"NICK {nick}", "USER u 0 * :Real Name", *after)
        assert " 001 " in "".join(self.until(" (001|376|422) "))
        self.until(" (376|422) ")
        self.nick = nick
        return self

    def joins(self, *channels: str) -> Talk:
        """Join, and read what comes of it."""
        assert [line for line in self.asks(f"JOIN {','.join(channels)}") if f":{self.nick}!" in line and " JOIN " in line]
        return self


class Host:
    """A server in a thread."""

    def __init__(self, server: IrcServer, service: Served) -> None:
        self.server = server
        self.service = service
        self.address: tuple[str, int] = service.address

    def connect(self, *, receive_buffer: int | None = None) -> Talk:
        """A connection on which nothing has been said yet."""
        return Talk(self.address, receive_buffer=receive_buffer)

    def meet(self, nick: str, *, caps: str = "", receive_buffer: int | None = None) -> Talk:
        """A registered user."""
        return self.connect(receive_buffer=receive_buffer).registers(nick, caps=caps)

    def still_serves(self) -> None:
        """Two well-behaved clients talk to each other."""
        with self.meet("wellA") as one, self.meet("wellB") as other:
            one.says("PRIVMSG wellB :fine")
            assert other.until("PRIVMSG")[-1].endswith(" PRIVMSG wellB :fine")
            one.says("QUIT")
            other.says("QUIT")
            one.last_words()
            other.last_words()


class _Faults(logging.Handler):
    """What was logged as an error, by us or by the loop."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@contextlib.contextmanager
def hosting(*, limits: ServerLimits | None = None, **config: Any) -> Iterator[Host]:
    """A server; ``config`` is its `Config`'s, above `FREE`. It must have failed at nothing at the end."""
    faults = _Faults()
    logging.getLogger().addHandler(faults)
    server = IrcServer(Config(**{**FREE, **config}), limits=limits)
    try:
        with served(server) as service:
            host = Host(server, service)
            yield host
            host.still_serves()
    finally:
        logging.getLogger().removeHandler(faults)
        server.world.accounts.close()
    assert not faults.records, "\n".join(logging.Formatter().format(record) for record in faults.records)
