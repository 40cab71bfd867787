"""What one connection to a mail server may take of time and space: what its user may set, and what stands fast."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ServerLimits"]


@dataclass(slots=True, frozen=True)
class ServerLimits:
    """The bounds of one connection; times in seconds, sizes in bytes.

    ``size``: of a mail, its lines ended by CRLF, as SIZE announces it (RFC 1870); 0 for any. ``recipients``: of one mail; 100
    are due (RFC 5321 4.5.3.1.8). ``text_line``: of the mail, with its CRLF (RFC 5321 4.5.3.1.6); 0 for any: many programs write
    longer ones, and a catcher of mail wants to see them. ``hops``: Received lines, from which on a mail is taken to go round
    in a loop (RFC 5321 6.3 wants 100 at least). ``errors``: refused commands since the last mail; ``logins``: failed ones;
    then 421.

    Times, no shorter than RFC 5321 4.5.3.2 asks: ``command_time`` to say the next command, however slowly its bytes come;
    ``data_time`` to send the next piece of a mail, which must also come, once so much time is over, at ``data_rate`` bytes a
    second at least. ``answer_time``: what our own side may take for an answer, a little less than the client waits (4.5.3.2.1 to
    .5); ``delivery_time``: for the answer to a whole mail (4.5.3.2.6). ``grace``: for the peer to take our output.
    """

    size: int = 50 << 20
    recipients: int = 1000
    text_line: int = 1000
    hops: int = 100
    errors: int = 20
    logins: int = 3
    command_time: float = 300.0
    data_time: float = 300.0
    data_rate: int = 1024
    answer_time: float = 110.0
    delivery_time: float = 590.0
    grace: float = 30.0


# What is kept of later commands while an answer is made. Enough for pipelining; the rest waits in the peer's socket.
KEPT = 64 << 10
# Mail given out and not yet consumed: what one connection may hold of a mail whose store is slow.
WINDOW = 256 << 10
# Commands that the session answers by itself in one call; then other connections have their turn.
COMMANDS_A_CALL = 64
# A line that doesn't end is dropped as it comes, up to so many bytes; a whole mail that is too long, up to so many of them.
ENDLESS_LINE = 1 << 20
ENDLESS_MAIL = 1 << 30
# Seconds, and bytes, that are read and dropped after our last word, so that it isn't lost to a reset (RFC 9293 3.6).
LINGER_TIME = 2.0
LINGER_SIZE = 16 << 20
