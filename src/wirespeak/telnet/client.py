"""What a client of Telnet decides: how it connects, what it waits for, and how it takes its leave.

Written once, over a `Network` and a `Stream`: `Client` awaits, `BlockingClient` is the same client for who blocks::

    with BlockingClient.connect("localhost:8023") as telnet:
        telnet.read_until(b"name? ")
        telnet.write_line("ann")
        print(telnet.expect([b"welcome", re.compile(rb"sorry, (.*)\\r\\n")]).data)

Nobody waits for negotiations: what the peer asks for is answered by the session beside what is read and written, and a peer
that never asks is not waited for. What of ours may be told is what its options were given (`options.client_options`). One
conversation is one caller's at a time.
"""

from __future__ import annotations

import math
import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final

from wirespeak.contract import Network, Segment, Session, Stream
from wirespeak.errors import ConnectionLost, LimitExceeded, TimeoutError, TLSError, WirespeakError
from wirespeak.sockets.address import Address
from wirespeak.sockets.aio_network import AsyncNetwork
from wirespeak.sockets.blocking import BlockingNetwork, run
from wirespeak.sockets.network import SocketStream
from wirespeak.tap import Observer, Tap
from wirespeak.telnet.messages import Command, Data, End
from wirespeak.telnet.options import Naws, Option, client_options
from wirespeak.telnet.session import TelnetSession

__all__ = ["PORT", "TLS_PORT", "BlockingClient", "Client", "Expected", "Match"]

PORT: Final = 23
TLS_PORT: Final = 992
"""Telnet over TLS (the registry's "telnets")."""

TIMEOUT: Final = 30.0
"""Seconds to connect, and for each wait that was given no other limit."""

HELD: Final = 1 << 20
"""Bytes kept for what is waited for: who sends more without it will not say it, and is read no further until some are taken."""

EAGER: Final = 64 << 10
"""Bytes that are read without waiting, in one go: then whoever waits for other things too has another look at those."""

ALL: Final = 64 << 20
"""Bytes that `Client.read_all` takes unless told otherwise: more than any terminal session shows."""

Expected = bytes | re.Pattern[bytes]
"""What can be waited for: bytes just as they are, or a compiled pattern."""

Listener = Callable[[Any], None]
"""Called with each event of the session that is neither data nor the end: `Enabled`, `Command`, `Malformed` …"""


@dataclass(slots=True, frozen=True)
class Match:
    """What `Client.expect` found: which of the expected (``index``), where (``match``), and all ``data`` up to its end."""

    index: int
    match: re.Match[bytes]
    data: bytes


