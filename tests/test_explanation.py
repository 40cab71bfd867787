"""The law of the parts, and what is shown of them: on a terminal, on a page, as data."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from unicodedata import combining, east_asian_width

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirespeak.explanation import STYLE, Bits, Part, as_html, as_json, as_text, clause_url, tiles, visible

# A DNS query's first four bytes: an identifier, and two bytes that say eight things.
DNS = b"\x12\x34\x01\x00"
DNS_PARTS = [
    Part(0, 2, "ID", "4660", "the answer bears the same", "RFC 1035 4.1.1", "header"),
    Part(
        2,
        4,
        "flags",
        group="header",
        bits=(
            Bits(0, 1, "QR", "0", "a query", "RFC 1035 4.1.1"),
            Bits(1, 4, "OPCODE", "0", "a standard query", "RFC 1035 4.1.1"),
            Bits(5, 2, "AA, TC", "0"),
            Bits(7, 1, "RD", "1", "please ask others", "RFC 1035 4.1.1"),
            Bits(8, 8, "RA to RCODE", "0"),
        ),
    ),
]
# Telnet: a command in the middle of text.
TELNET = b"login: \xff\xfb\x01"
TELNET_PARTS = [
    Part(0, 7, "text", "login: ", "shown to the user", "RFC 854"),
    Part(7, 8, "IAC", "255", "a command follows", "RFC 854"),
    Part(8, 9, "WILL", "251", "from now on I do this", "RFC 854"),
    Part(9, 10, "ECHO", "1", "show what is typed", "RFC 857"),
]
LINE = b"GET / HTTP/1.1\r\n"
LINE_PARTS = [
    Part(0, 3, "method", "GET", "fetch", "RFC 9110 9.3.1", "request line"),
    Part(3, 4, "SP", "", "between elements", "RFC 9112 3", "request line", "delimiter"),
    Part(4, 5, "path", "/", "the root", "RFC 9112 3.2.1", "request line"),
    Part(5, 6, "SP", "", "between elements", "RFC 9112 3", "request line", "delimiter"),
    Part(6, 14, "version", "1.1", "", "RFC 9112 2.3", "request line"),
    Part(14, 16, "CRLF", "", "ends a line", "RFC 9112 2.1", "request line", "delimiter"),
    Part(16, 16, "missing", "", "the fields", "RFC 9112 2.1", "request line", "missing"),
]


def columns(text: str) -> int:
    return sum(0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text)


# --- the law


def test_parts_tile_the_bytes_edge_to_edge() -> None:
    assert tiles(DNS_PARTS, DNS)
    assert tiles(TELNET_PARTS, TELNET)
    assert tiles(LINE_PARTS, LINE)
    assert tiles([], b"")
    assert tiles([Part(0, 0, "missing")], b"")


@pytest.mark.parametrize(
    "spans",
    [
        [],
        [(0, 4)],
        [(1, 5)],
        [(0, 2), (3, 5)],
        [(0, 3), (2, 5)],
        [(2, 5), (0, 2)],
        [(0, 3), (3, 2), (2, 5)],
        [(0, 6)],
    ],
    ids=str,
)
def test_gaps_overlaps_and_disorder_are_no_tiling(spans: list[tuple[int, int]]) -> None:
    assert not tiles([Part(start, end, "x") for start, end in spans], b"bytes")


@pytest.mark.parametrize("spans", [[(0, 7)], [(0, 4), (5, 3)], [(0, 5), (4, 4)], [(0, 0), (0, 8)], [(0, 9)]], ids=str)
def test_bits_tile_their_part_too(spans: list[tuple[int, int]]) -> None:
    assert not tiles([Part(0, 1, "flags", bits=tuple(Bits(first, count, "x") for first, count in spans))], b"\x80")


# --- nothing that a peer sends reaches the terminal as it is


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (b"plain text", "plain text"),
        (b"\r\n\t", r"\r\n\t"),
        (b"\x1b[31mred", r"\x1b[31mred"),
        (b"\x00\x7f", r"\x00\x7f"),
        (b"back\\slash", r"back\\slash"),
        ("grün, 日本, ✓".encode(), "grün, 日本, ✓"),
        (b"\xff\xc3", r"\xff\xc3"),
        ("\u202eright to left".encode(), r"\u202eright to left"),
        ("\x9b31m".encode(), r"\u009b31m"),
        (b"\x9b31m", r"\x9b31m"),
        ("\U000e0041", r"\U000e0041"),
        ("\u2028", r"\u2028"),
    ],
)
def test_what_is_visible(said: bytes | str, shown: str) -> None:
    assert visible(said) == shown


@given(st.binary() | st.text())
def test_all_that_is_visible_prints(said: bytes | str) -> None:
    assert visible(said).isprintable()


@given(st.binary(max_size=8), st.binary(max_size=8))
def test_different_bytes_look_different(one: bytes, other: bytes) -> None:
    assert (visible(one) == visible(other)) == (one == other)


# --- as data


def test_as_json_is_plain_data() -> None:
    plain = json.loads(json.dumps(as_json(DNS_PARTS)))
    assert plain[0] == {
        "start": 0, "end": 2, "name": "ID", "value": "4660", "meaning": "the answer bears the same", "clause": "RFC 1035 4.1.1",
        "group": "header", "kind": "said", "bits": [],
    }  # fmt: skip
    assert plain[1]["bits"][1] == {
        "first": 1, "count": 4, "name": "OPCODE", "value": "0", "meaning": "a standard query", "clause": "RFC 1035 4.1.1",
    }  # fmt: skip


# --- on a terminal


def test_a_line_on_a_terminal() -> None:
    assert as_text(LINE, LINE_PARTS) == (
        "request line\n"
        "   0  GET·                         method — fetch (RFC 9110 9.3.1)\n"
        "   4  /·                           path — the root (RFC 9112 3.2.1)\n"
        "   6  HTTP/1.1\\r\\n                 version = 1.1 (RFC 9112 2.3)\n"
        "  16                               missing — the fields (RFC 9112 2.1)\n"
        "\n"
        "delimiters\n"
        "· SP — between elements (RFC 9112 3)\n"
        "\\r\\n CRLF — ends a line (RFC 9112 2.1)\n"
    )


def test_a_narrow_terminal_has_the_meaning_below() -> None:
    assert as_text(LINE, LINE_PARTS, width=40).startswith(
        "request line\n"
        "   0  GET·\n"
        "        method — fetch (RFC 9110 9.3.1)\n"
        "   4  /·\n"
        "        path — the root (RFC 9112 3.2.1)\n"
    )  # fmt: skip


def test_bits_are_drawn_within_their_part() -> None:
    assert as_text(DNS, DNS_PARTS, width=100) == (
        "header\n"
        "   0  12 34                             ID = 4660 — the answer bears the same (RFC 1035 4.1.1)\n"
        "   2  01 00                             flags\n"
        "                                        0... .... .... .... QR = 0 — a query (RFC 1035 4.1.1)\n"
        "                                        .000 0... .... .... OPCODE = 0 — a standard query\n"
        "                                        (RFC 1035 4.1.1)\n"
        "                                        .... .00. .... .... AA, TC = 0\n"
        "                                        .... ...1 .... .... RD = 1 — please ask others\n"
        "                                        (RFC 1035 4.1.1)\n"
        "                                        .... .... 0000 0000 RA to RCODE = 0\n"
    )


def test_commands_within_text() -> None:
    assert as_text(TELNET, TELNET_PARTS) == (
        "   0  login:                       text — shown to the user (RFC 854)\n"
        "   7  ff                           IAC = 255 — a command follows\n"
        "   8  fb                           WILL = 251 — from now on I do this\n"
        "   9  01                           ECHO = 1 — show what is typed (RFC 857)\n"
    )


def test_a_direction_goes_before_each_line() -> None:
    lines = as_text(LINE, LINE_PARTS, direction="→").splitlines()
    assert all(line.startswith("→") for line in lines)
    assert [line.removeprefix("→").removeprefix(" ") for line in lines] == as_text(LINE, LINE_PARTS, width=78).splitlines()


def test_colours_change_no_character() -> None:
    plain = as_text(LINE, LINE_PARTS)
    painted = as_text(LINE, LINE_PARTS, colour=True)
    assert "\x1b" not in plain
    assert "\x1b[1;32mGET\x1b[0m\x1b[2m·\x1b[0m" in painted
    assert re.sub(r"\x1b\[[0-9;]*m", "", painted) == plain


def test_a_long_part_is_shortened_with_its_count() -> None:
    data = b"x" * 12_345
    shown = as_text(data, [Part(0, len(data), "body")])
    assert shown.count("x") == 6 * 27
    assert "… 12,345 bytes in all" in shown
    lines = as_text(b"line\n" * 9, [Part(0, 45, "body")]).splitlines()
    assert [line[6:33].rstrip() for line in lines] == [r"line\n"] * 6 + ["… 45 bytes in all"]
    assert r"·······… OWS" in as_text(b" " * 500, [Part(0, 500, "OWS", kind="delimiter")])


def test_a_character_is_not_cut_in_two() -> None:
    data = ("x" * 161 + "é" + "y").encode()
    assert "\\x" not in as_text(data, [Part(0, len(data), "body")])


def test_binary_is_shown_in_hexadecimal() -> None:
    png = b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR"
    assert "89 50 4e 47 0d 0a 1a 0a 00" in as_text(png, [Part(0, len(png), "body")])


kinds = st.sampled_from(["said", "delimiter", "malformed", "missing"])
parts_of_anything = st.lists(st.tuples(st.binary(max_size=60), st.text(max_size=40), kinds))


@given(parts_of_anything, st.integers(30, 120), st.sampled_from(["", "→", "<<"]))
def test_whatever_a_peer_sends_stays_within_the_columns(pieces: list[tuple[bytes, str, str]], width: int, direction: str) -> None:
    data = b"".join(piece for piece, _, _ in pieces)
    parts, at = [], 0
    for piece, text, kind in pieces:
        parts.append(Part(at, at + len(piece), "part", text, text, "RFC 9110 5.5", "group", kind))  # type: ignore[arg-type]
        at += len(piece)
    shown = as_text(data, parts, width=width, direction=direction)
    assert shown.replace("\n", "").isprintable()
    assert max(map(columns, shown.splitlines()), default=0) <= width


# --- on a page


class Page(HTMLParser):
    """The spans of parts on a page, and all its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.parts: list[dict[str, str]] = []
        self.tags: set[str] = set()
        self.text = ""
        self.links: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        here = {name: value or "" for name, value in attrs}
        self.tags.add(tag)
        if "part" in here.get("class", "").split():
            self.parts.append(here)
        if tag == "a":
            self.links.append(here["href"])

    def handle_data(self, data: str) -> None:
        self.text += data


