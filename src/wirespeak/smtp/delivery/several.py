"""A mail whose recipients go different ways: a spool with each delivery, all written alike, and the outcomes put together.

What one delivery did can't be undone when another fails then: the outcomes tell which, and the server answers as well as one
reply for several recipients can. Touches nothing outside but through the deliveries.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterator, Sequence
from typing import Final

from wirespeak.errors import StorageError
from wirespeak.smtp.messages import Reply
from wirespeak.smtp.transaction import Delivery, Outcome, Route, Spool, Transaction

__all__ = ["Several", "for_routes"]

NO_STORAGE: Final = Reply(452, "Insufficient system storage", "4.3.1")


def for_routes(routes: Sequence[Route]) -> Delivery:
    """What delivers to all of ``routes``: their own delivery, where they have one in common."""
    first = routes[0].delivery
    return first if all(route.delivery is first for route in routes) else Several()


class Several:
    """Gives a mail to each delivery that its routes name (`transaction.Delivery`)."""

    def open(self, transaction: Transaction, routes: Sequence[Route]) -> Spool:
        spools: list[tuple[Delivery, Spool]] = []
        try:
            for delivery in {id(route.delivery): route.delivery for route in routes}.values():
                spools.append((delivery, delivery.open(transaction, [route for route in routes if route.delivery is delivery])))
        except StorageError:
            _Spools(spools).abandon()
            raise
        return _Spools(spools)

    async def deliver(self, transaction: Transaction, spool: Spool, routes: Sequence[Route]) -> list[Outcome]:
        assert isinstance(spool, _Spools), "a mail is delivered by who opened it"
        found: dict[int, Outcome] = {}
        for delivery, part in spool.parts:
            own = [(number, route) for number, route in enumerate(routes) if route.delivery is delivery]
            try:
                outcomes = delivery.deliver(transaction, part, [route for _, route in own])
                if isinstance(outcomes, Awaitable):
                    outcomes = await outcomes
            except StorageError:
                part.abandon()
                outcomes = [Outcome(route.recipient, NO_STORAGE) for _, route in own]
            found.update(zip((number for number, _ in own), outcomes, strict=True))
        return [found[number] for number in range(len(routes))]


class _Spools:
    """One mail, written to several spools (`transaction.Spool`)."""

    __slots__ = ("parts",)

    def __init__(self, parts: list[tuple[Delivery, Spool]]) -> None:
        self.parts = parts

    def write(self, data: bytes) -> Awaitable[None] | None:
        waits = [wait for _, spool in self.parts if (wait := spool.write(data)) is not None]
        return None if not waits else waits[0] if len(waits) == 1 else _all_of(waits)

    def pieces(self) -> Iterator[bytes]:
        """Those of the first that keeps any."""
        for _, spool in self.parts:
            empty = True
            for piece in spool.pieces():
                empty = False
                yield piece
            if not empty:
                return

    def abandon(self) -> None:
        for _, spool in self.parts:
            spool.abandon()


async def _all_of(waits: Sequence[Awaitable[None]]) -> None:
    failed: StorageError | None = None
    for wait in waits:
        try:
            await wait
        except StorageError as error:
            failed = error
    if failed is not None:
        raise failed