class Client:
    """One conversation with one host. Made by `connect`; closed by `close`, or by the end of an ``async with``.

    What was read and not yet asked for is kept (`HELD`), so no `TimeoutError` loses anything. Every method that reads or writes
    raises `ConnectionLost` where the connection is cut off, `RemoteProtocolError` where the peer broke the protocol.
    """

    def __init__(
        self,
        network: Network,
        stream: Stream,
        name: str,
        timeout: float | None,
        options: Iterable[Option],
        listener: Listener | None,
        observer: Observer | None,
        raw: bool,
    ) -> None:
        self.session = TelnetSession(_no_wake, options=options, host=False, raw=raw)
        """For who wants to ask for options, or to know which are in effect. What it says goes out with the next call here."""
        self.stream = stream
        self.name = name
        """Whom we speak with, as `connect` was told."""
        self._network = network
        self._timeout = timeout
        self._listener = listener or _ignore
        self._session: Session = self.session if observer is None else Tap(self.session, observer, network.now())
        self._came = bytearray()
        self._error: WirespeakError | None = None
        self._ended = self._eof = False

    @classmethod
    async def connect(
        cls,
        address: str | Address,
        *,
        timeout: float | None = TIMEOUT,
        tls: Any = None,
        network: Network | None = None,
        options: Iterable[Option] | None = None,
        listener: Listener | None = None,
        observer: Observer | None = None,
        raw: bool = False,
    ) -> Client:
        """Connect to ``address``: ``host``, ``host:port``, ``unix:/path``; the port is 23 unless given, 992 with ``tls``.

        ``timeout``: seconds for the connect, and for each later wait that is given none; None waits for ever. ``tls`` is a client's
        context (`sockets.tls.client_context`). ``options``: those that may be negotiated; `client_options` where none are
        given. ``listener`` is told of the session's events, ``observer`` sees all that passes (``tap.py``). ``raw``: say things
        just as they are until one side begins to speak Telnet, as to a server that may know nothing of it. Raises
        `AddressError`, `ConnectError`, `TLSError`, `TimeoutError`.
        """
        network = network or AsyncNetwork()
        place = address if isinstance(address, Address) else Address.parse(address, PORT if tls is None else TLS_PORT)
        host = place.host if place.path is None else str(place)
        deadline = None if timeout is None else network.now() + timeout
        stream = await network.connect(host, place.port, deadline=deadline, tls=tls)
        return cls(network, stream, str(place), timeout, client_options() if options is None else options, listener, observer, raw)

    def fileno(self) -> int:
        """The connection's file descriptor, for who waits for more than this client; then `poll`."""
        assert isinstance(self.stream, SocketStream)
        return self.stream.fileno()

    # --- hearing

    @property
    def ended(self) -> bool:
        """Whether the peer has ended in good order, and all that it said was read."""
        return self._ended and not self._came

    async def read_until(self, expected: bytes, timeout: float | None = None) -> bytes:
        """All up to the end of the first ``expected``. Raises as `expect` does."""
        return (await self.expect([expected], timeout)).data

    async def expect(self, expected: Sequence[Expected], timeout: float | None = None) -> Match:
        """Wait until one of ``expected`` has come: of several the one that begins first, and of those the first in the list.

        A pattern is tried on what has come so far, as soon as it comes: one that may match more than is there, as ``.*`` may,
        finds less. What came behind the match is kept. Raises `TimeoutError` after ``timeout`` seconds in all, `ConnectionLost`
        where the peer's end comes first, `LimitExceeded` where `HELD` bytes come without it: what came can still be read.
        """
        deadline = self._deadline(timeout)
        searches = [_search(one) for one in expected]
        while True:
            came = bytes(self._came)  # which a match goes on to look at, when that has changed
            found = [(match.start(), index, match) for index, search in enumerate(searches) if (match := search(came))]
            if found:
                _, index, match = min(found, key=lambda one: one[:2])
                return Match(index, match, self._take(match.end()))
            awaited = " or ".join(repr(one if isinstance(one, bytes) else one.pattern) for one in expected)
            if self._error is not None:
                raise self._error
            if self._ended:
                raise ConnectionLost(f"the peer ended the conversation; {awaited} had not come")
            if len(self._came) >= HELD:
                raise LimitExceeded(f"{len(self._came):,} bytes came, and {awaited} was not among them")
            try:
                await self._turn(deadline)
            except TimeoutError:
                raise TimeoutError(f"{awaited} did not come in time; {_told(self._came)}") from None

    async def read_some(self, timeout: float | None = None) -> bytes:
        """What has come, at least a byte of it; ``b""`` once the peer has ended. Raises `TimeoutError`."""
        deadline = self._deadline(timeout)
        while not self._came:
            if self._error is not None:
                raise self._error
            if self._ended:
                return b""
            await self._turn(deadline)
        return self._take()

    async def read_eager(self) -> bytes:
        """What has come by now; ``b""`` where that is nothing. What waits to be written is written as far as goes at once.

        More may be there than is given in one call. `ended` tells whether anything can still come.
        """
        await self.poll()
        if self._error is not None and not self._came:
            raise self._error
        return self._take()

    async def read_all(self, timeout: float | None = None, *, limit: int = ALL) -> bytes:
        """All up to the peer's end. ``timeout``: seconds in which nothing comes. Raises `LimitExceeded` past ``limit`` bytes."""
        parts = []
        size = 0
        while part := await self.read_some(timeout):
            parts.append(part)
            size += len(part)
            if size > limit:
                raise LimitExceeded(f"more than {limit:,} bytes came: read them piece by piece, or set a higher limit")
        return b"".join(parts)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while data := await self.read_some():
            yield data

    # --- saying

    async def write(self, data: bytes, timeout: float | None = None) -> None:
        """Say ``data``, as an NVT has it (RFC 854): a line's end is CR LF. Raises `TimeoutError` where it isn't taken in time."""
        self._session.send(data)
        await self.flush(timeout)

    async def write_line(self, line: str | bytes, timeout: float | None = None) -> None:
        """Say ``line``, text as UTF-8, and its end: CR LF, or CR alone where BINARY is in effect (`TelnetSession.line_end`)."""
        await self.write((line.encode() if isinstance(line, str) else line) + self.session.line_end, timeout)

    async def command(self, code: int) -> None:
        """Say a command: ``Code.AYT``, ``Code.IP``, ``Code.BRK`` …; ``Code.DM`` goes as a Synch. Raises `LocalProtocolError`."""
        self._session.send(Command(code))
        await self.flush()

    async def resize(self, columns: int, rows: int) -> None:
        """Our window has this size now; the peer is told where it wanted to know (RFC 1073)."""
        for message in self.session.option(Naws).resize(columns, rows):
            self._session.send(message)
        await self.flush()

    async def finish(self) -> None:
        """Say that we have nothing more to say (FIN). What the peer still says can be read."""
        self._session.send(End())
        await self.flush()

    async def flush(self, timeout: float | None = None) -> None:
        """Return once all that was said is on its way. Raises `TimeoutError`."""
        deadline = self._deadline(timeout)
        while (segments := self._session.data_to_send()) or self.stream.unsent:
            await self._exchange(segments, deadline)

    # --- the end

    async def close(self) -> None:
        """End the conversation in good order, and drop what still comes. Does no harm twice, or to one that is broken."""
        try:
            self._came.clear()
            self._session.finish(self._network.now())
            while not self._session.closed:
                await self._turn(None)
            await self.flush()
        except (ConnectionLost, TimeoutError):
            pass  # we had nothing more to say or to hear
        finally:
            await self.stream.close()

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            await self.close()
        else:
            await self.stream.close()

    # --- turns

    async def poll(self, *, read: bool = True) -> None:
        """Write what can be written and, with ``read``, take in what is there: without waiting, for who waits elsewhere."""
        now = self._network.now()
        self._tick(now)
        try:
            while True:
                read = read and self._hears and len(self._came) < EAGER and self._error is None
                segments = self._session.data_to_send()
                if not (segments or self.stream.unsent or read):
                    break
                await self._exchange(segments, now, read=read)
        except TimeoutError:
            pass  # nothing more goes at once
        except (ConnectionLost, TLSError) as error:
            self._error = error
            if not self._came:  # else who has read that is told
                raise

    @property
    def deadline(self) -> float:
        """When `poll` wants to be called though nothing comes; ``math.inf`` for never."""
        return self._session.deadline

    def _deadline(self, timeout: float | None) -> float | None:
        seconds = self._timeout if timeout is None else timeout
        return None if seconds is None else self._network.now() + seconds

    def _take(self, count: int | None = None) -> bytes:
        """What came, or ``count`` bytes of it."""
        data = bytes(self._came if count is None else self._came[:count])
        del self._came[:count]
        return data

    async def _turn(self, deadline: float | None) -> None:
        """Write what waits, and wait for what comes. Raises `TimeoutError` at ``deadline``."""
        await self._exchange(self._session.data_to_send(), deadline)

    @property
    def _hears(self) -> bool:
        """Whether more is wanted of the peer."""
        return self._session.reading and not self._eof and len(self._came) < HELD

    async def _exchange(self, segments: Sequence[Segment], deadline: float | None, *, read: bool = True) -> None:
        session, stream = self._session, self.stream
        read = read and self._hears
        limit = min(math.inf if deadline is None else deadline, session.deadline)
        data: bytes | None = b""
        try:
            if segments or stream.unsent or read:
                data = await stream.exchange(segments, None if limit == math.inf else limit, read=read)
            elif limit == math.inf:
                raise ConnectionLost("the conversation is over")
            else:
                await self._network.sleep(max(0.0, limit - self._network.now()))
        except TimeoutError:
            if deadline is not None and self._network.now() >= deadline:
                raise
        finally:
            now = self._network.now()
            session.blocked(stream.unsent, now)
            self._tick(now)
        if data is None:
            self._eof = True
            self._hear(session.receive_eof(now))
        elif data:
            self.session.urgent(stream.urgent)
            self._hear(session.receive(data, now))
        while events := session.receive(b"", now):
            self._hear(events)

    def _tick(self, now: float) -> None:
        if self._session.deadline <= now:
            self._hear(self._session.tick(now))

    def _hear(self, events: Sequence[Any]) -> None:
        for event in events:
            if type(event) is Data:
                self._came += event.data
                self._session.consumed(len(event.data))
            elif type(event) is End:
                self._ended = True
            elif isinstance(event, WirespeakError):
                self._error = event
            else:
                self._listener(event)


