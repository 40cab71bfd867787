"""Every byte of IRC explained: edge to edge, and the same as the parser reads."""

from __future__ import annotations

import base64
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wirespeak.errors import RemoteProtocolError
from wirespeak.explanation import Part, as_text, tiles
from wirespeak.irc import isupport
from wirespeak.irc.capabilities import TABLE
from wirespeak.irc.commands import COMMANDS
from wirespeak.irc.explain import Side, conceal, explain
from wirespeak.irc.meanings import FIELDS, FORMATTING, MESSAGES, TOKENS, numeric_meaning
from wirespeak.irc.messages import Message
from wirespeak.irc.numerics import NUMERICS

CLIENT = (
    b"CAP LS 302\r\n"
    b"NICK ann\r\n"
    b"USER ann 0 * :Ann Hu\r\n"
    b"CAP REQ :sasl -batch\r\n"
    b"CAP END\r\n"
    b"JOIN #a,#b\r\n"
    b"@+typing=active;+x=a\\sb TAGMSG #a\r\n"
    b"PRIVMSG #a,bob :\x01ACTION waves \x02hi\x01\r\n"
    b"MODE #a +o-n bob\n"
    b"\r\n"
    b"QUIT\r\n"
)
SERVER = (
    b":irc.home.test CAP * LS :sasl=PLAIN batch\r\n"
    b":irc.home.test 001 ann :Welcome to the Home Network, ann!a@b\r\n"
    b":irc.home.test 005 ann CHANTYPES=# UTF8ONLY :are supported by this server\r\n"
    b"@time=2026-01-01T00:00:00.000Z;msgid=x :bob!~b@h PRIVMSG #a ::-)\r\n"
    b":bob!~b@h JOIN #a bob :Bob B\r\n"
    b":irc.home.test 353 ann = #a :@ann bob\r\n"
    b":irc.home.test 324 ann #a +ntk mellon\r\n"
    b":irc.home.test FAIL JOIN INVALID #x y :No\r\n"
    b"PING :irc.home.test\r\n"
    b"ERROR :Closing Link: h (Quit)\r\n"
)


def said(parts: list[Part], name: str) -> list[str]:
    """The values of the parts of that name."""
    return [part.value for part in parts if part.name == name]


def kinds(parts: list[Part]) -> list[str]:
    return [part.kind for part in parts if part.kind in ("malformed", "missing")]


def test_a_client_is_explained() -> None:
    parts = explain(CLIENT)
    assert tiles(parts, CLIENT)
    assert said(parts, "command") == ["CAP", "NICK", "USER", "CAP", "CAP", "JOIN", "TAGMSG", "PRIVMSG", "MODE", "QUIT"]
    assert said(parts, "channel") == ["#a", "#b"]
    assert said(parts, "capability") == ["sasl", "-batch"]
    assert said(parts, "version") == ["302"]
    assert said(parts, "tag") == ["+typing", "+x"]
    assert said(parts, "tag value") == ["active", "a b"]
    assert said(parts, "CTCP command") == ["ACTION"]
    assert said(parts, "formatting") == ["\x02"]
    assert said(parts, "realname") == ["Ann Hu"]
    assert "+o: is an operator; -n: no longer: only members speak" in [part.meaning for part in parts]
    assert not kinds(parts)


def test_a_server_is_explained() -> None:
    parts = explain(SERVER)
    assert tiles(parts, SERVER)
    assert said(parts, "numeric") == ["001 RPL_WELCOME", "005 RPL_ISUPPORT", "353 RPL_NAMREPLY", "324 RPL_CHANNELMODEIS"]
    assert said(parts, "nickname") == ["bob", "bob"]
    assert said(parts, "host") == ["h", "h"]
    assert said(parts, "account") == ["bob"]
    assert said(parts, "member") == ["@ann", "bob"]
    assert said(parts, "feature") == ["CHANTYPES", "UTF8ONLY"]
    assert said(parts, "feature value") == ["#"]
    assert said(parts, "context") == ["#x", "y"]
    assert said(parts, "mode arguments") == ["mellon"]
    assert [part.group for part in parts][-1] == "message 10: ERROR"
    assert not kinds(parts)


