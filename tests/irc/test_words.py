"""What a client said, made fit to be said back; and lists longer than a line."""

from __future__ import annotations

import pytest

from wirespeak.irc.messages import Message
from wirespeak.irc.words import lines_of, middle, room_behind


@pytest.mark.parametrize("word", ["ann", "#c", "a:b", "*!*@*"])
def test_a_word_stands_before_others_as_it_is(word: str) -> None:
    assert middle(word) == word


@pytest.mark.parametrize("word", ["", ":ann", "two words", " "])
def test_what_can_only_come_last_becomes_a_star(word: str) -> None:
    assert middle(word) == "*"
    Message("401", ["me", middle(word), "No such nick"]).encode()


def test_a_long_word_leaves_room_for_the_text_behind_it() -> None:
    """With the longest names that there are: of a server (63), a nick (30), a channel (64)."""
    word = middle("é" * 240)
    assert word == "é" * 160
    line = Message("441", ["n" * 30, word, "#" * 64, "They aren't on that channel"], "s" * 63).encode()
    assert len(line) <= 512
    assert Message.parse(line.decode().rstrip()).params[:3] == ["n" * 30, word, "#" * 64]
    assert len(Message.parse(line.decode().rstrip()).params) == 4


def test_words_fill_lines_that_fit() -> None:
    assert list(lines_of(["aa", "bb", "cc"], 5)) == ["aa bb", "cc"]
    assert list(lines_of(["aa", "bb", "cc"], 8, ",")) == ["aa,bb,cc"]
    assert list(lines_of(["aa", "bb", "cc"], 7, ",")) == ["aa,bb", "cc"]


def test_room_is_counted_in_bytes() -> None:
    assert list(lines_of(["ää", "b"], 5)) == ["ää", "b"]


def test_no_words_make_no_line_and_a_long_one_its_own() -> None:
    assert list(lines_of([], 5)) == []
    assert list(lines_of(["a", "0123456789", "b"], 5)) == ["a", "0123456789", "b"]


def test_a_full_line_has_512_bytes() -> None:
    room = room_behind("irc.home.test", "me", "bob")
    words = ["x" * 9] * 100
    lines = [Message("319", ["me", "bob", text], "irc.home.test").encode() for text in lines_of(words, room)]
    assert max(map(len, lines)) <= 512
    assert min(map(len, lines[:-1])) > 512 - 10
    assert sum(line.count(b"xxxxxxxxx") for line in lines) == 100
