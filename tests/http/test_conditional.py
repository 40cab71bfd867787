"""Validators, dates and preconditions, as RFC 9110 8.8, 5.6.7 and 13 have them."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from email.utils import formatdate, parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirespeak.http.conditional import ETag, http_date, parse_http_date, precondition, range_applies
from wirespeak.http.fields import Fields

MODIFIED = 784_111_777  # Sun, 06 Nov 1994 08:49:37 GMT
DATE = "Sun, 06 Nov 1994 08:49:37 GMT"
BEFORE = "Sun, 06 Nov 1994 08:49:36 GMT"
NOW = MODIFIED + 1000.0
TAG = ETag("xyzzy")

YEAR_10000 = 253_402_300_800
YEAR_1 = -62_135_596_800


# --- entity tags (8.8.3)


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ('"xyzzy"', ETag("xyzzy")),
        ('W/"xyzzy"', ETag("xyzzy", weak=True)),
        ('""', ETag("")),
        ('"a,b"', ETag("a,b")),
        ('"back\\slash"', ETag("back\\slash")),
        ("xyzzy", None),
        ('w/"xyzzy"', None),
        ('W/ "xyzzy"', None),
        ('"a"b"', None),
        ('"a b"', None),
        ('"', None),
        ("", None),
    ],
)
def test_an_entity_tag(text: str, tag: ETag | None) -> None:
    assert ETag.parse(text) == tag
    if tag is not None:
        assert str(tag) == text


@pytest.mark.parametrize(
    ("one", "other", "strong", "weak"),
    [
        # the table of RFC 9110 8.8.3.2
        ('W/"1"', 'W/"1"', False, True),
        ('W/"1"', 'W/"2"', False, False),
        ('W/"1"', '"1"', False, True),
        ('"1"', '"1"', True, True),
    ],
)
def test_the_two_comparisons(one: str, other: str, strong: bool, weak: bool) -> None:
    a, b = ETag.parse(one), ETag.parse(other)
    assert a is not None
    assert b is not None
    assert a.same(b) is b.same(a) is strong
    assert a.alike(b) is b.alike(a) is weak


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ('"xyzzy", W/"r2d2", "c3piozzzz"', [ETag("xyzzy"), ETag("r2d2", weak=True), ETag("c3piozzzz")]),
        ('"a"', [ETag("a")]),
        ('"a,b" ,\t"c"', [ETag("a,b"), ETag("c")]),
        (', "a",, "b",', [ETag("a"), ETag("b")]),
        ('"a" "b"', []),
        ('"a", b', []),
        ('"a", *', []),
        ("", []),
    ],
)
def test_a_list_of_entity_tags(text: str, tags: list[ETag]) -> None:
    assert ETag.parse_list(text) == tags


@given(
    st.lists(
        st.builds(ETag, st.text(st.characters(codec="latin-1", exclude_characters='"', categories=("L", "N", "P", "S"))), st.booleans()),
        min_size=1,
    )
)
def test_what_is_written_is_read_again(tags: list[ETag]) -> None:
    assert ETag.parse_list(", ".join(map(str, tags))) == tags


def test_a_long_list_takes_linear_time() -> None:
    for hostile in ('"a",' * 50_000, "," * 200_000, '"' * 200_000, 'W/"' * 70_000, '"a" ' * 50_000):
        began = time.process_time()
        ETag.parse_list(hostile)
        assert time.process_time() - began < 1


# --- dates (5.6.7)


@pytest.mark.parametrize("text", [DATE, "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"])
def test_the_three_forms_of_a_date(text: str) -> None:
    assert parse_http_date(text, NOW) == MODIFIED


@given(st.integers(YEAR_1, YEAR_10000 - 1))
def test_a_date_is_read_as_it_was_written(seconds: int) -> None:
    assert parse_http_date(http_date(seconds), NOW) == seconds


@given(st.integers(0, YEAR_10000 - 1))
def test_dates_are_those_of_everyone_else(seconds: int) -> None:
    assert http_date(seconds) == formatdate(seconds, usegmt=True)
    when = datetime.fromtimestamp(seconds, UTC)
    assert parsedate_to_datetime(http_date(seconds)) == when
    if when.year >= 1000:
        months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        assert parse_http_date(f"Mon {months[when.month - 1]} {when.day:2} {when:%H:%M:%S} {when.year}", NOW) == seconds


def test_a_time_beyond_what_a_date_can_tell() -> None:
    assert http_date(YEAR_10000) == http_date(10**15) == "Fri, 31 Dec 9999 23:59:59 GMT"
    assert http_date(-(10**15)) == "Mon, 01 Jan 0001 00:00:00 GMT"


@pytest.mark.parametrize(
    ("now", "year"),
    [("2026-01-01", 1994), ("2043-12-31", 1994), ("2044-01-01", 2094), ("1995-01-01", 1994), ("1990-01-01", 1994), ("1943-12-31", 1894)],
)
def test_a_year_of_two_digits_lies_at_most_fifty_years_ahead(now: str, year: int) -> None:
    seconds = datetime.fromisoformat(f"{now}T00:00:00+00:00").timestamp()
    expected = int(datetime(year, 11, 6, 8, 49, 37, tzinfo=UTC).timestamp())
    assert parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT", seconds) == expected


def test_a_leap_second() -> None:
    assert parse_http_date("Sat, 31 Dec 2016 23:59:60 GMT", NOW) == parse_http_date("Sun, 01 Jan 2017 00:00:00 GMT", NOW)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "784111777",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 +0000",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 06 nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994  08:49:37 GMT",
        " Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:00 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 31 Jun 1994 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 0000 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, ٠٦ Nov 1994 08:49:37 GMT",
        "Sun Nov 6 08:49:37 1994",
        "Sunday, 06-Nov-1994 08:49:37 GMT",
    ],
)
def test_what_is_no_date(text: str) -> None:
    assert parse_http_date(text, NOW) is None


# --- preconditions (13)


def verdict(method: str = "GET", etag: ETag | None = TAG, modified: int | None = MODIFIED, **fields: str) -> int | None:
    return precondition(method, Fields({name.replace("_", "-"): value for name, value in fields.items()}), etag, modified, NOW)


def test_without_preconditions_a_request_goes_on() -> None:
    assert verdict() is None
    assert verdict("PUT", etag=None, modified=None) is None


def test_if_none_match() -> None:
    assert verdict(if_none_match='"xyzzy"') == 304
    assert verdict("HEAD", if_none_match='"other", "xyzzy"') == 304
    assert verdict(if_none_match='"other"') is None
    assert verdict(if_none_match="xyzzy") is None
    assert verdict("PUT", if_none_match='"xyzzy"') == 412


def test_if_none_match_compares_weakly() -> None:
    assert verdict(if_none_match='W/"xyzzy"') == 304
    assert verdict(etag=ETag("xyzzy", weak=True), if_none_match='"xyzzy"') == 304


def test_if_none_match_star_is_for_what_is_not_there_yet() -> None:
    assert verdict(if_none_match="*") == 304
    assert verdict("PUT", if_none_match="*") == 412
    assert verdict("PUT", etag=None, modified=None, if_none_match="*") is None


def test_if_match() -> None:
    assert verdict("PUT", if_match='"xyzzy"') is None
    assert verdict("PUT", if_match='"a", "xyzzy"') is None
    assert verdict("PUT", if_match='"other"') == 412
    assert verdict(if_match='"other"') == 412
    assert verdict("PUT", if_match="*") is None
    assert verdict("PUT", etag=None, modified=None, if_match="*") == 412
    assert verdict("PUT", etag=None, modified=None, if_match='"xyzzy"') == 412


def test_if_match_compares_strongly() -> None:
    assert verdict("PUT", if_match='W/"xyzzy"') == 412
    assert verdict("PUT", etag=ETag("xyzzy", weak=True), if_match='W/"xyzzy"') == 412


def test_if_modified_since() -> None:
    assert verdict(if_modified_since=DATE) == 304
    assert verdict(modified=MODIFIED + 1, if_modified_since=DATE) is None
    assert verdict("PUT", if_modified_since=DATE) is None
    assert verdict(if_modified_since="yesterday") is None
    assert verdict(modified=None, if_modified_since=DATE) is None


def test_if_unmodified_since() -> None:
    assert verdict("PUT", if_unmodified_since=DATE) is None
    assert verdict("PUT", if_unmodified_since=BEFORE) == 412
    assert verdict("PUT", if_unmodified_since="yesterday") is None


def test_tags_count_before_dates() -> None:
    assert verdict(if_none_match='"other"', if_modified_since=DATE) is None
    assert verdict(if_none_match='"xyzzy"', if_modified_since=BEFORE) == 304
    assert verdict("PUT", if_match='"xyzzy"', if_unmodified_since=BEFORE) is None


def test_a_failed_if_match_counts_before_if_none_match() -> None:
    assert verdict(if_match='"other"', if_none_match='"xyzzy"') == 412
    assert verdict(if_match='"xyzzy"', if_none_match='"xyzzy"') == 304
    assert verdict(if_unmodified_since=BEFORE, if_none_match='"xyzzy"') == 412


# --- If-Range (13.1.5)


def test_if_range_with_a_tag_compares_strongly() -> None:
    assert range_applies('"xyzzy"', TAG, MODIFIED, NOW)
    assert not range_applies('"other"', TAG, MODIFIED, NOW)
    assert not range_applies('W/"xyzzy"', ETag("xyzzy", weak=True), MODIFIED, NOW)
    assert not range_applies('"xyzzy"', None, MODIFIED, NOW)


def test_if_range_with_a_date_has_to_be_exact() -> None:
    assert range_applies(DATE, TAG, MODIFIED, NOW)
    assert not range_applies(BEFORE, TAG, MODIFIED, NOW)
    assert not range_applies(DATE, TAG, MODIFIED - 1, NOW)
    assert not range_applies(DATE, TAG, None, NOW)
    assert not range_applies("yesterday", TAG, MODIFIED, NOW)


def test_if_range_with_a_date_of_this_second_proves_nothing() -> None:
    assert not range_applies(DATE, TAG, MODIFIED, MODIFIED + 0.9)
    assert range_applies(DATE, TAG, MODIFIED, MODIFIED + 1.0)
