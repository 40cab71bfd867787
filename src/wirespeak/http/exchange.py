"""One connection of a client: requests go out and answers come in, at the same time where it must be.

`Connection` joins a `contract.Stream` to a `ClientSession`, and turns: each turn sends what there is to send and takes in
what came. So an answer that comes before the request is all sent is read (RFC 9112 9.5), and nobody waits for anybody
without a limit. Which connection is used, and what an answer leads to, is decided in ``pool.py`` and ``client.py``.
Touches nothing outside but the stream it is given.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from wirespeak.contract import FileSlice, Segment, Session, Stream, size_of
from wirespeak.errors import ConnectionLost, LocalProtocolError, TimeoutError
from wirespeak.http.client_session import ClientSession
from wirespeak.http.fields import Fields
from wirespeak.http.messages import Data, End, Request, Response
from wirespeak.tap import Observer, Tap

__all__ = ["Connection", "Timeouts", "Upload", "is_whole"]

# Bytes given to the stream at a time: of a body that nobody wants any more no more than this is still sent.
PORTION = 256 << 10


@dataclass(slots=True, frozen=True)
class Timeouts:
    """How long a client waits, in seconds; None for ever.

    ``pool`` is for a place, where all connections are in use; ``connect`` for looking the host up and connecting to it,
    ``tls`` for the handshake; ``head`` runs from the last byte of the request to the last of the answer's head, so it is
    the server's time to think; ``idle`` is the longest silence while a body moves, either way; ``total`` covers everything,
    redirects too, up to the last byte of the body. ``proceed`` is how long a body is held back for 100 (Continue) before
    it is sent all the same (RFC 9110 10.1.1).
    """

    pool: float | None = 60.0
    connect: float | None = 10.0
    tls: float | None = 10.0
    head: float | None = 60.0
    idle: float | None = 60.0
    total: float | None = None
    proceed: float = 1.0


def is_whole(body: Any) -> bool:
    """Whether a body's length is known from the start, and it can be sent as often as one likes."""
    return isinstance(body, (bytes, FileSlice, list, tuple))


class Upload:
    """A body on its way out that is made as it is sent: an iterable of bytes, asynchronous or not.

    ``begun`` once anything was drawn from it: from then on it can't be sent a second time.
    """

    def __init__(self, body: Any, trailers: Callable[[], Any] | None = None) -> None:
        self._body = body
        self._pieces: AsyncIterator[bytes] | None = None
        self._trailers = trailers
        self.begun = False

    async def draw(self) -> Data | End:
        """The next piece, or the end. Raises whatever the iterable does."""
        if self._pieces is None:
            self.begun = True
            self._pieces = _pieces(self._body)
        async for piece in self._pieces:
            if not isinstance(piece, bytes):
                raise LocalProtocolError(f"a body is made of bytes, not of {type(piece).__name__}")
            if piece:
                return Data(piece)
        return End(Fields(self._trailers()) if self._trailers is not None else Fields())

    async def close(self) -> None:
        """Nobody wants the rest."""
        if self._pieces is not None:
            await self._pieces.aclose()  # type: ignore[attr-defined]


