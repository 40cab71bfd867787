"""Every byte of HTTP/1.1 as a named part with its meaning and its clause (RFC 9110, RFC 9112).

`explain` takes the bytes of one direction of a connection, one message or several behind each other. It splits them by
the patterns of ``grammar.py`` and lets the parser itself (``messages.py``, ``body.py``) judge them, so what it tells is
what wirespeak reads. Never fails: where the parser finds fault, the rest is one part that says which rule is broken; where
bytes are still to come, a last part says what is missing. Limits that a server sets itself (`ServerLimits`) don't apply.

The words stand in ``meanings.py``; how the parts are shown, in ``wirespeak/explanation.py``.
"""

from __future__ import annotations

import re
from operator import itemgetter
from typing import ClassVar, Final, NoReturn
from urllib.parse import unquote, unquote_plus

from wirespeak.buffer import Buffer
from wirespeak.errors import IncompleteMessage, LimitExceeded, RemoteProtocolError
from wirespeak.explanation import Part, Walk
from wirespeak.http import grammar
from wirespeak.http.body import FORBIDDEN_IN_TRAILERS, ChunkedReader, CloseReader, LengthReader, Reader, request_reader, response_reader
from wirespeak.http.faults import fault_of_incomplete
from wirespeak.http.fields import Fields
from wirespeak.http.meanings import field_meaning, method_meaning, reading, status_meaning
from wirespeak.http.messages import Request, Response, parse_request_head, parse_response_head
from wirespeak.http.status import REASONS

__all__ = ["explain", "explain_request", "explain_response"]

# RFC 9112 7.1.1   chunk-ext, one at a time: what the repetition in CHUNK_LINE goes over, with its pieces in groups
EXTENSION: Final = re.compile(
    rf"({grammar.OWS};{grammar.OWS})({grammar.TOKEN})(?:({grammar.OWS}={grammar.OWS})({grammar.TOKEN}|{grammar.QUOTED_STRING}))?+"
)

CRLF: Final = ("CRLF", "ends a line: carriage return, line feed", "RFC 9112 2.1")
SPARE_LINE: Final = ("empty line", "some clients send one behind a body; it is skipped", "RFC 9112 2.2")
SP: Final = ("SP", "a single space parts the elements of the first line", "RFC 9112 3")
COLON: Final = ("colon", "ends the field's name; no space may stand before it", "RFC 9112 5.1")
OWS: Final = ("OWS", "optional white space, not part of the value", "RFC 9110 5.6.3")
QUESTION_MARK: Final = ("question mark", "the query begins", "RFC 9110 4.1")
SCHEME_END: Final = ("scheme's end", "the host follows", "RFC 9110 4.2.1")
PORT_COLON: Final = ("port colon", "the port follows", "RFC 9110 4.2.1")
SEMICOLON: Final = ("semicolon", "a chunk extension follows", "RFC 9112 7.1.1")
EQUALS_SIGN: Final = ("equals sign", "the extension's value follows", "RFC 9112 7.1.1")


def explain(data: bytes) -> list[Part]:
    """The parts of a stream: of requests, or of responses, which begin with ``HTTP/``. Responses are taken to answer GET."""
    return explain_response(data) if data.startswith(b"HTTP/") else explain_request(data)


def explain_request(data: bytes) -> list[Part]:
    """The parts of a client's stream: one request, or several sent behind each other (RFC 9112 9.3.2)."""
    return _Requests(data).explained()


def explain_response(data: bytes, method: str = "GET") -> list[Part]:
    """The parts of a server's stream: the responses, interim ones too, to requests with ``method``."""
    return _Responses(data, method).explained()


