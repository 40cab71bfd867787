"""A strict reader of HTTP responses, on its own feet: it shares no code with what it judges.

It follows RFC 9112 to the letter (2.1, 4, 5, 6.3, 7.1) and raises `NotHTTP` at the first byte that a sender may not send,
so that a test which reads an answer has tested its form as well. Pure: bytes in, `Answer` out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9]{2}) ([\t \x21-\x7e\x80-\xff]*)")
LAX_STATUS_LINE = re.compile(rb"HTTP/1\.([0-9]) ([0-9]{3})(?: ([\t \x21-\x7e\x80-\xff]*))?")
FIELD_LINE = re.compile(rb"(%b):[ \t]*((?:[\x21-\x7e\x80-\xff](?:[ \t\x21-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?)[ \t]*" % TOKEN)
CHUNK_LINE = re.compile(
    rb"([0-9A-Fa-f]{1,15})((?:;%b(?:=(?:%b|\"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\xff])*\"))?)*)" % (TOKEN, TOKEN)
)
LAX_SPACE = re.compile(rb"[ \t]*([;=])[ \t]*")
DATE = re.compile(
    r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-3]\d (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} [0-2]\d:[0-5]\d:[0-6]\d GMT"
)


class NotHTTP(AssertionError):
    """The bytes are no response that RFC 9112 allows; the message says which rule they break."""


class Unfinished(Exception):
    """The response is well-formed as far as it goes, and goes on."""


@dataclass(slots=True)
class Answer:
    """One final response, and the interim (1xx) ones before it. Field names are in lower case."""

    minor: int
    status: int
    reason: str
    fields: list[tuple[str, str]]
    framing: str = "none"  # or "length", "chunked", "close" (RFC 9112 6.3), "tunnel"
    body: bytes = b""
    trailers: list[tuple[str, str]] = field(default_factory=list)
    interim: list[Answer] = field(default_factory=list)

    def all(self, name: str) -> list[str]:
        """The values of every field line called ``name`` (in lower case)."""
        return [value for key, value in self.fields if key == name]

    def __getitem__(self, name: str) -> str:
        """The value of ``name``, of which there is exactly one."""
        values = self.all(name)
        assert len(values) == 1, f"{len(values)} field lines {name!r}, not one, in {self}"
        return values[0]

    @property
    def options(self) -> list[str]:
        """The connection options (RFC 9110 7.6.1), in lower case."""
        return [option.strip().lower() for value in self.all("connection") for option in value.split(",") if option.strip()]

    @property
    def closes(self) -> bool:
        """Whether the connection ends with this response, as the response itself tells it (RFC 9112 9.3)."""
        return "close" in self.options or (self.minor == 0 and "keep-alive" not in self.options)


def read_answer(
    data: bytes, start: int = 0, *, method: str = "GET", minor: int = 1, ended: bool = False, lax: bool = False
) -> tuple[Answer, int]:
    """The response to a ``method`` request of HTTP/1.``minor`` at ``start`` of ``data``, and where it ends.

    ``ended`` tells that nothing follows ``data``. With ``lax`` only that is looked at which decides how the response is read,
    and not what its sender owes besides (a Date, a ``Connection: close``, no length where there is no body). Raises
    `Unfinished` where the response goes on past ``data``, `NotHTTP` for a broken one.
    """
    interim: list[Answer] = []
    while True:
        answer, at = _head(data, start, lax)
        if answer.status >= 200 or answer.status == 101:
            break
        if minor == 0:
            raise NotHTTP(f"a {answer.status} to HTTP/1.0 (RFC 9110 15.2)")
        _no_framing(answer, lax)
        interim.append(answer)
        start = at
    answer.interim = interim
    return answer, _body(answer, data, at, method=method, minor=minor, ended=ended, lax=lax)


def read_answers(data: bytes, methods: Sequence[str] = (), *, minor: int = 1) -> list[Answer]:
    """All responses in ``data``, which is all that came until the connection ended; ``methods`` are the requests'.

    Requests past ``methods`` are taken for GETs. Raises `NotHTTP`, also where the last response is incomplete.
    """
    answers: list[Answer] = []
    at = 0
    while at < len(data):
        method = methods[len(answers)] if len(answers) < len(methods) else "GET"
        try:
            answer, at = read_answer(data, at, method=method, minor=minor, ended=True)
        except Unfinished:
            raise NotHTTP(f"the connection ended inside answer {len(answers) + 1}: {data[at : at + 400]!r}") from None
        answers.append(answer)
    return answers


def _head(data: bytes, start: int, lax: bool) -> tuple[Answer, int]:
    end = data.find(b"\r\n\r\n", start)
    if end < 0:
        if len(data) - start > 8 and not data.startswith(b"HTTP/1.", start):
            raise NotHTTP(f"no status line: {data[start : start + 80]!r}")
        raise Unfinished
    first, *lines = data[start:end].split(b"\r\n")
    status = (LAX_STATUS_LINE if lax else STATUS_LINE).fullmatch(first)
    if status is None:
        raise NotHTTP(f"no status line (RFC 9112 4): {first[:200]!r}")
    answer = Answer(min(int(status[1]), 1), int(status[2]), (status[3] or b"").decode("latin-1"), _fields(lines))
    dates = answer.all("date")
    if (len(dates) > 1 and not lax) or (not lax and not dates and 200 <= answer.status < 500):
        raise NotHTTP(f"{len(dates)} Date fields in a {answer.status} (RFC 9110 6.6.1)")
    if dates and not lax and not DATE.fullmatch(dates[0]):
        raise NotHTTP(f"no date: {dates[0]!r} (RFC 9110 5.6.7)")
    return answer, end + 4


def _fields(lines: Sequence[bytes]) -> list[tuple[str, str]]:
    fields = []
    for line in lines:
        found = FIELD_LINE.fullmatch(line)
        if found is None:
            raise NotHTTP(f"no field line (RFC 9112 5): {line[:200]!r}")
        fields.append((found[1].decode().lower(), found[2].decode("latin-1")))
    return fields


def _no_framing(answer: Answer, lax: bool) -> None:
    """RFC 9110 8.6, RFC 9112 6.1: neither length nor coding in a 1xx or 204."""
    if not lax and (answer.all("content-length") or answer.all("transfer-encoding")):
        raise NotHTTP(f"a {answer.status} with a length or a transfer coding (RFC 9110 8.6, RFC 9112 6.1)")


def _body(answer: Answer, data: bytes, at: int, *, method: str, minor: int, ended: bool, lax: bool) -> int:
    """Read the body as RFC 9112 6.3 says into ``answer``; where it ends."""
    if answer.status in (101, 204) or (method == "CONNECT" and answer.status < 300):
        _no_framing(answer, lax)
        answer.framing = "none" if answer.status == 204 else "tunnel"
        return at
    bodiless = method == "HEAD" or answer.status == 304
    if bodiless and lax:
        return at
    lengths, codings = answer.all("content-length"), answer.all("transfer-encoding")
    if len(lengths) > 1 or (lengths and not re.fullmatch(r"[0-9]+", lengths[0])):
        raise NotHTTP(f"Content-Length {lengths} (RFC 9110 8.6)")
    if lengths and codings:
        raise NotHTTP("Content-Length and Transfer-Encoding (RFC 9112 6.2)")
    if [coding.lower() for coding in codings] not in ([], ["chunked"]):
        raise NotHTTP(f"Transfer-Encoding {codings}")
    if codings and (minor == 0 or answer.minor == 0):
        raise NotHTTP("a transfer coding in answer to HTTP/1.0 (RFC 9112 6.1)")
    if bodiless:
        return at
    if codings:
        answer.framing = "chunked"
        return _chunks(answer, data, at, lax)
    if lengths:
        answer.framing = "length"
        end = at + int(lengths[0])
        if len(data) < end:
            raise Unfinished
    else:
        answer.framing = "close"
        if not answer.closes and not lax:
            raise NotHTTP("neither a length nor Connection: close (RFC 9112 6.3, 9.6)")
        if not ended:
            raise Unfinished
        end = len(data)
    answer.body = data[at:end]
    return end


def _chunks(answer: Answer, data: bytes, at: int, lax: bool) -> int:
    pieces = []
    while True:
        end = data.find(b"\r\n", at)
        if end < 0:
            raise Unfinished
        line = CHUNK_LINE.fullmatch(LAX_SPACE.sub(rb"\1", data[at:end]) if lax else data[at:end])
        if line is None:
            raise NotHTTP(f"no chunk line (RFC 9112 7.1): {data[at : min(end, at + 80)]!r}")
        at = end + 2
        size = int(line[1], 16)
        if not size:
            break
        if len(data) < at + size + 2:
            raise Unfinished
        if data[at + size : at + size + 2] != b"\r\n":
            raise NotHTTP("chunk data not ended by CRLF (RFC 9112 7.1)")
        pieces.append(data[at : at + size])
        at += size + 2
    answer.body = b"".join(pieces)
    if data.startswith(b"\r\n", at):
        return at + 2
    end = data.find(b"\r\n\r\n", at)
    if end < 0:
        raise Unfinished
    answer.trailers = _fields(data[at:end].split(b"\r\n"))
    return end + 4
