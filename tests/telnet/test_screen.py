"""What a terminal can show: its colours, its letters, its width; menus and tables laid out for it; strangers' text made harmless."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirespeak.telnet.lines import width
from wirespeak.telnet.screen import Screen, clean


@pytest.mark.parametrize(
    ("terminal", "mtts", "variables", "coloured"),
    [
        ("xterm-256color", None, {}, True),
        ("screen", None, {}, True),
        ("linux", None, {}, True),
        ("mudlet", 1 | 4, {}, True),
        ("vt100", None, {}, False),
        ("dumb", None, {}, False),
        ("unknown", None, {}, False),
        ("", None, {}, False),
        ("xterm", 64, {}, False),
        ("vt100", None, {"COLORTERM": "truecolor"}, True),
        ("xterm", None, {"NO_COLOR": "1"}, False),
        ("xterm", None, {"NO_COLOR": ""}, True),
        ("xterm", None, {"NO_COLOR": None}, True),
    ],
)
def test_colours(terminal: str, mtts: int | None, variables: dict[str, str | None], coloured: bool) -> None:
    screen = Screen()
    screen.learn(terminal, mtts, variables)
    assert screen.colours is coloured
    assert screen.style("hello", "bold", "red") == ("\x1b[1;31mhello\x1b[0m" if coloured else "hello")


@pytest.mark.parametrize(
    ("mtts", "variables", "shown"),
    [
        (None, {}, "é"),
        (None, {"LANG": "de_DE.UTF-8"}, "é"),
        (None, {"LANG": "C.utf8"}, "é"),
        (None, {"LANG": "de_DE.ISO-8859-1"}, "?"),
        (None, {"LANG": "C", "LC_ALL": "en_GB.UTF-8"}, "é"),
        (1, {}, "?"),
        (5, {}, "é"),
    ],
)
def test_letters(mtts: int | None, variables: dict[str, str | None], shown: str) -> None:
    screen = Screen()
    screen.learn("xterm", mtts, variables)
    assert screen.encode("é") == shown.encode()


def test_lines_end_as_the_nvt_has_it() -> None:
    assert Screen().encode("one\ntwo\r\nthree") == b"one\r\ntwo\r\nthree"


@pytest.mark.parametrize(
    ("told", "size"), [((132, 43), (132, 43)), ((0, 0), (80, 24)), ((0, 50), (80, 50)), ((1, 1), (20, 1)), ((65535, 65535), (500, 500))]
)
def test_a_window_is_believed_within_reason(told: tuple[int, int], size: tuple[int, int]) -> None:
    screen = Screen()
    screen.resize(*told)
    assert (screen.columns, screen.rows) == size


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("hello\tthere\r\nyou", "hello there\nyou"),
        ("\x1b]0;title\x07\x1b[6n", "\\x1b]0;title\\x07\\x1b[6n"),
        ("\x9b31m", "\\x9b31m"),
        ("over\rwritten\x08\x00", "over\\x0dwritten\\x08\\x00"),
        ("evil\u202elive", "evil\\u202elive"),
        ("\udc80", "\\udc80"),
        ("né 日本", "né 日本"),
    ],
)
def test_what_strangers_wrote_is_made_harmless(said: str, shown: str) -> None:
    assert clean(said) == shown


@given(st.text())
def test_nothing_that_a_terminal_obeys_is_left(text: str) -> None:
    assert all(line.isprintable() for line in clean(text).split("\n"))


ITEMS = [("w", "Who is here"), ("t", "The time"), ("q", "Goodbye")]


def test_a_menu() -> None:
    assert Screen().menu(ITEMS) == "  w  Who is here\n  t  The time\n  q  Goodbye"
    assert "\x1b[1;36mw\x1b[0m  Who is here" in Screen(colours=True).menu(ITEMS)


def test_a_long_menu_takes_two_columns_where_there_is_room() -> None:
    many = [(chr(97 + number), f"Item, its number {number}") for number in range(9)]
    wide, narrow = Screen(80).menu(many), Screen(40).menu(many)
    assert len(wide.split("\n")) == 5
    assert len(narrow.split("\n")) == 9
    assert all(words in wide and words in narrow for _, words in many)
    styled = Screen(80, colours=True).menu(many)
    assert len({line.index("m" + key) for line, key in zip(styled.split("\n"), "abcde", strict=True)}) == 1


TEXTS = st.lists(st.lists(st.text("abc dé日", max_size=60), min_size=3, max_size=3), min_size=1, max_size=5)


@given(TEXTS, st.integers(20, 120))
def test_tables_paragraphs_and_menus_fit(rows: list[list[str]], columns: int) -> None:
    screen = Screen(columns)
    shown = [
        screen.table(rows),
        screen.wrap("\n".join(map("".join, rows))),
        screen.menu([(f"{number}", row[0]) for number, row in enumerate(rows)]),
        screen.heading(rows[0][0]),
    ]
    for text in shown:
        assert all(width(line) < columns for line in text.split("\n"))


def test_a_table_keeps_its_columns() -> None:
    rows = [["1", "ann@home.test", "Lunch, and what else there is to say of it, at length"], ["22", "bob", "Re"]]
    assert Screen(40).table(rows, head=["#", "From", "Subject"]).split("\n") == [
        "#   From           Subject",
        "1   ann@home.test  Lunch, and what els…",
        "22  bob            Re",
    ]


@given(st.text("ab cd\né日", max_size=200), st.integers(20, 80))
def test_wrapping_loses_no_word(text: str, columns: int) -> None:
    wrapped = Screen(columns).wrap(text)
    assert wrapped.replace("\n", "").replace(" ", "") == text.replace("\n", "").replace(" ", "")