def _search(expected: Expected) -> Callable[[bytes], re.Match[bytes] | None]:
    """What looks for ``expected`` in what has come; for bytes only in what is new since it last looked."""
    if isinstance(expected, re.Pattern):
        return expected.search
    pattern = re.compile(re.escape(expected))
    seen = 0

    def search(came: bytes) -> re.Match[bytes] | None:
        nonlocal seen
        start, seen = max(0, seen - len(expected)), len(came)
        return pattern.search(came, start)

    return search


def _told(came: bytearray) -> str:
    return f"what came ends in {bytes(came[-60:])!r}" if came else "nothing came"


def _no_wake() -> None:
    """A client looks at its session in every turn anyway."""


def _ignore(event: Any) -> None:
    """What is negotiated the session knows, too."""


class BlockingClient:
    """`Client` for who blocks: the same methods, without ``await``."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.session = client.session
        self.stream = client.stream
        self.name = client.name

    @classmethod
    def connect(
        cls,
        address: str | Address,
        *,
        timeout: float | None = TIMEOUT,
        tls: Any = None,
        network: Network | None = None,
        options: Iterable[Option] | None = None,
        listener: Listener | None = None,
        observer: Observer | None = None,
        raw: bool = False,
    ) -> BlockingClient:
        """As `Client.connect`."""
        network = network or BlockingNetwork()
        connecting = Client.connect(
            address, timeout=timeout, tls=tls, network=network, options=options, listener=listener, observer=observer, raw=raw
        )
        return cls(run(connecting))

    def fileno(self) -> int:
        """As `Client.fileno`."""
        return self._client.fileno()

    @property
    def ended(self) -> bool:
        """As `Client.ended`."""
        return self._client.ended

    @property
    def deadline(self) -> float:
        """As `Client.deadline`."""
        return self._client.deadline

    def read_until(self, expected: bytes, timeout: float | None = None) -> bytes:
        """As `Client.read_until`."""
        return run(self._client.read_until(expected, timeout))

    def expect(self, expected: Sequence[Expected], timeout: float | None = None) -> Match:
        """As `Client.expect`."""
        return run(self._client.expect(expected, timeout))

    def read_some(self, timeout: float | None = None) -> bytes:
        """As `Client.read_some`."""
        return run(self._client.read_some(timeout))

    def read_eager(self) -> bytes:
        """As `Client.read_eager`."""
        return run(self._client.read_eager())

    def read_all(self, timeout: float | None = None, *, limit: int = ALL) -> bytes:
        """As `Client.read_all`."""
        return run(self._client.read_all(timeout, limit=limit))

    def __iter__(self) -> Iterator[bytes]:
        while data := self.read_some():
            yield data

    def write(self, data: bytes, timeout: float | None = None) -> None:
        """As `Client.write`."""
        run(self._client.write(data, timeout))

    def write_line(self, line: str | bytes, timeout: float | None = None) -> None:
        """As `Client.write_line`."""
        run(self._client.write_line(line, timeout))

    def command(self, code: int) -> None:
        """As `Client.command`."""
        run(self._client.command(code))

    def resize(self, columns: int, rows: int) -> None:
        """As `Client.resize`."""
        run(self._client.resize(columns, rows))

    def finish(self) -> None:
        """As `Client.finish`."""
        run(self._client.finish())

    def flush(self, timeout: float | None = None) -> None:
        """As `Client.flush`."""
        run(self._client.flush(timeout))

    def poll(self, *, read: bool = True) -> None:
        """As `Client.poll`."""
        run(self._client.poll(read=read))

    def close(self) -> None:
        """As `Client.close`."""
        run(self._client.close())

    def __enter__(self) -> BlockingClient:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        run(self._client.__aexit__(kind, error, trace))
