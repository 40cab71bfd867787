"""Conditional requests: validators, dates, and which precondition is looked at before which (RFC 9110 8.8 and 13).

A *validator* names the state of a representation: an entity tag (`ETag`), or the date of its last change. A client
sends the one it has; the server answers with a whole representation only where it is another one (304 to a reader whose
copy is good, 412 to a writer whose copy is not).

Pure: no file, no clock; the time is an argument. Dates are seconds since 1970 in UTC, whole, as HTTP has no parts of
one. Both ways they are independent of the locale.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Final

from wirespeak.http.fields import Fields

__all__ = ["PRECONDITIONS", "ETag", "http_date", "parse_http_date", "precondition", "range_applies"]

# RFC 9110 8.8.3   entity-tag = [ "W/" ] opaque-tag     opaque-tag = DQUOTE *etagc DQUOTE
ENTITY_TAG: Final = r'(W/)?"([\x21\x23-\x7e\x80-\xff]*+)"'
# RFC 9110 13.1.1  If-Match = "*" / #entity-tag         (5.6.1: a recipient lets empty members of a list pass)
ENTITY_TAGS: Final = re.compile(rf"[ \t,]*+(?:{ENTITY_TAG}[ \t]*+(?:,[ \t,]*+|$))++")
ONE_TAG: Final = re.compile(ENTITY_TAG)

MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTH: Final = rf"(?P<month>{'|'.join(MONTHS)})"
DAY: Final = "|".join(DAYS)
LONG_DAY: Final = "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday"
TIME: Final = r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
# RFC 9110 5.6.7   HTTP-date = IMF-fixdate / obs-date   obs-date = rfc850-date / asctime-date
# Case counts, and there is one space where one stands. The name of the day says nothing that the date doesn't, so
# which of the seven it is isn't looked at.
HTTP_DATE: Final = (
    re.compile(rf"(?:{DAY}), (?P<day>[0-9]{{2}}) {MONTH} (?P<year>[0-9]{{4}}) {TIME} GMT"),
    re.compile(rf"(?:{LONG_DAY}), (?P<day>[0-9]{{2}})-{MONTH}-(?P<year>[0-9]{{2}}) {TIME} GMT"),
    re.compile(rf"(?:{DAY}) {MONTH} (?P<day>[0-9 ][0-9]) {TIME} (?P<year>[0-9]{{4}})"),
)

DAY_SECONDS: Final = 86400
EPOCH: Final = date(1970, 1, 1).toordinal()

PRECONDITIONS: Final = frozenset({"if-match", "if-none-match", "if-modified-since", "if-unmodified-since"})
"""The names, in lower case, of the fields that `precondition` looks at."""


@dataclass(slots=True, frozen=True)
class ETag:
    """An entity tag (RFC 9110 8.8.3): ``value`` is what stands between the quotes.

    A strong one changes with every byte; a weak one (``W/"…"``) may stay while what the bytes mean stays.
    """

    value: str
    weak: bool = False

    def __str__(self) -> str:
        """As it stands in a field."""
        return f'W/"{self.value}"' if self.weak else f'"{self.value}"'

    def same(self, other: ETag) -> bool:
        """The strong comparison (RFC 9110 8.8.3.2): both strong, and the same. What parts are put together by."""
        return self.value == other.value and not self.weak and not other.weak

    def alike(self, other: ETag) -> bool:
        """The weak comparison (RFC 9110 8.8.3.2): the same, whether weak or strong. What a cached copy is judged by."""
        return self.value == other.value

    @classmethod
    def parse(cls, text: str) -> ETag | None:
        """The tag that ``text`` is; None where it is none."""
        match = ONE_TAG.fullmatch(text)
        return cls(match[2], match[1] is not None) if match else None

    @classmethod
    def parse_list(cls, text: str) -> list[ETag]:
        """The tags of a comma-separated list; none at all where anything in it is no tag."""
        if not ENTITY_TAGS.fullmatch(text):
            return []
        return [cls(value, bool(weak)) for weak, value in ONE_TAG.findall(text)]


@lru_cache(maxsize=512)
def http_date(seconds: int) -> str:
    """``Sun, 06 Nov 1994 08:49:37 GMT``: the one form that is written (IMF-fixdate, RFC 9110 5.6.7).

    A time that four digits of a year can't tell (before the year 1, after 9999) becomes the nearest that they can.
    """
    days, rest = divmod(seconds, DAY_SECONDS)
    ordinal = EPOCH + days
    if not 1 <= ordinal <= date.max.toordinal():
        ordinal, rest = (1, 0) if ordinal < 1 else (date.max.toordinal(), DAY_SECONDS - 1)
    day = date.fromordinal(ordinal)
    clock = f"{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"
    return f"{DAYS[day.weekday()]}, {day.day:02} {MONTHS[day.month - 1]} {day.year:04} {clock} GMT"


def parse_http_date(text: str, now: float) -> int | None:
    """The time that ``text`` tells in any of the three forms of RFC 9110 5.6.7; None where it is no date.

    ``now`` decides the century of a year of two digits: one that would lie more than fifty years ahead is past.
    """
    for form in HTTP_DATE:
        match = form.fullmatch(text)
        if match is not None:
            break
    else:
        return None
    year, day = int(match["year"]), int(match["day"])
    hour, minute, second = int(match["hour"]), int(match["minute"]), int(match["second"])
    # The grammar has room for a leap second (second = 60).
    if hour > 23 or minute > 59 or second > 60:
        return None
    month = MONTHS.index(match["month"]) + 1
    if len(match["year"]) == 2:
        this_year = date.fromordinal(EPOCH + int(now // DAY_SECONDS)).year
        year += (this_year + 50 - year) // 100 * 100
    try:
        days = date(year, month, day).toordinal() - EPOCH
    except ValueError:  # the 31st of June; the year 0
        return None
    return days * DAY_SECONDS + hour * 3600 + minute * 60 + second


def precondition(method: str, fields: Fields, etag: ETag | None, modified: int | None, now: float) -> int | None:
    """The status a request's preconditions ask for, 304 or 412; None where it may go on (RFC 9110 13.2.2).

    ``etag`` and ``modified`` are the validators of what would be answered with (or of what a PUT would replace), None
    where it has none; both None where there is nothing under the name yet. A date that is none is passed over, as RFC 9110
    13.1.3 and 13.1.4 want it; a tag that is none matches nothing.
    """
    reading = method in ("GET", "HEAD")
    if (wanted := fields.get("if-match")) is not None:
        there = etag is not None or modified is not None
        if not (there if wanted == "*" else etag is not None and any(map(etag.same, ETag.parse_list(wanted)))):
            return 412
    elif (since := _date(fields, "if-unmodified-since", now)) is not None and modified is not None and modified > since:
        return 412
    if (known := fields.get("if-none-match")) is not None:
        there = etag is not None or modified is not None
        if there if known == "*" else etag is not None and any(map(etag.alike, ETag.parse_list(known))):
            return 304 if reading else 412
    elif reading and modified is not None and (since := _date(fields, "if-modified-since", now)) is not None and modified <= since:
        return 304
    return None


def range_applies(if_range: str, etag: ETag | None, modified: int | None, now: float) -> bool:
    """Whether what If-Range names is still what it was, so that the parts asked for fit the ones there (RFC 9110 13.1.5).

    A tag has to match strongly. A date has to be exactly the one of the last change, and to lie a second or more
    before ``now``: within the same second there could be another change that the date doesn't show (8.8.2.2).
    """
    tag = ETag.parse(if_range)
    if tag is not None:
        return etag is not None and etag.same(tag)
    return modified is not None and modified + 1 <= now and parse_http_date(if_range, now) == modified


def _date(fields: Fields, name: str, now: float) -> int | None:
    value = fields.get(name)
    return None if value is None else parse_http_date(value, now)
