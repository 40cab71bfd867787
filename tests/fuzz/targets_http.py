"""Fuzz targets: HTTP. What comes from a peer may be any bytes, in any pieces; what each parser then owes stands in each target.

Where a parser accepts something it is compared with a reference on its own feet: patterns written here from RFC 9112 and
RFC 9110, and `tests.hostile.reader`.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from tests.hostile.reader import NotHTTP, Unfinished, read_answer
from wirespeak.buffer import Buffer
from wirespeak.contract import ABORT, FINISH
from wirespeak.errors import AddressError, IncompleteMessage, LimitExceeded, LocalProtocolError, RemoteProtocolError
from wirespeak.explanation import as_html, as_json, as_text, tiles
from wirespeak.http.body import ChunkedReader
from wirespeak.http.client_session import ClientSession
from wirespeak.http.coding import CODINGS, Decoder, Encoder, acceptable, compress
from wirespeak.http.conditional import ETag, http_date, parse_http_date, precondition, range_applies
from wirespeak.http.explain import explain, explain_request, explain_response
from wirespeak.http.fields import Fields
from wirespeak.http.limits import KEPT, ServerLimits
from wirespeak.http.messages import Data, End, Request, Response, parse_request_head, parse_response_head
from wirespeak.http.ranges import MAX_RANGES, multipart, parse_ranges
from wirespeak.http.session import ServerSession
from wirespeak.http.urls import Url
from wirespeak.sockets.address import Address

GET = b"GET /a?b HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a="b"\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n'
OLD = b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
EXPECT = b"PUT /x HTTP/1.1\r\nHost: [::1]:80\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\nab"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
STREAM = (
    b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\n"
)
UNTIL_CLOSE = b"HTTP/1.0 200 OK\r\n\r\nhello"
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nabc"
NO_BODY = b'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nContent-Length: 7\r\n\r\n'

SEEDS = {
    "request_head": [
        *(GET, POST[:-5], OLD, EXPECT[:-2], b"OPTIONS * HTTP/1.1\r\nHost:\r\n\r\n", b"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n"),
        b"GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n",
    ],
    "response_head": [ANSWER[:-5], NO_BODY, b"HTTP/1.1 404 \r\n\r\n", b"HTTP/1.0 200\r\nX: y\r\n\r\n"],
    "chunks": [
        b"\x03" + CHUNKED.partition(b"\r\n\r\n")[2],
        b"\x01A \t; b = c\r\n0123456789\r\n000\r\n\r\nGET",
        b"\x05" + b"1\r\na\r\n" * 5 + b"0\r\n\r\n",
    ],
    "server": [
        bytes([when, 9]) + stream
        for when in range(4)
        for stream in (GET * 3, POST + GET, CHUNKED + GET, b"\r\n" + OLD * 2, EXPECT, GET + b"BROKEN\r\n\r\n" + GET)
    ],
    "client": [
        bytes([method, 9]) + stream for method in range(4) for stream in (ANSWER, STREAM, UNTIL_CLOSE, NO_BODY, ANSWER + ANSWER, SWITCH)
    ],
    "fields": [b"Host: a\r\nX-Field:  a b\t\r\nx-field: c\r\nSet-Cookie: a=b; Path=/", b"A:\r\nB:b", b"X: caf\xe9"],
    "ranges": [b"\x64bytes=0-1,5-,-3", b"\x00bytes=0-", b"\xffbytes= 1-2 , 3-4", b"\x10bytes=99999999999999999999-"],
    "conditional": [
        b'W/"a", "b","c"|Sun, 06 Nov 1994 08:49:37 GMT',
        b"*|Sunday, 06-Nov-94 08:49:37 GMT",
        b'"a"|Sun Nov  6 08:49:37 1994',
    ],
    "accept_encoding": [b"gzip;q=0.5, br, *;q=0", b"identity;q=0, zstd;q=1.000", b"gzip ; q=0.1"],
    "decoder": [bytes([4 + number]) + compress(b"hello" * 50, coding) for number, coding in enumerate(CODINGS)] + [b"\x07gzip"],
    "encoder": [bytes([number, 7]) + b"hello" * 50 for number in range(3)],
    "explain": [
        *(b"\0" + stream for stream in (GET + POST + CHUNKED, EXPECT, OLD, ANSWER + STREAM, NO_BODY, UNTIL_CLOSE)),
        b"\3" + ANSWER,
    ],
    "address": [
        *(b"example.com:80", b"[fe80::1%eth0]:80", b"*:80", b":80", b"unix:/run/web", b"unix:@web", b"127.0.0.1:0"),
        "bücher.example:1".encode(),
    ],
    "url": [
        *(b"http://u:p@a.example:81/b/../c?d#e ../f?g", b"https://[::1]/ //x/y", b"http://a /b"),
        "http://bücher.example/ü ?ü".encode(),
    ],
}
"""What to begin with, for each target; its first bytes are read as the target's docstring says."""

TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
FIELD_LINE = re.compile(rf"({TOKEN}):[ \t]*((?:[^\x00\r\n]*[^\x00\r\n \t])?)[ \t]*", re.DOTALL)
REQUEST_LINE = re.compile(rf"({TOKEN}) ([\x21-\x7e]+) HTTP/1\.([0-9])")
STATUS_LINE = re.compile(r"HTTP/1\.([0-9]) ([0-9]{3})(?: ([\t \x21-\x7e\x80-\xff]*))?")
PLAIN_HEAD = re.compile(
    r"GET (?:/[a-z0-9.]*)+(?:\?[a-z0-9=&]*)? HTTP/1\.1\r\nHost: [a-z]{1,60}\r\n(?:X-[A-Za-z]{1,60}: ?[a-z]*\r\n){0,9}\r\n"
)
QUOTED = rb'"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*"'
CHUNK_LINE = re.compile(
    rb"([0-9A-Fa-f]+)(?:[ \t]*;[ \t]*%(token)b(?:[ \t]*=[ \t]*(?:%(token)b|%(quoted)b))?)*" % {b"token": TOKEN.encode(), b"quoted": QUOTED}
)
DATE = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"


def whole_head(data: bytes) -> bytes:
    """``data`` up to its first empty line, which is put behind it where there is none."""
    return data.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"


def reference_fields(head: bytes) -> list[tuple[str, str]]:
    """The fields of a head that was accepted, read by the reference: which then has to accept it too."""
    lines = head.decode("latin-1").split("\r\n")[1:-2]
    found = [FIELD_LINE.fullmatch(line) for line in lines]
    assert all(found), f"accepted, but no field line: {[line for line, match in zip(lines, found, strict=True) if not match]}"
    return [(match[1].lower(), match[2]) for match in found if match]


def well_told(error: RemoteProtocolError, data: bytes | None, *codes: int) -> None:
    """A fault of the peer's names its clause, is answered with one of ``codes``, and lies inside ``data``."""
    assert error.clause, "a refusal names no clause"
    assert error.code in codes, f"{error.code}: {error}"
    assert data is None or error.offset is None or 0 <= error.offset <= len(data)


def fuzz_request_head(data: bytes) -> None:
    """A head is refused as the peer's fault, or read as the reference reads it; a plain one is never refused."""
    head = whole_head(data)
    try:
        request = parse_request_head(head)
    except RemoteProtocolError as error:
        well_told(error, head, 400, 414, 431, 501, 505)
        assert not PLAIN_HEAD.fullmatch(head.decode("latin-1")), "a plain head was refused"
        return
    line = REQUEST_LINE.fullmatch(head.decode("latin-1").partition("\r\n")[0])
    assert line is not None, "accepted, but no request line"
    assert (request.method, request.target, request.minor) == (line[1], line[2], min(int(line[3]), 1))
    assert request.fields.folded() == reference_fields(head)
    assert "#" not in request.target
    assert "@" not in request.host
    assert len(request.fields.get_all("host")) <= 1
    assert request.path.startswith("/") or request.target == "*" or request.method == "CONNECT"
    assert isinstance(request.query, str)
    assert isinstance(request.raw_path, str)
    again = parse_request_head(b"GET / HTTP/1.0\r\n" + request.fields.encode() + b"\r\n")
    assert again.fields.folded() == request.fields.folded()


