"""Dialogs on an IRC server, held in memory: a network, its clients, and a clock that goes when it is told to.

    net = Net()
    alice, bob = net.join("alice"), net.join("bob", caps="echo-message server-time")
    alice.says("JOIN #c")
    alice.hears(":alice!… JOIN #c")
    alice.heard()                               # all that is waiting, as lines; and forgotten
    bob.says("JOIN #c", "PRIVMSG #c :hi")
    bob.skips_to("@time=… :bob!… PRIVMSG #c hi")
    alice.hears(":bob!… JOIN #c", ":bob!… PRIVMSG #c :hi")
    alice.hears_nothing()
    net.passes(300)                             # five minutes
    assert alice.gone

``…`` stands for anything within a line. What a client says, the server has carried out before `says` returns, also what a real one
does off its loop (hashing, SQLite): here that is done in place.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from wirespeak.contract import FINISH
from wirespeak.irc.accounts import Accounts
from wirespeak.irc.config import Config, Oper, VisitLimits
from wirespeak.irc.limits import UNLIMITED, ServerLimits
from wirespeak.irc.messages import Message
from wirespeak.irc.server import IrcServer
from wirespeak.irc.users import User
from wirespeak.sockets.inplace import InPlace

__all__ = ["Client", "MemoryStore", "Net", "matches"]

T = TypeVar("T")

START = 1_790_000_000.0
"""When it is, as the tests begin: seconds since 1970."""

OPER = Oper(password="mellon")
CONFIG = Config(name="irc.home.test", network="Home", opers={"oper": OPER}, visits=VisitLimits(per_address=0, per_network=0, each_minute=0))
LIMITS = ServerLimits(burst=UNLIMITED)


class MemoryStore:
    """What accounts are kept in (`accounts.Store`): nowhere, and at once. Two nets with the same one are a server before and after."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], bytes] = {}
        self.fault: Exception | None = None
        """Raised by whatever is to be kept."""

    def load(self) -> Iterable[tuple[str, str, bytes]]:
        return [(kind, key, value) for (kind, key), value in self.kept.items()]

    def commit(self, changes: Sequence[tuple[str, str, bytes | None]]) -> None:
        if self.fault is not None:
            raise self.fault
        for kind, key, value in changes:
            if value is None:
                self.kept.pop((kind, key), None)
            else:
                self.kept[kind, key] = value

    async def run(self, work: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
        return work(*args, **kwargs)

    async def hash(self, work: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
        return work(*args, **kwargs)

    def start(self, work: Callable[[], object]) -> None:
        work()

    def close(self) -> None:
        pass


async def in_place(function: Callable[[], T]) -> T:
    """What a server does in a thread, done here and now."""
    return function()


class Net:
    """A server, its clients, and the time. ``options`` are those of `Config`, above what the tests have for all."""

    def __init__(
        self, *, limits: ServerLimits = LIMITS, store: MemoryStore | None = None, config: Config = CONFIG, mail: Any = None, **options: Any
    ) -> None:
        self.time = START
        self._bytes = 0
        self.config = replace(config, **options)
        self.store = store or MemoryStore()
        self.accounts = Accounts(self.store, self.config.accounts, clock=self.clock, random=self.random, mail=mail)
        self.server = IrcServer(
            self.config, accounts=self.accounts, limits=limits, clock=self.clock, random=self.random, work=in_place, reload=self._reload
        )
        self.world = self.server.world
        self.next_config = self.config
        """What REHASH reads."""
        self.clients: list[Client] = []
        self.woken: dict[Client, None] = {}

    oper = OPER
    """The operators' block of who says ``OPER oper mellon``."""

    def clock(self) -> float:
        return self.time

    def random(self, count: int) -> bytes:
        """Bytes that are no two times the same, and the same in each run."""
        self._bytes += 1
        return self._bytes.to_bytes(8, "big").rjust(count, b"\x17")[-count:]

    async def _reload(self) -> Config:
        return self.next_config

    def connect(self, address: str = "127.0.0.1", *, tls: Any = None) -> Client:
        """A connection from ``address`` ("" for a Unix socket) that has said nothing yet."""
        client = Client(self, address, tls)
        self.clients.append(client)
        return client

    def join(
        self,
        nick: str,
        *,
        caps: str = "",
        user: str = "",
        realname: str = "",
        address: str = "127.0.0.1",
        channels: str = "",
        tls: Any = None,
    ) -> Client:
        """A registered client, with ``caps`` and on ``channels``; what it heard meanwhile is forgotten, by the others too."""
        client = self.connect(address, tls=tls)
        if caps:
            client.says("CAP LS 302", f"CAP REQ :{caps}")
        client.says(f"NICK {nick}", f"USER {user or nick} 0 * :{realname or nick.title()}")
        if caps:
            client.says("CAP END")
        heard = client.heard()
        assert any(matches(f"…:irc.home.test 001 {nick} …", line) for line in heard), heard
        if channels:
            client.says(f"JOIN {channels}")
        for one in self.clients:
            one.heard()
        return client

    def passes(self, seconds: float) -> None:
        """Let time pass: whatever falls due meanwhile is done, in order."""
        end = self.time + seconds
        while True:
            due = [client for client in self.clients if not client.over and client.deadline <= end]
            at = min((client.deadline for client in due), default=math.inf)
            at = min(max(at, self.time), self.time + 1.0, end)
            self.time = at
            for client in due:
                if client.deadline <= at:
                    client.ticks()
            self.server.tick()
            if at >= end:
                return


class Client:
    """A client, line by line. `gone`: the server has ended the connection; `over`: it is closed altogether."""

    def __init__(self, net: Net, address: str, tls: Any = None) -> None:
        self.net = net
        peer = (address, 40000 + len(net.clients)) if address else ""
        self._lines: list[str] = []
        self._rest = b""
        self.gone = False
        self.over = False
        self.reads = True
        """False: it takes nothing that is sent to it, and all of that waits at the server."""
        self._link = _Link(net.server, net.clock, self, peer=peer, local=("127.0.0.1", 6667), tls=tls)
        self._link.receive(b"")
        self._collect()

    @property
    def user(self) -> User:
        """What the server has of it."""
        user: User = self._link.conversation._user  # type: ignore[attr-defined]
        return user

    @property
    def nick(self) -> str:
        return self.user.nick

    @property
    def prefix(self) -> str:
        """``nick!user@host``."""
        return self.user.prefix

    @property
    def deadline(self) -> float:
        return self._link.session.deadline

    # --- saying

    def says(self, *lines: str) -> None:
        """Say each of ``lines``."""
        self.sends("".join(f"{line}\r\n" for line in lines).encode())

    def sends(self, data: bytes) -> None:
        """Say ``data`` as it is."""
        assert not self.over, "the connection is closed"
        self._link.receive(data)
        self._collect()
        woken, self.net.woken = self.net.woken, {}
        for client in woken:
            client._collect()

    def leaves(self) -> None:
        """Close the connection without a word."""
        self._link.receive(None)
        self._collect()
        self._end(None)

    def is_lost(self) -> None:
        """The connection is reset."""
        self._end(ConnectionResetError())

    def ticks(self) -> None:
        self._link.tick()
        self._collect()

    # --- hearing

    def heard(self) -> list[str]:
        """All lines that wait, which are forgotten by that."""
        self._collect()
        lines, self._lines = self._lines, []
        return lines

    def heard_messages(self) -> list[Message]:
        """The same, parsed."""
        return [Message.parse(line) for line in self.heard()]

    def hears(self, *patterns: str) -> list[str]:
        """The next lines are those of ``patterns``, in order."""
        self._collect()
        for number, pattern in enumerate(patterns):
            assert number < len(self._lines), f"expected {pattern}\n     heard {self._lines}"
            assert matches(pattern, self._lines[number]), f"expected {pattern}\n     heard {self._lines[number]}\n     of {self._lines}"
        taken, self._lines = self._lines[: len(patterns)], self._lines[len(patterns) :]
        return taken

    def skips_to(self, pattern: str) -> str:
        """Pass over lines until one that is ``pattern``, and give that."""
        self._collect()
        for number, line in enumerate(self._lines):
            if matches(pattern, line):
                del self._lines[: number + 1]
                return line
        raise AssertionError(f"never heard {pattern}\n     but {self._lines}")

    def hears_nothing(self) -> None:
        """Nothing waits."""
        self._collect()
        assert not self._lines, f"heard {self._lines}"

    def asks(self, *lines: str) -> list[str]:
        """Say ``lines``, and give all that is heard then."""
        self.heard()
        self.says(*lines)
        return self.heard()

    # --- the connection

    def _collect(self) -> None:
        if self.over or not self.reads:
            return
        while segments := self._link.output():
            for segment in segments:
                if segment is FINISH:
                    self.gone = True
                else:
                    assert isinstance(segment, bytes)
                    self._rest += segment
            self._link.receive(b"")  # there is room again
        *lines, self._rest = self._rest.split(b"\r\n")
        self._lines += [line.decode() for line in lines]
        if self._link.aborted or self._link.session.closed:
            self._end(None)

    def _end(self, error: Exception | None) -> None:
        self.gone = self.over = True
        self._link.end(error)


class _Link(InPlace):
    """The server's end: who has something to hear is known, so that not everyone has to be asked."""

    def __init__(self, service: Any, now: Any, client: Client, **addresses: Any) -> None:
        self._client = client
        super().__init__(service, now, **addresses)

    def wake(self) -> None:
        self._client.net.woken[self._client] = None


def matches(pattern: str, line: str) -> bool:
    """Whether ``line`` is ``pattern``, in which ``…`` stands for anything."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("…"))), line) is not None