def test_each_part_is_a_span_on_the_page() -> None:
    page = Page(as_html(LINE, LINE_PARTS))
    assert [(int(span["data-start"]), int(span["data-end"]), span["data-name"]) for span in page.parts] == [
        (part.start, part.end, part.name) for part in LINE_PARTS
    ]
    method = page.parts[0]
    assert method["aria-label"] == "method — fetch (RFC 9110 9.3.1)"
    assert (method["data-meaning"], method["data-clause"]) == ("fetch", "RFC 9110 9.3.1")
    assert page.parts[-1]["class"] == "part missing"
    assert "https://www.rfc-editor.org/rfc/rfc9112#section-3.2.1" in page.links


def test_the_keyboard_stops_at_what_is_said_and_not_at_delimiters() -> None:
    for span, part in zip(Page(as_html(LINE, LINE_PARTS)).parts, LINE_PARTS, strict=True):
        assert ("tabindex" in span) == (part.kind != "delimiter")


def test_bits_on_the_page() -> None:
    page = Page(as_html(DNS, DNS_PARTS))
    assert ".000 0... .... .... OPCODE = 0 — a standard query" in page.text


def test_what_a_peer_sent_is_escaped_on_the_page() -> None:
    data = b'<script>alert("&")</script>\x1b'
    html = as_html(data, [Part(0, len(data), "<b>", data.decode() + "'", data.decode(), '"><i>', "<u>")])
    page = Page(html)
    assert page.tags == {"div", "section", "h3", "code", "span", "ul", "li", "b", "var", "cite"}
    assert r'<script>alert("&")</script>\x1b' in page.text
    assert "\x1b" not in html
    assert page.parts[0]["data-clause"] == '"><i>'


