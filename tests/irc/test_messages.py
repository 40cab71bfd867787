"""Messages, read and written: the examples of Modern IRC and of IRCv3 message-tags, and every value there and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirespeak.errors import LocalProtocolError, RemoteProtocolError
from wirespeak.irc.messages import Message, Source, cut, decode, encode_tags, parse_source, parse_tags, split_text


@pytest.mark.parametrize(
    ("line", "params"),
    [
        # Modern IRC, Parameters
        (":irc.example.com CAP * LIST :", ["*", "LIST", ""]),
        ("CAP * LS :multi-prefix sasl", ["*", "LS", "multi-prefix sasl"]),
        ("CAP REQ :sasl message-tags foo", ["REQ", "sasl message-tags foo"]),
        (":dan!d@localhost PRIVMSG #chan :Hey!", ["#chan", "Hey!"]),
        (":dan!d@localhost PRIVMSG #chan Hey!", ["#chan", "Hey!"]),
        (":dan!d@localhost PRIVMSG #chan ::-)", ["#chan", ":-)"]),
        # and what they leave open
        ("QUIT", []),
        ("QUIT ", []),
        ("QUIT :", [""]),
        ("quit", []),
        ("PRIVMSG  #chan   x  :a  b ", ["#chan", "x", "a  b "]),
        ("PRIVMSG #chan a:b :c", ["#chan", "a:b", "c"]),
        ("PRIVMSG #chan :a :b", ["#chan", "a :b"]),
        ("  PING x", ["x"]),
        (":  PING x", ["x"]),
        ("X " + " ".join(map(str, range(40))), [str(n) for n in range(40)]),
    ],
)
def test_parameters(line: str, params: list[str]) -> None:
    assert Message.parse(line).params == params


def test_the_parts_of_a_message() -> None:
    """Modern IRC, Message Format"""
    assert Message.parse("@id=234AB :dan!d@localhost PRIVMSG #chan :Hey what's up!") == Message(
        "PRIVMSG", ["#chan", "Hey what's up!"], "dan!d@localhost", {"id": "234AB"}
    )
    assert Message.parse("@a=b  :x   001  y") == Message("001", ["y"], "x", {"a": "b"})
    assert Message.parse("privmsg a b").command == "PRIVMSG"


@pytest.mark.parametrize(
    ("line", "code", "offset"),
    [
        ("PRIVMSG #a :b\rQUIT", 0, 13),
        ("PRIVMSG #a :b\0", 0, 13),
        ("PRIVMSG \u00e9\u00e9 :b\n", 0, 15),
        ("@a=\r PING", 0, 3),
        ("", 421, None),
        (" ", 421, None),
        (":source", 421, None),
        ("@tags", 421, None),
        ("12 x", 421, None),
        ("PRIV-MSG x", 421, None),
        ("\u00c4 x", 421, None),
        ("\ud83d\ude00", 421, None),
    ],
)
def test_what_is_no_message(line: str, code: int, offset: int | None) -> None:
    with pytest.raises(RemoteProtocolError) as told:
        Message.parse(line)
    assert (told.value.code, told.value.offset) == (code, offset)


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        # Modern IRC, Tags; IRCv3 message-tags, Escaping values and Examples
        ("id=123AB;rose", {"id": "123AB", "rose": ""}),
        ("url=;netsplit=tur,ty", {"url": "", "netsplit": "tur,ty"}),
        ("aaa=bbb;ccc;example.com/ddd=eee", {"aaa": "bbb", "ccc": "", "example.com/ddd": "eee"}),
        (r"+example=raw+:=,escaped\:\s\\", {"+example": "raw+:=,escaped; \\"}),
        ("a=test\\", {"a": "test"}),
        (r"a=\b\r\n", {"a": "b\r\n"}),
        (r"a=\\s", {"a": "\\s"}),
        ("a=1;a=2", {"a": "2"}),
        ("", {}),
        (";;a;", {"a": ""}),
        ("=x;+;b\u00e4d=1;ok=\u00e4", {"ok": "\u00e4"}),
    ],
)
def test_tags(text: str, tags: dict[str, str]) -> None:
    assert parse_tags(text) == tags


def test_tags_as_they_are_sent() -> None:
    assert encode_tags({"+example": "raw+:=,escaped; \\\r\n", "a": ""}) == "@+example=raw+:=,escaped\\:\\s\\\\\\r\\n;a "
    assert encode_tags({}) == ""
    for bad in ({"": "x"}, {"a b": "x"}, {"a=": ""}, {"a": "\0"}):
        with pytest.raises(LocalProtocolError):
            encode_tags(bad)


@pytest.mark.parametrize(
    ("message", "line"),
    [
        (Message("QUIT"), b"QUIT\r\n"),
        (Message("JOIN", ["#a"]), b"JOIN #a\r\n"),
        (Message("JOIN", ["#a", "key"]), b"JOIN #a key\r\n"),
        (Message("CAP", ["*", "LS", ""]), b"CAP * LS :\r\n"),
        (Message("MODE", ["#a", ":b"]), b"MODE #a ::b\r\n"),
        (Message("PRIVMSG", ["#a", "b"], "n!u@h"), b":n!u@h PRIVMSG #a :b\r\n"),
        (Message("PART", ["#a"]), b"PART #a\r\n"),
        (Message("PART", ["#a", "bye"]), b"PART #a :bye\r\n"),
        (Message("353", ["ann", "=", "#a", "ann"]), b"353 ann = #a :ann\r\n"),
        (Message("PRIVMSG", ["#a", "\u00e9"], tags={"time": "x", "+y": ""}), b"@time=x;+y PRIVMSG #a :\xc3\xa9\r\n"),
    ],
)
def test_as_it_is_sent(message: Message, line: bytes) -> None:
    assert message.encode() == line
    assert line.endswith(message.body())


@pytest.mark.parametrize(
    "message",
    [
        Message("PRIVMSG", ["#a", "b\r\nQUIT"]),
        Message("PRIVMSG", ["#a", "b\n"]),
        Message("PRIVMSG", ["#a", "b\0"]),
        Message("PRIVMSG", ["#a\r", "b"]),
        Message("PRIVMSG", ["#a"], "n!u@h\r\nX"),
        Message("PRIVMSG", ["#a"], "n u"),
        Message("PRIVMSG", ["#a b", "c"]),
        Message("PRIVMSG", ["", "c"]),
        Message("PRIVMSG", [":a", "c"]),
        Message("PRIVMSG", ["#a", "\ud800"]),
        Message(""),
        Message("PRIV MSG"),
        Message("QUIT\r\n"),
        Message("42"),
        Message("PRIVMSG", ["#a", "b"], tags={"a": "\0"}),
        Message("PRIVMSG", ["#a", "b"], tags={"a b": "c"}),
    ],
)
def test_what_may_not_be_sent(message: Message) -> None:
    with pytest.raises(LocalProtocolError):
        message.encode()


def test_a_long_message_ends_with_a_whole_character() -> None:
    """RFC 1459 2.3: 512 bytes with CR LF; the tags have a room of their own."""
    for text in ("x" * 600, "\u00e9" * 400, "\U0001f600" * 200):
        line = Message("PRIVMSG", ["#lobby", text], "n!u@h", {"+a": "b" * 1000}).encode()
        body = line[line.index(b" ") + 1 :]
        assert 509 <= len(body) <= 512
        assert body.endswith(b"\r\n")
        assert text.startswith(body.decode().split(" :", 1)[1].removesuffix("\r\n"))


# --- there and back

texts = st.text(st.characters(exclude_characters="\r\n\0", codec="utf-8"), max_size=40)
words = texts.map(lambda text: text.replace(" ", "_").lstrip(":")).filter(bool)
keys = st.from_regex(r"\+?[a-z0-9-]{1,8}(/[a-z-]{1,5})?", fullmatch=True)
values = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=20)
messages = st.builds(
    lambda command, middles, last, source, tags: Message(command, middles + last, source, tags),
    st.from_regex("[A-Z]{1,10}|[0-9]{3}", fullmatch=True),
    st.lists(words, max_size=5),
    st.lists(texts, max_size=1),
    st.from_regex(r"([a-z]{1,8}(![a-z]{1,8}@[a-z.]{1,8})?)?", fullmatch=True),
    st.dictionaries(keys, values, max_size=3),
)


@given(messages)
def test_every_message_comes_back(message: Message) -> None:
    line = message.encode()
    assert line.endswith(b"\r\n")
    assert line.count(b"\n") == line.count(b"\r") == 1
    if len(message.body()) < 510:
        assert Message.parse(line.decode().removesuffix("\r\n")) == message


@given(st.text())
def test_reading_never_fails_otherwise(line: str) -> None:
    try:
        message = Message.parse(line)
    except RemoteProtocolError:
        return
    try:
        again = Message.parse(message.encode().decode().removesuffix("\r\n"))
    except LocalProtocolError:
        return
    assert again.command == message.command


# --- sources and text


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("ann!~ann@home.test", Source("ann", "~ann", "home.test")),
        ("irc.home.test", Source("irc.home.test")),
        ("ann@home.test", Source("ann", "", "home.test")),
        ("ann!~ann", Source("ann", "~ann")),
        ("ann!a@b@c", Source("ann", "a", "b@c")),
        ("", Source("")),
    ],
)
def test_sources(text: str, source: Source) -> None:
    assert parse_source(text) == source


def test_a_text_is_split_where_it_reads_best() -> None:
    assert split_text("one two three", 0, 9) == ["one two", "three"]
    assert split_text("onetwothree", 0, 4) == ["onet", "woth", "ree"]
    assert split_text("a\n\nb\r\nc", 10) == ["a", "b", "c"]
    assert split_text("one two", 0, 7) == ["one two"]
    assert split_text("one  two", 0, 5) == ["one", "two"]
    assert split_text("", 10) == []
    with pytest.raises(LocalProtocolError):
        split_text("x", 510)


@given(st.text(st.characters(codec="utf-8")), st.integers(0, 500))
def test_pieces_hold_all_of_a_text_and_arrive_whole(text: str, overhead: int) -> None:
    pieces = split_text(text, overhead)
    assert all(0 < len(piece.encode()) <= 512 - overhead for piece in pieces)
    kept = "".join(text.replace("\r", "").replace("\n", "").split(" "))
    assert "".join(pieces).replace(" ", "") == kept


@given(st.text(st.characters(codec="utf-8")), st.integers(0, 60))
def test_cut(text: str, size: int) -> None:
    short = cut(text, size)
    assert text.startswith(short)
    assert len(short.encode()) <= size
    assert short == text or len(text[: len(short) + 1].encode()) > size


def test_bytes_that_are_no_utf8_are_read_all_the_same() -> None:
    assert decode("caf\u00e9".encode()) == decode("caf\u00e9".encode("latin-1")) == "caf\u00e9"
    assert [ord(char) for char in decode(bytes(range(256)))] == list(range(256))
