"""What an HTTP client decides: whom to connect to, what to send along, whether to try again, where to go on to.

One policy, in coroutines over a `contract.Network`, with two faces: `Client` for asyncio and `BlockingClient` for
ordinary code, whose every method runs the same coroutine to its end::

    async with Client() as client:                      with BlockingClient() as client:
        page = await client.get("http://localhost/")        page = client.get("http://localhost/")

    wirespeak.http.get("http://localhost/").text        # one question, and nothing kept

`Options` says what can be asked of a request, `Settings` what of a client. The conversation on one connection stands in
``exchange.py``, connections that are kept in ``pool.py``, redirects in ``redirects.py``.
"""

from __future__ import annotations

import json
import os
import stat
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Self, TypedDict, TypeVar, Unpack

from wirespeak import __version__
from wirespeak.contract import FileSlice, Network, Stream, size_of
from wirespeak.errors import ConnectionLost, LimitExceeded, LocalProtocolError
from wirespeak.http.coding import ACCEPT_ENCODING
from wirespeak.http.download import save
from wirespeak.http.exchange import Connection, Timeouts, Upload, is_whole
from wirespeak.http.fields import Fields, FieldsLike
from wirespeak.http.messages import Request, Response
from wirespeak.http.pool import Pool
from wirespeak.http.received import Incoming, Received
from wirespeak.http.redirects import MOST_REDIRECTS, REDIRECTS, followed_by, location_of, next_fields, next_method
from wirespeak.http.urls import Url
from wirespeak.sockets.blocking import BlockingNetwork, run
from wirespeak.sockets.tls import client_context
from wirespeak.tap import Observer

__all__ = ["BlockingClient", "BlockingResponse", "Client", "ClientResponse", "Options", "Settings", "Timeouts", "get", "request"]

IDEMPOTENT: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
"""Asked twice they do what they do asked once, so they may be sent again when no answer came (RFC 9110 9.2.2)."""

READ_LIMIT: Final = 64 << 20
"""Bytes of a body that is read whole, unless told otherwise: it stands in memory."""

EXPECT_FROM: Final = 1 << 20
"""A body of so many bytes, or of unknown length, is announced first (RFC 9110 10.1.1): a refusal then costs a round trip, not an upload."""

READ_PIECE: Final = 64 << 10


class Options(TypedDict, total=False):
    """What can be asked of one request."""

    fields: FieldsLike
    """Fields to send; they take the place of those that are sent by default."""
    without: Collection[str]
    """Names of default fields that are not to be sent: ``{"User-Agent"}``."""
    body: Any
    """Bytes; an open binary file; a list of both; or an iterable, asynchronous or not, that yields bytes, sent as it yields."""
    json: Any
    """In place of ``body``: a value to be sent as JSON."""
    trailers: Callable[[], FieldsLike]
    """Called for the fields to send behind the body, once that has been made."""
    auth: tuple[str, str]
    """A name and a password, for Basic authentication (RFC 7617); those in a URL are used so too."""
    follow: bool | int
    """Whether redirects are followed, and how many (20, where True)."""
    timeouts: Timeouts
    limit: int | None
    """Bytes that the body may have, decoded. 64 MB for one that is read whole, no bound for a stream, unless given."""
    decode: bool
    """Whether compressed content is asked for and undone (True), or given as it is."""
    expect: bool
    """Whether to wait for 100 (Continue) before a body is sent; without it, for large ones."""
    on_interim: Callable[[Response], None]
    """Called with each interim answer, such as 103 (Early Hints)."""
    on_sent: Callable[[int], None]
    """Called with the number of bytes that were sent, as they go."""


class Settings(TypedDict, total=False):
    """What a client is set to."""

    fields: FieldsLike
    """Sent with every request."""
    timeouts: Timeouts
    follow: bool | int
    tls: Any
    """An `ssl.SSLContext`, as `sockets.tls.client_context` makes it, in the place of one that trusts what the system does."""
    most: int
    """Connections in all (64); a request beyond them waits its turn."""
    most_per_origin: int
    """Connections to one origin (8)."""
    idle_time: float
    """Seconds after which an idle connection is not used again (60)."""
    route: Callable[[str, int], tuple[str, int]]
    """Where to connect for a host and a port: another host and port, or ``("unix:/path", 0)``. TLS still verifies the host asked for."""
    watch: Callable[[Stream], Observer | None]
    """Asked for an observer of each new connection (`tap.Tap`); None leaves that one unwatched."""


