"""Header fields: read from lines, made of pairs, looked up in any case, and never sent with a line break inside."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirespeak.errors import LocalProtocolError, RemoteProtocolError
from wirespeak.http.fields import REMEMBERED_BLOCKS, REMEMBERED_LINES, Fields, _blocks, _remembered, field_line
from wirespeak.http.grammar import TCHAR_BYTES

NAMES = st.text(TCHAR_BYTES.decode(), min_size=1, max_size=20)
VALUES = st.text(st.characters(codec="latin-1", exclude_categories=["Cc"], include_characters="\t"), max_size=40)
PAIRS = st.lists(st.tuples(NAMES, VALUES), max_size=10)


def lines(fields: Fields) -> list[str]:
    """The lines that are sent, without their CRLF."""
    text = fields.encode().decode("latin-1")
    assert not text or text.endswith("\r\n")
    return text.split("\r\n")[:-1]


# --- there and back


@given(PAIRS)
def test_what_is_sent_is_read_as_it_was_meant(pairs: list[tuple[str, str]]) -> None:
    fields = Fields(pairs)
    there = Fields.parse(lines(fields))
    assert there == fields
    assert there.folded() == [(name.lower(), value.strip(" \t")) for name, value in pairs]
    assert there.encode() == fields.encode()
    assert there.by_name == fields.by_name
    assert len(there) == len(pairs)


@given(PAIRS)
def test_remembering_changes_nothing(pairs: list[tuple[str, str]]) -> None:
    sent = lines(Fields(pairs))
    assert Fields.parse(sent, remember=False).by_name == Fields.parse(sent).by_name == Fields.parse(sent).by_name


def test_the_example_of_the_rfc() -> None:
    """RFC 9110 5.3: lines of one name are one list; what is asked by name is the whole of it."""
    fields = Fields.parse(["Example-Field: Foo, Bar", "Other: x", "Example-Field: Baz"])
    assert fields["Example-Field"] == "Foo, Bar, Baz"
    assert fields.get_all("example-field") == ["Foo, Bar", "Baz"]
    assert fields.tokens("EXAMPLE-FIELD") == ["foo", "bar", "baz"]
    assert list(fields) == ["example-field", "other"]
    assert len(fields) == 3


def test_set_cookie_is_never_joined_on_the_wire() -> None:
    fields = Fields([("Set-Cookie", "a=1; Expires=Thu, 01 Jan 2026 00:00:00 GMT"), ("Set-Cookie", "b=2")])
    assert fields.get_all("set-cookie") == ["a=1; Expires=Thu, 01 Jan 2026 00:00:00 GMT", "b=2"]
    assert lines(fields) == ["Set-Cookie: a=1; Expires=Thu, 01 Jan 2026 00:00:00 GMT", "Set-Cookie: b=2"]


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("X:a", "a"),
        ("X: \t a \t ", "a"),
        ("X: a  b", "a  b"),
        ("X:", ""),
        ("X: \xa0a\xa0", "\xa0a\xa0"),  # no white space to HTTP, whatever Unicode says
        ("X: \x85", "\x85"),
        ("X: a:b", "a:b"),
    ],
)
def test_only_spaces_and_tabs_around_a_value_are_no_part_of_it(line: str, value: str) -> None:
    fields = Fields.parse([line])
    assert fields["x"] == value
    assert list(fields.items()) == [("X", value)]


def test_names_are_looked_up_in_any_case_and_sent_as_they_were_written() -> None:
    fields = Fields({"content-TYPE": "text/html"})
    assert fields["Content-Type"] == fields["CONTENT-type"] == "text/html"
    assert "CONTENT-TYPE" in fields
    assert lines(fields) == ["content-TYPE: text/html"]


def test_what_is_not_there() -> None:
    fields = Fields({"A": ""})
    assert fields.get("b") is None
    assert fields.get("b", "c") == "c"
    assert fields.get("a", "c") == ""
    assert fields.get_all("b") == []
    assert fields.tokens("b") == []
    assert "b" not in fields
    assert 1 not in fields
    with pytest.raises(KeyError):
        fields["b"]


# --- what may not be sent


@pytest.mark.parametrize("character", ["\r", "\n", "\0", "\x0b", "\x0c", "\x1b", "\x7f", "\u010d", "\u560a", "\u2028"])
@pytest.mark.parametrize("form", ["{}b", "a{}b", "a{}"])
def test_a_value_that_can_not_be_sent_is_refused_at_once(character: str, form: str) -> None:
    with pytest.raises(LocalProtocolError, match=r"the value of X .*RFC 9110 5\.5"):
        Fields({"X": form.format(character)})


@pytest.mark.parametrize("name", ["", " ", "a b", "a:", "a\r", "a\n", "a\0", "X\r\nSet-Cookie", "\xe9", "\u212a", "(a)"])
def test_a_name_that_can_not_be_sent_is_refused_at_once(name: str) -> None:
    with pytest.raises(LocalProtocolError, match=r"RFC 9110 5\.1"):
        Fields([(name, "value")])


@given(st.text(), st.text())
def test_a_pair_is_refused_or_makes_one_line(name: str, value: str) -> None:
    try:
        encoded = Fields([(name, value)]).encode()
    except LocalProtocolError:
        return
    assert encoded.count(b"\r") == encoded.count(b"\n") == 1
    assert encoded.endswith(b"\r\n")
    assert b"\0" not in encoded


def test_with_and_without_are_held_to_the_same() -> None:
    fields = Fields({"A": "1"})
    with pytest.raises(LocalProtocolError):
        fields.with_("B", "2\r\nC: 3")


# --- what may not be received


@pytest.mark.parametrize(
    ("line", "offset", "clause"),
    [
        (" folded", 0, "RFC 9112 5.2"),
        ("\tfolded: a", 0, "RFC 9112 5.2"),
        ("no colon", 8, "RFC 9112 5"),
        ("", 0, "RFC 9112 5"),
        ("Host : a", 4, "RFC 9112 5.1"),
        ("Host\t: a", 4, "RFC 9112 5.1"),
        (": a", 0, "RFC 9110 5.1"),
        ("Ho(st: a", 2, "RFC 9110 5.1"),
        ("H\xf6st: a", 1, "RFC 9110 5.1"),
        ("Host: a\0b", 7, "RFC 9110 5.5"),
        ("Host:\x7f", 5, "RFC 9110 5.5"),
        ("Host: a\nb", 7, "RFC 9110 5.5"),
        ("Host: a\rb", 7, "RFC 9110 5.5"),
    ],
)
def test_a_broken_line_is_told_with_place_and_clause(line: str, offset: int, clause: str) -> None:
    for remember in (True, False):
        with pytest.raises(RemoteProtocolError) as caught:
            Fields.parse(["Good: line", line], remember)
        assert (caught.value.code, caught.value.offset, caught.value.clause) == (400, offset, clause)


def read(line: str) -> tuple[str, str] | RemoteProtocolError:
    try:
        return field_line(line)
    except RemoteProtocolError as error:
        return error


@given(st.text(st.characters(codec="latin-1"), max_size=20))
def test_a_line_is_read_or_refused_and_nothing_else(line: str) -> None:
    found = read(line)
    if isinstance(found, RemoteProtocolError):
        assert found.offset is not None
        assert 0 <= found.offset <= len(line)
    else:
        name, value = found
        assert line.lower().startswith(f"{name}:")
        assert value == line[len(name) + 1 :].strip(" \t")


# --- values, never changed once made


def test_fields_made_of_fields_are_equal() -> None:
    fields = Fields({"A": "1", "B": "2"})
    assert Fields(fields) == fields
    assert Fields(fields).encode() == fields.encode()


def test_with_replaces_every_line_of_that_name() -> None:
    fields = Fields([("A", "1"), ("B", "2"), ("a", "3")])
    assert list(fields.with_("A", "4").items()) == [("B", "2"), ("A", "4")]
    assert list(fields.with_("C", "4").items()) == [("A", "1"), ("B", "2"), ("a", "3"), ("C", "4")]
    assert list(fields.items()) == [("A", "1"), ("B", "2"), ("a", "3")]


def test_without_drops_every_line_of_those_names() -> None:
    fields = Fields([("A", "1"), ("B", "2"), ("a", "3")])
    assert list(fields.without("A", "c").items()) == [("B", "2")]
    assert list(fields.without("a", "b").items()) == []
    assert fields["a"] == "1, 3"


def test_equal_fields_have_the_same_lines_in_the_same_order() -> None:
    assert Fields([("A", "1"), ("B", "2")]) == Fields([("a", "1"), ("b", "2")])
    assert Fields([("A", "1"), ("B", "2")]) != Fields([("B", "2"), ("A", "1")])
    assert Fields([("A", "1, 2")]) != Fields([("A", "1"), ("A", "2")])
    assert Fields() != {}


def test_fields_can_not_stand_in_a_set() -> None:
    with pytest.raises(TypeError):
        hash(Fields())


def test_fields_read_well_when_shown() -> None:
    assert repr(Fields({"Content-Type": "text/html"})) == "Fields([('Content-Type', 'text/html')])"


def test_what_is_remembered_is_bounded() -> None:
    for number in range(REMEMBERED_LINES + 100):
        Fields.parse([f"X-Number: {number}"])
    assert 0 < len(_remembered) <= REMEMBERED_LINES


def test_a_fault_is_never_remembered() -> None:
    before = len(_remembered)
    for _ in range(2):
        with pytest.raises(RemoteProtocolError):
            Fields.parse(["Host : never seen before, and never well-formed"])
    assert len(_remembered) == before


ANY_NAME = ("Referer", "referer", "Cookie", "Accept", "Bad name")


@given(st.lists(st.tuples(st.sampled_from(ANY_NAME), st.sampled_from(["a", "", "b, c", "x\x00", "http://h/"])), min_size=1, max_size=6))
def test_a_known_block_says_what_its_lines_say(pairs: list[tuple[str, str]]) -> None:
    block = "".join([f"{name}: {value}\r\n" for name, value in pairs]).encode() + b"\r\n"
    if any(name == "Bad name" or "\0" in value for name, value in pairs):
        for _ in range(2):
            with pytest.raises(RemoteProtocolError):
                Fields.parse_block(block)
            assert Fields.known(block) is None
        return
    whole = Fields.parse_block(block)
    known = Fields.known(block)
    assert (known is not None) == (len(whole) == len(whole.by_name))  # a name that comes twice is read anew
    if known is not None:
        assert known == whole
        assert list(known.by_name.items()) == list(whole.by_name.items())
        assert known.encode() == whole.encode()
        assert len(known) == len(pairs)


def test_of_a_known_block_the_page_it_comes_from_may_be_another() -> None:
    Fields.parse_block(b"Host: a\r\nReferer: http://a/one\r\nCookie: c\r\n\r\n")
    Fields.parse(["Referer: http://a/two"])
    known = Fields.known(b"Host: a\r\nReferer: http://a/two\r\nCookie: c\r\n\r\n")
    assert known is not None
    assert known.folded() == [("host", "a"), ("referer", "http://a/two"), ("cookie", "c")]
    assert dict(known.by_name) == {"host": "a", "referer": "http://a/two", "cookie": "c"}


@pytest.mark.parametrize(
    "more",
    [
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", id="a second request"),
        pytest.param(b"body", id="a body"),
        pytest.param(b"\r\n", id="an empty line"),
        pytest.param(b"Referer: http://a/one\r\nCookie: c\r\n\r\n", id="its own end once more"),
    ],
)
@pytest.mark.parametrize(
    "block", [b"Host: a\r\n\r\n", b"Host: a\r\nReferer: http://a/one\r\nCookie: c\r\n\r\n", b"Referer: http://a/one\r\n\r\n"]
)
def test_a_known_block_and_something_behind_it_is_none(block: bytes, more: bytes) -> None:
    Fields.parse_block(block)
    assert Fields.known(block) is not None
    assert Fields.known(block + more) is None
    for end in range(len(block)):
        assert Fields.known(block[:end]) is None


def test_the_blocks_remembered_are_bounded() -> None:
    for number in range(REMEMBERED_BLOCKS + 100):
        Fields.parse_block(f"Host: a\r\nCookie: {number}\r\n\r\n".encode())
    assert 0 < len(_blocks) <= REMEMBERED_BLOCKS
