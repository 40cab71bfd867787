"""Where a request's body ends: every way to say it twice, or so that two readers differ (RFC 9112 6, 7; RFC 9110 8.6).

After any such error one answer comes, the connection closes, and nothing behind is read as a request: that is what
request smuggling lives on.
"""

from __future__ import annotations

import pytest

from tests.hostile.checks import chunked, head, post, refused, unread
from tests.hostile.serving import Server

HELLO = b"5\r\nhello\r\n0\r\n\r\n"


# --- Content-Length and Transfer-Encoding (RFC 9112 6.1, 6.3)


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(("Content-Length: 5", "Transfer-Encoding: chunked"), id="length first"),
        pytest.param(("Transfer-Encoding: chunked", "Content-Length: 5"), id="coding first"),
        pytest.param(("Content-Length: 0", "Transfer-Encoding: chunked"), id="length zero"),
        pytest.param(("Content-Length: 15", "Transfer-Encoding: chunked"), id="length right"),
        pytest.param(("content-length: 5", "TRANSFER-ENCODING: Chunked"), id="in other cases"),
        pytest.param(("Content-Length: 5", "X-Between: yes", "Transfer-Encoding: chunked"), id="apart"),
        pytest.param(("Content-Length: 5", "Transfer-Encoding: identity"), id="identity"),
        pytest.param(("Content-Length: 5", "Transfer-Encoding: xchunked"), id="unknown coding"),
        pytest.param(("Content-Length: 5", "Transfer-Encoding:"), id="empty coding"),
        pytest.param(("Content-Length: 5", "Transfer-Encoding: chunked", "Content-Length: 5"), id="on both sides"),
    ],
)
def test_content_length_with_transfer_encoding_is_400_and_close(server: Server, lines: tuple[str, ...]) -> None:
    unread(server, post(*lines, body=HELLO), 400)


def test_content_length_with_transfer_encoding_in_http_1_0_is_400(server: Server) -> None:
    unread(server, head("POST / HTTP/1.0", "Host: localhost", "Content-Length: 5", "Transfer-Encoding: chunked") + HELLO, 400)


# --- Content-Length (RFC 9110 8.6)


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(("Content-Length: 5", "Content-Length: 6"), id="two lines"),
        pytest.param(("Content-Length: 0", "Content-Length: 5"), id="zero and five"),
        pytest.param(("Content-Length: 10, 20",), id="a list"),
        pytest.param(("Content-Length: 5, 6",), id="a list of small ones"),
        pytest.param(("Content-Length: 5", "content-length: 05x"), id="a broken second"),
        pytest.param(("Content-Length: 5", "X: y", "Content-Length: 50"), id="apart"),
        pytest.param(("Content-Length: 5, 5, 6",), id="the third differs"),
        pytest.param(("Content-Length: 5, 5", "Content-Length: 6"), id="a list and a line"),
        pytest.param(("Content-Length: 5", "Content-Length:"), id="the second empty"),
    ],
)
def test_differing_content_lengths_are_400(server: Server, lines: tuple[str, ...]) -> None:
    unread(server, post(*lines, body=b"hello hello hello hello"), 400)


@pytest.mark.parametrize("lines", [("Content-Length: 5", "Content-Length: 5"), ("Content-Length: 5, 5",)], ids=["two lines", "a list"])
def test_a_repeated_content_length_is_refused_or_read_once(server: Server, lines: tuple[str, ...]) -> None:
    # RFC 9112 6.3 leaves the choice; what may not be is a body of any other length.
    with server.connect() as wire:
        wire.send(post(*lines, "Connection: close", body=b"hello"))
        (answer,) = wire.answers()
    assert answer.status == 400 or (answer.status == 200 and answer.body == b"hello")


