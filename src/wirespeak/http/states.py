"""What may follow what on an HTTP/1.1 connection, as tables (RFC 9112 9.3): a row that is missing is the protocol error.

Each side of a connection does two things at a time, it reads and it writes, so each side has two small tables and not
one large one. The diagrams in the README are drawn from these.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class Event(IntEnum):
    """What makes a side move on."""

    REQUEST = 1  # a request without a body
    REQUEST_HEAD = 2  # a request whose body follows
    RESPONSE = 3  # a final response, whole
    RESPONSE_HEAD = 4  # a final response whose body follows
    INTERIM = 5  # a 1xx response, but 101
    SWITCH = 6  # 101, or a 2xx to CONNECT: HTTP ends here
    DATA = 7
    END = 8  # of a body
    NEXT = 9  # both sides are done with this exchange, and the connection is kept
    CLOSE = 10  # no further exchange on this connection


class Reads(IntEnum):
    """What a side makes of the bytes that come."""

    HEAD = 1  # the head of a message, or nothing for now
    BODY = 2
    WAIT = 3  # its message is whole; what comes now belongs to the next, and is kept
    TUNNEL = 4  # bytes of another protocol
    DISCARD = 5  # thrown away until the peer has ended its side too (RFC 9112 9.6)


class Writes(IntEnum):
    """What a side has to say."""

    IDLE = 1
    ANSWER = 2  # (server) an answer is due
    BODY = 3  # the head is said, its body is not whole
    DONE = 4
    TUNNEL = 5
    CLOSED = 6


SERVER_READS: Final[dict[tuple[Reads, Event], Reads]] = {
    (Reads.HEAD, Event.REQUEST): Reads.WAIT,
    (Reads.HEAD, Event.REQUEST_HEAD): Reads.BODY,
    (Reads.HEAD, Event.CLOSE): Reads.DISCARD,
    (Reads.BODY, Event.DATA): Reads.BODY,
    (Reads.BODY, Event.END): Reads.WAIT,
    (Reads.BODY, Event.CLOSE): Reads.DISCARD,
    (Reads.WAIT, Event.NEXT): Reads.HEAD,
    (Reads.WAIT, Event.SWITCH): Reads.TUNNEL,
    (Reads.WAIT, Event.CLOSE): Reads.DISCARD,
    (Reads.TUNNEL, Event.DATA): Reads.TUNNEL,
    (Reads.TUNNEL, Event.CLOSE): Reads.DISCARD,
    (Reads.DISCARD, Event.DATA): Reads.DISCARD,
    (Reads.DISCARD, Event.CLOSE): Reads.DISCARD,
}

SERVER_WRITES: Final[dict[tuple[Writes, Event], Writes]] = {
    (Writes.IDLE, Event.REQUEST): Writes.ANSWER,
    (Writes.IDLE, Event.REQUEST_HEAD): Writes.ANSWER,
    (Writes.IDLE, Event.CLOSE): Writes.CLOSED,
    (Writes.ANSWER, Event.INTERIM): Writes.ANSWER,
    (Writes.ANSWER, Event.RESPONSE): Writes.DONE,
    (Writes.ANSWER, Event.RESPONSE_HEAD): Writes.BODY,
    (Writes.ANSWER, Event.SWITCH): Writes.TUNNEL,
    (Writes.ANSWER, Event.CLOSE): Writes.CLOSED,
    (Writes.BODY, Event.DATA): Writes.BODY,
    (Writes.BODY, Event.END): Writes.DONE,
    (Writes.BODY, Event.CLOSE): Writes.CLOSED,
    (Writes.DONE, Event.NEXT): Writes.IDLE,
    (Writes.DONE, Event.CLOSE): Writes.CLOSED,
    (Writes.TUNNEL, Event.DATA): Writes.TUNNEL,
    (Writes.TUNNEL, Event.CLOSE): Writes.CLOSED,
    (Writes.CLOSED, Event.CLOSE): Writes.CLOSED,
}

CLIENT_WRITES: Final[dict[tuple[Writes, Event], Writes]] = {
    (Writes.IDLE, Event.REQUEST): Writes.DONE,
    (Writes.IDLE, Event.REQUEST_HEAD): Writes.BODY,
    (Writes.IDLE, Event.CLOSE): Writes.CLOSED,
    (Writes.BODY, Event.DATA): Writes.BODY,
    (Writes.BODY, Event.END): Writes.DONE,
    (Writes.BODY, Event.CLOSE): Writes.CLOSED,
    (Writes.DONE, Event.NEXT): Writes.IDLE,
    (Writes.DONE, Event.SWITCH): Writes.TUNNEL,
    (Writes.DONE, Event.CLOSE): Writes.CLOSED,
    (Writes.TUNNEL, Event.DATA): Writes.TUNNEL,
    (Writes.TUNNEL, Event.CLOSE): Writes.CLOSED,
    (Writes.CLOSED, Event.CLOSE): Writes.CLOSED,
}

CLIENT_READS: Final[dict[tuple[Reads, Event], Reads]] = {
    (Reads.HEAD, Event.INTERIM): Reads.HEAD,
    (Reads.HEAD, Event.RESPONSE): Reads.WAIT,
    (Reads.HEAD, Event.RESPONSE_HEAD): Reads.BODY,
    (Reads.HEAD, Event.SWITCH): Reads.TUNNEL,
    (Reads.HEAD, Event.CLOSE): Reads.DISCARD,
    (Reads.BODY, Event.DATA): Reads.BODY,
    (Reads.BODY, Event.END): Reads.WAIT,
    (Reads.BODY, Event.CLOSE): Reads.DISCARD,
    (Reads.WAIT, Event.NEXT): Reads.HEAD,
    (Reads.WAIT, Event.CLOSE): Reads.DISCARD,
    (Reads.TUNNEL, Event.DATA): Reads.TUNNEL,
    (Reads.TUNNEL, Event.CLOSE): Reads.DISCARD,
    (Reads.DISCARD, Event.DATA): Reads.DISCARD,
    (Reads.DISCARD, Event.CLOSE): Reads.DISCARD,
}
