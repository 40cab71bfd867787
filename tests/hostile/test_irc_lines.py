"""Lines that are no lines: too long, without an end, with bytes that have no place in them; and a browser's (rows 1–4 and 7)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.hostile.irc_wire import Host, Talk, hosting


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with hosting() as host:
        yield host


@pytest.fixture
def ann(host: Host) -> Iterator[Talk]:
    with host.meet("ann", caps="message-tags echo-message") as ann:
        yield ann.joins("#room")
        if not ann.ended:
            ann.says("QUIT")
            ann.last_words()


@pytest.fixture
def bob(host: Host) -> Iterator[Talk]:
    with host.meet("bob", caps="message-tags") as bob:
        yield bob.joins("#room")
        bob.says("QUIT")
        bob.last_words()


# --- 1: tags


@pytest.mark.parametrize("size", [4095, 4096, 5000, 8000, 60_000])
def test_more_than_4094_bytes_of_tags_are_refused_whole(ann: Talk, bob: Talk, size: int) -> None:
    """IRCv3 message-tags, Size limit: 417, and never cut."""
    for command in ("TAGMSG #room", "PRIVMSG #room :x"):
        assert ann.numerics(f"@+a={'b' * (size - 3)} {command}") == ["417"]
    assert not [line for line in bob.asks() if "MSG" in line]


def test_as_many_as_may_be_arrive(ann: Talk, bob: Talk) -> None:
    value = "b" * 4091
    ann.asks(f"@+a={value} PRIVMSG #room :{'x' * 400}")
    (line,) = (line for line in bob.asks() if "PRIVMSG" in line)
    assert f"+a={value}" in line.partition(" ")[0]


def test_many_tags_and_odd_ones(ann: Talk, bob: Talk) -> None:
    """Only those from client to client are handed on; a name that is none, and what only a server may say, isn't."""
    tags = ";".join(f"+t{number}=x" for number in range(300))
    ann.asks(f"@{tags};account=root;time=1970-01-01T00:00:00.000Z;msgid=mine;label=;+bad name TAGMSG #room")
    ann.asks("@account=root;time=1970-01-01T00:00:00.000Z;msgid=mine;+=x;++y;;;+ok TAGMSG #room")
    line = [line for line in bob.asks() if "TAGMSG" in line][-1]
    told = line.partition(" ")[0]
    assert "+ok" in told
    assert not any(bad in told for bad in ("root", "1970", "mine", "+=", "++y"))


# --- 2: a line without an end


def test_a_line_without_an_end(host: Host, ann: Talk) -> None:
    with host.connect() as wire:
        sent = 0
        while sent < 64 << 20 and wire.try_send(b"x" * 65536):
            sent += 65536
        assert sent < 32 << 20
        assert wire.ends() in ("finished", "cut off")


def test_a_byte_now_and_then(host: Host) -> None:
    with host.connect() as wire:
        for byte in b"NICK slow\r\nUSER s 0 * :s\r\n":
            wire.send(bytes([byte]))
        assert wire.until(" 001 ")


# --- 3: 512 bytes


@pytest.mark.parametrize("size", [511, 513, 600, 4000, 20_000])
def test_a_line_that_is_too_long_is_refused(ann: Talk, bob: Talk, size: int) -> None:
    head = "PRIVMSG #room :"
    assert ann.numerics(head + "x" * (size - len(head))) == ["417"]
    assert not [line for line in bob.asks() if "PRIVMSG" in line]


def test_with_the_source_in_front_it_ends_with_a_whole_character(ann: Talk, bob: Talk) -> None:
    head = "PRIVMSG #room :"
    for text in ("\u00e9" * 247, "\U0001f600" * 123, "a" + "\u4e2d" * 164):
        assert len((head + text).encode()) <= 510
        ann.asks(head + text)
        (line,) = (line for line in bob.asks() if "PRIVMSG" in line)
        came = line.partition("PRIVMSG #room :")[2]
        assert text.startswith(came)
        assert len(line.partition(" ")[2].encode()) > 480


@pytest.mark.parametrize(
    "command", ["TOPIC #room :", "PART #room :", "QUIT :", "AWAY :", "KICK #room bob :", "NICK ", "JOIN #", "WHO ", "MODE #room +b "]
)
def test_nothing_makes_a_line_that_is_too_long(host: Host, command: str) -> None:
    """Whatever a line of the server is made of, it is 512 bytes at most (`Talk.line` looks)."""
    with host.meet("cat") as cat, host.meet("bob") as bob:
        cat.joins("#room")
        bob.joins("#room")
        cat.says(command + "\u00e9" * ((509 - len(command)) // 2))
        if command.startswith("QUIT"):
            cat.last_words()
        else:
            cat.asks()
        bob.asks("NAMES #room", "WHO #room", "WHOIS cat", "TOPIC #room", "MODE #room b", "LIST", "WHOWAS cat")
        for talk in (bob, cat):
            if not talk.ended:
                talk.says("QUIT")
                talk.last_words()


# --- 4: bytes that have no place in a line


@pytest.mark.parametrize("bad", [b"\r", b"\0", b"x\rQUIT :gone\r", b"\0\0\0", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"])
@pytest.mark.parametrize(
    "line", [b"PRIVMSG #room :a%bb", b"TOPIC #room :a%bb", b"@+t=a%bb TAGMSG #room", b"AWAY :a%bb", b"NICK a%bb", b"JOIN #a%bb"]
)
def test_such_a_line_is_never_relayed(ann: Talk, bob: Talk, line: bytes, bad: bytes) -> None:
    ann.asks(line % bad)
    heard = bob.asks("TOPIC #room", "WHOIS ann")
    assert not [one for one in heard if "MSG" in one or " AWAY" in one or " 332 " in one or " 301 " in one or "QUIT" in one]
    assert ann.asks("PRIVMSG #room :fine")
    assert [one for one in bob.asks() if one.endswith("PRIVMSG #room :fine")]


def test_what_is_no_utf8_is_told_so(ann: Talk) -> None:
    """IRCv3 utf8only"""
    (line,) = ann.asks(b"PRIVMSG #room :\xff")
    assert line.startswith(":irc.home.test FAIL PRIVMSG INVALID_UTF8 :")


def test_lf_alone_ends_a_line(ann: Talk, bob: Talk) -> None:
    ann.send(b"PRIVMSG #room :one\nPRIVMSG #room :two\n\n\r\n  \r\n")
    ann.asks()
    assert [line.rpartition(":")[2] for line in bob.asks() if "PRIVMSG" in line] == ["one", "two"]


# --- 7: a web page in the user's own browser


@pytest.mark.parametrize(
    "request_line",
    [
        "POST / HTTP/1.1",
        "GET /?x HTTP/1.1",
        "PUT /NICK HTTP/1.1",
        "OPTIONS * HTTP/1.1",
        "CONNECT irc:6667 HTTP/1.1",
        "PRI * HTTP/2.0",
        "HEAD / HTTP/1.0",
    ],
)
def test_an_http_request_is_dropped_without_a_word(host: Host, ann: Talk, request_line: str) -> None:
    with host.connect() as wire:
        wire.says(request_line, "Host: localhost:6667", "", "NICK web", "USER w 0 * :w", "JOIN #room", "PRIVMSG #room :hacked")
        wire.try_send(b"PRIVMSG #room :hacked\r\n" * 100)
        wire.ends()
        assert bytes(wire.received) == b""
    assert not [line for line in ann.asks("WHOIS web") if "hacked" in line or " 311 " in line]