def test_a_page_does_not_grow_with_a_body() -> None:
    data = b"x" * 1_000_000
    html = as_html(data, [Part(0, len(data), "body", data.decode())])
    assert len(html) < 4_000
    assert "… 1,000,000 bytes in all" in html


def test_style_stays_within_the_explanation() -> None:
    selectors = re.findall(r"(?m)^ *([^@{}\n]+) \{", STYLE)
    assert len(selectors) > 15
    assert all(one.strip().startswith(".explained") for selector in selectors for one in selector.split(", "))
    for name in set(re.findall(r"var\((--[a-z-]+)\)", STYLE)):
        assert STYLE.count(f"{name}:") == 2, f"{name} is defined for light and for dark"


@pytest.mark.parametrize(
    ("clause", "url"),
    [
        ("RFC 9112 6.1", "https://www.rfc-editor.org/rfc/rfc9112#section-6.1"),
        ("RFC 9112 C.2.2", "https://www.rfc-editor.org/rfc/rfc9112#appendix-C.2.2"),
        ("RFC 854", "https://www.rfc-editor.org/rfc/rfc854"),
        ("by custom; see RFC 7239", ""),
        ("Fetch", ""),
        ("", ""),
    ],
)
def test_where_a_clause_can_be_read(clause: str, url: str) -> None:
    assert clause_url(clause) == url