class _Stream(Walk):
    """A stream of messages. Stops by `RemoteProtocolError` where the bytes break the protocol, by `IncompleteMessage` where they end."""

    __slots__ = ("number",)

    what: ClassVar[str]  # "request" or "response"
    first_line: ClassVar[str]  # "request-line" or "status-line"

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.number = 0  # of the message in the stream

    def explained(self) -> list[Part]:
        """The parts of the whole stream."""
        try:
            more = True
            while more:
                self.number += 1
                more = self.message() and self.at < len(self.data)
            if self.at < len(self.data):
                raise RemoteProtocolError("bytes behind the last message of the connection: nobody reads them", clause="RFC 9112 9.6")
        except LimitExceeded as error:
            self.rest("rest", "said", str(error))
        except IncompleteMessage as error:
            self.rest("missing", "missing", str(error.args[0]), error.clause)
        except RemoteProtocolError as error:
            answer = f"; a server answers {error.code} ({REASONS.get(error.code, '')})" if error.code and self.what == "request" else ""
            self.rest("malformed", "malformed", f"{error.args[0]}{answer}", error.clause)
        return self.parts

    # --- what requests and responses differ in

    def message(self) -> bool:
        """Explain the message that begins here; whether another may follow it."""
        raise NotImplementedError

    def parse(self, head: bytes) -> tuple[Request | Response, Reader | None]:
        """What the parser makes of a whole head, and how it finds the body's end. Raises its `RemoteProtocolError`."""
        raise NotImplementedError

    def may_begin(self, head: bytes) -> bool:
        """Whether what begins with the bytes of ``head`` may become a head."""
        raise NotImplementedError

    def elements(self, line: str) -> None:
        """Explain the elements of a first line, as far as they can be read."""
        raise NotImplementedError

    # --- leaving parts behind

    def begin(self, group: str) -> None:
        """What follows belongs to ``group``. From the second message on, its number is told too."""
        self.group = group if self.number < 2 else f"{self.what} {self.number}: {group}"

    def say(self, text: str, name: str, meaning: str = "", clause: str = "", value: str | None = None) -> None:
        """A part of the bytes that ``text`` was read from, whose value is that text unless told otherwise; none of no bytes."""
        if not text:
            return
        self.take(self.at + len(text), name, meaning, clause, _utf8(text) if value is None else value)

    def mark(self, text: str, sign: tuple[str, str, str]) -> None:
        """A delimiter."""
        self.take(self.at + len(text), *sign, kind="delimiter")

    # --- heads

    def head(self) -> tuple[Request | Response, Reader | None]:
        """Explain a head but for its empty line, and give what the parser made of it."""
        self.begin(self.first_line.replace("-", " "))
        end = self.data.find(b"\r\n\r\n", self.at)
        if end < 0:
            self.head_in_part()
        try:
            parsed = self.parse(self.data[self.at : end + 4])
        except RemoteProtocolError as fault:
            self.lines(end + 2 if fault.offset is None else self.at + fault.offset)
            raise
        self.lines(end + 2)
        return parsed

    def head_in_part(self) -> NoReturn:
        """Explain a head whose empty line has not come: up to what can never become right, else to its end."""
        head = self.data[self.at :]
        whole_lines = head[: head.rfind(b"\r\n") + 2] if b"\r\n" in head else b""
        faults = [fault_of_incomplete(head)]
        try:
            if head and not self.may_begin(head):
                self.parse(head[:80] + b"\r\n\r\n")
            elif whole_lines:
                self.parse(whole_lines + b"\r\n")
        except RemoteProtocolError as fault:
            faults.append(fault)
        # A fault of the whole, as a Host that is missing, may still be mended by what comes.
        located = [(fault.offset, fault) for fault in faults if fault and fault.offset is not None]
        if located:
            offset, first = min(located, key=itemgetter(0))
            self.lines(self.at + offset)
            raise first
        self.lines(len(self.data) - head.endswith(b"\r"))
        if not head:
            missing = f"a {self.what}"
        elif head.endswith(b"\r\n"):
            missing = "more fields, or the empty line that ends the head"
        else:
            missing = "the rest of this line, and the empty line that ends the head"
        raise IncompleteMessage(f"still to come: {missing}", clause="RFC 9112 2.1")

    def lines(self, stop: int) -> None:
        """Explain the lines of a head as far as ``stop``."""
        explain_line = self.elements
        while self.at < stop:
            end = self.data.find(b"\r\n", self.at, stop)
            explain_line(self.data[self.at : stop if end < 0 else end].decode("latin-1"))
            if end >= 0:
                self.mark("\r\n", CRLF)
                self.begin("header section")
            explain_line = self.field

    def field(self, line: str) -> None:
        """Explain a field line, as far as it can be read (RFC 9112 5)."""
        match = grammar.FIELD_LINE.fullmatch(line)
        if match is None:
            self.say(line, "field-line", "the beginning of one", "RFC 9112 5")
            return
        name, content = match.groups()
        value = content.rstrip(" \t")
        meaning, clause = field_meaning(name)
        if name.lower() in FORBIDDEN_IN_TRAILERS and self.group.endswith("trailer section"):
            meaning, clause = "too late in a trailer, so it is dropped", "RFC 9110 6.5.1"
        self.say(name, "field-name", meaning, clause)
        self.mark(":", COLON)
        if white := line[len(name) + 1 : match.start(2)]:
            self.mark(white, OWS)
        if value:
            self.say(value, "field-value", reading(name, _utf8(value)), clause)
        if white := content[len(value) :]:
            self.mark(white, OWS)

    # --- bodies

    def body(self, reader: Reader | None, fields: Fields, none: str) -> None:
        """Explain the empty line that ends a head, and the body that ``reader`` finds the end of; ``none`` says why there is none."""
        kind = reading("content-type", fields.get("content-type", "") or "")
        if isinstance(reader, LengthReader):
            self.empty_line(f"the body is the next {_bytes(reader.length)}")
            self.begin("body")
            self.content(reader.length, "message-body", kind, "RFC 9112 6.2")
        elif isinstance(reader, ChunkedReader):
            self.empty_line("the body follows in chunks")
            self.chunks(reader)
        elif isinstance(reader, CloseReader):
            self.empty_line("the body lasts until the connection ends, as its length is not told")
            self.begin("body")
            self.content(len(self.data) - self.at, "message-body", kind, "RFC 9112 6.3")
        else:
            self.empty_line(none)

    def empty_line(self, framing: str) -> None:
        self.say("\r\n", "empty line", f"ends the head; {framing}", "RFC 9112 6.3", value="")

    def content(self, size: int, name: str, kind: str, clause: str) -> None:
        """Explain ``size`` bytes of content, or those of them that came. Raises `IncompleteMessage`."""
        came = min(size, len(self.data) - self.at)
        if came:
            self.take(self.at + came, name, ", ".join(filter(None, (_bytes(came), kind))), clause)
        if came < size:
            unless = "" if came or self.what == "request" else "; none will come if this answers HEAD"
            raise IncompleteMessage(f"still to come: {_bytes(size - came)} of the body{unless}", clause="RFC 9112 8")

    def chunks(self, reader: ChunkedReader) -> None:
        """Explain a body in chunks (RFC 9112 7.1). ``reader`` is fed piece by piece, and judges each before it is explained."""
        buffer = Buffer()

        def judge(end: int) -> bytes:
            piece = self.data[self.at : end]
            buffer.feed(piece)
            reader.read(buffer)
            return piece

        size, number = 1, 0
        while size:
            number += 1
            self.begin(f"chunk {number}")
            line = judge(self.line_end())
            if not line.endswith(b"\r\n"):
                raise IncompleteMessage("still to come: the rest of this line, which tells the size of a chunk", clause="RFC 9112 7.1")
            size = self.chunk_line(line[:-2].decode("latin-1"))
            if size:
                judge(self.at + size)
                self.content(size, "chunk-data", "", "RFC 9112 7.1")
                if judge(self.at + 2) != b"\r\n":
                    raise IncompleteMessage("still to come: the CRLF that ends the chunk", clause="RFC 9112 7.1")
                self.mark("\r\n", CRLF)
        while not reader.done:
            line = self.data[self.at : self.line_end()]
            text = line[:-2].decode("latin-1") if line.endswith(b"\r\n") else None
            if line != b"\r\n":
                self.begin("trailer section")
            if text:
                self.check_trailer(text)
            judge(self.at + len(line))
            if text is None:
                raise IncompleteMessage("still to come: trailer fields, or the empty line that ends the body", clause="RFC 9112 7.1")
            if text:
                self.field(text)
                self.mark("\r\n", CRLF)
            else:
                self.say("\r\n", "empty line", "ends the body", "RFC 9112 7.1", value="")

    def check_trailer(self, line: str) -> None:
        """The reader judges trailers at their end only. So that the fault is told where it is, each is judged by itself."""
        try:
            Fields.parse([line], remember=False)
        except RemoteProtocolError as fault:
            self.field(line[: fault.offset])
            raise

    def tunnel(self, clause: str) -> None:
        """Explain what is behind the end of HTTP on this connection."""
        if self.at < len(self.data):
            self.begin("tunnel")
            self.take(len(self.data), "tunnel", "the other protocol's bytes", clause)

    def line_end(self) -> int:
        """The end of the line that begins here, its CRLF included, as far as it has come."""
        end = self.data.find(b"\r\n", self.at)
        return end + 2 if end >= 0 else len(self.data)

    def chunk_line(self, line: str) -> int:
        """Explain the line that a chunk begins with, and give the size it tells (RFC 9112 7.1, 7.1.1)."""
        match = grammar.CHUNK_LINE.fullmatch(line)
        assert match  # the reader took it
        size = int(match[1], 16)
        if size:
            self.say(match[1], "chunk-size", f"in hexadecimal: {_bytes(size)} of data follow", "RFC 9112 7.1", value=str(size))
        else:
            self.begin("last chunk")
            self.say(match[1], "last-chunk", "a size of zero ends the body; trailer fields may follow", "RFC 9112 7.1", value="0")
        for extension in EXTENSION.finditer(match[2]):
            semicolon, name, equals, value = extension.groups()
            self.mark(semicolon, SEMICOLON)
            self.say(name, "chunk-ext-name", "who does not know the extension ignores it", "RFC 9112 7.1.1")
            if equals:
                self.mark(equals, EQUALS_SIGN)
                self.say(value, "chunk-ext-val", "", "RFC 9112 7.1.1")
        self.mark("\r\n", CRLF)
        return size


