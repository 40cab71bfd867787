"""Each production of the grammar takes what its clause allows, and nothing else."""

from __future__ import annotations

import re
from re import _constants, _parser  # type: ignore[attr-defined]
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirespeak.http import grammar
from wirespeak.http.grammar import (
    ABSOLUTE_FORM,
    BARE_CR,
    BARE_LF,
    CHUNK_LINE,
    CONTENT_LENGTH,
    FIELD_LINE,
    FIELD_VALUE,
    HOST,
    QUOTED_STRING,
    REQUEST_LINE,
    STATUS_LINE,
    TCHAR_BYTES,
    TOKEN_ONLY,
    list_members,
)

EVERY_BYTE = [chr(number) for number in range(256)]

# RFC 9110 5.6.2, as the clause writes it: any VCHAR, except delimiters.
DELIMITERS = '(),/:;<=>?@[\\]{}"'
TOKEN_CHARACTERS = [character for character in EVERY_BYTE if "!" <= character <= "~" and character not in DELIMITERS]


def test_a_token_is_made_of_visible_characters_but_delimiters() -> None:
    assert [character for character in EVERY_BYTE if TOKEN_ONLY.fullmatch(character)] == TOKEN_CHARACTERS
    assert sorted(TCHAR_BYTES.decode()) == TOKEN_CHARACTERS


def test_a_token_is_not_empty() -> None:
    assert TOKEN_ONLY.fullmatch("") is None


def test_a_field_value_is_made_of_all_but_control_characters_and_of_tabs() -> None:
    allowed = [character for character in EVERY_BYTE if character == "\t" or (character >= " " and character != "\x7f")]
    assert [character for character in EVERY_BYTE if FIELD_VALUE.fullmatch(character)] == allowed


@pytest.mark.parametrize("character", ["\u0100", "\u2028", "\u212a", "\U0001f600"])
def test_no_pattern_takes_what_is_no_byte(character: str) -> None:
    assert not TOKEN_ONLY.fullmatch(character)
    assert not FIELD_VALUE.fullmatch(character)


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("GET /where?q=now HTTP/1.1", ("GET", "/where?q=now", "1", "1")),
        (
            "GET http://www.example.org/pub/WWW/TheProject.html HTTP/1.1",
            ("GET", "http://www.example.org/pub/WWW/TheProject.html", "1", "1"),
        ),
        ("CONNECT www.example.com:80 HTTP/1.1", ("CONNECT", "www.example.com:80", "1", "1")),
        ("OPTIONS * HTTP/1.1", ("OPTIONS", "*", "1", "1")),
        ("M-SEARCH * HTTP/1.1", ("M-SEARCH", "*", "1", "1")),
        ('get /{id}|<x>^`\\" HTTP/1.0', ("get", '/{id}|<x>^`\\"', "1", "0")),
        ("PRI * HTTP/2.0", ("PRI", "*", "2", "0")),
    ],
)
def test_request_lines(line: str, parts: tuple[str, ...]) -> None:
    match = REQUEST_LINE.fullmatch(line)
    assert match is not None
    assert match.groups() == parts


@pytest.mark.parametrize(
    "line",
    [
        "GET / HTTP/1.1 ",
        " GET / HTTP/1.1",
        "GET  / HTTP/1.1",
        "GET\t/ HTTP/1.1",
        "GET /\xa0HTTP/1.1",
        "GET /a b HTTP/1.1",
        "GET /#fragment HTTP/1.1",
        "GET /\x7f HTTP/1.1",
        "GET /é HTTP/1.1",
        "GET / HTTP/1.1\n",
        "GET / http/1.1",
        "GET / HTTP/1",
        "GET / HTTP/1.10",
        "GET / HTTP/\u0661.1",
        "GET / HTTP/1.\u00b9",
        "GET /",
        "G(T / HTTP/1.1",
    ],
)
def test_what_is_no_request_line(line: str) -> None:
    assert REQUEST_LINE.fullmatch(line) is None


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("HTTP/1.1 200 OK", ("1", "1", "200", "OK")),
        ("HTTP/1.1 404 Not Found", ("1", "1", "404", "Not Found")),
        ("HTTP/1.0 200 ", ("1", "0", "200", "")),
        ("HTTP/1.1 200", ("1", "1", "200", None)),
        ("HTTP/1.1 299 \t\xe9\xff", ("1", "1", "299", "\t\xe9\xff")),
    ],
)
def test_status_lines(line: str, parts: tuple[str | None, ...]) -> None:
    match = STATUS_LINE.fullmatch(line)
    assert match is not None
    assert match.groups() == parts