class ClientResponse(Received):
    """An answer, for asyncio."""

    async def read(self, limit: int | None = None) -> bytes:
        """The whole body. Raises `LimitExceeded` past ``limit`` bytes."""
        return await self._read(limit)

    async def stream(self) -> AsyncIterator[bytes]:
        """The body in pieces as they come; who reads slowly slows the sender down."""
        while piece := await self._incoming.piece():
            yield piece

    async def save(self, path: Path | str, progress: Callable[[int], None] | None = None) -> int:
        """Write the body to a file (`download.save`); its size in bytes."""
        return await save(self._incoming.piece, Path(path), progress)

    async def close(self) -> None:
        """Read no more."""
        await self._incoming.close()


class BlockingResponse(Received):
    """An answer, for ordinary code."""

    def read(self, limit: int | None = None) -> bytes:
        """The whole body. Raises `LimitExceeded` past ``limit`` bytes."""
        return run(self._read(limit))

    def iter(self) -> Iterator[bytes]:
        """The body in pieces as they come."""
        while piece := run(self._incoming.piece()):
            yield piece

    def save(self, path: Path | str, progress: Callable[[int], None] | None = None) -> int:
        """Write the body to a file (`download.save`); its size in bytes."""
        return run(save(self._incoming.piece, Path(path), progress))

    def close(self) -> None:
        """Read no more."""
        run(self._incoming.close())


R = TypeVar("R", bound=Received)


@dataclass(slots=True)
class _Errand:
    """A request as its caller wants it, wherever it leads to."""

    method: str
    url: Url
    fields: Fields
    """The caller's own; the rest is made for each connection."""
    body: Any
    """Bytes, slices of files or a list of them; or an `Upload`."""
    timeouts: Timeouts
    deadline: float | None
    without: frozenset[str]
    expect: bool | None
    decode: bool
    limit: int | None
    on_interim: Callable[[Response], None] | None
    on_sent: Callable[[int], None] | None

    @property
    def upload(self) -> Upload | None:
        return self.body if isinstance(self.body, Upload) else None

    @property
    def repeatable(self) -> bool:
        """Whether the body could be sent once more."""
        return self.upload is None or not self.upload.begun

    @property
    def expects(self) -> bool:
        """Whether the server is asked first if it wants the body (RFC 9110 10.1.1)."""
        size = None if self.upload is not None else sum(map(size_of, self.body if isinstance(self.body, (list, tuple)) else [self.body]))
        if size == 0 or self.expect is False:
            return False
        return bool(self.expect) or size is None or size >= EXPECT_FROM

    def request(self) -> Request:
        """What is sent."""
        defaults = {"Host": self.url.authority, "User-Agent": f"wirespeak/{__version__}", "Accept": "*/*"}
        if self.decode:
            # Of content in a coding, a range is a piece of what was coded, which nobody can decode (RFC 9110 14.2).
            defaults["Accept-Encoding"] = "identity" if "range" in self.fields else ACCEPT_ENCODING
        if self.expects:
            defaults["Expect"] = "100-continue"
        own = [(name, value) for name, value in defaults.items() if name not in self.fields and name.lower() not in self.without]
        return Request(self.method, self.url.target, Fields([*own, *self.fields.items()]), body=self.body)

    def following(self, status: int, location: str) -> _Errand:
        """The errand after a redirect. Raises `RemoteProtocolError` where it leads nowhere, `LocalProtocolError` where the body is gone."""
        url = followed_by(self.url, location)
        method = next_method(status, self.method)
        keeps_body = method == self.method and status != 303
        if keeps_body and not self.repeatable:
            raise LocalProtocolError(
                f"redirected ({status}) to {url}, but the body was made as it was sent and can't be sent again: "
                "give it as bytes or as a file, or ask there in the first place"
            )
        fields = next_fields(self.fields, self.url, url, keeps_body=keeps_body)
        return replace(
            self, method=method, url=url, fields=fields, body=self.body if keeps_body else b"", expect=self.expect if keeps_body else None
        )


