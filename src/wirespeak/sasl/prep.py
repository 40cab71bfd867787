"""SASLprep (RFC 4013): one form for names and passwords, however they were typed. Pure; the tables are the standard library's."""

from __future__ import annotations

import stringprep
from typing import Final
from unicodedata import ucd_3_2_0

from wirespeak.errors import TextError

__all__ = ["LONGEST", "saslprep"]

LONGEST: Final = 1024
"""Characters of a name or password. RFC 4616 2 has servers take 255 octets; a passphrase may be longer, a book is none."""

# RFC 4013 2.3: what may not be in either. Spaces other than ASCII's are mapped before, but NFKC can't bring them back.
PROHIBITED: Final = (
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,  # control characters
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


def saslprep(text: str, *, stored: bool = False) -> str:
    """``text`` prepared for being compared: as a query, or, with ``stored``, as what is kept to compare with.

    What is kept may hold no character that Unicode 3.2 does not know (RFC 4013 2.5), for its form could change yet. Raises
    `TextError` for text that is empty, too long, or holds what neither name nor password may; it never shows the text.
    """
    if not text or len(text) > LONGEST:
        raise TextError(f"a user name or password has 1 to {LONGEST} characters, not {len(text)}")
    if text.isascii() and text.isprintable():
        return text
    mapped = "".join(
        " " if stringprep.in_table_c12(char) else char  # RFC 4013 2.1
        for char in text
        if not stringprep.in_table_b1(char)
    )
    prepared = ucd_3_2_0.normalize("NFKC", mapped)  # RFC 4013 2.2, of the Unicode that the tables are of
    if not prepared:
        raise TextError("a user name or password holds nothing that counts (RFC 4013 2.1)")
    if any(prohibits(char) for char in prepared for prohibits in PROHIBITED):
        raise TextError("a user name or password holds a character that it may not (RFC 4013 2.3)")
    if stored and any(map(stringprep.in_table_a1, prepared)):
        raise TextError("a user name or password that is kept holds a character newer than Unicode 3.2 (RFC 4013 2.5)")
    _check_direction(prepared)
    return prepared


def _check_direction(text: str) -> None:
    """RFC 3454 6: text that runs from right to left does so from end to end."""
    if any(map(stringprep.in_table_d1, text)) and (
        any(map(stringprep.in_table_d2, text)) or not stringprep.in_table_d1(text[0]) or not stringprep.in_table_d1(text[-1])
    ):
        raise TextError("a user name or password mixes two directions of writing (RFC 4013 2.4)")