@pytest.mark.parametrize(
    "value",
    [
        *(
            pytest.param(value, id=repr(value))
            for value in ["+5", "-5", "-0", "1_0", "0x5", "0b1", "0o5", "5.0", "5e0", "1e1", "", " ", "\t", "5 5", "5,", ",5"]
        ),
        *(
            pytest.param(value, id=repr(value))
            for value in ["5;", '"5"', "5h", "h5", "five", "5\t5", "NaN", "inf", "+0", "0 0", "5;q=1", "%35", "(5)", "5/1"]
        ),
        pytest.param("\x0b5", id="vertical tab before"),
        pytest.param("5\x0b", id="vertical tab behind"),
        pytest.param("5\x0c", id="form feed behind"),
        pytest.param("\xa05", id="no-break space before"),
        pytest.param("5\x85", id="next line behind"),
        pytest.param("\x1c5", id="file separator before"),
        pytest.param("²", id="superscript two"),
        pytest.param("٥".encode(), id="Arabic five"),
        pytest.param("５".encode(), id="full-width five"),
        pytest.param("\ufeff5".encode(), id="byte order mark before"),
    ],
)
def test_a_content_length_of_other_than_digits_is_400(server: Server, value: str | bytes) -> None:
    line = b"Content-Length: " + (value if isinstance(value, bytes) else value.encode("latin-1"))
    unread(server, post(line, body=b"hello"), 400)


@pytest.mark.parametrize(
    "value",
    [
        "9" * 30,
        "1" + "0" * 19,
        "18446744073709551616",
        "18446744073709551621",
        "9223372036854775808",
        "1" + "0" * 4400,
        "4294967301",
        "9" * 15000,
    ],
    ids=["30 digits", "20 digits", "2^64", "2^64 + 5", "2^63", "4401 digits", "2^32 + 5", "15000 digits"],
)
def test_a_content_length_past_all_bounds_is_400_or_413(server: Server, value: str) -> None:
    # 4,300 digits are where Python's own int() gives up; 2^64 + 5 is 5 to whoever lets it overflow.
    unread(server, post(f"Content-Length: {value}", body=b"hello"), 400, 413)


