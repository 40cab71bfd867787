"""What a visitor's terminal can show: its size, its colours, its letters; and text laid out for that.

A `Screen` is made of what the peer told: window size (RFC 1073), terminal type (RFC 1091), environment (RFC 1572). It lays out
menus, tables and paragraphs for 40 columns as well as for 200, in colours or without. `clean` makes text that someone else wrote
safe to be shown: nothing in it can move the cursor, answer back, or pretend to be something else.

Pure: touches nothing outside.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from wirespeak.telnet.lines import cells, width

__all__ = ["COLUMNS", "ROWS", "Screen", "clean"]

COLUMNS: Final = 80
ROWS: Final = 24
"""The size of a terminal that doesn't tell: that of a VT100."""
# A window is believed to be no smaller and no larger than this: NAWS may say anything from 0 to 65,535 (RFC 1073 2).
LEAST_COLUMNS: Final = 20
MOST_COLUMNS: Final = 500
MOST_ROWS: Final = 500
# Columns that a table's column keeps, however narrow the screen.
LEAST_COLUMN: Final = 3

# Families of terminals that show colours by ECMA-48's SGR; others (dumb, vt100, unknown, network …) are left plain.
_COLOURED: Final = re.compile(
    r"xterm|linux|screen|tmux|rxvt|putty|konsole|gnome|vte|alacritty|kitty|foot|iterm|cygwin|ansi|pcansi|color|mintty|st-|mudlet|tintin|wezterm"
)
_STYLES: Final = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
}
"""By name, the parameter of SGR (ECMA-48 8.3.117)."""

# MTTS (Mud Terminal Type Standard): what the bits mean that a client tells in place of a third name.
MTTS_ANSI: Final = 1
MTTS_UTF8: Final = 4


class _Clean(dict[int, str]):
    """For `str.translate`: what does not print becomes an escape that says what it was."""

    def __missing__(self, code: int) -> str:
        if chr(code).isprintable():
            return chr(code)
        return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


_CLEAN: Final = _Clean({9: " ", 10: "\n"})


def clean(text: str) -> str:
    """``text`` by anyone, without anything that a terminal would obey; its lines end in LF."""
    return text.replace("\r\n", "\n").translate(_CLEAN)


