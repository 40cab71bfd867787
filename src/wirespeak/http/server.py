"""What an HTTP server decides: which handler answers, how it is run, and what becomes of its errors.

A *handler* is a function of one request that gives one response::

    def hello(request: Request) -> Response: ...          # called in place, its request's body read already
    async def upload(request: Request) -> Response: ...   # a task of its own; reads the body as it comes

`HttpServer` makes of a handler a service that a listener can be given. Rules of the protocol, limits and deadlines are
the session's (``session.py``).
"""

from __future__ import annotations

import inspect
import logging
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import aclosing
from email.utils import formatdate
from typing import Any

from wirespeak.contract import FileSlice, Link, Session, size_of
from wirespeak.errors import ConnectionLost, IncompleteMessage, LimitExceeded, LocalProtocolError, RemoteProtocolError
from wirespeak.http.counters import Counters
from wirespeak.http.fields import Fields
from wirespeak.http.limits import ServerLimits
from wirespeak.http.log import AccessLog
from wirespeak.http.messages import Data, End, Late, Request, Response
from wirespeak.http.session import ServerSession
from wirespeak.sockets.address import Address
from wirespeak.sockets.listener import Listener, serve_until_stopped
from wirespeak.sockets.tasks import Cancelled, run_loop
from wirespeak.sockets.tcp import bind_all

__all__ = ["Handler", "HttpServer", "RequestBody", "Tunnel", "serve"]

logger = logging.getLogger("wirespeak.http")

Handler = Callable[[Request], Response | Awaitable[Response]]

# A body that is read whole before an ordinary function is called: what a form or a JSON document takes, and little
# enough to hold for each of many connections. Larger ones are for coroutines, which read as it comes.
COLLECTED = 1 << 20