@pytest.mark.parametrize("value", ["5", "05", "0000000005", " 5", "5 ", "\t5\t"], ids=repr)
def test_digits_and_white_space_around_them_are_a_content_length(server: Server, value: str) -> None:
    with server.connect() as wire:
        wire.send(post(f"Content-Length:{value}", body=b"hello") + b"GET /next HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        first, second = wire.answers()
    assert (first.status, first.body, second["x-target"]) == (200, b"hello", "/next")


# --- Transfer-Encoding (RFC 9112 6.1, 6.3, 7)


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(("Transfer-Encoding: chunked, gzip",), id="gzip behind"),
        pytest.param(("Transfer-Encoding: chunked, identity",), id="identity behind"),
        pytest.param(("Transfer-Encoding: chunked", "Transfer-Encoding: gzip"), id="gzip in a line behind"),
        pytest.param(("Transfer-Encoding: chunked, x",), id="anything behind"),
        pytest.param(("Transfer-Encoding: chunked, chunked",), id="twice"),
        pytest.param(("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), id="twice in two lines"),
        pytest.param(("Transfer-Encoding: Chunked,cHUNKED",), id="twice in other cases"),
        pytest.param(("Transfer-Encoding: gzip, chunked, chunked",), id="gzip and twice"),
        pytest.param(("Transfer-Encoding: chunked, gzip, chunked",), id="gzip between"),
    ],
)
def test_CVE_2024_1135_chunked_not_last_or_twice_is_400(server: Server, lines: tuple[str, ...]) -> None:
    unread(server, post(*lines, body=HELLO), 400)


@pytest.mark.parametrize(
    "value",
    [
        *(
            "gzip, chunked",
            "xchunked",
            "chunkedx",
            "identity",
            "gzip",
            "deflate",
            "compress",
            "x-gzip",
            "chunk",
            "identity, chunked",
            "br, chunked",
        ),
        *(
            "chunked;q=1",
            "chunked; a=b",
            "chunked chunked",
            '"chunked"',
            "chunked\xa0",
            "*",
            "trailers",
            "gzip;q=0, chunked",
            "'chunked'",
            "[chunked]",
        ),
    ],
)
def test_CVE_2024_6827_an_unknown_transfer_coding_is_501_or_400(server: Server, value: str) -> None:
    unread(server, post(f"Transfer-Encoding: {value}", body=HELLO), 501, 400)


@pytest.mark.parametrize("value", ["", " ", "\t", ",", " , "], ids=repr)
def test_an_empty_transfer_encoding_is_400_or_501(server: Server, value: str) -> None:
    unread(server, post(f"Transfer-Encoding:{value}", body=HELLO), 400, 501)


@pytest.mark.parametrize("value", ["chunked,", ", chunked", "chunked, ,"], ids=repr)
def test_empty_elements_beside_chunked_are_refused_or_ignored(server: Server, value: str) -> None:
    # RFC 9110 5.6.1.2 has recipients skip empty elements; refusing is as safe. A third reading is not.
    with server.connect() as wire:
        wire.send(post(f"Transfer-Encoding: {value}", "Connection: close", body=HELLO))
        (answer,) = wire.answers()
    assert answer.status == 400 or (answer.status == 200 and answer.body == b"hello")


@pytest.mark.parametrize("fields", [(), ("Connection: keep-alive",), ("Connection: close",)], ids=["plain", "keep-alive", "close"])
def test_transfer_encoding_in_http_1_0_is_400_and_close(server: Server, fields: tuple[str, ...]) -> None:
    unread(server, head("POST / HTTP/1.0", "Host: localhost", "Transfer-Encoding: chunked", *fields) + HELLO, 400)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(b"\x0bchunked", id="vertical tab before"),
        pytest.param(b"chunked\x0b", id="vertical tab behind"),
        pytest.param(b"\x0cchunked", id="form feed before"),
        pytest.param(b"chunked\x0c", id="form feed behind"),
        pytest.param(b"\x1fchunked", id="unit separator before"),
        pytest.param(b"\x1cchunked", id="file separator before"),
    ],
)
def test_control_characters_around_chunked_are_400(server: Server, value: bytes) -> None:
    unread(server, post(b"Transfer-Encoding: " + value, body=HELLO), 400)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(b"\xa0chunked", id="no-break space before"),
        pytest.param(b"chunked\xa0", id="no-break space behind"),
        pytest.param(b"\x85chunked", id="next line before"),
        pytest.param("\u2003chunked".encode(), id="em space before"),
        pytest.param("\ufeffchunked".encode(), id="byte order mark before"),
        pytest.param("chun\u212aed".encode(), id="Kelvin sign for k"),
        pytest.param("ｃhunked".encode(), id="full-width c"),
        pytest.param("chunkeԁ".encode(), id="Cyrillic d"),
        pytest.param(b"c\x00hunked", id="NUL inside"),
        pytest.param(b"chunked\x00", id="NUL behind"),
    ],
)
def test_CVE_2025_69224_chunked_in_other_than_ascii_is_400(server: Server, value: bytes) -> None:
    unread(server, post(b"Transfer-Encoding: " + value, body=HELLO), 400)


@pytest.mark.parametrize("name", ["Content-Length", "Transfer-Encoding"])
@pytest.mark.parametrize("swap", [("s", "ſ"), ("i", "ı"), ("n", "ｎ")], ids=["long s", "dotless i", "full-width n"])
def test_framing_fields_in_other_than_ascii_are_400(server: Server, name: str, swap: tuple[str, str]) -> None:
    name = name.replace(*swap) if swap[0] in name else name + swap[1]
    unread(server, post(f"{name}: 5".encode(), body=HELLO), 400)


