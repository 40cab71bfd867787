"""Editing a line, as a pure machine: keys in; what the screen is to show, and whole lines, out.

Where the server echoes (RFC 857) and go-aheads are suppressed (RFC 858), each key comes by itself, and what the visitor sees of it is
ours to send: `LineEditor` keeps the line, and says how the screen follows. Where the visitor's own side edits the line, whole
lines come, and nothing is echoed; the machine is the same.

The screen is asked for no more than the NVT's printer can do (RFC 854): characters and BS. What changed is written over, and
what remains is left alone: so it works at any terminal, in any width. A line longer than the screen is shown in part, the
part where the cursor is.

    typed     h a l l o  BS BS BS BS  e
    screen    hallo\\b\\b\\b\\b           allo\\b\\b\\b\\b → ello …

Pure: touches nothing outside.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Iterable
from enum import Enum
from itertools import accumulate
from typing import Final, TypeAlias

__all__ = ["LINE_LIMIT", "EditedLine", "Key", "LineEditor", "cells", "width"]

LINE_LIMIT: Final = 4096
"""Characters of a line: as many as a terminal's own line editing takes (termios(3), canonical mode). More are not taken."""
HISTORY: Final = 100
"""Lines that are remembered, to be had again by the arrow keys."""
# Characters of a line that is remembered: nobody types a longer one twice, and to bring back long ones without end would be work.
REMEMBERED: Final = 256
# A key's escape sequence is never longer; what goes on beyond it is none.
SEQUENCE_LIMIT: Final = 16

# What colours a prompt, and takes no room (ECMA-48 8.3.117, SGR).
_STYLE: Final = re.compile(r"\x1b\[[0-9;]*m")

BEL: Final = "\a"
BS: Final = "\b"


class Key(Enum):
    """What a key means, where it isn't a character. By the control characters and sequences that terminals send."""

    ENTER = "enter"
    INTERRUPT = "interrupt"  # Ctrl-C
    EOF = "eof"  # Ctrl-D, where the line is empty; else as DELETE
    ERASE = "erase"  # the character before the cursor
    ERASE_WORD = "erase word"
    ERASE_LINE = "erase line"
    ERASE_REST = "erase rest"
    DELETE = "delete"  # the character at the cursor
    LEFT = "left"
    RIGHT = "right"
    HOME = "home"
    END = "end"
    OLDER = "older"
    NEWER = "newer"
    REDRAW = "redraw"


_CONTROLS: Final = {
    "\x01": Key.HOME,
    "\x02": Key.LEFT,
    "\x03": Key.INTERRUPT,
    "\x04": Key.EOF,
    "\x05": Key.END,
    "\x06": Key.RIGHT,
    "\x08": Key.ERASE,
    "\x0b": Key.ERASE_REST,
    "\x0c": Key.REDRAW,
    "\x0e": Key.NEWER,
    "\x10": Key.OLDER,
    "\x15": Key.ERASE_LINE,
    "\x17": Key.ERASE_WORD,
    "\x7f": Key.ERASE,
}
_SEQUENCES: Final = {  # by the last character and the number, of ECMA-48's CSI or of SS3
    "A": Key.OLDER,
    "B": Key.NEWER,
    "C": Key.RIGHT,
    "D": Key.LEFT,
    "H": Key.HOME,
    "F": Key.END,
    "1~": Key.HOME,
    "7~": Key.HOME,
    "4~": Key.END,
    "8~": Key.END,
    "3~": Key.DELETE,
}

# What keys send: a run of characters; the end of a line, as the NVT says it or by one of its halves; a sequence; a control character.
_TYPED: Final = re.compile(
    r"""
    (?P<text>[^\x00-\x1f\x7f-\x9f]+)
    | (?P<enter>\r\n?|\n)
    | \x1b (?: \[ (?P<csi>[0-?]*[ -/]*[@-~]) | O (?P<ss3>[@-~]) | (?P<meta>[^\x00-\x1f\[O]) )
    | (?P<control>.)
    """,
    re.DOTALL | re.VERBOSE,
)
_BEGUN: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|O)?", re.DOTALL)


class EditedLine(str):
    """A line that was entered, without its end."""


Event: TypeAlias = EditedLine | Key
"""What `LineEditor.advance` tells of: a line, `Key.INTERRUPT`, or `Key.EOF`."""


def width(text: str) -> int:
    """The columns that ``text`` takes on a screen: two for wide characters (Unicode Standard Annex 11), none for combining ones."""
    if text.isascii():
        return len(text)
    return sum(map(_width, text))


