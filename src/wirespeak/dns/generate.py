"""``$GENERATE``: one line of a zone file that stands for many alike (BIND 9's Reference Manual, "The $GENERATE Directive").

    $GENERATE 1-3 host-$ A 192.0.2.$

is read as ``host-1 A 192.0.2.1`` and so on to 3. The range may have a step, ``0-100/2``; a ``$`` may have modifiers,
``${offset,width,base}``: what is added to the number, how many digits it has at least, and which (``d`` decimal, ``o``
octal, ``x`` and ``X`` hexadecimal; ``n`` and ``N`` are hexadecimal digits from the last to the first with dots in between, as
ip6.arpa has them, their width counted with the dots). ``$$`` and ``\\$`` are the sign itself.
"""

from __future__ import annotations

import re
from typing import Final

from wirespeak.errors import TextError

__all__ = ["Template", "read_range"]

RANGE: Final = re.compile(r"([0-9]{1,10})-([0-9]{1,10})(?:/([0-9]{1,10}))?", re.ASCII)
# BIND counts in 32 bits with a sign, so what it reads is below.
MAX_NUMBER: Final = (1 << 31) - 1

# A sign with what belongs to it; the backslash takes the next character along, so an escaped sign stays as it is.
SIGN: Final = re.compile(r"\\.|\$\$|\$(?:\{([^}]*)\}?)?", re.DOTALL)
MODIFIERS: Final = re.compile(r"(-?[0-9]{1,10})(?:,([0-9]{1,3})(?:,([doxXnN]))?)?", re.ASCII)
# More digits than that fit in no name (RFC 1035 2.3.4).
MAX_WIDTH: Final = 255


def read_range(text: str) -> range:
    """The numbers of ``start-stop`` or ``start-stop/step``, both ends included. Raises `TextError`."""
    match = RANGE.fullmatch(text)
    if match is None:
        raise TextError(f"{text[:40]!r} is no range, such as 1-100 or 0-254/2")
    start, stop, step = int(match[1]), int(match[2]), int(match[3] or 1)
    if start > stop or stop > MAX_NUMBER or not step:
        raise TextError(
            f"the range {text!r} leads nowhere: from the smaller to the larger number, at most {MAX_NUMBER}, in steps of 1 or more"
        )
    return range(start, stop + 1, step)


class Template:
    """A word, or the data, of a ``$GENERATE`` line. Raises `TextError` where its modifiers can't be read."""

    def __init__(self, text: str) -> None:
        # What stands between the signs, one more than there are signs; and offset, width, base of each sign.
        self._between = [""]
        self._signs: list[tuple[int, int, str]] = []
        at = 0
        for match in SIGN.finditer(text):
            self._between[-1] += text[at : match.start()]
            at = match.end()
            if match[0][0] == "\\":
                self._between[-1] += match[0]
            elif match[0] == "$$":
                self._between[-1] += "\\$"
            else:
                self._signs.append(_modifiers(match))
                self._between.append("")
        self._between[-1] += text[at:]

    def at(self, number: int) -> str:
        """The text for one number of the range. Raises `TextError` where it has no form in the base that is asked for."""
        pieces = [self._between[0]]
        for (offset, width, base), following in zip(self._signs, self._between[1:], strict=True):
            pieces += (_digits(number + offset, width, base), following)
        return "".join(pieces)


def _modifiers(match: re.Match[str]) -> tuple[int, int, str]:
    if match[1] is None:
        return 0, 0, "d"
    found = MODIFIERS.fullmatch(match[1])
    if found is None or not match[0].endswith("}") or int(found[2] or 0) > MAX_WIDTH:
        raise TextError(f"{match[0][:40]!r} has no modifiers such as ${{0,3,d}}: offset, width up to {MAX_WIDTH}, and d, o, x, X, n or N")
    return int(found[1]), int(found[2] or 0), found[3] or "d"


def _digits(number: int, width: int, base: str) -> str:
    if base == "d":
        return f"{number:0{width}d}"
    if number < 0:
        raise TextError(f"the offset leads to {number}, which has digits in decimal only")
    if base not in "nN":
        return f"{number:0{width}{base}}"
    # Each digit but the last takes a dot with it, so a width that is not odd ends in a dot, as it does in BIND.
    digits = f"{number:{'x' if base == 'n' else 'X'}}".zfill((width + 1) // 2)[::-1]
    return ".".join(digits) + ("." if width == 2 * len(digits) else "")
