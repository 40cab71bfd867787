"""Catching mail: taken for anyone, delivered to no one, kept in one Maildir with its envelope and its conversation.

    catch = Catch("caught")
    SmtpServer(Everyone(catch), …)
    Listener(sockets, server, watch=catch.watch)      # for the conversations

A program under test may want to log in: `AnyLogin` lets it, whatever it says. Touches that Maildir.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Sequence
from typing import Any, Final
from weakref import WeakKeyDictionary

from wirespeak.contract import Link
from wirespeak.errors import WirespeakError
from wirespeak.sasl import ITERATIONS, SALT, Authenticator, ScramKeys
from wirespeak.smtp.delivery.maildir import Maildir
from wirespeak.smtp.inbox.envelope import Envelope, Line, keep_envelope, make_room
from wirespeak.smtp.inbox.store import Inbox
from wirespeak.smtp.inbox.transcript import Transcript
from wirespeak.smtp.messages import Reply
from wirespeak.smtp.trace import protocol
from wirespeak.smtp.transaction import Outcome, Route, Spool, Transaction
from wirespeak.sockets.address import Address
from wirespeak.sockets.tasks import in_thread
from wirespeak.sockets.threads import Threads

__all__ = ["AnyLogin", "Catch"]

logger = logging.getLogger("wirespeak.smtp")


class Catch(Maildir):
    """A delivery whose mail all goes into the Maildir ``folder``, once however many it is for, with its envelope beside it.

    The newest ``keep`` mails are kept, and none older than ``keep_age`` seconds, where that is said: `prune` sees to it.
    """

    def __init__(
        self, folder: str | os.PathLike[str], hostname: str = "localhost", *, keep: int | None = None, keep_age: float | None = None
    ) -> None:
        super().__init__(folder, hostname)
        self._keep = keep
        self._keep_age = keep_age
        self._transcripts: WeakKeyDictionary[Link, Transcript] = WeakKeyDictionary()
        self._pruning = Threads(1, "wirespeak-prune")

    def watch(self, link: Link) -> Transcript:
        """An observer for a new connection: give this to its `Listener`, so that mails are kept with what was said."""
        transcript = self._transcripts[link] = Transcript()
        return transcript

    def prune(self) -> None:
        """Begin to remove what is not to be kept, in a thread. To be called now and then."""
        if self._keep is not None or self._keep_age is not None:
            self._pruning.start(self._prune)

    def _prune(self) -> None:
        try:
            with Inbox.open(self.folder) as inbox:
                inbox.prune(count=self._keep, age=self._keep_age)
        except WirespeakError as error:
            logger.warning("old mail could not be removed: %s", error)

    # --- as a Maildir

    def path_of(self, target: str) -> str:
        return str(self.folder)

    async def deliver(self, transaction: Transaction, spool: Spool, routes: Sequence[Route]) -> list[Outcome]:
        # A client may have sent all of its commands at once: the answers to the first ones are in the transcript when this turn is over.
        await in_thread(make_room, self.folder)
        reply = Reply(250, f"Taken as {transaction.id}", "2.0.0")
        await in_thread(keep_envelope, self.folder, self._envelope(transaction, reply))
        outcomes = await super().deliver(transaction, spool, routes)
        return [Outcome(outcome.recipient, reply) if outcome.reply.is_positive else outcome for outcome in outcomes]

    def _envelope(self, transaction: Transaction, reply: Reply) -> Envelope:
        sender, tls, link = transaction.sender, transaction.tls, transaction.link
        transcript = self._transcripts.get(link) if link is not None else None
        lines = [] if transcript is None else transcript.lines()
        if lines:
            lines.append(Line(lines[-1].at, "server", str(reply)))  # said once it is kept
        return Envelope(
            id=transaction.id,
            sender="" if sender is None or sender.mailbox is None else str(sender.mailbox),
            recipients=[str(recipient.mailbox) for recipient in transaction.recipients],
            peer=_address(transaction.peer),
            local=_address(transaction.local),
            hello=transaction.hello,
            protocol=protocol(transaction),
            tls="" if tls is None else f"{tls.version} {tls.cipher}",
            user=transaction.user or "",
            received_at=transaction.received_at,
            kept_at=time.time(),
            size=transaction.size,
            transcript=lines,
        )


class _AnyPassword(ScramKeys):
    """The keys that every password fits."""

    def check(self, password: str) -> bool:
        return True


ANY_PASSWORD: Final = _AnyPassword(ITERATIONS, bytes(SALT), bytes(32), bytes(32))


class AnyLogin(Authenticator):
    """Lets in whoever says a name and a password, any, by PLAIN or LOGIN: nothing is protected by it."""

    def __init__(self) -> None:
        super().__init__(find=lambda user: (ANY_PASSWORD, True))

    def mechanisms(self, *, secure: bool, binding: bytes | None = None, external: str | None = None) -> list[str]:
        return [name for name in super().mechanisms(secure=secure) if name in ("PLAIN", "LOGIN")]


def _address(name: Any) -> str:
    return str(Address.of(name)) if name else ""
