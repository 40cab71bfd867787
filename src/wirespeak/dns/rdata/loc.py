"""Where something stands on the earth (LOC, RFC 1876): latitude, longitude, altitude, and how big and how sure that is.

    example. LOC 42 21 54.000 N 71 6 18.000 W -24.00m 30m 10000m 10m

Angles are thousandths of a second of arc, from 2^31 at the equator and the prime meridian; the altitude is in centimetres
from 100 km below the WGS 84 spheroid; size and precisions are one decimal digit and a power of ten, in centimetres. On the
wire those come first, in the text last.
"""

from __future__ import annotations

import re
from typing import Final

from wirespeak.dns.grammar import Tokens
from wirespeak.dns.names import Name
from wirespeak.dns.rdata.kinds import Kind, Number, fault, taken
from wirespeak.dns.rdata.row import Row
from wirespeak.dns.registry import Type
from wirespeak.errors import TextError

__all__ = ["LOC"]

MIDDLE: Final = 1 << 31
SEA_LEVEL: Final = 10_000_000
METRES: Final = re.compile(r"(-?)(?=[0-9.]*[0-9])([0-9]{0,8})(?:\.([0-9]{0,2}))?m?")
SECONDS: Final = re.compile(r"([0-9]{1,2})(?:\.([0-9]{1,3}))?")


def centimetres(text: str, least: int, most: int) -> int:
    """From metres. Raises `TextError`."""
    match = METRES.fullmatch(text)
    if match is None:
        raise TextError(f"{text[:40]!r} is no length in metres, such as 10.00m (RFC 1876 3)")
    length = int(match[2] or "0") * 100 + int((match[3] or "").ljust(2, "0"))
    if match[1]:
        length = -length
    if not least <= length <= most:
        raise TextError(f"{text} is out of range: {least / 100:.2f}m to {most / 100:.2f}m (RFC 1876 3)")
    return length


class Angle(Kind):
    """Thousandths of a second of arc, north or east of the middle (RFC 1876 2)."""

    def __init__(self, degrees: int, positive: str, negative: str) -> None:
        self._degrees = degrees
        self._signs = {positive: 1, negative: -1}

    def read(self, message: bytes, at: int, end: int) -> tuple[int, int]:
        angle = int.from_bytes(taken(message, at, end, 4, "an angle")) - MIDDLE
        if abs(angle) > self._degrees * 3_600_000:
            raise fault(f"an angle of more than {self._degrees} degrees", at, "RFC 1876 2")
        return angle, at + 4

    def write(self, value: int) -> bytes:
        if abs(value) > self._degrees * 3_600_000:
            raise TextError(f"an angle of more than {self._degrees} degrees (RFC 1876 3)")
        return (value + MIDDLE).to_bytes(4)

    def show(self, value: int, origin: Name | None) -> str:
        positive, negative = self._signs
        minutes, thousandths = divmod(abs(value), 60_000)
        return f"{minutes // 60} {minutes % 60} {thousandths / 1000:.3f} {positive if value >= 0 else negative}"

    def scan(self, words: Tokens, what: str, origin: Name | None) -> bytes:
        angle, unit = 0, 3_600_000  # degrees, and behind them minutes and seconds, which may be left out
        while (text := words.plain(what)) not in self._signs:
            match = SECONDS.fullmatch(text) if unit == 1000 else re.fullmatch("([0-9]{1,3})()", text)
            if match is None or not unit:
                raise TextError(f"{text[:40]!r} is no part of {what}: degrees, minutes, seconds, {' or '.join(self._signs)} (RFC 1876 3)")
            if unit < 3_600_000 and int(match[1]) > 59:
                raise TextError(f"{text} is out of range: 0 to 59 (RFC 1876 3)")
            angle += int(match[1]) * unit + int((match[2] or "").ljust(3, "0"))
            unit = {3_600_000: 60_000, 60_000: 1000}.get(unit, 0)
        if unit == 3_600_000:
            raise TextError(f"{what} has no degrees (RFC 1876 3)")
        return self.write(angle * self._signs[text])


