"""Line editing: what is typed, the line that comes of it, and what a person sees meanwhile on a screen that is simulated here."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirespeak.telnet.lines import HISTORY, LINE_LIMIT, EditedLine, Key, LineEditor, cells, width

LEFT, RIGHT, UP, DOWN = b"\x1b[D", b"\x1b[C", b"\x1b[A", b"\x1b[B"
HOME, END, DELETE = b"\x1b[H", b"\x1b[F", b"\x1b[3~"


class Paper:
    """A screen that knows no more than the NVT's printer (RFC 854): characters, BS, CR, LF and BEL. It is as wide as it is told."""

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self.rows: list[list[str]] = [[]]
        self.at = 0
        self.bells = 0

    def show(self, text: str) -> None:
        for character in cells(text):
            if character == "\a":
                self.bells += 1
            elif character == "\b":
                assert self.at > 0, "moved beyond the left edge"
                self.at -= 1
            elif character == "\r":
                self.at = 0
            elif character == "\n":
                self.rows.append([])
            else:
                self._print(character)

    def _print(self, character: str) -> None:
        row = self.rows[-1]
        taken = [character] + [""] * (width(character) - 1)
        row.extend([" "] * (self.at + len(taken) - len(row)))
        row[self.at : self.at + len(taken)] = taken
        self.at += len(taken)
        assert self.at < self.columns, "wrote into the last column"

    @property
    def row(self) -> str:
        return "".join(self.rows[-1]).rstrip(" ")


class Terminal:
    """An editor and what it shows."""

    def __init__(self, prompt: str = "> ", *, columns: int = 80, echo: bool = True, mask: str | None = None) -> None:
        self.editor = LineEditor(columns=columns, echo=echo)
        self.paper = Paper(columns)
        self.paper.show(self.editor.begin(prompt, mask=mask))

    def type(self, *typed: bytes | str) -> list[EditedLine | Key]:
        events: list[EditedLine | Key] = []
        for piece in typed:
            self.editor.feed(piece.encode() if isinstance(piece, str) else piece)
            while True:
                shown, event = self.editor.advance()
                self.paper.show(shown)
                if event is None:
                    break
                events.append(event)
        return events


@pytest.mark.parametrize("end", [b"\r\n", b"\r", b"\n"])
def test_a_line_is_shown_as_it_is_typed_and_given_when_it_ends(end: bytes) -> None:
    terminal = Terminal()
    assert terminal.type("hello") == []
    assert terminal.paper.row == "> hello"
    assert terminal.type(end) == ["hello"]
    assert terminal.paper.row == ""


def test_cr_and_lf_are_one_end_though_they_come_apart() -> None:
    assert Terminal().type("one\r", "\ntwo\r", "\n", "\r\n") == ["one", "two", ""]


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        (b"hallo" + LEFT * 4 + DELETE + b"e", "hello"),
        (b"helo" + LEFT + b"l", "hello"),
        (b"ello" + HOME + b"h" + END + b"!", "hello!"),
        (b"ello\x01h\x05!", "hello!"),
        (b"hellos\x7f", "hello"),
        (b"hellos\x08", "hello"),
        (b"hello world\x17there", "hello there"),
        (b"hello  \x17", ""),
        (b"wrong\x15right", "right"),
        (b"hello, world" + LEFT * 7 + b"\x0b", "hello"),
        (b"\x7f\x7fhello" + LEFT * 9 + RIGHT * 9, "hello"),
        (b"a\tb", "a b"),
        ("naïve café".encode(), "naïve café"),
        ("日本".encode() + LEFT + b"x", "日x本"),
        ("e\u0301\u0302x".encode() + b"\x7f\x7fo", "o"),
        (b"ab\x1b[1;5Cc\x1b[19~d\x1bxe", "abcde"),
        (b"a\xffb", "a\ufffdb"),
    ],
)
def test_editing(typed: bytes, line: str) -> None:
    terminal = Terminal()
    terminal.type(typed)
    assert terminal.paper.row == f"> {line}".rstrip()
    assert terminal.type("\r") == [line]
    each = Terminal()
    assert each.type(*(typed[at : at + 1] for at in range(len(typed))), b"\r") == [line]


def test_lines_before_are_had_again() -> None:
    terminal = Terminal()
    terminal.type("one\r", "two\r", "two\r")
    terminal.paper.show(terminal.editor.begin("> "))
    terminal.type("begun", UP)
    assert terminal.paper.row == "> two"
    terminal.type(UP, UP)
    assert terminal.paper.row == "> one"
    assert terminal.paper.bells == 1
    terminal.type(DOWN, DOWN)
    assert terminal.paper.row == "> begun"
    assert terminal.type("\r") == ["begun"]