def fuzz_response_head(data: bytes) -> None:
    """As `fuzz_request_head`, for what servers send."""
    head = whole_head(data)
    try:
        response = parse_response_head(head)
    except RemoteProtocolError as error:
        well_told(error, head, 0, 400, 431)
        return
    line = STATUS_LINE.fullmatch(head.decode("latin-1").partition("\r\n")[0])
    assert line is not None, "accepted, but no status line"
    assert (response.status, response.minor) == (int(line[2]), min(int(line[1]), 1))
    assert response.reason == (line[3] or "")
    assert isinstance(response.fields, Fields)
    assert response.fields.folded() == reference_fields(head)


def fuzz_chunks(data: bytes) -> None:
    """The first byte is where the rest is split. A body in chunks is the same in any pieces, and what the reference reads."""
    if not data:
        return
    split, data = data[0], data[1:]
    body, left, trailers, fault = read_chunks(data)
    for pieces in ((data[:split], data[split:]), tuple(data[at : at + 1] for at in range(len(data)))):
        other = read_chunks(*pieces)
        assert other[2:] == (trailers, fault), "in other pieces, other trailers were read, or another fault found"
        assert fault or other[0] == body, "in other pieces, another body was read"
    if not fault:
        expected, at = reference_chunks(data)
        assert (body, len(left)) == (expected, len(data) - at)


def read_chunks(*pieces: bytes) -> tuple[bytes, bytes, list[tuple[str, str]], bool]:
    """What a `ChunkedReader` makes of a body that comes in ``pieces``: content, what is left, trailers, and whether it was at fault."""
    reader, buffer = ChunkedReader(5000), Buffer()
    body, trailers = b"", []
    try:
        for piece in pieces:
            buffer.feed(piece)
            if not reader.done:
                for event in reader.read(buffer):
                    if isinstance(event, Data):
                        assert event.data, "an empty piece"
                        body += event.data
                    else:
                        trailers = event.trailers.folded()
        if not reader.done:
            reader.eof()
            raise AssertionError("a body cut off was passed off as whole")
    except RemoteProtocolError as error:
        well_told(error, None, 0, 400, 413, 431)
        return body, b"", [], True
    return body, buffer.rest(), trailers, False


def reference_chunks(data: bytes) -> tuple[bytes, int]:
    """The content of a body in chunks, and where it ends; AssertionError where it is none (RFC 9112 7.1)."""
    at, pieces = 0, []
    while True:
        end = data.index(b"\r\n", at)
        line = CHUNK_LINE.fullmatch(data, at, end)
        assert line is not None, f"accepted, but no chunk line: {data[at:end]!r}"
        size = int(line[1], 16)
        at = end + 2
        if not size:
            break
        assert data[at + size : at + size + 2] == b"\r\n", "chunk data not ended by CRLF was accepted"
        pieces.append(data[at : at + size])
        at += size + 2
    while not data.startswith(b"\r\n", at):
        end = data.index(b"\r\n", at)
        assert FIELD_LINE.fullmatch(data[at:end].decode("latin-1")), f"accepted, but no trailer: {data[at:end]!r}"
        at = end + 2
    return b"".join(pieces), at + 2


# --- sessions


