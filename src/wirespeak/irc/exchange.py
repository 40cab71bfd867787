"""One connection of a client: what is said goes out when its turn comes, and what comes in is told to all who wait for it.

`Exchange` joins a `contract.Stream` to a `ClientSession` and a `Tracker`, and turns: each turn sends what is due and takes in what
came. Several tasks may wait at once, for an answer, for room to speak, for the next event: one of them takes the turns, and gives
them on to another when it has what it waited for. What to say is decided in ``client.py``. Touches nothing outside but the
stream and the network that it is given.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

from wirespeak.contract import Network, Session, Signal, Stream
from wirespeak.errors import ConnectionLost, LocalProtocolError, TimeoutError, TLSError
from wirespeak.irc.answers import FORMS, Question
from wirespeak.irc.client_session import ClientSession, Ready, StrictTransport
from wirespeak.irc.events import Event
from wirespeak.irc.messages import Malformed, Message
from wirespeak.irc.sending import Outgoing, Priority
from wirespeak.irc.tracker import Tracker
from wirespeak.tap import Observer, Tap

__all__ = ["KEPT", "Exchange"]

KEPT: Final = 4000
"""Events that are kept for who looks at them later. Beyond that the oldest are lost: who only asks questions never looks at any."""

# Turns that one `Exchange.poll` takes: then whoever waits for other things too has another look at those.
POLLED: Final = 8

# At a loss for room in the system's buffers, which hold far more than a client ever says: when to look again.
AGAIN: Final = 1.0


class Exchange:
    """A conversation with a server that is connected to. ``events`` are those that nobody has looked at; ``error`` is what ended it."""

    def __init__(self, network: Network, stream: Stream, session: ClientSession, observer: Observer | None = None) -> None:
        self.irc = session
        self.tracker = Tracker(session.nick)
        self.events: deque[Event] = deque(maxlen=KEPT)
        self.ready = False
        self.strict: StrictTransport | None = None
        self.error: Exception | None = None
        self.malformed = 0
        """Lines that were no messages."""
        self.stream = stream
        self._network = network
        # Watching is done by another session in the place of ours; what only ours knows is asked of ours.
        self._session: Session = session if observer is None else Tap(session, observer, network.now())
        self._questions: list[Question] = []
        self._asked = 0
        self._turning = False
        self._watching: set[Signal] = set()

    # --- saying

    def put(self, message: Message, priority: Priority = Priority.NORMAL) -> Outgoing:
        """Let ``message`` wait for its turn. Raises `LocalProtocolError` for what can't be said, and what ended the conversation."""
        if self.error is not None:
            raise self.error
        return self.irc.queue(message, priority)

    async def say(self, message: Message, priority: Priority = Priority.NORMAL) -> None:
        """Say ``message``, and return once it is on its way."""
        line = self.put(message, priority)
        await self.until(lambda: line.sent or line.dropped)
        if line.dropped:
            raise ConnectionLost("the conversation was over before that could be said")

    async def flush(self, deadline: float | None = None) -> None:
        """Return once all that was said is on its way."""
        await self.until(lambda: not self.irc.waiting and not self.stream.unsent, deadline)

    async def ask(self, message: Message, deadline: float) -> Question:
        """Say ``message``, and return what is answered. Raises `TimeoutError` where that isn't whole in time."""
        self._asked += 1
        label = fence = ""
        if {"labeled-response", "batch"} <= self.irc.enabled:
            label = f"q{self._asked}"
            message = Message(message.command, message.params, message.source, {**message.tags, "label": label})
        elif message.command not in FORMS:
            fence = f"fence-{self._asked}"
        question = Question(message, self.tracker.fold, label=label, fence=fence)
        self.put(message)
        if fence:
            self.put(Message("PING", [fence]))
        self._questions.append(question)
        try:
            await self.until(lambda: question.done, deadline)
        except TimeoutError:
            raise TimeoutError(f"the server didn't answer {message.command} in time") from None
        finally:
            self._questions.remove(question)
        return question

    # --- turns

    async def until(self, done: Callable[[], bool], deadline: float | None = None) -> None:
        """Take turns until ``done``, or let another take them. Raises what ended the conversation, and `TimeoutError` at ``deadline``."""
        while not done():
            if self.error is not None:
                raise self.error
            if deadline is not None and self._network.now() >= deadline:
                raise TimeoutError("it didn't come in time")
            if self._turning:
                await self._watch(deadline)
                continue
            self._turning = True
            try:
                await self._turn(deadline)
            finally:
                self._turning = False
                for signal in self._watching:
                    signal.give()

    async def poll(self) -> bool:
        """Send what can be sent and take in what is there, without waiting: for who waits elsewhere. Whether more may be there."""
        for _ in range(POLLED):
            if self.error is not None or not await self._turn(self._network.now()):
                return False
        return True

    async def _watch(self, deadline: float | None) -> None:
        """Another takes the turns: see to it that what is due goes out meanwhile, and wait until something has happened."""
        await self._push()
        signal = self._network.signal()
        self._watching.add(signal)
        try:
            limit = min(math.inf if deadline is None else deadline, self.irc.deadline)
            await signal.wait(None if limit == math.inf else max(limit, self._network.now() + 0.001))
        finally:
            self._watching.discard(signal)

    async def _push(self) -> None:
        """Write what is due, and nothing else."""
        now = self._network.now()
        self._session.blocked(self.stream.unsent, now)
        segments = self._session.data_to_send()
        if segments:
            try:
                await self.stream.exchange(segments, now + AGAIN, read=False)
            except TimeoutError:
                pass  # it goes with the next turn
            except (ConnectionLost, TLSError) as error:
                self._lose(error)

    async def _turn(self, deadline: float | None) -> bool:
        """Send what is due, and take in what comes; wait for it until ``deadline``. Whether anything went or came."""
        session, stream = self._session, self.stream
        session.blocked(stream.unsent, self._network.now())
        segments = session.data_to_send()
        limit = min(math.inf if deadline is None else deadline, session.deadline)
        try:
            data = await stream.exchange(segments, None if limit == math.inf else limit, read=session.reading)
        except TimeoutError:
            now = self._network.now()
            session.blocked(stream.unsent, now)
            self._hear(session.tick(now))
            return False
        except (ConnectionLost, TLSError) as error:
            self._lose(error)
            return False
        now = self._network.now()
        session.blocked(stream.unsent, now)
        if data is None:
            self._hear(session.receive_eof(now))
        else:
            events = session.receive(data, now)
            while events:
                self._hear(events)
                events = session.receive(b"", now)
        if self.irc.closed and self.error is None:
            self._lose(ConnectionLost("the conversation is over"))
        return True

    def _hear(self, events: Sequence[Any]) -> None:
        for event in events:
            if isinstance(event, Message):
                happened = self.tracker.follow(event)
                for question in self._questions:
                    question.hear(happened)
                self.events.append(happened)
            elif isinstance(event, Ready):
                self.ready = True
            elif isinstance(event, StrictTransport):
                self.strict = event
            elif isinstance(event, Malformed):
                self.malformed += 1
            else:
                self._lose(event)

    def _lose(self, error: Exception) -> None:
        """The conversation is over, because of ``error``."""
        if self.error is None:
            self.error = error
            self.irc.abandon()

    async def finish(self, reason: str) -> None:
        """Say goodbye with ``reason``, wait a moment for the server's, and close the connection."""
        try:
            if self.error is None and not self.irc.closed:
                self.irc.queue(Message("QUIT", [reason] if reason else []))
                await self.until(lambda: self.irc.closed)
        except (ConnectionLost, LocalProtocolError, TimeoutError):
            pass  # we had nothing more to say or to hear
        finally:
            self._lose(ConnectionLost("the conversation is over"))
            await self.stream.close()

    async def abandon(self) -> None:
        """Close the connection without another word."""
        self._lose(ConnectionLost("the conversation is over"))
        await self.stream.close()