@pytest.mark.parametrize(
    ("data", "side"),
    [
        (b"NICK a\r\n", "client"),
        (b"@+a=b TAGMSG #a\r\n", "client"),
        (b"PING x y\r\n", "client"),
        (b":irc.home.test 001 a :x\r\n", "server"),
        (b"@time=x :a!b@c PRIVMSG #a :b\r\n", "server"),
        (b"PING :abc\r\nNOTICE * :x\r\n", "server"),
        (b"ERROR :x\r\n", "server"),
        (b"", "client"),
    ],
)
def test_which_side_it_is(data: bytes, side: Side) -> None:
    assert explain(data) == explain(data, side)


# --- what breaks the protocol


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"PRIVMSG #a :b\rQUIT", "a CR, LF or NUL"),
        (b"PRIVMSG #a :\0", "a CR, LF or NUL"),
        (b"PRIVMSG #a :\xff", "INVALID_UTF8"),
        (b"123456", "421"),
        (b":only.a.source", "421"),
        (b"X" * 511, "417"),
        (b"@+a=" + b"b" * 4092 + b" TAGMSG #a", "417"),
        (b"@" + b"a" * 5000, "417"),
    ],
)
def test_a_line_that_is_no_message(line: bytes, told: str) -> None:
    data = line + b"\r\nPING x y\r\n"
    parts = explain(data, "client")
    assert tiles(parts, data)
    assert parts[0].kind == "malformed"
    assert data[parts[0].start : parts[0].end] == line
    assert told in parts[0].meaning
    assert said(parts, "command") == ["PING"]


def test_a_command_that_lacks_something() -> None:
    parts = explain(b"KICK #a\r\nUSER x\r\n", "client")
    assert [part.meaning.partition(":")[0] for part in parts if part.kind == "missing"] == ["1 more to come", "3 more to come"]
    assert not kinds(explain(b":a!b@c KICK #a\r\n", "server"))


def test_a_line_that_has_not_come_whole() -> None:
    parts = explain(b"PING x\r\nPRIVMSG #a :hel", "client")
    assert [(part.name, part.kind) for part in parts][-2:] == [("line", "said"), ("missing", "missing")]
    assert kinds(explain(b"")) == ["missing"]


def test_a_browser_and_a_tls_client() -> None:
    assert [part.kind for part in explain(b"GET / HTTP/1.1\r\nNICK a\r\n")] == ["malformed"]
    assert [part.name for part in explain(b"\x16\x03\x01\x02\x00\x01\r\n")] == ["TLS"]


def test_what_a_server_says_may_be_any_bytes() -> None:
    data = b":a!b@c PRIVMSG #a :caf\xe9\r\n"
    parts = explain(data)
    assert tiles(parts, data)
    assert not kinds(parts)


# --- secrets


@pytest.mark.parametrize(
    "line",
    [
        "PASS open-sesame",
        "OPER ann open-sesame",
        "WEBIRC open-sesame gw host 192.0.2.1",
        "REGISTER * * :open-sesame",
        "JOIN #a open-sesame",
        "PRIVMSG NickServ :IDENTIFY ann open-sesame",
        "privmsg nickserv :identify open-sesame",
        "NS IDENTIFY open-sesame",
        "NICKSERV :IDENTIFY ann open-sesame",
        "VERIFY ann open-sesame",
    ],
)
def test_passwords_are_not_shown(line: str) -> None:
    data = f"{line}\r\n".encode()
    parts = explain(data, "client")
    shown = as_text(conceal(data, parts), parts)
    assert "sesame" not in shown
    assert "(not shown)" in shown
    assert shown.count("*") >= len("open-sesame")


def test_a_login_is_not_shown_either() -> None:
    response = base64.b64encode(b"\0ann\0open sesame")
    data = b"AUTHENTICATE PLAIN\r\nAUTHENTICATE " + response + b"\r\nAUTHENTICATE +\r\nAUTHENTICATE *\r\n"
    parts = explain(data, "client")
    hidden = conceal(data, parts)
    assert response not in hidden
    assert hidden.startswith(b"AUTHENTICATE PLAIN\r\n")
    assert hidden.endswith(b"AUTHENTICATE +\r\nAUTHENTICATE *\r\n")


# --- held to the parser