def _width(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def cells(text: str) -> list[str]:
    """``text`` in parts that the cursor steps over one at a time: each a character, with the combining ones behind it."""
    if text.isascii():
        return list(text)
    parts: list[str] = []
    for character in text:
        if parts and not _width(character):
            parts[-1] += character
        else:
            parts.append(character)
    return parts


class LineEditor:
    """One visitor's line. `feed` takes what was typed, `advance` gives what came of it, up to the next event.

    ``echo``: whether what is typed is to be shown by us. ``columns``: the width of the screen. Both may change at any time.
    """

    def __init__(self, *, echo: bool = True, columns: int = 80, history: Iterable[str] = ()) -> None:
        self.echo = echo
        self.columns = columns
        self.history = list(history)[-HISTORY:]
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._typed = ""
        self._at = 0  # how much of that is dealt with
        self._after_cr = False
        self._said: list[str] = []  # for the screen, and not yet given out
        self._bell = False
        self._prompt, self._prompt_width = "", 0
        self._mask: str | None = None
        self._reset()

    def _reset(self) -> None:
        self._line: list[str] = []
        self._cursor = 0
        self._size = 0  # characters in the line
        self._recalled = len(self.history)  # which of the history is shown; behind the last: none
        self._kept = ""  # the line, while another one is recalled
        self._from = 0  # the first cell that is shown
        self._shown: list[str] = []
        self._shown_cursor = 0

    @property
    def text(self) -> str:
        """The line as it stands."""
        return "".join(self._line)

    def begin(self, prompt: str = "", *, mask: str | None = None) -> str:
        """Start a line behind ``prompt``: what the screen is to show. With ``mask``, each character is shown as that ("" for none)."""
        self._prompt, self._prompt_width = prompt, width(_STYLE.sub("", prompt))
        self._mask = mask
        self._reset()
        return prompt

    # --- what is typed

    def feed(self, data: bytes) -> None:
        """Take in what came: UTF-8, or what is left of it where it isn't."""
        self._typed = self._typed[self._at :] + self._decoder.decode(data)
        self._at = 0

    def rest(self) -> str:
        """What was typed ahead, and is not dealt with; it is given away by that."""
        rest = self._typed[self._at :]
        self.forget()
        return rest

    def forget(self) -> None:
        """Drop what was typed ahead."""
        self._typed, self._at = "", 0

    def advance(self) -> tuple[str, Event | None]:
        """Deal with what was typed, up to the next event: what the screen is to show, and that event, or None where all is done."""
        event = None
        while event is None and self._at < len(self._typed) and (typed := self._next()) is not None:
            if isinstance(typed, Key):
                event = self._press(typed)
            else:
                self._insert(typed)
        return self._news(), event

    def press(self, key: Key) -> tuple[str, Event | None]:
        """A key that didn't come as a character: what the screen is to show, and the event that it leads to."""
        event = self._press(key)
        return self._news(), event

    def _news(self) -> str:
        """What the screen is to show of all that happened since this was last asked."""
        said, self._said = "".join(self._said) + self._show(), []
        if self._bell:
            self._bell = False
            said += BEL
        return said if self.echo else ""

    def _next(self) -> str | Key | None:
        """The next run of characters, or key; None where more has to come. "" stands for keys without a meaning here."""
        begun = _BEGUN.match(self._typed, self._at)
        if begun is not None and begun.end() == len(self._typed) and len(begun[0]) < SEQUENCE_LIMIT:
            return None
        match = _TYPED.match(self._typed, self._at)
        assert match is not None
        after_cr, self._after_cr = self._after_cr, False
        self._at = match.end()
        kind = match.lastgroup
        if kind == "text":
            return match[0]
        if kind == "enter":
            if after_cr and match[0] == "\n":
                return ""  # the second half of CR LF, come by itself
            self._after_cr = match[0] == "\r"
            return Key.ENTER
        if kind == "control":
            return " " if match[0] == "\t" else _CONTROLS.get(match[0], "")
        if kind == "meta":
            return ""
        return _SEQUENCES.get(match["csi"] or match["ss3"], "")

    def _press(self, key: Key) -> Event | None:
        if key is Key.ENTER:
            return self._enter()
        if key is Key.INTERRUPT:
            self.forget()
            self._leave("^C")
            return Key.INTERRUPT
        if key is Key.EOF and not self._line:
            self._leave("")
            return Key.EOF
        self._edit(key)
        return None

    def _edit(self, key: Key) -> None:
        at, line = self._cursor, self._line
        match key:
            case Key.ERASE:
                self._replace(max(0, at - 1), at)
            case Key.DELETE | Key.EOF:
                self._replace(at, at + 1) if at < len(line) else self._refuse()
            case Key.ERASE_LINE:
                self._replace(0, len(line))
            case Key.ERASE_REST:
                self._replace(at, len(line))
            case Key.ERASE_WORD:
                self._replace(self._word(), at)
            case Key.OLDER:
                self._recall(self._recalled - 1)
            case Key.NEWER:
                self._recall(self._recalled + 1)
            case Key.REDRAW:
                self._said.append(self.hide() + self._prompt)
                self._shown, self._shown_cursor = [], 0
            case _:
                self._cursor = {Key.LEFT: max(0, at - 1), Key.RIGHT: min(len(line), at + 1), Key.HOME: 0, Key.END: len(line)}[key]

    def _word(self) -> int:
        """Where the word before the cursor begins."""
        begin = self._cursor
        while begin and self._line[begin - 1] == " ":
            begin -= 1
        while begin and self._line[begin - 1] != " ":
            begin -= 1
        return begin

    def _insert(self, text: str) -> None:
        fitting = text[: LINE_LIMIT - self._size]
        if len(fitting) < len(text):
            self._refuse()
        new = cells(fitting)
        if new and not width(new[0]):  # combines with what stands there already
            combining = new.pop(0)
            if self._cursor:
                self._line[self._cursor - 1] += combining
            else:
                fitting = fitting[len(combining) :]  # that would be the prompt
        self._line[self._cursor : self._cursor] = new
        self._size += len(fitting)
        self._cursor += len(new)

    def _replace(self, begin: int, end: int, new: str = "") -> None:
        """The cells from ``begin`` to ``end`` become ``new``, and the cursor stands behind that."""
        self._size += len(new) - len("".join(self._line[begin:end]))
        parts = cells(new)
        self._line[begin:end] = parts
        self._cursor = begin + len(parts)

    def _recall(self, number: int) -> None:
        if self._mask is not None or not 0 <= number <= len(self.history):
            self._refuse()
            return
        if self._recalled == len(self.history):
            self._kept = self.text
        self._recalled = number
        self._replace(0, len(self._line), self.history[number] if number < len(self.history) else self._kept)

    def _refuse(self) -> None:
        self._bell = True

    def _enter(self) -> EditedLine:
        line = EditedLine(self.text)
        if self._mask is None and line.strip() and len(line) <= REMEMBERED and self.history[-1:] != [line]:
            self.history = [*self.history[1 - HISTORY :], line]
        self._leave("")
        return line

    def _leave(self, mark: str) -> None:
        """Go to the next line, and begin anew."""
        self._cursor = len(self._line)
        self._said.append(self._show() + mark + "\r\n")
        self._prompt, self._prompt_width = "", 0
        self._reset()

    # --- what is shown

    def _show(self) -> str:
        """What makes the screen show the line as it is now: from the first cell on that differs."""
        if not self.echo:
            return ""
        line, cursor = self._view()
        same = 0
        for old, new in zip(self._shown, line, strict=False):
            if old != new:
                break
            same += 1
        if self._shown == line:
            out = self._move(self._shown_cursor, cursor, line)
        else:
            rest = width("".join(self._shown[same:])) - width("".join(line[same:]))
            out = self._move(self._shown_cursor, same, self._shown) + "".join(line[same:])
            if rest > 0:
                out += " " * rest + BS * rest
            out += self._move(len(line), cursor, line)
        self._shown, self._shown_cursor = line, cursor
        return out

    def _view(self) -> tuple[list[str], int]:
        """The cells that are shown, and where among them the cursor stands."""
        line = self._line if self._mask is None else [self._mask] * len(self._line)
        room = max(8, self.columns - 1 - self._prompt_width)  # the last column is left free: written to, some terminals wrap
        before = list(accumulate(map(width, line), initial=0))  # the columns in front of each cell
        if before[-1] <= room:
            self._from = 0
        elif self._cursor < self._from:
            self._from = max(0, self._cursor - room // 2)
        elif before[self._cursor] - before[self._from] > room:
            while before[self._cursor] - before[self._from] > room // 2:
                self._from += 1
        view: list[str] = []
        taken = 0
        for cell in line[self._from :]:
            taken += width(cell)
            if taken > room:
                break
            view.append(cell)
        return view, self._cursor - self._from

    @staticmethod
    def _move(begin: int, end: int, line: list[str]) -> str:
        """From one cell to another: back by BS, forward by writing what is there already."""
        return BS * width("".join(line[end:begin])) if end <= begin else "".join(line[begin:end])

    def hide(self) -> str:
        """What takes prompt and line off the screen, so that something else can be shown there."""
        if not self.echo:
            return ""
        before = self._prompt_width + width("".join(self._shown[: self._shown_cursor]))
        columns = self._prompt_width + width("".join(self._shown))
        return BS * before + " " * columns + BS * columns

    def reveal(self) -> str:
        """What brings them back."""
        if not self.echo:
            return self._prompt
        self._shown, self._shown_cursor = [], 0
        return self._prompt + self._show()