class Pumped:
    """A `ServerSession`, pumped as the contract says, and the smallest of applications behind it.

    ``when`` says when it answers: 0 at once, 1 once the body is there, 2 when the session won't read on without, 3 with a
    stream. What came of a request whose body is at fault depends on how it was cut, so its content is left out.
    """

    def __init__(self, when: int) -> None:
        self.when = when
        self.session = ServerSession(lambda: None, ServerLimits(line=300, head=1000, body=2000), lambda: DATE.encode())
        self.told: list[Any] = []
        self.said = b""
        self.methods: list[tuple[str, int]] = []
        self.waiting: list[Request] = []
        self.end: object = None

    def pieces(self, *pieces: bytes) -> Pumped:
        for piece in pieces:
            while not self.session.reading and not self.session.closed and self.waiting:
                self.answer(self.waiting.pop())
                self.go_on()
            if self.session.reading and not self.session.closed and piece:
                self.handle(self.session.receive(piece, 0.0))
                self.go_on()
            assert len(self.session._input) <= KEPT + len(piece), "the session keeps more than its bound"
        if not self.session.closed:
            self.handle(self.session.receive_eof(0.0))
            self.go_on()
        while self.waiting and not self.session.closed:
            self.answer(self.waiting.pop())
            self.go_on()
        assert self.session.closed, "all was said and answered, and the session goes on"
        return self

    def go_on(self) -> None:
        self.handle(())
        while events := self.session.receive(b"", 0.0):
            self.handle(events)
        for segment in self.session.data_to_send():
            assert self.end is None, "something was sent behind the end"
            if segment is FINISH or segment is ABORT:
                self.end = segment
            else:
                assert isinstance(segment, bytes)
                self.said += segment

    def handle(self, events: Any) -> None:
        for event in events:
            if isinstance(event, Request):
                assert not self.waiting, "a request was given out before the one before it was answered"
                self.told.append(["request", event.method, event.target, event.minor, event.fields.folded(), b"", "open"])
                self.methods.append((event.method, event.minor))
                self.waiting.append(event)
                if event.body is not None:
                    self.told[-1][-1] = "whole"
                if self.when in (0, 3) or (self.when == 1 and event.body is not None):
                    self.answer(self.waiting.pop())
                elif self.when == 1:
                    self.session.wants_body()
            elif isinstance(event, Data):
                self.told[-1][5] += event.data
                self.session.consumed(len(event.data))
            elif isinstance(event, End):
                self.told[-1][-1] = event.trailers.folded()
                if self.when == 1 and self.waiting:
                    self.answer(self.waiting.pop())
            else:
                assert isinstance(event, RemoteProtocolError)
                self.waiting.clear()
                if self.told and self.told[-1][-1] == "open":
                    self.told[-1][5] = b"?"
                self.told.append(["fault"])  # which of several is seen first depends on the pieces

    def answer(self, request: Request) -> None:
        # A body left unread is cut differently, so what came of it is told only where it is waited for.
        if self.told[-1][-1] == "open":
            self.told[-1][5:] = [b"?", "unread"]
        if request.method == "CONNECT":
            self.session.send(Response(405, {"Allow": "GET"}, b"no\n"))
        elif self.when == 3:
            self.session.send(Response(200, {}, iter(())))
            if not self.session.bodiless:
                self.session.send(Data(b"hello "))
                self.session.send(Data(request.target.encode()))
            self.session.send(End())
        else:
            self.session.send(Response(200, {}, request.target.encode()))


def fuzz_server(data: bytes) -> None:
    """The first byte says when the application answers, the second where the rest is split.

    The same is understood and said in any pieces; nothing is raised; what is said is valid HTTP, an answer to each request.
    """
    if len(data) < 2:
        return
    when, split, stream = data[0] % 4, data[1], data[2:]
    whole = Pumped(when).pieces(stream)
    expected = comparable(whole)
    for pieces in ((stream[:split], stream[split:]), tuple(stream[at : at + 1] for at in range(len(stream)))):
        other = comparable(Pumped(when).pieces(*pieces))
        for mine, its in zip(expected, other, strict=True):
            assert mine == its, "in other pieces, something else was understood, or said"