@pytest.mark.parametrize(
    "line",
    ["Transfer-Encoding:chunked", "Transfer-Encoding: \tchunked \t", "TRANSFER-ENCODING: CHUNKED", "transfer-encoding:\tChUnKeD"],
    ids=repr,
)
def test_chunked_in_any_case_between_spaces_and_tabs_is_chunked(server: Server, line: str) -> None:
    with server.connect() as wire:
        wire.send(post(line, body=HELLO) + b"GET /next HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        first, second = wire.answers()
    assert (first.status, first.body, second["x-target"]) == (200, b"hello", "/next")


# --- chunks (RFC 9112 7.1)


@pytest.mark.parametrize(
    "size",
    [
        *(
            pytest.param(size.encode("latin-1"), id=repr(size))
            for size in ["0x5", "0X5", "1_0", "_5", "5_", "-1", "-5", "+5", "-0", "", " 5", "\t5", "5 ", "5\t", "5 5"]
        ),
        *(
            pytest.param(size.encode("latin-1"), id=repr(size))
            for size in ["g", "5g", "5h", "h", "5.", "5,5", "5\x0b", "\x0c5", "5\xa0", "\xa05", "0o5", '"5"', "5L"]
        ),
        pytest.param("٥".encode(), id="Arabic five"),
        pytest.param("５".encode(), id="full-width five"),
        pytest.param(b"\x00", id="NUL"),
        pytest.param(b"5\x00", id="NUL behind"),
        pytest.param(b"1" + b"0" * 16, id="2^64"),
        pytest.param(b"1" + b"0" * 15 + b"5", id="2^64 + 5"),
        pytest.param(b"F" * 17, id="17 digits"),
        pytest.param(b"f" * 64, id="64 digits"),
        pytest.param(b"1" * 5000, id="5000 digits"),
    ],
)
def test_a_chunk_size_of_other_than_hex_digits_or_overflowing_is_400(server: Server, size: bytes) -> None:
    refused(server, chunked(size + b"\r\nhello\r\n0\r\n\r\n"), 400)


@pytest.mark.parametrize(
    "size", [b"FFFFFFFFFFFFFFFF", b"8000000000000000", b"7FFFFFFFFFFFFFFF", b"100000005", b"fffffffffffffff"], ids=bytes.decode
)
def test_a_chunk_size_past_the_bound_of_a_body_is_400_or_413(server: Server, size: bytes) -> None:
    # Up to 64 bits it can be read as a number, so it may also be refused as what it says.
    refused(server, chunked(size + b"\r\nhello\r\n0\r\n\r\n"), 400, 413)


@pytest.mark.parametrize("size", [b"-1", b"0x5", b"1_0", b"+5", b" 5", b"5 ", b""], ids=repr)
def test_the_size_of_a_later_chunk_is_read_as_strictly(server: Server, size: bytes) -> None:
    refused(server, chunked(b"5\r\nhello\r\n" + size + b"\r\nhello\r\n0\r\n\r\n"), 400)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"5\r\nhelloXX0\r\n\r\n", id="other bytes"),
        pytest.param(b"5\r\nhello\n0\r\n\r\n", id="LF alone"),
        pytest.param(b"5\r\nhello\r0\r\n\r\n", id="CR alone"),
        pytest.param(b"5\r\nhello0\r\n\r\n", id="nothing"),
        pytest.param(b"5\r\nhello\n\r0\r\n\r\n", id="LF and CR"),
        pytest.param(b"5\r\nhello \r\n0\r\n\r\n", id="a space more"),
        pytest.param(b"5\r\nhelloA\r\n0\r\n\r\n", id="a byte more"),
        pytest.param(b"5\r\nhello\r\r\n0\r\n\r\n", id="CR CR LF"),
        pytest.param(b"5\r\nhello\x00\x000\r\n\r\n", id="NUL"),
        pytest.param(b"5\r\nhel\r\n0\r\n\r\n", id="less than said"),
        pytest.param(b"1\r\na\r\n1\r\nbXX0\r\n\r\n", id="behind the second"),
    ],
)
def test_CVE_2025_43859_chunk_data_not_ended_by_crlf_is_400(server: Server, data: bytes) -> None:
    refused(server, chunked(data), 400)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b"5\n", id="LF ends the size"),
        pytest.param(b"5\r", id="CR ends the size"),
        pytest.param(b"5;\n", id="LF behind the semicolon"),
        pytest.param(b"5;a\nb\r\n", id="LF inside"),
        pytest.param(b"5;a\rb\r\n", id="CR inside"),
        pytest.param(b"5;a\x00b\r\n", id="NUL inside"),
        pytest.param(b"5;a=b\n", id="LF ends it"),
        pytest.param(b'5;a="b\nc"\r\n', id="LF quoted"),
        pytest.param(b'5;a="b\rc"\r\n', id="CR quoted"),
        pytest.param(b'5;a="b\\\nc"\r\n', id="LF escaped"),
        pytest.param(b'5;a="b\\\rc"\r\n', id="CR escaped"),
        pytest.param(b'5;a="b\x00c"\r\n', id="NUL quoted"),
        pytest.param(b"5;\xff\n\r\n", id="LF behind a byte above ASCII"),
        pytest.param(b"5;a\r\r\n", id="CR CR LF"),
        pytest.param(b"5\r\r\n", id="size CR CR LF"),
        pytest.param(b'5;a="b\r\n', id="an open quoted string"),
        pytest.param(b"5 a\r\n", id="no semicolon"),
        pytest.param(b"5;=b\r\n", id="no name"),
        pytest.param(b"5;a=\r\n", id="no value"),
        pytest.param(b"5;a b\r\n", id="a space inside"),
    ],
)
def test_a_bare_cr_lf_or_nul_in_a_chunk_extension_is_400(server: Server, line: bytes) -> None:
    refused(server, chunked(line + b"hello\r\n0\r\n\r\n"), 400)


