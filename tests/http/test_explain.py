"""Every byte of HTTP explained: edge to edge, and the same as the parser reads."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from textwrap import dedent

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wirespeak import explanation
from wirespeak.buffer import Buffer
from wirespeak.errors import IncompleteMessage, RemoteProtocolError
from wirespeak.explanation import Part, as_text, tiles
from wirespeak.http import explain as module
from wirespeak.http.body import chunk, last_chunk, request_reader, response_reader
from wirespeak.http.explain import explain, explain_request, explain_response
from wirespeak.http.faults import fault_of_incomplete
from wirespeak.http.fields import Fields
from wirespeak.http.messages import Data, End, parse_request_head, parse_response_head
from wirespeak.http.status import REASONS

GET = (
    b"GET /tea%20pot?q=gr%C3%BCn+tee&page=2 HTTP/1.1\r\n"
    b"Host: localhost:8080\r\n"
    b"Accept: text/html, */*;q=0.8\r\n"
    b"\r\n"
)  # fmt: skip
POST = (
    b"POST /upload HTTP/1.1\r\n"
    b"Host: example.org\r\n"
    b"Content-Length: 11\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\n"
    b"\r\n"
    b"hello world"
)  # fmt: skip
PUT = (
    b"PUT /log HTTP/1.1\r\n"
    b"Host: example.org\r\n"
    b"Transfer-Encoding: chunked\r\n"
    b"Trailer: Checksum\r\n"
    b"\r\n"
    b'1A ; note="a;\\"b" ;fast\r\n'
    b"abcdefghijklmnopqrstuvwxyz\r\n"
    b"2\r\n"
    b"\r\n\r\n"
    b"000\r\n"
    b"Checksum: 25\r\n"
    b"Content-Length: 3\r\n"
    b"\r\n"
)  # fmt: skip
ABSOLUTE = b"GET http://example.org:8000?all HTTP/1.0\r\n\r\n"
CONNECT = b"CONNECT [2001:db8::1]:443 HTTP/1.1\r\nHost: [2001:db8::1]:443\r\n\r\n\x16\x03\x01"
OPTIONS = b"OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
OK = (
    b"HTTP/1.1 200 OK\r\n"
    b"Date: Fri, 21 Nov 2025 10:45:00 GMT\r\n"
    b"Content-Length: 5\r\n"
    b"\r\n"
    b"12345"
)  # fmt: skip
UNTIL_CLOSE = b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n<p>all that comes"
INTERIM = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"
NOT_MODIFIED = b'HTTP/1.1 304\r\nETag: W/"7"\r\nContent-Length: 900\r\n\r\n'
CHUNKED = b"HTTP/1.1 404 Not Found\r\ntransfer-encoding:Chunked \t\r\n\r\n3;a=1\r\nno!\r\n0\r\n\r\n"
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n\x81\x02hi"

REQUESTS = [GET, POST, PUT, ABSOLUTE, CONNECT, OPTIONS, GET + POST + PUT + b"\r\n" + GET + b"\r\n"]
RESPONSES = [OK, UNTIL_CLOSE, INTERIM + INTERIM + OK, NOT_MODIFIED, CHUNKED, SWITCH, NOT_MODIFIED + CHUNKED + OK + UNTIL_CLOSE]
WHOLE = REQUESTS + RESPONSES


# --- what the explanation says, and what the parser reads, in the same shape


@dataclass
class Message:
    """One message, as it was read: first line, fields, body, trailers."""

    first: tuple[bytes, ...]
    fields: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""
    trailers: list[tuple[bytes, bytes]] = field(default_factory=list)


def told(data: bytes, parts: list[Part]) -> list[Message]:
    """The messages that the parts tell of."""
    messages: list[Message] = []
    first: list[bytes] = []
    fields: list[tuple[bytes, bytes]] = []
    for number, part in enumerate(parts):
        text = data[part.start : part.end]
        match part.name:
            case "method" | "HTTP-version" if not number or parts[number - 1].name in ("message-body", "empty line", "CRLF"):
                messages.append(Message(()))
                first, fields = [text], messages[-1].fields
            case "CRLF" if first:
                messages[-1].first = (first[0], b"".join(first[1:]))
                first = []
            case _ if first:
                first.append(text)
            case "field-name":
                fields.append((text.lower(), b""))
            case "field-value":
                fields[-1] = (fields[-1][0], text)
            case "message-body" | "chunk-data" | "tunnel":
                messages[-1].body += text
            case "last-chunk":
                fields = messages[-1].trailers
    return messages


def verdict(parts: list[Part]) -> str:
    return parts[-1].kind if parts and parts[-1].kind in ("malformed", "missing") else "whole"


def read(data: bytes, method: str | None) -> tuple[str, list[Message]]:
    """What the parser reads: how it ended, and the messages. ``method`` is what responses answer; None for requests."""
    messages: list[Message] = []
    while data or not messages:
        if method is None and data.startswith(b"\r\n"):
            data = data[2:]
            if messages and not data:
                break
        end = data.find(b"\r\n\r\n") + 4
        if end < 4:
            return "malformed" if fault_of_incomplete(data) else "missing", messages
        head, data = data[:end], data[end:]
        try:
            if method is None:
                request = parse_request_head(head)
                reader, fields, minor = request_reader(request), request.fields, request.minor
                first = (request.method, f" {request.target} ")
                tunnel, interim = request.method == "CONNECT", False
            else:
                response = parse_response_head(head)
                reader, fields, minor = response_reader(method, response), Fields(response.fields), response.minor
                first = ("", f" {response.status} {response.reason}")
                interim = response.status < 200
                tunnel = response.status == 101 or (method == "CONNECT" and 200 <= response.status < 300)
            message = Message(tuple(one.encode("latin-1") for one in first), lines(fields))
            messages.append(message)
            if tunnel:
                message.body, data = data, b""
            elif reader is not None:
                buffer = Buffer()
                buffer.feed(data)
                events = [*reader.read(buffer)]
                if not reader.done:
                    events += reader.eof()
                message.body = b"".join(event.data for event in events if isinstance(event, Data))
                message.trailers = [line for event in events if isinstance(event, End) for line in lines(event.trailers)]
                data = buffer.rest()
        except IncompleteMessage:
            return "missing", messages
        except RemoteProtocolError:
            return "malformed", messages
        options = fields.tokens("connection")
        if data and not interim and ("close" in options or (not minor and "keep-alive" not in options)):
            return "malformed", messages
        if interim and not tunnel and not data:
            return "missing", messages
    return "whole", messages


def lines(fields: Fields) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields.folded()]


def agree(data: bytes, method: str | None) -> None:
    """The parts tile the data, and tell what the parser reads."""
    parts = explain_request(data) if method is None else explain_response(data, method)
    assert tiles(parts, data)
    how, messages = read(data, method)
    if how == "missing" and verdict(parts) == "malformed":
        # Told before the parser tells it, since nothing that may follow can mend it.
        assert parts[-1].end > parts[-1].start
        how, messages = read(data + b"\r\n\r\n", method)
        assert how == "malformed"
        return
    assert verdict(parts) == how
    if how == "whole":
        found = told(data, parts)
        dropped = module.FORBIDDEN_IN_TRAILERS
        for one in found:
            one.first = (one.first[0], one.first[1].removesuffix(b"HTTP/1.1").removesuffix(b"HTTP/1.0").removesuffix(b"HTTP/1.7"))
            one.trailers = [line for line in one.trailers if line[0].decode() not in dropped]
            if method is not None:
                one.first = (b"", one.first[1] if one.first[1].count(b" ") > 1 else one.first[1] + b" ")
        assert found == messages


# --- real conversations, line by line


def rows(data: bytes, parts: list[Part]) -> list[tuple[bytes, str, str]]:
    return [(data[part.start : part.end], part.name, part.clause) for part in parts]


def test_a_request_part_by_part() -> None:
    assert rows(GET, explain(GET)) == [
        (b"GET", "method", "RFC 9110 9.3.1"),
        (b" ", "SP", "RFC 9112 3"),
        (b"/tea%20pot", "absolute-path", "RFC 9112 3.2.1"),
        (b"?", "question mark", "RFC 9110 4.1"),
        (b"q=gr%C3%BCn+tee&page=2", "query", "RFC 9110 4.1"),
        (b" ", "SP", "RFC 9112 3"),
        (b"HTTP/1.1", "HTTP-version", "RFC 9112 2.3"),
        (b"\r\n", "CRLF", "RFC 9112 2.1"),
        (b"Host", "field-name", "RFC 9110 7.2"),
        (b":", "colon", "RFC 9112 5.1"),
        (b" ", "OWS", "RFC 9110 5.6.3"),
        (b"localhost:8080", "field-value", "RFC 9110 7.2"),
        (b"\r\n", "CRLF", "RFC 9112 2.1"),
        (b"Accept", "field-name", "RFC 9110 12.5.1"),
        (b":", "colon", "RFC 9112 5.1"),
        (b" ", "OWS", "RFC 9110 5.6.3"),
        (b"text/html, */*;q=0.8", "field-value", "RFC 9110 12.5.1"),
        (b"\r\n", "CRLF", "RFC 9112 2.1"),
        (b"\r\n", "empty line", "RFC 9112 6.3"),
    ]
    values = {part.name: part for part in explain(GET)}
    assert values["absolute-path"].value == "/tea pot"
    assert values["query"].meaning.endswith("q = grün tee, page = 2")
    assert values["empty line"].meaning == "ends the head; no body, as no field tells of one"


def test_a_chunked_request_part_by_part() -> None:
    parts = explain(PUT)
    begins = next(number for number, part in enumerate(parts) if part.name == "empty line") + 1
    assert [(data, name) for data, name, _ in rows(PUT, parts[begins:])] == [
        (b"1A", "chunk-size"),
        (b" ; ", "semicolon"),
        (b"note", "chunk-ext-name"),
        (b"=", "equals sign"),
        (b'"a;\\"b"', "chunk-ext-val"),
        (b" ;", "semicolon"),
        (b"fast", "chunk-ext-name"),
        (b"\r\n", "CRLF"),
        (b"abcdefghijklmnopqrstuvwxyz", "chunk-data"),
        (b"\r\n", "CRLF"),
        (b"2", "chunk-size"),
        (b"\r\n", "CRLF"),
        (b"\r\n", "chunk-data"),
        (b"\r\n", "CRLF"),
        (b"000", "last-chunk"),
        (b"\r\n", "CRLF"),
        (b"Checksum", "field-name"),
        (b":", "colon"),
        (b" ", "OWS"),
        (b"25", "field-value"),
        (b"\r\n", "CRLF"),
        (b"Content-Length", "field-name"),
        (b":", "colon"),
        (b" ", "OWS"),
        (b"3", "field-value"),
        (b"\r\n", "CRLF"),
        (b"\r\n", "empty line"),
    ]
    assert parts[begins].value == "26"
    assert parts[begins].meaning == "in hexadecimal: 26 bytes of data follow"
    assert [part.group for part in parts[begins:] if part.name in ("chunk-size", "last-chunk")] == ["chunk 1", "chunk 2", "last chunk"]
    too_late = next(part for part in parts[begins:] if part.value == "Content-Length")
    assert (too_late.meaning, too_late.clause) == ("too late in a trailer, so it is dropped", "RFC 9110 6.5.1")


@pytest.mark.parametrize(
    ("data", "target"),
    [
        (GET, [(b"/tea%20pot", "absolute-path"), (b"?", "question mark"), (b"q=gr%C3%BCn+tee&page=2", "query")]),
        (
            ABSOLUTE,
            [
                (b"http", "scheme"),
                (b"://", "scheme's end"),
                (b"example.org", "uri-host"),
                (b":", "port colon"),
                (b"8000", "port"),
                (b"?", "question mark"),
                (b"all", "query"),
            ],
        ),
        (CONNECT, [(b"[2001:db8::1]", "uri-host"), (b":", "port colon"), (b"443", "port")]),
        (OPTIONS, [(b"*", "asterisk-form")]),
    ],
    ids=["origin-form", "absolute-form", "authority-form", "asterisk-form"],
)
def test_the_four_forms_of_a_target(data: bytes, target: list[tuple[bytes, str]]) -> None:
    """RFC 9112 3.2."""
    first_line = [(text, name) for text, name, _ in rows(data, explain(data))[: len(target) + 2]]
    assert first_line == [(data.split(b" ")[0], "method"), (b" ", "SP"), *target]


def test_a_status_line() -> None:
    assert [(part.name, part.value, part.meaning, part.clause) for part in explain(CHUNKED)[:6] if part.kind == "said"] == [
        ("HTTP-version", "1.1", "what the server speaks", "RFC 9112 2.3"),
        ("status-code", "404", "the client's fault; nothing here bears that name", "RFC 9110 15.5.5"),
        ("reason-phrase", "Not Found", "for people; programs go by the number", "RFC 9112 4"),
    ]


def test_on_a_terminal() -> None:
    assert as_text(OPTIONS, explain(OPTIONS)) == dedent(
        """\
        request line
           0  OPTIONS·                     method — tell what may be done with the
                                           target (RFC 9110 9.3.7)
           8  *·                           asterisk-form — the server as a whole
                                           (RFC 9112 3.2.4)
          10  HTTP/1.1\\r\\n                 HTTP-version = 1.1 — what the client speaks
                                           (RFC 9112 2.3)

        header section
          20  Host:·                       field-name — the host, and port, that is
                                           asked (RFC 9110 7.2)
          26  a\\r\\n                        field-value — host a, the scheme's own port
                                           (80; 443 for https)
          29  Connection:·                 field-name — what holds for this connection
                                           only (RFC 9110 7.6.1)
          41  close\\r\\n                    field-value — the connection ends after this
                                           exchange
          48  \\r\\n                         empty line — ends the head; no body, as no
                                           field tells of one (RFC 9112 6.3)

        delimiters
        · SP — a single space parts the elements of the first line (RFC 9112 3)
        \\r\\n CRLF — ends a line: carriage return, line feed (RFC 9112 2.1)
        : colon — ends the field's name; no space may stand before it (RFC 9112 5.1)
        · OWS — optional white space, not part of the value (RFC 9110 5.6.3)
        """
    )


def test_messages_behind_each_other_are_numbered() -> None:
    groups = dict.fromkeys(part.group for part in explain(GET + POST))
    assert list(groups) == ["request line", "header section", "request 2: request line", "request 2: header section", "request 2: body"]
    assert "response 2: status line" in {part.group for part in explain(INTERIM + OK)}


def test_a_spare_empty_line_before_a_request_is_skipped() -> None:
    """RFC 9112 2.2."""
    parts = explain(b"\r\n" + GET)
    assert (parts[0].start, parts[0].end, parts[0].name, parts[0].clause) == (0, 2, "empty line", "RFC 9112 2.2")
    assert verdict(parts) == "whole"
    assert verdict(explain(b"\r\n\r\n" + GET)) == "malformed"


@pytest.mark.parametrize(
    ("data", "method", "why"),
    [
        (OK[:-5], "HEAD", "no body, as this answers HEAD"),
        (NOT_MODIFIED, "GET", "no body, as 304 never has one"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "GET", "no body, as Content-Length is 0"),
        (OK, "GET", "the body is the next 5 bytes"),
        (CHUNKED, "GET", "the body follows in chunks"),
        (UNTIL_CLOSE, "GET", "the body lasts until the connection ends, as its length is not told"),
        (SWITCH, "GET", "HTTP ends here too, and another protocol begins"),
    ],
)
def test_the_empty_line_tells_what_follows(data: bytes, method: str, why: str) -> None:
    """RFC 9112 6.3."""
    parts = explain_response(data, method)
    assert next(part for part in parts if part.name == "empty line").meaning == f"ends the head; {why}"
    assert verdict(parts) == "whole"


def test_every_registered_status_has_a_meaning() -> None:
    for status in REASONS:
        code = explain(f"HTTP/1.1 {status} x\r\n\r\n".encode())[2]
        assert code.name == "status-code"
        assert code.clause
        assert "unknown" not in code.meaning


# --- broken


BEFORE_CHUNKS = PUT[: PUT.index(b"1A")]

BROKEN = [
    # what comes before the fault, the rest, the clause, and what is said of it
    (b"GET / HTTP/1.1", b"\nHost: a\n\n", "RFC 9112 2.2", "a line feed with no carriage return before it; lines end in CRLF"),
    (b"GET / HTTP/1.1\r\nHost", b" : a\r\n\r\n", "RFC 9112 5.1", "a space before the colon"),
    (b"GET / HTTP/1.1\r\nHost", b" : a\r\n", "RFC 9112 5.1", "a space before the colon"),
    (b"GET / HTTP/1.1\r\nHost: a\r\n", b" b\r\n\r\n", "RFC 9112 5.2", "a field line that begins with a space"),
    (b"GET / HTTP/1.1\r\nHost: a", b"\x00b\r\n\r\n", "RFC 9110 5.5", "the character '\\x00' in the value of Host"),
    (b"GET / HTTP/1.1\r\nHost: a\r\nX", b"\r\n\r\n", "RFC 9112 5", "a field line without a colon"),
    (b"GET", b" /\r\n\r\n", "RFC 9112 3", "is no request line"),
    (b"GET / HTTP/", b"9.9\r\n\r\n", "RFC 9110 15.6.6", "HTTP/9.9 asked for"),
    (b"GET ", b"* HTTP/1.1\r\nHost: a\r\n\r\n", "RFC 9112 3.2.4", "the target * with GET"),
    (b"", b" GET / HTTP/1.1\r\n", "RFC 9112 3.1", "no method at the start"),
    # a fault of the head as a whole: all of it is explained but the line that ends it
    (b"GET / HTTP/1.1\r\n", b"\r\n", "RFC 9112 3.2", "no Host field"),
    (b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n", b"\r\nhello", "RFC 9110 8.6", "Content-Length of '+5'"),
    (BEFORE_CHUNKS[:-2] + b"Content-Length: 5\r\n", b"\r\nhello", "RFC 9112 6.1", "Transfer-Encoding and Content-Length together"),
    (BEFORE_CHUNKS, b"0x1A\r\n", "RFC 9112 7.1", "where a chunk's size in hexadecimal digits was expected"),
    (BEFORE_CHUNKS + b"2\r\nab", b"c\r\n0\r\n\r\n", "RFC 9112 7.1", "chunk data that goes on where its CRLF was expected"),
    (BEFORE_CHUNKS, b"5\nhello", "RFC 9112 2.2", "a line feed with no carriage return before it"),
    (BEFORE_CHUNKS + b"0\r\na: b\r\nCheck", b" sum: 25\r\n\r\n", "RFC 9110 5.1", "a field name that is no token"),
    (OPTIONS, GET, "RFC 9112 9.6", "bytes behind the last message"),
    (b"", b"HTTP/1.1 20 OK\r\n\r\n", "RFC 9112 4", "no status line"),
    (b"HTTP/", b"2.0 200 OK\r\n\r\n", "RFC 9110 2.5", "an answer in HTTP/2.0"),
]


@pytest.mark.parametrize(("good", "broken", "clause", "meaning"), BROKEN, ids=[str(row[0] + row[1])[2:42] for row in BROKEN])
def test_broken_messages_are_explained_up_to_the_fault(good: bytes, broken: bytes, clause: str, meaning: str) -> None:
    parts = explain(good + broken)
    assert tiles(parts, good + broken)
    *before, last = parts
    assert (last.kind, last.start, last.end, last.clause) == ("malformed", len(good), len(good + broken), clause)
    assert meaning in last.meaning
    assert all(part.kind in ("said", "delimiter") for part in before)


def test_a_broken_request_tells_what_a_server_answers() -> None:
    assert explain(b"GET / HTTP/9.9\r\n\r\n")[-1].meaning.endswith("; a server answers 505 (HTTP Version Not Supported)")
    assert "answers" not in explain(b"HTTP/1.1 20 OK\r\n\r\n")[-1].meaning


# --- cut off


@pytest.mark.parametrize("data", WHOLE, ids=lambda data: str(data[:30]))
def test_cut_off_at_every_byte(data: bytes) -> None:
    """What came is explained, and what is missing is told; only where a message ends is nothing missing."""
    whole = {0} if not data else set()
    explained = explain_response if data.startswith(b"HTTP/") else explain_request
    for end in range(len(data)):
        parts = explained(data[:end])
        assert tiles(parts, data[:end])
        assert verdict(parts) in ("missing", "whole"), (data[:end], parts[-1])
        if verdict(parts) == "whole":
            whole.add(end)
    method = "GET" if data.startswith(b"HTTP/") else None
    assert whole == {end for end in range(len(data)) if read(data[:end], method)[0] == "whole"}
    assert verdict(explained(data)) == "whole"


@pytest.mark.parametrize(
    ("data", "missing"),
    [
        (b"", "a request"),
        (b"GET / HT", "the rest of this line, and the empty line that ends the head"),
        (b"GET / HTTP/1.1\r", "the rest of this line, and the empty line that ends the head"),
        (b"GET / HTTP/1.1\r\nHost: a\r\n", "more fields, or the empty line that ends the head"),
        (POST[:-4], "4 bytes of the body"),
        (PUT[: PUT.index(b"fghij")], "21 bytes of the body"),
        (PUT[: PUT.index(b"yz\r\n") + 3], "the CRLF that ends the chunk"),
        (PUT[: PUT.index(b"note")], "the rest of this line, which tells the size of a chunk"),
        (PUT[: PUT.index(b": 25")], "trailer fields, or the empty line that ends the body"),
        (INTERIM, "the final answer"),
        (OK[:-5], "5 bytes of the body; none will come if this answers HEAD"),
    ],
)
def test_what_is_missing(data: bytes, missing: str) -> None:
    last = explain(data)[-1]
    assert last.kind == "missing"
    assert last.meaning == f"still to come: {missing}"
    assert last.clause


# --- the same as the parser, whatever comes

tokens = st.text("!#$%&'*+-.^_`|~09azAZ", min_size=1, max_size=12)
# A no-break space at a value's end belongs to the value: white space is SP and HTAB alone (RFC 9110 5.6.3).
values = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=30) | st.just("v\xa0\x85")
spaces = st.sampled_from(["", " ", "\t", "  "])
names = st.sampled_from(
    ["X-A", "accept", "Cookie", "ETag", "Cache-Control", "Range", "Set-Cookie", "Date", "Content-Range", "Content-Type"]
)
other_fields = st.lists(st.tuples(names, spaces, values, spaces), max_size=4)
extensions = st.lists(st.tuples(spaces, tokens, st.none() | tokens | st.just('"q;\\"="')), max_size=2)
chunks = st.lists(st.tuples(st.binary(min_size=1, max_size=40), extensions), max_size=4)
targets = st.sampled_from(["/", "/a/b", "/x?y=1&z", "//?", "http://h/p", "https://h:1?q", "/%e4%zz", "/\\|^"])


def field_block(fields: list[tuple[str, str, str, str]]) -> bytes:
    return "".join(f"{name}:{before}{value}{after}\r\n" for name, before, value, after in fields).encode("latin-1")


def chunked(pieces: list[tuple[bytes, list[tuple[str, str, str | None]]]], trailers: list[tuple[str, str, str, str]]) -> bytes:
    body = b""
    for data, exts in pieces:
        line, rest = chunk(data).split(b"\r\n", 1)
        more = "".join(f"{white};{white}{name}" + (f"{white}={white}{value}" if value else "") for white, name, value in exts)
        body += line + more.encode("ascii") + b"\r\n" + rest
    return body + last_chunk(Fields())[:-2] + field_block(trailers) + b"\r\n"


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    method = draw(tokens | st.sampled_from(["GET", "POST", "HEAD"]))
    head = f"{method} {draw(targets)} HTTP/1.{draw(st.sampled_from('117'))}\r\nHost: h\r\n".encode() + field_block(draw(other_fields))
    match draw(st.sampled_from(["none", "length", "chunked"])):
        case "length":
            body = draw(st.binary(max_size=60))
            return head + b"Content-Length: %d\r\n\r\n" % len(body) + body
        case "chunked":
            return head + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(draw(chunks), draw(other_fields))
    return head + b"\r\n"


@st.composite
def responses(draw: st.DrawFn) -> bytes:
    reason = draw(st.sampled_from(["", " ", " OK", " Très bien"]))
    head = f"HTTP/1.1 {draw(st.sampled_from([200, 201, 206, 404, 599]))}{reason}\r\n".encode("latin-1") + field_block(draw(other_fields))
    if draw(st.booleans()):
        return head + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(draw(chunks), draw(other_fields))
    body = draw(st.binary(max_size=60))
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


interim = st.just(INTERIM)


@given(st.lists(requests(), min_size=1, max_size=3))
def test_requests_are_explained_as_the_parser_reads_them(stream: list[bytes]) -> None:
    data = b"".join(stream)
    assert read(data, None)[0] == "whole"
    agree(data, None)


@given(st.lists(responses() | st.tuples(interim, responses()).map(b"".join), min_size=1, max_size=3), st.sampled_from([b"", UNTIL_CLOSE]))
def test_responses_are_explained_as_the_parser_reads_them(stream: list[bytes], end: bytes) -> None:
    data = b"".join(stream) + end
    assert read(data, "GET")[0] == "whole"
    agree(data, "GET")


@given(requests(), st.data())
def test_a_request_cut_off_anywhere(request_: bytes, draw: st.DataObject) -> None:
    agree(request_[: draw.draw(st.integers(0, len(request_)))], None)


noise = st.sampled_from(b'\r|\n|\r\n|\r\n\r\n| |\t|:|\x00|\xff|;|=|"|0|/|HTTP/1.1|chunked'.split(b"|"))


@st.composite
def mutated(draw: st.DrawFn, whole: list[bytes]) -> bytes:
    data = draw(st.sampled_from(whole))
    for _ in range(draw(st.integers(1, 4))):
        at, end = sorted((draw(st.integers(0, len(data))), draw(st.integers(0, len(data)))))
        match draw(st.sampled_from(["insert", "replace", "delete", "repeat"])):
            case "insert":
                data = data[:at] + draw(noise | st.binary(max_size=3)) + data[at:]
            case "replace":
                data = data[:at] + draw(noise) + data[at + 1 :]
            case "delete":
                data = data[:at] + data[min(end, at + 5) :]
            case "repeat":
                data = data[:end] + data[at:]
    return data


@given(mutated(REQUESTS))
@example(b"\rGET / HTTP/1.1\r\nHost: a\r\n\r\n")
@example(b"GET / HTTP/1.1\r\n\r\r\n\r\n")
def test_mutated_requests(data: bytes) -> None:
    agree(data, None)


@given(mutated(RESPONSES), st.sampled_from(["GET", "HEAD", "CONNECT"]))
def test_mutated_responses(data: bytes, method: str) -> None:
    agree(data, method)


@given(st.binary(max_size=200))
@example(b"\r")
@example(b"HTTP/")
@example(b"\r\n\r")
def test_arbitrary_bytes(data: bytes) -> None:
    assert tiles(explain(data), data)
    agree(data, None)
    agree(data, "GET")


# --- bounds

MEGABYTE = 1 << 20
LONG = {
    "one line": b"a" * MEGABYTE,
    "short fields": b"GET / HTTP/1.1\r\n" + b"a:b\r\n" * (MEGABYTE // 5),
    "one field": b"GET / HTTP/1.1\r\nHost: a\r\nAccept: " + b"a;q=0.1, " * (MEGABYTE // 9) + b"\r\n\r\n",
    "cookies": b"GET / HTTP/1.1\r\nHost: a\r\nCookie: " + b"a=;" * (MEGABYTE // 3) + b"\r\n\r\n",
    "directives": b"HTTP/1.1 200 OK\r\nCache-Control: " + b"max-age=1," * (MEGABYTE // 10) + b"\r\n\r\n",
    "a cookie's attributes": b"HTTP/1.1 200 OK\r\nSet-Cookie: a" + b";expires=" * (MEGABYTE // 9) + b"\r\n\r\n",
    "a media type": b"HTTP/1.1 200 OK\r\nContent-Type: a/b" + b";a=" * (MEGABYTE // 3) + b"\r\n\r\n",
    "a query": b"GET /?" + b"a=%20&" * (MEGABYTE // 6) + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    "requests": (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n") * (MEGABYTE // 27),
    "chunks": BEFORE_CHUNKS + b"1\r\na\r\n" * (MEGABYTE // 6),
    "an endless chunk line": BEFORE_CHUNKS + b"1" + b";a=b" * (MEGABYTE // 4),
    "empty lines": b"\r\n" * (MEGABYTE // 2),
    "carriage returns": b"GET / HTTP/1.1\r\nA: " + b"\r" * MEGABYTE,
}


@pytest.mark.parametrize("data", LONG.values(), ids=LONG.keys())
def test_time_grows_no_faster_than_the_input(data: bytes) -> None:
    """A megabyte of each takes some tenths of a second. Were a step quadratic, it would take hours."""
    before = time.process_time()
    parts = explain(data)
    assert time.process_time() - before < 10
    assert tiles(parts, data)


def test_parts_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explanation, "MAX_PARTS", 100)
    data = BEFORE_CHUNKS + b"1\r\na\r\n" * 50 + b"0\r\n\r\n"
    parts = explain(data)
    assert tiles(parts, data)
    assert len(parts) == 101
    assert (parts[-1].name, parts[-1].kind) == ("rest", "said")
    assert parts[-1].meaning == "not explained any further: 100 parts are enough"


def test_nothing_that_was_sent_reaches_the_terminal() -> None:
    data = b"GET /%1b[2J?x=%9b31m HTTP/1.1\r\nHost: a\r\nCookie: a=\xe2\x80\xae; b=\xc2\x9b31m\r\n\r\n"
    shown = as_text(data, explain(data))
    assert r"absolute-path = /\x1b[2J" in " ".join(shown.split())
    assert r"\u202e" in shown
    assert shown.replace("\n", "").isprintable()
