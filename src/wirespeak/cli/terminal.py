"""What a peer sent, shown at a terminal: nothing in it can move the cursor, change colours or read what is typed.

Piped to a program or a file, the same bytes go out as they came. Touches nothing but the streams that it is given.
"""

from __future__ import annotations

import codecs
import os
from typing import BinaryIO, TextIO

__all__ = ["BinaryOutput", "TextOutput", "has_colour", "printable"]

# Where a NUL or the like would be, if it is no text: curl looks at as many bytes.
SAMPLE = 2000


class _Printable(dict[int, str]):
    """For `str.translate`: what does not print, but for line ends and tabs, becomes an escape that says what it was."""

    def __missing__(self, code: int) -> str:
        if chr(code).isprintable():
            return chr(code)
        return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


_PRINTABLE = _Printable({10: "\n", 9: "\t"})


def printable(text: str) -> str:
    """``text`` without anything that a terminal would obey."""
    return text.replace("\r\n", "\n").translate(_PRINTABLE)


def has_colour(stream: TextIO) -> bool:
    """Whether what is written to ``stream`` may have colours."""
    return stream.isatty() and not os.environ.get("NO_COLOR")


class BinaryOutput(Exception):
    """What was to be shown at a terminal is no text."""


class TextOutput:
    """Bytes shown as text at a terminal, as they come."""

    def __init__(self, stream: BinaryIO, charset: str = "utf-8") -> None:
        try:
            make = codecs.getincrementaldecoder(charset)
        except LookupError:
            make = codecs.getincrementaldecoder("utf-8")
        self._decoder = make("replace")
        self._stream = stream
        self._sampled = 0
        self._kept = ""  # a carriage return, whose line feed may follow
        self._line_open = False

    def write(self, data: bytes) -> None:
        """Show ``data``. Raises `BinaryOutput`, before anything of it is shown, where the first bytes are no text."""
        if self._sampled < SAMPLE:
            if b"\0" in data[: SAMPLE - self._sampled]:
                raise BinaryOutput
            self._sampled += len(data)
        self._show(self._kept + self._decoder.decode(data))

    def _show(self, text: str, *, last: bool = False) -> None:
        self._kept = "\r" if text.endswith("\r") and not last else ""
        shown = printable(text.removesuffix(self._kept))
        if shown:
            self._line_open = not shown.endswith("\n")
            self._stream.write(shown.encode("utf-8", "replace"))
            self._stream.flush()

    def end(self) -> None:
        """Show what is left, and end the last line, so that the prompt stands on one of its own."""
        self._show(self._kept + self._decoder.decode(b"", True), last=True)
        if self._line_open:
            self._stream.write(b"\n")
            self._stream.flush()
