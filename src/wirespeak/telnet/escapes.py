"""What a host's text may do to our terminal: move the cursor, colour, erase, scroll; and nothing that answers back.

A terminal obeys sequences of control characters (ECMA-48), and some make it *type*: asked for its position, its title or its
version, it answers as if its user had, into a shell perhaps. Others write the title, the clipboard or a printer. So what may pass is
listed here, as much as full-screen programs need, and all else is dropped: what is not known can do no harm.

Pure: touches nothing outside.
"""

from __future__ import annotations

import codecs
import re
from typing import Final

__all__ = ["EscapeFilter"]

SEQUENCE_LIMIT: Final = 256
"""Characters of a sequence that is kept until it is whole; the longest in use, colours for all, have some dozens."""

STRING_LIMIT: Final = 16 << 10
"""Characters of a control string (a title, a picture) that are dropped while its end has not come. A terminal would wait on; but
who looks at a file that is no text wants to see what follows."""

# ECMA-48 5.4, 8.3; with xterm's control sequences (ctlseqs). CSI, its parameters, and the last character: those that move (ABCDEFGHI`adef),
# erase (JKX), insert, delete and repeat (@LMPb), scroll (ST r), set tabs and colours (Z g m), save and restore the cursor (s u).
_HARMLESS: Final = re.compile(
    r"""
    \x1b\[ [0-9;:]* [@A-MPSTXZ`abdefgmrsu]
    | \x1b\[ \? [0-9;]* [JK]                                    # selective erasing
    | \x1b\[ (?: 4 | 20 )? [hl]                                 # insert mode, line feeds; not 2, which locks the keyboard
    | \x1b\[ \? (?:MODE) (?: ; (?:MODE) )* [hlsr]
    | \x1b\[ !p | \x1b\[ [0-6]? [ ]q                            # a soft reset; the cursor's shape
    | \x1b [78DEHMc=>NO]                                        # cursor kept and restored, index, next line, tab, reset, keypad
    | \x1b \# [3-68] | \x1b [()*+] [0-9A-Z<=>]                  # size of characters; drawing characters
    """.replace(
        # xterm's private modes: cursor keys, 132 columns, scrolling, reverse, origin, wrap, repeat, the cursor, the keypad, the other
        # screen, the mouse (which reports only what its user does), the wheel, pasting, an update shown at once. Not focus (1004),
        # colours (2031) and size (2048), which a terminal reports by itself; nor VT52 (2), where sequences have another form.
        "MODE",
        "[13-9]|12|25|45|47|66|69|100[02356]|1007|1015|1016|1047|1048|1049|2004|2026",
    ),
    re.VERBOSE,
)

# Where a control string begins (a title, a picture, a command to a multiplexer: tmux reads ESC k as one), and what is in it.
_STRING: Final = r"(?: \x1b[]PX^_k] | [\x90\x98\x9d-\x9f] ) [^\x07\x18\x1a\x1b\x80-\x9f]*+"

# What begins with an escape, or with the one character that stands for an escape and another (C1); and single controls.
_CONTROL: Final = re.compile(
    rf"""
    (?: \x1b\[ | \x9b ) [0-?]*+ [ -/]*+ [@-~]                      # a control sequence
    | {_STRING} (?: \x1b\\ | [\x07\x18\x1a\x9c] )?                 # a string, up to its end or what breaks it off
    | \x1b [ -/]++ [0-~]                                           # such as drawing characters
    | \x1b [0-Z\\`-~]
    | \x1b (?: \[ [0-?]*+ )? [ -/]*+                               # broken off by what can't belong to it
    | [\x00-\x06\x10-\x1a\x1c-\x1f\x7f-\x9f]
    """,
    re.VERBOSE,
)

# One of those, which may go on behind what has come.
_BEGUN: Final = re.compile(rf"(?: (?: \x1b\[ | \x9b ) [0-?]*+ [ -/]*+ | (?P<string> {_STRING} \x1b? ) | \x1b [ -/]*+ ) \Z", re.VERBOSE)

_ANY: Final = re.compile(r"[\x00-\x06\x10-\x1f\x7f-\x9f]")


class EscapeFilter:
    """The host's bytes in, text for the terminal out, in pieces as they come. The bytes are ``charset``, UTF-8 unless told."""

    def __init__(self, charset: str = "utf-8") -> None:
        self._decoder = codecs.getincrementaldecoder(charset)("replace")
        self._kept = ""  # a sequence that isn't whole

    def feed(self, data: bytes) -> str:
        """What of ``data``, and of what was kept of the last, may be shown."""
        text = self._kept + self._decoder.decode(data)
        self._kept = ""
        if not _ANY.search(text):
            return text
        begun = _BEGUN.search(text)
        if begun is not None:
            kept = text[begun.start() :]
            if len(kept) <= (STRING_LIMIT if begun["string"] else SEQUENCE_LIMIT):
                self._kept = kept
            text = text[: begun.start()]
        return _CONTROL.sub(_harmless, text)


def _harmless(control: re.Match[str]) -> str:
    """What is left of a control sequence: all of it, or nothing."""
    sequence = control[0].replace("\x9b", "\x1b[", 1)
    return sequence if _HARMLESS.fullmatch(sequence) else ""
