"""The tables of modes, and MODE's words read and written (Modern IRC: MODE message, RPL_ISUPPORT CHANMODES and PREFIX)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wirespeak.irc.modes import (
    CHANMODES,
    CHANNEL_MODES,
    EVERY_SYMBOL,
    HIGHEST_SYMBOL,
    MAXMODES,
    PREFIX,
    RANKS,
    USER_MODES,
    Change,
    Kind,
    read,
    write,
)


def test_the_tokens_are_made_from_the_table() -> None:
    assert CHANMODES == "beI,k,l,CMRimnrst"
    assert PREFIX == "(qaohv)~&@%+"
    # "Server MUST NOT list modes in this parameter that are also advertised in the PREFIX parameter" (RPL_ISUPPORT CHANMODES)
    assert not set(CHANMODES) & set("qaohv")


def test_ranks_and_symbols_go_by_the_highest_held() -> None:
    assert [RANKS[held] for held in ("", "v", "h", "o", "a", "q", "ov", "qov")] == [0, 1, 2, 3, 4, 5, 3, 5]
    assert HIGHEST_SYMBOL["qov"] == "~"
    assert EVERY_SYMBOL["qov"] == "~@+"
    assert HIGHEST_SYMBOL[""] == EVERY_SYMBOL[""] == ""


def test_what_gives_a_rank_takes_at_least_as_much() -> None:
    for mode in CHANNEL_MODES.values():
        if mode.kind is Kind.MEMBER:
            assert mode.rank >= RANKS[mode.letter], f"+{mode.letter} could be given by somebody below it"


def test_words_are_read_each_with_its_argument() -> None:
    reading = read("+kt-o+l", ["mellon", "ann", "20"])
    assert reading.changes == [Change(True, "k", "mellon"), Change(True, "t"), Change(False, "o", "ann"), Change(True, "l", "20")]


def test_a_sign_is_plus_where_none_is_given() -> None:
    assert read("m", []).changes == [Change(True, "m")]


def test_a_value_is_taken_back_without_an_argument() -> None:
    assert read("-l+b", ["*!*@192.0.2.1"]).changes == [Change(False, "l"), Change(True, "b", "*!*@192.0.2.1")]


def test_the_key_is_taken_back_with_or_without_it() -> None:
    assert read("-k", ["mellon"]).changes == [Change(False, "k", "mellon")]
    assert read("-k", []).changes == [Change(False, "k")]


def test_a_list_without_an_argument_is_asked_for_by_either_sign() -> None:
    assert read("b", []).lists == ["b"]
    assert read("-e+Ib", []).lists == ["e", "I", "b"]
    assert read("bbb", []).lists == ["b"]


def test_a_mode_without_the_argument_that_it_needs_is_passed_over() -> None:
    reading = read("+kl+ov+n", [])
    assert reading.changes == [Change(True, "n")]
    assert reading.bare == ["k", "l", "o", "v"]


def test_an_empty_argument_is_none() -> None:
    assert read("+k", [""]).bare == ["k"]


def test_unknown_letters_are_told_once_each() -> None:
    reading = read("+yzy!m", ["word"])
    assert reading.unknown == ["y", "z", "!"]
    assert reading.changes == [Change(True, "m")]


def test_no_more_changes_with_an_argument_are_taken_than_the_token_says() -> None:
    reading = read("+" + "v" * 20 + "n", [f"nick{number}" for number in range(20)])
    assert [change.letter for change in reading.changes] == ["v"] * MAXMODES + ["n"]


def test_changes_are_written_as_few_words() -> None:
    changes = [Change(True, "n"), Change(True, "o", "ann"), Change(False, "t"), Change(False, "v", "bob"), Change(True, "i")]
    assert list(write(changes, 400)) == [["+no-tv+i", "ann", "bob"]]
    assert list(write([], 400)) == []


def test_a_line_that_would_be_too_long_becomes_two() -> None:
    changes = [Change(True, "b", f"*!*@{'x' * 90}{number}.test") for number in range(8)]
    lines = list(write(changes, 400))
    assert len(lines) == 3
    assert [word for _, *words in lines for word in words] == [change.argument for change in changes]
    assert all(len(" ".join(line)) <= 400 for line in lines)


def test_no_line_has_more_than_fifteen_parameters() -> None:
    changes = [Change(True, "v", f"n{number}") for number in range(20)]
    assert all(1 + len(line) <= 15 for line in write(changes, 400))  # with the channel in front


ARGUMENTS = {Kind.LIST: True, Kind.PARAMETER: True, Kind.MEMBER: True, Kind.FLAG: False}


@st.composite
def changes_of_a_channel(draw: st.DrawFn) -> Change:
    mode = draw(st.sampled_from(list(CHANNEL_MODES.values())))
    adding = draw(st.booleans())
    has_argument = ARGUMENTS.get(mode.kind, adding)
    word = draw(st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=30)) if has_argument else None
    return Change(adding, mode.letter, word)


@given(st.lists(changes_of_a_channel(), max_size=MAXMODES))
def test_what_is_written_is_read_as_the_same(changes: list[Change]) -> None:
    written = list(write(changes, 300))
    assert [change for letters, *words in written for change in read(letters, words).changes] == changes


@given(st.text(), st.lists(st.text(), max_size=15))
def test_no_words_are_too_strange_to_be_read(letters: str, words: list[str]) -> None:
    reading = read(letters, words)
    for change in reading.changes:
        assert change.letter in CHANNEL_MODES
    assert not set(reading.unknown) & set(CHANNEL_MODES)


def test_nobody_makes_themselves_an_operator_of_the_server() -> None:
    assert not USER_MODES["o"].set
    assert USER_MODES["o"].unset
    assert not USER_MODES["r"].set
    assert not USER_MODES["r"].unset