@pytest.mark.parametrize(
    "line",
    ["HTTP/1.1 20 OK", "HTTP/1.1 2000 OK", "HTTP/1.1 099 No", "HTTP/1.1  200 OK", "HTTP/1.1 200 O\x00K", "ICY 200 OK", "HTTP/1.1 ²00 OK"],
)
def test_what_is_no_status_line(line: str) -> None:
    assert STATUS_LINE.fullmatch(line) is None


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("Host: www.example.org", "Host", "www.example.org"),
        ("Host:www.example.org", "Host", "www.example.org"),
        ("Accept: \t text/html", "Accept", "text/html"),
        ("X:", "X", ""),
        ("X: \t ", "X", ""),
        ("X: a:b", "X", "a:b"),
    ],
)
def test_field_lines(line: str, name: str, value: str) -> None:
    match = FIELD_LINE.fullmatch(line)
    assert match is not None
    assert match.groups() == (name, value)


@pytest.mark.parametrize(
    "line", ["Host : a", " Host: a", "Host", ": a", "Ho st: a", "Host: a\rb", "Host: a\nb", "Host: a\0b", "Hôst: a", ""]
)
def test_what_is_no_field_line(line: str) -> None:
    assert FIELD_LINE.fullmatch(line) is None


@pytest.mark.parametrize("value", ["", "+5", "-5", " 5", "5 ", "1_0", "0x5", "5.0", "\u0665", "\xb2", "1" * 20, "5, 5"])
def test_what_is_no_content_length(value: str) -> None:
    assert CONTENT_LENGTH.fullmatch(value) is None


@pytest.mark.parametrize("value", ["0", "00", "5", "0" * 18 + "5", "9223372036854775807"])
def test_content_lengths(value: str) -> None:
    assert CONTENT_LENGTH.fullmatch(value)


@pytest.mark.parametrize(
    ("value", "host", "port"),
    [
        ("www.example.org", "www.example.org", None),
        ("www.example.org:8080", "www.example.org", "8080"),
        ("www.example.org:", "www.example.org", ""),
        ("192.0.2.1:80", "192.0.2.1", "80"),
        ("[2001:db8::1]", "[2001:db8::1]", None),
        ("[2001:db8::1]:443", "[2001:db8::1]", "443"),
        ("caf%C3%A9.example", "caf%C3%A9.example", None),
        ("", "", None),
    ],
)
def test_hosts(value: str, host: str, port: str | None) -> None:
    match = HOST.fullmatch(value)
    assert match is not None
    assert match.groups() == (host, port)


@pytest.mark.parametrize(
    "value",
    [
        "a b",
        "a,b",
        "a/b",
        "user@a",
        "a:b",
        "a:80:80",
        "a:123456",
        "[::1",
        "::1",
        "[::1]x",
        "[v1.a]",
        "a%2",
        "a?b",
        "a#b",
        "a\\b",
        "é",
        "a\t",
    ],
)
def test_what_is_no_host(value: str) -> None:
    assert HOST.fullmatch(value) is None


@pytest.mark.parametrize(
    ("target", "parts"),
    [
        ("http://www.example.org/pub/", ("http", "www.example.org", "/pub/")),
        ("HTTPS://a:8/", ("HTTPS", "a:8", "/")),
        ("http://a", ("http", "a", None)),
        ("http://a?q", ("http", "a", "?q")),
        ("http://a/?q/@", ("http", "a", "/?q/@")),
    ],
)
def test_absolute_forms(target: str, parts: tuple[str | None, ...]) -> None:
    match = ABSOLUTE_FORM.fullmatch(target)
    assert match is not None
    assert match.groups() == parts


