"""One mail's data, on its way from the session into the spool.

    data ──▶ the header, held until it is whole ──▶ what it lacks? the hook? ──▶ spool
                                                   the rest, as it comes ─────▶ spool

The header is looked at where somebody wants it: a submitted mail may lack fields (RFC 6409 8), and a hook may be asked about it. It is
mostly whole in the first piece. Once a mail is refused, what still comes of it is dropped: SMTP has no place for a word before its
end. Touches nothing outside but the spool it is given.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Final, Protocol

from wirespeak.smtp.messages import Reply
from wirespeak.smtp.trace import FIELD_NAME, HEAD_LIMIT, completed, end_of_head
from wirespeak.smtp.transaction import Delivery, Outcome, Route, Transaction

__all__ = ["Host", "Incoming", "distinct", "one_for_all", "one_for_each"]

HEAD_TOO_LONG: Final = Reply(552, f"The header of this mail has more than {HEAD_LIMIT // 1024} KB", "5.3.4")

# Most mails never wait, and share this.
NOTHING: Final[deque[bytes | None]] = deque()


class Host(Protocol):
    """The conversation in which a mail comes in."""

    def consumed(self, count: int) -> None:
        """So many bytes are dealt with, and as many may come."""
        ...

    def start(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run it as a task, which ends with the mail."""
        ...

    def ask_about_header(self, head: bytes, then: Callable[[Reply | None], None]) -> None:
        """Have the hook look at the header, and go on with ``then`` and its verdict."""
        ...

    def whole(self, mail: Incoming) -> None:
        """All of it is in the spool, or refused."""
        ...

    def failed(self, error: BaseException) -> Reply:
        """What the client is told of a failure of ours."""
        ...