def comparable(pumped: Pumped) -> list[Any]:
    """What was understood and said, as far as it may not depend on the pieces in which it came.

    An answer in place of 100 (Continue) ends the connection, unless the body has begun to come: there the comparison stops.
    """
    answers = answers_of(pumped)
    told = []
    for each in pumped.told:
        unread = each[0] == "request" and each[-1] in ("unread", "open")
        told.append(each[:5] if unread else each)
        if unread and "expect" in dict(each[4]):
            return [told, answers[: len(told) - 1]]
    return [told, answers]


def answers_of(pumped: Pumped) -> list[Any]:
    """The answers said, each valid; as many as there were requests, and one more for a fault of the peer's."""
    at = 0
    finals: list[Any] = []
    for method, minor in [*pumped.methods, ("GET", 1)]:
        if at == len(pumped.said):
            break
        answer, at = read_answer(pumped.said, at, method=method, minor=minor, ended=True)
        finals.append((answer.status, answer.fields, answer.body, answer.trailers))
        if answer.closes:
            if pumped.told[-1][0] == "fault":
                finals[-1] = ("refused",)
                assert answer.status >= 400
            break
    assert at == len(pumped.said), f"more was said than answers: {pumped.said[at:]!r}"
    assert len(finals) >= len(pumped.methods) or any(each[0] == "fault" for each in pumped.told), "a request went without an answer"
    return finals


METHODS = ("GET", "HEAD", "POST", "CONNECT")


def fuzz_client(data: bytes) -> None:
    """The first byte chooses the method, the second where the rest is split: the same answer in any pieces, and the reference's."""
    if len(data) < 2:
        return
    method, split, stream = METHODS[data[0] % len(METHODS)], data[1], data[2:]
    told = client_hears(method, stream)
    for pieces in ((stream[:split], stream[split:]), tuple(stream[at : at + 1] for at in range(len(stream)))):
        assert client_hears(method, *pieces) == told, "in other pieces, another answer was heard"
    if told and told[-1][0] == "whole" and method != "CONNECT":
        _, status, body = told[-1][:3]
        try:
            answer, _ = read_answer(stream, method=method, ended=True, lax=True)
        except (NotHTTP, Unfinished) as error:
            raise AssertionError(f"passed off as whole: {error}") from None
        assert answer.framing == "tunnel" or (answer.status, answer.body) == (status, body)


def client_hears(method: str, *pieces: bytes) -> list[Any]:
    """What a `ClientSession` tells of a stream in ``pieces``: interim answers, then the whole answer, or "fault"."""
    session = ClientSession()
    target = "a:80" if method == "CONNECT" else "/"
    session.send(Request(method, target, Fields([("Host", "a")]), body=b"hello" if method == "POST" else b""))
    session.data_to_send()
    told: list[Any] = []
    head: Response | None = None
    body = b""

    def hear(events: Any) -> None:
        nonlocal head, body
        for event in events:
            if isinstance(event, Response):
                if event.status < 200 and event.status != 101:
                    told.append(["interim", event.status, Fields(event.fields).folded()])
                else:
                    assert head is None, "a second answer was given out unasked"
                    head = event
            elif isinstance(event, Data):
                assert head is not None
                body += event.data
                session.consumed(len(event.data))
            elif isinstance(event, End):
                assert head is not None
                told.append(["whole", head.status, body, Fields(head.fields).folded(), event.trailers.folded()])
            else:
                assert isinstance(event, RemoteProtocolError)
                told.append(["fault"])

    for piece in (*pieces, None):
        if session.closed:
            break
        events = session.receive_eof(0.0) if piece is None else session.receive(piece, 0.0) if piece and session.reading else ()
        hear(events)
        while not session.closed and (events := session.receive(b"", 0.0)):
            hear(events)
    return told


# --- values


