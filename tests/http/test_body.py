"""Where a body ends (RFC 9112 6.3, 7.1), for requests and responses, however its bytes arrive."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.http.test_fields import NAMES, VALUES
from wirespeak.buffer import Buffer
from wirespeak.errors import IncompleteMessage, LocalProtocolError, RemoteProtocolError
from wirespeak.http.body import (
    FORBIDDEN_IN_TRAILERS,
    MAX_CHUNK_LINE,
    MAX_EXTENSIONS,
    MAX_TRAILERS,
    ChunkedReader,
    CloseReader,
    LengthReader,
    Reader,
    chunk,
    last_chunk,
    request_reader,
    response_reader,
)
from wirespeak.http.fields import MAX_FIELDS, Fields
from wirespeak.http.messages import Data, End, Request, Response


def request(*fields: tuple[str, str], minor: int = 1) -> Request:
    return Request("POST", "/", Fields([("Host", "a"), *fields]), minor)


def splits(data: bytes) -> Iterator[list[bytes]]:
    """``data`` in one piece, in two at every place, and byte by byte."""
    yield [data]
    yield from ([data[:at], data[at:]] for at in range(1, len(data)))
    yield [data[at : at + 1] for at in range(len(data))]


def read(reader: Reader, pieces: Iterable[bytes]) -> tuple[bytes, list[End], bytes]:
    """The body that ``reader`` takes out of the pieces, its ends, and what is left behind it."""
    buffer, body, ends = Buffer(), b"", []
    for piece in pieces:
        buffer.feed(piece)
        for event in reader.read(buffer) if not reader.done else ():
            if isinstance(event, Data):
                assert event.data, "an empty piece"
                assert not ends, "a piece behind the end"
                body += event.data
            else:
                ends.append(event)
    return body, ends, buffer.rest()


def refused(reader: Reader, data: bytes) -> RemoteProtocolError:
    """The error for ``data``: of the same code at every split, and told no later than its last byte."""
    errors = []
    for pieces in splits(data) if len(data) < 300 else [[data]]:
        fresh = type(reader)(*([reader._limit] if isinstance(reader, ChunkedReader) else []))
        with pytest.raises(RemoteProtocolError) as caught:
            read(fresh, pieces)
        errors.append(caught.value)
    assert len({error.code for error in errors}) == 1
    return errors[0]


# --- which framing (RFC 9112 6.3)


def test_a_request_without_length_or_coding_has_no_body() -> None:
    assert request_reader(request()) is None
    assert request_reader(request(minor=0)) is None


def test_a_request_of_length_nought_has_no_body() -> None:
    assert request_reader(request(("Content-Length", "0"))) is None


@pytest.mark.parametrize("minor", [0, 1])
def test_a_request_with_a_length(minor: int) -> None:
    reader = request_reader(request(("Content-Length", "5"), minor=minor))
    assert isinstance(reader, LengthReader)
    assert reader.length == 5


@pytest.mark.parametrize("value", ["chunked", "Chunked", "\tCHUNKED ", ", chunked,"])
def test_a_request_in_chunks(value: str) -> None:
    assert isinstance(request_reader(request(("Transfer-Encoding", value))), ChunkedReader)


@pytest.mark.parametrize(
    ("fields", "minor", "code", "clause"),
    [
        ([("Transfer-Encoding", "chunked"), ("Content-Length", "5")], 1, 400, "RFC 9112 6.1"),
        ([("Transfer-Encoding", "chunked")], 0, 400, "RFC 9112 6.1"),
        ([("Transfer-Encoding", "chunked, gzip")], 1, 400, "RFC 9112 6.3"),
        ([("Transfer-Encoding", "chunked, chunked")], 1, 400, "RFC 9112 6.3"),
        ([("Transfer-Encoding", "chunked"), ("Transfer-Encoding", "chunked")], 1, 400, "RFC 9112 6.3"),
        ([("Transfer-Encoding", "\xa0chunked")], 1, 400, "RFC 9112 7"),
        ([("Transfer-Encoding", "gzip, chunked")], 1, 501, "RFC 9112 6.1"),
        ([("Transfer-Encoding", "gzip")], 1, 501, "RFC 9112 6.1"),
        ([("Transfer-Encoding", "identity")], 1, 501, "RFC 9112 6.1"),
        ([("Transfer-Encoding", "xchunked")], 1, 501, "RFC 9112 6.1"),
        ([("Transfer-Encoding", "")], 1, 501, "RFC 9112 6.1"),
        ([("Content-Length", "5"), ("Content-Length", "6")], 1, 400, "RFC 9110 8.6"),
        ([("Content-Length", "5"), ("Content-Length", "5")], 1, 400, "RFC 9110 8.6"),
        ([("Content-Length", "+5")], 1, 400, "RFC 9110 8.6"),
        ([("Content-Length", "0x5")], 1, 400, "RFC 9110 8.6"),
        ([("Content-Length", "")], 1, 400, "RFC 9110 8.6"),
        ([("Content-Length", "1" * 20)], 1, 400, "RFC 9110 8.6"),
    ],
)
def test_a_request_that_can_be_read_in_two_ways_is_refused(fields: list[tuple[str, str]], minor: int, code: int, clause: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        request_reader(request(*fields, minor=minor))
    assert (caught.value.code, caught.value.clause) == (code, clause)


def test_a_length_past_the_limit_is_413() -> None:
    assert request_reader(request(("Content-Length", "100")), 100) is not None
    with pytest.raises(RemoteProtocolError) as caught:
        request_reader(request(("Content-Length", "101")), 100)
    assert (caught.value.code, caught.value.clause) == (413, "RFC 9110 15.5.14")


NONE, LENGTH, CHUNKS, CLOSE = type(None), LengthReader, ChunkedReader, CloseReader


@pytest.mark.parametrize("fields", [{}, {"Content-Length": "5"}, {"Transfer-Encoding": "chunked"}])
@pytest.mark.parametrize(
    ("method", "status"), [("HEAD", 200), ("HEAD", 404), ("GET", 100), ("GET", 103), ("GET", 204), ("GET", 304), ("CONNECT", 200)]
)
def test_an_answer_that_has_no_body_whatever_its_fields_say(method: str, status: int, fields: dict[str, str]) -> None:
    """RFC 9112 6.3, rules 1 and 2."""
    assert response_reader(method, Response(status, fields)) is None


@pytest.mark.parametrize(
    ("fields", "minor", "kind"),
    [
        ([], 1, CLOSE),
        ([], 0, CLOSE),
        ([("Content-Length", "5")], 1, LENGTH),
        ([("Content-Length", "5")], 0, LENGTH),
        ([("Content-Length", "0")], 1, NONE),
        ([("Content-Length", "5"), ("Content-Length", "5")], 1, LENGTH),
        ([("Content-Length", "5, 5")], 1, LENGTH),
        ([("Transfer-Encoding", "chunked")], 1, CHUNKS),
    ],
)
@pytest.mark.parametrize(("method", "status"), [("GET", 200), ("POST", 404), ("CONNECT", 407)])
def test_how_an_answer_is_framed(method: str, status: int, fields: list[tuple[str, str]], minor: int, kind: type) -> None:
    assert type(response_reader(method, Response(status, fields, minor=minor))) is kind


@pytest.mark.parametrize(
    ("fields", "minor"),
    [
        ([("Transfer-Encoding", "chunked"), ("Content-Length", "5")], 1),
        ([("Transfer-Encoding", "chunked")], 0),
        ([("Transfer-Encoding", "gzip, chunked")], 1),
        ([("Transfer-Encoding", "chunked, chunked")], 1),
        ([("Content-Length", "5, 6")], 1),
        ([("Content-Length", "five")], 1),
        ([("Content-Length", "5"), ("Content-Length", "05")], 1),
    ],
)
def test_an_answer_that_can_be_read_in_two_ways_is_refused(fields: list[tuple[str, str]], minor: int) -> None:
    with pytest.raises(RemoteProtocolError):
        response_reader("GET", Response(200, fields, minor=minor))


# --- by length (RFC 9112 6.2)


def test_a_body_of_a_length_ends_there_at_every_split() -> None:
    for pieces in splits(b"helloGET"):
        assert read(LengthReader(5), pieces) == (b"hello", [End()], b"GET")


def test_a_body_of_a_length_that_the_stream_cuts_short() -> None:
    reader = LengthReader(5)
    assert read(reader, [b"hel"]) == (b"hel", [], b"")
    with pytest.raises(IncompleteMessage, match="after 3 of 5 bytes"):
        reader.eof()


# --- by the end of the connection (RFC 9112 6.3, rule 8)


def test_a_body_up_to_the_end_of_the_connection() -> None:
    for pieces in splits(b"hello"):
        reader = CloseReader()
        assert read(reader, pieces) == (b"hello", [], b"")
        assert list(reader.eof()) == [End()]
        assert reader.done


# --- in chunks (RFC 9112 7.1)


def test_chunks_are_the_same_at_every_split() -> None:
    data = b'4\r\nWiki\r\n7;a;b=c;d="e\\"f"\r\npedia i\r\nB \t;x\r\nn \r\nchunks.\r\n0\r\n\r\nGET'
    for pieces in splits(data):
        assert read(ChunkedReader(), pieces) == (b"Wikipedia in \r\nchunks.", [End()], b"GET")


def test_trailers_are_the_same_at_every_split() -> None:
    data = b"1\r\na\r\n000;last\r\nDigest: x\r\nDigest:y\r\nServer-Timing: \t z \r\n\r\nGET"
    trailers = Fields([("Digest", "x"), ("Digest", "y"), ("Server-Timing", "z")])
    for pieces in splits(data):
        assert read(ChunkedReader(), pieces) == (b"a", [End(trailers)], b"GET")


def test_a_body_of_no_chunks_but_the_last() -> None:
    for pieces in splits(b"0\r\n\r\n"):
        assert read(ChunkedReader(), pieces) == (b"", [End()], b"")


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=8), st.lists(st.tuples(NAMES, VALUES), max_size=4), st.integers(1, 30))
def test_what_is_sent_in_chunks_is_read_as_it_was_meant(pieces: list[bytes], pairs: list[tuple[str, str]], size: int) -> None:
    trailers = Fields([(name, value) for name, value in pairs if name.lower() not in FORBIDDEN_IN_TRAILERS])
    data = b"".join(map(chunk, pieces)) + last_chunk(trailers) + b"rest"
    body, ends, rest = read(ChunkedReader(), [data[at : at + size] for at in range(0, len(data), size)])
    assert (body, ends, rest) == (b"".join(pieces), [End(trailers)], b"rest")


@pytest.mark.parametrize(
    "data",
    [
        b"x\r\n",
        b"\r\n",
        b"-1\r\n",
        b"+1\r\n",
        b"0x1\r\n",
        b"1_0\r\n",
        b" 1\r\n",
        b"1 \r\n",
        b"1\n",
        b"1\ra",
        b"1;\r\n",
        b"1;a=\x00\r\n",
        b"1;a\nb\r\n",
        b"1000000000000000\r\n",
        b"1\r\nab\r\n",
        b"1\r\na\n0",
        b"1\r\na\r0",
        b"1\r\na0\r\n",
        b"0\r\n\n",
        b"0\r\nX : a\r\n\r\n",
        b"0\r\n folded\r\n\r\n",
        b"0\r\nX: a\nb\r\n\r\n",
        b"0\r\nX\r\n\r\n",
    ],
)
def test_what_are_no_chunks_is_400_at_every_split(data: bytes) -> None:
    assert refused(ChunkedReader(), data).code == 400


@pytest.mark.parametrize(
    "data", [b"", b"5", b"5\r\n", b"5\r\nhel", b"5\r\nhello", b"5\r\nhello\r\n", b"5\r\nhello\r\n0\r\n", b"0\r\nX: a\r\n"]
)
def test_chunks_that_the_stream_cuts_short_are_never_taken_for_whole(data: bytes) -> None:
    for pieces in splits(data):
        reader = ChunkedReader()
        assert read(reader, pieces)[1] == []
        with pytest.raises(IncompleteMessage):
            reader.eof()


@pytest.mark.parametrize("name", sorted(FORBIDDEN_IN_TRAILERS))
def test_a_field_too_late_in_a_trailer_is_dropped(name: str) -> None:
    """RFC 9110 6.5.1."""
    data = f"0\r\n{name.title()}: 1\r\nDigest: x\r\n\r\n".encode()
    assert read(ChunkedReader(), [data])[1] == [End(Fields({"Digest": "x"}))]


@pytest.mark.parametrize("name", sorted(FORBIDDEN_IN_TRAILERS))
def test_a_field_too_late_in_a_trailer_is_not_sent_either(name: str) -> None:
    with pytest.raises(LocalProtocolError, match=rf"{name}.*RFC 9110 6\.5\.1"):
        last_chunk(Fields({"Digest": "x", name.title(): "1"}))


def test_a_chunk_is_written_in_hexadecimal() -> None:
    assert chunk(b"a" * 26) == b"1a\r\n" + b"a" * 26 + b"\r\n"
    assert last_chunk(Fields()) == b"0\r\n\r\n"
    assert last_chunk(Fields({"Digest": "x"})) == b"0\r\nDigest: x\r\n\r\n"


# --- bounds


def test_a_chunk_past_the_limit_is_413_before_it_comes() -> None:
    error = refused(ChunkedReader(10), b"6\r\nabcdef\r\n5\r\n")
    assert (error.code, error.clause) == (413, "RFC 9110 15.5.14")
    assert read(ChunkedReader(10), [b"6\r\nabcdef\r\n4\r\nghij\r\n0\r\n\r\n"])[0] == b"abcdefghij"


def test_a_chunk_line_is_bounded_also_while_it_comes() -> None:
    longest = b"1;" + b"a" * (MAX_CHUNK_LINE - 4) + b"\r\n"
    assert read(ChunkedReader(), [longest, b"x\r\n0\r\n\r\n"])[0] == b"x"
    for data in (longest.replace(b"\r", b"a\r"), longest[:-2] + b"aa"):
        error = refused(ChunkedReader(), data)
        assert (error.code, error.clause) == (400, "RFC 9112 7.1.1")


def test_extensions_are_bounded_over_the_whole_body() -> None:
    one = b"1;" + b"a" * 1023 + b"\r\nx\r\n"
    most = MAX_EXTENSIONS // 1024
    assert len(read(ChunkedReader(), [one * most + b"0\r\n\r\n"])[0]) == most
    error = refused(ChunkedReader(), one * (most + 1))
    assert (error.code, error.clause) == (400, "RFC 9112 7.1.1")


@pytest.mark.parametrize(
    "trailers",
    [
        b"X: " + b"a" * MAX_TRAILERS,  # one that never ends
        b"X: " + b"a" * MAX_TRAILERS + b"\r\n",
        (b"X: " + b"a" * 1000 + b"\r\n") * (MAX_TRAILERS // 1000 + 1),
        b"X: a\r\n" * (MAX_FIELDS + 1),
    ],
)
def test_trailers_are_bounded_in_size_and_number(trailers: bytes) -> None:
    error = refused(ChunkedReader(), b"0\r\n" + trailers)
    assert (error.code, error.clause) == (431, "RFC 9110 6.5")


def test_as_many_trailers_as_fields_are_taken() -> None:
    _, ends, _ = read(ChunkedReader(), [b"0\r\n" + b"X: a\r\n" * MAX_FIELDS + b"\r\n"])
    assert len(ends[0].trailers) == MAX_FIELDS


def test_what_was_read_is_given_out_at_once_and_not_held() -> None:
    """Memory does not grow with the body: a chunk of any size passes in the pieces in which it comes."""
    reader, buffer = ChunkedReader(), Buffer()
    buffer.feed(b"fffffff\r\n")
    assert reader.read(buffer) == []
    for _ in range(10):
        buffer.feed(b"a" * 1000)
        assert reader.read(buffer) == [Data(b"a" * 1000)]
        assert len(buffer) == 0