class Connection:
    """One connection, and the request that is under way on it. Only one task may use it at a time.

    ``deadline`` is when everything must be over, on the network's clock. Every method raises `ConnectionLost`,
    `TimeoutError`, `RemoteProtocolError` or `TLSError` where the conversation fails; then the connection is of no more use.
    """

    def __init__(self, stream: Stream, now: Callable[[], float], name: str, observer: Observer | None = None) -> None:
        self.stream = stream
        self.name = name
        self._now = now
        self._session = ClientSession()
        # Watching is done by another session in the place of ours; what only ours knows is asked of ours.
        self._talk: Session = self._session if observer is None else Tap(self._session, observer, now())
        self._queue: deque[Segment] = deque()  # of the request, not yet given to the stream
        self._taken = 0  # bytes of its first segment that have been
        self._upload: Upload | None = None
        self._on_sent: Callable[[int], None] | None = None
        self._proceed_at: float | None = None
        self._sent_at = 0.0
        self._cut_short = False  # a request was not sent to its end, so what follows would be taken for the rest of it
        self._closed = False
        self._events: deque[Any] = deque()
        self._timeouts = Timeouts()
        self.deadline: float | None = None
        self.requests = 0
        self.idle_since = 0.0
        self.trailers = Fields()

    @property
    def reusable(self) -> bool:
        """Whether another request may follow: both sides are done, and both keep the connection (RFC 9112 9.3)."""
        return self._session.idle and not (self._cut_short or self._is_sending or self._closed)

    @property
    def answered(self) -> bool:
        """Whether a byte of the answer has come."""
        return self._session.started

    # --- the request

    def begin(
        self,
        request: Request,
        upload: Upload | None,
        timeouts: Timeouts,
        deadline: float | None,
        *,
        expect: bool = False,
        on_sent: Callable[[int], None] | None = None,
    ) -> None:
        """Say the head of ``request``, and be ready for its body. Raises `LocalProtocolError` where it can't be said.

        With ``expect`` the body is held back until the server says 100 (Continue); ``on_sent`` is called with the number
        of bytes that were sent, as they go.
        """
        self._talk.send(request)
        self.requests += 1
        self._timeouts, self.deadline = timeouts, deadline
        self._upload = upload
        self._on_sent = on_sent
        self.trailers = Fields()
        self._events.clear()
        self._queue.extend(self._talk.data_to_send())
        self._sent_at = self._now()
        self._proceed_at = self._sent_at + timeouts.proceed if expect else None

    async def head(self) -> Response:
        """The next answer: an interim one (1xx), or the final one, whose body `piece` gives."""
        while not self._events:
            await self._draw()
            if self._is_sending:
                await self._turn(self._timeouts.idle, self._now(), "took nothing more of the request")
            else:
                await self._turn(self._timeouts.head, self._sent_at, "did not answer")
        event = self._events.popleft()
        if not isinstance(event, Response):
            raise event
        if event.status == 100:
            self._go_on()
        if event.status < 200:
            self._sent_at = self._now()  # it is at work, and says so
        elif event.status >= 300 or self._session.closing:
            await self._stop_sending()
        return event

    async def piece(self) -> bytes:
        """The next piece of the answer's body; empty at its end, when ``trailers`` are those behind it."""
        while not self._events:
            await self._draw()
            await self._turn(self._timeouts.idle, self._now(), "fell silent in the middle of its answer")
        event = self._events.popleft()
        if isinstance(event, Data):
            self._talk.consumed(len(event.data))
            return event.data
        if not isinstance(event, End):
            raise event
        self.trailers = event.trailers
        # What may still be here was not asked for (RFC 9112 9.2): the answer is whole, but the connection is not kept.
        self._events.clear()
        await self._stop_sending()
        return b""

    @property
    def at_end(self) -> bool:
        """Whether the body's end is here already, with nothing before it."""
        return bool(self._events) and isinstance(self._events[0], End)

    def hurry(self, seconds: float) -> None:
        """Be done within ``seconds``."""
        due = self._now() + seconds
        self.deadline = due if self.deadline is None else min(self.deadline, due)

    async def close(self) -> None:
        """End the connection, whatever is under way on it."""
        self._closed = True
        await self.stream.close()
        if self._upload is not None:
            await self._upload.close()

    # --- turns

    @property
    def _is_sending(self) -> bool:
        return bool(self._queue or self._proceed_at is not None or self._upload is not None or self.stream.unsent)

    async def _turn(self, limit: float | None, since: float, fault: str) -> None:
        """Send what there is to send, and take in what comes. Raises `TimeoutError` where neither moves within ``limit``."""
        stream = self.stream
        portion = [] if stream.unsent else self._portion()
        unsent = stream.unsent + sum(map(size_of, portion))
        due, reason = min(
            (math.inf if self.deadline is None else self.deadline, "total"),
            (math.inf if limit is None else since + limit, "limit"),
            (math.inf if self._proceed_at is None else self._proceed_at, "proceed"),
        )
        try:
            data = await stream.exchange(portion, None if due == math.inf else due)
        except TimeoutError:
            if reason == "total":
                raise TimeoutError(
                    f"{self.name} was not done within {self._timeouts.total or 0:g} seconds, the limit for the whole"
                ) from None
            if reason == "proceed":
                self._go_on()
            elif stream.unsent >= unsent:
                raise TimeoutError(f"{self.name} {fault} within {limit:g} seconds") from None
            return  # slowly, but it moves
        finally:
            if self._on_sent is not None and unsent > stream.unsent:
                self._on_sent(unsent - stream.unsent)
        now = self._now()
        if data is None:
            self._events.extend(self._talk.receive_eof(now))
            if not self._events:
                raise ConnectionLost(f"{self.name} ended the connection without an answer")
            return
        events = self._talk.receive(data, now) if data else ()
        while events:
            self._events.extend(events)
            events = self._talk.receive(b"", now)
        if unsent and not self._is_sending:
            self._sent_at = now

    async def _draw(self) -> None:
        """Say the next piece of a body that is made as it is sent, where it is time for it."""
        if self._upload is None or self._proceed_at is not None or self._queue or self.stream.unsent:
            return
        message = await self._upload.draw()
        self._talk.send(message)
        self._queue.extend(self._talk.data_to_send())
        if isinstance(message, End):
            self._upload = None
            self._sent_at = self._now()

    def _portion(self) -> list[Segment]:
        """The next of the queue, so much of it that it can be stopped soon."""
        portion: list[Segment] = []
        room = PORTION
        while self._queue and room > 0:
            segment, left = self._queue[0], size_of(self._queue[0]) - self._taken
            portion.append(segment if left <= room and not self._taken else _part(segment, self._taken, min(left, room)))
            if left <= room:
                self._queue.popleft()
                self._taken = 0
            else:
                self._taken += room
            room -= left
        return portion

    def _go_on(self) -> None:
        """The body need not be held back any longer."""
        self._session.proceed()
        self._queue.extend(self._talk.data_to_send())
        self._proceed_at = None

    async def _stop_sending(self) -> None:
        """The server has answered and wants no more: what is left of the body is not sent (RFC 9112 9.5)."""
        if self._upload is not None:
            await self._upload.close()
            self._upload = None
        self._proceed_at = None
        if self._queue or self._session.holding or self.stream.unsent:
            self._cut_short = True
            self._queue.clear()
            self._taken = 0


async def _pieces(body: Any) -> AsyncIterator[bytes]:
    """What ``body`` yields, whichever way it does; it is closed with this."""
    if hasattr(body, "__aiter__"):
        pieces = aiter(body)
        try:
            async for piece in pieces:
                yield piece
        finally:
            if hasattr(pieces, "aclose"):
                await pieces.aclose()
    else:
        for piece in body:
            yield piece


def _part(segment: Segment, start: int, size: int) -> Segment:
    if isinstance(segment, FileSlice):
        return FileSlice(segment.file, segment.offset + start, size)
    assert isinstance(segment, bytes)  # a client's body holds nothing else
    return segment[start : start + size]