def fuzz_fields(data: bytes) -> None:
    """Lines are refused or read as the reference reads them; what is read can be sent and is read the same again."""
    lines = data.decode("latin-1").split("\r\n")
    try:
        fields = Fields.parse(lines)
    except RemoteProtocolError:
        return
    expected = [FIELD_LINE.fullmatch(line) for line in lines]
    assert all(expected), "accepted, but no field line"
    assert fields.folded() == [(match[1].lower(), match[2]) for match in expected if match]
    for name, _ in fields.folded():
        assert name in fields
        assert fields[name] == ", ".join(fields.get_all(name))
        assert name not in fields.without(name)
        assert all(token == token.lower() for token in fields.tokens(name))
    sent = fields.encode()
    assert sent.count(b"\r\n") == len(lines)
    assert sent.count(b"\r") == sent.count(b"\n") == len(lines)
    assert Fields.parse(sent.decode("latin-1").split("\r\n")[:-1]).folded() == fields.folded()
    with contextlib.suppress(LocalProtocolError):
        assert Fields(fields.items()).folded() == fields.folded()


def fuzz_ranges(data: bytes) -> None:
    """The first byte is the size. The parts lie inside the representation, apart from each other, and are not too many."""
    if not data:
        return
    size, value = data[0], data[1:].decode("latin-1")
    parts = parse_ranges(value, size)
    if not parts:
        return
    assert len(parts) <= MAX_RANGES
    assert all(0 <= start < stop <= size for start, stop in parts)
    # Each byte is asked for once at most: what is sent stays within the size, and the little that frames each part.
    assert sum(stop - start for start, stop in parts) <= size
    single = re.fullmatch(r"bytes=([0-9]+)-([0-9]*)", value)
    if single and len(parts) == 1:
        last = int(single[2]) if single[2] else size
        assert (parts[0].start, parts[0].stop) == (int(single[1]), min(last + 1, size))
    content = bytes(range(256))[:size]
    body = b"".join(piece for piece in multipart(content, parts, size, "text/plain", "xyz") if isinstance(piece, bytes))
    assert body.count(b"--xyz") == len(parts) + 1
    assert body.endswith(b"--xyz--\r\n")
    for start, stop in parts:
        assert content[start:stop] in body


def fuzz_conditional(data: bytes) -> None:
    """Before ``|`` tags, behind it a date: both are read or passed over, and what is written is read the same again."""
    tags, _, date = data.decode("latin-1").partition("|")
    for tag in ETag.parse_list(tags):
        assert ETag.parse(str(tag)) == tag
        assert tag.alike(tag)
        assert tag.same(tag) is not tag.weak
    now = 1_700_000_000.0
    seconds = parse_http_date(date, now)
    if seconds is not None and 0 <= seconds < 253402300800:
        assert parse_http_date(http_date(seconds), now) == seconds
    for name, value in (("If-Match", tags), ("If-None-Match", tags), ("If-Modified-Since", date), ("If-Unmodified-Since", date)):
        with contextlib.suppress(LocalProtocolError):
            fields = Fields([(name, value)])
            for method in ("GET", "PUT"):
                assert precondition(method, fields, ETag("a"), 784111777, now) in (None, 304, 412)
                assert precondition(method, fields, None, None, now) in (None, 304, 412)
    assert range_applies(tags, ETag("a"), 784111777, now) in (True, False)
    assert range_applies(date, ETag("a"), 784111777, now) in (True, False)


def fuzz_accept_encoding(data: bytes) -> None:
    """Whatever the field holds, only codings that there are come of it, each once; and never one of weight zero."""
    value = data.decode("latin-1")
    chosen = acceptable(value)
    assert set(chosen) <= {*CODINGS, "identity"}
    assert len(chosen) == len(set(chosen))
    for coding in CODINGS:
        if re.fullmatch(rf"{coding};q=0(\.0{{0,3}})?", value):
            assert coding not in chosen
        if value == coding:
            assert chosen[0] == coding