class Altitude(Number):
    """Centimetres from 100 km below the spheroid."""

    def read(self, message: bytes, at: int, end: int) -> tuple[int, int]:
        value, following = super().read(message, at, end)
        return value - SEA_LEVEL, following

    def write(self, value: int) -> bytes:
        return super().write(value + SEA_LEVEL)

    def show(self, value: int, origin: Name | None) -> str:
        return f"{'-' if value < 0 else ''}{abs(value) // 100}.{abs(value) % 100:02}m"

    def scan(self, words: Tokens, what: str, origin: Name | None) -> bytes:
        return self.write(centimetres(words.plain(what), -SEA_LEVEL, (1 << 32) - 1 - SEA_LEVEL))


class Precision(Kind):
    """A length in centimetres: a digit, and the power of ten it is times of. ``default`` where the text leaves it out."""

    def __init__(self, default: int) -> None:
        self._default = default

    def read(self, message: bytes, at: int, end: int) -> tuple[int, int]:
        octet = taken(message, at, end, 1, "a precision")[0]
        digit, power = octet >> 4, octet & 15
        if digit > 9 or power > 9 or (not digit and power):
            raise fault(f"a precision of {digit} times the {power}th power of ten", at, "RFC 1876 2")
        return digit * 10**power, at + 1

    def write(self, value: int) -> bytes:
        power = max(len(str(value)) - 1, 0) if value else 0
        if not 0 <= value < 10**10:
            raise TextError(f"{value} centimetres are out of range: less than 10^10 (RFC 1876 2)")
        return bytes((value // 10**power << 4 | power,))

    def show(self, value: int, origin: Name | None) -> str:
        return f"{value // 100}m" if value >= 100 else f"{value / 100:.2f}m"

    def scan(self, words: Tokens, what: str, origin: Name | None) -> bytes:
        return self.write(centimetres(words.plain(what), 0, 9_000_000_000) if words else self._default)


class LocRow(Row):
    """Its text has an order of its own, and who does not know its version knows nothing of it (RFC 1876 2)."""

    ORDER: Final = ("latitude", "longitude", "altitude", "size", "horizontal_precision", "vertical_precision")

    def __init__(self) -> None:
        super().__init__(
            Type.LOC,
            "RFC 1876 2",
            ("version", Number(1), "of this form"),
            ("size", Precision(100), "the diameter of a sphere around it"),
            ("horizontal_precision", Precision(1_000_000), "the diameter of the circle of error"),
            ("vertical_precision", Precision(1_000), "the whole of the error, up and down"),
            ("latitude", Angle(90, "N", "S"), "north or south of the equator"),
            ("longitude", Angle(180, "E", "W"), "east or west of the prime meridian"),
            ("altitude", Altitude(4), "above the WGS 84 spheroid"),
        )
        version_0 = self.read
        self.read = lambda message, at, end: message[at:end] if at < end and message[at] else version_0(message, at, end)

    def show(self, wire: bytes, origin: Name | None) -> str:
        if wire[:1] != b"\0":
            raise fault("a version of LOC other than 0 has no text", 0, self.clause)
        held = {value.field.name: value for value in self.walk(wire, 0, len(wire))}
        return " ".join([held[name].kind.show(held[name].value, origin) for name in self.ORDER])

    def scan(self, words: Tokens, origin: Name | None) -> bytes:
        kinds = {field.name: field.kind for field in self.fields}
        try:
            pieces = {name: kinds[name].scan(words, f"the {name.replace('_', ' ')} of LOC", origin) for name in self.ORDER}
        except TextError as error:
            words.locate(error)
            raise
        return b"\0" + b"".join([pieces[field.name] for field in self.fields[1:]])


LOC: Final = LocRow()
