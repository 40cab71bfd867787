"""What a client says waits here for its turn, so that no server takes it for a flood.

Servers disconnect who says too much too fast ("Excess Flood"; RFC 1459 8.10: after five messages at once, one every two seconds). So
there is a budget, and what doesn't fit into it waits, in order, behind what is more urgent. Who leaves, or answers a PING, waits
for nobody::

    URGENT      PONG, QUIT, and all of registration: goes at once, whatever the budget
    NORMAL      what a person or a program says
    LOW         what can wait: questions that a client asks by itself

And what is too long for one message goes in several (`text_messages`). Pure: the time is handed in.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from wirespeak.errors import LimitExceeded, LocalProtocolError
from wirespeak.irc.ctcp import ctcp_text
from wirespeak.irc.grammar import CLIENT_TAGS, FORBIDDEN, HOST_SIZE, LINE, USER_SIZE
from wirespeak.irc.messages import Message, encode_tags, parse_source, split_text

__all__ = ["Outgoing", "Priority", "Rate", "SendQueue", "encoded", "join_messages", "one_name", "text_messages"]

WAITING_LIMIT: Final = 2000
"""Lines that may wait: at the usual rate more than an hour's worth. Who has more to say than that should say it elsewhere."""

ROOM: Final = 400
"""Bytes of names and keys in one JOIN."""


class Priority(IntEnum):
    """What goes first."""

    URGENT = 0
    NORMAL = 1
    LOW = 2


@dataclass(slots=True, frozen=True)
class Rate:
    """``burst`` lines at once, and then one every ``seconds``; as RFC 1459 8.10 has it. With no ``seconds`` there is no limit.

    Where the server says that it lets us say more (a bot that its network knows), so may we.
    """

    burst: int = 5
    seconds: float = 2.0


@dataclass(slots=True, eq=False)
class Outgoing:
    """One line that is to go out, and whether it has."""

    data: bytes
    sent: bool = False
    dropped: bool = False
    """It will never go: the connection was over before its turn came."""


class SendQueue:
    """Lines on their way out. `put` them, and `take` those whose time has come."""

    __slots__ = ("_budget", "_rate", "_rows", "_since")

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._rows: tuple[deque[Outgoing], ...] = tuple(deque() for _ in Priority)
        self._budget = float(rate.burst)
        self._since = -math.inf

    def __len__(self) -> int:
        return sum(map(len, self._rows))

    @property
    def urgent(self) -> int:
        """How many of those that wait are urgent."""
        return len(self._rows[Priority.URGENT])

    def put(self, data: bytes, priority: Priority) -> Outgoing:
        """Let ``data`` wait for its turn. Raises `LimitExceeded` where `WAITING_LIMIT` lines wait already."""
        if len(self) >= WAITING_LIMIT and priority is not Priority.URGENT:
            raise LimitExceeded(f"{WAITING_LIMIT:,} lines wait to be sent: wait for them (flush), or set a faster rate")
        line = Outgoing(data)
        self._rows[priority].append(line)
        return line

    def take(self, now: float) -> list[bytes]:
        """What goes out now. What is urgent goes in any case, and counts too: servers count it as well."""
        self._earn(now)
        taken = []
        for row in self._rows:
            while row and (row is self._rows[Priority.URGENT] or self._budget >= 1 or not self._rate.seconds):
                line = row.popleft()
                line.sent = True
                taken.append(line.data)
                self._budget = max(0.0, self._budget - 1)
        return taken

    def deadline(self, now: float) -> float:
        """When `take` will have more; ``math.inf`` where nothing waits."""
        if not len(self):
            return math.inf
        if self._rows[Priority.URGENT] or self._budget >= 1 or not self._rate.seconds:
            return now
        return self._since + (1 - self._budget) * self._rate.seconds

    def refill(self) -> None:
        """The whole budget is there again: what was said so far was registration, which servers don't count."""
        self._budget = float(self._rate.burst)

    def drop(self) -> None:
        """Forget what waits: it will never be sent."""
        for row in self._rows:
            for line in row:
                line.dropped = True
            row.clear()

    def _earn(self, now: float) -> None:
        """The budget grows with time, up to a burst."""
        if self._rate.seconds and now > self._since:
            # Floating point must not leave us a hair below a whole line when its deadline has come.
            grown = self._budget + (now - self._since) / self._rate.seconds + 1e-9
            self._budget = min(float(self._rate.burst), grown)
        self._since = max(self._since, now)


def one_name(name: str) -> str:
    """``name``, where it can be one: not empty, without a space or a comma, which would make several of it, and without a colon in front.

    What else a nick or a channel may have in it is the server's business. Raises `LocalProtocolError`.
    """
    if not name or name.startswith(":") or " " in name or "," in name:
        raise LocalProtocolError(f"{name!r} is no name of one thing: it may not be empty, begin with a colon, or have spaces or commas")
    return name


def encoded(message: Message) -> bytes:
    """The bytes of ``message``. Raises `LocalProtocolError` for what a server would refuse or cut off."""
    tags, body = encode_tags(message.tags).encode(), message.body()
    if message.params and not body[:-2].endswith(message.params[-1].encode()):
        raise LocalProtocolError(f"{message.command} is too long: {LINE} bytes are what a line holds (RFC 1459 2.3)")
    if len(tags) > CLIENT_TAGS + 2:
        raise LocalProtocolError(f"the tags of {message.command} are too long: {CLIENT_TAGS:,} bytes are the limit (IRCv3 message-tags)")
    return tags + body


def text_messages(source: str, command: str, target: str, text: str, *, action: bool = False) -> list[Message]:
    """``text`` as messages to ``target`` that each arrive whole, with what the server puts in front of them (RFC 1459 2.3).

    ``source`` is ours, ``nick!user@host``; where only the nick is known, there is room for the longest that is usual. Raises
    `LocalProtocolError` for CR, LF or NUL: each line is a message of its own, and who has several says so.
    """
    if FORBIDDEN.search(text) or FORBIDDEN.search(target):
        raise LocalProtocolError("a CR, LF or NUL in a text: say each line by itself (RFC 1459 2.3.1)")
    nick, user, host = parse_source(source)
    overhead = len(f":{nick}!@ {command} {target} :\r\n".encode()) + (len(user) or USER_SIZE + 1) + (len(host) or HOST_SIZE)
    if not action:
        return [Message(command, [target, piece]) for piece in split_text(text, overhead)]
    return [Message(command, [target, ctcp_text("ACTION", piece)]) for piece in split_text(text, overhead + len(ctcp_text("ACTION", " ")))]


def join_messages(channels: Mapping[str, str], most: int) -> Iterator[Message]:
    """JOIN for all ``channels``, name and key, in as few lines as will do, with at most so many each (ISUPPORT TARGMAX); those with keys
    first, as the keys stand in their order."""
    names: list[str] = []
    keys: list[str] = []
    for name, key in sorted(channels.items(), key=lambda item: not item[1]):
        if len(names) == most or (names and len(",".join([*names, name, *keys, key]).encode()) > ROOM):
            yield Message("JOIN", [",".join(names), *([",".join(keys)] if keys else [])])
            names, keys = [], []
        names.append(name)
        keys += [key] if key else []
    if names:
        yield Message("JOIN", [",".join(names), *([",".join(keys)] if keys else [])])