DECODED = ("gzip", "deflate", "br", "zstd", "br", "zstd", "gzip", "gzip, br", "identity", "x")


def fuzz_decoder(data: bytes) -> None:
    """The first byte chooses the coding: no more than the limit comes out, in bounded pieces, and only errors of ours."""
    if not data:
        return
    coding, limit = DECODED[data[0] % len(DECODED)], 100_000
    try:
        decoder = Decoder(coding, limit)
        size = 0
        for at in range(1, len(data), 700):
            for piece in decoder.decode(data[at : at + 700]):
                size += len(piece)
                assert 0 < len(piece) <= 8 << 20
                assert size <= limit, "more came out than the limit"
        decoder.finish()
    except (RemoteProtocolError, LimitExceeded, IncompleteMessage):
        pass


def fuzz_encoder(data: bytes) -> None:
    """The first byte chooses the coding, the second where the content is split: what is encoded is decoded the same."""
    if len(data) < 2:
        return
    coding, split, content = CODINGS[data[0] % len(CODINGS)], data[1], data[2:]
    encoder = Encoder(coding)
    for encoded in (compress(content, coding), encoder.encode(content[:split]) + encoder.encode(content[split:]) + encoder.finish()):
        decoder = Decoder(coding, len(content))
        assert b"".join(decoder.decode(encoded)) == content
        decoder.finish()


WAYS: list[Callable[[bytes], Any]] = [explain, explain_request, explain_response, lambda data: explain_response(data, "HEAD")]


def fuzz_explain(data: bytes) -> None:
    """The first byte chooses what it is explained as. That never fails: the parts lie edge to edge, and can be shown anywhere."""
    if not data:
        return
    way, data = WAYS[data[0] % len(WAYS)], data[1:]
    parts = way(data)
    assert tiles(parts, data), "the explanation leaves bytes out, or tells them twice"
    assert all(part.clause for part in parts if part.kind == "malformed"), "a fault without its clause"
    as_json(parts)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]", as_text(data, parts))
    page = as_html(data, parts)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", page)
    assert {tag.lower() for tag in re.findall(r"<([A-Za-z]+)", page)} <= KNOWN_TAGS, "a tag that is none of ours"


KNOWN_TAGS = set(
    re.findall(
        r"<([A-Za-z]+)",
        as_html(GET + b"X", explain(GET + b"X")) + as_html(ANSWER[:-2], explain(ANSWER[:-2])) + as_html(CHUNKED, explain(CHUNKED)),
    )
)


def fuzz_address(data: bytes) -> None:
    """A text is no address, or one that is written as it is read."""
    text = data.decode("utf-8", "replace")
    for default in (None, 80):
        try:
            address = Address.parse(text, default)
        except AddressError:
            continue
        again = Address.parse(str(address), default)
        assert again == address, f"{text!r} → {address} → {again}"
        assert str(again) == str(address)
        assert 0 <= address.port <= 65535
        assert not re.search(r"[\x00-\x20\x7f]", address.host)


def fuzz_url(data: bytes) -> None:
    """Up to the first space a URL, behind it a reference: each is none, or is written as it is read."""
    text, _, reference = data.decode("utf-8", "replace").partition(" ")
    try:
        url = Url.parse(text)
    except AddressError:
        return
    for each in (url, *joined(url, reference)):
        assert Url.parse(str(each)) == replace(each, user=None), f"{each!r} → {each}"  # a password is not written
        assert not re.search(r"[\x00-\x20\x7f-\xff]", str(replace(each, fragment=None)))
        assert each.scheme in ("http", "https")
        assert each.path.startswith("/")
        # What is asked for is a target that our own server takes.
        request = parse_request_head(f"GET {each.target} HTTP/1.1\r\nHost: {each.authority}\r\n\r\n".encode("ascii"))
        assert request.host == each.authority


def joined(url: Url, reference: str) -> Iterator[Url]:
    with contextlib.suppress(AddressError):
        yield url.join(reference)
