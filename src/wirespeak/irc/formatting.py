"""How people dress their text on IRC: control characters that begin and end bold, colours and the like (Modern IRC: IRC Formatting).

    \\x02 bold   \\x1d italics   \\x1f underline   \\x1e struck through   \\x11 monospace   \\x16 reversed   \\x0f all of it ends
    \\x03 04,12  a colour out of 99, and one behind it; without a number the usual ones      \\x04 FF0000,0000FF  the same in RGB

`plain` takes all of that away; `spans` parts a text where its dress changes; `sgr` is a dress in the words of a terminal. Control
characters that are none of these stay: who shows the text sees to them. Pure: touches nothing outside.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

__all__ = ["Style", "plain", "sgr", "spans"]

_CODE: Final = re.compile(
    r"[\x02\x0f\x11\x16\x1d\x1e\x1f]"
    r"|\x03(?:([0-9]{1,2})(?:,([0-9]{1,2}))?)?"
    r"|\x04(?:([0-9A-Fa-f]{6})(?:,([0-9A-Fa-f]{6}))?)?"
)

_TOGGLES: Final = {"\x02": "bold", "\x1d": "italic", "\x1f": "underline", "\x1e": "struck", "\x16": "reversed", "\x11": "monospace"}

# The sixteen colours that all clients have, as the colours of ECMA-48 and aixterm: white, black, blue, green, red, brown, magenta, orange,
# yellow, light green, cyan, light cyan, light blue, pink, grey, light grey.
_SIXTEEN: Final = (97, 30, 34, 32, 91, 31, 35, 33, 93, 92, 36, 96, 94, 95, 90, 37)

# The colours 16 to 98, in xterm's 256 (Modern IRC: Colors 16-98).
_REST: Final = (
    *(52, 94, 100, 58, 22, 29, 23, 24, 17, 54, 53, 89, 88, 130, 142, 64, 28, 35, 30, 25, 18, 91, 90, 125),
    *(124, 166, 184, 106, 34, 49, 37, 33, 19, 129, 127, 161, 196, 208, 226, 154, 46, 86, 51, 75, 21, 171, 201, 198),
    *(203, 215, 227, 191, 83, 122, 87, 111, 63, 177, 207, 205, 217, 223, 229, 193, 157, 158, 159, 153, 147, 183, 219, 212),
    *(16, 233, 235, 237, 239, 241, 244, 247, 250, 254, 231),
)

_SGR: Final = {"bold": "1", "italic": "3", "underline": "4", "reversed": "7", "struck": "9"}


@dataclass(slots=True, frozen=True)
class Style:
    """A dress: ``marks`` by name ("bold", "italic" …), and colours, a number out of 99 or six hexadecimal digits, "" for the usual one."""

    marks: frozenset[str] = frozenset()
    colour: str = ""
    behind: str = ""


def plain(text: str) -> str:
    """``text`` undressed."""
    return _CODE.sub("", text)


def spans(text: str) -> Iterator[tuple[str, Style]]:
    """The parts of ``text``, each with its dress."""
    style, at = Style(), 0
    for match in _CODE.finditer(text):
        if match.start() > at:
            yield text[at : match.start()], style
        at = match.end()
        style = _after(style, match)
    if at < len(text):
        yield text[at:], style


def _after(style: Style, match: re.Match[str]) -> Style:
    """The dress behind a code."""
    code = match[0][0]
    if code == "\x0f":
        return Style()
    if code in _TOGGLES:
        return replace(style, marks=style.marks ^ {_TOGGLES[code]})
    colour, behind = (match[1], match[2]) if code == "\x03" else (match[3], match[4])
    if colour is None:
        return replace(style, colour="", behind="")
    return replace(style, colour=colour, behind=style.behind if behind is None else behind)


def sgr(style: Style) -> str:
    """What dresses the text behind it so (ECMA-48 8.3.117, SGR); "" for the usual. A terminal is monospace anyway."""
    codes = [code for name, code in _SGR.items() if name in style.marks]
    codes += [*_colour(style.colour, 0), *_colour(style.behind, 10)]
    return f"\x1b[{';'.join(codes)}m" if codes else ""


def _colour(colour: str, shift: int) -> list[str]:
    """The codes of a colour; ``shift`` is 10 for the one behind."""
    if len(colour) == 6:
        return [f"{38 + shift};2;{int(colour[:2], 16)};{int(colour[2:4], 16)};{int(colour[4:], 16)}"]
    if not colour or int(colour) > 98:
        return []
    number = int(colour)
    return [str(_SIXTEEN[number] + shift) if number < 16 else f"{38 + shift};5;{_REST[number - 16]}"]