class _Requests(_Stream):
    """What a client sends."""

    __slots__ = ()

    what = "request"
    first_line = "request-line"

    def message(self) -> bool:
        self.begin("request line")
        if self.data.startswith(b"\r\n", self.at):
            self.mark("\r\n", SPARE_LINE)
            if self.number > 1 and self.at == len(self.data):
                return False
        request, reader = self.head()
        assert isinstance(request, Request)
        none = "no body, as Content-Length is 0" if "content-length" in request.fields else "no body, as no field tells of one"
        self.body(reader, request.fields, none)
        if request.method == "CONNECT":
            self.tunnel("RFC 9110 9.3.6")
        return _persists(request.minor, request.fields)

    def parse(self, head: bytes) -> tuple[Request, Reader | None]:
        request = parse_request_head(head)
        return request, request_reader(request)

    def may_begin(self, head: bytes) -> bool:
        return head[:1] in grammar.TCHAR_BYTES or head == b"\r"

    def elements(self, line: str) -> None:
        match = grammar.REQUEST_LINE.fullmatch(line)
        if match is None:
            method, space, rest = line.partition(" ")
            if space and grammar.TOKEN_ONLY.fullmatch(method):
                self.say(method, "method", *method_meaning(method))
                self.mark(" ", SP)
                line = rest
            self.say(line, "request-line", "the beginning of one: method, target, version", "RFC 9112 3")
            return
        method, target, major, minor = match.groups()
        self.say(method, "method", *method_meaning(method))
        self.mark(" ", SP)
        self.target(method, target)
        self.mark(" ", SP)
        self.say(line[-8:], "HTTP-version", "what the client speaks", "RFC 9112 2.3", value=f"{major}.{minor}")

    def target(self, method: str, target: str) -> None:
        """Explain a request-target in one of its four forms (RFC 9112 3.2)."""
        absolute = grammar.ABSOLUTE_FORM.fullmatch(target)
        if method == "CONNECT":
            self.authority(target, "RFC 9112 3.2.3")
        elif target == "*":
            self.say(target, "asterisk-form", "the server as a whole", "RFC 9112 3.2.4")
        elif absolute:
            self.say(absolute[1], "scheme", "a whole address, as a proxy is told", "RFC 9112 3.2.2")
            self.mark("://", SCHEME_END)
            self.authority(absolute[2], "RFC 9110 4.2.1")
            self.path_and_query(absolute[3] or "")
        else:
            self.path_and_query(target)

    def authority(self, text: str, clause: str) -> None:
        host, port = match.groups() if (match := grammar.HOST.fullmatch(text)) else (text, None)
        self.say(host, "uri-host", "the host", clause)
        if port is not None:
            self.mark(":", PORT_COLON)
            self.say(port, "port", "its port", clause)

    def path_and_query(self, text: str) -> None:
        path, mark, query = text.partition("?")
        self.say(path, "absolute-path", "what is asked for, on that host", "RFC 9112 3.2.1", value=unquote(path))
        if mark:
            self.mark(mark, QUESTION_MARK)
            pairs = [unquote_plus(pair).replace("=", " = ", 1) for pair in query.split("&", 8)[:8]]
            self.say(query, "query", f"details of what is asked for: {', '.join(pairs)}", "RFC 9110 4.1")