class Client:
    """Asks servers, and keeps connections to them for the next question. For one event loop; use it in ``async with``."""

    def __init__(self, network: Network | None = None, **settings: Unpack[Settings]) -> None:
        if network is None:
            # asyncio takes longer to load than many a page: who blocks doesn't pay for it.
            from wirespeak.sockets.aio_network import AsyncNetwork

            network = AsyncNetwork()
        self._network = network
        self._fields = Fields(settings.get("fields", ()))
        self._timeouts = settings.get("timeouts", Timeouts())
        self._follow = settings.get("follow", True)
        self._tls = settings.get("tls")
        self._route = settings.get("route")
        self._watch = settings.get("watch")
        self._pool = Pool(
            network,
            most=settings.get("most", 64),
            most_per_origin=settings.get("most_per_origin", 8),
            idle_time=settings.get("idle_time", 60.0),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections that are kept."""
        await self._pool.close()

    async def get(self, url: str, **options: Unpack[Options]) -> ClientResponse:
        """The answer to GET, its body read."""
        return await self.request("GET", url, **options)

    async def request(self, method: str, url: str, **options: Unpack[Options]) -> ClientResponse:
        """The answer to a request, its body read.

        An answer is an answer, whatever its status says. Raises `AddressError` for a URL that is none,
        `LocalProtocolError` for a request that can't be sent, `ConnectError`, `TLSError`, `TimeoutError` and
        `ConnectionLost` where no answer came, `RemoteProtocolError` where it was none, `LimitExceeded` for one too large.
        """
        return await self.answer(ClientResponse, method, url, options)

    @asynccontextmanager
    async def stream(self, method: str, url: str, **options: Unpack[Options]) -> AsyncIterator[ClientResponse]:
        """The answer to a request, its body still on its way: ``async with client.stream("GET", url) as response``.

        Raises what `request` does; reading the body may do so too.
        """
        response = await self.open(ClientResponse, method, url, options)
        try:
            yield response
        finally:
            await response.close()

    # --- the policy

    async def answer(self, kind: type[R], method: str, url: str, options: Options) -> R:
        """An answer with its body."""
        response = await self.open(kind, method, url, {"limit": READ_LIMIT, **options})
        await response._read()
        return response

    async def open(self, kind: type[R], method: str, url: str, options: Options) -> R:
        """An answer whose body is on its way, after all redirects that are to be followed."""
        errand = self._errand(method, url, options)
        follow = options.get("follow", self._follow)
        most = MOST_REDIRECTS if follow is True else int(follow)
        history: list[R] = []
        while True:
            response = await self._send(kind, errand)
            response.history = tuple(history)
            if not most or response.status not in REDIRECTS or "location" not in response.fields:
                return response
            try:
                if len(history) == most:
                    raise LimitExceeded(f"more than {most} redirects, the last one from {errand.url} to {response.fields['location']!r}")
                errand = errand.following(response.status, location_of(response.fields))
            finally:
                await response._incoming.drain()
            history.append(response)

    def _errand(self, method: str, url: str, options: Options) -> _Errand:
        where = Url.parse(url)
        given = Fields(options.get("fields", ()))
        fields = Fields([*self._fields.without(*given).items(), *given.items()])
        auth = options.get("auth", where.credentials)
        if auth is not None and "authorization" not in fields:
            fields = fields.with_("Authorization", _basic(*auth))
        if method == "CONNECT":
            raise LocalProtocolError("CONNECT asks a proxy for a tunnel (RFC 9110 9.3.6), and no proxy is used here")
        if "json" in options:
            body: Any = json.dumps(options["json"]).encode()
            if "content-type" not in fields:
                fields = fields.with_("Content-Type", "application/json")
        else:
            body = options.get("body", b"")
        timeouts = options.get("timeouts", self._timeouts)
        return _Errand(
            method=method,
            url=replace(where, user=None),
            fields=fields,
            body=_sendable(body, options.get("trailers")),
            timeouts=timeouts,
            deadline=_sooner(None, self._network.now(), timeouts.total),
            without=frozenset(name.lower() for name in options.get("without", ())),
            expect=options.get("expect"),
            decode=options.get("decode", True),
            limit=options.get("limit"),
            on_interim=options.get("on_interim"),
            on_sent=options.get("on_sent"),
        )

    async def _send(self, kind: type[R], errand: _Errand) -> R:
        """Send a request, and once more where that can do no harm; the answer, whose body is on its way."""
        origin = errand.url.origin

        async def release(connection: Connection) -> None:
            await self._pool.release(origin, connection)

        fresh = False
        while True:
            place_by = _sooner(errand.deadline, self._network.now(), errand.timeouts.pool)
            connection = await self._pool.acquire(origin, lambda: self._connect(errand), place_by, fresh=fresh)
            reused = connection.requests > 0
            try:
                head, expected = await self._ask(connection, errand)
            except BaseException as error:
                await connection.close()
                await release(connection)
                # A server may close an idle connection just as we write to it (RFC 9112 9.3.1). On a new one that can't be.
                lost_the_race = isinstance(error, ConnectionLost) and reused and not connection.answered
                if not (lost_the_race and errand.method in IDEMPOTENT and errand.repeatable):
                    raise
                fresh = True
                continue
            coding = Fields(head.fields).get("content-encoding") if errand.decode and head.status != 206 else None
            incoming = Incoming(connection, release, coding, errand.limit)
            if head.status == 417 and expected and errand.expect is None and errand.repeatable:
                await incoming.drain()
                errand.expect = False  # RFC 9110 10.1.1: to be repeated without the expectation
                continue
            if connection.at_end:
                await incoming.piece()
            return kind(head, errand.url, errand.method, connection, incoming)

    async def _ask(self, connection: Connection, errand: _Errand) -> tuple[Response, bool]:
        """The final answer's head, and whether the server was asked beforehand if it wants the body."""
        request = errand.request()
        expects = "expect" in request.fields
        connection.begin(request, errand.upload, errand.timeouts, errand.deadline, expect=expects, on_sent=errand.on_sent)
        while (head := await connection.head()).status < 200 and head.status != 101:
            if errand.on_interim is not None:
                errand.on_interim(head)
        return head, expects

    async def _connect(self, errand: _Errand) -> Connection:
        network, timeouts = self._network, errand.timeouts
        scheme, host, port = errand.url.origin
        where = (host, port) if self._route is None else self._route(host, port)
        stream = await network.connect(*where, deadline=_sooner(errand.deadline, network.now(), timeouts.connect))
        if scheme == "https":
            if self._tls is None:
                self._tls = client_context(alpn=("http/1.1",))
            await stream.start_tls(self._tls, host, _sooner(errand.deadline, network.now(), timeouts.tls))
        return Connection(stream, network.now, errand.url.authority, None if self._watch is None else self._watch(stream))


class BlockingClient:
    """Asks servers, and keeps connections to them for the next question. For any thread; use it in ``with``.

    Its methods do what those of `Client` do, and raise what they do.
    """

    def __init__(self, network: Network | None = None, **settings: Unpack[Settings]) -> None:
        self._client = Client(network or BlockingNetwork(), **settings)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections that are kept."""
        run(self._client.close())

    def get(self, url: str, **options: Unpack[Options]) -> BlockingResponse:
        """The answer to GET, its body read."""
        return self.request("GET", url, **options)

    def request(self, method: str, url: str, **options: Unpack[Options]) -> BlockingResponse:
        """The answer to a request, its body read."""
        return run(self._client.answer(BlockingResponse, method, url, options))

    @contextmanager
    def stream(self, method: str, url: str, **options: Unpack[Options]) -> Iterator[BlockingResponse]:
        """The answer to a request, its body still on its way: ``with client.stream("GET", url) as response``."""
        response = run(self._client.open(BlockingResponse, method, url, options))
        try:
            yield response
        finally:
            response.close()


def request(method: str, url: str, **options: Unpack[Options]) -> BlockingResponse:
    """The answer to one request, its body read; no connection is kept."""
    with BlockingClient() as client:
        return client.request(method, url, **options)


def get(url: str, **options: Unpack[Options]) -> BlockingResponse:
    """The answer to one GET, its body read; no connection is kept."""
    return request("GET", url, **options)


def _sendable(body: Any, trailers: Callable[[], FieldsLike] | None) -> Any:
    """``body`` as a connection takes it: whole where its length is known, else as an `Upload`."""
    if body is None:
        body = b""
    if hasattr(body, "read") and not hasattr(body, "__aiter__"):
        body = _of_file(body)
    if isinstance(body, (str, bytes, bytearray, memoryview, FileSlice)):
        body = _segment(body)
    elif isinstance(body, (list, tuple)):
        body = [_segment(part) for part in body]
    if is_whole(body) and trailers is None:
        return body
    # Only chunks have room for trailers (RFC 9110 6.5), so even what is whole is then sent in chunks.
    return Upload([body] if isinstance(body, bytes) else body, trailers)


def _segment(part: Any) -> Any:
    if isinstance(part, (bytearray, memoryview)):
        return bytes(part)
    if isinstance(part, str):
        raise LocalProtocolError("a body is bytes, and this is text: encode it first, as in body=text.encode()")
    if not isinstance(part, (bytes, FileSlice)):
        raise LocalProtocolError(f"a body is made of bytes and slices of files, not of {type(part).__name__}")
    return part


def _of_file(file: Any) -> Any:
    """What is left of an open file: a slice, sent without passing through Python, where it is a file and not a pipe."""
    if isinstance(file.read(0), str):
        raise LocalProtocolError("a body is bytes, and this file is open as text: open it in binary mode, as in open(name, 'rb')")
    try:
        status = os.fstat(file.fileno())
        if stat.S_ISREG(status.st_mode):
            at = file.tell()
            return FileSlice(file, at, max(0, status.st_size - at))
    except (OSError, ValueError):
        pass  # one in memory, or compressed
    return iter(lambda: file.read(READ_PIECE), b"")


def _basic(name: str, password: str) -> str:
    """The value of Authorization for Basic (RFC 7617 2), in UTF-8."""
    if ":" in name:
        raise LocalProtocolError("a user name for Basic authentication holds no colon (RFC 7617 2)")
    return "Basic " + b64encode(f"{name}:{password}".encode("utf-8", "surrogateescape")).decode("ascii")


def _sooner(deadline: float | None, now: float, limit: float | None) -> float | None:
    """The earlier of ``deadline`` and ``limit`` seconds from ``now``."""
    ends = [at for at in (deadline, None if limit is None else now + limit) if at is not None]
    return min(ends, default=None)
