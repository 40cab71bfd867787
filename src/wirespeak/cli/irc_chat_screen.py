"""The terminal of ``wirespeak irc chat``: a line to type in, kept below all that comes; history, and completion by the Tab key.

The line is edited by `telnet.LineEditor`, which asks no more of a terminal than characters and backspaces: so what came before stays in
the terminal's own scrolling, and nothing is redrawn but that one line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final
from unicodedata import combining, east_asian_width

from wirespeak.cli.telnet_keyboard import Keyboard
from wirespeak.telnet import LineEditor

__all__ = ["Screen", "Typed"]

# What keys are cut at: Enter and Tab, Ctrl-C, Ctrl-D and Ctrl-Z, and Alt with a digit. All else is the editor's.
_CUT: Final = re.compile(rb"(\r\n?|[\n\t\x03\x04\x1a]|\x1b[0-9])")
# Columns in front of what goes on in another line: as many as the time takes.
INDENT: Final = 6
# What colours text, and takes no room (ECMA-48 8.3.117, SGR).
_STYLE: Final = re.compile(r"\x1b\[[0-9;]*m")
ERASE_WORD: Final = b"\x17"
TO_END: Final = b"\x05"

Typed = tuple[str, str]
"""What was typed: ("line", text), ("window", number), ("interrupt", ""), ("end", ""), ("suspend", "")."""

Candidates = Callable[[str, bool], Sequence[str]]
"""Given the beginning of a word, and whether it is the first of the line: what it may become, the likeliest first."""


class Screen:
    """``keyboard`` is the terminal; ``candidates`` says how words can go on. `prompt` begins; then `show` and `typed`."""

    def __init__(self, keyboard: Keyboard, candidates: Candidates) -> None:
        self.keyboard = keyboard
        self._candidates = candidates
        self._editor = LineEditor()
        self._prompt = ""
        self._offered: list[str] = []  # what Tab goes through, and where it is
        self._place = 0

    def resized(self) -> None:
        """The terminal has another width now, or its first."""
        columns, _ = self.keyboard.size
        if columns:
            self._editor.columns = columns

    def _wrapped(self, line: str) -> str:
        """``line`` broken between words, what follows indented; words that are longer than a line, as addresses of pages, stay whole."""
        lines, used = [""], 0
        for word in line.split(" "):
            size = _columns(word)
            if used > INDENT and used + 1 + size > self._editor.columns:
                lines.append(" " * INDENT + word)
                used = INDENT + size
            else:
                lines[-1] += f" {word}" if used else word
                used += size + (1 if used else 0)
        return "\r\n".join(lines)

    def prompt(self, text: str) -> None:
        """From now on ``text`` stands in front of the line; what is typed already stays."""
        if text != self._prompt:
            self._write(self._editor.hide())
            line, self._prompt = self._editor.text, text
            self._editor.begin(text)
            self._editor.feed(line.encode())
            self._editor.advance()
            self._write(self._editor.reveal())

    def show(self, lines: Sequence[str]) -> None:
        """Show ``lines`` above the one that is typed."""
        if lines:
            self._write(self._editor.hide() + "".join(f"{self._wrapped(line)}\r\n" for line in lines) + self._editor.reveal())

    def redraw(self) -> None:
        """Show the line again, where the screen was another's meanwhile."""
        self._write("\r" + self._editor.reveal())

    def end(self) -> None:
        """Take the line off the screen."""
        self._write(self._editor.hide())

    def typed(self, keys: bytes) -> list[Typed]:
        """What the keys lead to, in order."""
        found: list[Typed] = []
        for part in _CUT.split(keys):
            if not part:
                continue
            if part == b"\t":
                self._complete()
                continue
            self._offered = []
            if part in (b"\r", b"\n", b"\r\n"):
                found += self._enter()
            elif part == b"\x1a":
                found.append(("suspend", ""))
            elif len(part) == 2 and part.startswith(b"\x1b"):
                found.append(("window", part[1:].decode()))
            else:
                found += self._edit(part)
        return found

    def _edit(self, keys: bytes) -> list[Typed]:
        before = self._editor.text
        self._editor.feed(keys)
        shown, event = self._editor.advance()
        if event is None:
            self._write(shown)
            return []
        # Ctrl-C, or Ctrl-D: the editor has left the line, and goes on with an empty one.
        self._write(shown + self._editor.begin(self._prompt))
        if keys == b"\x04":
            return [("end", "")]
        return [] if before else [("interrupt", "")]

    def _enter(self) -> list[Typed]:
        """The line is taken off the screen: what becomes of it is shown in its place."""
        self._write(self._editor.hide())
        self._editor.feed(b"\r")
        _, event = self._editor.advance()
        self._write(self._editor.begin(self._prompt))
        return [("line", event)] if isinstance(event, str) else []

    def _complete(self) -> None:
        """Put in the place of the word at the end what it may become: again and again, one after the other."""
        text = self._editor.text
        word = text.rpartition(" ")[2]
        if not self._offered:
            self._offered = list(self._candidates(word, " " not in text)) if word else []
            self._place = -1
            if not self._offered:
                self._write("\a")
                return
        self._place = (self._place + 1) % len(self._offered)
        # The word goes, and the space behind it where it is one that was completed.
        self._editor.feed(TO_END + ERASE_WORD + self._offered[self._place].encode() + b" ")
        shown, _ = self._editor.advance()
        self._write(shown)

    def _write(self, text: str) -> None:
        if text:
            self.keyboard.write(text.encode("utf-8", "replace"))


def _columns(word: str) -> int:
    """The columns that ``word`` takes."""
    text = _STYLE.sub("", word)
    return len(text) if text.isascii() else sum(0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text)
