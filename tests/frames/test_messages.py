"""Dialects: what each reads and writes, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wirespeak.errors import IncompleteMessage, LocalProtocolError, RemoteProtocolError
from wirespeak.frames import CLASSIC, DIALECTS, Dialect, End, Ending
from wirespeak.frames.grammar import LENGTHS

EVERY = [
    Dialect(length, text, end=end)
    for length in LENGTHS
    for text in (True, False)
    for end in Ending
    if not (length == "netstring" and end is Ending.MARK)
]


def name(dialect: Dialect) -> str:
    return f"{dialect.length}-{'text' if dialect.text else 'binary'}-{dialect.end.value}"


def messages(dialect: Dialect) -> st.SearchStrategy[list[Any]]:
    """Lists of messages that the dialect carries."""
    one: st.SearchStrategy[Any] = st.text(max_size=60) if dialect.text else st.binary(max_size=240)
    if dialect.end is Ending.WORD:
        one = one.filter(lambda message: message not in ("end", b"end"))
    return st.lists(one, max_size=8)


def test_the_classic_dialect_byte_for_byte() -> None:
    assert CLASSIC.encode(["hi", "", "ü"]) == b"\x02\x00hi\x00\x00\x02\x00\xc3\xbc"
    assert CLASSIC.encode_end() == b"\x03\x00end"
    assert CLASSIC.read(b"\x02\x00hi\x00\x00\x02\x00\xc3\xbc", 0, 10) == (["hi", "", "ü"], 10)
    assert CLASSIC.encode(["x" * 65535])[:2] == b"\xff\xff"


def test_a_netstring_byte_for_byte() -> None:
    """The examples of cr.yp.to/proto/netstrings.txt."""
    assert DIALECTS["netstring"].encode(["hello world!", ""]) == b"12:hello world!,0:,"
    assert DIALECTS["netstring"].read(b"12:hello world!,0:,", 0, 10) == (["hello world!", ""], 19)


@settings(max_examples=500)
@given(st.sampled_from(EVERY).flatmap(lambda dialect: st.tuples(st.just(dialect), messages(dialect))))
def test_every_message_comes_back(example: tuple[Dialect, list[Any]]) -> None:
    dialect, said = example
    written = dialect.encode(said)
    assert dialect.read(written, 0, 100) == (said, len(written))
    # Behind other bytes, and with more behind it; and one at a time.
    assert dialect.read(b"???" + written + b"1", 3, len(said)) == (said, 3 + len(written))
    at, heard = 0, []
    while at < len(written):
        one, at = dialect.read(written, at, 1)
        heard += one
    assert heard == said


@pytest.mark.parametrize("dialect", EVERY, ids=name)
def test_a_frame_cut_anywhere_is_told_as_far_as_it_came(dialect: Dialect) -> None:
    message: Any = "häl" if dialect.text else b"h\x00\xffl"
    written = dialect.encode([message])
    for came in range(1, len(written)):
        begun = written[:came]
        assert dialect.read(begun, 0, 10) == ([], 0)
        needed = dialect.look(begun, 0)
        assert isinstance(needed, int)
        assert came < needed <= len(written)
        error = dialect.cut_off(begun)
        assert isinstance(error, IncompleteMessage)
    assert dialect.look(written[: len(dialect.form.say(4))], 0) == len(written)  # once the length is there, it is known exactly


@pytest.mark.parametrize(
    ("length", "came", "said"),
    [
        ("u16le", b"\x05", "inside a length: 1 of 2 bytes came"),
        ("u64be", b"\x00\x00\x00", "inside a length: 3 of 8 bytes came"),
        ("u16le", b"\x05\x00", "inside a message: 0 of 5 bytes came"),
        ("u16le", b"\x05\x00abc", "inside a message: 3 of 5 bytes came"),
        ("varint", b"\xac", "inside a length: 1 bytes of it came"),
        ("netstring", b"12", "inside a length: 2 digits of it came"),
        ("netstring", b"3:ab", "inside a message: 2 of 3 bytes came"),
        ("netstring", b"3:abc", "all 3 bytes of the message came, but no comma"),
    ],
)
def test_a_stream_cut_off_says_how_much_came_of_how_much(length: str, came: bytes, said: str) -> None:
    assert said in str(Dialect(length).cut_off(came))


def test_between_frames_a_stream_may_end_unless_a_mark_was_agreed_on() -> None:
    for ending in (Ending.CLOSE, Ending.WORD):
        assert Dialect("u16le", end=ending).cut_off(b"") is None
    assert "no end mark" in str(Dialect("u16le", end=Ending.MARK).cut_off(b""))


# --- the end


def test_the_word_can_not_be_sent_as_data() -> None:
    for dialect, word in ((CLASSIC, "end"), (Dialect("u32be", False, end=Ending.WORD), b"end")):
        with pytest.raises(LocalProtocolError, match="can't send it as data"):
            dialect.encode(["a" if dialect.text else b"a", word])
    assert CLASSIC.read(CLASSIC.encode(["End", "end ", "END"]), 0, 9)[0] == ["End", "end ", "END"]


@pytest.mark.parametrize("dialect", [dialect for dialect in EVERY if dialect.end is not Ending.WORD], ids=name)
def test_where_the_end_is_told_apart_the_word_is_data(dialect: Dialect) -> None:
    said = ["end"] if dialect.text else [b"end"]
    assert dialect.read(dialect.encode(said), 0, 9)[0] == said


@pytest.mark.parametrize("dialect", [dialect for dialect in EVERY if dialect.end is not Ending.CLOSE], ids=name)
def test_reading_stops_before_the_end(dialect: Dialect) -> None:
    said: list[Any] = ["a", "b"] if dialect.text else [b"a", b"b"]
    before, end = dialect.encode(said), dialect.encode_end()
    data = before + end + dialect.encode(said)
    assert dialect.read(data, 0, 9) == (said, len(before))
    assert dialect.read(data, len(before), 9) == ([], len(before))
    assert dialect.look(data, len(before)) == End()
    assert dialect.behind_end(data[len(before) :]) == len(end)


@pytest.mark.parametrize("length", [length for length in LENGTHS if length != "netstring"])
def test_the_mark_is_a_length_that_no_message_has(length: str) -> None:
    dialect = Dialect(length, False, limit=1 << 70, end=Ending.MARK)
    assert dialect.encode_end() == dialect.form.say(dialect.form.most)
    assert dialect.limit == dialect.form.most - 1


def test_a_mark_costs_the_longest_message() -> None:
    marked, closed = Dialect("u8", False, end=Ending.MARK), Dialect("u8", False)
    assert closed.read(closed.encode([b"x" * 255]), 0, 1)[0] == [b"x" * 255]
    assert marked.read(marked.encode([b"x" * 254]), 0, 1)[0] == [b"x" * 254]
    with pytest.raises(LocalProtocolError, match="limit is 254"):
        marked.encode([b"x" * 255])


# --- limits


@pytest.mark.parametrize("length", LENGTHS)
def test_a_message_of_the_limit_passes_and_one_byte_more_does_not(length: str) -> None:
    dialect = Dialect(length, False, limit=200)
    fits = dialect.encode([b"x" * 200])
    assert dialect.read(fits, 0, 1) == ([b"x" * 200], len(fits))
    with pytest.raises(LocalProtocolError, match="201 bytes is too long"):
        dialect.encode([b"x", b"x" * 201])
    over = Dialect(length, False, limit=255).encode([b"x" * 201])
    assert dialect.read(over, 0, 1) == ([], 0)
    with pytest.raises(RemoteProtocolError, match="201 bytes, over the limit of 200") as refused:
        dialect.look(over, 0)
    assert refused.value.offset == 0


@pytest.mark.parametrize(("length", "most"), [("u8", 255), ("u16le", 65535), ("u16be", 65535)])
def test_a_message_longer_than_the_length_can_say_is_refused(length: str, most: int) -> None:
    dialect = Dialect(length, False, limit=1 << 40)
    assert dialect.limit == most
    with pytest.raises(LocalProtocolError, match="too long"):
        dialect.encode([b"x" * (most + 1)])


def test_the_length_over_the_limit_is_refused_before_the_message_comes() -> None:
    with pytest.raises(RemoteProtocolError, match="18,446,744,073,709,551,615 bytes"):
        Dialect("u64le").look(b"\xff" * 8, 0)
    with pytest.raises(RemoteProtocolError, match="9,999,999,999 bytes"):
        Dialect("netstring").look(b"9999999999:", 0)


# --- text


@pytest.mark.parametrize(
    ("text", "at"),
    [(b"\xff", 0), (b"ab\xff", 2), (b"ab\xc3", 2), (b"\xc0\x80", 0), (b"\xed\xa0\x80", 0), (b"\xf4\x90\x80\x80", 0), (b"good\x80", 4)],
)
def test_text_that_is_not_utf_8_is_told_with_its_place(text: bytes, at: int) -> None:
    written = CLASSIC.encode(["first"]) + Dialect("u16le", False).encode([text, b"third"])
    assert CLASSIC.read(written, 0, 9) == (["first"], 7)
    with pytest.raises(RemoteProtocolError, match=f"not UTF-8 .its byte {at} is 0x{text[at]:02x}") as refused:
        CLASSIC.look(written, 7)
    assert refused.value.offset == 2 + at  # from the start of the frame
    assert Dialect("u16le", False).read(written, 0, 9)[0] == [b"first", text, b"third"]


def test_a_missing_comma_is_told_with_its_place() -> None:
    with pytest.raises(RemoteProtocolError, match="b';' where a comma was expected") as refused:
        DIALECTS["netstring"].look(b"3:abc;", 0)
    assert refused.value.offset == 5
    assert DIALECTS["netstring"].read(b"1:a,3:abcd,", 0, 9) == (["a"], 4)


@pytest.mark.parametrize("wrong", [b"bytes", 5, None, ["text"]])
def test_a_text_dialect_takes_text_alone(wrong: Any) -> None:
    with pytest.raises(LocalProtocolError, match="expected str"):
        CLASSIC.encode(["good", wrong])


@pytest.mark.parametrize("wrong", ["text", 5, None])
def test_a_binary_dialect_takes_bytes_alone(wrong: Any) -> None:
    with pytest.raises(LocalProtocolError, match="expected bytes"):
        Dialect("u8", False).encode([b"good", wrong])


def test_a_binary_dialect_takes_whatever_holds_bytes() -> None:
    assert Dialect("u8", False).encode([bytearray(b"ab"), memoryview(b"cd")]) == b"\x02ab\x02cd"


def test_a_text_that_utf_8_can_not_carry_is_refused() -> None:
    with pytest.raises(LocalProtocolError, match="at character 1"):
        CLASSIC.encode(["a\ud800"])


# --- dialects that can't be


def test_a_dialect_that_can_not_be_is_refused() -> None:
    with pytest.raises(LocalProtocolError, match="no way to write a length"):
        Dialect("u24")
    with pytest.raises(LocalProtocolError, match="netstrings have no mark"):
        Dialect("netstring", end=Ending.MARK)
    with pytest.raises(LocalProtocolError, match="a limit of -1"):
        Dialect(limit=-1)


def test_a_dialect_is_a_value() -> None:
    assert Dialect("u16le", end=Ending.WORD) == CLASSIC == DIALECTS["classic"]
    assert len({CLASSIC, DIALECTS["classic"], DIALECTS["u16le"]}) == 2
