"""What a client of frames decides: how it connects, asks, waits, and takes its leave.

Written once, over a `Network` and a `Stream`: `Client` awaits, `BlockingClient` is the same client for who
blocks. A client says messages and hears messages; whether each is answered is the server's affair::

    with BlockingClient.connect("localhost:7007") as frames:
        print(frames.ask("hello"))

One conversation is one caller's at a time. To say much and hear as much, use `ask_all`, which does both at once: who only
sends, while the peer answers, fills the buffers between them until both wait for each other, and the time limit ends it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from types import TracebackType
from typing import Any, TypeVar

from wirespeak.contract import Network, Session, Stream
from wirespeak.errors import ConnectionLost, TimeoutError, WirespeakError
from wirespeak.frames.messages import CLASSIC, Dialect, End, Frames
from wirespeak.frames.session import UNLIMITED, FramesSession
from wirespeak.sockets.address import Address
from wirespeak.sockets.aio_network import AsyncNetwork
from wirespeak.sockets.blocking import BlockingNetwork, run
from wirespeak.tap import Observer, Tap

__all__ = ["BlockingClient", "Client"]

T = TypeVar("T")

# Seconds to connect, and for each turn of the conversation in which nothing moves.
TIMEOUT = 30.0
# Messages said ahead of their answers: enough to fill a read on either side, little to hold.
AHEAD = 2048


class Client:
    """One conversation with one server. Made by `connect`; closed by `close`, or by the end of an ``async with``."""

    def __init__(self, network: Network, stream: Stream, dialect: Dialect, timeout: float | None, observer: Observer | None) -> None:
        self._network = network
        self._stream = stream
        self._timeout = timeout
        self._frames = FramesSession(_no_wake, dialect, UNLIMITED)
        self._session: Session = self._frames if observer is None else Tap(self._frames, observer, network.now())
        self._came: deque[Any] = deque()
        self._unconsumed = 0
        self._error: WirespeakError | None = None
        self._peer_said_end = self._said_end = self._eof = False

    @classmethod
    async def connect(
        cls,
        address: str | Address,
        dialect: Dialect = CLASSIC,
        *,
        timeout: float | None = TIMEOUT,
        tls: Any = None,
        network: Network | None = None,
        observer: Observer | None = None,
    ) -> Client:
        """Connect to ``address`` (``host:port``, ``unix:/path``) and converse in ``dialect``.

        ``timeout``: seconds for the connect, and for each later turn in which nothing moves; None waits for ever. ``tls`` is a client's
        context (`sockets.tls.client_context`). ``observer`` sees all that passes (``tap.py``). Raises `AddressError`,
        `ConnectError`, `TLSError`, `TimeoutError`.
        """
        network = network or AsyncNetwork()
        place = address if isinstance(address, Address) else Address.parse(address)
        host = place.host if place.path is None else str(place)
        deadline = None if timeout is None else network.now() + timeout
        stream = await network.connect(host, place.port, deadline=deadline, tls=tls)
        return cls(network, stream, dialect, timeout, observer)

    # --- saying and hearing

    async def send(self, *messages: Any) -> None:
        """Say ``messages``. Raises `LocalProtocolError` before a byte is sent, `ConnectionLost`, `TimeoutError`."""
        self._session.send(Frames(messages))
        await self._flush()

    async def receive(self) -> Any:
        """The next message, or None once the server has said its end.

        Raises `RemoteProtocolError` where it broke the protocol (`IncompleteMessage`: its stream was cut off inside a
        message), `ConnectionLost`, `TimeoutError`.
        """
        while not self._came:
            if self._error is not None:
                raise self._error
            if self._peer_said_end:
                return None
            await self._exchange()
        return self._take()

    async def ask(self, message: Any) -> Any:
        """Say ``message`` and return the next message that comes: its answer, where the server answers each."""
        await self.send(message)
        answer = await self.receive()
        if answer is None:
            raise ConnectionLost("the server ended the conversation without an answer")
        return answer

    async def ask_all(self, messages: Iterable[Any]) -> AsyncIterator[Any]:
        """Say all ``messages``, and give out as many answers as they come, without waiting for one before saying the next."""
        source = iter(messages)
        unanswered = 0
        more = True
        while more or unanswered:
            while more and unanswered < AHEAD and not self._frames.crowded and not self._stream.unsent:
                message = next(source, None)
                if more := message is not None:
                    self._session.send(Frames((message,)))
                    unanswered += 1
            while self._came and unanswered:
                unanswered -= 1
                yield self._take()
            if not unanswered:
                continue
            if self._error is not None:
                raise self._error
            if self._peer_said_end:
                raise ConnectionLost(f"the server ended the conversation; {unanswered:,} messages had no answer yet")
            await self._exchange()

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        message = await self.receive()
        if message is None:
            raise StopAsyncIteration
        return message

    # --- the end

    async def end(self) -> None:
        """Say that no more messages follow. Those that the server still has to say can be received."""
        self._session.send(End())
        self._said_end = True
        await self._flush()

    async def close(self) -> None:
        """End the conversation in good order, and drop what still comes. Does no harm twice, or to one that is broken."""
        try:
            if self._error is None:
                self._came.clear()
                self._release()
                if not self._said_end:
                    self._session.send(End())
                    self._said_end = True
                self._session.finish(self._network.now())
                while not self._session.closed:
                    await self._exchange(self._session.deadline)
        except (ConnectionLost, TimeoutError):
            pass  # we had nothing more to say or to hear
        finally:
            await self._stream.close()

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            await self.close()
        else:
            await self._stream.close()

    # --- turns

    async def _flush(self) -> None:
        await self._exchange()
        while self._stream.unsent:
            await self._exchange()

    async def _exchange(self, deadline: float | None = None) -> None:
        """A turn: write what waits, and take in what came meanwhile."""
        session = self._session
        segments = session.data_to_send()
        if deadline is None and self._timeout is not None:
            deadline = self._network.now() + self._timeout
        read = session.reading and not self._eof
        if not segments and not read and not self._stream.unsent:
            raise ConnectionLost("the conversation is over")
        data = await self._stream.exchange(segments, deadline, read=read)
        now = self._network.now()
        if data is None:
            self._eof = True
            self._hear(session.receive_eof(now))
        if data:
            self._hear(session.receive(data, now))
        self._hear_kept()

    def _hear_kept(self) -> None:
        """Take in what the session had kept until there was room."""
        while events := self._session.receive(b"", self._network.now()):
            self._hear(events)

    def _hear(self, events: Sequence[Any]) -> None:
        for event in events:
            if type(event) is Frames:
                self._came.extend(event.messages)
                self._unconsumed += event.size
            elif type(event) is End:
                self._peer_said_end = True
            else:
                self._error = event

    def _take(self) -> Any:
        message = self._came.popleft()
        if not self._came:
            self._release()
            self._hear_kept()
        return message

    def _release(self) -> None:
        """All that came has been taken: there is room for more."""
        self._session.consumed(self._unconsumed)
        self._unconsumed = 0


def _no_wake() -> None:
    """A client looks at its session in every turn anyway."""


class BlockingClient:
    """`Client` for who blocks: the same methods, without ``await``."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @classmethod
    def connect(
        cls,
        address: str | Address,
        dialect: Dialect = CLASSIC,
        *,
        timeout: float | None = TIMEOUT,
        tls: Any = None,
        network: Network | None = None,
        observer: Observer | None = None,
    ) -> BlockingClient:
        """As `Client.connect`."""
        network = network or BlockingNetwork()
        return cls(run(Client.connect(address, dialect, timeout=timeout, tls=tls, network=network, observer=observer)))

    def send(self, *messages: Any) -> None:
        """As `Client.send`."""
        run(self._client.send(*messages))

    def receive(self) -> Any:
        """As `Client.receive`."""
        return run(self._client.receive())

    def ask(self, message: Any) -> Any:
        """As `Client.ask`."""
        return run(self._client.ask(message))

    def ask_all(self, messages: Iterable[Any]) -> Iterator[Any]:
        """As `Client.ask_all`."""
        answers = self._client.ask_all(messages)
        while (answer := run(anext(answers, None))) is not None:
            yield answer

    def __iter__(self) -> Iterator[Any]:
        while (message := self.receive()) is not None:
            yield message

    def end(self) -> None:
        """As `Client.end`."""
        run(self._client.end())

    def close(self) -> None:
        """As `Client.close`."""
        run(self._client.close())

    def __enter__(self) -> BlockingClient:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        run(self._client.__aexit__(kind, error, trace))
