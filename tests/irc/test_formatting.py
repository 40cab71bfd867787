"""Text dressed in bold and colours (Modern IRC: IRC Formatting): undressed, in parts, and as a terminal wears it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirespeak.irc.formatting import Style, plain, sgr, spans

BOLD = Style(frozenset({"bold"}))


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", []),
        ("plain", [("plain", Style())]),
        ("a\x02b\x02c", [("a", Style()), ("b", BOLD), ("c", Style())]),
        ("\x02\x1db\x0fc", [("b", Style(frozenset({"bold", "italic"}))), ("c", Style())]),
        ("\x0304red\x03 not", [("red", Style(colour="04")), (" not", Style())]),
        ("\x034,12both\x035one", [("both", Style(colour="4", behind="12")), ("one", Style(colour="5", behind="12"))]),
        ("\x03041st", [("1st", Style(colour="04"))]),
        ("\x033,comma", [(",comma", Style(colour="3"))]),
        ("\x04FF00aa,000000rgb\x04", [("rgb", Style(colour="FF00aa", behind="000000"))]),
        ("\x04FFno", [("FFno", Style())]),
        ("\x16x\x16", [("x", Style(frozenset({"reversed"})))]),
    ],
)
def test_parts(text: str, parts: list[tuple[str, Style]]) -> None:
    assert list(spans(text)) == parts
    assert plain(text) == "".join(part for part, _ in parts)


@pytest.mark.parametrize(
    ("style", "said"),
    [
        (Style(), ""),
        (BOLD, "\x1b[1m"),
        (Style(frozenset({"italic", "underline", "struck", "reversed", "monospace"})), "\x1b[3;4;7;9m"),
        (Style(colour="4"), "\x1b[91m"),
        (Style(colour="01", behind="00"), "\x1b[30;107m"),
        (Style(colour="16", behind="98"), "\x1b[38;5;52;48;5;231m"),
        (Style(colour="99", behind="99"), ""),
        (Style(colour="FF0080"), "\x1b[38;2;255;0;128m"),
    ],
)
def test_what_a_terminal_wears(style: Style, said: str) -> None:
    assert sgr(style) == said


@given(st.text(alphabet="ab1,9F\x02\x03\x04\x0f\x11\x16\x1d\x1e\x1f", max_size=60))
def test_nothing_is_lost_and_no_dress_is_left(text: str) -> None:
    assert "".join(part for part, _ in spans(text)) == plain(text)
    assert not set(plain(text)) & set("\x02\x03\x04\x0f\x11\x16\x1d\x1e\x1f")
    for _, style in spans(text):
        sgr(style)
