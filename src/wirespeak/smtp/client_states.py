"""What a client of SMTP may say when, as a table (RFC 5321 4.1.4): a row that is missing may not be said; and how long it waits (4.5.3.2).

The diagram in the README is drawn from the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import Enum
from typing import Final, Self

from wirespeak.contract import StartTLS
from wirespeak.smtp.messages import (
    Auth,
    AuthAnswer,
    AuthCancelled,
    Command,
    Data,
    DataBegin,
    DataEnd,
    Expand,
    Hello,
    Recipient,
    Reset,
    Sender,
    Verify,
)

__all__ = ["GOES_ON", "MOVES", "State", "Timeouts"]


class State(Enum):
    """What a client may say depends on what it has said, and on the answers that have come."""

    GREETING = 1  # the server speaks first
    HELLO = 2  # nothing is known of the server, or no longer
    READY = 3  # no mail is under way
    MAIL = 4  # its sender is said
    RCPT = 5  # a recipient too
    DATA = 6  # its text goes
    LOGIN = 7
    TLS = 8  # agreed on; nothing more is said in clear
    OVER = 9


MOVES: Final[Mapping[tuple[State, type | str], State]] = {
    (State.GREETING, "greeting"): State.HELLO,
    (State.HELLO, Hello): State.READY,
    (State.READY, StartTLS): State.TLS,
    (State.TLS, "secured"): State.HELLO,
    (State.READY, Auth): State.LOGIN,
    (State.LOGIN, AuthAnswer): State.LOGIN,
    (State.LOGIN, AuthCancelled): State.LOGIN,
    (State.LOGIN, "answer"): State.READY,
    (State.READY, Sender): State.MAIL,
    (State.MAIL, Recipient): State.RCPT,
    (State.RCPT, Recipient): State.RCPT,
    (State.RCPT, DataBegin): State.DATA,
    (State.DATA, Data): State.DATA,
    (State.DATA, DataEnd): State.READY,
    (State.READY, Reset): State.READY,
    (State.MAIL, Reset): State.READY,
    (State.RCPT, Reset): State.READY,
    (State.READY, Verify): State.READY,
    (State.READY, Expand): State.READY,
    (State.READY, Command): State.READY,
    (State.MAIL, Verify): State.MAIL,
    (State.MAIL, Expand): State.MAIL,
    (State.MAIL, Command): State.MAIL,
    (State.RCPT, Verify): State.RCPT,
    (State.RCPT, Expand): State.RCPT,
    (State.RCPT, Command): State.RCPT,
    (State.HELLO, "QUIT"): State.OVER,
    (State.READY, "QUIT"): State.OVER,
    (State.MAIL, "QUIT"): State.OVER,
    (State.RCPT, "QUIT"): State.OVER,
}
"""Which state follows what is said, or what comes (RFC 5321 4.1.4): what has no row may not be said. What is refused leads back."""

GOES_ON: Final = frozenset({Sender, Recipient, Reset, Data})
"""Said with PIPELINING, the next may follow before their answer (RFC 2920 3.1; of BDAT, RFC 3030 2). Everything else ends a group."""


@dataclass(slots=True, frozen=True)
class Timeouts:
    """How long to wait for the server, in seconds; as RFC 5321 4.5.3.2 has it, which is patient: servers look things up meanwhile.

    ``connect`` is for looking the host up and connecting, and once more for the handshake of TLS; ``greeting`` for its first words;
    ``command`` for the answer to a command; ``data`` for that to DATA; ``block`` for the server to take some of the text; ``end``
    for its word that the mail is taken: who gives up too early there sends it twice. ``quit`` is for its goodbye, which
    changes nothing any more.
    """

    connect: float = 30.0
    greeting: float = 300.0
    command: float = 300.0
    data: float = 120.0
    block: float = 180.0
    end: float = 600.0
    quit: float = 5.0

    @classmethod
    def at_most(cls, seconds: float) -> Self:
        """As usual, but nothing longer than so many seconds."""
        usual = cls()
        return cls(*(min(seconds, getattr(usual, field.name)) for field in fields(cls)))