@pytest.mark.parametrize(
    "line", [b"0\n\r\n", b"0\r\n\n", b"0;a\nb\r\n\r\n", b"0\r\r\n\r\n", b"0\n\n", b"0\r\n\r\r\n", b"0;\x00\r\n\r\n"], ids=repr
)
def test_a_bare_cr_lf_or_nul_in_the_last_chunk_is_400(server: Server, line: bytes) -> None:
    refused(server, chunked(b"5\r\nhello\r\n" + line), 400)


@pytest.mark.parametrize(
    "piece", [b"a" * 1024, b";a=b" * 256, b'"' + b"x" * 1023, b" " * 1024, b"0" * 1024], ids=["a name", "many", "quoted", "spaces", "zeros"]
)
def test_an_endless_chunk_extension_is_400(server: Server, piece: bytes) -> None:
    start = b"5;" if piece[:1] != b"0" else b""
    refused(server, chunked(start + piece * 100), 400)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b"5;a", id="name"),
        pytest.param(b"5;a=b", id="name and value"),
        pytest.param(b'5;a="b c;\\"\\\\"', id="quoted"),
        pytest.param(b"5;a=b;c;d=e", id="several"),
        pytest.param(b"5 ; a = b", id="spaces where BWS stands"),
        pytest.param(b"5\t;\ta\t=\tb", id="tabs where BWS stands"),
        pytest.param(b"0000000005", id="zeros before"),
    ],
)
def test_a_well_formed_chunk_extension_is_ignored(server: Server, line: bytes) -> None:
    with server.connect() as wire:
        wire.send(chunked(line + b"\r\nhello\r\n0;last\r\n\r\n") + b"GET /next HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        first, second = wire.answers()
    assert (first.status, first.body, second["x-target"]) == (200, b"hello", "/next")


@pytest.mark.parametrize("digits", [b"A", b"a", b"0A", b"00a"], ids=repr)
def test_hex_digits_of_either_case_are_a_size(server: Server, digits: bytes) -> None:
    with server.connect() as wire:
        wire.send(chunked(digits + b"\r\n0123456789\r\n0\r\n\r\n", "Connection: close"))
        (answer,) = wire.answers()
    assert (answer.status, answer.body) == (200, b"0123456789")


def test_a_body_cut_short_by_the_peers_end_is_never_passed_off_as_whole(server: Server) -> None:
    # RFC 9112 8: an incomplete request may be answered with an error; no handler is given a short body as the whole.
    for data in (
        post("Content-Length: 10", body=b"hello"),
        chunked(b"5\r\nhello\r\n"),
        chunked(b"5\r\nhel"),
        chunked(b"5\r\nhello\r\n0\r\n"),
    ):
        with server.connect() as wire:
            wire.send(data)
            wire.finish()
            assert all(answer.status == 400 for answer in wire.answers())
    assert not [seen.body for seen in server.echo.seen if seen.body]


# --- trailers (RFC 9110 6.5, RFC 9112 7.1.2)

FORBIDDEN = [
    *(
        "Content-Length: 5",
        "Transfer-Encoding: chunked",
        "Host: evil.example",
        "Trailer: X",
        "TE: trailers",
        "Connection: close",
        "Authorization: Basic eDp5",
    ),
    *(
        "Content-Encoding: gzip",
        "Content-Type: text/html",
        "Content-Range: bytes 0-1/2",
        "Cookie: a=b",
        "Expect: 100-continue",
        "Cache-Control: no-store",
    ),
    *(
        "Max-Forwards: 5",
        "Range: bytes=0-1",
        "If-Match: *",
        "Set-Cookie: a=b",
        "Upgrade: websocket",
        "Proxy-Authorization: x",
        "Keep-Alive: timeout=1",
    ),
]


@pytest.mark.parametrize("line", FORBIDDEN, ids=lambda line: line.partition(":")[0])
def test_a_forbidden_trailer_is_dropped_or_400(server: Server, line: str) -> None:
    name = line.partition(":")[0]
    with server.connect() as wire:
        wire.send(
            chunked(f"5\r\nhello\r\n0\r\n{line}\r\nX-Sum: 1\r\n\r\n".encode())
            + b"GET /next HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )
        first, *others = wire.answers()
    if first.status == 400:
        assert not others
        return
    assert (first.status, first.body, [other["x-target"] for other in others]) == (200, b"hello", ["/next"])
    seen = server.echo.seen[0]
    assert name not in seen.trailers, f"the trailer {name} reached the handler"
    assert seen.trailers["X-Sum"] == "1"
    assert seen.fields.get(name, "localhost") in ("localhost", "chunked"), "a trailer was merged into the head"


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(b"X : y\r\n", id="space before the colon"),
        pytest.param(b": y\r\n", id="no name"),
        pytest.param(b"X\r\n", id="no colon"),
        pytest.param(b"X: y\r\n z\r\n", id="folded"),
        pytest.param(b" X: y\r\n", id="begins with a space"),
        pytest.param(b"X: a\nY: b\r\n", id="LF alone"),
        pytest.param(b"X: a\rb\r\n", id="CR alone"),
        pytest.param(b"X: a\x00b\r\n", id="NUL"),
        pytest.param(b"X\xe9: y\r\n", id="byte above ASCII in the name"),
        pytest.param(b"X: y\n", id="ended by LF"),
    ],
)
def test_a_malformed_trailer_is_400(server: Server, lines: bytes) -> None:
    refused(server, chunked(b"5\r\nhello\r\n0\r\n" + lines + b"\r\n"), 400)


@pytest.mark.parametrize(
    "line",
    [b"X: y\r\n", b"X: " + b"y" * 1000 + b"\r\n", b"a:\r\n", b"X" * 1000],
    ids=["short lines", "long lines", "empty values", "one endless line"],
)
def test_endless_trailers_are_refused_at_a_bound(server: Server, line: bytes) -> None:
    flood = line * (200_000 // len(line))
    refused(server, chunked(b"5\r\nhello\r\n0\r\n" + flood), 400, 431)