class HttpServer:
    """A service (`contract.Service`) that answers every request by ``handler``.

    ``limits`` bound a connection. ``log`` and ``counters``, where given, learn of each exchange. ``name`` goes into the
    Server field; none is sent where it is empty.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        limits: ServerLimits | None = None,
        log: AccessLog | None = None,
        counters: Counters | None = None,
        name: str = "wirespeak",
    ) -> None:
        self.handler = handler
        self.limits = limits or ServerLimits()
        self.log = log
        self.counters = counters
        self.counted = log is not None or counters is not None
        # Whether the body is read before the handler is called: a coroutine reads it itself, and an object may say by
        # ``reads_body = False`` that it has no use for one.
        is_coroutine = inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(type(handler).__call__)
        self.collects = not is_coroutine and getattr(handler, "reads_body", True)
        self._server_line = Fields({"Server": name}).encode() if name else b""
        self._standing = b""
        self._since = self._until = 0.0  # the second that it is of

    def __call__(self, link: Link) -> _Conversation:
        return _Conversation(self, link)

    def standing(self) -> bytes:
        """The lines that go into every answer; the Date (RFC 9110 6.6.1) is written once a second."""
        now = time.time()
        if not self._since <= now < self._until:  # the clock may be set back as well
            self._since = now // 1
            self._until = self._since + 1
            self._standing = f"Date: {formatdate(now, usegmt=True)}\r\n".encode("ascii") + self._server_line
        return self._standing

    def failed(self, request: Request, error: BaseException) -> Response:
        """The answer where a handler raised ``error``."""
        if isinstance(error, LimitExceeded):
            return Response.text(f"{error}\n", 413)
        if isinstance(error, RemoteProtocolError):
            return Response.text(f"{error}\n", error.code or 400)
        logger.error("%s %s: the handler failed", request.method, ascii(request.target), exc_info=error)
        return Response.text("The server failed to answer; its log says why.\n", 500)


def serve(handler: Handler, *places: str, on_ready: Callable[[list[str]], None] | None = None, **options: Any) -> None:
    """Serve ``handler`` at ``places`` ("localhost:8000" where none is named) until SIGTERM or SIGINT, in good order.

    ``on_ready`` is told where, once it accepts; ``options`` are `HttpServer`'s. Raises `AddressError`, `ListenError`.
    """

    async def run() -> None:
        listener = Listener(bind_all(map(Address.parse, places or ("localhost:8000",))), HttpServer(handler, **options))
        said = None if on_ready is None else lambda: on_ready([str(Address.of(name)) for name in listener.addresses])
        await serve_until_stopped([listener], on_ready=said)

    run_loop(run())


class _Conversation:
    """One connection of an `HttpServer`, a `contract.Conversation`; and what ``request.connection`` is."""

    __slots__ = ("_body", "_http", "_link", "_request", "_server", "_since", "_task", "session")

    def __init__(self, server: HttpServer, link: Link) -> None:
        self._server = server
        self._link = link
        self._http = ServerSession(link.wake, server.limits, server.standing)
        self.session: Session = self._http
        self._request: Request | None = None
        self._body: RequestBody | None = None
        self._task: Any = None
        self._since = 0.0
        if server.counters is not None:
            server.counters.opened()

    @property
    def peer(self) -> Any:
        """The address of who asks, as its socket tells it."""
        return self._link.peer

    @property
    def local(self) -> Any:
        """The address at which it reached us."""
        return self._link.local

    @property
    def tls(self) -> Any:
        """What TLS agreed on (`sockets.tls.TLSInfo`); None in clear."""
        return self._link.tls

    def inform(self, status: int, fields: Any = ()) -> None:
        """Send an interim answer, such as 103 (Early Hints, RFC 8297), before the one that the handler will return."""
        if not 100 <= status < 200 or status == 101:
            raise LocalProtocolError(f"{status} is no interim answer (RFC 9110 15.2): return it")
        self.session.send(Response(status, Fields(fields)))

    # --- events

    def handle(self, event: Any) -> None:
        kind = type(event)
        if kind is Request:
            self._request = event
            event.connection = self
            if self._server.counted:
                self._since = time.monotonic()
            if event.body is None:
                self._begin_body(event)
            else:
                self._call(event)
        elif kind is Data:
            if self._server.counters is not None:
                self._server.counters.received += len(event.data)
            if self._body is not None:
                self._body.feed(event.data)
        elif kind is End:
            if self._body is not None:
                self._body.end(event.trailers)
        elif kind is Late:
            self._account(503, 0)
            self._give_up(ConnectionLost("the answer came too late"))
        elif isinstance(event, RemoteProtocolError):
            self._account(event.code or 400, 0)
            self._give_up(event)

    def lost(self, error: Exception | None) -> None:
        self._give_up(error or IncompleteMessage("the peer is gone"))
        if self._server.counters is not None:
            self._server.counters.closed()

    def _give_up(self, error: Exception) -> None:
        """Nobody waits for the answer any more: end what works at it."""
        self._request = None
        if self._body is not None:
            self._body.fail(error)
            self._body = None
        if self._task is not None:
            self._task.cancel()
            self._task = None

    # --- a request

    def _begin_body(self, request: Request) -> None:
        self._body = request.body = RequestBody(self._http, self._link)
        if self._server.collects:
            self._start(self._collect(request))
        else:
            self._call(request)

    def _call(self, request: Request) -> None:
        """Have the handler answer."""
        try:
            answer = self._server.handler(request)
        except Exception as error:
            answer = self._server.failed(request, error)
        if type(answer) is Response:
            self._answer(request, answer)
        elif isinstance(answer, Awaitable):
            self._start(self._await(request, answer))
        else:
            self._answer(request, self._server.failed(request, TypeError(f"a handler returns a Response, not {answer!r}")))

    def _start(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = self._link.start(coroutine)
        if task is not None and not task.done():
            self._task = task

    async def _collect(self, request: Request) -> None:
        try:
            request.body = await request.body.read(COLLECTED)
        except LimitExceeded as error:
            self._answer(request, self._server.failed(request, error))
        except (RemoteProtocolError, ConnectionLost):
            return  # the session has answered, or there is nobody left to answer
        else:
            self._task = None
            self._call(request)

    async def _await(self, request: Request, answer: Awaitable[Response]) -> None:
        try:
            response = await answer
            if type(response) is not Response:
                raise TypeError(f"a handler returns a Response, not {response!r}")
        except (Exception, Cancelled) as error:
            if self._request is not request:
                return  # given up, and answered by the session where it was the body that broke the protocol
            response = self._server.failed(request, error)
        if self._request is request:
            self._task = None
            self._answer(request, response)

    def _answer(self, request: Request, response: Response) -> None:
        body = response.body
        kind = type(body)
        try:
            if response.tunnel is not None:
                self._begin_tunnel(request, response)
                return
            if response.status < 200:
                raise LocalProtocolError(f"a {response.status} is no answer; `inform` sends interim ones (RFC 9110 15.2)")
            if kind is bytes or kind is FileSlice or kind is list or kind is tuple:
                self.session.send(response)
            else:
                self._start(self._stream(request, response))
                return
        except LocalProtocolError as error:
            if self._request is request:
                self._answer_fault(request, error)
            return
        if self._server.counted:
            request.body = b""  # the log keeps the request for a moment, but not its body
            size = sum(map(size_of, body)) if kind is list or kind is tuple else size_of(body)
            self._account(response.status, 0 if self._http.bodiless else size)
        self._request = self._body = None

    def _answer_fault(self, request: Request, error: Exception) -> None:
        """A response that can't be sent as it is: 500, and the reason into our own log."""
        self.session.send(self._server.failed(request, error))
        self._account(500, 0)
        self._request = self._body = None

    async def _stream(self, request: Request, response: Response) -> None:
        """Send a body as it is made, no faster than it is taken."""
        http, link, sent = self._http, self._link, 0
        try:
            self.session.send(response)
        except LocalProtocolError as error:
            if self._request is request:
                self._answer_fault(request, error)
            return
        try:
            async with aclosing(_pieces(response.body)) as pieces:
                if not http.bodiless:
                    async for piece in pieces:
                        self.session.send(Data(piece))
                        sent += len(piece)
                        await link.room()
            self.session.send(End(Fields(response.trailers()) if response.trailers is not None else Fields()))
        except ConnectionLost:
            return
        except (Exception, Cancelled) as error:
            if self._request is not request:
                return
            logger.error("%s %s: the answer's body failed", request.method, ascii(request.target), exc_info=error)
            http.fail()
        self._account(response.status, sent)
        self._task = self._request = self._body = None

    def _begin_tunnel(self, request: Request, response: Response) -> None:
        """Leave the connection to another protocol (RFC 9110 7.8, 9.3.6)."""
        if response.status != 101 and not (request.method == "CONNECT" and response.status < 300):
            raise LocalProtocolError(f"a {response.status} to {request.method} opens no tunnel (RFC 9110 7.8, 9.3.6)")
        self.session.send(response)
        self._body = RequestBody(self._http, self._link)
        self._start(self._run_tunnel(response, Tunnel(self.session, self._link, self._body)))

    async def _run_tunnel(self, response: Response, tunnel: Tunnel) -> None:
        assert response.tunnel is not None
        try:
            await response.tunnel(tunnel)
        except ConnectionLost:
            return
        except Exception as error:
            logger.error("the tunnel failed", exc_info=error)
            self._http.fail()
        else:
            await tunnel.close()

    def _account(self, status: int, sent: int) -> None:
        """Tell the log and the counters of an exchange that is over."""
        server, request = self._server, self._request
        taken = time.monotonic() - self._since if request is not None else 0.0
        if server.counters is not None:
            server.counters.answered(status, sent, taken)
        if server.log is not None:
            server.log.add((self._link.peer, time.time(), request, status, sent, taken))


