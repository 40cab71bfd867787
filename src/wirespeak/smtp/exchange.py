"""One connection of a client: what is said goes out and what is answered comes in, at the same time where it must be.

`Exchange` joins a `contract.Stream` to a `ClientSession`, and turns: each turn sends what there is to send and takes in what came. So
a server that answers a long group of commands before it has read the last of it is heard, and neither waits for the other
(RFC 2920 3.1). What to say is decided in ``client.py``. Touches nothing outside but the stream it is given.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from wirespeak.contract import Segment, Session, StartTLS, Stream, size_of
from wirespeak.errors import ConnectionLost, Refused, TimeoutError, WirespeakError
from wirespeak.smtp.client_session import Answer, ClientSession
from wirespeak.smtp.messages import Reply
from wirespeak.tap import Observer, Tap

__all__ = ["Exchange"]


class Exchange:
    """A conversation with the server ``host``. ``groups``: commands go in groups where the server takes them so (RFC 2920).

    Every method that waits raises `ConnectionLost`, `TimeoutError` or `RemoteProtocolError` where the conversation fails, and
    `Refused` where the server has ended it.
    """

    def __init__(
        self, stream: Stream, session: ClientSession, now: Callable[[], float], host: str, *, groups: bool, observer: Observer | None
    ) -> None:
        self.smtp = session
        self.goodbye: Reply | None = None
        """What the server said when it ended the conversation of its own (RFC 5321 3.8)."""
        self.is_over = False
        self._stream = stream
        self._now = now
        self._host = host
        self._may_group = groups
        # Watching is done by another session in the place of ours; what only ours knows is asked of ours.
        self._session: Session = session if observer is None else Tap(session, observer, now())
        self._events: deque[Any] = deque()

    @property
    def groups(self) -> bool:
        """Whether commands go in groups."""
        return self._may_group and self.smtp.pipelining

    @property
    def is_awaiting(self) -> bool:
        """Whether an answer is still to be had."""
        return bool(self._events or self.smtp.awaiting)

    def say(self, message: Any) -> None:
        """Say ``message`` with the next turn. Raises `LocalProtocolError` where it can't be said, and what ended the conversation."""
        if self.is_over or self.smtp.closed:
            raise self._ended()
        self._session.send(message)

    async def ask(self, message: Any) -> Reply:
        """Say ``message``, and return what is answered."""
        self.say(message)
        return (await self.answer()).reply

    async def answer(self) -> Answer:
        """The next answer."""
        event = await self.event()
        assert isinstance(event, Answer)  # challenges come to who logs in alone
        return event

    async def event(self) -> Any:
        """The next answer or challenge."""
        while not self._events:
            if self.smtp.closed:
                raise self._ended()
            await self._turn(self._session.data_to_send())
        event = self._events.popleft()
        if isinstance(event, WirespeakError):
            raise event
        if isinstance(event, Answer) and self.smtp.closed and not self._events:
            self.goodbye = event.reply
            if event.to is None:
                raise self._ended()
        return event

    def _ended(self) -> Exception:
        if self.goodbye is None:
            return ConnectionLost(f"the conversation with {self._host} is over")
        return Refused(f"{self._host} ends the conversation: {self.goodbye}", reply=self.goodbye)

    async def refusal(self) -> Reply | None:
        """Send all that waits. The answer of a server that doesn't want what is still to come (RFC 3030 2), where it gave one."""
        while not self.smtp.closed:
            segments = self._session.data_to_send()
            if not (segments or self._stream.unsent or (self.smtp.awaiting and not self.groups)):
                break
            await self._turn(segments)
        while self._events:
            reply = (await self.answer()).reply
            if not reply.is_positive:
                return reply
        return None

    async def start_tls(self, context: Any, name: str, patience: float) -> None:
        """Shake hands with the server ``name`` within so many seconds; the server has agreed to it."""
        await self._stream.start_tls(context, name, self._now() + patience)
        self._session.secured(self._stream.tls)

    async def finish(self) -> None:
        """Say goodbye, and close the connection."""
        if self.is_over:
            return
        self.is_over = True
        try:
            self._session.finish(self._now())
            while not self.smtp.closed:
                await self._turn(self._session.data_to_send())
        except (ConnectionLost, TimeoutError):
            pass  # we had nothing more to say or to hear
        finally:
            await self._stream.close()

    async def abandon(self) -> None:
        """Close the connection without another word."""
        self.is_over = True
        await self._stream.close()

    async def _turn(self, segments: Sequence[Segment]) -> None:
        """Send ``segments``, and take in what comes meanwhile."""
        session, stream = self._session, self._stream
        session.blocked(stream.unsent + sum(map(size_of, segments)), self._now())
        deadline = session.deadline
        try:
            data = await stream.exchange(segments, None if deadline == math.inf else deadline)
        except TimeoutError:
            now = self._now()
            session.blocked(stream.unsent, now)  # slowly, but it may move
            self._hear(session.tick(now))
            return
        now = self._now()
        session.blocked(stream.unsent, now)
        if data is None:
            self._hear(session.receive_eof(now))
            return
        events = session.receive(data, now)
        while events:
            self._hear(events)
            events = session.receive(b"", now)

    def _hear(self, events: Sequence[Any]) -> None:
        self._events.extend(event for event in events if not isinstance(event, StartTLS))  # which its answer has told of
