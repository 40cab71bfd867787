"""A mail on its way in, and what a server, its hooks, its recipients and its deliveries hand each other.

    MAIL, RCPT ──▶ Transaction ── who sends, to whom, from where
    RCPT ────────▶ Recipients.route ──▶ Routes: into which Delivery, and where there; or a Reply that refuses
    DATA ────────▶ Delivery.open ─────▶ Spool ◀── the mail, in pieces
    its end ─────▶ Delivery.deliver ──▶ an Outcome of each route ──▶ the answer

A mail transaction is what RFC 5321 3.3 calls so: from MAIL to the end of the mail's data, or to RSET. Shapes only: nothing
outside is touched. Deliveries are in ``delivery/``, recipients in ``recipients.py``; ``server.py`` joins them to the session.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from wirespeak.contract import Link
from wirespeak.smtp.messages import Recipient, Reply, Sender

__all__ = ["Delivery", "Outcome", "Recipients", "Route", "Spool", "Transaction"]


@dataclass(slots=True)
class Transaction:
    """A mail on its way in; before MAIL, who is about to send one. Hooks are given it, and may read all of it."""

    hostname: str = ""
    """What we call ourselves."""
    peer: Any = None
    """The client's address, as its socket tells it."""
    local: Any = None
    """Ours, at which it came in."""
    tls: Any = None
    """What TLS agreed on (`sockets.tls.TLSInfo`); None in clear."""
    link: Link | None = None
    """The connection it comes over."""
    hello: str = ""
    """What the client calls itself."""
    esmtp: bool = False
    """Whether it began with EHLO or LHLO."""
    lmtp: bool = False
    submission: bool = False
    """Whether it came in where mail is submitted (RFC 6409), and not where other servers bring theirs."""
    user: str | None = None
    """Who has logged in (RFC 4954)."""
    notes: dict[str, Any] = field(default_factory=dict)
    """What hooks keep here for each other; it stays for the connection's other mails."""
    id: str = ""
    """The mail's name in our replies, our log and its Received line; from MAIL on."""
    received_at: float = 0.0
    """When MAIL came, in seconds since 1970."""
    sender: Sender | None = None
    recipients: list[Recipient] = field(default_factory=list)
    """Those that were accepted."""
    headers: list[tuple[str, str]] = field(default_factory=list)
    """The header's fields as the client wrote them, unfolded (RFC 5322 2.2.3), where a hook asks for them."""
    size: int = 0
    """Bytes of mail that have come."""

    def another(self) -> Transaction:
        """One of the same connection, about whose mail nothing is known yet."""
        return Transaction(
            self.hostname,
            self.peer,
            self.local,
            self.tls,
            self.link,
            self.hello,
            self.esmtp,
            self.lmtp,
            self.submission,
            self.user,
            self.notes,
        )


class Spool(Protocol):
    """Where one mail is written as it comes; it is never whole in memory."""

    def write(self, data: bytes) -> Awaitable[None] | None:
        """Keep the next piece: None where it is taken, else what to await before the next one. Both raise `StorageError`."""
        ...

    def pieces(self) -> Iterator[bytes]:
        """The mail as it came, in pieces, after the last `write`; nothing where nothing is kept. Raises `StorageError`."""
        ...

    def abandon(self) -> None:
        """The mail is not to be delivered: leave no trace of it. At any time; after a delivery, and a second time, it does nothing."""
        ...


@dataclass(slots=True, frozen=True)
class Route:
    """Where a mail goes for ``recipient``: into ``delivery``, and there to ``target``.

    For who is at home here that is ``domain/local-part``, both folded to one case: the domain has no slash, the local part is the
    peer's own choice and may hold any character, so who makes a file's name of it has to escape it. For others it is their
    address's ``domain/local-part`` as it was written.
    """

    recipient: Recipient
    delivery: Delivery
    target: str


@dataclass(slots=True)
class Outcome:
    """What came of one route: a positive reply once the mail is safe there, another where it is not."""

    recipient: Recipient
    reply: Reply


class Delivery(Protocol):
    """What takes mail over: a Maildir, another server, a program. It puts Received, and Return-Path where the mail's journey
    ends, in front (`trace.received`, `trace.return_path`)."""

    def open(self, transaction: Transaction, routes: Sequence[Route]) -> Spool:
        """Make ready for a mail. Raises `StorageError`."""
        ...

    def deliver(self, transaction: Transaction, spool: Spool, routes: Sequence[Route]) -> Sequence[Outcome] | Awaitable[Sequence[Outcome]]:
        """Deliver what was spooled: one outcome for each of ``routes``, in their order.

        Positive only for what will be there after a power cut (RFC 5321 4.2.5). An ordinary function where nothing is waited for, else
        a coroutine, which goes on where the client goes before it is done. It ends the spool. Raises `StorageError`.
        """
        ...


class Recipients(Protocol):
    """Who gets mail here."""

    def route(self, transaction: Transaction, recipient: Recipient) -> Sequence[Route] | Reply:
        """Where the mail goes, at least one route; or the reply that refuses the recipient."""
        ...

    def verify(self, text: str) -> Reply:
        """The answer to VRFY (RFC 5321 3.5)."""
        ...

    def expand(self, text: str) -> Reply:
        """The answer to EXPN (RFC 5321 3.5)."""
        ...
