"""Parts of a representation: which bytes a Range field asks for, and the answer put together of them (RFC 9110 14).

Pure: a file is passed on as `FileSlice` and never read here, so a part of any size costs the same.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from wirespeak.contract import FileSlice, HasFileno

__all__ = ["MAX_RANGES", "Range", "content_range", "multipart", "parse_ranges", "part_of", "unsatisfied"]

# RFC 9110 14.1.1  range-spec = int-range / suffix-range     14.1.2: the byte ranges among them
#                  int-range = first-pos "-" [ last-pos ]    suffix-range = "-" suffix-length
# Eighteen digits hold every position below 10^18; a longer one is past the end of anything.
RANGE: Final = re.compile(r"[ \t]*+(?:([0-9]++)-([0-9]*+)|-([0-9]++))[ \t]*+")
DIGITS: Final = 18

# A Range field of more ranges than this is ignored (RFC 9110 14.2 lets a server), so that the work for one request and
# the length of its answer stay small: the parts never overlap, being joined, and at most so many heads of parts are
# added. Readers of PDF, who ask for the most parts, ask for some dozens at a time; Apache draws the line at 200.
MAX_RANGES: Final = 100

# Ranges nearer to each other than this are sent as one: the head of a part of its own takes about as much (15.3.7.2).
PART_OVERHEAD: Final = 100


class Range(NamedTuple):
    """The bytes from ``start`` up to, not including, ``stop``: as Python slices, and unlike HTTP's last-pos."""

    start: int
    stop: int


def parse_ranges(value: str, size: int) -> list[Range] | None:
    """The bytes that a Range field asks for of a representation of ``size`` bytes, apart from each other.

    None where the field is to be ignored (RFC 9110 14.2): another unit than bytes, no valid list, or too long a one. Empty
    where it is valid but nothing of it is there: 416 is the answer. Linear in the length of ``value``.
    """
    unit, equals, text = value.partition("=")
    # Names of units are not case-sensitive (14.1).
    if not equals or unit.lower() != "bytes" or text.count(",") >= MAX_RANGES:
        return None
    found: list[Range] = []
    asked = False
    for member in text.split(","):
        if not member.strip(" \t"):  # empty members of a list pass (5.6.1)
            continue
        match = RANGE.fullmatch(member)
        if match is None:
            return None
        asked = True
        first, last, suffix = match.groups()
        if suffix is not None:
            start, stop = max(0, size - _position(suffix)), size
        else:
            start = _position(first)
            if last and _position(last) < start:
                return None  # 14.1.1: such a range is invalid, and with it the field
            stop = min(size, _position(last) + 1) if last else size
        if start < stop:
            found.append(Range(start, stop))
    return _joined(found) if asked else None


def part_of(content: bytes | HasFileno, part: Range) -> bytes | FileSlice:
    """The bytes of ``part``, as a segment to send."""
    if isinstance(content, bytes):
        return content[part.start : part.stop]
    return FileSlice(content, part.start, part.stop - part.start)


def content_range(part: Range, size: int) -> str:
    """The value of Content-Range that goes with ``part`` (RFC 9110 14.4)."""
    return f"bytes {part.start}-{part.stop - 1}/{size}"


def unsatisfied(size: int) -> str:
    """The value of Content-Range that goes with 416: no part, but the size, for the client to ask better (RFC 9110 15.5.17)."""
    return f"bytes */{size}"


def multipart(content: bytes | HasFileno, parts: Sequence[Range], size: int, media_type: str, boundary: str) -> list[bytes | FileSlice]:
    """The body of a 206 of several parts (RFC 9110 14.6); its type is ``multipart/byteranges; boundary=…``.

    ``boundary`` must not occur in the content behind a line break: a random one won't (RFC 2046 5.1.1).
    """
    body: list[bytes | FileSlice] = []
    for part in parts:
        head = f"\r\n--{boundary}\r\nContent-Type: {media_type}\r\nContent-Range: {content_range(part, size)}\r\n\r\n"
        body += (head.encode("latin-1"), part_of(content, part))
    body.append(f"\r\n--{boundary}--\r\n".encode("latin-1"))
    return body


def _position(digits: str) -> int:
    digits = digits.lstrip("0")
    return int(digits or "0") if len(digits) <= DIGITS else 10**DIGITS


def _joined(ranges: list[Range]) -> list[Range]:
    """The ranges, those that overlap or nearly touch made one, in the order in which the first of each was asked for.

    RFC 9110 15.3.7.2 has it so: a reader asks first for what it needs first.
    """
    joined: list[tuple[int, Range]] = []
    for (start, stop), place in sorted((part, place) for place, part in enumerate(ranges)):
        if joined and start <= joined[-1][1].stop + PART_OVERHEAD:
            earliest, (first, last) = joined[-1]
            joined[-1] = (min(earliest, place), Range(first, max(last, stop)))
        else:
            joined.append((place, Range(start, stop)))
    return [part for _, part in sorted(joined)]