@dataclass(slots=True)
class Screen:
    """What can be shown, and where. ``utf8``: letters beyond ASCII, too; they become question marks elsewhere."""

    columns: int = COLUMNS
    rows: int = ROWS
    colours: bool = False
    utf8: bool = True

    def resize(self, columns: int, rows: int) -> None:
        """The window is so large now; 0 leaves a dimension as it is (RFC 1073 2: "not specified")."""
        self.columns = min(max(columns, LEAST_COLUMNS), MOST_COLUMNS) if columns else self.columns
        self.rows = min(rows, MOST_ROWS) if rows else self.rows

    def learn(self, terminal: str = "", mtts: int | None = None, variables: Mapping[str, str | None] | None = None) -> None:
        """Take in what the peer tells of its terminal. NO_COLOR, set to anything but nothing, means no colours (no-color.org)."""
        variables = variables or {}
        coloured = _COLOURED.search(terminal.lower()) is not None if mtts is None else bool(mtts & MTTS_ANSI)
        self.colours = (coloured or bool(variables.get("COLORTERM"))) and not variables.get("NO_COLOR")
        language = variables.get("LC_ALL") or variables.get("LC_CTYPE") or variables.get("LANG")
        if mtts is not None:
            self.utf8 = bool(mtts & MTTS_UTF8)
        elif language:
            self.utf8 = "utf-8" in language.lower() or "utf8" in language.lower()

    # --- text

    def style(self, text: str, *styles: str) -> str:
        """``text`` in those styles ("bold", "green" …), where the terminal has them."""
        if not self.colours or not text:
            return text
        return f"\x1b[{';'.join(_STYLES[style] for style in styles)}m{text}\x1b[0m"

    def encode(self, text: str) -> bytes:
        """``text`` as it goes to the peer: each line's end as CR LF (RFC 854), the letters as far as the terminal has them."""
        text = text.replace("\r\n", "\n").replace("\n", "\r\n")
        return text.encode("utf-8" if self.utf8 else "ascii", "replace")

    def cut(self, text: str, columns: int) -> str:
        """As much of one line of ``text`` as fits into ``columns``; an ellipsis tells that there was more."""
        if width(text) <= columns:
            return text
        mark = "…" if self.utf8 else "."
        taken, used = [], 1
        for cell in cells(text):
            used += width(cell)
            if used > columns:
                break
            taken.append(cell)
        return "".join(taken) + mark if columns > 0 else ""

    def wrap(self, text: str, *, indent: int = 0) -> str:
        """``text`` in lines that fit, broken between words; a word that is longer than a line is broken where that ends."""
        room = max(8, self.columns - 1 - indent)
        lines: list[str] = []
        for paragraph in text.split("\n"):
            line = ""
            for word in paragraph.split(" "):
                if line and width(line) + 1 + width(word) > room:
                    lines.append(line)
                    line = word
                else:
                    line = f"{line} {word}" if line else word
                while width(line) > room:
                    fitting = self._fitting(line, room)
                    lines.append(fitting)
                    line = line[len(fitting) :]
            lines.append(line)
        return "\n".join((" " * indent + line).rstrip() for line in lines)

    @staticmethod
    def _fitting(text: str, room: int) -> str:
        if text.isascii():
            return text[:room]
        used, taken = 0, ""
        for cell in cells(text):
            used += width(cell)
            if used > room and taken:
                break
            taken += cell
        return taken

    # --- layout

    def heading(self, text: str) -> str:
        """A title, and a line under it."""
        title = self.cut(text, self.columns - 1)
        return f"{self.style(title, 'bold')}\n{('─' if self.utf8 else '-') * width(title)}"

    def menu(self, items: Sequence[tuple[str, str]]) -> str:
        """Items by key and words, one a line; in two columns where there is room for these, and more than six."""
        key_width = max((width(key) for key, _ in items), default=0)
        plain = [f"{key:>{key_width}}  {words}" for key, words in items]
        longest = max(map(width, plain), default=0)
        styled = [
            f"{' ' * (key_width - width(key))}{self.style(key, 'bold', 'cyan')}  {self.cut(words, self.columns - key_width - 5)}"
            for key, words in items
        ]
        if len(items) <= 6 or 2 * longest + 6 >= self.columns:
            return "\n".join(f"  {line}" for line in styled)
        half = (len(items) + 1) // 2
        pad = [line + " " * (longest - width(bare)) for line, bare in zip(styled, plain, strict=True)]
        return "\n".join(f"  {left}    {right}".rstrip() for left, right in zip(pad[:half], [*styled[half:], ""], strict=False))

    def table(self, rows: Sequence[Sequence[str]], *, head: Sequence[str] = ()) -> str:
        """Rows of cells, one under the other; where they don't fit, the widest column is cut, and at last what stands behind."""
        every = [list(map(str, row)) for row in ([head, *rows] if head else rows)]
        if not every:
            return ""
        widths = [max(width(row[number]) if number < len(row) else 0 for row in every) for number in range(max(map(len, every)))]
        room = self.columns - 1 - 2 * (len(widths) - 1)
        while sum(widths) > room and max(widths) > LEAST_COLUMN:
            widest = widths.index(max(widths))
            following = max([LEAST_COLUMN, *widths[:widest], *widths[widest + 1 :]])
            widths[widest] -= min(sum(widths) - room, max(1, widths[widest] - following))
        lines = []
        for number, row in enumerate(every):
            shown = [self.cut(cell, size) for cell, size in zip(row, widths, strict=False)]
            line = "  ".join(cell + " " * (size - width(cell)) for cell, size in zip(shown, widths, strict=False)).rstrip()
            line = self.cut(line, self.columns - 1)
            lines.append(self.style(line, "dim") if head and not number else line)
        return "\n".join(lines)