def test_so_many_lines_are_remembered() -> None:
    editor = LineEditor(history=map(str, range(2 * HISTORY)))
    assert len(editor.history) == HISTORY
    editor.feed(b"one more\r")
    editor.advance()
    assert len(editor.history) == HISTORY
    assert editor.history[-1] == "one more"


@pytest.mark.parametrize(("mask", "shown"), [("*", "Password: ******"), ("", "Password:")])
def test_a_password_is_not_shown_and_not_remembered(mask: str, shown: str) -> None:
    terminal = Terminal("Password: ", mask=mask)
    terminal.type("secret", UP)
    assert terminal.paper.row == shown
    assert terminal.type("\r") == ["secret"]
    assert terminal.editor.history == []


def test_nothing_is_shown_where_the_other_side_echoes() -> None:
    terminal = Terminal("", echo=False)
    assert terminal.type("hel\x7flo\r\n", "\x7f") == ["helo"]
    assert terminal.paper.rows == [[]]


def test_interrupt_and_end() -> None:
    terminal = Terminal()
    assert terminal.type("begun\x03never\r", "x\x04\x7f\x04") == [Key.INTERRUPT, Key.EOF]
    assert "".join(terminal.paper.rows[0]) == "> begun^C"


def test_a_long_line_is_shown_where_the_cursor_is() -> None:
    terminal = Terminal(columns=40)
    text = "".join(f"{number:03d} " for number in range(100))
    terminal.type(text)
    assert terminal.paper.row.endswith("098 099")
    assert terminal.paper.row.startswith("> ")
    terminal.type(HOME)
    assert terminal.paper.row.startswith("> 000 001")
    assert terminal.paper.at == 2
    assert terminal.type("\r") == [text]


def test_a_line_has_a_limit() -> None:
    terminal = Terminal()
    assert terminal.type("x" * LINE_LIMIT + "y" * 100)[:1] == []
    assert terminal.paper.bells == 1
    assert terminal.type("\r") == ["x" * LINE_LIMIT]


def test_what_is_said_meanwhile_stands_above_the_line() -> None:
    terminal = Terminal()
    terminal.type("half a li", LEFT)
    terminal.paper.show(terminal.editor.hide() + "Somebody came in.\r\n" + terminal.editor.reveal())
    assert ["".join(row).rstrip() for row in terminal.paper.rows] == ["Somebody came in.", "> half a li"]
    assert terminal.type(RIGHT, "ne\r") == ["half a line"]


def test_a_screen_that_was_disturbed_is_drawn_anew() -> None:
    terminal = Terminal()
    terminal.type("hello")
    terminal.paper.rows[-1] = list("XXXXXXX")
    terminal.type("\x0c")
    assert terminal.paper.row == "> hello"


def test_a_coloured_prompt_takes_no_more_room() -> None:
    editor = LineEditor(columns=20)
    editor.begin("\x1b[1;32mname:\x1b[0m ")
    editor.feed(b"x" * 40)
    shown, _ = editor.advance()
    assert len(shown) <= 20 - 1 - len("name: ")


def test_what_was_typed_ahead_can_be_had() -> None:
    editor = LineEditor()
    editor.feed(b"one\rtwo\rthr")
    assert editor.advance()[1] == "one"
    assert editor.rest() == "two\rthr"
    assert editor.rest() == ""


KEYS = st.lists(
    st.one_of(
        st.text("ab c日é\u0301", min_size=1, max_size=12).map(str.encode),
        st.sampled_from([LEFT, RIGHT, HOME, END, DELETE, UP, DOWN, b"\x7f", b"\x17", b"\x0b", b"\x15", b"\x0c", b"\x02\x02\x02"]),
    ),
    max_size=40,
)


@given(KEYS, st.sampled_from([20, 40, 80]))
def test_the_screen_shows_the_line_whatever_is_typed(keys: list[bytes], columns: int) -> None:
    terminal = Terminal(columns=columns)
    for key in keys:
        terminal.type(key)
        shown = terminal.paper.row[2:]
        assert shown in terminal.editor.text
        assert width("> " + shown) < columns
        if width(terminal.editor.text) <= columns - 3:
            assert shown == terminal.editor.text.rstrip(" ")
    line = terminal.editor.text
    assert terminal.type("\r") == [line]


@pytest.mark.parametrize(
    "typed", [b"ab\x02", b"\x10\x0e", b"\x1b[", b"\x1b[999999999999999999", b"\x08", b"e\xcc\x81", b"x" * 300 + b"\x17"]
)
def test_a_flood_of_keys_is_not_slow(typed: bytes) -> None:
    """As much as comes in one read; the bound is generous, and far below what work that grows with its square would take."""
    editor = LineEditor(history=["x" * 256] * HISTORY)
    editor.feed(typed * (65536 // len(typed)))
    begun = time.process_time()
    while editor.advance()[1] is not None:
        pass
    assert time.process_time() - begun < 5
