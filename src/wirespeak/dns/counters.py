"""What a server of names has done, as plain numbers. Pure."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Final

from wirespeak.dns.cookies import Known
from wirespeak.dns.registry import Type, rcode_text, type_text

__all__ = ["Counters", "end_of_question", "rcode_of"]

# All other numbers are counted as one, so that asking for each of 65,536 types doesn't fill the table.
TYPES: Final = frozenset(map(int, Type))


class Counters:
    """Questions by transport, type and response code, connections, bytes, and what was held back.

    Every field may be read at any time; the server writes.
    """

    __slots__ = (
        *("bad_cookies", "connections", "dropped", "good_cookies", "ignored", "new_cookies", "open", "rcodes", "received"),
        *("sent", "slipped", "tcp", "truncated", "types", "udp"),
    )

    def __init__(self) -> None:
        self.udp = 0
        """Questions over UDP, answered or not."""
        self.tcp = 0
        """Questions over TCP."""
        self.open = 0
        """TCP connections that stand now."""
        self.connections = 0
        """TCP connections there have been."""
        self.received = 0
        """Bytes of questions."""
        self.sent = 0
        """Bytes of answers."""
        self.types: defaultdict[int, int] = defaultdict(int)
        """By the type that was asked for; 0 stands for all that have no name."""
        self.rcodes: defaultdict[int, int] = defaultdict(int)
        """By the response code of the answer."""
        self.ignored = 0
        """What was no question, and got no answer."""
        self.truncated = 0
        """Answers that did not fit (TC)."""
        self.dropped = 0
        """Answers that the limit on their rate held back."""
        self.slipped = 0
        """Answers that it cut short."""
        self.new_cookies = 0
        """Clients' cookies without one of ours."""
        self.good_cookies = 0
        self.bad_cookies = 0

    def opened(self) -> None:
        """A connection came about."""
        self.open += 1
        self.connections += 1

    def closed(self) -> None:
        """A connection is over."""
        self.open -= 1

    def known(self, known: Known) -> None:
        """What a cookie told."""
        self.new_cookies += known is Known.NEW
        self.good_cookies += known is Known.GOOD
        self.bad_cookies += known is Known.BAD

    def answered(self, query: bytes, reply: bytes | None, *, tcp: bool) -> None:
        """A message came, and got this reply, or none."""
        if tcp:
            self.tcp += 1
        else:
            self.udp += 1
        self.received += len(query)
        if reply is None:
            self.ignored += 1
            return
        self.sent += len(reply)
        end = end_of_question(reply)
        self.rcodes[rcode_of(reply, end)] += 1
        if reply[2] & 2:
            self.truncated += 1
        if end > 12:
            type = int.from_bytes(reply[end - 4 : end - 2], "big")
            self.types[type if type in TYPES else 0] += 1

    @property
    def questions(self) -> int:
        """Questions, over either transport."""
        return self.udp + self.tcp

    def as_data(self) -> dict[str, Any]:
        """All of it, for JSON."""
        by_type = {type_text(type) if type else "other": count for type, count in sorted(self.types.items())}
        return {
            "connections": {"open": self.open, "total": self.connections},
            "questions": {
                "total": self.questions,
                "udp": self.udp,
                "tcp": self.tcp,
                "ignored": self.ignored,
                "by_type": by_type,
                "by_rcode": {rcode_text(rcode): count for rcode, count in sorted(self.rcodes.items())},
            },
            "answers": {"truncated": self.truncated, "dropped": self.dropped, "slipped": self.slipped},
            "cookies": {"new": self.new_cookies, "good": self.good_cookies, "bad": self.bad_cookies},
            "bytes": {"received": self.received, "sent": self.sent},
        }


def rcode_of(reply: bytes, end: int) -> int:
    """The whole response code of a reply of ours whose question ends at ``end``.

    One above 15 has its upper bits in an OPT record (RFC 6891 6.1.3), which in an error is the first record.
    """
    rcode = reply[3] & 15
    if reply[6:10] == b"\0\0\0\0" and reply[end : end + 3] == b"\0\0\x29":
        rcode |= reply[end + 5] << 4
    return rcode


def end_of_question(message: bytes) -> int:
    """Where the question of a message of ours ends, which has one, uncompressed, or none."""
    if message[4:6] != b"\0\1":
        return 12
    at = 12
    while size := message[at]:
        at += size + 1
    return at + 5