class _Responses(_Stream):
    """What a server sends, in answer to ``method``."""

    __slots__ = ("method",)

    what = "response"
    first_line = "status-line"

    def __init__(self, data: bytes, method: str) -> None:
        super().__init__(data)
        self.method = method

    def message(self) -> bool:
        response, reader = self.head()
        assert isinstance(response, Response)
        status, fields = response.status, Fields(response.fields)
        if status == 101 or (self.method == "CONNECT" and 200 <= status < 300):
            self.empty_line("HTTP ends here too, and another protocol begins")
            self.tunnel("RFC 9110 7.8" if status == 101 else "RFC 9110 9.3.6")
            return False
        if self.method == "HEAD":
            none = "no body, as this answers HEAD"
        elif status < 200 or status in (204, 304):
            none = f"no body, as {status} never has one"
        else:
            none = "no body, as Content-Length is 0"
        self.body(reader, fields, none)
        if status < 200 and self.at == len(self.data):
            raise IncompleteMessage("still to come: the final answer", clause="RFC 9110 15.2")
        return status < 200 or _persists(response.minor, fields)

    def parse(self, head: bytes) -> tuple[Response, Reader | None]:
        response = parse_response_head(head)
        return response, response_reader(self.method, response)

    def may_begin(self, head: bytes) -> bool:
        return b"HTTP/".startswith(head[:5])

    def elements(self, line: str) -> None:
        match = grammar.STATUS_LINE.fullmatch(line)
        if match is None:
            self.say(line, "status-line", "the beginning of one: version, status code, reason", "RFC 9112 4")
            return
        major, minor, code, reason = match.groups()
        self.say(line[:8], "HTTP-version", "what the server speaks", "RFC 9112 2.3", value=f"{major}.{minor}")
        self.mark(" ", SP)
        self.say(code, "status-code", *status_meaning(int(code)))
        if reason is not None:
            self.mark(" ", SP)
            self.say(reason, "reason-phrase", "for people; programs go by the number", "RFC 9112 4")


def _persists(minor: int, fields: Fields) -> bool:
    """Whether the connection is kept for another message (RFC 9112 9.3)."""
    options = fields.tokens("connection")
    return "close" not in options and (minor == 1 or "keep-alive" in options)


def _utf8(text: str) -> str:
    """The UTF-8 that the bytes behind ``text`` are, or else ``text`` (RFC 9110 5.5 leaves the encoding open)."""
    try:
        return text if text.isascii() else text.encode("latin-1").decode()
    except UnicodeDecodeError:
        return text


def _bytes(count: int) -> str:
    return f"{count:,} byte{'' if count == 1 else 's'}"
