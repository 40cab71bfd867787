"""Watching a conversation: a session in the place of a session, which tells all that passes to an observer.

Nothing in a pump or a session asks whether someone watches. To watch is to put a `Tap` where the session was, at the
start or in the middle of a conversation, so a conversation that is not watched pays nothing at all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from wirespeak.contract import Segment, Session

__all__ = ["Observer", "Seen", "Tap"]

Seen = Literal["in", "out", "event", "message", "eof", "secured"]
"""What was seen: bytes that came in, a segment that goes out, an event, a message said, the peer's end, TLS agreed."""

Observer = Callable[[Seen, Any, float], None]
"""Called with what was seen, the thing itself, and the time of the latest call that carried one."""


class Tap:
    """A `Session` that passes everything on to ``session`` and tells ``observer`` of it."""

    __slots__ = ("_now", "_observer", "session")

    def __init__(self, session: Session, observer: Observer, now: float = 0.0) -> None:
        self.session = session
        self._observer = observer
        self._now = now

    @property
    def deadline(self) -> float:
        return self.session.deadline

    @property
    def reading(self) -> bool:
        return self.session.reading

    @property
    def closed(self) -> bool:
        return self.session.closed

    def _tell(self, events: Sequence[Any], now: float) -> Sequence[Any]:
        self._now = now
        for event in events:
            self._observer("event", event, now)
        return events

    def receive(self, data: bytes, now: float) -> Sequence[Any]:
        if data:
            self._observer("in", data, now)
        return self._tell(self.session.receive(data, now), now)

    def receive_eof(self, now: float) -> Sequence[Any]:
        self._observer("eof", None, now)
        return self._tell(self.session.receive_eof(now), now)

    def send(self, message: Any) -> None:
        self.session.send(message)
        self._observer("message", message, self._now)

    def data_to_send(self) -> Sequence[Segment]:
        segments = self.session.data_to_send()
        for segment in segments:
            self._observer("out", segment, self._now)
        return segments

    def tick(self, now: float) -> Sequence[Any]:
        return self._tell(self.session.tick(now), now)

    def consumed(self, count: int) -> None:
        self.session.consumed(count)

    def blocked(self, pending: int, now: float) -> None:
        self._now = now
        self.session.blocked(pending, now)

    def secured(self, info: Any) -> None:
        self._observer("secured", info, self._now)
        self.session.secured(info)

    def finish(self, now: float) -> None:
        self._now = now
        self.session.finish(now)

    # --- what the session has where it is a `contract.Attentive`, and else not

    @property
    def urgent(self) -> Any:
        return getattr(self.session, "urgent", None)

    @property
    def deserted(self) -> Any:
        return getattr(self.session, "deserted", None)
