"""Mail that is taken and forgotten: for trials, for benchmarks, and for addresses whose mail nobody wants.

Nothing is kept, written or waited for. Touches nothing outside.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from wirespeak.smtp.messages import Reply
from wirespeak.smtp.transaction import Outcome, Route, Spool, Transaction

__all__ = ["Discard"]

DISCARDED: Final = Reply(250, "Ok", "2.0.0")


class _Nothing:
    """A spool that keeps nothing (`transaction.Spool`)."""

    __slots__ = ()

    def write(self, data: bytes) -> None:
        return None

    def pieces(self) -> Iterator[bytes]:
        return iter(())

    def abandon(self) -> None:
        return None


NOTHING: Final = _Nothing()


class Discard:
    """Forgets every mail (`transaction.Delivery`). A hook that wants to read one sees nothing."""

    def open(self, transaction: Transaction, routes: Sequence[Route]) -> Spool:
        return NOTHING

    def deliver(self, transaction: Transaction, spool: Spool, routes: Sequence[Route]) -> list[Outcome]:
        return [Outcome(route.recipient, DISCARDED) for route in routes]
