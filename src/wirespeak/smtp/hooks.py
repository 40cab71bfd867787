"""Hooks: functions that are asked for a verdict at each step of a mail's way in.

    def no_spam(transaction: Transaction, recipient: Recipient) -> Reply | None:
        if recipient.mailbox.local == "trap":
            return Reply(550, "Nobody reads this", "5.7.1")

    SmtpServer(..., hooks=Hooks(recipient=no_spam))

All have this one signature, and may be coroutines: ``async def`` where something has to be asked elsewhere. None lets things go
on; a positive `Reply` does too, and is what the client is told; any other refuses the step. One that raises is told in the
log, and to the client as 451 4.3.0 (a failure of ours, to be tried again); the connection goes on. Where several recipients are
pipelined behind each other, each is asked about once the one before is answered. A coroutine is cancelled when the client goes.

Pure: nothing outside is touched.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from wirespeak.smtp.messages import Hello, Recipient, Reply, Sender
from wirespeak.smtp.transaction import Outcome, Spool, Transaction

__all__ = ["Hook", "Hooks"]

T = TypeVar("T")

Hook: TypeAlias = Callable[[Transaction, T], Reply | Awaitable[Reply | None] | None]


@dataclass(slots=True, frozen=True)
class Hooks:
    """What is asked at which step, in the order of a conversation; nothing where it is None."""

    connect: Hook[Any] | None = None
    """Somebody connected; given his address. A refusal is the greeting: 554 (RFC 5321 3.1), or 421 and the connection is closed."""
    hello: Hook[Hello] | None = None
    """EHLO, HELO or LHLO."""
    auth: Hook[str] | None = None
    """Somebody logged in as this user, and has shown that he is the one."""
    sender: Hook[Sender] | None = None
    """MAIL. ``transaction.id`` stands from here on."""
    recipient: Hook[Recipient] | None = None
    """RCPT, of somebody who gets mail here; ``transaction.recipients`` are those before him."""
    headers: Hook[Sequence[tuple[str, str]]] | None = None
    """The header is whole, the body is not; given its fields. A refusal is said at the end of the mail, as SMTP has no place
    for it before, but nothing more of the mail is kept."""
    data: Hook[Spool] | None = None
    """The mail is whole, and not yet delivered. ``Spool.pieces()`` reads it (in a thread, where it may be large)."""
    delivered: Hook[Sequence[Outcome]] | None = None
    """It is delivered, or could not be, and the client was told so: what this one returns counts for nothing. It is not
    cancelled when the client goes."""