@pytest.mark.parametrize("target", ["http:///path", "http://user@a/", "http://user:pass@a/", "ftp://a/", "http:/a", "//a/", "http://"])
def test_what_is_no_absolute_form(target: str) -> None:
    assert ABSOLUTE_FORM.fullmatch(target) is None


@pytest.mark.parametrize(
    ("line", "size"),
    [
        ("4", 4),
        ("0", 0),
        ("000", 0),
        ("aF", 0xAF),
        ("fffffffffffffff", 2**60 - 1),
        ("5;name", 5),
        ("5;name=value;other", 5),
        ("5 ; name = value", 5),
        ('5;name="a \\" ; , b"', 5),
    ],
)
def test_chunk_lines(line: str, size: int) -> None:
    match = CHUNK_LINE.fullmatch(line)
    assert match is not None
    assert int(match[1], 16) == size


@pytest.mark.parametrize(
    "line",
    [
        "",
        ";a",
        "g",
        "0x5",
        "+5",
        "-5",
        "5 ",
        " 5",
        "5_0",
        "5;",
        "5;;a",
        "5;a=",
        '5;a="b',
        '5;a="b"c',
        "5;a b",
        "5,a",
        "1" * 16,
        "\xb2",
        "\uff15",
    ],
)
def test_what_is_no_chunk_line(line: str) -> None:
    assert CHUNK_LINE.fullmatch(line) is None


def test_a_quoted_string_ends_at_its_first_quote_without_a_backslash() -> None:
    match = re.match(QUOTED_STRING, r'"a \"b\\" c"')
    assert match is not None
    assert match[0] == r'"a \"b\\"'


@given(st.lists(st.sampled_from([b"\r\n", b"\r", b"\n", b"a"])).map(b"".join))
def test_bare_line_ends_are_all_but_pairs(data: bytes) -> None:
    without_pairs = data.replace(b"\r\n", b"  ")
    assert [match.start() for match in BARE_LF.finditer(data)] == [at for at, byte in enumerate(without_pairs) if byte == 10]
    assert [match.start() for match in BARE_CR.finditer(data)] == [at for at, byte in enumerate(without_pairs) if byte == 13]


@pytest.mark.parametrize(
    ("value", "members"),
    [
        ("", []),
        ("close", ["close"]),
        ("Keep-Alive, Upgrade", ["keep-alive", "upgrade"]),
        (" a ,\tb\t,c", ["a", "b", "c"]),
        (",, a,,b ,", ["a", "b"]),
        ("chunked\xa0", ["chunked\xa0"]),
    ],
)
def test_the_members_of_a_list(value: str, members: list[str]) -> None:
    assert list_members(value) == members


PATTERNS = {name: value for name, value in vars(grammar).items() if isinstance(value, re.Pattern)}


@pytest.mark.parametrize("name", PATTERNS)
def test_no_repetition_can_be_gone_back_over(name: str) -> None:
    """The time to match is linear in the input: what is repeated without bound is possessive."""
    assert not list(_greedy(_parser.parse(PATTERNS[name].pattern)))


def test_a_repetition_that_can_is_noticed() -> None:
    assert list(_greedy(_parser.parse("a(?:b|c(d*))")))
    assert list(_greedy(_parser.parse("(?i:a+?)")))


def _greedy(parsed: Any) -> Any:
    """The repetitions without bound in ``parsed`` that are not possessive."""
    for part in parsed if isinstance(parsed, (list, tuple, _parser.SubPattern)) else ():
        if (
            isinstance(part, tuple)
            and part
            and part[0] in (_constants.MAX_REPEAT, _constants.MIN_REPEAT)
            and part[1][1] == _constants.MAXREPEAT
        ):
            yield part
        yield from _greedy(part)
