"""The words of the master format (RFC 1035 5.1): quotes, escapes, parentheses, comments, times."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirespeak.dns.grammar import Token, Tokens, octets, quoted, seconds, shown_ttl, ttl
from wirespeak.errors import TextError


def test_words_and_where_they_stand() -> None:
    assert Tokens.of('www\tMX ( 10 ; first\n  mail ) "a b"').words == [
        Token("www", False, 1, 1),
        Token("MX", False, 1, 5),
        Token("10", False, 1, 10),
        Token("mail", False, 2, 3),
        Token("a b", True, 2, 10),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("  \t\r\n", []),
        ("; only a comment", []),
        (r"a\ b", [r"a\ b"]),
        (r"a\;b c\(d", [r"a\;b", r"c\(d"]),
        ("a;b", ["a"]),
        ("a(b)c", ["a", "b", "c"]),
        (r'"a\"b;(" c', [r"a\"b;(", "c"]),
        ('alpn="h2 h3" port=1', ['alpn="h2 h3"', "port=1"]),
        ('a"b c"d', ["a", "b c", "d"]),
        ("(a\n(b\n)\n)\n", ["a", "b"]),
        ("a\n\n", ["a"]),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert [word.text for word in Tokens.of(text).words] == words


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ('a "b', 1, 3, "a quote, or a backslash, that nothing follows"),
        ('a "b\nc"', 1, 3, "a quote, or a backslash, that nothing follows"),
        ("a \\", 1, 3, "a quote, or a backslash, that nothing follows"),
        ("a \\\nb", 1, 3, "a quote, or a backslash, that nothing follows"),
        ("(\n a", 2, 3, "a parenthesis that is not closed"),
        ("a\n )", 2, 1, "more than one line, and no parentheses around them"),
        (")", 1, 1, "a closing parenthesis that none has opened"),
    ],
)
def test_what_is_wrong_and_where(text: str, line: int, column: int, message: str) -> None:
    with pytest.raises(TextError) as caught:
        Tokens.of(text)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert caught.value.args[0] == message


def test_words_are_taken_one_after_the_other() -> None:
    words = Tokens.of('a "b" c d')
    assert len(words) == 4
    first = words.peek()
    assert first is not None
    assert words.take("a letter") is first
    with pytest.raises(TextError, match="a letter stands in quotes, where none belong"):
        words.plain("a letter")
    assert words.plain("a letter") == "c"
    with pytest.raises(TextError, match="1:9: 'd' follows where the record should end"):
        words.end()
    assert len(words) == 1
    assert words.plain("a letter") == "d"
    words.end()
    assert not words
    assert words.peek() is None
    with pytest.raises(TextError, match="1:10: a letter is missing"):
        words.take("a letter")
    with pytest.raises(TextError, match="1:10: a letter is missing"):
        words.plain("a letter")


def test_a_fault_is_told_at_the_word_taken_last() -> None:
    words = Tokens.of("a b")
    words.take("a letter")
    words.take("a letter")
    error = TextError("not that one")
    words.locate(error)
    assert str(error) == "1:3: not that one"
    words.locate(error)
    elsewhere = TextError("nor that", line=7, column=7)
    words.locate(elsewhere)
    assert str(elsewhere) == "7:7: nor that"


@pytest.mark.parametrize(
    ("text", "data"),
    [("", b""), ("abc", b"abc"), (r"a\"b\\", b'a"b\\'), (r"\065\000\255", b"A\0\xff"), ("é", b"\xc3\xa9"), (r"\é1", b"\xc3\xa91")],
)
def test_escapes(text: str, data: bytes) -> None:
    assert octets(text) == data


@pytest.mark.parametrize("text", [r"\256", r"\1", r"\12", r"\1a2", r"\12a", "\\"])
def test_wrong_escapes(text: str) -> None:
    with pytest.raises(TextError, match=r"octet|digits"):
        octets(text)


def test_strings_as_text() -> None:
    assert quoted(b'a "b" \\ ; \x00\xe9') == r'"a \"b\" \\ ; \000\233"'


@given(st.binary(max_size=60))
def test_every_string_has_a_text(data: bytes) -> None:
    (word,) = Tokens.of(quoted(data)).words
    assert word.quoted
    assert octets(word.text) == data


@pytest.mark.parametrize(
    ("text", "time"),
    [("0", 0), ("3600", 3600), ("1h30m", 5400), ("1W2D3H4M5S", 788645), ("007", 7), ("2147483647", 2147483647), ("1m1m", 120)],
)
def test_times(text: str, time: int) -> None:
    assert ttl(text) == seconds(text) == time


@pytest.mark.parametrize("text", ["", "1x", "h", "1h1", "-1", "+1", "1 h", "1.5h", "٣", "12345678901", "1h" * 9])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(TextError, match="is no time"):
        seconds(text)


def test_the_longest_time_to_live() -> None:
    with pytest.raises(TextError, match=r"a time to live of 2147483648 seconds; at most 2147483647 \(RFC 2181 8\)"):
        ttl("2147483648")
    assert seconds("2147483648") == 2147483648


def test_times_for_people() -> None:
    assert shown_ttl(0) == "0s"
    assert shown_ttl(5400) == "1h30m"
    assert shown_ttl(788645) == "1w2d3h4m5s"