SIDES: list[Side] = ["client", "server"]
pieces = st.sampled_from(
    [
        *(b" ", b"  ", b":", b"@", b";", b"=", b"\\", b"!", b"\r\n", b"\n", b"\r", b"\0", b"\x01", b"\x02", b"\x0304,1", b"\xff", b","),
        *("\u00e9".encode(), b"PRIVMSG", b"#a", b"CAP", b"REQ", b"JOIN", b"353", b"005", b"MODE", b"+o-v", b"NickServ", b"FAIL", b"x"),
        *(b"AUTHENTICATE", b"PLAIN", b"time=1", b"+a", b"ann", b"MONITOR", b"324", b"PASS"),
    ]
)
streams = st.lists(pieces, max_size=25).map(b"".join)


def spoken(parts: list[Part], data: bytes) -> tuple[dict[str, str], str, str]:
    """Tags, source and command of a message, put together from the parts it was taken apart into."""
    tags: dict[str, str] = {}
    source = key = ""
    for part in parts:
        text = data[part.start : part.end].decode("utf-8", "surrogateescape")
        if part.name in ("command", "numeric"):
            return tags, source, text.upper()
        if part.name == "tag":
            key = text
            tags[key] = ""
        elif part.name == "tag value":
            tags[key] = part.value
        elif (part.kind == "said" and part.name != "no tag") or part.name == "exclamation mark" or part.meaning == "the host follows":
            source += text
    raise AssertionError("a message without a command")


@given(streams, st.sampled_from(SIDES))
@example(b"JOIN #a,  :x y\r\n", "client")
@example(b"@a=1;a=2;;b :s  X :\r\n", "server")
def test_edge_to_edge_and_as_the_parser_has_it(stream: bytes, side: Side) -> None:
    parts = explain(stream, side)
    assert tiles(parts, stream)
    as_text(stream, parts)
    lines = stream.split(b"\n")[:-1]
    for number, line in enumerate(lines, 1):
        mine = [part for part in parts if part.group.partition(":")[0] == f"message {number}"]
        try:
            message = Message.parse(line.removesuffix(b"\r").decode("utf-8", "surrogateescape"))
        except RemoteProtocolError:
            assert line.strip(b" \r") == b"" or mine[0].kind == "malformed" or side == "client"
            continue
        if mine[0].kind == "malformed":
            assert side == "client"
            assert b"\xff" in line
            continue
        assert spoken(mine, stream) == (message.tags, message.source, message.command)
        behind = next(part.end for part in mine if part.name in ("command", "numeric"))
        end = next((part.start for part in mine if part.name == "line end"), len(stream))
        assert Message.parse(f"X{stream[behind:end].decode('utf-8', 'surrogateescape')}").params == message.params
        # What stands behind the command, but for what parts it, is what the parser has as parameters.
        inside = "".join(stream[part.start : part.end].decode("utf-8", "surrogateescape") for part in mine if part.start >= behind)
        assert inside.replace(" ", "").replace(":", "").rstrip("\r\n") == "".join(message.params).replace(" ", "").replace(":", "")


@given(st.binary(max_size=300), st.sampled_from(SIDES))
def test_any_bytes_can_be_explained(data: bytes, side: Side) -> None:
    parts = explain(data, side)
    assert tiles(parts, data)
    assert tiles(explain(conceal(data, parts), side), data)


def test_a_long_stream_takes_little_time() -> None:
    data = b"PRIVMSG #a :x\r\n" * 100_000
    begun = time.process_time()
    assert tiles(explain(data), data)
    assert time.process_time() - begun < 5


# --- the words


def test_every_command_has_its_words() -> None:
    assert set(COMMANDS) <= set(MESSAGES)
    for command, rule in COMMANDS.items():
        named = [name for name in MESSAGES[command].client.split(", ") if name]
        needed = [name for name in named if not name.startswith("[") and not name.endswith("...")]
        assert rule.least <= len(named), command
        if rule.least:
            assert rule.least >= len(needed) - 1, command


def test_every_token_that_our_server_tells_has_its_words() -> None:
    told = {token.partition("=")[0] for line in isupport.lines("Home") for token in line}
    assert told <= set(TOKENS)


def test_words_are_words() -> None:
    words = [saying.meaning for saying in MESSAGES.values()] + [*FIELDS.values(), *TOKENS.values(), *FORMATTING.values()]
    assert all(word and word == word.strip() and not word.endswith(".") for word in words)
    assert all(isinstance(numeric_meaning(code), str) for code in NUMERICS)
    assert numeric_meaning("999") != ""
    assert all(row.meaning for row in TABLE.values())