class Incoming:
    """The mail of ``transaction`` as it comes in for ``routes``, which share ``delivery``. Raises `StorageError`.

    ``found`` are the routes of each recipient, of which ``routes`` are the `distinct` ones. With ``complete`` its header gets what
    a submitted mail lacks; with ``strip_bcc`` as well, it loses its Bcc fields. With ``shows_header`` the host is asked about its header.
    """

    __slots__ = (
        "_complete",
        "_held",
        "_host",
        "_queue",
        "_shows_header",
        "_strip_bcc",
        "_transaction",
        "_waits",
        "acceptance",
        "delivery",
        "found",
        "head",
        "refusal",
        "routes",
        "spool",
    )

    def __init__(
        self,
        host: Host,
        transaction: Transaction,
        delivery: Delivery,
        routes: Sequence[Route],
        found: Sequence[Sequence[Route]] = (),
        *,
        complete: bool = False,
        strip_bcc: bool = False,
        shows_header: bool = False,
    ) -> None:
        self._host = host
        self._transaction = transaction
        self._complete = complete
        self._strip_bcc = strip_bcc
        self._shows_header = shows_header
        self._held: bytearray | None = None  # of a header that is not whole
        self._waits = False  # for the disk, or for the hook
        # What came meanwhile, None for the end. Bounded by what the session gives out unconsumed.
        self._queue: deque[bytes | None] = NOTHING
        self.delivery = delivery
        self.routes = routes
        self.found = found
        self.spool = delivery.open(transaction, routes)
        self.head: bytes | None = None if complete or shows_header else b""
        """The header as the client sent it; None until it is whole, empty where nobody wants it."""
        self.refusal: Reply | None = None
        """What is to be answered at the mail's end, whatever else comes."""
        self.acceptance: Reply | None = None
        """What a hook wants to be answered where all goes well."""

    def data(self, piece: bytes) -> None:
        """Take in the next piece."""
        if self._waits:
            self._queue.append(piece)
        else:
            self._take(piece)

    def end(self) -> None:
        """There is no more of it: `Host.whole` follows, once what came is dealt with."""
        if not self._waits and self.head is None and self.refusal is None:
            self._take(b"", last=True)  # it ended before its header did
        if self._waits:
            self._queue.append(None)
        else:
            self._host.whole(self)

    def refuse(self, reply: Reply) -> None:
        """The mail will not be taken: keep nothing of it."""
        self.refusal = reply
        self._held = None
        self.spool.abandon()

    # --- pieces, in order

    def _take(self, piece: bytes, *, last: bool = False) -> None:
        self._transaction.size += len(piece)
        waits: Awaitable[None] | None = None
        asks = False
        if self.refusal is None:
            try:
                if self.head is None:
                    ready = self._look(piece, last)
                    if ready is not None:
                        asks = self._shows_header
                        waits = self.spool.write(ready)
                else:
                    waits = self.spool.write(piece)
            except Exception as error:
                asks = False
                self.refuse(self._host.failed(error))
        if waits is not None:
            self._pause()
            self._host.start(self._wait(waits, len(piece), asks))
            return
        self._host.consumed(len(piece))
        if asks:
            self._pause()
            self._ask()

    async def _wait(self, waits: Awaitable[None], size: int, asks: bool) -> None:
        try:
            await waits
        except Exception as error:
            self.refuse(self._host.failed(error))
        self._host.consumed(size)
        if asks and self.refusal is None:
            self._ask()
        else:
            self._go_on()

    def _ask(self) -> None:
        self._host.ask_about_header(self.head or b"", self._answered)

    def _answered(self, reply: Reply | None) -> None:
        if reply is not None and not reply.is_positive:
            self.refuse(reply)
        self._go_on()

    def _pause(self) -> None:
        self._waits = True
        if self._queue is NOTHING:
            self._queue = deque()

    def _go_on(self) -> None:
        """Take what came in the meantime."""
        self._waits = False
        while self._queue and not self._waits:
            piece = self._queue.popleft()
            if piece is None:
                self.end()
            else:
                self._take(piece)

    # --- the header

    def _look(self, piece: bytes, last: bool) -> bytes | None:
        """What can be kept now, the header in front; None while that is not whole, or where it is refused."""
        held = self._held
        if held is None:
            end, size = end_of_head(piece), len(piece)
        else:
            start = len(held)
            held += piece
            end, size = end_of_head(held, start), len(held)
        if end < 0:
            if size > HEAD_LIMIT:
                self.refuse(HEAD_TOO_LONG)
                return None
            if not last:
                if held is None:
                    self._held = bytearray(piece)
                return None
            end = size if FIELD_NAME.match(held or piece) else 0
        data = piece if held is None else bytes(held)
        self._held = None
        self.head = head = data[:end]
        if not self._complete:
            return data
        # Where it has no header at all, what it begins with must not be taken for the rest of ours.
        parted = b"" if data.startswith(b"\r\n", end) else b"\r\n"
        return completed(head, self._transaction, strip_bcc=self._strip_bcc) + parted + data[end:]


# --- several recipients


def distinct(found: Sequence[Sequence[Route]]) -> Sequence[Route]:
    """The routes of all recipients; whoever is reached in two ways gets one mail."""
    if len(found) == 1:
        return found[0]
    return list({_place(route): route for routes in found for route in routes}.values())


def one_for_all(outcomes: Sequence[Outcome]) -> Reply | None:
    """The reply that stands for all: what can be tried again, before what can't; None where all is well."""
    worst = None
    for outcome in outcomes:
        code = outcome.reply.code
        if code >= 400 and (worst is None or code < 500 <= worst.code):
            worst = outcome.reply
    return worst


def one_for_each(found: Sequence[Sequence[Route]], routes: Sequence[Route], outcomes: Sequence[Outcome]) -> list[Reply | None]:
    """The reply to each recipient, whose routes are ``found``, of the outcomes of all ``routes`` (RFC 2033 4.2); None where all is well."""
    of_place = {_place(route): outcome for route, outcome in zip(routes, outcomes, strict=True)}
    return [one_for_all([of_place[_place(route)] for route in own]) for own in found]


def _place(route: Route) -> tuple[int, str]:
    return id(route.delivery), route.target