class RequestBody:
    """A request's body on its way in (`messages.IncomingBody`): iterated once, by one reader."""

    __slots__ = ("_ended", "_error", "_http", "_link", "_pieces", "_trailers", "_waiter")

    def __init__(self, http: ServerSession, link: Link) -> None:
        self._http = http
        self._link = link
        self._pieces: deque[bytes] = deque()
        self._ended = False
        self._error: Exception | None = None
        self._trailers = Fields()
        self._waiter: Any = None

    @property
    def trailers(self) -> Fields:
        return self._trailers

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        """The next piece. Raises `IncompleteMessage` or another `RemoteProtocolError` where the body is broken."""
        while not self._pieces:
            if self._error is not None:
                raise self._error
            if self._ended:
                raise StopAsyncIteration
            self._http.wants_body()
            self._waiter = self._link.future()
            await self._waiter
        piece = self._pieces.popleft()
        self._http.consumed(len(piece))
        return piece

    async def read(self, limit: int | None = None) -> bytes:
        """All of it. Raises `LimitExceeded` once more than ``limit`` bytes (of 1 MB where None) have come."""
        limit = COLLECTED if limit is None else limit
        pieces: list[bytes] = []
        size = 0
        async for piece in self:
            size += len(piece)
            if size > limit:
                raise LimitExceeded(f"the request's body has more than {limit:,} bytes")
            pieces.append(piece)
        return b"".join(pieces)

    def feed(self, data: bytes) -> None:
        self._pieces.append(data)
        self._arrived()

    def end(self, trailers: Fields) -> None:
        self._ended = True
        self._trailers = trailers
        self._arrived()

    def fail(self, error: Exception) -> None:
        if not self._ended:
            self._error = error
            self._arrived()

    def _arrived(self) -> None:
        if self._waiter is not None:
            waiter, self._waiter = self._waiter, None
            if not waiter.done():
                waiter.set_result(None)


class Tunnel:
    """A connection after 101, or after a 2xx to CONNECT: bytes each way, of whatever protocol follows."""

    def __init__(self, http: Session, link: Link, incoming: RequestBody) -> None:
        self._http = http
        self._link = link
        self._incoming = incoming
        self._closed = False

    async def read(self) -> bytes:
        """What came; empty once the peer has ended its side. Raises `ConnectionLost`."""
        async for piece in self._incoming:
            return piece
        return b""

    async def write(self, data: bytes) -> None:
        """Send ``data``, once there is room for it. Raises `ConnectionLost`."""
        self._http.send(Data(data))
        await self._link.room()

    async def close(self) -> None:
        """End our side; done by itself when the tunnel's function returns."""
        if not self._closed:
            self._closed = True
            self._http.send(End())


async def _pieces(body: Any) -> AsyncGenerator[bytes, None]:
    """What ``body`` yields, whichever way it does; a generator that is given up is closed at once."""
    if hasattr(body, "aclose"):
        async with aclosing(body):
            async for piece in body:
                yield piece
    elif hasattr(body, "__aiter__"):
        async for piece in body:
            yield piece
    else:
        try:
            for piece in body:
                yield piece
        finally:
            if hasattr(body, "close"):
                body.close()
